//! Law: a run is a function of its scenario and its seed. Nothing else changes its digest: not what ran before
//! it, not what is recorded, not how many threads there are, not the build, not the machine.
//!
//! Besides: a draw belongs to what it is about, so a fault or a task more changes no other draw.
//!
//! # Golden digests
//!
//! `tests/data/golden/*.json` are scenarios whose digests are pinned in `tests/data/golden/digests.txt`; the
//! whole trace of one of them is kept beside it, so that a failure can tell the first event that differs. When
//! a change of behaviour is meant, write them anew and look at the difference before you commit it:
//!
//! ```sh
//! CUTLINE_BLESS=1 cargo test --test determinism golden; git diff tests/data/golden
//! ```

mod support;

use cutline::base::{Concern, Span, TaskId, Time, below};
use cutline::campaign::{Runner, Want, run_seeds};
use cutline::drive::{Granularity, Timed};
use cutline::plan::Inflow;
use cutline::protocol::{Delivery, ZOO};
use cutline::scenario::{Edge, Effect, Fault, Limits, Scenario, SourceEnd, SubtaskName, When, generate};
use cutline::trace::{Event, Observer, Stamped, to_json};
use cutline::world::{Job, World, draw};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::source::sources;
use support::{SMALL, cases, claimed, compile, parse, run};

fn protocols() -> impl Strategy<Value = &'static str> {
    prop::sample::select(ZOO.iter().map(|protocol| protocol.name()).collect::<Vec<_>>())
}

/// Those that count every record once whatever happens: for the others a run with a fault is another run.
fn exact_protocols() -> impl Strategy<Value = &'static str> {
    let exact = ZOO.iter().filter(|protocol| protocol.claims().delivery == Delivery::ExactlyOnce);
    prop::sample::select(exact.map(|protocol| protocol.name()).collect::<Vec<_>>())
}

/// A job that nobody stops early: what it emits is not a matter of time.
fn whole_job(seed: u64, protocol: &str) -> Scenario {
    generate(seed, &claimed(protocol, Limits { cycles: true, requests: false, ..SMALL }), protocol)
}

/// A job for a protocol, with cycles if it claims them.
fn job(seed: u64, protocol: &str) -> Arc<Job> {
    compile(generate(seed, &claimed(protocol, Limits { cycles: true, ..SMALL }), protocol))
}

const BARE: Want = Want { figures: false, trace: false, granularity: Granularity::Effect };

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(200), ..ProptestConfig::default() })]

    #[test]
    fn a_run_leaves_nothing_behind_for_the_next(shape: u64, a: u64, b: u64, protocol in protocols()) {
        let job = job(shape, protocol);
        let mut runner = Runner::new(Arc::clone(&job), BARE).expect("no bounds on figures");
        let first = [runner.run(a).digest, runner.run(b).digest];
        let again = [runner.run(a).digest, runner.run(a).digest, runner.run(b).digest];
        prop_assert_eq!(again, [first[0], first[0], first[1]], "the same runner");
        let (fresh, _) = run(&job, b, BARE);
        prop_assert_eq!(fresh.digest, first[1], "a runner of its own");
    }

    #[test]
    fn what_is_watched_changes_nothing(shape: u64, seed: u64, protocol in protocols()) {
        let job = job(shape, protocol);
        let digest = run(&job, seed, BARE).0.digest;
        for (figures, trace) in [(true, false), (false, true), (true, true)] {
            let (watched, _) = run(&job, seed, Want { figures, trace, ..BARE });
            prop_assert_eq!(watched.digest, digest, "figures {}, trace {}", figures, trace);
        }
    }

    #[test]
    fn a_fault_more_changes_no_draw(shape: u64, seed: u64, protocol in exact_protocols(), at in 0..20_000u64) {
        let mut scenario = whole_job(shape, protocol);
        scenario.faults.clear();
        let victim = &scenario.job.operators[(at % scenario.job.operators.len() as u64) as usize];
        let name = SubtaskName { operator: victim.id.clone(), subtask: 0 };
        let fault = Fault { when: When::At(Span::from_micros(at)), effect: Effect::FailTask(name), place: Default::default() };
        let with = Scenario { faults: vec![fault], ..scenario.clone() };
        let (without, with) = (Marks::of(&compile(scenario), seed), Marks::of(&compile(with), seed));
        prop_assume!(without.came_to_its_end && with.came_to_its_end);
        prop_assert_eq!(&without.records, &with.records, "records emitted and applied, and counters by key");
        // The first trigger is drawn for each start, so a fault that comes before it is followed by another draw.
        if without.first_trigger < without.drained.min(Time::ZERO + Span::from_micros(at)) {
            prop_assert_eq!(without.first_trigger, with.first_trigger);
        }
    }

    #[test]
    fn a_fault_less_changes_nothing_before_it_and_no_draw(
        shape: u64, seed: u64, protocol in exact_protocols(), wild in 1..5u32, which: usize,
    ) {
        let limits = Limits { cycles: true, requests: false, wild, ..SMALL };
        let all = generate(shape, &claimed(protocol, limits), protocol);
        prop_assume!(!all.faults.is_empty());
        let fault = which % all.faults.len();
        let (mut without, mut never) = (all.clone(), all.clone());
        without.faults.remove(fault);
        never.faults[fault].when = When::At(all.run.limit + Span::from_secs(1));
        let trace = |scenario: &Scenario| run(&compile(scenario.clone()), seed, Want { trace: true, ..BARE }).1.trace().to_vec();
        let (all_of_it, never_struck) = (trace(&all), trace(&never));
        // Numbers of faults are places in the list.
        let without_it = trace(&without).into_iter().map(|event| renumbered(event, fault as u32));
        let difference = first_that_differs(&without_it.collect::<Vec<_>>(), &never_struck);
        prop_assert_eq!(difference, None, "a fault that never strikes is none");
        let struck = |stamped: &Stamped| matches!(stamped.event, Event::FaultStruck { fault: f } if f as usize == fault);
        // Within the instant of a strike, tasks are brought up to it first.
        let strikes = all_of_it.iter().find(|stamped| struck(stamped)).map_or(Time::NEVER, |stamped| stamped.at);
        let before = |trace: &[Stamped]| trace.iter().take_while(|stamped| stamped.at < strikes).copied().collect::<Vec<_>>();
        prop_assert_eq!(first_that_differs(&before(&all_of_it), &before(&never_struck)), None, "before it strikes");
        let (with, without) = (Marks::of(&compile(all), seed), Marks::of(&compile(without), seed));
        if with.came_to_its_end && without.came_to_its_end {
            prop_assert_eq!(&with.records, &without.records, "records emitted and applied, and counters by key");
        }
    }

    #[test]
    fn an_operator_more_changes_no_draw(shape: u64, seed: u64, protocol in protocols()) {
        let mut scenario = whole_job(shape, protocol);
        scenario.faults.clear();
        let with = with_another_source(&scenario);
        let (without, with) = (Marks::of(&compile(scenario), seed), Marks::of(&compile(with), seed));
        prop_assume!(without.came_to_its_end && with.came_to_its_end);
        let old = with.records.iter().filter(|((operator, _), _)| !operator.starts_with("another"));
        prop_assert!(old.eq(without.records.iter()), "{without:?}\nbecame {with:?}");
        if without.first_trigger < without.drained {
            prop_assert_eq!(without.first_trigger, with.first_trigger);
        }
    }
}

/// An event as it would be told if another fault stood before this place of the list.
fn renumbered(Stamped { at, event }: Stamped, place: u32) -> Stamped {
    let moved = |fault: u32| fault + u32::from(fault >= place);
    let event = match event {
        Event::FaultStruck { fault } => Event::FaultStruck { fault: moved(fault) },
        Event::FaultHit { fault } => Event::FaultHit { fault: moved(fault) },
        Event::FaultHealed { fault } => Event::FaultHealed { fault: moved(fault) },
        event => event,
    };
    Stamped { at, event }
}

/// Where two traces first differ, and how.
fn first_that_differs(one: &[Stamped], two: &[Stamped]) -> Option<(usize, Option<Stamped>, Option<Stamped>)> {
    let at = |n: usize| (n, one.get(n).copied(), two.get(n).copied());
    (0..one.len().max(two.len())).map(at).find(|(_, one, two)| one != two)
}

/// The scenario with a source and a sink behind all else that have nothing to do with the rest.
fn with_another_source(scenario: &Scenario) -> Scenario {
    let mut with = scenario.clone();
    let find = |kind| with.job.operators.iter().find(|operator| operator.kind == kind).expect("every job has one");
    let (mut source, mut sink) = (find("source").clone(), find("sink").clone());
    (source.id, source.parallelism) = ("another-source".into(), 1);
    (sink.id, sink.parallelism) = ("another-sink".into(), 1);
    let spec = source.source.as_mut().expect("it is a source");
    (spec.partitions, spec.records, spec.end) = (2, Some(17), SourceEnd::Finishes);
    let by = cutline::scenario::Partitioner::Rebalance;
    let (from, to) = (source.id.clone(), sink.id.clone());
    with.job.operators.extend([source, sink]);
    with.job.edges.push(Edge {
        from,
        to,
        by,
        chained: false,
        feedback: false,
        overtaking: true,
        place: Default::default(),
    });
    with
}

/// What a run shows of the draws it is made of.
#[derive(Debug)]
struct Marks {
    /// By operator and partition of a source: records emitted. By operator: records applied, the sum of their
    /// lineages and the hash of its counters. Not by task: which one applies a record that subtasks take in turn
    /// is a matter of time.
    records: BTreeMap<(String, Option<u32>), [u64; 3]>,
    first_trigger: Time,
    /// When the last task had seen the end of its data: a checkpoint that is triggered then is not the drawn one.
    drained: Time,
    /// All records were processed before the limit. A task that does nothing but snapshots never comes to that.
    came_to_its_end: bool,
}

impl Marks {
    fn of(job: &Arc<Job>, seed: u64) -> Self {
        let (outcome, runner) = run(job, seed, Want { trace: true, ..BARE });
        let name = |operator: cutline::base::OperatorId| job.plan.operators[operator.index()].name.clone();
        let came_to_its_end = outcome.ended < Time::ZERO + job.scenario.run.limit;
        let mut marks =
            Marks { records: BTreeMap::new(), first_trigger: Time::NEVER, drained: Time::ZERO, came_to_its_end };
        let mut add = |operator, partition, words: [u64; 3]| {
            let sums = marks.records.entry((name(operator), partition)).or_default();
            sums.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
        };
        for Stamped { at, event } in runner.trace() {
            match *event {
                Event::SourceFinal { operator, emitted, partition, .. } => {
                    add(operator, Some(partition), [emitted, 0, 0])
                }
                // What comes of windows depends on what is late, and what comes of a clock on everything.
                Event::StateFinal { operator, applied, lineage, values, .. }
                    if job.plan.operators[operator.index()].inflow == Inflow::Same =>
                {
                    add(operator, None, [applied, lineage, values]);
                }
                Event::TaskDrained { .. } => marks.drained = *at,
                Event::CheckpointTriggered { .. } => marks.first_trigger = marks.first_trigger.min(*at),
                _ => {}
            }
        }
        marks
    }
}

/// Records as they are applied, in order of instants: the draws themselves, not a sum of them.
#[derive(Default)]
struct Records(BTreeMap<u64, u64>);

impl Observer for Records {
    const RECORDS: bool = true;

    fn event(&mut self, _at: Time, _event: &Event) {}

    fn applied(&mut self, _at: Time, _task: TaskId, _operator: cutline::base::OperatorId, lineage: u64) {
        *self.0.entry(lineage).or_default() += 1;
    }
}

#[test]
fn an_operator_more_leaves_the_very_records_alone() {
    let records = |scenario: Scenario, seed| {
        let job = compile(scenario);
        let (mut world, mut records) = (World::new(&job), Records::default());
        Timed::new(&job, Granularity::Effect).expect("it has no schedule").run(&job, &mut world, seed, &mut records);
        records.0
    };
    for seed in 0..50 {
        let mut scenario = generate(seed, &SMALL, "aligned");
        scenario.faults.clear();
        let with = records(with_another_source(&scenario), seed);
        let without = records(scenario, seed);
        assert!(without.iter().all(|(lineage, times)| with.get(lineage) == Some(times)), "seed {seed}");
        assert!(without.len() <= with.len());
    }
}

#[test]
fn the_first_trigger_is_a_draw_of_its_own() {
    // Flink: uniform over whole milliseconds from the minimum pause to the interval.
    let text = GOLDEN_START;
    let mut first = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let marks = Marks::of(&parse(text), seed);
        let expected = Span::from_millis(10 + below(draw(seed, Concern::FirstTrigger, 0, 1), 91));
        assert_eq!(marks.first_trigger, Time::ZERO + expected, "seed {seed}");
        first.insert(marks.first_trigger);
    }
    assert!(first.len() > 10, "seeds differ in it");
}

const GOLDEN_START: &str = r#"{"cutline": 1,
    "job": {
        "operators": [{"id": "in", "kind": "source", "end": "idles", "rate": "1k/s"}, {"id": "out", "kind": "sink"}],
        "edges": [{"from": "in", "to": "out"}]},
    "checkpoints": {"interval": "100ms", "min_pause": "10ms"},
    "run": {"limit": "200ms"}}"#;

#[test]
fn threads_do_not_change_outcomes() {
    for protocol in ZOO {
        let job = job(5, protocol.name());
        let digests = |threads| -> Vec<String> {
            let outcomes = run_seeds(&job, 0..200, threads, BARE).expect("no bounds on figures");
            outcomes.into_iter().map(|outcome| format!("{} {}", outcome.seed, outcome.digest)).collect()
        };
        let one = digests(1);
        assert_eq!(one.len(), 200);
        for threads in [2, 3, 7] {
            assert_eq!(digests(threads), one, "{}, {threads} threads", protocol.name());
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let job = job(5, "aligned");
    let mut runner = Runner::new(job, BARE).expect("no bounds on figures");
    let digests: std::collections::BTreeSet<_> = (0..100).map(|seed| runner.run(seed).digest).collect();
    assert!(digests.len() > 90, "a digest that never changes would pass every other test here");
}

/// The scenario whose whole trace is kept.
const TRACED: &str = "aligned-crash";

#[test]
fn golden_digests_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let pinned_file = folder.join("digests.txt");
    let pinned_text = fs::read_to_string(&pinned_file).unwrap_or_default();
    let pinned: BTreeMap<&str, &str> = pinned_text.lines().filter_map(|line| line.split_once(' ')).collect();
    let (mut found, mut complaints) = (String::new(), String::new());
    for file in golden_scenarios(&folder) {
        let name = file.file_stem().expect("it is a file").to_string_lossy().into_owned();
        let job = parse(&fs::read_to_string(&file).expect("the file was listed"));
        let (outcome, runner) = run(&job, job.scenario.run.seed, Want { trace: true, ..Want::default() });
        assert!(outcome.as_expected, "{name}: {:?}, {:?}", outcome.verdict, outcome.expectations);
        let digest = outcome.digest.to_string();
        let trace: Vec<String> = runner.trace().iter().map(|stamped| to_json(stamped).to_string()).collect();
        found += &format!("{name} {digest}\n");
        if pinned.get(name.as_str()) != Some(&digest.as_str()) {
            let was = pinned.get(name.as_str()).unwrap_or(&"not pinned");
            complaints += &format!("{name}: the digest is {digest}, pinned is {was}\n");
        }
        if name == TRACED {
            let file = folder.join(format!("{name}.trace.jsonl"));
            complaints += &first_difference(&name, &fs::read_to_string(&file).unwrap_or_default(), &trace);
            bless(&file, &(trace.join("\n") + "\n"));
        }
    }
    bless(&pinned_file, &found);
    assert!(
        complaints.is_empty() && pinned_text == found,
        "{complaints}Likely causes: a change of behaviour, meant or not; another generation of draws; state that \
         is hash-ordered, of platform-dependent width, or left over from an earlier run.\n{}",
        if blessing() {
            "They were written anew: look at `git diff tests/data/golden`, then run the tests again."
        } else {
            "If the change is meant: CUTLINE_BLESS=1 cargo test --test determinism golden"
        }
    );
}

fn golden_scenarios(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("it can be listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() >= 3, "the golden scenarios are in {}", folder.display());
    files
}

/// The first line in which a kept trace differs from a new one.
fn first_difference(name: &str, kept: &str, trace: &[String]) -> String {
    let mut kept = kept.lines();
    let at = |n: usize| if n == 0 { "the first event".to_owned() } else { format!("event {n}, counted from 0,") };
    for (n, line) in trace.iter().enumerate() {
        match kept.next() {
            Some(was) if was == line => {}
            Some(was) => return format!("{name}: {} differs\n  kept: {was}\n  new:  {line}\n", at(n)),
            None => return format!("{name}: the kept trace ends before {}\n  new:  {line}\n", at(n)),
        }
    }
    kept.next().map_or(String::new(), |was| format!("{name}: the new trace ends before\n  kept: {was}\n"))
}

#[test]
fn the_first_difference_is_told() {
    let trace = ["a", "b"].map(str::to_owned);
    assert_eq!(first_difference("x", "a\nb\n", &trace), "");
    assert_eq!(first_difference("x", "a\nc\n", &trace), "x: event 1, counted from 0, differs\n  kept: c\n  new:  b\n");
    assert!(first_difference("x", "a\n", &trace).contains("ends before event 1"));
    assert!(first_difference("x", "a\nb\nc\n", &trace).contains("the new trace ends"));
}

fn blessing() -> bool {
    std::env::var_os("CUTLINE_BLESS").is_some_and(|value| value == "1")
}

fn bless(file: &Path, text: &str) {
    if blessing() {
        fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
}

/// Where what happens is decided and hashed.
const DECIDES: &[&str] = &["base", "trace", "plan", "workload", "fault", "protocol", "world", "drive"];

/// Files of those folders that may compute with floats, and why.
const FLOATS: &[(&str, &str)] = &[];

/// Files whose words enter the digest as they are.
const HASHED: &[&str] = &["src/trace/event.rs", "src/trace/digest.rs", "src/base/digest.rs", "src/base/ids.rs"];

/// Words of platform-dependent width in those files, and why they do not enter it.
const WIDTHS: &[(&str, &str, &str)] = &[
    ("src/trace/digest.rs", "usize", "how many chains there are: the length of a vector"),
    ("src/base/ids.rs", "usize", "indices into tables"),
];

#[test]
fn nothing_that_differs_between_machines_decides_or_is_hashed() {
    let has_word = |code: &str, word: &str| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word);
    let (mut complaints, mut read) = (Vec::new(), 0);
    for source in sources() {
        let code = source.shipped_code();
        let decides = source.folder().is_some_and(|folder| DECIDES.contains(&folder));
        for float in ["f32", "f64"].into_iter().filter(|float| decides && has_word(&code, float)) {
            if !FLOATS.iter().any(|(path, _)| *path == source.path) {
                complaints
                    .push(format!("{}: {float} -> integers or ratios: nothing that decides is a float", source.path));
            }
        }
        if HASHED.contains(&&*source.path) {
            read += 1;
            for word in ["usize", "isize"].into_iter().filter(|word| has_word(&code, word)) {
                if !WIDTHS.iter().any(|(path, fine, _)| *path == source.path && *fine == word) {
                    complaints.push(format!("{}: {word} -> u32 or u64: it is hashed", source.path));
                }
            }
        }
    }
    assert_eq!(read, HASHED.len(), "all of them are there");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
