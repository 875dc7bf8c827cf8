//! The hunt for mutants: does somebody notice each of the wrong decisions?
//!
//! Every mutant first passes a run in which nothing goes wrong, under every protocol: one that breaks everything proves
//! nothing. Then it is run in random scenarios, seed after seed, until a check catches it, and for a while longer, to see
//! which other checks would have. Hand-written scenarios, each named after the mutant that it exposes, are run
//! besides. The same seeds and scenarios must pass without a mutant. Whoever asks for it gets the first random run that
//! shows a mutant made small, as a scenario.
//!
//! Mutants are dealt out to threads one by one, and what becomes of one does not depend on any other: so the matrix is
//! the same for any number of threads.

use super::trial::{SILENT, silence};
use super::{Catch, Drive, Showing, Trial};
use crate::base::{Place, Problem, Span};
use crate::fault::Mutant;
use crate::protocol::{self, ZOO};
use crate::scenario::{self, Scenario};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// So many seeds without a mutant are one piece of work.
const CONTROL_SEEDS: u64 = 200;

/// What is hunted, and how far.
pub struct Hunt<'a> {
    /// Which mutants.
    pub mutants: &'a [Mutant],
    /// Hand-written scenarios.
    pub bugs: &'a [Bug],
    /// How many seeds each gets at most.
    pub seeds: u64,
    /// How many of them it still gets after it was caught.
    pub more: u64,
    /// Each is shown by a scenario that is shrunk by so many candidates at most, if that is wanted.
    pub budget: Option<u32>,
    /// On so many threads.
    pub threads: usize,
    /// Is told how many pieces of work are done, and of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// A scenario that exposes a mutant.
#[derive(Clone, Debug)]
pub struct Bug {
    /// Which.
    pub mutant: Mutant,
    /// The file it was read from.
    pub file: String,
    /// What is run.
    pub scenario: Scenario,
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Which.
    pub mutant: Mutant,
    /// What was wrong with a run in which nothing goes wrong, and under which protocol.
    pub broken: Option<(&'static str, Catch)>,
    /// How many seeds were tried.
    pub tried: u64,
    /// The first random run that caught it.
    pub first: Option<(Trial, Catch)>,
    /// The first random run that can be had as a scenario: one with a clock, and not too long. Whoever wants it shrunk
    /// gets one from further seeds if there is none among those that were tried, and no scenario either.
    pub timed: Option<(Trial, Showing)>,
    /// In how many of the random runs each check found something.
    pub caught: BTreeMap<&'static str, u64>,
    /// The scenario that is to expose it, and what did.
    pub scenario: Option<(String, Option<Catch>)>,
    /// That run, or else that scenario, made small.
    pub small: Option<Showing>,
}

/// The kill matrix.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Mutant by mutant.
    pub fates: Vec<Fate>,
    /// How many seeds were tried without a mutant: as many as with any.
    pub control: u64,
    /// What was caught although there was no mutant: seeds, and files of scenarios.
    pub unclean: Vec<(String, Catch)>,
}

impl Fate {
    fn new(mutant: Mutant) -> Self {
        let (caught, tried) = (BTreeMap::new(), 0);
        Self { mutant, broken: None, tried, first: None, timed: None, caught, scenario: None, small: None }
    }

    /// Somebody noticed it.
    pub fn is_killed(&self) -> bool {
        self.first.is_some() || self.is_exposed()
    }

    /// Somebody noticed it in the scenario that is to expose it.
    pub fn is_exposed(&self) -> bool {
        self.scenario.iter().any(|(_, caught)| caught.is_some())
    }

    /// How many seeds it took.
    pub fn needed(&self) -> Option<u64> {
        self.first.as_ref().map(|(trial, _)| trial.seed + 1)
    }

    /// All checks that caught it, in random runs or in its scenario.
    pub fn checks(&self) -> Vec<&'static str> {
        let by_scenario = self.scenario.iter().flat_map(|(_, caught)| caught).flat_map(|caught| &caught.checks);
        let mut checks: Vec<&'static str> = self.caught.keys().chain(by_scenario).copied().collect();
        checks.sort_unstable();
        checks.dedup();
        checks
    }
}

impl Matrix {
    /// Those that nobody noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &Fate> {
        self.fates.iter().filter(|fate| !fate.is_killed())
    }

    /// Those that fail even if nothing goes wrong: they do not count.
    pub fn broken(&self) -> impl Iterator<Item = &Fate> {
        self.fates.iter().filter(|fate| fate.broken.is_some())
    }

    /// Every mutant was noticed, and nothing else.
    pub fn is_clean(&self) -> bool {
        self.survivors().next().is_none() && self.broken().next().is_none() && self.unclean.is_empty()
    }
}

/// Hunts mutants; the matrix is the same for any number of threads.
pub fn hunt_mutants(hunt: &Hunt<'_>) -> Result<Matrix, Problem> {
    silence();
    let calm = calm_scenarios();
    let fates = deal(hunt.mutants.len(), hunt, 0, |n| fate(hunt, hunt.mutants[n], &calm))?;
    let control = fates.iter().map(|fate| fate.tried).max().unwrap_or(0);
    let pieces = control.div_ceil(CONTROL_SEEDS) as usize;
    let mut unclean: Vec<(String, Catch)> = Vec::new();
    for (protocol, scenario) in calm {
        let caught = Catch::in_scenario(scenario, None)?;
        unclean.extend(caught.map(|caught| (format!("the default run under {protocol}"), caught)));
    }
    for bug in hunt.bugs {
        let caught = Catch::in_scenario(bug.scenario.clone(), None).map_err(|problem| problem.in_file(&bug.file))?;
        unclean.extend(caught.map(|caught| (bug.file.clone(), caught)));
    }
    let found = deal(pieces, hunt, hunt.mutants.len(), |n| {
        let first = n as u64 * CONTROL_SEEDS;
        let trials = (first..control.min(first + CONTROL_SEEDS)).flat_map(Trial::of_seed);
        Ok(trials.filter_map(|trial| Some((trial, trial.run_patiently()?))).collect::<Vec<_>>())
    })?;
    unclean.extend(found.into_iter().flatten().map(|(trial, caught)| (trial.to_string(), caught)));
    Ok(Matrix { fates, control, unclean })
}

/// What stands for the check in runs that broke down.
const BROKEN: &str = "panic";

fn fate(hunt: &Hunt<'_>, mutant: Mutant, calm: &[(&'static str, Scenario)]) -> Result<Fate, Problem> {
    let mut fate = Fate::new(mutant);
    for (protocol, scenario) in calm {
        if let Some(caught) = Catch::in_scenario(scenario.clone(), Some(mutant))? {
            fate.broken = Some((protocol, caught));
            break;
        }
    }
    let bug = hunt.bugs.iter().find(|bug| bug.mutant == mutant);
    if let Some(bug) = bug {
        let caught = Catch::in_scenario(bug.scenario.clone(), Some(mutant));
        fate.scenario = Some((bug.file.clone(), caught.map_err(|problem| problem.in_file(&bug.file))?));
    }
    // Whoever has been seen already gets only what is beyond that.
    let mut end = if fate.is_killed() { hunt.seeds.min(hunt.more) } else { hunt.seeds };
    while fate.tried < end {
        for trial in Trial::of_seed(fate.tried) {
            // A few random jobs are long: one that nobody has patience for proves nothing.
            let Some(caught) = trial.run(Some(mutant)).filter(|_| trial.run(None).is_none()) else { continue };
            caught.checks.iter().for_each(|check| *fate.caught.entry(check).or_default() += 1);
            if fate.timed.is_none() {
                fate.timed = Showing::of_trial(&trial, mutant)?.map(|shown| (trial, shown));
            }
            // A run that broke down is better than nothing, but a check is wanted.
            if fate.first.as_ref().is_none_or(|(_, first)| first.check == BROKEN && caught.check != BROKEN) {
                if caught.check == BROKEN {
                    fate.first.get_or_insert((trial, caught));
                    continue;
                }
                fate.first = Some((trial, caught));
                end = end.min(trial.seed + 1 + hunt.more);
            }
        }
        fate.tried += 1;
    }
    if let Some(budget) = hunt.budget {
        let large = match (&fate.timed, bug) {
            (Some((_, shown)), _) => Some(shown.clone()),
            (None, Some(bug)) => Showing::of(bug.scenario.clone(), mutant)?,
            (None, None) => {
                fate.timed = showing_beyond(fate.tried..hunt.seeds, mutant)?;
                fate.timed.as_ref().map(|(_, shown)| shown.clone())
            }
        };
        fate.small = large.map(|shown| shown.shrunk(mutant, budget)).transpose()?;
    }
    Ok(fate)
}

/// The first of these seeds that shows a mutant in a run that can be had as a scenario.
fn showing_beyond(seeds: Range<u64>, mutant: Mutant) -> Result<Option<(Trial, Showing)>, Problem> {
    for trial in seeds.flat_map(Trial::of_seed).filter(|trial| trial.drive == Drive::Timed) {
        if trial.run(Some(mutant)).is_some()
            && let Some(shown) = Showing::of_trial(&trial, mutant)?
        {
            return Ok(Some((trial, shown)));
        }
    }
    Ok(None)
}

/// The job that `cutline new` writes, without its crash and a tenth as long, under every protocol that can run it.
fn calm_scenarios() -> Vec<(&'static str, Scenario)> {
    let starter = scenario::parse(&scenario::starter("calm"), "calm.json").expect("the starter is valid");
    let mut calm = Vec::new();
    for entry in ZOO {
        let mut scenario = starter.clone();
        scenario.faults.clear();
        for source in scenario.job.operators.iter_mut().filter_map(|operator| operator.source.as_mut()) {
            source.records = source.records.map(|records| records / 10);
        }
        let interval = scenario.checkpoints.interval.map(|interval| Span(interval.0 / 10));
        (scenario.checkpoints.interval, scenario.checkpoints.first) = (interval, interval);
        scenario.expect = scenario::Expect::default();
        scenario.checkpoints.protocol = entry.name().to_owned();
        scenario.checkpoints.place = Place::default();
        if protocol::configure(&scenario, &crate::plan::build(&scenario)).is_ok() {
            calm.push((entry.name(), scenario));
        }
    }
    calm
}

/// Does so many pieces of work on the threads of a hunt; the results are in their order.
fn deal<T: Send>(
    pieces: usize,
    hunt: &Hunt<'_>,
    done_before: usize,
    work: impl Fn(usize) -> Result<T, Problem> + Sync,
) -> Result<Vec<T>, Problem> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(done_before));
    let (work, next, done) = (&work, &next, &done);
    let worker = move || {
        let mut results = Vec::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return results;
            }
            results.push((piece, work(piece)));
            (hunt.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, done_before + pieces);
        }
    };
    let mut all: Vec<(usize, Result<T, Problem>)> = thread::scope(|scope| {
        let threads = 0..hunt.threads.clamp(1, pieces.max(1));
        let spawn = |n| thread::Builder::new().name(format!("{SILENT}{n}")).spawn_scoped(scope, worker);
        let handles: Vec<_> = threads.map(|n| spawn(n).expect("the system has threads")).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("runs are guarded")).collect()
    });
    all.sort_by_key(|(piece, _)| *piece);
    all.into_iter().map(|(_, result)| result).collect()
}
