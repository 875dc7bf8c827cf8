//! What a sink's output owes, by the way in which it gets outside.
//!
//! | output | state exactly once | state at least once |
//! |---|---|---|
//! | plain | at least once | at least once |
//! | idempotent | exactly once | exactly once: what is written again changes nothing |
//! | two-phase, committables | exactly once | at least once |
//! | offsets | exactly once | exactly once: no barrier is between a source and its sink |
//!
//! Sinks that do not wait for a checkpoint show what has been read, not what is read in the end: where a source went
//! back and was then stopped before it had come as far again, they show more than the job has done ([`Reach`]).
//!
//! Two things void *exactly once* for sinks that wait for a checkpoint. What the external system aborted for its age,
//! after it was prepared and promised, is lost, and nothing else ([`Excuse`]). And where a snapshot could not be read and
//! the job went back behind what was committed, records come out a second time: then only *at least once* is left.

use crate::base::Fingerprint;
use crate::scenario::SinkMode;
use crate::trace::Event;

/// How often each result must be visible at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    Exactly,
    AtLeast,
}

impl Promise {
    /// What a sink owes; `exact`: the state counts every record once.
    pub(super) fn of(mode: Option<SinkMode>, exact: bool) -> Self {
        match mode {
            Some(SinkMode::Plain) => Self::AtLeast,
            Some(SinkMode::Idempotent | SinkMode::Offsets) => Self::Exactly,
            Some(SinkMode::TwoPhase | SinkMode::Committables) | None if exact => Self::Exactly,
            _ => Self::AtLeast,
        }
    }

    /// Whether output is shown that a checkpoint need not cover.
    pub(super) fn is_ahead(mode: Option<SinkMode>) -> bool {
        matches!(mode, Some(SinkMode::Idempotent | SinkMode::Offsets))
    }

    /// Whether going back behind what was committed makes a difference.
    pub(super) fn is_voided_by_going_back(mode: Option<SinkMode>) -> bool {
        matches!(mode, Some(SinkMode::TwoPhase | SinkMode::Committables) | None)
    }
}

/// How far sources have ever read, beside how far they got in the end.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    ever: Vec<u64>,
    at_end: Vec<u64>,
}

impl Reach {
    pub(super) fn new(tasks: usize) -> Self {
        Self { ever: vec![0; tasks], at_end: vec![0; tasks] }
    }

    /// Takes the next event about a source.
    pub(super) fn event(&mut self, event: &Event) {
        match *event {
            Event::SourceRewound { task, from, .. } => {
                let ever = &mut self.ever[task.index()];
                *ever = from.max(*ever);
            }
            Event::SourceFinal { task, emitted, .. } => self.at_end[task.index()] += emitted,
            _ => {}
        }
    }

    /// A source has not come as far again as it had been.
    pub(super) fn falls_short(&self) -> bool {
        self.ever.iter().zip(&self.at_end).any(|(ever, at_end)| at_end < ever)
    }

    pub(super) fn reset(&mut self) {
        self.ever.fill(0);
        self.at_end.fill(0);
    }

    pub(super) fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.ever.iter().copied());
        into.words(self.at_end.iter().copied());
    }
}

/// What was lost with the knowledge of whoever asked for the output to be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Excuse {
    pub records: u64,
    pub lineage: u64,
}

impl Excuse {
    pub(super) fn add(&mut self, records: u64, lineage: u64) {
        self.records += records;
        self.lineage = self.lineage.wrapping_add(lineage);
    }

    /// What is due besides.
    pub(super) fn from(self, (records, lineage): (u64, u64)) -> (u64, u64) {
        (records.saturating_sub(self.records), lineage.wrapping_sub(self.lineage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_sinks_promise_little_and_idempotent_ones_much() {
        let all = |exact| {
            use SinkMode::{Committables, Idempotent, Offsets, Plain, TwoPhase};
            [Plain, Idempotent, TwoPhase, Committables, Offsets].map(|mode| Promise::of(Some(mode), exact))
        };
        use Promise::{AtLeast, Exactly};
        assert_eq!(all(true), [AtLeast, Exactly, Exactly, Exactly, Exactly]);
        assert_eq!(all(false), [AtLeast, Exactly, AtLeast, AtLeast, Exactly]);
    }
}
