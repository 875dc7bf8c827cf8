//! Sinks of all kinds, the systems they write to, and what goes wrong there.
//!
//! Nothing here voids what sinks promise: transactions have no timeout, and none is made too old.

use super::{Dice, Limits};
use crate::base::{Concern, Draws, Place, Span};
use crate::scenario::{
    Assignment, Edge, Effect, ExternalFault, ExternalMishap, Fault, Job, Operator, Partitioner, Scenario, SinkMode,
    Source, When,
};
use crate::trace::{EventKind, Predicate};

/// The same scenario, where output gets outside in other ways, and commits meet with mishaps.
pub(super) fn with_sinks(seed: u64, limits: &Limits, length: Span, mut scenario: Scenario) -> Scenario {
    if !limits.outside {
        return scenario;
    }
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 5), next: 0 };
    let dice = &mut dice;
    let may_hand_on = limits.any_edge && limits.mixed && !scenario.job.edges.iter().any(|edge| edge.feedback);
    let coordinated = limits.coordinated;
    // How far a stop cuts what such a sink had shown is not told of splits.
    let splits = |source: &Source| source.assignment == Assignment::Dynamic;
    let has_splits = scenario.job.operators.iter().any(|op| op.source.as_ref().is_some_and(splits));
    for at in 0..scenario.job.operators.len() {
        if scenario.job.operators[at].kind != "sink" {
            continue;
        }
        let chained = is_chained_to_source(&scenario.job, &scenario.job.operators[at]);
        let mode = match dice.roll(6) {
            0 => SinkMode::Plain,
            1 if !has_splits => SinkMode::Idempotent,
            2 | 3 if chained => SinkMode::Offsets,
            2 | 3 if may_hand_on && coordinated => SinkMode::Committables,
            _ => SinkMode::TwoPhase,
        };
        scenario.job.operators[at].sink = mode;
        if mode == SinkMode::Committables {
            add_committer(dice, limits, &mut scenario.job, at);
        }
    }
    if dice.chance(40) {
        let latency = Span::from_micros(dice.from(1, 1_500));
        // Where nobody waits for anybody, a sink that commits for longer than a snapshot takes to come does nothing else.
        let most =
            if coordinated { latency } else { scenario.checkpoints.interval.map_or(latency, |span| Span(span.0 / 8)) };
        scenario.external.latency = latency.min(most);
    }
    let faults = limits.faults.max(limits.wild);
    for n in 0..dice.from(0, u64::from(faults)) {
        let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 64 + n), next: 0 };
        scenario.faults.extend(random_fault(&mut dice, length, &scenario));
    }
    scenario
}

fn is_chained_to_source(job: &Job, operator: &Operator) -> bool {
    let before = job.edges.iter().find(|edge| edge.to == operator.id && edge.chained);
    let sender = before.and_then(|edge| job.operators.iter().find(|op| op.id == edge.from));
    let repeats = |source: &Source| source.assignment == Assignment::Static;
    sender.is_some_and(|sender| sender.source.as_ref().is_some_and(repeats) || is_chained_to_source(job, sender))
}

fn add_committer(dice: &mut Dice, limits: &Limits, job: &mut Job, sink: usize) {
    let sink = job.operators[sink].clone();
    let parallelism = dice.from(1, u64::from(limits.parallelism)) as u32;
    let committer = Operator {
        id: format!("commit-{}", sink.id),
        kind: "committer".into(),
        parallelism,
        sink: SinkMode::TwoPhase,
        ..sink.clone()
    };
    let by = match parallelism == sink.parallelism {
        true => dice.pick(&[Partitioner::Forward, Partitioner::Rebalance]),
        false => dice.pick(&[Partitioner::Rebalance, Partitioner::Rescale, Partitioner::Global]),
    };
    job.edges.push(Edge {
        from: sink.id,
        to: committer.id.clone(),
        by,
        chained: false,
        feedback: false,
        overtaking: true,
        place: Place::default(),
    });
    job.operators.push(committer);
}

fn random_fault(dice: &mut Dice, length: Span, scenario: &Scenario) -> Option<Fault> {
    let sinks: Vec<&Operator> =
        scenario.job.operators.iter().filter(|op| op.kind == "sink" && op.sink.commits()).collect();
    let sink = *sinks.get(dice.roll(sinks.len() as u64) as usize)?;
    const KINDS: &[EventKind] = &[
        EventKind::TransactionOpened,
        EventKind::TransactionPrepared,
        EventKind::TransactionCommitted,
        EventKind::CheckpointCompleted,
        EventKind::CompleteReceived,
        EventKind::JobRestarting,
        EventKind::ProducerFenced,
    ];
    let when = match dice.chance(35) {
        true => When::At(Span(dice.roll(length.0))),
        false => When::On(Predicate { nth: dice.from(1, 5), ..Predicate::first(dice.pick(KINDS)) }),
    };
    let does = match dice.roll(4) {
        0 => ExternalMishap::Down(Span::from_micros(dice.from(10, 8_000))),
        1 => ExternalMishap::LoseCommit,
        2 => ExternalMishap::LoseReply,
        _ => ExternalMishap::FailWrite,
    };
    let effect = Effect::External(ExternalFault { of: sink.id.clone(), does });
    Some(Fault { when, effect, place: Place::default() })
}
