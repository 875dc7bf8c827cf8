//! The world outside sees every result exactly once, and none that could still be taken back.
//!
//! A plain savepoint makes nothing safe: no recovery goes back to it. A checkpoint that a restart did go back to is safe,
//! even if nobody had declared it complete: whether it may be restored is another check's business.
//!
//! How much a sink owes depends on how its output gets outside ([`Promise`]); what the external system has aborted for
//! its age is not due any more.

use super::confluence::Confluence;
use super::finding::head_name;
use super::promise::{Excuse, Promise, Reach};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Savepoints, Setting};
use crate::base::{CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::scenario::SinkMode;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "output",
    sentence: "At the end of a drained run, each result is visible outside exactly once, and none was before it was safe.",
    needs: Claim::ExactlyOnceOutput,
    wants: Kinds::of(&[
        EventKind::OutputVisible,
        EventKind::OutputFinal,
        EventKind::CheckpointTriggered,
        EventKind::CheckpointCompleted,
        EventKind::JobRestarting,
        EventKind::RestoreFailed,
        EventKind::RestorePoint,
        EventKind::TransactionAborted,
        EventKind::TransactionRefused,
        EventKind::SourceRewound,
        EventKind::SourceFinal,
        EventKind::WindowsFinal,
    ]),
};

#[derive(Clone)]
pub(super) struct Output {
    operators: Vec<Seen>,
    newest: CheckpointId,
    savepoints: Savepoints,
    coordinated: bool,
    restarted: bool,
    /// A snapshot could not be read, so that the job may go back behind it.
    unreadable: bool,
    /// The newest checkpoint whose output is visible.
    shown: CheckpointId,
    /// The job went back behind that.
    went_back: bool,
    /// Transactions that were aborted for their age.
    late: Vec<(TaskId, u64)>,
    reach: Reach,
    confluence: Confluence,
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
    /// What was lost with transactions that were too old.
    excuse: Excuse,
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
            restarted: false,
            unreadable: false,
            shown: CheckpointId::INITIAL,
            went_back: false,
            late: Vec::new(),
            reach: Reach::new(setting.plan.tasks.len()),
            confluence: Confluence::new(setting),
            examined: 0,
        }
    }

    /// How often each result of a sink must be visible.
    fn promise(&self, mode: Option<SinkMode>) -> Promise {
        match Promise::of(mode, true) {
            Promise::Exactly if Promise::is_ahead(mode) && self.reach.falls_short() => Promise::AtLeast,
            Promise::Exactly if self.went_back && Promise::is_voided_by_going_back(mode) => Promise::AtLeast,
            promise => promise,
        }
    }

    /// What is wrong with what a sink shows at the end.
    fn compare(&self, end: &Finish<'_>, operator: OperatorId, due: (u64, u64)) -> Option<(&'static str, String)> {
        let (planned, seen) = (&end.plan.operators[operator.index()], &self.operators[operator.index()]);
        let due = seen.excuse.from(due);
        let may_be_more = self.promise(planned.sink) == Promise::AtLeast && self.restarted;
        let more = seen.at_end.0 > due.0 && may_be_more;
        (seen.at_end != due && !more).then(|| compare(&planned.name, seen.at_end.0, due.0))
    }
}

impl Check for Output {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        self.confluence.event(event);
        match *event {
            Event::OutputVisible { task, operator, checkpoint, records, lineage } => {
                add(&mut self.operators[operator.index()].visible, records, lineage);
                self.shown = self.shown.max(checkpoint);
                let waits = plan.operators[operator.index()].sink != Some(SinkMode::Offsets);
                if self.coordinated && waits && checkpoint > self.newest {
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
            Event::JobRestarting { .. } => self.restarted = true,
            Event::SourceRewound { .. } | Event::SourceFinal { .. } => self.reach.event(event),
            // What will be readable later is no reason to go back behind it.
            Event::RestoreFailed { gone: 1, .. } => self.unreadable = true,
            Event::RestorePoint { checkpoint, live, .. } => {
                // Also if a commit of what it goes back behind is still on its way to the outside.
                self.went_back |= self.unreadable && live != 1 && checkpoint < self.shown.max(self.newest);
                if live == 0 {
                    self.newest = self.newest.max(checkpoint);
                }
            }
            Event::TransactionAborted { task, transaction, late: 1, .. } => self.late.push((task, transaction)),
            Event::TransactionRefused { task, operator, transaction, records, lineage, .. } => {
                if let Some(at) = self.late.iter().position(|late| *late == (task, transaction)) {
                    // Refused once or many times, it is lost once.
                    if records > 0 {
                        self.late.swap_remove(at);
                    }
                    self.operators[operator.index()].excuse.add(records, lineage);
                }
            }
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::CheckpointCompleted { checkpoint } if !self.savepoints.holds_plain(checkpoint) => {
                self.newest = self.newest.max(checkpoint);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        for (index, seen) in self.operators.iter().enumerate() {
            let name = &end.plan.operators[index].name;
            let due = end
                .expected
                .filter(|_| end.drained && self.confluence.holds_outside(index, end.plan.operators[index].sink))
                .and_then(|expected| expected.operators.get(index)?.output);
            let finding = match due {
                Some(_) if !seen.told => ("untold", format!("{name} did not tell at the end what is visible outside")),
                _ if seen.told && seen.visible != seen.at_end => {
                    let ((visible, _), (records, _)) = (seen.visible, seen.at_end);
                    (
                        "unaccounted",
                        format!("of {name}, {visible} records became visible, but at the end {records} are"),
                    )
                }
                due => {
                    let wrong =
                        due.and_then(|due| self.compare(end, OperatorId::from(index), (due.records, due.lineage)));
                    match wrong {
                        Some(wrong) => wrong,
                        None => {
                            self.examined += u64::from(seen.told || due.is_some());
                            continue;
                        }
                    }
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
        (self.restarted, self.unreadable, self.went_back) = (false, false, false);
        self.shown = CheckpointId::INITIAL;
        self.late.clear();
        self.reach.reset();
        self.confluence.reset();
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        self.savepoints.fingerprint(into);
        into.words([self.restarted, self.unreadable, self.went_back].map(u64::from).into_iter());
        into.word(self.shown.0);
        self.reach.fingerprint(into);
        self.confluence.fingerprint(into);
        into.words(self.late.iter().map(|(task, transaction)| transaction << 32 | u64::from(task.0)));
        for seen in &self.operators {
            let ((visible, of), (records, at_end)) = (seen.visible, seen.at_end);
            let Excuse { records: lost, lineage } = seen.excuse;
            [visible, of, records, at_end, u64::from(seen.told), lost, lineage]
                .iter()
                .for_each(|word| into.word(*word));
        }
    }

    fn examined(&self) -> u64 {
        self.examined
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
