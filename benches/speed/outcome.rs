//! What two simulators of the same job must agree on.

use cutline::base::{Time, mix};
use cutline::trace::{Event, Observer};

/// Counts and checkpoint times of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Records by task.
    pub processed: Vec<u64>,
    /// A hash over the counters of all keys.
    pub values: u64,
    /// Checkpoints, and when they completed, in nanoseconds.
    pub completed: Vec<(u64, u64)>,
    /// By checkpoint and task: how many records its snapshot covers.
    pub cuts: Vec<(u64, u32, u64)>,
    /// When the last task ended.
    pub ended: u64,
}

impl Outcome {
    /// One key's part of the hash over counters, as in the events at the end of a run.
    pub fn value(key: u32, count: u32) -> u64 {
        mix(u64::from(key) ^ 0xa076_1d64_78bd_642f).wrapping_mul(u64::from(count))
    }

    /// Two tasks may snapshot at the same instant; then nothing says whose comes first.
    pub fn sorted(mut self) -> Self {
        self.cuts.sort_unstable();
        self
    }
}

impl Observer for Outcome {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        match *event {
            Event::CheckpointCompleted { checkpoint } => self.completed.push((checkpoint.0, at.0)),
            Event::CutState { task, checkpoint, applied, .. } => self.cuts.push((checkpoint.0, task.0, applied)),
            Event::StateFinal { applied, values, .. } => {
                self.processed.push(applied);
                self.values = self.values.wrapping_add(values);
            }
            Event::RunEnded { .. } => self.ended = at.0,
            _ => {}
        }
    }
}
