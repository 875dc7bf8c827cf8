//! Guarantees have teeth: every protocol with every kind of source and sink is held to what it is said to guarantee, in
//! both directions.
//!
//! A cell of the matrix is one small job under a protocol. It is run over many seeds, in most of which tasks fail, at any
//! instant or in the middle of a checkpoint, and every record is watched. Nothing worse than [`Guarantee`] allows may ever
//! come of it; and what it allows must come of it in some seed, or the guarantee is too modest. That seed is kept as a
//! scenario with the exact numbers. Where nothing can go wrong, the guarantee says why.

mod sketch;

use super::trial::{SILENT, guarded, silence};
use super::{Judge, ProtocolChoice};
use crate::base::{Problem, Time};
use crate::check::{Exact, Provenance, Verdict};
use crate::drive::{Granularity, Timed};
use crate::fault::Mutant;
use crate::protocol::{Counted, Guarantee, ZOO};
use crate::scenario::{self, SinkMode};
use crate::trace::{Event, Observer};
use crate::world::{Job, World};
use sketch::Sketch;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a cell's source is like, and how long transactions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// It reads again what it had read.
    Replayable,
    /// So it does, and its partitions are handed out as splits.
    Splits,
    /// It cannot go back.
    Once,
    /// It reads again, and transactions are aborted that an outage makes too old.
    Expiring,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Replayable, Self::Splits, Self::Once, Self::Expiring];

    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replayable => "replayable",
            Self::Splits => "splits",
            Self::Once => "once",
            Self::Expiring => "expiring",
        }
    }

    /// In words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Replayable => "a source that reads again what it had read",
            Self::Splits => "a source that reads again and hands out its partitions as splits",
            Self::Once => "a source that cannot go back",
            Self::Expiring => "a source that reads again, transactions of 60ms in outages of 100ms",
        }
    }
}

/// The sinks, in the order of columns.
pub const SINKS: [(SinkMode, &str); 5] = [
    (SinkMode::Plain, "plain"),
    (SinkMode::Idempotent, "idempotent"),
    (SinkMode::TwoPhase, "two-phase"),
    (SinkMode::Committables, "committables"),
    (SinkMode::Offsets, "offsets"),
];

/// A protocol with a source and a sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Under which protocol.
    pub protocol: ProtocolChoice,
    /// From which source.
    pub source: SourceKind,
    /// To which sink.
    pub sink: SinkMode,
}

/// The ways in which records are miscounted, as figures are called.
pub const SYMPTOMS: [&str; 4] = ["state.doubled", "state.lost", "output.doubled", "output.lost"];

/// What is to be tried.
pub struct GuaranteeOrder<'a> {
    /// Under which protocols.
    pub protocols: Vec<ProtocolChoice>,
    /// How many seeds for each cell.
    pub seeds: u64,
    /// On so many threads.
    pub threads: usize,
    /// For an engine that makes this wrong decision.
    pub mutant: Option<Mutant>,
    /// Is told how many cells are done, and of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What became of a cell.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Which.
    pub cell: Cell,
    /// The name of its scenario.
    pub name: String,
    /// What came of it; or why there is no such job.
    pub result: Result<Held, Problem>,
}

/// A guarantee beside what happened.
#[derive(Clone, Debug)]
pub struct Held {
    /// What was promised.
    pub guarantee: Guarantee,
    /// In how many runs the job restarted.
    pub restarted: u64,
    /// In how many something went wrong that may.
    pub shown: u64,
    /// In how many each of the [`SYMPTOMS`] came up.
    pub by_symptom: [u64; 4],
    /// Runs that came to what must not be.
    pub worse: Vec<Worse>,
    /// The first run that shows all that may go wrong.
    pub exposing: Option<Exposing>,
}

/// A run that breaks a guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worse {
    /// Its seed.
    pub seed: u64,
    /// What is wrong with it.
    pub what: String,
    /// Its scenario, as a file.
    pub text: String,
}

/// A run that shows what may go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposing {
    /// A scenario as a file, which expects these numbers.
    pub text: String,
    /// How often each of the [`SYMPTOMS`] came up.
    pub counts: [u64; 4],
}

impl GuaranteeOrder<'_> {
    /// That no two cells have one name.
    fn check(&self) -> Result<(), Problem> {
        let same = |n: usize| self.protocols[..n].iter().find(|choice| choice.protocol == self.protocols[n].protocol);
        match (0..self.protocols.len()).find_map(|n| Some((&self.protocols[n], same(n)?))) {
            Some((choice, first)) => {
                let found =
                    format!("\"{}\" and \"{}\", whose scenarios would have the same names", first.text, choice.text);
                Err(Problem::plain(found, "name each protocol once"))
            }
            None => Ok(()),
        }
    }

    /// The protocols that are tried if nobody names some: the zoo, where a timeout that never comes would hide something.
    pub fn zoo() -> Vec<ProtocolChoice> {
        let choice = |name: &str| match name {
            "aligned-timeout" => "aligned-timeout:timeout=1ms".to_owned(),
            name => name.to_owned(),
        };
        let parse = |name: String| ProtocolChoice::parse(&name).expect("it is in the zoo");
        ZOO.iter().map(|protocol| parse(choice(protocol.name()))).collect()
    }
}

/// Tries all cells, in the order of protocols, sources and sinks, whatever the threads do.
///
/// ```
/// use cutline::campaign::{GuaranteeOrder, ProtocolChoice, guarantees};
/// let protocols = ProtocolChoice::parse_list("at-least-once")?;
/// let tried = guarantees(&GuaranteeOrder { protocols, seeds: 40, threads: 2, mutant: None, progress: &|_, _| {} })?;
/// assert!(tried.iter().all(|tried| tried.is_right()));
/// # Ok::<(), cutline::base::Problem>(())
/// ```
pub fn guarantees(order: &GuaranteeOrder<'_>) -> Result<Vec<Tried>, Problem> {
    order.check()?;
    silence();
    let mut cells = Vec::new();
    for protocol in &order.protocols {
        for source in SourceKind::ALL {
            cells.extend(SINKS.map(|(sink, _)| Cell { protocol: protocol.clone(), source, sink }));
        }
    }
    let (next, done, all) = (&AtomicUsize::new(0), &AtomicUsize::new(0), &cells);
    let worker = move || {
        let mut results = Vec::new();
        while let Some((n, cell)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, all.get(n)?))) {
            let result = cell.hold(order.seeds, order.mutant);
            results.push((n, Tried { cell: cell.clone(), name: cell.name(), result }));
            (order.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, all.len());
        }
        results
    };
    let mut tried: Vec<(usize, Tried)> = thread::scope(|scope| {
        let spawn = |n| thread::Builder::new().name(format!("{SILENT}{n}")).spawn_scoped(scope, worker);
        let handles: Vec<_> = (0..order.threads.max(1)).map(|n| spawn(n).expect("the system has threads")).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("runs are guarded")).collect()
    });
    tried.sort_by_key(|(n, _)| *n);
    Ok(tried.into_iter().map(|(_, tried)| tried).collect())
}

impl Tried {
    /// Nothing worse than promised happened, and all that may happen did. A job that cannot be is no mistake.
    pub fn is_right(&self) -> bool {
        self.result.as_ref().is_ok_and(|held| held.worse.is_empty() && held.unshown().next().is_none())
            || self.result.is_err()
    }
}

impl Held {
    fn new(guarantee: Guarantee) -> Self {
        Self { guarantee, restarted: 0, shown: 0, by_symptom: [0; 4], worse: Vec::new(), exposing: None }
    }

    /// Counts what came of a run; says how often each of the symptoms came up, if that is known.
    fn add(&mut self, seen: Result<&Seen, &String>) -> Option<[u64; 4]> {
        let seen = seen.ok()?;
        self.restarted += u64::from(seen.restarted);
        let counts = seen.counts()?;
        self.shown += u64::from(counts.iter().any(|n| *n > 0));
        self.by_symptom.iter_mut().zip(counts).for_each(|(seeds, n)| *seeds += u64::from(n > 0));
        Some(counts)
    }

    /// What may happen and never did.
    pub fn unshown(&self) -> impl Iterator<Item = &'static str> {
        let never = allowed(&self.guarantee).into_iter().zip(self.by_symptom).zip(SYMPTOMS);
        never.filter(|((may, shown), _)| *may && *shown == 0).map(|(_, symptom)| symptom)
    }

    /// What is promised of the only sink.
    pub fn output(&self) -> &Counted {
        &self.guarantee.outputs[0].output
    }
}

/// Which of the symptoms may come up.
fn allowed(guarantee: &Guarantee) -> [bool; 4] {
    let (state, output) = (&guarantee.state, &guarantee.outputs[0].output);
    [state.may_double, state.may_lose, output.may_double, output.may_lose]
}

impl Cell {
    fn name(&self) -> String {
        format!("{}-{}-{}", self.protocol.protocol, self.source.name(), self.sink_name())
    }

    /// What scenarios call its sink.
    fn sink_name(&self) -> &'static str {
        SINKS.iter().find(|(sink, _)| *sink == self.sink).expect("all are there").1
    }

    fn compile(&self, sketch: &Sketch, mutant: Option<Mutant>) -> Result<Arc<Job>, Problem> {
        Job::compile_mutant(scenario::parse(&sketch.text(self), &self.name())?, mutant).map(Arc::new)
    }

    fn hold(&self, seeds: u64, mutant: Option<Mutant>) -> Result<Held, Problem> {
        let guarantee = self.compile(&Sketch::default(), mutant)?.guarantee();
        let may = allowed(&guarantee);
        let mut held = Held::new(guarantee);
        for seed in 0..seeds {
            let sketch = Sketch::of_seed(self, seed);
            let job = self.compile(&sketch, mutant)?;
            // Only an engine that decides wrongly trips over itself.
            let seen = guarded(|| Seen::of(&job, seed)).map_err(|told| format!("panic: {told}"));
            let counts = held.add(seen.as_ref());
            let excess = seen.map_or_else(Some, |seen| seen.excess(&held.guarantee));
            held.worse.extend(excess.map(|what| Worse { seed, what, text: sketch.text(self) }));
            let shows = may.contains(&true) && counts.is_some_and(|counts| shows_all(counts, may));
            if shows && mutant.is_none() && held.exposing.is_none() {
                held.exposing = Some(self.exposing(sketch, &held.guarantee, may)?);
            }
        }
        Ok(held)
    }

    /// Without crashes that it takes not, and with what it comes to.
    fn exposing(&self, whole: Sketch, guarantee: &Guarantee, allowed: [bool; 4]) -> Result<Exposing, Problem> {
        let alone = |crash| Sketch { crashes: vec![crash], ..whole.clone() };
        let fewer: Vec<Sketch> = whole.crashes.iter().cloned().map(alone).collect();
        let mut best = None;
        for sketch in fewer.into_iter().chain([whole]) {
            let counts = Seen::of(&self.compile(&sketch, None)?, sketch.seed).counts();
            if let Some(counts) = counts.filter(|counts| shows_all(*counts, allowed)) {
                best = Some((sketch, counts));
                break;
            }
        }
        let (mut sketch, counts) = best.expect("the last one does");
        let output = &guarantee.outputs[0].output;
        sketch.why = format!(
            "{}, {}, a sink that {}. State {}: {}. Output {}: the sink {}.",
            self.protocol.protocol,
            self.source.about(),
            manner(self.sink),
            guarantee.state.name(),
            guarantee.state.because,
            output.name(),
            output.because,
        );
        sketch.figures = SYMPTOMS.into_iter().zip(counts).collect();
        Ok(Exposing { text: sketch.text(self), counts })
    }
}

/// What a sink does.
fn manner(sink: SinkMode) -> &'static str {
    match sink {
        SinkMode::Plain => "writes at once",
        SinkMode::Idempotent => "writes rows",
        SinkMode::TwoPhase => "commits in two phases",
        SinkMode::Committables => "leaves its commits to a committer",
        SinkMode::Offsets => "commits at barriers, with how far it got",
    }
}

fn shows_all(counts: [u64; 4], allowed: [bool; 4]) -> bool {
    counts.into_iter().zip(allowed).all(|(n, may)| n > 0 || !may)
}

/// What a run came to.
struct Seen {
    verdict: Verdict,
    /// `None` if it did not come to an end, or not all is known.
    exact: Option<Exact>,
    restarted: bool,
    calm: bool,
}

impl Seen {
    fn of(job: &Arc<Job>, seed: u64) -> Self {
        let provenance = Provenance::new(Arc::clone(&job.plan), &job.workload);
        let mut watch = ((Judge::new(Arc::clone(job)), provenance), Restarts::default());
        let mut driver = Timed::new(job, Granularity::Record).expect("there is no schedule");
        driver.run(job, &mut World::new(job), seed, &mut watch);
        let ((mut judge, provenance), restarts) = watch;
        Self {
            verdict: judge.verdict(seed),
            exact: Exact::of(&provenance.losses(&job.workload, seed, 0), &job.plan),
            restarted: restarts.0 > 0,
            calm: job.faults.faults.is_empty(),
        }
    }

    /// How often each of the symptoms came up.
    fn counts(&self) -> Option<[u64; 4]> {
        let Exact { state, output } = self.exact?;
        Some([state.doubled, state.lost, output.doubled, output.lost])
    }

    /// What must not be, if anything is.
    fn excess(&self, guarantee: &Guarantee) -> Option<String> {
        if let Some(finding) = self.verdict.finding() {
            return Some(format!("{}: {}", finding.check, finding.text));
        }
        let (Some(counts), Some(Exact { state, output })) = (self.counts(), self.exact) else {
            return Some("not all records could be told".to_owned());
        };
        if state.orphans + output.orphans > 0 {
            return Some(format!("{} records that should not exist", state.orphans + output.orphans));
        }
        let (of_state, of_output) = (guarantee.state.unprovoked, guarantee.outputs[0].output.unprovoked);
        let unprovoked = [of_state, of_state, of_output, of_output];
        for (n, symptom) in SYMPTOMS.into_iter().enumerate().filter(|(n, _)| counts[*n] > 0) {
            if !allowed(guarantee)[n] {
                return Some(format!("{symptom} is {}", counts[n]));
            }
            if self.calm && !unprovoked[n] {
                return Some(format!("{symptom} is {}, and nothing failed", counts[n]));
            }
        }
        None
    }
}

/// How often the job restarted.
#[derive(Default)]
struct Restarts(u64);

impl Observer for Restarts {
    fn event(&mut self, _: Time, event: &Event) {
        self.0 += u64::from(matches!(event, Event::JobRestarting { .. }));
    }
}
