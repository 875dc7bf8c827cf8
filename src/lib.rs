//! cutline
pub mod base;
pub mod scenario;
pub mod trace;
