//! A comparison for programs: all figures of all contestants, in nanoseconds and bytes.

use super::{CompareView, Of, conclusion, reason, remarks, verdict};
use crate::check::{Account, Contestant, FIGURES, Measured, Sample, Spread, Tally};
use crate::report::json::unit_name;
use serde_json::{Map, Value, json};

/// The comparison as JSON. A number is the median over all seeds, with the smallest and the largest; what a
/// contestant does not have is `null`.
pub fn json(view: &CompareView) -> Value {
    let baseline = &view.comparison.baseline;
    let contestant = |c: &Contestant| {
        json!({
            view.subject(): c.name,
            "verdict": verdict(c),
            "problem": c.result.as_ref().err().map(reason),
            "remarks": remarks(c),
            "figures": c.result.as_ref().ok().map(figures),
            "compared": compared(view, c),
            "runs": c.result.as_ref().ok().map(|sample| runs(view, sample)),
        })
    };
    json!({
        "name": view.scenario.name,
        "why": view.scenario.why,
        "seeds": baseline.runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
        "conclusion": conclusion::sentence(view),
        "baseline": {"what": "no checkpoints, no faults", "figures": figures(baseline)},
        format!("{}s", view.subject()): view.contestants().map(contestant).collect::<Vec<_>>(),
    })
}

fn spread<T: Copy + Into<Value>>(spread: Option<Spread<T>>, unit: &str) -> Value {
    let number = |of: fn(&Spread<T>) -> T| spread.as_ref().map(|spread| of(spread).into()).unwrap_or(Value::Null);
    json!({"value": number(|s| s.median), "min": number(|s| s.min), "max": number(|s| s.max), "unit": unit})
}

fn figures(sample: &Sample) -> Value {
    let entry = |f: &crate::check::Figure| (f.name.to_owned(), spread(sample.figure(f.name), unit_name(f.unit)));
    Value::Object(FIGURES.iter().map(entry).collect::<Map<_, _>>())
}

/// What is known only by comparison: with the baseline, and with the oracle.
fn compared(view: &CompareView, contestant: &Contestant) -> Value {
    let Ok(sample) = &contestant.result else { return Value::Null };
    let entry = |row: &super::Row| match row.of {
        Of::Figure => None,
        Of::Cost => {
            let cost = view.prices.and_then(|prices| sample.spread(|run| prices.hourly(run)));
            Some((row.name.to_owned(), spread(cost, "billionths of a unit")))
        }
        Of::Records(count) => Some((row.name.to_owned(), spread(sample.spread(count), "count"))),
        Of::ThroughputLost => {
            let lost = sample.throughput_lost(&view.comparison.baseline);
            Some((row.name.to_owned(), spread(lost, "hundredths of a percent")))
        }
    };
    Value::Object(view.rows().filter_map(entry).collect::<Map<_, _>>())
}

fn runs(view: &CompareView, sample: &Sample) -> Vec<Value> {
    let run = |run: &Measured| {
        let accounts = run.accounts.as_ref().map(|accounts| accounts.iter().map(|a| account(view, a)).collect());
        let accounts: Option<Vec<Value>> = accounts;
        let found = run.verdict.finding().map(|finding| json!({"check": finding.check, "text": finding.text}));
        json!({
            "seed": run.seed,
            "verdict": run.verdict.name(),
            "finding": found,
            "digest": run.digest.to_string(),
            "operators": accounts,
        })
    };
    sample.runs.iter().map(run).collect()
}

fn account(view: &CompareView, account: &Account) -> Value {
    let tally = |tally: Tally| json!({"records": tally.counted, "due": tally.due, "swapped": tally.swapped});
    json!({
        "operator": view.scenario.job.operators[account.operator.index()].id,
        "state": tally(account.state),
        "output": account.output.map(tally),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{contestant, four, with_view};
    use super::*;

    #[test]
    fn programs_find_what_people_see() {
        let report = with_view(four(), json);
        let of = |n: usize| &report["protocols"][n];
        assert_eq!(of(0)["protocol"], "aligned");
        assert_eq!(of(0)["figures"]["end-to-end.median"]["value"], 600_000_000);
        assert_eq!(of(0)["figures"]["sync.max"]["value"], Value::Null);
        assert_eq!(of(0)["compared"]["throughput.lost"]["value"], 1000);
        assert_eq!(of(2)["compared"]["output.doubled"]["value"], 412);
        let sink = &of(2)["runs"][0]["operators"][0];
        assert_eq!((&sink["output"]["records"], &sink["output"]["due"]), (&json!(1412), &json!(1000)));
        assert_eq!((&of(3)["verdict"], &of(3)["figures"]), (&json!("INVALID"), &Value::Null));
        assert!(report["conclusion"].as_str().is_some_and(|text| text.contains("12x")));
    }

    #[test]
    fn several_seeds_have_a_spread() {
        let figures: [&[(&str, u64)]; 3] = [&[("restarts", 4)], &[("restarts", 9)], &[("restarts", 5)]];
        let report = with_view(vec![contestant("a", 0, &figures)], json);
        let restarts = &report["protocols"][0]["figures"]["restarts"];
        assert_eq!(*restarts, json!({"value": 5, "min": 4, "max": 9, "unit": "count"}));
        assert_eq!(report["seeds"], json!([1, 2, 3]));
    }
}
