//! The queue of what is to be triggered, and the decider over it.
//!
//! Everything that asks for a checkpoint - the interval, a scenario, the end of the data - only files a request. The
//! decider starts the first of them when four things allow it: no trigger is on its way to the tasks, not too many
//! old checkpoints are still being deleted, there is room for one more at a time (a *forced* request needs none),
//! and, for a periodic one, the pause since the last completion is over. A periodic request that comes too early is
//! dropped, and the interval is to start over at the end of the pause; every other request waits.
//!
//! Savepoints go before checkpoints, what somebody asked for before what the clock asks for, and among equals the
//! older first. Flink also puts forced ones before others; that is in this order already, because savepoints are
//! forced either all or none, and checkpoints never. Periodic requests that find no room pile up: after a checkpoint
//! of three intervals' length, three follow back to back.

use crate::base::Fingerprint;
use crate::protocol::Purpose;
use std::collections::VecDeque;

/// How many requests can wait; Flink has no setting for it either.
pub(super) const CAPACITY: usize = 1000;

/// Somebody wants a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What for.
    pub purpose: Purpose,
    /// The interval asks for it.
    pub periodic: bool,
}

impl Request {
    /// The interval's.
    pub const PERIODIC: Self = Self { purpose: Purpose::Checkpoint, periodic: true };

    /// Somebody's.
    pub fn of(purpose: Purpose) -> Self {
        Self { purpose, periodic: false }
    }

    /// Smaller goes first.
    fn rank(self) -> u64 {
        match self {
            Self { purpose: Purpose::Savepoint | Purpose::Suspend | Purpose::Drain, .. } => 0,
            Self { periodic: false, .. } => 1,
            Self { periodic: true, .. } => 2,
        }
    }

    fn is_savepoint(self) -> bool {
        self.purpose != Purpose::Checkpoint
    }
}

/// What the decider looks at besides the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// A trigger is on its way to the tasks.
    pub triggering: bool,
    /// Checkpoints that are being deleted.
    pub cleaning: usize,
    /// Checkpoints and savepoints that are under way.
    pub pending: usize,
    /// The limit for either.
    pub most: usize,
    /// Savepoints need no room.
    pub forces_savepoints: bool,
}

/// What the decider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Nothing can start now.
    Wait,
    /// This one starts; it is out of the queue.
    Start(Request),
    /// A periodic one came within the pause; it is out of the queue.
    TooEarly,
}

/// Requests that wait, first one first.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Request>,
}

impl Queue {
    /// Files a request. In a full queue it takes the place of a periodic one, or is dropped if there is none.
    pub fn submit(&mut self, request: Request) {
        if self.waiting.len() >= CAPACITY && self.waiting.back().is_some_and(|last| !last.periodic) {
            return;
        }
        let place = self.waiting.partition_point(|other| other.rank() <= request.rank());
        self.waiting.insert(place, request);
        self.waiting.truncate(CAPACITY);
    }

    /// Takes out what can start now; `pausing` is asked only when the answer matters.
    pub fn choose(&mut self, load: Load, pausing: impl FnOnce() -> bool) -> Choice {
        let Some(&head) = self.waiting.front() else { return Choice::Wait };
        let full = load.pending >= load.most;
        if load.triggering || load.cleaning > load.most || full && !(load.forces_savepoints && head.is_savepoint()) {
            return Choice::Wait;
        }
        let too_early = head.periodic && pausing();
        self.waiting.pop_front();
        if too_early { Choice::TooEarly } else { Choice::Start(head) }
    }

    /// Whether a checkpoint waits that tasks would be told of.
    pub fn has_checkpoint(&self) -> bool {
        self.waiting.iter().any(|request| !request.is_savepoint())
    }

    /// Nobody wants anything any more.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The interval wants nothing any more.
    pub fn drop_periodic(&mut self) {
        self.waiting.retain(|request| !request.periodic);
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.waiting.iter().map(|request| request.purpose as u64 * 2 + u64::from(request.periodic)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: Request = Request { purpose: Purpose::Checkpoint, periodic: false };
    const SAVEPOINT: Request = Request { purpose: Purpose::Savepoint, periodic: false };
    const FREE: Load = Load { triggering: false, cleaning: 0, pending: 0, most: 1, forces_savepoints: true };

    fn queue(requests: impl IntoIterator<Item = Request>) -> Queue {
        let mut queue = Queue::default();
        requests.into_iter().for_each(|request| queue.submit(request));
        queue
    }

    fn drained(mut queue: Queue) -> Vec<Request> {
        let mut all = Vec::new();
        while let Choice::Start(request) = queue.choose(FREE, || false) {
            all.push(request);
        }
        all
    }

    #[test]
    fn savepoints_then_what_somebody_asked_for_then_the_interval_and_older_first() {
        let drain = Request::of(Purpose::Drain);
        let filed = [Request::PERIODIC, CHECKPOINT, SAVEPOINT, Request::PERIODIC, drain, CHECKPOINT];
        let order = [SAVEPOINT, drain, CHECKPOINT, CHECKPOINT, Request::PERIODIC, Request::PERIODIC];
        assert_eq!(drained(queue(filed)), order);
    }

    #[test]
    fn a_full_queue_drops_a_periodic_request_or_else_the_new_one() {
        let mut full = queue(vec![Request::PERIODIC; CAPACITY]);
        full.submit(Request::PERIODIC);
        full.submit(SAVEPOINT);
        assert_eq!(full.waiting.len(), CAPACITY);
        assert_eq!(full.waiting[0], SAVEPOINT, "it took the place of a periodic one");

        let mut full = queue(vec![CHECKPOINT; CAPACITY]);
        full.submit(SAVEPOINT);
        assert_eq!(drained(full), vec![CHECKPOINT; CAPACITY], "what people asked for is not pushed out");
    }

    #[test]
    fn each_condition_alone_makes_requests_wait() {
        let wait = |load: Load| queue([CHECKPOINT]).choose(load, || false) == Choice::Wait;
        assert!(!wait(FREE));
        assert!(wait(Load { triggering: true, ..FREE }));
        assert!(wait(Load { pending: 1, ..FREE }));
        assert!(!wait(Load { cleaning: 1, ..FREE }), "as many as may be under way may be deleted");
        assert!(wait(Load { cleaning: 2, ..FREE }));
        assert_eq!(Queue::default().choose(FREE, || false), Choice::Wait);
    }

    #[test]
    fn only_forced_requests_need_no_room() {
        let full = Load { pending: 7, ..FREE };
        assert_eq!(queue([SAVEPOINT]).choose(full, || false), Choice::Start(SAVEPOINT));
        assert_eq!(queue([SAVEPOINT]).choose(Load { forces_savepoints: false, ..full }, || false), Choice::Wait);
        assert_eq!(queue([SAVEPOINT]).choose(Load { triggering: true, ..full }, || false), Choice::Wait);
        assert_eq!(queue([SAVEPOINT]).choose(Load { cleaning: 2, ..full }, || false), Choice::Wait);
    }

    #[test]
    fn the_pause_drops_the_periodic_request_and_concerns_no_other() {
        let mut waiting = queue([Request::PERIODIC, Request::PERIODIC]);
        assert_eq!(waiting.choose(FREE, || true), Choice::TooEarly);
        assert_eq!(waiting.waiting.len(), 1, "one of them");
        for request in [CHECKPOINT, SAVEPOINT] {
            assert_eq!(queue([request]).choose(FREE, || true), Choice::Start(request));
        }
        let load = Load { pending: 1, ..FREE };
        assert_eq!(queue([Request::PERIODIC]).choose(load, || true), Choice::Wait, "without room it is not asked for");
    }
}
