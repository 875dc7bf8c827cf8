//! Operators that keep records until a time has come: panes, the records of joins, and the timers that end them.
//!
//! A *pane* is what a window holds of a key. It is made with its timer by the first record, fires when a watermark has
//! passed the last instant of the window, and is gone then, or after its allowed lateness. A record whose window is gone is
//! late: it is left out, and counted. One that comes in time for the lateness alone makes the pane fire again, at once.
//! Sessions of a key that touch become one. All of it is by key first, so that the state of a key group can be found.
//!
//! Watermarks are not state, so after a restore a record that had been late may be in time: its window is opened again and
//! fires a second time, for that record alone. Only where nothing is late by any watermark is the result always the same.
//!
//! **Accounting.** Each record counts once for every window it belongs to: it is in a pane, was in one that is gone, or was
//! left out. That is state like the records that were applied, so that what a restart takes back is taken back here, too.
//!
//! **Cost.** Firing takes no time on the thread; what it sends takes its way like everything else.

use super::records::{Now, Thread};
use super::task::Status;
use super::timers::{Timer, Timers, Which, hash};
use super::{Host, Job, World};
use crate::base::{CheckpointId, Span, TaskId, Time, mix};
use crate::fault::Mutant;
use crate::scenario::{OverTime, Window, WindowShape};
use crate::trace::Event;
use crate::workload::Record;
use crate::workload::windows::{Tally, is_near, pair, pair_in, result};
use std::collections::BTreeMap;

/// What an operator keeps until a time has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Panes {
    /// By key and end of the window; a timeout's have no end.
    panes: BTreeMap<(u32, u64), Pane>,
    /// Records of an interval join, by input, key, time and lineage.
    sides: [BTreeMap<(u32, u64, u64), Record>; 2],
    pub timers: Timers,
    /// What was sent.
    sent: Tally,
    /// Entries of panes that are gone, and such as were too late.
    gone: Tally,
    late: Tally,
    /// Records that were left out and not told of yet. Not state.
    dropped: u64,
    /// What fired last, if an engine saves that as well.
    fired: Vec<(Timer, Pane)>,
}

/// What a window holds of a key.
#[derive(Clone, Debug, Default)]
struct Pane {
    /// Sessions: the time of the first record.
    begin: u64,
    all: Tally,
    /// It has sent a result.
    fired: bool,
    /// Joins: the records of each input.
    sides: [Vec<Record>; 2],
}

impl Panes {
    pub fn clear(&mut self) {
        self.panes.clear();
        self.sides.iter_mut().for_each(BTreeMap::clear);
        self.timers.clear();
        (self.sent, self.gone, self.late) = (Tally::default(), Tally::default(), Tally::default());
        self.dropped = 0;
        self.fired.clear();
    }

    /// How many things wait.
    pub fn held(&self) -> u64 {
        (self.panes.len() + self.sides.iter().map(BTreeMap::len).sum::<usize>()) as u64
    }

    /// A hash over all that waits.
    fn content(&self) -> u64 {
        let panes = self.panes.iter().map(|((key, end), pane)| {
            let sides = pane.sides.iter().flatten().fold(0, |sum: u64, record| sum.wrapping_add(mix(record.lineage)));
            let all = mix(pane.all.hash ^ mix(pane.all.records ^ u64::from(pane.fired) << 63)).wrapping_add(sides);
            mix(all ^ mix(end.wrapping_add(u64::from(*key) << 40)))
        });
        let sides = self.sides.iter().zip(1u64..).flat_map(|(side, n)| side.values().map(move |r| mix(r.lineage ^ n)));
        panes.chain(sides).fold(0, u64::wrapping_add)
    }

    /// A record comes; what it makes the operator send goes to `out`.
    pub(super) fn take(&mut self, over: &OverTime, record: &Record, now: &Now, out: &mut Vec<Record>) {
        let sent = out.len();
        match *over {
            OverTime::Window(Window { shape: WindowShape::Session(gap), lateness }) => {
                self.join_session(gap, lateness, record, now, out)
            }
            OverTime::Window(window) => self.join_windows(&window, record, None, now, out),
            OverTime::Pairs(window) => self.join_windows(&window, record, Some(now.side), now, out),
            OverTime::Interval { before, after } => self.pair_up((before, after), record, now, out),
            OverTime::After(_) => {
                let pane = self.panes.entry((record.key, 0)).or_default();
                if pane.all.records == 0 {
                    pane.begin = now.moment;
                    self.timers.set((now.moment, record.key, 0));
                }
                pane.all.count(record.lineage);
            }
        }
        out[sent..].iter().for_each(|record| self.sent.count(record.lineage));
    }

    fn join_windows(&mut self, window: &Window, record: &Record, side: Option<u8>, now: &Now, out: &mut Vec<Record>) {
        let Window { shape, lateness } = *window;
        let mut is_in_one = false;
        for end in shape.ends(record.time) {
            if is_over(end, lateness, now.watermark) {
                if !now.has(Mutant::LateIsNotCounted) {
                    self.late.count(record.lineage.wrapping_mul(shape.weight(record.key, end)));
                }
                continue;
            }
            is_in_one = true;
            let pane = self.panes.entry((record.key, end)).or_default();
            pane.all.count(record.lineage);
            if let Some(side) = side {
                pane.sides[usize::from(side)].push(*record);
            }
            let pane = pane.all;
            self.await_end(record.key, end, lateness, pane, now, out);
        }
        self.dropped += u64::from(!is_in_one);
    }

    /// A record is too late.
    fn leave_out(&mut self, record: &Record, now: &Now) {
        if !now.has(Mutant::LateIsNotCounted) {
            self.late.count(record.lineage);
        }
        self.dropped += 1;
    }

    /// A pane has got a record: it waits for its end, or fires again if that is over.
    fn await_end(&mut self, key: u32, end: u64, lateness: Span, all: Tally, now: &Now, out: &mut Vec<Record>) {
        if now.watermark.0 >= end - 1 {
            out.push(result(key, end, all));
            self.panes.get_mut(&(key, end)).into_iter().for_each(|pane| pane.fired = true);
        } else {
            self.timers.set((end - 1, key, end));
        }
        if lateness > Span::ZERO {
            self.timers.set(((end - 1).saturating_add(lateness.0), key, end));
        }
    }

    fn join_session(&mut self, gap: Span, lateness: Span, record: &Record, now: &Now, out: &mut Vec<Record>) {
        let key = record.key;
        let (mut begin, mut end) = (record.time.0, record.time.0.saturating_add(gap.0));
        let touching = self.panes.range((key, begin)..=(key, u64::MAX));
        let touching: Vec<u64> = touching.take_while(|(_, pane)| pane.begin <= end).map(|((_, end), _)| *end).collect();
        for other in &touching {
            (begin, end) = (begin.min(self.panes[&(key, *other)].begin), end.max(*other));
        }
        if is_over(end, lateness, now.watermark) {
            return self.leave_out(record, now);
        }
        let mut all = Tally { records: 1, hash: record.lineage };
        for (n, other) in touching.iter().enumerate() {
            let pane = self.panes.remove(&(key, *other)).expect("it was found");
            if n == 0 || !now.has(Mutant::MergeForgetsASession) {
                all.add(pane.all);
            }
            if *other != end {
                self.timers.delete((*other - 1, key, *other));
                self.timers.delete(((*other - 1).saturating_add(lateness.0), key, *other));
            }
        }
        self.panes.insert((key, end), Pane { begin, all, ..Pane::default() });
        self.await_end(key, end, lateness, all, now, out);
    }

    /// A record of an interval join meets those of the other side, and waits for others.
    fn pair_up(&mut self, (before, after): (Span, Span), record: &Record, now: &Now, out: &mut Vec<Record>) {
        let (key, time, side) = (record.key, record.time, usize::from(now.side));
        if record.time <= now.watermark && now.watermark > Time::ZERO {
            return self.leave_out(record, now);
        }
        // As the other side sees it.
        let (older, younger) = if side == 0 { (before, after) } else { (after, before) };
        let from = (key, time.0.saturating_sub(older.0), 0);
        for (_, other) in self.sides[1 - side].range(from..=(key, time.0.saturating_add(younger.0), u64::MAX)) {
            let (one, two) = if side == 0 { (record, other) } else { (other, record) };
            debug_assert!(is_near(one.time, two.time, before, after));
            out.push(pair(one, two));
        }
        // Two copies of one record are two.
        let mut place = (key, time.0, record.lineage);
        while self.sides[side].contains_key(&place) {
            place.2 = place.2.wrapping_add(1);
        }
        self.sides[side].insert(place, *record);
        self.timers.set((time.0.saturating_add(younger.0), key, u64::from(now.side)));
    }

    /// Fires all timers up to a time.
    fn fire(&mut self, over: &OverTime, upto: u64, remembers: bool, out: &mut Vec<Record>) -> Tally {
        let mut fired = Tally::default();
        self.fired.clear();
        while let Some(timer) = self.timers.due(upto) {
            self.timers.take(timer);
            fired.count(hash(timer));
            if let Some(pane) = self.panes.get(&(timer.1, timer.2)).filter(|_| remembers) {
                self.fired.push((timer, pane.clone()));
            }
            self.end(over, timer, out);
        }
        out.iter().for_each(|record| self.sent.count(record.lineage));
        fired
    }

    /// What a timer waited for has come.
    fn end(&mut self, over: &OverTime, (time, key, end): Timer, out: &mut Vec<Record>) {
        match *over {
            OverTime::Window(Window { shape, lateness }) | OverTime::Pairs(Window { shape, lateness }) => {
                let Some(pane) = self.panes.get_mut(&(key, end)) else { return };
                if time == end - 1 && !std::mem::replace(&mut pane.fired, true) {
                    pane.results(over, key, end, out);
                }
                if time == (end - 1).saturating_add(lateness.0) {
                    let Pane { all, .. } = self.panes.remove(&(key, end)).expect("it is there");
                    let hash = all.hash.wrapping_mul(shape.weight(key, end));
                    self.gone.add(Tally { records: all.records, hash });
                }
            }
            OverTime::Interval { before, after } => {
                let side = usize::from(end > 0);
                let waits = if side == 0 { after } else { before };
                let upto = time.saturating_sub(waits.0);
                let over: Vec<_> =
                    self.sides[side].range((key, 0, 0)..=(key, upto, u64::MAX)).map(|(place, _)| *place).collect();
                for place in over {
                    let record = self.sides[side].remove(&place).expect("it was found");
                    self.gone.count(record.lineage);
                }
            }
            OverTime::After(_) => {
                let Some(pane) = self.panes.remove(&(key, 0)) else { return };
                pane.results(over, key, pane.begin, out);
                self.gone.add(pane.all);
            }
        }
    }

    /// What came of it all, and what would come of what still waits; how much that is; and all entries.
    fn sums(&self, over: &OverTime) -> (Tally, u64, Tally) {
        let (mut results, mut entries, mut open) = (self.sent, self.gone, 0);
        entries.add(self.late);
        let mut owed = Vec::new();
        for ((key, end), pane) in &self.panes {
            let weight = match over {
                OverTime::Window(window) | OverTime::Pairs(window) => window.shape.weight(*key, *end),
                _ => 1,
            };
            entries.add(Tally { records: pane.all.records, hash: pane.all.hash.wrapping_mul(weight) });
            if !pane.fired && over.is_of_events() {
                pane.results(over, *key, *end, &mut owed);
                open += 1;
            }
        }
        self.sides.iter().flat_map(BTreeMap::values).for_each(|record| entries.count(record.lineage));
        owed.iter().for_each(|record| results.count(record.lineage));
        (results, open, entries)
    }

    /// After a restore: what is wrong with it, if an engine makes a mistake.
    fn spoil(&mut self, job: &Job, over: Option<OverTime>) {
        match job.settings.mutant {
            Some(Mutant::ClockTimersAreLost) if over.is_none_or(|over| over.is_of_events()) => {}
            Some(Mutant::TimersAreNotSaved | Mutant::ClockTimersAreLost) => {
                while let Some(timer) = self.timers.due(u64::MAX) {
                    self.timers.take(timer);
                }
            }
            Some(Mutant::TimersInTheWrongGroup) => self.timers.misplace(job.scenario.job.max_parallelism),
            Some(Mutant::FiredTimersAreSaved) => {
                for ((time, key, end), pane) in std::mem::take(&mut self.fired) {
                    self.timers.set((time, key, end));
                    self.panes.insert((key, end), pane);
                }
            }
            Some(Mutant::PanesAreNotSaved) => self.panes.clear(),
            _ => {}
        }
        self.timers.untold = (0, 0, 0);
        self.fired.clear();
    }
}

impl Pane {
    fn results(&self, over: &OverTime, key: u32, end: u64, out: &mut Vec<Record>) {
        match over {
            OverTime::Pairs(_) => {
                for one in &self.sides[0] {
                    out.extend(self.sides[1].iter().map(|two| pair_in(end, one, two)));
                }
            }
            OverTime::After(_) => out.push(Record { time: Time::ZERO, ..result(key, 1, self.all) }),
            _ => out.push(result(key, end, self.all)),
        }
    }
}

/// Whether a window that ends there takes no record any more.
fn is_over(end: u64, lateness: Span, watermark: Time) -> bool {
    (end - 1).saturating_add(lateness.0) <= watermark.0
}

impl World {
    /// Before what a task knows of event time grows from `before` to `watermark`, its operators do what waited for that.
    pub(super) fn fire_timers<H: Host>(&mut self, job: &Job, id: TaskId, before: Time, watermark: Time, host: &mut H) {
        for (position, operator) in job.plan.tasks[id.index()].chain.iter().enumerate() {
            let Some(over) = job.workload.behaviours[operator.index()].over_time() else { continue };
            if over.is_of_events() {
                self.fire_upto(job, id, (position, &over), watermark.0, before, host);
            }
        }
    }

    /// An alarm rang: the clock's timers that are over fire. Once a task has drained nothing fires any more, nor after the
    /// snapshot that the job ends with.
    pub(super) fn fire_by_clock<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        let task = &self.tasks[id.index()];
        if task.drained || task.settled.is_some() {
            return;
        }
        let mut waits = false;
        for (position, operator) in job.plan.tasks[id.index()].chain.iter().enumerate() {
            let Some(over @ OverTime::After(after)) = job.workload.behaviours[operator.index()].over_time() else {
                continue;
            };
            let Some(panes) = &self.tasks[id.index()].operators[position].panes else { continue };
            match self.over_by(id, &panes.timers, after, host) {
                Some(upto) => self.fire_upto(job, id, (position, &over), upto, Time::ZERO, host),
                None => waits |= !panes.timers.set.is_empty(),
            }
        }
        if waits {
            // It rang too early, for whoever has no clock.
            self.arm(job, id, Which::First, host);
        }
        self.block_if_full(job, id, host);
    }

    /// A checkpoint was given up: if the job was to end with it, it goes on.
    pub(super) fn go_on_by_clock<H: Host>(&mut self, job: &Job, id: TaskId, given_up: CheckpointId, host: &mut H) {
        let task = &mut self.tasks[id.index()];
        if task.status == Status::Running && task.settled.take_if(|settled| *settled == given_up).is_some() {
            self.arm(job, id, Which::All, host);
        }
    }

    fn fire_upto<H: Host>(
        &mut self,
        job: &Job,
        id: TaskId,
        (position, over): (usize, &OverTime),
        upto: u64,
        watermark: Time,
        host: &mut H,
    ) {
        self.tell_timers(job, id, position, host);
        let (task, operator) = (&mut self.tasks[id.index()], job.plan.tasks[id.index()].chain[position]);
        let state = &mut task.operators[position];
        let Some(panes) = &mut state.panes else { return };
        let mut results = Vec::new();
        let fired = panes.fire(over, upto, job.has(Mutant::FiredTimersAreSaved), &mut results);
        state.keys = panes.held() as u32;
        if fired.records == 0 {
            return;
        }
        let Tally { records: timers, hash } = fired;
        let (next, sent) = (panes.timers.next(), results.len() as u64);
        host.emit(Event::TimersFired { task: id, operator, upto, next, timers, hash, results: sent });
        let now = Now::at(job, id, watermark, host);
        let mut thread = Thread { job, id, net: &mut self.net, turns: &mut task.turns, now };
        results.iter().for_each(|record| thread.pass_on(&mut task.operators, position, record, 0, host));
        self.arm(job, id, Which::Since(now.moment), host);
    }

    /// Tells which timers of an operator were set since this was told last, and what was too late.
    pub(super) fn tell_timers<H: Host>(&mut self, job: &Job, id: TaskId, position: usize, host: &mut H) {
        let (task, operator) = (id, job.plan.tasks[id.index()].chain[position]);
        let Some(panes) = &mut self.tasks[id.index()].operators[position].panes else { return };
        let (timers, deleted, hash) = std::mem::take(&mut panes.timers.untold);
        if (timers, deleted) != (0, 0) {
            host.emit(Event::TimersSet { task, operator, timers, deleted, hash });
        }
        let records = std::mem::take(&mut panes.dropped);
        if records > 0 {
            host.emit(Event::LateDropped { task, operator, records });
        }
    }

    /// The same for all operators of a task.
    pub(super) fn tell_all_timers<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        (0..self.tasks[id.index()].operators.len()).for_each(|position| self.tell_timers(job, id, position, host));
    }

    /// What waits in a task is captured.
    pub(super) fn cut_timers<H: Host>(&mut self, job: &Job, id: TaskId, checkpoint: CheckpointId, host: &mut H) {
        for (state, operator) in self.tasks[id.index()].operators.iter().zip(&job.plan.tasks[id.index()].chain) {
            let Some(panes) = &state.panes else { continue };
            let (task, operator, content, Tally { records: timers, hash }) =
                (id, *operator, panes.content(), panes.timers.all);
            host.emit(Event::CutTimers { task, operator, checkpoint, panes: panes.held(), content, timers, hash });
        }
    }

    /// What waits in a task has been put back.
    pub(super) fn timers_restored<H: Host>(&mut self, job: &Job, id: TaskId, host: &mut H) {
        for (state, operator) in self.tasks[id.index()].operators.iter_mut().zip(&job.plan.tasks[id.index()].chain) {
            let Some(panes) = &mut state.panes else { continue };
            panes.spoil(job, job.workload.behaviours[operator.index()].over_time());
            panes.dropped = 0;
            let (task, operator, content, Tally { records: timers, hash }) =
                (id, *operator, panes.content(), panes.timers.all);
            host.emit(Event::TimersRestored { task, operator, panes: panes.held(), content, timers, hash });
        }
    }

    /// At the end: what still waits, and what came of the rest.
    pub(super) fn final_timers<H: Host>(&self, job: &Job, id: TaskId, host: &mut H) {
        for (state, operator) in self.tasks[id.index()].operators.iter().zip(&job.plan.tasks[id.index()].chain) {
            let over = job.workload.behaviours[operator.index()].over_time();
            let Some((panes, over)) = state.panes.as_ref().zip(over) else { continue };
            let (task, operator, content, Tally { records: timers, hash }) =
                (id, *operator, panes.content(), panes.timers.all);
            host.emit(Event::TimersFinal { task, operator, panes: panes.held(), content, timers, hash });
            let (sent, open, all) = panes.sums(&over);
            let (results, lineage) = (sent.records, sent.hash);
            let (entries, hash) = (all.records, all.hash);
            host.emit(Event::WindowsFinal { task, operator, open, results, lineage, entries, hash });
        }
    }
}
