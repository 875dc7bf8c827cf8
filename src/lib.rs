//! cutline
pub mod base;
pub mod check;
pub mod drive;
pub mod fault;
pub mod plan;
pub mod protocol;
pub mod scenario;
pub mod trace;
pub mod workload;
pub mod world;
