//! Random scenarios that are always valid: what property tests and campaigns feed on.
//!
//! Every draw is addressed, so a scenario is a function of its seed and its [`Limits`], and a smaller limit
//! gives a smaller scenario of the same kind.

mod outside;
mod panes;
mod patience;
mod phases;
mod splits;
mod state;
mod times;
mod wild;

pub use phases::generate_phases;

use super::{
    Assignment, Backend, Backoff, BarrierOrder, BlockedRule, Checkpoints, Cluster, Debloat, Edge, Effect, Expect,
    External, Failover, Fault, Job, Keys, Network, Operator, Parameter, Partitioner, Placement, Ratio, Request,
    Restart, RunFor, Scenario, Shared, SinkMode, Skew, SnapshotCost, Source, SourceEnd, StateSize, Storage,
    SubtaskName, Take, Transactions, When,
};
use crate::base::{Burst, Bytes, Concern, Draws, Place, Rate, Span, below};
use crate::trace::{EventKind, Predicate};

/// How large and how wild a generated scenario may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operators between sources and sinks, at most.
    pub operators: u32,
    /// Subtasks of an operator, at most.
    pub parallelism: u32,
    /// Records of all sources, at most.
    pub records: u32,
    /// Faults, at most.
    pub faults: u32,
    /// Faults of all kinds, at most, beside those; some come with others that open a window for them.
    pub wild: u32,
    /// Whether these may lose messages and fail writes.
    pub lossy: bool,
    /// Whether a cycle may occur.
    pub cycles: bool,
    /// Whether several checkpoints may be under way at a time.
    pub concurrent: bool,
    /// Whether operators may be chained.
    pub chains: bool,
    /// Whether barriers may be forbidden to overtake on some edges.
    pub any_edge: bool,
    /// Whether that may be so in jobs with branches; otherwise such a job is a line, or all its edges are alike.
    pub mixed: bool,
    /// Whether somebody may ask for checkpoints and savepoints.
    pub requests: bool,
    /// Whether output may get outside in other ways than two-phase commit.
    pub outside: bool,
    /// A parameter of the protocol, and values to try.
    pub parameter: Option<(&'static str, &'static [&'static str])>,
    /// Whether partitions of sources may be handed out as splits.
    pub splits: bool,
    /// The protocol takes checkpoints of the whole job, and sinks commit as they complete.
    pub coordinated: bool,
    /// Whether records may say when they happened.
    pub event_time: bool,
    /// Whether state may be kept in other ways than in memory.
    pub backends: bool,
    /// Whether operators may keep records until a time has come.
    pub over_time: bool,
}

/// A stream of draws.
struct Dice {
    draws: Draws,
    next: u64,
}

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.next += 1;
        below(self.draws.at(self.next - 1), n.max(1))
    }

    /// From `low` to `high`, both included.
    fn from(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll(high.saturating_sub(low) + 1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// The scenario of a seed under a protocol.
pub fn generate(seed: u64, limits: &Limits, protocol: &str) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 0), next: 0 };
    let job = random_job(&mut dice, limits);
    let length = Span::from_millis(dice.from(2, 40));
    let faults = (0..dice.from(0, u64::from(limits.faults))).map(|_| random_fault(&mut dice, &job, length)).collect();
    let managers = dice.from(1, 3) as u32;
    let scenario = Scenario {
        name: format!("generated-{seed}"),
        why: String::new(),
        cluster: Cluster {
            task_managers: managers,
            slots: None,
            placement: dice.pick(&[Placement::Fill, Placement::Spread]),
            heartbeat: Span::from_millis(5),
            standby: 0,
            replacement: Span::from_millis(3),
            takeover: Span::from_millis(4),
            failover: Failover::Region,
        },
        network: with_debloating(seed, random_network(&mut dice)),
        storage: Storage {
            bandwidth: dice.pick(&[Rate(0), Rate(10_000_000), Rate(1_000_000_000)]),
            latency: Span::from_micros(dice.from(0, 500)),
            shared: dice.pick(&[Shared::Task, Shared::TaskManager, Shared::Cluster]),
            metadata: Span::from_micros(dice.from(0, 500)),
            deletion: Span::from_micros(if dice.chance(20) { dice.from(1, 5000) } else { 0 }),
            local: false,
        },
        checkpoints: random_checkpoints(&mut dice, limits, protocol),
        restart: random_restart(seed, Span::from_micros(dice.from(0, 3000))),
        faults,
        schedule: Vec::new(),
        run: RunFor { seed, limit: Span::from_secs(10), cancel: None },
        expect: Expect::default(),
        external: External::default(),
        backend: Backend::default(),
        then: Vec::new(),
        job,
    };
    let scenario = wild::with_faults(seed, limits, length, scenario);
    let scenario = outside::with_sinks(seed, limits, length, splits::handed_out(seed, limits, scenario));
    let scenario = panes::with_panes(seed, limits, times::with_times(seed, limits, scenario));
    let scenario = wild::with_corners(seed, limits, scenario);
    let scenario = state::with_backend(seed, limits, scenario);
    let scenario = wild::with_a_spoilt_file(seed, limits, scenario);
    patience::with_time_to_finish(scenario)
}

fn random_network(dice: &mut Dice) -> Network {
    Network {
        latency: Span::from_micros(dice.pick(&[0, 1, 50, 500])),
        bandwidth: dice.pick(&[Rate(0), Rate(10_000_000), Rate(1_000_000_000)]),
        segment: Bytes(dice.pick(&[64, 100, 256, 1000, 32768])),
        debloat: None,
        exclusive: dice.from(1, 3) as u32,
        floating: dice.from(1, 8) as u32,
        max_per_channel: dice.from(2, 10) as u32,
        overdraft: dice.pick(&[0, 1, 5, 20]),
        buffer_timeout: dice.pick(&[None, Some(Span::ZERO), Some(Span::from_micros(300)), Some(Span::from_millis(5))]),
        rpc: Span::from_micros(dice.pick(&[0, 20, 400])),
        blocked: dice.pick(&[BlockedRule::Overtaking, BlockedRule::Overtaking, BlockedRule::Nothing]),
    }
}

/// The same network, where in some scenarios the sizes of buffers follow the throughput.
fn with_debloating(seed: u64, network: Network) -> Network {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 1), next: 0 };
    if !dice.chance(40) {
        return network;
    }
    let start = dice.from(1, network.segment.0);
    let debloat = Debloat {
        target: Span::from_micros(dice.pick(&[1, 100, 5_000, 1_000_000])),
        // Jobs last for milliseconds.
        period: Span::from_micros(dice.pick(&[1, 150, 2_000])),
        samples: dice.pick(&[1, 2, 20]),
        threshold: dice.pick(&[1, 25, 100]),
        min: Bytes(dice.pick(&[1, 50, 256]).min(start)),
        start: Bytes(start),
    };
    Network { debloat: Some(debloat), ..network }
}

/// A fixed delay, or in some scenarios another strategy. None that gives up: a job that has failed for good shows nothing.
fn random_restart(seed: u64, delay: Span) -> Restart {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 7), next: 0 };
    match dice.roll(8) {
        0 => Restart::FailureRate { delay, failures: 1 << 16, interval: Span::from_micros(dice.from(1, 5000)) },
        1 | 2 => Restart::ExponentialDelay(Backoff {
            initial: Span(delay.0.max(1)),
            max: Span(delay.0.max(1)) + Span::from_micros(dice.from(0, 20_000)),
            multiplier: dice.pick(&[ONE, Ratio { outputs: 3, inputs: 2 }, Ratio { outputs: 10, inputs: 1 }]),
            threshold: Span::from_micros(dice.pick(&[1, 2_000, 1_000_000])),
            jitter: dice.pick(&[Ratio { outputs: 0, inputs: 1 }, Ratio { outputs: 1, inputs: 10 }, ONE]),
            attempts: None,
        }),
        _ => Restart::FixedDelay { delay, attempts: None },
    }
}

fn random_checkpoints(dice: &mut Dice, limits: &Limits, protocol: &str) -> Checkpoints {
    let checkpoints = Checkpoints {
        protocol: protocol.to_owned(),
        parameters: limits
            .parameter
            .map(|(name, tries)| Parameter {
                name: name.to_owned(),
                value: dice.pick(tries).to_owned(),
                place: Place::default(),
            })
            .into_iter()
            .collect(),
        place: Place::default(),
        interval: dice.chance(90).then(|| Span::from_millis(dice.from(1, 10))),
        first: dice.chance(50).then(|| Span::from_micros(dice.from(0, 4000))),
        min_pause: Span::from_micros(if dice.chance(30) { dice.from(0, 3000) } else { 0 }),
        timeout: Span::from_millis(if dice.chance(20) { dice.from(200, 300) } else { 600_000 }),
        max_concurrent: dice.pick(if limits.concurrent { &[1, 1, 1, 2, 3] } else { &[1; 5] }),
        tolerable_failures: dice.pick(&[0, 1, patience::MANY]),
        retained: dice.from(1, 3) as u32,
        order: dice.pick(&[BarrierOrder::EmitThenSnapshot, BarrierOrder::SnapshotThenEmit]),
        prepare: Span::from_micros(if dice.chance(20) { dice.from(1, 2000) } else { 0 }),
        after_finish: true,
        requests: if limits.requests && dice.chance(40) { random_requests(dice) } else { Vec::new() },
    };
    match checkpoints.interval {
        Some(_) => checkpoints,
        // Without an interval nothing of it can be written, either.
        None => Checkpoints { first: None, min_pause: Span::ZERO, ..checkpoints },
    }
}

/// A few, the last of which may end the job.
fn random_requests(dice: &mut Dice) -> Vec<Request> {
    let mut request = |takes: &[Take]| {
        let (at, take) = (Span::from_micros(dice.roll(40_000)), dice.pick(takes));
        Request { at, take, place: Place::default() }
    };
    let mut requests =
        vec![request(&[Take::Savepoint, Take::Checkpoint]), request(&[Take::Savepoint, Take::Checkpoint])];
    requests.push(request(&[Take::Savepoint, Take::Suspend, Take::Drain]));
    requests
}

fn random_fault(dice: &mut Dice, job: &Job, length: Span) -> Fault {
    let someone = |dice: &mut Dice| {
        let operator = &job.operators[dice.roll(job.operators.len() as u64) as usize];
        (operator.id.clone(), dice.roll(u64::from(operator.parallelism)) as u32)
    };
    let (operator, subtask) = someone(dice);
    let when = if dice.chance(50) {
        When::At(Span(dice.roll(length.0)))
    } else {
        const KINDS: &[EventKind] = &[
            EventKind::BarrierReceived,
            EventKind::SnapshotStarted,
            EventKind::SnapshotTaken,
            EventKind::SnapshotDurable,
            EventKind::AckReceived,
            EventKind::CheckpointCompleted,
            EventKind::CompleteReceived,
            EventKind::BufferConsumed,
            EventKind::TaskStarted,
            EventKind::TaskDrained,
        ];
        let (kind, nth) = (dice.pick(KINDS), dice.from(1, 12));
        When::On(Predicate { nth, ..Predicate::first(kind) })
    };
    Fault { when, effect: Effect::FailTask(SubtaskName { operator, subtask }), place: Place::default() }
}

fn random_job(dice: &mut Dice, limits: &Limits) -> Job {
    let is_line = !limits.mixed && limits.any_edge && dice.chance(50);
    let limits = &Limits { any_edge: limits.any_edge && (limits.mixed || is_line), ..*limits };
    let branches = if is_line { 1 } else { 2 };
    let sources = dice.from(1, branches);
    let middles = dice.from(0, u64::from(limits.operators));
    let sinks = dice.from(1, branches);
    let mut job = Job { operators: Vec::new(), edges: Vec::new(), max_parallelism: 128 };
    for n in 0..sources {
        let mut source = operator(dice, limits, format!("source{n}"), "source");
        source.source = Some(random_source(dice, limits, source.parallelism, sources));
        (source.selectivity, source.rekey, source.output_size) = (ONE, None, None);
        job.operators.push(source);
    }
    for n in 0..middles {
        let kind = dice.pick(&["map", "filter", "flat-map", "count", "count"]);
        let op = operator(dice, limits, format!("{kind}{n}"), kind);
        job.operators.push(op);
        let before = job.operators.len() - 2;
        let from = if is_line { before } else { dice.roll(before as u64 + 1) as usize };
        connect(dice, limits, &mut job, from, limits.chains);
        if dice.chance(35) && !is_line {
            let other = dice.roll(job.operators.len() as u64 - 1) as usize;
            if other != from {
                connect(dice, limits, &mut job, other, false);
            }
        }
    }
    for n in 0..sinks {
        let mut sink = operator(dice, limits, format!("sink{n}"), "sink");
        (sink.selectivity, sink.rekey, sink.output_size) = (ONE, None, None);
        // Plain sinks show duplicates by design; they are for scenarios that want to see them.
        sink.sink = SinkMode::TwoPhase;
        job.operators.push(sink);
        let last = job.operators.len() - 1;
        let open: Vec<usize> = (0..last)
            .filter(|op| {
                job.operators[*op].kind != "sink" && !job.edges.iter().any(|e| e.from == job.operators[*op].id)
            })
            .collect();
        if n + 1 < sinks && !open.is_empty() {
            let from = open[dice.roll(open.len() as u64) as usize];
            connect(dice, limits, &mut job, from, limits.chains);
        } else if open.is_empty() {
            let from = dice.roll((sources + middles).max(1)) as usize;
            connect(dice, limits, &mut job, from, false);
        } else {
            open.into_iter().for_each(|from| connect(dice, limits, &mut job, from, false));
        }
    }
    unchain(&mut job);
    if limits.cycles && middles > 0 && dice.chance(50) {
        close_cycle(dice, &mut job);
    }
    job
}

const ONE: Ratio = Ratio { outputs: 1, inputs: 1 };

fn operator(dice: &mut Dice, limits: &Limits, id: String, kind: &str) -> Operator {
    let selectivity = match kind {
        "filter" => Ratio { outputs: 1, inputs: dice.from(2, 3) as u32 },
        "flat-map" => match dice.from(1, 5) as u32 {
            even if even % 2 == 0 => Ratio { outputs: even / 2, inputs: 1 },
            odd => Ratio { outputs: odd, inputs: 2 },
        },
        _ => ONE,
    };
    Operator {
        id,
        kind: kind.to_owned(),
        parallelism: dice.from(1, u64::from(limits.parallelism)) as u32,
        service: Span(dice.pick(&[1, 700, 1_000, 20_000, 100_000])),
        selectivity,
        rekey: dice.chance(20).then(|| dice.from(1, 50) as u32),
        output_size: dice.chance(20).then(|| Bytes(dice.from(1, 300))),
        state: StateSize {
            base: Bytes(dice.roll(5000)),
            per_key: Bytes(dice.roll(200)),
            per_record: Bytes(dice.roll(20)),
        },
        snapshot: SnapshotCost {
            sync: Span::from_micros(if dice.chance(60) { dice.roll(500) } else { 0 }),
            r#async: dice.chance(50).then(|| Span::from_micros(dice.roll(2000))),
        },
        source: None,
        sink: SinkMode::TwoPhase,
        transactions: Transactions::default(),
        on: None,
        over_time: None,
        place: Place::default(),
    }
}

fn random_source(dice: &mut Dice, limits: &Limits, parallelism: u32, sources: u64) -> Source {
    let rate = dice.chance(70).then(|| Rate(dice.pick(&[1_000, 20_000, 1_000_000])));
    let burst = Burst {
        every: Span::from_millis(dice.from(1, 5)),
        length: Span::from_micros(dice.from(100, 1000)),
        times: dice.from(2, 9) as u32,
    };
    let count = dice.from(1, 60) as u32;
    Source {
        partitions: parallelism * dice.from(1, 2) as u32 + dice.roll(2) as u32,
        records: Some(1 + dice.roll(u64::from(limits.records) / sources + 1)),
        burst: (rate.is_some() && dice.chance(30)).then_some(burst),
        rate,
        keys: Keys { count, skew: dice.pick(&[Skew::Even, Skew::Zipf, Skew::Hot { keys: 1, percent: 60 }]) },
        size: Bytes(dice.pick(&[1, 30, 100, 130, 700])),
        end: SourceEnd::Finishes,
        replayable: true,
        assignment: Assignment::Static,
        event_time: None,
    }
}

/// Connects an operator to the newest one.
fn connect(dice: &mut Dice, limits: &Limits, job: &mut Job, from: usize, may_chain: bool) {
    let to = job.operators.len() - 1;
    if job.edges.iter().any(|e| e.from == job.operators[from].id && e.to == job.operators[to].id) {
        return;
    }
    let equal = job.operators[from].parallelism == job.operators[to].parallelism;
    let by = if job.operators[to].kind == "count" {
        Partitioner::Hash
    } else {
        let by = dice.pick(if !limits.any_edge {
            &[Partitioner::Rebalance, Partitioner::Hash, Partitioner::Global]
        } else {
            &[
                Partitioner::Forward,
                Partitioner::Forward,
                Partitioner::Rebalance,
                Partitioner::Rescale,
                Partitioner::Hash,
                Partitioner::Broadcast,
                Partitioner::Global,
            ]
        });
        if by == Partitioner::Forward && !equal { Partitioner::Rebalance } else { by }
    };
    let chained = may_chain && limits.any_edge && by == Partitioner::Forward && dice.chance(50);
    let (from, to) = (job.operators[from].id.clone(), job.operators[to].id.clone());
    let overtaking = !limits.any_edge || dice.chance(90);
    job.edges.push(Edge { from, to, by, chained, feedback: false, overtaking, place: Place::default() });
}

/// Only an edge that is its sender's only output and its receiver's only input can be chained.
fn unchain(job: &mut Job) {
    let ends: Vec<(String, String)> = job.edges.iter().map(|e| (e.from.clone(), e.to.clone())).collect();
    for edge in &mut job.edges {
        let outputs = ends.iter().filter(|(from, _)| *from == edge.from).count();
        let inputs = ends.iter().filter(|(_, to)| *to == edge.to).count();
        edge.chained &= outputs == 1 && inputs == 1;
    }
}

/// Adds an operator that sends a third of what an operator in the middle emits back to it.
fn close_cycle(dice: &mut Dice, job: &mut Job) {
    let middle: Vec<usize> = (0..job.operators.len())
        .filter(|op| !matches!(job.operators[*op].kind.as_str(), "source" | "sink"))
        .filter(|op| {
            !job.edges.iter().any(|e| e.chained && (e.from == job.operators[*op].id || e.to == job.operators[*op].id))
        })
        .collect();
    if middle.is_empty() {
        return;
    }
    let head = middle[dice.roll(middle.len() as u64) as usize];
    job.operators[head].selectivity = ONE;
    let head = job.operators[head].clone();
    let third = Ratio { outputs: 1, inputs: 3 };
    let back = Operator { id: "back".into(), kind: "map".into(), selectivity: third, rekey: None, ..head.clone() };
    job.operators.push(back);
    let there = Edge {
        from: head.id.clone(),
        to: "back".into(),
        by: Partitioner::Rebalance,
        chained: false,
        feedback: false,
        overtaking: true,
        place: Place::default(),
    };
    let by = if head.kind == "count" { Partitioner::Hash } else { Partitioner::Rebalance };
    job.edges.push(Edge { from: "back".into(), to: head.id, by, feedback: true, ..there.clone() });
    job.edges.push(there);
}
