//! Every check can fail: clean traces pass all of them, and each forged change trips exactly the check that is there
//! for it.
//!
//! The clean traces are written by hand, without the simulator, so that the checks are judged by the meaning of the
//! events alone: `story` is a job that writes down what it does, `tales` are what it is made to do, and `forgeries` are
//! what is changed in each, with the signature that must come out.

mod forge;
mod forgeries;
mod story;
mod tales;

use cutline::base::{ChannelId, Fingerprint, TaskId, Time};
use cutline::check::{CHECKS, Checks, Claim, Claims, Verdict};
use cutline::trace::{Event, EventKind, Observer};
use cutline::workload::Expected;
use forge::{ahead, alter, at_the_end, find};
use forgeries::TALES;
use std::collections::BTreeMap;
use tales::{AT_LEAST, EXACTLY, copying, standing};

#[test]
fn clean_traces_pass_every_check_and_every_check_looked() {
    let mut looked: BTreeMap<&str, u64> = BTreeMap::new();
    for tale in TALES {
        let story = (tale.tell)();
        let mut checks = story.checks(tale.claims);
        let verdict = judge(&mut checks, &story.events, &story.expected());
        assert_eq!(verdict.name(), tale.verdict, "{}: {:#?}", tale.name, checks.findings());
        assert!(told(&checks).iter().all(|check| *check == "liveness"), "{}: {:#?}", tale.name, checks.findings());
        checks.examined().for_each(|(name, examined)| *looked.entry(name).or_default() += examined);
    }
    for entry in CHECKS {
        let name = entry.about.name;
        assert!(looked.get(name).is_some_and(|examined| *examined > 0), "{name} examined nothing");
    }
}

#[test]
fn each_forged_change_trips_exactly_its_check() {
    let mut wrong = Vec::new();
    for tale in TALES {
        let story = (tale.tell)();
        let mut checks = story.checks(tale.claims);
        for (check, what, signature, forge) in tale.forgeries {
            let mut forged = story.events.clone();
            forge(&mut forged);
            assert_ne!(forged, story.events, "{what}: nothing was forged");
            checks.reset();
            let verdict = judge(&mut checks, &forged, &story.expected());
            let kept = checks.findings().kept();
            let first = verdict.finding().map(|finding| finding.signature.as_str());
            // A run that stands still is always stuck besides.
            let besides = if tale.verdict == "STUCK" { "liveness" } else { check };
            let is_stuck = *check == "liveness";
            if first != Some(*signature)
                || told(&checks).iter().any(|of| of != check && *of != besides)
                || verdict.name() != if is_stuck { "STUCK" } else { "FAIL" }
            {
                let told: Vec<String> = kept.iter().map(|f| format!("\n      {}: {}", f.signature, f.text)).collect();
                let found = format!("{}{}", verdict.name(), told.concat());
                wrong.push(format!("\n  {}, {check}, {what}: expected {signature}, got {found}", tale.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn every_check_has_a_forged_trace() {
    for entry in CHECKS {
        let name = entry.about.name;
        let has_one = TALES.iter().flat_map(|tale| tale.forgeries).any(|(check, ..)| *check == name);
        assert!(has_one, "forge a trace that trips `{name}`");
    }
}

#[test]
fn texts_name_tasks_and_numbers() {
    let text = |tale: &str, what: &str| {
        let tale = TALES.iter().find(|of| of.name == tale).expect("it is told");
        let story = (tale.tell)();
        let (.., forge) = tale.forgeries.iter().find(|(_, of, ..)| *of == what).expect("it is in the table");
        let (mut checks, mut forged) = (story.checks(tale.claims), story.events.clone());
        forge(&mut forged);
        judge(&mut checks, &forged, &story.expected()).finding().expect("it is found").text.clone()
    };
    assert_eq!(
        text("copying", "captured records are forgotten"),
        "in checkpoint 1, source[1] has sent 8 records to count[0], of which 6 are in a snapshot: 2 lost"
    );
    assert_eq!(text("copying", "a record is applied twice"), "count has applied 35 records instead of 34: 1 too many");
    assert_eq!(
        text("overtaking", "the last buffer before the barrier is forgotten"),
        "in checkpoint 4, on source[0]->count[1], buffers 6 to 6 are before the barrier, and nobody saved them"
    );
    assert_eq!(
        text("overtaking", "a sender keeps what has been received"),
        "in checkpoint 4, count[1] has received 9 records of source[0], which has sent 10 and kept 2 of them: 1 orphans"
    );
    assert_eq!(
        text("copying", "a snapshot cannot be read, and no restart follows"),
        "5 of 5 tasks did not finish: checkpoint 1 of count[1] cannot be read, and after one restart the restart \
         strategy allows no further restart"
    );
    assert_eq!(
        text("standing", "a sender is not told that credits came"),
        "source[1] has buffer 3 of source[1]->count[0] and 1 credits, but does not send it"
    );
}

#[test]
fn a_reset_check_is_as_new_and_a_clone_goes_on_alike() {
    for tale in TALES {
        let story = (tale.tell)();
        let fingerprint = |checks: &Checks| {
            let mut f = Fingerprint::default();
            checks.fingerprint(&mut f);
            f.finish()
        };
        let mut checks = story.checks(tale.claims);
        let fresh = fingerprint(&checks);
        let (first, second) = story.events.split_at(story.events.len() / 2);
        feed(&mut checks, first);
        let mut copy = checks.clone();
        assert_ne!(fingerprint(&checks), fresh);
        for (n, event) in second.iter().enumerate() {
            checks.event(Time(n as u64), event);
            copy.event(Time(2 * n as u64), event);
            assert_eq!(fingerprint(&checks), fingerprint(&copy), "times must not be part of it: {event:?}");
        }
        let (one, two) = (checks.finish(Some(&story.expected())), copy.finish(Some(&story.expected())));
        assert_eq!(one.name(), two.name());
        checks.reset();
        assert_eq!(fingerprint(&checks), fresh);
        assert_eq!(judge(&mut checks, &story.events, &story.expected()).name(), tale.verdict, "{}", tale.name);
    }
}

#[test]
fn a_protocol_is_only_held_to_what_it_claims() {
    let story = copying();
    let mut events = story.events.clone();
    // At least once: the receiver keeps a record that is sent again, applies it twice, and the sink shows it twice.
    ahead(&mut events, ChannelId(5));
    for nth in [3, 4] {
        alter(&mut events, EventKind::StateFinal, nth, |e| {
            if let Event::StateFinal { applied, .. } = e {
                *applied += 1;
            }
        });
    }
    let mut checks = story.checks(AT_LEAST);
    assert_eq!(judge(&mut checks, &events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
    assert_eq!(
        checks.examined().map(|(name, _)| name).collect::<Vec<_>>(),
        [
            "order",
            "records",
            "buffers",
            "completion",
            "aborts",
            "ids",
            "files",
            "failures",
            "restore",
            "at-least",
            "commits",
            "wake-up",
            "liveness",
            "splits",
            "watermarks",
            "registry",
            "entries",
            "timers"
        ]
    );
    let mut checks = story.checks(Claims::of(&[]));
    assert_eq!(judge(&mut checks, &events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
}

#[test]
fn without_a_coordinator_restores_are_judged_by_their_channels() {
    let story = copying();
    let mut events = story.events.clone();
    events.retain(|event| !matches!(event, Event::CheckpointCompleted { .. } | Event::CompleteReceived { .. }));
    let mut checks = story.checks(Claims::of(&[Claim::ExactlyOnceState, Claim::ExactlyOnceOutput]));
    assert_eq!(judge(&mut checks, &events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
    ahead(&mut events, ChannelId(5));
    checks.reset();
    let verdict = judge(&mut checks, &events, &story.expected());
    assert_eq!(verdict.finding().map(|finding| finding.signature.as_str()), Some("restore/orphan count->sink"));
}

#[test]
fn a_run_that_was_cut_off_is_not_taken_for_one_that_stands_still() {
    let story = standing();
    let lost = Event::SegmentReturned { task: TaskId(0), in_use: 1 };
    let verdict = |more: &[Event], cut: bool| {
        let mut events = story.events.clone();
        at_the_end(&mut events, &[&[lost], more].concat());
        if cut {
            events.truncate(find(&events, EventKind::SourceFinal, 0));
        }
        let mut checks = story.checks(EXACTLY);
        judge(&mut checks, &events, &story.expected()).name()
    };
    let task = TaskId(0);
    assert_eq!(verdict(&[], false), "FAIL", "a task waits although its segments came back");
    assert_eq!(verdict(&[], true), "STUCK", "nobody said that the run is over");
    let synced = Event::SnapshotStarted { task: TaskId(4), checkpoint: cutline::base::CheckpointId(1), overtaking: 0 };
    assert_eq!(verdict(&[synced], false), "STUCK", "a task takes a snapshot");
    assert_eq!(verdict(&[Event::TaskUnblocked { task: TaskId(2) }], false), "STUCK", "a task reads");
    let restart = Event::JobRestarting { task, attempt: cutline::base::Attempt(1) };
    assert_eq!(verdict(&[restart; 3], false), "FAIL", "the job was restarted and then stood still");
    assert_eq!(verdict(&[restart; 4], false), "STUCK", "the job is restarted for ever");
}

#[test]
fn a_run_in_which_nothing_happened_has_not_passed() {
    let story = copying();
    let mut checks = story.checks(EXACTLY);
    assert_eq!(judge(&mut checks, &[Event::RunEnded { drained: 0 }], &Expected::default()).name(), "STUCK");
    let mut none = Checks::of(story.plan.clone(), Vec::new());
    assert_eq!(judge(&mut none, &[Event::RunEnded { drained: 1 }], &Expected::default()).name(), "MISS");
}

/// The checks that found something.
fn told(checks: &Checks) -> Vec<&'static str> {
    checks.findings().kept().iter().map(|finding| finding.check).collect()
}

fn judge(checks: &mut Checks, events: &[Event], expected: &Expected) -> Verdict {
    feed(checks, events);
    checks.finish(Some(expected))
}

fn feed(checks: &mut Checks, events: &[Event]) {
    events.iter().enumerate().for_each(|(n, event)| checks.event(Time(n as u64), event));
}
