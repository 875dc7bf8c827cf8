//! A scenario's schedule decides what time leaves open, and says which of its choices came up.

mod support;

use cutline::campaign::{Runner, Want};
use cutline::scenario;
use cutline::trace::{Event, Stamped};
use cutline::world::Job;
use std::sync::Arc;
use support::{parse, run};

/// Two sources that do everything at the same instants, and a sink that reads what comes first.
fn twins(schedule: &str) -> String {
    format!(
        r#"{{
  "cutline": 1,
  "job": {{
    "operators": [
      {{"id": "a", "kind": "source", "records": 40, "service": "100us"}},
      {{"id": "b", "kind": "source", "records": 40, "service": "100us"}},
      {{"id": "sink", "kind": "sink"}}],
    "edges": [{{"from": "a", "to": "sink"}}, {{"from": "b", "to": "sink"}}]}},
  "network": {{"buffer_timeout": "1ms"}},
  "checkpoints": {{"interval": "2ms"}},
  "schedule": [{schedule}]
}}"#
    )
}

/// Which source's last record was finished first: the channel whose end comes first tells.
fn first_closed(trace: &[Stamped]) -> u32 {
    let closed = trace.iter().find_map(|stamped| match stamped.event {
        Event::BufferClosed { channel, .. } => Some(channel.0),
        _ => None,
    });
    closed.expect("buffers are closed")
}

#[test]
fn what_is_on_the_schedule_comes_first() {
    let want = Want { trace: true, ..Want::default() };
    let finishing = |first: &str, second: &str| {
        let entry = |of: &str| format!(r#"{{"step": "run", "of": "{of}[0]", "nth": 40}}"#);
        let job = parse(&twins(&format!("{}, {}", entry(first), entry(second))));
        let (outcome, runner) = run(&job, 1, want);
        assert_eq!(outcome.notes, Vec::<String>::new());
        let drained = runner.trace().iter().find_map(|stamped| match stamped.event {
            Event::TaskDrained { task } => Some(job.plan.task_name(task)),
            _ => None,
        });
        drained.expect("sources drain")
    };
    assert_eq!(finishing("a", "b"), "a[0]");
    assert_eq!(finishing("b", "a"), "b[0]");
}

#[test]
fn without_a_schedule_the_seed_decides() {
    let job = parse(&twins(""));
    let want = Want { trace: true, ..Want::default() };
    let first: Vec<u32> = (0..20).map(|seed| first_closed(run(&job, seed, want).1.trace())).collect();
    assert!(first.contains(&0) && first.contains(&1), "20 seeds give one order only: {first:?}");
}

#[test]
fn choices_that_never_come_up_are_reported() {
    let job =
        parse(&twins(r#"{"step": "handle", "of": "sink[0]", "nth": 5}, {"step": "run", "of": "b[0]", "nth": 41}"#));
    let (outcome, _) = run(&job, 1, Want::default());
    assert_eq!(outcome.notes, ["schedule[1] was skipped: run 41 of b[0] never came up"]);
    assert!(outcome.as_expected);
}

#[test]
fn choices_that_mean_nothing_are_refused() {
    let refused = |entry: &str| {
        let scenario = scenario::parse(&twins(entry), "twins.json").expect("names of steps are checked later");
        let job = Arc::new(Job::compile(scenario).expect("it compiles"));
        match Runner::new(job, Want::default()) {
            Err(problem) => problem.to_string(),
            Ok(_) => panic!("{entry} was taken"),
        }
    };
    let told = refused(r#"{"step": "handel", "of": "sink[0]", "nth": 1}"#);
    assert!(told.ends_with(r#"there is no step "handel"; did you mean "handle"?"#), "{told}");
    let told = refused(r#"{"step": "run", "of": "sink[3]", "nth": 1}"#);
    assert!(told.ends_with(r#"found "sink[3]"; name a subtask such as "count[1]""#), "{told}");
    let told = refused(r#"{"step": "deliver", "of": "sink[0]->a[0]", "nth": 1}"#);
    assert!(told.contains(r#"name a channel such as"#), "{told}");
}
