//! Two inputs that meet in one keyed state. Like the count it sends each record on, so that its result does not
//! depend on which side came first.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `join`.
pub struct Join;

impl OperatorKind for Join {
    fn name(&self) -> &'static str {
        "join"
    }

    fn about(&self) -> &'static str {
        "two keyed inputs, one state by key; sends each record on"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::CountPerKey)
    }
}
