//! A checkpoint that is under way: who has a part in it, and who has done his.

use crate::base::{CheckpointId, Fingerprint, TaskId};
use crate::protocol::{Barrier, Purpose};

/// What a checkpoint has to do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing: the task had ended.
    Not,
    /// It has not acknowledged.
    Awaited,
    /// It has.
    Done,
}

/// How far a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody has been told.
    Preparing,
    /// Tasks do their parts.
    Acknowledging,
    /// All of them have, and the metadata is being written. Only a restart or a newer one that completes stops it now.
    Recording,
}

/// A checkpoint between its id and its end.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// What its tasks are told.
    pub barrier: Barrier,
    pub phase: Phase,
    /// By task. Who has a part is told of the outcome, too.
    pub parts: Vec<Part>,
    /// How many parts are awaited.
    missing: u32,
    /// Everybody who has done his part had seen all of his data.
    pub covers_all: bool,
}

impl Pending {
    /// One of which nobody has been told.
    pub fn new(barrier: Barrier, parts: Vec<Part>) -> Self {
        let missing = parts.iter().filter(|part| **part == Part::Awaited).count() as u32;
        Self { barrier, phase: Phase::Preparing, parts, missing, covers_all: true }
    }

    pub fn id(&self) -> CheckpointId {
        self.barrier.checkpoint
    }

    pub fn purpose(&self) -> Purpose {
        self.barrier.purpose
    }

    /// Whether the job is to end with it.
    pub fn stops(&self) -> bool {
        matches!(self.purpose(), Purpose::Suspend | Purpose::Drain)
    }

    /// Whether it is being recorded: nothing that tasks or timers say concerns it any more.
    pub fn is_recording(&self) -> bool {
        self.phase == Phase::Recording
    }

    /// Whether it still waits for a task.
    pub fn awaits(&self, task: TaskId) -> bool {
        self.parts[task.index()] == Part::Awaited
    }

    /// A task has done its part; true if that was the last one. Who has none, or has done his, changes nothing.
    /// `again`: a wrong decision.
    pub fn acknowledge(&mut self, task: TaskId, last: bool, again: bool) -> bool {
        let counts = self.awaits(task) || again && self.missing > 0 && self.parts[task.index()] == Part::Done;
        if !counts {
            return false;
        }
        self.parts[task.index()] = Part::Done;
        self.covers_all &= last;
        self.missing -= 1;
        self.missing == 0
    }

    /// The tasks that have a part.
    pub fn participants(&self) -> impl Iterator<Item = TaskId> + '_ {
        let parts = self.parts.iter().enumerate().filter(|(_, part)| **part != Part::Not);
        parts.map(|(task, _)| TaskId::from(task))
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.words([self.id().0, self.purpose() as u64, self.phase as u64, u64::from(self.covers_all)].into_iter());
        into.words(self.parts.iter().map(|part| *part as u64));
    }
}
