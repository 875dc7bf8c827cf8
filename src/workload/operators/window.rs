//! Records of a key that happened in the same stretch of time become one record, when event time has passed its end.
//!
//! What comes of a window depends on what is in it and not on the order in which it came; so as long as no record is late,
//! the result is the same in every run. Which records belong together is `workload/windows.rs`; how they wait, and are
//! saved and restored with their timers, is `world/windows.rs`.

use super::{Behaviour, OperatorKind};
use crate::scenario;

/// `window`.
pub struct Window;

impl OperatorKind for Window {
    fn name(&self) -> &'static str {
        "window"
    }

    fn about(&self) -> &'static str {
        "gathers records by key in windows of event time; sends one for each when it is over"
    }

    fn behaviour(&self, spec: &scenario::Operator) -> Behaviour {
        Behaviour::until(spec)
    }
}
