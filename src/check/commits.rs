//! What sinks commit is never taken back, and only what is safe is committed.
//!
//! A transaction goes its way once: opened, prepared for a checkpoint, committed or aborted. With a coordinator it is
//! committed only when that checkpoint, or a newer one, is complete: before that a restore could go back behind it. (A
//! sink that writes its offsets with its output may commit at the barrier: a restore writes nothing of it again.) When a
//! new attempt has taken a producer over, transactions that older attempts had not prepared are nobody's: none is
//! prepared or committed any more. And when the job has drained, none is left over.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::scenario::SinkMode;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "commits",
    sentence: "A transaction is committed at most once, never after it was aborted or fenced, and only when no restore can undo it.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::ProducerFenced,
        EventKind::TransactionOpened,
        EventKind::TransactionPrepared,
        EventKind::TransactionCommitted,
        EventKind::TransactionAborted,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::RestorePoint,
    ]),
};

#[derive(Clone)]
pub(super) struct Commits {
    /// By task: its transactions, number 1 first.
    transactions: Vec<Vec<Seen>>,
    /// By task: so many of them, from the first, were seen to be committed or aborted.
    settled: Vec<usize>,
    newest: CheckpointId,
    savepoints: Savepoints,
    coordinated: bool,
    examined: u64,
}

/// How far a transaction has got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Open,
    /// It was open when somebody else took the producer over.
    Fenced,
    Prepared,
    Committed,
    Aborted,
}

impl Seen {
    fn is_settled(self) -> bool {
        matches!(self, Self::Committed | Self::Aborted)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Open => "was not prepared",
            Self::Fenced => "belongs to an attempt that was fenced",
            Self::Prepared => "was prepared before",
            Self::Committed => "was committed before",
            Self::Aborted => "was aborted before",
        }
    }
}

impl Commits {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self {
            transactions: vec![Vec::new(); setting.plan.tasks.len()],
            settled: vec![0; setting.plan.tasks.len()],
            newest: CheckpointId::INITIAL,
            savepoints: Savepoints::default(),
            coordinated: setting.claims.holds(Claim::Coordinated),
            examined: 0,
        }
    }

    /// A transaction gets as far as `to`, which only those may that have got as far as `from` says.
    fn advance(&mut self, task: TaskId, number: u64, to: Seen, from: &[Seen]) -> Result<(), Option<Seen>> {
        self.examined += 1;
        let known = (number as usize).checked_sub(1).and_then(|at| self.transactions[task.index()].get_mut(at));
        let Some(seen) = known else { return Err(None) };
        let before = std::mem::replace(seen, to);
        if from.contains(&before) { Ok(()) } else { Err(Some(before)) }
    }

    /// Whether what a sink committed for a checkpoint can still be undone.
    fn is_early(&self, task: TaskId, checkpoint: CheckpointId, plan: &Plan) -> bool {
        let waits = plan.sink(task).is_some_and(|(_, mode)| mode != SinkMode::Offsets);
        self.coordinated && waits && checkpoint > self.newest
    }
}

fn tell(out: &mut Findings, at: Time, plan: &Plan, task: TaskId, what: &str, text: impl FnOnce(String) -> String) {
    out.add(ABOUT.name, at, || {
        let text = text(plan.task_name(task).to_string());
        Finding::new(format!("{what} {}", head_name(plan, task)), text).task(task)
    });
}

impl Check for Commits {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::TransactionOpened { task, transaction, .. } => {
                let known = &mut self.transactions[task.index()];
                if transaction != known.len() as u64 + 1 {
                    let due = known.len() + 1;
                    tell(out, at, plan, task, "numbers of", |name| {
                        format!("{name} opens transaction {transaction} where {due} is due")
                    });
                }
                known.resize(transaction as usize, Seen::Open);
            }
            Event::ProducerFenced { task, .. } => {
                let (known, settled) = (&mut self.transactions[task.index()], &mut self.settled[task.index()]);
                let first = known[*settled..].iter().position(|seen| !seen.is_settled());
                *settled = first.map_or(known.len(), |first| *settled + first);
                let open = known[*settled..].iter_mut().filter(|seen| **seen == Seen::Open);
                open.for_each(|seen| *seen = Seen::Fenced);
            }
            Event::TransactionPrepared { task, transaction, .. } => {
                if let Err(before) = self.advance(task, transaction, Seen::Prepared, &[Seen::Open]) {
                    let was = before.map_or("was never opened", Seen::word);
                    tell(out, at, plan, task, "prepared by", |name| {
                        format!("{name} prepares transaction {transaction}, which {was}")
                    });
                }
            }
            Event::TransactionCommitted { task, transaction, checkpoint, .. } => {
                if let Err(before) = self.advance(task, transaction, Seen::Committed, &[Seen::Prepared]) {
                    let was = before.map_or("was never opened", Seen::word);
                    tell(out, at, plan, task, "committed by", |name| {
                        format!("transaction {transaction} of {name} is committed, which {was}")
                    });
                } else if self.is_early(task, checkpoint, plan) {
                    tell(out, at, plan, task, "too early", |name| {
                        format!(
                            "transaction {transaction} of {name} is committed before checkpoint {checkpoint} is complete"
                        )
                    });
                }
            }
            Event::TransactionAborted { task, transaction, .. } => {
                let from = [Seen::Open, Seen::Fenced, Seen::Prepared];
                if let Err(before) = self.advance(task, transaction, Seen::Aborted, &from) {
                    let was = before.map_or("was never opened", Seen::word);
                    tell(out, at, plan, task, "aborted by", |name| {
                        format!("transaction {transaction} of {name} is aborted, which {was}")
                    });
                }
            }
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            // Whether it may be restored is another check's business; from then on it is safe.
            Event::RestorePoint { checkpoint, live: 0, .. } => self.newest = self.newest.max(checkpoint),
            Event::CheckpointCompleted { checkpoint } if !self.savepoints.holds_plain(checkpoint) => {
                self.newest = self.newest.max(checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained {
            return;
        }
        for (task, known) in self.transactions.iter().enumerate() {
            let left = known.iter().zip(1..).find(|(seen, _)| !seen.is_settled());
            if let Some((seen, number)) = left {
                let what = if *seen == Seen::Prepared { "prepared" } else { "open" };
                tell(out, end.at, end.plan, TaskId::from(task), "left by", |name| {
                    format!("the job has drained, and transaction {number} of {name} is still {what}")
                });
            }
        }
    }

    fn reset(&mut self) {
        self.transactions.iter_mut().for_each(Vec::clear);
        self.settled.fill(0);
        self.newest = CheckpointId::INITIAL;
        self.savepoints.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        self.savepoints.fingerprint(into);
        for known in &self.transactions {
            into.words(known.iter().map(|seen| *seen as u64));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
