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
    /// When nobody knows whether a record was written, it counts as not written, and the files are deleted.
    UnknownIsNotStored "unknown-is-not-stored" { Storage, "B84", "files" }
    /// A coordinator that is lost takes its records with it, as if the job had ended.
    CleansUpWhenLost "cleans-up-when-lost" { Storage, "B85", "restore" }
    /// Whoever takes over takes the records in the order of their names: 9 comes after 10.
    RecordsByName "records-by-name" { Storage, "B86", "restore" }
    /// A checkpoint that cannot be read is tried again and again.
    NeverFallsBack "never-falls-back" { Recovery, "B87", "liveness" }
    /// A restart leaves alone what is being recorded, and it completes when its files are gone.
    RecordSurvivesRestart "record-survives-restart" { Recovery, "B89", "files" }
    /// Nobody waits for an answer to a trigger: a checkpoint never expires.
    FireAndForget "fire-and-forget" { Coordinator, "B90", "liveness" }
    /// A restart goes back to a checkpoint that all tasks have acknowledged and that is not recorded.
    RestoresUnrecorded "restores-unrecorded" { Recovery, "B91", "restore" }
    /// A task's word that it will have no part counts against whatever is pending, also if it is about something else.
    DeclineHitsNewest "decline-hits-newest" { Coordinator, "B94", "aborts" }
    /// With local copies, a task on a machine that is still there goes on from whatever it had in memory.
    DirtyLocalState "dirty-local-state" { Storage, "B56", "restore" }
    /// The local copies of operators in a chain have one name, and the last one to write wins.
    LocalCopiesCollide "local-copies-collide" { Storage, "B54", "restore" }
    /// Whoever takes over begins to count where the newest record ends.
    CounterStartsOver "counter-starts-over" { Storage, "", "ids" }
    /// The record that a lost coordinator had begun to write is stored whoever has taken over meanwhile.
    UnfencedRecord "unfenced-record" { Storage, "", "files" }
    /// An acknowledgement that comes twice counts twice.
    DoubledAckCounts "doubled-ack-counts" { Coordinator, "", "completion" }
    /// A file that cannot be read yet is taken for lost.
    HiddenIsGone "hidden-is-gone" { Recovery, "", "restore" }
    /// A failed task is restored alone, and those it exchanges data with go on.
    RegionOfOne "region-of-one" { Recovery, "", "restore" }
    /// A machine that nobody has heard of for too long is given up, and its tasks are not restarted.
    LostAndForgotten "lost-and-forgotten" { Recovery, "", "liveness" }
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
