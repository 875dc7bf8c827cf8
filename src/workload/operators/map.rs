//! One record out for each record in.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `map`.
pub struct Map;

impl OperatorKind for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    fn about(&self) -> &'static str {
        "sends one record for each it gets; can assign new keys"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::Nothing)
    }
}
