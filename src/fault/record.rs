//! The metadata store does not do what it was asked to, or does not say whether it did.

use super::{Kind, Primitive};
use crate::scenario::RecordMishap;

pub(super) static KIND: Kind = Kind {
    name: "record",
    about: "The next record that a checkpoint is complete `fails`, or nobody is told whether it was stored: it \
            was (`stored-but-unknown`), or was not (`lost-and-unknown`).",
    example: r#""record": "stored-but-unknown""#,
};

pub(super) fn primitives(mishap: RecordMishap) -> Vec<Primitive> {
    vec![Primitive::Record(mishap)]
}

pub(super) fn words(mishap: RecordMishap) -> String {
    let does = match mishap {
        RecordMishap::Fail => "fails",
        RecordMishap::Deny => "is stored, and nobody is told whether it was",
        RecordMishap::Vanish => "is not stored, and nobody is told whether it was",
    };
    format!("the next record that a checkpoint is complete {does}")
}
