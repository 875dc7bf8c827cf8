//! In the end, state is what the oracle computed without channels, barriers or time.

use super::confluence::Confluence;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "state",
    sentence: "At the end of a drained run, the state of every operator reflects each record exactly once.",
    needs: Claim::ExactlyOnceState,
    wants: Kinds::of(&[
        EventKind::StateFinal,
        EventKind::WindowsFinal,
        EventKind::CheckpointTriggered,
        EventKind::RestorePoint,
    ]),
};

#[derive(Clone)]
pub(super) struct State {
    operators: Vec<Sum>,
    confluence: Confluence,
    examined: u64,
}

/// Over all tasks of an operator.
#[derive(Clone, Copy, Default)]
struct Sum {
    applied: u64,
    lineage: u64,
    values: u64,
    /// How many tasks told their state.
    tasks: u32,
}

impl State {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let operators = vec![Sum::default(); setting.plan.operators.len()];
        Self { operators, confluence: Confluence::new(setting), examined: 0 }
    }
}

impl Check for State {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, _: Time, event: &Event, _: &Plan, _: &mut Findings) {
        self.confluence.event(event);
        if let Event::StateFinal { operator, applied, lineage, values, .. } = *event {
            let sum = &mut self.operators[operator.index()];
            sum.applied = sum.applied.wrapping_add(applied);
            sum.lineage = sum.lineage.wrapping_add(lineage);
            sum.values = sum.values.wrapping_add(values);
            sum.tasks += 1;
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        let Some(expected) = end.expected.filter(|_| end.drained) else { return };
        let all = end.plan.operators.iter().zip(&self.operators).zip(&expected.operators).enumerate();
        for (_, ((operator, sum), due)) in all.filter(|(index, _)| self.confluence.holds(*index)) {
            self.examined += 1;
            let tasks = operator.tasks.len() as u32;
            let (name, applied, all) = (&operator.name, sum.applied, due.applied);
            let finding = if sum.tasks != tasks {
                ("untold", format!("{} of {tasks} subtasks of {name} told their final state", sum.tasks))
            } else if applied > all {
                ("more", format!("{name} has applied {applied} records instead of {all}: {} too many", applied - all))
            } else if applied < all {
                ("fewer", format!("{name} has applied {applied} records instead of {all}: {} are lost", all - applied))
            } else if sum.lineage != due.lineage {
                (
                    "others",
                    format!("{name} has applied {all} records as it should, but some are lost and others doubled"),
                )
            } else if sum.values != due.values {
                ("values", format!("{name} has applied the right {all} records, but holds other values"))
            } else {
                continue;
            };
            out.add(ABOUT.name, end.at, || Finding::new(format!("{} {name}", finding.0), finding.1));
        }
    }

    fn reset(&mut self) {
        self.operators.fill(Sum::default());
        self.confluence.reset();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.confluence.fingerprint(into);
        for sum in &self.operators {
            [sum.applied, sum.lineage, sum.values, u64::from(sum.tasks)].iter().for_each(|word| into.word(*word));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
