//! Splits that an enumerator hands out: whatever fails, each is read once; and every wrong decision about them that
//! has a name is noticed.

mod support;

use cutline::base::{Place, Span};
use cutline::campaign::{Judge, Runner, Want};
use cutline::check::Verdict;
use cutline::drive::{Seeded, wander::wander};
use cutline::fault::{Area, Mutant};
use cutline::protocol::ZOO;
use cutline::scenario::{self, Assignment, Expect, Limits, Partitioner, Request, Scenario, Source, Take, generate};
use cutline::trace::{Event, Stamped};
use cutline::world::{Job, World};
use proptest::prelude::*;
use std::sync::Arc;
use support::{SMALL, cases, claimed, compile, passes_in_order, passes_in_virtual_time, run};

/// The scenario of a seed, if its first source hands out splits.
fn handed_out(seed: u64, limits: &Limits, protocol: &str) -> Option<Scenario> {
    let scenario = generate(seed, limits, protocol);
    let is_dynamic = |source: &Source| source.assignment == Assignment::Dynamic;
    scenario.job.operators[0].source.as_ref().is_some_and(is_dynamic).then_some(scenario)
}

/// The protocols that can hand out splits.
fn able() -> impl Iterator<Item = &'static str> {
    ZOO.iter().filter(|protocol| protocol.claims().coordinated).map(|protocol| protocol.name())
}

/// The next seed from this one on that gives such a scenario.
fn next(seed: u64, limits: &Limits, protocol: &str) -> (u64, Scenario) {
    let mut seeds = (0..).map(|n| seed.wrapping_add(n));
    seeds.find_map(|seed| Some((seed, handed_out(seed, limits, protocol)?))).expect("every third or so is one")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(150), ..ProptestConfig::default() })]

    #[test]
    fn each_split_is_read_once_whatever_fails(seed in any::<u64>(), faults in 0..3u32, wild in 0..4u32) {
        for protocol in able() {
            let limits = claimed(protocol, Limits { faults, wild, cycles: true, ..SMALL });
            let (seed, scenario) = next(seed, &limits, protocol);
            passes_in_virtual_time(scenario, seed, "splits");
        }
    }

    #[test]
    fn each_split_is_read_once_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>(), wild in 0..4u32) {
        for protocol in able() {
            let limits = claimed(protocol, Limits { wild, ..SMALL });
            let (seed, scenario) = next(seed, &limits, protocol);
            passes_in_order(scenario, seed, &mut Seeded::new(choices), "splits-in-any-order");
        }
    }
}

/// What a run of a scenario comes to under a mutant: the signature of what was found first.
fn found(scenario: &Scenario, mutant: Option<Mutant>, seed: u64, timed: bool) -> Option<String> {
    let job = Arc::new(Job::compile_mutant(scenario.clone(), mutant).unwrap_or_else(|problem| panic!("{problem}")));
    let verdict = if timed {
        let mut runner = Runner::new(job, Want { figures: false, ..Want::default() }).expect("it can be run");
        runner.run(seed).verdict
    } else {
        let mut judge = Judge::new(Arc::clone(&job));
        wander(&job, &mut World::new(&job), seed, &mut Seeded::new(seed), 200_000, &mut judge);
        judge.verdict(seed)
    };
    verdict.finding().map(|finding| finding.signature.clone())
}

fn mutants() -> impl Iterator<Item = Mutant> {
    Mutant::ALL.iter().copied().filter(|mutant| mutant.area() == Area::Sources && mutant.check() == "splits")
}

#[test]
fn every_wrong_decision_is_noticed_in_some_random_run() {
    const SEEDS: u64 = 6000;
    let protocols: Vec<&str> = able().collect();
    let mut survivors = Vec::new();
    for mutant in mutants() {
        let noticed = (0..SEEDS).find_map(|seed| {
            let protocol = protocols[(seed % protocols.len() as u64) as usize];
            let scenario = handed_out(seed, &claimed(protocol, Limits { wild: 3, ..SMALL }), protocol)?;
            let found = found(&scenario, Some(mutant), seed, seed % 2 == 0)?;
            found.starts_with("splits/").then_some((seed, found))
        });
        if noticed.is_none() {
            survivors.push(mutant.name());
        }
    }
    assert!(survivors.is_empty(), "nobody noticed {survivors:?}");
}

/// A shipped scenario.
fn shipped(name: &str) -> Scenario {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let text = std::fs::read_to_string(path).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    scenario::parse(&text, name).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn every_wrong_decision_has_a_scenario_that_shows_it_and_passes_without_it() {
    for mutant in mutants() {
        let scenario = shipped(&format!("bugs/{}.json", mutant.name()));
        let (outcome, _) = run(&compile(scenario.clone()), scenario.run.seed, Want::default());
        assert!(outcome.as_expected, "{}: {:?} {:?}", mutant.name(), outcome.verdict, outcome.expectations);
        let found = found(&scenario, Some(mutant), scenario.run.seed, true);
        assert!(found.as_ref().is_some_and(|f| f.starts_with("splits/")), "{}: {found:?}", mutant.name());
    }
}

#[test]
fn no_wrong_decision_shows_where_nothing_fails() {
    for mutant in mutants() {
        for protocol in able() {
            let mut scenario = shipped("50-splits.json");
            scenario.faults.clear();
            scenario.expect = Expect::default();
            scenario.job.edges.iter_mut().for_each(|edge| edge.by = Partitioner::Rebalance);
            scenario.checkpoints.protocol = protocol.to_owned();
            assert_eq!(found(&scenario, Some(mutant), 1, true), None, "{} under {protocol}", mutant.name());
        }
    }
}

#[test]
fn a_split_that_a_reader_lost_is_read_by_another_one() {
    let job = compile(shipped("50-splits.json"));
    let (_, runner) = run(&job, 1, Want { trace: true, ..Want::default() });
    let trace = runner.trace();
    let returned = trace.iter().position(|stamped| matches!(stamped.event, Event::SplitReturned { .. }));
    let (returned, Event::SplitReturned { task: loser, split: lost }) =
        returned.map(|at| (at, trace[at].event)).expect("one goes back")
    else {
        unreachable!("it was looked for");
    };
    let readers = trace[returned..].iter().filter_map(|stamped| match stamped.event {
        Event::SplitBegun { task, split } if split == lost => Some(task),
        _ => None,
    });
    let readers: Vec<_> = readers.collect();
    assert_eq!(readers.len(), 1, "it is begun once more");
    assert_ne!(readers[0], loser, "whoever asks first gets it");
}

#[test]
fn a_message_that_is_lost_fails_the_reader() {
    for kind in ["assign", "request"] {
        let mut scenario = shipped("50-splits.json");
        scenario.expect = Expect::default();
        let text = format!(
            r#"{{"cutline": 1, "job": {{
            "operators": [{{"id": "in", "kind": "source", "records": 1}}, {{"id": "out", "kind": "sink"}}],
            "edges": [{{"from": "in", "to": "out"}}]}},
            "faults": [{{"at": "0s", "message": {{"kind": "{kind}", "nth": 2, "do": "lose"}}}}]}}"#
        );
        scenario.faults = scenario::parse(&text, "fault.json").unwrap_or_else(|problem| panic!("{problem}")).faults;
        let (outcome, runner) = run(&compile(scenario), 1, Want { trace: true, ..Want::default() });
        assert_eq!(outcome.verdict, Verdict::Pass);
        let lost: Vec<_> =
            runner.trace().iter().filter(|s| matches!(s.event, Event::SplitMessageLost { .. })).collect();
        assert_eq!(lost.len(), 1, "{kind}");
        let task = lost[0].event.task();
        let failed = |s: &&Stamped| matches!(s.event, Event::TaskFailed { .. }) && s.event.task() == task;
        assert_eq!(runner.trace().iter().filter(failed).map(|s| s.at).collect::<Vec<_>>(), [lost[0].at], "{kind}");
    }
}

#[test]
fn a_protocol_without_checkpoints_of_the_whole_job_hands_out_nothing() {
    let mut scenario = shipped("50-splits.json");
    scenario.checkpoints.protocol = "uncoordinated".to_owned();
    let Err(problem) = Job::compile(scenario) else { panic!("it is refused") };
    let able: Vec<&str> = able().collect();
    let told = format!(
        "the splits of \"scan\" are handed out, and under \"uncoordinated\" no checkpoint holds all of them; \
         drop \"assignment\", or take one of: {}",
        able.join(", ")
    );
    assert!(problem.to_string().ends_with(&told), "{problem}");
}

/// At the limit sources stop wherever splits are just then: unread, on their way, half read, with nobody after a crash.
#[test]
fn sources_may_stop_at_any_instant() {
    for limit in (1..900).step_by(23) {
        let mut scenario = shipped("50-splits.json");
        (scenario.expect, scenario.run.limit) = (Expect::default(), Span::from_millis(limit));
        let (outcome, _) = run(&compile(scenario), 1, Want::default());
        assert_eq!(outcome.verdict, Verdict::Pass, "after {limit}ms");
    }
}

/// What the job has not read when it ends with a savepoint is with the enumerator or a reader.
#[test]
fn a_job_may_end_with_a_savepoint_at_any_instant() {
    for at in (1..900).step_by(31) {
        for take in [Take::Suspend, Take::Drain] {
            let mut scenario = shipped("50-splits.json");
            scenario.expect = Expect::default();
            scenario.checkpoints.requests = vec![Request { at: Span::from_millis(at), take, place: Place::default() }];
            let (outcome, _) = run(&compile(scenario), 1, Want::default());
            assert_eq!(outcome.verdict, Verdict::Pass, "{take:?} at {at}ms");
        }
    }
}
