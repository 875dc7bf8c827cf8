//! The one predicate language over events: fault triggers, expected situations, coverage marks, stops.
//!
//! A predicate is a conjunction: a kind of event, and optionally whom it happened to, about which
//! checkpoint, and the how-manieth such event it is. It stays a small value that can be printed, edited,
//! compared and shrunk; anything that needs memory beyond a count is a check, not a predicate.

use super::{Event, EventKind};
use crate::base::{CheckpointId, Place};
use std::fmt;

/// "The `nth` event of this `kind` at this `task` about this `checkpoint`."
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// Kind of event.
    pub kind: EventKind,
    /// `count` (any subtask), `count[2]`, or a channel `source[0]->count[2]`; `None`: anyone.
    pub of: Option<String>,
    /// `None`: any.
    pub checkpoint: Option<CheckpointId>,
    /// From 1: the n-th event that matches the rest.
    pub nth: u64,
    /// Where it is written.
    pub place: Place,
}

impl Predicate {
    /// Any event of this kind, the first one.
    pub fn first(kind: EventKind) -> Self {
        Self { kind, of: None, checkpoint: None, nth: 1, place: Place::default() }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, of, checkpoint, nth, place: _ } = self;
        write!(f, "{}", kind.name())?;
        if let Some(of) = of {
            write!(f, " of {of}")?;
        }
        if let Some(checkpoint) = checkpoint {
            write!(f, " for checkpoint {checkpoint}")?;
        }
        if *nth > 1 { write!(f, ", number {nth}") } else { Ok(()) }
    }
}

/// Resolves the names in predicates; the plan implements it.
pub trait Names {
    /// Whether the event happened to, or is about, what `of` names.
    fn matches(&self, of: &str, event: &Event) -> bool;
}

/// A predicate being watched for during a run.
#[derive(Clone, Debug)]
pub struct Matcher {
    predicate: Predicate,
    seen: u64,
}

impl Matcher {
    /// Begins to watch.
    pub fn new(predicate: Predicate) -> Self {
        Self { predicate, seen: 0 }
    }

    /// What is watched for.
    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// Takes an event; true exactly once, at the n-th match.
    pub fn matches(&mut self, event: &Event, names: &dyn Names) -> bool {
        let p = &self.predicate;
        let fits = event.kind() == p.kind
            && p.checkpoint.is_none_or(|checkpoint| event.checkpoint() == Some(checkpoint))
            && p.of.as_ref().is_none_or(|of| names.matches(of, event));
        self.seen += u64::from(fits);
        fits && self.seen == p.nth
    }

    /// Whether it has matched.
    pub fn happened(&self) -> bool {
        self.seen >= self.predicate.nth
    }

    /// Forgets what it saw.
    pub fn reset(&mut self) {
        self.seen = 0;
    }
}
