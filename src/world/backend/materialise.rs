//! The whole state as a file, written in the background, so that the log before it is not needed any more.
//!
//! It is captured between two records and takes no time of the thread. Snapshots that are taken while it is being written
//! still need the log; those after that need the file and the log since. The next materialisation waits until
//! the task has heard that a checkpoint with the last one is complete.

use super::table::File;
use crate::base::{Attempt, Bytes, TaskId};
use crate::fault::Mutant;
use crate::trace::Event;
use crate::world::task::{Mail, Status};
use crate::world::{Host, Job, Notice, World};
use std::sync::Arc;

/// What is being materialised of one operator.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    position: usize,
    file: Arc<File>,
    /// So many files of the table it stands for.
    upto: usize,
}

impl World {
    /// A task begins: after a while it materialises its state.
    pub(in crate::world) fn begin_materialising<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let task = &self.tasks[id.index()];
        if job.backend.materialises() && task.operators.iter().any(|state| state.table.is_some()) {
            let (attempt, after) = (task.attempt, job.scenario.backend.materialize);
            host.notice(Notice::Materialize { task: id, attempt, after });
        }
    }

    /// It is time: the thread will, between two records.
    pub(in crate::world) fn materialising_is_due<H: Host>(&mut self, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt == attempt && matches!(task.status, Status::Running | Status::Frozen) {
            task.mailbox.push(Mail::Materialize);
            host.notice(Notice::Wake(id));
        }
    }

    /// The state is captured, and is being written from now on.
    pub(in crate::world) fn materialise<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        self.begin_materialising(job, id, host);
        let holder = &mut self.backend.tasks[id.index()];
        if holder.building.is_some() || !holder.unconfirmed.is_empty() {
            return;
        }
        let task = &mut self.tasks[id.index()];
        let mut pieces = Vec::new();
        for (position, state) in task.operators.iter_mut().enumerate() {
            let Some(table) = &mut state.table else { continue };
            table.flush(&state.counts, state.applied);
            let (file, mut upto) = table.materialise(&state.counts, state.applied);
            if job.has(Mutant::LogCutTooEarly) {
                table.files.retain(|file| file.is_base);
                upto = table.files.len();
            }
            pieces.push(Piece { position, file, upto });
        }
        let bytes = Bytes(pieces.iter().map(|piece| piece.file.bytes).sum());
        holder.building = Some(pieces);
        host.notice(Notice::Background { task: id, attempt: task.attempt, bytes });
    }

    /// All of it is in the storage.
    pub(in crate::world) fn materialised<H: Host>(&mut self, id: TaskId, attempt: Attempt, host: &mut H) {
        if self.tasks[id.index()].attempt != attempt || self.is_void(id) {
            return;
        }
        let Some(pieces) = self.backend.tasks[id.index()].building.take() else { return };
        for Piece { position, file, upto } in pieces {
            let (name, bytes) = (file.name, file.bytes);
            self.backend.registry.store(&file);
            host.emit(Event::FileStored { task: id, file: name, bytes });
            host.emit(Event::FilesMerged { task: id, files: upto as u32, bytes, whole: 1 });
            let table = self.tasks[id.index()].operators[position].table.as_mut().expect("it had one");
            table.replace(upto, file);
            let holder = &mut self.backend.tasks[id.index()];
            holder.placed.push(name);
            holder.unconfirmed.push(name);
        }
    }
}
