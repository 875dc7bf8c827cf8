//! Words and numbers that everything else is built from.
//!
//! Here live virtual [`Time`] and [`Span`], sizes and rates with their units, typed ids, addressed
//! randomness ([`Draws`]), integer distributions, the [`Digest`], the one error type for user input
//! ([`Problem`]) and the flat [`Ring`] that records lie in.
//!
//! **Architecture invariant:** nothing here knows what a task, a checkpoint or a scenario is, and
//! nothing here uses floating point, a clock, ambient randomness or a hash-ordered map.

mod digest;
mod dist;
mod ids;
mod problem;
mod random;
mod ring;
mod units;

pub use digest::{Chain, Digest, Fingerprint, mix};
pub use dist::{Arrivals, Burst, KeyPicker};
pub use ids::{Attempt, ChannelId, CheckpointId, EdgeId, OperatorId, Port, TaskId};
pub use problem::{Place, Problem, nearest};
pub use random::{Concern, Draws, below};
pub use ring::Ring;
pub use units::{Bytes, Rate, Span, Time, parse_bytes, parse_rate, parse_span};
