//! Buffers whose size follows the throughput: Flink's debloating.
//!
//! A full buffer is work that an aligned barrier has to wait for. So every receiver measures, for each of its
//! gates, how many bytes a second it reads while there are any, and asks its senders for buffers of such a
//! size that those which wait for it hold `target` of work:
//!
//! ```text
//! throughput = bytes read / time active         in bytes per second; the last one if no time was active
//! desired    = throughput x target
//! instant    = min(desired / buffers in use, 2 x average)
//! average   += 2 / (samples + 1) x (instant - average),   kept within min and a segment
//! ```
//!
//! Senders are told the average in whole bytes, unless it is what they were told last, or closer to that than the
//! threshold and neither the smallest size nor the largest. It holds for buffers that are begun from then on; how
//! many there are never changes.
//!
//! **Rounding.** Throughput, desired size and threshold are rounded down to whole bytes, as Flink's are. Flink's
//! average is a floating-point number; here it is a whole number of 2^-32 bytes, rounded down, and only what is
//! told is rounded to the nearest byte, halves up.
//!
//! Sizes are a wish. What a sender makes of it, and of the memory it has, is in [`super::segments`].

use super::{CONTROL_BYTES, Item, Net};
use crate::base::{Attempt, ChannelId, Span, TaskId};
use crate::scenario::Debloat;
use crate::trace::Event;
use crate::world::task::{Mail, Status};
use crate::world::{Host, Job, Notice, World};

/// What a receiver measures at one of its gates, and what it made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    /// Bytes read since the last calculation.
    read: u64,
    /// Bytes per second, as last measured.
    throughput: u64,
    /// The average size, in units of 1 / [`BYTE`].
    average: u64,
    /// What all senders were last told, or began with; 0: not all know the same.
    announced: u32,
}

/// A byte in units of the average; the largest segment, 2^30 bytes, still fits.
const BYTE: u64 = 1 << 32;

const SECOND: u128 = 1_000_000_000;

impl Meter {
    /// Of a receiver that begins, and whose senders begin with buffers of this size.
    pub fn new(start: u32) -> Self {
        Self { read: 0, throughput: 0, average: u64::from(start) * BYTE, announced: start }
    }

    /// The receiver takes something from the gate.
    pub fn read(&mut self, item: Item) {
        self.read += u64::from(match item {
            Item::Buffer { bytes, .. } => bytes,
            _ => CONTROL_BYTES,
        });
    }

    /// The new size if senders are to be told, after the gate was `active` for so long and now uses so many buffers.
    fn calculate(&mut self, debloat: &Debloat, max: u32, active: Span, in_use: u32) -> Option<u32> {
        let read = std::mem::take(&mut self.read);
        if let Some(throughput) = (u128::from(read) * SECOND).checked_div(u128::from(active.0)) {
            self.throughput = u64::try_from(throughput).unwrap_or(u64::MAX);
        }
        let desired = u128::from(self.throughput) * u128::from(debloat.target.0) / SECOND;
        let average = u128::from(self.average);
        let instant = desired.min(u128::from(u64::MAX)) * u128::from(BYTE) / u128::from(in_use.max(1));
        let samples = u128::from(debloat.samples);
        // The same as in the head of this file, with one rounding.
        let average = (average * (samples - 1) + 2 * instant.min(2 * average)) / (samples + 1);
        let (min, max) = (debloat.min.0 as u32, max);
        self.average = (average as u64).clamp(u64::from(min) * BYTE, u64::from(max) * BYTE);
        let size = ((self.average + BYTE / 2) / BYTE) as u32;
        let threshold = u64::from(self.announced) * u64::from(debloat.threshold) / 100;
        let is_close = u64::from(size.abs_diff(self.announced)) < threshold && min < size && size < max;
        if size == self.announced || is_close {
            return None;
        }
        self.announced = size;
        Some(size)
    }
}

impl Net {
    /// A receiver calculates anew at the gate of these channels, and tells their senders.
    fn debloat<H: Host>(&mut self, job: &Job, debloat: &Debloat, inputs: &[ChannelId], active: Span, host: &mut H) {
        let in_use = inputs.iter().map(|channel| self.buffers_in_use(job, *channel)).sum();
        let gate = self.channels[inputs[0].index()].gate;
        let told = self.meters[gate as usize].calculate(debloat, self.segment, active, in_use);
        let Some(bytes) = told else { return };
        for channel in inputs.iter().copied() {
            let control = &self.channels[channel.index()];
            let epoch = control.epoch;
            if control.end_seen {
                continue;
            }
            if job.plan.channels[channel.index()].local {
                self.resize(channel, epoch, bytes, host);
            } else {
                host.notice(Notice::Resize { channel, epoch, bytes });
            }
        }
    }

    /// What waits for the receiver as far as it knows, control elements included, as Flink counts: its own queue and
    /// the sender's backlog as last told; if the channel is local, all that the sender has, its open buffer too.
    fn buffers_in_use(&self, job: &Job, channel: ChannelId) -> u32 {
        let control = &self.channels[channel.index()];
        if job.plan.channels[channel.index()].local {
            control.items.len() as u32 + u32::from(self.outs[channel.index()].is_open())
        } else {
            control.arrived + control.wanted.saturating_sub(job.scenario.network.exclusive)
        }
    }

    /// A sender's buffers have another size from now on; the open one keeps the size with which it was begun. So the next
    /// effect of the sender, which a driver may have planned, stays where it is.
    pub fn resize<H: Host>(&mut self, channel: ChannelId, epoch: u32, bytes: u32, host: &mut H) {
        let control = &mut self.channels[channel.index()];
        if control.epoch != epoch {
            return;
        }
        control.size = bytes;
        host.emit(Event::BufferResized { channel, bytes });
    }

    /// A channel of a gate begins a new life with the size of the beginning: if its receiver lives on, it does not
    /// know any more that all senders have the size it told them.
    pub(super) fn begin_anew(&mut self, gate: u32) {
        if let Some(meter) = self.meters.get_mut(gate as usize) {
            meter.announced = 0;
        }
    }
}

impl World {
    /// A task runs, and measures from now on.
    pub(in crate::world) fn begin_debloating<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.net.meters.is_empty() || job.plan.inputs(id).is_empty() {
            return;
        }
        for channel in job.plan.inputs(id) {
            let gate = self.net.channels[channel.index()].gate;
            self.net.meters[gate as usize] = Meter::new(self.net.start);
            // What was before does not count.
            host.active(id, gate_of(job, *channel));
        }
        host.notice(Notice::Debloat { task: id, attempt: self.tasks[id.index()].attempt });
    }

    /// The period is over: the thread will calculate between two records, as it handles messages.
    pub(in crate::world) fn debloating_is_due<H: Host>(&mut self, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt == attempt && matches!(task.status, Status::Running | Status::Frozen) {
            task.mailbox.push(Mail::Debloat);
            host.notice(Notice::Wake(id));
        }
    }

    /// A task calculates anew, gate by gate; the next period begins.
    pub(in crate::world) fn debloat<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(debloat) = &job.scenario.network.debloat else { return };
        for inputs in job.plan.inputs(id).chunk_by(|a, b| gate_of(job, *a) == gate_of(job, *b)) {
            let active = host.active(id, gate_of(job, inputs[0]));
            self.net.debloat(job, debloat, inputs, active, host);
        }
        host.notice(Notice::Debloat { task: id, attempt: self.tasks[id.index()].attempt });
    }

    /// Whether something waits at a gate of a task or is being read from it; `None`: the thread has had no time to
    /// look, so as before.
    pub fn has_input(&self, job: &Job, id: TaskId, gate: u32) -> Option<bool> {
        let task = &self.tasks[id.index()];
        match task.status {
            Status::Running if task.blocked || task.is_busy() => None,
            Status::Running => {
                let inputs = job.plan.inputs(id);
                let reads = task.current.is_some_and(|current| gate_of(job, current.channel) == gate);
                let mut ready = self.net.ready[id.index()].iter();
                Some(reads || ready.any(|port| gate_of(job, inputs[port as usize]) == gate))
            }
            _ => Some(false),
        }
    }
}

/// Which gate of its receiver a channel leads to.
fn gate_of(job: &Job, channel: ChannelId) -> u32 {
    job.plan.edges[job.plan.channels[channel.index()].edge.index()].gate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Bytes;

    const SEGMENT: u32 = 32 << 10;

    fn flink(start: u64) -> Debloat {
        Debloat {
            target: Span::from_secs(1),
            period: Span::from_millis(200),
            samples: 20,
            threshold: 25,
            min: Bytes(256),
            start: Bytes(start),
        }
    }

    /// What a gate has read in so many milliseconds, how many buffers it uses, the average in thousandths of a byte
    /// that comes out, rounded down, and what is told.
    type Row = (u64, u64, u32, u64, Option<u32>);

    fn check(debloat: Debloat, rows: &[Row]) {
        let mut meter = Meter::new(debloat.start.0 as u32);
        for (n, (read, millis, in_use, average, told)) in rows.iter().copied().enumerate() {
            meter.read += read;
            let size = meter.calculate(&debloat, SEGMENT, Span::from_millis(millis), in_use);
            let thousandths = (u128::from(meter.average) * 1000 / u128::from(BYTE)) as u64;
            // The rows leave rounding out, which may make a whole number one thousandth less.
            assert!(average.abs_diff(thousandths) <= 1, "row {n}: {thousandths} instead of {average}");
            assert_eq!(size, told, "row {n}");
        }
    }

    /// 500kB/s in 20 buffers ask for 25kB, but no more than twice the average counts: 23/21 of it is the next.
    #[test]
    fn sizes_grow_by_a_tenth_at_a_time_and_are_told_by_quarters() {
        let row = |average, told| (100_000, 200, 20, average, told);
        check(
            flink(1024),
            &[
                row(1_121_523, None),
                row(1_228_335, None),
                row(1_345_319, Some(1345)),
                row(1_473_445, None),
                row(1_613_773, None),
                row(1_767_466, Some(1767)),
            ],
        );
    }

    /// 19/21 of the average is the next while nothing at all is read; the smallest size is told however close it is.
    #[test]
    fn sizes_shrink_as_slowly_down_to_the_smallest() {
        let row = |average, told| (0, 200, 3, average, told);
        check(
            flink(512),
            &[
                row(463_238, None),
                row(419_120, None),
                row(379_203, Some(379)),
                row(343_089, None),
                row(310_413, None),
                row(280_850, Some(281)),
                row(256_000, Some(256)),
                row(256_000, None),
            ],
        );
    }

    /// 10MB/s in one buffer: the largest size is told although the last one was closer than a quarter, once.
    #[test]
    fn no_size_is_larger_than_a_segment() {
        let row = |average, told| (1_000_000, 100, 1, average, told);
        check(flink(30_000), &[row(32_768_000, Some(32_768)), row(32_768_000, None)]);
    }

    /// 409600 bytes in 200ms are 2048000 bytes/s, a quarter of a second of them 512000. With one sample the instant is
    /// the average: 512000 / 128, then in 100, then in 79 buffers.
    #[test]
    fn one_sample_is_no_average() {
        let debloat = Debloat { samples: 1, target: Span::from_millis(250), ..flink(2048) };
        let row = |in_use, average, told| (409_600, 200, in_use, average, told);
        check(
            debloat,
            &[row(128, 4_000_000, Some(4000)), row(100, 5_120_000, Some(5120)), row(79, 6_481_012, Some(6481))],
        );
    }

    /// Three samples: half of the way each time. Without time, what was measured last holds; no buffer is one buffer.
    #[test]
    fn a_gate_that_rested_keeps_its_throughput() {
        check(
            Debloat { samples: 3, ..flink(1000) },
            &[
                // 3000 bytes/s in 2 buffers.
                (300, 100, 2, 1_250_000, Some(1250)),
                (0, 0, 2, 1_375_000, None),
                (0, 0, 5, 987_500, None),
                // 11000 bytes/s in none: twice the average.
                (77, 7, 0, 1_481_250, None),
                // 1 byte/s.
                (1, 1000, 1, 741_125, Some(741)),
            ],
        );
    }

    /// Half of 601 is told as 301.
    #[test]
    fn what_is_told_is_whole_bytes() {
        let debloat = Debloat { samples: 3, threshold: 1, ..flink(601) };
        check(debloat, &[(0, 200, 1, 300_500, Some(301)), (1000, 1000, 2, 400_250, Some(400))]);
    }

    /// 25 % of 1023 are 255 whole bytes: a change by so many is told.
    #[test]
    fn a_change_of_the_threshold_is_told() {
        let debloat = Debloat { samples: 1, ..flink(1023) };
        check(debloat, &[(1277, 1000, 1, 1_277_000, None), (1278, 1000, 1, 1_278_000, Some(1278))]);
    }

    #[test]
    fn numbers_at_the_edge_do_not_overflow() {
        let debloat = Debloat { target: Span(u64::MAX), samples: 1 << 20, ..flink(1 << 30) };
        let mut meter = Meter::new(1 << 30);
        meter.read = u64::MAX;
        assert_eq!(meter.calculate(&debloat, 1 << 30, Span(1), 0), None);
        assert_eq!(meter.average, BYTE << 30);
        meter.read = u64::MAX;
        assert_eq!(meter.calculate(&debloat, 1 << 30, Span(u64::MAX), u32::MAX), None);
    }
}
