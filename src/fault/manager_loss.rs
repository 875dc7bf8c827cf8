//! A task manager is gone: its tasks, its local copies of snapshots, its connections. Others only notice that they do
//! not hear of it any more; the job needs another one in its place.

use super::Primitive;

pub(super) fn primitives(manager: u32) -> Vec<Primitive> {
    vec![Primitive::Crash(manager)]
}
