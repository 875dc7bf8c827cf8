//! What must hold between the parts of a scenario: references, the shape of the graph, enough room.
//!
//! What a single field may hold is in its description. A complaint from here knows only the path of what is
//! wrong; the reader adds line and column, so that scenarios made by a program are checked by the same rules.

use std::collections::BTreeSet;

use super::names::Subject;
use super::operator::{Inputs, KINDS};
use super::shape::choose;
use super::{
    Assignment, Edge, Effect, Job, Node, Operator, PARALLELISM_MAX, Paced, Partitioner, Scenario, SinkMode, Source,
    SubtaskName, When,
};
use crate::base::{Place, Problem};
use crate::trace::Predicate;

/// Checks what must hold between the parts of a scenario. The places in complaints have a path, and no line.
pub fn check(scenario: &Scenario) -> Result<(), Problem> {
    let job = &scenario.job;
    operators(job)?;
    for (n, edge) in job.edges.iter().enumerate() {
        ends(job, n, edge)?;
        partitioning(job, n, edge)?;
    }
    inputs_and_outputs(job)?;
    transactions(job)?;
    cycles(job)?;
    room(scenario)?;
    sizes(scenario)?;
    event_time(job)?;
    over_time(job)?;
    for (n, fault) in scenario.faults.iter().enumerate() {
        let path = format!("faults[{n}]");
        effect(scenario, &fault.effect, &path)?;
        if let When::On(event) = &fault.when {
            predicate(job, event, &format!("{path}.when"))?;
        }
    }
    for (n, event) in scenario.expect.happens.iter().enumerate() {
        predicate(job, event, &format!("expect.happens[{n}]"))?;
    }
    Ok(())
}

fn wrong(path: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Result<(), Problem> {
    Err(Problem::at(Place { path: path.into(), ..Place::default() }, found, allowed))
}

fn operators(job: &Job) -> Result<(), Problem> {
    let limit = job.max_parallelism;
    if !(1..=PARALLELISM_MAX).contains(&limit) {
        return wrong("job.max_parallelism", format!("{limit} key groups"), format!("write 1 to {PARALLELISM_MAX}"));
    }
    for (n, operator) in job.operators.iter().enumerate() {
        let path = format!("job.operators[{n}]");
        let Operator { id, parallelism, .. } = operator;
        if let Some(first) = job.operators[..n].iter().position(|other| other.id == *id) {
            let allowed = format!("job.operators[{first}] has that id already; choose another");
            return wrong(path + ".id", format!("found a second {id:?}"), allowed);
        }
        if !(1..=limit).contains(parallelism) {
            let found = format!("{parallelism} subtasks of {id:?}, more than the {limit} of max_parallelism");
            return wrong(path + ".parallelism", found, "lower it, or raise max_parallelism");
        }
        if let Some(source) = operator.source.as_ref().filter(|source| source.partitions < *parallelism) {
            let partitions = counted(source.partitions, "partition");
            let found = format!("{partitions} for {parallelism} subtasks: some would have nothing to read");
            return wrong(path + ".partitions", found, format!("give {parallelism} or more"));
        }
    }
    match job.operators.iter().any(|operator| operator.source.is_some()) {
        true => Ok(()),
        false => wrong("job.operators", "no operator is a source", "add one: {\"id\": \"in\", \"kind\": \"source\"}"),
    }
}

/// That both ends exist, data can flow between them, and nothing else connects them.
fn ends(job: &Job, n: usize, edge: &Edge) -> Result<(), Problem> {
    let path = format!("job.edges[{n}]");
    let from = operator(job, &edge.from, &format!("{path}.from"))?;
    let to = operator(job, &edge.to, &format!("{path}.to"))?;
    let hands_on = |sink: &Operator| sink.kind == "sink" && sink.sink == SinkMode::Committables;
    match (&*from.kind, &*to.kind) {
        ("sink", "committer") if hands_on(from) => {}
        ("sink", _) if hands_on(from) => {
            let found = format!("{:?} is a sink that hands its commits on, and {:?} is no committer", from.id, to.id);
            return wrong(path + ".to", found, "it sends to a committer only");
        }
        ("sink", _) => return wrong(path + ".from", format!("{:?} is a sink", from.id), "a sink sends nothing on"),
        ("committer", _) => {
            return wrong(path + ".from", format!("{:?} is a committer", from.id), "a committer sends nothing on");
        }
        (_, "committer") => {
            let found = format!("{:?} is no sink that hands its commits on", from.id);
            return wrong(path + ".from", found, "a committer's input is a sink with \"output\": \"committables\"");
        }
        _ => {}
    }
    if to.source.is_some() {
        return wrong(path + ".to", format!("{:?} is a source", to.id), "a source has no inputs");
    }
    match job.edges[..n].iter().position(|other| other.from == edge.from && other.to == edge.to) {
        Some(first) => {
            let found = format!("a second edge from {:?} to {:?}", edge.from, edge.to);
            wrong(path, found, format!("job.edges[{first}] is the first; keep one"))
        }
        None => Ok(()),
    }
}

/// Forward and chained edges ask for something from their ends.
fn partitioning(job: &Job, n: usize, edge: &Edge) -> Result<(), Problem> {
    let path = format!("job.edges[{n}]");
    let parallelism = |id: &str| job.operators.iter().find(|operator| operator.id == id).map_or(0, |o| o.parallelism);
    let (from, to) = (parallelism(&edge.from), parallelism(&edge.to));
    if edge.by == Partitioner::Forward && from != to {
        let found = format!("forward from {} to {to}", counted(from, "subtask"));
        return wrong(path + ".by", found, "forward needs the same parallelism at both ends; use rebalance or rescale");
    }
    if !edge.chained {
        return Ok(());
    }
    let path = path + ".chained";
    if edge.by != Partitioner::Forward {
        return wrong(path, "this edge is not forward", "only a forward edge can be chained: \"by\": \"forward\"");
    }
    if edge.feedback {
        return wrong(path, "this edge is a feedback edge", "a feedback edge cannot be chained");
    }
    if job.edges.iter().filter(|other| other.from == edge.from).count() > 1 {
        let found = format!("{:?} has other outputs", edge.from);
        return wrong(path, found, "chain an edge only if it is the only output of its sender");
    }
    if job.edges.iter().filter(|other| other.to == edge.to).count() > 1 {
        let found = format!("{:?} has other inputs", edge.to);
        return wrong(path, found, "chain an edge only if it is the only input of its receiver");
    }
    Ok(())
}

fn inputs_and_outputs(job: &Job) -> Result<(), Problem> {
    for (n, operator) in job.operators.iter().enumerate() {
        let path = format!("job.operators[{n}]");
        let Operator { id, kind, .. } = operator;
        let inputs = job.edges.iter().filter(|edge| edge.to == *id).count();
        let forward = job.edges.iter().filter(|edge| edge.to == *id && !edge.feedback).count();
        match KINDS.get(kind).inputs {
            Inputs::None => {}
            _ if inputs == 0 => {
                return wrong(
                    path,
                    format!("{id:?} has no input"),
                    format!("add an edge to it: {{\"from\": …, \"to\": {id:?}}}"),
                );
            }
            _ if forward == 0 => {
                return wrong(
                    path,
                    format!("only feedback edges lead to {id:?}"),
                    "it needs an input from a source, too",
                );
            }
            Inputs::Two if inputs != 2 => {
                let article = if kind.starts_with('i') { "an" } else { "a" };
                let found = format!("{id:?} is {article} {kind}, and has {}", counted(inputs as u32, "input"));
                return wrong(path, found, format!("{article} {kind} has exactly 2"));
            }
            Inputs::Two | Inputs::Any => {}
        }
        if kind != "sink" && kind != "committer" && !job.edges.iter().any(|edge| edge.from == *id) {
            let allowed = format!(
                "add an edge from it, {{\"from\": {id:?}, \"to\": …}}; only a sink or a committer may end a path"
            );
            return wrong(path, format!("{id:?} has no output"), allowed);
        }
    }
    Ok(())
}

/// That sinks with transactions have around them what they need.
fn transactions(job: &Job) -> Result<(), Problem> {
    for (n, operator) in job.operators.iter().enumerate() {
        let path = format!("job.operators[{n}]");
        let id = &operator.id;
        let out = || job.edges.iter().enumerate().filter(|(_, edge)| edge.from == *id);
        if operator.kind == "committer" {
            let inputs = job.edges.iter().filter(|edge| edge.to == *id).count();
            if inputs != 1 {
                let found = format!("{id:?} has {}", counted(inputs as u32, "input"));
                return wrong(path, found, "a committer has exactly 1");
            }
        }
        if operator.kind != "sink" {
            continue;
        }
        if operator.sink == SinkMode::Committables {
            match (out().next(), out().count()) {
                (None, _) => {
                    let found = format!("{id:?} hands its commits on, and nobody takes them");
                    return wrong(path + ".output", found, "add an operator of kind \"committer\" and an edge to it");
                }
                (Some((at, edge)), 1) => {
                    let direct =
                        [Partitioner::Forward, Partitioner::Rebalance, Partitioner::Rescale, Partitioner::Global];
                    let path = format!("job.edges[{at}]");
                    if !direct.contains(&edge.by) {
                        let found = format!("commits on a {} edge", edge.by.name());
                        return wrong(path + ".by", found, "take forward, rebalance, rescale or global");
                    }
                    if edge.chained {
                        return wrong(path + ".chained", "a committer in its sink's thread", "leave it out");
                    }
                }
                (_, several) => {
                    let found = format!("{id:?} has {}", counted(several as u32, "committer"));
                    return wrong(path + ".output", found, "keep one");
                }
            }
        }
        if operator.sink == SinkMode::Offsets && !chained_to_source(job, operator) {
            let found =
                format!("{id:?} is to write offsets, and does not run in the thread of a source with fixed partitions");
            let allowed = "chain all edges from such a source to it (\"chained\": true), or take \"two-phase\"";
            return wrong(path + ".output", found, allowed);
        }
    }
    Ok(())
}

/// Whether an operator runs in the same thread as a source, which reads the same records in the same order again.
fn chained_to_source(job: &Job, operator: &Operator) -> bool {
    let before = job.edges.iter().find(|edge| edge.to == operator.id && edge.chained);
    let sender = before.and_then(|edge| job.operators.iter().find(|op| op.id == edge.from));
    let repeats = |source: &Source| source.assignment == Assignment::Static;
    sender.is_some_and(|sender| {
        let goes_on = || sender.over_time.is_none() && chained_to_source(job, sender);
        sender.source.as_ref().is_some_and(repeats) || goes_on()
    })
}

/// That the edges which are no feedback form no cycle, and each that is closes one.
fn cycles(job: &Job) -> Result<(), Problem> {
    let plain: Vec<&Edge> = job.edges.iter().filter(|edge| !edge.feedback).collect();
    for (n, edge) in job.edges.iter().enumerate() {
        let path = format!("job.edges[{n}]");
        if edge.feedback {
            if way(&plain, &edge.to, &edge.from).is_none() {
                let found =
                    format!("no way leads from {:?} back to {:?}, so this edge closes no cycle", edge.to, edge.from);
                return wrong(path + ".feedback", found, "leave \"feedback\" out");
            }
            continue;
        }
        let before: Vec<&Edge> = job.edges[..n].iter().filter(|edge| !edge.feedback).collect();
        if let Some(way) = way(&before, &edge.to, &edge.from) {
            let found = format!("a cycle: {} -> {}", edge.from, way.join(" -> "));
            return wrong(path, found, "mark the edge that closes it \"feedback\": true");
        }
    }
    Ok(())
}

/// A shortest way along edges, both ends included.
fn way<'a>(edges: &[&'a Edge], from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        if let Some(found) = ways.iter().find(|way| way.ends_with(&[to])) {
            return Some(found.clone());
        }
        let mut longer = Vec::new();
        for way in ways {
            for edge in edges.iter().filter(|edge| way.ends_with(&[&edge.from])) {
                if seen.insert(&edge.to) {
                    longer.push([&way[..], &[&edge.to]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

/// That every subtask has a place to run.
fn room(scenario: &Scenario) -> Result<(), Problem> {
    let machines = scenario.cluster.task_managers;
    for (n, operator) in scenario.job.operators.iter().enumerate() {
        let Some(on) = &operator.on else { continue };
        let path = format!("job.operators[{n}].on");
        if on.len() != operator.parallelism as usize {
            let found = format!(
                "{} for {}",
                counted(on.len() as u32, "task manager"),
                counted(operator.parallelism, "subtask")
            );
            return wrong(path, found, "list one for each subtask");
        }
        if let Some(subtask) = on.iter().position(|machine| *machine >= machines) {
            let found = format!("there is no task manager {}", on[subtask]);
            return wrong(format!("{path}[{subtask}]"), found, format!("they are counted from 0 to {}", machines - 1));
        }
    }
    // Operators that are placed by hand do not ask for slots.
    let placed = scenario.job.operators.iter().filter(|operator| operator.on.is_none());
    let Some(widest) = placed.max_by_key(|operator| operator.parallelism) else { return Ok(()) };
    let needed = widest.parallelism;
    match scenario.cluster.slots {
        Some(slots) if u64::from(slots) * u64::from(machines) < u64::from(needed) => {
            let found = format!("{} with {}", counted(machines, "task manager"), counted(slots, "slot"));
            let least = counted(needed.div_ceil(machines), "slot");
            let allowed = format!("{:?} has {needed} subtasks: give {least} or more, or more task managers", widest.id);
            wrong("cluster.slots", found, allowed)
        }
        _ => Ok(()),
    }
}

/// That buffers begin with a size they may have.
fn sizes(scenario: &Scenario) -> Result<(), Problem> {
    let network = &scenario.network;
    let Some(debloat) = network.debloat else { return Ok(()) };
    if debloat.start > network.segment {
        let found = format!("{} in a segment of {}", debloat.start, network.segment);
        return wrong("network.debloat.start", found, "lower it, or raise network.segment");
    }
    if debloat.min > debloat.start {
        let found = format!("{}, more than the {} to start with", debloat.min, debloat.start);
        return wrong("network.debloat.min", found, "lower it, or raise \"start\"");
    }
    Ok(())
}

/// That event time goes on from record to record: it does not from split to split.
fn event_time(job: &Job) -> Result<(), Problem> {
    for (n, operator) in job.operators.iter().enumerate() {
        let Some(source) = operator.source.as_ref().filter(|source| source.event_time.is_some()) else { continue };
        let path = format!("job.operators[{n}].event_time");
        if source.assignment == Assignment::Dynamic {
            let found = format!("{:?} hands out splits, and the next one begins where event time began", operator.id);
            return wrong(path, found, "leave \"event_time\" out, or \"assignment\"");
        }
    }
    Ok(())
}

/// That operators over time get all records of a key, and that those say when they happened.
fn over_time(job: &Job) -> Result<(), Problem> {
    let all: Vec<&Edge> = job.edges.iter().collect();
    let leads = |from: &str, to: &str| way(&all, from, to).is_some();
    for (n, operator) in job.operators.iter().enumerate() {
        let Some(over_time) = operator.over_time else { continue };
        let (path, id) = (format!("job.operators[{n}]"), &operator.id);
        if job.edges.iter().any(|edge| edge.feedback && leads(&edge.to, id) && leads(id, &edge.from)) {
            let found = format!("{id:?} is on a cycle, and what comes round it has no event time");
            return wrong(path, found, "put it before or behind the cycle");
        }
        let is_timeless = |source: &&Operator| source.source.as_ref().is_some_and(|of| of.event_time.is_none());
        let timeless = job.operators.iter().filter(is_timeless).find(|source| leads(&source.id, id));
        if let Some(source) = timeless.filter(|_| over_time.is_of_events()) {
            let found = format!("{id:?} waits for event time, and records of {:?} have none", source.id);
            return wrong(path, found, format!("give {:?} an \"event_time\"", source.id));
        }
        for (n, edge) in job.edges.iter().enumerate().filter(|(_, edge)| edge.to == *id) {
            if edge.by != Partitioner::Hash && operator.parallelism > 1 {
                let found = format!("{id:?} keeps state by key, and its records come by {}", edge.by.name());
                return wrong(format!("job.edges[{n}].by"), found, "take hash, or one subtask");
            }
        }
    }
    Ok(())
}

fn operator<'a>(job: &'a Job, id: &str, path: &str) -> Result<&'a Operator, Problem> {
    let found = job.operators.iter().find(|operator| operator.id == id);
    found.ok_or_else(|| {
        let ids: Vec<&str> = job.operators.iter().map(|operator| &*operator.id).collect();
        let place = Place { path: path.to_owned(), ..Place::default() };
        Problem::at(place, format!("there is no operator {id:?}"), choose(id, "operators", &ids))
    })
}

fn subtask(job: &Job, name: &SubtaskName, path: &str) -> Result<(), Problem> {
    let Operator { id, parallelism, .. } = operator(job, &name.operator, path)?;
    if name.subtask < *parallelism {
        return Ok(());
    }
    let found = format!("there is no subtask {id}[{}]", name.subtask);
    let allowed = match parallelism {
        1 => format!("the only one is {id}[0]"),
        _ => format!("they are {id}[0] to {id}[{}]", parallelism - 1),
    };
    wrong(path, found, allowed)
}

/// That what a fault strikes exists.
fn effect(scenario: &Scenario, effect: &Effect, path: &str) -> Result<(), Problem> {
    let job = &scenario.job;
    let machine = |node: Node, path: String| match node {
        Node::Manager(number) if number >= scenario.cluster.task_managers => {
            let last = scenario.cluster.task_managers - 1;
            wrong(path, format!("there is no manager[{number}]"), format!("they are manager[0] to manager[{last}]"))
        }
        _ => Ok(()),
    };
    let named = |of: &Option<SubtaskName>, path: String| of.as_ref().map_or(Ok(()), |name| subtask(job, name, &path));
    match effect {
        Effect::FailTask(name) => subtask(job, name, &format!("{path}.fail")),
        Effect::Spoil(name) => subtask(job, name, &format!("{path}.spoil")),
        Effect::Kill(node) => machine(*node, format!("{path}.kill")),
        Effect::Message(fault) => named(&fault.of, format!("{path}.message.of")),
        Effect::Write(fault) => named(&fault.of, format!("{path}.write.of")),
        Effect::Link(link) => {
            machine(link.from, format!("{path}.link.from"))?;
            machine(link.to, format!("{path}.link.to"))
        }
        Effect::Pace(pace) => {
            let path = format!("{path}.{}.of", if pace.factor.is_some() { "slow" } else { "pause" });
            match &pace.of {
                Paced::Task(name) => subtask(job, name, &path),
                Paced::Manager(number) => machine(Node::Manager(*number), path),
            }
        }
        Effect::Clock(clock) => machine(Node::Manager(clock.manager), format!("{path}.clock.of")),
        Effect::Record(_) => Ok(()),
        Effect::External(fault) => {
            let path = format!("{path}.external.of");
            let sink = operator(job, &fault.of, &path)?;
            match sink.kind == "sink" && sink.sink.commits() {
                true => Ok(()),
                false => {
                    let found = format!("{:?} is no sink with transactions", sink.id);
                    wrong(path, found, "name a sink whose output is two-phase, offsets or committables")
                }
            }
        }
    }
}

fn predicate(job: &Job, predicate: &Predicate, path: &str) -> Result<(), Problem> {
    let (kind, fields) = (predicate.kind.name(), predicate.kind.field_names());
    if predicate.checkpoint.is_some() && !fields.contains(&"checkpoint") {
        let path = format!("{path}.checkpoint");
        return wrong(&path, format!("the event \"{kind}\" is about no checkpoint"), "leave this field out");
    }
    let Some(of) = &predicate.of else { return Ok(()) };
    let path = &format!("{path}.of");
    let has = |field: &str| fields.contains(&field);
    if !has("task") && !has("channel") {
        return wrong(path, format!("the event \"{kind}\" happens to no task or channel"), "leave this field out");
    }
    if of.contains("->") && !has("channel") {
        return wrong(path, format!("the event \"{kind}\" happens to a task, not to a channel"), "name a subtask");
    }
    match Subject::parse(of) {
        Some(Subject::Task(operator, which)) => {
            subtask(job, &SubtaskName { operator, subtask: which.unwrap_or(0) }, path)
        }
        Some(Subject::Channel(from, to)) => {
            subtask(job, &from, path)?;
            subtask(job, &to, path)?;
            match job.edges.iter().any(|edge| edge.from == from.operator && edge.to == to.operator) {
                true => Ok(()),
                false => {
                    let found = format!("there is no edge from {:?} to {:?}", from.operator, to.operator);
                    wrong(path, found, "name a channel of an edge of the job")
                }
            }
        }
        None => wrong(path, format!("found {of:?}"), "name a subtask or a channel"),
    }
}

fn counted(n: u32, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
