//! From a scenario that fails to a small one that still does.
//!
//! A scenario is made smaller by moves: take a fault away, an operator, half of the records, a setting. Moves work on the
//! scenario as it would be written (`moves`, and `graph` for operators and edges), and know no more of a field than its
//! name: a fault or a setting that is new tomorrow is shrunk like the others. What a move makes is a candidate; it has to be
//! a valid scenario, and it has to fail. Moves are tried in the order of how much they take away, again and again,
//! until none of them finds anything: every single step from the result leads to a run that does not fail.
//!
//! Because a draw depends on nothing but its address, taking one thing away leaves the draws of all others as they were:
//! most failures survive most moves.

mod failure;
mod graph;
mod mentions;
mod moves;

pub use failure::Failure;

use crate::scenario::{Expect, Scenario, as_json, parse};
use crate::world::Job;
use moves::MOVES;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What is left of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// It fails.
    pub scenario: Scenario,
    /// How many runs that took.
    pub runs: u32,
    /// No single move makes it smaller; otherwise the budget was used up before.
    pub is_minimal: bool,
}

/// Makes a scenario that fails as small as so many runs allow. The same arguments give the same result.
///
/// `fails` is asked about valid scenarios that compile; it must say the same of the same scenario. What the
/// scenario expects is dropped first. A scenario that does not fail without that is returned as it is, after one run.
///
/// ```
/// use cutline::campaign::shrink;
/// let scenario = cutline::scenario::parse(&cutline::scenario::starter("job"), "job.json")?;
/// let mut has_fault = |scenario: &cutline::scenario::Scenario| !scenario.faults.is_empty();
/// let shrunk = shrink(&scenario, &mut has_fault, 1000);
/// assert!(shrunk.is_minimal && shrunk.runs < 200);
/// let operators: Vec<&str> = shrunk.scenario.job.operators.iter().map(|operator| &*operator.id).collect();
/// assert_eq!((operators, shrunk.scenario.faults.len()), (vec!["source", "sink"], 1));
/// # Ok::<(), cutline::base::Problem>(())
/// ```
pub fn shrink(scenario: &Scenario, fails: &mut dyn FnMut(&Scenario) -> bool, budget: u32) -> Shrunk {
    let mut search = Search {
        best: Scenario { expect: Expect::default(), ..scenario.clone() },
        fails,
        runs: 0,
        budget,
        tried: BTreeSet::new(),
    };
    let start = search.best.clone();
    if !search.still_fails(&start) {
        return Shrunk { scenario: scenario.clone(), runs: search.runs, is_minimal: false };
    }
    loop {
        let mut has_helped = false;
        for candidates in MOVES {
            has_helped |= search.exhaust(*candidates);
        }
        if !has_helped {
            break;
        }
    }
    Shrunk { scenario: search.best, runs: search.runs, is_minimal: search.runs < budget }
}

struct Search<'a> {
    /// The smallest that fails, so far.
    best: Scenario,
    fails: &'a mut dyn FnMut(&Scenario) -> bool,
    runs: u32,
    budget: u32,
    /// All candidates so far: none is looked at twice, so the search comes to an end.
    tried: BTreeSet<String>,
}

impl Search<'_> {
    /// Applies a move as long as it helps; whether it did.
    fn exhaust(&mut self, candidates: fn(&Json) -> Vec<Json>) -> bool {
        let (mut at, mut has_helped) = (0, false);
        let mut list = candidates(&as_json(&self.best));
        while self.runs < self.budget && at < list.len() {
            match self.valid(&list[at]).filter(|candidate| self.still_fails(candidate)) {
                Some(smaller) => {
                    self.best = smaller;
                    has_helped = true;
                    // What stands at this position now is the next thing to take away, or more of the same.
                    list = candidates(&as_json(&self.best));
                }
                None => at += 1,
            }
        }
        has_helped
    }

    /// The candidate as a scenario, if it is one and was not looked at before.
    fn valid(&mut self, candidate: &Json) -> Option<Scenario> {
        let text = candidate.to_string();
        let scenario = (!self.tried.contains(&text)).then(|| parse(&text, "candidate").ok());
        self.tried.insert(text);
        scenario.flatten().filter(|scenario| Job::compile(scenario.clone()).is_ok())
    }

    fn still_fails(&mut self, candidate: &Scenario) -> bool {
        self.runs += 1;
        (self.fails)(candidate)
    }
}

/// How large a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Operators.
    pub operators: usize,
    /// Tasks, each of them a subtask of a chain of operators.
    pub tasks: usize,
    /// Records of all sources; `None` if one of them is endless.
    pub records: Option<u64>,
    /// Faults.
    pub faults: usize,
}

impl Size {
    /// Measures a compiled scenario.
    pub fn of(job: &Job) -> Self {
        let operators = &job.scenario.job.operators;
        Self {
            operators: operators.len(),
            tasks: job.plan.tasks.len(),
            records: operators
                .iter()
                .filter_map(|operator| operator.source.as_ref())
                .map(|source| source.records)
                .sum(),
            faults: job.scenario.faults.len(),
        }
    }
}
