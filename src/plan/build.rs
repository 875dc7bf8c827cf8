//! Making a plan. The scenario has been checked: what cannot be planned here is a broken invariant.

use super::keys::{KeyTable, owners};
use super::{Channel, Edge, EventTime, Inflow, Operator, OutEdge, Plan, Task};
use crate::base::{ChannelId, EdgeId, OperatorId, Port, TaskId};
use crate::scenario::{self, OverTime, Partitioner, Placement, Scenario};
use petgraph::Direction::Incoming;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use std::sync::Arc;

/// Plans a checked scenario.
pub fn build(scenario: &Scenario) -> Plan {
    let job = &scenario.job;
    let find = |name: &str| job.operators.iter().position(|op| op.id == name).expect("edges name operators");
    let ends: Vec<(usize, usize)> = job.edges.iter().map(|e| (find(&e.from), find(&e.to))).collect();
    let order = dependency_order(job, &ends);
    let mut operators = plan_operators(job, &ends, &order);
    let (mut tasks, edge_ids) = plan_tasks(scenario, &mut operators, &ends, &order);
    let edges = plan_edges(job, &operators, &ends, &edge_ids);
    let (channels, inputs, outputs) = plan_channels(&operators, &mut tasks, &edges);
    let cycles = cycles(job, &ends);
    let (regions, managers) = (regions(tasks.len(), &channels), scenario.cluster.task_managers);
    let event_time = event_time(job);
    plan_inflows(job, &mut operators, &ends, event_time);
    Plan { operators, tasks, channels, edges, order, cycles, regions, managers, event_time, inputs, outputs }
}

fn event_time(job: &scenario::Job) -> EventTime {
    let sources = job.operators.iter().filter_map(|operator| operator.source.as_ref());
    let times: Vec<_> = sources.filter_map(|source| source.event_time).collect();
    // What comes of a timeout is as old as the record that began it.
    let by_clock = |operator: &scenario::Operator| matches!(operator.over_time, Some(OverTime::After(_)));
    let goes_round = job.edges.iter().any(|edge| edge.feedback) || job.operators.iter().any(by_clock);
    match times.iter().all(|times| times.bound >= times.disorder && times.idle_after.is_none()) {
        _ if times.is_empty() => EventTime::None,
        true if !goes_round => EventTime::Punctual,
        _ => EventTime::Lossy,
    }
}

/// Tasks that data connects, whichever way it flows, are in one region. Regions are numbered by their first task.
fn regions(tasks: usize, channels: &[Channel]) -> Vec<u32> {
    let mut sets = UnionFind::<u32>::new(tasks);
    channels.iter().for_each(|channel| _ = sets.union(channel.from.0, channel.to.0));
    let roots = sets.into_labeling();
    let mut seen = Vec::new();
    let mut number = |root: u32| match seen.iter().position(|known| *known == root) {
        Some(at) => at as u32,
        None => {
            seen.push(root);
            seen.len() as u32 - 1
        }
    };
    roots.into_iter().map(&mut number).collect()
}

fn graph(job: &scenario::Job, ends: &[(usize, usize)], feedback: bool) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(job.operators.len(), ends.len());
    job.operators.iter().for_each(|_| {
        graph.add_node(());
    });
    for (edge, (from, to)) in job.edges.iter().zip(ends) {
        if feedback || !edge.feedback {
            graph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
        }
    }
    graph
}

fn dependency_order(job: &scenario::Job, ends: &[(usize, usize)]) -> Vec<OperatorId> {
    // Of all operators whose inputs are placed, the one the user wrote first comes next.
    let graph = graph(job, ends, false);
    let mut missing: Vec<usize> = graph.node_indices().map(|n| graph.neighbors_directed(n, Incoming).count()).collect();
    let mut order = Vec::with_capacity(missing.len());
    while order.len() < missing.len() {
        let next = missing.iter().position(|missing| *missing == 0).expect("cycles are closed by feedback edges");
        missing[next] = usize::MAX;
        graph.neighbors(NodeIndex::new(next)).for_each(|to| missing[to.index()] -= 1);
        order.push(OperatorId::from(next));
    }
    order
}

fn cycles(job: &scenario::Job, ends: &[(usize, usize)]) -> Vec<Vec<OperatorId>> {
    let graph = graph(job, ends, true);
    let on_cycle = |part: &Vec<NodeIndex>| part.len() > 1 || graph.contains_edge(part[0], part[0]);
    let ids = |part: Vec<NodeIndex>| part.into_iter().map(|node| OperatorId::from(node.index())).collect();
    let mut parts: Vec<Vec<OperatorId>> = tarjan_scc(&graph).into_iter().filter(on_cycle).map(ids).collect();
    parts.iter_mut().for_each(|part| part.sort());
    parts.sort();
    parts
}

fn plan_operators(job: &scenario::Job, ends: &[(usize, usize)], order: &[OperatorId]) -> Vec<Operator> {
    let mut operators: Vec<Operator> = job
        .operators
        .iter()
        .map(|op| Operator {
            name: op.id.clone(),
            tasks: 0..0,
            position: 0,
            is_source: op.source.is_some(),
            keyspace: op.source.as_ref().map_or(1, |source| source.keys.count),
            keys: None,
            sink: (op.kind == "sink").then_some(op.sink),
            is_committer: op.kind == "committer",
            inflow: Inflow::Same,
            over_time: op.over_time,
        })
        .collect();
    // Keys only come from sources and from operators that assign new ones. One pass in dependency order knows
    // them all in a DAG; what feedback edges bring back takes a pass for each that a key has to cross.
    let mut grew = true;
    while std::mem::take(&mut grew) {
        for op in order {
            let inputs = ends.iter().filter(|(_, to)| *to == op.index()).map(|(from, _)| operators[*from].keyspace);
            let from_inputs = inputs.max().unwrap_or(0);
            let spec = &job.operators[op.index()];
            let planned = &mut operators[op.index()];
            let keyspace = spec.rekey.unwrap_or(planned.keyspace.max(from_inputs));
            grew |= keyspace > planned.keyspace;
            planned.keyspace = keyspace;
        }
    }
    for (index, spec) in job.operators.iter().enumerate() {
        if spec.kind != "count" && spec.kind != "join" && spec.over_time.is_none() {
            continue;
        }
        let inputs = || ends.iter().zip(&job.edges).filter(move |((_, to), _)| *to == index);
        let keyspace = inputs().map(|((from, _), _)| operators[*from].keyspace).max().unwrap_or(1);
        let by_key = inputs().all(|(_, edge)| edge.by == Partitioner::Hash);
        operators[index].keys = Some(match by_key {
            true => KeyTable::by_owner(owners(keyspace, job.max_parallelism, spec.parallelism), spec.parallelism),
            false => KeyTable::everywhere(keyspace, spec.parallelism),
        });
    }
    operators
}

/// What comes to each operator: as what comes to those before it, and not the same if they wait for a time.
fn plan_inflows(job: &scenario::Job, operators: &mut [Operator], ends: &[(usize, usize)], event_time: EventTime) {
    let mut grew = true;
    while std::mem::take(&mut grew) {
        for (from, to) in ends {
            let made = match job.operators[*from].over_time {
                None => Inflow::Same,
                Some(OverTime::After(_)) => Inflow::Open,
                Some(_) if event_time == EventTime::Punctual => Inflow::Timely,
                Some(_) => Inflow::Open,
            };
            let comes = operators[*from].inflow.max(made);
            grew |= comes > operators[*to].inflow;
            operators[*to].inflow = operators[*to].inflow.max(comes);
        }
    }
}

/// Tasks by chain, and for every edge of the scenario whether it becomes channels.
fn plan_tasks(
    scenario: &Scenario,
    operators: &mut [Operator],
    ends: &[(usize, usize)],
    order: &[OperatorId],
) -> (Vec<Task>, Vec<Option<EdgeId>>) {
    let job = &scenario.job;
    let chained_into = |from: usize| {
        let link = ends.iter().zip(&job.edges).find(|((f, _), edge)| *f == from && edge.chained);
        link.map(|((_, to), _)| *to)
    };
    let is_head = |op: usize| !ends.iter().zip(&job.edges).any(|((_, to), edge)| *to == op && edge.chained);
    let mut tasks = Vec::new();
    for head in order.iter().filter(|op| is_head(op.index())) {
        let mut chain = vec![*head];
        while let Some(next) = chained_into(chain[chain.len() - 1].index()) {
            chain.push(OperatorId::from(next));
        }
        let spec = &job.operators[head.index()];
        let range = tasks.len() as u32..tasks.len() as u32 + spec.parallelism;
        for (position, op) in chain.iter().enumerate() {
            operators[op.index()].tasks = range.clone();
            operators[op.index()].position = position as u32;
        }
        for subtask in 0..spec.parallelism {
            let manager = spec.on.as_ref().map_or_else(|| place(scenario, subtask), |on| on[subtask as usize]);
            tasks.push(Task { chain: chain.clone(), subtask, manager, inputs: 0..0, outputs: 0..0, out_slots: 0 });
        }
    }
    let mut next = 0;
    let ids = job.edges.iter().map(|edge| {
        (!edge.chained).then(|| {
            next += 1;
            EdgeId(next - 1)
        })
    });
    (tasks, ids.collect())
}

/// Subtask i of every operator is in slot i.
fn place(scenario: &Scenario, subtask: u32) -> u32 {
    let managers = scenario.cluster.task_managers;
    let widest = scenario.job.operators.iter().map(|op| op.parallelism).max().unwrap_or(1);
    match scenario.cluster.placement {
        Placement::Spread => subtask % managers,
        Placement::Fill => {
            let slots = scenario.cluster.slots.unwrap_or(widest.div_ceil(managers)).max(1);
            (subtask / slots).min(managers - 1)
        }
    }
}

fn plan_edges(
    job: &scenario::Job,
    operators: &[Operator],
    ends: &[(usize, usize)],
    edge_ids: &[Option<EdgeId>],
) -> Vec<Edge> {
    let mut gates = vec![0; operators.len()];
    let mut edges = Vec::new();
    for ((spec, (from, to)), _) in job.edges.iter().zip(ends).zip(edge_ids).filter(|(_, id)| id.is_some()) {
        let parallelism = job.operators[*to].parallelism;
        let owner = (spec.by == Partitioner::Hash).then(|| {
            let held = operators[*to].keys.as_ref().and_then(|keys| keys.owner.clone());
            held.unwrap_or_else(|| owners(operators[*from].keyspace, job.max_parallelism, parallelism))
        });
        edges.push(Edge {
            from: OperatorId::from(*from),
            to: OperatorId::from(*to),
            by: spec.by,
            feedback: spec.feedback,
            // Committables come before the barrier of the checkpoint that they belong to.
            overtaking: spec.overtaking && spec.by.lets_overtake() && !operators[*to].is_committer,
            gate: gates[*to],
            owner: owner as Option<Arc<[u16]>>,
        });
        gates[*to] += 1;
    }
    edges
}

/// The receivers of sender `i` of `senders` among `receivers`.
fn receivers(by: Partitioner, i: u32, senders: u32, receivers: u32) -> std::ops::Range<u32> {
    match by {
        Partitioner::Rebalance | Partitioner::Hash | Partitioner::Broadcast | Partitioner::Global => 0..receivers,
        Partitioner::Forward => i..i + 1,
        Partitioner::Rescale if senders >= receivers => {
            let to = (u64::from(i) * u64::from(receivers) / u64::from(senders)) as u32;
            to..to + 1
        }
        Partitioner::Rescale => {
            let bound = |i: u32| (u64::from(i) * u64::from(receivers)).div_ceil(u64::from(senders)) as u32;
            bound(i)..bound(i + 1)
        }
    }
}

fn plan_channels(
    operators: &[Operator],
    tasks: &mut [Task],
    edges: &[Edge],
) -> (Vec<Channel>, Vec<ChannelId>, Vec<OutEdge>) {
    let mut channels = Vec::new();
    let mut outs: Vec<Vec<OutEdge>> = vec![Vec::new(); tasks.len()];
    let mut in_count = vec![0u32; tasks.len()];
    for (index, edge) in edges.iter().enumerate() {
        let (from, to) = (&operators[edge.from.index()].tasks, &operators[edge.to.index()].tasks);
        for sender in from.clone() {
            let range = receivers(edge.by, sender - from.start, from.len() as u32, to.len() as u32);
            let slot = tasks[sender as usize].out_slots;
            outs[sender as usize].push(OutEdge {
                edge: EdgeId::from(index),
                first: ChannelId::from(channels.len()),
                slot,
                width: range.len() as u32,
            });
            tasks[sender as usize].out_slots += range.len() as u32;
            for (n, receiver) in range.map(|r| to.start + r).enumerate() {
                let local = tasks[sender as usize].manager == tasks[receiver as usize].manager;
                let port = Port(in_count[receiver as usize]);
                in_count[receiver as usize] += 1;
                channels.push(Channel {
                    from: TaskId(sender),
                    to: TaskId(receiver),
                    port,
                    slot: slot + n as u32,
                    edge: EdgeId::from(index),
                    local,
                });
            }
        }
    }
    let mut next = 0;
    for (task, count) in tasks.iter_mut().zip(&in_count) {
        task.inputs = next..next + count;
        next += count;
    }
    let mut inputs = vec![ChannelId::default(); next as usize];
    for (index, channel) in channels.iter().enumerate() {
        let first = tasks[channel.to.index()].inputs.start;
        inputs[(first + channel.port.0) as usize] = ChannelId::from(index);
    }
    let mut outputs = Vec::new();
    for (task, outs) in tasks.iter_mut().zip(outs) {
        task.outputs = outputs.len() as u32..(outputs.len() + outs.len()) as u32;
        outputs.extend(outs);
    }
    (channels, inputs, outputs)
}
