//! Sorted files that never change: a snapshot stores those that are new.
//!
//! Its synchronous part writes what is in memory as one more file. Merging gives a file that is new as a whole, so that
//! every few snapshots one is as large as the state.

use super::{Keeps, Sizes, StateBackend, time_at};
use crate::base::Span;
use crate::scenario::{Backend, BackendKind};

/// `lsm-incremental`.
pub struct LsmIncremental;

impl StateBackend for LsmIncremental {
    fn kind(&self) -> BackendKind {
        BackendKind::LsmIncremental
    }

    fn about(&self) -> &'static str {
        "Sorted files: a snapshot writes what is in memory, and stores the files that no known checkpoint has."
    }

    fn keeps(&self, set: &Backend) -> Option<Keeps> {
        Some(Keeps::Files { memtable: set.memtable.0, compact_at: set.compact_at })
    }

    fn sync(&self, set: &Backend, sizes: Sizes) -> Span {
        time_at(set.flush, sizes.written)
    }
}
