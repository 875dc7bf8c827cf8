//! Runs the checks that a protocol's claims call for over the events of one run after another.

use super::{CHECKS, Check, Claims, Finding, Findings, Finish, Setting, Verdict, liveness};
use crate::base::{Fingerprint, Time};
use crate::plan::Plan;
use crate::scenario::Network;
use crate::trace::{Event, EventKind, Observer};
use crate::workload::Expected;
use std::sync::Arc;

/// The checks of a run with what they found.
pub struct Checks {
    plan: Arc<Plan>,
    checks: Vec<Box<dyn Check>>,
    /// For every kind of event, one bit for each check that wants it.
    wanted: Vec<u32>,
    findings: Findings,
    last: Time,
    drained: bool,
    cancelled: bool,
}

impl Checks {
    /// The checks that these claims call for.
    pub fn for_claims(plan: Arc<Plan>, network: &Network, tolerable_failures: u32, claims: Claims) -> Self {
        let setting = Setting { plan: &plan, network, tolerable_failures, claims };
        let chosen = CHECKS.iter().filter(|entry| claims.holds(entry.about.needs));
        let checks: Vec<Box<dyn Check>> = chosen.map(|entry| (entry.build)(&setting)).collect();
        Self::of(plan, checks)
    }

    /// These checks and no others: for checks that are no part of this crate.
    pub fn of(plan: Arc<Plan>, checks: Vec<Box<dyn Check>>) -> Self {
        assert!(checks.len() <= u32::BITS as usize, "one bit for each check: widen `wanted`");
        let wants = |kind: EventKind| {
            let bits = checks.iter().enumerate().filter(|(_, check)| check.about().wants.holds(kind));
            bits.fold(0, |bits, (i, _)| bits | 1 << i)
        };
        let wanted = EventKind::ALL.iter().map(|kind| wants(*kind)).collect();
        Self { plan, checks, wanted, findings: Findings::default(), last: Time::ZERO, drained: false, cancelled: false }
    }

    /// Ends the run and judges it. Whether it drained is what `run-ended` said; without one it did not.
    pub fn finish(&mut self, expected: Option<&Expected>) -> Verdict {
        let end =
            Finish { at: self.last, plan: &self.plan, expected, drained: self.drained, cancelled: self.cancelled };
        for check in &mut self.checks {
            check.finish(&end, &mut self.findings);
        }
        self.verdict()
    }

    /// The verdict on what has been seen so far.
    pub fn verdict(&self) -> Verdict {
        let is_safety = |finding: &&Finding| finding.check != liveness::ABOUT.name;
        if let Some(finding) = self.findings.kept().iter().find(is_safety) {
            return Verdict::Fail(finding.clone());
        }
        if let Some(finding) = self.findings.kept().first() {
            return Verdict::Stuck(finding.clone());
        }
        let by_safety = self.checks.iter().filter(|check| check.about().name != liveness::ABOUT.name);
        if by_safety.map(|check| check.examined()).sum::<u64>() == 0 {
            return Verdict::Miss("nothing happened that a check could examine".to_owned());
        }
        Verdict::Pass
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// How much each check examined, by name. A zero is no pass: no checkpoint completed, nothing failed.
    pub fn examined(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.checks.iter().map(|check| (check.about().name, check.examined()))
    }

    /// Begins again, without freeing memory.
    pub fn reset(&mut self) {
        self.checks.iter_mut().for_each(|check| check.reset());
        self.findings.clear();
        self.last = Time::ZERO;
        (self.drained, self.cancelled) = (false, false);
    }

    /// Adds the state of all checks.
    pub fn fingerprint(&self, into: &mut Fingerprint) {
        self.checks.iter().for_each(|check| check.fingerprint(into));
        into.word(self.findings.total());
        into.word(u64::from(self.drained));
    }
}

impl Clone for Checks {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            checks: self.checks.iter().map(|check| check.boxed_clone()).collect(),
            wanted: self.wanted.clone(),
            findings: self.findings.clone(),
            last: self.last,
            drained: self.drained,
            cancelled: self.cancelled,
        }
    }
}

impl Observer for Checks {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.last = at;
        let mut bits = self.wanted[event.kind() as usize];
        while bits != 0 {
            let check = &mut self.checks[bits.trailing_zeros() as usize];
            check.event(at, event, &self.plan, &mut self.findings);
            bits &= bits - 1;
        }
        if let Event::RunEnded { drained } = *event {
            (self.drained, self.cancelled) = (drained == 1, drained == 2);
        }
    }
}
