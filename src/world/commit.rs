//! Sinks and their transactions: preparing at the barrier, committing on completion, taking over after a restore.
//!
//! | output | at the barrier | when the checkpoint completes |
//! |---|---|---|
//! | two-phase | prepare, begin the next transaction | the sink commits all it has prepared for it and for earlier ones |
//! | committables | prepare, hand the transaction to the committer, begin the next | the committer commits |
//! | offsets | prepare and commit at once, with the number of records applied; begin the next | nothing |
//!
//! Preparing is part of the snapshot: if the system does not answer, has aborted the transaction, or lost a write of it,
//! the task fails, and nothing is lost: the records come again. Commits are calls made by the task's thread, which waits
//! for the answer ([`World::go_on_calling`]). An error means that nobody knows: a sink fails, and asks again after the
//! restore; a committer asks again at once, some times. If the system has aborted the transaction for its age, what it
//! held is lost for good, and the sink's `on_expired` says whether it goes on.
//!
//! A system that does not answer at all is waited for: by calls, and by tasks that are to start.

use super::external::{Answer, Call, Committed, Deferred, Prepared, State, Transaction};
use super::task::{Last, Output, Status};
use super::{Host, Job, Notice, Step, World};
use crate::base::{CheckpointId, OperatorId, Span, TaskId, mix};
use crate::fault::Mutant;
use crate::scenario::{ExternalMishap, OnExpired, SinkMode};
use crate::trace::Event;

/// So often a committer asks again before it gives up, as in Flink.
const RETRIES: u32 = 10;

impl World {
    /// A barrier: what the task's sink has written since the last one becomes a prepared transaction. False: the task
    /// has failed over it.
    pub(super) fn prepare_output<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) -> bool {
        if job.plan.sink(id).is_some_and(|(_, mode)| mode == SinkMode::Idempotent) {
            self.report_output(job, id, host);
        }
        let Some((operator, mode)) = job.plan.sink(id).filter(|(_, mode)| mode.commits()) else { return true };
        if self.tasks[id.index()].prepared_for.replace(checkpoint) == Some(checkpoint) {
            return true;
        }
        let Ok(prepared) = self.prepare_open(job, id, checkpoint, host) else {
            self.fail_task(job, id, host);
            return false;
        };
        match mode {
            SinkMode::Committables => self.hand_on(job, id, checkpoint, prepared, host),
            SinkMode::TwoPhase => self.sink_state(id).pending.extend(prepared),
            _ => {}
        }
        if let (SinkMode::Offsets, Some(of)) = (mode, prepared) {
            let attempt = self.tasks[id.index()].attempt;
            let call = Call { from: id, attempt, of, shown: checkpoint, tries: 0 };
            if self.external.is_down(operator) || self.perform(job, &call, host) == Answer::Error {
                self.fail_task(job, id, host);
                return false;
            }
        }
        true
    }

    /// An idempotent sink writes its rows; those that are there change nothing.
    pub(super) fn write_rows(&mut self, job: &Job, id: TaskId) {
        let task = &mut self.tasks[id.index()];
        let attempt = u64::from(task.attempt.0);
        let Some(state) = task.operators.last_mut().filter(|state| !state.batch.is_empty()) else { return };
        let Some((operator, _)) = job.plan.sink(id) else { return };
        let by_attempt = job.has(Mutant::RowsByAttempt);
        for lineage in std::mem::take(&mut state.batch) {
            // What a record's row is must depend on nothing but the record.
            let row = if by_attempt { mix(lineage ^ attempt) } else { lineage };
            if self.external.rows[operator.index()].insert(row) {
                state.show(Output { records: 1, lineage });
            }
        }
    }

    /// Prepares what is open, if it holds anything, and begins the next transaction. An error: that failed.
    fn prepare_open<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) -> Result<Option<Prepared>, ()> {
        let Some((operator, _)) = job.plan.sink(id) else { return Ok(None) };
        let (open, transaction) = (self.sink_state(id).open, self.tasks[id.index()].transaction);
        if open.records == 0 {
            return Ok(None);
        }
        if std::mem::take(&mut self.external.producers[id.index()].write_failed) {
            if !job.has(Mutant::FlushIgnoresErrors) {
                return Err(());
            }
            self.sink_state(id).open = Output::default();
            return Ok(None);
        }
        if self.external.is_down(operator) {
            return Err(());
        }
        let applied = self.sink_state(id).applied;
        let producer = &mut self.external.producers[id.index()];
        if producer.prepare(transaction, checkpoint, open, applied).is_err() {
            self.refuse(id, operator, transaction, host);
            return Err(());
        }
        let Output { records, lineage } = std::mem::take(&mut self.sink_state(id).open);
        host.emit(Event::TransactionPrepared { task: id, operator, transaction, checkpoint, records, lineage });
        self.open_transaction(job, id, operator, host);
        Ok(Some(Prepared { checkpoint, producer: id, transaction }))
    }

    /// The system refuses to write to a transaction, or to prepare it.
    pub(super) fn refuse<H: Host>(&mut self, task: TaskId, operator: OperatorId, transaction: u64, host: &mut H) {
        let (checkpoint, records, lineage) = (CheckpointId::INITIAL, 0, 0);
        host.emit(Event::TransactionRefused { task, operator, transaction, checkpoint, records, lineage });
    }

    fn open_transaction<H: Host>(&mut self, job: &Job, id: TaskId, operator: OperatorId, host: &mut H) {
        let (task, producer) = (&mut self.tasks[id.index()], &mut self.external.producers[id.index()]);
        let Ok(transaction) = producer.open(task.epoch) else { return };
        task.transaction = transaction;
        host.emit(Event::TransactionOpened { task: id, operator, transaction });
        self.await_expiry(job, id, operator, transaction, host);
    }

    fn await_expiry<H: Host>(&self, job: &Job, task: TaskId, operator: OperatorId, transaction: u64, host: &mut H) {
        if let Some(after) = job.scenario.job.operators[operator.index()].transactions.timeout {
            host.notice(Notice::Later { step: Step::Expire { task, transaction }, after });
        }
    }

    /// A sink can begin only when its external system answers.
    pub(super) fn waits_to_begin(&mut self, job: &Job, id: TaskId) -> bool {
        let sink = job.plan.sink(id).filter(|(operator, mode)| mode.commits() && self.external.is_down(*operator));
        if let Some((operator, _)) = sink {
            let attempt = self.tasks[id.index()].attempt;
            self.external.wait(operator, Deferred::Ready(id, attempt));
        }
        sink.is_some()
    }

    /// A sink begins an attempt: it takes its producer over.
    pub(super) fn take_producer<H: Host>(&mut self, job: &Job, id: TaskId, restored: CheckpointId, host: &mut H) {
        let Some((operator, mode)) = job.plan.sink(id).filter(|(_, mode)| mode.commits()) else { return };
        self.recover_by_slot(job, id, restored, host);
        let home = self.damage.machine(job.plan.tasks[id.index()].manager).silence;
        let producer = &mut self.external.producers[id.index()];
        let moved = std::mem::replace(&mut producer.home, home) != home;
        if self.tasks[id.index()].attempt.0 > 0 {
            let fences = !(moved && job.has(Mutant::FenceByPlace));
            let unknown = if fences { producer.fence(restored) } else { Vec::new() };
            let epoch = producer.epoch;
            host.emit(Event::ProducerFenced { task: id, operator, epoch });
            for transaction in unknown {
                if !job.has(Mutant::RestoreAbortsNothing) && self.external.producers[id.index()].abort(transaction) {
                    host.emit(Event::TransactionAborted { task: id, operator, transaction, late: 0 });
                }
            }
        }
        let producer = &self.external.producers[id.index()];
        let (epoch, mut stored) = (producer.epoch, producer.stored);
        if job.has(Mutant::OffsetsOfLastRecord) && self.tasks[id.index()].attempt.0 > 0 {
            stored = stored.saturating_sub(1);
        }
        if job.has(Mutant::OffsetsAtWrite) {
            stored = stored.max(self.tasks[id.index()].written);
        }
        if job.has(Mutant::OffsetsIgnored) || mode != SinkMode::Offsets {
            stored = 0;
        }
        self.sink_state(id).stored = stored;
        self.tasks[id.index()].epoch = epoch;
        self.open_transaction(job, id, operator, host);
    }

    /// An engine that addresses transactions by the slot they had commits whatever is in it now.
    fn recover_by_slot<H: Host>(&mut self, job: &Job, id: TaskId, restored: CheckpointId, host: &mut H) {
        if !job.has(Mutant::SlotFreedAtCommit) {
            return;
        }
        let due: Vec<Prepared> =
            self.sink_state(id).pending.iter().filter(|p| p.checkpoint <= restored).copied().collect();
        for of in due {
            let producer = &self.external.producers[id.index()];
            let slot = producer.get(of.transaction).map(|t| t.slot);
            let Some((now, _)) = producer.live().filter(|(_, t)| Some(t.slot) == slot).last() else { continue };
            let call =
                Call { from: id, of: Prepared { transaction: now, ..of }, shown: of.checkpoint, ..Call::default() };
            self.perform(job, &call, host);
        }
    }

    /// A task loses what it has: what it wrote and never prepared stays outside, until somebody aborts it.
    pub(super) fn leave_open(&mut self, job: &Job, id: TaskId) {
        if job.plan.sink(id).is_some_and(|(_, mode)| mode.commits()) {
            let (open, applied) = (self.sink_state(id).open, self.sink_state(id).applied);
            let task = &mut self.tasks[id.index()];
            task.written = task.written.max(applied);
            let left = self.external.producers[id.index()].get_mut(task.transaction);
            if let Some(transaction) = left.filter(|transaction| transaction.state == State::Open) {
                transaction.output = open;
            }
        }
    }

    /// Commits what is prepared for checkpoints up to this one.
    pub(super) fn commit<H: Host>(&mut self, job: &Job, id: TaskId, upto: CheckpointId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        let attempt = task.attempt;
        let Some(state) = task.operators.last_mut().filter(|state| !state.pending.is_empty()) else { return };
        let ended = task.ended_ports > 0 && job.has(Mutant::EndCommitsAll);
        let lone = job.has(Mutant::CommitsOnlyThat);
        let upto = if job.has(Mutant::CommitsOneTooMany) { upto.next() } else { upto };
        let incomplete = &state.incomplete;
        let is_due = |of: &Prepared| {
            let in_time = if lone { of.checkpoint == upto } else { of.checkpoint <= upto };
            (in_time || ended) && !incomplete.contains(&of.checkpoint)
        };
        let mut due: Vec<Prepared> = state.pending.iter().filter(|of| is_due(of)).copied().collect();
        state.pending.retain(|of| !is_due(of));
        due.sort_by_key(|of| of.checkpoint);
        if job.has(Mutant::BufferByReference)
            && let Some(last) = due.last()
            && let Some(transaction) = self.external.producers[last.producer.index()].get_mut(last.transaction)
            && transaction.state == State::Prepared
            && last.producer == id
        {
            transaction.output.add(std::mem::take(&mut state.open));
        }
        let call = |of: Prepared| Call { from: id, attempt, of, shown: of.checkpoint, tries: 0 };
        task.calls.extend(due.into_iter().map(call));
        self.go_on_calling(job, id, host);
    }

    /// A task makes the calls it has to make, one after the other.
    pub(super) fn go_on_calling<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        while !self.tasks[id.index()].calling && !self.tasks[id.index()].calls.is_empty() {
            let call = self.tasks[id.index()].calls.remove(0);
            let latency = job.scenario.external.latency;
            if latency == Span::ZERO && !self.external.is_down(sink_of(job, &call)) {
                let answer = self.perform(job, &call, host);
                self.settle_call(job, call, answer, host);
            } else {
                self.tasks[id.index()].calling = true;
                let step = Step::Call(self.external.send(call));
                host.notice(Notice::Later { step, after: latency });
            }
        }
        let is_void = self.is_void(id);
        let task = &mut self.tasks[id.index()];
        if is_void || task.calling {
            return;
        }
        match task.ends_after_calls.take() {
            Some(Last::End) => self.end_task(job, id, host),
            Some(Last::Finish) => self.finish_task(job, id, host),
            None => {}
        }
    }

    /// A call arrives at the external system; who sent it may be gone.
    pub(super) fn call_arrives<H: Host>(&mut self, job: &Job, number: u32, host: &mut H) {
        let Some(call) = self.external.call(number).filter(|_| !self.ended) else { return };
        let operator = sink_of(job, &call);
        if self.external.is_down(operator) {
            return self.external.wait(operator, Deferred::Call(number));
        }
        let answer = self.perform(job, &call, host);
        self.external.answer(number, answer);
        host.notice(Notice::Later { step: Step::Reply(number), after: job.scenario.external.latency });
    }

    /// The answer to a call arrives.
    pub(super) fn reply_arrives<H: Host>(&mut self, job: &Job, number: u32, host: &mut H) {
        let Some((call, answer)) = self.external.answered(number) else { return };
        let id = call.from;
        if self.ended || self.tasks[id.index()].attempt != call.attempt || self.is_void(id) {
            return;
        }
        self.tasks[id.index()].calling = false;
        self.settle_call(job, call, answer, host);
        self.go_on_calling(job, id, host);
        host.notice(Notice::Wake(id));
    }

    /// What a task does with an answer.
    fn settle_call<H: Host>(&mut self, job: &Job, call: Call, answer: Answer, host: &mut H) {
        let id = call.from;
        let on_expired = job.scenario.job.operators[sink_of(job, &call).index()].transactions.on_expired;
        match answer {
            Answer::Error if job.plan.is_committer(id) && call.tries < RETRIES => {
                let again = Call { tries: call.tries + 1, ..call };
                self.tasks[id.index()].calls.insert(0, again);
            }
            Answer::Lost if on_expired == OnExpired::Lose => {}
            Answer::Error | Answer::Lost => {
                self.tasks[id.index()].calls.clear();
                self.fail_task(job, id, host);
            }
            Answer::Done => {}
        }
    }

    /// The external system does what a call asks for, unless a fault hits it.
    pub(super) fn perform<H: Host>(&mut self, job: &Job, call: &Call, host: &mut H) -> Answer {
        let Prepared { producer: task, transaction, .. } = call.of;
        let operator = sink_of(job, call);
        let mishap = self.call_mishap(operator, host);
        if mishap == Some(ExternalMishap::LoseCommit) {
            host.emit(Event::CommitFailed { task: call.from, transaction });
            return Answer::Error;
        }
        let answer = match self.external.producers[task.index()].commit(transaction) {
            Committed::Now => self.show(job, call, host),
            Committed::Before => self.committed_before(job, call, host),
            Committed::Never => {
                let known = self.external.producers[task.index()].get(transaction);
                let (checkpoint, Output { records, lineage }) =
                    known.map_or_else(Default::default, |t| (t.checkpoint, t.output));
                host.emit(Event::TransactionRefused { task, operator, transaction, checkpoint, records, lineage });
                Answer::Lost
            }
        };
        if mishap == Some(ExternalMishap::LoseReply) {
            if let Some(transaction) = self.external.producers[task.index()].get_mut(transaction) {
                transaction.doubted = true;
            }
            host.emit(Event::CommitFailed { task: call.from, transaction });
            return Answer::Error;
        }
        answer
    }

    /// A transaction was committed, and is committed again: nothing changes.
    fn committed_before<H: Host>(&mut self, job: &Job, call: &Call, host: &mut H) -> Answer {
        let Prepared { producer, transaction, .. } = call.of;
        let known = self.external.producers[producer.index()].get_mut(transaction);
        let doubted = known.is_some_and(|transaction| std::mem::take(&mut transaction.doubted));
        if doubted && job.has(Mutant::CommitsAgain) {
            return self.show(job, call, host);
        }
        Answer::Done
    }

    /// What a transaction holds can be seen from now on.
    fn show<H: Host>(&mut self, job: &Job, call: &Call, host: &mut H) -> Answer {
        let Prepared { producer: task, transaction, .. } = call.of;
        let operator = sink_of(job, call);
        let Some(known) = self.external.producers[task.index()].get(transaction) else { return Answer::Done };
        let (Output { records, lineage }, checkpoint) = (known.output, call.shown);
        self.sink_state(task).visible.add(Output { records, lineage });
        host.emit(Event::TransactionCommitted { task, operator, transaction, checkpoint, records, lineage });
        host.emit(Event::OutputVisible { task, operator, checkpoint, records, lineage });
        Answer::Done
    }

    /// A transaction reaches its timeout. One that holds nothing is unknown to the system, and begins anew.
    pub(super) fn expire<H: Host>(&mut self, job: &Job, id: TaskId, transaction: u64, host: &mut H) {
        let Some((operator, _)) = job.plan.sink(id).filter(|_| !self.ended) else { return };
        let Some(known) = self.external.producers[id.index()].get(transaction) else { return };
        let task = &self.tasks[id.index()];
        let is_current = task.transaction == transaction && !matches!(task.status, Status::Dead | Status::Finished);
        if known.state == State::Open && is_current && self.sink_state(id).open.records == 0 {
            return self.await_expiry(job, id, operator, transaction, host);
        }
        if self.external.producers[id.index()].abort(transaction) {
            host.emit(Event::TransactionAborted { task: id, operator, transaction, late: 1 });
        }
    }

    /// A task ends: its sink closes the transaction that it has begun.
    pub(super) fn close_output<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some((operator, _)) = job.plan.sink(id).filter(|(_, mode)| mode.commits()) else { return };
        let transaction = self.tasks[id.index()].transaction;
        if self.external.producers[id.index()].abort(transaction) {
            host.emit(Event::TransactionAborted { task: id, operator, transaction, late: 0 });
        }
    }

    /// A job without checkpoints ends: what sinks hold back is committed now. False: the task has failed over it, or
    /// waits for the external system.
    pub(super) fn commit_rest<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) -> bool {
        if let Some((operator, mode)) = job.plan.sink(id).filter(|(_, mode)| mode.commits()) {
            if self.external.is_down(operator) {
                self.external.wait(operator, Deferred::Finish(id));
                return false;
            }
            if mode == SinkMode::Offsets || self.tasks[id.index()].operators.last().is_some_and(|s| s.open.records > 0)
            {
                let Ok(prepared) = self.prepare_open(job, id, CheckpointId::INITIAL, host) else {
                    self.fail_task(job, id, host);
                    return false;
                };
                self.sink_state(id).pending.extend(prepared);
            }
            if mode == SinkMode::Committables {
                // The committer may have ended, and may not have heard of all.
                let live = self.external.producers[id.index()].live().filter(|(_, t)| t.state == State::Prepared);
                let prepared = |(transaction, t): (u64, &Transaction)| Prepared {
                    checkpoint: t.checkpoint,
                    producer: id,
                    transaction,
                };
                self.tasks[id.index()].operators.last_mut().expect("it is a sink").pending =
                    live.map(prepared).collect();
            }
        }
        let attempt = self.tasks[id.index()].attempt;
        for of in std::mem::take(&mut self.sink_state(id).pending) {
            let call = Call { from: id, attempt, of, shown: CheckpointId::INITIAL, tries: 0 };
            // Errors are faults of a finite plan.
            while self.perform(job, &call, host) == Answer::Error {}
        }
        true
    }

    /// What a task's sink, or committer, has: it is the last of the chain.
    pub(super) fn sink_state(&mut self, id: TaskId) -> &mut super::task::OperatorState {
        self.tasks[id.index()].operators.last_mut().expect("a task runs an operator")
    }
}

/// The sink whose transaction a call is about.
fn sink_of(job: &Job, call: &Call) -> OperatorId {
    job.plan.sink(call.of.producer).expect("only sinks have transactions").0
}
