//! How long input gates are active: the time in which tasks have something to read, for debloating.
//!
//! A gate rests when its task has looked and found nothing there, until something comes. Time in which the thread
//! cannot look - it waits for output buffers, a synchronous part runs - belongs to what was before. So a gate's
//! throughput is what its task would read if there were always something, backpressure included.

use crate::base::{Span, TaskId, Time};
use crate::world::{Job, World};

/// The clocks of all gates; none if buffers have a fixed size.
#[derive(Debug, Default)]
pub(super) struct Activity {
    gates: Vec<Clock>,
    /// Each task's first gate, and the number of all.
    first: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    /// Since when it is active without having been asked.
    since: Option<Time>,
    /// Active time before that.
    sum: Span,
}

impl Activity {
    pub fn new(job: &Job) -> Self {
        if job.scenario.network.debloat.is_none() {
            return Self::default();
        }
        let mut first = vec![0];
        for task in job.plan.task_ids() {
            let edges = job.plan.inputs(task).iter().map(|channel| job.plan.channels[channel.index()].edge);
            let gates = edges.map(|edge| job.plan.edges[edge.index()].gate + 1).max().unwrap_or(0);
            first.push(first[task.index()] + gates);
        }
        Self { gates: vec![Clock::default(); first[job.plan.tasks.len()] as usize], first }
    }

    pub fn reset(&mut self) {
        self.gates.fill(Clock::default());
    }

    /// Something about a task's thread may have changed.
    #[inline]
    pub fn look(&mut self, job: &Job, world: &World, task: TaskId, now: Time) {
        if !self.gates.is_empty() {
            self.look_at_gates(job, world, task, now);
        }
    }

    fn look_at_gates(&mut self, job: &Job, world: &World, task: TaskId, now: Time) {
        let (first, end) = (self.first[task.index()], self.first[task.index() + 1]);
        for gate in 0..end - first {
            let clock = &mut self.gates[(first + gate) as usize];
            match (world.has_input(job, task, gate), clock.since) {
                (Some(true), None) => clock.since = Some(now),
                (Some(false), Some(since)) => *clock = Clock { since: None, sum: clock.sum + now.since(since) },
                _ => {}
            }
        }
    }

    /// How long a gate was active since this was last asked.
    pub fn take(&mut self, task: TaskId, gate: u32, now: Time) -> Span {
        let clock = &mut self.gates[(self.first[task.index()] + gate) as usize];
        let active = clock.sum + clock.since.map_or(Span::ZERO, |since| now.since(since));
        *clock = Clock { since: clock.since.map(|_| now), sum: Span::ZERO };
        active
    }
}
