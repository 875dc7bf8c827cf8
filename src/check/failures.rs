//! More checkpoints in a row that fail than a job tolerates restart it.
//!
//! A checkpoint that expires is a failure, unless it is a savepoint or a newer one is complete; any completion of a newer
//! one, savepoints included, begins the count anew. While the job is down nothing can restart it. A task may also refuse
//! its part because that failed, or a record may not be written; what of that counts is not told, so here the count begins
//! anew with it, as it does with every restart and with a takeover.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{AbortReason, Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "failures",
    sentence: "When more checkpoints in a row have expired than the job tolerates, it restarts.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[
        EventKind::TaskFailed,
        EventKind::TaskCancelled,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
        EventKind::JobRestarting,
        EventKind::RestorePoint,
        EventKind::CoordinatorTookOver,
    ]),
};

#[derive(Clone)]
pub(super) struct Failures {
    tolerable: u32,
    savepoints: Savepoints,
    /// In a row.
    failed: u32,
    /// The newest complete one.
    newest: CheckpointId,
    /// A failure was one too many, and the job did not restart yet.
    due: Option<CheckpointId>,
    /// It is down already.
    down: bool,
    examined: u64,
}

impl Failures {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self {
            tolerable: setting.tolerable_failures,
            savepoints: Savepoints::default(),
            failed: 0,
            newest: CheckpointId::INITIAL,
            due: None,
            down: false,
            examined: 0,
        }
    }

    fn expired(&mut self, checkpoint: CheckpointId) {
        if self.savepoints.holds(checkpoint) || checkpoint <= self.newest {
            if self.savepoints.holds(checkpoint) && !self.savepoints.holds_plain(checkpoint) {
                // The job fails with a savepoint that was to stop it, and the count begins anew.
                self.failed = 0;
            }
            return;
        }
        self.examined += 1;
        // What the count would have led to cannot be seen while the job is down: it begins anew.
        self.failed = if self.down { 0 } else { self.failed + 1 };
        if self.failed > self.tolerable {
            self.failed = 0;
            self.due = Some(checkpoint);
        }
    }

    fn judge(&mut self, at: Time, out: &mut Findings) {
        let Some(checkpoint) = self.due.take() else { return };
        let tolerable = self.tolerable;
        out.add(ABOUT.name, at, || {
            let text = format!(
                "checkpoint {checkpoint} expired as one more in a row than the {tolerable} that are tolerated, and the \
                 job goes on"
            );
            Finding::new("goes on", text).checkpoint(checkpoint)
        });
    }
}

impl Check for Failures {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, _: &Plan, out: &mut Findings) {
        match *event {
            // It restarts, or ends because it was restarted often enough.
            Event::TaskFailed { .. } | Event::TaskCancelled { .. } => self.due = None,
            Event::JobRestarting { .. } => {
                (self.down, self.due, self.failed) = (true, None, 0);
            }
            Event::RestorePoint { .. } => self.down = false,
            Event::CheckpointTriggered { checkpoint, purpose } => {
                self.judge(at, out);
                self.savepoints.begin(checkpoint, purpose);
            }
            Event::CheckpointCompleted { checkpoint } => {
                self.judge(at, out);
                if checkpoint > self.newest {
                    (self.newest, self.failed) = (checkpoint, 0);
                }
            }
            Event::CheckpointAborted { checkpoint, reason: AbortReason::Expired } => self.expired(checkpoint),
            Event::CheckpointAborted { reason: AbortReason::Declined | AbortReason::Unrecorded, .. } => self.failed = 0,
            Event::CoordinatorTookOver { .. } => (self.failed, self.due) = (0, None),
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        self.judge(end.at, out);
    }

    fn reset(&mut self) {
        (self.failed, self.newest, self.due) = (0, CheckpointId::INITIAL, None);
        (self.down, self.examined) = (false, 0);
        self.savepoints.clear();
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words([u64::from(self.failed), self.newest.0, self.due.map_or(0, |id| id.0)].into_iter());
        into.word(u64::from(self.down));
        self.savepoints.fingerprint(into);
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
