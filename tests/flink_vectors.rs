//! Differential test: the barrier protocols of the zoo, run in the simulated channels, do token for token what the
//! real classes of Apache Flink did when they were given the same events.
//!
//! `tests/data/flink-vectors/README.md` explains the recordings. The folder that `CUTLINE_VECTORS` names is read
//! too. Every case is played by the script driver: one task in a world with endless credits and buffers of one record.

mod support;

use cutline::base::{ChannelId, CheckpointId, Port, Span, TaskId, Time};
use cutline::check::Figures;
use cutline::drive::{Act, Pace, Script, Seen};
use cutline::protocol::{Barrier, BarrierKind, DeclineReason, Moment, Note, Purpose, TaskCommand, TimerKind};
use cutline::scenario::{self, BlockedRule, Parameter};
use cutline::trace::{Event, Observer};
use cutline::world::{Feed, Job};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The clock of every recording starts here.
const START: Time = Time(1_000_000_000);
/// How many divergences are told per file.
const TOLD: usize = 5;

#[test]
fn tasks_do_what_flink_did() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/flink-vectors");
    let mut folders = vec![ours];
    folders.extend(std::env::var_os("CUTLINE_VECTORS").map(PathBuf::from));
    let mut wrong = 0;
    for folder in folders {
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("the folder can be read").path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} holds no recordings", folder.display());
        for file in files {
            wrong += compare_file(&file);
        }
    }
    assert_eq!(wrong, 0, "some cases diverge from Flink");
}

/// Plays all cases of a file and prints how many diverge.
fn compare_file(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.file_name().expect("it is a file").to_string_lossy();
    let (mut cases, mut newer, mut older, mut diverging) = (0, Count::default(), Count::default(), Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        cases += 1;
        // A case that cannot even be played says nothing about the others.
        match std::panic::catch_unwind(|| Case::parse(line).compare()) {
            Ok(compared) => {
                newer.add(&compared.newer);
                older.add(&compared.older);
                diverging.extend(compared.difference());
            }
            Err(_) => diverging.push(format!("  case {cases} cannot be played: {}", &line[..line.len().min(80)])),
        }
    }
    println!("{name}: {cases} cases, {} divergences", diverging.len());
    println!(
        "  {} of {} tokens compared, and {} of {} by the rule of 1.20",
        newer.agreed, newer.all, older.agreed, older.all
    );
    diverging.iter().take(TOLD).for_each(|difference| println!("{difference}"));
    diverging.len()
}

/// A recorded case.
struct Case {
    id: String,
    handler: String,
    gates: Vec<u32>,
    after_finish: bool,
    timeout_ms: u64,
    created_ms: BTreeMap<u64, u64>,
    events: Vec<String>,
    fails: bool,
    /// What Flink 2.3 did.
    newer: Recorded,
    /// What Flink 1.20 did, where it is not the same.
    older: Recorded,
}

/// What a version of Flink did.
#[derive(Clone)]
struct Recorded {
    trace: String,
    metrics: String,
    end: String,
}

/// Recorded tokens, and how many of them were seen.
#[derive(Default)]
struct Count {
    all: usize,
    agreed: usize,
}

impl Count {
    fn add(&mut self, other: &Outcome) {
        self.all += other.tokens;
        self.agreed += other.agreed;
    }
}

/// How a case came out.
struct Compared {
    id: String,
    /// By the rules of Flink 2.3, and by those of 1.20.
    newer: Outcome,
    older: Outcome,
    /// The same once more under another name of the protocol: only differences count.
    again: Option<String>,
}

impl Compared {
    fn difference(self) -> Option<String> {
        let difference = self.newer.difference.or(self.older.difference).or(self.again)?;
        Some(format!("  {}: {difference}", self.id))
    }
}

/// How a comparison came out.
#[derive(Default)]
struct Outcome {
    tokens: usize,
    agreed: usize,
    difference: Option<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.agreed += other.agreed;
        self.difference = self.difference.take().or(other.difference);
    }
}

impl Case {
    fn parse(line: &str) -> Self {
        let json: Json = serde_json::from_str(line).expect("a case is JSON");
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let newer = Recorded { trace: text("tr"), metrics: text("m"), end: text("end") };
        let older = match json.get("tr120") {
            None => newer.clone(),
            Some(_) => {
                let or = |name: &str, other: &str| json[name].as_str().unwrap_or(other).to_owned();
                Recorded { trace: text("tr120"), metrics: or("m120", &newer.metrics), end: or("end120", &newer.end) }
            }
        };
        Self {
            id: text("id"),
            handler: text("h"),
            gates: json["g"].as_array().expect("gates").iter().map(|n| n.as_u64().expect("a count") as u32).collect(),
            after_finish: json["fin"].as_bool().unwrap_or(true),
            timeout_ms: json["to"].as_u64().unwrap_or(0),
            created_ms: json["ts"].as_object().map(created).unwrap_or_default(),
            events: text("ev").split_whitespace().map(str::to_owned).collect(),
            fails: json.get("err").is_some(),
            newer,
            older,
        }
    }

    /// Plays the case with each protocol that it is about, by the rules of both versions.
    fn compare(&self) -> Compared {
        let both = |protocol| {
            let newer = self.compare_with(protocol, BlockedRule::Overtaking, &self.newer);
            (newer, self.compare_with(protocol, BlockedRule::Nothing, &self.older))
        };
        let protocols = self.protocols();
        let (newer, older) = both(protocols[0]);
        let again = protocols[1..].iter().map(|protocol| both(protocol));
        let again = again.flat_map(|(newer, older)| [newer.difference, older.difference]).flatten().next();
        Compared { id: self.id.clone(), newer, older, again }
    }

    fn protocols(&self) -> Vec<&'static str> {
        let timeoutable = self.events.iter().any(|event| event.starts_with('b') && event.ends_with('t'));
        match self.handler.as_str() {
            "aligned" => vec!["aligned"],
            "unaligned" => vec!["unaligned-strict"],
            "tracker" => vec!["at-least-once"],
            "alternating" if timeoutable => vec!["aligned-timeout"],
            // A timeout of zero is how production Flink runs unaligned checkpoints: the same code under another name.
            "alternating" => vec!["aligned-timeout", "unaligned"],
            other => panic!("{}: unknown handler {other}", self.id),
        }
    }

    fn compare_with(&self, protocol: &str, rule: BlockedRule, recorded: &Recorded) -> Outcome {
        let job = self.job(protocol, rule);
        let task = TaskId(self.gates.iter().sum());
        let mut script = Script::new(&job, task, START);
        let mut seen = Player::new(self, &job, task);
        let mut outcome = Outcome::default();
        let mut known = BTreeMap::new();
        for (step, (event, expected)) in self.events.iter().zip(recorded.trace.split('|')).enumerate() {
            let act = self.act(event, &mut known);
            let ports = if self.gates.len() > 1 { consumed_ports(expected) } else { Vec::new() };
            let got = seen.tokens(script.play(act, ports));
            let mut expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
            let mut got = got;
            if self.gates.len() > 1 {
                sort_conversions(&mut expected);
                sort_conversions(&mut got);
            }
            expected.iter_mut().filter(|token| token.starts_with('!')).for_each(|token| *token = "!".into());
            let threw = expected.last().is_some_and(|token| token == "!");
            outcome.add(compare_tokens(&format!("step {} ({event})", step + 1), &expected, &got));
            if threw {
                return outcome;
            }
        }
        let told = recorded.trace.split('|').count();
        if told != self.events.len() || (self.fails && rule == BlockedRule::Overtaking) {
            let text =
                format!("{} events and {told} steps of a trace, at none of which Flink throws", self.events.len());
            outcome.difference.get_or_insert(text);
        }
        outcome.add(compare_set("alignment figures", &recorded.metrics, &seen.metrics()));
        outcome.add(compare_set("end", &recorded.end, &seen.end(&script)));
        outcome.difference = outcome.difference.map(|difference| format!("{protocol}, {rule:?}: {difference}"));
        outcome
    }

    /// A job whose last task reads so many channels in so many gates, and never wants for a buffer.
    fn job(&self, protocol: &str, rule: BlockedRule) -> Job {
        let sources = self.gates.iter().enumerate().map(|(n, width)| {
            let on = vec!["1"; *width as usize].join(",");
            format!(
                "{{\"id\":\"s{n}\",\"kind\":\"source\",\"parallelism\":{width},\"on\":[{on}],\"partitions\":{width}}}"
            )
        });
        let edges =
            (0..self.gates.len()).map(|n| format!("{{\"from\":\"s{n}\",\"to\":\"task\",\"by\":\"rebalance\"}}"));
        let text = format!(
            "{{\"cutline\":1,\"cluster\":{{\"task_managers\":2}},\"job\":{{\"operators\":[{},\
             {{\"id\":\"task\",\"kind\":\"sink\",\"on\":[0]}}],\"edges\":[{}]}}}}",
            sources.collect::<Vec<_>>().join(","),
            edges.collect::<Vec<_>>().join(","),
        );
        let mut scenario = scenario::parse(&text, "case.json").unwrap_or_else(|problem| panic!("{problem}"));
        scenario.network.segment.0 = 1;
        scenario.network.exclusive = 1 << 16;
        scenario.network.max_per_channel = 1 << 16;
        scenario.network.blocked = rule;
        scenario.checkpoints.protocol = protocol.to_owned();
        scenario.checkpoints.after_finish = self.after_finish;
        if protocol == "aligned-timeout" {
            let (name, value) = ("timeout".to_owned(), format!("{}ms", self.timeout_ms));
            scenario.checkpoints.parameters.push(Parameter { name, value, place: Default::default() });
        }
        Job::compile(scenario).unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn created(&self, checkpoint: u64) -> Time {
        Time(self.created_ms.get(&checkpoint).copied().unwrap_or(1000) * 1_000_000)
    }

    /// What an event of the recording puts where.
    fn act(&self, event: &str, known: &mut BTreeMap<(u32, u64), char>) -> Act {
        let (kind, rest) = event.split_at(1);
        let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("{}: {event}", self.id));
        let channel = |text: &str| ChannelId(number(text) as u32);
        match kind {
            "d" => Act::Feed(channel(rest), Feed::Record),
            "e" => Act::Feed(channel(rest), Feed::Closed),
            "c" => {
                let (on, id) = rest.split_once(':').expect("a cancel marker has an id");
                Act::Feed(channel(on), Feed::Cancel(CheckpointId(number(id))))
            }
            "b" => {
                let (on, id) = rest.split_once(':').expect("a barrier has an id");
                let (id, letter) = id.split_at(id.len() - 1);
                let letter = letter.chars().next().expect("one letter");
                known.insert((channel(on).0, number(id)), letter);
                let (kind, purpose) = kind_of(letter);
                let (checkpoint, triggered) = (CheckpointId(number(id)), Moment::new(self.created(number(id)).0));
                Act::Feed(channel(on), Feed::Barrier(Barrier { checkpoint, kind, purpose, triggered }))
            }
            "+" => Act::Wait(Span::from_millis(number(rest))),
            "P" => Act::Thread(Pace::BackPressured),
            "Z" => Act::Thread(Pace::Busy),
            "R" => Act::Thread(Pace::Free),
            _ => panic!("{}: unknown event {event}", self.id),
        }
    }
}

fn created(map: &serde_json::Map<String, Json>) -> BTreeMap<u64, u64> {
    map.iter().map(|(id, at)| (id.parse().expect("an id"), at.as_u64().expect("an instant"))).collect()
}

fn kind_of(letter: char) -> (BarrierKind, Purpose) {
    match letter {
        'a' => (BarrierKind::Blocking, Purpose::Checkpoint),
        's' => (BarrierKind::Blocking, Purpose::Savepoint),
        't' => (BarrierKind::Timeoutable, Purpose::Checkpoint),
        'u' => (BarrierKind::Overtaking, Purpose::Checkpoint),
        'f' => (BarrierKind::Forced, Purpose::Checkpoint),
        'l' => (BarrierKind::Plain, Purpose::Checkpoint),
        other => panic!("unknown barrier {other}"),
    }
}

fn letter(barrier: &Barrier) -> char {
    match (barrier.kind, barrier.purpose) {
        (BarrierKind::Blocking, Purpose::Checkpoint) => 'a',
        (BarrierKind::Blocking, _) => 's',
        (BarrierKind::Timeoutable, _) => 't',
        (BarrierKind::Overtaking, _) => 'u',
        (BarrierKind::Forced, _) => 'f',
        (BarrierKind::Plain, _) => 'l',
    }
}

fn why(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::Subsumed => "SUB",
        DeclineReason::Cancelled => "CAN",
        DeclineReason::InputEnded => "EOS",
        DeclineReason::Overtaken => "OVR",
        DeclineReason::NotRunning | DeclineReason::Failed => "???",
    }
}

/// Flink converts announced barriers in the order of a hash table, which over several gates is not that of the ports.
fn sort_conversions(tokens: &mut [String]) {
    tokens.chunk_by_mut(|a, b| a.starts_with('V') && b.starts_with('V')).for_each(<[String]>::sort);
}

/// The ports that a recorded step read from, in order.
fn consumed_ports(segment: &str) -> Vec<Port> {
    let port = |token: &str| {
        let rest = token.strip_prefix(['d', 'b', 'n', 'c', 'e'])?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Port)
    };
    segment.split_whitespace().filter_map(port).collect()
}

fn compare_tokens(place: &str, expected: &[String], got: &[String]) -> Outcome {
    let agreed = expected.iter().zip(got).filter(|(a, b)| a == b).count();
    let difference =
        (expected != got).then(|| format!("{place}: Flink \"{}\", cutline \"{}\"", expected.join(" "), got.join(" ")));
    Outcome { tokens: expected.len(), agreed, difference }
}

/// Compares lists of `name=value` or `id:figures`, whatever their order.
fn compare_set(place: &str, expected: &str, got: &str) -> Outcome {
    let sorted = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    compare_tokens(place, &sorted(expected), &sorted(got))
}

/// Turns what was seen into tokens.
struct Player<'a> {
    case: &'a Case,
    task: TaskId,
    /// The first channel of each gate.
    first: Vec<u32>,
    letters: BTreeMap<(u32, u64), char>,
    figures: Figures,
    started: Vec<u64>,
    /// The checkpoint whose alignment was measured last.
    measured: Option<CheckpointId>,
}

impl<'a> Player<'a> {
    fn new(case: &'a Case, job: &Job, task: TaskId) -> Self {
        let mut first = vec![0];
        case.gates.iter().for_each(|width| first.push(first[first.len() - 1] + width));
        let mut figures = Figures::new(&job.plan);
        let mut letters = BTreeMap::new();
        for event in case.events.iter().filter(|event| event.starts_with('b')) {
            let (on, id) = event[1..].split_once(':').expect("a barrier has an id");
            let (id, letter) = id.split_at(id.len() - 1);
            let key = (on.parse().expect("a channel"), id.parse().expect("an id"));
            letters.insert(key, letter.chars().next().expect("one letter"));
        }
        let ids: std::collections::BTreeSet<u64> = letters.keys().map(|(_, id)| *id).collect();
        for id in ids {
            let triggered = Event::CheckpointTriggered { checkpoint: CheckpointId(id), purpose: 0 };
            figures.event(case.created(id), &triggered);
        }
        Self { case, task, first, letters, figures, started: Vec::new(), measured: None }
    }

    /// The tokens of one step of the recording.
    fn tokens(&mut self, seen: Vec<(Time, Seen)>) -> Vec<String> {
        let mut out = Tokens { measured: self.measured, ..Tokens::default() };
        for (at, seen) in seen {
            match seen {
                Seen::Event(event) => {
                    self.figures.event(at, &event);
                    self.event(&event, &mut out);
                }
                Seen::Decided(command) => self.decided(&command, &mut out),
                Seen::Handled => out.end_call(),
            }
        }
        out.end_call();
        self.measured = out.measured;
        out.words
    }

    fn event(&self, event: &Event, out: &mut Tokens) {
        let letter = |channel: ChannelId, id: CheckpointId| self.letters[&(channel.0, id.0)];
        match *event {
            Event::BufferTaken { channel, seq, .. } => out.input(format!("d{}.{}", channel.0, seq + 1)),
            Event::BarrierReceived { channel, checkpoint, .. } => {
                out.input(format!("b{}:{checkpoint}{}", channel.0, letter(channel, checkpoint)));
            }
            Event::AnnouncementReceived { channel, checkpoint, .. } => {
                out.input(format!("n{}:{checkpoint}", channel.0))
            }
            Event::CancelReceived { channel, checkpoint, .. } => out.input(format!("c{}:{checkpoint}", channel.0)),
            Event::CloseReceived { channel, .. } => out.input(format!("e{}", channel.0)),
            Event::TimerHandled { kind, .. } if kind == TimerKind::Alignment as u32 => out.input("*t".into()),
            Event::CaptureBegan { channel, checkpoint } => {
                out.joins = false;
                if let Some(gate) = self.first.iter().position(|first| *first == channel.0) {
                    out.say(format!("S{gate}:{checkpoint}"));
                }
            }
            Event::InputPersisted { channel, checkpoint, seq, .. } => {
                out.say_more(format!("W{checkpoint}:{}.", channel.0), seq + 1);
            }
            Event::BufferArrived { .. } | Event::CutQueued { .. } => out.joins = false,
            Event::OutputPersisted { channel, checkpoint, seq, .. } => {
                out.say_more(format!("O{checkpoint}:{}.", channel.0), seq + 1);
            }
            Event::TaskFailed { task, .. } if task == self.task => out.say("!".into()),
            _ => {}
        }
    }

    fn decided(&mut self, command: &TaskCommand, out: &mut Tokens) {
        match *command {
            TaskCommand::Note(Note::Blocked(port)) => out.say(format!("B{}", port.0)),
            TaskCommand::Note(Note::Starts(barrier)) => {
                let id = barrier.checkpoint.0;
                self.started.extend((!self.started.contains(&id)).then_some(id));
                out.say(format!("T{}{}", barrier.checkpoint, letter(&barrier)));
            }
            TaskCommand::Note(Note::InputsBegin(barrier)) => {
                out.say(format!("I{}{}", barrier.checkpoint, letter(&barrier)));
            }
            TaskCommand::Note(Note::AlignmentBegan(id)) => out.alignment.push((true, id)),
            TaskCommand::Note(Note::AlignmentEnded(id) | Note::AlignmentDropped(id)) => out.alignment.push((false, id)),
            TaskCommand::Release { port } => out.release(port),
            TaskCommand::Decline { checkpoint, reason } => out.say(format!("X{checkpoint}{}", why(reason))),
            TaskCommand::EndCaptureInputs { checkpoint, .. } => {
                (0..self.case.gates.len()).for_each(|gate| out.say(format!("E{gate}:{checkpoint}")));
            }
            TaskCommand::Overtake { port, .. } => out.say(format!("V{}", port.0)),
            TaskCommand::SetTimer { timer, delay } if timer.kind == TimerKind::Alignment => {
                out.say(format!("+t{}", delay.0 / 1_000_000));
            }
            TaskCommand::CancelTimer(timer) if timer.kind == TimerKind::Alignment => out.say("-t".into()),
            _ => {}
        }
    }

    /// Alignment duration, buffers during it and start delay, of each checkpoint that was started.
    fn metrics(&self) -> String {
        let mut text = String::new();
        for id in &self.started {
            let checkpoint = self.figures.checkpoint(CheckpointId(*id)).expect("it was triggered");
            let show = |value: Option<u64>| value.map_or("?".into(), |n| n.to_string());
            let times = &checkpoint.tasks[self.task.index()];
            let align = times.alignment().map(|span| span.0 / 1_000_000);
            let processed = align.map(|_| times.processed.0);
            let delay = checkpoint.start_delay(self.task).map_or(0, |span| span.0 / 1_000_000);
            let _ = write!(text, "{id}:{}/{}/{delay} ", show(align), show(processed));
        }
        text
    }

    /// How everything stands.
    fn end(&self, script: &Script<'_>) -> String {
        let mut text = String::new();
        for (name, value) in script.world().inspect(self.task) {
            let _ = write!(text, "{name}={value} ");
        }
        let all = 0..*self.first.last().expect("it ends with the number of channels");
        let blocked: Vec<String> =
            all.filter(|c| script.world().is_channel_blocked(ChannelId(*c))).map(|c| c.to_string()).collect();
        let _ = write!(text, "blk={}", blocked.join(","));
        text
    }
}

/// The tokens of a step as they come.
#[derive(Default)]
struct Tokens {
    words: Vec<String>,
    /// Beginnings and ends of alignment measuring in the call that is under way: they are told at its end.
    alignment: Vec<(bool, CheckpointId)>,
    /// Releases in a row, sorted by port.
    releases: Vec<u32>,
    /// The buffers of a channel that are copied at once make one token.
    joins: bool,
    /// The checkpoint whose alignment was measured last.
    measured: Option<CheckpointId>,
}

impl Tokens {
    fn say(&mut self, word: String) {
        self.flush_releases();
        self.words.push(word);
    }

    /// An input begins a new call.
    fn input(&mut self, word: String) {
        self.end_call();
        self.words.push(word);
    }

    fn say_more(&mut self, prefix: String, n: u64) {
        self.flush_releases();
        match self.words.last_mut().filter(|last| self.joins && last.starts_with(&prefix)) {
            Some(last) => last.push_str(&format!(",{n}")),
            None => self.words.push(format!("{prefix}{n}")),
        }
        self.joins = true;
    }

    fn release(&mut self, port: Port) {
        self.releases.push(port.0);
    }

    fn flush_releases(&mut self) {
        self.releases.sort_unstable();
        self.words.extend(self.releases.drain(..).map(|port| format!("R{port}")));
    }

    fn end_call(&mut self) {
        self.flush_releases();
        let notes = std::mem::take(&mut self.alignment);
        let mut notes = notes.into_iter().peekable();
        if self.words.last().is_some_and(|word| word == "!") {
            return;
        }
        while let Some((began, id)) = notes.next() {
            // The recording looks at the handler after each call: what is the same then was not seen.
            if !began && notes.next_if(|(began, other)| *began && *other == id).is_some() {
            } else if began && notes.next_if(|(began, other)| !began && *other == id).is_some() {
                if self.measured != Some(id) {
                    self.words.push(format!("A={id}"));
                }
            } else if began {
                self.words.push(format!("A+{id}"));
            } else {
                self.words.push("A-".into());
            }
            self.measured = if began { Some(id) } else { self.measured };
        }
    }
}
