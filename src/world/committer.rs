//! From a sink to its committer: transactions that are prepared travel behind the data and before the barrier.
//!
//! A sink says for each checkpoint what it has prepared, even if that is nothing: so a committer knows that it has heard
//! of all its sinks when it captures its state, and commits for a checkpoint only if it had. Each subtask of the sink
//! speaks to one subtask of the committer. The committables are state of the committer from then on; the sink forgets
//! them. If a protocol captures a channel, what is read of it meanwhile becomes part of the captured state.

use super::external::Prepared;
use super::net::Item;
use super::{Host, Job, World};
use crate::base::{ChannelId, CheckpointId, Port, TaskId};
use crate::fault::Mutant;
use crate::trace::Event;

impl World {
    /// A sink tells its committer what it has prepared for a checkpoint.
    pub(super) fn hand_on<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        checkpoint: CheckpointId,
        prepared: Option<Prepared>,
        host: &mut H,
    ) {
        if prepared.is_none() && job.has(Mutant::NothingIsNotTold) {
            return;
        }
        let Some(channel) = job.plan.output_channels(id).find(|channel| carries(job, *channel)) else { return };
        let transaction = prepared.map_or(0, |prepared| prepared.transaction);
        self.net.send_control(job, channel, Item::Committable(checkpoint, transaction), host);
    }

    /// A committer hears what a sink has prepared.
    pub(super) fn take_committable<H: Host>(
        &mut self,
        id: TaskId,
        (port, channel): (Port, ChannelId),
        prepared: Prepared,
        host: &mut H,
    ) {
        let Prepared { checkpoint, transaction, .. } = prepared;
        host.emit(Event::CommittableReceived { task: id, channel, checkpoint, transaction });
        self.sink_state(id).hear(prepared);
        for (captured, of) in &self.tasks[id.index()].capturing {
            if *captured == port
                && let Some(snapshot) = self.store.get_mut(id, *of)
                && let Some(copy) = snapshot.operators.last_mut()
            {
                copy.hear(prepared);
            }
        }
    }

    /// A committer captures its state: a checkpoint of which it has not heard everything will never be committed.
    pub(super) fn count_committables(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId) {
        // Where markers hold nothing back, what is still to be heard of becomes part of the state later.
        let hears_later = job.protocol.claims().cycles || job.has(Mutant::CommittablesOvertaken);
        if !job.plan.is_committer(id) || hears_later {
            return;
        }
        let closed = self.tasks[id.index()].closed_ports.clone();
        let due = job.plan.inputs(id).iter().filter(|channel| carries(job, **channel));
        let due = due.filter(|channel| !closed.contains(*channel)).count() as u32;
        let state = self.sink_state(id);
        let heard = state.heard.iter().find(|(of, _)| *of == checkpoint).map_or(0, |(_, count)| *count);
        state.heard.retain(|(of, _)| *of > checkpoint);
        if heard < due {
            state.incomplete.push(checkpoint);
        }
    }

    /// Whether a committer has to wait before it ends: for a sink that goes on, since what that prepares last comes behind
    /// the end of its data, or for the completion of a checkpoint.
    pub(super) fn must_hear_more(&mut self, job: &Job, id: TaskId) -> bool {
        let closed = self.tasks[id.index()].closed_ports.len();
        job.plan.is_committer(id) && (closed < job.plan.inputs(id).len() || !self.sink_state(id).pending.is_empty())
    }

    /// A committer begins: what belongs to checkpoints that did not complete is nobody's any more.
    pub(super) fn take_committables_over(&mut self, job: &Job, id: TaskId, restored: CheckpointId) {
        if !job.plan.is_committer(id) {
            return;
        }
        let state = self.sink_state(id);
        state.pending.retain(|of| of.checkpoint <= restored);
        state.heard.clear();
        if job.has(Mutant::CommittablesMerged) {
            let mut seen = Vec::new();
            state.pending.retain(|of| {
                let fresh = !seen.contains(&of.checkpoint);
                seen.push(of.checkpoint);
                fresh
            });
        }
    }
}

impl super::task::OperatorState {
    fn hear(&mut self, prepared: Prepared) {
        match self.heard.iter_mut().find(|(of, _)| *of == prepared.checkpoint) {
            Some((_, count)) => *count += 1,
            None => self.heard.push((prepared.checkpoint, 1)),
        }
        if prepared.transaction > 0 {
            self.pending.push(prepared);
        }
    }
}

/// Whether a sink speaks to its committer over this channel.
fn carries(job: &Job, channel: ChannelId) -> bool {
    let planned = &job.plan.channels[channel.index()];
    let (from, to) = (&job.plan.tasks[planned.from.index()], &job.plan.tasks[planned.to.index()]);
    let width = job.plan.outputs(planned.from).first().map_or(1, |out| out.width);
    let first = job.plan.outputs(planned.from).first().map_or(channel, |out| out.first);
    let edge = &job.plan.edges[planned.edge.index()];
    let chosen = match edge.by {
        crate::scenario::Partitioner::Global => 0,
        _ => from.subtask % width,
    };
    debug_assert!(to.subtask < u32::MAX);
    channel.0 == first.0 + chosen
}
