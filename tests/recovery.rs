//! Law: what a restart costs is what arithmetic says, part by part.
//!
//! A source reads what it had read before and what arrived meanwhile, as fast as it can, while more arrives. With
//! arrivals at rate λ, work at rate μ, D of downtime and a restore point that was `age` old, λ (age + D) records wait
//! when it begins, and the last of them is read λ (age + D) / (μ - λ) later.

mod support;

use cutline::base::{Arrivals, Burst, CheckpointId, Rate, Span, TaskId, Time};
use cutline::campaign::Want;
use cutline::check::{RestartFigures, Verdict};
use cutline::drive::{Granularity, Seeded, wander::wander};
use cutline::trace::{Event, Stamped};
use cutline::world::World;
use proptest::prelude::*;
use support::{cases, parse, run};

const ALL: Want = Want { figures: true, trace: true, granularity: Granularity::Effect };

/// A job in which only the source takes time; `rest` has the fields of the scenario that matter.
fn scenario(source: &str, protocol: &str, rest: &str) -> String {
    format!(
        r#"{{"cutline": 1,
          "job": {{"operators": [{{"id": "source", "kind": "source", "size": "1B", {source}}},
                                 {{"id": "sink", "kind": "sink", "service": "1us"}}],
                   "edges": [{{"from": "source", "to": "sink", "by": "hash"}}]}},
          "checkpoints": {{"protocol": "{protocol}", "interval": "500ms", "first": "500ms"}}, {rest}}}"#
    )
}

/// The restarts of a run, and all that happened.
fn restarts(text: &str) -> (Vec<RestartFigures>, Vec<Stamped>) {
    let (_, runner) = run(&parse(text), 1, ALL);
    (runner.figures().expect("they were wanted").restarts.clone(), runner.trace().to_vec())
}

/// The instants of events of a kind, in milliseconds.
fn millis(trace: &[Stamped], is: fn(&Event) -> bool) -> Vec<u64> {
    trace.iter().filter(|stamped| is(&stamped.event)).map(|stamped| stamped.at.0 / 1_000_000).collect()
}

#[test]
fn a_backlog_drains_at_the_rate_that_is_left() {
    // 10k/s arrive, 20k/s can be read. Checkpoint 2 is triggered at 1s, the source has the trigger 500us later and has
    // read records 0 to 10004. At 1.5s it begins again: 15000 have arrived, 4995 of them wait.
    let text = scenario(
        r#""rate": "10k/s", "service": "50us", "records": 40000"#,
        "aligned",
        r#""restart": {"delay": "200ms"}, "faults": [{"at": "1.3s", "fail": "sink"}]"#,
    );
    let (restarts, trace) = restarts(&text);
    let [restart] = &restarts[..] else { panic!("{restarts:?}") };
    let parts = restart.parts();
    assert_eq!((parts.detection, parts.back_off), (Span::ZERO, Some(Span::from_millis(200))));
    assert_eq!((parts.restore, parts.down, parts.channels), (Some(Span::ZERO), parts.back_off, None));
    let (lambda, mu, age, down) = (10_000, 20_000, 299_500, 200_000);
    let waiting: u64 = lambda * (age + down) / 1_000_000;
    assert_eq!(restart.lag, waiting + 1, "one more arrives before the first one is read");
    assert_eq!(parts.catch_up, Some(Span(waiting * 1_000_000_000 / (mu - lambda))), "499.5ms, to the nanosecond");
    assert_eq!(parts.total, Some(Span::from_micros(699_500)));
    // At 1.3s it had read 13000; from 10005 on that is 2995 records of 50us each.
    assert_eq!(restart.replayed, 2995);
    assert_eq!(millis(&trace, |event| matches!(event, Event::SourceReplayed { .. })), [1500 + 2995 / 20]);
}

#[test]
fn at_a_higher_load_the_same_downtime_costs_more() {
    // The fluid model for ρ = λ/μ from a half to nineteen twentieths: what waits, divided by what is left of the rate.
    for (service, left) in [("50us", 10_000), ("80us", 2_500), ("95us", 526)] {
        let source = format!(r#""rate": "10k/s", "service": "{service}", "records": 200000"#);
        let text = scenario(
            &source,
            "aligned",
            r#""restart": {"delay": "200ms"}, "faults": [{"at": "1.3s", "fail": "sink"}]"#,
        );
        let (restarts, _) = restarts(&text);
        let predicted = 4995 * 1_000_000_000 / left;
        let measured = restarts[0].parts().catch_up.expect("it caught up").0;
        assert!(measured.abs_diff(predicted) <= predicted / 500, "{service}: {measured} for {predicted}");
    }
}

#[test]
fn exponential_delay_waits_longer_after_each_failure_and_begins_anew_after_a_quiet_time() {
    let text = scenario(
        r#""rate": "1k/s", "service": "50us", "records": 10000"#,
        "aligned",
        r#""restart": {"strategy": "exponential-delay", "initial_backoff": "100ms", "max_backoff": "300ms", "multiplier": 2,
                       "reset_threshold": "2s", "jitter": 0},
           "faults": [{"at": "1s", "fail": "sink"}, {"at": "1.2s", "fail": "sink"}, {"at": "1.5s", "fail": "sink"},
                      {"at": "1.9s", "fail": "sink"}, {"at": "4.5s", "fail": "sink"}]"#,
    );
    let (restarts, _) = restarts(&text);
    let waits: Vec<u64> =
        restarts.iter().map(|r| r.parts().back_off.expect("it was restarted").0 / 1_000_000).collect();
    assert_eq!(waits, [100, 200, 300, 300, 100], "the last one comes 2.3s after the restart at 2.2s");
    let no_total: Vec<bool> = restarts.iter().map(|restart| restart.parts().total.is_none()).collect();
    assert_eq!(no_total, [false; 5], "each had caught up before the next");
}

#[test]
fn a_lost_machine_is_noticed_by_its_silence_and_the_restart_waits_for_another() {
    // It stops at 1.3s and is given up at 1.4s; another one is sent for then, and the restart is due at 1.45s.
    let parts = |cluster: &str| {
        let rest = format!(
            r#""cluster": {{"task_managers": 2, "heartbeat": "100ms", {cluster}}}, "restart": {{"delay": "50ms"}},
               "faults": [{{"at": "1.3s", "kill": "manager[1]"}}]"#
        );
        let text = scenario(r#""rate": "1k/s", "records": 3000, "on": [0]"#, "aligned", &rest);
        let (restarts, _) = restarts(&text.replace(r#""id": "sink","#, r#""id": "sink", "on": [1],"#));
        let [restart] = &restarts[..] else { panic!("{restarts:?}") };
        let parts = restart.parts();
        [Some(parts.detection), parts.back_off, parts.slots, parts.down].map(|part| part.map(|span| span.0 / 1_000_000))
    };
    assert_eq!(parts(r#""replacement": "400ms""#), [Some(100), Some(50), Some(350), Some(500)]);
    assert_eq!(parts(r#""replacement": "30ms""#), [Some(100), Some(50), Some(0), Some(150)], "it is there in time");
    assert_eq!(parts(r#""replacement": "400ms", "standby": 1"#), [Some(100), Some(50), Some(0), Some(150)]);
}

#[test]
fn a_lost_coordinator_is_noticed_by_its_takeover() {
    let text = scenario(
        r#""rate": "1k/s", "records": 3000"#,
        "aligned",
        r#""cluster": {"takeover": "300ms"}, "faults": [{"at": "1.3s", "kill": "coordinator"}]"#,
    );
    let (_, runner) = run(&parse(&text), 1, ALL);
    let figures = runner.figures().expect("wanted");
    let [restart] = &figures.restarts[..] else { panic!("{:?}", figures.restarts) };
    let (lost, took_over) = (Time(1_300_000_000), Time(1_600_000_000));
    assert_eq!((restart.cause, restart.lost, restart.took_over), (None, lost, took_over));
    let parts = restart.parts();
    assert_eq!((parts.detection, parts.back_off), (Span::from_millis(300), Some(Span::ZERO)));
    assert_eq!((parts.down, figures.downtime()), (Some(Span::from_millis(300)), Span::from_millis(300)));
}

#[test]
fn jitter_is_drawn_for_each_restart_and_each_seed() {
    let text = scenario(
        r#""rate": "1k/s", "records": 5000"#,
        "aligned",
        r#""restart": {"strategy": "exponential-delay", "initial_backoff": "100ms", "multiplier": 1, "jitter": "50%"},
           "faults": [{"at": "1s", "fail": "sink"}, {"at": "2s", "fail": "sink"}, {"at": "3s", "fail": "sink"}]"#,
    );
    let job = parse(&text);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let (_, runner) = run(&job, seed, ALL);
        let waits = runner.figures().expect("wanted").restarts.iter().map(|r| r.parts().back_off.expect("restarted"));
        let waits: Vec<Span> = waits.collect();
        assert!(waits.iter().all(|wait| (100..=150).contains(&(wait.0 / 1_000_000))), "{waits:?}");
        seen.extend(waits);
    }
    assert!(seen.len() > 20, "{} waits in 60 restarts", seen.len());
}

#[test]
fn a_job_that_fails_too_often_is_not_started_again() {
    let outcome = |restart: &str| {
        let rest = format!(
            r#""restart": {{{restart}}}, "faults": [{{"at": "1s", "fail": "sink"}}, {{"at": "1.5s", "fail": "sink"}}]"#
        );
        let (outcome, runner) = run(&parse(&scenario(r#""rate": "1k/s", "records": 5000"#, "aligned", &rest)), 1, ALL);
        (outcome.verdict.name(), runner.figures().expect("wanted").restarts.len())
    };
    assert_eq!(outcome(r#""strategy": "none""#), ("STUCK", 0));
    assert_eq!(outcome(r#""delay": "100ms", "attempts": 1"#), ("STUCK", 1));
    assert_eq!(outcome(r#""strategy": "failure-rate", "delay": "100ms", "interval": "500ms""#), ("STUCK", 1));
    assert_eq!(outcome(r#""strategy": "failure-rate", "delay": "100ms", "interval": "499ms""#), ("PASS", 2));
    assert_eq!(outcome(r#""strategy": "exponential-delay", "initial_backoff": "100ms", "attempts": 1"#), ("STUCK", 1));
    assert_eq!(outcome(r#""strategy": "exponential-delay", "initial_backoff": "100ms""#), ("PASS", 2));
}

#[test]
fn without_a_clock_a_strategy_that_gives_up_ends_the_job_and_others_let_it_end() {
    for (restart, gives_up) in [
        (r#""strategy": "none""#, true),
        (r#""strategy": "failure-rate", "max_failures": 10"#, false),
        (r#""strategy": "exponential-delay""#, false),
    ] {
        let rest = format!(
            r#""restart": {{{restart}}}, "faults": [{{"at": "1s", "fail": "sink"}}, {{"at": "1s", "fail": "source"}}]"#
        );
        let job = parse(&scenario(r#""rate": "1k/s", "records": 50"#, "aligned", &rest));
        for seed in 0..50 {
            let (mut world, mut trace) = (World::new(&job), Vec::<Stamped>::new());
            let mut chooser = Seeded::new(seed);
            assert!(wander(&job, &mut world, seed, &mut chooser, 100_000, &mut trace), "{restart}: it came to an end");
            let failed = trace.iter().any(|stamped| matches!(stamped.event, Event::TaskCancelled { .. }));
            let drained = matches!(trace.last().map(|last| last.event), Some(Event::RunEnded { drained: 1 }));
            assert_eq!(drained, !(gives_up && failed), "{restart}, seed {seed}");
        }
    }
}

#[test]
fn what_was_put_back_into_channels_is_read_after_the_start() {
    // The sink is the bottleneck: barriers overtake the full buffers before it, and it reads those that it had again.
    let text = scenario(
        r#""rate": "50k/s", "service": "5us", "records": 100000"#,
        "unaligned",
        r#""cluster": {"task_managers": 2}, "network": {"segment": "1KiB"}, "restart": {"delay": "100ms"},
           "faults": [{"at": "1.3s", "fail": "sink"}]"#,
    );
    let text = text.replace(r#""service": "1us""#, r#""service": "30us", "on": [1]"#);
    let (restarts, trace) = restarts(&text);
    let put_back = |event: &Event| match *event {
        Event::InputPersisted { checkpoint: CheckpointId(2), records, .. } => u64::from(records),
        _ => 0,
    };
    let records: u64 = trace.iter().map(|stamped| put_back(&stamped.event)).sum();
    assert!(records > 5000, "{records}");
    assert_eq!(restarts[0].restored, Some(CheckpointId(2)));
    assert_eq!(restarts[0].parts().channels, Some(Span::from_micros(30) * records));
}

#[test]
fn a_source_that_was_kept_alive_has_a_backlog_too() {
    let text = scenario(
        r#""rate": "10k/s", "service": "50us", "records": 40000"#,
        "uncoordinated",
        r#""restart": {"delay": "200ms"}, "faults": [{"at": "1.3s", "fail": "sink"}]"#,
    );
    let (restarts, trace) = restarts(&text);
    let rewound = trace.iter().filter(|stamped| matches!(stamped.event, Event::SourceRewound { .. })).count();
    assert_eq!((rewound, restarts[0].replayed), (0, 0));
    // 2000 arrive in the 200ms, and it is one too many when the first is read.
    assert_eq!(restarts[0].lag, 2001);
    assert_eq!(restarts[0].parts().catch_up, Some(Span::from_millis(200)));
}

#[test]
fn a_source_without_a_rate_has_caught_up_when_it_has_read_again_what_it_had_read() {
    let text = scenario(
        r#""service": "50us", "records": 40000"#,
        "aligned",
        r#""restart": {"delay": "200ms"}, "faults": [{"at": "1.3s", "fail": "sink"}]"#,
    );
    let (restarts, _) = restarts(&text);
    assert_eq!((restarts[0].replayed, restarts[0].lag), (26_000 - 20_010, 0));
    assert_eq!(restarts[0].parts().catch_up, Some(Span::from_micros(50) * restarts[0].replayed));
}

#[test]
fn who_fails_or_stops_before_that_is_left_behind() {
    // At 1.6s, 100ms after the first restart, 2000 records have been read and 16000 have arrived.
    let text = scenario(
        r#""rate": "10k/s", "service": "50us""#,
        "aligned",
        r#""restart": {"delay": "200ms"}, "run": {"limit": "2s"},
           "faults": [{"at": "1.3s", "fail": "sink"}, {"at": "1.6s", "fail": "sink"}]"#,
    );
    let (restarts, trace) = restarts(&text);
    let left: Vec<(u64, u64, u64)> = trace
        .iter()
        .filter_map(|stamped| match stamped.event {
            Event::SourceLeftBehind { position, lag, .. } => Some((stamped.at.0 / 1_000_000, position, lag)),
            _ => None,
        })
        .collect();
    // The second restart goes back to 10005 at 1.8s; at 2s, 4000 further on, sources stop.
    assert_eq!(left, [(1600, 12_005, 4996), (2000, 14_005, 18_001 - 10_005)]);
    assert_eq!(restarts.iter().map(|r| (r.lag, r.parts().catch_up)).collect::<Vec<_>>(), [(4996, None), (7996, None)]);
}

/// What a source goes through after a restart, record by record: when it has caught up, and the most that waited.
fn by_hand(arrivals: &Arrivals, service: Span, begins: Time, position: u64, end: u64) -> (Time, u64) {
    let arrival = |n| Time::ZERO + arrivals.at(n);
    let (mut now, mut position, mut arrived, mut most) = (begins, position, position, 0);
    while position < end && arrival(position) < now {
        now += service;
        while arrived < end && arrival(arrived) < now {
            arrived += 1;
        }
        most = most.max(arrived - position);
        position += 1;
    }
    (now, most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(100), ..ProptestConfig::default() })]

    #[test]
    fn lag_and_catch_up_are_those_of_a_loop_over_the_records(
        rate in 100..20_000u64,
        service in 1..60u64,
        burst in prop::option::of((100..900u64, 1..100u64, 2..6u32)),
        subtasks in 1..3u32,
        (at, delay) in (0..3000u64, 0..700u64),
    ) {
        let bursts = burst.map_or(String::new(), |(every, length, times)| {
            format!(r#""burst": {{"every": "{every}ms", "length": "{length}ms", "times": {times}}},"#)
        });
        let source = format!(
            r#""rate": "{rate}/s", "service": "{service}us", {bursts} "records": 40000, "parallelism": {subtasks}"#
        );
        let rest = format!(r#""restart": {{"delay": "{delay}ms"}}, "faults": [{{"at": "{at}ms", "fail": "sink"}}]"#);
        // So much room that the source never waits for the sink.
        let rest = format!(r#""network": {{"max_per_channel": 1000000, "exclusive": 1000000}}, {rest}"#);
        let (outcome, runner) = run(&parse(&scenario(&source, "aligned", &rest)), 1, ALL);
        prop_assert_eq!(outcome.verdict, Verdict::Pass);
        let burst = burst.map(|(every, length, times)| {
            Burst { every: Span::from_millis(every), length: Span::from_millis(length), times }
        });
        let arrivals = Arrivals { rate: Some(Rate(rate)), subtasks, burst };
        let find = |is: &dyn Fn(&Event) -> bool| runner.trace().iter().filter(|s| is(&s.event)).last().copied();
        for task in (0..subtasks).map(TaskId) {
            let rewound = find(&|event| matches!(event, Event::SourceRewound { task: of, .. } if *of == task));
            let Some(Event::SourceRewound { position, .. }) = rewound.map(|s| s.event) else { continue };
            let started = find(&|event| matches!(event, Event::TaskStarted { task: of, .. } if *of == task));
            let caught = find(&|event| matches!(event, Event::SourceCaughtUp { task: of, .. } if *of == task));
            let caught = caught.expect("every source caught up");
            let Event::SourceCaughtUp { lag, .. } = caught.event else { unreachable!() };
            let end = 40_000 / u64::from(subtasks);
            let begins = started.expect("it was started").at;
            prop_assert_eq!((caught.at, lag), by_hand(&arrivals, Span::from_micros(service), begins, position, end));
        }
    }
}
