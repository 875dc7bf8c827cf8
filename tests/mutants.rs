//! Checks can fail: each wrong decision that a mutant makes is noticed, and where nobody makes one nothing is.

use cutline::campaign::{Bug, Catch, Hunt, Matrix, hunt_mutants};
use cutline::check::CHECKS;
use cutline::fault::Mutant;
use cutline::scenario;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// More than the slowest mutant needs, so that a change of the generator does not hide one.
const SEEDS: u64 = 6000;

/// The scenarios that expose mutants.
fn bugs() -> Vec<Bug> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/bugs");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let bug = |path: PathBuf| {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("readable");
        let scenario = scenario::parse(&text, &name).unwrap_or_else(|problem| panic!("{problem}"));
        let mutant = Mutant::named(&name).unwrap_or_else(|| panic!("no mutant is called {name}"));
        Bug { mutant, file: name, scenario }
    };
    paths.into_iter().map(bug).collect()
}

fn hunt(mutants: &[Mutant], bugs: &[Bug], seeds: u64, threads: usize) -> Matrix {
    let hunt = Hunt { mutants, bugs, seeds, more: 0, budget: None, threads, progress: &|_, _| {} };
    hunt_mutants(&hunt).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn every_mutant_is_noticed_and_without_one_nothing_is() {
    let threads = available_parallelism().map_or(1, usize::from);
    let matrix = hunt(Mutant::ALL, &bugs(), SEEDS, threads);
    let survivors: Vec<&str> = matrix.survivors().map(|fate| fate.mutant.name()).collect();
    assert!(survivors.is_empty(), "nobody noticed {survivors:?}");
    let broken: Vec<_> = matrix.broken().map(|fate| (fate.mutant.name(), &fate.broken)).collect();
    assert!(broken.is_empty(), "these fail even if nothing goes wrong: {broken:#?}");
    assert!(matrix.unclean.is_empty(), "without a mutant: {:#?}", matrix.unclean);
    for fate in &matrix.fates {
        assert_ne!(fate.checks(), ["panic"], "{}: an assertion is no check", fate.mutant.name());
    }
}

#[test]
fn a_scenario_fails_under_the_mutant_that_it_is_named_after_and_under_no_other_circumstances() {
    let bugs = bugs();
    assert!(bugs.len() >= 12, "there are {}", bugs.len());
    for Bug { mutant, file, scenario } in bugs {
        assert_eq!(Catch::in_scenario(scenario.clone(), None), Ok(None), "{file} without its mutant");
        let caught = Catch::in_scenario(scenario, Some(mutant)).expect("it compiles");
        let caught = caught.unwrap_or_else(|| panic!("{file}: the mutant passes"));
        assert!(caught.checks.contains(&mutant.check()), "{file}: {} should notice, not {caught:#?}", mutant.check());
    }
}

#[test]
fn the_matrix_does_not_depend_on_the_number_of_threads() {
    let some = [Mutant::RecordsByName, Mutant::StaleBarrierKeepsPort, Mutant::SavepointIsTold, Mutant::LogReplaysAll];
    let told = |threads| format!("{:#?}", hunt(&some, &bugs(), 60, threads));
    assert_eq!(told(1), told(3));
}

#[test]
fn what_nobody_notices_survives() {
    let matrix = hunt(&[Mutant::RecoveryLineInOnePass], &[], 1, 1);
    assert_eq!(matrix.survivors().map(|fate| fate.mutant).collect::<Vec<_>>(), [Mutant::RecoveryLineInOnePass]);
    assert!(!matrix.is_clean());
}

#[test]
fn the_table_of_mutants_is_in_order() {
    let names: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    assert_eq!(names.len(), Mutant::ALL.len(), "names are unique");
    for mutant in Mutant::ALL {
        let (name, check, restates) = (mutant.name(), mutant.check(), mutant.restates());
        assert_eq!(Mutant::named(name), Some(*mutant));
        assert!(CHECKS.iter().any(|entry| entry.about.name == check), "{name}: there is no check {check}");
        assert!(restates.chars().count() <= 17, "{name} restates {restates}: the column is for short ones");
        assert!(!restates.starts_with("FLINK-") || restates[6..].parse::<u32>().is_ok(), "{name} restates {restates}");
        assert!(mutant.about().ends_with('.'), "{name}: {}", mutant.about());
    }
    let restated: BTreeSet<&str> =
        Mutant::ALL.iter().map(|mutant| mutant.restates()).filter(|bug| !bug.is_empty()).collect();
    assert!(Mutant::ALL.len() >= 60 && restated.len() >= 40, "{} mutants, {} bugs", Mutant::ALL.len(), restated.len());
}
