//! Law: moving a task from effect to effect gives, event for event, what moving it record by record gives.

mod support;

use cutline::campaign::Want;
use cutline::drive::Granularity;
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate};
use cutline::trace::first_divergence;
use proptest::prelude::*;
use support::{cases, claimed, compile, run};

fn limits() -> impl Strategy<Value = Limits> {
    (0..4u32, 1..4u32, 0..300u32, 0..3u32, 0..4u32, any::<bool>(), any::<bool>()).prop_map(
        |(operators, parallelism, records, faults, wild, cycles, chains)| Limits {
            operators,
            parallelism,
            records,
            faults,
            wild,
            lossy: true,
            cycles,
            concurrent: true,
            chains,
            any_edge: true,
            mixed: true,
            requests: false,
            outside: true,
            parameter: None,
            splits: true,
            coordinated: true,
            event_time: true,
            backends: true,
            over_time: true,
        },
    )
}

fn same_both_ways(seed: u64, limits: &Limits, protocol: &str) -> Result<(), TestCaseError> {
    let limits = claimed(protocol, *limits);
    let job = compile(generate(seed, &limits, protocol));
    let want = Want { trace: true, figures: false, ..Want::default() };
    let (fast, fast_runner) = run(&job, seed, want);
    let (slow, slow_runner) = run(&job, seed, Want { granularity: Granularity::Record, ..want });
    if let Some(divergence) = first_divergence(fast_runner.trace(), slow_runner.trace()) {
        return Err(TestCaseError::fail(format!("seed {seed}, {limits:?}, {protocol}: {divergence}")));
    }
    prop_assert_eq!(fast.digest, slow.digest);
    prop_assert_eq!(fast.hops, slow.hops);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), ..ProptestConfig::default() })]

    #[test]
    fn records_between_effects_are_no_events(
        seed in any::<u64>(),
        limits in limits(),
        protocol in prop::sample::select(ZOO.iter().map(|protocol| protocol.name()).collect::<Vec<_>>()),
    ) {
        same_both_ways(seed, &limits, protocol)?;
    }
}
