//! Scanning ahead: how far a task can go before something happens that others could see.
//!
//! The scan reads the world and changes nothing that counts. It looks only at sizes, and at keys where a
//! record's way depends on them; chains of operators are walked in full.

use crate::base::{Span, TaskId, Time};
use crate::plan::OutEdge;
use crate::workload::{Behaviour, Record, SourceLog};
use crate::world::{Job, Lane, Route, World};

/// Scans tasks; keeps its scratch memory.
pub(super) struct Lookahead {
    /// Projected room in the open buffers of the task's output channels, by slot; zero if none is open.
    room: Vec<u32>,
    turns: Vec<u32>,
    /// By task: the time that one record takes, if it is always the same.
    service: Vec<Option<Span>>,
    /// That, when nothing slows a task down.
    usual: Vec<Option<Span>>,
    /// By task: so many times longer than usual; empty: nobody is slow.
    paces: Vec<u32>,
    /// By task: any record may be an effect, whatever it looks like.
    acts_at_once: Vec<bool>,
}

/// The next effect of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// Records up to and including the one that causes it.
    pub records: u32,
    /// When that one is finished.
    pub at: Time,
}

impl Lookahead {
    pub fn new(job: &Job) -> Self {
        let service = job.plan.tasks.iter().map(|task| match task.chain.as_slice() {
            [only] => Some(job.scenario.job.operators[only.index()].service),
            _ => None,
        });
        let usual: Vec<Option<Span>> = service.collect();
        let behaviour = |operator: &crate::base::OperatorId| &job.workload.behaviours[operator.index()];
        let acts_at_once =
            job.plan.tasks.iter().map(|task| task.chain.iter().any(|operator| behaviour(operator).acts_at_once()));
        let acts_at_once = acts_at_once.collect();
        Self { room: Vec::new(), turns: Vec::new(), service: usual.clone(), usual, paces: Vec::new(), acts_at_once }
    }

    /// For another run.
    pub fn reset(&mut self) {
        if !self.paces.is_empty() {
            self.paces.clear();
            self.service.clone_from(&self.usual);
        }
    }

    /// From now on a task needs so many times as long as usual.
    pub fn set_pace(&mut self, task: TaskId, factor: u32) {
        self.paces.resize(self.usual.len(), 1);
        self.paces[task.index()] = factor;
        self.service[task.index()] = self.usual[task.index()].map(|usual| usual * u64::from(factor));
    }

    /// The next effect of a task that begins its next record at `anchor` or when it arrives; at most `most` records.
    pub fn next_effect(&mut self, job: &Job, world: &mut World, task: TaskId, anchor: Time, most: u32) -> Effect {
        let most = if self.acts_at_once[task.index()] { 1 } else { most };
        let most = most.min(self.until_flush(job, task, anchor));
        let mut limit = world.upcoming(task, most).min(most);
        if world.is_behind(task) {
            limit = self.until_caught_up(job, world, task, anchor, limit);
        }
        let outputs = job.plan.outputs(task);
        // One record is one step whatever it does; and without outputs only the end of the input is an effect.
        if (limit == 1 || outputs.is_empty()) && self.service[task.index()].is_some() {
            return Effect { records: limit, at: self.finish_of(job, world, task, anchor, limit) };
        }
        world.prepare(job, task, limit);
        self.room.clear();
        self.room.extend(job.plan.output_channels(task).map(|channel| world.open_room(channel)));
        self.turns.clear();
        self.turns.extend_from_slice(world.turns(task));
        let (a, b) = world.peek(task, limit);
        let mut scan = Scan { job, task, room: &mut self.room, turns: &mut self.turns, outputs };
        let before = scan.before_effect(a, b);
        let records = limit.min(before + 1);
        Effect { records, at: self.finish_of(job, world, task, anchor, records) }
    }

    /// How many of the next records a source finishes until none waits for it any more; that is an effect.
    fn until_caught_up(&self, job: &Job, world: &mut World, task: TaskId, anchor: Time, limit: u32) -> u32 {
        let Some(log) = log(job, task).filter(|log| log.arrivals.rate.is_some()) else { return limit };
        world.prepare(job, task, limit);
        let (next, mut records) = (world.upcoming_arrivals(log, task), 0);
        self.follow(job, world, task, anchor, limit, |_, finish| {
            records += 1;
            Time::ZERO + next.arrival(log, u64::from(records)) < finish
        });
        records
    }

    /// Tells when each of the next records is finished.
    pub fn each_finish(
        &self,
        job: &Job,
        world: &World,
        task: TaskId,
        anchor: Time,
        records: u32,
        mut tell: impl FnMut(Time),
    ) {
        self.follow(job, world, task, anchor, records, |_, finish| {
            tell(finish);
            true
        });
    }

    /// At most so many records are finished when the task's buffers are next flushed; beyond that a scan is in vain.
    fn until_flush(&self, job: &Job, task: TaskId, anchor: Time) -> u32 {
        match (job.scenario.network.buffer_timeout, self.service[task.index()]) {
            (Some(Span::ZERO), _) => 1,
            (Some(timeout), Some(service)) => {
                let gap = service.0.max(log(job, task).map_or(0, |log| log.arrivals.gap_min().0)).max(1);
                let flush = (anchor.0 / timeout.0 + 1).saturating_mul(timeout.0);
                u32::try_from((flush - anchor.0) / gap + 1).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        }
    }

    /// When the `records`-th record from here is finished.
    fn finish_of(&self, job: &Job, world: &World, task: TaskId, anchor: Time, records: u32) -> Time {
        match (self.service[task.index()], is_paced(job, task)) {
            (Some(service), false) => anchor + service * u64::from(records),
            _ => self.follow(job, world, task, anchor, records, |_, _| true).1,
        }
    }

    /// How many of the `planned` records are finished by `until`, and when the next one begins at the earliest.
    pub fn finished_by(
        &self,
        job: &Job,
        world: &World,
        task: TaskId,
        anchor: Time,
        until: Time,
        planned: u32,
    ) -> (u32, Time) {
        match (self.service[task.index()], is_paced(job, task)) {
            (Some(service), false) => {
                let records = (until.since(anchor).0 / service.0.max(1)).min(u64::from(planned)) as u32;
                (records, anchor + service * u64::from(records))
            }
            _ => self.follow(job, world, task, anchor, planned, |_, finish| finish <= until),
        }
    }

    /// The first instant from `now` on at which the thread is between two records.
    pub fn next_boundary(&self, job: &Job, world: &World, task: TaskId, anchor: Time, now: Time) -> Time {
        if let (Some(service), false) = (self.service[task.index()], is_paced(job, task)) {
            return anchor + Span(now.since(anchor).0.div_ceil(service.0.max(1)) * service.0);
        }
        let mut boundary = now;
        self.follow(job, world, task, anchor, u32::MAX, |begin, finish| {
            if begin < now {
                boundary = boundary.max(finish);
            }
            finish <= now
        });
        boundary
    }

    /// Follows the records in time while `go_on(begin, finish)` says so; how many it did, and when the last one ended.
    fn follow(
        &self,
        job: &Job,
        world: &World,
        task: TaskId,
        anchor: Time,
        most: u32,
        mut go_on: impl FnMut(Time, Time) -> bool,
    ) -> (u32, Time) {
        let log = log(job, task);
        let arrivals = log.map(|log| world.upcoming_arrivals(log, task)).unwrap_or_default();
        let limit = world.upcoming(task, most).min(most);
        let constant = self.service[task.index()];
        let (a, b) =
            if constant.is_some() { (&[][..], &[][..]) } else { world.peek(task, world.prepared(task, limit)) };
        let mut time = anchor;
        for n in 0..limit {
            let arrival = log.map_or(Time::ZERO, |log| Time::ZERO + arrivals.arrival(log, u64::from(n)));
            let begin = time.max(arrival);
            let service = constant.unwrap_or_else(|| {
                let at = n as usize;
                let record = if at < a.len() { &a[at] } else { &b[at - a.len()] };
                walk_cost(job, task, 0, record) * u64::from(self.paces.get(task.index()).copied().unwrap_or(1))
            });
            let finish = begin + service;
            if !go_on(begin, finish) {
                return (n, time);
            }
            time = finish;
        }
        (limit, time)
    }
}

/// The log that a task reads, if it is a source.
pub(super) fn log(job: &Job, task: TaskId) -> Option<&SourceLog> {
    job.workload.logs[job.plan.head(task).index()].as_ref()
}

/// Whether a task has to wait for records to arrive at its source.
fn is_paced(job: &Job, task: TaskId) -> bool {
    log(job, task).is_some_and(|log| log.arrivals.rate.is_some())
}

/// Thread time of a record in a chain of operators: its own, and that of all it causes.
fn walk_cost(job: &Job, task: TaskId, position: usize, record: &Record) -> Span {
    let chain = &job.plan.tasks[task.index()].chain;
    let mut cost = job.scenario.job.operators[chain[position].index()].service;
    if position + 1 < chain.len() {
        let behaviour = &job.workload.behaviours[chain[position].index()];
        for branch in 0..behaviour.output_count(record.lineage) {
            cost += walk_cost(job, task, position + 1, &behaviour.output(record, branch, 0));
        }
    }
    cost
}

/// Whether a record neither begins a buffer nor makes one full: what becomes of the others, the scan need not know.
#[inline]
fn fits(room: &mut u32, size: u32) -> bool {
    let fits = size < *room;
    *room = room.saturating_sub(size);
    fits
}

struct Scan<'a> {
    job: &'a Job,
    task: TaskId,
    room: &'a mut [u32],
    turns: &'a mut [u32],
    outputs: &'a [OutEdge],
}

impl Scan<'_> {
    /// How many records come before the first one that is an effect.
    fn before_effect(&mut self, a: &[Record], b: &[Record]) -> u32 {
        let chain = &self.job.plan.tasks[self.task.index()].chain;
        let behaviour = &self.job.workload.behaviours[chain[0].index()];
        let mut before = 0;
        let mut count = |goes_on: &mut dyn FnMut(&Record) -> bool| {
            before = a.iter().chain(b).take_while(|record| goes_on(record)).count() as u32;
        };
        match (chain.as_slice(), self.outputs) {
            ([_], [out]) if behaviour.is_one_to_one() && behaviour.rekey.is_none() => {
                return self.before_effect_on(behaviour, out, a, b);
            }
            ([_], _) => count(&mut |record| !self.emits(behaviour, record)),
            _ => count(&mut |record| !self.walk(0, record)),
        }
        before
    }

    /// The same where each record goes on as one record on one edge: only sizes and ways count.
    fn before_effect_on(&mut self, behaviour: &Behaviour, out: &OutEdge, a: &[Record], b: &[Record]) -> u32 {
        let size_of = |record: &Record| behaviour.output_size.unwrap_or(record.size);
        let slots = &mut self.room[out.slot as usize..(out.slot + out.width) as usize];
        let count = match Lane::of(self.job, out) {
            Lane::One => match behaviour.output_size {
                Some(size) => return slots[0].div_ceil(size).saturating_sub(1),
                None => a.iter().chain(b).take_while(|record| fits(&mut slots[0], record.size)).count(),
            },
            Lane::ByKey(owner) => {
                let lane = |record: &Record| usize::from(owner[record.key as usize]);
                let first = a.iter().take_while(|record| fits(&mut slots[lane(record)], size_of(record))).count();
                match first == a.len() {
                    true => {
                        let rest = b.iter().take_while(|record| fits(&mut slots[lane(record)], size_of(record)));
                        first + rest.count()
                    }
                    false => first,
                }
            }
            Lane::Other => a.iter().chain(b).take_while(|record| !self.emits(behaviour, record)).count(),
        };
        count as u32
    }

    /// Projects what the last operator of the chain sends for a record; true if that is an effect.
    #[inline]
    fn emits(&mut self, behaviour: &Behaviour, record: &Record) -> bool {
        let count = if behaviour.is_one_to_one() { 1 } else { behaviour.output_count(record.lineage) };
        let mut effect = false;
        for branch in 0..count {
            for (edge, out) in self.outputs.iter().enumerate() {
                let output = behaviour.output(record, branch, edge as u32);
                match Route::pick(self.job, out, &output, &mut self.turns[edge]) {
                    Some(n) => effect |= self.add(out.slot + n, output.size),
                    None => (0..out.width).for_each(|n| effect |= self.add(out.slot + n, output.size)),
                }
            }
        }
        effect
    }

    #[inline]
    fn add(&mut self, slot: u32, size: u32) -> bool {
        !fits(&mut self.room[slot as usize], size)
    }

    /// The same for a chain from a position on.
    fn walk(&mut self, position: usize, record: &Record) -> bool {
        let chain = &self.job.plan.tasks[self.task.index()].chain;
        let behaviour = &self.job.workload.behaviours[chain[position].index()];
        if position + 1 == chain.len() {
            return self.emits(behaviour, record);
        }
        let mut effect = false;
        for branch in 0..behaviour.output_count(record.lineage) {
            effect |= self.walk(position + 1, &behaviour.output(record, branch, 0));
        }
        effect
    }
}
