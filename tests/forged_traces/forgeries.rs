//! What is forged in each clean trace, and the signature that must come out.

use crate::forge::*;
use crate::story::{C1_SINK, S0_C0, S0_C1, S1_C0, S1_C1, Story};
use crate::tales::{
    AT_LEAST, EXACTLY, copying, gathering, handing_out, keeping_files, overtaking, standing, telling_time,
};
use cutline::base::{Attempt, ChannelId, CheckpointId, OperatorId, TaskId};
use cutline::check::Claims;
use cutline::trace::{AbortReason, Event, EventKind};

/// A check, what is forged, the signature that must come out, and how it is forged.
pub type Forgery = (&'static str, &'static str, &'static str, fn(&mut Vec<Event>));

/// A clean trace with its forgeries.
pub struct Tale {
    pub name: &'static str,
    pub tell: fn() -> Story,
    pub claims: Claims,
    /// What the clean trace is.
    pub verdict: &'static str,
    pub forgeries: &'static [Forgery],
}

pub const TALES: &[Tale] = &[
    Tale { name: "copying", tell: copying, claims: EXACTLY, verdict: "PASS", forgeries: COPYING },
    Tale { name: "overtaking", tell: overtaking, claims: EXACTLY, verdict: "PASS", forgeries: OVERTAKING },
    Tale { name: "at least once", tell: copying, claims: AT_LEAST, verdict: "PASS", forgeries: AT_LEAST_ONCE },
    Tale { name: "handing out", tell: handing_out, claims: EXACTLY, verdict: "PASS", forgeries: HANDING_OUT },
    Tale { name: "telling time", tell: telling_time, claims: EXACTLY, verdict: "PASS", forgeries: TELLING_TIME },
    Tale { name: "keeping files", tell: keeping_files, claims: EXACTLY, verdict: "PASS", forgeries: KEEPING_FILES },
    Tale { name: "gathering", tell: gathering, claims: EXACTLY, verdict: "PASS", forgeries: GATHERING },
    Tale { name: "standing", tell: standing, claims: EXACTLY, verdict: "STUCK", forgeries: STANDING },
];

#[rustfmt::skip]
const COPYING: &[Forgery] = &[
    ("order", "a buffer arrives twice", "order/delivered out of order count->sink", |t| repeat(t, EventKind::BufferArrived, 1)),
    ("order", "a buffer arrives before it is sent", "order/delivered out of order source->count", |t| {
        let arrived = find(t, EventKind::BufferArrived, 0);
        let sent = find(t, EventKind::BufferSent, 0);
        t.swap(sent, arrived);
    }),
    ("order", "a number is left out", "order/closed out of order count->sink", |t| {
        alter(t, EventKind::BufferClosed, 9, |e| if let Event::BufferClosed { seq, .. } = e { *seq += 1 });
    }),
    ("order", "the receiver has other records", "order/altered count->sink", |t| {
        alter(t, EventKind::BufferConsumed, 0, |e| if let Event::BufferConsumed { chain, .. } = e { *chain ^= 1 });
    }),
    ("order", "the receiver miscounts", "order/miscounted count->sink", |t| {
        alter(t, EventKind::BufferConsumed, 0, |e| if let Event::BufferConsumed { upto, .. } = e { *upto -= 1 });
    }),
    ("ids", "an id is used again", "ids/used again", |t| {
        t.push(Event::CheckpointTriggered { checkpoint: CheckpointId(1), purpose: 0 });
    }),
    ("files", "a checkpoint is recorded before all is stored", "files/recorded too early source", |t| {
        let (recorded, stored) = (find(t, EventKind::RecordStored, 0), find(t, EventKind::SnapshotDurable, 0));
        put_before(t, recorded, stored);
    }),
    ("records", "a buffer says it holds more than it adds", "records/miscounted source->count", |t| {
        alter(t, EventKind::BufferClosed, 0, |e| if let Event::BufferClosed { records, .. } = e { *records += 1 });
    }),
    ("records", "a record is sent that never comes", "records/lost source->count", |t| {
        alter(t, EventKind::ChannelFinal, 1, |e| if let Event::ChannelFinal { sent, .. } = e { *sent += 1 });
    }),
    ("records", "a record comes that was never sent", "records/created source->count", |t| {
        alter(t, EventKind::ChannelFinal, 1, |e| if let Event::ChannelFinal { received, .. } = e { *received += 1 });
    }),
    ("records", "a buffer is left", "records/lost source->count", |t| {
        alter(t, EventKind::ChannelFinal, 0, |e| if let Event::ChannelFinal { buffers, .. } = e { *buffers = 1 });
    }),
    ("records", "a channel says nothing at the end", "records/untold source->count", |t| drop_nth(t, EventKind::ChannelFinal, 0)),
    ("buffers", "a segment does not come back", "buffers/segments count", |t| drop_nth(t, EventKind::SegmentReturned, 0)),
    ("buffers", "a segment comes back twice", "buffers/segments source", |t| repeat_last(t, EventKind::SegmentReturned)),
    ("buffers", "the last segment is kept", "buffers/segments kept source", |t| drop_last(t, EventKind::SegmentReturned)),
    ("buffers", "a floating buffer comes back that nobody took", "buffers/floating source->count", |t| drop_nth(t, EventKind::FloatingTaken, 0)),
    ("buffers", "credits are not granted", "buffers/sent without credit count->sink", |t| {
        t.retain(|e| !matches!(e, Event::CreditGranted { .. }));
    }),
    ("buffers", "credits are granted twice", "buffers/credits beyond buffers count->sink", |t| {
        alter(t, EventKind::CreditGranted, 0, |e| if let Event::CreditGranted { amount, .. } = e { *amount += 4 });
    }),
    ("buffers", "a blocked channel goes on", "buffers/sent while blocked source->count", |t| {
        let blocked = find(t, EventKind::ChannelBlocked, 0);
        let event = t.remove(blocked);
        let sent = t[..blocked].iter().rposition(|e| e.kind() == EventKind::BufferSent && e.channel() == event.channel());
        t.insert(sent.expect("the channel is used"), event);
    }),
    ("buffers", "a blocked local channel is read", "buffers/taken while blocked source->count", |t| {
        let closed = nth_of(t, EventKind::BufferClosed, ChannelId(0));
        t.insert(closed, Event::ChannelBlocked { channel: ChannelId(0), checkpoint: CheckpointId(1) });
    }),
    ("buffers", "a blocked channel is never resumed", "buffers/blocked for good source->count", |t| drop_last(t, EventKind::ChannelResumed)),
    ("buffers", "a segment is lost", "buffers/unaccounted count", |t| {
        let lost = last_before(t, find(t, EventKind::CheckpointTriggered, 0), EventKind::SegmentReturned, 2);
        t.remove(lost);
        shift_in_use(&mut t[lost..], 2, 1);
    }),
    ("buffers", "a floating buffer comes back from a channel that had none", "buffers/floating source->count", |t| {
        alter(t, EventKind::FloatingReturned, 0, |e| if let Event::FloatingReturned { channel, .. } = e { *channel = ChannelId::from(S0_C0) });
    }),
    ("buffers", "a credit is lost", "buffers/credits kept count->sink", |t| drop_last(t, EventKind::CreditGranted)),
    ("cut", "captured records are forgotten", "cut/lost source->count", |t| {
        t.remove(about(t, EventKind::CutCaptured, S1_C0, 1, 0));
    }),
    ("cut", "a receiver captures its state too late", "cut/orphan source->count", |t| {
        alter(t, EventKind::CutReceived, 0, |e| if let Event::CutReceived { upto, .. } = e { *upto += 1 });
    }),
    ("cut", "other records are behind the receiver", "cut/disorder source->count", |t| {
        alter(t, EventKind::CutReceived, 0, |e| if let Event::CutReceived { chain, .. } = e { *chain ^= 1 });
    }),
    ("completion", "an acknowledgement is missing", "completion/unacknowledged source", |t| drop_nth(t, EventKind::AckReceived, 0)),
    ("completion", "one task acknowledges for another", "completion/unacknowledged count", |t| {
        drop_nth(t, EventKind::AckReceived, 3);
        repeat(t, EventKind::AckReceived, 2);
    }),
    ("completion", "an acknowledgement of the attempt before counts", "completion/unacknowledged sink", |t| {
        alter(t, EventKind::AckReceived, 9, |e| if let Event::AckReceived { attempt, .. } = e { attempt.0 -= 1 });
    }),
    ("completion", "a snapshot is not stored", "completion/not stored source", |t| drop_nth(t, EventKind::SnapshotDurable, 1)),
    ("completion", "a checkpoint completes twice", "completion/old", |t| repeat(t, EventKind::CheckpointCompleted, 1)),
    ("completion", "an aborted checkpoint completes", "completion/unacknowledged source", |t| {
        let completed = find(t, EventKind::CheckpointCompleted, 1);
        t.insert(completed, Event::CheckpointAborted { checkpoint: CheckpointId(2), reason: AbortReason::Expired });
    }),
    ("completion", "a task is told too early", "completion/told too early source", |t| {
        let (told, completed) = (find(t, EventKind::CompleteReceived, 0), find(t, EventKind::CheckpointCompleted, 0));
        let event = t.remove(told);
        t.insert(completed, event);
    }),
    ("restore", "the recovery goes back too far", "restore/older than the newest", |t| {
        alter(t, EventKind::RestorePoint, 0, |e| if let Event::RestorePoint { checkpoint, .. } = e { checkpoint.0 = 0 });
    }),
    ("restore", "a task starts elsewhere", "restore/start of count", |t| {
        alter(t, EventKind::TaskStarted, 7, |e| if let Event::TaskStarted { checkpoint, .. } = e { checkpoint.0 = 0 });
    }),
    ("restore", "state is not what it was", "restore/other state of count", |t| {
        alter(t, EventKind::StateRestored, 2, |e| if let Event::StateRestored { applied, .. } = e { *applied += 1 });
    }),
    ("restore", "state is made of other records", "restore/other state of sink", |t| {
        alter(t, EventKind::StateRestored, 4, |e| if let Event::StateRestored { lineage, .. } = e { *lineage ^= 1 });
    }),
    ("restore", "a task goes back twice after one failure", "restore/twice", |t| repeat(t, EventKind::RestorePoint, 0)),
    ("restore", "a task was not asked for its state", "restore/no snapshot of count", |t| drop_nth(t, EventKind::CutState, 2)),
    ("files", "the newest snapshot of a task is dropped", "files/deleted count", |t| {
        let completed = find(t, EventKind::CheckpointCompleted, 1);
        t.insert(completed + 1, Event::SnapshotsDropped { task: TaskId(2), upto: CheckpointId(2) });
    }),
    ("restore", "a source skips a record", "restore/position of source", |t| {
        alter(t, EventKind::SourceRewound, 0, |e| if let Event::SourceRewound { position, .. } = e { *position += 1 });
    }),
    ("restore", "the receiver is ahead", "restore/orphan count->sink", |t| ahead(t, ChannelId(5))),
    ("restore", "the ends have other records behind them", "restore/disorder count->sink", |t| {
        let restored = nth_of(t, EventKind::ChannelRestored, ChannelId(5));
        if let Event::ChannelRestored { received_chain, .. } = &mut t[restored] { *received_chain ^= 1 }
    }),
    ("restore", "too little is replayed", "restore/lost source->count", |t| {
        let restored = nth_of(t, EventKind::ChannelRestored, ChannelId(2));
        if let Event::ChannelReplayed { records, .. } = &mut t[restored + 1] { *records -= 1 }
        shift_received(&mut t[restored + 1..], ChannelId(2), -1);
    }),
    ("restore", "more is replayed than is missing", "restore/replayed twice count->sink", |t| {
        let restored = nth_of(t, EventKind::ChannelRestored, ChannelId(4));
        t.insert(restored + 1, Event::ChannelReplayed { channel: ChannelId(4), records: 2 });
        shift_received(&mut t[restored + 1..], ChannelId(4), 2);
    }),
    ("restore", "other records are replayed", "restore/replayed others source->count", |t| {
        let replayed = find(t, EventKind::ChannelReplayed, 0);
        let seen = find(&t[replayed..], EventKind::BufferConsumed, 1) + replayed;
        for event in &mut t[replayed..=seen] {
            match event {
                Event::BufferClosed { channel, chain, .. } | Event::BufferConsumed { channel, chain, .. } if channel.0 == 2 => *chain ^= 1,
                _ => {}
            }
        }
    }),
    ("state", "a record is applied twice", "state/more count", |t| {
        alter(t, EventKind::StateFinal, 2, |e| if let Event::StateFinal { applied, .. } = e { *applied += 1 });
    }),
    ("state", "a record is not applied", "state/fewer sink", |t| {
        alter(t, EventKind::StateFinal, 4, |e| if let Event::StateFinal { applied, .. } = e { *applied -= 1 });
    }),
    ("state", "one record instead of another", "state/others count", |t| {
        alter(t, EventKind::StateFinal, 3, |e| if let Event::StateFinal { lineage, .. } = e { *lineage ^= 1 });
    }),
    ("state", "a value is wrong", "state/values count", |t| {
        alter(t, EventKind::StateFinal, 3, |e| if let Event::StateFinal { values, .. } = e { *values ^= 1 });
    }),
    ("state", "a subtask says nothing", "state/untold source", |t| drop_nth(t, EventKind::StateFinal, 0)),
    ("output", "a commit is repeated", "output/duplicates sink", |t| {
        let first = t[find(t, EventKind::OutputVisible, 0)];
        let Event::OutputVisible { records: more, lineage: with, .. } = first else { unreachable!() };
        repeat(t, EventKind::OutputVisible, 0);
        alter(t, EventKind::OutputFinal, 0, |e| if let Event::OutputFinal { records, lineage, .. } = e {
            *records += more;
            *lineage = lineage.wrapping_add(with);
        });
    }),
    ("output", "a commit is lost", "output/losses sink", |t| {
        drop_nth(t, EventKind::OutputVisible, 0);
        let rest = t[find(t, EventKind::OutputVisible, 0)];
        let Event::OutputVisible { records: all, lineage: of, .. } = rest else { unreachable!() };
        alter(t, EventKind::OutputFinal, 0, |e| if let Event::OutputFinal { records, lineage, .. } = e { (*records, *lineage) = (all, of) });
    }),
    ("output", "one result instead of another", "output/swaps sink", |t| {
        alter(t, EventKind::OutputVisible, 0, |e| if let Event::OutputVisible { lineage, .. } = e { *lineage = lineage.wrapping_add(1) });
        alter(t, EventKind::OutputFinal, 0, |e| if let Event::OutputFinal { lineage, .. } = e { *lineage = lineage.wrapping_add(1) });
    }),
    ("output", "the total is not the sum", "output/unaccounted sink", |t| drop_nth(t, EventKind::OutputVisible, 0)),
    ("output", "output is visible before it is safe", "output/too early sink", |t| {
        let (visible, completed) = (find(t, EventKind::OutputVisible, 0), find(t, EventKind::CheckpointCompleted, 0));
        let event = t.remove(visible);
        t.insert(completed, event);
    }),
    ("commits", "a transaction is committed twice", "commits/committed by sink", |t| repeat(t, EventKind::TransactionCommitted, 0)),
    ("commits", "a transaction is committed that was aborted", "commits/committed by sink", |t| {
        let aborted = find(t, EventKind::TransactionAborted, 0);
        if let Event::TransactionAborted { task, operator, transaction, .. } = t[aborted] {
            let checkpoint = CheckpointId(1);
            t.insert(aborted + 1, Event::TransactionCommitted { task, operator, transaction, checkpoint, records: 1, lineage: 1 });
        }
    }),
    ("commits", "a transaction is aborted that was committed", "commits/aborted by sink", |t| {
        let committed = find(t, EventKind::TransactionCommitted, 0);
        if let Event::TransactionCommitted { task, operator, transaction, .. } = t[committed] {
            t.insert(committed + 1, Event::TransactionAborted { task, operator, transaction, late: 0 });
        }
    }),
    ("commits", "a transaction is committed before a restore could not undo it", "commits/too early sink", |t| {
        let (committed, completed) = (find(t, EventKind::TransactionCommitted, 0), find(t, EventKind::CheckpointCompleted, 0));
        put_before(t, committed, completed);
    }),
    ("commits", "an attempt that was fenced prepares what it has open", "commits/prepared by sink", |t| {
        let aborted = find(t, EventKind::TransactionAborted, 0);
        if let Event::TransactionAborted { task, operator, transaction, .. } = t[aborted] {
            let checkpoint = CheckpointId(2);
            t.insert(aborted, Event::TransactionPrepared { task, operator, transaction, checkpoint, records: 1, lineage: 1 });
        }
    }),
    ("commits", "what an attempt had open is left to itself", "commits/left by sink", |t| drop_nth(t, EventKind::TransactionAborted, 0)),
    ("commits", "a transaction is left out", "commits/numbers of sink", |t| {
        alter(t, EventKind::TransactionOpened, 1, |e| if let Event::TransactionOpened { transaction, .. } = e { *transaction += 1 });
        alter(t, EventKind::TransactionAborted, 0, |e| if let Event::TransactionAborted { transaction, .. } = e { *transaction += 1 });
    }),
    ("completion", "a checkpoint completes that never began", "completion/unacknowledged source", |t| drop_nth(t, EventKind::CheckpointTriggered, 1)),
    ("liveness", "sources stop for a savepoint that does not end the job", "liveness/stopped source", |t| {
        t.truncate(find(t, EventKind::TaskDrained, 0));
        t.push(Event::ReadingStopped { task: TaskId(0), position: 1 });
        t.push(Event::RunEnded { drained: 0 });
    }),
    ("liveness", "the run does not end", "liveness/no end", |t| {
        t.truncate(find(t, EventKind::SourceFinal, 0));
    }),
    ("liveness", "a task waits for ever", "liveness/blocked count", |t| {
        t.truncate(find(t, EventKind::TaskFinished, 0));
        t.push(Event::TaskBlocked { task: TaskId(3) });
    }),
    ("liveness", "a snapshot cannot be read, and no restart follows", "liveness/failed count", |t| {
        let (task, checkpoint) = (TaskId(3), CheckpointId(1));
        t.truncate(find_last(t, EventKind::RestorePoint) + 1);
        t.push(Event::RestoreFailed { task, checkpoint, gone: 1 });
        t.push(Event::TaskFailed { task, attempt: Attempt(1) });
        t.push(Event::RunEnded { drained: 0 });
    }),
];

#[rustfmt::skip]
const OVERTAKING: &[Forgery] = &[
    ("files", "what was given up is recorded", "files/recorded too late", |t| {
        let given_up = find(t, EventKind::CheckpointAborted, 0);
        let id = CheckpointId(5);
        t.splice(given_up + 1..given_up + 1, [Event::RecordStored { checkpoint: id }, Event::RecordForgotten { checkpoint: id }]);
    }),
    ("files", "a restart goes back behind what is recorded", "files/deleted source", |t| {
        let recorded = find(t, EventKind::RecordStored, 0);
        let id = t[recorded].checkpoint().expect("it is about one");
        let restart = find(t, EventKind::JobRestarting, 0);
        t.insert(restart, Event::RecordStored { checkpoint: CheckpointId(id.0 + 100) });
    }),
    ("aborts", "nobody declined", "aborts/declined by nobody", |t| drop_nth(t, EventKind::CheckpointDeclined, 0)),
    ("aborts", "what was given up is stored", "aborts/stored by source", |t| {
        let stored = find(t, EventKind::SnapshotDurable, 0);
        let Event::SnapshotDurable { task, checkpoint, .. } = t[stored] else { unreachable!("it was found as one") };
        t.insert(stored, Event::AbortReceived { task, checkpoint });
    }),
    ("order", "a sender sends another buffer than the one put in", "order/sent out of order count->sink", |t| {
        let replayed = replayed(t, C1_SINK, 0);
        let sent = find(&t[replayed..], EventKind::BufferSent, 0) + replayed;
        if let Event::BufferSent { seq, .. } = &mut t[sent] { *seq -= 1 }
    }),
    ("buffers", "a segment comes back before its buffer is sent", "buffers/unaccounted source", |t| {
        let third = t.iter().position(|e| matches!(e, Event::SegmentTaken { task: TaskId(0), in_use: 3 })).expect("it does");
        let back = third + find(&t[third..], EventKind::SegmentReturned, 0);
        shift_in_use(&mut t[third..back], 0, -1);
        if let Event::SegmentReturned { in_use, .. } = &mut t[back] { *in_use = 1 }
        put_before(t, back, third);
    }),
    ("buffers", "a segment is kept over a restart", "buffers/segments kept count", |t| {
        let restored = nth_of(t, EventKind::ChannelRestored, ChannelId::from(C1_SINK));
        t.remove(last_before(t, restored, EventKind::SegmentReturned, 3));
    }),
    ("buffers", "a floating buffer is kept over a restart", "buffers/floating source->count", |t| {
        let restored = nth_of(t, EventKind::ChannelRestored, ChannelId::from(S0_C1));
        let back = t[..restored].iter().rposition(|e| e.kind() == EventKind::FloatingReturned).expect("it comes back");
        t.remove(back);
    }),
    ("cut", "a sender captures its state too late", "cut/lost source->count", |t| {
        let sent = about(t, EventKind::CutSent, S0_C1, 4, 0);
        if let Event::CutSent { upto, .. } = &mut t[sent] { *upto += 1 }
    }),
    ("cut", "a sender keeps what has been received", "cut/orphan source->count", |t| {
        let sent = about(t, EventKind::CutSent, S0_C1, 4, 0);
        if let Event::CutSent { upto, .. } = &mut t[sent] { *upto -= 1 }
    }),
    ("cut", "a sender keeps other records", "cut/disorder source->count", |t| {
        let queued = about(t, EventKind::CutQueued, S0_C1, 4, 0);
        if let Event::CutQueued { chain, .. } = &mut t[queued] { *chain ^= 1 }
    }),
    ("cut", "a sender that has ended sent what is nowhere", "cut/lost source->count", |t| {
        let received = about(t, EventKind::CutReceived, S0_C1, 7, 0);
        if let Event::CutReceived { upto, .. } = &mut t[received] { *upto -= 1 }
    }),
    ("persisted", "a buffer is saved twice", "persisted/out of order source->count", |t| {
        let saved = about(t, EventKind::InputPersisted, S0_C1, 4, 1);
        t.insert(saved, t[saved]);
    }),
    ("persisted", "two buffers are saved the other way round", "persisted/out of order source->count", |t| {
        let (one, two) = (about(t, EventKind::OutputPersisted, S1_C1, 4, 0), about(t, EventKind::OutputPersisted, S1_C1, 4, 1));
        t.swap(one, two);
    }),
    ("persisted", "what had been read is saved", "persisted/miscounted source->count", |t| {
        let saved = about(t, EventKind::InputPersisted, S0_C1, 4, 0);
        if let Event::InputPersisted { records, .. } = &mut t[saved] { *records += 1 }
    }),
    ("persisted", "a buffer is saved at both ends", "persisted/out of order source->count", |t| {
        let saved = about(t, EventKind::OutputPersisted, S0_C1, 4, 0);
        if let Event::OutputPersisted { channel, checkpoint, seq, .. } = t[saved] {
            t.insert(saved, Event::OutputPersisted { channel, checkpoint, seq: seq - 1, records: 0, bytes: 0 });
        }
    }),
    ("persisted", "the last buffer before the barrier is forgotten", "persisted/forgotten source->count", |t| {
        t.remove(about(t, EventKind::OutputPersisted, S0_C1, 4, 1));
    }),
    ("persisted", "a buffer behind the barrier is saved", "persisted/behind the barrier source->count", |t| {
        let saved = about(t, EventKind::OutputPersisted, S0_C1, 4, 1);
        if let Event::OutputPersisted { channel, checkpoint, seq, records, bytes } = t[saved] {
            t.insert(saved + 1, Event::OutputPersisted { channel, checkpoint, seq: seq + 1, records, bytes });
        }
    }),
    ("persisted", "the last buffer of a sender that has ended is taken for another", "persisted/out of order source->count", |t| {
        let saved = about(t, EventKind::InputPersisted, S0_C1, 7, 0);
        if let Event::InputPersisted { seq, .. } = &mut t[saved] { *seq += 1 }
    }),
    ("completion", "a task hears of a savepoint", "completion/told of a savepoint count", |t| {
        let completed = of_checkpoint(t, EventKind::CheckpointCompleted, 1);
        t.insert(completed + 1, Event::CompleteReceived { task: TaskId(2), checkpoint: CheckpointId(1) });
    }),
    ("completion", "a task hears of a checkpoint that was given up", "completion/told of one given up sink", |t| {
        let completed = of_checkpoint(t, EventKind::CheckpointCompleted, 6);
        t.insert(completed + 1, Event::CompleteReceived { task: TaskId(4), checkpoint: CheckpointId(5) });
    }),
    ("completion", "a task ends after a checkpoint began in which it has no part", "completion/unacknowledged source", |t| {
        let (finished, triggered) = (find(t, EventKind::TaskFinished, 0), of_checkpoint(t, EventKind::CheckpointTriggered, 7));
        put_before(t, finished, triggered + 1);
    }),
    ("completion", "a savepoint is given up for a checkpoint", "completion/savepoint given up", |t| {
        let completed = of_checkpoint(t, EventKind::CheckpointCompleted, 3);
        t.insert(completed + 1, Event::CheckpointAborted { checkpoint: CheckpointId(3), reason: AbortReason::Subsumed });
    }),
    ("failures", "two checkpoints in a row expire, and nothing follows", "failures/goes on", |t| repeat(t, EventKind::CheckpointAborted, 0)),
    ("completion", "a savepoint lacks an acknowledgement", "completion/unacknowledged count", |t| {
        let is_it = |e: &Event| matches!(e, Event::AckReceived { task: TaskId(3), checkpoint: CheckpointId(3), .. });
        t.retain(|e| !is_it(e));
    }),
    ("completion", "a checkpoint completes after a newer one", "completion/old", |t| {
        // The first savepoint is a checkpoint now, and completes where it did.
        alter(t, EventKind::CheckpointTriggered, 0, |e| if let Event::CheckpointTriggered { purpose, .. } = e { *purpose = 0 });
    }),
    ("restore", "the recovery goes back to a savepoint", "restore/a savepoint", |t| {
        alter(t, EventKind::RestorePoint, 2, |e| if let Event::RestorePoint { checkpoint, .. } = e { checkpoint.0 = 3 });
    }),
    ("restore", "a task is taken for ended that was running", "restore/never ended count", |t| {
        alter(t, EventKind::RestorePoint, 2, |e| if let Event::RestorePoint { live, .. } = e { *live = 2 });
    }),
    ("restore", "a task that had ended goes back further than it must", "restore/older than the newest", |t| {
        alter(t, EventKind::RestorePoint, 5, |e| if let Event::RestorePoint { checkpoint, .. } = e { checkpoint.0 = 4 });
    }),
    ("restore", "a task that had ended goes back to what it has no part in", "restore/incomplete", |t| {
        alter(t, EventKind::RestorePoint, 5, |e| if let Event::RestorePoint { checkpoint, .. } = e { checkpoint.0 = 7 });
    }),
    ("restore", "a task that had ended has other state", "restore/other state of source", |t| {
        alter(t, EventKind::StateRestored, 5, |e| if let Event::StateRestored { lineage, .. } = e { *lineage ^= 1 });
    }),
    ("restore", "too little is put in at a sender", "restore/lost source->count", |t| {
        let replayed = replayed(t, S0_C1, 1);
        if let Event::ChannelReplayed { records, .. } = &mut t[replayed] { *records -= 1 }
    }),
    ("restore", "what was at the sender is put in before what was at the receiver", "restore/replayed others source->count", |t| {
        let replayed = replayed(t, S0_C1, 1);
        for (kind, nth) in [(EventKind::BufferClosed, 0), (EventKind::BufferConsumed, 2)] {
            let mut of_channel = t.iter_mut().skip(replayed).filter(|e| e.kind() == kind && e.channel() == Some(ChannelId::from(S0_C1)));
            match of_channel.nth(nth).expect("it goes through") {
                Event::BufferClosed { chain, .. } | Event::BufferConsumed { chain, .. } => *chain ^= 1,
                _ => unreachable!(),
            }
        }
    }),
    ("output", "output is visible though only a savepoint has it", "output/too early sink", |t| {
        let visible = of_checkpoint(t, EventKind::OutputVisible, 4);
        let saved = of_checkpoint(t, EventKind::CheckpointCompleted, 3);
        if let Event::OutputVisible { checkpoint, .. } = &mut t[visible] { checkpoint.0 = 3 }
        put_before(t, visible, saved + 1);
    }),
    ("liveness", "the last of several tasks does not end", "liveness/waiting sink", |t| {
        t.truncate(find_last(t, EventKind::TaskDrained));
        t.push(Event::RunEnded { drained: 0 });
    }),
];

#[rustfmt::skip]
const AT_LEAST_ONCE: &[Forgery] = &[
    ("at-least", "a record is not applied", "at-least/fewer in sink", |t| {
        alter(t, EventKind::StateFinal, 4, |e| if let Event::StateFinal { applied, .. } = e { *applied -= 1 });
    }),
    ("at-least", "one record instead of another", "at-least/others in count", |t| {
        alter(t, EventKind::StateFinal, 3, |e| if let Event::StateFinal { lineage, .. } = e { *lineage ^= 1 });
    }),
    ("at-least", "a record is applied twice and nothing had failed", "at-least/more in count", |t| {
        drop_nth(t, EventKind::JobRestarting, 0);
        alter(t, EventKind::StateFinal, 2, |e| if let Event::StateFinal { applied, .. } = e { *applied += 1 });
    }),
    ("at-least", "a result is not shown", "at-least/fewer out of sink", |t| {
        alter(t, EventKind::OutputFinal, 0, |e| if let Event::OutputFinal { records, .. } = e { *records -= 1 });
    }),
    ("restore", "too little is replayed", "restore/lost source->count", |t| {
        let replayed = find(t, EventKind::ChannelReplayed, 0);
        if let Event::ChannelReplayed { records, .. } = &mut t[replayed] { *records -= 1 }
        shift_received(&mut t[replayed..], ChannelId::from(S1_C0), -1);
    }),
];

#[rustfmt::skip]
const STANDING: &[Forgery] = &[
    ("wake-up", "a task is not told that segments came back", "wake-up/blocked source", |t| {
        at_the_end(t, &[Event::SegmentReturned { task: TaskId(0), in_use: 1 }]);
    }),
    ("wake-up", "a sender is not told that credits came", "wake-up/unsent source->count", |t| {
        let channel = ChannelId::from(S1_C0);
        at_the_end(t, &[Event::FloatingTaken { channel, left: 0 }, Event::CreditGranted { channel, amount: 1 }]);
    }),
    ("wake-up", "a receiver does not give its buffers back", "wake-up/no credit count->sink", |t| {
        let more = [empty_buffer(t, 0).to_vec(), empty_buffer(t, 1).to_vec(), empty_buffer(t, 2)[..2].to_vec()];
        at_the_end(t, &more.concat());
    }),
    ("wake-up", "a receiver is not told that a buffer arrived", "wake-up/unread count->sink", |t| {
        let more = empty_buffer(t, 0);
        at_the_end(t, &more[..5]);
    }),
    ("wake-up", "a receiver does not handle a barrier", "wake-up/unhandled source->count", |t| {
        t.remove(about(t, EventKind::BarrierReceived, S0_C1, 1, 0));
    }),
    ("wake-up", "a channel stays blocked behind a checkpoint that was given up", "wake-up/blocked for good source->count", |t| {
        at_the_end(t, &[Event::CheckpointAborted { checkpoint: CheckpointId(1), reason: AbortReason::Expired }]);
    }),
];

/// The next buffer but `nth` from count 1 to the sink, with nothing in it, on all of its way; no credit comes back.
fn empty_buffer(trace: &[Event], nth: u64) -> [Event; 7] {
    let (channel, task) = (ChannelId::from(C1_SINK), TaskId(3));
    let last = trace.iter().rev().find_map(|event| match *event {
        Event::BufferClosed { channel: of, seq, upto, chain, .. } if of == channel => Some((seq, upto, chain)),
        _ => None,
    });
    let (seq, upto, chain) = last.expect("there was one");
    let seq = seq + 1 + nth;
    [
        Event::SegmentTaken { task, in_use: 1 },
        Event::BufferClosed { channel, seq, records: 0, bytes: 1, upto, chain },
        Event::BufferSent { channel, seq },
        Event::SegmentReturned { task, in_use: 0 },
        Event::BufferArrived { channel, seq },
        Event::BufferTaken { channel, seq, records: 0, bytes: 1 },
        Event::BufferConsumed { channel, seq, upto, chain },
    ]
}

#[rustfmt::skip]
const HANDING_OUT: &[Forgery] = &[
    ("splits", "a split is given to two readers", "splits/two owners", |t| repeat(t, EventKind::SplitAssigned, 0)),
    ("splits", "a split is given that is none", "splits/unknown", |t| drop_nth(t, EventKind::SplitFree, 0)),
    ("splits", "another reader reads it", "splits/two owners", |t| {
        alter(t, EventKind::SplitBegun, 1, |e| if let Event::SplitBegun { task, .. } = e { task.0 = 0 });
    }),
    ("splits", "the enumerator does not get a split back", "splits/lost source", |t| drop_nth(t, EventKind::SplitReturned, 0)),
    ("splits", "it gets a split back twice", "splits/two owners", |t| repeat(t, EventKind::SplitReturned, 0)),
    ("splits", "it gets a split back that the reader has", "splits/two owners", |t| {
        alter(t, EventKind::SplitReturned, 0, |e| if let Event::SplitReturned { split, .. } = e { *split = 1 });
    }),
    ("splits", "a reader is restored without a split", "splits/lost source", |t| drop_nth(t, EventKind::SplitRestored, 1)),
    ("splits", "a split is restored twice", "splits/two owners", |t| repeat(t, EventKind::SplitRestored, 2)),
    ("splits", "an enumerator that goes back forgets a split", "splits/lost source", |t| drop_nth(t, EventKind::SplitFree, 4)),
    ("splits", "it plans one anew that was read", "splits/two owners", |t| {
        let free = find(t, EventKind::SplitFree, 4);
        t.insert(free, Event::SplitFree { operator: OperatorId(0), split: 0 });
    }),
    ("splits", "a reader's part lacks a split", "splits/not saved source", |t| drop_nth(t, EventKind::SplitCaptured, 1)),
    ("splits", "the enumerator's part lacks a split", "splits/not saved source", |t| drop_nth(t, EventKind::SplitSaved, 1)),
    ("splits", "two parts hold a split", "splits/saved twice source", |t| {
        let saved = find(t, EventKind::SplitSaved, 0);
        t.insert(saved, Event::SplitSaved { checkpoint: CheckpointId(1), split: 2 });
    }),
    ("splits", "a split is not read to its end", "splits/not read source", |t| drop_last(t, EventKind::SplitFinished)),
];

/// Changes the n-th watermark, counted from 0, that somebody said.
fn says(trace: &mut [Event], nth: usize, instead: u64) {
    alter(trace, EventKind::WatermarkAdvanced, nth, |e| {
        if let Event::WatermarkAdvanced { watermark, .. } = e {
            *watermark = instead;
        }
    });
}

#[rustfmt::skip]
const TELLING_TIME: &[Forgery] = &[
    ("watermarks", "a task says what the farthest of its inputs says", "watermarks/too much at count", |t| says(t, 2, 20)),
    ("watermarks", "a task says nothing although it knows more", "watermarks/held back count", |t| {
        drop_nth(t, EventKind::WatermarkAdvanced, 2);
    }),
    ("watermarks", "a task waits for an input that is idle", "watermarks/held back count", |t| says(t, 6, 20)),
    ("watermarks", "an input that is idle says so to nobody", "watermarks/too much at count", |t| drop_nth(t, EventKind::IdleReceived, 0)),
    ("watermarks", "a task does not wait for one that has come back", "watermarks/too much at count", |t| says(t, 15, 60)),
    ("watermarks", "a channel goes back", "watermarks/goes back on source->count", |t| {
        let heard = nth_of(t, EventKind::WatermarkReceived, ChannelId::from(S1_C0));
        t.insert(heard + 2, Event::WatermarkReceived { channel: ChannelId::from(S1_C0), watermark: 15 });
    }),
    ("watermarks", "a channel goes back twice after one restart", "watermarks/goes back on source->count", |t| {
        let heard = find_last(t, EventKind::JobRestarting);
        let channel = ChannelId::from(S0_C0);
        let told = heard + nth_of(&t[heard..], EventKind::WatermarkReceived, channel);
        t.insert(told, Event::WatermarkReceived { channel, watermark: 41 });
    }),
    ("watermarks", "a source goes back", "watermarks/goes back at source", |t| says(t, 5, 10)),
    ("watermarks", "a task that begins again keeps what it knew", "watermarks/too much at count", |t| {
        let restarted = find_last(t, EventKind::JobRestarting);
        let heard = restarted + nth_of(&t[restarted..], EventKind::WatermarkReceived, ChannelId::from(S0_C0));
        t.insert(heard + 1, Event::WatermarkAdvanced { task: TaskId(2), watermark: 50 });
    }),
    ("watermarks", "a record is late", "watermarks/late at sink", |t| {
        t.push(Event::RecordsLate { task: TaskId(4), records: 2 });
    }),
    ("watermarks", "a task has read all its data and does not say so", "watermarks/no end at source", |t| {
        let end = t.iter().position(|e| matches!(e, Event::WatermarkAdvanced { task: TaskId(0), watermark: u64::MAX }));
        t.remove(end.expect("it says so"));
    }),
];

#[rustfmt::skip]
const KEEPING_FILES: &[Forgery] = &[
    ("registry", "a file is not stored when its checkpoint completes", "registry/completed without a file count", |t| {
        drop_nth(t, EventKind::FileStored, 2);
    }),
    ("registry", "a snapshot counts on a file that is not there yet", "registry/placeholder of nothing count", |t| {
        alter(t, EventKind::FileReferenced, 2, |e| if let Event::FileReferenced { fresh, .. } = e { *fresh = 0 });
    }),
    ("registry", "a savepoint counts on a file", "registry/shared by a savepoint count", |t| {
        let (at, task) = (of_checkpoint(t, EventKind::EntriesCut, 2), TaskId(2));
        t.insert(at, Event::FileReferenced { task, checkpoint: CheckpointId(2), file: 10, bytes: 1, fresh: 0 });
    }),
    ("registry", "a file goes that a checkpoint needs", "registry/deleted too early count", |t| {
        let (deleted, restarting) = (find(t, EventKind::FileDeleted, 0), find(t, EventKind::JobRestarting, 0));
        put_before(t, deleted, restarting);
    }),
    ("registry", "a file stays that nothing needs", "registry/kept count", |t| drop_last(t, EventKind::FileDeleted)),
    ("entries", "an entry is missing", "entries/other entries count", |t| {
        alter(t, EventKind::EntriesRestored, 0, |e| if let Event::EntriesRestored { entries, .. } = e { *entries -= 1 });
    }),
    ("entries", "the copy on the machine is another one", "entries/other entries count", |t| {
        alter(t, EventKind::EntriesRestored, 1, |e| if let Event::EntriesRestored { hash, .. } = e { *hash ^= 1 });
    }),
    ("entries", "the state of an older checkpoint is restored", "entries/other entries count", |t| {
        alter(t, EventKind::EntriesCut, 2, |e| if let Event::EntriesCut { entries, hash, .. } = e { (*entries, *hash) = (3, 21) });
    }),
];

#[rustfmt::skip]
const GATHERING: &[Forgery] = &[
    ("timers", "a timer fires twice", "timers/too many count", |t| repeat(t, EventKind::TimersFired, 3)),
    ("timers", "a timer never fires", "timers/does not add up in count", |t| drop_last(t, EventKind::TimersFired)),
    ("timers", "another timer fires than the one that was set", "timers/does not add up in count", |t| {
        alter(t, EventKind::TimersFired, 5, |e| if let Event::TimersFired { hash, .. } = e { *hash += 1 });
    }),
    ("timers", "a timer fires before its time", "timers/too early count", |t| {
        alter(t, EventKind::TimersFired, 0, |e| if let Event::TimersFired { upto, .. } = e { *upto = 11 });
    }),
    ("timers", "a timer is passed over", "timers/overdue count", |t| {
        alter(t, EventKind::TimersFired, 0, |e| if let Event::TimersFired { next, .. } = e { *next = 9 });
    }),
    ("timers", "a snapshot is without a timer", "timers/does not add up in count", |t| {
        alter(t, EventKind::CutTimers, 0, |e| if let Event::CutTimers { timers, hash, .. } = e { (*timers, *hash) = (0, 0) });
        // What fires after that would not have been set.
        alter(t, EventKind::TimersFired, 2, |e| if let Event::TimersFired { timers, hash, .. } = e { (*timers, *hash) = (0, 0) });
        alter(t, EventKind::TimersRestored, 0, |e| if let Event::TimersRestored { timers, hash, .. } = e { (*timers, *hash) = (0, 0) });
        alter(t, EventKind::TimersFired, 4, |e| if let Event::TimersFired { timers, hash, .. } = e { (*timers, *hash) = (0, 0) });
    }),
    ("timers", "a timer comes back from a snapshot as another", "timers/not restored in count", |t| {
        alter(t, EventKind::TimersRestored, 0, |e| if let Event::TimersRestored { hash, .. } = e { *hash += 1 });
        alter(t, EventKind::TimersFired, 4, |e| if let Event::TimersFired { hash, .. } = e { *hash += 1 });
    }),
    ("timers", "a pane comes back without what was in it", "timers/not restored in count", |t| {
        alter(t, EventKind::TimersRestored, 0, |e| if let Event::TimersRestored { content, .. } = e { *content = 0 });
    }),
    ("windows", "a record is in no window", "windows/entries of count", |t| {
        alter(t, EventKind::WindowsFinal, 0, |e| if let Event::WindowsFinal { entries, .. } = e { *entries -= 1 });
    }),
    ("windows", "a record is in the wrong window", "windows/entries of count", |t| {
        alter(t, EventKind::WindowsFinal, 1, |e| if let Event::WindowsFinal { hash, .. } = e { *hash += 1 });
    }),
    ("windows", "a window gives its result twice", "windows/results of count", |t| {
        alter(t, EventKind::WindowsFinal, 0, |e| if let Event::WindowsFinal { results, .. } = e { *results += 1 });
    }),
    ("windows", "a window gives another result", "windows/results of count", |t| {
        alter(t, EventKind::WindowsFinal, 0, |e| if let Event::WindowsFinal { lineage, .. } = e { *lineage += 1 });
    }),
    ("windows", "a subtask says nothing of its windows", "windows/untold of count", |t| drop_last(t, EventKind::WindowsFinal)),
];
