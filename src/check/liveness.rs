//! The run comes to an end.
//!
//! After the limit sources stop and faults heal, so every job must drain; so must one that a savepoint ends before. One
//! that does not is stuck, and what its tasks last did is the reason that is told. That tasks end one after the other,
//! and some long before the others, is no reason: each of them must. A job that is restarted again and again gets
//! nowhere, whatever its tasks did last.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "liveness",
    sentence: "Once sources have stopped and faults have healed, every task comes to its end.",
    needs: Claim::Always,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::TaskStarted,
    EventKind::TaskFailed,
    EventKind::TaskCancelled,
    EventKind::ReadingStopped,
    EventKind::TaskDrained,
    EventKind::TaskFinished,
    EventKind::TaskBlocked,
    EventKind::TaskUnblocked,
    EventKind::JobRestarting,
]);

/// So many restarts are no accident.
const AGAIN_AND_AGAIN: u64 = 100;

#[derive(Clone)]
pub(super) struct Liveness {
    tasks: Vec<Task>,
    restarts: u64,
    examined: u64,
}

/// What a task last told.
#[derive(Clone, Copy, Default)]
struct Task {
    doing: Doing,
    /// Whatever else it does, it waits for output buffers.
    blocked: bool,
}

/// In the order in which one of them is a reason for a stop.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Failed,
    Cancelled,
    Blocked,
    Stopped,
    #[default]
    Running,
    Drained,
    Finished,
}

impl Task {
    fn doing(self) -> Doing {
        if self.blocked { Doing::Blocked } else { self.doing }
    }
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Self::Failed => "has failed and was not restarted",
            Self::Cancelled => "was cancelled and not restarted",
            Self::Blocked => "waits for output buffers",
            Self::Stopped => "reads nothing more for a savepoint that does not end the job",
            Self::Running => "waits for input",
            Self::Drained => "has no more input but does not finish",
            Self::Finished => "has finished",
        }
    }

    fn signature(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
            Self::Running => "waiting",
            Self::Drained => "drained",
            Self::Finished => "finished",
        }
    }
}

impl Liveness {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self { tasks: vec![Task::default(); setting.plan.tasks.len()], restarts: 0, examined: 0 }
    }
}

impl Check for Liveness {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, _: Time, event: &Event, _: &Plan, _: &mut Findings) {
        let (task, doing) = match *event {
            Event::TaskBlocked { task } => return self.tasks[task.index()].blocked = true,
            Event::TaskUnblocked { task } => return self.tasks[task.index()].blocked = false,
            Event::ReadingStopped { task, .. } => return self.tasks[task.index()].doing = Doing::Stopped,
            Event::TaskDrained { task } => return self.tasks[task.index()].doing = Doing::Drained,
            Event::JobRestarting { .. } => return self.restarts += 1,
            Event::TaskStarted { task, .. } => (task, Doing::Running),
            Event::TaskFailed { task, .. } => (task, Doing::Failed),
            Event::TaskCancelled { task, .. } => (task, Doing::Cancelled),
            Event::TaskFinished { task } => (task, Doing::Finished),
            _ => return,
        };
        self.tasks[task.index()] = Task { doing, blocked: false };
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        self.examined += 1;
        if end.drained {
            return;
        }
        out.add(ABOUT.name, end.at, || {
            let doings = || self.tasks.iter().map(|task| task.doing());
            let waiting = doings().filter(|doing| *doing != Doing::Finished).count();
            let first = doings().enumerate().min_by_key(|(index, doing)| (*doing, *index));
            let Some((index, doing)) = first.filter(|_| waiting > 0) else {
                return Finding::new("no end", "the run did not end although every task has finished");
            };
            let task = TaskId::from(index);
            let (all, name) = (self.tasks.len(), end.plan.task_name(task));
            let text = format!("{waiting} of {all} tasks did not finish: {name} {}", doing.words());
            if self.restarts >= AGAIN_AND_AGAIN {
                let text = format!("the job was restarted {} times; at last {text}", self.restarts);
                return Finding::new("restarted again and again", text);
            }
            Finding::new(format!("{} {}", doing.signature(), head_name(end.plan, task)), text).task(task)
        });
    }

    fn reset(&mut self) {
        self.tasks.fill(Task::default());
        (self.restarts, self.examined) = (0, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.restarts);
        into.words(self.tasks.iter().map(|task| (task.doing as u64) << 1 | u64::from(task.blocked)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
