//! Every completed checkpoint is a consistent cut.
//!
//! For each channel: what its sender had sent when it captured its state is what its receiver had received,
//! together with what was captured of the channel itself. More received than sent are orphans: after a
//! recovery they are sent again. Less are lost: nobody will send them again.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "cut",
    sentence: "Every completed checkpoint is a consistent cut: no record is received but not sent, or sent and in no snapshot.",
    needs: Claim::CoordinatedCut,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::CutSent,
    EventKind::CutReceived,
    EventKind::CutCaptured,
    EventKind::CheckpointCompleted,
    EventKind::CheckpointAborted,
]);

#[derive(Clone)]
pub(super) struct Cut {
    pages: Pages<Cell>,
    examined: u64,
}

/// A channel in a checkpoint. 40 bytes.
#[derive(Clone, Copy, Default)]
struct Cell {
    sent: u64,
    sent_chain: u64,
    /// By the receiver, or captured of the channel.
    received: u64,
    received_chain: u64,
    ends: u8,
}

const SENDER: u8 = 1;
const RECEIVER: u8 = 2;

impl Cut {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self { pages: Pages::new(setting.plan.channels.len()), examined: 0 }
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        let Some(page) = self.pages.get(checkpoint) else { return };
        for (channel, cell) in page.iter().enumerate().filter(|(_, cell)| cell.ends == SENDER | RECEIVER) {
            self.examined += 1;
            if (cell.sent, cell.sent_chain) != (cell.received, cell.received_chain) {
                out.add(ABOUT.name, at, || tell(plan, ChannelId::from(channel), checkpoint, cell));
            }
        }
    }
}

fn tell(plan: &Plan, channel: ChannelId, checkpoint: CheckpointId, cell: &Cell) -> Finding {
    let ends = &plan.channels[channel.index()];
    let (from, to) = (plan.task_name(ends.from), plan.task_name(ends.to));
    let (sent, received) = (cell.sent, cell.received);
    let (what, text) = if received > sent {
        let n = received - sent;
        ("orphan", format!("{to} has received {received} records of {from}, which has sent {sent}: {n} orphans"))
    } else if received < sent {
        let n = sent - received;
        let text = format!("{from} has sent {sent} records to {to}, of which {received} are in a snapshot: {n} lost");
        ("lost", text)
    } else {
        let text = format!("the {sent} records from {from} to {to} are not the same at both ends, or in another order");
        ("disorder", text)
    };
    Finding::new(format!("{what} {}", edge_name(plan, channel)), format!("in checkpoint {checkpoint}, {text}"))
        .channel(channel)
        .checkpoint(checkpoint)
}

impl Check for Cut {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::CutSent { channel, checkpoint, upto, chain } => {
                let cell = &mut self.pages.open(checkpoint)[channel.index()];
                *cell = Cell { sent: upto, sent_chain: chain, ends: cell.ends | SENDER, ..*cell };
            }
            Event::CutReceived { channel, checkpoint, upto, chain } => {
                let cell = &mut self.pages.open(checkpoint)[channel.index()];
                *cell = Cell { received: upto, received_chain: chain, ends: cell.ends | RECEIVER, ..*cell };
            }
            Event::CutCaptured { channel, checkpoint, records, chain } => {
                let cell = &mut self.pages.open(checkpoint)[channel.index()];
                cell.received = cell.received.wrapping_add(records);
                cell.received_chain = chain;
            }
            Event::CheckpointCompleted { checkpoint } => {
                self.complete(at, checkpoint, plan, out);
                self.pages.close(|of, _| of <= checkpoint);
            }
            Event::CheckpointAborted { checkpoint, .. } => self.pages.close(|of, _| of == checkpoint),
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.pages.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.pages.fingerprint(into, |cell, into| {
            let words = [cell.sent, cell.sent_chain, cell.received, cell.received_chain, u64::from(cell.ends)];
            words.iter().for_each(|word| into.word(*word));
        });
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
