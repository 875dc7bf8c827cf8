//! Output for an external system.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

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
        Behaviour::of(spec, KeptState::Output(spec.sink))
    }
}
