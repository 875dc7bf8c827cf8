//! What is said about a run while it happens: folds over events.
//!
//! Here live the figures of a run ([`Figures`]) and the table of those that have a name ([`FIGURES`]).
//!
//! **Architecture invariant:** a fold sees events, the plan and what the scenario bounds, never the world or
//! a protocol, so it says the same about a run as it happens and about a saved one.

mod figures;

pub use figures::*;
