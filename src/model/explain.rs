//! Where the time of a simulated checkpoint went, and how that differs from the recurrence.
//!
//! From the last acknowledgement the walk goes back in time: through the parts of the task's own snapshot to
//! the barrier that set it off, through the channel that brought it to the task that sent it, and so on to a
//! task that the coordinator triggered. Every nanosecond between the trigger and the last acknowledgement
//! falls into exactly one [`Part`], so the parts add up to the end-to-end duration.
//!
//! A snapshot is set off by the last barrier if they are aligned. Where barriers overtake records it is set
//! off by the first one, and the other channels are captured until theirs comes: there the last barrier only
//! ends the snapshot, and only if all else was in storage already. So on a cycle a task can be on the path
//! twice: at its end, for the last barrier, and before that, for the first one, which made it send its own.

use super::{Recurrence, completion};
use crate::base::{ChannelId, CheckpointId, Span, TaskId, Time};
use crate::check::{Arrival, CheckpointFigures, TaskTimes};
use crate::plan::Plan;
use std::cmp::Ordering;
use std::fmt;

/// What a stretch of the critical path was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Messages between coordinator and tasks; at the trigger also what the task did before it looked.
    Rpc,
    /// A barrier in a channel: behind records, behind a missing credit, on the wire. The receiver had none yet.
    Channel,
    /// The same, while the receiver had a barrier of another channel already and waited for this one.
    Alignment,
    /// The same, while the receiver's snapshot had begun and captured this channel, and lacked nothing else.
    Capture,
    /// The task had its barriers and did not begin its snapshot yet, or was done and did not pass them on.
    Waiting,
    /// The synchronous part of a snapshot.
    Sync,
    /// The asynchronous part of a snapshot.
    Async,
    /// What the events of the run do not tell.
    Unknown,
}

impl Cause {
    /// All causes, in the order of their columns.
    pub const ALL: [Cause; 8] = [
        Self::Rpc,
        Self::Channel,
        Self::Alignment,
        Self::Capture,
        Self::Waiting,
        Self::Sync,
        Self::Async,
        Self::Unknown,
    ];

    /// One word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Channel => "channel",
            Self::Alignment => "alignment",
            Self::Capture => "capture",
            Self::Waiting => "waiting",
            Self::Sync => "sync",
            Self::Async => "async",
            Self::Unknown => "unknown",
        }
    }
}

/// A stretch of the critical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// On what it was spent.
    pub cause: Cause,
    /// At which task, or on the way to which.
    pub task: TaskId,
    /// Through which channel, on the way to a task.
    pub channel: Option<ChannelId>,
    /// When it began.
    pub from: Time,
    /// When it ended: the beginning of the next part.
    pub to: Time,
}

impl Part {
    /// How long it was.
    pub fn span(&self) -> Span {
        self.to.since(self.from)
    }
}

/// A completed checkpoint, held against the recurrence with the costs that its tasks were measured to have.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// From the trigger to the last acknowledgement.
    pub end_to_end: Span,
    /// What the recurrence says instead.
    pub predicted: Span,
    /// The critical path in the order of time, without gaps and without empty parts.
    pub parts: Vec<Part>,
    /// The tasks of the critical path in the order of time; on a cycle the last one can be there twice.
    pub path: Vec<TaskId>,
    /// The recurrence itself.
    pub recurrence: Recurrence,
}

/// t(i) as measured: the synchronous and the asynchronous part of each task; zero if it took no snapshot.
///
/// As Flink shows it, the asynchronous part of a task that captures channels lasts at least until their last
/// barrier. The events do not tell how long it would have been without.
pub fn measured_costs(checkpoint: &CheckpointFigures) -> Vec<Span> {
    let cost = |times: &TaskTimes| times.sync().unwrap_or_default() + times.r#async().unwrap_or_default();
    checkpoint.tasks.iter().map(cost).collect()
}

/// Explains a completed checkpoint; `None` for one that did not complete.
pub fn explain(plan: &Plan, checkpoint: &CheckpointFigures) -> Option<Difference> {
    let end_to_end = checkpoint.end_to_end()?;
    let recurrence = completion(plan, checkpoint.triggered, &measured_costs(checkpoint));
    let mut walk = Walk { checkpoint, parts: Vec::new(), path: Vec::new(), at: checkpoint.last_ack };
    walk.walk_back(plan);
    let Walk { mut parts, mut path, .. } = walk;
    parts.reverse();
    path.reverse();
    Some(Difference {
        checkpoint: checkpoint.id,
        end_to_end,
        predicted: recurrence.total.since(checkpoint.triggered),
        parts,
        path,
        recurrence,
    })
}

struct Walk<'a> {
    checkpoint: &'a CheckpointFigures,
    /// Latest first.
    parts: Vec<Part>,
    /// Last first.
    path: Vec<TaskId>,
    /// Everything after this instant is explained.
    at: Time,
}

impl Walk<'_> {
    fn walk_back(&mut self, plan: &Plan) {
        let Some(slowest) = self.checkpoint.slowest else { return };
        let times = self.checkpoint.tasks[slowest.index()];
        self.back_to(times.durable, Cause::Rpc, slowest, None);
        // In the synchronous part barriers cannot be handled: one that came at its end had waited for it.
        let ended_by_last = times.captured && times.taken < times.aligned && times.aligned == times.durable;
        let mut task = slowest;
        let mut arrival = if ended_by_last { self.capture(task) } else { self.snapshot(task) };
        self.path.push(task);
        while let Some(channel) = arrival {
            task = plan.channels[channel.index()].from;
            // Each barrier was sent because of one that came before, so that none but the last task comes
            // twice. Events that say something else must not lead round a cycle for ever.
            if self.path[1..].contains(&task) {
                break;
            }
            self.path.push(task);
            arrival = self.snapshot(task);
        }
        self.back_to(self.checkpoint.triggered, Cause::Unknown, task, None);
    }

    /// Explains how the last barrier came, for which a snapshot that had begun waited.
    fn capture(&mut self, task: TaskId) -> Option<ChannelId> {
        let times = self.checkpoint.tasks[task.index()];
        let arrival = times.last?;
        self.back_to(times.started.max(arrival.sent), Cause::Capture, task, Some(arrival.channel));
        self.arrive(task, arrival)
    }

    /// Explains what a task did with its snapshot until now, and how the barrier came that set it off.
    fn snapshot(&mut self, task: TaskId) -> Option<ChannelId> {
        let times = self.checkpoint.tasks[task.index()];
        let (ready, arrival) = if times.captured { (times.reached, times.first) } else { (times.aligned, times.last) };
        self.back_to(times.durable, Cause::Waiting, task, None);
        self.back_to(times.taken, Cause::Async, task, None);
        self.back_to(times.started, Cause::Sync, task, None);
        self.back_to(ready, Cause::Waiting, task, None);
        if arrival.is_none() && times.reached != Time::NEVER {
            self.back_to(self.checkpoint.triggered, Cause::Rpc, task, None);
        }
        self.arrive(task, arrival?)
    }

    /// Explains how a barrier came to a task.
    fn arrive(&mut self, task: TaskId, arrival: Arrival) -> Option<ChannelId> {
        if arrival.sent == Time::NEVER {
            return None;
        }
        let reached = self.checkpoint.tasks[task.index()].reached;
        self.back_to(reached.max(arrival.sent), Cause::Alignment, task, Some(arrival.channel));
        self.back_to(arrival.sent, Cause::Channel, task, Some(arrival.channel));
        Some(arrival.channel)
    }

    /// All between `from` and what is explained already has this cause. Instants that did not happen, or lie
    /// outside, are cut to the checkpoint's own time, so that the sum is right whatever the events say.
    fn back_to(&mut self, from: Time, cause: Cause, task: TaskId, channel: Option<ChannelId>) {
        let from = from.max(self.checkpoint.triggered);
        if from < self.at {
            self.parts.push(Part { cause, task, channel, from, to: self.at });
            self.at = from;
        }
    }
}

/// One term of the difference: a cause, or what the recurrence counts and the critical path does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Cause(Cause),
    /// Snapshots that ran beside one another where the recurrence has them one after the other.
    Overlap,
    /// Snapshots that ran one after the other where the recurrence has them beside one another.
    Feedback,
}

impl Difference {
    /// How much of the critical path went to a cause.
    pub fn total(&self, cause: Cause) -> Span {
        self.sum(|part| part.cause == cause)
    }

    fn sum(&self, which: impl Fn(&Part) -> bool) -> Span {
        self.parts.iter().filter(|part| which(part)).fold(Span::ZERO, |sum, part| sum + part.span())
    }

    /// What the recurrence counts and the critical path does not: snapshots that ran beside one another.
    pub fn overlap(&self) -> Span {
        self.predicted - (self.total(Cause::Sync) + self.total(Cause::Async))
    }

    /// What the critical path counts and the recurrence does not: snapshots that ran one after the other
    /// because the barrier came through a feedback edge, which the recurrence leaves out.
    pub fn beyond(&self) -> Span {
        (self.total(Cause::Sync) + self.total(Cause::Async)) - self.predicted
    }

    /// The term that explains most of the difference to the prediction: it has the sign of the difference. If
    /// there is none in sum, it is the largest one.
    fn main_term(&self) -> Option<Term> {
        let more = self.more();
        let less = [(Term::Overlap, self.overlap())];
        let terms: Vec<_> = match self.end_to_end.cmp(&self.predicted) {
            Ordering::Greater => more.collect(),
            Ordering::Less => less.into(),
            Ordering::Equal => more.chain(less).collect(),
        };
        // Of equals, the first.
        terms
            .into_iter()
            .rev()
            .filter(|(_, span)| *span > Span::ZERO)
            .max_by_key(|(_, span)| *span)
            .map(|(term, _)| term)
    }

    /// What made it longer than the recurrence says: all on the critical path that is not a snapshot, and
    /// snapshots that the recurrence does not have there.
    fn more(&self) -> impl Iterator<Item = (Term, Span)> {
        let not_snapshots = Cause::ALL.into_iter().filter(|cause| !matches!(cause, Cause::Sync | Cause::Async));
        let causes = not_snapshots.map(|cause| (Term::Cause(cause), self.total(cause)));
        causes.chain([(Term::Feedback, self.beyond())])
    }

    /// One word for what makes the largest part of the difference to the prediction: a cause, `overlap`
    /// (snapshots ran beside one another where the recurrence has them one after the other), `feedback` (they
    /// ran one after the other because of a feedback edge, which the recurrence leaves out), or `none`.
    pub fn main_cause(&self) -> &'static str {
        match self.main_term() {
            None => "none",
            Some(Term::Overlap) => "overlap",
            Some(Term::Feedback) => "feedback",
            Some(Term::Cause(cause)) => cause.name(),
        }
    }

    /// `+12.3ms`, `-1.04s` or `0`: how much longer than predicted the checkpoint took.
    pub fn signed(&self) -> String {
        match (self.end_to_end - self.predicted, self.predicted - self.end_to_end) {
            (Span::ZERO, Span::ZERO) => "0".to_owned(),
            (Span::ZERO, less) => format!("-{less}"),
            (more, _) => format!("+{more}"),
        }
    }

    /// The finding as a sentence: `Checkpoint 3 took 41.2ms: 83 % waiting for barriers, most at join[1]`.
    pub fn finding(&self, plan: &Plan) -> String {
        let took = format!("Checkpoint {} took {}", self.checkpoint, self.end_to_end);
        // Barriers on their way count together, whether the receiver had another one already or not.
        let kind = |part: &Part| match part.cause {
            Cause::Alignment | Cause::Capture => Cause::Channel,
            other => other,
        };
        let of_kind = |cause| self.sum(|part| kind(part) == cause);
        let at_task = |cause, task| self.sum(|part| kind(part) == cause && part.task == task);
        let Some(cause) = Cause::ALL.into_iter().rev().max_by_key(|cause| of_kind(*cause)) else { return took };
        let percent = (u128::from(of_kind(cause).0) * 200 / u128::from(self.end_to_end.0.max(1))).div_ceil(2);
        let what = match cause {
            Cause::Channel | Cause::Alignment | Cause::Capture => "waiting for barriers",
            Cause::Waiting => "until tasks began their snapshots",
            Cause::Sync => "in synchronous parts of snapshots",
            Cause::Async => "in asynchronous parts of snapshots",
            Cause::Rpc => return format!("{took}: {percent} % messages between coordinator and tasks"),
            Cause::Unknown => return format!("{took}: {percent} % not told by its events"),
        };
        let Some(task) = self.path.iter().copied().max_by_key(|task| at_task(cause, *task)) else { return took };
        let most = if at_task(cause, task) == of_kind(cause) { "" } else { ", most" };
        format!("{took}: {percent} % {what}{most} at {}", plan.task_name(task))
    }
}

/// One line on the difference to the prediction.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The recurrence says {}, it took {} ({})", self.predicted, self.end_to_end, self.signed())?;
        let mut more: Vec<_> = self.more().filter(|(_, span)| *span > Span::ZERO).collect();
        more.sort_by_key(|(_, span)| std::cmp::Reverse(*span));
        let rest = more.iter().skip(1).fold(Span::ZERO, |sum, (_, span)| sum + *span);
        if let Some((term, span)) = more.first() {
            let what = match term {
                Term::Cause(Cause::Rpc) => "for messages of the coordinator",
                Term::Cause(Cause::Channel) => "for barriers in channels",
                Term::Cause(Cause::Alignment) => "for alignment",
                Term::Cause(Cause::Capture) => "for captured channels",
                Term::Cause(Cause::Waiting) => "until tasks began",
                Term::Feedback => "of snapshots behind feedback edges",
                Term::Cause(Cause::Sync | Cause::Async | Cause::Unknown) | Term::Overlap => "not told by events",
            };
            write!(f, ": {span} {what}")?;
            if rest > Span::ZERO {
                write!(f, " and {rest} for other things")?;
            }
        }
        match (self.overlap(), more.is_empty()) {
            (Span::ZERO, true) => f.write_str(": they agree to the nanosecond"),
            (Span::ZERO, false) => Ok(()),
            (overlap, none) => {
                write!(f, "{} {overlap} of snapshots beside one another", if none { ":" } else { ", less" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Attempt, Bytes, below};
    use crate::check::{Figures, Purpose, Status};
    use crate::model::sample::{self, By, Invented, Order};
    use crate::trace::{Event, Observer};
    use proptest::prelude::*;

    fn millis(ms: u64) -> Span {
        Span::from_millis(ms)
    }

    /// Two sources; the second one's channel to the join is slow.
    fn fan_in(order: Order) -> (Plan, Difference) {
        let (_, plan) = sample::job(
            &[("left", 1), ("right", 1), ("join", 1)],
            &[("left", "join", By::Hash), ("right", "join", By::Hash)],
        );
        let invented = Invented {
            plan: &plan,
            order,
            rpc: millis(1),
            transit: &|channel| millis(if channel == 1 { 50 } else { 10 }),
            wait: Span::ZERO,
            sync: &|_| millis(2),
            r#async: &|_| millis(5),
        };
        let figures = invented.figures(Time(1_000));
        let told = explain(&plan, &figures.checkpoints[0]).expect("it completed");
        (plan, told)
    }

    #[test]
    fn the_walk_goes_through_the_channel_that_was_waited_for() {
        let (plan, told) = fan_in(Order::Emit);
        let parts: Vec<_> =
            told.parts.iter().map(|p| (p.cause, plan.task_name(p.task), p.span().0 / 1_000_000)).collect();
        let right = plan.task_name(told.path[0]);
        assert_eq!(right, "right[0]");
        assert_eq!(
            parts,
            [
                (Cause::Rpc, right, 1),
                (Cause::Channel, "join[0]".into(), 10),
                (Cause::Alignment, "join[0]".into(), 40),
                (Cause::Sync, "join[0]".into(), 2),
                (Cause::Async, "join[0]".into(), 5),
                (Cause::Rpc, "join[0]".into(), 1),
            ]
        );
        assert_eq!((told.end_to_end, told.predicted, told.overlap()), (millis(59), millis(14), millis(7)));
        assert_eq!((told.main_cause(), told.signed().as_str()), ("alignment", "+45ms"));
        assert_eq!(told.finding(&plan), "Checkpoint 1 took 59ms: 85 % waiting for barriers at join[0]");
        assert_eq!(
            told.to_string(),
            "The recurrence says 14ms, it took 59ms (+45ms): 40ms for alignment and 12ms for other things, \
             less 7ms of snapshots beside one another"
        );
    }

    #[test]
    fn a_snapshot_before_the_barrier_lies_on_the_path_of_the_next_task() {
        let (_, told) = fan_in(Order::Snapshot);
        assert_eq!((told.total(Cause::Sync), told.total(Cause::Async)), (millis(4), millis(10)));
        assert_eq!((told.end_to_end, told.overlap()), (millis(1 + 7 + 50 + 7 + 1), Span::ZERO));
    }

    #[test]
    fn a_barrier_that_overtakes_is_explained_by_the_last_one_if_that_was_late() {
        let (_, told) = fan_in(Order::Overtake);
        assert_eq!(told.end_to_end, millis(1 + 50 + 1));
        assert_eq!((told.total(Cause::Channel), told.total(Cause::Capture)), (millis(10), millis(40)));
        assert_eq!(told.main_cause(), "capture");
    }

    /// The walk with a task that lost its events still adds up.
    #[test]
    fn what_is_not_told_is_unknown_and_counted() {
        let (plan, _) = fan_in(Order::Emit);
        let mut figures = Invented {
            plan: &plan,
            order: Order::Emit,
            rpc: millis(1),
            transit: &|_| millis(5),
            wait: Span::ZERO,
            sync: &|_| millis(2),
            r#async: &|_| millis(5),
        }
        .figures(Time(0));
        figures.checkpoints[0].tasks.iter_mut().for_each(|task| (task.first, task.last) = (None, None));
        figures.checkpoints[0].tasks[2].reached = Time::NEVER;
        let told = explain(&plan, &figures.checkpoints[0]).expect("it completed");
        assert_eq!(told.total(Cause::Unknown), millis(6));
        assert_eq!(
            told.to_string().split(": ").nth(1),
            Some("6ms not told by events and 1ms for other things, less 7ms of snapshots beside one another")
        );
    }

    /// A task on a cycle, and the one behind it that closes the cycle: the events of one checkpoint by hand.
    /// The source's marker makes `step` begin at 20 and `again` at 25; what `again` sent reaches `step` at
    /// `last`. The upload of `step` takes until 60.
    fn cycle(last: u64) -> (Plan, CheckpointFigures) {
        let edges = [("source", "step", By::Hash), ("step", "again", By::Forward), ("again", "step", By::Feedback)];
        let (_, plan) = sample::job(&[("source", 1), ("step", 1), ("again", 1)], &edges);
        let checkpoint = CheckpointId(1);
        let named = |name| plan.task_named(name, 0).expect("named");
        let (source, step, again) = (named("source"), named("step"), named("again"));
        let way = |from, to| plan.inputs(to).iter().copied().find(|c| plan.channels[c.index()].from == from);
        let way = |from, to| way(from, to).expect("they are connected");
        let (enter, forth, back) = (way(source, step), way(step, again), way(again, step));
        let begin = |at, task, channel| {
            let sent = Event::BarrierSent { channel, checkpoint };
            [(at, sent), (at, Event::SnapshotStarted { task, checkpoint, overtaking: 0 })]
        };
        let taken = |at, task| (at, Event::SnapshotTaken { task, checkpoint });
        let barrier = |at, task, channel| (at, Event::BarrierReceived { task, channel, checkpoint });
        let mut events = vec![
            (0, Event::CheckpointTriggered { checkpoint, purpose: 0 }),
            (5, Event::TriggerReceived { task: source, checkpoint }),
            barrier(20, step, enter),
            barrier(25, again, forth),
            barrier(last, step, back),
            taken(7, source),
            taken(23, step),
            taken(26, again),
        ];
        events.extend([begin(5, source, enter), begin(20, step, forth), begin(25, again, back)].concat());
        for (durable, task) in [(10, source), (30, again), (last.max(60), step)] {
            events.push((durable, Event::SnapshotDurable { task, checkpoint, bytes: 1 }));
            events.push((durable + 4, Event::AckReceived { task, checkpoint, attempt: Attempt(0) }));
        }
        events.push((last.max(60) + 4, Event::CheckpointCompleted { checkpoint }));
        // At one instant a marker comes before what it sets off.
        events.sort_by_key(|(at, _)| *at);
        let mut figures = Figures::new(&plan);
        events.iter().for_each(|(at, event)| figures.event(Time(*at), event));
        let checkpoint = figures.checkpoints.swap_remove(0);
        (plan, checkpoint)
    }

    fn parts_of(plan: &Plan, told: &Difference) -> Vec<(Cause, String, u64)> {
        told.parts.iter().map(|p| (p.cause, plan.task_name(p.task).replace("[0]", ""), p.span().0)).collect()
    }

    #[test]
    fn on_a_cycle_the_last_task_is_passed_twice() {
        let (plan, checkpoint) = cycle(100);
        let told = explain(&plan, &checkpoint).expect("it completed");
        let names: Vec<_> = told.path.iter().map(|task| plan.task_name(*task).replace("[0]", "")).collect();
        assert_eq!(names, ["source", "step", "again", "step"]);
        let part = |cause, task: &str, span| (cause, task.to_owned(), span);
        assert_eq!(
            parts_of(&plan, &told),
            [
                part(Cause::Rpc, "source", 5),
                part(Cause::Channel, "step", 15),
                part(Cause::Channel, "again", 5),
                part(Cause::Capture, "step", 75),
                part(Cause::Rpc, "step", 4),
            ]
        );
        assert_eq!(told.main_cause(), "capture");
        assert_eq!(told.finding(&plan), "Checkpoint 1 took 104ns: 91 % waiting for barriers, most at step[0]");
        assert!(told.to_string().contains("75ns for captured channels and"), "{told}");
    }

    #[test]
    fn a_capture_that_ends_before_the_upload_costs_nothing() {
        let (plan, checkpoint) = cycle(40);
        let told = explain(&plan, &checkpoint).expect("it completed");
        let part = |cause, task: &str, span| (cause, task.to_owned(), span);
        assert_eq!(
            parts_of(&plan, &told),
            [
                part(Cause::Rpc, "source", 5),
                part(Cause::Channel, "step", 15),
                part(Cause::Sync, "step", 3),
                part(Cause::Async, "step", 37),
                part(Cause::Rpc, "step", 4),
            ]
        );
    }

    /// A marker can go round a cycle in no time: `step` has begun when it comes back at the same instant.
    #[test]
    fn a_cycle_without_latency_has_an_end() {
        let (plan, mut checkpoint) = cycle(100);
        let at = Time(20);
        for task in &mut checkpoint.tasks[1..] {
            (task.reached, task.aligned, task.started, task.taken, task.durable) = (at, at, at, at, at);
            for arrival in [&mut task.first, &mut task.last].into_iter().flatten() {
                arrival.sent = arrival.sent.max(Time(5)).min(at);
            }
        }
        let told = explain(&plan, &checkpoint).expect("it completed");
        assert_eq!(told.total(Cause::Unknown), Span::ZERO);
        assert_eq!((told.total(Cause::Channel), told.total(Cause::Capture)), (Span(15), Span::ZERO));
    }

    /// Barriers that set off one another without a beginning: no run tells such events, but files might.
    #[test]
    fn events_that_go_round_in_circles_are_unknown() {
        let (plan, mut checkpoint) = cycle(100);
        let step = plan.task_named("step", 0).expect("named").index();
        checkpoint.tasks[step].first = checkpoint.tasks[step].last;
        let told = explain(&plan, &checkpoint).expect("it completed");
        assert_eq!(told.total(Cause::Unknown), Span(20));
        assert_eq!(told.parts.iter().fold(Span::ZERO, |sum, part| sum + part.span()), told.end_to_end);
    }

    /// The recurrence leaves feedback edges out: a snapshot that had to wait for one comes on top.
    #[test]
    fn snapshots_behind_a_feedback_edge_are_told_as_such() {
        let edges =
            [("source", "step", By::Rebalance), ("step", "again", By::Forward), ("again", "step", By::Feedback)];
        let (_, plan) = sample::job(&[("source", 1), ("step", 2), ("again", 2)], &edges);
        let way = ["source[0]", "step[0]", "again[0]", "step[1]"];
        let task = |name: &str| plan.task_ids().find(|task| plan.task_name(*task) == name).expect("named");
        let mut tasks = vec![TaskTimes::NEVER; plan.tasks.len()];
        // Each takes 10 for its synchronous part, and passes its marker on at the end of it.
        for (n, name) in way.into_iter().enumerate() {
            let (from, to) = (Time(n as u64 * 10), Time(n as u64 * 10 + 10));
            let comes_from = |c: &&ChannelId| n > 0 && plan.channels[c.index()].from == task(way[n - 1]);
            let channel = plan.inputs(task(name)).iter().find(comes_from);
            let first = channel.map(|channel| Arrival { channel: *channel, sent: from });
            let (reached, aligned, started, taken, durable, acked) = (from, from, from, to, to, to);
            tasks[task(name).index()] =
                TaskTimes { reached, aligned, started, taken, durable, acked, first, last: first, ..TaskTimes::NEVER };
        }
        let checkpoint = CheckpointFigures {
            id: CheckpointId(1),
            purpose: Purpose::Checkpoint,
            triggered: Time::ZERO,
            status: Status::Completed,
            ended: Time(40),
            last_ack: Time(40),
            slowest: Some(task("step[1]")),
            bytes: Bytes(0),
            full: Bytes(0),
            tasks,
        };
        let told = explain(&plan, &checkpoint).expect("it completed");
        assert_eq!((told.total(Cause::Sync), told.predicted, told.beyond()), (Span(40), Span(30), Span(10)));
        assert_eq!((told.main_cause(), told.signed().as_str(), told.overlap()), ("feedback", "+10ns", Span::ZERO));
        assert!(told.to_string().ends_with("10ns of snapshots behind feedback edges"), "{told}");
    }

    proptest! {
        /// Whatever the job, the order and the costs: the parts follow one another without gaps from the
        /// trigger to the last acknowledgement, and end-to-end is the prediction plus every cause but the
        /// snapshots, less what overlapped.
        #[test]
        fn the_parts_add_up(seed: u64, operators in 1usize..6, order in 0u8..3, scale in 1u64..1000) {
            let (_, plan) = sample::random_job(seed, operators);
            let mut draws = sample::draws(seed);
            let mut some = |n: usize| -> Vec<Span> { (0..n).map(|_| Span(below(draws(), scale))).collect() };
            let (transit, sync, upload) = (some(plan.channels.len()), some(plan.tasks.len()), some(plan.tasks.len()));
            let (rpc, wait) = (some(1)[0], some(1)[0]);
            let invented = Invented {
                plan: &plan,
                order: [Order::Emit, Order::Snapshot, Order::Overtake][usize::from(order)],
                rpc,
                transit: &|channel| transit[channel],
                wait,
                sync: &|task| sync[task],
                r#async: &|task| upload[task],
            };
            let figures = invented.figures(Time(77));
            let told = explain(&plan, &figures.checkpoints[0]).expect("it completed");
            let mut at = Time(77);
            for part in &told.parts {
                prop_assert_eq!(part.from, at);
                prop_assert!(part.to > at);
                at = part.to;
            }
            prop_assert_eq!(at, figures.checkpoints[0].last_ack);
            prop_assert_eq!(told.total(Cause::Unknown), Span::ZERO);
            let sum = Cause::ALL.iter().fold(Span::ZERO, |sum, cause| sum + told.total(*cause));
            prop_assert_eq!(sum, told.end_to_end);
            let others = sum - (told.total(Cause::Sync) + told.total(Cause::Async));
            prop_assert_eq!(told.end_to_end + told.overlap(), told.predicted + others);
        }

        /// With the textbook's order and nothing but snapshots to wait for, simulation and recurrence are
        /// the same to the nanosecond.
        #[test]
        fn without_other_costs_there_is_no_difference(seed: u64, operators in 1usize..6) {
            let (_, plan) = sample::random_job(seed, operators);
            let mut draws = sample::draws(seed);
            let cost: Vec<Span> = plan.tasks.iter().map(|_| Span(below(draws(), 1000))).collect();
            let invented = Invented {
                plan: &plan,
                order: Order::Snapshot,
                rpc: Span::ZERO,
                transit: &|_| Span::ZERO,
                wait: Span::ZERO,
                sync: &|task| cost[task],
                r#async: &|task| cost[task],
            };
            let figures = invented.figures(Time(5));
            let told = explain(&plan, &figures.checkpoints[0]).expect("it completed");
            prop_assert_eq!((told.signed(), told.main_cause()), ("0".to_owned(), "none"));
            for task in plan.task_ids() {
                prop_assert_eq!(told.recurrence.at[task.index()], figures.checkpoints[0].tasks[task.index()].acked);
            }
        }
    }
}
