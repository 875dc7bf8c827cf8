//! Watermarks keep their word: they only grow, say no more than is known, and come to the end.
//!
//! A task that reads from channels knows exactly the least of what those said that it waits for, no more and no less.
//! It waits for all that are not idle; one that was idle counts again when it has come as far as the task. When all are
//! idle, the task may have come as far as the farthest of them if it was the last one that held it back. So what a
//! task must know after each word that it hears can be calculated, and what it says itself is held against that before
//! it hears the next one.
//!
//! What a source may say depends on its records, which no event tells. That it says too much shows in records that are
//! late. Where sources wait as long as is needed, and for everybody, there must be none, at any task, whatever fails. But if
//! tasks may be kept that have read the end of a channel whose sender goes back, that end was none.
//!
//! Whoever begins again knows nothing, and may say less than is still on its way, put back by a restart: so often a channel
//! may go back, and its receiver does not. Whoever has read all its data knows the end of time, unless sources were stopped.

use super::finding::edge_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, Fingerprint, TaskId, Time};
use crate::plan::{EventTime, Plan};
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "watermarks",
    sentence: "A watermark never goes back, says no more and no less than the inputs did, and no record comes after it.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::WatermarkReceived,
        EventKind::WatermarkAdvanced,
        EventKind::IdleReceived,
        EventKind::RecordsLate,
        EventKind::ChannelRestored,
        EventKind::TaskStarted,
        EventKind::TaskDrained,
        EventKind::TaskFailed,
        EventKind::TaskCancelled,
        EventKind::ReadingStopped,
    ]),
};

/// The end of time.
const END: u64 = u64::MAX;

#[derive(Clone)]
pub(super) struct Watermarks {
    inputs: Vec<Input>,
    tasks: Vec<Task>,
    /// Whether there is event time.
    is_on: bool,
    /// No record may be late.
    is_punctual: bool,
    /// A source was stopped before its end.
    stopped: bool,
    examined: u64,
}

/// A channel, as its receiver knows it.
#[derive(Clone, Copy, Default)]
struct Input {
    /// The last one that was read, and the highest.
    last: u64,
    watermark: u64,
    idle: bool,
    /// It was idle and has not come as far as the task yet.
    behind: bool,
    /// How often it went back.
    returns: u32,
}

#[derive(Clone, Copy, Default)]
struct Task {
    /// What it said last.
    said: u64,
    /// What it must know.
    due: u64,
    /// How often it began again.
    attempt: u32,
}

impl Watermarks {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let plan = setting.plan;
        Self {
            inputs: vec![Input::default(); plan.channels.len()],
            tasks: vec![Task::default(); plan.tasks.len()],
            is_on: plan.event_time != EventTime::None,
            is_punctual: plan.event_time == EventTime::Punctual && setting.claims.holds(Claim::Coordinated),
            stopped: false,
            examined: 0,
        }
    }

    /// A task has said all that it could by now.
    fn settle(&mut self, at: Time, id: TaskId, plan: &Plan, out: &mut Findings) {
        let Task { said, due, .. } = self.tasks[id.index()];
        if said < due {
            self.tasks[id.index()].due = said;
            tell(out, at, plan, id, "held back", || format!("says {}, and knows {}", words(said), words(due)));
        }
    }

    /// A channel says how far it is.
    fn receive(&mut self, at: Time, channel: ChannelId, watermark: u64, plan: &Plan, out: &mut Findings) {
        let id = plan.channels[channel.index()].to;
        self.settle(at, id, plan, out);
        self.examined += 1;
        let said = self.tasks[id.index()].said;
        let begun = self.tasks[plan.channels[channel.index()].from.index()].attempt;
        let input = &mut self.inputs[channel.index()];
        let before = std::mem::replace(&mut input.last, watermark);
        input.returns += u32::from(watermark < before);
        if watermark < before && input.returns > begun {
            out.add(ABOUT.name, at, || {
                let (name, edge) = (plan.channel_name(channel), edge_name(plan, channel));
                let text = format!("on {name}, {} comes after {}", words(watermark), words(before));
                Finding::new(format!("goes back on {edge}"), text).channel(channel)
            });
        }
        // Who says how far it is is not idle.
        input.idle = false;
        input.watermark = input.watermark.max(watermark);
        input.behind &= input.watermark < said;
        self.know(id, plan);
    }

    fn idle(&mut self, at: Time, channel: ChannelId, idle: bool, plan: &Plan, out: &mut Findings) {
        let id = plan.channels[channel.index()].to;
        self.settle(at, id, plan, out);
        self.examined += 1;
        let said = self.tasks[id.index()].said;
        let input = &mut self.inputs[channel.index()];
        input.idle = idle;
        if !idle {
            input.behind &= input.watermark < said;
            return self.know(id, plan);
        }
        input.behind = true;
        let held = input.watermark == said;
        let inputs = || self.waited_for(id, plan);
        if inputs().all(|input| input.idle) {
            let most = inputs().map(|input| input.watermark).max().filter(|_| held);
            let due = &mut self.tasks[id.index()].due;
            *due = (*due).max(most.unwrap_or(0));
        } else {
            self.know(id, plan);
        }
    }

    /// What comes round a cycle says nothing.
    fn waited_for<'a>(&'a self, id: TaskId, plan: &'a Plan) -> impl Iterator<Item = Input> {
        let inputs = plan.inputs(id).iter().filter(|channel| !plan.feeds_back(**channel));
        inputs.map(|channel| self.inputs[channel.index()])
    }

    /// What a task must know now.
    fn know(&mut self, id: TaskId, plan: &Plan) {
        let least =
            self.waited_for(id, plan).filter(|input| !input.idle && !input.behind).map(|input| input.watermark).min();
        let due = &mut self.tasks[id.index()].due;
        *due = (*due).max(least.unwrap_or(0));
    }

    /// A task says how far it is.
    fn advance(&mut self, at: Time, id: TaskId, watermark: u64, plan: &Plan, out: &mut Findings) {
        self.examined += 1;
        let Task { said, due, attempt } = self.tasks[id.index()];
        if watermark <= said {
            tell(out, at, plan, id, "goes back at", || format!("says {} after {}", words(watermark), words(said)));
        }
        if watermark > due && !plan.is_source(id) {
            tell(out, at, plan, id, "too much at", || format!("says {}, and knows {}", words(watermark), words(due)));
        }
        self.tasks[id.index()] = Task { said: said.max(watermark), due: due.max(watermark), attempt };
    }

    /// A task has read all its data.
    fn drain(&mut self, at: Time, id: TaskId, plan: &Plan, out: &mut Findings) {
        self.settle(at, id, plan, out);
        let said = self.tasks[id.index()].said;
        if self.is_on && !self.stopped {
            self.examined += 1;
            if said < END {
                tell(out, at, plan, id, "no end at", || format!("has read all its data, and says {}", words(said)));
            }
        }
    }

    /// A task begins again, or is gone: it owes nothing, and knows nothing.
    fn forget(&mut self, id: TaskId) {
        let Task { attempt, .. } = self.tasks[id.index()];
        self.tasks[id.index()] = Task { attempt, ..Task::default() };
    }
}

/// Tells a finding about a task.
fn tell(out: &mut Findings, at: Time, plan: &Plan, id: TaskId, what: &str, text: impl FnOnce() -> String) {
    out.add(ABOUT.name, at, || {
        let text = format!("{} {}", plan.task_name(id), text());
        Finding::new(format!("{what} {}", plan.chain_name(id)), text).task(id)
    });
}

fn words(watermark: u64) -> String {
    match watermark {
        0 => "nothing".to_owned(),
        END => "the end of time".to_owned(),
        time => Time(time).to_string(),
    }
}

impl Check for Watermarks {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::WatermarkReceived { channel, watermark } => self.receive(at, channel, watermark, plan, out),
            Event::IdleReceived { channel, idle } => self.idle(at, channel, idle == 1, plan, out),
            Event::WatermarkAdvanced { task, watermark } => self.advance(at, task, watermark, plan, out),
            Event::RecordsLate { task, records } if self.is_punctual => {
                tell(out, at, plan, task, "late at", || {
                    let records = if records == 1 { "a record".to_owned() } else { format!("{records} records") };
                    format!("read {records} that its watermark said would not come")
                });
            }
            Event::TaskDrained { task } => self.drain(at, task, plan, out),
            Event::ChannelRestored { channel, .. } => self.inputs[channel.index()] = Input::default(),
            Event::TaskStarted { task, attempt, .. } => {
                self.forget(task);
                self.tasks[task.index()].attempt = attempt.0;
            }
            Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => {
                self.settle(at, task, plan, out);
                self.forget(task);
            }
            Event::ReadingStopped { .. } => self.stopped = true,
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        end.plan.task_ids().for_each(|id| self.settle(end.at, id, end.plan, out));
    }

    fn reset(&mut self) {
        self.inputs.fill(Input::default());
        self.tasks.fill(Task::default());
        (self.stopped, self.examined) = (false, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        for input in &self.inputs {
            into.word(input.last);
            into.word(input.watermark);
            into.word(u64::from(input.returns) << 2 | u64::from(input.idle) << 1 | u64::from(input.behind));
        }
        for task in &self.tasks {
            into.word(task.said);
            into.word(task.due);
            into.word(u64::from(task.attempt));
        }
        into.word(u64::from(self.stopped));
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
