//! What users get when they leave things out, and what holds for any text at all.

mod messages;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::base::{Burst, Bytes, Place, Rate, Span};
use crate::trace::{EventKind, Predicate};
use messages::GOOD;

/// As short as a scenario gets.
const MINIMAL: &str = r#"{
  "cutline": 1,
  "job": {
    "operators": [
      {"id": "source", "kind": "source", "records": 1000, "rate": "1k/s"},
      {"id": "count", "kind": "count"},
      {"id": "sink", "kind": "sink"}],
    "edges": [{"from": "source", "to": "count", "by": "hash"}, {"from": "count", "to": "sink"}]},
  "checkpoints": {"interval": "250ms"}
}"#;

fn place(line: u32, column: u32, path: &str) -> Place {
    Place { line, column, path: path.into() }
}

#[test]
fn a_minimal_file_gets_every_default() {
    let one = Ratio { outputs: 1, inputs: 1 };
    let operator = |id: &str, line: u32, per_key: u64, source: Option<Source>| Operator {
        id: id.into(),
        kind: id.into(),
        parallelism: 1,
        service: Span::from_micros(1),
        selectivity: one,
        rekey: None,
        output_size: None,
        state: StateSize { base: Bytes(0), per_key: Bytes(per_key), per_record: Bytes(0) },
        snapshot: SnapshotCost { sync: Span::ZERO, r#async: None },
        source,
        sink: SinkMode::TwoPhase,
        transactions: Transactions::default(),
        on: None,
        over_time: None,
        place: place(line, 7, &format!("job.operators[{}]", line - 5)),
    };
    let source = Source {
        partitions: 1,
        records: Some(1000),
        rate: Some(Rate(1000)),
        burst: None,
        keys: Keys { count: 1000, skew: Skew::Even },
        size: Bytes(100),
        end: SourceEnd::Finishes,
        replayable: true,
        assignment: Assignment::Static,
        event_time: None,
    };
    let edge = |from: &str, to: &str, by, column, n| Edge {
        from: from.into(),
        to: to.into(),
        by,
        chained: false,
        feedback: false,
        overtaking: true,
        place: place(8, column, &format!("job.edges[{n}]")),
    };
    let expected = Scenario {
        name: "short".into(),
        why: String::new(),
        job: Job {
            operators: vec![
                operator("source", 5, 0, Some(source)),
                operator("count", 6, 100, None),
                operator("sink", 7, 0, None),
            ],
            edges: vec![
                edge("source", "count", Partitioner::Hash, 15, 0),
                edge("count", "sink", Partitioner::Forward, 64, 1),
            ],
            max_parallelism: 128,
        },
        cluster: Cluster {
            task_managers: 1,
            slots: None,
            placement: Placement::Fill,
            heartbeat: Span::from_secs(50),
            standby: 0,
            replacement: Span::from_secs(10),
            takeover: Span::from_secs(5),
            failover: Failover::Region,
        },
        network: Network {
            latency: Span::from_micros(100),
            bandwidth: Rate(1_000_000_000),
            segment: Bytes(32 << 10),
            debloat: None,
            exclusive: 2,
            floating: 8,
            max_per_channel: 10,
            overdraft: 20,
            buffer_timeout: Some(Span::from_millis(100)),
            rpc: Span::from_micros(500),
            blocked: BlockedRule::Overtaking,
        },
        storage: Storage {
            bandwidth: Rate(1_000_000_000),
            latency: Span::from_millis(1),
            shared: Shared::TaskManager,
            metadata: Span::from_millis(1),
            deletion: Span::ZERO,
            local: false,
        },
        checkpoints: Checkpoints {
            protocol: "aligned".into(),
            parameters: vec![],
            place: place(9, 18, "checkpoints.protocol"),
            interval: Some(Span::from_millis(250)),
            first: None,
            min_pause: Span::ZERO,
            timeout: Span::from_secs(600),
            max_concurrent: 1,
            tolerable_failures: 0,
            retained: 1,
            order: BarrierOrder::EmitThenSnapshot,
            prepare: Span::ZERO,
            after_finish: true,
            requests: vec![],
        },
        restart: Restart::FixedDelay { delay: Span::from_secs(1), attempts: None },
        faults: vec![],
        schedule: vec![],
        run: RunFor { seed: 1, limit: Span::from_secs(60), cancel: None },
        expect: Expect::default(),
        external: External::default(),
        backend: Backend::default(),
        then: Vec::new(),
    };
    assert!(MINIMAL.lines().count() <= 10);
    assert_eq!(parse(MINIMAL, "scenarios/short.json"), Ok(expected));
}

#[test]
fn what_is_written_is_what_one_gets() {
    let scenario = parse(GOOD, "good.json").unwrap();
    let operators = &scenario.job.operators;
    assert_eq!(
        operators[1].source.as_ref().unwrap().keys,
        Keys { count: 100, skew: Skew::Hot { keys: 1, percent: 30 } }
    );
    assert_eq!(operators[2].selectivity, Ratio { outputs: 1, inputs: 3 });
    assert_eq!(scenario.job.edges[1].by, Partitioner::Hash, "into a join");
    assert!(scenario.job.edges[0].chained);
    assert_eq!(scenario.network.buffer_timeout, None);
    assert_eq!(scenario.storage.bandwidth, Rate(0));
    let parameter = |name: &str, value: &str, column| Parameter {
        name: name.into(),
        value: value.into(),
        place: place(18, column, &format!("checkpoints.protocol.{name}")),
    };
    assert_eq!(scenario.checkpoints.protocol, "unaligned");
    assert_eq!(scenario.checkpoints.place, place(18, 40, "checkpoints.protocol.name"));
    assert_eq!(scenario.checkpoints.parameters, [parameter("after", "1s", 62), parameter("deep", "true", 76)]);
    assert_eq!(scenario.restart, Restart::FixedDelay { delay: Span::ZERO, attempts: Some(3) });
    let when = Predicate {
        of: Some("join[3]".into()),
        checkpoint: Some(crate::base::CheckpointId(2)),
        place: place(20, 23, "faults[0].when"),
        ..Predicate::first(EventKind::BarrierReceived)
    };
    let effect = Effect::FailTask(SubtaskName { operator: "join".into(), subtask: 1 });
    assert_eq!(scenario.faults, [Fault { when: When::On(when), effect, place: place(20, 14, "faults[0]") }]);
    assert_eq!(scenario.schedule[0].nth, 7);
    assert_eq!(scenario.run.seed, u64::MAX);
    let figures = &scenario.expect.figures;
    assert_eq!(figures[0].min, Some(Amount::Time(Span::from_millis(1))));
    assert_eq!((&*figures[1].figure, figures[1].min, figures[1].max), ("restarts", None, Some(Amount::Count(1))));
}

#[test]
fn restart_strategies_have_the_defaults_of_flink() {
    let restart = |fields: &str| {
        let text = MINIMAL.replacen(r#""cutline": 1,"#, &format!(r#""cutline": 1, "restart": {{{fields}}},"#), 1);
        parse(&text, "a.json").unwrap_or_else(|problem| panic!("{problem}")).restart
    };
    let (second, minute) = (Span::from_secs(1), Span::from_secs(60));
    assert_eq!(restart(r#""strategy": "none""#), Restart::Never);
    assert_eq!(restart(""), Restart::FixedDelay { delay: second, attempts: None });
    let rate = Restart::FailureRate { delay: second, failures: 1, interval: minute };
    assert_eq!(restart(r#""strategy": "failure-rate""#), rate);
    let flink = Backoff {
        initial: second,
        max: minute,
        multiplier: Ratio { outputs: 3, inputs: 2 },
        threshold: Span::from_secs(3600),
        jitter: Ratio { outputs: 1, inputs: 10 },
        attempts: None,
    };
    assert_eq!(restart(r#""strategy": "exponential-delay""#), Restart::ExponentialDelay(flink));
    let written = restart(
        r#""strategy": "exponential-delay", "initial_backoff": "5ms", "max_backoff": "7ms", "multiplier": 2,
           "reset_threshold": "1s", "jitter": "50%", "attempts": 4"#,
    );
    let backoff = Backoff {
        initial: Span::from_millis(5),
        max: Span::from_millis(7),
        multiplier: Ratio { outputs: 2, inputs: 1 },
        threshold: second,
        jitter: Ratio { outputs: 1, inputs: 2 },
        attempts: Some(4),
    };
    assert_eq!(written, Restart::ExponentialDelay(backoff));
}

/// The minimal scenario with something in place of its count operator.
fn with_operator(fields: &str) -> Scenario {
    parse(&MINIMAL.replace(r#""kind": "count""#, fields), "a.json").unwrap()
}

#[test]
fn defaults_depend_on_the_kind() {
    let ratio = |fields: &str| {
        let Ratio { outputs, inputs } = with_operator(fields).job.operators[1].selectivity;
        (outputs, inputs)
    };
    assert_eq!(ratio(r#""kind": "map""#), (1, 1));
    assert_eq!(ratio(r#""kind": "filter""#), (1, 2));
    assert_eq!(ratio(r#""kind": "flat-map""#), (2, 1));
    assert_eq!(ratio(r#""kind": "filter", "selectivity": "12.5%""#), (1, 8));
    assert_eq!(ratio(r#""kind": "flat-map", "selectivity": 2.5"#), (5, 2));
    assert_eq!(ratio(r#""kind": "filter", "selectivity": 0"#), (0, 1));
    let state = |fields: &str| with_operator(fields).job.operators[1].state.per_key.0;
    assert_eq!(state(r#""kind": "count", "state": {"size": "1MB"}"#), 100);
    assert_eq!(state(r#""kind": "map", "state": {"size": "1MB"}"#), 0);
}

#[test]
fn defaults_depend_on_the_parallelism() {
    let job = with_operator(r#""kind": "count", "parallelism": 200"#).job;
    assert_eq!(job.edges[1].by, Partitioner::Rebalance, "200 to 1");
    assert_eq!(job.max_parallelism, 512, "300, rounded up");
    let flat = with_operator(r#""kind": "map""#).job;
    let text = MINIMAL.replace(r#", "by": "hash""#, "");
    assert_eq!(parse(&text, "a.json").unwrap().job.edges[0].by, Partitioner::Hash, "into count");
    assert_eq!(flat.max_parallelism, 128, "at least");
    let source = MINIMAL.replace(r#""records": 1000"#, r#""parallelism": 3"#);
    assert_eq!(parse(&source, "a.json").unwrap().job.operators[0].source.as_ref().unwrap().partitions, 3);
}

#[test]
fn bursts_zipf_and_feedback_are_read() {
    let burst = MINIMAL.replace(
        r#""rate": "1k/s""#,
        r#""rate": "1k/s", "burst": {"every": "1s", "length": "100ms", "times": 5}, "keys": {"count": 9, "zipf": true}"#,
    );
    let scenario = parse(&burst, "a.json").unwrap();
    let source = scenario.job.operators[0].source.as_ref().unwrap();
    let expected = Burst { every: Span::from_secs(1), length: Span::from_millis(100), times: 5 };
    assert_eq!((source.burst, source.keys), (Some(expected), Keys { count: 9, skew: Skew::Zipf }));

    let looped = MINIMAL.replace(r#""edges": ["#, r#""edges": [{"from": "count", "to": "count", "feedback": true}, "#);
    assert!(parse(&looped, "a.json").unwrap().job.edges[0].feedback);
    let closed = MINIMAL.replace(r#""edges": ["#, r#""edges": [{"from": "count", "to": "count"}, "#);
    let told = parse(&closed, "a.json").unwrap_err().to_string();
    assert_eq!(
        told,
        r#"a.json:8:15: job.edges[0]: a cycle: count -> count; mark the edge that closes it "feedback": true"#
    );
}

#[test]
fn every_object_may_say_why() {
    let mut all: Json = serde_json::from_str(GOOD).unwrap();
    explain(&mut all);
    let explained = parse(&all.to_string(), "good.json").unwrap();
    assert_eq!(explained.why, "because");
    assert_eq!(explained.checkpoints.parameters.len(), 2);
    assert_eq!(explained.expect.figures.len(), 2);
    accepts(&schema(), &all).unwrap();
}

fn explain(value: &mut Json) {
    match value {
        Json::Array(list) => list.iter_mut().for_each(explain),
        Json::Object(fields) => {
            fields.values_mut().for_each(explain);
            fields.insert("why".into(), json!("because"));
        }
        _ => {}
    }
}

#[test]
fn a_scenario_made_by_a_program_is_checked_by_the_same_rules() {
    let mut scenario = parse(MINIMAL, "a.json").unwrap();
    scenario.job.edges[1].to = "sunk".into();
    let told = check(&scenario).unwrap_err().to_string();
    assert_eq!(told, r#"job.edges[1].to: there is no operator "sunk"; did you mean "sink"?"#);
}

#[test]
fn the_starter_explains_itself_under_any_name() {
    for name in ["first", "with \"quotes\" \\ and \n lines", ""] {
        let text = starter(name);
        let scenario = parse(&text, "starter.json").unwrap();
        assert_eq!(scenario.name, if name.is_empty() { "starter" } else { name });
        assert!(matches!(&scenario.faults[..], [Fault { when: When::At(_), .. }]));
        accepts(&schema(), &serde_json::from_str(&text).unwrap()).unwrap();
    }
    assert!(starter("x").matches("\"why\"").count() >= 10);
}

#[test]
fn the_schema_accepts_what_the_parser_accepts_and_its_own_defaults() {
    let schema = schema();
    for text in [MINIMAL, GOOD] {
        accepts(&schema, &serde_json::from_str(text).unwrap()).unwrap();
    }
    let mut fields = 0;
    every_field(&schema, &mut |name, field| {
        fields += 1;
        assert!(field["description"].as_str().is_some_and(|doc| doc.ends_with('.')), "{name} is explained");
        if let Some(default) = field.get("default") {
            accepts(field, default).unwrap();
        }
    });
    assert!(fields > 80, "{fields}");
    let wrong =
        |from: &str, to: &str| accepts(&schema, &serde_json::from_str(&GOOD.replace(from, to)).unwrap()).is_err();
    assert!(wrong("\"limit\"", "\"limits\""));
    assert!(wrong("\"filter\"", "\"fliter\""));
    assert!(wrong("\"attempts\": 3", "\"attempts\": -3"));
    assert!(wrong("\"cutline\": 1", "\"cutline\": 2"));
}

fn every_field(schema: &Json, f: &mut impl FnMut(&str, &Json)) {
    match schema {
        Json::Object(parts) => {
            for (name, field) in parts.get("properties").and_then(Json::as_object).into_iter().flatten() {
                // The names of figures are free; only `why` is known.
                if name != "why" {
                    f(name, field);
                }
                every_field(field, f);
            }
            parts.iter().filter(|(key, _)| *key != "properties").for_each(|(_, part)| every_field(part, f));
        }
        Json::Array(parts) => parts.iter().for_each(|part| every_field(part, f)),
        _ => {}
    }
}

/// As much of JSON Schema as the schema uses, without patterns; a keyword it does not know is an error.
fn accepts(schema: &Json, value: &Json) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{why}: {value} against {schema}"));
    let empty = serde_json::Map::new();
    for (keyword, rule) in schema.as_object().unwrap_or(&empty) {
        let fields = value.as_object().unwrap_or(&empty);
        match &**keyword {
            "$schema" | "title" | "description" | "default" | "pattern" => {}
            "type" => {
                let is = |name: &Json| match name.as_str().unwrap_or_default() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64(),
                    _ => false,
                };
                if !(is(rule) || rule.as_array().is_some_and(|names| names.iter().any(is))) {
                    return refuse("type");
                }
            }
            "const" if value != rule => return refuse("const"),
            "enum" if !rule.as_array().unwrap().contains(value) => return refuse("enum"),
            "minimum" if value.as_u64().is_some_and(|n| n < rule.as_u64().unwrap()) => return refuse("minimum"),
            "maximum" if value.as_u64().is_some_and(|n| n > rule.as_u64().unwrap()) => return refuse("maximum"),
            "const" | "enum" | "minimum" | "maximum" => {}
            "anyOf" if !rule.as_array().unwrap().iter().any(|one| accepts(one, value).is_ok()) => {
                return refuse("anyOf");
            }
            "anyOf" => {}
            "required" if !rule.as_array().unwrap().iter().all(|name| fields.contains_key(name.as_str().unwrap())) => {
                return refuse("required");
            }
            "required" => {}
            "properties" => {
                for (name, field) in rule.as_object().unwrap() {
                    fields.get(name).map_or(Ok(()), |value| accepts(field, value))?;
                }
            }
            "additionalProperties" => {
                for (name, value) in fields.iter().filter(|(name, _)| schema["properties"].get(name).is_none()) {
                    match rule {
                        Json::Bool(false) => return refuse(name),
                        rule => accepts(rule, value)?,
                    }
                }
            }
            "items" => value.as_array().into_iter().flatten().try_for_each(|item| accepts(rule, item))?,
            other => return refuse(&format!("unknown keyword {other}")),
        }
    }
    Ok(())
}

/// What a careless hand may put anywhere.
const SCRAPS: &[&str] = &[
    "",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "0",
    "1",
    "-1",
    "99999999999999999999",
    "1e9",
    "0.5",
    "null",
    "true",
    "\"\"",
    "\"0\"",
    "\"1s\"",
    "\"1/0\"",
    "\"é\"",
    "{}",
    "[]",
    "\\",
    "\n",
    "\u{feff}",
    "💧",
    "\"why\"",
    "\"name\"",
    "\"at\": \"1s\",",
    "\"source\"",
    "\"sink\"",
    "\"join[9]\"",
    "\"a[0]->b[1]\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is in a file, reading it ends in a scenario that the schema accepts too, or in a problem
    /// of one line that has a place.
    #[test]
    fn any_text_is_read_or_refused(
        base in 0..3usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..24usize, prop::sample::select(SCRAPS)), 1..4),
    ) {
        let mut text = [MINIMAL.to_owned(), GOOD.to_owned(), starter("x")][base].clone();
        for (at, cut, scrap) in edits {
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(starts.len());
            let to = (from + cut).min(starts.len() - 1);
            text.replace_range(starts[from]..starts[to], scrap);
        }
        match parse(&text, "a.json") {
            Ok(_) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                if let Ok(value) = serde_json::from_str(text) {
                    prop_assert_eq!(accepts(&schema(), &value), Ok(()));
                }
            }
            Err(problem) => {
                prop_assert!(problem.place.as_ref().is_some_and(|place| place.line > 0 && place.column > 0));
                prop_assert!(!problem.found.is_empty() && !problem.allowed.is_empty());
                prop_assert_eq!(problem.to_string().lines().count(), 1);
            }
        }
    }

    /// The same for values of a wrong type in any place of a scenario.
    #[test]
    fn any_value_in_any_place_is_read_or_refused(at in any::<prop::sample::Index>(), n in any::<prop::sample::Index>()) {
        const VALUES: &str = r#"[0, 1, 70000, -3, 0.25, true, null, "", "0", "5ms", "3B", "2/s", "map", [], [1], {}, {"name": "x"}]"#;
        let values: Vec<Json> = serde_json::from_str(VALUES).unwrap();
        let mut root: Json = serde_json::from_str(GOOD).unwrap();
        let paths = pointers(&root, String::new());
        *root.pointer_mut(&paths[at.index(paths.len())]).unwrap() = values[n.index(values.len())].clone();
        match parse(&root.to_string(), "a.json") {
            Ok(_) => prop_assert_eq!(accepts(&schema(), &root), Ok(())),
            Err(problem) => prop_assert!(problem.place.is_some_and(|place| place.line > 0)),
        }
    }
}

/// The JSON pointer of every value.
fn pointers(value: &Json, path: String) -> Vec<String> {
    let inner: Vec<String> = match value {
        Json::Array(list) => list.iter().enumerate().flat_map(|(n, v)| pointers(v, format!("{path}/{n}"))).collect(),
        Json::Object(fields) => fields.iter().flat_map(|(name, v)| pointers(v, format!("{path}/{name}"))).collect(),
        _ => vec![],
    };
    [vec![path], inner].concat()
}
