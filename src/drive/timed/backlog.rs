//! What has arrived at sources and is not read: counted only while they catch up after a restart.
//!
//! A backlog is greatest just before a record is finished, or when the catching up ends. What arrives at the instant at
//! which a record is finished arrives after that.

use super::{Timed, Watched, lookahead};
use crate::base::{TaskId, Time};
use crate::trace::Observer;
use crate::workload::SourceLog;
use crate::world::{Job, Step, World};

/// The backlogs of all tasks.
#[derive(Debug, Default)]
pub(super) struct Backlogs(Vec<Backlog>);

#[derive(Clone, Copy, Debug, Default)]
struct Backlog {
    /// Records that have arrived, when last counted.
    arrived: u64,
    /// The most that waited since this was last taken.
    most: u64,
}

impl Backlogs {
    pub fn new(tasks: usize) -> Self {
        Self(vec![Backlog::default(); tasks])
    }

    pub fn reset(&mut self) {
        self.0.fill(Backlog::default());
    }

    /// At this instant a source is at `position`, in a log that is read up to `end`.
    pub fn look(&mut self, log: &SourceLog, task: TaskId, position: u64, end: u64, now: Time) {
        if log.arrivals.rate.is_some() && !log.dynamic {
            let backlog = &mut self.0[task.index()];
            backlog.arrived = log.arrivals.before(now.since(Time::ZERO), backlog.arrived);
            backlog.most = backlog.most.max(backlog.arrived.min(end).saturating_sub(position));
        }
    }

    /// The most that waited since this was last asked.
    pub fn take(&mut self, task: TaskId) -> u64 {
        std::mem::take(&mut self.0[task.index()].most)
    }
}

impl Timed {
    /// A source that is behind after a restart is about to finish records.
    #[inline]
    pub(super) fn look_at_backlog(&mut self, job: &Job, world: &World, task: TaskId, records: u32) {
        if !world.is_behind(task) {
            return;
        }
        let (Some(log), Some(mut position)) = (lookahead::log(job, task), world.source_position(task)) else { return };
        let (anchor, end) = (self.threads[task.index()].anchor, world.source_end(task).unwrap_or(position));
        let backlogs = &mut self.host.backlogs;
        self.lookahead.each_finish(job, world, task, anchor, records, |finish| {
            backlogs.look(log, task, position, end, finish);
            position += 1;
        });
    }

    /// Tells a source that was behind when nothing that has arrived waits for it.
    #[inline]
    pub(super) fn see_caught_up<O: Observer>(&mut self, job: &Job, world: &mut World, task: TaskId, observer: &mut O) {
        if !world.is_behind(task) {
            return;
        }
        let Some(log) = lookahead::log(job, task) else { return };
        let next = world.upcoming_arrivals(log, task);
        if log.arrivals.rate.is_some() && Time::ZERO + next.arrival(log, 0) >= self.host.now {
            world.apply(job, Step::CaughtUp(task), &mut Watched { clock: &mut self.host, job, observer });
        }
    }
}
