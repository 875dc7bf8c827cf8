//! Recovery as a value, and the facts it is computed from.

use crate::base::{ChannelId, CheckpointId, TaskId};

/// What a restart does to every task and every channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryPlan {
    /// By task.
    pub tasks: Vec<RestorePoint>,
    /// By channel.
    pub channels: Vec<ChannelPlan>,
}

/// What a task goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestorePoint {
    /// A snapshot of its own; 0 is the initial state.
    Snapshot(CheckpointId),
    /// It keeps what it has.
    Live,
    /// It had ended: its state is that of this snapshot, and it stays ended.
    Ended(CheckpointId),
}

impl RestorePoint {
    /// The snapshot that it goes back to, unless it is live.
    pub fn snapshot(self) -> Option<CheckpointId> {
        match self {
            Self::Snapshot(id) | Self::Ended(id) => Some(id),
            Self::Live => None,
        }
    }
}

/// What a channel begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPlan {
    /// Nothing: both ends continue from their snapshots.
    Empty,
    /// The records that the receiver's snapshot captured on it.
    Reinject,
    /// The records of the sender's log that the receiver has not consumed.
    Replay,
    /// What it holds: both ends are live.
    Keep,
}

impl RecoveryPlan {
    /// Every task back to the same checkpoint, all channels alike.
    pub fn all_to(tasks: usize, channels: usize, checkpoint: CheckpointId, plan: ChannelPlan) -> Self {
        Self { tasks: vec![RestorePoint::Snapshot(checkpoint); tasks], channels: vec![plan; channels] }
    }
}

/// What is known when a recovery plan is made: durable snapshots and the counts in them.
///
/// `None` for a point means the live state of a task that did not fail.
pub trait Facts {
    /// The newest durable snapshot of a task older than `below`, if `below` is given; 0 is always durable.
    fn newest(&self, task: TaskId, below: Option<CheckpointId>) -> CheckpointId;
    /// Records that the first operator of a task has applied, as of a snapshot or live; a source applies what it emits.
    fn applied(&self, task: TaskId, at: Option<CheckpointId>) -> u64;
    /// Records and marks sent on a channel, as of its sender's snapshot or live state.
    fn sent(&self, channel: ChannelId, at: Option<CheckpointId>) -> u64;
    /// Records and marks consumed from a channel, as of its receiver's snapshot or live state.
    fn received(&self, channel: ChannelId, at: Option<CheckpointId>) -> u64;
}
