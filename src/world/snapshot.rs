//! Captured states and captured channels, from the instant of capture to deletion.

use super::backend::Part;
use super::net::{In, Out};
use super::splits::Reader;
use super::task::{Current, OperatorState, Output};
use super::{Host, Job, Notice, SnapshotWork, Step, World};
use crate::base::{Attempt, Bytes, ChannelId, CheckpointId, Port, Span, TaskId};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind, DeclineReason, Facts, Purpose, TaskInput};
use crate::scenario::WriteMishap;
use crate::trace::Event;
use crate::workload::Record;

/// All snapshots, by task, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Store {
    tasks: Vec<Vec<Snapshot>>,
    /// Emptied snapshots, to be used again.
    free: Vec<Snapshot>,
}

/// One task's part of a checkpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub id: CheckpointId,
    /// The state has been captured.
    pub taken: bool,
    /// The task had seen all of its data.
    pub last: bool,
    /// Uploads that are to end before it is durable.
    pub uploads: u32,
    pub durable: bool,
    /// The task manager has a copy.
    pub local: bool,
    /// The stored one cannot be read: not yet, or never again.
    pub hidden: bool,
    pub spoiled: bool,
    /// Inputs are being captured.
    pub capturing: bool,
    /// Outputs at which the barrier still waits.
    pub waiting: Vec<ChannelId>,
    /// The upload of channel state has begun.
    pub channels_stored: bool,
    pub position: u64,
    /// What a reader of splits knew of them.
    pub reader: Option<Reader>,
    pub operators: Vec<OperatorState>,
    pub turns: Vec<u32>,
    /// By output slot.
    pub sent: Vec<Out>,
    /// By input port.
    pub received: Vec<In>,
    /// Ports whose capture has not ended.
    pub open: Vec<Port>,
    pub captured: Vec<(Port, Vec<Record>)>,
    /// By output slot: what the barrier overtook there.
    pub queued: Vec<(u32, Vec<Record>)>,
    /// Of the state.
    pub bytes: Bytes,
    /// Of them, what is to be stored.
    pub stored: Bytes,
    /// The state is what these files say; otherwise it is copied in `operators`.
    pub shares: bool,
    pub parts: Vec<Part>,
    /// The coordinator registers the files.
    pub registers: bool,
    /// What the backend adds to the synchronous part, and to the other one.
    pub sync: Span,
    pub scan: Span,
}

impl Store {
    pub fn new(tasks: usize) -> Self {
        Self { tasks: vec![Vec::new(); tasks], free: Vec::new() }
    }

    pub fn reset(&mut self) {
        for task in 0..self.tasks.len() {
            while let Some(snapshot) = self.tasks[task].pop() {
                self.recycle(snapshot);
            }
        }
    }

    fn recycle(&mut self, mut snapshot: Snapshot) {
        (snapshot.taken, snapshot.durable) = (false, false);
        (snapshot.local, snapshot.hidden, snapshot.spoiled) = (false, false, false);
        (snapshot.capturing, snapshot.channels_stored, snapshot.uploads) = (false, false, 0);
        (snapshot.shares, snapshot.registers) = (false, false);
        snapshot.parts.clear();
        snapshot.open.clear();
        snapshot.captured.clear();
        snapshot.waiting.clear();
        snapshot.queued.clear();
        self.free.push(snapshot);
    }

    pub fn get(&self, task: TaskId, id: CheckpointId) -> Option<&Snapshot> {
        self.tasks[task.index()].iter().find(|snapshot| snapshot.id == id)
    }

    /// The newest durable one up to this, if there is one.
    pub fn newest_upto(&self, task: TaskId, id: CheckpointId) -> Option<&Snapshot> {
        self.tasks[task.index()].iter().filter(|s| s.durable && s.id <= id).max_by_key(|s| s.id)
    }

    /// The newest durable one; 0, the initial state, always is.
    pub fn newest(&self, task: TaskId) -> CheckpointId {
        self.tasks[task.index()].iter().filter(|s| s.durable).map(|s| s.id).max().unwrap_or_default()
    }

    /// The files of a task's newest durable snapshot cannot be read any more; says which that was.
    pub fn spoil_newest(&mut self, task: TaskId) -> Option<CheckpointId> {
        let id = self.newest(task);
        let snapshot = self.get_mut(task, id)?;
        snapshot.spoiled = true;
        Some(id)
    }

    /// The files of a snapshot can be read at last.
    pub fn appear(&mut self, task: TaskId, id: CheckpointId) {
        if let Some(snapshot) = self.get_mut(task, id) {
            snapshot.hidden = false;
        }
    }

    /// Copies on a task's machine are lost.
    pub fn lose_local(&mut self, task: TaskId) {
        self.tasks[task.index()].iter_mut().for_each(|snapshot| snapshot.local = false);
    }

    /// Whether a snapshot cannot be read, and if so, whether nobody ever will.
    pub fn unreadable(&self, task: TaskId, id: CheckpointId) -> Option<bool> {
        let snapshot = self.get(task, id)?;
        (!snapshot.local && (snapshot.hidden || snapshot.spoiled)).then_some(snapshot.spoiled)
    }

    pub fn get_mut(&mut self, task: TaskId, id: CheckpointId) -> Option<&mut Snapshot> {
        self.tasks[task.index()].iter_mut().find(|snapshot| snapshot.id == id)
    }

    /// The files that a task's stored snapshots need and that are registered with them.
    pub fn durable_parts(&self, task: TaskId) -> impl Iterator<Item = (CheckpointId, &Part)> {
        let stored = self.tasks[task.index()].iter().filter(|snapshot| snapshot.durable && snapshot.registers);
        stored.flat_map(|snapshot| snapshot.parts.iter().map(|part| (snapshot.id, part)))
    }

    /// The snapshot that is being made, begun if it was not.
    pub fn begin(&mut self, task: TaskId, id: CheckpointId) -> &mut Snapshot {
        let at = match self.tasks[task.index()].iter().position(|snapshot| snapshot.id == id) {
            Some(at) => at,
            None => {
                let mut fresh = self.free.pop().unwrap_or_default();
                fresh.id = id;
                self.tasks[task.index()].push(fresh);
                self.tasks[task.index()].len() - 1
            }
        };
        &mut self.tasks[task.index()][at]
    }

    /// Deletes a task's snapshots below an id.
    pub fn drop_below(&mut self, task: TaskId, keep_from: CheckpointId) -> bool {
        // What a job began with belongs to whoever saved it.
        self.drop_where(task, |snapshot| snapshot.id < keep_from && snapshot.id != CheckpointId::INITIAL)
    }

    fn drop_where(&mut self, task: TaskId, void: impl Fn(&Snapshot) -> bool) -> bool {
        let before = self.tasks[task.index()].len();
        let mut at = 0;
        while at < self.tasks[task.index()].len() {
            if void(&self.tasks[task.index()][at]) {
                let snapshot = self.tasks[task.index()].remove(at);
                self.recycle(snapshot);
            } else {
                at += 1;
            }
        }
        self.tasks[task.index()].len() < before
    }
}

impl World {
    /// Captures the state of a task at this very instant, and begins the synchronous part.
    pub(super) fn take_snapshot<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        barrier: Barrier,
        whole: bool,
        host: &mut H,
    ) {
        let Barrier { checkpoint, kind, .. } = barrier;
        let overtaking = u32::from(kind == BarrierKind::Overtaking);
        if !self.prepare_output(job, id, checkpoint, host) {
            return;
        }
        if job.has(Mutant::SavepointCommits) && barrier.purpose == Purpose::Savepoint {
            self.commit(job, id, checkpoint, host);
        }
        self.count_committables(job, id, checkpoint);
        self.tell_all_timers(job, id, host);
        host.emit(Event::SnapshotStarted { task: id, checkpoint, overtaking });
        let task = &mut self.tasks[id.index()];
        let snapshot = self.store.begin(id, checkpoint);
        (snapshot.taken, snapshot.uploads, snapshot.last) = (true, 1, task.drained);
        snapshot.local = job.scenario.storage.local;
        snapshot.position = task.source.as_ref().map_or(0, |source| source.position);
        snapshot.reader = task.source.as_ref().and_then(|source| source.reader.clone());
        snapshot.turns.clone_from(&task.turns);
        snapshot.operators.resize_with(task.operators.len(), OperatorState::default);
        let chain = &job.plan.tasks[id.index()].chain;
        for ((state, copy), operator) in task.operators.iter().zip(&mut snapshot.operators).zip(chain) {
            copy.clone_state_from(state);
            let (applied, lineage) = (state.applied, state.lineage);
            host.emit(Event::CutState { task: id, operator: *operator, checkpoint, applied, lineage });
        }
        snapshot.sent.clear();
        for channel in job.plan.output_channels(id) {
            let out = self.net.outs[channel.index()];
            snapshot.sent.push(out);
            host.emit(Event::CutSent { channel, checkpoint, upto: out.sent, chain: out.chain.0 });
        }
        snapshot.received.clear();
        for channel in job.plan.inputs(id) {
            let input = self.net.ins[channel.index()];
            snapshot.received.push(input);
            let (upto, chain) = (input.received, input.chain.0);
            host.emit(Event::CutReceived { channel: *channel, checkpoint, upto, chain });
        }
        snapshot.bytes = state_bytes(job, id, &task.operators);
        if matches!(barrier.purpose, Purpose::Suspend | Purpose::Drain) {
            task.settled = Some(checkpoint);
        }
        task.syncing = Some((checkpoint, whole));
        let attempt = task.attempt;
        self.capture_state(job, id, checkpoint, barrier.purpose, host);
        self.cut_timers(job, id, checkpoint, host);
        self.capture_reader(job, id, checkpoint, host);
        let cost = self.snapshot_work(job, id, checkpoint);
        host.notice(Notice::Sync { task: id, attempt, whole, cost });
    }

    /// What it costs to store what was captured of channels: nothing if the task's operators use no storage.
    pub(super) fn channel_work(&self, job: &Job, id: TaskId, bytes: Bytes) -> SnapshotWork {
        let chain = &job.plan.tasks[id.index()].chain;
        let stores = chain.iter().any(|op| job.scenario.job.operators[op.index()].snapshot.r#async.is_none());
        SnapshotWork { upload: stores.then_some(bytes), ..SnapshotWork::default() }
    }

    /// What a snapshot costs.
    pub(super) fn snapshot_work(&self, job: &Job, id: TaskId, checkpoint: CheckpointId) -> SnapshotWork {
        let mut work = SnapshotWork::default();
        if job.plan.sink(id).is_some_and(|(_, mode)| mode.commits()) {
            // The flush is a call, too.
            work.sync += job.scenario.external.latency * 2;
        }
        for operator in &job.plan.tasks[id.index()].chain {
            let cost = &job.scenario.job.operators[operator.index()].snapshot;
            work.sync += cost.sync;
            match cost.r#async {
                Some(fixed) => work.fixed += fixed,
                None => work.upload = Some(Bytes(0)),
            }
        }
        if let (Some(upload), Some(snapshot)) = (&mut work.upload, self.store.get(id, checkpoint)) {
            *upload = snapshot.stored;
            work.sync += snapshot.sync;
            work.fixed += snapshot.scan;
        }
        work
    }

    /// An upload is over.
    pub(super) fn uploaded<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        attempt: Attempt,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        if self.tasks[id.index()].attempt != attempt || self.is_void(id) {
            return;
        }
        let Some(snapshot) = self.store.get(id, checkpoint).filter(|snapshot| snapshot.taken) else { return };
        let whole = snapshot.uploads == 1 && snapshot.has_channel_state();
        match self.write_mishap(id, checkpoint, false, host) {
            // A file that is there, and of which nobody will ever hear.
            Some(WriteMishap::Deny) if whole => {
                self.store_snapshot(job, id, checkpoint, host);
                return self.send_decline(id, checkpoint, DeclineReason::Failed, host);
            }
            Some(WriteMishap::Fail | WriteMishap::Deny) => {
                return self.decline(id, checkpoint, DeclineReason::Failed, host);
            }
            Some(WriteMishap::Hide(by)) => {
                host.notice(Notice::Later { step: Step::Appear { task: id, checkpoint }, after: by });
                self.store.begin(id, checkpoint).hidden = true;
            }
            Some(WriteMishap::Slow(_)) | None => {}
        }
        self.store.begin(id, checkpoint).uploads -= 1;
        self.settle_snapshot(job, id, checkpoint, host);
    }

    /// An upload begins.
    pub(super) fn upload<H: Host>(&mut self, id: TaskId, checkpoint: CheckpointId, cost: SnapshotWork, host: &mut H) {
        let attempt = self.tasks[id.index()].attempt;
        let cost = match self.write_mishap(id, checkpoint, true, host) {
            Some(WriteMishap::Slow(by)) => SnapshotWork { fixed: cost.fixed + by, ..cost },
            _ => cost,
        };
        host.notice(Notice::Upload { task: id, attempt, checkpoint, cost });
    }

    /// Deletes snapshots of a task, and stops storing those that are still being stored.
    pub(super) fn discard<H: Host>(&mut self, task: TaskId, void: impl Fn(&Snapshot) -> bool, host: &mut H) {
        for snapshot in self.store.tasks[task.index()].iter().filter(|s| s.uploads > 0 && void(s)) {
            host.notice(Notice::CancelUpload { task, checkpoint: snapshot.id });
        }
        self.store.drop_where(task, void);
    }

    /// Deletes one that is given up, and older ones whose inputs are being captured: nobody ends that any more.
    pub(super) fn give_up<H: Host>(&mut self, task: TaskId, id: CheckpointId, host: &mut H) {
        self.discard(task, |s| !s.durable && (s.id == id || (s.id < id && s.capturing)), host);
    }

    /// A snapshot is in storage with all that was captured for it.
    pub(super) fn make_durable<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        if self.store_snapshot(job, id, checkpoint, host) {
            self.tell_task(job, id, TaskInput::Durable { checkpoint }, host);
        }
    }

    fn store_snapshot<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) -> bool {
        let Some(snapshot) = self.store.get_mut(id, checkpoint) else { return false };
        (snapshot.durable, snapshot.uploads) = (true, 0);
        let bytes = snapshot.stored.0 + snapshot.channel_bytes().0;
        self.store_files(job, id, checkpoint, host);
        host.emit(Event::SnapshotDurable { task: id, checkpoint, bytes });
        true
    }

    /// From now on what a task reads from a port is copied, beginning with what is left of the current buffer.
    pub(super) fn begin_capture<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        port: Port,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        let channel = job.plan.inputs(id)[port.index()];
        let task = &mut self.tasks[id.index()];
        task.capturing.push((port, checkpoint));
        let snapshot = self.store.begin(id, checkpoint);
        snapshot.open.push(port);
        let mut records = Vec::new();
        let is_saved = |current: &Current| current.channel == channel && !job.has(Mutant::MarkerForgetsHalfRead);
        if let Some(current) = task.current.filter(is_saved) {
            records.extend(self.net.rings[channel.index()].iter().take(current.unread() as usize));
            let bytes = records.iter().map(|record: &Record| record.size).sum();
            let (seq, records) = (current.seq, current.unread());
            host.emit(Event::InputPersisted { channel, checkpoint, seq, records, bytes });
        }
        snapshot.captured.push((port, records));
    }

    /// A buffer is about to be read: it belongs to every snapshot that captures its port.
    pub(super) fn capture_buffer<H: Host>(
        &mut self,
        id: TaskId,
        (port, channel): (Port, ChannelId),
        (seq, records, bytes): (u64, u32, u32),
        host: &mut H,
    ) {
        for (captured, checkpoint) in &self.tasks[id.index()].capturing {
            if *captured != port {
                continue;
            }
            let Some(snapshot) = self.store.get_mut(id, *checkpoint) else { continue };
            let (a, b) = self.net.rings[channel.index()].first(records as usize);
            let copy = snapshot.captured_at(port);
            copy.extend(a.iter().chain(b));
            host.emit(Event::InputPersisted { channel, checkpoint: *checkpoint, seq, records, bytes });
        }
    }

    /// The capture of a port is complete.
    pub(super) fn end_capture<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        port: Port,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        self.tasks[id.index()].capturing.retain(|capture| *capture != (port, checkpoint));
        let Some(snapshot) = self.store.get_mut(id, checkpoint) else { return };
        snapshot.open.retain(|open| *open != port);
        let (records, chain) = snapshot.captured_chain(port);
        let channel = job.plan.inputs(id)[port.index()];
        host.emit(Event::CutCaptured { channel, checkpoint, records, chain });
        self.settle_snapshot(job, id, checkpoint, host);
    }
}

impl Snapshot {
    /// What was captured of a port, to be added to.
    pub fn captured_at(&mut self, port: Port) -> &mut Vec<Record> {
        let at = self.captured.iter().position(|(p, _)| *p == port).unwrap_or_else(|| {
            self.captured.push((port, Vec::new()));
            self.captured.len() - 1
        });
        &mut self.captured[at].1
    }

    /// How many records of a port were captured, and the receiver's chain with them.
    pub fn captured_chain(&self, port: Port) -> (u64, u64) {
        let mut chain = self.received.get(port.index()).copied().unwrap_or_default().chain;
        let captured = self.captured.iter().find(|(p, _)| *p == port).map_or(&[][..], |(_, records)| records);
        captured.iter().for_each(|record| chain.push(record.lineage));
        (captured.len() as u64, chain.0)
    }

    /// Bytes of all records that were captured of channels.
    pub fn channel_bytes(&self) -> Bytes {
        let inputs = self.captured.iter().flat_map(|(_, records)| records);
        let outputs = self.queued.iter().flat_map(|(_, records)| records);
        Bytes(inputs.chain(outputs).map(|record| u64::from(record.size)).sum())
    }
}

impl World {
    /// How large the state of a task is.
    pub(super) fn state_bytes(&self, job: &Job, id: TaskId) -> Bytes {
        state_bytes(job, id, &self.tasks[id.index()].operators)
    }
}

fn state_bytes(job: &Job, id: TaskId, operators: &[OperatorState]) -> Bytes {
    let sizes = job.plan.tasks[id.index()].chain.iter().zip(operators).map(|(operator, state)| {
        let size = &job.scenario.job.operators[operator.index()].state;
        size.base.0 + size.per_key.0 * u64::from(state.keys) + size.per_record.0 * state.applied
    });
    Bytes(sizes.sum())
}

impl OperatorState {
    /// Takes over what belongs to the state; what the outside saw does not.
    pub(super) fn clone_state_from(&mut self, other: &Self) {
        (self.applied, self.lineage, self.keys) = (other.applied, other.lineage, other.keys);
        self.counts.clone_from(&other.counts);
        self.open = Output::default();
        self.pending.clone_from(&other.pending);
        self.heard.clone_from(&other.heard);
        self.incomplete.clone_from(&other.incomplete);
        self.batch.clear();
        self.panes.clone_from(&other.panes);
    }
}

/// What recovery plans are computed from.
pub(super) struct WorldFacts<'a> {
    pub tasks: &'a [super::task::Task],
    pub net: &'a super::net::Net,
    pub store: &'a Store,
    pub job: &'a Job,
}

impl Facts for WorldFacts<'_> {
    fn newest(&self, task: TaskId, below: Option<CheckpointId>) -> CheckpointId {
        let usable = |s: &&Snapshot| s.durable && below.is_none_or(|below| s.id < below);
        self.store.tasks[task.index()].iter().filter(usable).map(|s| s.id).max().unwrap_or_default()
    }

    fn applied(&self, task: TaskId, at: Option<CheckpointId>) -> u64 {
        match at {
            None => self.tasks[task.index()].operators[0].applied,
            Some(id) => self.store.get(task, id).map_or(0, |s| s.operators[0].applied),
        }
    }

    fn sent(&self, channel: ChannelId, at: Option<CheckpointId>) -> u64 {
        let planned = &self.job.plan.channels[channel.index()];
        match at {
            None => self.net.outs[channel.index()].sent,
            Some(id) => self.store.get(planned.from, id).map_or(0, |s| s.sent[planned.slot as usize].sent),
        }
    }

    fn received(&self, channel: ChannelId, at: Option<CheckpointId>) -> u64 {
        let planned = &self.job.plan.channels[channel.index()];
        match at {
            None => self.net.ins[channel.index()].received,
            Some(id) => self.store.get(planned.to, id).map_or(0, |s| s.received[planned.port.index()].received),
        }
    }
}
