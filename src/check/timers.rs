//! A timer fires once, when its time has come and not before, or is there at the end; and a restore brings back all that
//! waited at the restore point, with what it waits for.
//!
//! What an operator sets and what fires is told in sums, so what must be set is known at every instant: in each snapshot,
//! and at the end. A restore makes it what was captured. Timers of event time fire when the watermark of their task
//! has passed them, all of them, and at once.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Pages, Setting};
use crate::base::{CheckpointId, Fingerprint, OperatorId, TaskId, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};
use crate::workload::windows::Tally;

pub(super) static ABOUT: About = About {
    name: "timers",
    sentence: "Each timer fires once, as soon as its time has come, or still waits; restores bring back what waited.",
    needs: Claim::Always,
    wants: Kinds::of(&[
        EventKind::TimersSet,
        EventKind::TimersFired,
        EventKind::CutTimers,
        EventKind::TimersRestored,
        EventKind::TimersFinal,
        EventKind::WatermarkAdvanced,
        EventKind::RestorePoint,
        EventKind::TaskStarted,
        EventKind::SnapshotsDropped,
    ]),
};

#[derive(Clone)]
pub(super) struct Timers {
    /// Each task's first cell.
    first_cell: Vec<u32>,
    /// By task and operator of its chain: what must be set now.
    set: Vec<Tally>,
    /// What was captured, of snapshots that were not deleted.
    pages: Pages<Cut>,
    tasks: Vec<Task>,
    examined: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Cut {
    panes: u64,
    content: u64,
    timers: Tally,
    known: bool,
}

#[derive(Clone, Copy, Default)]
struct Task {
    point: CheckpointId,
    watermark: u64,
}

/// Who it is about.
type Of = (TaskId, OperatorId);

impl Timers {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let mut first_cell = vec![0];
        for task in &setting.plan.tasks {
            first_cell.push(first_cell[first_cell.len() - 1] + task.chain.len() as u32);
        }
        let cells = first_cell[first_cell.len() - 1] as usize;
        Self {
            first_cell,
            set: vec![Tally::default(); cells],
            pages: Pages::new(cells),
            tasks: vec![Task::default(); setting.plan.tasks.len()],
            examined: 0,
        }
    }

    fn cell(&self, (task, operator): Of, plan: &Plan) -> usize {
        (self.first_cell[task.index()] + plan.operators[operator.index()].position) as usize
    }

    /// Timers fired, all up to a time; another comes next.
    fn fired(&mut self, at: Time, of: Of, (upto, next): (u64, u64), timers: Tally, plan: &Plan, out: &mut Findings) {
        let cell = self.cell(of, plan);
        self.examined += 1;
        let watermark = self.tasks[of.0.index()].watermark;
        let set = &mut self.set[cell];
        if timers.records > set.records {
            let (fired, due) = (timers.records, set.records);
            tell(out, at, plan, of, "too many", || format!("fired {fired} timers, and {due} were set"));
        }
        set.records = set.records.wrapping_sub(timers.records);
        set.hash = set.hash.wrapping_sub(timers.hash);
        if plan.operators[of.1.index()].waits_for_events() && upto > watermark {
            let text = || format!("fired its timers up to {}, and knows {}", Time(upto), Time(watermark));
            tell(out, at, plan, of, "too early", text);
        } else if next > 0 && next <= upto {
            tell(out, at, plan, of, "overdue", || format!("did not fire its timer of {}", Time(next)));
        }
    }

    /// An operator says how many timers it has: are they those that must be set?
    fn counted(&mut self, at: Time, of: Of, timers: Tally, when: &str, plan: &Plan, out: &mut Findings) {
        let cell = self.cell(of, plan);
        self.examined += 1;
        let due = std::mem::replace(&mut self.set[cell], timers);
        if due != timers {
            let (are, due) = (timers.records, due.records.cast_signed());
            let text = || format!("has {are} timers {when}, of {due} that were set and did not fire");
            tell(out, at, plan, of, "does not add up in", text);
        }
    }

    fn restored(&mut self, at: Time, of: Of, is: Cut, plan: &Plan, out: &mut Findings) {
        let cell = self.cell(of, plan);
        let checkpoint = self.tasks[of.0.index()].point;
        self.set[cell] = is.timers;
        let was = match self.pages.get(checkpoint) {
            _ if checkpoint == CheckpointId::INITIAL => Cut { known: true, ..Cut::default() },
            Some(page) => page[cell],
            None => return,
        };
        self.examined += 1;
        if was.known && is != was {
            tell(out, at, plan, of, "not restored in", || {
                format!(
                    "goes back to checkpoint {checkpoint}, where {} panes and {} timers waited, with {} and {}{}",
                    was.panes,
                    was.timers.records,
                    is.panes,
                    is.timers.records,
                    if (is.panes, is.timers.records) == (was.panes, was.timers.records) { " others" } else { "" },
                )
            });
        }
    }
}

/// Tells a finding about an operator of a task.
fn tell(out: &mut Findings, at: Time, plan: &Plan, of: Of, what: &str, text: impl FnOnce() -> String) {
    out.add(ABOUT.name, at, || {
        let (task, operator) = of;
        let name = &plan.operators[operator.index()].name;
        Finding::new(format!("{what} {name}"), format!("{} {}", plan.task_name(task), text())).task(task)
    });
}

impl Check for Timers {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, plan: &Plan, out: &mut Findings) {
        match *event {
            Event::WatermarkAdvanced { task, watermark } => self.tasks[task.index()].watermark = watermark,
            Event::TaskStarted { task, .. } => self.tasks[task.index()].watermark = 0,
            Event::RestorePoint { task, checkpoint, .. } => self.tasks[task.index()].point = checkpoint,
            Event::TimersSet { task, operator, timers, deleted, hash } => {
                let cell = self.cell((task, operator), plan);
                self.set[cell].add(Tally { records: timers.wrapping_sub(deleted), hash });
            }
            Event::TimersFired { task, operator, upto, next, timers, hash, .. } => {
                self.fired(at, (task, operator), (upto, next), Tally { records: timers, hash }, plan, out);
            }
            Event::CutTimers { task, operator, checkpoint, panes, content, timers, hash } => {
                let timers = Tally { records: timers, hash };
                self.counted(at, (task, operator), timers, &format!("in checkpoint {checkpoint}"), plan, out);
                let cell = self.cell((task, operator), plan);
                self.pages.open(checkpoint)[cell] = Cut { panes, content, timers, known: true };
            }
            Event::TimersRestored { task, operator, panes, content, timers, hash } => {
                let is = Cut { panes, content, timers: Tally { records: timers, hash }, known: true };
                self.restored(at, (task, operator), is, plan, out);
            }
            Event::TimersFinal { task, operator, timers, hash, .. } => {
                self.counted(at, (task, operator), Tally { records: timers, hash }, "at the end", plan, out);
            }
            Event::SnapshotsDropped { task, upto } => {
                let cells = self.first_cell[task.index()] as usize..self.first_cell[task.index() + 1] as usize;
                for (_, page) in self.pages.each_mut().filter(|(of, _)| *of <= upto) {
                    page[cells.clone()].fill(Cut::default());
                }
                self.pages.close(|_, page| page.iter().all(|cut| !cut.known));
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        self.set.fill(Tally::default());
        self.pages.clear();
        self.tasks.fill(Task::default());
        self.examined = 0;
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        self.set.iter().flat_map(|set| [set.records, set.hash]).for_each(|word| into.word(word));
        self.tasks.iter().flat_map(|task| [task.point.0, task.watermark]).for_each(|word| into.word(word));
        self.pages.fingerprint(into, |cut, into| {
            let words = [cut.panes, cut.content, cut.timers.records, cut.timers.hash, u64::from(cut.known)];
            into.words(words.into_iter());
        });
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
