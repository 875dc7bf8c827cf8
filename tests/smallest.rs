//! Of each mutant a small scenario can be had: it fails under the mutant, as the random run did, and passes without.

use cutline::campaign::{Bug, Catch, Drive, Failure, Hunt, Showing, hunt_mutants};
use cutline::fault::Mutant;
use cutline::scenario::{self, Scenario};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Some of which a few seeds know.
const SOME: [Mutant; 3] = [Mutant::CommitsAgain, Mutant::DirtyLocalState, Mutant::SavepointIsTold];

fn hunt(mutants: &[Mutant], bugs: &[Bug], seeds: u64, budget: u32) -> Vec<cutline::campaign::Fate> {
    let hunt = Hunt { mutants, bugs, seeds, more: 40, budget: Some(budget), threads: 2, progress: &|_, _| {} };
    hunt_mutants(&hunt).unwrap_or_else(|problem| panic!("{problem}")).fates
}

/// What is read when the scenario was written.
fn reread(scenario: &Scenario) -> Scenario {
    scenario::parse(&scenario::write(scenario), "written").unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn what_is_shrunk_fails_as_the_random_run_did_and_only_under_its_mutant() {
    for fate in hunt(&SOME, &[], 60, 300) {
        let (name, small) = (fate.mutant.name(), fate.small.expect("it is seen with a clock"));
        let (trial, Showing { failure: first, size: before, .. }) = fate.timed.expect("it is what was shrunk");
        assert_eq!(trial.drive, Drive::Timed);
        let scenario = reread(&small.scenario);
        let failure = Failure::under(&scenario, Some(fate.mutant)).expect("it compiles").expect("it fails");
        let told = |of: &Failure| (of.verdict, of.finding.check, of.finding.signature.clone());
        assert_eq!(told(&failure), told(&first), "{name}");
        assert_eq!(Catch::in_scenario(scenario, None), Ok(None), "{name} without its mutant");
        assert!((small.size.tasks, small.size.faults) <= (before.tasks, before.faults), "{name}: {small:?}");
        assert!(small.size.records < before.records, "{name}: {small:?}");
        assert!(small.scenario.why.contains(fate.mutant.about()), "{name}: {}", small.scenario.why);
        assert!(small.scenario.why.ends_with(&failure.finding.text), "{name}: {}", small.scenario.why);
    }
}

#[test]
fn where_chance_has_no_clock_the_hand_written_scenario_is_shrunk() {
    let text = include_str!("../scenarios/bugs/commits-again.json");
    let scenario = scenario::parse(text, "commits-again").expect("it is valid");
    let bug = Bug { mutant: Mutant::CommitsAgain, file: "commits-again".to_owned(), scenario };
    let [fate] = hunt(&[Mutant::CommitsAgain], &[bug], 1, 300).try_into().expect("one mutant, one fate");
    assert!(fate.timed.is_none(), "seed 0 does not know it");
    let small = fate.small.expect("it is shrunk from what was written");
    assert_eq!(small.failure.finding.check, "commits");
    assert!(small.size.tasks < 4, "{:?}", small.size);
    let [nothing] = hunt(&[Mutant::CommitsAgain], &[], 1, 300).try_into().expect("one mutant, one fate");
    assert_eq!(nothing.small, None);
}

fn cutline(desk: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cutline")).args(arguments).current_dir(desk).output().expect("it starts")
}

fn desk(name: &str) -> PathBuf {
    let desk = std::env::temp_dir().join(format!("cutline-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&desk);
    std::fs::create_dir_all(&desk).expect("a temporary folder can be made");
    desk
}

#[test]
fn files_are_written_which_are_the_same_for_any_number_of_threads() {
    let desk = desk("smallest");
    let only = ["--only", "dirty-local-state,savepoint-is-told", "--seeds", "60", "--budget", "200", "--json"];
    let made = |threads: &str| {
        let output = cutline(&desk, &[&["mutants", "--out", threads, "--threads", threads], &only[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let matrix: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let mut files = Vec::new();
        for mutant in matrix["mutants"].as_array().expect("a list") {
            let (name, smallest) = (mutant["name"].as_str().expect("a name"), &mutant["smallest"]);
            let file = smallest["file"].as_str().expect("a path");
            assert_eq!(file, format!("{threads}/{name}.json"));
            let run = |more: &[&str]| cutline(&desk, &[&["run", file, "--json"], more].concat());
            let (with, without) = (run(&["--mutant", name]), run(&[]));
            assert_eq!((with.status.code(), without.status.code()), (Some(1), Some(0)), "{file}");
            let told: Value = serde_json::from_slice(&with.stdout).expect("one JSON object");
            let checks = told["checks"].as_array().expect("a list");
            let failed = |check: &&Value| check["verdict"] == "FAIL" && check["name"] == mutant["expected"];
            assert!(checks.iter().any(|check| failed(&check)), "{file}: {checks:?}");
            assert!(smallest["tasks"].as_u64() <= Some(6) && smallest["records"].is_u64(), "{smallest}");
            files.push(std::fs::read(desk.join(file)).expect("it is there"));
        }
        let there = std::fs::read_dir(desk.join(threads)).expect("the folder is there").count();
        assert_eq!((there, matrix["median"]["of"].as_u64()), (files.len(), Some(2)), "nothing else is in it");
        files
    };
    assert_eq!(made("1"), made("2"));

    std::fs::write(desk.join("taken"), "").expect("can be written");
    let taken = cutline(&desk, &["mutants", "--out", "taken"]);
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!((taken.status.code(), told.trim()), (Some(2), "error: taken is a file; name a folder, there or not"));
    let alone = cutline(&desk, &["mutants", "--budget", "3"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("--out <DIR>"));
    let _ = std::fs::remove_dir_all(&desk);
}
