//! Flink's barrier protocols at a task: what aligned, unaligned, aligned-with-timeout and at-least-once share.
//!
//! A barrier protocol's task is two machines, one inside the other. The **handler** listens to the ports: barriers,
//! announcements, cancel markers, ends. It decides when a checkpoint starts here, when it is given up, and which ports
//! stay blocked until then; there are two, [`single`] with one checkpoint at a time and [`tracker`] with many. The
//! [`subtask`] carries out such a decision, whoever made it, and deals with the coordinator. [`BarrierTask`] puts them
//! together to a role; a protocol of the zoo is a choice of handler, kind of barrier and timeout.
//!
//! The rules are those of Apache Flink 2.3, its odd corners included: recordings of the real classes are played to
//! these roles (`tests/barrier_roles.rs`, `tests/flink_vectors.rs`), and every decision must come at the same place.
//! Where a rule looks arbitrary the comment beside it says so.
//!
//! **Decisions leave as commands in the order in which Flink makes them.** What changes nothing in the world is a
//! [`Note`](crate::protocol::Note). One thing cannot be as in Flink: there a call that starts a checkpoint returns
//! after the synchronous part, and a call that starts to capture can throw. Here such a command ends the batch. Hence
//! a handler leaves behind what it will do next and goes on when the answer comes.
//!
//! **A task that the coordinator triggers** although it has inputs - its senders have all ended, or it has other ones
//! besides - takes the trigger as a barrier on every port that has not ended, one after another. No sender waits behind
//! such a barrier, so it blocks nothing. Without open ports there is nothing to align: a source, or a task at its end,
//! starts at once.

mod ports;
mod single;
mod subtask;
#[cfg(test)]
mod tests;
mod tracker;

use super::{
    Barrier, BarrierKind, DeclineReason, Env, Note, Purpose, TaskCommand as Do, TaskInput, TaskRole, TaskSite,
    TimerKind,
};
use crate::base::{CheckpointId, Fingerprint, Port, Span};
use crate::fault::Mutant;
use ports::Ports;
use single::Single;
use subtask::Subtask;
use tracker::Tracker;

pub(super) use single::Mode;

/// A role that handles one checkpoint at a time and sends barriers of a kind; `timeout` is that of timeoutable ones.
pub(super) fn single(site: &TaskSite<'_>, mode: Mode, kind: BarrierKind, timeout: Span) -> Box<dyn TaskRole> {
    BarrierTask::boxed(site, Single::new(site.ports, mode, timeout), Subtask::new(site, kind, timeout))
}

/// A role that counts the barriers of many checkpoints and blocks nothing.
pub(super) fn tracker(site: &TaskSite<'_>) -> Box<dyn TaskRole> {
    BarrierTask::boxed(site, Tracker::new(site.ports), Subtask::new(site, BarrierKind::Plain, Span::ZERO))
}

/// The part of a role that listens to the ports.
trait Handler: Clone + Send + 'static {
    /// A barrier came on a port: it was read there, and its sender may wait, or a trigger stands for it.
    fn barrier(&mut self, port: Port, barrier: Barrier, read: bool, turn: &mut Turn<'_>);
    /// A barrier waits at a port behind data.
    fn announced(&mut self, _port: Port, _barrier: Barrier, _turn: &mut Turn<'_>) {}
    /// A cancel marker was read.
    fn cancelled(&mut self, port: Port, checkpoint: CheckpointId, turn: &mut Turn<'_>);
    /// A port has ended; it does not count as open any more.
    fn ended(&mut self, port: Port, turn: &mut Turn<'_>);
    /// A checkpoint has aligned for too long.
    fn overdue(&mut self, _checkpoint: CheckpointId, _turn: &mut Turn<'_>) {}
    /// The answer to a request to capture the inputs.
    fn capturing(&mut self, _checkpoint: CheckpointId, _granted: bool, _turn: &mut Turn<'_>) {}
    /// The checkpoint that it started last has been taken or dropped.
    fn started(&mut self, _turn: &mut Turn<'_>) {}
    fn reset(&mut self);
    fn fingerprint(&self, into: &mut Fingerprint);
    fn inspect(&self, open: u32) -> Vec<(&'static str, String)>;
}

/// What a handler works with while it handles an input.
struct Turn<'a> {
    subtask: &'a mut Subtask,
    /// How many ports have not ended.
    open: u32,
    env: &'a mut dyn Env,
    out: &'a mut Vec<Do>,
}

impl Turn<'_> {
    /// Starts a checkpoint. Whether its snapshot ends the batch.
    fn start(&mut self, barrier: Barrier) -> bool {
        self.subtask.start(barrier, self.env, self.out)
    }

    fn decline(&mut self, checkpoint: CheckpointId, reason: DeclineReason) {
        self.subtask.decline(checkpoint, reason, self.out);
    }

    fn push(&mut self, command: Do) {
        self.out.push(command);
    }

    fn note(&mut self, note: Note) {
        self.out.push(Do::Note(note));
    }

    /// Nothing may follow in this batch.
    fn is_over(&self) -> bool {
        matches!(self.out.last(), Some(Do::Snapshot { .. } | Do::CaptureInputs { .. } | Do::Fail))
    }
}

#[derive(Clone)]
struct BarrierTask<H> {
    is_source: bool,
    handler: H,
    subtask: Subtask,
    /// Ports that have not ended.
    open: Ports,
    /// A trigger that stands for a barrier on every open port from this one on.
    trigger: Option<(Barrier, Port)>,
}

impl<H: Handler> BarrierTask<H> {
    fn boxed(site: &TaskSite<'_>, handler: H, subtask: Subtask) -> Box<dyn TaskRole> {
        Box::new(Self { is_source: site.is_source, handler, subtask, open: Ports::all_of(site.ports), trigger: None })
    }

    fn trigger(&mut self, barrier: Barrier, env: &mut dyn Env, out: &mut Vec<Do>) {
        if self.is_source && is_last(barrier.purpose) {
            out.push(Do::StopReading { drain: barrier.purpose == Purpose::Drain });
        }
        let is_last = self.subtask.has(Mutant::WaitsForEndedPorts) && !self.is_source;
        if !self.open.is_empty() || is_last {
            self.trigger = Some((barrier, Port(0)));
            return;
        }
        out.push(Do::Note(Note::AlignmentBegan(barrier.checkpoint)));
        out.push(Do::Note(Note::AlignmentEnded(barrier.checkpoint)));
        self.subtask.start(barrier, env, out);
    }

    /// Passes a trigger on to the ports, as far as the batch goes.
    fn spread_trigger(&mut self, env: &mut dyn Env, out: &mut Vec<Do>) {
        while let Some((barrier, from)) = self.trigger {
            let mut turn = Turn { subtask: &mut self.subtask, open: self.open.len(), env: &mut *env, out: &mut *out };
            if turn.is_over() {
                return;
            }
            let next = self.open.from(from).next();
            self.trigger = next.map(|port| (barrier, Port(port.0 + 1)));
            if let Some(port) = next {
                self.handler.barrier(port, barrier, false, &mut turn);
            }
        }
    }
}

impl<H: Handler> TaskRole for BarrierTask<H> {
    fn on(&mut self, input: TaskInput, env: &mut dyn Env, out: &mut Vec<Do>) {
        if let TaskInput::Durable { checkpoint } = input {
            // Storage is not the task's thread: this may come in the middle of a synchronous part.
            out.push(Do::Ack { checkpoint });
            return;
        }
        if let TaskInput::Ended { port } = input
            && !self.open.remove(port)
        {
            return;
        }
        let mut turn = Turn { subtask: &mut self.subtask, open: self.open.len(), env: &mut *env, out: &mut *out };
        match input {
            TaskInput::Started { restored } => turn.subtask.restored(restored),
            TaskInput::Trigger { barrier } => self.trigger(barrier, env, out),
            TaskInput::Barrier { port, barrier } => self.handler.barrier(port, barrier, true, &mut turn),
            TaskInput::Announced { port, barrier } => self.handler.announced(port, barrier, &mut turn),
            TaskInput::Cancelled { port, checkpoint } => self.handler.cancelled(port, checkpoint, &mut turn),
            TaskInput::Ended { port } => self.handler.ended(port, &mut turn),
            TaskInput::Drained => turn.subtask.drained(turn.out),
            TaskInput::Capturing { checkpoint } => self.handler.capturing(checkpoint, true, &mut turn),
            TaskInput::Refused { checkpoint } => self.handler.capturing(checkpoint, false, &mut turn),
            TaskInput::Taken { checkpoint } => {
                if turn.subtask.taken(checkpoint, turn.env, turn.out) {
                    self.handler.started(&mut turn);
                }
            }
            // Answered above.
            TaskInput::Durable { .. } => {}
            TaskInput::Completed { checkpoint } => turn.subtask.completed(checkpoint, turn.out),
            TaskInput::Aborted { checkpoint, completed } => turn.subtask.aborted(checkpoint, completed, turn.out),
            TaskInput::Timer { timer } => match timer.kind {
                TimerKind::Alignment => self.handler.overdue(timer.checkpoint, &mut turn),
                TimerKind::Output => turn.subtask.overdue(timer.checkpoint, turn.out),
                _ => {}
            },
        }
        self.spread_trigger(env, out);
        if let Some(at) = out.iter().position(|command| *command == Do::Fail) {
            // A handler need not look whether what it gave up was the end of the task.
            out.truncate(at + 1);
        }
    }

    fn reset(&mut self) {
        self.handler.reset();
        self.subtask.reset();
        self.open.fill();
        self.trigger = None;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.handler.fingerprint(into);
        self.subtask.fingerprint(into);
        self.open.fingerprint(into);
        fingerprint_barrier(self.trigger.map(|(barrier, _)| barrier), into);
        into.word(self.trigger.map_or(0, |(_, next)| u64::from(next.0)));
    }

    fn inspect(&self) -> Vec<(&'static str, String)> {
        self.handler.inspect(self.open.len())
    }

    fn boxed_clone(&self) -> Box<dyn TaskRole> {
        Box::new(self.clone())
    }
}

/// Whether the job ends with such a checkpoint.
fn is_last(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Suspend | Purpose::Drain)
}

fn fingerprint_barrier(barrier: Option<Barrier>, into: &mut Fingerprint) {
    into.word(u64::from(barrier.is_some()));
    if let Some(Barrier { checkpoint, kind, purpose, triggered }) = barrier {
        into.words([checkpoint.0, kind as u64, purpose as u64, triggered.value()].into_iter());
    }
}

/// A checkpoint as `inspect` shows it.
fn shown(checkpoint: CheckpointId) -> String {
    if checkpoint == CheckpointId::INITIAL { "-1".to_owned() } else { checkpoint.to_string() }
}
