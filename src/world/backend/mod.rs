//! State backends: how tasks keep keyed state, what a snapshot of it stores, and what a restore reads.
//!
//! A backend is a mechanism, one file each, and a line in [`BACKENDS`]. It says how changes are kept ([`Keeps`]: as
//! sorted files, as a log, or not at all), and what follows from sizes for the work of a snapshot and of a restore. What
//! holds for all of them is here:
//!
//! | file | holds |
//! |---|---|
//! | `table` | the state of one operator: changes in memory and files that never change |
//! | `known` | what a task knows to be stored: the files of the last checkpoint that it heard to be complete |
//! | `registry` | what the coordinator knows: which files are stored, and which of them a checkpoint may need |
//! | `cut` | from the capture of a task's state to the registration of its files |
//! | `load` | what a restart reads, and how state comes of it |
//! | `materialise` | the whole state as a file, in the background, so that the log may be cut |
//!
//! **Content is real.** Where a backend keeps files, a snapshot is a list of them and nothing else, and a restore
//! rebuilds the state by reading them: a file that is missing, or another one of its name, gives another state.
//! Savepoints are a copy of everything with every backend, and share nothing.
//!
//! **What costs time.** A file that is written because memory is full, and a merge, cost the thread nothing: they are
//! done beside it. Only a snapshot's synchronous part waits for its own file.

mod changelog;
mod cut;
mod disaggregated;
mod heap;
mod known;
mod load;
mod lsm_full;
mod lsm_incremental;
mod materialise;
mod registry;
mod table;

pub(super) use cut::Part;
pub(super) use load::Load;
pub(super) use table::Table;
use table::entries;

use super::{Job, World};
use crate::base::{Attempt, CheckpointId, OperatorId, Rate, Span, TaskId};
use crate::scenario::{Backend, BackendKind, StateSize};
use crate::workload::KeptState;

/// Every kind of backend a scenario can name.
pub const BACKENDS: &[&dyn StateBackend] = &[
    &heap::Heap,
    &lsm_full::LsmFull,
    &lsm_incremental::LsmIncremental,
    &changelog::Changelog,
    &disaggregated::Disaggregated,
];

/// A kind of backend.
pub trait StateBackend: Sync {
    /// Which.
    fn kind(&self) -> BackendKind;
    /// One sentence for `cutline list`.
    fn about(&self) -> &'static str;

    /// How changes are kept; `None`: they are not, and every snapshot is a copy of everything.
    fn keeps(&self, _set: &Backend) -> Option<Keeps> {
        None
    }

    /// What a snapshot adds to its synchronous part.
    fn sync(&self, _set: &Backend, _sizes: Sizes) -> Span {
        Span::ZERO
    }

    /// How long it takes to read what is to be stored.
    fn scan(&self, _set: &Backend, _sizes: Sizes) -> Span {
        Span::ZERO
    }

    /// Files are in the storage as soon as they are written.
    fn is_remote(&self) -> bool {
        false
    }

    /// The whole state is written in the background, again and again.
    fn materialises(&self) -> bool {
        false
    }
}

/// How changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// As files of keys that are not as they were.
    Files {
        /// So many bytes of changes in memory become a file.
        memtable: u64,
        /// So many files become one.
        compact_at: u32,
    },
    /// As a log, record by record.
    Log,
}

/// Bytes of a task's state at a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// All of it.
    pub full: u64,
    /// What was in memory and became files.
    pub written: u64,
}

/// The backend of a kind.
pub(super) fn of_kind(kind: BackendKind) -> &'static dyn StateBackend {
    *BACKENDS.iter().find(|backend| backend.kind() == kind).expect("every kind has a backend")
}

/// The time for so many bytes at a rate, where zero is "not limited".
fn time_at(rate: Rate, bytes: u64) -> Span {
    if rate.0 == 0 { Span::ZERO } else { rate.time_for(bytes) }
}

/// What all tasks and the coordinator know about files of state.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    registry: registry::Registry,
    tasks: Vec<Holder>,
    /// Acknowledgements that may still arrive, with the files they are about.
    sent: Vec<Sent>,
}

/// What a task knows about its files.
#[derive(Clone, Debug, Default)]
struct Holder {
    known: known::Known,
    /// Files that it has put into the storage beside its snapshots.
    placed: Vec<u64>,
    /// What is being materialised.
    building: Option<Vec<materialise::Piece>>,
    /// What was materialised, and is in no checkpoint that is known to be complete.
    unconfirmed: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Sent {
    task: TaskId,
    attempt: Attempt,
    checkpoint: CheckpointId,
    files: Vec<u64>,
}

impl Memory {
    pub fn new(tasks: usize) -> Self {
        Self { tasks: vec![Holder::default(); tasks], ..Self::default() }
    }

    pub fn reset(&mut self) {
        self.registry.reset();
        self.sent.clear();
        self.tasks.iter_mut().for_each(Holder::reset);
    }
}

impl Holder {
    fn reset(&mut self) {
        self.begin(CheckpointId::INITIAL, Vec::new());
    }

    /// A new attempt begins from a checkpoint with these files.
    fn begin(&mut self, checkpoint: CheckpointId, files: Vec<u64>) {
        self.known.begin(checkpoint, files);
        self.placed.clear();
        self.unconfirmed.clear();
        self.building = None;
    }
}

/// The table of an operator in a task, if the backend keeps one and there is something to keep.
pub(super) fn table(job: &Job, id: TaskId, position: usize, places: usize) -> Option<Box<Table>> {
    let keeps = job.backend.keeps(&job.scenario.backend)?;
    let operator = job.plan.tasks[id.index()].chain[position];
    let size = job.scenario.job.operators[operator.index()].state;
    let has_state = size != StateSize::default() || is_keyed(job, operator);
    // A task runs far less than 256 operators, and has far less than 2^24 numbers.
    let prefix = u64::from(id.0) << 8 | position as u64;
    has_state.then(|| Box::new(Table::new(keeps, size, prefix, places)))
}

/// Whether an operator keeps something for each key.
fn is_keyed(job: &Job, operator: OperatorId) -> bool {
    job.workload.behaviours[operator.index()].keeps == KeptState::CountPerKey
}

impl World {
    /// All files of a task's state, by the position of their operator.
    fn files_of(&self, id: TaskId) -> impl Iterator<Item = (usize, &std::sync::Arc<table::File>)> {
        let tables = self.tasks[id.index()].operators.iter().enumerate();
        tables
            .flat_map(|(at, state)| state.table.iter().flat_map(move |table| table.files.iter().map(move |f| (at, f))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_backend_and_says_what_it_is() {
        for kind in BackendKind::ALL {
            assert!(of_kind(kind).about().ends_with('.'), "{}", kind.name());
        }
        assert_eq!(BACKENDS.len(), BackendKind::ALL.len());
    }
}
