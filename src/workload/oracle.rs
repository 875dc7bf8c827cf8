//! The expected result of a job, by plain batch evaluation: no channels, no barriers, no time.
//!
//! The oracle takes the offsets that the sources got to and follows each record through the logical job,
//! one after the other. What operators must have applied and what sinks must show is summed up in the same
//! multiset hashes that the world accumulates, so comparing costs nothing.

use super::operators::value_hash;
use super::{KeptState, Record, Workload};
use crate::base::{Concern, Draws};
use crate::plan::Plan;
use crate::scenario::{Partitioner, SinkMode};
use std::collections::BTreeSet;

/// What the whole job must have done to the records that its sources emitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// By operator.
    pub operators: Vec<ExpectedOperator>,
}

/// What all subtasks of an operator together must have applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedOperator {
    /// Records.
    pub applied: u64,
    /// Wrapping sum of their lineage hashes: a multiset hash.
    pub lineage: u64,
    /// Wrapping sum of hashes of the values in keyed state.
    pub values: u64,
    /// Sinks: what must be visible outside.
    pub output: Option<ExpectedOutput>,
}

/// What must be visible outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedOutput {
    /// Records.
    pub records: u64,
    /// Wrapping sum of their lineage hashes.
    pub lineage: u64,
}

/// Evaluates jobs; keeps its memory between runs.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    expected: Expected,
    /// Operators, inputs before outputs.
    order: Vec<u32>,
    /// By operator: records that it gets.
    waiting: Vec<Vec<Record>>,
    /// By operator: its output edges.
    next: Vec<Vec<Next>>,
    /// What idempotent sinks have written.
    rows: BTreeSet<(u32, u64)>,
}

/// An output edge of an operator.
#[derive(Clone, Copy, Debug)]
struct Next {
    /// Its number among the operator's outputs.
    edge: u32,
    to: u32,
    /// How many of the receiver's subtasks get each record.
    copies: u32,
}

/// Records that are made before they are followed: small enough to stay in the cache.
const BATCH: u64 = 1024;

impl Oracle {
    /// Prepares the routes of a job.
    pub fn new(plan: &Plan) -> Self {
        let mut next: Vec<Vec<Next>> = vec![Vec::new(); plan.operators.len()];
        for edge in &plan.edges {
            let copies = match edge.by {
                Partitioner::Broadcast => plan.operators[edge.to.index()].tasks.len() as u32,
                _ => 1,
            };
            let outs = &mut next[edge.from.index()];
            outs.push(Next { edge: outs.len() as u32, to: edge.to.0, copies });
        }
        for task in &plan.tasks {
            for pair in task.chain.windows(2) {
                next[pair[0].index()] = vec![Next { edge: 0, to: pair[1].0, copies: 1 }];
            }
        }
        let waiting = vec![Vec::new(); plan.operators.len()];
        let rows = BTreeSet::new();
        Self { rows, expected: Expected::default(), order: plan.order.iter().map(|op| op.0).collect(), waiting, next }
    }

    /// The result for sources that emitted `emitted(operator, partition)` records of each of their partitions.
    pub fn evaluate(
        &mut self,
        workload: &Workload,
        seed: u64,
        mut emitted: impl FnMut(usize, u32) -> u64,
    ) -> &Expected {
        self.rows.clear();
        self.expected.operators.clear();
        self.expected.operators.resize(workload.behaviours.len(), ExpectedOperator::default());
        for (operator, log) in workload.logs.iter().enumerate() {
            let Some(log) = log else { continue };
            for partition in log.first_partition..log.first_partition + log.partitions {
                let mut draws = Draws::new(seed, Concern::Key, u64::from(partition));
                let all = emitted(operator, partition);
                for first in (0..all).step_by(BATCH as usize) {
                    self.waiting[operator].extend((first..all.min(first + BATCH)).map(|offset| {
                        let key = log.keys.pick(draws.at(offset));
                        Record::at_source(partition, offset, key, log.size)
                    }));
                    self.follow(workload);
                }
            }
        }
        &self.expected
    }

    /// Applies all waiting records and everything that comes of them; cycles take several rounds.
    fn follow(&mut self, workload: &Workload) {
        loop {
            let mut quiet = true;
            for at in 0..self.order.len() {
                let operator = self.order[at] as usize;
                if self.waiting[operator].is_empty() {
                    continue;
                }
                quiet = false;
                let records = std::mem::take(&mut self.waiting[operator]);
                self.apply(workload, operator, &records);
                // What an operator sends itself was put there meanwhile.
                let own = std::mem::replace(&mut self.waiting[operator], records);
                self.waiting[operator].clear();
                self.waiting[operator].extend(own);
            }
            if quiet {
                return;
            }
        }
    }

    fn apply(&mut self, workload: &Workload, operator: usize, records: &[Record]) {
        let behaviour = &workload.behaviours[operator];
        let result = &mut self.expected.operators[operator];
        let lineage = records.iter().fold(0, |sum: u64, record| sum.wrapping_add(record.lineage));
        result.applied += records.len() as u64;
        if workload.logs[operator].is_none() {
            result.lineage = result.lineage.wrapping_add(lineage);
        }
        match behaviour.keeps {
            KeptState::Nothing => {}
            KeptState::CountPerKey => {
                let values = records.iter().fold(0, |sum: u64, record| sum.wrapping_add(value_hash(record.key, 1)));
                result.values = result.values.wrapping_add(values);
            }
            KeptState::Output(SinkMode::Idempotent) => {
                // A record that comes twice by itself is one row.
                let output = result.output.get_or_insert_default();
                for record in records.iter().filter(|record| self.rows.insert((operator as u32, record.lineage))) {
                    output.records += 1;
                    output.lineage = output.lineage.wrapping_add(record.lineage);
                }
            }
            KeptState::Output(_) => {
                let output = result.output.get_or_insert_default();
                output.records += records.len() as u64;
                output.lineage = output.lineage.wrapping_add(lineage);
            }
        }
        for Next { edge, to, copies } in &self.next[operator] {
            let out = &mut self.waiting[*to as usize];
            for record in records {
                for branch in 0..behaviour.output_count(record.lineage) {
                    let output = behaviour.output(record, branch, *edge);
                    out.extend(std::iter::repeat_n(output, *copies as usize));
                }
            }
        }
    }
}
