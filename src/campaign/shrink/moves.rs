//! The moves, and those among them that need not know what a field means.
//!
//! A move takes a scenario as it would be written and lists all that it could make of it, the smallest first. It need not
//! look whether that makes sense.

use super::graph::{bypassed, less_parallel, merged, without_edge, without_operator};
use crate::base::parse_span;
use serde_json::{Value as Json, json};

/// All moves, in the order of how much they take away.
pub(super) const MOVES: &[fn(&Json) -> Vec<Json>] = &[
    with_an_end,
    fewer_entries,
    without_operator,
    bypassed,
    merged,
    without_edge,
    less_parallel,
    fewer_records,
    without_field,
    smaller_number,
    longer_interval,
    rounder_quantity,
];

/// With so many records at a source that has no end.
fn with_an_end(root: &Json) -> Vec<Json> {
    const ENOUGH: [u32; 4] = [100, 1_000, 10_000, 100_000];
    let mut all = Vec::new();
    for at in (0..operators(root).len()).filter(|at| is_endless(&operators(root)[*at])) {
        for records in ENOUGH {
            let mut ended = root.clone();
            ended["job"]["operators"][at]["records"] = json!(records);
            all.push(ended);
        }
    }
    all
}

/// With fewer faults, requests or recorded choices: halves of them, quarters, single ones.
fn fewer_entries(root: &Json) -> Vec<Json> {
    const LISTS: [&str; 3] = ["/faults", "/checkpoints/requests", "/schedule"];
    let mut all = Vec::new();
    for list in LISTS {
        let count = root.pointer(list).and_then(Json::as_array).map_or(0, Vec::len);
        let mut size = count;
        while size > 0 {
            for from in (0..count).step_by(size) {
                let mut fewer = root.clone();
                let entries = fewer.pointer_mut(list).and_then(Json::as_array_mut).expect("it was counted");
                entries.drain(from..(from + size).min(count));
                all.push(fewer);
            }
            size /= 2;
        }
    }
    all
}

/// With fewer records at a source.
fn fewer_records(root: &Json) -> Vec<Json> {
    changed(root, |name, value| match (name, value.as_u64()) {
        ("records", Some(records)) => lowered(records, 1).into_iter().map(Json::from).collect(),
        _ => Vec::new(),
    })
}

/// Without a field, so that its default holds.
fn without_field(root: &Json) -> Vec<Json> {
    // Without these it is called something else, or there is another run, or a longer one.
    const KEPT: [&str; 6] = ["cutline", "name", "why", "seed", "limit", "records"];
    // A source that has no end needs something that holds it back.
    const PACES: [&str; 2] = ["rate", "service"];
    let has_an_end = !operators(root).iter().any(is_endless);
    let may_go = |name: &str| !KEPT.contains(&name) && (has_an_end || !PACES.contains(&name));
    let mut all = Vec::new();
    for (pointer, name) in places(root).iter().filter(|(_, name)| may_go(name)) {
        let mut without = root.clone();
        let (parent, _) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
        // What stands in a list goes with another move.
        if let Some(fields) = without.pointer_mut(parent).and_then(Json::as_object_mut) {
            fields.shift_remove(name);
            all.push(without);
        }
    }
    all
}

/// With a smaller number somewhere: of keys, buffers, attempts, of the event that a fault waits for.
fn smaller_number(root: &Json) -> Vec<Json> {
    changed(root, |name, value| match (name, value.as_u64()) {
        ("cutline" | "seed" | "parallelism" | "records", _) | (_, None) => Vec::new(),
        (_, Some(number)) => lowered(number, 0).into_iter().map(Json::from).collect(),
    })
}

/// With fewer checkpoints.
fn longer_interval(root: &Json) -> Vec<Json> {
    let time = |value: &Json| value.as_str().and_then(|text| parse_span(text).ok());
    let Some(limit) = time(&root["run"]["limit"]).or_else(|| parse_span("1min").ok()) else { return Vec::new() };
    changed(root, |name, value| match (name, time(value)) {
        ("interval", Some(interval)) => {
            let longer = [10, 2].map(|times| interval * times).into_iter();
            longer.filter(|longer| *longer <= limit).map(|longer| json!(longer.exact())).collect()
        }
        _ => Vec::new(),
    })
}

/// With fewer digits in a time, a size, a rate or a percentage.
fn rounder_quantity(root: &Json) -> Vec<Json> {
    changed(root, |_, value| {
        value.as_str().map_or(Vec::new(), |text| rounder(text).into_iter().map(Json::from).collect())
    })
}

/// `1.234ms` as `1ms`, `1.2ms`, `1.23ms`.
fn rounder(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    let is_quantity = !whole.is_empty() && unit.chars().all(|c| c.is_alphabetic() || matches!(c, '/' | '%'));
    let first = digits.find(|c| c != '0');
    let (Some(first), true, true) = (first, is_quantity && !unit.is_empty(), digits.len() <= 18) else {
        return Vec::new();
    };
    let used = digits.trim_end_matches('0').len() - first;
    let keep = |count: usize| {
        let rest = 10u64.pow((digits.len() - first - count) as u32);
        let value = digits.parse::<u64>().expect("few digits") / rest * rest;
        let value = format!("{value:0width$}", width = digits.len());
        let (whole, part) = value.split_at(whole.len());
        format!("{whole}.{part}").trim_end_matches('0').trim_end_matches('.').to_owned() + unit
    };
    let mut all: Vec<String> = (1..used).map(keep).collect();
    all.dedup();
    all
}

/// Smaller numbers, the smallest first: then ever smaller steps down.
pub(super) fn lowered(from: u64, least: u64) -> Vec<u64> {
    if from <= least {
        return Vec::new();
    }
    let mut all = vec![least];
    let mut step = (from - least) / 2;
    while step > 0 {
        all.push(from - step);
        step /= 2;
    }
    all.dedup();
    all
}

/// All scenarios that come from changing one value, by the name of its field (in a list: that of the list).
fn changed(root: &Json, to: impl Fn(&str, &Json) -> Vec<Json>) -> Vec<Json> {
    let mut all = Vec::new();
    for (pointer, name) in places(root) {
        let old = root.pointer(&pointer).expect("it is a place");
        for new in to(&name, old) {
            let mut other = root.clone();
            *other.pointer_mut(&pointer).expect("it is a place") = new;
            all.push(other);
        }
    }
    all
}

/// The JSON pointer of everything in it with the name of its field, of objects before what is in them.
fn places(root: &Json) -> Vec<(String, String)> {
    let mut all = Vec::new();
    collect(root, "", "", &mut all);
    all
}

fn collect(value: &Json, pointer: &str, name: &str, all: &mut Vec<(String, String)>) {
    let mut inner = |step: &str, name: &str, value: &Json| {
        let pointer = format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
        all.push((pointer.clone(), name.to_owned()));
        collect(value, &pointer, name, all);
    };
    match value {
        Json::Object(fields) => fields.iter().for_each(|(name, value)| inner(name, name, value)),
        Json::Array(list) => list.iter().enumerate().for_each(|(n, value)| inner(&n.to_string(), name, value)),
        _ => {}
    }
}

fn operators(root: &Json) -> &[Json] {
    root["job"]["operators"].as_array().map_or(&[], Vec::as_slice)
}

fn is_endless(operator: &Json) -> bool {
    operator["kind"] == "source" && operator.get("records").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_rounded_down_digit_by_digit() {
        assert_eq!(rounder("1.234ms"), ["1ms", "1.2ms", "1.23ms"]);
        assert_eq!(rounder("1050us"), ["1000us"]);
        assert_eq!(rounder("0.25s"), ["0.2s"]);
        assert_eq!(rounder("12%"), ["10%"]);
        for round in ["10min", "200/s", "7ns", "off", "count[12]", "12", "1/3", "", "0s"] {
            assert_eq!(rounder(round), [""; 0], "{round}");
        }
    }

    #[test]
    fn numbers_are_lowered_by_ever_smaller_steps() {
        assert_eq!(lowered(100, 1), [1, 51, 76, 88, 94, 97, 99]);
        assert_eq!((lowered(2, 1), lowered(1, 1), lowered(1, 0)), (vec![1], vec![], vec![0]));
        assert_eq!(lowered(3, 0), [0, 2]);
    }

    #[test]
    fn entries_go_by_halves_and_one_by_one() {
        let root = json!({"faults": [1, 2, 3]});
        let left: Vec<Json> = fewer_entries(&root).into_iter().map(|root| root["faults"].clone()).collect();
        assert_eq!(left, [json!([]), json!([2, 3]), json!([1, 3]), json!([1, 2])]);
    }
}
