//! The jobs that are measured, as scenarios.

use cutline::world::Job;
use std::sync::Arc;

/// Distinct keys of the counting job.
pub const KEYS: u32 = 10_000;
/// Bytes of a record of the counting job.
pub const RECORD_BYTES: u32 = 100;

/// Source, hash exchange, keyed count, sink; all channels local, so that nothing but the job is measured.
#[derive(Clone, Copy)]
pub struct Pipeline {
    pub parallelism: u32,
    /// Service time of every operator.
    pub service: &'static str,
    pub records: u64,
    /// From trigger to trigger: some five checkpoints in a run.
    pub interval: &'static str,
}

impl Pipeline {
    pub fn compile(&self) -> Arc<Job> {
        let Self { parallelism, service, records, interval } = *self;
        compile(&format!(
            r#"{{
  "cutline": 1,
  "job": {{
    "operators": [
      {{"id": "source", "kind": "source", "parallelism": {parallelism}, "service": "{service}",
        "records": {records}, "keys": {KEYS}, "size": "{RECORD_BYTES}B",
        "snapshot": {{"sync": "50us", "async": "2ms"}}}},
      {{"id": "count", "kind": "count", "parallelism": {parallelism}, "service": "{service}",
        "snapshot": {{"sync": "100us", "async": "3ms"}}}},
      {{"id": "sink", "kind": "sink", "parallelism": {parallelism}, "service": "{service}",
        "snapshot": {{"sync": "20us", "async": "1ms"}}}}
    ],
    "edges": [{{"from": "source", "to": "count", "by": "hash"}}, {{"from": "count", "to": "sink", "by": "forward"}}]
  }},
  "checkpoints": {{"protocol": "aligned", "interval": "{interval}", "first": "{interval}"}},
  "run": {{"limit": "10h"}}
}}"#
        ))
    }
}

/// Six tasks, a hundred records, three checkpoints and a crash in the middle.
pub fn small_fault_run() -> Arc<Job> {
    compile(
        r#"{
  "cutline": 1,
  "job": {
    "operators": [
      {"id": "source", "kind": "source", "parallelism": 2, "service": "1ms", "records": 100, "keys": 20},
      {"id": "count", "kind": "count", "parallelism": 2, "service": "100us"},
      {"id": "sink", "kind": "sink", "parallelism": 2, "service": "100us"}
    ],
    "edges": [{"from": "source", "to": "count", "by": "hash"}, {"from": "count", "to": "sink", "by": "hash"}]
  },
  "cluster": {"task_managers": 2, "placement": "spread"},
  "checkpoints": {"protocol": "aligned", "interval": "20ms", "first": "10ms"},
  "restart": {"delay": "10ms"},
  "faults": [{"at": "27ms", "fail": "count[1]"}],
  "expect": {"happens": [{"event": "checkpoint-completed", "nth": 3}, {"event": "job-restarting"}]}
}"#,
    )
}

fn compile(text: &str) -> Arc<Job> {
    let scenario = cutline::scenario::parse(text, "bench.json").expect("the scenario is valid");
    Arc::new(Job::compile(scenario).expect("the job compiles"))
}
