//! What the user writes: the types of a scenario, and the way from a JSON file to them.
//!
//! `types` is plain data with every default filled in; the rest of the house knows only that. [`parse`] goes
//! from text to it in three steps, each of which ends with one [`Problem`](crate::base::Problem) if
//! something is wrong: strict JSON (`read`), the description of the file (`decode`, `operator`, `restart`, `names`), and
//! what must hold between its parts (`check`). The description is written once, in terms of `object` and
//! `shape`, and gives the parser, the suggestions for misspelt names, the defaults and the JSON Schema
//! ([`schema`]): to add a field, ask for it in the function that describes its object, and put it into the function
//! of `write` that takes its type apart. [`starter`] is the file that `cutline new` writes, and [`generate`] makes
//! random ones for tests and campaigns.
//!
//! The way back is [`write()`]: all fields of the types (`write`), without those that say what holds anyway (`lean`),
//! set as in a file that a person wrote (`layout`). Reading what it wrote gives the same scenario.
//!
//! A job may go on, changed, from what was saved of it: `phases` makes a scenario of each phase,
//! and `fits` sees to it that one can follow the other.
//!
//! **Architecture invariant:** nothing here knows what a scenario *does*. Whether a protocol of that name
//! exists and takes those parameters, whether it allows cycles, which figures a report has and which steps a
//! schedule can name is known further down the house; for that, each such name keeps the
//! [`Place`](crate::base::Place) where it is written. Nothing here reads files, environment or clock.

mod backend;
mod check;
mod decode;
mod event_time;
mod fault;
mod fits;
mod generate;
mod layout;
mod lean;
mod names;
mod object;
mod operator;
mod over_time;
mod phase;
mod phases;
mod read;
mod restart;
mod schema;
mod shape;
mod starter;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use backend::{Backend, BackendKind};
pub use check::check;
pub use fault::{
    ClockFault, Effect, ExternalFault, ExternalMishap, Fault, LinkFault, MessageFault, MessageKind, Mishap, Node,
    PaceFault, Paced, RecordMishap, When, WriteFault, WriteMishap,
};
pub use generate::{Limits, generate, generate_phases};
pub use phase::{Origin, Phase};
pub use read::parse;
pub use schema::schema;
pub use starter::starter;
pub use types::*;
pub use write::{as_json, write};
