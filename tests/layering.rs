//! Law: a folder of `src/` uses what stands above it, and nothing below.
//!
//! Besides, judging stays apart from doing: `check` knows neither protocols nor the world nor drivers, `report`
//! and `model` see a run only through what it left behind, and a protocol never touches the world.

mod support;

use support::source::{Source, sources};

/// The folders from the top down.
const FOLDERS: &[&str] = &[
    "base", "trace", "scenario", "plan", "workload", "fault", "protocol", "world", "drive", "check", "model",
    "campaign", "flink", "report", "cli",
];

/// What a folder must not use although it stands above it: who, what, what to do instead.
const KEPT_APART: &[(&str, &[&str], &str)] = &[
    ("check", &["world", "drive", "protocol"], "judge from events, the plan and the oracle's result"),
    ("model", &["world", "drive", "protocol"], "take a plan, costs and figures"),
    ("report", &["world", "drive", "protocol", "campaign"], "take it from a RunView; a command fills that in"),
];

/// Where in a file which folder is used.
#[derive(Debug, PartialEq)]
struct Use {
    line: usize,
    folder: String,
}

/// The folders that a file's code names: `crate::x`, `super::super::x` as far up as the root, groups included.
fn uses(source: &Source) -> Vec<Use> {
    let depth = source.depth();
    let code = source.code();
    let mut uses = Vec::new();
    for (start, word) in [("crate::", "crate"), ("super::", "super")]
        .into_iter()
        .flat_map(|(root, word)| code.match_indices(root).map(move |(at, _)| (at, word)).collect::<Vec<_>>())
    {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
            continue;
        }
        let mut rest = &code[start + word.len() + 2..];
        let mut ups = usize::from(word == "super");
        while let (true, Some(shorter)) = (ups > 0, rest.strip_prefix("super::")) {
            (rest, ups) = (shorter, ups + 1);
        }
        // Modules inside a file (tests) make `super` shorter than it looks: what is left is judged by its name.
        if ups > 0 && ups < depth {
            continue;
        }
        for (offset, folder) in first_names(rest) {
            let line = 1 + code[..code.len() - rest.len() + offset].matches('\n').count();
            uses.push(Use { line, folder });
        }
    }
    uses
}

/// The first name of a path, or of each path of a group, with its offset.
fn first_names(path: &str) -> Vec<(usize, String)> {
    let name = |at: usize| {
        let end = path[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(path.len(), |end| at + end);
        (at, path[at..end].to_owned())
    };
    let begin = path.len() - path.trim_start().len();
    if !path[begin..].starts_with('{') {
        return vec![name(begin)];
    }
    let (mut names, mut depth, mut fresh) = (Vec::new(), 0, false);
    for (at, c) in path.char_indices().skip_while(|(at, _)| *at < begin) {
        match c {
            '{' => (depth, fresh) = (depth + 1, true),
            '}' if depth == 1 => return names,
            '}' => depth -= 1,
            ',' => fresh = true,
            c if c.is_whitespace() => {}
            _ if fresh && depth == 1 => {
                names.push(name(at));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

/// What is wrong with a file's uses.
fn complaints(source: &Source) -> Vec<String> {
    let Some(home) = source.folder() else { return Vec::new() };
    let rank = |folder: &str| FOLDERS.iter().position(|known| *known == folder);
    let Some(own) = rank(home) else {
        return vec![format!("{}: the folder {home} has no place; add it to FOLDERS in {}", source.path, file!())];
    };
    let mut complaints = Vec::new();
    for Use { line, folder } in uses(source) {
        let Some(used) = rank(&folder) else { continue };
        let apart = KEPT_APART.iter().find(|(who, what, _)| *who == home && what.contains(&&*folder));
        if used > own {
            complaints.push(format!(
                "{}:{line}: {home} uses {folder}, which stands below it. Move what both need up to {home} or above, or \
                 let {folder} hand it in.",
                source.path
            ));
        } else if let Some((_, _, instead)) = apart {
            complaints.push(format!("{}:{line}: {home} must not know {folder}: {instead}.", source.path));
        }
    }
    complaints
}

#[test]
fn folders_use_only_what_stands_above_them() {
    let complaints: Vec<String> = sources().iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_folder_has_a_place() {
    for source in sources() {
        if let Some(folder) = source.folder() {
            assert!(FOLDERS.contains(&folder), "{}: add {folder} to the folders of {}", source.path, file!());
        }
    }
    let library = sources().into_iter().find(|source| source.path == "src/lib.rs").expect("the crate has a root");
    let declared: Vec<&str> =
        library.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    for folder in &declared {
        assert!(FOLDERS.contains(folder), "src/lib.rs: {folder} has no place");
    }
    assert!(declared.len() >= 13, "src/lib.rs was read: {declared:?}");
}

#[test]
fn forged_files_are_complained_about() {
    let forged = |path: &str, text: &str| complaints(&Source { path: path.into(), text: text.into() });
    assert_eq!(
        forged("src/plan/keys.rs", "use crate::base::mix;\n\nuse crate::world::World;\n"),
        [
            "src/plan/keys.rs:3: plan uses world, which stands below it. Move what both need up to plan or above, or let \
          world hand it in."
        ]
    );
    let only = |path: &str, text: &str, part: &str| {
        let complaints = forged(path, text);
        assert!(complaints.len() == 1 && complaints[0].contains(part), "{path}: {text}: {complaints:?}");
    };
    only("src/trace/event.rs", "use crate::{base::{Time, TaskId},\n  cli::main};", "rs:2: trace uses cli");
    only("src/trace/event.rs", "fn f() { super::super::drive::now() }", "trace uses drive");
    only("src/protocol/zoo/new.rs", "fn f(_: &super::super::super::world::World) {}", "protocol uses world");
    only("src/check/order.rs", "fn f(_: &crate::protocol::Settings) {}", "check must not know protocol");
    only("src/report/table.rs", "use crate::world::Job;", "report must not know world: take it from a RunView");
    only("src/unheard/of.rs", "", "the folder unheard has no place");
    for fine in [
        "//! [`crate::world`] is only mentioned.\n/// So is [`crate::cli`].\n// and crate::cli",
        "use super::zoo;",
        "use crate::{base::{Time, drive_shaft}, trace::world};",
        "const TEXT: &str = \"crate::world::World\";",
        "use other_crate::world::World;",
        "use super::super::base;",
    ] {
        assert_eq!(forged("src/protocol/roles.rs", fine), [""; 0], "{fine}");
    }
}
