//! One scenario under several protocols: which of them, and all their runs.
//!
//! Only `checkpoints.protocol` is replaced; job, cluster, faults and seeds stay. What the scenario expects is
//! left out, because it was written for one of them. Costs are measured against a baseline: the same job
//! without checkpoints and without what goes wrong, so that it is the same for all, and what a crash costs is
//! part of the price.

use super::parallel::run_jobs;
use super::{Outcome, Runner, Want};
use crate::base::{Place, Problem, nearest};
use crate::check::{Comparison, Contestant, FIGURES, Measured, Sample};
use crate::protocol::{self, ZOO};
use crate::scenario::{Backend, BackendKind, Expect, Parameter, Scenario};
use crate::world::Job;
use std::ops::Range;
use std::sync::Arc;

/// A protocol to compare, with parameters of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtocolChoice {
    /// As it was written: `aligned-timeout:timeout=100ms`.
    pub text: String,
    pub(super) protocol: String,
    pub(super) parameters: Vec<Parameter>,
}

/// What users of Flink choose among.
const FLINK: &[&str] = &["aligned", "aligned-timeout", "unaligned", "at-least-once"];

impl ProtocolChoice {
    /// Reads one entry, a name and any number of `:parameter=value`; refuses what the zoo does not know.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let place = Place { path: text.to_owned(), ..Place::default() };
        let mut parts = text.split(':').map(str::trim);
        let protocol = parts.next().unwrap_or_default().to_owned();
        let known = protocol::find(&protocol, &place)?;
        let mut parameters: Vec<Parameter> = Vec::new();
        for part in parts {
            let wrong = |found: String, allowed| Err(Problem::at(place.clone(), found, allowed));
            let Some((name, value)) = part.split_once('=') else {
                return wrong(format!("found \"{part}\""), "write a parameter as name=value, such as timeout=100ms");
            };
            if parameters.iter().any(|other| other.name == name.trim()) {
                return wrong(format!("\"{}\" is given twice", name.trim()), "give it once");
            }
            let place = place.clone();
            parameters.push(Parameter { name: name.trim().to_owned(), value: value.trim().to_owned(), place });
        }
        protocol::read_parameters(known, &parameters)?;
        Ok(Self { text: text.to_owned(), protocol, parameters })
    }

    /// Reads a list, separated by commas; refuses empty entries, and two that are alike.
    ///
    /// ```
    /// use cutline::campaign::ProtocolChoice;
    /// let list = ProtocolChoice::parse_list("aligned, uncoordinated:jitter=5ms")?;
    /// assert_eq!(list[1].text, "uncoordinated:jitter=5ms");
    /// assert!(ProtocolChoice::parse_list("aligned,aligned").is_err());
    /// # Ok::<(), cutline::base::Problem>(())
    /// ```
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Problem> {
        if text.split(',').any(|entry| entry.trim().is_empty()) {
            let names: Vec<&str> = ZOO.iter().map(|protocol| protocol.name()).collect();
            let found = if text.trim().is_empty() { "the list of protocols is empty" } else { "an entry is empty" };
            return Err(Problem::plain(found, format!("name some of {}, separated by commas", names.join(", "))));
        }
        let list: Vec<Self> = text.split(',').map(Self::parse).collect::<Result<_, _>>()?;
        let twice = list.iter().enumerate().find(|(n, choice)| list[..*n].contains(choice));
        match twice {
            Some((_, choice)) => {
                Err(Problem::plain(format!("\"{}\" is in the list twice", choice.text), "name each once"))
            }
            None => Ok(list),
        }
    }

    /// All there are, as they are without parameters.
    pub fn zoo() -> Vec<Self> {
        ZOO.iter().map(|protocol| Self::plain(protocol.name())).collect()
    }

    fn plain(name: &str) -> Self {
        Self { text: name.to_owned(), protocol: name.to_owned(), parameters: Vec::new() }
    }

    /// What to compare where nobody says: Flink's protocols and the scenario's own, without those that refuse
    /// the job; the whole zoo where that leaves nothing to compare.
    pub fn defaults(scenario: &Scenario) -> Vec<Self> {
        let able = |name: &&str| Job::compile(Self::plain(name).applied_to(scenario)).is_ok();
        let zoo = || ZOO.iter().map(|protocol| protocol.name());
        let own = &*scenario.checkpoints.protocol;
        let others = FLINK.iter().copied().filter(|name| *name != own && zoo().any(|known| known == *name));
        let mut names: Vec<&str> = others.chain([own]).filter(able).collect();
        names.sort_by_key(|name| FLINK.iter().position(|flink| flink == name).unwrap_or(FLINK.len()));
        if names.len() < 2 {
            names = zoo().filter(able).collect();
        }
        // If none is able, the comparison will say why.
        if names.is_empty() {
            names = zoo().collect();
        }
        names.into_iter().map(Self::plain).collect()
    }

    /// The scenario under this protocol. Parameters that the scenario gives to it stay if they are not given here.
    pub fn applied_to(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = Scenario { expect: Expect::default(), ..scenario.clone() };
        let spec = &mut scenario.checkpoints;
        if spec.protocol != self.protocol {
            spec.parameters.clear();
        }
        spec.parameters.retain(|old| self.parameters.iter().all(|new| new.name != old.name));
        spec.parameters.extend_from_slice(&self.parameters);
        spec.protocol.clone_from(&self.protocol);
        scenario
    }
}

/// Runs a scenario under every choice, for all seeds, on so many threads.
///
/// A choice that refuses the scenario is a contestant with a problem instead of runs. Refused is a scenario
/// that no choice can run, and one whose schedule makes no sense.
pub fn compare(
    scenario: &Scenario,
    choices: &[ProtocolChoice],
    seeds: Range<u64>,
    threads: usize,
) -> Result<Comparison, Problem> {
    let named = choices.iter().map(|choice| (choice.text.clone(), choice.applied_to(scenario))).collect();
    compare_scenarios(named, seeds, threads)
}

/// Runs a scenario with every backend, whose settings are the scenario's, for all seeds, on so many threads.
pub fn compare_backends(
    scenario: &Scenario,
    kinds: &[BackendKind],
    seeds: Range<u64>,
    threads: usize,
) -> Result<Comparison, Problem> {
    let with = |kind: &BackendKind| {
        let backend = Backend { kind: *kind, ..scenario.backend };
        (kind.name().to_owned(), Scenario { expect: Expect::default(), backend, ..scenario.clone() })
    };
    compare_scenarios(kinds.iter().map(with).collect(), seeds, threads)
}

/// Reads a list of backends, separated by commas; refuses what is none, and two that are alike.
pub fn parse_backends(text: &str) -> Result<Vec<BackendKind>, Problem> {
    let names = || BackendKind::ALL.map(BackendKind::name);
    let mut kinds = Vec::new();
    for name in text.split(',').map(str::trim) {
        let Some(kind) = BackendKind::named(name) else {
            let allowed = match nearest(name, names()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("backends are {}", names().join(", ")),
            };
            return Err(Problem::plain(format!("there is no backend \"{name}\""), allowed));
        };
        if kinds.contains(&kind) {
            return Err(Problem::plain(format!("\"{name}\" is in the list twice"), "name each once"));
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// Runs scenarios beside one another, each under its name.
fn compare_scenarios(named: Vec<(String, Scenario)>, seeds: Range<u64>, threads: usize) -> Result<Comparison, Problem> {
    let (names, scenarios): (Vec<String>, Vec<Scenario>) = named.into_iter().unzip();
    let compiled: Vec<Result<Arc<Job>, Problem>> =
        scenarios.into_iter().map(|scenario| Job::compile(scenario).map(Arc::new)).collect();
    let mut jobs: Vec<Arc<Job>> = compiled.iter().flatten().cloned().collect();
    let Some(able) = jobs.first() else {
        let first = compiled.into_iter().find_map(Result::err);
        return Err(first.unwrap_or_else(|| Problem::plain("there is no protocol to compare", "name some")));
    };
    jobs.insert(0, Arc::new(Job::compile(undisturbed(&able.scenario))?));
    let mut samples =
        run_jobs(&jobs, seeds, threads, Want::default(), measured)?.into_iter().map(|runs| Sample { runs });
    let baseline = samples.next().expect("it is the first job");
    let contestants = names
        .into_iter()
        .zip(compiled)
        .map(|(name, job)| Contestant { name, result: job.map(|_| samples.next().expect("every job was run")) });
    Ok(Comparison { contestants: contestants.collect(), baseline })
}

/// The scenario with neither checkpoints nor anything that goes wrong.
fn undisturbed(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.checkpoints.interval = None;
    scenario.checkpoints.requests.clear();
    scenario.faults.clear();
    scenario.schedule.clear();
    scenario
}

fn measured(runner: &Runner, outcome: Outcome) -> Measured {
    let figures = runner.figures().expect("figures were wanted");
    Measured {
        seed: outcome.seed,
        verdict: outcome.verdict,
        digest: outcome.digest,
        notes: outcome.notes.into_iter().chain(runner.job().held_back()).collect(),
        figures: FIGURES.iter().map(|figure| (figure.value)(figures)).collect(),
        accounts: runner.accounts().map(<[_]>::to_vec),
    }
}
