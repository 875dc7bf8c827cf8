//! How a checkpoint ends: acknowledged and recorded, or given up; and what follows from either.
//!
//! An acknowledgement counts once, from a task that has a part, for a checkpoint that is pending; all others are
//! ignored. Once everything is acknowledged the checkpoint can only complete, unless the job restarts first or a newer
//! one completes.
//!
//! # What counts as a failure
//!
//! A checkpoint that expired, and one that a task declined because its own part failed. All other reasons - subsumed,
//! stopped, a barrier of a newer one came first, a task ended - say nothing about the health of the job. A savepoint
//! that expires does not count, one of which a task's part failed does. More failures in a row than are tolerated fail
//! the job, and the count begins anew; any completion of a newer one, savepoints included, clears it.
//!
//! # What is deleted
//!
//! The oldest complete checkpoint beyond those that are kept, and whatever was given up. Deleting takes time, and
//! checkpoints wait while too many are being deleted.

use super::pending::{Pending, Phase};
use super::plan::Completed;
use super::{BarrierCoordinator, Course, Do, Pause, Retry, expiry};
use crate::base::{CheckpointId, Span, TaskId};
use crate::fault::Mutant;
use crate::protocol::{DeclineReason, Env, Purpose};
use crate::trace::AbortReason;

/// After more starts than this the end of the data is not covered in a hurry any more.
const HURRIED_STARTS: u64 = 3;

impl BarrierCoordinator {
    /// A task has done its part.
    pub(super) fn acknowledged(&mut self, task: TaskId, id: CheckpointId, last: bool, out: &mut Vec<Do>) {
        let Some(at) = self.state.pending.iter().position(|pending| pending.id() == id) else { return };
        let again = self.settings.has(Mutant::DoubledAckCounts);
        if self.state.pending[at].acknowledge(task, last, again) {
            self.state.pending[at].phase = Phase::Recording;
            let pending = &self.state.pending[at];
            let record = Completed::new(pending, &self.state.newest_of).record(pending.purpose());
            out.extend([Do::CancelTimer(expiry(id)), Do::Record(record)]);
            if pending.stops() && self.settings.has(Mutant::LastIsToldBeforeTheRecord) {
                out.extend(pending.participants().map(|task| Do::Notify { task, checkpoint: id }));
            }
        }
    }

    /// The metadata is written: the checkpoint is complete.
    pub(super) fn recorded(&mut self, id: CheckpointId, env: &mut dyn Env, out: &mut Vec<Do>) {
        let is_it = |pending: &Pending| pending.id() == id && pending.is_recording();
        let Some(at) = self.state.pending.iter().position(is_it) else { return };
        let pending = self.state.pending.remove(at);
        out.push(Do::Complete(id));
        if id > self.state.succeeded {
            (self.state.succeeded, self.state.failures) = (id, 0);
        }
        if self.settings.min_pause > Span::ZERO {
            self.state.pause = Pause::Since(env.now());
        }
        match pending.purpose() {
            Purpose::Savepoint if self.settings.has(Mutant::SavepointIsKept) => return self.keep(&pending, out),
            Purpose::Savepoint if self.settings.has(Mutant::SavepointIsTold) => {}
            Purpose::Savepoint => return,
            Purpose::Checkpoint => {
                self.state.covered |= pending.covers_all;
                self.keep(&pending, out);
            }
            Purpose::Suspend | Purpose::Drain => {
                self.state.stopped_at = Some(Completed::new(&pending, &self.state.newest_of));
                self.state.course = Course::Stopped;
            }
        }
        let is_older = |older: &Pending| older.id() < id && older.purpose() == Purpose::Checkpoint;
        let older = match self.settings.has(Mutant::OlderIsNotSubsumed) {
            true => Vec::new(),
            false => self.take_out(is_older),
        };
        for older in older {
            self.give_up(&older, AbortReason::Subsumed, out);
        }
        out.extend(pending.participants().map(|task| Do::Notify { task, checkpoint: id }));
    }

    /// Adds a checkpoint to those that are kept, and drops the oldest if they are too many.
    fn keep(&mut self, pending: &Pending, out: &mut Vec<Do>) {
        let complete = Completed::new(pending, &self.state.newest_of);
        self.state.kept.push(complete);
        for task in pending.participants() {
            let newest = &mut self.state.newest_of[task.index()];
            *newest = pending.id().max(*newest);
        }
        out.extend(self.state.stopped_at.take().map(|stopped| Do::Forget(stopped.id)));
        out.extend(self.state.unsure.drain(..).map(Do::Forget));
        if self.state.kept.len() <= self.settings.retained as usize {
            return;
        }
        let oldest = self.state.kept.remove(0);
        out.push(Do::Forget(oldest.id));
        let keep_from = self.state.kept[0].id;
        let drops_all = self.state.starts > 1 && self.settings.has(Mutant::DropsWhatTheEndedNeed);
        // A task that has ended stays at the last snapshot it took, however old that is.
        let running = self.state.ended.iter().enumerate().filter(|(_, ended)| drops_all || !**ended);
        out.extend(running.map(|(task, _)| Do::Drop { task: TaskId::from(task), keep_from }));
        self.clean(oldest.id, out);
    }

    /// The metadata could not be written, or nobody knows whether it was. Only what is certain not to be recorded may be
    /// deleted: whoever takes over will restore what is.
    pub(super) fn unrecorded(&mut self, id: CheckpointId, known: bool, out: &mut Vec<Do>) {
        let failed = self.take_out(|pending| pending.id() == id && pending.is_recording());
        if failed.is_empty() {
            return;
        }
        self.fail(failed, AbortReason::Unrecorded, |pending| pending.purpose() == Purpose::Checkpoint, out);
        if known || self.settings.has(Mutant::UnknownIsNotStored) {
            out.push(Do::Discard(id));
        } else {
            self.state.unsure.push(id);
        }
    }

    /// A checkpoint cannot be read: the next restart goes back behind it, if nobody ever will and an older one is kept.
    pub(super) fn unreadable(&mut self, id: CheckpointId, gone: bool, out: &mut Vec<Do>) {
        let gone = (gone || self.settings.has(Mutant::HiddenIsGone)) && !self.settings.has(Mutant::NeverFallsBack);
        let stopped = self.state.stopped_at.as_ref().is_some_and(|stopped| stopped.id == id);
        if gone && stopped && !self.state.kept.is_empty() {
            self.state.stopped_at = None;
            out.push(Do::Forget(id));
        }
        if gone && self.state.kept.len() > 1 && self.state.kept.last().is_some_and(|newest| newest.id == id) {
            self.state.kept.pop();
            out.push(Do::Forget(id));
        }
    }

    fn clean(&mut self, id: CheckpointId, out: &mut Vec<Do>) {
        if self.settings.deletion > Span::ZERO {
            self.state.cleaning.push(id);
            out.push(Do::Clean(id));
        }
    }

    /// A checkpoint took too long.
    pub(super) fn expired(&mut self, id: CheckpointId, out: &mut Vec<Do>) {
        let failed = self.take_out(|pending| pending.id() == id && !pending.is_recording());
        let counts = !self.settings.has(Mutant::ExpiryIsNoFailure);
        self.fail(failed, AbortReason::Expired, |pending| counts && pending.purpose() == Purpose::Checkpoint, out);
    }

    /// A task will not do its part.
    pub(super) fn declined(&mut self, id: CheckpointId, reason: DeclineReason, out: &mut Vec<Do>) {
        let any = self.settings.has(Mutant::DeclineHitsNewest);
        let failed = self.take_out(|pending| (any || pending.id() == id) && !pending.is_recording());
        let why = match reason {
            DeclineReason::NotRunning => AbortReason::NotRunning,
            _ => AbortReason::Declined,
        };
        self.fail(failed, why, |_| reason == DeclineReason::Failed, out);
    }

    /// A task has ended: what still waits for it waits in vain.
    pub(super) fn ended(&mut self, task: TaskId, out: &mut Vec<Do>) {
        self.state.ended[task.index()] = true;
        let failed = self.take_out(|pending| pending.awaits(task));
        self.fail(failed, AbortReason::NotRunning, |_| false, out);
    }

    /// Gives checkpoints up for a failure, and fails the job if it cannot go on or that is one too many.
    fn fail(
        &mut self,
        failed: Vec<Pending>,
        reason: AbortReason,
        counts: impl Fn(&Pending) -> bool,
        out: &mut Vec<Do>,
    ) {
        // What covers the end of the data begins at once, but not again and again without a pause. When tasks end one
        // after the other there is an end to it, unless it is this hurry that makes the job fail each time.
        let pauses = reason != AbortReason::NotRunning || self.state.starts > HURRIED_STARTS;
        if self.state.drained.is_some() && !failed.is_empty() && pauses {
            let again = !self.settings.has(Mutant::LastCheckpointIsTriedOnce);
            self.state.retry = if again { Retry::Later } else { Retry::Timed };
        }
        for pending in &failed {
            self.give_up(pending, reason, out);
            self.state.failures += u32::from(counts(pending) && pending.id() > self.state.succeeded);
        }
        if self.state.failures > self.settings.tolerable_failures || failed.iter().any(Pending::stops) {
            self.state.failures = 0;
            self.fail_job(out);
        }
    }

    /// Takes out what is pending and meets a condition, oldest first.
    pub(super) fn take_out(&mut self, is_out: impl Fn(&Pending) -> bool) -> Vec<Pending> {
        self.state.pending.extract_if(.., |pending| is_out(pending)).collect()
    }

    /// Tells everybody that a checkpoint will not complete, and deletes what there is of it.
    pub(super) fn give_up(&mut self, pending: &Pending, reason: AbortReason, out: &mut Vec<Do>) {
        let completed = self.state.kept.last().map_or(CheckpointId::INITIAL, |complete| complete.id);
        let checkpoint = pending.id();
        out.extend([Do::CancelTimer(expiry(checkpoint)), Do::Abort { checkpoint, reason, completed }]);
        if pending.is_recording() && reason != AbortReason::Unrecorded {
            // Or somebody might restore it when its files are gone.
            out.push(Do::Forget(checkpoint));
        }
        self.clean(checkpoint, out);
    }

    /// Nothing begins any more until the job is restarted.
    fn fail_job(&mut self, out: &mut Vec<Do>) {
        self.state.course = Course::Failed;
        self.state.queue.clear();
        out.push(Do::FailJob);
    }
}
