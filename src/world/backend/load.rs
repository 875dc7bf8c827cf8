//! What a restart reads, and how state comes of it.

use super::table::File;
use super::{entries, is_keyed};
use crate::base::{Bytes, CheckpointId, Span, TaskId};
use crate::fault::Mutant;
use crate::trace::Event;
use crate::world::{Host, Job, World};
use std::sync::Arc;

/// The work of a restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::world) struct Load {
    /// To be fetched.
    pub bytes: Bytes,
    /// To be done with it then.
    pub replay: Span,
}

impl World {
    /// Rebuilds a task's state from the files of a snapshot. What is a copy of everything has been put back already, and is
    /// taken up as one large change.
    pub(in crate::world) fn load_state<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) -> Load {
        let (all, is_local) =
            self.store.get(id, checkpoint).map_or((Bytes(0), false), |snapshot| (snapshot.bytes, snapshot.local));
        let fetched = |bytes| if is_local || job.backend.is_remote() { Bytes(0) } else { bytes };
        if job.backend.keeps(&job.scenario.backend).is_none() {
            // A copy on the machine itself need not be fetched.
            return Load { bytes: if is_local { Bytes(0) } else { all }, replay: Span::ZERO };
        }
        let shares = self.store.get(id, checkpoint).is_some_and(|snapshot| snapshot.shares);
        let mut names = Vec::new();
        let (mut read, mut replayed) = (if shares { 0 } else { all.0 }, 0);
        for position in 0..self.tasks[id.index()].operators.len() {
            let files = if shares { self.read_files(id, checkpoint, position, is_local) } else { Vec::new() };
            read += files.iter().map(|file| file.bytes).sum::<u64>();
            replayed += files.iter().filter(|file| file.is_log).map(|file| file.bytes).sum::<u64>();
            names.extend(files.iter().map(|file| file.name));
            self.load_table(job, id, position, shares.then_some(files));
        }
        self.tell_loaded(job, id, checkpoint, is_local, host);
        let bytes = fetched(Bytes(read));
        let files = names.len() as u32;
        host.emit(Event::StateLoaded { task: id, checkpoint, bytes: bytes.0, replayed, files });
        self.backend.tasks[id.index()].begin(checkpoint, names);
        // What is read when it is needed has to be found, at least.
        let look = if job.backend.is_remote() { job.scenario.storage.latency } else { Span::ZERO };
        Load { bytes, replay: look + super::time_at(job.scenario.backend.replay, replayed) }
    }

    /// The files of an operator's state, as far as they can be found.
    fn read_files(&self, id: TaskId, checkpoint: CheckpointId, position: usize, is_local: bool) -> Vec<Arc<File>> {
        let parts = self.store.get(id, checkpoint).into_iter().flat_map(|snapshot| &snapshot.parts);
        let read = |part: &super::Part| match is_local {
            true => Some(Arc::clone(&part.file)),
            false => self.backend.registry.read(part.file.name).filter(|_| part.resolved).cloned(),
        };
        parts.filter(|part| part.position == position).filter_map(read).collect()
    }

    fn load_table(&mut self, job: &Job, id: TaskId, position: usize, files: Option<Vec<Arc<File>>>) {
        let state = &mut self.tasks[id.index()].operators[position];
        let Some(table) = &mut state.table else { return };
        let Some(mut files) = files else { return table.adopt(&state.counts) };
        if job.has(Mutant::OldestFileWins) {
            files.reverse();
        }
        table.restore(files, state.applied, &mut state.counts);
        if job.has(Mutant::NamesAreUsedAgain) {
            table.forget_names();
        }
        state.keys = state.counts.iter().map(|count| u32::from(*count > 0)).sum();
    }

    fn tell_loaded<H: Host>(&self, job: &Job, id: TaskId, checkpoint: CheckpointId, is_local: bool, host: &mut H) {
        let chain = &job.plan.tasks[id.index()].chain;
        for (state, operator) in self.tasks[id.index()].operators.iter().zip(chain) {
            if is_keyed(job, *operator) {
                let (entries, hash) = entries(&state.counts);
                let (operator, local) = (*operator, u32::from(is_local));
                host.emit(Event::EntriesRestored { task: id, operator, checkpoint, entries, hash, local });
            }
        }
    }
}
