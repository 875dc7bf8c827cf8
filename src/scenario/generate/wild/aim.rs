//! Pairs of faults: one opens a window, the other strikes in it.

use super::{Dice, random_clock, random_effect, random_link, random_pace, random_record, someone, stored};
use crate::base::{CheckpointId, Place, Span};
use crate::scenario::{
    Effect, Fault, MessageFault, MessageKind, Mishap, Node, PaceFault, Paced, Scenario, When, WriteFault,
};
use crate::trace::{EventKind, Predicate};

/// What opens a window.
#[derive(Clone, Copy)]
enum Opener {
    /// It opens by itself.
    Nothing,
    /// An exception in a task: the job is down, restores, reads its channels, replays.
    Task,
    /// The loss of a task manager, which nobody notices for a while.
    Manager,
    /// The loss of the coordinator.
    Coordinator,
    /// A task does not hear that a checkpoint is complete.
    Silence,
}

/// Which event of a kind.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// One of the first so many.
    First(u64),
    /// The one of the last task for some checkpoint, if all have a part.
    Last,
    /// One after each task had one.
    Again,
    /// The one with which each task had two.
    AgainLast,
}

/// A window: what opens it, and an event within.
type Aim = (Opener, EventKind, Which);

const AIMS: &[Aim] = &[
    (Opener::Nothing, EventKind::AckReceived, Which::Last),
    (Opener::Nothing, EventKind::SnapshotTaken, Which::Last),
    (Opener::Nothing, EventKind::CheckpointTriggered, Which::First(6)),
    (Opener::Nothing, EventKind::CompleteReceived, Which::First(12)),
    (Opener::Nothing, EventKind::CheckpointAborted, Which::First(3)),
    (Opener::Task, EventKind::JobRestarting, Which::First(2)),
    (Opener::Task, EventKind::RestorePoint, Which::First(6)),
    (Opener::Task, EventKind::SourceRewound, Which::First(3)),
    (Opener::Task, EventKind::ChannelReplayed, Which::First(3)),
    (Opener::Task, EventKind::TaskStarted, Which::Again),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Manager, EventKind::ManagerLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorLost, Which::First(1)),
    (Opener::Coordinator, EventKind::CoordinatorTookOver, Which::First(1)),
    (Opener::Silence, EventKind::MessageHit, Which::First(1)),
    (Opener::Silence, EventKind::CheckpointTriggered, Which::First(4)),
    (Opener::Silence, EventKind::AckReceived, Which::Last),
];

/// Events after which a window is opened: so that snapshots, acknowledgements and records are under way in it.
const OPENED: &[(EventKind, Which)] = &[
    (EventKind::AlignmentBegan, Which::First(12)),
    (EventKind::BarrierReceived, Which::First(12)),
    (EventKind::SnapshotStarted, Which::First(12)),
    (EventKind::SnapshotTaken, Which::First(12)),
    (EventKind::SnapshotTaken, Which::Last),
    (EventKind::SnapshotDurable, Which::First(12)),
    (EventKind::AckReceived, Which::First(12)),
    (EventKind::AckReceived, Which::Last),
    (EventKind::AckReceived, Which::Last),
    (EventKind::CheckpointTriggered, Which::First(5)),
    (EventKind::CheckpointCompleted, Which::First(3)),
    (EventKind::BufferConsumed, Which::First(30)),
    (EventKind::TaskDrained, Which::First(3)),
];

/// A fault that strikes in a window, and before it the one that opens the window.
pub(super) fn aimed(dice: &mut Dice, lossy: bool, scenario: &Scenario) -> Vec<Fault> {
    if lossy && dice.chance(15) {
        return at_a_record(dice, scenario);
    }
    if dice.chance(25) {
        return at_restored_channels(dice, lossy, scenario);
    }
    let (opener, kind, which) = dice.pick(AIMS);
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let (event, nth) = dice.pick(OPENED);
    let opened = on(dice, event, nth, scenario);
    let task = someone(dice, scenario);
    let opens = match opener {
        Opener::Nothing => None,
        Opener::Task => Some(Effect::FailTask(task)),
        Opener::Manager => Some(Effect::Kill(Node::Manager(manager))),
        Opener::Coordinator => Some(Effect::Kill(Node::Coordinator)),
        Opener::Silence => Some(silence(dice, lossy)),
    };
    let strikes = on(dice, kind, which, scenario);
    let effect = at_once(random_effect(dice, lossy, scenario), dice);
    let strikes = match effect {
        Effect::Spoil(_) => stored(dice.from(2, 4)),
        _ => strikes,
    };
    opens.map(|effect| fault(opened, effect)).into_iter().chain([fault(strikes, effect)]).collect()
}

/// Somebody or something is lost while a record is written, and the record meets with a mishap, too.
fn at_a_record(dice: &mut Dice, scenario: &Scenario) -> Vec<Fault> {
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let task = someone(dice, scenario);
    let lost = dice.pick(&[Opener::Task, Opener::Manager, Opener::Coordinator, Opener::Silence]);
    let written = on(dice, EventKind::AckReceived, Which::Last, scenario);
    let mishap = Effect::Record(random_record(dice));
    let (effect, when, trap) = match lost {
        Opener::Task => (Effect::FailTask(task), written.clone(), written),
        Opener::Manager => (Effect::Kill(Node::Manager(manager)), written.clone(), written),
        Opener::Silence => {
            (silence(dice, true), When::At(Span::ZERO), When::On(Predicate::first(EventKind::MessageHit)))
        }
        _ => (Effect::Kill(Node::Coordinator), written.clone(), written),
    };
    vec![fault(trap, mishap), fault(when, effect)]
}

/// A slow task before which data pile up, so that a checkpoint holds them; a failure after that; and while the task reads
/// them again, another fault.
fn at_restored_channels(dice: &mut Dice, lossy: bool, scenario: &Scenario) -> Vec<Fault> {
    let (slow, fails) = (someone(dice, scenario), someone(dice, scenario));
    let pace =
        PaceFault { of: Paced::Task(slow), factor: Some(dice.from(10, 50) as u32), lasts: Span::from_millis(100) };
    let complete = on(dice, EventKind::CheckpointCompleted, Which::First(3), scenario);
    let (kind, which) = dice.pick(&[
        (EventKind::SourceReplayed, Which::First(2)),
        (EventKind::ChannelsRecovered, Which::First(2)),
        (EventKind::TaskStarted, Which::Again),
        (EventKind::TaskStarted, Which::AgainLast),
    ]);
    let again = on(dice, kind, which, scenario);
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let task = someone(dice, scenario);
    let (again, effect) = match dice.roll(if lossy { 10 } else { 8 }) {
        0 => (again, Effect::Kill(Node::Manager(manager))),
        1 => (again, Effect::Kill(Node::Coordinator)),
        2..=4 => (again, Effect::Link(random_link(dice, manager, scenario))),
        5 | 6 => (again, Effect::Pace(random_pace(dice, task, manager))),
        7 => (again, Effect::Clock(random_clock(dice, manager))),
        // While sources read again, too, a checkpoint may come to its record.
        _ => (When::On(Predicate::first(EventKind::SourceRewound)), Effect::Record(random_record(dice))),
    };
    vec![
        fault(When::At(Span::ZERO), Effect::Pace(pace)),
        fault(complete, Effect::FailTask(fails)),
        fault(again, effect),
    ]
}

/// Somebody hears late or never that a checkpoint is complete.
pub(super) fn silence(dice: &mut Dice, lossy: bool) -> Effect {
    let late = Mishap::Delay(Span::from_micros(dice.from(2_000, 20_000)));
    let does = if lossy && dice.chance(50) { Mishap::Lose } else { late };
    Effect::Message(MessageFault { kind: MessageKind::Complete, of: None, checkpoint: None, nth: 1, does })
}

pub(super) fn fault(when: When, effect: Effect) -> Fault {
    Fault { when, effect, place: Place::default() }
}

/// What lies in wait takes the first thing that comes: what it waited for otherwise would come after the window.
fn at_once(effect: Effect, dice: &mut Dice) -> Effect {
    match effect {
        Effect::Message(message) => {
            let kind = dice.pick(&[message.kind, MessageKind::Ack, MessageKind::Ack, MessageKind::Abort]);
            Effect::Message(MessageFault { kind, of: None, checkpoint: None, nth: 1, ..message })
        }
        Effect::Write(write) => Effect::Write(WriteFault { of: None, checkpoint: None, ..write }),
        effect => effect,
    }
}

pub(super) fn on(dice: &mut Dice, kind: EventKind, which: Which, scenario: &Scenario) -> When {
    let tasks = tasks(scenario);
    let first = Predicate::first(kind);
    When::On(match which {
        Which::First(most) => Predicate { nth: dice.from(1, most), ..first },
        Which::Last => Predicate { checkpoint: Some(CheckpointId(dice.from(1, 3))), nth: tasks, ..first },
        Which::AgainLast => Predicate { nth: 2 * tasks, ..first },
        Which::Again => Predicate { nth: tasks + dice.from(1, tasks), ..first },
    })
}

/// How many tasks there are: chained operators share one.
pub(super) fn tasks(scenario: &Scenario) -> u64 {
    let job = &scenario.job;
    let is_chained = |id: &str| job.edges.iter().any(|edge| edge.chained && edge.to == id);
    let heads = job.operators.iter().filter(|operator| !is_chained(&operator.id));
    heads.map(|operator| u64::from(operator.parallelism)).sum()
}
