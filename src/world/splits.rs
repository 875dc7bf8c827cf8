//! Splits: partitions of a source that an enumerator hands out one after the other, to whoever asks.
//!
//! The enumerator of a source lives beside the coordinator; a reader is one of the source's subtasks. A reader that
//! has nothing to read asks for a split, gets one or is told that there are no more, and confirms that as soon as the
//! message has arrived. One message at a time is on its way to a reader; whoever cannot deliver one fails the reader,
//! so that it and the enumerator begin anew with the same idea of who has what.
//!
//! **A checkpoint** holds every split once: with the enumerator, or with a reader. When it begins, the enumerator's
//! part of it is taken, and from then on no reader is given anything (its *gate* is closed) until its own part is
//! taken, too. Tasks are not told of the checkpoint before all that was handed out is confirmed. So a split that was
//! handed out before is in the reader's part, and one that is handed out after is in the enumerator's. Where
//! checkpoints overlap, the enumerator's part of the next one is taken when all gates are open again and whoever
//! waited has his answer: otherwise readers could wait for ever. Flink takes it at once, and there they can.
//!
//! **A restart** of a part of the job leaves the enumerator as it is: each reader that goes back loses the splits that
//! it was given after its restore point, and the enumerator has them *back*. Which those are it knows from the
//! checkpoint that was the first to begin after each was handed out. When the whole job goes back - or its coordinator
//! is lost, and the enumerator's memory with it - the enumerator goes back to its part of the same checkpoint.

use super::catching_up::Behind;
use super::coordinator::Report;
use super::task::{Mail, SourceState, Status};
use super::{Host, Job, Notice, World};
use crate::base::{Attempt, CheckpointId, OperatorId, Span, TaskId};
use crate::fault::Mutant;
use crate::protocol::{CoordinatorInput, RecoveryPlan, RestorePoint};
use crate::trace::Event;
use crate::workload::SourceLog;
use std::ops::Range;

/// All enumerators, and the checkpoints that they have a part in.
#[derive(Clone, Debug, Default)]
pub(super) struct Splits {
    /// One for each dynamic source.
    enumerators: Vec<Enumerator>,
    /// Checkpoints that have begun, and of which the enumerators' part is not taken.
    begun: Vec<CheckpointId>,
    /// Those of which it is, and that are neither complete nor given up.
    open: Vec<CheckpointId>,
    /// Those of which tasks are to be told as soon as everything is confirmed.
    held: Vec<CheckpointId>,
    /// After so long a message counts as lost.
    pub timeout: Span,
    mutant: Option<Mutant>,
}

/// Who hands out the splits of a source. Splits have numbers within their source.
#[derive(Clone, Debug)]
struct Enumerator {
    operator: OperatorId,
    /// The tasks that read the source.
    readers: Range<u32>,
    /// The number of its first split, counted over all sources.
    first: u32,
    splits: u32,
    /// Splits to be handed out, the next one first.
    free: Vec<u32>,
    /// Those that readers lost; they are handed out before all others.
    back: Vec<u32>,
    /// Splits that readers have, as far as a restart may take them away.
    given: Vec<Given>,
    /// By checkpoint: the splits that the enumerator had when it began.
    saved: Vec<(CheckpointId, Vec<u32>)>,
    /// By reader.
    gates: Vec<Gate>,
    /// By split: no record beyond that will be read.
    limits: Vec<u64>,
}

/// A split in a reader's hands.
#[derive(Clone, Copy, Debug)]
struct Given {
    reader: TaskId,
    split: u32,
    /// The first checkpoint that began after it was handed out: that one and all newer ones have it with the reader.
    since: Option<CheckpointId>,
}

/// The way to a reader.
#[derive(Clone, Debug, Default)]
struct Gate {
    /// It is closed for these checkpoints.
    closed: Vec<CheckpointId>,
    /// The number of the reader's question that waits for an answer.
    asked: Option<u32>,
    /// The newest question that arrived.
    heard: u32,
    /// The question whose answer is not confirmed.
    unconfirmed: Option<u32>,
}

/// What a reader knows of splits.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    /// Splits that it has read, with the number of records in each.
    done: Vec<(u32, u64)>,
    /// The one that it reads, with the position at which that began.
    current: Option<(u32, u64)>,
    /// One that it was given and has not begun.
    next: Option<u32>,
    /// Questions so far, in this attempt.
    asked: u32,
    /// The last one has no answer yet.
    waits: bool,
    /// There are no more.
    ended: bool,
    /// It reads nothing more because the job ends with a savepoint.
    pub stopped: bool,
}

impl Splits {
    /// The enumerators of a job, before they have discovered anything.
    pub fn new(job: &Job) -> Self {
        let operators = (0..job.plan.operators.len()).map(OperatorId::from);
        let dynamic = |operator: OperatorId| {
            let log = job.workload.logs[operator.index()].as_ref().filter(|log| log.dynamic)?;
            let readers = job.plan.operators[operator.index()].tasks.clone();
            Some(Enumerator::new(operator, readers, log))
        };
        Self {
            enumerators: operators.filter_map(dynamic).collect(),
            timeout: job.scenario.cluster.heartbeat,
            mutant: job.settings.mutant,
            ..Self::default()
        }
    }

    /// For another run.
    pub fn reset(&mut self) {
        self.enumerators.iter_mut().for_each(Enumerator::reset);
        self.forget_checkpoints();
    }

    fn forget_checkpoints(&mut self) {
        self.begun.clear();
        self.open.clear();
        self.held.clear();
    }

    fn of(&mut self, reader: TaskId) -> Option<&mut Enumerator> {
        self.enumerators.iter_mut().find(|enumerator| enumerator.readers.contains(&reader.0))
    }

    fn is_confirmed(&self) -> bool {
        self.enumerators.iter().flat_map(|enumerator| &enumerator.gates).all(|gate| gate.unconfirmed.is_none())
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Enumerator {
    fn new(operator: OperatorId, readers: Range<u32>, log: &SourceLog) -> Self {
        let gates = vec![Gate::default(); readers.len()];
        let splits = log.partitions;
        let mut enumerator = Self {
            operator,
            readers,
            first: log.first_partition,
            splits,
            free: Vec::new(),
            back: Vec::new(),
            given: Vec::new(),
            saved: Vec::new(),
            gates,
            limits: Vec::new(),
        };
        enumerator.reset();
        enumerator
    }

    fn reset(&mut self) {
        self.free.clear();
        self.free.extend(0..self.splits);
        self.back.clear();
        self.given.clear();
        self.saved.clear();
        self.gates.fill(Gate::default());
        self.limits.clear();
        self.limits.resize(self.splits as usize, u64::MAX);
    }

    fn gate(&mut self, reader: TaskId) -> &mut Gate {
        &mut self.gates[(reader.0 - self.readers.start) as usize]
    }

    fn take_next(&mut self) -> Option<u32> {
        let from = if self.back.is_empty() { &mut self.free } else { &mut self.back };
        (!from.is_empty()).then(|| from.remove(0))
    }

    /// Takes the splits away from a reader that it was given after a checkpoint.
    fn take_back<H: Host>(&mut self, reader: TaskId, covered: impl Fn(CheckpointId) -> bool, host: &mut H) {
        let (first, back) = (self.first, &mut self.back);
        self.given.retain(|given| {
            let stays = given.reader != reader || given.since.is_some_and(&covered);
            if !stays {
                back.push(given.split);
                host.emit(Event::SplitReturned { task: reader, split: first + given.split });
            }
            stays
        });
    }
}

/// The enumerators' side.
impl World {
    /// The beginning: all splits are there to be handed out.
    pub(super) fn discover_splits<H: Host>(&mut self, host: &mut H) {
        for Enumerator { operator, first, splits, .. } in &self.splits.enumerators {
            (0..*splits).for_each(|split| host.emit(Event::SplitFree { operator: *operator, split: first + split }));
        }
    }

    /// A reader asks for a split.
    pub(super) fn split_asked<H: Host>(&mut self, id: TaskId, question: u32, host: &mut H) {
        let Some(enumerator) = self.splits.of(id) else { return };
        let gate = enumerator.gate(id);
        // One that was doubled on its way is the same question.
        if question > gate.heard {
            (gate.heard, gate.asked) = (question, Some(question));
            self.hand_out(id, host);
        }
    }

    /// Answers a reader, if it has asked and its gate is open.
    fn hand_out<H: Host>(&mut self, id: TaskId, host: &mut H) {
        let ignores_gates = self.splits.has(Mutant::SplitGateLeftOpen);
        let Some(enumerator) = self.splits.of(id) else { return };
        let gate = enumerator.gate(id);
        if !gate.closed.is_empty() && !ignores_gates {
            return;
        }
        let Some(question) = gate.asked.take() else { return };
        gate.unconfirmed = Some(question);
        let split = enumerator.take_next();
        match split {
            Some(split) => {
                enumerator.given.push(Given { reader: id, split, since: None });
                host.emit(Event::SplitAssigned { task: id, split: enumerator.first + split });
            }
            None => host.emit(Event::SplitsEnded { task: id }),
        }
        self.send_down(id, Mail::Split(question, split), host);
    }

    /// A reader has received an answer.
    pub(super) fn split_confirmed<H: Host>(&mut self, job: &Job, id: TaskId, question: u32, host: &mut H) {
        let Some(enumerator) = self.splits.of(id) else { return };
        let gate = enumerator.gate(id);
        if gate.unconfirmed != Some(question) {
            return;
        }
        gate.unconfirmed = None;
        if self.splits.is_confirmed() {
            let Splits { held, begun, .. } = &mut self.splits;
            let settled: Vec<CheckpointId> = held.extract_if(.., |held| !begun.contains(held)).collect();
            for checkpoint in settled {
                self.tell_coordinator(job, CoordinatorInput::Prepared { checkpoint }, host);
            }
        }
    }

    /// A checkpoint begins.
    pub(super) fn checkpoint_splits<H: Host>(&mut self, checkpoint: CheckpointId, host: &mut H) {
        if !self.splits.enumerators.is_empty() {
            self.splits.begun.push(checkpoint);
            self.take_enumerators_part(host);
        }
    }

    /// Takes the enumerators' part of the next checkpoint, if all gates are open, and closes them.
    fn take_enumerators_part<H: Host>(&mut self, host: &mut H) {
        let splits = &mut self.splits;
        let is_closed = splits.enumerators.iter().flat_map(|e| &e.gates).any(|gate| !gate.closed.is_empty());
        if is_closed || splits.begun.is_empty() {
            return;
        }
        let checkpoint = splits.begun.remove(0);
        splits.open.push(checkpoint);
        splits.enumerators.iter_mut().flat_map(|e| &mut e.gates).for_each(|gate| gate.closed.push(checkpoint));
        if !splits.has(Mutant::SplitsSavedLate) {
            self.save_splits(checkpoint, host);
        }
        if self.splits.held.contains(&checkpoint) {
            self.prepare_again(checkpoint, host);
        }
    }

    /// Whether tasks may be told of a checkpoint is to be looked at once more.
    fn prepare_again<H: Host>(&mut self, checkpoint: CheckpointId, host: &mut H) {
        self.splits.held.retain(|held| *held != checkpoint);
        host.notice(Notice::Prepare(checkpoint));
    }

    fn save_splits<H: Host>(&mut self, checkpoint: CheckpointId, host: &mut H) {
        let forgets = self.splits.has(Mutant::ReturnedSplitsNotSaved);
        for enumerator in &mut self.splits.enumerators {
            let back = if forgets { &[][..] } else { &enumerator.back };
            let has: Vec<u32> = back.iter().chain(&enumerator.free).copied().collect();
            for split in &has {
                host.emit(Event::SplitSaved { checkpoint, split: enumerator.first + split });
            }
            enumerator.saved.push((checkpoint, has));
            enumerator.given.iter_mut().for_each(|given| given.since = given.since.or(Some(checkpoint)));
        }
    }

    /// A checkpoint is about to be recorded.
    pub(super) fn splits_recorded<H: Host>(&mut self, checkpoint: CheckpointId, host: &mut H) {
        if self.splits.has(Mutant::SplitsSavedLate) {
            self.save_splits(checkpoint, host);
        }
    }

    /// Whether tasks may be told of a checkpoint; if not, they are as soon as everything handed out is confirmed.
    pub(super) fn splits_are_settled(&mut self, checkpoint: CheckpointId) -> bool {
        let splits = &mut self.splits;
        let is_unconfirmed = splits.open.contains(&checkpoint) && !splits.is_confirmed();
        let waits = is_unconfirmed && !splits.has(Mutant::SplitsNotConfirmed);
        if waits || splits.begun.contains(&checkpoint) {
            splits.held.push(checkpoint);
            return false;
        }
        true
    }

    /// A reader's part of a checkpoint is taken.
    pub(super) fn splits_captured<H: Host>(&mut self, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        if let Some(enumerator) = self.splits.of(id) {
            enumerator.gate(id).closed.retain(|closed| *closed != checkpoint);
            self.hand_out(id, host);
            self.take_enumerators_part(host);
        }
    }

    /// A checkpoint is complete, or given up.
    pub(super) fn checkpoint_of_splits_ends<H: Host>(&mut self, checkpoint: CheckpointId, host: &mut H) {
        if self.splits.enumerators.is_empty() {
            return;
        }
        self.splits.begun.retain(|begun| *begun != checkpoint);
        self.splits.open.retain(|open| *open != checkpoint);
        if self.splits.held.contains(&checkpoint) {
            self.prepare_again(checkpoint, host);
        }
        for n in 0..self.splits.enumerators.len() {
            let enumerator = &mut self.splits.enumerators[n];
            enumerator.gates.iter_mut().for_each(|gate| gate.closed.retain(|closed| *closed != checkpoint));
            for reader in enumerator.readers.clone() {
                self.hand_out(TaskId(reader), host);
            }
        }
        self.take_enumerators_part(host);
    }

    /// No restart goes back behind this checkpoint any more.
    pub(super) fn drop_splits_below(&mut self, keep_from: CheckpointId) {
        for enumerator in &mut self.splits.enumerators {
            enumerator.saved.retain(|(of, _)| *of >= keep_from);
            enumerator.given.retain(|given| given.since.is_none_or(|since| since > keep_from));
        }
    }

    /// The coordinator is another one, which knows of no checkpoint under way.
    pub(super) fn forget_split_checkpoints(&mut self) {
        self.splits.forget_checkpoints();
        self.splits.enumerators.iter_mut().flat_map(|e| &mut e.gates).for_each(|gate| gate.closed.clear());
    }

    /// A message about splits was not delivered in time.
    pub(super) fn split_message_lost<H: Host>(&mut self, job: &Job, id: TaskId, attempt: Attempt, host: &mut H) {
        if self.tasks[id.index()].attempt == attempt && self.is_alive(id) && !self.coordinator.lost {
            host.emit(Event::SplitMessageLost { task: id });
            self.fail_task(job, id, host);
        }
    }

    /// It is known that a reader has to go back, but not where: nothing is done about its splits before that.
    pub(super) fn reader_failed<H: Host>(&mut self, id: TaskId, host: &mut H) {
        if self.splits.has(Mutant::SplitsReturnedAtFailure) {
            // What is not recorded by now may still be.
            let known = self.coordinator.records.iter().map(|record| record.checkpoint).max().unwrap_or_default();
            if let Some(enumerator) = self.splits.of(id) {
                enumerator.take_back(id, |since| since <= known, host);
            }
        }
    }

    /// A restart of the whole job is about to begin: enumerators lose what they know.
    pub(super) fn forget_splits<H: Host>(&mut self, plan: &RecoveryPlan, host: &mut H) {
        let checkpoint = whole(plan);
        for Enumerator { operator, .. } in &self.splits.enumerators {
            host.emit(Event::SplitsReset { operator: *operator, checkpoint });
        }
    }

    /// Readers have gone back; now the enumerators get what no reader has any more.
    pub(super) fn restore_splits<H: Host>(&mut self, plan: &RecoveryPlan, global: bool, host: &mut H) {
        let Splits { enumerators, mutant, .. } = &mut self.splits;
        let covered = |since: CheckpointId, point: CheckpointId| {
            since < point || since == point && *mutant != Some(Mutant::CoveredSplitsReturned)
        };
        for enumerator in enumerators.iter_mut() {
            for reader in enumerator.readers.clone().map(TaskId) {
                let Some(point) = plan.tasks[reader.index()].snapshot() else { continue };
                let gate = enumerator.gate(reader);
                (gate.asked, gate.heard, gate.unconfirmed) = (None, 0, None);
                if !global {
                    enumerator.take_back(reader, |since| covered(since, point), host);
                }
            }
            if global {
                enumerator.go_back(whole(plan), *mutant == Some(Mutant::SplitsDiscoveredAgain), host);
            }
        }
        if self.splits.is_confirmed() {
            self.splits.held.drain(..).for_each(|checkpoint| host.notice(Notice::Prepare(checkpoint)));
        }
    }
}

impl Enumerator {
    /// Back to what was saved with a checkpoint.
    fn go_back<H: Host>(&mut self, checkpoint: CheckpointId, discovers: bool, host: &mut H) {
        self.back.clear();
        self.free.clear();
        self.given.retain(|given| given.since.is_some_and(|since| since <= checkpoint));
        match self.saved.iter().find(|(of, _)| *of == checkpoint) {
            Some((_, saved)) => self.free.extend(saved),
            None => {
                assert_eq!(checkpoint, CheckpointId::INITIAL, "what is recorded holds the enumerators' part");
                self.free.extend(0..self.splits);
            }
        }
        if discovers {
            let again: Vec<u32> = (0..self.splits).filter(|split| !self.free.contains(split)).collect();
            self.free.extend(again);
        }
        self.saved.retain(|(of, _)| *of <= checkpoint);
        for split in &self.free {
            host.emit(Event::SplitFree { operator: self.operator, split: self.first + split });
        }
    }
}

/// The checkpoint to which a whole job goes back.
fn whole(plan: &RecoveryPlan) -> CheckpointId {
    let points = plan.tasks.iter().filter_map(|point| match point {
        RestorePoint::Snapshot(id) => Some(*id),
        _ => None,
    });
    points.max().or_else(|| plan.tasks.iter().filter_map(|point| point.snapshot()).max()).unwrap_or_default()
}

/// The readers' side.
impl World {
    /// A reader has come to the end of what it may read: on to the next split, or on to getting one.
    pub(super) fn reader_goes_on<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let log = job.workload.logs[job.plan.head(id).index()].as_ref().expect("readers have a log");
        while let Some(source) = &mut self.tasks[id.index()].source {
            let (position, end) = (source.position, source.end);
            let Some(reader) = source.reader.as_mut().filter(|reader| !reader.stopped) else { break };
            if let Some((split, base)) = reader.current {
                if position < end {
                    return;
                }
                reader.current = None;
                reader.done.push((split, position - base));
                host.emit(Event::SplitFinished { task: id, split: log.first_partition + split });
            }
            if let Some(split) = reader.next.take() {
                reader.current = Some((split, position));
                host.emit(Event::SplitBegun { task: id, split: log.first_partition + split });
                let limit = self.splits.of(id).map_or(u64::MAX, |enumerator| enumerator.limits[split as usize]);
                let source = self.tasks[id.index()].source.as_mut().expect("it reads");
                source.open_split(log, split, position, limit);
                continue;
            }
            if reader.ended {
                break;
            }
            if !std::mem::replace(&mut reader.waits, true) {
                reader.asked += 1;
                let question = reader.asked;
                self.send_up(id, Report::Question(question), host);
            }
            return;
        }
        let Some(source) = &mut self.tasks[id.index()].source else { return };
        let finishes = source.finishes;
        if source.behind != Behind::No {
            // Others read what it had read before the restart.
            source.behind = Behind::Backlog;
            self.catches_up(job, id, host);
        }
        if finishes {
            self.drain(job, id, host);
        }
    }

    /// A reader is given a split, or told that there are no more.
    pub(super) fn split_received<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        question: u32,
        split: Option<u32>,
        host: &mut H,
    ) {
        let Some(reader) = self.tasks[id.index()].source.as_mut().and_then(|source| source.reader.as_mut()) else {
            return;
        };
        // An answer that was doubled on its way is not another one.
        if !reader.waits || reader.asked != question {
            return;
        }
        reader.waits = false;
        match split {
            Some(split) => reader.next = Some(split),
            None => reader.ended = true,
        }
        self.reader_goes_on(job, id, host);
    }

    /// Sources stop: of each split, what has been read is all there is.
    pub(super) fn cut_splits(&mut self, job: &Job) {
        for n in 0..self.splits.enumerators.len() {
            let enumerator = &self.splits.enumerators[n];
            let limits = (0..enumerator.splits).map(|split| {
                let sources = enumerator.readers.clone().filter_map(|id| self.tasks[id as usize].source.as_ref());
                sources.filter_map(|source| source.read_of(split)).max().unwrap_or(0)
            });
            let limits: Vec<u64> = limits.collect();
            let log = job.workload.logs[enumerator.operator.index()].as_ref().expect("it hands out a log's partitions");
            for id in enumerator.readers.clone() {
                let Some(source) = &mut self.tasks[id as usize].source else { continue };
                source.finishes = true;
                let Some(reader) = &mut source.reader else { continue };
                reader.stopped = false;
                if let Some((split, base)) = reader.current {
                    source.open_split(log, split, base, limits[split as usize]);
                }
            }
            self.splits.enumerators[n].limits = limits;
        }
    }

    /// A reader goes back to a snapshot, or to the beginning; its position is there already.
    pub(super) fn restore_reader<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        let Some(source) = self.tasks[id.index()].source.as_mut().filter(|source| source.reader.is_some()) else {
            return;
        };
        let log = job.workload.logs[job.plan.head(id).index()].as_ref().expect("readers have a log");
        let Reader { done, current, next, .. } =
            self.store.get(id, checkpoint).and_then(|snapshot| snapshot.reader.clone()).unwrap_or_default();
        let reader = Reader { done, current, next, ..Reader::default() };
        for (split, offset, done) in reader.each(source.position) {
            let (split, done) = (log.first_partition + split, u32::from(done));
            host.emit(Event::SplitRestored { task: id, split, offset, done });
        }
        (source.reader, source.end) = (Some(reader), source.position);
        if let Some((split, base)) = current {
            let limit = self.splits.of(id).map_or(u64::MAX, |enumerator| enumerator.limits[split as usize]);
            source.open_split(log, split, base, limit);
        }
    }

    /// What a reader has is part of its snapshot.
    pub(super) fn capture_reader<H: Host>(&self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        let Some(source) = &self.tasks[id.index()].source else { return };
        let Some(reader) = &source.reader else { return };
        let first = job.workload.logs[job.plan.head(id).index()].as_ref().map_or(0, |log| log.first_partition);
        for (split, offset, _) in reader.each(source.position) {
            host.emit(Event::SplitCaptured { task: id, checkpoint, split: first + split, offset });
        }
    }

    /// At the end: how much of each split was read, and by whom. The first reader tells it for all.
    pub(super) fn final_splits<H: Host>(&self, job: &Job, id: TaskId, host: &mut H) {
        let operator = job.plan.head(id);
        let Some(enumerator) = self.splits.enumerators.iter().find(|enumerator| enumerator.readers.start == id.0)
        else {
            return;
        };
        for split in 0..enumerator.splits {
            let read = |reader: &u32| self.tasks[*reader as usize].source.as_ref().and_then(|s| s.read_of(split));
            let by = enumerator.readers.clone().find(|reader| read(reader).is_some()).unwrap_or(id.0);
            let (task, partition, emitted) = (TaskId(by), enumerator.first + split, read(&by).unwrap_or(0));
            host.emit(Event::SourceFinal { task, operator, partition, emitted });
        }
    }

    /// Whether a task runs that may be told something about splits.
    pub(super) fn is_reader(&self, id: TaskId) -> bool {
        let task = &self.tasks[id.index()];
        task.status != Status::Dead && task.source.as_ref().is_some_and(|source| source.reader.is_some())
    }
}

impl Reader {
    /// Every split that it has, how far it has read it at a position, and whether that is all of it.
    fn each(&self, position: u64) -> impl Iterator<Item = (u32, u64, bool)> + '_ {
        let done = self.done.iter().map(|(split, records)| (*split, *records, true));
        let current = self.current.map(|(split, base)| (split, position - base, false));
        done.chain(current).chain(self.next.map(|split| (split, 0, false)))
    }
}

impl SourceState {
    /// From now on a split is read that begins at a position, and no more than `limit` records of it.
    fn open_split(&mut self, log: &SourceLog, split: u32, base: u64, limit: u64) {
        self.share = log.split(split);
        self.base = base;
        self.end = (base + self.share.total.min(limit)).max(self.position);
        self.open_share(log);
    }

    /// How much of a split it has read, if it has it.
    fn read_of(&self, split: u32) -> Option<u64> {
        let reader = self.reader.as_ref()?;
        reader.each(self.position).find(|(of, ..)| *of == split).map(|(_, offset, _)| offset)
    }
}
