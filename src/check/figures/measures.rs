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
//!   from it reads. All state backends modelled so far write everything every time, so the two are the same. Both count
//!   whole records where *persisted* counts buffers, which may begin or end within one.
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
                let subtasks =
                    tasks.clone().map(|task| SubtaskMeasures::of(checkpoint, TaskId(task), task - tasks.start));
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
            Status::Aborted(_) | Status::Lost => Self::Failed,
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
            full: times.full,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Attempt, ChannelId};
    use crate::check::Figures;
    use crate::plan;
    use crate::scenario;
    use crate::trace::{AbortReason, Event, Observer};

    const CHECKPOINT: CheckpointId = CheckpointId(1);

    /// Two subtasks of a source chained to a map, and a sink that reads both.
    fn plan() -> Plan {
        let text = r#"{"cutline": 1, "job": {
            "operators": [{"id": "source", "kind": "source", "parallelism": 2, "records": 10, "rate": "1k/s"},
                          {"id": "map", "kind": "map", "parallelism": 2}, {"id": "sink", "kind": "sink"}],
            "edges": [{"from": "source", "to": "map", "by": "forward", "chained": true}, {"from": "map", "to": "sink"}]}}"#;
        let scenario = scenario::parse(text, "test.json").unwrap_or_else(|problem| panic!("{problem}"));
        plan::build(&scenario)
    }

    fn told(mut events: Vec<(u64, Event)>) -> Measures {
        let plan = plan();
        let mut figures = Figures::new(&plan);
        events.sort_by_key(|(at, _)| *at);
        events.iter().for_each(|(at, event)| figures.event(Time(*at), event));
        Measures::of(&plan, figures.checkpoints.last().expect("one was triggered"))
    }

    fn trigger(purpose: u32) -> (u64, Event) {
        (100, Event::CheckpointTriggered { checkpoint: CHECKPOINT, purpose })
    }

    /// A snapshot that begins at an instant and takes 4 and 30; its acknowledgement takes 6.
    fn snapshot(task: u32, at: u64, bytes: u64, overtaking: u32) -> Vec<(u64, Event)> {
        let (task, checkpoint) = (TaskId(task), CHECKPOINT);
        vec![
            (at, Event::SnapshotStarted { task, checkpoint, overtaking }),
            (at + 4, Event::SnapshotTaken { task, checkpoint }),
            (at + 34, Event::SnapshotDurable { task, checkpoint, bytes }),
            (at + 40, Event::AckReceived { task, checkpoint, attempt: Attempt(0) }),
        ]
    }

    /// The trigger's arrival at a source, and its snapshot.
    fn source(task: u32, at: u64, bytes: u64) -> Vec<(u64, Event)> {
        let arrival = Event::TriggerReceived { task: TaskId(task), checkpoint: CHECKPOINT };
        [vec![(at, arrival)], snapshot(task, at, bytes, 0)].concat()
    }

    /// Barriers at the sink, by channel, and between them buffers on the second channel.
    fn barriers(first: u64, last: u64) -> Vec<(u64, Event)> {
        let (task, checkpoint) = (TaskId(2), CHECKPOINT);
        let barrier = |channel| Event::BarrierReceived { task, channel: ChannelId(channel), checkpoint };
        let buffer = |seq| Event::BufferTaken { channel: ChannelId(1), seq, records: 1, bytes: 50 };
        vec![
            (first - 1, buffer(0)),
            (first, barrier(0)),
            (first, Event::AlignmentBegan { task, checkpoint }),
            (first + 1, buffer(1)),
            (last - 1, buffer(2)),
            (last, barrier(1)),
            (last, Event::AlignmentEnded { task, checkpoint }),
            (last + 1, buffer(3)),
        ]
    }

    fn completed(at: u64) -> Vec<(u64, Event)> {
        vec![(at, Event::CheckpointCompleted { checkpoint: CHECKPOINT })]
    }

    #[test]
    fn every_measure_is_defined_as_in_flink() {
        let told = told(
            [
                vec![trigger(0)],
                source(0, 110, 10),
                source(1, 130, 25),
                barriers(140, 170),
                snapshot(2, 170, 1000, 0),
                completed(213),
            ]
            .concat(),
        );
        assert_eq!((told.progress, told.end_to_end), (Progress::Completed, Some(Span(110))), "not to completion");
        let names: Vec<&str> = told.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
        assert_eq!(names, ["source -> map", "sink"]);
        let sink = told.vertices[1].subtasks[0];
        assert_eq!((sink.ack, sink.end_to_end), (Some(Time(210)), Some(Span(110))));
        assert_eq!((sink.start_delay, sink.alignment), (Some(Span(40)), Some(Span(30))));
        assert_eq!((sink.sync, sink.r#async), (Some(Span(4)), Some(Span(30))));
        assert_eq!((sink.processed, sink.persisted), (Bytes(100), Bytes(0)), "what was read in between");
        assert_eq!((sink.checkpointed, sink.full, sink.unaligned), (Bytes(1000), Bytes(1000), false));
        let source = told.vertices[0].subtasks[1];
        assert_eq!((source.start_delay, source.alignment), (Some(Span(30)), Some(Span::ZERO)));
        assert_eq!((told.vertices[0].end_to_end, told.vertices[0].sums.latest_ack), (Some(Span(70)), Some(Time(170))));
        assert_eq!((told.sums.subtasks, told.sums.acknowledged, told.sums.checkpointed), (3, 3, Bytes(1035)));
    }

    #[test]
    fn a_summary_rounds_the_mean_down() {
        let told = told([vec![trigger(0)], source(0, 110, 10), source(1, 130, 25)].concat());
        let summary = |of: fn(&SubtaskMeasures) -> Option<u64>| told.vertices[0].summary(of);
        assert_eq!(summary(|s| Some(s.checkpointed.0)), Some(MinMaxAvg { min: 10, max: 25, avg: 17 }));
        assert_eq!(summary(|s| s.end_to_end.map(|e| e.0)), Some(MinMaxAvg { min: 50, max: 70, avg: 60 }));
        assert_eq!(told.vertices[1].summary(|s| Some(s.checkpointed.0)), None, "nobody acknowledged");
        assert_eq!((told.progress, told.end_to_end), (Progress::InProgress, Some(Span(70))), "so far");
    }

    #[test]
    fn an_overtaking_barrier_persists_channels_and_still_measures_first_to_last() {
        let (checkpoint, bytes) = (CHECKPOINT, 50);
        let input = Event::InputPersisted { channel: ChannelId(1), checkpoint, seq: 1, records: 1, bytes };
        let output = Event::OutputPersisted { channel: ChannelId(0), checkpoint, seq: 1, records: 1, bytes: 7 };
        let told = told(
            [
                vec![trigger(1)],
                source(0, 110, 10),
                source(1, 130, 25),
                vec![(111, output), (141, input)],
                barriers(140, 150),
                snapshot(2, 140, 1050, 1),
                completed(213),
            ]
            .concat(),
        );
        assert!(told.unaligned() && told.purpose == Purpose::Savepoint);
        let sink = told.vertices[1].subtasks[0];
        assert_eq!((sink.unaligned, sink.persisted, sink.alignment), (true, Bytes(50), Some(Span(10))));
        assert_eq!((told.vertices[0].sums.persisted, told.sums.persisted), (Bytes(7), Bytes(57)));
    }

    #[test]
    fn a_failed_checkpoint_sums_up_what_was_acknowledged_in_time() {
        let abort = Event::CheckpointAborted { checkpoint: CHECKPOINT, reason: AbortReason::Expired };
        let told = told([vec![trigger(0)], source(0, 110, 10), source(1, 130, 25), vec![(160, abort)]].concat());
        assert_eq!((told.progress, told.end_to_end), (Progress::Failed, Some(Span(60))), "until it failed");
        assert_eq!((told.sums.acknowledged, told.sums.latest_ack), (1, Some(Time(150))));
        assert_eq!(told.sums.checkpointed, Bytes(10));
        let late = told.vertices[0].subtasks[1];
        assert_eq!((late.ack, late.end_to_end, late.start_delay), (None, None, Some(Span(30))));
        assert_eq!(told.vertices[1].subtasks[0].start_delay, None);
    }

    #[test]
    fn a_task_that_had_ended_counts_as_acknowledged_at_once_with_zeros() {
        let ended = (90, Event::TaskFinished { task: TaskId(0) });
        let before = [vec![ended, trigger(0)], source(1, 130, 25)].concat();
        let measures = told(before.clone());
        let first = measures.vertices[0].subtasks[0];
        assert_eq!((first.finished, first.ack, first.end_to_end), (true, Some(Time(100)), Some(Span::ZERO)));
        let bytes = measures.vertices[0].summary(|s| Some(s.checkpointed.0));
        assert_eq!(bytes, Some(MinMaxAvg { min: 0, max: 25, avg: 12 }));
        // A restart that starts it again takes it back.
        let started = Event::TaskStarted { task: TaskId(0), attempt: Attempt(1), checkpoint: CheckpointId::INITIAL };
        let again = told([vec![(95, started)], before].concat());
        assert_eq!(again.vertices[0].sums.acknowledged, 1);
    }
}
