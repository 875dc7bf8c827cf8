//! Sorted files that are in the shared storage from the beginning.
//!
//! A snapshot has only its own file left to store, and a restore reads nothing before it begins. That the link to the
//! storage is busy with what is written between snapshots, and that reading on demand is slower, is not modelled.

use super::{Keeps, Sizes, StateBackend, time_at};
use crate::base::Span;
use crate::scenario::{Backend, BackendKind};

/// `disaggregated`.
pub struct Disaggregated;

impl StateBackend for Disaggregated {
    fn kind(&self) -> BackendKind {
        BackendKind::Disaggregated
    }

    fn about(&self) -> &'static str {
        "Sorted files that are written to the storage at once: a snapshot stores what is in memory, a restore reads nothing."
    }

    fn keeps(&self, set: &Backend) -> Option<Keeps> {
        Some(Keeps::Files { memtable: set.memtable.0, compact_at: set.compact_at })
    }

    fn sync(&self, set: &Backend, sizes: Sizes) -> Span {
        time_at(set.flush, sizes.written)
    }

    fn is_remote(&self) -> bool {
        true
    }
}
