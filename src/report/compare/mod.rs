//! One scenario in several settings, side by side: a table, JSON, a chart, and what they come to in a sentence.
//!
//! What is shown is one list of rows, [`ROWS`]; table and chart pick from it by name, so that they cannot
//! disagree. A number is the median over the runs of a contestant. Figures are fetched by name and go by their
//! own names; what is beside them is told by comparing: with a baseline (`throughput.lost`), or with the oracle
//! (`state.doubled` and its like).

mod chart;
mod conclusion;
mod json;
mod prices;
mod table;

pub use chart::chart;
pub use json::json;
pub use prices::Prices;
pub use table::table;

use crate::base::Problem;
use crate::check::{Comparison, Contestant, Figure, Measured, Sample, Spread, Tally, Unit, Value};
use crate::scenario::Scenario;

/// A comparison that is over.
#[derive(Clone, Copy)]
pub struct CompareView<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub comparison: &'a Comparison,
    /// Backends are compared, not protocols, and this is what a storage would charge.
    pub prices: Option<Prices>,
}

impl<'a> CompareView<'a> {
    fn contestants(&self) -> impl Iterator<Item = &'a Contestant> + use<'a> {
        self.comparison.contestants.iter()
    }

    /// What contestants are.
    fn subject(&self) -> &'static str {
        if self.prices.is_some() { "backend" } else { "protocol" }
    }

    /// The rows of such a comparison.
    fn rows(&self) -> impl Iterator<Item = &'static Row> + use<> {
        let of_state = self.prices.is_some();
        ROWS.iter().filter(move |row| of_state || !STATE.contains(&row.name))
    }

    /// The row's number for everybody who has one.
    fn numbers(&self, row: &Row) -> Vec<(&'a str, Number)> {
        let of = |c: &'a Contestant| Some((&*c.name, self.number(row, c)?));
        self.contestants().filter_map(of).collect()
    }

    fn number(&self, row: &Row, contestant: &Contestant) -> Option<Number> {
        let sample = contestant.result.as_ref().ok()?;
        let signed = |spread: Spread<u64>| {
            let Spread { min, median, max } = spread;
            Spread { min: min as i64, median: median as i64, max: max as i64 }
        };
        let (spread, scale) = match row.of {
            Of::Figure => {
                let figure = Figure::named(row.name)?;
                (signed(sample.figure(row.name)?), Scale::Unit(figure.unit))
            }
            Of::Records(count) => (signed(sample.spread(count)?), Scale::Unit(Unit::Count)),
            Of::Cost => {
                let prices = self.prices?;
                (signed(sample.spread(|run| prices.hourly(run))?), Scale::Money)
            }
            Of::ThroughputLost => (sample.throughput_lost(&self.comparison.baseline)?, Scale::Percent),
        };
        Some(Number { spread, scale })
    }

    /// `seed 1`, or what stands for many.
    fn seeds(&self) -> String {
        match &self.comparison.baseline.runs[..] {
            [] => "no seed".to_owned(),
            [one] => format!("seed {}", one.seed),
            [first, .., last] => format!("medians over the seeds {} to {}", first.seed, last.seed),
        }
    }

    /// `9.99k/s`: what costs are measured against.
    fn full_throughput(&self) -> Option<String> {
        let full = self.comparison.baseline.figure("records.throughput")?;
        Some(Value(full.median, Unit::Rate).to_string())
    }
}

/// A number that contestants are compared by.
struct Row {
    /// As tables and JSON call it; a figure's own name.
    name: &'static str,
    /// For people, in the chart.
    words: &'static str,
    of: Of,
}

#[derive(Clone, Copy)]
enum Of {
    /// The figure of the row's name.
    Figure,
    Records(fn(&Measured) -> Option<u64>),
    ThroughputLost,
    /// An hour of storage.
    Cost,
}

const fn figure(name: &'static str, words: &'static str) -> Row {
    Row { name, words, of: Of::Figure }
}

const fn records(name: &'static str, words: &'static str, of: fn(&Measured) -> Option<u64>) -> Row {
    Row { name, words, of: Of::Records(of) }
}

/// All rows, in the order of the table. A figure that does not exist is left out, as is a row that nobody has.
const ROWS: &[Row] = &[
    figure("checkpoints.completed", "completed"),
    figure("checkpoints.aborted", "aborted"),
    figure("snapshots.taken", "snapshots of single tasks"),
    figure("end-to-end.median", "end to end, median"),
    figure("end-to-end.max", "end to end, longest"),
    figure("start-delay.max", "start delay, longest"),
    figure("alignment.max", "alignment, longest"),
    figure("sync.max", "sync, longest"),
    figure("async.max", "async, longest"),
    figure("checkpointed-bytes.last", "last checkpoint"),
    figure("checkpointed-bytes.max", "largest checkpoint"),
    figure("checkpointed-bytes.total", "all checkpoints"),
    figure("full-bytes.last", "state size"),
    figure("files.last", "files"),
    figure("materialised-bytes", "materialised"),
    figure("retained-bytes.max", "retained, most"),
    Row { name: "cost-per-hour", words: "storage, an hour", of: Of::Cost },
    figure("persisted-bytes.max", "in-flight data, most"),
    figure("records.throughput", "throughput"),
    Row { name: "throughput.lost", words: "throughput lost", of: Of::ThroughputLost },
    figure("blocked.max", "blocked, longest"),
    figure("restarts", "restarts"),
    figure("loaded-bytes", "read by restores"),
    figure("log-bytes", "log applied"),
    figure("recovery.restore", "restore, longest"),
    figure("recovery.down", "down, longest"),
    figure("records.replayed", "replayed"),
    records("state.doubled", "doubled in state", |run| run.in_state(Tally::doubled)),
    records("state.lost", "lost from state", |run| run.in_state(Tally::lost)),
    records("output.doubled", "doubled outside", |run| run.outside(Tally::doubled)),
    records("output.lost", "lost outside", |run| run.outside(Tally::lost)),
];

/// Those that only backends are compared by.
const STATE: &[&str] = &[
    "checkpointed-bytes.total",
    "full-bytes.last",
    "files.last",
    "materialised-bytes",
    "retained-bytes.max",
    "cost-per-hour",
    "loaded-bytes",
    "log-bytes",
    "recovery.restore",
    "recovery.down",
];

impl Row {
    fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).expect("it is written in the list of rows")
    }
}

/// A contestant's number.
#[derive(Clone, Copy)]
struct Number {
    spread: Spread<i64>,
    scale: Scale,
}

/// What a number means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Unit(Unit),
    /// Hundredths of a percent.
    Percent,
    /// Billionths of a unit.
    Money,
}

impl Number {
    fn median(&self) -> String {
        self.scale.show(self.spread.median)
    }
}

impl Scale {
    fn show(self, number: i64) -> String {
        match self {
            Self::Unit(unit) => Value(number.unsigned_abs(), unit).to_string(),
            Self::Money => prices::shown(number.unsigned_abs()),
            Self::Percent => {
                let tenths = (number as f64 / 10.0).round() as i64;
                let (sign, whole, part) = (if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10);
                if part == 0 { format!("{sign}{whole} %") } else { format!("{sign}{whole}.{part} %") }
            }
        }
    }
}

/// The gravest verdict among the runs of a sample, how many have it, and the first that has.
fn gravest(sample: &Sample) -> Option<(&'static str, usize, &Measured)> {
    let named = |name: &'static str| {
        let mut those = sample.runs.iter().filter(|run| run.verdict.name() == name);
        let first = those.next()?;
        Some((name, 1 + those.count(), first))
    };
    ["INVALID", "FAIL", "STUCK", "MISS", "PASS"].into_iter().find_map(named)
}

/// `PASS`, or `FAIL in 3 of 20`.
fn verdict(contestant: &Contestant) -> String {
    let Ok(sample) = &contestant.result else { return "INVALID".to_owned() };
    match gravest(sample) {
        Some((name, count, _)) if count < sample.runs.len() => format!("{name} in {count} of {}", sample.runs.len()),
        Some((name, ..)) => name.to_owned(),
        None => "-".to_owned(),
    }
}

/// Why a contestant has no runs, without the place in the file.
fn reason(problem: &Problem) -> String {
    Problem { file: None, place: None, ..problem.clone() }.to_string()
}

/// What has to be said of a contestant beside its numbers, such as faults that never struck.
fn remarks(contestant: &Contestant) -> Vec<String> {
    let sample = match &contestant.result {
        Err(problem) => return vec![reason(problem)],
        Ok(sample) => sample,
    };
    let among = |count: usize| match sample.runs.len() {
        all if count == all => String::new(),
        all => format!(" (in {count} of {all} runs)"),
    };
    let mut remarks = Vec::new();
    if let Some((_, _, run)) = gravest(sample) {
        let seed = if sample.runs.len() > 1 { format!(" (seed {})", run.seed) } else { String::new() };
        remarks.extend(run.verdict.finding().map(|finding| format!("{}: {}{seed}", finding.check, finding.text)));
    }
    let swapped = sample.runs.iter().filter(|run| run.swapped()).count();
    if swapped > 0 {
        remarks.push(format!("some records are lost and as many others doubled{}", among(swapped)));
    }
    let mut notes: Vec<&str> = sample.runs.iter().flat_map(|run| &run.notes).map(|note| &**note).collect();
    notes.sort_unstable();
    notes.dedup();
    for note in notes {
        let count = sample.runs.iter().filter(|run| run.notes.iter().any(|other| other == note)).count();
        remarks.push(format!("{note}{}", among(count)));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, OperatorId};
    use crate::check::{Account, FIGURES, Finding, Verdict};
    use crate::report::sample;

    /// A contestant of one run for each set of figures; all its sinks' records are doubled so often.
    pub fn contestant(name: &str, doubled: u64, runs: &[&[(&str, u64)]]) -> Contestant {
        let run = |(n, given): (usize, &&[(&str, u64)])| {
            let value = |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
            let tally = |counted| Tally { counted, due: 1000, swapped: false };
            let account = Account { operator: OperatorId(1), state: tally(1000), output: Some(tally(1000 + doubled)) };
            Measured {
                seed: n as u64 + 1,
                verdict: Verdict::Pass,
                digest: Digest(0),
                notes: Vec::new(),
                figures: FIGURES.iter().map(|figure| value(figure.name)).collect(),
                accounts: Some(vec![account]),
            }
        };
        Contestant { name: name.to_owned(), result: Ok(Sample { runs: runs.iter().enumerate().map(run).collect() }) }
    }

    /// What a report makes of a comparison that was made up.
    pub fn with_view<T>(contestants: Vec<Contestant>, report: impl FnOnce(&CompareView) -> T) -> T {
        let (scenario, _, _) = sample::run(sample::Size::Nothing, crate::model::sample::Order::Emit);
        let full: &[(&str, u64)] = &[("records.throughput", 10_000)];
        let runs = contestants.iter().filter_map(|c| Some(c.result.as_ref().ok()?.runs.len())).max().unwrap_or(1);
        let baseline = contestant("baseline", 0, &vec![full; runs]).result.expect("it has runs");
        report(&CompareView { scenario: &scenario, comparison: &Comparison { baseline, contestants }, prices: None })
    }

    /// A slow one, a fast one that writes what is under way, one that doubles records, one that cannot.
    pub fn four() -> Vec<Contestant> {
        let ms = 1_000_000;
        let figures = |end_to_end: u64, throughput: u64| {
            vec![
                ("checkpoints.completed", 6),
                ("checkpoints.triggered", 6),
                ("checkpoints.aborted", 0),
                ("end-to-end.median", end_to_end * ms),
                ("end-to-end.max", end_to_end * 2 * ms),
                ("start-delay.max", end_to_end * ms / 3),
                ("alignment.max", 0),
                ("checkpointed-bytes.max", 3 << 20),
                ("records.throughput", throughput),
                ("restarts", 1),
                ("records.replayed", 500),
            ]
        };
        let problem = Problem::plain("\"d\" does not work on cycles", "others do");
        vec![
            contestant("aligned", 0, &[&figures(600, 9000)]),
            contestant("unaligned", 0, &[&figures(50, 9990)]),
            contestant("at-least-once", 412, &[&figures(590, 9500)]),
            Contestant { name: "d".into(), result: Err(problem) },
        ]
    }

    #[test]
    fn rows_are_figures_that_exist() {
        for row in ROWS.iter().filter(|row| matches!(row.of, Of::Figure)) {
            // Only protocols that save what is under way bring this one with them.
            let exists = Figure::named(row.name).is_some() || row.name == "persisted-bytes.max";
            assert!(exists, "{} is no figure", row.name);
        }
    }

    #[test]
    fn a_percent_has_at_most_one_decimal() {
        let shown = [0, 4, 5, 123, 1000, -4, -260].map(|bp| Scale::Percent.show(bp));
        assert_eq!(shown, ["0 %", "0 %", "0.1 %", "1.2 %", "10 %", "0 %", "-2.6 %"]);
    }

    #[test]
    fn the_gravest_verdict_is_told_with_how_many_have_it() {
        let mut three = contestant("x", 0, &[&[], &[], &[]]);
        assert_eq!(verdict(&three), "PASS");
        let runs = &mut three.result.as_mut().expect("runs").runs;
        runs[1].verdict = Verdict::Fail(Finding { check: "state", ..Finding::new("more", "one too many") });
        runs[2].verdict = Verdict::Stuck(Finding::new("", ""));
        runs[0].notes = vec!["faults[0] never struck".into()];
        assert_eq!(verdict(&three), "FAIL in 1 of 3");
        let told = ["state: one too many (seed 2)", "faults[0] never struck (in 1 of 3 runs)"];
        assert_eq!(remarks(&three), told);
        assert_eq!(remarks(&four()[3]), ["\"d\" does not work on cycles; others do"]);
    }
}
