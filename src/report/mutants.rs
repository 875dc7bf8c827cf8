//! The kill matrix: which check noticed which wrong decision, how soon, and where to see it.
//!
//! A number says in how many of the random runs a check noticed a mutant; `+` stands for one that did only in the mutant's
//! own scenario. The mark `*` is at the check that should notice it. The table lists, mutant by mutant, who noticed; the
//! wide one has a column for every check that noticed anything.

use super::{Grid, hang, wrap};
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
    /// Scenarios were wanted, and no random run that showed it has a clock and comes to its end soon.
    pub untimed: bool,
    /// The smallest known scenario that shows it.
    pub smallest: Option<Smallest>,
}

/// A file, and how much is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smallest {
    /// The folder that it is in.
    pub folder: String,
    /// Its path.
    pub file: String,
    /// Subtasks of chains of operators.
    pub tasks: u64,
    /// Faults.
    pub faults: u64,
    /// Records of all sources, if they end.
    pub records: Option<u64>,
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

    /// The smallest known run that shows it; where a scenario is, one of these says.
    fn reproduction(&self, place: fn(&Smallest) -> &str) -> String {
        match (&self.smallest, &self.first) {
            (Some(smallest), _) => format!("{} in {}", smallest.size(), place(smallest)),
            (None, Some(_)) if self.untimed => "only without a clock or in long runs".to_owned(),
            (None, Some(seen)) => seen.how.clone(),
            (None, None) => "-".to_owned(),
        }
    }

    /// Who noticed it, how often: first who should have, then whoever did most.
    fn noticed(&self) -> Vec<String> {
        let mut others: Vec<(&str, u64)> = self.caught.iter().map(|(check, runs)| (*check, *runs)).collect();
        let exposed = self.exposed.iter().flat_map(|seen| &seen.checks);
        others.extend(exposed.filter(|check| self.caught.iter().all(|(of, _)| of != *check)).map(|check| (*check, 0)));
        others.retain(|(check, _)| *check != self.expected);
        others.sort_by_key(|(check, runs)| (u64::MAX - runs, *check));
        let should = match &*self.cell(self.expected) {
            "*" => format!("*{} 0", self.expected),
            cell => format!("*{} {}", self.expected, &cell[1..]),
        };
        [should]
            .into_iter()
            .chain(others.into_iter().map(|(check, _)| format!("{check} {}", self.cell(check))))
            .collect()
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

impl Smallest {
    fn size(&self) -> String {
        format!("{}, {}", counted(self.tasks, "task"), counted(self.faults, "fault"))
    }
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

impl MutantsView {
    /// Of all the smallest scenarios: how many there are, and the middle one by tasks, by faults, by records.
    fn medians(&self) -> Option<(usize, [u64; 3])> {
        let all: Vec<&Smallest> = self.rows.iter().filter_map(|row| row.smallest.as_ref()).collect();
        let middle = |of: fn(&Smallest) -> u64| {
            let mut figures: Vec<u64> = all.iter().copied().map(of).collect();
            figures.sort_unstable();
            figures.get((figures.len().max(1) - 1) / 2).copied()
        };
        let (tasks, faults) = (middle(|of| of.tasks)?, middle(|of| of.faults)?);
        Some((all.len(), [tasks, faults, middle(|of| of.records.unwrap_or(u64::MAX))?]))
    }

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

/// No line of the table is wider.
const WIDTH: usize = 120;
/// What is said of the smallest run is broken into lines of so many characters.
const SMALLEST: usize = 36;

/// The matrix as text: a line for each mutant, or some.
pub fn table(view: &MutantsView) -> String {
    let others = |row: &MutantRow| {
        let needed = row.needed.map_or("-".to_owned(), |needed| needed.to_string());
        [row.name.to_owned(), row.restates.to_owned(), needed, wrap(&row.reproduction(|of| &of.folder), SMALLEST, 0)]
    };
    let headings = ["<mutant", "<restates", ">seeds", "<noticed by (runs)", "<smallest"];
    let widest = |column: usize, heading: &str| {
        let cells = view.rows.iter().map(others).map(|cells| cells[column].clone());
        let lines = cells.flat_map(|cell| cell.lines().map(|line| line.chars().count()).max());
        lines.max().unwrap_or(0).max(heading.len() - 1) + 2
    };
    let taken: usize = [0, 1, 2, 4].iter().enumerate().map(|(n, column)| widest(n, headings[*column])).sum();
    let mut grid = Grid::new(&headings);
    for row in &view.rows {
        let [name, restates, needed, smallest] = others(row);
        let cells = [name, restates, needed, listed(&row.noticed(), WIDTH.saturating_sub(taken)), smallest];
        let lines = cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0);
        (0..lines).for_each(|n| grid.row(cells.iter().map(|cell| cell.lines().nth(n).unwrap_or_default())));
    }
    let legend = "restates: the key of a public issue, if there is one. seeds: how many it took. noticed by: in how many \
        random runs, + only in the mutant's own scenario; * is the one that should. smallest: the folder has it as a file \
        of the mutant's name.";
    grid.to_string() + &ending(view, legend)
}

/// Entries with commas between them, in lines of at most so many characters; none is broken.
fn listed(entries: &[String], width: usize) -> String {
    let mut lines = vec![String::new()];
    for (n, entry) in entries.iter().enumerate() {
        let entry = if n + 1 < entries.len() { format!("{entry},") } else { entry.clone() };
        let line = lines.last_mut().expect("there is a first one");
        if line.is_empty() {
            *line = entry;
        } else if line.chars().count() + 1 + entry.chars().count() <= width {
            *line += &format!(" {entry}");
        } else {
            lines.push(entry);
        }
    }
    lines.join("\n")
}

/// The matrix as text, with a column for each check that noticed anything.
pub fn wide_table(view: &MutantsView) -> String {
    let columns = view.columns();
    let mut headings = vec!["<mutant".to_owned(), "<restates".to_owned(), ">seeds".to_owned()];
    headings.extend(columns.iter().map(|check| format!(">{check}")));
    headings.push("<smallest".to_owned());
    let mut grid = Grid::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &view.rows {
        let needed = row.needed.map_or("-".to_owned(), |needed| needed.to_string());
        let mut cells = vec![row.name.to_owned(), row.restates.to_owned(), needed];
        cells.extend(columns.iter().map(|check| row.cell(check)));
        cells.push(row.reproduction(|of| &of.file));
        grid.row(cells);
    }
    let legend = "seeds: how many it took. Under a check: in how many random runs it noticed, + only in the mutant's \
        scenario, * the one that should.";
    grid.to_string() + &ending(view, legend)
}

/// What stands below the matrix.
fn ending(view: &MutantsView, legend: &str) -> String {
    let mut text = String::new();
    let killed = view.rows.iter().filter(|row| row.is_killed()).count();
    let restated = view.rows.iter().filter(|row| !row.restates.is_empty()).count();
    let (all, control) = (view.rows.len(), view.control);
    let _ = writeln!(
        text,
        "\n{killed} of {all} mutants killed; {restated} restate what real engines did, or guard against."
    );
    if let Some((of, [tasks, faults, records])) = view.medians() {
        let (size, records) = (Smallest { tasks, faults, ..Smallest::default() }.size(), counted(records, "record"));
        let _ = writeln!(text, "Smallest scenario, median of {of}: {size}, {records}.");
    }
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
        "median": view.medians().map(|(of, [tasks, faults, records])| {
            object!({"of": of, "tasks": tasks, "faults": faults, "records": records})
        }),
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
        "untimed": row.untimed,
        "smallest": row.smallest.as_ref().map(|of| {
            object!({"file": of.file, "tasks": of.tasks, "faults": of.faults, "records": of.records})
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest(tasks: u64, faults: u64) -> Option<Smallest> {
        let (folder, file) = ("found".to_owned(), "found/a.json".to_owned());
        Some(Smallest { folder, file, tasks, faults, records: Some(tasks * 10) })
    }

    fn view() -> MutantsView {
        let checks = ["commits", "completion", "liveness", "output", "persisted", "records", "restore", "watermarks"];
        let caught = checks.iter().enumerate().map(|(n, check)| (*check, n as u64 + 1)).collect();
        let seen = |how: &str| Some(Seen { how: how.to_owned(), checks: vec!["state"], ..Seen::default() });
        let row = |name| MutantRow { name, expected: "cut", ..MutantRow::default() };
        let rows = vec![
            MutantRow { caught, exposed: seen("a.json"), smallest: smallest(2, 1), ..row("noticed-by-many") },
            MutantRow { first: seen("aligned, seed 7, wandering"), untimed: true, ..row("seen-without-a-clock") },
            MutantRow { first: seen("aligned, seed 7, wandering"), smallest: smallest(4, 0), ..row("small") },
            MutantRow { first: seen("aligned, seed 7, timed"), smallest: smallest(9, 9), ..row("large") },
            row("survivor"),
        ];
        MutantsView { rows, ..MutantsView::default() }
    }

    #[test]
    fn whoever_should_notice_comes_first_and_no_line_is_too_wide() {
        let text = table(&view());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).expect("it has a line");
        assert!(line("noticed-by-many").contains("*cut 0, watermarks 8, restore 7, "), "{text}");
        assert!(text.contains("commits 1, state +\n"), "the others are in the next line\n{text}");
        assert!(line("noticed-by-many").ends_with("2 tasks, 1 fault in found"), "{text}");
        assert!(line("seen-without-a-clock").ends_with("only without a clock or in long runs"), "{text}");
        assert!(line("survivor").ends_with('-'), "{text}");
        assert!(wide_table(&view()).contains("2 tasks, 1 fault in found/a.json"));
    }

    #[test]
    fn the_median_is_of_each_figure_by_itself() {
        let text = table(&view());
        assert!(text.contains("Smallest scenario, median of 3: 4 tasks, 1 fault, 40 records."), "{text}");
        assert_eq!(json(&view())["median"], object!({"of": 3, "tasks": 4, "faults": 1, "records": 40}));
        assert!(!table(&MutantsView::default()).contains("median"));
    }
}
