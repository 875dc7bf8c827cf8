//! Mutants: single wrong decisions that can be put into a correct implementation, to see whether somebody notices.
//!
//! A mutant is a line of the table here and one condition at the place where the decision is made
//! ([`crate::protocol::Settings::has`]). It says which check should catch it and which real bug it restates. Off, it
//! costs a comparison of two bytes in places that are not hot; and no scenario can name one, so nobody meets it by
//! accident: only [`crate::world::Job::compile_mutant`] takes it.
//!
//! Each passes a run in which nothing goes wrong: one that breaks everything would prove nothing about the checks.

macro_rules! mutants {
    ($( $(#[doc = $about:literal])* $mutant:ident $name:literal { $area:ident, $restates:literal, $check:literal } )*) => {
        /// A single wrong decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Mutant {
            $( $(#[doc = $about])* $mutant, )*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$mutant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$mutant => $name),* }
            }

            /// The wrong decision, in words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$mutant => concat!($($about),*).trim_ascii_start()),* }
            }

            /// Where the decision is made.
            pub fn area(self) -> Area {
                match self { $(Self::$mutant => Area::$area),* }
            }

            /// The bug of a real engine that it restates; empty: our own.
            pub fn restates(self) -> &'static str {
                match self { $(Self::$mutant => $restates),* }
            }

            /// The check that should catch it.
            pub fn check(self) -> &'static str {
                match self { $(Self::$mutant => $check),* }
            }
        }
    };
}

mutants! {
    /// A late barrier of a checkpoint that was given up is dropped without releasing its port.
    StaleBarrierKeepsPort "stale-barrier-keeps-port" { Alignment, "B07", "liveness" }
    /// A checkpoint that expires does not count as a failure, so that a job none of whose checkpoints completes goes on.
    ExpiryIsNoFailure "expiry-is-no-failure" { Coordinator, "B38", "liveness" }
    /// When a reader fails, its splits go back to the enumerator as of what is recorded then, not of what it is restored to.
    SplitsReturnedAtFailure "splits-returned-at-failure" { Sources, "B57", "splits" }
    /// Tasks are told of a checkpoint although a split that was handed out has not arrived.
    SplitsNotConfirmed "splits-not-confirmed" { Sources, "B59", "splits" }
    /// The enumerator's part of a checkpoint is without the splits that readers lost and that it has not handed out again.
    ReturnedSplitsNotSaved "returned-splits-not-saved" { Sources, "B60", "splits" }
    /// An enumerator that goes back to a checkpoint plans all splits anew besides.
    SplitsDiscoveredAgain "splits-discovered-again" { Sources, "B63", "splits" }
    /// Splits are handed out between the enumerator's part of a checkpoint and the reader's.
    SplitGateLeftOpen "split-gate-left-open" { Sources, "", "splits" }
    /// The enumerator's part of a checkpoint is taken when that is recorded.
    SplitsSavedLate "splits-saved-late" { Sources, "", "splits" }
    /// A reader that goes back loses the splits, too, that its restore point is the first one to hold.
    CoveredSplitsReturned "covered-splits-returned" { Sources, "", "splits" }
}

/// Where a wrong decision is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// How a task handles barriers.
    Alignment,
    /// What is captured of channels, and put back.
    ChannelState,
    /// Buffers, credits and wake-ups.
    FlowControl,
    /// The coordinator: triggers, completion, failures, retention.
    Coordinator,
    /// What a restart goes back to, and how.
    Recovery,
    /// Storage, local copies, metadata and takeovers.
    Storage,
    /// Splits of sources, and offsets.
    Sources,
    /// Sinks, transactions and committers.
    Sinks,
}

impl Area {
    /// The word for it in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alignment => "alignment",
            Self::ChannelState => "channel state",
            Self::FlowControl => "flow control",
            Self::Coordinator => "coordinator",
            Self::Recovery => "recovery",
            Self::Storage => "storage",
            Self::Sources => "sources",
            Self::Sinks => "sinks",
        }
    }
}

impl Mutant {
    /// The mutant of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }
}
