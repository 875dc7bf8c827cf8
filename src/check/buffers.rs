//! Memory and credit are conserved: nobody uses a buffer that is not there, or forgets to give it back.

use super::finding::{edge_name, head_name};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "buffers",
    sentence: "Nobody uses a buffer or a credit that is not there, sends on a blocked channel, or keeps a buffer.",
    needs: Claim::Always,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::SegmentTaken,
    EventKind::SegmentReturned,
    EventKind::FloatingTaken,
    EventKind::FloatingReturned,
    EventKind::CreditGranted,
    EventKind::BufferSent,
    EventKind::BufferTaken,
    EventKind::ChannelBlocked,
    EventKind::ChannelResumed,
    EventKind::ChannelRestored,
]);

#[derive(Clone)]
pub(super) struct Buffers {
    /// Segments of a task's output pool that are in use.
    in_use: Vec<u32>,
    /// Floating buffers left, by gate.
    left: Vec<u32>,
    /// Each task's first gate, and the number of all.
    first_gate: Vec<u32>,
    lines: Vec<Line>,
    exclusive: u32,
    floating: u32,
    examined: u64,
}

/// A channel. 8 bytes.
#[derive(Clone, Copy)]
struct Line {
    credits: u32,
    blocked: bool,
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
        Self {
            in_use: vec![0; plan.tasks.len()],
            left: vec![network.floating; first_gate[plan.tasks.len()] as usize],
            first_gate,
            lines: vec![Line { credits: network.exclusive, blocked: false }; plan.channels.len()],
            exclusive: network.exclusive,
            floating: network.floating,
            examined: 0,
        }
    }

    fn fresh(&self) -> Line {
        Line { credits: self.exclusive, blocked: false }
    }

    fn segment(&mut self, at: Time, task: TaskId, taken: bool, now: u32, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let before = std::mem::replace(&mut self.in_use[task.index()], now);
        let due = if taken { before.checked_add(1) } else { before.checked_sub(1) };
        if due != Some(now) {
            out.add(ABOUT.name, at, || {
                let (name, what) = (plan.task_name(task), if taken { "taken" } else { "returned" });
                let text = format!("{name} had {before} segments in use, and after one was {what}, {now}");
                Finding::new(format!("segments {}", head_name(plan, task)), text).task(task)
            });
        }
    }

    fn floating(&mut self, at: Time, channel: ChannelId, taken: bool, now: u32, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let planned = &plan.channels[channel.index()];
        let gate = self.first_gate[planned.to.index()] + plan.edges[planned.edge.index()].gate;
        let before = std::mem::replace(&mut self.left[gate as usize], now);
        let due = if taken { before.checked_sub(1) } else { before.checked_add(1) };
        if due != Some(now) || now > self.floating {
            let all = self.floating;
            out.add(ABOUT.name, at, || {
                let (name, what) = (plan.channel_name(channel), if taken { "taken" } else { "returned" });
                let text = format!(
                    "the gate of {name} had {before} of {all} floating buffers left, and after one was {what}, {now}"
                );
                Finding::new(format!("floating {}", edge_name(plan, channel)), text).channel(channel)
            });
        }
    }
}

/// Tells a finding about a channel.
fn tell(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, what: &str, text: impl FnOnce(&str) -> String) {
    out.add(ABOUT.name, at, || {
        let text = text(&plan.channel_name(channel));
        Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
    });
}

impl Check for Buffers {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::SegmentTaken { task, in_use } => self.segment(at, task, true, in_use, plan, out),
            Event::SegmentReturned { task, in_use } => self.segment(at, task, false, in_use, plan, out),
            Event::FloatingTaken { channel, left } => self.floating(at, channel, true, left, plan, out),
            Event::FloatingReturned { channel, left } => self.floating(at, channel, false, left, plan, out),
            Event::CreditGranted { channel, amount } => {
                self.examined += 1;
                let line = &mut self.lines[channel.index()];
                line.credits = line.credits.saturating_add(amount);
                let (credits, all) = (line.credits, self.exclusive.saturating_add(self.floating));
                if credits > all {
                    tell(out, at, plan, channel, "credits beyond buffers", |name| {
                        format!("the sender of {name} has {credits} credits where {all} buffers are the most")
                    });
                }
            }
            Event::BufferSent { channel, seq } => {
                self.examined += 1;
                let line = &mut self.lines[channel.index()];
                match line.credits.checked_sub(1) {
                    Some(left) => line.credits = left,
                    None => tell(out, at, plan, channel, "sent without credit", |name| {
                        format!("buffer {seq} of {name} was sent without a credit")
                    }),
                }
                if line.blocked {
                    tell(out, at, plan, channel, "sent while blocked", |name| {
                        format!("buffer {seq} of {name} was sent while the channel was blocked")
                    });
                }
            }
            // What had arrived before a remote sender stopped may still be read.
            Event::BufferTaken { channel, seq, .. }
                if self.lines[channel.index()].blocked && plan.channels[channel.index()].local =>
            {
                tell(out, at, plan, channel, "taken while blocked", |name| {
                    format!("buffer {seq} of {name} was taken while the channel was blocked")
                });
            }
            Event::ChannelBlocked { channel, .. } => self.lines[channel.index()].blocked = true,
            Event::ChannelResumed { channel } => self.lines[channel.index()].blocked = false,
            Event::ChannelRestored { channel, .. } => self.lines[channel.index()] = self.fresh(),
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained {
            return;
        }
        let plan = end.plan;
        for (task, in_use) in self.in_use.iter().enumerate().filter(|(_, in_use)| **in_use > 0) {
            let task = TaskId::from(task);
            out.add(ABOUT.name, end.at, || {
                let text = format!("{} never got back {in_use} of its segments", plan.task_name(task));
                Finding::new(format!("segments kept {}", head_name(plan, task)), text).task(task)
            });
        }
        for (channel, _) in self.lines.iter().enumerate().filter(|(_, line)| line.blocked) {
            tell(out, end.at, plan, ChannelId::from(channel), "blocked for good", |name| {
                format!("{name} is still blocked at the end")
            });
        }
    }

    fn reset(&mut self) {
        let fresh = self.fresh();
        self.in_use.fill(0);
        self.left.fill(self.floating);
        self.lines.fill(fresh);
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.in_use.iter().map(|in_use| u64::from(*in_use)));
        into.words(self.left.iter().map(|left| u64::from(*left)));
        into.words(self.lines.iter().map(|line| u64::from(line.credits) << 1 | u64::from(line.blocked)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
