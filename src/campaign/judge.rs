//! The checks a protocol's claims call for, with the oracle beside them: a whole run in, a verdict out.

use crate::base::Time;
use crate::check::{Account, Checks, Claim, Claims, Ledger, Verdict};
use crate::scenario::{Operator, SinkMode};
use crate::trace::{Event, EventKind, Observer};
use crate::workload::Oracle;
use crate::world::Job;
use std::sync::Arc;

/// Judges runs of a job, online or over saved and forged traces.
pub struct Judge {
    job: Arc<Job>,
    checks: Checks,
    oracle: Oracle,
    ledger: Ledger,
    /// How far sources got, by operator and partition from its first one.
    emitted: Vec<Vec<u64>>,
    /// Each operator's first partition.
    first: Vec<u32>,
    drained: bool,
}

impl Judge {
    /// A judge for runs of this job.
    pub fn new(job: Arc<Job>) -> Self {
        let logs = &job.workload.logs;
        Self {
            checks: Checks::for_claims(
                Arc::clone(&job.plan),
                &job.scenario.network,
                job.settings.tolerable_failures,
                claims(&job),
            ),
            oracle: Oracle::new(&job.plan),
            ledger: Ledger::new(&job.plan),
            emitted: logs.iter().map(|log| vec![0; log.as_ref().map_or(0, |log| log.partitions as usize)]).collect(),
            first: logs.iter().map(|log| log.as_ref().map_or(0, |log| log.first_partition)).collect(),
            drained: false,
            job,
        }
    }

    /// The verdict on the run that was just seen to its end; `seed` is the one its records were made from.
    pub fn verdict(&mut self, seed: u64) -> Verdict {
        let (emitted, first) = (&self.emitted, &self.first);
        let expected = self.drained.then(|| {
            self.oracle.evaluate(&self.job.workload, seed, |operator, partition| {
                emitted[operator][(partition - first[operator]) as usize]
            })
        });
        if let Some(expected) = expected {
            self.ledger.close(expected);
        }
        self.checks.finish(expected)
    }

    /// How many records are too many or too few, whatever the protocol claims; `None` if the run did not drain.
    pub fn accounts(&self) -> Option<&[Account]> {
        self.ledger.accounts()
    }

    /// The checks with what they found.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// For the next run.
    pub fn reset(&mut self) {
        self.checks.reset();
        self.ledger.reset();
        self.drained = false;
    }

    #[cold]
    fn note_end(&mut self, event: &Event) {
        match *event {
            Event::SourceFinal { operator, partition, emitted, .. } => {
                self.emitted[operator.index()][(partition - self.first[operator.index()]) as usize] = emitted;
            }
            Event::RunEnded { drained } => self.drained = drained == 1,
            _ => self.ledger.event(event),
        }
    }
}

impl Observer for Judge {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.checks.event(at, event);
        match event.kind() {
            EventKind::SourceFinal | EventKind::StateFinal | EventKind::OutputFinal | EventKind::RunEnded => {
                self.note_end(event);
            }
            _ => {}
        }
    }
}

/// What a protocol promises for this very job. Of records that sources cannot read again it promises nothing; of output
/// that waits for checkpoints, only if there are some: how much a sink owes beyond that depends on how its output gets
/// outside, and is the checks' business.
fn claims(job: &Job) -> Claims {
    let promised = job.protocol.claims();
    // Without checkpoints nothing is ever committed before the job ends, and its tasks do not end as one.
    let waits = |op: &Operator| op.kind == "sink" && matches!(op.sink, SinkMode::TwoPhase | SinkMode::Committables);
    let committed = job.settings.interval.is_some() || !job.scenario.job.operators.iter().any(waits);
    let mut claims = Vec::new();
    claims.extend(promised.coordinated.then_some(Claim::Coordinated));
    if promised.coordinated_cut {
        let saves_buffers = job.protocol.needs().channel_state;
        claims.push(if saves_buffers { Claim::SavedBuffers } else { Claim::CoordinatedCut });
    }
    let state = job.guarantee().state;
    let (once, output) = match state.may_double {
        false => (Claim::ExactlyOnceState, Claim::ExactlyOnceOutput),
        true => (Claim::AtLeastOnceState, Claim::AtLeastOnceOutput),
    };
    claims.extend((!state.may_lose).then_some(once));
    claims.extend((!state.may_lose && committed).then_some(output));
    Claims::of(&claims)
}
