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
    /// The slot of a transaction is given to another one as soon as it is committed, and recovery addresses transactions by slot.
    SlotFreedAtCommit "slot-freed-at-commit" { Sinks, "B66", "output" }
    /// A sink's identity depends on where it runs, so that nobody fences what ran elsewhere.
    FenceByPlace "fence-by-place" { Sinks, "B68", "commits" }
    /// A flush does not look at writes that have failed.
    FlushIgnoresErrors "flush-ignores-errors" { Sinks, "B70", "output" }
    /// Whoever has seen the end of its input commits everything at the next completion, whatever it belongs to.
    EndCommitsAll "end-commits-all" { Sinks, "B71", "commits" }
    /// Barriers may overtake what a sink hands to its committer.
    CommittablesOvertaken "committables-overtaken" { Sinks, "B73", "output" }
    /// A restored committer keeps one committable for each checkpoint.
    CommittablesMerged "committables-merged" { Sinks, "B74", "output" }
    /// A sink that has prepared nothing tells its committer nothing.
    NothingIsNotTold "nothing-is-not-told" { Sinks, "B75", "liveness" }
    /// A restored sink does not ask how far it had written.
    OffsetsIgnored "offsets-ignored" { Sinks, "B77", "output" }
    /// A completion commits what belongs to that very checkpoint, and nothing older.
    CommitsOnlyThat "commits-only-that" { Sinks, "B44", "output" }
    /// The offset of the last record is stored instead of that of the next.
    OffsetsOfLastRecord "offsets-of-last-record" { Sinks, "B62", "output" }
    /// Offsets are stored when records are written, not when they are committed.
    OffsetsAtWrite "offsets-at-write" { Sinks, "B65", "output" }
    /// A transaction holds its buffer by reference: what is written later is committed with it.
    BufferByReference "buffer-by-reference" { Sinks, "B99", "output" }
    /// Which row a record is written to depends on the attempt.
    RowsByAttempt "rows-by-attempt" { Sinks, "B100", "output" }
    /// A sink commits for a savepoint what only a checkpoint makes safe.
    SavepointCommits "savepoint-commits" { Sinks, "", "commits" }
    /// A sink that is told that a checkpoint was given up commits what it had prepared for it.
    CommitOnAbort "commit-on-abort" { Sinks, "", "commits" }
    /// A restored sink leaves transactions open that its state does not know.
    RestoreAbortsNothing "restore-aborts-nothing" { Sinks, "", "commits" }
    /// What was committed is committed again if nobody heard that it was.
    CommitsAgain "commits-again" { Sinks, "", "commits" }
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
