//! Each pair of records from two inputs that has the key in common and happened close together becomes one record, as soon
//! as both are there. A record is kept as long as one that belongs to it may still come.

use super::{Behaviour, OperatorKind};
use crate::scenario;

/// `interval-join`.
pub struct IntervalJoin;

impl OperatorKind for IntervalJoin {
    fn name(&self) -> &'static str {
        "interval-join"
    }

    fn about(&self) -> &'static str {
        "one record for each pair from two inputs with the same key and nearly the same time"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::until(spec)
    }
}
