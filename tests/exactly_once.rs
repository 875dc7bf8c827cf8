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
use cutline::drive::{Fifo, Seeded};
use cutline::protocol::{Delivery, ZOO};
use cutline::scenario::{Limits, generate};
use proptest::prelude::*;
use support::{SMALL, cases, claimed, compile, passes_in_order, passes_in_virtual_time, run};

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
            let scenario = generate(seed, &Limits { faults, operators, ..limits }, protocol);
            passes_in_virtual_time(scenario, seed, "in-virtual-time");
        });
    }

    #[test]
    fn records_count_as_claimed_whatever_fails(seed in any::<u64>(), wild in 1..5u32, operators in 0..4u32) {
        for_each_protocol(|protocol, limits| {
            let scenario = generate(seed, &Limits { wild, operators, ..limits }, protocol);
            passes_in_virtual_time(scenario, seed, "whatever-fails");
        });
    }

    #[test]
    fn records_count_as_claimed_whatever_fails_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>()) {
        for_each_protocol(|protocol, limits| {
            let scenario = generate(seed, &Limits { wild: 3, ..limits }, protocol);
            passes_in_order(scenario, seed, &mut Seeded::new(choices), "whatever-fails-in-any-order");
        });
    }

    #[test]
    fn records_count_as_claimed_in_any_interleaving(seed in any::<u64>(), choices in any::<u64>()) {
        for_each_protocol(|protocol, limits| {
            let scenario = generate(seed, &limits, protocol);
            passes_in_order(scenario, seed, &mut Seeded::new(choices), "in-any-order");
        });
    }
}

/// The plainest order of all, without a clock: always the oldest possibility.
#[test]
fn records_count_as_claimed_when_the_oldest_step_comes_first() {
    for_each_protocol(|protocol, limits| {
        for seed in 0..30 {
            passes_in_order(generate(seed, &limits, protocol), seed, &mut Fifo, "oldest-first");
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
