//! What asks for checkpoints, and how one begins.
//!
//! The interval is a fixed rate: a tick first sets the next one, then files its request, whatever becomes of that.
//! Only a tick that comes within the minimum pause moves the phase: the interval starts over at the end of the pause.
//! An interval shorter than the pause is as long as the pause.
//!
//! What a scenario asks for is set once, when the job runs for the first time, and outlives restarts of it. A request
//! that comes while the job is down, is being stopped or is about to end is refused, as Flink refuses it; nobody asks
//! a second time.

use super::pending::{Pending, Phase};
use super::plan::Graph;
use super::requests::{Choice, Load, Request};
use super::{BarrierCoordinator, Course, Do, INTERVAL, PAUSE, Pause, Retry, expiry};
use crate::base::{CheckpointId, Concern, Span, below};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind, Env, Purpose, Timer, TimerKind};
use crate::scenario::Take;
use crate::trace::AbortReason;

const MILLI: u64 = 1_000_000;

impl BarrierCoordinator {
    /// Every task runs.
    pub(super) fn started(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        if self.state.starts == 0 {
            for (n, request) in self.settings.requests.iter().enumerate() {
                let timer = Timer { kind: TimerKind::Request, checkpoint: CheckpointId(n as u64) };
                out.push(Do::SetTimer { timer, delay: request.at });
            }
        }
        self.state.running = true;
        self.start_interval(env, out);
    }

    fn start_interval(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        self.state.starts += 1;
        let Some(interval) = self.settings.interval else { return };
        let first = self.settings.first.unwrap_or_else(|| {
            // Flink: uniform over [min-pause, interval], in milliseconds.
            let (low, high) = (self.settings.min_pause.0 / MILLI, interval.0.max(self.settings.min_pause.0) / MILLI);
            let draw = env.draw(Concern::FirstTrigger, 0, self.state.starts);
            Span::from_millis(low + below(draw, high - low + 1))
        });
        out.push(Do::SetTimer { timer: INTERVAL, delay: first });
    }

    pub(super) fn stop_interval(&mut self, out: &mut Vec<Do>) {
        if let Pause::Timed(since) = self.state.pause {
            self.state.pause = Pause::Since(since);
        }
        if self.settings.interval.is_some() {
            out.extend([Do::CancelTimer(INTERVAL), Do::CancelTimer(PAUSE)]);
        }
    }

    /// It is time for the next periodic one.
    pub(super) fn tick(&mut self, out: &mut Vec<Do>) {
        let Some(interval) = self.settings.interval else { return };
        if self.state.drained.is_some() {
            (self.state.retry, self.state.reminder) = (Retry::Now, Retry::Now);
        } else if self.goes_on() {
            out.push(Do::SetTimer { timer: INTERVAL, delay: interval.max(self.settings.min_pause) });
            self.state.queue.submit(Request::PERIODIC);
        }
    }

    /// The pause is over, and the interval starts over here.
    pub(super) fn pause_ends(&mut self, out: &mut Vec<Do>) {
        // Unless something completed since the timer was set.
        if let Pause::Timed(_) = self.state.pause {
            self.state.pause = Pause::Over;
        }
        self.tick(out);
    }

    /// The scenario asks for something.
    pub(super) fn asked(&mut self, number: CheckpointId, out: &mut Vec<Do>) {
        let Some(request) = self.settings.requests.get(number.0 as usize) else { return };
        let accepted = self.goes_on() && !self.is_ending();
        out.push(Do::Answer { request: number.0 as u32, accepted });
        if !accepted {
            return;
        }
        match request.take {
            Take::Checkpoint => self.state.queue.submit(Request::of(Purpose::Checkpoint)),
            Take::Savepoint => self.state.queue.submit(Request::of(Purpose::Savepoint)),
            Take::Suspend => self.stop(Purpose::Suspend, out),
            Take::Drain => self.stop(Purpose::Drain, out),
        }
    }

    /// Ends periodic triggering, then asks for the savepoint with which the job stops.
    fn stop(&mut self, purpose: Purpose, out: &mut Vec<Do>) {
        self.state.course = Course::Stopping;
        self.stop_interval(out);
        self.state.queue.clear();
        // What is being recorded cannot be stopped any more, here as little as by a timeout.
        for pending in self.take_out(|pending| !pending.is_recording()) {
            self.give_up(&pending, AbortReason::Suspended, out);
        }
        self.state.queue.submit(Request::of(purpose));
    }

    /// Every task has seen the end of its data.
    pub(super) fn drained(&mut self, out: &mut Vec<Do>) {
        (self.state.drained, self.state.retry) = (Some(self.state.last), Retry::Now);
        self.state.queue.drop_periodic();
        self.stop_interval(out);
    }

    /// The job runs and nobody has decided otherwise.
    fn goes_on(&self) -> bool {
        self.state.running && self.state.course == Course::On
    }

    /// Tasks end by themselves, or will when they hear of what is complete: a savepoint would find them gone.
    fn is_ending(&self) -> bool {
        let Some(drained) = self.state.drained else { return false };
        let recording = self.state.pending.iter().filter(|p| p.is_recording() && p.purpose() == Purpose::Checkpoint);
        let covered = self.state.covered || recording.clone().any(|pending| pending.covers_all);
        let newest = recording.map(Pending::id).chain(self.state.kept.last().map(|complete| complete.id)).max();
        let covered = covered || newest.is_some_and(|id| id > drained);
        self.settings.interval.is_none() || !self.settings.after_finish || covered
    }

    /// Starts what can start.
    pub(super) fn go_on(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        self.cover_the_end(out);
        while let Some(request) = self.next(env, out) {
            self.trigger(request, env, out);
            self.cover_the_end(out);
        }
    }

    /// After the end of the data: asks for a checkpoint that covers it, unless there is one or there are none.
    fn cover_the_end(&mut self, out: &mut Vec<Do>) {
        let Some(drained) = self.state.drained.filter(|_| self.goes_on()) else { return };
        if self.settings.interval.is_none() {
            self.state.course = Course::Finishing;
            out.push(Do::Finish);
            return;
        }
        // One that began before may turn out to cover everything; a task that had more to come will say so.
        let may_cover = |pending: &Pending| pending.id() > drained || pending.covers_all;
        let covers = |pending: &Pending| pending.purpose() == Purpose::Checkpoint && may_cover(pending);
        if self.state.covered && self.state.ended.contains(&false) {
            return self.remind(out);
        }
        let is_covered = self.is_ending() || self.state.pending.iter().any(covers) || self.state.queue.has_checkpoint();
        if is_covered || !self.state.ended.contains(&false) {
            return;
        }
        match (self.state.retry, self.settings.interval) {
            (Retry::Now, _) => self.state.queue.submit(Request::of(Purpose::Checkpoint)),
            (Retry::Later, Some(interval)) => {
                out.push(Do::SetTimer { timer: INTERVAL, delay: interval.max(self.settings.min_pause) });
                self.state.retry = Retry::Timed;
            }
            _ => {}
        }
    }

    /// A complete checkpoint covers all data, and yet somebody has not ended: he may not have been told. As long as that
    /// is so the interval goes on, and with it what it asks for; Flink's periodic triggers do the same.
    fn remind(&mut self, out: &mut Vec<Do>) {
        let Some(interval) = self.settings.interval else { return };
        let asked = self.state.queue.has_checkpoint() || !self.state.pending.is_empty();
        match self.state.reminder {
            Retry::Now if !asked => {
                self.state.queue.submit(Request::of(Purpose::Checkpoint));
                self.state.reminder = Retry::Later;
            }
            Retry::Later => {
                out.push(Do::SetTimer { timer: INTERVAL, delay: interval.max(self.settings.min_pause) });
                self.state.reminder = Retry::Timed;
            }
            _ => {}
        }
    }

    /// The request that can start now.
    fn next(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) -> Option<Request> {
        let load = Load {
            triggering: self.state.preparing.is_some(),
            cleaning: self.state.cleaning.len(),
            pending: self.state.pending.len(),
            most: self.settings.max_concurrent as usize,
            forces_savepoints: !self.style.overtakes(),
        };
        let (pause, min_pause) = (&mut self.state.pause, self.settings.min_pause);
        let mut pausing = || match *pause {
            Pause::Over => false,
            Pause::Since(since) if env.elapsed(since, min_pause) => {
                *pause = Pause::Over;
                false
            }
            Pause::Since(_) | Pause::Timed(_) => true,
        };
        match self.state.queue.choose(load, &mut pausing) {
            Choice::Wait => None,
            Choice::Start(request) => Some(request),
            Choice::TooEarly => {
                self.put_off(env, out);
                None
            }
        }
    }

    /// The interval starts over at the end of the pause.
    fn put_off(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        // If it is timed already, its timer stays as it is, and the interval is off.
        let Pause::Since(since) = self.state.pause else { return };
        let delay = env.left(since, self.settings.min_pause);
        self.state.pause = Pause::Timed(since);
        out.extend([INTERVAL, PAUSE].map(Do::CancelTimer));
        out.push(Do::SetTimer { timer: PAUSE, delay });
    }

    /// Begins a checkpoint, if there is a plan for it.
    fn trigger(&mut self, request: Request, env: &mut dyn Env, out: &mut Vec<Do>) {
        let triggered = env.now();
        if !self.can_trigger() {
            self.untriggered(request, env, out);
            return;
        }
        let id = self.state.last.next();
        self.state.last = id;
        let barrier = Barrier { checkpoint: id, kind: self.kind(request.purpose), purpose: request.purpose, triggered };
        let ended = match self.state.starts > 1 && self.settings.has(Mutant::AwaitsTheEnded) {
            true => &vec![false; self.state.ended.len()],
            false => &self.state.ended,
        };
        self.state.pending.push(Pending::new(barrier, Graph::parts(ended)));
        out.push(Do::Begin(barrier));
        if !self.settings.has(Mutant::FireAndForget) {
            out.push(Do::SetTimer { timer: expiry(id), delay: self.settings.timeout });
        }
        self.state.preparing = Some(id);
        if self.settings.prepare > Span::ZERO || self.settings.enumerators {
            out.push(Do::Prepare(id));
        } else {
            self.prepared(id, out);
        }
    }

    /// Every task that has a part must run, and some must have one.
    fn can_trigger(&self) -> bool {
        let ended = &self.state.ended;
        self.state.running && ended.contains(&false) && (self.settings.after_finish || !ended.contains(&true))
    }

    fn kind(&self, purpose: Purpose) -> BarrierKind {
        match (purpose, self.style.kind) {
            (Purpose::Checkpoint, kind) => kind,
            (_, BarrierKind::Plain) => BarrierKind::Plain,
            _ => BarrierKind::Blocking,
        }
    }

    /// No checkpoint came of a request. If the job was to stop with it, it goes on.
    fn untriggered(&mut self, request: Request, env: &mut dyn Env, out: &mut Vec<Do>) {
        if matches!(request.purpose, Purpose::Suspend | Purpose::Drain) {
            self.state.course = Course::On;
            if self.state.running && self.state.drained.is_none() {
                self.start_interval(env, out);
            }
        }
    }

    /// Preparations are over: tasks are told, unless the checkpoint was given up.
    pub(super) fn prepared(&mut self, id: CheckpointId, out: &mut Vec<Do>) {
        if self.state.preparing != Some(id) {
            return;
        }
        if self.settings.has(Mutant::GivenUpWhilePrepared)
            && self.state.pending.iter().all(|pending| pending.id() != id)
        {
            return;
        }
        self.state.preparing = None;
        let Some(pending) = self.state.pending.iter_mut().find(|pending| pending.id() == id) else { return };
        if pending.phase == Phase::Preparing {
            pending.phase = Phase::Acknowledging;
            let barrier = pending.barrier;
            let mut heads = self.graph.heads(&pending.parts);
            if self.settings.has(Mutant::OnlySourcesAreTold) {
                heads.retain(|task| self.graph.is_source(*task));
            }
            out.extend(heads.into_iter().map(|task| Do::Trigger { task, barrier }));
        }
    }
}
