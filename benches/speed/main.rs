//! How fast cutline is, next to what else could be done: `cargo bench`, or `cargo bench -- --quick`.
//!
//! Contestants take turns (A B C, A B C, …) so that a machine that gets slower is slow for all of them; the
//! tables show medians. What is compared is first asserted to be the same: one event per record gives the digest
//! of the fast path, and the hand-written loop gives its counts and checkpoint times, to the nanosecond.
//!
//! A *hop* is one record processed by one task.

#![allow(clippy::disallowed_types, reason = "measuring needs a clock")]

mod hand_written;
mod jobs;
mod outcome;
mod queue;

use cutline::base::Digest;
use cutline::campaign::{Runner, Want};
use cutline::check::{Checks, Claims, Verdict};
use cutline::drive::{Granularity, Timed};
use cutline::trace::{Observer, TraceDigest};
use cutline::world::{Job, World};
use hand_written::HandWritten;
use jobs::Pipeline;
use outcome::Outcome;
use queue::Queue;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

const SEED: u64 = 1;

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// Everything is divided by this.
    divisor: u64,
}

fn main() -> ExitCode {
    let mut effort = Effort { rounds: 5, divisor: 1 };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = Effort { rounds: 3, divisor: 4 },
            // Cargo says so to every benchmark.
            "--bench" => {}
            _ => {
                eprintln!("unknown argument {argument}\nusage: cargo bench [-- --quick]");
                return ExitCode::from(2);
            }
        }
    }
    pipelines(effort);
    small_fault_runs(effort);
    queues(effort);
    println!("\nMeasured by `cargo bench` on one core; medians of {} rounds in turn.", effort.rounds);
    ExitCode::SUCCESS
}

/// Lets contestants take turns and gives the median of what each measured.
fn take_turns<const N: usize>(rounds: usize, mut contestants: [&mut dyn FnMut() -> f64; N]) -> [f64; N] {
    let mut measured = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (contestant, measured) in contestants.iter_mut().zip(&mut measured) {
            measured.push(contestant());
        }
    }
    measured.map(|mut of| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    })
}

/// How many of `work` are done in a second.
fn per_second<T>(work: u64, f: impl FnOnce() -> T) -> f64 {
    let begin = Instant::now();
    black_box(f());
    work as f64 / begin.elapsed().as_secs_f64()
}

fn pipelines(effort: Effort) {
    println!("source -> hash -> keyed count -> sink; 100-byte records, aligned checkpoints; million hops per second");
    println!("                                            simulation alone           | all checks |      ratios");
    println!("  p  service  records checkpoints | fast path  per record  hand-written |  + figures | f/hand  f/record");
    for (parallelism, service, records, interval) in [
        (4, "1us", 600_000, "30ms"),
        (64, "1us", 800_000, "5ms"),
        (4, "1ms", 200_000, "4s"),
        (64, "1ms", 200_000, "500ms"),
    ] {
        let job = Pipeline { parallelism, service, records: records / effort.divisor, interval }.compile();
        pipeline(&job, effort);
    }
}

fn pipeline(job: &Arc<Job>, effort: Effort) {
    let mut fast = Simulation::new(job, Granularity::Effect);
    let mut per_record = Simulation::new(job, Granularity::Record);
    let mut full = runner(job, true);
    let mut hand_written = HandWritten::new(&job.scenario, SEED);

    // The same result from everybody, which also warms everything up.
    let (outcome, digest) = fast.outcome_and_digest();
    assert_eq!(per_record.outcome_and_digest(), (outcome.clone(), digest), "one event per record differs");
    assert_eq!(hand_written.run().sorted(), outcome, "the hand-written loop differs");
    let ran = full.run(SEED);
    assert_eq!((ran.verdict, ran.digest), (Verdict::Pass, digest), "the full run differs");

    let hops: u64 = outcome.processed.iter().sum();
    let rates = take_turns(
        effort.rounds,
        [
            &mut || per_second(hops, || fast.run(SEED, &mut Outcome::default())),
            &mut || per_second(hops, || per_record.run(SEED, &mut Outcome::default())),
            &mut || per_second(hops, || hand_written.run()),
            &mut || per_second(hops, || full.run(SEED)),
        ],
    );
    let [fast, per_record, hand_written, full] = rates.map(|rate| rate / 1e6);
    let source = &job.scenario.job.operators[0];
    println!(
        "{:3}  {:>7}  {:>7} {:11} | {fast:9.1}  {per_record:10.1}  {hand_written:12.1} | {full:10.1} | {:6.2}  {:8.2}",
        source.parallelism,
        source.service.to_string(),
        hops / 3,
        outcome.completed.len(),
        fast / hand_written,
        fast / per_record,
    );
}

/// The simulator by itself: world and timed driver, with as little to watch them as the caller likes.
struct Simulation {
    job: Arc<Job>,
    world: World,
    driver: Timed,
}

impl Simulation {
    fn new(job: &Arc<Job>, granularity: Granularity) -> Self {
        Self {
            world: World::new(job),
            driver: Timed::new(job, granularity).expect("it has no schedule"),
            job: Arc::clone(job),
        }
    }

    fn run<O: Observer>(&mut self, seed: u64, observer: &mut O) {
        self.world.reset(&self.job);
        self.driver.run(&self.job, &mut self.world, seed, observer);
    }

    fn outcome_and_digest(&mut self) -> (Outcome, Digest) {
        let mut watch = (Outcome::default(), digest(&self.job));
        self.run(SEED, &mut watch);
        (watch.0.sorted(), watch.1.digest())
    }
}

fn digest(job: &Job) -> TraceDigest {
    TraceDigest::new(job.plan.tasks.len(), job.plan.channels.len())
}

fn runner(job: &Arc<Job>, figures: bool) -> Runner {
    let want = Want { figures, trace: false, granularity: Granularity::Effect };
    Runner::new(Arc::clone(job), want).expect("the scenario expects no figures")
}

fn small_fault_runs(effort: Effort) {
    let job = jobs::small_fault_run();
    let runs = 400 / effort.divisor;
    let mut full = runner(&job, false);
    let passed = (0..runs).filter(|seed| full.run(*seed).as_expected).count();
    assert_eq!(passed as u64, runs, "every run passes, with a crash and three checkpoints");
    let events = full.run(0).events;

    let mut bare = Simulation::new(&job, Granularity::Effect);
    let mut hashed = Simulation::new(&job, Granularity::Effect);
    let mut hash = digest(&job);
    let mut checked = Simulation::new(&job, Granularity::Effect);
    let checks =
        Checks::for_claims(Arc::clone(&job.plan), &job.scenario.network, job.settings.tolerable_failures, Claims::ALL);
    let mut watch = (digest(&job), checks);
    let simulate = |seed| bare.run(seed, &mut ());
    let with_digest = |seed| {
        hash.reset();
        hashed.run(seed, &mut hash);
        black_box(hash.digest());
    };
    let with_checks = |seed| {
        watch.0.reset();
        watch.1.reset();
        checked.run(seed, &mut watch);
        black_box((watch.0.digest(), watch.1.finish(None)));
    };
    let everything = |seed| drop(black_box(full.run(seed)));
    let from_text = |seed| drop(black_box(runner(&jobs::small_fault_run(), false).run(seed)));
    // Many short rounds: the table shows differences of these.
    let rates = take_turns(
        5 * effort.rounds,
        [
            &mut each_seed(runs, simulate),
            &mut each_seed(runs, with_digest),
            &mut each_seed(runs, with_checks),
            &mut each_seed(runs, everything),
            &mut each_seed(runs / 10, from_text),
        ],
    );
    let micros = rates.map(|rate| 1e6 / rate);
    println!("\nsmall fault runs: 6 tasks, 100 records, one crash, {events} events, all checks and the oracle");
    println!("  {:>6.0} runs per second and core: {:.1} us each", rates[3], micros[3]);
    println!("  of these: simulation {:.1} us", micros[0]);
    println!("            digest     {:.1} us", micros[1] - micros[0]);
    println!("            checks     {:.1} us", micros[2] - micros[1]);
    println!("            oracle, promises and verdict {:.1} us", micros[3] - micros[2]);
    println!("  {:>6.0} runs per second if the scenario were read and compiled for every seed", rates[4]);
}

fn each_seed(runs: u64, mut run: impl FnMut(u64)) -> impl FnMut() -> f64 {
    move || per_second(runs, || (0..runs).for_each(&mut run))
}

fn queues(effort: Effort) {
    println!("\nthe event queue alone: take one, put one in; million turns per second");
    println!("  pending |  ours  BinaryHeap | ratio");
    for (pending, turns) in [(100, 2_000_000), (1_000_000, 200_000)] {
        let turns = turns / effort.divisor;
        let (mut ours, mut standard) = (queue::Ours::filled(pending), queue::Standard::filled(pending));
        assert_eq!(ours.hold(turns), standard.hold(turns), "the queues differ");
        let rates = take_turns(
            effort.rounds,
            [&mut || per_second(turns, || ours.hold(turns)), &mut || per_second(turns, || standard.hold(turns))],
        );
        let [ours, standard] = rates.map(|rate| rate / 1e6);
        println!("{pending:9} | {ours:5.1}  {standard:10.1} | {:5.2}", ours / standard);
    }
}
