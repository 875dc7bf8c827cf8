//! A table in memory, and a log of every change to it: a snapshot stores the log since the last one.
//!
//! The synchronous part only notes how far the log is. Now and then the whole table is written in the background, and
//! the log before that is not needed any more: so checkpoints are short, and restores have a log to apply.

use super::{Keeps, StateBackend};
use crate::scenario::{Backend, BackendKind};

/// `changelog`.
pub struct Changelog;

impl StateBackend for Changelog {
    fn kind(&self) -> BackendKind {
        BackendKind::Changelog
    }

    fn about(&self) -> &'static str {
        "A table in memory and a log of all changes: a snapshot stores the log since the last one that is known."
    }

    fn keeps(&self, _set: &Backend) -> Option<Keeps> {
        Some(Keeps::Log)
    }

    fn materialises(&self) -> bool {
        true
    }
}
