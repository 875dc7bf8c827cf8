//! Each channel delivers exactly what was sent, in order.
//!
//! A buffer goes through four places: closed and queued at the sender, on the wire, waiting at the receiver,
//! being read. On a local channel it waits at once. Places are counted, not listed: since everything is first
//! in, first out, the counts and the number of the newest buffer tell which one must come next. Barriers are no
//! buffers: one that overtakes changes nothing about the order of data.
//!
//! What a recovery puts into a remote channel again is partly at the receiver and behind that at the sender. Where the
//! one ends and the other begins shows when the sender sends the first of its own; until then they are in either place.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "order",
    sentence: "Each channel delivers exactly what was sent, in the order in which it was sent.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::BufferClosed,
        EventKind::BufferSent,
        EventKind::BufferArrived,
        EventKind::BufferTaken,
        EventKind::BufferConsumed,
        EventKind::ChannelRestored,
        EventKind::ChannelReplayed,
    ]),
};

#[derive(Clone)]
pub(super) struct Order {
    lines: Vec<Line>,
    /// The totals at the end of every buffer under way, as a list for each channel.
    nodes: Vec<Node>,
    /// The first unused node.
    free: u32,
    examined: u64,
}

/// A channel. 56 bytes.
#[derive(Clone, Copy)]
struct Line {
    /// The number of the next buffer that is closed.
    next: u64,
    /// Records that must be replayed after a recovery, and were not yet; while this is not zero the ends do
    /// not count from the same record, and their totals are not compared.
    owed: u64,
    /// Records that a recovery puts into the channel now.
    restored: u64,
    head: u32,
    tail: u32,
    queued: u32,
    /// Put in by a recovery: the older ones wait at the receiver, the younger ones are queued.
    either: u32,
    flying: u32,
    waiting: u32,
    flags: u32,
}

/// Where counting starts is known: with the first buffer.
const COUNTING: u32 = 1;
/// The receiver has taken a buffer and not consumed it.
const READING: u32 = 2;
/// A recovery left the ends with different records behind them.
const ASKEW: u32 = 4;

const NONE: u32 = u32::MAX;

const IDLE: Line = Line {
    next: 0,
    owed: 0,
    restored: 0,
    head: NONE,
    tail: NONE,
    queued: 0,
    either: 0,
    flying: 0,
    waiting: 0,
    flags: 0,
};

#[derive(Clone, Copy)]
struct Node {
    upto: u64,
    chain: u64,
    next: u32,
}

impl Order {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self { lines: vec![IDLE; setting.plan.channels.len()], nodes: Vec::new(), free: NONE, examined: 0 }
    }

    fn push(&mut self, channel: ChannelId, upto: u64, chain: u64) {
        let node = Node { upto, chain, next: NONE };
        let at = if self.free == NONE {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let at = self.free;
            self.free = std::mem::replace(&mut self.nodes[at as usize], node).next;
            at
        };
        let line = &mut self.lines[channel.index()];
        match line.tail {
            NONE => line.head = at,
            tail => self.nodes[tail as usize].next = at,
        }
        line.tail = at;
    }

    fn pop(&mut self, channel: ChannelId) -> Option<Node> {
        let line = &mut self.lines[channel.index()];
        let at = line.head;
        let node = *self.nodes.get(at as usize)?;
        line.head = node.next;
        if line.head == NONE {
            line.tail = NONE;
        }
        self.nodes[at as usize].next = self.free;
        self.free = at;
        Some(node)
    }

    /// A recovery: whatever was under way is gone.
    fn restore(&mut self, channel: ChannelId, owed: u64, askew: bool) {
        let line = &mut self.lines[channel.index()];
        if line.tail != NONE {
            self.nodes[line.tail as usize].next = self.free;
            self.free = line.head;
        }
        let askew = if askew { ASKEW } else { 0 };
        *line = Line { next: line.next, owed, flags: line.flags & COUNTING | askew, ..IDLE };
    }
}

/// A buffer took a step that was not its turn: which one was due, or why none was.
enum Wrong {
    Due(u64),
    Because(&'static str),
}

/// The steps of a buffer through a channel. One that cannot be is told and leaves the counts as they are.
impl Line {
    /// Judges the number of a buffer that has so many younger ones, itself included.
    fn due(&self, seq: u64, youngest: u32) -> Option<Wrong> {
        let due = self.next.wrapping_sub(u64::from(youngest));
        (seq != due).then_some(Wrong::Due(due))
    }

    fn close(&mut self, seq: u64, records: u32, local: bool) -> Option<Wrong> {
        let wrong = self.due(seq, 0).filter(|_| self.flags & COUNTING != 0);
        self.flags |= COUNTING;
        self.next = seq.wrapping_add(1);
        let put_back = self.restored > 0;
        self.restored = self.restored.saturating_sub(u64::from(records));
        match (local, put_back) {
            (true, _) => self.waiting += 1,
            (false, true) => self.either += 1,
            (false, false) => self.queued += 1,
        }
        wrong
    }

    /// The sender sends this one: those before it that were put in by a recovery are at the receiver.
    fn settle(&mut self, seq: u64) {
        let oldest = self.next.wrapping_sub(u64::from(self.queued + self.either));
        let before = seq.wrapping_sub(oldest).min(u64::from(self.either)) as u32;
        self.waiting += before;
        self.queued += self.either - before;
        self.either = 0;
    }

    fn send(&mut self, seq: u64) -> Option<Wrong> {
        if self.either > 0 {
            self.settle(seq);
        }
        if self.queued == 0 {
            return Some(Wrong::Because("none was closed and waiting"));
        }
        let wrong = self.due(seq, self.queued);
        self.queued -= 1;
        self.flying += 1;
        wrong
    }

    fn arrive(&mut self, seq: u64) -> Option<Wrong> {
        if self.flying == 0 {
            return Some(Wrong::Because("none was on the way"));
        }
        let wrong = self.due(seq, self.queued + self.flying);
        self.flying -= 1;
        self.waiting += 1;
        wrong
    }

    fn take(&mut self, seq: u64) -> Option<Wrong> {
        if self.waiting + self.either == 0 {
            return Some(Wrong::Because("none had arrived"));
        }
        if self.flags & READING != 0 {
            return Some(Wrong::Because("another was still being read"));
        }
        let wrong = self.due(seq, self.queued + self.flying + self.either + self.waiting);
        match self.waiting {
            0 => self.either -= 1,
            _ => self.waiting -= 1,
        }
        self.flags |= READING;
        wrong
    }

    fn consume(&mut self, seq: u64) -> Option<Wrong> {
        if self.flags & READING == 0 {
            return Some(Wrong::Because("none was being read"));
        }
        self.flags &= !READING;
        self.due(seq, self.queued + self.flying + self.either + self.waiting + 1)
    }

    /// Both ends count from the same record.
    fn is_comparable(&self) -> bool {
        self.owed == 0 && self.flags & ASKEW == 0
    }
}

/// Tells that the receiver's totals after a buffer are not the sender's.
fn tell_difference(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, (seq, upto, sent): (u64, u64, u64)) {
    out.add(ABOUT.name, at, || {
        let (what, text) = if upto != sent {
            ("miscounted", format!("{upto} records were received where {sent} were sent"))
        } else {
            ("altered", format!("the {upto} records received are not those sent, or in another order"))
        };
        let text = format!("on {}, after buffer {seq}, {text}", plan.channel_name(channel));
        Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
    });
}

impl Check for Order {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        let (channel, seq, step, wrong) = match *event {
            Event::BufferClosed { channel, seq, records, upto, chain, .. } => {
                self.push(channel, upto, chain);
                let local = plan.channels[channel.index()].local;
                (channel, seq, "closed", self.lines[channel.index()].close(seq, records, local))
            }
            Event::BufferSent { channel, seq } => (channel, seq, "sent", self.lines[channel.index()].send(seq)),
            Event::BufferArrived { channel, seq } => {
                (channel, seq, "delivered", self.lines[channel.index()].arrive(seq))
            }
            Event::BufferTaken { channel, seq, .. } => (channel, seq, "taken", self.lines[channel.index()].take(seq)),
            Event::BufferConsumed { channel, seq, upto, chain } => {
                let wrong = self.lines[channel.index()].consume(seq);
                if !matches!(wrong, Some(Wrong::Because(_)))
                    && let Some(sent) = self.pop(channel)
                    && self.lines[channel.index()].is_comparable()
                {
                    self.examined += 1;
                    if (upto, chain) != (sent.upto, sent.chain) {
                        tell_difference(out, at, plan, channel, (seq, upto, sent.upto));
                    }
                }
                (channel, seq, "consumed", wrong)
            }
            Event::ChannelRestored { channel, sent, sent_chain, received, received_chain } => {
                let askew = sent == received && sent_chain != received_chain;
                return self.restore(channel, sent.wrapping_sub(received), askew);
            }
            Event::ChannelReplayed { channel, records } => {
                let line = &mut self.lines[channel.index()];
                line.owed = line.owed.wrapping_sub(records);
                line.restored = records;
                return;
            }
            _ => return,
        };
        let Some(wrong) = wrong else { return };
        out.add(ABOUT.name, at, || {
            let name = plan.channel_name(channel);
            let text = match wrong {
                Wrong::Due(due) => format!("on {name}, buffer {seq} was {step} where buffer {due} was due"),
                Wrong::Because(why) => format!("on {name}, buffer {seq} was {step}, but {why}"),
            };
            Finding::new(format!("{step} out of order {}", edge_name(plan, channel)), text).channel(channel)
        });
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.lines.fill(IDLE);
        self.nodes.clear();
        self.free = NONE;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        for line in &self.lines {
            [line.next, line.owed, line.restored].iter().for_each(|word| into.word(*word));
            let counts = [line.queued, line.either, line.flying, line.waiting, line.flags];
            counts.iter().for_each(|word| into.word(u64::from(*word)));
            let mut at = line.head;
            while let Some(node) = self.nodes.get(at as usize) {
                into.word(node.upto);
                into.word(node.chain);
                at = node.next;
            }
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
