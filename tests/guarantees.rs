//! Guarantees have teeth: nothing worse than promised happens, all that may happen does, and the shipped scenarios show it.

use cutline::campaign::{
    GuaranteeOrder, Held, ProtocolChoice, Runner, SINKS, SYMPTOMS, SourceKind, Tried, Want, guarantees,
};
use cutline::check::Figure;
use cutline::fault::Mutant;
use cutline::scenario;
use cutline::world::Job;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

/// All cells show what may go wrong within fewer seeds.
const SEEDS: u64 = 40;

fn order(protocols: Vec<ProtocolChoice>, seeds: u64, mutant: Option<Mutant>) -> Vec<Tried> {
    let threads = available_parallelism().map_or(1, usize::from);
    let order = GuaranteeOrder { protocols, seeds, threads, mutant, progress: &|_, _| {} };
    guarantees(&order).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The whole matrix, tried once for all tests.
fn matrix() -> &'static [Tried] {
    static MATRIX: OnceLock<Vec<Tried>> = OnceLock::new();
    MATRIX.get_or_init(|| order(GuaranteeOrder::zoo(), SEEDS, None))
}

/// The cells that there is a job for.
fn held() -> impl Iterator<Item = (&'static Tried, &'static Held)> {
    matrix().iter().filter_map(|tried| Some((tried, tried.result.as_ref().ok()?)))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/guarantees")
}

fn runner(name: &str, text: &str) -> Runner {
    let scenario = scenario::parse(text, name).unwrap_or_else(|problem| panic!("{problem}"));
    let job = Job::compile(scenario).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    Runner::new(Arc::new(job), Want::default()).unwrap_or_else(|problem| panic!("{name}: {problem}"))
}

fn value(runner: &Runner, name: &str) -> u64 {
    let figure = Figure::named(name).unwrap_or_else(|| panic!("no figure {name}"));
    figure.of(runner.figures().expect("they are wanted")).unwrap_or_else(|| panic!("{name} has no value")).0
}

#[test]
fn guarantees_hold_and_are_no_more_modest_than_they_must_be() {
    for (tried, held) in held() {
        assert!(held.worse.is_empty(), "{}: {:?}", tried.name, held.worse[0]);
        let unshown: Vec<_> = held.unshown().collect();
        assert!(unshown.is_empty(), "{}: {unshown:?} may come up, and did not in {SEEDS} seeds", tried.name);
        assert!(held.restarted > SEEDS / 2, "{}: only {} runs restarted", tried.name, held.restarted);
    }
}

#[test]
fn every_cell_is_exposed_or_has_a_reason() {
    let (mut exposed, mut exact, mut refused) = (0, 0, 0);
    for tried in matrix() {
        match &tried.result {
            Err(problem) => {
                assert!(!problem.found.is_empty() && !problem.allowed.is_empty(), "{}", tried.name);
                refused += 1;
            }
            Ok(held) if held.guarantee.state.is_exact() && held.output().is_exact() => {
                assert!(held.guarantee.state.because.len() > 20 && held.output().because.len() > 20, "{}", tried.name);
                assert_eq!((held.shown, &held.exposing), (0, &None), "{}", tried.name);
                exact += 1;
            }
            Ok(held) => {
                assert!(held.exposing.is_some(), "{}", tried.name);
                exposed += 1;
            }
        }
    }
    assert_eq!(exposed + exact + refused, 7 * SINKS.len() * SourceKind::ALL.len());
    assert!(exposed > 60 && exact > 40, "{exposed} exposed, {exact} exact");
}

#[test]
fn the_shipped_scenarios_are_what_the_command_writes() {
    let mut names: Vec<String> = Vec::new();
    for (tried, held) in held() {
        let Some(exposing) = &held.exposing else { continue };
        let file = folder().join(format!("{}.json", tried.name));
        let shipped = std::fs::read_to_string(&file).unwrap_or_default();
        let update = "update them: cutline guarantees --out scenarios/guarantees";
        assert_eq!(shipped, exposing.text, "{}: {update}", tried.name);
        names.push(format!("{}.json", tried.name));
    }
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    let mut there: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    there.sort();
    assert_eq!(there, names, "one file for each cell in which something may go wrong");
}

/// As `cutline run` sees it, with no word of the matrix.
#[test]
fn every_shipped_scenario_shows_what_may_go_wrong_and_nothing_else() {
    for (tried, held) in held() {
        let Some(exposing) = &held.exposing else { continue };
        let mut runner = runner(&tried.name, &exposing.text);
        let outcome = runner.run(runner.job().scenario.run.seed);
        assert!(outcome.as_expected, "{}: {:?} {:?}", tried.name, outcome.verdict, outcome.expectations);
        let (state, output) = (&held.guarantee.state, held.output());
        let may = [state.may_double, state.may_lose, output.may_double, output.may_lose];
        for ((symptom, may), counted) in SYMPTOMS.into_iter().zip(may).zip(exposing.counts) {
            assert_eq!(value(&runner, symptom) > 0, may, "{}: {symptom}", tried.name);
            assert_eq!(value(&runner, symptom), counted, "{}: {symptom}", tried.name);
        }
        if tried.cell.source == SourceKind::Expiring && state.is_exact() {
            let expired = value(&runner, "records.expired");
            assert_eq!(value(&runner, "output.lost"), expired, "{}: exactly what was in transactions", tried.name);
        }
    }
}

/// What a guarantee is for: an engine that decides wrongly does not keep it.
#[test]
fn a_wrong_decision_breaks_a_guarantee() {
    let breaks = |protocol: &str, mutant, cell: &str| {
        let protocols = ProtocolChoice::parse_list(protocol).expect("it is in the zoo");
        let tried = order(protocols, SEEDS, Some(mutant));
        let tried = tried.iter().find(|tried| tried.name == cell).expect("it is a cell");
        assert!(!tried.is_right(), "{cell} under {}", mutant.name());
    };
    breaks("aligned", Mutant::RowsByAttempt, "aligned-replayable-idempotent");
    breaks("aligned", Mutant::OffsetsIgnored, "aligned-replayable-offsets");
    breaks("aligned", Mutant::RestoreAbortsNothing, "aligned-replayable-two-phase");
}

#[test]
fn the_matrix_does_not_depend_on_the_number_of_threads() {
    let told = |threads| {
        let protocols = ProtocolChoice::parse_list("at-least-once").expect("it is in the zoo");
        let order = GuaranteeOrder { protocols, seeds: 5, threads, mutant: None, progress: &|_, _| {} };
        format!("{:?}", guarantees(&order).unwrap_or_else(|problem| panic!("{problem}")))
    };
    assert_eq!(told(1), told(3));
}

#[test]
fn two_choices_of_one_protocol_would_write_the_same_files() {
    let protocols = ProtocolChoice::parse_list("uncoordinated,uncoordinated:jitter=1ms").expect("two choices");
    let order = GuaranteeOrder { protocols, seeds: 1, threads: 1, mutant: None, progress: &|_, _| {} };
    let problem = guarantees(&order).expect_err("it is refused").to_string();
    assert!(
        problem.contains("\"uncoordinated:jitter=1ms\"") && problem.contains("name each protocol once"),
        "{problem}"
    );
}
