//! `cutline run`: simulate scenarios and judge them.

use super::{Command, mutant, mutants::named as mutant_named, named, read_scenario, scenario_files, seed, write_chart};
use crate::base::{CheckpointId, Problem};
use crate::campaign::{Outcome, Repeated, Runner, STORIES, Story, Want};
use crate::check::{CheckpointFigures, Figures, Findings, Verdict};
use crate::fault::Mutant;
use crate::plan::Plan;
use crate::report::{CheckLine, RunView, checkpoint, checkpoint_json, json, table, timeline, write_file};
use crate::trace::{Stamped, first_divergence, to_json};
use clap::{Arg, ArgAction, ArgMatches};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `run`.
pub struct Run;

impl Command for Run {
    fn usage(&self) -> clap::Command {
        clap::Command::new("run")
            .about("Simulate scenarios and judge them by what they expect")
            .arg(Arg::new("scenarios").required(true).num_args(1..).help("Scenario files, or folders of them"))
            .arg(seed())
            .arg(
                Arg::new("json")
                    .long("json")
                    .action(ArgAction::SetTrue)
                    .help("Print one JSON object for a run, or a list of them for several"),
            )
            .arg(
                Arg::new("trace")
                    .long("trace")
                    .value_name("PATH")
                    .help("Write every event as JSON Lines to PATH.jsonl; for several runs PATH is a folder"),
            )
            .arg(Arg::new("chart").long("chart").value_name("PATH").help(
                "Draw the timeline of the slowest complete checkpoint, or of --checkpoint, as PATH.svg and PATH.png; for \
                 several runs PATH is a folder",
            ))
            .arg(
                Arg::new("twice")
                    .long("twice")
                    .action(ArgAction::SetTrue)
                    .help("Run everything twice and say at which event the two part, if they do"),
            )
            .arg(
                Arg::new("brief")
                    .long("brief")
                    .action(ArgAction::SetTrue)
                    .help("One line for each run (the default for more than three)"),
            )
            .arg(
                Arg::new("checkpoint")
                    .long("checkpoint")
                    .value_name("N")
                    .value_parser(Which::parse)
                    .conflicts_with("brief")
                    .help("Show checkpoint N, or the `last` one triggered, by vertex and subtask as Flink does"),
            )
            .arg(
                Arg::new("records")
                    .long("records")
                    .action(ArgAction::SetTrue)
                    .conflicts_with_all(["brief", "checkpoint"])
                    .help("Name the records that were lost or doubled, even where the protocol may double them"),
            )
            .arg(mutant())
            .after_help(
                "Examples:\n  cutline run scenarios/\n  cutline run job.json --seed 7 --chart reports/job\n  \
                 cutline run job.json --json | jq .digest",
            )
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let paths: Vec<String> = arguments.get_many("scenarios").expect("required").cloned().collect();
        let files = scenario_files(&paths)?;
        // Everything is read and checked before anything is written.
        let twice = arguments.get_flag("twice");
        let want = Want { trace: twice || arguments.contains_id("trace"), ..Want::default() };
        let mutant = arguments.get_one::<String>("mutant").map(|name| mutant_named(name)).transpose()?;
        let prepare = |path| Prepared::new(path, want, mutant);
        let runs: Vec<Prepared> = files.into_iter().map(prepare).collect::<Result<_, _>>()?;
        let many = runs.len() > 1;
        let writes = ["trace", "chart"].iter().any(|option| arguments.contains_id(option));
        if let (true, Some(name)) = (writes, twice_there(&runs)) {
            let found = format!("two of the scenarios are called {name}, and would write the same files");
            return Err(Problem::plain(found, "run them one by one, or rename one"));
        }
        let checkpoint: Option<Which> = arguments.get_one("checkpoint").copied();
        if checkpoint.is_some() && many {
            let found = format!("--checkpoint shows one run, and there are {} scenarios", runs.len());
            return Err(Problem::plain(found, "give one scenario file"));
        }
        let options = Options {
            seed: arguments.get_one("seed").copied(),
            trace: arguments.get_one::<String>("trace").map(PathBuf::from),
            chart: arguments.get_one::<String>("chart").map(PathBuf::from),
            twice,
            json: arguments.get_flag("json"),
            brief: arguments.get_flag("brief") || runs.len() > 3 && !arguments.get_flag("records"),
            checkpoint,
            records: arguments.get_flag("records"),
            many,
        };
        let mut objects = Vec::new();
        let (mut failed, mut count) = (0, 0);
        for run in runs {
            let (phases, unmet) = run_one(run, &options, &mut objects, out)?;
            (count, failed) = (count + phases, failed + unmet);
        }
        if options.json {
            let several = many || objects.len() > 1;
            let value = if several { serde_json::Value::Array(objects) } else { objects.remove(0) };
            let _ = writeln!(out, "{value:#}");
        } else if many {
            let _ = writeln!(out, "{} of {count} runs as expected", count - failed);
        }
        Ok(failed == 0)
    }
}

struct Options {
    seed: Option<u64>,
    trace: Option<PathBuf>,
    chart: Option<PathBuf>,
    twice: bool,
    json: bool,
    brief: bool,
    checkpoint: Option<Which>,
    records: bool,
    many: bool,
}

/// Which checkpoint is to be shown.
#[derive(Clone, Copy, Debug)]
enum Which {
    Last,
    Id(CheckpointId),
}

impl Which {
    fn parse(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("last", _) => Ok(Self::Last),
            (_, Ok(id)) => Ok(Self::Id(CheckpointId(id))),
            _ => Err("give the number of a checkpoint, or \"last\"".to_owned()),
        }
    }

    fn of(self, figures: &Figures) -> Result<&CheckpointFigures, Problem> {
        let Some(last) = figures.checkpoints.last() else {
            return Err(Problem::plain("no checkpoint of the whole job was triggered", ""));
        };
        let Self::Id(id) = self else { return Ok(last) };
        figures.checkpoint(id).ok_or_else(|| {
            let there = numbers(figures.checkpoints.iter().map(|checkpoint| checkpoint.id.0));
            Problem::plain(format!("no checkpoint {id} was triggered"), format!("this run has {there}"))
        })
    }
}

/// Rising numbers in few words: `1 to 6, 8`.
fn numbers(all: impl Iterator<Item = u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for n in all {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == n => *end = n,
            _ => ranges.push((n, n)),
        }
    }
    let words =
        ranges.into_iter().map(|(from, to)| if from == to { from.to_string() } else { format!("{from} to {to}") });
    words.collect::<Vec<_>>().join(", ")
}

impl Options {
    /// Where files about one of the runs go, before the extension.
    fn place(&self, base: &Path, scenario: &Path, phase: usize) -> PathBuf {
        let mut place = match self.many {
            true => base.join(scenario.file_stem().unwrap_or_default()),
            false => base.to_owned(),
        };
        if phase > 0 {
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            place.set_file_name(format!("{name}-phase{}", phase + 1));
        }
        place
    }
}

/// A scenario that nothing is wrong with, about to be run.
struct Prepared {
    path: PathBuf,
    seed: u64,
    story: Story,
}

impl Prepared {
    fn new(path: PathBuf, want: Want, mutant: Option<Mutant>) -> Result<Self, Problem> {
        let scenario = read_scenario(&path)?;
        let in_file = |problem: Problem| problem.in_file(path.display().to_string());
        let story = Story::new(&scenario, want, mutant).map_err(in_file)?;
        Ok(Self { path, seed: scenario.run.seed, story })
    }
}

/// A file name, without its extension, that more than one of the files has.
fn twice_there(runs: &[Prepared]) -> Option<String> {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut seen = BTreeSet::new();
    runs.iter().map(|run| stem(&run.path)).find(|name| !seen.insert(name.clone()))
}

/// Runs all phases of a scenario, and shows each; says how many there are, and how many went otherwise than expected.
fn run_one(
    run: Prepared,
    options: &Options,
    objects: &mut Vec<serde_json::Value>,
    out: &mut dyn Write,
) -> Result<(usize, usize), Problem> {
    let Prepared { path, seed, mut story } = run;
    let seed = options.seed.unwrap_or(seed);
    let mut first: Vec<Vec<Stamped>> = Vec::new();
    if options.twice {
        let _ = story.run(seed, |_, chapter, _| first.push(chapter.runner.trace().to_vec()));
    }
    let phases = story.chapters().len();
    let (mut met, mut shown) = (0, Ok(()));
    let told = story.run(seed, |n, chapter, mut outcome| {
        let traces = first.get(n).and_then(|first| first_divergence(first, chapter.runner.trace()));
        if let Some(divergence) = traces {
            eprintln!("{}: {divergence}", path.display());
            outcome.as_expected = false;
        }
        let all_is_shown = shown.is_ok();
        if all_is_shown {
            let place = Placed { path: &path, phase: n, seed };
            let result = show(&place, &mut chapter.runner, outcome, options, objects, out);
            shown = result.map(|as_expected| met += usize::from(as_expected));
        }
    });
    shown?;
    if let Err(why) = told {
        eprintln!("{}: {why}", path.display());
    }
    Ok((phases, phases - met))
}

/// Which run is shown.
struct Placed<'a> {
    path: &'a Path,
    /// From 0.
    phase: usize,
    seed: u64,
}

/// Shows a run that is over; says whether it went as expected.
fn show(
    placed: &Placed<'_>,
    runner: &mut Runner,
    mut outcome: Outcome,
    options: &Options,
    objects: &mut Vec<serde_json::Value>,
    out: &mut dyn Write,
) -> Result<bool, Problem> {
    let Placed { path, phase, seed } = *placed;
    let job = runner.shared_job();
    let repeated = repeat(runner, seed, options)?;
    let figures = runner.figures().expect("figures were wanted");
    let in_file = |problem: Problem| problem.in_file(path.display().to_string());
    let chosen = options.checkpoint.map(|which| which.of(figures)).transpose().map_err(in_file)?;
    if let Some(base) = &options.trace {
        let lines: Vec<String> = runner.trace().iter().map(|event| trace_line(event, &job.plan)).collect();
        let file = named(&options.place(base, path, phase), "jsonl", &["jsonl"]);
        write_file(&file, lines.concat().as_bytes())?;
    }
    if let Some(other) = repeated.as_ref().map(|repeated| repeated.digest).filter(|other| *other != outcome.digest) {
        eprintln!(
            "{}: repeated to name records, the run has digest {other}, and not {}",
            path.display(),
            outcome.digest
        );
        outcome.as_expected = false;
    }
    let checks = check_lines(runner, &outcome);
    let mutant = job.settings.mutant.map(|mutant| format!("under the mutant {}: {}", mutant.name(), mutant.about()));
    let notes: Vec<String> = outcome.notes.iter().cloned().chain(job.held_back()).chain(mutant).collect();
    let guarantee = job.guarantee().sentence();
    let view = RunView {
        scenario: &job.scenario,
        plan: &job.plan,
        figures,
        checks: &checks,
        findings: runner.checks().findings(),
        expectations: &outcome.expectations,
        notes: &notes,
        verdict: outcome.verdict.name(),
        as_expected: outcome.as_expected,
        digest: outcome.digest,
        seed,
        events: outcome.events,
        hops: outcome.hops,
        losses: repeated.as_ref().map(|repeated| &repeated.losses),
        guarantee: &guarantee,
        accounts: runner.accounts().unwrap_or_default(),
    };
    if let Some(base) = &options.chart {
        let caption = format!("{} · {} · seed {seed}", job.scenario.name, job.scenario.checkpoints.protocol);
        match (timeline(&job.plan, figures, chosen.map(|checkpoint| checkpoint.id), &caption), chosen) {
            (Some(picture), _) => write_chart(&picture, &options.place(base, path, phase))?,
            (None, None) => eprintln!("{}: no checkpoint completed, so there is no timeline to draw", path.display()),
            (None, Some(checkpoint)) => {
                let (file, id) = (path.display(), checkpoint.id);
                eprintln!("{file}: checkpoint {id} did not complete, so there is no timeline to draw");
            }
        }
    }
    if options.json {
        objects.push(chosen.map_or_else(|| json(&view), |checkpoint| checkpoint_json(&view, checkpoint)));
    } else if let Some(chosen) = chosen {
        let _ = writeln!(out, "{}", checkpoint(&view, chosen));
    } else if options.brief {
        let _ = writeln!(out, "{}", brief(path, phase, &outcome));
    } else {
        let _ = writeln!(out, "{}", table(&view));
    }
    Ok(outcome.as_expected)
}

/// Checks that fail for single records.
const OF_RECORDS: &[&str] = &["records", "state", "at-least", "output", "splits"];

/// The run once more with every record watched, if it is to be told which were lost or doubled.
fn repeat(runner: &mut Runner, seed: u64, options: &Options) -> Result<Option<Repeated>, Problem> {
    let shown = options.checkpoint.is_none() && (options.json || !options.brief);
    let wanted = options.records || shown && concern_records(runner.checks().findings());
    // Records are named from the beginning of a job, which a later phase does not have.
    (wanted && runner.began_anew()).then(|| runner.name_records(seed, STORIES)).transpose()
}

fn concern_records(findings: &Findings) -> bool {
    findings.kept().iter().any(|finding| OF_RECORDS.contains(&finding.check))
}

/// An event as a line of JSON: its task or channel by number, and in `of` by the name that scenarios call it.
fn trace_line(stamped: &Stamped, plan: &Plan) -> String {
    let mut value = to_json(stamped);
    let channel = stamped.event.channel().map(|channel| plan.channel_name(channel));
    if let Some(name) = channel.or_else(|| stamped.event.task().map(|task| plan.task_name(task))) {
        value["of"] = name.into();
    }
    value.to_string() + "\n"
}

/// One line for each check: what it looked at, or what it found.
fn check_lines(runner: &Runner, outcome: &Outcome) -> Vec<CheckLine> {
    let findings = runner.checks().findings();
    let line = |(name, examined): (&'static str, u64)| {
        let found = findings.kept().iter().find(|finding| finding.check == name);
        let (verdict, note) = match found {
            Some(finding) => (if name == "liveness" { "STUCK" } else { "FAIL" }, finding.text.clone()),
            None if examined == 0 => ("-", "found nothing to look at".to_owned()),
            None => ("PASS", format!("{examined} compared")),
        };
        CheckLine { name: name.to_owned(), verdict: verdict.to_owned(), note }
    };
    let mut lines: Vec<CheckLine> = runner.checks().examined().map(line).collect();
    if let Verdict::Miss(what) = &outcome.verdict {
        lines.push(CheckLine {
            name: "promised".into(),
            verdict: "MISS".into(),
            note: format!("{what} never came up"),
        });
    }
    let claims = runner.job().protocol.claims();
    if !claims.coordinated_cut {
        let (name, verdict) = ("cut".to_owned(), "-".to_owned());
        let note = format!("{} does not claim consistent cuts", runner.job().protocol.name());
        lines.push(CheckLine { name, verdict, note });
    }
    lines
}

fn brief(path: &Path, phase: usize, outcome: &Outcome) -> String {
    let mark = if outcome.as_expected { "ok  " } else { "NOT " };
    let phase = if phase > 0 { format!(" phase {}", phase + 1) } else { String::new() };
    let place = format!("{}{phase}", path.display());
    let mut line = format!("{mark} {:<7} {place:<44} {}", outcome.verdict.name(), outcome.digest);
    for note in &outcome.notes {
        line += &format!("\n       {note}");
    }
    for expectation in outcome.expectations.iter().filter(|expectation| !expectation.met) {
        line += &format!("\n       {}", expectation.text);
    }
    if let (false, Some(finding)) = (outcome.as_expected, outcome.verdict.finding()) {
        line += &format!("\n       {}: {}", finding.check, finding.text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::check::{CHECKS, Finding};

    #[test]
    fn a_failed_check_of_records_calls_for_names_and_no_other_does() {
        let calls = |check| {
            let mut findings = Findings::default();
            findings.add(check, Time::ZERO, || Finding::new("made up", ""));
            concern_records(&findings)
        };
        let calling: Vec<_> = CHECKS.iter().map(|entry| entry.about.name).filter(|name| calls(name)).collect();
        assert_eq!(calling, OF_RECORDS);
        assert!(!concern_records(&Findings::default()));
    }
}
