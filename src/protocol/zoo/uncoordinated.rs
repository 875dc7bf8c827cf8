//! Uncoordinated snapshots with sender logs and a computed recovery line.
//!
//! Every task takes a snapshot of its own every interval, give or take a jitter, and asks nobody. Senders
//! keep what they sent. After a crash the coordinator looks for the newest set of snapshots - or live states,
//! for tasks that did not fail - in which no task has consumed more than its sender has sent: start with the
//! newest of each, lower a receiver wherever it knows too much, repeat until nothing changes. What was sent
//! and not consumed is replayed from the logs. Each step lowered is a useless snapshot: the domino effect.
//!
//! Logs and snapshots below a recovery line of durable snapshots are dropped as the line moves on. When the data
//! has ended every task is asked for a last snapshot; nobody ends before all of them are durable.
//!
//! It claims no cycles: where a task goes back and a neighbour on the cycle stays as it is, who has seen the end of the
//! data would have to be decided anew for the whole cycle, and a recovery line says nothing about that.

use crate::base::{ChannelId, CheckpointId, Concern, Fingerprint, Span, TaskId, below};
use crate::fault::Mutant;
use crate::protocol::{
    Barrier, BarrierKind, ChannelPlan, Claims, CoordinatorCommand, CoordinatorInput, CoordinatorRole, Delivery, Edges,
    Env, Facts, JobSite, Needs, ParameterSpec, Protocol, RecoveryPlan, RestorePoint, TaskCommand as Do, TaskInput,
    TaskRole, TaskSite, Timer, TimerKind,
};

/// `uncoordinated`.
pub struct Uncoordinated;

impl Protocol for Uncoordinated {
    fn name(&self) -> &'static str {
        "uncoordinated"
    }

    fn about(&self) -> &'static str {
        "every task snapshots alone, senders log, recovery computes a consistent line"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: false,
            coordinated_cut: false,
            concurrent: true,
            edges: Edges::Any,
            savepoints: false,
            cycles: false,
            global_restart: false,
            lossy: false,
        }
    }

    fn needs(&self) -> Needs {
        Needs { sender_log: true, channel_state: false }
    }

    fn parameters(&self) -> &'static [ParameterSpec] {
        &[ParameterSpec {
            name: "jitter",
            default: "10ms",
            about: "each wait is the interval plus or minus up to this",
            tries: &["0s", "1ms", "10ms"],
        }]
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        let jitter = site.settings.parameters[0];
        Box::new(LocalTask {
            task: site.task,
            interval: site.settings.interval,
            jitter,
            last: CheckpointId::INITIAL,
            by_timer: false,
        })
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        let ends = site.plan.channels.iter().map(|channel| (channel.from, channel.to)).collect();
        let (tasks, mutant) = (site.plan.tasks.len(), site.settings.mutant);
        Box::new(LineCoordinator { tasks, ends, mutant, state: LineState::default() })
    }
}

#[derive(Clone)]
struct LocalTask {
    task: TaskId,
    interval: Option<Span>,
    jitter: Span,
    last: CheckpointId,
    by_timer: bool,
}

impl LocalTask {
    fn wait(&self, env: &mut dyn Env, out: &mut Vec<Do>) {
        let Some(interval) = self.interval else { return };
        let jitter = self.jitter.0.min(interval.0 - 1);
        let draw = env.draw(Concern::LocalTimer, u64::from(self.task.0), self.last.0);
        let delay = Span(interval.0 - jitter + below(draw, jitter.saturating_mul(2).saturating_add(1)));
        out.push(Do::SetTimer { timer: LOCAL, delay });
    }
}

const LOCAL: Timer = Timer { kind: TimerKind::Local, checkpoint: CheckpointId::INITIAL };

impl TaskRole for LocalTask {
    fn on(&mut self, input: TaskInput, env: &mut dyn Env, out: &mut Vec<Do>) {
        match input {
            // Snapshots after the restored one are of a history that did not happen: their numbers are free again.
            TaskInput::Started { restored } => {
                self.last = restored;
                self.wait(env, out);
            }
            TaskInput::Timer { .. } | TaskInput::Trigger { .. } => {
                self.last = self.last.next();
                self.by_timer = matches!(input, TaskInput::Timer { .. });
                let barrier = Barrier { checkpoint: self.last, kind: BarrierKind::Plain, ..Barrier::default() };
                out.push(Do::Snapshot { barrier, whole: false });
            }
            // The next one waits until this one is durable, or slow storage would never catch up; after the last
            // snapshot, which was asked for, there is none.
            TaskInput::Durable { checkpoint } => {
                out.push(Do::Ack { checkpoint });
                if std::mem::take(&mut self.by_timer) {
                    self.wait(env, out);
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self) {
        (self.last, self.by_timer) = (CheckpointId::INITIAL, false);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words([self.last.0, u64::from(self.by_timer)].into_iter());
    }

    fn boxed_clone(&self) -> Box<dyn TaskRole> {
        Box::new(self.clone())
    }
}

#[derive(Clone)]
struct LineCoordinator {
    tasks: usize,
    /// Sender and receiver of each channel.
    ends: Vec<(TaskId, TaskId)>,
    mutant: Option<Mutant>,
    state: LineState,
}

#[derive(Clone, Default)]
struct LineState {
    /// The recovery line that snapshots were last dropped below.
    line: Vec<CheckpointId>,
    /// The data has ended everywhere, and last snapshots are awaited.
    ending: bool,
}

/// Lowers the points of receivers that know too much until the line is consistent; `None` is live.
///
/// It ends because a point only ever goes down and the initial state of everybody is consistent.
fn recovery_line(
    ends: &[(TaskId, TaskId)],
    facts: &dyn Facts,
    line: &mut [Option<CheckpointId>],
    mutant: Option<Mutant>,
) {
    loop {
        let mut lowered = false;
        for (index, (from, to)) in ends.iter().enumerate() {
            let channel = ChannelId::from(index);
            let sent = facts.sent(channel, line[from.index()]);
            while facts.received(channel, line[to.index()]) > sent {
                line[to.index()] = Some(facts.newest(*to, line[to.index()]));
                lowered = true;
            }
        }
        if !lowered || mutant == Some(Mutant::RecoveryLineInOnePass) {
            return;
        }
    }
}

impl LineCoordinator {
    /// Tasks that have something which their newest durable snapshot has not: records, or what else went through their
    /// channels.
    fn uncovered(&self, facts: &dyn Facts) -> Vec<TaskId> {
        let newest = |task| Some(facts.newest(task, None));
        let has_all = |task| facts.applied(task, newest(task)) == facts.applied(task, None);
        let mut covered: Vec<bool> = (0..self.tasks).map(|task| has_all(TaskId::from(task))).collect();
        for (index, (from, to)) in self.ends.iter().enumerate() {
            let channel = ChannelId::from(index);
            covered[from.index()] &= facts.sent(channel, newest(*from)) == facts.sent(channel, None);
            covered[to.index()] &= facts.received(channel, newest(*to)) == facts.received(channel, None);
        }
        (0..self.tasks).filter(|task| !covered[*task]).map(TaskId::from).collect()
    }

    fn recover(&self, failed: &[TaskId], facts: &dyn Facts) -> RecoveryPlan {
        let mut line: Vec<Option<CheckpointId>> = vec![None; self.tasks];
        for task in failed {
            line[task.index()] = Some(facts.newest(*task, None));
        }
        recovery_line(&self.ends, facts, &mut line, self.mutant);
        let channels = self.ends.iter().map(|(from, to)| match (line[from.index()], line[to.index()]) {
            (None, None) => ChannelPlan::Keep,
            _ => ChannelPlan::Replay,
        });
        RecoveryPlan {
            channels: channels.collect(),
            tasks: line.iter().map(|point| point.map_or(RestorePoint::Live, RestorePoint::Snapshot)).collect(),
        }
    }

    /// Drops what no recovery can need: everything below the line of durable snapshots alone.
    fn collect_garbage(&mut self, facts: &dyn Facts, out: &mut Vec<CoordinatorCommand>) {
        let mut line: Vec<_> = (0..self.tasks).map(|task| Some(facts.newest(TaskId::from(task), None))).collect();
        recovery_line(&self.ends, facts, &mut line, self.mutant);
        self.state.line.resize(self.tasks, CheckpointId::INITIAL);
        for (task, (old, new)) in self.state.line.iter_mut().zip(&line).enumerate() {
            let new = new.expect("no task of this line is live");
            if new > *old {
                *old = new;
                out.push(CoordinatorCommand::Drop { task: TaskId::from(task), keep_from: new });
            }
        }
    }
}

impl CoordinatorRole for LineCoordinator {
    fn on(
        &mut self,
        input: CoordinatorInput<'_>,
        facts: &dyn Facts,
        _env: &mut dyn Env,
        out: &mut Vec<CoordinatorCommand>,
    ) {
        match input {
            CoordinatorInput::Ack { .. } => {
                self.collect_garbage(facts, out);
                if self.state.ending && self.uncovered(facts).is_empty() {
                    self.state.ending = false;
                    out.push(CoordinatorCommand::Finish);
                }
            }
            CoordinatorInput::Restarting { failed } => {
                self.state.ending = false;
                out.push(CoordinatorCommand::Recover(Box::new(self.recover(failed, facts))));
            }
            CoordinatorInput::Drained => {
                let open = self.uncovered(facts);
                self.state.ending = !open.is_empty();
                let trigger = |task| CoordinatorCommand::Trigger { task, barrier: Barrier::default() };
                match open.is_empty() {
                    true => out.push(CoordinatorCommand::Finish),
                    false => out.extend(open.into_iter().map(trigger)),
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.state = LineState::default();
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.state.line.iter().map(|id| id.0));
        into.word(u64::from(self.state.ending));
    }

    fn boxed_clone(&self) -> Box<dyn CoordinatorRole> {
        Box::new(self.clone())
    }
}
