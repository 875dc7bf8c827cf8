//! The run comes to an end.
//!
//! After the limit sources stop and faults heal, so every job must drain; so must one that a savepoint ends before; of one
//! that somebody cancels nothing more is asked. One that does not is stuck, and the reason that is told is what a task waits for. In a job that is down, that is its
//! restart: what failed is told, and why nothing came of it ([`Down`]). That tasks end one after the other,
//! and some long before the others, is no reason: each of them must. A job that is restarted again and again gets
//! nowhere, whatever its tasks did last.

mod down;

use super::finding::head_name;
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};
use down::Down;

pub(super) static ABOUT: About = About {
    name: "liveness",
    sentence: "Once sources have stopped and faults have healed, every task comes to its end.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::TaskStarted,
        EventKind::TaskFailed,
        EventKind::TaskCancelled,
        EventKind::ReadingStopped,
        EventKind::TaskDrained,
        EventKind::TaskFinished,
        EventKind::TaskBlocked,
        EventKind::TaskUnblocked,
        EventKind::ChannelBlocked,
        EventKind::ChannelResumed,
        EventKind::SnapshotStarted,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
        EventKind::CompleteReceived,
        EventKind::JobRestarting,
        EventKind::RestorePoint,
        EventKind::RestoreFailed,
        EventKind::CoordinatorLost,
        EventKind::CoordinatorTookOver,
        EventKind::MachinesAwaited,
    ]),
};

/// So many restarts are no accident.
const AGAIN_AND_AGAIN: u64 = 100;

#[derive(Clone)]
pub(super) struct Liveness {
    tasks: Vec<Task>,
    /// By channel: it is not read before the barriers of a checkpoint have come.
    blocked: Vec<Option<CheckpointId>>,
    down: Down,
    /// The newest complete one.
    completed: CheckpointId,
    /// Tasks take part in checkpoints of the job, and end with one of them.
    coordinated: bool,
    examined: u64,
}

/// What a task last told.
#[derive(Clone, Copy, Default)]
struct Task {
    doing: Doing,
    /// Whatever else it does.
    waits: Waits,
    /// When it was stopped.
    waited: Waits,
    /// The first checkpoint for which it took a snapshot when it had no more input.
    covering: Option<CheckpointId>,
    /// The newest complete one that it heard of.
    heard: CheckpointId,
}

/// What a task waits for, or two things.
#[derive(Clone, Copy, Default)]
struct Waits {
    /// Output buffers.
    buffers: bool,
    /// The barriers of a checkpoint: it does not read all of its inputs.
    barriers: Option<CheckpointId>,
}

/// In the order in which one of them is a reason for a stop.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Failed,
    Cancelled,
    Restored,
    Blocked,
    Stopped,
    #[default]
    Running,
    Drained,
    Finished,
}

impl Task {
    fn doing(self) -> Doing {
        if self.waits.buffers { Doing::Blocked } else { self.doing }
    }

    /// It is stopped: what it had is lost.
    fn stopped(self, doing: Doing) -> Self {
        let waited = if self.doing <= Doing::Restored { self.waited } else { self.waits };
        Self { doing, waited, ..Self::default() }
    }
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Self::Failed => "has failed and was not restarted",
            Self::Cancelled => "was cancelled and not restarted",
            Self::Restored => "is still being restored",
            Self::Blocked => "waits for output buffers",
            Self::Stopped => "reads nothing more for a savepoint that does not end the job",
            Self::Running => "waits for input",
            Self::Drained => "has no more input but is not told to end",
            Self::Finished => "has finished",
        }
    }

    fn signature(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Restored => "restored",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
            Self::Running => "waiting",
            Self::Drained => "drained",
            Self::Finished => "finished",
        }
    }
}

impl Liveness {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let plan = setting.plan;
        Self {
            tasks: vec![Task::default(); plan.tasks.len()],
            blocked: vec![None; plan.channels.len()],
            down: Down::default(),
            completed: CheckpointId::INITIAL,
            coordinated: setting.claims.holds(Claim::Coordinated),
            examined: 0,
        }
    }

    /// A channel is read or not: its receiver waits for the barriers of whatever still blocks one.
    fn blocks(&mut self, channel: ChannelId, by: Option<CheckpointId>, plan: &Plan) {
        self.blocked[channel.index()] = by;
        let to = plan.channels[channel.index()].to;
        let barriers = plan.inputs(to).iter().filter_map(|input| self.blocked[input.index()]).max();
        self.tasks[to.index()].waits.barriers = barriers;
    }

    /// A task is stopped, or goes back.
    fn stops(&mut self, task: TaskId, doing: Doing, plan: &Plan) {
        self.tasks[task.index()] = self.tasks[task.index()].stopped(doing);
        plan.inputs(task).iter().for_each(|input| self.blocked[input.index()] = None);
    }

    /// Why a task does not go on.
    fn reason(&self, task: TaskId, doing: Doing, plan: &Plan) -> String {
        let (it, name) = (self.tasks[task.index()], plan.task_name(task));
        match (doing, self.down.cause(plan), self.down.outlook()) {
            (Doing::Failed | Doing::Cancelled | Doing::Restored, Some(cause), Some(outlook)) => {
                let before = self.waiting(plan, ["waited"; 2], |task| task.waited).filter(|_| self.down.got_nowhere());
                let before = before.map_or(String::new(), |before| format!("; before that, {before}"));
                format!("{cause}, and {outlook}{before}")
            }
            (Doing::Restored, Some(cause), None) => format!("{cause}, and {name} {}", doing.words()),
            (Doing::Blocked | Doing::Running, ..) => {
                let barriers = self.waiting(plan, ["waits", "wait"], |task| Waits { buffers: false, ..task.waits });
                let besides = barriers.map_or(String::new(), |told| format!("; {told}"));
                format!("{name} {}{besides}", doing.words())
            }
            (Doing::Drained, ..) if self.coordinated => format!("{name} has no more input and {}", self.awaits(it)),
            _ => format!("{name} {}", doing.words()),
        }
    }

    /// What a task that has no more input waits for.
    fn awaits(&self, task: Task) -> String {
        let completed = self.completed;
        match task.covering {
            Some(covering) if covering <= task.heard => {
                format!("knows that checkpoint {} is complete, but does not end", task.heard)
            }
            Some(covering) if covering <= completed => format!("is not told that checkpoint {completed} is complete"),
            _ => "waits for a checkpoint that covers the end of its data to complete".to_owned(),
        }
    }

    /// Who waits, or waited, for what: the first tasks by name. The verb is for one task and for several.
    fn waiting(&self, plan: &Plan, [waits, wait]: [&str; 2], of: fn(&Task) -> Waits) -> Option<String> {
        let clause = |what: &str, does: &dyn Fn(Waits) -> bool| {
            let mut tasks = plan.task_ids().filter(|task| does(of(&self.tasks[task.index()])));
            let first = plan.task_name(tasks.next()?);
            Some(match tasks.count() {
                0 => format!("{first} {waits} for {what}"),
                1 => format!("{first} and one other task {wait} for {what}"),
                n => format!("{first} and {n} other tasks {wait} for {what}"),
            })
        };
        let checkpoint = self.tasks.iter().filter_map(|task| of(task).barriers).max();
        let barriers = checkpoint.and_then(|checkpoint| {
            let what = format!("the barriers of checkpoint {checkpoint}, with inputs blocked");
            clause(&what, &|waits| waits.barriers == Some(checkpoint))
        });
        let told: Vec<String> = clause("output buffers", &|waits| waits.buffers).into_iter().chain(barriers).collect();
        (!told.is_empty()).then(|| told.join(", and "))
    }
}

impl Check for Liveness {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, _: &mut Findings) {
        if let Event::TaskCancelled { task, .. } = *event {
            // What is stopped to be restored is no failure.
            if self.tasks[task.index()].doing == Doing::Restored && self.down.is_up() {
                return;
            }
        }
        self.down.event(at, event);
        match *event {
            Event::TaskBlocked { task } => self.tasks[task.index()].waits.buffers = true,
            Event::TaskUnblocked { task } => self.tasks[task.index()].waits.buffers = false,
            Event::ChannelBlocked { channel, checkpoint } => self.blocks(channel, Some(checkpoint), plan),
            Event::ChannelResumed { channel } => self.blocks(channel, None, plan),
            Event::ReadingStopped { task, .. } => self.tasks[task.index()].doing = Doing::Stopped,
            Event::TaskDrained { task } => self.tasks[task.index()].doing = Doing::Drained,
            Event::SnapshotStarted { task, checkpoint, .. } => {
                let task = &mut self.tasks[task.index()];
                if task.doing == Doing::Drained {
                    task.covering = task.covering.or(Some(checkpoint));
                }
            }
            Event::CheckpointCompleted { checkpoint } => self.completed = self.completed.max(checkpoint),
            Event::CompleteReceived { task, checkpoint } => {
                let task = &mut self.tasks[task.index()];
                task.heard = task.heard.max(checkpoint);
            }
            Event::RestorePoint { task, live, .. } if live != 1 => self.stops(task, Doing::Restored, plan),
            Event::TaskFailed { task, .. } => self.stops(task, Doing::Failed, plan),
            Event::TaskCancelled { task, .. } => self.stops(task, Doing::Cancelled, plan),
            Event::TaskStarted { task, .. } => self.tasks[task.index()] = Task::default(),
            Event::TaskFinished { task } => {
                self.tasks[task.index()] = Task { doing: Doing::Finished, ..Task::default() };
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        self.examined += 1;
        if end.drained || end.cancelled {
            return;
        }
        out.add(ABOUT.name, end.at, || {
            let doings = || self.tasks.iter().map(|task| task.doing());
            let waiting = doings().filter(|doing| *doing != Doing::Finished).count();
            let first = doings().enumerate().min_by_key(|(index, doing)| (*doing, *index));
            let Some((index, doing)) = first.filter(|_| waiting > 0) else {
                return Finding::new("no end", "the run did not end although every task has finished");
            };
            let task = TaskId::from(index);
            let (all, reason) = (self.tasks.len(), self.reason(task, doing, end.plan));
            let text = format!("{waiting} of {all} tasks did not finish: {reason}");
            if self.down.restarts >= AGAIN_AND_AGAIN {
                let cause = self.down.cause(end.plan).filter(|_| doing > Doing::Restored);
                let last = cause.map_or(String::new(), |cause| format!(", the last time because {cause}"));
                let text = format!("the job was restarted {} times{last}; at last {text}", self.down.restarts);
                return Finding::new("restarted again and again", text);
            }
            Finding::new(format!("{} {}", doing.signature(), head_name(end.plan, task)), text).task(task)
        });
    }

    fn reset(&mut self) {
        self.tasks.fill(Task::default());
        self.blocked.fill(None);
        (self.down, self.completed, self.examined) = (Down::default(), CheckpointId::INITIAL, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        let id = |id: Option<CheckpointId>| id.map_or(0, |id| id.0 + 1);
        self.down.fingerprint(into);
        into.word(self.completed.0);
        into.words(self.blocked.iter().map(|by| id(*by)));
        for task in &self.tasks {
            into.word((task.doing as u64) << 2 | u64::from(task.waits.buffers) << 1 | u64::from(task.waited.buffers));
            into.words([id(task.waited.barriers), id(task.covering), task.heard.0].into_iter());
        }
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Attempt;
    use crate::check::{Checks, Claims};
    use crate::trace::{AbortReason, Observer};
    use crate::{plan, scenario};
    use std::sync::Arc;

    const SOURCE: TaskId = TaskId(0);
    const SINK: TaskId = TaskId(2);
    const FIRST: CheckpointId = CheckpointId(1);
    const SECOND: CheckpointId = CheckpointId(2);

    const JOB: &str = r#"{"cutline": 1, "job": {
        "operators": [{"id": "source", "kind": "source"}, {"id": "count", "kind": "sink", "parallelism": 2}],
        "edges": [{"from": "source", "to": "count"}]}}"#;

    /// What is told of a job that stands still after these events, as many as are given at once in each second.
    fn told_of(claims: Claims, events: &[&[Event]]) -> (String, String) {
        let scenario = scenario::parse(JOB, "job.json").unwrap_or_else(|problem| panic!("{problem}"));
        let plan = plan::build(&scenario);
        let setting = Setting { plan: &plan, network: &scenario.network, tolerable_failures: 0, claims };
        let mut checks = Checks::of(Arc::new(plan.clone()), vec![Box::new(Liveness::new(&setting))]);
        for (n, event) in events.iter().enumerate() {
            event.iter().for_each(|event| checks.event(Time(n as u64 * 1_000_000_000), event));
        }
        let verdict = checks.finish(None);
        let finding = verdict.finding().expect("it did not drain");
        (finding.signature.clone(), finding.text.clone())
    }

    fn told(events: &[&[Event]]) -> String {
        told_of(Claims::ALL, events).1
    }

    fn all(of: impl Fn(TaskId) -> Event) -> [Event; 3] {
        [0, 1, 2].map(|task| of(TaskId(task)))
    }

    fn started() -> [Event; 3] {
        all(|task| Event::TaskStarted { task, attempt: Attempt(0), checkpoint: CheckpointId::INITIAL })
    }

    fn cancelled() -> [Event; 3] {
        all(|task| Event::TaskCancelled { task, attempt: Attempt(0) })
    }

    /// A task fails, and the others are cancelled for it.
    fn down(task: TaskId) -> Vec<Event> {
        let others = cancelled().into_iter().filter(|event| event.task() != Some(task));
        [failed(task)].into_iter().chain(others).collect()
    }

    fn going_back() -> [Event; 3] {
        all(|task| Event::RestorePoint { task, checkpoint: FIRST, live: 0 })
    }

    fn failed(task: TaskId) -> Event {
        Event::TaskFailed { task, attempt: Attempt(0) }
    }

    const RESTARTING: Event = Event::JobRestarting { task: SINK, attempt: Attempt(1) };
    const EXPIRED: Event = Event::CheckpointAborted { checkpoint: FIRST, reason: AbortReason::Expired };

    #[test]
    fn what_failed_is_told_and_not_what_was_cancelled_for_it() {
        let down_again = down(SOURCE);
        let down = down(SINK);
        let ending = "3 of 3 tasks did not finish: count[1] failed, and";
        assert_eq!(told(&[&started(), &down]), format!("{ending} the restart strategy allows no further restart"));
        assert_eq!(told(&[&started(), &down, &[RESTARTING]]), format!("{ending} its restart is still to come"));
        let awaited = Event::MachinesAwaited { restart: 1 };
        assert_eq!(
            told(&[&started(), &down, &[RESTARTING], &[awaited]]),
            format!("{ending} its restart waits for machines in the place of lost ones")
        );
        let lost = Event::CoordinatorLost { term: 0 };
        assert_eq!(
            told(&[&started(), &[lost], &down]),
            format!("{ending} nobody takes over from the coordinator that was lost")
        );
        assert_eq!(
            told(&[&started(), &down, &[RESTARTING], &going_back()]),
            "3 of 3 tasks did not finish: count[1] failed, and source[0] is still being restored"
        );
        assert_eq!(
            told(&[&started(), &down, &[RESTARTING], &going_back(), &started(), &down_again]),
            "3 of 3 tasks did not finish: source[0] failed, and after one restart the restart strategy allows no \
             further restart"
        );
    }

    #[test]
    fn a_snapshot_that_cannot_be_read_is_the_reason() {
        let unread = Event::RestoreFailed { task: SINK, checkpoint: FIRST, gone: 1 };
        let again = [&[RESTARTING], &going_back()[..], &[unread], &down(SINK)].concat();
        let ending = "3 of 3 tasks did not finish: checkpoint 1 of count[1] cannot be read, and";
        let (signature, text) = told_of(Claims::ALL, &[&started(), &down(SOURCE), &again, &again]);
        assert_eq!(signature, "liveness/failed count");
        assert_eq!(text, format!("{ending} after 2 restarts the restart strategy allows no further restart"));
        let loops = again.repeat(AGAIN_AND_AGAIN as usize);
        let (signature, text) = told_of(Claims::ALL, &[&started(), &down(SOURCE), &loops, &[RESTARTING]]);
        assert_eq!(signature, "liveness/restarted again and again");
        assert_eq!(text, format!("the job was restarted 101 times; at last {ending} its restart is still to come"));
        let (_, text) = told_of(Claims::ALL, &[&started(), &down(SOURCE), &loops, &going_back(), &started()]);
        assert_eq!(
            text,
            "the job was restarted 100 times, the last time because checkpoint 1 of count[1] cannot be read; at last \
             3 of 3 tasks did not finish: source[0] waits for input"
        );
    }

    #[test]
    fn of_a_job_that_got_nowhere_it_is_told_what_its_tasks_waited_for() {
        let (channel, blocked) = (ChannelId(1), Event::TaskBlocked { task: SOURCE });
        let holds = Event::ChannelBlocked { channel, checkpoint: FIRST };
        let down = [&[EXPIRED], &cancelled()[..]].concat();
        let (signature, text) = told_of(Claims::ALL, &[&started(), &[blocked, holds], &down]);
        assert_eq!(signature, "liveness/cancelled source");
        assert_eq!(
            text,
            "3 of 3 tasks did not finish: the job failed when checkpoint 1 expired, and the restart strategy allows no \
             further restart; before that, source[0] waited for output buffers, and count[1] waited for the barriers \
             of checkpoint 1, with inputs blocked"
        );
        // The checkpoint that expired a second before is not to blame, and what goes on waits for nothing.
        let resumed = [Event::TaskUnblocked { task: SOURCE }, Event::ChannelResumed { channel }];
        assert_eq!(
            told(&[&started(), &[blocked, holds, EXPIRED], &resumed, &cancelled()]),
            "3 of 3 tasks did not finish: the coordinator failed the job, and the restart strategy allows no further \
             restart"
        );
        assert_eq!(
            told(&[&started(), &[blocked, holds]]),
            "3 of 3 tasks did not finish: source[0] waits for output buffers; count[1] waits for the barriers of \
             checkpoint 1, with inputs blocked"
        );
    }

    #[test]
    fn a_task_without_more_input_waits_for_a_checkpoint_that_has_its_end() {
        let drained = all(|task| Event::TaskDrained { task });
        let snapshot = |checkpoint| all(|task| Event::SnapshotStarted { task, checkpoint, overtaking: 0 });
        let complete = |checkpoint| [Event::CheckpointCompleted { checkpoint }];
        let heard = |checkpoint| all(|task| Event::CompleteReceived { task, checkpoint });
        let ending = "3 of 3 tasks did not finish: source[0] has no more input and";
        let waits = format!("{ending} waits for a checkpoint that covers the end of its data to complete");
        // The first checkpoint is from before the end, and completes behind it.
        let early = [&started()[..], &snapshot(FIRST), &drained, &complete(FIRST), &heard(FIRST)];
        assert_eq!(told(&early), waits);
        let (taken, done, known) = (snapshot(SECOND), complete(SECOND), heard(SECOND));
        let covered = [&early[..], &[&taken]].concat();
        assert_eq!(told(&covered), waits);
        let is_complete = [&covered[..], &[&done]].concat();
        assert_eq!(told(&is_complete), format!("{ending} is not told that checkpoint 2 is complete"));
        let knows = [&is_complete[..], &[&known]].concat();
        assert_eq!(told(&knows), format!("{ending} knows that checkpoint 2 is complete, but does not end"));
        let (signature, text) = told_of(Claims::of(&[]), &early);
        assert_eq!(signature, "liveness/drained source");
        assert_eq!(text, "3 of 3 tasks did not finish: source[0] has no more input but is not told to end");
    }
}
