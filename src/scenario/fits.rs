//! What must hold between a phase and the one before: state can go where it belongs, and logs are the same.

use super::operator::KINDS;
use super::{Assignment, Origin, Phase, Request, Scenario, SinkMode, Take};
use crate::base::Problem;

/// Whether a job can go on as this phase from what is saved of the one before.
pub(super) fn fits(before: &Scenario, phase: &Phase) -> Result<(), Problem> {
    let at = |what: String, allowed: &str| Err(Problem::at(phase.place.clone(), what, allowed));
    let after = &phase.scenario;
    let stops = |request: &Request| matches!(request.take, Take::Savepoint | Take::Suspend | Take::Drain);
    if phase.from == Origin::Savepoint && !before.checkpoints.requests.iter().any(stops) {
        let allowed = "ask for one in `checkpoints.requests` of the phase before, or go on \"from\": \"checkpoint\"";
        return at("the phase before takes no savepoint".to_owned(), allowed);
    }
    if phase.from == Origin::Checkpoint && before.checkpoints.interval.is_none() {
        return at(
            "the phase before takes no checkpoints by itself".to_owned(),
            "give it a `checkpoints.interval`, or go on from a savepoint",
        );
    }
    if before.job.max_parallelism != after.job.max_parallelism {
        let (old, new) = (before.job.max_parallelism, after.job.max_parallelism);
        return at(
            format!("state in {old} key groups cannot be shared out in {new}"),
            "set `job.max_parallelism` to the same in all phases",
        );
    }
    let mut operators = before.job.operators.iter().chain(&after.job.operators);
    if let Some(operator) = operators.find(|of| of.over_time.is_some()) {
        let found = format!("{:?} is a {}, which keeps records until a time has come", operator.id, operator.kind);
        return at(found, "leave windows, joins over time and timeouts out of jobs with phases");
    }
    for old in &before.job.operators {
        let new = after.job.operators.iter().find(|new| new.id == old.id);
        let keeps = old.source.is_some() || KINDS.keyed(&old.kind) || old.kind == "sink";
        match new {
            None if keeps && !phase.drops_state => {
                return at(
                    format!("operator {:?} is gone, and its state with it", old.id),
                    "keep its id, or say \"drop_state\": true",
                );
            }
            Some(new) if new.kind != old.kind => {
                let found = format!("operator {:?} was a {} and is a {}", old.id, old.kind, new.kind);
                return at(found, "give an operator of another kind another id");
            }
            _ => {}
        }
        let counts = old.kind == "sink" && old.sink == SinkMode::Offsets && phase.from == Origin::Checkpoint;
        if new.is_some_and(|new| counts && new.parallelism != old.parallelism) {
            let found = format!(
                "sink {:?} has written more than its checkpoint says, and nobody knows of which offsets",
                old.id
            );
            return at(found, "leave its parallelism as it is, or go on from a savepoint");
        }
        for (name, source) in [("before", old.source.as_ref()), ("after", new.and_then(|new| new.source.as_ref()))] {
            if source.is_some_and(|source| source.assignment == Assignment::Dynamic) {
                let found = format!("source {:?} hands out its partitions {name} the change", old.id);
                return at(found, "use \"assignment\": \"static\" in jobs with phases");
            }
        }
        if let (Some(old_log), Some(new_log)) = (&old.source, new.and_then(|new| new.source.as_ref())) {
            let same = (old_log.partitions, old_log.records, old_log.keys, old_log.size)
                == (new_log.partitions, new_log.records, new_log.keys, new_log.size);
            if !same {
                let found = format!("source {:?} reads another log than before", old.id);
                return at(found, "leave its partitions, records, keys and size as they are");
            }
        }
    }
    Ok(())
}
