//! The memory of receivers: buffers of each remote channel's own, and floating ones that a gate's channels share.
//!
//! A receiver would like to have as many free buffers as its sender has waiting, and its own besides. For each that it
//! gets it tells the sender: that is a credit. Control elements need none.

use super::{Held, Net};
use crate::base::ChannelId;
use crate::fault::Mutant;
use crate::trace::Event;
use crate::world::{Host, Job, Notice};

impl Net {
    /// The sender has `backlog` more: take floating buffers for them, or wait for some.
    pub(super) fn want<H: Host>(&mut self, job: &Job, channel: ChannelId, backlog: u32, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        control.wanted = backlog + job.scenario.network.exclusive;
        let gate = &mut self.gates[control.gate as usize];
        let mut granted = 0;
        while control.exclusive + control.floating < control.wanted && !control.waiting {
            if gate.left == 0 {
                control.waiting = true;
                gate.waiting.push(channel.0);
                break;
            }
            gate.left -= 1;
            control.floating += 1;
            granted += 1;
            host.emit(Event::FloatingTaken { channel, left: gate.left });
        }
        self.grant(channel, granted, host);
    }

    fn grant<H: Host>(&self, channel: ChannelId, amount: u32, host: &mut H) {
        if amount > 0 {
            host.emit(Event::CreditGranted { channel, amount });
            host.notice(Notice::Credit { channel, epoch: self.channels[channel.index()].epoch, amount });
        }
    }

    /// A floating buffer is free: the first waiting channel that still wants one gets it.
    pub(super) fn free_floating<H: Host>(&mut self, from: ChannelId, gate: u32, host: &mut H) {
        self.gates[gate as usize].left += 1;
        host.emit(Event::FloatingReturned { channel: from, left: self.gates[gate as usize].left });
        while let Some(waiting) = self.gates[gate as usize].waiting.front() {
            let channel = ChannelId(waiting);
            let control = &mut self.channels[channel.index()];
            if control.exclusive + control.floating >= control.wanted {
                control.waiting = false;
                self.gates[gate as usize].waiting.pop();
                continue;
            }
            if self.gates[gate as usize].left == 0 {
                return;
            }
            control.floating += 1;
            // It stays in line until it has what it wants, as Flink's buffer listeners do.
            let satisfied = control.exclusive + control.floating >= control.wanted;
            control.waiting = !satisfied;
            let gate = &mut self.gates[gate as usize];
            gate.left -= 1;
            gate.waiting.pop();
            if !satisfied {
                gate.waiting.push(waiting);
            }
            host.emit(Event::FloatingTaken { channel, left: gate.left });
            self.grant(channel, 1, host);
        }
    }

    /// A buffer has been read to its end.
    pub fn consumed<H: Host>(&mut self, job: &Job, channel: ChannelId, seq: u64, held: Held, host: &mut H) {
        let input = &self.ins[channel.index()];
        host.emit(Event::BufferConsumed { channel, seq, upto: input.received, chain: input.chain.0 });
        let control = &mut self.channels[channel.index()];
        match held {
            Held::Restored => self.restored[job.plan.channels[channel.index()].to.index()] -= 1,
            Held::Requeued => {}
            Held::Sender => self.return_segment(job, channel, host),
            Held::Floating => {
                let gate = control.gate;
                self.free_floating(channel, gate, host);
            }
            Held::Exclusive => {
                control.exclusive += 1;
                if control.exclusive + control.floating > control.wanted && control.floating > 0 {
                    control.floating -= 1;
                    let gate = control.gate;
                    self.free_floating(channel, gate, host);
                } else if !(control.waiting && job.has(Mutant::NoCreditWhileWaiting)) {
                    self.grant(channel, 1, host);
                }
            }
        }
    }
}
