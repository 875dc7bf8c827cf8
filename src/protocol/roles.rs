//! The language between roles and the world: inputs, commands, and the little a role may ask.

use super::{Facts, RecoveryPlan};
use crate::base::{CheckpointId, Concern, Fingerprint, Port, Span, TaskId};
use crate::trace::AbortReason;

/// What a role may ask of its surroundings while it handles an input.
pub trait Env {
    /// An instant to measure from later. Its value means nothing to a role.
    fn now(&mut self) -> Moment;
    /// Whether at least `limit` has passed since `since`. The timed driver answers from a clock, the explorer both ways.
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool;
    /// The draw at an address.
    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64;
}

/// An instant that only [`Env::elapsed`] can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(pub(crate) u64);

/// A control element in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// The checkpoint it belongs to.
    pub checkpoint: CheckpointId,
    /// How it moves.
    pub kind: BarrierKind,
}

/// How a control element moves and what it does to its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierKind {
    /// In order; the channel delivers nothing behind it until the receiver releases the port.
    Blocking,
    /// In order; blocks nothing.
    Plain,
}

/// A named timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Which.
    pub kind: TimerKind,
    /// About which checkpoint, if about one.
    pub checkpoint: CheckpointId,
}

/// The timers that protocols use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Time for the next trigger.
    Interval,
    /// The minimum pause is over.
    Pause,
    /// A checkpoint took too long.
    Expiry,
    /// A task's own snapshot is due.
    Local,
}

/// What a task role is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskInput {
    /// The attempt begins, restored to a checkpoint.
    Started {
        /// 0: the initial state.
        restored: CheckpointId,
    },
    /// The coordinator triggers this task.
    Trigger {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A barrier was read from a port.
    Barrier {
        /// Where.
        port: Port,
        /// What.
        barrier: Barrier,
    },
    /// The synchronous part is over, the task goes on.
    Taken {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// The snapshot, with all that was captured for it, is in storage.
    Durable {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// The coordinator says a checkpoint is complete.
    Completed {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// The coordinator says a checkpoint was given up.
    Aborted {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A timer this task set has run out.
    Timer {
        /// Which.
        timer: Timer,
    },
}

/// What a task role wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskCommand {
    /// Put a barrier into every output, behind all records sent so far.
    Send(Barrier),
    /// Capture the state now and block for the synchronous part; the last command of a batch.
    Snapshot {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Block for the asynchronous part too (the textbook's order).
        whole: bool,
    },
    /// From now on copy the records read from a port into the snapshot.
    Capture {
        /// Which port.
        port: Port,
        /// Whose.
        checkpoint: CheckpointId,
    },
    /// Stop copying.
    EndCapture {
        /// Which port.
        port: Port,
        /// Whose.
        checkpoint: CheckpointId,
    },
    /// Let a port that a barrier blocked go on.
    Release {
        /// Which port.
        port: Port,
    },
    /// Tell the coordinator that this task's part is durable.
    Ack {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Make output up to and including this checkpoint visible.
    Commit {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Set a timer.
    SetTimer {
        /// Which.
        timer: Timer,
        /// From now.
        delay: Span,
    },
}

/// What the coordinator role is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoordinatorInput<'a> {
    /// All tasks are running; `restored` says from what.
    Started {
        /// 0: the initial state.
        restored: CheckpointId,
    },
    /// A timer has run out.
    Timer {
        /// Which.
        timer: Timer,
    },
    /// A task's part is durable.
    Ack {
        /// Who.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// The metadata of a checkpoint is recorded: it can be declared complete, unless it was given up meanwhile.
    Recorded {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Every task has seen the end of its data.
    Drained,
    /// A task failed: nothing is to be triggered until the job runs again. What is pending may still complete.
    Suspended,
    /// The job is about to restart: give up what is pending and push a [`CoordinatorCommand::Recover`].
    Restarting {
        /// Which tasks failed.
        failed: &'a [TaskId],
    },
}

/// What the coordinator role wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorCommand {
    /// A checkpoint begins.
    Begin(CheckpointId),
    /// Tell a task to begin its part.
    Trigger {
        /// Whom.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// Write the metadata; `Recorded` follows.
    Record(CheckpointId),
    /// A checkpoint is complete: recovery may use it, and all tasks are told.
    NotifyComplete(CheckpointId),
    /// Give a checkpoint up and tell all tasks.
    Abort {
        /// Which.
        checkpoint: CheckpointId,
        /// Why.
        reason: AbortReason,
    },
    /// Delete a task's snapshots below this one, and the sender logs that only they need.
    Drop {
        /// Whose.
        task: TaskId,
        /// The oldest to keep.
        keep_from: CheckpointId,
    },
    /// Set a timer.
    SetTimer {
        /// Which.
        timer: Timer,
        /// From now.
        delay: Span,
    },
    /// Forget a timer.
    CancelTimer(Timer),
    /// Fail the job because too many checkpoints failed.
    FailJob,
    /// Restart like this.
    Recover(Box<RecoveryPlan>),
    /// Nothing is left to do: tasks may end, and what sinks still hold becomes visible.
    Finish,
}

/// The part of a protocol that runs in every task.
pub trait TaskRole: Send {
    /// Handles one input.
    fn on(&mut self, input: TaskInput, env: &mut dyn Env, out: &mut Vec<TaskCommand>);
    /// Back to the state before the first input, for a new run or a new attempt.
    fn reset(&mut self);
    /// Everything that decides what it will do.
    fn fingerprint(&self, into: &mut Fingerprint);
    /// A copy.
    fn boxed_clone(&self) -> Box<dyn TaskRole>;
}

/// The part of a protocol that runs once, in the coordinator.
pub trait CoordinatorRole: Send {
    /// Handles one input.
    fn on(
        &mut self,
        input: CoordinatorInput<'_>,
        facts: &dyn Facts,
        env: &mut dyn Env,
        out: &mut Vec<CoordinatorCommand>,
    );
    /// Back to the state before the first input, for a new run.
    fn reset(&mut self);
    /// Everything that decides what it will do.
    fn fingerprint(&self, into: &mut Fingerprint);
    /// A copy.
    fn boxed_clone(&self) -> Box<dyn CoordinatorRole>;
}

impl Clone for Box<dyn TaskRole> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

impl Clone for Box<dyn CoordinatorRole> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}
