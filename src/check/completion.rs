//! A checkpoint is complete only when all of it is safe.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "completion",
    sentence: "A checkpoint completes only after every task stored it and acknowledged it in its current attempt.",
    needs: Claim::Coordinated,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::TaskStarted,
    EventKind::TaskFinished,
    EventKind::SnapshotDurable,
    EventKind::AckReceived,
    EventKind::CompleteReceived,
    EventKind::CheckpointCompleted,
    EventKind::CheckpointAborted,
]);

#[derive(Clone)]
pub(super) struct Completion {
    /// What each task has done for a checkpoint in its current attempt.
    pages: Pages<u8>,
    tasks: Vec<Task>,
    newest: CheckpointId,
    examined: u64,
}

#[derive(Clone, Copy, Default)]
struct Task {
    attempt: u32,
    /// It ended for good: nothing of it is missing in later checkpoints.
    finished: bool,
}

const DURABLE: u8 = 1;
const ACKED: u8 = 2;

impl Completion {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let tasks = setting.plan.tasks.len();
        Self {
            pages: Pages::new(tasks),
            tasks: vec![Task::default(); tasks],
            newest: CheckpointId::INITIAL,
            examined: 0,
        }
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let newest = self.newest;
        if checkpoint <= newest {
            out.add(ABOUT.name, at, || {
                let text = format!("checkpoint {checkpoint} completed after checkpoint {newest}");
                Finding::new("old", text).checkpoint(checkpoint)
            });
        }
        let page = self.pages.get(checkpoint);
        for (index, task) in self.tasks.iter().enumerate().filter(|(_, task)| !task.finished) {
            let done = page.map_or(0, |page| page[index]);
            if done == DURABLE | ACKED {
                continue;
            }
            out.add(ABOUT.name, at, || {
                let (id, attempt) = (TaskId::from(index), task.attempt);
                let (what, missing) =
                    if done & ACKED == 0 { ("unacknowledged", "acknowledged") } else { ("not stored", "stored") };
                let name = plan.task_name(id);
                let text =
                    format!("checkpoint {checkpoint} completed before {name} had {missing} it in attempt {attempt}");
                Finding::new(format!("{what} {}", head_name(plan, id)), text).task(id).checkpoint(checkpoint)
            });
        }
        self.newest = newest.max(checkpoint);
        self.pages.close(|of, _| of <= checkpoint);
    }
}

impl Check for Completion {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::TaskStarted { task, attempt, .. } => {
                self.tasks[task.index()] = Task { attempt: attempt.0, finished: false };
                self.pages.each_mut().for_each(|(_, page)| page[task.index()] = 0);
            }
            Event::TaskFinished { task } => self.tasks[task.index()].finished = true,
            // Late answers to a checkpoint that is over change nothing.
            Event::SnapshotDurable { task, checkpoint, .. } if checkpoint > self.newest => {
                self.pages.open(checkpoint)[task.index()] |= DURABLE;
            }
            Event::AckReceived { task, checkpoint, attempt }
                if checkpoint > self.newest && attempt.0 == self.tasks[task.index()].attempt =>
            {
                self.pages.open(checkpoint)[task.index()] |= ACKED;
            }
            Event::CompleteReceived { task, checkpoint } if checkpoint > self.newest => {
                out.add(ABOUT.name, at, || {
                    let text = format!(
                        "{} was told that checkpoint {checkpoint} is complete, which it is not",
                        plan.task_name(task)
                    );
                    Finding::new(format!("told too early {}", head_name(plan, task)), text)
                        .task(task)
                        .checkpoint(checkpoint)
                });
            }
            Event::CheckpointCompleted { checkpoint } => self.complete(at, checkpoint, plan, out),
            Event::CheckpointAborted { checkpoint, .. } => self.pages.close(|of, _| of == checkpoint),
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.pages.clear();
        self.tasks.fill(Task::default());
        self.newest = CheckpointId::INITIAL;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        into.words(self.tasks.iter().map(|task| u64::from(task.attempt) << 1 | u64::from(task.finished)));
        self.pages.fingerprint(into, |done, into| into.word(u64::from(*done)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
