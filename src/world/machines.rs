//! Machines that stop, are given up, and are replaced; and the takeover from a coordinator that is lost.
//!
//! A task manager that stops tells nobody. The coordinator gives it up when it has not heard of it for the heartbeat
//! timeout, whether it has stopped or is only cut off; then what ran there is fenced: it lives on, but nobody listens
//! to it. Another one takes its place and its number, at once if one waits, else after a while; a restart that needs
//! it waits.
//!
//! When the coordinator is lost, its memory is: what is pending, who has acknowledged what, the timers. What is
//! recorded stays, and so does the counter of ids. Whoever takes over restarts every task from that. Until then tasks
//! go on as if nothing had happened, failures are noticed by nobody, and messages to the coordinator go nowhere.

use super::task::Status;
use super::{Host, Job, Notice, Step, World};
use crate::base::{Attempt, TaskId};
use crate::fault::Mutant;
use crate::protocol::CoordinatorInput;
use crate::trace::Event;

impl World {
    /// A task manager stops.
    pub(super) fn crash<H: Host>(&mut self, job: &Job, manager: u32, host: &mut H) {
        if !self.damage.is_up(manager) {
            return;
        }
        self.damage.machine(manager).down = true;
        host.emit(Event::ManagerLost { manager });
        for id in tasks_on(job, manager) {
            self.store.lose_local(id);
            if self.is_alive(id) {
                self.kill_task(id, host);
            }
        }
        self.falls_silent(job, manager, host);
    }

    /// The heartbeat timeout of a machine is over.
    pub(super) fn suspect<H: Host>(&mut self, job: &Job, manager: u32, silence: u32, host: &mut H) {
        if self.ended || !self.is_still_silent(manager, silence) || self.damage.machine(manager).lost {
            return;
        }
        self.give_up_machine(job, manager, host);
        for id in tasks_on(job, manager) {
            if job.has(Mutant::LostAndForgotten) {
                return;
            }
            if self.tasks[id.index()].status == Status::Dead {
                self.noticed(job, id, host);
            }
        }
    }

    /// The coordinator takes a machine for lost, and another one is sent for.
    pub(super) fn give_up_machine<H: Host>(&mut self, job: &Job, manager: u32, host: &mut H) {
        let machine = self.damage.machine(manager);
        machine.lost = true;
        let lives_on = !machine.down;
        host.emit(Event::ManagerGivenUp { manager });
        for id in tasks_on(job, manager) {
            self.store.lose_local(id);
            if lives_on {
                self.leave_zombie(job, id, host);
            }
            if self.is_alive(id) {
                self.kill_task(id, host);
            }
        }
        let cluster = &job.scenario.cluster;
        let waits = self.damage.standby_used < cluster.standby;
        self.damage.standby_used += u32::from(waits);
        let after = if waits { crate::base::Span::ZERO } else { cluster.replacement };
        host.notice(Notice::Later { step: Step::Replaced(manager), after });
    }

    /// Another machine is there.
    pub(super) fn replaced<H: Host>(&mut self, job: &Job, manager: u32, host: &mut H) {
        let machine = self.damage.machine(manager);
        if !machine.lost {
            return;
        }
        (machine.down, machine.lost) = (false, false);
        machine.silence += 1;
        host.emit(Event::ManagerReplaced { manager });
        self.forget_machine(job, manager, host);
        self.restart_if_possible(job, host);
    }

    /// The coordinator stops.
    pub(super) fn crash_coordinator<H: Host>(&mut self, job: &Job, host: &mut H) {
        if self.ended || self.coordinator.lost {
            return;
        }
        self.coordinator.lost = true;
        if job.has(Mutant::CleansUpWhenLost) {
            self.coordinator.records.clear();
        }
        host.emit(Event::CoordinatorLost { term: self.coordinator.term });
        host.notice(Notice::ForgetTimers);
        host.notice(Notice::Later { step: Step::TakeOver, after: job.scenario.cluster.takeover });
    }

    /// Somebody takes over: every task is stopped, and the job goes back to what is recorded.
    pub(super) fn take_over<H: Host>(&mut self, job: &Job, host: &mut H) {
        if self.ended || !self.coordinator.lost {
            return;
        }
        self.coordinator.begin_term();
        self.register_anew(job);
        self.forget_split_checkpoints();
        self.failover.global = true;
        host.emit(Event::CoordinatorTookOver { term: self.coordinator.term });
        let (records, last) = (self.coordinator.records.clone(), self.coordinator.last);
        self.tell_coordinator(job, CoordinatorInput::TookOver { records: &records, last }, host);
        self.failover.failed.clear();
        for id in job.plan.task_ids() {
            // Where each task goes back on its own, one that has ended has done all it had to.
            let is_over = self.tasks[id.index()].status == Status::Finished;
            if job.protocol.claims().global_restart || !is_over {
                self.cancel_task(id, host);
            }
        }
        if !std::mem::replace(&mut self.failover.down, true) {
            self.failover.restarts.granted += 1;
            host.emit(Event::JobRestarting { task: TaskId(0), attempt: Attempt(self.failover.restarts.granted) });
        }
        self.failover.void_restarts += u32::from(std::mem::take(&mut self.failover.awaits_restart));
        self.failover.due = true;
        self.restart_if_possible(job, host);
    }

    /// Whether a task has a thread and a memory.
    pub(super) fn is_alive(&self, id: TaskId) -> bool {
        matches!(self.tasks[id.index()].status, Status::Running | Status::Restoring | Status::Frozen)
    }

    /// Whether a task that is to be restored has no machine to run on. One that is found dead now is given up.
    pub(super) fn waits_for_machines<H: Host>(&mut self, job: &Job, host: &mut H) -> bool {
        let mut waits = false;
        for manager in 0..job.plan.managers {
            if self.damage.is_up(manager) || !tasks_on(job, manager).any(|id| !self.is_alive(id)) {
                continue;
            }
            if !self.damage.machine(manager).lost {
                self.give_up_machine(job, manager, host);
                for id in tasks_on(job, manager) {
                    if self.tasks[id.index()].status == Status::Dead {
                        self.add_failed(job, id, host);
                    }
                }
            }
            // With one at hand the restart goes on as soon as that has said so.
            waits = true;
        }
        waits
    }
}

/// The tasks that run on a machine.
pub(super) fn tasks_on(job: &Job, manager: u32) -> impl Iterator<Item = TaskId> + use<> {
    let here: Vec<TaskId> =
        job.plan.task_ids().filter(|task| job.plan.tasks[task.index()].manager == manager).collect();
    here.into_iter()
}
