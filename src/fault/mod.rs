//! Fault plans: an explicit list of trigger × effect, never a coin tossed during a run.
//!
//! A plan is a value: it can be printed, edited, compared and shrunk, and taking a fault out of it changes no
//! other draw. A trigger is an instant or a [`Predicate`] over events. Effects are a small closed set of
//! primitives, one file each; so far there is one, the exception in a task.
//!
//! **Architecture invariant:** what a fault *means* for queues, messages and storage is the world's; here is
//! only what was asked for.

mod mutant;
mod task_exception;

pub use mutant::{Area, Mutant};
pub use task_exception::TaskException;

use crate::base::Time;
use crate::plan::Plan;
use crate::scenario::{self, Effect, When};
use crate::trace::Predicate;

/// All faults of a scenario, resolved against its plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    /// In the order of the scenario.
    pub faults: Vec<PlannedFault>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// When it strikes.
    pub trigger: Trigger,
    /// What it does.
    pub effect: Primitive,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At an instant.
    At(Time),
    /// Right after the event for which the predicate becomes true.
    On(Predicate),
}

/// The primitives that faults are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// A task throws.
    TaskException(TaskException),
}

impl FaultPlan {
    /// Resolves the names in a checked scenario's faults.
    pub fn new(faults: &[scenario::Fault], plan: &Plan) -> Self {
        let planned = faults.iter().map(|fault| PlannedFault {
            trigger: match &fault.when {
                When::At(span) => Trigger::At(Time::ZERO + *span),
                When::On(predicate) => Trigger::On(predicate.clone()),
            },
            effect: match &fault.effect {
                Effect::FailTask(name) => Primitive::TaskException(TaskException::new(name, plan)),
            },
        });
        Self { faults: planned.collect() }
    }
}
