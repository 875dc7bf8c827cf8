//! Full provenance cannot lie: what it says of single records adds up to what the run says of all of them.

mod support;

use cutline::base::{CheckpointId, OperatorId, TaskId, Time};
use cutline::campaign::{STORIES, Want, provenance};
use cutline::check::{Account, Fate, Losses, Place, PlaceLosses, Provenance, RecordStory};
use cutline::drive::wander::wander;
use cutline::drive::{Granularity, Seeded, Timed};
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate};
use cutline::trace::{Event, Observer, Stamped};
use cutline::world::{Job, World};
use proptest::prelude::*;
use std::sync::Arc;
use support::{SMALL, cases, claimed, compile, parse, run};

/// So many records with this sum of lineages.
fn sum(lineages: impl Iterator<Item = u64>) -> (u64, u64) {
    lineages.fold((0, 0), |(records, sum), lineage| (records + 1, sum.wrapping_add(lineage)))
}

/// Every final state and output is, in each task, what provenance says is there.
fn adds_up(job: &Job, provenance: &Provenance, trace: &[Stamped]) -> Result<(), TestCaseError> {
    for stamped in trace {
        match stamped.event {
            Event::StateFinal { task, operator, applied, lineage, .. } => {
                let (records, mut lineages) = sum(provenance.applied(task, operator));
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
    prop_assert_eq!(&losses.doubts, &Vec::<String>::new());
    let named = |of: OperatorId, at: Place| {
        let place = losses.places.iter().find(|place| (place.operator, place.place) == (of, at));
        place.map_or(0, |of| (of.doubled.total + of.orphans.total) as i64 - of.lost.total as i64)
    };
    for account in accounts {
        let state = account.state;
        prop_assert_eq!(named(account.operator, Place::State), state.counted as i64 - state.due as i64);
        if let Some(output) = account.output {
            prop_assert_eq!(named(account.operator, Place::Output), output.counted as i64 - output.due as i64);
        }
    }
    Ok(())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..5u32, 0..4u32).prop_map(|(operators, faults)| Limits { operators, faults, cycles: true, ..SMALL })
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
