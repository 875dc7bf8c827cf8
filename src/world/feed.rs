//! Channels fed by a driver instead of by their senders: for recordings, which tell what arrived and not why.

use super::net::Item;
use super::{Host, Job, World};
use crate::base::{ChannelId, CheckpointId, TaskId};
use crate::protocol::Barrier;
use crate::workload::Record;

/// Something that a sender would put into a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// A record of one byte.
    Record,
    /// A barrier, put where its kind goes.
    Barrier(Barrier),
    /// The sender gives a checkpoint up.
    Cancel(CheckpointId),
    /// The sender has ended for good.
    Closed,
}

impl World {
    /// Puts something into a channel in its sender's place.
    pub fn feed<H: Host>(&mut self, job: &Job, channel: ChannelId, feed: Feed, host: &mut H) {
        match feed {
            Feed::Record => {
                let lineage = u64::from(channel.0) << 32 | self.net.outs[channel.index()].sent;
                self.net.push(job, channel, Record { lineage, size: 1, ..Record::default() }, host);
            }
            Feed::Barrier(barrier) => self.send_barrier_on(job, channel, barrier, host),
            Feed::Cancel(checkpoint) => self.net.send_control(job, channel, Item::Cancel(checkpoint), host),
            Feed::Closed => self.net.send_control(job, channel, Item::Closed, host),
        }
        self.settle(job, host);
    }

    /// Whether the sender of a channel waits behind a barrier.
    pub fn is_channel_blocked(&self, channel: ChannelId) -> bool {
        self.net.channels[channel.index()].blocked
    }

    /// What a task's role says of itself.
    pub fn inspect(&self, task: TaskId) -> Vec<(&'static str, String)> {
        self.tasks[task.index()].role.inspect()
    }
}
