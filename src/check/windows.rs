//! No record is lost in a window and none counts twice, and what comes of windows is what must come.
//!
//! Every record belongs to windows, which ones its time says; in each it is either counted, or left out because it came too
//! late. That is so in every run in which the operator got what it should. If besides nothing can be late, the oracle
//! knows what must come of each window: once, of all that is in it. Windows that are still open when the job is suspended
//! would give what they hold, and are counted with the rest.

use super::confluence::Confluence;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{Fingerprint, Time};
use crate::plan::{EventTime, Plan};
use crate::trace::{Event, EventKind};
use crate::workload::windows::Tally;

pub(super) static ABOUT: About = About {
    name: "windows",
    sentence: "Each record is in every window it belongs to or left out as late, and each window gives what is in it, once.",
    needs: Claim::ExactlyOnceState,
    wants: Kinds::of(&[EventKind::WindowsFinal, EventKind::CheckpointTriggered, EventKind::RestorePoint]),
};

#[derive(Clone)]
pub(super) struct Windows {
    operators: Vec<Sum>,
    confluence: Confluence,
    /// Nothing can be late.
    is_punctual: bool,
    examined: u64,
}

/// Over all tasks of an operator.
#[derive(Clone, Copy, Default)]
struct Sum {
    results: Tally,
    entries: Tally,
    tasks: u32,
}

impl Windows {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self {
            operators: vec![Sum::default(); setting.plan.operators.len()],
            confluence: Confluence::new(setting),
            is_punctual: setting.plan.event_time == EventTime::Punctual && setting.claims.holds(Claim::Coordinated),
            examined: 0,
        }
    }
}

impl Check for Windows {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, _: Time, event: &Event, _: &Plan, _: &mut Findings) {
        self.confluence.event(event);
        if let Event::WindowsFinal { operator, results, lineage, entries, hash, .. } = *event {
            let sum = &mut self.operators[operator.index()];
            sum.results.add(Tally { records: results, hash: lineage });
            sum.entries.add(Tally { records: entries, hash });
            sum.tasks += 1;
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        let Some(expected) = end.expected.filter(|_| end.drained) else { return };
        let is_punctual = self.is_punctual && self.confluence.is_told_the_truth();
        for (index, (sum, due)) in self.operators.iter().zip(&expected.operators).enumerate() {
            let Some(due) = due.windows.filter(|_| self.confluence.holds(index)) else { continue };
            self.examined += 1;
            let planned = &end.plan.operators[index];
            let tasks = planned.tasks.len();
            let finding = if sum.tasks as usize != tasks {
                ("untold", format!("{} of {tasks} subtasks told what became of windows", sum.tasks))
            } else if sum.entries != due.entries {
                ("entries", differ("entries of windows", sum.entries.records, due.entries.records))
            } else if is_punctual && planned.waits_for_events() && sum.results != due.results {
                ("results", differ("results", sum.results.records, due.results.records))
            } else {
                continue;
            };
            let name = &planned.name;
            out.add(ABOUT.name, end.at, || {
                Finding::new(format!("{} of {name}", finding.0), format!("{name}: {}", finding.1))
            });
        }
    }

    fn reset(&mut self) {
        self.operators.fill(Sum::default());
        self.confluence.reset();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.confluence.fingerprint(into);
        for Sum { results, entries, tasks } in &self.operators {
            into.words([results.records, results.hash, entries.records, entries.hash, u64::from(*tasks)].into_iter());
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}

fn differ(what: &str, are: u64, due: u64) -> String {
    match are.cmp(&due) {
        std::cmp::Ordering::Greater => format!("{are} {what} instead of {due}: {} too many", are - due),
        std::cmp::Ordering::Less => format!("{are} {what} instead of {due}: {} are lost", due - are),
        std::cmp::Ordering::Equal => format!("{due} {what} as it should be, but they are not the right ones"),
    }
}
