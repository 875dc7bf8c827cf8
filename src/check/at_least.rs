//! In the end nothing is missing: at least once is a promise too.
//!
//! After a failure records may count twice, so state and output can hold more than the oracle computed, and what they
//! hold cannot be compared record by record. But they never hold less; if they hold as many, these are the right ones;
//! and a job that never restarted has no excuse for more.

use super::account::Sum;
use super::confluence::Confluence;
use super::promise::{Excuse, Promise, Reach};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "at-least",
    sentence: "At the end of a drained run, state and output reflect each record at least once, and exactly once if nothing failed.",
    needs: Claim::AtLeastOnceState,
    wants: Kinds::of(&[
        EventKind::JobRestarting,
        EventKind::StateFinal,
        EventKind::OutputFinal,
        EventKind::TransactionAborted,
        EventKind::TransactionRefused,
        EventKind::SourceRewound,
        EventKind::SourceFinal,
        EventKind::WindowsFinal,
        EventKind::CheckpointTriggered,
        EventKind::RestorePoint,
    ]),
};

#[derive(Clone)]
pub(super) struct AtLeast {
    /// What all tasks of each operator have applied.
    state: Vec<Sum>,
    /// What they have made visible outside.
    output: Vec<Sum>,
    /// What was lost with transactions that were too old.
    excuses: Vec<Excuse>,
    late: Vec<(TaskId, u64)>,
    reach: Reach,
    restarted: bool,
    confluence: Confluence,
    /// Output is promised as well.
    with_output: bool,
    examined: u64,
}

impl AtLeast {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let operators = setting.plan.operators.len();
        Self {
            state: vec![Sum::default(); operators],
            output: vec![Sum::default(); operators],
            excuses: vec![Excuse::default(); operators],
            late: Vec::new(),
            reach: Reach::new(setting.plan.tasks.len()),
            restarted: false,
            confluence: Confluence::new(setting),
            with_output: setting.claims.holds(Claim::AtLeastOnceOutput),
            examined: 0,
        }
    }

    /// What is wrong with a sum: a word for it, and what a sentence about it says.
    /// Of what is `excused` nobody knows how much was doubled, so of the rest only the number is known.
    fn judge(&mut self, sum: Sum, due: Sum, exactly: bool, excused: bool) -> Option<(&'static str, String)> {
        self.examined += 1;
        let (records, all) = (sum.records, due.records);
        if records < all {
            Some(("fewer", format!("{records} records instead of at least {all}: {} are lost", all - records)))
        } else if records == all && sum != due && !excused {
            Some(("others", format!("as many records as it should, {all}, but some are lost and others doubled")))
        } else if records > all && exactly {
            let n = records - all;
            Some(("more", format!("{records} records instead of {all}: {n} too many, and it should write none twice")))
        } else if records > all && !self.restarted {
            let n = records - all;
            Some(("more", format!("{records} records instead of {all}: {n} too many, though the job never restarted")))
        } else {
            None
        }
    }
}

impl Check for AtLeast {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, _: Time, event: &Event, _: &Plan, _: &mut Findings) {
        self.confluence.event(event);
        match *event {
            Event::JobRestarting { .. } => self.restarted = true,
            Event::SourceRewound { .. } | Event::SourceFinal { .. } => self.reach.event(event),
            Event::TransactionAborted { task, transaction, late: 1, .. } => self.late.push((task, transaction)),
            Event::TransactionRefused { task, operator, transaction, records, lineage, .. } if records > 0 => {
                if let Some(at) = self.late.iter().position(|late| *late == (task, transaction)) {
                    self.late.swap_remove(at);
                    self.excuses[operator.index()].add(records, lineage);
                }
            }
            Event::StateFinal { operator, applied, lineage, .. } => {
                self.state[operator.index()].add(applied, lineage);
            }
            Event::OutputFinal { operator, records, lineage, .. } => {
                self.output[operator.index()].add(records, lineage);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        let Some(expected) = end.expected.filter(|_| end.drained) else { return };
        for (index, due) in expected.operators.iter().enumerate() {
            if !self.confluence.holds(index) {
                continue;
            }
            let name = &end.plan.operators[index].name;
            let applied = Sum { records: due.applied, lineage: due.lineage };
            if let Some((what, text)) = self.judge(self.state[index], applied, false, false) {
                let text = format!("{name} has applied {text}");
                out.add(ABOUT.name, end.at, || Finding::new(format!("{what} in {name}"), text));
            }
            let Some(due) = due.output.filter(|_| self.with_output) else { continue };
            let (records, lineage) = self.excuses[index].from((due.records, due.lineage));
            let mode = end.plan.operators[index].sink;
            let ahead = Promise::is_ahead(mode) && self.reach.falls_short();
            let exactly = Promise::of(mode, false) == Promise::Exactly && !ahead;
            let excused = self.excuses[index].records > 0;
            if let Some((what, text)) = self.judge(self.output[index], Sum { records, lineage }, exactly, excused) {
                let text = format!("{name} has made visible {text}");
                out.add(ABOUT.name, end.at, || Finding::new(format!("{what} out of {name}"), text));
            }
        }
    }

    fn reset(&mut self) {
        self.state.fill(Sum::default());
        self.output.fill(Sum::default());
        self.excuses.fill(Excuse::default());
        self.late.clear();
        self.reach.reset();
        self.confluence.reset();
        self.restarted = false;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(u64::from(self.restarted));
        self.reach.fingerprint(into);
        self.confluence.fingerprint(into);
        into.words(self.late.iter().map(|(task, transaction)| transaction << 32 | u64::from(task.0)));
        self.excuses.iter().for_each(|excuse| into.words([excuse.records, excuse.lineage].into_iter()));
        for sum in self.state.iter().chain(&self.output) {
            into.word(sum.records);
            into.word(sum.lineage);
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
