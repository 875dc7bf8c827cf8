//! Buffers that follow the throughput: what they are good for, which sizes come out, and that nothing else changes.

mod support;

use cutline::base::{Bytes, ChannelId, Span};
use cutline::campaign::{Outcome, Runner, Want};
use cutline::check::Verdict;
use cutline::drive::Granularity;
use cutline::protocol::ZOO;
use cutline::scenario::{self, Debloat, Limits, generate};
use cutline::trace::{Event, Stamped, first_divergence};
use cutline::world::Job;
use proptest::prelude::*;
use std::sync::Arc;
use support::{SMALL, cases, compile, parse, run};

const TRACED: Want = Want { figures: true, trace: true, granularity: Granularity::Effect };

fn traced(text: &str) -> (Arc<Job>, Outcome, Runner) {
    let job = parse(text);
    let (outcome, runner) = run(&job, 1, TRACED);
    assert_eq!(outcome.verdict, Verdict::Pass);
    (job, outcome, runner)
}

fn job(operators: &str, edges: &str, rest: &str) -> String {
    format!(r#"{{"cutline": 1, "job": {{"operators": [{operators}], "edges": [{edges}]}}, {rest}}}"#)
}

/// A channel by its name.
fn channel(job: &Job, name: &str) -> ChannelId {
    let mut all = (0..job.plan.channels.len()).map(ChannelId::from);
    all.find(|channel| job.plan.channel_name(*channel) == name).expect("there is such a channel")
}

/// The sizes that a channel's sender was told, in order.
fn told(trace: &[Stamped], of: ChannelId) -> Vec<u32> {
    let size = |stamped: &Stamped| match stamped.event {
        Event::BufferResized { channel, bytes } if channel == of => Some(bytes),
        _ => None,
    };
    trace.iter().filter_map(size).collect()
}

/// Twenty segments of 32KiB at 100kB/s are 6.55s of work; debloating aims at one.
#[test]
fn alignment_is_as_short_as_the_target_allows() {
    let text = include_str!("../scenarios/24-debloating.json");
    let alignment = |text: &str| {
        let mut scenario = scenario::parse(text, "24.json").expect("it is a scenario");
        scenario.expect = Default::default();
        let (outcome, runner) = run(&compile(scenario), 1, Want::default());
        assert_eq!(outcome.verdict, Verdict::Pass);
        let figures = runner.figures().expect("they were wanted");
        figures.completed().filter_map(|c| c.max(|times| times.alignment())).max().expect("some completed")
    };
    let with = alignment(text);
    let without = alignment(&text.replacen(r#""debloat": {},"#, "", 1));
    let half = alignment(&text.replacen(r#""debloat": {}"#, r#""debloat": {"target": "500ms"}"#, 1));
    assert!((5 * with.0..8 * with.0).contains(&without.0), "{without} without, {with} with");
    assert!((3 * with.0..4 * with.0).contains(&(6 * half.0)), "{half} with half the target, {with} with all of it");
}

/// Records of one byte, so that every full buffer is as large as it may be; the first channel crosses the network, the
/// second does not, and in the middle everything fails.
const BYTES: &str = r#"{
  "cutline": 1,
  "job": {
    "operators": [
      {"id": "source", "kind": "source", "records": 400000, "rate": "100k/s", "size": "1B", "on": [0],
        "burst": {"every": "800ms", "length": "100ms", "times": 8}},
      {"id": "map", "kind": "map", "service": "7us", "on": [1]},
      {"id": "sink", "kind": "sink", "service": "9us", "on": [1]}],
    "edges": [{"from": "source", "to": "map"}, {"from": "map", "to": "sink"}]},
  "cluster": {"task_managers": 2},
  "network": {"buffer_timeout": "off", "debloat": {"target": "50ms", "period": "10ms", "samples": 3, "min": "64B"}},
  "restart": {"delay": "10ms"},
  "faults": [{"at": "2s", "fail": "map"}]
}"#;

/// What became of a channel whose sender has no other: (size when begun, size when closed) of each buffer, and how
/// often the sender was told another size while one was open.
fn buffers(job: &Job, trace: &[Stamped], of: ChannelId) -> (Vec<(u32, u32)>, u32) {
    let sender = job.plan.channels[of.index()].from;
    let (mut size, mut open) = (1024, None);
    let (mut buffers, mut while_open) = (Vec::new(), 0);
    for stamped in trace {
        match stamped.event {
            Event::SegmentTaken { task, .. } if task == sender => open = Some(size),
            Event::ChannelRestored { channel, .. } if channel == of => (size, open) = (1024, None),
            Event::BufferResized { channel, bytes } if channel == of => {
                size = bytes;
                while_open += u32::from(open.is_some_and(|open| open != size));
            }
            Event::BufferClosed { channel, bytes, .. } if channel == of => {
                buffers.push((open.take().expect("it was begun"), bytes));
            }
            _ => {}
        }
    }
    (buffers, while_open)
}

#[test]
fn a_buffer_keeps_the_size_with_which_it_was_begun() {
    let (job, _, runner) = traced(BYTES);
    assert_eq!(runner.figures().map(|figures| figures.restarts.len()), Some(1), "sizes begin anew, too");
    for name in ["source[0]->map[0]", "map[0]->sink[0]"] {
        let (buffers, while_open) = buffers(&job, runner.trace(), channel(&job, name));
        // Only the end of data cuts a buffer.
        let (_, full) = buffers.split_last().expect("there are some");
        for (begun, closed) in full {
            assert_eq!(begun, closed, "{name}");
        }
        let sizes: std::collections::BTreeSet<_> = full.iter().collect();
        assert!(sizes.len() > 10 && while_open > 10, "{name}: {} sizes, {while_open} while open", sizes.len());
    }
}

const TO_SINK: &str = r#"{"from": "source", "to": "map"}, {"from": "map", "to": "sink"}"#;

/// A record of 100 bytes every 10ms: 10kB/s, and so buffers of 10kB, if rest counted. It does not, and the map's 100kB/s
/// ask for more than a segment.
#[test]
fn time_in_which_there_is_nothing_to_read_does_not_count() {
    let operators = r#"{"id": "source", "kind": "source", "rate": "100/s", "records": 2000},
        {"id": "map", "kind": "map", "service": "1ms"}, {"id": "sink", "kind": "sink", "service": "100us"}"#;
    let (job, _, runner) = traced(&job(operators, TO_SINK, r#""network": {"debloat": {}}"#));
    for name in ["source[0]->map[0]", "map[0]->sink[0]"] {
        assert_eq!(told(runner.trace(), channel(&job, name)).last(), Some(&(32 << 10)), "{name}");
    }
}

/// The map could read 100MB/s, in buffers as large as a segment, but waits for the sink's 100kB/s: a second of that is
/// shared by ten buffers or fewer.
#[test]
fn time_that_is_spent_waiting_for_output_buffers_counts() {
    let operators = r#"{"id": "source", "kind": "source", "rate": "20k/s"}, {"id": "map", "kind": "map"},
        {"id": "sink", "kind": "sink", "service": "1ms"}"#;
    let rest = r#""network": {"debloat": {}}, "run": {"limit": "30s"}"#;
    let (job, _, runner) = traced(&job(operators, TO_SINK, rest));
    for name in ["source[0]->map[0]", "map[0]->sink[0]"] {
        let told = told(runner.trace(), channel(&job, name));
        let (last, before) = (told[told.len() - 1], &told[..told.len() - 1]);
        assert!((8_000..16_000).contains(&last), "{name}: {last} after {before:?}");
    }
}

/// Sizes are a wish: a record goes into one buffer if a segment can hold it.
#[test]
fn small_buffers_do_not_cut_records() {
    let operators = r#"{"id": "source", "kind": "source", "records": 500, "size": "100B"},
        {"id": "map", "kind": "map"}, {"id": "sink", "kind": "sink"}"#;
    let rest = r#""network": {"debloat": {"min": "64B", "start": "64B"}}"#;
    let (_, _, runner) = traced(&job(operators, TO_SINK, rest));
    let mut buffers = 0;
    for stamped in runner.trace().iter().take_while(|stamped| stamped.at.0 < 200_000_000) {
        if let Event::BufferClosed { records, bytes, .. } = stamped.event {
            assert_eq!((records, bytes), (1, 100));
            buffers += 1;
        }
    }
    assert_eq!(buffers, 1000);
}

/// What does not fit behind another record goes into one buffer more, not into several.
#[test]
fn small_buffers_do_not_cut_what_is_left_of_records() {
    let operators = r#"{"id": "small", "kind": "source", "records": 500, "size": "100B", "service": "10us"},
        {"id": "large", "kind": "source", "records": 500, "size": "900B", "service": "10us"},
        {"id": "map", "kind": "map", "service": "100us"}, {"id": "sink", "kind": "sink", "service": "100us"}"#;
    let edges = r#"{"from": "small", "to": "map"}, {"from": "large", "to": "map"}, {"from": "map", "to": "sink"}"#;
    let rest = r#""network": {"segment": "1000B", "debloat": {"min": "256B", "start": "256B", "target": "1ms"}}"#;
    let (job, _, runner) = traced(&job(operators, edges, rest));
    let of = channel(&job, "map[0]->sink[0]");
    let mut left = 0;
    for stamped in runner.trace() {
        if let Event::BufferClosed { channel, records, bytes, .. } = stamped.event
            && channel == of
        {
            assert!(records > 0, "a buffer in which no record ends");
            left += u32::from(records == 1 && !matches!(bytes, 100 | 900));
        }
    }
    assert!(left > 10, "{left}");
}

/// A pool without a free buffer stretches the open one: one record's outputs take no more memory because of sizes.
#[test]
fn small_buffers_grow_when_there_are_no_others() {
    let operators = r#"{"id": "source", "kind": "source", "records": 100, "size": "100B"},
        {"id": "map", "kind": "flat-map", "selectivity": 50}, {"id": "sink", "kind": "sink", "service": "1ms"}"#;
    let rest = r#""network": {"debloat": {"min": "128B", "start": "128B"}}"#;
    let (job, _, runner) = traced(&job(operators, TO_SINK, rest));
    let map = job.plan.task_named("map", 0).expect("it is there");
    let in_use = runner.trace().iter().filter_map(|stamped| match stamped.event {
        Event::SegmentTaken { task, in_use } if task == map => Some(in_use),
        _ => None,
    });
    assert_eq!(in_use.max(), Some(10), "two for the channel, eight floating");
}

/// Of a task that fails after its last snapshot had covered all it did, the receiver lives on: it asks the new sender for
/// the size that the old one had been told.
#[test]
fn a_sender_that_begins_anew_is_told_again() {
    let operators = r#"{"id": "source", "kind": "source", "rate": "1k/s", "records": 9000, "end": "idles"},
        {"id": "map", "kind": "map"}, {"id": "sink", "kind": "sink"}"#;
    let rest = r#""network": {"debloat": {}}, "checkpoints": {"protocol": "uncoordinated", "interval": "1s"},
        "faults": [{"at": "12s", "fail": "map"}], "run": {"limit": "14s"}"#;
    let (job, _, runner) = traced(&job(operators, TO_SINK, rest));
    let told = told(runner.trace(), channel(&job, "map[0]->sink[0]"));
    assert_eq!(told[told.len() - 3..], [27_077, 32_768, 32_768]);
}

/// A generated scenario with debloating, if need be one that was not generated with it.
fn debloating(seed: u64, limits: &Limits, protocol: &str) -> Arc<Job> {
    let mut scenario = generate(seed, limits, protocol);
    let (min, start) = (Bytes(1), scenario.network.segment);
    let (target, period) = (Span::from_micros(200), Span::from_micros(1));
    scenario.network.debloat.get_or_insert(Debloat { target, period, samples: 2, threshold: 1, min, start });
    compile(scenario)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), ..ProptestConfig::default() })]

    /// Sizes of buffers are nobody's business but the network's: every check still holds, the run is the same every time,
    /// and moving tasks record by record is no different.
    #[test]
    fn whatever_the_sizes_nothing_else_changes(seed in any::<u64>(), protocol in 0..ZOO.len()) {
        let protocol = ZOO[protocol];
        let limits = support::claimed(protocol.name(), Limits { cycles: true, ..SMALL });
        let job = debloating(seed, &limits, protocol.name());
        let (outcome, mut runner) = run(&job, seed, TRACED);
        prop_assert_eq!(&outcome.verdict, &Verdict::Pass);
        let (slow, by_record) = run(&job, seed, Want { granularity: Granularity::Record, ..TRACED });
        if let Some(divergence) = first_divergence(runner.trace(), by_record.trace()) {
            return Err(TestCaseError::fail(format!("record by record: {divergence}")));
        }
        prop_assert_eq!([slow.digest, runner.run(seed).digest], [outcome.digest; 2]);
    }
}

/// What the law above is about does come up.
#[test]
fn generated_jobs_are_told_sizes_of_all_kinds() {
    let (mut local, mut remote, mut after_restart, mut generated) = (0, 0, 0, 0);
    for seed in 0..100 {
        let protocol = ZOO[seed as usize % ZOO.len()];
        generated += u32::from(
            generate(seed, &support::claimed(protocol.name(), SMALL), protocol.name()).network.debloat.is_some(),
        );
        let job = debloating(seed, &support::claimed(protocol.name(), SMALL), protocol.name());
        let (_, runner) = run(&job, seed, TRACED);
        let mut restarted = false;
        for stamped in runner.trace() {
            match stamped.event {
                Event::JobRestarting { .. } => restarted = true,
                Event::BufferResized { channel, .. } => {
                    let is_local = job.plan.channels[channel.index()].local;
                    local += u32::from(is_local);
                    remote += u32::from(!is_local);
                    after_restart += u32::from(restarted);
                }
                _ => {}
            }
        }
    }
    assert!(local > 500 && remote > 500 && after_restart > 500, "{local}, {remote}, {after_restart}");
    assert!((25..60).contains(&generated), "{generated} of 100");
}
