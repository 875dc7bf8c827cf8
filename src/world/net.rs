//! The data plane: channels, network buffers, credits.
//!
//! A channel's records lie in one ring from the sender's open buffer to the receiver's current one; buffers
//! are only descriptors of how many of them belong together, so a record is written once and read once.
//!
//! ```text
//!  rings[c]:   | current | received    | flying | queued at the sender | open |
//!  items[c]:             | arrived ... | flying | queued: buffers and control elements |
//! ```
//!
//! A local channel has no receiver queue: its receiver reads the sender's queue.
//!
//! A record belongs to the buffer in which its last byte is. A buffer is closed when it is full, when a
//! control element follows, or when it is flushed and can be sent at once.

mod credit;
mod debloat;
mod overdraft;
mod overtaking;
mod recovery;
mod segments;

use overdraft::Stalled;
pub(super) use overtaking::{Keeper, Overtaken};

use debloat::Meter;

use super::{Host, Job, Notice};
use crate::base::{Chain, ChannelId, CheckpointId, Port, Ring, TaskId};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind};
use crate::scenario::BlockedRule;
use crate::trace::Event;
use crate::workload::Record;

/// Bytes that a control element takes on the wire.
const CONTROL_BYTES: u32 = 64;

/// All channels, output pools and input gates.
#[derive(Clone)]
pub(crate) struct Net {
    pub(super) channels: Vec<Channel>,
    pub(super) rings: Vec<Ring<Record>>,
    pub(crate) outs: Vec<Out>,
    pub(super) ins: Vec<In>,
    pools: Vec<Pool>,
    /// Segments in use, by task.
    in_use: Vec<u32>,
    /// Output channels with a partly filled buffer that is not marked for sending, by task.
    unflushed: Vec<u32>,
    gates: Vec<Gate>,
    /// Ports with something to read, by task, in the order in which they are to be read.
    pub(super) ready: Vec<Ring<u32>>,
    /// How many of them, by task, come first because something there goes before all data.
    pub(super) urgent: Vec<u32>,
    /// Tasks that were told of something urgent; see [`super::World::settle`].
    pub(super) hurried: Vec<TaskId>,
    /// What each receiver knows of barriers, if the protocol captures channels.
    pub(super) keepers: Vec<Keeper>,
    /// Timeoutable barriers that left their sender's queue; see [`super::World::settle`].
    pub(super) left: Vec<(ChannelId, CheckpointId)>,
    /// Buffers put in by a restore that a task has not read, by task.
    pub(super) restored: Vec<u32>,
    /// By task: what it sends and has no memory for. It stands still within a record.
    stalled: Vec<Ring<Stalled>>,
    /// How many tasks stand still like that.
    stalls: u32,
    /// Overtaking barriers pass a blocked sender.
    passes: bool,
    /// What senders sent, by channel, if the protocol wants it kept.
    pub(super) logs: Vec<Log>,
    /// Tasks whose output pool got a segment back; see [`super::World::settle`].
    pub(super) freed: Vec<TaskId>,
    /// What receivers measure, by gate, if the sizes of buffers follow it.
    meters: Vec<Meter>,
    /// No buffer is larger.
    segment: u32,
    /// The size of buffers before their receiver asks for another one.
    start: u32,
    mutant: Option<Mutant>,
}

/// A channel's control state. Its hot counters are in [`Out`] and [`In`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Channel {
    /// Received, flying, then queued at the sender.
    pub items: Ring<Item>,
    /// How many of the items are at the receiver.
    pub arrived: u32,
    /// How many after them fly.
    pub flying: u32,
    /// Buffers closed so far.
    pub closed: u64,
    /// Size of the buffers that are begun from now on.
    size: u32,
    /// Size of the open one.
    limit: u32,
    /// Closed buffers that a remote sender has not sent.
    queued: u32,
    /// Buffers and control elements put on the wire so far, in all lives.
    flown: u32,
    /// Segments of the sender's pool in its open and queued buffers.
    segments: u32,
    /// Buffers the sender may still send.
    credit: u32,
    /// Receiver: free buffers of its own, and floating ones.
    exclusive: u32,
    floating: u32,
    /// Receiver: how many free buffers it would like to have.
    wanted: u32,
    pool: u32,
    gate: u32,
    /// Which life of the channel this is: counts restarts.
    pub epoch: u32,
    /// Control elements at the receiver's end that go before all data; of a local channel, all such.
    pub front: u16,
    /// Barriers at a remote sender that go before all data it has queued.
    urgent: u16,
    /// The sender must not send: it waits behind a blocking barrier.
    pub blocked: bool,
    /// The open buffer may be sent before it is full.
    flush: bool,
    /// The receiver has this port in its `ready` queue.
    listed: bool,
    /// It stands there among those that go first.
    prioritized: bool,
    /// The receiver waits for a floating buffer.
    waiting: bool,
    /// The sender has sent its last record.
    pub ended: bool,
    /// The end of data that it sends is not the end of event time: a source was stopped before its last record.
    pub cut_short: bool,
    /// The receiver has seen the end of data.
    pub end_seen: bool,
    /// Ends of data on their way that were taken back.
    pub void_ends: u8,
}

/// The sender's hot side of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Out {
    /// Bytes that the open buffer still has room for; 0: none is open.
    pub room: u32,
    /// Records that end in the open buffer.
    pub records: u32,
    /// Records sent so far.
    pub sent: u64,
    /// Over their lineages.
    pub chain: Chain,
}

impl Out {
    /// Whether a buffer is open: begun, and not full.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.room > 0
    }
}

/// The receiver's hot side of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct In {
    /// Records consumed so far.
    pub received: u64,
    /// Over their lineages.
    pub chain: Chain,
}

/// A buffer or a control element in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Item {
    /// So many records; `backlog` counts the buffers queued behind it when it was sent.
    Buffer { seq: u64, records: u32, bytes: u32, backlog: u32, held: Held },
    /// A barrier.
    Barrier(Barrier),
    /// News of a barrier that waits further back.
    Announcement(Barrier),
    /// A checkpoint was given up by the sender.
    Cancel(CheckpointId),
    /// The sender has ended for good.
    Closed,
    /// What a sink has prepared for a checkpoint: a transaction's number, or 0 for nothing.
    Committable(CheckpointId, u64),
    /// No more records.
    #[default]
    End,
}

/// Whose memory a buffer occupies, and so what happens when it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Held {
    /// A segment of the sender's pool.
    #[default]
    Sender,
    /// A buffer of the receiving channel's own.
    Exclusive,
    /// A floating buffer of the receiver's gate.
    Floating,
    /// Nobody's: a restore put it in at the receiver, which reads it before it takes part in checkpoints.
    Restored,
    /// Nobody's: a restore put it in at the sender.
    Requeued,
}

#[derive(Clone, Copy, Debug)]
struct Pool {
    task: TaskId,
    in_use: u32,
    size: u32,
    /// Channels that have as many segments as one may have.
    over: u32,
}

impl Pool {
    /// Whether it has a free segment and no channel has too many.
    #[inline]
    fn has_room(&self) -> bool {
        self.in_use < self.size && self.over == 0
    }
}

#[derive(Clone, Debug, Default)]
struct Gate {
    left: u32,
    waiting: Ring<u32>,
}

/// Records sent on a channel that are kept for replay: from number `base` (counted from 0) on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub base: u64,
    pub records: Ring<Record>,
}

impl Net {
    pub fn new(job: &Job) -> Self {
        let (plan, network) = (&job.plan, &job.scenario.network);
        let mut pools = Vec::new();
        let mut pool_of = vec![0; plan.channels.len()];
        let mut gates = Vec::new();
        let mut gate_of = vec![0; plan.channels.len()];
        for task in plan.task_ids() {
            for out in plan.outputs(task) {
                (out.first.0..out.first.0 + out.width).for_each(|c| pool_of[c as usize] = pools.len() as u32);
                let size = network.exclusive.saturating_mul(out.width).saturating_add(network.floating);
                pools.push(Pool { task, in_use: 0, size: size.max(out.width + 1), over: 0 });
            }
            let mut first = gates.len() as u32;
            let mut edge = None;
            for channel in plan.inputs(task) {
                let planned = &plan.channels[channel.index()];
                if edge != Some(planned.edge) {
                    edge = Some(planned.edge);
                    first = gates.len() as u32;
                    gates.push(Gate { left: network.floating, waiting: Ring::default() });
                }
                gate_of[channel.index()] = first;
            }
        }
        let channel = |index: usize| Channel { pool: pool_of[index], gate: gate_of[index], ..Channel::default() };
        let segment = network.segment.0 as u32;
        let start = network.debloat.map_or(segment, |debloat| debloat.start.0 as u32);
        let mut net = Self {
            meters: network.debloat.map_or(Vec::new(), |_| vec![Meter::new(start); gates.len()]),
            channels: (0..plan.channels.len()).map(channel).collect(),
            rings: vec![Ring::default(); plan.channels.len()],
            outs: vec![Out::default(); plan.channels.len()],
            ins: vec![In::default(); plan.channels.len()],
            pools,
            in_use: vec![0; plan.tasks.len()],
            unflushed: vec![0; plan.tasks.len()],
            gates,
            ready: vec![Ring::default(); plan.tasks.len()],
            urgent: vec![0; plan.tasks.len()],
            hurried: Vec::new(),
            keepers: match job.protocol.needs().channel_state {
                true => vec![Keeper::default(); plan.channels.len()],
                false => Vec::new(),
            },
            left: Vec::new(),
            restored: vec![0; plan.tasks.len()],
            stalled: vec![Ring::default(); plan.tasks.len()],
            stalls: 0,
            passes: network.blocked == BlockedRule::Overtaking,
            logs: if job.protocol.needs().sender_log { vec![Log::default(); plan.channels.len()] } else { vec![] },
            freed: Vec::new(),
            segment,
            start,
            mutant: job.settings.mutant,
        };
        net.reset(job);
        net
    }

    pub fn reset(&mut self, job: &Job) {
        let (exclusive, size) = (job.scenario.network.exclusive, self.start);
        for channel in &mut self.channels {
            channel.items.clear();
            let items = std::mem::take(&mut channel.items);
            let (pool, gate) = (channel.pool, channel.gate);
            let (credit, wanted) = (exclusive, exclusive);
            *channel = Channel { items, pool, gate, size, credit, exclusive, wanted, ..Channel::default() };
        }
        self.meters.fill(Meter::new(self.start));
        self.rings.iter_mut().for_each(Ring::clear);
        self.outs.fill(Out::default());
        self.ins.fill(In::default());
        self.pools.iter_mut().for_each(|pool| (pool.in_use, pool.over) = (0, 0));
        self.in_use.fill(0);
        self.unflushed.fill(0);
        for gate in &mut self.gates {
            gate.left = job.scenario.network.floating;
            gate.waiting.clear();
        }
        self.ready.iter_mut().for_each(Ring::clear);
        self.urgent.fill(0);
        self.hurried.clear();
        self.keepers.fill(Keeper::default());
        self.left.clear();
        self.restored.fill(0);
        self.stalled.iter_mut().for_each(Ring::clear);
        self.stalls = 0;
        for log in &mut self.logs {
            log.base = 0;
            log.records.clear();
        }
        self.freed.clear();
    }

    /// Whether a task may begin another record: every output pool has a free segment and no channel has too many.
    ///
    /// Feedback edges are not asked: a cycle of bounded buffers can wait for itself for ever, so theirs have no bound.
    #[inline]
    pub fn has_room(&self, job: &Job, task: TaskId) -> bool {
        job.plan.outputs(task).iter().all(|out| {
            let pool = &self.pools[self.channels[out.first.index()].pool as usize];
            pool.has_room() || job.plan.edges[out.edge.index()].feedback
        })
    }

    /// Appends a record to a channel's open buffer.
    #[inline]
    pub fn push<H: Host>(&mut self, job: &Job, channel: ChannelId, record: Record, host: &mut H) {
        let fits = record.size < self.outs[channel.index()].room;
        if (!fits || self.stalls > 0) && self.must_wait(job, channel, record) {
            return;
        }
        self.append(job, channel, record, fits, host);
    }

    #[inline]
    fn append<H: Host>(&mut self, job: &Job, channel: ChannelId, record: Record, fits: bool, host: &mut H) {
        let out = &mut self.outs[channel.index()];
        out.room -= if fits { record.size } else { 0 };
        out.records += 1;
        out.sent += 1;
        out.chain.push(record.lineage);
        self.rings[channel.index()].push(record);
        if !self.logs.is_empty() {
            self.logs[channel.index()].records.push(record);
        }
        if !fits {
            self.put(job, channel, record.size, host);
        }
    }

    /// Something was queued at the sender: a remote channel sends what it can, a local one tells its receiver.
    fn offer<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        if job.plan.channels[channel.index()].local {
            self.list(job, channel, host);
        } else {
            self.send(job, channel, host);
        }
    }

    /// Sends what blocking and credit allow.
    fn send<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        loop {
            let control = &mut self.channels[channel.index()];
            if control.blocked && !(self.passes && control.urgent > 0) {
                return;
            }
            let next = (control.arrived + control.flying) as usize;
            let epoch = control.epoch;
            match control.items.get(next) {
                Some(Item::Buffer { seq, bytes, held, .. }) => {
                    if control.credit == 0 {
                        return;
                    }
                    control.credit -= 1;
                    control.flying += 1;
                    self.channels[channel.index()].queued -= 1;
                    let backlog = self.backlog(channel);
                    if let Some(Item::Buffer { backlog: sent, .. }) = self.channels[channel.index()].items.get_mut(next)
                    {
                        *sent = backlog;
                    }
                    host.emit(Event::BufferSent { channel, seq });
                    let nth = self.took_off(channel);
                    host.notice(Notice::Fly { channel, epoch, nth, bytes });
                    if held == Held::Sender {
                        self.return_segment(job, channel, host);
                    }
                }
                Some(Item::Barrier(Barrier { checkpoint, kind, .. })) => {
                    control.flying += 1;
                    let blocking = kind.blocks();
                    control.blocked |= blocking;
                    control.urgent -= u16::from(kind == BarrierKind::Overtaking);
                    if kind == BarrierKind::Timeoutable {
                        self.left.push((channel, checkpoint));
                    }
                    let nth = self.took_off(channel);
                    host.notice(Notice::Fly { channel, epoch, nth, bytes: CONTROL_BYTES });
                    if blocking {
                        host.emit(Event::ChannelBlocked { channel, checkpoint });
                    }
                }
                Some(Item::End | Item::Closed | Item::Cancel(_) | Item::Announcement(_) | Item::Committable(..)) => {
                    control.flying += 1;
                    let nth = self.took_off(channel);
                    host.notice(Notice::Fly { channel, epoch, nth, bytes: CONTROL_BYTES });
                }
                None => {
                    let open = self.outs[channel.index()].is_open();
                    if !(control.flush && open && control.credit > 0) {
                        control.flush &= open;
                        return;
                    }
                    self.close(channel, 0, host);
                    self.channels[channel.index()].flush = false;
                }
            }
        }
    }

    /// Counts what was put on the wire.
    fn took_off(&mut self, channel: ChannelId) -> u64 {
        let flown = &mut self.channels[channel.index()].flown;
        *flown += 1;
        u64::from(*flown - 1)
    }

    /// Data buffers that wait at the sender: what the receiver should have buffers for.
    fn backlog(&self, channel: ChannelId) -> u32 {
        let control = &self.channels[channel.index()];
        control.queued + u32::from(control.flush && self.outs[channel.index()].is_open())
    }

    /// Marks partly filled buffers of a task as ready to be sent.
    pub fn flush<H: Host>(&mut self, job: &Job, task: TaskId, host: &mut H) {
        for channel in job.plan.output_channels(task) {
            self.flush_channel(job, channel, host);
        }
    }

    pub fn flush_channel<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        if self.outs[channel.index()].is_open() {
            let control = &mut self.channels[channel.index()];
            self.unflushed[self.pools[control.pool as usize].task.index()] -= u32::from(!control.flush);
            control.flush = true;
            self.offer(job, channel, host);
        }
    }

    /// Whether a task has a partly filled buffer that is not yet marked for sending.
    #[inline]
    pub fn has_unflushed(&self, task: TaskId) -> bool {
        self.unflushed[task.index()] > 0
    }

    /// Whether a step at this channel may take the sender's open buffer.
    #[inline]
    pub fn may_take_open(&self, channel: ChannelId) -> bool {
        self.channels[channel.index()].flush
    }

    /// Puts a barrier behind all that was sent.
    pub fn send_behind<H: Host>(&mut self, job: &Job, channel: ChannelId, barrier: Barrier, host: &mut H) {
        self.close_open(channel, host);
        self.channels[channel.index()].items.push(Item::Barrier(barrier));
        host.emit(Event::BarrierSent { channel, checkpoint: barrier.checkpoint });
        self.offer(job, channel, host);
    }

    /// Puts the end of data behind all that was sent, once.
    pub fn send_end<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        if std::mem::replace(&mut self.channels[channel.index()].ended, true) {
            return;
        }
        self.close_open(channel, host);
        self.channels[channel.index()].items.push(Item::End);
        self.offer(job, channel, host);
    }

    /// Puts a control element behind all that was sent.
    pub fn send_control<H: Host>(&mut self, job: &Job, channel: ChannelId, item: Item, host: &mut H) {
        self.close_open(channel, host);
        self.channels[channel.index()].items.push(item);
        self.offer(job, channel, host);
    }

    pub fn close_open<H: Host>(&mut self, channel: ChannelId, host: &mut H) {
        if self.outs[channel.index()].is_open() {
            self.close(channel, 0, host);
        }
    }

    /// What flies first arrives at the receiver; says which buffer it was, if it was one.
    pub fn deliver<H: Host>(&mut self, job: &Job, channel: ChannelId, epoch: u32, host: &mut H) -> Option<u64> {
        let control = &mut self.channels[channel.index()];
        if control.epoch != epoch || control.flying == 0 {
            return None;
        }
        let at = control.arrived as usize;
        control.flying -= 1;
        control.arrived += 1;
        let use_floating = control.floating > 0;
        let mut buffer = None;
        if let Some(Item::Barrier(barrier)) = control.items.get(at) {
            self.barrier_arrives(channel, at, barrier);
        } else if let Some(Item::Buffer { seq, backlog, held, .. }) = control.items.get_mut(at) {
            let (seq, backlog) = (*seq, *backlog);
            buffer = Some(seq);
            if use_floating {
                *held = Held::Floating;
                control.floating -= 1;
            } else {
                *held = Held::Exclusive;
                control.exclusive -= 1;
            }
            host.emit(Event::BufferArrived { channel, seq });
            self.want(job, channel, backlog, host);
        }
        self.list(job, channel, host);
        buffer
    }

    /// Puts a port with something to read into the receiver's queue.
    fn list<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        if self.channels[channel.index()].front > 0 {
            return self.list_first(job, channel);
        }
        if self.channels[channel.index()].listed || !self.is_readable(job, channel) {
            return;
        }
        let planned = &job.plan.channels[channel.index()];
        self.channels[channel.index()].listed = true;
        self.ready[planned.to.index()].push(planned.port.0);
        host.notice(Notice::Wake(planned.to));
    }

    fn is_readable(&self, job: &Job, channel: ChannelId) -> bool {
        let control = &self.channels[channel.index()];
        if !job.plan.channels[channel.index()].local {
            return control.arrived > 0;
        }
        if control.blocked {
            // What a restore put in is not behind the barrier, but nothing is restored while blocked.
            return self.passes && control.front > 0;
        }
        !control.items.is_empty() || (control.flush && self.outs[channel.index()].is_open())
    }

    /// Takes the next item of a task's input, in the order in which ports became readable.
    pub fn take<H: Host>(&mut self, job: &Job, task: TaskId, host: &mut H) -> Option<(Port, ChannelId, Item)> {
        if self.restored[task.index()] > 0 {
            self.restored_first(job, task);
        }
        let port = Port(self.ready[task.index()].pop()?);
        let channel = job.plan.inputs(task)[port.index()];
        let local = job.plan.channels[channel.index()].local;
        if local && self.channels[channel.index()].items.is_empty() {
            self.close(channel, 0, host);
            self.channels[channel.index()].flush = false;
        }
        let control = &mut self.channels[channel.index()];
        self.urgent[task.index()] -= u32::from(control.prioritized);
        (control.listed, control.prioritized) = (false, false);
        let item = control.items.pop().expect("a listed port has something to read");
        if let Some(meter) = self.meters.get_mut(control.gate as usize) {
            meter.read(item);
        }
        control.arrived -= u32::from(!local);
        control.front = control.front.saturating_sub(1);
        if let (true, Item::Barrier(Barrier { checkpoint, kind, .. })) = (local, item)
            && kind.blocks()
        {
            control.blocked = true;
            host.emit(Event::ChannelBlocked { channel, checkpoint });
            if kind == BarrierKind::Timeoutable {
                self.left.push((channel, checkpoint));
            }
        }
        let control = &mut self.channels[channel.index()];
        if local && control.items.is_empty() && !self.outs[channel.index()].is_open() {
            self.channels[channel.index()].flush = false;
        }
        self.list(job, channel, host);
        Some((port, channel, item))
    }

    /// Credits arrive at the sender.
    pub fn credit<H: Host>(&mut self, job: &Job, channel: ChannelId, epoch: u32, amount: u32, host: &mut H) {
        if self.channels[channel.index()].epoch == epoch || job.has(Mutant::CreditsOutliveRestart) {
            self.channels[channel.index()].credit += amount;
            self.send(job, channel, host);
        }
    }

    /// The receiver lets a blocked channel go on; a remote sender learns it later.
    pub fn release<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        let epoch = self.channels[channel.index()].epoch;
        if job.plan.channels[channel.index()].local {
            self.resume(job, channel, epoch, host);
        } else {
            host.notice(Notice::Resume { channel, epoch });
        }
    }

    /// A blocked sender may go on.
    pub fn resume<H: Host>(&mut self, job: &Job, channel: ChannelId, epoch: u32, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        if control.epoch == epoch && control.blocked {
            control.blocked = false;
            host.emit(Event::ChannelResumed { channel });
            if !job.has(Mutant::ReleaseWakesNobody) {
                self.offer(job, channel, host);
            }
        }
    }

    /// Buffers and partly filled buffers that a channel still holds.
    pub fn held(&self, channel: ChannelId) -> u32 {
        let items = &self.channels[channel.index()].items;
        let buffers = items.iter().filter(|item| matches!(item, Item::Buffer { .. })).count() as u32;
        buffers + u32::from(self.outs[channel.index()].is_open())
    }
}
