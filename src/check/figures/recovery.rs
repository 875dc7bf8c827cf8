//! What each restart cost, by part.
//!
//! ```text
//! fault struck ─ detection ─ job-restarting ─ back-off ─ machines-awaited ─ slots ─ restore-point ─ restore
//!              ─ last task-started ─ catch-up ─ last source-caught-up
//! ```
//!
//! A restart that finds all the machines it needs waits for none, and has no `machines-awaited`.
//! The parts up to the last start follow one another; together they are what users wait for anything to run again.
//! Restored channels are read while sources catch up already, so that part lies beside the catch-up. A source has
//! caught up when it has read again all that it had read before, and all that had arrived meanwhile.

use super::Figures;
use crate::base::{Attempt, CheckpointId, Span, TaskId, Time};
use crate::trace::Event;

/// What one restart cost. Instants are [`Time::NEVER`] for what did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartFigures {
    /// The attempt that it began.
    pub attempt: Attempt,
    /// The task whose failure it answers; `None`: the coordinator gave the job up, or was lost itself.
    pub cause: Option<TaskId>,
    /// When the first thing went wrong that it mends: a fault that made a task fail, the failure, or the loss of the
    /// coordinator.
    pub began: Time,
    /// When the task failed whose failure it answers.
    pub failed: Time,
    /// When a coordinator was lost: that is why the job restarts, or it happened while the job was down.
    pub lost: Time,
    /// When another one took over from it.
    pub took_over: Time,
    /// When the failure was noticed, or the coordinator replaced, and the restart prepared.
    pub noticed: Time,
    /// When the delay of the restart strategy was over and machines were missing.
    pub awaited: Time,
    /// When there was nothing more to wait for and the recovery was planned.
    pub planned: Time,
    /// When the last task so far had started.
    pub running: Time,
    /// The task that started last.
    pub slowest: Option<TaskId>,
    /// Tasks that it restores and that have not started.
    pub starting: u32,
    /// The longest that a task, once started, read what was put back into its inputs; `None`: nothing was.
    pub channels: Option<Span>,
    /// When the last of them had read it.
    pub recovered: Time,
    /// Sources that have not caught up.
    pub behind: u32,
    /// When the last source so far had caught up.
    pub caught_up: Time,
    /// Records that had arrived at the sources and were not read: each source at its worst, together.
    pub lag: u64,
    /// The newest checkpoint that a task went back to.
    pub restored: Option<CheckpointId>,
    /// Records that sources had to read again.
    pub replayed: u64,
}

/// The parts of a recovery; `None`: it did not come to the end of this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryParts {
    /// From the fault until it was noticed, or until a lost coordinator was replaced; zero if there was no fault: the
    /// coordinator gave the job up itself.
    pub detection: Span,
    /// From there until tasks may be restored: what the restart strategy says.
    pub back_off: Option<Span>,
    /// Waiting for slots: for machines that take the place of lost ones.
    pub slots: Option<Span>,
    /// Deploying tasks and loading their state, until the slowest has started.
    pub restore: Option<Span>,
    /// Reading what was put back into channels: the task that took longest, from its own start.
    pub channels: Option<Span>,
    /// From the last start until all sources had caught up.
    pub catch_up: Option<Span>,
    /// From the fault until every task ran: nothing, or not everything, worked.
    pub down: Option<Span>,
    /// From the fault until all is as if it had not struck.
    pub total: Option<Span>,
}

impl RestartFigures {
    pub(super) fn new(attempt: Attempt, noticed: Time) -> Self {
        Self {
            attempt,
            cause: None,
            began: noticed,
            failed: Time::NEVER,
            lost: Time::NEVER,
            took_over: Time::NEVER,
            noticed,
            awaited: Time::NEVER,
            planned: Time::NEVER,
            running: Time::NEVER,
            slowest: None,
            starting: 0,
            channels: None,
            recovered: Time::NEVER,
            behind: 0,
            caught_up: Time::NEVER,
            lag: 0,
            restored: None,
            replayed: 0,
        }
    }

    /// When every task ran again, if that came.
    pub fn up(&self) -> Option<Time> {
        let last = if self.running == Time::NEVER { self.planned } else { self.running };
        (self.planned != Time::NEVER && self.starting == 0).then_some(last)
    }

    /// How long each part took.
    pub fn parts(&self) -> RecoveryParts {
        let (due, is_planned) = (self.awaited.min(self.planned), self.planned != Time::NEVER);
        let (runs, running) = (self.up().is_some(), self.up().unwrap_or(Time::NEVER));
        // A source without a rate may be through before the slowest task starts.
        let caught_up = if self.caught_up == Time::NEVER { running } else { self.caught_up.max(running) };
        let recovered = if self.recovered == Time::NEVER { running } else { self.recovered };
        let is_over = runs && self.behind == 0;
        RecoveryParts {
            detection: self.noticed.since(self.began),
            back_off: (due != Time::NEVER).then(|| due.since(self.noticed)),
            slots: is_planned.then(|| self.planned.since(due)),
            restore: runs.then(|| running.since(self.planned)),
            channels: self.channels,
            catch_up: is_over.then(|| caught_up.since(running)),
            down: runs.then(|| running.since(self.began)),
            total: is_over.then(|| caught_up.max(recovered).since(self.began)),
        }
    }
}

/// What the fold has to remember of a recovery that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovering {
    /// The last fault that struck, or whose trap was sprung, since the last restart.
    struck: Time,
    /// The first thing since then that went wrong because of one.
    began: Time,
    /// The loss of a coordinator since then, and the takeover.
    lost: Time,
    took_over: Time,
    /// When each task failed since then.
    failed: Vec<Time>,
    /// When each task started.
    started: Vec<Time>,
    /// Sources that have not caught up, by task.
    behind: Vec<bool>,
    /// Which tasks are sources.
    sources: Vec<bool>,
}

impl Recovering {
    pub fn new(sources: Vec<bool>) -> Self {
        let tasks = sources.len();
        let never = vec![Time::NEVER; tasks];
        let mut fold = Self { failed: never.clone(), started: never, sources, ..Self::default() };
        fold.behind.resize(tasks, false);
        fold.reset();
        fold
    }

    pub fn reset(&mut self) {
        self.forget_failures();
        self.started.fill(Time::NEVER);
        self.behind.fill(false);
    }

    fn forget_failures(&mut self) {
        (self.struck, self.began, self.lost, self.took_over) = (Time::NEVER, Time::NEVER, Time::NEVER, Time::NEVER);
        self.failed.fill(Time::NEVER);
    }

    /// The restart that is prepared now, and why.
    fn restart(&mut self, at: Time, task: TaskId, attempt: Attempt) -> RestartFigures {
        let restart = RestartFigures::new(attempt, at);
        // Whoever takes over names no task, and neither does a coordinator that gives the job up.
        let failed = if self.took_over == Time::NEVER { self.failed[task.index()] } else { Time::NEVER };
        let cause = (failed != Time::NEVER).then_some(task);
        let (began, lost, took_over) = (self.began.min(at), self.lost, self.took_over);
        self.reset();
        RestartFigures { cause, began, failed, lost, took_over, ..restart }
    }
}

impl Figures {
    /// An event of a failure or a recovery.
    pub(super) fn recovery_event(&mut self, at: Time, event: &Event) {
        let fold = &mut self.recovering;
        match *event {
            Event::FaultStruck { .. } | Event::FaultHit { .. } => fold.struck = at,
            Event::TaskFailed { task, .. } => {
                fold.began = fold.began.min(fold.struck).min(at);
                fold.failed[task.index()] = at;
            }
            Event::CoordinatorLost { .. } => (fold.began, fold.lost) = (fold.began.min(at), at),
            Event::CoordinatorTookOver { .. } => fold.took_over = at,
            Event::JobRestarting { task, attempt } => return self.restarts.push(fold.restart(at, task, attempt)),
            _ => {}
        }
        let Some(restart) = self.restarts.last_mut() else { return };
        match *event {
            Event::CoordinatorTookOver { .. } if restart.planned == Time::NEVER => {
                // The job was down already, and goes on with this restart.
                (restart.lost, restart.took_over) = (fold.lost, at);
                (fold.lost, fold.took_over) = (Time::NEVER, Time::NEVER);
            }
            Event::MachinesAwaited { .. } => restart.awaited = at,
            Event::RestorePoint { task, live, .. } => {
                if restart.planned == Time::NEVER {
                    // What failed until now is restarted with the rest.
                    restart.planned = at;
                    fold.forget_failures();
                }
                restart.starting += u32::from(live == 0);
                let is_over = live == 2 || live == 1 && self.finished[task.index()];
                if fold.sources[task.index()] && !is_over {
                    fold.behind[task.index()] = true;
                    restart.behind += 1;
                }
            }
            Event::TaskStarted { task, checkpoint, .. } => {
                (restart.running, restart.slowest) = (at, Some(task));
                restart.starting = restart.starting.saturating_sub(1);
                restart.restored = restart.restored.max(Some(checkpoint));
                fold.started[task.index()] = at;
            }
            Event::ChannelsRecovered { task } => {
                restart.channels = restart.channels.max(Some(at.since(fold.started[task.index()])));
                restart.recovered = at;
            }
            Event::SourceRewound { position, from, .. } => restart.replayed += from.saturating_sub(position),
            Event::SourceCaughtUp { task, lag, .. } => {
                restart.lag += lag;
                if std::mem::take(&mut fold.behind[task.index()]) {
                    (restart.behind, restart.caught_up) = (restart.behind - 1, at);
                }
            }
            Event::SourceLeftBehind { lag, .. } => restart.lag += lag,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Observer;

    const SOURCE: TaskId = TaskId(0);
    const OTHER: TaskId = TaskId(1);
    const MAP: TaskId = TaskId(2);
    const ONE: CheckpointId = CheckpointId(1);

    /// Two sources and a map.
    fn told(events: &[(u64, Event)]) -> Figures {
        let mut figures = Figures::sized(vec![true, true, false], vec![(SOURCE, MAP); 2], vec![true, true, false]);
        events.iter().for_each(|(at, event)| figures.event(Time(*at), event));
        figures
    }

    fn fails(at: u64) -> Vec<(u64, Event)> {
        let (task, attempt) = (MAP, Attempt(0));
        vec![(at, Event::FaultStruck { fault: 0 }), (at, Event::TaskFailed { task, attempt })]
    }

    fn restarting(at: u64) -> (u64, Event) {
        (at, Event::JobRestarting { task: MAP, attempt: Attempt(1) })
    }

    /// Whether each task is kept (1), restored (0) or over (2).
    fn planned(at: u64, live: [u32; 3]) -> Vec<(u64, Event)> {
        let point = |(task, live)| (at, Event::RestorePoint { task, checkpoint: ONE, live });
        [SOURCE, OTHER, MAP].into_iter().zip(live).map(point).collect()
    }

    fn started(at: u64, task: TaskId) -> (u64, Event) {
        (at, Event::TaskStarted { task, attempt: Attempt(1), checkpoint: ONE })
    }

    fn caught_up(at: u64, task: TaskId, lag: u64) -> (u64, Event) {
        (at, Event::SourceCaughtUp { task, position: 9, lag })
    }

    /// A fault at 100 that is noticed at 130, a wait of 50, and the map takes 40 to load its state.
    fn whole() -> Vec<(u64, Event)> {
        let rest = [
            started(185, SOURCE),
            started(185, OTHER),
            caught_up(200, OTHER, 3),
            started(220, MAP),
            (260, Event::ChannelsRecovered { task: MAP }),
            caught_up(300, SOURCE, 40),
        ];
        [fails(100), vec![restarting(130)], planned(180, [0, 0, 0]), rest.to_vec()].concat()
    }

    #[test]
    fn the_parts_follow_one_another_and_make_up_the_whole() {
        let figures = told(&whole());
        let parts = figures.restarts[0].parts();
        let expected = RecoveryParts {
            detection: Span(30),
            back_off: Some(Span(50)),
            slots: Some(Span::ZERO),
            restore: Some(Span(40)),
            channels: Some(Span(40)),
            catch_up: Some(Span(80)),
            down: Some(Span(120)),
            total: Some(Span(200)),
        };
        assert_eq!(parts, expected);
        assert_eq!((figures.restarts[0].slowest, figures.restarts[0].lag), (Some(MAP), 43));
    }

    #[test]
    fn channels_that_take_longest_make_the_whole_longer() {
        let mut events = whole();
        events.retain(|(_, event)| !matches!(event, Event::ChannelsRecovered { .. }));
        events.push((350, Event::ChannelsRecovered { task: MAP }));
        let parts = told(&events).restarts[0].parts();
        assert_eq!((parts.channels, parts.catch_up, parts.total), (Some(Span(130)), Some(Span(80)), Some(Span(250))));
    }

    #[test]
    fn machines_that_are_waited_for_end_the_back_off() {
        let mut events = whole();
        events.insert(3, (142, Event::MachinesAwaited { restart: 1 }));
        let parts = told(&events).restarts[0].parts();
        assert_eq!((parts.back_off, parts.slots, parts.down), (Some(Span(12)), Some(Span(38)), Some(Span(120))));
        let waiting = told(&events[..4]).restarts[0].parts();
        assert_eq!((waiting.back_off, waiting.slots, waiting.restore), (Some(Span(12)), None, None));
        let again = [events, vec![restarting(400)], planned(450, [0; 3])].concat();
        let parts = told(&again).restarts[1].parts();
        assert_eq!((parts.back_off, parts.slots), (Some(Span(50)), Some(Span::ZERO)), "that was another restart");
    }

    #[test]
    fn what_did_not_come_to_its_end_has_no_length() {
        let events = whole();
        let until = |n: usize| told(&events[..n]).restarts[0].parts();
        let noticed = until(3);
        assert_eq!((noticed.back_off, noticed.restore, noticed.down, noticed.total), (None, None, None, None));
        let some_started = until(9);
        assert_eq!((some_started.back_off, some_started.restore, some_started.catch_up), (Some(Span(50)), None, None));
        let one_behind = until(events.len() - 1);
        assert_eq!((one_behind.down, one_behind.catch_up, one_behind.total), (Some(Span(120)), None, None));
        let left = [events[..events.len() - 1].to_vec(), vec![(280, left_behind(7))]].concat();
        let figures = told(&left);
        assert_eq!((figures.restarts[0].lag, figures.restarts[0].parts().total), (10, None), "at worst so far");
    }

    fn left_behind(lag: u64) -> Event {
        Event::SourceLeftBehind { task: SOURCE, position: 9, lag }
    }

    #[test]
    fn only_restored_tasks_are_waited_for_and_finished_sources_are_not() {
        let finished = (50, Event::TaskFinished { task: OTHER });
        let events = [vec![finished], fails(100), vec![restarting(100)], planned(110, [1, 1, 0])].concat();
        let parts = |more: &[(u64, Event)]| told(&[events.clone(), more.to_vec()].concat()).restarts[0].parts();
        assert_eq!(parts(&[started(115, MAP)]).catch_up, None, "the live source has a backlog");
        let over = parts(&[started(115, MAP), caught_up(125, SOURCE, 2)]);
        assert_eq!((over.restore, over.catch_up, over.channels), (Some(Span(5)), Some(Span(10)), None));
        let early = parts(&[caught_up(112, SOURCE, 0), started(115, MAP)]);
        assert_eq!((early.catch_up, early.total), (Some(Span::ZERO), Some(Span(15))), "no time is below zero");
        let ended = [fails(100), vec![restarting(100)], planned(110, [2, 2, 0]), vec![started(115, MAP)]].concat();
        assert_eq!(told(&ended).restarts[0].parts().total, Some(Span(15)));
    }

    #[test]
    fn a_fault_belongs_to_the_failure_that_follows_it() {
        let harmless = (10, Event::FaultStruck { fault: 1 });
        let by_coordinator = told(&[harmless, restarting(100)]).restarts[0];
        assert_eq!((by_coordinator.cause, by_coordinator.parts().detection), (None, Span::ZERO));
        let after = (105, Event::FaultStruck { fault: 1 });
        let figures = told(&[vec![harmless], fails(90), vec![(95, harmless.1), restarting(100), after]].concat());
        let restart = &figures.restarts[0];
        assert_eq!((restart.cause, restart.began, restart.failed), (Some(MAP), Time(90), Time(90)));
        // A trap is harmless until it is sprung.
        let failed = (50, Event::TaskFailed { task: MAP, attempt: Attempt(0) });
        let trap = [harmless, (40, Event::FaultHit { fault: 1 }), failed, restarting(60)];
        assert_eq!(told(&trap).restarts[0].parts().detection, Span(20));
        // What fails while the job is down is restarted with the rest, and is no reason for the next restart.
        let meanwhile = [whole()[..3].to_vec(), fails(150), planned(180, [0; 3]), vec![restarting(400)]].concat();
        assert_eq!(told(&meanwhile).restarts[1].failed, Time::NEVER);
    }

    #[test]
    fn the_first_failure_counts_though_another_one_is_noticed() {
        let silent = (80, Event::TaskFailed { task: OTHER, attempt: Attempt(0) });
        let figures = told(&[vec![silent], fails(100), vec![restarting(130)]].concat());
        let restart = &figures.restarts[0];
        assert_eq!((restart.cause, restart.failed, restart.parts().detection), (Some(MAP), Time(100), Span(50)));
        let given_up = told(&[(80, silent.1), (90, Event::JobRestarting { task: SOURCE, attempt: Attempt(1) })]);
        assert_eq!(given_up.restarts[0].cause, None, "nobody had noticed that the other one failed");
    }

    #[test]
    fn a_takeover_is_a_restart_of_its_own_or_part_of_one() {
        let (lost, took_over) = (Event::CoordinatorLost { term: 0 }, Event::CoordinatorTookOver { term: 1 });
        let meanwhile = (110, Event::TaskFailed { task: SOURCE, attempt: Attempt(0) });
        let first = Event::JobRestarting { task: SOURCE, attempt: Attempt(1) };
        let own = [vec![(100, lost), meanwhile, (150, took_over), (150, first)], planned(150, [1, 1, 0])].concat();
        let restart = told(&[own, vec![started(170, MAP)]].concat()).restarts[0];
        assert_eq!((restart.cause, restart.lost, restart.took_over), (None, Time(100), Time(150)));
        let parts = restart.parts();
        assert_eq!((parts.detection, parts.back_off, parts.down), (Span(50), Some(Span::ZERO), Some(Span(70))));

        let down = [fails(100), vec![restarting(130), (140, lost), (190, took_over)], planned(190, [0; 3])].concat();
        let figures = told(&[down, vec![restarting(400)]].concat());
        let restart = &figures.restarts[0];
        assert_eq!((restart.cause, restart.lost, restart.took_over), (Some(MAP), Time(140), Time(190)));
        assert_eq!((restart.parts().detection, restart.parts().back_off), (Span(30), Some(Span(60))));
        assert_eq!((figures.restarts[1].lost, figures.restarts[1].began), (Time::NEVER, Time(400)), "that is over");
    }

    #[test]
    fn nothing_is_left_for_the_next_run() {
        let mut figures = told(&whole()[..7]);
        figures.reset();
        whole().iter().for_each(|(at, event)| figures.event(Time(*at), event));
        assert_eq!(figures.restarts, told(&whole()).restarts);
    }
}
