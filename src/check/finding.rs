//! What checks say: findings, and the one word for a whole run.

use crate::base::{ChannelId, CheckpointId, Problem, TaskId, Time};
use crate::plan::Plan;

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every check looked and found nothing.
    Pass,
    /// An invariant was broken: the first finding.
    Fail(Finding),
    /// A promised situation never came up, or there was nothing to check.
    Miss(String),
    /// The run came to no end, and nothing else is wrong.
    Stuck(Finding),
    /// The scenario makes no sense.
    Invalid(Problem),
}

impl Verdict {
    /// As scenarios and reports write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail(_) => "FAIL",
            Self::Miss(_) => "MISS",
            Self::Stuck(_) => "STUCK",
            Self::Invalid(_) => "INVALID",
        }
    }

    /// All names, in the order of the variants.
    pub const NAMES: &'static [&'static str] = &["PASS", "FAIL", "MISS", "STUCK", "INVALID"];

    /// The finding behind it, if there is one.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Fail(finding) | Self::Stuck(finding) => Some(finding),
            Self::Pass | Self::Miss(_) | Self::Invalid(_) => None,
        }
    }
}

/// One broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check that says so.
    pub check: &'static str,
    /// When it could be seen.
    pub at: Time,
    /// The task it is about.
    pub task: Option<TaskId>,
    /// The channel it is about.
    pub channel: Option<ChannelId>,
    /// The checkpoint it is about.
    pub checkpoint: Option<CheckpointId>,
    /// What kind of mistake it is, the same in every run that makes it: no times, counts or subtasks.
    pub signature: String,
    /// One plain sentence with the numbers.
    pub text: String,
}

impl Finding {
    /// A finding with a signature (the name of the check is put before it) and a sentence.
    pub fn new(signature: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            check: "",
            at: Time::ZERO,
            task: None,
            channel: None,
            checkpoint: None,
            signature: signature.into(),
            text: text.into(),
        }
    }

    /// The task it is about.
    pub fn task(self, task: TaskId) -> Self {
        Self { task: Some(task), ..self }
    }

    /// The channel it is about.
    pub fn channel(self, channel: ChannelId) -> Self {
        Self { channel: Some(channel), ..self }
    }

    /// The checkpoint it is about.
    pub fn checkpoint(self, checkpoint: CheckpointId) -> Self {
        Self { checkpoint: Some(checkpoint), ..self }
    }
}

/// The findings of a run: all are counted, the first are kept.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    total: u64,
}

impl Findings {
    /// So many are kept in full, and the first of every check whatever their number.
    pub const KEPT: usize = 20;

    /// Those that were kept, in the order found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Counts a finding; its text is only made if it is kept.
    #[cold]
    pub fn add(&mut self, check: &'static str, at: Time, tell: impl FnOnce() -> Finding) {
        self.total += 1;
        if self.kept.len() < Self::KEPT || self.kept.iter().all(|finding| finding.check != check) {
            let told = tell();
            self.kept.push(Finding { check, at, signature: format!("{check}/{}", told.signature), ..told });
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.total = 0;
    }
}

/// `source->count`: a channel as signatures name it.
pub(super) fn edge_name(plan: &Plan, channel: ChannelId) -> String {
    let edge = &plan.edges[plan.channels[channel.index()].edge.index()];
    format!("{}->{}", plan.operators[edge.from.index()].name, plan.operators[edge.to.index()].name)
}

/// `count`: a task as signatures name it.
pub(super) fn head_name(plan: &Plan, task: TaskId) -> &str {
    &plan.operators[plan.head(task).index()].name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_check_does_not_hide_another() {
        let mut findings = Findings::default();
        (0..100).for_each(|_| findings.add("order", Time::ZERO, || Finding::new("gap", "")));
        (0..2).for_each(|_| findings.add("cut", Time::ZERO, || Finding::new("lost", "")));
        assert_eq!((findings.kept().len(), findings.total()), (Findings::KEPT + 1, 102));
        assert_eq!(findings.kept()[Findings::KEPT].signature, "cut/lost");
    }
}
