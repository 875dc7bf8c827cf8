//! The world outside sees every result exactly once, and none that could still be taken back.
//!
//! A plain savepoint makes nothing safe: no recovery goes back to it. A checkpoint that a restart did go back to is safe,
//! even if nobody had declared it complete: whether it may be restored is another check's business.

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "output",
    sentence: "At the end of a drained run, each result is visible outside exactly once, and none was before it was safe.",
    needs: Claim::ExactlyOnceOutput,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::OutputVisible,
    EventKind::OutputFinal,
    EventKind::CheckpointTriggered,
    EventKind::CheckpointCompleted,
    EventKind::RestorePoint,
]);

#[derive(Clone)]
pub(super) struct Output {
    operators: Vec<Seen>,
    newest: CheckpointId,
    savepoints: Savepoints,
    coordinated: bool,
    examined: u64,
}

/// Of all tasks of an operator.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// As it became visible.
    visible: (u64, u64),
    /// As it was told at the end.
    at_end: (u64, u64),
    told: bool,
}

fn add(to: &mut (u64, u64), records: u64, lineage: u64) {
    *to = (to.0.wrapping_add(records), to.1.wrapping_add(lineage));
}

impl Output {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self {
            operators: vec![Seen::default(); setting.plan.operators.len()],
            newest: CheckpointId::INITIAL,
            savepoints: Savepoints::default(),
            coordinated: setting.claims.holds(Claim::Coordinated),
            examined: 0,
        }
    }
}

impl Check for Output {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::OutputVisible { task, operator, checkpoint, records, lineage } => {
                add(&mut self.operators[operator.index()].visible, records, lineage);
                if self.coordinated && checkpoint > self.newest {
                    out.add(ABOUT.name, at, || {
                        let name = plan.task_name(task);
                        let text =
                            format!("{name} made {records} records visible before checkpoint {checkpoint} completed");
                        Finding::new(format!("too early {}", head_name(plan, task)), text)
                            .task(task)
                            .checkpoint(checkpoint)
                    });
                }
            }
            Event::OutputFinal { operator, records, lineage, .. } => {
                let seen = &mut self.operators[operator.index()];
                add(&mut seen.at_end, records, lineage);
                seen.told = true;
            }
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::RestorePoint { checkpoint, live: 0, .. } => self.newest = self.newest.max(checkpoint),
            Event::CheckpointCompleted { checkpoint } if !self.savepoints.holds_plain(checkpoint) => {
                self.newest = self.newest.max(checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        for (index, seen) in self.operators.iter().enumerate() {
            let name = &end.plan.operators[index].name;
            let due = end.expected.filter(|_| end.drained).and_then(|expected| expected.operators.get(index)?.output);
            let finding = match due {
                Some(_) if !seen.told => ("untold", format!("{name} did not tell at the end what is visible outside")),
                _ if seen.told && seen.visible != seen.at_end => {
                    let ((visible, _), (records, _)) = (seen.visible, seen.at_end);
                    (
                        "unaccounted",
                        format!("of {name}, {visible} records became visible, but at the end {records} are"),
                    )
                }
                Some(due) if seen.at_end != (due.records, due.lineage) => compare(name, seen.at_end.0, due.records),
                due => {
                    self.examined += u64::from(seen.told || due.is_some());
                    continue;
                }
            };
            self.examined += 1;
            out.add(ABOUT.name, end.at, || Finding::new(format!("{} {name}", finding.0), finding.1));
        }
    }

    fn reset(&mut self) {
        self.operators.fill(Seen::default());
        self.newest = CheckpointId::INITIAL;
        self.savepoints.clear();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        self.savepoints.fingerprint(into);
        for seen in &self.operators {
            let ((visible, of), (records, at_end)) = (seen.visible, seen.at_end);
            [visible, of, records, at_end, u64::from(seen.told)].iter().for_each(|word| into.word(*word));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}

/// Words for output that is not what it should be.
fn compare(name: &str, records: u64, due: u64) -> (&'static str, String) {
    if records > due {
        ("duplicates", format!("{records} records of {name} are visible instead of {due}: {} too many", records - due))
    } else if records < due {
        ("losses", format!("{records} records of {name} are visible instead of {due}: {} are lost", due - records))
    } else {
        ("swaps", format!("{due} records of {name} are visible as they should, but some are lost and others doubled"))
    }
}
