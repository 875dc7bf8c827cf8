//! Law: a hunt finds the same whatever the threads do; faults are counted in the windows in which they strike, and never
//! in one that is said to be out of reach.

mod support;

use cutline::campaign::{HuntOrder, HuntProgress, Hunted, ProtocolChoice, Runner, SMALL, Want, Window, hunt};
use cutline::protocol::ZOO;
use cutline::scenario::Limits;
use std::collections::BTreeMap;
use support::{cases, parse};

fn hunted(order: &HuntOrder) -> Hunted {
    hunt(order, &HuntProgress::default()).unwrap_or_else(|problem| panic!("{problem}"))
}

/// So many seeds under every protocol, each with many faults.
fn wild(seeds: u64) -> HuntOrder {
    let limits = Limits { wild: 6, cycles: true, outside: true, ..SMALL };
    HuntOrder { limits, runs: 0..seeds * ZOO.len() as u64, windows: true, ..HuntOrder::default() }
}

#[test]
fn threads_do_not_change_what_is_found() {
    let one = hunted(&wild(20));
    assert!(one.events > 10_000, "{}", one.events);
    for threads in [2, 5] {
        assert_eq!(hunted(&HuntOrder { threads, ..wild(20) }), one, "{threads} threads");
    }
}

#[test]
fn the_parts_of_a_hunt_are_the_hunt() {
    let whole = hunted(&wild(20));
    let mut parts = hunted(&HuntOrder { runs: 0..50, ..wild(20) });
    parts.merge(hunted(&HuntOrder { runs: 50..20 * ZOO.len() as u64, ..wild(20) }));
    assert_eq!(parts, whole);
}

#[test]
fn faults_strike_in_every_window_that_is_not_said_to_be_out_of_reach_and_in_no_other() {
    let order = HuntOrder { threads: 2, ..wild(u64::from(cases(400))) };
    let hunted = hunted(&order);
    for (n, strikes) in hunted.strikes.iter().enumerate() {
        let protocol = order.protocol(n);
        let cells = strikes.cells(protocol);
        for cell in &cells {
            assert!(
                cell.never.is_none() || cell.count == 0,
                "{}: {} in {:?} is said to be out of reach ({:?}), but struck {} times",
                protocol.name(),
                cell.fault,
                cell.window,
                cell.never,
                cell.count
            );
        }
    }
    // By protocol that takes more runs than a test has time for.
    let mut struck: BTreeMap<(&str, Window), u64> = BTreeMap::new();
    let cells = hunted.strikes.iter().enumerate().flat_map(|(n, strikes)| strikes.cells(order.protocol(n)));
    for cell in cells.filter(|cell| cell.never.is_none() && cell.seldom.is_none()) {
        *struck.entry((cell.fault, cell.window)).or_default() += cell.count;
    }
    assert!(struck.len() > 300, "{} pairs of a fault and a window", struck.len());
    let never: Vec<_> = struck.iter().filter(|(_, count)| **count == 0).collect();
    assert!(never.is_empty(), "these could strike under some protocol, and did under none: {never:?}");
}

/// Strikes once, and says in which windows that was.
fn windows(protocol: &str, fault: &str) -> Vec<Window> {
    let job = parse(&format!(
        r#"{{"cutline": 1,
        "job": {{
            "operators": [
                {{"id": "in", "kind": "source", "records": 400, "rate": "10k/s"}},
                {{"id": "count", "kind": "count", "snapshot": {{"async": "1ms"}}}},
                {{"id": "out", "kind": "sink", "output": "two-phase"}}],
            "edges": [{{"from": "in", "to": "count"}}, {{"from": "count", "to": "out"}}]}},
        "network": {{"rpc": "100us"}},
        "storage": {{"metadata": "1ms"}},
        "cluster": {{"task_managers": 2}},
        "checkpoints": {{"protocol": "{protocol}", "interval": "10ms", "first": "10ms"}},
        "restart": {{"delay": "1ms"}},
        "faults": [{fault}]}}"#
    ));
    let mut runner = Runner::new(job, Want::default()).expect("no bounds").counting_windows();
    runner.run(1);
    let strikes = runner.windows_mut().expect("they are counted").take_strikes();
    let cells = strikes.cells(ZOO[0]).into_iter().filter(|cell| cell.count > 0 && cell.fault == "pause");
    cells.map(|cell| cell.window).collect()
}

/// A fault that changes nothing by itself, at an event.
fn at(event: &str) -> String {
    format!(r#"{{"when": {{"event": {event}}}, "pause": {{"of": "in", "for": "1ns"}}}}"#)
}

#[test]
fn windows_open_and_close_with_their_events() {
    use Window::{
        Barriers, CoordinatorLost, Down, Ending, First, Idle, ManagerSilent, Preparing, Recovering, Replaying,
        Restoring, Unacknowledged, Uncommitted, Unnotified, Unrecorded,
    };
    let failing = r#"{"when": {"event": "checkpoint-completed", "checkpoint": 2}, "fail": "count"}"#;
    let lost = |what: &str| format!(r#"{{"at": "25ms", "kill": "{what}"}}"#);
    for (others, event, open) in [
        ("", r#""task-started""#, vec![First]),
        ("", r#""checkpoint-triggered""#, vec![Preparing]),
        ("", r#""trigger-received""#, vec![Barriers]),
        ("", r#""snapshot-taken", "of": "count""#, vec![Barriers, Unacknowledged]),
        ("", r#""snapshot-taken", "of": "out""#, vec![Unacknowledged, Uncommitted]),
        ("", r#""ack-received", "nth": 3"#, vec![Unrecorded, Uncommitted]),
        ("", r#""record-stored""#, vec![Idle, Unnotified, Uncommitted]),
        ("", r#""complete-received", "nth": 3"#, vec![Idle]),
        ("", r#""task-drained", "of": "in""#, vec![Idle, Ending]),
        (failing, r#""job-restarting""#, vec![Unnotified, Uncommitted, Down, Recovering]),
        (failing, r#""restore-point", "nth": 3"#, vec![Idle, Restoring, Replaying, Recovering]),
        (&lost("coordinator"), r#""coordinator-lost""#, vec![Idle, CoordinatorLost]),
        (&lost("manager[0]"), r#""manager-lost""#, vec![Idle, ManagerSilent]),
    ] {
        let faults = [others, &at(event)].into_iter().filter(|fault| !fault.is_empty()).collect::<Vec<_>>().join(", ");
        assert_eq!(windows("aligned", &faults), open, "{event}");
    }
}

#[test]
fn a_fault_that_finds_nothing_to_strike_is_not_counted() {
    let job = |fault: &str| {
        let order = HuntOrder {
            protocols: ProtocolChoice::parse_list("aligned").expect("it is in the zoo"),
            scenario: Some(
                cutline::scenario::parse(
                    &format!(
                        r#"{{"cutline": 1,
                        "job": {{
                            "operators": [
                                {{"id": "in", "kind": "source", "records": 400, "rate": "10k/s"}},
                                {{"id": "out", "kind": "sink", "output": "two-phase"}}],
                            "edges": [{{"from": "in", "to": "out"}}]}},
                        "faults": [{{"at": "5ms", "kill": "coordinator"}}, {fault}]}}"#
                    ),
                    "test.json",
                )
                .unwrap_or_else(|problem| panic!("{problem}")),
            ),
            runs: 0..3,
            windows: true,
            ..HuntOrder::default()
        };
        let hunted = hunted(&order);
        let cells = hunted.strikes[0].cells(order.protocol(0));
        let here = cells.iter().filter(|cell| cell.window == Window::First && cell.fault == "coordinator-loss");
        here.map(|cell| cell.count).sum::<u64>()
    };
    assert_eq!(job(r#"{"at": "6ms", "kill": "coordinator"}"#), 3, "who is lost cannot be lost again");
    assert_eq!(job(r#"{"at": "4ms", "kill": "coordinator"}"#), 3, "nor here");
    assert_eq!(job(r#"{"at": "1ms", "fail": "in"}"#), 3);
}
