//! The memory of a sender: segments of its pool, into which the stream of records is cut.
//!
//! A record that spans the end of a buffer takes a segment for what is left of it, whether the pool has one or not:
//! tasks stop between records, never within one.

use super::{Held, Item, Net};
use crate::base::ChannelId;
use crate::trace::Event;
use crate::world::{Host, Job};

impl Net {
    /// The open buffer is full, or more than full: the record that spans the end belongs to the next one.
    #[cold]
    pub(super) fn close_full<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        self.stretch(channel);
        while self.outs[channel.index()].fill >= self.outs[channel.index()].limit {
            let out = &mut self.outs[channel.index()];
            let rest = out.fill - out.limit;
            let spanning = u32::from(rest > 0);
            (out.fill, out.records) = (out.limit, out.records - spanning);
            self.close(channel, spanning, host);
            if rest > 0 {
                let out = &mut self.outs[channel.index()];
                (out.fill, out.records) = (rest, spanning);
                out.limit = out.limit.max(rest.min(self.segment));
                self.take_segment(job, channel, host);
            }
        }
        self.offer(job, channel, host);
    }

    /// Closes the open buffer; the last `behind` records sent are not in it.
    pub(super) fn close<H: Host>(&mut self, channel: ChannelId, behind: u32, host: &mut H) {
        let out = &mut self.outs[channel.index()];
        let (records, bytes) = (out.records, out.fill);
        let (upto, chain) = (out.sent - u64::from(behind), out.chain);
        let control = &mut self.channels[channel.index()];
        (out.fill, out.records, out.limit) = (0, 0, control.size);
        self.unflushed[self.pools[control.pool as usize].task.index()] -= u32::from(!control.flush);
        let seq = control.closed;
        control.closed += 1;
        control.queued += 1;
        control.items.push(Item::Buffer { seq, records, bytes, backlog: 0, held: Held::Sender });
        // The chain of a buffer that a spanning record follows is the one before that record.
        let chain = if behind == 0 { chain.0 } else { self.chain_before_last(channel, behind) };
        host.emit(Event::BufferClosed { channel, seq, records, bytes, upto, chain });
    }

    fn chain_before_last(&self, channel: ChannelId, behind: u32) -> u64 {
        let ring = &self.rings[channel.index()];
        let mut chain = self.outs[channel.index()].chain;
        for back in 0..behind as usize {
            let record = ring.get(ring.len() - 1 - back).expect("records of the open buffer are in the ring");
            chain.unpush(record.lineage);
        }
        chain.0
    }

    /// A buffer is begun.
    #[cold]
    pub(super) fn take_segment<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        let pool = &mut self.pools[control.pool as usize];
        self.unflushed[pool.task.index()] += u32::from(!control.flush);
        pool.in_use += 1;
        control.segments += 1;
        pool.over += u32::from(control.segments == job.scenario.network.max_per_channel);
        let in_use = &mut self.in_use[pool.task.index()];
        *in_use += 1;
        host.emit(Event::SegmentTaken { task: pool.task, in_use: *in_use });
    }

    pub(super) fn return_segment<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        let pool = &mut self.pools[control.pool as usize];
        pool.over -= u32::from(control.segments == job.scenario.network.max_per_channel);
        pool.in_use -= 1;
        control.segments -= 1;
        let in_use = &mut self.in_use[pool.task.index()];
        *in_use -= 1;
        host.emit(Event::SegmentReturned { task: pool.task, in_use: *in_use });
        self.freed.push(pool.task);
    }
}
