//! How late output can be seen outside, and what became of transactions.
//!
//! A piece of output is what one transaction holds. It is written between two instants: when its transaction was opened
//! and when it was prepared. From the first to the instant at which it can be seen is how long its oldest record waits at
//! most ([`Visibility::oldest`]); from the second, how long every record of it waits at least. The latter is what is
//! summed up by records.

use crate::base::{Span, TaskId, Time};
use crate::trace::Event;

/// What became of the transactions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visibility {
    /// Transactions that were committed.
    pub committed: u64,
    /// Transactions that were aborted, whatever for.
    pub aborted: u64,
    /// Transactions that were aborted because they were too old.
    pub expired: u64,
    /// Records that were to be committed and had been aborted.
    pub lost: u64,
    /// The longest time from the opening of a transaction until its output could be seen.
    pub oldest: Option<Span>,
    /// By piece of output: from its preparation until it could be seen, and how many records it has.
    pieces: Vec<(Span, u64)>,
    /// Transactions under way: whose, which, when opened, when prepared.
    open: Vec<(TaskId, u64, Time, Time)>,
    /// Transactions that were told to be lost.
    told: Vec<(TaskId, u64)>,
}

impl Visibility {
    /// Takes the next event.
    pub(super) fn event(&mut self, at: Time, event: &Event) {
        match *event {
            Event::TransactionOpened { task, transaction, .. } => {
                self.open.push((task, transaction, at, Time::NEVER));
            }
            Event::TransactionPrepared { task, transaction, .. } => {
                if let Some(found) = self.open.iter_mut().find(|t| (t.0, t.1) == (task, transaction)) {
                    found.3 = at;
                }
            }
            Event::TransactionCommitted { task, transaction, records, .. } => {
                self.committed += 1;
                if let Some((opened, prepared)) = self.close(task, transaction) {
                    self.oldest = self.oldest.max(Some(at.since(opened)));
                    self.pieces.push((at.since(prepared.min(at)), records));
                }
            }
            Event::TransactionAborted { task, transaction, late, .. } => {
                self.aborted += 1;
                self.expired += u64::from(late);
                self.close(task, transaction);
            }
            Event::TransactionRefused { task, transaction, records, .. }
                if records > 0 && !self.told.contains(&(task, transaction)) =>
            {
                self.told.push((task, transaction));
                self.lost += records;
            }
            _ => {}
        }
    }

    fn close(&mut self, task: TaskId, transaction: u64) -> Option<(Time, Time)> {
        let at = self.open.iter().position(|t| (t.0, t.1) == (task, transaction))?;
        let (_, _, opened, prepared) = self.open.swap_remove(at);
        Some((opened, prepared))
    }

    /// The shortest, the median and the longest time from the preparation of a record's transaction until the record
    /// could be seen; half of the records waited no longer than the median.
    pub fn spread(&self) -> Option<[Span; 3]> {
        let mut pieces: Vec<(Span, u64)> = self.pieces.iter().copied().filter(|(_, records)| *records > 0).collect();
        pieces.sort_unstable();
        let all: u64 = pieces.iter().map(|(_, records)| records).sum();
        let mut seen = 0;
        let median = pieces.iter().find(|(_, records)| {
            seen += records;
            seen * 2 >= all
        });
        Some([pieces.first()?.0, median?.0, pieces.last()?.0])
    }

    pub(super) fn reset(&mut self) {
        let (mut pieces, mut open) = (std::mem::take(&mut self.pieces), std::mem::take(&mut self.open));
        pieces.clear();
        open.clear();
        *self = Self { pieces, open, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CheckpointId, OperatorId};

    #[test]
    fn waits_are_weighted_by_records() {
        let (task, operator, checkpoint, lineage) = (TaskId(0), OperatorId(0), CheckpointId(1), 0);
        let mut seen = Visibility::default();
        // Opened, prepared and committed at these instants, with so many records.
        for (transaction, (opened, prepared, committed, records)) in
            (1..).zip([(0, 10, 15, 5), (10, 20, 50, 1), (20, 30, 31, 2)])
        {
            seen.event(Time(opened), &Event::TransactionOpened { task, operator, transaction });
            let event = Event::TransactionPrepared { task, operator, transaction, checkpoint, records, lineage };
            seen.event(Time(prepared), &event);
            let event = Event::TransactionCommitted { task, operator, transaction, checkpoint, records, lineage };
            seen.event(Time(committed), &event);
        }
        assert_eq!(seen.spread(), Some([Span(1), Span(5), Span(30)]));
        assert_eq!((seen.oldest, seen.committed), (Some(Span(40)), 3));
    }

    #[test]
    fn what_is_refused_again_and_again_is_lost_once() {
        let (task, operator, checkpoint, lineage, transaction) = (TaskId(0), OperatorId(0), CheckpointId(1), 0, 1);
        let mut seen = Visibility::default();
        seen.event(Time(0), &Event::TransactionAborted { task, operator, transaction, late: 1 });
        for at in [1, 2] {
            let event = Event::TransactionRefused { task, operator, transaction, checkpoint, records: 7, lineage };
            seen.event(Time(at), &event);
        }
        assert_eq!((seen.lost, seen.expired, seen.spread()), (7, 1, None));
    }
}
