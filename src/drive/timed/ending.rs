//! The end of a run: when it comes; what is still on the wire arrives, and what never came up is told.

use super::{DRAIN_LIMITS, DRAIN_MIN, Item, Rank, Timed, Watched};
use crate::base::Time;
use crate::scenario::Choice;
use crate::trace::Observer;
use crate::world::{Job, Step, World};

impl Timed {
    /// The job has ended: what is on the wire still arrives, so that nothing is left half way.
    pub(super) fn land<O: Observer>(&mut self, job: &Job, world: &mut World, observer: &mut O) {
        world.let_through(job, &mut Watched { clock: &mut self.host, job, observer });
        while let Some((_, item)) = self.host.agenda.pop() {
            if let Item::Step(step @ (Step::Deliver { .. } | Step::Credit { .. } | Step::Resume { .. })) = item {
                world.apply(job, step, &mut Watched { clock: &mut self.host, job, observer });
            }
        }
    }

    /// What the last run has to report beside events: entries of the schedule that never came up.
    pub fn notes(&self, job: &Job) -> Vec<String> {
        let note = |(n, choice): (usize, &Choice)| {
            format!("schedule[{n}] was skipped: {} {} of {} never came up", choice.step, choice.nth, choice.of)
        };
        self.host.schedule.unused(&job.scenario.schedule).map(note).collect()
    }

    /// When sources stop, when the job is cancelled, and when it is stuck.
    pub(super) fn set_ends(&mut self, job: &Job) {
        let host = &mut self.host;
        let order = host.order(Rank::Stop, 0, 0);
        if let Some(after) = job.scenario.run.cancel {
            host.agenda.push(Time::ZERO + after, order, Item::Cancel);
        }
        let limit = Time::ZERO + job.scenario.run.limit;
        host.agenda.push(limit, order, Item::Step(Step::Stop));
        let deadline = limit + job.scenario.run.limit * DRAIN_LIMITS + DRAIN_MIN;
        host.agenda.push(self.patience.until.unwrap_or(deadline), order, Item::Deadline);
    }

    /// The virtual time that the last run took.
    pub fn now(&self) -> Time {
        self.host.now
    }
}
