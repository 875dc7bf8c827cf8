//! The protocols, one file each, and the table of them.
//!
//! To add one: write a file with a unit struct that implements [`super::Protocol`] and its roles, and add a
//! line to [`ZOO`]. The table drives parsing, `cutline list` and the conformance tests.

mod aligned;
mod aligned_timeout;
mod at_least_once;
mod chandy_lamport;
mod unaligned;
mod unaligned_strict;
mod uncoordinated;

use super::Protocol;

/// Every protocol a scenario can name.
pub const ZOO: &[&dyn Protocol] = &[
    &aligned::Aligned,
    &aligned_timeout::AlignedTimeout,
    &unaligned::Unaligned,
    &unaligned_strict::UnalignedStrict,
    &at_least_once::AtLeastOnce,
    &chandy_lamport::ChandyLamport,
    &uncoordinated::Uncoordinated,
];
