//! Files of state that checkpoints share: there as long as one needs them, and not for ever.
//!
//! A snapshot names the files it needs. Those that it does not store itself must be in the storage when it counts on
//! them, and all of them when its checkpoint completes; and as long as that is recorded none may be deleted. A savepoint
//! counts on nothing. A file goes once no checkpoint that is kept, or newer, has it: when the older snapshots of a task are
//! dropped, whatever was acknowledged last for one of them has to follow before the run ends. Files that nobody has
//! acknowledged are not the coordinator's, and nobody deletes them; nor is it to blame for what its predecessor knew.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};
use std::collections::BTreeMap;

pub(super) static ABOUT: About = About {
    name: "registry",
    sentence: "Files of state that a checkpoint needs are stored, and kept as long as it is; others are not kept for ever.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[
        EventKind::FileStored,
        EventKind::FileReferenced,
        EventKind::FileDeleted,
        EventKind::AckReceived,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::RecordStored,
        EventKind::RecordForgotten,
        EventKind::SnapshotsDropped,
        EventKind::RestorePoint,
        EventKind::CoordinatorTookOver,
    ]),
};

#[derive(Clone)]
pub(super) struct Registry {
    /// By name; only those that are stored or needed.
    files: BTreeMap<u64, File>,
    /// Which snapshots need which files.
    needs: Vec<Need>,
    /// What can be restored from.
    kept: Vec<CheckpointId>,
    savepoints: Savepoints,
    examined: u64,
}

#[derive(Clone, Copy, Default)]
struct File {
    task: TaskId,
    stored: bool,
    /// The last checkpoint that needs it and that its task has acknowledged; 0: none.
    acknowledged: CheckpointId,
    /// It has to go.
    is_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Need {
    task: TaskId,
    checkpoint: CheckpointId,
    file: u64,
}

impl Registry {
    pub(super) fn new(_: &Setting<'_>) -> Self {
        Self {
            files: BTreeMap::new(),
            needs: Vec::new(),
            kept: Vec::new(),
            savepoints: Savepoints::default(),
            examined: 0,
        }
    }

    fn is_stored(&self, file: u64) -> bool {
        self.files.get(&file).is_some_and(|file| file.stored)
    }

    fn need(&mut self, at: Time, need: Need, fresh: bool, plan: &Plan, out: &mut Findings) {
        let Need { task, checkpoint, file } = need;
        self.examined += 1;
        if self.savepoints.holds(checkpoint) {
            return out.add(ABOUT.name, at, || {
                let text = format!("savepoint {checkpoint} of {} needs a file of checkpoints", plan.task_name(task));
                told("shared by a savepoint", need, text, plan)
            });
        }
        if !fresh && !self.is_stored(file) {
            out.add(ABOUT.name, at, || {
                let name = plan.task_name(task);
                let text = format!("snapshot {checkpoint} of {name} counts on a file that is not in the storage");
                told("placeholder of nothing", need, text, plan)
            });
        }
        self.files.entry(file).or_default().task = task;
        self.needs.push(need);
    }

    fn complete(&mut self, at: Time, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        if self.savepoints.holds(checkpoint) {
            return;
        }
        for need in self.needs.iter().filter(|need| need.checkpoint == checkpoint) {
            self.examined += 1;
            if !self.is_stored(need.file) {
                out.add(ABOUT.name, at, || {
                    let name = plan.task_name(need.task);
                    let text =
                        format!("checkpoint {checkpoint} is complete, but a file that {name} needs is not there");
                    told("completed without a file", *need, text, plan)
                });
            }
        }
        self.keep(checkpoint);
    }

    fn keep(&mut self, checkpoint: CheckpointId) {
        if !self.kept.contains(&checkpoint) {
            self.kept.push(checkpoint);
        }
    }

    fn delete(&mut self, at: Time, file: u64, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let is_needed = |need: &&Need| need.file == file && self.kept.contains(&need.checkpoint);
        if let Some(need) = self.needs.iter().find(is_needed) {
            out.add(ABOUT.name, at, || {
                let (name, checkpoint) = (plan.task_name(need.task), need.checkpoint);
                let text = format!("a file of {name} is deleted, but checkpoint {checkpoint} needs it");
                told("deleted too early", *need, text, plan)
            });
        }
        self.files.remove(&file);
    }

    /// A task's snapshots up to one are gone: so has to be what nothing newer needs.
    fn drop_upto(&mut self, task: TaskId, upto: CheckpointId) {
        self.needs.retain(|need| need.task != task || need.checkpoint > upto);
        for file in self.files.values_mut().filter(|file| file.task == task && file.stored) {
            file.is_over = (CheckpointId(1)..=upto).contains(&file.acknowledged);
        }
    }

    fn acknowledge(&mut self, task: TaskId, checkpoint: CheckpointId) {
        for need in self.needs.iter().filter(|need| (need.task, need.checkpoint) == (task, checkpoint)) {
            if let Some(file) = self.files.get_mut(&need.file) {
                file.acknowledged = file.acknowledged.max(checkpoint);
            }
        }
    }

    /// Somebody takes over, who only knows what is recorded.
    fn take_over(&mut self) {
        for (name, file) in &mut self.files {
            let known = self.needs.iter().filter(|need| need.file == *name && self.kept.contains(&need.checkpoint));
            file.acknowledged = known.map(|need| need.checkpoint).max().unwrap_or_default();
            file.is_over = false;
        }
    }
}

fn told(what: &str, need: Need, text: String, plan: &Plan) -> Finding {
    let Need { task, checkpoint, .. } = need;
    Finding::new(format!("{what} {}", head_name(plan, task)), text).task(task).checkpoint(checkpoint)
}

impl Check for Registry {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::FileStored { task, file, .. } => {
                let file = self.files.entry(file).or_default();
                (file.task, file.stored) = (task, true);
            }
            Event::FileReferenced { task, checkpoint, file, fresh, .. } => {
                self.need(at, Need { task, checkpoint, file }, fresh == 1, plan, out);
            }
            Event::AckReceived { task, checkpoint, .. } => self.acknowledge(task, checkpoint),
            Event::CheckpointCompleted { checkpoint } => self.complete(at, checkpoint, plan, out),
            Event::RecordStored { checkpoint } => self.keep(checkpoint),
            Event::RecordForgotten { checkpoint } => self.kept.retain(|kept| *kept != checkpoint),
            Event::SnapshotsDropped { task, upto } => self.drop_upto(task, upto),
            Event::FileDeleted { file, .. } => self.delete(at, file, plan, out),
            Event::RestorePoint { task, checkpoint, live: 0 } => {
                self.needs.retain(|need| need.task != task || need.checkpoint <= checkpoint);
            }
            Event::CoordinatorTookOver { .. } => self.take_over(),
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        for file in self.files.values().filter(|file| file.stored) {
            self.examined += 1;
            if file.is_over {
                out.add(ABOUT.name, end.at, || {
                    let (name, checkpoint) = (end.plan.task_name(file.task), file.acknowledged);
                    let text =
                        format!("a file of {name} is still there that checkpoint {checkpoint} was the last to need");
                    Finding::new(format!("kept {}", head_name(end.plan, file.task)), text).task(file.task)
                });
            }
        }
    }

    fn reset(&mut self) {
        self.files.clear();
        self.needs.clear();
        self.kept.clear();
        self.savepoints.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        for (name, file) in &self.files {
            let flags = u64::from(file.stored) << 1 | u64::from(file.is_over);
            into.words([*name, file.acknowledged.0, flags].into_iter());
        }
        into.word(self.needs.len() as u64);
        for need in &self.needs {
            into.words([u64::from(need.task.0), need.checkpoint.0, need.file].into_iter());
        }
        into.words(self.kept.iter().map(|checkpoint| checkpoint.0));
        self.savepoints.fingerprint(into);
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
