//! What a single value may look like: how it is read, what the schema says about it, what a complaint says.

use std::rc::Rc;

use jsonc_parser::ast::Value;
use serde_json::{Value as Json, json};

use super::Ratio;
use super::read::{Node, quoted};
use crate::base::{Bytes, Problem, Rate, Span, nearest, parse_bytes, parse_rate, parse_span};

/// What a value may look like.
pub(super) struct Shape<T> {
    sample: Box<dyn Fn() -> T>,
    schema: Box<dyn Fn() -> Json>,
    read: Box<Read<T>>,
}

type Read<T> = dyn Fn(&Node<'_>) -> Result<T, Problem>;

impl<T: 'static> Shape<T> {
    pub fn new(
        sample: impl Fn() -> T + 'static,
        schema: impl Fn() -> Json + 'static,
        read: impl Fn(&Node<'_>) -> Result<T, Problem> + 'static,
    ) -> Self {
        Self { sample: Box::new(sample), schema: Box::new(schema), read: Box::new(read) }
    }

    /// The same values, made into something else.
    pub fn map<U: 'static>(self, into: impl Fn(T) -> U + 'static) -> Shape<U> {
        let into = Rc::new(into);
        let (same, sample, read) = (into.clone(), self.sample, self.read);
        Shape {
            sample: Box::new(move || same(sample())),
            schema: self.schema,
            read: Box::new(move |n| read(n).map(&*into)),
        }
    }

    /// Only values that keep a rule, which `allowed` states.
    pub fn that(self, keeps: fn(&T) -> bool, allowed: &'static str) -> Self {
        let read = self.read;
        let checked = move |node: &Node<'_>| match read(node)? {
            value if keeps(&value) => Ok(value),
            _ => Err(node.wrong(format!("write {allowed}"))),
        };
        Self { read: Box::new(checked), ..self }
    }

    /// Or this word, which stands for a value.
    pub fn or_word(self, word: &'static str, value: T) -> Self
    where
        T: Clone,
    {
        let fits = move |node: &Node<'_>| node.value.as_string_lit().is_some_and(|text| text.value == word);
        let constant = Shape::new(|| unreachable!(), move || json!({"const": word}), move |_| Ok(value.clone()));
        self.or_else(format!("{word:?}"), fits, constant)
    }

    /// Or an object.
    pub fn or_object(self, example: &str, object: Shape<T>) -> Self {
        self.or_else(format!("an object such as {example}"), |node| node.value.as_object().is_some(), object)
    }

    fn or_else(self, what: String, fits: impl Fn(&Node<'_>) -> bool + 'static, other: Shape<T>) -> Self {
        let (schema, read) = (self.schema, self.read);
        let either = move || json!({"anyOf": [schema(), (other.schema)()]});
        let read = move |node: &Node<'_>| {
            if fits(node) {
                return (other.read)(node);
            }
            read(node).map_err(|problem| {
                let allowed = format!("{}, or {what}", problem.allowed);
                Problem { allowed, ..problem }
            })
        };
        Self { sample: self.sample, schema: Box::new(either), read: Box::new(read) }
    }
}

impl<T> Shape<T> {
    /// Some value that has this shape.
    pub fn sample(&self) -> T {
        (self.sample)()
    }

    /// What the JSON Schema says.
    pub fn schema(&self) -> Json {
        (self.schema)()
    }

    /// Reads it, or says what is wrong.
    pub fn read(&self, node: &Node<'_>) -> Result<T, Problem> {
        (self.read)(node)
    }
}

/// Any text.
pub(super) fn text() -> Shape<String> {
    scalar(json!({"type": "string"}), "text in double quotes", String::new, |text| Ok(text.to_owned()))
}

/// Text for which `parse` may say what else should be written.
pub(super) fn text_like<T: 'static>(
    pattern: &'static str,
    what: &str,
    sample: fn() -> T,
    parse: impl Fn(&str) -> Result<T, String> + 'static,
) -> Shape<T> {
    scalar(json!({"type": "string", "pattern": pattern}), what, sample, parse)
}

/// A length of time; zero may be written without a unit.
pub(super) fn time() -> Shape<Span> {
    const PATTERN: &str = r"^(0|[0-9]+(\.[0-9]+)? *(ns|us|ms|s|min|h))$";
    text_like(PATTERN, &what(parse_span), Span::default, |text| match text {
        "0" => Ok(Span::ZERO),
        text => parse_span(text).map_err(write),
    })
}

/// A length of time above zero.
pub(super) fn some_time() -> Shape<Span> {
    time().that(|span| *span > Span::ZERO, "a time above zero")
}

/// A size.
pub(super) fn size() -> Shape<Bytes> {
    const PATTERN: &str = r"^[0-9]+(\.[0-9]+)? *([kKMGT]?B|[KMGT]iB)$";
    text_like(PATTERN, &what(parse_bytes), Bytes::default, |text| parse_bytes(text).map_err(write))
}

/// A size that may be multiplied by a number of records or keys.
pub(super) fn small_size() -> Shape<Bytes> {
    size().that(|size| size.0 <= 1 << 30, "a size of at most \"1GiB\"")
}

/// The size of a record.
pub(super) fn record_size() -> Shape<Bytes> {
    size().that(|size| (1..=1 << 30).contains(&size.0), "a size from \"1B\" to \"1GiB\"")
}

/// A rate above zero.
pub(super) fn rate() -> Shape<Rate> {
    const PATTERN: &str = r"^[0-9]+(\.[0-9]+)? *([kMG]|[kKMGT]?B|[KMGT]iB)?/s$";
    text_like(PATTERN, &what(parse_rate), Rate::default, |text| parse_rate(text).map_err(write))
        .that(|rate| rate.0 > 0, "a rate above zero")
}

/// A whole number within limits.
pub(super) fn whole(min: u64, max: u64) -> Shape<u64> {
    let mut schema = json!({"type": "integer", "minimum": min});
    let mut what = format!("a whole number, {min} or more");
    if max < u64::MAX {
        schema["maximum"] = json!(max);
        what = format!("a whole number from {min} to {max}");
    }
    let allowed = write(&what);
    scalar(
        schema,
        &what,
        move || min,
        move |text| {
            let number = text.parse().ok().filter(|n| (min..=max).contains(n));
            number.ok_or_else(|| match max == u64::MAX && text.bytes().all(|b| b.is_ascii_digit()) && text.len() > 19 {
                true => write("a whole number below 2^64"),
                false => allowed.clone(),
            })
        },
    )
}

/// A whole number within limits, a smaller one.
pub(super) fn count(min: u32, max: u32) -> Shape<u32> {
    let max = if max == u32::MAX { u64::MAX } else { max.into() };
    whole(min.into(), max.min(u32::MAX.into())).map(|n| n as u32)
}

/// `true` or `false`.
pub(super) fn flag() -> Shape<bool> {
    scalar(json!({"type": "boolean"}), "true or false", || false, |text| Ok(text == "true"))
}

/// One of a few words, each of which stands for a value.
pub(super) fn one_of<T: Clone + 'static>(words: Vec<(&'static str, T)>) -> Shape<T> {
    let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
    let (what, sample) = (format!("one of {}", names.join(", ")), words[0].1.clone());
    let allowed = names.join(", ");
    scalar(
        json!({"type": "string", "enum": names}),
        &what,
        move || sample.clone(),
        move |text| {
            let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| value.clone());
            found.ok_or_else(|| match nearest(text, words.iter().map(|(name, _)| *name)) {
                Some(near) if words.len() > 12 => format!("did you mean {near:?}?"),
                Some(near) => format!("did you mean {near:?}? It is one of {allowed}"),
                None => format!("write one of {allowed}"),
            })
        },
    )
}

/// Outputs per input: a number, a fraction or a percentage.
pub(super) fn ratio() -> Shape<Ratio> {
    const WHAT: &str = "a number, a fraction such as \"1/3\" or a percentage such as \"50%\"";
    let pattern = r"^([0-9]+/[0-9]+|[0-9]+(\.[0-9]+)?%?)$";
    let schema = json!({"type": ["number", "string"], "minimum": 0, "pattern": pattern});
    scalar(
        schema,
        WHAT,
        || Ratio { outputs: 1, inputs: 1 },
        |text| {
            let (outputs, inputs) = if let Some((outputs, inputs)) = text.split_once('/') {
                (digits(outputs.trim()), digits(inputs.trim()))
            } else if let Some(percent) = text.strip_suffix('%') {
                decimal(percent).map(|(part, whole)| (part, whole * 100)).unzip()
            } else {
                decimal(text).unzip()
            };
            match outputs.zip(inputs) {
                Some((_, 0)) => Err("the number after the \"/\" must be 1 or more".to_owned()),
                Some((outputs, inputs)) => reduced(outputs, inputs).ok_or_else(|| write(WHAT) + ", with fewer digits"),
                None => Err(write(WHAT)),
            }
        },
    )
}

/// A whole percentage, above zero.
pub(super) fn percent() -> Shape<u32> {
    const WHAT: &str = "a whole percentage from \"1%\" to \"100%\"";
    text_like(
        "^([1-9][0-9]?|100)%$",
        WHAT,
        || 1,
        |text| {
            let number = text.strip_suffix('%').and_then(digits).filter(|percent| (1..=100).contains(percent));
            number.map(|percent| percent as u32).ok_or_else(|| write(WHAT))
        },
    )
}

/// A list.
pub(super) fn list<T: 'static>(each: Shape<T>) -> Shape<Vec<T>> {
    let Shape { schema, read, .. } = each;
    Shape::new(
        Vec::new,
        move || json!({"type": "array", "items": schema()}),
        move |node| {
            let list = node.value.as_array().ok_or_else(|| node.wrong("write a list […]"))?;
            (0..list.elements.len()).filter_map(|n| node.element(n)).map(|element| read(&element)).collect()
        },
    )
}

/// A value that is not a list or an object. The schema says which JSON types it has; `parse` gets the text
/// of any of them and may say what to do about it.
pub(super) fn scalar<T: 'static>(
    schema: Json,
    what: &str,
    sample: impl Fn() -> T + 'static,
    parse: impl Fn(&str) -> Result<T, String> + 'static,
) -> Shape<T> {
    let what = what.to_owned();
    let types = schema["type"].to_string();
    let read = move |node: &Node<'_>| {
        let text = match node.value {
            Value::StringLit(text) if types.contains("string") => &*text.value,
            Value::NumberLit(number) if types.contains("number") || types.contains("integer") => number.value,
            Value::BooleanLit(flag) if types.contains("boolean") => ["false", "true"][usize::from(flag.value)],
            _ => return Err(node.wrong(format!("write {what}"))),
        };
        parse(text).map_err(|allowed| node.wrong(allowed))
    };
    Shape::new(sample, move || schema.clone(), read)
}

fn write(what: impl AsRef<str>) -> String {
    format!("write {}", what.as_ref())
}

/// What a parser of [`crate::base`] says is allowed.
fn what<T>(parse: fn(&str) -> Result<T, String>) -> String {
    parse("").err().unwrap_or_default()
}

/// A decimal number as a fraction of whole numbers.
fn decimal(text: &str) -> Option<(u64, u64)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let (above, below) = (digits(whole)?, digits(part)?);
    let power = 10u64.pow(part.len() as u32);
    Some((above * power + below, power))
}

/// A whole number of at most nine digits and nothing else.
fn digits(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn reduced(outputs: u64, inputs: u64) -> Option<Ratio> {
    let (mut a, mut b) = (outputs, inputs);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    Some(Ratio { outputs: u32::try_from(outputs / a).ok()?, inputs: u32::try_from(inputs / a).ok()? })
}

/// The sentence for a name that is not one of those that exist.
pub(super) fn choose(wrong: &str, what: &str, valid: &[&str]) -> String {
    match nearest(wrong, valid.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if valid.is_empty() => format!("there are no {what}"),
        None => format!("the {what} are {}", valid.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    }
}
