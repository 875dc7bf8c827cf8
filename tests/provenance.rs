//! Full provenance cannot lie: what it says of single records adds up to what the run says of all of them.

mod support;

use cutline::base::{CheckpointId, OperatorId, TaskId, Time};
use cutline::campaign::{STORIES, Want, provenance};
use cutline::check::{Account, Fate, Losses, Place, PlaceLosses, Provenance, RecordStory};
use cutline::drive::wander::wander;
use cutline::drive::{Granularity, Seeded, Timed};
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate};
use cutline::trace::{Event, EventKind, Observer, Stamped};
use cutline::world::{Job, World};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::{SMALL, cases, claimed, compile, parse, run, unnamed};

/// So many records with this sum of lineages.
fn sum(lineages: impl Iterator<Item = u64>) -> (u64, u64) {
    lineages.fold((0, 0), |(records, sum), lineage| (records + 1, sum.wrapping_add(lineage)))
}

/// Every final state and output is, in each task, what provenance says is there.
fn adds_up(job: &Job, provenance: &Provenance, trace: &[Stamped]) -> Result<(), TestCaseError> {
    for stamped in trace {
        match stamped.event {
            Event::StateFinal { task, operator, applied, lineage, .. } => {
                let (records, mut lineages) = sum(provenance.state(task, operator));
                if job.plan.operators[operator.index()].is_source {
                    lineages = lineage;
                }
                prop_assert_eq!((records, lineages), (applied, lineage), "{:?}", stamped.event);
            }
            Event::OutputFinal { task, operator, records, lineage } => {
                prop_assert_eq!(sum(provenance.visible(task, operator)), (records, lineage), "{:?}", stamped.event);
            }
            _ => {}
        }
    }
    Ok(())
}

/// At every place, records too many less records missing, as named and as counted.
fn balances(losses: &Losses, accounts: &[Account]) -> Result<(), TestCaseError> {
    prop_assert_eq!(unnamed(losses, accounts), None::<String>);
    Ok(())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..5u32, 0..4u32).prop_map(|(operators, faults)| Limits {
        operators,
        faults,
        cycles: true,
        outside: true,
        // Records are named up to windows, and not behind them.
        over_time: false,
        ..SMALL
    })
}

fn protocol() -> impl Strategy<Value = &'static str> {
    prop::sample::select(ZOO.iter().map(|protocol| protocol.name()).chain(["at-least-once"; 4]).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), ..ProptestConfig::default() })]

    #[test]
    fn single_records_add_up_in_virtual_time(seed in any::<u64>(), limits in limits(), protocol in protocol()) {
        let job = compile(generate(seed, &claimed(protocol, limits), protocol));
        let mut watch = (Vec::new(), Provenance::new(Arc::clone(&job.plan), &job.workload));
        Timed::new(&job, Granularity::Effect).expect("no schedule").run(&job, &mut World::new(&job), seed, &mut watch);
        adds_up(&job, &watch.1, &watch.0)?;

        let (outcome, runner) = run(&job, seed, Want::default());
        let repeated = provenance(&job, seed, STORIES).expect("no schedule");
        prop_assert_eq!(repeated.digest, outcome.digest);
        prop_assert_eq!(repeated.losses.drained, runner.accounts().is_some());
        balances(&repeated.losses, runner.accounts().unwrap_or_default())?;
        // Whatever instants they have, the same records are concerned.
        let totals = |losses: &Losses| -> Vec<_> {
            let of = |p: &PlaceLosses| (p.operator, p.place, p.lost.spans.clone(), p.doubled.spans.clone());
            losses.places.iter().map(of).collect()
        };
        prop_assert_eq!(totals(&repeated.losses), totals(&watch.1.losses(&job.workload, seed, STORIES)));
    }

    #[test]
    fn single_records_add_up_in_any_interleaving(
        seed in any::<u64>(), choices in any::<u64>(), limits in limits(), protocol in protocol()
    ) {
        let job = compile(generate(seed, &claimed(protocol, limits), protocol));
        let mut watch = (Vec::new(), Provenance::new(Arc::clone(&job.plan), &job.workload));
        prop_assert!(wander(&job, &mut World::new(&job), seed, &mut Seeded::new(choices), 200_000, &mut watch));
        adds_up(&job, &watch.1, &watch.0)?;
    }
}

/// Claims cut both ways: at least once must be seen to double records, and here it is said which.
#[test]
fn records_that_are_doubled_have_names_and_stories() {
    let limits = claimed("at-least-once", Limits { faults: 2, over_time: false, ..SMALL });
    let mut named = 0;
    for seed in 0..100 {
        let job = compile(generate(seed, &limits, "at-least-once"));
        let losses = provenance(&job, seed, usize::MAX).expect("no schedule").losses;
        for place in &losses.places {
            assert_eq!((place.lost.total, place.orphans.total), (0, 0), "seed {seed}");
            assert_eq!(place.doubled.stories.len() as u64, place.doubled.distinct);
            let too_many: u64 = place.doubled.stories.iter().map(|story| story.times - story.due).sum();
            assert_eq!(too_many, place.doubled.total);
            for story in &place.doubled.stories {
                assert_eq!(story.way.last().map(|station| station.operator), Some(place.operator));
                let counted = if place.place == Place::State { held(story) } else { shown(story) };
                assert_eq!(counted, story.times, "seed {seed}: {story:#?}");
                named += 1;
            }
        }
    }
    assert!(named > 0, "no record was doubled in 100 jobs with crashes");
}

/// How often a record is in the state of the last operator of its way, told by what happened to it there.
fn held(story: &RecordStory) -> u64 {
    let fates = story.way.last().into_iter().flat_map(|station| &station.moments).map(|moment| moment.fate);
    fates.fold(0, |held, fate| match fate {
        Fate::Applied { .. } | Fate::Regained { .. } => held + 1,
        Fate::RolledBack { .. } => held - 1,
        _ => held,
    })
}

fn shown(story: &RecordStory) -> u64 {
    let moments = story.way.last().into_iter().flat_map(|station| &station.moments);
    moments.filter(|moment| matches!(moment.fate, Fate::Shown { .. })).count() as u64
}

/// A shipped scenario, and what it loses and doubles.
fn shipped(name: &str) -> (Arc<Job>, Losses) {
    let path = format!("{}/scenarios/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let job = parse(&std::fs::read_to_string(path).expect("it is shipped"));
    let losses = provenance(&job, job.scenario.run.seed, STORIES).expect("no schedule").losses;
    (job, losses)
}

/// What is doubled at a place: where, how much, of which offsets of which partition.
type Doubled = (&'static str, Place, u64, &'static [(u32, u64, u64)]);

fn assert_doubled(name: &str, expected: &[Doubled]) {
    let (job, losses) = shipped(name);
    assert_eq!(losses.doubts, [""; 0]);
    assert_eq!(losses.places.len(), expected.len());
    for (place, (operator, at, total, spans)) in losses.places.iter().zip(expected) {
        let found = &job.plan.operators[place.operator.index()].name;
        assert_eq!((found.as_str(), place.place, place.doubled.total), (*operator, *at, *total));
        let from = place.doubled.spans.iter().map(|span| (span.first.partition, span.first.offset, span.last));
        assert_eq!(from.collect::<Vec<_>>(), *spans);
        assert_eq!((place.lost.total, place.orphans.total), (0, 0));
    }
}

#[test]
fn a_plain_barrier_doubles_in_state_what_went_past_it() {
    let near: &[(u32, u64, u64)] = &[(0, 10005, 10299)];
    assert_doubled(
        "25-at-least-once",
        &[("join", Place::State, 295, near), ("sink", Place::State, 295, near), ("sink", Place::Output, 295, near)],
    );
}

#[test]
fn a_plain_sink_doubles_outside_what_came_after_the_checkpoint() {
    assert_doubled("15-plain-sink", &[("sink", Place::Output, 5000, &[(0, 5003, 7502), (1, 5003, 7502)])]);
}

/// A small job that crashes once between two of its checkpoints.
const CRASH: &str = r#"{"cutline": 1, "job": {"operators": [
      {"id": "in", "kind": "source", "records": 400, "rate": "10k/s", "partitions": 2},
      {"id": "twice", "kind": "flat-map", "selectivity": "2"},
      {"id": "count", "kind": "count"},
      {"id": "out", "kind": "sink", "output": "two-phase"}],
    "edges": [{"from": "in", "to": "twice"}, {"from": "twice", "to": "count"}, {"from": "count", "to": "out"}]},
  "network": {"buffer_timeout": "1ms"},
  "checkpoints": {"protocol": "aligned", "interval": "10ms", "first": "10ms"},
  "restart": {"delay": "5ms"},
  "faults": [{"at": "27ms", "fail": "count"}]}"#;

const COUNT: OperatorId = OperatorId(2);
const OUT: OperatorId = OperatorId(3);

/// What is told of records, changed on its way to provenance so that it is told in full of another run.
struct Forger<F> {
    provenance: Provenance,
    /// Which record of an operator this is, from 0, and what becomes of it: how often it is applied, as which lineage.
    forge: F,
    seen: Vec<u64>,
    /// What operators have less than they say, with the sum of lineages; each has one task.
    missing: Vec<(u64, u64)>,
    /// The same of what was captured.
    cuts: BTreeMap<(OperatorId, CheckpointId), (u64, u64)>,
    point: CheckpointId,
    /// Output for this checkpoint is never shown.
    hidden: Option<CheckpointId>,
    shown_less: (u64, u64),
}

impl<F: FnMut(OperatorId, u64, u64) -> (u64, u64)> Observer for Forger<F> {
    const RECORDS: bool = true;

    fn event(&mut self, at: Time, event: &Event) {
        let (kind, mut event) = (event.kind(), *event);
        match &mut event {
            Event::CutState { operator, checkpoint, .. } => {
                self.cuts.insert((*operator, *checkpoint), self.missing[operator.index()]);
            }
            Event::RestorePoint { checkpoint, .. } => self.point = *checkpoint,
            Event::StateRestored { operator, applied, lineage, .. }
            | Event::StateFinal { operator, applied, lineage, .. } => {
                if kind == EventKind::StateRestored {
                    self.missing[operator.index()] = self.cuts[&(*operator, self.point)];
                }
                let (records, sum) = self.missing[operator.index()];
                *applied = applied.wrapping_sub(records);
                *lineage = lineage.wrapping_sub(sum);
            }
            Event::OutputVisible { checkpoint, records, lineage, .. } if Some(*checkpoint) == self.hidden => {
                self.shown_less = (*records, *lineage);
                return;
            }
            Event::OutputFinal { records, lineage, .. } => {
                *records -= self.shown_less.0;
                *lineage = lineage.wrapping_sub(self.shown_less.1);
            }
            _ => {}
        }
        self.provenance.event(at, &event);
    }

    fn applied(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64) {
        let nth = self.seen[operator.index()];
        self.seen[operator.index()] += 1;
        let (times, forged) = (self.forge)(operator, nth, lineage);
        (0..times).for_each(|_| self.provenance.applied(at, task, operator, forged));
        let (records, sum) = &mut self.missing[operator.index()];
        *records = records.wrapping_add(1).wrapping_sub(times);
        *sum = sum.wrapping_add(lineage).wrapping_sub(forged.wrapping_mul(times));
    }
}

/// What is lost and doubled in a run of the small job about which is lied.
fn forged(hidden: Option<u64>, forge: impl FnMut(OperatorId, u64, u64) -> (u64, u64)) -> Losses {
    let job = parse(CRASH);
    let mut forger = Forger {
        provenance: Provenance::new(Arc::clone(&job.plan), &job.workload),
        forge,
        seen: vec![0; 4],
        missing: vec![(0, 0); 4],
        cuts: BTreeMap::new(),
        point: CheckpointId::INITIAL,
        hidden: hidden.map(CheckpointId),
        shown_less: (0, 0),
    };
    Timed::new(&job, Granularity::Record).expect("no schedule").run(&job, &mut World::new(&job), 1, &mut forger);
    let losses = forger.provenance.losses(&job.workload, 1, STORIES);
    assert!(losses.drained && losses.doubts.is_empty(), "{losses:#?}");
    losses
}

/// The only story there is.
fn only(losses: &Losses) -> (&PlaceLosses, &RecordStory) {
    let [place] = &losses.places[..] else { panic!("one place: {losses:#?}") };
    let stories: Vec<_> =
        [&place.lost, &place.doubled, &place.orphans].into_iter().flat_map(|named| &named.stories).collect();
    let [story] = stories[..] else { panic!("one story: {place:#?}") };
    (place, story)
}

fn fates(story: &RecordStory, at: usize) -> Vec<&'static str> {
    let name = |fate| match fate {
        Fate::Applied { .. } => "applied",
        Fate::RolledBack { .. } => "rolled back",
        Fate::Kept { .. } => "kept",
        Fate::Regained { .. } => "regained",
        Fate::Shown { .. } => "shown",
        Fate::Refused { .. } => "refused",
        Fate::Strayed => "strayed",
        Fate::Prepared { .. } => "prepared",
        Fate::Aborted { .. } => "aborted",
    };
    story.way[at].moments.iter().map(|moment| name(moment.fate)).collect()
}

/// What a sink shows is known whatever way it takes to the outside: with offsets it is the end of a piece, of rows it is
/// what was not there already; and what was refused is told as the reason.
#[test]
fn records_are_known_by_name_behind_every_kind_of_sink() {
    for name in
        ["40-commit-reply-lost", "42-idempotent-sink", "43-offsets-in-the-transaction", "44-writer-and-committer"]
    {
        let losses = shipped(name).1;
        assert!(losses.is_clean(), "{name}: {losses:#?}");
    }
    let losses = shipped("41-transaction-timeout").1;
    let [output] = &losses.places[..] else { panic!("{losses:#?}") };
    assert_eq!((output.place, output.lost.total, output.doubled.total), (Place::Output, 5000, 0));
    let last = output.lost.stories[0].way.last().and_then(|stop| stop.moments.last()).expect("a sink that saw it");
    assert!(matches!(last.fate, Fate::Refused { .. }), "{losses:#?}");
}

#[test]
fn the_small_job_as_it_is_loses_nothing() {
    assert!(forged(None, |_, _, lineage| (1, lineage)).is_clean());
}

#[test]
fn a_record_that_is_never_applied_is_named() {
    let losses = forged(None, |operator, nth, lineage| (u64::from((operator, nth) != (COUNT, 17)), lineage));
    let (place, story) = only(&losses);
    assert_eq!((place.operator, place.place, place.lost.total), (COUNT, Place::State, 1));
    let origin = story.origin.expect("a source emitted it");
    // The second that the flat-map made of the ninth of the source, which reads two partitions in turn.
    assert_eq!((origin.partition, origin.offset, story.times, story.due), (0, 4, 0, 1));
    assert_eq!(story.way.iter().map(|station| station.branch).collect::<Vec<_>>(), [(0, 1), (0, 1), (1, 2)]);
    assert_eq!((fates(story, 0), fates(story, 2)), (vec!["applied", "kept"], vec![]));
}

#[test]
fn a_record_that_is_rolled_back_and_not_applied_again_is_named() {
    // The first record that count gets a second time.
    let (mut seen, mut dropped) = (BTreeSet::new(), false);
    let losses = forged(None, |operator, _, lineage| {
        let again = operator == COUNT && !seen.insert(lineage);
        let drops = again && !dropped;
        dropped |= drops;
        (u64::from(!drops), lineage)
    });
    let (place, story) = only(&losses);
    assert_eq!((place.operator, place.lost.total), (COUNT, 1));
    assert_eq!(fates(story, 2), ["applied", "rolled back"]);
    assert_eq!(fates(story, 0), ["applied", "rolled back", "applied"]);
}

#[test]
fn a_record_that_is_applied_twice_and_one_that_nobody_sent_are_named() {
    let losses = forged(None, |operator, nth, lineage| (1 + u64::from((operator, nth) == (COUNT, 700)), lineage));
    let (place, story) = only(&losses);
    assert_eq!((place.operator, place.doubled.total, story.times, story.due), (COUNT, 1, 2, 1));
    let (first, second) = (story.way[2].moments[0], story.way[2].moments[1]);
    assert_eq!(first, second);

    let losses = forged(None, |operator, nth, lineage| (1, lineage ^ u64::from((operator, nth) == (COUNT, 700))));
    let [place] = &losses.places[..] else { panic!("one place: {losses:#?}") };
    assert_eq!((place.lost.total, place.doubled.total, place.orphans.total), (1, 0, 1));
    let (lost, orphan) = (&place.lost.stories[0], &place.orphans.stories[0]);
    assert_eq!((orphan.lineage, orphan.times, orphan.due, orphan.origin), (lost.lineage ^ 1, 1, 0, None));
    assert_eq!(fates(orphan, 0), ["applied"]);
}

#[test]
fn a_transaction_that_is_never_committed_is_named_record_by_record() {
    let losses = forged(Some(2), |_, _, lineage| (1, lineage));
    let [place] = &losses.places[..] else { panic!("one place: {losses:#?}") };
    assert_eq!((place.operator, place.place), (OUT, Place::Output));
    let lost = &place.lost;
    assert_eq!((lost.total, lost.distinct, lost.stories.len()), (200, 200, STORIES));
    assert_eq!(lost.spans.iter().map(|span| span.records).collect::<Vec<_>>(), [50, 50]);
    assert!(lost.stories.iter().all(|story| fates(story, 3) == ["applied", "prepared", "kept"]));
}

#[test]
fn what_does_not_add_up_is_said() {
    let job = parse(CRASH);
    let mut watch = (Vec::<Stamped>::new(), Provenance::new(Arc::clone(&job.plan), &job.workload));
    Timed::new(&job, Granularity::Record).expect("no schedule").run(&job, &mut World::new(&job), 1, &mut watch);
    let mut provenance = Provenance::new(Arc::clone(&job.plan), &job.workload);
    // All events and no record.
    watch.0.iter().for_each(|stamped| provenance.event(stamped.at, &stamped.event));
    let losses = provenance.losses(&job.workload, 1, STORIES);
    assert!(losses.doubts.iter().any(|doubt| doubt.contains("in the state of count")), "{:?}", losses.doubts);
    assert!(losses.doubts.iter().any(|doubt| doubt.contains("in the output of out")), "{:?}", losses.doubts);
    assert!(!losses.is_clean());
}
