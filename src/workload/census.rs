//! Every record by name: which records the batch evaluation brings to an operator, where each comes from and which way
//! it takes.
//!
//! The oracle sums lineages up, and a sum does not say which records are missing in it. The census makes the same
//! lineages again and keeps them with their meaning, for the operators that are asked for and no others: a record is a
//! function of its origin, so nothing needs to be kept while a job runs.

use super::walk::{Item, Routes, Walk};
use super::{Record, SourceLog, Workload};
use crate::base::{Concern, Draws, OperatorId};
use crate::plan::Plan;

/// Takes the census of one job under one seed.
#[derive(Clone, Debug)]
pub struct Census<'a> {
    plan: &'a Plan,
    workload: &'a Workload,
    seed: u64,
}

/// A record that an operator must have applied, and what its lineage means. 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Its lineage when it came to the operator.
    pub lineage: u64,
    /// The offset that it, or what became it, has in its partition.
    pub offset: u64,
    /// The partition, counted over all sources.
    pub partition: u32,
    /// Its key when it came to the operator.
    pub key: u32,
}

/// One operator on the way of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Who applied it.
    pub operator: OperatorId,
    /// Its lineage there.
    pub lineage: u64,
    /// Which of the records it was that the operator before made of one, from 0, and how many these were.
    pub branch: (u32, u32),
    /// On which of the outputs of the operator before.
    pub edge: u32,
}

/// A record on its way that remembers its origin.
#[derive(Clone, Copy)]
struct Marked {
    record: Record,
    partition: u32,
    offset: u64,
}

impl Item for Marked {
    fn emitted(record: Record, partition: u32, offset: u64) -> Self {
        Self { record, partition, offset }
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn made(&self, record: Record) -> Self {
        Self { record, ..*self }
    }
}

impl<'a> Census<'a> {
    /// For runs of this job with this seed.
    pub fn new(plan: &'a Plan, workload: &'a Workload, seed: u64) -> Self {
        Self { plan, workload, seed }
    }

    /// By operator, if it is `wanted`: all that it must have applied, by rising lineage. Copies for several subtasks are
    /// there as often as there are subtasks.
    pub fn take(&self, wanted: &[bool], mut emitted: impl FnMut(usize, u32) -> u64) -> Vec<Vec<Known>> {
        let mut all = vec![Vec::new(); self.plan.operators.len()];
        let upto = |operator, partition| 0..emitted(operator, partition);
        Walk::new(self.plan).walk(self.workload, self.seed, upto, |operator, records: &[Marked]| {
            if wanted[operator] {
                all[operator].extend(records.iter().map(|marked| {
                    let Marked { record: Record { lineage, key, .. }, partition, offset } = *marked;
                    Known { lineage, offset, partition, key }
                }));
            }
        });
        all.iter_mut().for_each(|known| known.sort_unstable());
        all
    }

    /// The way of a record from its source to an operator; empty if it does not come there, or a window is on its way.
    pub fn way(&self, known: &Known, to: OperatorId) -> Vec<Hop> {
        let Some((source, log)) = self.source(known.partition) else { return Vec::new() };
        let mut draws = Draws::new(self.seed, Concern::Key, u64::from(known.partition));
        let record = log.record_at(known.partition, known.offset, draws.at(known.offset));
        let mut way = vec![Hop { operator: source, lineage: record.lineage, branch: (0, 1), edge: 0 }];
        let found = self.descend(&Routes::new(self.plan), &record, (to, known.lineage), &mut way);
        if found { way } else { Vec::new() }
    }

    /// The source that a partition belongs to, with its log.
    pub fn source(&self, partition: u32) -> Option<(OperatorId, &SourceLog)> {
        let logs = self.workload.logs.iter().enumerate();
        logs.filter_map(|(operator, log)| Some((OperatorId::from(operator), log.as_ref()?)))
            .find(|(_, log)| (log.first_partition..log.first_partition + log.partitions).contains(&partition))
    }

    /// Goes on from the last hop, where `record` is, until the goal is reached; what leads nowhere is taken back.
    fn descend(&self, routes: &Routes, record: &Record, goal: (OperatorId, u64), way: &mut Vec<Hop>) -> bool {
        let last = way[way.len() - 1];
        if (last.operator, last.lineage) == goal {
            return true;
        }
        let behaviour = &self.workload.behaviours[last.operator.index()];
        let count = behaviour.output_count(record.lineage);
        for next in &routes.next[last.operator.index()] {
            for branch in 0..count {
                let output = behaviour.output(record, branch, next.edge);
                let operator = OperatorId(next.to);
                way.push(Hop { operator, lineage: output.lineage, branch: (branch, count), edge: next.edge });
                if self.descend(routes, &output, goal, way) {
                    return true;
                }
                way.pop();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, Inflow};
    use crate::scenario::{self, Limits, Scenario};
    use crate::workload::Oracle;

    fn compiled(scenario: &Scenario) -> (Plan, Workload) {
        (plan::build(scenario), Workload::new(scenario))
    }

    #[test]
    fn the_census_names_what_the_oracle_sums_up() {
        let limits = Limits {
            operators: 4,
            parallelism: 3,
            records: 100,
            faults: 0,
            wild: 0,
            lossy: false,
            cycles: true,
            concurrent: true,
            chains: true,
            any_edge: true,
            mixed: true,
            requests: false,
            outside: false,
            parameter: None,
            splits: false,
            coordinated: true,
            event_time: true,
            backends: true,
            over_time: true,
        };
        for seed in 0..50 {
            let (plan, workload) = compiled(&scenario::generate(seed, &limits, "chandy-lamport"));
            let emitted = |_: usize, partition: u32| 20 + u64::from(partition);
            let mut oracle = Oracle::new(&plan);
            let expected = oracle.evaluate(&workload, seed, emitted);
            let census = Census::new(&plan, &workload, seed);
            let all = census.take(&vec![true; plan.operators.len()], emitted);
            for (operator, (known, due)) in all.iter().zip(&expected.operators).enumerate() {
                assert_eq!(known.len() as u64, due.applied, "seed {seed}");
                let sum = known.iter().fold(0, |sum: u64, known| sum.wrapping_add(known.lineage));
                assert!(workload.logs[operator].is_some() || sum == due.lineage, "seed {seed}");
                if plan.operators[operator].inflow != Inflow::Same {
                    continue;
                }
                for known in known.iter().step_by(7) {
                    let way = census.way(known, OperatorId::from(operator));
                    let (first, last) = (way.first().expect("it came there"), way[way.len() - 1]);
                    assert!(plan.operators[first.operator.index()].is_source);
                    assert_eq!((last.operator.index(), last.lineage), (operator, known.lineage));
                    assert!(way.iter().all(|hop| hop.branch.0 < hop.branch.1));
                }
            }
        }
    }

    #[test]
    fn only_what_is_wanted_is_kept_and_no_way_leads_to_what_is_not_there() {
        let text = r#"{"cutline": 1, "job": {"operators": [
              {"id": "s", "kind": "source", "records": 3},
              {"id": "f", "kind": "flat-map", "selectivity": "2"},
              {"id": "k", "kind": "sink", "parallelism": 2}],
            "edges": [{"from": "s", "to": "f"}, {"from": "f", "to": "k", "by": "broadcast"}]},
            "checkpoints": {"protocol": "aligned"}}"#;
        let (plan, workload) = compiled(&scenario::parse(text, "census.json").expect("it is well formed"));
        let census = Census::new(&plan, &workload, 1);
        let all = census.take(&[false, false, true], |_, _| 3);
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 12]);
        let of_second: Vec<Known> = all[2].iter().copied().filter(|known| known.offset == 1).collect();
        assert_eq!((of_second.len(), of_second[0]), (4, of_second[1]), "two records, each for two subtasks");
        let mut branches: Vec<_> = of_second.iter().map(|known| census.way(known, OperatorId(2))[2].branch).collect();
        branches.sort_unstable();
        assert_eq!(branches, [(0, 2), (0, 2), (1, 2), (1, 2)]);
        assert_eq!(census.way(&Known { lineage: 7, ..of_second[0] }, OperatorId(2)), []);
        assert_eq!(census.way(&Known { partition: 9, ..of_second[0] }, OperatorId(2)), []);
    }
}
