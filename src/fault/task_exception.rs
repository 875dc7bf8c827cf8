//! An exception in user code or in the engine: one task fails, and says so.

use super::{Kind, Primitive, task_of};
use crate::plan::Plan;
use crate::scenario::SubtaskName;

pub(super) static KIND: Kind = Kind {
    name: "fail",
    about: "One task fails and says so, as after an exception in user code.",
    example: r#""fail": "count[1]""#,
};

pub(super) fn primitives(name: &SubtaskName, plan: &Plan) -> Vec<Primitive> {
    vec![Primitive::Throw(task_of(name, plan))]
}

pub(super) fn words(name: &SubtaskName) -> String {
    format!("{name} throws an exception")
}
