//! One message between the coordinator and a task is lost, comes late, or comes twice.

use super::{Primitive, task_of};
use crate::plan::Plan;
use crate::scenario::MessageFault;

pub(super) fn primitives(fault: &MessageFault, plan: &Plan) -> Vec<Primitive> {
    let MessageFault { kind, of, checkpoint, nth, does } = fault;
    let task = of.as_ref().map(|name| task_of(name, plan));
    vec![Primitive::Message { kind: *kind, task, checkpoint: *checkpoint, nth: *nth, does: *does }]
}
