//! What is in the storage: snapshots, each with what is its own, and files of state that they share.
//!
//! A snapshot takes its bytes as long as nobody drops it; a savepoint for ever. Files that nobody deletes, because nobody
//! ever heard of them, take theirs, too.

use crate::base::{Bytes, CheckpointId, TaskId};
use crate::trace::Event;

/// The storage.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    snapshots: Vec<(TaskId, CheckpointId, u64)>,
    files: u64,
    written: u64,
    now: u64,
    most: u64,
}

impl Kept {
    pub fn reset(&mut self) {
        self.snapshots.clear();
        (self.files, self.written, self.now, self.most) = (0, 0, 0, 0);
    }

    /// Most bytes at any time, and those there are now; `None`: nothing was ever stored.
    pub fn bytes(&self) -> Option<(Bytes, Bytes)> {
        (self.most > 0).then_some((Bytes(self.most), Bytes(self.now)))
    }

    /// Shared files that were written.
    pub fn written(&self) -> Option<u64> {
        (self.written > 0).then_some(self.written)
    }

    /// A snapshot is stored, so many bytes of which are its own.
    pub fn store(&mut self, task: TaskId, checkpoint: CheckpointId, own: u64) {
        self.snapshots.push((task, checkpoint, own));
        self.grow(own);
    }

    pub fn event(&mut self, event: &Event) {
        match *event {
            Event::FileStored { bytes, .. } => {
                self.written += 1;
                self.grow(bytes);
            }
            Event::FileDeleted { bytes, .. } => self.now -= bytes.min(self.now),
            Event::SnapshotsDropped { task, upto } => self.drop_where(|of, id| of == task && id <= upto),
            Event::SnapshotDiscarded { task, checkpoint } => self.drop_where(|of, id| (of, id) == (task, checkpoint)),
            Event::RestorePoint { task, checkpoint, live: 0 } => {
                self.drop_where(|of, id| of == task && id > checkpoint)
            }
            _ => {}
        }
    }

    fn grow(&mut self, by: u64) {
        self.now += by;
        self.most = self.most.max(self.now);
    }

    fn drop_where(&mut self, is_void: impl Fn(TaskId, CheckpointId) -> bool) {
        let mut freed = 0;
        self.snapshots.retain(|(task, id, own)| {
            let void = is_void(*task, *id);
            freed += if void { *own } else { 0 };
            !void
        });
        self.now -= freed.min(self.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_takes_no_place() {
        let (task, one, two) = (TaskId(0), CheckpointId(1), CheckpointId(2));
        let mut kept = Kept::default();
        assert_eq!(kept.bytes(), None);
        kept.store(task, one, 100);
        kept.event(&Event::FileStored { task, file: 7, bytes: 30 });
        kept.store(task, two, 10);
        kept.event(&Event::SnapshotsDropped { task, upto: one });
        assert_eq!((kept.bytes(), kept.written()), (Some((Bytes(140), Bytes(40))), Some(1)));
        kept.event(&Event::FileDeleted { task, file: 7, bytes: 30 });
        kept.event(&Event::RestorePoint { task, checkpoint: one, live: 0 });
        assert_eq!(kept.bytes(), Some((Bytes(140), Bytes(0))));
    }
}
