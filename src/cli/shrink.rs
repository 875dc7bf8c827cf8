//! `cutline shrink`: from a scenario that fails to a small one that fails in the same way.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "people who wait are told how far it is")]

use super::{Command, mutant, mutants::named as mutant_named, read_scenario, seed};
use crate::base::Problem;
use crate::campaign::{Failure, Shrunk, Size, shrink};
use crate::report::{Grid, write_file};
use crate::scenario::{Scenario, write};
use crate::world::Job;
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// `shrink`.
pub struct Shrink;

impl Command for Shrink {
    fn usage(&self) -> clap::Command {
        clap::Command::new("shrink")
            .about("Make a scenario that fails as small as it can be and still fail")
            .arg(Arg::new("scenario").required(true).help("A scenario file whose run ends in FAIL or STUCK"))
            .arg(seed())
            .arg(mutant())
            .arg(
                Arg::new("budget")
                    .long("budget")
                    .value_name("N")
                    .value_parser(clap::value_parser!(u32).range(1..))
                    .default_value("2000")
                    .help("Try at most so many runs"),
            )
            .arg(
                Arg::new("output")
                    .short('o')
                    .long("output")
                    .value_name("PATH")
                    .help("The file to write; without it NAME-shrunk.json beside NAME.json"),
            )
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object"))
            .after_help(
                "The same verdict, by the same check, with the same signature: that is the same failure.\n\n\
                 Example:\n  cutline shrink job.json --seed 7 -o small.json && cutline run small.json",
            )
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let file: &String = arguments.get_one("scenario").expect("required");
        let path = Path::new(file);
        if path.is_dir() {
            return Err(Problem::plain(format!("{file} is a folder"), "name one scenario file"));
        }
        let mut scenario = read_scenario(path)?;
        let target = target(path, arguments.get_one("output").map(String::as_str))?;
        scenario.run.seed = arguments.get_one("seed").copied().unwrap_or(scenario.run.seed);
        let mutant = arguments.get_one::<String>("mutant").map(|name| mutant_named(name)).transpose()?;
        let failure = Failure::under(&scenario, mutant).map_err(|problem| problem.in_file(file))?;
        let failure = failure.ok_or_else(|| nothing_fails(&scenario).in_file(file))?;
        let budget = *arguments.get_one("budget").expect("it has a default");
        let shrunk = shrink(&scenario, &mut watched(&failure, budget), budget);
        let result = failure.told_in(shrunk.scenario.clone());
        write_file(&target, write(&result).as_bytes())?;
        let told = Told { before: &scenario, after: &result, failure: &failure, shrunk: &shrunk, target: &target };
        let _ = match arguments.get_flag("json") {
            true => writeln!(out, "{:#}", told.json()?),
            false => write!(out, "{}", told.table()?),
        };
        Ok(true)
    }
}

/// Where the result goes: never over what it is made from.
fn target(path: &Path, given: Option<&str>) -> Result<PathBuf, Problem> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let target = given.map_or_else(|| path.with_file_name(format!("{stem}-shrunk.json")), PathBuf::from);
    let same = |path: &Path| path.canonicalize().ok();
    if target.is_dir() {
        return Err(Problem::plain(format!("{} is a folder", target.display()), "name the file to write"));
    }
    match same(&target).is_some_and(|there| Some(there) == same(path)) {
        true => Err(Problem::plain(
            format!("{} is the scenario to shrink", target.display()),
            "name another file to write, so that nothing is lost",
        )),
        false => Ok(target),
    }
}

fn nothing_fails(scenario: &Scenario) -> Problem {
    Problem::plain(
        format!("no check finds anything wrong with seed {}", scenario.run.seed),
        "shrink takes a scenario whose run ends in FAIL or STUCK; find a seed with which it does",
    )
}

/// Asks whether the failure recurs, and tells people who wait for more than a second how far it is.
fn watched(failure: &Failure, budget: u32) -> impl FnMut(&Scenario) -> bool {
    let (mut runs, mut told) = (0, Instant::now());
    move |scenario| {
        runs += 1;
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            let operators = scenario.job.operators.len();
            eprintln!("run {runs} of at most {budget}: trying {operators} operators, {} faults", scenario.faults.len());
        }
        failure.recurs_in(scenario)
    }
}

/// What came of it.
struct Told<'a> {
    before: &'a Scenario,
    after: &'a Scenario,
    failure: &'a Failure,
    shrunk: &'a Shrunk,
    target: &'a Path,
}

impl Told<'_> {
    fn sizes(&self) -> Result<[Size; 2], Problem> {
        let size = |scenario: &Scenario| Job::compile(scenario.clone()).map(|job| Size::of(&job));
        Ok([size(self.before)?, size(self.after)?])
    }

    fn table(&self) -> Result<String, Problem> {
        let [before, after] = self.sizes()?;
        let Failure { verdict, finding, .. } = self.failure;
        let mut grid = Grid::new(&["<", ">before", ">after"]);
        let records = |size: &Size| size.records.map_or("endless".to_owned(), |records| records.to_string());
        let mut row = |name: &str, count: &dyn Fn(&Size) -> String| {
            grid.row([name.to_owned(), count(&before), count(&after)]);
        };
        row("operators", &|size| size.operators.to_string());
        row("tasks", &|size| size.tasks.to_string());
        row("records", &records);
        row("faults", &|size| size.faults.to_string());
        let runs = match self.shrunk.runs {
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        };
        let end = match self.shrunk.is_minimal {
            true => format!("after {runs} nothing more can go"),
            false => format!("the budget of {runs} is used up"),
        };
        Ok(format!("{verdict} {}\n\n{grid}\n{end}; wrote {}\n", finding.signature, self.target.display()))
    }

    fn json(&self) -> Result<Value, Problem> {
        let size = |size: Size| json!({"operators": size.operators, "tasks": size.tasks, "records": size.records, "faults": size.faults});
        let [before, after] = self.sizes()?.map(size);
        Ok(json!({
            "file": self.target.display().to_string(),
            "seed": self.after.run.seed,
            "verdict": self.failure.verdict,
            "check": self.failure.finding.check,
            "signature": self.failure.finding.signature,
            "before": before,
            "after": after,
            "runs": self.shrunk.runs,
            "minimal": self.shrunk.is_minimal,
        }))
    }
}
