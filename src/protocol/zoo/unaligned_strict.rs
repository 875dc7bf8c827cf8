//! Unaligned barriers that never align, as in the textbook.
//!
//! Like `unaligned`, but whatever barrier comes first starts the checkpoint, a blocking one too. Flink has this handler
//! for its tests. It cannot take a barrier that is forced to align as the first of its checkpoint - the task fails -
//! so it is for jobs without edges that forbid overtaking.

use crate::base::Span;
use crate::protocol::barriers::{self, Mode};
use crate::protocol::{
    BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, JobSite, Needs, Protocol, Style,
    TaskRole, TaskSite,
};

/// `unaligned-strict`.
pub struct UnalignedStrict;

impl Protocol for UnalignedStrict {
    fn name(&self) -> &'static str {
        "unaligned-strict"
    }

    fn about(&self) -> &'static str {
        "the first barrier of any kind starts the checkpoint; fails where an edge forbids overtaking"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: true,
            coordinated_cut: true,
            concurrent: false,
            edges: Edges::Overtaking,
            savepoints: false,
            cycles: false,
            global_restart: true,
            lossy: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs { sender_log: false, channel_state: true }
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        barriers::single(site, Mode::Unaligned, BarrierKind::Overtaking, Span::ZERO)
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Overtaking, captures: true }))
    }
}
