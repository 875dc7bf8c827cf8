//! Which checkpoints of a run are savepoints: the rules about who replaces whom are not for them.
//!
//! A newer checkpoint that completes gives up the older ones, but never a savepoint. A plain savepoint belongs to
//! whoever asked for it: nobody is told of it, and no recovery goes back to it. One that ends the job is told of like a
//! checkpoint, since the tasks wait for it. Savepoints are asked for by hand, so a run has few, and all are remembered.

use crate::base::{CheckpointId, Fingerprint};

/// The `purpose` of a savepoint that does not end the job.
const PLAIN: u32 = 1;

/// The savepoints of a run so far, with their purposes.
#[derive(Clone, Default)]
pub(super) struct Savepoints(Vec<(CheckpointId, u32)>);

impl Savepoints {
    /// A checkpoint begins.
    pub(super) fn begin(&mut self, checkpoint: CheckpointId, purpose: u32) {
        if purpose > 0 {
            self.0.push((checkpoint, purpose));
        }
    }

    /// It is a savepoint of any kind: no newer checkpoint replaces it.
    pub(super) fn holds(&self, checkpoint: CheckpointId) -> bool {
        self.0.iter().any(|(of, _)| *of == checkpoint)
    }

    /// It is a savepoint that nobody is told of and that no recovery uses.
    pub(super) fn holds_plain(&self, checkpoint: CheckpointId) -> bool {
        self.0.contains(&(checkpoint, PLAIN))
    }

    /// Whether a checkpoint is over once another has completed: that one itself, or an older one that it replaces.
    pub(super) fn is_over(&self, checkpoint: CheckpointId, completed: CheckpointId) -> bool {
        checkpoint == completed || checkpoint < completed && !self.holds(checkpoint) && !self.holds_plain(completed)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.0.iter().map(|(of, purpose)| of.0 << 2 | u64::from(*purpose)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_replace_older_ones_but_no_savepoints_and_plain_savepoints_replace_nobody() {
        let mut savepoints = Savepoints::default();
        (1..=4).for_each(|id| savepoints.begin(CheckpointId(id), [0, 1, 0, 2][id as usize - 1]));
        let savepoints = &savepoints;
        let over = |completed| (1..=4).map(move |id| savepoints.is_over(CheckpointId(id), CheckpointId(completed)));
        assert_eq!(over(3).collect::<Vec<_>>(), [true, false, true, false]);
        assert_eq!(over(2).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(over(4).collect::<Vec<_>>(), [true, false, true, true]);
    }
}
