//! The storage fails a write, is slow, succeeds and says it failed, or shows the file late.

use super::{Kind, Primitive, about, task_of};
use crate::plan::Plan;
use crate::scenario::{WriteFault, WriteMishap};

pub(super) static KIND: Kind = Kind {
    name: "write",
    about: "Snapshots whose write may `fail`, be `slow`, `deny` that it succeeded, or `hide` the file.",
    example: r#""write": {"of": "count[1]", "times": 2, "do": "slow", "by": "300ms"}"#,
};

pub(super) fn primitives(fault: &WriteFault, plan: &Plan) -> Vec<Primitive> {
    let WriteFault { of, checkpoint, times, does } = fault;
    let task = of.as_ref().map(|name| task_of(name, plan));
    vec![Primitive::Write { task, checkpoint: *checkpoint, times: *times, does: *does }]
}

pub(super) fn words(fault: &WriteFault) -> String {
    let WriteFault { of, checkpoint, times, does } = fault;
    let writes = if *times == 1 { "the next write".to_owned() } else { format!("each of the next {times} writes") };
    let whose = of.as_ref().map_or(String::new(), |name| format!(" by {name}"));
    let does = match does {
        WriteMishap::Fail => "fails".to_owned(),
        WriteMishap::Slow(by) => format!("takes {by} longer"),
        WriteMishap::Deny => "succeeds and is said to have failed".to_owned(),
        WriteMishap::Hide(by) => format!("succeeds and cannot be read for {by}"),
    };
    format!("{writes} of a snapshot{whose}{} {does}", about(*checkpoint))
}
