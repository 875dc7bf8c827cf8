//! What happens at the external system of a sink.

use super::{Kind, Primitive};
use crate::plan::Plan;
use crate::scenario::{ExternalFault, ExternalMishap};

pub(super) static KIND: Kind = Kind {
    name: "external",
    about: "The system behind a sink is `down`; or its oldest transaction is too old (`expire`), a commit is lost \
            (`lose-commit`), the answer to one is (`lose-reply`), or a write fails (`fail-write`).",
    example: r#""external": {"of": "sink", "do": "down", "for": "2s"}"#,
};

pub(super) fn primitives(fault: &ExternalFault, plan: &Plan) -> Vec<Primitive> {
    let operator = plan.operator_named(&fault.of).expect("sinks that faults name are checked");
    vec![Primitive::External { operator, does: fault.does }]
}

pub(super) fn words(fault: &ExternalFault) -> String {
    let ExternalFault { of, does } = fault;
    match does {
        ExternalMishap::Down(lasts) => format!("the system that {of} writes to does not answer for {lasts}"),
        ExternalMishap::Expire => format!("the oldest transaction of {of} that is not committed is too old"),
        ExternalMishap::LoseCommit => format!("the next commit of {of} is lost, and an error comes back"),
        ExternalMishap::LoseReply => format!("the next commit of {of} succeeds, and an error comes back"),
        ExternalMishap::FailWrite => format!("a write of {of} fails, and the next flush finds out"),
    }
}
