//! What the user writes.

mod types;

pub use types::*;
