//! Every split of a source has one owner at a time, and is read once.
//!
//! A split is with the enumerator of its source, on its way to or with one reader, or read. A reader that fails is
//! parted from its splits; what becomes of each shows when it begins again: the reader has it as its snapshot says, it
//! has gone back to the enumerator, or, if the whole job goes back, somebody else has it. Nobody may get one that has
//! an owner, and none may be left without. The parts of a complete checkpoint must hold each split once, except that
//! those of a reader that has ended need not be in it any more. At the end all splits are read, unless the source was
//! stopped.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "splits",
    sentence: "Every split is owned by one reader or by the enumerator, in every checkpoint too, and is read once.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::SplitFree,
        EventKind::SplitAssigned,
        EventKind::SplitBegun,
        EventKind::SplitFinished,
        EventKind::SplitCaptured,
        EventKind::SplitSaved,
        EventKind::SplitsReset,
        EventKind::SplitRestored,
        EventKind::SplitReturned,
        EventKind::TaskStarted,
        EventKind::TaskFailed,
        EventKind::TaskCancelled,
        EventKind::TaskFinished,
        EventKind::RestorePoint,
        EventKind::ReadingStopped,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
    ]),
};

#[derive(Clone)]
pub(super) struct Splits {
    /// By number; sources without an enumerator have none.
    splits: Vec<Split>,
    tasks: Vec<Task>,
    /// How often each split is in the parts of a checkpoint.
    parts: Pages<u8>,
    examined: u64,
}

#[derive(Clone, Copy, Default)]
struct Split {
    source: OperatorId,
    owner: Owner,
    /// It has been discovered; numbers of sources without an enumerator are of no split.
    is_known: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Owner {
    /// Nobody has discovered it, or it is lost and that was told.
    #[default]
    Unknown,
    /// The enumerator.
    Free,
    /// A reader has it, or it is on its way there.
    Given(TaskId),
    /// A reader reads it.
    Read(TaskId),
    /// A reader has read it.
    Done(TaskId),
    /// It was a reader's who failed.
    Adrift(TaskId),
    /// It was the enumerator's, which has forgotten it.
    Forgotten,
}

#[derive(Clone, Copy, Default)]
struct Task {
    ended: bool,
    /// It was told to read nothing more.
    stopped: bool,
}

impl Owner {
    /// The reader that has it.
    fn reader(self) -> Option<TaskId> {
        match self {
            Self::Given(task) | Self::Read(task) | Self::Done(task) => Some(task),
            _ => None,
        }
    }

    fn words(self, plan: &Plan) -> String {
        match self {
            Self::Unknown => "nobody has discovered it".to_owned(),
            Self::Free => "the enumerator has it".to_owned(),
            Self::Given(task) | Self::Read(task) => format!("{} has it", plan.task_name(task)),
            Self::Done(task) => format!("{} has read it", plan.task_name(task)),
            Self::Adrift(task) => format!("nobody has it since {} failed", plan.task_name(task)),
            Self::Forgotten => "nobody has it since the enumerator went back".to_owned(),
        }
    }

    fn word(self) -> u64 {
        let (kind, task) = match self {
            Self::Unknown => (0, TaskId(0)),
            Self::Free => (1, TaskId(0)),
            Self::Given(task) => (2, task),
            Self::Read(task) => (3, task),
            Self::Done(task) => (4, task),
            Self::Adrift(task) => (5, task),
            Self::Forgotten => (6, TaskId(0)),
        };
        kind << 32 | u64::from(task.0)
    }
}

impl Splits {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let tasks = vec![Task::default(); setting.plan.tasks.len()];
        Self { splits: Vec::new(), tasks, parts: Pages::new(0), examined: 0 }
    }

    fn split(&mut self, number: u32) -> &mut Split {
        let needed = number as usize + 1;
        if self.splits.len() < needed {
            self.splits.resize(needed, Split::default());
        }
        &mut self.splits[number as usize]
    }

    /// A split gets an owner, which it must not have had unless `may` says so.
    fn pass(&mut self, what: &Passed, owner: Owner, may: impl Fn(Owner) -> bool, out: &mut Findings) {
        self.examined += 1;
        let split = self.split(what.split);
        let before = std::mem::replace(&mut split.owner, owner);
        if may(before) {
            return;
        }
        out.add(ABOUT.name, what.at, || {
            let Passed { split, does, plan, .. } = what;
            let text = format!("split {split} {does}, but {}", before.words(plan));
            let what = match before {
                Owner::Unknown => "unknown",
                Owner::Adrift(_) | Owner::Forgotten => "nobody's",
                _ => "two owners",
            };
            let finding = Finding::new(what, text);
            owner.reader().into_iter().fold(finding, Finding::task)
        });
    }

    /// A reader is parted from its splits.
    fn part(&mut self, task: TaskId) {
        for split in self.splits.iter_mut().filter(|split| split.owner.reader() == Some(task)) {
            split.owner = Owner::Adrift(task);
        }
    }

    /// A reader runs again: whatever was to be done about what it had is done.
    fn started(&mut self, at: Time, task: TaskId, plan: &Plan, out: &mut Findings) {
        self.tasks[task.index()] = Task::default();
        let source = plan.head(task);
        for (number, split) in self.splits.iter_mut().enumerate().filter(|(_, split)| split.source == source) {
            if split.owner != Owner::Adrift(task) && split.owner != Owner::Forgotten {
                continue;
            }
            // It is told once.
            let before = std::mem::replace(&mut split.owner, Owner::Unknown);
            out.add(ABOUT.name, at, || {
                let text = format!("split {number} is lost: {}", before.words(plan));
                Finding::new(format!("lost {}", plan.operators[source.index()].name), text).task(task)
            });
        }
    }

    fn count(&mut self, checkpoint: CheckpointId, split: u32) {
        let page = self.parts.open(checkpoint);
        if let Some(count) = page.get_mut(split as usize) {
            *count += 1;
        }
    }

    /// A checkpoint begins: a reader that has ended has no part in it, and need not have one.
    fn begin(&mut self, checkpoint: CheckpointId) {
        if self.splits.is_empty() {
            return;
        }
        let page = self.parts.open(checkpoint);
        for (split, count) in self.splits.iter().zip(page) {
            *count += u8::from(matches!(split.owner, Owner::Done(task) if self.tasks[task.index()].ended));
        }
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        if self.splits.is_empty() {
            return;
        }
        self.examined += 1;
        let page = self.parts.open(checkpoint);
        let known = self.splits.iter().zip(page.iter()).enumerate();
        for (number, (split, count)) in known.filter(|(_, (split, _))| split.is_known) {
            if *count == 1 {
                continue;
            }
            out.add(ABOUT.name, at, || {
                let source = &plan.operators[split.source.index()].name;
                let (what, text) = match *count {
                    0 => ("not saved", format!("no part of checkpoint {checkpoint} holds split {number}")),
                    n => ("saved twice", format!("split {number} is in checkpoint {checkpoint} {n} times")),
                };
                Finding::new(format!("{what} {source}"), text).checkpoint(checkpoint)
            });
        }
        self.parts.close(|of, _| of == checkpoint);
    }
}

/// What happens to a split.
struct Passed<'a> {
    at: Time,
    split: u32,
    does: String,
    plan: &'a Plan,
}

impl Check for Splits {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        let is_adrift = |owner: Owner| matches!(owner, Owner::Adrift(_) | Owner::Forgotten);
        let by = |split: u32, does: &str, task: TaskId| Passed {
            at,
            split,
            does: format!("{does} {}", plan.task_name(task)),
            plan,
        };
        match *event {
            Event::SplitFree { operator, split } => {
                let known = self.split(split);
                (known.source, known.is_known) = (operator, true);
                self.parts.widen(self.splits.len());
                let what = Passed { at, split, does: "is with the enumerator again".to_owned(), plan };
                self.pass(&what, Owner::Free, |owner| owner == Owner::Unknown || is_adrift(owner), out);
            }
            Event::SplitAssigned { task, split } => {
                self.pass(&by(split, "is given to", task), Owner::Given(task), |owner| owner == Owner::Free, out);
            }
            Event::SplitBegun { task, split } => {
                let may = |owner| owner == Owner::Given(task);
                self.pass(&by(split, "is begun by", task), Owner::Read(task), may, out);
            }
            Event::SplitFinished { task, split } => {
                // One that is restored goes on where it was, and is not begun again.
                let may = |owner| owner == Owner::Read(task) || owner == Owner::Given(task);
                self.pass(&by(split, "is finished by", task), Owner::Done(task), may, out);
            }
            Event::SplitRestored { task, split, offset, done } => {
                let owner = match (done, offset) {
                    (0, 0) => Owner::Given(task),
                    (0, _) => Owner::Read(task),
                    _ => Owner::Done(task),
                };
                self.pass(&by(split, "is restored to", task), owner, is_adrift, out);
            }
            Event::SplitReturned { task, split } => {
                self.pass(&by(split, "is taken from", task), Owner::Free, |owner| owner == Owner::Adrift(task), out);
            }
            Event::SplitsReset { operator, .. } => {
                for split in self.splits.iter_mut().filter(|s| s.source == operator && s.owner == Owner::Free) {
                    split.owner = Owner::Forgotten;
                }
            }
            Event::SplitCaptured { checkpoint, split, .. } | Event::SplitSaved { checkpoint, split } => {
                self.count(checkpoint, split);
            }
            Event::CheckpointTriggered { checkpoint, .. } => self.begin(checkpoint),
            Event::CheckpointCompleted { checkpoint } => self.complete(at, checkpoint, plan, out),
            Event::CheckpointAborted { checkpoint, .. } => self.parts.close(|of, _| of == checkpoint),
            Event::TaskStarted { task, .. } => self.started(at, task, plan, out),
            Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => self.part(task),
            Event::RestorePoint { task, live, .. } if live != 1 => self.part(task),
            Event::TaskFinished { task } => self.tasks[task.index()].ended = true,
            Event::ReadingStopped { task, .. } => self.tasks[task.index()].stopped = true,
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained {
            return;
        }
        for (number, split) in self.splits.iter().enumerate() {
            let mut readers = end.plan.operators[split.source.index()].tasks.clone();
            let is_stopped = readers.any(|task| self.tasks[task as usize].stopped);
            if is_stopped || !split.is_known || matches!(split.owner, Owner::Done(_)) {
                continue;
            }
            out.add(ABOUT.name, end.at, || {
                let source = &end.plan.operators[split.source.index()].name;
                let text = format!("split {number} was not read to its end: {}", split.owner.words(end.plan));
                Finding::new(format!("not read {source}"), text)
            });
        }
    }

    fn reset(&mut self) {
        self.splits.clear();
        self.tasks.fill(Task::default());
        self.parts.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.splits.iter().map(|split| split.owner.word() ^ u64::from(split.source.0) << 40));
        into.words(self.tasks.iter().map(|task| u64::from(task.ended) << 1 | u64::from(task.stopped)));
        self.parts.fingerprint(into, |count, into| into.word(u64::from(*count)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
