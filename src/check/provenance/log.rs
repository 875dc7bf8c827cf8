//! What one operator in one task applied, all of it, and which part of it counts.
//!
//! Nothing is ever taken out. State is a list of [`Pieces`] of the log: a restore goes back to the pieces that a snapshot
//! had, and what is applied from then on is a new piece. So a record that was rolled back is still there to be told of,
//! and a restore may go anywhere: to an older snapshot than the newest, or to one of a history that was given up.

use super::story::Fate;
use crate::base::{CheckpointId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A record that was applied. 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    lineage: u64,
    at: Time,
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
    fn all(range: Range<usize>) -> Self {
        Self(if range.is_empty() { Vec::new() } else { vec![range] })
    }

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
    /// Of a sink that writes at once: how much of `entries` it told to be visible.
    told: usize,
    shown: Vec<Shown>,
    /// What the external system had aborted when it was to be committed.
    refused: Vec<Shown>,
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
            told: 0,
            shown: Vec::new(),
            refused: Vec::new(),
            is_source,
            unknown: (0, 0),
        }
    }

    pub fn apply(&mut self, at: Time, lineage: u64) {
        self.current.push(self.entries.len());
        self.entries.push(Entry { lineage, at });
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
        let Some(pieces) = self.written_next(checkpoint, told, seen).or_else(|| self.piece(checkpoint, told)) else {
            self.unknown.1 += told.records;
            return;
        };
        seen.extend(self.lineages(&pieces));
        self.shown.push(Shown { at, checkpoint, pieces });
    }

    /// The external system had aborted what was to be committed.
    pub fn refuse(&mut self, at: Time, checkpoint: CheckpointId, told: Total) {
        if let Some(pieces) = self.piece(checkpoint, told).filter(|_| told.records > 0) {
            self.refused.push(Shown { at, checkpoint, pieces });
        }
    }

    /// What a sink that writes at once wrote next: all that it applied since the last time or since a restore, or what of
    /// that was not there already.
    fn written_next(&mut self, checkpoint: CheckpointId, told: Total, seen: &BTreeSet<u64>) -> Option<Pieces> {
        if checkpoint != CheckpointId::INITIAL {
            return None;
        }
        let all = Pieces::all(self.told..self.entries.len().min(self.told + told.records as usize));
        let restored = self.restores.last().map_or(0, |restore| restore.applied).max(self.told);
        let next = [all, self.fresh(self.told, told, seen), self.fresh(restored, told, seen)];
        let pieces = next.into_iter().find(|pieces| self.matches(pieces, told))?;
        self.told = pieces.0.last().map_or(self.told, |last| last.end);
        Some(pieces)
    }

    /// The first so many from a position on that nobody outside has seen.
    fn fresh(&self, from: usize, told: Total, seen: &BTreeSet<u64>) -> Pieces {
        let (mut fresh, mut new) = (Pieces::default(), BTreeSet::new());
        let rows = self.entries.iter().enumerate().skip(from);
        let rows = rows.filter(|(_, entry)| !seen.contains(&entry.lineage) && new.insert(entry.lineage));
        rows.take(told.records as usize).for_each(|(at, _)| fresh.push(at));
        fresh
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
            tell(entry.lineage, entry.at, Fate::Applied { attempt });
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
            for shown in self.shown.iter().filter(|shown| shown.pieces.contains(position)) {
                tell(entry.lineage, shown.at, Fate::Shown { checkpoint: shown.checkpoint });
            }
            for refused in self.refused.iter().filter(|refused| refused.pieces.contains(position)) {
                tell(entry.lineage, refused.at, Fate::Refused { checkpoint: refused.checkpoint });
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
