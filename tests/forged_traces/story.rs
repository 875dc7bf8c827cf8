//! A very small job that writes down what it does, without time and without the simulator.
//!
//! It knows channels as rows of buffers, each at a place, and nothing of how a cluster decides what comes next: a tale
//! does that, step by step. Tasks apply what they read and send it on, as one buffer for each that they read from. Here is
//! what it has, and how it begins and ends; what it can do is in the files below.

mod buffers;
mod checkpoints;
mod recovery;

use cutline::base::*;
use cutline::check::{Checks, Claims};
use cutline::plan::{self, Plan};
use cutline::scenario::{self, EventTime, Network, OverTime, Scenario, Watermarks, Window, WindowShape};
use cutline::trace::Event;
use cutline::workload::windows::Tally;
use cutline::workload::{Expected, ExpectedOperator, ExpectedOutput, ExpectedWindows};
use std::sync::Arc;

/// Two sources, all to two counts by key, both to one sink; even subtasks on one machine, odd ones on another.
const JOB: &str = r#"{
  "cutline": 1,
  "job": {
    "operators": [
      {"id": "source", "kind": "source", "parallelism": 2, "size": "1B"},
      {"id": "count", "kind": "count", "parallelism": 2},
      {"id": "sink", "kind": "sink", "output": "two-phase"}
    ],
    "edges": [{"from": "source", "to": "count", "by": "hash"}, {"from": "count", "to": "sink", "by": "global"}]
  },
  "cluster": {"task_managers": 2},
  "network": {"exclusive": 2, "floating": 2, "max_per_channel": 2, "overdraft": 20}
}"#;

fn scenario() -> Scenario {
    scenario::parse(JOB, "story.json").unwrap_or_else(|problem| panic!("{problem}"))
}

/// Its network; a record is a byte and fills a buffer, which is less than a scenario may ask for.
pub fn network() -> Network {
    Network { segment: Bytes(1), ..scenario().network }
}

/// How many checkpoints in a row may fail.
const TOLERABLE: u32 = 1;

/// The channels of the job by their ends.
pub const S0_C0: usize = 0;
pub const S0_C1: usize = 1;
pub const S1_C0: usize = 2;
pub const S1_C1: usize = 3;
pub const C1_SINK: usize = 5;

const SINK: TaskId = TaskId(4);

/// A count of records, a chain over them in order, and their wrapping sum.
#[derive(Clone, Copy, Default)]
pub struct Total {
    pub count: u64,
    pub chain: Chain,
    pub sum: u64,
}

impl Total {
    fn add(&mut self, records: &[u64]) {
        for record in records {
            self.count += 1;
            self.chain.push(*record);
            self.sum = self.sum.wrapping_add(*record);
        }
    }
}

/// Where a buffer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Sender,
    Wire,
    /// Also where a local channel has it from the beginning.
    Receiver,
}

#[derive(Clone)]
struct Buffer {
    /// What is left to be read.
    records: Vec<u64>,
    at: At,
    /// It is in memory of its sender, or in one of the gate's buffers at its receiver.
    segment: bool,
    floating: bool,
    /// It was sent, and so used a credit.
    sent: bool,
}

/// A channel.
#[derive(Clone, Default)]
struct Line {
    sent: Total,
    received: Total,
    /// The number of the next buffer.
    seq: u64,
    /// The oldest first.
    row: Vec<Buffer>,
    /// The oldest is being read.
    reading: bool,
}

/// What a checkpoint saves.
#[derive(Clone)]
pub struct Saved {
    pub id: u64,
    lines: Vec<SavedLine>,
    states: Vec<Total>,
}

#[derive(Clone)]
struct SavedLine {
    sent: Total,
    received: Total,
    /// By buffer: what the receiver's snapshot holds, and what the sender's does.
    captured: Vec<Vec<u64>>,
    queued: Vec<Vec<u64>>,
}

impl SavedLine {
    /// What is behind the receiver or in its snapshot.
    fn captured_upto(&self) -> Total {
        let mut total = self.received;
        self.captured.iter().for_each(|records| total.add(records));
        total
    }
}

#[derive(Clone)]
pub struct Story {
    pub plan: Arc<Plan>,
    pub events: Vec<Event>,
    lines: Vec<Line>,
    /// What each task has applied.
    states: Vec<Total>,
    in_use: Vec<u32>,
    /// Floating buffers left, by receiving task.
    left: Vec<u32>,
    attempt: Attempt,
    /// What the sink has applied and not shown.
    hidden: Total,
    /// The transaction that the sink has open.
    transaction: u64,
    visible: Total,
    /// The last checkpoint of each task that has ended.
    ended: Vec<Option<u64>>,
}

impl Story {
    pub fn new() -> Self {
        Self::of(&scenario())
    }

    /// The same job, whose records say when they happened; none is late.
    pub fn in_time() -> Self {
        let mut scenario = scenario();
        let watermarks = Watermarks::Records(1);
        let (step, disorder, bound) = (Some(Span(1)), Span::ZERO, Span::ZERO);
        let times = EventTime { step, disorder, bound, watermarks, idle_after: None };
        scenario.job.operators[0].source.as_mut().expect("it is a source").event_time = Some(times);
        Self::of(&scenario)
    }

    /// The same, where the counts gather what they count in windows.
    pub fn in_windows() -> Self {
        let mut scenario = scenario();
        let size = WindowShape::Tumbling(Span(10));
        scenario.job.operators[1].over_time = Some(OverTime::Window(Window { shape: size, lateness: Span::ZERO }));
        let watermarks = Watermarks::Records(1);
        let (step, disorder, bound) = (Some(Span(1)), Span::ZERO, Span::ZERO);
        let times = EventTime { step, disorder, bound, watermarks, idle_after: None };
        scenario.job.operators[0].source.as_mut().expect("it is a source").event_time = Some(times);
        Self::of(&scenario)
    }

    fn of(scenario: &Scenario) -> Self {
        let plan = Arc::new(plan::build(scenario));
        let (channels, tasks) = (plan.channels.len(), plan.tasks.len());
        assert_eq!((channels, tasks), (6, 5), "two to two to one");
        let mut story = Self {
            plan,
            events: Vec::new(),
            lines: vec![Line::default(); channels],
            states: vec![Total::default(); tasks],
            in_use: vec![0; tasks],
            left: vec![2; tasks],
            attempt: Attempt(0),
            hidden: Total::default(),
            transaction: 0,
            visible: Total::default(),
            ended: vec![None; tasks],
        };
        story.start(CheckpointId::INITIAL);
        story.open();
        story
    }

    pub fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    fn running(&self) -> Vec<TaskId> {
        self.plan.task_ids().filter(|task| self.ended[task.index()].is_none()).collect()
    }

    fn start(&mut self, checkpoint: CheckpointId) {
        for task in self.running() {
            self.tell(Event::TaskStarted { task, attempt: self.attempt, checkpoint });
        }
    }

    /// All that is left to say.
    pub fn end(&mut self, drained: bool) {
        let plan = Arc::clone(&self.plan);
        for task in plan.task_ids() {
            let (state, operator) = (self.states[task.index()], plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            if plan.is_source(task) {
                self.tell(Event::SourceFinal { task, operator, partition: task.0, emitted: applied });
            }
            self.tell(Event::StateFinal { task, operator, applied, lineage, values: mix(lineage) });
        }
        for (index, line) in self.lines.clone().into_iter().enumerate() {
            let (channel, sent, received) = (ChannelId::from(index), line.sent.count, line.received.count);
            self.tell(Event::ChannelFinal { channel, sent, received, buffers: line.row.len() as u32 });
        }
        let Total { count: records, sum: lineage, .. } = self.visible;
        self.tell(Event::OutputFinal { task: SINK, operator: OperatorId(2), records, lineage });
        self.tell(Event::RunEnded { drained: u32::from(drained) });
    }

    /// Every operator applied what the sources made, and the sink showed it. Values are a function of state.
    pub fn expected(&self) -> Expected {
        let sources = &self.states[..2];
        let applied = sources.iter().map(|state| state.count).sum();
        let lineage = sources.iter().fold(0u64, |sum, state| sum.wrapping_add(state.sum));
        let operators = self.plan.operators.iter().map(|operator| {
            let tasks = operator.tasks.start as usize..operator.tasks.end as usize;
            let values = self.states[tasks].iter().fold(0u64, |sum, state| sum.wrapping_add(mix(state.sum)));
            let output = (operator.name == "sink").then_some(ExpectedOutput { records: applied, lineage });
            let of = |records, hash| Tally { records, hash };
            let windows = operator.over_time.map(|_| ExpectedWindows { entries: of(8, 80), results: of(4, 40) });
            ExpectedOperator { applied, lineage, values, output, windows }
        });
        Expected { operators: operators.collect() }
    }

    pub fn checks(&self, claims: Claims) -> Checks {
        Checks::for_claims(self.plan.clone(), &network(), TOLERABLE, claims)
    }
}
