//! A table in memory, all of it stored every time.

use super::{Sizes, StateBackend, time_at};
use crate::base::Span;
use crate::scenario::{Backend, BackendKind};

/// `heap`.
pub struct Heap;

impl StateBackend for Heap {
    fn kind(&self) -> BackendKind {
        BackendKind::Heap
    }

    fn about(&self) -> &'static str {
        "A table in memory: a snapshot copies its spine and stores everything."
    }

    fn sync(&self, set: &Backend, sizes: Sizes) -> Span {
        time_at(set.copy, sizes.full)
    }

    fn scan(&self, set: &Backend, sizes: Sizes) -> Span {
        time_at(set.serialize, sizes.full)
    }
}
