//! A network partition, one way or both, or a slow link. If a task manager is cut off from the coordinator for longer
//! than the heartbeat allows, the coordinator takes it for lost, and its tasks live on as zombies.

use super::{Kind, Primitive};
use crate::scenario::LinkFault;

pub(super) static KIND: Kind = Kind {
    name: "link",
    about: "What one machine sends to another: `cut`, and it arrives when the link heals, or `slow`.",
    example: r#""link": {"from": "manager[0]", "to": "manager[1]", "do": "cut", "for": "2s"}"#,
};

pub(super) fn primitives(fault: &LinkFault) -> Vec<Primitive> {
    let LinkFault { from, to, both, by, lasts } = *fault;
    let mut links = vec![Primitive::Link { from, to, by, lasts }];
    links.extend(both.then_some(Primitive::Link { from: to, to: from, by, lasts }));
    links
}

pub(super) fn words(fault: &LinkFault) -> String {
    let LinkFault { from, to, both, by, lasts } = *fault;
    let way = if both { format!("between {from} and {to}") } else { format!("from {from} to {to}") };
    match by {
        None => format!("nothing gets through {way} for {lasts}"),
        Some(by) => format!("everything {way} is {by} late for {lasts}"),
    }
}
