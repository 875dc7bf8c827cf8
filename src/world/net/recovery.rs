//! Channels that begin a new life: what a recovery does to the data plane.

use super::{Channel, Held, In, Item, Keeper, Net, Out};
use crate::base::{ChannelId, TaskId};
use crate::fault::Mutant;
use crate::trace::Event;
use crate::workload::Record;
use crate::world::{Host, Job};

impl Net {
    /// Takes back the end of data that the world itself put into a feedback channel; true if it had been read.
    pub fn take_end_back(&mut self, channel: ChannelId) -> bool {
        let control = &mut self.channels[channel.index()];
        if !std::mem::replace(&mut control.ended, false) {
            return false;
        }
        let was_seen = std::mem::replace(&mut control.end_seen, false);
        control.void_ends += u8::from(!was_seen);
        was_seen
    }

    /// A channel begins a new life with these counts; nothing of the old one is left.
    pub fn restore<H: Host>(&mut self, job: &Job, channel: ChannelId, sent: Out, received: In, host: &mut H) {
        if self.outs[channel.index()].is_open() && !self.channels[channel.index()].flush {
            self.unflushed[job.plan.channels[channel.index()].from.index()] -= 1;
        }
        let kept = u32::from(job.has(Mutant::RestoreKeepsASegment));
        while self.channels[channel.index()].segments > kept {
            self.return_segment(job, channel, host);
        }
        let gate = self.channels[channel.index()].gate;
        let floating = self.channels[channel.index()].floating;
        let floating = match job.has(Mutant::RestoreForgetsArrived) {
            true => floating,
            false => floating + self.floating_in_queue(channel),
        };
        self.gates[gate as usize].waiting.retain(|waiting| waiting != channel.0);
        let control = &mut self.channels[channel.index()];
        (control.floating, control.waiting) = (0, false);
        let exclusive = job.scenario.network.exclusive;
        let was_prioritized = control.prioritized;
        let restored = control.items.iter().filter(|i| matches!(i, Item::Buffer { held: Held::Restored, .. })).count();
        self.restored[job.plan.channels[channel.index()].to.index()] -= restored as u32;
        let mut items = std::mem::take(&mut control.items);
        items.clear();
        let (pool, epoch, closed, flown) = (control.pool, control.epoch + 1, control.closed, control.flown);
        *control = Channel {
            items,
            pool,
            gate,
            size: self.start,
            epoch,
            closed,
            flown,
            credit: exclusive,
            exclusive,
            wanted: exclusive,
            ..Channel::default()
        };
        (0..floating).for_each(|_| self.free_floating(channel, gate, host));
        self.rings[channel.index()].clear();
        let planned = &job.plan.channels[channel.index()];
        self.ready[planned.to.index()].retain(|ready| ready != planned.port.0);
        self.urgent[planned.to.index()] -= u32::from(was_prioritized);
        if let Some(keeper) = self.keepers.get_mut(channel.index()) {
            *keeper = Keeper::default();
        }
        self.left.retain(|(left, _)| *left != channel);
        self.outs[channel.index()] = Out { room: 0, records: 0, ..sent };
        self.begin_anew(gate);
        self.ins[channel.index()] = received;
        host.emit(Event::ChannelRestored {
            channel,
            sent: sent.sent,
            sent_chain: sent.chain.0,
            received: received.received,
            received_chain: received.chain.0,
        });
    }

    /// The floating buffer that a receiver was reading goes back to its gate.
    pub fn drop_floating<H: Host>(&mut self, channel: ChannelId, host: &mut H) {
        let gate = self.channels[channel.index()].gate;
        self.free_floating(channel, gate, host);
    }

    /// If a floating buffer lies at a receiver, it goes back to its gate although it is not empty: nobody should.
    pub fn drop_one_floating<H: Host>(&mut self, channel: ChannelId, host: &mut H) {
        if self.floating_in_queue(channel) > 0 {
            self.drop_floating(channel, host);
        }
    }

    fn floating_in_queue(&self, channel: ChannelId) -> u32 {
        let items = &self.channels[channel.index()].items;
        items.iter().filter(|item| matches!(item, Item::Buffer { held: Held::Floating, .. })).count() as u32
    }

    /// Turns the ports that can be read until one is first that holds what a restore put in: that is read before all else.
    #[cold]
    pub(super) fn restored_first(&mut self, job: &Job, task: TaskId) {
        for _ in 0..self.ready[task.index()].len() {
            let Some(port) = self.ready[task.index()].front() else { return };
            let channel = job.plan.inputs(task)[port as usize];
            let first = self.channels[channel.index()].items.front();
            if matches!(first, Some(Item::Buffer { held: Held::Restored, .. })) {
                return;
            }
            self.ready[task.index()].pop();
            self.ready[task.index()].push(port);
        }
    }

    /// Puts records into a restored channel at its receiver, before anything new.
    pub fn reinject<H: Host>(&mut self, job: &Job, channel: ChannelId, records: &[Record], held: Held, host: &mut H) {
        if records.is_empty() {
            return;
        }
        let before = self.channels[channel.index()].items.len();
        self.fill(channel, records, held, host);
        let planned = &job.plan.channels[channel.index()];
        let control = &mut self.channels[channel.index()];
        let buffers = (control.items.len() - before) as u32;
        control.arrived += if planned.local { 0 } else { buffers };
        if held == Held::Restored {
            self.restored[planned.to.index()] += buffers;
        }
        self.list(job, channel, host);
    }

    /// Puts records behind all that is in a channel, cut into buffers that take nobody's memory.
    pub(super) fn fill<H: Host>(&mut self, channel: ChannelId, records: &[Record], held: Held, host: &mut H) {
        if records.is_empty() {
            return;
        }
        host.emit(Event::ChannelReplayed { channel, records: records.len() as u64 });
        let In { received: mut upto, mut chain } = self.ins[channel.index()];
        for record in self.rings[channel.index()].iter() {
            upto += 1;
            chain.push(record.lineage);
        }
        let first = records.iter().find(|record| record.mark().is_none()).unwrap_or(&records[0]);
        let per_buffer = (self.segment / first.size.max(1)).max(1) as usize;
        for part in records.chunks(per_buffer) {
            let bytes = part.iter().map(|record| record.size).sum();
            for record in part {
                self.rings[channel.index()].push(*record);
                chain.push(record.lineage);
            }
            upto += part.len() as u64;
            let control = &mut self.channels[channel.index()];
            let (seq, records) = (control.closed, part.len() as u32);
            control.closed += 1;
            control.items.push(Item::Buffer { seq, records, bytes, backlog: 0, held });
            host.emit(Event::BufferClosed { channel, seq, records, bytes, upto, chain: chain.0 });
        }
    }
}
