//! What a task knows to be in the storage: the files of the last of its checkpoints that it has heard to be complete.
//!
//! Only these need not be stored again. A checkpoint is forgotten when it is given up, and a completion counts only if it is
//! newer than the last one and the task remembers what it had captured for it; a savepoint is never remembered. So
//! a message that is lost makes the next snapshot larger, and nothing worse.

use crate::base::CheckpointId;

/// A task's memory of its snapshots.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Known {
    /// Files that need not be stored.
    base: Vec<u64>,
    /// Snapshots of which it has not heard, with all their files.
    taken: Vec<(CheckpointId, Vec<u64>)>,
    completed: CheckpointId,
}

impl Known {
    /// A task begins from a checkpoint that has these files.
    pub fn begin(&mut self, checkpoint: CheckpointId, files: Vec<u64>) {
        self.taken.clear();
        (self.base, self.completed) = (files, checkpoint);
    }

    /// Whether a file need not be stored.
    pub fn holds(&self, file: u64) -> bool {
        self.base.contains(&file)
    }

    /// A snapshot was taken.
    pub fn take(&mut self, checkpoint: CheckpointId, files: Vec<u64>) {
        self.taken.push((checkpoint, files));
    }

    /// A checkpoint is complete.
    pub fn complete(&mut self, checkpoint: CheckpointId) {
        if checkpoint <= self.completed {
            return;
        }
        let Some(at) = self.taken.iter().position(|(taken, _)| *taken == checkpoint) else { return };
        self.base = self.taken.swap_remove(at).1;
        self.completed = checkpoint;
        self.taken.retain(|(taken, _)| *taken > checkpoint);
    }

    /// A checkpoint was given up.
    pub fn forget(&mut self, checkpoint: CheckpointId) {
        self.taken.retain(|(taken, _)| *taken != checkpoint);
    }

    /// Whatever somebody says to be complete, these are taken for stored.
    pub fn believe(&mut self, files: Vec<u64>) {
        self.base = files;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_remembered_and_newer_completion_counts() {
        let mut known = Known::default();
        for n in 1..=4 {
            known.take(CheckpointId(n), vec![n]);
        }
        known.complete(CheckpointId(2));
        assert!(known.holds(2) && !known.holds(1));
        known.complete(CheckpointId(1));
        assert!(known.holds(2), "it is older");
        known.forget(CheckpointId(3));
        known.complete(CheckpointId(3));
        assert!(known.holds(2), "it was given up");
        known.complete(CheckpointId(9));
        assert!(known.holds(2), "nothing was captured for it, as for a savepoint");
        known.complete(CheckpointId(4));
        assert!(known.holds(4));
    }

    #[test]
    fn a_restart_begins_with_the_files_of_its_restore_point() {
        let mut known = Known::default();
        known.take(CheckpointId(2), vec![2]);
        known.begin(CheckpointId(1), vec![1]);
        known.complete(CheckpointId(2));
        assert!(known.holds(1) && !known.holds(2), "what was taken before belongs to another life");
    }
}
