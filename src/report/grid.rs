//! Columns of text: numbers to the right, words to the left, and no line wider than it must be.

use std::fmt;

/// A table of text with a line of headings.
///
/// ```
/// use cutline::report::Grid;
/// let mut grid = Grid::new(&["<name", ">size"]);
/// grid.row(["a", "1KiB"]);
/// grid.row(["snapshot", "20B"]);
/// assert_eq!(grid.to_string(), "name      size\na         1KiB\nsnapshot   20B\n");
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    left: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A grid with these headings; `<` before one puts its column to the left, `>` to the right.
    pub fn new(headings: &[&str]) -> Self {
        let name = |heading: &&str| heading.trim_start_matches(['<', '>']).to_owned();
        Self {
            left: headings.iter().map(|heading| heading.starts_with('<')).collect(),
            rows: vec![headings.iter().map(name).collect()],
        }
    }

    /// Adds a row; cells that are missing at its end stay empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.left.len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let (gap, width) = (if column == 0 { "" } else { "  " }, widths[column]);
                line +=
                    &if self.left[column] { format!("{gap}{cell:<width$}") } else { format!("{gap}{cell:>width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Shortens a name to so many characters; what is left out is in the middle, where `…` stands, because the
/// subtask is at the end.
pub fn elide(name: &str, width: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    // From an opening bracket on, if that leaves room for some of the name.
    let bracket = name.chars().rev().position(|c| c == '[').map_or(0, |n| n + 1);
    let tail = if bracket > kept / 2 { kept / 2 } else { bracket };
    let (head, tail) = (&chars[..kept - tail], &chars[chars.len() - tail..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// Breaks a text at spaces into lines of at most `width` characters, later ones indented by `indent`.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if column > indent && column + 1 + long > width {
            lines += &format!("\n{:indent$}", "");
            column = indent;
        } else if !lines.is_empty() {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += long;
    }
    lines
}

/// A text behind a start, which goes on in the column where it began, in lines of at most `width` characters.
pub fn hang(start: &str, text: &str, width: usize) -> String {
    let indent = start.chars().count();
    let text = wrap(text, width.saturating_sub(indent), 0).replace('\n', &format!("\n{:indent$}", ""));
    format!("{start}{text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_subtask() {
        assert_eq!(elide("count[2]", 12), "count[2]");
        assert_eq!(elide("source -> parse -> map[12]", 14), "source ->…[12]");
        assert_eq!(elide("a-rather-long-name", 8), "a-rathe…");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two  three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("unbreakable", 4, 2), "unbreakable");
    }
}
