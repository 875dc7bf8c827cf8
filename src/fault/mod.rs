//! Fault plans: an explicit list of trigger × effect, never a coin tossed during the run.
//!
//! A plan is a value: it can be printed, edited, compared and shrunk, and taking a fault out of it changes no
//! other draw. A trigger is an instant or a [`Predicate`] over events. What a user can ask for is one file each; it
//! is composed of a small closed set of [`Primitive`]s, which are all that the world knows. A fault that lasts
//! begins and heals; when sources stop, everything heals.
//!
//! [`Mutant`]s are the other way to break things: wrong decisions of the engine, not of its surroundings.
//!
//! **Architecture invariant:** what a fault *means* for queues, messages and storage is the world's; here is
//! only what was asked for, and how to say it ([`words`]).

mod clock;
mod coordinator_loss;
mod external;
mod link;
mod manager_loss;
mod message;
mod mutant;
mod pace;
mod record;
mod spoil;
mod task_exception;
mod write;

pub use mutant::{Area, Mutant};

use crate::base::{CheckpointId, OperatorId, Span, TaskId, Time};
use crate::plan::Plan;
use crate::scenario::{self, Effect, ExternalMishap, MessageKind, Mishap, Node, RecordMishap, When, WriteMishap};
use crate::trace::Predicate;

/// What a user can ask for, as scenarios write it: one of these beside `at` or `when`.
///
/// ```
/// let cut = cutline::fault::KINDS.iter().find(|kind| kind.name == "link").expect("links can be cut");
/// assert!(cut.example.starts_with("\"link\": {"));
/// ```
pub static KINDS: &[&Kind] = &[
    &task_exception::KIND,
    &manager_loss::KIND,
    &coordinator_loss::KIND,
    &message::KIND,
    &link::KIND,
    &pace::SLOW,
    &pace::PAUSE,
    &write::KIND,
    &spoil::KIND,
    &record::KIND,
    &clock::KIND,
    &external::KIND,
];

/// One way in which things go wrong.
#[derive(Debug)]
pub struct Kind {
    /// The field of a fault that asks for it.
    pub name: &'static str,
    /// What happens, with the words to choose from.
    pub about: &'static str,
    /// How it is written: what stands behind `"at": "1s",`.
    pub example: &'static str,
}

/// All faults of a scenario, resolved against its plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    /// In the order of the scenario.
    pub faults: Vec<PlannedFault>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// When it strikes.
    pub trigger: Trigger,
    /// What it does, all at the same instant.
    pub effects: Vec<Primitive>,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At an instant.
    At(Time),
    /// Right after the event for which the predicate becomes true.
    On(Predicate),
}

/// The primitives that faults are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// A task throws.
    Throw(TaskId),
    /// A task manager stops, and all threads on it; nobody is told.
    Crash(u32),
    /// The coordinator stops and forgets; somebody will take over.
    CrashCoordinator,
    /// The n-th message that fits meets with a mishap.
    Message {
        /// What it says.
        kind: MessageKind,
        /// To or from whom; `None`: anyone.
        task: Option<TaskId>,
        /// About what; `None`: any.
        checkpoint: Option<CheckpointId>,
        /// Which of them, from 1.
        nth: u64,
        /// What happens to it.
        does: Mishap,
    },
    /// Nothing gets from one machine to another, or everything late.
    Link {
        /// From here
        from: Node,
        /// to there.
        to: Node,
        /// How much later; `None`: not before it heals.
        by: Option<Span>,
        /// Until it heals.
        lasts: Span,
    },
    /// A thread is slow, or stands still.
    Pace {
        /// Whose.
        task: TaskId,
        /// So many times slower; 0: it stands still.
        factor: u32,
        /// Until it heals.
        lasts: Span,
    },
    /// The next writes that fit meet with a mishap.
    Write {
        /// Whose; `None`: anyone's.
        task: Option<TaskId>,
        /// For what; `None`: any.
        checkpoint: Option<CheckpointId>,
        /// How many.
        times: u32,
        /// What happens to them.
        does: WriteMishap,
    },
    /// The newest durable snapshot of a task cannot be read any more.
    Spoil(TaskId),
    /// The next record that a checkpoint is complete meets with a mishap.
    Record(RecordMishap),
    /// From now on a task manager's clock differs by so many nanoseconds.
    Clock {
        /// Whose.
        manager: u32,
        /// Ahead if positive.
        by: i64,
    },
    /// Something happens at the external system of a sink.
    External {
        /// The sink.
        operator: OperatorId,
        /// What happens.
        does: ExternalMishap,
    },
}

impl FaultPlan {
    /// Resolves the names in a checked scenario's faults.
    pub fn new(faults: &[scenario::Fault], plan: &Plan) -> Self {
        let planned = faults.iter().map(|fault| PlannedFault {
            trigger: match &fault.when {
                When::At(span) => Trigger::At(Time::ZERO + *span),
                When::On(predicate) => Trigger::On(predicate.clone()),
            },
            effects: effects(&fault.effect, plan),
        });
        Self { faults: planned.collect() }
    }
}

fn effects(effect: &Effect, plan: &Plan) -> Vec<Primitive> {
    match effect {
        Effect::FailTask(name) => task_exception::primitives(name, plan),
        Effect::Kill(Node::Manager(manager)) => manager_loss::primitives(*manager),
        Effect::Kill(Node::Coordinator) => coordinator_loss::primitives(),
        Effect::Message(fault) => message::primitives(fault, plan),
        Effect::Link(fault) => link::primitives(fault),
        Effect::Pace(fault) => pace::primitives(fault, plan),
        Effect::Write(fault) => write::primitives(fault, plan),
        Effect::Spoil(name) => spoil::primitives(name, plan),
        Effect::Record(mishap) => record::primitives(*mishap),
        Effect::Clock(fault) => clock::primitives(fault),
        Effect::External(fault) => external::primitives(fault, plan),
    }
}

/// What a fault does, in words: for those who do not have the scenario before them.
pub fn words(effect: &Effect) -> String {
    match effect {
        Effect::FailTask(name) => task_exception::words(name),
        Effect::Kill(Node::Manager(manager)) => manager_loss::words(*manager),
        Effect::Kill(Node::Coordinator) => coordinator_loss::words(),
        Effect::Message(fault) => message::words(fault),
        Effect::Link(fault) => link::words(fault),
        Effect::Pace(fault) => pace::words(fault),
        Effect::Write(fault) => write::words(fault),
        Effect::Spoil(name) => spoil::words(name),
        Effect::Record(mishap) => record::words(*mishap),
        Effect::Clock(fault) => clock::words(fault),
        Effect::External(fault) => external::words(fault),
    }
}

fn about(checkpoint: Option<CheckpointId>) -> String {
    checkpoint.map_or(String::new(), |checkpoint| format!(" for checkpoint {checkpoint}"))
}

/// The task that a checked scenario names.
fn task_of(name: &scenario::SubtaskName, plan: &Plan) -> TaskId {
    plan.task_named(&name.operator, name.subtask).expect("subtasks that faults name are checked")
}

impl PlannedFault {
    /// What it does, in a word: what it is called in tables.
    pub fn kind(&self) -> &'static str {
        self.effects.first().map_or("nothing", |primitive| primitive.kind())
    }
}

impl Primitive {
    /// All kinds, in the order of tables.
    pub const KINDS: &'static [&'static str] = &[
        "task-exception",
        "manager-loss",
        "coordinator-loss",
        "message-lost",
        "message-delayed",
        "message-doubled",
        "link-cut",
        "link-slow",
        "pause",
        "slow-task",
        "write-fails",
        "write-slow",
        "write-denied",
        "write-hidden",
        "file-spoiled",
        "record-fails",
        "record-unknown-stored",
        "record-unknown-lost",
        "clock-skew",
        "external-down",
        "transaction-expired",
        "commit-lost",
        "commit-reply-lost",
        "flush-fails",
    ];

    /// Whether it waits for the next thing that fits, and does nothing until that comes.
    pub fn is_trap(&self) -> bool {
        let outside = matches!(self, Self::External { does, .. } if !matches!(does, ExternalMishap::Down(_)));
        outside || matches!(self, Self::Message { .. } | Self::Write { .. } | Self::Record(_) | Self::Spoil(_))
    }

    /// What it does, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Throw(_) => "task-exception",
            Self::Crash(_) => "manager-loss",
            Self::CrashCoordinator => "coordinator-loss",
            Self::Message { does: Mishap::Lose, .. } => "message-lost",
            Self::Message { does: Mishap::Delay(_), .. } => "message-delayed",
            Self::Message { does: Mishap::Double(_), .. } => "message-doubled",
            Self::Link { by: None, .. } => "link-cut",
            Self::Link { by: Some(_), .. } => "link-slow",
            Self::Pace { factor: 0, .. } => "pause",
            Self::Pace { .. } => "slow-task",
            Self::Write { does: WriteMishap::Fail, .. } => "write-fails",
            Self::Write { does: WriteMishap::Slow(_), .. } => "write-slow",
            Self::Write { does: WriteMishap::Deny, .. } => "write-denied",
            Self::Write { does: WriteMishap::Hide(_), .. } => "write-hidden",
            Self::Spoil(_) => "file-spoiled",
            Self::Record(RecordMishap::Fail) => "record-fails",
            Self::Record(RecordMishap::Deny) => "record-unknown-stored",
            Self::Record(RecordMishap::Vanish) => "record-unknown-lost",
            Self::Clock { .. } => "clock-skew",
            Self::External { does: ExternalMishap::Down(_), .. } => "external-down",
            Self::External { does: ExternalMishap::Expire, .. } => "transaction-expired",
            Self::External { does: ExternalMishap::LoseCommit, .. } => "commit-lost",
            Self::External { does: ExternalMishap::LoseReply, .. } => "commit-reply-lost",
            Self::External { does: ExternalMishap::FailWrite, .. } => "flush-fails",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"{"cutline": 1,
      "job": {"operators": [{"id": "in", "kind": "source"}, {"id": "out", "kind": "sink", "output": "two-phase"}],
              "edges": [{"from": "in", "to": "out"}]},
      "cluster": {"task_managers": 2}, "faults": [FAULTS]}"#;

    /// What the faults of a scenario are in words.
    fn told(job: &str, faults: &str) -> Vec<String> {
        let text = job.replace("FAULTS", faults);
        let scenario = scenario::parse(&text, "words.json").unwrap_or_else(|problem| panic!("{problem}\n{faults}"));
        scenario.faults.iter().map(|fault| words(&fault.effect)).collect()
    }

    #[test]
    fn examples_are_what_they_are_said_to_be() {
        let job = JOB.replace("\"in\"", "\"count\"").replace("\"out\"", "\"sink\"");
        let job = job.replace(r#""kind": "source""#, r#""kind": "source", "parallelism": 2"#);
        let mut said: Vec<String> = Vec::new();
        for Kind { name, example, .. } in KINDS {
            assert!(example.starts_with(&format!("\"{name}\": ")), "{name}: {example}");
            said.extend(told(&job, &format!(r#"{{"at": "1s", {example}}}"#)));
        }
        said.sort();
        said.dedup();
        assert_eq!(said.len(), KINDS.len(), "{said:?}");
    }

    /// Nothing can be asked for that the table does not tell of: no field, and none of the words it may have.
    #[test]
    fn kinds_are_complete() {
        let schema = scenario::schema();
        let fields = schema["properties"]["faults"]["items"]["properties"].as_object().expect("faults are objects");
        let fields: Vec<_> =
            fields.iter().filter(|(name, _)| !["at", "when", "why"].contains(&name.as_str())).collect();
        assert!(fields.len() > 9, "{fields:?}");
        for (name, shape) in &fields {
            let told: String = KINDS.iter().filter(|kind| kind.name == **name).map(|kind| kind.about).collect();
            assert_ne!(told, "", "{name} is not in the table");
            let chosen = if shape["enum"].is_array() { shape } else { &shape["properties"]["do"] };
            for word in chosen["enum"].as_array().into_iter().flatten().filter_map(|word| word.as_str()) {
                assert!(told.contains(&format!("`{word}`")), "{name}: nothing is told of {word}");
            }
        }
        assert!(KINDS.iter().all(|kind| fields.iter().any(|(name, _)| *name == kind.name)));
    }

    #[test]
    fn every_fault_says_what_it_does() {
        let effects = [
            (r#""fail": "out""#, "out[0] throws an exception"),
            (r#""kill": "manager[1]""#, "manager[1] is gone"),
            (r#""kill": "coordinator""#, "the coordinator is gone"),
            (
                r#""message": {"kind": "ack", "of": "in", "checkpoint": 3, "do": "lose"}"#,
                r#"the next message "ack" from in[0] for checkpoint 3 is lost"#,
            ),
            (
                r#""message": {"kind": "trigger", "of": "in", "nth": 3, "do": "double", "by": "5ms"}"#,
                r#"the next but 2 message "trigger" to in[0] comes once more 5ms later"#,
            ),
            (
                r#""link": {"from": "manager[0]", "to": "coordinator", "do": "cut", "for": "2s"}"#,
                "nothing gets through from manager[0] to coordinator for 2s",
            ),
            (
                r#""link": {"from": "manager[0]", "to": "manager[1]", "both": true, "do": "slow", "by": "1ms", "for": "2s"}"#,
                "everything between manager[0] and manager[1] is 1ms late for 2s",
            ),
            (r#""pause": {"of": "in", "for": "2s"}"#, "in[0] stands still for 2s"),
            (
                r#""slow": {"of": "manager[1]", "factor": 4, "for": "2s"}"#,
                "each task on manager[1] needs 4 times as long for a record, for 2s",
            ),
            (r#""write": {"do": "fail"}"#, "the next write of a snapshot fails"),
            (
                r#""write": {"of": "in", "checkpoint": 2, "times": 3, "do": "hide", "by": "1s"}"#,
                "each of the next 3 writes of a snapshot by in[0] for checkpoint 2 succeeds and cannot be read for 1s",
            ),
            (r#""spoil": "in""#, "the newest stored snapshot of in[0] cannot be read any more"),
            (r#""record": "fails""#, "the next record that a checkpoint is complete fails"),
            (r#""clock": {"of": "manager[0]", "behind": "3ms"}"#, "the clock of manager[0] is 3ms behind"),
            (
                r#""external": {"of": "out", "do": "down", "for": "1s"}"#,
                "the system that out writes to does not answer for 1s",
            ),
            (
                r#""external": {"of": "out", "do": "lose-reply"}"#,
                "the next commit of out succeeds, and an error comes back",
            ),
        ];
        let faults: Vec<String> = effects.iter().map(|(written, _)| format!(r#"{{"at": "1s", {written}}}"#)).collect();
        assert_eq!(told(JOB, &faults.join(", ")), effects.map(|(_, words)| words));
    }
}
