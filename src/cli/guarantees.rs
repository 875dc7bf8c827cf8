//! `cutline guarantees`: what every protocol guarantees with every source and sink, in both directions.

use super::{Command, mutants::named};
use crate::base::Problem;
use crate::campaign::{GuaranteeOrder, ProtocolChoice, SINKS, SYMPTOMS, SourceKind, Tried, guarantees};
use crate::protocol::Counted;
use crate::report::guarantees::{GuaranteesCell, GuaranteesRow, GuaranteesView, Promised, json, table};
use crate::report::write_file;
use clap::{Arg, ArgAction, ArgMatches};
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::thread::available_parallelism;

/// `guarantees`.
pub struct Guarantees;

/// What is not in the list of options.
const MORE: &str = "Every cell is one small job, run over many seeds in which tasks fail, with every record watched. \
    Nothing worse than guaranteed may happen in any, and whatever may happen has to in one: that one is written to --out, \
    as a scenario that expects the exact numbers. A run that breaks a guarantee is written as NAME-worse.json.\n\n\
    Exit code 1 if a guarantee is broken, or is never made use of.\n\n\
    Examples:\n  cutline guarantees\n  cutline guarantees --protocols aligned,at-least-once --seeds 1000\n  \
    cutline guarantees --out scenarios/guarantees && cutline run scenarios/guarantees";

impl Command for Guarantees {
    fn usage(&self) -> clap::Command {
        let number = |name: &'static str| Arg::new(name).long(name).value_name("N");
        clap::Command::new("guarantees")
            .about("Show what may go wrong under each protocol with each source and sink, and that it does")
            .arg(
                number("seeds")
                    .value_parser(clap::value_parser!(u64).range(1..=10_000_000))
                    .default_value("100")
                    .help("Run so many seeds for each cell"),
            )
            .arg(
                Arg::new("protocols")
                    .long("protocols")
                    .value_name("LIST")
                    .help("Names separated by commas, with parameters as name:param=value [default: all]"),
            )
            .arg(
                number("threads")
                    .value_parser(clap::value_parser!(u64).range(1..=1024))
                    .help("Use so many threads [default: all]; the result does not depend on it"),
            )
            .arg(
                Arg::new("out")
                    .long("out")
                    .value_name("DIR")
                    .help("Write a scenario into DIR for each cell in which something may go wrong"),
            )
            .arg(
                Arg::new("mutant")
                    .long("mutant")
                    .value_name("NAME")
                    .help("For study: try an engine that makes this wrong decision (`cutline list mutants`)"),
            )
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object"))
            .after_help(MORE)
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let protocols = match arguments.get_one::<String>("protocols") {
            Some(list) => ProtocolChoice::parse_list(list)?,
            None => GuaranteeOrder::zoo(),
        };
        let folder = arguments.get_one::<String>("out").map(Path::new);
        if let Some(file) = folder.filter(|folder| folder.is_file()) {
            return Err(Problem::plain(format!("{} is a file", file.display()), "name a folder, there or not"));
        }
        let tty = stderr().is_terminal();
        let progress = |done: usize, of: usize| {
            if tty {
                eprint!("\r{done} of {of} {}", if done == of { "\n" } else { "" });
            }
        };
        let all = available_parallelism().map_or(1, usize::from);
        let order = GuaranteeOrder {
            protocols,
            seeds: *arguments.get_one("seeds").expect("it has a default"),
            threads: arguments.get_one::<u64>("threads").map_or(all, |threads| *threads as usize),
            mutant: arguments.get_one::<String>("mutant").map(|name| named(name)).transpose()?,
            progress: &progress,
        };
        let tried = guarantees(&order)?;
        for tried in &tried {
            let (Some(folder), Ok(held)) = (folder, &tried.result) else { continue };
            if let Some(exposing) = &held.exposing {
                write_file(&folder.join(format!("{}.json", tried.name)), exposing.text.as_bytes())?;
            }
            if let Some(worse) = held.worse.first() {
                write_file(&folder.join(format!("{}-worse.json", tried.name)), worse.text.as_bytes())?;
            }
        }
        let view = view(&tried, order.seeds);
        let _ = match arguments.get_flag("json") {
            true => writeln!(out, "{:#}", json(&view)),
            false => write!(out, "{}", table(&view)),
        };
        Ok(tried.iter().all(Tried::is_right))
    }
}

fn view(tried: &[Tried], seeds: u64) -> GuaranteesView {
    let row = |cells: &[Tried]| GuaranteesRow {
        protocol: cells[0].cell.protocol.text.clone(),
        source: cells[0].cell.source.name(),
        cells: cells.iter().map(cell).collect(),
    };
    debug_assert!(tried.len().is_multiple_of(SINKS.len() * SourceKind::ALL.len()));
    GuaranteesView {
        sinks: SINKS.map(|(_, name)| name).to_vec(),
        rows: tried.chunks(SINKS.len()).map(row).collect(),
        seeds,
    }
}

fn cell(tried: &Tried) -> GuaranteesCell {
    let name = tried.name.clone();
    let held = match &tried.result {
        Ok(held) => held,
        Err(problem) => {
            let refused = Some(format!("{}; {}", problem.found, problem.allowed));
            return GuaranteesCell { name, refused, ..GuaranteesCell::default() };
        }
    };
    let promised = |of: &Counted| Promised { sign: of.sign(), name: of.name(), because: of.because.clone() };
    let with = |counts: [u64; 4]| SYMPTOMS.into_iter().zip(counts).collect::<Vec<_>>();
    GuaranteesCell {
        name,
        refused: None,
        promised: [promised(&held.guarantee.state), promised(held.output())],
        restarted: held.restarted,
        shown: held.shown,
        by_symptom: with(held.by_symptom),
        worse: held.worse.iter().map(|worse| (worse.seed, worse.what.clone())).collect(),
        unshown: held.unshown().collect(),
        exposing: held.exposing.as_ref().map(|exposing| with(exposing.counts)),
    }
}
