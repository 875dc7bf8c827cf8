//! Which very records a run lost, doubled or made up, and what happened to each.
//!
//! This is no check. Checks compare sums, at no cost to speak of, and say that something is missing; then the run is
//! repeated with [`Provenance`] watching, which is told every record and keeps them all: by task and operator a log
//! of lineages, and which of them its state reflects at present. When the run is over, [`Provenance::losses`] holds the
//! logs against the [`crate::workload::Census`] and tells the story of each record that is there too often or not often enough.
//!
//! What state reflects follows from events alone. A snapshot's state is what the log held at [`Event::CutState`], and a
//! restore ([`Event::StateRestored`]) goes back to it. What became visible outside ([`Event::OutputVisible`]) is a piece
//! of the log: what a sink wrote since it last told so, or since the snapshot before. Count and sum of lineages say
//! whether it is that piece, so that nothing here is believed only because it is likely; what does not add up is counted
//! as unknown, and told ([`Losses::doubts`]).
//!
//! A sink that commits writes to transactions, and their events say which record is in which: what is applied between the
//! beginning of one and that of the next. What an attempt writes that was given up and lives on is in no state and may
//! be visible all the same ([`Observer::strayed`]). Of a split that is lost nothing was emitted, and nothing is
//! expected: what became of splits is told beside the records ([`Losses::splits`]).

mod log;
mod losses;
mod splits;
mod story;

pub use losses::{Losses, Named, OffsetSpan, Place, PlaceLosses};
pub use splits::{Back, SplitFate, SplitStory};
pub use story::{Fate, Moment, Origin, RecordStory, Station};

use crate::base::{CheckpointId, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind, Observer};
use crate::workload::{KeptState, Workload};
use log::{Log, Total};
use splits::SplitLog;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Watches a run record by record, and remembers all of it.
#[derive(Clone, Debug)]
pub struct Provenance {
    plan: Arc<Plan>,
    /// By task, by position in its chain.
    logs: Vec<Log>,
    /// Each task's first log.
    first_log: Vec<u32>,
    /// By operator: whether it shows anything outside.
    outputs: Vec<bool>,
    /// By operator: the lineages of all that it has shown.
    seen: Vec<BTreeSet<u64>>,
    /// By task: where the restart that is going on puts it.
    points: Vec<CheckpointId>,
    /// How far sources got, by partition, counted over all sources.
    emitted: Vec<u64>,
    splits: SplitLog,
    /// What sinks are told to do now is asked for by an attempt that had been given up.
    haunted: bool,
    drained: bool,
}

impl Provenance {
    /// For one run of this job.
    pub fn new(plan: Arc<Plan>, workload: &Workload) -> Self {
        let mut first_log = vec![0];
        for task in &plan.tasks {
            first_log.push(first_log[first_log.len() - 1] + task.chain.len() as u32);
        }
        let log = |operator: &OperatorId| Log::new(workload.logs[operator.index()].is_some());
        let partitions: u32 = workload.logs.iter().flatten().map(|log| log.partitions).sum();
        Self {
            logs: plan.tasks.iter().flat_map(|task| &task.chain).map(log).collect(),
            first_log,
            outputs: workload.behaviours.iter().map(|of| matches!(of.keeps, KeptState::Output(_))).collect(),
            seen: vec![BTreeSet::new(); plan.operators.len()],
            points: vec![CheckpointId::INITIAL; plan.tasks.len()],
            emitted: vec![0; partitions as usize],
            splits: SplitLog::default(),
            haunted: false,
            drained: false,
            plan,
        }
    }

    /// The records that the state of an operator in a task reflects, by their lineages, in the order applied.
    pub fn state(&self, task: TaskId, operator: OperatorId) -> impl Iterator<Item = u64> + '_ {
        self.logs[self.log(task, operator)].current()
    }

    /// The records that a sink in a task has made visible outside, by their lineages, as far as they are known.
    pub fn visible(&self, task: TaskId, operator: OperatorId) -> impl Iterator<Item = u64> + '_ {
        self.logs[self.log(task, operator)].visible()
    }

    fn log(&self, task: TaskId, operator: OperatorId) -> usize {
        (self.first_log[task.index()] + self.plan.operators[operator.index()].position) as usize
    }

    /// The logs of an operator, with their tasks.
    fn logs_of(&self, operator: OperatorId) -> impl Iterator<Item = (TaskId, &Log)> + '_ {
        let tasks: Range<u32> = self.plan.operators[operator.index()].tasks.clone();
        tasks.map(move |task| (TaskId(task), &self.logs[self.log(TaskId(task), operator)]))
    }
}

impl Observer for Provenance {
    const RECORDS: bool = true;

    fn event(&mut self, at: Time, event: &Event) {
        self.haunted = match event.kind() {
            EventKind::ZombieActed => true,
            // What comes of it follows at once.
            EventKind::FaultHit | EventKind::TransactionPrepared | EventKind::TransactionCommitted => self.haunted,
            EventKind::OutputVisible => self.haunted,
            _ => false,
        };
        self.splits.event(at, event, |task| self.plan.head(task));
        match *event {
            Event::CutState { task, operator, checkpoint, .. } => {
                let log = self.log(task, operator);
                self.logs[log].cut(checkpoint);
            }
            Event::RestorePoint { task, checkpoint, .. } => self.points[task.index()] = checkpoint,
            Event::StateRestored { task, operator, applied, lineage } => {
                let (log, point) = (self.log(task, operator), self.points[task.index()]);
                self.logs[log].restore(at, point, Total { records: applied, lineage });
            }
            Event::TransactionOpened { task, operator, transaction } => {
                let log = self.log(task, operator);
                self.logs[log].open(transaction);
            }
            Event::TransactionPrepared { task, operator, transaction, checkpoint, records, lineage } => {
                let log = self.log(task, operator);
                self.logs[log].prepare(at, checkpoint, transaction, Total { records, lineage }, self.haunted);
            }
            Event::TransactionAborted { task, operator, transaction, late } => {
                let log = self.log(task, operator);
                self.logs[log].abort(at, transaction, late == 1);
            }
            Event::TransactionCommitted { task, operator, transaction, .. } => {
                let log = self.log(task, operator);
                self.logs[log].commit(transaction, self.haunted);
            }
            Event::OutputVisible { task, operator, checkpoint, records, lineage } => {
                let log = self.log(task, operator);
                self.logs[log].show(at, checkpoint, Total { records, lineage }, &mut self.seen[operator.index()]);
            }
            Event::TransactionRefused { task, operator, transaction, checkpoint, records, lineage } => {
                let log = self.log(task, operator);
                self.logs[log].refuse(at, checkpoint, transaction, Total { records, lineage });
            }
            Event::SourceFinal { partition, emitted, .. } => self.emitted[partition as usize] = emitted,
            Event::StateFinal { task, operator, applied, lineage, .. } => {
                let log = self.log(task, operator);
                self.logs[log].finish(Total { records: applied, lineage });
            }
            Event::OutputFinal { task, operator, records, lineage } => {
                let log = self.log(task, operator);
                self.logs[log].finish_output(Total { records, lineage });
            }
            Event::RunEnded { drained } => self.drained = drained == 1,
            _ => {}
        }
    }

    fn applied(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64) {
        let log = self.log(task, operator);
        self.logs[log].apply(at, lineage);
    }

    fn strayed(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64, transaction: u64) {
        let log = self.log(task, operator);
        self.logs[log].stray(at, lineage, transaction);
    }
}
