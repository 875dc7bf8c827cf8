//! A driver without time: it takes any possible step, as a chooser says.
//!
//! Delays, alignments and timeouts come in any order here, so this is how protocols meet the interleavings that
//! no clock would make. Timers are ordinary steps with a budget: a trigger may come early a number of times and
//! after that only when nothing else is possible, and so may a checkpoint expire: a job whose checkpoints all expire comes
//! to no end under any protocol, and one whose checkpoint waits for a message that was lost goes on by that alone. Nobody measures throughput
//! either: buffers keep the size they begin with.

use super::Chooser;
use crate::base::{Concern, OperatorId, Span, TaskId, Time, mix};
use crate::fault::Trigger;
use crate::protocol::{Env, Moment, Timer, TimerKind};
use crate::trace::{Event, Matcher, Observer};
use crate::workload::Record;
use crate::world::{Host, Job, Notice, Step, ThreadState, World, draw};

/// How often timers may come before they must.
const EARLY: u32 = 40;
/// Limits that roles ask about are over after fewer steps than this.
const PATIENCE: u64 = 60;
/// How many checkpoints may expire although something else is possible.
const EXPIRIES: u32 = 3;
/// How often sources say how far they are in event time, all together, if it is time that decides.
const WATERMARKS: u32 = 60;
/// How often tasks may write all of their state in the background, all together.
const MATERIALISATIONS: u32 = 30;

/// Runs a job without a clock; true if it ended within `steps` steps.
///
/// Faults of the plan that strike at an instant are possible from the beginning on; those that wait for an
/// event strike right after it. Time, where observers ask for it, is the number of steps taken.
pub fn wander<O: Observer>(
    job: &Job,
    world: &mut World,
    seed: u64,
    chooser: &mut dyn Chooser,
    steps: u64,
    observer: &mut O,
) -> bool {
    let mut wanderer = Wanderer {
        job,
        seed,
        taken: 0,
        pending: Vec::new(),
        matchers: Vec::new(),
        struck: Vec::new(),
        timers: Vec::new(),
        ended: false,
        early: EARLY,
        expiries: EXPIRIES,
        watermarks: WATERMARKS,
        materialisations: MATERIALISATIONS,
        observer,
    };
    for (fault, planned) in (0..).zip(&job.faults.faults) {
        match &planned.trigger {
            Trigger::At(_) => wanderer.pending.push(Step::Strike(fault)),
            Trigger::On(predicate) => wanderer.matchers.push((fault, Matcher::new(predicate.clone()))),
        }
    }
    world.start(job, seed, &mut wanderer);
    while !wanderer.ended && wanderer.taken < steps {
        let Some(step) = wanderer.choose(world, chooser) else { break };
        wanderer.taken += 1;
        world.apply(job, step, &mut wanderer);
        while !wanderer.struck.is_empty() {
            let fault = wanderer.struck.remove(0);
            world.apply(job, Step::Strike(fault), &mut wanderer);
        }
    }
    let ended = wanderer.ended;
    if ended {
        world.let_through(job, &mut wanderer);
    }
    while ended && let Some(step) = wanderer.pending.pop() {
        // What is on the wire still arrives, so that nothing is left half way.
        if matches!(step, Step::Deliver { .. } | Step::Credit { .. } | Step::Resume { .. }) {
            world.apply(job, step, &mut wanderer);
        }
    }
    world.finish(job, false, &mut wanderer);
    ended
}

struct Wanderer<'a, O> {
    job: &'a Job,
    seed: u64,
    taken: u64,
    pending: Vec<Step>,
    /// Faults that wait for an event, and those whose event has come.
    matchers: Vec<(u32, Matcher)>,
    struck: Vec<u32>,
    timers: Vec<Step>,
    ended: bool,
    /// Timers other than expiries that may still come early.
    early: u32,
    /// Expiries that may still come.
    expiries: u32,
    /// How often sources may still say how far they are in event time, if it is time that decides.
    watermarks: u32,
    /// How often tasks may still write all of their state in the background.
    materialisations: u32,
    observer: &'a mut O,
}

impl<O: Observer> Wanderer<'_, O> {
    fn choose(&mut self, world: &World, chooser: &mut dyn Chooser) -> Option<Step> {
        let mut threads = Vec::new();
        for task in self.job.plan.task_ids() {
            match world.thread(task) {
                ThreadState::Run => {
                    threads.push(Step::Run { task, records: 1 });
                    if world.has_unflushed(task) {
                        threads.push(Step::Flush(task));
                    }
                }
                ThreadState::Mail => threads.push(Step::Mail(task)),
                ThreadState::Poll => threads.push(Step::Poll(task)),
                ThreadState::Wait if world.has_unflushed(task) => threads.push(Step::Flush(task)),
                ThreadState::Wait => {}
            }
        }
        let possible = threads.len() + self.pending.len();
        if let Some(timer) = self.timer(possible == 0, chooser) {
            return Some(timer);
        }
        if possible == 0 {
            return None;
        }
        let at = chooser.choose(possible);
        Some(if at < threads.len() { threads[at] } else { self.pending.remove(at - threads.len()) })
    }
}

impl<O: Observer> Wanderer<'_, O> {
    /// A timer that runs out now, as far as the budgets allow.
    fn timer(&mut self, nothing_else: bool, chooser: &mut dyn Chooser) -> Option<Step> {
        let is_expiry = |step: &Step| matches!(step, Step::CoordinatorTimer(Timer { kind: TimerKind::Expiry, .. }));
        if !nothing_else && chooser.choose(8) < 7 {
            return None;
        }
        let (early, expiries) = (self.early, self.expiries);
        let allowed = |step: &Step| nothing_else || if is_expiry(step) { expiries > 0 } else { early > 0 };
        let possible: Vec<usize> = (0..self.timers.len()).filter(|at| allowed(&self.timers[*at])).collect();
        if possible.is_empty() {
            return None;
        }
        let step = self.timers.remove(possible[chooser.choose(possible.len())]);
        if is_expiry(&step) {
            self.expiries = self.expiries.saturating_sub(1);
        } else {
            self.early = self.early.saturating_sub(1);
        }
        Some(step)
    }
}

impl<O: Observer> Env for Wanderer<'_, O> {
    fn now(&mut self) -> Moment {
        Moment(self.taken)
    }

    /// Without a clock a limit is over after some number of steps, and stays over; now and then at once.
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        let steps = mix(self.seed ^ mix(since.0).wrapping_add(limit.0)) % PATIENCE;
        self.taken.saturating_sub(since.0) >= steps
    }

    fn left(&mut self, _since: Moment, limit: Span) -> Span {
        limit
    }

    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64 {
        draw(self.seed, concern, entity, index)
    }
}

impl<O: Observer> Host for Wanderer<'_, O> {
    const RECORDS: bool = O::RECORDS;

    fn emit(&mut self, event: Event) {
        self.observer.event(Time(self.taken), &event);
        for (fault, matcher) in &mut self.matchers {
            if matcher.matches(&event, &*self.job.plan) {
                self.struck.push(*fault);
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        let step = match notice {
            Notice::Wake(_)
            | Notice::Debloat { .. }
            | Notice::Resize { .. }
            | Notice::CancelUpload { .. }
            | Notice::Pace { .. }
            | Notice::Clock { .. } => return,
            // A timeout that voids what sinks promise never comes here by itself.
            Notice::Later { step: Step::Expire { .. }, .. } => return,
            // One that rings too early is set again: it must not keep others from their turn.
            Notice::Later { step: step @ Step::Alarm { .. }, .. } => return self.timers.push(step),
            Notice::Later { step, .. } => step,
            Notice::ForgetTimers => {
                self.timers.retain(|step| match step {
                    Step::CoordinatorTimer(timer) => timer.kind == TimerKind::Request,
                    _ => true,
                });
                return;
            }
            Notice::Watermark { task, attempt, .. } => {
                // A source that would say how far it is for ever would keep a run from its end.
                if self.watermarks > 0 {
                    self.watermarks -= 1;
                    self.pending.push(Step::Watermark { task, attempt });
                }
                return;
            }
            Notice::Materialize { task, attempt, .. } => {
                if self.materialisations > 0 {
                    self.materialisations -= 1;
                    self.pending.push(Step::Materialize { task, attempt });
                }
                return;
            }
            Notice::Fly { channel, epoch, .. } => Step::Deliver { channel, epoch },
            Notice::Credit { channel, epoch, amount } => Step::Credit { channel, epoch, amount },
            Notice::Resume { channel, epoch } => Step::Resume { channel, epoch },
            Notice::Rpc(task) => Step::Rpc(task),
            Notice::Report(task) => Step::Report(task),
            Notice::Sync { task, attempt, .. } => Step::Synced { task, attempt },
            Notice::Upload { task, attempt, checkpoint, .. } => Step::Uploaded { task, attempt, checkpoint },
            Notice::Aside(task) => Step::Aside(task),
            Notice::Prepare(checkpoint) => Step::Prepared(checkpoint),
            Notice::Clean(checkpoint) => Step::Cleaned(checkpoint),
            Notice::Record(checkpoint) => Step::Recorded(checkpoint),
            Notice::SetTimer { task, timer, .. } => {
                self.timers.push(match task {
                    Some((task, attempt)) => Step::TaskTimer { task, attempt, timer },
                    None => Step::CoordinatorTimer(timer),
                });
                return;
            }
            Notice::CancelTimer { task, timer } => {
                self.timers.retain(|step| match *step {
                    Step::CoordinatorTimer(known) => task.is_some() || known != timer,
                    Step::TaskTimer { task: owner, timer: known, .. } => (Some(owner), known) != (task, timer),
                    _ => true,
                });
                return;
            }
            Notice::Failed { .. } => Step::Restart,
            Notice::Restore { task, attempt, .. } => Step::Ready { task, attempt },
            Notice::Background { task, attempt, .. } => Step::Materialized { task, attempt },
            Notice::Ended => {
                self.ended = true;
                return;
            }
        };
        self.pending.push(step);
    }

    fn applied(&mut self, task: TaskId, operator: OperatorId, record: &Record) {
        self.observer.applied(Time(self.taken), task, operator, record.lineage);
    }

    fn strayed(&mut self, task: TaskId, operator: OperatorId, record: &Record, transaction: u64) {
        self.observer.strayed(Time(self.taken), task, operator, record.lineage, transaction);
    }
}
