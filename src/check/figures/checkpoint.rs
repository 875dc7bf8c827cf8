//! One checkpoint as it was seen: the instants at every task, and the durations between them.
//!
//! A task that never came so far has [`Time::NEVER`] there, and no duration that needs it. Which numbers of these
//! Flink would show, and how it sums them up, is in [`Measures`](super::Measures).

use crate::base::{Bytes, ChannelId, CheckpointId, Span, TaskId, Time};
use crate::trace::AbortReason;

/// How a checkpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not yet.
    Pending,
    /// All acknowledgements are in and the metadata is written.
    Completed,
    /// It was given up.
    Aborted(AbortReason),
    /// The coordinator that had triggered it was lost, and with it all that was known of it.
    Lost,
}

impl Status {
    /// The word for it in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Aborted(reason) => reason.name(),
            Self::Lost => "lost",
        }
    }
}

/// What a checkpoint is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To recover from.
    #[default]
    Checkpoint,
    /// Somebody asked for it and owns it.
    Savepoint,
    /// A savepoint that the job ends with, to be resumed from it.
    Suspend,
    /// A savepoint that the job ends with for good.
    Drain,
}

impl Purpose {
    /// The one that an event's word stands for.
    pub fn of(word: u32) -> Self {
        match word {
            1 => Self::Savepoint,
            2 => Self::Suspend,
            3 => Self::Drain,
            _ => Self::Checkpoint,
        }
    }

    /// The word for it in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Savepoint => "savepoint",
            Self::Suspend => "suspend",
            Self::Drain => "drain",
        }
    }
}

/// One checkpoint that the coordinator triggered.
#[derive(Clone, Debug)]
pub struct CheckpointFigures {
    /// Its id.
    pub id: CheckpointId,
    /// What it is for.
    pub purpose: Purpose,
    /// When the coordinator triggered it.
    pub triggered: Time,
    /// How it ended.
    pub status: Status,
    /// When it completed or was given up; [`Time::NEVER`] while it is pending.
    pub ended: Time,
    /// When the coordinator had the last acknowledgement so far; [`Time::NEVER`] before the first.
    pub last_ack: Time,
    /// The task whose acknowledgement was the last.
    pub slowest: Option<TaskId>,
    /// Bytes that its tasks wrote to storage.
    pub bytes: Bytes,
    /// Bytes that it stands for, whoever wrote them.
    pub full: Bytes,
    /// By task.
    pub tasks: Vec<TaskTimes>,
}

/// The instants of one checkpoint at one task; [`Time::NEVER`] is what did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTimes {
    /// The first barrier was handled, or the coordinator's trigger.
    pub reached: Time,
    /// The last barrier was handled; the same as `reached` if there was but one, or a trigger.
    pub aligned: Time,
    /// The synchronous part of the snapshot began.
    pub started: Time,
    /// The synchronous part ended.
    pub taken: Time,
    /// All of it is in storage.
    pub durable: Time,
    /// The coordinator has the acknowledgement.
    pub acked: Time,
    /// Bytes written.
    pub bytes: Bytes,
    /// Bytes that it stands for, whoever wrote them.
    pub full: Bytes,
    /// Of the state: all of it, and what of it is to be written; `None`: the same.
    pub sized: Option<(Bytes, Bytes)>,
    /// Files that the state is in; 0: it is a copy of everything.
    pub files: u32,
    /// How the first barrier came; `None`: by the coordinator's trigger.
    pub first: Option<Arrival>,
    /// How the last barrier came.
    pub last: Option<Arrival>,
    /// The last barrier came after the snapshot had begun: its channel was captured until then, and the
    /// snapshot was not complete before. Told by the order of events, which one instant may have several of.
    pub captured: bool,
    /// When the protocol began to measure the alignment, if it does.
    pub first_barrier: Time,
    /// When it stopped.
    pub last_barrier: Time,
    /// Bytes of the buffers that were read in between.
    pub processed: Bytes,
    /// Bytes of channels that became part of the snapshot.
    pub persisted: Bytes,
    /// The barrier had overtaken data when the snapshot began.
    pub unaligned: bool,
    /// The task had ended for good when the checkpoint was triggered: there is nothing to wait for.
    pub finished: bool,
}

/// A barrier at the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The channel it came through.
    pub channel: ChannelId,
    /// When its sender put it in; [`Time::NEVER`] if nobody saw that.
    pub sent: Time,
}

impl CheckpointFigures {
    /// From the trigger to the last acknowledgement; only a completed checkpoint has it.
    pub fn end_to_end(&self) -> Option<Span> {
        (self.status == Status::Completed).then(|| between(self.triggered, self.last_ack)).flatten()
    }

    /// From the trigger until a task handled its first barrier, or the trigger itself.
    pub fn start_delay(&self, task: TaskId) -> Option<Span> {
        self.tasks[task.index()].start_delay(self.triggered)
    }

    /// Bytes of channels that became part of it.
    pub fn persisted(&self) -> Bytes {
        Bytes(self.tasks.iter().map(|times| times.persisted.0).sum())
    }

    /// Bytes that tasks went on processing while they aligned.
    pub fn processed(&self) -> Bytes {
        Bytes(self.tasks.iter().map(|times| times.processed.0).sum())
    }

    /// The largest of a duration over all tasks that have it.
    pub fn max(&self, duration: impl Fn(&TaskTimes) -> Option<Span>) -> Option<Span> {
        self.tasks.iter().filter_map(duration).max()
    }

    /// The largest start delay.
    pub fn start_delay_max(&self) -> Option<Span> {
        self.max(|times| times.start_delay(self.triggered))
    }
}

impl TaskTimes {
    /// Nothing happened yet.
    pub const NEVER: Self = Self {
        reached: Time::NEVER,
        aligned: Time::NEVER,
        started: Time::NEVER,
        taken: Time::NEVER,
        durable: Time::NEVER,
        acked: Time::NEVER,
        bytes: Bytes(0),
        full: Bytes(0),
        sized: None,
        files: 0,
        first: None,
        last: None,
        captured: false,
        first_barrier: Time::NEVER,
        last_barrier: Time::NEVER,
        processed: Bytes(0),
        persisted: Bytes(0),
        unaligned: false,
        finished: false,
    };

    /// From the trigger to the first barrier handled, as the task's protocol measures it if it does.
    fn start_delay(&self, triggered: Time) -> Option<Span> {
        between(triggered, if self.first_barrier == Time::NEVER { self.reached } else { self.first_barrier })
    }

    /// From the first barrier handled to the last, as the task's protocol measures it if it does.
    pub fn alignment(&self) -> Option<Span> {
        match self.first_barrier == Time::NEVER {
            true => between(self.reached, self.aligned),
            false => between(self.first_barrier, self.last_barrier),
        }
    }

    /// The synchronous part.
    pub fn sync(&self) -> Option<Span> {
        between(self.started, self.taken)
    }

    /// The asynchronous part, until everything is in storage: captured channels too, whose last barriers it
    /// waits for.
    pub fn r#async(&self) -> Option<Span> {
        between(self.taken, self.durable)
    }
}

/// `None` unless both happened.
fn between(from: Time, to: Time) -> Option<Span> {
    (from != Time::NEVER && to != Time::NEVER).then(|| to.since(from))
}
