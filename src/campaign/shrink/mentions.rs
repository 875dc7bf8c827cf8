//! Faults name subtasks and channels of the job. When the job changes, the names have to follow.

use super::graph::ids;
use serde_json::Value as Json;

/// An operator, and which of its subtasks.
pub(super) type Name = (String, Option<u64>);

/// What a subtask is in what a fault says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The sender of a channel.
    Sender,
    /// The receiver of a channel, or a subtask by itself.
    Itself,
}

/// Renames the subtasks that faults name; a fault that names one for which there is no name any more is dropped.
/// To be called while the job still has the operators that are named.
pub(super) fn rename(root: &mut Json, to: &dyn Fn(Name, Part) -> Option<Name>) {
    let known = ids(root);
    if let Some(faults) = root.get_mut("faults").and_then(Json::as_array_mut) {
        faults.retain_mut(|fault| follow(fault, &known, to));
    }
}

/// Whether everything in it still has a name.
fn follow(value: &mut Json, known: &[String], to: &dyn Fn(Name, Part) -> Option<Name>) -> bool {
    match value {
        Json::Object(fields) => {
            let mut fields = fields.iter_mut().filter(|(name, _)| !["event", "why"].contains(&name.as_str()));
            fields.all(|(_, value)| follow(value, known, to))
        }
        Json::Array(list) => list.iter_mut().all(|value| follow(value, known, to)),
        Json::String(text) => match renamed(text, known, to) {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        },
        _ => true,
    }
}

fn renamed(text: &str, known: &[String], to: &dyn Fn(Name, Part) -> Option<Name>) -> Option<String> {
    let rename = |end: &str, part| match named(end, known) {
        Some(name) => to(name, part).map(|(operator, subtask)| match subtask {
            Some(subtask) => format!("{operator}[{subtask}]"),
            None => operator,
        }),
        // It is something else: a time, a word.
        None => Some(end.to_owned()),
    };
    match text.split_once("->") {
        Some((from, to)) => Some(format!("{}->{}", rename(from, Part::Sender)?, rename(to, Part::Itself)?)),
        None => rename(text, Part::Itself),
    }
}

/// `count[1]` or `count`, if there is such an operator.
fn named(text: &str, known: &[String]) -> Option<Name> {
    let (operator, subtask) = match text.split_once('[') {
        Some((operator, subtask)) => (operator, Some(subtask.strip_suffix(']')?.parse().ok()?)),
        None => (text, None),
    };
    known.iter().any(|id| id == operator).then(|| (operator.to_owned(), subtask))
}
