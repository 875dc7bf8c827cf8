//! The metadata store does not do what it was asked to, or does not say whether it did.

use super::Primitive;
use crate::scenario::RecordMishap;

pub(super) fn primitives(mishap: RecordMishap) -> Vec<Primitive> {
    vec![Primitive::Record(mishap)]
}
