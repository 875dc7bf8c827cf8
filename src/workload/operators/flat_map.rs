//! Several records out for each record in.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `flat-map`.
pub struct FlatMap;

impl OperatorKind for FlatMap {
    fn name(&self) -> &'static str {
        "flat-map"
    }

    fn about(&self) -> &'static str {
        "sends several records for each it gets (`selectivity`)"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::Nothing)
    }
}
