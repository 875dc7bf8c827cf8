//! A file of a snapshot is lost or corrupt: it was stored, and cannot be read any more.

use super::{Kind, Primitive, task_of};
use crate::plan::Plan;
use crate::scenario::SubtaskName;

pub(super) static KIND: Kind = Kind {
    name: "spoil",
    about: "The newest stored snapshot of a task cannot be read any more.",
    example: r#""spoil": "count[1]""#,
};

pub(super) fn primitives(name: &SubtaskName, plan: &Plan) -> Vec<Primitive> {
    vec![Primitive::Spoil(task_of(name, plan))]
}

pub(super) fn words(name: &SubtaskName) -> String {
    format!("the newest stored snapshot of {name} cannot be read any more")
}
