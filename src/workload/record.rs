//! A record in flight: what the job sees of it, and its hidden lineage.

use crate::base::mix;

/// One record: 16 bytes in flat rings.
///
/// The lineage is a hash of which record of which source partition it comes from and of every operator, branch
/// and edge it went through. It belongs to the engine; a protocol never sees it. Its meaning can be had back:
/// everything about a record is a function of its origin, so the oracle makes the same lineages again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where it comes from and which way it took.
    pub lineage: u64,
    /// Its key.
    pub key: u32,
    /// Bytes on the wire.
    pub size: u32,
}

const _: () = assert!(size_of::<Record>() <= 16);

impl Record {
    /// The record at an offset of a source partition; partitions are numbered over all sources.
    #[inline]
    pub const fn at_source(partition: u32, offset: u64, key: u32, size: u32) -> Self {
        Self { lineage: mix((partition as u64 + 1) << 40 ^ offset), key, size }
    }
}
