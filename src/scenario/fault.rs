//! What can go wrong, as a scenario says it: when, and what. Types, description and checks.

use super::SubtaskName;
use super::names::{id, node, predicate, subtask};
use super::object::{Object, record};
use super::shape::{Shape, count, flag, one_of, some_time, whole};
use crate::base::{CheckpointId, Place, Problem, Span};
use crate::trace::Predicate;

/// One fault: a trigger and an effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When it strikes.
    pub when: When,
    /// What it does.
    pub effect: Effect,
    /// Where it is written.
    pub place: Place,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At an instant.
    At(Span),
    /// Right after an event.
    On(Predicate),
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An exception in this subtask.
    FailTask(SubtaskName),
    /// A machine is gone, with all it holds.
    Kill(Node),
    /// Something happens to a message between the coordinator and a task.
    Message(MessageFault),
    /// A network link is cut or slow.
    Link(LinkFault),
    /// Threads are slow or stand still.
    Pace(PaceFault),
    /// Something happens to the write of a snapshot.
    Write(WriteFault),
    /// The file of a snapshot that is complete cannot be read any more.
    Spoil(SubtaskName),
    /// Something happens to the record that says a checkpoint is complete.
    Record(RecordMishap),
    /// The clock of a task manager is wrong.
    Clock(ClockFault),
    /// Something happens at the external system of a sink.
    External(ExternalFault),
}

/// A machine: `coordinator`, or `manager[1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// Where the coordinator runs.
    #[default]
    Coordinator,
    /// A task manager.
    Manager(u32),
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Coordinator => write!(f, "coordinator"),
            Self::Manager(number) => write!(f, "manager[{number}]"),
        }
    }
}

/// What happens to which message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFault {
    /// What it says.
    pub kind: MessageKind,
    /// To or from whom; `None`: anyone.
    pub of: Option<SubtaskName>,
    /// About which checkpoint; `None`: any.
    pub checkpoint: Option<CheckpointId>,
    /// Which of those that fit, from 1, counted from when the fault strikes.
    pub nth: u64,
    /// What happens to it.
    pub does: Mishap,
}

/// The messages that a fault can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Begin a checkpoint.
    Trigger,
    /// A part of a checkpoint is stored.
    Ack,
    /// There will be no part.
    Decline,
    /// A checkpoint is complete.
    Complete,
    /// A checkpoint was given up.
    Abort,
    /// A source's reader gets a split, or is told that there are no more.
    Assign,
    /// A source's reader asks for a split.
    Request,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Trigger, Self::Ack, Self::Decline, Self::Complete, Self::Abort, Self::Assign, Self::Request];
    /// Those that are about a checkpoint.
    pub const OF_CHECKPOINTS: [Self; 5] = [Self::Trigger, Self::Ack, Self::Decline, Self::Complete, Self::Abort];

    /// What scenarios call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Ack => "ack",
            Self::Decline => "decline",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::Assign => "assign",
            Self::Request => "request",
        }
    }
}

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It never arrives.
    Lose,
    /// It arrives so much later; others overtake it.
    Delay(Span),
    /// It arrives, and so much later once more.
    Double(Span),
}

/// What happens to a link between two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFault {
    /// From here
    pub from: Node,
    /// to there,
    pub to: Node,
    /// and back.
    pub both: bool,
    /// So much later everything arrives; `None`: nothing arrives until the end of the fault.
    pub by: Option<Span>,
    /// Until it is healed.
    pub lasts: Span,
}

/// Whose threads are slow, and how slow.
#[derive(Clone, Debug, PartialEq)]
pub struct PaceFault {
    /// Whose.
    pub of: Paced,
    /// A record takes so many times as long; `None`: they stand still.
    pub factor: Option<u32>,
    /// Until it is over.
    pub lasts: Span,
}

/// Whose threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paced {
    /// A subtask's.
    Task(SubtaskName),
    /// All on a task manager.
    Manager(u32),
}

/// What happens to the next writes of snapshots that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFault {
    /// Whose; `None`: anyone's.
    pub of: Option<SubtaskName>,
    /// For which checkpoint; `None`: any.
    pub checkpoint: Option<CheckpointId>,
    /// How many.
    pub times: u32,
    /// What happens to them.
    pub does: WriteMishap,
}

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMishap {
    /// It fails.
    Fail,
    /// It takes so much longer.
    Slow(Span),
    /// It succeeds, and reports that it failed.
    Deny,
    /// It succeeds, but nobody can read the file until so much later.
    Hide(Span),
}

/// What happens to the next record of a complete checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordMishap {
    /// It is not stored, and the coordinator is told so.
    Fail,
    /// It is stored, and the coordinator is told that nobody knows.
    Deny,
    /// It is not stored, and the coordinator is told that nobody knows.
    Vanish,
}

/// How wrong a clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFault {
    /// Whose.
    pub manager: u32,
    /// By so much.
    pub by: Span,
    /// It is behind, not ahead.
    pub behind: bool,
}

/// What happens at the external system of a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalFault {
    /// The sink.
    pub of: String,
    /// What happens.
    pub does: ExternalMishap,
}

/// What happens at an external system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalMishap {
    /// It does not answer for so long.
    Down(Span),
    /// Its oldest transaction that is not committed is aborted: it has become too old.
    #[default]
    Expire,
    /// The next commit never arrives, and whoever asked for it gets an error.
    LoseCommit,
    /// The next commit happens, and whoever asked for it gets an error.
    LoseReply,
    /// A write fails that nobody has waited for; the next flush finds out.
    FailWrite,
}

/// A fault as written.
pub(super) fn fault(o: &mut Object<'_>) -> Result<Fault, Problem> {
    let at = o.field("at", "Strikes at this instant.", super::shape::time()).optional()?;
    let when = o.field("when", "Strikes right after this event.", predicate()).optional()?;
    const ONE: &str = "write one of them: \"at\" for an instant, \"when\" for an event";
    let when = match (at, when) {
        (Some(at), None) => When::At(at),
        (None, Some(event)) => When::On(event),
        (Some(_), Some(_)) => return Err(Problem::at(o.place(), "both \"at\" and \"when\"", ONE)),
        (None, None) if !o.is_written() => When::At(Span::ZERO),
        (None, None) => return Err(Problem::at(o.place(), "neither \"at\" nor \"when\"", ONE)),
    };
    let mut effects = effects(o)?;
    const EFFECTS: &str = "write one of \"fail\", \"kill\", \"message\", \"link\", \"slow\", \"pause\", \"write\", \
                           \"spoil\", \"record\", \"clock\", \"external\"";
    let effect = match (effects.pop(), effects.pop()) {
        (Some((_, effect)), None) => effect,
        (Some((second, _)), Some((first, _))) => {
            return Err(Problem::at(o.place(), format!("both \"{first}\" and \"{second}\""), "a fault does one thing"));
        }
        (None, _) if !o.is_written() => Effect::Kill(Node::Coordinator),
        (None, _) => return Err(Problem::at(o.place(), "a fault that does nothing", EFFECTS)),
    };
    Ok(Fault { when, effect, place: o.place() })
}

/// All that is written of it; there should be one.
fn effects(o: &mut Object<'_>) -> Result<Vec<(&'static str, Effect)>, Problem> {
    let record_mishaps = vec![
        ("fails", RecordMishap::Fail),
        ("stored-but-unknown", RecordMishap::Deny),
        ("lost-and-unknown", RecordMishap::Vanish),
    ];
    let fail = o.field("fail", "The subtask that throws an exception.", subtask()).optional()?;
    let kill = o.field("kill", "The machine that is gone: \"manager[1]\" or \"coordinator\".", node()).optional()?;
    let message = o.field("message", "What happens to a message.", record(message)).optional()?;
    let link = o.field("link", "What happens between two machines.", record(link)).optional()?;
    let slow = o.field("slow", "Threads that need longer.", record(slow)).optional()?;
    let pause = o.field("pause", "Threads that stand still.", record(pause)).optional()?;
    let write = o.field("write", "What happens to the next writes of snapshots.", record(write)).optional()?;
    let spoil =
        o.field("spoil", "The subtask whose newest stored snapshot cannot be read any more.", subtask()).optional()?;
    let written = o
        .field("record", "What happens to the next record that a checkpoint is complete.", one_of(record_mishaps))
        .optional()?;
    let clock = o.field("clock", "A clock that is wrong.", record(clock)).optional()?;
    let external =
        o.field("external", "What happens at the external system of a sink.", record(external)).optional()?;
    let all = [
        fail.map(|name| ("fail", Effect::FailTask(name))),
        kill.map(|node| ("kill", Effect::Kill(node))),
        message.map(|fault| ("message", Effect::Message(fault))),
        link.map(|fault| ("link", Effect::Link(fault))),
        slow.map(|fault| ("slow", Effect::Pace(fault))),
        pause.map(|fault| ("pause", Effect::Pace(fault))),
        write.map(|fault| ("write", Effect::Write(fault))),
        spoil.map(|name| ("spoil", Effect::Spoil(name))),
        written.map(|mishap| ("record", Effect::Record(mishap))),
        clock.map(|fault| ("clock", Effect::Clock(fault))),
        external.map(|fault| ("external", Effect::External(fault))),
    ];
    Ok(all.into_iter().flatten().collect())
}

fn checkpoint(o: &mut Object<'_>) -> Result<Option<CheckpointId>, Problem> {
    let shape = whole(1, u64::MAX);
    Ok(o.field("checkpoint", "The checkpoint it is about; any if left out.", shape).optional()?.map(CheckpointId))
}

/// A mishap with a time goes with `by`, one without goes without.
fn timed<T>(o: &Object<'_>, word: &str, by: Option<Span>, needs: bool, make: impl Fn(Span) -> T) -> Result<T, Problem> {
    match (by, needs) {
        (None, true) if o.is_written() => {
            Err(o.wrong("by", format!("\"{word}\" without \"by\""), "write how much, such as \"by\": \"50ms\""))
        }
        (Some(_), false) => {
            Err(o.wrong("by", format!("\"by\" beside \"{word}\", which takes no time"), "leave \"by\" out"))
        }
        (by, _) => Ok(make(by.unwrap_or_default())),
    }
}

fn message(o: &mut Object<'_>) -> Result<MessageFault, Problem> {
    let kinds = MessageKind::ALL.map(|kind| (kind.name(), kind)).to_vec();
    let kind = o.field("kind", "What the message says.", one_of(kinds)).required()?;
    let of = o.field("of", "The task to or from which it goes; any if left out.", subtask()).optional()?;
    let checkpoint = checkpoint(o)?;
    if checkpoint.is_some() && !MessageKind::OF_CHECKPOINTS.contains(&kind) {
        let found = format!("\"checkpoint\" beside \"{}\", which is about splits and no checkpoint", kind.name());
        return Err(o.wrong("checkpoint", found, "leave \"checkpoint\" out"));
    }
    let nth = o.field("nth", "Which of those that fit, from 1.", whole(1, u64::MAX)).or(1)?;
    let words = vec![("lose", 0), ("delay", 1), ("double", 2)];
    let word = o
        .field("do", "It is lost, comes later so that others overtake it, or comes twice.", one_of(words))
        .required()?;
    let by = o.field("by", "How much later it comes, or comes again.", some_time()).optional()?;
    let does = match word {
        0 => timed(o, "lose", by, false, |_| Mishap::Lose)?,
        1 => timed(o, "delay", by, true, Mishap::Delay)?,
        _ => timed(o, "double", by, true, Mishap::Double)?,
    };
    Ok(MessageFault { kind, of, checkpoint, nth, does })
}

fn lasts(o: &mut Object<'_>) -> Result<Span, Problem> {
    o.field("for", "How long it lasts.", some_time()).required()
}

fn link(o: &mut Object<'_>) -> Result<LinkFault, Problem> {
    let from = o.field("from", "From this machine: \"manager[0]\" or \"coordinator\".", node()).required()?;
    let to = o.field("to", "To this one.", node()).required()?;
    let both = o.field("both", "Both ways.", flag()).or(false)?;
    let words = vec![("cut", false), ("slow", true)];
    let slow = o.field("do", "Nothing comes through until the end, or everything later.", one_of(words)).required()?;
    let by = o.field("by", "How much later.", some_time()).optional()?;
    let by = timed(o, if slow { "slow" } else { "cut" }, by, slow, |by| slow.then_some(by))?;
    let lasts = lasts(o)?;
    if from == to && o.is_written() {
        return Err(o.wrong("to", "a link from a machine to itself", "name another machine"));
    }
    Ok(LinkFault { from, to, both, by, lasts })
}

fn paced() -> Shape<Paced> {
    super::names::paced()
}

fn slow(o: &mut Object<'_>) -> Result<PaceFault, Problem> {
    let of = o.field("of", "A subtask, or \"manager[1]\" for all on it.", paced()).required()?;
    let factor = o.field("factor", "A record takes so many times as long.", count(2, 1 << 20)).required()?;
    Ok(PaceFault { of, factor: Some(factor), lasts: lasts(o)? })
}

fn pause(o: &mut Object<'_>) -> Result<PaceFault, Problem> {
    let of = o.field("of", "A subtask, or \"manager[1]\" for all on it.", paced()).required()?;
    Ok(PaceFault { of, factor: None, lasts: lasts(o)? })
}

fn write(o: &mut Object<'_>) -> Result<WriteFault, Problem> {
    let of = o.field("of", "The task that writes; any if left out.", subtask()).optional()?;
    let checkpoint = checkpoint(o)?;
    let times = o.field("times", "How many writes.", count(1, u32::MAX)).or(1)?;
    let words = vec![("fail", 0), ("slow", 1), ("deny", 2), ("hide", 3)];
    let word = o
        .field(
            "do",
            "It fails; takes longer; succeeds and reports failure; or succeeds and cannot be read for a while.",
            one_of(words),
        )
        .required()?;
    let by = o.field("by", "How much longer, or for how long.", some_time()).optional()?;
    let does = match word {
        0 => timed(o, "fail", by, false, |_| WriteMishap::Fail)?,
        1 => timed(o, "slow", by, true, WriteMishap::Slow)?,
        2 => timed(o, "deny", by, false, |_| WriteMishap::Deny)?,
        _ => timed(o, "hide", by, true, WriteMishap::Hide)?,
    };
    Ok(WriteFault { of, checkpoint, times, does })
}

fn external(o: &mut Object<'_>) -> Result<ExternalFault, Problem> {
    let of = o.field("of", "The sink.", id()).required()?;
    let words = vec![("down", 0), ("expire", 1), ("lose-commit", 2), ("lose-reply", 3), ("fail-write", 4)];
    let word = o
        .field(
            "do",
            "It does not answer; its oldest transaction is too old; the next commit is lost, or the answer to it; or a \
             write fails.",
            one_of(words),
        )
        .required()?;
    let lasts = o.field("for", "How long it does not answer.", some_time()).optional()?;
    let does = match (word, lasts) {
        (0, None) if o.is_written() => {
            return Err(o.wrong("for", "\"down\" without \"for\"", "write how long, such as \"for\": \"2s\""));
        }
        (0, lasts) => ExternalMishap::Down(lasts.unwrap_or_default()),
        (_, Some(_)) => return Err(o.wrong("for", "only \"down\" lasts", "leave \"for\" out")),
        (1, None) => ExternalMishap::Expire,
        (2, None) => ExternalMishap::LoseCommit,
        (3, None) => ExternalMishap::LoseReply,
        (_, None) => ExternalMishap::FailWrite,
    };
    Ok(ExternalFault { of, does })
}

fn clock(o: &mut Object<'_>) -> Result<ClockFault, Problem> {
    let machine = o.field("of", "The task manager: \"manager[1]\".", super::names::manager()).required()?;
    let ahead = o.field("ahead", "It is ahead by this much; or write \"behind\".", some_time()).optional()?;
    let behind = o.field("behind", "It is behind by this much.", some_time()).optional()?;
    match (ahead, behind) {
        (Some(by), None) => Ok(ClockFault { manager: machine, by, behind: false }),
        (None, Some(by)) => Ok(ClockFault { manager: machine, by, behind: true }),
        (None, None) if !o.is_written() => Ok(ClockFault { manager: machine, by: Span::ZERO, behind: false }),
        _ => Err(Problem::at(o.place(), "not one of \"ahead\" and \"behind\"", "write one of them")),
    }
}
