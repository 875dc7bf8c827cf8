//! The faults of a run: what each one is, when it struck, and what came of that. In words and for programs.

use super::recovery::left_out;
use super::table::{WIDTH, counted};
use super::{RunView, hang};
use crate::base::{Span, Time};
use crate::check::FaultFigures;
use crate::fault::words;
use crate::scenario::{Effect, ExternalMishap, Fault, When};
use serde_json::{Value, json};

/// A line for each fault of the scenario, or nothing. They are numbered as in the scenario.
pub(super) fn faults(view: &RunView) -> String {
    let all = &view.scenario.faults;
    if all.is_empty() {
        return String::new();
    }
    let left_out = left_out(all.len());
    let instant = |n: usize| match view.figures.fault(n).struck {
        Time::NEVER => "-".to_owned(),
        at => at.to_string(),
    };
    let shown = || (0..all.len()).filter(|n| !left_out.contains(n));
    let digits = (all.len() - 1).to_string().len();
    let longest = shown().map(|n| instant(n).chars().count()).max().unwrap_or(0);
    let mut out = String::from("\nFaults, and when they struck\n");
    for n in shown() {
        let start = format!("{n:>digits$}  {:>longest$}  ", instant(n));
        out += &hang(&start, &line(&all[n], view.figures.fault(n)), WIDTH);
        out.push('\n');
        if n + 1 == left_out.start {
            out += &format!("… {} left out …\n", counted(left_out.len() as u64, "fault"));
        }
    }
    out
}

/// What it is, and what came of it.
fn line(fault: &Fault, figures: FaultFigures) -> String {
    let what = words(&fault.effect);
    let FaultFigures { struck, hit, hits, healed, replaced } = figures;
    match (struck, hits) {
        (Time::NEVER, _) => format!("{what}: did not strike, {} never came", trigger(fault)),
        _ if healed != Time::NEVER => {
            let is_early = lasts(&fault.effect).is_some_and(|lasts| healed < struck + lasts);
            let why = match (is_early, replaced) {
                (false, _) => "",
                (true, true) => " already, because the task manager was replaced",
                (true, false) => " already, because the sources had stopped",
            };
            format!("{what}: healed at {healed}{why}")
        }
        (_, 0) if waits(&fault.effect) => format!("{what}: there was none"),
        (_, 0) => what,
        (_, 1) if hit == struck => what,
        (_, 1) => format!("{what}: that came at {hit}"),
        _ => format!("{what}: that came {hits} times, first at {hit}"),
    }
}

/// What it waits for.
fn trigger(fault: &Fault) -> String {
    match &fault.when {
        When::At(at) => at.to_string(),
        When::On(event) => event.to_string(),
    }
}

/// How long it is to last, if it does.
fn lasts(effect: &Effect) -> Option<Span> {
    match effect {
        Effect::Link(fault) => Some(fault.lasts),
        Effect::Pace(fault) => Some(fault.lasts),
        Effect::External(fault) => match fault.does {
            ExternalMishap::Down(lasts) => Some(lasts),
            _ => None,
        },
        _ => None,
    }
}

/// Whether it does nothing but to something that fits.
fn waits(effect: &Effect) -> bool {
    match effect {
        Effect::Message(_) | Effect::Write(_) | Effect::Spoil(_) | Effect::Record(_) => true,
        Effect::External(fault) => !matches!(fault.does, ExternalMishap::Down(_)),
        Effect::FailTask(_) | Effect::Kill(_) | Effect::Link(_) | Effect::Pace(_) | Effect::Clock(_) => false,
    }
}

/// The same for programs; `null`: that did not happen.
pub(super) fn faults_json(view: &RunView) -> Vec<Value> {
    let instant = |at: Time| (at != Time::NEVER).then_some(at.0);
    let one = |(n, fault): (usize, &Fault)| {
        let FaultFigures { struck, hit, hits, healed, .. } = view.figures.fault(n);
        json!({
            "what": words(&fault.effect),
            "when": trigger(fault),
            "struck_ns": instant(struck),
            "hits": hits,
            "first_hit_ns": instant(hit),
            "healed_ns": instant(healed),
        })
    };
    view.scenario.faults.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::trace::{Event, Observer};

    /// The section for these faults, and its JSON, after these events.
    fn section(faults: &[&str], events: &[(u64, Event)]) -> (String, Vec<Value>) {
        let text = format!(
            r#"{{"cutline": 1, "job": {{"operators": [{{"id": "in", "kind": "source"}}, {{"id": "out", "kind": "sink"}}],
                 "edges": [{{"from": "in", "to": "out"}}]}}, "faults": [{}]}}"#,
            faults.join(", ")
        );
        let scenario = crate::scenario::parse(&text, "faults.json").unwrap_or_else(|problem| panic!("{problem}"));
        sample::with_view(sample::Size::Nothing, |view| {
            let mut figures = view.figures.clone();
            events.iter().for_each(|(ms, event)| figures.event(Time(ms * 1_000_000), event));
            let view = RunView { scenario: &scenario, figures: &figures, ..*view };
            (super::faults(&view), faults_json(&view))
        })
    }

    const WRITES: &str = r#"{"at": "1s", "write": {"do": "fail", "times": 2}}"#;
    const PAUSE: &str = r#"{"at": "900ms", "pause": {"of": "in", "for": "2s"}}"#;
    const AT_SNAPSHOT: &str = r#"{"when": {"event": "snapshot-taken", "checkpoint": 7}, "fail": "out"}"#;

    #[test]
    fn each_fault_is_told_with_what_came_of_it() {
        let struck = |at, fault| (at, Event::FaultStruck { fault });
        let events = [struck(900, 1), struck(1000, 0), (2900, Event::FaultHealed { fault: 1 })];
        let (text, json) = section(&[WRITES, PAUSE, AT_SNAPSHOT], &events);
        for (before, why) in
            [(Event::ManagerReplaced { manager: 0 }, "task manager was replaced"), (events[0].1, "sources had stopped")]
        {
            let early = [struck(900, 0), (1200, before), (1200, Event::FaultHealed { fault: 0 })];
            let (text, _) = section(&[PAUSE], &early);
            assert!(text.contains(&format!("healed at 1.2s already, because the {why}")), "{text}");
        }
        let expected = "
Faults, and when they struck
0     1s  each of the next 2 writes of a snapshot fails: there was none
1  900ms  in[0] stands still for 2s: healed at 2.9s
2      -  out[0] throws an exception: did not strike, snapshot-taken for checkpoint 7 never came
";
        assert_eq!(text, expected);
        assert_eq!((&json[1]["struck_ns"], &json[1]["healed_ns"]), (&json!(900_000_000), &json!(2_900_000_000u64)));
        assert_eq!((&json[2]["struck_ns"], &json[2]["hits"]), (&Value::Null, &json!(0)));
        assert_eq!(section(&[], &[]), (String::new(), Vec::new()), "no fault, no section");
    }

    #[test]
    fn what_it_hit_is_counted() {
        let hit = |at| (at, Event::FaultHit { fault: 0 });
        let last = |events: &[(u64, Event)]| {
            let struck = [(1000, Event::FaultStruck { fault: 0 })];
            section(&[WRITES], &[&struck, events].concat()).0.lines().last().map(str::to_owned)
        };
        let told = |what: &str| Some(format!("0  1s  each of the next 2 writes of a snapshot fails{what}"));
        assert_eq!(last(&[hit(1000)]), told(""));
        assert_eq!(last(&[hit(1200)]), told(": that came at 1.2s"));
        assert_eq!(last(&[hit(1200), hit(1300)]), told(": that came 2 times, first at 1.2s"));
    }

    #[test]
    fn of_many_the_first_and_the_last_are_shown_in_lines_that_fit() {
        let (text, json) = section(&[AT_SNAPSHOT; 20], &[]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!((text.matches("throws an exception").count(), json.len()), (8, 20), "{text}");
        assert!(text.contains("\n… 12 faults left out …\n19  "), "{text}");
    }
}
