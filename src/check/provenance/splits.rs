//! What became of each split that an enumerator hands out, and which were not read to their ends.
//!
//! The oracle expects what sources emitted. Of a split that is lost it expects nothing, and no sum is wrong: the split has
//! to be told of for itself, with whom it went through and which checkpoint has no place for it.

use super::{Losses, OffsetSpan, Origin, Place, Provenance};
use crate::base::{CheckpointId, OperatorId, TaskId, Time};
use crate::trace::Event;
use crate::workload::Workload;
use std::collections::BTreeSet;

/// A split that was not read, or that records were read of twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitStory {
    /// Whose.
    pub source: OperatorId,
    /// Which of the source's, from 0.
    pub split: u32,
    /// What was never read of it.
    pub unread: Option<OffsetSpan>,
    /// What was read of it too often.
    pub again: Option<OffsetSpan>,
    /// What happened to it, in order.
    pub moments: Vec<(Time, SplitFate)>,
}

/// What can happen to a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitFate {
    /// The enumerator has it to hand out.
    Free,
    /// It was handed to a reader.
    Given(TaskId),
    /// A reader began to read it.
    Begun(TaskId),
    /// A reader read it to its end.
    Finished(TaskId),
    /// A restart gave it to a reader as its snapshot has it, read up to an offset.
    Restored(TaskId, u64),
    /// A restart took it from a reader, for the enumerator.
    Returned(TaskId),
    /// Its reader failed, was stopped or went back.
    Parted(TaskId),
    /// Its reader went on from a checkpoint, and nobody got it.
    Dropped(TaskId, Back),
    /// The enumerator went back to a checkpoint, and it was not handed out again.
    Forgotten(Back),
}

/// What somebody went back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// Whether some part of it holds the split.
    pub holds: bool,
}

/// The splits of all sources.
#[derive(Clone, Debug, Default)]
pub(super) struct SplitLog {
    /// By number, counted over all sources, as partitions are.
    splits: Vec<Split>,
    /// Sources that were told to read nothing more.
    stopped: BTreeSet<OperatorId>,
}

#[derive(Clone, Debug, Default)]
struct Split {
    source: OperatorId,
    /// Who has it, and has not been parted from it.
    owner: Option<TaskId>,
    /// Who was parted from it, and nobody has it since.
    adrift: Option<TaskId>,
    is_done: bool,
    /// The checkpoints that hold it.
    held: BTreeSet<CheckpointId>,
    moments: Vec<(Time, SplitFate)>,
}

impl SplitLog {
    /// Takes the next event; `head` is the source at the head of a task.
    pub fn event(&mut self, at: Time, event: &Event, head: impl Fn(TaskId) -> OperatorId) {
        match *event {
            Event::SplitFree { operator, split } => {
                let split = self.split(split);
                split.source = operator;
                // Where the enumerator went back and has it still, nothing came of that.
                if matches!(split.moments.last(), Some((of, SplitFate::Forgotten(_))) if *of == at) {
                    split.moments.pop();
                }
                split.pass(at, SplitFate::Free, None);
            }
            Event::SplitAssigned { task, split } => self.split(split).pass(at, SplitFate::Given(task), Some(task)),
            Event::SplitBegun { task, split } => self.split(split).pass(at, SplitFate::Begun(task), Some(task)),
            Event::SplitFinished { task, split } => {
                self.split(split).pass(at, SplitFate::Finished(task), Some(task));
                self.split(split).is_done = true;
            }
            Event::SplitRestored { task, split, offset, done } => {
                self.split(split).pass(at, SplitFate::Restored(task, offset), Some(task));
                self.split(split).is_done = done == 1;
            }
            Event::SplitReturned { task, split } => self.split(split).pass(at, SplitFate::Returned(task), None),
            Event::SplitCaptured { checkpoint, split, .. } | Event::SplitSaved { checkpoint, split } => {
                self.split(split).held.insert(checkpoint);
            }
            Event::SplitsReset { operator, checkpoint } => self.reset(at, operator, checkpoint),
            Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => self.part(at, task),
            Event::RestorePoint { task, live, .. } if live != 1 => self.part(at, task),
            Event::TaskStarted { task, checkpoint, .. } => self.started(at, task, checkpoint),
            Event::ReadingStopped { task, .. } => {
                self.stopped.insert(head(task));
            }
            _ => {}
        }
    }

    fn split(&mut self, number: u32) -> &mut Split {
        let needed = number as usize + 1;
        if self.splits.len() < needed {
            self.splits.resize(needed, Split::default());
        }
        &mut self.splits[number as usize]
    }

    /// The enumerator forgets what it has.
    fn reset(&mut self, at: Time, operator: OperatorId, checkpoint: CheckpointId) {
        for split in self.splits.iter_mut().filter(|split| split.source == operator) {
            if split.owner.is_none() && split.adrift.is_none() && !split.moments.is_empty() {
                let holds = split.held.contains(&checkpoint);
                split.moments.push((at, SplitFate::Forgotten(Back { checkpoint, holds })));
            }
        }
    }

    /// A reader is parted from its splits.
    fn part(&mut self, at: Time, task: TaskId) {
        for split in self.splits.iter_mut().filter(|split| split.owner == Some(task)) {
            split.pass(at, SplitFate::Parted(task), None);
            split.adrift = Some(task);
        }
    }

    /// A reader runs again: whatever was to be done about what it had is done.
    fn started(&mut self, at: Time, task: TaskId, checkpoint: CheckpointId) {
        for split in self.splits.iter_mut().filter(|split| split.adrift == Some(task)) {
            let holds = split.held.contains(&checkpoint);
            split.pass(at, SplitFate::Dropped(task, Back { checkpoint, holds }), None);
        }
    }
}

impl Split {
    fn pass(&mut self, at: Time, fate: SplitFate, owner: Option<TaskId>) {
        self.moments.push((at, fate));
        (self.owner, self.adrift, self.is_done) = (owner, None, false);
    }
}

impl Provenance {
    /// The stories of splits that were not read, or of which, as `losses` say, records were read twice.
    pub(super) fn splits(&self, workload: &Workload, losses: &Losses) -> Vec<SplitStory> {
        let splits = self.splits.splits.iter().zip(0..).filter(|(split, _)| !split.moments.is_empty());
        let story = |(split, partition): (&Split, u32)| {
            let log = workload.logs[split.source.index()].as_ref()?;
            let number = partition - log.first_partition;
            let (emitted, all) = (self.emitted[partition as usize], log.split(number).total);
            let is_short = !split.is_done && emitted < all && !self.splits.stopped.contains(&split.source);
            let first = Origin { source: split.source, partition: number, offset: emitted };
            let unread = is_short.then(|| OffsetSpan { first, last: all - 1, records: all - emitted });
            let concerns = |span: &OffsetSpan| span.first.source == split.source && span.first.partition == number;
            let at_source = losses.places.iter().filter(|of| of.operator == split.source && of.place == Place::State);
            let again = at_source.flat_map(|of| &of.doubled.spans).find(|span| concerns(span)).copied();
            let moments = || split.moments.clone();
            let story = || SplitStory { source: split.source, split: number, unread, again, moments: moments() };
            unread.or(again).map(|_| story())
        };
        splits.filter_map(story).collect()
    }
}
