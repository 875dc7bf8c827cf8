//! A compiled scenario: everything that all its runs share.

use super::{StateBackend, backend};
use crate::base::{OperatorId, Problem, TaskId};
use crate::fault::{FaultPlan, Mutant, Primitive};
use crate::plan::{self, Edge, Plan};
use crate::protocol::{self, Guarantee, Protocol, Settings};
use crate::scenario::{Scenario, Take};
use crate::workload::{Numbers, Workload};
use std::sync::Arc;

/// So many edges on which barriers cannot overtake are named.
const HELD_BACK_MAX: usize = 3;

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
    /// How tasks keep their state.
    pub backend: &'static dyn StateBackend,
    /// Phases before this one may have lost or doubled records in state.
    before: Before,
}

/// What state may hold when a job is taken up.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    may_double: bool,
    may_lose: bool,
}

impl Job {
    /// Compiles a checked scenario.
    pub fn compile(scenario: Scenario) -> Result<Self, Problem> {
        Self::compile_mutant(scenario, None)
    }

    /// Compiles a checked scenario for an engine that makes a wrong decision.
    pub fn compile_mutant(scenario: Scenario, mutant: Option<Mutant>) -> Result<Self, Problem> {
        Self::compile_phase(scenario, mutant, &mut Numbers::default())
    }

    /// Compiles all phases of a checked scenario, in their order.
    pub fn compile_phases(scenario: &Scenario, mutant: Option<Mutant>) -> Result<Vec<Self>, Problem> {
        let mut numbers = Numbers::default();
        let phases = std::iter::once(scenario).chain(scenario.then.iter().map(|phase| &*phase.scenario));
        let mut jobs: Vec<Self> = Vec::new();
        for phase in phases {
            let mut job = Self::compile_phase(phase.clone(), mutant, &mut numbers)?;
            if !scenario.then.is_empty() && !job.protocol.claims().coordinated {
                let found = format!("`{}` takes no checkpoints of the whole job", job.protocol.name());
                let allowed = "drop \"then\", or take another protocol in all phases";
                return Err(Problem::at(job.scenario.checkpoints.place.clone(), found, allowed));
            }
            if let Some(state) = jobs.last().map(|before| before.guarantee().state) {
                job.before = Before { may_double: state.may_double, may_lose: state.may_lose };
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    fn compile_phase(scenario: Scenario, mutant: Option<Mutant>, numbers: &mut Numbers) -> Result<Self, Problem> {
        let mut plan = plan::build(&scenario);
        if mutant == Some(Mutant::CommittablesOvertaken) {
            let committers: Vec<bool> = plan.operators.iter().map(|operator| operator.is_committer).collect();
            plan.edges.iter_mut().filter(|edge| committers[edge.to.index()]).for_each(|edge| edge.overtaking = true);
        }
        let plan = Arc::new(plan);
        let (protocol, mut settings) = protocol::configure(&scenario, &plan)?;
        settings.mutant = mutant;
        let workload = Workload::after(&scenario, numbers);
        workload.check_cycles(&scenario, &plan)?;
        let faults = FaultPlan::new(&scenario.faults, &plan);
        let backend = backend::of_kind(scenario.backend.kind);
        let before = Before::default();
        Ok(Self { scenario, plan, workload, protocol, settings, faults, backend, before })
    }

    /// How often a record counts in its state, and how often it is seen outside.
    pub fn guarantee(&self) -> Guarantee {
        let mut guarantee = Guarantee::of(self.protocol, &self.scenario, &self.plan);
        let Before { may_double, may_lose } = self.before;
        let state = &mut guarantee.state;
        if may_double && !state.may_double || may_lose && !state.may_lose {
            (state.may_double, state.may_lose) = (state.may_double || may_double, state.may_lose || may_lose);
            state.because = "as in the phase before, whose state it has".to_owned();
        }
        guarantee
    }

    /// Whether the engine is to make this wrong decision.
    #[inline]
    pub fn has(&self, mutant: Mutant) -> bool {
        self.settings.has(mutant)
    }

    /// Whether a task may fail at what an external system answers.
    pub fn may_fail_outside(&self, task: TaskId) -> bool {
        let commits = self.plan.sink(task).is_some_and(|(_, mode)| mode.commits()) || self.plan.is_committer(task);
        let mut effects = self.faults.faults.iter().flat_map(|fault| &fault.effects);
        let is_hit = effects.any(|effect| matches!(effect, Primitive::External { .. }));
        commits && (is_hit || self.scenario.job.operators.iter().any(|op| op.transactions.timeout.is_some()))
    }

    /// Where barriers stay behind data, although the protocol lets them overtake: else slow checkpoints are a riddle.
    pub fn held_back(&self) -> Option<String> {
        // Savepoints align wherever they go.
        let asked = self.settings.requests.iter().any(|request| request.take == Take::Checkpoint);
        let triggers = self.settings.interval.is_some() || asked;
        if !triggers || !self.protocol.needs().channel_state {
            return None;
        }
        let name = |operator: OperatorId| &self.plan.operators[operator.index()].name;
        let edge = |edge: &Edge| {
            let why = if edge.by.lets_overtake() { "\"overtaking\": false" } else { edge.by.name() };
            format!("{} -> {} ({why})", name(edge.from), name(edge.to))
        };
        // There are no data between a sink and its committer.
        let held = |edge: &&Edge| !edge.overtaking && !self.plan.operators[edge.to.index()].is_committer;
        let edges: Vec<String> = self.plan.edges.iter().filter(held).map(edge).collect();
        let (named, others) = edges.split_at(edges.len().min(HELD_BACK_MAX));
        match (named.join(", "), others.len()) {
            (named, _) if named.is_empty() => None,
            (named, 0) => Some(format!("barriers cannot overtake on {named}")),
            (named, more) => Some(format!("barriers cannot overtake on {named} and {more} more")),
        }
    }
}
