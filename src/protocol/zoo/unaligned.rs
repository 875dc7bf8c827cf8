//! Unaligned barriers: they go before all data, and what they pass becomes part of the checkpoint.
//!
//! The first barrier starts the checkpoint at a task. What is queued at its inputs before the barriers of the other
//! channels, and what still comes there, is saved; so is what waits at its outputs. Nothing is blocked, and the time a
//! checkpoint takes does not depend on how full the channels are; its size does.
//!
//! The handler is the one that aligns until a timeout, with no time at all: savepoints align, and so do barriers on
//! edges that forbid overtaking.

use crate::base::Span;
use crate::protocol::barriers::{self, Mode};
use crate::protocol::{
    BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, JobSite, Needs, Protocol, Style,
    TaskRole, TaskSite,
};

/// `unaligned`.
pub struct Unaligned;

impl Protocol for Unaligned {
    fn name(&self) -> &'static str {
        "unaligned"
    }

    fn about(&self) -> &'static str {
        "barriers overtake the data in channels, which is saved with the state"
    }

    fn claims(&self) -> Claims {
        Claims {
            delivery: Delivery::ExactlyOnce,
            coordinated: true,
            coordinated_cut: true,
            concurrent: false,
            edges: Edges::Alike,
            savepoints: true,
            cycles: false,
            global_restart: true,
            lossy: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs { sender_log: false, channel_state: true }
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        barriers::single(site, Mode::Alternating, BarrierKind::Overtaking, Span::ZERO)
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: BarrierKind::Overtaking, captures: true }))
    }
}
