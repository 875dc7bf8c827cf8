//! Replayable logs: which records a source holds, and when they arrive.

use super::{Record, Rest};
use crate::base::{Arrivals, Concern, Draws, KeyPicker, Span, Time, below, mix};
use crate::scenario::{Assignment, EventTime, Skew, Source, SourceEnd};
use std::sync::Arc;

/// The log behind one source operator.
#[derive(Clone, Debug)]
pub struct SourceLog {
    /// How many partitions it has.
    pub partitions: u32,
    /// The number of its first partition, counted over all sources.
    pub first_partition: u32,
    /// How many subtasks read it.
    pub subtasks: u32,
    /// How many did at first: when its records happened does not change if the job does.
    pub layout: u32,
    /// Records in all partitions; `None`: endless.
    pub records: Option<u64>,
    /// When the records of one subtask arrive.
    pub arrivals: Arrivals,
    /// Their keys.
    pub keys: KeyPicker,
    /// Their size.
    pub size: u32,
    /// Whether the source ends after the last record.
    pub finishes: bool,
    /// Whether its partitions are splits that are handed out one after the other.
    pub dynamic: bool,
    /// When its records happened, if they say so.
    pub event_time: Option<EventTime>,
}

/// Keeps what a record's event time is drawn from apart from its key.
const DISORDER: u64 = 0xa54f_f53a_5f1d_36f1;

/// When the next records of a source arrive, as places in [`SourceLog::arrivals`]: evenly spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upcoming {
    /// The place of the next record.
    pub first: u64,
    /// From one to the next.
    pub step: u64,
    /// How long the log had existed when the run began.
    pub began: Span,
}

impl SourceLog {
    /// The log that a scenario describes.
    pub fn new(spec: &Source, subtasks: u32, first_partition: u32) -> Self {
        let keys = match spec.keys.skew {
            Skew::Even => KeyPicker::even(spec.keys.count),
            Skew::Hot { keys, percent } => KeyPicker::hot(spec.keys.count, keys, percent),
            Skew::Zipf => KeyPicker::zipf(spec.keys.count),
        };
        let dynamic = spec.assignment == Assignment::Dynamic;
        // Who will read a split is not known when its records arrive: they are counted over all splits.
        let sharers = if dynamic { 1 } else { subtasks };
        Self {
            partitions: spec.partitions,
            first_partition,
            subtasks,
            layout: subtasks,
            records: spec.records,
            arrivals: Arrivals { rate: spec.rate, subtasks: sharers, burst: spec.burst },
            keys,
            size: spec.size.0 as u32,
            finishes: spec.end == SourceEnd::Finishes,
            dynamic,
            event_time: spec.event_time,
        }
    }

    /// The partitions that one subtask reads, in turn.
    pub fn share(&self, subtask: u32) -> SourceShare {
        let partitions = (self.partitions - subtask).div_ceil(self.subtasks);
        let length = |i: u32| self.length(subtask + i * self.subtasks);
        let total = self.records.map_or(u64::MAX, |_| (0..partitions).map(length).sum());
        SourceShare { subtask, partitions, total, rest: None }
    }

    /// The same subtask's share of what is left of a log, of which `read` has been read by partition, and that has
    /// existed for so long.
    pub fn rest(&self, subtask: u32, read: &[u64], began: Span) -> SourceShare {
        let numbers = (subtask..self.partitions).step_by(self.subtasks as usize);
        let left = |number: u32| self.records.map_or(u64::MAX, |_| self.length(number) - read[number as usize]);
        let partitions: Vec<_> = numbers.map(|number| (number, read[number as usize], left(number))).collect();
        let rest = Rest::new(&partitions, began);
        let total = rest.total();
        SourceShare { subtask, partitions: partitions.len() as u32, total, rest: Some(rest.into()) }
    }

    /// A single partition, by its number in this source, as if it were the share of a subtask.
    pub fn split(&self, number: u32) -> SourceShare {
        SourceShare { subtask: number, partitions: 1, total: self.length(number), rest: None }
    }

    /// How many records a partition of a finite log holds.
    fn length(&self, partition: u32) -> u64 {
        let (each, rest) = self.records.map_or((0, 0), |n| (n / self.of(), n % self.of()));
        each + u64::from(u64::from(partition) < rest)
    }

    /// When the records of a share arrive that come from a position on; of a dynamic source the share is a split.
    #[inline]
    pub fn upcoming(&self, share: &SourceShare, position: u64) -> Upcoming {
        let (first, step) = match (self.dynamic, &share.rest) {
            (true, _) => (position * self.of() + u64::from(share.subtask), self.of()),
            (false, None) => (position, 1),
            (false, Some(rest)) => (rest.place + position, 1),
        };
        Upcoming { first, step, began: share.rest.as_ref().map_or(Span::ZERO, |rest| rest.began) }
    }

    fn of(&self) -> u64 {
        u64::from(self.partitions)
    }

    /// The number of a share's partition, counted over all sources.
    #[inline]
    pub fn partition(&self, share: &SourceShare, i: u32) -> u32 {
        match &share.rest {
            None => self.first_partition + share.subtask + i * self.subtasks,
            Some(rest) => self.first_partition + rest.partitions[i as usize].0,
        }
    }

    /// One stream of keys for each partition of a share.
    pub fn draws<'a>(&'a self, share: &'a SourceShare, seed: u64) -> impl Iterator<Item = Draws> + 'a {
        (0..share.partitions).map(move |i| Draws::new(seed, Concern::Key, u64::from(self.partition(share, i))))
    }

    /// The record at a position of a share; `draws` are the share's streams of keys.
    #[inline]
    pub fn record(&self, share: &SourceShare, draws: &mut [Draws], position: u64) -> Record {
        let (i, offset) = share.locate(position);
        let draw = draws[i as usize].at(offset);
        let partition = self.partition(share, i);
        let record = Record::at_source(partition, offset, self.keys.pick(draw), self.size);
        match (&self.event_time, &share.rest) {
            (None, _) => record,
            (Some(times), None) if self.layout == self.subtasks => {
                Record { time: self.time(times, self.upcoming(share, position).first, draw), ..record }
            }
            (Some(times), _) => Record { time: self.time(times, self.place(partition, offset), draw), ..record },
        }
    }

    /// The record at an offset of a partition, numbered over all sources, for which this was drawn: the same.
    #[inline]
    pub fn record_at(&self, partition: u32, offset: u64, draw: u64) -> Record {
        let record = Record::at_source(partition, offset, self.keys.pick(draw), self.size);
        match &self.event_time {
            None => record,
            Some(times) => Record { time: self.time(times, self.place(partition, offset), draw), ..record },
        }
    }

    /// The place in the arrivals of the record at an offset of a partition.
    fn place(&self, partition: u32, offset: u64) -> u64 {
        let number = partition - self.first_partition;
        if self.dynamic {
            return self.upcoming(&self.split(number), offset).first;
        }
        let (subtask, turn) = (number % self.layout, number / self.layout);
        offset * u64::from((self.partitions - subtask).div_ceil(self.layout)) + u64::from(turn)
    }

    /// When the record happened that is at a place of the arrivals, and for which this was drawn. Never at zero: that is
    /// what a watermark says that says nothing.
    fn time(&self, times: &EventTime, place: u64, draw: u64) -> Time {
        let regular = times.step.map_or_else(|| self.arrivals.at(place), |step| step * place);
        let late = below(mix(draw ^ DISORDER), times.disorder.0.saturating_add(1));
        Time(regular.0.saturating_sub(late).max(1))
    }

    /// When, after the beginning, the record at a place of the arrivals is there to be read.
    #[inline]
    pub fn arrival(&self, place: u64) -> Span {
        self.arrivals.at(place)
    }
}

impl Upcoming {
    /// When, after the beginning of the run, the n-th of them is there to be read.
    #[inline]
    pub fn arrival(&self, log: &SourceLog, n: u64) -> Span {
        Span(log.arrival(self.first + n * self.step).0.saturating_sub(self.began.0))
    }
}

/// The part of a log that one subtask reads: its partitions in turn, one record each.
#[derive(Clone, Debug)]
pub struct SourceShare {
    /// Which subtask.
    pub subtask: u32,
    /// How many partitions.
    pub partitions: u32,
    /// Records in them; `u64::MAX`: endless.
    pub total: u64,
    /// Others have read some of it before: what is left.
    pub rest: Option<Arc<Rest>>,
}

impl SourceShare {
    /// Which of its partitions, and which offset there, a position means.
    #[inline]
    pub fn locate(&self, position: u64) -> (u32, u64) {
        if let Some(rest) = &self.rest {
            return rest.locate(position);
        }
        if self.partitions == 1 {
            return (0, position);
        }
        ((position % u64::from(self.partitions)) as u32, position / u64::from(self.partitions))
    }

    /// How many records of its `i`-th partition come before a position, those that others have read among them.
    pub fn emitted(&self, position: u64, i: u32) -> u64 {
        if let Some(rest) = &self.rest {
            return rest.upto(position, i);
        }
        (position.saturating_sub(u64::from(i))).div_ceil(u64::from(self.partitions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Bytes;
    use crate::scenario::Keys;

    #[test]
    fn shares_cover_every_record_once() {
        for (partitions, subtasks, records) in [(1, 1, 10), (4, 4, 10), (7, 3, 100), (5, 2, 3)] {
            let keys = Keys { count: 10, skew: Skew::Even };
            let (end, assignment) = (SourceEnd::Finishes, Assignment::Static);
            let size = Bytes(100);
            let spec = Source {
                partitions,
                records: Some(records),
                rate: None,
                burst: None,
                keys,
                size,
                end,
                replayable: true,
                assignment,
                event_time: None,
            };
            let log = SourceLog::new(&spec, subtasks, 3);
            let mut seen = std::collections::BTreeSet::new();
            for subtask in 0..subtasks {
                let share = log.share(subtask);
                let mut draws: Vec<Draws> = log.draws(&share, 1).collect();
                for position in 0..share.total {
                    let record = log.record(&share, &mut draws, position);
                    assert!(seen.insert(record.lineage), "two positions give one record");
                }
                let emitted: u64 = (0..share.partitions).map(|i| share.emitted(share.total, i)).sum();
                assert_eq!(emitted, share.total);
            }
            assert_eq!(seen.len() as u64, records);
            let record = |p: u32, offset| Record::at_source(3 + p, offset, 0, 0).lineage;
            let (each, rest) = (records / u64::from(partitions), records % u64::from(partitions));
            for p in 0..partitions {
                let length = each + u64::from(u64::from(p) < rest);
                assert!((0..length).all(|offset| seen.contains(&record(p, offset))));
            }
        }
    }
}
