//! The protocols, one file each, and the table of them.
//!
//! To add one: write a file with a unit struct that implements [`super::Protocol`] and its roles, and add a
//! line to [`ZOO`]. The table drives parsing, `cutline list` and the conformance tests.

mod aligned;
mod chandy_lamport;
mod uncoordinated;

use super::Protocol;

/// Every protocol a scenario can name.
pub const ZOO: &[&dyn Protocol] = &[&aligned::Aligned, &chandy_lamport::ChandyLamport, &uncoordinated::Uncoordinated];
