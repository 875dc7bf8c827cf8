//! The coordinator that the barrier protocols share: periodic triggers, all tasks acknowledge, the newest
//! complete checkpoint is the restore point.
//!
//! The interval is a fixed rate. A trigger that finds the minimum pause still running (counted from the last
//! completion) shifts the schedule to the end of the pause; one that finds too many checkpoints pending waits
//! for the next completion or abort. Both are Flink's rules. Requests are not queued beyond one; savepoints,
//! declines and clean-up that holds back triggers are not here.

use super::{
    Barrier, ChannelPlan, CoordinatorCommand as Do, CoordinatorInput, CoordinatorRole, Env, Facts, JobSite, Moment,
    RecoveryPlan, Settings, Timer, TimerKind,
};
use crate::base::{CheckpointId, Concern, Fingerprint, Span, TaskId, below};
use crate::trace::AbortReason;

const MILLI: u64 = 1_000_000;

/// The coordinator role of every barrier protocol.
#[derive(Clone, Debug)]
pub struct BarrierCoordinator {
    settings: Settings,
    tasks: u32,
    channels: u32,
    triggered: Vec<TaskId>,
    /// What channels begin with after a restore.
    reinject: ChannelPlan,
    state: State,
}

#[derive(Clone, Debug, Default)]
struct State {
    last: CheckpointId,
    starts: u64,
    pending: Vec<Pending>,
    /// Complete ones that are kept, oldest first.
    complete: Vec<CheckpointId>,
    /// The minimum pause after the last completion is still running.
    pausing: bool,
    /// A trigger found no place and waits for one.
    waiting: bool,
    consecutive_failures: u32,
    drained: bool,
    /// The job is down.
    suspended: bool,
    /// The checkpoint after which the job may end.
    last_one: Option<CheckpointId>,
}

#[derive(Clone, Debug)]
struct Pending {
    id: CheckpointId,
    missing: u32,
    acked: Vec<bool>,
    recording: bool,
}

impl BarrierCoordinator {
    /// Triggers the sources; a restore re-injects captured channel state if the protocol captures any.
    pub fn new(site: &JobSite<'_>, captures: bool) -> Self {
        Self {
            settings: site.settings.clone(),
            tasks: site.plan.tasks.len() as u32,
            channels: site.plan.channels.len() as u32,
            triggered: site.plan.task_ids().filter(|task| site.plan.is_source(*task)).collect(),
            reinject: if captures { ChannelPlan::Reinject } else { ChannelPlan::Empty },
            state: State::default(),
        }
    }

    fn start(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        self.state.starts += 1;
        self.state.pausing = false;
        self.state.waiting = false;
        self.state.suspended = false;
        let Some(interval) = self.settings.interval else { return };
        let first = self.settings.first.unwrap_or_else(|| {
            // Flink: uniform over [min-pause, interval], in milliseconds.
            let (low, high) = (self.settings.min_pause.0 / MILLI, interval.0.max(self.settings.min_pause.0) / MILLI);
            let draw = env.draw(Concern::FirstTrigger, 0, self.state.starts);
            Span::from_millis(low + below(draw, high - low + 1))
        });
        out.push(Do::SetTimer { timer: INTERVAL, delay: first });
    }

    fn tick(&mut self, out: &mut Vec<Do>) {
        if self.state.pausing {
            // The schedule goes on from the end of the pause.
            self.state.waiting = true;
            return;
        }
        let interval = self.settings.interval.expect("the timer is set only with an interval");
        out.push(Do::SetTimer { timer: INTERVAL, delay: Span(interval.0.max(self.settings.min_pause.0)) });
        self.request(out);
    }

    fn request(&mut self, out: &mut Vec<Do>) {
        if self.state.last_one.is_some() {
            // The one that ends the job is under way.
            return;
        }
        if self.state.pending.len() as u32 >= self.settings.max_concurrent {
            self.state.waiting = true;
            return;
        }
        self.trigger(out);
    }

    fn trigger(&mut self, out: &mut Vec<Do>) {
        self.state.waiting = false;
        self.state.last = self.state.last.next();
        let id = self.state.last;
        if self.state.drained {
            // The first one after the data ended covers all of it; later ones change nothing about that.
            self.state.last_one.get_or_insert(id);
        }
        let acked = vec![false; self.tasks as usize];
        self.state.pending.push(Pending { id, missing: self.tasks, acked, recording: false });
        let barrier = Barrier { checkpoint: id, triggered: Moment::default(), ..Barrier::default() };
        out.push(Do::Begin(barrier));
        out.extend(self.triggered.iter().map(|task| Do::Trigger { task: *task, barrier }));
        out.push(Do::SetTimer { timer: expiry(id), delay: self.settings.timeout });
    }

    fn ack(&mut self, task: TaskId, id: CheckpointId, out: &mut Vec<Do>) {
        let Some(pending) = self.state.pending.iter_mut().find(|p| p.id == id) else { return };
        if std::mem::replace(&mut pending.acked[task.index()], true) {
            return;
        }
        pending.missing -= 1;
        if pending.missing == 0 {
            pending.recording = true;
            out.push(Do::CancelTimer(expiry(id)));
            out.push(Do::Record(id));
        }
    }

    fn recorded(&mut self, id: CheckpointId, out: &mut Vec<Do>) {
        let Some(at) = self.state.pending.iter().position(|p| p.id == id) else { return };
        self.state.pending.remove(at);
        let covers_all = self.state.last_one.is_some_and(|last| last <= id);
        while self.state.pending.first().is_some_and(|p| p.id < id) {
            let older = self.state.pending.remove(0).id;
            self.forget(older, AbortReason::Subsumed, out);
        }
        self.state.consecutive_failures = 0;
        self.state.complete.push(id);
        out.push(Do::Complete(id));
        out.extend((0..self.tasks).map(|task| Do::Notify { task: TaskId(task), checkpoint: id }));
        if self.state.complete.len() > self.settings.retained as usize {
            self.state.complete.remove(0);
            let keep_from = self.state.complete[0];
            out.extend((0..self.tasks).map(|task| Do::Drop { task: TaskId(task), keep_from }));
        }
        if covers_all {
            out.push(Do::CancelTimer(INTERVAL));
            out.push(Do::Finish);
            return;
        }
        if self.settings.min_pause > Span::ZERO && !self.state.suspended {
            if self.state.pausing {
                out.push(Do::CancelTimer(PAUSE));
            }
            self.state.pausing = true;
            out.push(Do::SetTimer { timer: PAUSE, delay: self.settings.min_pause });
        }
        self.room(out);
    }

    /// A place became free.
    fn room(&mut self, out: &mut Vec<Do>) {
        if self.state.suspended {
            return;
        }
        if self.state.drained && self.state.last_one.is_none() {
            self.finish(out);
        } else if self.state.waiting && !self.state.pausing {
            self.trigger(out);
        }
    }

    /// The data has ended: one more checkpoint covers all of it, then the job may end.
    fn finish(&mut self, out: &mut Vec<Do>) {
        if self.settings.interval.is_none() {
            out.push(Do::Finish);
        } else if (self.state.pending.len() as u32) < self.settings.max_concurrent {
            self.trigger(out);
        }
    }

    fn expired(&mut self, id: CheckpointId, out: &mut Vec<Do>) {
        let Some(at) = self.state.pending.iter().position(|p| p.id == id && !p.recording) else { return };
        self.state.pending.remove(at);
        self.forget(id, AbortReason::Expired, out);
        self.state.consecutive_failures += 1;
        if self.state.consecutive_failures > self.settings.tolerable_failures {
            self.state.consecutive_failures = 0;
            out.push(Do::FailJob);
            return;
        }
        self.room(out);
    }

    fn forget(&mut self, id: CheckpointId, reason: AbortReason, out: &mut Vec<Do>) {
        out.push(Do::CancelTimer(expiry(id)));
        let completed = self.state.complete.last().copied().unwrap_or_default();
        out.push(Do::Abort { checkpoint: id, reason, completed });
        if self.state.last_one == Some(id) {
            self.state.last_one = None;
        }
    }

    fn restart(&mut self, out: &mut Vec<Do>) {
        for pending in std::mem::take(&mut self.state.pending) {
            self.forget(pending.id, AbortReason::Restarted, out);
        }
        self.state.drained = false;
        self.state.last_one = None;
        let newest = self.state.complete.last().copied().unwrap_or(CheckpointId::INITIAL);
        let plan = RecoveryPlan::all_to(self.tasks as usize, self.channels as usize, newest, self.reinject);
        out.push(Do::Recover(Box::new(plan)));
    }
}

const INTERVAL: Timer = Timer { kind: TimerKind::Interval, checkpoint: CheckpointId::INITIAL };
const PAUSE: Timer = Timer { kind: TimerKind::Pause, checkpoint: CheckpointId::INITIAL };

fn expiry(checkpoint: CheckpointId) -> Timer {
    Timer { kind: TimerKind::Expiry, checkpoint }
}

impl CoordinatorRole for BarrierCoordinator {
    fn on(&mut self, input: CoordinatorInput<'_>, _facts: &dyn Facts, env: &mut dyn Env, out: &mut Vec<Do>) {
        match input {
            CoordinatorInput::Started { .. } => self.start(env, out),
            CoordinatorInput::Timer { timer } => match timer.kind {
                TimerKind::Interval => self.tick(out),
                TimerKind::Expiry => self.expired(timer.checkpoint, out),
                TimerKind::Pause => {
                    self.state.pausing = false;
                    if std::mem::take(&mut self.state.waiting) {
                        // The schedule goes on from here; what was planned before is void.
                        out.push(Do::CancelTimer(INTERVAL));
                        self.tick(out);
                    }
                }
                _ => {}
            },
            CoordinatorInput::Ack { task, checkpoint } => self.ack(task, checkpoint, out),
            CoordinatorInput::Recorded { checkpoint } => self.recorded(checkpoint, out),
            CoordinatorInput::Drained => {
                self.state.drained = true;
                self.finish(out);
            }
            CoordinatorInput::Suspended => {
                self.state.waiting = false;
                self.state.suspended = true;
                out.extend([Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
            }
            CoordinatorInput::Restarting { .. } => self.restart(out),
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.state = State::default();
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        let s = &self.state;
        into.words([s.last.0, s.starts, u64::from(s.consecutive_failures)].into_iter());
        into.words([s.pausing, s.waiting, s.drained, s.suspended].map(u64::from).into_iter());
        into.word(s.last_one.map_or(0, |id| id.0 + 1));
        into.words(s.complete.iter().map(|id| id.0));
        for pending in &s.pending {
            into.words([pending.id.0, u64::from(pending.missing), u64::from(pending.recording)].into_iter());
            into.words(pending.acked.iter().map(|acked| u64::from(*acked)));
        }
    }

    fn boxed_clone(&self) -> Box<dyn CoordinatorRole> {
        Box::new(self.clone())
    }
}
