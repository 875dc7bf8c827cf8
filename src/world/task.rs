//! One thread: its mailbox, the buffer it reads, the state of its operators.

use super::backend::{self, Table};
use super::catching_up::Behind;
use super::external::{Call, Prepared};
use super::net::{Held, Item};
use super::splits::Reader;
use super::windows::Panes;
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, ChannelId, CheckpointId, Draws, OperatorId, Port, Ring, TaskId};
use crate::fault::Mutant;
use crate::protocol::{Barrier, TaskInput, TaskRole, Timer};
use crate::trace::Event;
use crate::workload::{Record, SourceLog, SourceShare, Upcoming};

/// What a thread can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// Handle a message.
    Mail,
    /// Process records.
    Run,
    /// Take its next input.
    Poll,
    /// Nothing, until something comes.
    Wait,
}

/// A task and all it holds.
#[derive(Clone)]
pub(crate) struct Task {
    pub(super) status: Status,
    pub(crate) attempt: Attempt,
    pub(super) role: Box<dyn TaskRole>,
    pub(super) mailbox: Ring<Mail>,
    /// The buffer being read.
    pub(super) current: Option<Current>,
    /// By position in the chain.
    pub(super) operators: Vec<OperatorState>,
    /// Where a source is in its log.
    pub(super) source: Option<SourceState>,
    /// Next channel of each output edge that takes turns.
    pub(super) turns: Vec<u32>,
    /// It was handling urgent things when a synchronous part began.
    pub(super) interrupted: bool,
    /// A message about something urgent at its inputs is in its mailbox.
    pub(super) hurried: bool,
    /// It reads what a restore put into its inputs, and takes no part in checkpoints before that is done.
    pub(super) recovering: bool,
    /// It has saved its state for a savepoint that the job ends with: what the clock would make it send comes later.
    pub(super) settled: Option<CheckpointId>,
    /// A fault holds its thread.
    pub(super) paused: bool,
    /// No room for output.
    pub(super) blocked: bool,
    /// Ports on which the end of data was seen.
    pub(super) ended_ports: u32,
    /// All of them, or a source past its last record.
    pub(super) drained: bool,
    /// It has drained, and says so when all it has to send is sent.
    pub(super) drains: bool,
    /// It may end, and does as soon as all it sent has been read.
    pub(super) ending: bool,
    /// Calls to external systems that are still to be made, in order.
    pub(super) calls: Vec<Call>,
    /// It waits for the answer to one.
    pub(super) calling: bool,
    /// After the last of them it ends, so.
    pub(super) ends_after_calls: Option<Last>,
    /// The sink's transaction that is open, and the epoch in which it was begun.
    pub(super) transaction: u64,
    pub(super) epoch: u32,
    /// The last checkpoint for which the sink prepared something.
    pub(super) prepared_for: Option<CheckpointId>,
    /// Most records that the sink ever had applied: only an engine that acknowledges too early asks.
    pub(super) written: u64,
    /// Inputs whose senders have ended for good.
    pub(super) closed_ports: Vec<ChannelId>,
    /// A snapshot whose synchronous part is running.
    pub(super) syncing: Option<(CheckpointId, bool)>,
    /// Ports that are being captured, for whom.
    pub(super) capturing: Vec<(Port, CheckpointId)>,
    /// Records processed since the run began, replays included: names a step, decides nothing else.
    pub(crate) processed: u64,
    /// Messages and inputs handled since the run began, likewise.
    pub(crate) handled: u64,
}

/// How a task comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// A complete checkpoint covers all it did.
    End,
    /// There are no checkpoints: what it holds back is committed now.
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Loads its state.
    Restoring,
    Running,
    /// Stands still because another task failed; it may be kept as it is.
    Frozen,
    /// Failed or cancelled.
    Dead,
    Finished,
}

/// The buffer being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Current {
    pub channel: ChannelId,
    /// Records that come next.
    pub left: u32,
    /// Behind them: marks, and other records.
    pub rest: u32,
    pub seq: u64,
    pub held: Held,
}

impl Current {
    /// All that is left of the buffer.
    pub fn unread(&self) -> u32 {
        self.left + self.rest
    }
}

/// A message to a task's thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mail {
    Trigger(Barrier),
    Completed(CheckpointId),
    /// With the newest complete one.
    Aborted(CheckpointId, CheckpointId),
    Timer(Timer),
    /// Something at the inputs goes before all data.
    Urgent,
    /// The sizes of input buffers are to be calculated anew.
    Debloat,
    /// The answer to a reader's question: a split, or that there are no more.
    Split(u32, Option<u32>),
    /// A source is to say how far it is in event time.
    Watermark,
    /// The state is to be written in the background.
    Materialize,
    /// It is time for a timer of the machine's clock.
    Alarm,
    #[default]
    Finish,
}

/// What an operator has in one task: what it keeps, and the engine's accounting of what went into it.
#[derive(Clone, Debug, Default)]
pub(super) struct OperatorState {
    /// Records applied.
    pub applied: u64,
    /// Wrapping sum of their lineage hashes.
    pub lineage: u64,
    /// Counters by key, dense.
    pub counts: Vec<u32>,
    /// What has changed of them, and the files they are in, if the backend keeps that. Not state itself.
    pub table: Option<Box<Table>>,
    /// How many of them are not zero.
    pub keys: u32,
    /// Output not yet covered by a snapshot.
    pub open: Output,
    /// Transactions waiting for the completion of their checkpoints, oldest first; a committer's are its sinks'.
    pub pending: Vec<Prepared>,
    /// A committer: how many of its sinks it has heard of for a checkpoint.
    pub heard: Vec<(CheckpointId, u32)>,
    /// A committer: checkpoints at which it had not heard of all.
    pub incomplete: Vec<CheckpointId>,
    /// An idempotent sink: rows that it writes when it has read its buffer, or passes a barrier. Not state.
    pub batch: Vec<u64>,
    /// A sink with offsets: so many records are committed outside. Not state.
    pub stored: u64,
    /// What the outside world sees: not state, a restore leaves it alone.
    pub visible: Output,
    /// Part of `visible` that was not reported yet.
    pub unreported: Output,
    /// An operator over time: what waits.
    pub panes: Option<Box<Panes>>,
}

/// Records written to the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub records: u64,
    pub lineage: u64,
}

impl Output {
    #[inline]
    pub(super) fn add(&mut self, other: Output) {
        self.records += other.records;
        self.lineage = self.lineage.wrapping_add(other.lineage);
    }
}

/// A source's place in its log.
#[derive(Clone, Debug)]
pub(super) struct SourceState {
    pub share: SourceShare,
    /// The next record.
    pub position: u64,
    /// It will not go beyond this.
    pub end: u64,
    /// What `end` and `finishes` are as long as no savepoint stops it.
    pub full: (u64, bool),
    /// It sends the end of data there.
    pub finishes: bool,
    /// What a restart has left it to catch up with.
    pub(super) behind: Behind,
    /// It says how far it is in event time after every so many records; 0: not by their number.
    pub(super) every: u64,
    /// A partition is idle: the next record may be the end of that.
    pub(super) wakes: bool,
    /// The position at which what it reads began: 0, or for a reader of splits the beginning of its split.
    pub base: u64,
    /// What a reader of splits knows of them; `None`: it has its share.
    pub reader: Option<Reader>,
    seed: u64,
    draws: Vec<Draws>,
    /// Records from `position` on that were already made: a cache, not state.
    pub(super) ahead: Ring<Record>,
}

impl Task {
    pub fn new(job: &Job, id: TaskId) -> Self {
        let planned = &job.plan.tasks[id.index()];
        let site = crate::protocol::TaskSite {
            task: id,
            ports: job.plan.inputs(id).len() as u32,
            is_source: job.plan.is_source(id),
            settings: &job.settings,
        };
        let operators = planned.chain.iter().enumerate().map(|(position, op)| {
            let keys = job.plan.operators[op.index()].keys.as_ref();
            let counts = keys.map_or(0, |keys| keys.held[planned.subtask as usize]);
            let table = backend::table(job, id, position, counts as usize);
            let panes = job.plan.operators[op.index()].over_time.map(|_| Box::default());
            OperatorState { counts: vec![0; counts as usize], table, panes, ..OperatorState::default() }
        });
        Self {
            status: Status::Restoring,
            attempt: Attempt(0),
            role: job.protocol.task(&site),
            mailbox: Ring::default(),
            current: None,
            operators: operators.collect(),
            source: None,
            turns: vec![0; job.plan.outputs(id).len()],
            interrupted: false,
            hurried: false,
            recovering: false,
            settled: None,
            paused: false,
            blocked: false,
            ended_ports: 0,
            drained: false,
            drains: false,
            ending: false,
            calls: Vec::new(),
            calling: false,
            ends_after_calls: None,
            transaction: 0,
            epoch: 0,
            prepared_for: None,
            written: 0,
            closed_ports: Vec::new(),
            syncing: None,
            capturing: Vec::new(),
            processed: 0,
            handled: 0,
        }
    }

    /// For a new run.
    pub fn reset(&mut self) {
        self.forget();
        self.paused = false;
        self.attempt = Attempt(0);
        self.operators.iter_mut().for_each(|op| {
            op.clear_state();
            op.table.iter_mut().for_each(|table| table.reset());
            (op.visible, op.unreported) = (Output::default(), Output::default());
            op.stored = 0;
        });
        self.turns.fill(0);
        (self.processed, self.handled) = (0, 0);
        (self.transaction, self.epoch, self.written) = (0, 0, 0);
    }

    /// Loses everything that is only in memory and not restored from a snapshot.
    pub fn forget(&mut self) {
        self.status = Status::Restoring;
        self.role.reset();
        self.mailbox.clear();
        self.current = None;
        (self.blocked, self.ended_ports, self.drained) = (false, 0, false);
        self.syncing = None;
        (self.ending, self.drains) = (false, false);
        self.calls.clear();
        self.closed_ports.clear();
        (self.calling, self.ends_after_calls, self.prepared_for) = (false, None, None);
        (self.hurried, self.interrupted, self.recovering) = (false, false, false);
        self.settled = None;
        self.capturing.clear();
    }

    /// Opens the log of a source for a run with this seed.
    pub fn open_source(&mut self, job: &Job, id: TaskId, seed: u64) {
        let Some(log) = &job.workload.logs[job.plan.head(id).index()] else { return };
        let share = log.share(job.plan.tasks[id.index()].subtask);
        let mut ahead = self.source.take().map(|source| source.ahead).unwrap_or_default();
        ahead.clear();
        let draws = log.draws(&share, seed).collect();
        let (reader, end) = if log.dynamic { (Some(Reader::default()), 0) } else { (None, share.total) };
        let finishes = log.finishes;
        let (full, behind) = ((end, finishes), Behind::No);
        let (position, base) = (0, 0);
        let (every, wakes) = (0, false);
        self.source = Some(SourceState {
            share,
            position,
            end,
            full,
            finishes,
            behind,
            every,
            wakes,
            base,
            reader,
            seed,
            draws,
            ahead,
        });
    }

    /// The thread waits: for the end of a synchronous part, or for an answer from outside.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.syncing.is_some() || self.calling
    }

    /// What the thread can do next.
    #[inline]
    pub fn thread(&self, ready: &Ring<u32>, stalled: bool) -> ThreadState {
        if self.status != Status::Running || self.is_busy() || stalled || self.paused {
            ThreadState::Wait
        } else if !self.mailbox.is_empty() {
            ThreadState::Mail
        } else if self.blocked {
            ThreadState::Wait
        } else if self.current.is_some() || self.source.as_ref().is_some_and(|s| s.position < s.end) {
            ThreadState::Run
        } else if !ready.is_empty() {
            ThreadState::Poll
        } else {
            ThreadState::Wait
        }
    }
}

impl SourceState {
    /// Makes sure that the next `n` records are made, as far as there are so many.
    pub(super) fn prepare(&mut self, job: &Job, source: OperatorId, n: u32) {
        let log = job.workload.logs[source.index()].as_ref().expect("the task is a source");
        let wanted = u64::from(n).min(self.end.saturating_sub(self.position));
        let next = self.position - self.base;
        while (self.ahead.len() as u64) < wanted {
            let position = next + self.ahead.len() as u64;
            self.ahead.push(log.record(&self.share, &mut self.draws, position));
        }
    }

    /// Begins to make the records of another share.
    pub(super) fn open_share(&mut self, log: &SourceLog) {
        self.draws.clear();
        self.draws.extend(log.draws(&self.share, self.seed));
        self.ahead.clear();
    }

    /// Goes to another position.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.ahead.clear();
    }
}

impl World {
    /// What a task's thread can do next.
    #[inline]
    pub fn thread(&self, task: TaskId) -> ThreadState {
        self.tasks[task.index()].thread(&self.net.ready[task.index()], self.net.is_stalled(task))
    }

    /// How many records the task's current input still has; a source: up to `most` records of its log, and none
    /// beyond the position that it reads again after a restart.
    #[inline]
    pub fn upcoming(&self, task: TaskId, most: u32) -> u32 {
        let task = &self.tasks[task.index()];
        match (&task.current, &task.source) {
            (Some(current), _) => current.left,
            (None, Some(source)) => (source.bound() - source.position).min(u64::from(most)) as u32,
            (None, None) => 0,
        }
    }

    /// The position of a source in its log.
    pub fn source_position(&self, task: TaskId) -> Option<u64> {
        self.tasks[task.index()].source.as_ref().map(|source| source.position)
    }

    /// When the next records of a source arrive.
    #[inline]
    pub fn upcoming_arrivals(&self, log: &SourceLog, task: TaskId) -> Upcoming {
        let source = self.tasks[task.index()].source.as_ref();
        source.map(|source| log.upcoming(&source.share, source.position - source.base)).unwrap_or_default()
    }

    /// Makes the next `n` records of a source, so that [`World::peek`] can show them.
    pub fn prepare(&mut self, job: &Job, task: TaskId, n: u32) {
        if let Some(source) = &mut self.tasks[task.index()].source {
            source.prepare(job, job.plan.head(task), n);
        }
    }

    /// The next `n` records that a task will process, as two slices; a source's must have been prepared.
    #[inline]
    pub fn peek(&self, task: TaskId, n: u32) -> (&[Record], &[Record]) {
        let state = &self.tasks[task.index()];
        match (&state.current, &state.source) {
            (Some(current), _) => self.net.rings[current.channel.index()].first(n as usize),
            (None, Some(source)) => source.ahead.first(n as usize),
            (None, None) => (&[], &[]),
        }
    }

    /// How many of the next `n` records of a task can be shown.
    pub fn prepared(&self, task: TaskId, n: u32) -> u32 {
        let state = &self.tasks[task.index()];
        match (&state.current, &state.source) {
            (Some(current), _) => current.left.min(n),
            (None, Some(source)) => (source.ahead.len() as u32).min(n),
            (None, None) => 0,
        }
    }

    /// Bytes that the open buffer of a channel still has room for; zero if none is open.
    #[inline]
    pub fn open_room(&self, channel: ChannelId) -> u32 {
        self.net.outs[channel.index()].room
    }

    /// Whether a task has a partly filled buffer that is not yet marked for sending.
    #[inline]
    pub fn has_unflushed(&self, task: TaskId) -> bool {
        self.net.has_unflushed(task) && !self.is_void(task)
    }

    /// Whether something that arrives at the sender of a channel may take its open buffer.
    #[inline]
    pub fn may_take_open(&self, channel: ChannelId) -> bool {
        self.net.may_take_open(channel)
    }

    /// The sender whose open buffer the next poll of a task would take.
    pub fn open_buffer_behind(&self, job: &Job, task: TaskId) -> Option<TaskId> {
        let port = self.net.ready[task.index()].front()?;
        let channel = job.plan.inputs(task)[port as usize];
        let planned = &job.plan.channels[channel.index()];
        (planned.local && self.net.may_take_open(channel)).then_some(planned.from)
    }

    /// Records processed since the run began: names a task's steps.
    #[inline]
    pub fn processed(&self, task: TaskId) -> u64 {
        self.tasks[task.index()].processed
    }

    /// Messages and inputs handled since the run began: names a task's steps.
    #[inline]
    pub fn handled(&self, task: TaskId) -> u64 {
        self.tasks[task.index()].handled
    }

    /// The turns of a task's output edges.
    pub fn turns(&self, task: TaskId) -> &[u32] {
        &self.tasks[task.index()].turns
    }

    /// Plain sinks tell the outside what they wrote, buffer by buffer.
    pub(super) fn report_output<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        self.report_late(id, host);
        self.tell_all_timers(job, id, host);
        self.write_rows(job, id);
        let chain = &job.plan.tasks[id.index()].chain;
        for (state, operator) in self.tasks[id.index()].operators.iter_mut().zip(chain) {
            let Output { records, lineage } = std::mem::take(&mut state.unreported);
            if records > 0 {
                let (task, operator, checkpoint) = (id, *operator, CheckpointId::INITIAL);
                host.emit(Event::OutputVisible { task, operator, checkpoint, records, lineage });
            }
        }
    }

    /// A task begins no record while it has no room for what may come of it.
    #[inline]
    pub(super) fn block_if_full<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if !task.blocked && !self.net.has_room(job, id) {
            task.blocked = true;
            host.emit(Event::TaskBlocked { task: id });
        }
    }

    pub(super) fn unblock<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.net.is_stalled(id) {
            if self.tasks[id.index()].status != Status::Running || !self.net.go_on(job, id, host) {
                return;
            }
            host.notice(Notice::Wake(id));
            if std::mem::take(&mut self.tasks[id.index()].drains) {
                self.drain(job, id, host);
            }
        }
        let task = &mut self.tasks[id.index()];
        if task.blocked && task.status == Status::Running && self.net.has_room(job, id) {
            task.blocked = false;
            host.emit(Event::TaskUnblocked { task: id });
            host.notice(Notice::Wake(id));
        }
    }

    /// Takes the next input.
    pub(super) fn poll<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.thread(id) != ThreadState::Poll {
            return;
        }
        self.take_item(job, id, host);
        host.notice(Notice::Wake(id));
    }

    /// Takes what is first at the inputs; says whether its gate then had something urgent left.
    pub(super) fn take_item<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) -> bool {
        self.tasks[id.index()].handled += 1;
        if let Some(port) = host.prefers(id) {
            self.net.prefer(job, id, port);
        }
        let Some((port, channel, item)) = self.net.take(job, id, host) else { return false };
        let more = self.net.has_urgent(job, id, channel);
        if job.plan.channels[channel.index()].local {
            self.read_locally(job, channel, &item, host);
        }
        match item {
            Item::Buffer { seq, records, bytes, held, .. } => {
                host.emit(Event::BufferTaken { channel, seq, records, bytes });
                self.capture_buffer(id, (port, channel), (seq, records, bytes), host);
                if records == 0 {
                    self.net.consumed(job, channel, seq, held, host);
                } else if self.watermarks.is_on() {
                    self.tasks[id.index()].current = Some(Current { channel, left: 0, rest: records, seq, held });
                    self.go_on_reading(job, id, host);
                } else {
                    self.tasks[id.index()].current = Some(Current { channel, left: records, rest: 0, seq, held });
                }
            }
            Item::Barrier(barrier) => {
                host.emit(Event::BarrierReceived { task: id, channel, checkpoint: barrier.checkpoint });
                self.tell_task(job, id, TaskInput::Barrier { port, barrier }, host);
            }
            Item::Announcement(barrier) => {
                host.emit(Event::AnnouncementReceived { task: id, channel, checkpoint: barrier.checkpoint });
                self.tell_task(job, id, TaskInput::Announced { port, barrier }, host);
            }
            Item::Cancel(checkpoint) => {
                host.emit(Event::CancelReceived { task: id, channel, checkpoint });
                self.tell_task(job, id, TaskInput::Cancelled { port, checkpoint }, host);
            }
            Item::Committable(checkpoint, transaction) => {
                let producer = job.plan.channels[channel.index()].from;
                self.take_committable(id, (port, channel), Prepared { checkpoint, producer, transaction }, host);
            }
            Item::Closed => {
                host.emit(Event::CloseReceived { task: id, channel });
                self.tasks[id.index()].closed_ports.push(channel);
                self.tell_task(job, id, TaskInput::Ended { port }, host);
                if job.plan.is_committer(id) {
                    self.go_on_calling(job, id, host);
                }
            }
            Item::End if self.net.channels[channel.index()].void_ends > 0 => {
                self.net.channels[channel.index()].void_ends -= 1;
            }
            Item::End => {
                host.emit(Event::EndReceived { task: id, channel });
                self.end_seen(job, id, channel, host);
            }
        }
        more
    }

    /// Handles the first message of the mailbox.
    pub(super) fn mail<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let stalled = self.net.is_stalled(id);
        let task = &mut self.tasks[id.index()];
        if task.status != Status::Running || task.is_busy() || stalled || task.paused {
            return;
        }
        let Some(mail) = task.mailbox.pop() else { return };
        task.handled += 1;
        match mail {
            Mail::Trigger(barrier) => {
                host.emit(Event::TriggerReceived { task: id, checkpoint: barrier.checkpoint });
                self.tell_task(job, id, TaskInput::Trigger { barrier }, host);
            }
            Mail::Completed(checkpoint) => {
                host.emit(Event::CompleteReceived { task: id, checkpoint });
                self.state_confirmed(job, id, checkpoint);
                self.tell_task(job, id, TaskInput::Completed { checkpoint }, host);
            }
            Mail::Aborted(checkpoint, completed) => {
                host.emit(Event::AbortReceived { task: id, checkpoint });
                self.state_given_up(id, checkpoint);
                // What has begun and is not stored yet is not worth storing; what has not begun is the role's to end.
                let spares = job.has(Mutant::AbortSparesUploads);
                if !spares && self.store.get(id, checkpoint).is_some_and(|snapshot| !snapshot.durable) {
                    self.give_up(id, checkpoint, host);
                }
                self.tell_task(job, id, TaskInput::Aborted { checkpoint, completed }, host);
                self.go_on_by_clock(job, id, checkpoint, host);
                if job.has(Mutant::CommitOnAbort) && self.tasks[id.index()].status == Status::Running {
                    self.commit(job, id, checkpoint, host);
                }
            }
            Mail::Timer(timer) => {
                let Timer { kind, checkpoint } = timer;
                host.emit(Event::TimerHandled { task: id, kind: kind as u32, checkpoint });
                self.tell_task(job, id, TaskInput::Timer { timer }, host);
            }
            Mail::Urgent => self.take_urgent(job, id, host),
            Mail::Debloat => self.debloat(job, id, host),
            Mail::Split(question, split) => self.split_received(job, id, question, split, host),
            Mail::Watermark => self.look_at_event_time(job, id, host),
            Mail::Materialize => self.materialise(job, id, host),
            Mail::Alarm => self.fire_by_clock(job, id, host),
            Mail::Finish => self.finish_task(job, id, host),
        }
        host.notice(Notice::Wake(id));
    }
}
