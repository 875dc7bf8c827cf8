//! What the integration tests share: compiling, running, and telling what went wrong.
#![allow(dead_code)]

pub mod source;

use cutline::base::OperatorId;
use cutline::campaign::{Failure, Judge, Outcome, Runner, Want, limits_for, shrink};
use cutline::check::{Account, Losses, Place, Tally, Verdict};
use cutline::drive::{Chooser, wander::wander};
use cutline::protocol::ZOO;
use cutline::report::write_file;
use cutline::scenario::{self, Limits, Scenario};
use cutline::trace::{Observer, Stamped};
use cutline::world::{Job, World};
use std::path::Path;
use std::sync::Arc;

#[allow(unused_imports)]
pub use cutline::campaign::SMALL;

/// What a protocol's claims leave of some limits.
pub fn claimed(protocol: &str, limits: Limits) -> Limits {
    let entry = ZOO.iter().find(|entry| entry.name() == protocol).expect("it is in the zoo");
    limits_for(*entry, limits)
}

/// Compiles a scenario that must be valid.
pub fn compile(scenario: Scenario) -> Arc<Job> {
    if let Err(problem) = scenario::check(&scenario) {
        panic!("{problem}\n{scenario:#?}");
    }
    Arc::new(Job::compile(scenario).unwrap_or_else(|problem| panic!("{problem}")))
}

/// Compiles a scenario written as JSON.
pub fn parse(text: &str) -> Arc<Job> {
    compile(scenario::parse(text, "test.json").unwrap_or_else(|problem| panic!("{problem}")))
}

/// Runs a job once.
pub fn run(job: &Arc<Job>, seed: u64, want: Want) -> (Outcome, Runner) {
    let mut runner = Runner::new(Arc::clone(job), want).unwrap_or_else(|problem| panic!("{problem}"));
    let outcome = runner.run(seed);
    (outcome, runner)
}

/// A run in virtual time passes; one that does not is left behind, shrunk, under the name of the law.
pub fn passes_in_virtual_time(scenario: Scenario, seed: u64, law: &str) {
    let job = compile(scenario);
    let (Outcome { verdict, .. }, _) = run(&job, seed, Want { figures: false, ..Want::default() });
    let protocol = job.protocol.name();
    assert!(verdict == Verdict::Pass, "{protocol}, seed {seed}: {verdict:?}; {}", kept_small(law, &job.scenario));
}

/// A run whose steps a chooser takes comes to its end and passes; one that does not is left behind under the name of
/// the law.
pub fn passes_in_order(scenario: Scenario, seed: u64, chooser: &mut impl Chooser, law: &str) {
    let job = compile(scenario);
    let mut trace: Vec<Stamped> = Vec::new();
    let ended = wander(&job, &mut World::new(&job), seed, chooser, 200_000, &mut trace);
    let (protocol, kept) = (job.protocol.name(), || kept(law, &job.scenario));
    assert!(ended, "{protocol}, seed {seed}: the job came to no end; {}", kept());
    let verdict = judge(&job, seed, &trace);
    assert!(verdict == Verdict::Pass, "{protocol}, seed {seed}: {verdict:?}; {}", kept());
}

/// How many cases a property test runs: `default`, or what `CUTLINE_CASES` says.
pub fn cases(default: u32) -> u32 {
    std::env::var("CUTLINE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// What the checks of a job say of a whole trace.
pub fn judge(job: &Arc<Job>, seed: u64, trace: &[Stamped]) -> Verdict {
    let mut judge = Judge::new(Arc::clone(job));
    trace.iter().for_each(|stamped| judge.event(stamped.at, &stamped.event));
    judge.verdict(seed)
}

/// Writes the scenario of a run that failed into `target/`, where `cutline run` finds it; says how to see it again.
///
/// One file for each law and protocol: proptest looks for the simplest case, and what fails last is that.
pub fn kept(law: &str, scenario: &Scenario) -> String {
    let name = format!("failed-{law}-{}.json", scenario.checkpoints.protocol);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    write_file(&path, scenario::write(scenario).as_bytes()).unwrap_or_else(|problem| panic!("{problem}"));
    format!("its scenario is {}", path.display())
}

/// The same for a run in virtual time, besides as small as some hundred runs make it.
pub fn kept_small(law: &str, scenario: &Scenario) -> String {
    // First as it is: should a smaller run end in a panic, there is something to look at.
    let kept_whole = kept(law, scenario);
    match Failure::of(scenario) {
        Ok(Some(failure)) => {
            let small = shrink(scenario, &mut |scenario| failure.recurs_in(scenario), 400).scenario;
            format!("{kept_whole}; shrunk, {}", kept(&format!("{law}-small"), &failure.told_in(small)))
        }
        _ => kept_whole,
    }
}

/// Where the records that are named do not make up for what is counted too many or too few, or some have no names.
pub fn unnamed(losses: &Losses, accounts: &[Account]) -> Option<String> {
    let named = |of: OperatorId, at: Place| {
        let place = losses.places.iter().find(|place| (place.operator, place.place) == (of, at));
        place.map_or(0, |of| (of.doubled.total + of.orphans.total) as i64 - of.lost.total as i64)
    };
    let places = accounts.iter().flat_map(|account| {
        let output = account.output.map(|output| (account.operator, Place::Output, output));
        [(account.operator, Place::State, account.state)].into_iter().chain(output)
    });
    let wrong = |(operator, place, tally): (OperatorId, Place, Tally)| {
        let (told, counted) = (named(operator, place), tally.counted as i64 - tally.due as i64);
        (told != counted).then(|| format!("{place:?} of operator {operator}: {told} are named of {counted}"))
    };
    losses.doubts.first().cloned().or_else(|| places.into_iter().find_map(wrong))
}
