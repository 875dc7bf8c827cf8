//! Carrying out what task roles command.

use super::coordinator::Report;
use super::net::Item;
use super::task::{Mail, Status};
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, TaskId};
use crate::protocol::{Note, TaskCommand, TaskInput, Timer};
use crate::trace::Event;

/// Command buffers that are kept between steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    task: Vec<Vec<TaskCommand>>,
}

impl World {
    /// Gives an input to a task's role and carries out what it commands.
    pub(super) fn tell_task<H: Host>(&mut self, job: &Job, id: TaskId, input: TaskInput, host: &mut H) {
        let mut commands = self.scratch.task.pop().unwrap_or_default();
        host.asks(Some(id));
        self.tasks[id.index()].role.on(input, host, &mut commands);
        let last = commands.len().saturating_sub(1);
        for (n, command) in commands.iter().enumerate() {
            assert!(
                n == last || !matches!(command, TaskCommand::Snapshot { .. } | TaskCommand::CaptureInputs { .. }),
                "protocol `{}`: Snapshot and CaptureInputs must be the last command of its batch, got {commands:?}",
                job.protocol.name()
            );
            host.decided(id, command);
            self.obey(job, id, *command, host);
            if self.tasks[id.index()].status == Status::Dead {
                break;
            }
        }
        commands.clear();
        self.scratch.task.push(commands);
    }

    fn obey<H: Host>(&mut self, job: &Job, id: TaskId, command: TaskCommand, host: &mut H) {
        match command {
            TaskCommand::Send(barrier) => self.send_barrier(job, id, barrier, host),
            TaskCommand::SendCancel { checkpoint } => {
                for channel in job.plan.output_channels(id) {
                    self.net.send_control(job, channel, Item::Cancel(checkpoint), host);
                }
            }
            TaskCommand::CaptureInputs { checkpoint } => self.capture_inputs(job, id, checkpoint, host),
            TaskCommand::EndCaptureInputs { checkpoint, complete } => {
                self.end_capture_inputs(job, id, checkpoint, complete, host);
            }
            TaskCommand::Overtake { port, checkpoint } => self.overtake_input(job, id, port, checkpoint, host),
            TaskCommand::OvertakeOutputs { checkpoint } => self.overtake_outputs(job, id, checkpoint, host),
            TaskCommand::StopReading { drain } => self.stop_reading(job, id, drain, host),
            TaskCommand::Snapshot { barrier, whole } => self.take_snapshot(job, id, barrier, whole, host),
            TaskCommand::Capture { port, checkpoint } => self.begin_capture(job, id, port, checkpoint, host),
            TaskCommand::EndCapture { port, checkpoint } => self.end_capture(job, id, port, checkpoint, host),
            TaskCommand::Release { port } => {
                let channel = job.plan.inputs(id)[port.index()];
                self.net.release(job, channel, host);
            }
            TaskCommand::Ack { checkpoint } => self.send_ack(id, checkpoint, host),
            TaskCommand::Commit { checkpoint } => self.commit(job, id, checkpoint, host),
            TaskCommand::SetTimer { timer, delay } => {
                let attempt = self.tasks[id.index()].attempt;
                host.notice(Notice::SetTimer { task: Some((id, attempt)), timer, delay });
            }
            TaskCommand::CancelTimer(timer) => host.notice(Notice::CancelTimer { task: Some(id), timer }),
            TaskCommand::Decline { checkpoint, reason } => self.decline(id, checkpoint, reason, host),
            TaskCommand::End => self.end_task(job, id, host),
            TaskCommand::Fail => self.fail_task(job, id, host),
            TaskCommand::Note(Note::AlignmentBegan(checkpoint)) => {
                host.emit(Event::AlignmentBegan { task: id, checkpoint });
            }
            TaskCommand::Note(Note::AlignmentEnded(checkpoint)) => {
                host.emit(Event::AlignmentEnded { task: id, checkpoint });
            }
            TaskCommand::Note(Note::AlignmentDropped(checkpoint)) => {
                host.emit(Event::AlignmentDropped { task: id, checkpoint });
            }
            TaskCommand::Note(_) => {}
        }
    }

    /// A task's own timer runs out: the thread handles it like a message.
    pub(super) fn task_timer<H: Host>(&mut self, id: TaskId, attempt: Attempt, timer: Timer, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt == attempt && matches!(task.status, Status::Running | Status::Frozen) {
            task.mailbox.push(Mail::Timer(timer));
            host.notice(Notice::Wake(id));
        }
    }

    /// The synchronous part of a snapshot is over.
    pub(super) fn synced<H: Host>(&mut self, job: &Job, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt != attempt || !matches!(task.status, Status::Running | Status::Frozen) {
            return;
        }
        let Some((checkpoint, whole)) = task.syncing.take() else { return };
        host.emit(Event::SnapshotTaken { task: id, checkpoint });
        if self.is_reader(id) {
            self.send_up(id, Report::Captured(checkpoint), host);
        }
        self.tell_task(job, id, TaskInput::Taken { checkpoint }, host);
        if whole {
            self.uploaded(job, id, attempt, checkpoint, host);
        } else {
            let cost = self.snapshot_work(job, id, checkpoint);
            self.upload(id, checkpoint, cost, host);
        }
        host.notice(Notice::Wake(id));
    }
}
