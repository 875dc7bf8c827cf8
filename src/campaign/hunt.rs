//! Many seeds of generated scenarios, or of one, in search of a run that fails.
//!
//! Runs are numbered: number n is the protocol n mod p and the seed n div p, so that a hunt of any length tries all
//! protocols alike, and a part of a hunt is a hunt. Threads take the next numbers whenever they are free; what they bring
//! home is a sum and smallest seeds, which do not depend on who ran what. Failures are grouped by what is wrong, and of
//! each group the run with the smallest seed is kept: enough to make it again, and to shrink it.
//!
//! A panic in a run is a failure like others: it says where a belief of the simulator is wrong.

use super::{ProtocolChoice, Runner, SMALL, Shrunk, Strikes, Want, limits_for, shrink};
use crate::base::Problem;
use crate::check::Verdict;
use crate::protocol::{Protocol, ZOO};
use crate::scenario::{Expect, Limits, Scenario, generate};
use crate::world::Job;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A thread takes so many runs at a time.
const CHUNK: u64 = 32;

/// What is to be hunted over.
#[derive(Clone)]
pub struct HuntOrder {
    /// Under which protocols.
    pub protocols: Vec<ProtocolChoice>,
    /// The scenario that every seed runs; `None`: each seed generates its own.
    pub scenario: Option<Scenario>,
    /// Limits of generated scenarios, of which each protocol takes what it claims to stand.
    pub limits: Limits,
    /// The numbers of runs.
    pub runs: Range<u64>,
    /// On so many threads.
    pub threads: usize,
    /// Whether to count in which windows faults strike.
    pub windows: bool,
}

/// How far a hunt is, for whoever waits.
#[derive(Debug, Default)]
pub struct HuntProgress {
    /// Runs that are over.
    pub runs: AtomicU64,
    /// Those that failed.
    pub failures: AtomicU64,
}

/// What came of a hunt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hunted {
    /// How many runs there were.
    pub runs: u64,
    /// How many failed.
    pub failures: u64,
    /// How many events there were.
    pub events: u64,
    /// What failed, by what is wrong.
    pub found: BTreeMap<FoundKey, Found>,
    /// By protocol of the order, if that was wanted.
    pub strikes: Vec<Strikes>,
}

/// What makes two failures the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundKey {
    /// The protocol, as it was asked for.
    pub protocol: String,
    /// FAIL, STUCK, MISS, INVALID or PANIC.
    pub verdict: &'static str,
    /// What a check calls it, or what the panic says, without numbers: those of generated names differ from run to run.
    pub signature: String,
}

/// Failed runs with one thing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many.
    pub count: u64,
    /// The smallest seed.
    pub seed: u64,
    /// What is wrong in that run, in a sentence.
    pub text: String,
}

impl Default for HuntOrder {
    fn default() -> Self {
        Self {
            protocols: ProtocolChoice::zoo(),
            scenario: None,
            limits: Limits { wild: 5, outside: true, cycles: true, ..SMALL },
            runs: 0..10_000,
            threads: 1,
            windows: false,
        }
    }
}

/// Makes all runs of the order. The result depends neither on threads nor on luck.
///
/// ```
/// use cutline::campaign::{HuntOrder, HuntProgress, hunt};
/// let order = HuntOrder { runs: 0..100, threads: 2, ..HuntOrder::default() };
/// let hunted = hunt(&order, &HuntProgress::default())?;
/// assert_eq!((hunted.runs, hunted.failures), (100, 0), "{:?}", hunted.found);
/// # Ok::<(), cutline::base::Problem>(())
/// ```
pub fn hunt(order: &HuntOrder, progress: &HuntProgress) -> Result<Hunted, Problem> {
    let jobs = order.jobs()?;
    let next = AtomicU64::new(order.runs.start);
    let shard = || {
        let mut hunter = Hunter::new(order, &jobs);
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= order.runs.end {
                return hunter.hunted;
            }
            let failures = hunter.hunted.failures;
            let end = order.runs.end.min(start + CHUNK);
            (start..end).for_each(|number| hunter.run(number));
            progress.runs.fetch_add(end - start, Ordering::Relaxed);
            progress.failures.fetch_add(hunter.hunted.failures - failures, Ordering::Relaxed);
        }
    };
    let shards: Vec<Hunted> = thread::scope(|scope| {
        let handles: Vec<_> = (0..order.threads.max(1)).map(|_| scope.spawn(shard)).collect();
        handles.into_iter().map(|handle| handle.join().expect("panics of runs are caught")).collect()
    });
    let mut all = Hunted::new(order);
    shards.into_iter().for_each(|shard| all.merge(shard));
    Ok(all)
}

impl HuntOrder {
    /// Whether the one scenario can be run under all protocols.
    pub fn check(&self) -> Result<(), Problem> {
        self.jobs().map(|_| ())
    }

    /// The one scenario under each protocol: it is compiled once, and what is wrong with it is told before anything runs.
    fn jobs(&self) -> Result<Vec<Arc<Job>>, Problem> {
        let protocols = if self.scenario.is_some() { self.protocols.len() } else { 0 };
        (0..protocols).map(|protocol| Job::compile(self.scenario_of(protocol, 0)).map(Arc::new)).collect()
    }

    /// The scenario of a seed under one of the protocols.
    fn scenario_of(&self, protocol: usize, seed: u64) -> Scenario {
        let choice = &self.protocols[protocol];
        let mut scenario = match &self.scenario {
            Some(scenario) => choice.applied_to(scenario),
            None => {
                let limits = limits_for(self.protocol(protocol), self.limits);
                choice.applied_to(&generate(seed, &limits, &choice.protocol))
            }
        };
        scenario.run.seed = seed;
        scenario
    }

    /// One of the protocols.
    pub fn protocol(&self, number: usize) -> &'static dyn Protocol {
        let name = &self.protocols[number].protocol;
        *ZOO.iter().find(|protocol| protocol.name() == name).expect("choices are checked")
    }

    /// The scenario that was found to fail, made as small as so many runs allow.
    pub fn smallest(&self, key: &FoundKey, found: &Found, budget: u32) -> Shrunk {
        let protocol = self.protocols.iter().position(|choice| choice.text == key.protocol);
        let scenario = self.scenario_of(protocol.expect("it was hunted"), found.seed);
        // What the scenario expects is gone while it is shrunk: then FAIL is a failure again.
        let mut fails = |candidate: &Scenario| {
            let wrong = wrong_with(|| {
                let seed = candidate.run.seed;
                let job = Job::compile(candidate.clone())?;
                Ok(Runner::new(job.into(), Want { figures: false, ..Want::default() })?.run(seed).verdict)
            });
            wrong.is_some_and(|wrong| (wrong.verdict, &wrong.signature) == (key.verdict, &key.signature))
        };
        let mut shrunk = shrink(&scenario, &mut fails, budget);
        let small = &mut shrunk.scenario;
        small.name = format!("{}-{}-shrunk", scenario.name, scenario.checkpoints.protocol);
        small.why = format!("{} {}: {}", key.verdict, key.signature, found.text);
        let is_verdict = Verdict::NAMES.contains(&key.verdict);
        small.expect = Expect { verdict: is_verdict.then(|| key.verdict.to_owned()), ..Expect::default() };
        shrunk
    }
}

/// One thread's part of a hunt.
struct Hunter<'a> {
    order: &'a HuntOrder,
    jobs: &'a [Arc<Job>],
    /// For the runs of one scenario, by protocol.
    runners: Vec<Option<Runner>>,
    hunted: Hunted,
}

impl<'a> Hunter<'a> {
    fn new(order: &'a HuntOrder, jobs: &'a [Arc<Job>]) -> Self {
        Self { order, jobs, runners: jobs.iter().map(|_| None).collect(), hunted: Hunted::new(order) }
    }

    fn run(&mut self, number: u64) {
        let protocols = self.order.protocols.len() as u64;
        let (protocol, seed) = ((number % protocols) as usize, number / protocols);
        let wrong = wrong_with(|| self.verdict(protocol, seed));
        self.hunted.runs += 1;
        let Some(Wrong { verdict, signature, text }) = wrong else { return };
        let expected = self.order.scenario.as_ref().and_then(|scenario| scenario.expect.verdict.as_deref());
        if expected == Some(verdict) {
            return;
        }
        self.hunted.failures += 1;
        let key = FoundKey { protocol: self.order.protocols[protocol].text.clone(), verdict, signature };
        self.hunted.add(key, Found { count: 1, seed, text });
    }

    fn verdict(&mut self, protocol: usize, seed: u64) -> Result<Verdict, Problem> {
        // Taken out, so that one that panics is not used again.
        let kept = self.runners.get_mut(protocol).and_then(Option::take);
        let mut runner = match kept {
            Some(runner) => runner,
            None => {
                let job = match self.jobs.get(protocol) {
                    Some(job) => Arc::clone(job),
                    None => Arc::new(Job::compile(self.order.scenario_of(protocol, seed))?),
                };
                let runner = Runner::new(job, Want { figures: false, ..Want::default() })?;
                if self.order.windows { runner.counting_windows() } else { runner }
            }
        };
        let outcome = runner.run(seed);
        self.hunted.events += outcome.events;
        if let Some(windows) = runner.windows_mut() {
            self.hunted.strikes[protocol].merge(&windows.take_strikes());
        }
        if let Some(place) = self.runners.get_mut(protocol) {
            *place = Some(runner);
        }
        Ok(outcome.verdict)
    }
}

/// What is wrong with a run.
struct Wrong {
    verdict: &'static str,
    signature: String,
    text: String,
}

/// Makes a run and says what is wrong with it, whether a check says so, nothing came of it, or it panicked.
fn wrong_with(run: impl FnOnce() -> Result<Verdict, Problem>) -> Option<Wrong> {
    let (verdict, signature, text) = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(Verdict::Pass)) => return None,
        Ok(Ok(verdict)) => match (verdict.finding(), &verdict) {
            (Some(finding), _) => (verdict.name(), finding.signature.clone(), finding.text.clone()),
            (None, Verdict::Miss(what)) => (verdict.name(), what.clone(), what.clone()),
            (None, _) => (verdict.name(), String::new(), String::new()),
        },
        Ok(Err(problem)) => ("INVALID", problem.to_string(), problem.to_string()),
        Err(panic) => {
            let told = panic.downcast_ref::<String>().map(String::as_str);
            let told = told.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
            ("PANIC", told.lines().next().unwrap_or_default().to_owned(), told.to_owned())
        }
    };
    Some(Wrong { verdict, signature: without_numbers(&signature), text })
}

/// Generated operators have numbers in their names, and panics tell of ids: neither makes another failure.
fn without_numbers(signature: &str) -> String {
    signature.chars().filter(|c| !c.is_ascii_digit()).collect()
}

impl Hunted {
    fn new(order: &HuntOrder) -> Self {
        let strikes = if order.windows { vec![Strikes::default(); order.protocols.len()] } else { Vec::new() };
        Self { strikes, ..Self::default() }
    }

    fn add(&mut self, key: FoundKey, found: Found) {
        let known = self.found.entry(key).or_insert_with(|| Found { count: 0, ..found.clone() });
        known.count += found.count;
        if found.seed < known.seed {
            (known.seed, known.text) = (found.seed, found.text);
        }
    }

    /// Adds what another thread, or another hunt for other runs, brought home.
    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.failures += other.failures;
        self.events += other.events;
        other.found.into_iter().for_each(|(key, found)| self.add(key, found));
        self.strikes.iter_mut().zip(&other.strikes).for_each(|(strikes, more)| strikes.merge(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::check::Finding;

    #[test]
    fn a_panic_is_a_failure_with_a_signature() {
        let wrong = wrong_with(|| panic!("task 7 is not there\nat all")).expect("it failed");
        assert_eq!((wrong.verdict, &*wrong.signature), ("PANIC", "task  is not there"));
        assert!(wrong.text.contains("task 7"));
        assert!(wrong_with(|| Ok(Verdict::Pass)).is_none());
    }

    #[test]
    fn failures_are_the_same_if_only_numbers_differ() {
        let finding = |name: &str| Finding { at: Time::ZERO, ..Finding::new(name, "lost") };
        let signature = |name| wrong_with(|| Ok(Verdict::Fail(finding(name)))).expect("it failed").signature;
        assert_eq!(signature("order/gap source0->count12"), signature("order/gap source1->count3"));
        assert_ne!(signature("order/gap source0->count12"), signature("order/gap source0->sink0"));
    }

    #[test]
    fn of_each_group_the_smallest_seed_is_kept() {
        let key = FoundKey { protocol: "aligned".into(), verdict: "FAIL", signature: "x".into() };
        let found = |count, seed: u64| Found { count, seed, text: format!("of {seed}") };
        let (mut one, mut two) = (Hunted::default(), Hunted::default());
        one.add(key.clone(), found(1, 5));
        one.add(key.clone(), found(1, 9));
        two.add(key.clone(), found(1, 3));
        one.merge(two);
        assert_eq!(one.found[&key], found(3, 3));
    }
}
