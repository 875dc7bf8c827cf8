//! What every barrier protocol's task does around the decision to start a checkpoint.
//!
//! A handler decides *when* a checkpoint starts or is given up. What that means for the task is the same whoever
//! decided, and is here:
//!
//! - **Start.** One that is not newer than the last is dropped. One whose end was announced by the coordinator before
//!   it began here is dropped too, but the tasks behind this one get a cancel marker: they may be aligning for it. All
//!   others: barrier out, snapshot, or in the textbook's order the other way round.
//! - **Decline.** Say so to the coordinator and send a cancel marker on.
//! - **Notifications.** Completions only ever rise; an abort first makes up for a completion that got lost, then is
//!   remembered if its checkpoint has not begun here. The memory holds the newest 128; an id so far below the newest
//!   of them that it may have been forgotten counts as remembered.
//! - **The end.** With checkpoints after the end of data, a task that has seen all of it stays until a checkpoint that
//!   began after that is complete. A savepoint that ends the job ends every task when it is complete; giving it up is
//!   a failure, because sources have stopped for it.
//!
//! A barrier that is forced to align came over an edge that forbids overtaking; at this task's outputs it is what the
//! protocol sends everywhere else.

use super::is_last;
use crate::base::{CheckpointId, Fingerprint, Span};
use crate::fault::Mutant;
use crate::protocol::{
    Barrier, BarrierKind, DeclineReason, Env, Note, Purpose, TaskCommand as Do, TaskSite, Timer, TimerKind,
};
use crate::scenario::BarrierOrder;

/// How many aborted checkpoints that have not begun here are remembered.
const REMEMBERED_MAX: usize = 128;

#[derive(Clone)]
pub(super) struct Subtask {
    /// How the protocol sends its barriers, and what a forced one turns into.
    kind: BarrierKind,
    /// How long a timeoutable barrier may wait at an output, counted from the trigger.
    timeout: Span,
    order: BarrierOrder,
    after_finish: bool,
    /// There are checkpoints at all; otherwise the coordinator ends the job.
    triggers: bool,
    mutant: Option<Mutant>,
    state: State,
}

#[derive(Clone, Default)]
struct State {
    /// The newest one that started or was declined here.
    last: CheckpointId,
    /// Newer ones that the coordinator gave up, in the order in which it said so.
    aborted: Vec<CheckpointId>,
    newest_aborted: CheckpointId,
    /// The newest one known to be complete.
    completed: CheckpointId,
    /// The snapshot whose synchronous part is running.
    syncing: Option<Barrier>,
    /// The checkpoint whose barrier may wait at the outputs until a timer.
    at_outputs: Option<CheckpointId>,
    /// All data has been seen.
    drained: bool,
    /// The first one that started after that.
    final_one: Option<CheckpointId>,
    /// The savepoint that the job ends with.
    ends_with: Option<CheckpointId>,
}

impl Subtask {
    pub fn new(site: &TaskSite<'_>, kind: BarrierKind, timeout: Span) -> Self {
        let settings = site.settings;
        Self {
            kind,
            timeout,
            order: settings.order,
            after_finish: settings.after_finish,
            triggers: settings.interval.is_some() || !settings.requests.is_empty(),
            mutant: settings.mutant,
            state: State::default(),
        }
    }

    /// Whether this wrong decision is to be made.
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// A checkpoint starts here. Whether a snapshot is being taken: then the batch is over, and `taken` goes on.
    pub fn start(&mut self, barrier: Barrier, env: &mut dyn Env, out: &mut Vec<Do>) -> bool {
        let checkpoint = barrier.checkpoint;
        out.push(Do::Note(Note::Starts(barrier)));
        if is_last(barrier.purpose) {
            self.state.ends_with = Some(checkpoint);
        }
        // Flink asks only after that whether it is out of order; but there no message comes twice. A trigger that did
        // would make this task end with a checkpoint that was taken before the end of its data.
        if checkpoint <= self.state.last {
            return false;
        }
        if self.state.drained {
            self.state.final_one.get_or_insert(checkpoint);
        }
        let given_up = self.was_aborted(checkpoint);
        self.seen(checkpoint);
        if given_up {
            out.push(Do::SendCancel { checkpoint });
            return false;
        }
        let kind = if barrier.kind == BarrierKind::Forced { self.kind } else { barrier.kind };
        let barrier = Barrier { kind, ..barrier };
        let whole = self.order == BarrierOrder::SnapshotThenEmit;
        if !whole {
            self.send(barrier, env, out);
        }
        self.state.syncing = Some(barrier);
        out.push(Do::Snapshot { barrier, whole });
        true
    }

    /// The synchronous part is over. Whether it was one that started here: then the handler goes on.
    pub fn taken(&mut self, checkpoint: CheckpointId, env: &mut dyn Env, out: &mut Vec<Do>) -> bool {
        let Some(barrier) = self.state.syncing.take_if(|barrier| barrier.checkpoint == checkpoint) else {
            return false;
        };
        if self.order == BarrierOrder::SnapshotThenEmit {
            self.send(barrier, env, out);
        }
        if barrier.purpose != Purpose::Checkpoint && self.has(Mutant::AcksSavepointBeforeStored) {
            out.push(Do::Ack { checkpoint });
        }
        true
    }

    fn send(&mut self, barrier: Barrier, env: &mut dyn Env, out: &mut Vec<Do>) {
        out.push(Do::Send(barrier));
        // An older barrier that still waits is not worth overtaking for any more.
        out.extend(self.state.at_outputs.take().map(|older| Do::CancelTimer(output(older))));
        if barrier.kind == BarrierKind::Timeoutable {
            let (timer, delay) = (output(barrier.checkpoint), env.left(barrier.triggered, self.timeout));
            out.push(Do::SetTimer { timer, delay });
            self.state.at_outputs = Some(barrier.checkpoint);
        }
    }

    /// The barrier has waited at the outputs for too long.
    pub fn overdue(&mut self, checkpoint: CheckpointId, out: &mut Vec<Do>) {
        if self.state.at_outputs.take_if(|waiting| *waiting == checkpoint).is_some() {
            out.push(Do::OvertakeOutputs { checkpoint });
        }
    }

    /// The handler gives a checkpoint up.
    pub fn decline(&mut self, checkpoint: CheckpointId, reason: DeclineReason, out: &mut Vec<Do>) {
        if self.state.ends_with == Some(checkpoint) {
            out.push(Do::Fail);
            return;
        }
        self.seen(checkpoint);
        if self.state.at_outputs.take_if(|waiting| *waiting == checkpoint).is_some() {
            out.push(Do::CancelTimer(output(checkpoint)));
        }
        out.push(Do::Decline { checkpoint, reason });
        out.push(Do::SendCancel { checkpoint });
    }

    /// Nothing that is not newer starts here any more, so nothing about it has to be remembered.
    fn seen(&mut self, checkpoint: CheckpointId) {
        let last = self.state.last.max(checkpoint);
        self.state.last = last;
        self.state.aborted.retain(|id| *id > last);
    }

    fn was_aborted(&self, checkpoint: CheckpointId) -> bool {
        let forgotten = checkpoint.0 + (REMEMBERED_MAX as u64) < self.state.newest_aborted.0;
        forgotten || self.state.aborted.contains(&checkpoint)
    }

    pub fn restored(&mut self, checkpoint: CheckpointId) {
        self.state.completed = checkpoint;
    }

    pub fn completed(&mut self, checkpoint: CheckpointId, out: &mut Vec<Do>) {
        if checkpoint <= self.state.completed {
            if self.has(Mutant::LateCompletionFails) && checkpoint > CheckpointId::INITIAL {
                out.push(Do::Fail);
            }
            return;
        }
        self.state.completed = checkpoint;
        out.push(Do::Commit { checkpoint });
        let ends = match self.state.ends_with {
            Some(savepoint) => checkpoint == savepoint,
            None if self.has(Mutant::EndsWithAnyCheckpoint) => self.state.drained,
            None => self.state.final_one.is_some_and(|first| first <= checkpoint),
        };
        if ends {
            out.push(Do::End);
        }
    }

    pub fn aborted(&mut self, checkpoint: CheckpointId, completed: CheckpointId, out: &mut Vec<Do>) {
        self.completed(completed, out);
        if self.state.ends_with == Some(checkpoint) {
            out.push(Do::Fail);
        } else if checkpoint > self.state.last && !self.state.aborted.contains(&checkpoint) {
            if self.state.aborted.len() == REMEMBERED_MAX {
                self.state.aborted.remove(0);
            }
            self.state.aborted.push(checkpoint);
            self.state.newest_aborted = self.state.newest_aborted.max(checkpoint);
        }
    }

    /// All data has been seen.
    pub fn drained(&mut self, out: &mut Vec<Do>) {
        if !self.triggers {
            return;
        }
        if self.after_finish {
            self.state.drained = true;
        } else if self.state.ends_with.is_none() {
            out.push(Do::End);
        }
    }

    pub fn after_finish(&self) -> bool {
        self.after_finish
    }

    pub fn reset(&mut self) {
        // Everything from the beginning, but the list keeps its memory: runs of many seeds allocate nothing here.
        let mut aborted = std::mem::take(&mut self.state.aborted);
        aborted.clear();
        self.state = State { aborted, ..State::default() };
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        let state = &self.state;
        into.words([state.last, state.newest_aborted, state.completed].map(|id| id.0).into_iter());
        into.words(state.aborted.iter().map(|id| id.0));
        into.words(
            [state.at_outputs, state.final_one, state.ends_with].map(|id| id.map_or(0, |id| id.0 + 1)).into_iter(),
        );
        into.word(u64::from(state.drained));
        super::fingerprint_barrier(state.syncing, into);
    }
}

fn output(checkpoint: CheckpointId) -> Timer {
    Timer { kind: TimerKind::Output, checkpoint }
}
