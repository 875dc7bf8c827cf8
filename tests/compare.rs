//! One scenario under several protocols: the same figures as one run by hand, whoever runs it, and mistakes told.

use cutline::campaign::{ProtocolChoice, compare};
use cutline::check::{Comparison, FIGURES};
use cutline::protocol::{Edges, ZOO};
use cutline::report::compare::{CompareView, chart, json, table};
use cutline::scenario::{self, Scenario};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own for each test, gone afterwards.
struct Desk(PathBuf);

/// What came of a call.
struct Called {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cutline-compare-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn call(&self, arguments: &[&str]) -> Called {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
        let output = command.args(arguments).current_dir(&self.0).output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Called { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What a call prints as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let called = self.call(&[arguments, &["--json"]].concat());
        serde_json::from_str(&called.out).unwrap_or_else(|error| panic!("{error}: {}{}", called.out, called.err))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("can be written");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("was written")
    }

    fn files(&self) -> usize {
        std::fs::read_dir(&self.0).expect("readable").count()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shipped(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).to_string_lossy().into_owned()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(shipped(name)).expect("it is shipped")
}

fn parsed(name: &str) -> Scenario {
    scenario::parse(&text(name), name).unwrap_or_else(|problem| panic!("{problem}"))
}

fn compared(scenario: &Scenario, list: &str, threads: usize) -> Comparison {
    let choices = ProtocolChoice::parse_list(list).unwrap_or_else(|problem| panic!("{problem}"));
    compare(scenario, &choices, 3..6, threads).unwrap_or_else(|problem| panic!("{problem}"))
}

/// All protocols that work on a job without cycles.
fn whole_zoo() -> String {
    ZOO.iter()
        .filter(|protocol| protocol.claims().edges != Edges::Overtaking)
        .map(|protocol| protocol.name())
        .collect::<Vec<_>>()
        .join(",")
}

#[test]
fn figures_are_those_of_a_run_with_the_protocol_replaced_by_hand() {
    let desk = Desk::new("by-hand");
    let hello = text("01-hello.json");
    desk.write("a.json", &hello);
    let report = desk.json(&["compare", "a.json", "--protocols", &whole_zoo()]);
    for (n, protocol) in ZOO.iter().filter(|protocol| protocol.claims().edges != Edges::Overtaking).enumerate() {
        let written = format!(r#""checkpoints": {{"protocol": "{}", "#, protocol.name());
        desk.write("b.json", &hello.replacen(r#""checkpoints": {"#, &written, 1));
        let by_hand = desk.json(&["run", "b.json"]);
        let compared = &report["protocols"][n];
        assert_eq!(compared["protocol"], protocol.name());
        assert_eq!(compared["runs"][0]["digest"], by_hand["digest"], "{}", protocol.name());
        assert_eq!(compared["runs"][0]["verdict"], by_hand["verdict"], "{}", protocol.name());
        for figure in FIGURES {
            let (own, other) = (&compared["figures"][figure.name], &by_hand["figures"][figure.name]);
            assert_eq!(own["value"], other["value"], "{} of {}", figure.name, protocol.name());
            assert_eq!((&own["unit"], &own["min"]), (&other["unit"], &own["max"]), "{}", figure.name);
        }
    }
}

#[test]
fn several_seeds_show_medians_of_their_runs() {
    let desk = Desk::new("medians");
    desk.write("a.json", &text("05-hot-key.json"));
    let mut of_runs: Vec<u64> = (7..10)
        .map(|seed: u64| desk.json(&["run", "a.json", "--seed", &seed.to_string()]))
        .map(|report| report["figures"]["alignment.max"]["value"].as_u64().expect("it aligns"))
        .collect();
    of_runs.sort_unstable();
    let report = desk.json(&["compare", "a.json", "--protocols", "aligned", "--seed", "7", "--seeds", "3"]);
    let compared = &report["protocols"][0]["figures"]["alignment.max"];
    assert_eq!([&compared["min"], &compared["value"], &compared["max"]], [of_runs[0], of_runs[1], of_runs[2]]);
    assert_eq!(report["seeds"], serde_json::json!([7, 8, 9]));
    let table = desk.call(&["compare", "a.json", "--protocols", "aligned", "--seed", "7", "--seeds", "3"]).out;
    assert!(table.contains("medians over the seeds 7 to 9"), "{table}");
}

#[test]
fn threads_do_not_matter() {
    let scenario = parsed("14-crash-in-checkpoint.json");
    let told = |threads| {
        let comparison = compared(&scenario, &whole_zoo(), threads);
        let view = CompareView { scenario: &scenario, comparison: &comparison, prices: None };
        (json(&view), table(&view), chart(&view).to_svg())
    };
    let one = told(1);
    assert!([2, 3, 50].map(told).iter().all(|many| *many == one));
}

/// `uncoordinated` takes a last snapshot even so, after all records.
#[test]
fn costs_are_measured_against_the_same_whoever_is_compared() {
    for name in ["14-crash-in-checkpoint.json", "06-backpressure.json"] {
        let scenario = parsed(name);
        let full = |list: &str| compared(&scenario, list, 2).baseline.figure("records.throughput");
        let first = full("aligned");
        assert!(
            first.is_some()
                && ZOO
                    .iter()
                    .filter(|p| p.claims().edges != Edges::Overtaking)
                    .all(|protocol| full(protocol.name()) == first),
            "{name}"
        );
    }
}

#[test]
fn parameters_are_the_scenarios_own_unless_others_are_given() {
    let desk = Desk::new("parameters");
    let own = text("17-uncoordinated.json");
    desk.write("own.json", &own);
    desk.write("other.json", &own.replacen(r#""jitter": "50ms""#, r#""jitter": "5ms""#, 1));
    let digest = |file: &str| desk.json(&["run", file])["digest"].clone();
    let list = "uncoordinated,aligned,uncoordinated:jitter=5ms";
    let report = desk.json(&["compare", "own.json", "--protocols", list]);
    let compared = |n: usize| &report["protocols"][n]["runs"][0]["digest"];
    assert_eq!((compared(0), compared(2)), (&digest("own.json"), &digest("other.json")));
    assert_ne!(compared(0), compared(2));
    assert_eq!(report["protocols"][1]["verdict"], "PASS", "the jitter is not for aligned: {report:#}");
}

/// The oracle counts: what a sink at once shows twice is what it shows beyond the 20000 of the source.
#[test]
fn records_too_many_are_counted_without_a_check() {
    let desk = Desk::new("too-many");
    let of = |name: &str| {
        let report = desk.json(&["compare", &shipped(name), "--protocols", "aligned"]);
        let only = report["protocols"][0].clone();
        let row = |row: &str| only["compared"][row]["value"].as_u64().expect("it drained");
        let visible = only["figures"]["records.visible"]["value"].as_u64().expect("a sink");
        assert_eq!([row("state.doubled"), row("state.lost"), row("output.lost")], [0; 3], "{name}");
        assert_eq!(row("output.doubled"), visible - 20_000, "{name}");
        (row("output.doubled"), report["conclusion"].as_str().expect("text").to_owned())
    };
    assert_eq!(of("14-crash-in-checkpoint.json").0, 0, "two-phase");
    let (doubled, conclusion) = of("15-plain-sink.json");
    assert!(
        doubled > 4000 && conclusion.contains(&format!("aligned doubles {doubled} records outside")),
        "{conclusion}"
    );
}

#[test]
fn what_cannot_run_or_does_not_end_is_a_column_and_no_crash() {
    let desk = Desk::new("columns");
    let cycle = shipped("16-cycle.json");
    let called = desk.call(&["compare", &cycle, "--protocols", "aligned,chandy-lamport"]);
    assert_eq!((called.code, &*called.err), (Some(0), ""));
    assert!(called.out.contains("verdict                  INVALID            PASS"), "{}", called.out);
    assert!(called.out.contains("note: aligned: \"aligned\" does not work on cycles"), "{}", called.out);
    let stuck = desk.json(&["compare", &shipped("10-restart-loop.json"), "--protocols", "aligned"]);
    let only = &stuck["protocols"][0];
    assert_eq!((&only["verdict"], &only["compared"]["throughput.lost"]["value"]), (&"STUCK".into(), &Value::Null));
    assert!(only["remarks"][0].as_str().is_some_and(|text| text.starts_with("liveness: ")), "{only:#}");
    // If nobody can, it is bad input.
    let refused = desk.call(&["compare", &cycle, "--protocols", "aligned"]);
    assert_eq!((refused.code, &*refused.out), (Some(2), ""));
    assert!(refused.err.contains("does not work on cycles"), "{}", refused.err);
}

#[test]
fn whoever_is_compared_by_default_can_run_the_job() {
    for name in ["01-hello.json", "16-cycle.json", "17-uncoordinated.json"] {
        let scenario = parsed(name);
        let choices = ProtocolChoice::defaults(&scenario);
        // One protocol alone claims cycles.
        assert!(choices.len() > 1 || name == "16-cycle.json", "{name}: {choices:?}");
        assert!(choices.iter().any(|choice| choice.text == scenario.checkpoints.protocol), "{name}: {choices:?}");
        let comparison = compare(&scenario, &choices, 1..2, 2).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(comparison.contestants.iter().all(|contestant| contestant.result.is_ok()), "{name}");
    }
}

#[test]
fn what_the_scenario_expects_is_not_judged() {
    let desk = Desk::new("expects");
    let hello = text("01-hello.json");
    desk.write("a.json", &hello.replacen(r#""min": 60000, "max": 60000"#, r#""min": 70000, "max": 70000"#, 1));
    assert_eq!(desk.call(&["run", "a.json"]).code, Some(1));
    assert_eq!(desk.call(&["compare", "a.json", "--protocols", "aligned"]).code, Some(0));
    // A fault that waits for what never comes is told all the same: without it a comparison means little.
    desk.write("b.json", &hello.replacen(r#""at": "1.7s""#, r#""at": "1h""#, 1));
    let idle = desk.call(&["compare", "b.json", "--protocols", "aligned,chandy-lamport"]).out;
    assert!(idle.contains("note: chandy-lamport: faults[0] never struck"), "{idle}");
}

#[test]
fn edges_on_which_barriers_cannot_overtake_are_told_of_those_who_overtake() {
    let desk = Desk::new("forced");
    desk.write("a.json", &text("27-forced-aligned.json"));
    let out = desk.call(&["compare", "a.json", "--protocols", "aligned,unaligned", "--seeds", "2"]).out;
    assert!(out.contains("note: unaligned: barriers cannot overtake on source -> parse (forward)\n"), "{out}");
    assert_eq!(out.matches("cannot overtake").count(), 1, "{out}");
}

/// What is asked for, and what the one line that answers it must name.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["a.json", "--protocols", "alined"], "alined: there is no protocol \"alined\"; the zoo has \"aligned\""),
    (&["a.json", "--protocols", ""], "the list of protocols is empty; name some of aligned"),
    (&["a.json", "--protocols", "aligned,"], "an entry is empty"),
    (&["a.json", "--protocols", "aligned,aligned"], "\"aligned\" is in the list twice"),
    (&["a.json", "--protocols", "aligned:jitter=1ms"], "\"aligned\" has no parameter \"jitter\"; it takes none"),
    (&["a.json", "--protocols", "uncoordinated:jiter=1ms"], "did you mean \"jitter\"?"),
    (&["a.json", "--protocols", "uncoordinated:jitter=1"], "uncoordinated:jitter=1: found \"1\"; write a time such as"),
    (&["a.json", "--protocols", "uncoordinated:jitter"], "found \"jitter\"; write a parameter as name=value"),
    (&["a.json", "--protocols", "uncoordinated:jitter=1ms:jitter=2ms"], "\"jitter\" is given twice"),
    (&["missing.json"], "cannot read missing.json: there is no such file"),
    (&["."], ". is a folder; name one scenario file"),
    (&["wrong.json"], "wrong.json:1:1: the file is empty"),
    (&["a.json", "--seed", "18446744073709551615", "--seeds", "9"], "the largest is 18446744073709551606"),
    (&["a.json", "--seeds", "0"], "'0'"),
    (&["a.json", "--seeds", "many"], "'many'"),
    (&["a.json", "b.json"], "'b.json'"),
    (&[], "<scenario>"),
];

#[test]
fn mistakes_get_one_clear_message_and_leave_nothing_behind() {
    let desk = Desk::new("mistakes");
    desk.write("a.json", &text("01-hello.json"));
    desk.write("wrong.json", "");
    for (arguments, part) in MISTAKES {
        let called = desk.call(&[&["compare"], *arguments, &["--chart", "chart"]].concat());
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{arguments:?}: {}", called.err);
        let message = called.err.lines().next().unwrap_or_default();
        assert!(message.starts_with("error: ") && called.err.contains(part), "{arguments:?}: {}", called.err);
        assert_eq!(desk.files(), 2, "{arguments:?}");
    }
}

#[test]
fn a_chart_is_written_the_same_every_time() {
    let desk = Desk::new("chart");
    let file = shipped("05-hot-key.json");
    for name in ["one", "two.svg", "three.png"] {
        let called = desk.call(&["compare", &file, "--protocols", "aligned,chandy-lamport", "--chart", name]);
        assert_eq!((called.code, &*called.err), (Some(0), ""), "{name}");
    }
    assert_eq!(desk.files(), 6);
    for extension in ["svg", "png"] {
        let [one, two, three] = ["one", "two", "three"].map(|name| desk.bytes(&format!("{name}.{extension}")));
        assert!(one == two && two == three && one.len() > 5000, "{extension}: {} bytes", one.len());
    }
    let svg = String::from_utf8(desk.bytes("one.svg")).expect("UTF-8");
    assert!(svg.contains("<svg") && svg.contains("chandy-lamport") && svg.contains("seed 1"), "{svg}");
    let bytes = desk.bytes("one.png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
    let frame = reader.next_frame(&mut pixels).expect("all its pixels are there");
    assert!(frame.width > 1000 && frame.height > 300);
}

#[test]
fn tables_are_no_wider_than_others() {
    let desk = Desk::new("width");
    let list = (1..9).map(|n| format!("uncoordinated:jitter={n}ms")).collect::<Vec<_>>().join(",");
    let called = desk.call(&["compare", &shipped("01-hello.json"), "--protocols", &list]);
    assert_eq!((called.code, &*called.err), (Some(0), ""));
    assert!(called.out.lines().all(|line| line.chars().count() <= 100 && line == line.trim_end()), "{}", called.out);
    assert!((1..9).all(|n| called.out.contains(&format!("uncoordinated:jitter={n}ms"))), "{}", called.out);
}
