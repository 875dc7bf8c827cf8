//! The README shows what cutline really prints: its commands are run here and its lists compared with the tables.
//! Where this fails after a wanted change, paste what is printed into the README.
#![cfg(unix)]

use cutline::protocol::ZOO;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The insides of all code blocks of a language.
fn blocks(language: &str) -> Vec<Vec<&'static str>> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(fence) = lines.next() {
        if let Some(found) = fence.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if found == language {
                blocks.push(inside);
            }
        }
    }
    blocks
}

/// The first cell of each row of the table under a heading.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let section = README.split(heading).nth(1).expect("the heading is there");
    let section = section.split("\n## ").next().expect("it has a text");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    rows.filter(|cell| *cell != "file").collect()
}

/// The scenarios that the README tells to write, in its order.
const WRITTEN: [&str; 2] = ["clicks.json", "outage.json"];

/// A folder like the one a reader works in: the shipped scenarios, and those that the README tells to write.
fn desk() -> PathBuf {
    let desk = std::env::temp_dir().join(format!("cutline-readme-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&desk);
    for folder in ["scenarios", "scenarios/bugs"] {
        std::fs::create_dir_all(desk.join(folder)).expect("a temporary folder can be made");
        for file in shipped(folder) {
            let name = file.file_name().expect("a file");
            std::fs::copy(&file, desk.join(folder).join(name)).expect("can be copied");
        }
    }
    let written = blocks("json");
    assert_eq!(written.len(), WRITTEN.len(), "each scenario in the README has a name");
    for (name, text) in WRITTEN.iter().zip(written) {
        assert!(README.contains(&format!("`{name}`")), "the README does not say what is {name}");
        std::fs::write(desk.join(name), text.join("\n")).expect("can be written");
    }
    desk
}

fn shipped(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.is_file() && !path.ends_with("scenario.schema.json"));
    files.sort();
    files
}

/// What a command prints, errors included.
fn printed(desk: &Path, command: &str) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_cutline")).parent().expect("it is in a folder");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let command = command.replace("cargo run --release --", "cutline");
    let output = Command::new("sh").args(["-c", &command]).current_dir(desk).env("PATH", path).output();
    let output = output.expect("there is a shell");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn quoted_output_is_what_is_printed() {
    let desk = desk();
    let mut commands = 0;
    for block in blocks("console") {
        let command = block[0].strip_prefix("$ ").expect("a block begins with its command");
        let printed = printed(&desk, command);
        // Lines may be left out where the README says so, and nowhere else.
        let mut rest = printed.lines();
        let mut gap = false;
        for quoted in &block[1..] {
            if quoted.trim() == "…" {
                gap = true;
                continue;
            }
            let found =
                if std::mem::take(&mut gap) { rest.any(|line| line == *quoted) } else { rest.next() == Some(quoted) };
            assert!(found, "`{command}` does not print\n{quoted}\nthere, but\n{printed}");
        }
        assert!(gap || rest.all(str::is_empty), "`{command}` prints more than is quoted:\n{printed}");
        commands += 1;
    }
    assert!(commands >= 4, "{commands}");
    let _ = std::fs::remove_dir_all(&desk);
}

#[test]
fn the_table_of_scenarios_is_complete() {
    let stems: Vec<String> = shipped("scenarios")
        .iter()
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(first_cells("## Shipped scenarios"), stems);
}

#[test]
fn all_protocols_are_named() {
    for protocol in ZOO {
        assert!(README.contains(&format!("`{}`", protocol.name())), "{} is not in the README", protocol.name());
    }
}

#[test]
fn files_it_points_to_are_there() {
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let quoted = README.split('`').skip(1).step_by(2).filter(|word| {
        ["src/", "tests/", "scenarios/", "reports/"].iter().any(|start| word.starts_with(start)) && !word.contains(' ')
    });
    for file in links.chain(quoted).filter(|file| !file.contains("yours") && !file.contains("://")) {
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        // `reports` is not in the package.
        assert!(there.exists() || file.starts_with("reports/"), "{file}");
    }
}
