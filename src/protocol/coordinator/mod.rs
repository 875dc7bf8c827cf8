//! The coordinator that the barrier protocols share, with the rules of Flink's.
//!
//! It decides when a checkpoint begins, who has a part in it, when it is complete or given up, and what a restart
//! goes back to. How barriers move is the protocol's; it hands that in as a [`Style`].
//!
//! | file | holds |
//! |---|---|
//! | `triggers` | what asks for checkpoints, and how one begins |
//! | `requests` | the queue of requests and the decider over it |
//! | `pending` | a checkpoint that is under way |
//! | `outcomes` | acknowledgements, completion, failures, retention |
//! | `plan` | who is told and waited for; the recovery plan |
//!
//! # The life of a checkpoint
//!
//! A request starts: the instant is noted, the plan is made (without one nothing has happened, not even an id is
//! used up), and then there is an id, whatever comes of it. From there on the timeout runs. Preparations come before
//! anybody is told; while they last no other request starts, even if this one has been given up meanwhile. When all
//! parts are acknowledged the timeout ends, and the metadata is written. Recorded, it is complete: what is older and
//! still pending is subsumed, savepoints excepted, and tasks are notified.
//!
//! # Savepoints
//!
//! They are pending like checkpoints and use the same queue and ids. A plain one is somebody's own: it subsumes
//! nothing, tasks are not notified of it, and no restart goes back to it. Yet it counts as a success, and the pause
//! begins with it. A savepoint that stops the job first ends all periodic triggering and gives up what is pending; its
//! completion is told to tasks, which end by it. A restart after that, before all have ended, goes back to it rather
//! than to an older checkpoint, whose successors' output it has made final; the job then goes on. If it fails, the job
//! fails, because sources have stopped reading and only a restart makes them go on.
//!
//! # The end of the data
//!
//! When every task has seen the end of its data the interval is over, and one more checkpoint is asked for at once,
//! and again if it fails, until one that began after that is complete: tasks end by themselves with it. (In Flink the
//! next periodic one does this; a run would only get longer by waiting for it.)
//!
//! # Time
//!
//! There is no clock here: the minimum pause is measured with [`Env::elapsed`], and where it is not over a timer
//! stands for the rest of it. When that timer has run out the pause is over, whatever `elapsed` would say: without a
//! clock a job must not wait for ever.

mod outcomes;
mod pending;
mod plan;
mod requests;
#[cfg(test)]
mod tests;
mod triggers;

use super::{
    BarrierKind, ChannelPlan, CoordinatorCommand as Do, CoordinatorInput, CoordinatorRole, Env, Facts, JobSite, Moment,
    Purpose, Record, RestorePoint, Settings, Timer, TimerKind,
};
use crate::base::{CheckpointId, Fingerprint, TaskId};
use crate::fault::Mutant;
use crate::trace::AbortReason;
use pending::Pending;
use plan::{Completed, Graph};
use requests::Queue;
use std::sync::Arc;

/// What a barrier protocol asks of its coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How the barriers of its checkpoints move. Those of savepoints never overtake: they block, or are plain if these
    /// are.
    pub kind: BarrierKind,
    /// Snapshots hold what was captured on channels, and a restore puts it back.
    pub captures: bool,
}

impl Style {
    /// Whether barriers may overtake data. Then savepoints wait for their turn, as they do in Flink.
    fn overtakes(self) -> bool {
        matches!(self.kind, BarrierKind::Overtaking | BarrierKind::Timeoutable)
    }
}

/// The coordinator role of every barrier protocol.
#[derive(Clone, Debug)]
pub struct BarrierCoordinator {
    settings: Settings,
    style: Style,
    graph: Arc<Graph>,
    state: State,
}

#[derive(Clone, Debug)]
struct State {
    /// The newest id that was given out.
    last: CheckpointId,
    /// How often periodic triggering began.
    starts: u64,
    /// Every task runs that has not ended.
    running: bool,
    course: Course,
    /// By task.
    ended: Vec<bool>,
    /// By task: the newest complete checkpoint in which it took part, even if that cannot be restored any more: who has
    /// ended keeps to it, whatever other regions go back to.
    newest_of: Vec<CheckpointId>,
    /// Every task has seen the end of its data: checkpoints after this one cover all of it.
    drained: Option<CheckpointId>,
    /// A complete checkpoint covers all of everybody's data.
    covered: bool,
    /// When the next attempt at that may begin.
    retry: Retry,
    /// When those who have not ended although they could are told again.
    reminder: Retry,
    queue: Queue,
    /// The checkpoint whose preparations are going on. It may have been given up.
    preparing: Option<CheckpointId>,
    /// Oldest first.
    pending: Vec<Pending>,
    /// Complete checkpoints that are kept, oldest first.
    kept: Vec<Completed>,
    /// A savepoint that stopped the job, while nothing newer is complete.
    stopped_at: Option<Completed>,
    /// Checkpoints that came to nothing, as far as is known here, and may be recorded all the same.
    unsure: Vec<CheckpointId>,
    /// Checkpoints that are being deleted.
    cleaning: Vec<CheckpointId>,
    pause: Pause,
    /// Failures in a row that count.
    failures: u32,
    /// The newest that completed, savepoints included: failures of older ones do not count.
    succeeded: CheckpointId,
}

/// Where the job is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// On.
    On,
    /// A savepoint with which it stops was asked for.
    Stopping,
    /// That savepoint is complete.
    Stopped,
    /// There are no checkpoints to wait for, and tasks may end.
    Finishing,
    /// It was failed from here, and will be restarted.
    Failed,
}

/// The minimum pause between a completion and the next periodic trigger.
#[derive(Clone, Copy, Debug)]
enum Pause {
    /// It is over.
    Over,
    /// It may not be over: the last completion was then.
    Since(Moment),
    /// It is not over, and a timer will tell when it is.
    Timed(Moment),
}

impl State {
    fn new(tasks: usize) -> Self {
        Self {
            last: CheckpointId::INITIAL,
            starts: 0,
            running: false,
            course: Course::On,
            ended: vec![false; tasks],
            newest_of: vec![CheckpointId::INITIAL; tasks],
            drained: None,
            covered: false,
            retry: Retry::Now,
            reminder: Retry::Later,
            queue: Queue::default(),
            preparing: None,
            pending: Vec::new(),
            kept: Vec::new(),
            stopped_at: None,
            unsure: Vec::new(),
            cleaning: Vec::new(),
            pause: Pause::Over,
            failures: 0,
            succeeded: CheckpointId::INITIAL,
        }
    }

    /// What a restart goes back to; `None`: the beginning.
    fn newest(&self) -> Option<&Completed> {
        self.stopped_at.as_ref().or(self.kept.last())
    }
}

/// When the checkpoint that covers the end of the data may be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// At once.
    Now,
    /// It failed: after an interval.
    Later,
    /// The timer for that is set.
    Timed,
}

const INTERVAL: Timer = Timer { kind: TimerKind::Interval, checkpoint: CheckpointId::INITIAL };
const PAUSE: Timer = Timer { kind: TimerKind::Pause, checkpoint: CheckpointId::INITIAL };

fn expiry(checkpoint: CheckpointId) -> Timer {
    Timer { kind: TimerKind::Expiry, checkpoint }
}

impl BarrierCoordinator {
    /// The coordinator of a job, for a protocol of this style.
    pub fn new(site: &JobSite<'_>, style: Style) -> Self {
        let graph = Graph::new(site.plan);
        let state = State::new(graph.tasks);
        Self { settings: site.settings.clone(), style, graph: Arc::new(graph), state }
    }

    fn timer(&mut self, timer: Timer, out: &mut Vec<Do>) {
        match timer.kind {
            TimerKind::Interval => self.tick(out),
            TimerKind::Pause => self.pause_ends(out),
            TimerKind::Expiry => self.expired(timer.checkpoint, out),
            TimerKind::Request => self.asked(timer.checkpoint, out),
            TimerKind::Local | TimerKind::Alignment | TimerKind::Output => {}
        }
    }

    /// A task failed: nothing begins until the job runs again. Who asked for something has to ask again.
    fn suspend(&mut self, out: &mut Vec<Do>) {
        self.state.running = false;
        self.state.queue.clear();
        self.stop_interval(out);
    }

    /// What a restart goes back to; `None`: the beginning.
    fn restore_point(&self) -> Option<Completed> {
        let (state, newest) = (&self.state, self.state.newest());
        match self.settings.mutant {
            Some(Mutant::ForgetsWhereItStopped) => state.kept.last().cloned(),
            Some(Mutant::SortsIdsAsWords) => state.kept.iter().max_by_key(|kept| kept.id.to_string()).cloned(),
            Some(Mutant::RestoresTheUnrecorded) => {
                let unrecorded = state.pending.iter().rfind(|pending| pending.is_recording() && !pending.stops());
                unrecorded.map(|pending| Completed::new(pending, &state.newest_of)).or(newest.cloned())
            }
            _ => newest.cloned(),
        }
    }

    /// Back to the newest complete checkpoint, with nothing under way.
    fn restart(&mut self, failed: &[TaskId], out: &mut Vec<Do>) {
        let stops = !matches!(self.state.course, Course::On | Course::Finishing) || self.state.stopped_at.is_some();
        let point = self.restore_point();
        let spares = self.settings.has(Mutant::RecordOutlivesRestart);
        for pending in self.take_out(|pending| !(spares && pending.is_recording())) {
            self.give_up(&pending, AbortReason::Restarted, out);
        }
        self.state.queue.clear();
        (self.state.running, self.state.drained) = (false, None);
        if self.state.course != Course::Stopped || !self.settings.has(Mutant::StopSurvivesRestart) {
            self.state.course = Course::On;
        }
        (self.state.covered, self.state.retry, self.state.reminder) = (false, Retry::Now, Retry::Later);
        let captured = if self.style.captures { ChannelPlan::Reinject } else { ChannelPlan::Empty };
        let mut restored = vec![false; self.graph.tasks];
        failed.iter().for_each(|task| restored[task.index()] = true);
        if stops {
            // Sources may have stopped reading everywhere; or the whole job was to fail when part of it was down already.
            restored.fill(true);
        }
        // Tasks go back behind what may be recorded: nobody may restore that any more.
        out.extend(self.state.unsure.drain(..).map(Do::Forget));
        let mut plan = self.graph.recovery(point.as_ref(), captured, &restored);
        let known = self.state.ended.iter_mut().zip(&mut self.state.newest_of);
        for ((ended, newest), point) in known.zip(&mut plan.tasks) {
            *newest = point.snapshot().unwrap_or(*newest);
            if let (RestorePoint::Ended(id), true) = (*point, self.settings.has(Mutant::EndedTaskRunsAgain)) {
                *point = RestorePoint::Snapshot(id);
            }
            *ended = match point {
                RestorePoint::Live => *ended,
                point => matches!(point, RestorePoint::Ended(_)),
            };
        }
        out.push(Do::Recover(Box::new(plan)));
    }

    /// There is nothing but what is recorded. What the scenario asks for was set long ago.
    fn take_over(&mut self, records: &[Record], last: CheckpointId, out: &mut Vec<Do>) {
        self.state = State::new(self.graph.tasks);
        let newest = records.iter().map(|record| record.checkpoint).max().unwrap_or_default();
        let last = if self.settings.has(Mutant::CounterStartsOver) { newest } else { last };
        (self.state.last, self.state.starts) = (last, 1);
        // With several under way at a time, they need not be recorded in the order of their ids.
        let mut records: Vec<&Record> = records.iter().collect();
        records.sort_by_key(|record| record.checkpoint);
        if self.settings.has(Mutant::RecordsByName) {
            records.sort_by_key(|record| record.checkpoint.to_string());
        }
        for record in records {
            let complete = Completed::of(record);
            match record.purpose {
                Purpose::Suspend | Purpose::Drain => self.state.stopped_at = Some(complete),
                _ => {
                    let older = self.state.stopped_at.take_if(|stopped| stopped.id < complete.id);
                    out.extend(older.map(|stopped| Do::Forget(stopped.id)));
                    self.state.kept.push(complete);
                }
            }
            self.state.succeeded = self.state.succeeded.max(record.checkpoint);
        }
    }
}

impl CoordinatorRole for BarrierCoordinator {
    fn on(&mut self, input: CoordinatorInput<'_>, _facts: &dyn Facts, env: &mut dyn Env, out: &mut Vec<Do>) {
        match input {
            CoordinatorInput::Started { .. } => self.started(env, out),
            CoordinatorInput::Timer { timer } => self.timer(timer, out),
            CoordinatorInput::Prepared { checkpoint } => self.prepared(checkpoint, out),
            CoordinatorInput::Ack { task, checkpoint, last } => self.acknowledged(task, checkpoint, last, out),
            CoordinatorInput::Decline { checkpoint, reason, .. } => self.declined(checkpoint, reason, out),
            CoordinatorInput::Recorded { checkpoint } => self.recorded(checkpoint, env, out),
            CoordinatorInput::Cleaned { checkpoint } => self.state.cleaning.retain(|id| *id != checkpoint),
            CoordinatorInput::Ended { task } => self.ended(task, out),
            CoordinatorInput::Drained => self.drained(out),
            CoordinatorInput::Suspended => self.suspend(out),
            CoordinatorInput::Restarting { failed } => self.restart(failed, out),
            CoordinatorInput::Unrecorded { checkpoint, known } => self.unrecorded(checkpoint, known, out),
            CoordinatorInput::Unreadable { checkpoint, gone, .. } => self.unreadable(checkpoint, gone, out),
            CoordinatorInput::TookOver { records, last } => self.take_over(records, last, out),
        }
        // Whatever happened may have made room.
        self.go_on(env, out);
    }

    fn reset(&mut self) {
        self.state = State::new(self.graph.tasks);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        let s = &self.state;
        let pause = match s.pause {
            Pause::Over => 0,
            Pause::Since(_) => 1,
            Pause::Timed(_) => 2,
        };
        into.words([s.last.0, s.starts, s.succeeded.0, u64::from(s.failures), pause].into_iter());
        into.words(
            [u64::from(s.running), s.course as u64, u64::from(s.covered), s.retry as u64, s.reminder as u64]
                .into_iter(),
        );
        into.words(s.ended.iter().map(|ended| u64::from(*ended)));
        into.words(s.newest_of.iter().map(|id| id.0));
        into.words([s.drained, s.preparing].map(|id| id.map_or(0, |id| id.0 + 1)).into_iter());
        s.queue.fingerprint(into);
        into.word(s.pending.len() as u64);
        s.pending.iter().for_each(|pending| pending.fingerprint(into));
        into.word(s.kept.len() as u64);
        s.kept.iter().chain(&s.stopped_at).for_each(|complete| complete.fingerprint(into));
        into.words(s.cleaning.iter().map(|id| id.0));
        into.words(s.unsure.iter().map(|id| id.0));
    }

    fn boxed_clone(&self) -> Box<dyn CoordinatorRole> {
        Box::new(self.clone())
    }
}
