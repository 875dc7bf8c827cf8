//! Faults of all kinds, with triggers in every window of a checkpoint's and a recovery's life.

use super::{Dice, Limits};
use crate::base::{CheckpointId, Concern, Draws, Place, Span};
use crate::scenario::{
    ClockFault, Effect, Fault, LinkFault, MessageFault, MessageKind, Mishap, Node, PaceFault, Paced, RecordMishap,
    Request, Scenario, SubtaskName, Take, When, WriteFault, WriteMishap,
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
    // What a lost message stopped goes on when its checkpoint expires.
    scenario.checkpoints.timeout = scenario.checkpoints.timeout.min(Span::from_millis(dice.from(200, 300)));
    for n in 0..dice.from(1, u64::from(limits.wild)) {
        // A stream for each, so that one fault less leaves the others as they are.
        let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 16 + n), next: 0 };
        let dice = &mut dice;
        let effect = random_effect(dice, limits.lossy, &scenario);
        let when = match effect {
            // Before, there would be nothing to fall back to.
            Effect::Spoil(_) => stored(dice.from(2, 4)),
            _ => random_when(dice, length),
        };
        if is_hopeless(&effect, &scenario) {
            continue;
        }
        scenario.faults.push(Fault { when, effect, place: Place::default() });
    }
    scenario
}

/// After the n-th record of a complete checkpoint.
fn stored(nth: u64) -> When {
    When::On(Predicate { nth, ..Predicate::first(EventKind::RecordStored) })
}

/// What no protocol stands: the last readable checkpoint is lost, or somebody is never told that the savepoint with which
/// the job stops is complete (Flink tells nobody a second time).
fn is_hopeless(effect: &Effect, scenario: &Scenario) -> bool {
    let stops = |request: &Request| matches!(request.take, Take::Suspend | Take::Drain);
    match effect {
        Effect::Spoil(_) => scenario.faults.iter().any(|fault| matches!(fault.effect, Effect::Spoil(_))),
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
    match dice.roll(if lossy { 13 } else { 9 }) {
        0 | 1 => Effect::Kill(Node::Manager(manager)),
        2 => Effect::Kill(Node::Coordinator),
        3 => Effect::FailTask(someone),
        4 => Effect::Link(random_link(dice, manager, scenario)),
        5 => Effect::Pace(random_pace(dice, someone, manager)),
        6 => Effect::Write(random_write(dice, someone, false)),
        7 => Effect::Message(random_message(dice, someone, false)),
        8 => Effect::Clock(ClockFault { manager, by: Span::from_micros(dice.from(1, 5_000)), behind: dice.chance(50) }),
        9 => Effect::Write(random_write(dice, someone, true)),
        10 | 11 => Effect::Message(random_message(dice, someone, true)),
        _ if scenario.checkpoints.retained > 1 && dice.chance(40) => Effect::Spoil(someone),
        _ => Effect::Record(dice.pick(&[RecordMishap::Fail, RecordMishap::Deny, RecordMishap::Vanish])),
    }
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
