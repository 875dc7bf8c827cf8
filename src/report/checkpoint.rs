//! One checkpoint in full, as people know it from Flink's web UI: vertex by vertex, subtask by subtask.
//!
//! The columns are the UI's, their names in three lines so that a row has at most 100 columns. Two things differ: a
//! subtask's acknowledgement is not told twice (as a date and as what it took), and the full size has a column only
//! where it is not the checkpointed size.

use super::{Grid, RunView, wrap};
use crate::base::{Bytes, Span};
use crate::check::{CheckpointFigures, Measures, Progress, Purpose, SubtaskMeasures, Sums, VertexMeasures};
use std::cmp::Reverse;
use std::fmt::Write;

const WIDTH: usize = 100;
/// Of a vertex with more subtasks than this only some are shown.
const SUBTASKS: usize = 12;
/// How many these are: the slowest.
const SLOWEST: usize = 5;

/// The detail of a checkpoint as text.
pub fn checkpoint(view: &RunView, checkpoint: &CheckpointFigures) -> String {
    let measures = Measures::of(view.plan, checkpoint);
    let mut out = super::table::header(view);
    let _ = writeln!(out, "\n{}", wrap(&heading(&measures, checkpoint), WIDTH, 2));
    let _ = writeln!(out, "{}\n", wrap(&sums(&measures.sums), WIDTH, 2));
    out += &vertices(&measures);
    out + &super::table::conclusion(view)
}

/// The mark of its kind behind a checkpoint's number, if it is a special one.
pub(super) fn kind(measures: &Measures) -> Option<String> {
    let purpose = (measures.purpose != Purpose::Checkpoint).then_some(measures.purpose.name());
    let words: Vec<&str> = purpose.into_iter().chain(measures.unaligned().then_some("unaligned")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn heading(measures: &Measures, checkpoint: &CheckpointFigures) -> String {
    let kind = kind(measures).map_or(String::new(), |kind| format!(" ({kind})"));
    let acknowledged = match measures.sums.latest_ack {
        Some(at) => format!("latest acknowledgement at {at}"),
        None => "no acknowledgement".to_owned(),
    };
    let took = measures.end_to_end.unwrap_or_default();
    let (id, triggered) = (measures.id, measures.triggered);
    match measures.progress {
        Progress::Completed => {
            format!("Checkpoint {id}{kind} completed: triggered at {triggered}, {acknowledged}, {took} end to end")
        }
        Progress::Failed => {
            let why = checkpoint.status.name();
            format!("Checkpoint {id}{kind} failed ({why}) {took} after its trigger at {triggered}; {acknowledged}")
        }
        Progress::InProgress => format!("Checkpoint {id}{kind} in progress: triggered at {triggered}, {acknowledged}"),
    }
}

fn sums(sums: &Sums) -> String {
    let full = if sums.full == sums.checkpointed { String::new() } else { format!(" of {} in full", sums.full) };
    format!(
        "{}/{} acknowledged; {} checkpointed{full}; {} processed ({} persisted)",
        sums.acknowledged, sums.subtasks, sums.checkpointed, sums.processed, sums.persisted,
    )
}

/// A measure of a subtask, or what a summary makes of it.
type Measure = fn(&SubtaskMeasures) -> Option<u64>;

/// A column: its heading in three lines, and its cell for whoever can tell measures.
type Column = ([&'static str; 3], fn(&dyn Fn(Measure) -> Option<u64>) -> String);

const FULL: Column = (["", "Full", "Data Size"], |of| size(of(|s| s.r#async.map(|_| s.full.0))));

const COLUMNS: &[Column] = &[
    (["End to", "End", "Duration"], |of| time(of(|s| ns(s.end_to_end)))),
    // How much it is, is known when all of it is written.
    (["Check-", "pointed", "Data Size"], |of| size(of(|s| s.r#async.map(|_| s.checkpointed.0)))),
    (["", "Sync", "Duration"], |of| time(of(|s| ns(s.sync)))),
    (["", "Async", "Duration"], |of| time(of(|s| ns(s.r#async)))),
    (["Processed", "(persisted)", "Data"], |of| {
        format!("{} ({})", size(of(|s| Some(s.processed.0))), size(of(|s| Some(s.persisted.0))))
    }),
    (["", "Alignment", "Duration"], |of| time(of(|s| ns(s.alignment)))),
    (["", "Start", "Delay"], |of| time(of(|s| ns(s.start_delay)))),
];

fn ns(span: Option<Span>) -> Option<u64> {
    span.map(|span| span.0)
}

fn time(value: Option<u64>) -> String {
    value.map_or("n/a".to_owned(), |ns| Span(ns).to_string())
}

fn size(value: Option<u64>) -> String {
    value.map_or("n/a".to_owned(), |bytes| Bytes(bytes).to_string())
}

/// One grid, so that the columns of all vertices stand below one another, with a line for each vertex in between.
fn vertices(measures: &Measures) -> String {
    let mut columns = COLUMNS.to_vec();
    if measures.subtasks().any(|subtask| subtask.full != subtask.checkpointed) {
        columns.insert(2, FULL);
    }
    let heading = |line: usize| {
        let first = if line == 2 { "ID" } else { "" };
        let last = ["", "Unaligned", "Checkpoint"][line];
        let names = columns.iter().map(move |(names, _)| names[line]);
        [first].into_iter().chain(names).chain([last]).collect::<Vec<_>>()
    };
    let top: Vec<String> = heading(0).iter().map(|name| format!(">{name}")).collect();
    let mut grid = Grid::new(&top.iter().map(String::as_str).collect::<Vec<_>>());
    grid.row(heading(1));
    grid.row(heading(2));
    let counts: Vec<usize> = measures.vertices.iter().map(|vertex| rows(vertex, &columns, &mut grid)).collect();
    let text = grid.to_string();
    let mut lines = text.lines();
    let mut take = |out: &mut String, n: usize| lines.by_ref().take(n).for_each(|line| *out += &format!("{line}\n"));
    let mut out = String::new();
    take(&mut out, 3);
    for (vertex, count) in measures.vertices.iter().zip(counts) {
        let _ = writeln!(out, "{}", wrap(&vertex_line(vertex), WIDTH, 2));
        take(&mut out, count);
    }
    out
}

fn vertex_line(vertex: &VertexMeasures) -> String {
    let latest = match (vertex.sums.latest_ack, vertex.end_to_end) {
        (Some(at), Some(took)) => format!(", latest at {at} after {took}"),
        _ => String::new(),
    };
    let shown = match shown(vertex).len() {
        shown if shown < vertex.subtasks.len() => format!("; the slowest {shown} (--json has all)"),
        _ => String::new(),
    };
    format!("{}: {}/{} acknowledged{latest}{shown}", vertex.name, vertex.sums.acknowledged, vertex.sums.subtasks)
}

/// All subtasks in order, or the slowest of many: first those that did not acknowledge.
fn shown(vertex: &VertexMeasures) -> Vec<&SubtaskMeasures> {
    let mut subtasks: Vec<&SubtaskMeasures> = vertex.subtasks.iter().collect();
    if subtasks.len() > SUBTASKS {
        subtasks.sort_by_key(|subtask| (subtask.ack.is_some(), Reverse(subtask.end_to_end), subtask.index));
        subtasks.truncate(SLOWEST);
    }
    subtasks
}

/// Adds the rows of a vertex: the summary of several subtasks, then subtasks. Returns how many rows these are.
fn rows(vertex: &VertexMeasures, columns: &[Column], grid: &mut Grid) -> usize {
    let row = |name: String, of: &dyn Fn(Measure) -> Option<u64>, last: &str| {
        let cells = columns.iter().map(|(_, cell)| cell(of));
        [name].into_iter().chain(cells).chain([last.to_owned()]).collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    if vertex.subtasks.len() > 1 && vertex.sums.acknowledged > 0 {
        rows.push(row("min".to_owned(), &|of| vertex.summary(of).map(|summary| summary.min), ""));
        rows.push(row("avg".to_owned(), &|of| vertex.summary(of).map(|summary| summary.avg), ""));
        rows.push(row("max".to_owned(), &|of| vertex.summary(of).map(|summary| summary.max), ""));
    }
    rows.extend(shown(vertex).into_iter().map(|subtask| {
        let id = subtask.index.to_string();
        match subtask {
            subtask if subtask.finished => vec![id, "finished".to_owned()],
            // Nothing is known of it.
            subtask if subtask.start_delay.is_none() => vec![id, "n/a".to_owned()],
            subtask => row(id, &|of| of(subtask), if subtask.unaligned { "yes" } else { "no" }),
        }
    }));
    let count = rows.len();
    rows.into_iter().for_each(|row| grid.row(row));
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::report::sample::{self, Size};

    fn told(size: Size, n: usize) -> String {
        let text = sample::with_view(size, |view| checkpoint(view, &view.figures.checkpoints[n]));
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "{line}");
        }
        text
    }

    /// The first words of the lines of a vertex.
    fn first_words<'a>(text: &'a str, vertex: &str) -> Vec<&'a str> {
        let lines = text.lines().skip_while(|line| !line.starts_with(&format!("{vertex}:"))).skip(1);
        let lines = lines.take_while(|line| !line.is_empty() && !line.contains(": "));
        lines.filter_map(|line| line.split_whitespace().next()).collect()
    }

    #[test]
    fn few_subtasks_are_shown_in_order_with_their_summary() {
        let text = told(Size::Small, 0);
        assert!(text.contains("Checkpoint 1 completed: triggered at 1s, latest acknowledgement at "), "{text}");
        assert_eq!(first_words(&text, "join"), ["min", "avg", "max", "0", "1"]);
        assert_eq!(first_words(&text, "sink"), ["0"], "one subtask needs no summary");
        let names = text.split_whitespace().filter(|word| ["End", "Check-", "(persisted)", "Unaligned"].contains(word));
        assert_eq!(names.count(), 5, "{text}");
    }

    #[test]
    fn of_many_subtasks_the_slowest_are_shown() {
        let text = told(Size::Huge, 0);
        assert!(
            text.contains("parse: 500/500 acknowledged") && text.contains("; the slowest 5 (--json has all)"),
            "{text}"
        );
        assert_eq!(first_words(&text, "parse")[..3], ["min", "avg", "max"]);
        assert_eq!(first_words(&text, "parse").len(), 3 + 5);
        assert!(text.lines().count() < 60, "{text}");
    }

    #[test]
    fn of_one_that_failed_is_told_what_is_known() {
        let text = told(Size::Small, 3);
        assert!(text.contains("Checkpoint 4 failed (expired) 500ms after its trigger at 4s"), "{text}");
        assert!(text.contains("n/a"), "{text}");
    }

    #[test]
    fn the_full_size_has_a_column_where_it_differs() {
        let of = |plan: &Plan, more: u64| {
            let (_, _, figures) = sample::run(Size::Small, crate::model::sample::Order::Emit);
            let mut measures = Measures::of(plan, &figures.checkpoints[0]);
            measures.vertices[1].subtasks[0].full.0 += more;
            vertices(&measures)
        };
        let (_, plan, _) = sample::run(Size::Small, crate::model::sample::Order::Emit);
        assert!(!of(&plan, 0).contains("Full") && of(&plan, 1).contains("Full"));
    }
}
