//! Closed forms: what theory says a checkpoint should take, and where a run departs from it.
//!
//! Here lives the recurrence of the textbook, T(n,i) = max over upstream j of T(n,j) + t(i), on the tasks of
//! a plan ([`completion`]), and the account of a simulated checkpoint against it ([`explain`]): where on the
//! critical path the time went, and which cause makes the difference.
//!
//! **Architecture invariant:** nothing here runs a simulation or knows the world, a protocol or a driver.
//! A model takes a plan and costs, and, to explain a run, the figures that the run left behind. All of it is
//! integer arithmetic: a model that is compared with a simulation to the nanosecond cannot round.

mod explain;
mod recurrence;
#[cfg(test)]
pub(crate) mod sample;

pub use explain::{Cause, Difference, Part, explain, measured_costs};
pub use recurrence::{Paths, Recurrence, completion};
