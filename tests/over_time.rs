//! Windows, joins over time and timeouts: what comes of them, when, and what becomes of them when something fails.

mod support;

use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::plan::Inflow;
use cutline::protocol::ZOO;
use cutline::scenario::{self, Limits, generate, parse};
use cutline::trace::{Event, EventKind, Stamped};
use cutline::world::Job;
use std::collections::BTreeMap;
use std::sync::Arc;
use support::{SMALL, claimed, compile, run};

/// A source whose records are 1ms apart, 100 of them with 2 keys, and this operator behind it.
fn job(times: &str, operator: &str, more: &str) -> String {
    format!(
        r#"{{"cutline": 1, "job": {{"operators": [
          {{"id": "in", "kind": "source", "records": 100, "rate": "1k/s", "keys": 2, "event_time": {times}}},
          {{"id": "op", {operator}}},
          {{"id": "out", "kind": "sink"}}],
        "edges": [{{"from": "in", "to": "op"}}, {{"from": "op", "to": "out"}}]}},
        "network": {{"buffer_timeout": "0s"}}, "checkpoints": {{"interval": "30ms"}}{more}}}"#
    )
}

const EACH: &str = r#"{"watermarks": {"records": 1}}"#;

fn trace(text: &str) -> (Arc<Job>, Vec<Stamped>) {
    let job = support::parse(text);
    let (outcome, runner) = run(&job, 1, Want { trace: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    (job, runner.trace().to_vec())
}

/// When timers fired, and how many results came of that.
fn fired(trace: &[Stamped]) -> Vec<(u64, u64)> {
    let fired = |s: &Stamped| match s.event {
        Event::TimersFired { results, .. } => Some((s.at.0 / 1_000_000, results)),
        _ => None,
    };
    trace.iter().filter_map(fired).collect()
}

/// What the windows gave in the end: results, and entries.
fn gave(trace: &[Stamped]) -> (u64, u64) {
    let last = |s: &Stamped| match s.event {
        Event::WindowsFinal { results, entries, .. } => (results, entries),
        _ => (0, 0),
    };
    trace.iter().map(last).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
}

fn count(trace: &[Stamped], kind: EventKind) -> usize {
    trace.iter().filter(|s| s.event.kind() == kind).count()
}

#[test]
fn a_window_fires_when_the_watermark_has_passed_its_end_and_gives_one_record_for_each_key() {
    let (_, trace) = trace(&job(EACH, r#""kind": "window", "window": {"size": "20ms"}"#, ""));
    // The watermark says after the record of 20ms that nothing up to 19.999999ms will come any more.
    let fired = fired(&trace);
    assert_eq!(fired.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [20, 40, 60, 80, 99]);
    assert_eq!((fired.iter().map(|(_, results)| results).sum::<u64>(), gave(&trace)), (10, (10, 100)));
}

#[test]
fn windows_that_slide_overlap_and_sessions_end_when_nothing_comes() {
    let (_, slides) = trace(&job(EACH, r#""kind": "window", "window": {"size": "20ms", "slide": "10ms"}"#, ""));
    assert_eq!(gave(&slides), (22, 200), "each record is in two windows; there are eleven, and two keys");
    let (_, session) = trace(&job(EACH, r#""kind": "window", "window": {"gap": "50ms"}"#, ""));
    assert_eq!(gave(&session), (2, 100), "between records of a key there is never so much time");
    let (_, sessions) = trace(&job(EACH, r#""kind": "window", "window": {"gap": "1ms"}"#, ""));
    let (results, entries) = gave(&sessions);
    assert!(results > 20 && results < 80 && entries == 100, "{results} sessions");
    let deleted = |s: &Stamped| if let Event::TimersSet { deleted, .. } = s.event { deleted } else { 0 };
    assert!(sessions.iter().map(deleted).sum::<u64>() > 20, "those that became one need one timer");
}

/// Whatever is in a window, its result is the same: so a crash changes nothing about what is visible in the end.
#[test]
fn a_crash_in_the_middle_of_windows_changes_nothing_of_what_comes_of_them() {
    let fails = r#", "restart": {"delay": "5ms"}, "faults": [{"at": "47ms", "fail": "op[1]"}]"#;
    for operator in [
        r#""window": {"size": "20ms"}"#,
        r#""window": {"size": "20ms", "slide": "5ms"}"#,
        r#""window": {"gap": "1ms"}"#,
    ] {
        let operator = format!(r#""kind": "window", "parallelism": 2, {operator}"#);
        let times = r#"{"disorder": "7ms", "watermarks": {"records": 1}}"#;
        let visible = |more: &str| {
            let (_, trace) = trace(&job(times, &operator, more));
            let shown = |s: &Stamped| match s.event {
                Event::OutputFinal { records, lineage, .. } => Some((records, lineage)),
                _ => None,
            };
            (trace.iter().find_map(shown), count(&trace, EventKind::TimersRestored))
        };
        let (calm, crashed) = (visible(""), visible(fails));
        assert_eq!((calm.0, calm.1, crashed.1), (crashed.0, 0, 2), "{operator}");
    }
}

#[test]
fn what_is_late_is_left_out_unless_the_window_is_kept_and_then_it_fires_again() {
    let times = r#"{"disorder": "20ms", "bound": "1ms", "watermarks": {"records": 1}}"#;
    let late = |lateness: &str| {
        let operator = format!(r#""kind": "window", "window": {{"size": "10ms", "lateness": "{lateness}"}}"#);
        let (job, trace) = trace(&job(times, &operator, ""));
        assert_eq!(job.plan.operators[2].inflow, Inflow::Open, "nobody can say what must come out");
        let dropped = |s: &Stamped| if let Event::LateDropped { records, .. } = s.event { records } else { 0 };
        (trace.iter().map(dropped).sum::<u64>(), gave(&trace))
    };
    let (none, some, all) = (late("0s"), late("5ms"), late("30ms"));
    assert!(none.0 > some.0 && some.0 > 0 && all.0 == 0, "{none:?} {some:?} {all:?}");
    assert!(none.1.0 < some.1.0 && some.1.0 < all.1.0, "each that is late makes its window fire again");
    assert!([none, some, all].iter().all(|(_, (_, entries))| *entries == 100), "late or not, it is counted");
}

#[test]
fn a_suspended_job_leaves_windows_open_and_a_drained_one_does_not() {
    let open = |take: &str| {
        let text = job(EACH, r#""kind": "window", "window": {"size": "40ms"}"#, "");
        let asked = format!(r#""requests": [{{"at": "50ms", "take": "{take}"}}], "interval""#);
        let (_, trace) = trace(&text.replace(r#""interval""#, &asked));
        trace.iter().map(|s| if let Event::WindowsFinal { open, .. } = s.event { open } else { 0 }).sum::<u64>()
    };
    assert_eq!((open("suspend"), open("drain")), (2, 0));
}

/// Two sources with one key, records of which are 1ms apart, and a join of this kind.
fn join(operator: &str, more: &str) -> String {
    format!(
        r#"{{"cutline": 1, "job": {{"operators": [
          {{"id": "a", "kind": "source", "records": 20, "rate": "1k/s", "keys": 1, "event_time": {EACH}}},
          {{"id": "b", "kind": "source", "records": 20, "rate": "1k/s", "keys": 1, "event_time": {EACH}}},
          {{"id": "op", {operator}}},
          {{"id": "out", "kind": "sink"}}],
        "edges": [{{"from": "a", "to": "op"}}, {{"from": "b", "to": "op"}}, {{"from": "op", "to": "out"}}]}},
        "network": {{"buffer_timeout": "0s"}}, "checkpoints": {{"interval": "4ms"}}{more}}}"#
    )
}

#[test]
fn a_join_gives_each_pair_once_and_keeps_no_record_for_ever() {
    let windows = r#""kind": "window-join", "window": {"size": "5ms"}"#;
    let near = r#""kind": "interval-join", "within": {"before": "1ms", "after": "2ms"}"#;
    let fails = r#", "restart": {"delay": "1ms"}, "faults": [{"at": "11ms", "fail": "op"}]"#;
    // In a window of five records a side 25 pairs; and each of 20 with the one before, the same, and two behind.
    for (operator, results) in [(windows, 4 * 25), (near, 19 + 20 + 19 + 18)] {
        for more in ["", fails] {
            let (_, trace) = trace(&join(operator, more));
            assert_eq!(gave(&trace), (results, 40), "{operator}{more}");
            let left = |s: &Stamped| matches!(s.event, Event::TimersFinal { panes: 0, timers: 0, .. });
            assert_eq!(trace.iter().filter(|s| left(s)).count(), 1);
        }
    }
}

#[test]
fn a_timeout_fires_by_the_clock_and_at_once_if_it_was_over_while_the_job_was_down() {
    let operator = r#""kind": "timeout", "after": "30ms""#;
    let (job_, calm) = trace(&job(EACH, operator, ""));
    assert_eq!(job_.plan.operators[2].inflow, Inflow::Open);
    let first = fired(&calm)[0].0;
    assert_eq!(first, 30, "the first record came at 0ms");
    // A checkpoint at 30ms, with timers of records that came at 31ms at the latest.
    let fails = r#", "restart": {"delay": "50ms"}, "faults": [{"at": "36ms", "fail": "op"}]"#;
    let text = job(EACH, operator, fails).replace(r#""interval": "30ms""#, r#""first": "25ms", "interval": "60ms""#);
    let (_, trace) = trace(&text);
    let is_restored = |s: &&Stamped| matches!(s.event, Event::TimersRestored { timers: 2, .. });
    let restored = trace.iter().find(is_restored).expect("they were saved").at;
    let starts = |s: &&Stamped| s.at > restored && matches!(s.event, Event::TaskStarted { .. });
    let started = trace.iter().filter(starts).map(|s| s.at.0 / 1_000_000).max().expect("it begins again");
    let mut after = fired(&trace).into_iter().map(|(at, _)| at).filter(|at| *at >= 86);
    assert!(started > 1 + 31 + 30, "they were over");
    assert_eq!(after.next(), Some(started), "at once");
}

#[test]
fn random_jobs_gather_in_every_way_and_pass() {
    let (mut kinds, mut fired, mut restored) = (BTreeMap::new(), 0, 0);
    for seed in 0..600 {
        let protocol = ZOO[seed as usize % ZOO.len()].name();
        let limits = claimed(protocol, Limits { faults: 2, ..SMALL });
        let job = compile(generate(seed, &limits, protocol));
        for operator in job.scenario.job.operators.iter().filter(|operator| operator.over_time.is_some()) {
            *kinds.entry(operator.kind.clone()).or_insert(0) += 1;
        }
        let (outcome, runner) = run(&job, seed, Want { trace: true, ..Want::default() });
        assert_eq!(outcome.verdict, Verdict::Pass, "{protocol}, seed {seed}");
        fired += count(runner.trace(), EventKind::TimersFired);
        restored += count(runner.trace(), EventKind::TimersRestored);
    }
    assert!(kinds["window"] > 30 && kinds["timeout"] > 5, "{kinds:?}");
    assert!(fired > 300 && restored > 20, "{fired} {restored}");
}

#[test]
fn what_cannot_be_is_refused_with_the_place_and_the_way_out() {
    let refused = |text: &str| parse(text, "a.json").expect_err("it is wrong").to_string();
    let says = |operator: &str, what: &str| {
        let told = refused(&job(EACH, operator, ""));
        assert!(told.contains(what), "{told}");
    };
    says(r#""kind": "window""#, r#"a window without "window"; add "window": {"size": "1s"}"#);
    says(r#""kind": "timeout""#, r#"a timeout without "after"; add "after": "1s""#);
    says(r#""kind": "count", "after": "1s""#, r#"this is a count, and only a timeout has "after"; leave it out"#);
    says(r#""kind": "window", "window": {}"#, r#"a window without a size; add "size", or "gap" for sessions"#);
    says(r#""kind": "window", "window": {"size": "1s", "gap": "1s"}"#, "both a gap and a size or slide; keep one");
    says(r#""kind": "window", "window": {"size": "1s", "slide": "2s"}"#, r#"make it at most as long as "size""#);
    says(
        r#""kind": "window", "window": {"size": "1s", "slide": "1us"}"#,
        "each record in 1000000 windows; at most 1000",
    );
    says(r#""kind": "window", "window": {"size": "1s"}, "selectivity": 2"#, r#"a window has no "selectivity""#);
    says(r#""kind": "window-join", "window": {"gap": "1s"}"#, r#"a join over sessions; write windows with a "size""#);
    says(
        r#""kind": "interval-join", "within": {}"#,
        r#""op" is an interval-join, and has 1 input; an interval-join has exactly 2"#,
    );
    let timeless = job(EACH, r#""kind": "window", "window": {"size": "1s"}"#, "")
        .replace(&format!(r#", "event_time": {EACH}"#), "");
    let told = refused(&timeless);
    assert!(
        told.contains(r#""op" waits for event time, and records of "in" have none; give "in" an "event_time""#),
        "{told}"
    );
    let elsewhere = job(EACH, r#""kind": "window", "parallelism": 2, "window": {"size": "1s"}"#, "")
        .replace(r#"{"from": "in", "to": "op"}"#, r#"{"from": "in", "to": "op", "by": "rebalance"}"#);
    let told = refused(&elsewhere);
    assert!(
        told.contains(r#""op" keeps state by key, and its records come by rebalance; take hash, or one subtask"#),
        "{told}"
    );
}

#[test]
fn a_scenario_with_windows_is_written_as_it_is_read() {
    for operator in [
        r#""kind": "window", "window": {"size": "20ms", "slide": "5ms", "lateness": "1ms"}"#,
        r#""kind": "window", "rekey": 3, "window": {"gap": "20ms"}"#,
        r#""kind": "timeout", "after": "20ms""#,
    ] {
        let read = parse(&job(EACH, operator, ""), "a.json").expect("it is right");
        assert!(read.job.operators[1].over_time.is_some());
        let written = scenario::write(&read);
        let strip = |text: &str| text.split_whitespace().collect::<String>();
        assert!(strip(&written).contains(&strip(operator.split_once(',').expect("a kind and more").1)), "{written}");
        assert_eq!(
            parse(&written, "a.json").expect("it is right").job.operators[1].over_time,
            read.job.operators[1].over_time
        );
    }
}
