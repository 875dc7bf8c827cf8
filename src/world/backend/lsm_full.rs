//! Sorted files, scanned from end to end for every snapshot.
//!
//! The synchronous part takes a handle on what is there and nothing else. What is stored does not depend on how the
//! files are cut, so none are kept here.

use super::{Sizes, StateBackend, time_at};
use crate::base::Span;
use crate::scenario::{Backend, BackendKind};

/// `lsm-full`.
pub struct LsmFull;

impl StateBackend for LsmFull {
    fn kind(&self) -> BackendKind {
        BackendKind::LsmFull
    }

    fn about(&self) -> &'static str {
        "Sorted files: a snapshot takes a handle, then scans them all and stores everything."
    }

    fn scan(&self, set: &Backend, sizes: Sizes) -> Span {
        time_at(set.serialize, sizes.full)
    }
}
