//! How far tasks knew that they had read, and what that cost.
//!
//! Lag is how far a watermark is behind the clock; it is greatest just before the watermark grows. It means something where
//! records happened when they arrived, and less where they are all there from the start. A task that is idle has none.

use crate::base::{Span, Time};
use crate::trace::Event;

/// What watermarks were worth in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Records that came although a watermark had said they would not; `None`: nobody ever said anything.
    pub late: Option<u64>,
    /// Records that operators left out because all of their windows were over; `None`: there are no such operators.
    pub dropped: Option<u64>,
    /// Timers of operators that fired.
    pub fired: Option<u64>,
    /// Records that were sent because timers fired.
    pub results: Option<u64>,
    /// The most by which a task's watermark was behind the clock, from its first one on.
    pub lag: Option<Span>,
    /// The longest time from the start of a task that had failed until its watermark was what it had been.
    pub regained: Option<Span>,
    tasks: Vec<Task>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Task {
    watermark: u64,
    /// It is to grow: it has been said, and not been given up since.
    runs: bool,
    /// What it was when the task began again, and when that was; 0: it is again.
    lost: u64,
    since: Time,
}

impl Watermarks {
    /// Of a job with so many tasks.
    pub(super) fn new(tasks: usize) -> Self {
        Self { tasks: vec![Task::default(); tasks], ..Self::default() }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, at: Time, event: &Event) {
        match *event {
            Event::WatermarkAdvanced { task, watermark } => {
                self.late.get_or_insert(0);
                let task = &mut self.tasks[task.index()];
                let before = std::mem::replace(&mut task.watermark, watermark);
                if std::mem::replace(&mut task.runs, true) {
                    self.lag = self.lag.max(Some(at.since(Time(before))));
                }
                if task.lost > 0 && watermark >= task.lost {
                    task.lost = 0;
                    self.regained = self.regained.max(Some(at.since(task.since)));
                }
            }
            Event::TaskStarted { task, .. } => {
                let task = &mut self.tasks[task.index()];
                // If it has not got back yet what it lost before, that is still to come.
                let lost = std::mem::take(&mut task.watermark).max(task.lost);
                task.runs = false;
                (task.lost, task.since) = (lost, if task.lost > 0 { task.since } else { at });
            }
            // Nobody expects anything of one that is idle.
            Event::TaskIdle { task, .. } => self.tasks[task.index()].runs = false,
            Event::TimersSet { .. } => _ = self.dropped.get_or_insert(0),
            Event::LateDropped { records, .. } => *self.dropped.get_or_insert(0) += records,
            Event::TimersFired { timers, results, .. } => {
                *self.fired.get_or_insert(0) += timers;
                *self.results.get_or_insert(0) += results;
            }
            Event::RecordsLate { records, .. } => *self.late.get_or_insert(0) += records,
            _ => {}
        }
    }

    pub(super) fn reset(&mut self) {
        let mut tasks = std::mem::take(&mut self.tasks);
        tasks.fill(Task::default());
        *self = Self { tasks, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Attempt, CheckpointId, TaskId};

    fn told(events: &[(u64, Event)]) -> Watermarks {
        let mut told = Watermarks::new(1);
        events.iter().for_each(|(at, event)| told.event(Time(*at), event));
        told
    }

    fn says(watermark: u64) -> Event {
        Event::WatermarkAdvanced { task: TaskId(0), watermark }
    }

    fn starts(attempt: u32) -> Event {
        Event::TaskStarted { task: TaskId(0), attempt: Attempt(attempt), checkpoint: CheckpointId::INITIAL }
    }

    #[test]
    fn lag_is_greatest_before_a_watermark_grows() {
        let told = told(&[(0, starts(0)), (50, says(10)), (70, says(60)), (200, says(u64::MAX))]);
        assert_eq!((told.lag, told.regained, told.late), (Some(Span(140)), None, Some(0)));
        let rests = |idle| Event::TaskIdle { task: TaskId(0), idle };
        let told = self::told(&[(50, says(10)), (70, says(60)), (80, rests(1)), (500, rests(0)), (510, says(500))]);
        assert_eq!(told.lag, Some(Span(60)), "who is idle is not behind");
    }

    #[test]
    fn what_was_lost_is_regained_when_it_is_what_it_was() {
        let mut events = vec![(0, starts(0)), (50, says(40)), (60, starts(1)), (90, says(20)), (100, starts(2))];
        assert_eq!(told(&events).regained, None);
        events.extend([(120, says(39)), (150, says(41))]);
        assert_eq!(told(&events).regained, Some(Span(90)), "since it began again for the first time");
        events.push((400, says(300)));
        assert_eq!(told(&events).regained, Some(Span(90)));
    }

    #[test]
    fn who_says_nothing_has_no_figures() {
        let told_nothing = told(&[(0, starts(0)), (9, starts(1))]);
        assert_eq!((told_nothing.late, told_nothing.lag, told_nothing.regained), (None, None, None));
        assert_eq!(told(&[(1, Event::RecordsLate { task: TaskId(0), records: 3 })]).late, Some(3));
    }
}
