//! State that is restored is the state that was captured, entry by entry.
//!
//! What `restore` compares is how many records a state has had and which; a state that is put together from files can be
//! right about that and wrong about a key. So number and hash of all entries are compared. It does not matter where they
//! were read: a copy on the machine has to be what the storage has.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "entries",
    sentence: "State that is restored from files has the entries that it had when it was captured, wherever they were read.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::EntriesCut,
        EventKind::EntriesRestored,
        EventKind::SnapshotsDropped,
        EventKind::RestorePoint,
    ]),
};

#[derive(Clone)]
pub(super) struct Entries {
    cuts: Vec<Cut>,
    examined: u64,
}

#[derive(Clone, Copy)]
struct Cut {
    task: TaskId,
    operator: OperatorId,
    checkpoint: CheckpointId,
    entries: u64,
    hash: u64,
}

impl Entries {
    pub(super) fn new(_: &Setting<'_>) -> Self {
        Self { cuts: Vec::new(), examined: 0 }
    }

    fn restored(&mut self, at: Time, now: Cut, is_local: bool, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let Cut { task, operator, checkpoint, entries, hash } = now;
        let is_it = |cut: &&Cut| (cut.task, cut.operator, cut.checkpoint) == (task, operator, checkpoint);
        // Nothing was captured of the initial state, which has no entries.
        let (all, due) = self.cuts.iter().find(is_it).map_or((0, 0), |cut| (cut.entries, cut.hash));
        if (entries, hash) == (all, due) {
            return;
        }
        out.add(ABOUT.name, at, || {
            let (name, head) = (plan.task_name(task), &plan.operators[operator.index()].name);
            let from = if is_local { "the copy on its machine" } else { "the storage" };
            let what = match entries.cmp(&all) {
                std::cmp::Ordering::Equal => format!("{all} entries as it should, but not the same ones"),
                _ => format!("{entries} entries instead of {all}"),
            };
            let text = format!("{head} in {name} is restored to checkpoint {checkpoint} from {from} with {what}");
            Finding::new(format!("other entries {head}"), text).task(task).checkpoint(checkpoint)
        });
    }
}

impl Check for Entries {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::EntriesCut { task, operator, checkpoint, entries, hash } => {
                self.cuts.push(Cut { task, operator, checkpoint, entries, hash });
            }
            Event::EntriesRestored { task, operator, checkpoint, entries, hash, local } => {
                self.restored(at, Cut { task, operator, checkpoint, entries, hash }, local == 1, plan, out);
            }
            Event::SnapshotsDropped { task, upto } => self.cuts.retain(|c| c.task != task || c.checkpoint > upto),
            Event::RestorePoint { task, checkpoint, live: 0 } => {
                self.cuts.retain(|c| c.task != task || c.checkpoint <= checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.cuts.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.cuts.len() as u64);
        for cut in &self.cuts {
            let who = u64::from(cut.task.0) << 32 | u64::from(cut.operator.0);
            into.words([who, cut.checkpoint.0, cut.entries, cut.hash].into_iter());
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
