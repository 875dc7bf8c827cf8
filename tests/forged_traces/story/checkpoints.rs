//! What tasks save, what barriers overtake, and what becomes visible when a checkpoint is complete.

use super::*;

impl Story {
    pub fn trigger(&mut self, id: u64, purpose: u32) {
        self.tell(Event::CheckpointTriggered { checkpoint: CheckpointId(id), purpose });
    }

    /// What all tasks would save now.
    pub(super) fn save(&self, id: u64) -> Saved {
        let lines = self.lines.iter().zip(&self.plan.channels).map(|(line, planned)| {
            let (mut captured, mut queued) = (Vec::new(), Vec::new());
            for (n, buffer) in line.row.iter().enumerate() {
                let is_queued = buffer.at == At::Sender || planned.local && !(n == 0 && line.reading);
                if is_queued { &mut queued } else { &mut captured }.push(buffer.records.clone());
            }
            SavedLine { sent: line.sent, received: line.received, captured, queued }
        });
        Saved { id, lines: lines.collect(), states: self.states.clone() }
    }

    /// A task captures its state.
    pub(super) fn snapshot(&mut self, task: TaskId, saved: &Saved, overtaking: u32) {
        let checkpoint = CheckpointId(saved.id);
        let plan = Arc::clone(&self.plan);
        self.tell(Event::SnapshotStarted { task, checkpoint, overtaking });
        for channel in plan.output_channels(task) {
            let sent = saved.lines[channel.index()].sent;
            self.tell(Event::CutSent { channel, checkpoint, upto: sent.count, chain: sent.chain.0 });
        }
        for channel in plan.inputs(task) {
            let received = saved.lines[channel.index()].received;
            let (upto, chain) = (received.count, received.chain.0);
            self.tell(Event::CutReceived { channel: *channel, checkpoint, upto, chain });
        }
        let (state, operator) = (saved.states[task.index()], plan.head(task));
        let (applied, lineage) = (state.count, state.sum);
        self.tell(Event::CutState { task, operator, checkpoint, applied, lineage });
        self.tell(Event::SnapshotTaken { task, checkpoint });
    }

    /// What a snapshot holds of the inputs of a task.
    pub(super) fn tell_captured(&mut self, task: TaskId, saved: &Saved) {
        let (checkpoint, plan) = (CheckpointId(saved.id), Arc::clone(&self.plan));
        for channel in plan.inputs(task) {
            let upto = saved.lines[channel.index()].captured_upto();
            let (records, chain) = (upto.count - saved.lines[channel.index()].received.count, upto.chain.0);
            self.tell(Event::CutCaptured { channel: *channel, checkpoint, records, chain });
        }
    }

    pub(super) fn acknowledge(&mut self, task: TaskId, id: u64) {
        let (checkpoint, attempt) = (CheckpointId(id), self.attempt);
        self.tell(Event::SnapshotDurable { task, checkpoint, bytes: 1 });
        self.tell(Event::AckReceived { task, checkpoint, attempt });
    }

    /// Every task takes its part, and copies what its inputs hold.
    pub fn parts(&mut self, id: u64) -> Saved {
        let saved = self.save(id);
        for task in self.running() {
            self.snapshot(task, &saved, 0);
            self.tell_captured(task, &saved);
            self.acknowledge(task, id);
        }
        saved
    }

    /// A checkpoint whose barriers overtake all data.
    pub fn overtake(&mut self, id: u64) -> Saved {
        self.trigger(id, 0);
        let (saved, plan, checkpoint) = (self.save(id), Arc::clone(&self.plan), CheckpointId(id));
        for task in self.running() {
            for channel in plan.inputs(task) {
                self.tell(Event::CaptureBegan { channel: *channel, checkpoint });
                self.keep(channel.index(), checkpoint, |buffer, is_first| {
                    is_first || buffer.at == At::Receiver && buffer.sent
                });
            }
            for channel in plan.output_channels(task) {
                let line = &saved.lines[channel.index()];
                let (upto, chain) = (line.captured_upto().count, line.captured_upto().chain.0);
                self.overtake_output(channel.index(), checkpoint);
                let records = line.sent.count - upto;
                self.tell(Event::CutQueued { channel, checkpoint, records, chain });
                self.tell(Event::BarrierSent { channel, checkpoint });
            }
            self.snapshot(task, &saved, 1);
        }
        for channel in 0..self.lines.len() {
            while self.lines[channel].row.iter().any(|buffer| buffer.at == At::Wire) {
                let (seq, n) = self.oldest(channel, At::Wire);
                let records = self.lines[channel].row[n].records.len() as u32;
                self.arrive(channel);
                let channel = ChannelId::from(channel);
                self.tell(Event::InputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
        for task in self.running() {
            for channel in plan.inputs(task) {
                if self.ended[plan.channels[channel.index()].from.index()].is_none() {
                    self.tell(Event::BarrierReceived { task, channel: *channel, checkpoint });
                }
            }
            self.tell_captured(task, &saved);
            self.acknowledge(task, id);
        }
        saved
    }

    /// The receiver saves the buffers that it has, the one being read (with its rest) among them.
    pub(super) fn keep(&mut self, channel: usize, checkpoint: CheckpointId, is_there: impl Fn(&Buffer, bool) -> bool) {
        let line = &self.lines[channel];
        let first = line.seq - line.row.len() as u64;
        for (n, buffer) in line.row.clone().iter().enumerate() {
            if is_there(buffer, n == 0 && self.lines[channel].reading) {
                let (seq, records) = (first + n as u64, buffer.records.len() as u32);
                let channel = ChannelId::from(channel);
                self.tell(Event::InputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
    }

    /// The sender saves what its barrier passes.
    pub(super) fn overtake_output(&mut self, channel: usize, checkpoint: CheckpointId) {
        let (line, local) = (self.lines[channel].clone(), self.plan.channels[channel].local);
        let first = line.seq - line.row.len() as u64;
        for (n, buffer) in line.row.iter().enumerate() {
            if buffer.at == At::Sender || local && !(n == 0 && line.reading) {
                let (channel, seq, records) = (ChannelId::from(channel), first + n as u64, buffer.records.len() as u32);
                self.tell(Event::OutputPersisted { channel, checkpoint, seq, records, bytes: records });
            }
        }
    }

    /// A checkpoint is complete, tasks hear of it, and the sink shows what it held back.
    pub fn commit(&mut self, id: u64) {
        let checkpoint = CheckpointId(id);
        let (task, operator, transaction) = (SINK, OperatorId(2), self.transaction);
        let Total { count: records, sum: lineage, .. } = std::mem::take(&mut self.hidden);
        self.tell(Event::TransactionPrepared { task, operator, transaction, checkpoint, records, lineage });
        self.open();
        self.tell(Event::RecordStored { checkpoint });
        self.tell(Event::CheckpointCompleted { checkpoint });
        for task in self.running() {
            self.tell(Event::CompleteReceived { task, checkpoint });
        }
        self.tell(Event::TransactionCommitted { task, operator, transaction, checkpoint, records, lineage });
        self.tell(Event::OutputVisible { task: SINK, operator: OperatorId(2), checkpoint, records, lineage });
        self.visible.count += records;
        self.visible.sum = self.visible.sum.wrapping_add(lineage);
    }
}
