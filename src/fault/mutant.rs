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

            /// The bug of a real engine that it restates, by the key of its public issue or pull request; where there is
            /// none, what real engines have to be careful of. Empty: our own.
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
    StaleBarrierKeepsPort "stale-barrier-keeps-port" { Alignment, "a guard in Flink", "wake-up" }
    /// A port goes on as soon as its barrier was read, before the snapshot.
    PortsFreeBeforeSnapshot "ports-free-before-snapshot" { Alignment, "an order in Flink", "cut" }
    /// A task whose inputs have all ended waits for barriers on them when the coordinator triggers it.
    WaitsForEndedPorts "waits-for-ended-ports" { Alignment, "FLINK-23771", "liveness" }
    /// With three ports and more, alignment ends with the last barrier but one.
    OneBarrierIsNotAwaited "one-barrier-is-not-awaited" { Alignment, "", "cut" }
    /// Alignment that is given up leaves the ports blocked that have had their barrier.
    GivenUpKeepsPorts "given-up-keeps-ports" { Alignment, "", "wake-up" }
    /// Alignment still waits for a port that ended after it began.
    EndedPortIsAwaited "ended-port-is-awaited" { Alignment, "", "liveness" }
    /// With three ports and more, the counter of barriers takes the last but one for the last.
    TrackerCountsOneTooMany "tracker-counts-one-too-many" { Alignment, "", "restore" }
    /// The second marker of a snapshot ends the recording of all ports.
    SecondMarkerEndsAll "second-marker-ends-all" { Alignment, "", "cut" }
    /// A task acknowledges a savepoint when the synchronous part is over, before its snapshot is stored.
    AcksSavepointBeforeStored "acks-savepoint-before-stored" { Alignment, "", "completion" }
    /// A task fails when it hears of a completion that it knows of, or that is older than one it knows of.
    LateCompletionFails "late-completion-fails" { Alignment, "FLINK-10377", "liveness" }
    /// A task that has seen all of its data ends with the next completion, although that checkpoint began before.
    EndsWithAnyCheckpoint "ends-with-any-checkpoint" { Alignment, "", "output" }
    /// When a checkpoint begins, a channel that has had an older barrier counts as one that has had its own.
    AnyBarrierCounts "any-barrier-counts" { ChannelState, "FLINK-21104", "persisted" }
    /// After the first overtaking barrier the task finishes a buffer of which one record is left, then takes its snapshot.
    ReadsOnBeforeSnapshot "reads-on-before-snapshot" { ChannelState, "FLINK-17568", "persisted" }
    /// Where checkpoints overtake, the barriers of savepoints do, too, and what they pass is not saved.
    SavepointOvertakes "savepoint-overtakes" { ChannelState, "FLINK-18252", "cut" }
    /// The place of an older barrier that was given up is taken for the end of what a newer checkpoint saves of a channel.
    StaleBarrierBoundsCapture "stale-barrier-bounds-capture" { ChannelState, "FLINK-20654", "persisted" }
    /// A late barrier of an older checkpoint ends the capture of its channel for a newer one.
    StaleBarrierEndsCapture "stale-barrier-ends-capture" { ChannelState, "FLINK-20097", "persisted" }
    /// When a capture is given up, floating buffers are freed that are still to be read.
    GivenUpFreesTwice "given-up-frees-twice" { ChannelState, "FLINK-20654", "buffers" }
    /// Only the channels of a task's first input are captured.
    OnlyTheFirstGateIsSaved "only-the-first-gate-is-saved" { ChannelState, "FLINK-18139", "cut" }
    /// What a barrier had overtaken at the sender is put back before what it had overtaken at the receiver.
    OutputIsPutBackFirst "output-is-put-back-first" { ChannelState, "FLINK-19907", "order" }
    /// If one record is left of the buffer that is being read when a capture begins, it is not saved.
    LastOfHalfReadIsNotSaved "last-of-half-read-is-not-saved" { ChannelState, "", "persisted" }
    /// A marker does not record what is left of the buffer that is being read.
    MarkerForgetsHalfRead "marker-forgets-half-read" { ChannelState, "", "cut" }
    /// When a barrier that waited at an output overtakes at last, what it passes is not saved.
    LateOutputIsNotSaved "late-output-is-not-saved" { ChannelState, "", "cut" }
    /// A snapshot counts as stored although channels are still being captured for it.
    StoredWithoutChannels "stored-without-channels" { ChannelState, "", "cut" }
    /// What was captured at receivers is not put back by a restart.
    CapturedIsNotPutBack "captured-is-not-put-back" { ChannelState, "", "restore" }
    /// What was captured at senders is not put back by a restart.
    OvertakenIsNotPutBack "overtaken-is-not-put-back" { ChannelState, "", "restore" }
    /// Checkpoints begin before tasks have read what a restart put into their inputs.
    CheckpointsWhileRecovering "checkpoints-while-recovering" { ChannelState, "FLINK-40016", "persisted" }
    /// A task that waits for output buffers is woken only when its pool was full, not when one of its channels was.
    OnlyFullPoolsWake "only-full-pools-wake" { FlowControl, "FLINK-23466", "wake-up" }
    /// A receiver that waits for a floating buffer announces no credit for its own ones.
    NoCreditWhileWaiting "no-credit-while-waiting" { FlowControl, "", "buffers" }
    /// Credits that were announced before a restart count after it.
    CreditsOutliveRestart "credits-outlive-restart" { FlowControl, "", "buffers" }
    /// A sender that is let go does not look whether it has something to send.
    ReleaseWakesNobody "release-wakes-nobody" { FlowControl, "", "wake-up" }
    /// A task ends although what it sent last was not read by everybody.
    EndsBeforeAllIsRead "ends-before-all-is-read" { Alignment, "", "cut" }
    /// A task that stands still within its last record sends the end of data before the rest of it.
    EndPassesTheStalled "end-passes-the-stalled" { FlowControl, "", "records" }
    /// A restart leaves one segment of a channel with its dead sender.
    RestoreKeepsASegment "restore-keeps-a-segment" { FlowControl, "", "buffers" }
    /// A restart does not give floating buffers back that had arrived and were not read.
    RestoreForgetsArrived "restore-forgets-arrived" { FlowControl, "", "buffers" }
    /// A restart does not give the floating buffer back that was being read.
    HalfReadKeepsItsBuffer "half-read-keeps-its-buffer" { FlowControl, "", "buffers" }
    /// When nobody knows whether a record was written, it counts as not written, and the files are deleted.
    UnknownIsNotStored "unknown-is-not-stored" { Storage, "FLINK-22494", "files" }
    /// A coordinator that is lost takes its records with it, as if the job had ended.
    CleansUpWhenLost "cleans-up-when-lost" { Storage, "FLINK-25486", "restore" }
    /// Whoever takes over takes the records in the order of their names: 9 comes after 10.
    RecordsByName "records-by-name" { Storage, "FLINK-6284", "restore" }
    /// A checkpoint that cannot be read is tried again and again.
    NeverFallsBack "never-falls-back" { Recovery, "FLINK-8807", "liveness" }
    /// Nobody waits for an answer to a trigger: a checkpoint never expires.
    FireAndForget "fire-and-forget" { Coordinator, "Jet 1435", "liveness" }
    /// A task's word that it will have no part counts against whatever is pending, also if it is about something else.
    DeclineHitsNewest "decline-hits-newest" { Coordinator, "FLINK-13593", "aborts" }
    /// With local copies, a task on a machine that is still there goes on from whatever it had in memory.
    DirtyLocalState "dirty-local-state" { Storage, "KAFKA-7192", "restore" }
    /// The local copies of operators in a chain have one name, and the last one to write wins.
    LocalCopiesCollide "local-copies-collide" { Storage, "FLINK-12296", "restore" }
    /// Whoever takes over begins to count where the newest record ends.
    CounterStartsOver "counter-starts-over" { Storage, "", "ids" }
    /// The record that a lost coordinator had begun to write is stored whoever has taken over meanwhile.
    UnfencedRecord "unfenced-record" { Storage, "", "files" }
    /// An acknowledgement that comes twice counts twice.
    DoubledAckCounts "doubled-ack-counts" { Coordinator, "", "completion" }
    /// A file that cannot be read yet is taken for lost.
    HiddenIsGone "hidden-is-gone" { Recovery, "", "output" }
    /// A failed task is restored alone, and those it exchanges data with go on.
    RegionOfOne "region-of-one" { Recovery, "", "restore" }
    /// A machine that nobody has heard of for too long is given up, and its tasks are not restarted.
    LostAndForgotten "lost-and-forgotten" { Recovery, "", "liveness" }
    /// A checkpoint that expires does not count as a failure, so that a job none of whose checkpoints completes goes on.
    ExpiryIsNoFailure "expiry-is-no-failure" { Coordinator, "FLINK-17351", "failures" }
    /// The preparations of a checkpoint that was given up meanwhile are never over.
    GivenUpWhilePrepared "given-up-while-prepared" { Coordinator, "FLINK-27148", "liveness" }
    /// A savepoint takes the place of a checkpoint among those that are kept.
    SavepointIsKept "savepoint-is-kept" { Coordinator, "FLINK-21351", "restore" }
    /// Tasks are told of a savepoint that no restart goes back to, and commit.
    SavepointIsTold "savepoint-is-told" { Coordinator, "FLINK-6328", "completion" }
    /// A checkpoint that completes does not give older ones up.
    OlderIsNotSubsumed "older-is-not-subsumed" { Coordinator, "", "completion" }
    /// Tasks are told of the savepoint that ends the job before its metadata is written.
    LastIsToldBeforeTheRecord "last-is-told-before-the-record" { Coordinator, "", "completion" }
    /// If the checkpoint that covers the end of the data fails, no other is asked for.
    LastCheckpointIsTriedOnce "last-checkpoint-is-tried-once" { Coordinator, "", "liveness" }
    /// After a restart tasks that had ended are to acknowledge, too.
    AwaitsTheEnded "awaits-the-ended" { Coordinator, "", "liveness" }
    /// Only sources are triggered, even if those before other tasks have ended.
    OnlySourcesAreTold "only-sources-are-told" { Coordinator, "", "liveness" }
    /// After a restart the last snapshots of tasks that have ended are deleted with all older ones.
    DropsWhatTheEndedNeed "drops-what-the-ended-need" { Coordinator, "", "files" }
    /// A job that is restarted after its last savepoint takes itself for stopped.
    StopSurvivesRestart "stop-survives-restart" { Coordinator, "FLINK-21030", "liveness" }
    /// What a task sent before a restart counts after it.
    AnyAttemptReports "any-attempt-reports" { Coordinator, "FLINK-13593", "liveness" }
    /// A restart after the job's last savepoint goes back to an older checkpoint.
    ForgetsWhereItStopped "forgets-where-it-stopped" { Recovery, "FLINK-26783", "restore" }
    /// A restart goes back to the checkpoint whose id is the last in the order of words.
    SortsIdsAsWords "sorts-ids-as-words" { Recovery, "FLINK-6284", "restore" }
    /// A restart goes back to a checkpoint that all have acknowledged and that is not recorded.
    RestoresTheUnrecorded "restores-the-unrecorded" { Recovery, "RisingWave 10907", "restore" }
    /// A checkpoint that is being recorded when the job restarts completes after that.
    RecordOutlivesRestart "record-outlives-restart" { Recovery, "Jet 2824", "completion" }
    /// Each of several failures in a row prepares a restart of its own.
    EachFailureRestarts "each-failure-restarts" { Recovery, "FLINK-31041", "restore" }
    /// A restart runs tasks again that had ended before the checkpoint.
    EndedTaskRunsAgain "ended-task-runs-again" { Recovery, "", "restore" }
    /// A task that has no snapshot to go back to keeps the state it has.
    NoSnapshotNoWipe "no-snapshot-no-wipe" { Recovery, "KAFKA-7192", "restore" }
    /// The protocol's part of a task keeps what it knew before a restart.
    RoleOutlivesRestart "role-outlives-restart" { Recovery, "", "liveness" }
    /// A source goes back to the last record it had emitted instead of the next one.
    RewindsToTheLastRead "rewinds-to-the-last-read" { Recovery, "FLINK-4618", "restore" }
    /// A source goes back to the record after the next one.
    RewindsTooLittle "rewinds-too-little" { Recovery, "", "restore" }
    /// A sender's log replays what was sent after the sender's snapshot, too.
    LogReplaysAll "log-replays-all" { Recovery, "", "restore" }
    /// The search for a recovery line looks at each channel once.
    RecoveryLineInOnePass "recovery-line-in-one-pass" { Recovery, "", "restore" }
    /// A sink makes the output of the next checkpoint visible, too.
    CommitsOneTooMany "commits-one-too-many" { Sinks, "", "output" }
    /// A restart drops output whose checkpoint is complete and which is not committed.
    PreparedOutputIsLost "prepared-output-is-lost" { Sinks, "", "output" }
    /// A restart keeps output that belongs to no checkpoint.
    OpenOutputOutlivesRestart "open-output-outlives-restart" { Sinks, "", "output" }
    /// The slot of a transaction is given to another one as soon as it is committed, and recovery addresses transactions by slot.
    SlotFreedAtCommit "slot-freed-at-commit" { Sinks, "FLINK-8132", "output" }
    /// A sink's identity depends on where it runs, so that nobody fences what ran elsewhere.
    FenceByPlace "fence-by-place" { Sinks, "Materialize 23363", "commits" }
    /// A flush does not look at writes that have failed.
    FlushIgnoresErrors "flush-ignores-errors" { Sinks, "FLINK-5701", "output" }
    /// Whoever has seen the end of its input commits everything at the next completion, whatever it belongs to.
    EndCommitsAll "end-commits-all" { Sinks, "FLINK-26403", "commits" }
    /// Barriers may overtake what a sink hands to its committer.
    CommittablesOvertaken "committables-overtaken" { Sinks, "FLINK-36287", "output" }
    /// A restored committer keeps one committable for each checkpoint.
    CommittablesMerged "committables-merged" { Sinks, "FLINK-36368", "output" }
    /// A sink that has prepared nothing tells its committer nothing.
    NothingIsNotTold "nothing-is-not-told" { Sinks, "RisingWave 26492", "liveness" }
    /// A restored sink does not ask how far it had written.
    OffsetsIgnored "offsets-ignored" { Sinks, "Paimon 9666", "output" }
    /// A completion commits what belongs to that very checkpoint, and nothing older.
    CommitsOnlyThat "commits-only-that" { Sinks, "a guard in Flink", "output" }
    /// The offset of the last record is stored instead of that of the next.
    OffsetsOfLastRecord "offsets-of-last-record" { Sinks, "FLINK-4618", "output" }
    /// Offsets are stored when records are written, not when they are committed.
    OffsetsAtWrite "offsets-at-write" { Sinks, "FLINK-24733", "output" }
    /// A transaction holds its buffer by reference: what is written later is committed with it.
    BufferByReference "buffer-by-reference" { Sinks, "FLINK-23025", "output" }
    /// Which row a record is written to depends on the attempt.
    RowsByAttempt "rows-by-attempt" { Sinks, "upsert sinks", "output" }
    /// A sink commits for a savepoint what only a checkpoint makes safe.
    SavepointCommits "savepoint-commits" { Sinks, "", "commits" }
    /// A sink that is told that a checkpoint was given up commits what it had prepared for it.
    CommitOnAbort "commit-on-abort" { Sinks, "", "commits" }
    /// A restored sink leaves transactions open that its state does not know.
    RestoreAbortsNothing "restore-aborts-nothing" { Sinks, "", "commits" }
    /// What was committed is committed again if nobody heard that it was.
    CommitsAgain "commits-again" { Sinks, "", "commits" }
    /// When a reader fails, its splits go back to the enumerator as of what is recorded then, not of what it is restored to.
    SplitsReturnedAtFailure "splits-returned-at-failure" { Sources, "FLINK-20290", "splits" }
    /// Tasks are told of a checkpoint although a split that was handed out has not arrived.
    SplitsNotConfirmed "splits-not-confirmed" { Sources, "FLINK-21996", "splits" }
    /// The enumerator's part of a checkpoint is without the splits that readers lost and that it has not handed out again.
    ReturnedSplitsNotSaved "returned-splits-not-saved" { Sources, "FLINK-40469", "splits" }
    /// An enumerator that goes back to a checkpoint plans all splits anew besides.
    SplitsDiscoveredAgain "splits-discovered-again" { Sources, "Iceberg 10208", "splits" }
    /// Splits are handed out between the enumerator's part of a checkpoint and the reader's.
    SplitGateLeftOpen "split-gate-left-open" { Sources, "", "splits" }
    /// The enumerator's part of a checkpoint is taken when that is recorded.
    SplitsSavedLate "splits-saved-late" { Sources, "", "splits" }
    /// A reader that goes back loses the splits, too, that its restore point is the first one to hold.
    CoveredSplitsReturned "covered-splits-returned" { Sources, "", "splits" }
    /// A task takes the most of what its inputs say for its watermark, not the least.
    WatermarkIsTheMost "watermark-is-the-most" { Time, "", "watermarks" }
    /// A source says that it has read all up to its newest record, and does not wait for those that are late.
    LateIsNotWaitedFor "late-is-not-waited-for" { Time, "", "watermarks" }
    /// A task that begins again keeps its watermark, although what it reads goes back.
    WatermarkOutlivesRestart "watermark-outlives-restart" { Time, "", "watermarks" }
    /// An input that is idle is waited for.
    IdleInputCounts "idle-input-counts" { Time, "", "watermarks" }
    /// An input that was idle is not waited for, even when it has come as far as the others.
    ReturnedInputNeverCounts "returned-input-never-counts" { Time, "", "watermarks" }
    /// A source that has ended does not say that nothing will come any more.
    EndIsNoWatermark "end-is-no-watermark" { Time, "", "watermarks" }
    /// A task that hears that a checkpoint was given up goes on storing its part.
    AbortSparesUploads "abort-spares-uploads" { Alignment, "", "aborts" }
    /// A task takes the files of its last snapshot for stored, whether that is complete or not.
    BaseIsLastTaken "base-is-last-taken" { State, "", "registry" }
    /// A task that hears of any completion takes the files that it has now for stored.
    BaseIsWhatIsThere "base-is-what-is-there" { State, "FLINK-23949", "registry" }
    /// A savepoint counts on files in the storage that belong to checkpoints.
    SavepointSharesFiles "savepoint-shares-files" { State, "", "registry" }
    /// The synchronous part of a snapshot leaves out what is in memory.
    MemtableIsLeftOut "memtable-is-left-out" { State, "", "entries" }
    /// Files that were merged into one are deleted at once, although a snapshot is still being stored that needs them.
    CompactionDeletesInputs "compaction-deletes-inputs" { State, "", "registry" }
    /// That a checkpoint needs a file that is registered already is not noted.
    UseIsNotRegistered "use-is-not-registered" { State, "", "registry" }
    /// What a task only named is replaced by what is registered after the checkpoint was recorded.
    PlaceholdersAreRecorded "placeholders-are-recorded" { State, "FLINK-6640", "entries" }
    /// A savepoint makes files go that checkpoints before it need.
    SavepointMovesRegistry "savepoint-moves-registry" { State, "FLINK-21351", "registry" }
    /// Files of state are never deleted.
    RegistryKeepsForEver "registry-keeps-for-ever" { State, "", "registry" }
    /// Files go that the newest snapshot does not need, although older checkpoints are kept.
    RegistryKeepsTheNewest "registry-keeps-the-newest" { State, "", "registry" }
    /// A restored task gives names to its files that it has given before, and of two files of a name the first one stays.
    NamesAreUsedAgain "names-are-used-again" { State, "FLINK-24611", "entries" }
    /// A restore reads files from the newest to the oldest, and the last word counts.
    OldestFileWins "oldest-file-wins" { State, "", "entries" }
    /// The log is cut when a materialisation begins, not when it is stored.
    LogCutTooEarly "log-cut-too-early" { State, "", "entries" }
    /// The timers of windows are not part of snapshots.
    TimersAreNotSaved "timers-are-not-saved" { Time, "FLINK-19741", "timers" }
    /// A timer is saved in the key group of the one before it, and is not found there.
    TimersInTheWrongGroup "timers-in-the-wrong-group" { Time, "FLINK-26063", "timers" }
    /// What the last watermark made fire is saved with the snapshot as if it had not.
    FiredTimersAreSaved "fired-timers-are-saved" { Time, "", "timers" }
    /// Timers are saved, and not the panes that they are for.
    PanesAreNotSaved "panes-are-not-saved" { Time, "", "timers" }
    /// Records that are too late for their window are left out and not counted.
    LateIsNotCounted "late-is-not-counted" { Time, "", "windows" }
    /// Windows fire as soon as one of the inputs has come to their end.
    FiresWithTheFirst "fires-with-the-first" { Time, "", "timers" }
    /// Of the sessions that a record makes one, only the first is kept.
    MergeForgetsASession "merge-forgets-a-session" { Time, "", "windows" }
    /// Timers by the machine's clock are lost at a restore.
    ClockTimersAreLost "clock-timers-are-lost" { Time, "", "timers" }
    /// Keyed state of a rescaled operator is shared out by the key's hash, while records go by key group.
    KeysByHash "keys-by-hash" { Rescaling, "", "state" }
    /// The range of key groups that a subtask takes over is one too short.
    GroupsRoundDown "groups-round-down" { Rescaling, "", "state" }
    /// Every subtask of a rescaled operator takes all of its keyed state.
    StateIsCopied "state-is-copied" { Rescaling, "", "state" }
    /// Records in flight go to whoever has the old receiver's number, and whoever does not own their keys drops them.
    FlightsByPlace "flights-by-place" { Rescaling, "", "state" }
    /// Records in flight are dropped when a job is taken up.
    FlightsAreDropped "flights-are-dropped" { Rescaling, "", "state" }
    /// Whoever takes a job up does not commit what its checkpoint had prepared.
    PreparedIsLeftBehind "prepared-is-left-behind" { Rescaling, "", "output" }
    /// A partition that has another reader now is read from its beginning.
    MovedPartitionsBeginAnew "moved-partitions-begin-anew" { Rescaling, "", "state" }
    /// A job that was taken up, and fails before it has a checkpoint of its own, begins with nothing.
    TakenUpIsForgotten "taken-up-is-forgotten" { Rescaling, "", "state" }
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
    /// Event time: watermarks and idle inputs.
    Time,
    /// Backends of keyed state, shared files and their registry.
    State,
    /// Jobs that go on, changed, from what was saved of them.
    Rescaling,
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
            Self::Time => "event time",
            Self::State => "state",
            Self::Rescaling => "rescaling",
        }
    }
}

impl Mutant {
    /// The mutant of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }
}
