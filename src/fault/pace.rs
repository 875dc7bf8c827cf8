//! Threads that are slow or stand still for a while: a long garbage collection, a noisy neighbour.

use super::{Kind, Primitive, task_of};
use crate::base::TaskId;
use crate::plan::Plan;
use crate::scenario::{Node, PaceFault, Paced};

pub(super) static SLOW: Kind = Kind {
    name: "slow",
    about: "A task, or each on a machine, takes so many times as long for a record.",
    example: r#""slow": {"of": "count[1]", "factor": 4, "for": "2s"}"#,
};

pub(super) static PAUSE: Kind = Kind {
    name: "pause",
    about: "A task, or each on a machine, stands still.",
    example: r#""pause": {"of": "manager[1]", "for": "2s"}"#,
};

pub(super) fn primitives(fault: &PaceFault, plan: &Plan) -> Vec<Primitive> {
    let tasks: Vec<TaskId> = match &fault.of {
        Paced::Task(name) => vec![task_of(name, plan)],
        Paced::Manager(manager) => {
            plan.task_ids().filter(|task| plan.tasks[task.index()].manager == *manager).collect()
        }
    };
    let (factor, lasts) = (fault.factor.unwrap_or(0), fault.lasts);
    tasks.into_iter().map(|task| Primitive::Pace { task, factor, lasts }).collect()
}

pub(super) fn words(fault: &PaceFault) -> String {
    let PaceFault { of, factor, lasts } = fault;
    let of = match of {
        Paced::Task(name) => name.to_string(),
        Paced::Manager(manager) => format!("each task on {}", Node::Manager(*manager)),
    };
    match factor {
        None => format!("{of} stands still for {lasts}"),
        Some(factor) => format!("{of} needs {factor} times as long for a record, for {lasts}"),
    }
}
