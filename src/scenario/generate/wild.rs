//! Faults of all kinds, with triggers in every window of a checkpoint's and a recovery's life.
//!
//! Half of them strike at any time. The others are aimed at a window that few runs come to by themselves: with them
//! comes the fault that opens it, and they wait for an event within; `corners` sees to those that are still too seldom.
//! What they hit is counted by
//! [`crate::campaign::Windows`]; `cutline hunt --windows` shows whether any window is met too seldom.

mod aim;
mod corners;
mod spoilt;

pub(super) use corners::with_corners;
pub(super) use spoilt::with_a_spoilt_file;

use super::{Dice, Limits};
use crate::base::{CheckpointId, Concern, Draws, Place, Span};
use crate::scenario::{
    ClockFault, Edge, Effect, Fault, LinkFault, MessageFault, MessageKind, Mishap, Node, PaceFault, Paced, Partitioner,
    RecordMishap, Request, Scenario, SubtaskName, Take, When, WriteFault, WriteMishap,
};
use crate::trace::{EventKind, Predicate};

/// The same scenario with more that goes wrong, and settings under which that comes to an end.
pub(super) fn with_faults(seed: u64, limits: &Limits, length: Span, mut scenario: Scenario) -> Scenario {
    if limits.wild == 0 {
        return scenario;
    }
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 2), next: 0 };
    let dice = &mut dice;
    let cluster = &mut scenario.cluster;
    cluster.heartbeat = Span::from_micros(dice.from(500, 8_000));
    cluster.standby = dice.pick(&[0, 0, 1, 2]);
    cluster.replacement = Span::from_micros(dice.from(0, 5_000));
    cluster.takeover = Span::from_micros(dice.from(0, 5_000));
    scenario.storage.local = dice.chance(30);
    widen(dice, limits, &mut scenario);
    // What a lost message stopped goes on when its checkpoint expires.
    let soon = Span::from_millis(dice.from(200, 300));
    scenario.checkpoints.timeout = scenario.checkpoints.timeout.min(soon);
    for n in 0..dice.from(1, u64::from(limits.wild)) {
        // A stream for each, so that one fault less leaves the others as they are.
        let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 16 + n), next: 0 };
        let dice = &mut dice;
        let faults = match dice.chance(50) {
            true => aim::aimed(dice, limits.lossy, &scenario),
            false => vec![random_fault(dice, limits.lossy, length, &scenario)],
        };
        for fault in faults {
            if !is_hopeless(&fault.effect, &scenario) {
                scenario.faults.push(fault);
            }
        }
    }
    scenario
}

/// Makes windows longer that are often too short for anything to happen in them.
fn widen(dice: &mut Dice, limits: &Limits, scenario: &mut Scenario) {
    if dice.chance(40) {
        scenario.storage.metadata = Span::from_micros(dice.from(500, 4_000));
    }
    if dice.chance(40) {
        scenario.storage.latency = Span::from_micros(dice.from(500, 3_000));
    }
    if dice.chance(40) {
        scenario.network.rpc = Span::from_micros(dice.from(400, 2_000));
    }
    if limits.concurrent && dice.chance(40) {
        scenario.checkpoints.max_concurrent = dice.from(2, 4) as u32;
    }
    if dice.chance(30) {
        slow_down(dice, scenario);
    }
    if dice.chance(30) {
        set_apart(scenario);
    }
}

/// Makes an operator so slow that data pile up before it: barriers overtake them, and a restart has to read them again.
fn slow_down(dice: &mut Dice, scenario: &mut Scenario) {
    let operators = &mut scenario.job.operators;
    let behind: Vec<usize> = (0..operators.len()).filter(|op| operators[*op].source.is_none()).collect();
    operators[dice.pick(&behind)].service = Span::from_micros(dice.from(50, 250));
    for source in operators.iter_mut().filter_map(|operator| operator.source.as_mut()) {
        (source.rate, source.burst) = (None, None);
    }
}

/// Puts a pipeline beside the job that has nothing to do with it: a region that goes on where the other fails.
fn set_apart(scenario: &mut Scenario) {
    let job = &mut scenario.job;
    let first = |kind: &str| job.operators.iter().find(|operator| operator.kind == kind).cloned();
    let (Some(mut source), Some(mut sink)) = (first("source"), first("sink")) else { return };
    (source.id, sink.id) = ("apart".to_owned(), "apart-sink".to_owned());
    let (from, to, by) = (source.id.clone(), sink.id.clone(), Partitioner::Hash);
    job.edges.push(Edge { from, to, by, chained: false, feedback: false, overtaking: true, place: Place::default() });
    job.operators.extend([source, sink]);
}

fn random_fault(dice: &mut Dice, lossy: bool, length: Span, scenario: &Scenario) -> Fault {
    let effect = random_effect(dice, lossy, scenario);
    let when = match effect {
        // Before, there would be nothing to fall back to.
        Effect::Spoil(_) => stored(dice.from(2, 4)),
        _ => random_when(dice, length),
    };
    Fault { when, effect, place: Place::default() }
}

/// After the n-th record of a complete checkpoint.
fn stored(nth: u64) -> When {
    When::On(Predicate { nth, ..Predicate::first(EventKind::RecordStored) })
}

/// What no protocol stands: the last readable checkpoint is lost; or somebody is never told that the savepoint with which
/// the job stops is complete (Flink tells nobody a second time); or a source is never told of the only checkpoint there
/// is, and those behind it wait for its barrier (as in Flink, only the next one makes them give it up).
pub(super) fn is_hopeless(effect: &Effect, scenario: &Scenario) -> bool {
    let stops = |request: &Request| matches!(request.take, Take::Suspend | Take::Drain);
    match effect {
        // One that stopped the job is not kept beside the next one.
        Effect::Spoil(_) if scenario.checkpoints.retained < 2 || scenario.checkpoints.requests.iter().any(stops) => {
            true
        }
        // A record that nobody knows of is deleted, and is no second one.
        Effect::Spoil(_) => {
            let others = |fault: &Fault| matches!(fault.effect, Effect::Spoil(_) | Effect::Record(_));
            scenario.faults.iter().any(others)
        }
        Effect::Record(_) => scenario.faults.iter().any(|fault| matches!(fault.effect, Effect::Spoil(_))),
        Effect::Message(MessageFault { kind: MessageKind::Trigger, does: Mishap::Lose, .. }) => {
            scenario.checkpoints.interval.is_none()
        }
        Effect::Message(MessageFault { kind: MessageKind::Complete, does: Mishap::Lose, .. }) => {
            scenario.checkpoints.requests.iter().any(stops)
        }
        _ => false,
    }
}

/// An instant, or an event of every window: before, during and after alignment, upload, record, restart and restore.
fn random_when(dice: &mut Dice, length: Span) -> When {
    const KINDS: &[EventKind] = &[
        EventKind::CheckpointTriggered,
        EventKind::TriggerReceived,
        EventKind::AlignmentBegan,
        EventKind::BarrierReceived,
        EventKind::SnapshotStarted,
        EventKind::SnapshotTaken,
        EventKind::SnapshotDurable,
        EventKind::AckReceived,
        EventKind::RecordStored,
        EventKind::CheckpointCompleted,
        EventKind::CompleteReceived,
        EventKind::CheckpointAborted,
        EventKind::JobRestarting,
        EventKind::RestorePoint,
        EventKind::TaskStarted,
        EventKind::FaultStruck,
        EventKind::BufferConsumed,
        EventKind::TaskDrained,
    ];
    if dice.chance(35) {
        return When::At(Span(dice.roll(length.0)));
    }
    let (kind, most) = (dice.pick(KINDS), dice.pick(&[1, 3, 12]));
    When::On(Predicate { nth: dice.from(1, most), ..Predicate::first(kind) })
}

fn random_effect(dice: &mut Dice, lossy: bool, scenario: &Scenario) -> Effect {
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let someone = someone(dice, scenario);
    // Exceptions and losses come with aims, too.
    match dice.roll(if lossy { 20 } else { 13 }) {
        0 => Effect::Kill(Node::Manager(manager)),
        1 => Effect::Kill(Node::Coordinator),
        2 => Effect::FailTask(someone),
        3 | 4 => Effect::Link(random_link(dice, manager, scenario)),
        5 | 6 => Effect::Pace(random_pace(dice, someone, manager)),
        7 | 8 => Effect::Write(random_write(dice, someone, false)),
        9..=11 => Effect::Message(random_message(dice, someone, false)),
        12 => Effect::Clock(random_clock(dice, manager)),
        13 | 14 => Effect::Write(random_write(dice, someone, true)),
        15 | 16 => Effect::Message(random_message(dice, someone, true)),
        17 if scenario.checkpoints.retained > 1 => Effect::Spoil(someone),
        _ => Effect::Record(random_record(dice)),
    }
}

fn random_clock(dice: &mut Dice, manager: u32) -> ClockFault {
    ClockFault { manager, by: Span::from_micros(dice.from(1, 5_000)), behind: dice.chance(50) }
}

fn random_record(dice: &mut Dice) -> RecordMishap {
    dice.pick(&[RecordMishap::Fail, RecordMishap::Deny, RecordMishap::Vanish])
}

fn someone(dice: &mut Dice, scenario: &Scenario) -> SubtaskName {
    let operators = &scenario.job.operators;
    let operator = &operators[dice.roll(operators.len() as u64) as usize];
    SubtaskName { operator: operator.id.clone(), subtask: dice.roll(u64::from(operator.parallelism)) as u32 }
}

fn random_link(dice: &mut Dice, manager: u32, scenario: &Scenario) -> LinkFault {
    let other = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let here = Node::Manager(manager);
    let there = if other == manager || dice.chance(50) { Node::Coordinator } else { Node::Manager(other) };
    let (from, to) = if dice.chance(50) { (here, there) } else { (there, here) };
    let by = dice.chance(40).then(|| Span::from_micros(dice.from(10, 3_000)));
    LinkFault { from, to, both: dice.chance(50), by, lasts: Span::from_micros(dice.from(100, 12_000)) }
}

fn random_pace(dice: &mut Dice, task: SubtaskName, manager: u32) -> PaceFault {
    let of = if dice.chance(70) { Paced::Task(task) } else { Paced::Manager(manager) };
    let factor = dice.chance(50).then(|| dice.from(2, 50) as u32);
    PaceFault { of, factor, lasts: Span::from_micros(dice.from(100, 10_000)) }
}

fn random_write(dice: &mut Dice, task: SubtaskName, lossy: bool) -> WriteFault {
    let by = Span::from_micros(dice.from(10, 5_000));
    let does = match (lossy, dice.chance(50)) {
        (false, true) => WriteMishap::Slow(by),
        (false, false) => WriteMishap::Hide(by),
        (true, true) => WriteMishap::Fail,
        (true, false) => WriteMishap::Deny,
    };
    let of = dice.chance(50).then_some(task);
    WriteFault { of, checkpoint: random_checkpoint(dice), times: dice.from(1, 3) as u32, does }
}

fn random_message(dice: &mut Dice, task: SubtaskName, lossy: bool) -> MessageFault {
    let by = Span::from_micros(dice.from(10, 6_000));
    let does = match (lossy, dice.chance(50)) {
        (true, _) => Mishap::Lose,
        (false, true) => Mishap::Delay(by),
        (false, false) => Mishap::Double(by),
    };
    let of = dice.chance(50).then_some(task);
    let (kind, checkpoint) = (dice.pick(&MessageKind::OF_CHECKPOINTS), random_checkpoint(dice));
    MessageFault { kind, of, checkpoint, nth: dice.from(1, 4), does }
}

fn random_checkpoint(dice: &mut Dice) -> Option<CheckpointId> {
    dice.chance(30).then(|| CheckpointId(dice.from(1, 4)))
}
