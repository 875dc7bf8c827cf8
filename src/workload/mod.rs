//! What records are and what operators do to them.

mod oracle;

pub use oracle::{Expected, ExpectedOperator, ExpectedOutput};
