//! The kill matrix: which check noticed which wrong decision, how soon, and where to see it.
//!
//! Checks that noticed nothing have no column. A number says in how many of the random runs a check noticed a mutant; `+`
//! stands for one that did only in the mutant's own scenario. The mark `*` is at the check that should notice it.

use super::{Grid, hang};
use serde_json::{Value, json as object};
use std::fmt::Write;

/// What became of all mutants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MutantsView {
    /// In the order of their table.
    pub rows: Vec<MutantRow>,
    /// How many seeds were run without a mutant.
    pub control: u64,
    /// What was found without a mutant: where, and what.
    pub unclean: Vec<(String, String)>,
}

/// What became of a mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MutantRow {
    /// Its name.
    pub name: &'static str,
    /// The wrong decision.
    pub about: &'static str,
    /// Where it is made.
    pub area: &'static str,
    /// The bug that it restates, or nothing.
    pub restates: &'static str,
    /// The check that should notice it.
    pub expected: &'static str,
    /// What was wrong with a run in which nothing goes wrong.
    pub broken: Option<String>,
    /// How many seeds were tried.
    pub tried: u64,
    /// How many it took.
    pub needed: Option<u64>,
    /// The first random run that showed it.
    pub first: Option<Seen>,
    /// In how many random runs each check noticed it.
    pub caught: Vec<(&'static str, u64)>,
    /// The scenario of its name.
    pub scenario: Option<String>,
    /// What the scenario showed.
    pub exposed: Option<Seen>,
}

/// A run that showed a mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How to have it again.
    pub how: String,
    /// The check that the verdict is of.
    pub check: &'static str,
    /// All that noticed it.
    pub checks: Vec<&'static str>,
    /// What kind of mistake it is.
    pub signature: String,
    /// One sentence.
    pub text: String,
}

impl MutantRow {
    /// Somebody noticed it.
    pub fn is_killed(&self) -> bool {
        self.first.is_some() || self.exposed.is_some()
    }

    /// The smallest known run that shows it.
    fn reproduction(&self) -> &str {
        let file = self.scenario.as_deref().filter(|_| self.exposed.is_some());
        file.or(self.first.as_ref().map(|seen| &*seen.how)).unwrap_or("-")
    }

    /// What stands in a column.
    fn cell(&self, check: &str) -> String {
        let runs = self.caught.iter().find(|(of, _)| *of == check).map(|(_, runs)| runs.to_string());
        let exposed = self.exposed.as_ref().is_some_and(|seen| seen.checks.contains(&check));
        let mark = if check == self.expected { "*" } else { "" };
        match (runs, exposed) {
            (Some(runs), _) => format!("{mark}{runs}"),
            (None, true) => format!("{mark}+"),
            (None, false) => mark.to_owned(),
        }
    }

    fn has(&self, check: &str) -> bool {
        let exposed = self.exposed.iter().flat_map(|seen| &seen.checks);
        self.caught.iter().map(|(of, _)| of).chain(exposed).any(|of| *of == check)
    }
}

impl MutantsView {
    fn survivors(&self) -> impl Iterator<Item = &MutantRow> {
        self.rows.iter().filter(|row| !row.is_killed())
    }

    fn columns(&self) -> Vec<&'static str> {
        let noticed = |row: &MutantRow| row.caught.iter().map(|(check, _)| *check).collect::<Vec<_>>();
        let exposed = |row: &MutantRow| row.exposed.iter().flat_map(|seen| seen.checks.clone()).collect::<Vec<_>>();
        let mut all: Vec<_> = self.rows.iter().flat_map(|row| [noticed(row), exposed(row)].concat()).collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|check| self.rows.iter().any(|row| row.has(check)));
        all
    }
}

/// The matrix as text.
pub fn table(view: &MutantsView) -> String {
    let columns = view.columns();
    let mut headings = vec!["<mutant".to_owned(), "<restates".to_owned(), ">seeds".to_owned()];
    headings.extend(columns.iter().map(|check| format!(">{check}")));
    headings.push("<smallest".to_owned());
    let mut grid = Grid::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &view.rows {
        let needed = row.needed.map_or("-".to_owned(), |needed| needed.to_string());
        let mut cells = vec![row.name.to_owned(), row.restates.to_owned(), needed];
        cells.extend(columns.iter().map(|check| row.cell(check)));
        cells.push(row.reproduction().to_owned());
        grid.row(cells);
    }
    let mut text = grid.to_string();
    let killed = view.rows.iter().filter(|row| row.is_killed()).count();
    let restated = view.rows.iter().filter(|row| !row.restates.is_empty()).count();
    let (all, control) = (view.rows.len(), view.control);
    let _ = writeln!(text, "\n{killed} of {all} mutants killed; {restated} restate a bug of a real engine.");
    let legend = "seeds: how many it took. Under a check: in how many random runs it noticed, + only in the mutant's \
        scenario, * the one that should.";
    let _ = writeln!(text, "{}", hang("", legend, 100));
    for row in view.survivors() {
        let what = format!("after {} seeds; `{}` should have noticed. {}", row.tried, row.expected, row.about);
        let _ = writeln!(text, "{}", hang(&format!("SURVIVES  {}  ", row.name), &what, 120));
    }
    for row in &view.rows {
        if let Some(what) = &row.broken {
            let _ = writeln!(text, "{}", hang(&format!("BROKEN    {}  ", row.name), what, 120));
        }
    }
    match view.unclean.len() {
        0 => _ = writeln!(text, "Without a mutant {control} seeds and all scenarios are clean."),
        n => _ = writeln!(text, "Without a mutant {n} runs failed:"),
    }
    for (place, what) in &view.unclean {
        let _ = writeln!(text, "{}", hang(&format!("  {place}  "), what, 120));
    }
    text
}

/// The matrix for programs: the mutants, how many were killed, the names of those that were not.
pub fn json(view: &MutantsView) -> Value {
    let names = |rows: &mut dyn Iterator<Item = &MutantRow>| rows.map(|row| row.name).collect::<Vec<_>>();
    object!({
        "mutants": view.rows.iter().map(row_json).collect::<Vec<_>>(),
        "killed": view.rows.iter().filter(|row| row.is_killed()).count(),
        "survivors": names(&mut view.survivors()),
        "broken": names(&mut view.rows.iter().filter(|row| row.broken.is_some())),
        "control": {
            "seeds": view.control,
            "failures": view.unclean.iter().map(|(place, what)| object!({"run": place, "what": what})).collect::<Vec<_>>(),
        },
    })
}

fn row_json(row: &MutantRow) -> Value {
    let seen = |seen: &Seen| {
        object!({
            "how": seen.how, "check": seen.check, "checks": seen.checks, "signature": seen.signature, "text": seen.text,
        })
    };
    let caught = row.caught.iter().map(|(check, runs)| ((*check).to_owned(), Value::from(*runs)));
    object!({
        "name": row.name,
        "about": row.about,
        "area": row.area,
        "restates": Some(row.restates).filter(|restates| !restates.is_empty()),
        "expected": row.expected,
        "killed": row.is_killed(),
        "broken": row.broken,
        "seeds_tried": row.tried,
        "seeds_needed": row.needed,
        "first": row.first.as_ref().map(seen),
        "caught": Value::Object(caught.collect()),
        "scenario": row.scenario,
        "exposed": row.exposed.as_ref().map(seen),
    })
}
