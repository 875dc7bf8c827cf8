//! The way of records through the logical job, one batch after the other: no channels, no barriers, no time.
//!
//! Oracle and census walk the same way and differ in what they take along and what they note. What is taken along is
//! an [`Item`]: the oracle needs the bare record and nothing slower; the census remembers where it comes from.

use super::gathered::{ExpectedWindows, Gathered};
use super::{Record, Workload};
use crate::base::{Concern, Draws};
use crate::plan::Plan;
use crate::scenario::Partitioner;
use std::ops::Range;

/// A record on its way, with what is to be remembered of it.
pub(super) trait Item: Copy {
    /// As a source emits it.
    fn emitted(record: Record, partition: u32, offset: u64) -> Self;
    /// Itself.
    fn record(&self) -> &Record;
    /// What an operator made of it.
    fn made(&self, record: Record) -> Self;
}

impl Item for Record {
    #[inline]
    fn emitted(record: Record, _partition: u32, _offset: u64) -> Self {
        record
    }

    #[inline]
    fn record(&self) -> &Record {
        self
    }

    #[inline]
    fn made(&self, record: Record) -> Self {
        record
    }
}

/// Walks jobs; keeps its memory between walks.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk<T> {
    routes: Routes,
    /// By operator: records that it gets.
    waiting: Vec<Vec<T>>,
    /// By operator that tells its inputs apart: those that it gets from the second.
    second: Vec<Vec<T>>,
    /// By operator: what waits for a time to come, and what must come of it.
    gathered: Vec<Gathered<T>>,
    pub windows: Vec<ExpectedWindows>,
}

/// Who sends to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    /// Operators, inputs before outputs.
    order: Vec<u32>,
    /// By operator: its output edges.
    pub next: Vec<Vec<Next>>,
}

/// An output edge of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    /// Its number among the operator's outputs.
    pub edge: u32,
    pub to: u32,
    /// Which of the receiver's inputs it is.
    gate: u32,
    /// How many of the receiver's subtasks get each record.
    copies: u32,
}

/// Records that are made before they are followed: small enough to stay in the cache.
const BATCH: u64 = 1024;

impl Routes {
    /// The routes of a job.
    pub fn new(plan: &Plan) -> Self {
        let mut next: Vec<Vec<Next>> = vec![Vec::new(); plan.operators.len()];
        for edge in &plan.edges {
            let copies = match edge.by {
                Partitioner::Broadcast => plan.operators[edge.to.index()].tasks.len() as u32,
                _ => 1,
            };
            let outs = &mut next[edge.from.index()];
            outs.push(Next { edge: outs.len() as u32, to: edge.to.0, gate: edge.gate, copies });
        }
        for task in &plan.tasks {
            for pair in task.chain.windows(2) {
                next[pair[0].index()] = vec![Next { edge: 0, to: pair[1].0, gate: 0, copies: 1 }];
            }
        }
        Self { order: plan.order.iter().map(|op| op.0).collect(), next }
    }
}

impl<T: Item> Walk<T> {
    /// Prepares the routes of a job.
    pub fn new(plan: &Plan) -> Self {
        let operators = plan.operators.len();
        Self {
            routes: Routes::new(plan),
            waiting: vec![Vec::new(); operators],
            second: vec![Vec::new(); operators],
            gathered: (0..operators).map(|_| Gathered::default()).collect(),
            windows: vec![ExpectedWindows::default(); operators],
        }
    }

    /// Follows records that are on their way to operators already.
    pub fn go_on(&mut self, workload: &Workload, flying: &[(usize, Vec<T>)], visit: &mut impl FnMut(usize, &[T])) {
        for (operator, records) in flying {
            self.waiting[*operator].extend(records);
            self.follow(workload, visit);
        }
    }

    /// Follows the records at `emitted(operator, partition)`, which are offsets, of each partition of each source, and
    /// tells which come to which operator, sources included.
    pub fn walk(
        &mut self,
        workload: &Workload,
        seed: u64,
        mut emitted: impl FnMut(usize, u32) -> Range<u64>,
        mut visit: impl FnMut(usize, &[T]),
    ) {
        for (operator, log) in workload.logs.iter().enumerate() {
            let Some(log) = log else { continue };
            for partition in log.first_partition..log.first_partition + log.partitions {
                let mut draws = Draws::new(seed, Concern::Key, u64::from(partition));
                let all = emitted(operator, partition);
                for first in all.clone().step_by(BATCH as usize) {
                    self.waiting[operator].extend((first..all.end.min(first + BATCH)).map(|offset| {
                        T::emitted(log.record_at(partition, offset, draws.at(offset)), partition, offset)
                    }));
                    self.follow(workload, &mut visit);
                }
            }
        }
        // All that comes has come: those before pass on to those behind what they waited for.
        for at in 0..self.routes.order.len() {
            let operator = self.routes.order[at] as usize;
            let Some(over_time) = workload.behaviours[operator].over_time() else { continue };
            let mut results = Vec::new();
            self.windows[operator] = self.gathered[operator].evaluate(over_time, &mut results);
            self.send_on(workload, operator, &results, |_| 1);
            self.follow(workload, &mut visit);
        }
    }

    /// Follows all waiting records and everything that comes of them; cycles take several rounds.
    fn follow(&mut self, workload: &Workload, visit: &mut impl FnMut(usize, &[T])) {
        loop {
            let mut quiet = true;
            for at in 0..self.routes.order.len() {
                let operator = self.routes.order[at] as usize;
                if !self.second[operator].is_empty() {
                    visit(operator, &self.second[operator]);
                    self.gathered[operator].add(1, &self.second[operator]);
                    self.second[operator].clear();
                }
                if self.waiting[operator].is_empty() {
                    continue;
                }
                quiet = false;
                let records = std::mem::take(&mut self.waiting[operator]);
                visit(operator, &records);
                self.send(workload, operator, &records);
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

    fn send(&mut self, workload: &Workload, operator: usize, records: &[T]) {
        let behaviour = &workload.behaviours[operator];
        if behaviour.over_time().is_some() {
            return self.gathered[operator].add(0, records);
        }
        self.send_on(workload, operator, records, |lineage| behaviour.output_count(lineage));
    }

    /// What an operator makes of records, as many of each as `count` says.
    fn send_on(&mut self, workload: &Workload, operator: usize, records: &[T], count: impl Fn(u64) -> u32) {
        let behaviour = &workload.behaviours[operator];
        for Next { edge, to, gate, copies } in &self.routes.next[operator] {
            let takes_sides = workload.behaviours[*to as usize].over_time().is_some_and(|over| over.takes_sides());
            let second = takes_sides && *gate > 0;
            let out = if second { &mut self.second[*to as usize] } else { &mut self.waiting[*to as usize] };
            for item in records {
                let record = item.record();
                for branch in 0..count(record.lineage) {
                    let output = item.made(behaviour.output(record, branch, *edge));
                    out.extend(std::iter::repeat_n(output, *copies as usize));
                }
            }
        }
    }
}
