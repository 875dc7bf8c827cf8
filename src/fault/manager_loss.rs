//! A task manager is gone: its tasks, its local copies of snapshots, its connections. Others only notice that they do
//! not hear of it any more; the job needs another one in its place.

use super::{Kind, Primitive};
use crate::scenario::Node;

pub(super) static KIND: Kind = Kind {
    name: "kill",
    about: "A task manager is gone with its tasks and local copies; the heartbeat timeout finds out.",
    example: r#""kill": "manager[1]""#,
};

pub(super) fn primitives(manager: u32) -> Vec<Primitive> {
    vec![Primitive::Crash(manager)]
}

pub(super) fn words(manager: u32) -> String {
    format!("{} is gone", Node::Manager(manager))
}
