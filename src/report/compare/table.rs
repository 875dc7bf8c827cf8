//! The table that `compare` prints: a row for each number, a column for each contestant, at most 100 columns wide.

use super::{CompareView, Row, conclusion, remarks, verdict};
use crate::check::Contestant;
use crate::report::{Grid, hang, wrap};
use std::fmt::Write;

const WIDTH: usize = 100;

/// The comparison as text.
pub fn table(view: &CompareView) -> String {
    let mut out = header(view);
    let rows: Vec<&Row> = view.rows().filter(|row| !view.numbers(row).is_empty()).collect();
    let labels = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("verdict".len());
    for columns in fitting(columns(view, &rows), WIDTH - labels) {
        let headings: Vec<String> = columns.iter().map(|column| format!(">{}", column[0])).collect();
        let mut grid = Grid::new(&["<"].into_iter().chain(headings.iter().map(|h| &**h)).collect::<Vec<_>>());
        let names = ["verdict"].into_iter().chain(rows.iter().map(|row| row.name));
        for (n, name) in names.enumerate() {
            grid.row([name].into_iter().chain(columns.iter().map(|column| &*column[n + 1])));
        }
        let _ = write!(out, "\n{grid}");
    }
    let conclusion = conclusion::sentence(view);
    if !conclusion.is_empty() {
        let _ = writeln!(out, "\n{}", wrap(&conclusion, WIDTH, 2));
    }
    for contestant in view.contestants() {
        for remark in remarks(contestant) {
            let _ = writeln!(out, "{}", hang(&format!("note: {}: ", contestant.name), &remark, WIDTH));
        }
    }
    out
}

fn header(view: &CompareView) -> String {
    let scenario = view.scenario;
    let title = match scenario.why.is_empty() {
        true => scenario.name.clone(),
        false => format!("{}: {}", scenario.name, scenario.why),
    };
    let operators = scenario.job.operators.iter().map(|op| format!("{} ({})", op.id, op.parallelism));
    let mut facts = format!("{}; {}", operators.collect::<Vec<_>>().join(", "), view.seeds());
    if let Some(full) = view.full_throughput() {
        facts += &format!("; without checkpoints and faults {full}");
    }
    format!("{}\n{}\n", wrap(&title, WIDTH, 2), wrap(&facts, WIDTH, 2))
}

/// The cells of each contestant, its name first.
fn columns(view: &CompareView, rows: &[&Row]) -> Vec<Vec<String>> {
    let cell = |row: &Row, c: &Contestant| view.number(row, c).map_or("-".to_owned(), |number| number.median());
    let column = |c: &Contestant| {
        let cells = rows.iter().map(|row| cell(row, c));
        [c.name.clone(), verdict(c)].into_iter().chain(cells).collect()
    };
    view.contestants().map(column).collect()
}

/// Groups of columns that are side by side within this width; a column that is wider is alone.
fn fitting(columns: Vec<Vec<String>>, width: usize) -> Vec<Vec<Vec<String>>> {
    let mut groups: Vec<Vec<Vec<String>>> = Vec::new();
    let mut left = 0;
    for column in columns {
        let needed = 2 + column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        match groups.last_mut().filter(|_| needed <= left) {
            Some(group) => {
                group.push(column);
                left -= needed;
            }
            None => {
                groups.push(vec![column]);
                left = width.saturating_sub(needed);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::tests::{contestant, four, with_view};
    use super::*;

    #[test]
    fn contestants_stand_side_by_side() {
        let text = with_view(four(), table);
        for part in [
            "sample: A job that was made up for a test\n",
            "; seed 1; without checkpoints and faults 10k/s\n",
            "                        aligned  unaligned  at-least-once        d\n",
            "verdict                    PASS       PASS           PASS  INVALID\n",
            "end-to-end.median         600ms       50ms          590ms        -\n",
            "throughput.lost            10 %      0.1 %            5 %        -\n",
            "output.doubled                0          0            412        -\n",
            "note: d: \"d\" does not work on cycles; others do\n",
        ] {
            assert!(text.contains(part), "\"{part}\" is missing in:\n{text}");
        }
        assert!(!text.contains("sync.max"), "a row that nobody has is left out:\n{text}");
    }

    #[test]
    fn many_contestants_go_on_below_one_another() {
        let name = |n: u64| format!("aligned-timeout:timeout={n}ms");
        let many = (1..=9).map(|n| contestant(&name(n), 0, &[&[("restarts", n)]])).collect();
        let text = with_view(many, table);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().filter(|line| line.starts_with("verdict")).count() > 2, "{text}");
        assert!((1..=9).all(|n| text.contains(&name(n))), "{text}");
    }
}
