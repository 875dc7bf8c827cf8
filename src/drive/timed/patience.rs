//! How long somebody waits for the end of a run.

use crate::base::Time;

/// After this a run is taken for stuck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// Without it the scenario says when.
    pub until: Option<Time>,
    /// Without it, any number.
    pub steps: Option<u64>,
    /// The last run took as many steps as it may: nobody knows how it would have ended.
    pub is_exhausted: bool,
}
