//! The coordinator is gone with all it had in memory. Somebody takes over after a while, from what is recorded, and
//! restarts the job.

use super::{Kind, Primitive};

pub(super) static KIND: Kind = Kind {
    name: "kill",
    about: "The coordinator is gone with all it knew; somebody takes over from what is recorded.",
    example: r#""kill": "coordinator""#,
};

pub(super) fn primitives() -> Vec<Primitive> {
    vec![Primitive::CrashCoordinator]
}

pub(super) fn words() -> String {
    "the coordinator is gone".to_owned()
}
