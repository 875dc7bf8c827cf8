//! Channel state: what barriers overtake becomes part of snapshots.
//!
//! Two ends of a channel can hold records that a checkpoint's barriers pass. The receiver copies what is queued
//! before its barrier when the checkpoint begins there, and what still arrives until the barrier does (read, if the
//! channel is local: its data live in the sender's queue). The sender copies what an overtaking barrier passes in its
//! own queue. A snapshot is durable only when both ends are done.

use super::net::{Item, Overtaken};
use super::snapshot::Snapshot;
use super::task::{Current, Mail, Status};
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, ChannelId, CheckpointId, Port, TaskId};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind, DeclineReason, TaskInput};
use crate::trace::Event;

impl World {
    /// Puts a barrier into every output, in the way that each edge allows.
    pub(super) fn send_barrier<H: Host>(&mut self, job: &Job, id: TaskId, barrier: Barrier, host: &mut H) {
        // What a sink hands to its committer comes before the barrier.
        if job.plan.sink(id).is_some() && !self.prepare_output(job, id, barrier.checkpoint, host) {
            return;
        }
        for channel in job.plan.output_channels(id) {
            self.send_barrier_on(job, channel, barrier, host);
        }
    }

    /// Puts a barrier into a channel, in the way that its edge allows.
    pub(super) fn send_barrier_on<H: Host>(&mut self, job: &Job, channel: ChannelId, barrier: Barrier, host: &mut H) {
        let planned = &job.plan.channels[channel.index()];
        let kind = match barrier.kind {
            BarrierKind::Overtaking | BarrierKind::Timeoutable if !job.plan.edges[planned.edge.index()].overtaking => {
                BarrierKind::Forced
            }
            kind => kind,
        };
        match kind {
            BarrierKind::Overtaking => {
                self.capture_output(job, planned.from, channel, barrier.checkpoint, None, host);
                self.net.send_before(job, channel, barrier, host);
            }
            BarrierKind::Timeoutable => {
                // Whoever has ended reads nothing any more: there is nothing to wait for.
                let is_read = self.tasks[planned.to.index()].status != Status::Finished;
                self.store.begin(planned.from, barrier.checkpoint).waiting.extend(is_read.then_some(channel));
                self.net.send_behind(job, channel, barrier, host);
            }
            BarrierKind::Blocking if job.has(Mutant::SavepointOvertakes) && job.protocol.needs().channel_state => {
                let barrier = Barrier { kind: BarrierKind::Overtaking, ..barrier };
                self.net.send_before(job, channel, barrier, host);
            }
            kind => self.net.send_behind(job, channel, Barrier { kind, ..barrier }, host),
        }
    }

    /// Copies what a barrier overtakes in the sender's queue: all of it, or what is before a barrier that waits there.
    fn capture_output<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        channel: ChannelId,
        checkpoint: CheckpointId,
        behind: Option<CheckpointId>,
        host: &mut H,
    ) {
        let (passed, after) = self.net.passed(job, channel, behind, host);
        let count: u32 = passed.iter().map(|(_, records, _)| records).sum();
        for (seq, records, bytes) in &passed {
            let (seq, records, bytes) = (*seq, *records, *bytes);
            host.emit(Event::OutputPersisted { channel, checkpoint, seq, records, bytes });
        }
        let ring = &self.net.rings[channel.index()];
        let from = ring.len() - after - count as usize;
        let mut chain = self.net.outs[channel.index()].chain;
        for at in (from..ring.len()).rev() {
            chain.unpush(ring.get(at).expect("it is below the length").lineage);
        }
        let copy = ring.iter().skip(from).take(count as usize).collect();
        host.emit(Event::CutQueued { channel, checkpoint, records: u64::from(count), chain: chain.0 });
        let slot = job.plan.channels[channel.index()].slot;
        if behind.is_none() {
            self.store.begin(id, checkpoint).queued.push((slot, copy));
        } else if let Some(snapshot) = self.store.get_mut(id, checkpoint) {
            // Unless the checkpoint was given up while its barrier waited.
            snapshot.queued.push((slot, copy));
        }
    }

    /// Timeoutable barriers that still wait at a task's outputs overtake the data before them.
    pub(super) fn overtake_outputs<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        for channel in job.plan.output_channels(id) {
            if self.net.waits(job, channel, checkpoint) {
                if !job.has(Mutant::LateOutputIsNotSaved) {
                    self.capture_output(job, id, channel, checkpoint, Some(checkpoint), host);
                }
                self.net.overtake_output(job, channel, checkpoint, host);
                self.barrier_left(job, channel, checkpoint, host);
            }
        }
    }

    /// A timeoutable barrier does not wait at its sender any more.
    pub(super) fn barrier_left<H: Host>(
        &mut self,
        job: &Job,
        channel: ChannelId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        let sender = job.plan.channels[channel.index()].from;
        if let Some(snapshot) = self.store.get_mut(sender, checkpoint) {
            snapshot.waiting.retain(|waiting| *waiting != channel);
            self.settle_snapshot(job, sender, checkpoint, host);
        }
    }

    /// A checkpoint copies what its barriers have not reached, at every port; or is refused.
    pub(super) fn capture_inputs<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        self.store.begin(id, checkpoint).capturing = true;
        let mut refused = false;
        for (port, channel) in job.plan.inputs(id).iter().enumerate() {
            let gate = job.plan.edges[job.plan.channels[channel.index()].edge.index()].gate;
            if gate > 0 && job.has(Mutant::OnlyTheFirstGateIsSaved) {
                break;
            }
            if self.begin_keeping(job, id, Port::from(port), checkpoint, host).is_err() {
                refused = true;
                break;
            }
        }
        if job.has(Mutant::ReadsOnBeforeSnapshot) {
            let is_last = self.tasks[id.index()].current.is_some_and(|current| current.left == 1);
            self.run(job, id, u32::from(is_last), host);
        }
        let answer = match refused {
            true => TaskInput::Refused { checkpoint },
            false => TaskInput::Capturing { checkpoint },
        };
        self.tell_task(job, id, answer, host);
    }

    fn begin_keeping<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        port: Port,
        checkpoint: CheckpointId,
        host: &mut H,
    ) -> Result<(), Overtaken> {
        let channel = job.plan.inputs(id)[port.index()];
        host.emit(Event::CaptureBegan { channel, checkpoint });
        let queued = self.net.begin_keeping(job, channel, checkpoint)?;
        let lost = |current: &Current| current.unread() == 1 && job.has(Mutant::LastOfHalfReadIsNotSaved);
        let is_saved = |current: &Current| current.channel == channel && !lost(current);
        if let Some(current) = self.tasks[id.index()].current.filter(is_saved) {
            let rest = self.net.rings[channel.index()].iter().take(current.unread() as usize);
            let bytes = rest.map(|record| record.size).sum();
            let (seq, records) = (current.seq, current.unread());
            self.copy_input(id, port, channel, checkpoint, 0, records);
            host.emit(Event::InputPersisted { channel, checkpoint, seq, records, bytes });
        }
        queued.into_iter().for_each(|seq| self.keep_buffer(id, port, channel, checkpoint, seq, host));
        Ok(())
    }

    /// A buffer that has arrived becomes part of the receiver's snapshot.
    fn keep_buffer<H: Host>(
        &mut self,
        id: TaskId,
        port: Port,
        channel: ChannelId,
        checkpoint: CheckpointId,
        seq: u64,
        host: &mut H,
    ) {
        let current = self.tasks[id.index()].current.filter(|current| current.channel == channel);
        let reading = current.map_or(0, |current| current.unread());
        let Some((offset, records, bytes)) = self.net.offset_of(channel, seq, reading) else { return };
        self.copy_input(id, port, channel, checkpoint, offset, records);
        host.emit(Event::InputPersisted { channel, checkpoint, seq, records, bytes });
    }

    /// Copies records of a channel's ring into a snapshot.
    fn copy_input(
        &mut self,
        id: TaskId,
        port: Port,
        channel: ChannelId,
        checkpoint: CheckpointId,
        offset: usize,
        records: u32,
    ) {
        let Some(snapshot) = self.store.get_mut(id, checkpoint) else { return };
        let copy = self.net.rings[channel.index()].iter().skip(offset).take(records as usize);
        snapshot.captured_at(port).extend(copy);
    }

    /// Something arrives at a remote receiver.
    pub(super) fn deliver<H: Host>(&mut self, job: &Job, channel: ChannelId, epoch: u32, host: &mut H) {
        let Some(seq) = self.net.deliver(job, channel, epoch, host) else { return };
        if let Some(checkpoint) = self.net.keep(channel, seq) {
            let planned = job.plan.channels[channel.index()];
            self.keep_buffer(planned.to, planned.port, channel, checkpoint, seq, host);
        }
    }

    /// Something was read from a local channel, which is when its receiver hears of it.
    pub(super) fn read_locally<H: Host>(&mut self, job: &Job, channel: ChannelId, item: &Item, host: &mut H) {
        let planned = job.plan.channels[channel.index()];
        match *item {
            Item::Barrier(barrier) => self.net.hear(channel, barrier.checkpoint),
            Item::Buffer { seq, records, bytes, .. } => {
                if let Some(checkpoint) = self.net.keep(channel, seq) {
                    self.copy_input(planned.to, planned.port, channel, checkpoint, 0, records);
                    host.emit(Event::InputPersisted { channel, checkpoint, seq, records, bytes });
                }
            }
            _ => {}
        }
    }

    /// A checkpoint needs nothing more of a task's inputs: it has all of them, or is given up.
    pub(super) fn end_capture_inputs<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        complete: bool,
        host: &mut H,
    ) {
        for channel in job.plan.inputs(id) {
            self.net.end_keeping(*channel, checkpoint);
        }
        if !complete && job.has(Mutant::GivenUpFreesTwice) {
            job.plan.inputs(id).iter().for_each(|channel| self.net.drop_one_floating(*channel, host));
        }
        let taken = self.store.get(id, checkpoint).is_some_and(|snapshot| snapshot.taken);
        if !complete || !taken {
            // Given up here, or it never began: it was known to be given up.
            self.give_up(id, checkpoint, host);
            return;
        }
        let Some(snapshot) = self.store.get_mut(id, checkpoint) else { return };
        snapshot.capturing = false;
        for (port, channel) in job.plan.inputs(id).iter().enumerate() {
            let (records, chain) = snapshot.captured_chain(Port::from(port));
            host.emit(Event::CutCaptured { channel: *channel, checkpoint, records, chain });
        }
        self.settle_snapshot(job, id, checkpoint, host);
    }

    /// Moves a snapshot on that may have all it waits for: its channel state is stored, then it is durable.
    pub(super) fn settle_snapshot<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        let Some(snapshot) = self.store.get_mut(id, checkpoint) else { return };
        let early = job.has(Mutant::StoredWithoutChannels);
        if snapshot.durable || !snapshot.taken || !(early || snapshot.has_channel_state()) {
            return;
        }
        let bytes = snapshot.channel_bytes();
        if bytes.0 > 0 && !std::mem::replace(&mut snapshot.channels_stored, true) {
            snapshot.uploads += 1;
            let cost = self.channel_work(job, id, bytes);
            self.upload(id, checkpoint, cost, host);
        } else if snapshot.uploads == 0 {
            self.make_durable(job, id, checkpoint, host);
        }
    }

    /// An announced barrier goes before the data that have arrived before it.
    pub(super) fn overtake_input<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        port: Port,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        let channel = job.plan.inputs(id)[port.index()];
        if self.net.overtake_input(job, channel, checkpoint, host).is_err() {
            self.fail_task(job, id, host);
        }
    }

    /// A task handles what is at its inputs and goes before data: as long as the gate had more when it gave an item.
    pub(super) fn take_urgent<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let mut more = self.net.urgent[id.index()] > 0;
        while more && self.can_handle(id) {
            more = self.take_item(job, id, host);
        }
        let interrupted = more && self.tasks[id.index()].syncing.is_some();
        (self.tasks[id.index()].hurried, self.tasks[id.index()].interrupted) = (false, interrupted);
        if self.net.urgent[id.index()] > 0 {
            // If a synchronous part began, the rest follows right after it. What is urgent only since the last item
            // was taken, or at another gate, is a message of its own.
            self.hurry(id, interrupted, host);
        }
    }

    /// Whether a task has begun to handle urgent things and goes on with them before all else.
    pub fn is_interrupted(&self, task: TaskId) -> bool {
        self.tasks[task.index()].interrupted
    }

    /// Tells a task that something urgent is at its inputs, unless it knows.
    pub(super) fn hurry<H: Host>(&mut self, id: TaskId, before_all: bool, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if !std::mem::replace(&mut task.hurried, true) {
            let at = if before_all { 0 } else { task.mailbox.len() };
            task.mailbox.insert(at, Mail::Urgent);
        }
        host.notice(Notice::Wake(id));
    }

    /// A task declines a checkpoint: what it has captured for it is dropped.
    pub(super) fn decline<H: Host>(
        &mut self,
        id: TaskId,
        checkpoint: CheckpointId,
        reason: DeclineReason,
        host: &mut H,
    ) {
        self.give_up(id, checkpoint, host);
        self.send_decline(id, checkpoint, reason, host);
    }

    /// Whether a thread may handle another input or message in the same step.
    fn can_handle(&self, id: TaskId) -> bool {
        let task = &self.tasks[id.index()];
        task.status == Status::Running && !task.is_busy()
    }

    /// The attempt that a task is in.
    pub fn attempt(&self, task: TaskId) -> Attempt {
        self.tasks[task.index()].attempt
    }
}

impl Snapshot {
    /// Nothing of a channel is still to come.
    pub(super) fn has_channel_state(&self) -> bool {
        !self.capturing && self.waiting.is_empty() && self.open.is_empty()
    }
}
