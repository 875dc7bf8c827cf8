//! Tasks that were given up and live on.
//!
//! A task manager that is only cut off does not know that it was given up. What its sinks do is seen by nobody in the
//! cluster, but the external system hears them: they write what they still have, commit what they were told is
//! complete, and acknowledge what they have stored. Each such task leaves a [`Zombie`], which does these things one after
//! the other, at times that depend on nothing but the heartbeat timeout.
//!
//! What comes of it is decided elsewhere: a plain sink writes twice; transactions of an older epoch have been aborted as
//! soon as the new attempt has taken the producer over; the coordinator listens to no attempt but the newest.

use super::external::{Call, Prepared};
use super::task::{Mail, Output, Status};
use super::{Host, Job, Notice, Step, World};
use crate::base::{Attempt, CheckpointId, OperatorId, TaskId};
use crate::scenario::SinkMode;
use crate::trace::Event;
use crate::workload::Record;

/// What is left of a task that was given up.
#[derive(Clone, Debug)]
pub(super) struct Zombie {
    task: TaskId,
    attempt: Attempt,
    epoch: u32,
    acts: u32,
    /// What it had not read of its buffer.
    rest: Vec<Record>,
    /// What it has written and not prepared.
    open: Output,
    transaction: u64,
    applied: u64,
    pending: Vec<Prepared>,
    /// What its mailbox tells it to be complete.
    complete: CheckpointId,
    /// What it has stored.
    stored: CheckpointId,
}

impl World {
    /// A task is given up, and its machine is only cut off.
    pub(super) fn leave_zombie<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let task = &self.tasks[id.index()];
        let commits = job.plan.sink(id).is_some() || job.plan.is_committer(id);
        if task.status != Status::Running || !commits {
            return;
        }
        let told = task.mailbox.iter().filter_map(|mail| match mail {
            Mail::Completed(checkpoint) | Mail::Aborted(_, checkpoint) => Some(checkpoint),
            _ => None,
        });
        let state = task.operators.last().expect("a task runs an operator");
        // A chain would have to be run to know what comes of the rest.
        let alone = task.operators.len() == 1;
        let rest = task.current.filter(|_| alone).map_or(Vec::new(), |current| {
            self.net.rings[current.channel.index()].iter().take(current.left as usize).collect()
        });
        let zombie = Zombie {
            task: id,
            attempt: task.attempt,
            epoch: task.epoch,
            acts: 0,
            rest,
            open: state.open,
            transaction: task.transaction,
            applied: state.applied,
            pending: state.pending.clone(),
            complete: told.max().unwrap_or_default(),
            stored: self.store.newest(id),
        };
        self.zombies.push(zombie);
        let number = self.zombies.len() as u32 - 1;
        let heartbeat = job.scenario.cluster.heartbeat;
        for after in [crate::base::Span(heartbeat.0 / 2), heartbeat, heartbeat * 2] {
            host.notice(Notice::Later { step: Step::Haunt(number), after });
        }
    }

    /// A zombie does the next thing.
    pub(super) fn haunt<H: Host>(&mut self, job: &Job, number: u32, host: &mut H) {
        let Some(zombie) = self.zombies.get_mut(number as usize).filter(|_| !self.ended) else { return };
        zombie.acts += 1;
        let (what, zombie) = (zombie.acts - 1, zombie.clone());
        host.emit(Event::ZombieActed { task: zombie.task, attempt: zombie.attempt, what });
        let sink = job.plan.sink(zombie.task);
        match (what, sink) {
            (0, Some((operator, mode))) => self.zombie_writes(number, operator, mode, host),
            (1, Some((operator, SinkMode::Offsets))) => self.zombie_passes_a_barrier(job, &zombie, operator, host),
            (1, _) => self.zombie_commits(job, &zombie, host),
            (2, _) if zombie.stored > CheckpointId::INITIAL => {
                self.send_stale_ack(zombie.task, zombie.attempt, zombie.stored, host);
            }
            _ => {}
        }
    }

    /// It writes what it had not read of its buffer.
    fn zombie_writes<H: Host>(&mut self, number: u32, operator: OperatorId, mode: SinkMode, host: &mut H) {
        let zombie = &mut self.zombies[number as usize];
        let (task, rest, transaction) = (zombie.task, std::mem::take(&mut zombie.rest), zombie.transaction);
        let mut shown = Output::default();
        for record in rest {
            let one = Output { records: 1, lineage: record.lineage };
            match mode {
                SinkMode::Plain => {
                    host.strayed(task, operator, &record, 0);
                    shown.add(one);
                }
                SinkMode::Idempotent if self.external.rows[operator.index()].insert(record.lineage) => {
                    host.strayed(task, operator, &record, 0);
                    shown.add(one);
                }
                SinkMode::Idempotent => {}
                SinkMode::TwoPhase | SinkMode::Offsets | SinkMode::Committables => {
                    host.strayed(task, operator, &record, transaction);
                    self.zombies[number as usize].open.add(one);
                    self.zombies[number as usize].applied += 1;
                }
            }
        }
        if shown.records > 0 {
            let Output { records, lineage } = shown;
            self.sink_state(task).visible.add(shown);
            let checkpoint = CheckpointId::INITIAL;
            host.emit(Event::OutputVisible { task, operator, checkpoint, records, lineage });
        }
    }

    /// A sink that commits at barriers passes one more.
    fn zombie_passes_a_barrier<H: Host>(&mut self, job: &Job, zombie: &Zombie, operator: OperatorId, host: &mut H) {
        let Zombie { task, attempt, transaction, open, applied, .. } = *zombie;
        let producer = &mut self.external.producers[task.index()];
        if open.records == 0 || self.external.down.contains(&operator) {
            return;
        }
        let checkpoint = zombie.stored;
        let fenced = zombie.epoch < producer.epoch;
        if fenced || producer.prepare(transaction, checkpoint, open, applied).is_err() {
            return self.refuse(task, operator, transaction, host);
        }
        let Output { records, lineage } = open;
        host.emit(Event::TransactionPrepared { task, operator, transaction, checkpoint, records, lineage });
        let of = Prepared { checkpoint, producer: task, transaction };
        self.perform(job, &Call { from: task, attempt, of, shown: checkpoint, tries: 0 }, host);
    }

    /// It commits what it was told is complete.
    fn zombie_commits<H: Host>(&mut self, job: &Job, zombie: &Zombie, host: &mut H) {
        for of in zombie.pending.iter().filter(|of| of.checkpoint <= zombie.complete) {
            let (from, attempt, shown) = (zombie.task, zombie.attempt, of.checkpoint);
            self.perform(job, &Call { from, attempt, of: *of, shown, tries: 0 }, host);
        }
    }
}
