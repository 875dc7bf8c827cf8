//! What the sources must not contain, each with what to write instead; and what every folder and table owes.

mod support;

use std::collections::BTreeSet;
use support::source::{Source, code, files, sources};

/// A word that does not belong into the code of `src/`, what to write instead, and where it is fine.
const BANNED: &[(&str, &str, &[&str])] = &[
    ("todo!", "finish it, or refuse it with a Problem that says so", &[]),
    ("unimplemented!", "finish it, or refuse it with a Problem that says so", &[]),
    ("dbg!", "a test, or an event", &[]),
    ("println!", "the command's `out`; only commands print", &["src/cli/"]),
    ("print!", "the command's `out`; only commands print", &["src/cli/"]),
    ("eprintln!", "a Problem in the result; only commands print", &["src/cli/"]),
    ("HashMap", "BTreeMap or an index table: its order differs between runs", &[]),
    ("HashSet", "BTreeSet or a flag per index: its order differs between runs", &[]),
    ("SystemTime", "base::Time: the world has no clock", &[]),
    ("Instant", "base::Time: the world has no clock", &["src/cli/"]),
    ("thread_rng", "base::Draws at an address of its own", &[]),
    ("from_entropy", "base::Draws at an address of its own", &[]),
    ("thread_local!", "a field of what needs it: there is no ambient context", &[]),
    ("static mut", "a field of what needs it: there is no ambient context", &[]),
    ("mod utils", "a name that says what it holds", &[]),
];

/// A file of one purpose has some hundred lines.
const LINES_MAX: usize = 700;

/// Files that may be longer, how long, and why.
const LONG: &[(&str, usize, &str)] = &[];

fn banned(source: &Source) -> Vec<String> {
    let code = source.code();
    let mut complaints = Vec::new();
    for (word, instead, fine) in BANNED.iter().filter(|(_, _, fine)| !fine.iter().any(|p| source.path.starts_with(p))) {
        for (at, _) in code.match_indices(word) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            if code[..at].ends_with(is_word) || code[at + word.len()..].starts_with(is_word) {
                continue;
            }
            let line = 1 + code[..at].matches('\n').count();
            let elsewhere = if fine.is_empty() { String::new() } else { format!(" (fine in {})", fine.join(", ")) };
            complaints.push(format!("{}:{line}: {word} -> {instead}{elsewhere}", source.path));
        }
    }
    complaints
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn nothing_banned_is_written() {
    assert_none(sources().iter().flat_map(banned).collect());
}

#[test]
fn forged_files_are_complained_about() {
    let forged = |path: &str, text: &str| banned(&Source { path: path.into(), text: text.into() });
    let found = forged("src/world/net.rs", "fn f() {\n    todo!()\n}");
    assert_eq!(found, ["src/world/net.rs:2: todo! -> finish it, or refuse it with a Problem that says so"]);
    assert_eq!(forged("src/report/table.rs", "fn f() { println!(\"x\") }").len(), 1);
    assert_eq!(forged("src/base/ring.rs", "use std::collections::{BTreeMap, HashMap};").len(), 1);
    for fine in
        ["// todo!()", "/// println!()", "fn f() -> &'static str { \"HashMap\" }", "struct Instants; fn my_dbg() {}"]
    {
        assert_eq!(forged("src/base/ring.rs", fine), [""; 0], "{fine}");
    }
    assert_eq!(forged("src/cli/list.rs", "fn f() { eprintln!() }"), [""; 0]);
}

#[test]
fn only_code_is_code() {
    let text = "a /* b */ \"c\\\"d\" 'e' '\\n' r#\"f\"g\"# 'life h // i\nj";
    assert_eq!(code(text).split_whitespace().collect::<Vec<_>>(), ["a", "'life", "h", "j"]);
    assert_eq!(code(text).len(), text.len(), "positions stay");
}

#[test]
fn files_are_of_one_purpose() {
    let mut complaints = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let exception = LONG.iter().find(|(path, _, _)| *path == source.path);
        let most = exception.map_or(LINES_MAX, |(_, most, _)| *most);
        if lines > most {
            complaints.push(format!("{}: {lines} lines, more than {most} -> files by purpose", source.path));
        }
        if exception.is_some() && lines <= LINES_MAX {
            complaints.push(format!("{}: {lines} lines; it needs no exception any more", source.path));
        }
    }
    assert_none(complaints);
}

#[test]
fn folders_say_what_they_are_and_what_they_are_not() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with("/mod.rs") && !source.path.contains("/tests/"))
    {
        if !source.text.starts_with("//! ") {
            complaints.push(format!("{}: it begins without an essay -> //! what it is and why", source.path));
        }
        let is_top = source.path.matches('/').count() == 2;
        if is_top && !source.text.contains("//! **Architecture invariant") {
            complaints.push(format!("{}: -> an \"Architecture invariant\" paragraph: what is not in it", source.path));
        }
    }
    assert_none(complaints);
}

#[test]
fn files_say_what_they_are() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    assert_none(silent.map(|source| format!("{}:1: -> //! what it is, in a sentence", source.path)).collect());
}

/// Where one file is one entry: the folder, how an entry is declared, how its line in the table begins.
const TABLES: &[(&str, &str, &str)] = &[
    ("src/protocol/zoo/", "impl Protocol for ", "&{}::"),
    ("src/workload/operators/", "impl OperatorKind for ", "&{}::"),
    ("src/check/", "static ABOUT: About", "about: &{}::ABOUT"),
    ("src/cli/", "impl Command for ", "&{}::"),
];

#[test]
fn whoever_belongs_into_a_table_is_in_it() {
    let sources = sources();
    let mut complaints = Vec::new();
    for (folder, declares, line) in TABLES {
        let mut entries = 0;
        let table = sources.iter().find(|source| source.path == format!("{folder}mod.rs")).expect("it has a table");
        for source in sources.iter().filter(|source| source.path.starts_with(folder)) {
            let name = source.path[folder.len()..].trim_end_matches(".rs").trim_end_matches("/mod");
            if name == "mod" || !source.code().contains(declares) {
                continue;
            }
            entries += 1;
            let line = line.replace("{}", name);
            if !table.code().contains(&line) {
                complaints.push(format!("{}: not in the table of {} -> add {line}", source.path, table.path));
            }
        }
        assert!(entries > 2, "{folder}: entries are declared by {declares:?}");
    }
    assert_none(complaints);
}

#[test]
fn texts_are_clean() {
    // Put together here, so that this file passes.
    let machine: Vec<String> = ["home", "root", "Users", "tmp", "work"].map(|name| format!("/{name}/")).to_vec();
    let mut texts = sources();
    texts.extend(files("tests", "rs"));
    texts.extend(files("tests", "json"));
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    for source in &texts {
        for (n, line) in source.text.lines().enumerate() {
            let at = format!("{}:{}", source.path, n + 1);
            if line.ends_with([' ', '\t']) {
                complaints.push(format!("{at}: white space at the end of the line -> none"));
            }
            if line.contains('\t') || line.contains('\r') {
                complaints.push(format!("{at}: a tab or carriage return -> spaces"));
            }
            if let Some(path) = machine.iter().find(|path| line.contains(*path)) {
                complaints.push(format!("{at}: {path}… is somebody's machine -> a path within the repository"));
            }
        }
        if !source.text.ends_with('\n') || source.text.ends_with("\n\n") {
            complaints.push(format!("{}: -> one line break at the end", source.path));
        }
        if !names.insert(source.path.to_lowercase()) {
            complaints.push(format!("{}: -> a name that differs in more than its case", source.path));
        }
    }
    assert_none(complaints);
}
