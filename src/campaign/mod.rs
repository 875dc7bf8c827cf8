//! Runs, one or many: compile once, run any number of seeds, judge each.
//!
//! A [`Runner`] owns everything a run needs - world, driver, checks, figures, oracle - and resets it in place,
//! so that a run of a small job costs microseconds and allocates nothing. Runners share a compiled
//! [`crate::world::Job`] and nothing else, so many of them on many threads give the same results as one.
//! [`compare`] runs a scenario under several protocols; [`provenance`] repeats a run to name the records that it lost or
//! doubled; [`shrink()`] makes one that fails small; [`hunt()`] looks for one among many, and [`Windows`] count what faults
//! met with; [`hunt_mutants`] runs all sorts of them under wrong decisions; [`guarantees()`] holds every protocol with every
//! source and sink to what it is said to guarantee.
//!
//! **Architecture invariant:** a campaign decides which runs to make and what to make of their verdicts; how a
//! run goes is not its business, and how it is shown is `report`'s.

mod compare;
mod guarantees;
mod hunt;
mod judge;
mod limits;
mod mutants;
mod parallel;
mod provenance;
mod runner;
mod shrink;
mod smallest;
mod story;
mod trial;
mod windows;

pub use compare::{ProtocolChoice, compare, compare_backends, parse_backends};
pub use guarantees::{
    Cell as GuaranteeCell, Exposing, GuaranteeOrder, Held, SINKS, SYMPTOMS, SourceKind, Tried, Worse, guarantees,
};
pub use hunt::{Found, FoundKey, HuntOrder, HuntProgress, Hunted, hunt};
pub use judge::{Ground, Judge};
pub use limits::{SMALL, limits_for};
pub use mutants::{Bug, Fate, Hunt, Matrix, hunt_mutants};
pub use parallel::{run_jobs, run_seeds};
pub use provenance::{Repeated, STORIES, provenance};
pub use runner::{Outcome, Runner, Want};
pub use shrink::{Failure, Shrunk, Size, shrink};
pub use smallest::Showing;
pub use story::{Chapter, Story};
pub use trial::{Catch, Drive, Trial};
pub use windows::{Cell, Strikes, Window, Windows};
