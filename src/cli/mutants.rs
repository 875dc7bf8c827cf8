//! `cutline mutants`: put one wrong decision after the other into the engine, and see which checks notice.

use super::{Command, read_scenario, scenario_files};
use crate::base::{Problem, nearest};
use crate::campaign::{Bug, Catch, Fate, Hunt, Matrix, Size, hunt_mutants};
use crate::fault::Mutant;
use crate::report::mutants::{MutantRow, MutantsView, Seen, Smallest, json, table, wide_table};
use crate::report::write_file;
use crate::scenario::write;
use crate::world::Job;
use clap::{Arg, ArgAction, ArgMatches};
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// `mutants`.
pub struct Mutants;

/// Where scenarios lie that expose mutants, if nobody names others.
const BUGS: &str = "scenarios/bugs";

/// Once a mutant is caught so many seeds more are tried, to see which other checks would have caught it.
const MORE_SEEDS: u64 = 210;

/// What is not in the list of options.
const MORE: &str = "A mutant is a wrong decision that `cutline list mutants` tells of. Random scenarios are run under it, \
    seed after seed, under every protocol in turn, until a check notices; and the scenario of its name, if there is one. \
    The same runs must pass without it.\n\n\
    Under \"smallest\" stands where it is seen best: with --out in the first random run that has a clock, made as small as \
    it can be and fail by the same check with the same signature, or in the scenario that was there before, if that has \
    fewer tasks and faults. `cutline run --mutant NAME DIR/NAME.json` shows it.\n\n\
    Exit code 1 if a mutant survives, if one fails a run in which nothing goes wrong, or if a run without a mutant fails.\n\n\
    Examples:\n  cutline mutants\n  cutline mutants --only commits-again,stale-barrier-keeps-port\n  \
    cutline mutants --json | jq .survivors\n  \
    cutline mutants --out found --wide > matrix.txt";

impl Command for Mutants {
    fn usage(&self) -> clap::Command {
        let number = |name: &'static str| Arg::new(name).long(name).value_name("N");
        clap::Command::new("mutants")
            .about("Put wrong decisions into the engine, one by one, and show which checks notice")
            .arg(
                Arg::new("scenarios").num_args(0..).help(
                    "Scenarios that expose mutants, each named after its own [default: those in scenarios/bugs, if it is there]",
                ),
            )
            .arg(Arg::new("only").long("only").value_name("NAMES").help("Only these, separated by commas"))
            .arg(
                number("seeds")
                    .value_parser(clap::value_parser!(u64).range(1..=100_000_000))
                    .default_value("6000")
                    .help("Try so many seeds before a mutant counts as a survivor"),
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
                    .help("Write into DIR, for each mutant, a small scenario that fails under it and passes without"),
            )
            .arg(
                number("budget")
                    .value_parser(clap::value_parser!(u32))
                    .default_value("1000")
                    .requires("out")
                    .help("Try at most so many runs to shrink one scenario; 0 writes it as it was found"),
            )
            .arg(
                Arg::new("wide")
                    .long("wide")
                    .action(ArgAction::SetTrue)
                    .help("Print the whole matrix, with a column for each check"),
            )
            .arg(
                Arg::new("json")
                    .long("json")
                    .action(ArgAction::SetTrue)
                    .conflicts_with("wide")
                    .help("Print one JSON object"),
            )
            .after_help(MORE)
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let mutants = match arguments.get_one::<String>("only") {
            Some(names) => names.split(',').map(|name| named(name.trim())).collect::<Result<_, _>>()?,
            None => Mutant::ALL.to_vec(),
        };
        let given: Option<Vec<String>> = arguments.get_many("scenarios").map(|paths| paths.cloned().collect());
        let paths = given.unwrap_or_else(|| if Path::new(BUGS).is_dir() { vec![BUGS.to_owned()] } else { Vec::new() });
        let mut bugs = scenario_files(&paths)?.iter().map(|file| read_bug(file)).collect::<Result<Vec<_>, _>>()?;
        bugs.retain(|bug| mutants.contains(&bug.mutant));
        let folder = arguments.get_one::<String>("out").map(PathBuf::from);
        if let Some(file) = folder.as_deref().filter(|folder| folder.is_file()) {
            return Err(Problem::plain(format!("{} is a file", file.display()), "name a folder, there or not"));
        }
        let all = available_parallelism().map_or(1, usize::from);
        let tty = stderr().is_terminal();
        let progress = |done: usize, of: usize| {
            if tty {
                eprint!("\r{done} of {of} {}", if done == of { "\n" } else { "" });
            }
        };
        let hunt = Hunt {
            mutants: &mutants,
            bugs: &bugs,
            seeds: *arguments.get_one("seeds").expect("it has a default"),
            more: MORE_SEEDS,
            budget: folder.as_ref().and_then(|_| arguments.get_one("budget").copied()),
            threads: arguments.get_one::<u64>("threads").map_or(all, |threads| *threads as usize),
            progress: &progress,
        };
        let matrix = hunt_mutants(&hunt)?;
        let view = view(&matrix, &bugs, folder.as_deref())?;
        let _ = match (arguments.get_flag("json"), arguments.get_flag("wide")) {
            (true, _) => writeln!(out, "{:#}", json(&view)),
            (false, true) => write!(out, "{}", wide_table(&view)),
            (false, false) => write!(out, "{}", table(&view)),
        };
        Ok(matrix.is_clean())
    }
}

/// The mutant of a name that somebody wrote.
pub(super) fn named(name: &str) -> Result<Mutant, Problem> {
    Mutant::named(name).ok_or_else(|| {
        let names = || Mutant::ALL.iter().map(|mutant| mutant.name());
        // Names are long: who remembers a part of one is far from it in letters.
        let with_it: Vec<String> =
            names().filter(|known| known.contains(name)).map(|known| format!("{known:?}")).collect();
        let allowed = match (nearest(name, names()), with_it.len()) {
            (Some(near), _) => format!("did you mean {near:?}?"),
            (None, 1..=5) => format!("did you mean {}?", with_it.join(" or ")),
            (None, _) => "`cutline list mutants` shows all".to_owned(),
        };
        Problem::plain(format!("there is no mutant \"{name}\""), allowed)
    })
}

fn read_bug(path: &Path) -> Result<Bug, Problem> {
    let file = path.display().to_string();
    let mutant = named(&path.file_stem().unwrap_or_default().to_string_lossy()).map_err(|problem| {
        let allowed = format!("{}; a scenario is named after the mutant that it exposes", problem.allowed);
        Problem { allowed, ..problem }.in_file(&file)
    })?;
    Ok(Bug { mutant, scenario: read_scenario(path)?, file })
}

/// What is to be told, once the scenarios that were made are written into the folder.
fn view(matrix: &Matrix, bugs: &[Bug], folder: Option<&Path>) -> Result<MutantsView, Problem> {
    let said = |(place, caught): &(String, Catch)| (place.clone(), told(caught));
    let mut rows = Vec::new();
    for fate in &matrix.fates {
        let made = folder.map_or(Ok(None), |folder| made(fate, folder))?;
        let written = bugs.iter().find(|bug| bug.mutant == fate.mutant).map(written).transpose()?;
        // Somebody had a thought when writing the one; it has to be larger to be worse.
        let sizes = written.filter(|_| fate.is_exposed()).into_iter().chain(made);
        let smallest = sizes.min_by_key(|of| (of.tasks + of.faults, of.records.unwrap_or(u64::MAX)));
        let untimed = folder.is_some() && fate.timed.is_none();
        rows.push(MutantRow { smallest, untimed, ..row(fate) });
    }
    Ok(MutantsView { rows, control: matrix.control, unclean: matrix.unclean.iter().map(said).collect() })
}

/// Writes what shows a mutant.
fn made(fate: &Fate, folder: &Path) -> Result<Option<Smallest>, Problem> {
    let Some(small) = &fate.small else { return Ok(None) };
    let path = folder.join(format!("{}.json", fate.mutant.name()));
    write_file(&path, write(&small.scenario).as_bytes())?;
    Ok(Some(sized(&path, small.size)))
}

/// What somebody else wrote.
fn written(bug: &Bug) -> Result<Smallest, Problem> {
    let job = Job::compile(bug.scenario.clone()).map_err(|problem| problem.in_file(&bug.file))?;
    Ok(sized(Path::new(&bug.file), Size::of(&job)))
}

fn sized(path: &Path, size: Size) -> Smallest {
    Smallest {
        folder: path.parent().map_or(String::new(), |folder| folder.display().to_string()),
        file: path.display().to_string(),
        tasks: size.tasks as u64,
        faults: size.faults as u64,
        records: size.records,
    }
}

fn row(fate: &Fate) -> MutantRow {
    let mutant = fate.mutant;
    let seen = |how: String, caught: &Catch| Seen {
        how,
        check: caught.check,
        checks: caught.checks.clone(),
        signature: caught.signature.clone(),
        text: caught.text.clone(),
    };
    let exposed = fate.scenario.as_ref().and_then(|(file, caught)| Some((file, caught.as_ref()?)));
    MutantRow {
        name: mutant.name(),
        about: mutant.about(),
        area: mutant.area().name(),
        restates: mutant.restates(),
        expected: mutant.check(),
        broken: fate.broken.as_ref().map(|(protocol, caught)| format!("under {protocol}: {}", told(caught))),
        tried: fate.tried,
        needed: fate.needed(),
        first: fate.first.as_ref().map(|(trial, caught)| seen(trial.to_string(), caught)),
        caught: fate.caught.iter().map(|(check, runs)| (*check, *runs)).collect(),
        scenario: fate.scenario.as_ref().map(|(file, _)| file.clone()),
        exposed: exposed.map(|(file, caught)| {
            let how = format!("cutline run --mutant {} {file}", mutant.name());
            seen(how, caught)
        }),
        ..MutantRow::default()
    }
}

fn told(caught: &Catch) -> String {
    format!("{}: {}", caught.signature, caught.text)
}
