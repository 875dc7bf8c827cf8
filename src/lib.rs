//! cutline
pub mod base;
pub mod plan;
pub mod scenario;
pub mod trace;
pub mod workload;
