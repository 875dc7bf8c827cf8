//! Folds over events: invariants and figures.

mod figures;

pub use figures::*;
