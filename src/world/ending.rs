//! Draining, finishing, and the last events of a run.

use super::net::Item;
use super::task::{Last, Output, Status};
use super::{Host, Job, Notice, World};
use crate::base::{ChannelId, OperatorId, TaskId};
use crate::fault::Mutant;
use crate::protocol::TaskInput;
use crate::trace::Event;
use crate::workload::{KeptState, value_hash};

impl World {
    /// Sources stop where they are: what they have emitted is all there is.
    pub(super) fn stop<H: Host>(&mut self, job: &Job, host: &mut H) {
        self.heal_all(job, host);
        self.cut_splits(job);
        for id in job.plan.task_ids() {
            self.left_behind(id, host);
            let Some(source) = &mut self.tasks[id.index()].source else { continue };
            (source.end, source.finishes) = (source.end.min(source.position), true);
            source.full = (source.end, true);
            if self.tasks[id.index()].status == Status::Running {
                self.drain_source(job, id, host);
                host.notice(Notice::Wake(id));
            }
        }
    }

    /// A source has emitted its last record.
    pub(super) fn drain_source<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(source) = &self.tasks[id.index()].source else { return };
        if source.reader.is_some() {
            self.reader_goes_on(job, id, host);
        } else if source.finishes {
            self.drain(job, id, host);
        }
    }

    /// A source that was restored behind its last record, or has none.
    pub(super) fn drain_if_empty<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(source) = &self.tasks[id.index()].source else { return };
        if source.position == source.end {
            self.drain_source(job, id, host);
        }
    }

    pub(super) fn drain<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.net.is_stalled(id) && !job.has(Mutant::EndPassesTheStalled) {
            self.tasks[id.index()].drains = true;
            return;
        }
        if std::mem::replace(&mut self.tasks[id.index()].drained, true) {
            return;
        }
        self.end_event_time(job, id, host);
        host.emit(Event::TaskDrained { task: id });
        for channel in job.plan.output_channels(id) {
            self.net.channels[channel.index()].cut_short = self.watermarks.is_cut_short(id);
            self.net.send_end(job, channel, host);
        }
        self.send_drained(id, host);
        self.tell_task(job, id, TaskInput::Drained, host);
    }

    /// The end of data was read from a channel.
    pub(super) fn end_seen<H: Host>(&mut self, job: &Job, id: TaskId, channel: ChannelId, host: &mut H) {
        self.net.channels[channel.index()].end_seen = true;
        self.hear_the_end(job, id, channel, host);
        let task = &mut self.tasks[id.index()];
        task.ended_ports += 1;
        if task.ended_ports as usize == job.plan.inputs(id).len() {
            self.drain(job, id, host);
        }
        self.end_if_waiting(job, job.plan.channels[channel.index()].from, host);
    }

    /// A cycle has come to its end when no more records can come into it and none is in it. Markers may go on.
    ///
    /// No task can see that; a real engine needs a termination protocol. The world looks from outside. Partly
    /// filled buffers inside a cycle are sent first: with the buffer timeout off nothing else would send them.
    pub(super) fn end_cycles<H: Host>(&mut self, job: &Job, host: &mut H) {
        for cycle in &job.plan.cycles {
            let tasks = || cycle.iter().flat_map(|op| job.plan.operators[op.index()].tasks.clone()).map(TaskId);
            let channels = || tasks().flat_map(|id| job.plan.inputs(id)).copied();
            let quiet = tasks().all(|id| self.reads_nothing(id))
                && channels().all(|channel| {
                    let control = &self.net.channels[channel.index()];
                    let ended = control.end_seen || self.is_inside(job, cycle, channel);
                    ended && !control.items.iter().any(|item| matches!(item, Item::Buffer { .. }))
                });
            let mut unended = channels().filter(|c| job.plan.feeds_back(*c) && !self.net.channels[c.index()].ended);
            if !quiet || unended.next().is_none() {
                continue;
            }
            let open: Vec<ChannelId> = channels().filter(|c| self.net.outs[c.index()].is_open()).collect();
            if open.is_empty() {
                for channel in channels().filter(|channel| job.plan.feeds_back(*channel)) {
                    self.net.send_end(job, channel, host);
                }
            } else {
                open.into_iter().for_each(|channel| self.net.flush_channel(job, channel, host));
            }
        }
    }

    /// A task that runs and is not reading a buffer; it may be busy with markers and snapshots.
    fn reads_nothing(&self, id: TaskId) -> bool {
        let task = &self.tasks[id.index()];
        // One that was restored as ended reads nothing for ever.
        let is_quiet = task.status == Status::Running && task.current.is_none() && !self.net.is_stalled(id);
        is_quiet || task.status == Status::Finished
    }

    fn is_inside(&self, job: &Job, cycle: &[OperatorId], channel: ChannelId) -> bool {
        cycle.contains(&job.plan.edges[job.plan.channels[channel.index()].edge.index()].from)
    }

    /// A source reads nothing more, because the job is to end with a savepoint.
    pub(super) fn stop_reading<H: Host>(&mut self, job: &Job, id: TaskId, drain: bool, host: &mut H) {
        self.left_behind(id, host);
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        (source.end, source.finishes) = (source.position, drain);
        source.reader.iter_mut().for_each(|reader| reader.stopped = true);
        host.emit(Event::ReadingStopped { task: id, position: source.position });
        self.drain_source(job, id, host);
    }

    /// A task ends by itself: a complete checkpoint covers all it did. What no checkpoint covers is never seen.
    pub(super) fn end_task<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.tasks[id.index()].status == Status::Finished {
            return;
        }
        if self.has_calls(id) {
            // Not before all is committed that is to be.
            self.tasks[id.index()].ends_after_calls = Some(Last::End);
            return;
        }
        if self.must_hear_more(job, id) {
            self.tasks[id.index()].ends_after_calls = Some(Last::End);
            return;
        }
        if job.settings.after_finish
            && self.tasks[id.index()].drained
            && !self.all_processed(job, id)
            && !job.has(Mutant::EndsBeforeAllIsRead)
        {
            // What is still in its outputs would be part of no checkpoint.
            self.tasks[id.index()].ending = true;
            return;
        }
        for channel in job.plan.output_channels(id) {
            self.net.channels[channel.index()].cut_short = self.watermarks.is_cut_short(id);
            self.net.send_end(job, channel, host);
            self.net.send_control(job, channel, Item::Closed, host);
        }
        self.send_ended(id, host);
        self.close_output(job, id, host);
        self.task_ends(id, host);
        // One that ends with a savepoint may not have read the end of its data, and will not.
        for channel in job.plan.inputs(id) {
            self.net.channels[channel.index()].end_seen = true;
            self.end_if_waiting(job, job.plan.channels[channel.index()].from, host);
        }
    }

    fn has_calls(&self, id: TaskId) -> bool {
        let task = &self.tasks[id.index()];
        task.calling || !task.calls.is_empty()
    }

    /// A task that waits for all it sent to be read ends if it was.
    fn end_if_waiting<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.tasks[id.index()].ending && !self.is_void(id) {
            self.end_task(job, id, host);
        }
    }

    /// Whether the tasks behind have read all that a task sent.
    fn all_processed(&self, job: &Job, id: TaskId) -> bool {
        job.plan.output_channels(id).all(|channel| self.net.channels[channel.index()].end_seen)
    }

    /// A task is over.
    pub(super) fn task_ends<H: Host>(&mut self, id: TaskId, host: &mut H) {
        self.tasks[id.index()].status = Status::Finished;
        host.emit(Event::TaskFinished { task: id });
        self.finished += 1;
        if self.finished as usize == self.tasks.len() {
            self.ended = true;
            host.notice(Notice::Ended);
        }
    }

    /// A task ends: nothing it holds back has to wait any longer.
    pub(super) fn finish_task<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.has_calls(id) {
            // A checkpoint that somebody asked for has completed meanwhile.
            self.tasks[id.index()].ends_after_calls = Some(Last::Finish);
            return;
        }
        if !self.commit_rest(job, id, host) {
            return;
        }
        self.close_output(job, id, host);
        self.task_ends(id, host);
    }

    /// The last events: where everybody stands. A job that was cancelled is over wherever it stood.
    pub fn finish<H: Host>(&mut self, job: &Job, cancelled: bool, host: &mut H) {
        for id in job.plan.task_ids() {
            self.report_output(job, id, host);
            self.final_source(job, id, host);
        }
        for index in 0..job.plan.channels.len() {
            let channel = ChannelId::from(index);
            let (sent, received) = (self.net.outs[index].sent, self.net.ins[index].received);
            host.emit(Event::ChannelFinal { channel, sent, received, buffers: self.net.held(channel) });
        }
        for id in job.plan.task_ids() {
            self.final_state(job, id, host);
        }
        let drained = match self.finished as usize == self.tasks.len() {
            true => 1,
            false if cancelled => 2,
            false => 0,
        };
        host.emit(Event::RunEnded { drained });
    }

    fn final_source<H: Host>(&self, job: &Job, id: TaskId, host: &mut H) {
        let Some(source) = &self.tasks[id.index()].source else { return };
        let operator = job.plan.head(id);
        let log = job.workload.logs[operator.index()].as_ref().expect("the task is a source");
        if log.dynamic {
            return self.final_splits(job, id, host);
        }
        for i in 0..source.share.partitions {
            let partition = log.partition(&source.share, i);
            // What was read before the job was taken up is not its own.
            let emitted = source.share.emitted(source.position, i) - source.share.emitted(0, i);
            host.emit(Event::SourceFinal { task: id, operator, partition, emitted });
        }
    }

    fn final_state<H: Host>(&self, job: &Job, id: TaskId, host: &mut H) {
        let planned = &job.plan.tasks[id.index()];
        for (state, operator) in self.tasks[id.index()].operators.iter().zip(&planned.chain) {
            let values = match &job.plan.operators[operator.index()].keys {
                Some(keys) => keys
                    .held_by(planned.subtask)
                    .map(|(key, place)| value_hash(key, state.counts[place as usize]))
                    .fold(0, u64::wrapping_add),
                None => 0,
            };
            let (applied, lineage) = (state.applied, state.lineage);
            host.emit(Event::StateFinal { task: id, operator: *operator, applied, lineage, values });
            if let KeptState::Output(_) = job.workload.behaviours[operator.index()].keeps {
                let Output { records, lineage } = state.visible;
                host.emit(Event::OutputFinal { task: id, operator: *operator, records, lineage });
            }
        }
        self.final_timers(job, id, host);
    }
}
