//! Each pair of records from two inputs that has the key and the window in common becomes one record.

use super::{Behaviour, OperatorKind};
use crate::scenario;

/// `window-join`.
pub struct WindowJoin;

impl OperatorKind for WindowJoin {
    fn name(&self) -> &'static str {
        "window-join"
    }

    fn about(&self) -> &'static str {
        "one record for each pair from two inputs with the same key and window"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::until(spec)
    }
}
