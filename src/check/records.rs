//! No record appears or disappears in a channel.
//!
//! Judged by running totals alone. A recovery may leave the receiver ahead of the sender or behind it; by how
//! much is noted as the channel's drift, and from there the totals must again move together.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "records",
    sentence: "No record appears or disappears in a channel, and at the end none is left in one.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::BufferClosed,
        EventKind::BufferConsumed,
        EventKind::ChannelRestored,
        EventKind::ChannelReplayed,
        EventKind::ChannelFinal,
    ]),
};

#[derive(Clone)]
pub(super) struct Records {
    lines: Vec<Line>,
    examined: u64,
}

/// A channel. 32 bytes.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Sender's total at the end of the last closed buffer; in the end, of all records.
    sent: u64,
    /// Receiver's total at the end of the last consumed buffer; in the end, of all records.
    received: u64,
    /// What `received` is ahead of `sent` since the last recovery, wrapping.
    drift: u64,
    /// Buffers left at the end.
    left: u32,
    flags: u32,
}

/// It has told its final totals.
const FINAL: u32 = 1;
/// They are beyond those of the last buffers: right only if the run was cut off.
const BEYOND: u32 = 2;

impl Records {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self { lines: vec![Line::default(); setting.plan.channels.len()], examined: 0 }
    }
}

/// Tells a finding about a channel.
fn tell(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, what: &str, text: impl FnOnce() -> String) {
    out.add(ABOUT.name, at, || {
        let text = format!("on {}, {}", plan.channel_name(channel), text());
        Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
    });
}

impl Check for Records {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::BufferClosed { channel, seq, records, upto, .. } => {
                let line = &mut self.lines[channel.index()];
                let before = std::mem::replace(&mut line.sent, upto);
                if line.drift == 0 && before.wrapping_add(u64::from(records)) != upto {
                    tell(out, at, plan, channel, "miscounted", || {
                        format!("buffer {seq} holds {records} records, but the total went from {before} to {upto}")
                    });
                }
            }
            Event::BufferConsumed { channel, upto, .. } => {
                let line = &mut self.lines[channel.index()];
                line.received = upto;
                self.examined += 1;
                if line.drift == 0 && upto > line.sent {
                    let sent = line.sent;
                    tell(out, at, plan, channel, "created", || {
                        format!("{upto} records were received where only {sent} were sent")
                    });
                }
            }
            Event::ChannelRestored { channel, sent, received, .. } => {
                // Replayed buffers count on from `received`, new ones from `sent`.
                let drift = received.wrapping_sub(sent);
                self.lines[channel.index()] = Line { sent: sent.min(received), received, drift, left: 0, flags: 0 };
            }
            Event::ChannelReplayed { channel, records } => {
                let line = &mut self.lines[channel.index()];
                line.drift = line.drift.wrapping_add(records);
            }
            Event::ChannelFinal { channel, sent, received, buffers } => {
                let line = &mut self.lines[channel.index()];
                let (closed, consumed) = (line.sent, line.received);
                let askew = line.drift != 0;
                if !askew && sent < closed || received < consumed {
                    tell(out, at, plan, channel, "miscounted", || {
                        format!(
                            "{sent} sent and {received} received at the end are less than {closed} and {consumed} before"
                        )
                    });
                }
                let beyond = if !askew && sent > closed || received > consumed { BEYOND } else { 0 };
                *line = Line { sent, received, left: buffers, flags: FINAL | beyond, ..*line };
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained {
            return;
        }
        for (index, line) in self.lines.iter().enumerate() {
            let channel = ChannelId::from(index);
            let sent = line.sent.wrapping_add(line.drift);
            self.examined += 1;
            if line.flags & FINAL == 0 {
                tell(out, end.at, end.plan, channel, "untold", || "no final totals were told".to_owned());
            } else if line.received != sent || line.left > 0 {
                let what = if line.received > sent { "created" } else { "lost" };
                tell(out, end.at, end.plan, channel, what, || {
                    let (received, left) = (line.received, line.left);
                    format!("{received} records were received of {sent} sent, and {left} buffers are left")
                });
            } else if line.flags & BEYOND != 0 {
                tell(out, end.at, end.plan, channel, "miscounted", || {
                    "the final totals are beyond those of the last buffer".to_owned()
                });
            }
        }
    }

    fn reset(&mut self) {
        self.lines.fill(Line::default());
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        for line in &self.lines {
            let rest = u64::from(line.left) << 32 | u64::from(line.flags);
            [line.sent, line.received, line.drift, rest].iter().for_each(|word| into.word(*word));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
