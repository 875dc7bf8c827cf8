//! A record in flight: what the job sees of it, and its hidden lineage.

use crate::base::mix;

/// One record: 24 bytes in flat rings.
///
/// `origin` and `path` are its lineage: which record of which source partition it comes from, and which way
/// it took. They belong to the engine; a protocol never sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Source partition (numbered over all sources) in the upper 24 bits, offset in the lower 40.
    pub origin: u64,
    /// Hash of the operators, branches and edges it went through.
    pub path: u32,
    /// Its key.
    pub key: u32,
    /// Bytes on the wire.
    pub size: u32,
}

const _: () = assert!(size_of::<Record>() <= 24);

impl Record {
    /// The origin of an offset of a partition.
    #[inline]
    pub const fn origin_of(partition: u32, offset: u64) -> u64 {
        (partition as u64) << 40 | offset
    }

    /// The source partition it comes from, numbered over all sources.
    pub const fn partition(&self) -> u32 {
        (self.origin >> 40) as u32
    }

    /// Its offset in that partition.
    pub const fn offset(&self) -> u64 {
        self.origin & ((1 << 40) - 1)
    }

    /// The hash that states, sinks and channels accumulate.
    #[inline]
    pub const fn lineage(&self) -> u64 {
        mix(self.origin ^ (self.path as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
