//! Events as JSON and as lines of text.

use super::{AbortReason, Event, Stamped};
use serde_json::{Map, Value, json};

/// One event as a JSON object: `at_ns`, `event`, then its fields. Lineages are hexadecimal strings,
/// because they do not fit the 53 bits that many readers of JSON keep.
pub fn to_json(stamped: &Stamped) -> Value {
    let mut object = Map::new();
    object.insert("at_ns".into(), json!(stamped.at.0));
    object.insert("event".into(), json!(stamped.event.kind().name()));
    for (name, word) in stamped.event.fields() {
        let value = match name {
            "lineage" | "chain" | "values" | "sent_chain" | "received_chain" => json!(format!("{word:016x}")),
            "reason" => json!(reason(&stamped.event)),
            _ => json!(word),
        };
        object.insert(name.into(), value);
    }
    Value::Object(object)
}

/// One event as a line for people: `  1.25s  barrier-received  task 3 channel 7 checkpoint 2`.
pub fn to_line(stamped: &Stamped) -> String {
    use std::fmt::Write;
    let mut line = format!("{:>10}  {:<20}", stamped.at, stamped.event.kind().name());
    for (name, word) in stamped.event.fields() {
        let _ = match name {
            "lineage" | "chain" | "values" | "sent_chain" | "received_chain" => write!(line, " {name} {word:016x}"),
            "reason" => write!(line, " {}", reason(&stamped.event)),
            _ => write!(line, " {name} {word}"),
        };
    }
    line
}

fn reason(event: &Event) -> &'static str {
    match event {
        Event::CheckpointAborted { reason, .. } => AbortReason::name(*reason),
        _ => "",
    }
}
