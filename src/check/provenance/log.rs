//! What one operator in one task applied, all of it, and which part of it counts.
//!
//! Nothing is ever taken out. State is a list of [`Pieces`] of the log: a restore goes back to the pieces that a snapshot
//! had, and what is applied from then on is a new piece. So a record that was rolled back is still there to be told of,
//! and a restore may go anywhere: to an older snapshot than the newest, or to one of a history that was given up.

use super::story::Fate;
use crate::base::{CheckpointId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A record that was applied.
#[derive(Clone, Copy, Debug)]
struct Entry {
    lineage: u64,
    at: Time,
    /// By an attempt that had been given up: to be seen outside at most, and in no state.
    stray: bool,
}

/// So many records with this sum of lineages, as events tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub records: u64,
    pub lineage: u64,
}

/// Parts of a log, by position, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pieces(Vec<Range<usize>>);

impl Pieces {
    fn len(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    /// Adds the next position of the log.
    fn push(&mut self, at: usize) {
        match self.0.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => self.0.push(at..at + 1),
        }
    }

    /// What is between two counts of records.
    fn slice(&self, from: usize, to: usize) -> Self {
        let (mut before, mut parts) = (0, Vec::new());
        for range in &self.0 {
            let (first, last) = (from.max(before), to.min(before + range.len()));
            if first < last {
                parts.push(range.start + first - before..range.start + last - before);
            }
            before += range.len();
        }
        Self(parts)
    }

    /// One after the other.
    fn joined<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        Self(all.flat_map(|pieces| pieces.0.iter().cloned()).collect())
    }

    fn contains(&self, at: usize) -> bool {
        self.0.iter().any(|range| range.contains(&at))
    }

    fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().cloned().flatten()
    }
}

/// The log of an operator in a task.
#[derive(Clone, Debug)]
pub(super) struct Log {
    entries: Vec<Entry>,
    /// What state reflects.
    current: Pieces,
    /// What it reflected when it was captured, the newest of each number.
    cuts: BTreeMap<CheckpointId, Pieces>,
    restores: Vec<Restore>,
    /// Of a sink that commits: how much of `current` is older than what it holds open.
    closed: usize,
    /// Of a sink that commits: what it closed, for which checkpoint, oldest first.
    held: Vec<(CheckpointId, Pieces)>,
    /// Of a sink that commits: what it wrote to each transaction, by number, whether it counts or not.
    written: BTreeMap<u64, Pieces>,
    /// What the external system commits right now, and whether for an attempt that had been given up.
    committed: Option<(u64, bool)>,
    /// Transactions that were aborted: when, which, and how.
    aborted: Vec<(Time, u64, Fate)>,
    /// Of a sink that writes at once: how much of `entries` it told to be visible.
    told: usize,
    /// What attempts that had been given up wrote at once, and was not told to be visible.
    strays: Pieces,
    shown: Vec<Shown>,
    /// What was prepared, and what the external system had aborted when it was to be committed.
    marks: Vec<(Time, Fate, Pieces)>,
    /// State has no sum of lineages: what a source emits is known by its position.
    is_source: bool,
    /// Records that are told of and not known, at least: in state, outside.
    pub unknown: (u64, u64),
}

#[derive(Clone, Debug)]
struct Restore {
    at: Time,
    checkpoint: CheckpointId,
    /// How many records had been applied.
    applied: usize,
    /// What counted before, and what did from then on.
    before: Pieces,
    after: Pieces,
}

#[derive(Clone, Debug)]
struct Shown {
    at: Time,
    checkpoint: CheckpointId,
    /// Of a sink that commits: in which transaction it was.
    transaction: Option<u64>,
    /// An attempt that had been given up committed it.
    stray: bool,
    pieces: Pieces,
}

impl Log {
    pub fn new(is_source: bool) -> Self {
        Self {
            entries: Vec::new(),
            current: Pieces::default(),
            cuts: BTreeMap::new(),
            restores: Vec::new(),
            closed: 0,
            held: Vec::new(),
            written: BTreeMap::new(),
            committed: None,
            aborted: Vec::new(),
            told: 0,
            strays: Pieces::default(),
            shown: Vec::new(),
            marks: Vec::new(),
            is_source,
            unknown: (0, 0),
        }
    }

    pub fn apply(&mut self, at: Time, lineage: u64) {
        self.current.push(self.entries.len());
        if let Some(mut open) = self.written.last_entry() {
            open.get_mut().push(self.entries.len());
        }
        self.entries.push(Entry { lineage, at, stray: false });
    }

    /// An attempt that was given up wrote a record: to a transaction of its own, or at once if that is 0.
    pub fn stray(&mut self, at: Time, lineage: u64, transaction: u64) {
        let to = if transaction > 0 { self.written.entry(transaction).or_default() } else { &mut self.strays };
        to.push(self.entries.len());
        self.entries.push(Entry { lineage, at, stray: true });
    }

    /// A sink begins a transaction.
    pub fn open(&mut self, transaction: u64) {
        self.written.insert(transaction, Pieces::default());
    }

    /// All of a transaction is written, for a checkpoint: from now on it is known what it holds.
    pub fn prepare(&mut self, at: Time, checkpoint: CheckpointId, transaction: u64, told: Total, stray: bool) {
        if let Some(pieces) = self.of_transaction(transaction, told) {
            self.written.insert(transaction, pieces.clone());
            self.marks.push((at, Fate::Prepared { checkpoint, transaction, stray }, pieces));
        }
    }

    /// A transaction is committed: what becomes visible next is what it holds. `stray`: for an attempt that had been
    /// given up.
    pub fn commit(&mut self, transaction: u64, stray: bool) {
        self.committed = Some((transaction, stray));
    }

    /// A transaction is aborted, whatever it holds.
    pub fn abort(&mut self, at: Time, transaction: u64, late: bool) {
        self.aborted.push((at, transaction, Fate::Aborted { transaction, late }));
    }

    /// State was captured.
    pub fn cut(&mut self, checkpoint: CheckpointId) {
        let open = self.current.slice(self.closed, self.current.len());
        if !open.0.is_empty() {
            self.held.push((checkpoint, open));
        }
        self.closed = self.current.len();
        self.cuts.insert(checkpoint, self.current.clone());
    }

    /// State is what it was when it was captured for a checkpoint, and had applied so many records.
    pub fn restore(&mut self, at: Time, checkpoint: CheckpointId, told: Total) {
        let prefix = self.current.slice(0, (told.records as usize).min(self.current.len()));
        let captured = self.cuts.get(&checkpoint).into_iter();
        let mut likely = captured.chain([&prefix]).chain(self.cuts.values().rev());
        let after = likely.find(|pieces| self.adds_up(pieces, told)).unwrap_or(&prefix).clone();
        self.closed = after.len();
        let before = std::mem::replace(&mut self.current, after.clone());
        self.restores.push(Restore { at, checkpoint, applied: self.entries.len(), before, after });
    }

    /// Output became visible. Sinks that write at once give no checkpoint; nor does one that ends, for all that it
    /// still holds. `seen` are the lineages of all that the operator has shown: what one subtask wrote, another one does
    /// not write as new after a restart.
    pub fn show(&mut self, at: Time, checkpoint: CheckpointId, told: Total, seen: &mut BTreeSet<u64>) {
        let (transaction, stray) = self.committed.take().unzip();
        let pieces = transaction.and_then(|number| self.of_transaction(number, told));
        let pieces = pieces.or_else(|| self.with_later(transaction?, told));
        let pieces = pieces.or_else(|| self.written_next(checkpoint, told, seen));
        let Some(pieces) = pieces.or_else(|| self.piece(checkpoint, told)) else {
            self.unknown.1 += told.records;
            return;
        };
        seen.extend(self.lineages(&pieces));
        self.shown.push(Shown { at, checkpoint, transaction, stray: stray == Some(true), pieces });
    }

    /// The external system had aborted what was to be committed.
    pub fn refuse(&mut self, at: Time, checkpoint: CheckpointId, transaction: u64, told: Total) {
        let pieces = self.of_transaction(transaction, told).or_else(|| self.piece(checkpoint, told));
        if let Some(pieces) = pieces.filter(|_| told.records > 0) {
            self.marks.push((at, Fate::Refused { checkpoint, transaction }, pieces));
        }
    }

    /// What is in a transaction: all that was written to it; or the end of that, if the beginning did not arrive; or
    /// besides what was written before, if an engine keeps that over a restart.
    fn of_transaction(&self, number: u64, told: Total) -> Option<Pieces> {
        let written = self.written.get(&number)?;
        let last = |pieces: &Pieces| pieces.slice(pieces.len().saturating_sub(told.records as usize), pieces.len());
        let known = |pieces: Pieces| Some(pieces).filter(|pieces| self.matches(pieces, told));
        let before = || Pieces::joined(self.written.range(..=number).map(|(_, pieces)| pieces));
        known(written.clone()).or_else(|| known(last(written))).or_else(|| known(last(&before())))
    }

    /// A transaction and the beginning of what came after it, if an engine takes the one for the other: that is in no
    /// transaction of its own any more.
    fn with_later(&mut self, number: u64, told: Total) -> Option<Pieces> {
        let first = self.written.get(&number)?.positions().next()?;
        let pieces = self.next(first, told, |_| true);
        let end = pieces.0.last().filter(|_| self.matches(&pieces, told))?.end;
        for (_, later) in self.written.range_mut(number + 1..) {
            let taken = later.positions().take_while(|at| *at < end).count();
            *later = later.slice(taken, later.len());
        }
        Some(pieces)
    }

    /// What a sink that writes at once wrote next: all that it applied since the last time or since a restore, or what of
    /// that was not there already.
    fn written_next(&mut self, checkpoint: CheckpointId, told: Total, seen: &BTreeSet<u64>) -> Option<Pieces> {
        if checkpoint != CheckpointId::INITIAL {
            return None;
        }
        if told.records > 0 && self.matches(&self.strays, told) {
            return Some(std::mem::take(&mut self.strays));
        }
        let restored = self.restores.last().map_or(0, |restore| restore.applied).max(self.told);
        let next = [
            self.next(self.told, told, |_| true),
            self.fresh(self.told, told, seen),
            self.fresh(restored, told, seen),
            self.next(restored, told, |_| true),
        ];
        let pieces = next.into_iter().find(|pieces| self.matches(pieces, told))?;
        self.told = pieces.0.last().map_or(self.told, |last| last.end);
        Some(pieces)
    }

    /// The first so many from a position on that nobody outside has seen.
    fn fresh(&self, from: usize, told: Total, seen: &BTreeSet<u64>) -> Pieces {
        let mut new = BTreeSet::new();
        self.next(from, told, |lineage| !seen.contains(&lineage) && new.insert(lineage))
    }

    /// The first so many from a position on, without strays, of those that are wanted.
    fn next(&self, from: usize, told: Total, mut wanted: impl FnMut(u64) -> bool) -> Pieces {
        let mut next = Pieces::default();
        let rows = self.entries.iter().enumerate().skip(from);
        let rows = rows.filter(|(_, entry)| !entry.stray && wanted(entry.lineage));
        rows.take(told.records as usize).for_each(|(at, _)| next.push(at));
        next
    }

    /// The part of the log that a sink had prepared for a checkpoint, or the end of it: what came before is outside
    /// already, if it commits with offsets.
    fn piece(&self, checkpoint: CheckpointId, told: Total) -> Option<Pieces> {
        let of_checkpoint = self.held.iter().rev().filter(|(of, _)| *of == checkpoint);
        let held = || of_checkpoint.clone().chain(self.held.iter().rev()).map(|(_, pieces)| pieces);
        let whole = held().find(|pieces| self.matches(pieces, told)).cloned();
        let last = |pieces: &Pieces| pieces.slice(pieces.len().saturating_sub(told.records as usize), pieces.len());
        let ends = || held().map(last).chain([last(&self.current), self.unseen()]);
        whole.or_else(|| ends().find(|pieces| self.matches(pieces, told)))
    }

    /// What state reflects and nobody outside has seen.
    fn unseen(&self) -> Pieces {
        let mut seen = vec![false; self.entries.len()];
        self.shown.iter().flat_map(|shown| shown.pieces.positions()).for_each(|at| seen[at] = true);
        let mut unseen = Pieces::default();
        self.current.positions().filter(|at| !seen[*at]).for_each(|at| unseen.push(at));
        unseen
    }

    /// What the run says of the state in the end.
    pub fn finish(&mut self, told: Total) {
        if !self.adds_up(&self.current, told) {
            self.unknown.0 = (self.current.len() as u64).abs_diff(told.records).max(1);
        }
    }

    /// What the run says of the output in the end.
    pub fn finish_output(&mut self, told: Total) {
        let (mut records, mut lineage) = (self.unknown.1, 0u64);
        for of in self.visible() {
            (records, lineage) = (records + 1, lineage.wrapping_add(of));
        }
        if records != told.records || self.unknown.1 == 0 && lineage != told.lineage {
            self.unknown.1 += records.abs_diff(told.records).max(1);
        }
    }

    /// Whether pieces of the log are the state that was told.
    fn adds_up(&self, pieces: &Pieces, told: Total) -> bool {
        if self.is_source { pieces.len() as u64 == told.records } else { self.matches(pieces, told) }
    }

    fn matches(&self, pieces: &Pieces, told: Total) -> bool {
        let sum = || self.lineages(pieces).fold(0, u64::wrapping_add);
        pieces.len() as u64 == told.records && sum() == told.lineage
    }

    fn lineages<'a>(&'a self, pieces: &'a Pieces) -> impl Iterator<Item = u64> + 'a {
        pieces.0.iter().flat_map(|range| &self.entries[range.clone()]).map(|entry| entry.lineage)
    }

    /// What state reflects, in the order applied.
    pub fn current(&self) -> impl Iterator<Item = u64> + '_ {
        self.lineages(&self.current)
    }

    /// What became visible, in that order.
    pub fn visible(&self) -> impl Iterator<Item = u64> + '_ {
        self.shown.iter().flat_map(|shown| self.lineages(&shown.pieces))
    }

    /// Tells when records that are looked for were applied, kept or rolled back, and shown.
    pub fn search(&self, wanted: impl Fn(u64) -> bool, mut tell: impl FnMut(u64, Time, Fate)) {
        for (position, entry) in self.entries.iter().enumerate().filter(|(_, entry)| wanted(entry.lineage)) {
            let attempt = self.restores.partition_point(|restore| restore.applied <= position) as u32;
            let applied = if entry.stray { Fate::Strayed } else { Fate::Applied { attempt } };
            tell(entry.lineage, entry.at, applied);
            let marks = self.marks.iter().filter(|(_, _, pieces)| pieces.contains(position));
            let (refused, prepared): (Vec<_>, Vec<_>) =
                marks.partition(|(_, fate, _)| matches!(fate, Fate::Refused { .. }));
            prepared.iter().for_each(|(at, fate, _)| tell(entry.lineage, *at, *fate));
            for (at, transaction, fate) in &self.aborted {
                if self.written.get(transaction).is_some_and(|pieces| pieces.contains(position)) {
                    // What was written to it after that was in vain, too.
                    tell(entry.lineage, entry.at.max(*at), *fate);
                }
            }
            for restore in self.restores.iter().filter(|restore| position < restore.applied) {
                let checkpoint = restore.checkpoint;
                let fate = match (restore.before.contains(position), restore.after.contains(position)) {
                    (true, true) => Fate::Kept { checkpoint },
                    (true, false) => Fate::RolledBack { checkpoint },
                    (false, true) => Fate::Regained { checkpoint },
                    (false, false) => continue,
                };
                tell(entry.lineage, restore.at, fate);
            }
            // An attempt first has its state again, and then asks for commits.
            refused.iter().for_each(|(at, fate, _)| tell(entry.lineage, *at, *fate));
            for shown in self.shown.iter().filter(|shown| shown.pieces.contains(position)) {
                let Shown { at, checkpoint, transaction, stray, .. } = *shown;
                tell(entry.lineage, at, Fate::Shown { checkpoint, transaction, stray });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that applied these, at the instants 0, 1, 2, …
    fn log(lineages: &[u64]) -> Log {
        let mut log = Log::new(false);
        lineages.iter().enumerate().for_each(|(at, lineage)| log.apply(Time(at as u64), *lineage));
        log
    }

    fn total(lineages: &[u64]) -> Total {
        Total { records: lineages.len() as u64, lineage: lineages.iter().sum() }
    }

    fn cut(log: &mut Log, id: u64, lineages: &[u64]) {
        assert_eq!(log.current().collect::<Vec<_>>(), lineages);
        log.cut(CheckpointId(id));
    }

    fn restore(log: &mut Log, id: u64, lineages: &[u64]) {
        log.restore(Time(100), CheckpointId(id), total(lineages));
        assert_eq!(log.current().collect::<Vec<_>>(), lineages);
    }

    #[test]
    fn a_restore_may_go_to_any_snapshot_even_one_of_a_history_that_was_given_up() {
        let mut log = log(&[1, 2]);
        cut(&mut log, 1, &[1, 2]);
        log.apply(Time(2), 3);
        cut(&mut log, 2, &[1, 2, 3]);
        log.apply(Time(3), 4);
        restore(&mut log, 1, &[1, 2]);
        log.apply(Time(4), 5);
        cut(&mut log, 3, &[1, 2, 5]);
        restore(&mut log, 2, &[1, 2, 3]);
        restore(&mut log, 3, &[1, 2, 5]);
        restore(&mut log, 0, &[]);
        restore(&mut log, 9, &[1, 2, 3]);
        assert_eq!(log.unknown, (0, 0));
        let mut told = Vec::new();
        log.search(|lineage| lineage == 3, |_, _, fate| told.push(fate));
        let [one, two, three, nine] = [1, 2, 3, 9].map(CheckpointId);
        assert_eq!(
            told,
            [
                Fate::Applied { attempt: 0 },
                Fate::RolledBack { checkpoint: one },
                Fate::Regained { checkpoint: two },
                Fate::RolledBack { checkpoint: three },
                Fate::Regained { checkpoint: nine },
            ]
        );
        let mut attempts = Vec::new();
        log.search(|lineage| lineage == 5, |_, _, fate| attempts.push(fate));
        assert_eq!(attempts[0], Fate::Applied { attempt: 1 });
    }

    #[test]
    fn what_was_written_at_once_stays_visible_whatever_state_goes_back_to() {
        let seen = &mut BTreeSet::new();
        let mut log = log(&[1, 2]);
        cut(&mut log, 1, &[1, 2]);
        log.show(Time(2), CheckpointId::INITIAL, total(&[1, 2]), seen);
        log.apply(Time(3), 3);
        restore(&mut log, 1, &[1, 2]);
        log.apply(Time(5), 3);
        log.show(Time(5), CheckpointId::INITIAL, total(&[3, 3]), seen);
        assert_eq!(log.visible().collect::<Vec<_>>(), [1, 2, 3, 3]);
        assert_eq!(log.current().collect::<Vec<_>>(), [1, 2, 3]);
        log.finish_output(total(&[1, 2, 3, 3]));
        assert_eq!(log.unknown, (0, 0));
    }

    #[test]
    fn a_row_that_another_subtask_wrote_is_not_new() {
        let seen = &mut BTreeSet::new();
        log(&[1, 2]).show(Time(2), CheckpointId::INITIAL, total(&[1, 2]), seen);
        let mut other = log(&[2, 3, 1, 4]);
        other.show(Time(5), CheckpointId::INITIAL, total(&[3, 4]), seen);
        assert_eq!(other.visible().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(other.unknown, (0, 0));
    }

    #[test]
    fn what_is_committed_is_what_came_between_two_snapshots() {
        let seen = &mut BTreeSet::new();
        let mut log = log(&[1, 2]);
        cut(&mut log, 1, &[1, 2]);
        log.apply(Time(2), 3);
        cut(&mut log, 2, &[1, 2, 3]);
        log.show(Time(3), CheckpointId(1), total(&[1, 2]), seen);
        restore(&mut log, 1, &[1, 2]);
        [4, 5].into_iter().for_each(|lineage| log.apply(Time(4), lineage));
        cut(&mut log, 2, &[1, 2, 4, 5]);
        log.apply(Time(5), 6);
        log.show(Time(5), CheckpointId(2), total(&[4, 5]), seen);
        log.show(Time(6), CheckpointId::INITIAL, total(&[6]), seen);
        assert_eq!(log.visible().collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
        assert_eq!(log.unknown, (0, 0));
    }

    /// A log that wrote these, one transaction after the other, from number 1 on.
    fn transactions(all: &[&[u64]]) -> Log {
        let mut log = log(&[]);
        for (lineages, number) in all.iter().zip(1..) {
            log.open(number);
            lineages.iter().for_each(|lineage| log.apply(Time(number), *lineage));
        }
        log
    }

    /// What becomes visible with the commit of a transaction that holds these.
    fn committed(log: &mut Log, transaction: u64, lineages: &[u64]) -> Vec<u64> {
        log.commit(transaction, false);
        log.show(Time(9), CheckpointId(1), total(lineages), &mut BTreeSet::new());
        log.visible().collect()
    }

    #[test]
    fn what_is_committed_is_what_was_written_to_the_transaction_even_by_an_attempt_that_was_given_up() {
        let mut log = transactions(&[&[1, 2], &[3]]);
        log.prepare(Time(3), CheckpointId(1), 1, total(&[1, 2]), false);
        restore(&mut log, 1, &[]);
        log.open(3);
        log.apply(Time(4), 3);
        log.stray(Time(5), 4, 2);
        assert_eq!(committed(&mut log, 2, &[3, 4]), [3, 4]);
        assert_eq!(committed(&mut log, 3, &[3]), [3, 4, 3]);
        assert_eq!((log.unknown, log.current().collect::<Vec<_>>()), ((0, 0), vec![3]));
        log.abort(Time(6), 1, true);
        let mut told = Vec::new();
        log.search(|lineage| lineage == 1 || lineage == 4, |_, _, fate| told.push(fate));
        let checkpoint = CheckpointId(1);
        let expected = [
            Fate::Applied { attempt: 0 },
            Fate::Prepared { checkpoint, transaction: 1, stray: false },
            Fate::Aborted { transaction: 1, late: true },
            Fate::RolledBack { checkpoint },
            Fate::Strayed,
            Fate::Shown { checkpoint, transaction: Some(2), stray: false },
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_transaction_may_hold_too_little_or_what_is_not_its_own() {
        assert_eq!(committed(&mut transactions(&[&[1, 2, 3]]), 1, &[2, 3]), [2, 3], "a write was lost");
        assert_eq!(committed(&mut transactions(&[&[1, 2], &[3]]), 2, &[2, 3]), [2, 3], "kept over a restart");
        let mut by_reference = transactions(&[&[1], &[2, 3]]);
        assert_eq!(committed(&mut by_reference, 1, &[1, 2]), [1, 2]);
        assert_eq!(committed(&mut by_reference, 2, &[3]), [1, 2, 3]);
        assert_eq!(by_reference.unknown, (0, 0));
    }

    #[test]
    fn what_an_attempt_that_was_given_up_writes_at_once_is_known() {
        let seen = &mut BTreeSet::new();
        let mut log = log(&[1]);
        log.stray(Time(1), 7, 0);
        log.show(Time(1), CheckpointId::INITIAL, total(&[7]), seen);
        log.apply(Time(2), 2);
        log.show(Time(2), CheckpointId::INITIAL, total(&[1, 2]), seen);
        assert_eq!((log.visible().collect::<Vec<_>>(), log.unknown), (vec![7, 1, 2], (0, 0)));
    }

    #[test]
    fn what_does_not_add_up_is_counted_as_unknown() {
        let seen = &mut BTreeSet::new();
        let mut log = log(&[1, 2, 3]);
        log.show(Time(3), CheckpointId(1), total(&[1, 7]), seen);
        assert_eq!(log.unknown, (0, 2));
        log.finish_output(total(&[1, 7]));
        assert_eq!(log.unknown, (0, 2), "it was told once");
        log.finish(total(&[1, 2, 3]));
        assert_eq!(log.unknown, (0, 2));
        log.restore(Time(4), CheckpointId(1), total(&[1, 7]));
        log.finish(total(&[1, 7]));
        assert_eq!(log.unknown, (1, 2));
    }
}
