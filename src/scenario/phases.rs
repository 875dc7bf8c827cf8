//! Jobs that change: from what a file says of each phase to the scenarios that are run one after the other.
//!
//! A phase says only what is different from the one before. That is done on the file itself, before anything in it has a
//! meaning: objects are changed field by field, lists are replaced, `null` takes something away. A list whose entries
//! have an `id` may be changed entry by entry, by an object with their names. So a phase is read, and complained about,
//! like any other scenario, and every complaint knows the line it is about.
//!
//! What belongs to one run alone is not handed on: faults, a schedule, expectations, requests, when the job is cancelled.

use jsonc_parser::ast::{Array, Object, ObjectProp, StringLit, Value};
use jsonc_parser::common::Ranged;
use serde_json::{Map, Value as Json};

/// What no phase has from the one before; by path.
const OWN: &[&[&str]] = &[
    &["name"],
    &["why"],
    &["then"],
    &["faults"],
    &["schedule"],
    &["expect"],
    &["run", "cancel"],
    &["checkpoints", "requests"],
];

/// The file of a phase: the one before, without what was its own, and with these changes.
pub(super) fn changed<'a>(before: &Value<'a>, change: Option<&Value<'a>>) -> Value<'a> {
    let mut file = before.clone();
    OWN.iter().for_each(|path| take_away(&mut file, path));
    match change {
        Some(change) => merged(&file, change),
        None => file,
    }
}

fn take_away(value: &mut Value<'_>, path: &[&str]) {
    let (Value::Object(object), Some((name, inner))) = (value, path.split_first()) else { return };
    if inner.is_empty() {
        return object.properties.retain(|property| property.name.as_str() != *name);
    }
    for property in object.properties.iter_mut().filter(|property| property.name.as_str() == *name) {
        take_away(&mut property.value, inner);
    }
}

fn merged<'a>(before: &Value<'a>, change: &Value<'a>) -> Value<'a> {
    match (before, change) {
        (Value::Object(before), Value::Object(change)) => Value::Object(fields(before, change)),
        (Value::Array(before), Value::Object(change)) if has_ids(before) => Value::Array(entries(before, change)),
        _ => change.clone(),
    }
}

fn fields<'a>(before: &Object<'a>, change: &Object<'a>) -> Object<'a> {
    let mut object = before.clone();
    for new in &change.properties {
        let at = object.properties.iter().position(|old| old.name.as_str() == new.name.as_str());
        match (at, &new.value) {
            (Some(at), Value::NullKeyword(_)) => drop(object.properties.remove(at)),
            (Some(at), value) => object.properties[at].value = merged(&object.properties[at].value, value),
            // What is not there cannot be taken away; whoever reads the file says so.
            (None, _) => object.properties.push(new.clone()),
        }
    }
    object
}

fn has_ids(list: &Array<'_>) -> bool {
    list.elements.iter().all(|entry| id_of(entry).is_some())
}

fn id_of<'v>(entry: &'v Value<'_>) -> Option<&'v str> {
    let property = entry.as_object()?.properties.iter().find(|property| property.name.as_str() == "id")?;
    Some(&property.value.as_string_lit()?.value)
}

/// Entry by entry; a new one gets its name as its id.
fn entries<'a>(before: &Array<'a>, change: &Object<'a>) -> Array<'a> {
    let mut list = before.clone();
    for new in change.properties.iter().filter(|new| new.name.as_str() != "why") {
        let at = list.elements.iter().position(|entry| id_of(entry) == Some(new.name.as_str()));
        match (at, &new.value) {
            (Some(at), Value::NullKeyword(_)) => drop(list.elements.remove(at)),
            (Some(at), value) => list.elements[at] = merged(&list.elements[at], value),
            (None, Value::Object(object)) => list.elements.push(Value::Object(named(new, object))),
            (None, value) => list.elements.push(value.clone()),
        }
    }
    list
}

fn named<'a>(property: &ObjectProp<'a>, object: &Object<'a>) -> Object<'a> {
    let mut object = object.clone();
    let range = property.name.range();
    let value = property.name.as_str().to_owned().into();
    let (id, mut prop) = (Value::StringLit(StringLit { range, value }), property.clone());
    prop.name = jsonc_parser::ast::ObjectPropName::String(StringLit { range, value: "id".into() });
    prop.value = id;
    object.properties.insert(0, prop);
    object
}

/// The changes that make one file of another: the way back of [`changed`].
pub(super) fn difference(before: &Json, after: &Json) -> Option<Json> {
    let mut before = before.clone();
    OWN.iter().for_each(|path| forget(&mut before, path));
    let change = differs(&before, after)?;
    let is_empty = change.as_object().is_some_and(Map::is_empty);
    (!is_empty).then_some(change)
}

fn forget(value: &mut Json, path: &[&str]) {
    let (Some(object), Some((name, inner))) = (value.as_object_mut(), path.split_first()) else { return };
    match object.get_mut(*name) {
        Some(value) if !inner.is_empty() => forget(value, inner),
        _ => drop(object.shift_remove(*name)),
    }
}

fn differs(before: &Json, after: &Json) -> Option<Json> {
    match (before, after) {
        _ if before == after => None,
        (Json::Object(before), Json::Object(after)) => {
            let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name.clone(), Json::Null));
            let new = after.iter().filter_map(|(name, value)| {
                let change = before.get(name).map_or_else(|| Some(value.clone()), |before| differs(before, value));
                Some((name.clone(), change?))
            });
            Some(Json::Object(gone.chain(new).collect()))
        }
        _ => Some(after.clone()),
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{parse, write};

    const STORY: &str = r#"{
      "cutline": 1,
      "job": {
        "operators": [
          {"id": "in", "kind": "source", "records": 100, "partitions": 4},
          {"id": "count", "kind": "count", "parallelism": 2},
          {"id": "out", "kind": "sink"}],
        "edges": [{"from": "in", "to": "count"}, {"from": "count", "to": "out"}]},
      "checkpoints": {"interval": "1s", "requests": [{"at": "2s", "take": "suspend"}]},
      "faults": [{"at": "1s", "fail": "count[1]"}],
      "then": [
        {"pause": "5s", "change": {"job": {"operators": {"count": {"parallelism": 3}}}}},
        {"from": "checkpoint", "change": {"checkpoints": {"interval": null, "protocol": "unaligned"}, "run": {"limit": "9s"}}}]}"#;

    #[test]
    fn a_phase_is_the_one_before_with_its_changes() {
        let story = parse(STORY, "story.json").expect("it is right");
        let [first, second] = &story.then[..] else { panic!("two phases follow") };
        assert_eq!(first.scenario.job.operators[1].parallelism, 3);
        assert_eq!(first.scenario.checkpoints.interval, story.checkpoints.interval);
        assert!(first.scenario.faults.is_empty() && first.scenario.checkpoints.requests.is_empty());
        assert_eq!(second.scenario.job.operators[1].parallelism, 3, "changes add up");
        assert_eq!((second.scenario.checkpoints.interval, &*second.scenario.checkpoints.protocol), (None, "unaligned"));
        assert!(second.scenario.then.is_empty());
    }

    #[test]
    fn what_is_written_reads_as_the_same_story() {
        let story = parse(STORY, "story.json").expect("it is right");
        let text = write(&story);
        let again = parse(&text, "story.json").unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        assert_eq!(write(&again), text);
        assert_eq!(again.then.len(), 2);
        assert_eq!(again.then[0].scenario.job.operators[1].parallelism, 3);
        assert_eq!(again.then[1].scenario.checkpoints.interval, None);
    }

    #[test]
    fn a_mistake_in_a_change_is_told_where_it_is() {
        let wrong = STORY.replace(r#"{"count": {"parallelism": 3}}"#, r#"{"count": {"paralelism": 3}}"#);
        let problem = parse(&wrong, "story.json").expect_err("a letter is missing").to_string();
        assert!(
            problem.starts_with("story.json:12:") && problem.contains("did you mean \"parallelism\"?"),
            "{problem}"
        );
        let wrong = STORY.replace(r#""count": {"parallelism": 3}"#, r#""count": null"#);
        let problem = parse(&wrong, "story.json").expect_err("edges lead nowhere").to_string();
        assert!(problem.starts_with("story.json:8:"), "{problem}");
    }
}
