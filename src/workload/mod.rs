//! What records are, where they come from, and what operators do to them.
//!
//! Everything about a record - its key, its size, how many outputs it causes, their keys - is a function
//! of its identity, so that a replay after a crash makes the same records again. An operator is one file in
//! [`operators`]: it turns what the scenario says into a [`Behaviour`], a small value that the world's tight
//! loop and the batch [`oracle`] both read. What the oracle sums up, the [`Census`] names record by record.
//!
//! **Architecture invariant:** no buffers, no barriers and no clock here. The oracle shares the meaning of an
//! operator with the world, but nothing of how records get from one to the next.

mod census;
mod gathered;
pub mod operators;
mod oracle;
mod record;
mod resumed;
mod source;
mod walk;
pub mod windows;

pub use census::{Census, Hop, Known};
pub use gathered::ExpectedWindows;
pub(crate) use operators::value_hash;
pub use operators::{Behaviour, KeptState, OPERATORS, OperatorKind};
pub use oracle::{Expected, ExpectedOperator, ExpectedOutput, Oracle};
pub use record::{Mark, Record};
pub use resumed::Rest;
pub use source::{SourceLog, SourceShare, Upcoming};

use crate::base::{OperatorId, Problem};
use crate::plan::{Edge, Plan};
use crate::scenario::{Partitioner, Scenario};

/// Everything about the job that is not structure: what operators do, what sources hold.
#[derive(Clone, Debug)]
pub struct Workload {
    /// By operator.
    pub behaviours: Vec<Behaviour>,
    /// By operator; `None` unless it is a source.
    pub logs: Vec<Option<SourceLog>>,
}

impl Workload {
    /// Compiles the operators of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        Self::after(scenario, &mut Numbers::default())
    }

    /// Compiles the operators of a phase of a scenario. What was numbered in a phase before keeps its number, on which the
    /// identity of its records rests.
    pub fn after(scenario: &Scenario, numbers: &mut Numbers) -> Self {
        let operators = &scenario.job.operators;
        let behaviours = operators.iter().map(|spec| {
            let kind = OPERATORS.iter().find(|kind| kind.name() == spec.kind).expect("kinds are checked");
            kind.behaviour(spec).of_operator(numbers.operator(&spec.id))
        });
        let behaviours = behaviours.collect();
        let logs = operators.iter().map(|spec| {
            let source = spec.source.as_ref()?;
            let (first_partition, layout) = numbers.source(&spec.id, source.partitions, spec.parallelism);
            Some(SourceLog { layout, ..SourceLog::new(source, spec.parallelism, first_partition) })
        });
        Self { behaviours, logs: logs.collect() }
    }

    /// Whether records of the job say when they happened.
    pub fn has_event_time(&self) -> bool {
        self.logs.iter().flatten().any(|log| log.event_time.is_some())
    }
}

/// Which operators and partitions there have been in a job, so that none is taken for another if the job changes.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    operators: Vec<String>,
    /// Each source with its first partition and the parallelism that it had at first.
    sources: Vec<(String, u32, u32)>,
    partitions: u32,
}

impl Numbers {
    fn operator(&mut self, id: &str) -> usize {
        self.operators.iter().position(|known| known == id).unwrap_or_else(|| {
            self.operators.push(id.to_owned());
            self.operators.len() - 1
        })
    }

    fn source(&mut self, id: &str, partitions: u32, parallelism: u32) -> (u32, u32) {
        if let Some((_, first, layout)) = self.sources.iter().find(|(known, ..)| known == id) {
            return (*first, *layout);
        }
        let first = self.partitions;
        self.partitions += partitions;
        self.sources.push((id.to_owned(), first, parallelism));
        (first, parallelism)
    }
}

impl Workload {
    /// Refuses jobs in which records would go round for ever.
    pub fn check_cycles(&self, scenario: &Scenario, plan: &Plan) -> Result<(), Problem> {
        let Some(cycle) = plan.cycles.iter().find(|cycle| !self.dies_out(plan, cycle)) else { return Ok(()) };
        let names: Vec<&str> = cycle.iter().map(|op| plan.operators[op.index()].name.as_str()).collect();
        Err(Problem::at(
            scenario.job.operators[cycle[0].index()].place.clone(),
            format!("records would go round {} for ever", names.join(", ")),
            "give an operator of every cycle a selectivity below 1, so that fewer come round than went",
        ))
    }

    /// Whether what goes round in a set of operators becomes less: after some steps along its edges less than one
    /// record is left of each. Counted in 2^-20 records, rounded up.
    fn dies_out(&self, plan: &Plan, cycle: &[OperatorId]) -> bool {
        const ONE: u128 = 1 << 20;
        let inside = |edge: &&Edge| cycle.contains(&edge.from) && cycle.contains(&edge.to);
        let mut left = vec![ONE; plan.operators.len()];
        for _ in 0..32 * cycle.len() {
            let mut next = vec![0; left.len()];
            for edge in plan.edges.iter().filter(inside) {
                let ratio = self.behaviours[edge.from.index()].outputs;
                let copies = match edge.by {
                    Partitioner::Broadcast => plan.operators[edge.to.index()].tasks.len() as u128,
                    _ => 1,
                };
                let gain = u128::from(ratio.outputs) * copies * left[edge.to.index()];
                next[edge.from.index()] += gain.div_ceil(u128::from(ratio.inputs)).min(1 << 60);
            }
            left = next;
            if cycle.iter().all(|op| left[op.index()] < ONE) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Workload;
    use crate::{plan, scenario};

    #[test]
    fn cycles_must_lose_records_however_they_are_entangled() {
        let job = |there: &str, back: &str| {
            let text = format!(
                r#"{{"cutline": 1, "job": {{"operators": [
                  {{"id": "s", "kind": "source", "records": 1}},
                  {{"id": "a", "kind": "map", "selectivity": "{there}"}},
                  {{"id": "b", "kind": "map", "selectivity": "{back}"}},
                  {{"id": "c", "kind": "map", "selectivity": "1/3"}},
                  {{"id": "k", "kind": "sink"}}],
                "edges": [{{"from": "s", "to": "a"}}, {{"from": "a", "to": "b"}}, {{"from": "b", "to": "c"}},
                  {{"from": "b", "to": "a", "feedback": true}}, {{"from": "c", "to": "b", "feedback": true}},
                  {{"from": "c", "to": "k"}}]}},
                "checkpoints": {{"protocol": "chandy-lamport"}}}}"#
            );
            let scenario = scenario::parse(&text, "cycles.json").expect("it is well formed");
            Workload::new(&scenario).check_cycles(&scenario, &plan::build(&scenario))
        };
        assert_eq!(job("1/2", "1/2"), Ok(()));
        // The way through c loses records, the way between a and b does not.
        let problem = job("1", "1").expect_err("records of the first cycle go round for ever");
        assert!(problem.to_string().contains("a, b, c for ever"), "{problem}");
        assert!(job("2", "1/2").is_err());
    }
}
