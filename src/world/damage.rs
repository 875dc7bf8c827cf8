//! What is broken at the moment, and what becomes of messages, writes and steps because of it.
//!
//! A fault either happens at once ([`World::strike`]), or sets a trap for the next thing that fits - a message, a
//! write, a record -, or lasts and is healed by a step of its own. Everything heals when sources stop, traps
//! included: what comes after is the proof that the job recovers.
//!
//! **Links.** What crosses a cut link is kept in order and arrives when the link is healed, as over a connection that
//! sends again and again; on a slow one each thing arrives so much later than it would have. The same holds for
//! buffers, credits and messages: a step that crosses a broken link is put off ([`World::is_held_back`]).

use super::coordinator::Late;
use super::external::Deferred;
use super::task::Status;
use super::{Host, Job, Notice, Step, World};
use crate::base::{CheckpointId, OperatorId, Span, TaskId};
use crate::fault::{Mutant, Primitive};
use crate::scenario::{ExternalMishap, MessageKind, Mishap, Node, RecordMishap, WriteMishap};
use crate::trace::Event;
use std::collections::VecDeque;

/// Everything that is broken.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    traps: Vec<Trap>,
    links: Vec<BadLink>,
    paces: Vec<Pace>,
    /// Faults, by number and effect, because of which external systems do not answer.
    outages: Vec<((u32, u32), OperatorId)>,
    /// Task managers, once something happened to one.
    pub machines: Vec<Machine>,
    /// Lost ones so far that found one waiting to replace them.
    pub standby_used: u32,
}

/// A mishap that waits for the next thing that fits.
#[derive(Clone, Copy, Debug)]
struct Trap {
    fault: u32,
    what: Primitive,
    /// Things that fit and are still to be let through, then things to be hit.
    skip: u64,
    times: u32,
}

/// A link that is cut or slow.
#[derive(Clone, Debug)]
struct BadLink {
    fault: u32,
    part: u32,
    from: Node,
    to: Node,
    by: Option<Span>,
    /// Steps that wait, oldest first.
    held: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug)]
struct Pace {
    fault: u32,
    part: u32,
    task: TaskId,
    factor: u32,
}

/// A task manager.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Machine {
    /// It has stopped.
    pub down: bool,
    /// The coordinator has given it up, and waits for another one in its place.
    pub lost: bool,
    /// Grows with everything that makes it silent or heard again: names a wait for it.
    pub silence: u32,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    Lost,
    /// It takes another way, on which it needs so much longer.
    Late(Span),
    /// It arrives, and a copy of it so much later.
    Twice(Span),
}

impl Damage {
    pub fn reset(&mut self) {
        self.traps.clear();
        self.links.clear();
        self.paces.clear();
        self.outages.clear();
        self.machines.clear();
        self.standby_used = 0;
    }

    /// The machine of a number; all are well at first.
    pub fn machine(&mut self, manager: u32) -> &mut Machine {
        let needed = manager as usize + 1;
        if self.machines.len() < needed {
            self.machines.resize(needed, Machine::default());
        }
        &mut self.machines[manager as usize]
    }

    /// Whether a machine is there and known to be.
    pub fn is_up(&self, manager: u32) -> bool {
        self.machines.get(manager as usize).is_none_or(|machine| !machine.down && !machine.lost)
    }

    /// Whether a thread may not move.
    pub fn is_paused(&self, task: TaskId) -> bool {
        self.paces.iter().any(|pace| pace.task == task && pace.factor == 0)
    }

    fn is_cut(&self, a: Node, b: Node) -> bool {
        self.links.iter().any(|link| link.by.is_none() && (link.from, link.to) == (a, b))
    }

    /// Whether the coordinator hears nothing of a machine, or the machine nothing of it.
    fn is_silent(&self, manager: u32) -> bool {
        let (here, there) = (Node::Coordinator, Node::Manager(manager));
        !self.is_up(manager) || self.is_cut(here, there) || self.is_cut(there, here)
    }

    /// The first trap that fits is sprung, once those before it in line have passed.
    fn spring<T>(&mut self, mut fits: impl FnMut(&Primitive) -> Option<T>) -> Option<(u32, T)> {
        for at in 0..self.traps.len() {
            let trap = &mut self.traps[at];
            let Some(does) = fits(&trap.what) else { continue };
            if trap.skip > 0 {
                trap.skip -= 1;
                continue;
            }
            let fault = trap.fault;
            trap.times -= 1;
            if trap.times == 0 {
                self.traps.remove(at);
            }
            return Some((fault, does));
        }
        None
    }
}

impl World {
    /// A fault of the plan strikes.
    pub(super) fn strike<H: Host>(&mut self, job: &Job, fault: u32, host: &mut H) {
        host.emit(Event::FaultStruck { fault });
        if self.ended || self.healed {
            return;
        }
        for (part, effect) in (0..).zip(&job.faults.faults[fault as usize].effects) {
            self.inflict(job, (fault, part), *effect, host);
        }
    }

    fn inflict<H: Host>(&mut self, job: &Job, (fault, part): (u32, u32), effect: Primitive, host: &mut H) {
        let heal = |lasts: Span| Notice::Later { step: Step::Heal { fault, part }, after: lasts };
        match effect {
            Primitive::Throw(task) => self.throw(job, task, host),
            Primitive::Crash(manager) => self.crash(job, manager, host),
            Primitive::CrashCoordinator => self.crash_coordinator(job, host),
            Primitive::Message { nth, .. } => {
                self.damage.traps.push(Trap { fault, what: effect, skip: nth - 1, times: 1 });
            }
            Primitive::Write { times, .. } => self.damage.traps.push(Trap { fault, what: effect, skip: 0, times }),
            Primitive::Record(_) => self.damage.traps.push(Trap { fault, what: effect, skip: 0, times: 1 }),
            Primitive::Link { from, to, by, lasts } => {
                self.damage.links.push(BadLink { fault, part, from, to, by, held: VecDeque::new() });
                if let (None, (Node::Coordinator, Node::Manager(manager)) | (Node::Manager(manager), _)) =
                    (by, (from, to))
                    && (from == Node::Coordinator || to == Node::Coordinator)
                {
                    self.falls_silent(job, manager, host);
                }
                host.notice(heal(lasts));
            }
            Primitive::Pace { task, factor, lasts } => {
                self.damage.paces.push(Pace { fault, part, task, factor });
                self.tell_pace(task, host);
                host.notice(heal(lasts));
            }
            Primitive::Spoil(task) => {
                if let Some(checkpoint) = self.store.spoil_newest(task) {
                    host.emit(Event::FaultHit { fault });
                    host.emit(Event::SnapshotSpoiled { task, checkpoint });
                }
            }
            Primitive::Clock { manager, by } => host.notice(Notice::Clock { manager, by }),
            Primitive::External { operator, does } => match does {
                ExternalMishap::Down(lasts) => {
                    self.damage.outages.push(((fault, part), operator));
                    self.external.down.push(operator);
                    host.notice(heal(lasts));
                }
                ExternalMishap::Expire => self.expire_one(job, fault, operator, host),
                ExternalMishap::LoseCommit | ExternalMishap::LoseReply => {
                    self.damage.traps.push(Trap { fault, what: effect, skip: 0, times: 1 });
                }
                ExternalMishap::FailWrite => self.fail_write(job, fault, operator, host),
            },
        }
    }

    /// A fault that lasts is over.
    pub(super) fn heal<H: Host>(&mut self, job: &Job, fault: u32, part: u32, host: &mut H) {
        if let Some(at) = self.damage.links.iter().position(|link| (link.fault, link.part) == (fault, part)) {
            let link = self.damage.links.remove(at);
            host.emit(Event::FaultHealed { fault });
            for manager in [link.from, link.to] {
                if let Node::Manager(manager) = manager {
                    // It is heard again, unless it has stopped meanwhile.
                    let machine = self.damage.machine(manager);
                    machine.silence += u32::from(link.by.is_none() && !machine.down);
                }
            }
            for step in link.held {
                self.apply(job, step, host);
            }
        }
        if let Some(at) = self.damage.paces.iter().position(|pace| (pace.fault, pace.part) == (fault, part)) {
            let pace = self.damage.paces.remove(at);
            host.emit(Event::FaultHealed { fault });
            self.tell_pace(pace.task, host);
        }
        if let Some(at) = self.damage.outages.iter().position(|(of, _)| *of == (fault, part)) {
            self.end_outage(job, at, host);
        }
    }

    /// What becomes of a call to commit.
    pub(super) fn call_mishap<H: Host>(&mut self, operator: OperatorId, host: &mut H) -> Option<ExternalMishap> {
        if self.damage.traps.is_empty() {
            return None;
        }
        let (fault, does) = self.damage.spring(|what| match *what {
            Primitive::External { operator: of, does } => (of == operator).then_some(does),
            _ => None,
        })?;
        host.emit(Event::FaultHit { fault });
        Some(does)
    }

    /// The oldest transaction of a sink that holds something has become too old: a prepared one, if there is one.
    fn expire_one<H: Host>(&mut self, job: &Job, fault: u32, operator: OperatorId, host: &mut H) {
        let tasks = || job.plan.operators[operator.index()].tasks.clone().map(TaskId);
        let prepared = tasks().find_map(|id| {
            let mut live = self.external.producers[id.index()].live();
            live.find(|(_, t)| t.checkpoint > CheckpointId::INITIAL).map(|(number, _)| (id, number))
        });
        let holds = |id: &TaskId| self.tasks[id.index()].operators.last().is_some_and(|state| state.open.records > 0);
        let open = tasks().find(holds).map(|id| (id, self.tasks[id.index()].transaction));
        if let Some((id, number)) = prepared.or(open) {
            host.emit(Event::FaultHit { fault });
            self.expire(job, id, number, host);
        }
    }

    /// A write of a sink fails, and nobody has noticed.
    fn fail_write<H: Host>(&mut self, job: &Job, fault: u32, operator: OperatorId, host: &mut H) {
        let holds = |id: &TaskId| self.tasks[id.index()].operators.last().is_some_and(|state| state.open.records > 0);
        let id = job.plan.operators[operator.index()].tasks.clone().map(TaskId).find(holds);
        if let Some(id) = id {
            host.emit(Event::FaultHit { fault });
            self.external.producers[id.index()].write_failed = true;
        }
    }

    /// An external system answers again.
    fn end_outage<H: Host>(&mut self, job: &Job, outage: usize, host: &mut H) {
        let ((fault, _), operator) = self.damage.outages.remove(outage);
        host.emit(Event::FaultHealed { fault });
        if let Some(at) = self.external.down.iter().position(|down| *down == operator) {
            self.external.down.remove(at);
        }
        if self.external.is_down(operator) {
            return;
        }
        let all = std::mem::take(&mut self.external.waiting);
        let (now, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|waiting| waiting.operator == operator);
        self.external.waiting = later;
        for waiting in now {
            match waiting.what {
                Deferred::Call(number) => self.call_arrives(job, number, host),
                Deferred::Ready(id, attempt) => self.ready(job, id, attempt, host),
                Deferred::Finish(id) if self.is_void(id) => {}
                Deferred::Finish(id) => self.finish_task(job, id, host),
            }
        }
    }

    /// The run is over: what broken links hold back arrives, so that nothing is left half way.
    pub fn let_through<H: Host>(&mut self, job: &Job, host: &mut H) {
        self.heal_all(job, host);
    }

    /// Sources have stopped: from now on nothing goes wrong any more.
    pub(super) fn heal_all<H: Host>(&mut self, job: &Job, host: &mut H) {
        self.healed = true;
        self.damage.traps.clear();
        while let Some((fault, part)) = self.damage.links.first().map(|link| (link.fault, link.part)) {
            self.heal(job, fault, part, host);
        }
        while let Some((fault, part)) = self.damage.paces.first().map(|pace| (pace.fault, pace.part)) {
            self.heal(job, fault, part, host);
        }
        while !self.damage.outages.is_empty() {
            self.end_outage(job, 0, host);
        }
    }

    /// A task manager was replaced: what was broken about the old one is of no interest any more.
    pub(super) fn forget_machine<H: Host>(&mut self, job: &Job, manager: u32, host: &mut H) {
        let node = Node::Manager(manager);
        while let Some(link) = self.damage.links.iter().find(|link| link.from == node || link.to == node) {
            let (fault, part) = (link.fault, link.part);
            self.heal(job, fault, part, host);
        }
        let here = |pace: &&Pace| job.plan.tasks[pace.task.index()].manager == manager;
        while let Some(pace) = self.damage.paces.iter().find(here) {
            let (fault, part) = (pace.fault, pace.part);
            self.heal(job, fault, part, host);
        }
        host.notice(Notice::Clock { manager, by: 0 });
    }

    fn tell_pace<H: Host>(&mut self, task: TaskId, host: &mut H) {
        let paces = self.damage.paces.iter().filter(|pace| pace.task == task);
        let factor = paces.map(|pace| pace.factor.max(1)).max().unwrap_or(1);
        self.tasks[task.index()].paused = self.damage.is_paused(task);
        host.notice(Notice::Pace { task, factor });
        host.notice(Notice::Wake(task));
    }

    /// The coordinator hears nothing of a machine from now on: after the heartbeat timeout it gives it up.
    pub(super) fn falls_silent<H: Host>(&mut self, job: &Job, manager: u32, host: &mut H) {
        let machine = self.damage.machine(manager);
        machine.silence += 1;
        let step = Step::Suspect { manager, silence: machine.silence };
        host.notice(Notice::Later { step, after: job.scenario.cluster.heartbeat });
    }

    /// Whether a machine is still silent as it was when somebody began to wait.
    pub(super) fn is_still_silent(&mut self, manager: u32, silence: u32) -> bool {
        self.damage.machine(manager).silence == silence && self.damage.is_silent(manager)
    }

    /// What becomes of a message between the coordinator and a task.
    pub(super) fn fate<H: Host>(
        &mut self,
        task: TaskId,
        kind: Option<(MessageKind, CheckpointId)>,
        host: &mut H,
    ) -> Fate {
        let Some((kind, checkpoint)) = kind.filter(|_| !self.damage.traps.is_empty()) else { return Fate::Arrives };
        let sprung = self.damage.spring(|what| match *what {
            Primitive::Message { kind: k, task: t, checkpoint: c, does, .. } => {
                (k == kind && t.is_none_or(|t| t == task) && c.is_none_or(|c| c == checkpoint)).then_some(does)
            }
            _ => None,
        });
        let Some((fault, does)) = sprung else { return Fate::Arrives };
        host.emit(Event::FaultHit { fault });
        host.emit(Event::MessageHit { task, checkpoint, kind: kind as u32 });
        match does {
            Mishap::Lose => Fate::Lost,
            Mishap::Delay(by) => Fate::Late(by),
            Mishap::Double(by) => Fate::Twice(by),
        }
    }

    /// What happens to the write of a snapshot that begins (slow ones) or ends (all others) now.
    pub(super) fn write_mishap<H: Host>(
        &mut self,
        task: TaskId,
        checkpoint: CheckpointId,
        begins: bool,
        host: &mut H,
    ) -> Option<WriteMishap> {
        if self.damage.traps.is_empty() {
            return None;
        }
        let (fault, does) = self.damage.spring(|what| match *what {
            Primitive::Write { task: t, checkpoint: c, does, .. } => {
                let fits = t.is_none_or(|t| t == task) && c.is_none_or(|c| c == checkpoint);
                (fits && begins == matches!(does, WriteMishap::Slow(_))).then_some(does)
            }
            _ => None,
        })?;
        host.emit(Event::FaultHit { fault });
        host.emit(Event::WriteHit { task, checkpoint });
        Some(does)
    }

    /// What happens to the record that a checkpoint is complete.
    pub(super) fn record_mishap<H: Host>(&mut self, host: &mut H) -> Option<RecordMishap> {
        let (fault, does) = self.damage.spring(|what| match *what {
            Primitive::Record(does) => Some(does),
            _ => None,
        })?;
        host.emit(Event::FaultHit { fault });
        Some(does)
    }

    /// Whether a step crosses a link that is cut or slow, and has to wait.
    #[cold]
    pub(super) fn is_held_back<H: Host>(&mut self, job: &Job, step: Step, host: &mut H) -> bool {
        let Some((from, to)) = self.way_of(job, step) else { return false };
        let Some(link) = self.damage.links.iter_mut().find(|link| (link.from, link.to) == (from, to)) else {
            return false;
        };
        link.held.push_back(step);
        if let Some(by) = link.by {
            let step = Step::Thaw { fault: link.fault, part: link.part };
            host.notice(Notice::Later { step, after: by });
        }
        true
    }

    pub(super) fn has_bad_links(&self) -> bool {
        !self.damage.links.is_empty()
    }

    /// The oldest thing on a slow link arrives.
    pub(super) fn thaw_link<H: Host>(&mut self, job: &Job, fault: u32, part: u32, host: &mut H) {
        let link = self.damage.links.iter_mut().find(|link| (link.fault, link.part) == (fault, part));
        if let Some(step) = link.and_then(|link| link.held.pop_front()) {
            self.carry_out(job, step, host);
        }
    }

    /// From which machine to which a step goes.
    fn way_of(&self, job: &Job, step: Step) -> Option<(Node, Node)> {
        let at = |task: TaskId| Node::Manager(job.plan.tasks[task.index()].manager);
        let (from, to) = match step {
            Step::Deliver { channel, .. } => {
                let planned = &job.plan.channels[channel.index()];
                (at(planned.from), at(planned.to))
            }
            Step::Credit { channel, .. } | Step::Resume { channel, .. } | Step::Resize { channel, .. } => {
                let planned = &job.plan.channels[channel.index()];
                (at(planned.to), at(planned.from))
            }
            Step::Rpc(task) | Step::Aside(task) => (Node::Coordinator, at(task)),
            Step::Report(task) => (at(task), Node::Coordinator),
            Step::Late(id) => match self.coordinator.late_way(id)? {
                (task, Late::Down(_)) => (Node::Coordinator, at(task)),
                (task, Late::Up(_)) => (at(task), Node::Coordinator),
            },
            _ => return None,
        };
        (from != to).then_some((from, to))
    }

    /// An exception in a task.
    fn throw<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        match self.tasks[id.index()].status {
            Status::Running | Status::Restoring | Status::Frozen => {
                self.kill_task(id, host);
                self.noticed(job, id, host);
            }
            Status::Dead if job.has(Mutant::EachFailureRestarts) => host.notice(Notice::Failed { after: Span::ZERO }),
            Status::Dead | Status::Finished => {}
        }
    }
}
