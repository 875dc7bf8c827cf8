//! The binary as its users meet it: exit codes, what goes to which stream, what is written and what is not.

use cutline::protocol::ZOO;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What came of a call.
struct Called {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A folder of its own for each test, gone afterwards.
struct Desk(PathBuf);

impl Desk {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cutline-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn call(&self, arguments: &[&str]) -> Called {
        let output = self.command(arguments).output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Called { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
        command.args(arguments).current_dir(&self.0);
        command
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).expect("can be written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("was written")
    }

    /// The names of all files and folders, hidden ones too.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("readable");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
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

/// The text of a small scenario that is as expected.
fn good() -> String {
    std::fs::read_to_string(shipped("01-hello.json")).expect("it is shipped")
}

fn with(from: &str, to: &str) -> String {
    assert!(good().contains(from), "{from}");
    good().replacen(from, to, 1)
}

fn digest_in(table: &str) -> Option<&str> {
    table.lines().find_map(|line| line.strip_prefix("digest "))
}

#[test]
fn what_is_shipped_runs_as_expected() {
    let desk = Desk::new("shipped");
    let called = desk.call(&["run", &shipped("")]);
    assert_eq!((called.code, &*called.err), (Some(0), ""), "{}", called.out);
    let last = called.out.lines().last().expect("a summary");
    let count = called.out.lines().count() - 1;
    assert_eq!(last, format!("{count} of {count} runs as expected"));
    assert!(called.out.lines().take(count).all(|line| line.starts_with("ok ")), "{}", called.out);
}

#[test]
fn edges_on_which_barriers_cannot_overtake_are_told_once() {
    let desk = Desk::new("forced");
    let called = desk.call(&["run", &shipped("27-forced-aligned.json")]);
    assert!(called.out.contains("\nnote: barriers cannot overtake on source -> parse (forward)\n"), "{}", called.out);
    assert_eq!(called.out.matches("cannot overtake").count(), 1, "{}", called.out);
}

#[test]
fn what_is_not_as_expected_is_told_and_exits_with_1() {
    let desk = Desk::new("unexpected");
    desk.write("a.json", with(r#""min": 60000, "max": 60000"#, r#""min": 70000, "max": 70000"#));
    let called = desk.call(&["run", "a.json"]);
    assert_eq!((called.code, &*called.err), (Some(1), ""));
    assert!(called.out.contains("NOT   records.visible is 60000, expected 70000"), "{}", called.out);
    let brief = desk.call(&["run", "--brief", "a.json", &shipped("01-hello.json")]);
    assert_eq!(brief.code, Some(1));
    assert!(brief.out.contains("records.visible is 60000") && brief.out.contains("1 of 2 runs"), "{}", brief.out);
}

#[test]
fn a_fault_that_never_struck_is_told() {
    let desk = Desk::new("idle");
    desk.write("a.json", with(r#""at": "1.7s""#, r#""at": "1h""#));
    let called = desk.call(&["run", "a.json"]);
    assert_eq!(called.code, Some(1), "the scenario expects the failure");
    assert!(called.out.contains("faults[0] never struck"), "{}", called.out);
    assert!(called.out.contains("MISS, NOT as expected"), "{}", called.out);
    assert!(desk.call(&["run", "--brief", "a.json"]).out.contains("faults[0] never struck"));
    assert!(!desk.call(&["run", &shipped("01-hello.json")]).out.contains("never struck"));
}

/// What is written instead of what in a good scenario, where the mistake is, and what the message must name.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (r#"{"delay": "200ms"}"#, r#"{"delay": "200ms",}"#, ":", "comma"),
    (r#""parallelism""#, r#""paralelism""#, "job.operators[0]", "\"parallelism\""),
    (r#""kind": "count""#, r#""kind": "cuont""#, "job.operators[1].kind", "\"count\""),
    (r#""to": "count""#, r#""to": "counts""#, "job.edges[0].to", "\"count\""),
    (r#""service": "40us""#, r#""service": "40us"#, ":", "quote"),
    (r#""rate": "20k/s""#, r#""rate": "20k/s","#, ":", "one comma"),
    (r#""service": "40us""#, r#""service": 40"#, "job.operators[1].service", "\"250ms\""),
    (r#""first": "500ms""#, r#""protocol": "alined""#, "checkpoints.protocol", "\"aligned\""),
    (r#""first": "500ms""#, r#""protocol": {"name": "uncoordinated", "jiter": "1ms"}"#, "jiter", "\"jitter\""),
    (r#""records.visible""#, r#""records.visibel""#, "expect.figures", "\"records.visible\""),
    (r#""event": "task-failed""#, r#""event": "task-faild""#, "expect.happens[0].event", "\"task-failed\""),
    (r#""fail": "count[1]""#, r#""fail": "count[2]""#, "faults[0].fail", "count[0] to count[1]"),
    (r#""expect": {"#, r#""schedule": [{"step": "rum", "of": "count[1]"}], "expect": {"#, "schedule[0]", "run"),
    (r#""cutline": 1"#, r#""cutline": 2"#, "cutline", "version 1"),
    (r#""keys": 2000"#, r#""keys": 99999999999999999999"#, "job.operators[0].keys", "16777216"),
    (r#""parallelism": 2"#, r#""parallelism": 4000000000"#, "job.operators[0].parallelism", "32768"),
    (r#""task_managers": 2"#, r#""task_managers": 4000000000"#, "cluster.task_managers", "4096"),
    (r#""per_key": "1KiB""#, r#""per_key": "9000TiB""#, "job.operators[1].state.per_key", "1GiB"),
];

#[test]
fn bad_input_gets_one_line_with_a_place_and_leaves_nothing_behind() {
    for (from, to, path, named) in MISTAKES {
        let desk = Desk::new("mistakes");
        desk.write("good.json", good());
        desk.write("wrong.json", with(from, to));
        let called = desk.call(&["run", "good.json", "wrong.json", "--trace", "t", "--chart", "c"]);
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{to}: {}", called.err);
        assert_eq!(called.err.lines().count(), 1, "{}", called.err);
        let rest = called.err.strip_prefix("error: wrong.json:").unwrap_or_else(|| panic!("{}", called.err));
        let mut parts = rest.splitn(3, ':');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
        assert!(number().is_some_and(|line| line > 0) && number().is_some_and(|column| column > 0), "{}", called.err);
        assert!(called.err.contains(path) && called.err.contains(named), "{to}: {}", called.err);
        assert_eq!(desk.files(), ["good.json", "wrong.json"], "{to}");
    }
}

#[test]
fn what_is_no_scenario_at_all_is_refused() {
    let desk = Desk::new("refused");
    desk.write("empty.json", "");
    desk.write("binary.json", [0xff, 0xd8, 0, 1, 2, 0xfe]);
    desk.write("zero.json", "\0\0\0\0");
    desk.write("deep.json", "[".repeat(100_000));
    desk.write("deeper.json", r#"{"cutline": 1, "job": "#.to_owned() + &r#"{"a": "#.repeat(100_000));
    std::fs::create_dir(desk.0.join("folder")).expect("can be made");
    let before = desk.files();
    for (name, part) in [
        ("empty.json", "the file is empty"),
        ("binary.json", "not UTF-8"),
        ("zero.json", "does not belong here"),
        ("deep.json", "nested"),
        ("deeper.json", "nested"),
        ("folder", "no scenario in the folder folder"),
        ("missing.json", "there is no such file"),
    ] {
        let called = desk.call(&["run", name, "--trace", "t", "--chart", "c"]);
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{name}: {}", called.err);
        assert!(called.err.lines().count() == 1 && called.err.contains(part), "{name}: {}", called.err);
        assert!(called.err.contains(name), "{name}: {}", called.err);
    }
    assert_eq!(desk.files(), before);
}

#[test]
fn wrong_usage_exits_with_2_and_names_what_is_near() {
    let desk = Desk::new("usage");
    for (arguments, near) in [
        (&["rum"][..], "'run'"),
        (&["run", "--sed", "1", "a.json"], "'--seed'"),
        (&["run", "--seed", "-1", "a.json"], "-1"),
        (&["run"], "<scenarios>"),
        (&["list", "protocol"], "'protocols'"),
        (&["new"], "<file>"),
        (&["shrink", "a.json", "--budget", "0"], "0"),
    ] {
        let called = desk.call(arguments);
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{arguments:?}");
        assert!(called.err.contains(near), "{arguments:?}: {}", called.err);
    }
    let help = desk.call(&["--help"]);
    assert_eq!((help.code, &*help.err), (Some(0), ""));
    assert!(desk.call(&["run", "--help"]).out.contains("Examples:"));
}

#[test]
fn json_holds_what_the_table_shows() {
    let desk = Desk::new("json");
    desk.write("a.json", good());
    let table = desk.call(&["run", "a.json"]).out;
    let called = desk.call(&["run", "--json", "a.json"]);
    assert_eq!((called.code, &*called.err), (Some(0), ""));
    let report: Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!(report["digest"].as_str(), digest_in(&table));
    assert_eq!(report["digest"].as_str().map(str::len), Some(32));
    assert_eq!(report["figures"]["records.visible"]["value"], 60000);
    let two = desk.call(&["run", "--json", "a.json", &shipped("02-textbook-recurrence.json")]);
    let list: Value = serde_json::from_str(&two.out).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[0]["digest"], report["digest"]);
}

#[test]
fn a_seed_decides_a_run() {
    let desk = Desk::new("seed");
    desk.write("a.json", good());
    let digest = |arguments: &[&str]| {
        let called = desk.call(&[&["run", "a.json"], arguments].concat());
        digest_in(&called.out).expect("a digest").to_owned()
    };
    assert_eq!(digest(&[]), digest(&["--seed", "1"]), "the scenario's seed is 1");
    assert_eq!(digest(&["--seed", "7"]), digest(&["--seed", "7", "--twice"]));
    assert_ne!(digest(&["--seed", "7"]), digest(&["--seed", "8"]));
    desk.write("b.json", with(r#""expect": {"#, r#""run": {"seed": 7}, "expect": {"#));
    assert_eq!(digest_in(&desk.call(&["run", "b.json"]).out), Some(&*digest(&["--seed", "7"])));
}

#[test]
fn a_trace_is_one_event_of_json_in_each_line() {
    let desk = Desk::new("trace");
    desk.write("a.json", good());
    let called = desk.call(&["run", "a.json", "--trace", "deep/er/a.jsonl"]);
    assert_eq!(called.code, Some(0), "{}", called.err);
    let trace = desk.read("deep/er/a.jsonl");
    let events: Vec<Value> = trace.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(called.out.contains(&format!("PASS  {} events", events.len())), "{}", called.out);
    assert!(trace.lines().last().is_some_and(|line| line.contains("run-ended")));
    assert!(events.iter().any(|event| event["of"] == "source[1]->count[0]" && event["event"] == "barrier-received"));
    assert!(events.iter().any(|event| event["of"] == "count[1]" && event["event"] == "task-failed"));
    // For several runs it is a folder.
    let second = shipped("02-textbook-recurrence.json");
    assert_eq!(desk.call(&["run", "a.json", &second, "--trace", "all"]).code, Some(0));
    assert_eq!(desk.read("all/a.jsonl"), trace);
    assert!(!desk.read("all/02-textbook-recurrence.jsonl").is_empty());
}

#[test]
fn runs_of_one_name_do_not_overwrite_each_other() {
    let desk = Desk::new("one-name");
    desk.write("a.json", good());
    std::fs::create_dir(desk.0.join("b")).expect("can be made");
    desk.write("b/a.json", good());
    let called = desk.call(&["run", "a.json", "b", "--trace", "all"]);
    assert_eq!((called.code, &*called.out), (Some(2), ""));
    assert!(called.err.contains("two of the scenarios are called a"), "{}", called.err);
    assert_eq!(desk.files(), ["a.json", "b"]);
    assert_eq!(desk.call(&["run", "a.json", "b"]).code, Some(0), "nothing is written, so all is well");
}

#[test]
fn a_chart_is_an_svg_and_a_png() {
    let desk = Desk::new("chart");
    desk.write("a.json", good());
    for name in ["chart", "chart.svg", "chart.png"] {
        let called = desk.call(&["run", "a.json", "--chart", name]);
        assert_eq!((called.code, &*called.err), (Some(0), ""), "{name}");
        assert_eq!(desk.files(), ["a.json", "chart.png", "chart.svg"], "{name}");
    }
    well_formed(&desk.read("chart.svg"));
    let bytes = std::fs::read(desk.0.join("chart.png")).expect("was written");
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
    let frame = reader.next_frame(&mut pixels).expect("all its pixels are there");
    assert!(frame.width > 1000 && frame.height > 300);
    assert!(pixels.iter().any(|byte| *byte != pixels[0]), "something is drawn");
}

/// That every element of an XML text is closed, in the right order, and that no bare `&` or `<` is in it.
fn well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0;
    for part in text.split('<').skip(1) {
        let (tag, rest) = part.split_once('>').expect("each tag ends");
        let entity = |text: &str| ["amp;", "lt;", "gt;", "quot;", "apos;", "#"].iter().any(|e| text.starts_with(e));
        assert!(part.split('&').skip(1).all(entity), "a bare & in {part}");
        let name = tag.split([' ', '\n', '/']).find(|word| !word.is_empty()).expect("each tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        elements += 1;
        if !tag.starts_with(['?', '!']) && !tag.ends_with('/') {
            open.push(name);
        } else {
            assert!(!open.is_empty() || rest.trim().is_empty(), "text outside: {rest}");
        }
    }
    assert!(open.is_empty() && elements > 20, "{open:?} not closed");
    assert!(text.contains("<svg") && text.trim_end().ends_with("</svg>"));
}

#[test]
fn a_run_without_checkpoints_has_no_chart_and_says_so() {
    let desk = Desk::new("no-chart");
    let called = desk.call(&["run", &shipped("17-uncoordinated.json"), "--chart", "chart"]);
    assert_eq!(called.code, Some(0));
    assert!(called.err.contains("no checkpoint completed"), "{}", called.err);
    assert!(desk.files().is_empty());
}

#[test]
fn a_checkpoint_is_shown_in_full() {
    let desk = Desk::new("checkpoint");
    desk.write("a.json", good());
    let called = desk.call(&["run", "a.json", "--checkpoint", "2"]);
    assert_eq!((called.code, &*called.err), (Some(0), ""));
    for part in
        ["Checkpoint 2 completed: triggered at 1s,", "count: 2/2 acknowledged", "(persisted)", "Start", "PASS  "]
    {
        assert!(called.out.contains(part), "\"{part}\" is missing in:\n{}", called.out);
    }
    let object = desk.call(&["run", "a.json", "--checkpoint", "2", "--json"]);
    let object: Value = serde_json::from_str(&object.out).expect("JSON");
    let report = desk.call(&["run", "a.json", "--json"]);
    let report: Value = serde_json::from_str(&report.out).expect("JSON");
    assert_eq!(object, report["checkpoints"][1]);
    assert_eq!(object["tasks"][1]["subtasks"].as_array().map(Vec::len), Some(2));
    let last = desk.call(&["run", "a.json", "--checkpoint", "last"]);
    assert!(last.out.contains("Checkpoint 6 completed"), "{}", last.out);
    let failed = desk.call(&["run", &shipped("09-expiry.json"), "--checkpoint", "1"]);
    assert_eq!(failed.code, Some(0));
    assert!(failed.out.contains("Checkpoint 1 failed (expired) 250ms after its trigger"), "{}", failed.out);
}

#[test]
fn a_checkpoint_that_is_not_there_is_bad_input() {
    let desk = Desk::new("no-checkpoint");
    desk.write("a.json", good());
    let uncoordinated = shipped("17-uncoordinated.json");
    for (arguments, told) in [
        (&["a.json", "--checkpoint", "99"][..], "a.json: no checkpoint 99 was triggered; this run has 1 to 6"),
        (&[&uncoordinated, "--checkpoint", "last"], "no checkpoint of the whole job was triggered"),
        (&["a.json", &uncoordinated, "--checkpoint", "1"], "--checkpoint shows one run, and there are 2 scenarios"),
        (&["a.json", "--checkpoint", "x"], "give the number of a checkpoint, or \"last\""),
        (&["a.json", "--checkpoint", "1", "--brief"], "'--brief'"),
    ] {
        let called = desk.call(&[&["run", "--chart", "c", "--trace", "t"], arguments].concat());
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{arguments:?}");
        assert!(called.err.contains(told), "{arguments:?}: {}", called.err);
        assert_eq!(desk.files(), ["a.json"], "nothing is written: {arguments:?}");
    }
}

#[test]
fn new_writes_a_scenario_that_runs_and_overwrites_nothing() {
    let desk = Desk::new("new");
    assert_eq!(desk.call(&["new", "job.json"]).code, Some(0));
    let called = desk.call(&["run", "job.json"]);
    assert_eq!((called.code, &*called.err), (Some(0), ""), "{}", called.out);
    let written = desk.read("job.json");
    let again = desk.call(&["new", "job.json"]);
    assert_eq!((again.code, &*again.out), (Some(2), ""));
    assert!(again.err.contains("job.json exists"), "{}", again.err);
    assert_eq!(desk.read("job.json"), written);
    assert_eq!(desk.files(), ["job.json"]);
}

#[test]
fn list_names_everything_that_scenarios_can_name() {
    let desk = Desk::new("list");
    let all = desk.call(&["list"]);
    assert_eq!((all.code, &*all.err), (Some(0), ""));
    let names: Vec<&str> = all.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for protocol in ZOO {
        assert!(names.contains(&protocol.name()), "{}", protocol.name());
    }
    for name in ["count", "end-to-end.max", "barrier-received", "cut"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(all.out.lines().all(|line| line.chars().count() <= 100), "{}", all.out);
    for kind in cutline::fault::KINDS {
        assert!(names.contains(&kind.name), "{}", kind.name);
        assert!(all.out.contains(kind.example), "the example of {} stands in one line", kind.name);
    }
    let only = desk.call(&["list", "protocols"]).out;
    assert!(only.contains("aligned") && !only.contains("end-to-end.max"));
}

#[test]
fn schema_prints_the_schema_of_the_library() {
    let desk = Desk::new("schema");
    let called = desk.call(&["schema"]);
    let printed: Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!((called.code, printed), (Some(0), cutline::scenario::schema()));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new("pipe");
    let hello = shipped("01-hello.json");
    for arguments in [&["run", &*hello][..], &["run", "--json", &*hello], &["list"], &["schema"]] {
        let mut child =
            desk.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        // One byte is read, then nobody listens any more.
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut [0]).expect("it prints something");
        drop(out);
        let ended = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), &*err), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let desk = Desk::new("full");
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let output = desk.command(&["list"]).stdout(full).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write the output"));
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_wrong_usage() {
    use std::os::unix::ffi::OsStrExt;
    let desk = Desk::new("no-text");
    let output = desk.command(&["run"]).arg(std::ffi::OsStr::from_bytes(b"\xff.json")).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_restart_loop_does_not_fill_the_table() {
    let desk = Desk::new("loop");
    let text = std::fs::read_to_string(shipped("10-restart-loop.json")).expect("it is shipped");
    desk.write("loop.json", text.replace(r#""attempts": 3"#, r#""attempts": 30"#));
    let called = desk.call(&["run", "loop.json"]);
    assert_eq!(called.code, Some(1), "30 restarts are more than it expects");
    let told = called.out.lines().filter(|line| line.starts_with("Restart ")).count();
    assert_eq!(told, 8, "{}", called.out);
    assert!(called.out.contains("… 22 restarts left out …"), "{}", called.out);
    assert!(called.out.contains("Restart 1: the coordinator failed the job at 750ms"), "{}", called.out);
}

#[test]
fn records_that_count_twice_are_named_where_that_is_asked_for() {
    let desk = Desk::new("records");
    let doubling = shipped("25-at-least-once.json");
    let called = desk.call(&["run", "--records", &doubling]);
    assert_eq!((called.code, &*called.err), (Some(0), ""));
    assert!(called.out.contains("\n  295 doubled in the state of join\n"), "{}", called.out);
    assert!(called.out.contains("near[0] partition 0 offset 10005 -> join[0], key 311: twice instead of once"));
    assert!(called.out.lines().all(|line| line.chars().count() <= 100), "{}", called.out);
    assert!(!desk.call(&["run", &doubling]).out.contains("by name"), "it passes, and nobody asked");

    let read = |arguments: &[&str]| -> Value { serde_json::from_str(&desk.call(arguments).out).expect("JSON") };
    let report = read(&["run", "--json", "--records", &doubling]);
    let doubled = |operator: &str| {
        (report["records"][operator]["doubled_total"].as_u64()).zip(report["records"][operator]["lost_total"].as_u64())
    };
    assert_eq!([doubled("join"), doubled("sink"), doubled("near")], [Some((295, 0)), Some((295, 0)), None]);
    assert_eq!(report["records"]["sink"]["output"]["doubled"][0]["offset"], 10005);
    assert_eq!(read(&["run", "--json", &doubling])["records"], Value::Null);

    let clean = desk.call(&["run", "--records", &shipped("01-hello.json")]);
    assert!(
        clean.out.contains("In the end, every record counts exactly once, in all states and outside."),
        "{}",
        clean.out
    );
    let clashing = desk.call(&["run", "--records", "--brief", &doubling]);
    assert_eq!(clashing.code, Some(2), "{}", clashing.err);
}

/// A scenario that stands still, and expects to.
fn stuck() -> String {
    std::fs::read_to_string(shipped("28-fork-that-stands-still.json")).expect("it is shipped")
}

#[test]
fn a_failure_shrinks_to_a_file_that_replays_it() {
    let desk = Desk::new("shrink");
    desk.write("a.json", stuck());
    let called = desk.call(&["shrink", "a.json", "-o", "deep/er/small.json"]);
    assert_eq!(called.code, Some(0), "{}", called.err);
    // A slow machine is told how far it is.
    assert!(called.err.lines().all(|line| line.starts_with("run ")), "{}", called.err);
    for part in ["STUCK liveness/cancelled", "before  after\n", " runs nothing more can go; wrote deep/er/small.json"] {
        assert!(called.out.contains(part), "\"{part}\" is missing in:\n{}", called.out);
    }
    let small = desk.read("deep/er/small.json");
    assert!(small.len() < stuck().len() / 2, "{small}");
    let replayed = desk.call(&["run", "deep/er/small.json"]);
    assert_eq!((replayed.code, &*replayed.err), (Some(0), ""));
    let told = replayed.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["What went wrong 10", ": the job failed when checkpoint 1 expired,", "STUCK, as expected"] {
        assert!(told.contains(part), "\"{part}\" is missing in:\n{}", replayed.out);
    }

    // Without a name for it, the file stands beside the first one; it is the same file with the same seed.
    let called = desk.call(&["shrink", "a.json", "--seed", "1", "--json"]);
    assert_eq!(called.code, Some(0), "{}", called.err);
    let told: Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!(
        (&told["file"], &told["verdict"], &told["minimal"]),
        (&"a-shrunk.json".into(), &"STUCK".into(), &true.into())
    );
    assert_eq!((&told["before"]["tasks"], &told["before"]["records"]), (&7.into(), &20000.into()));
    assert!(told["after"]["records"].as_u64() < Some(1000) && told["runs"].as_u64() > Some(20), "{told}");
    assert_eq!(desk.files(), ["a-shrunk.json", "a.json", "deep"]);
    assert_eq!(desk.read("a-shrunk.json"), small);
}

#[test]
fn a_shrunk_file_has_the_seed_that_failed() {
    let desk = Desk::new("shrink-seed");
    desk.write("a.json", stuck());
    let called = desk.call(&["shrink", "a.json", "--seed", "7", "--budget", "3"]);
    assert_eq!(called.code, Some(0), "{}", called.err);
    assert!(called.out.contains("the budget of 3 runs is used up; wrote a-shrunk.json"), "{}", called.out);
    assert!(desk.read("a-shrunk.json").contains("\"seed\": 7"));
    assert_eq!(desk.call(&["run", "a-shrunk.json"]).code, Some(0));
}

#[test]
fn what_fails_under_a_mutant_is_shrunk_under_it_and_passes_without() {
    let desk = Desk::new("shrink-mutant");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/bugs/commits-again.json");
    let called = desk.call(&["shrink", file, "--mutant", "commits-again", "-o", "small.json"]);
    assert_eq!(called.code, Some(0), "{}", called.err);
    assert!(called.out.contains("commits/committed by sink"), "{}", called.out);
    let why =
        "The mutant commits-again: What was committed is committed again if nobody heard that it was. Then commits: ";
    assert!(desk.read("small.json").contains(why));
    assert_eq!(desk.call(&["run", "small.json"]).code, Some(0));
    assert_eq!(desk.call(&["run", "small.json", "--mutant", "commits-again"]).code, Some(1));
}

#[test]
fn what_cannot_be_shrunk_is_refused_and_nothing_is_written() {
    let desk = Desk::new("shrink-refused");
    desk.write("good.json", good());
    desk.write("stuck.json", stuck());
    desk.write("wrong.json", with("\"count\"", "\"cuont\""));
    for (arguments, told) in [
        (&["good.json"][..], "good.json: no check finds anything wrong with seed 1; shrink takes a scenario whose run"),
        (&["good.json", "--seed", "5"], "with seed 5"),
        (&["wrong.json"], "error: wrong.json:"),
        (&["missing.json"], "there is no such file"),
        (&["."], ". is a folder; name one scenario file"),
        (&["stuck.json", "-o", "./stuck.json"], "./stuck.json is the scenario to shrink"),
        (&["stuck.json", "-o", "."], ". is a folder; name the file to write"),
    ] {
        let called = desk.call(&[&["shrink"], arguments].concat());
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{arguments:?}");
        assert!(called.err.lines().count() == 1 && called.err.contains(told), "{arguments:?}: {}", called.err);
    }
    assert_eq!(desk.files(), ["good.json", "stuck.json", "wrong.json"]);
    assert_eq!(desk.read("stuck.json"), stuck());
}

#[test]
fn mutants_are_hunted_and_those_that_survive_are_listed() {
    let desk = Desk::new("mutants");
    let json = |called: &Called| -> Value { serde_json::from_str(&called.out).expect("one JSON object") };
    let killed = desk.call(&["mutants", "--only", "dirty-local-state,savepoint-is-told", "--seeds", "60", "--json"]);
    assert_eq!(killed.code, Some(0), "{}", killed.err);
    let matrix = json(&killed);
    assert_eq!((matrix["killed"].as_u64(), matrix["mutants"].as_array().map(Vec::len)), (Some(2), Some(2)));
    assert_eq!(matrix["survivors"], serde_json::json!([]));
    let survives = desk.call(&["mutants", "--only", "recovery-line-in-one-pass", "--seeds", "1"]);
    assert_eq!(survives.code, Some(1));
    assert!(survives.out.contains("SURVIVES  recovery-line-in-one-pass"), "{}", survives.out);
    let unknown = desk.call(&["mutants", "--only", "dirty-local-sate"]);
    assert_eq!(unknown.code, Some(2));
    let told = "error: there is no mutant \"dirty-local-sate\"; did you mean \"dirty-local-state\"?";
    assert_eq!(unknown.err.trim(), told);
    let part = desk.call(&["mutants", "--only", "nothing"]).err;
    let told =
        "error: there is no mutant \"nothing\"; did you mean \"nothing-is-not-told\" or \"restore-aborts-nothing\"?";
    assert_eq!(part.trim(), told);
    let far = desk.call(&["mutants", "--only", "nosuch"]).err;
    assert_eq!(far.trim(), "error: there is no mutant \"nosuch\"; `cutline list mutants` shows all");
}

#[test]
fn guarantees_are_tried_and_what_exposes_them_is_written_and_replays() {
    let desk = Desk::new("guarantees");
    let tried = desk.call(&["guarantees", "--protocols", "at-least-once", "--seeds", "40", "--out", "found", "--json"]);
    assert_eq!((tried.code, &*tried.err), (Some(0), ""));
    let matrix: Value = serde_json::from_str(&tried.out).expect("one JSON object");
    let cells = matrix["cells"].as_array().expect("a list");
    assert_eq!((cells.len(), &matrix["right"]), (20, &Value::Bool(true)));
    let cell = cells.iter().find(|cell| cell["name"] == "at-least-once-replayable-plain").expect("it is a cell");
    assert_eq!((&cell["state"]["is"], &cell["output"]["is"]), (&"at least once".into(), &"at least once".into()));
    assert!(cell["exposing"]["state.doubled"].as_u64() > Some(0), "{cell}");
    assert_eq!(desk.call(&["run", "found"]).code, Some(0));
    assert!(desk.read("found/at-least-once-once-plain.json").contains("\"replayable\": false"));

    let broken =
        ["guarantees", "--protocols", "aligned", "--seeds", "10", "--mutant", "offsets-ignored", "--out", "bad"];
    let broken = desk.call(&broken);
    assert_eq!(broken.code, Some(1));
    assert!(broken.out.contains("WORSE    aligned-replayable-offsets: "), "{}", broken.out);
    let again = desk.call(&["run", "bad/aligned-replayable-offsets-worse.json", "--mutant", "offsets-ignored"]);
    assert_eq!(again.code, Some(1), "{}", again.out);

    let unknown = desk.call(&["guarantees", "--protocols", "alligned"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("there is no protocol \"alligned\""), "{}", unknown.err);
    desk.write("file", "");
    let taken = desk.call(&["guarantees", "--out", "file"]);
    assert_eq!((taken.code, taken.err.trim()), (Some(2), "error: file is a file; name a folder, there or not"));
}

#[test]
fn a_scenario_is_run_under_a_mutant_for_study() {
    let desk = Desk::new("mutant");
    let bug = include_str!("../scenarios/bugs/prepared-output-is-lost.json");
    desk.write("prepared-output-is-lost.json", bug);
    assert_eq!(desk.call(&["run", "prepared-output-is-lost.json"]).code, Some(0));
    let studied = desk.call(&["run", "prepared-output-is-lost.json", "--mutant", "prepared-output-is-lost"]);
    assert_eq!(studied.code, Some(1));
    assert!(studied.out.contains("under the mutant prepared-output-is-lost: A restart drops"), "{}", studied.out);
    let unknown = desk.call(&["run", "prepared-output-is-lost.json", "--mutant", "commits"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.starts_with("error: there is no mutant \"commits\""), "{}", unknown.err);
    desk.write("nobody.json", bug);
    let nobody = desk.call(&["mutants", "nobody.json"]);
    assert!(nobody.err.contains("nobody.json: there is no mutant \"nobody\""), "{}", nobody.err);
}

#[test]
fn a_hunt_finds_the_same_on_any_number_of_threads() {
    let desk = Desk::new("hunt");
    let hunted = |threads: &str| {
        let called = desk.call(&["hunt", "--seeds", "3..13", "--windows", "--json", "--threads", threads]);
        assert_eq!(called.code, Some(0), "{}", called.err);
        let mut told: Value = serde_json::from_str(&called.out).expect("JSON");
        let object = told.as_object_mut().expect("an object");
        for clock in ["seconds", "runs_per_second"] {
            assert!(object.remove(clock).is_some_and(|value| value.is_number()), "{clock}");
        }
        told
    };
    let one = hunted("1");
    assert_eq!((&one["runs"], &one["failures"]), (&(10 * ZOO.len()).into(), &0.into()));
    let strikes = one["windows"].as_array().expect("an array").iter().map(|cell| cell["strikes"].as_u64());
    assert!(strikes.sum::<Option<u64>>() > Some(100), "faults struck");
    assert_eq!(hunted("3"), one);
}

#[test]
fn what_a_hunt_finds_is_written_small_and_replays() {
    let desk = Desk::new("hunt-out");
    // Expected to be stuck, it is no find; whoever expects nothing wants to know.
    desk.write("expected.json", stuck());
    let quiet = desk.call(&["hunt", "expected.json", "--runs", "3", "--out", "none"]);
    assert_eq!(quiet.code, Some(0), "{}", quiet.out);
    assert!(quiet.out.contains("3 runs of 1 protocol in ") && quiet.out.ends_with(": none failed\n"), "{}", quiet.out);
    let mut surprising: Value = serde_json::from_str(&stuck()).expect("JSON");
    surprising.as_object_mut().expect("an object").remove("expect");
    desk.write("a.json", surprising.to_string());
    let called = desk.call(&["hunt", "a.json", "--seeds", "5..7", "--out", "deep/found"]);
    assert_eq!(called.code, Some(1), "{}", called.err);
    for part in ["STUCK  unaligned liveness/cancelled", ": 2 runs, first seed 5", "wrote deep/found/", ": 2 failed\n"] {
        assert!(called.out.contains(part), "\"{part}\" is missing in:\n{}", called.out);
    }
    let replayed = desk.call(&["run", "deep/found"]);
    assert_eq!((replayed.code, &*replayed.err), (Some(0), ""), "{}", replayed.out);
    assert!(replayed.out.contains("STUCK, as expected"), "{}", replayed.out);
    assert_eq!(desk.files(), ["a.json", "deep", "expected.json"]);
}

#[test]
fn what_cannot_be_hunted_is_refused() {
    let desk = Desk::new("hunt-refused");
    desk.write("good.json", good());
    desk.write("cycle.json", std::fs::read_to_string(shipped("16-cycle.json")).expect("it is shipped"));
    for (arguments, told) in [
        (&["--seeds", "9..3"][..], "give two numbers as A..B, A below B"),
        (&["--seeds", "7"], "give two numbers as A..B, A below B"),
        (&["--seeds", "1..2", "--runs", "3"], "cannot be used with"),
        (&["--seeds", "1..18446744073709551615"], "the largest seed is"),
        (&["--runs", "0"], "0 is not in 1.."),
        (&["--threads", "0"], "0 is not in 1..=1024"),
        (&["--protocols", "alined"], "there is no protocol \"alined\"; the zoo has \"aligned\""),
        (&["--protocols", "aligned,aligned"], "in the list twice"),
        (&["missing.json"], "there is no such file"),
        (&["."], ". is a folder; name one scenario file, or none"),
        (&["good.json", "--out", "good.json"], "good.json is a file; name a folder"),
        (&["cycle.json", "--protocols", "aligned"], "does not work on cycles"),
    ] {
        let called = desk.call(&[&["hunt"], arguments].concat());
        assert_eq!((called.code, &*called.out), (Some(2), ""), "{arguments:?}: {}", called.err);
        assert!(called.err.contains(told), "{arguments:?}: {}", called.err);
    }
    assert_eq!(desk.files(), ["cycle.json", "good.json"]);
}
