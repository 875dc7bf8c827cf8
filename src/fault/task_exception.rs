//! A task throws an exception: its attempt is over, and the job restarts as its protocol plans it.

use crate::base::TaskId;
use crate::plan::Plan;
use crate::scenario::SubtaskName;

/// The task that throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskException {
    /// Which.
    pub task: TaskId,
}

impl TaskException {
    pub(super) fn new(name: &SubtaskName, plan: &Plan) -> Self {
        let task = plan.task_named(&name.operator, name.subtask).expect("names in faults are checked");
        Self { task }
    }
}
