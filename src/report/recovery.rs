//! The recoveries of a run, part by part: a section of the table.

use super::table::{WIDTH, columned, or_dash};
use super::{RunView, elide, wrap};
use crate::check::RestartFigures;
use crate::plan::Plan;
use std::ops::Range;

/// More restarts, or faults, than this are not all shown.
const MANY: usize = 8;

const TITLE: &str =
    "Recoveries: what each restart took, part by part; lag is the most records that waited at the sources";

/// A row for each recovery, or nothing. Who was slowest gives way if the rows are too long.
pub(super) fn recoveries(view: &RunView) -> String {
    let restarts = &view.figures.restarts;
    if restarts.is_empty() {
        return String::new();
    }
    let left_out = left_out(restarts.len());
    let shown: Vec<&RestartFigures> =
        restarts.iter().enumerate().filter(|(n, _)| !left_out.contains(n)).map(|(_, restart)| restart).collect();
    let cells = |cell: Cell| shown.iter().map(|restart| cell(view.plan, restart)).collect();
    let mut columns: Vec<(&str, Vec<String>)> = COLUMNS.iter().map(|(name, cell)| (*name, cells(*cell))).collect();
    let mut rows = columned(&columns);
    if rows.lines().any(|line| line.chars().count() > WIDTH) {
        columns.retain(|(name, _)| *name != "<slowest");
        rows = columned(&columns);
    }
    format!("\n{}\n{rows}", wrap(TITLE, WIDTH, 2))
}

/// Which are not shown of so many: those before the last.
pub(super) fn left_out(all: usize) -> Range<usize> {
    if all > MANY { MANY - 1..all - 1 } else { 0..0 }
}

type Cell = fn(&Plan, &RestartFigures) -> String;

/// The parts in their order; what came of it behind them.
const COLUMNS: [(&str, Cell); 11] = [
    (">#", |_, r| r.attempt.0.to_string()),
    (">detection", |_, r| r.parts().detection.to_string()),
    (">back-off", |_, r| or_dash(r.parts().back_off)),
    (">slots", |_, r| or_dash(r.parts().slots)),
    (">restore", |_, r| or_dash(r.parts().restore)),
    ("<slowest", |plan, r| r.slowest.map_or("-".to_owned(), |task| elide(&plan.task_name(task), 20))),
    (">channels", |_, r| or_dash(r.parts().channels)),
    (">catch-up", |_, r| or_dash(r.parts().catch_up)),
    (">total", |_, r| or_dash(r.parts().total)),
    (">replayed", |_, r| r.replayed.to_string()),
    (">lag", |_, r| r.lag.to_string()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::model::sample::Order;
    use crate::report::sample;

    /// The section for restarts that are made of the one in the sample.
    fn section(change: impl Fn(usize, &mut RestartFigures), n: usize) -> String {
        let (_, plan, mut figures) = sample::run(sample::Size::Small, Order::Emit);
        let one = figures.restarts[0];
        figures.restarts = vec![one; n];
        figures.restarts.iter_mut().enumerate().for_each(|(n, restart)| change(n, restart));
        sample::with_view(sample::Size::Small, |view| recoveries(&RunView { plan: &plan, figures: &figures, ..*view }))
    }

    #[test]
    fn each_recovery_is_a_row_with_its_parts() {
        let text = section(|_, _| (), 1);
        let row = "1          0      50ms      0     50ms  sink[0]       5ms      1.3s   1.4s        40  2100";
        assert_eq!(text.lines().last(), Some(row), "{text}");
        assert_eq!(section(|_, _| (), 0), "", "no restart, no section");
    }

    #[test]
    fn what_did_not_come_to_its_end_is_a_dash() {
        let text = section(|_, restart| restart.behind = 1, 1);
        assert!(text.ends_with("5ms         -      -        40  2100\n"), "{text}");
    }

    #[test]
    fn of_many_the_first_and_the_last_are_shown() {
        let text = section(|n, restart| restart.attempt.0 = n as u32 + 1, 20);
        let shown: Vec<&str> = text.lines().skip(3).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(shown, ["1", "2", "3", "4", "5", "6", "7", "20"]);
    }

    #[test]
    fn no_row_is_too_long() {
        let change = |_: usize, restart: &mut RestartFigures| {
            restart.planned += Span(123_456_789_123);
            restart.running = restart.planned + Span(123_456_789);
            restart.caught_up = restart.running + Span(599_999_999_999);
            (restart.replayed, restart.lag) = (1_000_000_000_000, 1_000_000_000_000);
        };
        let text = section(change, 1);
        assert!(!text.contains("slowest"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
