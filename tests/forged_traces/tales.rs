//! The clean traces: what happens in each, and what its forgeries are held to.

use crate::story::{C1_SINK, S0_C0, S0_C1, S1_C0, S1_C1, Story};
use cutline::base::{ChannelId, CheckpointId, OperatorId, TaskId};
use cutline::check::{Claim, Claims};
use cutline::trace::{AbortReason, Event, EventKind};

/// What a protocol claims that counts every record once.
pub const EXACTLY: Claims = Claims::of(&[Claim::SavedBuffers, Claim::ExactlyOnceState, Claim::ExactlyOnceOutput]);
/// What one claims that loses none.
pub const AT_LEAST: Claims = Claims::of(&[Claim::Coordinated, Claim::AtLeastOnceState, Claim::AtLeastOnceOutput]);

/// Two checkpoints of which the first copies records in a channel, a failure between them, a recovery that puts these
/// back, and a drained end.
pub fn copying() -> Story {
    let mut story = Story::new();
    (0..2).for_each(|_| story.round(3));
    story.close(S1_C0, 2);
    story.pass(S1_C0);
    story.trigger(1, 0);
    let saved = story.parts(1);
    story.commit(1);
    story.receive(S1_C0);
    story.round(2);
    story.recover(saved);
    story.receive(S1_C0);
    (0..2).for_each(|_| story.round(1));
    let (channel, checkpoint) = (ChannelId::from(S0_C1), CheckpointId(2));
    story.tell(Event::ChannelBlocked { channel, checkpoint });
    story.tell(Event::BarrierReceived { task: TaskId(3), channel, checkpoint });
    story.trigger(2, 0);
    story.parts(2);
    story.tell(Event::ChannelResumed { channel });
    story.commit(2);
    (0..5).for_each(|task| story.finish(task, 2));
    story.end(true);
    story
}

/// Savepoints beside checkpoints, a checkpoint whose barriers overtake data at both ends of channels, a failure and a
/// recovery that puts these back, sources that end one after the other, and a failure between them.
pub fn overtaking() -> Story {
    let mut story = Story::new();
    story.round(2);
    // A newer checkpoint completes before a savepoint; another savepoint is the newest of all for a while.
    story.trigger(1, 1);
    story.parts(1);
    story.trigger(2, 0);
    story.parts(2);
    story.commit(2);
    story.tell(Event::CheckpointCompleted { checkpoint: CheckpointId(1) });
    story.round(1);
    story.trigger(3, 1);
    story.parts(3);
    story.tell(Event::CheckpointCompleted { checkpoint: CheckpointId(3) });
    fill_channels(&mut story);
    let saved = story.overtake(4);
    story.commit(4);
    story.recover(saved);
    empty_channels(&mut story);
    story.round(1);
    story.trigger(5, 0);
    story.tell(Event::CheckpointAborted { checkpoint: CheckpointId(5), reason: AbortReason::Expired });
    // The last buffer of a source that ends has not been read when the next checkpoint begins.
    story.close(S0_C1, 2);
    story.pass(S0_C1);
    story.trigger(6, 0);
    story.parts(6);
    story.commit(6);
    story.finish(0, 6);
    story.round(1);
    let saved = story.overtake(7);
    story.commit(7);
    story.receive(S0_C1);
    story.recover(saved);
    story.receive(S0_C1);
    story.round(1);
    story.trigger(8, 0);
    story.parts(8);
    story.commit(8);
    story.trigger(9, 0);
    story.tell(Event::CheckpointDeclined { task: TaskId(4), checkpoint: CheckpointId(9), reason: 1 });
    story.tell(Event::CheckpointAborted { checkpoint: CheckpointId(9), reason: AbortReason::Declined });
    (1..5).for_each(|task| story.finish(task, 8));
    story.end(true);
    story
}

/// From source 0 to count 1: half read, on the wire, and two queued, the second of them empty. From source 1 to count 1,
/// on one machine: two that are not read. From count 1 to the sink: three queued.
fn fill_channels(story: &mut Story) {
    for records in [3, 2, 1, 2, 0] {
        story.close(S0_C1, records);
    }
    (0..2).for_each(|_| story.send(S0_C1));
    (0..2).for_each(|_| story.arrive(S0_C1));
    story.take(S0_C1);
    story.read(S0_C1, 2);
    story.read(S0_C1, 1);
    story.consume(S0_C1);
    story.send(S0_C1);
    story.take(S0_C1);
    story.read(S0_C1, 1);
    story.close(S1_C1, 2);
    story.close(S1_C1, 1);
}

/// What the recovery put back is read, and what it put back at senders is sent before that.
fn empty_channels(story: &mut Story) {
    for _ in 0..3 {
        story.pass(C1_SINK);
        story.receive(C1_SINK);
    }
    (0..2).for_each(|_| story.receive(S0_C1));
    story.pass(S0_C1);
    story.receive(S0_C1);
    (0..2).for_each(|_| story.receive(S1_C1));
}

/// A run that stands still, and everybody waits rightly: source 1 forgot a barrier on its channel to count 1. That one
/// waits for it with the other channel blocked, and so does the sink with the channel of count 0. Behind them wait
/// count 0, reading, and both sources, for output buffers; and a sender for credits.
pub fn standing() -> Story {
    let mut story = Story::new();
    story.round(2);
    story.trigger(1, 0);
    let checkpoint = CheckpointId(1);
    let barrier = |story: &mut Story, channel: usize, to: u32| {
        let (channel, task) = (ChannelId::from(channel), TaskId(to));
        story.tell(Event::BarrierSent { channel, checkpoint });
        story.tell(Event::ChannelBlocked { channel, checkpoint });
        story.tell(Event::BarrierReceived { task, channel, checkpoint });
    };
    let blocked = |story: &mut Story, task: u32| story.tell(Event::TaskBlocked { task: TaskId(task) });
    barrier(&mut story, S0_C0, 2);
    barrier(&mut story, S1_C0, 2);
    barrier(&mut story, S0_C1, 3);
    // Count 0 has both of its barriers and goes on; its channel to the sink is on the same machine.
    barrier(&mut story, 4, 4);
    for channel in [S0_C0, S1_C0] {
        story.tell(Event::ChannelResumed { channel: ChannelId::from(channel) });
    }
    (0..2).for_each(|_| story.close(S0_C1, 1));
    blocked(&mut story, 0);
    for records in [3, 1] {
        story.close(S1_C0, records);
        story.pass(S1_C0);
    }
    story.take(S1_C0);
    for _ in 0..2 {
        story.read(S1_C0, 1);
    }
    blocked(&mut story, 2);
    (0..2).for_each(|_| story.close(S1_C0, 1));
    blocked(&mut story, 1);
    story.end(false);
    story
}

/// Four splits and two readers. A reader that goes back alone loses a split to the enumerator; then the whole job goes back,
/// and the enumerator with it.
pub fn handing_out() -> Story {
    let mut story = Story::new();
    let operator = OperatorId(0);
    (0..4).for_each(|split| story.tell(Event::SplitFree { operator, split }));
    give(&mut story, 0, 0);
    give(&mut story, 1, 1);
    story.round(1);
    story.tell(Event::SplitFinished { task: TaskId(0), split: 0 });
    give(&mut story, 0, 2);
    story.trigger(1, 0);
    hold(&mut story, 1, &[(0, 0), (0, 2), (1, 1)], &[3]);
    let saved = story.parts(1);
    story.commit(1);
    story.tell(Event::SplitFinished { task: TaskId(1), split: 1 });
    give(&mut story, 1, 3);
    story.round(1);
    story.recover(saved);
    let back = Event::SplitReturned { task: TaskId(1), split: 3 };
    before_the_start(&mut story, &[held(0, 0, 1), held(0, 2, 0), held(1, 1, 0), back]);
    story.round(1);
    story.tell(Event::SplitFinished { task: TaskId(0), split: 2 });
    story.tell(Event::SplitFinished { task: TaskId(1), split: 1 });
    story.trigger(2, 0);
    hold(&mut story, 2, &[(0, 0), (0, 2), (1, 1)], &[3]);
    let saved = story.parts(2);
    story.commit(2);
    give(&mut story, 0, 3);
    story.recover(saved);
    let reset = Event::SplitsReset { operator, checkpoint: CheckpointId(2) };
    let free = Event::SplitFree { operator, split: 3 };
    before_the_start(&mut story, &[reset, held(0, 0, 1), held(0, 2, 1), held(1, 1, 1), free]);
    give(&mut story, 1, 3);
    story.round(1);
    story.tell(Event::SplitFinished { task: TaskId(1), split: 3 });
    story.trigger(3, 0);
    hold(&mut story, 3, &[(0, 0), (0, 2), (1, 1), (1, 3)], &[]);
    story.parts(3);
    story.commit(3);
    (0..5).for_each(|task| story.finish(task, 3));
    story.end(true);
    story
}

/// Two sources say how far they are; one is idle for a while and comes back behind the other. After a recovery all begin
/// anew, one of them with less than it had said before, which a restart put back into a channel.
pub fn telling_time() -> Story {
    let mut story = Story::in_time();
    story.round(1);
    say(&mut story, 0, 10, None);
    say(&mut story, 1, 20, Some(10));
    rest(&mut story, 1, 1);
    say(&mut story, 0, 30, Some(30));
    rest(&mut story, 1, 0);
    say(&mut story, 0, 40, Some(40));
    say(&mut story, 1, 45, None);
    say(&mut story, 0, 60, Some(45));
    story.trigger(1, 0);
    let saved = story.parts(1);
    story.commit(1);
    say(&mut story, 1, 50, Some(50));
    story.recover(saved);
    hear(&mut story, S0_C0, 40);
    say(&mut story, 0, 35, None);
    say(&mut story, 0, 42, None);
    say(&mut story, 1, 55, Some(42));
    story.round(1);
    story.trigger(2, 0);
    story.parts(2);
    story.commit(2);
    const END: u64 = u64::MAX;
    say(&mut story, 0, END, Some(55));
    say(&mut story, 1, END, Some(END));
    (0..5).for_each(|task| story.finish(task, 2));
    story.end(true);
    story
}

/// Three checkpoints and a savepoint of a count whose state is in files: the second checkpoint counts on one of the first,
/// and is gone back to; the third one has all in one file, so that the others go.
pub fn keeping_files() -> Story {
    let mut story = Story::new();
    story.round(2);
    story.trigger(1, 0);
    need(&mut story, 1, 3, &[(10, 1)]);
    story.parts(1);
    story.commit(1);
    story.round(1);
    story.trigger(2, 1);
    need(&mut story, 2, 4, &[]);
    story.parts(2);
    story.tell(Event::CheckpointCompleted { checkpoint: CheckpointId(2) });
    story.trigger(3, 0);
    need(&mut story, 3, 5, &[(10, 0), (11, 1)]);
    let saved = story.parts(3);
    story.commit(3);
    forget_and_drop(&mut story, 1, 2);
    story.round(1);
    story.recover(saved);
    let (task, operator, checkpoint) = (TaskId(2), OperatorId(1), CheckpointId(3));
    let restored =
        [0, 1].map(|local| Event::EntriesRestored { task, operator, checkpoint, entries: 5, hash: 35, local });
    before_the_start(&mut story, &restored);
    story.round(1);
    story.trigger(4, 0);
    need(&mut story, 4, 6, &[(12, 1)]);
    story.parts(4);
    story.commit(4);
    forget_and_drop(&mut story, 3, 3);
    [10, 11].into_iter().for_each(|file| story.tell(Event::FileDeleted { task, file, bytes: 1 }));
    (0..5).for_each(|task| story.finish(task, 4));
    story.end(true);
    story
}

/// The first count has so many entries, in these files, of which it stores some.
fn need(story: &mut Story, checkpoint: u64, entries: u64, files: &[(u64, u32)]) {
    let (task, operator, checkpoint) = (TaskId(2), OperatorId(1), CheckpointId(checkpoint));
    story.tell(Event::EntriesCut { task, operator, checkpoint, entries, hash: 7 * entries });
    for (file, fresh) in files.iter().copied() {
        story.tell(Event::FileReferenced { task, checkpoint, file, bytes: 1, fresh });
        if fresh == 1 {
            story.tell(Event::FileStored { task, file, bytes: 1 });
        }
    }
}

/// A checkpoint is forgotten, and snapshots go.
fn forget_and_drop(story: &mut Story, checkpoint: u64, upto: u64) {
    story.tell(Event::RecordForgotten { checkpoint: CheckpointId(checkpoint) });
    (0..5).for_each(|task| story.tell(Event::SnapshotsDropped { task: TaskId(task), upto: CheckpointId(upto) }));
}

/// Both counts have two windows; the first ends before the checkpoint, and the second fires twice, because all went back.
pub fn gathering() -> Story {
    let mut story = Story::in_windows();
    story.round(1);
    (2..4).for_each(|task| set(&mut story, task, 2, 11));
    say(&mut story, 0, 10, None);
    say(&mut story, 1, 12, Some(10));
    (2..4).for_each(|task| fire(&mut story, task, 9, 19, 4));
    story.trigger(1, 0);
    let saved = story.parts(1);
    (2..4).for_each(|task| story.tell(waiting(task, Some(1))));
    story.commit(1);
    say(&mut story, 0, 20, Some(12));
    say(&mut story, 1, 22, Some(20));
    (2..4).for_each(|task| fire(&mut story, task, 19, 0, 7));
    story.recover(saved);
    (2..4).for_each(|task| {
        let started = story.events.iter().rposition(|e| matches!(e, Event::TaskStarted { task: TaskId(0), .. }));
        let restored = waiting(task, None);
        story.events.insert(started.expect("it starts again"), restored);
    });
    story.round(1);
    say(&mut story, 0, 20, None);
    say(&mut story, 1, 22, Some(20));
    (2..4).for_each(|task| fire(&mut story, task, 19, 0, 7));
    story.trigger(2, 0);
    story.parts(2);
    story.commit(2);
    const END: u64 = u64::MAX;
    say(&mut story, 0, END, Some(22));
    say(&mut story, 1, END, Some(END));
    (0..5).for_each(|task| story.finish(task, 2));
    story.end(true);
    let operator = OperatorId(1);
    for task in [TaskId(2), TaskId(3)] {
        let end = story.events.len() - 1;
        let left = Event::TimersFinal { task, operator, panes: 0, content: 0, timers: 0, hash: 0 };
        story.events.insert(end, left);
        let (results, lineage, entries, hash) = (2, 20, 4, 40);
        story.events.insert(end, Event::WindowsFinal { task, operator, open: 0, results, lineage, entries, hash });
    }
    story
}

/// A count sets timers, the hash of which is a sum.
fn set(story: &mut Story, task: u32, timers: u64, hash: u64) {
    let (task, operator) = (TaskId(task), OperatorId(1));
    story.tell(Event::TimersSet { task, operator, timers, deleted: 0, hash });
}

/// One of its timers fires.
fn fire(story: &mut Story, task: u32, upto: u64, next: u64, hash: u64) {
    let (task, operator) = (TaskId(task), OperatorId(1));
    story.tell(Event::TimersFired { task, operator, upto, next, timers: 1, hash, results: 1 });
}

/// One pane and one timer wait in a snapshot, or again.
fn waiting(task: u32, checkpoint: Option<u64>) -> Event {
    let (task, operator, panes, content, timers, hash) = (TaskId(task), OperatorId(1), 1, 5, 1, 7);
    match checkpoint.map(CheckpointId) {
        Some(checkpoint) => Event::CutTimers { task, operator, checkpoint, panes, content, timers, hash },
        None => Event::TimersRestored { task, operator, panes, content, timers, hash },
    }
}

fn hear(story: &mut Story, channel: usize, watermark: u64) {
    story.tell(Event::WatermarkReceived { channel: ChannelId::from(channel), watermark });
}

/// A source says how far it is, and everybody hears of it. Then the counts, and the sink, know so much more.
fn say(story: &mut Story, source: u32, watermark: u64, known: Option<u64>) {
    story.tell(Event::WatermarkAdvanced { task: TaskId(source), watermark });
    for count in 0..2 {
        hear(story, 2 * source as usize + count, watermark);
        if let Some(watermark) = known {
            story.tell(Event::WatermarkAdvanced { task: TaskId(2 + count as u32), watermark });
        }
    }
    if let Some(watermark) = known {
        (4..=C1_SINK).for_each(|channel| hear(story, channel, watermark));
        story.tell(Event::WatermarkAdvanced { task: TaskId(4), watermark });
    }
}

/// A source becomes idle, or is not any more.
fn rest(story: &mut Story, source: u32, idle: u32) {
    story.tell(Event::TaskIdle { task: TaskId(source), idle });
    for count in 0..2 {
        story.tell(Event::IdleReceived { channel: ChannelId(2 * source + count), idle });
    }
}

fn give(story: &mut Story, task: u32, split: u32) {
    let task = TaskId(task);
    story.tell(Event::SplitAssigned { task, split });
    story.tell(Event::SplitBegun { task, split });
}

/// What readers and the enumerator have of a checkpoint.
fn hold(story: &mut Story, checkpoint: u64, captured: &[(u32, u32)], saved: &[u32]) {
    let checkpoint = CheckpointId(checkpoint);
    saved.iter().for_each(|split| story.tell(Event::SplitSaved { checkpoint, split: *split }));
    for (task, split) in captured {
        story.tell(Event::SplitCaptured { task: TaskId(*task), checkpoint, split: *split, offset: 1 });
    }
}

/// A reader has a split again.
fn held(task: u32, split: u32, done: u32) -> Event {
    Event::SplitRestored { task: TaskId(task), split, offset: 1, done }
}

/// A recovery does this before anybody begins again.
fn before_the_start(story: &mut Story, events: &[Event]) {
    let restarting = story.events.iter().rposition(|event| event.kind() == EventKind::JobRestarting);
    let restarting = restarting.expect("there is a recovery");
    let started = story.events[restarting..].iter().position(|event| event.kind() == EventKind::TaskStarted);
    let at = restarting + started.expect("tasks start");
    story.events.splice(at..at, events.iter().copied());
}
