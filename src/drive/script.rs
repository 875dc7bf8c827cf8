//! A driver that replays a recording: one task, what arrives at its ports, and when its thread has time for it.
//!
//! The senders of the task do nothing by themselves; the script puts things into their channels. Whatever a step makes
//! possible happens at once - deliveries, credits, synchronous parts - except two things: what the task's thread does,
//! which depends on whether it is free, busy or stopped for want of output buffers, and releases of blocked senders,
//! which reach them when the message or input in hand is done, in the order of channels. Timers run out a
//! millisecond late, as those of Flink's timer service do.

use crate::base::{ChannelId, Concern, Port, Span, TaskId, Time};
use crate::protocol::{Env, Moment, TaskCommand, Timer};
use crate::trace::Event;
use crate::world::{Feed, Host, Job, Notice, Step, ThreadState, World, draw};
use std::collections::VecDeque;

/// A line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A channel's sender puts something into it.
    Feed(ChannelId, Feed),
    /// Time passes.
    Wait(Span),
    /// The task's thread is from now on like this.
    Thread(Pace),
}

/// What a thread has time for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Messages and inputs.
    #[default]
    Free,
    /// Messages: it waits for output buffers.
    BackPressured,
    /// Nothing.
    Busy,
}

/// Something that the task was seen to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// In the world.
    Event(Event),
    /// By its role.
    Decided(TaskCommand),
    /// It has done all that one message or input led to.
    Handled,
}

/// A world in which a script is played.
pub struct Script<'a> {
    job: &'a Job,
    world: World,
    task: TaskId,
    pace: Pace,
    stage: Stage,
}

/// What the world sees of the script.
struct Stage {
    task: TaskId,
    now: Time,
    /// Steps that happen at once.
    due: VecDeque<Step>,
    resumes: Vec<Step>,
    timers: Vec<(Time, Step, Timer)>,
    seen: Vec<(Time, Seen)>,
    /// The ports from which the next inputs are to be read, if the script knows.
    ports: VecDeque<Port>,
}

/// How much later than asked a timer runs out.
const TIMER_LAG: Span = Span::from_millis(1);

impl<'a> Script<'a> {
    /// The job has started, the clock shows `start`, and `task` is the one that is watched.
    pub fn new(job: &'a Job, task: TaskId, start: Time) -> Self {
        let mut stage = Stage {
            task,
            now: start,
            due: VecDeque::new(),
            resumes: Vec::new(),
            timers: Vec::new(),
            seen: Vec::new(),
            ports: VecDeque::new(),
        };
        let mut world = World::new(job);
        world.start(job, 0, &mut stage);
        stage.seen.clear();
        stage.due.clear();
        Self { job, world, task, pace: Pace::Free, stage }
    }

    /// Plays a line; `ports` says from where inputs are read, if the script knows better than the order of arrival.
    pub fn play(&mut self, act: Act, ports: impl IntoIterator<Item = Port>) -> Vec<(Time, Seen)> {
        self.stage.ports.clear();
        self.stage.ports.extend(ports);
        match act {
            Act::Feed(channel, feed) => {
                self.world.feed(self.job, channel, feed, &mut self.stage);
                self.at_once();
            }
            Act::Wait(span) => self.wait(span),
            Act::Thread(pace) => self.pace = pace,
        }
        self.thread();
        std::mem::take(&mut self.stage.seen)
    }

    /// The world as it stands.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The instant.
    pub fn now(&self) -> Time {
        self.stage.now
    }

    fn wait(&mut self, span: Span) {
        let until = self.stage.now + span;
        loop {
            let due = self.stage.timers.iter().enumerate().filter(|(_, (at, ..))| *at <= until);
            let Some((index, _)) = due.min_by_key(|(_, (at, ..))| *at) else { break };
            let (at, step, _) = self.stage.timers.remove(index);
            self.stage.now = at;
            self.world.apply(self.job, step, &mut self.stage);
            self.thread();
        }
        self.stage.now = until;
    }

    /// What the thread does as long as it has something to do and time for it.
    fn thread(&mut self) {
        loop {
            match (self.pace, self.world.thread(self.task)) {
                (Pace::Free | Pace::BackPressured, ThreadState::Mail) => self.handle(Step::Mail(self.task)),
                (Pace::Free, ThreadState::Poll) => self.handle(Step::Poll(self.task)),
                _ => return,
            }
        }
    }

    /// Handles one message or input with all that follows from it.
    fn handle(&mut self, step: Step) {
        self.world.apply(self.job, step, &mut self.stage);
        self.at_once();
        while self.world.is_interrupted(self.task) {
            self.world.apply(self.job, Step::Mail(self.task), &mut self.stage);
            self.at_once();
        }
        while let ThreadState::Run = self.world.thread(self.task) {
            self.world.apply(self.job, Step::Run { task: self.task, records: 1 }, &mut self.stage);
            self.at_once();
        }
        self.stage.see(Seen::Handled);
        let mut resumes = std::mem::take(&mut self.stage.resumes);
        resumes.sort_by_key(|step| match step {
            Step::Resume { channel, .. } => channel.0,
            _ => u32::MAX,
        });
        for step in resumes {
            self.world.apply(self.job, step, &mut self.stage);
            self.at_once();
        }
    }

    fn at_once(&mut self) {
        while let Some(step) = self.stage.due.pop_front() {
            self.world.apply(self.job, step, &mut self.stage);
        }
    }
}

impl Stage {
    fn see(&mut self, seen: Seen) {
        self.seen.push((self.now, seen));
    }
}

impl Env for Stage {
    fn now(&mut self) -> Moment {
        Moment(self.now.0)
    }

    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        self.now.since(Time(since.0)) >= limit
    }

    fn left(&mut self, since: Moment, limit: Span) -> Span {
        (Time(since.0) + limit).since(self.now)
    }

    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64 {
        draw(0, concern, entity, index)
    }
}

impl Host for Stage {
    fn emit(&mut self, event: Event) {
        self.see(Seen::Event(event));
    }

    fn prefers(&mut self, task: TaskId) -> Option<Port> {
        if task == self.task { self.ports.pop_front() } else { None }
    }

    fn decided(&mut self, task: TaskId, command: &TaskCommand) {
        if task == self.task {
            self.see(Seen::Decided(*command));
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Fly { channel, epoch, .. } => self.due.push_back(Step::Deliver { channel, epoch }),
            Notice::Credit { channel, epoch, amount } => self.due.push_back(Step::Credit { channel, epoch, amount }),
            Notice::Resume { channel, epoch } => self.resumes.push(Step::Resume { channel, epoch }),
            Notice::Sync { task, attempt, .. } => self.due.push_front(Step::Synced { task, attempt }),
            Notice::SetTimer { task: Some((task, attempt)), timer, delay } if task == self.task => {
                self.timers.retain(|(_, _, known)| *known != timer);
                self.timers.push((self.now + delay + TIMER_LAG, Step::TaskTimer { task, attempt, timer }, timer));
            }
            Notice::CancelTimer { task: Some(task), timer } if task == self.task => {
                self.timers.retain(|(_, _, known)| *known != timer);
            }
            // What a coordinator, a storage or another task would do is not part of the script.
            _ => {}
        }
    }
}
