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
