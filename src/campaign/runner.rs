//! One run after the other, with everything that watches and judges them.

use super::judge::Ground;
use super::{Judge, Repeated, Windows, provenance};
use crate::base::{Digest, Problem, Span, TaskId, Time};
use crate::check::{Account, Checks, Exact, Expectation, Figures, Verdict, check_bounds, evaluate, is_exact};
use crate::drive::{Granularity, Timed};
use crate::plan::Plan;
use crate::scenario::Origin;
use crate::trace::{Event, EventKind, Matcher, Observer, Stamped, TraceDigest};
use crate::world::{Job, Saved, World};
use std::sync::Arc;

/// What is wanted of runs beside verdict and digest, which every run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Figures, and the expectations that need them.
    pub figures: bool,
    /// Every event.
    pub trace: bool,
    /// How far a step may move a task; the result does not depend on it.
    pub granularity: Granularity,
}

impl Default for Want {
    fn default() -> Self {
        Self { figures: true, trace: false, granularity: Granularity::Effect }
    }
}

/// Runs a job for any number of seeds.
///
/// ```
/// use cutline::campaign::{Runner, Want};
/// use cutline::check::Verdict;
/// use cutline::{scenario, world::Job};
///
/// let scenario = scenario::parse(&scenario::starter("job"), "job.json")?;
/// let mut runner = Runner::new(Job::compile(scenario)?.into(), Want::default())?;
/// let outcome = runner.run(7);
/// assert_eq!(outcome.verdict, Verdict::Pass);
/// assert_eq!(runner.run(7).digest, outcome.digest, "a seed decides a run");
/// assert_ne!(runner.run(8).digest, outcome.digest);
/// # Ok::<(), cutline::base::Problem>(())
/// ```
pub struct Runner {
    job: Arc<Job>,
    world: World,
    driver: Timed,
    watch: Watch,
    /// How long the job's logs had existed when its last run began.
    began: Span,
    /// How many records were under way then.
    flying: u64,
    branch: bool,
}

/// Everything that watches a run.
struct Watch {
    plan: Arc<Plan>,
    digest: TraceDigest,
    judge: Judge,
    figures: Option<Figures>,
    trace: Option<Vec<Stamped>>,
    windows: Option<Windows>,
    /// Promised situations.
    happens: Vec<Matcher>,
    /// By fault of the plan, whether it struck.
    struck: Vec<bool>,
    /// By request of the scenario, what became of it, if it was made.
    answers: Vec<Option<bool>>,
    hops: u64,
    /// How many snapshots were taken.
    snapshots: u64,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What the checks, the promised situations and the end of the run say.
    pub verdict: Verdict,
    /// What became of the scenario's expectations.
    pub expectations: Vec<Expectation>,
    /// Over all events.
    pub digest: Digest,
    /// How many events.
    pub events: u64,
    /// How many times a task processed a record.
    pub hops: u64,
    /// When it ended.
    pub ended: Time,
    /// Entries of the schedule that were skipped, faults that never struck, requests that came to nothing.
    pub notes: Vec<String>,
    /// The verdict and all else is as the scenario expects.
    pub as_expected: bool,
}

impl Runner {
    /// Prepares runs of a compiled scenario; refuses expectations about figures, and choices of steps, that do not exist.
    pub fn new(job: Arc<Job>, want: Want) -> Result<Self, Problem> {
        if let Some(problem) = check_bounds(&job.scenario.expect.figures).into_iter().next() {
            return Err(problem);
        }
        let plan = Arc::clone(&job.plan);
        let watch = Watch {
            digest: TraceDigest::new(plan.tasks.len(), plan.channels.len()),
            judge: Judge::new(Arc::clone(&job)),
            figures: want.figures.then(|| Figures::new(&plan)),
            trace: want.trace.then(Vec::new),
            windows: None,
            happens: job.scenario.expect.happens.iter().cloned().map(Matcher::new).collect(),
            struck: vec![false; job.faults.faults.len()],
            answers: vec![None; job.settings.requests.len()],
            hops: 0,
            snapshots: 0,
            plan,
        };
        let (world, driver) = (World::new(&job), Timed::new(&job, want.granularity)?);
        Ok(Self { world, driver, watch, job, began: Span::ZERO, flying: 0, branch: false })
    }

    /// Takes runs for stuck that have not ended by then or after so many steps: for campaigns, which know how long theirs
    /// take at most.
    pub fn patience(mut self, at: Time, steps: u64) -> Self {
        (self.driver.patience.until, self.driver.patience.steps) = (Some(at), Some(steps));
        self
    }

    /// Takes runs for stuck that have not ended after so many steps.
    pub fn at_most(mut self, steps: u64) -> Self {
        self.driver.patience.steps = Some(steps);
        self
    }

    /// The last run was given up because of its steps: nobody knows how it would have ended.
    pub fn is_exhausted(&self) -> bool {
        self.driver.patience.is_exhausted
    }

    /// Besides, counts in which windows the faults of its runs strike.
    pub fn counting_windows(mut self) -> Self {
        self.watch.windows = Some(Windows::new(Arc::clone(&self.job)));
        self
    }

    /// In which windows faults struck, over all runs so far, if that was wanted.
    pub fn windows_mut(&mut self) -> Option<&mut Windows> {
        self.watch.windows.as_mut()
    }

    /// The compiled scenario, shared.
    pub fn shared_job(&self) -> Arc<Job> {
        Arc::clone(&self.job)
    }

    /// The compiled scenario.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// From now on, runs are followed by others, which go on from this.
    pub fn keep(&mut self, origin: Origin) {
        self.world.keep(origin);
    }

    /// What the last run left for another to go on from, and what that stands on; `None`: nothing complete.
    pub fn leave(&mut self, seed: u64, pause: Span) -> Option<(Saved, Ground)> {
        let mut saved = self.world.saved(&self.job)?;
        saved.began = Span(self.began.0 + self.driver.now().0 + pause.0);
        let ground = self.watch.judge.ground_for(seed, &saved);
        Some((saved, ground))
    }

    /// Runs one seed, from what another run has left.
    pub fn run_from(&mut self, seed: u64, saved: &Saved, ground: Ground) -> Outcome {
        (self.began, self.flying, self.branch) = (saved.began, saved.flying(), saved.branch);
        self.watch.judge.stand_on(ground);
        self.run_once(seed, Some(saved))
    }

    /// Runs one seed.
    pub fn run(&mut self, seed: u64) -> Outcome {
        (self.began, self.flying, self.branch) = (Span::ZERO, 0, false);
        self.run_once(seed, None)
    }

    fn run_once(&mut self, seed: u64, saved: Option<&Saved>) -> Outcome {
        self.world.reset(&self.job);
        self.watch.reset();
        self.driver.run_from(&self.job, &mut self.world, seed, saved, &mut self.watch);
        let verdict = self.watch.judge.verdict(seed);
        self.watch.hops = self.job.plan.task_ids().map(|task: TaskId| self.world.processed(task)).sum();
        let bounds = &self.job.scenario.expect.figures;
        if self.watch.figures.is_some() && saved.is_none() && bounds.iter().any(is_exact) {
            self.name_records(seed, 0).expect("the schedule was read before");
        }
        self.judge(seed, verdict)
    }

    /// How many records were under way when the last run began.
    pub fn began_with(&self) -> u64 {
        self.flying
    }

    /// Whether the job before the last run had gone on after what that run began with.
    pub fn is_branch(&self) -> bool {
        self.branch
    }

    /// Whether the last run began at the beginning, and not with what another had left.
    pub fn began_anew(&self) -> bool {
        self.began == Span::ZERO
    }

    /// Repeats the last run, which was of this seed, with every record watched: names those that are lost or doubled, as
    /// [`provenance`] does, and counts them among the figures.
    pub fn name_records(&mut self, seed: u64, limit: usize) -> Result<Repeated, Problem> {
        let repeated = provenance(&self.job, seed, limit)?;
        // Of another run nobody wants to know.
        let is_same = repeated.digest == self.watch.digest.digest();
        if let Some(figures) = &mut self.watch.figures {
            figures.exact = Exact::of(&repeated.losses, &self.job.plan).filter(|_| is_same);
        }
        Ok(repeated)
    }

    /// The figures of the last run.
    pub fn figures(&self) -> Option<&Figures> {
        self.watch.figures.as_ref()
    }

    /// The checks after the last run.
    pub fn checks(&self) -> &Checks {
        self.watch.judge.checks()
    }

    /// How many records the last run had too many or too few; `None` if it did not drain.
    pub fn accounts(&self) -> Option<&[Account]> {
        self.watch.judge.accounts()
    }

    /// The events of the last run, if they were wanted.
    pub fn trace(&self) -> &[Stamped] {
        self.watch.trace.as_deref().unwrap_or_default()
    }

    fn judge(&self, seed: u64, verdict: Verdict) -> Outcome {
        let expect = &self.job.scenario.expect;
        let missed = self.watch.happens.iter().find(|matcher| !matcher.happened());
        let idle = self.watch.hops == 0 && self.watch.snapshots == 0;
        let verdict = match (verdict, missed) {
            (Verdict::Pass, None) if idle => {
                Verdict::Miss("anything at all: no record moved, no snapshot was taken,".into())
            }
            (Verdict::Pass, Some(matcher)) => Verdict::Miss(matcher.predicate().to_string()),
            (verdict, _) => verdict,
        };
        let mut expectations = match (&self.watch.figures, expect.figures.is_empty()) {
            (Some(figures), false) => evaluate(&expect.figures, figures).unwrap_or_default(),
            _ => Vec::new(),
        };
        for matcher in &self.watch.happens {
            let came = if matcher.happened() { "came up" } else { "never came up" };
            let text = format!("{} {came}", matcher.predicate());
            expectations.push(Expectation { met: matcher.happened(), text });
        }
        let digest = self.watch.digest.digest();
        if let Some(pinned) = expect.digest.as_ref().filter(|_| seed == self.job.scenario.run.seed) {
            let met = *pinned == digest.to_string();
            expectations.push(Expectation { met, text: format!("digest is {digest}, expected {pinned}") });
        }
        let wanted = expect.verdict.as_deref().unwrap_or("PASS");
        if wanted != "PASS" {
            let text = format!("verdict is {}, expected {wanted}", verdict.name());
            expectations.push(Expectation { met: verdict.name() == wanted, text });
        }
        let mut notes = self.driver.notes(&self.job);
        let idle = self.watch.struck.iter().enumerate().filter(|(_, struck)| !**struck);
        notes.extend(idle.map(|(fault, _)| format!("faults[{fault}] never struck")));
        notes.extend(self.watch.answers.iter().enumerate().filter_map(|(request, answer)| match answer {
            None => Some(format!("checkpoints.requests[{request}] came too late: the run had ended")),
            Some(false) => {
                Some(format!("checkpoints.requests[{request}] was refused: the job was down, or ended already"))
            }
            Some(true) => None,
        }));
        let as_expected = verdict.name() == wanted && expectations.iter().all(|expectation| expectation.met);
        let (events, hops, ended) = (self.watch.digest.events(), self.watch.hops, self.driver.now());
        Outcome { seed, verdict, expectations, digest, events, hops, ended, notes, as_expected }
    }
}

impl Watch {
    fn reset(&mut self) {
        self.digest.reset();
        self.judge.reset();
        if let Some(figures) = &mut self.figures {
            figures.reset();
        }
        if let Some(trace) = &mut self.trace {
            trace.clear();
        }
        if let Some(windows) = &mut self.windows {
            windows.reset();
        }
        self.happens.iter_mut().for_each(Matcher::reset);
        self.struck.fill(false);
        self.answers.fill(None);
        (self.hops, self.snapshots) = (0, 0);
    }
}

impl Observer for Watch {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.digest.event(at, event);
        self.judge.event(at, event);
        self.snapshots += u64::from(event.kind() == EventKind::SnapshotTaken);
        if let Some(figures) = &mut self.figures {
            figures.event(at, event);
        }
        if let Some(trace) = &mut self.trace {
            trace.event(at, event);
        }
        if let Some(windows) = &mut self.windows {
            windows.event(at, event);
        }
        if let Event::FaultStruck { fault } = *event {
            self.struck[fault as usize] = true;
        }
        if let Event::RequestAnswered { request, accepted } = *event {
            self.answers[request as usize] = Some(accepted == 1);
        }
        for matcher in &mut self.happens {
            matcher.matches(event, &*self.plan);
        }
    }
}
