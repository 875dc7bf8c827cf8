//! What a sink's output owes, by the way in which it gets outside.
//!
//! | output | state exactly once | state at least once |
//! |---|---|---|
//! | plain | at least once | at least once |
//! | idempotent | exactly once | exactly once: what is written again changes nothing |
//! | two-phase, committables | exactly once | at least once |
//! | offsets | exactly once | exactly once: no barrier is between a source and its sink |
//!
//! Two things void *exactly once* for sinks that wait for a checkpoint. What the external system aborted for its age,
//! after it was prepared and promised, is lost, and nothing else ([`Excuse`]). And where a snapshot could not be read and
//! the job went back behind what was committed, records come out a second time: then only *at least once* is left.

use crate::scenario::SinkMode;

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

    /// Whether going back behind what was committed makes a difference.
    pub(super) fn is_voided_by_going_back(mode: Option<SinkMode>) -> bool {
        matches!(mode, Some(SinkMode::TwoPhase | SinkMode::Committables) | None)
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
