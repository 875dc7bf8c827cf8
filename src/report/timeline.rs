//! The timeline of one checkpoint: a row for every task, from the trigger to the last acknowledgement.

use super::canvas::{Color, Picture, color};
use crate::base::{CheckpointId, Span, TaskId, Time};
use crate::check::{CheckpointFigures, Figures, Status, TaskTimes};
use crate::model::{Difference, explain};
use crate::plan::{Operator, Plan};

const WIDTH: f64 = 1100.0;
const MARGIN: f64 = 28.0;
const TEXT: f64 = 12.0;
/// Rows above this are left out evenly, those of the critical path aside.
const ROWS: usize = 360;
/// Of operators with no more tasks than this, nothing is left out.
const SMALL: usize = 40;
/// More checkpoints than this make no legible panel.
const OVERVIEW: usize = 400;

/// Draws a checkpoint, by default the slowest completed one, over `caption`, a line on the run.
///
/// Every task has a row with what it did and when; diamonds say when the recurrence has it done, and a dark
/// line follows the critical path. `None` if there is no such checkpoint, or it did not complete.
pub fn timeline(plan: &Plan, figures: &Figures, which: Option<CheckpointId>, caption: &str) -> Option<Picture> {
    let checkpoint = match which {
        Some(id) => figures.checkpoint(id)?,
        None => super::slowest(figures)?,
    };
    let told = explain(plan, checkpoint)?;
    let overview = if (2..=OVERVIEW).contains(&figures.checkpoints.len()) { 118.0 } else { 0.0 };
    let rows = Rows::of(plan, &told);
    let top = 122.0 + overview;
    let mut picture = Picture::new(WIDTH, top + rows.height + 62.0);
    let x = MARGIN + rows.labels + 10.0;
    let area = Area { x, y: top, width: WIDTH - MARGIN - x, height: rows.height };
    heading(&mut picture, plan, &told, caption);
    if overview > 0.0 {
        all_checkpoints(&mut picture, figures, checkpoint, Area { x, y: 120.0, width: area.width, height: 62.0 });
    }
    legend(&mut picture, top - 18.0, checkpoint.tasks.iter().any(|times| times.captured));
    let scale = TimeScale::of(checkpoint.triggered, &told, area);
    scale.draw(&mut picture);
    rows.draw(&mut picture, plan, checkpoint, &scale);
    critical_path(&mut picture, &told, &rows, &scale);
    rows.draw_recurrence(&mut picture, &told, &scale);
    Some(picture)
}

#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

fn heading(picture: &mut Picture, plan: &Plan, told: &Difference, caption: &str) {
    let fitting = |text: &str, size: f64| Picture::fitted(text, size, WIDTH - 2.0 * MARGIN);
    picture.text(MARGIN, 38.0, fitting(&told.finding(plan), 21.0), 21.0, 0.0, color::BLACK);
    picture.text(MARGIN, 60.0, fitting(caption, 13.0), 13.0, 0.0, color::GREY);
    picture.text(MARGIN, 79.0, fitting(&told.to_string(), 13.0), 13.0, 0.0, color::GREY);
}

const KINDS: [(&str, Color); 6] = [
    ("waiting for the first barrier", color::PALE),
    ("aligning", color::ORANGE),
    ("waiting for the task", color::YELLOW),
    ("sync", color::VERMILLION),
    ("async", color::SKY),
    ("until acknowledged", color::GREEN),
];

/// In the lower part of a bar, beside what else the task does then.
const CAPTURING: (&str, Color) = ("capturing", color::PURPLE);

fn legend(picture: &mut Picture, baseline: f64, captures: bool) {
    let mut x = MARGIN;
    for (name, fill) in KINDS.into_iter().chain(captures.then_some(CAPTURING)) {
        picture.rect(x, baseline - 9.5, 14.0, 10.0, fill);
        picture.text(x + 19.0, baseline, name, TEXT, 0.0, color::BLACK);
        x += 19.0 + Picture::text_width(name, TEXT) + 18.0;
    }
    picture.line(vec![(x, baseline - 4.5), (x + 18.0, baseline - 4.5)], 2.0, color::BLACK);
    picture.text(x + 23.0, baseline, "critical path", TEXT, 0.0, color::BLACK);
    x += 23.0 + Picture::text_width("critical path", TEXT) + 22.0;
    picture.diamond(x, baseline - 4.5, 4.0, color::WINE);
    picture.text(x + 9.0, baseline, "T(n,i) by the recurrence", TEXT, 0.0, color::BLACK);
}

/// Time since the trigger, from left to right.
struct TimeScale {
    area: Area,
    trigger: Time,
    /// What the whole width stands for.
    span: f64,
    predicted: Span,
    end: Span,
}

impl TimeScale {
    fn of(trigger: Time, told: &Difference, area: Area) -> Self {
        // A prediction that is far beyond is not worth squeezing everything else.
        let end = told.end_to_end;
        let shown = if told.predicted > end * 2 { end } else { end.max(told.predicted) };
        Self { area, trigger, span: shown.0.max(1) as f64 * 1.03, predicted: told.predicted, end }
    }

    fn x(&self, at: Time) -> f64 {
        self.offset(at.since(self.trigger))
    }

    fn offset(&self, span: Span) -> f64 {
        self.area.x + self.area.width * (span.0 as f64 / self.span).min(1.0)
    }

    fn shows(&self, at: Time) -> bool {
        at.since(self.trigger).0 as f64 <= self.span
    }

    fn draw(&self, picture: &mut Picture) {
        let bottom = self.area.y + self.area.height;
        for n in 0.. {
            let at = tick(self.span, 9.0) * n;
            if at as f64 > self.span {
                break;
            }
            let x = self.offset(Span(at));
            picture.line(vec![(x, self.area.y), (x, bottom + 5.0)], 0.5, color::PALE);
            picture.text(x, bottom + 20.0, Span(at).to_string(), TEXT, 0.5, color::GREY);
        }
        let middle = self.area.x + self.area.width / 2.0;
        picture.text(middle, bottom + 42.0, "time since the trigger", TEXT, 0.5, color::GREY);
        let mut marks = vec![(self.end, format!("acknowledged {}", self.end), color::BLACK)];
        if self.predicted.0 as f64 <= self.span {
            marks.push((self.predicted, format!("T(n) {}", self.predicted), color::WINE));
        }
        // The later one's label is above the earlier one's line.
        marks.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        for ((at, label, color), y) in marks.into_iter().zip([self.area.y, self.area.y + 15.0]) {
            picture.dashed(self.offset(at), y, bottom, 1.0, color);
            // Beside its line, on the left if there is room for it.
            let x = self.offset(at);
            let fits = x - 6.0 - Picture::text_width(&label, TEXT) >= self.area.x;
            let (x, anchor) = if fits { (x - 6.0, 1.0) } else { (x + 6.0, 0.0) };
            picture.text(x, y + 11.0, label, TEXT, anchor, color);
        }
    }
}

/// The length between two ticks: 1, 2 or 5 of a power of ten, so that there are at most so many.
fn tick(span: f64, most: f64) -> u64 {
    let mut step = 1u64;
    loop {
        for factor in [1, 2, 5] {
            if span / ((step * factor) as f64) <= most || step > u64::MAX / 100 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

/// Which tasks have a row, and where.
struct Rows {
    /// By task; tasks that are left out have none.
    rows: Vec<Option<Row>>,
    /// Each operator's name, with its upper and lower edge.
    groups: Vec<(String, f64, f64)>,
    /// Rows are high enough for the names of their tasks.
    by_task: bool,
    /// Every so many tasks of a large operator have a row.
    every: usize,
    height: f64,
    /// The width of the labels.
    labels: f64,
}

/// A task's bar, relative to the panel.
#[derive(Clone, Copy)]
struct Row {
    top: f64,
    bar: f64,
}

impl Row {
    fn middle(self) -> f64 {
        self.top + self.bar / 2.0
    }
}

impl Rows {
    fn of(plan: &Plan, told: &Difference) -> Self {
        let every = plan.tasks.len().div_ceil(ROWS).max(1);
        let heads = plan.order.iter().map(|op| &plan.operators[op.index()]).filter(|op| op.position == 0);
        let shown = |operator: &Operator| -> Vec<TaskId> {
            let every = if operator.tasks.len() <= SMALL { 1 } else { every };
            let chosen = |n: usize, task| n.is_multiple_of(every) || told.path.contains(&task);
            operator
                .tasks
                .clone()
                .map(TaskId)
                .enumerate()
                .filter(|(n, task)| chosen(*n, *task))
                .map(|(_, t)| t)
                .collect()
        };
        let count: usize = heads.clone().map(|operator| shown(operator).len()).sum();
        let pitch = (660.0 / count as f64).floor().clamp(2.0, 30.0);
        let by_task = pitch >= 14.0;
        // Above the rows there is room for two labels.
        let (mut y, mut rows, mut groups) = (36.0, vec![None; plan.tasks.len()], Vec::new());
        for operator in heads {
            let (from, tasks) = (y, shown(operator));
            // A small operator between large ones is as high as its label at least.
            let pitch = pitch.max((TEXT * 2.0 / tasks.len() as f64).floor().min(14.0));
            let bar = match pitch {
                14.0.. => pitch * 0.66,
                6.0.. => pitch - 1.5,
                _ => pitch,
            };
            for task in tasks {
                rows[task.index()] = Some(Row { top: y, bar });
                y += pitch;
            }
            let name = plan.task_name(TaskId(operator.tasks.start));
            let name = name.rsplit_once('[').map_or(name.as_str(), |(name, _)| name);
            groups.push((format!("{} × {}", super::elide(name, 24), operator.tasks.len()), from, y));
            y += if by_task { 4.0 } else { 9.0 };
        }
        let mut rows = Self { rows, groups, by_task, every, height: y, labels: 0.0 };
        let widths = rows.all_labels(plan).into_iter().map(|(_, label)| Picture::text_width(&label, TEXT));
        rows.labels = widths.fold(62.0, f64::max);
        rows
    }

    /// Every label with the middle of what it names.
    fn all_labels(&self, plan: &Plan) -> Vec<(f64, String)> {
        if !self.by_task {
            return self.groups.iter().map(|(name, from, to)| ((from + to) / 2.0, name.clone())).collect();
        }
        let name = |task: TaskId| super::elide(&plan.task_name(task), 28);
        plan.task_ids().filter_map(|task| self.rows[task.index()].map(|row| (row.middle(), name(task)))).collect()
    }

    fn draw(&self, picture: &mut Picture, plan: &Plan, checkpoint: &CheckpointFigures, scale: &TimeScale) {
        let area = scale.area;
        for (y, label) in self.all_labels(plan) {
            picture.text(area.x - 10.0, area.y + y + TEXT * 0.36, label, TEXT, 1.0, color::BLACK);
        }
        if !self.by_task {
            for (_, from, to) in &self.groups {
                picture.line(vec![(area.x - 4.0, area.y + from), (area.x - 4.0, area.y + to - 1.0)], 1.0, color::GREY);
            }
        }
        for (task, times) in checkpoint.tasks.iter().enumerate() {
            if let Some(row) = self.rows[task] {
                bars(picture, times, area.y + row.top, row.bar, scale);
            }
        }
        let mut notes = Vec::new();
        if scale.predicted.0 as f64 > scale.span {
            notes.push(format!("the recurrence ends beyond, at {}", scale.predicted));
        }
        if self.every > 1 {
            notes.push(format!("1 of {} tasks of large operators is shown, and the critical path", self.every));
        }
        let right = area.x + area.width;
        picture.text(right, area.y + area.height + 42.0, notes.join("; "), TEXT, 1.0, color::GREY);
    }

    fn draw_recurrence(&self, picture: &mut Picture, told: &Difference, scale: &TimeScale) {
        for (task, at) in told.recurrence.at.iter().enumerate() {
            let Some(row) = self.rows[task].filter(|_| scale.shows(*at)) else { continue };
            let (x, y) = (scale.x(*at), scale.area.y + row.middle());
            match row.bar >= 8.0 {
                true => picture.diamond(x, y, 4.0, color::WINE),
                false => picture.rect(x - 1.0, y - row.bar / 2.0, 2.0, row.bar, color::WINE),
            }
        }
    }
}

/// What a task did, in a bar of its row.
fn bars(picture: &mut Picture, times: &TaskTimes, y: f64, bar: f64, scale: &TimeScale) {
    // Where barriers overtake, the snapshot begins before the last one is there.
    let aligned = times.aligned.min(times.started);
    let ends = [times.reached, aligned, times.started, times.taken, times.durable, times.acked];
    let mut from = scale.trigger;
    for (to, (_, fill)) in ends.into_iter().zip(KINDS) {
        if to == Time::NEVER {
            continue;
        }
        if to > from {
            let (x0, x1) = (scale.x(from), scale.x(to));
            // What happened is seen, however short it was.
            let width = (x1 - x0).max(0.5);
            match fill == color::PALE && bar >= 4.0 {
                true => picture.rect(x0, y + bar * 0.36, width, bar * 0.28, fill),
                false => picture.rect(x0, y, width, bar, fill),
            }
            from = to;
        }
    }
    if times.captured && times.aligned > times.started && bar >= 4.0 {
        let (x0, x1) = (scale.x(times.started), scale.x(times.aligned));
        let height = (bar * 0.3).max(2.0);
        picture.rect(x0, y + bar - height, x1 - x0, height, CAPTURING.1);
    }
}

/// A line that is at a task's row as long as the task is on the critical path.
fn critical_path(picture: &mut Picture, told: &Difference, rows: &Rows, scale: &TimeScale) {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for part in &told.parts {
        // A barrier on its way is drawn where it is waited for.
        let Some(row) = rows.rows[part.task.index()] else { continue };
        let y = scale.area.y + row.middle();
        points.extend([(scale.x(part.from), y), (scale.x(part.to), y)]);
    }
    let Some(end) = points.last().copied() else { return };
    let width = if rows.by_task { 2.0 } else { 1.5 };
    picture.line(points.clone(), width + 1.5, color::WHITE);
    picture.line(points, width, color::BLACK);
    let r = 4.5;
    let points = vec![(end.0 - r, end.1 - r), (end.0 + r, end.1), (end.0 - r, end.1 + r)];
    picture.shapes.push(super::Shape::Polygon { points, fill: color::BLACK });
}

/// A fault strikes: a dashed line from a point that hangs from its upper end.
fn strike(picture: &mut Picture, x: f64, top: f64, bottom: f64) {
    picture.dashed(x, top, bottom, 1.5, color::VERMILLION);
    let points = vec![(x - 4.5, top), (x + 4.5, top), (x, top + 7.0)];
    picture.shapes.push(super::Shape::Polygon { points, fill: color::VERMILLION });
}

/// All checkpoints of the run by their end-to-end duration, at their trigger.
fn all_checkpoints(picture: &mut Picture, figures: &Figures, chosen: &CheckpointFigures, area: Area) {
    let bottom = area.y + area.height;
    let last = figures.checkpoints.last().map_or(Time::ZERO, |c| c.triggered);
    let end = figures.totals.end.min(Time(last.0 + last.0 / 20 + 1)).max(Time(1));
    let x = |at: Time| area.x + area.width * (at.0.min(end.0) as f64 / end.0 as f64);
    let longest = figures.completed().filter_map(|c| c.end_to_end()).max().unwrap_or(Span(1)).0.max(1);
    let bar = (area.width / figures.checkpoints.len() as f64 * 0.5).clamp(1.0, 8.0);
    picture.text(area.x - 10.0, area.y + 9.0, "end-to-end", TEXT, 1.0, color::BLACK);
    picture.text(area.x - 10.0, area.y + 24.0, "of all", TEXT, 1.0, color::BLACK);
    for (from, to) in figures.down() {
        picture.rect(x(from), area.y, (x(to) - x(from)).max(1.5), area.height, color::FAINT);
    }
    for part in [0.0, 1.0] {
        let y = bottom - area.height * part;
        picture.line(vec![(area.x, y), (area.x + area.width, y)], 0.5, color::PALE);
    }
    // The chosen one comes last, so that no neighbour hides it.
    let others = figures.checkpoints.iter().filter(|checkpoint| checkpoint.id != chosen.id);
    for checkpoint in others.chain([chosen]) {
        let at = x(checkpoint.triggered).min(area.x + area.width - bar / 2.0);
        match (checkpoint.status, checkpoint.end_to_end()) {
            (Status::Completed, Some(span)) => {
                let fill = if checkpoint.id == chosen.id { color::BLACK } else { color::BLUE };
                let height = (area.height * span.0 as f64 / longest as f64).max(1.0);
                picture.rect(at - bar / 2.0, bottom - height, bar, height, fill);
            }
            _ => {
                let (r, y) = ((bar / 2.0).clamp(2.0, 3.5), bottom - 6.0);
                picture.line(vec![(at - r, y - r), (at + r, y + r)], 1.5, color::VERMILLION);
                picture.line(vec![(at - r, y + r), (at + r, y - r)], 1.5, color::VERMILLION);
            }
        }
    }
    for at in figures.strikes().filter(|at| *at <= end) {
        strike(picture, x(at), area.y, bottom);
    }
    for n in 0.. {
        let at = tick(end.0 as f64, 9.0) * n;
        if at > end.0 {
            break;
        }
        picture.text(x(Time(at)), bottom + 14.0, Span(at).to_string(), TEXT - 1.0, 0.5, color::GREY);
    }
    let mut words = vec![format!("longest {}", Span(longest)), format!("black: checkpoint {}", chosen.id)];
    if figures.checkpoints.iter().any(|c| c.status != Status::Completed) {
        words.push("×: not completed".to_owned());
    }
    if figures.strikes().next().is_some() {
        words.push("dashed: fault".to_owned());
    }
    if !figures.restarts.is_empty() {
        words.push("grey: down".to_owned());
    }
    picture.text(area.x + area.width, area.y - 6.0, words.join(" · "), TEXT - 1.0, 1.0, color::GREY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::Order;
    use crate::report::sample::{self, Size};
    use crate::report::{Shape, write_file};
    use std::path::Path;

    const CAPTION: &str = "sample: a run that was made up, aligned checkpoints, seed 7";

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!([tick(45.0, 9.0), tick(46.0, 9.0), tick(1.0, 9.0), tick(9.1e9, 9.0)], [5, 10, 1, 2_000_000_000]);
    }

    #[test]
    fn a_checkpoint_that_did_not_complete_has_no_timeline() {
        let (_, plan, figures) = sample::run(Size::Small, Order::Emit);
        assert_eq!(timeline(&plan, &figures, Some(CheckpointId(4)), CAPTION), None);
        assert_eq!(timeline(&plan, &figures, Some(CheckpointId(99)), CAPTION), None);
        assert!(timeline(&plan, &figures, Some(CheckpointId(2)), CAPTION).is_some());
    }

    #[test]
    fn faults_and_what_they_cost_are_seen_among_all_checkpoints() {
        let (_, plan, figures) = sample::run(Size::Small, Order::Emit);
        let picture = timeline(&plan, &figures, None, CAPTION).expect("a checkpoint completed");
        let tips = picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Polygon { points, fill: color::VERMILLION } => Some(points[2].0),
            _ => None,
        });
        let downs = picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Rect { x, width, fill: color::FAINT, .. } => Some((*x, *width)),
            _ => None,
        });
        let (tips, downs) = (tips.collect::<Vec<_>>(), downs.collect::<Vec<_>>());
        // Down for 100ms from 3.1s on.
        let [(from, width)] = downs[..] else { panic!("{downs:?}") };
        assert_eq!(tips, [from]);
        let began = picture.shapes.iter().find_map(|shape| match shape {
            Shape::Text { x, text, anchor: 0.5, .. } if text == "0" => Some(*x),
            _ => None,
        });
        assert!(((from - began.expect("an axis")) / width - 31.0).abs() < 0.01, "{from} {width}");
    }

    /// With `CUTLINE_CHARTS` set to a folder, the charts are left there to be looked at.
    #[test]
    fn nothing_is_drawn_outside_the_picture() {
        for (name, size, order) in [
            ("small", Size::Small, Order::Emit),
            ("textbook", Size::Small, Order::Snapshot),
            ("medium", Size::Medium, Order::Emit),
            ("overtaking", Size::Medium, Order::Overtake),
            ("large", Size::Large, Order::Emit),
            ("huge", Size::Huge, Order::Emit),
        ] {
            let (_, plan, figures) = sample::run(size, order);
            let picture = timeline(&plan, &figures, None, CAPTION).expect("a checkpoint completed");
            for shape in &picture.shapes {
                let corners = match shape {
                    Shape::Rect { x, y, width, height, .. } => vec![(*x, *y), (x + width, y + height)],
                    Shape::Line { points, .. } | Shape::Polygon { points, .. } => points.clone(),
                    Shape::Text { x, y, text, size, anchor, .. } => {
                        let (width, left) = (Picture::text_width(text, *size), *x);
                        vec![(left - anchor * width, y - size), (left + (1.0 - anchor) * width, *y)]
                    }
                };
                for (x, y) in corners {
                    let inside = (0.0..=picture.width).contains(&x) && (0.0..=picture.height).contains(&y);
                    assert!(inside, "{name}: {shape:?}");
                }
            }
            if let Some(folder) = std::env::var_os("CUTLINE_CHARTS") {
                let path = Path::new(&folder).join(name);
                write_file(&path.with_extension("svg"), picture.to_svg().as_bytes()).expect("written");
                write_file(&path.with_extension("png"), &picture.to_png()).expect("written");
            }
        }
    }
}
