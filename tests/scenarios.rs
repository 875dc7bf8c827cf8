//! The shipped scenarios are specifications: each is as it expects to be, explains itself, and is what the
//! schema beside it says a scenario is.

use cutline::campaign::{Catch, Outcome, Runner, Want};
use cutline::check::Verdict;
use cutline::scenario::{self, Scenario};
use cutline::world::Job;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Name and text of every shipped scenario that shows something, in the order of their names.
fn shipped() -> Vec<(String, String)> {
    in_folder(&folder())
}

/// Besides, those that expose mutants: `tests/mutants.rs` says what they turn on.
fn with_bugs() -> Vec<(String, String)> {
    [shipped(), in_folder(&folder().join("bugs"))].concat()
}

fn in_folder(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.is_file() && !path.ends_with("scenario.schema.json"));
    paths.sort();
    let name = |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("readable"))).collect()
}

fn parsed((name, text): &(String, String)) -> Scenario {
    scenario::parse(text, name).unwrap_or_else(|problem| panic!("{problem}"))
}

fn runner(file: &(String, String)) -> Runner {
    let job = Job::compile(parsed(file)).unwrap_or_else(|problem| panic!("{}: {problem}", file.0));
    Runner::new(Arc::new(job), Want::default()).unwrap_or_else(|problem| panic!("{}: {problem}", file.0))
}

fn told(outcome: &Outcome) -> String {
    let unmet = outcome.expectations.iter().filter(|expectation| !expectation.met);
    let unmet: Vec<&str> = unmet.map(|expectation| &*expectation.text).collect();
    format!("seed {}: {:?} {}", outcome.seed, outcome.verdict, unmet.join("; "))
}

#[test]
fn every_scenario_is_as_it_expects_and_the_same_every_time() {
    let shipped = with_bugs();
    assert!(shipped.len() >= 10, "there are {}", shipped.len());
    for file in &shipped {
        let mut runner = runner(file);
        let seed = runner.job().scenario.run.seed;
        let outcome = runner.run(seed);
        assert!(outcome.as_expected, "{}: {}", file.0, told(&outcome));
        assert!(!outcome.expectations.is_empty(), "{} expects nothing", file.0);
        assert_eq!(Catch::in_scenario(parsed(file), None), Ok(None), "{}: all of its phases", file.0);
        assert_eq!(outcome.digest, runner.run(seed).digest, "{}: run again", file.0);
        assert_eq!(outcome.digest, self::runner(file).run(seed).digest, "{}: run afresh", file.0);
    }
}

/// What each scenario turns on: a file, and what is put in place of what, once.
const TURNED: &[(&str, &str, &str)] = &[
    ("01", r#""fail": "count[1]""#, r#""fail": "count[0]""#),
    ("01", r#""at": "1.7s""#, r#""at": "1.6s""#),
    ("02", "snapshot-then-emit", "emit-then-snapshot"),
    ("03", "snapshot-then-emit", "emit-then-snapshot"),
    ("04", "emit-then-snapshot", "snapshot-then-emit"),
    ("05", r#""hot": 1, "share": "30%","#, ""),
    ("06", r#""service": "100us""#, r#""service": "40us""#),
    ("06", r#""max_per_channel": 10"#, r#""max_per_channel": 5"#),
    ("07", r#""buffer_timeout": "off""#, r#""buffer_timeout": "100ms""#),
    ("08", r#""bandwidth": "1.25MB/s""#, r#""bandwidth": "125MB/s""#),
    ("09", r#""timeout": "250ms""#, r#""timeout": "1s""#),
    ("10", r#""tolerable_failures": 0"#, r#""tolerable_failures": 2"#),
    ("11", r#", "min_pause": "700ms""#, ""),
    ("12", r#""max_concurrent": 2"#, r#""max_concurrent": 1"#),
    ("13", r#""shared": "task-manager""#, r#""shared": "task""#),
    ("14", r#""output": "two-phase""#, r#""output": "plain""#),
    ("14", r#""checkpoint": 3}, "fail""#, r#""checkpoint": 2}, "fail""#),
    ("15", r#""output": "plain""#, r#""output": "two-phase""#),
    ("16", r#""at": "600ms""#, r#""at": "700ms""#),
    ("17", r#"{"name": "uncoordinated", "jitter": "50ms"}"#, r#""chandy-lamport""#),
    ("18", r#""protocol": "unaligned""#, r#""protocol": "aligned""#),
    ("18", r#""service": "200us""#, r#""service": "90us""#),
    ("19", r#"{"name": "aligned-timeout", "timeout": "100ms"}"#, r#""aligned""#),
    ("19", r#"{"name": "aligned-timeout", "timeout": "100ms"}"#, r#""unaligned""#),
    ("19", r#""timeout": "100ms""#, r#""timeout": "50ms""#),
    ("20", r#""take": "savepoint""#, r#""take": "checkpoint""#),
    ("20", r#""protocol": "unaligned""#, r#""protocol": "aligned""#),
    ("21", r#""max_concurrent": 2"#, r#""max_concurrent": 1"#),
    ("21", r#""bandwidth": "250kB/s""#, r#""bandwidth": "2.5MB/s""#),
    ("22", r#""records": 12000"#, r#""records": 30000"#),
    ("22", r#""at": "2.3s""#, r#""at": "1.3s""#),
    ("22", r#""first": "500ms","#, r#""first": "500ms", "after_finish": false,"#),
    ("23", r#""take": "suspend""#, r#""take": "savepoint""#),
    ("23", r#""at": "1.7s""#, r#""at": "1.4s""#),
    ("24", r#""debloat": {},"#, ""),
    ("24", r#""debloat": {}"#, r#""debloat": {"target": "500ms"}"#),
    ("25", r#""protocol": "at-least-once""#, r#""protocol": "aligned""#),
    ("26", r#""take": "drain""#, r#""take": "suspend""#),
    ("27", r#""by": "forward""#, r#""by": "rebalance""#),
    ("27", r#""protocol": "unaligned""#, r#""protocol": "aligned""#),
    ("28", r#""to": "slow", "overtaking": false"#, r#""to": "slow""#),
    ("28", r#""protocol": "unaligned""#, r#""protocol": "aligned""#),
    ("29", r#""deletion": "1.8s""#, r#""deletion": "400ms""#),
    ("29", r#""first": "500ms","#, r#""first": "500ms", "max_concurrent": 2,"#),
    ("30", r#""prepare": "100ms""#, r#""prepare": "40ms""#),
    ("40", r#""do": "lose-reply""#, r#""do": "expire""#),
    ("41", r#""transaction_timeout": "1s""#, r#""transaction_timeout": "5s""#),
    ("41", r#""delay": "2s""#, r#""delay": "200ms""#),
    ("42", r#""output": "idempotent""#, r#""output": "plain""#),
    ("43", r#""output": "offsets""#, r#""output": "two-phase""#),
    ("43", r#""output": "offsets""#, r#""output": "plain""#),
    ("44", r#""checkpoint": 2}, "fail""#, r#""checkpoint": 99}, "fail""#),
    ("45", r#", "replayable": false"#, ""),
    ("46", r#""do": "cut", "for": "3s""#, r#""do": "cut", "for": "300ms""#),
    ("46", r#""output": "offsets""#, r#""output": "two-phase""#),
    ("50", r#", "assignment": "dynamic""#, ""),
    ("50", r#""at": "260ms""#, r#""at": "200ms""#),
    ("60", r#""watermarks": "500ms""#, r#""watermarks": "200ms""#),
    ("60", r#""at": "2.9s""#, r#""at": "20.9s""#),
    ("60", r#""disorder": "300ms""#, r#""disorder": "300ms", "bound": "200ms""#),
    ("61", r#"{"idle_after": "2s"}"#, "{}"),
    ("61", r#""idle_after": "2s""#, r#""idle_after": "4s""#),
    ("70", r#""kind": "lsm-incremental", "compact_at": 4"#, r#""kind": "heap""#),
    ("70", r#""compact_at": 4"#, r#""compact_at": 6"#),
    ("71", r#"{"count": 20000, "hot": 10, "share": "90%"}"#, "20000"),
    ("71", r#""compact_at": 20"#, r#""compact_at": 4"#),
    ("72", r#""do": "lose""#, r#""do": "delay", "by": "1ms""#),
    ("72", r#""kind": "lsm-incremental", "compact_at": 20"#, r#""kind": "heap""#),
    ("73", r#""materialize": "4s""#, r#""materialize": "2s""#),
    ("73", r#""replay": "10MB/s""#, r#""replay": "100MB/s""#),
    ("73", r#""kind": "changelog", "materialize": "4s", "replay": "10MB/s""#, r#""kind": "heap""#),
    ("74", r#""kind": "disaggregated""#, r#""kind": "lsm-incremental""#),
    ("74", r#", "memtable": "1MB""#, ""),
    ("75", r#""take": "savepoint""#, r#""take": "checkpoint""#),
    ("75", r#""kind": "lsm-incremental", "compact_at": 20"#, r#""kind": "lsm-full""#),
    ("80", r#""at": "300ms""#, r#""at": "9.3s""#),
    ("81", r#""protocol": "unaligned""#, r#""protocol": "aligned""#),
    ("82", r#""cancel": "1130ms""#, r#""cancel": "1180ms""#),
    ("83", r#""at": "700ms""#, r#""at": "9s""#),
    ("70", r#"{"kind": "lsm-incremental""#, r#"{"memtable": "1MB", "kind": "lsm-incremental""#),
    ("62", r#""size": "1s""#, r#""size": "2s""#),
    ("62", r#""at": "2.5s""#, r#""at": "9.5s""#),
    ("63", r#", "slide": "200ms""#, ""),
    ("64", r#""gap": "150ms""#, r#""gap": "250ms""#),
    ("65", r#", "idle_after": "300ms""#, ""),
    ("65", r#", "lateness": "200ms""#, r#", "lateness": "2s""#),
    ("66", r#""at": "2.1s""#, r#""at": "9.1s""#),
    ("66", r#""bound": "10ms""#, r#""bound": "300ms""#),
    ("67", r#"{"after": "500ms"}"#, r#"{"before": "500ms", "after": "500ms"}"#),
    ("67", r#""at": "2.8s""#, r#""at": "9.8s""#),
    ("68", r#""after": "2s""#, r#""after": "20s""#),
];

#[test]
fn every_scenario_notices_when_what_it_shows_is_changed() {
    for (name, text) in &shipped() {
        let turns: Vec<_> = TURNED.iter().filter(|(number, ..)| name.starts_with(number)).collect();
        assert!(!turns.is_empty(), "{name} turns on nothing");
        for (_, from, to) in turns {
            assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
            let caught = Catch::in_scenario(parsed(&(name.clone(), text.replace(from, to))), None);
            let caught = caught.unwrap_or_else(|problem| panic!("{name}: {problem}"));
            assert!(caught.is_some(), "{name} does not notice {to:?} in place of {from:?}");
        }
    }
}

/// Whoever wonders why barriers that overtake wait all the same is told, once.
#[test]
fn edges_on_which_barriers_cannot_overtake_are_told() {
    let shipped = shipped();
    let told = |number: &str, from: &str, to: &str| {
        let (name, text) = shipped.iter().find(|(name, _)| name.starts_with(number)).expect("it is shipped");
        assert!(text.contains(from), "{name}: {from}");
        runner(&(name.clone(), text.replacen(from, to, 1))).job().held_back()
    };
    let forward = "barriers cannot overtake on source -> parse (forward)";
    assert_eq!(told("27", "", "").as_deref(), Some(forward));
    let some = r#"barriers cannot overtake on source -> fork (forward), fork -> slow ("overtaking": false), slow -> sink (forward) and 1 more"#;
    assert_eq!(told("28", "", "").as_deref(), Some(some));
    assert_eq!(told("27", r#""by": "forward""#, r#""by": "rebalance""#), None, "all edges let barriers overtake");
    assert_eq!(told("27", r#""protocol": "unaligned""#, r#""protocol": "aligned""#), None, "no barrier overtakes");
    assert_eq!(told("27", r#", "interval": "500ms", "first": "500ms""#, ""), None, "there are no barriers");
}

/// Bounds may be for one seed, but no seed breaks a check or hangs, unless that is what is to be shown.
#[test]
fn other_seeds_break_no_check() {
    for file in &shipped() {
        let mut runner = runner(file);
        let wanted = runner.job().scenario.expect.verdict.clone();
        for seed in [1_000_003, u64::MAX] {
            let outcome = runner.run(seed);
            let broken = matches!(outcome.verdict, Verdict::Fail(_) | Verdict::Stuck(_));
            assert!(!broken || wanted.as_deref() == Some(outcome.verdict.name()), "{}: {}", file.0, told(&outcome));
        }
    }
}

#[test]
fn every_scenario_and_every_bound_says_why() {
    for file in &shipped() {
        let value: Value = serde_json::from_str(&file.1).expect("plain JSON");
        assert!(value["why"].as_str().is_some_and(|why| why.len() > 20), "{}", file.0);
        assert!(file.1.matches("\"why\"").count() >= 4, "{} explains too little", file.0);
        for (figure, bound) in value["expect"]["figures"].as_object().into_iter().flatten() {
            let zero = bound["max"] == 0;
            let exact = bound["min"] == bound["max"] && figure.starts_with("records.");
            assert!(bound["min"].is_null() == bound["max"].is_null(), "{}: {figure} is bounded on one side", file.0);
            assert!(bound["why"].is_string() || zero || exact, "{}: why is {figure} so?", file.0);
        }
    }
}

#[test]
fn names_give_a_reading_order() {
    let mut last = 0;
    for (name, _) in shipped() {
        let number = name.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
        assert!(name.starts_with(&format!("{number:02}-")) && name.ends_with(".json"), "{name} has no number");
        assert!(number > last, "{name}: there is another number {last}");
        last = number;
    }
}

#[test]
fn the_schema_beside_them_is_up_to_date_and_accepts_them() {
    let schema = scenario::schema();
    let beside = std::fs::read_to_string(folder().join("scenario.schema.json")).expect("it is there");
    assert_eq!(beside, format!("{schema:#}\n"), "update it: cutline schema > scenarios/scenario.schema.json");
    for (name, text) in &shipped() {
        let value: Value = serde_json::from_str(text).expect("plain JSON");
        accepts(&schema, &value, name).unwrap_or_else(|refused| panic!("{refused}"));
    }
    let mut wrong: Value = serde_json::from_str(&shipped()[0].1).expect("plain JSON");
    wrong["job"]["operators"][0]["kind"] = "sauce".into();
    assert_eq!(accepts(&schema, &wrong, "a").unwrap_err(), "a.job.operators[0].kind: enum");
}

/// As much of JSON Schema as the schema uses, without patterns; says where a value breaks which keyword.
fn accepts(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let none = Map::new();
    let fields = value.as_object().unwrap_or(&none);
    let list = |rule: &Value| rule.as_array().cloned().unwrap_or_default();
    for (keyword, rule) in schema.as_object().unwrap_or(&none) {
        let kept = match &**keyword {
            "$schema" | "title" | "description" | "default" | "pattern" => true,
            "type" => rule.as_str().map_or_else(|| list(rule), |_| vec![rule.clone()]).iter().any(|name| {
                match name.as_str() {
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("string") => value.is_string(),
                    Some("boolean") => value.is_boolean(),
                    Some("number") => value.is_number(),
                    Some("integer") => value.is_u64(),
                    _ => false,
                }
            }),
            "const" => value == rule,
            "enum" => list(rule).contains(value),
            "minimum" => value.as_u64().is_none_or(|n| n >= rule.as_u64().unwrap_or(0)),
            "maximum" => value.as_u64().is_none_or(|n| n <= rule.as_u64().unwrap_or(u64::MAX)),
            "anyOf" => list(rule).iter().any(|one| accepts(one, value, at).is_ok()),
            "required" => list(rule).iter().all(|name| name.as_str().is_some_and(|name| fields.contains_key(name))),
            "properties" => {
                for (name, field) in rule.as_object().into_iter().flatten() {
                    fields.get(name).map_or(Ok(()), |value| accepts(field, value, &format!("{at}.{name}")))?;
                }
                true
            }
            "additionalProperties" => {
                for (name, value) in fields.iter().filter(|(name, _)| schema["properties"].get(name).is_none()) {
                    match rule {
                        Value::Bool(false) => return Err(format!("{at}.{name}: unknown")),
                        rule => accepts(rule, value, &format!("{at}.{name}"))?,
                    }
                }
                true
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    accepts(rule, item, &format!("{at}[{n}]"))?;
                }
                true
            }
            other => return Err(format!("{at}: unknown keyword {other}")),
        };
        if !kept {
            return Err(format!("{at}: {keyword}"));
        }
    }
    Ok(())
}
