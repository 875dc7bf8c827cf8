//! Event time: what tasks say, when they say it, and what becomes of it when something fails.

mod support;

use cutline::base::{Concern, Draws, TaskId, Time};
use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::plan::EventTime;
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate, parse};
use cutline::trace::{Event, Stamped};
use cutline::world::Job;
use std::sync::Arc;
use support::{SMALL, claimed, compile, run};

/// A source of two subtasks with this event time, a count of two, and a sink.
fn job(times: &str, more: &str) -> String {
    format!(
        r#"{{"cutline": 1, "job": {{"operators": [
          {{"id": "in", "kind": "source", "parallelism": 2, "records": 200, "rate": "1k/s", "event_time": {times}}},
          {{"id": "count", "kind": "count", "parallelism": 2}},
          {{"id": "out", "kind": "sink"}}],
        "edges": [{{"from": "in", "to": "count"}}, {{"from": "count", "to": "out"}}]}},
        "checkpoints": {{"interval": "50ms"}}{more}}}"#
    )
}

fn trace(text: &str) -> (Arc<Job>, Vec<Stamped>) {
    let job = support::parse(text);
    let (outcome, runner) = run(&job, 1, Want { trace: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    (job, runner.trace().to_vec())
}

/// What a task says, and when.
fn said(trace: &[Stamped], of: u32) -> Vec<(Time, u64)> {
    let said = |stamped: &Stamped| match stamped.event {
        Event::WatermarkAdvanced { task, watermark } if task == TaskId(of) => Some((stamped.at, watermark)),
        _ => None,
    };
    trace.iter().filter_map(said).collect()
}

const MS: u64 = 1_000_000;

#[test]
fn after_every_record_the_watermark_is_its_time_less_the_bound() {
    let (_, trace) = trace(&job(r#"{"disorder": "0s", "bound": "5ms", "watermarks": {"records": 1}}"#, ""));
    let said = said(&trace, 0);
    // A hundred records of the subtask, one every 2ms: the first three are not beyond the bound, and the last one is the end.
    assert_eq!(said.len(), 100 - 3);
    assert_eq!((said[0].1, said[1].1), (6 * MS - 5 * MS - 1, 8 * MS - 5 * MS - 1));
    assert_eq!(said[96].1, u64::MAX);
}

#[test]
fn after_a_time_it_is_sent_by_a_timer_that_fires_a_millisecond_late() {
    let (_, trace) = trace(&job(r#"{"watermarks": "20ms"}"#, ""));
    let at: Vec<u64> = said(&trace, 0).iter().map(|(at, _)| at.0 / MS).collect();
    assert_eq!(at[..3], [21, 42, 63]);
}

#[test]
fn a_task_says_the_least_of_what_it_hears_and_all_come_to_the_end() {
    let (job, trace) = trace(&job(r#"{"disorder": "3ms", "watermarks": {"records": 7}}"#, ""));
    for task in job.plan.task_ids() {
        assert_eq!(said(&trace, task.0).last().expect("it says something").1, u64::MAX);
    }
    let all = |of: u32| said(&trace, of).into_iter().map(|(_, watermark)| watermark).collect::<Vec<_>>();
    let (one, other) = (all(0), all(1));
    for watermark in all(2).into_iter().filter(|watermark| *watermark < u64::MAX) {
        assert!(one.contains(&watermark) || other.contains(&watermark), "somebody said {watermark}");
        assert!([&one, &other].iter().all(|said| said.iter().any(|w| *w >= watermark)), "and nobody less");
    }
}

#[test]
fn who_begins_again_knows_nothing() {
    let fails = r#", "restart": {"delay": "10ms"}, "faults": [{"at": "77ms", "fail": "count[1]"}]"#;
    let (job, trace) = trace(&job(r#"{"disorder": "3ms", "watermarks": {"records": 1}}"#, fails));
    let failed = trace.iter().position(|s| matches!(s.event, Event::TaskFailed { .. })).expect("it fails");
    for task in job.plan.task_ids() {
        let (before, after) = (said(&trace[..failed], task.0), said(&trace[failed..], task.0));
        let last = before.last().expect("it said something").1;
        // What sources read again they have said before.
        assert!(after[0].1 < last || !job.plan.is_source(task), "it says {} after {last}", after[0].1);
        assert!(after.iter().any(|(_, watermark)| *watermark >= last));
    }
}

#[test]
fn a_bound_below_the_disorder_makes_records_late_and_one_above_does_not() {
    let late = |bound: &str| {
        let times = format!(r#"{{"disorder": "20ms", "bound": "{bound}", "watermarks": {{"records": 1}}}}"#);
        let (job, trace) = trace(&job(&times, ""));
        let late = trace.iter().map(|s| if let Event::RecordsLate { records, .. } = s.event { records } else { 0 });
        (job.plan.event_time, late.sum::<u64>())
    };
    assert_eq!(late("20ms"), (EventTime::Punctual, 0));
    let (kind, records) = late("2ms");
    assert_eq!(kind, EventTime::Lossy);
    assert!(records > 100, "{records} records");
}

#[test]
fn an_idle_partition_is_not_waited_for_and_counts_again_when_it_is_back() {
    let text = r#"{"cutline": 1, "job": {"operators": [
      {"id": "few", "kind": "source", "records": 3, "rate": "5/s",
        "event_time": {"watermarks": "10ms", "idle_after": "50ms"}},
      {"id": "many", "kind": "source", "records": 600, "rate": "1k/s", "event_time": {"watermarks": "10ms"}},
      {"id": "out", "kind": "sink"}],
      "edges": [{"from": "few", "to": "out"}, {"from": "many", "to": "out"}]},
      "network": {"buffer_timeout": "1ms"}, "checkpoints": {"interval": "50ms"}}"#;
    let (_, trace) = trace(text);
    let idle = |what: u32| {
        let is_it = |s: &&Stamped| matches!(s.event, Event::IdleReceived { idle, .. } if idle == what);
        trace.iter().filter(is_it).map(|s| s.at).collect::<Vec<_>>()
    };
    let (rests, wakes) = (idle(1), idle(0));
    assert!(!rests.is_empty() && !wakes.is_empty(), "{rests:?} {wakes:?}");
    let sink = said(&trace, 2);
    let between = |from: Time, to: Time| sink.iter().filter(|(at, _)| (from..to).contains(at)).count();
    let woken = *wakes.iter().find(|at| **at > rests[0]).expect("it wakes up");
    assert!(between(rests[0], woken) >= 3, "the sink goes on without it");
}

/// With the end of a job that is only suspended, nothing says that nothing will come any more; with a drained one it does.
#[test]
fn only_an_end_that_is_one_is_the_end_of_time() {
    let ends = |take: &str| {
        let text = job(r#"{"watermarks": {"records": 1}}"#, "");
        let asked = format!(r#""requests": [{{"at": "80ms", "take": "{take}"}}], "interval""#);
        let (job, trace) = trace(&text.replace(r#""interval""#, &asked));
        let last = |task: TaskId| said(&trace, task.0).last().expect("it says something").1;
        job.plan.task_ids().map(last).filter(|last| *last == u64::MAX).count()
    };
    assert_eq!((ends("suspend"), ends("drain")), (0, 5));
}

/// What comes round says nothing, and does not hold back what goes on.
#[test]
fn a_cycle_is_not_waited_for_and_what_comes_round_it_is_late() {
    let text = r#"{"cutline": 1, "job": {"operators": [
      {"id": "in", "kind": "source", "records": 300, "rate": "1k/s", "event_time": {"watermarks": {"records": 1}}},
      {"id": "work", "kind": "count"},
      {"id": "again", "kind": "filter", "selectivity": "1/3", "service": "5ms"},
      {"id": "out", "kind": "sink"}],
      "edges": [{"from": "in", "to": "work"}, {"from": "work", "to": "again"}, {"from": "work", "to": "out"},
        {"from": "again", "to": "work", "feedback": true}]},
      "network": {"buffer_timeout": "0s"}, "checkpoints": {"protocol": "chandy-lamport", "interval": "50ms"}}"#;
    let (job, trace) = trace(text);
    assert_eq!(job.plan.event_time, EventTime::Lossy);
    let late = trace.iter().any(|s| matches!(s.event, Event::RecordsLate { task: TaskId(1), .. }));
    assert!(late && said(&trace, 3).len() > 100);
}

/// Adding event time to a job changes nothing about its records.
#[test]
fn keys_and_lineages_do_not_depend_on_event_time() {
    let with = support::parse(&job(r#"{"disorder": "20ms"}"#, ""));
    let without =
        support::parse(&job(r#"{"disorder": "20ms"}"#, "").replace(r#", "event_time": {"disorder": "20ms"}"#, ""));
    let draws = |seed, partition| Draws::new(seed, Concern::Key, partition).at(7);
    let mut times = Vec::new();
    for partition in 0..2u32 {
        let of = |job: &Job| {
            job.workload.logs[0].as_ref().expect("a source").record_at(partition, 7, draws(5, partition.into()))
        };
        let (a, b) = (of(&with), of(&without));
        assert_eq!((a.lineage, a.key, a.size), (b.lineage, b.key, b.size));
        assert_eq!(b.time, Time::ZERO);
        times.push(a.time);
    }
    assert!(times.iter().all(|time| (1..=14 * MS).contains(&time.0)), "{times:?}");
}

#[test]
fn random_jobs_have_event_time_and_what_comes_of_it() {
    let (mut punctual, mut late, mut heard) = (0, 0, 0);
    for seed in 0..200 {
        let protocol = ZOO[seed as usize % ZOO.len()].name();
        let limits = claimed(protocol, Limits { faults: 2, ..SMALL });
        let job = compile(generate(seed, &limits, protocol));
        let (outcome, runner) = run(&job, seed, Want { trace: true, ..Want::default() });
        assert_eq!(outcome.verdict, Verdict::Pass, "{protocol}, seed {seed}");
        let count = |what: fn(&Event) -> bool| runner.trace().iter().filter(|s| what(&s.event)).count();
        punctual += u32::from(job.plan.event_time == EventTime::Punctual);
        late += count(|event| matches!(event, Event::RecordsLate { .. }));
        heard += count(|event| matches!(event, Event::WatermarkReceived { .. }));
    }
    assert!(punctual > 20 && late > 0 && heard > 1000, "{punctual} {late} {heard}");
}

#[test]
fn what_cannot_be_is_refused_with_the_place_and_the_way_out() {
    let refused = |text: &str| parse(text, "a.json").expect_err("it is wrong").to_string();
    let step = refused(&job(r#"{"step": "1ms"}"#, ""));
    assert!(
        step.contains("event_time")
            && step.contains(r#"a step between records that arrive at a rate; leave "step" out"#),
        "{step}"
    );
    let idle = refused(&job(r#"{"watermarks": {"records": 1}, "idle_after": "1s"}"#, ""));
    assert!(idle.contains("idle_after") && idle.contains(r#""watermarks": "200ms""#), "{idle}");
    let never = refused(&job(r#"{"watermarks": "0s"}"#, ""));
    assert!(never.contains("a time above zero") && never.contains(r#"{"records": 1}"#), "{never}");
    let splits = refused(&job(r#"{}"#, "").replace(r#""rate""#, r#""assignment": "dynamic", "rate""#));
    assert!(splits.contains(r#""in" hands out splits"#), "{splits}");
    let elsewhere = refused(&job("{}", "").replace(r#""kind": "sink""#, r#""kind": "sink", "event_time": {}"#));
    assert!(elsewhere.contains(r#"only a source has "event_time""#), "{elsewhere}");
}
