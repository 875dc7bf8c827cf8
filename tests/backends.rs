//! State backends: whatever they store and wherever a restore reads it, the job comes to the same.

mod support;

use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::scenario::BackendKind;
use cutline::trace::{Event, Stamped};
use cutline::world::Job;
use std::sync::Arc;
use support::run;

/// A count of two on machines of their own, with this backend.
fn job(backend: &str, more: &str) -> Arc<Job> {
    asked_for("", backend, more)
}

/// The same, with more about its checkpoints.
fn asked_for(requests: &str, backend: &str, more: &str) -> Arc<Job> {
    support::parse(&format!(
        r#"{{"cutline": 1, "job": {{"operators": [
          {{"id": "in", "kind": "source", "records": 2000, "rate": "10k/s", "keys": 300}},
          {{"id": "count", "kind": "count", "parallelism": 2, "state": {{"size": "5kB", "per_record": "20B"}}}},
          {{"id": "out", "kind": "sink", "output": "two-phase"}}],
        "edges": [{{"from": "in", "to": "count"}}, {{"from": "count", "to": "out"}}]}},
        "cluster": {{"task_managers": 2, "placement": "spread", "heartbeat": "5ms", "replacement": "5ms"}},
        "checkpoints": {{"interval": "20ms", "first": "20ms"{requests}}}, "restart": {{"delay": "1ms"}},
        "backend": {backend}{more}}}"#
    ))
}

fn trace(job: &Arc<Job>) -> Vec<Stamped> {
    let (outcome, runner) = run(job, 1, Want { trace: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    runner.trace().to_vec()
}

/// What came out, task by task.
fn finals(trace: &[Stamped]) -> Vec<Event> {
    let is_final = |event: &Event| matches!(event, Event::StateFinal { .. } | Event::OutputFinal { .. });
    trace.iter().map(|stamped| stamped.event).filter(is_final).collect()
}

/// Bytes that each restore read, and whether its entries came from the machine itself.
fn restores(trace: &[Stamped]) -> (Vec<u64>, Vec<u32>) {
    let (mut bytes, mut local) = (Vec::new(), Vec::new());
    for stamped in trace {
        match stamped.event {
            Event::StateLoaded { bytes: read, .. } => bytes.push(read),
            Event::EntriesRestored { local: is_local, .. } => local.push(is_local),
            _ => {}
        }
    }
    (bytes, local)
}

const CRASHES: &str = r#", "faults": [{"at": "70ms", "fail": "count[1]"}, {"at": "150ms", "fail": "in"}]"#;

#[test]
fn every_backend_brings_a_job_through_crashes_to_the_same_end() {
    let undisturbed = finals(&trace(&job("{}", "")));
    for kind in BackendKind::ALL {
        let settings = match kind {
            BackendKind::LsmIncremental | BackendKind::Disaggregated => r#", "memtable": "3kB", "compact_at": 3"#,
            BackendKind::Changelog => r#", "materialize": "15ms""#,
            BackendKind::Heap | BackendKind::LsmFull => "",
        };
        let backend = format!(r#"{{"kind": "{}"{settings}}}"#, kind.name());
        assert_eq!(finals(&trace(&job(&backend, CRASHES))), undisturbed, "{}", kind.name());
    }
}

#[test]
fn a_restore_reads_the_copy_on_its_machine_and_the_storage_where_that_is_gone() {
    let backend = r#"{"kind": "lsm-incremental", "compact_at": 3}"#;
    let remote = trace(&job(backend, CRASHES));
    let local = trace(&job(backend, &format!(r#", "storage": {{"local": true}}{CRASHES}"#)));
    let (read, from) = restores(&remote);
    assert!(read.iter().any(|bytes| *bytes > 0) && from.iter().all(|local| *local == 0), "{read:?} {from:?}");
    let (read, from) = restores(&local);
    assert!(read.iter().all(|bytes| *bytes == 0) && from.iter().all(|local| *local == 1), "{read:?} {from:?}");
    assert_eq!(from.len(), 4, "two counts, twice");
    let lost = r#", "storage": {"local": true}, "faults": [{"at": "70ms", "kill": "manager[1]"}]"#;
    let (_, from) = restores(&trace(&job(backend, lost)));
    assert_eq!(from, [1, 0], "one machine is still there");
}

#[test]
fn a_snapshot_stores_what_is_new_and_a_savepoint_everything() {
    let savepoint = r#", "requests": [{"at": "150ms", "take": "savepoint"}]"#;
    let job = asked_for(savepoint, r#"{"kind": "lsm-incremental", "compact_at": 99}"#, "");
    let count = job.plan.task_named("count", 0).expect("it is there");
    let sized = |stamped: &Stamped| match stamped.event {
        Event::StateSized { task, full, stored, files, .. } if task == count => Some((full, stored, files)),
        _ => None,
    };
    let sizes: Vec<(u64, u64, u32)> = trace(&job).iter().filter_map(sized).collect();
    type Sizes = Vec<(u64, u64, u32)>;
    let (savepoints, checkpoints): (Sizes, Sizes) = sizes.iter().partition(|(.., files)| *files == 0);
    assert!(savepoints.len() == 1 && savepoints[0].0 == savepoints[0].1, "{sizes:?}");
    let (first, later) = checkpoints.split_first().expect("there are checkpoints");
    assert_eq!(first.0, first.1, "of the first everything is new");
    assert!(later.iter().all(|(full, stored, _)| stored * 2 < *full), "{sizes:?}");
}
