//! How a scenario refers to things: ids, subtasks, channels and events.

use super::object::{Object, record};
use super::shape::{Shape, one_of, text_like, whole};
use super::{Choice, Node, Paced, SubtaskName};
use crate::base::{CheckpointId, Problem};
use crate::trace::{EventKind, Predicate};

/// The id of an operator.
pub(super) fn id() -> Shape<String> {
    const WHAT: &str = "a name of letters, digits, _ and - that begins with a letter";
    text_like(r"^[A-Za-z][A-Za-z0-9_-]*$", WHAT, String::new, |text| match is_id(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("write {WHAT}")),
    })
}

/// A subtask; the first one if no number is given.
pub(super) fn subtask() -> Shape<SubtaskName> {
    const WHAT: &str = "a subtask such as \"count[1]\", or \"count\" for its first";
    text_like(SUBTASK, WHAT, SubtaskName::default, |text| match Subject::parse(text) {
        Some(Subject::Task(operator, subtask)) => Ok(SubtaskName { operator, subtask: subtask.unwrap_or(0) }),
        _ => Err(format!("write {WHAT}")),
    })
}

const MANAGER: &str = r"^manager\[[0-9]+\]$";

/// A task manager.
pub(super) fn manager() -> Shape<u32> {
    const WHAT: &str = "a task manager such as \"manager[1]\"";
    text_like(MANAGER, WHAT, u32::default, |text| parse_manager(text).ok_or_else(|| format!("write {WHAT}")))
}

/// A machine.
pub(super) fn node() -> Shape<Node> {
    const WHAT: &str = "\"coordinator\", or a task manager such as \"manager[1]\"";
    text_like(r"^(coordinator|manager\[[0-9]+\])$", WHAT, Node::default, |text| match (text, parse_manager(text)) {
        ("coordinator", _) => Ok(Node::Coordinator),
        (_, Some(manager)) => Ok(Node::Manager(manager)),
        _ => Err(format!("write {WHAT}")),
    })
}

/// A subtask, or all on a machine.
pub(super) fn paced() -> Shape<Paced> {
    const WHAT: &str = "a subtask such as \"count[1]\", or a task manager such as \"manager[1]\"";
    let sample = || Paced::Manager(0);
    text_like(SUBTASK, WHAT, sample, |text| match (parse_manager(text), Subject::parse(text)) {
        (Some(manager), _) => Ok(Paced::Manager(manager)),
        (None, Some(Subject::Task(operator, subtask))) => {
            Ok(Paced::Task(SubtaskName { operator, subtask: subtask.unwrap_or(0) }))
        }
        _ => Err(format!("write {WHAT}")),
    })
}

fn parse_manager(text: &str) -> Option<u32> {
    match parse_task(text)? {
        (name, Some(number)) if name == "manager" => Some(number),
        _ => None,
    }
}

/// What an event happened to.
fn subject() -> Shape<String> {
    const WHAT: &str = "a subtask such as \"count[1]\", \"count\" for any of its subtasks, or a channel such as \
                        \"source[0]->count[1]\"";
    text_like(SUBJECT, WHAT, String::new, |text| match Subject::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("write {WHAT}")),
    })
}

const SUBTASK: &str = r"^[A-Za-z][A-Za-z0-9_-]*(\[[0-9]+\])?$";
const SUBJECT: &str = r"^[A-Za-z][A-Za-z0-9_-]*(\[[0-9]+\](->[A-Za-z][A-Za-z0-9_-]*\[[0-9]+\])?)?$";

/// What the `of` of a predicate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// An operator, and which of its subtasks; `None`: any.
    Task(String, Option<u32>),
    /// From one subtask to another.
    Channel(SubtaskName, SubtaskName),
}

impl Subject {
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once("->") {
            let end = |text| match parse_task(text)? {
                (operator, Some(subtask)) => Some(SubtaskName { operator, subtask }),
                _ => None,
            };
            return Some(Self::Channel(end(from)?, end(to)?));
        }
        parse_task(text).map(|(operator, subtask)| Self::Task(operator, subtask))
    }
}

fn parse_task(text: &str) -> Option<(String, Option<u32>)> {
    let (operator, subtask) = match text.split_once('[') {
        None => (text, None),
        Some((operator, index)) => {
            let index = index.strip_suffix(']').filter(|index| index.bytes().all(|b| b.is_ascii_digit()))?;
            (operator, Some(index.parse().ok()?))
        }
    };
    is_id(operator).then(|| (operator.to_owned(), subtask))
}

fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// "The n-th such event."
pub(super) fn predicate() -> Shape<Predicate> {
    record(|o: &mut Object<'_>| {
        let kinds = EventKind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
        Ok(Predicate {
            kind: o.field("event", "The kind of event.", one_of(kinds)).required()?,
            of: o
                .field("of", "What it happened to: \"count[1]\", \"count\", \"source[0]->count[1]\".", subject())
                .optional()?,
            checkpoint: o
                .field("checkpoint", "The checkpoint it is about; any if left out.", whole(1, u64::MAX))
                .optional()?
                .map(CheckpointId),
            nth: o.field("nth", "Which event that matches the rest, from 1.", whole(1, u64::MAX)).or(1)?,
            place: o.place(),
        })
    })
}

/// A recorded choice. What it names need not exist: a schedule outlives changes to the job, and `run` reports
/// the entries that no longer match.
pub(super) fn choice(o: &mut Object<'_>) -> Result<Choice, Problem> {
    const WHAT: &str = "a word such as \"run\" or \"deliver\"";
    let step = text_like(r"^[a-z][a-z-]*$", WHAT, String::new, |text| match is_id(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("write {WHAT}")),
    });
    Ok(Choice {
        step: o.field("step", "The kind of step.", step).required()?,
        of: o.field("of", "The task or channel whose step it is, as in the trace.", subject()).required()?,
        nth: o.field("nth", "Which one of its kind, from 1.", whole(1, u64::MAX)).or(1)?,
        place: o.place(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_and_channels_are_told_apart() {
        let name = |operator: &str, subtask| SubtaskName { operator: operator.into(), subtask };
        assert_eq!(Subject::parse("count"), Some(Subject::Task("count".into(), None)));
        assert_eq!(Subject::parse("my-count[12]"), Some(Subject::Task("my-count".into(), Some(12))));
        assert_eq!(Subject::parse("a[0]->b[1]"), Some(Subject::Channel(name("a", 0), name("b", 1))));
        for wrong in ["", "[0]", "count[", "count[]", "count[+1]", "count[1]x", "a->b", "a[0]->b[1]->c[2]", "9a", "a b"]
        {
            assert_eq!(Subject::parse(wrong), None, "{wrong}");
        }
    }
}
