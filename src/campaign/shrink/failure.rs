//! What is wrong with a run, so that another run can be asked whether it is wrong in the same way.

use crate::base::Problem;
use crate::campaign::{Runner, Want};
use crate::check::{Finding, Verdict};
use crate::fault::Mutant;
use crate::scenario::{Expect, Scenario};
use crate::world::Job;

/// A failed run: which check says so, and with what signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// FAIL or STUCK.
    pub verdict: &'static str,
    /// The first thing that is wrong.
    pub finding: Finding,
    /// Under which wrong decision, if under one.
    pub mutant: Option<Mutant>,
}

impl Failure {
    /// How the scenario fails with its own seed; `None` if no check finds anything.
    pub fn of(scenario: &Scenario) -> Result<Option<Self>, Problem> {
        Self::under(scenario, None)
    }

    /// The same, of an engine that makes a wrong decision, or none.
    pub fn under(scenario: &Scenario, mutant: Option<Mutant>) -> Result<Option<Self>, Problem> {
        Self::within(u64::MAX, scenario, mutant)
    }

    /// The same, if the run has ended after so many steps.
    pub fn within(steps: u64, scenario: &Scenario, mutant: Option<Mutant>) -> Result<Option<Self>, Problem> {
        let seed = scenario.run.seed;
        let job = Job::compile_mutant(scenario.clone(), mutant)?;
        let mut runner = Runner::new(job.into(), Want { figures: false, ..Want::default() })?.at_most(steps);
        let verdict = runner.run(seed).verdict;
        Ok(Self::in_verdict(&verdict, mutant).filter(|_| !runner.is_exhausted()))
    }

    fn in_verdict(verdict: &Verdict, mutant: Option<Mutant>) -> Option<Self> {
        verdict.finding().map(|finding| Self { verdict: verdict.name(), finding: finding.clone(), mutant })
    }

    /// Whether a scenario fails like this: the same verdict, by the same check, with the same signature.
    pub fn recurs_in(&self, scenario: &Scenario) -> bool {
        self.recurs_within(u64::MAX, scenario)
    }

    /// The same, if the run has ended after so many steps.
    pub fn recurs_within(&self, steps: u64, scenario: &Scenario) -> bool {
        let failure = Self::within(steps, scenario, self.mutant).ok().flatten();
        failure.is_some_and(|other| {
            other.verdict == self.verdict
                && other.finding.check == self.finding.check
                && other.finding.signature == self.finding.signature
        })
    }

    /// A scenario in which this recurs, as one that says and expects so: `cutline run` replays it. Under a mutant the
    /// failure is told and not expected, since without it nothing is wrong.
    pub fn told_in(&self, scenario: Scenario) -> Scenario {
        let now = Self::under(&scenario, self.mutant).ok().flatten();
        let Self { verdict, finding, mutant } = now.as_ref().unwrap_or(self);
        let under = |mutant: &Mutant| format!(" The mutant {}: {} Then", mutant.name(), mutant.about());
        let under = mutant.as_ref().map_or(String::new(), under);
        let why = format!("Shrunk from {:?}.{under} {}: {}", scenario.name, finding.check, finding.text);
        let verdict = mutant.is_none().then(|| (*verdict).to_owned());
        let expect = Expect { verdict, ..Expect::default() };
        Scenario { why, expect, name: scenario.name + "-shrunk", ..scenario }
    }
}
