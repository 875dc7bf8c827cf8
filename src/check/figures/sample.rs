//! The figures of many runs: what each run leaves behind when its memory is used for the next one.

use super::FIGURES;
use crate::base::{Digest, Problem};
use crate::check::{Account, Tally, Verdict};

/// One run in numbers that outlive it.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its seed.
    pub seed: u64,
    /// What the checks say.
    pub verdict: Verdict,
    /// Over all its events.
    pub digest: Digest,
    /// What else has to be said, such as faults that never struck.
    pub notes: Vec<String>,
    /// Its figures, in the order of [`FIGURES`].
    pub figures: Vec<Option<u64>>,
    /// Too many and too few records; `None` if the run did not drain.
    pub accounts: Option<Vec<Account>>,
}

impl Measured {
    /// The figure of this name, if there is one and this run has it.
    pub fn figure(&self, name: &str) -> Option<u64> {
        let at = FIGURES.iter().position(|figure| figure.name == name)?;
        self.figures[at]
    }

    /// A count over the states of all operators.
    pub fn in_state(&self, count: impl Fn(&Tally) -> u64) -> Option<u64> {
        let accounts = self.accounts.as_ref()?;
        Some(accounts.iter().map(|account| count(&account.state)).sum())
    }

    /// A count over what all sinks show outside.
    pub fn outside(&self, count: impl Fn(&Tally) -> u64) -> Option<u64> {
        let accounts = self.accounts.as_ref()?;
        Some(accounts.iter().filter_map(|account| account.output.as_ref()).map(count).sum())
    }

    /// Somewhere are as many records as there should be, but not the same.
    pub fn swapped(&self) -> bool {
        let mut accounts = self.accounts.iter().flatten();
        accounts.any(|account| account.state.swapped || account.output.is_some_and(|output| output.swapped))
    }

    /// What is missing of the throughput of another run, in hundredths of a percent; below zero: this one has
    /// more. `None` unless both have one and drained: what a job that hangs had read says nothing.
    pub fn throughput_lost(&self, baseline: &Measured) -> Option<i64> {
        let drained = |run: &&Measured| run.accounts.is_some();
        let of = |run: &Measured| Some(run).filter(drained)?.figure("records.throughput").map(i128::from);
        let (own, full) = (of(self)?, of(baseline)?);
        ((full - own) * 10_000).checked_div(full).map(|lost| lost as i64)
    }
}

/// Runs of one setting, by seed.
#[derive(Clone, Debug)]
pub struct Sample {
    /// In the order of their seeds.
    pub runs: Vec<Measured>,
}

/// A number over the runs of a sample that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread<T> {
    /// The smallest.
    pub min: T,
    /// The median, the lower of two.
    pub median: T,
    /// The largest.
    pub max: T,
}

impl Sample {
    /// A number over all runs that have it; `None` if none has.
    pub fn spread<T: Copy + Ord>(&self, of: impl FnMut(&Measured) -> Option<T>) -> Option<Spread<T>> {
        spread(self.runs.iter().filter_map(of).collect())
    }

    /// A figure over all runs that have it.
    pub fn figure(&self, name: &str) -> Option<Spread<u64>> {
        self.spread(|run| run.figure(name))
    }

    /// What is missing of a baseline's throughput, seed by seed; see [`Measured::throughput_lost`].
    pub fn throughput_lost(&self, baseline: &Sample) -> Option<Spread<i64>> {
        let pairs = self.runs.iter().zip(&baseline.runs);
        spread(pairs.filter_map(|(run, baseline)| run.throughput_lost(baseline)).collect())
    }
}

fn spread<T: Copy + Ord>(mut all: Vec<T>) -> Option<Spread<T>> {
    all.sort_unstable();
    let (min, max) = (*all.first()?, *all.last()?);
    Some(Spread { min, median: all[(all.len() - 1) / 2], max })
}

/// One scenario in several settings, with the same seeds.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The same without what is compared: what costs are measured against.
    pub baseline: Sample,
    /// In the order in which they were asked for.
    pub contestants: Vec<Contestant>,
}

/// One of the settings that are compared.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// What it is called in the comparison.
    pub name: String,
    /// Its runs, or why this setting makes no sense.
    pub result: Result<Sample, Problem>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OperatorId;

    /// A run with this throughput, two operators' states and one output.
    fn run(throughput: u64, states: [Tally; 2], output: Tally) -> Measured {
        let figures = FIGURES.iter().map(|figure| (figure.name == "records.throughput").then_some(throughput));
        let account = |operator, state, output| Account { operator: OperatorId(operator), state, output };
        Measured {
            seed: 1,
            verdict: Verdict::Pass,
            digest: Digest(0),
            notes: Vec::new(),
            figures: figures.collect(),
            accounts: Some(vec![account(1, states[0], None), account(2, states[1], Some(output))]),
        }
    }

    fn tally(counted: u64, due: u64) -> Tally {
        Tally { counted, due, swapped: false }
    }

    #[test]
    fn what_one_operator_lost_does_not_hide_what_another_doubled() {
        let run = run(100, [tally(12, 10), tally(7, 10)], tally(10, 10));
        assert_eq!((run.in_state(Tally::doubled), run.in_state(Tally::lost)), (Some(2), Some(3)));
        assert_eq!((run.outside(Tally::doubled), run.outside(Tally::lost), run.swapped()), (Some(0), Some(0), false));
    }

    #[test]
    fn a_median_is_the_lower_of_two_and_of_those_that_have_the_number() {
        let sample = Sample { runs: [5, 9, 0, 7, 1].map(|n| run(n, [tally(1, 1); 2], tally(1, 1))).to_vec() };
        let some = sample.spread(|run| run.figure("records.throughput").filter(|n| *n > 0));
        assert_eq!(some, Some(Spread { min: 1, median: 5, max: 9 }));
        assert_eq!(sample.figure("end-to-end.max"), None);
        assert_eq!(sample.figure("no-such-figure"), None);
    }

    #[test]
    fn throughput_is_compared_seed_by_seed() {
        let sample = |rates: [u64; 3]| Sample { runs: rates.map(|n| run(n, [tally(1, 1); 2], tally(1, 1))).to_vec() };
        let mut slowed = sample([50, 190, 330]);
        let lost = slowed.throughput_lost(&sample([100, 200, 300]));
        assert_eq!(lost, Some(Spread { min: -1000, median: 500, max: 5000 }));
        slowed.runs[0].accounts = None;
        assert_eq!(slowed.throughput_lost(&sample([100, 200, 300])).map(|lost| lost.max), Some(500));
    }
}
