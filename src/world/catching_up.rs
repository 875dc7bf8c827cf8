//! Sources after a restart: what they read again, and what arrived while the job was down.
//!
//! A source that was rewound has *replayed* when it passes the position it had reached before, and has *caught up*
//! when it has read, besides, all that had arrived meanwhile. What has arrived only a clock can know, so the driver
//! tells ([`super::Step::CaughtUp`]). Where all records are there from the beginning, there is nothing more to
//! catch up with than the replay; nor is there for a reader of splits, for whom nothing arrives that others could not read,
//! and whose replay is over as soon as nobody has a split for it. Either is an effect: no step of several records goes beyond it.

use super::task::{SourceState, Task};
use super::{Host, Job, World};
use crate::base::TaskId;
use crate::trace::Event;

/// What a restart has left to a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing: no restart, or it is over.
    #[default]
    No,
    /// To read again up to this position.
    Replay(u64),
    /// To read what has arrived.
    Backlog,
}

impl SourceState {
    /// The position that the next step of records does not go beyond.
    #[inline]
    pub(super) fn bound(&self) -> u64 {
        let end = match self.behind {
            Behind::Replay(upto) if upto > self.position => upto.min(self.end),
            _ => self.end,
        };
        match self.every {
            _ if self.wakes => end.min(self.position + 1),
            0 => end,
            every => end.min((self.position / every + 1) * every),
        }
    }
}

impl Task {
    /// A source begins again, rewound from a position, or kept while time went on.
    pub(super) fn falls_behind(&mut self, rewound: Option<u64>) {
        if let Some(source) = &mut self.source {
            source.behind = rewound.map_or(Behind::Backlog, Behind::Replay);
        }
    }

    /// A source has nothing to catch up with.
    pub(super) fn keeps_up(&mut self) {
        if let Some(source) = &mut self.source {
            source.behind = Behind::No;
        }
    }
}

impl World {
    /// Whether a source has not yet caught up after a restart with what arrives; readers of splits need not.
    #[inline]
    pub fn is_behind(&self, task: TaskId) -> bool {
        let is_behind = |source: &SourceState| source.behind != Behind::No && source.reader.is_none();
        self.tasks[task.index()].source.as_ref().is_some_and(is_behind)
    }

    /// Where the log of a source ends for it: no record beyond that will be read.
    pub fn source_end(&self, task: TaskId) -> Option<u64> {
        self.tasks[task.index()].source.as_ref().map(|source| source.end)
    }

    /// A source that may be behind has come to another position, or begins to run.
    pub(super) fn catches_up<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        if let Behind::Replay(upto) = source.behind
            && source.position >= upto
        {
            source.behind = Behind::Backlog;
            host.emit(Event::SourceReplayed { task: id, position: source.position });
        }
        let log = job.workload.logs[job.plan.head(id).index()].as_ref();
        let all_there = log.is_none_or(|log| log.arrivals.rate.is_none() || log.dynamic);
        if source.behind == Behind::Backlog && (all_there || source.position == source.end) {
            self.caught_up(id, host);
        }
    }

    /// A source has read all that had arrived.
    pub(super) fn caught_up<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        if source.behind == Behind::Backlog {
            source.behind = Behind::No;
            let (task, position) = (id, source.position);
            let lag = host.lag(task, position, source.end);
            host.emit(Event::SourceCaughtUp { task, position, lag });
        }
    }

    /// A source will not catch up: it failed, or reads nothing more.
    pub(super) fn left_behind<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        if std::mem::take(&mut source.behind) != Behind::No {
            let (task, position) = (id, source.position);
            let lag = host.lag(task, position, source.end);
            host.emit(Event::SourceLeftBehind { task, position, lag });
        }
    }

    /// The job fails: nobody catches up any more.
    pub(super) fn all_left_behind<H: Host>(&mut self, job: &Job, host: &mut H) {
        job.plan.task_ids().for_each(|id| self.left_behind(id, host));
    }
}
