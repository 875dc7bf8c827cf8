//! Memory and credit are conserved: nobody uses a buffer that is not there, or forgets to give it back.
//!
//! Three accounts are kept, each from both sides, so that what one event says is held against what others did:
//!
//! * a task's segments in use are its closed buffers that are still its own, and at most one open one for each output;
//! * a gate's floating buffers are either left or with one of its channels;
//! * a sender's credits and what it has sent and its receiver has not read use the channel's own and floating buffers.
//!
//! A buffer that a recovery puts into a channel takes nobody's memory; if the sender has it, sending it uses a credit
//! like any other. Barriers are no buffers.

use super::finding::{edge_name, head_name};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "buffers",
    sentence: "Nobody uses a buffer or a credit that is not there, sends on a blocked channel, or keeps a buffer.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::RestorePoint,
        EventKind::TaskStarted,
        EventKind::SegmentTaken,
        EventKind::SegmentReturned,
        EventKind::FloatingTaken,
        EventKind::FloatingReturned,
        EventKind::CreditGranted,
        EventKind::BufferClosed,
        EventKind::BufferSent,
        EventKind::BufferTaken,
        EventKind::BufferConsumed,
        EventKind::ChannelBlocked,
        EventKind::BarrierReceived,
        EventKind::ChannelResumed,
        EventKind::ChannelRestored,
        EventKind::ChannelReplayed,
        EventKind::CheckpointCompleted,
    ]),
};

#[derive(Clone)]
pub(super) struct Buffers {
    pools: Vec<Pool>,
    /// Floating buffers left, by gate.
    left: Vec<u32>,
    /// Each task's first gate, and the number of all.
    first_gate: Vec<u32>,
    lines: Vec<Line>,
    exclusive: u32,
    floating: u32,
    /// A recovery takes buffers back from channels, and may pass them on to others before it comes to these.
    restoring: bool,
    examined: u64,
}

/// A task's segments.
#[derive(Clone, Copy, Default)]
struct Pool {
    /// As it says.
    in_use: u32,
    /// Closed buffers in segments of it.
    closed: u32,
    /// How many can be open.
    outputs: u32,
}

/// A channel.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Buffers below this number were put in by a recovery.
    put_in: u64,
    /// Records that a recovery puts in now.
    restored: u64,
    /// The first buffer that was sent since the last recovery.
    first_sent: Option<u64>,
    credits: u32,
    /// Sent and not read to the end.
    at_receiver: u32,
    /// Floating buffers that it took.
    floating: u32,
    /// Closed buffers in segments of the sender's.
    held: u32,
    /// What the sender is blocked behind.
    behind: Option<CheckpointId>,
    /// That is complete.
    complete: bool,
    /// The receiver has read its barrier.
    read: bool,
}

impl Buffers {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let (plan, network) = (setting.plan, setting.network);
        let gate_of = |channel: &ChannelId| plan.edges[plan.channels[channel.index()].edge.index()].gate;
        let mut first_gate = vec![0];
        for task in plan.task_ids() {
            let gates = plan.inputs(task).iter().map(gate_of).max().map_or(0, |last| last + 1);
            first_gate.push(first_gate[task.index()] + gates);
        }
        let pool = |task| Pool { outputs: plan.output_channels(task).count() as u32, ..Pool::default() };
        Self {
            pools: plan.task_ids().map(pool).collect(),
            left: vec![network.floating; first_gate[plan.tasks.len()] as usize],
            first_gate,
            lines: vec![Line { credits: network.exclusive, ..Line::default() }; plan.channels.len()],
            exclusive: network.exclusive,
            floating: network.floating,
            restoring: false,
            examined: 0,
        }
    }

    fn segment(&mut self, at: Time, task: TaskId, taken: bool, now: u32, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let pool = &mut self.pools[task.index()];
        let before = std::mem::replace(&mut pool.in_use, now);
        let Pool { closed, outputs, .. } = *pool;
        let due = if taken { before.checked_add(1) } else { before.checked_sub(1) };
        if due != Some(now) {
            return tell_task(out, at, plan, task, "segments", |name| {
                let what = if taken { "taken" } else { "returned" };
                format!("{name} had {before} segments in use, and after one was {what}, {now}")
            });
        }
        // When one is begun it is open, and what was sent or read has given its segment back.
        if taken && (now <= closed || now > closed + outputs) {
            tell_task(out, at, plan, task, "unaccounted", |name| {
                format!("{name} begins a buffer and has {now} segments in use, but {closed} closed buffers")
            });
        }
    }

    fn floating(&mut self, at: Time, channel: ChannelId, taken: bool, now: u32, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let planned = &plan.channels[channel.index()];
        let gate = self.first_gate[planned.to.index()] + plan.edges[planned.edge.index()].gate;
        let before = std::mem::replace(&mut self.left[gate as usize], now);
        let line = &mut self.lines[channel.index()];
        let (due, its_own) = match taken {
            true => (before.checked_sub(1), line.floating.checked_add(1)),
            false => (before.checked_add(1), line.floating.checked_sub(1)),
        };
        line.floating = its_own.unwrap_or(0);
        if due != Some(now) || now > self.floating || its_own.is_none() {
            let (all, what) = (self.floating, if taken { "taken" } else { "returned" });
            tell(out, at, plan, channel, "floating", |name| match its_own {
                None => format!("{name} returned a floating buffer and had none"),
                Some(_) => format!(
                    "the gate of {name} had {before} of {all} floating buffers left, and after one was {what}, {now}"
                ),
            });
        }
    }

    fn granted(&mut self, at: Time, channel: ChannelId, amount: u32, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let line = &mut self.lines[channel.index()];
        line.credits = line.credits.saturating_add(amount);
        let (used, all) = line.account(self.exclusive);
        if used > all && !self.restoring {
            tell(out, at, plan, channel, "credits beyond buffers", |name| {
                format!("credits and buffers to be read on {name} are {used} where its receiver has {all} buffers")
            });
        }
    }

    fn closed(&mut self, channel: ChannelId, seq: u64, records: u32, plan: &Plan) {
        let line = &mut self.lines[channel.index()];
        if line.restored > 0 {
            line.restored = line.restored.saturating_sub(u64::from(records));
            line.put_in = seq.wrapping_add(1);
        } else {
            line.held += 1;
            self.pools[plan.channels[channel.index()].from.index()].closed += 1;
        }
    }

    /// A closed buffer is not the sender's any more.
    fn let_go(&mut self, channel: ChannelId, seq: u64, plan: &Plan) {
        let line = &mut self.lines[channel.index()];
        if seq >= line.put_in && line.held > 0 {
            line.held -= 1;
            self.pools[plan.channels[channel.index()].from.index()].closed -= 1;
        }
    }

    fn sent(&mut self, at: Time, channel: ChannelId, seq: u64, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let line = &mut self.lines[channel.index()];
        line.first_sent.get_or_insert(seq);
        line.at_receiver += 1;
        match line.credits.checked_sub(1) {
            Some(left) => line.credits = left,
            None => tell(out, at, plan, channel, "sent without credit", |name| {
                format!("buffer {seq} of {name} was sent without a credit")
            }),
        }
        if line.behind.is_some() {
            tell(out, at, plan, channel, "sent while blocked", |name| {
                format!("buffer {seq} of {name} was sent while the channel was blocked")
            });
        }
        self.let_go(channel, seq, plan);
    }

    fn consumed(&mut self, channel: ChannelId, seq: u64, plan: &Plan) {
        let line = &mut self.lines[channel.index()];
        if line.first_sent.is_some_and(|first| seq >= first) {
            line.at_receiver = line.at_receiver.saturating_sub(1);
        } else {
            self.let_go(channel, seq, plan);
        }
    }

    fn block(&mut self, channel: ChannelId, behind: Option<CheckpointId>) {
        let line = &mut self.lines[channel.index()];
        (line.behind, line.complete, line.read) = (behind, false, false);
    }

    /// What a channel had before a recovery must be where it belongs.
    fn restored(&mut self, at: Time, channel: ChannelId, plan: &Plan, out: &mut Findings) {
        let fresh = Line { credits: self.exclusive, ..Line::default() };
        let line = std::mem::replace(&mut self.lines[channel.index()], fresh);
        self.pools[plan.channels[channel.index()].from.index()].closed -= line.held;
        if line.floating > 0 {
            tell(out, at, plan, channel, "floating", |name| {
                format!("{name} begins anew and keeps {} floating buffers", line.floating)
            });
        }
    }

    fn started(&mut self, at: Time, task: TaskId, plan: &Plan, out: &mut Findings) {
        self.restoring = false;
        let in_use = self.pools[task.index()].in_use;
        if in_use > 0 {
            tell_task(out, at, plan, task, "segments kept", |name| {
                format!("{name} starts with {in_use} segments in use")
            });
        }
    }
}

impl Line {
    /// How many buffers of the receiver are used or promised, and how many there are.
    fn account(&self, exclusive: u32) -> (u32, u32) {
        (self.credits.saturating_add(self.at_receiver), exclusive.saturating_add(self.floating))
    }
}

/// Tells a finding about a channel.
fn tell(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, what: &str, text: impl FnOnce(&str) -> String) {
    out.add(ABOUT.name, at, || {
        let text = text(&plan.channel_name(channel));
        Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
    });
}

/// Tells a finding about a task.
fn tell_task(out: &mut Findings, at: Time, plan: &Plan, task: TaskId, what: &str, text: impl FnOnce(&str) -> String) {
    out.add(ABOUT.name, at, || {
        let text = text(&plan.task_name(task));
        Finding::new(format!("{what} {}", head_name(plan, task)), text).task(task)
    });
}

impl Check for Buffers {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::SegmentTaken { task, in_use } => self.segment(at, task, true, in_use, plan, out),
            Event::SegmentReturned { task, in_use } => self.segment(at, task, false, in_use, plan, out),
            Event::FloatingTaken { channel, left } => self.floating(at, channel, true, left, plan, out),
            Event::FloatingReturned { channel, left } => self.floating(at, channel, false, left, plan, out),
            Event::CreditGranted { channel, amount } => self.granted(at, channel, amount, plan, out),
            Event::BufferClosed { channel, seq, records, .. } => self.closed(channel, seq, records, plan),
            Event::BufferSent { channel, seq } => self.sent(at, channel, seq, plan, out),
            // What had arrived before a remote sender stopped may still be read.
            Event::BufferTaken { channel, seq, .. }
                if self.lines[channel.index()].behind.is_some() && plan.channels[channel.index()].local =>
            {
                tell(out, at, plan, channel, "taken while blocked", |name| {
                    format!("buffer {seq} of {name} was taken while the channel was blocked")
                });
            }
            Event::BufferConsumed { channel, seq, .. } => self.consumed(channel, seq, plan),
            Event::ChannelBlocked { channel, checkpoint } => self.block(channel, Some(checkpoint)),
            Event::ChannelResumed { channel } => self.block(channel, None),
            Event::BarrierReceived { channel, checkpoint, .. } => {
                let line = &mut self.lines[channel.index()];
                line.read |= line.behind == Some(checkpoint);
            }
            Event::CheckpointCompleted { checkpoint } => {
                for line in self.lines.iter_mut().filter(|line| line.behind == Some(checkpoint)) {
                    line.complete = true;
                }
            }
            Event::ChannelRestored { channel, .. } => self.restored(at, channel, plan, out),
            Event::ChannelReplayed { channel, records } => self.lines[channel.index()].restored = records,
            Event::RestorePoint { .. } => self.restoring = true,
            Event::TaskStarted { task, .. } => self.started(at, task, plan, out),
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained {
            return;
        }
        let plan = end.plan;
        for (task, pool) in self.pools.iter().enumerate().filter(|(_, pool)| pool.in_use > 0) {
            tell_task(out, end.at, plan, TaskId::from(task), "segments kept", |name| {
                format!("{name} never got back {} of its segments", pool.in_use)
            });
        }
        for (index, line) in self.lines.iter().enumerate() {
            let (channel, (used, all)) = (ChannelId::from(index), line.account(self.exclusive));
            // A job may end while barriers of a checkpoint that will not complete any more still block channels, or that
            // a receiver which had ended before will not read.
            if let Some(checkpoint) = line.behind.filter(|_| line.complete && line.read) {
                tell(out, end.at, plan, channel, "blocked for good", |name| {
                    format!("at the end {name} is still blocked behind checkpoint {checkpoint}, which is complete")
                });
            }
            if used != all {
                tell(out, end.at, plan, channel, "credits kept", |name| {
                    format!("at the end the sender of {name} has {used} credits where its receiver has {all} buffers")
                });
            }
        }
    }

    fn reset(&mut self) {
        for pool in &mut self.pools {
            (pool.in_use, pool.closed) = (0, 0);
        }
        self.left.fill(self.floating);
        self.lines.fill(Line { credits: self.exclusive, ..Line::default() });
        (self.restoring, self.examined) = (false, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(u64::from(self.restoring));
        into.words(self.pools.iter().map(|pool| u64::from(pool.in_use) << 32 | u64::from(pool.closed)));
        into.words(self.left.iter().map(|left| u64::from(*left)));
        for line in &self.lines {
            into.word(line.put_in);
            into.word(line.restored);
            into.word(line.first_sent.map_or(0, |first| first.wrapping_add(1)));
            into.word(u64::from(line.credits) << 32 | u64::from(line.at_receiver));
            into.word(
                line.behind.map_or(0, |id| id.0.wrapping_add(1)) << 2
                    | u64::from(line.complete) << 1
                    | u64::from(line.read),
            );
            into.word(u64::from(line.floating) << 32 | u64::from(line.held));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
