//! The report of a run for programs: what the table shows, in nanoseconds and bytes.
//!
//! The measures of a checkpoint have the names of Flink's REST API with the unit behind them, and nest as they do there:
//! `tasks` lists vertices (`name`, `status`, `num_subtasks`, `num_acknowledged_subtasks`, `latest_ack_timestamp_ns`,
//! sums, a `summary` of `min`, `max`, `avg`), and these list `subtasks`, each with `start_delay_ns`, `alignment`
//! (`duration_ns`, `processed_bytes`, `persisted_bytes`), `checkpoint` (`sync_ns`, `async_ns`), `unaligned_checkpoint`
//! and more. Flink's `checkpointed_size` is `checkpointed_bytes`, its `state_size` is `full_bytes`. What they mean is in
//! [`Measures`]. Unlike there, what did not happen is `null` and not -1, and a subtask that is `pending_or_failed`
//! tells how far it got. `end_to_end_ns` of a checkpoint that failed is `null`; Flink shows `ended_ns` - `trigger_ns`.

use super::{CheckLine, RunView};
use crate::base::{Span, TaskId, Time};
use crate::check::{
    Account, CheckpointFigures, FIGURES, Measures, RestartFigures, SubtaskMeasures, TaskTimes, Unit, VertexMeasures,
};
use crate::model::{Cause, explain};
use serde_json::{Map, Value, json};

/// The report of a run as JSON. Instants and durations are nanoseconds and say so in their names; what did
/// not happen is `null`; the digest is the string `digest` at the top.
pub fn json(view: &RunView) -> Value {
    let (scenario, plan, figures) = (view.scenario, view.plan, view.figures);
    let checks = view.checks.iter().map(|c| check(view, c));
    let expectations = view.expectations.iter().map(|e| json!({"met": e.met, "text": e.text}));
    let restarts = figures.restarts.iter().map(|restart| {
        json!({
            "task": restart.cause.map(|task| plan.task_name(task)),
            "attempt": restart.attempt.0,
            "failed_ns": instant(restart.failed),
            "coordinator_lost_ns": instant(restart.lost),
            "took_over_ns": instant(restart.took_over),
            "noticed_ns": instant(restart.noticed),
            "running_ns": instant(restart.running),
            "restored": restart.restored.map(|checkpoint| checkpoint.0),
            "replayed": restart.replayed,
            "recovery": recovery(view, restart),
        })
    });
    json!({
        "name": scenario.name,
        "why": scenario.why,
        "protocol": scenario.checkpoints.protocol,
        "guarantees": view.guarantee,
        "tasks": plan.tasks.len(),
        "channels": plan.channels.len(),
        "seed": view.seed,
        "verdict": view.verdict,
        "as_expected": view.as_expected,
        "digest": view.digest.to_string(),
        "notes": view.notes,
        "events": view.events,
        "hops": view.hops,
        "figures": named(view),
        "checkpoints": figures.checkpoints.iter().map(|c| checkpoint_json(view, c)).collect::<Vec<_>>(),
        "slowest_completed": super::slowest(figures).map(|c| tasks(view, c)),
        "faults": super::faults::faults_json(view),
        "restarts": restarts.collect::<Vec<_>>(),
        "checks": checks.collect::<Vec<_>>(),
        "expectations": expectations.collect::<Vec<_>>(),
        "expected": view.accounts.iter().map(|account| expected(view, account)).collect::<Vec<_>>(),
        "records": view.losses.map(|losses| super::records::records_json(view, losses)),
        "records_splits": view.losses.map(|losses| super::splits::splits_json(view.plan, losses)),
        "records_doubts": view.losses.map(|losses| &losses.doubts),
    })
}

/// What a check said; `null`: it found nothing wrong.
fn check(view: &RunView, line: &CheckLine) -> Value {
    let first = view.findings.kept().iter().find(|finding| finding.check == line.name);
    json!({
        "name": line.name,
        "verdict": line.verdict,
        "note": line.note,
        "at_ns": first.map(|finding| finding.at.0),
        "signature": first.map(|finding| &finding.signature),
    })
}

/// How many records an operator holds and shows, and how many it should.
fn expected(view: &RunView, account: &Account) -> Value {
    json!({
        "operator": view.plan.operators[account.operator.index()].name,
        "applied": account.state.counted,
        "applied_expected": account.state.due,
        "visible": account.output.map(|output| output.counted),
        "visible_expected": account.output.map(|output| output.due),
    })
}

/// What a restart took, by part; `null`: it did not come to the end of this part.
fn recovery(view: &RunView, restart: &RestartFigures) -> Value {
    let parts = restart.parts();
    json!({
        "detection_ns": parts.detection.0,
        "back_off_ns": ns(parts.back_off),
        "slots_ns": ns(parts.slots),
        "restore_ns": ns(parts.restore),
        "slowest": restart.slowest.map(|task| view.plan.task_name(task)),
        "channels_ns": ns(parts.channels),
        "catch_up_ns": ns(parts.catch_up),
        "down_ns": ns(parts.down),
        "total_ns": ns(parts.total),
        "replayed": restart.replayed,
        "lag": restart.lag,
    })
}

fn named(view: &RunView) -> Value {
    let entry = |f: &crate::check::Figure| {
        (f.name.to_owned(), json!({"value": (f.value)(view.figures), "unit": unit_name(f.unit)}))
    };
    Value::Object(FIGURES.iter().map(entry).collect::<Map<_, _>>())
}

/// What the numbers of a unit are.
pub(super) fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Time => "ns",
        Unit::Size => "bytes",
        Unit::Rate => "per second",
    }
}

fn instant(at: Time) -> Option<u64> {
    (at != Time::NEVER).then_some(at.0)
}

fn ns(span: Option<Span>) -> Option<u64> {
    span.map(|span| span.0)
}

/// One checkpoint as JSON, with all measures of its vertices and subtasks.
pub fn checkpoint_json(view: &RunView, c: &CheckpointFigures) -> Value {
    let measures = Measures::of(view.plan, c);
    let told = explain(view.plan, c).map(|told| {
        let causes = Cause::ALL.map(|cause| (cause.name().to_owned(), json!(told.total(cause).0)));
        json!({
            "predicted_ns": told.predicted.0,
            "difference_ns": i128::from(told.end_to_end.0) as i64 - told.predicted.0 as i64,
            "main_cause": told.main_cause(),
            "finding": told.finding(view.plan),
            "critical_path": told.path.iter().map(|task| view.plan.task_name(*task)).collect::<Vec<_>>(),
            "causes_ns": Value::Object(causes.into_iter().collect()),
        })
    });
    json!({
        "id": c.id.0,
        "purpose": c.purpose.name(),
        "status": c.status.name(),
        "trigger_ns": c.triggered.0,
        "ended_ns": instant(c.ended),
        "end_to_end_ns": ns(c.end_to_end()),
        "start_delay_max_ns": ns(c.start_delay_max()),
        "alignment_max_ns": ns(c.max(TaskTimes::alignment)),
        "sync_max_ns": ns(c.max(TaskTimes::sync)),
        "async_max_ns": ns(c.max(TaskTimes::r#async)),
        "bytes": c.bytes.0,
        "checkpointed_bytes": measures.sums.checkpointed.0,
        "full_bytes": measures.sums.full.0,
        "processed_bytes": measures.sums.processed.0,
        "persisted_bytes": measures.sums.persisted.0,
        "num_subtasks": measures.sums.subtasks,
        "num_acknowledged_subtasks": measures.sums.acknowledged,
        "slowest": c.slowest.map(|task| view.plan.task_name(task)),
        "explained": told,
        "tasks": measures.vertices.iter().map(|v| vertex(&measures, v)).collect::<Vec<_>>(),
    })
}

fn vertex(measures: &Measures, v: &VertexMeasures) -> Value {
    json!({
        "name": v.name,
        "status": measures.progress.name(),
        "num_subtasks": v.sums.subtasks,
        "num_acknowledged_subtasks": v.sums.acknowledged,
        "latest_ack_timestamp_ns": v.sums.latest_ack.map(|at| at.0),
        "end_to_end_ns": ns(v.end_to_end),
        "checkpointed_bytes": v.sums.checkpointed.0,
        "full_bytes": v.sums.full.0,
        "processed_bytes": v.sums.processed.0,
        "persisted_bytes": v.sums.persisted.0,
        "summary": summary(v),
        "subtasks": v.subtasks.iter().map(subtask).collect::<Vec<_>>(),
    })
}

fn summary(v: &VertexMeasures) -> Value {
    let of = |of: fn(&SubtaskMeasures) -> Option<u64>| {
        v.summary(of).map(|summary| json!({"min": summary.min, "max": summary.max, "avg": summary.avg}))
    };
    json!({
        "end_to_end_ns": of(|s| ns(s.end_to_end)),
        "checkpointed_bytes": of(|s| Some(s.checkpointed.0)),
        "full_bytes": of(|s| Some(s.full.0)),
        "checkpoint_duration": {"sync_ns": of(|s| ns(s.sync)), "async_ns": of(|s| ns(s.r#async))},
        "alignment": {
            "processed_bytes": of(|s| Some(s.processed.0)),
            "persisted_bytes": of(|s| Some(s.persisted.0)),
            "duration_ns": of(|s| ns(s.alignment)),
        },
        "start_delay_ns": of(|s| ns(s.start_delay)),
    })
}

fn subtask(s: &SubtaskMeasures) -> Value {
    json!({
        "index": s.index,
        "status": if s.ack.is_some() { "completed" } else { "pending_or_failed" },
        "finished": s.finished,
        "ack_timestamp_ns": s.ack.map(|at| at.0),
        "end_to_end_ns": ns(s.end_to_end),
        "checkpointed_bytes": s.checkpointed.0,
        "full_bytes": s.full.0,
        "checkpoint": {"sync_ns": ns(s.sync), "async_ns": ns(s.r#async)},
        "alignment": {
            "processed_bytes": s.processed.0,
            "persisted_bytes": s.persisted.0,
            "duration_ns": ns(s.alignment),
        },
        "start_delay_ns": ns(s.start_delay),
        "unaligned_checkpoint": s.unaligned,
    })
}

/// Task by task, relative to the trigger.
fn tasks(view: &RunView, c: &CheckpointFigures) -> Value {
    let since = |at: Time| (at != Time::NEVER).then(|| at.since(c.triggered).0);
    let told = explain(view.plan, c);
    let task = |id: TaskId| {
        let times = &c.tasks[id.index()];
        json!({
            "task": view.plan.task_name(id),
            "reached_ns": since(times.reached),
            "aligned_ns": since(times.aligned),
            "started_ns": since(times.started),
            "taken_ns": since(times.taken),
            "durable_ns": since(times.durable),
            "acknowledged_ns": since(times.acked),
            "bytes": times.bytes.0,
            "predicted_ns": told.as_ref().and_then(|told| since(told.recurrence.at[id.index()])),
        })
    };
    json!({"id": c.id.0, "tasks": view.plan.task_ids().map(task).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn programs_find_what_people_see() {
        let report = sample::with_view(sample::Size::Small, json);
        assert_eq!(report["digest"].as_str().map(str::len), Some(32));
        assert_eq!(report["figures"]["checkpoints.completed"]["value"], 4);
        assert_eq!(report["checkpoints"][3]["status"], "expired");
        let [failed, passed] = [0, 1].map(|n| &report["checks"][n]);
        assert_eq!((&failed["at_ns"], &passed["at_ns"]), (&json!(4_600_000_000u64), &Value::Null));
        assert_eq!(failed["signature"], "exactly-once/applied twice count");
        let slowest = &report["slowest_completed"];
        assert_eq!(slowest["tasks"].as_array().map(Vec::len), Some(4));
        let all = || report["checkpoints"].as_array().into_iter().flatten();
        let longest = all().filter_map(|c| c["end_to_end_ns"].as_u64()).max();
        assert!(all().any(|c| c["id"] == slowest["id"] && c["end_to_end_ns"].as_u64() == longest));
        let recovery = &report["restarts"][0]["recovery"];
        assert_eq!((&recovery["back_off_ns"], &recovery["catch_up_ns"]), (&json!(50_000_000), &json!(1_300_000_000)));
        assert_eq!((&recovery["lag"], &recovery["slowest"]), (&json!(2100), &json!("sink[0]")));
        let told = &report["checkpoints"][0]["explained"];
        let causes = told["causes_ns"].as_object().expect("explained").values().filter_map(Value::as_u64);
        assert_eq!(Some(causes.sum()), report["checkpoints"][0]["end_to_end_ns"].as_u64());
    }

    #[test]
    fn measures_are_named_and_nested_as_by_flink() {
        let report = sample::with_view(sample::Size::Small, json);
        let checkpoint = &report["checkpoints"][0];
        let join = &checkpoint["tasks"][1];
        assert_eq!((&join["name"], &join["status"]), (&json!("join"), &json!("completed")));
        assert_eq!((&join["num_subtasks"], &checkpoint["num_acknowledged_subtasks"]), (&json!(2), &json!(4)));
        let ends = |vertex: &Value| {
            vertex["subtasks"].as_array().into_iter().flatten().map(|s| s["end_to_end_ns"].as_u64()).max()
        };
        assert_eq!(ends(join).flatten(), join["summary"]["end_to_end_ns"]["max"].as_u64());
        assert_eq!(ends(join).flatten(), join["end_to_end_ns"].as_u64());
        let subtask = &join["subtasks"][1];
        for number in [
            &subtask["start_delay_ns"],
            &subtask["alignment"]["duration_ns"],
            &subtask["alignment"]["processed_bytes"],
            &subtask["alignment"]["persisted_bytes"],
            &subtask["checkpoint"]["sync_ns"],
            &subtask["checkpoint"]["async_ns"],
            &subtask["checkpointed_bytes"],
            &subtask["full_bytes"],
        ] {
            assert!(number.is_u64(), "{subtask:#}");
        }
        let failed = &report["checkpoints"][3];
        assert_eq!((&failed["status"], &failed["tasks"][2]["status"]), (&json!("expired"), &json!("failed")));
        assert_eq!(failed["tasks"][2]["subtasks"][0]["status"], "pending_or_failed");
    }
}
