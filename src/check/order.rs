//! Each channel delivers exactly what was sent, in order.
//!
//! A buffer goes through four places: closed and queued at the sender, on the wire, waiting at the receiver,
//! being read. On a local channel it waits at once. Places are counted, not listed: since everything is first
//! in, first out, the counts and the number of the newest buffer tell which one must come next.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "order",
    sentence: "Each channel delivers exactly what was sent, in the order in which it was sent.",
    needs: Claim::Always,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::BufferClosed,
    EventKind::BufferSent,
    EventKind::BufferArrived,
    EventKind::BufferTaken,
    EventKind::BufferConsumed,
    EventKind::ChannelRestored,
    EventKind::ChannelReplayed,
]);

#[derive(Clone)]
pub(super) struct Order {
    lines: Vec<Line>,
    /// The totals at the end of every buffer under way, as a list for each channel.
    nodes: Vec<Node>,
    /// The first unused node.
    free: u32,
    examined: u64,
}

/// A channel. 40 bytes.
#[derive(Clone, Copy)]
struct Line {
    /// The number of the next buffer that is closed.
    next: u64,
    /// Records that must be replayed after a recovery, and were not yet; while this is not zero the ends do
    /// not count from the same record, and their totals are not compared.
    owed: u64,
    head: u32,
    tail: u32,
    queued: u32,
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

const IDLE: Line = Line { next: 0, owed: 0, head: NONE, tail: NONE, queued: 0, flying: 0, waiting: 0, flags: 0 };

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

impl Line {
    /// The number of the buffer that has so many younger ones, itself included.
    fn due(&self, youngest: u32) -> u64 {
        self.next.wrapping_sub(u64::from(youngest))
    }
}

impl Check for Order {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        let mut wrong = |channel: ChannelId, step: &str, seq: u64, due: u64, why: &str| {
            out.add(ABOUT.name, at, || {
                let name = plan.channel_name(channel);
                let text = match why {
                    "" => format!("on {name}, buffer {seq} was {step} where buffer {due} was due"),
                    why => format!("on {name}, buffer {seq} was {step}, but {why}"),
                };
                Finding::new(format!("{step} out of order {}", edge_name(plan, channel)), text).channel(channel)
            });
        };
        match *event {
            Event::BufferClosed { channel, seq, upto, chain, .. } => {
                self.push(channel, upto, chain);
                let line = &mut self.lines[channel.index()];
                if line.flags & COUNTING != 0 && seq != line.next {
                    wrong(channel, "closed", seq, line.next, "");
                }
                line.flags |= COUNTING;
                line.next = seq.wrapping_add(1);
                match plan.channels[channel.index()].local {
                    true => line.waiting += 1,
                    false => line.queued += 1,
                }
            }
            Event::BufferSent { channel, seq } => {
                let line = &mut self.lines[channel.index()];
                let due = line.due(line.queued);
                if line.queued == 0 {
                    return wrong(channel, "sent", seq, due, "none was closed and waiting");
                }
                line.queued -= 1;
                line.flying += 1;
                if seq != due {
                    wrong(channel, "sent", seq, due, "");
                }
            }
            Event::BufferArrived { channel, seq } => {
                let line = &mut self.lines[channel.index()];
                let due = line.due(line.queued + line.flying);
                if line.flying == 0 {
                    return wrong(channel, "delivered", seq, due, "none was on the way");
                }
                line.flying -= 1;
                line.waiting += 1;
                if seq != due {
                    wrong(channel, "delivered", seq, due, "");
                }
            }
            Event::BufferTaken { channel, seq, .. } => {
                let line = &mut self.lines[channel.index()];
                let due = line.due(line.queued + line.flying + line.waiting);
                if line.waiting == 0 {
                    return wrong(channel, "taken", seq, due, "none had arrived");
                }
                if line.flags & READING != 0 {
                    return wrong(channel, "taken", seq, due, "another was still being read");
                }
                line.waiting -= 1;
                line.flags |= READING;
                if seq != due {
                    wrong(channel, "taken", seq, due, "");
                }
            }
            Event::BufferConsumed { channel, seq, upto, chain } => {
                let line = &mut self.lines[channel.index()];
                let due = line.due(line.queued + line.flying + line.waiting + 1);
                if line.flags & READING == 0 {
                    return wrong(channel, "consumed", seq, due, "none was being read");
                }
                line.flags &= !READING;
                if seq != due {
                    wrong(channel, "consumed", seq, due, "");
                }
                let comparable = line.owed == 0 && line.flags & ASKEW == 0;
                let Some(sent) = self.pop(channel).filter(|_| comparable) else { return };
                self.examined += 1;
                if (upto, chain) != (sent.upto, sent.chain) {
                    out.add(ABOUT.name, at, || {
                        let name = plan.channel_name(channel);
                        let (what, text) = if upto != sent.upto {
                            ("miscounted", format!("{upto} records were received where {} were sent", sent.upto))
                        } else {
                            ("altered", format!("the {upto} records received are not those sent, or in another order"))
                        };
                        Finding::new(
                            format!("{what} {}", edge_name(plan, channel)),
                            format!("on {name}, after buffer {seq}, {text}"),
                        )
                        .channel(channel)
                    });
                }
            }
            Event::ChannelRestored { channel, sent, sent_chain, received, received_chain } => {
                self.restore(channel, sent.wrapping_sub(received), sent == received && sent_chain != received_chain);
            }
            Event::ChannelReplayed { channel, records } => {
                let line = &mut self.lines[channel.index()];
                line.owed = line.owed.wrapping_sub(records);
            }
            _ => {}
        }
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
            [line.next, line.owed].iter().for_each(|word| into.word(*word));
            [line.queued, line.flying, line.waiting, line.flags].iter().for_each(|word| into.word(u64::from(*word)));
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

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
