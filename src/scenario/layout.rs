//! Sets a scenario on the page: what belongs together on one line, one operator, edge or fault on each.

use serde_json::Value as Json;

/// Lines are at most so long, where there is a place to break them.
const WIDTH: usize = 120;

/// The text of a file.
pub(super) fn page(scenario: &Json) -> String {
    let mut text = String::from("{\n");
    for (n, (name, value)) in scenario.as_object().into_iter().flatten().enumerate() {
        if n > 0 {
            // Sections stand apart.
            text += if value.is_object() || value.is_array() { ",\n\n" } else { ",\n" };
        }
        text += &field(name, value, 2);
    }
    text + "\n}\n"
}

/// A field on a line of its own, or on several.
fn field(name: &str, value: &Json, indent: usize) -> String {
    let begin = format!("{:indent$}{}: ", "", quoted(name));
    let lines = block(value, indent, width(&begin));
    begin + &lines
}

/// A value that begins in some column of a line that is indented so far.
fn block(value: &Json, indent: usize, column: usize) -> String {
    let short = inline(value);
    let fits = column + width(&short) < WIDTH;
    let (open, close, lines): (_, _, Vec<String>) = match value {
        Json::Array(list) if is_list_of_objects(value) && !(list.len() == 1 && fits) => {
            let line = |element: &Json| format!("{:1$}{2}", "", indent + 2, filled(element, indent + 2));
            ('[', ']', list.iter().map(line).collect())
        }
        Json::Object(fields) if is_section(value) || (is_map_of_objects(value) && !(fields.len() == 1 && fits)) => {
            ('{', '}', fields.iter().map(|(name, value)| field(name, value, indent + 2)).collect())
        }
        Json::Object(_) if !fits => return filled(value, indent),
        _ => return short,
    };
    format!("{open}\n{}\n{:indent$}{close}", lines.join(",\n"), "")
}

fn is_list_of_objects(value: &Json) -> bool {
    value.as_array().is_some_and(|list| list.iter().any(Json::is_object))
}

fn is_map_of_objects(value: &Json) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty() && fields.values().all(Json::is_object))
}

/// Whether lists of objects are in it.
fn is_section(value: &Json) -> bool {
    value.as_object().is_some_and(|fields| fields.values().any(is_list_of_objects))
}

/// An object on as few lines as it takes.
fn filled(value: &Json, indent: usize) -> String {
    let Some(fields) = value.as_object() else { return inline(value) };
    let mut text = String::from("{");
    let mut column = indent + 1;
    for (n, (name, value)) in fields.iter().enumerate() {
        let piece = format!("{}: {}", quoted(name), inline(value));
        if n > 0 {
            // A comma or bracket follows it.
            let fits = column + 2 + width(&piece) < WIDTH;
            let gap = if fits { ", ".to_owned() } else { format!(",\n{:1$}", "", indent + 2) };
            column = if fits { column + 2 } else { indent + 2 };
            text += &gap;
        }
        column += width(&piece);
        text += &piece;
    }
    text + "}"
}

/// On one line, with a space after each comma and colon.
fn inline(value: &Json) -> String {
    match value {
        Json::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", quoted(name), inline(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn quoted(name: &str) -> String {
    Json::from(name).to_string()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_looks_as_if_a_person_had_written_it() {
        let text = r#"{
  "cutline": 1,
  "why": "\"quoted\"",

  "job": {
    "operators": [
      {"id": "in", "kind": "source", "keys": {"count": 9, "zipf": true}, "on": [0, 1]},
      {"id": "a-sink-with-a-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on", "kind": "sink",
        "parallelism": 2}
    ],
    "edges": [{"from": "in", "to": "out"}]
  },

  "network": {"latency": "1us", "debloat": {}},

  "expect": {
    "figures": {
      "restarts": {"max": 1},
      "downtime": {"max": "1s"}
    },
    "happens": [{"event": "job-restarting"}]
  }
}
"#;
        assert_eq!(page(&serde_json::from_str(text).expect("JSON")), text);
    }
}
