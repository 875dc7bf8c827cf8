//! Every completed checkpoint is a consistent cut.
//!
//! For each channel: what its sender had sent when it captured its state is what its receiver had received, together
//! with what snapshots hold of the channel itself. They can hold it at either end. The receiver's continues what it had
//! received; the sender's is the last that it had sent, what a barrier overtook in its queue. More received than sent
//! are orphans: after a recovery they are sent again. Less are lost: nobody will send them again.
//!
//! A sender that had ended before the checkpoint has no part in it. What it had sent at its last cut must still be behind
//! the receiver or in its snapshot.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Savepoints, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "cut",
    sentence: "Every completed checkpoint is a consistent cut: no record is received but not sent, or sent and in no snapshot.",
    needs: Claim::CoordinatedCut,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFinished,
        EventKind::ChannelRestored,
        EventKind::CheckpointTriggered,
        EventKind::CutSent,
        EventKind::CutReceived,
        EventKind::CutCaptured,
        EventKind::CutQueued,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
    ]),
};

#[derive(Clone)]
pub(super) struct Cut {
    pages: Pages<Cell>,
    /// By channel: what its sender had sent at its last cut.
    last: Vec<Total>,
    /// By task: it has ended for good.
    ended: Vec<bool>,
    savepoints: Savepoints,
    examined: u64,
}

/// So many records, and the chain over them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Total {
    records: u64,
    chain: u64,
}

/// A channel in a checkpoint. 72 bytes; its events come in any order.
#[derive(Clone, Copy, Default)]
struct Cell {
    sent: Total,
    received: Total,
    /// How many the receiver's snapshot holds, with the chain after them.
    captured: Total,
    /// How many the sender's snapshot holds, with the chain before them.
    queued: Total,
    ends: u8,
}

const SENDER: u8 = 1;
const RECEIVER: u8 = 2;

impl Cell {
    /// What is behind the sender and in no snapshot of the channel's own.
    fn left(&self) -> Total {
        match self.queued.records {
            0 => self.sent,
            queued => Total { records: self.sent.records.wrapping_sub(queued), chain: self.queued.chain },
        }
    }

    /// What is behind the receiver or in its snapshot.
    fn taken(&self) -> Total {
        match self.captured.records {
            0 => self.received,
            captured => Total { records: self.received.records.wrapping_add(captured), chain: self.captured.chain },
        }
    }
}

impl Cut {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let (channels, tasks) = (setting.plan.channels.len(), setting.plan.tasks.len());
        Self {
            pages: Pages::new(channels),
            last: vec![Total::default(); channels],
            ended: vec![false; tasks],
            savepoints: Savepoints::default(),
            examined: 0,
        }
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        let Some(page) = self.pages.get(checkpoint) else { return };
        for (index, cell) in page.iter().enumerate().filter(|(_, cell)| cell.ends & RECEIVER != 0) {
            let mut cell = *cell;
            if cell.ends & SENDER == 0 {
                cell.sent = self.last[index];
                let has_ended = self.ended[plan.channels[index].from.index()];
                // It may have sent more since, if nothing made it wait for a checkpoint before it ended.
                if !has_ended || cell.taken().records > cell.sent.records {
                    continue;
                }
            }
            self.examined += 1;
            if cell.left() != cell.taken() {
                out.add(ABOUT.name, at, || tell(plan, ChannelId::from(index), checkpoint, &cell));
            }
        }
    }
}

fn tell(plan: &Plan, channel: ChannelId, checkpoint: CheckpointId, cell: &Cell) -> Finding {
    let ends = &plan.channels[channel.index()];
    let (from, to) = (plan.task_name(ends.from), plan.task_name(ends.to));
    let sent = cell.sent.records;
    let saved = cell.taken().records.wrapping_add(cell.queued.records);
    let (what, text) = if saved > sent {
        let n = saved - sent;
        let kept = match cell.queued.records {
            0 => String::new(),
            queued => format!(" and kept {queued} of them"),
        };
        let received = cell.taken().records;
        ("orphan", format!("{to} has received {received} records of {from}, which has sent {sent}{kept}: {n} orphans"))
    } else if saved < sent {
        let n = sent - saved;
        ("lost", format!("{from} has sent {sent} records to {to}, of which {saved} are in a snapshot: {n} lost"))
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

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::TaskStarted { task, .. } => self.ended[task.index()] = false,
            Event::TaskFinished { task } => self.ended[task.index()] = true,
            Event::ChannelRestored { channel, sent, sent_chain, .. } => {
                self.last[channel.index()] = Total { records: sent, chain: sent_chain };
            }
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::CutSent { channel, checkpoint, upto, chain } => {
                let sent = Total { records: upto, chain };
                self.last[channel.index()] = sent;
                let cell = &mut self.pages.open(checkpoint)[channel.index()];
                (cell.sent, cell.ends) = (sent, cell.ends | SENDER);
            }
            Event::CutReceived { channel, checkpoint, upto, chain } => {
                let cell = &mut self.pages.open(checkpoint)[channel.index()];
                (cell.received, cell.ends) = (Total { records: upto, chain }, cell.ends | RECEIVER);
            }
            Event::CutCaptured { channel, checkpoint, records, chain } => {
                self.pages.open(checkpoint)[channel.index()].captured = Total { records, chain };
            }
            Event::CutQueued { channel, checkpoint, records, chain } => {
                self.pages.open(checkpoint)[channel.index()].queued = Total { records, chain };
            }
            Event::CheckpointCompleted { checkpoint } => {
                self.complete(at, checkpoint, plan, out);
                self.pages.close(|of, _| self.savepoints.is_over(of, checkpoint));
            }
            Event::CheckpointAborted { checkpoint, .. } => self.pages.close(|of, _| of == checkpoint),
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.pages.clear();
        self.last.fill(Total::default());
        self.ended.fill(false);
        self.savepoints.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.savepoints.fingerprint(into);
        into.words(self.ended.iter().map(|ended| u64::from(*ended)));
        for last in &self.last {
            into.word(last.records);
            into.word(last.chain);
        }
        self.pages.fingerprint(into, |cell, into| {
            for total in [cell.sent, cell.received, cell.captured, cell.queued] {
                into.word(total.records);
                into.word(total.chain);
            }
            into.word(u64::from(cell.ends));
        });
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
