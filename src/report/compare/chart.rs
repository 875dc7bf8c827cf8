//! The chart of a comparison: panels of grouped bars, one group for a number, one bar for a contestant.
//!
//! Numbers of one kind share a scale within a panel, so that lengths of bars can be compared there and nowhere
//! else; each bar says its number, so nothing has to be read off an axis. A panel's title is what it shows.

use super::conclusion::{self, Clause, Topic};
use super::{CompareView, Number, Row, Scale};
use crate::check::Contestant;
use crate::report::Picture;
use crate::report::canvas::{Color, color};

const WIDTH: f64 = 1100.0;
const MARGIN: f64 = 28.0;
const GUTTER: f64 = 44.0;
const PANEL: f64 = (WIDTH - 2.0 * MARGIN - GUTTER) / 2.0;
/// Within a panel: names of numbers, then bars, then room for the number itself.
const NAMES: f64 = 150.0;
const NUMBERS: f64 = 76.0;
const TEXT: f64 = 12.0;
const BAR: f64 = 12.0;
const PITCH: f64 = 14.0;
/// Between two groups of bars.
const GAP: f64 = 13.0;
const TITLE: f64 = 20.0;

/// One color for each contestant; they repeat after the last, and bars stand in the order of the legend.
const COLORS: [Color; 9] = [
    color::BLUE,
    color::ORANGE,
    color::GREEN,
    color::PURPLE,
    color::SKY,
    color::VERMILLION,
    color::YELLOW,
    color::WINE,
    color::GREY,
];

struct Panel {
    topic: Option<Topic>,
    /// Where there is nothing to say.
    plain: &'static str,
    rows: &'static [&'static str],
}

/// In the order of importance; each goes below what is shorter so far.
const PANELS: [Panel; 8] = [
    Panel {
        topic: Some(Topic::Duration),
        plain: "how long checkpoints take",
        rows: &["end-to-end.median", "end-to-end.max", "start-delay.max", "alignment.max", "sync.max", "async.max"],
    },
    Panel { topic: Some(Topic::Throughput), plain: "what it costs", rows: &["throughput.lost", "blocked.max"] },
    Panel {
        topic: Some(Topic::Bytes),
        plain: "what checkpoints write",
        rows: &["checkpointed-bytes.max", "persisted-bytes.max"],
    },
    Panel {
        topic: None,
        plain: "what is stored",
        rows: &["checkpointed-bytes.total", "materialised-bytes", "full-bytes.last", "retained-bytes.max"],
    },
    Panel {
        topic: None,
        plain: "what a restart costs",
        rows: &["loaded-bytes", "log-bytes", "recovery.restore", "recovery.down"],
    },
    Panel { topic: None, plain: "what the storage charges for an hour", rows: &["cost-per-hour"] },
    Panel {
        topic: Some(Topic::Records),
        plain: "what became of records",
        rows: &["records.replayed", "state.doubled", "state.lost", "output.doubled", "output.lost"],
    },
    Panel {
        topic: None,
        plain: "how many checkpoints completed",
        rows: &["checkpoints.completed", "checkpoints.aborted", "restarts"],
    },
];

/// Draws a comparison.
pub fn chart(view: &CompareView) -> Picture {
    let clauses = conclusion::clauses(view);
    let title = clauses.first().map_or("nothing to compare", |clause| &clause.text);
    let mut picture = Picture::new(WIDTH, 0.0);
    let top = heading(&mut picture, view, title);
    let mut bottoms = [top; 2];
    // What the whole picture has for its title need not be said again.
    for drawn in PANELS.iter().filter_map(|panel| Drawn::of(view, panel, clauses.get(1..).unwrap_or_default())) {
        let column = usize::from(bottoms[1] < bottoms[0]);
        let x = MARGIN + column as f64 * (PANEL + GUTTER);
        bottoms[column] = drawn.draw(&mut picture, x, bottoms[column]) + 34.0;
    }
    picture.height = bottoms[0].max(bottoms[1]) - 12.0;
    picture
}

/// Title, caption and legend; where the panels begin.
fn heading(picture: &mut Picture, view: &CompareView, title: &str) -> f64 {
    let mut y = 14.0;
    for line in Picture::wrapped(title, TITLE, WIDTH - 2.0 * MARGIN) {
        y += 25.0;
        picture.text(MARGIN, y, line, TITLE, 0.0, color::BLACK);
    }
    let mut caption = format!("{} · {}", view.scenario.name, view.seeds());
    if let Some(full) = view.full_throughput() {
        caption += &format!(" · without checkpoints and faults {full}");
    }
    if view.comparison.baseline.runs.len() > 1 {
        caption += " · thin lines go from the smallest to the largest";
    }
    y += 22.0;
    picture.text(MARGIN, y, Picture::fitted(&caption, 13.0, WIDTH - 2.0 * MARGIN), 13.0, 0.0, color::GREY);
    legend(picture, view, y + 26.0) + 32.0
}

/// As many lines as it takes; the baseline of the last.
fn legend(picture: &mut Picture, view: &CompareView, mut y: f64) -> f64 {
    let mut x = MARGIN;
    for (n, contestant) in view.contestants().enumerate() {
        let mut name = crate::report::elide(&contestant.name, 60);
        match super::verdict(contestant) {
            verdict if verdict == "PASS" => {}
            verdict => name += &format!(" ({verdict})"),
        }
        let width = 19.0 + Picture::text_width(&name, TEXT);
        if x + width > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 18.0);
        }
        match contestant.result {
            Ok(_) => picture.rect(x, y - 9.5, 14.0, 10.0, COLORS[n % COLORS.len()]),
            Err(_) => picture.text(x + 7.0, y, "×", TEXT, 0.5, color::GREY),
        }
        picture.text(x + 19.0, y, name, TEXT, 0.0, color::BLACK);
        x += width + 22.0;
    }
    y
}

/// A panel with its numbers.
struct Drawn {
    title: Vec<String>,
    groups: Vec<Group>,
    /// What is zero for everybody.
    zero: Vec<&'static str>,
    /// There is but one contestant.
    alone: bool,
}

/// One number, by contestant.
struct Group {
    words: &'static str,
    numbers: Vec<(Color, Option<Number>)>,
}

impl Group {
    fn known(&self) -> impl Iterator<Item = &Number> {
        self.numbers.iter().filter_map(|(_, number)| number.as_ref())
    }

    fn largest(&self) -> i64 {
        self.known().map(|number| number.spread.max).max().unwrap_or(0)
    }

    /// Less than this does not fill the panel: a tenth of a percent is not to look like much.
    fn least(&self) -> i64 {
        if self.scale() == Some(Scale::Percent) { 200 } else { 1 }
    }

    fn scale(&self) -> Option<Scale> {
        self.known().next().map(|number| number.scale)
    }
}

impl Drawn {
    /// `None` if nobody has any of its numbers.
    fn of(view: &CompareView, panel: &Panel, clauses: &[Clause]) -> Option<Self> {
        let able = || view.contestants().enumerate().filter(|(_, contestant)| contestant.result.is_ok());
        let is_shown = |name: &&&str| view.rows().any(|row| row.name == **name);
        let group = |name: &&str| {
            let row = Row::named(name);
            let number =
                |(n, contestant): (usize, &Contestant)| (COLORS[n % COLORS.len()], view.number(row, contestant));
            Group { words: row.words, numbers: able().map(number).collect() }
        };
        let groups: Vec<Group> =
            panel.rows.iter().filter(is_shown).map(group).filter(|group| group.known().count() > 0).collect();
        if groups.is_empty() {
            return None;
        }
        let said = clauses.iter().find(|clause| Some(clause.topic) == panel.topic);
        let title = Picture::wrapped(said.map_or(panel.plain, |clause| &clause.text), 14.0, PANEL);
        let (groups, zero): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| group.known().any(|number| number.spread.max != 0));
        let zero = zero.iter().map(|group| group.words).collect();
        Some(Self { title, groups, zero, alone: able().count() == 1 })
    }

    /// Draws it below a point; its own bottom.
    fn draw(&self, picture: &mut Picture, x: f64, mut y: f64) -> f64 {
        for line in &self.title {
            picture.text(x, y, line, 14.0, 0.0, color::BLACK);
            y += 18.0;
        }
        y -= 4.0;
        picture.line(vec![(x, y), (x + PANEL, y)], 0.5, color::PALE);
        y += 10.0;
        for group in &self.groups {
            let same = self.groups.iter().filter(|other| other.scale() == group.scale());
            let full = same.map(Group::largest).max().unwrap_or(0).max(group.least());
            y = draw_group(picture, group, full, x, y) + GAP;
        }
        if !self.zero.is_empty() {
            let whom = if self.alone { "0: " } else { "0 for all: " };
            for line in Picture::wrapped(&format!("{whom}{}", self.zero.join("; ")), TEXT, PANEL) {
                y += 9.0;
                picture.text(x, y, line, TEXT, 0.0, color::GREY);
                y += 7.0;
            }
        }
        y
    }
}

/// A bar for each contestant; the bottom of the last.
fn draw_group(picture: &mut Picture, group: &Group, full: i64, x: f64, top: f64) -> f64 {
    let height = PITCH * group.numbers.len() as f64 - (PITCH - BAR);
    let left = x + NAMES;
    picture.text(left - 10.0, top + height / 2.0 + TEXT * 0.36, group.words, TEXT, 1.0, color::BLACK);
    let length = |number: i64| (PANEL - NAMES - NUMBERS) * number.max(0) as f64 / full as f64;
    for (n, (color, number)) in group.numbers.iter().enumerate() {
        let y = top + PITCH * n as f64;
        let Some(number) = number else {
            picture.text(left + 6.0, y + BAR - 2.0, "–", TEXT, 0.0, color::GREY);
            continue;
        };
        let spread = number.spread;
        // What is not zero is seen, however small.
        let width = if spread.median == 0 { 0.0 } else { length(spread.median).max(0.5) };
        picture.rect(left, y, width, BAR, *color);
        let mut end = width;
        let (from, to) = (length(spread.min), length(spread.max));
        // Shorter ones only look like dirt.
        if to - from > 4.0 {
            whisker(picture, left + from, left + to, y + BAR / 2.0);
            end = end.max(to + 1.0);
        }
        picture.text(left + end + 6.0, y + BAR - 2.0, number.median(), TEXT, 0.0, color::BLACK);
    }
    picture.line(vec![(left, top - 3.0), (left, top + height + 3.0)], 1.0, color::GREY);
    top + height
}

/// From the smallest to the largest of several seeds, with a white rim to be seen on any color.
fn whisker(picture: &mut Picture, from: f64, to: f64, y: f64) {
    for (width, reach, color) in [(3.0, 4.0, color::WHITE), (1.0, 3.0, color::BLACK)] {
        picture.line(vec![(from, y), (to, y)], width, color);
        for x in [from, to] {
            picture.line(vec![(x, y - reach), (x, y + reach)], width, color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{contestant, four, with_view};
    use super::*;
    use crate::report::{Shape, write_file};
    use std::path::Path;

    fn many() -> Vec<Contestant> {
        let name = |n: u64| format!("aligned-timeout:timeout={n}ms");
        let run = |n: u64, seed: u64| {
            vec![
                ("end-to-end.median", (n * 37 + seed * 11) * 1_000_000),
                ("end-to-end.max", (n * 50 + seed * 13) * 1_000_000),
                ("blocked.max", n * 1_000_000_000),
                ("checkpointed-bytes.max", n << 18),
                ("records.throughput", 9_900 + n * 20 + seed),
                ("records.replayed", 100 * n * seed),
            ]
        };
        let runs = |n| [run(n, 1), run(n, 2), run(n, 3)];
        (1..=11).map(|n| contestant(&name(n), 0, &runs(n).each_ref().map(|run| &run[..]))).collect()
    }

    /// With `CUTLINE_CHARTS` set to a folder, the charts are left there to be looked at.
    #[test]
    fn nothing_is_drawn_outside_the_picture() {
        let one = vec![contestant("aligned", 0, &[&[("restarts", 0)]])];
        for (name, contestants) in [("compare-four", four()), ("compare-many", many()), ("compare-one", one)] {
            let picture = with_view(contestants, chart);
            for shape in &picture.shapes {
                for (x, y) in corners(shape) {
                    let inside = (0.0..=picture.width).contains(&x) && (0.0..=picture.height).contains(&y);
                    assert!(inside, "{name}: {shape:?}");
                }
            }
            if let Some(folder) = std::env::var_os("CUTLINE_CHARTS") {
                let path = Path::new(&folder).join(name);
                write_file(&path.with_extension("png"), &picture.to_png()).expect("written");
            }
        }
    }

    fn corners(shape: &Shape) -> Vec<(f64, f64)> {
        match shape {
            Shape::Rect { x, y, width, height, .. } => vec![(*x, *y), (x + width, y + height)],
            Shape::Line { points, .. } | Shape::Polygon { points, .. } => points.clone(),
            Shape::Text { x, y, text, size, anchor, .. } => {
                let (width, left) = (Picture::text_width(text, *size), *x);
                vec![(left - anchor * width, y - size), (left + (1.0 - anchor) * width, *y)]
            }
        }
    }

    #[test]
    fn a_panel_says_what_it_shows_and_each_contestant_has_its_color() {
        let picture = with_view(four(), chart);
        let says =
            |wanted: &str| picture.shapes.iter().any(|s| matches!(s, Shape::Text { text, .. } if text == wanted));
        assert!(says("aligned takes 12x as long as unaligned end to end (600ms against 50ms)"));
        assert!(says("at-least-once doubles 412 records outside"));
        assert!(says("d (INVALID)") && says("600ms") && says("1.2s"));
        let bars = |color| {
            let of = |s: &&Shape| matches!(s, Shape::Rect { fill, height, .. } if *fill == color && *height == BAR);
            picture.shapes.iter().filter(of).count()
        };
        assert!(COLORS[..3].iter().all(|color| bars(*color) >= 4) && bars(COLORS[3]) == 0);
    }
}
