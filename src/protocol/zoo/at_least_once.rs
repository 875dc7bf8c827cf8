//! Barriers that block nothing: Flink's at-least-once mode.
//!
//! A task goes on reading behind a barrier, and takes its snapshot when barriers have come on all ports. Records that
//! it read before that are in its snapshot and yet behind the barrier: after a failure they come again and count twice.
//! With one input per task nothing can come twice.

use crate::protocol::barriers;
use crate::protocol::{
    BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, JobSite, Protocol, Style, TaskRole,
    TaskSite,
};

/// `at-least-once`.
pub struct AtLeastOnce;

impl Protocol for AtLeastOnce {
    fn name(&self) -> &'static str {
        "at-least-once"
    }

    fn about(&self) -> &'static str {
        "barriers are counted and block nothing; after a failure records may count twice"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::AtLeastOnce,
            coordinated: true,
            coordinated_cut: false,
            concurrent: true,
            edges: Edges::Any,
            savepoints: true,
            cycles: false,
            global_restart: true,
            lossy: true,
        }
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        barriers::tracker(site)
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Plain, captures: false }))
    }
}
