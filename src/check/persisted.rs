//! What a checkpoint saves of a channel are the buffers between its two ends, each once.
//!
//! A barrier that overtakes data leaves a row of buffers between what the receiver had read when it captured its state
//! and the place in the row where the barrier was put. All of them are saved: first those that the receiver had or got,
//! then those that still waited at the sender when the barrier passed them. A buffer that was half read is saved with
//! its rest. The row is known from the numbers of buffers; how many records it has is what [`super::cut`] compares, and
//! here both must have counted the same ones.
//!
//! Judged when the checkpoint completes, and only for channels of which buffers were to be saved. Protocols that copy
//! what they read do not say which buffers that was, and do not claim it. A sender that has ended puts no barrier into
//! its channel; then everything that it had sent is before it.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Savepoints, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "persisted",
    sentence: "What a checkpoint saves of a channel are the buffers between what its receiver had read and the barrier, each once and in order.",
    needs: Claim::SavedBuffers,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFinished,
        EventKind::BufferClosed,
        EventKind::BufferConsumed,
        EventKind::ChannelRestored,
        EventKind::BarrierSent,
        EventKind::CheckpointTriggered,
        EventKind::CutReceived,
        EventKind::CutCaptured,
        EventKind::CutQueued,
        EventKind::CaptureBegan,
        EventKind::InputPersisted,
        EventKind::OutputPersisted,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
    ]),
};

#[derive(Clone)]
pub(super) struct Persisted {
    pages: Pages<Cell>,
    /// By channel.
    rows: Vec<Row>,
    /// By task: it has ended for good.
    ended: Vec<bool>,
    savepoints: Savepoints,
    examined: u64,
}

/// The buffers of a channel that are under way: from the first that is not wholly read up to the last that was closed.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The number of the first.
    first: u64,
    /// The number that the next one will have.
    next: u64,
}

/// A channel in a checkpoint; its events come in any order.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The first buffer that the receiver had not wholly read when it captured its state.
    from: u64,
    /// The first buffer behind the barrier.
    barrier: u64,
    input: Saved,
    output: Saved,
    flags: u8,
}

/// What one end saved.
#[derive(Clone, Copy, Default)]
struct Saved {
    /// The buffers from `first` up to `next`, not included.
    first: u64,
    next: u64,
    /// Records in them.
    records: u64,
    /// Records that the snapshot says it holds.
    told: u64,
    /// The first buffer that did not follow the one before, and which one was due.
    stray: Option<(u64, u64)>,
}

/// Buffers of the channel were to be saved.
const BEGUN: u8 = 1;
/// `barrier` is known.
const BARRIER: u8 = 2;
/// `from` is known.
const RECEIVED: u8 = 4;

impl Saved {
    fn add(&mut self, seq: u64, records: u32) {
        self.records += u64::from(records);
        if self.is_empty() {
            (self.first, self.next) = (seq, seq.wrapping_add(1));
        } else if seq == self.next {
            self.next = seq.wrapping_add(1);
        } else {
            self.stray.get_or_insert((seq, self.next));
        }
    }

    fn is_empty(&self) -> bool {
        self.first == self.next
    }
}

/// What is wrong with what was saved of a channel.
enum Wrong {
    /// One end saved this buffer where that one was due.
    Stray(End, u64, u64),
    /// The row ends before the barrier, or goes on behind it.
    Ends(u64, u64),
    /// One end saved so many records and says it has so many.
    Counts(End, u64, u64),
}

type End = &'static str;

impl Cell {
    fn judge(&self) -> Option<Wrong> {
        let mut due = self.from;
        for (end, saved) in [("receiver", &self.input), ("sender", &self.output)] {
            if !saved.is_empty() && saved.first != due {
                return Some(Wrong::Stray(end, saved.first, due));
            }
            if let Some((stray, due)) = saved.stray {
                return Some(Wrong::Stray(end, stray, due));
            }
            due = if saved.is_empty() { due } else { saved.next };
            if saved.records != saved.told {
                return Some(Wrong::Counts(end, saved.records, saved.told));
            }
        }
        (self.flags & BARRIER != 0 && due != self.barrier).then_some(Wrong::Ends(due, self.barrier))
    }
}

impl Persisted {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let (channels, tasks) = (setting.plan.channels.len(), setting.plan.tasks.len());
        Self {
            pages: Pages::new(channels),
            rows: vec![Row::default(); channels],
            ended: vec![false; tasks],
            savepoints: Savepoints::default(),
            examined: 0,
        }
    }

    fn cell(&mut self, channel: ChannelId, checkpoint: CheckpointId) -> &mut Cell {
        &mut self.pages.open(checkpoint)[channel.index()]
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        let Some(page) = self.pages.get(checkpoint) else { return };
        let whole = BEGUN | RECEIVED;
        for (index, cell) in page.iter().enumerate().filter(|(_, cell)| cell.flags & whole == whole) {
            let mut cell = *cell;
            if cell.flags & BARRIER == 0 && self.ended[plan.channels[index].from.index()] {
                (cell.barrier, cell.flags) = (self.rows[index].next, cell.flags | BARRIER);
            }
            self.examined += 1;
            if let Some(wrong) = cell.judge() {
                out.add(ABOUT.name, at, || tell(plan, ChannelId::from(index), checkpoint, &wrong));
            }
        }
    }
}

fn tell(plan: &Plan, channel: ChannelId, checkpoint: CheckpointId, wrong: &Wrong) -> Finding {
    let (what, text) = match wrong {
        Wrong::Stray(end, seq, due) => {
            ("out of order", format!("the {end} saved buffer {seq} where buffer {due} was due"))
        }
        Wrong::Ends(due, barrier) if due < barrier => {
            ("forgotten", format!("buffers {due} to {} are before the barrier, and nobody saved them", barrier - 1))
        }
        Wrong::Ends(due, barrier) => {
            ("behind the barrier", format!("buffers {barrier} to {} were saved, but are behind the barrier", due - 1))
        }
        Wrong::Counts(end, records, told) => {
            ("miscounted", format!("the {end} saved buffers with {records} records, and its snapshot holds {told}"))
        }
    };
    let text = format!("in checkpoint {checkpoint}, on {}, {text}", plan.channel_name(channel));
    Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel).checkpoint(checkpoint)
}

impl Check for Persisted {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::BufferClosed { channel, seq, .. } => self.rows[channel.index()].next = seq.wrapping_add(1),
            Event::BufferConsumed { channel, seq, .. } => self.rows[channel.index()].first = seq.wrapping_add(1),
            Event::ChannelRestored { channel, .. } => {
                let row = &mut self.rows[channel.index()];
                row.first = row.next;
            }
            Event::TaskStarted { task, .. } => self.ended[task.index()] = false,
            Event::TaskFinished { task } => self.ended[task.index()] = true,
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::BarrierSent { channel, checkpoint } => {
                let next = self.rows[channel.index()].next;
                let cell = self.cell(channel, checkpoint);
                (cell.barrier, cell.flags) = (next, cell.flags | BARRIER);
            }
            Event::CutReceived { channel, checkpoint, .. } => {
                let first = self.rows[channel.index()].first;
                let cell = self.cell(channel, checkpoint);
                (cell.from, cell.flags) = (first, cell.flags | RECEIVED);
            }
            Event::CaptureBegan { channel, checkpoint } => self.cell(channel, checkpoint).flags |= BEGUN,
            Event::InputPersisted { channel, checkpoint, seq, records, .. } => {
                self.cell(channel, checkpoint).input.add(seq, records);
            }
            Event::OutputPersisted { channel, checkpoint, seq, records, .. } => {
                let cell = self.cell(channel, checkpoint);
                cell.flags |= BEGUN;
                cell.output.add(seq, records);
            }
            Event::CutCaptured { channel, checkpoint, records, .. } => {
                self.cell(channel, checkpoint).input.told = records;
            }
            Event::CutQueued { channel, checkpoint, records, .. } => {
                self.cell(channel, checkpoint).output.told = records;
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
        self.rows.fill(Row::default());
        self.ended.fill(false);
        self.savepoints.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.savepoints.fingerprint(into);
        into.words(self.ended.iter().map(|ended| u64::from(*ended)));
        for row in &self.rows {
            into.word(row.first);
            into.word(row.next);
        }
        self.pages.fingerprint(into, |cell, into| {
            [cell.from, cell.barrier, u64::from(cell.flags)].iter().for_each(|word| into.word(*word));
            for saved in [&cell.input, &cell.output] {
                [saved.first, saved.next, saved.records, saved.told].iter().for_each(|word| into.word(*word));
                let (stray, due) = saved.stray.unwrap_or((u64::MAX, u64::MAX));
                [stray, due].iter().for_each(|word| into.word(*word));
            }
        });
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
