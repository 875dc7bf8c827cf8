//! One random run of a hunt: the scenario of a seed, under a protocol, with a clock or without, and what caught it.
//!
//! A run that breaks down is no verdict of a check: somebody tripped over an assertion. It is told as `panic`, unless a
//! check had found something before.

use super::{Judge, Runner, SMALL, Story, Want, limits_for};
use crate::base::{Problem, Time};
use crate::check::{Checks, Verdict};
use crate::drive::{Seeded, wander::wander};
use crate::fault::Mutant;
use crate::protocol::{Protocol, ZOO};
use crate::scenario::{Limits, Scenario, generate};
use crate::world::{Job, World};
use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};
use std::thread;

/// A run that takes more steps comes to no end.
const STEPS_MAX: u64 = 40_000;
/// So does one that takes more than this, for those who have patience.
const PATIENT_STEPS_MAX: u64 = 4_000_000;
/// So does a run with a clock that takes longer.
const DEADLINE: Time = Time(20_000_000_000);
/// Threads of which nobody wants to hear that they panicked have names that begin so.
pub(super) const SILENT: &str = "trial-";

/// Who picks the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drive {
    /// The clock.
    Timed,
    /// Chance.
    Wandering,
}

/// A random run: it can be repeated from these three alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial {
    /// Of the scenario and of the run.
    pub seed: u64,
    /// What it is run under.
    pub protocol: &'static str,
    /// With a clock or without.
    pub drive: Drive,
}

/// What a check found in a run that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The check; `panic` if the run broke down, `expect` if the scenario wanted something else.
    pub check: &'static str,
    /// What kind of mistake it is.
    pub signature: String,
    /// One sentence.
    pub text: String,
    /// All checks that found something, that one included.
    pub checks: Vec<&'static str>,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drive = match self.drive {
            Drive::Timed => "timed",
            Drive::Wandering => "wandering",
        };
        write!(f, "{}, seed {}, {drive}", self.protocol, self.seed)
    }
}

impl Trial {
    /// The runs of a seed: one protocol after the other has its turn, each with a clock and without.
    pub fn of_seed(seed: u64) -> [Self; 2] {
        let protocol = ZOO[(seed % ZOO.len() as u64) as usize].name();
        [Drive::Timed, Drive::Wandering].map(|drive| Self { seed, protocol, drive })
    }

    /// The scenario.
    pub fn scenario(&self) -> Scenario {
        // Every protocol has jobs of which only tasks fail, and jobs to which anything happens.
        let wild = if self.seed / ZOO.len() as u64 % 2 == 1 { 4 } else { 0 };
        generate(
            self.seed,
            &limits_for(self.zoo(), Limits { cycles: true, wild, outside: wild > 0, ..SMALL }),
            self.protocol,
        )
    }

    fn zoo(&self) -> &'static dyn Protocol {
        *ZOO.iter().find(|entry| entry.name() == self.protocol).expect("trials are of the zoo")
    }

    /// Runs it for an engine that makes a wrong decision, or none; what caught it. A run that is long is taken for one
    /// that is stuck.
    pub fn run(&self, mutant: Option<Mutant>) -> Option<Catch> {
        self.run_within(mutant, STEPS_MAX)
    }

    /// Runs it without a mutant; what is found if nobody loses patience.
    pub fn run_patiently(&self) -> Option<Catch> {
        self.run(None).and_then(|_| self.run_within(None, PATIENT_STEPS_MAX))
    }

    fn run_within(&self, mutant: Option<Mutant>, steps: u64) -> Option<Catch> {
        let compiled = Job::compile_mutant(self.scenario(), mutant);
        let job = Arc::new(compiled.expect("generated scenarios are within the claims of their protocol"));
        match self.drive {
            Drive::Timed => {
                let want = Want { figures: false, ..Want::default() };
                let runner = Runner::new(job, want).expect("generated scenarios expect nothing");
                let mut runner = runner.patience(DEADLINE, steps);
                let verdict = guarded(|| runner.run(self.seed).verdict);
                Catch::of(verdict, runner.checks())
            }
            Drive::Wandering => {
                let mut judge = Judge::new(Arc::clone(&job));
                let verdict = guarded(|| {
                    let (mut world, mut chooser) = (World::new(&job), Seeded::new(self.seed));
                    wander(&job, &mut world, self.seed, &mut chooser, steps, &mut judge);
                    judge.verdict(self.seed)
                });
                Catch::of(verdict, judge.checks())
            }
        }
    }
}

impl Catch {
    /// Runs a scenario with its own seed for an engine that makes a wrong decision, or none; what caught it.
    pub fn in_scenario(scenario: Scenario, mutant: Option<Mutant>) -> Result<Option<Self>, Problem> {
        if !scenario.then.is_empty() {
            return Self::in_story(&scenario, mutant);
        }
        let seed = scenario.run.seed;
        let job = Arc::new(Job::compile_mutant(scenario, mutant)?);
        let mut runner = Runner::new(job, Want::default())?;
        let outcome = guarded(|| runner.run(seed));
        let unmet = match &outcome {
            Ok(outcome) if outcome.as_expected => return Ok(None),
            Ok(outcome) => outcome.expectations.iter().find(|of| !of.met).map(|unmet| unmet.text.clone()),
            Err(_) => None,
        };
        let caught = Self::of(outcome.map(|outcome| outcome.verdict), runner.checks());
        let unexpected =
            |text: String| Self { check: "expect", signature: "expect/unmet".to_owned(), text, checks: vec!["expect"] };
        Ok(caught.or_else(|| unmet.map(unexpected)))
    }

    /// The same for one with several phases: the first that is not as expected.
    fn in_story(scenario: &Scenario, mutant: Option<Mutant>) -> Result<Option<Self>, Problem> {
        let mut story = Story::new(scenario, Want::default(), mutant)?;
        let mut caught: Option<Self> = None;
        let unexpected =
            |text: String| Self { check: "expect", signature: "expect/unmet".to_owned(), text, checks: vec!["expect"] };
        let ran = guarded(|| {
            story.run(scenario.run.seed, |_, chapter, outcome| {
                if caught.is_none() && !outcome.as_expected {
                    let unmet = outcome.expectations.iter().find(|of| !of.met).map(|unmet| unmet.text.clone());
                    caught = Self::of(Ok(outcome.verdict), chapter.runner.checks()).or(unmet.map(unexpected));
                }
            })
        });
        let broken =
            |text| Self { check: "panic", signature: "panic/broken down".to_owned(), text, checks: vec!["panic"] };
        Ok(match ran {
            Err(text) => caught.or(Some(broken(text))),
            Ok(Err(why)) => caught.or(Some(unexpected(why))),
            Ok(Ok(())) => caught,
        })
    }

    fn of(verdict: Result<Verdict, String>, checks: &Checks) -> Option<Self> {
        let mut names: Vec<&'static str> = checks.findings().kept().iter().map(|finding| finding.check).collect();
        names.sort_unstable();
        names.dedup();
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(text) => match checks.verdict() {
                found @ (Verdict::Fail(_) | Verdict::Stuck(_)) => found,
                _ => {
                    let signature = "panic/broken down".to_owned();
                    return Some(Self { check: "panic", signature, text, checks: vec!["panic"] });
                }
            },
        };
        let finding = verdict.finding()?;
        let (signature, text) = (finding.signature.clone(), finding.text.clone());
        Some(Self { check: finding.check, signature, text, checks: names })
    }
}

/// Runs something that may break down; then its last words.
pub(super) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|last_words| told(&*last_words))
}

fn told(last_words: &(dyn Any + Send)) -> String {
    let words = last_words.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| last_words.downcast_ref::<&str>().copied());
    words.unwrap_or("it said nothing").to_owned()
}

/// From now on threads with silent names break down silently.
pub(super) fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name().is_none_or(|name| !name.starts_with(SILENT)) {
                loud(info);
            }
        }));
    });
}
