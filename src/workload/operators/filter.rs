//! Lets a share of the records pass; which ones is decided by their identity.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `filter`.
pub struct Filter;

impl OperatorKind for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn about(&self) -> &'static str {
        "lets a share of the records pass (`selectivity`)"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::Nothing)
    }
}
