//! A very small job that writes down what it does, without time and without the simulator.
//!
//! It knows channels as rows of buffers, each at a place, and nothing of how a cluster decides what comes next: a tale
//! does that, step by step. Tasks apply what they read and send it on, as one buffer for each that they read from.

use cutline::base::*;
use cutline::check::{Checks, Claims};
use cutline::plan::{self, Plan};
use cutline::scenario::*;
use cutline::trace::Event;
use cutline::workload::{Expected, ExpectedOperator, ExpectedOutput};
use std::sync::Arc;

/// Two sources, all to two counts by key, both to one sink; even subtasks on one machine, odd ones on another.
fn scenario() -> Scenario {
    let operator = |id: &str, kind: &str, parallelism: u32| Operator {
        id: id.to_owned(),
        kind: kind.to_owned(),
        parallelism,
        service: Span::ZERO,
        selectivity: Ratio { outputs: 1, inputs: 1 },
        rekey: None,
        output_size: None,
        state: StateSize::default(),
        snapshot: SnapshotCost::default(),
        source: None,
        sink: SinkMode::TwoPhase,
        transactions: Transactions::default(),
        on: None,
        place: Place::default(),
    };
    let source = Source {
        partitions: 2,
        records: None,
        rate: None,
        burst: None,
        keys: Keys { count: 4, skew: Skew::Even },
        size: Bytes(1),
        end: SourceEnd::Finishes,
        replayable: true,
        assignment: Assignment::Static,
        event_time: None,
    };
    let edge = |from: &str, to: &str, by: Partitioner| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        by,
        chained: false,
        feedback: false,
        overtaking: true,
        place: Place::default(),
    };
    let job = Job {
        operators: vec![
            Operator { source: Some(source), ..operator("source", "source", 2) },
            operator("count", "count", 2),
            operator("sink", "sink", 1),
        ],
        edges: vec![edge("source", "count", Partitioner::Hash), edge("count", "sink", Partitioner::Global)],
        max_parallelism: 8,
    };
    Scenario {
        name: String::new(),
        why: String::new(),
        job,
        cluster: Cluster {
            task_managers: 2,
            slots: None,
            placement: Placement::Spread,
            heartbeat: Span::from_secs(50),
            standby: 0,
            replacement: Span::from_secs(10),
            takeover: Span::from_secs(5),
            failover: Failover::Region,
        },
        network: network(),
        storage: Storage {
            bandwidth: Rate(0),
            latency: Span::ZERO,
            shared: Shared::Task,
            metadata: Span::ZERO,
            deletion: Span::ZERO,
            local: false,
        },
        checkpoints: Checkpoints {
            protocol: String::new(),
            parameters: Vec::new(),
            place: Place::default(),
            interval: None,
            first: None,
            min_pause: Span::ZERO,
            timeout: Span::from_secs(1),
            max_concurrent: 1,
            tolerable_failures: 0,
            retained: 1,
            order: BarrierOrder::EmitThenSnapshot,
            prepare: Span::ZERO,
            after_finish: true,
            requests: vec![],
        },
        restart: Restart::FixedDelay { delay: Span::ZERO, attempts: None },
        faults: Vec::new(),
        schedule: Vec::new(),
        run: RunFor { seed: 0, limit: Span::from_secs(1) },
        expect: Expect::default(),
        external: External::default(),
    }
}

pub fn network() -> Network {
    Network {
        latency: Span::ZERO,
        bandwidth: Rate(0),
        segment: Bytes(1),
        exclusive: 2,
        floating: 2,
        max_per_channel: 2,
        overdraft: 20,
        debloat: None,
        buffer_timeout: None,
        rpc: Span::ZERO,
        blocked: BlockedRule::Overtaking,
    }
}

/// The channels of the job by their ends.
/// How many checkpoints in a row may fail.
const TOLERABLE: u32 = 1;

pub const S0_C0: usize = 0;
pub const S0_C1: usize = 1;
pub const S1_C0: usize = 2;
pub const S1_C1: usize = 3;
pub const C1_SINK: usize = 5;

const SINK: TaskId = TaskId(4);

/// A count of records, a chain over them in order, and their wrapping sum.
#[derive(Clone, Copy, Default)]
pub struct Total {
    pub count: u64,
    pub chain: Chain,
    pub sum: u64,
}

impl Total {
    fn add(&mut self, records: &[u64]) {
        for record in records {
            self.count += 1;
            self.chain.push(*record);
            self.sum = self.sum.wrapping_add(*record);
        }
    }
}

/// Where a buffer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Sender,
    Wire,
    /// Also where a local channel has it from the beginning.
    Receiver,
}

#[derive(Clone)]
struct Buffer {
    /// What is left to be read.
    records: Vec<u64>,
    at: At,
    /// It is in memory of its sender, or in one of the gate's buffers at its receiver.
    segment: bool,
    floating: bool,
    /// It was sent, and so used a credit.
    sent: bool,
}

/// A channel.
#[derive(Clone, Default)]
struct Line {
    sent: Total,
    received: Total,
    /// The number of the next buffer.
    seq: u64,
    /// The oldest first.
    row: Vec<Buffer>,
    /// The oldest is being read.
    reading: bool,
}

/// What a checkpoint saves.
#[derive(Clone)]
pub struct Saved {
    pub id: u64,
    lines: Vec<SavedLine>,
    states: Vec<Total>,
}

#[derive(Clone)]
struct SavedLine {
    sent: Total,
    received: Total,
    /// By buffer: what the receiver's snapshot holds, and what the sender's does.
    captured: Vec<Vec<u64>>,
    queued: Vec<Vec<u64>>,
}

impl SavedLine {
    /// What is behind the receiver or in its snapshot.
    fn captured_upto(&self) -> Total {
        let mut total = self.received;
        self.captured.iter().for_each(|records| total.add(records));
        total
    }
}

#[derive(Clone)]
pub struct Story {
    pub plan: Arc<Plan>,
    pub events: Vec<Event>,
    lines: Vec<Line>,
    /// What each task has applied.
    states: Vec<Total>,
    in_use: Vec<u32>,
    /// Floating buffers left, by receiving task.
    left: Vec<u32>,
    attempt: Attempt,
    /// What the sink has applied and not shown.
    hidden: Total,
    /// The transaction that the sink has open.
    transaction: u64,
    visible: Total,
    /// The last checkpoint of each task that has ended.
    ended: Vec<Option<u64>>,
}

impl Story {
    pub fn new() -> Self {
        Self::of(&scenario())
    }

    /// The same job, whose records say when they happened; none is late.
    pub fn in_time() -> Self {
        let mut scenario = scenario();
        let watermarks = Watermarks::Records(1);
        let (step, disorder, bound) = (Some(Span(1)), Span::ZERO, Span::ZERO);
        let times = EventTime { step, disorder, bound, watermarks, idle_after: None };
        scenario.job.operators[0].source.as_mut().expect("it is a source").event_time = Some(times);
        Self::of(&scenario)
    }

    fn of(scenario: &Scenario) -> Self {
        let plan = Arc::new(plan::build(scenario));
        let (channels, tasks) = (plan.channels.len(), plan.tasks.len());
        assert_eq!((channels, tasks), (6, 5), "two to two to one");
        let mut story = Self {
            plan,
            events: Vec::new(),
            lines: vec![Line::default(); channels],
            states: vec![Total::default(); tasks],
            in_use: vec![0; tasks],
            left: vec![2; tasks],
            attempt: Attempt(0),
            hidden: Total::default(),
            transaction: 0,
            visible: Total::default(),
            ended: vec![None; tasks],
        };
        story.start(CheckpointId::INITIAL);
        story.open();
        story
    }

    pub fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    fn running(&self) -> Vec<TaskId> {
        self.plan.task_ids().filter(|task| self.ended[task.index()].is_none()).collect()
    }

    fn start(&mut self, checkpoint: CheckpointId) {
        for task in self.running() {
            self.tell(Event::TaskStarted { task, attempt: self.attempt, checkpoint });
        }
    }

    // Buffers.

    /// Every source that runs sends so many records on each channel, and all of it reaches the sink.
    pub fn round(&mut self, records: usize) {
        for channel in S0_C0..=S1_C1 {
            if self.ended[self.plan.channels[channel].from.index()].is_none() {
                self.close(channel, records);
                self.pass(channel);
                self.receive(channel);
            }
        }
    }

    /// A source makes records out of its identity and position, and closes a buffer with them.
    pub fn close(&mut self, channel: usize, records: usize) {
        let from = self.plan.channels[channel].from;
        let state = &mut self.states[from.index()];
        let made: Vec<u64> =
            (0..records as u64).map(|n| mix(u64::from(from.0 + 1) << 32 | (state.count + n))).collect();
        state.add(&made);
        self.put(channel, made, true);
    }

    /// A buffer is closed; without a segment it was put in by a restore.
    fn put(&mut self, channel: usize, made: Vec<u64>, segment: bool) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let line = &mut self.lines[channel];
        line.sent.add(&made);
        let (seq, Total { count: upto, chain, .. }, records) = (line.seq, line.sent, made.len() as u32);
        line.seq += 1;
        let at = if planned.local { At::Receiver } else { At::Sender };
        line.row.push(Buffer { records: made, at, segment, floating: false, sent: false });
        if segment {
            self.segment(planned.from, true);
        }
        self.tell(Event::BufferClosed { channel: id, seq, records, bytes: records, upto, chain: chain.0 });
    }

    fn segment(&mut self, task: TaskId, taken: bool) {
        let in_use = &mut self.in_use[task.index()];
        *in_use = if taken { *in_use + 1 } else { *in_use - 1 };
        let in_use = *in_use;
        self.tell(match taken {
            true => Event::SegmentTaken { task, in_use },
            false => Event::SegmentReturned { task, in_use },
        });
    }

    /// The number of the oldest buffer at a place, and its position in the row.
    fn oldest(&self, channel: usize, at: At) -> (u64, usize) {
        let line = &self.lines[channel];
        let position = line.row.iter().position(|buffer| buffer.at == at).expect("there is one");
        (line.seq - line.row.len() as u64 + position as u64, position)
    }

    /// The sender of a remote channel sends its oldest buffer.
    pub fn send(&mut self, channel: usize) {
        let (id, from) = (ChannelId::from(channel), self.plan.channels[channel].from);
        let (seq, n) = self.oldest(channel, At::Sender);
        let buffer = &mut self.lines[channel].row[n];
        (buffer.at, buffer.sent) = (At::Wire, true);
        let segment = std::mem::take(&mut buffer.segment);
        self.tell(Event::BufferSent { channel: id, seq });
        if segment {
            self.segment(from, false);
        }
    }

    /// What flies first arrives; the first buffer that waits at a gate is a floating one.
    pub fn arrive(&mut self, channel: usize) {
        let (id, to) = (ChannelId::from(channel), self.plan.channels[channel].to);
        let (seq, n) = self.oldest(channel, At::Wire);
        let left = &mut self.left[to.index()];
        let floating = *left == 2;
        self.lines[channel].row[n].at = At::Receiver;
        self.lines[channel].row[n].floating = floating;
        if floating {
            *left = 1;
            self.tell(Event::FloatingTaken { channel: id, left: 1 });
        }
        self.tell(Event::BufferArrived { channel: id, seq });
    }

    /// The oldest buffer at the sender gets to the receiver, if it is not there.
    pub fn pass(&mut self, channel: usize) {
        if !self.plan.channels[channel].local {
            self.send(channel);
            self.arrive(channel);
        }
    }

    /// The receiver reads the oldest buffer, and sends on what it applied; that reaches the sink.
    pub fn receive(&mut self, channel: usize) {
        self.take(channel);
        let all = self.lines[channel].row[0].records.len();
        if let Some(out) = self.read(channel, all) {
            self.pass(out);
            self.receive(out);
        }
        self.consume(channel);
    }

    pub fn take(&mut self, channel: usize) {
        let (seq, n) = self.oldest(channel, At::Receiver);
        assert_eq!(n, 0, "the oldest is there");
        self.lines[channel].reading = true;
        let records = self.lines[channel].row[0].records.len() as u32;
        self.tell(Event::BufferTaken { channel: ChannelId::from(channel), seq, records, bytes: records });
    }

    /// The receiver applies so many records and closes a buffer with them; says on which channel.
    pub fn read(&mut self, channel: usize, records: usize) -> Option<usize> {
        let to = self.plan.channels[channel].to;
        let line = &mut self.lines[channel];
        let made: Vec<u64> = line.row[0].records.drain(..records).collect();
        line.received.add(&made);
        self.states[to.index()].add(&made);
        if to == SINK {
            self.hidden.add(&made);
            return None;
        }
        let out = self.plan.output_channels(to).next().expect("it has outputs").index();
        self.put(out, made, true);
        Some(out)
    }

    /// The buffer that is being read has been read.
    pub fn consume(&mut self, channel: usize) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let (seq, _) = self.oldest(channel, At::Receiver);
        let line = &mut self.lines[channel];
        line.reading = false;
        let buffer = line.row.remove(0);
        let (upto, chain) = (line.received.count, line.received.chain.0);
        self.tell(Event::BufferConsumed { channel: id, seq, upto, chain });
        self.give_back(channel, &buffer);
        if buffer.sent && !planned.local {
            self.tell(Event::CreditGranted { channel: id, amount: 1 });
        }
    }

    fn give_back(&mut self, channel: usize, buffer: &Buffer) {
        let (channel, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        if buffer.segment {
            self.segment(planned.from, false);
        }
        if buffer.floating {
            self.left[planned.to.index()] = 2;
            self.tell(Event::FloatingReturned { channel, left: 2 });
        }
    }

    // Checkpoints.

    pub fn trigger(&mut self, id: u64, purpose: u32) {
        self.tell(Event::CheckpointTriggered { checkpoint: CheckpointId(id), purpose });
    }

    /// What all tasks would save now.
    fn save(&self, id: u64) -> Saved {
        let lines = self.lines.iter().zip(&self.plan.channels).map(|(line, planned)| {
            let (mut captured, mut queued) = (Vec::new(), Vec::new());
            for (n, buffer) in line.row.iter().enumerate() {
                let is_queued = buffer.at == At::Sender || planned.local && !(n == 0 && line.reading);
                if is_queued { &mut queued } else { &mut captured }.push(buffer.records.clone());
            }
            SavedLine { sent: line.sent, received: line.received, captured, queued }
        });
        Saved { id, lines: lines.collect(), states: self.states.clone() }
    }

    /// A task captures its state.
    fn snapshot(&mut self, task: TaskId, saved: &Saved, overtaking: u32) {
        let checkpoint = CheckpointId(saved.id);
        let plan = Arc::clone(&self.plan);
        self.tell(Event::SnapshotStarted { task, checkpoint, overtaking });
        for channel in plan.output_channels(task) {
            let sent = saved.lines[channel.index()].sent;
            self.tell(Event::CutSent { channel, checkpoint, upto: sent.count, chain: sent.chain.0 });
        }
        for channel in plan.inputs(task) {
            let received = saved.lines[channel.index()].received;
            let (upto, chain) = (received.count, received.chain.0);
            self.tell(Event::CutReceived { channel: *channel, checkpoint, upto, chain });
        }
        let (state, operator) = (saved.states[task.index()], plan.head(task));
        let (applied, lineage) = (state.count, state.sum);
        self.tell(Event::CutState { task, operator, checkpoint, applied, lineage });
        self.tell(Event::SnapshotTaken { task, checkpoint });
    }

    /// What a snapshot holds of the inputs of a task.
    fn tell_captured(&mut self, task: TaskId, saved: &Saved) {
        let (checkpoint, plan) = (CheckpointId(saved.id), Arc::clone(&self.plan));
        for channel in plan.inputs(task) {
            let upto = saved.lines[channel.index()].captured_upto();
            let (records, chain) = (upto.count - saved.lines[channel.index()].received.count, upto.chain.0);
            self.tell(Event::CutCaptured { channel: *channel, checkpoint, records, chain });
        }
    }

    fn acknowledge(&mut self, task: TaskId, id: u64) {
        let (checkpoint, attempt) = (CheckpointId(id), self.attempt);
        self.tell(Event::SnapshotDurable { task, checkpoint, bytes: 1 });
        self.tell(Event::AckReceived { task, checkpoint, attempt });
    }

    /// Every task takes its part, and copies what its inputs hold.
    pub fn parts(&mut self, id: u64) -> Saved {
        let saved = self.save(id);
        for task in self.running() {
            self.snapshot(task, &saved, 0);
            self.tell_captured(task, &saved);
            self.acknowledge(task, id);
        }
        saved
    }

    /// A checkpoint whose barriers overtake all data.
    pub fn overtake(&mut self, id: u64) -> Saved {
        self.trigger(id, 0);
        let (saved, plan, checkpoint) = (self.save(id), Arc::clone(&self.plan), CheckpointId(id));
        for task in self.running() {
            for channel in plan.inputs(task) {
                self.tell(Event::CaptureBegan { channel: *channel, checkpoint });
                self.keep(channel.index(), checkpoint, |buffer, is_first| {
                    is_first || buffer.at == At::Receiver && buffer.sent
                });
            }
            for channel in plan.output_channels(task) {
                let line = &saved.lines[channel.index()];
                let (upto, chain) = (line.captured_upto().count, line.captured_upto().chain.0);
                self.overtake_output(channel.index(), checkpoint);
                let records = line.sent.count - upto;
                self.tell(Event::CutQueued { channel, checkpoint, records, chain });
                self.tell(Event::BarrierSent { channel, checkpoint });
            }
            self.snapshot(task, &saved, 1);
        }
        for channel in 0..self.lines.len() {
            while self.lines[channel].row.iter().any(|buffer| buffer.at == At::Wire) {
                let (seq, n) = self.oldest(channel, At::Wire);
                let records = self.lines[channel].row[n].records.len() as u32;
                self.arrive(channel);
                let channel = ChannelId::from(channel);
                self.tell(Event::InputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
        for task in self.running() {
            for channel in plan.inputs(task) {
                if self.ended[plan.channels[channel.index()].from.index()].is_none() {
                    self.tell(Event::BarrierReceived { task, channel: *channel, checkpoint });
                }
            }
            self.tell_captured(task, &saved);
            self.acknowledge(task, id);
        }
        saved
    }

    /// The receiver saves the buffers that it has, the one being read (with its rest) among them.
    fn keep(&mut self, channel: usize, checkpoint: CheckpointId, is_there: impl Fn(&Buffer, bool) -> bool) {
        let line = &self.lines[channel];
        let first = line.seq - line.row.len() as u64;
        for (n, buffer) in line.row.clone().iter().enumerate() {
            if is_there(buffer, n == 0 && self.lines[channel].reading) {
                let (seq, records) = (first + n as u64, buffer.records.len() as u32);
                let channel = ChannelId::from(channel);
                self.tell(Event::InputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
    }

    /// The sender saves what its barrier passes.
    fn overtake_output(&mut self, channel: usize, checkpoint: CheckpointId) {
        let (line, local) = (self.lines[channel].clone(), self.plan.channels[channel].local);
        let first = line.seq - line.row.len() as u64;
        for (n, buffer) in line.row.iter().enumerate() {
            if buffer.at == At::Sender || local && !(n == 0 && line.reading) {
                let (channel, seq, records) = (ChannelId::from(channel), first + n as u64, buffer.records.len() as u32);
                self.tell(Event::OutputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
    }

    /// A checkpoint is complete, tasks hear of it, and the sink shows what it held back.
    pub fn commit(&mut self, id: u64) {
        let checkpoint = CheckpointId(id);
        let (task, operator, transaction) = (SINK, OperatorId(2), self.transaction);
        let Total { count: records, sum: lineage, .. } = std::mem::take(&mut self.hidden);
        self.tell(Event::TransactionPrepared { task, operator, transaction, checkpoint, records, lineage });
        self.open();
        self.tell(Event::RecordStored { checkpoint });
        self.tell(Event::CheckpointCompleted { checkpoint });
        for task in self.running() {
            self.tell(Event::CompleteReceived { task, checkpoint });
        }
        self.tell(Event::TransactionCommitted { task, operator, transaction, checkpoint, records, lineage });
        self.tell(Event::OutputVisible { task: SINK, operator: OperatorId(2), checkpoint, records, lineage });
        self.visible.count += records;
        self.visible.sum = self.visible.sum.wrapping_add(lineage);
    }

    // Ends.

    /// A task ends: all it did is in this checkpoint.
    /// The sink begins a transaction.
    fn open(&mut self) {
        self.transaction += 1;
        let transaction = self.transaction;
        self.tell(Event::TransactionOpened { task: SINK, operator: OperatorId(2), transaction });
    }

    /// The transaction that the sink has open is aborted.
    fn abort(&mut self) {
        let transaction = self.transaction;
        self.tell(Event::TransactionAborted { task: SINK, operator: OperatorId(2), transaction, late: 0 });
    }

    pub fn finish(&mut self, task: u32, last: u64) {
        let task = TaskId(task);
        self.tell(Event::TaskDrained { task });
        if task == SINK {
            self.abort();
        }
        self.tell(Event::TaskFinished { task });
        self.ended[task.index()] = Some(last);
    }

    /// A count fails, and everybody goes back.
    pub fn recover(&mut self, saved: Saved) {
        let failed = TaskId(3);
        let before = self.states.clone();
        self.tell(Event::TaskFailed { task: failed, attempt: self.attempt });
        for task in self.running().into_iter().filter(|task| *task != failed) {
            self.tell(Event::TaskCancelled { task, attempt: self.attempt });
        }
        self.attempt.0 += 1;
        self.tell(Event::JobRestarting { task: failed, attempt: self.attempt });
        let plan = Arc::clone(&self.plan);
        for task in plan.task_ids() {
            let ended = self.ended[task.index()];
            let checkpoint = CheckpointId(ended.unwrap_or(saved.id));
            self.tell(Event::RestorePoint { task, checkpoint, live: if ended.is_some() { 2 } else { 0 } });
        }
        for (index, line) in saved.lines.into_iter().enumerate() {
            self.restore_channel(index, line);
        }
        (self.states, self.hidden) = (saved.states, Total::default());
        for task in plan.task_ids() {
            let (state, operator) = (self.states[task.index()], plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            self.tell(Event::StateRestored { task, operator, applied, lineage });
            if plan.is_source(task) {
                let from = before[task.index()].count;
                self.tell(Event::SourceRewound { task, position: applied, from });
            }
            if self.ended[task.index()].is_some() {
                self.tell(Event::TaskFinished { task });
            }
        }
        self.start(CheckpointId(saved.id));
        self.tell(Event::ProducerFenced { task: SINK, operator: OperatorId(2), epoch: self.attempt.0 });
        self.abort();
        self.open();
    }

    fn restore_channel(&mut self, index: usize, saved: SavedLine) {
        let row = std::mem::take(&mut self.lines[index].row);
        row.iter().for_each(|buffer| self.give_back(index, buffer));
        let (channel, sent, received) = (ChannelId::from(index), saved.sent, saved.received);
        let seq = self.lines[index].seq;
        self.lines[index] = Line { sent: received, received, seq, ..Line::default() };
        self.tell(Event::ChannelRestored {
            channel,
            sent: sent.count,
            sent_chain: sent.chain.0,
            received: received.count,
            received_chain: received.chain.0,
        });
        for (part, at) in [(saved.captured, At::Receiver), (saved.queued, At::Sender)] {
            let records = part.iter().map(|records| records.len() as u64).sum();
            if records == 0 {
                continue;
            }
            self.tell(Event::ChannelReplayed { channel, records });
            for records in part.into_iter().filter(|records| !records.is_empty()) {
                self.put(index, records, false);
                if at == At::Receiver {
                    self.lines[index].row.last_mut().expect("it was just put there").at = at;
                }
            }
        }
    }

    /// All that is left to say.
    pub fn end(&mut self, drained: bool) {
        let plan = Arc::clone(&self.plan);
        for task in plan.task_ids() {
            let (state, operator) = (self.states[task.index()], plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            if plan.is_source(task) {
                self.tell(Event::SourceFinal { task, operator, partition: task.0, emitted: applied });
            }
            self.tell(Event::StateFinal { task, operator, applied, lineage, values: mix(lineage) });
        }
        for (index, line) in self.lines.clone().into_iter().enumerate() {
            let (channel, sent, received) = (ChannelId::from(index), line.sent.count, line.received.count);
            self.tell(Event::ChannelFinal { channel, sent, received, buffers: line.row.len() as u32 });
        }
        let Total { count: records, sum: lineage, .. } = self.visible;
        self.tell(Event::OutputFinal { task: SINK, operator: OperatorId(2), records, lineage });
        self.tell(Event::RunEnded { drained: u32::from(drained) });
    }

    /// Every operator applied what the sources made, and the sink showed it. Values are a function of state.
    pub fn expected(&self) -> Expected {
        let sources = &self.states[..2];
        let applied = sources.iter().map(|state| state.count).sum();
        let lineage = sources.iter().fold(0u64, |sum, state| sum.wrapping_add(state.sum));
        let operators = self.plan.operators.iter().map(|operator| {
            let tasks = operator.tasks.start as usize..operator.tasks.end as usize;
            let values = self.states[tasks].iter().fold(0u64, |sum, state| sum.wrapping_add(mix(state.sum)));
            let output = (operator.name == "sink").then_some(ExpectedOutput { records: applied, lineage });
            ExpectedOperator { applied, lineage, values, output }
        });
        Expected { operators: operators.collect() }
    }

    pub fn checks(&self, claims: Claims) -> Checks {
        Checks::for_claims(self.plan.clone(), &network(), TOLERABLE, claims)
    }
}
