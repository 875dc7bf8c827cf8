//! The event vocabulary, as one table: the enum, the names, the fields and the codec come from it.

use crate::base::{Attempt, ChannelId, CheckpointId, OperatorId, TaskId, Time};

/// A value that an event can carry: of fixed width on every platform.
pub trait Word: Copy {
    /// As a 64-bit word, for digests and codecs.
    fn word(self) -> u64;
}

macro_rules! words {
    ($($type:ty),*) => {
        $(impl Word for $type {
            #[inline]
            fn word(self) -> u64 { u64::from(self.0) }
        })*
    };
}
words!(TaskId, ChannelId, OperatorId, Attempt, CheckpointId);

impl Word for u64 {
    #[inline]
    fn word(self) -> u64 {
        self
    }
}
impl Word for u32 {
    #[inline]
    fn word(self) -> u64 {
        u64::from(self)
    }
}
impl Word for AbortReason {
    #[inline]
    fn word(self) -> u64 {
        self as u64
    }
}

/// Why a checkpoint was given up. The discriminants are part of golden digests: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum AbortReason {
    /// It took longer than the timeout.
    Expired = 1,
    /// The job restarted while it was pending.
    Restarted = 2,
    /// A newer one completed first.
    Subsumed = 3,
    /// A task declined it.
    Declined = 4,
    /// The coordinator stopped triggering, for a failure or for a savepoint that ends the job.
    Suspended = 5,
    /// A task that should have a part in it has ended, or does not run yet.
    NotRunning = 6,
    /// It could not be recorded, or nobody knows whether it was.
    Unrecorded = 7,
}

impl AbortReason {
    /// The word for it in tables and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Restarted => "restarted",
            Self::Subsumed => "subsumed",
            Self::Declined => "declined",
            Self::Suspended => "suspended",
            Self::NotRunning => "not running",
            Self::Unrecorded => "unrecorded",
        }
    }
}

macro_rules! events {
    ($( $(#[doc = $doc:literal])* $kind:ident $name:literal { $first:ident: $first_type:ty $(, $field:ident: $type:ty)* } )*) => {
        /// Something that happened in the world.
        ///
        /// The first field is the entity it happened to; the digest has one chain for each.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Event {
            $(
                $(#[doc = $doc])*
                #[allow(missing_docs)]
                $kind { $first: $first_type $(, $field: $type)* },
            )*
        }

        /// The kinds of [`Event`], in the order of the vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum EventKind { $($kind),* }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$kind),*];

            /// The name in traces and predicates, e.g. `barrier-received`.
            pub fn name(self) -> &'static str {
                match self { $(EventKind::$kind => $name),* }
            }

            /// The names of its fields, in order.
            pub fn field_names(self) -> &'static [&'static str] {
                match self { $(EventKind::$kind => &[stringify!($first) $(, stringify!($field))*]),* }
            }

            /// What it means: the first sentence of its documentation.
            pub fn about(self) -> &'static str {
                match self { $(EventKind::$kind => concat!($($doc),*).trim_ascii_start()),* }
            }
        }

        impl Event {
            /// Its kind.
            #[inline]
            pub fn kind(&self) -> EventKind {
                match self { $(Event::$kind { .. } => EventKind::$kind),* }
            }

            /// Whom it happened to: its first field.
            #[inline]
            pub(super) fn entity(&self) -> Entity {
                match *self { $(Event::$kind { $first, .. } => $first.entity()),* }
            }

            /// Every field with its name, in order.
            pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> {
                let mut fields = [("", 0u64); 8];
                let mut n = 0;
                match *self {
                    $(Event::$kind { $first $(, $field)* } => {
                        fields[n] = (stringify!($first), $first.word());
                        n += 1;
                        $( fields[n] = (stringify!($field), $field.word()); n += 1; )*
                    })*
                }
                fields.into_iter().take(n)
            }

            /// Every field as a word, in order: the cheap way, for digests.
            #[inline]
            pub fn each_word(&self, mut f: impl FnMut(u64)) {
                match *self {
                    $(Event::$kind { $first $(, $field)* } => { f($first.word()); $( f($field.word()); )* })*
                }
            }
        }
    };
}

events! {
    /// A fault of the plan struck.
    FaultStruck "fault-struck" { fault: u32 }

    /// A task began an attempt, restored to a checkpoint (0: the initial state).
    TaskStarted "task-started" { task: TaskId, attempt: Attempt, checkpoint: CheckpointId }
    /// A task threw an exception.
    TaskFailed "task-failed" { task: TaskId, attempt: Attempt }
    /// A task was stopped because of a failure elsewhere.
    TaskCancelled "task-cancelled" { task: TaskId, attempt: Attempt }
    /// A task has seen the end of data on all its inputs, or emitted its last record.
    TaskDrained "task-drained" { task: TaskId }
    /// A task ended for good.
    TaskFinished "task-finished" { task: TaskId }
    /// A task stopped for want of output buffers.
    TaskBlocked "task-blocked" { task: TaskId }
    /// A task may go on because buffers came back.
    TaskUnblocked "task-unblocked" { task: TaskId }

    /// A sender closed a buffer: it is full, flushed or cut by a barrier.
    BufferClosed "buffer-closed" { channel: ChannelId, seq: u64, records: u32, bytes: u32, upto: u64, chain: u64 }
    /// A buffer left its sender for the wire and used a credit.
    BufferSent "buffer-sent" { channel: ChannelId, seq: u64 }
    /// A buffer is in the receiver's queue.
    BufferArrived "buffer-arrived" { channel: ChannelId, seq: u64 }
    /// A receiver began to read a buffer.
    BufferTaken "buffer-taken" { channel: ChannelId, seq: u64, records: u32, bytes: u32 }
    /// A receiver has read a whole buffer: all records up to a count, with the chain over their lineages.
    BufferConsumed "buffer-consumed" { channel: ChannelId, seq: u64, upto: u64, chain: u64 }
    /// A task's output pool handed out a segment.
    SegmentTaken "segment-taken" { task: TaskId, in_use: u32 }
    /// A segment came back to a task's output pool.
    SegmentReturned "segment-returned" { task: TaskId, in_use: u32 }
    /// A remote channel's receiver took a floating buffer of its gate.
    FloatingTaken "floating-taken" { channel: ChannelId, left: u32 }
    /// A floating buffer went back to its gate.
    FloatingReturned "floating-returned" { channel: ChannelId, left: u32 }
    /// A receiver announced credits to the sender.
    CreditGranted "credit-granted" { channel: ChannelId, amount: u32 }
    /// A sender stopped reading this channel's queue behind an aligned barrier.
    ChannelBlocked "channel-blocked" { channel: ChannelId, checkpoint: CheckpointId }
    /// The receiver let a blocked channel go on.
    ChannelResumed "channel-resumed" { channel: ChannelId }

    /// A sender was told the size of the buffers that it begins from now on.
    BufferResized "buffer-resized" { channel: ChannelId, bytes: u32 }

    /// A barrier or marker was put into a channel.
    BarrierSent "barrier-sent" { channel: ChannelId, checkpoint: CheckpointId }
    /// A task handled a barrier or marker.
    BarrierReceived "barrier-received" { task: TaskId, channel: ChannelId, checkpoint: CheckpointId }
    /// A barrier that waited behind data was put before them, at the sender or at the receiver.
    BarrierOvertook "barrier-overtook" { channel: ChannelId, checkpoint: CheckpointId }
    /// A task heard of a barrier that waits behind data at one of its ports.
    AnnouncementReceived "announcement-received" { task: TaskId, channel: ChannelId, checkpoint: CheckpointId }
    /// A task handled a cancel marker: its sender gave the checkpoint up.
    CancelReceived "cancel-received" { task: TaskId, channel: ChannelId, checkpoint: CheckpointId }
    /// A task saw the end of data on a channel.
    EndReceived "end-received" { task: TaskId, channel: ChannelId }
    /// A task saw that the sender of a channel has ended for good.
    CloseReceived "close-received" { task: TaskId, channel: ChannelId }

    /// Something that the scenario asks for was asked for; `accepted` = 0: the job was down, stopping or ending.
    RequestAnswered "request-answered" { request: u32, accepted: u32 }
    /// The coordinator triggered a checkpoint; `purpose`: 0 checkpoint, 1 savepoint, 2 and 3 to stop the job.
    CheckpointTriggered "checkpoint-triggered" { checkpoint: CheckpointId, purpose: u32 }
    /// A task handled the coordinator's trigger.
    TriggerReceived "trigger-received" { task: TaskId, checkpoint: CheckpointId }
    /// A source reads nothing more because the job ends with a savepoint.
    ReadingStopped "reading-stopped" { task: TaskId, position: u64 }
    /// A task handled the first barrier of a checkpoint.
    AlignmentBegan "alignment-began" { task: TaskId, checkpoint: CheckpointId }
    /// A task handled the last barrier of a checkpoint.
    AlignmentEnded "alignment-ended" { task: TaskId, checkpoint: CheckpointId }
    /// A task gave a checkpoint up before its last barrier, or aligns for a newer one.
    AlignmentDropped "alignment-dropped" { task: TaskId, checkpoint: CheckpointId }
    /// A task captured its state: the synchronous part begins; `overtaking` = 1: its barrier overtook data.
    SnapshotStarted "snapshot-started" { task: TaskId, checkpoint: CheckpointId, overtaking: u32 }
    /// How much a task had sent on a channel when it captured its state.
    CutSent "cut-sent" { channel: ChannelId, checkpoint: CheckpointId, upto: u64, chain: u64 }
    /// How much a task had consumed of a channel when it captured its state.
    CutReceived "cut-received" { channel: ChannelId, checkpoint: CheckpointId, upto: u64, chain: u64 }
    /// The records of a channel that became part of a snapshot; `chain` continues the receiver's.
    CutCaptured "cut-captured" { channel: ChannelId, checkpoint: CheckpointId, records: u64, chain: u64 }
    /// The records that a barrier overtook at the sender became part of its snapshot; `chain` is the sender's before them.
    CutQueued "cut-queued" { channel: ChannelId, checkpoint: CheckpointId, records: u64, chain: u64 }
    /// A receiver was to copy what its channel holds before the barrier of a checkpoint.
    CaptureBegan "capture-began" { channel: ChannelId, checkpoint: CheckpointId }
    /// A buffer, or what was left of it, became part of the receiver's snapshot.
    InputPersisted "input-persisted" { channel: ChannelId, checkpoint: CheckpointId, seq: u64, records: u32, bytes: u32 }
    /// A buffer that a barrier overtook became part of the sender's snapshot.
    OutputPersisted "output-persisted" { channel: ChannelId, checkpoint: CheckpointId, seq: u64, records: u32, bytes: u32 }
    /// What an operator's state had applied when it was captured.
    CutState "cut-state" { task: TaskId, operator: OperatorId, checkpoint: CheckpointId, applied: u64, lineage: u64 }
    /// The synchronous part of a snapshot ended.
    SnapshotTaken "snapshot-taken" { task: TaskId, checkpoint: CheckpointId }
    /// All of a task's snapshot is in storage.
    SnapshotDurable "snapshot-durable" { task: TaskId, checkpoint: CheckpointId, bytes: u64 }
    /// A task will have no part in a checkpoint; the reasons are numbered as in the protocol's language.
    CheckpointDeclined "checkpoint-declined" { task: TaskId, checkpoint: CheckpointId, reason: u64 }
    /// The coordinator has a task's acknowledgement.
    AckReceived "ack-received" { task: TaskId, checkpoint: CheckpointId, attempt: Attempt }
    /// The coordinator ignored a message of an older attempt.
    StaleMessage "stale-message" { task: TaskId, attempt: Attempt }
    /// A checkpoint is complete: recovery may use it from now on.
    CheckpointCompleted "checkpoint-completed" { checkpoint: CheckpointId }
    /// A checkpoint was given up.
    CheckpointAborted "checkpoint-aborted" { checkpoint: CheckpointId, reason: AbortReason }
    /// A task handled a timer of its own; the kinds are numbered as in the protocol's language.
    TimerHandled "timer-handled" { task: TaskId, kind: u32, checkpoint: CheckpointId }
    /// A task learned that a checkpoint is complete.
    CompleteReceived "complete-received" { task: TaskId, checkpoint: CheckpointId }
    /// A task learned that a checkpoint was given up.
    AbortReceived "abort-received" { task: TaskId, checkpoint: CheckpointId }
    /// Old snapshots of a task up to a checkpoint were deleted.
    SnapshotsDropped "snapshots-dropped" { task: TaskId, upto: CheckpointId }

    /// A failure was noticed and the restart prepared: which task failed, which attempt of the job comes next.
    JobRestarting "job-restarting" { task: TaskId, attempt: Attempt }
    /// The recovery plan says what a task goes back to; `live` = 1: it keeps what it has.
    RestorePoint "restore-point" { task: TaskId, checkpoint: CheckpointId, live: u32 }
    /// An operator's state is what it was at the restore point.
    StateRestored "state-restored" { task: TaskId, operator: OperatorId, applied: u64, lineage: u64 }
    /// A source continues from this position of its log.
    SourceRewound "source-rewound" { task: TaskId, position: u64, from: u64 }
    /// A channel begins again: the sender has sent, the receiver consumed, so many.
    ChannelRestored "channel-restored" { channel: ChannelId, sent: u64, sent_chain: u64, received: u64, received_chain: u64 }
    /// Records from a snapshot or a sender's log were put into a channel again.
    ChannelReplayed "channel-replayed" { channel: ChannelId, records: u64 }

    /// Output became visible outside, all of it covered by a checkpoint if the sink commits.
    OutputVisible "output-visible" { task: TaskId, operator: OperatorId, checkpoint: CheckpointId, records: u64, lineage: u64 }

    /// At the end: how far a source got in a partition.
    SourceFinal "source-final" { task: TaskId, operator: OperatorId, partition: u32, emitted: u64 }
    /// At the end: what a channel still holds.
    ChannelFinal "channel-final" { channel: ChannelId, sent: u64, received: u64, buffers: u32 }
    /// At the end: an operator's state in one task.
    StateFinal "state-final" { task: TaskId, operator: OperatorId, applied: u64, lineage: u64, values: u64 }
    /// At the end: all that a sink made visible outside.
    OutputFinal "output-final" { task: TaskId, operator: OperatorId, records: u64, lineage: u64 }
    /// The run is over; `drained` = 1 if every task ended.
    RunEnded "run-ended" { drained: u32 }

    /// What a fault had set a trap for came, and met with its mishap.
    FaultHit "fault-hit" { fault: u32 }
    /// A fault that lasted is over.
    FaultHealed "fault-healed" { fault: u32 }
    /// A message between the coordinator and a task was lost, held up or doubled; kinds as in scenarios, from 0.
    MessageHit "message-hit" { task: TaskId, checkpoint: CheckpointId, kind: u32 }
    /// Something happened to the write of a snapshot.
    WriteHit "write-hit" { task: TaskId, checkpoint: CheckpointId }
    /// A task manager stopped, and all threads on it.
    ManagerLost "manager-lost" { manager: u32 }
    /// The coordinator takes a task manager for lost.
    ManagerGivenUp "manager-given-up" { manager: u32 }
    /// Another task manager is there in its place.
    ManagerReplaced "manager-replaced" { manager: u32 }
    /// The coordinator stopped, with all it had in memory.
    CoordinatorLost "coordinator-lost" { term: u32 }
    /// Somebody took over from it.
    CoordinatorTookOver "coordinator-took-over" { term: u32 }
    /// It is recorded that a checkpoint can be restored from.
    RecordStored "record-stored" { checkpoint: CheckpointId }
    /// That record was deleted.
    RecordForgotten "record-forgotten" { checkpoint: CheckpointId }
    /// The coordinator was told that the record was not stored (`known` = 1), or that nobody knows.
    RecordFailed "record-failed" { checkpoint: CheckpointId, known: u32 }
    /// A snapshot of a checkpoint that came to nothing was deleted.
    SnapshotDiscarded "snapshot-discarded" { task: TaskId, checkpoint: CheckpointId }
    /// The files of a snapshot were lost or corrupted.
    SnapshotSpoiled "snapshot-spoiled" { task: TaskId, checkpoint: CheckpointId }
    /// A task could not read the snapshot that it was to be restored from; `gone` = 1: nobody ever will.
    RestoreFailed "restore-failed" { task: TaskId, checkpoint: CheckpointId, gone: u32 }
    /// A task has read all that a restart put into its inputs.
    ChannelsRecovered "channels-recovered" { task: TaskId }
    /// A source has read again all that it had read before the restart.
    SourceReplayed "source-replayed" { task: TaskId, position: u64 }
    /// A source has read all that had arrived, for the first time since a restart; so many had waited at worst.
    SourceCaughtUp "source-caught-up" { task: TaskId, position: u64, lag: u64 }
    /// A source failed or stopped before it had caught up; so many had waited at worst.
    SourceLeftBehind "source-left-behind" { task: TaskId, position: u64, lag: u64 }

    /// A sink's new attempt took its producer over: what older ones still have open is not theirs any more.
    ProducerFenced "producer-fenced" { task: TaskId, operator: OperatorId, epoch: u32 }
    /// A sink began a transaction; they are numbered by task.
    TransactionOpened "transaction-opened" { task: TaskId, operator: OperatorId, transaction: u64 }
    /// All of a transaction is written, and it can be committed: the checkpoint that it belongs to has begun.
    TransactionPrepared "transaction-prepared" { task: TaskId, operator: OperatorId, transaction: u64, checkpoint: CheckpointId, records: u64, lineage: u64 }
    /// The external system committed a transaction.
    TransactionCommitted "transaction-committed" { task: TaskId, operator: OperatorId, transaction: u64, checkpoint: CheckpointId, records: u64, lineage: u64 }
    /// The external system aborted a transaction; `late` = 1: it was older than its timeout.
    TransactionAborted "transaction-aborted" { task: TaskId, operator: OperatorId, transaction: u64, late: u32 }
    /// The external system refused to write, prepare or commit a transaction that it had aborted; what was prepared is lost.
    TransactionRefused "transaction-refused" { task: TaskId, operator: OperatorId, transaction: u64, checkpoint: CheckpointId, records: u64, lineage: u64 }
    /// Whoever asked the external system for a commit got an error.
    CommitFailed "commit-failed" { task: TaskId, transaction: u64 }
    /// A committer has what its sink prepared for a checkpoint; transaction 0: nothing.
    CommittableReceived "committable-received" { task: TaskId, channel: ChannelId, checkpoint: CheckpointId, transaction: u64 }
    /// A task that was given up, and lives on, did something; 0: wrote, 1: committed, 2: acknowledged.
    ZombieActed "zombie-acted" { task: TaskId, attempt: Attempt, what: u32 }
    /// A source that cannot go back goes on where it was; what it had read since the restore point is lost.
    SourceSkipped "source-skipped" { task: TaskId, position: u64, to: u64 }
    /// The enumerator of a source has a split to hand out: at the beginning, or again after a restart.
    SplitFree "split-free" { operator: OperatorId, split: u32 }
    /// The enumerator gave a split to a reader; it is on its way.
    SplitAssigned "split-assigned" { task: TaskId, split: u32 }
    /// The enumerator told a reader that there are no more splits.
    SplitsEnded "splits-ended" { task: TaskId }
    /// A reader begins to read a split.
    SplitBegun "split-begun" { task: TaskId, split: u32 }
    /// A reader has read a split to its end.
    SplitFinished "split-finished" { task: TaskId, split: u32 }
    /// A split, read so far, is part of a reader's snapshot.
    SplitCaptured "split-captured" { task: TaskId, checkpoint: CheckpointId, split: u32, offset: u64 }
    /// A split that nobody has is part of the enumerator's snapshot.
    SplitSaved "split-saved" { checkpoint: CheckpointId, split: u32 }
    /// The enumerator of a source forgets what it knows and goes back to its snapshot; what is in it follows.
    SplitsReset "splits-reset" { operator: OperatorId, checkpoint: CheckpointId }
    /// A reader has a split again as its snapshot says; `done` = 1: it had read all of it.
    SplitRestored "split-restored" { task: TaskId, split: u32, offset: u64, done: u32 }
    /// A restart takes a split from a reader whose snapshot does not know of it: the enumerator hands it out again.
    SplitReturned "split-returned" { task: TaskId, split: u32 }
    /// A message about splits could not be delivered: the reader it concerns is to be failed.
    SplitMessageLost "split-message-lost" { task: TaskId }
    /// The time for a restart has come, and it waits for machines to take the place of lost ones.
    MachinesAwaited "machines-awaited" { restart: u32 }

    /// A task read from a channel that no record up to an event time will come there any more; 2^64 - 1: none at all.
    WatermarkReceived "watermark-received" { channel: ChannelId, watermark: u64 }
    /// A task knows that no record up to an event time will come any more, and says so to all it sends to.
    WatermarkAdvanced "watermark-advanced" { task: TaskId, watermark: u64 }
    /// A task read from a channel that nothing will come there for a while (`idle` = 1), or that something will.
    IdleReceived "idle-received" { channel: ChannelId, idle: u32 }
    /// A task has nothing to wait for (`idle` = 1), or has again, and says so to all it sends to.
    TaskIdle "task-idle" { task: TaskId, idle: u32 }
    /// A task has read records that its watermark said would not come.
    RecordsLate "records-late" { task: TaskId, records: u64 }

    /// A file of a task's state is in the storage.
    FileStored "file-stored" { task: TaskId, file: u64, bytes: u64 }
    /// A snapshot needs a file; `fresh` = 0: it counts on it being in the storage, and does not store it.
    FileReferenced "file-referenced" { task: TaskId, checkpoint: CheckpointId, file: u64, bytes: u64, fresh: u32 }
    /// A file of a task's state was deleted from the storage.
    FileDeleted "file-deleted" { task: TaskId, file: u64, bytes: u64 }
    /// So many files of a task's state became one; `whole` = 1: a materialisation, of all that it holds.
    FilesMerged "files-merged" { task: TaskId, files: u32, bytes: u64, whole: u32 }
    /// What an operator's keyed state was when it was captured, entry by entry.
    EntriesCut "entries-cut" { task: TaskId, operator: OperatorId, checkpoint: CheckpointId, entries: u64, hash: u64 }
    /// What it is after a restore, likewise; `local` = 1: from the copy on the machine.
    EntriesRestored "entries-restored" { task: TaskId, operator: OperatorId, checkpoint: CheckpointId, entries: u64, hash: u64, local: u32 }
    /// How much a restore of a snapshot would read of a task's state, and how much of that the snapshot is to store.
    StateSized "state-sized" { task: TaskId, checkpoint: CheckpointId, full: u64, stored: u64, files: u32 }
    /// What a restored task reads from the storage, and how much of it is a log that it applies.
    StateLoaded "state-loaded" { task: TaskId, checkpoint: CheckpointId, bytes: u64, replayed: u64, files: u32 }
    /// Timers of an operator were set, and others deleted, since this was told last; the hash is that of the difference.
    TimersSet "timers-set" { task: TaskId, operator: OperatorId, timers: u64, deleted: u64, hash: u64 }
    /// All timers of an operator up to a time fired, and so many results were sent; `next` is the first of those left (0: none).
    TimersFired "timers-fired" { task: TaskId, operator: OperatorId, upto: u64, next: u64, timers: u64, hash: u64, results: u64 }
    /// An operator left out records that were too late for all of their windows.
    LateDropped "late-dropped" { task: TaskId, operator: OperatorId, records: u64 }
    /// What waited for a time in an operator when its state was captured: panes or records, and timers.
    CutTimers "cut-timers" { task: TaskId, operator: OperatorId, checkpoint: CheckpointId, panes: u64, content: u64, timers: u64, hash: u64 }
    /// What waits for a time in an operator after a restore.
    TimersRestored "timers-restored" { task: TaskId, operator: OperatorId, panes: u64, content: u64, timers: u64, hash: u64 }
    /// At the end: what still waits for a time in an operator.
    TimersFinal "timers-final" { task: TaskId, operator: OperatorId, panes: u64, content: u64, timers: u64, hash: u64 }
    /// At the end: what came, or would come, of an operator's windows, so many of which are `open`, and all entries that went into them.
    WindowsFinal "windows-final" { task: TaskId, operator: OperatorId, open: u64, results: u64, lineage: u64, entries: u64, hash: u64 }
}

impl Event {
    /// The task it happened to, if it happened to one.
    pub fn task(&self) -> Option<TaskId> {
        self.fields().find(|(name, _)| *name == "task").map(|(_, word)| TaskId(word as u32))
    }

    /// The channel it is about, if it is about one.
    pub fn channel(&self) -> Option<ChannelId> {
        self.fields().find(|(name, _)| *name == "channel").map(|(_, word)| ChannelId(word as u32))
    }

    /// The checkpoint it is about, if it is about one.
    pub fn checkpoint(&self) -> Option<CheckpointId> {
        self.fields().find(|(name, _)| *name == "checkpoint").map(|(_, word)| CheckpointId(word))
    }
}

/// An event with the instant the driver gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamped {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// Somebody who is told every event, in order: a check, a measure, a digest, a recorder.
pub trait Observer {
    /// Whether it wants to be told every record too; costs nothing when it does not.
    const RECORDS: bool = false;

    /// An event happened at an instant.
    fn event(&mut self, at: Time, event: &Event);

    /// A record, known by its lineage, was applied to an operator's state: full provenance, when asked for.
    fn applied(&mut self, _at: Time, _task: TaskId, _operator: OperatorId, _lineage: u64) {}

    /// An attempt that had been given up wrote a record: to a transaction of its own, or at once if that is 0.
    fn strayed(&mut self, _at: Time, _task: TaskId, _operator: OperatorId, _lineage: u64, _transaction: u64) {}
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    const RECORDS: bool = A::RECORDS || B::RECORDS;

    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.0.event(at, event);
        self.1.event(at, event);
    }

    #[inline]
    fn applied(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64) {
        self.0.applied(at, task, operator, lineage);
        self.1.applied(at, task, operator, lineage);
    }

    fn strayed(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64, transaction: u64) {
        self.0.strayed(at, task, operator, lineage, transaction);
        self.1.strayed(at, task, operator, lineage, transaction);
    }
}

impl<T: Observer> Observer for &mut T {
    const RECORDS: bool = T::RECORDS;

    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        (**self).event(at, event);
    }

    #[inline]
    fn applied(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64) {
        (**self).applied(at, task, operator, lineage);
    }

    fn strayed(&mut self, at: Time, task: TaskId, operator: OperatorId, lineage: u64, transaction: u64) {
        (**self).strayed(at, task, operator, lineage, transaction);
    }
}

/// Records everything, in order.
impl Observer for Vec<Stamped> {
    fn event(&mut self, at: Time, event: &Event) {
        self.push(Stamped { at, event: *event });
    }
}

/// Nobody watches.
impl Observer for () {
    fn event(&mut self, _at: Time, _event: &Event) {}
}

/// Whom an event happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entity {
    Task(TaskId),
    Channel(ChannelId),
    Job,
}

/// The type of a first field says which entity it is.
trait Owner {
    fn entity(self) -> Entity;
}
impl Owner for TaskId {
    #[inline]
    fn entity(self) -> Entity {
        Entity::Task(self)
    }
}
impl Owner for ChannelId {
    #[inline]
    fn entity(self) -> Entity {
        Entity::Channel(self)
    }
}
impl Owner for OperatorId {
    #[inline]
    fn entity(self) -> Entity {
        Entity::Job
    }
}
impl Owner for CheckpointId {
    #[inline]
    fn entity(self) -> Entity {
        Entity::Job
    }
}
impl Owner for u32 {
    #[inline]
    fn entity(self) -> Entity {
        Entity::Job
    }
}
