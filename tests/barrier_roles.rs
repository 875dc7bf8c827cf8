//! The barrier roles decide as Apache Flink's own classes did, input by input.
//!
//! Each line of `tests/data/flink-vectors/*.jsonl` is a recording of the real classes: what a task's barrier handler
//! was told, in order, and what it did in answer. Here the roles of the zoo are told the same. Channels are not needed
//! for that: what they would do is in the recording, as the next input. Compared are, for every input, the decisions in
//! their order and the alignment that is measured, and in the end how the handler stands.

use cutline::base::{CheckpointId, Concern, Port, Span, TaskId};
use cutline::protocol::{
    Barrier, BarrierKind, DeclineReason, Env, Moment, Note, Purpose, Settings, TaskCommand, TaskInput, TaskRole,
    TaskSite, Timer, TimerKind, ZOO,
};
use cutline::scenario::BarrierOrder;
use serde_json::{Value, json};
use std::collections::VecDeque;

#[test]
fn aligned_as_recorded() {
    hold_file("aligned-train", 1500);
}

#[test]
fn unaligned_as_recorded() {
    hold_file("unaligned-train", 1500);
}

#[test]
fn aligned_with_timeout_as_recorded() {
    hold_file("alternating-train", 1500);
}

#[test]
fn at_least_once_as_recorded() {
    hold_file("at-least-once-train", 1500);
}

#[test]
fn corner_cases_as_recorded() {
    hold_file("handmade-train", 77);
}

#[test]
fn a_forged_recording_is_found_out() {
    let parts = ["b0:1a B0 A+1", "b1:1a B1 T1a R0 R1 A-", "cp=1 pend=0 last=1 open=2 got= st=WFFB blk="];
    let differs = |[first, second, end]: [&str; 3]| {
        let trace = format!("{first}|{second}");
        let case = json!({"id": "", "h": "aligned", "g": [2], "ev": "b0:1a b1:1a", "tr": trace, "end": end});
        !diverges("", &case).is_empty()
    };
    assert!(!differs(parts));
    for (part, was, forged) in [
        (0, "B0 ", ""),
        (0, "A+1", "A=1"),
        (1, "T1a R0 R1", "R0 R1 T1a"),
        (1, "T1a", "T1s"),
        (1, "R0 R1", "R0"),
        (1, "T1a R0 R1", "R0 R1 X1CAN"),
        (1, "B1 T1a R0 R1 A-", "B1 !Exception"),
        (2, "last=1", "last=-1"),
        (2, "st=WFFB", "st=CB"),
    ] {
        let mut changed = parts.map(str::to_owned);
        changed[part] = parts[part].replace(was, forged);
        assert!(differs([&changed[0], &changed[1], &changed[2]]), "{changed:?}");
    }
}

fn hold_file(name: &str, cases: usize) {
    let path = format!("{}/tests/data/flink-vectors/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the recordings are there");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a case per line")).collect();
    let divergences: Vec<String> = lines.iter().flat_map(|case| diverges(name, case)).collect();
    println!("{name}: {} cases, {} divergences", lines.len(), divergences.len());
    assert_eq!(lines.len(), cases);
    assert!(divergences.is_empty(), "the first:\n{}", divergences[..divergences.len().min(5)].join("\n"));
}

/// Where a case goes another way than recorded, and where as recorded with Flink 1.20 if that was otherwise.
fn diverges(file: &str, case: &Value) -> Vec<String> {
    let of = |key: &str| case[key].as_str();
    let end = of("end").expect("a case has an end");
    let runs = [(of("tr"), end, ""), (of("tr120"), of("end120").unwrap_or(end), " (1.20)")];
    let replayed = runs.into_iter().filter_map(|(trace, end, which)| {
        let difference = Replay::new(file, case).run(trace?, end).err()?;
        Some(format!("{}{which}: {difference}", of("id").expect("a case has an id")))
    });
    replayed.collect()
}

/// A handler between two inputs, and the surroundings as far as it asks for them.
struct Replay<'a> {
    case: &'a Value,
    role: Box<dyn TaskRole>,
    clock: Clock,
    /// Alignment timers that are set: due when, for what.
    timers: Vec<(u64, Timer)>,
    /// Timers that ran out while the task was busy.
    mails: VecDeque<Timer>,
    /// The alignment that was last measured, and whether it still is.
    measured: (u64, bool),
}

/// In milliseconds.
#[derive(Clone, Copy)]
struct Clock(u64);

const MILLI: u64 = 1_000_000;

impl Env for Clock {
    fn now(&mut self) -> Moment {
        Moment::new(self.0 * MILLI)
    }
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        (self.0 * MILLI).checked_sub(since.value()).is_some_and(|past| past >= limit.0)
    }
    fn left(&mut self, since: Moment, limit: Span) -> Span {
        Span((since.value() + limit.0).saturating_sub(self.0 * MILLI))
    }
    fn draw(&mut self, _concern: Concern, _entity: u64, _index: u64) -> u64 {
        unreachable!("a barrier handler leaves nothing to chance")
    }
}

type Outcome = Result<(), String>;

impl<'a> Replay<'a> {
    fn new(file: &str, case: &'a Value) -> Self {
        let name = match case["h"].as_str() {
            Some("aligned") => "aligned",
            Some("unaligned") => "unaligned-strict",
            Some("alternating") if file.starts_with("unaligned") => "unaligned",
            Some("alternating") => "aligned-timeout",
            Some("tracker") => "at-least-once",
            other => panic!("no role for {other:?}"),
        };
        let protocol = ZOO.iter().find(|protocol| protocol.name() == name).expect("it is in the zoo");
        let gates = case["g"].as_array().expect("a case has gates");
        let ports = gates.iter().map(|gate| gate.as_u64().expect("a number") as u32).sum();
        let settings = Settings {
            prepare: Span::ZERO,
            deletion: Span::ZERO,
            enumerators: false,
            interval: Some(Span::from_millis(1000)),
            first: None,
            min_pause: Span::ZERO,
            timeout: Span::from_millis(600_000),
            max_concurrent: 1,
            tolerable_failures: 0,
            retained: 1,
            order: BarrierOrder::EmitThenSnapshot,
            after_finish: case["fin"].as_bool().unwrap_or(true),
            requests: Vec::new(),
            parameters: vec![Span::from_millis(case["to"].as_u64().unwrap_or(0))],
            mutant: None,
        };
        let role = protocol.task(&TaskSite { task: TaskId(0), ports, is_source: false, settings: &settings });
        Self { case, role, clock: Clock(1000), timers: Vec::new(), mails: VecDeque::new(), measured: (0, false) }
    }

    fn run(mut self, trace: &str, end: &str) -> Outcome {
        let events = self.case["ev"].as_str().expect("a case has events").split(' ');
        for (n, (event, segment)) in events.zip(trace.split('|')).enumerate() {
            let until = event.strip_prefix('+').map_or(self.clock.0, |more| self.clock.0 + number(more));
            for (input, answer) in answers(segment) {
                let step = format!("event {n} ({event}), input {input}");
                self.step(input, &answer, until).map_err(|difference| format!("{step}: {difference}"))?;
            }
            self.clock.0 = until;
            while let Some(timer) = self.due(until) {
                self.mails.push_back(timer);
            }
        }
        let stands = self.role.inspect();
        for (name, value) in end.split(' ').filter_map(|field| field.split_once('=')).filter(|(name, _)| *name != "blk")
        {
            let found = stands.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
            if found != Some(value) {
                return Err(format!("in the end {name}={value}, not {found:?}"));
            }
        }
        Ok(())
    }

    /// The timer that runs out next, if it does by then; the clock goes on to that moment.
    fn due(&mut self, until: u64) -> Option<Timer> {
        let (at, (due, timer)) = self.timers.iter().copied().enumerate().min_by_key(|(_, (due, _))| *due)?;
        (due <= until).then(|| {
            self.timers.remove(at);
            self.clock.0 = self.clock.0.max(due);
            timer
        })
    }

    /// Tells the role one input, and what the world would answer to its commands, and compares.
    fn step(&mut self, input: &str, answer: &Answer, until: u64) -> Outcome {
        let mut next = Some(self.input(input, until));
        let (mut did, mut measures, mut commands) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(input) = next.take() {
            commands.clear();
            self.role.on(input, &mut self.clock, &mut commands);
            for command in &commands {
                did.extend(self.token(command));
                measures.extend(self.measure(command));
            }
            next = match commands.last() {
                Some(TaskCommand::Snapshot { barrier, .. }) => {
                    Some(TaskInput::Taken { checkpoint: barrier.checkpoint })
                }
                // The channel threw, and the call never came to this point.
                Some(TaskCommand::CaptureInputs { .. }) if answer.throws => None,
                Some(TaskCommand::CaptureInputs { checkpoint }) => {
                    let refused = answer.did.contains(&format!("X{checkpoint}OVR"));
                    let (checkpoint, capturing) = (*checkpoint, !refused);
                    Some(if capturing {
                        TaskInput::Capturing { checkpoint }
                    } else {
                        TaskInput::Refused { checkpoint }
                    })
                }
                _ => None,
            };
        }
        did = in_order(did);
        if answer.throws {
            // Either the role fails, or the channel does on which it wants a barrier to overtake.
            let converts = answer.did.last().is_some_and(|last| last.starts_with('V'));
            let fails = converts || did.pop().is_some_and(|last| last == "!");
            did.truncate(answer.did.len());
            return agree(&did, &answer.did).and(if fails { Ok(()) } else { Err("it did not fail".into()) });
        }
        agree(&did, &answer.did)?;
        agree(&self.inspected(&measures), &answer.measured)
    }

    fn input(&mut self, token: &str, until: u64) -> TaskInput {
        let (port, rest) = token[1..].split_once(':').unwrap_or((&token[1..], ""));
        let port = || Port(number(port) as u32);
        match token.as_bytes()[0] {
            b'*' => {
                let timer = self.mails.pop_front().or_else(|| self.due(until));
                TaskInput::Timer { timer: timer.expect("a timer that was set has run out") }
            }
            b'b' => TaskInput::Barrier { port: port(), barrier: self.barrier(rest) },
            // Only timeoutable barriers are announced.
            b'n' => TaskInput::Announced { port: port(), barrier: self.barrier(&format!("{rest}t")) },
            b'c' => TaskInput::Cancelled { port: port(), checkpoint: CheckpointId(number(rest)) },
            b'e' => TaskInput::Ended { port: port() },
            _ => panic!("{token} is no input"),
        }
    }

    fn barrier(&self, text: &str) -> Barrier {
        let (id, letter) = text.split_at(text.len() - 1);
        let (_, kind, purpose) = *KINDS.iter().find(|(known, ..)| *known == letter).expect("a kind of barrier");
        let triggered = Moment::new(self.case["ts"][id].as_u64().unwrap_or(1000) * MILLI);
        Barrier { checkpoint: CheckpointId(number(id)), kind, purpose, triggered }
    }

    /// A command as recordings write it, if they do.
    fn token(&mut self, command: &TaskCommand) -> Option<String> {
        Some(match command {
            TaskCommand::Note(Note::Blocked(port)) => format!("B{port}"),
            TaskCommand::Note(Note::Starts(barrier)) => format!("T{}", written(barrier)),
            TaskCommand::Note(Note::InputsBegin(barrier)) => format!("I{}", written(barrier)),
            TaskCommand::Release { port } => format!("R{port}"),
            TaskCommand::CaptureInputs { checkpoint } => format!("S{checkpoint}"),
            TaskCommand::EndCaptureInputs { checkpoint, .. } => format!("E{checkpoint}"),
            TaskCommand::Overtake { port, .. } => format!("V{port}"),
            TaskCommand::Decline { checkpoint, reason } => format!("X{checkpoint}{}", why(*reason)),
            TaskCommand::SetTimer { timer, delay } if timer.kind == TimerKind::Alignment => {
                // Flink's timer service waits a millisecond more than it is asked to.
                self.timers.push((self.clock.0 + delay.0 / MILLI + 1, *timer));
                format!("+t{}", delay.0 / MILLI)
            }
            TaskCommand::CancelTimer(timer) if timer.kind == TimerKind::Alignment => {
                self.timers.retain(|(_, set)| set != timer);
                "-t".to_owned()
            }
            TaskCommand::Fail => "!".to_owned(),
            _ => return None,
        })
    }

    fn measure(&self, command: &TaskCommand) -> Option<(u64, bool)> {
        match command {
            TaskCommand::Note(Note::AlignmentBegan(checkpoint)) => Some((checkpoint.0, true)),
            TaskCommand::Note(Note::AlignmentEnded(checkpoint) | Note::AlignmentDropped(checkpoint)) => {
                Some((checkpoint.0, false))
            }
            _ => None,
        }
    }

    /// The recorder looked at the measurement after each call: of what went on in between it saw the outcome.
    fn inspected(&mut self, measures: &[(u64, bool)]) -> Vec<String> {
        let (before, was_on) = self.measured;
        let Some((after, is_on)) = measures.last().copied() else { return Vec::new() };
        self.measured = (after, is_on);
        let mut tokens = Vec::new();
        if was_on && (before != after || !is_on) {
            tokens.push("A-".to_owned());
        }
        if before != after {
            tokens.push(format!("A{}{after}", if is_on { '+' } else { '=' }));
        }
        tokens
    }
}

/// The kinds of barriers and what the checkpoint is for, as recordings write them.
const KINDS: &[(&str, BarrierKind, Purpose)] = &[
    ("a", BarrierKind::Blocking, Purpose::Checkpoint),
    ("s", BarrierKind::Blocking, Purpose::Savepoint),
    ("t", BarrierKind::Timeoutable, Purpose::Checkpoint),
    ("u", BarrierKind::Overtaking, Purpose::Checkpoint),
    ("f", BarrierKind::Forced, Purpose::Checkpoint),
    ("l", BarrierKind::Plain, Purpose::Checkpoint),
];

fn written(barrier: &Barrier) -> String {
    let kind = |(_, kind, purpose): &&(&str, _, _)| (*kind, *purpose) == (barrier.kind, barrier.purpose);
    let (letter, ..) = KINDS.iter().find(kind).expect("a kind that recordings know");
    format!("{}{letter}", barrier.checkpoint)
}

fn why(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::Subsumed => "SUB",
        DeclineReason::Cancelled => "CAN",
        DeclineReason::InputEnded => "EOS",
        DeclineReason::Overtaken => "OVR",
        DeclineReason::NotRunning | DeclineReason::Failed => panic!("a handler does not decide that"),
    }
}

/// What was recorded between an input and the next.
#[derive(Default)]
struct Answer {
    /// Decisions in order.
    did: Vec<String>,
    /// Alignments that began or ended.
    measured: Vec<String>,
    /// Flink threw.
    throws: bool,
}

/// The inputs of a segment, data left out, each with its answer.
fn answers(segment: &str) -> Vec<(&str, Answer)> {
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for token in segment.split(' ').filter(|token| !token.is_empty()) {
        match (token.as_bytes()[0], answers.last_mut()) {
            (b'b' | b'n' | b'c' | b'e' | b'*', _) => answers.push((token, Answer::default())),
            // Data, and buffers that channels persisted.
            (b'd' | b'W' | b'O', _) => {}
            (b'A', Some((_, answer))) => answer.measured.push(token.to_owned()),
            (b'!', Some((_, answer))) => answer.throws = true,
            // Told of every gate on its own; here they are one.
            (b'S' | b'E', Some((_, answer))) => {
                let (_, checkpoint) = token.split_once(':').expect("gate:checkpoint");
                let token = format!("{}{checkpoint}", &token[..1]);
                if answer.did.last() != Some(&token) {
                    answer.did.push(token);
                }
            }
            (_, Some((_, answer))) => answer.did.push(token.to_owned()),
            (_, None) => panic!("{token} is an answer to nothing"),
        }
    }
    for (_, answer) in &mut answers {
        answer.did = in_order(std::mem::take(&mut answer.did));
    }
    answers
}

/// Ports that are let overtake one after another, ascending: with several gates Flink's order is that of a hash table.
fn in_order(mut did: Vec<String>) -> Vec<String> {
    for run in did.chunk_by_mut(|one, two| one.starts_with('V') && two.starts_with('V')) {
        run.sort();
    }
    did
}

fn agree(did: &[String], recorded: &[String]) -> Outcome {
    if did == recorded { Ok(()) } else { Err(format!("{:?}, recorded {:?}", did.join(" "), recorded.join(" "))) }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}
