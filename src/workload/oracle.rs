//! The expected result of a job, by plain batch evaluation: no channels, no barriers, no time.

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
