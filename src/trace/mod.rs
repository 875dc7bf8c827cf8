//! What a run tells: the event vocabulary, the one predicate language over it, recording, comparing.
//!
//! Events are *effects*: a buffer closed, a barrier received, a snapshot taken, a record count reached.
//! They are always produced, whatever is recorded, and the digest is made of them. They carry no time:
//! the world that emits them has no clock. The driver stamps them ([`Stamped`]).
//!
//! **Architecture invariant:** no per-record events in the vocabulary. What happened to single records is
//! in the running counts and lineage hashes that buffer and cut events carry.

mod codec;
mod diff;
mod digest;
mod event;
mod predicate;

pub use codec::{to_json, to_line};
pub use diff::{Divergence, first_divergence};
pub use digest::TraceDigest;
pub use event::{AbortReason, Event, EventKind, Observer, Stamped, Word};
pub use predicate::{Matcher, Names, Predicate};
