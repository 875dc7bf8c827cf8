//! Jobs that go on, changed, from what was saved of them: every record counts once over the whole story.
//!
//! The law: **whatever is done to a job - it is stopped by a savepoint, drained or cancelled, taken up with other
//! parallelism on other machines, its tasks fail before and after - what its operators hold and its sinks show at the end
//! is what one run that nobody disturbed would hold and show.**

use cutline::campaign::{SMALL, Story, Want, limits_for};
use cutline::protocol::ZOO;
use cutline::scenario::{self, Limits, Origin, Scenario, generate_phases};

/// Of how many stories; `CUTLINE_CASES` says more.
fn cases() -> u64 {
    std::env::var("CUTLINE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_400)
}

/// The story of a seed.
fn story(seed: u64) -> Scenario {
    let coordinated: Vec<_> = ZOO.iter().filter(|of| of.claims().coordinated && of.claims().savepoints).collect();
    let protocol = coordinated[(seed % coordinated.len() as u64) as usize];
    let wild = if seed / 7 % 2 == 1 { 3 } else { 0 };
    let limits = limits_for(*protocol, Limits { wild, outside: true, records: 400, ..SMALL });
    generate_phases(seed, &limits, protocol.name())
}

#[test]
fn every_record_counts_once_over_all_phases() {
    let (mut taken_up, mut from_checkpoints, mut flying) = (0, 0, 0);
    for seed in 0..cases() {
        let scenario = story(seed);
        if let Err(problem) = scenario::check(&scenario) {
            panic!("seed {seed}: {problem}");
        }
        let want = Want { figures: false, ..Want::default() };
        let mut story = Story::new(&scenario, want, None).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        let mut branched = false;
        let ran = story.run(seed, |n, chapter, outcome| {
            branched |= chapter.runner.is_branch();
            if branched {
                // It could not stop, and went on: what it showed since is shown again.
                return;
            }
            if let Some(finding) = outcome.verdict.finding() {
                let text = scenario::write(&scenario);
                panic!("seed {seed}, phase {}: {}: {}\n{text}", n + 1, finding.check, finding.text);
            }
            taken_up += u64::from(n > 0);
            from_checkpoints += u64::from(chapter.phase.as_ref().is_some_and(|phase| phase.from == Origin::Checkpoint));
            flying += u64::from(chapter.runner.began_with() > 0);
        });
        // A job that was over before anybody asked for a savepoint leaves none.
        drop(ran);
    }
    let cases = cases();
    println!("{cases} stories, {taken_up} taken up, {from_checkpoints} from checkpoints, {flying} with data in flight");
    assert!(taken_up > cases / 3, "{taken_up} of {cases} were taken up");
    assert!(from_checkpoints > cases / 10, "{from_checkpoints} of {cases} from checkpoints");
    assert!(flying > cases / 100, "{flying} of {cases} with data in flight");
}

#[test]
fn a_story_goes_the_same_way_twice() {
    for seed in 0..50 {
        let scenario = story(seed);
        let mut digests = [Vec::new(), Vec::new()];
        let mut story = Story::new(&scenario, Want::default(), None).expect("it is right");
        for told in &mut digests {
            let _ = story.run(seed, |_, _, outcome| told.push(outcome.digest));
        }
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
}
