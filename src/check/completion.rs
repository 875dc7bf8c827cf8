//! A checkpoint is complete only when all of it is safe, and tasks hear of those that are.
//!
//! Tasks that had ended for good before a checkpoint began have no part in it. One that ends later must have
//! acknowledged it. Newer checkpoints replace older ones, so their ids only grow; a plain savepoint stands beside them:
//! it completes whenever it does, and nobody is told.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{AbortReason, Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "completion",
    sentence: "A checkpoint completes only after every task that ran when it began stored and acknowledged it in its current attempt, and tasks are told of no other.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFinished,
        EventKind::SnapshotDurable,
        EventKind::AckReceived,
        EventKind::CompleteReceived,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
    ]),
};

#[derive(Clone)]
pub(super) struct Completion {
    /// What each task has done for a checkpoint in its current attempt; pending checkpoints have a page, others none.
    pages: Pages<u8>,
    tasks: Vec<Task>,
    savepoints: Savepoints,
    newest: CheckpointId,
    /// Bit n: the checkpoint n before the newest is complete, and tasks may be told so. Messages are not older than that.
    told: u64,
    examined: u64,
}

#[derive(Clone, Copy, Default)]
struct Task {
    attempt: u32,
    /// It ended for good: nothing of it is missing in checkpoints that begin later.
    finished: bool,
}

const DURABLE: u8 = 1;
const ACKED: u8 = 2;
/// It had ended before.
const ABSENT: u8 = 4;

impl Completion {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let tasks = setting.plan.tasks.len();
        Self {
            pages: Pages::new(tasks),
            tasks: vec![Task::default(); tasks],
            savepoints: Savepoints::default(),
            newest: CheckpointId::INITIAL,
            told: 0,
            examined: 0,
        }
    }

    fn begin(&mut self, checkpoint: CheckpointId, purpose: u32) {
        self.savepoints.begin(checkpoint, purpose);
        let page = self.pages.open(checkpoint);
        for (done, _) in page.iter_mut().zip(&self.tasks).filter(|(_, task)| task.finished) {
            *done = ABSENT;
        }
    }

    fn note(&mut self, task: TaskId, checkpoint: CheckpointId, done: u8) {
        if let Some(page) = self.pages.get_mut(checkpoint) {
            page[task.index()] |= done;
        }
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let newest = self.newest;
        let replaces = !self.savepoints.holds_plain(checkpoint);
        if replaces && checkpoint <= newest {
            out.add(ABOUT.name, at, || {
                let text = format!("checkpoint {checkpoint} completed after checkpoint {newest}");
                Finding::new("old", text).checkpoint(checkpoint)
            });
        }
        let page = self.pages.get(checkpoint);
        for (index, task) in self.tasks.iter().enumerate() {
            let done = page.map_or(0, |page| page[index]);
            if done & ABSENT == 0 && done != DURABLE | ACKED {
                out.add(ABOUT.name, at, || tell_missing(plan, TaskId::from(index), checkpoint, task.attempt, done));
            }
        }
        if replaces && checkpoint > newest {
            let step = u32::try_from(checkpoint.0 - newest.0).unwrap_or(u32::MAX);
            self.told = self.told.checked_shl(step).unwrap_or(0) | 1;
            self.newest = checkpoint;
        }
        self.pages.close(|of, _| self.savepoints.is_over(of, checkpoint));
    }

    /// A task was told that a checkpoint is complete: says what is wrong about that.
    fn misled(&self, checkpoint: CheckpointId) -> Option<(&'static str, &'static str)> {
        if self.savepoints.holds_plain(checkpoint) {
            return Some(("told of a savepoint", "which is a savepoint that no task is told of"));
        }
        let Some(age) = self.newest.0.checked_sub(checkpoint.0) else {
            return Some(("told too early", "which it is not"));
        };
        let is_complete = age >= u64::from(u64::BITS) || self.told >> age & 1 == 1;
        (!is_complete).then_some(("told of one given up", "which did not complete"))
    }
}

fn tell_missing(plan: &Plan, id: TaskId, checkpoint: CheckpointId, attempt: u32, done: u8) -> Finding {
    let (what, missing) = if done & ACKED == 0 { ("unacknowledged", "acknowledged") } else { ("not stored", "stored") };
    let name = plan.task_name(id);
    let text = format!("checkpoint {checkpoint} completed before {name} had {missing} it in attempt {attempt}");
    Finding::new(format!("{what} {}", head_name(plan, id)), text).task(id).checkpoint(checkpoint)
}

impl Check for Completion {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::TaskStarted { task, attempt, .. } => {
                self.tasks[task.index()] = Task { attempt: attempt.0, finished: false };
                self.pages.each_mut().for_each(|(_, page)| page[task.index()] = 0);
            }
            Event::TaskFinished { task } => self.tasks[task.index()].finished = true,
            Event::CheckpointTriggered { checkpoint, purpose } => self.begin(checkpoint, purpose),
            // Late answers to a checkpoint that is over change nothing.
            Event::SnapshotDurable { task, checkpoint, .. } => self.note(task, checkpoint, DURABLE),
            Event::AckReceived { task, checkpoint, attempt } if attempt.0 == self.tasks[task.index()].attempt => {
                self.note(task, checkpoint, ACKED);
            }
            Event::CompleteReceived { task, checkpoint } => {
                if let Some((what, which)) = self.misled(checkpoint) {
                    out.add(ABOUT.name, at, || {
                        let name = plan.task_name(task);
                        let text = format!("{name} was told that checkpoint {checkpoint} is complete, {which}");
                        Finding::new(format!("{what} {}", head_name(plan, task)), text)
                            .task(task)
                            .checkpoint(checkpoint)
                    });
                }
            }
            Event::CheckpointCompleted { checkpoint } => self.complete(at, checkpoint, plan, out),
            Event::CheckpointAborted { checkpoint, reason } => {
                if reason == AbortReason::Subsumed && self.savepoints.holds(checkpoint) {
                    out.add(ABOUT.name, at, || {
                        let text = format!("savepoint {checkpoint} was given up for a newer checkpoint");
                        Finding::new("savepoint given up", text).checkpoint(checkpoint)
                    });
                }
                self.pages.close(|of, _| of == checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.pages.clear();
        self.tasks.fill(Task::default());
        self.savepoints.clear();
        self.newest = CheckpointId::INITIAL;
        self.told = 0;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        into.word(self.told);
        into.words(self.tasks.iter().map(|task| u64::from(task.attempt) << 1 | u64::from(task.finished)));
        self.savepoints.fingerprint(into);
        self.pages.fingerprint(into, |done, into| into.word(u64::from(*done)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
