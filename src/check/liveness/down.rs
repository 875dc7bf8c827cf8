//! Why a job is down, and what its restart waits for, as far as events tell.
//!
//! What fails first is the cause: the tasks that are cancelled because of it, and what fails before the restart, say
//! nothing. A failure that no restart was promised for is one that the restart strategy has given up.

use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{AbortReason, Event};

#[derive(Clone, Default)]
pub(super) struct Down {
    stage: Stage,
    /// Of the last failure, even if the job is up again.
    cause: Cause,
    /// There is no coordinator.
    headless: bool,
    /// The checkpoint that expired last, and when.
    expired: Option<(CheckpointId, Time)>,
    pub restarts: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Up,
    /// Nobody promised a restart.
    Failed,
    Promised,
    NoMachine,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Cause {
    #[default]
    None,
    Task(TaskId),
    Unreadable(TaskId, CheckpointId),
    Expired(CheckpointId),
    Coordinator,
    Takeover,
}

impl Down {
    pub(super) fn event(&mut self, at: Time, event: &Event) {
        match *event {
            Event::CheckpointAborted { checkpoint, reason: AbortReason::Expired } => {
                self.expired = Some((checkpoint, at));
            }
            Event::RestoreFailed { task, checkpoint, .. } => self.fails(Cause::Unreadable(task, checkpoint)),
            Event::TaskFailed { task, .. } => self.fails(Cause::Task(task)),
            // Nothing else failed before it: the coordinator did that.
            Event::TaskCancelled { .. } => match self.expired.filter(|(_, then)| *then == at) {
                Some((checkpoint, _)) => self.fails(Cause::Expired(checkpoint)),
                None => self.fails(Cause::Coordinator),
            },
            Event::CoordinatorLost { .. } => self.headless = true,
            Event::CoordinatorTookOver { .. } => {
                self.headless = false;
                self.fails(Cause::Takeover);
            }
            Event::JobRestarting { .. } => (self.stage, self.restarts) = (Stage::Promised, self.restarts + 1),
            Event::MachinesAwaited { .. } => self.stage = Stage::NoMachine,
            Event::RestorePoint { .. } => self.stage = Stage::Up,
            _ => {}
        }
    }

    fn fails(&mut self, cause: Cause) {
        if self.is_up() {
            (self.stage, self.cause) = (Stage::Failed, cause);
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Whether it went down because tasks got nowhere, and not because something broke.
    pub(super) fn got_nowhere(&self) -> bool {
        matches!(self.cause, Cause::Expired(_) | Cause::Coordinator)
    }

    /// What the last failure was, if there was one.
    pub(super) fn cause(&self, plan: &Plan) -> Option<String> {
        Some(match self.cause {
            Cause::None => return None,
            Cause::Task(task) => format!("{} failed", plan.task_name(task)),
            Cause::Unreadable(task, checkpoint) => {
                format!("checkpoint {checkpoint} of {} cannot be read", plan.task_name(task))
            }
            Cause::Expired(checkpoint) => format!("the job failed when checkpoint {checkpoint} expired"),
            Cause::Coordinator => "the coordinator failed the job".to_owned(),
            Cause::Takeover => "the coordinator was lost".to_owned(),
        })
    }

    /// Why the job is not up again, if it is down.
    pub(super) fn outlook(&self) -> Option<String> {
        Some(match (self.stage, self.restarts) {
            (Stage::Up, _) => return None,
            _ if self.headless => "nobody takes over from the coordinator that was lost".to_owned(),
            (Stage::Failed, 0) => "the restart strategy allows no further restart".to_owned(),
            (Stage::Failed, 1) => "after one restart the restart strategy allows no further restart".to_owned(),
            (Stage::Failed, n) => format!("after {n} restarts the restart strategy allows no further restart"),
            (Stage::Promised, _) => "its restart is still to come".to_owned(),
            (Stage::NoMachine, _) => "its restart waits for machines in the place of lost ones".to_owned(),
        })
    }

    pub(super) fn fingerprint(&self, into: &mut Fingerprint) {
        let (cause, task, checkpoint) = match self.cause {
            Cause::None => (0, 0, 0),
            Cause::Task(task) => (1, task.0, 0),
            Cause::Unreadable(task, checkpoint) => (2, task.0, checkpoint.0),
            Cause::Expired(checkpoint) => (3, 0, checkpoint.0),
            Cause::Coordinator => (4, 0, 0),
            Cause::Takeover => (5, 0, 0),
        };
        into.words([self.stage as u64, cause, u64::from(task), checkpoint, u64::from(self.headless)].into_iter());
        into.word(self.restarts);
    }
}
