//! The smallest run that shows a mutant, as a scenario.
//!
//! It is shrunk from a random run that a check caught, or else from the scenario that somebody wrote. Every candidate has
//! to fail under the mutant as the first did, and to pass without: so the decision is what is wrong, and not the scenario.
//! Runs without a clock are no scenarios, and cannot be shrunk; long ones are not worth it.

use super::trial::guarded;
use super::{Catch, Drive, Failure, Size, Trial, shrink};
use crate::base::Problem;
use crate::fault::Mutant;
use crate::scenario::{Expect, Scenario};
use crate::world::Job;

/// A run that takes more steps is not small, whatever it shows.
const STEPS_MAX: u64 = 200_000;

/// A scenario that fails under a mutant and passes without.
#[derive(Clone, Debug, PartialEq)]
pub struct Showing {
    /// What is run.
    pub scenario: Scenario,
    /// How it fails.
    pub failure: Failure,
    /// How large it is.
    pub size: Size,
}

impl Showing {
    /// A random run, if it has a clock and shows the mutant.
    pub(super) fn of_trial(trial: &Trial, mutant: Mutant) -> Result<Option<Self>, Problem> {
        match trial.drive {
            Drive::Timed => Self::of(trial.scenario(), mutant),
            Drive::Wandering => Ok(None),
        }
    }

    /// A scenario with its own seed, whatever it expects, if it shows the mutant.
    pub(super) fn of(scenario: Scenario, mutant: Mutant) -> Result<Option<Self>, Problem> {
        let scenario = Scenario { expect: Expect::default(), ..scenario };
        let failure = guarded(|| Failure::within(STEPS_MAX, &scenario, Some(mutant))).unwrap_or(Ok(None))?;
        let Some(failure) = failure.filter(|failure| shows(&scenario, failure)) else { return Ok(None) };
        let size = Size::of(&Job::compile(scenario.clone())?);
        Ok(Some(Self { scenario, failure, size }))
    }

    /// The same, made as small as so many candidates allow; it tells what is wrong, and bears the name of its mutant.
    pub(super) fn shrunk(&self, mutant: Mutant, budget: u32) -> Result<Self, Problem> {
        let shrunk = shrink(&self.scenario, &mut |candidate| shows(candidate, &self.failure), budget);
        let told = self.failure.told_in(shrunk.scenario);
        let scenario = Scenario { name: mutant.name().to_owned(), ..told };
        let size = Size::of(&Job::compile(scenario.clone())?);
        Ok(Self { scenario, failure: self.failure.clone(), size })
    }
}

/// Fails as it did, and would not if nobody decided wrongly. Whoever breaks down shows nothing.
fn shows(scenario: &Scenario, failure: &Failure) -> bool {
    guarded(|| failure.recurs_within(STEPS_MAX, scenario)) == Ok(true)
        && Catch::in_scenario(scenario.clone(), None) == Ok(None)
}
