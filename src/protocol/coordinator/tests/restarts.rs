//! What a restart gives up, goes back to and forgets.

use super::*;
use AbortReason::Restarted;

#[test]
fn while_the_job_is_down_nothing_begins_but_what_is_pending_may_complete() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(250));
    assert_eq!(desk.fail(), [Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
    assert_eq!(desk.pass(ms(300)), []);
    let out = desk.complete(1);
    assert_eq!((out.completed(), out.begun()), (vec![1], vec![]));
    let out = desk.restart();
    assert_eq!(plan_in(&out).tasks, snapshots(1));
}

#[test]
fn a_restart_gives_up_what_is_pending_and_queued_and_goes_back_to_the_newest_complete_one() {
    let mut desk = Desk::with(ALIGNED, |settings| (settings.max_concurrent, settings.retained) = (2, 3));
    desk.pass(ms(100));
    desk.complete(1);
    desk.pass(ms(100));
    desk.complete(2);
    assert_eq!(desk.pass(ms(350)).begun(), [3, 4]);
    desk.fail();
    let out = desk.restart();
    assert_eq!(out.aborted(), [(3, Restarted, 2), (4, Restarted, 2)]);
    assert!(out.has(&Do::CancelTimer(expiry(CheckpointId(3)))));
    assert_eq!(plan_in(&out).tasks, snapshots(2));
    assert_eq!(desk.ack_all(3), []);
    desk.start();
    assert_eq!(desk.pass(ms(100)).begun(), [5], "ids are not used again, and nobody waits from before");
}

#[test]
fn channels_get_back_what_was_captured_if_the_protocol_captures() {
    for (style, channels) in [(ALIGNED, ChannelPlan::Empty), (UNALIGNED, ChannelPlan::Reinject)] {
        let mut desk = Desk::with(style, |_| {});
        desk.fail();
        let out = desk.restart();
        assert_eq!(plan_in(&out).channels, vec![channels; 4]);
    }
}

#[test]
fn who_had_ended_before_the_checkpoint_began_goes_back_to_its_own_newest_and_stays_ended() {
    let mut desk = Desk::with(UNALIGNED, |_| {});
    desk.pass(ms(100));
    desk.complete(1);
    desk.end(0);
    desk.end(2);
    desk.pass(ms(100));
    assert_eq!(desk.complete(2).dropped(), [(1, 2), (3, 2), (4, 2)], "who has ended keeps his last snapshot");
    desk.end(1);
    desk.pass(ms(100));
    desk.complete(3);
    let ended = |id| RestorePoint::Ended(CheckpointId(id));
    let again = RestorePoint::Snapshot(CheckpointId(3));
    desk.fail();
    let out = desk.restart();
    let plan = plan_in(&out);
    assert_eq!(plan.tasks, [ended(1), ended(2), ended(1), again, again]);
    // In the order of channels: 0 to 2, 1 to 3, then 2 and 3 to 4.
    let (empty, full) = (ChannelPlan::Empty, ChannelPlan::Reinject);
    assert_eq!(plan.channels, [empty, full, full, full]);
    desk.start();
    assert_eq!(desk.pass(ms(100)).told(), [3], "and they stay out of what follows");
}

#[test]
fn who_ended_after_the_checkpoint_began_runs_again() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    desk.pass(ms(100));
    (0..TASKS).for_each(|task| drop(desk.ack(task, 1)));
    desk.end(0);
    desk.record(1);
    desk.end(1);
    desk.fail();
    let out = desk.restart();
    assert_eq!(plan_in(&out).tasks, snapshots(1));
    desk.start();
    assert_eq!(desk.pass(ms(100)).told(), [0, 1]);
}

#[test]
fn a_restart_to_the_beginning_runs_everybody_again() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.after_finish = false);
    desk.end(0);
    desk.fail();
    let out = desk.restart();
    assert_eq!(plan_in(&out).tasks, snapshots(0));
    desk.start();
    assert_eq!(desk.pass(ms(100)).told(), [0, 1]);
}

#[test]
fn the_end_of_the_data_has_to_be_seen_again() {
    let mut desk = Desk::with(ALIGNED, |_| {});
    assert_eq!(desk.tell(CoordinatorInput::Drained).begun(), [1]);
    desk.complete(1);
    desk.fail();
    desk.restart();
    desk.start();
    assert_eq!(desk.pass(ms(100)).begun(), [2], "the interval is back");
    desk.complete(2);
    assert_eq!(desk.tell(CoordinatorInput::Drained).begun(), [3]);
}

#[test]
fn after_a_savepoint_that_stopped_the_job_a_restart_goes_back_to_it() {
    let requests = vec![ask(ms(150), Take::Suspend)];
    let mut desk = Desk::with(ALIGNED, |settings| (settings.requests, settings.retained) = (requests, 1));
    desk.pass(ms(100));
    desk.complete(1);
    desk.pass(ms(50));
    desk.complete(2);
    desk.end(0);
    desk.fail();
    let out = desk.restart();
    assert_eq!(plan_in(&out).tasks, snapshots(2));
    desk.start();
    assert_eq!(desk.pass(ms(100)).begun(), [3], "the job goes on");
    desk.complete(3);
    desk.fail();
    let out = desk.restart();
    assert_eq!(plan_in(&out).tasks, snapshots(3));
}

#[test]
fn preparations_that_a_restart_overtook_tell_nobody() {
    let mut desk = Desk::with(ALIGNED, |settings| settings.prepare = ms(5));
    desk.pass(ms(100));
    desk.fail();
    assert_eq!(desk.restart().aborted(), [(1, Restarted, 0)]);
    desk.start();
    assert_eq!(desk.pass(ms(100)).begun(), [0; 0], "they still go on");
    let out = desk.prepared(1);
    assert_eq!((out.told(), out.begun()), (vec![], vec![2]));
}
