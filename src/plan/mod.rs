//! From the logical job to tasks and channels: petgraph for the graph work, then frozen index tables.
//!
//! A [`Plan`] is made once for a scenario and shared by all runs of it. It says which tasks there are and
//! where they run, which channels connect them, who owns a key, and in which order operators depend on one
//! another. Nothing in it changes during a run, and it holds no name that a hot path would look up.
//!
//! **Architecture invariant:** no time, no cost and no state here; what an operator does to a record is
//! `workload`'s.

mod build;
mod keys;

pub use build::build;
pub use keys::{KeyTable, key_group, owner_of_group};

use crate::base::{ChannelId, EdgeId, OperatorId, Port, TaskId};
use crate::scenario::{OverTime, Partitioner, SinkMode};
use crate::trace::{Event, Names};
use std::ops::Range;

/// The physical job.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Operators in the order of the scenario.
    pub operators: Vec<Operator>,
    /// Tasks, grouped by the first operator of their chain, subtasks in order.
    pub tasks: Vec<Task>,
    /// Channels, grouped by edge, then sender, then receiver.
    pub channels: Vec<Channel>,
    /// Edges that became channels; chained edges are not among them.
    pub edges: Vec<Edge>,
    /// Operators so that inputs come before outputs, feedback edges aside.
    pub order: Vec<OperatorId>,
    /// Operators on cycles, by cycle; empty for a DAG.
    pub cycles: Vec<Vec<OperatorId>>,
    /// By task: the number of its failover region, all tasks that are connected with it.
    pub regions: Vec<u32>,
    /// How many task managers there are.
    pub managers: u32,
    /// Whether records say when they happened, and what that is worth.
    pub event_time: EventTime,
    /// Input channels of all tasks, in the order of ports.
    inputs: Vec<ChannelId>,
    /// Output edges of all tasks.
    outputs: Vec<OutEdge>,
}

/// What watermarks promise in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// There are none.
    None,
    /// That no record is late: sources wait as long as is needed, and for everybody.
    Punctual,
    /// Nothing: records may be later than sources expect, come from one that was not waited for, or round a cycle.
    Lossy,
}

/// An operator as planned.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Its name.
    pub name: String,
    /// The tasks that run it: one for each subtask, in order.
    pub tasks: Range<u32>,
    /// Its position in the chain of those tasks, from 0.
    pub position: u32,
    /// Whether it is a source.
    pub is_source: bool,
    /// Keys that its outputs can have are below this.
    pub keyspace: u32,
    /// Where keys of its input live, if it keeps state by key.
    pub keys: Option<KeyTable>,
    /// How its output gets outside, if it is a sink.
    pub sink: Option<SinkMode>,
    /// It commits what sinks before it have written.
    pub is_committer: bool,
    /// What it gets.
    pub inflow: Inflow,
    /// What it does, if it keeps records until a time has come.
    pub over_time: Option<OverTime>,
}

impl Operator {
    /// Whether it is event time that it waits for.
    pub fn waits_for_events(&self) -> bool {
        self.over_time.is_some_and(|over_time| over_time.is_of_events())
    }
}

/// Whether what comes to an operator is the same in every run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inflow {
    /// It is.
    #[default]
    Same,
    /// If nothing is counted twice and nothing comes after a watermark that said it would not: it comes of windows or
    /// joins.
    Timely,
    /// It is not: which records belong together depends on what happens.
    Open,
}

/// One thread of the cluster.
#[derive(Clone, Debug)]
pub struct Task {
    /// The operators it runs, head first.
    pub chain: Vec<OperatorId>,
    /// Which of the parallel instances.
    pub subtask: u32,
    /// Where it runs.
    pub manager: u32,
    inputs: Range<u32>,
    outputs: Range<u32>,
    /// How many output channels it has.
    pub out_slots: u32,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The sender.
    pub from: TaskId,
    /// The receiver.
    pub to: TaskId,
    /// Which input of the receiver.
    pub port: Port,
    /// Which output of the sender, counted over all its edges.
    pub slot: u32,
    /// The edge it belongs to.
    pub edge: EdgeId,
    /// Both ends on one task manager.
    pub local: bool,
}

/// An edge as planned.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The sending operator.
    pub from: OperatorId,
    /// The receiving operator.
    pub to: OperatorId,
    /// How receivers are chosen.
    pub by: Partitioner,
    /// Closes a cycle.
    pub feedback: bool,
    /// Barriers may overtake data: the partitioner lets them, and the scenario does not forbid it.
    pub overtaking: bool,
    /// Which input gate of the receiver's tasks, from 0.
    pub gate: u32,
    /// Key to subtask, for hash edges: shared with the receiver's table where it has one.
    pub owner: Option<std::sync::Arc<[u16]>>,
}

/// The channels of one output edge of one task.
#[derive(Clone, Copy, Debug)]
pub struct OutEdge {
    /// The edge.
    pub edge: EdgeId,
    /// Its first channel; the others follow.
    pub first: ChannelId,
    /// Its first slot.
    pub slot: u32,
    /// How many channels.
    pub width: u32,
}

impl Plan {
    /// The input channels of a task, by port.
    #[inline]
    pub fn inputs(&self, task: TaskId) -> &[ChannelId] {
        let range = &self.tasks[task.index()].inputs;
        &self.inputs[range.start as usize..range.end as usize]
    }

    /// The output edges of a task.
    #[inline]
    pub fn outputs(&self, task: TaskId) -> &[OutEdge] {
        let range = &self.tasks[task.index()].outputs;
        &self.outputs[range.start as usize..range.end as usize]
    }

    /// The output channels of a task, by slot.
    pub fn output_channels(&self, task: TaskId) -> impl Iterator<Item = ChannelId> + '_ {
        self.outputs(task).iter().flat_map(|out| (out.first.0..out.first.0 + out.width).map(ChannelId))
    }

    /// Whether a channel belongs to a feedback edge.
    #[inline]
    pub fn feeds_back(&self, channel: ChannelId) -> bool {
        self.edges[self.channels[channel.index()].edge.index()].feedback
    }

    /// All tasks.
    pub fn task_ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        (0..self.tasks.len()).map(TaskId::from)
    }

    /// The operator that gives a task its name.
    pub fn head(&self, task: TaskId) -> OperatorId {
        self.tasks[task.index()].chain[0]
    }

    /// The failover region of a task.
    pub fn region(&self, task: TaskId) -> u32 {
        self.regions[task.index()]
    }

    /// Whether a task has no inputs.
    pub fn is_source(&self, task: TaskId) -> bool {
        self.operators[self.head(task).index()].is_source
    }

    /// `count[2]`, or `source -> map[2]` for a chain.
    pub fn task_name(&self, task: TaskId) -> String {
        format!("{}[{}]", self.chain_name(task), self.tasks[task.index()].subtask)
    }

    /// What the subtasks of a chain have in common: `source -> map`.
    pub fn chain_name(&self, task: TaskId) -> String {
        let chain = self.tasks[task.index()].chain.iter();
        chain.map(|op| self.operators[op.index()].name.as_str()).collect::<Vec<_>>().join(" -> ")
    }

    /// The tasks of each chain, in the order of subtasks; chains so that inputs come before outputs.
    pub fn chains(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        let heads = self.order.iter().map(|op| &self.operators[op.index()]).filter(|op| op.position == 0);
        heads.map(|head| head.tasks.clone())
    }

    /// `source[0]->count[2]`.
    pub fn channel_name(&self, channel: ChannelId) -> String {
        let planned = &self.channels[channel.index()];
        let edge = &self.edges[planned.edge.index()];
        let name = |op: OperatorId, task: TaskId| {
            format!("{}[{}]", self.operators[op.index()].name, self.tasks[task.index()].subtask)
        };
        format!("{}->{}", name(edge.from, planned.from), name(edge.to, planned.to))
    }

    /// The task that `count[2]` or `count` (its first subtask) means.
    pub fn task_named(&self, operator: &str, subtask: u32) -> Option<TaskId> {
        let planned = self.operators.iter().find(|op| op.name == operator)?;
        let task = planned.tasks.start.checked_add(subtask)?;
        (task < planned.tasks.end).then_some(TaskId(task))
    }

    /// The operator of this name.
    pub fn operator_named(&self, name: &str) -> Option<OperatorId> {
        self.operators.iter().position(|op| op.name == name).map(OperatorId::from)
    }

    /// The operator with which a task's chain ends, if it is a sink, and how its output gets outside.
    pub fn sink(&self, task: TaskId) -> Option<(OperatorId, SinkMode)> {
        let last = *self.tasks[task.index()].chain.last()?;
        self.operators[last.index()].sink.map(|mode| (last, mode))
    }

    /// Whether a task commits what others have written.
    pub fn is_committer(&self, task: TaskId) -> bool {
        self.operators[self.head(task).index()].is_committer
    }

    fn runs(&self, task: TaskId, of: &str) -> bool {
        let (name, subtask) = match of.strip_suffix(']').and_then(|of| of.rsplit_once('[')) {
            Some((name, subtask)) => (name, subtask.parse().ok()),
            None => (of, None),
        };
        let planned = &self.tasks[task.index()];
        planned.chain.iter().any(|op| self.operators[op.index()].name == name)
            && subtask.is_none_or(|subtask: u32| subtask == planned.subtask)
    }
}

impl Names for Plan {
    fn matches(&self, of: &str, event: &Event) -> bool {
        if let Some((from, to)) = of.split_once("->") {
            return event.channel().is_some_and(|channel| {
                let planned = &self.channels[channel.index()];
                self.runs(planned.from, from.trim()) && self.runs(planned.to, to.trim())
            });
        }
        match (event.task(), event.channel()) {
            (Some(task), _) => self.runs(task, of),
            (None, Some(channel)) => self.runs(self.channels[channel.index()].to, of),
            (None, None) => false,
        }
    }
}
