//! What is recorded can be restored: every snapshot it needs is in storage, and stays there as long as it is recorded.
//!
//! A task that had no part in a checkpoint had ended before; the checkpoint needs the newest snapshot in which it had one.
//! A restart deletes what is newer than the snapshot that a task goes back to, because that history did not happen: so
//! nothing newer may be recorded by then. (If something newer is even complete, the restart went back too far, and
//! `restore` says so; and what is complete although it is never stored is told by `completion`.) What a fault spoils is
//! there all the same; that nobody can read it is the restart's business.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "files",
    sentence: "All snapshots that a recorded checkpoint needs are stored before it is recorded, and kept until it is forgotten.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFinished,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointAborted,
        EventKind::CheckpointCompleted,
        EventKind::SnapshotDurable,
        EventKind::SnapshotsDropped,
        EventKind::SnapshotDiscarded,
        EventKind::RecordStored,
        EventKind::RecordForgotten,
        EventKind::RestorePoint,
        EventKind::CoordinatorTookOver,
    ]),
};

#[derive(Clone)]
pub(super) struct Files {
    /// By task: the snapshot that a checkpoint needs; blank before it is recorded, but for tasks that had ended.
    needs: Pages<Need>,
    /// What is recorded, and whether it is complete.
    recorded: Vec<(CheckpointId, bool)>,
    /// What came to nothing, as far as a write may still be under way.
    over: Vec<CheckpointId>,
    tasks: Vec<Task>,
    examined: u64,
}

/// Writes are not so slow that so many checkpoints begin meanwhile.
const REMEMBERED: u64 = 64;

#[derive(Clone, Copy, Default)]
struct Need {
    /// The snapshot; 0: none.
    snapshot: CheckpointId,
    /// The task had ended when the checkpoint began.
    absent: bool,
}

#[derive(Clone, Default)]
struct Task {
    ended: bool,
    /// Snapshots in storage, oldest first.
    stored: Vec<CheckpointId>,
    /// The newest one that belongs to a recorded checkpoint.
    newest: CheckpointId,
}

impl Files {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let tasks = setting.plan.tasks.len();
        Self {
            needs: Pages::new(tasks),
            recorded: Vec::new(),
            over: Vec::new(),
            tasks: vec![Task::default(); tasks],
            examined: 0,
        }
    }

    fn begin(&mut self, checkpoint: CheckpointId) {
        self.over.retain(|over| over.0 + REMEMBERED > checkpoint.0);
        for (need, task) in self.needs.open(checkpoint).iter_mut().zip(&self.tasks) {
            *need = Need { snapshot: CheckpointId::INITIAL, absent: task.ended };
        }
    }

    fn is_recorded(&self, checkpoint: CheckpointId) -> bool {
        self.recorded.iter().any(|(recorded, _)| *recorded == checkpoint)
    }

    fn record(&mut self, at: Time, checkpoint: CheckpointId, out: &mut Findings) {
        if self.over.contains(&checkpoint) {
            out.add(ABOUT.name, at, || {
                let text =
                    format!("checkpoint {checkpoint} is recorded, but it was given up, or its coordinator replaced");
                Finding::new("recorded too late", text).checkpoint(checkpoint)
            });
        }
        self.recorded.push((checkpoint, false));
        let page = self.needs.open(checkpoint);
        for (need, task) in page.iter_mut().zip(&mut self.tasks) {
            self.examined += 1;
            need.snapshot = if need.absent { task.newest } else { checkpoint };
            task.newest = task.newest.max(need.snapshot);
        }
    }

    /// A snapshot is in storage; a checkpoint that needs it should not have been recorded before.
    fn store(&mut self, at: Time, id: TaskId, snapshot: CheckpointId, plan: &Plan, out: &mut Findings) {
        self.tasks[id.index()].stored.push(snapshot);
        self.examined += 1;
        if self.is_recorded(snapshot) {
            out.add(ABOUT.name, at, || {
                let text =
                    format!("checkpoint {snapshot} was recorded before {} had stored its part", plan.task_name(id));
                Finding::new(format!("recorded too early {}", head_name(plan, id)), text).task(id).checkpoint(snapshot)
            });
        }
    }

    /// Snapshots of a task are deleted; by a restart, or by somebody who should know what is needed.
    fn delete(
        &mut self,
        at: Time,
        id: TaskId,
        gone: impl Fn(CheckpointId) -> bool,
        by_restart: bool,
        plan: &Plan,
        out: &mut Findings,
    ) {
        self.tasks[id.index()].stored.retain(|snapshot| !gone(*snapshot));
        self.examined += 1;
        for (checkpoint, _) in self.recorded.iter().filter(|(_, complete)| !(by_restart && *complete)) {
            let Some(page) = self.needs.get(*checkpoint) else { continue };
            let snapshot = page[id.index()].snapshot;
            if snapshot != CheckpointId::INITIAL && gone(snapshot) {
                out.add(ABOUT.name, at, || {
                    let name = plan.task_name(id);
                    let how = if by_restart { "deleted by a restart" } else { "deleted" };
                    let text = format!("snapshot {snapshot} of {name} is {how}, but checkpoint {checkpoint}, which is recorded, needs it");
                    Finding::new(format!("deleted {}", head_name(plan, id)), text).task(id).checkpoint(*checkpoint)
                });
            }
        }
    }

    fn forget(&mut self, checkpoint: CheckpointId) {
        self.recorded.retain(|(recorded, _)| *recorded != checkpoint);
        self.needs.close(|of, _| of == checkpoint);
    }
}

impl Check for Files {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::TaskStarted { task, .. } => self.tasks[task.index()].ended = false,
            Event::TaskFinished { task } => self.tasks[task.index()].ended = true,
            Event::CheckpointTriggered { checkpoint, .. } => self.begin(checkpoint),
            Event::CheckpointCompleted { checkpoint } => {
                let is_it = |(recorded, _): &&mut (CheckpointId, bool)| *recorded == checkpoint;
                self.recorded.iter_mut().find(is_it).into_iter().for_each(|(_, complete)| *complete = true);
            }
            Event::CheckpointAborted { checkpoint, .. } if !self.is_recorded(checkpoint) => {
                self.over.push(checkpoint);
                self.needs.close(|of, _| of == checkpoint);
            }
            Event::SnapshotDurable { task, checkpoint, .. } => self.store(at, task, checkpoint, plan, out),
            Event::SnapshotsDropped { task, upto } => self.delete(at, task, |of| of <= upto, false, plan, out),
            Event::SnapshotDiscarded { task, checkpoint } => {
                self.delete(at, task, |of| of == checkpoint, false, plan, out);
            }
            Event::RecordStored { checkpoint } => self.record(at, checkpoint, out),
            Event::CoordinatorTookOver { .. } => {
                // What was under way is over. Nobody says so, since nobody remembers.
                let (recorded, over) = (&self.recorded, &mut self.over);
                self.needs.close(|of, _| {
                    let is_over = !recorded.iter().any(|(checkpoint, _)| *checkpoint == of);
                    over.extend(is_over.then_some(of));
                    is_over
                });
            }
            Event::RecordForgotten { checkpoint } => self.forget(checkpoint),
            // One that goes back to its end (`live` is 2) loses nothing: it may have its part in newer checkpoints.
            Event::RestorePoint { task, checkpoint, live: 0 } => {
                self.delete(at, task, |of| of > checkpoint, true, plan, out);
                let task = &mut self.tasks[task.index()];
                task.newest = task.newest.min(checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.needs.clear();
        self.recorded.clear();
        self.over.clear();
        for task in &mut self.tasks {
            (task.ended, task.newest) = (false, CheckpointId::INITIAL);
            task.stored.clear();
        }
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.recorded.iter().map(|(checkpoint, complete)| checkpoint.0 << 1 | u64::from(*complete)));
        into.words(self.over.iter().map(|checkpoint| checkpoint.0));
        for task in &self.tasks {
            into.word(task.newest.0 << 1 | u64::from(task.ended));
            into.words(task.stored.iter().map(|snapshot| snapshot.0));
        }
        self.needs.fingerprint(into, |need, into| into.word(need.snapshot.0 << 1 | u64::from(need.absent)));
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
