//! The operators, one file each, and the table of them.
//!
//! To add one: write a file with a unit struct that implements [`OperatorKind`], and add a line to
//! [`OPERATORS`]. The table drives parsing, `cutline list` and the tests.

mod committer;
mod count;
mod filter;
mod flat_map;
mod interval_join;
mod join;
mod map;
mod sink;
mod source;
mod timeout;
mod window;
mod window_join;

use super::Record;
use crate::base::{Span, below, mix};
use crate::scenario::{self, OverTime, Ratio, SinkMode};

/// Every kind of operator a scenario can name.
pub const OPERATORS: &[&dyn OperatorKind] = &[
    &source::Source,
    &map::Map,
    &filter::Filter,
    &flat_map::FlatMap,
    &count::Count,
    &join::Join,
    &sink::Sink,
    &committer::Committer,
    &window::Window,
    &window_join::WindowJoin,
    &interval_join::IntervalJoin,
    &timeout::Timeout,
];

/// A kind of operator.
pub trait OperatorKind: Sync {
    /// What scenarios call it.
    fn name(&self) -> &'static str;
    /// One sentence for `cutline list`.
    fn about(&self) -> &'static str;
    /// What an operator of this kind does to a record.
    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour;
}

/// What an operator keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// Nothing but the engine's accounting.
    Nothing,
    /// A counter for each key.
    CountPerKey,
    /// Output for an external system.
    Output(SinkMode),
    /// Records, until a time has come.
    Until(OverTime),
}

/// What an operator does to a record, as a value: read by the world's inner loop and by the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// What it keeps.
    pub keeps: KeptState,
    /// Records out per record in.
    pub outputs: Ratio,
    /// New keys below this for its outputs.
    pub rekey: Option<u32>,
    /// Size of its outputs, if it is not the input's.
    pub output_size: Option<u32>,
    /// Makes its hashes its own.
    salt: u64,
}

impl Behaviour {
    /// What the scenario says of an operator that keeps this.
    pub(super) fn of(spec: &scenario::Operator, keeps: KeptState) -> Self {
        Self {
            keeps,
            outputs: spec.selectivity,
            rekey: spec.rekey,
            output_size: spec.output_size.map(|size| size.0 as u32),
            salt: 0,
        }
    }

    /// An operator that keeps records until a time has come: what it then sends is not caused by any one of them.
    pub(super) fn until(spec: &scenario::Operator) -> Self {
        let over_time = spec.over_time.expect("the description of the kind says so");
        Self { outputs: Ratio { outputs: 0, inputs: 1 }, ..Self::of(spec, KeptState::Until(over_time)) }
    }

    /// What it does over time, if it does.
    #[inline]
    pub fn over_time(&self) -> Option<OverTime> {
        match self.keeps {
            KeptState::Until(over_time) => Some(over_time),
            _ => None,
        }
    }

    /// Whether a record may make it send something that nobody can tell who looks at the record alone.
    pub fn acts_at_once(&self) -> bool {
        match self.over_time() {
            Some(OverTime::Window(window)) => window.lateness > Span::ZERO,
            Some(OverTime::Interval { .. } | OverTime::After(_)) => true,
            Some(OverTime::Pairs(_)) | None => false,
        }
    }

    /// The same for the operator of this number, whose hashes are its own.
    pub(super) fn of_operator(self, index: usize) -> Self {
        Self { salt: mix(index as u64 + 1), ..self }
    }

    /// Whether it sends exactly one record for each it gets.
    #[inline]
    pub fn is_one_to_one(&self) -> bool {
        self.outputs.outputs == self.outputs.inputs
    }

    /// How many records a record of this lineage causes.
    #[inline]
    pub fn output_count(&self, lineage: u64) -> u32 {
        let Ratio { outputs, inputs } = self.outputs;
        if outputs == inputs {
            return 1;
        }
        let (whole, rest) = (outputs / inputs, outputs % inputs);
        whole + u32::from((below(mix(lineage ^ self.salt ^ OUTPUTS), u64::from(inputs)) as u32) < rest)
    }

    /// The `branch`-th record that `record` causes, for the `edge`-th output edge.
    #[inline]
    pub fn output(&self, record: &Record, branch: u32, edge: u32) -> Record {
        let way = u64::from(branch << 8 | edge).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let lineage = mix(record.lineage.wrapping_add(way) ^ self.salt);
        let key = match self.rekey {
            None => record.key,
            Some(keys) => below(mix(lineage ^ NEW_KEY), u64::from(keys)) as u32,
        };
        Record { lineage, time: record.time, key, size: self.output_size.unwrap_or(record.size) }
    }
}

/// Keeps what a record's key is drawn from apart from its lineage, and how many outputs it has from both.
const NEW_KEY: u64 = 0x6a09_e667_f3bc_c909;
const OUTPUTS: u64 = 0xbb67_ae85_84ca_a73b;

/// The part of a value hash that one record adds: linear, so that subtasks' parts add up.
#[inline]
pub(crate) const fn value_hash(key: u32, count: u32) -> u64 {
    mix(key as u64 ^ 0xa076_1d64_78bd_642f).wrapping_mul(count as u64)
}
