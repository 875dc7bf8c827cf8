//! The JSON Schema of scenario files, made from the description that also reads them.

use serde_json::{Value as Json, json};

use super::decode;
use crate::base::nearest;

/// The JSON Schema (draft 2020-12) of scenario files, for editors and other tools. It knows every field, type,
/// default and unit; rules between fields (an edge names an operator) are checked by [`super::check`] alone.
pub fn schema() -> Json {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cutline scenario",
        "description": "A job, where it runs, how it checkpoints, what goes wrong, and what is expected.",
    });
    for (key, value) in decode::scenario().schema().as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    schema
}

/// Where a field of this name belongs, if there is one: `in "network" or "storage"`.
pub(super) fn homes(name: &str) -> Option<String> {
    let mut homes: Vec<String> = Vec::new();
    let fields = fields();
    for (home, _) in fields.iter().filter(|(_, field)| field == name) {
        let home = if home.is_empty() { "at the top of the file".to_owned() } else { format!("in {home}") };
        if !homes.contains(&home) {
            homes.push(home);
        }
    }
    (!homes.is_empty()).then(|| homes.join(" or "))
}

/// The field anywhere whose name is nearest to this one, and where it belongs.
pub(super) fn nearest_home(name: &str) -> Option<(String, String)> {
    // Among so many names, a short one is near to something by chance.
    if name.chars().count() < 6 {
        return None;
    }
    let fields = fields();
    let near = nearest(name, fields.iter().map(|(_, field)| &**field))?;
    homes(near).map(|homes| (near.to_owned(), homes))
}

/// Every field with the path of the object that it is in.
fn fields() -> Vec<(String, String)> {
    let mut fields = Vec::new();
    collect(&decode::scenario().schema(), "", &mut fields);
    fields
}

fn collect(schema: &Json, path: &str, fields: &mut Vec<(String, String)>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten().filter(|(name, _)| *name != "why") {
        fields.push((path.to_owned(), name.clone()));
        let dot = if path.is_empty() { "" } else { "." };
        collect(field, &format!("{path}{dot}{name}"), fields);
    }
    collect_in(&schema["items"], &format!("{path}[]"), fields);
    collect_in(&schema["additionalProperties"], &format!("{path}.*"), fields);
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        collect(alternative, path, fields);
    }
}

fn collect_in(schema: &Json, path: &str, fields: &mut Vec<(String, String)>) {
    if schema.is_object() {
        collect(schema, path, fields);
    }
}
