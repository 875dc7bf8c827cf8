//! Moves that take parts of the job away: operators, edges, subtasks.

use super::mentions::{Name, Part, rename};
use super::moves::lowered;
use serde_json::{Value as Json, json};

/// Without one operator, and without whatever cannot be without it.
pub(super) fn without_operator(root: &Json) -> Vec<Json> {
    ids(root).iter().map(|id| pruned(root, vec![id.clone()], None)).collect()
}

/// Without one edge, and without whatever cannot be without it.
pub(super) fn without_edge(root: &Json) -> Vec<Json> {
    (0..edges(root).len()).map(|n| pruned(root, Vec::new(), Some(n))).collect()
}

/// Without these operators, this edge, and whatever has no input or no output then. A join of one input is a count.
fn pruned(root: &Json, mut gone: Vec<String>, edge: Option<usize>) -> Json {
    let mut left: Vec<Json> = edges(root).to_vec();
    if let Some(edge) = edge {
        left.remove(edge);
    }
    loop {
        left.retain(|edge| !gone.iter().any(|id| edge["from"] == **id || edge["to"] == **id));
        let is_cut_off = |operator: &&Json| {
            let (id, kind) = (&operator["id"], &operator["kind"]);
            let lacks_input = !left.iter().any(|edge| edge["to"] == *id && edge["feedback"] != true);
            let lacks_output = !left.iter().any(|edge| edge["from"] == *id);
            (*kind != "source" && lacks_input) || (*kind != "sink" && lacks_output)
        };
        let more: Vec<String> = operators(root).iter().filter(is_cut_off).map(id).collect();
        let before = gone.len();
        gone.extend(more.into_iter().filter(|id| !gone.contains(id)).collect::<Vec<_>>());
        if gone.len() == before {
            break;
        }
    }
    let mut smaller = root.clone();
    rename(&mut smaller, &|name: Name, _| (!gone.contains(&name.0)).then_some(name));
    let mut stay: Vec<Json> =
        operators(root).iter().filter(|operator| !gone.contains(&id(operator))).cloned().collect();
    for join in stay.iter_mut().filter(|operator| operator["kind"] == "join") {
        if left.iter().filter(|edge| edge["to"] == join["id"]).count() == 1 {
            join["kind"] = json!("count");
        }
    }
    (smaller["job"]["operators"], smaller["job"]["edges"]) = (stay.into(), left.into());
    smaller
}

/// Without an operator in the middle: who sent to it sends to its receivers. Faults strike who stands beside it.
pub(super) fn bypassed(root: &Json) -> Vec<Json> {
    let is_inside = |operator: &&Json| operator["kind"] != "source" && operator["kind"] != "sink";
    operators(root).iter().filter(is_inside).map(|operator| bypass(root, &id(operator))).collect()
}

fn bypass(root: &Json, out: &str) -> Json {
    let touches = |edge: &Json| edge["from"] == *out || edge["to"] == *out;
    let before: Vec<&Json> = edges(root).iter().filter(|e| e["to"] == *out && e["from"] != *out).collect();
    let after: Vec<&Json> = edges(root).iter().filter(|e| e["from"] == *out && e["to"] != *out).collect();
    let mut left: Vec<Json> = edges(root).iter().filter(|edge| !touches(edge)).cloned().collect();
    for (one, two) in before.iter().flat_map(|one| after.iter().map(move |two| (one, two))) {
        if left.iter().any(|edge| edge["from"] == one["from"] && edge["to"] == two["to"]) {
            continue;
        }
        let mut edge = json!({"from": one["from"], "to": two["to"]});
        if one["feedback"] == true || two["feedback"] == true {
            edge["feedback"] = json!(true);
        }
        left.push(edge);
    }
    let mut smaller = root.clone();
    rename(&mut smaller, &|(operator, subtask), part| {
        if operator != out {
            return Some((operator, subtask));
        }
        let beside = match part {
            Part::Sender => before.first()?["from"].as_str()?,
            Part::Itself => after.first()?["to"].as_str()?,
        };
        let last = parallelism(operators(root).iter().find(|operator| id(operator) == beside)?) - 1;
        Some((beside.to_owned(), subtask.map(|subtask| subtask.min(last))))
    });
    let stay = operators(root).iter().filter(|operator| id(operator) != out).cloned();
    (smaller["job"]["operators"], smaller["job"]["edges"]) = (stay.collect(), left.into());
    smaller
}

/// With one operator where there were two of a kind.
pub(super) fn merged(root: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    for (n, one) in operators(root).iter().enumerate() {
        let others = operators(root)[n + 1..].iter().filter(|other| other["kind"] == one["kind"]);
        all.extend(others.map(|other| merge(root, one, &id(other))));
    }
    all
}

fn merge(root: &Json, into: &Json, out: &str) -> Json {
    let (stays, last) = (id(into), parallelism(into) - 1);
    let mut left: Vec<Json> = Vec::new();
    for mut edge in edges(root).iter().cloned() {
        for end in ["from", "to"] {
            if edge[end] == *out {
                edge[end] = json!(stays);
            }
        }
        if !left.iter().any(|other| other["from"] == edge["from"] && other["to"] == edge["to"]) {
            left.push(edge);
        }
    }
    let mut smaller = root.clone();
    rename(&mut smaller, &|(operator, subtask), _| match operator == out {
        true => Some((stays.clone(), subtask.map(|subtask| subtask.min(last)))),
        false => Some((operator, subtask)),
    });
    let stay = operators(root).iter().filter(|operator| id(operator) != out).cloned();
    (smaller["job"]["operators"], smaller["job"]["edges"]) = (stay.collect(), left.into());
    smaller
}

/// With fewer subtasks: of all operators, of those that forward edges tie together, of each.
pub(super) fn less_parallel(root: &Json) -> Vec<Json> {
    let all = ids(root);
    let mut groups = vec![all.clone()];
    groups.extend(all.iter().map(|id| tied(root, id)));
    groups.extend(all.into_iter().map(|id| vec![id]));
    groups.dedup();
    let widest = |group: &Vec<String>| {
        let members = operators(root).iter().filter(|operator| group.contains(&id(operator)));
        members.map(parallelism).max().unwrap_or(1)
    };
    let narrowed = |group: Vec<String>| lowered(widest(&group), 1).into_iter().map(move |to| narrow(root, &group, to));
    groups.into_iter().flat_map(narrowed).collect()
}

/// The operators that have the parallelism of this one, because forward edges lead from one to the next.
fn tied(root: &Json, first: &str) -> Vec<String> {
    let mut group = vec![first.to_owned()];
    let mut at = 0;
    while at < group.len() {
        let ties = edges(root).iter().filter(|edge| edge["by"] == "forward" || edge["chained"] == true);
        let next: Vec<String> = ties
            .flat_map(|edge| [("from", "to"), ("to", "from")].map(|(here, there)| (&edge[here], &edge[there])))
            .filter(|(here, _)| **here == *group[at])
            .filter_map(|(_, there)| there.as_str().map(str::to_owned))
            .collect();
        for id in next {
            if !group.contains(&id) {
                group.push(id);
            }
        }
        at += 1;
    }
    group
}

fn narrow(root: &Json, group: &[String], to: u64) -> Json {
    let mut smaller = root.clone();
    rename(&mut smaller, &|(operator, subtask), _| {
        let is_narrow = group.contains(&operator);
        Some((operator, subtask.map(|subtask| if is_narrow { subtask.min(to - 1) } else { subtask })))
    });
    let operators = smaller["job"]["operators"].as_array_mut().into_iter().flatten();
    for operator in operators.filter(|operator| group.contains(&id(operator)) && parallelism(operator) > to) {
        operator["parallelism"] = json!(to);
        if let Some(on) = operator.get_mut("on").and_then(Json::as_array_mut) {
            on.truncate(to as usize);
        }
    }
    smaller
}

/// The ids of all operators.
pub(super) fn ids(root: &Json) -> Vec<String> {
    operators(root).iter().map(id).collect()
}

fn id(operator: &Json) -> String {
    operator["id"].as_str().unwrap_or_default().to_owned()
}

fn parallelism(operator: &Json) -> u64 {
    operator["parallelism"].as_u64().unwrap_or(1)
}

fn operators(root: &Json) -> &[Json] {
    root["job"]["operators"].as_array().map_or(&[], Vec::as_slice)
}

fn edges(root: &Json) -> &[Json] {
    root["job"]["edges"].as_array().map_or(&[], Vec::as_slice)
}
