//! The yardstick: the counting job as a loop written by hand, for this job and nothing else.
//!
//! One heap, one event for each record that a task finishes, and no scanning ahead. It has the queues, buffers,
//! service times and barriers of the real thing, and none of its generality: no faults, no networks, no
//! lineages, no digest. Ties go to what was scheduled first, not to the documented order by rank and hash: that
//! is what one would write, it is faster by half (hardly anything moves in the heap), and on these jobs it
//! gives the same result, which is asserted.

use crate::outcome::Outcome;
use cutline::base::{Concern, Draws, below};
use cutline::plan::{key_group, owner_of_group};
use cutline::scenario::{Operator, Scenario};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A task finishes a record; void if the task has planned anew.
    Run { task: u32, plan: u32 },
    /// A task takes a message; void likewise.
    Mail { task: u32, plan: u32 },
    /// A task takes its next input; void likewise.
    Poll { task: u32, plan: u32 },
    /// Partly filled buffers are sent.
    Flush { task: u32 },
    /// A message reaches a task.
    Message { task: u32, mail: Mail },
    /// The synchronous part of a snapshot is over.
    Synced { task: u32 },
    /// The snapshot is stored.
    Stored,
    /// An acknowledgement reaches the coordinator.
    Acknowledged,
    /// So does the news that a task has read everything.
    Drained,
    /// The checkpoint is complete.
    Complete,
    /// Time for the next checkpoint.
    Tick,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mail {
    Trigger(u32),
    Completed,
    Finish,
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Nothing,
    Run,
    Mail,
    Poll,
}

enum Item {
    Buffer(u32),
    Barrier(u32),
    End,
}

struct Record {
    key: u32,
    bytes: u32,
}

#[derive(Default)]
struct Channel {
    from: u32,
    to: u32,
    port: u32,
    records: VecDeque<Record>,
    items: VecDeque<Item>,
    /// The open buffer.
    open_records: u32,
    open_bytes: u32,
    segments: u32,
    flush: bool,
    blocked: bool,
    listed: bool,
}

struct Task {
    service: u64,
    sync: u64,
    store: u64,
    inputs: Vec<u32>,
    /// The first output channel, and how many there are.
    outputs: (u32, u32),
    mailbox: VecDeque<Mail>,
    /// Ports with something to read.
    ready: VecDeque<u32>,
    /// Channel and records left of the buffer being read.
    current: Option<(u32, u32)>,
    /// Records that a source has not yet read, and where it is.
    left: u64,
    position: u64,
    keys: Option<Draws>,
    /// Segments of the output pool.
    in_use: u32,
    pool: u32,
    channels_full: u32,
    /// No room for output.
    blocked: bool,
    /// It has seen all of its data.
    drained: bool,
    /// A snapshot stops it.
    syncing: bool,
    /// Ports whose barrier has come.
    aligned: Vec<u32>,
    ends: u32,
    processed: u64,
    next: Next,
    plan: u32,
    /// When the record in service began.
    began: u64,
}

/// The whole simulator.
pub struct HandWritten {
    seed: u64,
    scheduled: u64,
    records: u64,
    segment: u32,
    record_bytes: u32,
    per_channel: u32,
    flush_every: u64,
    rpc: u64,
    metadata: u64,
    interval: u64,
    parallelism: u32,
    keyspace: u64,
    owner: Vec<u32>,
    now: u64,
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
    tasks: Vec<Task>,
    channels: Vec<Channel>,
    /// Per key: each has one owner.
    counts: Vec<u32>,
    /// Tasks to be looked at when the event has been handled.
    touched: Vec<u32>,
    /// The checkpoint under way, and how many acknowledgements it misses.
    pending: Option<(u32, u32)>,
    last: u32,
    waiting: bool,
    drained: u32,
    last_one: Option<u32>,
    /// How many snapshots of the pending checkpoint were taken by tasks that had seen all of their data.
    covered: usize,
    finished: u32,
    outcome: Outcome,
}

impl HandWritten {
    /// For the one kind of scenario it can do.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let [source, count, sink] = scenario.job.operators.as_slice() else { panic!("source, count, sink") };
        let read = source.source.as_ref().expect("the first operator is the source");
        let network = &scenario.network;
        let p = source.parallelism;
        let pool = |width: u32| (network.exclusive * width + network.floating).max(width + 1);
        let task = |operator: &Operator| Task {
            service: operator.service.0,
            sync: operator.snapshot.sync.0,
            store: operator.snapshot.r#async.expect("given in the scenario").0,
            inputs: Vec::new(),
            outputs: (0, 0),
            mailbox: VecDeque::new(),
            ready: VecDeque::new(),
            current: None,
            left: 0,
            position: 0,
            keys: None,
            in_use: 0,
            pool: 1,
            channels_full: 0,
            blocked: false,
            drained: false,
            syncing: false,
            aligned: Vec::new(),
            ends: 0,
            processed: 0,
            next: Next::Nothing,
            plan: 0,
            began: 0,
        };
        let (mut tasks, mut channels) = (Vec::new(), Vec::new());
        for i in 0..p {
            tasks.push(Task { outputs: (i * p, p), pool: pool(p), ..task(source) });
            channels.extend((0..p).map(|to| Channel { from: i, to: p + to, port: i, ..Channel::default() }));
        }
        for i in 0..p {
            let inputs = (0..p).map(|from| from * p + i).collect();
            tasks.push(Task { inputs, outputs: (p * p + i, 1), pool: pool(1), ..task(count) });
            channels.push(Channel { from: p + i, to: 2 * p + i, ..Channel::default() });
        }
        tasks.extend((0..p).map(|i| Task { inputs: vec![p * p + i], ..task(sink) }));
        let groups = scenario.job.max_parallelism;
        Self {
            seed,
            scheduled: 0,
            records: read.records.expect("a finite source"),
            segment: network.segment.0 as u32,
            record_bytes: read.size.0 as u32,
            per_channel: network.max_per_channel,
            flush_every: network.buffer_timeout.expect("given in the scenario").0,
            rpc: network.rpc.0,
            metadata: scenario.storage.metadata.0,
            interval: scenario.checkpoints.interval.expect("given in the scenario").0,
            parallelism: p,
            keyspace: u64::from(read.keys.count),
            owner: (0..read.keys.count).map(|key| owner_of_group(key_group(key, groups), groups, p)).collect(),
            now: 0,
            heap: BinaryHeap::new(),
            tasks,
            channels,
            counts: vec![0; read.keys.count as usize],
            touched: Vec::new(),
            pending: None,
            last: 0,
            waiting: false,
            drained: 0,
            last_one: None,
            covered: 0,
            finished: 0,
            outcome: Outcome::default(),
        }
    }

    /// Runs to the end; queues keep their memory for the next run.
    pub fn run(&mut self) -> Outcome {
        self.begin();
        self.at(self.interval, Event::Tick);
        for task in 0..self.tasks.len() as u32 {
            self.at(self.flush_every, Event::Flush { task });
            self.look_at(task);
        }
        while self.finished < self.tasks.len() as u32 {
            let Some(Reverse((now, _, event))) = self.heap.pop() else { panic!("it hangs at {}", self.now) };
            self.now = now;
            self.handle(event);
            while let Some(task) = self.touched.pop() {
                self.look_at(task);
            }
        }
        self.outcome.ended = self.now;
        self.outcome.processed = self.tasks.iter().map(|task| task.processed).collect();
        let all = self.counts.iter().zip(0..);
        self.outcome.values = all.fold(0, |sum, (count, key)| sum.wrapping_add(Outcome::value(key, *count)));
        std::mem::take(&mut self.outcome)
    }

    /// Forgets the last run, at the end of which all queues were empty.
    fn begin(&mut self) {
        let p = u64::from(self.parallelism);
        for (task, i) in self.tasks.iter_mut().zip(0..) {
            let is_source = i < p;
            task.left = if is_source { self.records / p + u64::from(i < self.records % p) } else { 0 };
            task.keys = is_source.then(|| Draws::new(self.seed, Concern::Key, i));
            (task.position, task.ends, task.processed) = (0, 0, 0);
            (task.next, task.plan, task.drained) = (Next::Nothing, 0, false);
        }
        self.channels.iter_mut().for_each(|channel| channel.flush = false);
        self.heap.clear();
        self.scheduled = 0;
        self.counts.fill(0);
        (self.pending, self.last_one, self.waiting) = (None, None, false);
        (self.now, self.last, self.drained, self.finished) = (0, 0, 0, 0);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Run { task, plan } if self.tasks[task as usize].plan == plan => self.run_record(task),
            Event::Mail { task, plan } if self.tasks[task as usize].plan == plan => self.take_mail(task),
            Event::Poll { task, plan } if self.tasks[task as usize].plan == plan => self.poll(task),
            Event::Run { .. } | Event::Mail { .. } | Event::Poll { .. } => {}
            Event::Flush { task } => {
                self.at(self.now + self.flush_every, event);
                let (first, width) = self.tasks[task as usize].outputs;
                for channel in first..first + width {
                    if self.channels[channel as usize].open_bytes > 0 {
                        self.channels[channel as usize].flush = true;
                        self.list(channel);
                    }
                }
            }
            Event::Message { task, mail } => {
                self.tasks[task as usize].mailbox.push_back(mail);
                self.touched.push(task);
            }
            Event::Synced { task } => {
                self.tasks[task as usize].syncing = false;
                for port in std::mem::take(&mut self.tasks[task as usize].aligned) {
                    let channel = self.tasks[task as usize].inputs[port as usize];
                    self.channels[channel as usize].blocked = false;
                    self.list(channel);
                }
                let store = self.tasks[task as usize].store;
                self.at(self.now + store, Event::Stored);
                self.touched.push(task);
            }
            Event::Stored => self.report(Event::Acknowledged),
            Event::Acknowledged => {
                let (_, missing) = self.pending.as_mut().expect("a checkpoint is under way");
                *missing -= 1;
                if *missing == 0 {
                    self.at(self.now + self.metadata, Event::Complete);
                }
            }
            Event::Drained => {
                self.drained += 1;
                if self.has_drained() && self.pending.is_none() {
                    self.trigger();
                }
            }
            Event::Complete => self.complete(),
            Event::Tick => {
                self.at(self.now + self.interval, Event::Tick);
                match self.pending {
                    Some(_) => self.waiting = true,
                    None if self.last_one.is_none() => self.trigger(),
                    None => {}
                }
            }
        }
    }

    /// A record is finished.
    fn run_record(&mut self, id: u32) {
        let p = self.parallelism;
        let task = &mut self.tasks[id as usize];
        task.next = Next::Nothing;
        task.processed += 1;
        if id < p {
            let draw = task.keys.as_mut().expect("a source").at(task.position);
            let key = below(draw, self.keyspace) as u32;
            task.position += 1;
            task.left -= 1;
            let ends = task.left == 0;
            self.push(id * p + self.owner[key as usize], Record { key, bytes: self.record_bytes });
            if ends {
                self.drain(id);
            }
        } else {
            let (channel, left) = task.current.expect("a buffer is being read");
            task.current = (left > 1).then_some((channel, left - 1));
            let record = self.channels[channel as usize].records.pop_front().expect("the buffer has records");
            if id < 2 * p {
                self.counts[record.key as usize] += 1;
                self.push(p * p + id - p, record);
            }
            if left == 1 {
                self.return_segment(channel);
            }
        }
        if !self.has_room(id) {
            self.tasks[id as usize].blocked = true;
        }
        self.touched.push(id);
    }

    /// Appends a record to a channel's open buffer; the one that spans two buffers belongs to the second.
    fn push(&mut self, id: u32, record: Record) {
        let channel = &mut self.channels[id as usize];
        let begins = channel.open_bytes == 0;
        channel.open_bytes += record.bytes;
        channel.open_records += 1;
        channel.records.push_back(record);
        let full = channel.open_bytes >= self.segment;
        if begins {
            self.take_segment(id);
        }
        if full {
            let channel = &mut self.channels[id as usize];
            let rest = channel.open_bytes - self.segment;
            let spanning = u32::from(rest > 0);
            channel.items.push_back(Item::Buffer(channel.open_records - spanning));
            (channel.open_records, channel.open_bytes) = (spanning, rest);
            if rest > 0 {
                self.take_segment(id);
            }
            self.list(id);
        }
    }

    fn take_segment(&mut self, channel: u32) {
        let channel = &mut self.channels[channel as usize];
        let sender = &mut self.tasks[channel.from as usize];
        sender.in_use += 1;
        channel.segments += 1;
        sender.channels_full += u32::from(channel.segments == self.per_channel);
    }

    fn return_segment(&mut self, channel: u32) {
        let channel = &mut self.channels[channel as usize];
        let sender = &mut self.tasks[channel.from as usize];
        sender.channels_full -= u32::from(channel.segments == self.per_channel);
        sender.in_use -= 1;
        channel.segments -= 1;
        let from = channel.from;
        if self.tasks[from as usize].blocked && self.has_room(from) {
            self.tasks[from as usize].blocked = false;
            self.touched.push(from);
        }
    }

    fn has_room(&self, task: u32) -> bool {
        let task = &self.tasks[task as usize];
        task.in_use < task.pool && task.channels_full == 0
    }

    fn close(&mut self, channel: u32) {
        let channel = &mut self.channels[channel as usize];
        if channel.open_bytes > 0 {
            channel.items.push_back(Item::Buffer(channel.open_records));
            (channel.open_records, channel.open_bytes) = (0, 0);
        }
    }

    /// Tells the receiver that there is something to read.
    fn list(&mut self, channel: u32) {
        let channel = &mut self.channels[channel as usize];
        let readable = !channel.items.is_empty() || (channel.flush && channel.open_bytes > 0);
        if readable && !channel.blocked && !channel.listed {
            channel.listed = true;
            self.tasks[channel.to as usize].ready.push_back(channel.port);
            self.touched.push(channel.to);
        }
    }

    /// Takes the next input.
    fn poll(&mut self, id: u32) {
        let task = &mut self.tasks[id as usize];
        task.next = Next::Nothing;
        let port = task.ready.pop_front().expect("something is ready");
        let channel_id = task.inputs[port as usize];
        if self.channels[channel_id as usize].items.is_empty() {
            self.channels[channel_id as usize].flush = false;
            self.close(channel_id);
        }
        let channel = &mut self.channels[channel_id as usize];
        channel.listed = false;
        let item = channel.items.pop_front().expect("a listed channel has something");
        channel.blocked = matches!(item, Item::Barrier(_));
        channel.flush &= !channel.items.is_empty() || channel.open_bytes > 0;
        self.list(channel_id);
        match item {
            Item::Buffer(records) => self.tasks[id as usize].current = Some((channel_id, records)),
            Item::Barrier(checkpoint) => {
                let task = &mut self.tasks[id as usize];
                task.aligned.push(port);
                if task.aligned.len() == task.inputs.len() {
                    self.snapshot(id, checkpoint);
                }
            }
            Item::End => {
                let task = &mut self.tasks[id as usize];
                task.ends += 1;
                if task.ends as usize == task.inputs.len() {
                    self.drain(id);
                }
            }
        }
        self.touched.push(id);
    }

    fn take_mail(&mut self, id: u32) {
        let task = &mut self.tasks[id as usize];
        task.next = Next::Nothing;
        match task.mailbox.pop_front().expect("a message is there") {
            Mail::Trigger(checkpoint) => self.snapshot(id, checkpoint),
            Mail::Completed => {}
            Mail::Finish => self.finished += 1,
        }
        self.touched.push(id);
    }

    /// Sends the barrier on, then stops for the synchronous part of the snapshot.
    fn snapshot(&mut self, id: u32, checkpoint: u32) {
        self.covered += usize::from(self.tasks[id as usize].drained);
        self.send(id, || Item::Barrier(checkpoint));
        let task = &mut self.tasks[id as usize];
        self.outcome.cuts.push((checkpoint.into(), id, task.processed));
        task.syncing = true;
        let until = self.now + task.sync;
        self.at(until, Event::Synced { task: id });
    }

    /// The task has sent its last record.
    fn drain(&mut self, id: u32) {
        self.tasks[id as usize].drained = true;
        self.send(id, || Item::End);
        self.report(Event::Drained);
    }

    fn send(&mut self, id: u32, item: impl Fn() -> Item) {
        let (first, width) = self.tasks[id as usize].outputs;
        for channel in first..first + width {
            self.close(channel);
            self.channels[channel as usize].items.push_back(item());
            self.list(channel);
        }
    }

    /// A message from a task to the coordinator.
    fn report(&mut self, event: Event) {
        self.at(self.now + self.rpc, event);
    }

    /// A message from the coordinator to a task.
    fn tell(&mut self, task: u32, mail: Mail) {
        self.at(self.now + self.rpc, Event::Message { task, mail });
    }

    fn has_drained(&self) -> bool {
        self.drained as usize == self.tasks.len()
    }

    fn trigger(&mut self) {
        (self.waiting, self.covered) = (false, 0);
        self.last += 1;
        if self.has_drained() {
            self.last_one = Some(self.last);
        }
        self.pending = Some((self.last, self.tasks.len() as u32));
        (0..self.parallelism).for_each(|source| self.tell(source, Mail::Trigger(self.last)));
    }

    fn complete(&mut self) {
        let (id, _) = self.pending.take().expect("a checkpoint is under way");
        self.outcome.completed.push((id.into(), self.now));
        let tasks = 0..self.tasks.len() as u32;
        tasks.clone().for_each(|task| self.tell(task, Mail::Completed));
        if self.last_one == Some(id) || self.covered == self.tasks.len() {
            tasks.for_each(|task| self.tell(task, Mail::Finish));
        } else if self.has_drained() || self.waiting {
            self.trigger();
        }
    }

    /// Plans what a task does next. A record that would begin now waits for a message that comes now.
    fn look_at(&mut self, id: u32) {
        let now = self.now;
        let task = &mut self.tasks[id as usize];
        if task.next == Next::Run && (task.mailbox.is_empty() || task.began < now) {
            return;
        }
        let next = match () {
            () if task.syncing => Next::Nothing,
            () if !task.mailbox.is_empty() => Next::Mail,
            () if task.blocked => Next::Nothing,
            () if task.current.is_some() || task.left > 0 => Next::Run,
            () if !task.ready.is_empty() => Next::Poll,
            () => Next::Nothing,
        };
        if next == task.next {
            return;
        }
        task.next = next;
        task.plan += 1;
        let plan = task.plan;
        match next {
            Next::Nothing => {}
            Next::Run => {
                task.began = now;
                let until = now + task.service;
                self.at(until, Event::Run { task: id, plan });
            }
            Next::Mail => self.at(now, Event::Mail { task: id, plan }),
            Next::Poll => self.at(now, Event::Poll { task: id, plan }),
        }
    }

    /// Puts an event into the heap. Of events at the same instant the one that was scheduled first comes first.
    fn at(&mut self, time: u64, event: Event) {
        self.scheduled += 1;
        self.heap.push(Reverse((time, self.scheduled, event)));
    }
}
