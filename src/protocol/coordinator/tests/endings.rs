//! Tasks that end, the end of the data, and savepoints that stop the job.

use super::*;
use AbortReason::{Expired, NotRunning, Suspended};

// ---- tasks that have ended ----

#[test]
fn a_checkpoint_begins_at_running_tasks_that_no_running_task_feeds_and_waits_for_running_ones() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.end(0);
    assert_eq!(desk.pass(ms(100)).told(), [1, 2], "2 was fed by 0 alone; 4 is still fed by 2 and 3");
    assert_eq!(desk.ack(0, 1), [], "it has no part");
    for task in [1, 2, 3] {
        assert_eq!(desk.ack(task, 1), []);
    }
    let newest = [0, 1, 1, 1, 1].map(CheckpointId).to_vec();
    assert!(desk.ack(4, 1).has(&Do::Record(Record { newest, checkpoint: CheckpointId(1), ..Record::default() })));
    assert_eq!(desk.record(1).notified(), [(1, 1), (2, 1), (3, 1), (4, 1)]);
    for task in [2, 1, 3] {
        desk.end(task);
    }
    assert_eq!(desk.pass(ms(100)).told(), [4]);
    assert_eq!(desk.complete(2).completed(), [2]);
    desk.end(4);
    assert_eq!(desk.pass(ms(500)).begun(), [0; 0], "nobody is left");
}

#[test]
fn one_running_sender_of_many_is_enough_to_bring_a_barrier() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    (0..3).for_each(|task| drop(desk.end(task)));
    assert_eq!(desk.pass(ms(100)).told(), [3], "it feeds 4");
}

#[test]
fn who_is_told_is_decided_when_the_checkpoint_begins() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.prepare = ms(1));
    desk.end(0);
    desk.pass(ms(100));
    assert_eq!(desk.prepared(1).told(), [1, 2]);
}

#[test]
fn on_a_cycle_its_first_task_is_told_once_the_sources_have_ended() {
    const CYCLE: &str = r#"{"cutline": 1,
        "job": {
            "operators": [
                {"id": "in", "kind": "source"}, {"id": "a", "kind": "map"}, {"id": "b", "kind": "filter"},
                {"id": "out", "kind": "sink"}],
            "edges": [
                {"from": "in", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "out"},
                {"from": "b", "to": "a", "feedback": true}]},
        "checkpoints": {"protocol": "chandy-lamport", "interval": "100ms", "first": "100ms"}}"#;
    let mut desk = Desk::before_the_start(CYCLE, Style { kind: BarrierKind::Plain, captures: true }, |_| {});
    desk.start();
    desk.end(0);
    assert_eq!(desk.pass(ms(100)).told(), [1]);
}

#[test]
fn a_task_that_ends_without_having_acknowledged_gives_the_checkpoint_up() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    desk.ack(0, 1);
    assert_eq!(desk.end(0), [], "its part is done");
    assert_eq!(desk.end(1).aborted(), [(1, NotRunning, 0)]);
    assert_eq!(desk.pass(ms(100)).told(), [2, 3], "the next one begins without them");
}

#[test]
fn where_checkpoints_end_with_the_first_task_none_begins_after_it() {
    let requests = vec![ask(ms(150), Take::Savepoint), ask(ms(160), Take::Checkpoint)];
    let mut desk = Desk::with(ALIGNED, |settings| (settings.after_finish, settings.requests) = (false, requests));
    desk.end(2);
    assert_eq!(desk.pass(ms(500)).begun(), [0; 0]);
}

// ---- the end of the data ----

#[test]
fn the_end_of_the_data_asks_for_one_checkpoint_at_once_and_ends_the_interval() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.min_pause = ms(100));
    desk.pass(ms(100));
    desk.complete(1);
    desk.pass(ms(20));
    let out = desk.tell(CoordinatorInput::Drained);
    assert_eq!(out.begun(), [2], "the pause does not concern it");
    assert_eq!(desk.pass(ms(500)).begun(), [0; 0]);
    let out = desk.complete(2);
    assert_eq!((out.notified().len(), out.begun()), (5, vec![]), "tasks end with it");
    assert!(!out.has(&Do::Finish));
    assert_eq!(desk.pass(ms(500)), []);
}

#[test]
fn it_waits_for_room_and_takes_the_place_of_periodic_ones() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    assert_eq!(desk.pass(ms(330)).begun(), [1], "two ticks found no room");
    assert_eq!(desk.tell(CoordinatorInput::Drained).begun(), [0; 0]);
    assert_eq!(desk.complete(1).begun(), [2], "1 began before the end");
    assert_eq!(desk.complete(2).begun(), [0; 0]);
}

#[test]
fn it_is_asked_for_again_until_one_completes_but_not_without_a_pause() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.tolerable_failures = 9);
    assert_eq!(desk.tell(CoordinatorInput::Drained).begun(), [1]);
    assert_eq!(desk.expire(1).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(99)).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(1)).begun(), [2], "an interval later");
    assert_eq!(desk.decline(2, 2, DeclineReason::Cancelled).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(100)).begun(), [3]);
    assert_eq!(desk.end(0).begun(), [4], "a task ended with an earlier one: that is no failure");
    assert_eq!(desk.complete(4).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(500)).begun(), [0; 0]);
}

#[test]
fn any_checkpoint_that_begins_after_the_end_will_do_but_no_savepoint() {
    let requests = vec![ask(ms(50), Take::Savepoint), ask(ms(60), Take::Checkpoint)];
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.max_concurrent, settings.requests, settings.tolerable_failures) = (3, requests, 9);
    });
    assert_eq!(desk.tell(CoordinatorInput::Drained).begun(), [1]);
    assert_eq!(desk.pass(ms(70)).begun(), [2, 3]);
    assert_eq!(desk.expire(1).begun(), [0; 0], "3 covers the end as well");
    assert_eq!(desk.complete(2).begun(), [0; 0]);
    assert_eq!(desk.expire(3).begun(), [0; 0]);
    assert_eq!(desk.pass(ms(100)).begun(), [4], "2 was a savepoint, of which nobody was told");
}

#[test]
fn without_checkpoints_tasks_may_end_at_once() {
    let mut desk = Desk::with(ALIGNED, |settings| (settings.interval, settings.first) = (None, None));
    assert_eq!(desk.tell(CoordinatorInput::Drained), [Do::Finish]);
    assert_eq!(desk.end(0), [], "once is enough");
}

#[test]
fn where_checkpoints_end_with_the_first_task_nothing_is_said_at_the_end() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.after_finish = false);
    let out = desk.tell(CoordinatorInput::Drained);
    assert_eq!(out, [Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
}

// ---- stop with a savepoint ----

/// A job that is asked to stop at 150ms, with a checkpoint under way.
fn stopping(take: Take, change: impl FnOnce(&mut Settings)) -> (Desk, Vec<Do>) {
    let mut desk = Desk::with(ALIGNED, |settings| {
        settings.requests = vec![ask(ms(150), take), ask(ms(200), Take::Checkpoint), ask(ms(250), Take::Drain)];
        change(settings);
    });
    desk.pass(ms(149));
    let out = desk.pass(ms(1));
    (desk, out)
}

#[test]
fn to_stop_what_is_pending_is_given_up_first_and_then_a_savepoint_begins() {
    for (take, purpose) in [(Take::Suspend, Purpose::Suspend), (Take::Drain, Purpose::Drain)] {
        let (mut desk, out) = stopping(take, |_| {});
        assert_eq!(out[0], Do::Answer { request: 0, accepted: true });
        assert_eq!(out[1..3], [Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
        assert_eq!(out.aborted(), [(1, Suspended, 0)]);
        assert_eq!((out.begun(), barriers(&out)), (vec![2], vec![(purpose, BarrierKind::Blocking)]));
        assert_eq!(out.told(), [0, 1]);
        assert_eq!(desk.pass(ms(100)).begun(), [0; 0], "neither the interval nor anybody is heard now");
        assert_eq!(desk.tell(CoordinatorInput::Drained), [Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
        let out = desk.complete(2);
        assert_eq!((out.completed(), out.notified().len()), (vec![2], 5));
        (0..TASKS).for_each(|task| assert_eq!(desk.end(task), []));
        assert_eq!(desk.pass(ms(500)), []);
    }
}

#[test]
fn what_is_being_recorded_completes_although_the_job_stops() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = vec![ask(ms(150), Take::Suspend)]);
    desk.pass(ms(100));
    desk.ack_all(1);
    let out = desk.pass(ms(50));
    assert_eq!((out.aborted(), out.begun()), (vec![], vec![2]));
    assert_eq!(desk.record(1).completed(), [1]);
}

#[test]
fn a_stop_without_an_interval_is_no_end_of_the_data() {
    let (mut desk, out) = stopping(Take::Drain, |settings| (settings.interval, settings.first) = (None, None));
    assert_eq!(out.begun(), [1]);
    assert_eq!(desk.tell(CoordinatorInput::Drained), [], "the savepoint ends the job");
    assert_eq!(desk.complete(1).notified().len(), 5);
}

#[test]
fn a_savepoint_to_stop_with_fails_the_job_if_it_fails() {
    let fails: [fn(&mut Desk) -> Vec<Do>; 3] =
        [|desk| desk.expire(2), |desk| desk.decline(2, 2, DeclineReason::Cancelled), |desk| desk.end(3)];
    for fail in fails {
        let (mut desk, _) = stopping(Take::Suspend, |settings| settings.tolerable_failures = 9);
        let out = fail(&mut desk);
        assert_eq!(out.aborted().len(), 1);
        assert_eq!(out.last(), Some(&Do::FailJob));
        desk.fail();
        desk.restart();
        desk.start();
        assert_eq!(desk.pass(ms(100)).begun().first(), Some(&3), "the interval goes on after the restart");
    }
}

#[test]
fn a_stop_that_cannot_even_begin_leaves_the_job_as_it_was() {
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.after_finish, settings.requests) = (false, vec![ask(ms(50), Take::Suspend)]);
    });
    desk.end(0);
    let out = desk.pass(ms(50));
    assert!(out.begun().is_empty() && out.has(&Do::SetTimer { timer: INTERVAL, delay: ms(100) }), "{out:?}");
    assert!(!out.has(&Do::FailJob));
}

#[test]
fn nobody_can_stop_a_job_that_is_ending() {
    // The last checkpoint is complete and tasks are about to hear of it: a savepoint would find them gone.
    let requests = vec![ask(ms(50), Take::Drain)];
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests.clone());
    desk.tell(CoordinatorInput::Drained);
    desk.ack_all(1);
    assert_eq!(desk.pass(ms(60)).begun(), [0; 0]);
    assert_eq!(desk.record(1).completed(), [1]);

    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests.clone());
    desk.tell(CoordinatorInput::Drained);
    let out = desk.pass(ms(60));
    assert_eq!((out.aborted(), out.begun()), (vec![(1, Suspended, 0)], vec![2]), "but one that still waits it can");
    assert_eq!(desk.expire(2).aborted(), [(2, Expired, 0)]);
}
