//! One message between the coordinator and a task is lost, comes late, or comes twice.

use super::{Kind, Primitive, about, task_of};
use crate::plan::Plan;
use crate::scenario::{MessageFault, MessageKind, Mishap};

pub(super) static KIND: Kind = Kind {
    name: "message",
    about: "A message between coordinator and task: `lose` it, `delay` it, or `double` it.",
    example: r#""message": {"kind": "ack", "of": "count[1]", "checkpoint": 3, "do": "lose"}"#,
};

pub(super) fn primitives(fault: &MessageFault, plan: &Plan) -> Vec<Primitive> {
    let MessageFault { kind, of, checkpoint, nth, does } = fault;
    let task = of.as_ref().map(|name| task_of(name, plan));
    vec![Primitive::Message { kind: *kind, task, checkpoint: *checkpoint, nth: *nth, does: *does }]
}

pub(super) fn words(fault: &MessageFault) -> String {
    let MessageFault { kind, of, checkpoint, nth, does } = fault;
    let way = match kind {
        MessageKind::Ack | MessageKind::Decline | MessageKind::Request => "from",
        MessageKind::Trigger | MessageKind::Complete | MessageKind::Abort | MessageKind::Assign => "to",
    };
    let whose = of.as_ref().map_or(String::new(), |name| format!(" {way} {name}"));
    let place = if *nth == 1 { "next".to_owned() } else { format!("next but {}", nth - 1) };
    let does = match does {
        Mishap::Lose => "is lost".to_owned(),
        Mishap::Delay(by) => format!("comes {by} late"),
        Mishap::Double(by) => format!("comes once more {by} later"),
    };
    format!("the {place} message \"{}\"{whose}{} {does}", kind.name(), about(*checkpoint))
}
