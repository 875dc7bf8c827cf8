//! Aligned barriers: Flink's exactly-once mode without unaligned checkpoints.
//!
//! A barrier blocks its channel. When barriers have come on all ports the task passes the barrier on,
//! takes its snapshot and unblocks. A newer checkpoint's barrier gives up an older one that is still
//! aligning; a late barrier of an abandoned checkpoint must still release its channel.
//!
//! Hearing from the coordinator that a checkpoint was given up changes nothing about its barriers: the task goes
//! on aligning and passes the barrier on, only without a snapshot. A task that kept the barrier to itself would
//! leave the tasks behind it waiting for it with blocked channels; these stop the sources through full buffers,
//! and then no newer barrier can come to free them.

use crate::base::{CheckpointId, Fingerprint, Port};
use crate::protocol::{
    Barrier, BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Env, JobSite, Protocol, Style,
    TaskCommand as Do, TaskInput, TaskRole, TaskSite,
};
use crate::scenario::BarrierOrder;

/// `aligned`.
pub struct Aligned;

impl Protocol for Aligned {
    fn name(&self) -> &'static str {
        "aligned"
    }

    fn about(&self) -> &'static str {
        "barriers block their channel until the task has them all (Flink's default)"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: true,
            coordinated_cut: true,
            concurrent: true,
            cycles: false,
            global_restart: true,
        }
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        Box::new(AlignedTask { ports: site.ports, order: site.settings.order, state: State::default() })
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Blocking, captures: false }))
    }
}

#[derive(Clone)]
struct AlignedTask {
    ports: u32,
    order: BarrierOrder,
    state: State,
}

#[derive(Clone, Default)]
struct State {
    /// The newest checkpoint seen.
    current: CheckpointId,
    /// It is still aligning.
    aligning: bool,
    /// Ports whose barrier of the current checkpoint has come: they are blocked.
    blocked: Vec<Port>,
    /// The current checkpoint or newer ones that were given up while their barriers are still coming.
    given_up: Vec<CheckpointId>,
}

impl AlignedTask {
    fn barrier(&mut self, port: Port, barrier: Barrier, out: &mut Vec<Do>) {
        let state = &mut self.state;
        if barrier.checkpoint < state.current || (barrier.checkpoint == state.current && !state.aligning) {
            // Nobody waits for it any more, but its sender waits behind it.
            out.push(Do::Release { port });
            return;
        }
        if barrier.checkpoint > state.current {
            out.extend(state.blocked.drain(..).map(|port| Do::Release { port }));
            state.current = barrier.checkpoint;
            state.aligning = true;
        }
        state.blocked.push(port);
        if state.blocked.len() as u32 == self.ports {
            self.snapshot(out);
        }
    }

    fn snapshot(&mut self, out: &mut Vec<Do>) {
        self.state.aligning = false;
        let checkpoint = self.state.current;
        let given_up = self.state.given_up.contains(&checkpoint);
        self.state.given_up.retain(|id| *id > checkpoint);
        if given_up {
            out.push(Do::Send(Barrier { checkpoint, ..Barrier::default() }));
            out.extend(self.state.blocked.drain(..).map(|port| Do::Release { port }));
            return;
        }
        let whole = self.order == BarrierOrder::SnapshotThenEmit;
        if !whole {
            out.push(Do::Send(Barrier { checkpoint, ..Barrier::default() }));
        }
        out.push(Do::Snapshot { barrier: Barrier { checkpoint, ..Barrier::default() }, whole });
    }
}

impl TaskRole for AlignedTask {
    fn on(&mut self, input: TaskInput, _env: &mut dyn Env, out: &mut Vec<Do>) {
        match input {
            TaskInput::Trigger { barrier: Barrier { checkpoint, .. } } => {
                self.state.current = checkpoint;
                self.snapshot(out);
            }
            TaskInput::Barrier { port, barrier } => self.barrier(port, barrier, out),
            TaskInput::Taken { checkpoint } => {
                if self.order == BarrierOrder::SnapshotThenEmit {
                    out.push(Do::Send(Barrier { checkpoint, ..Barrier::default() }));
                }
                out.extend(self.state.blocked.drain(..).map(|port| Do::Release { port }));
            }
            TaskInput::Durable { checkpoint } => out.push(Do::Ack { checkpoint }),
            TaskInput::Completed { checkpoint } => out.push(Do::Commit { checkpoint }),
            TaskInput::Aborted { checkpoint, .. } => {
                let state = &mut self.state;
                if checkpoint > state.current || (checkpoint == state.current && state.aligning) {
                    state.given_up.push(checkpoint);
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.state.current = CheckpointId::INITIAL;
        self.state.aligning = false;
        self.state.blocked.clear();
        self.state.given_up.clear();
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.words([self.state.current.0, u64::from(self.state.aligning)].into_iter());
        into.words(self.state.blocked.iter().map(|port| u64::from(port.0)));
        into.words(self.state.given_up.iter().map(|id| id.0));
    }

    fn boxed_clone(&self) -> Box<dyn TaskRole> {
        Box::new(self.clone())
    }
}
