//! Large jobs fit: a hash exchange of 1,000 x 1,000 tasks, a million channels.
//!
//! One test, because it measures the memory of the process.

mod support;

use cutline::plan;
use cutline::scenario;
use cutline::world::{Job, World};
// The time that planning takes on this machine is what is tested.
#[allow(clippy::disallowed_types)]
use std::time::Instant;

const WIDE: u64 = 1000;
const CHANNELS: u64 = WIDE * WIDE;

/// Limits: for planning, in time and bytes; for a channel that nothing goes through, in bytes.
const PLAN_MS_MAX: u128 = 500;
const PLAN_BYTES_MAX: u64 = 500_000_000;
const IDLE_CHANNEL_BYTES_MAX: u64 = 210;

fn wide_job() -> scenario::Scenario {
    let text = format!(
        r#"{{"cutline": 1,
        "job": {{
            "operators": [
                {{"id": "source", "kind": "source", "parallelism": {WIDE}, "rate": "1k/s"}},
                {{"id": "count", "kind": "count", "parallelism": {WIDE}, "snapshot": {{"sync": "1ms"}}}},
                {{"id": "sink", "kind": "sink", "parallelism": {WIDE}}}],
            "edges": [{{"from": "source", "to": "count"}}, {{"from": "count", "to": "sink", "by": "forward"}}]}},
        "cluster": {{"task_managers": 50}},
        "checkpoints": {{"interval": "1s"}},
        "run": {{"limit": "100ms"}}}}"#
    );
    scenario::parse(&text, "wide.json").unwrap_or_else(|problem| panic!("{problem}"))
}

/// Memory of the process in bytes, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[test]
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
fn a_million_channels_fit() {
    let scenario = wide_job();
    let before = resident();
    let started = Instant::now();
    let first = plan::build(&scenario);
    let mut best = started.elapsed();
    let after_plan = resident();
    assert_eq!(first.channels.len() as u64, CHANNELS + WIDE);
    drop(first);
    // Others may be busy on this machine: the best of some counts.
    for _ in 0..3 {
        let started = Instant::now();
        drop(plan::build(&scenario));
        best = best.min(started.elapsed());
    }
    eprintln!("planning a million channels: {} ms", best.as_millis());
    assert!(best.as_millis() <= PLAN_MS_MAX, "planning took {} ms", best.as_millis());

    let job = Job::compile(scenario).unwrap_or_else(|problem| panic!("{problem}"));
    let before_world = resident();
    let world = World::new(&job);
    let after_world = resident();
    let (Some(before), Some(after_plan), Some(before_world), Some(after_world)) =
        (before, after_plan, before_world, after_world)
    else {
        eprintln!("skipped: this system does not tell how much memory a process has");
        return;
    };
    let (plan, each) = (after_plan.saturating_sub(before), after_world.saturating_sub(before_world) / CHANNELS);
    eprintln!("the plan: {} MB, {} bytes per channel", plan / 1_000_000, plan / CHANNELS);
    eprintln!("the world: {each} bytes per idle channel");
    assert!(plan <= PLAN_BYTES_MAX, "the plan takes {plan} bytes");
    assert!(each <= IDLE_CHANNEL_BYTES_MAX, "{each} bytes per idle channel in the world");
    drop(world);
}
