//! Aligned barriers that turn into unaligned ones when alignment takes too long.
//!
//! Barriers block their channels as in `aligned`, but receivers hear of them as soon as they arrive. When a checkpoint
//! is older than the timeout and a task has not all of its barriers, those that have arrived overtake the data before
//! them, the task captures its inputs and starts the checkpoint; what still waits at outputs overtakes, too. While the
//! job keeps up, checkpoints are small; when it does not, they still come through.

use crate::base::Span;
use crate::protocol::barriers::{self, Mode};
use crate::protocol::{
    BarrierCoordinator, BarrierKind, Claims, CoordinatorRole, Delivery, Edges, JobSite, Needs, ParameterSpec, Protocol,
    Settings, Style, TaskRole, TaskSite,
};

/// `aligned-timeout`.
pub struct AlignedTimeout;

impl Protocol for AlignedTimeout {
    fn name(&self) -> &'static str {
        "aligned-timeout"
    }

    fn about(&self) -> &'static str {
        "barriers block as in aligned, and overtake the data once the checkpoint is older than a timeout"
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

    fn parameters(&self) -> &'static [ParameterSpec] {
        &[ParameterSpec {
            name: "timeout",
            default: "1s",
            about: "how long a checkpoint may align, counted from its trigger; 0s never aligns",
            tries: &["0s", "500us", "2ms", "8ms", "1s"],
        }]
    }

    fn task(&self, site: &TaskSite<'_>) -> Box<dyn TaskRole> {
        barriers::single(site, Mode::Alternating, kind(site.settings), site.settings.parameters[0])
    }

    fn coordinator(&self, site: &JobSite<'_>) -> Box<dyn CoordinatorRole> {
        Box::new(BarrierCoordinator::new(site, Style { kind: kind(site.settings), captures: true }))
    }
}

/// Without any time to align in, barriers overtake from the start.
fn kind(settings: &Settings) -> BarrierKind {
    if settings.parameters[0] == Span::ZERO { BarrierKind::Overtaking } else { BarrierKind::Timeoutable }
}
