//! A phase: the job once more, and changed.

use super::Scenario;
use crate::base::{Place, Span};

/// The job once more, from what was saved of it, and perhaps changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Why.
    pub why: String,
    /// What it goes on from.
    pub from: Origin,
    /// How long nothing runs before it.
    pub pause: Span,
    /// State for which there is no operator any more is dropped; otherwise the job is refused.
    pub drops_state: bool,
    /// The job, where it runs, and all else; nothing comes after it.
    pub scenario: Box<Scenario>,
    /// Where in the file it is written.
    pub place: Place,
}

/// What a phase goes on from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The newest savepoint of the phase before.
    #[default]
    Savepoint,
    /// Its newest complete checkpoint.
    Checkpoint,
}
