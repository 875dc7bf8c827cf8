//! A task that runs out of memory in the middle of a record.
//!
//! Tasks begin no record while their pools are empty, but one record can become many, or a large one. To finish it a task
//! may overdraw its pool by so many buffers; when they are used up too, it stands still where it is: what it still has
//! to send waits here, in order, and until all of it is sent the thread does nothing else - it handles no message
//! either, not even one about a barrier. That is what makes barriers late behind operators that multiply records.

use super::Net;
use crate::base::{ChannelId, TaskId};
use crate::workload::Record;
use crate::world::{Host, Job};

/// A record that its sender has no memory for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stalled {
    channel: u32,
    record: Record,
}

impl Net {
    /// Whether a task stands still within a record.
    #[inline]
    pub fn is_stalled(&self, task: TaskId) -> bool {
        self.stalls > 0 && !self.stalled[task.index()].is_empty()
    }

    /// Lets a record wait for memory, if it must.
    #[cold]
    pub(super) fn must_wait(&mut self, job: &Job, channel: ChannelId, record: Record) -> bool {
        let task = self.pools[self.channels[channel.index()].pool as usize].task;
        let stands = !self.stalled[task.index()].is_empty();
        if !stands && self.has_memory(job, channel, record.size) {
            return false;
        }
        self.stalls += u32::from(!stands);
        self.stalled[task.index()].push(Stalled { channel: channel.0, record });
        true
    }

    /// Whether a channel can take a record of so many bytes now. Feedback edges always can: see [`Net::has_room`].
    fn has_memory(&self, job: &Job, channel: ChannelId, size: u32) -> bool {
        let (control, out) = (&self.channels[channel.index()], &self.outs[channel.index()]);
        let pool = &self.pools[control.pool as usize];
        let fits = size < out.room || (out.is_open() && control.limit - out.room + size < self.segment);
        fits || pool.in_use < pool.size.saturating_add(job.scenario.network.overdraft)
            || job.plan.edges[job.plan.channels[channel.index()].edge.index()].feedback
    }

    /// Sends what waits for memory, as far as there is some; whether nothing waits any more.
    pub fn go_on<H: Host>(&mut self, job: &Job, task: TaskId, host: &mut H) -> bool {
        while let Some(Stalled { channel, record }) = self.stalled[task.index()].front() {
            let channel = ChannelId(channel);
            if !self.has_memory(job, channel, record.size) {
                return false;
            }
            self.stalled[task.index()].pop();
            self.stalls -= u32::from(self.stalled[task.index()].is_empty());
            let fits = record.size < self.outs[channel.index()].room;
            self.append(job, channel, record, fits, host);
        }
        true
    }

    /// A task loses what it had not sent.
    pub fn drop_stalled(&mut self, task: TaskId) {
        self.stalls -= u32::from(!self.stalled[task.index()].is_empty());
        self.stalled[task.index()].clear();
    }
}
