//! Control elements that go before data: at the sender, on arrival, and when a receiver asks for it.
//!
//! Only control elements move; the records in the ring stay where they are. At a remote sender an overtaking
//! barrier waits at the front of what is queued (it cannot pass what is on the wire); at the receiver it goes to
//! the front of what has arrived, and the port to the front of the ports that can be read. A local channel
//! has one queue, and so one front.
//!
//! A [`Keeper`] is the receiver's memory of barriers on a channel: it decides which buffers are before the barrier
//! of a checkpoint and so belong to its snapshot. A remote channel hears of a barrier when it arrives, a local
//! one when it is read.

use super::{Held, Item, Net};
use crate::base::{ChannelId, CheckpointId, Port, TaskId};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind};
use crate::trace::Event;
use crate::world::{Host, Job};

/// What a receiver knows of the barriers of a channel, and whether buffers still belong to a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keeper {
    state: Keeping,
    /// The newest checkpoint that was heard of, begun or ended.
    seen: CheckpointId,
    /// The newest barrier that arrived, and the first buffer behind it.
    last: Option<(CheckpointId, u64)>,
    /// The buffer that arrives next.
    next: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keeping {
    /// No checkpoint needs anything of the channel.
    #[default]
    Nothing,
    /// What arrives belongs to the snapshot of `seen` until its barrier comes.
    Until,
    /// The barrier of `seen` has come.
    Behind,
}

/// A channel has received a newer barrier than the one of the checkpoint that was to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overtaken;

impl Keeper {
    /// A barrier arrived.
    fn hear(&mut self, id: CheckpointId, mutant: Option<Mutant>) {
        let any_ends_it = mutant == Some(Mutant::StaleBarrierEndsCapture) && self.state == Keeping::Until;
        if id > self.seen || (id == self.seen && self.state != Keeping::Nothing) || any_ends_it {
            (self.state, self.seen) = (Keeping::Behind, id.max(self.seen));
        }
        if self.last.is_none_or(|(last, _)| id > last) {
            self.last = Some((id, self.next));
        }
    }

    /// The checkpoint that a buffer which arrives now belongs to.
    pub fn wants(&self) -> Option<CheckpointId> {
        (self.state == Keeping::Until).then_some(self.seen)
    }

    /// A checkpoint begins; says below which number queued buffers belong to it.
    fn begin(&mut self, id: CheckpointId, mutant: Option<Mutant>) -> Result<u64, Overtaken> {
        if self.last.is_some_and(|(last, _)| id < last) {
            return Err(Overtaken);
        }
        if mutant != Some(Mutant::StaleBarrierBoundsCapture) {
            self.last = self.last.filter(|(last, _)| id == *last);
        }
        let below = self.last.map_or(u64::MAX, |(_, behind)| behind);
        if self.state == Keeping::Behind && self.seen > id {
            return Err(Overtaken);
        }
        if self.seen < id {
            let is_behind = mutant == Some(Mutant::AnyBarrierCounts) && self.state == Keeping::Behind;
            (self.state, self.seen) = (if is_behind { Keeping::Behind } else { Keeping::Until }, id);
        }
        Ok(below)
    }

    /// A checkpoint needs nothing more of the channel.
    fn end(&mut self, id: CheckpointId) {
        if id >= self.seen {
            (self.state, self.seen) = (Keeping::Nothing, id);
        }
        self.last = self.last.filter(|(last, _)| *last != id);
    }
}

impl Net {
    /// Puts a barrier before all data that the sender has queued.
    pub fn send_before<H: Host>(&mut self, job: &Job, channel: ChannelId, barrier: Barrier, host: &mut H) {
        self.close_open(channel, host);
        let at = self.queue_front(job, channel);
        let control = &mut self.channels[channel.index()];
        control.items.insert(at, Item::Barrier(barrier));
        if job.plan.channels[channel.index()].local {
            control.front += 1;
        } else {
            control.urgent += 1;
        }
        host.emit(Event::BarrierSent { channel, checkpoint: barrier.checkpoint });
        self.offer(job, channel, host);
    }

    /// Where an overtaking barrier goes: behind what is on its way or goes first itself.
    fn queue_front(&self, job: &Job, channel: ChannelId) -> usize {
        let control = &self.channels[channel.index()];
        match job.plan.channels[channel.index()].local {
            true => control.front as usize,
            false => (control.arrived + control.flying + u32::from(control.urgent)) as usize,
        }
    }

    /// Closes the open buffer and tells the buffers that a barrier put at the front of the queue passes, or the waiting
    /// barrier of `behind` would pass, with the number of records sent after them.
    pub fn passed<H: Host>(
        &mut self,
        job: &Job,
        channel: ChannelId,
        behind: Option<CheckpointId>,
        host: &mut H,
    ) -> (Vec<(u64, u32, u32)>, usize) {
        if behind.is_none() {
            self.close_open(channel, host);
        }
        let from = self.queue_front(job, channel);
        let items = &self.channels[channel.index()].items;
        let is_end = |item: &Item| matches!(item, Item::Barrier(b) if Some(b.checkpoint) == behind);
        let end = items.iter().position(|item| is_end(&item)).unwrap_or(items.len());
        let buffer = |item| match item {
            Item::Buffer { seq, records, bytes, .. } => Some((seq, records, bytes)),
            _ => None,
        };
        let passed = items.iter().skip(from).take(end.saturating_sub(from)).filter_map(buffer).collect();
        let after: u32 = items.iter().skip(end).filter_map(buffer).map(|(_, records, _)| records).sum();
        (passed, after as usize + self.outs[channel.index()].records as usize)
    }

    /// Whether the timeoutable barrier of a checkpoint still waits at the sender.
    pub fn waits(&self, job: &Job, channel: ChannelId, id: CheckpointId) -> bool {
        let from = self.queue_front(job, channel);
        let waits = |item| matches!(item, Item::Barrier(b) if b.checkpoint == id && b.kind == BarrierKind::Timeoutable);
        self.channels[channel.index()].items.iter().skip(from).any(waits)
    }

    /// Lets a timeoutable barrier that waits at the sender overtake the data before it.
    pub fn overtake_output<H: Host>(&mut self, job: &Job, channel: ChannelId, id: CheckpointId, host: &mut H) {
        let from = self.queue_front(job, channel);
        let control = &mut self.channels[channel.index()];
        let is_it = |item| matches!(item, Item::Barrier(b) if b.checkpoint == id);
        let Some(at) = control.items.iter().skip(from).position(is_it) else { return };
        let Some(Item::Barrier(barrier)) = control.items.remove(from + at) else { return };
        control.items.insert(from, Item::Barrier(Barrier { kind: BarrierKind::Overtaking, ..barrier }));
        if job.plan.channels[channel.index()].local {
            control.front += 1;
        } else {
            control.urgent += 1;
        }
        host.emit(Event::BarrierOvertook { channel, checkpoint: id });
        self.offer(job, channel, host);
    }

    /// A barrier has just arrived at a remote receiver, as the `at`-th item: it may go to the front, or send news there.
    pub(super) fn barrier_arrives(&mut self, channel: ChannelId, at: usize, barrier: Barrier) {
        if let Some(keeper) = self.keepers.get_mut(channel.index()) {
            keeper.hear(barrier.checkpoint, self.mutant);
        }
        let control = &mut self.channels[channel.index()];
        let front = control.front as usize;
        match barrier.kind {
            BarrierKind::Overtaking => {
                control.items.remove(at);
                control.items.insert(front, Item::Barrier(barrier));
                control.front += 1;
            }
            BarrierKind::Timeoutable => {
                control.items.insert(front, Item::Announcement(barrier));
                control.front += 1;
                control.arrived += 1;
            }
            _ => {}
        }
    }

    /// A buffer has arrived, or was read from a local channel: the checkpoint it belongs to, if to one.
    pub fn keep(&mut self, channel: ChannelId, seq: u64) -> Option<CheckpointId> {
        let keeper = self.keepers.get_mut(channel.index())?;
        keeper.next = seq + 1;
        keeper.wants()
    }

    /// A barrier was read from a local channel: that is when its receiver hears of it.
    pub fn hear(&mut self, channel: ChannelId, id: CheckpointId) {
        if let Some(keeper) = self.keepers.get_mut(channel.index()) {
            keeper.hear(id, self.mutant);
        }
    }

    /// A checkpoint captures a channel from now on; tells the buffers queued at the receiver that belong to it.
    pub fn begin_keeping(&mut self, job: &Job, channel: ChannelId, id: CheckpointId) -> Result<Vec<u64>, Overtaken> {
        let below = self.keepers[channel.index()].begin(id, self.mutant)?;
        if job.plan.channels[channel.index()].local {
            return Ok(Vec::new());
        }
        let control = &self.channels[channel.index()];
        let arrived = control.items.iter().take(control.arrived as usize);
        Ok(arrived
            .filter_map(|item| match item {
                Item::Buffer { seq, .. } if seq < below => Some(seq),
                _ => None,
            })
            .collect())
    }

    /// A checkpoint needs nothing more of a channel.
    pub fn end_keeping(&mut self, channel: ChannelId, id: CheckpointId) {
        self.keepers[channel.index()].end(id);
    }

    /// Lets an announced barrier go before the data that have arrived before it.
    pub fn overtake_input<H: Host>(
        &mut self,
        job: &Job,
        channel: ChannelId,
        id: CheckpointId,
        host: &mut H,
    ) -> Result<(), Overtaken> {
        let keeper = self.keepers[channel.index()];
        let is_last = keeper.last.is_some_and(|(last, _)| last == id);
        let control = &mut self.channels[channel.index()];
        let (front, arrived) = (control.front as usize, control.arrived as usize);
        let is_it = |item| matches!(item, Item::Barrier(b) if b.checkpoint == id);
        let at = control.items.iter().take(arrived).skip(front).position(is_it);
        let (Some(at), true, Keeping::Behind) = (at, is_last, keeper.state) else { return Err(Overtaken) };
        let barrier = control.items.remove(front + at).expect("it was found there");
        control.items.insert(front, barrier);
        control.front += 1;
        host.emit(Event::BarrierOvertook { channel, checkpoint: id });
        self.list(job, channel, host);
        Ok(())
    }

    /// Puts a port where something goes before all data among the first that are to be read.
    pub(super) fn list_first(&mut self, job: &Job, channel: ChannelId) {
        if !self.is_readable(job, channel) || self.channels[channel.index()].prioritized {
            return;
        }
        let planned = &job.plan.channels[channel.index()];
        let to = planned.to.index();
        if std::mem::replace(&mut self.channels[channel.index()].listed, true) {
            self.ready[to].retain(|port| port != planned.port.0);
        }
        self.channels[channel.index()].prioritized = true;
        self.ready[to].insert(self.urgent[to] as usize, planned.port.0);
        self.urgent[to] += 1;
        self.hurried.push(planned.to);
    }

    /// Whether something that goes before data is at the gate of a channel.
    #[inline]
    pub fn has_urgent(&self, job: &Job, task: TaskId, channel: ChannelId) -> bool {
        let gate = self.channels[channel.index()].gate;
        let urgent = self.ready[task.index()].iter().take(self.urgent[task.index()] as usize);
        let mut gates = urgent.map(|port| self.channels[job.plan.inputs(task)[port as usize].index()].gate);
        gates.any(|other| other == gate)
    }

    /// Moves a port to the front of those that can be read, or of those that come first: for a driver that knows the order.
    pub fn prefer(&mut self, job: &Job, task: TaskId, port: Port) {
        let channel = job.plan.inputs(task)[port.index()];
        let prioritized = self.channels[channel.index()].prioritized;
        let ready = &mut self.ready[task.index()];
        let at = ready.iter().position(|listed| listed == port.0);
        if let (Some(at), true) = (at, prioritized || self.urgent[task.index()] == 0) {
            ready.remove(at);
            ready.insert(0, port.0);
        }
    }

    /// Where in a channel's ring the records of a buffer begin that has arrived, `reading` being those of the
    /// buffer that is being read.
    pub fn offset_of(&self, channel: ChannelId, seq: u64, reading: u32) -> Option<(usize, u32, u32)> {
        let mut offset = reading as usize;
        for item in self.channels[channel.index()].items.iter() {
            if let Item::Buffer { seq: this, records, bytes, .. } = item {
                if this == seq {
                    return Some((offset, records, bytes));
                }
                offset += records as usize;
            }
        }
        None
    }

    /// Puts records that a barrier had overtaken at the sender back into its queue, before anything new.
    pub fn requeue<H: Host>(
        &mut self,
        job: &Job,
        channel: ChannelId,
        records: &[crate::workload::Record],
        host: &mut H,
    ) {
        let before = self.channels[channel.index()].items.len();
        self.fill(channel, records, Held::Requeued, host);
        let local = job.plan.channels[channel.index()].local;
        let control = &mut self.channels[channel.index()];
        if !local {
            control.queued += (control.items.len() - before) as u32;
        }
        self.offer(job, channel, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: CheckpointId = CheckpointId(1);
    const TWO: CheckpointId = CheckpointId(2);

    #[test]
    fn a_keeper_wants_what_arrives_before_the_barrier_and_nothing_behind_it() {
        let mut keeper = Keeper::default();
        assert_eq!(keeper.begin(ONE, None), Ok(u64::MAX));
        assert_eq!(keeper.wants(), Some(ONE));
        keeper.next = 7;
        keeper.hear(ONE, None);
        assert_eq!(keeper.wants(), None);
        keeper.end(ONE);
        keeper.hear(TWO, None);
        assert_eq!((keeper.begin(TWO, None), keeper.wants()), (Ok(7), None));
    }

    #[test]
    fn a_keeper_that_heard_of_a_newer_barrier_refuses_an_older_checkpoint() {
        let mut keeper = Keeper::default();
        keeper.hear(TWO, None);
        assert_eq!(keeper.begin(ONE, None), Err(Overtaken));
        assert_eq!(keeper.begin(TWO, None), Ok(0));
    }
}
