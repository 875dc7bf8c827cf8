//! After a failure everything goes back to where the restore point says it was.
//!
//! With a coordinator that is the newest complete checkpoint, for every task that had a part in it. A task that had
//! ended before has none: it goes back to the newest one in which it took part, and stays ended. Plain savepoints are
//! nobody's restore point. One that is recorded and was never declared complete, because the coordinator was lost or was
//! not told, may be used if it is newer; one that a task found unreadable for ever is not to be used again. A task whose
//! region did not fail keeps what it has, even if it has only begun to load it.
//!
//! A source's position is the number of records that its operator had applied when it was captured: sources apply what
//! they emit. What is put into a channel again, at the receiver or at the sender, continues what the receiver had
//! received and ends where the sender goes on.

use super::finding::{edge_name, head_name};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Savepoints, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};
use std::ops::Range;

pub(super) static ABOUT: About = About {
    name: "restore",
    sentence: "A recovery goes back to the newest completed checkpoint, and state, sources and channels are what they were.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::CheckpointTriggered,
        EventKind::CutState,
        EventKind::SnapshotsDropped,
        EventKind::CheckpointCompleted,
        EventKind::CheckpointAborted,
        EventKind::RecordStored,
        EventKind::RecordForgotten,
        EventKind::RestoreFailed,
        EventKind::CoordinatorTookOver,
        EventKind::JobRestarting,
        EventKind::RestorePoint,
        EventKind::TaskStarted,
        EventKind::TaskFinished,
        EventKind::StateRestored,
        EventKind::SourceRewound,
        EventKind::ChannelRestored,
        EventKind::ChannelReplayed,
        EventKind::BufferClosed,
    ]),
};

#[derive(Clone)]
pub(super) struct Restore {
    /// What was captured of each operator of each task; with a coordinator, for checkpoints that are pending.
    pages: Pages<Cell>,
    /// With a coordinator: what each task captured for the newest complete checkpoint in which it took part.
    kept: Vec<Cell>,
    /// Each task's first cell in a page.
    first_cell: Vec<u32>,
    tasks: Vec<Task>,
    savepoints: Savepoints,
    newest: CheckpointId,
    /// With a coordinator: what can be restored, oldest first.
    stored: Vec<Stored>,
    lines: Vec<Line>,
    /// How many lines are being replayed: usually none, and then closed buffers are not looked at.
    replaying: u32,
    /// Whoever makes the restart's plan has just taken over, and knows only records.
    took_over: bool,
    /// Restore points must be the newest completed checkpoint.
    coordinated: bool,
    /// What was sent and not received must come again.
    no_loss: bool,
    /// Channels must be consistent.
    exactly_once: bool,
    examined: u64,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    applied: u64,
    lineage: u64,
    known: bool,
}

/// A checkpoint that is recorded, and what is known of it.
#[derive(Clone, Copy)]
struct Stored {
    checkpoint: CheckpointId,
    complete: bool,
    /// Nobody can read it any more.
    gone: bool,
}

#[derive(Clone, Copy, Default)]
struct Task {
    point: Point,
    /// It has been told where to go back to, and has not begun.
    loading: bool,
    /// The newest complete checkpoint in which it took part.
    newest: CheckpointId,
    /// It was seen to end, and not to start again.
    ended: bool,
    /// Since the job last prepared a restart it was said what the task goes back to.
    went_back: bool,
}

#[derive(Clone, Copy, Default)]
struct Point {
    checkpoint: CheckpointId,
    way: Way,
}

/// What a restart does to a task, numbered as in the event.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Way {
    /// It gets the state of a snapshot and runs.
    #[default]
    Restored,
    /// It keeps what it has.
    Live,
    /// It gets the state of a snapshot and stays ended.
    Ended,
}

impl Way {
    fn of(number: u32) -> Self {
        match number {
            1 => Self::Live,
            2 => Self::Ended,
            _ => Self::Restored,
        }
    }
}

/// A channel. 32 bytes.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Where the sender goes on after the replay.
    sent: u64,
    sent_chain: u64,
    /// Records still to be replayed.
    owed: u64,
    replaying: bool,
}

impl Restore {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let plan = setting.plan;
        let mut first_cell = vec![0];
        for task in &plan.tasks {
            first_cell.push(first_cell[first_cell.len() - 1] + task.chain.len() as u32);
        }
        let cells = first_cell[plan.tasks.len()] as usize;
        let exactly_once = setting.claims.holds(Claim::ExactlyOnceState);
        Self {
            pages: Pages::new(cells),
            kept: vec![Cell::default(); cells],
            first_cell,
            tasks: vec![Task::default(); plan.tasks.len()],
            savepoints: Savepoints::default(),
            newest: CheckpointId::INITIAL,
            stored: Vec::new(),
            lines: vec![Line::default(); plan.channels.len()],
            replaying: 0,
            took_over: false,
            coordinated: setting.claims.holds(Claim::Coordinated),
            no_loss: exactly_once || setting.claims.holds(Claim::AtLeastOnceState),
            exactly_once,
            examined: 0,
        }
    }

    fn cell(&self, task: TaskId, operator: OperatorId, plan: &Plan) -> usize {
        (self.first_cell[task.index()] + plan.operators[operator.index()].position) as usize
    }

    fn cells(&self, task: TaskId) -> Range<usize> {
        self.first_cell[task.index()] as usize..self.first_cell[task.index() + 1] as usize
    }

    /// What the restore point holds of an operator, if it is known.
    fn saved(&self, task: TaskId, operator: OperatorId, plan: &Plan) -> Option<Cell> {
        let Task { point: Point { checkpoint, .. }, newest, .. } = self.tasks[task.index()];
        if checkpoint == CheckpointId::INITIAL {
            return Some(Cell { known: true, ..Cell::default() });
        }
        let at = self.cell(task, operator, plan);
        let cell = match self.pages.get(checkpoint) {
            Some(page) => page[at],
            // One that has ended does not change any more: older snapshots that cover its end are the same.
            None if self.coordinated && (checkpoint == newest || self.took_over) => self.kept[at],
            None => return None,
        };
        cell.known.then_some(cell)
    }

    /// With a coordinator: a checkpoint is recorded, or complete.
    fn store(&mut self, checkpoint: CheckpointId, complete: bool) {
        match self.stored.iter_mut().find(|stored| stored.checkpoint == checkpoint) {
            Some(stored) => stored.complete |= complete,
            None => self.stored.push(Stored { checkpoint, complete, gone: false }),
        }
    }

    /// With a coordinator: nothing can be restored from a checkpoint any more.
    fn forget(&mut self, checkpoint: CheckpointId) {
        self.stored.retain(|stored| stored.checkpoint != checkpoint);
        self.pages.close(|of, _| of == checkpoint);
    }

    fn is_stored(&self, checkpoint: CheckpointId) -> bool {
        self.stored.iter().any(|stored| stored.checkpoint == checkpoint)
    }

    /// The oldest checkpoint that a restart may go back to: the newest complete one that can be read.
    fn due(&self) -> CheckpointId {
        let usable = self.stored.iter().filter(|stored| stored.complete && !stored.gone);
        usable.map(|stored| stored.checkpoint).max().unwrap_or_default()
    }

    /// With a coordinator: a complete checkpoint is a restore point from now on, for those that took part in it.
    fn complete(&mut self, checkpoint: CheckpointId) {
        if !self.savepoints.holds_plain(checkpoint) {
            self.store(checkpoint, true);
        }
        if !self.savepoints.holds_plain(checkpoint) && checkpoint > self.newest {
            self.newest = checkpoint;
            for (index, task) in self.tasks.iter_mut().enumerate() {
                let cells = self.first_cell[index] as usize..self.first_cell[index + 1] as usize;
                let Some(page) = self.pages.get(checkpoint) else { break };
                if page[cells.clone()].iter().any(|cell| cell.known) {
                    self.kept[cells.clone()].copy_from_slice(&page[cells]);
                    task.newest = checkpoint;
                }
            }
        }
        let stored = &self.stored;
        let is_stored = |of| stored.iter().any(|stored: &Stored| stored.checkpoint == of);
        self.pages.close(|of, _| self.savepoints.is_over(of, checkpoint) && !is_stored(of));
    }

    /// Snapshots were deleted.
    fn drop_upto(&mut self, task: TaskId, upto: CheckpointId) {
        let cells = self.cells(task);
        for (_, page) in self.pages.each_mut().filter(|(of, _)| *of <= upto) {
            page[cells.clone()].fill(Cell::default());
        }
        self.pages.close(|of, page| of <= upto && page.iter().all(|cell| !cell.known));
        if self.tasks[task.index()].newest <= upto {
            self.kept[cells].fill(Cell::default());
        }
    }

    fn point(&mut self, at: Time, task: TaskId, point: Point, plan: &Plan, out: &mut Findings) {
        if point.way == Way::Live && self.tasks[task.index()].loading {
            return;
        }
        self.tasks[task.index()].point = point;
        self.tasks[task.index()].loading = point.way == Way::Restored;
        if std::mem::replace(&mut self.tasks[task.index()].went_back, true) {
            out.add(ABOUT.name, at, || {
                let text = format!("{} is to go back once more, and nothing has failed since", plan.task_name(task));
                Finding::new("twice", text).task(task)
            });
        }
        let Task { newest, ended, .. } = self.tasks[task.index()];
        let Point { checkpoint: to, way } = point;
        if way == Way::Ended && !ended {
            out.add(ABOUT.name, at, || {
                let text = format!("{} is to stay ended, but it was not seen to end", plan.task_name(task));
                Finding::new(format!("never ended {}", head_name(plan, task)), text).task(task)
            });
        }
        if !self.coordinated || way == Way::Live {
            return;
        }
        self.examined += 1;
        let due = if way == Way::Ended { newest } else { self.due() };
        // Newer than that is what was recorded and never declared complete.
        let is_newer = way == Way::Restored && to > due && self.is_stored(to);
        // The record of a newer one may have been begun before an older one was complete; what the task is restored to is
        // held against what it was all the same.
        let fell_back = way == Way::Ended && (self.due() < self.newest || self.took_over);
        if way == Way::Ended && self.took_over {
            // From now on that is all anybody knows of it.
            self.tasks[task.index()].newest = to;
        }
        if to != due && !is_newer && !fell_back {
            let is_savepoint = self.savepoints.holds_plain(to);
            out.add(ABOUT.name, at, || {
                let what = if is_savepoint {
                    "a savepoint"
                } else if to < due {
                    "older than the newest"
                } else {
                    "incomplete"
                };
                let whose = if way == Way::Ended { "in which it took part" } else { "of all" };
                let (name, of) = (plan.task_name(task), if is_savepoint { "savepoint" } else { "checkpoint" });
                let text = format!("{name} goes back to {of} {to}; the newest complete checkpoint {whose} is {due}");
                Finding::new(what, text).task(task).checkpoint(to)
            });
        }
    }

    fn started(&self, at: Time, task: TaskId, checkpoint: CheckpointId, plan: &Plan, out: &mut Findings) {
        let point = self.tasks[task.index()].point;
        if point.way != Way::Restored || point.checkpoint != checkpoint {
            out.add(ABOUT.name, at, || {
                let due = match point.way {
                    Way::Live => "kept live".to_owned(),
                    Way::Ended => "left ended".to_owned(),
                    Way::Restored => format!("restored to {}", point.checkpoint),
                };
                let name = plan.task_name(task);
                let text = format!("{name} starts from checkpoint {checkpoint}, but was to be {due}");
                Finding::new(format!("start of {}", head_name(plan, task)), text).task(task).checkpoint(checkpoint)
            });
        }
    }

    fn state(
        &mut self,
        at: Time,
        task: TaskId,
        operator: OperatorId,
        now: (u64, u64),
        plan: &Plan,
        out: &mut Findings,
    ) {
        self.examined += 1;
        let checkpoint = self.tasks[task.index()].point.checkpoint;
        let saved = self.saved(task, operator, plan);
        if saved.is_some_and(|saved| (saved.applied, saved.lineage) == now) {
            return;
        }
        out.add(ABOUT.name, at, || {
            let name = &plan.operators[operator.index()].name;
            let of = format!("the state of {name} in {}", plan.task_name(task));
            let (what, text) = match saved {
                None => {
                    ("no snapshot of", format!("{of} is restored to checkpoint {checkpoint}, which has none of it"))
                }
                Some(saved) if saved.applied == now.0 => (
                    "other state of",
                    format!("{of} is not made of the {} records that it was in checkpoint {checkpoint}", now.0),
                ),
                Some(saved) => (
                    "other state of",
                    format!("{of} has applied {} records, but {} in checkpoint {checkpoint}", now.0, saved.applied),
                ),
            };
            Finding::new(format!("{what} {name}"), text).task(task).checkpoint(checkpoint)
        });
    }

    fn rewound(&mut self, at: Time, task: TaskId, position: u64, plan: &Plan, out: &mut Findings) {
        let Some(saved) = self.saved(task, plan.head(task), plan) else { return };
        self.examined += 1;
        if saved.applied != position {
            out.add(ABOUT.name, at, || {
                let (name, checkpoint) = (plan.task_name(task), self.tasks[task.index()].point.checkpoint);
                let text = format!(
                    "{name} goes on from position {position}, but was at {} in checkpoint {checkpoint}",
                    saved.applied
                );
                Finding::new(format!("position of {}", head_name(plan, task)), text).task(task).checkpoint(checkpoint)
            });
        }
    }

    fn channel(&mut self, at: Time, channel: ChannelId, ends: [(u64, u64); 2], plan: &Plan, out: &mut Findings) {
        self.stop_replay(channel);
        if !self.no_loss {
            return;
        }
        self.examined += 1;
        let [(sent, sent_chain), (received, received_chain)] = ends;
        if received > sent {
            if self.exactly_once {
                tell(out, at, plan, channel, "orphan", || {
                    format!(
                        "{received} records were received, but the sender goes back to {sent} and will send some again"
                    )
                });
            }
        } else if received < sent {
            self.lines[channel.index()] = Line { sent, sent_chain, owed: sent - received, replaying: true };
            self.replaying += 1;
        } else if sent_chain != received_chain {
            tell(out, at, plan, channel, "disorder", || {
                format!("the {sent} records behind the two ends are not the same, or in another order")
            });
        }
    }

    fn replayed(&mut self, at: Time, channel: ChannelId, records: u64, plan: &Plan, out: &mut Findings) {
        if !self.no_loss {
            return;
        }
        let line = &mut self.lines[channel.index()];
        let owed = line.owed;
        line.owed = owed.saturating_sub(records);
        if records > owed && self.exactly_once {
            tell(out, at, plan, channel, "replayed twice", || {
                format!("{records} records were replayed where {owed} were missing")
            });
        }
    }

    fn closed(&mut self, at: Time, channel: ChannelId, end: (u64, u64), empty: bool, plan: &Plan, out: &mut Findings) {
        let line = self.lines[channel.index()];
        let (upto, chain) = end;
        if !line.replaying || upto < line.sent || empty {
            return;
        }
        self.examined += 1;
        if upto > line.sent && line.owed > 0 {
            tell_lost(out, at, plan, channel, &line);
        } else if upto == line.sent && chain != line.sent_chain {
            tell(out, at, plan, channel, "replayed others", || {
                format!("the records replayed up to {upto} are not those sent before, or in another order")
            });
        }
        if upto > line.sent || line.owed == 0 {
            self.stop_replay(channel);
        }
    }

    fn stop_replay(&mut self, channel: ChannelId) {
        let line = std::mem::take(&mut self.lines[channel.index()]);
        self.replaying -= u32::from(line.replaying);
    }
}

/// Tells a finding about a channel.
fn tell(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, what: &str, text: impl FnOnce() -> String) {
    out.add(ABOUT.name, at, || {
        let text = format!("on {}, {}", plan.channel_name(channel), text());
        Finding::new(format!("{what} {}", edge_name(plan, channel)), text).channel(channel)
    });
}

fn tell_lost(out: &mut Findings, at: Time, plan: &Plan, channel: ChannelId, line: &Line) {
    tell(out, at, plan, channel, "lost", || {
        let (sent, owed) = (line.sent, line.owed);
        format!("the sender goes on from {sent}, but {owed} records before that were neither received nor replayed")
    });
}

impl Check for Restore {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::BufferClosed { channel, records, upto, chain, .. } if self.replaying > 0 => {
                self.closed(at, channel, (upto, chain), records == 0, plan, out);
            }
            Event::CheckpointTriggered { checkpoint, purpose } => self.savepoints.begin(checkpoint, purpose),
            Event::CutState { checkpoint, .. } if self.savepoints.holds_plain(checkpoint) => {}
            Event::CutState { task, operator, checkpoint, applied, lineage } => {
                let cell = self.cell(task, operator, plan);
                self.pages.open(checkpoint)[cell] = Cell { applied, lineage, known: true };
            }
            Event::SnapshotsDropped { task, upto } => self.drop_upto(task, upto),
            Event::CheckpointCompleted { checkpoint } if self.coordinated => self.complete(checkpoint),
            Event::CheckpointAborted { checkpoint, .. } if self.coordinated && !self.is_stored(checkpoint) => {
                self.pages.close(|of, _| of == checkpoint);
            }
            Event::RecordStored { checkpoint } if self.coordinated => self.store(checkpoint, false),
            Event::RecordForgotten { checkpoint } if self.coordinated => self.forget(checkpoint),
            Event::RestoreFailed { checkpoint, gone: 1, .. } => {
                let stored = self.stored.iter_mut().find(|stored| stored.checkpoint == checkpoint);
                stored.into_iter().for_each(|stored| stored.gone = true);
            }
            Event::CoordinatorTookOver { .. } => self.took_over = true,
            Event::JobRestarting { .. } => self.tasks.iter_mut().for_each(|task| task.went_back = false),
            Event::RestorePoint { task, checkpoint, live } => {
                self.point(at, task, Point { checkpoint, way: Way::of(live) }, plan, out);
            }
            Event::TaskStarted { task, checkpoint, .. } => {
                self.took_over = false;
                self.tasks[task.index()].ended = false;
                self.tasks[task.index()].loading = false;
                self.started(at, task, checkpoint, plan, out);
            }
            Event::TaskFinished { task } => self.tasks[task.index()].ended = true,
            Event::StateRestored { task, operator, applied, lineage } => {
                self.state(at, task, operator, (applied, lineage), plan, out);
            }
            Event::SourceRewound { task, position, .. } => self.rewound(at, task, position, plan, out),
            Event::ChannelRestored { channel, sent, sent_chain, received, received_chain } => {
                self.channel(at, channel, [(sent, sent_chain), (received, received_chain)], plan, out);
            }
            Event::ChannelReplayed { channel, records } => self.replayed(at, channel, records, plan, out),
            _ => {}
        }
    }

    fn finish(&mut self, end: &Finish<'_>, out: &mut Findings) {
        if !end.drained || self.replaying == 0 {
            return;
        }
        for (channel, line) in self.lines.iter().enumerate().filter(|(_, line)| line.owed > 0) {
            tell_lost(out, end.at, end.plan, ChannelId::from(channel), line);
        }
    }

    fn reset(&mut self) {
        self.pages.clear();
        self.kept.fill(Cell::default());
        self.tasks.fill(Task::default());
        self.savepoints.clear();
        self.newest = CheckpointId::INITIAL;
        self.stored.clear();
        self.took_over = false;
        self.lines.fill(Line::default());
        self.replaying = 0;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        self.savepoints.fingerprint(into);
        for task in &self.tasks {
            into.word(task.point.checkpoint.0 << 2 | task.point.way as u64);
            into.word(task.newest.0 << 2 | u64::from(task.loading) << 1 | u64::from(task.ended));
            into.word(u64::from(task.went_back));
        }
        into.words(self.stored.iter().map(|s| s.checkpoint.0 << 2 | u64::from(s.complete) << 1 | u64::from(s.gone)));
        into.word(u64::from(self.replaying) << 1 | u64::from(self.took_over));
        for (channel, line) in self.lines.iter().enumerate().filter(|(_, line)| line.replaying) {
            [channel as u64, line.sent, line.sent_chain, line.owed].iter().for_each(|word| into.word(*word));
        }
        let add = |cell: &Cell, into: &mut Fingerprint| {
            [cell.applied, cell.lineage, u64::from(cell.known)].iter().for_each(|word| into.word(*word));
        };
        self.kept.iter().for_each(|cell| add(cell, into));
        self.pages.fingerprint(into, add);
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
