//! Who is told of a checkpoint and who is waited for, and what a restart goes back to.
//!
//! While every task runs, a checkpoint begins at the sources, and everybody has a part in it. Tasks that have ended
//! have none: then it begins at those running tasks into which no running task sends, since nobody else would bring
//! them a barrier. Feedback edges do not count as sending: on a cycle somebody has to be first.
//!
//! A restart goes back to one complete checkpoint. A task that had no part in it had ended before, and it ended only
//! after another complete checkpoint covered all of its data; so it goes back to its newest one and stays ended. A
//! task that ended later runs again.

use super::pending::{Part, Pending};
use crate::base::{CheckpointId, Fingerprint, TaskId};
use crate::plan::Plan;
use crate::protocol::{ChannelPlan, Purpose, Record, RecoveryPlan, RestorePoint};

/// What of the job's shape decides who is told.
#[derive(Debug)]
pub(super) struct Graph {
    /// How many tasks there are.
    pub tasks: usize,
    sources: Vec<TaskId>,
    /// By channel.
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    from: TaskId,
    to: TaskId,
    feedback: bool,
}

impl Graph {
    pub fn new(plan: &Plan) -> Self {
        let links = plan.channels.iter().map(|channel| {
            let feedback = plan.edges[channel.edge.index()].feedback;
            Link { from: channel.from, to: channel.to, feedback }
        });
        Self {
            tasks: plan.tasks.len(),
            sources: plan.task_ids().filter(|task| plan.is_source(*task)).collect(),
            links: links.collect(),
        }
    }

    /// The parts of a checkpoint that begins when these tasks have ended.
    pub fn parts(ended: &[bool]) -> Vec<Part> {
        ended.iter().map(|ended| if *ended { Part::Not } else { Part::Awaited }).collect()
    }

    /// The tasks that must be told to begin, because no barrier will come to them.
    pub fn heads(&self, parts: &[Part]) -> Vec<TaskId> {
        if !parts.contains(&Part::Not) {
            return self.sources.clone();
        }
        let mut is_head: Vec<bool> = parts.iter().map(|part| *part != Part::Not).collect();
        for link in self.links.iter().filter(|link| !link.feedback && parts[link.from.index()] != Part::Not) {
            is_head[link.to.index()] = false;
        }
        (0..self.tasks).filter(|task| is_head[*task]).map(TaskId::from).collect()
    }

    /// Whether a task reads from outside.
    pub fn is_source(&self, task: TaskId) -> bool {
        self.sources.contains(&task)
    }

    /// Back to a complete checkpoint, or to the beginning; `captured` is what channels begin with.
    /// Tasks that need not be `restored` are in regions of their own: they and their channels keep what they have.
    pub fn recovery(&self, to: Option<&Completed>, captured: ChannelPlan, restored: &[bool]) -> RecoveryPlan {
        let initial = RestorePoint::Snapshot(CheckpointId::INITIAL);
        let point = |task| to.map_or(initial, |to| to.restore_point(task));
        let tasks = restored.iter().enumerate();
        let tasks: Vec<RestorePoint> =
            tasks.map(|(task, restored)| if *restored { point(task) } else { RestorePoint::Live }).collect();
        let channels = self.links.iter().map(|link| match tasks[link.to.index()] {
            RestorePoint::Live => ChannelPlan::Keep,
            // Whoever has ended has read all there was.
            RestorePoint::Ended(_) => ChannelPlan::Empty,
            _ => captured,
        });
        RecoveryPlan { channels: channels.collect(), tasks }
    }
}

/// A complete checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    pub id: CheckpointId,
    /// By task: the newest complete one in which it has a part. Empty: everybody has one in this.
    newest: Vec<CheckpointId>,
}

impl Completed {
    /// `before` says of each task in which checkpoint it took part last.
    pub fn new(pending: &Pending, before: &[CheckpointId]) -> Self {
        let id = pending.id();
        let newest = |(task, part): (usize, &Part)| match part {
            Part::Not => before[task],
            _ => id,
        };
        let everybody = !pending.parts.contains(&Part::Not);
        let newest = if everybody { Vec::new() } else { pending.parts.iter().enumerate().map(newest).collect() };
        Self { id, newest }
    }

    /// One that is recorded.
    pub fn of(record: &Record) -> Self {
        Self { id: record.checkpoint, newest: record.newest.clone() }
    }

    /// What is to be recorded of it.
    pub fn record(self, purpose: Purpose) -> Record {
        Record { checkpoint: self.id, purpose, newest: self.newest }
    }

    fn newest(&self, task: usize) -> CheckpointId {
        self.newest.get(task).copied().unwrap_or(self.id)
    }

    fn restore_point(&self, task: usize) -> RestorePoint {
        match self.newest(task) {
            id if id == self.id => RestorePoint::Snapshot(id),
            id => RestorePoint::Ended(id),
        }
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.id.0);
        into.words(self.newest.iter().map(|id| id.0));
    }
}
