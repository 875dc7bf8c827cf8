//! `cutline mutants`: put one wrong decision after the other into the engine, and see which checks notice.

use super::{Command, read_scenario, scenario_files};
use crate::base::{Problem, nearest};
use crate::campaign::{Bug, Catch, Fate, Hunt, Matrix, hunt_mutants};
use crate::fault::Mutant;
use crate::report::mutants::{MutantRow, MutantsView, Seen, json, table};
use clap::{Arg, ArgAction, ArgMatches};
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
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
    Exit code 1 if a mutant survives, if one fails a run in which nothing goes wrong, or if a run without a mutant fails.\n\n\
    Examples:\n  cutline mutants\n  cutline mutants --only commits-again,stale-barrier-keeps-port\n  \
    cutline mutants --json | jq .survivors";

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
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object"))
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
            threads: arguments.get_one::<u64>("threads").map_or(all, |threads| *threads as usize),
            progress: &progress,
        };
        let matrix = hunt_mutants(&hunt)?;
        if arguments.get_flag("json") {
            let _ = writeln!(out, "{:#}", json(&view(&matrix)));
        } else {
            let _ = write!(out, "{}", table(&view(&matrix)));
        }
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

fn view(matrix: &Matrix) -> MutantsView {
    let said = |(place, caught): &(String, Catch)| (place.clone(), told(caught));
    MutantsView {
        rows: matrix.fates.iter().map(row).collect(),
        control: matrix.control,
        unclean: matrix.unclean.iter().map(said).collect(),
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
    }
}

fn told(caught: &Catch) -> String {
    format!("{}: {}", caught.signature, caught.text)
}
