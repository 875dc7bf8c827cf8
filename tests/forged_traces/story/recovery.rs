//! Transactions that begin and are aborted, tasks that end, and the way back to a checkpoint.

use super::*;

impl Story {
    /// The sink begins a transaction.
    pub(super) fn open(&mut self) {
        self.transaction += 1;
        let transaction = self.transaction;
        self.tell(Event::TransactionOpened { task: SINK, operator: OperatorId(2), transaction });
    }

    /// The transaction that the sink has open is aborted.
    pub(super) fn abort(&mut self) {
        let transaction = self.transaction;
        self.tell(Event::TransactionAborted { task: SINK, operator: OperatorId(2), transaction, late: 0 });
    }

    /// A task ends: all it did is in this checkpoint.
    pub fn finish(&mut self, task: u32, last: u64) {
        let task = TaskId(task);
        self.tell(Event::TaskDrained { task });
        if task == SINK {
            self.abort();
        }
        self.tell(Event::TaskFinished { task });
        self.ended[task.index()] = Some(last);
    }

    /// A count fails, and everybody goes back.
    pub fn recover(&mut self, saved: Saved) {
        let failed = TaskId(3);
        let before = self.states.clone();
        self.tell(Event::TaskFailed { task: failed, attempt: self.attempt });
        for task in self.running().into_iter().filter(|task| *task != failed) {
            self.tell(Event::TaskCancelled { task, attempt: self.attempt });
        }
        self.attempt.0 += 1;
        self.tell(Event::JobRestarting { task: failed, attempt: self.attempt });
        let plan = Arc::clone(&self.plan);
        for task in plan.task_ids() {
            let ended = self.ended[task.index()];
            let checkpoint = CheckpointId(ended.unwrap_or(saved.id));
            self.tell(Event::RestorePoint { task, checkpoint, live: if ended.is_some() { 2 } else { 0 } });
        }
        for (index, line) in saved.lines.into_iter().enumerate() {
            self.restore_channel(index, line);
        }
        (self.states, self.hidden) = (saved.states, Total::default());
        for task in plan.task_ids() {
            let (state, operator) = (self.states[task.index()], plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            self.tell(Event::StateRestored { task, operator, applied, lineage });
            if plan.is_source(task) {
                let from = before[task.index()].count;
                self.tell(Event::SourceRewound { task, position: applied, from });
            }
            if self.ended[task.index()].is_some() {
                self.tell(Event::TaskFinished { task });
            }
        }
        self.start(CheckpointId(saved.id));
        self.tell(Event::ProducerFenced { task: SINK, operator: OperatorId(2), epoch: self.attempt.0 });
        self.abort();
        self.open();
    }

    pub(super) fn restore_channel(&mut self, index: usize, saved: SavedLine) {
        let row = std::mem::take(&mut self.lines[index].row);
        row.iter().for_each(|buffer| self.give_back(index, buffer));
        let (channel, sent, received) = (ChannelId::from(index), saved.sent, saved.received);
        let seq = self.lines[index].seq;
        self.lines[index] = Line { sent: received, received, seq, ..Line::default() };
        self.tell(Event::ChannelRestored {
            channel,
            sent: sent.count,
            sent_chain: sent.chain.0,
            received: received.count,
            received_chain: received.chain.0,
        });
        for (part, at) in [(saved.captured, At::Receiver), (saved.queued, At::Sender)] {
            let records = part.iter().map(|records| records.len() as u64).sum();
            if records == 0 {
                continue;
            }
            self.tell(Event::ChannelReplayed { channel, records });
            for records in part.into_iter().filter(|records| !records.is_empty()) {
                self.put(index, records, false);
                if at == At::Receiver {
                    self.lines[index].row.last_mut().expect("it was just put there").at = at;
                }
            }
        }
    }
}
