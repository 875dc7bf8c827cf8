//! What a job leaves behind for another to go on from: a savepoint, or the newest checkpoint of one that was cancelled.
//!
//! It is in terms of the logical job - operators by name, keys, partitions, the pairs of subtasks between which something
//! was under way - because whoever takes it up may have other tasks. A copy is made when a checkpoint completes, of what
//! its files hold; when the run is over, what the outside knows by then is added. How it is shared out is `resume`'s.

use super::external::{Prepared, State};
use super::task::Output;
use super::{Job, World};
use crate::base::{CheckpointId, Span, TaskId};
use crate::protocol::Purpose;
use crate::scenario::{Origin, SinkMode};
use crate::workload::Record;
use std::collections::{BTreeMap, BTreeSet};

/// What is left of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// Which checkpoint of the run it is.
    pub checkpoint: CheckpointId,
    /// How long the job's logs had existed when it was taken up again.
    pub began: Span,
    /// By name of an operator.
    pub(super) parts: BTreeMap<String, Part>,
    /// What was under way.
    pub(super) flights: Vec<Flight>,
    /// The job went on after that: who takes it up makes a branch, and what the job showed since is shown again.
    pub branch: bool,
    /// By name of a sink: what was prepared and is still to be committed.
    owed: BTreeMap<String, Output>,
}

/// What is left of an operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Keyed state.
    pub counts: BTreeMap<u32, u32>,
    /// A source: how much of each partition was read.
    pub read: Vec<u64>,
    /// A sink, or its committer: by subtask, what was prepared for the checkpoint, and what of that is not committed.
    pub pending: Vec<(u32, Prepared)>,
    pub owed: Vec<(u32, Output)>,
    /// A sink: what the outside sees of it.
    pub visible: Output,
    /// An idempotent sink: its rows.
    pub rows: BTreeSet<u64>,
    /// A sink with offsets: by subtask, how many records it had applied, and how many more the outside has.
    pub applied: Vec<u64>,
    pub ahead: Vec<u64>,
}

/// Records that a checkpoint holds of a channel, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flight {
    /// Names of the sending and the receiving operator.
    pub edge: (String, String),
    /// Which of the edges between these two.
    pub nth: u32,
    /// Subtasks.
    pub from: u32,
    pub to: u32,
    pub records: Vec<Record>,
}

/// What is to be kept of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeping {
    wanted: Option<Origin>,
    /// Checkpoints under way that are not plain ones.
    savepoints: Vec<CheckpointId>,
    /// Oldest first; no more than the job itself retains.
    kept: Vec<Saved>,
}

impl Keeping {
    /// For a new run.
    pub fn reset(&mut self) {
        (self.savepoints, self.kept) = (Vec::new(), Vec::new());
    }
}

impl Saved {
    /// How much of each partition of a source was read.
    pub fn read(&self, source: &str) -> &[u64] {
        self.parts.get(source).map_or(&[], |part| &part.read)
    }

    /// Records on their way to an operator, with what its name is.
    pub fn in_flight(&self) -> impl Iterator<Item = (&str, &[Record])> {
        self.flights.iter().map(|flight| (&*flight.edge.1, &*flight.records))
    }

    /// How many records of a sink are prepared and still to be committed, with the sum of their lineages.
    pub fn owed(&self, sink: &str) -> (u64, u64) {
        self.owed.get(sink).map_or((0, 0), |output| (output.records, output.lineage))
    }

    /// The rows of an idempotent sink, each the lineage of its record.
    pub fn rows(&self, sink: &str) -> &BTreeSet<u64> {
        const NONE: &BTreeSet<u64> = &BTreeSet::new();
        self.parts.get(sink).map_or(NONE, |part| &part.rows)
    }

    /// How many records are under way.
    pub fn flying(&self) -> u64 {
        self.flights.iter().map(|flight| flight.records.len() as u64).sum()
    }

    /// How many keys an operator has state for.
    pub fn keys(&self, operator: &str) -> usize {
        self.parts.get(operator).map_or(0, |part| part.counts.len())
    }
}

impl World {
    /// From now on runs keep what another can go on from.
    pub fn keep(&mut self, origin: Origin) {
        self.keeping.wanted = Some(origin);
    }

    /// What the run, which is over, leaves; `None`: nothing complete.
    pub fn saved(&self, job: &Job) -> Option<Saved> {
        let gone = |id: CheckpointId| job.plan.task_ids().any(|task| self.store.unreadable(task, id) == Some(true));
        let mut saved = self.keeping.kept.iter().rev().find(|saved| !gone(saved.checkpoint))?.clone();
        let is_savepoint = self.keeping.wanted == Some(Origin::Savepoint);
        for id in job.plan.task_ids() {
            saved.branch |= is_savepoint && self.has_read_on(job, id, &saved);
            for (state, operator) in self.tasks[id.index()].operators.iter().zip(&job.plan.tasks[id.index()].chain) {
                let planned = &job.plan.operators[operator.index()];
                let Some(part) = saved.parts.get_mut(&planned.name) else { continue };
                part.visible.add(state.visible);
                if planned.sink == Some(SinkMode::Idempotent) {
                    part.rows.clone_from(&self.external.rows[operator.index()]);
                }
                if planned.sink == Some(SinkMode::Offsets) {
                    let subtask = job.plan.tasks[id.index()].subtask as usize;
                    let stored = self.external.producers[id.index()].stored;
                    part.ahead.push(stored.saturating_sub(part.applied.get(subtask).copied().unwrap_or(0)));
                }
            }
        }
        let owed = &mut saved.owed;
        for part in saved.parts.values_mut() {
            for (subtask, of) in std::mem::take(&mut part.pending) {
                let transaction = self.external.producers[of.producer.index()].get(of.transaction);
                let Some(transaction) = transaction.filter(|transaction| transaction.state == State::Prepared) else {
                    continue;
                };
                part.owed.push((subtask, transaction.output));
                if let Some((sink, _)) = job.plan.sink(of.producer) {
                    owed.entry(job.plan.operators[sink.index()].name.clone()).or_default().add(transaction.output);
                }
            }
        }
        Some(saved)
    }

    /// Whether a source is beyond what was saved of it.
    fn has_read_on(&self, job: &Job, id: TaskId, saved: &Saved) -> bool {
        let operator = job.plan.head(id);
        let (Some(source), Some(log)) = (&self.tasks[id.index()].source, &job.workload.logs[operator.index()]) else {
            return false;
        };
        let read = saved.read(&job.plan.operators[operator.index()].name);
        (0..source.share.partitions).any(|i| {
            let number = log.partition(&source.share, i) - log.first_partition;
            source.share.emitted(source.position, i) > read.get(number as usize).copied().unwrap_or(0)
        })
    }

    /// A checkpoint or savepoint begins.
    pub(super) fn note_purpose(&mut self, checkpoint: CheckpointId, purpose: Purpose) {
        if self.keeping.wanted.is_some() && purpose != Purpose::Checkpoint {
            self.keeping.savepoints.push(checkpoint);
        }
    }

    /// One is complete: if it is what another phase goes on from, it is kept.
    pub(super) fn keep_complete(&mut self, job: &Job, checkpoint: CheckpointId) {
        let is_savepoint = self.keeping.savepoints.contains(&checkpoint);
        if self.keeping.wanted == Some(if is_savepoint { Origin::Savepoint } else { Origin::Checkpoint }) {
            let saved = self.copy(job, checkpoint);
            let kept = &mut self.keeping.kept;
            kept.retain(|saved| saved.checkpoint != checkpoint);
            kept.push(saved);
            kept.sort_by_key(|saved| saved.checkpoint);
            if kept.len() > job.settings.retained as usize {
                kept.remove(0);
            }
        }
    }

    /// The job goes back to a checkpoint: newer ones are void.
    pub(super) fn keep_upto(&mut self, checkpoint: CheckpointId) {
        if self.keeping.wanted == Some(Origin::Checkpoint) {
            self.keeping.kept.retain(|saved| saved.checkpoint <= checkpoint);
        }
    }

    fn copy(&self, job: &Job, checkpoint: CheckpointId) -> Saved {
        let mut saved = Saved { checkpoint, ..Saved::default() };
        for operator in &job.plan.operators {
            saved.parts.insert(operator.name.clone(), Part::default());
        }
        for id in job.plan.task_ids() {
            self.copy_task(job, id, checkpoint, &mut saved);
        }
        for channel in 0..job.plan.channels.len() {
            saved.flights.extend(self.copy_channel(job, channel, checkpoint));
        }
        saved
    }

    fn copy_task(&self, job: &Job, id: TaskId, checkpoint: CheckpointId, saved: &mut Saved) {
        let planned = &job.plan.tasks[id.index()];
        // Whoever had ended took part in an older one.
        let snapshot = self.store.newest_upto(id, checkpoint);
        for (position, operator) in planned.chain.iter().enumerate() {
            let at = &job.plan.operators[operator.index()];
            let part = saved.parts.get_mut(&at.name).expect("all are there");
            if let Some(log) = &job.workload.logs[operator.index()] {
                part.read.resize(log.partitions as usize, 0);
                let source = self.tasks[id.index()].source.as_ref().expect("the task is a source");
                let position = snapshot.map_or(0, |snapshot| snapshot.position);
                for i in 0..source.share.partitions {
                    let number = log.partition(&source.share, i) - log.first_partition;
                    part.read[number as usize] = source.share.emitted(position, i);
                }
            }
            let Some(state) = snapshot.map(|snapshot| &snapshot.operators[position]) else { continue };
            if let Some(keys) = &at.keys {
                for (key, place) in keys.held_by(planned.subtask) {
                    let count = state.counts[place as usize];
                    if count > 0 {
                        *part.counts.entry(key).or_default() += count;
                    }
                }
            }
            part.pending.extend(state.pending.iter().map(|of| (planned.subtask, *of)));
            part.applied.push(state.applied);
        }
    }

    fn copy_channel(&self, job: &Job, channel: usize, checkpoint: CheckpointId) -> Option<Flight> {
        let planned = &job.plan.channels[channel];
        let (from, to) = (&job.plan.tasks[planned.from.index()], &job.plan.tasks[planned.to.index()]);
        let captured = self.store.get(planned.to, checkpoint).into_iter().flat_map(|snapshot| &snapshot.captured);
        let captured = captured.filter(|(port, _)| *port == planned.port).flat_map(|(_, records)| records);
        let queued = self.store.get(planned.from, checkpoint).into_iter().flat_map(|snapshot| &snapshot.queued);
        let queued = queued.filter(|(slot, _)| *slot == planned.slot).flat_map(|(_, records)| records);
        let records: Vec<Record> = captured.chain(queued).filter(|record| record.mark().is_none()).copied().collect();
        let edge = &job.plan.edges[planned.edge.index()];
        let names = |edge: &crate::plan::Edge| {
            let name = |operator: crate::base::OperatorId| job.plan.operators[operator.index()].name.clone();
            (name(edge.from), name(edge.to))
        };
        let before = &job.plan.edges[..planned.edge.index()];
        let nth = before.iter().filter(|other| (other.from, other.to) == (edge.from, edge.to)).count() as u32;
        let flight = Flight { edge: names(edge), nth, from: from.subtask, to: to.subtask, records };
        (!flight.records.is_empty()).then_some(flight)
    }
}
