//! cutline
pub mod base;
pub mod check;
pub mod plan;
pub mod scenario;
pub mod trace;
pub mod workload;
