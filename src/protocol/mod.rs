//! Checkpointing protocols: policy only, as pure state machines.
//!
//! A protocol is a [`TaskRole`] for every task and one [`CoordinatorRole`]. A role gets an input (a barrier
//! on a port, a trigger, a timer, "your snapshot is durable", …) and pushes commands into a buffer
//! (snapshot, send a barrier, release a port, acknowledge, …) that the world carries out. Roles never call
//! into the engine, have no clock and no randomness of their own: they ask [`Env`].
//!
//! **Architecture invariants.** A role never sees a record's lineage. Mechanism - queues, buffers, storage,
//! messages, failover - is the world's. Recovery is a value, the [`RecoveryPlan`]: the coordinator role
//! computes it from [`Facts`], the world executes it.
//!
//! **Order within a step.** Commands are carried out in the order they were pushed. [`TaskCommand::Snapshot`]
//! captures the state at that very point, then blocks the task for the synchronous part; it must be the last
//! command of its batch, and the next input the role gets is [`TaskInput::Taken`], or that an older snapshot is
//! durable, which does not wait for the task's thread. That one rule expresses
//! both barrier orders: `[Send, Snapshot]` then, on `Taken`, `[Release…]` is Flink's; `[Snapshot]` then, on
//! `Taken`, `[Send, Release…, Ack]` is the textbook's.
//!
//! # How the known protocols fit
//!
//! | protocol | task role | coordinator role, recovery |
//! |---|---|---|
//! | aligned barriers (ABS) | blocking barrier; count ports; at the last one send, snapshot, release | periodic trigger to sources, all acknowledge, newest complete |
//! | ABS on cycles | align on forward ports only, snapshot, capture feedback ports until their barrier | as above, plus re-injection |
//! | Chandy–Lamport | plain barrier; at the first one snapshot, send, capture every other port until its own | as above, plus re-injection |
//! | at-least-once tracking | plain barrier; count per id, at the last one snapshot and send | as aligned |
//! | unaligned | overtaking barrier; at the first one snapshot, send overtaking, capture all inputs including what is queued | as above, plus re-injection of inputs and outputs |
//! | aligned with timeout | as aligned; a timer set from the barrier's trigger [`Moment`] turns it into unaligned | as unaligned |
//! | uncoordinated + sender logs | a local timer, snapshot, acknowledge with counts; no barriers; [`Needs::sender_log`] | recovery line by fix-point over snapshots' counts, replay from logs |
//! | communication-induced (BCS, HMNR) | † a stamp on each buffer; a received stamp is an input that can force a snapshot before delivery | line from the stamps' clocks, replay from logs |
//! | stop the world | † sources pause on a trigger, tasks snapshot when drained or with captured queues | resume message after the last acknowledgement |
//! | micro-batch | † sources release one batch per trigger; blocking barrier at its end | the batch id is the checkpoint id; rerun from the last commit |
//! | transaction log (Kafka Streams EOS) | each task alone: commit timer, snapshot, visible output by transaction | per task its own newest snapshot; channels replay from durable logs |
//! | MillWheel strong productions | † told every record; a snapshot per record or bundle, acknowledge upstream after it | per task its own, upstream resends what was not acknowledged |
//! | Falkirk Wheel | † snapshots indexed by frontiers; stamps carry times | the general fix-point solver: every other recovery is a case of it |
//! | Clonos | † as aligned, plus determinants as stamps to neighbours | only the failed task restores; its inputs replay from logs, the others are [`RestorePoint::Live`] |
//! | RisingWave | blocking barriers, many in flight: the id is the epoch | newest complete epoch, all tasks |
//! | changelog backend, Hazelcast Jet | a cost model, not a protocol: aligned barriers with another snapshot cost | as aligned |
//! | Rhino handover, active standby | a barrier whose handling moves state; a second live copy | live copies keep, one moves |
//!
//! † needs an input or a command that is not there yet. Each is one variant here and one arm
//! in the world, and none changes what is there: a stamp that closes a buffer when it changes, and the input that
//! tells of it; an input per record for protocols that ask for it (with no goal for speed); a command that holds a
//! source. They come with the first protocol that uses them, so that nothing here is untried. ABS on cycles,
//! transaction logs and many barriers in flight need no addition.
//!
//! Flink's four are in `barriers/`, which they share.

mod barriers;
mod coordinator;
mod guarantee;
mod recovery;
mod roles;
pub mod zoo;

pub use coordinator::{BarrierCoordinator, Style};
pub use guarantee::{Counted, Guarantee, SinkGuarantee};
pub use recovery::{ChannelPlan, Facts, RecoveryPlan, RestorePoint};
pub use roles::{
    Barrier, BarrierKind, CoordinatorCommand, CoordinatorInput, CoordinatorRole, DeclineReason, Env, Moment, Note,
    Purpose, Record, TaskCommand, TaskInput, TaskRole, Timer, TimerKind,
};
pub use zoo::ZOO;

use crate::base::{OperatorId, Place, Problem, Span, nearest, parse_span};
use crate::fault::Mutant;
use crate::plan::Plan;
use crate::scenario::{self, BarrierOrder, Parameter, Request, Scenario};

/// A protocol of the zoo: what it is called, what it claims, and its roles.
pub trait Protocol: Sync + Send {
    /// What scenarios call it.
    fn name(&self) -> &'static str;
    /// One sentence for `cutline list`.
    fn about(&self) -> &'static str;
    /// What it promises.
    fn claims(&self) -> Claims;
    /// What the engine must provide.
    fn needs(&self) -> Needs {
        Needs { sender_log: false, channel_state: false }
    }
    /// A recovery puts records into channels again, from snapshots or logs.
    fn replays_channels(&self) -> bool {
        self.needs().channel_state || self.needs().sender_log
    }
    /// Parameters of its own, beside the common settings.
    fn parameters(&self) -> &'static [ParameterSpec] {
        &[]
    }
    /// The role of one task.
    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole>;
    /// The role of the coordinator.
    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole>;
}

/// What a protocol promises; campaigns and conformance tests hold it to every word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// How often every record counts in every state, whatever tolerated fault strikes.
    pub delivery: Delivery,
    /// One checkpoint id means the same to all tasks, and a checkpoint completes once all have it.
    pub coordinated: bool,
    /// Besides, every completed checkpoint is a consistent cut of all tasks.
    pub coordinated_cut: bool,
    /// Several checkpoints may be under way at a time.
    pub concurrent: bool,
    /// What it asks of edges that forbid overtaking.
    pub edges: Edges,
    /// Somebody may ask for checkpoints and savepoints.
    pub savepoints: bool,
    /// It works on jobs with cycles.
    pub cycles: bool,
    /// A crash restarts every task; otherwise some may keep what they have.
    pub global_restart: bool,
    /// It stands the loss of messages and of snapshots: what did not come to an end is given up and tried again.
    pub lossy: bool,
}

/// How often a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Exactly once.
    ExactlyOnce,
    /// Once or, after a failure, more often.
    AtLeastOnce,
}

/// What a protocol asks of edges on which barriers must not overtake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Nothing: they make no difference.
    Any,
    /// That branches of a job which meet again have edges alike. If barriers overtake on one branch and not on the other,
    /// a task where they meet blocks the fast branch and waits for the barrier of the slow one; if that barrier is still
    /// behind data before the fork, and the fork waits for the fast branch to take its output, the job stands still.
    Alike,
    /// That there are none: the protocol refuses such jobs.
    Overtaking,
}

/// What the engine must provide for a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Senders keep what they sent until the protocol drops it.
    pub sender_log: bool,
    /// Barriers may overtake, and what they overtake can become part of a snapshot.
    pub channel_state: bool,
}

/// A parameter that a protocol takes in `checkpoints.protocol`.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    /// Its name.
    pub name: &'static str,
    /// Its default, written as in a scenario; all parameters are times so far.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Values that random scenarios try.
    pub tries: &'static [&'static str],
}

/// The common settings and the protocol's own parameters, in the order of their table.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Between triggers; `None`: no checkpoints.
    pub interval: Option<Span>,
    /// To the first trigger; `None`: drawn.
    pub first: Option<Span>,
    /// From a completion to the next trigger.
    pub min_pause: Span,
    /// Until a checkpoint is given up.
    pub timeout: Span,
    /// At most so many at a time.
    pub max_concurrent: u32,
    /// More consecutive failures than this fail the job.
    pub tolerable_failures: u32,
    /// Complete checkpoints that are kept.
    pub retained: u32,
    /// Whether the barrier leaves before or after the snapshot.
    pub order: BarrierOrder,
    /// From a trigger until tasks are told.
    pub prepare: Span,
    /// Deleting a checkpoint that is not needed any more.
    pub deletion: Span,
    /// Sources have enumerators, which take part in every checkpoint before tasks are told.
    pub enumerators: bool,
    /// Checkpoints go on after tasks have ended.
    pub after_finish: bool,
    /// What somebody asks for, by time; the number of a request is its position here.
    pub requests: Vec<Request>,
    /// The protocol's own.
    pub parameters: Vec<Span>,
    /// A wrong decision that somebody wants to be made.
    pub mutant: Option<Mutant>,
}

impl Settings {
    /// Whether this wrong decision is to be made.
    #[inline]
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

/// Where a task role lives.
pub struct TaskSite<'a> {
    /// Its number.
    pub task: crate::base::TaskId,
    /// How many input ports it has.
    pub ports: u32,
    /// Whether it has none.
    pub is_source: bool,
    /// The settings.
    pub settings: &'a Settings,
}

/// Where a coordinator role lives.
pub struct JobSite<'a> {
    /// The job.
    pub plan: &'a Plan,
    /// The settings.
    pub settings: &'a Settings,
}

/// Finds the protocol that a scenario names and reads its parameters; refuses jobs it does not claim.
pub fn configure(scenario: &Scenario, plan: &Plan) -> Result<(&'static dyn Protocol, Settings), Problem> {
    let spec = &scenario.checkpoints;
    let protocol = find(&spec.protocol, &spec.place)?;
    if let (false, Some(cycle)) = (protocol.claims().cycles, plan.cycles.first()) {
        let names: Vec<&str> = cycle.iter().map(|op| plan.operators[op.index()].name.as_str()).collect();
        let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().cycles).map(|p| p.name()).collect();
        return Err(Problem::at(
            spec.place.clone(),
            format!("\"{}\" does not work on cycles, and {} form one", protocol.name(), names.join(", ")),
            format!("protocols that do: {}", able.join(", ")),
        ));
    }
    if !protocol.claims().concurrent && spec.max_concurrent > 1 {
        let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().concurrent).map(|p| p.name()).collect();
        return Err(Problem::at(
            spec.place.clone(),
            format!(
                "\"{}\" takes one checkpoint at a time, and max_concurrent is {}",
                protocol.name(),
                spec.max_concurrent
            ),
            format!("write 1, or take a protocol that allows more: {}", able.join(", ")),
        ));
    }
    if let (Edges::Overtaking, Some(edge)) = (protocol.claims().edges, plan.edges.iter().find(|e| !e.overtaking)) {
        let name = |op: OperatorId| &plan.operators[op.index()].name;
        let (from, to) = (name(edge.from), name(edge.to));
        return Err(Problem::at(
            spec.place.clone(),
            format!(
                "\"{}\" lets barriers overtake on every edge, and from {from} to {to} they must not",
                protocol.name()
            ),
            "hash, rebalance and global edges allow it; or take \"unaligned\"",
        ));
    }
    let committer = scenario.job.operators.iter().find(|operator| operator.kind == "committer");
    if let (false, Some(committer)) = (protocol.claims().coordinated, committer) {
        let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().coordinated).map(|p| p.name()).collect();
        return Err(Problem::at(
            committer.place.clone(),
            format!("\"{}\" never completes a checkpoint, and a committer waits for that", protocol.name()),
            format!("protocols that do: {}", able.join(", ")),
        ));
    }
    if let (false, Some(request)) = (protocol.claims().savepoints, spec.requests.first()) {
        return Err(Problem::at(
            request.place.clone(),
            format!(
                "\"{}\" takes no requests: it has no savepoints, and takes checkpoints by its own rules only",
                protocol.name()
            ),
            "drop \"requests\", or take another protocol",
        ));
    }
    if let (false, Some(source)) = (protocol.claims().coordinated, dynamic(scenario)) {
        let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().coordinated).map(|p| p.name()).collect();
        return Err(Problem::at(
            source.place.clone(),
            format!(
                "the splits of {:?} are handed out, and under \"{}\" no checkpoint holds all of them",
                source.id,
                protocol.name()
            ),
            format!("drop \"assignment\", or take one of: {}", able.join(", ")),
        ));
    }
    let by_clock = |operator: &&scenario::Operator| matches!(operator.over_time, Some(scenario::OverTime::After(_)));
    if let (false, Some(operator)) = (protocol.claims().coordinated, scenario.job.operators.iter().find(by_clock)) {
        let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().coordinated).map(|p| p.name()).collect();
        return Err(Problem::at(
            operator.place.clone(),
            format!(
                "what {:?} sends depends on the clock, and \"{}\" counts on tasks doing the same again",
                operator.id,
                protocol.name()
            ),
            format!("take a window over event time, or one of: {}", able.join(", ")),
        ));
    }
    let settings = Settings {
        interval: spec.interval,
        first: spec.first,
        min_pause: spec.min_pause,
        timeout: spec.timeout,
        max_concurrent: spec.max_concurrent,
        tolerable_failures: spec.tolerable_failures,
        retained: spec.retained,
        order: spec.order,
        prepare: spec.prepare,
        deletion: scenario.storage.deletion,
        enumerators: dynamic(scenario).is_some(),
        after_finish: spec.after_finish,
        requests: spec.requests.clone(),
        parameters: read_parameters(protocol, &spec.parameters)?,
        mutant: None,
    };
    Ok((protocol, settings))
}

/// The first source whose partitions are handed out.
fn dynamic(scenario: &Scenario) -> Option<&scenario::Operator> {
    let is_dynamic = |source: &scenario::Source| source.assignment == scenario::Assignment::Dynamic;
    scenario.job.operators.iter().find(|operator| operator.source.as_ref().is_some_and(is_dynamic))
}

/// The protocol of a name that is written at a place.
pub fn find(name: &str, place: &Place) -> Result<&'static dyn Protocol, Problem> {
    ZOO.iter().find(|protocol| protocol.name() == name).copied().ok_or_else(|| {
        // All of them rather than the nearest: "unaligned" is no misspelling of "aligned".
        let names: Vec<String> = ZOO.iter().map(|protocol| format!("\"{}\"", protocol.name())).collect();
        let allowed = format!("the zoo has {}", names.join(", "));
        Problem::at(place.clone(), format!("there is no protocol \"{name}\""), allowed)
    })
}

/// The values of a protocol's parameters, in the order of their table: as given, or the defaults.
pub fn read_parameters(protocol: &dyn Protocol, given: &[Parameter]) -> Result<Vec<Span>, Problem> {
    let parameters = protocol.parameters();
    if let Some(unknown) = given.iter().find(|p| !parameters.iter().any(|known| known.name == p.name)) {
        let names: Vec<&str> = parameters.iter().map(|known| known.name).collect();
        let allowed = match (nearest(&unknown.name, names.iter().copied()), names.is_empty()) {
            (Some(name), _) => format!("did you mean \"{name}\"?"),
            (None, true) => "it takes none".to_owned(),
            (None, false) => format!("it takes {}", names.join(", ")),
        };
        let found = format!("\"{}\" has no parameter \"{}\"", protocol.name(), unknown.name);
        return Err(Problem::at(unknown.place.clone(), found, allowed));
    }
    let value = |known: &ParameterSpec| match given.iter().find(|p| p.name == known.name) {
        Some(given) => parse_span(&given.value).map_err(|allowed| {
            Problem::at(given.place.clone(), format!("found \"{}\"", given.value), format!("write {allowed}"))
        }),
        None => Ok(parse_span(known.default).expect("defaults in the table are well written")),
    };
    parameters.iter().map(value).collect()
}
