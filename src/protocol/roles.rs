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
    /// How much of `limit` is left, counted from `since`: the delay of a timer that should run out then. No clock: all.
    fn left(&mut self, since: Moment, limit: Span) -> Span;
    /// The draw at an address.
    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64;
}

/// An instant that only [`Env`] can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(pub(crate) u64);

impl Moment {
    /// For whoever implements [`Env`]: the instant that it means by a number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number again.
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// A control element in a channel that belongs to a checkpoint, and its options: what a trigger carries, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Barrier {
    /// The checkpoint it belongs to.
    pub checkpoint: CheckpointId,
    /// How it moves.
    pub kind: BarrierKind,
    /// What the checkpoint is for.
    pub purpose: Purpose,
    /// When the coordinator triggered the checkpoint.
    pub triggered: Moment,
}

/// How a barrier moves and what it does to its channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarrierKind {
    /// In order; the sender sends nothing behind it until the receiver releases the port.
    #[default]
    Blocking,
    /// In order; blocks nothing.
    Plain,
    /// Like `Blocking`, but a remote receiver hears of it as soon as it arrives, and either end may let it overtake
    /// the data before it ([`TaskCommand::Overtake`], [`TaskCommand::OvertakeOutputs`]).
    Timeoutable,
    /// Goes before all data: at the sender, whose queued data become part of its snapshot, and at the receiver.
    Overtaking,
    /// Like `Blocking`; what `Timeoutable` and `Overtaking` become on an edge that forbids overtaking.
    Forced,
}

impl BarrierKind {
    /// Whether the sender waits behind it for a release.
    pub fn blocks(self) -> bool {
        matches!(self, Self::Blocking | Self::Timeoutable | Self::Forced)
    }
}

/// What a checkpoint is for. The discriminants are part of golden digests: append only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Purpose {
    /// To recover from.
    #[default]
    Checkpoint = 0,
    /// Somebody asked for it and owns it.
    Savepoint = 1,
    /// The job ends with it and will be resumed from it: sources stop, nothing is final.
    Suspend = 2,
    /// The job ends with it for good: sources stop and tell everybody that this was all.
    Drain = 3,
}

/// A named timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Which.
    pub kind: TimerKind,
    /// About which checkpoint, if about one; for [`TimerKind::Request`] the number of the request, from 0.
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
    /// A task has aligned for too long.
    Alignment,
    /// A barrier has waited at a task's outputs for too long.
    Output,
    /// The scenario asks for a checkpoint or a savepoint now.
    Request,
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
        /// The checkpoint and how its barriers are to move.
        barrier: Barrier,
    },
    /// A barrier was read from a port.
    Barrier {
        /// Where.
        port: Port,
        /// What.
        barrier: Barrier,
    },
    /// A timeoutable barrier has arrived at a port and waits behind data.
    Announced {
        /// Where.
        port: Port,
        /// What.
        barrier: Barrier,
    },
    /// A cancel marker was read from a port: the sender gave the checkpoint up.
    Cancelled {
        /// Where.
        port: Port,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A sender has ended for good, nothing will come from this port any more.
    Ended {
        /// Where.
        port: Port,
    },
    /// The task has seen all of its data, or emitted its last record.
    Drained,
    /// [`TaskCommand::CaptureInputs`] has begun.
    Capturing {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// [`TaskCommand::CaptureInputs`] was refused: a channel has already received a newer barrier.
    Refused {
        /// The checkpoint.
        checkpoint: CheckpointId,
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
        /// The newest complete one: the task may not have heard of it.
        completed: CheckpointId,
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
    /// Put a barrier into every output: behind all records sent so far, or before all that wait there if it overtakes;
    /// these become part of the snapshot then. On edges that forbid overtaking it becomes [`BarrierKind::Forced`].
    Send(Barrier),
    /// Put a cancel marker into every output, behind all records sent so far.
    SendCancel {
        /// The checkpoint that is given up.
        checkpoint: CheckpointId,
    },
    /// Capture the state now and block for the synchronous part; the last command of a batch.
    Snapshot {
        /// The checkpoint and how its barriers moved here.
        barrier: Barrier,
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
    /// Copy what is queued at every port before its barrier of this checkpoint into the snapshot, and what still comes
    /// until then. It can be refused, so it is the last command of a batch; the next input is
    /// [`TaskInput::Capturing`] or [`TaskInput::Refused`].
    CaptureInputs {
        /// Whose.
        checkpoint: CheckpointId,
    },
    /// Stop copying at every port. The snapshot has all of its input, or, if it is not wanted any more, loses it.
    EndCaptureInputs {
        /// Whose.
        checkpoint: CheckpointId,
        /// All barriers have come; otherwise the checkpoint is given up here.
        complete: bool,
    },
    /// Let the announced barrier of a port go before the data that wait there; the task fails if another barrier has
    /// arrived behind it.
    Overtake {
        /// Which port.
        port: Port,
        /// The barrier's checkpoint.
        checkpoint: CheckpointId,
    },
    /// Let the timeoutable barriers that still wait at outputs overtake the data before them.
    OvertakeOutputs {
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
    /// Tell the coordinator that this task will not have a part in a checkpoint; what was captured for it is dropped.
    Decline {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Why.
        reason: DeclineReason,
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
    /// Forget a timer.
    CancelTimer(Timer),
    /// A source reads nothing more, because the job is to end with this savepoint.
    StopReading {
        /// That was all for ever: everybody is told that the data has ended.
        drain: bool,
    },
    /// The task may end: its last snapshot is part of a complete checkpoint.
    End,
    /// The role cannot go on: the task fails.
    Fail,
    /// Nothing to carry out: a decision that measures and comparisons want to know of.
    Note(Note),
}

/// A decision of a task role that changes nothing by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The port stays blocked until it is released. The world does nothing with it, comparisons with recordings do.
    Blocked(Port),
    /// The checkpoint starts here; whether a snapshot follows is another question (it may be known to be given up).
    /// The world does nothing with it: it is for comparisons with recordings.
    Starts(Barrier),
    /// Channel state will be written for this checkpoint. The world does nothing with it: it is for comparisons with
    /// recordings.
    InputsBegin(Barrier),
    /// The first barrier of a checkpoint has been handled.
    AlignmentBegan(CheckpointId),
    /// The last one has.
    AlignmentEnded(CheckpointId),
    /// The checkpoint was given up, or a newer one is measured from now on.
    AlignmentDropped(CheckpointId),
}

/// Why a task has no part in a checkpoint. The discriminants are part of golden digests: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum DeclineReason {
    /// A barrier of a newer one came first.
    Subsumed = 1,
    /// A cancel marker came.
    Cancelled = 2,
    /// An input ended, and checkpoints after that are off.
    InputEnded = 3,
    /// A channel had received a newer barrier when it was to be captured.
    Overtaken = 4,
    /// The task does not run, or not any more.
    NotRunning = 5,
    /// Its asynchronous part failed.
    Failed = 6,
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
    /// The preparations of a checkpoint are over ([`CoordinatorCommand::Prepare`]).
    Prepared {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A task's part is durable.
    Ack {
        /// Who.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
        /// It had seen all of its data when its snapshot began.
        last: bool,
    },
    /// A task will have no part.
    Decline {
        /// Who.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
        /// Why.
        reason: DeclineReason,
    },
    /// The metadata of a checkpoint is recorded: it can be declared complete, unless it was given up meanwhile.
    Recorded {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A checkpoint's files are deleted ([`CoordinatorCommand::Clean`]).
    Cleaned {
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// A task has ended for good.
    Ended {
        /// Who.
        task: TaskId,
    },
    /// Every task has seen the end of its data.
    Drained,
    /// A task failed: nothing is to be triggered until the job runs again. What is pending may still complete.
    Suspended,
    /// The job is about to restart: give up what is pending and push a [`CoordinatorCommand::Recover`].
    Restarting {
        /// Which tasks have to be restored: they failed, or were stopped with one that did.
        failed: &'a [TaskId],
    },
    /// The metadata of a checkpoint could not be recorded.
    Unrecorded {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// It is certain that it was not; otherwise nobody knows.
        known: bool,
    },
    /// A task could not read the snapshot it was to be restored from; the job is about to fail again.
    Unreadable {
        /// Whose.
        task: TaskId,
        /// Which.
        checkpoint: CheckpointId,
        /// Nobody ever will; otherwise it may be there later.
        gone: bool,
    },
    /// This role takes over from one that is gone, of which it knows no more than this; `Restarting` follows.
    TookOver {
        /// What can be restored, oldest first.
        records: &'a [Record],
        /// The newest checkpoint id that was given out.
        last: CheckpointId,
    },
}

/// What is written down of a complete checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub checkpoint: CheckpointId,
    /// What it is for. A plain savepoint is written down for its owner only.
    pub purpose: Purpose,
    /// By task: the newest snapshot that belongs to it. Empty: everybody's is of this checkpoint.
    pub newest: Vec<CheckpointId>,
}

/// What the coordinator role wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorCommand {
    /// A checkpoint begins: it has an id and is pending from now on.
    Begin(Barrier),
    /// What comes before tasks are told: the storage location, the coordinators of operators. `Prepared` follows.
    Prepare(CheckpointId),
    /// Tell a task to begin its part.
    Trigger {
        /// Whom.
        task: TaskId,
        /// Of what, and how its barriers move.
        barrier: Barrier,
    },
    /// Write down what can be restored; `Recorded` or `Unrecorded` follows.
    Record(Record),
    /// Delete that record, if there is one.
    Forget(CheckpointId),
    /// Delete what is stored of a checkpoint that came to nothing.
    Discard(CheckpointId),
    /// A checkpoint is complete.
    Complete(CheckpointId),
    /// Tell a task that a checkpoint is complete.
    Notify {
        /// Whom.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// Give a checkpoint up and tell all tasks, on a way on which it may be overtaken by other messages.
    Abort {
        /// Which.
        checkpoint: CheckpointId,
        /// Why.
        reason: AbortReason,
        /// The newest complete one.
        completed: CheckpointId,
    },
    /// Delete a task's snapshots below this one, and the sender logs that only they need.
    Drop {
        /// Whose.
        task: TaskId,
        /// The oldest to keep.
        keep_from: CheckpointId,
    },
    /// Delete the files of a checkpoint in the background; `Cleaned` follows.
    Clean(CheckpointId),
    /// Set a timer.
    SetTimer {
        /// Which.
        timer: Timer,
        /// From now.
        delay: Span,
    },
    /// Forget a timer.
    CancelTimer(Timer),
    /// Say what became of something that the scenario asks for.
    Answer {
        /// The number of the request, from 0.
        request: u32,
        /// It is queued, or refused for good.
        accepted: bool,
    },
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
    /// What it would tell somebody who asks how it stands: names and values, for people and for comparisons.
    fn inspect(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
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
