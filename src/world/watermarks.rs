//! Event time: how far tasks know that they have read, and how they tell.
//!
//! A source says so by itself, a watermark: no record that happened up to then will come any more. It is the least of
//! what it may say for each of its partitions. It goes to everybody that the source sends to, between the records and in
//! order with them ([`crate::workload::Mark`]); so it fills buffers, waits for a flush, is overtaken by barriers and
//! saved with what they overtake. Who reads from several channels knows the least of what each of them said, and passes
//! that on when it has grown. All operators of a chain know what their task knows.
//!
//! Where nothing comes for long, a partition, a source, a channel is *idle*, and is not waited for. As in Flink a
//! channel that is not idle any more - it says so, or how far it is - is waited for again only when it has come as far
//! as the others; and a task whose inputs are all idle says that it is, too.
//!
//! Round a cycle nothing of it goes: what comes back is late, or may be.
//!
//! The end of the data says that nothing at all will come, unless the sender was stopped before its end.
//!
//! Watermarks are not state. A task that begins again knows nothing, and hears of it anew.
//!
//! **Rounding.** Flink counts milliseconds, and a watermark is one less than it might be; here it is a nanosecond.

use super::task::{Mail, Status};
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, ChannelId, Span, TaskId, Time};
use crate::fault::Mutant;
use crate::plan::Plan;
use crate::protocol::Moment;
use crate::scenario::{EventTime, Watermarks as Often};
use crate::trace::Event;
use crate::workload::{Mark, Record, SourceShare};

/// What everybody knows; empty if no record of the job says when it happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Watermarks {
    /// By channel, at its receiver.
    inputs: Vec<Input>,
    tasks: Vec<Knowledge>,
}

/// What a receiver has heard from a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Input {
    watermark: Time,
    idle: bool,
    /// It was idle, and has not come as far yet as the others.
    behind: bool,
}

/// What a task knows.
#[derive(Clone, Debug, Default)]
struct Knowledge {
    /// What it said last.
    watermark: Time,
    /// It has said that it is idle.
    idle: bool,
    /// Records that came although the watermark said they would not, and were not told of yet.
    late: u64,
    /// A source: its partitions, in the order of its share.
    partitions: Vec<Partition>,
}

/// What a subtask of a source has seen of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Partition {
    /// The latest time of a record.
    newest: Time,
    /// Records, now and when the subtask looked last.
    records: u64,
    seen: u64,
    /// When it looked for the first time of several at which nothing had come.
    quiet: Option<Moment>,
    idle: bool,
}

impl Watermarks {
    /// For runs of this job.
    pub fn new(job: &Job) -> Self {
        if !job.workload.has_event_time() {
            return Self::default();
        }
        let inputs = vec![Input::default(); job.plan.channels.len()];
        Self { inputs, tasks: vec![Knowledge::default(); job.plan.tasks.len()] }
    }

    pub fn reset(&mut self) {
        self.inputs.fill(Input::default());
        for task in &mut self.tasks {
            task.forget();
            task.late = 0;
        }
    }

    /// Whether there is event time.
    #[inline]
    pub fn is_on(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// How far a task knows that it has read.
    #[inline]
    pub fn known(&self, id: TaskId) -> Time {
        self.tasks.get(id.index()).map_or(Time::ZERO, |known| known.watermark)
    }

    /// Whether a task that ends does not know that nothing will come any more.
    pub fn is_cut_short(&self, id: TaskId) -> bool {
        self.tasks.get(id.index()).is_some_and(|known| known.watermark < Time::NEVER)
    }

    /// A task loses what it knows.
    pub fn forget(&mut self, job: &Job, id: TaskId) {
        if self.is_on() && !job.has(Mutant::WatermarkOutlivesRestart) {
            self.tasks[id.index()].forget();
        }
    }

    /// A channel begins a new life.
    pub fn forget_input(&mut self, channel: ChannelId) {
        if let Some(input) = self.inputs.get_mut(channel.index()) {
            *input = Input::default();
        }
    }

    /// The least of what the inputs of a task said that are waited for; `None`: there is no such input.
    fn least(&self, job: &Job, id: TaskId) -> Option<Time> {
        let counts = |input: &&Input| !input.idle && !input.behind || job.has(Mutant::IdleInputCounts);
        let said = self.of(&job.plan, id).filter(counts).map(|input| input.watermark);
        if job.has(Mutant::WatermarkIsTheMost) { said.max() } else { said.min() }
    }

    /// What a task has heard from all that it reads from; what comes round a cycle says nothing.
    fn of<'a>(&'a self, plan: &'a Plan, id: TaskId) -> impl Iterator<Item = &'a Input> {
        let inputs = plan.inputs(id).iter().filter(|channel| !plan.feeds_back(**channel));
        inputs.map(|channel| &self.inputs[channel.index()])
    }
}

impl Input {
    /// It is waited for again if it has come as far as its receiver.
    fn catch_up(&mut self, job: &Job, with: Time) {
        self.behind &= self.watermark < with || job.has(Mutant::ReturnedInputNeverCounts);
    }
}

impl Knowledge {
    /// What is late stays so.
    fn forget(&mut self) {
        (self.watermark, self.idle) = (Time::ZERO, false);
        self.partitions.clear();
    }

    /// A source looks which of its partitions are idle; whether one is.
    fn look<H: Host>(&mut self, after: Span, host: &mut H) -> bool {
        let mut any = false;
        for partition in &mut self.partitions {
            if partition.records != std::mem::replace(&mut partition.seen, partition.records) {
                (partition.quiet, partition.idle) = (None, false);
            } else {
                let since = *partition.quiet.get_or_insert_with(|| host.now());
                partition.idle |= host.elapsed(since, after);
            }
            any |= partition.idle;
        }
        any
    }
}

impl Partition {
    #[inline]
    fn see(&mut self, record: &Record) {
        self.newest = self.newest.max(record.time);
        self.records += 1;
        self.idle = false;
    }
}

impl World {
    /// A source that sends watermarks after a time begins to.
    pub(super) fn begin_watermarks<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(times) = event_time(job, id) else { return };
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        let known = &mut self.watermarks.tasks[id.index()];
        known.partitions.resize(source.share.partitions as usize, Partition::default());
        source.wakes = known.partitions.iter().any(|partition| partition.idle);
        match times.watermarks {
            Often::Records(records) => source.every = u64::from(records),
            Often::Every(after) => {
                let attempt = self.tasks[id.index()].attempt;
                host.notice(Notice::Watermark { task: id, attempt, after });
            }
        }
    }

    /// It is time for a source to say how far it is: its thread will, between two records.
    pub(super) fn watermark_is_due<H: Host>(&mut self, id: TaskId, attempt: Attempt, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.attempt == attempt && matches!(task.status, Status::Running | Status::Frozen) {
            task.mailbox.push(Mail::Watermark);
            host.notice(Notice::Wake(id));
        }
    }

    /// A source looks for idle partitions, says how far it is, and will again.
    pub(super) fn look_at_event_time<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let Some(times) = event_time(job, id) else { return };
        let task = &self.tasks[id.index()];
        // One that was stopped says nothing more: nobody would read it.
        let is_stopped = task.source.as_ref().is_none_or(|source| source.full != (source.end, source.finishes));
        if task.drained || is_stopped {
            return;
        }
        if let Some(after) = times.idle_after {
            host.asks(Some(id));
            let wakes = self.watermarks.tasks[id.index()].look(after, host);
            self.tasks[id.index()].source.iter_mut().for_each(|source| source.wakes = wakes);
        }
        self.tell_how_far(job, id, host);
        if let Often::Every(after) = times.watermarks {
            let attempt = self.tasks[id.index()].attempt;
            host.notice(Notice::Watermark { task: id, attempt, after });
        }
    }

    /// A source says how far it is: as far as the last of its partitions, those aside that are idle or read.
    fn tell_how_far<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let (Some(times), Some(source)) = (event_time(job, id), &self.tasks[id.index()].source) else { return };
        let finishes = job.workload.logs[job.plan.head(id).index()].as_ref().is_some_and(|log| log.finishes);
        let SourceShare { total, .. } = source.share;
        let is_read = |i: usize| {
            let upto = |position| source.share.emitted(position, i as u32);
            finishes && upto(source.position) >= upto(total)
        };
        let known = &self.watermarks.tasks[id.index()];
        let unread = known.partitions.iter().enumerate().filter(|(i, _)| !is_read(*i)).map(|(_, partition)| partition);
        let is_idle = unread.clone().next().is_some() && unread.clone().all(|partition| partition.idle);
        let newest = unread.filter(|partition| !partition.idle).map(|partition| partition.newest).min();
        let bound = if job.has(Mutant::LateIsNotWaitedFor) { Span::ZERO } else { times.bound };
        if is_idle {
            self.set_idle(job, id, true, host);
        } else if let Some(newest) = newest {
            // One less, since records of the same time may follow.
            self.advance(job, id, Time(newest.0.saturating_sub(bound.0.saturating_add(1))), host);
        }
    }

    /// Before a task reads so many records: those are counted that are late, and a source looks at their times.
    pub(super) fn look_at_times<H: Host>(&mut self, job: &Job, id: TaskId, records: u32, host: &mut H) {
        self.prepare(job, id, records);
        let task = &self.tasks[id.index()];
        let (a, b) = match (&task.current, &task.source) {
            (Some(current), _) => self.net.rings[current.channel.index()].first(records as usize),
            (None, Some(source)) => source.ahead.first(records as usize),
            (None, None) => return,
        };
        let known = &mut self.watermarks.tasks[id.index()];
        if known.watermark > Time::ZERO {
            let is_late = |record: &&Record| record.time > Time::ZERO && record.time <= known.watermark;
            known.late += a.iter().chain(b).filter(is_late).count() as u64;
        }
        let Some(source) = task.source.as_ref().filter(|_| !known.partitions.is_empty()) else { return };
        for (record, position) in a.iter().chain(b).zip(source.position..) {
            known.partitions[source.share.locate(position).0 as usize].see(record);
        }
        if source.wakes {
            self.wake_up(job, id, host);
        }
    }

    /// A record came to an idle partition of a source.
    fn wake_up<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let wakes = self.watermarks.tasks[id.index()].partitions.iter().any(|partition| partition.idle);
        self.tasks[id.index()].source.iter_mut().for_each(|source| source.wakes = wakes);
        self.set_idle(job, id, false, host);
    }

    /// After a source has read records: it may be time to say how far it is.
    pub(super) fn count_for_watermark<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let source = self.tasks[id.index()].source.as_ref();
        if source.is_some_and(|source| source.every > 0 && source.position.is_multiple_of(source.every)) {
            self.tell_how_far(job, id, host);
        }
    }

    /// The marks that come next in the buffer that a task reads are handled at once, before the next record.
    pub(super) fn read_marks<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        while let Some(current) = self.tasks[id.index()].current.as_mut().filter(|c| c.left == 0 && c.rest > 0) {
            let channel = current.channel;
            let ring = &mut self.net.rings[channel.index()];
            let first = ring.front().expect("the buffer's records are in the ring");
            let Some(mark) = first.mark() else {
                let is_record = |record: &Record| record.mark().is_none();
                current.left = ring.iter().take(current.rest as usize).take_while(is_record).count() as u32;
                current.rest -= current.left;
                return;
            };
            ring.skip(1);
            current.rest -= 1;
            let input = &mut self.net.ins[channel.index()];
            input.chain.push(first.lineage);
            input.received += 1;
            self.hear(job, id, channel, mark, host);
        }
    }

    /// A task hears something about event time.
    fn hear<H: Host>(&mut self, job: &Job, id: TaskId, channel: ChannelId, mark: Mark, host: &mut H) {
        let said = self.watermarks.tasks[id.index()].watermark;
        let input = &mut self.watermarks.inputs[channel.index()];
        match mark {
            Mark::Watermark(watermark) => {
                host.emit(Event::WatermarkReceived { channel, watermark: watermark.0 });
                input.watermark = input.watermark.max(watermark);
                // That it was idle may be all that a restart has put back of what it said.
                input.idle = false;
                input.catch_up(job, said);
                self.set_idle(job, id, false, host);
                if job.has(Mutant::FiresWithTheFirst) {
                    self.fire_timers(job, id, said, watermark, host);
                }
            }
            Mark::Idle => {
                host.emit(Event::IdleReceived { channel, idle: 1 });
                (input.idle, input.behind) = (true, true);
                let was_last = input.watermark == said;
                if self.watermarks.of(&job.plan, id).all(|input| input.idle) {
                    // Nobody is waited for any more: as far as anyone has come.
                    let most = self.watermarks.of(&job.plan, id).map(|input| input.watermark).max();
                    self.advance(job, id, most.filter(|_| was_last).unwrap_or_default(), host);
                    return self.set_idle(job, id, true, host);
                }
            }
            Mark::Active => {
                host.emit(Event::IdleReceived { channel, idle: 0 });
                input.idle = false;
                input.catch_up(job, said);
                self.set_idle(job, id, false, host);
            }
        }
        let least = self.watermarks.least(job, id).unwrap_or_default();
        self.advance(job, id, least, host);
    }

    /// A task has read the end of data on a channel.
    pub(super) fn hear_the_end<H: Host>(&mut self, job: &Job, id: TaskId, channel: ChannelId, host: &mut H) {
        let is_told = !self.net.channels[channel.index()].cut_short && !job.has(Mutant::EndIsNoWatermark);
        if !self.watermarks.is_on() || !is_told || job.plan.feeds_back(channel) {
            return;
        }
        self.hear(job, id, channel, Mark::Watermark(Time::NEVER), host);
    }

    /// A source has no more records: nothing will come any more. What it sends says so by its end.
    pub(super) fn end_event_time<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        if self.watermarks.is_on() && job.plan.is_source(id) {
            self.advance(job, id, Time::NEVER, host);
        }
    }

    /// A task knows more than before, and says so.
    fn advance<H: Host>(&mut self, job: &Job, id: TaskId, watermark: Time, host: &mut H) {
        let known = &mut self.watermarks.tasks[id.index()];
        if watermark <= known.watermark {
            return;
        }
        let before = std::mem::replace(&mut known.watermark, watermark);
        host.emit(Event::WatermarkAdvanced { task: id, watermark: watermark.0 });
        self.fire_timers(job, id, before, watermark, host);
        if watermark < Time::NEVER {
            self.tell_all(job, id, Mark::Watermark(watermark), host);
        }
    }

    /// A task becomes idle, or is not any more, and says so.
    fn set_idle<H: Host>(&mut self, job: &Job, id: TaskId, idle: bool, host: &mut H) {
        let known = &mut self.watermarks.tasks[id.index()];
        if std::mem::replace(&mut known.idle, idle) != idle {
            host.emit(Event::TaskIdle { task: id, idle: u32::from(idle) });
            self.tell_all(job, id, if idle { Mark::Idle } else { Mark::Active }, host);
        }
    }

    /// A mark goes to every subtask that a task sends to. Afterwards it may have no room for records.
    fn tell_all<H: Host>(&mut self, job: &Job, id: TaskId, mark: Mark, host: &mut H) {
        for channel in job.plan.output_channels(id).filter(|channel| !job.plan.feeds_back(*channel)) {
            self.net.push(job, channel, Record::of(mark), host);
        }
        self.block_if_full(job, id, host);
    }

    /// Tells how many records of a task were late since this was told last.
    pub(super) fn report_late<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let Some(known) = self.watermarks.tasks.get_mut(id.index()) else { return };
        let records = std::mem::take(&mut known.late);
        if records > 0 {
            host.emit(Event::RecordsLate { task: id, records });
        }
    }
}

/// The event time of a task's source, if it is one that has it.
fn event_time(job: &Job, id: TaskId) -> Option<EventTime> {
    job.workload.logs[job.plan.head(id).index()].as_ref()?.event_time
}
