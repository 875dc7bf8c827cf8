//! Aligned barriers: Flink's exactly-once mode without unaligned checkpoints.
//!
//! A barrier blocks its channel. When barriers have come on all ports the task passes the barrier on, takes its
//! snapshot and unblocks. A newer checkpoint's barrier gives up an older one that is still aligning; a late barrier of
//! an abandoned checkpoint must still release its channel.
//!
//! A task that hears from the coordinator that a checkpoint was given up goes on aligning all the same: what it sends
//! in the end is a cancel marker. If it kept silent the tasks behind it would wait with blocked channels; these stop
//! the sources through full buffers, and then no newer barrier can come to free them.

use crate::base::Span;
use crate::protocol::barriers::{self, Mode};
use crate::protocol::{
    BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, JobSite, Protocol, Style, TaskRole,
    TaskSite,
};

/// `aligned`.
pub struct Aligned;

impl Protocol for Aligned {
    fn name(&self) -> &'static str {
        "aligned"
    }

    fn about(&self) -> &'static str {
        "barriers block their channel until the task has them all (Flink's default)"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: true,
            coordinated_cut: true,
            concurrent: true,
            edges: Edges::Any,
            savepoints: true,
            cycles: false,
            global_restart: true,
            lossy: true,
        }
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        barriers::single(site, Mode::Aligned, BarrierKind::Blocking, Span::ZERO)
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Blocking, captures: false }))
    }
}
