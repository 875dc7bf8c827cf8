//! The simulated cluster: all state, and the steps that change it.
//!
//! A [`World`] knows which [`Step`]s are possible and what each does. Drivers decide which comes next: the
//! timed driver by the clock, others by search or by a recording. The world tells its [`Host`] what became
//! possible ([`Notice`]) and what happened ([`crate::trace::Event`]); it has no clock, no randomness of its
//! own, no input or output and nothing hash-ordered.
//!
//! | file | holds |
//! |---|---|
//! | `job` | a compiled scenario: what all runs share |
//! | `net` | channels, buffers and their sizes, credits: the data plane |
//! | `task` | one thread: mailbox, input buffer, what it does next |
//! | `records` | the loop over records |
//! | `roles` | carrying out what task roles command |
//! | `snapshot` | captured states and captured channels |
//! | `backend` | how state is kept, stored and read again |
//! | `channel_state` | what barriers overtake, on both sides of a channel |
//! | `coordinator` | messages to and from the coordinator role, and its commands |
//! | `feed` | what a driver that knows a recording puts into channels itself |
//! | `failover` | failures, restarts, executing a recovery plan |
//! | `machines` | machines that stop, are given up, are replaced; the takeover from a lost coordinator |
//! | `damage` | what is broken at the moment, and what becomes of messages, writes and steps because of it |
//! | `saved` | what a job leaves behind for another to go on from |
//! | `resume` | taking that up: state goes to whoever owns it now |
//! | `restart` | whether a failed job is started again, and when |
//! | `catching_up` | what a restart leaves a source to read again |
//! | `external` | the systems that sinks write to: producers, transactions, epochs |
//! | `commit` | sinks and their transactions: prepare, commit, take over |
//! | `committer` | from a sink to its committer |
//! | `zombies` | sinks that were given up and live on |
//! | `splits` | partitions of sources that are handed out: enumerators and readers |
//! | `watermarks` | event time: how far tasks know that they have read, and how they tell |
//! | `windows` | operators that keep records until a time has come |
//! | `timers` | their timers, as state |
//! | `ending` | draining, finishing, the last events of a run |
//!
//! **The law of records.** [`Step::Run`] with n records is n times the step with one. So a driver may move a
//! task by as many records as it likes between two effects.
//!
//! **Architecture invariant:** policy is not here. When to snapshot, what to block, what to restore is decided
//! by the protocol's roles; the world only carries it out.

mod backend;
mod catching_up;
mod channel_state;
mod commit;
mod committer;
mod coordinator;
mod damage;
mod ending;
mod external;
mod failover;
mod feed;
mod job;
mod machines;
mod net;
mod records;
mod restart;
mod resume;
mod roles;
mod saved;
mod snapshot;
mod splits;
mod task;
mod timers;
mod watermarks;
mod windows;
mod zombies;

pub use backend::{BACKENDS, Keeps, Sizes, StateBackend};
pub use feed::Feed;
pub use job::Job;
pub use records::{Lane, Route};
pub use saved::Saved;
pub use task::ThreadState;

use crate::base::{Attempt, Bytes, ChannelId, CheckpointId, Concern, Draws, OperatorId, Port, Span, TaskId};
use crate::protocol::{Env, TaskCommand, Timer};
use crate::trace::Event;
use crate::workload::Record;

/// Something the world can do next.
///
/// Steps that a restart can overtake name the attempt they belong to; of an older attempt they do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A task processes so many records.
    Run {
        /// Which task.
        task: TaskId,
        /// How many: at most what is left of its input buffer.
        records: u32,
    },
    /// A task handles the first message of its mailbox.
    Mail(TaskId),
    /// A task takes its next input: a buffer to read or a control element to handle.
    Poll(TaskId),
    /// A task's partly filled output buffers are to be sent.
    Flush(TaskId),
    /// What flies first on a channel arrives.
    Deliver {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
    },
    /// Credits arrive at a channel's sender.
    Credit {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
        /// How many.
        amount: u32,
    },
    /// The receiver's release arrives at a blocked sender.
    Resume {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
    },
    /// It is time for a task to calculate the sizes of its input buffers anew.
    Debloat {
        /// Who.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// A new size of buffers arrives at a channel's sender.
    Resize {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
        /// From now on.
        bytes: u32,
    },
    /// The coordinator's oldest message to a task arrives.
    Rpc(TaskId),
    /// The coordinator's oldest message to a task that others may overtake arrives.
    Aside(TaskId),
    /// A task's oldest message to the coordinator arrives.
    Report(TaskId),
    /// The synchronous part of a snapshot ends.
    Synced {
        /// Whose.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// A snapshot's upload ends.
    Uploaded {
        /// Whose.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// What comes before tasks are told of a checkpoint is done.
    Prepared(CheckpointId),
    /// The metadata of a checkpoint is written.
    Recorded(CheckpointId),
    /// The files of a checkpoint are deleted.
    Cleaned(CheckpointId),
    /// A task's timer runs out.
    TaskTimer {
        /// Whose.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
        /// Which.
        timer: Timer,
    },
    /// A timer of the coordinator runs out.
    CoordinatorTimer(Timer),
    /// A fault of the plan strikes.
    Strike(u32),
    /// The failed job is started again.
    Restart,
    /// A task has its state and begins.
    Ready {
        /// Who.
        task: TaskId,
        /// Which attempt.
        attempt: Attempt,
    },
    /// Sources stop where they are.
    Stop,
    /// A fault that lasts is over.
    Heal {
        /// Which.
        fault: u32,
        /// Which of its effects.
        part: u32,
    },
    /// What was first held up by a slow link arrives.
    Thaw {
        /// Which fault.
        fault: u32,
        /// Which of its effects.
        part: u32,
    },
    /// A message that was held up or doubled arrives.
    Late(u32),
    /// A task manager has not been heard of for too long.
    Suspect {
        /// Which.
        manager: u32,
        /// Since when, by number.
        silence: u32,
    },
    /// Another task manager is there in the place of a lost one.
    Replaced(u32),
    /// Somebody takes over from a lost coordinator.
    TakeOver,
    /// The files of a snapshot can be read at last.
    Appear {
        /// Whose.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// A source has read all that had arrived, for the first time since a restart.
    CaughtUp(TaskId),
    /// A transaction reaches its timeout.
    Expire {
        /// Whose.
        task: TaskId,
        /// Its number.
        transaction: u64,
    },
    /// A call to an external system arrives.
    Call(u32),
    /// The answer to a call arrives.
    Reply(u32),
    /// A task that was given up, and lives on, does something.
    Haunt(u32),
    /// Whoever sent a message about splits to or from a reader gives it up as lost.
    Undelivered {
        /// The reader.
        task: TaskId,
        /// Which attempt of it.
        attempt: Attempt,
    },
    /// It is time for a source to say how far it is in event time.
    Watermark {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// It is time for a task to write all of its state in the background.
    Materialize {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// All of a task's state is written.
    Materialized {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// It is time for a timer that an operator has set by the clock of its machine.
    Alarm {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
}

/// What the world tells its driver: what became possible, and what it would cost if time counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Look at this task's thread again: it may have something to do, or something else than before.
    Wake(TaskId),
    /// Something flies on a channel: [`Step::Deliver`].
    Fly {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
        /// How many things flew on it before.
        nth: u64,
        /// Bytes on the wire.
        bytes: u32,
    },
    /// Credits fly back: [`Step::Credit`].
    Credit {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
        /// How many.
        amount: u32,
    },
    /// A release flies back: [`Step::Resume`].
    Resume {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
    },
    /// A task has calculated the sizes of its input buffers, or begun; next time: [`Step::Debloat`].
    Debloat {
        /// Who.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
    },
    /// A new size of buffers flies back: [`Step::Resize`].
    Resize {
        /// Where.
        channel: ChannelId,
        /// Which life of the channel.
        epoch: u32,
        /// From then on.
        bytes: u32,
    },
    /// A message to a task is on its way: [`Step::Rpc`].
    Rpc(TaskId),
    /// A message to a task that others may overtake is on its way: [`Step::Aside`].
    Aside(TaskId),
    /// A message to the coordinator is on its way: [`Step::Report`].
    Report(TaskId),
    /// A synchronous part began: [`Step::Synced`].
    Sync {
        /// Whose.
        task: TaskId,
        /// Which attempt.
        attempt: Attempt,
        /// The asynchronous part belongs to it too.
        whole: bool,
        /// The cost of the snapshot.
        cost: SnapshotWork,
    },
    /// An asynchronous part began: [`Step::Uploaded`].
    Upload {
        /// Whose.
        task: TaskId,
        /// Which attempt.
        attempt: Attempt,
        /// Of what.
        checkpoint: CheckpointId,
        /// The cost of the snapshot.
        cost: SnapshotWork,
    },
    /// Preparations of a checkpoint began: [`Step::Prepared`].
    Prepare(CheckpointId),
    /// The asynchronous part of a task's snapshot is given up.
    CancelUpload {
        /// Whose.
        task: TaskId,
        /// Of what.
        checkpoint: CheckpointId,
    },
    /// The metadata is being written: [`Step::Recorded`].
    Record(CheckpointId),
    /// The files of a checkpoint are being deleted: [`Step::Cleaned`].
    Clean(CheckpointId),
    /// A timer was set: [`Step::TaskTimer`], or [`Step::CoordinatorTimer`] without a task.
    SetTimer {
        /// Whose; `None`: the coordinator's.
        task: Option<(TaskId, Attempt)>,
        /// Which.
        timer: Timer,
        /// From now.
        delay: Span,
    },
    /// A timer was cancelled.
    CancelTimer {
        /// Whose; `None`: the coordinator's.
        task: Option<TaskId>,
        /// Which.
        timer: Timer,
    },
    /// The job has failed and waits to be started again: [`Step::Restart`].
    Failed {
        /// From now.
        after: Span,
    },
    /// A task loads its state: [`Step::Ready`].
    Restore {
        /// Who.
        task: TaskId,
        /// Which attempt.
        attempt: Attempt,
        /// How much.
        bytes: Bytes,
        /// What it does with it then.
        replay: Span,
    },
    /// Every task has ended, or the job has failed for good.
    Ended,
    /// This step follows after so long.
    Later {
        /// Which.
        step: Step,
        /// From now.
        after: Span,
    },
    /// A task needs so many times as long for a record from now on.
    Pace {
        /// Who.
        task: TaskId,
        /// 1: as long as it should.
        factor: u32,
    },
    /// A task manager's clock differs by so many nanoseconds from now on.
    Clock {
        /// Whose.
        manager: u32,
        /// Ahead if positive.
        by: i64,
    },
    /// The coordinator's timers are void, except those that stand for what the scenario asks for.
    ForgetTimers,
    /// A source has said how far it is in event time, or begins; next time: [`Step::Watermark`].
    Watermark {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
        /// From now.
        after: Span,
    },
    /// A task begins to write all of its state in the background, or does not yet; next time: [`Step::Materialize`].
    Materialize {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
        /// From now.
        after: Span,
    },
    /// A task writes something in the background: [`Step::Materialized`].
    Background {
        /// Which task.
        task: TaskId,
        /// Of which attempt.
        attempt: Attempt,
        /// How much.
        bytes: Bytes,
    },
}

/// What a snapshot costs, for a driver that has a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotWork {
    /// The synchronous part.
    pub sync: Span,
    /// The part of the asynchronous one that does not depend on storage.
    pub fixed: Span,
    /// Bytes to be moved to storage; `None`: the storage is not used.
    pub upload: Option<Bytes>,
}

/// The driver, as the world sees it.
pub trait Host: Env {
    /// Whether it wants to be told every record ([`Host::applied`]); costs nothing when it does not.
    const RECORDS: bool = false;

    /// Something happened.
    fn emit(&mut self, event: Event);
    /// Something became possible.
    fn notice(&mut self, notice: Notice);
    /// Which of a task's ports is read next, if this driver wants to say so.
    fn prefers(&mut self, _task: TaskId) -> Option<Port> {
        None
    }
    /// How long something was to be read at one of a task's input gates, or could not be read, since this was last
    /// asked; a driver without a clock has seen no time pass.
    fn active(&mut self, _task: TaskId, _gate: u32) -> Span {
        Span::ZERO
    }
    /// From now on a role asks on this task's machine; `None`: on the coordinator's.
    fn asks(&mut self, _task: Option<TaskId>) {}
    /// The most records that had arrived at a source and were not read, as long as it was behind after a restart, and
    /// now, when it is at `position` of what ends at `end`. A driver without a clock has seen none arrive.
    fn lag(&mut self, _task: TaskId, _position: u64, _end: u64) -> u64 {
        0
    }
    /// A role decided something; it is told before the command is carried out.
    fn decided(&mut self, _task: TaskId, _command: &TaskCommand) {}
    /// A record was applied to an operator's state.
    fn applied(&mut self, _task: TaskId, _operator: OperatorId, _record: &Record) {}
    /// An attempt that had been given up wrote a record: to a transaction of its own, or at once if that is 0.
    fn strayed(&mut self, _task: TaskId, _operator: OperatorId, _record: &Record, _transaction: u64) {}
}

/// Everything that is simulated.
#[derive(Clone)]
pub struct World {
    pub(crate) net: net::Net,
    pub(crate) tasks: Vec<task::Task>,
    store: snapshot::Store,
    backend: backend::Memory,
    coordinator: coordinator::Coordinator,
    failover: failover::Failover,
    splits: splits::Splits,
    watermarks: watermarks::Watermarks,
    damage: damage::Damage,
    external: external::External,
    zombies: Vec<zombies::Zombie>,
    keeping: saved::Keeping,
    finished: u32,
    ended: bool,
    /// Sources have stopped, and nothing goes wrong any more.
    healed: bool,
    scratch: roles::Scratch,
}

impl World {
    /// A cluster in which the job is about to start.
    pub fn new(job: &Job) -> Self {
        let site = crate::protocol::JobSite { plan: &job.plan, settings: &job.settings };
        Self {
            net: net::Net::new(job),
            tasks: job.plan.task_ids().map(|task| task::Task::new(job, task)).collect(),
            store: snapshot::Store::new(job.plan.tasks.len()),
            backend: backend::Memory::new(job.plan.tasks.len()),
            coordinator: coordinator::Coordinator::new(job.protocol.coordinator(&site), job.plan.tasks.len()),
            failover: failover::Failover::default(),
            splits: splits::Splits::new(job),
            watermarks: watermarks::Watermarks::new(job),
            damage: damage::Damage::default(),
            external: external::External::new(job.plan.tasks.len(), job.plan.operators.len()),
            zombies: Vec::new(),
            keeping: saved::Keeping::default(),
            finished: 0,
            ended: false,
            healed: false,
            scratch: roles::Scratch::default(),
        }
    }

    /// Back to the beginning, for another seed; keeps all memory.
    pub fn reset(&mut self, job: &Job) {
        self.net.reset(job);
        self.tasks.iter_mut().for_each(task::Task::reset);
        self.store.reset();
        self.backend.reset();
        self.coordinator.reset();
        self.failover = failover::Failover::default();
        self.splits.reset();
        self.watermarks.reset();
        self.damage.reset();
        self.external.reset();
        self.zombies.clear();
        self.keeping.reset();
        (self.finished, self.ended, self.healed) = (0, false, false);
        self.failover.reset();
        (self.finished, self.ended) = (0, false);
    }

    /// Starts the job: every task begins from the initial state.
    pub fn start<H: Host>(&mut self, job: &Job, seed: u64, host: &mut H) {
        for task in job.plan.task_ids() {
            self.tasks[task.index()].open_source(job, task, seed);
        }
        self.discover_splits(host);
        self.start_all(job, host);
    }

    /// Takes a step. Steps of an older attempt and steps that are not possible now do nothing.
    pub fn apply<H: Host>(&mut self, job: &Job, step: Step, host: &mut H) {
        if self.has_bad_links() && self.is_held_back(job, step, host) {
            return;
        }
        self.carry_out(job, step, host);
        self.settle(job, host);
    }

    fn carry_out<H: Host>(&mut self, job: &Job, step: Step, host: &mut H) {
        match step {
            Step::Run { task, records } => self.run(job, task, records, host),
            Step::Mail(task) => self.mail(job, task, host),
            Step::Poll(task) => self.poll(job, task, host),
            Step::Flush(task) if self.is_void(task) => {}
            Step::Flush(task) => self.net.flush(job, task, host),
            Step::Deliver { channel, epoch } => self.deliver(job, channel, epoch, host),
            Step::Credit { channel, epoch, amount } => self.net.credit(job, channel, epoch, amount, host),
            Step::Resume { channel, epoch } => self.net.resume(job, channel, epoch, host),
            Step::Debloat { task, attempt } => self.debloating_is_due(task, attempt, host),
            Step::Resize { channel, epoch, bytes } => self.net.resize(channel, epoch, bytes, host),
            Step::Rpc(task) => self.rpc_arrives(task, host),
            Step::Report(task) => self.report_arrives(job, task, host),
            Step::Synced { task, attempt } => self.synced(job, task, attempt, host),
            Step::Uploaded { task, attempt, checkpoint } => self.uploaded(job, task, attempt, checkpoint, host),
            Step::Aside(task) => self.aside_arrives(task, host),
            Step::Prepared(checkpoint) => self.preparations_end(job, checkpoint, host),
            Step::Cleaned(checkpoint) => self.cleaned(job, checkpoint, host),
            Step::Recorded(checkpoint) => self.recorded(job, checkpoint, host),
            Step::TaskTimer { task, attempt, timer } => self.task_timer(task, attempt, timer, host),
            Step::CoordinatorTimer(timer) => self.coordinator_timer(job, timer, host),
            Step::Strike(fault) => self.strike(job, fault, host),
            Step::Restart => self.restart_is_due(job, host),
            Step::Ready { task, attempt } => self.ready(job, task, attempt, host),
            Step::Stop => self.stop(job, host),
            Step::Heal { fault, part } => self.heal(job, fault, part, host),
            Step::Thaw { fault, part } => self.thaw_link(job, fault, part, host),
            Step::Late(id) => self.late_arrives(job, id, host),
            Step::Suspect { manager, silence } => self.suspect(job, manager, silence, host),
            Step::Replaced(manager) => self.replaced(job, manager, host),
            Step::TakeOver => self.take_over(job, host),
            Step::Appear { task, checkpoint } => self.store.appear(task, checkpoint),
            Step::CaughtUp(task) => self.caught_up(task, host),
            Step::Expire { task, transaction } => self.expire(job, task, transaction, host),
            Step::Call(number) => self.call_arrives(job, number, host),
            Step::Reply(number) => self.reply_arrives(job, number, host),
            Step::Haunt(zombie) => self.haunt(job, zombie, host),
            Step::Undelivered { task, attempt } => self.split_message_lost(job, task, attempt, host),
            Step::Watermark { task, attempt } => self.watermark_is_due(task, attempt, host),
            Step::Materialize { task, attempt } => self.materialising_is_due(task, attempt, host),
            Step::Materialized { task, attempt } => self.materialised(task, attempt, host),
            Step::Alarm { task, attempt } => self.alarm(task, attempt, host),
        }
    }

    /// What follows from a step without being a step: tasks that got buffers back may go on, and a cycle in
    /// which nothing moves any more has come to its end.
    #[inline]
    fn settle<H: Host>(&mut self, job: &Job, host: &mut H) {
        while let Some(task) = self.net.freed.pop() {
            self.unblock(job, task, host);
        }
        while let Some(task) = self.net.hurried.pop() {
            self.hurry(task, false, host);
        }
        while let Some((channel, checkpoint)) = self.net.left.pop() {
            self.barrier_left(job, channel, checkpoint, host);
        }
        if !job.plan.cycles.is_empty() {
            self.end_cycles(job, host);
        }
    }

    /// Whether every task has ended, or the job has failed for good.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the job waits for its restart.
    pub fn is_down(&self) -> bool {
        self.failover.down
    }
}

/// A draw at an address, for hosts.
pub fn draw(seed: u64, concern: Concern, entity: u64, index: u64) -> u64 {
    Draws::new(seed, concern, entity).at(index)
}
