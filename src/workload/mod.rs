//! What records are, where they come from, and what operators do to them.
//!
//! Everything about a record - its key, its size, how many outputs it causes, their keys - is a function
//! of its identity, so that a replay after a crash makes the same records again. An operator is one file in
//! [`operators`]: it turns what the scenario says into a [`Behaviour`], a small value that the world's tight
//! loop and the batch [`oracle`] both read.
//!
//! **Architecture invariant:** no buffers, no barriers and no time here. The oracle shares the meaning of an
//! operator with the world, but nothing of how records get from one to the next.

pub mod operators;
mod oracle;
mod record;
mod source;

pub(crate) use operators::value_hash;
pub use operators::{Behaviour, KeptState, OPERATORS, OperatorKind};
pub use oracle::{Expected, ExpectedOperator, ExpectedOutput, Oracle};
pub use record::Record;
pub use source::{SourceLog, SourceShare};

use crate::base::Problem;
use crate::plan::Plan;
use crate::scenario::Scenario;

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
        let behaviours = scenario.job.operators.iter().enumerate().map(|(index, spec)| {
            let kind = OPERATORS.iter().find(|kind| kind.name() == spec.kind).expect("kinds are checked");
            kind.behaviour(spec).of_operator(index)
        });
        let behaviours = behaviours.collect();
        let mut first_partition = 0;
        let logs = scenario.job.operators.iter().map(|spec| {
            let log = SourceLog::new(spec.source.as_ref()?, spec.parallelism, first_partition);
            first_partition += log.partitions;
            Some(log)
        });
        Self { behaviours, logs: logs.collect() }
    }
}

impl Workload {
    /// Refuses jobs in which records would go round for ever.
    pub fn check_cycles(&self, scenario: &Scenario, plan: &Plan) -> Result<(), Problem> {
        for cycle in &plan.cycles {
            // What one record becomes after each operator of the cycle once, at least; copies add to it.
            let product = cycle.iter().fold((1u128, 1u128), |(outputs, inputs), op| {
                let ratio = self.behaviours[op.index()].outputs;
                (outputs * u128::from(ratio.outputs), inputs * u128::from(ratio.inputs))
            });
            if product.0 >= product.1 {
                let names: Vec<&str> = cycle.iter().map(|op| plan.operators[op.index()].name.as_str()).collect();
                let place = scenario.job.operators[cycle[0].index()].place.clone();
                return Err(Problem::at(
                    place,
                    format!("records would go round {} for ever", names.join(", ")),
                    "give one of these operators a selectivity below 1",
                ));
            }
        }
        Ok(())
    }
}
