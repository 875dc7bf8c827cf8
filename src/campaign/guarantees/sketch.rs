//! The one job that all cells of the matrix are made of, as a person would write it down.
//!
//! Two sources, a keyed count, a sink; every edge is an exchange, half of which crosses the network, so that a barrier from
//! the other task manager comes 5ms after that of the own one. What a cell runs and what is kept of it in a file are the
//! same text.

use super::{Cell, SourceKind};
use crate::base::{Concern, Draws, below};
use crate::scenario::SinkMode;

/// A run of a cell: its seed, what fails in it, and what it is to come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    pub seed: u64,
    pub crashes: Vec<Crash>,
    pub why: String,
    /// Figures with their values.
    pub figures: Vec<(&'static str, u64)>,
}

/// A task fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crash {
    when: When,
    /// Such as `count[1]`.
    of: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum When {
    /// In tenths of milliseconds.
    At(u64),
    /// Right after the n-th event of a kind.
    After(&'static str, u64),
}

/// Moments of a checkpoint, or of a task's own snapshot; the one that is shortest, until sinks hear that it is complete,
/// twice.
const MOMENTS: &[&str] = &[
    "snapshot-taken",
    "snapshot-durable",
    "barrier-received",
    "complete-received",
    "checkpoint-completed",
    "checkpoint-completed",
];

/// Every so many seeds nothing fails.
pub(super) const CALM: u64 = 8;

/// The job is done after so many tenths of milliseconds, if nothing fails.
const LENGTH: u64 = 1000;

impl Sketch {
    /// The run of a seed: nothing fails, or one or two tasks do, at any instant or in the middle of a checkpoint.
    pub fn of_seed(cell: &Cell, seed: u64) -> Self {
        let mut draws = Draws::new(seed, Concern::Generator, 1 << 32);
        let mut draw = (0..).map(|index| draws.at(index));
        let mut roll = |n: u64| below(draw.next().expect("there is always one more"), n);
        let crashes = if seed.is_multiple_of(CALM) { 0 } else { 1 + roll(2) };
        let mut crash = || {
            let tasks = cell.operators();
            let (operator, subtask) = (tasks[roll(tasks.len() as u64) as usize], roll(2));
            let when = match roll(2) {
                0 => When::At(10 + roll(LENGTH)),
                _ => When::After(MOMENTS[roll(MOMENTS.len() as u64) as usize], 1 + roll(10)),
            };
            Crash { when, of: format!("{operator}[{subtask}]") }
        };
        Self { seed, crashes: (0..crashes).map(|_| crash()).collect(), ..Self::default() }
    }

    /// As a file.
    pub fn text(&self, cell: &Cell) -> String {
        let Self { seed, crashes, why, figures } = self;
        let mut text = format!("{{\n  \"cutline\": 1,\n  \"why\": {},\n\n", quoted(why));
        text += &cell.job();
        text += &format!(
            r#"
  "cluster": {{"task_managers": 2, "placement": "spread"{}}},
  "network": {{"latency": "5ms", "buffer_timeout": "1ms",
    "why": "A barrier from the other task manager comes 5ms after that of the own one."}},
  "checkpoints": {{"protocol": {}, "interval": "20ms", "first": "20ms"}},
  "restart": {{"delay": {}}},
"#,
            cell.failover(),
            cell.protocol_json(),
            cell.outage(),
        );
        let crashes: Vec<String> = crashes.iter().map(|crash| format!("    {}", crash.json())).collect();
        if !crashes.is_empty() {
            text += &format!("\n  \"faults\": [\n{}\n  ],\n", crashes.join(",\n"));
        }
        text += &format!("\n  \"run\": {{\"seed\": {seed}}}");
        if !figures.is_empty() {
            let bounds: Vec<String> = figures.iter().map(|(name, n)| bound(name, *n)).collect();
            let event = if self.crashes.is_empty() { "transaction-aborted" } else { "job-restarting" };
            let happens = format!("\"happens\": [{{\"event\": \"{event}\"}}]");
            text += &format!(
                ",\n\n  \"expect\": {{\n    \"figures\": {{\n{}\n    }},\n    {happens}\n  }}",
                bounds.join(",\n")
            );
        }
        text + "\n}\n"
    }
}

/// A figure with its value, and where that comes from.
fn bound(name: &str, value: u64) -> String {
    let why = match name {
        _ if value == 0 => return format!("      \"{name}\": {{\"min\": 0, \"max\": 0}}"),
        "state.doubled" => "What was in a snapshot and read again all the same; it counts in each operator behind it.",
        "state.lost" => "What the source had read since the checkpoint; it is missing in each operator behind it.",
        "output.doubled" => "What had been seen and was written again.",
        _ => "What was never seen, or not again.",
    };
    format!("      \"{name}\": {{\"min\": {value}, \"max\": {value},\n        \"why\": {}}}", quoted(why))
}

impl Crash {
    fn json(&self) -> String {
        let of = &self.of;
        match self.when {
            When::At(tenths) => format!(r#"{{"at": "{}.{}ms", "fail": "{of}"}}"#, tenths / 10, tenths % 10),
            When::After(event, 1) => format!(r#"{{"when": {{"event": "{event}"}}, "fail": "{of}"}}"#),
            When::After(event, nth) => {
                format!(r#"{{"when": {{"event": "{event}", "nth": {nth}}}, "fail": "{of}"}}"#)
            }
        }
    }
}

impl Cell {
    /// Whose subtasks may fail.
    fn operators(&self) -> &'static [&'static str] {
        match self.sink {
            SinkMode::Offsets => &["source", "sink"],
            SinkMode::Committables => &["source", "count", "sink", "committer"],
            _ => &["source", "count", "sink"],
        }
    }

    fn job(&self) -> String {
        let mut operators = vec![format!(
            r#"{{"id": "source", "kind": "source", "parallelism": 2, "records": 400, "service": "500us"{}}}"#,
            match self.source {
                SourceKind::Replayable | SourceKind::Expiring => "",
                SourceKind::Splits => r#", "partitions": 8, "assignment": "dynamic""#,
                SourceKind::Once => r#", "replayable": false"#,
            }
        )];
        let mut edges = Vec::new();
        if self.sink == SinkMode::Offsets {
            edges.push(r#"{"from": "source", "to": "sink", "chained": true}"#);
        } else {
            operators.push(r#"{"id": "count", "kind": "count", "parallelism": 2}"#.into());
            edges.push(r#"{"from": "source", "to": "count", "by": "hash"}"#);
            edges.push(r#"{"from": "count", "to": "sink", "by": "rebalance"}"#);
        }
        let timeout = if self.source == SourceKind::Expiring { r#", "transaction_timeout": "60ms""# } else { "" };
        let output = self.sink_name();
        operators.push(format!(r#"{{"id": "sink", "kind": "sink", "parallelism": 2, "output": "{output}"{timeout}}}"#));
        if self.sink == SinkMode::Committables {
            operators.push(r#"{"id": "committer", "kind": "committer", "parallelism": 2}"#.into());
            edges.push(r#"{"from": "sink", "to": "committer", "by": "rebalance"}"#);
        }
        let (operators, edges) = (operators.join(",\n      "), edges.join(",\n      "));
        format!(
            "  \"job\": {{\n    \"operators\": [\n      {operators}\n    ],\n    \"edges\": [\n      {edges}\n    ]\n  }},\n"
        )
    }

    fn protocol_json(&self) -> String {
        let name = &self.protocol.protocol;
        let parameters = &self.protocol.parameters;
        let parameters: String =
            parameters.iter().map(|p| format!(", {}: {}", quoted(&p.name), quoted(&p.value))).collect();
        match parameters.is_empty() {
            true => quoted(name),
            false => format!("{{\"name\": {}{parameters}}}", quoted(name)),
        }
    }

    /// What restarts with a failed task. Two regions would keep each other from ever getting on: while one is down, no
    /// checkpoint completes, and the other's transaction gets too old.
    fn failover(&self) -> &'static str {
        match (self.source, self.sink) {
            (SourceKind::Expiring, SinkMode::Offsets) => r#", "failover": "full""#,
            _ => "",
        }
    }

    /// From a failure to the restart.
    fn outage(&self) -> &'static str {
        match self.source {
            SourceKind::Expiring => r#""100ms", "why": "Longer than a transaction may be open.""#,
            _ => r#""10ms""#,
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
