//! Timers as state: what an operator is to do at a time, for a key.
//!
//! A timer is known by its time, its key, and what it is for. Setting one that is set changes nothing. They are part of
//! an operator's snapshots and come back with them; what is only in memory is who will ring when ([`Step::Alarm`]), and
//! that is arranged anew after a restore: a timer whose time is over fires at once.
//!
//! Timers of event time fire when a watermark has passed them. Those of the machine's clock keep the moment at which
//! they were set, for nobody in the world knows a later one; how long it takes from then is the operator's.

use super::task::{Mail, Status};
use super::{Host, Job, Notice, Step, World};
use crate::base::{Attempt, Span, TaskId, mix};
use crate::plan::key_group;
use crate::scenario::OverTime;
use crate::workload::windows::Tally;
use std::collections::BTreeSet;

/// For which timers somebody is to ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// One that rang came too early.
    First,
    /// Those that were set at this moment, or later; 0: nobody has looked at the clock.
    Since(u64),
}

/// When, for whom, and for what: the end of a window.
pub(super) type Timer = (u64, u32, u64);

/// The timers of an operator in one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    pub set: BTreeSet<Timer>,
    /// Their number, and a hash over them.
    pub all: Tally,
    /// Since this was told last: so many set, so many deleted, and the difference of their hashes. Not state.
    pub untold: (u64, u64, u64),
}

impl Timers {
    pub fn clear(&mut self) {
        self.set.clear();
        (self.all, self.untold) = (Tally::default(), (0, 0, 0));
    }

    /// Sets a timer.
    pub fn set(&mut self, timer: Timer) {
        if self.set.insert(timer) {
            self.all.count(hash(timer));
            self.untold.0 += 1;
            self.untold.2 = self.untold.2.wrapping_add(hash(timer));
        }
    }

    /// Takes a timer back.
    pub fn delete(&mut self, timer: Timer) {
        if self.take(timer) {
            self.untold.1 += 1;
            self.untold.2 = self.untold.2.wrapping_sub(hash(timer));
        }
    }

    /// The first timer, if its time is not after this one.
    pub fn due(&self, upto: u64) -> Option<Timer> {
        self.set.first().copied().filter(|(time, ..)| *time <= upto)
    }

    /// A timer fires: it is gone.
    pub fn take(&mut self, timer: Timer) -> bool {
        let was_set = self.set.remove(&timer);
        if was_set {
            self.all = Tally { records: self.all.records - 1, hash: self.all.hash.wrapping_sub(hash(timer)) };
        }
        was_set
    }

    /// The time of the first one; 0: there is none.
    pub fn next(&self) -> u64 {
        self.set.first().map_or(0, |(time, ..)| *time)
    }

    /// Keeps those for which a reader finds them where their keys belong.
    pub fn misplace(&mut self, groups: u32) {
        let mut before = None;
        let mut lost = Vec::new();
        for timer in &self.set {
            let group = key_group(timer.1, groups);
            if before.replace(group).is_some_and(|before| before != group) {
                lost.push(*timer);
            }
        }
        lost.into_iter().for_each(|timer| _ = self.take(timer));
    }
}

/// One timer's part of the hash over all.
pub(super) fn hash((time, key, what): Timer) -> u64 {
    mix(time ^ mix(what.wrapping_add(u64::from(key) << 32) ^ 0xd6e8_feb8_6659_fd93))
}

impl World {
    /// Whoever is to ring for the clock's timers of a task is told when: one ring for each of these timers.
    pub(super) fn arm<H: Host>(&mut self, job: &Job, id: TaskId, which: Which, host: &mut H) {
        if which == Which::Since(0) {
            return;
        }
        let (task, chain) = (&self.tasks[id.index()], &job.plan.tasks[id.index()].chain);
        for (state, operator) in task.operators.iter().zip(chain) {
            let Some(OverTime::After(after)) = job.workload.behaviours[operator.index()].over_time() else { continue };
            let Some(panes) = &state.panes else { continue };
            host.asks(Some(id));
            let (from, most) = match which {
                Which::All => (0, usize::MAX),
                Which::First => (0, 1),
                Which::Since(moment) => (moment, usize::MAX),
            };
            for (since, ..) in panes.timers.set.range((from, 0, 0)..).take(most) {
                let after = host.left(crate::protocol::Moment(*since), after);
                host.notice(Notice::Later { step: Step::Alarm { task: id, attempt: task.attempt }, after });
            }
        }
    }

    /// It is time for a timer of a task: its thread will see to it, between two records.
    pub(super) fn alarm<H: Host>(&mut self, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt == attempt && matches!(task.status, Status::Running | Status::Frozen) {
            task.mailbox.push(Mail::Alarm);
            host.notice(Notice::Wake(id));
        }
    }

    /// The latest moment such that what was set then, or before, is over by now.
    pub(super) fn over_by<H: Host>(&self, id: TaskId, timers: &Timers, after: Span, host: &mut H) -> Option<u64> {
        host.asks(Some(id));
        let over = timers.set.iter().map(|(since, ..)| *since);
        over.take_while(|since| host.elapsed(crate::protocol::Moment(*since), after)).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_set_once_and_gone_when_it_has_fired() {
        let mut timers = Timers::default();
        for timer in [(5, 1, 6), (3, 2, 4), (5, 1, 6)] {
            timers.set(timer);
        }
        assert_eq!((timers.all.records, timers.untold.0, timers.next()), (2, 2, 3));
        assert_eq!((timers.due(2), timers.due(4)), (None, Some((3, 2, 4))));
        assert!(timers.take((3, 2, 4)) && !timers.take((3, 2, 4)));
        timers.delete((5, 1, 6));
        timers.delete((5, 1, 6));
        assert_eq!((timers.all, timers.untold.1, timers.next()), (Tally::default(), 1, 0));
        assert_eq!(timers.untold.2, hash((3, 2, 4)), "set and not deleted; that it fired is told otherwise");
    }
}
