//! Every check can fail: a clean trace passes all of them, and each forged change trips exactly the check
//! that is there for it.
//!
//! The clean trace is written by hand, without the simulator, so that the checks are judged by the meaning of
//! the events alone: two checkpoints (the first captures records in a channel), a failure between them, a
//! recovery that replays what was captured, and a drained end.

use cutline::base::*;
use cutline::check::{CHECKS, Checks, Claim, Claims, Verdict};
use cutline::plan::{self, Plan};
use cutline::scenario::*;
use cutline::trace::{AbortReason, Event, EventKind, Observer};
use cutline::workload::{Expected, ExpectedOperator, ExpectedOutput};
use std::sync::Arc;

type Forge = fn(&mut Vec<Event>);

/// A check, what is forged, how, and the signature that must come out.
#[rustfmt::skip]
const FORGERIES: &[(&str, &str, &str, Forge)] = &[
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
    ("cut", "captured records are forgotten", "cut/lost source->count", |t| drop_nth(t, EventKind::CutCaptured, 0)),
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
    ("restore", "the snapshot was deleted", "restore/no snapshot of count", |t| {
        let failed = find(t, EventKind::TaskFailed, 0);
        t.insert(failed, Event::SnapshotsDropped { task: TaskId(2), upto: CheckpointId(1) });
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
    ("liveness", "the run does not end", "liveness/no end", |t| {
        t.truncate(find(t, EventKind::SourceFinal, 0));
    }),
    ("liveness", "a task waits for ever", "liveness/blocked count", |t| {
        t.truncate(find(t, EventKind::TaskFinished, 0));
        t.push(Event::TaskBlocked { task: TaskId(3) });
        t.push(Event::RunEnded { drained: 0 });
    }),
];

#[test]
fn a_clean_trace_passes_every_check_and_every_check_looked() {
    let story = Story::told();
    let mut checks = story.checks();
    assert_eq!(judge(&mut checks, &story.events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
    assert_eq!(checks.examined().count(), CHECKS.len());
    for (name, examined) in checks.examined() {
        assert!(examined > 0, "{name} examined nothing");
    }
}

#[test]
fn each_forged_change_trips_exactly_its_check() {
    let story = Story::told();
    let mut checks = story.checks();
    let mut wrong = Vec::new();
    for (check, what, signature, forge) in FORGERIES {
        let mut forged = story.events.clone();
        forge(&mut forged);
        assert_ne!(forged, story.events, "{what}: nothing was forged");
        checks.reset();
        let verdict = judge(&mut checks, &forged, &story.expected());
        let kept = checks.findings().kept();
        let first = verdict.finding().map(|finding| finding.signature.as_str());
        if first != Some(*signature) || kept.iter().any(|finding| finding.check != *check) {
            let told: Vec<String> = kept.iter().map(|f| format!("\n      {}: {}", f.signature, f.text)).collect();
            wrong.push(format!("\n  {check}, {what}: expected {signature}, got{}", told.concat()));
        }
        assert_eq!(verdict.name(), if *check == "liveness" { "STUCK" } else { "FAIL" }, "{what}");
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn every_check_has_a_forged_trace() {
    for entry in CHECKS {
        let name = entry.about.name;
        assert!(FORGERIES.iter().any(|(check, ..)| *check == name), "forge a trace that trips `{name}`");
    }
}

#[test]
fn texts_name_tasks_and_numbers() {
    let story = Story::told();
    let text = |what: &str| {
        let (.., forge) = FORGERIES.iter().find(|(_, of, ..)| *of == what).expect("it is in the table");
        let (mut checks, mut forged) = (story.checks(), story.events.clone());
        forge(&mut forged);
        judge(&mut checks, &forged, &story.expected()).finding().expect("it is found").text.clone()
    };
    assert_eq!(
        text("captured records are forgotten"),
        "in checkpoint 1, source[1] has sent 8 records to count[0], of which 6 are in a snapshot: 2 lost"
    );
    assert_eq!(text("a record is applied twice"), "count has applied 35 records instead of 34: 1 too many");
}

#[test]
fn a_reset_check_is_as_new_and_a_clone_goes_on_alike() {
    let story = Story::told();
    let fingerprint = |checks: &Checks| {
        let mut f = Fingerprint::default();
        checks.fingerprint(&mut f);
        f.finish()
    };
    let mut checks = story.checks();
    let fresh = fingerprint(&checks);
    let (first, second) = story.events.split_at(story.events.len() / 2);
    feed(&mut checks, first);
    let mut copy = checks.clone();
    assert_ne!(fingerprint(&checks), fresh);
    for (n, event) in second.iter().enumerate() {
        checks.event(Time(n as u64), event);
        copy.event(Time(2 * n as u64), event);
        assert_eq!(fingerprint(&checks), fingerprint(&copy), "times must not be part of it: {event:?}");
    }
    assert_eq!(checks.finish(Some(&story.expected())), copy.finish(Some(&story.expected())));
    checks.reset();
    assert_eq!(fingerprint(&checks), fresh);
    assert_eq!(judge(&mut checks, &story.events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
}

#[test]
fn a_protocol_is_only_held_to_what_it_claims() {
    let story = Story::told();
    let mut events = story.events.clone();
    // At least once: the receiver keeps a record that is sent again, and the sink shows it twice.
    ahead(&mut events, ChannelId(5));
    let claims = Claims::of(&[Claim::Coordinated]);
    let mut checks = Checks::for_claims(story.plan.clone(), &network(), claims);
    assert_eq!(judge(&mut checks, &events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
    assert_eq!(
        checks.examined().map(|(name, _)| name).collect::<Vec<_>>(),
        ["order", "records", "buffers", "completion", "restore", "liveness"]
    );
}

#[test]
fn without_a_coordinator_restores_are_judged_by_their_channels() {
    let story = Story::told();
    let mut events = story.events.clone();
    events.retain(|event| !matches!(event, Event::CheckpointCompleted { .. } | Event::CompleteReceived { .. }));
    let claims = Claims::of(&[Claim::ExactlyOnceState, Claim::ExactlyOnceOutput]);
    let mut checks = Checks::for_claims(story.plan.clone(), &network(), claims);
    assert_eq!(judge(&mut checks, &events, &story.expected()), Verdict::Pass, "{:#?}", checks.findings());
    ahead(&mut events, ChannelId(5));
    checks.reset();
    let verdict = judge(&mut checks, &events, &story.expected());
    assert_eq!(verdict.finding().map(|finding| finding.signature.as_str()), Some("restore/orphan count->sink"));
}

#[test]
fn a_run_in_which_nothing_happened_has_not_passed() {
    let story = Story::told();
    let mut checks = story.checks();
    assert_eq!(judge(&mut checks, &[Event::RunEnded { drained: 0 }], &Expected::default()).name(), "STUCK");
    let mut none = Checks::of(story.plan.clone(), Vec::new());
    assert_eq!(judge(&mut none, &[Event::RunEnded { drained: 1 }], &Expected::default()).name(), "MISS");
}

fn judge(checks: &mut Checks, events: &[Event], expected: &Expected) -> Verdict {
    feed(checks, events);
    checks.finish(Some(expected))
}

fn feed(checks: &mut Checks, events: &[Event]) {
    events.iter().enumerate().for_each(|(n, event)| checks.event(Time(n as u64), event));
}

// How a trace is forged.

fn find(trace: &[Event], kind: EventKind, nth: usize) -> usize {
    let mut all = trace.iter().enumerate().filter(|(_, event)| event.kind() == kind);
    all.nth(nth).unwrap_or_else(|| panic!("no {} number {nth}", kind.name())).0
}

fn find_last(trace: &[Event], kind: EventKind) -> usize {
    trace.iter().rposition(|event| event.kind() == kind).expect("it happens")
}

fn nth_of(trace: &[Event], kind: EventKind, channel: ChannelId) -> usize {
    trace.iter().position(|event| event.kind() == kind && event.channel() == Some(channel)).expect("it happens")
}

fn alter(trace: &mut [Event], kind: EventKind, nth: usize, how: impl FnOnce(&mut Event)) {
    let at = find(trace, kind, nth);
    how(&mut trace[at]);
}

fn drop_nth(trace: &mut Vec<Event>, kind: EventKind, nth: usize) {
    let at = find(trace, kind, nth);
    trace.remove(at);
}

fn drop_last(trace: &mut Vec<Event>, kind: EventKind) {
    trace.remove(find_last(trace, kind));
}

fn repeat(trace: &mut Vec<Event>, kind: EventKind, nth: usize) {
    let at = find(trace, kind, nth);
    trace.insert(at, trace[at]);
}

fn repeat_last(trace: &mut Vec<Event>, kind: EventKind) {
    let at = find_last(trace, kind);
    trace.insert(at, trace[at]);
}

/// From the recovery on, the receiver has one record more behind it than the sender.
fn ahead(trace: &mut [Event], channel: ChannelId) {
    let restored = nth_of(trace, EventKind::ChannelRestored, channel);
    if let Event::ChannelRestored { received, .. } = &mut trace[restored] {
        *received += 1;
    }
    shift_received(&mut trace[restored + 1..], channel, 1);
}

/// The receiver has so many records more. Cuts stay as they were: what is forged is a recovery.
fn shift_received(trace: &mut [Event], of: ChannelId, by: i64) {
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

// The job and its clean trace.

/// Two sources, all to two counts by key, both to one sink; even subtasks on one machine, odd ones on another.
fn scenario() -> Scenario {
    let operator = |id: &str, kind: &str, parallelism: u32| Operator {
        id: id.to_owned(),
        kind: kind.to_owned(),
        parallelism,
        service: Span::ZERO,
        selectivity: Ratio { outputs: 1, inputs: 1 },
        rekey: None,
        output_size: None,
        state: StateSize::default(),
        snapshot: SnapshotCost::default(),
        source: None,
        sink: SinkMode::TwoPhase,
        on: None,
        place: Place::default(),
    };
    let source = Source {
        partitions: 2,
        records: None,
        rate: None,
        burst: None,
        keys: Keys { count: 4, skew: Skew::Even },
        size: Bytes(1),
        end: SourceEnd::Finishes,
    };
    let edge = |from: &str, to: &str, by: Partitioner| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        by,
        chained: false,
        feedback: false,
        overtaking: true,
        place: Place::default(),
    };
    let job = Job {
        operators: vec![
            Operator { source: Some(source), ..operator("source", "source", 2) },
            operator("count", "count", 2),
            operator("sink", "sink", 1),
        ],
        edges: vec![edge("source", "count", Partitioner::Hash), edge("count", "sink", Partitioner::Global)],
        max_parallelism: 8,
    };
    Scenario {
        name: String::new(),
        why: String::new(),
        job,
        cluster: Cluster { task_managers: 2, slots: None, placement: Placement::Spread },
        network: network(),
        storage: Storage {
            bandwidth: Rate(0),
            latency: Span::ZERO,
            shared: Shared::Task,
            metadata: Span::ZERO,
            deletion: Span::ZERO,
        },
        checkpoints: Checkpoints {
            protocol: String::new(),
            parameters: Vec::new(),
            place: Place::default(),
            interval: None,
            first: None,
            min_pause: Span::ZERO,
            timeout: Span::from_secs(1),
            max_concurrent: 1,
            tolerable_failures: 0,
            retained: 1,
            order: BarrierOrder::EmitThenSnapshot,
            prepare: Span::ZERO,
            after_finish: true,
            requests: vec![],
        },
        restart: Restart { delay: Span::ZERO, attempts: None },
        faults: Vec::new(),
        schedule: Vec::new(),
        run: RunFor { seed: 0, limit: Span::from_secs(1) },
        expect: Expect::default(),
    }
}

fn network() -> Network {
    Network {
        latency: Span::ZERO,
        bandwidth: Rate(0),
        segment: Bytes(1),
        debloat: None,
        exclusive: 2,
        floating: 2,
        max_per_channel: 2,
        overdraft: 20,
        buffer_timeout: None,
        rpc: Span::ZERO,
        blocked: BlockedRule::Overtaking,
    }
}

/// A count of records, a chain over them in order, and their wrapping sum.
#[derive(Clone, Copy, Default)]
struct Total {
    count: u64,
    chain: Chain,
    sum: u64,
}

impl Total {
    fn add(&mut self, records: &[u64]) {
        for record in records {
            self.count += 1;
            self.chain.push(*record);
            self.sum = self.sum.wrapping_add(*record);
        }
    }
}

/// One end of a channel has sent or received so much.
#[derive(Clone, Default)]
struct Line {
    sent: Total,
    received: Total,
    seq: u64,
    /// Sent and not received.
    /// How many of the oldest were put there by a restore.
    put_back: u32,
    under_way: Vec<Vec<u64>>,
}

/// A very small job that writes down what it does, without time, and one buffer after another.
#[derive(Clone)]
struct Story {
    plan: Arc<Plan>,
    events: Vec<Event>,
    lines: Vec<Line>,
    /// What each task has applied.
    states: Vec<Total>,
    in_use: Vec<u32>,
    attempt: Attempt,
    /// What the sink has applied and not shown.
    hidden: Total,
    visible: Total,
}

/// What a checkpoint saves.
type Saved = (Vec<Line>, Vec<Total>);

impl Story {
    fn told() -> Self {
        let plan = Arc::new(plan::build(&scenario()));
        let (channels, tasks) = (plan.channels.len(), plan.tasks.len());
        assert_eq!((channels, tasks), (6, 5), "two to two to one");
        let mut story = Self {
            plan,
            events: Vec::new(),
            lines: vec![Line::default(); channels],
            states: vec![Total::default(); tasks],
            in_use: vec![0; tasks],
            attempt: Attempt(0),
            hidden: Total::default(),
            visible: Total::default(),
        };
        story.tell();
        story
    }

    fn tell(&mut self) {
        self.start(CheckpointId::INITIAL);
        (0..2).for_each(|_| self.round(3));
        // Channel 2 is remote: two of its records become part of the snapshot.
        self.close(2, 2);
        let saved = self.checkpoint(1);
        self.commit(1);
        self.receive(2);
        self.round(2);
        self.recover(1, saved);
        self.receive(2);
        (0..2).for_each(|_| self.round(1));
        self.events.push(Event::ChannelBlocked { channel: ChannelId(1), checkpoint: CheckpointId(2) });
        self.checkpoint(2);
        self.events.push(Event::ChannelResumed { channel: ChannelId(1) });
        self.commit(2);
        self.end();
    }

    fn start(&mut self, checkpoint: CheckpointId) {
        for task in self.plan.task_ids() {
            self.events.push(Event::TaskStarted { task, attempt: self.attempt, checkpoint });
        }
    }

    /// Every source sends so many records on each channel, and all of it reaches the sink.
    fn round(&mut self, records: usize) {
        for channel in 0..4 {
            self.close(channel, records);
            self.receive(channel);
        }
    }

    /// A source makes records out of its identity and position, and closes a buffer with them.
    fn close(&mut self, channel: usize, records: usize) {
        let from = self.plan.channels[channel].from;
        let state = &mut self.states[from.index()];
        let made: Vec<u64> =
            (0..records as u64).map(|n| mix(u64::from(from.0 + 1) << 32 | (state.count + n))).collect();
        state.add(&made);
        self.put(channel, made);
    }

    fn put(&mut self, channel: usize, made: Vec<u64>) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let line = &mut self.lines[channel];
        line.sent.add(&made);
        let (seq, sent) = (line.seq, line.sent);
        line.seq += 1;
        let records = made.len() as u32;
        line.under_way.push(made);
        let in_use = &mut self.in_use[planned.from.index()];
        *in_use += 1;
        let task = planned.from;
        self.events.push(Event::SegmentTaken { task, in_use: *in_use });
        let (upto, chain) = (sent.count, sent.chain.0);
        self.events.push(Event::BufferClosed { channel: id, seq, records, bytes: records, upto, chain });
        if !planned.local {
            self.events.push(Event::BufferSent { channel: id, seq });
            *in_use -= 1;
            self.events.push(Event::SegmentReturned { task, in_use: *in_use });
            self.events.push(Event::FloatingTaken { channel: id, left: 1 });
            self.events.push(Event::BufferArrived { channel: id, seq });
        }
    }

    /// A restore puts a buffer straight into the receiver's queue: no segment, no credit.
    fn put_back(&mut self, channel: usize, made: Vec<u64>) {
        let line = &mut self.lines[channel];
        line.sent.add(&made);
        let (seq, sent, records) = (line.seq, line.sent, made.len() as u32);
        line.seq += 1;
        line.put_back += 1;
        line.under_way.push(made);
        let (id, upto, chain) = (ChannelId::from(channel), sent.count, sent.chain.0);
        self.events.push(Event::BufferClosed { channel: id, seq, records, bytes: records, upto, chain });
    }

    /// The receiver reads the oldest buffer, and sends on what it applied.
    fn receive(&mut self, channel: usize) {
        let (id, planned) = (ChannelId::from(channel), self.plan.channels[channel]);
        let line = &mut self.lines[channel];
        let made = line.under_way.remove(0);
        let free = line.put_back > 0;
        line.put_back -= u32::from(free);
        let seq = line.seq - 1 - line.under_way.len() as u64;
        line.received.add(&made);
        let (upto, chain, to) = (line.received.count, line.received.chain.0, planned.to);
        self.states[to.index()].add(&made);
        let (records, bytes) = (made.len() as u32, made.len() as u32);
        self.events.push(Event::BufferTaken { channel: id, seq, records, bytes });
        if self.plan.outputs(to).is_empty() {
            self.hidden.add(&made);
        } else {
            let out = self.plan.output_channels(to).next().expect("it has outputs").index();
            self.put(out, made);
            self.receive(out);
        }
        self.events.push(Event::BufferConsumed { channel: id, seq, upto, chain });
        if free {
            // It was nobody's memory.
        } else if planned.local {
            let in_use = &mut self.in_use[planned.from.index()];
            *in_use -= 1;
            self.events.push(Event::SegmentReturned { task: planned.from, in_use: *in_use });
        } else {
            self.events.push(Event::FloatingReturned { channel: id, left: 2 });
            self.events.push(Event::CreditGranted { channel: id, amount: 1 });
        }
    }

    fn checkpoint(&mut self, id: u64) -> Saved {
        let checkpoint = CheckpointId(id);
        self.events.push(Event::CheckpointTriggered { checkpoint, purpose: 0 });
        for task in self.plan.task_ids() {
            self.events.push(Event::SnapshotStarted { task, checkpoint, overtaking: 0 });
            for channel in self.plan.output_channels(task) {
                let sent = self.lines[channel.index()].sent;
                self.events.push(Event::CutSent { channel, checkpoint, upto: sent.count, chain: sent.chain.0 });
            }
            for channel in self.plan.inputs(task) {
                let received = self.lines[channel.index()].received;
                let (upto, chain) = (received.count, received.chain.0);
                self.events.push(Event::CutReceived { channel: *channel, checkpoint, upto, chain });
            }
            let (state, operator) = (self.states[task.index()], self.plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            self.events.push(Event::CutState { task, operator, checkpoint, applied, lineage });
            for channel in self.plan.inputs(task) {
                let line = &self.lines[channel.index()];
                let (records, chain) = (line.sent.count - line.received.count, line.sent.chain.0);
                if records > 0 {
                    self.events.push(Event::CutCaptured { channel: *channel, checkpoint, records, chain });
                }
            }
            self.events.push(Event::SnapshotTaken { task, checkpoint });
            self.events.push(Event::SnapshotDurable { task, checkpoint, bytes: 1 });
            self.events.push(Event::AckReceived { task, checkpoint, attempt: self.attempt });
        }
        (self.lines.clone(), self.states.clone())
    }

    fn commit(&mut self, id: u64) {
        let checkpoint = CheckpointId(id);
        self.events.push(Event::CheckpointCompleted { checkpoint });
        for task in self.plan.task_ids() {
            self.events.push(Event::CompleteReceived { task, checkpoint });
        }
        let (task, operator) = (TaskId(4), OperatorId(2));
        let Total { count: records, sum: lineage, .. } = std::mem::take(&mut self.hidden);
        self.events.push(Event::OutputVisible { task, operator, checkpoint, records, lineage });
        self.visible.count += records;
        self.visible.sum = self.visible.sum.wrapping_add(lineage);
    }

    fn recover(&mut self, id: u64, (lines, states): Saved) {
        let checkpoint = CheckpointId(id);
        self.events.push(Event::TaskFailed { task: TaskId(3), attempt: self.attempt });
        for task in self.plan.task_ids().filter(|task| task.0 != 3) {
            self.events.push(Event::TaskCancelled { task, attempt: self.attempt });
        }
        self.attempt.0 += 1;
        self.events.push(Event::JobRestarting { task: TaskId(3), attempt: self.attempt });
        for task in self.plan.task_ids() {
            self.events.push(Event::RestorePoint { task, checkpoint, live: 0 });
        }
        let from = self.states.clone();
        self.start(checkpoint);
        (self.states, self.hidden) = (states, Total::default());
        self.in_use.fill(0);
        for task in self.plan.task_ids() {
            let (state, operator) = (self.states[task.index()], self.plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            self.events.push(Event::StateRestored { task, operator, applied, lineage });
            if self.plan.is_source(task) {
                let from = from[task.index()].count;
                self.events.push(Event::SourceRewound { task, position: applied, from });
            }
        }
        for (index, saved) in lines.into_iter().enumerate() {
            let (channel, seq) = (ChannelId::from(index), self.lines[index].seq);
            let (sent, received) = (saved.sent, saved.received);
            self.events.push(Event::ChannelRestored {
                channel,
                sent: sent.count,
                sent_chain: sent.chain.0,
                received: received.count,
                received_chain: received.chain.0,
            });
            self.lines[index] = Line { sent: received, received, seq, put_back: 0, under_way: Vec::new() };
            if !saved.under_way.is_empty() {
                let records = sent.count - received.count;
                self.events.push(Event::ChannelReplayed { channel, records });
                saved.under_way.into_iter().for_each(|made| self.put_back(index, made));
            }
        }
    }

    fn end(&mut self) {
        for task in self.plan.task_ids() {
            self.events.push(Event::TaskDrained { task });
            self.events.push(Event::TaskFinished { task });
        }
        for task in self.plan.task_ids() {
            let (state, operator) = (self.states[task.index()], self.plan.head(task));
            let (applied, lineage) = (state.count, state.sum);
            if self.plan.is_source(task) {
                self.events.push(Event::SourceFinal { task, operator, partition: task.0, emitted: applied });
            }
            self.events.push(Event::StateFinal { task, operator, applied, lineage, values: mix(lineage) });
        }
        for (index, line) in self.lines.iter().enumerate() {
            let (channel, sent, received) = (ChannelId::from(index), line.sent.count, line.received.count);
            self.events.push(Event::ChannelFinal { channel, sent, received, buffers: 0 });
        }
        let Total { count: records, sum: lineage, .. } = self.visible;
        self.events.push(Event::OutputFinal { task: TaskId(4), operator: OperatorId(2), records, lineage });
        self.events.push(Event::RunEnded { drained: 1 });
    }

    /// Every operator applied what the sources made, and the sink showed it. Values are a function of state.
    fn expected(&self) -> Expected {
        let sources = &self.states[..2];
        let applied = sources.iter().map(|state| state.count).sum();
        let lineage = sources.iter().fold(0u64, |sum, state| sum.wrapping_add(state.sum));
        let operators = self.plan.operators.iter().map(|operator| {
            let tasks = operator.tasks.start as usize..operator.tasks.end as usize;
            let values = self.states[tasks].iter().fold(0u64, |sum, state| sum.wrapping_add(mix(state.sum)));
            let output = (operator.name == "sink").then_some(ExpectedOutput { records: applied, lineage });
            ExpectedOperator { applied, lineage, values, output }
        });
        Expected { operators: operators.collect() }
    }

    fn checks(&self) -> Checks {
        Checks::for_claims(self.plan.clone(), &network(), Claims::ALL)
    }
}
