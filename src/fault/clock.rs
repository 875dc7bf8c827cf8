//! The clock of a task manager is wrong. The coordinator's is right by definition.

use super::{Kind, Primitive};
use crate::scenario::{ClockFault, Node};

pub(super) static KIND: Kind = Kind {
    name: "clock",
    about: "The clock of a task manager is `ahead` or `behind`.",
    example: r#""clock": {"of": "manager[1]", "behind": "3ms"}"#,
};

pub(super) fn primitives(fault: &ClockFault) -> Vec<Primitive> {
    let by = i64::try_from(fault.by.0).unwrap_or(i64::MAX);
    vec![Primitive::Clock { manager: fault.manager, by: if fault.behind { -by } else { by } }]
}

pub(super) fn words(fault: &ClockFault) -> String {
    let ClockFault { manager, by, behind } = *fault;
    format!("the clock of {} is {by} {}", Node::Manager(manager), if behind { "behind" } else { "ahead" })
}
