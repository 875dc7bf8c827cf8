//! From the capture of a task's state to the registration of its files, and to their deletion.

use super::table::File;
use super::{Sent, Sizes, entries, is_keyed};
use crate::base::{Attempt, Bytes, CheckpointId, Span, TaskId};
use crate::fault::Mutant;
use crate::protocol::Purpose;
use crate::trace::Event;
use crate::world::{Host, Job, World};
use std::sync::Arc;

/// A file that a snapshot needs.
#[derive(Clone, Debug)]
pub(in crate::world) struct Part {
    /// Whose it is: the place of the operator in its chain.
    pub position: usize,
    /// As the task had it.
    pub file: Arc<File>,
    /// The snapshot stores it itself.
    pub fresh: bool,
    /// The coordinator knows where it is.
    pub resolved: bool,
}

impl World {
    /// Captures the state as the backend does: says what the snapshot needs, and what it has to store.
    pub(in crate::world) fn capture_state<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        purpose: Purpose,
        host: &mut H,
    ) {
        let set = &job.scenario.backend;
        let snapshot = self.store.begin(id, checkpoint);
        let mut sizes = Sizes { full: snapshot.bytes.0, written: 0 };
        (snapshot.stored, snapshot.shares) = (snapshot.bytes, false);
        if job.backend.keeps(set).is_some() {
            self.tell_entries(job, id, checkpoint, host);
            let is_canonical = purpose != Purpose::Checkpoint && !job.has(Mutant::SavepointSharesFiles);
            if !is_canonical {
                sizes.written = self.flush_tables(job, id, host);
                self.list_files(job, id, checkpoint, sizes, host);
                self.store.begin(id, checkpoint).registers = purpose == Purpose::Checkpoint;
            }
            let snapshot = self.store.begin(id, checkpoint);
            // A key that is in several files is read as often by a restore.
            let in_files = snapshot.parts.iter().map(|part| part.file.bytes).sum();
            let full = if snapshot.shares { in_files } else { sizes.full };
            let (stored, files) = (snapshot.stored.0, snapshot.parts.len() as u32);
            host.emit(Event::StateSized { task: id, checkpoint, full, stored, files });
        }
        let snapshot = self.store.begin(id, checkpoint);
        snapshot.sync = job.backend.sync(set, sizes);
        // What is read is written at the same time: the slower of the two decides.
        let bandwidth = job.scenario.storage.bandwidth;
        let writing = super::time_at(bandwidth, snapshot.stored.0);
        snapshot.scan = Span(job.backend.scan(set, sizes).0.saturating_sub(writing.0));
    }

    /// What the state of a task holds, if the backend keeps files.
    pub(in crate::world) fn tell_entries<H: Host>(
        &self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        let chain = &job.plan.tasks[id.index()].chain;
        for (state, operator) in self.tasks[id.index()].operators.iter().zip(chain) {
            if is_keyed(job, *operator) {
                let (entries, hash) = entries(&state.counts);
                host.emit(Event::EntriesCut { task: id, operator: *operator, checkpoint, entries, hash });
            }
        }
    }

    /// What is in memory becomes files; says how large they are.
    fn flush_tables<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) -> u64 {
        let mut written = 0;
        for state in &mut self.tasks[id.index()].operators {
            let Some(table) = &mut state.table else { continue };
            written += table.write_base();
            if !job.has(Mutant::MemtableIsLeftOut) {
                written += table.flush(&state.counts, state.applied);
            }
            for (files, bytes) in table.merged.drain(..) {
                host.emit(Event::FilesMerged { task: id, files, bytes, whole: 0 });
            }
        }
        written
    }

    /// A snapshot is a list of files, some of which it stores.
    fn list_files<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, sizes: Sizes, host: &mut H) {
        let holder = &self.backend.tasks[id.index()];
        let parts: Vec<Part> = self
            .files_of(id)
            .map(|(position, file)| {
                let is_stored = holder.known.holds(file.name) || holder.placed.contains(&file.name);
                let fresh = !is_stored && !job.backend.is_remote();
                // Where nobody coordinates, a task's snapshot is all that a recovery reads.
                let resolved = fresh || !job.protocol.claims().coordinated;
                Part { position, file: Arc::clone(file), fresh, resolved }
            })
            .collect();
        let names: Vec<u64> = parts.iter().map(|part| part.file.name).collect();
        let mut stored = 0;
        for Part { file, fresh, .. } in &parts {
            if job.backend.is_remote() && self.backend.registry.store(file) {
                host.emit(Event::FileStored { task: id, file: file.name, bytes: file.bytes });
            }
            stored += if *fresh { file.bytes } else { 0 };
            let (file, bytes, fresh) = (file.name, file.bytes, u32::from(*fresh));
            host.emit(Event::FileReferenced { task: id, checkpoint, file, bytes, fresh });
        }
        let known = &mut self.backend.tasks[id.index()].known;
        if job.has(Mutant::BaseIsLastTaken) {
            known.believe(names);
        } else {
            known.take(checkpoint, names);
        }
        let snapshot = self.store.begin(id, checkpoint);
        snapshot.stored = Bytes(if job.backend.is_remote() { sizes.written } else { stored });
        (snapshot.parts, snapshot.shares) = (parts, true);
    }

    /// A task's snapshot is in the storage, and with it the files that it stores.
    pub(in crate::world) fn store_files<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        let Some(snapshot) = self.store.get(id, checkpoint).filter(|snapshot| snapshot.shares) else { return };
        // One that deletes what was merged meanwhile.
        let is_gone =
            |name| job.has(Mutant::CompactionDeletesInputs) && !self.files_of(id).any(|(_, f)| f.name == name);
        let fresh = snapshot.parts.iter().filter(|part| part.fresh && !is_gone(part.file.name));
        let fresh: Vec<Arc<File>> = fresh.map(|part| Arc::clone(&part.file)).collect();
        for file in fresh {
            if self.backend.registry.store(&file) {
                host.emit(Event::FileStored { task: id, file: file.name, bytes: file.bytes });
            }
        }
        if snapshot.registers {
            let files = snapshot.parts.iter().map(|part| part.file.name).collect();
            let attempt = self.tasks[id.index()].attempt;
            self.backend.sent.push(Sent { task: id, attempt, checkpoint, files });
            if !job.protocol.claims().coordinated {
                // A recovery may use it from now on, whether anybody has heard of it or not.
                self.register_files(job, id, attempt, checkpoint);
            }
        }
    }

    /// An acknowledgement arrives: whatever it is worth, its files are registered.
    pub(in crate::world) fn register_files(
        &mut self,
        job: &Job,
        task: TaskId,
        attempt: Attempt,
        checkpoint: CheckpointId,
    ) {
        let memory = &mut self.backend;
        let is_it = |sent: &Sent| (sent.task, sent.attempt, sent.checkpoint) == (task, attempt, checkpoint);
        let Some(at) = memory.sent.iter().position(is_it) else { return };
        let sent = memory.sent.swap_remove(at);
        for name in sent.files {
            if !(job.has(Mutant::UseIsNotRegistered) && memory.registry.knows(name)) {
                memory.registry.register(task, checkpoint, name);
            }
        }
        if !job.has(Mutant::PlaceholdersAreRecorded) {
            self.resolve(task, checkpoint);
        }
    }

    /// The coordinator replaces what a task only named by what is registered.
    pub(in crate::world) fn resolve(&mut self, task: TaskId, checkpoint: CheckpointId) {
        let registry = &self.backend.registry;
        for part in self.store.get_mut(task, checkpoint).into_iter().flat_map(|snapshot| &mut snapshot.parts) {
            part.resolved |= registry.knows(part.file.name);
        }
    }

    /// A record is written, and the coordinator knows it.
    pub(in crate::world) fn files_recorded<H: Host>(
        &mut self,
        job: &Job,
        checkpoint: CheckpointId,
        purpose: Purpose,
        host: &mut H,
    ) {
        if job.has(Mutant::PlaceholdersAreRecorded) {
            job.plan.task_ids().for_each(|task| self.resolve(task, checkpoint));
        }
        if job.has(Mutant::SavepointMovesRegistry) && purpose == Purpose::Savepoint {
            job.plan.task_ids().for_each(|task| self.delete_files(job, task, checkpoint, host));
        }
    }

    /// Files that were last needed before a checkpoint go.
    pub(in crate::world) fn delete_files<H: Host>(
        &mut self,
        job: &Job,
        task: TaskId,
        keep_from: CheckpointId,
        host: &mut H,
    ) {
        if job.has(Mutant::RegistryKeepsForEver) {
            return;
        }
        // One that keeps no more than the last one that was acknowledged.
        let newest = self.store.newest(task);
        let keep_from = if job.has(Mutant::RegistryKeepsTheNewest) { newest } else { keep_from };
        for (file, bytes) in self.backend.registry.delete_unused(task, keep_from) {
            host.emit(Event::FileDeleted { task, file, bytes });
        }
    }

    /// Whoever takes over registers the files of what is there.
    pub(in crate::world) fn register_anew(&mut self, job: &Job) {
        self.backend.registry.forget();
        for task in job.plan.task_ids() {
            for (checkpoint, part) in self.store.durable_parts(task).filter(|(_, part)| part.resolved) {
                self.backend.registry.register(task, checkpoint, part.file.name);
            }
        }
    }

    /// A task hears that a checkpoint is complete.
    pub(in crate::world) fn state_confirmed(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId) {
        if job.backend.keeps(&job.scenario.backend).is_none() {
            return;
        }
        let all: Vec<u64> = self.files_of(id).map(|(_, file)| file.name).collect();
        let holder = &mut self.backend.tasks[id.index()];
        holder.known.complete(checkpoint);
        if job.has(Mutant::BaseIsWhatIsThere) {
            holder.known.believe(all);
        }
        let known = &holder.known;
        holder.unconfirmed.retain(|name| !known.holds(*name));
    }

    /// A task hears that a checkpoint was given up.
    pub(in crate::world) fn state_given_up(&mut self, id: TaskId, checkpoint: CheckpointId) {
        self.backend.tasks[id.index()].known.forget(checkpoint);
    }
}
