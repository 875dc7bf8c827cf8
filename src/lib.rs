//! cutline
pub mod base;
pub mod check;
pub mod model;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod workload;
