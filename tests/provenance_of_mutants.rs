//! Whatever goes wrong with records, each that is lost or doubled has a name: also where the engine itself is wrong.

mod support;

use cutline::campaign::{STORIES, Trial, Want, provenance};
use cutline::check::{Finding, Losses};
use cutline::fault::Mutant;
use cutline::scenario;
use cutline::world::Job;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use support::{cases, run, unnamed};

/// Checks that fail for single records.
const OF_RECORDS: [&str; 5] = ["records", "state", "at-least", "output", "splits"];

/// A run that a check of records failed.
struct Failed {
    findings: Vec<Finding>,
    losses: Losses,
}

/// Runs a job that is expected to fail; its records are named, and add up. `None`: no check of records failed, or it did
/// not come to its end, or broke down on the way.
fn named(name: &str, job: &Arc<Job>, seed: u64) -> Option<Failed> {
    let once = || run(job, seed, Want { figures: false, ..Want::default() });
    let (outcome, runner) = catch_unwind(AssertUnwindSafe(once)).ok()?;
    let findings = runner.checks().findings().kept().to_vec();
    let accounts = runner.accounts()?;
    if !findings.iter().any(|finding| OF_RECORDS.contains(&finding.check)) {
        return None;
    }
    let repeated = provenance(job, seed, STORIES).expect("no schedule");
    assert_eq!(repeated.digest, outcome.digest, "{name}");
    assert_eq!(unnamed(&repeated.losses, accounts), None, "{name}");
    Some(Failed { findings, losses: repeated.losses })
}

impl Failed {
    fn has(&self, check: &str, signature: &str) -> bool {
        self.findings.iter().any(|of| of.check == check && of.signature.contains(signature))
    }

    /// Every story says where its record comes from, and what happened to it there.
    fn tells_stories(&self) -> bool {
        let kinds = self.losses.places.iter().flat_map(|place| [&place.lost, &place.doubled]);
        let mut stories = kinds.flat_map(|named| &named.stories);
        stories.all(|story| story.origin.is_some() && !story.way[0].moments.is_empty())
    }
}

/// The scenarios of `scenarios/bugs`, each with the mutant of its name.
fn bugs() -> Vec<(String, Arc<Job>)> {
    let folder = format!("{}/scenarios/bugs", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("it is shipped").map(|file| file.unwrap().path()).collect();
    files.sort();
    let compile = |path: std::path::PathBuf| {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let mutant = Mutant::named(&name).expect("it is named after one");
        let scenario = scenario::parse(&std::fs::read_to_string(&path).expect("it is a text"), &name);
        let scenario = scenario.unwrap_or_else(|problem| panic!("{problem}"));
        let job = Job::compile_mutant(scenario, Some(mutant)).unwrap_or_else(|problem| panic!("{problem}"));
        (name, Arc::new(job))
    };
    files.into_iter().map(compile).collect()
}

#[test]
fn in_every_scenario_of_a_bug_what_is_lost_or_doubled_is_named() {
    let (mut records, mut splits) = (0, 0);
    for (name, job) in bugs() {
        let Some(failed) = named(&name, &job, job.scenario.run.seed) else { continue };
        assert!(failed.tells_stories(), "{name}");
        let wrong = ["losses", "duplicates", "swaps"].iter().any(|what| failed.has("output", what));
        // Where the right records were applied and state has other values, no record is to blame.
        if wrong || ["more", "fewer", "others"].iter().any(|what| failed.has("state", what)) {
            assert!(!failed.losses.places.is_empty(), "{name}");
            records += 1;
        }
        if failed.has("splits", "not read") {
            assert!(failed.losses.splits.iter().any(|split| split.unread.is_some()), "{name}");
            splits += 1;
        }
    }
    assert!(records >= 20 && splits >= 3, "{records} with records, {splits} with splits");
}

#[test]
fn in_random_runs_of_mutants_what_is_lost_or_doubled_is_named() {
    let mut failed = 0;
    for mutant in Mutant::ALL.iter().copied() {
        for seed in 0..u64::from(cases(50)) {
            let [trial, _] = Trial::of_seed(seed);
            // Records are named up to windows, and not behind them.
            if trial.scenario().job.operators.iter().any(|operator| operator.over_time.is_some()) {
                continue;
            }
            // What such a commit takes from later transactions cannot be told where those go on being filled from cycles.
            if mutant == Mutant::BufferByReference && trial.protocol == "chandy-lamport" {
                continue;
            }
            // What stands still or breaks down has no end at which to count.
            let ends = |checks: &[&str]| !checks.contains(&"liveness") && !checks.contains(&"panic");
            if !trial.run(Some(mutant)).is_some_and(|catch| ends(&catch.checks)) {
                continue;
            }
            let job = Job::compile_mutant(trial.scenario(), Some(mutant)).expect("it was run");
            failed += u32::from(named(&format!("{}, {trial}", mutant.name()), &Arc::new(job), seed).is_some());
        }
    }
    assert!(failed >= 100, "{failed} runs failed");
}
