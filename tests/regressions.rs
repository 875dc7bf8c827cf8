//! What once went wrong, in jobs small enough to be read.

mod support;

use cutline::base::{CheckpointId, TaskId, Time};
use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::drive::Granularity;
use cutline::scenario;
use cutline::trace::Event;
use cutline::world::Job;
use support::{parse, run};

fn job(operators: &str, edges: &str, rest: &str) -> String {
    format!(r#"{{"cutline": 1, "job": {{"operators": [{operators}], "edges": [{edges}]}}, {rest}}}"#)
}

const TO_OUT: &str = r#"{"from": "in", "to": "out"}"#;

fn passes(text: &str, seeds: std::ops::Range<u64>) {
    let job = parse(text);
    for seed in seeds {
        let (outcome, _) = run(&job, seed, Want::default());
        assert_eq!(outcome.verdict, Verdict::Pass, "seed {seed}");
    }
}

/// A source that stood still while sources were stopped has to notice when it goes on.
#[test]
fn the_limit_may_come_while_the_job_is_down() {
    let operators = r#"{"id": "in", "kind": "source", "rate": "1k/s"}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""checkpoints": {"protocol": "uncoordinated", "interval": "1s"}, "run": {"limit": "10s"},
        "faults": [{"at": "9.5s", "fail": "out"}]"#;
    passes(&job(operators, TO_OUT, rest), 1..3);
}

/// A task that has ended is not needed again when another one fails after it.
#[test]
fn a_failure_may_come_when_some_tasks_have_ended() {
    let operators = r#"{"id": "in", "kind": "source", "records": 100}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""checkpoints": {"protocol": "uncoordinated", "interval": "1s"},
        "faults": [{"when": {"event": "task-finished", "of": "out"}, "fail": "in"}]"#;
    passes(&job(operators, TO_OUT, rest), 0..30);
}

/// The end of a pause moves the schedule; it does not begin a second one.
#[test]
fn triggers_keep_their_distance() {
    let operators = r#"{"id": "in", "kind": "source", "records": 600, "end": "idles"},
        {"id": "out", "kind": "sink", "service": "1ms"}"#;
    let rest = r#""checkpoints": {"interval": "30ms", "min_pause": "11ms", "first": "30ms"}, "run": {"limit": "5s"}"#;
    let job = parse(&job(operators, TO_OUT, rest));
    let (_, runner) = run(&job, 1, Want { trace: true, ..Want::default() });
    let triggers: Vec<u64> = runner
        .trace()
        .iter()
        .filter_map(|stamped| match stamped.event {
            Event::CheckpointTriggered { .. } => Some(stamped.at.0),
            _ => None,
        })
        .collect();
    // The last one is asked for by the end of the data, not by the schedule.
    let scheduled = &triggers[..triggers.len() - 1];
    assert!(scheduled.len() > 100, "{}", scheduled.len());
    assert!(scheduled.windows(2).all(|pair| pair[1] - pair[0] >= 11_000_000));
    let at_rest = scheduled.windows(2).filter(|pair| pair[1] - pair[0] < 30_000_000).count();
    assert!(
        at_rest * 2 < scheduled.len(),
        "{at_rest} of {} triggers come before the interval is over",
        scheduled.len()
    );
}

/// A fault on the very first events strikes before anything else happens, however far a step may go.
#[test]
fn a_fault_at_the_start_strikes_at_the_start() {
    let operators = r#"{"id": "in", "kind": "source", "records": 200},
        {"id": "few", "kind": "filter", "selectivity": "1/20"}, {"id": "out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "few", "chained": true}, {"from": "few", "to": "out"}"#;
    let rest = r#""checkpoints": {"interval": "1ms"},
        "faults": [{"when": {"event": "task-started", "of": "in"}, "fail": "in"}]"#;
    let job = parse(&job(operators, edges, rest));
    let want = Want { trace: true, ..Want::default() };
    let (fast, runner) = run(&job, 3, want);
    let (slow, _) = run(&job, 3, Want { granularity: Granularity::Record, ..want });
    assert_eq!(fast.digest, slow.digest);
    let struck = runner.trace().iter().find(|s| matches!(s.event, Event::FaultStruck { .. })).expect("it strikes");
    assert_eq!(struck.at.0, 0);
}

/// A key that crosses two feedback edges is known to the counter behind them.
#[test]
fn keys_come_round_nested_cycles() {
    let operators = r#"{"id": "in", "kind": "source", "records": 300, "keys": 10}, {"id": "a", "kind": "map"},
        {"id": "b", "kind": "map"}, {"id": "c", "kind": "map", "rekey": 1000, "selectivity": "1/3"},
        {"id": "d", "kind": "count"}, {"id": "out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "c"},
        {"from": "c", "to": "b", "feedback": true}, {"from": "b", "to": "a", "feedback": true},
        {"from": "a", "to": "d"}, {"from": "d", "to": "out"}"#;
    let rest = r#""checkpoints": {"protocol": "chandy-lamport", "interval": "1ms"}"#;
    let text =
        job(operators, edges, rest).replace(r#""b", "kind": "map"}"#, r#""b", "kind": "map", "selectivity": "1/2"}"#);
    passes(&text, 1..4);
}

/// Two tasks that fail at one instant are two failures.
#[test]
fn failures_at_one_instant_are_all_told() {
    let operators = r#"{"id": "in", "kind": "source", "records": 2000, "rate": "1k/s"}, {"id": "mid", "kind": "count"},
        {"id": "out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "mid"}, {"from": "mid", "to": "out"}"#;
    let rest = r#""checkpoints": {"protocol": "uncoordinated", "interval": "100ms"},
        "faults": [{"at": "1s", "fail": "mid"}, {"at": "1s", "fail": "out"}]"#;
    let job = parse(&job(operators, edges, rest));
    let (outcome, runner) = run(&job, 1, Want { trace: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    assert_eq!(runner.trace().iter().filter(|s| matches!(s.event, Event::TaskFailed { .. })).count(), 2);
}

/// A run in which nothing happens proves nothing.
#[test]
fn a_run_that_exercised_nothing_does_not_pass() {
    let operators = r#"{"id": "in", "kind": "source", "records": 0}, {"id": "out", "kind": "sink"}"#;
    let job = parse(&job(operators, TO_OUT, r#""checkpoints": {}"#));
    let (outcome, _) = run(&job, 1, Want::default());
    assert!(matches!(outcome.verdict, Verdict::Miss(_)), "{:?}", outcome.verdict);
}

/// A record far larger than a buffer is many buffers, not a walk over all of them for each.
#[test]
fn huge_records_go_through() {
    let operators = r#"{"id": "in", "kind": "source", "records": 2, "size": "16MiB"}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""cluster": {"task_managers": 2}, "network": {"segment": "64B"}, "checkpoints": {"interval": "1s"}"#;
    let text = job(operators, TO_OUT, rest).replace(r#""kind": "sink""#, r#""kind": "sink", "on": [1]"#);
    passes(&text, 1..2);
}

/// Numbers at the edge of what can be written stop at the edge of time.
#[test]
fn numbers_at_the_edge_do_not_overflow() {
    let operators = r#"{"id": "in", "kind": "source", "records": 10, "rate": "1G/s",
        "burst": {"every": "5000000h", "length": "5000000h", "times": 1000000}}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""network": {"buffer_timeout": "5000000h", "exclusive": 1048576},
        "checkpoints": {"protocol": {"name": "uncoordinated", "jitter": "5000000h"}, "interval": "1s"}"#;
    let text = job(operators, TO_OUT, rest);
    let scenario = scenario::parse(&text, "edge.json").unwrap_or_else(|problem| panic!("{problem}"));
    let job = std::sync::Arc::new(Job::compile(scenario).unwrap_or_else(|problem| panic!("{problem}")));
    let (outcome, _) = run(&job, 1, Want::default());
    assert_eq!(outcome.verdict, Verdict::Pass);
}

/// A predicate that no event can ever match is refused, not waited for.
#[test]
fn promises_that_cannot_come_true_are_refused() {
    let operators = r#"{"id": "in", "kind": "source", "records": 5}, {"id": "out", "kind": "sink"}"#;
    let refused = |promise: &str| {
        let rest = format!(r#""expect": {{"happens": [{promise}]}}"#);
        scenario::parse(&job(operators, TO_OUT, &rest), "p.json").expect_err("it cannot come true").to_string()
    };
    let told = refused(r#"{"event": "task-blocked", "checkpoint": 3}"#);
    assert!(told.ends_with(r#"the event "task-blocked" is about no checkpoint; leave this field out"#), "{told}");
    let told = refused(r#"{"event": "checkpoint-completed", "of": "out"}"#);
    assert!(told.ends_with(r#"the event "checkpoint-completed" happens to no task or channel; leave this field out"#));
    let told = refused(r#"{"event": "task-failed", "of": "in[0]->out[0]"}"#);
    assert!(told.ends_with(r#"the event "task-failed" happens to a task, not to a channel; name a subtask"#), "{told}");
}

/// What a task was storing when it failed takes no bandwidth from the checkpoints after the restart.
#[test]
fn a_dead_task_stores_nothing() {
    let operators = r#"{"id": "in", "kind": "source", "rate": "1k/s", "state": {"size": "1MB"}},
        {"id": "out", "kind": "sink", "snapshot": {"async": "0"}}"#;
    let stored = |faults: &str| {
        let rest = format!(
            r#""storage": {{"bandwidth": "1MB/s", "latency": "0", "shared": "cluster"}}, "restart": {{"delay": "100ms"}},
            "checkpoints": {{"interval": "500ms"}}, "run": {{"limit": "4s"}}, "faults": [{faults}]"#
        );
        let (outcome, runner) = run(&parse(&job(operators, TO_OUT, &rest)), 1, Want { trace: true, ..Want::default() });
        assert_eq!(outcome.verdict, Verdict::Pass);
        let mut began = None;
        for stamped in runner.trace() {
            match stamped.event {
                Event::SnapshotStarted { task: TaskId(0), checkpoint: CheckpointId(2), .. } => began = Some(stamped.at),
                Event::SnapshotDurable { task: TaskId(0), checkpoint: CheckpointId(2), .. } => {
                    return stamped.at.since(began.expect("it began"));
                }
                _ => {}
            }
        }
        panic!("it was never stored")
    };
    assert_eq!(stored(r#"{"at": "600ms", "fail": "in"}"#), stored(""), "the upload of checkpoint 1 was still going on");
}

/// Two faults make one task slow at a time, and both are over at the same instant: it is as fast as ever.
#[test]
fn a_task_that_was_slow_twice_is_fast_again() {
    let operators = r#"{"id": "in", "kind": "source", "records": 2000, "rate": "1k/s"},
        {"id": "out", "kind": "sink", "service": "100us"}"#;
    let rest = r#""checkpoints": {"interval": "500ms"},
        "faults": [{"at": "0s", "slow": {"of": "out[0]", "factor": 15, "for": "100ms"}},
                   {"at": "0s", "slow": {"of": "out[0]", "factor": 2, "for": "100ms"}}],
        "expect": {"figures": {"records.visible": {"min": 2000}, "alignment.max": {"max": "20ms"}}}"#;
    let job = parse(&job(operators, TO_OUT, rest));
    let (outcome, runner) = run(&job, 1, Want { figures: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    let end = runner.figures().expect("they were wanted").totals.end;
    assert!(end < Time(2_600_000_000), "at 1.5ms a record it would have taken 3s: {end}");
}

/// A checkpoint that somebody asked for completes while the end of a job without an interval waits for the outside.
#[test]
fn a_job_does_not_end_before_its_commits() {
    let operators = r#"{"id": "in", "kind": "source", "service": "20us", "records": 55},
        {"id": "out", "kind": "sink", "parallelism": 2, "service": "100us"}"#;
    let edges = r#"{"from": "in", "to": "out", "by": "broadcast"}"#;
    let rest = r#""checkpoints": {"requests": [{"at": "6ms", "take": "checkpoint"}]},
        "faults": [{"when": {"event": "transaction-opened", "nth": 4}, "external": {"of": "out", "do": "down", "for": "3.3ms"}}]"#;
    passes(&job(operators, edges, rest), 1..3);
}

/// Checkpoint 4 of one region is unreadable, which is no reason for another to forget that it ended with it.
#[test]
fn who_has_ended_keeps_to_its_end_whatever_other_regions_go_back_to() {
    let operators = r#"{"id": "few", "kind": "source", "records": 13, "size": "700B"},
        {"id": "many", "kind": "source", "records": 36},
        {"id": "out", "kind": "sink", "service": "100us"},
        {"id": "apart", "kind": "source", "records": 1},
        {"id": "apart-out", "kind": "sink", "state": {"per_record": "6B"}}"#;
    let edges = r#"{"from": "apart", "to": "apart-out"}, {"from": "few", "to": "out"}, {"from": "many", "to": "out"}"#;
    let rest = r#""cluster": {"takeover": "1.9ms"},
        "network": {"segment": "200B", "rpc": "1.5ms"},
        "storage": {"latency": "1.37ms", "metadata": "1.5ms"},
        "checkpoints": {"interval": "2ms", "max_concurrent": 2, "retained": 2, "prepare": "500us"},
        "restart": {"delay": "1.98ms"},
        "external": {"latency": "820us"},
        "faults": [
            {"at": "36ms", "fail": "few[0]"},
            {"when": {"event": "record-stored"}, "spoil": "apart[0]"},
            {"when": {"event": "snapshot-taken", "nth": 4}, "kill": "coordinator"},
            {"at": "8ms", "external": {"of": "apart-out", "do": "lose-reply"}}],
        "run": {"seed": 109803, "limit": "10s"}"#;
    passes(&job(operators, edges, rest), 109_803..109_804);
}

/// A restart that fails at once, without time getting on, comes to an end all the same, and is told as what it is.
#[test]
fn a_job_that_is_restarted_for_ever_is_stuck() {
    let operators = r#"{"id": "in", "kind": "source", "records": 100}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""checkpoints": {"interval": "1ms", "first": "1ms", "timeout": "1ms"}, "restart": {"delay": "0s"},
        "storage": {"latency": "2ms"}, "run": {"limit": "100s"}"#;
    let job = parse(&job(operators, TO_OUT, rest));
    let (outcome, _) = run(&job, 1, Want::default());
    let Verdict::Stuck(finding) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert!(finding.text.starts_with("the job was restarted "), "{finding:?}");
}

/// A trigger comes a second time, when the end of the data has been seen: what it asks for was done before that end.
#[test]
fn a_trigger_that_comes_late_again_ends_nobody() {
    let operators = r#"{"id": "in", "kind": "source", "service": "100us", "records": 32},
        {"id": "out", "kind": "sink"}"#;
    let rest = r#""network": {"rpc": "1ms"}, "checkpoints": {"interval": "8ms", "first": "2ms"},
        "faults": [
            {"at": "1ms", "message": {"kind": "trigger", "do": "double", "by": "5ms"}},
            {"at": "10ms", "external": {"of": "out", "do": "lose-reply"}}]"#;
    passes(&job(operators, TO_OUT, rest), 1..3);
}

/// A task without records has sent a watermark, and no snapshot of it says so: it is not at its end yet.
#[test]
fn a_watermark_is_something_that_a_snapshot_has_to_cover() {
    let operators = r#"{"id": "in", "kind": "source", "records": 3, "keys": {"count": 1},
        "event_time": {"watermarks": {"records": 1}}},
        {"id": "count", "kind": "count", "parallelism": 3}, {"id": "out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "count"}, {"from": "count", "to": "out"}"#;
    let rest = r#""checkpoints": {"protocol": "uncoordinated", "interval": "50s"},
        "faults": [{"when": {"event": "ack-received"}, "kill": "coordinator"},
            {"when": {"event": "coordinator-lost"}, "fail": "count[1]"}]"#;
    passes(&job(operators, edges, rest), 0..5);
}

/// Of what an external system has aborted for its age nobody knows how much of it was doubled.
#[test]
fn what_was_too_old_may_have_been_doubled() {
    let operators = r#"{"id": "in", "kind": "source", "records": 6, "rate": "1k/s"},
        {"id": "map", "kind": "flat-map", "parallelism": 3}, {"id": "out", "kind": "sink"},
        {"id": "other", "kind": "sink", "parallelism": 2}"#;
    let edges = r#"{"from": "in", "to": "map"}, {"from": "map", "to": "out"}, {"from": "map", "to": "other"}"#;
    let rest = r#""cluster": {"task_managers": 2}, "network": {"buffer_timeout": "0s"},
        "checkpoints": {"protocol": "at-least-once", "interval": "30s", "first": "3ms", "tolerable_failures": 1},
        "faults": [
            {"when": {"event": "buffer-consumed"},
                "link": {"from": "manager[1]", "to": "manager[0]", "do": "slow", "by": "310us", "for": "6ms"}},
            {"when": {"event": "checkpoint-triggered", "nth": 2}, "write": {"do": "deny"}},
            {"when": {"event": "transaction-committed"}, "external": {"of": "other", "do": "lose-commit"}},
            {"when": {"event": "ack-received"}, "kill": "manager[1]"},
            {"when": {"event": "manager-lost"}, "external": {"of": "out", "do": "expire"}},
            {"when": {"event": "checkpoint-triggered", "nth": 3}, "external": {"of": "out", "do": "expire"}}]"#;
    passes(&job(operators, edges, rest), 0..20);
}

/// A task that had been about to end, and waited for the outside to answer, is needed again after a restart.
#[test]
fn a_restart_takes_back_an_end_that_waits_for_the_outside() {
    let operators = r#"{"id": "in", "kind": "source", "parallelism": 2, "records": 2}, {"id": "out", "kind": "sink"}"#;
    let rest = r#""cluster": {"task_managers": 2, "heartbeat": "3ms", "standby": 1}, "storage": {"latency": "2ms"},
        "checkpoints": {"protocol": "uncoordinated"},
        "restart": {"strategy": "exponential-delay", "initial_backoff": "20us"},
        "faults": [
            {"when": {"event": "transaction-prepared"}, "external": {"of": "out", "do": "down", "for": "6ms"}},
            {"when": {"event": "ack-received"},
                "link": {"from": "manager[1]", "to": "coordinator", "both": true, "do": "cut", "for": "8ms"}}]"#;
    passes(&job(operators, TO_OUT, rest), 0..5);
}

/// What a zombie had prepared because the job was to end belongs to nobody when another attempt has taken over.
#[test]
fn what_was_prepared_for_the_end_is_aborted_by_the_next_attempt() {
    let operators =
        r#"{"id": "in", "kind": "source", "records": 1}, {"id": "out", "kind": "sink", "output": "offsets"}"#;
    let edges = r#"{"from": "in", "to": "out", "chained": true}"#;
    let rest = r#""cluster": {"heartbeat": "1ms"}, "checkpoints": {},
        "faults": [
            {"when": {"event": "source-replayed"},
                "link": {"from": "coordinator", "to": "manager[0]", "do": "cut", "for": "1.7ms"}},
            {"at": "3ms", "external": {"of": "out", "do": "lose-commit"}},
            {"at": "700us", "external": {"of": "out", "do": "fail-write"}}]"#;
    passes(&job(operators, edges, rest), 0..5);
}

/// A barrier that may time out does not wait for somebody who has ended.
#[test]
fn a_barrier_does_not_wait_in_front_of_one_who_has_ended() {
    let operators = r#"{"id": "in", "kind": "source", "parallelism": 2, "records": 1}, {"id": "out", "kind": "sink"},
        {"id": "apart", "kind": "source", "records": 1}, {"id": "apart-out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "out"}, {"from": "apart", "to": "apart-out"}"#;
    let rest = r#""cluster": {"heartbeat": "5ms", "standby": 1, "takeover": "4ms"},
        "checkpoints": {"protocol": "aligned-timeout", "interval": "10s", "first": "10us", "timeout": "200ms",
            "tolerable_failures": 1, "requests": [{"at": "22ms", "take": "drain"}]},
        "restart": {"delay": "1.9ms"},
        "faults": [
            {"when": {"event": "snapshot-started"}, "fail": "in[1]"},
            {"when": {"event": "checkpoint-triggered"}, "kill": "coordinator"},
            {"when": {"event": "checkpoint-completed", "nth": 2}, "fail": "apart-out[0]"},
            {"when": {"event": "task-started"}, "fail": "apart[0]"},
            {"when": {"event": "checkpoint-completed"}, "fail": "apart-out[0]"},
            {"when": {"event": "snapshot-taken", "nth": 3}, "kill": "coordinator"},
            {"when": {"event": "coordinator-lost"},
                "link": {"from": "coordinator", "to": "manager[0]", "do": "cut", "for": "10ms"}},
            {"at": "0s", "message": {"kind": "complete", "do": "delay", "by": "4ms"}}],
        "run": {"seed": 52108, "limit": "10s"}"#;
    passes(&job(operators, edges, rest), 52_108..52_109);
}

/// A task that had ended before a checkpoint keeps its part of the older ones that others may have to go back to yet.
#[test]
fn who_goes_back_to_its_end_keeps_newer_snapshots_that_others_may_need() {
    let operators = r#"
        {"id": "a", "kind": "source", "parallelism": 2, "partitions": 7, "records": 25, "assignment": "dynamic"},
        {"id": "b", "kind": "source", "parallelism": 2, "partitions": 5, "records": 1, "assignment": "dynamic",
            "snapshot": {"sync": "300us"}},
        {"id": "split", "kind": "flat-map"}, {"id": "out", "kind": "sink", "service": "20us"}"#;
    let edges = r#"{"from": "split", "to": "out"}, {"from": "b", "to": "out"}, {"from": "a", "to": "split"}"#;
    let rest = r#""network": {"segment": "100B", "max_per_channel": 2, "rpc": "400us"}, "external": {"latency": "730us"},
        "checkpoints": {"protocol": "chandy-lamport", "interval": "2.5ms", "max_concurrent": 2, "retained": 2},
        "faults": [
            {"when": {"event": "record-stored", "nth": 3}, "kill": "coordinator"},
            {"when": {"event": "coordinator-lost"}, "spoil": "out[0]"}]"#;
    passes(&job(operators, edges, rest), 128_962..128_963);
}

/// A task that is restored behind the end of its data fires no timer of the clock: those behind it have ended with it.
#[test]
fn nothing_comes_of_the_clock_behind_an_end_that_is_in_a_snapshot() {
    let operators = r#"{"id": "in", "kind": "source", "parallelism": 3, "records": 15},
        {"id": "late", "kind": "timeout", "after": "7ms"}, {"id": "out", "kind": "sink"},
        {"id": "aside", "kind": "sink", "output": "committables"},
        {"id": "apart", "kind": "sink", "output": "committables"},
        {"id": "commit-aside", "kind": "committer"}, {"id": "commit-apart", "kind": "committer"}"#;
    let edges = r#"{"from": "in", "to": "late"}, {"from": "late", "to": "out"}, {"from": "late", "to": "aside"},
        {"from": "in", "to": "apart"}, {"from": "aside", "to": "commit-aside"}, {"from": "apart", "to": "commit-apart"}"#;
    let rest = r#""network": {"debloat": {"min": "50B", "start": "50B"}}, "checkpoints": {"interval": "40s"},
        "faults": [
            {"when": {"event": "task-drained"}, "message": {"kind": "complete", "nth": 3, "do": "lose"}},
            {"when": {"event": "checkpoint-completed", "nth": 2}, "kill": "manager[0]"},
            {"at": "0s", "message": {"kind": "complete", "do": "delay", "by": "10ms"}}]"#;
    passes(&job(operators, edges, rest), 21_499..21_500);
}

/// Logged messages make up for what is lost only if tasks do the same again.
#[test]
fn what_depends_on_the_clock_needs_checkpoints_of_the_whole_job() {
    let operators = r#"{"id": "in", "kind": "source", "records": 1}, {"id": "late", "kind": "timeout", "after": "1ms"},
        {"id": "out", "kind": "sink"}"#;
    let edges = r#"{"from": "in", "to": "late"}, {"from": "late", "to": "out"}"#;
    let text = job(operators, edges, r#""checkpoints": {"protocol": "uncoordinated"}"#);
    let problem = Job::compile(scenario::parse(&text, "late.json").expect("it is well formed")).err();
    let problem = problem.expect("nobody promises that").to_string();
    assert!(problem.contains("what \"late\" sends depends on the clock"), "{problem}");
}
