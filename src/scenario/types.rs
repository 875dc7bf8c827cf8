//! A scenario as plain data: what the user wrote with every default filled in.

use super::{Backend, Fault, Phase};
use crate::base::{Burst, Bytes, Place, Rate, Span};
use crate::trace::Predicate;

/// The version of the file format that this build reads.
pub const VERSION: u64 = 1;

/// The largest parallelism, and the largest number of key groups, as in Flink.
pub const PARALLELISM_MAX: u32 = 1 << 15;

/// An experiment: a job, where it runs, how it checkpoints, what goes wrong, and what is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// A short name; the file's name if none is given.
    pub name: String,
    /// What it shows.
    pub why: String,
    /// The dataflow.
    pub job: Job,
    /// The machines.
    pub cluster: Cluster,
    /// What connects them.
    pub network: Network,
    /// Where snapshots go.
    pub storage: Storage,
    /// When and how snapshots are taken.
    pub checkpoints: Checkpoints,
    /// What happens after a failure.
    pub restart: Restart,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Choices to make where several steps are possible; see [`Choice`].
    pub schedule: Vec<Choice>,
    /// Seed and length of the run.
    pub run: RunFor,
    /// What must come out.
    pub expect: Expect,
    /// The systems that sinks write to.
    pub external: External,
    /// How its tasks keep their state.
    pub backend: Backend,
    /// How the job goes on, changed, when this is over.
    pub then: Vec<Phase>,
}

/// The logical dataflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// In any order; their names are unique.
    pub operators: Vec<Operator>,
    /// In the order in which they are the inputs of their receivers.
    pub edges: Vec<Edge>,
    /// The number of key groups (Flink: max parallelism).
    pub max_parallelism: u32,
}

/// One operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Its name.
    pub id: String,
    /// What it does: a name from the operator table (`source`, `map`, `filter`, `flat-map`, `count`, `join`, `sink`,
    /// `committer`, `window`, `window-join`, `interval-join`, `timeout`).
    pub kind: String,
    /// How many subtasks.
    pub parallelism: u32,
    /// Thread time per record.
    pub service: Span,
    /// Records out per record in; drawn from the record's identity where it is not whole.
    pub selectivity: Ratio,
    /// If set, each output gets a new key out of so many.
    pub rekey: Option<u32>,
    /// Size of an output record; `None`: as large as the input.
    pub output_size: Option<Bytes>,
    /// How much state it holds.
    pub state: StateSize,
    /// What a snapshot of it costs.
    pub snapshot: SnapshotCost,
    /// Sources only.
    pub source: Option<Source>,
    /// Sinks only.
    pub sink: SinkMode,
    /// Sinks with transactions only.
    pub transactions: Transactions,
    /// The task manager of each subtask, if it is not left to `cluster.placement`.
    pub on: Option<Vec<u32>>,
    /// Operators over time only.
    pub over_time: Option<OverTime>,
    /// Where in the file it is written, for complaints that come up later.
    pub place: Place,
}

/// What an operator does that keeps records until a time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverTime {
    /// It gathers the records of a key in windows, and sends one record for each when it is over.
    Window(Window),
    /// It sends one record for each pair from its two inputs that has the key and the window in common.
    Pairs(Window),
    /// It sends one record for each pair that has the key in common, if the second happened at most so long before
    /// the first, or at most so long after it.
    Interval {
        /// The second input's record may be older by so much.
        before: Span,
        /// Or younger by so much.
        after: Span,
    },
    /// It sends one record for a key so long after the first one of it came, by the clock of its machine.
    After(Span),
}

impl OverTime {
    /// Whether it tells its two inputs apart.
    pub fn takes_sides(&self) -> bool {
        matches!(self, Self::Pairs(_) | Self::Interval { .. })
    }

    /// Whether it is event time that it waits for.
    pub fn is_of_events(&self) -> bool {
        !matches!(self, Self::After(_))
    }
}

/// Windows of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which records belong together.
    pub shape: WindowShape,
    /// How long after its end a window is kept for records that are late.
    pub lateness: Span,
}

/// Which records of a key belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowShape {
    /// Those of a stretch of time; a new one begins where the last one ends.
    Tumbling(Span),
    /// The same, where a new one begins more often.
    Sliding {
        /// How long a window is.
        size: Span,
        /// From the beginning of one to that of the next.
        slide: Span,
    },
    /// Those between which no time passes that is longer than this.
    Session(Span),
}

/// A ratio of whole numbers, `outputs` per `inputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Numerator.
    pub outputs: u32,
    /// Denominator, at least 1.
    pub inputs: u32,
}

/// Bytes of state of one subtask = `base + per_key x keys seen + per_record x records applied`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// There from the beginning.
    pub base: Bytes,
    /// For every distinct key.
    pub per_key: Bytes,
    /// For every record.
    pub per_record: Bytes,
}

/// The cost of a snapshot of one subtask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCost {
    /// Blocks the task.
    pub sync: Span,
    /// Runs beside it; `None`: from the state's size and the storage's latency and bandwidth.
    pub r#async: Option<Span>,
}

/// What a source reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Partitions of the log, at least one for each subtask.
    pub partitions: u32,
    /// Records in all partitions together; `None`: endless.
    pub records: Option<u64>,
    /// Arrival of new records, all partitions together; `None`: all are there from the start.
    pub rate: Option<Rate>,
    /// Regular bursts.
    pub burst: Option<Burst>,
    /// Keys of the records.
    pub keys: Keys,
    /// Size of a record on the wire.
    pub size: Bytes,
    /// What it does after the last record.
    pub end: SourceEnd,
    /// It can go back to an earlier position; otherwise what it has read is gone.
    pub replayable: bool,
    /// Who decides which subtask reads which partition.
    pub assignment: Assignment,
    /// When its records happened, if they say so.
    pub event_time: Option<EventTime>,
}

/// When the records of a source happened, and how its subtasks tell how far they are.
///
/// A record happened when it arrives, or at its place in a row with equal steps if all are there from the start; less a
/// part of `disorder`, drawn for each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// From one record of a subtask to the next; `None`: they arrive at a rate.
    pub step: Option<Span>,
    /// A record is late by at most so much.
    pub disorder: Span,
    /// Subtasks expect it to be late by at most so much.
    pub bound: Span,
    /// How often they say how far they are.
    pub watermarks: Watermarks,
    /// A partition from which nothing comes for so long is not waited for; `None`: it always is.
    pub idle_after: Option<Span>,
}

/// How often a subtask of a source sends a watermark, if it has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watermarks {
    /// Again after so long.
    Every(Span),
    /// After every so many records.
    Records(u32),
}

/// Who decides which subtask of a source reads which partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Nobody: each subtask has its share, for ever.
    #[default]
    Static,
    /// An enumerator hands them out as splits, one after the other, to whoever asks.
    Dynamic,
}

/// How keys are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// How many there are.
    pub count: u32,
    /// How evenly.
    pub skew: Skew,
}

/// How evenly keys are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// All alike.
    Even,
    /// The first `keys` of them get `percent` of the records.
    Hot {
        /// How many keys are hot.
        keys: u32,
        /// Their share of the records.
        percent: u32,
    },
    /// In proportion to 1 / rank.
    Zipf,
}

/// What a finite source does after its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceEnd {
    /// Sends end-of-data; the job drains, takes a final checkpoint and ends.
    Finishes,
    /// Stays, and keeps taking part in checkpoints until the run's limit.
    Idles,
}

/// When a sink's output can be seen outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkMode {
    /// At once, record by record.
    Plain,
    /// When the checkpoint that covers it completes (two-phase commit).
    TwoPhase,
    /// At once; a record that was written before changes nothing.
    Idempotent,
    /// At the barrier, together with how far the sink has got: what the system has is not written again.
    Offsets,
    /// When the checkpoint that covers it completes; a committer sees to that.
    Committables,
}

impl SinkMode {
    /// Whether it writes in transactions.
    pub fn commits(self) -> bool {
        matches!(self, Self::TwoPhase | Self::Offsets | Self::Committables)
    }
}

/// The transactions of a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transactions {
    /// The external system aborts one that is older; `None`: never.
    pub timeout: Option<Span>,
    /// What the sink does when it is to commit one that was aborted so.
    pub on_expired: OnExpired,
}

/// What a sink does when it is to commit a transaction that the external system has aborted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpired {
    /// It goes on without what was in it, as Flink's Kafka sink does.
    #[default]
    Lose,
    /// It fails, and will fail again after every restart.
    Fail,
}

/// The systems that sinks write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct External {
    /// One way of a call.
    pub latency: Span,
}

/// One edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Name of the sending operator.
    pub from: String,
    /// Name of the receiving operator.
    pub to: String,
    /// Which subtask gets a record.
    pub by: Partitioner,
    /// Both ends in one thread, without a channel between them.
    pub chained: bool,
    /// Closes a cycle on purpose.
    pub feedback: bool,
    /// Barriers may overtake data here, unless the partitioner forbids it anyway.
    pub overtaking: bool,
    /// Where in the file it is written.
    pub place: Place,
}

/// Which subtask of the receiver gets a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// Subtask i to subtask i; equal parallelism.
    Forward,
    /// Each sender to all receivers in turn.
    Rebalance,
    /// Each sender to its share of the receivers in turn, without an all-to-all exchange.
    Rescale,
    /// By key.
    Hash,
    /// Every record to every receiver.
    Broadcast,
    /// Everything to receiver 0.
    Global,
}

impl Partitioner {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Forward, Self::Rebalance, Self::Rescale, Self::Hash, Self::Broadcast, Self::Global];

    /// What scenarios call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Rebalance => "rebalance",
            Self::Rescale => "rescale",
            Self::Hash => "hash",
            Self::Broadcast => "broadcast",
            Self::Global => "global",
        }
    }

    /// Barriers may overtake data on such an edge: not where consumers must not be told apart (broadcast), and not
    /// where records could not be sent elsewhere on another day (forward, rescale).
    pub fn lets_overtake(self) -> bool {
        !matches!(self, Self::Forward | Self::Rescale | Self::Broadcast)
    }
}

/// The machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// How many task managers.
    pub task_managers: u32,
    /// Slots of each; `None`: as many as the job needs.
    pub slots: Option<u32>,
    /// Which slots are used first.
    pub placement: Placement,
    /// A task manager that has not been heard of for so long is lost.
    pub heartbeat: Span,
    /// Task managers that wait to take the place of a lost one.
    pub standby: u32,
    /// Until a lost task manager is replaced, if none waits.
    pub replacement: Span,
    /// Until somebody takes over from a coordinator that is gone.
    pub takeover: Span,
    /// What restarts with a failed task.
    pub failover: Failover,
}

/// What restarts with a failed task, under protocols that restart more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// All that is connected with it.
    Region,
    /// The whole job.
    Full,
}

/// Which slots are used first. Subtask i of every operator shares slot i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// One task manager after the other.
    Fill,
    /// Round the task managers.
    Spread,
}

/// What connects the machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// One way between two task managers.
    pub latency: Span,
    /// Of each ordered pair of task managers; `Rate(0)`: not limited.
    pub bandwidth: Rate,
    /// Size of a network buffer; the largest size if they follow the throughput.
    pub segment: Bytes,
    /// How sizes of buffers follow the throughput; `None`: all are as large as a segment.
    pub debloat: Option<Debloat>,
    /// Buffers that a remote channel owns at the receiver.
    pub exclusive: u32,
    /// Further buffers that the channels of one input edge of a task share.
    pub floating: u32,
    /// So many buffers at one output channel, the open one among them, stop the sender.
    pub max_per_channel: u32,
    /// Buffers beyond its pool that a task may take to finish the record it is in; then it stops within the record.
    pub overdraft: u32,
    /// Partly filled buffers are sent this often; `None`: only full ones; zero: after every record.
    pub buffer_timeout: Option<Span>,
    /// One way between coordinator and task.
    pub rpc: Span,
    /// What a sender that waits behind an aligned barrier may still send.
    pub blocked: BlockedRule,
}

/// How receivers choose the size of the buffers that they are sent: so that what waits for them is so much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debloat {
    /// How long the buffers of an input should keep its task busy.
    pub target: Span,
    /// Between two calculations.
    pub period: Span,
    /// Calculations that a moving average looks back on.
    pub samples: u32,
    /// A change of less than so many percent is not worth telling.
    pub threshold: u32,
    /// No size is smaller.
    pub min: Bytes,
    /// The size before the first change.
    pub start: Bytes,
}

/// What a sender that waits behind an aligned barrier may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockedRule {
    /// Overtaking barriers, as Flink 2.3 does.
    Overtaking,
    /// Nothing, as Flink 1.20 does.
    Nothing,
}

/// Where snapshots go.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Of one upload on its own, or shared; `Rate(0)`: not limited.
    pub bandwidth: Rate,
    /// Before the first byte moves.
    pub latency: Span,
    /// Who shares the bandwidth.
    pub shared: Shared,
    /// Writing the metadata of a complete checkpoint.
    pub metadata: Span,
    /// Deleting the files of a checkpoint that is not needed any more.
    pub deletion: Span,
    /// Task managers keep a copy of their newest snapshots, and restore from it if they are still there.
    pub local: bool,
}

/// Who shares the storage bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Nobody: every task has it for itself.
    Task,
    /// The tasks of one task manager.
    TaskManager,
    /// The whole cluster.
    Cluster,
}

/// When and how snapshots are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// Name of a protocol from the zoo.
    pub protocol: String,
    /// Its own parameters, checked by the protocol.
    pub parameters: Vec<Parameter>,
    /// Where the protocol is named.
    pub place: Place,
    /// Between triggers; `None`: no checkpoints.
    pub interval: Option<Span>,
    /// From the start of the job to the first trigger; `None`: drawn from min-pause to interval, as Flink does.
    pub first: Option<Span>,
    /// From a completion to the next trigger.
    pub min_pause: Span,
    /// A checkpoint that takes longer is given up.
    pub timeout: Span,
    /// At most so many at a time.
    pub max_concurrent: u32,
    /// More consecutive failures than this fail the job.
    pub tolerable_failures: u32,
    /// Complete checkpoints that are kept.
    pub retained: u32,
    /// Whether the barrier leaves before or after the task's own snapshot.
    pub order: BarrierOrder,
    /// From a trigger until tasks are told: the coordinators of operators, the storage location.
    pub prepare: Span,
    /// Checkpoints go on after tasks have ended, and a task waits for one that covers all of its data before it ends.
    pub after_finish: bool,
    /// What somebody asks for beside the periodic ones.
    pub requests: Vec<Request>,
}

/// A checkpoint or savepoint that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// When, from the beginning of the run.
    pub at: Span,
    /// What.
    pub take: Take,
    /// Where it is written.
    pub place: Place,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// A checkpoint out of turn.
    Checkpoint,
    /// A savepoint; the job goes on.
    Savepoint,
    /// A savepoint with which the job stops, to be resumed from it.
    Suspend,
    /// A savepoint with which the job ends.
    Drain,
}

/// A parameter of a protocol as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value, as text; numbers and truth values are written as in JSON.
    pub value: String,
    /// Where it is written.
    pub place: Place,
}

/// Whether the barrier leaves before or after the task's own snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierOrder {
    /// Flink: the barrier leaves first, then the synchronous part, then the asynchronous one beside processing.
    EmitThenSnapshot,
    /// The textbook: the task is blocked for the whole snapshot, then the barrier leaves.
    SnapshotThenEmit,
}

/// What happens after a failure: Flink's restart strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The first failure ends the job.
    Never,
    /// Always the same delay.
    FixedDelay {
        /// From the failure to the restart.
        delay: Span,
        /// After more restarts than this the job has failed; `None`: never.
        attempts: Option<u32>,
    },
    /// The same delay, as long as failures are rare.
    FailureRate {
        /// From the failure to the restart.
        delay: Span,
        /// With more failures than this within the interval the job has failed.
        failures: u32,
        /// How far back failures count.
        interval: Span,
    },
    /// A delay that grows from failure to failure.
    ExponentialDelay(Backoff),
}

/// How the delay of a restart grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay, and the shortest.
    pub initial: Span,
    /// The longest delay.
    pub max: Span,
    /// From one delay to the next; at least 1.
    pub multiplier: Ratio,
    /// A job that ran so long after a restart begins again with the first delay.
    pub threshold: Span,
    /// At most so much of a delay is added or taken away; at most 1.
    pub jitter: Ratio,
    /// After more restarts than this in a row the job has failed; `None`: never.
    pub attempts: Option<u32>,
}

/// A subtask as users name it: `count[2]`, or `count` for its first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubtaskName {
    /// The operator.
    pub operator: String,
    /// Which subtask, from 0.
    pub subtask: u32,
}

impl std::fmt::Display for SubtaskName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.operator, self.subtask)
    }
}

/// A choice named by the identity of the step to take: what a recorded schedule is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Kind of step, e.g. `run`, `poll`, `deliver`.
    pub step: String,
    /// The task or channel, as in the trace (`count[0]`, `source[1]->count[0]`).
    pub of: String,
    /// Which one of its kind, from 1.
    pub nth: u64,
    /// Where it is written.
    pub place: Place,
}

/// Seed and length of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFor {
    /// Decides every draw.
    pub seed: u64,
    /// Sources stop at this instant, if they have not finished; then the job drains.
    pub limit: Span,
    /// The job is cancelled at this instant: nothing drains, and what is complete is all that is left.
    pub cancel: Option<Span>,
}

/// What must come out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// The verdict; `None`: PASS.
    pub verdict: Option<String>,
    /// Bounds on reported figures.
    pub figures: Vec<Bound>,
    /// Situations that must come up.
    pub happens: Vec<Predicate>,
    /// The digest, if it is pinned.
    pub digest: Option<String>,
}

/// A bound on a reported figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Its name, from the table of figures.
    pub figure: String,
    /// Smallest value allowed.
    pub min: Option<Amount>,
    /// Largest value allowed.
    pub max: Option<Amount>,
    /// Where it is written.
    pub place: Place,
}

/// A number with its unit, as written in a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Plain count.
    Count(u64),
    /// A length of time.
    Time(Span),
    /// A size.
    Size(Bytes),
    /// A rate per second.
    PerSecond(Rate),
}
