//! What is wrong with a run, so that another run can be asked whether it is wrong in the same way.

use crate::base::Problem;
use crate::campaign::{Runner, Want};
use crate::check::{Finding, Verdict};
use crate::scenario::{Expect, Scenario};
use crate::world::Job;

/// A failed run: which check says so, and with what signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// FAIL or STUCK.
    pub verdict: &'static str,
    /// The first thing that is wrong.
    pub finding: Finding,
}

impl Failure {
    /// How the scenario fails with its own seed; `None` if no check finds anything.
    pub fn of(scenario: &Scenario) -> Result<Option<Self>, Problem> {
        let seed = scenario.run.seed;
        let job = Job::compile(scenario.clone())?;
        let verdict = Runner::new(job.into(), Want { figures: false, ..Want::default() })?.run(seed).verdict;
        Ok(Self::in_verdict(&verdict))
    }

    fn in_verdict(verdict: &Verdict) -> Option<Self> {
        verdict.finding().map(|finding| Self { verdict: verdict.name(), finding: finding.clone() })
    }

    /// Whether a scenario fails like this: the same verdict, by the same check, with the same signature.
    pub fn recurs_in(&self, scenario: &Scenario) -> bool {
        let failure = Self::of(scenario).ok().flatten();
        failure.is_some_and(|other| {
            other.verdict == self.verdict
                && other.finding.check == self.finding.check
                && other.finding.signature == self.finding.signature
        })
    }

    /// A scenario in which this recurs, as one that says and expects so: `cutline run` replays it.
    pub fn told_in(&self, scenario: Scenario) -> Scenario {
        let now = Self::of(&scenario).ok().flatten();
        let Self { verdict, finding } = now.as_ref().unwrap_or(self);
        let why = format!("Shrunk from {:?}. {}: {}", scenario.name, finding.check, finding.text);
        let expect = Expect { verdict: Some((*verdict).to_owned()), ..Expect::default() };
        Scenario { why, expect, name: scenario.name + "-shrunk", ..scenario }
    }
}
