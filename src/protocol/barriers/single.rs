//! The handler of one checkpoint at a time: aligned, unaligned, and aligned until a timeout.
//!
//! A checkpoint is *current* from the first that is heard of it - a barrier, or the announcement of one - until a newer
//! one is heard of; hearing of a newer one gives a pending one up. It is *pending* until a barrier or the end has come
//! on every port that was open at its beginning, or until it is given up.
//!
//! | phase | meaning | a barrier that is read | an announcement | the timeout |
//! |---|---|---|---|---|
//! | `Waiting` | none read yet | blocks its port; then `Collecting` | is kept | announced ones overtake; then `WaitingUnaligned` |
//! | `Collecting` | ports align | blocks its port; the last one starts the checkpoint | is kept | announced ones overtake, inputs are captured, the checkpoint starts; then `CollectingUnaligned` |
//! | `WaitingUnaligned` | as `Waiting`, without time | inputs are captured, the checkpoint starts; then `CollectingUnaligned` | overtakes | – |
//! | `CollectingUnaligned` | it has started, inputs are captured | ends its port's capture; the last one all | overtakes | – |
//!
//! [`Mode`] says in which phase a checkpoint begins and which changes there are. Time runs out by a timer, set when a
//! timeoutable checkpoint is first heard of and counted from its trigger; or when a timeoutable barrier is read, or a
//! port ends, that much later; or when somebody else's time has run out and an overtaking barrier comes.
//!
//! A barrier that nobody waits for still releases its port: its sender waits behind it.

use super::{Handler, Ports, Turn, fingerprint_barrier, shown};
use crate::base::{CheckpointId, Fingerprint, Port, Span};
use crate::fault::Mutant;
use crate::protocol::{Barrier, BarrierKind, DeclineReason, Note, TaskCommand as Do, Timer, TimerKind};

/// What a handler does with barriers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Mode {
    /// They block until all have come. One that overtakes is a mistake.
    Aligned,
    /// The first one starts the checkpoint. One that is forced to align cannot be the first.
    Unaligned,
    /// They block until all have come or time is over.
    Alternating,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Collecting,
    WaitingUnaligned,
    CollectingUnaligned,
}

/// What is left to do when the batch that was ended has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// Start this checkpoint, if the inputs are being captured; whether the timer's running out asked for it.
    Start(Barrier, bool),
    /// All barriers are there: let the ports go.
    Release,
    /// Wait for the other barriers.
    Collect,
}

#[derive(Clone)]
pub(super) struct Single {
    mode: Mode,
    /// How long timeoutable barriers may align, counted from the trigger.
    timeout: Span,
    phase: Phase,
    /// The newest checkpoint heard of.
    current: CheckpointId,
    /// The newest one that needs no barrier any more: all have come, or it was given up. Never above `current`.
    over: CheckpointId,
    /// The first barrier heard of the current one, while it is pending.
    first: Option<Barrier>,
    /// How many ports were open when the current one began.
    target: u32,
    /// Ports that have given their barrier, or ended since. Empty unless one is pending.
    got: Ports,
    /// Ports whose sender waits for a release.
    blocked: Ports,
    /// Ports on which a barrier of the current one waits behind data.
    announced: Ports,
    /// Whose alignment is being measured.
    aligning: Option<CheckpointId>,
    /// Whose timer is set.
    timer: Option<CheckpointId>,
    then: Then,
}

impl Single {
    pub fn new(ports: u32, mode: Mode, timeout: Span) -> Self {
        Self {
            mode,
            timeout,
            phase: mode.rest(),
            current: CheckpointId::INITIAL,
            over: CheckpointId::INITIAL,
            first: None,
            target: 0,
            got: Ports::none_of(ports),
            blocked: Ports::none_of(ports),
            announced: Ports::none_of(ports),
            aligning: None,
            timer: None,
            then: Then::Nothing,
        }
    }

    fn is_pending(&self) -> bool {
        self.current != self.over
    }

    fn has_all(&self) -> bool {
        self.got.len() == self.target
    }

    /// Whether a checkpoint that aligns can start.
    fn is_aligned(&self, turn: &Turn<'_>) -> bool {
        let early = turn.subtask.has(Mutant::OneBarrierIsNotAwaited) && self.target > 2;
        self.has_all() || early && self.got.len() + 1 == self.target
    }

    fn is_obsolete(&self, checkpoint: CheckpointId) -> bool {
        checkpoint < self.current || (checkpoint == self.current && !self.is_pending())
    }

    /// The first that is heard of a checkpoint makes it the current one.
    fn hear(&mut self, barrier: Barrier, turn: &mut Turn<'_>) {
        if barrier.checkpoint <= self.current {
            return;
        }
        if self.is_pending() {
            self.give_up(self.current, DeclineReason::Subsumed, turn);
        }
        (self.current, self.first, self.then) = (barrier.checkpoint, Some(barrier), Then::Nothing);
        self.target = turn.open;
        if self.mode == Mode::Alternating && barrier.kind == BarrierKind::Timeoutable {
            let delay = turn.env.left(barrier.triggered, self.timeout);
            turn.push(Do::SetTimer { timer: alignment(barrier.checkpoint), delay });
            self.timer = Some(barrier.checkpoint);
        }
    }

    /// A port counts for the current checkpoint, by its barrier or by its end.
    fn count(&mut self, port: Port, turn: &mut Turn<'_>) {
        self.got.insert(port);
        if self.got.len() == 1 {
            // Also if this one port counted before: its end follows its barrier. Flink then measures anew.
            self.stop_measuring(Note::AlignmentDropped, turn);
            turn.note(Note::AlignmentBegan(self.current));
            self.aligning = Some(self.current);
        }
        if self.has_all() {
            self.stop_measuring(Note::AlignmentEnded, turn);
        }
    }

    fn stop_measuring(&mut self, how: fn(CheckpointId) -> Note, turn: &mut Turn<'_>) {
        if let Some(checkpoint) = self.aligning.take() {
            turn.note(how(checkpoint));
        }
    }

    fn block(&mut self, port: Port, turn: &mut Turn<'_>) {
        if turn.subtask.has(Mutant::PortsFreeBeforeSnapshot) {
            turn.push(Do::Release { port });
            return;
        }
        self.blocked.insert(port);
        turn.note(Note::Blocked(port));
    }

    /// Whether a barrier has been under way for longer than it may align. Exactly as long is not too long.
    fn is_late(&self, barrier: Barrier, turn: &mut Turn<'_>) -> bool {
        let more = Span(self.timeout.0.saturating_add(1));
        barrier.kind == BarrierKind::Timeoutable && turn.env.elapsed(barrier.triggered, more)
    }

    fn read_aligned(&mut self, port: Port, barrier: Barrier, blocks: bool, turn: &mut Turn<'_>) {
        if barrier.kind == BarrierKind::Overtaking {
            match self.mode {
                Mode::Alternating => self.turn_unaligned(barrier, false, turn),
                _ => turn.push(Do::Fail),
            }
            return;
        }
        self.announced.remove(port);
        if blocks {
            self.block(port, turn);
        }
        if self.is_aligned(turn) {
            self.start_aligned(barrier, turn);
        } else if self.mode == Mode::Alternating && self.is_late(barrier, turn) {
            self.turn_unaligned(barrier, false, turn);
        } else {
            self.phase = Phase::Collecting;
        }
    }

    fn start_aligned(&mut self, barrier: Barrier, turn: &mut Turn<'_>) {
        if self.mode == Mode::Alternating {
            turn.note(Note::InputsBegin(barrier));
        }
        self.start(barrier, Then::Release, turn);
    }

    /// Time is over for a checkpoint that has a barrier here.
    fn turn_unaligned(&mut self, barrier: Barrier, by_timer: bool, turn: &mut Turn<'_>) {
        self.overtake_announced(turn);
        self.capture(barrier, by_timer, turn);
    }

    fn overtake_announced(&mut self, turn: &mut Turn<'_>) {
        // Ascending. Flink's order is that of a hash table, which for the ports of one input is the same.
        turn.out.extend(self.announced.iter().map(|port| Do::Overtake { port, checkpoint: self.current }));
        self.announced.clear();
    }

    /// Asks to capture the inputs for a checkpoint, which then starts.
    fn capture(&mut self, barrier: Barrier, by_timer: bool, turn: &mut Turn<'_>) {
        let barrier = Barrier { kind: BarrierKind::Overtaking, ..barrier };
        turn.note(Note::InputsBegin(barrier));
        turn.push(Do::CaptureInputs { checkpoint: barrier.checkpoint });
        self.then = Then::Start(barrier, by_timer);
    }

    fn start(&mut self, barrier: Barrier, then: Then, turn: &mut Turn<'_>) {
        self.then = then;
        if !turn.start(barrier) {
            self.started(turn);
        }
    }

    fn end_capture(&mut self, checkpoint: CheckpointId, turn: &mut Turn<'_>) {
        turn.push(Do::EndCaptureInputs { checkpoint, complete: true });
        self.rest(turn);
    }

    /// Lets all ports go and forgets announcements.
    fn rest(&mut self, turn: &mut Turn<'_>) {
        turn.out.extend(self.blocked.iter().map(|port| Do::Release { port }));
        self.blocked.clear();
        self.announced.clear();
        self.phase = self.mode.rest();
    }

    /// After a port counted: it may have been the last.
    fn conclude(&mut self, turn: &mut Turn<'_>) {
        if self.is_pending() && self.has_all() {
            self.forget_current(turn);
            self.over = self.current;
        }
    }

    fn forget_current(&mut self, turn: &mut Turn<'_>) {
        (self.first, self.target) = (None, 0);
        self.got.clear();
        turn.out.extend(self.timer.take().map(|checkpoint| Do::CancelTimer(alignment(checkpoint))));
    }

    /// Gives up a checkpoint, and with it whatever is pending: it is the current one or newer.
    fn give_up(&mut self, checkpoint: CheckpointId, reason: DeclineReason, turn: &mut Turn<'_>) {
        self.current = checkpoint;
        self.over = checkpoint;
        self.then = Then::Nothing;
        self.forget_current(turn);
        if self.phase == Phase::CollectingUnaligned {
            turn.push(Do::EndCaptureInputs { checkpoint, complete: false });
        }
        if turn.subtask.has(Mutant::GivenUpKeepsPorts) {
            self.blocked.clear();
        }
        self.rest(turn);
        self.stop_measuring(Note::AlignmentDropped, turn);
        turn.decline(checkpoint, reason);
    }

    fn end_aligned(&mut self, port: Port, turn: &mut Turn<'_>) {
        self.blocked.remove(port);
        self.announced.remove(port);
        let Some(first) = self.first else { return };
        if self.phase == Phase::Waiting {
            // Only announced so far: the end counts, and the first barrier that is read will decide.
        } else if self.has_all() {
            self.start_aligned(first, turn);
        } else if self.mode == Mode::Alternating && self.is_late(first, turn) {
            self.turn_unaligned(first, false, turn);
        }
    }
}

impl Handler for Single {
    fn barrier(&mut self, port: Port, barrier: Barrier, read: bool, turn: &mut Turn<'_>) {
        let blocks = read && barrier.kind.blocks();
        if self.is_obsolete(barrier.checkpoint) {
            if blocks && !turn.subtask.has(Mutant::StaleBarrierKeepsPort) {
                turn.push(Do::Release { port });
            }
            return;
        }
        self.hear(barrier, turn);
        self.count(port, turn);
        match self.phase {
            Phase::Waiting | Phase::Collecting => self.read_aligned(port, barrier, blocks, turn),
            Phase::WaitingUnaligned => {
                if blocks {
                    self.block(port, turn);
                }
                match barrier.kind {
                    // It must not overtake, so there is no unaligned one to make of it.
                    BarrierKind::Forced => turn.push(Do::Fail),
                    _ => self.capture(barrier, false, turn),
                }
            }
            Phase::CollectingUnaligned => {
                if blocks {
                    self.block(port, turn);
                }
                if self.has_all() {
                    self.end_capture(barrier.checkpoint, turn);
                }
            }
        }
        if !turn.is_over() {
            self.conclude(turn);
        }
    }

    fn announced(&mut self, port: Port, barrier: Barrier, turn: &mut Turn<'_>) {
        self.hear(barrier, turn);
        if self.is_obsolete(barrier.checkpoint) || self.mode == Mode::Aligned {
            return;
        }
        match self.phase {
            Phase::Waiting | Phase::Collecting => _ = self.announced.insert(port),
            _ => turn.push(Do::Overtake { port, checkpoint: barrier.checkpoint }),
        }
    }

    fn cancelled(&mut self, _port: Port, checkpoint: CheckpointId, turn: &mut Turn<'_>) {
        // One that was merely announced stays: its barrier is still to come.
        if checkpoint > self.current || (checkpoint == self.current && !self.got.is_empty()) {
            self.give_up(checkpoint, DeclineReason::Cancelled, turn);
        }
    }

    fn ended(&mut self, port: Port, turn: &mut Turn<'_>) {
        if !self.is_pending() {
            return;
        }
        if !turn.subtask.after_finish() {
            return self.give_up(self.current, DeclineReason::InputEnded, turn);
        }
        if turn.subtask.has(Mutant::EndedPortIsAwaited) {
            return;
        }
        self.count(port, turn);
        match self.phase {
            Phase::Waiting | Phase::Collecting => self.end_aligned(port, turn),
            // It counts, and the first barrier that is read will decide.
            Phase::WaitingUnaligned => {}
            Phase::CollectingUnaligned => {
                self.blocked.remove(port);
                if self.has_all() {
                    self.end_capture(self.current, turn);
                }
            }
        }
        if !turn.is_over() {
            self.conclude(turn);
        }
    }

    fn overdue(&mut self, checkpoint: CheckpointId, turn: &mut Turn<'_>) {
        if checkpoint == self.current && self.is_pending() {
            match (self.phase, self.first) {
                (Phase::Waiting, _) => {
                    self.overtake_announced(turn);
                    self.phase = Phase::WaitingUnaligned;
                }
                // The timer counts as running until the inputs are captured.
                (Phase::Collecting, Some(first)) => return self.turn_unaligned(first, true, turn),
                _ => {}
            }
        }
        // Even if it was an older one that could not be cancelled in time: then a newer one will not be, either.
        self.timer = None;
    }

    fn capturing(&mut self, checkpoint: CheckpointId, granted: bool, turn: &mut Turn<'_>) {
        let Then::Start(barrier, by_timer) = self.then else { return };
        if barrier.checkpoint != checkpoint {
            return;
        }
        if granted {
            self.start(barrier, Then::Collect, turn);
        } else {
            self.give_up(checkpoint, DeclineReason::Overtaken, turn);
        }
        if by_timer {
            self.timer = None;
        }
    }

    fn started(&mut self, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.then, Then::Nothing) {
            Then::Release => self.rest(turn),
            Then::Collect if self.has_all() => self.end_capture(self.current, turn),
            Then::Collect => self.phase = Phase::CollectingUnaligned,
            other => return self.then = other,
        }
        self.conclude(turn);
    }

    fn reset(&mut self) {
        self.phase = self.mode.rest();
        (self.current, self.over) = (CheckpointId::INITIAL, CheckpointId::INITIAL);
        (self.first, self.target, self.then) = (None, 0, Then::Nothing);
        (self.aligning, self.timer) = (None, None);
        for ports in [&mut self.got, &mut self.blocked, &mut self.announced] {
            ports.clear();
        }
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        let (then, barrier, by_timer) = match self.then {
            Then::Nothing => (0, None, false),
            Then::Start(barrier, by_timer) => (1, Some(barrier), by_timer),
            Then::Release => (2, None, false),
            Then::Collect => (3, None, false),
        };
        into.words([self.phase as u64, then, u64::from(by_timer), u64::from(self.target)].into_iter());
        into.words([self.current, self.over].map(|id| id.0).into_iter());
        into.words([self.aligning, self.timer].map(|id| id.map_or(0, |id| id.0 + 1)).into_iter());
        fingerprint_barrier(self.first, into);
        fingerprint_barrier(barrier, into);
        for ports in [&self.got, &self.blocked, &self.announced] {
            ports.fingerprint(into);
        }
    }

    fn inspect(&self, open: u32) -> Vec<(&'static str, String)> {
        vec![
            ("cp", shown(self.current)),
            ("pend", u32::from(self.is_pending()).to_string()),
            ("last", shown(self.over)),
            ("open", open.to_string()),
            ("got", self.got.listed()),
            ("st", self.mode.state(self.phase).to_owned()),
        ]
    }
}

impl Mode {
    /// The phase in which nothing is pending.
    fn rest(self) -> Phase {
        match self {
            Self::Aligned | Self::Alternating => Phase::Waiting,
            Self::Unaligned => Phase::WaitingUnaligned,
        }
    }

    /// What Flink calls the state, in initials.
    fn state(self, phase: Phase) -> &'static str {
        match (self, phase) {
            (Self::Aligned, Phase::Waiting) => "WFFB",
            (Self::Aligned, _) => "CB",
            (_, Phase::Waiting) => "AWFFB",
            (_, Phase::Collecting) => "ACB",
            (_, Phase::WaitingUnaligned) => "AWFFBU",
            (_, Phase::CollectingUnaligned) => "ACBU",
        }
    }
}

fn alignment(checkpoint: CheckpointId) -> Timer {
    Timer { kind: TimerKind::Alignment, checkpoint }
}
