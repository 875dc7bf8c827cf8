//! Drivers: who picks the next step.
//!
//! A driver owns time, if there is any, and the order of events; the [`crate::world::World`] only says what is
//! possible. The [`timed`] driver gives every step a virtual instant from the cost model and takes the
//! earliest. The [`wander`] driver has no time at all: it takes any possible step, as a chooser says, and so
//! walks through interleavings that no clock would make. Every timed run is one of its runs. The [`script`] driver
//! replays a recording of what reached one task.
//!
//! **Architecture invariant:** drivers decide *when*, never *what*: they read the world and apply steps.

pub mod agenda;
pub mod chooser;
pub mod script;
pub mod timed;
pub mod wander;

pub use agenda::Agenda;
pub use chooser::{Chooser, Fifo, Seeded};
pub use script::{Act, Pace, Script, Seen};
pub use timed::{Granularity, Patience, Timed};
