//! One record for a key, so long after the first one of it came: by the clock of the machine, and not by what records say.
//! Which records came until then is different in every run, so nobody can say what must come out.

use super::{Behaviour, OperatorKind};
use crate::scenario;

/// `timeout`.
pub struct Timeout;

impl OperatorKind for Timeout {
    fn name(&self) -> &'static str {
        "timeout"
    }

    fn about(&self) -> &'static str {
        "sends one record for a key so long after its first one came; not the same in every run"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::until(spec)
    }
}
