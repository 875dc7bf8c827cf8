//! Law: what is told of a checkpoint fits together, whatever job, settings and protocol: sums and latest
//! acknowledgements of subtasks, vertices and the checkpoint agree, and no part takes longer than the whole.

mod support;

use cutline::base::Bytes;
use cutline::campaign::Want;
use cutline::check::{CheckpointFigures, Measures, MinMaxAvg, Progress, SubtaskMeasures, Sums};
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate};
use proptest::prelude::*;
use support::{SMALL, cases, claimed, compile, run};

/// What came up, so that the law is known to say something.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    completed: u64,
    failed: u64,
    finished: u64,
    processed: u64,
    persisted: u64,
}

fn sums_agree(measures: &Measures) {
    let added = |add: fn(&Sums) -> u64| measures.vertices.iter().map(|vertex| add(&vertex.sums)).sum::<u64>();
    let sums = &measures.sums;
    assert_eq!(added(|sums| u64::from(sums.subtasks)), u64::from(sums.subtasks));
    assert_eq!(added(|sums| u64::from(sums.acknowledged)), u64::from(sums.acknowledged));
    assert_eq!(sums.latest_ack, measures.vertices.iter().filter_map(|vertex| vertex.sums.latest_ack).max());
    let acknowledged: Vec<&SubtaskMeasures> = measures.subtasks().filter(|subtask| subtask.ack.is_some()).collect();
    let sum = |of: fn(&SubtaskMeasures) -> Bytes| Bytes(acknowledged.iter().map(|subtask| of(subtask).0).sum());
    assert_eq!(sums.acknowledged as usize, acknowledged.len());
    assert_eq!((sums.checkpointed, sums.full), (sum(|s| s.checkpointed), sum(|s| s.full)));
    assert_eq!((sums.processed, sums.persisted), (sum(|s| s.processed), sum(|s| s.persisted)));
    for vertex in &measures.vertices {
        let summary = vertex.summary(|subtask| subtask.end_to_end.map(|span| span.0));
        assert_eq!(summary.map(|summary| summary.max), vertex.end_to_end.map(|span| span.0));
        assert!(summary.is_none_or(|MinMaxAvg { min, max, avg }| min <= avg && avg <= max));
    }
}

/// Of a completed checkpoint everybody acknowledged, after all that is measured of a subtask.
fn parts_fit(measures: &Measures, checkpoint: &CheckpointFigures) {
    assert_eq!(measures.end_to_end, checkpoint.end_to_end());
    assert_eq!(measures.end_to_end, measures.subtasks().filter_map(|subtask| subtask.end_to_end).max());
    assert_eq!((measures.sums.processed, measures.sums.persisted), (checkpoint.processed(), checkpoint.persisted()));
    assert_eq!((measures.sums.checkpointed, measures.sums.acknowledged), (checkpoint.bytes, measures.sums.subtasks));
    for subtask in measures.subtasks() {
        let spans = [subtask.start_delay, subtask.alignment, subtask.sync, subtask.r#async];
        let [delay, alignment, sync, upload] = spans.map(|span| span.expect("it is part of a complete checkpoint"));
        let whole = subtask.end_to_end.expect("it acknowledged");
        assert!(delay + alignment <= whole && delay + sync + upload <= whole, "{subtask:?}");
        let captured = checkpoint.tasks[subtask.task.index()].captured;
        let waits = !subtask.unaligned && !captured;
        assert!(!waits || delay + alignment + sync + upload <= whole, "{subtask:?}");
    }
}

fn measured(seed: u64, limits: &Limits, protocol: &str) -> Seen {
    let job = compile(generate(seed, limits, protocol));
    let (_, runner) = run(&job, seed, Want::default());
    let mut seen = Seen::default();
    for checkpoint in &runner.figures().expect("they were wanted").checkpoints {
        let measures = Measures::of(&job.plan, checkpoint);
        assert_eq!(measures.sums.subtasks as usize, job.plan.tasks.len());
        sums_agree(&measures);
        match measures.progress {
            Progress::Completed => parts_fit(&measures, checkpoint),
            Progress::Failed => assert_eq!(measures.end_to_end, Some(checkpoint.ended.since(checkpoint.triggered))),
            Progress::InProgress => {}
        }
        seen.completed += u64::from(measures.progress == Progress::Completed);
        seen.failed += u64::from(measures.progress == Progress::Failed);
        seen.finished += u64::from(measures.subtasks().any(|subtask| subtask.finished));
        seen.processed += u64::from(measures.sums.processed > Bytes(0));
        seen.persisted += u64::from(measures.sums.persisted > Bytes(0));
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(100), ..ProptestConfig::default() })]

    #[test]
    fn measures_of_a_checkpoint_fit_together(seed in any::<u64>(), faults in 0..3u32) {
        for protocol in ZOO {
            measured(seed, &claimed(protocol.name(), Limits { faults, cycles: true, ..SMALL }), protocol.name());
        }
    }
}

/// The law says nothing if nothing happens: among some jobs there is everything it speaks of.
#[test]
fn generated_jobs_have_something_to_measure() {
    let mut seen = Seen::default();
    for protocol in ["aligned", "aligned-timeout", "unaligned"] {
        for seed in 0..40 {
            let more = measured(seed, &claimed(protocol, SMALL), protocol);
            seen.completed += more.completed;
            seen.failed += more.failed;
            seen.finished += more.finished;
            seen.processed += more.processed;
            seen.persisted += more.persisted;
        }
    }
    let Seen { completed, failed, finished, processed, persisted } = seen;
    assert!([completed, failed, finished, processed, persisted].into_iter().all(|n| n >= 5), "{seen:?}");
}
