//! Every fault in every window that few runs come to by themselves.
//!
//! A corner is a fault that strikes at once, or lies in wait for the first thing that comes, right when a window has
//! opened; and before it what opens the window, at a moment when what the fault waits for is about to come. What is
//! listed again in [`CORNERS`] is drawn more often: with these weights the rarest cell of `cutline hunt --windows` came
//! up 840 times in a million runs, and all but two more than a thousand times.

use super::aim::{Which, fault, on, silence, tasks};
use super::{Dice, Limits, is_hopeless, random_clock, random_link, random_record, someone};
use crate::base::{Concern, Draws, Span};
use crate::scenario::{
    Effect, ExternalFault, ExternalMishap, Fault, LinkFault, MessageFault, MessageKind, Mishap, Node, Operator,
    PaceFault, Paced, Scenario, When, WriteFault, WriteMishap,
};
use crate::trace::{EventKind, Predicate};

/// At most so many in a scenario.
const MOST: u64 = 9;

/// What is to be open when the fault strikes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Corner {
    /// There has been no checkpoint.
    Early,
    /// The job waits for its restart.
    Down,
    /// A task manager is lost, and nobody has noticed.
    Silent,
    /// The coordinator is lost, and nobody has taken over.
    Headless,
    /// All of a checkpoint is acknowledged, and it is not recorded.
    Unrecorded,
    /// Somebody hears late that a checkpoint is complete.
    Unnotified,
    /// A task reads what was put back into its inputs.
    Channels,
    /// A task loads its state.
    Restoring,
    /// No task has heard of a checkpoint that has begun.
    Preparing,
}

macro_rules! sorts {
    ($($sort:ident)*) => {
        /// What strikes there.
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Sort {
            $($sort),*
        }

        /// All of them; there are three ways in which a record goes wrong.
        const ANY: &[Sort] = &[$(Sort::$sort,)* Sort::Record, Sort::Record];
    };
}

sorts! {
    Exception ManagerLost CoordinatorLost LinkCut LinkSlow Pause SlowTask WriteSlow WriteHidden MessageDelayed MessageDoubled
    Clock Down Expired CommitLost ReplyLost FlushFails WriteFails WriteDenied MessageLost Record
}
use Sort::*;

/// What is not met anyway by those that are aimed at something else.
const CORNERS: &[(Corner, &[Sort])] = &[
    (Corner::Early, &[Expired]),
    (Corner::Down, &[Expired]),
    (Corner::Silent, ANY),
    (Corner::Silent, &[CommitLost, ReplyLost, Expired, Expired, Record, WriteSlow]),
    (Corner::Headless, ANY),
    (Corner::Headless, ANY),
    (Corner::Headless, &[Record, Expired]),
    (
        Corner::Unrecorded,
        &[Clock, Pause, SlowTask, Down, Expired, Expired, FlushFails, FlushFails, CommitLost, ReplyLost],
    ),
    (Corner::Unnotified, &[Record, Record, WriteSlow]),
    (Corner::Unnotified, &[Record, Record, WriteFails, WriteDenied]),
    (Corner::Unnotified, &[Record]),
    (Corner::Unnotified, &[Record]),
    (Corner::Silent, &[Record, ReplyLost, ManagerLost]),
    (Corner::Channels, &[ManagerLost, Exception]),
    (Corner::Unrecorded, &[LinkSlow, FlushFails]),
    (Corner::Unrecorded, &[Clock, Pause, SlowTask, LinkSlow, LinkCut, Expired, FlushFails]),
    (Corner::Unnotified, &[Record, Record, Record, WriteSlow, WriteHidden, WriteFails, Expired, Expired]),
    (Corner::Unnotified, &[Record, Record, Record, WriteSlow, WriteHidden, WriteDenied, Expired, Expired]),
    (
        Corner::Channels,
        &[CoordinatorLost, LinkCut, LinkSlow, LinkSlow, SlowTask, SlowTask, Clock, Clock, Expired, Expired],
    ),
    (Corner::Channels, &[Exception, ManagerLost, CoordinatorLost, LinkCut, LinkSlow, Pause, SlowTask, Clock, Expired]),
    (Corner::Channels, &[Exception, ManagerLost, CoordinatorLost, LinkCut, LinkSlow, Pause, SlowTask, Clock, Expired]),
    (Corner::Channels, &[ManagerLost, CoordinatorLost, LinkCut, LinkSlow, Pause, SlowTask, Clock, Expired]),
    (Corner::Channels, &[LinkSlow, Pause, SlowTask, Clock, Expired, Expired, Expired, Expired]),
    (Corner::Restoring, &[MessageDelayed, MessageDoubled]),
    (Corner::Restoring, &[MessageDelayed, MessageDoubled]),
    (Corner::Channels, &[LinkSlow, Pause, Down, Expired]),
    (Corner::Channels, &[Expired, CoordinatorLost]),
    (Corner::Restoring, &[FlushFails]),
    (Corner::Restoring, &[Expired, Expired, MessageDelayed, MessageDoubled, MessageLost, Down]),
    (Corner::Restoring, ANY),
    (Corner::Preparing, ANY),
    (Corner::Preparing, &[Expired, MessageDelayed, MessageDoubled]),
];

/// The same scenario with a few faults more, each in a corner.
pub(in super::super) fn with_corners(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    if limits.wild == 0 {
        return scenario;
    }
    let many = Dice { draws: Draws::new(seed, Concern::Generator, 9), next: 0 }.from(0, MOST);
    for n in 0..many {
        let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 128 + n), next: 0 };
        let (corner, sorts) = dice.pick(CORNERS);
        let sort = dice.pick(sorts);
        let effect = random_effect(&mut dice, sort, limits.lossy, &scenario);
        for fault in in_corner(&mut dice, corner, effect, &scenario) {
            if !is_hopeless(&fault.effect, &scenario) {
                scenario.faults.push(fault);
            }
        }
    }
    scenario
}

fn in_corner(dice: &mut Dice, corner: Corner, effect: Effect, scenario: &Scenario) -> Vec<Fault> {
    let (kind, which) = moment(dice, &effect);
    let soon = on(dice, kind, which, scenario);
    let first = |kind: EventKind| When::On(Predicate::first(kind));
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let task = someone(dice, scenario);
    let before = match corner {
        Corner::Silent => vec![fault(soon, Effect::Kill(Node::Manager(manager)))],
        Corner::Headless => vec![fault(soon, Effect::Kill(Node::Coordinator))],
        Corner::Early | Corner::Unrecorded | Corner::Preparing => Vec::new(),
        Corner::Unnotified => {
            vec![fault(When::At(Span::ZERO), silence(dice, false))]
        }
        Corner::Channels => {
            // Data pile up before a slow task, so that a checkpoint holds some.
            let (of, factor) = (Paced::Task(someone(dice, scenario)), Some(dice.from(10, 50) as u32));
            let pace = PaceFault { of, factor, lasts: Span::from_millis(100) };
            let complete = on(dice, EventKind::CheckpointCompleted, Which::First(3), scenario);
            vec![fault(When::At(Span::ZERO), Effect::Pace(pace)), fault(complete, Effect::FailTask(task))]
        }
        Corner::Down | Corner::Restoring => vec![fault(soon, Effect::FailTask(task))],
    };
    let strikes = match corner {
        Corner::Early => When::At(Span(dice.roll(2_000_000))),
        Corner::Down => first(EventKind::JobRestarting),
        Corner::Silent => first(EventKind::ManagerLost),
        Corner::Headless => first(EventKind::CoordinatorLost),
        Corner::Unrecorded => on(dice, EventKind::AckReceived, Which::Last, scenario),
        Corner::Unnotified => first(EventKind::MessageHit),
        Corner::Channels => {
            let nth = tasks(scenario) + dice.from(1, tasks(scenario));
            let started = Predicate { nth, ..Predicate::first(EventKind::TaskStarted) };
            // Or one of several has read all of it.
            let recovered = Predicate { nth: dice.from(1, 2), ..Predicate::first(EventKind::ChannelsRecovered) };
            When::On(if dice.chance(70) { started } else { recovered })
        }
        Corner::Restoring => on(dice, EventKind::RestorePoint, Which::First(6), scenario),
        Corner::Preparing => on(dice, EventKind::CheckpointTriggered, Which::First(4), scenario),
    };
    before.into_iter().chain([fault(strikes, effect)]).collect()
}

/// An event shortly before that which an effect waits for.
fn moment(dice: &mut Dice, effect: &Effect) -> (EventKind, Which) {
    let any = [
        (EventKind::AlignmentBegan, Which::First(12)),
        (EventKind::SnapshotTaken, Which::First(12)),
        (EventKind::AckReceived, Which::First(12)),
        (EventKind::CheckpointCompleted, Which::First(3)),
        (EventKind::BufferConsumed, Which::First(30)),
    ];
    match effect {
        Effect::Message(MessageFault { kind: MessageKind::Trigger, .. }) => {
            (EventKind::CheckpointTriggered, Which::First(4))
        }
        Effect::Message(MessageFault { kind: MessageKind::Ack, .. }) => (EventKind::SnapshotTaken, Which::First(12)),
        Effect::Message(_) => (EventKind::CheckpointCompleted, Which::First(3)),
        Effect::Write(_) => (EventKind::SnapshotStarted, Which::First(12)),
        Effect::Record(_) => (EventKind::AckReceived, Which::Last),
        Effect::External(ExternalFault { does: ExternalMishap::LoseCommit | ExternalMishap::LoseReply, .. }) => dice
            .pick(&[
                (EventKind::CheckpointCompleted, Which::First(3)),
                (EventKind::CheckpointCompleted, Which::First(3)),
                (EventKind::CompleteReceived, Which::First(6)),
            ]),
        Effect::External(ExternalFault { does: ExternalMishap::FailWrite, .. }) => dice
            .pick(&[(EventKind::CheckpointTriggered, Which::First(4)), (EventKind::AlignmentBegan, Which::First(12))]),
        _ => dice.pick(&any),
    }
}

/// Something of a sort; an exception instead of what nobody claims to stand, or where no sink has transactions.
fn random_effect(dice: &mut Dice, sort: Sort, lossy: bool, scenario: &Scenario) -> Effect {
    let manager = dice.roll(u64::from(scenario.cluster.task_managers)) as u32;
    let task = someone(dice, scenario);
    let by = Span::from_micros(dice.from(10, 5_000));
    let lasts = Span::from_micros(dice.from(100, 10_000));
    let kinds = [MessageKind::Trigger, MessageKind::Ack, MessageKind::Ack, MessageKind::Complete, MessageKind::Abort];
    let kind = dice.pick(&kinds);
    let factor = dice.from(2, 50) as u32;
    let message = |does| Some(Effect::Message(MessageFault { kind, of: None, checkpoint: None, nth: 1, does }));
    let write = |does| Some(Effect::Write(WriteFault { of: None, checkpoint: None, times: 1, does }));
    let pace = |factor| Some(Effect::Pace(PaceFault { of: Paced::Task(task.clone()), factor, lasts }));
    let commits = |op: &&Operator| op.kind == "sink" && op.sink.commits();
    let sinks: Vec<&Operator> = scenario.job.operators.iter().filter(commits).collect();
    let sink = sinks.get(dice.roll(sinks.len() as u64) as usize);
    let outside = |does| sink.map(|sink| Effect::External(ExternalFault { of: sink.id.clone(), does }));
    let effect = match sort {
        WriteFails | WriteDenied | MessageLost | Record if !lossy => None,
        Exception => None,
        ManagerLost => Some(Effect::Kill(Node::Manager(manager))),
        CoordinatorLost => Some(Effect::Kill(Node::Coordinator)),
        LinkCut => Some(Effect::Link(LinkFault { by: None, ..random_link(dice, manager, scenario) })),
        LinkSlow => Some(Effect::Link(LinkFault { by: Some(by), ..random_link(dice, manager, scenario) })),
        Pause => pace(None),
        SlowTask => pace(Some(factor)),
        WriteSlow => write(WriteMishap::Slow(by)),
        WriteHidden => write(WriteMishap::Hide(by)),
        MessageDelayed => message(Mishap::Delay(by)),
        MessageDoubled => message(Mishap::Double(by)),
        Clock => Some(Effect::Clock(random_clock(dice, manager))),
        Down => outside(ExternalMishap::Down(lasts)),
        Expired => outside(ExternalMishap::Expire),
        CommitLost => outside(ExternalMishap::LoseCommit),
        ReplyLost => outside(ExternalMishap::LoseReply),
        FlushFails => outside(ExternalMishap::FailWrite),
        WriteFails => write(WriteMishap::Fail),
        WriteDenied => write(WriteMishap::Deny),
        MessageLost => message(Mishap::Lose),
        Record => Some(Effect::Record(random_record(dice))),
    };
    effect.unwrap_or(Effect::FailTask(task))
}
