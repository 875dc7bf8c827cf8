//! Steps that follow after a while, and their place among others of the same instant. What is about a fault has its
//! place by that.

use crate::world::Step;

/// Names a step: its kind, who, which one.
pub(super) fn name_of(step: Step) -> (u64, u64, u64) {
    match step {
        Step::Late(id) => (22, 0, u64::from(id)),
        Step::Suspect { manager, silence } => (23, u64::from(manager), u64::from(silence)),
        Step::Replaced(manager) => (24, u64::from(manager), 0),
        Step::TakeOver => (25, 0, 0),
        Step::Appear { task, checkpoint } => (26, u64::from(task.0), checkpoint.0),
        Step::Expire { task, transaction } => (40, u64::from(task.0), transaction),
        Step::Call(number) => (41, 0, u64::from(number)),
        Step::Reply(number) => (42, 0, u64::from(number)),
        Step::Haunt(zombie) => (43, 0, u64::from(zombie)),
        Step::Undelivered { task, attempt } => (44, u64::from(task.0), u64::from(attempt.0)),
        Step::Alarm { task, attempt } => (45, u64::from(task.0), u64::from(attempt.0)),
        other => unreachable!("no step that follows after a while: {other:?}"),
    }
}
