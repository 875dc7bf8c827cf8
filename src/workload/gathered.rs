//! Windows and joins by batch evaluation: all records that came, and what must come of them.

use super::walk::Item;
use super::windows::{Tally, is_near, pair, pair_in, result};
use crate::base::Time;
use crate::scenario::{OverTime, Window, WindowShape};
use std::collections::BTreeMap;

/// All records that came to an operator over time, by input.
#[derive(Clone, Debug)]
pub(super) struct Gathered<T>([Vec<T>; 2]);

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self([Vec::new(), Vec::new()])
    }
}

/// What an operator over time must have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedWindows {
    /// Records as often as they belong to a window.
    pub entries: Tally,
    /// What comes of them if none is late.
    pub results: Tally,
}

impl<T: Item> Gathered<T> {
    pub fn add(&mut self, side: usize, records: &[T]) {
        self.0[side].extend(records);
    }

    /// What comes of all that is here, which is forgotten.
    pub fn evaluate(&mut self, over_time: OverTime, out: &mut Vec<T>) -> ExpectedWindows {
        let mut expected = ExpectedWindows::default();
        let first = out.len();
        match over_time {
            OverTime::Window(Window { shape: WindowShape::Session(gap), .. }) => self.sessions(gap.0, out),
            OverTime::Window(Window { shape, .. }) => self.windows(shape, out),
            OverTime::Pairs(Window { shape, .. }) => self.pairs(shape, out),
            OverTime::Interval { .. } => self.near(over_time, out),
            OverTime::After(_) => {}
        }
        out[first..].iter().for_each(|item| expected.results.count(item.record().lineage));
        for item in self.0.iter().flatten() {
            let record = item.record();
            match over_time {
                OverTime::Window(Window { shape, .. }) | OverTime::Pairs(Window { shape, .. }) => {
                    let weights = shape.ends(record.time).map(|end| shape.weight(record.key, end));
                    weights.for_each(|weight| expected.entries.count(record.lineage.wrapping_mul(weight)));
                }
                _ => expected.entries.count(record.lineage),
            }
        }
        self.0.iter_mut().for_each(Vec::clear);
        expected
    }

    fn windows(&self, shape: WindowShape, out: &mut Vec<T>) {
        let mut panes: BTreeMap<(u32, u64), (Tally, T)> = BTreeMap::new();
        for item in &self.0[0] {
            let record = item.record();
            for end in shape.ends(record.time) {
                panes.entry((record.key, end)).or_insert((Tally::default(), *item)).0.count(record.lineage);
            }
        }
        out.extend(panes.into_iter().map(|((key, end), (all, item))| item.made(result(key, end, all))));
    }

    fn sessions(&mut self, gap: u64, out: &mut Vec<T>) {
        self.0[0].sort_by_key(|item| (item.record().key, item.record().time));
        let mut open: Option<(u32, u64, Tally, T)> = None;
        for item in &self.0[0] {
            let record = item.record();
            let ends = record.time.0.saturating_add(gap);
            open = Some(match open.take() {
                Some((key, end, mut all, first)) if key == record.key && record.time.0 <= end => {
                    all.count(record.lineage);
                    (key, ends, all, first)
                }
                over => {
                    out.extend(over.map(|(key, end, all, item)| item.made(result(key, end, all))));
                    (record.key, ends, Tally { records: 1, hash: record.lineage }, *item)
                }
            });
        }
        out.extend(open.map(|(key, end, all, item)| item.made(result(key, end, all))));
    }

    fn pairs(&self, shape: WindowShape, out: &mut Vec<T>) {
        let mut windows: BTreeMap<(u32, u64), [Vec<T>; 2]> = BTreeMap::new();
        for (side, items) in self.0.iter().enumerate() {
            for item in items {
                for end in shape.ends(item.record().time) {
                    windows.entry((item.record().key, end)).or_default()[side].push(*item);
                }
            }
        }
        for ((_, end), [left, right]) in windows {
            for one in &left {
                out.extend(right.iter().map(|two| one.made(pair_in(end, one.record(), two.record()))));
            }
        }
    }

    fn near(&mut self, over_time: OverTime, out: &mut Vec<T>) {
        let OverTime::Interval { before, after } = over_time else { return };
        let mut right: BTreeMap<(u32, Time), Vec<T>> = BTreeMap::new();
        for two in &self.0[1] {
            right.entry((two.record().key, two.record().time)).or_default().push(*two);
        }
        for one in &self.0[0] {
            let (key, time) = (one.record().key, one.record().time);
            let from = (key, Time(time.0.saturating_sub(before.0)));
            let near = right.range(from..=(key, time + after)).flat_map(|(_, twos)| twos);
            let near = near.filter(|two| is_near(time, two.record().time, before, after));
            out.extend(near.map(|two| one.made(pair(one.record(), two.record()))));
        }
    }
}
