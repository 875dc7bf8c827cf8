//! The memory of a sender: segments of its pool, into which the stream of records is cut.
//!
//! Every buffer takes a segment, whatever part of it the receiver wants to be used: a buffer is as large as the
//! receiver asked for when it was begun, but large enough for the record that begins it, as far as a segment goes.
//! The end of a record that does not fit behind others begins the next buffer, whether the pool has one or not:
//! tasks stop between records, never within one. But while the pool has none, a buffer that is smaller than a segment
//! grows first.

use super::{Held, Item, Net};
use crate::base::ChannelId;
use crate::fault::Mutant;
use crate::trace::Event;
use crate::world::{Host, Job};

impl Net {
    /// Puts a record of so many bytes where it does not just fit: it begins a buffer, or fills the open one and goes on
    /// in the next.
    #[cold]
    pub(super) fn put<H: Host>(&mut self, job: &Job, channel: ChannelId, size: u32, host: &mut H) {
        if !self.outs[channel.index()].is_open() {
            self.begin(job, channel, size, host);
        }
        self.stretch(channel, size);
        let mut left = size;
        while left >= self.outs[channel.index()].room {
            let out = &mut self.outs[channel.index()];
            left -= out.room;
            let spanning = u32::from(left > 0);
            (out.room, out.records) = (0, out.records - spanning);
            self.close(channel, spanning, host);
            if left == 0 {
                return self.offer(job, channel, host);
            }
            self.outs[channel.index()].records = spanning;
            self.begin(job, channel, left, host);
        }
        self.outs[channel.index()].room -= left;
        if left < size {
            self.offer(job, channel, host);
        }
    }

    /// Begins a buffer with a record, or with what is left of one, of so many bytes: for these it is large enough, as far
    /// as a segment goes.
    fn begin<H: Host>(&mut self, job: &Job, channel: ChannelId, first: u32, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        control.limit = control.size.max(first.min(self.segment));
        self.outs[channel.index()].room = control.limit;
        let pool = &mut self.pools[control.pool as usize];
        self.unflushed[pool.task.index()] += u32::from(!control.flush);
        pool.in_use += 1;
        control.segments += 1;
        pool.over += u32::from(control.segments == job.scenario.network.max_per_channel);
        let in_use = &mut self.in_use[pool.task.index()];
        *in_use += 1;
        host.emit(Event::SegmentTaken { task: pool.task, in_use: *in_use });
    }

    /// While the pool has no other buffer, the open one grows for a record of so many bytes, as far as a segment goes.
    fn stretch(&mut self, channel: ChannelId, size: u32) {
        let (control, out) = (&mut self.channels[channel.index()], &mut self.outs[channel.index()]);
        if size >= out.room && !self.pools[control.pool as usize].has_room() {
            // Room for a byte more: so it stays open, and the next record need not ask the pool either.
            let grown = control.limit.max((control.limit - out.room + size + 1).min(self.segment));
            out.room += grown - control.limit;
            control.limit = grown;
        }
    }

    /// Closes the open buffer; the last `behind` records sent are not in it.
    pub(super) fn close<H: Host>(&mut self, channel: ChannelId, behind: u32, host: &mut H) {
        let (control, out) = (&mut self.channels[channel.index()], &mut self.outs[channel.index()]);
        let (records, bytes) = (out.records, control.limit - out.room);
        let (upto, chain) = (out.sent - u64::from(behind), out.chain);
        (out.room, out.records) = (0, 0);
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

    pub(super) fn return_segment<H: Host>(&mut self, job: &Job, channel: ChannelId, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        let pool = &mut self.pools[control.pool as usize];
        pool.over -= u32::from(control.segments == job.scenario.network.max_per_channel);
        pool.in_use -= 1;
        control.segments -= 1;
        let in_use = &mut self.in_use[pool.task.index()];
        *in_use -= 1;
        host.emit(Event::SegmentReturned { task: pool.task, in_use: *in_use });
        if !job.has(Mutant::OnlyFullPoolsWake) || pool.in_use + 1 == pool.size {
            self.freed.push(pool.task);
        }
    }
}
