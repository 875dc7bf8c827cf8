//! How a trace is forged: finding an event, and changing, dropping, repeating or moving it.

use cutline::base::{ChannelId, CheckpointId, TaskId};
use cutline::trace::{Event, EventKind};

pub fn find(trace: &[Event], kind: EventKind, nth: usize) -> usize {
    let mut all = trace.iter().enumerate().filter(|(_, event)| event.kind() == kind);
    all.nth(nth).unwrap_or_else(|| panic!("no {} number {nth}", kind.name())).0
}

pub fn find_last(trace: &[Event], kind: EventKind) -> usize {
    trace.iter().rposition(|event| event.kind() == kind).expect("it happens")
}

pub fn nth_of(trace: &[Event], kind: EventKind, channel: ChannelId) -> usize {
    trace.iter().position(|event| event.kind() == kind && event.channel() == Some(channel)).expect("it happens")
}

pub fn alter(trace: &mut [Event], kind: EventKind, nth: usize, how: impl FnOnce(&mut Event)) {
    let at = find(trace, kind, nth);
    how(&mut trace[at]);
}

pub fn drop_nth(trace: &mut Vec<Event>, kind: EventKind, nth: usize) {
    let at = find(trace, kind, nth);
    trace.remove(at);
}

pub fn drop_last(trace: &mut Vec<Event>, kind: EventKind) {
    trace.remove(find_last(trace, kind));
}

pub fn repeat(trace: &mut Vec<Event>, kind: EventKind, nth: usize) {
    let at = find(trace, kind, nth);
    trace.insert(at, trace[at]);
}

pub fn repeat_last(trace: &mut Vec<Event>, kind: EventKind) {
    let at = find_last(trace, kind);
    trace.insert(at, trace[at]);
}

/// From the recovery on, the receiver has one record more behind it than the sender.
pub fn ahead(trace: &mut [Event], channel: ChannelId) {
    let restored = nth_of(trace, EventKind::ChannelRestored, channel);
    if let Event::ChannelRestored { received, .. } = &mut trace[restored] {
        *received += 1;
    }
    shift_received(&mut trace[restored + 1..], channel, 1);
}

/// The receiver has so many records more. Cuts stay as they were: what is forged is a recovery.
pub fn shift_received(trace: &mut [Event], of: ChannelId, by: i64) {
    for event in trace {
        match event {
            Event::BufferConsumed { channel, upto: received, .. } | Event::ChannelFinal { channel, received, .. }
                if *channel == of =>
            {
                *received = received.wrapping_add_signed(by);
            }
            _ => {}
        }
    }
}

/// The event of this kind about a channel and a checkpoint, the `nth` from 0.
pub fn about(trace: &[Event], kind: EventKind, channel: usize, checkpoint: u64, nth: usize) -> usize {
    let is_it = |event: &Event| {
        let (channel, checkpoint) = (ChannelId::from(channel), CheckpointId(checkpoint));
        event.kind() == kind && event.channel() == Some(channel) && event.checkpoint() == Some(checkpoint)
    };
    let mut all = trace.iter().enumerate().filter(|(_, event)| is_it(event));
    all.nth(nth).unwrap_or_else(|| panic!("no {} number {nth} of them", kind.name())).0
}

/// The event of this kind about a checkpoint.
pub fn of_checkpoint(trace: &[Event], kind: EventKind, checkpoint: u64) -> usize {
    let is_it = |event: &Event| event.kind() == kind && event.checkpoint() == Some(CheckpointId(checkpoint));
    trace.iter().position(is_it).expect("it happens")
}

/// The last event of this kind about a task before a place in the trace.
pub fn last_before(trace: &[Event], place: usize, kind: EventKind, task: u32) -> usize {
    let is_it = |event: &Event| event.kind() == kind && event.task() == Some(TaskId(task));
    trace[..place].iter().rposition(is_it).expect("it happens before")
}

/// Where a recovery puts records into a channel, the `nth` time from 0.
pub fn replayed(trace: &[Event], channel: usize, nth: usize) -> usize {
    let is_it = |event: &Event| matches!(event, Event::ChannelReplayed { channel: of, .. } if of.index() == channel);
    let mut all = trace.iter().enumerate().filter(|(_, event)| is_it(event));
    all.nth(nth).expect("it is done so often").0
}

/// Moves an event to before another one.
pub fn put_before(trace: &mut Vec<Event>, from: usize, to: usize) {
    let event = trace.remove(from);
    trace.insert(if from < to { to - 1 } else { to }, event);
}

/// A task says that it has so many more segments in use.
pub fn shift_in_use(trace: &mut [Event], of: u32, by: i32) {
    for event in trace {
        match event {
            Event::SegmentTaken { task, in_use } | Event::SegmentReturned { task, in_use } if task.0 == of => {
                *in_use = in_use.wrapping_add_signed(by);
            }
            _ => {}
        }
    }
}

/// Before the last words of a run that stands still something more happens.
pub fn at_the_end(trace: &mut Vec<Event>, events: &[Event]) {
    let end = find(trace, EventKind::SourceFinal, 0);
    trace.splice(end..end, events.iter().copied());
}
