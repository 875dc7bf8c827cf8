//! A record in flight: what the job sees of it, and its hidden lineage.

use crate::base::{Time, mix};

/// One record: 24 bytes in flat rings.
///
/// The lineage is a hash of which record of which source partition it comes from and of every operator, branch
/// and edge it went through. It belongs to the engine; a protocol never sees it. Its meaning can be had back:
/// everything about a record is a function of its origin, so the oracle makes the same lineages again.
///
/// What a task tells about event time lies in the same rings, between the records, in order with them: a
/// [`Mark`] in the shape of a record. Whatever becomes of records in a channel becomes of marks, and it is counted
/// like them; operators and the oracle never see one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where it comes from and which way it took.
    pub lineage: u64,
    /// When it happened: its event time. What comes of a record has the time of it. Zero: nobody knows.
    pub time: Time,
    /// Its key.
    pub key: u32,
    /// Bytes on the wire.
    pub size: u32,
}

const _: () = assert!(size_of::<Record>() <= 24);

/// What a task tells about event time, to all that it sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No record at or before this time will come any more.
    Watermark(Time),
    /// Until further notice nothing will come, and nobody is to wait for it.
    Idle,
    /// Something will.
    Active,
}

/// Keys that no record has: they are below 2^24.
const WATERMARK: u32 = u32::MAX;
const IDLE: u32 = u32::MAX - 1;
const ACTIVE: u32 = u32::MAX - 2;

/// Flink's sizes on the wire: a length, a tag, and a time or a status.
const WATERMARK_BYTES: u32 = 13;
const STATUS_BYTES: u32 = 9;

/// Keeps the lineages of marks apart from those of records.
const MARK: u64 = 0x3c6e_f372_fe94_f82b;

impl Record {
    /// The record at an offset of a source partition; partitions are numbered over all sources.
    #[inline]
    pub const fn at_source(partition: u32, offset: u64, key: u32, size: u32) -> Self {
        Self { lineage: mix((partition as u64 + 1) << 40 ^ offset), time: Time::ZERO, key, size }
    }

    /// A mark in the shape of a record.
    pub const fn of(mark: Mark) -> Self {
        let (key, size, time) = match mark {
            Mark::Watermark(time) => (WATERMARK, WATERMARK_BYTES, time),
            Mark::Idle => (IDLE, STATUS_BYTES, Time::ZERO),
            Mark::Active => (ACTIVE, STATUS_BYTES, Time::ZERO),
        };
        Self { lineage: mix(time.0 ^ MARK).wrapping_add(key as u64), time, key, size }
    }

    /// The mark, if it is one.
    #[inline]
    pub const fn mark(&self) -> Option<Mark> {
        match self.key {
            WATERMARK => Some(Mark::Watermark(self.time)),
            IDLE => Some(Mark::Idle),
            ACTIVE => Some(Mark::Active),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_as_records_and_come_back() {
        let marks = [Mark::Watermark(Time(7)), Mark::Watermark(Time::NEVER), Mark::Idle, Mark::Active];
        for (n, mark) in marks.into_iter().enumerate() {
            assert_eq!(Record::of(mark).mark(), Some(mark));
            let others = marks[..n].iter().map(|other| Record::of(*other).lineage);
            assert!(others.into_iter().all(|lineage| lineage != Record::of(mark).lineage));
        }
        assert_eq!(Record::at_source(1, 2, (1 << 24) - 1, 1).mark(), None);
    }
}
