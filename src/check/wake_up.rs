//! Nobody waits for something that is there.
//!
//! A run that stands still has a reason somewhere. Most of those who wait do so rightly, for one another; this check
//! looks for those who do not, where a wake-up was lost: what they wait for has come, or nothing holds them back.
//!
//! | who | waits although |
//! |---|---|
//! | a task, for output buffers | so many of its segments have come back that no pool and no channel of it can be full |
//! | a sender | it has a closed buffer and a credit, and its channel is not blocked |
//! | a sender, for credits | its receiver has read everything, and so has free buffers that it did not announce |
//! | a buffer or a barrier | its receiver is neither blocked, nor reading, nor taking a snapshot |
//! | a channel, behind a barrier | its receiver has handled the barrier, and the checkpoint is over |
//!
//! All of it is judged at the end of a run that did not drain, and only if nothing was under way: no buffer on the wire,
//! no task that reads or takes a snapshot or is not there. Then every message has arrived. A job that was restarted again
//! and again until the end did not stand still, and is not judged.

use super::finding::{edge_name, head_name};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::scenario::Network;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "wake-up",
    sentence: "When a run stands still, nobody waits for something that is there.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFailed,
        EventKind::TaskCancelled,
        EventKind::TaskFinished,
        EventKind::TaskBlocked,
        EventKind::TaskUnblocked,
        EventKind::SnapshotStarted,
        EventKind::SnapshotTaken,
        EventKind::SegmentTaken,
        EventKind::SegmentReturned,
        EventKind::BufferClosed,
        EventKind::BufferSent,
        EventKind::BufferArrived,
        EventKind::BufferTaken,
        EventKind::BufferConsumed,
        EventKind::CreditGranted,
        EventKind::ChannelBlocked,
        EventKind::ChannelResumed,
        EventKind::BarrierReceived,
        EventKind::ChannelRestored,
        EventKind::ChannelReplayed,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
        EventKind::JobRestarting,
        EventKind::RunEnded,
    ]),
};

/// A job that was restarted more often is taken for one that is restarted for ever.
const RESTARTS: u32 = 3;

#[derive(Clone)]
pub(super) struct WakeUp {
    lines: Vec<Line>,
    tasks: Vec<Task>,
    /// Checkpoints that are neither complete nor given up.
    pending: Vec<CheckpointId>,
    restarts: u32,
    /// The run said that it is over, and not drained.
    stands: bool,
    exclusive: u32,
    examined: u64,
}

/// A channel, as the numbers of the buffers that come next at each place.
#[derive(Clone, Copy, Default)]
struct Line {
    closed: u64,
    sent: u64,
    arrived: u64,
    taken: u64,
    consumed: u64,
    /// Those below were put in by a recovery, at the receiver or at the sender.
    put_in: u64,
    /// Records that a recovery puts in now.
    restored: u64,
    /// What the sender is blocked behind, if it is.
    behind: CheckpointId,
    credits: u32,
    blocked: bool,
    /// The receiver has handled the barrier that blocks it.
    handled: bool,
}

#[derive(Clone, Copy, Default)]
struct Task {
    life: Life,
    /// For output.
    blocked: bool,
    /// The synchronous part of a snapshot.
    syncing: bool,
    /// Segments in use.
    in_use: u32,
    /// With fewer no pool and no channel of it is full.
    full: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    /// Not yet, or not any more.
    #[default]
    Absent,
    Running,
    Finished,
}

impl Line {
    /// Nothing sent is on the wire, and nobody is in the middle of a buffer that he could go on with.
    fn rests(&self, receiver: &Task) -> bool {
        self.arrived >= self.sent && (self.taken <= self.consumed || receiver.blocked)
    }

    /// A buffer that the receiver can read.
    fn unread(&self, local: bool) -> Option<u64> {
        let upto = if local && !self.blocked { self.closed } else { self.arrived };
        (self.consumed < upto).then_some(self.consumed)
    }

    fn send(&mut self, seq: u64) {
        if seq > self.sent && self.arrived == self.sent {
            // What a recovery put in before it is at the receiver.
            self.arrived = seq;
        }
        self.sent = seq.wrapping_add(1);
        self.credits = self.credits.saturating_sub(1);
    }

    fn take(&mut self, seq: u64) {
        self.taken = seq.wrapping_add(1);
        // One that was put in at the receiver, or is local, needs no sending.
        self.arrived = self.arrived.max(self.taken);
        self.sent = self.sent.max(self.taken);
    }

    #[cold]
    fn put_in(&mut self, seq: u64, records: u32) {
        self.restored = self.restored.saturating_sub(u64::from(records));
        self.put_in = seq.wrapping_add(1);
    }

    fn restore(&mut self, exclusive: u32) {
        let closed = self.closed;
        let all = Self { closed, sent: closed, arrived: closed, taken: closed, consumed: closed, ..Self::default() };
        *self = Self { credits: exclusive, ..all };
    }
}

/// As many segments as one pool or one channel of a task needs to be full; feedback edges never are.
fn full(plan: &Plan, network: &Network, task: TaskId) -> u32 {
    let outputs = plan.outputs(task).iter().filter(|out| !plan.edges[out.edge.index()].feedback);
    let pool = |width: u32| network.exclusive.saturating_mul(width).saturating_add(network.floating);
    outputs.map(|out| pool(out.width).min(network.max_per_channel)).min().unwrap_or(0)
}

impl WakeUp {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let (plan, network) = (setting.plan, setting.network);
        let task = |id| Task { full: full(plan, network, id), ..Task::default() };
        Self {
            lines: vec![Line { credits: network.exclusive, ..Line::default() }; plan.channels.len()],
            tasks: plan.task_ids().map(task).collect(),
            pending: Vec::new(),
            restarts: 0,
            stands: false,
            exclusive: network.exclusive,
            examined: 0,
        }
    }

    fn live(&mut self, task: TaskId, life: Life) {
        let task = &mut self.tasks[task.index()];
        (task.life, task.blocked, task.syncing) = (life, false, false);
    }

    /// Nothing is under way that would go on if the run did.
    fn at_rest(&self, plan: &Plan) -> bool {
        self.stands
            && self.restarts <= RESTARTS
            && self.tasks.iter().all(|task| task.life != Life::Absent && !task.syncing)
            && plan.channels.iter().zip(&self.lines).all(|(channel, line)| line.rests(&self.tasks[channel.to.index()]))
    }

    /// What is wrong with a channel of a run that stands still.
    fn judge(&self, line: &Line, local: bool, receiver: &Task) -> Option<Lost> {
        let is_free = receiver.life == Life::Running && !receiver.blocked;
        if let Some(seq) = line.unread(local).filter(|_| is_free) {
            return Some(Lost::Unread(seq));
        }
        if line.blocked {
            let checkpoint = line.behind;
            if !line.handled {
                let is_next = is_free && line.consumed == line.sent;
                return is_next.then_some(Lost::Barrier(checkpoint));
            }
            return (!self.pending.contains(&checkpoint)).then_some(Lost::Blocked(checkpoint));
        }
        if local || line.closed <= line.sent {
            return None;
        }
        // All that was put in may be at the receiver, and nothing at the sender.
        let is_queued = line.closed > line.put_in.max(line.sent);
        match line.credits {
            0 => (is_queued && line.consumed == line.sent).then_some(Lost::Credit(line.sent)),
            _ => (is_queued || is_free).then_some(Lost::Unsent(line.sent, line.credits)),
        }
    }
}

/// Something that waits in a channel for nothing.
enum Lost {
    Unread(u64),
    Unsent(u64, u32),
    Credit(u64),
    Barrier(CheckpointId),
    Blocked(CheckpointId),
}

fn tell(plan: &Plan, channel: ChannelId, lost: &Lost) -> Finding {
    let ends = &plan.channels[channel.index()];
    let (name, from, to) = (plan.channel_name(channel), plan.task_name(ends.from), plan.task_name(ends.to));
    let (what, text) = match lost {
        Lost::Unread(seq) => {
            ("unread", format!("buffer {seq} of {name} can be read, and {to} does nothing else, but does not read it"))
        }
        Lost::Unsent(seq, credits) => {
            ("unsent", format!("{from} has buffer {seq} of {name} and {credits} credits, but does not send it"))
        }
        Lost::Credit(seq) => (
            "no credit",
            format!("buffer {seq} of {name} waits for a credit, but {to} has read all and uses no buffer"),
        ),
        Lost::Barrier(checkpoint) => {
            ("unhandled", format!("the barrier of checkpoint {checkpoint} waits on {name}, and {to} does nothing else"))
        }
        Lost::Blocked(checkpoint) => (
            "blocked for good",
            format!(
                "{name} is blocked behind checkpoint {checkpoint}, whose barrier {to} has handled and which is over"
            ),
        ),
    };
    Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
}

impl Check for WakeUp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, _: Time, event: &Event, _: &Plan, _: &mut Findings) {
        match *event {
            Event::BufferClosed { channel, seq, records, .. } => {
                let line = &mut self.lines[channel.index()];
                line.closed = seq.wrapping_add(1);
                if line.restored > 0 {
                    line.put_in(seq, records);
                }
            }
            Event::BufferSent { channel, seq } => self.lines[channel.index()].send(seq),
            Event::BufferArrived { channel, seq } => self.lines[channel.index()].arrived = seq.wrapping_add(1),
            Event::BufferTaken { channel, seq, .. } => self.lines[channel.index()].take(seq),
            Event::BufferConsumed { channel, seq, .. } => self.lines[channel.index()].consumed = seq.wrapping_add(1),
            Event::CreditGranted { channel, amount } => {
                let credits = &mut self.lines[channel.index()].credits;
                *credits = credits.saturating_add(amount);
            }
            Event::SegmentTaken { task, in_use } | Event::SegmentReturned { task, in_use } => {
                self.tasks[task.index()].in_use = in_use;
            }
            Event::TaskBlocked { task } => self.tasks[task.index()].blocked = true,
            Event::TaskUnblocked { task } => self.tasks[task.index()].blocked = false,
            _ => self.rare(event),
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        self.examined += self.lines.iter().filter(|line| line.closed > 0).count() as u64;
        if end.drained || !self.at_rest(end.plan) {
            return;
        }
        let plan = end.plan;
        for (index, task) in self.tasks.iter().enumerate() {
            if task.blocked && task.life == Life::Running && task.in_use < task.full {
                let (id, in_use) = (TaskId::from(index), task.in_use);
                out.add(ABOUT.name, end.at, || {
                    let name = plan.task_name(id);
                    let text = format!("{name} waits for output buffers, but only {in_use} of its segments are in use");
                    Finding::new(format!("blocked {}", head_name(plan, id)), text).task(id)
                });
            }
        }
        for (index, (channel, line)) in plan.channels.iter().zip(&self.lines).enumerate() {
            if let Some(lost) = self.judge(line, channel.local, &self.tasks[channel.to.index()]) {
                out.add(ABOUT.name, end.at, || tell(plan, ChannelId::from(index), &lost));
            }
        }
    }

    fn reset(&mut self) {
        self.lines.fill(Line { credits: self.exclusive, ..Line::default() });
        for task in &mut self.tasks {
            *task = Task { full: task.full, ..Task::default() };
        }
        self.pending.clear();
        (self.restarts, self.stands, self.examined) = (0, false, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.pending.iter().map(|id| id.0));
        into.word(u64::from(self.restarts.min(RESTARTS + 1)) << 1 | u64::from(self.stands));
        for task in &self.tasks {
            let flags = u64::from(task.blocked) << 1 | u64::from(task.syncing);
            into.word(u64::from(task.in_use) << 4 | (task.life as u64) << 2 | flags);
        }
        for line in &self.lines {
            let places = [line.closed, line.sent, line.arrived, line.taken, line.consumed, line.put_in, line.restored];
            places.iter().for_each(|word| into.word(*word));
            let flags = u64::from(line.blocked) << 1 | u64::from(line.handled);
            into.word(line.behind.0 << 2 | flags);
            into.word(u64::from(line.credits));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}

impl WakeUp {
    /// What happens less often than buffers move.
    fn rare(&mut self, event: &Event) {
        match *event {
            Event::TaskStarted { task, .. } => self.live(task, Life::Running),
            Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => self.live(task, Life::Absent),
            Event::TaskFinished { task } => self.live(task, Life::Finished),
            Event::SnapshotStarted { task, .. } => self.tasks[task.index()].syncing = true,
            Event::SnapshotTaken { task, .. } => self.tasks[task.index()].syncing = false,
            Event::ChannelBlocked { channel, checkpoint } => {
                let line = &mut self.lines[channel.index()];
                (line.blocked, line.behind, line.handled) = (true, checkpoint, false);
            }
            Event::ChannelResumed { channel } => {
                let line = &mut self.lines[channel.index()];
                (line.blocked, line.behind, line.handled) = (false, CheckpointId::INITIAL, false);
            }
            Event::BarrierReceived { channel, checkpoint, .. } => {
                let line = &mut self.lines[channel.index()];
                line.handled |= line.blocked && line.behind == checkpoint;
            }
            Event::ChannelRestored { channel, .. } => self.lines[channel.index()].restore(self.exclusive),
            Event::ChannelReplayed { channel, records } => self.lines[channel.index()].restored = records,
            Event::CheckpointTriggered { checkpoint, .. } => self.pending.push(checkpoint),
            Event::CheckpointCompleted { checkpoint } | Event::CheckpointAborted { checkpoint, .. } => {
                self.pending.retain(|pending| *pending != checkpoint);
            }
            Event::JobRestarting { .. } => self.restarts = self.restarts.saturating_add(1),
            Event::RunEnded { drained } => self.stands = drained == 0,
            _ => {}
        }
    }
}
