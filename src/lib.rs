//! cutline
pub mod base;
pub mod campaign;
pub mod check;
pub mod cli;
pub mod drive;
pub mod fault;
pub mod model;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod workload;
pub mod world;
