//! What Flink tells of a checkpoint: by vertex and subtask, under its names and by its definitions.
//!
//! Times are the coordinator's where it has a part in them, and virtual time has no clock drift:
//!
//! - *end-to-end duration*: from the trigger to the arrival of an acknowledgement at the coordinator: a subtask's own,
//!   the latest one of a vertex, the latest one of all. A checkpoint that failed has it until it failed.
//! - *start delay*: from the trigger until the subtask handled the first barrier. Announcements do not count.
//! - *alignment duration*: from the first barrier handled to the last, also where nothing waits for it because
//!   barriers overtake; 0 with one channel, and for sources.
//! - *sync*, *async*: the operators' snapshots in the task's thread; from then on until all is in storage.
//! - *processed*: bytes of the buffers that the subtask began to read between its first barrier and its last.
//! - *persisted*: bytes of channels in the snapshot, inputs and outputs.
//! - *checkpointed size*: bytes that this checkpoint wrote, states and channels. *Full size*: bytes that a restore
//!   from it reads. All state backends modelled so far write everything every time, so the two are the same.
//! - *unaligned*: the barrier had overtaken data when the subtask's snapshot began.
//!
//! As in Flink, sums and summaries know acknowledged subtasks only: those that a checkpoint failed without are left
//! out, although their own measures are here as far as they got. A task that had ended before the trigger counts as
//! acknowledged at once, with zeros. Acknowledgements that come after a checkpoint failed come too late.

use super::{CheckpointFigures, Purpose, Status};
use crate::base::{Bytes, CheckpointId, Span, TaskId, Time};
use crate::plan::Plan;

/// All that Flink tells of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measures {
    /// Its id.
    pub id: CheckpointId,
    /// What it is for.
    pub purpose: Purpose,
    /// How far it got.
    pub progress: Progress,
    /// When the coordinator triggered it.
    pub triggered: Time,
    /// From the trigger to the latest acknowledgement so far, or to the failure.
    pub end_to_end: Option<Span>,
    /// Over all acknowledged subtasks.
    pub sums: Sums,
    /// Chains of operators, inputs before outputs.
    pub vertices: Vec<VertexMeasures>,
}

/// How far a checkpoint got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Somebody has to acknowledge yet, or the metadata is not written.
    InProgress,
    /// It can be restored.
    Completed,
    /// It was given up.
    Failed,
}

/// Counts and sums over acknowledged subtasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many subtasks there are.
    pub subtasks: u32,
    /// How many of them acknowledged.
    pub acknowledged: u32,
    /// When the coordinator had the latest acknowledgement.
    pub latest_ack: Option<Time>,
    /// Bytes that were written.
    pub checkpointed: Bytes,
    /// Bytes that a restore reads.
    pub full: Bytes,
    /// Bytes that were read during alignments.
    pub processed: Bytes,
    /// Bytes of channels in snapshots.
    pub persisted: Bytes,
}

/// What Flink calls a vertex: a chain of operators in all its parallel instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VertexMeasures {
    /// Its operators: `source -> map`.
    pub name: String,
    /// From the trigger to the latest acknowledgement of a subtask.
    pub end_to_end: Option<Span>,
    /// Over its acknowledged subtasks.
    pub sums: Sums,
    /// In order.
    pub subtasks: Vec<SubtaskMeasures>,
}

/// One subtask. What did not happen is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubtaskMeasures {
    /// The task.
    pub task: TaskId,
    /// Its number in the vertex.
    pub index: u32,
    /// It had ended before the trigger.
    pub finished: bool,
    /// When the coordinator had the acknowledgement, in time.
    pub ack: Option<Time>,
    /// From the trigger until then.
    pub end_to_end: Option<Span>,
    /// From the trigger to the first barrier.
    pub start_delay: Option<Span>,
    /// From the first barrier to the last.
    pub alignment: Option<Span>,
    /// The synchronous part of the snapshot.
    pub sync: Option<Span>,
    /// The asynchronous part.
    pub r#async: Option<Span>,
    /// Bytes read between the first barrier and the last.
    pub processed: Bytes,
    /// Bytes of channels in the snapshot.
    pub persisted: Bytes,
    /// Bytes written.
    pub checkpointed: Bytes,
    /// Bytes that a restore reads.
    pub full: Bytes,
    /// The barrier had overtaken data.
    pub unaligned: bool,
}

/// A summary over acknowledged subtasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinMaxAvg {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// The mean, rounded down.
    pub avg: u64,
}

impl Measures {
    /// Those of one checkpoint.
    pub fn of(plan: &Plan, checkpoint: &CheckpointFigures) -> Self {
        let vertices: Vec<VertexMeasures> = plan
            .chains()
            .map(|tasks| {
                let name = plan.chain_name(TaskId(tasks.start));
                let subtasks = tasks.clone().map(|task| SubtaskMeasures::of(checkpoint, TaskId(task), task - tasks.start));
                VertexMeasures::new(name, checkpoint.triggered, subtasks.collect())
            })
            .collect();
        let sums = vertices.iter().fold(Sums::default(), |sums, vertex| sums.and(&vertex.sums));
        let progress = Progress::of(checkpoint.status);
        let until = if progress == Progress::Failed { Some(checkpoint.ended) } else { sums.latest_ack };
        Self {
            id: checkpoint.id,
            purpose: checkpoint.purpose,
            progress,
            triggered: checkpoint.triggered,
            end_to_end: until.map(|until| until.since(checkpoint.triggered)),
            sums,
            vertices,
        }
    }

    /// All subtasks of all vertices.
    pub fn subtasks(&self) -> impl Iterator<Item = &SubtaskMeasures> {
        self.vertices.iter().flat_map(|vertex| &vertex.subtasks)
    }

    /// Whether a barrier overtook data anywhere.
    pub fn unaligned(&self) -> bool {
        self.subtasks().any(|subtask| subtask.unaligned)
    }
}

impl Progress {
    fn of(status: Status) -> Self {
        match status {
            Status::Pending => Self::InProgress,
            Status::Completed => Self::Completed,
            Status::Aborted(_) => Self::Failed,
        }
    }

    /// The word for it that Flink has.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl Sums {
    fn and(&self, other: &Self) -> Self {
        Self {
            subtasks: self.subtasks + other.subtasks,
            acknowledged: self.acknowledged + other.acknowledged,
            latest_ack: self.latest_ack.max(other.latest_ack),
            checkpointed: Bytes(self.checkpointed.0 + other.checkpointed.0),
            full: Bytes(self.full.0 + other.full.0),
            processed: Bytes(self.processed.0 + other.processed.0),
            persisted: Bytes(self.persisted.0 + other.persisted.0),
        }
    }
}

impl VertexMeasures {
    fn new(name: String, triggered: Time, subtasks: Vec<SubtaskMeasures>) -> Self {
        let sums = subtasks.iter().fold(Sums::default(), |sums, subtask| sums.and(&subtask.sums()));
        let end_to_end = sums.latest_ack.map(|at| at.since(triggered));
        Self { name, end_to_end, sums, subtasks }
    }

    /// The least, the most and the mean of a measure; `None` if no acknowledged subtask has it.
    pub fn summary(&self, of: impl Fn(&SubtaskMeasures) -> Option<u64>) -> Option<MinMaxAvg> {
        let acknowledged = self.subtasks.iter().filter(|subtask| subtask.ack.is_some());
        let values: Vec<u64> = acknowledged.filter_map(of).collect();
        let (min, max) = (*values.iter().min()?, *values.iter().max()?);
        let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
        Some(MinMaxAvg { min, max, avg: (sum / values.len() as u128) as u64 })
    }
}

impl SubtaskMeasures {
    fn of(checkpoint: &CheckpointFigures, task: TaskId, index: u32) -> Self {
        let times = &checkpoint.tasks[task.index()];
        if times.finished {
            return Self::finished(task, index, checkpoint.triggered);
        }
        let in_time = times.acked != Time::NEVER && times.acked <= checkpoint.ended;
        let ack = in_time.then_some(times.acked);
        Self {
            task,
            index,
            finished: false,
            ack,
            end_to_end: ack.map(|at| at.since(checkpoint.triggered)),
            start_delay: checkpoint.start_delay(task),
            alignment: times.alignment(),
            sync: times.sync(),
            r#async: times.r#async(),
            processed: times.processed,
            persisted: times.persisted,
            checkpointed: times.bytes,
            full: times.bytes,
            unaligned: times.unaligned,
        }
    }

    fn finished(task: TaskId, index: u32, triggered: Time) -> Self {
        let zero = Some(Span::ZERO);
        Self {
            task,
            index,
            finished: true,
            ack: Some(triggered),
            end_to_end: zero,
            start_delay: zero,
            alignment: zero,
            sync: zero,
            r#async: zero,
            processed: Bytes(0),
            persisted: Bytes(0),
            checkpointed: Bytes(0),
            full: Bytes(0),
            unaligned: false,
        }
    }

    fn sums(&self) -> Sums {
        if self.ack.is_none() {
            return Sums { subtasks: 1, ..Sums::default() };
        }
        Sums {
            subtasks: 1,
            acknowledged: 1,
            latest_ack: self.ack,
            checkpointed: self.checkpointed,
            full: self.full,
            processed: self.processed,
            persisted: self.persisted,
        }
    }
}
