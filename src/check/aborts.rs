//! A checkpoint is given up for declining only if somebody who runs now declined it.
//!
//! What an earlier attempt of a task said is about a checkpoint of an earlier life of the job. Taken seriously, it gives up
//! checkpoints that are well, and fails the job for them.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{AbortReason, Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "aborts",
    sentence: "A checkpoint that is given up because a task declined it was declined by a task in its current attempt.",
    needs: Claim::Coordinated,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::CheckpointDeclined,
    EventKind::CheckpointAborted,
    EventKind::CheckpointCompleted,
    EventKind::RestorePoint,
]);

#[derive(Clone)]
pub(super) struct Aborts {
    /// Who declined what in his current attempt.
    declined: Vec<(TaskId, CheckpointId)>,
    examined: u64,
}

impl Aborts {
    pub(super) fn new(_: &Setting<'_>) -> Self {
        Self { declined: Vec::new(), examined: 0 }
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

impl Check for Aborts {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, _: &Plan, out: &mut Findings) {
        match *event {
            Event::CheckpointDeclined { task, checkpoint, .. } => self.declined.push((task, checkpoint)),
            Event::CheckpointAborted { checkpoint, reason } => self.given_up(at, checkpoint, reason, out),
            Event::CheckpointCompleted { checkpoint } => self.declined.retain(|(_, of)| *of != checkpoint),
            Event::RestorePoint { task, live: 0 | 2, .. } => self.declined.retain(|(who, _)| *who != task),
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.declined.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.declined.iter().map(|(task, checkpoint)| u64::from(task.0) << 32 ^ checkpoint.0));
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
