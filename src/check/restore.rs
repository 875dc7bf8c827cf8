//! After a failure everything goes back to where the restore point says it was.
//!
//! A source's position is the number of records that its operator had applied when it was captured: sources
//! apply what they emit.

use super::finding::{edge_name, head_name};
use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{ChannelId, CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "restore",
    sentence: "A recovery goes back to the newest completed checkpoint, and state, sources and channels are what they were.",
    needs: Claim::Always,
};

const WANTS: Kinds = Kinds::of(&[
    EventKind::CutState,
    EventKind::SnapshotsDropped,
    EventKind::CheckpointCompleted,
    EventKind::CheckpointAborted,
    EventKind::RestorePoint,
    EventKind::TaskStarted,
    EventKind::StateRestored,
    EventKind::SourceRewound,
    EventKind::ChannelRestored,
    EventKind::ChannelReplayed,
    EventKind::BufferClosed,
]);

#[derive(Clone)]
pub(super) struct Restore {
    /// What was captured of each operator of each task.
    pages: Pages<Cell>,
    /// Each task's first cell in a page.
    first_cell: Vec<u32>,
    points: Vec<Point>,
    newest: CheckpointId,
    lines: Vec<Line>,
    /// How many lines are being replayed: usually none, and then closed buffers are not looked at.
    replaying: u32,
    /// Restore points must be the newest completed checkpoint.
    coordinated: bool,
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

#[derive(Clone, Copy, Default)]
struct Point {
    checkpoint: CheckpointId,
    live: bool,
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
        Self {
            pages: Pages::new(first_cell[plan.tasks.len()] as usize),
            first_cell,
            points: vec![Point::default(); plan.tasks.len()],
            newest: CheckpointId::INITIAL,
            lines: vec![Line::default(); plan.channels.len()],
            replaying: 0,
            coordinated: setting.claims.holds(Claim::Coordinated),
            exactly_once: setting.claims.holds(Claim::ExactlyOnceState),
            examined: 0,
        }
    }

    fn cell(&self, task: TaskId, operator: OperatorId, plan: &Plan) -> usize {
        (self.first_cell[task.index()] + plan.operators[operator.index()].position) as usize
    }

    /// What the restore point holds of an operator, if it is known.
    fn saved(&self, task: TaskId, operator: OperatorId, plan: &Plan) -> Option<Cell> {
        let checkpoint = self.points[task.index()].checkpoint;
        if checkpoint == CheckpointId::INITIAL {
            return Some(Cell { known: true, ..Cell::default() });
        }
        let cell = self.pages.get(checkpoint)?[self.cell(task, operator, plan)];
        cell.known.then_some(cell)
    }

    fn point(&mut self, at: Time, task: TaskId, point: Point, plan: &Plan, out: &mut Findings) {
        self.points[task.index()] = point;
        let (to, newest) = (point.checkpoint, self.newest);
        if self.coordinated && !point.live {
            self.examined += 1;
            if to != newest {
                out.add(ABOUT.name, at, || {
                    let what = if to < newest { "older than the newest" } else { "incomplete" };
                    let name = plan.task_name(task);
                    let text = format!("{name} goes back to checkpoint {to}; the newest complete one is {newest}");
                    Finding::new(what, text).task(task).checkpoint(to)
                });
            }
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
        let checkpoint = self.points[task.index()].checkpoint;
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
                let (name, checkpoint) = (plan.task_name(task), self.points[task.index()].checkpoint);
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
        if !self.exactly_once {
            return;
        }
        self.examined += 1;
        let [(sent, sent_chain), (received, received_chain)] = ends;
        if received > sent {
            tell(out, at, plan, channel, "orphan", || {
                format!("{received} records were received, but the sender goes back to {sent} and will send some again")
            });
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
        if !self.exactly_once {
            return;
        }
        let line = &mut self.lines[channel.index()];
        let owed = line.owed;
        line.owed = owed.saturating_sub(records);
        if records > owed {
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

    fn wants(&self) -> Kinds {
        WANTS
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::BufferClosed { channel, records, upto, chain, .. } if self.replaying > 0 => {
                self.closed(at, channel, (upto, chain), records == 0, plan, out);
            }
            Event::CutState { task, operator, checkpoint, applied, lineage } => {
                let cell = self.cell(task, operator, plan);
                self.pages.open(checkpoint)[cell] = Cell { applied, lineage, known: true };
            }
            Event::SnapshotsDropped { task, upto } => {
                let cells = self.first_cell[task.index()] as usize..self.first_cell[task.index() + 1] as usize;
                for (_, page) in self.pages.each_mut().filter(|(of, _)| *of <= upto) {
                    page[cells.clone()].fill(Cell::default());
                }
                self.pages.close(|of, page| of <= upto && page.iter().all(|cell| !cell.known));
            }
            Event::CheckpointCompleted { checkpoint } => {
                self.newest = self.newest.max(checkpoint);
                if self.coordinated {
                    self.pages.close(|of, _| of < checkpoint);
                }
            }
            Event::CheckpointAborted { checkpoint, .. } if self.coordinated => {
                self.pages.close(|of, _| of == checkpoint);
            }
            Event::RestorePoint { task, checkpoint, live } => {
                self.point(at, task, Point { checkpoint, live: live == 1 }, plan, out);
            }
            Event::TaskStarted { task, checkpoint, .. } => {
                let point = self.points[task.index()];
                if point.live || point.checkpoint != checkpoint {
                    out.add(ABOUT.name, at, || {
                        let (name, to) = (plan.task_name(task), point.checkpoint);
                        let due = if point.live { "kept live".to_owned() } else { format!("restored to {to}") };
                        let text = format!("{name} starts from checkpoint {checkpoint}, but was to be {due}");
                        Finding::new(format!("start of {}", head_name(plan, task)), text)
                            .task(task)
                            .checkpoint(checkpoint)
                    });
                }
            }
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
        self.points.fill(Point::default());
        self.newest = CheckpointId::INITIAL;
        self.lines.fill(Line::default());
        self.replaying = 0;
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
        self.points.iter().for_each(|point| {
            into.word(point.checkpoint.0);
            into.word(u64::from(point.live));
        });
        into.word(u64::from(self.replaying));
        for (channel, line) in self.lines.iter().enumerate().filter(|(_, line)| line.replaying) {
            [channel as u64, line.sent, line.sent_chain, line.owed].iter().for_each(|word| into.word(*word));
        }
        self.pages.fingerprint(into, |cell, into| {
            [cell.applied, cell.lineage, u64::from(cell.known)].iter().for_each(|word| into.word(*word));
        });
    }

    fn examined(&self) -> u64 {
        self.examined
    }

    fn boxed_clone(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
