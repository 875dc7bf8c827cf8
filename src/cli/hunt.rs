//! `cutline hunt`: many seeds under many protocols, in search of a run that fails.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "people who wait are told how far it is")]

use super::{Command, read_scenario};
use crate::base::Problem;
use crate::campaign::{
    Cell, Found, FoundKey, HuntOrder, HuntProgress, Hunted, ProtocolChoice, SMALL, Strikes, Window, hunt,
};
use crate::report::{Grid, hang, write_file};
use crate::scenario::{Limits, write};
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::{available_parallelism, scope};
use std::time::{Duration, Instant};

/// `hunt`.
pub struct Hunt;

/// What is not in the list of options.
const MORE: &str = "Run n is protocol n mod p with seed n div p, whatever the threads do: the same arguments find the same.\n\
    Failures are the same if protocol, verdict and signature are, numbers aside; of each the smallest seed is told.\n\
    A fault counts in every window that is open when it strikes, or when what it lies in wait for comes;\n\
    \"-\" is where it never can, (n) where only a coincidence brings it; --json says why.\n\
    Exit code 1 if a run failed.\n\n\
    Examples:\n  cutline hunt --runs 100000\n  \
    cutline hunt --protocols aligned,unaligned --seeds 0..5000 --wild 5 --windows\n  \
    cutline hunt job.json --runs 1000 --out found/ && cutline run found/";

impl Command for Hunt {
    fn usage(&self) -> clap::Command {
        let number = |name: &'static str| Arg::new(name).long(name).value_name("N");
        clap::Command::new("hunt")
            .about("Search for runs that fail: many seeds, generated scenarios, all protocols")
            .arg(Arg::new("scenario").help("Run the seeds of this scenario instead of generated ones"))
            .arg(
                number("runs")
                    .value_parser(clap::value_parser!(u64).range(1..))
                    .conflicts_with("seeds")
                    .help("Make so many runs, seeds from 0 on, protocols in turn [default: 10000]"),
            )
            .arg(
                Arg::new("seeds")
                    .long("seeds")
                    .value_name("A..B")
                    .value_parser(seeds)
                    .help("Run these seeds under each protocol, B not included"),
            )
            .arg(Arg::new("protocols").long("protocols").value_name("LIST").help(
                "Names separated by commas, with parameters as name:param=value; without it all, or the scenario's",
            ))
            .arg(number("threads").value_parser(clap::value_parser!(u64).range(1..=1024)).help("Use so many threads"))
            .arg(
                number("wild")
                    .value_parser(clap::value_parser!(u32).range(0..=32))
                    .default_value("5")
                    .help("At most so many wild ideas in a generated scenario, each a fault or some that go together"),
            )
            .arg(
                Arg::new("out")
                    .long("out")
                    .value_name("DIR")
                    .help("Shrink each failure and write it as a scenario into DIR"),
            )
            .arg(
                number("budget")
                    .value_parser(clap::value_parser!(u32))
                    .default_value("1000")
                    .requires("out")
                    .help("Try at most so many runs to shrink one failure; 0 writes it as it was found"),
            )
            .arg(
                Arg::new("windows")
                    .long("windows")
                    .action(ArgAction::SetTrue)
                    .help("Show how often each fault struck in each window of each protocol"),
            )
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object"))
            .after_help(MORE)
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let order = order(arguments)?;
        let folder = arguments.get_one::<String>("out").map(PathBuf::from);
        if let Some(file) = folder.as_deref().filter(|folder| folder.is_file()) {
            return Err(Problem::plain(format!("{} is a file", file.display()), "name a folder, there or not"));
        }
        // A panic in a run is told as a failure, once, and not a hundred times with its trace.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let began = Instant::now();
        let hunted = watched(&order);
        let took = began.elapsed();
        let budget = *arguments.get_one("budget").expect("it has a default");
        let files = hunted.as_ref().map(|hunted| written(&order, hunted, folder.as_deref(), budget));
        std::panic::set_hook(hook);
        let files = files.unwrap_or_else(|_| Ok(Vec::new()))?;
        let told = Told { order: &order, hunted: &hunted?, took, files };
        let _ = match arguments.get_flag("json") {
            true => writeln!(out, "{:#}", told.json()),
            false => write!(out, "{}", told.table()),
        };
        Ok(told.hunted.failures == 0)
    }
}

fn order(arguments: &ArgMatches) -> Result<HuntOrder, Problem> {
    let file: Option<&String> = arguments.get_one("scenario");
    if let Some(folder) = file.filter(|file| Path::new(file).is_dir()) {
        return Err(Problem::plain(format!("{folder} is a folder"), "name one scenario file, or none"));
    }
    let scenario = file.map(|file| read_scenario(Path::new(file))).transpose()?;
    let protocols = match (arguments.get_one::<String>("protocols"), &scenario) {
        (Some(list), _) => ProtocolChoice::parse_list(list)?,
        (None, Some(scenario)) => ProtocolChoice::parse_list(&scenario.checkpoints.protocol)?,
        (None, None) => ProtocolChoice::zoo(),
    };
    let count = protocols.len() as u64;
    let runs = match arguments.get_one::<Range<u64>>("seeds") {
        Some(seeds) => match (seeds.start.checked_mul(count), seeds.end.checked_mul(count)) {
            (Some(start), Some(end)) => start..end,
            _ => {
                let found = format!("seeds {}..{} under {count} protocols", seeds.start, seeds.end);
                return Err(Problem::plain(found, format!("the largest seed is {}", u64::MAX / count)));
            }
        },
        None => 0..arguments.get_one("runs").copied().unwrap_or(10_000),
    };
    let threads = arguments.get_one::<u64>("threads").map(|threads| *threads as usize);
    let order = HuntOrder {
        protocols,
        scenario,
        limits: Limits {
            wild: *arguments.get_one("wild").expect("it has a default"),
            outside: true,
            cycles: true,
            ..SMALL
        },
        runs,
        threads: threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)),
        windows: arguments.get_flag("windows"),
    };
    order.check().map_err(|problem| match file {
        Some(file) => problem.in_file(file),
        None => problem,
    })?;
    Ok(order)
}

/// `3..10`, not empty.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    range.filter(|range: &Range<u64>| !range.is_empty()).ok_or_else(|| "give two numbers as A..B, A below B".to_owned())
}

/// Hunts, and tells people who wait for more than a second how far it is.
fn watched(order: &HuntOrder) -> Result<Hunted, Problem> {
    let (progress, began) = (HuntProgress::default(), Instant::now());
    let (over, is_over) = mpsc::channel::<()>();
    scope(|scope| {
        let progress = &progress;
        scope.spawn(move || {
            let mut wait = 1;
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_over.recv_timeout(Duration::from_secs(wait)) {
                wait = 10;
                let runs = progress.runs.load(Ordering::Relaxed);
                let (all, failures) = (order.runs.end - order.runs.start, progress.failures.load(Ordering::Relaxed));
                let rate = rate(runs, began.elapsed());
                eprintln!("{runs} of {all} runs, {rate}/s, {failures} failed");
            }
        });
        let hunted = hunt(order, progress);
        drop(over);
        hunted
    })
}

fn rate(runs: u64, took: Duration) -> u64 {
    (u128::from(runs) * 1_000_000 / took.as_micros().max(1)) as u64
}

/// Shrinks what was found and writes it down; the files, in the order of what was found.
fn written(order: &HuntOrder, hunted: &Hunted, folder: Option<&Path>, budget: u32) -> Result<Vec<PathBuf>, Problem> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut files: Vec<PathBuf> = Vec::new();
    for (key, found) in &hunted.found {
        if budget > 0 {
            eprintln!("shrinking {} {} {}, seed {}", key.protocol, key.verdict, key.signature, found.seed);
        }
        let path = folder.join(file_name(key));
        let path = match files.contains(&path) {
            true => path.with_extension(format!("{}.json", files.len())),
            false => path,
        };
        let small = order.smallest(key, found, budget).scenario;
        write_file(&path, write(&small).as_bytes())?;
        files.push(path);
    }
    Ok(files)
}

/// `aligned-liveness-cancelled.json`.
fn file_name(key: &FoundKey) -> String {
    let letters = format!("{}-{}", key.protocol, key.signature);
    let words = letters.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join("-").chars().take(80).collect();
    format!("{}.json", name.trim_end_matches('-'))
}

/// What came of it.
struct Told<'a> {
    order: &'a HuntOrder,
    hunted: &'a Hunted,
    took: Duration,
    files: Vec<PathBuf>,
}

impl Told<'_> {
    fn table(&self) -> String {
        let mut text = String::new();
        for (n, strikes) in self.hunted.strikes.iter().enumerate() {
            text += &self.windows(n, strikes);
        }
        for (n, (key, Found { count, seed, text: told })) in self.hunted.found.iter().enumerate() {
            let FoundKey { protocol, verdict, signature } = key;
            text += &hang(
                &format!("{verdict}  "),
                &format!("{protocol} {signature}: {count} runs, first seed {seed}"),
                100,
            );
            text += &format!("\n{}\n", hang("      ", told, 100));
            text += &self.files.get(n).map_or(String::new(), |file| format!("      wrote {}\n", file.display()));
        }
        let Hunted { runs, failures, .. } = self.hunted;
        let protocols = match self.order.protocols.len() {
            1 => "1 protocol".to_owned(),
            n => format!("{n} protocols"),
        };
        let seconds = self.took.as_millis();
        text + &format!(
            "{runs} runs of {protocols} in {}.{:03}s, {}/s: {}\n",
            seconds / 1000,
            seconds % 1000,
            rate(*runs, self.took),
            if *failures == 0 { "none failed".to_owned() } else { format!("{failures} failed") }
        )
    }

    /// The table of one protocol: kinds of faults by windows.
    fn windows(&self, number: usize, strikes: &Strikes) -> String {
        let protocol = self.order.protocol(number);
        let headings: Vec<String> = Window::ALL.iter().map(|window| format!(">{}", window.name())).collect();
        let title = format!("<{}", self.order.protocols[number].text);
        let mut grid =
            Grid::new(&[&[title.as_str()], &headings.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
        let cells = strikes.cells(protocol);
        for row in cells.chunks(Window::ALL.len()) {
            let count = |cell: &Cell| match cell.never {
                Some(_) if cell.count == 0 => "-".to_owned(),
                _ if cell.seldom.is_some() => format!("({})", cell.count),
                _ => cell.count.to_string(),
            };
            grid.row([row[0].fault.to_owned()].into_iter().chain(row.iter().map(count)));
        }
        let least = strikes.least(protocol).map_or(String::new(), |cell| {
            format!("least: {} in \"{}\", {} times\n", cell.fault, cell.window.name(), cell.count)
        });
        format!("{grid}{least}\n")
    }

    fn json(&self) -> Value {
        let found = self.hunted.found.iter().enumerate().map(|(n, (key, found))| {
            json!({
                "protocol": key.protocol,
                "verdict": key.verdict,
                "signature": key.signature,
                "runs": found.count,
                "seed": found.seed,
                "text": found.text,
                "file": self.files.get(n).map(|file| file.display().to_string()),
            })
        });
        let strikes = self.hunted.strikes.iter().enumerate().flat_map(|(n, strikes)| {
            let text = &self.order.protocols[n].text;
            strikes.cells(self.order.protocol(n)).into_iter().map(move |cell| {
                json!({
                    "protocol": text,
                    "fault": cell.fault,
                    "window": cell.window.name(),
                    "strikes": cell.count,
                    "never": cell.never,
                    "seldom": cell.seldom,
                })
            })
        });
        json!({
            "runs": self.hunted.runs,
            "failures": self.hunted.failures,
            "events": self.hunted.events,
            "seconds": self.took.as_millis() as f64 / 1000.0,
            "runs_per_second": rate(self.hunted.runs, self.took),
            "found": found.collect::<Vec<_>>(),
            "windows": strikes.collect::<Vec<_>>(),
        })
    }
}
