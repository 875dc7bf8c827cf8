//! Which faults can never strike in which windows, and why: what a table of strikes leaves out, it has to explain.

use super::Window;
use crate::protocol::Protocol;

/// Faults, windows and protocols that never come together.
struct Never {
    /// What the names of the faults begin with; empty: all.
    faults: &'static [&'static str],
    /// Empty: all.
    windows: &'static [Window],
    of: fn(&dyn Protocol) -> bool,
    why: &'static str,
}

const NEVER: &[Never] = &[
    Never {
        faults: &["message-lost", "write-fails", "write-denied", "file-spoiled", "record-"],
        windows: &[],
        of: |protocol| !protocol.claims().lossy,
        why: "the protocol does not claim to stand that, so nobody tries it",
    },
    Never {
        faults: &[],
        windows: &[Window::Preparing, Window::Barriers, Window::Unrecorded, Window::Unnotified],
        of: |protocol| !protocol.claims().coordinated,
        why: "it has no checkpoints of the whole job",
    },
    Never {
        faults: &["coordinator-loss"],
        windows: &[Window::CoordinatorLost],
        of: |_| true,
        why: "who is lost cannot be lost again",
    },
];

/// Why a fault never strikes in a window of a protocol's runs; `None` if it can.
pub(super) fn why_never(protocol: &dyn Protocol, fault: &str, window: Window) -> Option<&'static str> {
    let fits = |never: &&Never| {
        (never.faults.is_empty() || never.faults.iter().any(|start| fault.starts_with(start)))
            && (never.windows.is_empty() || never.windows.contains(&window))
            && (never.of)(protocol)
    };
    NEVER.iter().find(fits).map(|never| never.why)
}
