//! Failures, restarts, and executing a recovery plan.
//!
//! A failure stops every task at once. Protocols that restart the whole job lose them all; others keep the
//! tasks that did not fail standing still until the restart. What is on its way to the coordinator still
//! arrives: a checkpoint acknowledged by everybody before the failure may complete before the restart. Then
//! the coordinator role makes the plan, and the world executes it task by task, channel by channel.

use super::backend::Load;
use super::external::Deferred;
use super::net::{Held, In, Item, Out};
use super::restart::Restarts;
use super::task::{Last, Mail, Status};
use super::timers::Which;
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, ChannelId, CheckpointId, TaskId};
use crate::fault::Mutant;
use crate::protocol::{ChannelPlan, CoordinatorInput, RecoveryPlan, RestorePoint, TaskInput};
use crate::scenario;
use crate::trace::Event;
use crate::workload::Record;

/// The state of failing and restarting.
#[derive(Clone, Debug, Default)]
pub(super) struct Failover {
    /// The job, or part of it, waits for its restart.
    pub down: bool,
    /// Tasks that are dead, as far as the coordinator knows.
    pub failed: Vec<TaskId>,
    pub restarts: Restarts,
    /// The whole job goes back, with all that belongs to it.
    pub global: bool,
    /// Tasks that have not said they are ready.
    pub starting: u32,
    /// The step that restarts the job is still to come.
    pub awaits_restart: bool,
    /// So many such steps are void.
    pub void_restarts: u32,
    /// The time for the restart has come; it may wait for machines.
    pub due: bool,
    /// It does, and that has been told.
    awaits_machines: bool,
}

impl Failover {
    /// For a new run.
    pub fn reset(&mut self) {
        (self.down, self.starting, self.global) = (false, 0, false);
        (self.awaits_restart, self.void_restarts) = (false, 0);
        (self.due, self.awaits_machines) = (false, false);
        self.failed.clear();
        self.restarts.reset();
    }
}

impl World {
    /// A thread stops, and what it had in memory is lost. Nobody is told.
    pub(super) fn kill_task<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        host.emit(Event::TaskFailed { task: id, attempt: task.attempt });
        task.status = Status::Dead;
        self.discard(id, |snapshot| !snapshot.durable, host);
        host.notice(Notice::Wake(id));
    }

    /// A task is stopped because of a failure elsewhere. Even one that has ended is needed again if the others go back
    /// behind its end.
    pub(super) fn cancel_task<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.status != Status::Dead {
            self.finished -= u32::from(task.status == Status::Finished);
            host.emit(Event::TaskCancelled { task: id, attempt: task.attempt });
            task.status = Status::Dead;
            self.discard(id, |snapshot| !snapshot.durable, host);
            host.notice(Notice::Wake(id));
        }
        if !self.failover.failed.contains(&id) {
            self.failover.failed.push(id);
        }
        self.reader_failed(id, host);
    }

    /// The coordinator hears that a task is dead.
    pub(super) fn noticed<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.ended || self.coordinator.lost {
            // Whoever takes over restarts every task.
            return;
        }
        self.add_failed(job, id, host);
        self.go_down(job, id, host);
    }

    /// A dead task has to be restored, and so has whatever cannot go on without it.
    pub(super) fn add_failed<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.failover.failed.contains(&id) {
            return;
        }
        self.failover.failed.push(id);
        if !job.protocol.claims().global_restart {
            return self.freeze(job, host);
        }
        if job.has(Mutant::RegionOfOne) {
            return;
        }
        let region = (job.scenario.cluster.failover == scenario::Failover::Region).then(|| job.plan.region(id));
        for other in job.plan.task_ids() {
            if region.is_none_or(|region| job.plan.region(other) == region) {
                self.cancel_task(other, host);
            }
        }
    }

    /// Tasks that run stand still, since they may be kept as they are; those that were loading their state start over.
    fn freeze<H: Host>(&mut self, job: &Job, host: &mut H) {
        for id in job.plan.task_ids() {
            match self.tasks[id.index()].status {
                Status::Running => self.tasks[id.index()].status = Status::Frozen,
                Status::Restoring => self.cancel_task(id, host),
                _ => continue,
            }
            host.notice(Notice::Wake(id));
        }
    }

    /// A role cannot go on: its task fails.
    pub(super) fn fail_task<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.is_alive(id) && !self.ended {
            self.kill_task(id, host);
            self.noticed(job, id, host);
        }
    }

    /// The coordinator fails the job.
    pub(super) fn fail_job<H: Host>(&mut self, job: &Job, host: &mut H) {
        if self.failover.down || self.ended {
            return;
        }
        self.failover.global = true;
        job.plan.task_ids().for_each(|id| self.cancel_task(id, host));
        self.go_down(job, TaskId(0), host);
    }

    /// The job is down until its restart.
    fn go_down<H: Host>(&mut self, job: &Job, named: TaskId, host: &mut H) {
        if std::mem::replace(&mut self.failover.down, true) {
            return;
        }
        self.all_left_behind(job, host);
        let Some(after) = self.failover.restarts.failed(&job.scenario.restart, host) else {
            self.ended = true;
            host.notice(Notice::Ended);
            return;
        };
        self.failover.awaits_restart = true;
        host.emit(Event::JobRestarting { task: named, attempt: Attempt(self.failover.restarts.granted) });
        host.notice(Notice::Failed { after });
        self.tell_coordinator(job, CoordinatorInput::Suspended, host);
    }

    /// Whether what a task had going beside its thread is lost.
    pub(super) fn is_void(&self, task: TaskId) -> bool {
        !matches!(self.tasks[task.index()].status, Status::Running | Status::Frozen)
    }

    /// The time for the restart has come.
    pub(super) fn restart_is_due<H: Host>(&mut self, job: &Job, host: &mut H) {
        if self.failover.void_restarts > 0 {
            self.failover.void_restarts -= 1;
            return;
        }
        self.failover.awaits_restart = false;
        // A lost coordinator restarts nothing; whoever takes over will.
        let is_wanted = self.failover.down || job.has(Mutant::EachFailureRestarts);
        self.failover.due = is_wanted && !self.coordinator.lost;
        self.restart_if_possible(job, host);
    }

    /// Restarts the job if it is time and every task has a machine.
    pub(super) fn restart_if_possible<H: Host>(&mut self, job: &Job, host: &mut H) {
        if !self.failover.due || self.coordinator.lost || self.ended {
            return;
        }
        if self.waits_for_machines(job, host) {
            if !std::mem::replace(&mut self.failover.awaits_machines, true) {
                host.emit(Event::MachinesAwaited { restart: self.failover.restarts.granted });
            }
            return;
        }
        (self.failover.due, self.failover.awaits_machines) = (false, false);
        self.restart(job, host);
    }

    /// The restart: plan, cancel, restore.
    fn restart<H: Host>(&mut self, job: &Job, host: &mut H) {
        let failed = std::mem::take(&mut self.failover.failed);
        self.tell_coordinator(job, CoordinatorInput::Restarting { failed: &failed }, host);
        self.failover.failed = failed;
        self.failover.failed.clear();
        self.failover.down = false;
        let plan = self.take_plan();
        for task in job.plan.task_ids() {
            let (checkpoint, live) = match plan.tasks[task.index()] {
                RestorePoint::Snapshot(checkpoint) => (checkpoint, 0),
                RestorePoint::Live => (CheckpointId::INITIAL, 1),
                RestorePoint::Ended(checkpoint) => (checkpoint, 2),
            };
            host.emit(Event::RestorePoint { task, checkpoint, live });
        }
        let full = job.scenario.cluster.failover == scenario::Failover::Full;
        let global = std::mem::take(&mut self.failover.global) || full;
        if global {
            self.forget_splits(&plan, host);
        }
        self.restore_channels(job, &plan, host);
        self.forget_drained();
        let newest = plan.tasks.iter().filter_map(|point| point.snapshot()).max().unwrap_or_default();
        self.keep_upto(newest);
        for task in job.plan.task_ids() {
            match plan.tasks[task.index()] {
                RestorePoint::Snapshot(checkpoint) => self.begin_restore(job, task, checkpoint, host),
                RestorePoint::Live => self.thaw(job, task, host),
                RestorePoint::Ended(checkpoint) => self.restore_ended(job, task, (checkpoint, newest), host),
            }
        }
        self.restore_splits(&plan, global, host);
        // In a region that goes on, tasks may still be restoring from an earlier failure.
        let starting = self.tasks.iter().filter(|task| task.status == Status::Restoring || task.recovering);
        self.failover.starting = starting.count() as u32;
        if self.failover.starting == 0 {
            self.all_started(job, host);
        }
    }

    /// A task that keeps what it has goes on.
    fn thaw<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.status == Status::Frozen {
            task.status = Status::Running;
            task.falls_behind(None);
            // Whether the job may end is to be decided again.
            task.mailbox.retain(|mail| mail != Mail::Finish);
            task.ends_after_calls = task.ends_after_calls.filter(|last| *last != Last::Finish);
            self.external.waiting.retain(|waiting| waiting.what != Deferred::Finish(id));
        }
        let task = &mut self.tasks[id.index()];
        if task.drained {
            self.send_drained(id, host);
        } else {
            // Its source may have been stopped while it stood still.
            self.drain_if_empty(job, id, host);
        }
        self.catches_up(job, id, host);
        self.unblock(job, id, host);
        host.notice(Notice::Wake(id));
    }

    /// A task loses what it has and gets a snapshot's state; says what it has to do for it. Nobody needs its snapshots beyond
    /// `newest` any more.
    fn restore_task<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        (checkpoint, newest): (CheckpointId, CheckpointId),
        host: &mut H,
    ) -> Load {
        let task = &mut self.tasks[id.index()];
        self.finished -= u32::from(task.status == Status::Finished);
        if task.status != Status::Dead {
            host.emit(Event::TaskCancelled { task: id, attempt: task.attempt });
        }
        self.leave_open(job, id);
        let task = &mut self.tasks[id.index()];
        let role = job.has(Mutant::RoleOutlivesRestart).then(|| task.role.clone());
        task.forget();
        if let Some(role) = role {
            task.role = role;
        }
        self.net.drop_stalled(id);
        self.watermarks.forget(job, id);
        let task = &mut self.tasks[id.index()];
        task.attempt = Attempt(task.attempt.0 + 1);
        self.discard(id, |snapshot| snapshot.id > newest || !snapshot.durable, host);
        let task = &mut self.tasks[id.index()];
        let snapshot = self.store.get(id, checkpoint);
        assert!(
            snapshot.is_some() || checkpoint == CheckpointId::INITIAL,
            "protocol `{}` restores task {id} to snapshot {checkpoint}, which is not durable",
            job.protocol.name()
        );
        // Those behind may have ended with its end, and then nothing comes of the clock any more.
        task.settled = snapshot.filter(|snapshot| snapshot.last).map(|snapshot| snapshot.id);
        let chain = &job.plan.tasks[id.index()].chain;
        let local = snapshot.is_some_and(|snapshot| snapshot.local);
        for (position, (state, operator)) in task.operators.iter_mut().zip(chain).enumerate() {
            let position = if local && job.has(Mutant::LocalCopiesCollide) { chain.len() - 1 } else { position };
            let open = state.open;
            match snapshot {
                Some(_) if local && job.has(Mutant::DirtyLocalState) => {}
                Some(snapshot) => state.clone_state_from(&snapshot.operators[position]),
                None if job.has(Mutant::NoSnapshotNoWipe) => {}
                None => state.clear_state(),
            }
            match job.settings.mutant {
                Some(Mutant::OpenOutputOutlivesRestart) => state.open = open,
                Some(Mutant::PreparedOutputIsLost) => state.pending.clear(),
                _ => {}
            }
            let (applied, lineage) = (state.applied, state.lineage);
            host.emit(Event::StateRestored { task: id, operator: *operator, applied, lineage });
        }
        match snapshot {
            Some(snapshot) => task.turns.clone_from(&snapshot.turns),
            None => task.turns.fill(0),
        }
        if let Some(source) = &mut task.source {
            (source.end, source.finishes) = source.full;
            let (from, position) = (source.position, snapshot.map_or(0, |snapshot| snapshot.position));
            let spec = &job.scenario.job.operators[job.plan.head(id).index()].source;
            if spec.as_ref().is_some_and(|spec| !spec.replayable) {
                host.emit(Event::SourceSkipped { task: id, position, to: from });
                task.falls_behind(None);
            } else {
                let position = match job.settings.mutant {
                    Some(Mutant::RewindsToTheLastRead) => position.saturating_sub(1),
                    Some(Mutant::RewindsTooLittle) => from.min(position + 1),
                    _ => position,
                };
                source.seek(position);
                host.emit(Event::SourceRewound { task: id, position, from });
                task.falls_behind(Some(from));
            }
        }
        self.timers_restored(job, id, host);
        self.restore_reader(job, id, checkpoint, host);
        self.load_state(job, id, checkpoint, host)
    }

    /// A task loads its state and will begin.
    fn begin_restore<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        let Load { bytes, replay } = self.restore_task(job, id, (checkpoint, checkpoint), host);
        let attempt = self.tasks[id.index()].attempt;
        host.notice(Notice::Restore { task: id, attempt, bytes, replay });
    }

    /// A task that had ended before the checkpoint ends at once; its state is needed only to be compared. It may have
    /// taken part in checkpoints after its own that others go back to, or will.
    fn restore_ended<H: Host>(&mut self, job: &Job, id: TaskId, points: (CheckpointId, CheckpointId), host: &mut H) {
        self.restore_task(job, id, points, host);
        self.tasks[id.index()].keeps_up();
        self.tasks[id.index()].drained = true;
        self.task_ends(id, host);
        self.send_drained(id, host);
    }

    fn restore_channels<H: Host>(&mut self, job: &Job, plan: &RecoveryPlan, host: &mut H) {
        let (mut records, mut queued) = (Vec::new(), Vec::new());
        for index in 0..job.plan.channels.len() {
            let (channel, planned) = (ChannelId::from(index), job.plan.channels[index]);
            if plan.channels[index] == ChannelPlan::Keep {
                // Whether the cycle has come to its end is to be seen again.
                let receiver = &mut self.tasks[planned.to.index()];
                let is_over = receiver.status == Status::Finished;
                if job.plan.feeds_back(channel) && !is_over && self.net.take_end_back(channel) {
                    (receiver.ended_ports, receiver.drained) = (receiver.ended_ports - 1, false);
                }
                continue;
            }
            let (from, to) = (plan.tasks[planned.from.index()], plan.tasks[planned.to.index()]);
            let sent = match from.snapshot() {
                None => self.net.outs[index],
                Some(id) => self.store.get(planned.from, id).map_or(Out::default(), |s| s.sent[planned.slot as usize]),
            };
            let received = match to.snapshot() {
                None => self.net.ins[index],
                Some(id) => self.store.get(planned.to, id).map_or(In::default(), |s| s.received[planned.port.index()]),
            };
            self.drop_input(job, channel, to == RestorePoint::Live, host);
            records.clear();
            queued.clear();
            self.replayed(job, plan.channels[index], channel, to, (received.received, sent.sent), &mut records);
            self.queued(job, plan.channels[index], channel, from, &mut queued);
            match job.settings.mutant {
                Some(Mutant::OutputIsPutBackFirst) => std::mem::swap(&mut records, &mut queued),
                Some(Mutant::CapturedIsNotPutBack) => records.clear(),
                Some(Mutant::OvertakenIsNotPutBack) => queued.clear(),
                _ => {}
            }
            self.net.restore(job, channel, sent, received, host);
            self.watermarks.forget_input(channel);
            let held = if plan.channels[index] == ChannelPlan::Replay { Held::Requeued } else { Held::Restored };
            self.net.reinject(job, channel, &records, held, host);
            self.net.requeue(job, channel, &queued, host);
            if let RestorePoint::Ended(_) = to {
                // It had read all there was.
                self.net.channels[index].end_seen = true;
            }
            if from == RestorePoint::Live && self.tasks[planned.from.index()].drained {
                self.net.send_end(job, channel, host);
            }
            if let RestorePoint::Ended(_) = from {
                self.net.send_end(job, channel, host);
                self.net.send_control(job, channel, Item::Closed, host);
            }
        }
    }

    /// What a live receiver had of a channel that begins anew: a half-read buffer, an end of data.
    fn drop_input<H: Host>(&mut self, job: &Job, channel: ChannelId, live: bool, host: &mut H) {
        let id = job.plan.channels[channel.index()].to;
        let task = &mut self.tasks[id.index()];
        if let Some(current) = task.current.filter(|current| current.channel == channel) {
            match current.held {
                Held::Floating if job.has(Mutant::HalfReadKeepsItsBuffer) => {}
                Held::Floating => self.net.drop_floating(channel, host),
                Held::Restored => self.net.restored[id.index()] -= 1,
                _ => {}
            }
            task.current = None;
        }
        if live && task.status != Status::Finished && self.net.channels[channel.index()].end_seen {
            task.ended_ports -= 1;
            task.drained = false;
        }
    }

    /// The records that a restored channel begins with: captured ones, or those of the log in `range`.
    fn replayed(
        &mut self,
        job: &Job,
        plan: ChannelPlan,
        channel: ChannelId,
        point: RestorePoint,
        range: (u64, u64),
        records: &mut Vec<Record>,
    ) {
        match (plan, point) {
            (ChannelPlan::Replay, _) => {
                let log = &mut self.net.logs[channel.index()];
                if !job.has(Mutant::LogReplaysAll) {
                    log.records.truncate((range.1 - log.base) as usize);
                }
                records.extend(log.records.iter().skip((range.0 - log.base) as usize));
            }
            // What a job began with is put back by every protocol.
            (ChannelPlan::Reinject, RestorePoint::Snapshot(id)) | (_, RestorePoint::Snapshot(id @ CheckpointId(0))) => {
                let port = job.plan.channels[channel.index()].port;
                let receiver = job.plan.channels[channel.index()].to;
                let captured = self.store.get(receiver, id).map(|snapshot| &snapshot.captured);
                records.extend(captured.into_iter().flatten().filter(|(p, _)| *p == port).flat_map(|(_, r)| r));
            }
            _ => {}
        }
    }

    /// The records that a barrier had overtaken at the sender of a channel that is restored.
    fn queued(
        &mut self,
        job: &Job,
        plan: ChannelPlan,
        channel: ChannelId,
        point: RestorePoint,
        records: &mut Vec<Record>,
    ) {
        if let (ChannelPlan::Reinject, RestorePoint::Snapshot(id)) = (plan, point) {
            let planned = &job.plan.channels[channel.index()];
            let queued = self.store.get(planned.from, id).map(|snapshot| &snapshot.queued);
            records.extend(queued.into_iter().flatten().filter(|(slot, _)| *slot == planned.slot).flat_map(|(_, r)| r));
        }
    }

    /// A task has read all that the restore put into its inputs.
    pub(super) fn recovered<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.net.restored[id.index()] == 0 && std::mem::take(&mut self.tasks[id.index()].recovering) {
            host.emit(Event::ChannelsRecovered { task: id });
            self.begin_debloating(job, id, host);
            self.started_one(job, host);
        }
    }

    fn started_one<H: Host>(&mut self, job: &Job, host: &mut H) {
        self.failover.starting -= 1;
        if self.failover.starting == 0 {
            self.all_started(job, host);
        }
    }

    /// A task has its state and begins.
    pub(super) fn ready<H: Host>(&mut self, job: &Job, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt != attempt || task.status != Status::Restoring {
            return;
        }
        let restored = self.store.newest(id);
        if let Some(gone) = self.store.unreadable(id, restored) {
            host.emit(Event::RestoreFailed { task: id, checkpoint: restored, gone: u32::from(gone) });
            let input = CoordinatorInput::Unreadable { task: id, checkpoint: restored, gone };
            if !self.coordinator.lost {
                self.tell_coordinator(job, input, host);
            }
            return self.fail_task(job, id, host);
        }
        if self.waits_to_begin(job, id) {
            return;
        }
        let task = &mut self.tasks[id.index()];
        task.status = Status::Running;
        host.emit(Event::TaskStarted { task: id, attempt, checkpoint: restored });
        self.begin_watermarks(job, id, host);
        self.begin_materialising(job, id, host);
        self.arm(job, id, Which::All, host);
        self.take_producer(job, id, restored, host);
        self.tell_task(job, id, TaskInput::Started { restored }, host);
        if job.protocol.claims().coordinated {
            // The restored checkpoint is complete, so its output may be seen, if it was not before the failure.
            self.take_committables_over(job, id, restored);
            self.commit(job, id, restored, host);
            if self.tasks[id.index()].status != Status::Running {
                return;
            }
        }
        self.catches_up(job, id, host);
        self.drain_if_empty(job, id, host);
        host.notice(Notice::Wake(id));
        if self.net.restored[id.index()] > 0 && !job.has(Mutant::CheckpointsWhileRecovering) {
            self.tasks[id.index()].recovering = true;
        } else {
            self.begin_debloating(job, id, host);
            self.started_one(job, host);
        }
    }

    /// The first start.
    pub(super) fn start_all<H: Host>(&mut self, job: &Job, host: &mut H) {
        self.failover.starting = self.tasks.len() as u32;
        for task in job.plan.task_ids() {
            self.ready(job, task, Attempt(0), host);
        }
        self.settle(job, host);
    }

    fn all_started<H: Host>(&mut self, job: &Job, host: &mut H) {
        if self.failover.down || self.coordinator.lost {
            return;
        }
        let restored = job.plan.task_ids().map(|task| self.store.newest(task)).max().unwrap_or_default();
        self.tell_coordinator(job, CoordinatorInput::Started { restored }, host);
    }
}
