//! The sources of the crate as text, for tests about how they are written.

use std::fs;
use std::path::Path;

/// A file of the crate.
pub struct Source {
    /// From the root of the repository, with slashes: `src/base/ring.rs`.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Source {
    /// The folder of `src/` that it is in.
    pub fn folder(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split_once('/').map(|(folder, _)| folder)
    }

    /// How many `super`s lead from its module to the root of the crate.
    pub fn depth(&self) -> usize {
        let names = self.path.matches('/').count();
        if self.path.ends_with("/mod.rs") { names - 1 } else { names }
    }

    /// Its code: comments and what is between quotes are blank, lines and columns stay.
    pub fn code(&self) -> String {
        code(&self.text)
    }

    /// Its code without the `#[cfg(test)]` module at its end.
    pub fn shipped_code(&self) -> String {
        let mut code = self.code();
        let is_test = self.path.contains("/tests/") || self.path.ends_with("/sample.rs");
        let end = if is_test { Some(0) } else { code.find("#[cfg(test)]\nmod tests {") };
        code.truncate(end.unwrap_or(code.len()));
        code
    }
}

/// The text with comments and what is between quotes blank.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let blank = |part: &str| part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect::<String>();
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted(rest),
            'r' if (rest.starts_with("r\"") || rest.starts_with("r#")) && !code.ends_with(is_word) => raw(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped > 0 {
            code += &blank(&rest[..skipped]);
            rest = &rest[skipped..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the string literal at the beginning.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string literal at the beginning; 0 if it is a raw name.
fn raw(text: &str) -> usize {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

/// The length of the character literal at the beginning; 0 if it is a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), _, Some((at, _))) => text[at..].find('\'').map_or(0, |end| at + end + 1),
        (Some(_), Some((at, '\'')), _) => at + 1,
        _ => 0,
    }
}

/// All files of `src/`, in the order of their paths.
pub fn sources() -> Vec<Source> {
    files("src", "rs")
}

/// All files of a folder of the repository and below whose names end so, in the order of their paths.
pub fn files(folder: &str, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    collect(root, folder, extension, &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!sources.is_empty(), "there is no .{extension} in {folder}");
    sources
}

fn collect(root: &Path, folder: &str, extension: &str, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("cannot read {folder}: {error}"));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("cannot read {folder}: {error}"));
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(root, &path, extension, sources);
        } else if path.ends_with(&format!(".{extension}")) {
            let text = fs::read_to_string(entry.path()).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
            sources.push(Source { path, text });
        }
    }
}
