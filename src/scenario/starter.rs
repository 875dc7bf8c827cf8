//! The scenario that `cutline new` writes.

use serde_json::json;

/// A scenario to start from: a small job, a crash in the middle of it, and what should come out. It explains
/// itself in its `why` fields.
///
/// ```
/// let text = cutline::scenario::starter("first-steps");
/// let scenario = cutline::scenario::parse(&text, "first-steps.json").unwrap();
/// assert_eq!(scenario.name, "first-steps");
/// ```
pub fn starter(name: &str) -> String {
    STARTER.replacen("\"NAME\"", &json!(name).to_string(), 1)
}

const STARTER: &str = r#"{
  "cutline": 1,
  "name": "NAME",
  "why": "A counting job loses a task between two checkpoints, and still counts every record exactly once.",

  "job": {
    "why": "source -> count -> sink. The edge into count is partitioned by key, so each barrier must align there.",
    "operators": [
      {"id": "source", "kind": "source", "parallelism": 2, "records": 20000, "rate": "10k/s", "keys": 500,
        "why": "Two seconds of data from a log that can be read again: what makes replay possible."},
      {"id": "count", "kind": "count", "parallelism": 2, "service": "20us",
        "why": "One number per key: the state that checkpoints are there to protect."},
      {"id": "sink", "kind": "sink", "output": "two-phase",
        "why": "Output is seen only when its checkpoint completes. Try \"plain\" and watch it come out twice."}
    ],
    "edges": [
      {"from": "source", "to": "count", "by": "hash"},
      {"from": "count", "to": "sink", "by": "rebalance"}
    ]
  },

  "cluster": {
    "task_managers": 2,
    "placement": "spread",
    "why": "Half of the channels cross the network, where barriers wait behind data."
  },

  "checkpoints": {
    "protocol": "aligned",
    "interval": "500ms",
    "first": "500ms",
    "timeout": "10s",
    "why": "What is replayed after a crash is at most an interval's worth, plus the time a checkpoint takes."
  },

  "restart": {
    "delay": "200ms",
    "why": "Until then the failed job does nothing; records pile up in the log."
  },

  "faults": [
    {"at": "1.2s", "fail": "count[1]",
      "why": "Between the second checkpoint and the third. Try {\"event\": \"barrier-received\"} as \"when\", instead."}
  ],

  "run": {
    "seed": 1,
    "limit": "10s",
    "why": "The same seed gives the same run, to the last record. Other seeds shift what was left to chance."
  },

  "expect": {
    "verdict": "PASS",
    "happens": [
      {"event": "checkpoint-completed", "nth": 2},
      {"event": "job-restarting"}
    ],
    "why": "Nothing lost, nothing doubled; and the crash did strike, or the run has shown nothing."
  }
}
"#;
