//! Sinks and the systems they write to: every way in which output gets outside keeps its promise under the faults that
//! are meant for it, and every wrong decision about it is noticed.

mod support;

use cutline::base::Problem;
use cutline::campaign::{Runner, Want};
use cutline::check::Verdict;
use cutline::drive::{Granularity, Seeded};
use cutline::fault::{Area, Mutant};
use cutline::protocol::ZOO;
use cutline::scenario::{self, Limits, Scenario, generate};
use cutline::world::Job;
use proptest::prelude::*;
use std::sync::Arc;
use support::{SMALL, cases, claimed, compile, passes_in_order, passes_in_virtual_time, run};

/// A random job for a protocol, with all kinds of sinks and faults, but nothing lost between coordinator and tasks.
fn random(seed: u64, protocol: &str, faults: u32, wild: u32) -> Scenario {
    let limits = Limits { faults, wild, outside: true, lossy: false, ..SMALL };
    generate(seed, &claimed(protocol, limits), protocol)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(150), ..ProptestConfig::default() })]

    /// Law: whatever job, whatever sinks, whatever fails at them or elsewhere: every sink keeps what it promises.
    #[test]
    fn every_sink_keeps_its_promise_in_virtual_time(seed in any::<u64>(), faults in 0..4u32, wild in 0..4u32) {
        for protocol in ZOO {
            passes_in_virtual_time(random(seed, protocol.name(), faults, wild), seed, "sinks");
        }
    }

    /// The same in interleavings that no clock would make.
    #[test]
    fn every_sink_keeps_its_promise_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>(), wild in 0..3u32) {
        for protocol in ZOO {
            let scenario = random(seed, protocol.name(), 2, wild);
            passes_in_order(scenario, seed, &mut Seeded::new(choices), "sinks-in-any-order");
        }
    }

    /// The law of records holds for all kinds of sinks: moved one by one or as far as may be, it is the same run.
    #[test]
    fn sinks_do_not_see_how_far_a_step_moves_them(seed in any::<u64>(), wild in 0..3u32) {
        for protocol in ZOO {
            let job = compile(random(seed, protocol.name(), 2, wild));
            let digest = |granularity| {
                run(&job, seed, Want { figures: false, trace: false, granularity }).0.digest
            };
            let (fast, slow) = (digest(Granularity::Effect), digest(Granularity::Record));
            assert_eq!(fast, slow, "{}, seed {seed}", protocol.name());
        }
    }
}

/// A job by its operators, edges and whatever else is written.
fn text(operators: &str, edges: &str, more: &str) -> String {
    format!(
        r#"{{"cutline": 1, "job": {{"operators": [{operators}], "edges": [{edges}]}},
            "restart": {{"delay": "50ms"}}, "network": {{"buffer_timeout": "5ms"}}, {more}}}"#
    )
}

const EVERY_200MS: &str = r#""checkpoints": {"interval": "200ms", "first": "200ms", "tolerable_failures": 3}"#;

/// Two sources, and a sink whose output gets outside in some way; `more` is said of the sink.
fn line(output: &str, more: &str, rest: &str) -> String {
    text(
        &format!(
            r#"{{"id": "source", "kind": "source", "parallelism": 2, "records": 10000, "rate": "10k/s"}},
               {{"id": "sink", "kind": "sink", "parallelism": 2, "output": "{output}"{more}}}"#
        ),
        r#"{"from": "source", "to": "sink", "by": "rebalance"}"#,
        rest,
    )
}

/// A sink in its source's thread.
fn chained(rest: &str) -> String {
    text(
        r#"{"id": "source", "kind": "source", "parallelism": 2, "records": 10000, "rate": "10k/s"},
           {"id": "sink", "kind": "sink", "parallelism": 2, "output": "offsets", "snapshot": {"async": "50ms"}}"#,
        r#"{"from": "source", "to": "sink", "chained": true}"#,
        rest,
    )
}

/// A sink with a committer behind it.
fn committed(by: &str, rest: &str) -> String {
    text(
        r#"{"id": "source", "kind": "source", "parallelism": 2, "records": 10000, "rate": "10k/s", "keys": 1},
           {"id": "sink", "kind": "sink", "parallelism": 3, "output": "committables"},
           {"id": "committer", "kind": "committer", "parallelism": 2}"#,
        &format!(
            r#"{{"from": "source", "to": "sink", "by": "{by}"}}, {{"from": "sink", "to": "committer", "by": "rebalance"}}"#
        ),
        rest,
    )
}

fn faults(faults: &str) -> String {
    format!(r#"{EVERY_200MS}, "faults": [{faults}]"#)
}

fn runner(scenario: Scenario, mutant: Option<Mutant>) -> Runner {
    let job = Job::compile_mutant(scenario, mutant).unwrap_or_else(|problem| panic!("{problem}"));
    Runner::new(Arc::new(job), Want::default()).unwrap_or_else(|problem| panic!("{problem}"))
}

fn parsed(text: &str) -> Scenario {
    scenario::parse(text, "test.json").unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

/// The verdict, and the checks that found something.
fn judged(text: &str, mutant: Option<Mutant>) -> (Verdict, Vec<&'static str>) {
    let mut runner = runner(parsed(text), mutant);
    let verdict = runner.run(1).verdict;
    (verdict, runner.checks().findings().kept().iter().map(|finding| finding.check).collect())
}

fn figure(runner: &Runner, name: &str) -> u64 {
    let figure = cutline::check::Figure::named(name).unwrap_or_else(|| panic!("no figure {name}"));
    figure.of(runner.figures().expect("they are wanted")).unwrap_or_else(|| panic!("{name} has no value")).0
}

#[test]
fn a_run_in_which_nothing_goes_wrong_notices_no_mutant() {
    let jobs = [line("two-phase", "", EVERY_200MS), line("idempotent", "", EVERY_200MS), chained(EVERY_200MS)];
    let jobs = [&jobs[..], &[committed("rebalance", EVERY_200MS)]].concat();
    for mutant in Mutant::ALL.iter().filter(|mutant| mutant.area() == Area::Sinks) {
        for text in &jobs {
            let (verdict, _) = judged(text, Some(*mutant));
            assert_eq!(verdict, Verdict::Pass, "{}: {text}", mutant.name());
        }
    }
}

#[test]
fn a_plain_sink_doubles_and_all_others_do_not() {
    let crash = faults(r#"{"at": "550ms", "fail": "sink"}"#);
    let shown = |text: &str| {
        let mut runner = runner(parsed(text), None);
        assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
        figure(&runner, "records.visible")
    };
    assert!(shown(&line("plain", "", &crash)) > 11_000, "1500 came out since the checkpoint");
    for text in
        [line("two-phase", "", &crash), line("idempotent", "", &crash), committed("rebalance", &crash), chained(&crash)]
    {
        assert_eq!(shown(&text), 10_000, "{text}");
    }
}

#[test]
fn at_least_once_protocols_double_only_where_output_waits_for_checkpoints() {
    let protocol = r#""checkpoints": {"protocol": "at-least-once", "interval": "200ms", "first": "200ms"}"#;
    let slow = r#"{"at": "380ms", "slow": {"of": "source", "factor": 400, "for": "100ms"}}"#;
    let rest = format!(r#"{protocol}, "faults": [{slow}, {{"at": "550ms", "fail": "sink"}}]"#);
    for (text, exact) in
        [(line("two-phase", "", &rest), false), (line("idempotent", "", &rest), true), (chained(&rest), true)]
    {
        let mut runner = runner(parsed(&text), None);
        assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
        let shown = figure(&runner, "records.visible");
        assert!(if exact { shown == 10_000 } else { shown >= 10_000 }, "{shown}: {text}");
    }
}

#[test]
fn calls_that_take_time_hold_up_the_thread_and_nothing_else() {
    let slow = format!(r#"{EVERY_200MS}, "external": {{"latency": "20ms"}}"#);
    for (output, least) in [("two-phase", 20_000_000), ("committables", 20_000_000)] {
        let text = if output == "committables" { committed("rebalance", &slow) } else { line(output, "", &slow) };
        let mut runner = runner(parsed(&text), None);
        assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
        assert_eq!(figure(&runner, "records.visible"), 10_000);
        assert!(figure(&runner, "visibility.min") >= least, "there and then seen");
    }
}

#[test]
fn what_a_system_that_does_not_answer_holds_up_comes_later() {
    for (output, kind) in [("two-phase", "sink"), ("committables", "committer")] {
        let down = r#"{"at": "395ms", "external": {"of": "sink", "do": "down", "for": "120ms"}}"#;
        // A crash in the middle: tasks wait to begin.
        let crash = format!(r#"{{"at": "420ms", "fail": "{kind}"}}"#);
        for faults in [faults(down), self::faults(&format!("{down}, {crash}"))] {
            let text =
                if output == "committables" { committed("rebalance", &faults) } else { line(output, "", &faults) };
            let mut runner = runner(parsed(&text), None);
            assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
            assert_eq!(figure(&runner, "records.visible"), 10_000, "{text}");
        }
    }
}

#[test]
fn a_committer_asks_again_and_a_sink_fails_when_a_commit_is_lost() {
    for mishap in ["lose-commit", "lose-reply"] {
        let fault = faults(&format!(r#"{{"at": "350ms", "external": {{"of": "sink", "do": "{mishap}"}}}}"#));
        for (text, restarts) in [(line("two-phase", "", &fault), 1), (committed("rebalance", &fault), 0)] {
            let mut runner = runner(parsed(&text), None);
            assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
            assert_eq!(figure(&runner, "records.visible"), 10_000, "{text}");
            assert_eq!(figure(&runner, "restarts"), restarts, "{text}");
        }
    }
}

#[test]
fn what_is_expired_is_lost_if_it_was_promised_and_comes_again_if_not() {
    let expire = |at: &str| format!(r#"{{"at": "{at}", "external": {{"of": "sink", "do": "expire"}}}}"#);
    // Checkpoint 3 begins at 600ms; its snapshots take 50ms to be stored.
    for (at, lost) in [("620ms", true), ("550ms", false)] {
        let text = line("two-phase", r#", "snapshot": {"async": "50ms"}"#, &faults(&expire(at)));
        let mut runner = runner(parsed(&text), None);
        assert_eq!(runner.run(1).verdict, Verdict::Pass, "{text}");
        let (gone, shown) = (figure(&runner, "records.expired"), figure(&runner, "records.visible"));
        assert_eq!(gone > 0, lost, "at {at}: {gone}");
        assert_eq!(shown + gone, 10_000, "at {at}");
        let accounts = runner.accounts().expect("it drained");
        assert_eq!(accounts.iter().filter_map(|account| account.output).map(|output| output.lost()).sum::<u64>(), gone);
    }
}

#[test]
fn one_that_fails_over_expired_output_never_ends() {
    let expire = r#"{"at": "620ms", "external": {"of": "sink", "do": "expire"}}"#;
    let more = r#", "snapshot": {"async": "50ms"}, "transaction_timeout": "1h", "on_expired": "fail""#;
    let text = line("two-phase", more, &format!(r#"{}, "run": {{"limit": "2s"}}"#, faults(expire)));
    assert_eq!(judged(&text, None).0.name(), "STUCK");
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    let told = |text: &str| -> Problem {
        match scenario::parse(text, "a.json").and_then(|scenario| Job::compile(scenario).map(|_| ())) {
            Err(problem) => problem,
            Ok(()) => panic!("accepted: {text}"),
        }
    };
    let cases = [
        (line("offsets", "", EVERY_200MS), r#""sink" is to write offsets, and does not run in the thread of a source"#),
        (line("committables", "", EVERY_200MS), r#""sink" hands its commits on, and nobody takes them"#),
        (line("plain", r#", "transaction_timeout": "1s""#, EVERY_200MS), "and this sink has no transactions"),
        (line("two-phase", r#", "on_expired": "lose""#, EVERY_200MS), "transactions that never expire"),
        (committed("rebalance", EVERY_200MS).replace(r#""committables""#, r#""two-phase""#), r#""sink" is a sink"#),
        (
            committed("rebalance", r#""checkpoints": {"protocol": "uncoordinated", "interval": "1s"}"#),
            r#""uncoordinated" never completes a checkpoint"#,
        ),
        (
            line("plain", "", &faults(r#"{"at": "1s", "external": {"of": "sink", "do": "expire"}}"#)),
            r#""sink" is no sink with transactions"#,
        ),
        (
            line("two-phase", "", &faults(r#"{"at": "1s", "external": {"of": "sink", "do": "down"}}"#)),
            r#""down" without "for""#,
        ),
    ];
    for (text, found) in cases {
        let problem = told(&text).to_string();
        assert!(problem.contains(found), "{problem}");
    }
}
