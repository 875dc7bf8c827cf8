//! What the world tells of its possibilities becomes entries of the agenda: each gets its instant from the cost model.

use super::later::name_of;
use super::{Clockwork, DELIVER, FAILURES_MAX, Item, Rank, TIMER_LAG};
use crate::base::Span;
use crate::protocol::TimerKind;
use crate::world::{Job, Notice, SnapshotWork, Step};

impl Clockwork {
    pub(super) fn notice(&mut self, job: &Job, notice: Notice) {
        let now = self.now;
        match notice {
            Notice::Wake(task) => self.wake(task),
            Notice::Fly { channel, epoch, nth, bytes } => {
                let planned = &job.plan.channels[channel.index()];
                let (from, to) =
                    (job.plan.tasks[planned.from.index()].manager, job.plan.tasks[planned.to.index()].manager);
                let at = self.links.send(from, to, now, bytes) + self.latency;
                self.arrive(at, DELIVER, u64::from(channel.0), nth, Step::Deliver { channel, epoch });
            }
            Notice::Credit { channel, epoch, amount } => {
                self.arrive(
                    now + self.latency,
                    2,
                    u64::from(channel.0),
                    u64::from(amount),
                    Step::Credit { channel, epoch, amount },
                );
            }
            Notice::Resume { channel, epoch } => {
                self.arrive(now + self.latency, 3, u64::from(channel.0), 0, Step::Resume { channel, epoch });
            }
            Notice::Debloat { task, attempt } => {
                let at = now + self.debloat + TIMER_LAG;
                self.arrive(at, 17, u64::from(task.0), u64::from(attempt.0), Step::Debloat { task, attempt });
            }
            Notice::Resize { channel, epoch, bytes } => {
                let step = Step::Resize { channel, epoch, bytes };
                self.arrive(now + self.latency, 18, u64::from(channel.0), u64::from(bytes), step);
            }
            Notice::Rpc(task) => self.arrive(now + self.rpc, 4, u64::from(task.0), 0, Step::Rpc(task)),
            Notice::Report(task) => self.arrive(now + self.rpc, 5, u64::from(task.0), 0, Step::Report(task)),
            Notice::Sync { task, attempt, whole: false, cost } => {
                self.arrive(
                    now + cost.sync,
                    6,
                    u64::from(task.0),
                    u64::from(attempt.0),
                    Step::Synced { task, attempt },
                );
            }
            Notice::Sync { task, attempt, whole: true, cost } => {
                self.upload(task, cost.sync, cost, u64::from(attempt.0), Step::Synced { task, attempt });
            }
            Notice::Upload { task, attempt, checkpoint, cost } => {
                self.upload(task, Span::ZERO, cost, checkpoint.0, Step::Uploaded { task, attempt, checkpoint });
            }
            Notice::CancelUpload { task, checkpoint } => {
                let (store, next) = self.uploads.cancel(task, checkpoint, now);
                self.plan_upload(store, next);
            }
            Notice::Aside(task) => self.arrive(now + self.rpc, 14, u64::from(task.0), 0, Step::Aside(task)),
            Notice::Prepare(checkpoint) => {
                self.arrive(now + self.prepare, 15, 0, checkpoint.0, Step::Prepared(checkpoint));
            }
            Notice::Clean(checkpoint) => {
                self.arrive(now + self.deletion, 16, 0, checkpoint.0, Step::Cleaned(checkpoint));
            }
            Notice::Record(checkpoint) => {
                self.arrive(now + self.metadata, 10, 0, checkpoint.0, Step::Recorded(checkpoint));
            }
            Notice::SetTimer { task, timer, delay } => {
                self.timers_set += 1;
                let (set, owner) = (self.timers_set, task.map(|(task, _)| task));
                self.timers.retain(|(known, other, _)| (*known, *other) != (owner, timer));
                self.timers.push((owner, timer, set));
                let late = matches!(timer.kind, TimerKind::Alignment | TimerKind::Output);
                let delay = if late { delay + TIMER_LAG } else { delay };
                let who = task.map_or(0, |(task, _)| u64::from(task.0) + 1);
                let order = self.order(Rank::Arrival, 11 << 32 | who, timer.checkpoint.0 << 8 | timer.kind as u64);
                self.agenda.push(now + delay, order, Item::Timer { task, timer, set });
            }
            Notice::CancelTimer { task, timer } => {
                self.timers.retain(|(owner, known, _)| (*owner, *known) != (task, timer))
            }
            Notice::Failed { after } => {
                self.failures += 1;
                self.ended |= self.failures >= FAILURES_MAX;
                self.arrive(now + after, 12, 0, 0, Step::Restart);
            }
            Notice::Restore { task, attempt, bytes, replay } => {
                let (bandwidth, latency) = self.storage;
                let load = if bytes.0 > 0 { latency + bandwidth.time_for(bytes.0) } else { Span::ZERO };
                self.arrive(
                    now + load + replay,
                    13,
                    u64::from(task.0),
                    u64::from(attempt.0),
                    Step::Ready { task, attempt },
                );
            }
            Notice::Ended => self.ended = true,
            Notice::Watermark { task, attempt, after } => {
                let at = now + after + TIMER_LAG;
                self.arrive(at, 19, u64::from(task.0), u64::from(attempt.0), Step::Watermark { task, attempt });
            }
            Notice::Materialize { task, attempt, after } => {
                let step = Step::Materialize { task, attempt };
                self.arrive(now + after, 20, u64::from(task.0), u64::from(attempt.0), step);
            }
            Notice::Background { task, attempt, bytes } => {
                let work = SnapshotWork { upload: Some(bytes), ..SnapshotWork::default() };
                let nth = 1 << 32 | u64::from(attempt.0);
                self.upload(task, Span::ZERO, work, nth, Step::Materialized { task, attempt });
            }
            Notice::Later { step: step @ Step::Heal { fault, part }, after } => {
                let order = self.order_of_fault(u64::from(fault), 1 << 48 | u64::from(fault) << 16 | u64::from(part));
                self.agenda.push(now + after, order, Item::Step(step));
            }
            Notice::Later { step: step @ Step::Thaw { fault, part }, after } => {
                let order = self.order_of_fault(u64::from(fault), 2 << 48 | u64::from(fault) << 16 | u64::from(part));
                self.agenda.push(now + after, order, Item::Step(step));
            }
            Notice::Later { step, after } => {
                let (kind, who, nth) = name_of(step);
                self.arrive(now + after, kind, who, nth, step);
            }
            Notice::Pace { task, factor } => self.paces.push((task, factor)),
            Notice::Clock { manager, by } => self.clocks[manager as usize] = by,
            Notice::ForgetTimers => {
                self.timers.retain(|(owner, timer, _)| owner.is_some() || timer.kind == TimerKind::Request)
            }
        }
    }
}
