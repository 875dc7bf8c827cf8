//! How checkpoints end, and what follows.

use super::*;
use AbortReason::{Declined, Expired, NotRunning, Subsumed};

// ---- acknowledgements ----

#[test]
fn everybody_acknowledges_once_and_then_it_is_recorded() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    for task in 0..4 {
        assert_eq!(desk.ack(task, 1), []);
        assert_eq!(desk.ack(task, 1), [], "a second time does not count");
    }
    assert_eq!(desk.ack(4, 7), [], "nobody asked for that one");
    assert_eq!(desk.record(1), [], "it is not fully acknowledged");
    assert_eq!(desk.ack(4, 1), [Do::CancelTimer(expiry(CheckpointId(1))), recorded(1)]);
    assert_eq!(desk.ack(4, 1), []);
    let out = desk.record(1);
    assert_eq!(out.first(), Some(&Do::Complete(CheckpointId(1))));
    assert_eq!(out.notified(), [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(desk.record(1), []);
}

#[test]
fn late_acknowledgements_are_ignored() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.tolerable_failures = 9);
    desk.pass(ms(100));
    desk.ack(0, 1);
    desk.expire(1);
    assert_eq!(desk.ack_all(1), []);
    assert_eq!(desk.record(1), []);
}

#[test]
fn while_it_is_recorded_nothing_but_a_restart_stops_it() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    desk.ack_all(1);
    assert_eq!(desk.expire(1), []);
    assert_eq!(desk.decline(2, 1, DeclineReason::Failed), []);
    assert_eq!(desk.end(3), []);
    assert_eq!(desk.record(1).completed(), [1]);

    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    desk.ack_all(1);
    desk.fail();
    assert_eq!(desk.restart().aborted(), [(1, AbortReason::Restarted, 0)]);
    assert_eq!(desk.record(1), []);
}

// ---- completion ----

#[test]
fn older_ones_are_subsumed_but_neither_newer_ones_nor_savepoints() {
    let requests = vec![ask(ms(110), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| (settings.max_concurrent, settings.requests) = (4, requests));
    assert_eq!(desk.pass(ms(450)).begun(), [1, 2, 3, 4, 5][..4], "the second is the savepoint");
    let out = desk.complete(3);
    assert_eq!(out.aborted(), [(1, Subsumed, 3)]);
    assert_eq!(out.begun(), [5], "which makes room");
    let place = |wanted: fn(&Do) -> bool| out.iter().position(wanted).expect("it is there");
    let (complete, abort) = (place(|c| matches!(c, Do::Complete(_))), place(|c| matches!(c, Do::Abort { .. })));
    assert!(complete < abort && abort < place(|c| matches!(c, Do::Notify { .. })), "{out:?}");
    assert_eq!(desk.complete(2).completed(), [2], "the savepoint goes on");
    assert_eq!(desk.complete(4).completed(), [4]);
}

#[test]
fn even_one_that_is_being_recorded_can_be_subsumed() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.max_concurrent = 2);
    desk.pass(ms(200));
    desk.ack_all(1);
    desk.ack_all(2);
    assert_eq!(desk.record(2).aborted(), [(1, Subsumed, 2)]);
    assert_eq!(desk.record(1), []);
}

#[test]
fn a_plain_savepoint_is_told_to_nobody_subsumes_nothing_and_is_no_restore_point() {
    let requests = vec![ask(ms(110), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests);
    desk.pass(ms(120));
    assert_eq!(desk.complete(2), [Do::Complete(CheckpointId(2))]);
    assert_eq!(desk.ack_all(1).len(), 2, "the older checkpoint is still there");
    desk.fail();
    let out = desk.restart();
    let plan = plan_in(&out);
    assert_eq!(plan.tasks, snapshots(0));
}

#[test]
fn an_abort_carries_the_newest_complete_checkpoint() {
    let requests = vec![ask(ms(150), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.tolerable_failures, settings.requests, settings.retained) = (9, requests, 2);
    });
    desk.pass(ms(100));
    desk.complete(1);
    desk.pass(ms(50));
    desk.complete(2);
    desk.pass(ms(50));
    assert_eq!(desk.expire(3).aborted(), [(3, Expired, 1)], "2 is a savepoint");
    desk.pass(ms(100));
    desk.complete(4);
    desk.pass(ms(100));
    let out = desk.decline(2, 5, DeclineReason::Cancelled);
    assert_eq!(
        out[..2],
        [
            Do::CancelTimer(expiry(CheckpointId(5))),
            Do::Abort { checkpoint: CheckpointId(5), reason: Declined, completed: CheckpointId(4) },
        ]
    );
}

#[test]
fn as_many_as_are_retained_are_kept_and_savepoints_are_not_among_them() {
    let requests = vec![ask(ms(250), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| {
        (settings.retained, settings.requests, settings.deletion) = (2, requests, ms(1));
    });
    desk.pass(ms(100));
    assert!(desk.complete(1).dropped().is_empty());
    desk.pass(ms(100));
    assert!(desk.complete(2).dropped().is_empty());
    desk.pass(ms(50));
    assert!(desk.complete(3).dropped().is_empty(), "a savepoint pushes nothing out");
    desk.pass(ms(50));
    let out = desk.complete(4);
    assert_eq!(out.dropped(), [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)]);
    assert!(out.has(&Do::Clean(CheckpointId(1))));
    desk.pass(ms(100));
    assert_eq!(desk.complete(5).dropped()[0], (0, 4), "3 is somebody's own");
}

// ---- failures ----

/// Checkpoints fail one after the other; how many it takes to fail the job.
fn failures_until_the_job_fails(desk: &mut Desk, mut fail: impl FnMut(&mut Desk, u64) -> Vec<Do>) -> Option<u64> {
    (1..10).find(|_| {
        let id = desk.pass(ms(100)).begun()[0];
        let out = fail(desk, id);
        assert_eq!(out.aborted().len(), 1);
        out.last() == Some(&Do::FailJob)
    })
}

#[test]
fn the_job_fails_when_more_failures_in_a_row_count_than_are_tolerated() {
    for tolerable in [0, 1, 3] {
        let mut desk = Desk::with(ALIGNED, |settings| settings.tolerable_failures = tolerable);
        let expire = |desk: &mut Desk, id| desk.expire(id);
        assert_eq!(failures_until_the_job_fails(&mut desk, expire), Some(u64::from(tolerable) + 1));
        assert_eq!(desk.pass(ms(500)).begun(), [0; 0], "nothing begins until the restart");
        desk.fail();
        desk.restart();
        desk.start();
        let expire = |desk: &mut Desk, id| desk.expire(id);
        assert_eq!(failures_until_the_job_fails(&mut desk, expire), Some(u64::from(tolerable) + 1), "counted anew");
    }
}

#[test]
fn a_declined_one_counts_only_if_the_task_s_part_failed() {
    use DeclineReason::*;
    for reason in [Subsumed, Cancelled, InputEnded, Overtaken, NotRunning, Failed] {
        let mut desk = Desk::with(ALIGNED, |_| {});
        let fatal = failures_until_the_job_fails(&mut desk, |desk, id| {
            let out = desk.decline(3, id, reason);
            let why = if reason == NotRunning { AbortReason::NotRunning } else { Declined };
            assert_eq!(out.aborted(), [(id, why, 0)]);
            out
        });
        assert_eq!(fatal, (reason == Failed).then_some(1), "{reason:?}");
    }
}

#[test]
fn a_completion_clears_the_count_and_a_savepoint_is_one() {
    for take in [Take::Checkpoint, Take::Savepoint] {
        let requests = vec![ask(ms(250), take)];
        let mut desk = Desk::with(ALIGNED, |settings| {
            (settings.tolerable_failures, settings.requests) = (2, requests);
        });
        desk.pass(ms(100));
        desk.expire(1);
        desk.pass(ms(100));
        desk.expire(2);
        desk.pass(ms(50));
        desk.complete(3);
        let expire = |desk: &mut Desk, id| desk.expire(id);
        assert_eq!(failures_until_the_job_fails(&mut desk, expire), Some(3), "{take:?}");
    }
}

#[test]
fn failures_older_than_the_last_completion_do_not_count() {
    let requests = vec![ask(ms(110), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests);
    desk.pass(ms(120));
    desk.complete(2);
    let out = desk.expire(1);
    assert_eq!(out.aborted(), [(1, Expired, 0)]);
    assert!(!out.has(&Do::FailJob));
}

#[test]
fn a_savepoint_that_expires_does_not_count_but_one_of_which_a_part_failed_does() {
    let requests = vec![ask(ms(10), Take::Savepoint), ask(ms(20), Take::Savepoint)];
    let mut desk = Desk::with(ALIGNED, |settings| settings.requests = requests);
    assert_eq!(desk.pass(ms(20)).begun(), [1, 2]);
    let out = desk.expire(1);
    assert_eq!(out.aborted(), [(1, Expired, 0)]);
    assert!(!out.has(&Do::FailJob));
    assert_eq!(desk.decline(0, 2, DeclineReason::Failed).last(), Some(&Do::FailJob));
}

#[test]
fn a_timeout_runs_from_the_beginning_of_its_checkpoint() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.tolerable_failures = 9);
    desk.pass(ms(100));
    let out = desk.pass(ms(999));
    assert!(out.aborted().is_empty());
    assert_eq!(desk.pass(ms(1)).aborted(), [(1, Expired, 0)]);
}

#[test]
fn what_fails_for_a_task_that_ended_does_not_count() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    let out = desk.end(0);
    assert_eq!(out.aborted(), [(1, NotRunning, 0)]);
    assert!(!out.has(&Do::FailJob));
}
