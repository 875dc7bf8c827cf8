//! Output for an external system.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario::{self, Ratio, SinkMode};

/// `sink`.
pub struct Sink;

impl OperatorKind for Sink {
    fn name(&self) -> &'static str {
        "sink"
    }

    fn about(&self) -> &'static str {
        "writes to an external system, at once or when a checkpoint commits"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        let behaviour = Behaviour::of(spec, KeptState::Output(spec.sink));
        // Records go no further; what goes on to a committer is no record.
        Behaviour { outputs: Ratio { outputs: u32::from(spec.sink != SinkMode::Committables), inputs: 1 }, ..behaviour }
    }
}
