//! The systems that sinks write to: they keep transactions, and show their readers what is committed.
//!
//! ```text
//!            prepare (all of it is written)     commit
//!   open ────────────────────────────▶ prepared ───────▶ committed        aborted: by whoever takes the producer over,
//!     └───────────── abort ─────────────▶ ◀─── abort ───┘                 or by the system, for its age
//! ```
//!
//! A sink's subtask is a *producer*: it has one open transaction, and prepared ones that wait for their checkpoints. Each
//! new attempt takes the producer over under a higher epoch ([`Producer::fence`]): transactions that its restored state
//! knows stay prepared, everything else of older attempts is aborted, and older attempts can begin nothing. So a zombie
//! does no harm. Committing what is committed changes nothing; committing what is aborted is refused.
//!
//! A transaction's identity is its number. Besides it has a *slot*, as a pool of Kafka producers gives it one: the lowest
//! that no other transaction holds which is neither committed nor aborted.
//!
//! **Architecture invariant:** the system believes what it is told and knows no checkpoints: it only carries their
//! numbers. When to prepare and commit is decided by `commit`.

use super::task::Output;
use crate::base::{Attempt, CheckpointId, OperatorId, TaskId};
use std::collections::BTreeSet;

/// All external systems of a job, one for each sink.
#[derive(Clone, Debug, Default)]
pub(super) struct External {
    /// By task.
    pub producers: Vec<Producer>,
    /// By operator: the records that idempotent sinks have written.
    pub rows: Vec<BTreeSet<u64>>,
    /// Sinks whose system does not answer.
    pub down: Vec<OperatorId>,
    /// What waits until one answers again.
    pub waiting: Vec<Waiting>,
    /// Calls on their way, by number.
    pub flying: Vec<(u32, Call, Answer)>,
    pub calls: u32,
}

/// What waits for a system that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub operator: OperatorId,
    pub what: Deferred,
}

/// What can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deferred {
    /// A call that has arrived.
    Call(u32),
    /// The start of an attempt of a task.
    Ready(TaskId, Attempt),
    /// The end of a task.
    Finish(TaskId),
}

/// One call to commit a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// Who asks, in which attempt.
    pub from: TaskId,
    pub attempt: Attempt,
    pub of: Prepared,
    /// The checkpoint with which what is committed is shown.
    pub shown: CheckpointId,
    /// How often it was tried before.
    pub tries: u32,
}

/// What whoever asks for a commit is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is committed.
    Done,
    /// It was aborted before: what it held is lost.
    Lost,
    /// Nobody knows.
    Error,
}

/// A transaction as those who may commit it know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prepared {
    /// For which checkpoint.
    pub checkpoint: CheckpointId,
    /// Whose.
    pub producer: TaskId,
    /// Its number; 0: there was nothing to prepare.
    pub transaction: u64,
}

/// One subtask of a sink, as the external system knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Producer {
    pub epoch: u32,
    /// Number 1 first.
    pub transactions: Vec<Transaction>,
    /// So many at the beginning are over.
    over: usize,
    /// Sinks with offsets: how many records are committed.
    pub stored: u64,
    /// A write failed, and nobody has noticed.
    pub write_failed: bool,
    /// Which machine in the place of the first one it was taken over on: only an engine that fences wrongly asks.
    pub home: u32,
}

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub state: State,
    pub epoch: u32,
    /// For which checkpoint it was prepared.
    pub checkpoint: CheckpointId,
    /// What it holds, once prepared.
    pub output: Output,
    /// How many records the sink had applied with it.
    pub applied: u64,
    pub slot: u32,
    /// Whoever committed it was told that this failed.
    pub doubted: bool,
    /// It is of the job before this one, and known to its state.
    pub inherited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Prepared,
    Committed,
    Aborted,
}

impl State {
    fn is_over(self) -> bool {
        matches!(self, Self::Committed | Self::Aborted)
    }
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// It is shown from now on.
    Now,
    /// It was before.
    Before,
    /// It had been aborted.
    Never,
}

/// A transaction that was aborted is not to be written, prepared or committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

impl External {
    pub fn new(tasks: usize, operators: usize) -> Self {
        Self { producers: vec![Producer::default(); tasks], rows: vec![BTreeSet::new(); operators], ..Self::default() }
    }

    pub fn reset(&mut self) {
        for producer in &mut self.producers {
            let mut transactions = std::mem::take(&mut producer.transactions);
            transactions.clear();
            *producer = Producer { transactions, ..Producer::default() };
        }
        self.rows.iter_mut().for_each(BTreeSet::clear);
        self.down.clear();
        self.waiting.clear();
        self.flying.clear();
        self.calls = 0;
    }

    pub fn is_down(&self, operator: OperatorId) -> bool {
        self.down.contains(&operator)
    }

    /// Something waits until a system answers again.
    pub fn wait(&mut self, operator: OperatorId, what: Deferred) {
        let waiting = Waiting { operator, what };
        if !self.waiting.contains(&waiting) {
            self.waiting.push(waiting);
        }
    }

    /// A call is sent; says under which number.
    pub fn send(&mut self, call: Call) -> u32 {
        self.calls += 1;
        self.flying.push((self.calls, call, Answer::Done));
        self.calls
    }

    /// The call of a number.
    pub fn call(&self, number: u32) -> Option<Call> {
        self.flying.iter().find(|(of, ..)| *of == number).map(|(_, call, _)| *call)
    }

    /// The answer to a call is sent.
    pub fn answer(&mut self, number: u32, answer: Answer) {
        if let Some(call) = self.flying.iter_mut().find(|(of, ..)| *of == number) {
            call.2 = answer;
        }
    }

    /// The answer to a call has arrived.
    pub fn answered(&mut self, number: u32) -> Option<(Call, Answer)> {
        let at = self.flying.iter().position(|(of, ..)| *of == number)?;
        let (_, call, answer) = self.flying.swap_remove(at);
        Some((call, answer))
    }
}

impl Producer {
    /// Begins a transaction; refused if somebody else has taken the producer over.
    pub fn open(&mut self, epoch: u32) -> Result<u64, Refused> {
        if epoch < self.epoch {
            return Err(Refused);
        }
        let held = |slot: &u32| self.live().any(|(_, t)| t.slot == *slot);
        let slot = (0..).find(|slot| !held(slot)).expect("there are enough numbers");
        self.transactions.push(Transaction {
            state: State::Open,
            epoch,
            checkpoint: CheckpointId::INITIAL,
            output: Output::default(),
            applied: 0,
            slot,
            doubted: false,
            inherited: false,
        });
        Ok(self.transactions.len() as u64)
    }

    /// The transactions that are neither committed nor aborted, with their numbers, oldest first.
    pub fn live(&self) -> impl Iterator<Item = (u64, &Transaction)> {
        let all = self.transactions.iter().zip(1..).skip(self.over);
        all.filter(|(t, _)| !t.state.is_over()).map(|(t, number)| (number, t))
    }

    /// Forgets to look at the oldest as long as they are over.
    fn settle(&mut self) {
        while self.transactions.get(self.over).is_some_and(|t| t.state.is_over()) {
            self.over += 1;
        }
    }

    pub fn get(&self, number: u64) -> Option<&Transaction> {
        self.transactions.get((number as usize).checked_sub(1)?)
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut Transaction> {
        self.transactions.get_mut((number as usize).checked_sub(1)?)
    }

    /// All of a transaction is written; it can be committed from now on.
    pub fn prepare(
        &mut self,
        number: u64,
        checkpoint: CheckpointId,
        output: Output,
        applied: u64,
    ) -> Result<(), Refused> {
        match self.get_mut(number) {
            Some(transaction) if transaction.state == State::Open => {
                *transaction = Transaction { state: State::Prepared, checkpoint, output, applied, ..*transaction };
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    /// Commits a transaction.
    pub fn commit(&mut self, number: u64) -> Committed {
        let Some(transaction) = self.get_mut(number) else { return Committed::Never };
        match transaction.state {
            State::Committed => Committed::Before,
            State::Aborted => Committed::Never,
            State::Open | State::Prepared => {
                transaction.state = State::Committed;
                let applied = transaction.applied;
                self.stored = self.stored.max(applied);
                self.settle();
                Committed::Now
            }
        }
    }

    /// A prepared transaction was handed down by a job before this one.
    pub fn inherit(&mut self, number: u64) {
        self.get_mut(number).iter_mut().for_each(|transaction| transaction.inherited = true);
    }

    /// Aborts a transaction, unless it is over; says whether.
    pub fn abort(&mut self, number: u64) -> bool {
        let Some(transaction) = self.get_mut(number).filter(|t| !t.state.is_over()) else { return false };
        transaction.state = State::Aborted;
        self.settle();
        true
    }

    /// A new attempt takes the producer over: transactions prepared for checkpoints up to the one that it was restored
    /// to are known to somebody; all others that are not over are to be aborted, and so is what was prepared because the
    /// job was to end. Says which these are.
    pub fn fence(&mut self, restored: CheckpointId) -> Vec<u64> {
        self.epoch += 1;
        self.write_failed = false;
        let in_state = CheckpointId::INITIAL.next()..=restored;
        let is_known =
            |t: &Transaction| t.state == State::Prepared && (t.inherited || in_state.contains(&t.checkpoint));
        self.live().filter(|(_, t)| !is_known(t)).map(|(number, _)| number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Output = Output { records: 1, lineage: 7 };

    fn prepared(producer: &mut Producer, checkpoint: u64) -> u64 {
        let number = producer.open(producer.epoch).expect("its epoch is the newest");
        producer.prepare(number, CheckpointId(checkpoint), ONE, 1).expect("it is open");
        number
    }

    #[test]
    fn a_transaction_is_committed_once_and_never_after_it_was_aborted() {
        let mut producer = Producer::default();
        let (one, two) = (prepared(&mut producer, 1), prepared(&mut producer, 2));
        assert_eq!((producer.commit(one), producer.commit(one)), (Committed::Now, Committed::Before));
        assert!(!producer.abort(one), "what is committed stays so");
        assert!(producer.abort(two));
        assert_eq!(producer.commit(two), Committed::Never);
        assert_eq!(producer.prepare(two, CheckpointId(3), ONE, 2), Err(Refused));
    }

    #[test]
    fn whoever_takes_over_keeps_what_its_state_knows_and_fences_the_rest() {
        let mut producer = Producer::default();
        let (known, newer) = (prepared(&mut producer, 1), prepared(&mut producer, 2));
        let open = producer.open(0).expect("nobody has taken over");
        assert_eq!(producer.fence(CheckpointId(1)), [newer, open]);
        assert_eq!(producer.open(0), Err(Refused), "a zombie begins nothing");
        assert_eq!(producer.commit(known), Committed::Now);
    }

    #[test]
    fn a_slot_is_free_when_its_transaction_is_over() {
        let mut producer = Producer::default();
        let one = prepared(&mut producer, 1);
        let two = prepared(&mut producer, 2);
        producer.commit(one);
        let three = producer.open(0).expect("nobody has taken over");
        let slots = [one, two, three].map(|number| producer.get(number).map(|t| t.slot));
        assert_eq!(slots, [Some(0), Some(1), Some(0)]);
    }
}
