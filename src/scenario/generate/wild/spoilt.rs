//! A file that is spoilt, in every window of a job's life.
//!
//! No protocol stands it if the only readable checkpoint is lost. So whoever spoils a file has to know that there is an
//! older one to go back to, and beside other faults nobody does: those may be what opens the window, and too early. So
//! these scenarios have no others. What opens the window comes after the second record at the earliest; where nothing
//! has to, it is about the third checkpoint or a later one.

use super::aim::{Which, fault, on, silence, tasks};
use super::{Dice, Limits, is_hopeless, someone, stored};
use crate::base::{CheckpointId, Concern, Draws, Span};
use crate::scenario::generate::patience::MANY;
use crate::scenario::{Effect, Fault, Node, Operator, PaceFault, Paced, Scenario, SubtaskName, When};
use crate::trace::{EventKind, Predicate};

/// So many scenarios in a hundred.
const PERCENT: u64 = 17;

/// What opens the window.
#[derive(Clone, Copy)]
enum Opener {
    /// A late checkpoint.
    Checkpoint,
    /// The same, and a task hears late that an earlier one is complete.
    Silence,
    /// An exception in a task.
    Exception,
    /// The same, after a checkpoint that holds much of channels.
    Behind,
    /// The loss of a task manager.
    Manager,
    /// The loss of the coordinator.
    Coordinator,
}

/// How a window is opened, an event in it, and how often that is tried: more often where fewer jobs come to it.
const MOMENTS: &[(Opener, EventKind, usize)] = &[
    (Opener::Checkpoint, EventKind::CheckpointTriggered, 1),
    (Opener::Checkpoint, EventKind::AlignmentBegan, 3),
    (Opener::Checkpoint, EventKind::SnapshotStarted, 1),
    (Opener::Checkpoint, EventKind::SnapshotTaken, 2),
    (Opener::Checkpoint, EventKind::AckReceived, 9),
    (Opener::Silence, EventKind::CompleteReceived, 1),
    (Opener::Exception, EventKind::JobRestarting, 9),
    (Opener::Exception, EventKind::RestorePoint, 1),
    (Opener::Exception, EventKind::SourceRewound, 1),
    (Opener::Behind, EventKind::TaskStarted, 16),
    (Opener::Behind, EventKind::ChannelsRecovered, 3),
    (Opener::Manager, EventKind::ManagerLost, 6),
    (Opener::Coordinator, EventKind::CoordinatorLost, 6),
];

/// The same scenario, or one whose only mishap is a spoilt file.
pub(in super::super) fn with_a_spoilt_file(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 11), next: 0 };
    let spoil = Effect::Spoil(whose(&mut dice, &scenario));
    if limits.wild == 0 || !limits.lossy || !dice.chance(PERCENT) {
        return scenario;
    }
    let (faults, retained) = (std::mem::take(&mut scenario.faults), scenario.checkpoints.retained);
    scenario.checkpoints.retained = retained.max(2);
    if is_hopeless(&spoil, &scenario) {
        (scenario.faults, scenario.checkpoints.retained) = (faults, retained);
        return scenario;
    }
    // Nor may the job fail because checkpoints expire: without a clock they do at any time.
    scenario.checkpoints.tolerable_failures = MANY;
    scenario.faults = at_a_moment(&mut dice, spoil, &scenario);
    // Most jobs are over before their third checkpoint, and records are written in no time.
    let checkpoints = &mut scenario.checkpoints;
    checkpoints.interval = checkpoints.interval.map(|interval| Span(interval.0 / dice.from(2, 8)));
    scenario.storage.metadata = scenario.storage.metadata.max(Span::from_micros(dice.from(100, 1_000)));
    scenario
}

/// Whose file is spoilt. Who ends long before the others has one snapshot in all later checkpoints: where a job has
/// several sources, it is that of a sink.
fn whose(dice: &mut Dice, scenario: &Scenario) -> SubtaskName {
    let operators = &scenario.job.operators;
    let sources = operators.iter().filter(|operator| operator.source.is_some()).map(|operator| operator.parallelism);
    let sinks: Vec<&Operator> = operators.iter().filter(|operator| operator.kind == "sink").collect();
    match (sources.sum::<u32>() > 1, sinks.as_slice()) {
        (true, [_, ..]) => {
            let sink = sinks[dice.roll(sinks.len() as u64) as usize];
            SubtaskName { operator: sink.id.clone(), subtask: dice.roll(u64::from(sink.parallelism)) as u32 }
        }
        _ => someone(dice, scenario),
    }
}

fn at_a_moment(dice: &mut Dice, spoil: Effect, scenario: &Scenario) -> Vec<Fault> {
    let often: Vec<_> = MOMENTS.iter().flat_map(|(opener, kind, times)| vec![(*opener, *kind); *times]).collect();
    let (opener, kind) = dice.pick(&often);
    let opened = stored(dice.from(2, 3));
    let task = someone(dice, scenario);
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let before = match opener {
        Opener::Checkpoint => Vec::new(),
        Opener::Silence => vec![fault(When::At(Span::ZERO), silence(dice, false))],
        Opener::Exception => vec![fault(opened, Effect::FailTask(task))],
        Opener::Behind => {
            let of = Paced::Task(someone(dice, scenario));
            let pace = PaceFault { of, factor: Some(dice.from(10, 50) as u32), lasts: Span::from_millis(100) };
            vec![fault(When::At(Span::ZERO), Effect::Pace(pace)), fault(opened, Effect::FailTask(task))]
        }
        Opener::Manager => vec![fault(opened, Effect::Kill(Node::Manager(manager)))],
        Opener::Coordinator => vec![fault(opened, Effect::Kill(Node::Coordinator))],
    };
    let tasks = tasks(scenario);
    let late = Some(CheckpointId(dice.pick(&[3, 3, 4, 5])));
    let first = Predicate::first(kind);
    let strikes = match kind {
        EventKind::CheckpointTriggered => When::On(Predicate { checkpoint: late, ..first }),
        // The last acknowledgement, before the record.
        EventKind::AckReceived => When::On(Predicate { checkpoint: late, nth: tasks, ..first }),
        EventKind::AlignmentBegan
        | EventKind::SnapshotStarted
        | EventKind::SnapshotTaken
        | EventKind::CompleteReceived => {
            When::On(Predicate { checkpoint: late, nth: dice.from(1, tasks.div_ceil(2)), ..first })
        }
        EventKind::TaskStarted => on(dice, kind, Which::Again, scenario),
        EventKind::RestorePoint => on(dice, kind, Which::First(tasks), scenario),
        _ => When::On(first),
    };
    before.into_iter().chain([fault(strikes, spoil)]).collect()
}
