//! The table of named figures: what scenarios bound, `list` shows and reports print.

use super::{CheckpointFigures, Figures, RecoveryParts, Status, TaskTimes};
use crate::base::{Bytes, Problem, Rate, Span, Time, nearest};
use crate::scenario::{Amount, Bound};
use crate::trace::AbortReason;
use std::fmt;

/// A single number of a run, by name.
pub struct Figure {
    /// Its name in scenarios, such as `end-to-end.max`.
    pub name: &'static str,
    /// What its numbers mean.
    pub unit: Unit,
    /// One line for people.
    pub about: &'static str,
    /// The number, in nanoseconds or bytes where it has such a unit; `None` if this run has none.
    pub value: fn(&Figures) -> Option<u64>,
    /// It takes a run in which every record is watched.
    pub exact: bool,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Nanoseconds.
    Time,
    /// Bytes.
    Size,
    /// So many per second.
    Rate,
}

/// A number with its unit, for printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(pub u64, pub Unit);

/// All figures. A new one is one line here.
pub const FIGURES: &[Figure] = &[
    count("checkpoints.triggered", "Checkpoints that the coordinator triggered", |f| Some(f.checkpoints.len() as u64)),
    count("checkpoints.completed", "Checkpoints that completed", |f| Some(f.completed().count() as u64)),
    count("checkpoints.aborted", "Checkpoints that were given up, for whatever reason", |f| {
        Some(f.checkpoints.iter().filter(|c| matches!(c.status, Status::Aborted(_))).count() as u64)
    }),
    count("checkpoints.expired", "Checkpoints that took longer than the timeout", |f| {
        Some(f.checkpoints.iter().filter(|c| c.status == Status::Aborted(AbortReason::Expired)).count() as u64)
    }),
    count("checkpoints.subsumed", "Checkpoints that were given up because a newer one completed first", |f| {
        Some(f.checkpoints.iter().filter(|c| c.status == Status::Aborted(AbortReason::Subsumed)).count() as u64)
    }),
    count("checkpoints.lost", "Checkpoints that were pending when their coordinator was lost", |f| {
        Some(f.checkpoints.iter().filter(|c| c.status == Status::Lost).count() as u64)
    }),
    count("checkpoints.pending", "Checkpoints that had not ended when the run did", |f| {
        Some(f.checkpoints.iter().filter(|c| c.status == Status::Pending).count() as u64)
    }),
    count("checkpoints.concurrent", "Most checkpoints that were under way at a time", concurrent),
    time("end-to-end.min", "Shortest time from trigger to last acknowledgement of a completed checkpoint", |f| {
        end_to_end(f).min()
    }),
    time("end-to-end.median", "Median (the lower of two) of the end-to-end durations", |f| {
        let mut all: Vec<u64> = end_to_end(f).collect();
        all.sort_unstable();
        all.get(all.len().saturating_sub(1) / 2).copied()
    }),
    time("end-to-end.max", "Longest end-to-end duration of a completed checkpoint", |f| end_to_end(f).max()),
    time("end-to-end.last", "End-to-end duration of the last completed checkpoint", |f| end_to_end(f).next_back()),
    time("start-delay.max", "Longest time from a trigger until a task handled its first barrier", |f| {
        largest(f, |c| c.start_delay_max())
    }),
    time("alignment.max", "Longest time between the first and the last barrier at a task", |f| {
        largest(f, |c| c.max(TaskTimes::alignment))
    }),
    time("sync.max", "Longest synchronous part of a task's snapshot", |f| largest(f, |c| c.max(TaskTimes::sync))),
    time("async.max", "Longest asynchronous part of a task's snapshot", |f| largest(f, |c| c.max(TaskTimes::r#async))),
    size("checkpointed-bytes.max", "Most bytes that a completed checkpoint wrote", |f| {
        f.completed().map(|c| c.bytes.0).max()
    }),
    size("checkpointed-bytes.last", "Bytes that the last completed checkpoint wrote", |f| {
        f.last_completed().map(|c| c.bytes.0)
    }),
    size("checkpointed-bytes.total", "Bytes that all completed checkpoints wrote", |f| {
        f.completed().map(|c| c.bytes.0).reduce(|a, b| a + b)
    }),
    size("full-bytes.max", "Most bytes that a completed checkpoint stands for, whoever wrote them", |f| {
        f.completed().map(|c| c.full.0).max()
    }),
    size("full-bytes.last", "Bytes that the last completed checkpoint stands for, whoever wrote them", |f| {
        f.last_completed().map(|c| c.full.0)
    }),
    size("retained-bytes.max", "Most bytes that snapshots and files of state took in the storage", |f| {
        f.retained().map(|(most, _)| most.0)
    }),
    size("retained-bytes.last", "Bytes that snapshots and files of state take in the storage at the end", |f| {
        f.retained().map(|(_, last)| last.0)
    }),
    count("files.last", "Files that the state of the last completed checkpoint is in, if it is in files", |f| {
        let files = f.last_completed()?.tasks.iter().map(|times| u64::from(times.files)).sum();
        (files > 0).then_some(files)
    }),
    count("files.written", "Files of state that were written to the storage", |f| f.files_written()),
    count("files.merged", "How often files of state became one", |f| f.totals.merged.map(|(times, _)| times)),
    size("materialised-bytes", "Bytes of whole states that were written in the background", |f| {
        f.totals.merged.map(|(_, bytes)| bytes.0).filter(|bytes| *bytes > 0)
    }),
    size("loaded-bytes", "Bytes of state that restored tasks read from the storage", |f| {
        f.totals.loaded.map(|(bytes, _)| bytes.0)
    }),
    size("log-bytes", "Bytes of logs that restored tasks applied", |f| f.totals.loaded.map(|(_, log)| log.0)),
    size("persisted-bytes.max", "Most bytes of channels that became part of a completed checkpoint", |f| {
        f.completed().map(|c| c.persisted().0).max()
    }),
    size("persisted-bytes.last", "Bytes of channels that became part of the last completed checkpoint", |f| {
        f.last_completed().map(|c| c.persisted().0)
    }),
    size("processed-bytes.max", "Most bytes that tasks went on processing while one checkpoint aligned", |f| {
        f.checkpoints.iter().map(|c| c.processed().0).max()
    }),
    count("snapshots.unaligned", "Snapshots of single tasks whose barrier had overtaken data", |f| {
        Some(f.checkpoints.iter().flat_map(|c| &c.tasks).filter(|times| times.unaligned).count() as u64)
    }),
    count("snapshots.taken", "Snapshots of single tasks, coordinated or not", |f| Some(f.totals.snapshots)),
    count("failures", "Tasks that threw an exception", |f| Some(f.totals.failures)),
    count("restarts", "Restarts of the job", |f| Some(f.restarts.len() as u64)),
    time("downtime", "Time from each fault that led to a restart until every task ran again, together", |f| {
        Some(f.downtime().0)
    }),
    count("records.emitted", "Records of the sources' logs that were emitted, replays not counted again", |f| {
        f.totals.emitted
    }),
    count("records.applied", "Records that the state of operators held at the end, sources aside", |f| {
        f.totals.applied
    }),
    count("records.replayed", "Records that sources read again after restarts", |f| Some(f.totals.replayed)),
    count("records.visible", "Records that became visible outside", |f| Some(f.totals.visible)),
    count("records.sent", "Records that tasks sent to one another, replays counted again", |f| {
        Some(f.totals.sent_records)
    }),
    rate("records.rate", "Records emitted per second of virtual time, over the whole run", |f| {
        per_second(f.totals.emitted?, f.totals.end)
    }),
    rate(
        "records.throughput",
        "Records emitted per second of virtual time, until the last of them had been read by all",
        |f| per_second(f.totals.emitted?, f.totals.last_read),
    ),
    count("buffers.sent", "Buffers that went over the network, from one task manager to another", |f| {
        Some(f.totals.buffers)
    }),
    size("bytes.sent", "Bytes in the buffers that senders closed", |f| Some(f.totals.sent_bytes.0)),
    size("buffer-size.min", "Smallest size of buffers that a receiver asked a sender for", |f| {
        f.totals.sizes.map(|(smallest, _)| smallest.0)
    }),
    size("buffer-size.last", "Size of buffers that a receiver asked a sender for last", |f| {
        f.totals.sizes.map(|(_, last)| last.0)
    }),
    time("blocked.max", "Longest time that one task was stopped for want of output buffers, together", |f| {
        f.blocked.iter().map(|span| span.0).max()
    }),
    count("messages.stale", "Messages of older attempts that the coordinator ignored", |f| Some(f.totals.stale)),
    time("recovery.detection", "Longest time from a fault until its failure was noticed", |f| {
        slowest(f, |parts| Some(parts.detection))
    }),
    time("recovery.back-off", "Longest time that the restart strategy waited", |f| slowest(f, |parts| parts.back_off)),
    time("recovery.slots", "Longest time that a restart waited for machines in the place of lost ones", |f| {
        slowest(f, |parts| parts.slots)
    }),
    time("recovery.restore", "Longest time of a restart until the slowest task had its state and began", |f| {
        slowest(f, |parts| parts.restore)
    }),
    time("recovery.channels", "Longest time that a task, once started, read what was put back into its inputs", |f| {
        slowest(f, |parts| parts.channels)
    }),
    time("recovery.catch-up", "Longest time from the last start of a restart until all sources had caught up", |f| {
        slowest(f, |parts| parts.catch_up)
    }),
    time("recovery.down", "Longest time from a fault until every task ran again", |f| slowest(f, |parts| parts.down)),
    time(
        "recovery.total",
        "Longest time from a fault until all sources had caught up and all channels were read",
        |f| slowest(f, |parts| parts.total),
    ),
    count("recovery.lag", "Most records that waited at the sources in one recovery, each source at its worst", |f| {
        f.restarts.iter().map(|restart| restart.lag).max()
    }),
    count("records.skipped", "Records that sources had read and could not read again after restarts", |f| {
        Some(f.totals.skipped)
    }),
    count("records.expired", "Records that were to be committed and had been aborted by the external system", |f| {
        Some(f.visibility.lost)
    }),
    count("transactions.committed", "Transactions of sinks that were committed", |f| Some(f.visibility.committed)),
    count("transactions.aborted", "Transactions of sinks that were aborted, whatever for", |f| {
        Some(f.visibility.aborted)
    }),
    count("transactions.expired", "Transactions of sinks that the external system aborted for their age", |f| {
        Some(f.visibility.expired)
    }),
    count("zombies.acts", "Things done by sinks and committers that had been given up", |f| Some(f.totals.zombies)),
    time("visibility.min", "Shortest time from the pre-commit of output until it could be seen", |f| {
        f.visibility.spread().map(|[min, ..]| min.0)
    }),
    time("visibility.median", "Median of that over records", |f| f.visibility.spread().map(|[_, median, _]| median.0)),
    time("visibility.max", "Longest time from the pre-commit of output until it could be seen", |f| {
        f.visibility.spread().map(|[.., max]| max.0)
    }),
    time("visibility.oldest", "Longest time from the beginning of a transaction until its output could be seen", |f| {
        f.visibility.oldest.map(|span| span.0)
    }),
    exact("state.lost", "Records that are missing in the state of operators, sources aside; named one by one", |f| {
        Some(f.exact?.state.lost)
    }),
    exact("state.doubled", "Records that count too often in the state of operators; named one by one", |f| {
        Some(f.exact?.state.doubled)
    }),
    exact("output.lost", "Records that are missing outside; named one by one", |f| Some(f.exact?.output.lost)),
    exact("output.doubled", "Records that are seen too often outside; named one by one", |f| {
        Some(f.exact?.output.doubled)
    }),
    count("records.late", "Records that came although the watermark of their task had said they would not", |f| {
        f.watermarks.late
    }),
    count("records.late-dropped", "Records that operators left out because all of their windows were over", |f| {
        f.watermarks.dropped
    }),
    count(
        "timers.fired",
        "Timers of windows, joins and timeouts that fired, also those that fired again after a restart",
        |f| f.watermarks.fired,
    ),
    count("timers.results", "Records that were sent because such timers fired", |f| f.watermarks.results),
    time("watermark-lag.max", "Longest time that a task's watermark was behind the clock", |f| {
        f.watermarks.lag.map(|span| span.0)
    }),
    time("watermark-regained.max", "Longest time from a restart until a task's watermark was what it had been", |f| {
        f.watermarks.regained.map(|span| span.0)
    }),
    time("virtual-time", "Virtual time from the beginning of the run to its last event", |f| Some(f.totals.end.0)),
];

const fn count(name: &'static str, about: &'static str, value: fn(&Figures) -> Option<u64>) -> Figure {
    Figure { name, unit: Unit::Count, about, value, exact: false }
}
const fn time(name: &'static str, about: &'static str, value: fn(&Figures) -> Option<u64>) -> Figure {
    Figure { name, unit: Unit::Time, about, value, exact: false }
}
const fn size(name: &'static str, about: &'static str, value: fn(&Figures) -> Option<u64>) -> Figure {
    Figure { name, unit: Unit::Size, about, value, exact: false }
}
const fn rate(name: &'static str, about: &'static str, value: fn(&Figures) -> Option<u64>) -> Figure {
    Figure { name, unit: Unit::Rate, about, value, exact: false }
}
const fn exact(name: &'static str, about: &'static str, value: fn(&Figures) -> Option<u64>) -> Figure {
    Figure { name, unit: Unit::Count, about, value, exact: true }
}

/// Whether a bound is on a figure that takes a run in which every record is watched.
pub fn is_exact(bound: &Bound) -> bool {
    Figure::named(&bound.figure).is_some_and(|figure| figure.exact)
}

fn per_second(records: u64, until: Time) -> Option<u64> {
    (u128::from(records) * 1_000_000_000).checked_div(u128::from(until.0)).map(|rate| rate as u64)
}

/// Checkpoints are in the order of their triggers, so whatever ended before one began was triggered before it too.
fn concurrent(figures: &Figures) -> Option<u64> {
    let mut ends: Vec<Time> = figures.checkpoints.iter().map(|checkpoint| checkpoint.ended).collect();
    ends.sort_unstable();
    let ended = |at: Time| ends.partition_point(|end| *end <= at);
    // One that is given up at the instant at which it began was under way all the same.
    let over = |newest: &CheckpointFigures| ended(newest.triggered) as u64;
    let under_way =
        figures.checkpoints.iter().zip(1..).map(|(newest, begun): (_, u64)| begun.saturating_sub(over(newest)).max(1));
    Some(under_way.max().unwrap_or(0))
}

fn end_to_end(figures: &Figures) -> impl DoubleEndedIterator<Item = u64> {
    figures.completed().filter_map(|checkpoint| checkpoint.end_to_end()).map(|span| span.0)
}

/// Over the restarts that came so far.
fn slowest(figures: &Figures, of: impl Fn(&RecoveryParts) -> Option<Span>) -> Option<u64> {
    figures.restarts.iter().filter_map(|restart| of(&restart.parts())).map(|span| span.0).max()
}

/// Over all checkpoints, also those that did not complete: that is where delays matter most.
fn largest(figures: &Figures, of: impl Fn(&CheckpointFigures) -> Option<Span>) -> Option<u64> {
    figures.checkpoints.iter().filter_map(of).map(|span| span.0).max()
}

impl Figure {
    /// The figure of this name.
    pub fn named(name: &str) -> Option<&'static Figure> {
        FIGURES.iter().find(|figure| figure.name == name)
    }

    /// The number with its unit, if this run has one.
    pub fn of(&self, figures: &Figures) -> Option<Value> {
        (self.value)(figures).map(|value| Value(value, self.unit))
    }
}

impl Unit {
    /// How a bound with this unit is written.
    fn example(self) -> &'static str {
        match self {
            Self::Count => "a plain number such as 3",
            Self::Time => "a time such as \"250ms\"",
            Self::Size => "a size such as \"32KiB\"",
            Self::Rate => "a rate such as \"20k/s\"",
        }
    }

    /// The number in an amount, if its unit is this one.
    fn number(self, amount: Amount) -> Option<u64> {
        match (self, amount) {
            (Self::Count, Amount::Count(n)) => Some(n),
            (Self::Time, Amount::Time(span)) => Some(span.0),
            (Self::Size, Amount::Size(bytes)) => Some(bytes.0),
            (Self::Rate, Amount::PerSecond(rate)) => Some(rate.0),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Unit::Count => self.0.fmt(f),
            Unit::Time => Span(self.0).fmt(f),
            Unit::Size => Bytes(self.0).fmt(f),
            Unit::Rate => Rate(self.0).fmt(f),
        }
    }
}

/// What a run made of something that the scenario expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Whether it came out as expected.
    pub met: bool,
    /// Such as `end-to-end.max is 312ms, expected at most 20ms`.
    pub text: String,
}

/// Complains about bounds on figures that do not exist, or in units that do not fit them.
pub fn check_bounds(bounds: &[Bound]) -> Vec<Problem> {
    bounds.iter().filter_map(|bound| resolve(bound).err()).collect()
}

/// Holds the figures of a run against the bounds on them, in the order of the bounds.
pub fn evaluate(bounds: &[Bound], figures: &Figures) -> Result<Vec<Expectation>, Vec<Problem>> {
    let problems = check_bounds(bounds);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(bounds.iter().filter_map(|bound| resolve(bound).ok()).map(|bound| bound.hold_against(figures)).collect())
}

struct Resolved {
    figure: &'static Figure,
    min: Option<u64>,
    max: Option<u64>,
}

fn resolve(bound: &Bound) -> Result<Resolved, Problem> {
    let figure = Figure::named(&bound.figure).ok_or_else(|| {
        let allowed = match nearest(&bound.figure, FIGURES.iter().map(|figure| figure.name)) {
            Some(near) => format!("did you mean \"{near}\"? (`cutline list figures` shows all)"),
            None => "`cutline list figures` shows all".to_owned(),
        };
        Problem::at(bound.place.clone(), format!("there is no figure \"{}\"", bound.figure), allowed)
    })?;
    let number = |amount: Option<Amount>| match amount {
        None => Ok(None),
        Some(amount) => figure.unit.number(amount).map(Some).ok_or_else(|| {
            let found = format!("\"{}\" is bounded by {}", figure.name, described(amount));
            Problem::at(bound.place.clone(), found, format!("write {}", figure.unit.example()))
        }),
    };
    Ok(Resolved { figure, min: number(bound.min)?, max: number(bound.max)? })
}

fn described(amount: Amount) -> String {
    match amount {
        Amount::Count(n) => format!("the plain number {n}"),
        Amount::Time(span) => format!("a time ({span})"),
        Amount::Size(bytes) => format!("a size ({bytes})"),
        Amount::PerSecond(rate) => format!("a rate ({rate})"),
    }
}

impl Resolved {
    fn hold_against(&self, figures: &Figures) -> Expectation {
        let show = |n: u64| Value(n, self.figure.unit);
        let expected = match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => format!("expected {}", show(min)),
            (Some(min), Some(max)) => format!("expected {} to {}", show(min), show(max)),
            (Some(min), None) => format!("expected at least {}", show(min)),
            (None, Some(max)) => format!("expected at most {}", show(max)),
            (None, None) => "expected to be there".to_owned(),
        };
        let name = self.figure.name;
        match (self.figure.value)(figures) {
            None => Expectation { met: false, text: format!("{name} has no value in this run, {expected}") },
            Some(value) => Expectation {
                met: self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max),
                text: format!("{name} is {}, {expected}", show(value)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CheckpointId, Place, TaskId};
    use crate::trace::{Event, Observer};

    /// Checkpoints of these end-to-end durations.
    fn run(durations: &[u64]) -> Figures {
        let mut figures = Figures::sized(vec![true], vec![(TaskId(0), TaskId(0)); 0], vec![true]);
        for (n, ms) in durations.iter().enumerate() {
            let (checkpoint, start) = (CheckpointId(n as u64 + 1), Time(n as u64 * 1_000_000_000));
            let ack = Event::AckReceived { task: TaskId(0), checkpoint, attempt: crate::base::Attempt(0) };
            figures.event(start, &Event::CheckpointTriggered { checkpoint, purpose: 0 });
            figures.event(start + Span::from_millis(*ms), &ack);
            figures.event(start + Span::from_millis(*ms), &Event::CheckpointCompleted { checkpoint });
        }
        figures
    }

    fn bound(figure: &str, min: Option<Amount>, max: Option<Amount>) -> Bound {
        let place = Place { line: 3, column: 5, path: "expect.figures".into() };
        Bound { figure: figure.into(), min, max, place }
    }

    #[test]
    fn a_figure_out_of_bounds_says_what_it_is_and_what_it_should_be() {
        let millis = |ms| Some(Amount::Time(Span::from_millis(ms)));
        let told = evaluate(
            &[
                bound("end-to-end.max", None, millis(20)),
                bound("end-to-end.median", millis(5), millis(10)),
                bound("checkpoints.completed", Some(Amount::Count(3)), Some(Amount::Count(3))),
                bound("records.emitted", Some(Amount::Count(1)), None),
            ],
            &run(&[5, 312, 7]),
        );
        let told: Vec<(bool, String)> = told.expect("fits").into_iter().map(|e| (e.met, e.text)).collect();
        assert_eq!(told[0], (false, "end-to-end.max is 312ms, expected at most 20ms".into()));
        assert_eq!(told[1], (true, "end-to-end.median is 7ms, expected 5ms to 10ms".into()));
        assert_eq!(told[2], (true, "checkpoints.completed is 3, expected 3".into()));
        assert_eq!(told[3], (false, "records.emitted has no value in this run, expected at least 1".into()));
    }

    #[test]
    fn wrong_names_and_units_are_problems_with_a_place() {
        let wrong = [
            bound("end-to-end.maximum", None, None),
            bound("end-to-end.mx", None, None),
            bound("downtime", None, Some(Amount::Count(3))),
        ];
        let problems: Vec<String> = check_bounds(&wrong).iter().map(Problem::to_string).collect();
        assert_eq!(problems.len(), 3);
        assert!(problems[1].contains("did you mean \"end-to-end.max\"?"), "{}", problems[1]);
        assert_eq!(
            problems[2],
            "expect.figures: \"downtime\" is bounded by the plain number 3; write a time such as \"250ms\""
        );
        assert_eq!(evaluate(&wrong, &run(&[])).map_err(|problems| problems.len()), Err(3));
    }

    #[test]
    fn throughput_counts_until_the_last_record_was_read_not_until_the_end() {
        let (task, channel) = (TaskId(0), crate::base::ChannelId(0));
        let read = |seq| Event::BufferConsumed { channel, seq, upto: 50 * (seq + 1), chain: 0 };
        let mut figures = Figures::sized(vec![true, false], vec![(TaskId(0), TaskId(1))], vec![true, false]);
        figures.event(Time(1_000_000_000), &read(0));
        figures.event(Time(2_000_000_000), &read(1));
        figures.event(Time(5_000_000_000), &Event::TaskDrained { task });
        let told = Event::SourceFinal { task, operator: crate::base::OperatorId(0), partition: 0, emitted: 100 };
        figures.event(Time(5_000_000_000), &told);
        let value = |name| Figure::named(name).and_then(|figure| (figure.value)(&figures));
        assert_eq!((value("records.throughput"), value("records.rate")), (Some(50), Some(20)));
    }

    #[test]
    fn names_are_unique_and_a_run_without_events_breaks_none() {
        let empty = run(&[]);
        for (i, figure) in FIGURES.iter().enumerate() {
            assert!(FIGURES[..i].iter().all(|other| other.name != figure.name), "{} is there twice", figure.name);
            assert!(!figure.about.ends_with('.'), "{}", figure.about);
            let _ = figure.of(&empty);
        }
        assert_eq!(
            Figure::named("end-to-end.last").and_then(|f| f.of(&run(&[4, 9]))),
            Some(Value(9_000_000, Unit::Time))
        );
    }
}
