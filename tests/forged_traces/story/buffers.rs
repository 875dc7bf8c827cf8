//! How buffers get from one task to the next, step by step.

use super::*;

impl Story {
    /// Every source that runs sends so many records on each channel, and all of it reaches the sink.
    pub fn round(&mut self, records: usize) {
        for channel in S0_C0..=S1_C1 {
            if self.ended[self.plan.channels[channel].from.index()].is_none() {
                self.close(channel, records);
                self.pass(channel);
                self.receive(channel);
            }
        }
    }

    /// A source makes records out of its identity and position, and closes a buffer with them.
    pub fn close(&mut self, channel: usize, records: usize) {
        let from = self.plan.channels[channel].from;
        let state = &mut self.states[from.index()];
        let made: Vec<u64> =
            (0..records as u64).map(|n| mix(u64::from(from.0 + 1) << 32 | (state.count + n))).collect();
        state.add(&made);
        self.put(channel, made, true);
    }

    /// A buffer is closed; without a segment it was put in by a restore.
    pub(super) fn put(&mut self, channel: usize, made: Vec<u64>, segment: bool) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let line = &mut self.lines[channel];
        line.sent.add(&made);
        let (seq, Total { count: upto, chain, .. }, records) = (line.seq, line.sent, made.len() as u32);
        line.seq += 1;
        let at = if planned.local { At::Receiver } else { At::Sender };
        line.row.push(Buffer { records: made, at, segment, floating: false, sent: false });
        if segment {
            self.segment(planned.from, true);
        }
        self.tell(Event::BufferClosed { channel: id, seq, records, bytes: records, upto, chain: chain.0 });
    }

    pub(super) fn segment(&mut self, task: TaskId, taken: bool) {
        let in_use = &mut self.in_use[task.index()];
        *in_use = if taken { *in_use + 1 } else { *in_use - 1 };
        let in_use = *in_use;
        self.tell(match taken {
            true => Event::SegmentTaken { task, in_use },
            false => Event::SegmentReturned { task, in_use },
        });
    }

    /// The number of the oldest buffer at a place, and its position in the row.
    pub(super) fn oldest(&self, channel: usize, at: At) -> (u64, usize) {
        let line = &self.lines[channel];
        let position = line.row.iter().position(|buffer| buffer.at == at).expect("there is one");
        (line.seq - line.row.len() as u64 + position as u64, position)
    }

    /// The sender of a remote channel sends its oldest buffer.
    pub fn send(&mut self, channel: usize) {
        let (id, from) = (ChannelId::from(channel), self.plan.channels[channel].from);
        let (seq, n) = self.oldest(channel, At::Sender);
        let buffer = &mut self.lines[channel].row[n];
        (buffer.at, buffer.sent) = (At::Wire, true);
        let segment = std::mem::take(&mut buffer.segment);
        self.tell(Event::BufferSent { channel: id, seq });
        if segment {
            self.segment(from, false);
        }
    }

    /// What flies first arrives; the first buffer that waits at a gate is a floating one.
    pub fn arrive(&mut self, channel: usize) {
        let (id, to) = (ChannelId::from(channel), self.plan.channels[channel].to);
        let (seq, n) = self.oldest(channel, At::Wire);
        let left = &mut self.left[to.index()];
        let floating = *left == 2;
        self.lines[channel].row[n].at = At::Receiver;
        self.lines[channel].row[n].floating = floating;
        if floating {
            *left = 1;
            self.tell(Event::FloatingTaken { channel: id, left: 1 });
        }
        self.tell(Event::BufferArrived { channel: id, seq });
    }

    /// The oldest buffer at the sender gets to the receiver, if it is not there.
    pub fn pass(&mut self, channel: usize) {
        if !self.plan.channels[channel].local {
            self.send(channel);
            self.arrive(channel);
        }
    }

    /// The receiver reads the oldest buffer, and sends on what it applied; that reaches the sink.
    pub fn receive(&mut self, channel: usize) {
        self.take(channel);
        let all = self.lines[channel].row[0].records.len();
        if let Some(out) = self.read(channel, all) {
            self.pass(out);
            self.receive(out);
        }
        self.consume(channel);
    }

    pub fn take(&mut self, channel: usize) {
        let (seq, n) = self.oldest(channel, At::Receiver);
        assert_eq!(n, 0, "the oldest is there");
        self.lines[channel].reading = true;
        let records = self.lines[channel].row[0].records.len() as u32;
        self.tell(Event::BufferTaken { channel: ChannelId::from(channel), seq, records, bytes: records });
    }

    /// The receiver applies so many records and closes a buffer with them; says on which channel.
    pub fn read(&mut self, channel: usize, records: usize) -> Option<usize> {
        let to = self.plan.channels[channel].to;
        let line = &mut self.lines[channel];
        let made: Vec<u64> = line.row[0].records.drain(..records).collect();
        line.received.add(&made);
        self.states[to.index()].add(&made);
        if to == SINK {
            self.hidden.add(&made);
            return None;
        }
        let out = self.plan.output_channels(to).next().expect("it has outputs").index();
        self.put(out, made, true);
        Some(out)
    }

    /// The buffer that is being read has been read.
    pub fn consume(&mut self, channel: usize) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let (seq, _) = self.oldest(channel, At::Receiver);
        let line = &mut self.lines[channel];
        line.reading = false;
        let buffer = line.row.remove(0);
        let (upto, chain) = (line.received.count, line.received.chain.0);
        self.tell(Event::BufferConsumed { channel: id, seq, upto, chain });
        self.give_back(channel, &buffer);
        if buffer.sent && !planned.local {
            self.tell(Event::CreditGranted { channel: id, amount: 1 });
        }
    }

    pub(super) fn give_back(&mut self, channel: usize, buffer: &Buffer) {
        let (channel, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        if buffer.segment {
            self.segment(planned.from, false);
        }
        if buffer.floating {
            self.left[planned.to.index()] = 2;
            self.tell(Event::FloatingReturned { channel, left: 2 });
        }
    }
}
