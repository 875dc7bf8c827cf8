//! From text to a checked [`Scenario`], or to the one [`Problem`] that stands in the way.

use std::path::Path;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind as Kind};
use jsonc_parser::{ParseOptions, parse_to_ast};

use super::decode;
use super::fits::fits;
use super::object::record;
use super::phases::changed;
use super::{Phase, Scenario, check};
use crate::base::{Place, Problem};

/// Reads a scenario and checks it. `file` is only named in complaints, and names a scenario without a name.
///
/// ```
/// let text = r#"{
///   "cutline": 1,
///   "job": {
///     "operators": [{"id": "in", "kind": "source", "rate": "1k/s"}, {"id": "out", "kind": "sink"}],
///     "edges": [{"from": "in", "to": "out"}]},
///   "checkpoints": {"intervall": "250ms"}
/// }"#;
/// let problem = cutline::scenario::parse(text, "demo.json").unwrap_err();
/// assert_eq!(
///     problem.to_string(),
///     r#"demo.json:6:19: checkpoints: there is no field "intervall" here; did you mean "interval"?"#
/// );
/// ```
pub fn parse(text: &str, file: &str) -> Result<Scenario, Problem> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read(text, file).map_err(|problem| problem.in_file(file))
}

fn read(text: &str, file: &str) -> Result<Scenario, Problem> {
    let root = syntax(text)?;
    let positions = Positions::of(text);
    let node = Node::root(&root, &positions);
    if let Some(version) = node.child("cutline") {
        decode::version().read(&version)?;
    }
    let mut scenario = decode::scenario().read(&node)?;
    if scenario.name.is_empty() {
        let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        scenario.name = stem.unwrap_or_else(|| "scenario".to_owned());
    }
    check(&scenario).map_err(|problem| located(problem, &node))?;
    scenario.then = phases(&scenario, &node)?;
    Ok(scenario)
}

/// The phases that follow, each read as a file of its own.
fn phases(first: &Scenario, node: &Node<'_>) -> Result<Vec<Phase>, Problem> {
    let (Some(then), mut file) = (node.child("then"), node.value.clone()) else { return Ok(Vec::new()) };
    let mut all: Vec<Phase> = Vec::new();
    for n in 0.. {
        let Some(turn) = then.element(n) else { break };
        let change = turn.child("change");
        file = changed(&file, change.as_ref().map(|change| change.value));
        let root = Node { value: &file, place: turn.place.clone(), positions: node.positions };
        let decode::Turn { why, from, pause, drops_state, place } = record(decode::phase).read(&turn)?;
        // Paths say what the job is after the change; lines, where that is written.
        let mut scenario =
            decode::scenario().read(&Node { place: Place { path: String::new(), ..turn.place }, ..root })?;
        check(&scenario).map_err(|problem| located(problem, &Node { value: &file, ..node.clone() }))?;
        scenario.name = format!("{}, phase {}", first.name, n + 2);
        scenario.why.clone_from(&why);
        let before = all.last().map_or(first, |phase| &phase.scenario);
        let phase = Phase { why, from, pause, drops_state, scenario: scenario.into(), place };
        fits(before, &phase)?;
        all.push(phase);
    }
    Ok(all)
}

/// Gives a complaint that only knows the path of a field the line and column where that field is written.
fn located(mut problem: Problem, root: &Node<'_>) -> Problem {
    let place = problem.place.get_or_insert_default();
    let mut node = root.clone();
    for step in place.path.split(['.', '[']) {
        let child = match step.strip_suffix(']') {
            Some(index) => index.parse().ok().and_then(|index| node.element(index)),
            None => node.child(step),
        };
        // What was left out is reported where it is missing.
        let Some(child) = child else { break };
        node = child;
    }
    (place.line, place.column) = (node.place.line, node.place.column);
    problem
}

/// A value in the text, and where it is.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub value: &'a Value<'a>,
    pub place: Place,
    pub positions: &'a Positions<'a>,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value<'a>, positions: &'a Positions<'a>) -> Self {
        Self { value, place: positions.place(value.start(), String::new()), positions }
    }

    /// The value of a field, if this is an object that has it.
    pub fn child(&self, name: &str) -> Option<Node<'a>> {
        let property = self.value.as_object()?.properties.iter().find(|p| p.name.as_str() == name)?;
        Some(self.at(&property.value, joined(&self.place.path, name)))
    }

    /// An element, if this is a list that has it.
    pub fn element(&self, index: usize) -> Option<Node<'a>> {
        let value = self.value.as_array()?.elements.get(index)?;
        Some(self.at(value, format!("{}[{index}]", self.place.path)))
    }

    fn at(&self, value: &'a Value<'a>, path: String) -> Node<'a> {
        Node { value, place: self.positions.place(value.start(), path), positions: self.positions }
    }

    /// What is written here, in a few words.
    pub fn found(&self) -> String {
        match self.value {
            Value::StringLit(text) => format!("found {}", quoted(&text.value)),
            Value::NumberLit(number) => format!("found the number {}", number.value),
            Value::BooleanLit(flag) => format!("found {}", flag.value),
            Value::Object(_) => "found an object".to_owned(),
            Value::Array(_) => "found a list".to_owned(),
            Value::NullKeyword(_) => "found null".to_owned(),
        }
    }

    /// The complaint that something else should be written here.
    pub fn wrong(&self, allowed: impl Into<String>) -> Problem {
        Problem::at(self.place.clone(), self.found(), allowed)
    }
}

/// Turns offsets in the text into lines and columns.
pub(super) enum Positions<'a> {
    /// The text, and where each line begins.
    Text(&'a str, Vec<usize>),
    /// A value that is not in the text (a default) is wherever it would have been.
    Elsewhere(Place),
}

impl<'a> Positions<'a> {
    pub fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        Self::Text(text, starts.collect())
    }

    pub fn place(&self, offset: usize, path: String) -> Place {
        match self {
            Self::Elsewhere(place) => Place { path, ..place.clone() },
            Self::Text(text, starts) => {
                let line = starts.partition_point(|start| *start <= offset);
                let column = text[starts[line - 1]..offset].chars().count() + 1;
                Place { line: line as u32, column: column as u32, path }
            }
        }
    }
}

/// The path of a field. Names that are no words are quoted, so that a path stays readable and on one line.
pub(super) fn joined(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (path.is_empty(), plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{}]", quoted(name)),
    }
}

/// In quotes, on one line, and not endless.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let begin: String = text.chars().take(LONGEST).collect();
    format!("{:?}", begin + "…")
}

/// Strict JSON: what a file says must be the same for every tool that reads it.
pub(super) fn syntax(text: &str) -> Result<Value<'_>, Problem> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &Default::default(), &strict).map_err(|error| not_json(&error, text))?;
    parsed.value.ok_or_else(|| {
        let place = Place { line: 1, column: 1, path: String::new() };
        Problem::at(place, "the file is empty", "a scenario is a JSON object; `cutline new` writes one to start from")
    })
}

fn not_json(error: &ParseError, text: &str) -> Problem {
    let place = Place { line: error.line_display() as u32, column: error.column_display() as u32, path: String::new() };
    let unclosed = match error.kind() {
        Kind::UnterminatedObject => Some(("object", "}")),
        Kind::UnterminatedArray => Some(("list", "]")),
        _ => None,
    };
    // Where it begins is known, where it should have ended is not; the end of the file is nearer to that.
    if let Some((what, end)) = unclosed {
        let found = format!("the file ends inside the {what} that begins in line {}", place.line);
        let place = Positions::of(text).place(text.trim_end().len(), String::new());
        return Problem::at(place, found, format!("a {end:?} is missing, here or before"));
    }
    let (found, allowed) = match error.kind() {
        Kind::CommentsNotAllowed => {
            ("JSON has no comments", "explain things in \"why\" fields: every object may have one")
        }
        Kind::TrailingCommasNotAllowed => ("a comma after the last entry", "remove it"),
        Kind::ExpectedComma => ("there is no comma between two entries", "put one here"),
        Kind::ExpectedStringObjectProperty => ("a field's name without quotes", "put it in double quotes"),
        Kind::SingleQuotedStringsNotAllowed => ("text in single quotes", "use double quotes"),
        Kind::ExpectedColonAfterObjectKey => ("there is no colon after a field's name", "write \"name\": value"),
        Kind::ExpectedObjectValue => ("a field without a value", "write \"name\": value"),
        Kind::MultipleRootJsonValues => ("something follows the end of the scenario", "a file holds one JSON object"),
        Kind::UnexpectedWord => ("a word without quotes", "put text in double quotes"),
        Kind::UnexpectedTokenInObject => {
            ("what stands here is no field", "write \"name\": value, with one comma between")
        }
        Kind::UnexpectedToken => {
            ("this does not belong here", "a quote, comma or bracket is missing or one too many, here or before")
        }
        Kind::NestingDepthExceeded => ("objects or lists are nested hundreds deep", "a scenario needs six levels"),
        _ => ("", ""),
    };
    match found {
        "" => Problem::at(place, "this is not JSON", error.kind().to_string().to_lowercase()),
        _ => Problem::at(place, found, allowed),
    }
}
