//! The conformance kit: what every protocol of the zoo owes, with no test written by its author.
//!
//! Each test runs over the whole table. What a protocol claims it is held to; what it does not claim it must
//! refuse. Its roles must be values: reset means as new, a copy is alike, and a fingerprint holds all that
//! decides what they will do - else the explorer would merge histories that differ.

mod support;

use cutline::base::{ChannelId, CheckpointId, Concern, Fingerprint, Port, Problem, Span, TaskId, mix, parse_span};
use cutline::campaign::Want;
use cutline::check::Verdict;
use cutline::plan::{self, Plan};
use cutline::protocol::{
    Barrier, BarrierKind, CoordinatorCommand, CoordinatorInput, CoordinatorRole, DeclineReason, Delivery, Env, Facts,
    JobSite, Moment, Protocol, Purpose, Settings, TaskCommand, TaskInput, TaskRole, TaskSite, Timer, TimerKind, ZOO,
    configure,
};
use cutline::scenario::{self, Limits, Scenario, generate};
use cutline::trace::EventKind;
use cutline::world::Job;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::{SMALL, cases, claimed, compile, run};

// ---- what the table says ----

#[test]
fn names_are_unique_and_kebab_case() {
    let mut names = BTreeSet::new();
    for protocol in ZOO {
        let name = protocol.name();
        let words = name
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(words && name.starts_with(|c: char| c.is_ascii_lowercase()), "{name:?} is not kebab-case");
        assert!(names.insert(name), "{name} is there twice");
    }
}

#[test]
fn everything_in_the_table_is_explained() {
    let phrase = |owner: &str, about: &str| {
        let fits = (10..=110).contains(&about.len()) && !about.contains('\n') && about.trim() == about;
        assert!(fits && !about.ends_with('.'), "{owner}: {about:?} -> one phrase without a full stop");
        assert!(!about.starts_with(|c: char| c.is_ascii_uppercase()), "{owner}: {about:?}");
    };
    for protocol in ZOO {
        phrase(protocol.name(), protocol.about());
        for parameter in protocol.parameters() {
            phrase(&format!("{}, {}", protocol.name(), parameter.name), parameter.about);
        }
    }
}

#[test]
fn claims_are_consistent() {
    for protocol in ZOO {
        let (name, claims, needs) = (protocol.name(), protocol.claims(), protocol.needs());
        // Every completed checkpoint is a cut, and what is restored is one of them.
        let exactly_once = claims.delivery == Delivery::ExactlyOnce;
        assert!(!claims.coordinated_cut || exactly_once, "{name}: a consistent cut counts every record once");
        assert!(!claims.coordinated_cut || claims.coordinated, "{name}: a cut of all tasks has one id for all of them");
        // What a live receiver lost or a live sender sent too much has to come from somewhere.
        assert!(claims.global_restart || needs.sender_log, "{name}: who keeps live tasks needs a log to replay from");
    }
}

#[test]
fn parameters_are_well_written_and_read() {
    for protocol in ZOO {
        let defaults = settings(*protocol, &[]).expect("defaults are fine").parameters;
        let mut names = BTreeSet::new();
        for (n, known) in protocol.parameters().iter().enumerate() {
            assert!(names.insert(known.name), "{}: {} is there twice", protocol.name(), known.name);
            assert_eq!(Ok(defaults[n]), parse_span(known.default), "{}: {}", protocol.name(), known.name);
            let given = settings(*protocol, &[(known.name, "1234us")]).expect("a time").parameters;
            assert_eq!(given[n], Span::from_micros(1234), "{}: {}", protocol.name(), known.name);
            let others =
                |of: &[Span]| of.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, s)| *s).collect::<Vec<_>>();
            assert_eq!(others(&given), others(&defaults), "{}: only {} was given", protocol.name(), known.name);
            let problem = settings(*protocol, &[(known.name, "soon")]).expect_err("that is no time");
            assert!(problem.found.contains("\"soon\"") && problem.place.is_some(), "{problem}");
        }
    }
}

#[test]
fn what_is_unknown_is_answered_with_the_nearest() {
    for protocol in ZOO {
        let name = protocol.name();
        for known in protocol.parameters() {
            let misspelt = format!("{}e", known.name);
            let problem = settings(*protocol, &[(&misspelt, "1ms")]).expect_err("there is none of that name");
            assert_eq!(problem.found, format!("\"{name}\" has no parameter \"{misspelt}\""));
            assert_eq!(problem.allowed, format!("did you mean \"{}\"?", known.name));
        }
        let problem = settings(*protocol, &[("qqqqqqqqqq", "1ms")]).expect_err("there is none of that name");
        let names: Vec<&str> = protocol.parameters().iter().map(|known| known.name).collect();
        let takes =
            if names.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", names.join(", ")) };
        assert_eq!(problem.allowed, takes, "{name}");

        let misspelt = &name[..name.len() - 1];
        let problem =
            scenario_with(misspelt, &[], LINE).and_then(|s| Job::compile(s).map(drop)).expect_err("no such name");
        assert_eq!(problem.found, format!("there is no protocol \"{misspelt}\""));
        // The nearest name would mislead: "unaligned" is no misspelling of "aligned".
        for known in ZOO {
            assert!(problem.allowed.contains(&format!("\"{}\"", known.name())), "{}", problem.allowed);
        }
    }
}

const LINE: &str = r#"[{"from": "in", "to": "a", "by": "hash"}, {"from": "a", "to": "b", "by": "hash"},
    {"from": "b", "to": "out", "by": "hash"}]"#;
const CYCLE: &str = r#"[{"from": "in", "to": "a", "by": "hash"}, {"from": "a", "to": "b", "by": "hash"},
    {"from": "b", "to": "out", "by": "hash"}, {"from": "b", "to": "a", "by": "hash", "feedback": true}]"#;

/// A small job under a protocol.
fn scenario_with(protocol: &str, parameters: &[(&str, &str)], edges: &str) -> Result<Scenario, Problem> {
    let parameters: String = parameters.iter().map(|(name, value)| format!(", \"{name}\": \"{value}\"")).collect();
    let text = format!(
        r#"{{"cutline": 1,
        "job": {{
            "operators": [
                {{"id": "in", "kind": "source", "records": 100}}, {{"id": "a", "kind": "map"}},
                {{"id": "b", "kind": "filter"}}, {{"id": "out", "kind": "sink"}}],
            "edges": {edges}}},
        "checkpoints": {{"protocol": {{"name": "{protocol}"{parameters}}}, "interval": "10ms"}}}}"#
    );
    scenario::parse(&text, "test.json")
}

fn settings(protocol: &dyn Protocol, parameters: &[(&str, &str)]) -> Result<Settings, Problem> {
    let scenario = scenario_with(protocol.name(), parameters, LINE)?;
    configure(&scenario, &plan::build(&scenario)).map(|(_, settings)| settings)
}

// ---- what it does to jobs ----

#[test]
fn cycles_are_taken_or_refused() {
    let able: Vec<&str> = ZOO.iter().filter(|p| p.claims().cycles).map(|p| p.name()).collect();
    for protocol in ZOO {
        let scenario = scenario_with(protocol.name(), &[], CYCLE).expect("the file is fine");
        match Job::compile(scenario) {
            Ok(_) => assert!(protocol.claims().cycles, "{} takes a cycle that it does not claim", protocol.name()),
            Err(problem) => assert_eq!(
                (problem.found, problem.allowed),
                (
                    format!("\"{}\" does not work on cycles, and a, b form one", protocol.name()),
                    format!("protocols that do: {}", able.join(", ")),
                )
            ),
        }
    }
}

#[test]
fn concurrent_checkpoints_are_taken_or_refused() {
    for protocol in ZOO {
        let mut scenario = scenario_with(protocol.name(), &[], LINE).expect("the file is fine");
        scenario.checkpoints.max_concurrent = 2;
        match Job::compile(scenario) {
            Ok(_) => assert!(protocol.claims().concurrent, "{} takes two that it does not claim", protocol.name()),
            Err(problem) => {
                let found = format!("\"{}\" takes one checkpoint at a time, and max_concurrent is 2", protocol.name());
                assert_eq!(problem.found, found);
                assert!(problem.allowed.contains("aligned"), "{}", problem.allowed);
            }
        }
    }
}

#[test]
fn every_record_counts_once_whatever_fails() {
    for protocol in ZOO.iter().filter(|protocol| protocol.claims().delivery == Delivery::ExactlyOnce) {
        let name = protocol.name();
        let limits = claimed(name, Limits { cycles: true, faults: 3, ..SMALL });
        let mut seen = BTreeMap::new();
        let runs = u64::from(cases(300));
        for seed in 0..runs {
            let job = compile(generate(seed, &limits, name));
            let (outcome, runner) = run(&job, seed, Want { trace: true, figures: false, ..Want::default() });
            assert_eq!(outcome.verdict, Verdict::Pass, "{name}, seed {seed}");
            let kinds: BTreeSet<EventKind> = runner.trace().iter().map(|stamped| stamped.event.kind()).collect();
            kinds.into_iter().for_each(|kind| *seen.entry(kind).or_insert(0) += 1);
        }
        // Jobs in which nothing happened would show nothing.
        let often = |kind| *seen.get(&kind).unwrap_or(&0);
        for kind in [EventKind::SnapshotDurable, EventKind::JobRestarting, EventKind::StateRestored] {
            assert!(often(kind) > runs / 4, "{name}: {} in {} runs of {runs}", kind.name(), often(kind));
        }
        if protocol.claims().coordinated_cut {
            let kind = EventKind::CheckpointCompleted;
            assert!(often(kind) > runs / 2, "{name}: {} in {} runs of {runs}", kind.name(), often(kind));
        }
        if protocol.needs().sender_log {
            assert!(often(EventKind::ChannelReplayed) > runs / 10, "{name} logs, and never replays");
        }
    }
}

// ---- its roles as values ----

/// Surroundings that answer alike whoever asks.
struct Still;

impl Env for Still {
    fn now(&mut self) -> Moment {
        Moment::default()
    }
    fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
        limit.0 < since.value()
    }
    fn left(&mut self, since: Moment, limit: Span) -> Span {
        Span(limit.0 + since.value())
    }
    fn draw(&mut self, concern: Concern, entity: u64, index: u64) -> u64 {
        mix(concern as u64 ^ entity << 8 ^ index << 32)
    }
}

/// Facts in which every snapshot up to 9 is durable and later ones hold more.
impl Facts for Still {
    fn newest(&self, _task: TaskId, below: Option<CheckpointId>) -> CheckpointId {
        CheckpointId(below.map_or(9, |below| below.0.saturating_sub(1)))
    }
    fn applied(&self, _task: TaskId, at: Option<CheckpointId>) -> u64 {
        at.map_or(95, |id| id.0 * 10)
    }
    fn sent(&self, _channel: ChannelId, at: Option<CheckpointId>) -> u64 {
        at.map_or(100, |id| id.0 * 10)
    }
    fn received(&self, channel: ChannelId, at: Option<CheckpointId>) -> u64 {
        at.map_or(90, |id| id.0 * (9 + u64::from(channel.0) % 3))
    }
}

const PORTS: u32 = 2;

/// What a task role could be told next, out of a few ports and checkpoints.
fn task_inputs(ports: u32) -> Vec<TaskInput> {
    let timer = |kind, checkpoint| TaskInput::Timer { timer: Timer { kind, checkpoint } };
    let mut inputs = vec![
        TaskInput::Started { restored: CheckpointId(0) },
        TaskInput::Started { restored: CheckpointId(2) },
        TaskInput::Drained,
        timer(TimerKind::Local, CheckpointId(0)),
    ];
    inputs.extend((0..ports).map(|port| TaskInput::Ended { port: Port(port) }));
    for checkpoint in [1, 2, 3].map(CheckpointId) {
        // Some were triggered so long ago that every limit has passed.
        let triggered = Moment::new(checkpoint.0 % 2 * u64::from(u32::MAX));
        let barrier = |kind| Barrier { checkpoint, kind, purpose: Purpose::Checkpoint, triggered };
        for purpose in [Purpose::Checkpoint, Purpose::Drain] {
            inputs.push(TaskInput::Trigger { barrier: Barrier { purpose, ..barrier(BarrierKind::Timeoutable) } });
        }
        inputs.push(TaskInput::Trigger { barrier: barrier(BarrierKind::Overtaking) });
        inputs.push(TaskInput::Capturing { checkpoint });
        inputs.push(TaskInput::Refused { checkpoint });
        inputs.push(TaskInput::Taken { checkpoint });
        inputs.push(TaskInput::Durable { checkpoint });
        inputs.push(TaskInput::Completed { checkpoint });
        inputs.push(TaskInput::Aborted { checkpoint, completed: CheckpointId(0) });
        inputs.push(TaskInput::Aborted { checkpoint, completed: CheckpointId(1) });
        inputs.extend([TimerKind::Alignment, TimerKind::Output].map(|kind| timer(kind, checkpoint)));
        for port in (0..ports).map(Port) {
            inputs.extend(BARRIERS.map(|kind| TaskInput::Barrier { port, barrier: barrier(kind) }));
            inputs.push(TaskInput::Announced { port, barrier: barrier(BarrierKind::Timeoutable) });
            inputs.push(TaskInput::Cancelled { port, checkpoint });
        }
    }
    inputs
}

const BARRIERS: [BarrierKind; 5] =
    [BarrierKind::Blocking, BarrierKind::Plain, BarrierKind::Timeoutable, BarrierKind::Overtaking, BarrierKind::Forced];

/// What a coordinator role could be told next.
fn coordinator_inputs(tasks: u32) -> Vec<CoordinatorInput<'static>> {
    const FAILED: &[TaskId] = &[TaskId(1)];
    let timer =
        |kind, checkpoint| CoordinatorInput::Timer { timer: Timer { kind, checkpoint: CheckpointId(checkpoint) } };
    let mut inputs = vec![
        CoordinatorInput::Started { restored: CheckpointId(0) },
        timer(TimerKind::Interval, 0),
        timer(TimerKind::Interval, 0),
        timer(TimerKind::Pause, 0),
        timer(TimerKind::Request, 0),
        CoordinatorInput::Ended { task: TaskId(0) },
        CoordinatorInput::Drained,
        CoordinatorInput::Suspended,
        CoordinatorInput::Restarting { failed: FAILED },
    ];
    for checkpoint in 1..4 {
        inputs.push(timer(TimerKind::Expiry, checkpoint));
        let checkpoint = CheckpointId(checkpoint);
        inputs.push(CoordinatorInput::Recorded { checkpoint });
        inputs.extend([CoordinatorInput::Prepared { checkpoint }, CoordinatorInput::Cleaned { checkpoint }]);
        inputs.extend((0..tasks).map(|task| CoordinatorInput::Ack {
            task: TaskId(task),
            checkpoint,
            last: task % 2 == 0,
        }));
        let (task, reason) = (TaskId(1), DeclineReason::Cancelled);
        inputs.push(CoordinatorInput::Decline { task, checkpoint, reason });
    }
    inputs
}

/// A role of either kind, so that both are held to the same.
trait Role: Sized {
    type Input: Copy + std::fmt::Debug;
    type Command: PartialEq + std::fmt::Debug;
    fn tell(&mut self, input: Self::Input) -> Vec<Self::Command>;
    /// What the world tells next, come what may, after such commands.
    fn answer(commands: &[Self::Command]) -> Option<Self::Input>;
    fn start_over(&mut self);
    fn state(&self) -> u128;
    fn copy(&self) -> Self;
}

impl Role for Box<dyn TaskRole> {
    type Input = TaskInput;
    type Command = TaskCommand;
    fn tell(&mut self, input: TaskInput) -> Vec<TaskCommand> {
        let mut out = Vec::new();
        self.on(input, &mut Still, &mut out);
        out
    }
    fn answer(commands: &[TaskCommand]) -> Option<TaskInput> {
        match *commands.last()? {
            TaskCommand::Snapshot { barrier, .. } => Some(TaskInput::Taken { checkpoint: barrier.checkpoint }),
            TaskCommand::CaptureInputs { checkpoint } => Some(TaskInput::Capturing { checkpoint }),
            _ => None,
        }
    }
    fn start_over(&mut self) {
        self.reset();
    }
    fn state(&self) -> u128 {
        let mut into = Fingerprint::default();
        self.fingerprint(&mut into);
        into.finish()
    }
    fn copy(&self) -> Self {
        self.boxed_clone()
    }
}

impl Role for Box<dyn CoordinatorRole> {
    type Input = CoordinatorInput<'static>;
    type Command = CoordinatorCommand;
    fn tell(&mut self, input: CoordinatorInput<'static>) -> Vec<CoordinatorCommand> {
        let mut out = Vec::new();
        self.on(input, &Still, &mut Still, &mut out);
        out
    }
    fn answer(_commands: &[CoordinatorCommand]) -> Option<CoordinatorInput<'static>> {
        None
    }
    fn start_over(&mut self) {
        self.reset();
    }
    fn state(&self) -> u128 {
        let mut into = Fingerprint::default();
        self.fingerprint(&mut into);
        into.finish()
    }
    fn copy(&self) -> Self {
        self.boxed_clone()
    }
}

/// What a role must be, whatever it was told: resettable, copyable, and wholly in its fingerprint.
///
/// A history is numbers of inputs, doubled; after an even number the world answers as it should, after an odd one
/// something else comes.
fn hold_role<R: Role>(name: &str, fresh: &R, inputs: &[R::Input], histories: &[Vec<usize>]) {
    let initial = fresh.state();
    // By fingerprint: a role that has it, and how it came there.
    let mut known: BTreeMap<u128, (R, Vec<R::Input>)> = BTreeMap::new();
    for history in histories {
        let (mut role, mut told) = (fresh.copy(), Vec::new());
        for n in history {
            let mut next = Some(inputs[n / 2 % inputs.len()]);
            while let Some(input) = next.take() {
                let out = hold_copy(name, &mut role, input);
                told.push(input);
                let (other, way) = known.entry(role.state()).or_insert_with(|| (role.copy(), told.clone()));
                for next in inputs {
                    let (mut one, mut two) = (role.copy(), other.copy());
                    let ways = || format!("{name}: one fingerprint after {told:?} and after {way:?}");
                    assert_eq!(one.tell(*next), two.tell(*next), "{}; but {next:?} is answered otherwise", ways());
                    assert_eq!(one.state(), two.state(), "{}; but not after {next:?}", ways());
                }
                next = R::answer(&out).filter(|_| n % 2 == 0);
            }
        }
        role.start_over();
        assert_eq!(role.state(), initial, "{name}: reset after {told:?} is not as new");
        let mut new = fresh.copy();
        for input in told {
            assert_eq!(role.tell(input), new.tell(input), "{name}: reset, and yet it answers {input:?} otherwise");
        }
    }
}

/// Tells a role and its copy the same.
fn hold_copy<R: Role>(name: &str, role: &mut R, input: R::Input) -> Vec<R::Command> {
    let mut copy = role.copy();
    assert_eq!(copy.state(), role.state(), "{name}: a copy has another fingerprint");
    let before = role.state();
    let out = role.tell(input);
    assert_eq!(before, copy.state(), "{name}: a copy shares state with its original");
    assert_eq!(copy.tell(input), out, "{name}: a copy answers {input:?} otherwise");
    assert_eq!(copy.state(), role.state(), "{name}: after {input:?} a copy is otherwise");
    out
}

/// A job whose second task has several inputs, for the sites of roles.
fn site() -> (Plan, Vec<Settings>) {
    let scenario = scenario_with("aligned", &[], LINE).expect("the file is fine");
    let plan = plan::build(&scenario);
    let (_, settings) = configure(&scenario, &plan).expect("the protocol is there");
    let mut variants = Vec::new();
    for order in [scenario::BarrierOrder::EmitThenSnapshot, scenario::BarrierOrder::SnapshotThenEmit] {
        for (max_concurrent, min_pause) in [(1, Span::ZERO), (2, Span::from_millis(3))] {
            variants.push(Settings { order, max_concurrent, min_pause, tolerable_failures: 1, ..settings.clone() });
        }
    }
    (plan, variants)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(32), ..ProptestConfig::default() })]

    #[test]
    fn roles_are_values(histories in prop::collection::vec(prop::collection::vec(any::<usize>(), 1..12), 1..24)) {
        let (plan, variants) = site();
        for protocol in ZOO {
            for common in &variants {
                let own = settings(*protocol, &[]).expect("defaults are fine").parameters;
                let settings = Settings { parameters: own, ..common.clone() };
                for ports in [0, 1, PORTS] {
                    let site = TaskSite { task: TaskId(1), ports, is_source: ports == 0, settings: &settings };
                    hold_role(protocol.name(), &protocol.task(&site), &task_inputs(ports), &histories);
                }
                let coordinator = protocol.coordinator(&JobSite { plan: &plan, settings: &settings });
                let inputs = coordinator_inputs(plan.tasks.len() as u32);
                hold_role(protocol.name(), &coordinator, &inputs, &histories);
            }
        }
    }
}

/// A role that keeps something its fingerprint does not tell, or that its reset forgets.
#[derive(Clone)]
struct Forged {
    barriers: u32,
    told: bool,
    forgetful: bool,
}

impl TaskRole for Forged {
    fn on(&mut self, input: TaskInput, _env: &mut dyn Env, out: &mut Vec<TaskCommand>) {
        if let TaskInput::Barrier { port, barrier } = input {
            self.barriers += 1;
            if self.barriers == 3 {
                out.push(TaskCommand::Release { port });
                out.push(TaskCommand::Ack { checkpoint: barrier.checkpoint });
            }
        }
    }
    fn reset(&mut self) {
        self.barriers = if self.forgetful { self.barriers } else { 0 };
    }
    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(if self.told { u64::from(self.barriers) } else { 0 });
    }
    fn boxed_clone(&self) -> Box<dyn TaskRole> {
        Box::new(self.clone())
    }
}

fn hold_forged(told: bool, forgetful: bool) {
    let inputs = task_inputs(PORTS);
    let barrier = inputs.iter().position(|input| matches!(input, TaskInput::Barrier { .. })).expect("there are some");
    let barrier = 2 * barrier;
    let fresh: Box<dyn TaskRole> = Box::new(Forged { barriers: 0, told, forgetful });
    hold_role("forged", &fresh, &inputs, &[vec![barrier], vec![barrier; 2], vec![barrier; 4]]);
}

#[test]
fn a_role_that_is_a_value_passes() {
    hold_forged(true, false);
}

#[test]
#[should_panic(expected = "is answered otherwise")]
fn a_role_with_state_outside_its_fingerprint_is_found() {
    hold_forged(false, false);
}

#[test]
#[should_panic(expected = "is not as new")]
fn a_role_that_forgets_to_reset_is_found() {
    hold_forged(true, true);
}
