//! Commits what the sink before it has written.

use super::{Behaviour, KeptState, OperatorKind};
use crate::scenario;

/// `committer`.
pub struct Committer;

impl OperatorKind for Committer {
    fn name(&self) -> &'static str {
        "committer"
    }

    fn about(&self) -> &'static str {
        "commits what the sink before it has written, when the checkpoint completes"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::of(spec, KeptState::Nothing)
    }
}
