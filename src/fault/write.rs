//! The storage fails a write, is slow, succeeds and says it failed, or shows the file late.

use super::{Primitive, task_of};
use crate::plan::Plan;
use crate::scenario::WriteFault;

pub(super) fn primitives(fault: &WriteFault, plan: &Plan) -> Vec<Primitive> {
    let WriteFault { of, checkpoint, times, does } = fault;
    let task = of.as_ref().map(|name| task_of(name, plan));
    vec![Primitive::Write { task, checkpoint: *checkpoint, times: *times, does: *does }]
}
