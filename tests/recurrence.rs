//! Law: where nothing but snapshots takes time, the simulated instant at which a task ends its part of an
//! aligned checkpoint is the one that the recurrence of the textbook gives, to the nanosecond.
//!
//! T(n,i) = max over upstream j of T(n,j) + t(i), with T(n,i) = trigger + t(i) at sources. It holds when the
//! barrier leaves after the task's own snapshot, nothing on the way takes time (wires, messages, metadata), no
//! record is in service, storage is not shared and no earlier checkpoint is pending. The last tests show what
//! happens where one of these does not hold.

mod support;

use cutline::base::{Bytes, CheckpointId, Concern, Draws, Place, Rate, Span, TaskId, Time, below};
use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::model::completion;
use cutline::plan::Plan;
use cutline::scenario::{
    BarrierOrder, Edge, Limits, Partitioner, Ratio, Scenario, Shared, SourceEnd, StateSize, generate,
};
use cutline::trace::{AbortReason, Event, Stamped};
use cutline::world::Job;
use proptest::prelude::*;
use std::sync::Arc;
use support::{SMALL, cases, compile, parse, run};

/// What the trace of a run says of one checkpoint.
struct Seen {
    id: CheckpointId,
    triggered: Time,
    completed: Time,
    /// By task: the synchronous part ended; the coordinator had the acknowledgement.
    taken: Vec<Time>,
    acked: Vec<Time>,
    /// By task and position in its chain: records applied when the state was captured.
    applied: Vec<Vec<u64>>,
}

/// The checkpoints of a run in which every task has a part. All must have completed, except what tasks were asked for
/// that ended with an older one.
fn checkpoints(plan: &Plan, trace: &[Stamped]) -> Vec<Seen> {
    let (mut seen, mut some_ended): (Vec<Seen>, _) = (Vec::new(), false);
    let tasks = plan.tasks.len();
    for Stamped { at, event } in trace {
        some_ended |= matches!(event, Event::TaskFinished { .. });
        if let (false, Event::CheckpointTriggered { checkpoint, .. }) = (some_ended, *event) {
            let (taken, acked) = (vec![Time::NEVER; tasks], vec![Time::NEVER; tasks]);
            let applied = vec![Vec::new(); tasks];
            seen.push(Seen { id: checkpoint, triggered: *at, completed: Time::NEVER, taken, acked, applied });
        }
        let Some(current) = event.checkpoint().and_then(|id| seen.iter_mut().find(|seen| seen.id == id)) else {
            continue;
        };
        match *event {
            Event::CutState { task, applied, .. } => current.applied[task.index()].push(applied),
            Event::SnapshotTaken { task, .. } => current.taken[task.index()] = *at,
            Event::AckReceived { task, .. } => current.acked[task.index()] = *at,
            Event::CheckpointCompleted { .. } => current.completed = *at,
            Event::CheckpointAborted { reason, .. } => {
                assert_eq!(reason, AbortReason::NotRunning, "nothing else goes wrong in these jobs");
                let gone = current.id;
                seen.retain(|checkpoint| checkpoint.id != gone);
            }
            _ => {}
        }
    }
    let complete = seen.iter().filter(|checkpoint| checkpoint.completed != Time::NEVER).count();
    assert!(
        seen[..complete].iter().all(|checkpoint| checkpoint.completed != Time::NEVER),
        "only those after the last complete one may be cut short by the end of the job"
    );
    seen.truncate(complete);
    seen
}

/// t(i), from what the scenario says and how many records the state holds.
fn cost(job: &Job, task: TaskId, applied: &[u64]) -> Span {
    let specs = job.plan.tasks[task.index()].chain.iter().map(|op| &job.scenario.job.operators[op.index()]);
    let (mut fixed, mut bytes, mut upload) = (Span::ZERO, 0, false);
    for (spec, applied) in specs.zip(applied) {
        assert_eq!(spec.state.per_key, Bytes(0), "the number of keys is not in the trace");
        bytes += spec.state.base.0 + spec.state.per_record.0 * applied;
        fixed += spec.snapshot.sync + spec.snapshot.r#async.unwrap_or_default();
        upload |= spec.snapshot.r#async.is_none();
    }
    let storage = &job.scenario.storage;
    if upload { fixed + storage.latency + storage.bandwidth.time_for(bytes) } else { fixed }
}

/// Runs a job in which nothing but snapshots takes time and holds every checkpoint to the recurrence; how many.
fn hold(job: &Arc<Job>, seed: u64) -> Result<usize, TestCaseError> {
    let (outcome, runner) = run(job, seed, Want { trace: true, ..Want::default() });
    prop_assert!(outcome.verdict == Verdict::Pass, "{:?}", outcome.verdict);
    let seen = checkpoints(&job.plan, runner.trace());
    for checkpoint in &seen {
        let cost: Vec<Span> =
            job.plan.task_ids().map(|task| cost(job, task, &checkpoint.applied[task.index()])).collect();
        let model = completion(&job.plan, checkpoint.triggered, &cost);
        for task in job.plan.task_ids() {
            let (name, t) = (job.plan.task_name(task), task.index());
            prop_assert_eq!(checkpoint.taken[t], model.at[t], "{} of {:?}: snapshot", &name, checkpoint.id);
            prop_assert_eq!(checkpoint.acked[t], model.at[t], "{} of {:?}: acknowledgement", &name, checkpoint.id);
        }
        prop_assert_eq!(checkpoint.completed, model.total, "{:?} is complete with its last task", checkpoint.id);
        let figures = runner.figures().and_then(|figures| figures.checkpoint(checkpoint.id)).expect("it was triggered");
        prop_assert_eq!(figures.end_to_end(), Some(model.total.since(checkpoint.triggered)));
    }
    Ok(seen.len())
}

/// A random job in which nothing but snapshots takes time.
fn quiet_job(seed: u64, limits: &Limits, sources: usize) -> Scenario {
    let mut scenario = generate(seed, limits, "aligned");
    scenario.checkpoints.prepare = Span::ZERO;
    scenario.network.debloat = None;
    let mut draws = Draws::new(seed, Concern::Generator, 1);
    let mut next = 0;
    let mut roll = |n: u64| {
        next += 1;
        below(draws.at(next), n)
    };
    if roll(2) == 0 {
        even_out(&mut scenario);
    }
    add_sources(&mut scenario, sources, &mut roll);
    if limits.chains {
        chain_some(&mut scenario, &mut roll);
    }
    let has_records = limits.records > 0;
    for operator in &mut scenario.job.operators {
        // A thousand nanoseconds more or less make ties; odd ones would show any rounding.
        let mut some = |zero: u64| Span(if roll(100) < zero { 0 } else { [1, 1_000_000][roll(2) as usize] * roll(20) });
        operator.snapshot.sync = some(30);
        operator.snapshot.r#async = (some(50) > Span::ZERO).then(|| some(30));
        operator.state = StateSize { base: Bytes(roll(100_000)), per_key: Bytes(0), per_record: Bytes(roll(50)) };
        if let Some(source) = &mut operator.source {
            (source.records, source.rate, source.burst) = (Some(roll(u64::from(limits.records) + 1)), None, None);
            source.end = if roll(2) == 0 { SourceEnd::Finishes } else { SourceEnd::Idles };
        } else if operator.kind != "sink" {
            // Broadcasts on many ways would make very many records.
            (operator.kind, operator.selectivity) = ("filter".into(), Ratio { outputs: 1, inputs: 4 });
        }
    }
    let network = &mut scenario.network;
    (network.latency, network.rpc, network.bandwidth) = (Span::ZERO, Span::ZERO, Rate(0));
    network.buffer_timeout = Some([Span::ZERO, Span::from_micros(300), Span::from_millis(100)][roll(3) as usize]);
    (scenario.storage.metadata, scenario.storage.shared) = (Span::ZERO, Shared::Task);
    scenario.faults.clear();
    let interval = [Span::from_millis(1), Span::from_millis(30), Span::from_secs(1)][roll(3) as usize];
    let checkpoints = &mut scenario.checkpoints;
    checkpoints.order = BarrierOrder::SnapshotThenEmit;
    (checkpoints.interval, checkpoints.max_concurrent) = (Some(interval), 1);
    checkpoints.timeout = Span::from_secs(3600);
    // Records are long gone when the first barrier leaves.
    let start = if has_records { Span::from_secs(100) } else { Span(roll(interval.0)) };
    checkpoints.first = Some(start);
    scenario.run.limit = start + interval * (1 + roll(4));
    scenario
}

/// As many subtasks of every operator, so that more edges are forward ones and more can be chained.
fn even_out(scenario: &mut Scenario) {
    let parallelism = scenario.job.operators[0].parallelism;
    for operator in &mut scenario.job.operators {
        operator.parallelism = parallelism;
        if let Some(source) = &mut operator.source {
            source.partitions = source.partitions.max(parallelism);
        }
    }
}

/// More sources, each read by some operator beside what it reads already.
fn add_sources(scenario: &mut Scenario, sources: usize, roll: &mut impl FnMut(u64) -> u64) {
    let job = &mut scenario.job;
    let readers: Vec<usize> = (0..job.operators.len()).filter(|op| job.operators[*op].source.is_none()).collect();
    let template = job.operators.iter().find(|op| op.source.is_some()).expect("every job has a source").clone();
    for n in 0..sources {
        let id = format!("extra{n}");
        let reader = &job.operators[readers[roll(readers.len() as u64) as usize]];
        let same = reader.parallelism == template.parallelism;
        let by = match roll(5) {
            0 if same => Partitioner::Forward,
            0 | 1 => Partitioner::Rescale,
            2 => Partitioner::Broadcast,
            3 => Partitioner::Global,
            _ => Partitioner::Hash,
        };
        let to = reader.id.clone();
        job.edges.iter_mut().filter(|edge| edge.to == to).for_each(|edge| edge.chained = false);
        job.edges.push(Edge {
            from: id.clone(),
            to,
            by,
            chained: false,
            feedback: false,
            overtaking: true,
            place: Place::default(),
        });
        job.operators.push(cutline::scenario::Operator { id, ..template.clone() });
    }
}

/// Chains some of the edges that can be: the only output of their sender, the only input of their receiver.
fn chain_some(scenario: &mut Scenario, roll: &mut impl FnMut(u64) -> u64) {
    let job = &mut scenario.job;
    let width = |id: &str| job.operators.iter().find(|op| op.id == id).map(|op| op.parallelism);
    let ends: Vec<(String, String)> = job.edges.iter().map(|edge| (edge.from.clone(), edge.to.clone())).collect();
    for edge in &mut job.edges {
        let alone = ends.iter().filter(|(from, to)| *from == edge.from || *to == edge.to).count() == 1;
        if alone && width(&edge.from) == width(&edge.to) && roll(2) == 0 {
            (edge.by, edge.chained) = (Partitioner::Forward, true);
        }
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let records = prop_oneof![Just(0u32), 1..20u32];
    (0..12u32, 1..5u32, records, any::<bool>()).prop_map(|(operators, parallelism, records, chains)| Limits {
        operators,
        parallelism,
        records,
        faults: 0,
        wild: 0,
        lossy: false,
        cycles: false,
        concurrent: true,
        chains,
        any_edge: true,
        mixed: true,
        requests: false,
        outside: false,
        parameter: None,
        splits: false,
        coordinated: true,
        event_time: false,
        backends: false,
        over_time: false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(3000), ..ProptestConfig::default() })]

    #[test]
    fn a_checkpoint_ends_when_the_recurrence_says(seed in any::<u64>(), limits in limits(), sources in 0..4usize) {
        let job = compile(quiet_job(seed, &limits, sources));
        prop_assert!(hold(&job, seed)? > 0, "a job without a checkpoint shows nothing");
    }
}

/// What the random jobs are like: the law would mean little if they were all alike.
#[test]
fn random_jobs_cover_what_the_law_is_about() {
    let limits =
        Limits { operators: 11, parallelism: 4, records: 10, faults: 0, over_time: false, backends: false, ..SMALL };
    let jobs: Vec<_> = (0..200).map(|seed| compile(quiet_job(seed, &limits, (seed % 4) as usize))).collect();
    let count = |what: &dyn Fn(&Job) -> bool| jobs.iter().filter(|job| what(job)).count();
    let by = |by| count(&|job| job.plan.edges.iter().any(|edge| edge.by == by));
    use Partitioner::*;
    for partitioner in [Forward, Rebalance, Rescale, Hash, Broadcast, Global] {
        assert!(by(partitioner) > 20, "{partitioner:?}: {}", by(partitioner));
    }
    let chains = |of: usize| count(&|job| job.plan.tasks.iter().any(|task| task.chain.len() >= of));
    assert!(chains(2) > 50 && chains(3) > 1, "chains: {} of 2, {} of 3", chains(2), chains(3));
    assert!(count(&|job| job.plan.channels.iter().any(|channel| !channel.local)) > 50, "remote channels");
    assert!(count(&|job| job.plan.channels.iter().any(|channel| channel.local)) > 50, "local channels");
    assert!(count(&|job| job.plan.tasks.len() > 30) > 20, "large jobs");
    let small = Limits { operators: 0, parallelism: 1, ..limits };
    assert!((0..50).any(|seed| compile(quiet_job(seed, &small, 0)).plan.tasks.len() <= 2), "tiny jobs");
}

/// A and B are sources, C reads both, D reads B; nothing but their snapshots, in milliseconds, takes time.
fn textbook(order: &str, [a, b, c, d]: [u64; 4]) -> Arc<Job> {
    parse(&format!(
        r#"{{"cutline": 1,
        "job": {{
            "operators": [
                {{"id": "A", "kind": "source", "end": "idles", "records": 0, "snapshot": {{"sync": "{a}ms", "async": "0s"}}}},
                {{"id": "B", "kind": "source", "end": "idles", "records": 0, "snapshot": {{"sync": "0s", "async": "{b}ms"}}}},
                {{"id": "C", "kind": "sink", "snapshot": {{"sync": "{c}ms", "async": "0s"}}}},
                {{"id": "D", "kind": "sink", "snapshot": {{"sync": "1ms", "async": "{d}ms"}}}}],
            "edges": [{{"from": "A", "to": "C"}}, {{"from": "B", "to": "C"}}, {{"from": "B", "to": "D"}}]}},
        "network": {{"latency": "0s", "rpc": "0s", "bandwidth": "unlimited"}},
        "storage": {{"metadata": "0s"}},
        "checkpoints": {{"interval": "1s", "first": "1s", "order": "{order}"}},
        "run": {{"limit": "1500ms"}}}}"#
    ))
}

/// When A, B, C and D had ended their part of the first checkpoint, in milliseconds after the trigger.
fn ends(job: &Arc<Job>) -> [u64; 4] {
    let (outcome, runner) = run(job, 1, Want { trace: true, ..Want::default() });
    assert_eq!(outcome.verdict, Verdict::Pass);
    let first = &checkpoints(&job.plan, runner.trace())[0];
    ["A", "B", "C", "D"].map(|name| {
        let task = job.plan.task_named(name, 0).expect("it is an operator");
        first.acked[task.index()].since(first.triggered).0 / 1_000_000
    })
}

#[test]
fn the_textbook_example_ends_with_whoever_is_slower() {
    // t(D) is one more than it says: its synchronous part.
    let d_is_last = textbook("snapshot-then-emit", [5, 5, 3, 3]);
    assert_eq!(ends(&d_is_last), [5, 5, 8, 9]);
    let c_is_last = textbook("snapshot-then-emit", [5, 5, 4, 2]);
    assert_eq!(ends(&c_is_last), [5, 5, 9, 8]);
    // C waits for the slower of its sources, D only for its own.
    let a_is_slow = textbook("snapshot-then-emit", [50, 5, 3, 3]);
    assert_eq!(ends(&a_is_slow), [50, 5, 53, 9]);
    for job in [d_is_last, c_is_last, a_is_slow] {
        hold(&job, 1).expect("the law holds for the textbook's own example");
    }
}

/// Where the law ends: a barrier that leaves before the snapshot does not wait for it, so all snapshots
/// overlap and the time is that of the slowest task, not of the longest path.
#[test]
fn a_barrier_that_leaves_first_does_not_wait_for_upstream_snapshots() {
    assert_eq!(ends(&textbook("emit-then-snapshot", [5, 5, 3, 3])), [5, 5, 3, 4]);
    assert_eq!(ends(&textbook("emit-then-snapshot", [600, 5, 3, 3])), [600, 5, 3, 4]);
    assert_eq!(ends(&textbook("snapshot-then-emit", [600, 5, 3, 3])), [600, 5, 603, 9]);
}

/// A source with a record every second, a map that takes `service` for it, and snapshots of 10ms.
fn line(service: &str, first: &str, network: &str, storage: &str) -> Arc<Job> {
    parse(&format!(
        r#"{{"cutline": 1,
        "job": {{
            "operators": [
                {{"id": "A", "kind": "source", "rate": "1/s", "service": "1ns", "snapshot": {{"async": "10ms"}}}},
                {{"id": "B", "kind": "map", "service": "{service}", "snapshot": {{"async": "10ms"}}}},
                {{"id": "C", "kind": "sink", "service": "1ns", "state": {{"size": "10MB"}}}},
                {{"id": "D", "kind": "sink", "service": "1ns", "state": {{"size": "10MB"}}}}],
            "edges": [{{"from": "A", "to": "B"}}, {{"from": "B", "to": "C"}}, {{"from": "B", "to": "D"}}]}},
        "network": {{"latency": "0s", "rpc": "0s", "bandwidth": "unlimited", "buffer_timeout": "0s"{network}}},
        "storage": {{"metadata": "0s", "latency": "0s", "bandwidth": "1GB/s"{storage}}},
        "checkpoints": {{"interval": "10s", "first": "{first}", "order": "snapshot-then-emit"}},
        "run": {{"limit": "5s"}}}}"#
    ))
}

/// Where the law ends: a record in service is finished first.
#[test]
fn a_record_in_service_delays_what_comes_after_it() {
    // The record of 2s is in the map from 2s + 1ns on; the barrier leaves the source at 2.11s.
    assert_eq!(ends(&line("1ms", "2100ms", "", r#", "shared": "task""#)), [10, 20, 30, 30]);
    assert_eq!(ends(&line("300ms", "2100ms", "", r#", "shared": "task""#)), [10, 210, 220, 220]);
}

/// Where the law ends: uploads at the same time share what bandwidth there is.
#[test]
fn shared_storage_delays_both_who_share_it() {
    assert_eq!(ends(&line("1ms", "2100ms", "", r#", "shared": "cluster""#)), [10, 20, 40, 40]);
}

/// Where the law ends: every message on the way takes its time.
#[test]
fn messages_add_their_latency() {
    // The trigger and the acknowledgement take 7ms each: every instant is two of them later.
    let slow = line("1ms", "2100ms", "", r#", "shared": "task""#);
    let mut scenario = slow.scenario.clone();
    scenario.network.rpc = Span::from_millis(7);
    assert_eq!(ends(&compile(scenario)), [24, 34, 44, 44]);
}
