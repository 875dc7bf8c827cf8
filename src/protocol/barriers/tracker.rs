//! The handler that counts barriers and blocks nothing: every record counts at least once.
//!
//! Barriers of many checkpoints may be under way at a time; each is counted until it has come on all ports that were
//! open when its first one came. The one that is complete starts, and older ones are forgotten. At most 50 are
//! counted, the oldest gives way.
//!
//! Some rules are Flink's and not obvious:
//!
//! - The first barrier of a checkpoint counts only if it is newer than all known ones; one that was given up is still
//!   counted until it has come everywhere, so that its late barriers do not begin it anew.
//! - A cancel marker gives up older checkpoints, too: their barriers cannot come any more on that port.
//! - With a single open port there is nothing to count, and nothing is remembered: two barriers of a checkpoint start
//!   it twice, unless it is not newer than one that was counted before.
//! - One alignment is measured at a time, that of the newest checkpoint. A checkpoint that completes as the newest
//!   one counted, after the single-port rule measured a newer one, finds its measurement gone: the task fails.

use super::{Handler, Ports, Turn, fingerprint_barrier, shown};
use crate::base::{CheckpointId, Fingerprint, Port};
use crate::fault::Mutant;
use crate::protocol::{Barrier, DeclineReason, Note, TaskCommand as Do};

/// How many checkpoints are counted at a time.
const PENDING_MAX: usize = 50;

#[derive(Clone)]
pub(super) struct Tracker {
    ports: u32,
    /// Being counted, oldest first.
    pending: Vec<Count>,
    /// The newest that was ever counted.
    newest: CheckpointId,
    /// Whose alignment is being measured.
    aligning: Option<CheckpointId>,
}

#[derive(Clone)]
struct Count {
    /// Its first one.
    barrier: Barrier,
    /// How many ports were open then.
    target: u32,
    /// Ports that have given theirs, or a cancel marker, or ended since.
    got: Ports,
    given_up: bool,
}

impl Count {
    fn id(&self) -> CheckpointId {
        self.barrier.checkpoint
    }

    /// Whether the port was the last.
    fn count(&mut self, port: Port) -> bool {
        self.got.insert(port);
        self.got.len() == self.target
    }
}

impl Tracker {
    pub fn new(ports: u32) -> Self {
        Self { ports, pending: Vec::new(), newest: CheckpointId::INITIAL, aligning: None }
    }

    /// Nothing is remembered of a newer checkpoint while there is only one port.
    fn needs_no_count(&self, checkpoint: CheckpointId, turn: &Turn<'_>) -> bool {
        checkpoint > self.newest && turn.open == 1
    }

    fn begin_count(&mut self, port: Port, barrier: Barrier, given_up: bool, turn: &Turn<'_>) {
        let mut got = Ports::none_of(self.ports);
        got.insert(port);
        self.newest = barrier.checkpoint;
        self.pending.push(Count { barrier, target: turn.open, got, given_up });
        if self.pending.len() > PENDING_MAX {
            self.pending.remove(0);
        }
    }

    fn measure(&mut self, checkpoint: CheckpointId, turn: &mut Turn<'_>) {
        self.stop_measuring(Note::AlignmentDropped, turn);
        turn.note(Note::AlignmentBegan(checkpoint));
        self.aligning = Some(checkpoint);
    }

    /// Whether one was being measured.
    fn stop_measuring(&mut self, how: fn(CheckpointId) -> Note, turn: &mut Turn<'_>) -> bool {
        let Some(checkpoint) = self.aligning.take() else { return false };
        turn.note(how(checkpoint));
        true
    }

    /// A count is complete: its checkpoint starts unless it was given up, and older ones are void.
    fn complete(&mut self, at: usize, turn: &mut Turn<'_>) {
        let Count { barrier, given_up, .. } = self.pending[at];
        self.pending.drain(..=at);
        if given_up {
            return;
        }
        if barrier.checkpoint == self.newest && !self.stop_measuring(Note::AlignmentEnded, turn) {
            turn.push(Do::Fail);
            return;
        }
        turn.start(barrier);
    }

    fn give_up(&mut self, at: usize, reason: DeclineReason, turn: &mut Turn<'_>) {
        let count = &mut self.pending[at];
        if !std::mem::replace(&mut count.given_up, true) {
            turn.decline(count.id(), reason);
        }
    }
}

impl Handler for Tracker {
    fn barrier(&mut self, port: Port, barrier: Barrier, _read: bool, turn: &mut Turn<'_>) {
        let id = barrier.checkpoint;
        if self.needs_no_count(id, turn) {
            self.measure(id, turn);
            self.stop_measuring(Note::AlignmentEnded, turn);
            turn.start(barrier);
        } else if let Some(at) = self.pending.iter().position(|count| count.id() == id) {
            let Count { target, got, .. } = &self.pending[at];
            let early = turn.subtask.has(Mutant::TrackerCountsOneTooMany) && *target > 2 && got.len() + 2 == *target;
            if self.pending[at].count(port) || early {
                self.complete(at, turn);
            }
        } else if id > self.newest {
            self.measure(id, turn);
            self.begin_count(port, barrier, false, turn);
        }
    }

    fn cancelled(&mut self, port: Port, checkpoint: CheckpointId, turn: &mut Turn<'_>) {
        if self.needs_no_count(checkpoint, turn) {
            self.stop_measuring(Note::AlignmentDropped, turn);
            turn.decline(checkpoint, DeclineReason::Cancelled);
            return;
        }
        while self.pending.first().is_some_and(|count| count.id() < checkpoint) {
            self.give_up(0, DeclineReason::Cancelled, turn);
            self.pending.remove(0);
        }
        if self.pending.first().is_some_and(|count| count.id() == checkpoint) {
            self.give_up(0, DeclineReason::Cancelled, turn);
            if self.pending[0].count(port) {
                self.pending.remove(0);
            }
        } else if checkpoint > self.newest {
            turn.decline(checkpoint, DeclineReason::Cancelled);
            self.begin_count(port, Barrier { checkpoint, ..Barrier::default() }, true, turn);
        }
    }

    fn ended(&mut self, port: Port, turn: &mut Turn<'_>) {
        if !turn.subtask.after_finish() {
            for at in 0..self.pending.len() {
                self.give_up(at, DeclineReason::InputEnded, turn);
            }
            self.pending.clear();
            self.stop_measuring(Note::AlignmentDropped, turn);
        } else if let Some(at) = self.pending.iter_mut().rposition(|count| count.count(port)) {
            self.complete(at, turn);
        }
    }

    fn reset(&mut self) {
        self.pending.clear();
        (self.newest, self.aligning) = (CheckpointId::INITIAL, None);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words([self.newest.0, self.aligning.map_or(0, |id| id.0 + 1)].into_iter());
        into.word(self.pending.len() as u64);
        for count in &self.pending {
            fingerprint_barrier(Some(count.barrier), into);
            into.words([u64::from(count.target), u64::from(count.given_up)].into_iter());
            count.got.fingerprint(into);
        }
    }

    fn inspect(&self, open: u32) -> Vec<(&'static str, String)> {
        let ids: Vec<String> = self.pending.iter().map(|count| count.id().to_string()).collect();
        let cp = self.pending.last().map_or(CheckpointId::INITIAL, Count::id);
        let pend = u32::from(!ids.is_empty()).to_string();
        vec![("cp", shown(cp)), ("pend", pend), ("open", open.to_string()), ("ids", ids.join(","))]
    }
}
