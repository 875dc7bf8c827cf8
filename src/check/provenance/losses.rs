//! The answer: at every operator, in state and outside, the records that are there too often or not often enough.

use super::story::{Odd, Teller};
use super::{Origin, Provenance, RecordStory, SplitStory};
use crate::base::OperatorId;
use crate::plan::Inflow;
use crate::scenario::SinkMode;
use crate::workload::{Census, Expected, Known, Oracle, Workload};
use std::borrow::Cow;

/// Which records a run lost, doubled or made up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Where something is wrong: inputs before outputs, state before what is outside.
    pub places: Vec<PlaceLosses>,
    /// Splits that were not read to their ends, or that records were read of twice.
    pub splits: Vec<SplitStory>,
    /// The run drained. One that did not has records under way, and nothing is said of it.
    pub drained: bool,
    /// What cannot be told, if anything.
    pub doubts: Vec<String>,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceLosses {
    /// At which operator.
    pub operator: OperatorId,
    /// In its state, or outside.
    pub place: Place,
    /// Records that are there less often than they should be.
    pub lost: Named,
    /// Records that are there more often than they should be.
    pub doubled: Named,
    /// Records that are there and should not exist.
    pub orphans: Named,
}

/// Where records count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In an operator's state.
    State,
    /// Outside, where a sink made them visible.
    Output,
}

/// Records that something is wrong with: all are counted, the first are told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// How many are missing, or too many: one that is there three times instead of once counts twice.
    pub total: u64,
    /// How many different ones.
    pub distinct: u64,
    /// Where they come from.
    pub spans: Vec<OffsetSpan>,
    /// They come of the same records of sources as those with the same fault at this place before.
    pub same_as: Option<(OperatorId, Place)>,
    /// The first of them, in the order of partitions and offsets.
    pub stories: Vec<RecordStory>,
}

/// Records of one partition of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetSpan {
    /// Which source and partition, and the first offset.
    pub first: Origin,
    /// The last offset.
    pub last: u64,
    /// How many offsets between these, both included, are concerned.
    pub records: u64,
}

impl Losses {
    /// Nothing is lost, doubled or an orphan anywhere, for all that is known.
    pub fn is_clean(&self) -> bool {
        self.drained && self.places.is_empty() && self.splits.is_empty() && self.doubts.is_empty()
    }
}

impl Provenance {
    /// What the run that was watched to its end lost, doubled or made up, telling at most `limit` stories of each kind
    /// at each place; `seed` is the one its records were made from.
    pub fn losses(&self, workload: &Workload, seed: u64, limit: usize) -> Losses {
        if !self.drained {
            return Losses::default();
        }
        let mut oracle = Oracle::new(&self.plan);
        let emitted = |_: usize, partition: u32| self.emitted[partition as usize];
        let wanted = self.suspects(oracle.evaluate(workload, seed, emitted));
        let census = Census::new(&self.plan, workload, seed);
        let all = census.take(&wanted, emitted);
        let teller = Teller { provenance: self, census: &census };
        let mut places = Vec::new();
        let mut before = [const { Vec::new() }; 3];
        let mut outlines = Vec::new();
        for operator in self.plan.order.iter().copied().filter(|op| wanted[op.index()]) {
            for place in [Place::State, Place::Output] {
                let Some(found) = self.found(operator, place) else { continue };
                let odd = compare(&self.due(operator, place, &all[operator.index()]), found);
                let mut before = before.iter_mut();
                let [lost, doubled, orphans] = [odd.lost, odd.doubled, odd.orphans].map(|kind| {
                    let before = before.next().expect("there is one of each kind");
                    let (named, lineages) = teller.named((operator, place), &kind, limit, before);
                    outlines.extend(lineages);
                    named
                });
                if lost.total + doubled.total + orphans.total > 0 {
                    places.push(PlaceLosses { operator, place, lost, doubled, orphans });
                }
            }
        }
        let stories = places.iter_mut().flat_map(|place| [&mut place.lost, &mut place.doubled, &mut place.orphans]);
        let mut told: Vec<_> = stories.flat_map(|named| &mut named.stories).zip(outlines).collect();
        teller.fill(&mut told);
        let mut losses = Losses { places, splits: Vec::new(), drained: true, doubts: self.doubts() };
        losses.splits = self.splits(workload, &losses);
        losses
    }

    /// The operators at which counts or sums are not what they should be.
    fn suspects(&self, expected: &Expected) -> Vec<bool> {
        let sum = |found: Option<Vec<u64>>| {
            let found = found.unwrap_or_default();
            (found.len() as u64, found.into_iter().fold(0, u64::wrapping_add))
        };
        let differs = |(operator, due): (usize, &crate::workload::ExpectedOperator)| {
            // What comes of windows is no record of a source any more.
            if self.plan.operators[operator].inflow != Inflow::Same {
                return false;
            }
            let (id, is_source) = (OperatorId::from(operator), self.plan.operators[operator].is_source);
            let (applied, lineage) = sum(self.found(id, Place::State));
            let visible = sum(self.found(id, Place::Output));
            let is_right = applied == due.applied && (is_source || lineage == due.lineage);
            !is_right || due.output.is_some_and(|due| visible != (due.records, due.lineage))
        };
        expected.operators.iter().enumerate().map(differs).collect()
    }

    /// What should be at a place, of all that an operator should apply: a record that comes twice by itself is one row.
    fn due<'a>(&self, operator: OperatorId, place: Place, all: &'a [Known]) -> Cow<'a, [Known]> {
        if place == Place::State || self.plan.operators[operator.index()].sink != Some(SinkMode::Idempotent) {
            return Cow::Borrowed(all);
        }
        let mut rows = all.to_vec();
        rows.dedup_by_key(|known| known.lineage);
        Cow::Owned(rows)
    }

    /// All lineages at a place; `None` if there is no such place, or if some of what is there could not be identified:
    /// then nobody can say which records are too few or too many.
    fn found(&self, operator: OperatorId, place: Place) -> Option<Vec<u64>> {
        let logs = self.logs_of(operator);
        let is_known = self.logs_of(operator).all(|(_, log)| log.unknown.1 == 0);
        match place {
            Place::Output if !is_known => None,
            Place::State => Some(logs.flat_map(|(_, log)| log.current()).collect()),
            Place::Output if self.outputs[operator.index()] => Some(logs.flat_map(|(_, log)| log.visible()).collect()),
            Place::Output => None,
        }
    }

    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for (operator, planned) in self.plan.operators.iter().enumerate() {
            let unknown = || self.logs_of(OperatorId::from(operator)).map(|(_, log)| log.unknown);
            let (state, output): (u64, u64) = unknown().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            for (n, what) in [(state, "in the state of"), (output, "in the output of")] {
                if n > 0 {
                    doubts.push(format!("{n} or more records {what} {} could not be identified", planned.name));
                }
            }
        }
        doubts
    }
}

/// What is wrong at one place, in the order of partitions and offsets.
#[derive(Default)]
struct Oddities {
    lost: Vec<Odd>,
    doubled: Vec<Odd>,
    orphans: Vec<Odd>,
}

/// Holds what is there against what should be there, which is sorted, as multisets.
fn compare(due: &[Known], mut there: Vec<u64>) -> Oddities {
    there.sort_unstable();
    let mut odd = Oddities::default();
    let (mut i, mut j) = (0, 0);
    while i < due.len() || j < there.len() {
        let next = [due.get(i).map(|known| known.lineage), there.get(j).copied()].into_iter().flatten().min();
        let lineage = next.expect("one of them is not at its end");
        let known = due.get(i).filter(|known| known.lineage == lineage).copied();
        let expected = due[i..].iter().take_while(|known| known.lineage == lineage).count();
        let times = there[j..].iter().take_while(|of| **of == lineage).count();
        (i, j) = (i + expected, j + times);
        let kind = match (times, expected) {
            (times, due) if times == due => continue,
            (_, 0) => &mut odd.orphans,
            (times, due) if times < due => &mut odd.lost,
            _ => &mut odd.doubled,
        };
        kind.push(Odd { lineage, times: times as u64, due: expected as u64, known });
    }
    for kind in [&mut odd.lost, &mut odd.doubled, &mut odd.orphans] {
        kind.sort_by_key(|odd| odd.known.map(|known| (known.partition, known.offset)));
    }
    odd
}

/// The records of sources that the records at a place come of.
pub(super) struct Seen {
    place: (OperatorId, Place),
    origins: Vec<(u32, u64)>,
}

impl Teller<'_> {
    /// Counts them all, says where they come from and tells of the first, with the lineages on their way.
    fn named(
        &self,
        place: (OperatorId, Place),
        all: &[Odd],
        limit: usize,
        before: &mut Vec<Seen>,
    ) -> (Named, Vec<Vec<u64>>) {
        let outlines = all.iter().take(limit).map(|odd| self.outline(place.0, odd));
        let (stories, lineages) = outlines.unzip();
        let total = all.iter().map(|odd| odd.times.abs_diff(odd.due)).sum();
        let mut origins: Vec<(u32, u64)> =
            all.iter().filter_map(|odd| odd.known).map(|known| (known.partition, known.offset)).collect();
        origins.dedup();
        let spans = origins.chunk_by(|a, b| a.0 == b.0).filter_map(|of| self.span(of)).collect();
        let same = before.iter().find(|seen| !origins.is_empty() && seen.origins == origins);
        let same_as = same.map(|seen| seen.place);
        if same_as.is_none() {
            before.push(Seen { place, origins });
        }
        (Named { total, distinct: all.len() as u64, spans, same_as, stories }, lineages)
    }

    /// Some offsets of one partition, rising.
    fn span(&self, of: &[(u32, u64)]) -> Option<OffsetSpan> {
        let ((partition, first), (_, last)) = (*of.first()?, *of.last()?);
        let known = Known { lineage: 0, offset: first, partition, key: 0 };
        Some(OffsetSpan { first: self.origin(&known)?, last, records: of.len() as u64 })
    }
}
