//! A desk at which a coordinator is told things, with a clock that the test moves.
//!
//! The desk keeps the timers that the coordinator sets, as a driver would: time passes from one to the next.

mod endings;
mod laws;
mod outcomes;
mod restarts;
mod triggers;

use super::*;
use crate::base::{ChannelId, Concern, Span, TaskId, Time};
use crate::plan::{self, Plan};
use crate::protocol::{Barrier, DeclineReason, Purpose, RecoveryPlan, configure};
use crate::scenario::{Request, Take, parse};

/// Sources 0 and 1, behind each a task of its own (2 and 3), behind both task 4.
const JOB: &str = r#"{"cutline": 1,
    "job": {
        "operators": [
            {"id": "in", "kind": "source", "parallelism": 2, "partitions": 2}, {"id": "a", "kind": "map", "parallelism": 2},
            {"id": "out", "kind": "sink"}],
        "edges": [{"from": "in", "to": "a", "by": "forward"}, {"from": "a", "to": "out", "by": "hash"}]},
    "checkpoints": {"interval": "100ms", "first": "100ms", "timeout": "1s"}}"#;

const TASKS: u32 = 5;
const ALIGNED: Style = Style { kind: BarrierKind::Blocking, captures: false };
const UNALIGNED: Style = Style { kind: BarrierKind::Overtaking, captures: true };

fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

/// The command to write down a checkpoint in which everybody has a part.
fn recorded(id: u64) -> Do {
    Do::Record(Record { checkpoint: CheckpointId(id), ..Record::default() })
}

/// What surrounds the coordinator.
struct Clock {
    now: Time,
    /// No limit is ever over.
    stands_still: bool,
    draw: u64,
}

impl Env for Clock {
    fn now(&mut self) -> Moment {
        Moment(self.now.0)
    }
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        !self.stands_still && self.now.since(Time(since.0)) >= limit
    }
    fn left(&mut self, since: Moment, limit: Span) -> Span {
        if self.stands_still { limit } else { (Time(since.0) + limit).since(self.now) }
    }
    fn draw(&mut self, _: Concern, _: u64, _: u64) -> u64 {
        self.draw
    }
}

/// A coordinator of barriers needs none.
struct NoFacts;

impl Facts for NoFacts {
    fn newest(&self, _: TaskId, _: Option<CheckpointId>) -> CheckpointId {
        unreachable!()
    }
    fn applied(&self, _: TaskId, _: Option<CheckpointId>) -> u64 {
        unreachable!()
    }
    fn sent(&self, _: ChannelId, _: Option<CheckpointId>) -> u64 {
        unreachable!()
    }
    fn received(&self, _: ChannelId, _: Option<CheckpointId>) -> u64 {
        unreachable!()
    }
}

struct Desk {
    role: BarrierCoordinator,
    clock: Clock,
    timers: Vec<(Time, Timer)>,
    /// What was answered, input by input.
    batches: Vec<Vec<Do>>,
}

/// What a test asks the commands about.
trait Answers {
    /// The checkpoints that began.
    fn begun(&self) -> Vec<u64>;
    /// The tasks that were told to begin.
    fn told(&self) -> Vec<u32>;
    fn completed(&self) -> Vec<u64>;
    fn notified(&self) -> Vec<(u32, u64)>;
    /// What was given up, why, and which was the newest complete one.
    fn aborted(&self) -> Vec<(u64, AbortReason, u64)>;
    fn dropped(&self) -> Vec<(u32, u64)>;
    fn has(&self, command: &Do) -> bool;
}

impl Answers for Vec<Do> {
    fn begun(&self) -> Vec<u64> {
        self.iter().filter_map(|c| if let Do::Begin(b) = c { Some(b.checkpoint.0) } else { None }).collect()
    }
    fn told(&self) -> Vec<u32> {
        self.iter().filter_map(|c| if let Do::Trigger { task, .. } = c { Some(task.0) } else { None }).collect()
    }
    fn completed(&self) -> Vec<u64> {
        self.iter().filter_map(|c| if let Do::Complete(id) = c { Some(id.0) } else { None }).collect()
    }
    fn notified(&self) -> Vec<(u32, u64)> {
        let one = |c: &Do| if let Do::Notify { task, checkpoint } = c { Some((task.0, checkpoint.0)) } else { None };
        self.iter().filter_map(one).collect()
    }
    fn aborted(&self) -> Vec<(u64, AbortReason, u64)> {
        let one = |c: &Do| match *c {
            Do::Abort { checkpoint, reason, completed } => Some((checkpoint.0, reason, completed.0)),
            _ => None,
        };
        self.iter().filter_map(one).collect()
    }
    fn dropped(&self) -> Vec<(u32, u64)> {
        let one = |c: &Do| if let Do::Drop { task, keep_from } = c { Some((task.0, keep_from.0)) } else { None };
        self.iter().filter_map(one).collect()
    }
    fn has(&self, command: &Do) -> bool {
        self.contains(command)
    }
}

fn job(text: &str) -> (Plan, Settings) {
    let scenario = parse(text, "test.json").unwrap_or_else(|problem| panic!("{problem}"));
    let plan = plan::build(&scenario);
    let (_, settings) = configure(&scenario, &plan).expect("the protocol is there");
    (plan, settings)
}

fn ask(at: Span, take: Take) -> Request {
    Request { at, take, place: Default::default() }
}

impl Desk {
    /// A job that runs, with other settings than the usual ones.
    fn with(style: Style, change: impl FnOnce(&mut Settings)) -> Self {
        let mut desk = Self::before_the_start(JOB, style, change);
        desk.start();
        desk
    }

    fn before_the_start(text: &str, style: Style, change: impl FnOnce(&mut Settings)) -> Self {
        let (plan, mut settings) = job(text);
        change(&mut settings);
        let role = BarrierCoordinator::new(&JobSite { plan: &plan, settings: &settings }, style);
        let clock = Clock { now: Time::ZERO, stands_still: false, draw: 0 };
        Self { role, clock, timers: Vec::new(), batches: Vec::new() }
    }

    fn tell(&mut self, input: CoordinatorInput<'_>) -> Vec<Do> {
        let mut out = Vec::new();
        self.role.on(input, &NoFacts, &mut self.clock, &mut out);
        for command in &out {
            match *command {
                Do::SetTimer { timer, delay } => {
                    self.timers.retain(|(_, known)| *known != timer);
                    self.timers.push((self.clock.now + delay, timer));
                }
                Do::CancelTimer(timer) => self.timers.retain(|(_, known)| *known != timer),
                _ => {}
            }
        }
        self.batches.push(out.clone());
        out
    }

    fn start(&mut self) -> Vec<Do> {
        self.tell(CoordinatorInput::Started { restored: CheckpointId::INITIAL })
    }

    /// Time passes, and timers run out.
    fn pass(&mut self, span: Span) -> Vec<Do> {
        let end = self.clock.now + span;
        let mut out = Vec::new();
        while let Some(&(at, timer)) = self.timers.iter().filter(|(at, _)| *at <= end).min() {
            self.timers.retain(|(_, known)| *known != timer);
            self.clock.now = at;
            out.extend(self.tell(CoordinatorInput::Timer { timer }));
        }
        self.clock.now = end;
        out
    }

    fn ack(&mut self, task: u32, checkpoint: u64) -> Vec<Do> {
        self.tell(CoordinatorInput::Ack { task: TaskId(task), checkpoint: CheckpointId(checkpoint), last: false })
    }

    /// Everybody acknowledges.
    fn ack_all(&mut self, checkpoint: u64) -> Vec<Do> {
        (0..TASKS).flat_map(|task| self.ack(task, checkpoint)).collect()
    }

    fn record(&mut self, checkpoint: u64) -> Vec<Do> {
        self.tell(CoordinatorInput::Recorded { checkpoint: CheckpointId(checkpoint) })
    }

    fn complete(&mut self, checkpoint: u64) -> Vec<Do> {
        self.ack_all(checkpoint);
        self.record(checkpoint)
    }

    fn decline(&mut self, task: u32, checkpoint: u64, reason: DeclineReason) -> Vec<Do> {
        let (task, checkpoint) = (TaskId(task), CheckpointId(checkpoint));
        self.tell(CoordinatorInput::Decline { task, checkpoint, reason })
    }

    fn end(&mut self, task: u32) -> Vec<Do> {
        self.tell(CoordinatorInput::Ended { task: TaskId(task) })
    }

    fn prepared(&mut self, checkpoint: u64) -> Vec<Do> {
        self.tell(CoordinatorInput::Prepared { checkpoint: CheckpointId(checkpoint) })
    }

    fn cleaned(&mut self, checkpoint: u64) -> Vec<Do> {
        self.tell(CoordinatorInput::Cleaned { checkpoint: CheckpointId(checkpoint) })
    }

    fn expire(&mut self, checkpoint: u64) -> Vec<Do> {
        self.tell(CoordinatorInput::Timer { timer: expiry(CheckpointId(checkpoint)) })
    }

    fn fail(&mut self) -> Vec<Do> {
        self.tell(CoordinatorInput::Suspended)
    }

    fn restart(&mut self) -> Vec<Do> {
        let all: Vec<TaskId> = (0..TASKS).map(TaskId).collect();
        self.tell(CoordinatorInput::Restarting { failed: &all })
    }
}

/// The purpose and kind of what began.
fn barriers(out: &[Do]) -> Vec<(Purpose, BarrierKind)> {
    out.iter().filter_map(|c| if let Do::Begin(b) = c { Some((b.purpose, b.kind)) } else { None }).collect()
}

/// The plan in the answer to a restart; it comes last, once.
fn plan_in(out: &[Do]) -> &RecoveryPlan {
    assert_eq!(out.iter().filter(|command| matches!(command, Do::Recover(_))).count(), 1, "{out:?}");
    let Some(Do::Recover(plan)) = out.last() else { panic!("not the last: {out:?}") };
    plan
}

fn snapshots(checkpoint: u64) -> Vec<RestorePoint> {
    vec![RestorePoint::Snapshot(CheckpointId(checkpoint)); TASKS as usize]
}
