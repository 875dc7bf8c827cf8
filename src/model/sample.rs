//! Small jobs and invented checkpoints for the tests of models and reports: no world is needed for them.

use crate::base::{Attempt, Bytes, CheckpointId, Concern, Draws, Place, Rate, Span, Time, below};
use crate::check::Figures;
use crate::plan::{self, Plan};
use crate::scenario::*;
use crate::trace::{Event, Observer, Stamped};

/// How an edge of a sample job connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Forward,
    Rebalance,
    Rescale,
    Hash,
    /// A hash edge that closes a cycle.
    Feedback,
}

/// A job of these operators with their parallelism; those without an input are sources.
pub(crate) fn job(operators: &[(&str, u32)], edges: &[(&str, &str, By)]) -> (Scenario, Plan) {
    let has_input = |name: &str| edges.iter().any(|(_, to, _)| *to == name);
    let operator = |(name, parallelism): &(&str, u32)| Operator {
        id: (*name).into(),
        kind: if has_input(name) { "map" } else { "source" }.into(),
        parallelism: *parallelism,
        service: Span::ZERO,
        selectivity: Ratio { outputs: 1, inputs: 1 },
        rekey: None,
        output_size: None,
        state: StateSize::default(),
        snapshot: SnapshotCost::default(),
        source: (!has_input(name)).then(|| source(*parallelism)),
        sink: SinkMode::Plain,
        transactions: Transactions::default(),
        on: None,
        over_time: None,
        place: Place::default(),
    };
    let edge = |(from, to, by): &(&str, &str, By)| Edge {
        from: (*from).into(),
        to: (*to).into(),
        by: match by {
            By::Forward => Partitioner::Forward,
            By::Rebalance => Partitioner::Rebalance,
            By::Rescale => Partitioner::Rescale,
            By::Hash | By::Feedback => Partitioner::Hash,
        },
        chained: false,
        feedback: *by == By::Feedback,
        overtaking: true,
        place: Place::default(),
    };
    let job = Job {
        operators: operators.iter().map(operator).collect(),
        edges: edges.iter().map(edge).collect(),
        max_parallelism: 1024,
    };
    let scenario = scenario(job);
    let plan = plan::build(&scenario);
    (scenario, plan)
}

fn source(partitions: u32) -> Source {
    Source {
        partitions,
        records: Some(1000),
        rate: None,
        burst: None,
        keys: Keys { count: 16, skew: Skew::Even },
        size: Bytes(100),
        end: SourceEnd::Finishes,
        replayable: true,
        assignment: Assignment::Static,
        event_time: None,
    }
}

fn scenario(job: Job) -> Scenario {
    Scenario {
        name: "sample".into(),
        why: "A job that was made up for a test".into(),
        job,
        cluster: Cluster {
            task_managers: 2,
            slots: None,
            placement: Placement::Spread,
            heartbeat: Span::from_secs(50),
            standby: 0,
            replacement: Span::from_secs(10),
            takeover: Span::from_secs(5),
            failover: Failover::Region,
        },
        network: Network {
            latency: Span::ZERO,
            bandwidth: Rate(0),
            segment: Bytes(32 << 10),
            debloat: None,
            exclusive: 2,
            floating: 8,
            max_per_channel: 10,
            overdraft: 20,
            buffer_timeout: None,
            rpc: Span::ZERO,
            blocked: BlockedRule::Overtaking,
        },
        storage: Storage {
            bandwidth: Rate(0),
            latency: Span::ZERO,
            shared: Shared::Task,
            metadata: Span::ZERO,
            deletion: Span::ZERO,
            local: false,
        },
        checkpoints: Checkpoints {
            protocol: "aligned".into(),
            parameters: Vec::new(),
            place: Place::default(),
            interval: Some(Span::from_secs(1)),
            first: None,
            min_pause: Span::ZERO,
            timeout: Span::from_secs(600),
            max_concurrent: 1,
            tolerable_failures: 0,
            retained: 1,
            order: BarrierOrder::EmitThenSnapshot,
            prepare: Span::ZERO,
            after_finish: true,
            requests: vec![],
        },
        restart: Restart::FixedDelay { delay: Span::from_secs(1), attempts: None },
        faults: Vec::new(),
        schedule: Vec::new(),
        run: RunFor { seed: 7, limit: Span::from_secs(60), cancel: None },
        expect: Expect::default(),
        external: External::default(),
        backend: Backend::default(),
        then: Vec::new(),
    }
}

/// A stream of draws for tests.
pub(crate) fn draws(seed: u64) -> impl FnMut() -> u64 {
    let mut stream = Draws::new(seed, Concern::Choice, 99);
    let mut next = 0;
    move || {
        next += 1;
        stream.at(next)
    }
}

/// A random DAG of so many operators, each but the first reading one to three earlier ones or nothing.
pub(crate) fn random_job(seed: u64, operators: usize) -> (Scenario, Plan) {
    let mut draws = draws(seed ^ 0xabcd);
    let names: Vec<String> = (0..operators).map(|n| format!("o{n}")).collect();
    let nodes: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1 + below(draws(), 3) as u32)).collect();
    let mut edges = Vec::new();
    for to in 1..operators {
        for _ in 0..below(draws(), 4) {
            let from = below(draws(), to as u64) as usize;
            let all = [By::Hash, By::Rebalance, By::Rescale, By::Forward];
            let same = nodes[from].1 == nodes[to].1;
            let by = all[below(draws(), if same { 4 } else { 3 }) as usize];
            edges.push((nodes[from].0, nodes[to].0, by));
        }
    }
    job(&nodes, &edges)
}

/// When a task passes the barrier on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// At the last barrier, before its own snapshot.
    Emit,
    /// After its whole snapshot.
    Snapshot,
    /// At the first barrier.
    Overtake,
}

/// An invented checkpoint: what everything costs.
pub(crate) struct Invented<'a> {
    pub plan: &'a Plan,
    pub order: Order,
    pub rpc: Span,
    /// Barriers in a channel, by channel.
    pub transit: &'a dyn Fn(usize) -> Span,
    /// From the last barrier to the snapshot.
    pub wait: Span,
    /// Synchronous part, by task.
    pub sync: &'a dyn Fn(usize) -> Span,
    /// Asynchronous part, by task.
    pub r#async: &'a dyn Fn(usize) -> Span,
}

impl Invented<'_> {
    /// The events of one checkpoint that completes, in the order of their instants.
    pub fn events(&self, id: u64, trigger: Time) -> Vec<Stamped> {
        let (plan, checkpoint) = (self.plan, CheckpointId(id));
        let mut events = vec![(trigger, Event::CheckpointTriggered { checkpoint, purpose: 0 })];
        let mut sent = vec![Time::NEVER; plan.channels.len()];
        let mut last = trigger;
        for task in plan.order.iter().flat_map(|op| plan.operators[op.index()].tasks.clone()) {
            let task = crate::base::TaskId(task);
            let inputs = plan.inputs(task).iter().filter(|c| sent[c.index()] != Time::NEVER);
            let arrivals: Vec<_> = inputs.map(|c| (*c, sent[c.index()] + (self.transit)(c.index()))).collect();
            for (channel, at) in &arrivals {
                events.push((*at, Event::BarrierReceived { task, channel: *channel, checkpoint }));
            }
            let first = arrivals.iter().map(|(_, at)| *at).min().unwrap_or(trigger + self.rpc);
            let aligned = arrivals.iter().map(|(_, at)| *at).max().unwrap_or(first);
            if arrivals.is_empty() {
                events.push((first, Event::TriggerReceived { task, checkpoint }));
            }
            let started = if self.order == Order::Overtake { first } else { aligned } + self.wait;
            let taken = started + (self.sync)(task.index());
            let durable = (taken + (self.r#async)(task.index())).max(aligned);
            let emitted = if self.order == Order::Snapshot { durable } else { started };
            for channel in plan.output_channels(task) {
                sent[channel.index()] = emitted;
                events.push((emitted, Event::BarrierSent { channel, checkpoint }));
            }
            events.push((started, Event::SnapshotStarted { task, checkpoint, overtaking: 0 }));
            events.push((taken, Event::SnapshotTaken { task, checkpoint }));
            events.push((durable, Event::SnapshotDurable { task, checkpoint, bytes: 4096 + 512 * task.0 as u64 }));
            events.push((durable + self.rpc, Event::AckReceived { task, checkpoint, attempt: Attempt(0) }));
            last = last.max(durable + self.rpc);
        }
        events.push((last, Event::CheckpointCompleted { checkpoint }));
        // Causes were pushed before their effects, and the sort keeps that order at one instant.
        events.sort_by_key(|(at, _)| *at);
        events.into_iter().map(|(at, event)| Stamped { at, event }).collect()
    }

    /// The figures of a run of one such checkpoint.
    pub fn figures(&self, trigger: Time) -> Figures {
        let mut figures = Figures::new(self.plan);
        self.events(1, trigger).iter().for_each(|stamped| figures.event(stamped.at, &stamped.event));
        figures
    }
}
