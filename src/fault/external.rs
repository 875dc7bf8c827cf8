//! What happens at the external system of a sink.

use super::Primitive;
use crate::plan::Plan;
use crate::scenario::ExternalFault;

pub(super) fn primitives(fault: &ExternalFault, plan: &Plan) -> Vec<Primitive> {
    let operator = plan.operator_named(&fault.of).expect("sinks that faults name are checked");
    vec![Primitive::External { operator, does: fault.does }]
}
