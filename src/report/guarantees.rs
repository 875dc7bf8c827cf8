//! The matrix of guarantees: for every protocol, source and sink what is promised of state and of output, and how often
//! what may go wrong did.

use super::{Grid, hang};
use serde_json::{Value, json as object};
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: usize = 100;

/// What became of all cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuaranteesView {
    /// The sinks: a column each.
    pub sinks: Vec<&'static str>,
    /// A protocol with a source each.
    pub rows: Vec<GuaranteesRow>,
    /// How many seeds each cell was run over.
    pub seeds: u64,
}

/// A protocol with a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuaranteesRow {
    /// As it was asked for.
    pub protocol: String,
    /// What kind of source.
    pub source: &'static str,
    /// One for each sink.
    pub cells: Vec<GuaranteesCell>,
}

/// What became of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuaranteesCell {
    /// The name of its scenario.
    pub name: String,
    /// Why there is no such job.
    pub refused: Option<String>,
    /// Of state and of output.
    pub promised: [Promised; 2],
    /// In how many runs the job restarted.
    pub restarted: u64,
    /// In how many something went wrong that may.
    pub shown: u64,
    /// In how many which figure was not zero.
    pub by_symptom: Vec<(&'static str, u64)>,
    /// Which seed showed something that must not be, and what.
    pub worse: Vec<(u64, String)>,
    /// What may go wrong, and never did.
    pub unshown: Vec<&'static str>,
    /// How often each figure came up in the run that is kept.
    pub exposing: Option<Vec<(&'static str, u64)>>,
}

/// How often a record may count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// Such as `=`.
    pub sign: &'static str,
    /// Such as `exactly once`.
    pub name: &'static str,
    /// Why.
    pub because: String,
}

/// There is no such job.
const NONE: &str = ".";

impl GuaranteesCell {
    fn text(&self) -> String {
        if self.refused.is_some() {
            return NONE.to_owned();
        }
        let [state, output] = &self.promised;
        let wrong = if self.is_right() { "" } else { " !" };
        match self.is_exact() {
            true => format!("{} / {}{wrong}", state.sign, output.sign),
            false => format!("{} / {} {}{wrong}", state.sign, output.sign, self.shown),
        }
    }

    fn is_exact(&self) -> bool {
        self.promised.iter().all(|promised| promised.sign == "=")
    }

    fn is_right(&self) -> bool {
        self.worse.is_empty() && self.unshown.is_empty()
    }
}

impl GuaranteesView {
    fn cells(&self) -> impl Iterator<Item = &GuaranteesCell> + Clone {
        self.rows.iter().flat_map(|row| &row.cells)
    }

    /// Cells where nothing can go wrong, by sink and reason.
    fn reasons(&self) -> BTreeMap<(usize, &str), u64> {
        let mut reasons = BTreeMap::new();
        for row in &self.rows {
            for (n, cell) in row.cells.iter().enumerate().filter(|(_, cell)| cell.refused.is_none() && cell.is_exact())
            {
                let [state, output] = &cell.promised;
                *reasons.entry((0, &*state.because)).or_default() += 1;
                *reasons.entry((n + 1, &*output.because)).or_default() += 1;
            }
        }
        reasons
    }
}

/// The matrix as text.
pub fn table(view: &GuaranteesView) -> String {
    let headings: Vec<String> = view.sinks.iter().map(|sink| format!("<{sink}")).collect();
    let mut grid =
        Grid::new(&["<protocol", "<source"].into_iter().chain(headings.iter().map(String::as_str)).collect::<Vec<_>>());
    let mut last = "";
    for row in &view.rows {
        let protocol = if row.protocol == last { "" } else { &row.protocol };
        last = &row.protocol;
        grid.row(
            [protocol.to_owned(), row.source.to_owned()].into_iter().chain(row.cells.iter().map(|cell| cell.text())),
        );
    }
    let mut text = grid.to_string();
    let legend = format!(
        "state / output: = exactly once, + at least once (may double), - at most once (may lose), ± may do both; behind \
         it, in how many of {} runs that showed. {NONE} there is no such job.",
        view.seeds
    );
    let _ = writeln!(text, "\n{}\n", hang("", &legend, WIDTH));
    let _ = writeln!(
        text,
        "Nothing can go wrong in {} cells:",
        view.cells().filter(|c| c.refused.is_none() && c.is_exact()).count()
    );
    for ((column, because), cells) in view.reasons() {
        let place = if column == 0 { "state" } else { view.sinks[column - 1] };
        let _ = writeln!(text, "{}", hang(&format!("  {place:<12} {cells:>2}  "), because, WIDTH));
    }
    text += &refusals(view);
    for cell in view.cells() {
        if let Some((seed, what)) = cell.worse.first() {
            let start = format!("WORSE    {}: {} runs, first seed {seed}: ", cell.name, cell.worse.len());
            let _ = writeln!(text, "{}", hang(&start, what, WIDTH));
        }
        if !cell.unshown.is_empty() {
            let what = format!("{} may come up and never did", cell.unshown.join(", "));
            let _ = writeln!(text, "{}", hang(&format!("UNSHOWN  {}: ", cell.name), &what, WIDTH));
        }
    }
    let shown = view.cells().filter(|cell| cell.refused.is_none() && !cell.is_exact());
    let (right, all) = (shown.clone().filter(|cell| cell.is_right()).count(), shown.count());
    let worse: usize = view.cells().map(|cell| cell.worse.len()).sum();
    let _ = writeln!(
        text,
        "\n{right} of {all} cells where something may go wrong show all of it; {worse} runs showed what must not be."
    );
    text
}

/// Why there are no jobs in some cells, each reason once.
fn refusals(view: &GuaranteesView) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in view.cells() {
        if let Some(refused) = &cell.refused {
            reasons.entry(refused).or_default().push(&cell.name);
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let cells: usize = reasons.values().map(Vec::len).sum();
    let mut text = format!("There is no job in {cells} cells:\n");
    for (refused, cells) in reasons {
        let _ = writeln!(text, "{}", hang(&format!("  {:>2}  ", cells.len()), refused, WIDTH));
    }
    text
}

/// The matrix for programs.
pub fn json(view: &GuaranteesView) -> Value {
    let cell = |(row, n): (&GuaranteesRow, usize)| {
        let cell = &row.cells[n];
        let numbers = |all: &[(&'static str, u64)]| {
            Value::Object(all.iter().map(|(name, n)| ((*name).to_owned(), Value::from(*n))).collect())
        };
        let promised = |promised: &Promised| object!({"is": promised.name, "because": promised.because});
        let [state, output] = &cell.promised;
        let is_job = cell.refused.is_none();
        object!({
            "name": cell.name,
            "protocol": row.protocol,
            "source": row.source,
            "sink": view.sinks[n],
            "refused": cell.refused,
            "state": is_job.then(|| promised(state)),
            "output": is_job.then(|| promised(output)),
            "restarted": cell.restarted,
            "shown": cell.shown,
            "runs_with": numbers(&cell.by_symptom),
            "worse": cell.worse.iter().map(|(seed, what)| object!({"seed": seed, "what": what})).collect::<Vec<_>>(),
            "unshown": cell.unshown,
            "exposing": cell.exposing.as_deref().map(numbers),
        })
    };
    let cells = view.rows.iter().flat_map(|row| (0..row.cells.len()).map(move |n| (row, n)));
    object!({"seeds": view.seeds, "right": view.cells().all(GuaranteesCell::is_right), "cells": cells.map(cell).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promised(sign: &'static str) -> Promised {
        Promised { sign, name: "as promised", because: format!("because of {sign}") }
    }

    fn cell(name: &str, signs: [&'static str; 2]) -> GuaranteesCell {
        GuaranteesCell { name: name.into(), promised: signs.map(promised), shown: 7, ..GuaranteesCell::default() }
    }

    fn view() -> GuaranteesView {
        let refused = GuaranteesCell {
            name: "b-once-plain".into(),
            refused: Some("no such thing; leave it".into()),
            ..GuaranteesCell::default()
        };
        let worse = vec![(3, "state.lost is 4".to_owned()), (9, "panic".to_owned())];
        let broken = GuaranteesCell { worse, ..cell("b-once-rows", ["=", "="]) };
        let modest = GuaranteesCell { unshown: vec!["output.lost"], ..cell("a-once-rows", ["-", "±"]) };
        let row = |protocol: &str, cells| GuaranteesRow { protocol: protocol.into(), source: "once", cells };
        GuaranteesView {
            sinks: vec!["plain", "rows"],
            rows: vec![row("a", vec![cell("a-once-plain", ["=", "+"]), modest]), row("b", vec![refused, broken])],
            seeds: 10,
        }
    }

    #[test]
    fn cells_show_what_is_promised_and_how_often_it_was_made_use_of() {
        let text = table(&view());
        for part in [
            "protocol  source  plain    rows\n",
            "a         once    = / + 7  - / ± 7 !\n",
            "b         once    .        = / = !\n",
            "Nothing can go wrong in 1 cells:\n  state         1  because of =\n  rows          1  because of =\n",
            "There is no job in 1 cells:\n   1  no such thing; leave it\n",
            "WORSE    b-once-rows: 2 runs, first seed 3: state.lost is 4\n",
            "UNSHOWN  a-once-rows: output.lost may come up and never did\n",
            "1 of 2 cells where something may go wrong show all of it; 2 runs showed what must not be.\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn json_has_every_cell_with_the_same() {
        let report = json(&view());
        let cells = report["cells"].as_array().expect("a list");
        assert_eq!((cells.len(), &report["right"]), (4, &Value::Bool(false)));
        assert_eq!(cells[1]["unshown"], object!(["output.lost"]));
        assert_eq!((&cells[2]["refused"], &cells[2]["state"]), (&object!("no such thing; leave it"), &Value::Null));
        assert_eq!(cells[3]["worse"][0], object!({"seed": 3, "what": "state.lost is 4"}));
    }
}
