//! Messages to and from the coordinator role, and what it commands.
//!
//! Between the coordinator and one task messages keep their order in each direction. Every message carries
//! the attempt it is about, and is dropped where that attempt is over.

use super::damage::Fate;
use super::snapshot::WorldFacts;
use super::task::{Mail, Status};
use super::{Host, Job, Notice, Step, World};
use crate::base::{Attempt, CheckpointId, Ring, TaskId};
use crate::fault::Mutant;
use crate::protocol::{
    Barrier, CoordinatorCommand, CoordinatorInput, CoordinatorRole, DeclineReason, Facts, Purpose, Record,
    RecoveryPlan, Timer, TimerKind,
};
use crate::scenario::{MessageKind, RecordMishap};
use crate::trace::Event;

/// The coordinator and what flies between it and the tasks.
#[derive(Clone)]
pub(super) struct Coordinator {
    role: Box<dyn CoordinatorRole>,
    /// To tasks, by task.
    down: Vec<Ring<(Mail, Attempt)>>,
    /// To tasks, by task, on a way on which messages of `down` overtake.
    aside: Vec<Ring<(Mail, Attempt)>>,
    /// From tasks, by task.
    up: Vec<Ring<(Report, Attempt)>>,
    /// Which tasks have reported the end of their data in their current attempt.
    drained: Vec<bool>,
    commands: Vec<Vec<CoordinatorCommand>>,
    /// What the role answered to a failure.
    pub plan: Option<Box<RecoveryPlan>>,
    /// Messages that were held up or doubled, by number.
    late: Vec<(u32, TaskId, Attempt, Late)>,
    late_next: u32,
    /// It is gone, and nobody has taken over.
    pub lost: bool,
    /// How often somebody took over. Whoever is not of the newest term is not listened to.
    pub term: u32,
    /// Records that are being written, with the term of who writes them.
    recording: Vec<(Record, u32)>,
    /// What is recorded, oldest first: a takeover knows no more.
    pub records: Vec<Record>,
    /// The newest checkpoint id that was given out; recorded, too.
    pub last: CheckpointId,
}

/// A message on a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// To a task.
    Down(Mail),
    /// From a task.
    Up(Report),
}

/// A message to the coordinator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Report {
    /// With whether the task had seen all of its data when the snapshot began.
    Ack(CheckpointId, bool),
    Decline(CheckpointId, DeclineReason),
    Ended,
    #[default]
    Drained,
    /// A reader asks for a split; its questions have numbers.
    Question(u32),
    /// It has received the answer.
    Answered(u32),
    /// Its state has been captured.
    Captured(CheckpointId),
}

impl Coordinator {
    pub fn new(role: Box<dyn CoordinatorRole>, tasks: usize) -> Self {
        Self {
            role,
            down: vec![Ring::default(); tasks],
            aside: vec![Ring::default(); tasks],
            up: vec![Ring::default(); tasks],
            drained: vec![false; tasks],
            commands: Vec::new(),
            plan: None,
            late: Vec::new(),
            late_next: 0,
            lost: false,
            term: 0,
            recording: Vec::new(),
            records: Vec::new(),
            last: CheckpointId::INITIAL,
        }
    }

    pub fn reset(&mut self) {
        self.role.reset();
        self.down.iter_mut().for_each(Ring::clear);
        self.aside.iter_mut().for_each(Ring::clear);
        self.up.iter_mut().for_each(Ring::clear);
        self.drained.fill(false);
        self.plan = None;
        self.late.clear();
        self.recording.clear();
        self.records.clear();
        (self.late_next, self.lost, self.term, self.last) = (0, false, 0, CheckpointId::INITIAL);
    }

    /// Somebody takes over, who knows nothing yet.
    pub fn begin_term(&mut self) {
        self.role.reset();
        self.drained.fill(false);
        (self.lost, self.term) = (false, self.term + 1);
    }

    /// To or from whom a late message goes.
    pub fn late_way(&self, id: u32) -> Option<(TaskId, Late)> {
        let (_, task, _, message) = self.late.iter().find(|(number, ..)| *number == id)?;
        Some((*task, *message))
    }

    fn hold_up(&mut self, task: TaskId, attempt: Attempt, message: Late) -> Step {
        self.late_next += 1;
        self.late.push((self.late_next, task, attempt, message));
        Step::Late(self.late_next)
    }
}

/// What a message to a task is to faults.
fn mail_kind(mail: &Mail) -> Option<(MessageKind, CheckpointId)> {
    match mail {
        Mail::Trigger(barrier) => Some((MessageKind::Trigger, barrier.checkpoint)),
        Mail::Completed(checkpoint) => Some((MessageKind::Complete, *checkpoint)),
        Mail::Aborted(checkpoint, _) => Some((MessageKind::Abort, *checkpoint)),
        Mail::Split(..) => Some((MessageKind::Assign, CheckpointId::INITIAL)),
        _ => None,
    }
}

/// What a message from a task is to faults.
fn report_kind(report: &Report) -> Option<(MessageKind, CheckpointId)> {
    match report {
        Report::Ack(checkpoint, _) => Some((MessageKind::Ack, *checkpoint)),
        Report::Decline(checkpoint, _) => Some((MessageKind::Decline, *checkpoint)),
        Report::Question(_) => Some((MessageKind::Request, CheckpointId::INITIAL)),
        _ => None,
    }
}

impl World {
    /// Gives an input to the coordinator's role and carries out what it commands.
    pub(super) fn tell_coordinator<H: Host>(&mut self, job: &Job, input: CoordinatorInput<'_>, host: &mut H) {
        let mut commands = self.coordinator.commands.pop().unwrap_or_default();
        host.asks(None);
        let facts = WorldFacts { tasks: &self.tasks, net: &self.net, store: &self.store, job };
        self.coordinator.role.on(input, &facts, host, &mut commands);
        for command in commands.drain(..) {
            self.obey_coordinator(job, command, host);
        }
        self.coordinator.commands.push(commands);
    }

    fn obey_coordinator<H: Host>(&mut self, job: &Job, command: CoordinatorCommand, host: &mut H) {
        match command {
            CoordinatorCommand::Begin(Barrier { checkpoint, purpose, .. }) => {
                self.coordinator.last = self.coordinator.last.max(checkpoint);
                host.emit(Event::CheckpointTriggered { checkpoint, purpose: purpose as u32 });
                self.note_purpose(checkpoint, purpose);
                self.checkpoint_splits(checkpoint, host);
            }
            CoordinatorCommand::Trigger { task, barrier } => self.send_down(task, Mail::Trigger(barrier), host),
            CoordinatorCommand::Record(record) => {
                self.splits_recorded(record.checkpoint, host);
                host.notice(Notice::Record(record.checkpoint));
                self.coordinator.recording.push((record, self.coordinator.term));
            }
            CoordinatorCommand::Forget(checkpoint) => {
                // A write that is under way is called back.
                self.coordinator.recording.retain(|(record, _)| record.checkpoint != checkpoint);
                let before = self.coordinator.records.len();
                self.coordinator.records.retain(|record| record.checkpoint != checkpoint);
                if self.coordinator.records.len() < before {
                    host.emit(Event::RecordForgotten { checkpoint });
                }
            }
            CoordinatorCommand::Discard(checkpoint) => {
                for task in job.plan.task_ids() {
                    if self.store.get(task, checkpoint).is_none() {
                        continue;
                    }
                    self.discard(task, |snapshot| snapshot.id == checkpoint, host);
                    host.emit(Event::SnapshotDiscarded { task, checkpoint });
                }
            }
            CoordinatorCommand::Complete(checkpoint) => {
                host.emit(Event::CheckpointCompleted { checkpoint });
                self.keep_complete(job, checkpoint);
                self.checkpoint_of_splits_ends(checkpoint, host);
            }
            CoordinatorCommand::Notify { task, checkpoint } => {
                self.send_down(task, Mail::Completed(checkpoint), host);
            }
            CoordinatorCommand::Abort { checkpoint, reason, completed } => {
                host.emit(Event::CheckpointAborted { checkpoint, reason });
                for task in job.plan.task_ids() {
                    self.send_aside(task, Mail::Aborted(checkpoint, completed), host);
                }
                self.checkpoint_of_splits_ends(checkpoint, host);
            }
            CoordinatorCommand::Answer { request, accepted } => {
                host.emit(Event::RequestAnswered { request, accepted: u32::from(accepted) });
            }
            CoordinatorCommand::Prepare(checkpoint) => host.notice(Notice::Prepare(checkpoint)),
            CoordinatorCommand::Clean(checkpoint) => host.notice(Notice::Clean(checkpoint)),
            CoordinatorCommand::Drop { task, keep_from } => {
                if self.store.drop_below(task, keep_from) {
                    host.emit(Event::SnapshotsDropped { task, upto: CheckpointId(keep_from.0 - 1) });
                }
                self.delete_files(job, task, keep_from, host);
                self.cut_logs(job, task, keep_from);
                self.drop_splits_below(keep_from);
            }
            CoordinatorCommand::SetTimer { timer, delay } => {
                host.notice(Notice::SetTimer { task: None, timer, delay });
            }
            CoordinatorCommand::CancelTimer(timer) => host.notice(Notice::CancelTimer { task: None, timer }),
            CoordinatorCommand::FailJob => self.fail_job(job, host),
            CoordinatorCommand::Recover(plan) => self.coordinator.plan = Some(plan),
            CoordinatorCommand::Finish => {
                for task in job.plan.task_ids() {
                    self.send_down(task, Mail::Finish, host);
                }
            }
        }
    }

    /// Sender logs keep what the oldest snapshot of the receiver has not consumed.
    fn cut_logs(&mut self, job: &Job, task: TaskId, keep_from: CheckpointId) {
        if self.net.logs.is_empty() {
            return;
        }
        for channel in job.plan.inputs(task) {
            let facts = WorldFacts { tasks: &self.tasks, net: &self.net, store: &self.store, job };
            let consumed = facts.received(*channel, Some(keep_from));
            let log = &mut self.net.logs[channel.index()];
            let gone = consumed.saturating_sub(log.base).min(log.records.len() as u64);
            log.records.skip(gone as usize);
            log.base += gone;
        }
    }

    pub(super) fn send_down<H: Host>(&mut self, task: TaskId, mail: Mail, host: &mut H) {
        let attempt = self.tasks[task.index()].attempt;
        if self.meets_its_fate(task, attempt, mail_kind(&mail), Late::Down(mail), host) {
            self.coordinator.down[task.index()].push((mail, attempt));
            host.notice(Notice::Rpc(task));
        }
    }

    /// Sends a message that later ones may overtake.
    fn send_aside<H: Host>(&mut self, task: TaskId, mail: Mail, host: &mut H) {
        let attempt = self.tasks[task.index()].attempt;
        if self.meets_its_fate(task, attempt, mail_kind(&mail), Late::Down(mail), host) {
            self.coordinator.aside[task.index()].push((mail, attempt));
            host.notice(Notice::Aside(task));
        }
    }

    pub(super) fn send_up<H: Host>(&mut self, task: TaskId, report: Report, host: &mut H) {
        let attempt = self.tasks[task.index()].attempt;
        if self.meets_its_fate(task, attempt, report_kind(&report), Late::Up(report), host) {
            self.coordinator.up[task.index()].push((report, attempt));
            host.notice(Notice::Report(task));
        }
    }

    /// Whether a message goes its usual way; if it is held up or doubled it goes on another one, too.
    fn meets_its_fate<H: Host>(
        &mut self,
        task: TaskId,
        attempt: Attempt,
        kind: Option<(MessageKind, CheckpointId)>,
        message: Late,
        host: &mut H,
    ) -> bool {
        let fate = self.fate(task, kind, host);
        // Whoever says something about splits waits to hear that it has arrived.
        let patience = self.splits.timeout;
        let is_given_up = fate == Fate::Lost || matches!(fate, Fate::Late(after) if after >= patience);
        if let (true, Some((MessageKind::Assign | MessageKind::Request, _))) = (is_given_up, kind) {
            host.notice(Notice::Later { step: Step::Undelivered { task, attempt }, after: patience });
        }
        if let Fate::Late(after) | Fate::Twice(after) = fate {
            let step = self.coordinator.hold_up(task, attempt, message);
            host.notice(Notice::Later { step, after });
        }
        matches!(fate, Fate::Arrives | Fate::Twice(_))
    }

    /// A message that was held up or doubled arrives.
    pub(super) fn late_arrives<H: Host>(&mut self, job: &Job, id: u32, host: &mut H) {
        let Some(at) = self.coordinator.late.iter().position(|(number, ..)| *number == id) else { return };
        let (_, task, attempt, message) = self.coordinator.late.remove(at);
        match message {
            Late::Down(mail) => self.take_message(task, mail, attempt, host),
            Late::Up(report) => self.take_report(job, task, report, attempt, host),
        }
    }

    pub(super) fn send_ack<H: Host>(&mut self, task: TaskId, checkpoint: CheckpointId, host: &mut H) {
        let last = self.store.get(task, checkpoint).is_some_and(|snapshot| snapshot.last);
        self.send_up(task, Report::Ack(checkpoint, last), host);
    }

    /// An acknowledgement of an attempt that may be over.
    pub(super) fn send_stale_ack<H: Host>(
        &mut self,
        task: TaskId,
        attempt: Attempt,
        checkpoint: CheckpointId,
        host: &mut H,
    ) {
        self.coordinator.up[task.index()].push((Report::Ack(checkpoint, false), attempt));
        host.notice(Notice::Report(task));
    }

    pub(super) fn send_decline<H: Host>(
        &mut self,
        task: TaskId,
        checkpoint: CheckpointId,
        reason: DeclineReason,
        host: &mut H,
    ) {
        host.emit(Event::CheckpointDeclined { task, checkpoint, reason: reason as u64 });
        self.send_up(task, Report::Decline(checkpoint, reason), host);
    }

    pub(super) fn send_ended<H: Host>(&mut self, task: TaskId, host: &mut H) {
        self.send_up(task, Report::Ended, host);
    }

    pub(super) fn send_drained<H: Host>(&mut self, task: TaskId, host: &mut H) {
        self.send_up(task, Report::Drained, host);
    }

    /// The oldest message to a task arrives in its mailbox.
    pub(super) fn rpc_arrives<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let Some((mail, attempt)) = self.coordinator.down[id.index()].pop() else { return };
        self.take_message(id, mail, attempt, host);
    }

    /// The oldest message to a task that may be overtaken arrives in its mailbox.
    pub(super) fn aside_arrives<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let Some((mail, attempt)) = self.coordinator.aside[id.index()].pop() else { return };
        self.take_message(id, mail, attempt, host);
    }

    fn take_message<H: Host>(&mut self, id: TaskId, mail: Mail, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if attempt != task.attempt || matches!(task.status, Status::Dead | Status::Finished) {
            host.emit(Event::StaleMessage { task: id, attempt });
            if let (Mail::Trigger(barrier), true) = (mail, attempt == task.attempt && task.status == Status::Finished) {
                self.send_decline(id, barrier.checkpoint, DeclineReason::NotRunning, host);
            }
            return;
        }
        task.mailbox.push(mail);
        host.notice(Notice::Wake(id));
        if let Mail::Split(question, _) = mail {
            self.send_up(id, Report::Answered(question), host);
        }
    }

    /// Whether the oldest message of a task may end in a restart.
    #[inline]
    pub fn brings_bad_news(&self, task: TaskId) -> bool {
        matches!(self.coordinator.up[task.index()].front(), Some((Report::Decline(..) | Report::Ended, _)))
    }

    /// The oldest message of a task arrives at the coordinator.
    pub(super) fn report_arrives<H: Host>(&mut self, job: &Job, task: TaskId, host: &mut H) {
        let Some((report, attempt)) = self.coordinator.up[task.index()].pop() else { return };
        self.take_report(job, task, report, attempt, host);
    }

    fn take_report<H: Host>(&mut self, job: &Job, task: TaskId, report: Report, attempt: Attempt, host: &mut H) {
        if let (Report::Ack(checkpoint, _), false) = (report, self.coordinator.lost) {
            self.register_files(job, task, attempt, checkpoint);
        }
        let is_believed = matches!(report, Report::Decline(..)) && job.has(Mutant::DeclineHitsNewest)
            || job.has(Mutant::AnyAttemptReports);
        if attempt != self.tasks[task.index()].attempt && !is_believed || self.coordinator.lost {
            host.emit(Event::StaleMessage { task, attempt });
            return;
        }
        match report {
            Report::Ack(checkpoint, last) => {
                host.emit(Event::AckReceived { task, checkpoint, attempt });
                self.tell_coordinator(job, CoordinatorInput::Ack { task, checkpoint, last }, host);
            }
            Report::Decline(checkpoint, reason) => {
                self.tell_coordinator(job, CoordinatorInput::Decline { task, checkpoint, reason }, host);
            }
            Report::Question(question) => self.split_asked(task, question, host),
            Report::Answered(question) => self.split_confirmed(job, task, question, host),
            Report::Captured(checkpoint) => self.splits_captured(task, checkpoint, host),
            Report::Ended => self.tell_coordinator(job, CoordinatorInput::Ended { task }, host),
            Report::Drained => {
                self.coordinator.drained[task.index()] = true;
                if !self.is_down() && self.coordinator.drained.iter().all(|drained| *drained) {
                    self.tell_coordinator(job, CoordinatorInput::Drained, host);
                }
            }
        }
    }

    /// A restart: nobody has drained until he says so again, and nobody may end before that.
    pub(super) fn forget_drained(&mut self) {
        self.coordinator.drained.fill(false);
        for down in &mut self.coordinator.down {
            down.retain(|(mail, _)| mail != Mail::Finish);
        }
    }

    /// The write of a record ends.
    pub(super) fn recorded<H: Host>(&mut self, job: &Job, checkpoint: CheckpointId, host: &mut H) {
        let is_it = |(record, _): &(Record, u32)| record.checkpoint == checkpoint;
        let Some(at) = self.coordinator.recording.iter().position(is_it) else { return };
        let (record, term) = self.coordinator.recording.remove(at);
        if self.ended || term != self.coordinator.term && !job.has(Mutant::UnfencedRecord) {
            // Whoever lost his term cannot write any more.
            return;
        }
        let purpose = record.purpose;
        let mishap = self.record_mishap(host);
        if !matches!(mishap, Some(RecordMishap::Fail | RecordMishap::Vanish)) && record.purpose != Purpose::Savepoint {
            self.coordinator.records.push(record);
            host.emit(Event::RecordStored { checkpoint });
        }
        if self.coordinator.lost {
            return;
        }
        self.files_recorded(job, checkpoint, purpose, host);
        let known = match mishap {
            None => return self.tell_coordinator(job, CoordinatorInput::Recorded { checkpoint }, host),
            Some(RecordMishap::Fail) => true,
            Some(RecordMishap::Deny | RecordMishap::Vanish) => false,
        };
        host.emit(Event::RecordFailed { checkpoint, known: u32::from(known) });
        self.tell_coordinator(job, CoordinatorInput::Unrecorded { checkpoint, known }, host);
    }

    pub(super) fn preparations_end<H: Host>(&mut self, job: &Job, checkpoint: CheckpointId, host: &mut H) {
        if !self.ended && !self.coordinator.lost && self.splits_are_settled(checkpoint) {
            self.tell_coordinator(job, CoordinatorInput::Prepared { checkpoint }, host);
        }
    }

    pub(super) fn cleaned<H: Host>(&mut self, job: &Job, checkpoint: CheckpointId, host: &mut H) {
        if !self.ended && !self.coordinator.lost {
            self.tell_coordinator(job, CoordinatorInput::Cleaned { checkpoint }, host);
        }
    }

    pub(super) fn coordinator_timer<H: Host>(&mut self, job: &Job, timer: Timer, host: &mut H) {
        if self.ended {
            return;
        }
        if !self.coordinator.lost {
            return self.tell_coordinator(job, CoordinatorInput::Timer { timer }, host);
        }
        if timer.kind == TimerKind::Request {
            // Nobody is there to be asked.
            host.emit(Event::RequestAnswered { request: timer.checkpoint.0 as u32, accepted: 0 });
        }
    }

    pub(super) fn take_plan(&mut self) -> Box<RecoveryPlan> {
        self.coordinator.plan.take().expect("the coordinator role answers Restarting with Recover")
    }
}
