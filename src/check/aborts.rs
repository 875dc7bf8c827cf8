//! A checkpoint is given up for declining only if somebody who runs now declined it; and what is given up ends.
//!
//! What an earlier attempt of a task said is about a checkpoint of an earlier life of the job. Taken seriously, it gives up
//! checkpoints that are well, and fails the job for them.
//!
//! A task that hears that a checkpoint was given up stops storing its part: an upload that goes on takes bandwidth from
//! the next one, and leaves a file that nobody deletes. That its channels go on and its buffers come back is the business
//! of `wake-up` and `buffers`.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{AbortReason, Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "aborts",
    sentence: "A checkpoint is given up as declined only if a task that runs now declined it, and who hears of it stops storing it.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[
        EventKind::CheckpointDeclined,
        EventKind::CheckpointAborted,
        EventKind::CheckpointCompleted,
        EventKind::RestorePoint,
        EventKind::SnapshotStarted,
        EventKind::SnapshotDurable,
        EventKind::AbortReceived,
    ]),
};

#[derive(Clone)]
pub(super) struct Aborts {
    /// Who declined what in his current attempt.
    declined: Vec<(TaskId, CheckpointId)>,
    /// Snapshots that are not stored.
    live: Vec<(TaskId, CheckpointId)>,
    /// Those of them whose task has heard that their checkpoint was given up, or has given it up itself.
    over: Vec<(TaskId, CheckpointId)>,
    examined: u64,
}

impl Aborts {
    pub(super) fn new(_: &Setting<'_>) -> Self {
        Self { declined: Vec::new(), live: Vec::new(), over: Vec::new(), examined: 0 }
    }

    fn given_up(&mut self, at: Time, checkpoint: CheckpointId, reason: AbortReason, out: &mut Findings) {
        if reason == AbortReason::Declined {
            self.examined += 1;
            if !self.declined.iter().any(|(_, of)| *of == checkpoint) {
                out.add(ABOUT.name, at, || {
                    let text = format!(
                        "checkpoint {checkpoint} is given up as declined, but no task that runs now declined it"
                    );
                    Finding::new("declined by nobody", text).checkpoint(checkpoint)
                });
            }
        }
        self.declined.retain(|(_, of)| *of != checkpoint);
    }
}

impl Aborts {
    /// A task hears that a checkpoint was given up.
    fn heard(&mut self, task: TaskId, checkpoint: CheckpointId) {
        if let Some(at) = self.live.iter().position(|part| *part == (task, checkpoint)) {
            self.examined += 1;
            self.over.push(self.live.swap_remove(at));
        }
    }

    fn stored(&mut self, at: Time, task: TaskId, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        self.live.retain(|part| *part != (task, checkpoint));
        if self.over.contains(&(task, checkpoint)) {
            out.add(ABOUT.name, at, || {
                let name = plan.task_name(task);
                let text = format!(
                    "{name} has stored its part of checkpoint {checkpoint}, of which it had heard that it was given up"
                );
                Finding::new(format!("stored by {}", head_name(plan, task)), text).task(task).checkpoint(checkpoint)
            });
        }
    }

    /// What an earlier attempt had begun is gone.
    fn restored(&mut self, task: TaskId) {
        for parts in [&mut self.declined, &mut self.live, &mut self.over] {
            parts.retain(|(who, _)| *who != task);
        }
    }
}

impl Check for Aborts {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::CheckpointDeclined { task, checkpoint, .. } => {
                self.declined.push((task, checkpoint));
                self.heard(task, checkpoint);
            }
            Event::CheckpointAborted { checkpoint, reason } => self.given_up(at, checkpoint, reason, out),
            Event::CheckpointCompleted { checkpoint } => {
                self.declined.retain(|(_, of)| *of != checkpoint);
                // Long over: not worth remembering.
                self.over.retain(|(_, of)| *of > checkpoint);
            }
            Event::RestorePoint { task, live: 0 | 2, .. } => self.restored(task),
            Event::SnapshotStarted { task, checkpoint, .. } => self.live.push((task, checkpoint)),
            Event::SnapshotDurable { task, checkpoint, .. } => self.stored(at, task, checkpoint, plan, out),
            Event::AbortReceived { task, checkpoint } => self.heard(task, checkpoint),
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        [&mut self.declined, &mut self.live, &mut self.over].into_iter().for_each(Vec::clear);
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        for parts in [&self.declined, &self.live, &self.over] {
            into.word(parts.len() as u64);
            into.words(parts.iter().map(|(task, checkpoint)| u64::from(task.0) << 32 ^ checkpoint.0));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
