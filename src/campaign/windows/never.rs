//! Which faults cannot strike in which windows, and why: what a table of strikes leaves out, it has to explain.
//!
//! Some can, but only if two rare things meet that no generator can aim at. Those are counted, but nothing is
//! expected of the count.

use super::Window;
use crate::protocol::Protocol;

/// Faults, windows and protocols that never come together, or hardly ever.
struct Apart {
    /// What the names of the faults begin with; empty: all.
    faults: &'static [&'static str],
    /// Empty: all.
    windows: &'static [Window],
    of: fn(&dyn Protocol) -> bool,
    how: How,
    why: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Never,
    Seldom,
}

fn all(_: &dyn Protocol) -> bool {
    true
}

fn coordinated(protocol: &dyn Protocol) -> bool {
    protocol.claims().coordinated
}

/// Faults that lie in wait for something of a checkpoint to be written. Messages may be about splits, at any time.
const TRAPS: &[&str] = &["write-", "record-"];

/// The first line that fits is the reason.
const APART: &[Apart] = &[
    Apart {
        faults: &["message-lost", "write-fails", "write-denied", "file-spoiled", "record-"],
        windows: &[],
        of: |protocol| !protocol.claims().lossy,
        how: How::Never,
        why: "the protocol does not claim to stand that, so nobody tries it",
    },
    Apart {
        faults: &[],
        windows: &[Window::Preparing, Window::Barriers, Window::Unrecorded, Window::Unnotified],
        of: |protocol| !coordinated(protocol),
        how: How::Never,
        why: "it has no checkpoints of the whole job",
    },
    Apart {
        faults: &["coordinator-loss"],
        windows: &[Window::CoordinatorLost],
        of: all,
        how: How::Never,
        why: "who is lost cannot be lost again",
    },
    Apart {
        faults: TRAPS,
        windows: &[Window::First],
        of: coordinated,
        how: How::Never,
        why: "before the first checkpoint nothing of one is written",
    },
    Apart {
        faults: &["file-spoiled"],
        windows: &[Window::First],
        of: coordinated,
        how: How::Never,
        why: "before the second checkpoint there is none to go back to",
    },
    Apart {
        faults: &["write-"],
        windows: &[Window::First, Window::Idle],
        of: |protocol| !coordinated(protocol),
        how: How::Never,
        why: "what is written belongs to a snapshot that nobody has acknowledged",
    },
    Apart {
        faults: &["record-"],
        windows: &[Window::Idle],
        of: all,
        how: How::Never,
        why: "a record belongs to a checkpoint that is under way",
    },
    Apart {
        faults: &[],
        windows: &[Window::Channels],
        of: |protocol| !protocol.replays_channels(),
        how: How::Never,
        why: "its checkpoints hold nothing of channels",
    },
    Apart {
        faults: TRAPS,
        windows: &[Window::Restoring, Window::Channels],
        of: coordinated,
        how: How::Seldom,
        why: "checkpoints are given up at a failure, and none begins before all have recovered: only what another region \
              had begun",
    },
    Apart {
        faults: &["write-"],
        windows: &[Window::Down],
        of: coordinated,
        how: How::Seldom,
        why: "tasks that are stopped write nothing: only what another region had begun",
    },
    Apart {
        faults: &["message-", "write-"],
        windows: &[Window::Unrecorded],
        of: all,
        how: How::Seldom,
        why: "all of this checkpoint is acknowledged: only while another one is under way",
    },
    Apart {
        faults: &["write-"],
        windows: &[Window::Preparing],
        of: |protocol| !protocol.claims().concurrent,
        how: How::Seldom,
        why: "one checkpoint at a time: only what is still written for one that has just been given up",
    },
    Apart {
        faults: &["write-"],
        windows: &[Window::Idle],
        of: all,
        how: How::Seldom,
        why: "only what is still written for a checkpoint that has just been given up",
    },
    Apart {
        faults: &["record-"],
        windows: &[Window::Preparing, Window::Barriers, Window::Unacknowledged],
        of: all,
        how: How::Seldom,
        why: "all of this checkpoint is acknowledged: only while another one is under way",
    },
    Apart {
        faults: &["commit-"],
        windows: &[
            Window::First,
            Window::Down,
            Window::Restoring,
            Window::Channels,
            Window::Replaying,
            Window::Recovering,
            Window::CoordinatorLost,
            Window::ManagerSilent,
        ],
        of: |protocol| !coordinated(protocol),
        how: How::Seldom,
        why: "it completes no checkpoint, and sinks commit when the job ends: only a failure in the midst of that",
    },
    Apart {
        faults: &["commit-"],
        windows: &[Window::Unrecorded],
        of: |protocol| !protocol.claims().concurrent,
        how: How::Seldom,
        why: "one checkpoint at a time: only a sink that has not heard of the one before, and took part in this one",
    },
    Apart {
        faults: &["message-", "flush-"],
        windows: &[Window::Channels],
        of: coordinated,
        how: How::Seldom,
        why: "no checkpoint begins before all have read what was put back: only in another region",
    },
    Apart {
        faults: &["flush-"],
        windows: &[Window::Restoring],
        of: coordinated,
        how: How::Seldom,
        why: "sinks flush at barriers, and none comes before all have their state: only in another region",
    },
    Apart {
        faults: &["message-"],
        windows: &[Window::First, Window::Idle],
        of: |protocol| !coordinated(protocol),
        how: How::Seldom,
        why: "between snapshots only the last ones are asked for",
    },
];

/// Why a fault never strikes in a window of a protocol's runs; `None` if it can.
pub(super) fn why_never(protocol: &dyn Protocol, fault: &str, window: Window) -> Option<&'static str> {
    apart(protocol, fault, window).filter(|apart| apart.how == How::Never).map(|apart| apart.why)
}

/// Why it can, and hardly ever does.
pub(super) fn why_seldom(protocol: &dyn Protocol, fault: &str, window: Window) -> Option<&'static str> {
    apart(protocol, fault, window).filter(|apart| apart.how == How::Seldom).map(|apart| apart.why)
}

fn apart(protocol: &dyn Protocol, fault: &str, window: Window) -> Option<&'static Apart> {
    APART.iter().find(|apart| {
        (apart.faults.is_empty() || apart.faults.iter().any(|start| fault.starts_with(start)))
            && (apart.windows.is_empty() || apart.windows.contains(&window))
            && (apart.of)(protocol)
    })
}
