//! Chandy and Lamport's snapshot, for any graph, cycles included.
//!
//! At the first marker of a snapshot a task captures its state, sends a marker on every output before any
//! further record, and from then on records what it reads from every other port until that port's marker
//! comes. Nothing is ever blocked. What was recorded is the channels' part of the snapshot and is put back
//! into them when it is restored.

use crate::base::{CheckpointId, Fingerprint, Port};
use crate::fault::Mutant;
use crate::protocol::{
    Barrier, BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, Env, JobSite, Protocol, Style,
    TaskCommand as Do, TaskInput, TaskRole, TaskSite,
};
use crate::scenario::BarrierOrder;

/// `chandy-lamport`.
pub struct ChandyLamport;

impl Protocol for ChandyLamport {
    fn name(&self) -> &'static str {
        "chandy-lamport"
    }

    fn about(&self) -> &'static str {
        "markers never block; records between a task's snapshot and a port's marker are saved with it"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: true,
            coordinated_cut: true,
            concurrent: true,
            edges: Edges::Any,
            savepoints: false,
            cycles: true,
            global_restart: true,
            lossy: true,
        }
    }

    fn replays_channels(&self) -> bool {
        true
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        let settings = site.settings;
        Box::new(MarkerTask {
            order: settings.order,
            after_finish: settings.after_finish,
            triggers: settings.interval.is_some() || !settings.requests.is_empty(),
            running: Vec::new(),
            newest: CheckpointId::INITIAL,
            taking: None,
            closed: vec![false; site.ports as usize],
            drained: false,
            last: None,
            mutant: settings.mutant,
        })
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Plain, captures: true }))
    }
}

#[derive(Clone)]
struct MarkerTask {
    order: BarrierOrder,
    /// Checkpoints go on after tasks have ended.
    after_finish: bool,
    /// There are checkpoints at all; otherwise the coordinator ends the job.
    triggers: bool,
    /// Snapshots whose markers have not all come, oldest first; several may overlap.
    running: Vec<Snapshot>,
    /// The newest snapshot that was begun.
    newest: CheckpointId,
    /// The marker of the snapshot whose synchronous part is running.
    taking: Option<Barrier>,
    /// By port: nothing will come from it any more, no marker either.
    closed: Vec<bool>,
    /// All data has been seen.
    drained: bool,
    /// The first snapshot that began after that: when it is complete, the task may end.
    last: Option<CheckpointId>,
    mutant: Option<Mutant>,
}

#[derive(Clone)]
struct Snapshot {
    id: CheckpointId,
    /// By port: its marker has come.
    seen: Vec<bool>,
}

impl MarkerTask {
    /// Captures the state and begins to record every port but the one the marker came on.
    fn begin(&mut self, marker: Barrier, first: Option<Port>, out: &mut Vec<Do>) {
        let id = marker.checkpoint;
        if id <= self.newest {
            // On a cycle whose sources have ended it may be told by the coordinator and by a marker.
            return;
        }
        self.newest = id;
        let marker = Barrier { checkpoint: id, kind: BarrierKind::Plain, ..Barrier::default() };
        if self.drained {
            self.last.get_or_insert(id);
        }
        let mut seen = self.closed.clone();
        if let Some(port) = first {
            seen[port.index()] = true;
        }
        let open = seen.iter().enumerate().filter(|(_, seen)| !**seen);
        out.extend(open.map(|(port, _)| Do::Capture { port: Port::from(port), checkpoint: id }));
        if seen.contains(&false) {
            self.running.push(Snapshot { id, seen });
        }
        let whole = self.order == BarrierOrder::SnapshotThenEmit;
        if !whole {
            out.push(Do::Send(marker));
        }
        self.taking = Some(marker);
        out.push(Do::Snapshot { barrier: marker, whole });
    }
}

impl TaskRole for MarkerTask {
    fn on(&mut self, input: TaskInput, _env: &mut dyn Env, out: &mut Vec<Do>) {
        match input {
            TaskInput::Trigger { barrier } => self.begin(barrier, None, out),
            TaskInput::Barrier { port, barrier } => {
                let id = barrier.checkpoint;
                let Some(at) = self.running.iter().position(|snapshot| snapshot.id == id) else {
                    return self.begin(barrier, Some(port), out);
                };
                out.push(Do::EndCapture { port, checkpoint: id });
                self.running[at].seen[port.index()] = true;
                if self.mutant == Some(Mutant::SecondMarkerEndsAll) {
                    let open = self.running[at].seen.iter_mut().enumerate().filter(|(_, seen)| !**seen);
                    out.extend(open.map(|(port, seen)| {
                        *seen = true;
                        Do::EndCapture { port: Port::from(port), checkpoint: id }
                    }));
                }
                self.running.retain(|snapshot| snapshot.seen.contains(&false));
            }
            TaskInput::Ended { port } => {
                self.closed[port.index()] = true;
                for snapshot in self.running.iter_mut().filter(|snapshot| !snapshot.seen[port.index()]) {
                    out.push(Do::EndCapture { port, checkpoint: snapshot.id });
                    snapshot.seen[port.index()] = true;
                }
                self.running.retain(|snapshot| snapshot.seen.contains(&false));
            }
            TaskInput::Drained if self.after_finish => self.drained = true,
            TaskInput::Drained if self.triggers => out.push(Do::End),
            TaskInput::Taken { .. } => {
                let marker = self.taking.take().filter(|_| self.order == BarrierOrder::SnapshotThenEmit);
                out.extend(marker.map(Do::Send));
            }
            TaskInput::Durable { checkpoint } => out.push(Do::Ack { checkpoint }),
            TaskInput::Completed { checkpoint } => {
                out.push(Do::Commit { checkpoint });
                out.extend(self.last.is_some_and(|last| last <= checkpoint).then_some(Do::End));
            }
            // A marker is sent on every channel whatever becomes of the snapshot, so it ends by itself.
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.running.clear();
        self.closed.fill(false);
        (self.drained, self.last, self.taking) = (false, None, None);
        self.newest = CheckpointId::INITIAL;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        let id = |id: Option<CheckpointId>| id.map_or(0, |id| id.0 + 1);
        let taking = self.taking.map(|marker| marker.checkpoint);
        into.words([u64::from(self.drained), id(self.last), id(taking), self.newest.0].into_iter());
        into.words(self.closed.iter().map(|closed| u64::from(*closed)));
        for snapshot in &self.running {
            into.word(snapshot.id.0);
            into.words(snapshot.seen.iter().map(|seen| u64::from(*seen)));
        }
    }

    fn boxed_clone(&self) -> Box<dyn TaskRole> {
        Box::new(self.clone())
    }
}
