//! What a run measured, with Flink's names and meanings: a fold over the events of the run.
//!
//! [`Figures`] keeps the instants of every checkpoint at every task, what each restart cost, and running
//! totals; all durations are derived from the instants when somebody asks. Nothing here is a float, and
//! nothing is allocated for an event once the memory of an earlier run is there.
//!
//! Single numbers that scenarios bound and reports print have a name in the table [`FIGURES`].

mod checkpoint;
mod event_time;
mod exact;
mod faults;
mod kept;
mod measures;
mod recovery;
mod sample;
mod table;
mod visibility;

pub use checkpoint::{Arrival, CheckpointFigures, Purpose, Status, TaskTimes};
pub use event_time::Watermarks;
pub use exact::{Exact, Miscount};
pub use faults::FaultFigures;
pub use measures::{Measures, MinMaxAvg, Progress, SubtaskMeasures, Sums, VertexMeasures};
pub use recovery::{RecoveryParts, RestartFigures};
pub use sample::{Comparison, Contestant, Measured, Sample, Spread};
pub use table::{Expectation, FIGURES, Figure, Unit, Value, check_bounds, evaluate, is_exact};
pub use visibility::Visibility;

use crate::base::{Bytes, ChannelId, CheckpointId, Span, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, Observer};
use kept::Kept;
use recovery::Recovering;

/// All that a run measured.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Checkpoints in the order of their triggers.
    pub checkpoints: Vec<CheckpointFigures>,
    /// Restarts in order.
    pub restarts: Vec<RestartFigures>,
    /// What became of faults, by number; of those at the end that never struck there is nothing.
    faults: Vec<FaultFigures>,
    /// When a task manager was replaced, the last time.
    replaced: Time,
    /// Running totals.
    pub totals: Totals,
    /// Transactions, and how late their output could be seen.
    pub visibility: Visibility,
    /// Records that are lost or doubled; `None` unless somebody had the run repeated to name them.
    pub exact: Option<Exact>,
    /// How far tasks knew that they had read.
    pub watermarks: Watermarks,
    /// How long each task was stopped for want of output buffers.
    pub blocked: Vec<Span>,
    /// Since when a task is stopped; [`Time::NEVER`]: it is not.
    blocked_since: Vec<Time>,
    /// For every operator whether it is a source: what sources count as applied is not work done to state.
    is_source: Vec<bool>,
    /// What has to be known of a recovery that is under way.
    recovering: Recovering,
    /// For every task whether it has ended for good.
    finished: Vec<bool>,
    /// Sender and receiver of every channel.
    ends: Vec<(TaskId, TaskId)>,
    /// Which checkpoint's alignment a task is in; 0: none.
    aligning: Vec<CheckpointId>,
    /// When the barriers of the pending checkpoints entered their channels.
    lanes: Vec<Lane>,
    /// Vectors of earlier runs, to be used again.
    spare: Vec<Vec<TaskTimes>>,
    /// What is in the storage.
    kept: Kept,
}

/// Running totals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records that sources had emitted at the end, replays not counted twice; `None` until a source told.
    pub emitted: Option<u64>,
    /// Records that the state of operators (sources aside) held at the end; `None` until one told.
    pub applied: Option<u64>,
    /// Records that sources had to read again after restarts.
    pub replayed: u64,
    /// Records that sources had read and could not read again.
    pub skipped: u64,
    /// Things done by tasks that had been given up.
    pub zombies: u64,
    /// Records that became visible outside.
    pub visible: u64,
    /// Records in closed buffers, over all channels.
    pub sent_records: u64,
    /// Bytes in closed buffers, over all channels.
    pub sent_bytes: Bytes,
    /// Buffers that left for the wire.
    pub buffers: u64,
    /// The smallest size of buffers that a sender was asked for, and the last one; `None` if none was.
    pub sizes: Option<(Bytes, Bytes)>,
    /// Bytes of state that restored tasks read from the storage, and bytes of logs that they applied.
    pub loaded: Option<(Bytes, Bytes)>,
    /// How often files of state became one, and bytes of those that were written in the background for it.
    pub merged: Option<(u64, Bytes)>,
    /// Snapshots of single tasks that were taken, coordinated or not.
    pub snapshots: u64,
    /// Tasks that threw an exception.
    pub failures: u64,
    /// Messages of older attempts that the coordinator ignored.
    pub stale: u64,
    /// Instant at which a task had read a buffer of records, and no task did so later; in a job without channels,
    /// at which a task drained.
    pub last_read: Time,
    /// Instant of the last event.
    pub end: Time,
    /// Whether the run is over, and every task had ended.
    pub drained: Option<bool>,
}

/// The send times of one checkpoint's barriers, by channel.
#[derive(Clone, Debug)]
struct Lane {
    checkpoint: CheckpointId,
    sent: Vec<Time>,
}

impl Figures {
    /// For a run of this plan.
    pub fn new(plan: &Plan) -> Self {
        let ends = plan.channels.iter().map(|channel| (channel.from, channel.to)).collect();
        let sources = plan.task_ids().map(|task| plan.is_source(task)).collect();
        Self::sized(sources, ends, plan.operators.iter().map(|op| op.is_source).collect())
    }

    /// For tasks that are sources or not, and operators that are sources or not.
    fn sized(sources: Vec<bool>, ends: Vec<(TaskId, TaskId)>, is_source: Vec<bool>) -> Self {
        let tasks = sources.len();
        Self {
            checkpoints: Vec::new(),
            restarts: Vec::new(),
            faults: Vec::new(),
            replaced: Time::NEVER,
            totals: Totals::default(),
            visibility: Visibility::default(),
            exact: None,
            watermarks: Watermarks::new(tasks),
            blocked: vec![Span::ZERO; tasks],
            blocked_since: vec![Time::NEVER; tasks],
            is_source,
            recovering: Recovering::new(sources),
            finished: vec![false; tasks],
            ends,
            aligning: vec![CheckpointId::INITIAL; tasks],
            lanes: Vec::new(),
            spare: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// Begins again, and keeps the memory.
    pub fn reset(&mut self) {
        self.spare.extend(self.checkpoints.drain(..).map(|checkpoint| checkpoint.tasks));
        self.restarts.clear();
        self.faults.clear();
        self.replaced = Time::NEVER;
        self.totals = Totals::default();
        self.visibility.reset();
        self.exact = None;
        self.watermarks.reset();
        self.blocked.fill(Span::ZERO);
        self.blocked_since.fill(Time::NEVER);
        self.recovering.reset();
        self.finished.fill(false);
        self.kept.reset();
        self.aligning.fill(CheckpointId::INITIAL);
        self.lanes.iter_mut().for_each(|lane| lane.checkpoint = CheckpointId::INITIAL);
    }

    /// The checkpoint of this id, if the coordinator triggered it.
    pub fn checkpoint(&self, id: CheckpointId) -> Option<&CheckpointFigures> {
        self.checkpoints.iter().rev().find(|checkpoint| checkpoint.id == id)
    }

    /// The checkpoints that completed, in the order of their triggers.
    pub fn completed(&self) -> impl DoubleEndedIterator<Item = &CheckpointFigures> {
        self.checkpoints.iter().filter(|checkpoint| checkpoint.status == Status::Completed)
    }

    /// The last checkpoint that completed.
    pub fn last_completed(&self) -> Option<&CheckpointFigures> {
        self.completed().next_back()
    }

    /// How long the job, or a part of it, did not work because of what restarts mend: [`RecoveryParts::down`] of all
    /// restarts together, no instant counted twice.
    ///
    /// One whose tasks had not all started counts until that of the next one begins, or until the end of the run.
    pub fn downtime(&self) -> Span {
        self.down().fold(Span::ZERO, |sum, (from, to)| sum + to.since(from))
    }

    /// When the job was down, restart by restart.
    pub fn down(&self) -> impl Iterator<Item = (Time, Time)> {
        let next = self.restarts.iter().skip(1).map(|restart| restart.began).chain([self.totals.end]);
        self.restarts.iter().zip(next).map(|(restart, next)| (restart.began, restart.up().unwrap_or(next).min(next)))
    }

    /// Most bytes that snapshots and files of state took in the storage, and those they take at the end.
    pub fn retained(&self) -> Option<(Bytes, Bytes)> {
        self.kept.bytes()
    }

    /// Files of state that were written, if any were.
    pub fn files_written(&self) -> Option<u64> {
        self.kept.written()
    }

    /// From the back, because what is told is nearly always about the newest.
    #[inline]
    fn pending(&mut self, id: CheckpointId) -> Option<&mut CheckpointFigures> {
        self.checkpoints.iter_mut().rev().find(|checkpoint| checkpoint.id == id)
    }

    #[inline]
    fn at_task(&mut self, id: CheckpointId, task: TaskId) -> Option<&mut TaskTimes> {
        self.pending(id).map(|checkpoint| &mut checkpoint.tasks[task.index()])
    }

    #[inline]
    fn lane(&mut self, id: CheckpointId) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.checkpoint == id)
    }

    fn triggered(&mut self, at: Time, id: CheckpointId, purpose: Purpose) {
        let mut tasks = self.spare.pop().unwrap_or_default();
        tasks.clear();
        tasks.extend(self.finished.iter().map(|finished| TaskTimes { finished: *finished, ..TaskTimes::NEVER }));
        self.checkpoints.push(CheckpointFigures {
            id,
            purpose,
            triggered: at,
            status: Status::Pending,
            ended: Time::NEVER,
            last_ack: Time::NEVER,
            slowest: None,
            bytes: Bytes(0),
            full: Bytes(0),
            tasks,
        });
        let is_pending = |id| self.checkpoints.iter().rev().any(|c| c.id == id && c.status == Status::Pending);
        match self.lanes.iter().position(|lane| !is_pending(lane.checkpoint)) {
            Some(free) => {
                self.lanes[free].checkpoint = id;
                self.lanes[free].sent.fill(Time::NEVER);
            }
            None => self.lanes.push(Lane { checkpoint: id, sent: vec![Time::NEVER; self.ends.len()] }),
        }
    }

    fn received(&mut self, at: Time, task: TaskId, channel: ChannelId, id: CheckpointId) {
        let sent = self.lane(id).map_or(Time::NEVER, |lane| lane.sent[channel.index()]);
        let Some(times) = self.at_task(id, task) else { return };
        let arrival = Some(Arrival { channel, sent });
        if times.reached == Time::NEVER {
            times.reached = at;
            times.first = arrival;
        }
        times.aligned = at;
        times.last = arrival;
        times.captured = times.started != Time::NEVER;
    }

    /// A task handled the first barrier of a checkpoint. What a snapshot that has begun reports stays.
    fn alignment_begins(&mut self, at: Time, task: TaskId, id: CheckpointId) {
        if self.at_task(id, task).is_some_and(|times| times.started != Time::NEVER && times.last_barrier != Time::NEVER)
        {
            return;
        }
        self.aligning[task.index()] = id;
        if let Some(times) = self.at_task(id, task) {
            (times.first_barrier, times.last_barrier, times.processed) = (at, Time::NEVER, Bytes(0));
        }
    }

    fn alignment_ends(&mut self, at: Time, task: TaskId, id: CheckpointId) {
        if self.aligning[task.index()] == id {
            self.aligning[task.index()] = CheckpointId::INITIAL;
            if let Some(times) = self.at_task(id, task) {
                times.last_barrier = at;
            }
        }
    }

    /// An alignment that is given up has no duration; if not even the snapshot began, nothing was measured at all.
    fn alignment_dropped(&mut self, task: TaskId, id: CheckpointId) {
        if self.aligning[task.index()] != id {
            return;
        }
        self.aligning[task.index()] = CheckpointId::INITIAL;
        let Some(checkpoint) = self.pending(id) else { return };
        let triggered = checkpoint.triggered;
        let times = &mut checkpoint.tasks[task.index()];
        if times.started == Time::NEVER {
            (times.first_barrier, times.processed) = (triggered, Bytes(0));
        }
        times.last_barrier = times.first_barrier;
    }

    /// A task reads a buffer: while it aligns, that is what it went on processing.
    #[inline]
    fn taken(&mut self, channel: ChannelId, bytes: u32) {
        let task = self.ends[channel.index()].1;
        let id = self.aligning[task.index()];
        if id != CheckpointId::INITIAL
            && let Some(times) = self.at_task(id, task)
        {
            times.processed.0 += u64::from(bytes);
        }
    }

    fn persisted(&mut self, task: TaskId, id: CheckpointId, bytes: u32) {
        if let Some(times) = self.at_task(id, task) {
            times.persisted.0 += u64::from(bytes);
        }
    }

    /// A task's snapshot is in the storage: its own part of it, and what it counts on.
    fn stored(&mut self, at: Time, task: TaskId, id: CheckpointId, bytes: u64) {
        let mut own = bytes;
        if let Some(checkpoint) = self.pending(id) {
            let times = &mut checkpoint.tasks[task.index()];
            times.durable = times.durable.min(at);
            let (all, state) = times.sized.unwrap_or_default();
            let full = all.0 + bytes.saturating_sub(state.0);
            times.bytes.0 += bytes;
            times.full.0 += full;
            if times.files > 0 {
                own = bytes.saturating_sub(state.0);
            }
            checkpoint.bytes.0 += bytes;
            checkpoint.full.0 += full;
        }
        self.kept.store(task, id, own);
    }

    fn ended(&mut self, at: Time, id: CheckpointId, status: Status) {
        if let Some(checkpoint) = self.pending(id) {
            checkpoint.status = status;
            checkpoint.ended = at;
        }
    }

    /// The coordinator is lost: nobody will ever hear of what it had not completed.
    fn forget_pending(&mut self, at: Time) {
        for checkpoint in self.checkpoints.iter_mut().filter(|checkpoint| checkpoint.status == Status::Pending) {
            (checkpoint.status, checkpoint.ended) = (Status::Lost, at);
        }
    }

    fn unblocked(&mut self, at: Time, task: TaskId) {
        let since = std::mem::replace(&mut self.blocked_since[task.index()], Time::NEVER);
        if since != Time::NEVER {
            self.blocked[task.index()] += at.since(since);
        }
    }

    fn started(&mut self, at: Time, task: TaskId) {
        self.unblocked(at, task);
        self.finished[task.index()] = false;
    }
}

impl Observer for Figures {
    fn event(&mut self, at: Time, event: &Event) {
        self.totals.end = at;
        match *event {
            Event::BufferClosed { records, bytes, .. } => {
                self.totals.sent_records += u64::from(records);
                self.totals.sent_bytes.0 += u64::from(bytes);
            }
            Event::BufferSent { .. } => self.totals.buffers += 1,
            Event::BufferResized { bytes, .. } => {
                let last = Bytes(u64::from(bytes));
                let smallest = self.totals.sizes.map_or(last, |(smallest, _)| smallest.min(last));
                self.totals.sizes = Some((smallest, last));
            }
            Event::BufferTaken { channel, bytes, .. } => self.taken(channel, bytes),
            Event::AlignmentBegan { task, checkpoint } => self.alignment_begins(at, task, checkpoint),
            Event::AlignmentEnded { task, checkpoint } => self.alignment_ends(at, task, checkpoint),
            Event::AlignmentDropped { task, checkpoint } => self.alignment_dropped(task, checkpoint),
            Event::InputPersisted { channel, checkpoint, bytes, .. } => {
                self.persisted(self.ends[channel.index()].1, checkpoint, bytes);
            }
            Event::OutputPersisted { channel, checkpoint, bytes, .. } => {
                self.persisted(self.ends[channel.index()].0, checkpoint, bytes);
            }
            Event::BufferConsumed { .. } => self.totals.last_read = at,
            Event::TaskDrained { .. } if self.ends.is_empty() => self.totals.last_read = at,
            Event::TaskBlocked { task } => {
                let since = &mut self.blocked_since[task.index()];
                *since = (*since).min(at);
            }
            Event::TaskUnblocked { task } => self.unblocked(at, task),
            Event::BarrierSent { channel, checkpoint } => {
                if let Some(lane) = self.lane(checkpoint) {
                    lane.sent[channel.index()] = at;
                }
            }
            Event::BarrierReceived { task, channel, checkpoint } => self.received(at, task, channel, checkpoint),
            Event::CheckpointTriggered { checkpoint, purpose } => {
                self.triggered(at, checkpoint, Purpose::of(purpose));
            }
            Event::TriggerReceived { task, checkpoint } => {
                if let Some(times) = self.at_task(checkpoint, task).filter(|times| times.reached == Time::NEVER) {
                    (times.reached, times.aligned) = (at, at);
                }
            }
            Event::SnapshotStarted { task, checkpoint, overtaking } => {
                if let Some(times) = self.at_task(checkpoint, task) {
                    times.unaligned = overtaking == 1;
                    times.started = times.started.min(at);
                }
            }
            Event::SnapshotTaken { task, checkpoint } => {
                self.totals.snapshots += 1;
                if let Some(times) = self.at_task(checkpoint, task) {
                    times.taken = times.taken.min(at);
                }
            }
            Event::SnapshotDurable { task, checkpoint, bytes } => {
                self.stored(at, task, checkpoint, bytes);
            }
            Event::StateSized { task, checkpoint, full, stored, files } => {
                if let Some(times) = self.at_task(checkpoint, task) {
                    (times.sized, times.files) = (Some((Bytes(full), Bytes(stored))), files);
                }
            }
            Event::FileStored { .. } | Event::FileDeleted { .. } => self.kept.event(event),
            Event::StateLoaded { bytes, replayed, .. } => {
                let loaded = self.totals.loaded.get_or_insert_default();
                (loaded.0.0, loaded.1.0) = (loaded.0.0 + bytes, loaded.1.0 + replayed);
            }
            Event::FilesMerged { bytes, whole, .. } => {
                let merged = self.totals.merged.get_or_insert_default();
                merged.0 += 1;
                merged.1.0 += if whole == 1 { bytes } else { 0 };
            }
            Event::SnapshotsDropped { .. } | Event::SnapshotDiscarded { .. } => self.kept.event(event),
            Event::AckReceived { task, checkpoint, .. } => {
                if let Some(checkpoint) = self.pending(checkpoint) {
                    checkpoint.tasks[task.index()].acked = at;
                    // Of acknowledgements at one instant, the first one told is the slowest.
                    if checkpoint.last_ack != at {
                        checkpoint.last_ack = at;
                        checkpoint.slowest = Some(task);
                    }
                }
            }
            Event::StaleMessage { .. } => self.totals.stale += 1,
            Event::CheckpointCompleted { checkpoint } => self.ended(at, checkpoint, Status::Completed),
            Event::CheckpointAborted { checkpoint, reason } => self.ended(at, checkpoint, Status::Aborted(reason)),
            Event::TaskFailed { task, .. } => {
                self.totals.failures += 1;
                self.unblocked(at, task);
                self.recovery_event(at, event);
            }
            Event::TaskCancelled { task, .. } => self.unblocked(at, task),
            Event::TaskFinished { task } => {
                self.unblocked(at, task);
                self.finished[task.index()] = true;
            }
            Event::TaskStarted { task, .. } => {
                self.started(at, task);
                self.watermarks.event(at, event);
                self.recovery_event(at, event);
            }
            Event::SourceRewound { position, from, .. } => {
                self.totals.replayed += from.saturating_sub(position);
                self.recovery_event(at, event);
            }
            Event::FaultStruck { .. } | Event::FaultHit { .. } => {
                self.fault_event(at, event);
                self.recovery_event(at, event);
            }
            Event::FaultHealed { .. } => self.fault_event(at, event),
            Event::CoordinatorLost { .. } => {
                self.forget_pending(at);
                self.recovery_event(at, event);
            }
            Event::ManagerReplaced { .. } => self.replaced = at,
            Event::CoordinatorTookOver { .. }
            | Event::JobRestarting { .. }
            | Event::MachinesAwaited { .. }
            | Event::ChannelsRecovered { .. }
            | Event::SourceCaughtUp { .. }
            | Event::SourceLeftBehind { .. } => self.recovery_event(at, event),
            Event::RestorePoint { .. } => {
                self.kept.event(event);
                self.recovery_event(at, event);
            }
            Event::SourceSkipped { position, to, .. } => self.totals.skipped += to.saturating_sub(position),
            Event::ZombieActed { .. } => self.totals.zombies += 1,
            Event::OutputVisible { records, .. } => self.totals.visible += records,
            Event::SourceFinal { emitted, .. } => *self.totals.emitted.get_or_insert(0) += emitted,
            Event::StateFinal { operator, applied, .. } if !self.is_source[operator.index()] => {
                *self.totals.applied.get_or_insert(0) += applied;
            }
            Event::RunEnded { drained } => {
                self.totals.drained = Some(drained == 1);
                (0..self.blocked.len()).for_each(|task| self.unblocked(at, TaskId::from(task)));
            }
            Event::TransactionOpened { .. }
            | Event::TransactionPrepared { .. }
            | Event::TransactionCommitted { .. }
            | Event::TransactionAborted { .. }
            | Event::TransactionRefused { .. } => self.visibility.event(at, event),
            Event::WatermarkAdvanced { .. }
            | Event::TaskIdle { .. }
            | Event::RecordsLate { .. }
            | Event::TimersSet { .. }
            | Event::TimersFired { .. }
            | Event::LateDropped { .. } => self.watermarks.event(at, event),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Attempt;
    use crate::trace::AbortReason;

    const ONE: CheckpointId = CheckpointId(1);
    const TWO: CheckpointId = CheckpointId(2);
    const SOURCE: TaskId = TaskId(0);
    const OTHER: TaskId = TaskId(1);
    const JOIN: TaskId = TaskId(2);

    fn told(events: &[(u64, Event)]) -> Figures {
        let mut figures =
            Figures::sized(vec![true, true, false], vec![(TaskId(0), TaskId(0)); 2], vec![true, true, false]);
        events.iter().for_each(|(at, event)| figures.event(Time(*at), event));
        figures
    }

    /// Two sources and a join; the barrier of the second source is late.
    fn aligned_checkpoint() -> Vec<(u64, Event)> {
        let checkpoint = ONE;
        let attempt = Attempt(0);
        let mut events = vec![(100, Event::CheckpointTriggered { checkpoint, purpose: 0 })];
        for (task, channel, at) in [(SOURCE, ChannelId(0), 110), (OTHER, ChannelId(1), 130)] {
            events.extend([
                (at, Event::TriggerReceived { task, checkpoint }),
                (at + 1, Event::BarrierSent { channel, checkpoint }),
                (at + 1, Event::SnapshotStarted { task, checkpoint, overtaking: 0 }),
                (at + 3, Event::SnapshotTaken { task, checkpoint }),
                (at + 9, Event::SnapshotDurable { task, checkpoint, bytes: 10 }),
                (at + 15, Event::AckReceived { task, checkpoint, attempt }),
            ]);
        }
        let task = JOIN;
        events.extend([
            (120, Event::BarrierReceived { task, channel: ChannelId(0), checkpoint }),
            (150, Event::BarrierReceived { task, channel: ChannelId(1), checkpoint }),
            (150, Event::SnapshotStarted { task, checkpoint, overtaking: 0 }),
            (154, Event::SnapshotTaken { task, checkpoint }),
            (190, Event::SnapshotDurable { task, checkpoint, bytes: 1000 }),
            (200, Event::AckReceived { task, checkpoint, attempt }),
            (203, Event::CheckpointCompleted { checkpoint }),
        ]);
        events.sort_by_key(|(at, _)| *at);
        events
    }

    #[test]
    fn a_checkpoint_has_the_durations_that_flink_shows() {
        let figures = told(&aligned_checkpoint());
        let checkpoint = figures.last_completed().expect("it completed");
        assert_eq!(checkpoint.end_to_end(), Some(Span(100)), "to the last acknowledgement, not to completion");
        assert_eq!((checkpoint.ended, checkpoint.slowest, checkpoint.bytes), (Time(203), Some(JOIN), Bytes(1020)));
        assert_eq!([SOURCE, OTHER, JOIN].map(|t| checkpoint.start_delay(t)), [10, 30, 20].map(|ns| Some(Span(ns))));
        let join = &checkpoint.tasks[JOIN.index()];
        assert_eq!((join.alignment(), join.sync(), join.r#async()), (Some(Span(30)), Some(Span(4)), Some(Span(36))));
        assert_eq!(join.first, Some(Arrival { channel: ChannelId(0), sent: Time(111) }));
        assert_eq!(join.last, Some(Arrival { channel: ChannelId(1), sent: Time(131) }));
        assert_eq!(checkpoint.tasks[SOURCE.index()].alignment(), Some(Span::ZERO));
    }

    /// What matters is the order of events: at one instant, too, a snapshot begins before or after a barrier.
    #[test]
    fn a_barrier_after_the_beginning_of_the_snapshot_ends_a_capture() {
        let (task, checkpoint) = (JOIN, ONE);
        let barrier = |channel| (5, Event::BarrierReceived { task, channel: ChannelId(channel), checkpoint });
        let (trigger, start) = (
            (1, Event::CheckpointTriggered { checkpoint, purpose: 0 }),
            (5, Event::SnapshotStarted { task, checkpoint, overtaking: 0 }),
        );
        let captured = |events: &[(u64, Event)]| told(events).checkpoints[0].tasks[JOIN.index()].captured;
        assert!(captured(&[trigger, barrier(0), start, barrier(1)]));
        assert!(!captured(&[trigger, barrier(0), barrier(1), start]));
        assert!(!captured(&[trigger, barrier(0), start]));
    }

    #[test]
    fn barriers_of_checkpoints_in_flight_together_are_told_apart() {
        let channel = ChannelId(0);
        let figures = told(&[
            (1, Event::CheckpointTriggered { checkpoint: ONE, purpose: 0 }),
            (2, Event::BarrierSent { channel, checkpoint: ONE }),
            (3, Event::CheckpointTriggered { checkpoint: TWO, purpose: 0 }),
            (4, Event::BarrierSent { channel, checkpoint: TWO }),
            (5, Event::BarrierReceived { task: JOIN, channel, checkpoint: ONE }),
            (6, Event::BarrierReceived { task: JOIN, channel, checkpoint: TWO }),
            (7, Event::CheckpointAborted { checkpoint: ONE, reason: AbortReason::Expired }),
        ]);
        let sent = |id| figures.checkpoint(id).and_then(|c| c.tasks[JOIN.index()].last).map(|arrival| arrival.sent);
        assert_eq!((sent(ONE), sent(TWO)), (Some(Time(2)), Some(Time(4))));
        assert_eq!(figures.checkpoints[0].status.name(), "expired");
        assert_eq!(figures.checkpoints[1].end_to_end(), None);
    }

    #[test]
    fn sizes_are_there_if_a_sender_was_told_one() {
        let resized = |channel, bytes| (1, Event::BufferResized { channel: ChannelId(channel), bytes });
        assert_eq!(told(&[]).totals.sizes, None);
        let figures = told(&[resized(0, 500), resized(1, 300), resized(0, 400)]);
        assert_eq!(figures.totals.sizes, Some((Bytes(300), Bytes(400))));
    }

    #[test]
    fn downtime_lasts_from_the_fault_until_the_last_task_runs_again() {
        let start = |task, attempt| Event::TaskStarted { task, attempt: Attempt(attempt), checkpoint: ONE };
        let restart = |attempt| Event::JobRestarting { task: OTHER, attempt: Attempt(attempt) };
        let point = |task| Event::RestorePoint { task, checkpoint: ONE, live: 0 };
        let failed = Event::TaskFailed { task: OTHER, attempt: Attempt(0) };
        let figures = told(&[
            (0, start(SOURCE, 0)),
            (10, Event::TaskBlocked { task: SOURCE }),
            (20, failed),
            (20, Event::TaskCancelled { task: SOURCE, attempt: Attempt(0) }),
            (25, restart(1)),
            (26, point(SOURCE)),
            (26, point(OTHER)),
            (27, start(SOURCE, 1)),
            (29, failed),
            (30, restart(2)),
            (31, point(SOURCE)),
            (31, point(OTHER)),
            (35, start(SOURCE, 2)),
            (40, Event::SourceRewound { task: SOURCE, position: 100, from: 175 }),
            (45, start(OTHER, 2)),
            (60, restart(3)),
            (90, Event::RunEnded { drained: 0 }),
        ]);
        assert_eq!(figures.downtime(), Span(9 + 16 + 30));
        let downs: Vec<Option<Span>> = figures.restarts.iter().map(|restart| restart.parts().down).collect();
        assert_eq!(downs, [None, Some(Span(16)), None]);
        assert_eq!((figures.totals.replayed, figures.restarts[1].replayed), (75, 75));
        assert_eq!((figures.restarts[0].failed, figures.restarts[1].running), (Time(20), Time(45)));
        assert_eq!(figures.blocked[0], Span(10), "a cancelled task is not blocked");
    }

    #[test]
    fn a_reset_fold_has_forgotten_everything() {
        let mut figures = told(&aligned_checkpoint());
        figures.reset();
        assert!(figures.checkpoints.is_empty() && figures.totals == Totals::default());
        aligned_checkpoint().iter().for_each(|(at, event)| figures.event(Time(*at), event));
        let fresh = told(&aligned_checkpoint());
        assert_eq!(figures.checkpoints[0].tasks, fresh.checkpoints[0].tasks);
        assert_eq!((figures.totals, figures.lanes.len()), (fresh.totals, 1));
    }
}
