//! What people and programs see of a run: text tables, JSON, charts.
//!
//! A report takes a [`RunView`]: the scenario, its plan, the figures that a run left behind, and what the
//! checks said. It derives everything else itself, so that the table, the JSON and the charts of one run
//! cannot disagree. Many runs side by side are a [`compare::CompareView`], what
//! became of wrong decisions a [`mutants::MutantsView`], of promises a [`guarantees::GuaranteesView`]. Charts are drawn once, as a [`Picture`] of plain shapes, and then written as SVG or PNG
//! with the font that is embedded here: no file of the machine is read, and the same run gives the same bytes.
//! Files appear whole or not at all ([`write_file`]).
//!
//! **Architecture invariant:** nothing here decides anything. Floating point is welcome (pixels, percents),
//! because no number goes back from a report into a run. Nothing here runs a simulation, and nothing here
//! knows the world, a driver or a protocol.

mod canvas;
mod checkpoint;
pub mod compare;
mod faults;
mod file;
mod grid;
pub mod guarantees;
mod json;
pub mod mutants;
mod records;
mod recovery;
#[cfg(test)]
mod sample;
mod splits;
mod table;
mod timeline;
mod wrong;

pub use canvas::{Picture, Shape, color};
pub use checkpoint::checkpoint;
pub use file::write_file;
pub use grid::{Grid, elide, hang, wrap};
pub use json::{checkpoint_json, json};
pub use table::table;
pub use timeline::timeline;

use crate::base::Digest;
use crate::check::{Account, CheckpointFigures, Expectation, Figures, Findings, Losses};
use crate::plan::Plan;
use crate::scenario::Scenario;

/// All that is known of a run that is over.
#[derive(Clone, Copy)]
pub struct RunView<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// Its tasks and channels.
    pub plan: &'a Plan,
    /// What was measured.
    pub figures: &'a Figures,
    /// What the checks said.
    pub checks: &'a [CheckLine],
    /// What they found, with when and where.
    pub findings: &'a Findings,
    /// What came of the scenario's expectations.
    pub expectations: &'a [Expectation],
    /// What else has to be said, such as choices of the schedule that were skipped.
    pub notes: &'a [String],
    /// The verdict on the whole run.
    pub verdict: &'a str,
    /// Whether verdict and figures are what the scenario expects.
    pub as_expected: bool,
    /// The digest of all events.
    pub digest: Digest,
    /// The seed that was used, which may differ from the scenario's.
    pub seed: u64,
    /// How many events there were.
    pub events: u64,
    /// How many times a record was moved from one task to the next.
    pub hops: u64,
    /// Which records were lost or doubled, if that was asked for.
    pub losses: Option<&'a Losses>,
    /// How often a record may count in state and outside, in a sentence.
    pub guarantee: &'a str,
    /// What is there beside what should be, by operator; nothing if the run did not drain.
    pub accounts: &'a [Account],
}

/// The checkpoint that reports tell in detail: the slowest completed one, the first of equals.
///
/// The last one would be the easier choice, but it usually covers the end of the data, when all is quiet.
fn slowest(figures: &Figures) -> Option<&CheckpointFigures> {
    figures.completed().max_by_key(|checkpoint| (checkpoint.end_to_end(), std::cmp::Reverse(checkpoint.id)))
}

/// What one check said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLine {
    /// Its name.
    pub name: String,
    /// `PASS`, `FAIL`, …
    pub verdict: String,
    /// What it looked at, or what it found.
    pub note: String,
}
