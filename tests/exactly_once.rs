//! Law: whatever job, whatever settings, whichever task fails when: under a protocol that claims it every
//! record counts exactly once, every complete checkpoint is a consistent cut, and the job comes to its end.

mod support;

use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::drive::{Fifo, Seeded, wander::wander};
use cutline::protocol::{Delivery, ZOO};
use cutline::scenario::{Limits, generate};
use cutline::trace::Stamped;
use cutline::world::World;
use proptest::prelude::*;
use support::{SMALL, cases, claimed, compile, run};

/// Every entry of the zoo that claims it, on jobs within its other claims.
fn for_each_protocol(mut law: impl FnMut(&'static str, Limits)) {
    for protocol in ZOO.iter().filter(|protocol| protocol.claims().delivery == Delivery::ExactlyOnce) {
        law(protocol.name(), claimed(protocol.name(), Limits { cycles: true, ..SMALL }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), ..ProptestConfig::default() })]

    #[test]
    fn every_record_counts_once_in_virtual_time(seed in any::<u64>(), faults in 0..4u32, operators in 0..5u32) {
        for_each_protocol(|protocol, limits| {
            let limits = Limits { faults, operators, ..limits };
            let job = compile(generate(seed, &limits, protocol));
            let (outcome, _) = run(&job, seed, Want { figures: false, ..Want::default() });
            assert!(outcome.verdict == Verdict::Pass, "{protocol}, seed {seed}, {limits:?}: {:?}", outcome.verdict);
        });
    }

    #[test]
    fn every_record_counts_once_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>()) {
        for_each_protocol(|protocol, limits| {
            let job = compile(generate(seed, &limits, protocol));
            let mut trace: Vec<Stamped> = Vec::new();
            let mut world = World::new(&job);
            let ended = wander(&job, &mut world, seed, &mut Seeded::new(choices), 200_000, &mut trace);
            assert!(ended, "{protocol}, seed {seed}, choices {choices}: the job came to no end");
            let verdict = support::judge(&job, seed, &trace);
            assert!(verdict == Verdict::Pass, "{protocol}, seed {seed}, choices {choices}: {verdict:?}");
        });
    }
}

/// The plainest order of all, without a clock: always the oldest possibility.
#[test]
fn every_record_counts_once_when_the_oldest_step_comes_first() {
    for_each_protocol(|protocol, limits| {
        for seed in 0..30 {
            let job = compile(generate(seed, &limits, protocol));
            let mut trace: Vec<Stamped> = Vec::new();
            let ended = wander(&job, &mut World::new(&job), seed, &mut Fifo, 200_000, &mut trace);
            assert!(ended, "{protocol}, seed {seed}: the job came to no end");
            assert_eq!(support::judge(&job, seed, &trace), Verdict::Pass, "{protocol}, seed {seed}");
        }
    });
}
