//! The timed driver: every step gets an instant from the cost model, the earliest is taken.
//!
//! # Records between effects
//!
//! A task's records are not events. Between two *effects* - an input buffer is used up, an output buffer is
//! begun or fills, the task blocks - they change only the task itself, so the driver scans ahead for the next
//! effect ([`lookahead`]), schedules it, and moves the task there in one [`Step::Run`]. When something earlier
//! needs the task (a message, a flush, the end of the run), it is first moved as far as its clock says. With
//! [`Granularity::Record`] every record is an event of its own; the result is the same to the last digest.
//!
//! # Order within an instant
//!
//! First by rank ([`Rank`]): what a thread finishes at t comes before what arrives at t. Then by a hash of the
//! seed and the step's identity (who, which one of its kind), never by the order of scheduling. A record that
//! would begin at t waits for a message that arrives at t.

mod activity;
mod backlog;
mod cost;
mod ending;
mod later;
mod lookahead;
mod notices;
mod patience;
mod schedule;

pub use patience::Patience;

use super::Agenda;
use crate::base::{Attempt, Concern, OperatorId, Problem, Rate, Span, TaskId, Time, mix};
use crate::fault::Trigger;
use crate::protocol::{Env, Moment, Timer};
use crate::trace::{Event, Matcher, Observer};
use crate::workload::Record;
use crate::world::{Host, Job, Notice, Saved, SnapshotWork, Step, ThreadState, World, draw};
use activity::Activity;
use backlog::Backlogs;
use cost::{Links, Uploads};
use lookahead::Lookahead;
use schedule::Schedule;

/// How many records a step may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// As many as there are before the next effect.
    Effect,
    /// One: every record is an event. The same result, slowly.
    Record,
}

/// After its limit a run may take this many times the limit, and this long, to drain; then it is stuck.
const DRAIN_LIMITS: u64 = 10;
const DRAIN_MIN: Span = Span::from_secs(60);

/// The kind of arrival that deliveries are.
const DELIVER: u64 = 1;

/// How much later than asked Flink's timer service fires.
const TIMER_LAG: Span = Span::from_millis(1);

/// At most so many records are scanned ahead.
const CHUNK: u32 = 512;

/// The kinds of steps in the order in which they happen within an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Rank {
    /// A thread finishes a record.
    Run,
    /// A fault strikes.
    Fault,
    /// Something arrives or ends.
    Arrival,
    /// A thread takes a message.
    Mail,
    /// A thread takes its next input.
    Poll,
    /// Partly filled buffers are flushed.
    Flush,
    /// Sources stop.
    Stop,
}

/// What is in the agenda.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    /// A step that happens whatever else did.
    Step(Step),
    /// A thread's next step, unless it was planned anew since.
    Thread { task: TaskId, plan: u32, rank: Rank },
    /// A timer runs out, unless it was cancelled or set anew.
    Timer { task: Option<(TaskId, Attempt)>, timer: Timer, set: u32 },
    /// A job that has not drained by now never will.
    Deadline,
    /// The job is cancelled.
    Cancel,
    /// The latency of an upload is over, its bytes begin to move.
    UploadBegins { upload: u32 },
    /// The first upload of a store ends, unless another began or ended since.
    UploadEnds { store: u32, plan: u32 },
}

/// A thread's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    /// When the record in service, or the first one planned, began.
    anchor: Time,
    /// Records are being processed.
    running: bool,
    /// Records until the planned effect.
    planned: u32,
    /// Which plan is the valid one.
    plan: u32,
    /// Its next flush is in the agenda.
    flush_armed: bool,
    /// Something outside may have changed what is planned.
    dirty: bool,
}

/// The timed driver. Its memory is kept from run to run.
pub struct Timed {
    granularity: Granularity,
    /// When a run is stuck that has not ended, and after how many steps, unless the scenario's limit says so.
    /// How long to wait for the end of runs.
    pub patience: Patience,
    threads: Vec<Thread>,
    /// By task: what it does with an external system may fail.
    hazards: Vec<bool>,
    /// Threads that are in the middle of their records and must be planned anew.
    disturbed: Vec<TaskId>,
    lookahead: Lookahead,
    host: Clockwork,
}

/// What the world sees of the driver: the clock, the agenda, the cost model.
struct Clockwork {
    now: Time,
    seed: u64,
    agenda: Agenda<Item>,
    links: Links,
    uploads: Uploads,
    activity: Activity,
    backlogs: Backlogs,
    timers: Vec<(Option<TaskId>, Timer, u32)>,
    timers_set: u32,
    /// Tasks whose threads are to be looked at after the step.
    woken: Vec<TaskId>,
    is_woken: Vec<bool>,
    schedule: Schedule,
    matchers: Vec<(u32, Matcher)>,
    struck: Vec<u32>,
    ended: bool,
    cancelled: bool,
    latency: Span,
    rpc: Span,
    metadata: Span,
    prepare: Span,
    deletion: Span,
    /// Between two calculations of buffer sizes.
    debloat: Span,
    storage: (Rate, Span),
    /// By task manager: how far its clock is ahead, in nanoseconds.
    clocks: Vec<i64>,
    /// How far that of whoever asks is.
    ahead: i64,
    /// Threads that are faster or slower from now on, and have not been told.
    paces: Vec<(TaskId, u32)>,
    /// Failures that were followed by a restart.
    failures: u32,
}

/// A job that fails so often will go on like that for ever, and perhaps without time getting on.
const FAILURES_MAX: u32 = 10_000;

/// The clockwork together with who watches the run.
struct Watched<'a, O> {
    clock: &'a mut Clockwork,
    job: &'a Job,
    observer: &'a mut O,
}

impl Timed {
    /// A driver for runs of this job.
    ///
    /// Refuses a schedule that names steps which cannot be.
    pub fn new(job: &Job, granularity: Granularity) -> Result<Self, Problem> {
        let scenario = &job.scenario;
        let host = Clockwork {
            now: Time::ZERO,
            seed: 0,
            agenda: Agenda::default(),
            links: Links::new(job),
            uploads: Uploads::new(job),
            activity: Activity::new(job),
            backlogs: Backlogs::new(job.plan.tasks.len()),
            timers: Vec::new(),
            timers_set: 0,
            woken: Vec::new(),
            is_woken: vec![false; job.plan.tasks.len()],
            schedule: Schedule::new(job)?,
            matchers: Vec::new(),
            struck: Vec::new(),
            ended: false,
            cancelled: false,
            latency: scenario.network.latency,
            rpc: scenario.network.rpc,
            metadata: scenario.storage.metadata,
            prepare: scenario.checkpoints.prepare,
            deletion: scenario.storage.deletion,
            debloat: scenario.network.debloat.map_or(Span::ZERO, |debloat| debloat.period),
            storage: (scenario.storage.bandwidth, scenario.storage.latency),
            clocks: vec![0; job.plan.managers as usize],
            ahead: 0,
            paces: Vec::new(),
            failures: 0,
        };
        let threads = vec![Thread::default(); job.plan.tasks.len()];
        let lookahead = Lookahead::new(job);
        let hazards = job.plan.task_ids().map(|task| job.may_fail_outside(task)).collect();
        let patience = Patience::default();
        Ok(Self { granularity, patience, threads, hazards, disturbed: Vec::new(), lookahead, host })
    }

    /// Runs the job from its beginning to its end; the world must be new or reset.
    pub fn run<O: Observer>(&mut self, job: &Job, world: &mut World, seed: u64, observer: &mut O) {
        self.run_from(job, world, seed, None, observer);
    }

    /// The same, for a job that goes on from what another has left.
    pub fn run_from<O: Observer>(
        &mut self,
        job: &Job,
        world: &mut World,
        seed: u64,
        saved: Option<&Saved>,
        observer: &mut O,
    ) {
        self.reset(job, seed);
        let mut watched = Watched { clock: &mut self.host, job, observer };
        match saved {
            None => world.start(job, seed, &mut watched),
            Some(saved) => world.start_from(job, seed, saved, &mut watched),
        }
        self.strike_at_once(job, world, observer);
        self.look_at_woken(job, world);
        let mut left = self.patience.steps.unwrap_or(u64::MAX);
        while let Some((time, item)) = self.next(job, world) {
            self.host.now = time;
            left -= 1;
            if let Some(step) = self.step_of(item) {
                self.catch_up(job, world, step, observer);
                self.apply(job, world, step, observer);
            }
            if self.host.ended || left == 0 {
                break;
            }
        }
        let ended = self.host.now;
        self.patience.is_exhausted = left == 0;
        self.all_catch_up(job, world, observer);
        if world.has_ended() {
            self.land(job, world, observer);
        }
        self.host.now = ended;
        world.finish(job, self.host.cancelled, &mut Watched { clock: &mut self.host, job, observer });
    }

    /// The first entry; before time moves on, threads whose plans were disturbed are planned anew, once.
    #[inline]
    fn next(&mut self, job: &Job, world: &mut World) -> Option<(Time, Item)> {
        if !self.disturbed.is_empty() && self.host.agenda.next_time() != Some(self.host.now) {
            while let Some(task) = self.disturbed.pop() {
                if std::mem::take(&mut self.threads[task.index()].dirty) {
                    self.schedule(job, world, task);
                }
            }
        }
        self.host.agenda.pop()
    }

    fn reset(&mut self, job: &Job, seed: u64) {
        self.threads.fill(Thread::default());
        self.disturbed.clear();
        let host = &mut self.host;
        (host.now, host.seed, host.ended, host.failures) = (Time::ZERO, seed, false, 0);
        host.cancelled = false;
        host.agenda.clear();
        host.schedule.reset();
        host.links.reset();
        host.uploads.reset();
        host.activity.reset();
        host.backlogs.reset();
        host.timers.clear();
        host.timers_set = 0;
        host.woken.clear();
        host.is_woken.fill(false);
        host.struck.clear();
        host.clocks.fill(0);
        host.paces.clear();
        self.lookahead.reset();
        host.matchers.clear();
        for (index, fault) in job.faults.faults.iter().enumerate() {
            let index = index as u32;
            match &fault.trigger {
                Trigger::At(at) => {
                    let order = host.order_of_fault(u64::from(index), u64::from(index));
                    host.agenda.push(*at, order, Item::Step(Step::Strike(index)));
                }
                Trigger::On(predicate) => host.matchers.push((index, Matcher::new(predicate.clone()))),
            }
        }
        self.set_ends(job);
    }

    /// The step that an entry stands for, if it is still valid.
    fn step_of(&mut self, item: Item) -> Option<Step> {
        match item {
            Item::Deadline => {
                self.host.ended = true;
                None
            }
            Item::Cancel => {
                (self.host.ended, self.host.cancelled) = (true, true);
                None
            }
            Item::Step(step) => Some(step),
            Item::Thread { task, plan, rank } => {
                let thread = &self.threads[task.index()];
                if thread.plan != plan {
                    return None;
                }
                Some(match rank {
                    Rank::Run => Step::Run { task, records: thread.planned },
                    Rank::Mail => Step::Mail(task),
                    _ => Step::Poll(task),
                })
            }
            Item::Timer { task, timer, set } => {
                let key = (task.map(|(task, _)| task), timer, set);
                let at = self.host.timers.iter().position(|known| *known == key)?;
                self.host.timers.swap_remove(at);
                Some(match task {
                    Some((task, attempt)) => Step::TaskTimer { task, attempt, timer },
                    None => Step::CoordinatorTimer(timer),
                })
            }
            Item::UploadBegins { upload } => {
                let (store, next) = self.host.uploads.begin(upload, self.host.now);
                self.host.plan_upload(store, next);
                None
            }
            Item::UploadEnds { store, plan } => {
                let (done, next) = self.host.uploads.end(store, plan, self.host.now)?;
                self.host.plan_upload(store, next);
                Some(done)
            }
        }
    }

    /// Moves the tasks whose lazily advanced state the step will touch to this instant.
    fn catch_up<O: Observer>(&mut self, job: &Job, world: &mut World, step: Step, observer: &mut O) {
        match step {
            // It may fail at what is outside, and with it all others.
            Step::Mail(task) | Step::Poll(task) | Step::Ready { task, .. } if self.hazards[task.index()] => {
                self.all_catch_up(job, world, observer);
            }
            Step::Mail(task) | Step::Flush(task) | Step::Expire { task, .. } => {
                self.advance(job, world, task, observer)
            }
            Step::Poll(task) => {
                // Reading a local channel may take its sender's open buffer.
                if let Some(sender) = world.open_buffer_behind(job, task) {
                    self.advance(job, world, sender, observer);
                }
            }
            Step::Credit { channel, .. } | Step::Resume { channel, .. } if world.may_take_open(channel) => {
                self.advance(job, world, job.plan.channels[channel.index()].from, observer);
            }
            Step::Strike(_) | Step::Restart | Step::Stop | Step::CoordinatorTimer(_) => {
                self.all_catch_up(job, world, observer);
            }
            Step::Report(task) if world.brings_bad_news(task) => self.all_catch_up(job, world, observer),
            // Anything may come of these.
            Step::Heal { .. } | Step::Thaw { .. } | Step::Late(_) | Step::Undelivered { .. } => {
                self.all_catch_up(job, world, observer)
            }
            Step::Call(_) | Step::Reply(_) | Step::Haunt(_) => self.all_catch_up(job, world, observer),
            Step::Suspect { .. } | Step::Replaced(_) | Step::TakeOver | Step::Ready { .. } | Step::Recorded(_)
                if !job.faults.faults.is_empty() =>
            {
                self.all_catch_up(job, world, observer);
            }
            _ => {}
        }
    }

    fn all_catch_up<O: Observer>(&mut self, job: &Job, world: &mut World, observer: &mut O) {
        for task in job.plan.task_ids() {
            self.advance(job, world, task, observer);
        }
    }

    /// Applies the records that a thread has finished by now.
    fn advance<O: Observer>(&mut self, job: &Job, world: &mut World, task: TaskId, observer: &mut O) {
        let thread = &mut self.threads[task.index()];
        if !thread.running {
            return;
        }
        if !matches!(world.thread(task), ThreadState::Run | ThreadState::Mail) {
            // It was stopped in this very step.
            thread.running = false;
            return;
        }
        let (records, begin) =
            self.lookahead.finished_by(job, world, task, thread.anchor, self.host.now, thread.planned);
        if records > 0 {
            self.look_at_backlog(job, world, task, records);
        }
        let thread = &mut self.threads[task.index()];
        thread.anchor = begin;
        thread.planned -= records;
        if records > 0 {
            let mut watched = Watched { clock: &mut self.host, job, observer };
            world.apply(job, Step::Run { task, records }, &mut watched);
            self.see_caught_up(job, world, task, observer);
        }
        // The step that comes may change what is planned.
        let thread = &mut self.threads[task.index()];
        thread.plan = thread.plan.wrapping_add(1);
        if !std::mem::replace(&mut thread.dirty, true) {
            self.disturbed.push(task);
        }
        self.host.wake(task);
    }

    fn apply<O: Observer>(&mut self, job: &Job, world: &mut World, step: Step, observer: &mut O) {
        match step {
            Step::Run { task, .. } | Step::Mail(task) | Step::Poll(task) => {
                if let Step::Run { records, .. } = step {
                    self.look_at_backlog(job, world, task, records);
                }
                let thread = &mut self.threads[task.index()];
                thread.running = false;
                thread.plan = thread.plan.wrapping_add(1);
            }
            Step::Flush(task) => self.threads[task.index()].flush_armed = false,
            _ => {}
        }
        world.apply(job, step, &mut Watched { clock: &mut self.host, job, observer });
        match step {
            Step::Run { task, .. } | Step::Ready { task, .. } => self.see_caught_up(job, world, task, observer),
            Step::Restart => job.plan.task_ids().for_each(|task| self.see_caught_up(job, world, task, observer)),
            _ => {}
        }
        self.strike_at_once(job, world, observer);
        self.look_at_woken(job, world);
    }

    /// Faults that wait for an event strike right after the step in which it happened.
    fn strike_at_once<O: Observer>(&mut self, job: &Job, world: &mut World, observer: &mut O) {
        while !self.host.struck.is_empty() {
            let fault = self.host.struck.remove(0);
            self.all_catch_up(job, world, observer);
            world.apply(job, Step::Strike(fault), &mut Watched { clock: &mut self.host, job, observer });
        }
    }

    fn look_at_woken(&mut self, job: &Job, world: &mut World) {
        // In their order: of two changes at once the later one holds.
        for (task, factor) in self.host.paces.drain(..) {
            self.lookahead.set_pace(task, factor);
            // A record in service starts over at the new pace.
            self.threads[task.index()].anchor = self.host.now;
        }
        while let Some(task) = self.host.woken.pop() {
            self.host.is_woken[task.index()] = false;
            self.look_at(job, world, task);
        }
    }

    /// Plans a thread's next step.
    fn look_at(&mut self, job: &Job, world: &mut World, task: TaskId) {
        let state = world.thread(task);
        let thread = &mut self.threads[task.index()];
        // In the middle of its records, its plan holds, or waits to be made anew.
        if state != ThreadState::Run || !thread.running {
            thread.dirty = false;
            self.schedule(job, world, task);
        }
        self.arm_flush(job, world, task);
        self.host.activity.look(job, world, task, self.host.now);
    }

    /// Puts a thread's next step into the agenda, instead of the one that was there.
    fn schedule(&mut self, job: &Job, world: &mut World, task: TaskId) {
        let state = world.thread(task);
        let thread = &mut self.threads[task.index()];
        thread.plan = thread.plan.wrapping_add(1);
        let plan = thread.plan;
        if let Some((at, rank, nth)) = self.plan(job, world, task, state) {
            let order = self.host.order(rank, u64::from(task.0), nth);
            self.host.agenda.push(at, order, Item::Thread { task, plan, rank });
        }
    }

    /// When a thread does what it can do next, and under which name.
    fn plan(&mut self, job: &Job, world: &mut World, task: TaskId, state: ThreadState) -> Option<(Time, Rank, u64)> {
        let now = self.host.now;
        let most = if self.granularity == Granularity::Record { 1 } else { CHUNK };
        let thread = &mut self.threads[task.index()];
        match state {
            ThreadState::Wait => {
                thread.running = false;
                None
            }
            ThreadState::Poll => {
                thread.running = false;
                Some((now, Rank::Poll, world.handled(task)))
            }
            ThreadState::Mail if !thread.running => Some((now, Rank::Mail, world.handled(task))),
            ThreadState::Run | ThreadState::Mail => {
                if !thread.running {
                    (thread.running, thread.anchor) = (true, now);
                }
                let effect = self.lookahead.next_effect(job, world, task, thread.anchor, most);
                thread.planned = effect.records;
                if state == ThreadState::Mail {
                    // The record in service is finished first, and if it is an effect it is one in its own right.
                    let boundary = self.lookahead.next_boundary(job, world, task, thread.anchor, now);
                    if boundary == now || boundary < effect.at {
                        return Some((boundary, Rank::Mail, world.handled(task)));
                    }
                }
                Some((effect.at, Rank::Run, world.processed(task) + u64::from(effect.records)))
            }
        }
    }

    /// While a task may fill buffers, or has a partly filled one, its next flush is in the agenda.
    fn arm_flush(&mut self, job: &Job, world: &World, task: TaskId) {
        let thread = &mut self.threads[task.index()];
        let Some(timeout) = job.scenario.network.buffer_timeout else { return };
        if thread.flush_armed || job.plan.outputs(task).is_empty() {
            return;
        }
        let now = self.host.now;
        // The flusher ticks at multiples of the timeout; with a timeout of zero it follows every record.
        let at = match timeout.0 {
            0 if world.has_unflushed(task) => now,
            every if every > 0 && (thread.running || world.has_unflushed(task)) => {
                Time((now.0 / every + 1).saturating_mul(every))
            }
            _ => return,
        };
        thread.flush_armed = true;
        let order = self.host.order(Rank::Flush, u64::from(task.0), 0);
        self.host.agenda.push(at, order, Item::Step(Step::Flush(task)));
    }
}

impl Clockwork {
    /// What the clock shows on the machine of whoever asks.
    fn local_now(&self) -> Time {
        Time(self.now.0.saturating_add_signed(self.ahead))
    }

    /// The order within an instant.
    #[inline]
    fn order(&self, rank: Rank, who: u64, nth: u64) -> u64 {
        let name = mix(self.seed ^ mix((rank as u64) << 56 ^ who << 24).wrapping_add(nth)) >> 8;
        (rank as u64) << 56 | if self.schedule.is_empty() { name } else { self.scheduled(rank, who, nth, name) }
    }

    /// Of faults, then of healed ones, then of slow links the first on the list comes first: one fault less leaves the
    /// others' order as it was.
    fn order_of_fault(&self, who: u64, place: u64) -> u64 {
        let rank = Rank::Fault;
        let place = if self.schedule.is_empty() { place } else { self.scheduled(rank, who, 0, place << 1) };
        (rank as u64) << 56 | place
    }

    /// Steps on the schedule come before all others of their instant and rank.
    #[cold]
    fn scheduled(&self, rank: Rank, who: u64, nth: u64, name: u64) -> u64 {
        self.schedule.place(rank, who, nth).unwrap_or(name >> 1 | 1 << 55)
    }

    #[inline]
    fn wake(&mut self, task: TaskId) {
        if !std::mem::replace(&mut self.is_woken[task.index()], true) {
            self.woken.push(task);
        }
    }

    #[inline]
    fn arrive(&mut self, at: Time, kind: u64, who: u64, nth: u64, step: Step) {
        let order = self.order(Rank::Arrival, kind << 32 | who, nth);
        self.agenda.push(at, order, Item::Step(step));
    }

    fn plan_upload(&mut self, store: u32, next: Option<(Time, u32)>) {
        if let Some((at, plan)) = next {
            let order = self.order(Rank::Arrival, 9 << 32 | u64::from(store), u64::from(plan));
            self.agenda.push(at, order, Item::UploadEnds { store, plan });
        }
    }

    /// Begins the storage part of a snapshot after `delay`; `done` happens at its end.
    fn upload(&mut self, task: TaskId, delay: Span, work: SnapshotWork, nth: u64, done: Step) {
        let (bandwidth, latency) = self.storage;
        match work.upload {
            Some(bytes) if bandwidth.0 > 0 => {
                let begin = self.now + delay + work.fixed + latency;
                let upload = self.uploads.plan(task, bandwidth.time_for(bytes.0), done);
                let order = self.order(Rank::Arrival, 8 << 32 | u64::from(task.0), nth);
                self.agenda.push(begin, order, Item::UploadBegins { upload });
            }
            Some(_) => self.arrive(self.now + delay + work.fixed + latency, 7, u64::from(task.0), nth, done),
            None => self.arrive(self.now + delay + work.fixed, 7, u64::from(task.0), nth, done),
        }
    }
}

impl<O: Observer> Env for Watched<'_, O> {
    fn now(&mut self) -> Moment {
        Moment(self.clock.local_now().0)
    }

    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        self.clock.local_now().since(Time(since.0)) >= limit
    }

    fn left(&mut self, since: Moment, limit: Span) -> Span {
        (Time(since.0) + limit).since(self.clock.local_now())
    }

    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64 {
        draw(self.clock.seed, concern, entity, index)
    }
}

impl<O: Observer> Host for Watched<'_, O> {
    const RECORDS: bool = O::RECORDS;

    #[inline]
    fn emit(&mut self, event: Event) {
        self.observer.event(self.clock.now, &event);
        if !self.clock.matchers.is_empty() {
            self.clock.watch(self.job, &event);
        }
    }

    #[inline]
    fn notice(&mut self, notice: Notice) {
        self.clock.notice(self.job, notice);
    }

    #[inline]
    fn asks(&mut self, task: Option<TaskId>) {
        let clocks = &self.clock.clocks;
        self.clock.ahead = task.map_or(0, |task| clocks[self.job.plan.tasks[task.index()].manager as usize]);
    }

    fn active(&mut self, task: TaskId, gate: u32) -> Span {
        self.clock.activity.take(task, gate, self.clock.now)
    }

    fn lag(&mut self, task: TaskId, position: u64, end: u64) -> u64 {
        if let Some(log) = lookahead::log(self.job, task) {
            self.clock.backlogs.look(log, task, position, end, self.clock.now);
        }
        self.clock.backlogs.take(task)
    }

    #[inline]
    fn applied(&mut self, task: TaskId, operator: OperatorId, record: &Record) {
        self.observer.applied(self.clock.now, task, operator, record.lineage);
    }

    fn strayed(&mut self, task: TaskId, operator: OperatorId, record: &Record, transaction: u64) {
        self.observer.strayed(self.clock.now, task, operator, record.lineage, transaction);
    }
}

impl Clockwork {
    /// Faults that wait for an event strike right after the step that it is part of.
    #[cold]
    fn watch(&mut self, job: &Job, event: &Event) {
        for (fault, matcher) in &mut self.matchers {
            if matcher.matches(event, &*job.plan) {
                self.struck.push(*fault);
            }
        }
    }
}
