//! How long a checkpoint of a job may have to wait at worst, and what follows for one that is not given so long.
//!
//! A barrier waits behind data, and at worst behind all there are. A checkpoint that is given up before it can be through
//! must not fail the job: the next one would not fare better, and the job would go back to its beginning for ever.

use crate::base::Span;
use crate::scenario::{Edge, Operator, OverTime, Partitioner, Scenario, Window, WindowShape};

/// More failures in a row than a run has time for.
pub(in crate::scenario::generate) const MANY: u32 = 1000;

/// The same scenario, in which checkpoints may fail if they are not given the time they may need.
pub(super) fn with_time_to_finish(mut scenario: Scenario) -> Scenario {
    if scenario.checkpoints.timeout < Span(longest(&scenario).0.saturating_mul(2)) {
        scenario.checkpoints.tolerable_failures = MANY;
    }
    scenario
}

/// All the work that all the data make if nothing is done beside anything else, and a snapshot of every task.
fn longest(scenario: &Scenario) -> Span {
    let operators = &scenario.job.operators;
    let mut records: Vec<u64> = Vec::with_capacity(operators.len());
    let mut nanos = 0_u64;
    for (at, operator) in operators.iter().enumerate() {
        let inputs = scenario.job.edges.iter().filter(|edge| edge.to == operator.id && !edge.feedback);
        let before = |edge: &&Edge| operators[..at].iter().position(|sender| sender.id == edge.from);
        let mut read = operator.source.as_ref().and_then(|source| source.records).unwrap_or(0);
        for edge in inputs {
            let Some(from) = before(&edge) else { continue };
            let copies = if edge.by == Partitioner::Broadcast { u64::from(operator.parallelism) } else { 1 };
            let sent = records[from] * u64::from(operators[from].selectivity.outputs) * copies;
            let sent = sent.div_ceil(u64::from(operators[from].selectivity.inputs));
            let sent = sent.saturating_mul(multiplied(&operators[from], records[from]));
            nanos = nanos.saturating_add(sent.saturating_mul(on_its_way(scenario, &operators[from])));
            read = read.saturating_add(sent);
        }
        records.push(read);
        nanos =
            nanos.saturating_add(read.saturating_mul(operator.service.0)).saturating_add(snapshots(scenario, operator));
    }
    Span(nanos)
}

/// How many records may come of one at worst, beside what the selectivity says.
fn multiplied(operator: &Operator, records: u64) -> u64 {
    match operator.over_time {
        None | Some(OverTime::After(_)) => 1,
        Some(OverTime::Window(Window { shape: WindowShape::Sliding { size, slide }, .. })) => size.0.div_ceil(slide.0),
        Some(OverTime::Window(_)) => 1,
        Some(OverTime::Pairs(_) | OverTime::Interval { .. }) => records,
    }
}

/// From one task to the next, for a record alone: each of its buffers goes there, and the credit for the next comes back.
fn on_its_way(scenario: &Scenario, sender: &Operator) -> u64 {
    let network = &scenario.network;
    let bytes = sender.output_size.map_or(300, |bytes| bytes.0.max(1));
    let buffer = network.debloat.map_or(network.segment.0, |debloat| debloat.min.0).clamp(1, network.segment.0.max(1));
    let wire = match network.bandwidth.0 {
        0 => 0,
        rate => bytes * 1_000_000_000 / rate,
    };
    bytes.div_ceil(buffer) * 2 * network.latency.0 + wire + network.buffer_timeout.map_or(0, |span| span.0)
}

fn snapshots(scenario: &Scenario, operator: &Operator) -> u64 {
    let bytes = operator.state.base.0 + 200 * (operator.state.per_key.0 + operator.state.per_record.0);
    let upload = match scenario.storage.bandwidth.0 {
        0 => 0,
        rate => bytes * 1_000_000_000 / rate,
    };
    let once = operator.snapshot.sync.0 + operator.snapshot.r#async.map_or(upload, |span| span.0);
    u64::from(operator.parallelism) * (once + scenario.storage.latency.0 + scenario.network.rpc.0)
}
