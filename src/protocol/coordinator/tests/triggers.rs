//! When checkpoints begin: the interval, the pause, requests, room.

use super::*;

// ---- the interval ----

#[test]
fn a_tick_sets_the_next_one_first_and_then_begins_a_checkpoint_at_the_sources() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    assert_eq!(desk.pass(ms(99)), []);
    let barrier = Barrier {
        checkpoint: CheckpointId(1),
        kind: BarrierKind::Blocking,
        purpose: Purpose::Checkpoint,
        triggered: Moment(ms(100).0),
    };
    let trigger = |task| Do::Trigger { task: TaskId(task), barrier };
    let expected = [
        Do::SetTimer { timer: INTERVAL, delay: ms(100) },
        Do::Begin(barrier),
        Do::SetTimer { timer: expiry(CheckpointId(1)), delay: Span::from_secs(1) },
        trigger(0),
        trigger(1),
    ];
    assert_eq!(desk.pass(ms(1)), expected);
}

#[test]
fn the_interval_is_a_fixed_rate_however_long_a_checkpoint_takes() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    desk.pass(ms(60));
    desk.complete(1);
    assert_eq!(desk.pass(ms(39)), []);
    assert_eq!(desk.pass(ms(1)).begun(), [2], "at 200ms");
}

#[test]
fn ticks_that_find_no_room_pile_up_and_catch_up() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    assert_eq!(desk.pass(ms(330)).begun(), [1]);
    assert_eq!(desk.complete(1).begun(), [2], "the tick at 200ms");
    assert_eq!(desk.complete(2).begun(), [3], "the tick at 300ms");
    assert_eq!(desk.complete(3).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(70)).begun(), [4], "at 400ms");
}

#[test]
fn the_first_tick_is_drawn_from_the_pause_to_the_interval_in_milliseconds() {
    let first = |draw| {
        let change = |settings: &mut Settings| (settings.first, settings.min_pause) = (None, ms(40));
        let mut desk = Desk::before_the_start(JOB, ALIGNED, change);
        desk.clock.draw = draw;
        desk.start()
    };
    let timer = |delay| [Do::SetTimer { timer: INTERVAL, delay }];
    assert_eq!(first(0), timer(ms(40)));
    assert_eq!(first(u64::MAX), timer(ms(100)));
    assert_eq!(first(u64::MAX / 2), timer(ms(70)));
}

#[test]
fn an_interval_shorter_than_the_pause_is_as_long_as_the_pause() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.min_pause = ms(250));
    assert!(desk.pass(ms(100)).has(&Do::SetTimer { timer: INTERVAL, delay: ms(250) }));
}

// ---- the pause ----

#[test]
fn a_tick_within_the_pause_moves_the_phase_to_the_end_of_the_pause() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.min_pause = ms(70));
    desk.pass(ms(150));
    desk.complete(1);
    let out = desk.pass(ms(50));
    assert!(out.begun().is_empty(), "at 200ms the pause goes on until 220ms");
    assert!(out.has(&Do::CancelTimer(INTERVAL)) && out.has(&Do::SetTimer { timer: PAUSE, delay: ms(20) }));
    assert_eq!(desk.pass(ms(19)), []);
    assert_eq!(desk.pass(ms(1)).begun(), [2], "at 220ms");
    desk.complete(2);
    assert_eq!(desk.pass(ms(99)).begun(), [0; 0], "the old phase is forgotten");
    assert_eq!(desk.pass(ms(1)).begun(), [3], "at 320ms");
}

#[test]
fn a_periodic_request_that_waited_for_room_is_dropped_if_the_completion_begins_a_pause() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.min_pause = ms(70));
    assert_eq!(desk.pass(ms(230)).begun(), [1]);
    let out = desk.complete(1);
    assert!(out.has(&Do::SetTimer { timer: PAUSE, delay: ms(70) }), "{out:?}");
    assert_eq!(desk.pass(ms(70)).begun(), [2], "at 300ms, from the end of the pause");
}

#[test]
fn a_completion_within_the_pause_begins_it_anew() {
    let mut desk = Desk::with(ALIGNED, |settings| {
        settings.min_pause = ms(70);
        settings.requests = vec![ask(ms(160), Take::Savepoint)];
    });
    desk.pass(ms(150));
    desk.complete(1);
    assert_eq!(desk.pass(ms(55)).begun(), [2], "the savepoint");
    desk.complete(2);
    assert_eq!(desk.pass(ms(15)).begun(), [0; 0], "at 220ms the pause of the savepoint goes on");
    assert_eq!(desk.pass(ms(54)).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(1)).begun(), [3], "at 275ms");
}

#[test]
fn what_was_given_up_begins_no_pause() {
    let mut desk = Desk::with(ALIGNED, |settings| (settings.min_pause, settings.tolerable_failures) = (ms(70), 9));
    desk.pass(ms(190));
    desk.expire(1);
    assert_eq!(desk.pass(ms(10)).begun(), [2]);
}

#[test]
fn the_pause_concerns_only_periodic_requests() {
    let requests = vec![ask(ms(160), Take::Checkpoint)];
    let mut desk = Desk::with(ALIGNED, |settings| (settings.min_pause, settings.requests) = (ms(90), requests));
    desk.pass(ms(150));
    desk.complete(1);
    assert_eq!(desk.pass(ms(10)).begun(), [2]);
}

#[test]
fn where_time_stands_still_the_pause_ends_with_its_timer() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.min_pause = ms(70));
    desk.clock.stands_still = true;
    desk.pass(ms(150));
    desk.complete(1);
    assert_eq!(desk.pass(ms(50)).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(70)).begun(), [2]);
}

// ---- ids and preparations ----

#[test]
fn a_request_that_finds_tasks_ended_or_down_uses_up_no_id() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.after_finish = false);
    desk.end(0);
    let out = desk.pass(ms(300));
    assert_eq!(out.begun(), [0; 0]);
    assert!(out.has(&Do::SetTimer { timer: INTERVAL, delay: ms(100) }), "the interval goes on: {out:?}");
    desk.fail();
    desk.restart();
    desk.start();
    assert_eq!(desk.pass(ms(100)).begun(), [1]);
}

#[test]
fn an_id_is_used_up_even_if_nobody_was_told() {
    let mut desk = Desk::with(ALIGNED, |settings| (settings.prepare, settings.tolerable_failures) = (ms(5), 9));
    let out = desk.pass(ms(100));
    assert_eq!((out.begun(), out.told()), (vec![1], vec![]));
    assert_eq!(out.last(), Some(&Do::Prepare(CheckpointId(1))));
    assert_eq!(desk.expire(1).aborted(), [(1, AbortReason::Expired, 0)], "the timeout runs from the beginning");
    assert_eq!(desk.prepared(1).told(), [0; 0], "nobody is told of what was given up");
    assert_eq!(desk.pass(ms(100)).begun(), [2]);
    assert_eq!(desk.prepared(2).told(), [0, 1]);
}

#[test]
fn while_preparations_go_on_nothing_else_begins_not_even_if_they_are_in_vain() {
    let requests = vec![ask(ms(110), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.prepare, settings.requests, settings.tolerable_failures) = (ms(5), requests, 9);
    });
    desk.pass(ms(100));
    assert_eq!(desk.pass(ms(10)).begun(), [0; 0], "a savepoint is forced, but has to wait for this");
    assert_eq!(desk.expire(1).begun(), [0; 0]);
    assert_eq!(desk.prepared(1).begun(), [2]);
}

// ---- requests and room ----

#[test]
fn requests_are_set_at_the_first_start_and_outlive_restarts() {
    let requests = vec![ask(ms(30), Take::Checkpoint), ask(ms(80), Take::Savepoint)];
    let mut desk = Desk::before_the_start(JOB, ALIGNED, |settings| settings.requests = requests);
    let timer = |n| Timer { kind: TimerKind::Request, checkpoint: CheckpointId(n) };
    let out = desk.start();
    assert!(out.has(&Do::SetTimer { timer: timer(0), delay: ms(30) }), "{out:?}");
    assert!(out.has(&Do::SetTimer { timer: timer(1), delay: ms(80) }), "{out:?}");
    desk.fail();
    let refused = Do::Answer { request: 0, accepted: false };
    assert_eq!(desk.pass(ms(50)), [refused], "nobody takes the first one while the job is down");
    desk.restart();
    let out = desk.start();
    assert_eq!(out, [Do::SetTimer { timer: INTERVAL, delay: ms(100) }]);
    let out = desk.pass(ms(30));
    assert_eq!(barriers(&out), [(Purpose::Savepoint, BarrierKind::Blocking)]);
}

#[test]
fn without_an_interval_there_is_only_what_somebody_asks_for() {
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.interval, settings.first) = (None, None);
        settings.requests = vec![ask(ms(500), Take::Checkpoint)];
    });
    assert_eq!(desk.pass(ms(499)), []);
    assert_eq!(desk.pass(ms(9500)).begun(), [1]);
}

#[test]
fn a_savepoint_needs_no_room_unless_barriers_may_overtake() {
    for (kind, begun) in [
        (BarrierKind::Blocking, &[2][..]),
        (BarrierKind::Plain, &[2]),
        (BarrierKind::Timeoutable, &[]),
        (BarrierKind::Overtaking, &[]),
    ] {
        let requests = vec![ask(ms(110), Take::Savepoint)];
        let mut desk = Desk::with(Style { kind, captures: true }, |settings| settings.requests = requests);
        desk.pass(ms(100));
        assert_eq!(desk.pass(ms(10)).begun(), begun, "{kind:?}");
        if begun.is_empty() {
            assert_eq!(desk.complete(1).begun(), [2], "its turn has come");
        }
    }
}

#[test]
fn savepoints_under_way_take_room() {
    let requests = vec![ask(ms(50), Take::Savepoint), ask(ms(60), Take::Checkpoint)];
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests);
    assert_eq!(desk.pass(ms(70)).begun(), [1]);
    assert_eq!(desk.complete(1).begun(), [2]);
}

#[test]
fn barriers_of_savepoints_never_overtake() {
    use BarrierKind::*;
    for (kind, savepoint) in [(Blocking, Blocking), (Plain, Plain), (Timeoutable, Blocking), (Overtaking, Blocking)] {
        let requests = vec![ask(ms(150), Take::Savepoint)];
        let mut desk = Desk::with(Style { kind, captures: true }, |settings| settings.requests = requests);
        let out = desk.pass(ms(100));
        assert_eq!(barriers(&out), [(Purpose::Checkpoint, kind)]);
        desk.complete(1);
        assert_eq!(barriers(&desk.pass(ms(50))), [(Purpose::Savepoint, savepoint)]);
    }
}

#[test]
fn what_waits_begins_in_order_as_room_is_made() {
    let requests = vec![ask(ms(101), Take::Checkpoint), ask(ms(210), Take::Savepoint), ask(ms(220), Take::Savepoint)];
    let mut desk = Desk::with(UNALIGNED, |settings| (settings.requests, settings.tolerable_failures) = (requests, 9));
    assert_eq!(desk.pass(ms(250)).begun(), [1]);
    let purposes = [Purpose::Savepoint, Purpose::Savepoint, Purpose::Checkpoint, Purpose::Checkpoint];
    for (id, purpose) in (1..).zip(purposes) {
        // An abort makes room as well as a completion.
        let out = if id % 2 == 1 { desk.expire(id) } else { desk.complete(id) };
        assert_eq!(barriers(&out).iter().map(|(purpose, _)| *purpose).collect::<Vec<_>>(), [purpose]);
    }
    assert_eq!(desk.expire(5).begun(), [0; 0]);
}

#[test]
fn slow_deletions_hold_back_triggers() {
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.deletion, settings.tolerable_failures, settings.interval) = (ms(1), 9, Some(ms(10)));
    });
    desk.pass(ms(100));
    assert!(!desk.complete(1).has(&Do::Clean(CheckpointId(1))));
    desk.pass(ms(10));
    assert!(desk.complete(2).has(&Do::Clean(CheckpointId(1))), "retained is one");
    assert_eq!(desk.pass(ms(10)).begun(), [3], "one may be deleted at a time");
    assert!(desk.expire(3).has(&Do::Clean(CheckpointId(3))), "what was given up is deleted, too");
    assert_eq!(desk.pass(ms(15)).begun(), [0; 0], "two are too many");
    assert_eq!(desk.cleaned(2).begun(), [0; 0], "nobody deletes that one");
    assert_eq!(desk.cleaned(1).begun(), [4]);
}

#[test]
fn without_a_cost_nothing_is_said_of_deletions() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    desk.complete(1);
    desk.pass(ms(100));
    let out = desk.complete(2);
    assert!(!out.iter().any(|command| matches!(command, Do::Clean(_))), "{out:?}");
}
