//! Choices that a scenario makes itself: which of several steps of one instant comes first.
//!
//! Time decides nearly everything; what it leaves open, steps of the same rank at the same instant, is ordered
//! by a hash of the seed. A scenario's `schedule` names steps by identity that come before all others of
//! their instant and rank, in the order of the list. An entry whose step never came up is reported, not obeyed.

use super::Rank;
use crate::base::{ChannelId, Problem, TaskId, nearest};
use crate::scenario::Choice;
use crate::world::Job;
use std::cell::Cell;

/// The choices of a scenario, resolved against its plan.
pub(super) struct Schedule {
    entries: Vec<Entry>,
}

struct Entry {
    step: Named,
    who: u64,
    nth: u64,
    came_up: Cell<bool>,
}

/// The kinds of steps that can be named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// A task finishes its n-th record.
    Run,
    /// A task handles its n-th message or input.
    Handle,
    /// The n-th thing sent on a channel arrives.
    Deliver,
}

const NAMES: &[(&str, Named)] = &[("run", Named::Run), ("handle", Named::Handle), ("deliver", Named::Deliver)];

impl Schedule {
    /// Resolves the names; refuses those that mean nothing in this job.
    pub fn new(job: &Job) -> Result<Self, Problem> {
        let entries = job.scenario.schedule.iter().map(|choice| Entry::new(choice, job));
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn reset(&self) {
        self.entries.iter().for_each(|entry| entry.came_up.set(false));
    }

    /// The place in the list of a step that is being planned, if it is on it.
    pub fn place(&self, rank: Rank, who: u64, nth: u64) -> Option<u64> {
        let step = match rank {
            Rank::Run => Named::Run,
            Rank::Mail | Rank::Poll => Named::Handle,
            Rank::Arrival => Named::Deliver,
            Rank::Fault | Rank::Flush | Rank::Stop => return None,
        };
        let at = self.entries.iter().position(|e| e.step == step && e.who == who && e.nth == nth)?;
        self.entries[at].came_up.set(true);
        Some(at as u64)
    }

    /// The entries whose step never came up.
    pub fn unused<'a>(&'a self, choices: &'a [Choice]) -> impl Iterator<Item = (usize, &'a Choice)> {
        self.entries.iter().zip(choices).enumerate().filter(|(_, (e, _))| !e.came_up.get()).map(|(n, (_, c))| (n, c))
    }
}

impl Entry {
    fn new(choice: &Choice, job: &Job) -> Result<Self, Problem> {
        let wrong = |found: String, allowed: String| Problem::at(choice.place.clone(), found, allowed);
        let Some((_, step)) = NAMES.iter().find(|(name, _)| *name == choice.step) else {
            let names = NAMES.iter().map(|(name, _)| *name);
            let allowed = match nearest(&choice.step, names.clone()) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("steps are {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(wrong(format!("there is no step \"{}\"", choice.step), allowed));
        };
        let who = match step {
            Named::Deliver => {
                let channel = (0..job.plan.channels.len()).map(ChannelId::from);
                let found = channel.into_iter().find(|c| job.plan.channel_name(*c) == choice.of);
                found.map(|channel| super::DELIVER << 32 | u64::from(channel.0))
            }
            Named::Run | Named::Handle => task(&choice.of, job).map(|task| u64::from(task.0)),
        };
        let who = who.ok_or_else(|| {
            let allowed = match step {
                Named::Deliver => "name a channel such as \"source[0]->count[1]\"",
                _ => "name a subtask such as \"count[1]\"",
            };
            wrong(format!("found \"{}\"", choice.of), allowed.to_owned())
        })?;
        // A record is named by how many are then finished, the others by how many came before.
        let nth = if *step == Named::Run { choice.nth } else { choice.nth - 1 };
        Ok(Self { step: *step, who, nth, came_up: Cell::new(false) })
    }
}

fn task(name: &str, job: &Job) -> Option<TaskId> {
    let (operator, subtask) = match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        Some((operator, subtask)) => (operator, subtask.parse().ok()?),
        None => (name, 0),
    };
    job.plan.task_named(operator, subtask)
}
