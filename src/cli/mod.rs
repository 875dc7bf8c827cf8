//! The commands, one file each, and the table of them.
//!
//! To add one: write a file with a unit struct that implements [`Command`], and add a line to [`COMMANDS`].
//! The table drives the parser, the help and the tests.
//!
//! Exit codes: 0 all as expected, 1 something was not, 2 bad input or usage.
//!
//! **Architecture invariant:** commands parse, call, print. They hold no logic that a library user would miss.

mod compare;
mod guarantees;
mod hunt;
mod list;
mod mutants;
mod new;
mod run;
mod schema;
mod shrink;

use crate::base::Problem;
use crate::report::{Picture, write_file};
use crate::scenario::{self, Scenario};
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Every command.
pub const COMMANDS: &[&dyn Command] = &[
    &run::Run,
    &compare::Compare,
    &hunt::Hunt,
    &mutants::Mutants,
    &guarantees::Guarantees,
    &shrink::Shrink,
    &list::List,
    &schema::Schema,
    &new::New,
];

/// A command of the binary.
pub trait Command: Sync {
    /// Its name, help and arguments.
    fn usage(&self) -> clap::Command;
    /// Does it; `Ok(false)` if something was not as expected.
    fn call(&self, arguments: &clap::ArgMatches, out: &mut dyn Write) -> Result<bool, Problem>;
}

/// Parses and carries out a command line; the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut parser = clap::Command::new("cutline")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Deterministic simulation testbed for the algorithms that checkpoint streaming dataflows")
        .after_help("Start with `cutline new job.json`, then `cutline run job.json`.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .term_width(100);
    for command in COMMANDS {
        parser = parser.subcommand(command.usage());
    }
    let parsed = match parser.try_get_matches_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are printed to standard output and are no mistakes.
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    let (name, matches) = parsed.subcommand().expect("a subcommand is required");
    let command = COMMANDS.iter().find(|command| command.usage().get_name() == name).expect("it was parsed");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = command.call(matches, &mut out);
    // A reader that went away (`| head`) is not an error, a full disk is.
    let written = out.flush().or_else(|error| match error.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Problem::plain(format!("cannot write the output: {error}"), "")),
    });
    match result.and_then(|as_expected| written.map(|()| as_expected)) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(problem) => {
            eprintln!("error: {problem}");
            2
        }
    }
}

/// `--seed N`, for those who run one seed of a scenario.
fn seed() -> clap::Arg {
    clap::Arg::new("seed")
        .long("seed")
        .value_name("N")
        .value_parser(clap::value_parser!(u64))
        .help("Use this seed instead of the scenario's")
}

/// `--mutant NAME`, for those who look at what it does.
fn mutant() -> clap::Arg {
    clap::Arg::new("mutant")
        .long("mutant")
        .value_name("NAME")
        .help("For study: run an engine that makes this wrong decision (`cutline list mutants`)")
}

/// The scenario files that the arguments name; folders stand for all `.json` files in and below them.
fn scenario_files(paths: &[String]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        let path = Path::new(path);
        if path.is_dir() {
            let before = files.len();
            collect(path, &mut files)?;
            if files.len() == before {
                let found = format!("there is no scenario in the folder {}", path.display());
                return Err(Problem::plain(found, "a scenario is a .json file with a \"cutline\" version"));
            }
        } else {
            files.push(path.to_owned());
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Problem::plain(format!("cannot read the folder {}: {error}", folder.display()), ""))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let is_scenario = path.extension().is_some_and(|extension| extension == "json")
            && !path.to_string_lossy().ends_with(".schema.json");
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_scenario {
            files.push(path);
        }
    }
    Ok(())
}

/// Reads and checks a scenario file.
fn read_scenario(path: &Path) -> Result<Scenario, Problem> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        Problem::plain(format!("cannot read {file}: {why}"), "give scenario files, or folders of them")
    })?;
    scenario::parse(&text, &file)
}

/// Writes a chart as an SVG and as a PNG; either of the two names may be given, or what both begin with.
fn write_chart(picture: &Picture, path: &Path) -> Result<(), Problem> {
    let both = ["svg", "png"];
    write_file(&named(path, "svg", &both), picture.to_svg().as_bytes())?;
    write_file(&named(path, "png", &both), &picture.to_png())
}

/// The path with an extension, instead of one of these if it has it.
fn named(path: &Path, extension: &str, replaced: &[&str]) -> PathBuf {
    let given = path.extension().and_then(|given| given.to_str());
    match given.is_some_and(|given| replaced.contains(&given)) {
        true => path.with_extension(extension),
        false => PathBuf::from(format!("{}.{extension}", path.display())),
    }
}
