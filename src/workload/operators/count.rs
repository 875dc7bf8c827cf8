//! The keyed aggregate: a counter for each key. It sends each record on rather than the running count, because
//! the count depends on the order of arrival and the result would not be comparable (not confluent).

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `count`.
pub struct Count;

impl OperatorKind for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn about(&self) -> &'static str {
        "counts records by key and sends each on"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::CountPerKey)
    }
}
