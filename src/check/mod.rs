//! What must never go wrong: one invariant per file, judged from events alone, and the verdict of a run.
//!
//! A check is a fold over events. The same fold runs online, over a saved or a forged trace, and inside the
//! explorer, where its state is part of the node: so its state is small, can be cloned, has a
//! [`Fingerprint`] that is equal for histories which it will judge alike from now on, and is reset in place
//! without giving memory back. State is sized from the plan: flat tables by task or channel, and
//! pages of cells by checkpoint.
//!
//! What a check may rely on is the vocabulary of [`crate::trace::Event`] and nothing else. Two running
//! totals carry most of it: each end of a channel keeps how many records passed it and a chain over their
//! lineages, so equal chains at equal counts are the same records in the same order.
//!
//! A new check is one file and one line in [`CHECKS`]. It says which [`Claim`] it belongs to: a protocol is
//! only held to what it claims. It counts what it really compared ([`Check::examined`]): a check that looked
//! at nothing has not passed. And it has at least one forged trace in `tests/forged_traces/` that trips it
//! and no other check (but a run that stands still is stuck as well, whatever else is found about it).
//!
//! When totals of a channel are inconsistent after a recovery, `restore` tells it once; the other checks
//! then follow that channel by sequence and by difference, so that one mistake is not told three times and a
//! protocol that never claimed consistency (at-least-once) is not blamed for it.
//!
//! **Architecture invariant:** checks use `trace`, `plan`, the network settings of the scenario and the
//! oracle's result; never `world`, `drive` or `protocol`. A check that could look into the world would
//! believe what the world believes. No check keeps a time in what it fingerprints, and none knows a fault.

mod aborts;
mod account;
mod at_least;
mod buffers;
mod commits;
mod completion;
mod confluence;
mod cut;
mod entries;
mod failures;
mod figures;
mod files;
mod finding;
mod ids;
mod liveness;
mod order;
mod output;
mod pages;
mod persisted;
mod promise;
mod provenance;
mod records;
mod registry;
mod restore;
mod runner;
mod savepoints;
mod splits;
mod state;
mod timers;
mod wake_up;
mod watermarks;
mod windows;

pub use account::{Account, Ledger, Tally};
pub use figures::*;
pub use finding::{Finding, Findings, Verdict};
pub use provenance::*;
pub use runner::Checks;

use crate::base::{Fingerprint, Time};
use crate::plan::Plan;
use crate::scenario::Network;
use crate::trace::{Event, EventKind};
use crate::workload::Expected;
use pages::Pages;
use savepoints::Savepoints;

/// All checks, in the order in which they are listed and told.
pub const CHECKS: &[Entry] = &[
    Entry { about: &order::ABOUT, build: |setting| Box::new(order::Order::new(setting)) },
    Entry { about: &records::ABOUT, build: |setting| Box::new(records::Records::new(setting)) },
    Entry { about: &buffers::ABOUT, build: |setting| Box::new(buffers::Buffers::new(setting)) },
    Entry { about: &cut::ABOUT, build: |setting| Box::new(cut::Cut::new(setting)) },
    Entry { about: &persisted::ABOUT, build: |setting| Box::new(persisted::Persisted::new(setting)) },
    Entry { about: &completion::ABOUT, build: |setting| Box::new(completion::Completion::new(setting)) },
    Entry { about: &aborts::ABOUT, build: |setting| Box::new(aborts::Aborts::new(setting)) },
    Entry { about: &ids::ABOUT, build: |setting| Box::new(ids::Ids::new(setting)) },
    Entry { about: &files::ABOUT, build: |setting| Box::new(files::Files::new(setting)) },
    Entry { about: &failures::ABOUT, build: |setting| Box::new(failures::Failures::new(setting)) },
    Entry { about: &restore::ABOUT, build: |setting| Box::new(restore::Restore::new(setting)) },
    Entry { about: &state::ABOUT, build: |setting| Box::new(state::State::new(setting)) },
    Entry { about: &at_least::ABOUT, build: |setting| Box::new(at_least::AtLeast::new(setting)) },
    Entry { about: &commits::ABOUT, build: |setting| Box::new(commits::Commits::new(setting)) },
    Entry { about: &output::ABOUT, build: |setting| Box::new(output::Output::new(setting)) },
    Entry { about: &wake_up::ABOUT, build: |setting| Box::new(wake_up::WakeUp::new(setting)) },
    Entry { about: &liveness::ABOUT, build: |setting| Box::new(liveness::Liveness::new(setting)) },
    Entry { about: &splits::ABOUT, build: |setting| Box::new(splits::Splits::new(setting)) },
    Entry { about: &watermarks::ABOUT, build: |setting| Box::new(watermarks::Watermarks::new(setting)) },
    Entry { about: &registry::ABOUT, build: |setting| Box::new(registry::Registry::new(setting)) },
    Entry { about: &entries::ABOUT, build: |setting| Box::new(entries::Entries::new(setting)) },
    Entry { about: &timers::ABOUT, build: |setting| Box::new(timers::Timers::new(setting)) },
    Entry { about: &windows::ABOUT, build: |setting| Box::new(windows::Windows::new(setting)) },
];

/// An invariant as a fold over events.
pub trait Check: BoxedClone + Send {
    /// What it is.
    fn about(&self) -> &'static About;

    /// Takes the next event.
    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings);

    /// The run is over.
    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings);

    /// Begins again, as if just made, without freeing memory.
    fn reset(&mut self);

    /// Adds all that decides how it will judge what comes, and nothing else: no times, no counts of work.
    fn fingerprint(&self, into: &mut Fingerprint);

    /// How many things it really compared.
    fn examined(&self) -> u64;
}

/// What every check can do that can be cloned.
pub trait BoxedClone {
    /// A copy of it with its state.
    fn boxed_clone(&self) -> Box<dyn Check>;
}

impl<T: Check + Clone + 'static> BoxedClone for T {
    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}

/// A line of the table of checks.
pub struct Entry {
    /// What it is.
    pub about: &'static About,
    /// Makes it for a job.
    pub build: fn(&Setting<'_>) -> Box<dyn Check>,
}

/// What a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name in tables and findings.
    pub name: &'static str,
    /// What it holds a run to, in one sentence.
    pub sentence: &'static str,
    /// Only protocols that claim this are held to it.
    pub needs: Claim,
    /// The events it has to see; it is not told others.
    pub wants: Kinds,
}

/// What a protocol can promise, as far as checks depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// What every run owes, whatever the protocol promises.
    Always,
    /// One checkpoint id means the same to all tasks, and a checkpoint completes once all have it.
    Coordinated,
    /// Besides, every completed checkpoint is a consistent cut. Includes [`Claim::Coordinated`].
    CoordinatedCut,
    /// Besides, what barriers overtake in channels is saved with it, buffer by buffer. Includes [`Claim::CoordinatedCut`].
    SavedBuffers,
    /// State reflects every record exactly once, whatever happened.
    ExactlyOnceState,
    /// So does what is visible outside.
    ExactlyOnceOutput,
    /// State reflects every record at least once, whatever happened, and exactly once if nothing did.
    AtLeastOnceState,
    /// So does what is visible outside.
    AtLeastOnceOutput,
}

/// A set of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims(u8);

impl Claims {
    /// Everything that can be claimed.
    pub const ALL: Self = Self(u8::MAX);

    /// These claims, with what they include.
    pub const fn of(claims: &[Claim]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < claims.len() {
            bits |= 1 << claims[i] as u8;
            if matches!(claims[i], Claim::SavedBuffers) {
                bits |= 1 << Claim::CoordinatedCut as u8;
            }
            if matches!(claims[i], Claim::SavedBuffers | Claim::CoordinatedCut) {
                bits |= 1 << Claim::Coordinated as u8;
            }
            i += 1;
        }
        Self(bits)
    }

    /// Whether a claim is among them; [`Claim::Always`] is.
    pub const fn holds(self, claim: Claim) -> bool {
        matches!(claim, Claim::Always) || self.0 & 1 << claim as u8 != 0
    }
}

/// What a check is made from.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The tasks and channels of the job.
    pub plan: &'a Plan,
    /// How many buffers there are.
    pub network: &'a Network,
    /// How many checkpoints in a row may fail.
    pub tolerable_failures: u32,
    /// What the protocol claims.
    pub claims: Claims,
}

/// What is known when a run is over.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'a> {
    /// The instant of the last event.
    pub at: Time,
    /// The tasks and channels of the job.
    pub plan: &'a Plan,
    /// What the job must have done, if the oracle was asked.
    pub expected: Option<&'a Expected>,
    /// Every task ended: nothing is under way any more.
    pub drained: bool,
    /// Somebody cancelled the job: it was not to come to an end by itself.
    pub cancelled: bool,
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u128);

const _: () = assert!(EventKind::ALL.len() <= u128::BITS as usize, "a set of kinds is one word");

impl Kinds {
    /// These kinds.
    pub const fn of(kinds: &[EventKind]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < kinds.len() {
            bits |= 1u128 << kinds[i] as u32;
            i += 1;
        }
        Self(bits)
    }

    /// Whether a kind is among them.
    pub const fn holds(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}
