//! `cutline compare`: one scenario under several protocols, or with several backends, side by side.

use super::{Command, read_scenario, seed, write_chart};
use crate::base::Problem;
use crate::campaign::{ProtocolChoice, compare, compare_backends, parse_backends};
use crate::check::Verdict;
use crate::report::compare::{CompareView, Prices, chart, json, table};
use clap::{Arg, ArgAction, ArgMatches};
use std::io::Write;
use std::path::Path;
use std::thread::available_parallelism;

/// `compare`.
pub struct Compare;

/// What is not in the list of options.
const MORE: &str = "Rows are figures (`cutline list figures`), and besides\n  \
    throughput.lost  what records.throughput lacks of the same job without checkpoints and faults\n  \
    state.doubled, state.lost    records too many, too few in the state of operators (sources aside)\n  \
    output.doubled, output.lost  records too many, too few outside\n\
    Counts are differences: where one record is lost and another doubled, a note says so.\n\n\
    With --backends there is more of state; writes are snapshots, files and records of checkpoints:\n  \
    cost-per-hour  most retained bytes / 10^9 x GB-month / 730 + writes an hour x price of 1000 / 1000\n\n\
    Without --protocols: Flink's and the scenario's own, as far as they can run the job.\n\
    Exit code 1 if a protocol breaks what it claims. What the scenario expects is not judged.\n\n\
    Examples:\n  cutline compare job.json\n  \
    cutline compare job.json --protocols aligned,uncoordinated:jitter=50ms --seeds 20\n  \
    cutline compare job.json --backends heap,lsm-full,lsm-incremental,changelog\n  \
    cutline compare job.json --chart reports/job";

impl Command for Compare {
    fn usage(&self) -> clap::Command {
        let number = |name: &'static str| Arg::new(name).long(name).value_name("N");
        clap::Command::new("compare")
            .about("Run a scenario under several protocols, or with several backends, side by side")
            .arg(Arg::new("scenario").required(true).help("A scenario file"))
            .arg(
                Arg::new("protocols")
                    .long("protocols")
                    .value_name("LIST")
                    .help("Names separated by commas, with parameters as name:param=value"),
            )
            .arg(
                Arg::new("backends")
                    .long("backends")
                    .value_name("LIST")
                    .conflicts_with("protocols")
                    .help("Compare backends of state instead: their names separated by commas"),
            )
            .arg(
                Arg::new("gb-month")
                    .long("price-gb-month")
                    .value_name("PRICE")
                    .default_value("0.023")
                    .help("With --backends: what 10^9 bytes in the storage cost for a month"),
            )
            .arg(
                Arg::new("writes")
                    .long("price-1000-writes")
                    .value_name("PRICE")
                    .default_value("0.005")
                    .help("With --backends: what 1000 writes to the storage cost"),
            )
            .arg(seed())
            .arg(
                number("seeds")
                    .value_parser(clap::value_parser!(u64).range(1..=100_000))
                    .default_value("1")
                    .help("Run so many seeds, from that one on, and show medians"),
            )
            .arg(
                Arg::new("json")
                    .long("json")
                    .action(ArgAction::SetTrue)
                    .help("Print one JSON object, with all figures of all protocols"),
            )
            .arg(Arg::new("chart").long("chart").value_name("PATH").help("Draw the figures as PATH.svg and PATH.png"))
            .after_help(MORE)
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let file: &String = arguments.get_one("scenario").expect("required");
        if Path::new(file).is_dir() {
            return Err(Problem::plain(
                format!("{file} is a folder"),
                "name one scenario file to compare protocols on",
            ));
        }
        let scenario = read_scenario(Path::new(file))?;
        let backends = arguments.get_one::<String>("backends").map(|list| parse_backends(list)).transpose()?;
        let price = |name| Prices::parse(arguments.get_one::<String>(name).expect("it has a default"));
        let prices = Prices { gb_month: price("gb-month")?, writes: price("writes")? };
        let choices = match arguments.get_one::<String>("protocols") {
            Some(list) => ProtocolChoice::parse_list(list)?,
            None => ProtocolChoice::defaults(&scenario),
        };
        let first = arguments.get_one("seed").copied().unwrap_or(scenario.run.seed);
        let count: u64 = *arguments.get_one("seeds").expect("it has a default");
        let last = first.checked_add(count).ok_or_else(|| {
            Problem::plain(format!("seed {first} is too large"), format!("the largest is {}", u64::MAX - count))
        })?;
        let threads = available_parallelism().map_or(1, usize::from);
        let comparison = match &backends {
            Some(kinds) => compare_backends(&scenario, kinds, first..last, threads),
            None => compare(&scenario, &choices, first..last, threads),
        };
        let comparison = comparison.map_err(|problem| problem.in_file(file))?;
        let prices = backends.map(|_| prices);
        let view = CompareView { scenario: &scenario, comparison: &comparison, prices };
        if let Some(path) = arguments.get_one::<String>("chart") {
            write_chart(&chart(&view), Path::new(path))?;
        }
        if arguments.get_flag("json") {
            let _ = writeln!(out, "{:#}", json(&view));
        } else {
            let _ = write!(out, "{}", table(&view));
        }
        let samples = comparison.contestants.iter().filter_map(|contestant| contestant.result.as_ref().ok());
        Ok(!samples.flat_map(|sample| &sample.runs).any(|run| matches!(run.verdict, Verdict::Fail(_))))
    }
}
