//! Which operators can be held against the oracle.
//!
//! The oracle knows what must come out if nothing depends on what happens. What comes of windows and joins over time depends
//! on nothing else than the records, as long as each counts once and none is late; what a timeout sends depends on the
//! clock. And a job that is suspended leaves windows open: what comes of them comes when it goes on.

use super::{Claim, Setting};
use crate::base::Fingerprint;
use crate::plan::{Inflow, Plan};
use crate::trace::Event;

#[derive(Clone, Debug, Default)]
pub(super) struct Confluence {
    /// By operator: what it gets.
    inflows: Vec<Inflow>,
    /// Every record counts once, and no task goes back alone behind what others heard of it.
    is_exact: bool,
    /// Windows are still open at the end.
    open: bool,
}

impl Confluence {
    pub fn new(setting: &Setting<'_>) -> Self {
        let is_exact = setting.claims.holds(Claim::ExactlyOnceState) && setting.claims.holds(Claim::Coordinated);
        Self { is_exact, ..Self::of(setting.plan) }
    }

    /// For whoever counts how much is doubled, whatever is claimed.
    pub fn of(plan: &Plan) -> Self {
        Self { inflows: plan.operators.iter().map(|op| op.inflow).collect(), is_exact: true, open: false }
    }

    /// Takes the next event; only [`Event::WindowsFinal`] matters.
    pub fn event(&mut self, event: &Event) {
        if let Event::WindowsFinal { open, .. } = *event {
            self.open |= open > 0;
        }
    }

    /// Whether what an operator got at the end of a run is what the oracle says.
    pub fn holds(&self, operator: usize) -> bool {
        match self.inflows.get(operator) {
            Some(Inflow::Timely) => self.is_exact && !self.open,
            Some(Inflow::Open) => false,
            Some(Inflow::Same) | None => true,
        }
    }

    pub fn reset(&mut self) {
        self.open = false;
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(u64::from(self.open));
    }
}
