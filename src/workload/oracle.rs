//! The expected result of a job, by plain batch evaluation: no channels, no barriers, no time.
//!
//! The oracle takes the offsets that the sources got to and follows each record through the logical job,
//! one after the other. What operators must have applied and what sinks must show is summed up in the same
//! multiset hashes that the world accumulates, so comparing costs nothing.

use super::operators::value_hash;
use super::walk::Walk;
use super::{ExpectedWindows, KeptState, Record, Workload};
use crate::plan::Plan;
use crate::scenario::SinkMode;
use std::collections::BTreeSet;
use std::ops::Range;

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
    /// Operators over time: what must have come of what they got.
    pub windows: Option<ExpectedWindows>,
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
    walk: Walk<Record>,
    /// What idempotent sinks have written.
    rows: BTreeSet<(u32, u64)>,
}

impl Oracle {
    /// Prepares the routes of a job.
    pub fn new(plan: &Plan) -> Self {
        Self { expected: Expected::default(), walk: Walk::new(plan), rows: BTreeSet::new() }
    }

    /// The result for sources that emitted `emitted(operator, partition)` records of each of their partitions.
    pub fn evaluate(
        &mut self,
        workload: &Workload,
        seed: u64,
        mut emitted: impl FnMut(usize, u32) -> u64,
    ) -> &Expected {
        self.evaluate_part(workload, seed, |operator, partition| 0..emitted(operator, partition), &[])
    }

    /// The rows that an idempotent sink must have written by the last evaluation.
    pub fn rows(&self, sink: usize) -> impl Iterator<Item = u64> + '_ {
        let of = sink as u32;
        self.rows.range((of, 0)..=(of, u64::MAX)).map(|(_, lineage)| *lineage)
    }

    /// The result for sources that emitted these offsets of each of their partitions, and for records that were on
    /// their way to operators from the beginning.
    pub fn evaluate_part(
        &mut self,
        workload: &Workload,
        seed: u64,
        emitted: impl FnMut(usize, u32) -> Range<u64>,
        flying: &[(usize, Vec<Record>)],
    ) -> &Expected {
        self.rows.clear();
        let (operators, rows) = (&mut self.expected.operators, &mut self.rows);
        operators.clear();
        operators.resize(workload.behaviours.len(), ExpectedOperator::default());
        let mut visit = |operator: usize, records: &[Record]| {
            operators[operator].apply(workload, operator, records, rows);
        };
        self.walk.go_on(workload, flying, &mut visit);
        self.walk.walk(workload, seed, emitted, visit);
        for (index, behaviour) in workload.behaviours.iter().enumerate() {
            operators[index].windows = behaviour.over_time().map(|_| self.walk.windows[index]);
        }
        &self.expected
    }
}

impl ExpectedOperator {
    fn apply(&mut self, workload: &Workload, operator: usize, records: &[Record], rows: &mut BTreeSet<(u32, u64)>) {
        let lineage = records.iter().fold(0, |sum: u64, record| sum.wrapping_add(record.lineage));
        self.applied += records.len() as u64;
        if workload.logs[operator].is_none() {
            self.lineage = self.lineage.wrapping_add(lineage);
        }
        match workload.behaviours[operator].keeps {
            KeptState::Nothing | KeptState::Until(_) => {}
            KeptState::CountPerKey => {
                let values = records.iter().fold(0, |sum: u64, record| sum.wrapping_add(value_hash(record.key, 1)));
                self.values = self.values.wrapping_add(values);
            }
            KeptState::Output(SinkMode::Idempotent) => {
                // A record that comes twice by itself is one row.
                let output = self.output.get_or_insert_default();
                for record in records.iter().filter(|record| rows.insert((operator as u32, record.lineage))) {
                    output.records += 1;
                    output.lineage = output.lineage.wrapping_add(record.lineage);
                }
            }
            KeptState::Output(_) => {
                let output = self.output.get_or_insert_default();
                output.records += records.len() as u64;
                output.lineage = output.lineage.wrapping_add(lineage);
            }
        }
    }
}
