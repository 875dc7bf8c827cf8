//! What the recordings of handlers alone do not show: snapshots, notifications, triggers, the end.

use super::{Mode, single, tracker};
use crate::base::{CheckpointId, Concern, Port, Span, TaskId};
use crate::protocol::{
    Barrier, BarrierKind, DeclineReason, Env, Moment, Note, Purpose, Settings, TaskCommand as Do, TaskInput, TaskRole,
    TaskSite, Timer, TimerKind,
};
use crate::scenario::BarrierOrder;

const TIMEOUT: Span = Span::from_millis(10);

/// A role and the time it is told.
struct Told {
    role: Box<dyn TaskRole>,
    now: Now,
}

struct Now(u64);

impl Env for Now {
    fn now(&mut self) -> Moment {
        Moment::new(self.0)
    }
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        self.0 - since.value() >= limit.0
    }
    fn left(&mut self, since: Moment, limit: Span) -> Span {
        Span((since.value() + limit.0).saturating_sub(self.0))
    }
    fn draw(&mut self, _concern: Concern, _entity: u64, _index: u64) -> u64 {
        0
    }
}

impl Told {
    /// What it does, without its notes.
    fn on(&mut self, input: TaskInput) -> Vec<Do> {
        let all = self.all(input);
        all.into_iter().filter(|command| !matches!(command, Do::Note(_))).collect()
    }

    fn all(&mut self, input: TaskInput) -> Vec<Do> {
        let mut out = Vec::new();
        self.role.on(input, &mut self.now, &mut out);
        out
    }

    /// What it does in answer to an input and to what the world says to that.
    fn through(&mut self, input: TaskInput) -> Vec<Do> {
        let (mut did, mut next) = (Vec::new(), Some(input));
        while let Some(input) = next.take() {
            let batch = self.on(input);
            next = match batch.last() {
                Some(Do::Snapshot { barrier, .. }) => Some(TaskInput::Taken { checkpoint: barrier.checkpoint }),
                Some(Do::CaptureInputs { checkpoint }) => Some(TaskInput::Capturing { checkpoint: *checkpoint }),
                _ => None,
            };
            did.extend(batch);
        }
        did
    }
}

fn settings() -> Settings {
    Settings {
        prepare: Span::ZERO,
        deletion: Span::ZERO,
        enumerators: false,
        interval: Some(Span::from_millis(100)),
        first: None,
        min_pause: Span::ZERO,
        timeout: Span::from_millis(1000),
        max_concurrent: 1,
        tolerable_failures: 0,
        retained: 1,
        order: BarrierOrder::EmitThenSnapshot,
        after_finish: true,
        requests: Vec::new(),
        parameters: Vec::new(),
        mutant: None,
    }
}

fn told(ports: u32, settings: &Settings, role: impl Fn(&TaskSite<'_>) -> Box<dyn TaskRole>) -> Told {
    let site = TaskSite { task: TaskId(0), ports, is_source: ports == 0, settings };
    Told { role: role(&site), now: Now(0) }
}

fn aligned(ports: u32) -> Told {
    told(ports, &settings(), |site| single(site, Mode::Aligned, BarrierKind::Blocking, Span::ZERO))
}

fn alternating(ports: u32, kind: BarrierKind) -> Told {
    told(ports, &settings(), |site| single(site, Mode::Alternating, kind, TIMEOUT))
}

fn id(checkpoint: u64) -> CheckpointId {
    CheckpointId(checkpoint)
}

fn barrier(checkpoint: u64, kind: BarrierKind) -> Barrier {
    Barrier { checkpoint: id(checkpoint), kind, ..Barrier::default() }
}

fn read(port: u32, checkpoint: u64, kind: BarrierKind) -> TaskInput {
    TaskInput::Barrier { port: Port(port), barrier: barrier(checkpoint, kind) }
}

fn trigger(checkpoint: u64, kind: BarrierKind) -> TaskInput {
    TaskInput::Trigger { barrier: barrier(checkpoint, kind) }
}

fn ending(checkpoint: u64, purpose: Purpose) -> TaskInput {
    TaskInput::Trigger { barrier: Barrier { purpose, ..barrier(checkpoint, BarrierKind::Blocking) } }
}

fn aborted(checkpoint: u64, completed: u64) -> TaskInput {
    TaskInput::Aborted { checkpoint: id(checkpoint), completed: id(completed) }
}

fn completed(checkpoint: u64) -> TaskInput {
    TaskInput::Completed { checkpoint: id(checkpoint) }
}

fn snapshot(barrier: Barrier) -> Do {
    Do::Snapshot { barrier, whole: false }
}

fn cancel(checkpoint: u64) -> Do {
    Do::SendCancel { checkpoint: id(checkpoint) }
}

fn release(port: u32) -> Do {
    Do::Release { port: Port(port) }
}

fn timer(kind: TimerKind, checkpoint: u64) -> Timer {
    Timer { kind, checkpoint: id(checkpoint) }
}

use BarrierKind::{Blocking, Forced, Overtaking, Plain, Timeoutable};

// ---- starting ----

#[test]
fn a_barrier_goes_out_before_the_snapshot_and_ports_are_released_after_it() {
    let (mut task, own) = (aligned(2), barrier(1, Blocking));
    assert_eq!(task.on(read(0, 1, Blocking)), []);
    assert_eq!(task.on(read(1, 1, Blocking)), [Do::Send(own), snapshot(own)]);
    assert_eq!(task.on(TaskInput::Taken { checkpoint: id(1) }), [release(0), release(1)]);
    assert_eq!(task.on(TaskInput::Durable { checkpoint: id(1) }), [Do::Ack { checkpoint: id(1) }]);
}

#[test]
fn the_textbook_takes_the_whole_snapshot_first() {
    let settings = Settings { order: BarrierOrder::SnapshotThenEmit, ..settings() };
    let mut task = told(1, &settings, |site| single(site, Mode::Aligned, Blocking, Span::ZERO));
    let own = barrier(1, Blocking);
    assert_eq!(task.on(read(0, 1, Blocking)), [Do::Snapshot { barrier: own, whole: true }]);
    assert_eq!(task.on(TaskInput::Taken { checkpoint: id(1) }), [Do::Send(own), release(0)]);
}

#[test]
fn a_forced_barrier_overtakes_again_at_the_outputs() {
    for kind in [Overtaking, Timeoutable] {
        let mut task = alternating(1, kind);
        let did = task.on(read(0, 1, Forced));
        assert_eq!((did[0], *did.last().unwrap()), (Do::Send(barrier(1, kind)), snapshot(barrier(1, kind))));
    }
}

#[test]
fn a_checkpoint_that_was_given_up_before_it_began_is_passed_on_as_a_cancel_marker() {
    let mut task = aligned(2);
    assert_eq!(task.on(aborted(2, 0)), []);
    assert_eq!(task.on(read(0, 2, Blocking)), []);
    assert_eq!(task.on(read(1, 2, Blocking)), [cancel(2), release(0), release(1)]);
    // Unaligned it is the same: inputs are captured for nothing until all barriers are there.
    let mut task = alternating(2, Overtaking);
    task.on(aborted(2, 0));
    assert_eq!(task.through(read(0, 2, Overtaking)), [Do::CaptureInputs { checkpoint: id(2) }, cancel(2)]);
    let end = Do::EndCaptureInputs { checkpoint: id(2), complete: true };
    assert_eq!(task.through(read(1, 2, Overtaking)), [end]);
}

#[test]
fn what_is_not_newer_is_dropped_without_a_word() {
    let mut source = aligned(0);
    assert_eq!(source.through(trigger(2, Blocking)).len(), 2);
    for old in [1, 2] {
        let starts = Do::Note(Note::Starts(barrier(old, Blocking)));
        assert_eq!(source.all(trigger(old, Blocking)).last(), Some(&starts), "the decision is still told");
        assert_eq!(source.on(trigger(old, Blocking)), []);
    }
}

#[test]
fn a_forgotten_abort_counts_as_remembered() {
    let mut source = aligned(0);
    for checkpoint in 2..=131 {
        source.on(aborted(checkpoint, 0));
    }
    // 2 and 3 fell out of a memory of 128; 1 and 2 are so old that they could have. Only 3 is neither.
    let starts = |source: &Told, checkpoint| {
        let mut copy = Told { role: source.role.clone(), now: Now(0) };
        copy.on(trigger(checkpoint, Blocking)) != [cancel(checkpoint)]
    };
    assert_eq!([1, 2, 3, 4, 131].map(|checkpoint| starts(&source, checkpoint)), [false, false, true, false, false]);
    assert!(starts(&source, 132));
}

#[test]
fn a_decline_is_told_to_both_sides() {
    let mut task = aligned(2);
    task.on(read(0, 1, Blocking));
    let declined = |checkpoint, reason| Do::Decline { checkpoint: id(checkpoint), reason };
    let out = task.on(TaskInput::Cancelled { port: Port(1), checkpoint: id(1) });
    assert_eq!(out, [release(0), declined(1, DeclineReason::Cancelled), cancel(1)]);
    assert_eq!(task.on(read(1, 1, Blocking)), [release(1)], "a late barrier of it");
}

// ---- barriers that wait at outputs ----

#[test]
fn a_timeoutable_barrier_gets_what_is_left_of_its_time_at_the_outputs() {
    let mut source = alternating(0, Timeoutable);
    source.now.0 = 4_000_000;
    let output = |checkpoint| timer(TimerKind::Output, checkpoint);
    let set = |checkpoint| Do::SetTimer { timer: output(checkpoint), delay: Span::from_millis(6) };
    let own = barrier(1, Timeoutable);
    assert_eq!(source.through(trigger(1, Timeoutable)), [Do::Send(own), set(1), snapshot(own)]);
    let overtake = Do::OvertakeOutputs { checkpoint: id(1) };
    assert_eq!(source.on(TaskInput::Timer { timer: output(1) }), [overtake]);
    assert_eq!(source.on(TaskInput::Timer { timer: output(1) }), [], "it has run out once");
    // A newer barrier takes the place of one that still waits.
    source.through(trigger(2, Timeoutable));
    let own = barrier(3, Timeoutable);
    let cancelled = Do::CancelTimer(output(2));
    assert_eq!(source.through(trigger(3, Timeoutable)), [Do::Send(own), cancelled, set(3), snapshot(own)]);
}

#[test]
fn who_gives_a_checkpoint_up_lets_nothing_overtake_for_it() {
    let mut task = told(1, &settings(), tracker);
    task.through(read(0, 1, Timeoutable));
    let cancelled = Do::CancelTimer(timer(TimerKind::Output, 1));
    assert_eq!(task.on(TaskInput::Cancelled { port: Port(0), checkpoint: id(1) })[0], cancelled);
}

// ---- triggers at tasks with inputs ----

#[test]
fn a_trigger_counts_as_a_barrier_on_every_open_port_and_blocks_none() {
    let mut task = aligned(3);
    task.on(TaskInput::Ended { port: Port(1) });
    let all = task.all(trigger(1, Blocking));
    let blocked = |command: &&Do| matches!(command, Do::Note(Note::Blocked(_)));
    assert_eq!(all.iter().filter(blocked).count(), 0);
    assert_eq!(all.last(), Some(&snapshot(barrier(1, Blocking))));
    assert_eq!(task.on(TaskInput::Taken { checkpoint: id(1) }), [], "there is nothing to release");
    assert_eq!(task.on(trigger(1, Blocking)), [], "and nothing waits behind an obsolete one");
}

#[test]
fn a_trigger_goes_on_to_the_next_port_after_the_snapshot() {
    let mut task = alternating(3, Overtaking);
    let capture = Do::CaptureInputs { checkpoint: id(1) };
    assert_eq!(task.on(trigger(1, Overtaking)), [capture]);
    let own = barrier(1, Overtaking);
    assert_eq!(task.on(TaskInput::Capturing { checkpoint: id(1) }), [Do::Send(own), snapshot(own)]);
    let end = Do::EndCaptureInputs { checkpoint: id(1), complete: true };
    assert_eq!(task.on(TaskInput::Taken { checkpoint: id(1) }), [end]);
}

#[test]
fn a_trigger_meets_ports_that_have_given_their_barrier() {
    let mut task = alternating(2, Overtaking);
    task.through(read(1, 1, Overtaking));
    let end = Do::EndCaptureInputs { checkpoint: id(1), complete: true };
    assert_eq!(task.through(trigger(1, Overtaking)), [end]);
}

#[test]
fn a_task_whose_inputs_have_all_ended_starts_like_a_source() {
    for mut task in [aligned(1), told(1, &settings(), tracker)] {
        task.on(TaskInput::Ended { port: Port(0) });
        let began = Do::Note(Note::AlignmentBegan(id(1)));
        let ended = Do::Note(Note::AlignmentEnded(id(1)));
        let own = barrier(1, Plain);
        let starts = Do::Note(Note::Starts(own));
        assert_eq!(task.all(trigger(1, Plain)), [began, ended, starts, Do::Send(own), snapshot(own)]);
    }
}

#[test]
fn a_port_that_ends_too_late_turns_an_alignment_unaligned() {
    let mut task = alternating(3, Timeoutable);
    task.on(read(0, 1, Timeoutable));
    task.now.0 = TIMEOUT.0;
    assert_eq!(task.on(TaskInput::Ended { port: Port(1) }), [], "not later than allowed");
    let mut task = alternating(3, Timeoutable);
    task.on(read(0, 1, Timeoutable));
    task.now.0 = TIMEOUT.0 + 1;
    assert_eq!(task.on(TaskInput::Ended { port: Port(1) }), [Do::CaptureInputs { checkpoint: id(1) }]);
}

// ---- notifications and the end ----

#[test]
fn completions_only_rise_and_an_abort_makes_up_for_a_lost_one() {
    let mut task = aligned(1);
    let commit = |checkpoint| Do::Commit { checkpoint: id(checkpoint) };
    task.on(TaskInput::Started { restored: id(2) });
    assert_eq!(task.on(completed(2)), [], "it was restored from it");
    assert_eq!(task.on(completed(3)), [commit(3)]);
    assert_eq!(task.on(aborted(7, 5)), [commit(5)]);
    assert_eq!(task.on(completed(4)), []);
    assert_eq!(task.on(aborted(8, 5)), []);
}

#[test]
fn a_task_that_has_seen_all_data_ends_after_a_checkpoint_of_all_of_it() {
    let mut source = aligned(0);
    source.through(trigger(1, Blocking));
    assert_eq!(source.on(TaskInput::Drained), []);
    source.through(trigger(2, Blocking));
    assert_eq!(source.on(completed(1)), [Do::Commit { checkpoint: id(1) }], "that one began before");
    assert_eq!(source.on(completed(3)), [Do::Commit { checkpoint: id(3) }, Do::End]);
}

#[test]
fn without_checkpoints_after_the_end_a_task_ends_at_once() {
    let drained = |settings: Settings| {
        told(0, &settings, |site| single(site, Mode::Aligned, Blocking, Span::ZERO)).on(TaskInput::Drained)
    };
    assert_eq!(drained(Settings { after_finish: false, ..settings() }), [Do::End]);
    assert_eq!(drained(Settings { after_finish: false, interval: None, ..settings() }), [], "it will be told");
    assert_eq!(drained(Settings { interval: None, ..settings() }), []);
}

#[test]
fn the_job_ends_with_a_savepoint() {
    for (purpose, drain) in [(Purpose::Suspend, false), (Purpose::Drain, true)] {
        let mut source = aligned(0);
        assert_eq!(source.through(ending(1, purpose))[0], Do::StopReading { drain });
        assert_eq!(source.on(TaskInput::Drained), []);
        assert_eq!(source.on(completed(1)), [Do::Commit { checkpoint: id(1) }, Do::End]);
    }
    // Somebody else's reading is not his to stop.
    let mut task = aligned(1);
    assert_eq!(task.through(ending(1, Purpose::Suspend)).len(), 2);
    assert_eq!(task.on(completed(1)), [Do::Commit { checkpoint: id(1) }, Do::End]);
}

#[test]
fn a_savepoint_that_ends_the_job_must_not_be_given_up() {
    let mut source = aligned(0);
    source.through(ending(1, Purpose::Suspend));
    assert_eq!(source.on(aborted(1, 0)), [Do::Fail]);

    let mut task = alternating(2, Overtaking);
    let last = Barrier { purpose: Purpose::Drain, ..barrier(1, Overtaking) };
    task.through(TaskInput::Barrier { port: Port(0), barrier: last });
    let mut other = Told { role: task.role.clone(), now: Now(0) };
    assert_eq!(task.on(TaskInput::Cancelled { port: Port(1), checkpoint: id(1) }).last(), Some(&Do::Fail));
    assert_eq!(other.on(read(1, 2, Overtaking)).last(), Some(&Do::Fail), "and nothing after it");
}
