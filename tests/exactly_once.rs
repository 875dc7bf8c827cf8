//! Law: whatever job, whatever settings, whichever task fails when: every record counts as often as the protocol
//! claims, which is exactly once for nearly all; every complete checkpoint is a consistent cut if that is claimed; buffers
//! and credits are conserved, nobody sleeps through a wake-up, and the job comes to its end.
//!
//! A case is one seed under every protocol of the zoo. The default is some thousand runs over all laws, within a minute;
//! `CUTLINE_CASES=150000` makes that some millions: best with `--release`. `cutline hunt` runs the second law faster, and counts
//! what faults met with.
//!
//! A case that fails leaves its scenario in `target/`, shrunk if it ran in virtual time: the message says where.

mod support;

use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::drive::{Fifo, Seeded, wander::wander};
use cutline::protocol::{Delivery, ZOO};
use cutline::scenario::{Limits, generate};
use cutline::trace::Stamped;
use cutline::world::World;
use proptest::prelude::*;
use support::{SMALL, cases, claimed, compile, kept, kept_small, run};

/// Every entry of the zoo, on jobs within its claims.
fn for_each_protocol(mut law: impl FnMut(&'static str, Limits)) {
    for protocol in ZOO {
        law(protocol.name(), claimed(protocol.name(), Limits { cycles: true, ..SMALL }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), ..ProptestConfig::default() })]

    #[test]
    fn records_count_as_claimed_in_virtual_time(seed in any::<u64>(), faults in 0..4u32, operators in 0..5u32) {
        for_each_protocol(|protocol, limits| {
            let limits = Limits { faults, operators, ..limits };
            let job = compile(generate(seed, &limits, protocol));
            let (outcome, _) = run(&job, seed, Want { figures: false, ..Want::default() });
            assert!(
                outcome.verdict == Verdict::Pass,
                "{protocol}, seed {seed}, {limits:?}: {:?}; {}",
                outcome.verdict,
                kept_small("in-virtual-time", &job.scenario)
            );
        });
    }

    #[test]
    fn records_count_as_claimed_whatever_fails(seed in any::<u64>(), wild in 1..5u32, operators in 0..4u32) {
        for_each_protocol(|protocol, limits| {
            let limits = Limits { wild, operators, ..limits };
            let job = compile(generate(seed, &limits, protocol));
            let (outcome, _) = run(&job, seed, Want { figures: false, ..Want::default() });
            assert!(
                outcome.verdict == Verdict::Pass,
                "{protocol}, seed {seed}, {limits:?}: {:?}; {}",
                outcome.verdict,
                kept_small("whatever-fails", &job.scenario)
            );
        });
    }

    #[test]
    fn records_count_as_claimed_whatever_fails_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>()) {
        for_each_protocol(|protocol, limits| {
            let limits = Limits { wild: 3, ..limits };
            let job = compile(generate(seed, &limits, protocol));
            let mut trace: Vec<Stamped> = Vec::new();
            let mut world = World::new(&job);
            let ended = wander(&job, &mut world, seed, &mut Seeded::new(choices), 200_000, &mut trace);
            assert!(ended, "{protocol}, seed {seed}, choices {choices}: the job came to no end");
            let verdict = support::judge(&job, seed, &trace);
            assert!(verdict == Verdict::Pass, "{protocol}, seed {seed}, choices {choices}: {verdict:?}");
        });
    }

    #[test]
    fn records_count_as_claimed_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>()) {
        for_each_protocol(|protocol, limits| {
            let job = compile(generate(seed, &limits, protocol));
            let mut trace: Vec<Stamped> = Vec::new();
            let mut world = World::new(&job);
            let ended = wander(&job, &mut world, seed, &mut Seeded::new(choices), 200_000, &mut trace);
            let kept = || kept("in-any-order", &job.scenario);
            assert!(ended, "{protocol}, seed {seed}, choices {choices}: the job came to no end; {}", kept());
            let verdict = support::judge(&job, seed, &trace);
            assert!(verdict == Verdict::Pass, "{protocol}, seed {seed}, choices {choices}: {verdict:?}; {}", kept());
        });
    }
}

/// The plainest order of all, without a clock: always the oldest possibility.
#[test]
fn records_count_as_claimed_when_the_oldest_step_comes_first() {
    for_each_protocol(|protocol, limits| {
        for seed in 0..30 {
            let job = compile(generate(seed, &limits, protocol));
            let mut trace: Vec<Stamped> = Vec::new();
            let ended = wander(&job, &mut World::new(&job), seed, &mut Fifo, 200_000, &mut trace);
            assert!(ended, "{protocol}, seed {seed}: the job came to no end; {}", kept("oldest-first", &job.scenario));
            let verdict = support::judge(&job, seed, &trace);
            assert!(
                verdict == Verdict::Pass,
                "{protocol}, seed {seed}: {verdict:?}; {}",
                kept("oldest-first", &job.scenario)
            );
        }
    });
}

/// Claims cut both ways: what says "at least once" must be seen to count a record twice, or it claims too little.
#[test]
fn who_claims_at_least_once_does_double_records() {
    for protocol in ZOO.iter().filter(|protocol| protocol.claims().delivery == Delivery::AtLeastOnce) {
        let limits = claimed(protocol.name(), Limits { faults: 2, ..SMALL });
        let doubled = (0..200).find(|seed| {
            let (outcome, runner) = run(&compile(generate(*seed, &limits, protocol.name())), *seed, Want::default());
            assert_eq!(outcome.verdict, Verdict::Pass, "{}, seed {seed}", protocol.name());
            runner.accounts().into_iter().flatten().any(|account| account.state.doubled() > 0)
        });
        assert!(doubled.is_some(), "{}: no record was doubled in 200 jobs with crashes", protocol.name());
    }
}
