//! The one error type for what a user wrote: where, what was found, what would be right.

use std::fmt;

/// Where in a file something is: line and column counted from 1, and the path in the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1; 0 if the whole file is meant.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Such as `job.operators[2].service`; empty at the top.
    pub path: String,
}

/// A mistake in the input, told in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in, if it is in one.
    pub file: Option<String>,
    /// Where in the file.
    pub place: Option<Place>,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub allowed: String,
}

impl Problem {
    /// A mistake that has no place in a file (a flag, a missing folder).
    pub fn plain(found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { file: None, place: None, found: found.into(), allowed: allowed.into() }
    }

    /// A mistake at a place.
    pub fn at(place: Place, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::plain(found, allowed) }
    }

    /// The same, in the file of this name.
    pub fn in_file(self, file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(place) = self.place.as_ref().filter(|p| p.line > 0) {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            f.write_str(": ")?;
        }
        if let Some(place) = self.place.as_ref().filter(|p| !p.path.is_empty()) {
            write!(f, "{}: ", place.path)?;
        }
        write!(f, "{}", self.found)?;
        if !self.allowed.is_empty() {
            write!(f, "; {}", self.allowed)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// The valid name that `wrong` was probably meant to be, if one is near enough.
pub fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(1) + 1;
    valid
        .into_iter()
        .map(|name| (distance(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap neighbours) that turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["interval", "timeout", "min_pause", "max_concurrent"];
        assert_eq!(nearest("intervall", names), Some("interval"));
        assert_eq!(nearest("tiemout", names), Some("timeout"));
        assert_eq!(nearest("minPause", names), Some("min_pause"));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn a_problem_reads_as_one_line() {
        let place = Place { line: 7, column: 20, path: "checkpoints.interval".into() };
        let problem = Problem::at(place, "found \"10\"", "write a time such as \"250ms\"").in_file("a.json");
        assert_eq!(
            problem.to_string(),
            "a.json:7:20: checkpoints.interval: found \"10\"; write a time such as \"250ms\""
        );
    }
}
