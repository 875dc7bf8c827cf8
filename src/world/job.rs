//! A compiled scenario: everything that all its runs share.

use crate::base::Problem;
use crate::fault::FaultPlan;
use crate::plan::{self, Plan};
use crate::protocol::{self, Protocol, Settings};
use crate::scenario::Scenario;
use crate::workload::Workload;
use std::sync::Arc;

/// Made once from a scenario; shared by all seeds and all threads.
pub struct Job {
    /// What the user wrote, with defaults.
    pub scenario: Scenario,
    /// Tasks and channels.
    pub plan: Arc<Plan>,
    /// What operators do and sources hold.
    pub workload: Workload,
    /// The protocol.
    pub protocol: &'static dyn Protocol,
    /// Its settings.
    pub settings: Settings,
    /// What goes wrong.
    pub faults: FaultPlan,
}

impl Job {
    /// Compiles a checked scenario.
    pub fn compile(scenario: Scenario) -> Result<Self, Problem> {
        let plan = Arc::new(plan::build(&scenario));
        let (protocol, settings) = protocol::configure(&scenario, &plan)?;
        let workload = Workload::new(&scenario);
        workload.check_cycles(&scenario, &plan)?;
        let faults = FaultPlan::new(&scenario.faults, &plan);
        Ok(Self { scenario, plan, workload, protocol, settings, faults })
    }
}
