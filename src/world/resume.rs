//! Taking up what another job has left: state goes to whoever owns it now.
//!
//! | what | to whom |
//! |---|---|
//! | keyed state | the owner of the key's group |
//! | partitions of sources | as any job shares them out; each is read on from its own offset |
//! | records in flight, by key | the owner of the key; those of one channel stay in order |
//! | records in flight, in turn or to one | whoever stands in for the old receiver: by number, modulo the parallelism |
//! | prepared transactions | whoever stands in for the old sink; they are committed first of all |
//!
//! What the job then is, is its *initial state*: a snapshot with the number 0 in the store, to which it goes back if
//! it fails before it has a checkpoint of its own. Everything that is counted begins at zero again: positions are
//! counted from where the phase began, and so are the records that operators have applied.

use super::backend::Load;
use super::external::{Prepared, State};
use super::net::{Held, In, Out};
use super::saved::{Flight, Saved};
use super::task::{OperatorState, Status};
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, ChannelId, CheckpointId, TaskId};
use crate::fault::Mutant;
use crate::scenario::{Partitioner, SinkMode};
use crate::trace::Event;
use crate::workload::Record;

impl World {
    /// Starts a job from what another has left.
    pub fn start_from<H: Host>(&mut self, job: &Job, seed: u64, saved: &Saved, host: &mut H) {
        for task in job.plan.task_ids() {
            self.tasks[task.index()].open_source(job, task, seed);
            self.take_up_source(job, task, seed, saved);
            self.take_up_state(job, task, saved);
        }
        self.take_up_outside(job, saved, host);
        let mut flying = vec![Vec::new(); job.plan.channels.len()];
        if !job.has(Mutant::FlightsAreDropped) {
            saved.flights.iter().for_each(|flight| share_out(job, flight, &mut flying));
        }
        for task in job.plan.task_ids() {
            self.begin_initial(job, task, &flying);
            host.emit(Event::RestorePoint { task, checkpoint: CheckpointId::INITIAL, live: 0 });
        }
        for (index, records) in flying.iter().enumerate().filter(|(_, records)| !records.is_empty()) {
            let channel = ChannelId::from(index);
            self.net.restore(job, channel, sent(records), In::default(), host);
            self.net.reinject(job, channel, records, Held::Restored, host);
        }
        self.failover.starting = self.tasks.len() as u32;
        for task in job.plan.task_ids() {
            self.tasks[task.index()].status = Status::Restoring;
            if job.backend.keeps(&job.scenario.backend).is_some() {
                self.tell_entries(job, task, CheckpointId::INITIAL, host);
            }
            let Load { bytes, replay } = self.load_state(job, task, CheckpointId::INITIAL, host);
            host.notice(Notice::Restore { task, attempt: Attempt(0), bytes, replay });
        }
    }

    fn take_up_source(&mut self, job: &Job, id: TaskId, seed: u64, saved: &Saved) {
        let operator = job.plan.head(id);
        let Some(log) = &job.workload.logs[operator.index()] else { return };
        let read = saved.read(&job.plan.operators[operator.index()].name);
        let nothing = vec![0; log.partitions as usize];
        let anew = job.has(Mutant::MovedPartitionsBeginAnew) && log.subtasks != log.layout;
        let read = if read.is_empty() || anew { &nothing } else { read };
        let subtask = job.plan.tasks[id.index()].subtask;
        let source = self.tasks[id.index()].source.as_mut().expect("the task is a source");
        source.share = log.rest(subtask, read, saved.began);
        source.end = source.share.total;
        source.full = (source.end, source.finishes);
        source.open_share(log);
        debug_assert_eq!(source.position, 0, "seed {seed} has just begun");
    }

    fn take_up_state(&mut self, job: &Job, id: TaskId, saved: &Saved) {
        let planned = &job.plan.tasks[id.index()];
        for (state, operator) in self.tasks[id.index()].operators.iter_mut().zip(&planned.chain) {
            let at = &job.plan.operators[operator.index()];
            let (Some(part), Some(keys)) = (saved.parts.get(&at.name), &at.keys) else { continue };
            let parallelism = at.tasks.len() as u32;
            for (key, count) in &part.counts {
                let owner = match &keys.owner {
                    Some(owner) => u32::from(owner[*key as usize]),
                    // Whoever gets a key's records next: nobody owns them.
                    None => key % parallelism,
                };
                let owner = match job.settings.mutant {
                    Some(Mutant::KeysByHash) => key % parallelism,
                    _ => owner,
                };
                let is_mine = owner == planned.subtask;
                let is_lost = job.has(Mutant::GroupsRoundDown) && is_last_group(job, *key, parallelism);
                let copies = job.has(Mutant::StateIsCopied) && parallelism > 1;
                if (is_mine && !is_lost || copies) && state.counts.len() > keys.place[*key as usize] as usize {
                    let place = &mut state.counts[keys.place[*key as usize] as usize];
                    state.keys += u32::from(*place == 0);
                    *place = *count;
                }
            }
            state.table.iter_mut().for_each(|table| table.adopt(&state.counts));
        }
    }

    /// What the outside knows of the sinks, and what it has been promised.
    fn take_up_outside<H: Host>(&mut self, job: &Job, saved: &Saved, host: &mut H) {
        for (index, operator) in job.plan.operators.iter().enumerate() {
            let Some(part) = saved.parts.get(&operator.name) else { continue };
            let tasks: Vec<TaskId> = operator.tasks.clone().map(TaskId).collect();
            if operator.sink == Some(SinkMode::Idempotent) {
                self.external.rows[index].clone_from(&part.rows);
            }
            if matches!(operator.sink, Some(SinkMode::Plain | SinkMode::Idempotent)) {
                self.sink_state(tasks[0]).show(part.visible);
            }
            for (old, ahead) in part.ahead.iter().enumerate() {
                self.external.producers[tasks[old % tasks.len()].index()].stored = *ahead;
            }
            for (old, owed) in &part.owed {
                if job.has(Mutant::PreparedIsLeftBehind) {
                    continue;
                }
                let task = tasks[*old as usize % tasks.len()];
                let Some((producer, sink)) = self.producer_for(job, task) else { continue };
                let outside = &mut self.external.producers[producer.index()];
                let Ok(transaction) = outside.open(0) else { continue };
                host.emit(Event::TransactionOpened { task: producer, operator: sink, transaction });
                let _ = outside.prepare(transaction, CheckpointId::INITIAL, *owed, 0);
                outside.inherit(transaction);
                let (checkpoint, records, lineage) = (CheckpointId::INITIAL, owed.records, owed.lineage);
                let of = Prepared { checkpoint, producer, transaction };
                host.emit(Event::TransactionPrepared {
                    task: producer,
                    operator: sink,
                    transaction,
                    checkpoint,
                    records,
                    lineage,
                });
                self.sink_state(task).pending.push(of);
                debug_assert!(
                    self.external.producers[producer.index()]
                        .get(transaction)
                        .is_some_and(|t| t.state == State::Prepared)
                );
            }
        }
    }

    /// The sink whose transactions a task commits: its own, or the first that sends to it.
    fn producer_for(&self, job: &Job, task: TaskId) -> Option<(TaskId, crate::base::OperatorId)> {
        if let Some((operator, _)) = job.plan.sink(task) {
            return Some((task, operator));
        }
        let senders = job.plan.inputs(task).iter().map(|channel| job.plan.channels[channel.index()].from);
        senders.filter_map(|from| Some((from, job.plan.sink(from)?.0))).next()
    }

    /// What a task goes back to as long as it has no snapshot of its own.
    fn begin_initial(&mut self, job: &Job, id: TaskId, flying: &[Vec<Record>]) {
        let sent: Vec<Out> = job.plan.output_channels(id).map(|channel| sent(&flying[channel.index()])).collect();
        let captured = job.plan.inputs(id).iter().map(|channel| {
            let port = job.plan.channels[channel.index()].port;
            (port, flying[channel.index()].clone())
        });
        let captured: Vec<_> = captured.filter(|(_, records)| !records.is_empty()).collect();
        if job.has(Mutant::TakenUpIsForgotten) {
            return;
        }
        let bytes = self.state_bytes(job, id);
        let task = &self.tasks[id.index()];
        let snapshot = self.store.begin(id, CheckpointId::INITIAL);
        (snapshot.taken, snapshot.durable, snapshot.bytes) = (true, true, bytes);
        snapshot.position = 0;
        snapshot.reader = None;
        snapshot.turns.clone_from(&task.turns);
        snapshot.operators.resize_with(task.operators.len(), OperatorState::default);
        for (state, copy) in task.operators.iter().zip(&mut snapshot.operators) {
            copy.clone_state_from(state);
        }
        (snapshot.sent, snapshot.captured) = (sent, captured);
        snapshot.received = vec![In::default(); job.plan.inputs(id).len()];
    }
}

/// What a sender has sent that has sent these.
fn sent(records: &[Record]) -> Out {
    let mut out = Out { sent: records.len() as u64, ..Out::default() };
    records.iter().for_each(|record| out.chain.push(record.lineage));
    out
}

/// To which channels the records of an old one belong now.
fn share_out(job: &Job, flight: &Flight, flying: &mut [Vec<Record>]) {
    let name = |operator: crate::base::OperatorId| &job.plan.operators[operator.index()].name;
    let mut edges = job
        .plan
        .edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| (name(edge.from), name(edge.to)) == (&flight.edge.0, &flight.edge.1));
    let Some((index, edge)) = edges.nth(flight.nth as usize) else { return };
    let (from, to) = (&job.plan.operators[edge.from.index()].tasks, &job.plan.operators[edge.to.index()].tasks);
    let sender = TaskId(from.start + flight.from % from.len() as u32);
    let outs = job.plan.outputs(sender).iter().filter(|out| out.edge.index() == index);
    let Some(out) = outs.into_iter().next() else { return };
    let stands_in = flight.to % to.len() as u32;
    for record in &flight.records {
        let n = match (&edge.owner, edge.by) {
            (Some(owner), Partitioner::Hash) => u32::from(owner[record.key as usize]),
            _ => stands_in,
        };
        if job.has(Mutant::FlightsByPlace) && n != stands_in {
            continue;
        }
        flying[out.first.index() + (n % out.width) as usize].push(*record);
    }
}

/// Whether a key is in the last group of its owner.
fn is_last_group(job: &Job, key: u32, parallelism: u32) -> bool {
    let groups = job.scenario.job.max_parallelism;
    let group = crate::plan::key_group(key, groups);
    let owner = |group| crate::plan::owner_of_group(group, groups, parallelism);
    group + 1 < groups && owner(group) != owner(group + 1)
}
