//! The expected result of a job, by plain batch evaluation: no channels, no barriers, no time.
//!
//! The oracle takes the offsets that the sources got to and follows each record through the logical job,
//! one after the other. What operators must have applied and what sinks must show is summed up in the same
//! multiset hashes that the world accumulates, so comparing costs nothing.

use super::operators::value_hash;
use super::{KeptState, Record, Workload};
use crate::base::{Concern, Draws};
use crate::plan::Plan;
use crate::scenario::Partitioner;

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
    /// Records still to be applied, each with the operator that gets it.
    todo: Vec<(u32, Record)>,
    /// For each operator its output edges: the edge's number among them, the receiver, how many copies.
    next: Vec<Vec<(u32, u32, u32)>>,
}

impl Oracle {
    /// Prepares the routes of a job.
    pub fn new(plan: &Plan) -> Self {
        let mut next = vec![Vec::new(); plan.operators.len()];
        for edge in &plan.edges {
            let copies = match edge.by {
                Partitioner::Broadcast => plan.operators[edge.to.index()].tasks.len() as u32,
                _ => 1,
            };
            let outs: &mut Vec<(u32, u32, u32)> = &mut next[edge.from.index()];
            outs.push((outs.len() as u32, edge.to.0, copies));
        }
        for task in &plan.tasks {
            for pair in task.chain.windows(2) {
                next[pair[0].index()] = vec![(0, pair[1].0, 1)];
            }
        }
        Self { next, ..Self::default() }
    }

    /// The result for sources that emitted `emitted(operator, partition)` records of each of their partitions.
    pub fn evaluate(
        &mut self,
        workload: &Workload,
        seed: u64,
        mut emitted: impl FnMut(usize, u32) -> u64,
    ) -> &Expected {
        self.expected.operators.clear();
        self.expected.operators.resize(workload.behaviours.len(), ExpectedOperator::default());
        for (operator, log) in workload.logs.iter().enumerate() {
            let Some(log) = log else { continue };
            for partition in log.first_partition..log.first_partition + log.partitions {
                let mut draws = Draws::new(seed, Concern::Key, u64::from(partition));
                for offset in 0..emitted(operator, partition) {
                    let key = log.keys.pick(draws.at(offset));
                    let record = Record::at_source(partition, offset, key, log.size);
                    self.follow(workload, operator as u32, record);
                }
            }
        }
        &self.expected
    }

    /// Applies a record and everything that comes of it.
    fn follow(&mut self, workload: &Workload, operator: u32, record: Record) {
        self.todo.push((operator, record));
        while let Some((operator, record)) = self.todo.pop() {
            let behaviour = &workload.behaviours[operator as usize];
            let is_source = workload.logs[operator as usize].is_some();
            let result = &mut self.expected.operators[operator as usize];
            let lineage = record.lineage;
            result.applied += 1;
            if !is_source {
                result.lineage = result.lineage.wrapping_add(lineage);
            }
            match behaviour.keeps {
                KeptState::Nothing => {}
                KeptState::CountPerKey => result.values = result.values.wrapping_add(value_hash(record.key, 1)),
                KeptState::Output(_) => {
                    let output = result.output.get_or_insert_default();
                    output.records += 1;
                    output.lineage = output.lineage.wrapping_add(lineage);
                }
            }
            for branch in 0..behaviour.output_count(lineage) {
                for (edge, to, copies) in &self.next[operator as usize] {
                    let out = behaviour.output(&record, branch, *edge);
                    self.todo.extend((0..*copies).map(|_| (*to, out)));
                }
            }
        }
    }

    /// The result of the last evaluation.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }
}
