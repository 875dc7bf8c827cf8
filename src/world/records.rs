//! The inner loop of everything: records go through a task's operators and out.
//!
//! One operator that sends one record for each on at most one edge is the common case, and has loops of its own; the
//! rest goes record by record.

use super::catching_up::Behind;
use super::net::{Held, Net};
use super::task::{Current, OperatorState, Output};
use super::timers::Which;
use super::{Host, Job, Notice, World};
use crate::base::{ChannelId, OperatorId, TaskId, Time};
use crate::fault::Mutant;
use crate::plan::OutEdge;
use crate::scenario::{OverTime, Partitioner, SinkMode};
use crate::workload::{Behaviour, KeptState, Record};

/// Where an operator's outputs go: to the next operator of the chain, or out.
pub struct Route;

impl Route {
    /// The channel of an output edge that takes this record; `None`: all of them.
    #[inline]
    pub fn pick(job: &Job, out: &OutEdge, record: &Record, turn: &mut u32) -> Option<u32> {
        if out.width == 1 {
            return Some(0);
        }
        let edge = &job.plan.edges[out.edge.index()];
        match edge.by {
            Partitioner::Forward | Partitioner::Global => Some(0),
            Partitioner::Hash => {
                let owner = edge.owner.as_ref().expect("hash edges have owners");
                Some(u32::from(owner[record.key as usize]))
            }
            Partitioner::Broadcast => None,
            Partitioner::Rebalance | Partitioner::Rescale => {
                let this = *turn % out.width;
                *turn = this + 1;
                Some(this)
            }
        }
    }
}

/// The ways out that need no looking up for each record.
pub enum Lane<'a> {
    /// Every record goes to the only channel, or the first one.
    One,
    /// The key decides.
    ByKey(&'a [u16]),
    /// Turns, or every channel.
    Other,
}

impl<'a> Lane<'a> {
    /// The way of an output edge.
    #[inline]
    pub fn of(job: &'a Job, out: &OutEdge) -> Self {
        let edge = &job.plan.edges[out.edge.index()];
        match (edge.by, &edge.owner) {
            _ if out.width == 1 => Self::One,
            (Partitioner::Forward | Partitioner::Global, _) => Self::One,
            (Partitioner::Hash, Some(owner)) => Self::ByKey(owner),
            _ => Self::Other,
        }
    }
}

impl World {
    /// Processes records: the inner loop of everything.
    pub(super) fn run<H: Host>(&mut self, job: &Job, id: TaskId, records: u32, host: &mut H) {
        if self.watermarks.is_on() {
            self.look_at_times(job, id, records, host);
        }
        let now = self.now_of(job, id, host);
        let task = &mut self.tasks[id.index()];
        task.processed += u64::from(records);
        let mut thread = Thread { job, id, net: &mut self.net, turns: &mut task.turns, now };
        if let Some(current) = &mut task.current {
            debug_assert!(records <= current.left);
            let channel = current.channel;
            // The ring is taken out so that outputs can be pushed meanwhile; a task that feeds itself goes
            // record by record.
            let own = job.plan.channels[channel.index()].from == id;
            let mut left = records;
            while left > 0 {
                let n = if own { 1 } else { left };
                let mut ring = std::mem::take(&mut thread.net.rings[channel.index()]);
                let mut input = thread.net.ins[channel.index()];
                if own {
                    let record = ring.pop().expect("the buffer's records are in the ring");
                    thread.net.rings[channel.index()] = ring;
                    input.chain.push(record.lineage);
                    thread.apply(&mut task.operators, 0, &record, host);
                } else {
                    let (a, b) = ring.first(n as usize);
                    for part in [a, b] {
                        part.iter().for_each(|record| input.chain.push(record.lineage));
                        thread.apply_all(&mut task.operators, part, host);
                    }
                    ring.skip(n as usize);
                    thread.net.rings[channel.index()] = ring;
                }
                input.received += u64::from(n);
                thread.net.ins[channel.index()] = input;
                left -= n;
            }
            current.left -= records;
            if current.left == 0 {
                self.go_on_reading(job, id, host);
            }
        } else if let Some(source) = &mut task.source {
            source.prepare(job, job.plan.head(id), records);
            let (a, b) = source.ahead.first(records as usize);
            thread.apply_all(&mut task.operators, a, host);
            thread.apply_all(&mut task.operators, b, host);
            source.ahead.skip(records as usize);
            source.position += u64::from(records);
            let (behind, ends) = (source.behind != Behind::No, source.position == source.end);
            self.count_for_watermark(job, id, host);
            if behind {
                self.catches_up(job, id, host);
            }
            if ends {
                self.report_output(job, id, host);
                self.drain_source(job, id, host);
            }
        }
        self.arm(job, id, Which::Since(now.moment), host);
        self.block_if_full(job, id, host);
        host.notice(Notice::Wake(id));
    }

    /// What a task knows of time when it begins to process records.
    fn now_of<H: Host>(&self, job: &Job, id: TaskId, host: &mut H) -> Now {
        let now = Now::at(job, id, self.watermarks.known(id), host);
        let gate = |current: &Current| job.plan.edges[job.plan.channels[current.channel.index()].edge.index()].gate;
        Now { side: u8::from(self.tasks[id.index()].current.as_ref().map_or(0, gate) > 0), ..now }
    }

    /// A task has read the records that came next: marks follow, or the buffer ends.
    pub(super) fn go_on_reading<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        self.read_marks(job, id, host);
        let task = &mut self.tasks[id.index()];
        let Some(Current { channel, seq, held, .. }) = task.current.filter(|current| current.left == 0) else { return };
        task.current = None;
        self.net.consumed(job, channel, seq, held, host);
        self.report_output(job, id, host);
        if held == Held::Restored {
            self.recovered(job, id, host);
        }
    }
}

impl OperatorState {
    pub fn clear_state(&mut self) {
        (self.applied, self.lineage, self.keys) = (0, 0, 0);
        self.counts.fill(0);
        self.open = Output::default();
        self.pending.clear();
        self.heard.clear();
        self.incomplete.clear();
        self.batch.clear();
        self.panes.iter_mut().for_each(|panes| panes.clear());
    }

    /// Applies records one after the other.
    #[inline]
    fn apply_all(&mut self, job: &Job, operator: OperatorId, records: &[Record]) {
        let planned = &job.plan.operators[operator.index()];
        let behaviour = &job.workload.behaviours[operator.index()];
        if let (KeptState::CountPerKey, Some(keys)) = (behaviour.keeps, &planned.keys) {
            if self.table.is_some() {
                return records.iter().for_each(|record| self.apply_and_keep(keys.place[record.key as usize], record));
            }
            let mut lineage = self.lineage;
            for record in records {
                lineage = lineage.wrapping_add(record.lineage);
                let count = &mut self.counts[keys.place[record.key as usize] as usize];
                self.keys += u32::from(*count == 0);
                *count += 1;
            }
            (self.applied, self.lineage) = (self.applied + records.len() as u64, lineage);
            return;
        }
        if planned.is_source {
            self.applied += records.len() as u64;
            return;
        }
        let lineage = records.iter().fold(0, |sum: u64, record| sum.wrapping_add(record.lineage));
        let all = Output { records: records.len() as u64, lineage };
        self.applied += all.records;
        self.lineage = self.lineage.wrapping_add(lineage);
        match behaviour.keeps {
            KeptState::Output(SinkMode::Idempotent) => self.batch.extend(records.iter().map(|record| record.lineage)),
            KeptState::Output(mode) => self.write(mode, all),
            _ => {}
        }
    }

    /// Applies a record to a table that keeps what changes.
    fn apply_and_keep(&mut self, place: u32, record: &Record) {
        self.applied += 1;
        self.lineage = self.lineage.wrapping_add(record.lineage);
        self.change(place);
    }

    /// Counts at a place. What is kept of changes becomes a file between two records, wherever a step ends.
    #[inline]
    fn change(&mut self, place: u32) {
        let count = &mut self.counts[place as usize];
        self.keys += u32::from(*count == 0);
        *count += 1;
        if let Some(table) = &mut self.table
            && table.touch(place)
        {
            table.flush(&self.counts, self.applied);
        }
    }

    fn write(&mut self, mode: SinkMode, output: Output) {
        match mode {
            SinkMode::TwoPhase | SinkMode::Committables => self.open.add(output),
            // One after the other: what is committed outside is not written again.
            SinkMode::Offsets if self.applied <= self.stored => {}
            SinkMode::Offsets => self.open.add(output),
            SinkMode::Plain => self.show(output),
            SinkMode::Idempotent => self.batch.push(output.lineage),
        }
    }

    #[inline]
    pub(super) fn show(&mut self, output: Output) {
        self.visible.add(output);
        self.unreported.add(output);
    }

    /// Applies a record.
    #[inline]
    fn apply(&mut self, behaviour: &Behaviour, place: &[u32], record: &Record, lineage: u64, is_source: bool) {
        self.applied += 1;
        if !is_source {
            self.lineage = self.lineage.wrapping_add(lineage);
        }
        match behaviour.keeps {
            KeptState::Nothing | KeptState::Until(_) => {}
            KeptState::CountPerKey => {
                self.change(place[record.key as usize]);
            }
            KeptState::Output(mode) => self.write(mode, Output { records: 1, lineage }),
        }
    }
}

/// What operators over time need to know when a record comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Nothing up to here will come any more.
    pub watermark: Time,
    /// What the clock of the machine shows; zero if nobody in the task looks at it.
    pub moment: u64,
    /// By which of two inputs it comes.
    pub side: u8,
    mutant: Option<Mutant>,
}

impl Now {
    pub fn at<H: Host>(job: &Job, id: TaskId, watermark: Time, host: &mut H) -> Self {
        let is_by_clock = |operator: &OperatorId| {
            job.workload.behaviours[operator.index()].over_time().is_some_and(|over| !over.is_of_events())
        };
        let mut moment = 0;
        if job.plan.tasks[id.index()].chain.iter().any(is_by_clock) {
            host.asks(Some(id));
            moment = host.now().0.max(1);
        }
        Self { watermark, moment, side: 0, mutant: job.settings.mutant }
    }

    /// Whether an engine makes this mistake.
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

/// What the loop over records needs of the world, borrowed apart from the task's own state.
pub(super) struct Thread<'a> {
    pub job: &'a Job,
    pub id: TaskId,
    pub net: &'a mut Net,
    pub turns: &'a mut [u32],
    pub now: Now,
}

impl Thread<'_> {
    /// Applies records to the operators, with everything that does not change from record to record taken out
    /// of the loop where one operator sends one record for each on at most one edge.
    #[inline]
    fn apply_all<H: Host>(&mut self, operators: &mut [OperatorState], records: &[Record], host: &mut H) {
        let job = self.job;
        let outputs = job.plan.outputs(self.id);
        let chain = &job.plan.tasks[self.id.index()].chain;
        let behaviour = &job.workload.behaviours[chain[0].index()];
        if H::RECORDS || chain.len() > 1 || !behaviour.is_one_to_one() || outputs.len() > 1 {
            records.iter().for_each(|record| self.apply(operators, 0, record, host));
            return;
        }
        operators[0].apply_all(job, chain[0], records);
        let Some(out) = outputs.first() else { return };
        match Lane::of(job, out) {
            Lane::One => {
                records.iter().for_each(|r| self.net.push(job, out.first, behaviour.output(r, 0, 0), host));
            }
            Lane::ByKey(owner) => records.iter().for_each(|record| {
                let output = behaviour.output(record, 0, 0);
                let channel = ChannelId(out.first.0 + u32::from(owner[output.key as usize]));
                self.net.push(job, channel, output, host);
            }),
            Lane::Other => records.iter().for_each(|record| self.send(behaviour, record, 0, host)),
        }
    }

    /// Applies a record to the operator at a position of the chain, and sends on what comes of it.
    #[inline]
    fn apply<H: Host>(&mut self, operators: &mut [OperatorState], position: usize, record: &Record, host: &mut H) {
        let job = self.job;
        let chain = &job.plan.tasks[self.id.index()].chain;
        let operator = chain[position];
        let behaviour = &job.workload.behaviours[operator.index()];
        let planned = &job.plan.operators[operator.index()];
        let place: &[u32] = planned.keys.as_ref().map_or(&[], |keys| &keys.place);
        let lineage = record.lineage;
        operators[position].apply(behaviour, place, record, lineage, planned.is_source);
        if H::RECORDS {
            host.applied(self.id, operator, record);
        }
        if let KeptState::Until(over) = &behaviour.keeps {
            return self.keep(operators, position, over, record, host);
        }
        for branch in 0..behaviour.output_count(lineage) {
            self.pass_on(operators, position, record, branch, host);
        }
    }

    /// An operator over time keeps a record, which may make it send others.
    fn keep<H: Host>(
        &mut self,
        operators: &mut [OperatorState],
        position: usize,
        over: &OverTime,
        record: &Record,
        host: &mut H,
    ) {
        let state = &mut operators[position];
        let Some(panes) = &mut state.panes else { return };
        let mut results = Vec::new();
        panes.take(over, record, &self.now, &mut results);
        state.keys = panes.held() as u32;
        results.iter().for_each(|result| self.pass_on(operators, position, result, 0, host));
    }

    /// What the operator at a position of the chain makes of a record goes to the next one, or out.
    #[inline]
    pub fn pass_on<H: Host>(
        &mut self,
        operators: &mut [OperatorState],
        position: usize,
        record: &Record,
        branch: u32,
        host: &mut H,
    ) {
        let (job, chain) = (self.job, &self.job.plan.tasks[self.id.index()].chain);
        let behaviour = &job.workload.behaviours[chain[position].index()];
        if position + 1 == chain.len() {
            self.send(behaviour, record, branch, host);
        } else {
            self.apply(operators, position + 1, &behaviour.output(record, branch, 0), host);
        }
    }

    #[inline]
    fn send<H: Host>(&mut self, behaviour: &Behaviour, record: &Record, branch: u32, host: &mut H) {
        for (edge, out) in self.job.plan.outputs(self.id).iter().enumerate() {
            let output = behaviour.output(record, branch, edge as u32);
            match Route::pick(self.job, out, &output, &mut self.turns[edge]) {
                Some(n) => self.net.push(self.job, ChannelId(out.first.0 + n), output, host),
                None => {
                    for n in 0..out.width {
                        self.net.push(self.job, ChannelId(out.first.0 + n), output, host);
                    }
                }
            }
        }
    }
}
