//! Law: what is shrunk still fails, no single move makes it smaller, and the same failure shrinks to the same scenario.

mod support;

use cutline::campaign::{Failure, Runner, Shrunk, Size, Want, shrink};
use cutline::check::{FIGURES, Verdict};
use cutline::scenario::{self, Effect, Limits, Scenario, generate};
use cutline::world::Job;
use support::source::files;
use support::{SMALL, claimed, compile, parse};

const BUDGET: u32 = 5_000;

/// Jobs with more of everything than it takes to fail.
const LARGE: Limits = Limits { operators: 6, parallelism: 4, records: 2_000, faults: 5, cycles: true, ..SMALL };

fn large(seed: u64, protocol: &str) -> Scenario {
    generate(seed, &claimed(protocol, LARGE), protocol)
}

fn figure(name: &str, scenario: &Scenario) -> u64 {
    let job = Job::compile(scenario.clone()).unwrap_or_else(|problem| panic!("{problem}"));
    let mut runner = Runner::new(job.into(), Want::default()).unwrap_or_else(|problem| panic!("{problem}"));
    runner.run(scenario.run.seed);
    let figure = FIGURES.iter().find(|figure| figure.name == name).expect("it is a figure");
    (figure.value)(runner.figures().expect("figures were wanted")).unwrap_or(0)
}

/// Shrinks twice; the text of the result.
fn shrunk(scenario: &Scenario, fails: &mut dyn FnMut(&Scenario) -> bool) -> (Shrunk, String) {
    let result = shrink(scenario, fails, BUDGET);
    assert_eq!(shrink(scenario, fails, BUDGET), result, "the same again");
    assert!(result.is_minimal, "{} runs", result.runs);
    assert!(fails(&result.scenario), "it still fails");
    let text = scenario::write(&result.scenario);
    (result, text)
}

fn sources(scenario: &Scenario) -> usize {
    scenario.job.operators.iter().filter(|operator| operator.source.is_some()).count()
}

/// The operators, edges and faults of a written scenario, without spaces.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|line| line.contains('{') && line.len() > 20)
        .collect()
}

#[test]
fn a_planted_failure_shrinks_to_what_it_needs() {
    let mut found = 0;
    for seed in 0..300 {
        let scenario = large(seed, "aligned");
        let second_of_a_count = |scenario: &Scenario| {
            scenario.faults.iter().any(|fault| {
                let Effect::FailTask(name) = &fault.effect else { return false };
                name.operator.starts_with("count") && name.subtask == 1
            })
        };
        let mut fails = |scenario: &Scenario| second_of_a_count(scenario) && sources(scenario) >= 2;
        if !fails(&scenario) {
            continue;
        }
        found += 1;
        if found > 3 {
            return;
        }
        let (result, text) = shrunk(&scenario, &mut fails);
        let Size { operators, tasks, records, faults } = Size::of(&compile(result.scenario.clone()));
        // Both sources reach the count, or one of them goes to the sink by itself: there is nothing else to take away.
        assert_eq!((operators, tasks, records, faults), (4, 5, Some(2), 1), "seed {seed}: {text}");
        assert!(!text.contains("network") && !text.contains("storage") && !text.contains("interval"), "{text}");
    }
    panic!("only {found} of the jobs fail");
}

#[test]
fn names_follow_what_is_taken_away() {
    let text = r#"{"cutline": 1, "name": "names", "job": {"operators": [
        {"id": "in", "kind": "source", "parallelism": 3, "records": 9}, {"id": "other", "kind": "source", "records": 9},
        {"id": "both", "kind": "join", "parallelism": 3}, {"id": "mid", "kind": "map", "parallelism": 2},
        {"id": "out", "kind": "sink", "parallelism": 2}], "edges": [{"from": "in", "to": "both"},
        {"from": "other", "to": "both"}, {"from": "both", "to": "mid"}, {"from": "mid", "to": "out", "by": "forward"}]},
        "faults": [{"when": {"event": "buffer-consumed", "of": "both[2]->mid[1]", "nth": 12}, "fail": "mid[1]"}]}"#;
    let scenario = parse(text).scenario.clone();
    let (_, text) = shrunk(&scenario, &mut |scenario| scenario.faults.len() == 1);
    assert_eq!(
        lines(&text),
        [
            r#"{"id": "other", "kind": "source", "records": 1}"#,
            r#"{"id": "out", "kind": "sink"}"#,
            r#""edges": [{"from": "other", "to": "out"}]"#,
            r#""faults": [{"when": {"event": "buffer-consumed"}, "fail": "out[0]"}]"#,
        ]
    );
    // As long as the channel matters, it is another one each time an operator beside it goes.
    let on_channel = |scenario: &Scenario| scenario::write(scenario).contains("->");
    let (_, text) = shrunk(&scenario, &mut { on_channel });
    assert!(text.contains(r#"{"event": "buffer-consumed", "of": "other[0]->out[0]"}"#), "{text}");
}

#[test]
fn a_join_that_loses_an_input_is_a_count() {
    let text = r#"{"cutline": 1, "name": "join", "job": {"operators": [
        {"id": "left", "kind": "source", "records": 9}, {"id": "right", "kind": "source", "records": 9},
        {"id": "join", "kind": "join"}, {"id": "out", "kind": "sink"}], "edges": [{"from": "left", "to": "join"},
        {"from": "right", "to": "join"}, {"from": "join", "to": "out"}]}}"#;
    let mut has_join = |scenario: &Scenario| scenario.job.operators.iter().any(|operator| operator.id == "join");
    let (_, text) = shrunk(&parse(text).scenario, &mut has_join);
    assert!(text.contains(r#"{"id": "join", "kind": "count"}"#) && !text.contains("left"), "{text}");
}

#[test]
fn what_happens_in_runs_shrinks_to_small_runs() {
    for (name, protocol, seed, operators) in
        [("records.replayed", "unaligned", 3, 2), ("checkpoints.aborted", "aligned-timeout", 5, 2)]
    {
        let mut happens = |scenario: &Scenario| figure(name, scenario) > 0;
        let scenario = (seed..)
            .map(|seed| large(seed, protocol))
            .find(|it| Size::of(&compile(it.clone())).tasks > 9 && happens(it));
        let scenario = scenario.expect("one of them has it");
        let (result, text) = shrunk(&scenario, &mut happens);
        let size = Size::of(&compile(result.scenario.clone()));
        assert!(size.operators == operators && size.tasks == 2 && size.faults <= 1, "{name}: {text}");
        assert!(size.records.is_some_and(|records| records < 50), "{name}: {text}");
        let read = scenario::parse(&text, "small.json").unwrap_or_else(|problem| panic!("{problem}"));
        assert!(happens(&read), "{name}: it is in the file, too");
    }
}

#[test]
fn a_failure_of_a_check_is_replayed_by_the_shrunk_file() {
    let file = files("scenarios", "json").into_iter().find(|file| file.path.contains("/28-")).expect("it is shipped");
    let scenario = scenario::parse(&file.text, "28.json").unwrap_or_else(|problem| panic!("{problem}"));
    let failure = Failure::of(&scenario).expect("it compiles").expect("it stands still");
    assert_eq!((failure.verdict, failure.finding.check), ("STUCK", "liveness"));
    let (result, _) = shrunk(&scenario, &mut |scenario| failure.recurs_in(scenario));
    assert!(result.scenario.job.operators.len() < scenario.job.operators.len());
    let told = scenario::write(&failure.told_in(result.scenario));
    let read = scenario::parse(&told, "small.json").unwrap_or_else(|problem| panic!("{problem}"));
    assert!(read.why.contains("28") && read.why.contains("did not finish"), "{}", read.why);
    let (outcome, _) = support::run(&compile(read), scenario.run.seed, Want::default());
    assert!(outcome.as_expected && matches!(outcome.verdict, Verdict::Stuck(_)), "{:?}", outcome.verdict);
}

#[test]
fn another_failure_is_not_the_same_failure() {
    let file = files("scenarios", "json").into_iter().find(|file| file.path.contains("/28-")).expect("it is shipped");
    let scenario = scenario::parse(&file.text, "28.json").unwrap_or_else(|problem| panic!("{problem}"));
    let failure = Failure::of(&scenario).expect("it compiles").expect("it stands still");
    assert!(failure.recurs_in(&scenario));
    let mut other = failure.clone();
    other.finding.signature += "-elsewhere";
    assert!(!other.recurs_in(&scenario));
    assert!(!Failure { verdict: "FAIL", ..failure.clone() }.recurs_in(&scenario));
    let hello = generate(1, &SMALL, "aligned");
    assert_eq!(Failure::of(&hello), Ok(None));
    assert!(!failure.recurs_in(&hello));
}

#[test]
fn the_budget_is_kept_and_what_does_not_fail_is_left_alone() {
    let scenario = large(7, "aligned");
    let mut asked = 0;
    let result = shrink(
        &scenario,
        &mut |_| {
            asked += 1;
            true
        },
        5,
    );
    assert_eq!((result.runs, asked, result.is_minimal), (5, 5, false));
    let untouched = shrink(&scenario, &mut |_| false, 5);
    assert_eq!((untouched.runs, untouched.scenario), (1, scenario));
}

/// Sources that never end would make runs endless when nothing holds them back any more.
#[test]
fn an_endless_source_is_given_an_end_or_keeps_its_pace() {
    let text = r#"{"cutline": 1, "name": "endless", "run": {"limit": "1s"}, "job": {"operators": [
        {"id": "in", "kind": "source", "rate": "1k/s"}, {"id": "out", "kind": "sink"}],
        "edges": [{"from": "in", "to": "out"}]}}"#;
    let scenario = parse(text).scenario.clone();
    let is_endless = |scenario: &Scenario| Size::of(&compile(scenario.clone())).records.is_none();
    let (result, _) = shrunk(&scenario, &mut { is_endless });
    assert_eq!(scenario::as_json(&result.scenario)["job"], scenario::as_json(&scenario)["job"]);
    let (result, _) = shrunk(&scenario, &mut |_| true);
    assert_eq!(Size::of(&compile(result.scenario)).records, Some(1));
}

/// What `tests/exactly_once.rs` leaves behind of a case that fails.
#[test]
fn the_scenario_of_a_failed_case_is_kept_and_replays() {
    let file = files("scenarios", "json").into_iter().find(|file| file.path.contains("/28-")).expect("it is shipped");
    let scenario = scenario::parse(&file.text, "28.json").unwrap_or_else(|problem| panic!("{problem}"));
    let told = support::kept_small("of-a-test", &scenario);
    let paths: Vec<&str> = told.split("scenario is ").skip(1).filter_map(|rest| rest.split(';').next()).collect();
    let sizes = paths.iter().map(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let read = scenario::parse(&text, path).unwrap_or_else(|problem| panic!("{problem}"));
        let (outcome, _) = support::run(&compile(read.clone()), read.run.seed, Want::default());
        assert!(matches!(outcome.verdict, Verdict::Stuck(_)) && outcome.as_expected, "{path}: {:?}", outcome.verdict);
        text.len()
    });
    let sizes: Vec<usize> = sizes.collect();
    assert!(sizes.len() == 2 && sizes[1] < sizes[0], "{told}: {sizes:?}");
}
