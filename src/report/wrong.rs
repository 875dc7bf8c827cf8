//! What went wrong, at the top of the report of a run in which something did: when, which check says so, and the fault
//! that struck last before. The first finding is the one to look at; what follows from it comes behind.

use super::table::{WIDTH, counted};
use super::{RunView, hang};
use crate::base::Time;
use crate::check::Finding;
use crate::fault::words;

/// So many findings are told.
const TOLD: usize = 5;

/// The earliest findings, or nothing.
pub(super) fn wrong(view: &RunView) -> String {
    let mut found: Vec<&Finding> = view.findings.kept().iter().collect();
    found.sort_by_key(|finding| finding.at);
    let Some(first) = found.first() else { return String::new() };
    let told = &found[..found.len().min(TOLD)];
    let instant = told.iter().map(|finding| finding.at.to_string().chars().count()).max().unwrap_or(0);
    let check = told.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut out = String::from("\nWhat went wrong\n");
    let mut line = |start: &str, text: &str| {
        out += &hang(start, text, WIDTH);
        out.push('\n');
    };
    for finding in told {
        let start = format!("  {:>instant$}  {:<check$}  ", finding.at.to_string(), finding.check);
        line(&start, &finding.text);
    }
    let more = view.findings.total() - told.len() as u64;
    if more > 0 {
        line("  ", &format!("… and {} more", counted(more, "finding")));
    }
    if !view.scenario.faults.is_empty() {
        line("  ", &fault_before(view, first.at));
    }
    if view.losses.is_some() {
        line("  ", "The records are told by name at the end.");
    }
    out
}

/// The fault that struck last before the first finding, as the section on faults calls it.
fn fault_before(view: &RunView, found: Time) -> String {
    let faults = view.scenario.faults.iter().enumerate();
    let struck = faults.map(|(n, fault)| (view.figures.fault(n).struck, n, fault));
    match struck.filter(|(at, ..)| *at <= found).max_by_key(|(at, n, _)| (*at, *n)) {
        Some((at, n, fault)) => format!("The last fault before that: {at}, {} (fault {n})", words(&fault.effect)),
        None => "No fault had struck before that.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Findings;
    use crate::report::sample;
    use crate::scenario::{Fault, Scenario};
    use crate::trace::{Event, Observer};

    /// The block for findings of these seconds, in a run in which fault 0 struck after three seconds and fault 1 did not.
    fn block(seconds: &[u64]) -> String {
        sample::with_view(sample::Size::Nothing, |view| {
            let (mut figures, mut findings) = (view.figures.clone(), Findings::default());
            figures.event(Time(3_000_000_000), &Event::FaultStruck { fault: 0 });
            for at in seconds {
                let text = format!("something is wrong after {at} seconds");
                findings.add("order", Time(at * 1_000_000_000), || Finding::new("wrong", text));
            }
            let scenario = Scenario { faults: faults(), ..view.scenario.clone() };
            wrong(&RunView { scenario: &scenario, figures: &figures, findings: &findings, ..*view })
        })
    }

    fn faults() -> Vec<Fault> {
        let text = r#"{"cutline": 1, "job": {"operators": [{"id": "in", "kind": "source"}, {"id": "out", "kind": "sink"}],
             "edges": [{"from": "in", "to": "out"}]}, "faults": [{"at": "3s", "fail": "out"}, {"at": "9s", "fail": "in"}]}"#;
        crate::scenario::parse(text, "faults.json").unwrap_or_else(|problem| panic!("{problem}")).faults
    }

    #[test]
    fn the_earliest_finding_comes_first_and_the_fault_before_it_is_told() {
        let expected = "
What went wrong
   5s  order  something is wrong after 5 seconds
  12s  order  something is wrong after 12 seconds
  The last fault before that: 3s, out[0] throws an exception (fault 0)
";
        assert_eq!(block(&[12, 5]), expected);
        assert!(block(&[2, 12]).ends_with("\n  No fault had struck before that.\n"), "{}", block(&[2, 12]));
    }

    #[test]
    fn nothing_is_said_where_nothing_is_wrong_and_not_all_where_much_is() {
        assert_eq!(block(&[]), "");
        let many = block(&[9, 8, 7, 6, 5, 4, 3]);
        assert_eq!(many.matches("something is wrong").count(), TOLD, "{many}");
        assert!(many.contains("\n  … and 2 findings more\n"), "{many}");
    }

    #[test]
    fn it_fits_and_stands_before_all_else() {
        let text = sample::with_view(sample::Size::Small, super::super::table);
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is missing in\n{text}"));
        assert!(place("\nWhat went wrong\n  4.6s  exactly-once  count[1] applied") < place("\nCheckpoints: "));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
