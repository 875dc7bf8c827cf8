//! How a job keeps its keyed state: the kinds of backends, and which of their settings is whose.

use serde_json::Value as Json;

use super::lean::{lean, meaning};
use super::object::{Object, record};
use super::shape::{count, one_of, rate, size, some_time};
use super::write::{Fields, bandwidth};
use crate::base::{Bytes, Problem, Rate, Span};

/// How all subtasks of a job keep their state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The mechanism.
    pub kind: BackendKind,
    /// At which a snapshot's synchronous part copies the table; `Rate(0)`: it costs nothing.
    pub copy: Rate,
    /// At which the whole state is read for a snapshot; `Rate(0)`: the storage alone decides.
    pub serialize: Rate,
    /// Changes of one operator that are kept in memory before they become a file.
    pub memtable: Bytes,
    /// At which a snapshot's synchronous part writes what is in memory to a file; `Rate(0)`: it costs nothing.
    pub flush: Rate,
    /// So many files are merged into one.
    pub compact_at: u32,
    /// From one materialisation to the next.
    pub materialize: Span,
    /// At which a restored task applies its log; `Rate(0)`: it costs nothing.
    pub replay: Rate,
}

/// The mechanisms of backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendKind {
    /// A table in memory.
    #[default]
    Heap,
    /// Sorted files, all of them scanned for a snapshot.
    LsmFull,
    /// Sorted files, of which a snapshot stores those that are new.
    LsmIncremental,
    /// A table in memory and a log of what was changed in it.
    Changelog,
    /// Sorted files that are in the storage from the beginning.
    Disaggregated,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Heap, Self::LsmFull, Self::LsmIncremental, Self::Changelog, Self::Disaggregated];

    /// What scenarios call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::LsmFull => "lsm-full",
            Self::LsmIncremental => "lsm-incremental",
            Self::Changelog => "changelog",
            Self::Disaggregated => "disaggregated",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The settings that mean something for it.
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Heap => &["copy", "serialize"],
            Self::LsmFull => &["serialize"],
            Self::LsmIncremental | Self::Disaggregated => &["memtable", "flush", "compact_at"],
            Self::Changelog => &["materialize", "replay"],
        }
    }
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            kind: BackendKind::Heap,
            copy: Rate(0),
            serialize: Rate(0),
            memtable: Bytes(64 << 20),
            flush: Rate(500_000_000),
            compact_at: 4,
            materialize: Span::from_secs(600),
            replay: Rate(100_000_000),
        }
    }
}

pub(super) fn backend(o: &mut Object<'_>) -> Result<Backend, Problem> {
    let kinds = BackendKind::ALL.map(|kind| (kind.name(), kind)).to_vec();
    let limited = || rate().or_word("unlimited", Rate(0));
    let kind = o.field("kind", "The mechanism; `cutline list backends` says more.", one_of(kinds)).or("heap")?;
    fits_kind(o, kind)?;
    let some_size = size().that(|size| size.0 > 0, "a size of a byte or more");
    Ok(Backend {
        kind,
        copy: o
            .field("copy", "Heap. At which the synchronous part of a snapshot copies the table.", limited())
            .or("unlimited")?,
        serialize: o
            .field("serialize", "Heap, lsm-full. At which the whole state is read for a snapshot.", limited())
            .or("unlimited")?,
        memtable: o
            .field(
                "memtable",
                "Lsm-incremental, disaggregated. Changes of an operator that are kept in memory before they become a \
                 file; writing it then costs the task no time.",
                some_size,
            )
            .or("64MiB")?,
        flush: o
            .field(
                "flush",
                "Lsm-incremental, disaggregated. At which the synchronous part of a snapshot writes what is in memory.",
                limited(),
            )
            .or("500MB/s")?,
        compact_at: o
            .field(
                "compact_at",
                "Lsm-incremental, disaggregated. So many files of an operator are merged into one.",
                count(2, 1 << 16),
            )
            .or(4)?,
        materialize: o
            .field("materialize", "Changelog. From one materialisation of the table to the next.", some_time())
            .or("10min")?,
        replay: o.field("replay", "Changelog. At which a restored task applies its log.", limited()).or("100MB/s")?,
    })
}

/// That no setting is there that means nothing for this kind.
fn fits_kind(o: &Object<'_>, kind: BackendKind) -> Result<(), Problem> {
    for field in BackendKind::ALL.iter().flat_map(|kind| kind.settings()) {
        let homes: Vec<&str> =
            BackendKind::ALL.iter().filter(|kind| kind.settings().contains(field)).map(|kind| kind.name()).collect();
        if o.written(field).is_some() && !kind.settings().contains(field) {
            let found = format!("the kind is {}, and \"{field}\" belongs to {}", kind.name(), homes.join(" and "));
            return Err(o.wrong(field, found, format!("leave it out, or write \"kind\": \"{}\"", homes[0])));
        }
    }
    Ok(())
}

/// As it would be written, without what holds anyway.
pub(super) fn written(backend: &Backend) -> Json {
    let Backend { kind, copy, serialize, memtable, flush, compact_at, materialize, replay } = backend;
    let own = |name: &str, value: Json| kind.settings().contains(&name).then_some(value);
    let all = Fields::default()
        .put("kind", kind.name())
        .some("copy", own("copy", bandwidth(*copy).into()))
        .some("serialize", own("serialize", bandwidth(*serialize).into()))
        .some("memtable", own("memtable", memtable.exact().into()))
        .some("flush", own("flush", bandwidth(*flush).into()))
        .some("compact_at", own("compact_at", (*compact_at).into()))
        .some("materialize", own("materialize", materialize.exact().into()))
        .some("replay", own("replay", bandwidth(*replay).into()))
        .done();
    let shape = record(self::backend);
    lean(all, |json| meaning(json, &shape))
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Backend, parse};

    fn with(backend: &str) -> String {
        format!(
            r#"{{"cutline": 1,
  "job": {{"operators": [{{"id": "in", "kind": "source", "rate": "1k/s"}}, {{"id": "out", "kind": "sink"}}],
    "edges": [{{"from": "in", "to": "out"}}]}},
  "backend": {backend}}}"#
        )
    }

    fn told(backend: &str) -> String {
        parse(&with(backend), "b.json").expect_err("it is wrong").to_string()
    }

    #[test]
    fn a_setting_of_another_kind_is_refused() {
        assert_eq!(
            told(r#"{"kind": "changelog", "memtable": "1MB"}"#),
            "b.json:4:48: backend.memtable: the kind is changelog, and \"memtable\" belongs to lsm-incremental and \
             disaggregated; leave it out, or write \"kind\": \"lsm-incremental\""
        );
        let text = told(r#"{"compact_at": 4}"#);
        assert!(text.contains("the kind is heap, and \"compact_at\" belongs to lsm-incremental"), "{text}");
    }

    #[test]
    fn what_is_no_backend_and_what_is_no_setting_are_told() {
        let text = told(r#"{"kind": "lsm-incremantal"}"#);
        assert!(text.starts_with("b.json:4:23: backend.kind: "), "{text}");
        assert!(text.contains("lsm-incremental"), "{text}");
        let text = told(r#"{"kind": "lsm-incremental", "compact_at": 1}"#);
        assert!(text.starts_with("b.json:4:56: backend.compact_at: "), "{text}");
        let text = told(r#"{"kind": "lsm-incremental", "memtable": "0B"}"#);
        assert!(text.ends_with("write a size of a byte or more"), "{text}");
    }

    #[test]
    fn nothing_written_is_the_default() {
        assert_eq!(parse(&with("{}"), "b.json").expect("it is right").backend, Backend::default());
    }
}
