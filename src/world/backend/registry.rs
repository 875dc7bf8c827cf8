//! Which files of state are in the storage, and which of them some checkpoint may need: what the coordinator knows.
//!
//! Files are shared by checkpoints, so none of them may delete a file with itself. An entry says which checkpoint was the
//! first to need a file and which the last; there are no counts. Whatever a task acknowledges is registered before
//! anything else is looked at, late or not, and when the oldest checkpoint that is kept is a newer one than before, all
//! files go that were last needed before it. Since a file is needed by checkpoints that follow one another, that is
//! enough.

use super::table::File;
use crate::base::{CheckpointId, TaskId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The storage of shared files, and the coordinator's book about it.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Registry {
    stored: BTreeMap<u64, Arc<File>>,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    task: TaskId,
    last_used: CheckpointId,
}

impl Registry {
    pub fn reset(&mut self) {
        self.stored.clear();
        self.forget();
    }

    /// The book is lost; the files are not.
    pub fn forget(&mut self) {
        self.entries.clear();
    }

    /// A file is written; what is there under its name stays, and then nothing is said.
    pub fn store(&mut self, file: &Arc<File>) -> bool {
        let fresh = !self.stored.contains_key(&file.name);
        if fresh {
            self.stored.insert(file.name, Arc::clone(file));
        }
        fresh
    }

    /// What is in the storage under a name.
    pub fn read(&self, name: u64) -> Option<&Arc<File>> {
        self.stored.get(&name)
    }

    /// A task's part of a checkpoint needs a file.
    pub fn register(&mut self, task: TaskId, checkpoint: CheckpointId, name: u64) {
        let entry = self.entries.entry(name).or_insert(Entry { task, last_used: checkpoint });
        entry.last_used = entry.last_used.max(checkpoint);
    }

    /// Whether somebody has registered a file.
    pub fn knows(&self, name: u64) -> bool {
        self.entries.contains_key(&name)
    }

    /// Deletes a task's files that were last needed before a checkpoint, and says which they are and how large.
    pub fn delete_unused(&mut self, task: TaskId, keep_from: CheckpointId) -> Vec<(u64, u64)> {
        let is_unused = |entry: &Entry| entry.task == task && entry.last_used < keep_from;
        let unused = self.entries.iter().filter(|(_, entry)| is_unused(entry)).map(|(name, _)| *name);
        let unused: Vec<u64> = unused.collect();
        let mut delete = |name: u64| {
            self.entries.remove(&name);
            (name, self.stored.remove(&name).map_or(0, |file| file.bytes))
        };
        unused.into_iter().map(&mut delete).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId(3);

    fn file(name: u64, bytes: u64) -> Arc<File> {
        Arc::new(File { name, entries: Vec::new(), bytes, appended: 0, is_base: false, is_log: false })
    }

    #[test]
    fn a_file_lives_as_long_as_the_last_checkpoint_that_needs_it() {
        let mut registry = Registry::default();
        assert!(registry.store(&file(1, 10)));
        registry.register(TASK, CheckpointId(1), 1);
        registry.register(TASK, CheckpointId(2), 1);
        registry.register(TASK, CheckpointId(1), 1);
        assert!(registry.delete_unused(TASK, CheckpointId(2)).is_empty(), "a late word does not take it back");
        assert!(registry.delete_unused(TaskId(0), CheckpointId(9)).is_empty(), "it is another task's");
        assert_eq!(registry.delete_unused(TASK, CheckpointId(3)), [(1, 10)]);
        assert!(registry.read(1).is_none() && !registry.knows(1));
    }

    #[test]
    fn of_two_files_of_one_name_the_first_stays() {
        let mut registry = Registry::default();
        registry.store(&file(1, 10));
        assert!(!registry.store(&file(1, 20)));
        assert_eq!(registry.read(1).map(|file| file.bytes), Some(10));
    }
}
