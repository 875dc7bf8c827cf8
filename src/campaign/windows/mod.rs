//! In which windows of its life a job is when a fault strikes: a fold over events.
//!
//! A job is in several windows at a time: while a checkpoint's barriers are under way, a snapshot of it may await its
//! acknowledgement, and somebody may not have heard that the one before is complete. The fold keeps what is open, and
//! makes a set of it only when a fault strikes, which is seldom; so it costs little.
//!
//! A fault that happens at once counts when it strikes, if it finds something to strike: an exception in a task that
//! is dead already counts nowhere. One that sets a trap counts when that hits ([`Primitive::is_trap`]). Windows are
//! those before it does anything. What came of it all is in [`Strikes`].

mod never;
mod strikes;

pub use strikes::{Cell, Strikes};

use crate::base::{ChannelId, CheckpointId, TaskId, Time};
use crate::fault::Primitive;
use crate::scenario::SinkMode;
use crate::trace::{Event, EventKind, Observer};
use crate::world::Job;
use std::sync::Arc;

macro_rules! windows {
    ($( $(#[doc = $about:literal])* $window:ident $name:literal )*) => {
        /// A window of a job's life.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Window {
            $( $(#[doc = $about])* $window, )*
        }

        impl Window {
            /// All of them, in the order of tables.
            pub const ALL: &'static [Self] = &[$(Self::$window),*];

            /// Its name in tables.
            pub fn name(self) -> &'static str {
                match self { $(Self::$window => $name),* }
            }

            /// When it is open, in words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$window => concat!($($about),*).trim_ascii()),* }
            }
        }
    };
}

windows! {
    /// Before the first checkpoint.
    First "first"
    /// Between checkpoints: none is under way, and no snapshot.
    Idle "idle"
    /// A checkpoint is triggered, and no task has heard of it.
    Preparing "preparing"
    /// Some task has heard of a checkpoint, and some other has not begun its snapshot.
    Barriers "barriers"
    /// A snapshot is taken, and the coordinator does not have its acknowledgement.
    Unacknowledged "unacked"
    /// The coordinator has the last acknowledgement of a checkpoint that is not recorded.
    Unrecorded "unrecorded"
    /// A checkpoint is recorded, and some task does not know that it is complete.
    Unnotified "unnotified"
    /// A two-phase sink has pre-committed output and not committed it.
    Uncommitted "uncommitted"
    /// The job has failed and is not restarted.
    Down "down"
    /// A restart has begun, and some task has not started.
    Restoring "restoring"
    /// Some task reads what a restart put back into its inputs.
    Channels "channels"
    /// Some source reads again what it had read before a failure.
    Replaying "replaying"
    /// During the recovery from an earlier failure: any of the last four.
    Recovering "recovering"
    /// Some task has seen the end of its data.
    Ending "ending"
    /// The coordinator is lost, and nobody has taken over.
    CoordinatorLost "no-coord"
    /// A task manager is lost, and nobody has noticed.
    ManagerSilent "silent-tm"
}

/// Watches runs of a job and counts what its faults met with.
pub struct Windows {
    job: Arc<Job>,
    two_phase: Vec<bool>,
    view: View,
    /// A fault that struck, and the windows then: it counts if the next event shows that it struck something.
    struck: Option<(u32, u32)>,
    strikes: Strikes,
}

/// What is open.
#[derive(Default)]
struct View {
    tasks: Vec<TaskView>,
    channels: Vec<ChannelView>,
    pending: Vec<Pending>,
    free: Vec<Pending>,
    unacknowledged: Vec<(TaskId, CheckpointId)>,
    /// The newest complete checkpoint.
    complete: CheckpointId,
    has_begun: bool,
    down: bool,
    coordinator_lost: bool,
    silent: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct TaskView {
    finished: bool,
    drained: bool,
    dead: bool,
    starting: bool,
    replaying: bool,
    /// The newest complete checkpoint it knows.
    heard: CheckpointId,
    /// The newest snapshot it took.
    taken: CheckpointId,
}

#[derive(Clone, Copy, Default)]
struct ChannelView {
    /// How many the receiver had read at the restart.
    from: u64,
    /// What was put back is read when the receiver has read so many; 0: nothing was.
    upto: u64,
}

/// A checkpoint that is under way.
#[derive(Default)]
struct Pending {
    id: CheckpointId,
    told: bool,
    recorded: bool,
    /// By task.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Default)]
struct Part {
    needed: bool,
    begun: bool,
    acknowledged: bool,
}

impl Windows {
    /// Begins to watch runs of a job.
    pub fn new(job: Arc<Job>) -> Self {
        let operators = &job.scenario.job.operators;
        let is_two_phase = |task: TaskId| {
            let mut chain = job.plan.tasks[task.index()].chain.iter().map(|operator| &operators[operator.index()]);
            chain.any(|operator| operator.kind == "sink" && operator.sink == SinkMode::TwoPhase)
        };
        let two_phase = job.plan.task_ids().map(is_two_phase).collect();
        let mut windows =
            Self { two_phase, view: View::default(), struck: None, strikes: Strikes::default(), job: Arc::clone(&job) };
        windows.reset();
        windows
    }

    /// What was counted, over all runs so far.
    pub fn strikes(&self) -> &Strikes {
        &self.strikes
    }

    /// Hands over what was counted, and begins with nothing.
    pub fn take_strikes(&mut self) -> Strikes {
        std::mem::take(&mut self.strikes)
    }

    /// For the next run; what was counted stays.
    pub fn reset(&mut self) {
        self.view = View {
            tasks: vec![TaskView::default(); self.job.plan.tasks.len()],
            channels: vec![ChannelView::default(); self.job.plan.channels.len()],
            ..View::default()
        };
        self.struck = None;
    }

    /// The windows that are open now, one bit each.
    fn set(&self) -> u32 {
        Window::ALL.iter().filter(|window| self.is_open(**window)).fold(0, |set, window| set | 1 << *window as u32)
    }

    fn is_open(&self, window: Window) -> bool {
        let view = &self.view;
        let mut pending = view.pending.iter();
        let mut tasks = view.tasks.iter();
        match window {
            Window::First => !view.has_begun,
            Window::Idle => view.has_begun && view.pending.is_empty() && view.unacknowledged.is_empty() && !view.down,
            Window::Preparing => pending.any(|pending| !pending.told),
            Window::Barriers => pending.any(|pending| pending.told && !view.have(pending, |part| part.begun)),
            Window::Unacknowledged => !view.unacknowledged.is_empty(),
            Window::Unrecorded => pending.any(|p| !p.recorded && view.have(p, |part| part.acknowledged)),
            Window::Unnotified => {
                tasks.any(|task| !task.finished && !task.starting && task.heard < view.complete)
                    || pending.any(|p| p.recorded)
            }
            Window::Uncommitted => tasks.zip(&self.two_phase).any(|(task, is)| *is && task.taken > task.heard),
            Window::Down => view.down,
            Window::Restoring => tasks.any(|task| task.starting),
            Window::Channels => view.channels.iter().zip(&self.job.plan.channels).any(|(channel, planned)| {
                let task = &view.tasks[planned.to.index()];
                channel.upto > 0 && !task.starting && !task.dead
            }),
            Window::Replaying => tasks.any(|task| task.replaying),
            Window::Recovering => [Window::Down, Window::Restoring, Window::Channels, Window::Replaying]
                .map(|w| self.is_open(w))
                .contains(&true),
            Window::Ending => tasks.any(|task| task.drained),
            Window::CoordinatorLost => view.coordinator_lost,
            Window::ManagerSilent => !view.silent.is_empty(),
        }
    }

    /// A fault strikes, or its trap hits.
    fn count(&mut self, event: &Event) {
        let effect = |fault: u32| self.job.faults.faults[fault as usize].effects.first();
        match *event {
            Event::FaultStruck { fault } => match effect(fault) {
                None => {}
                Some(effect) if effect.is_trap() => {}
                Some(Primitive::Throw(_) | Primitive::Crash(_) | Primitive::CrashCoordinator) => {
                    self.struck = Some((fault, self.set()));
                }
                Some(effect) => self.strikes.add(effect.kind(), self.set()),
            },
            Event::FaultHit { fault } => {
                if let Some(kind) = effect(fault).map(|effect| effect.kind()) {
                    self.strikes.add(kind, self.set());
                }
            }
            _ => {}
        }
    }
}

impl Observer for Windows {
    #[inline]
    fn event(&mut self, _at: Time, event: &Event) {
        if let Some((fault, set)) = self.struck.take() {
            let did =
                matches!(event.kind(), EventKind::TaskFailed | EventKind::ManagerLost | EventKind::CoordinatorLost);
            if did {
                self.strikes.add(self.job.faults.faults[fault as usize].kind(), set);
            }
        }
        match event.kind() {
            EventKind::FaultStruck | EventKind::FaultHit => self.count(event),
            // The most frequent one. Nearly always there is nothing to do.
            EventKind::BufferConsumed => self.view.consumed(event),
            _ => self.view.event(event),
        }
    }
}

impl View {
    /// Whether all that have a part in a checkpoint have come so far with it.
    fn have(&self, pending: &Pending, far: impl Fn(&Part) -> bool) -> bool {
        pending.parts.iter().zip(&self.tasks).all(|(part, task)| !part.needed || task.finished || far(part))
    }

    fn consumed(&mut self, event: &Event) {
        if let Event::BufferConsumed { channel, upto, .. } = *event
            && upto >= self.channels[channel.index()].upto
        {
            self.channels[channel.index()].upto = 0;
        }
    }

    fn event(&mut self, event: &Event) {
        match *event {
            Event::CheckpointTriggered { checkpoint, .. } => self.begin(checkpoint),
            Event::TriggerReceived { checkpoint, .. } => self.with(checkpoint, |pending| pending.told = true),
            Event::SnapshotStarted { task, checkpoint, .. } => {
                self.has_begun = true;
                self.with(checkpoint, |pending| (pending.told, pending.parts[task.index()].begun) = (true, true));
            }
            Event::SnapshotTaken { task, checkpoint } => {
                self.tasks[task.index()].taken = checkpoint;
                self.unacknowledged.push((task, checkpoint));
            }
            Event::AckReceived { task, checkpoint, .. } => {
                self.unacknowledged.retain(|part| *part != (task, checkpoint));
                self.with(checkpoint, |pending| pending.parts[task.index()].acknowledged = true);
            }
            Event::CheckpointDeclined { task, checkpoint, .. } => {
                self.unacknowledged.retain(|part| *part != (task, checkpoint));
            }
            Event::RecordStored { checkpoint } => self.with(checkpoint, |pending| pending.recorded = true),
            Event::CheckpointCompleted { checkpoint } => {
                self.complete = self.complete.max(checkpoint);
                self.end(checkpoint);
            }
            Event::CheckpointAborted { checkpoint, .. } => self.end(checkpoint),
            Event::CompleteReceived { task, checkpoint } => {
                let heard = &mut self.tasks[task.index()].heard;
                *heard = checkpoint.max(*heard);
            }
            _ => self.failure_event(event),
        }
    }

    fn failure_event(&mut self, event: &Event) {
        match *event {
            Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => self.dies(task),
            Event::TaskDrained { task } | Event::ReadingStopped { task, .. } => self.tasks[task.index()].drained = true,
            Event::TaskFinished { task } => self.tasks[task.index()].finished = true,
            Event::JobRestarting { .. } => {
                self.down = true;
                self.tasks.iter_mut().for_each(|task| task.starting &= !task.dead);
            }
            Event::RestorePoint { task, live: 0, .. } => {
                self.down = false;
                let view = &mut self.tasks[task.index()];
                *view = TaskView { starting: true, heard: view.heard, ..TaskView::default() };
            }
            Event::RestorePoint { .. } => self.down = false,
            Event::TaskStarted { task, checkpoint, .. } => {
                let view = &mut self.tasks[task.index()];
                (view.starting, view.dead, view.taken, view.heard) =
                    (false, false, checkpoint, checkpoint.max(view.heard));
            }
            Event::SourceRewound { task, position, from } => self.tasks[task.index()].replaying = position < from,
            Event::SourceReplayed { task, .. } | Event::SourceLeftBehind { task, .. } => {
                self.tasks[task.index()].replaying = false;
            }
            Event::ChannelRestored { channel, received, .. } => {
                self.channels[channel.index()] = ChannelView { from: received, upto: 0 };
            }
            Event::ChannelReplayed { channel, records } => self.put_back(channel, records),
            Event::ManagerLost { manager } => self.silent.push(manager),
            Event::ManagerGivenUp { manager } | Event::ManagerReplaced { manager } => {
                self.silent.retain(|silent| *silent != manager);
            }
            Event::CoordinatorLost { .. } => self.coordinator_lost = true,
            Event::CoordinatorTookOver { .. } => {
                self.coordinator_lost = false;
                self.free.append(&mut self.pending);
                self.unacknowledged.clear();
            }
            _ => {}
        }
    }

    fn begin(&mut self, id: CheckpointId) {
        self.has_begun = true;
        let mut pending = self.free.pop().unwrap_or_default();
        (pending.id, pending.told, pending.recorded) = (id, false, false);
        pending.parts.clear();
        pending.parts.extend(self.tasks.iter().map(|task| Part { needed: !task.finished, ..Part::default() }));
        self.pending.push(pending);
    }

    fn with(&mut self, id: CheckpointId, change: impl FnOnce(&mut Pending)) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id) {
            change(pending);
        }
    }

    /// A checkpoint is not under way any more, whatever came of it.
    fn end(&mut self, id: CheckpointId) {
        if let Some(at) = self.pending.iter().position(|pending| pending.id == id) {
            self.free.push(self.pending.swap_remove(at));
        }
        self.unacknowledged.retain(|(_, checkpoint)| *checkpoint != id);
    }

    fn dies(&mut self, task: TaskId) {
        let view = &mut self.tasks[task.index()];
        (view.dead, view.replaying, view.finished) = (true, false, false);
        self.unacknowledged.retain(|(other, _)| *other != task);
    }

    fn put_back(&mut self, channel: ChannelId, records: u64) {
        let view = &mut self.channels[channel.index()];
        view.upto = view.upto.max(view.from) + records;
    }
}
