//! Law: where the time of a checkpoint went is told without gaps, whatever job, settings and protocol: the
//! parts of the critical path add up to the end-to-end duration, and the events tell the cause of each.

mod support;

use cutline::base::Span;
use cutline::campaign::Want;
use cutline::model::{Cause, explain};
use cutline::protocol::ZOO;
use cutline::scenario::{Limits, generate};
use proptest::prelude::*;
use support::{SMALL, cases, claimed, compile, run};

/// Explains every completed checkpoint of a generated job; returns how many there were, and how many of them
/// waited for a captured channel.
fn explained(seed: u64, limits: &Limits, protocol: &str) -> (u64, u64) {
    let job = compile(generate(seed, limits, protocol));
    let (_, runner) = run(&job, seed, Want::default());
    let figures = runner.figures().expect("they were wanted");
    let (mut completed, mut captured) = (0, 0);
    for checkpoint in figures.completed() {
        let told = explain(&job.plan, checkpoint).expect("it completed");
        let what = format!("{protocol}, seed {seed}, {limits:?}, checkpoint {}: {told:#?}", checkpoint.id);
        let mut at = checkpoint.triggered;
        for part in &told.parts {
            assert!(part.from == at && part.to > at, "a gap at {at}: {what}");
            at = part.to;
        }
        assert!(at == checkpoint.last_ack, "an end at {at}: {what}");
        let sum = Cause::ALL.iter().fold(Span::ZERO, |sum, cause| sum + told.total(*cause));
        assert!(Some(sum) == checkpoint.end_to_end(), "{sum} in sum: {what}");
        assert!(told.total(Cause::Unknown) == Span::ZERO, "something is unknown: {what}");
        let snapshots = told.total(Cause::Sync) + told.total(Cause::Async);
        assert!(told.predicted + told.beyond() == snapshots + told.overlap(), "snapshots: {what}");
        assert!(told.main_cause() != "none" || told.end_to_end == told.predicted, "no cause: {what}");
        let mut before_the_last = told.path[..told.path.len() - 1].to_vec();
        before_the_last.sort_unstable();
        assert!(before_the_last.is_sorted_by(|a, b| a < b), "round a cycle: {what}");
        completed += 1;
        captured += u64::from(told.total(Cause::Capture) > Span::ZERO);
    }
    (completed, captured)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), ..ProptestConfig::default() })]

    #[test]
    fn the_parts_of_every_critical_path_add_up(seed in any::<u64>(), faults in 0..3u32) {
        for protocol in ZOO.iter().filter(|protocol| protocol.claims().coordinated_cut) {
            let limits = claimed(protocol.name(), Limits { faults, cycles: true, ..SMALL });
            let (_, captured) = explained(seed, &limits, protocol.name());
            assert!(captured == 0 || protocol.name() != "aligned", "aligned barriers capture nothing: seed {seed}");
        }
    }
}

/// The law says nothing if nothing happens: among some jobs there are enough checkpoints of both kinds.
#[test]
fn generated_jobs_wait_for_captured_channels() {
    let limits = claimed("chandy-lamport", Limits { cycles: true, ..SMALL });
    let of = (0..60).map(|seed| explained(seed, &limits, "chandy-lamport"));
    let (completed, captured) = of.fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
    assert!(completed >= 60 && captured >= 10, "{completed} completed, {captured} waited");
}
