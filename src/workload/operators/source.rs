//! Reads a replayable log; its state is its position.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `source`.
pub struct Source;

impl OperatorKind for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    fn about(&self) -> &'static str {
        "reads a replayable log with partitions and offsets"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::Nothing)
    }
}
