//! Which operators can be held against the oracle.
//!
//! The oracle knows what must come out if nothing depends on what happens. What comes of windows and joins over time depends
//! on nothing else than the records, as long as each counts once and none is late; what a timeout sends depends on the
//! clock. And a job that is suspended leaves windows open: what comes of them comes when it goes on.
//!
//! A job that is drained is told that nothing will come any more, and its windows give what they have. If the savepoint
//! that it should have ended with becomes a restore point, because nobody heard that it was complete, it goes on behind
//! that: windows that were over are opened again. In Flink, too: a job that was drained is not to be resumed.

use super::{Claim, Setting};
use crate::base::{CheckpointId, Fingerprint};
use crate::plan::{Inflow, Plan};
use crate::scenario::SinkMode;
use crate::trace::Event;

#[derive(Clone, Debug, Default)]
pub(super) struct Confluence {
    /// By operator: what it gets.
    inflows: Vec<Inflow>,
    /// Every record counts once, and no task goes back alone behind what others heard of it.
    is_exact: bool,
    /// Windows are still open at the end.
    open: bool,
    /// Savepoints for which the job was drained.
    drains: Vec<CheckpointId>,
    /// It went on from one of them.
    resumed: bool,
    /// It went back after it had been drained.
    undone: bool,
}

/// [`Event::CheckpointTriggered`]'s purpose: the job is to end with it for good.
const DRAIN: u32 = 3;

impl Confluence {
    pub fn new(setting: &Setting<'_>) -> Self {
        let is_exact = setting.claims.holds(Claim::ExactlyOnceState) && setting.claims.holds(Claim::Coordinated);
        Self { is_exact, ..Self::of(setting.plan) }
    }

    /// For whoever counts how much is doubled, whatever is claimed.
    pub fn of(plan: &Plan) -> Self {
        Self { inflows: plan.operators.iter().map(|op| op.inflow).collect(), is_exact: true, ..Self::default() }
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        match *event {
            Event::WindowsFinal { open, .. } => self.open |= open > 0,
            Event::CheckpointTriggered { checkpoint, purpose: DRAIN } => self.drains.push(checkpoint),
            Event::RestorePoint { checkpoint, live: 0, .. } => {
                self.resumed |= self.drains.contains(&checkpoint);
                self.undone |= !self.drains.is_empty();
            }
            _ => {}
        }
    }

    /// Whether what a sink showed is what the oracle says: one that shows everything at once has shown what a job gave that
    /// was drained and then went back.
    pub fn holds_outside(&self, operator: usize, mode: Option<SinkMode>) -> bool {
        let is_same = self.inflows.get(operator).is_none_or(|inflow| *inflow == Inflow::Same);
        self.holds(operator) && (is_same || !self.undone || mode.is_some_and(SinkMode::commits))
    }

    /// Whether nobody was told that nothing would come any more, and then something came.
    pub fn is_told_the_truth(&self) -> bool {
        !self.resumed
    }

    /// Whether what an operator got at the end of a run is what the oracle says.
    pub fn holds(&self, operator: usize) -> bool {
        match self.inflows.get(operator) {
            Some(Inflow::Timely) => self.is_exact && !self.open && !self.resumed,
            Some(Inflow::Open) => false,
            Some(Inflow::Same) | None => true,
        }
    }

    pub fn reset(&mut self) {
        (self.open, self.resumed, self.undone) = (false, false, false);
        self.drains.clear();
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(u64::from(self.open) << 2 | u64::from(self.resumed) << 1 | u64::from(self.undone));
        into.words(self.drains.iter().map(|drain| drain.0));
    }
}
