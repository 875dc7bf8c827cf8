//! The description of an operator: what all have, and what only some kinds have.

use serde_json::json;

use super::event_time::event_time;
use super::names::id;
use super::object::{Object, record};
use super::over_time::over_time;
use super::shape::{
    Shape, count, flag, list, one_of, percent, rate, ratio, record_size, size, small_size, some_time, time, whole,
};
use super::{
    Assignment, Keys, OnExpired, Operator, PARALLELISM_MAX, Ratio, SinkMode, Skew, SnapshotCost, Source, SourceEnd,
    StateSize, Transactions,
};
use crate::base::{Burst, Bytes, Problem};

/// A kind of operator.
pub(super) struct Kind {
    pub name: &'static str,
    /// How many inputs it has.
    pub inputs: Inputs,
    /// Whether its state is kept by key, so that its inputs are partitioned by key.
    pub keyed: bool,
    /// Records out per record in, if nothing is said; `None`: it has no such thing.
    pub selectivity: Option<Ratio>,
}

/// How many inputs a kind of operator has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inputs {
    None,
    /// One, or the union of several.
    Any,
    Two,
}

/// The kinds of operators.
pub(super) struct Kinds(&'static [Kind]);

const ONE: Option<Ratio> = Some(Ratio { outputs: 1, inputs: 1 });

pub(super) const KINDS: Kinds = Kinds(&[
    Kind { name: "source", inputs: Inputs::None, keyed: false, selectivity: None },
    Kind { name: "map", inputs: Inputs::Any, keyed: false, selectivity: ONE },
    Kind { name: "filter", inputs: Inputs::Any, keyed: false, selectivity: Some(Ratio { outputs: 1, inputs: 2 }) },
    Kind { name: "flat-map", inputs: Inputs::Any, keyed: false, selectivity: Some(Ratio { outputs: 2, inputs: 1 }) },
    Kind { name: "count", inputs: Inputs::Any, keyed: true, selectivity: ONE },
    Kind { name: "join", inputs: Inputs::Two, keyed: true, selectivity: ONE },
    Kind { name: "sink", inputs: Inputs::Any, keyed: false, selectivity: None },
    Kind { name: "committer", inputs: Inputs::Any, keyed: false, selectivity: None },
    Kind { name: "window", inputs: Inputs::Any, keyed: true, selectivity: None },
    Kind { name: "window-join", inputs: Inputs::Two, keyed: true, selectivity: None },
    Kind { name: "interval-join", inputs: Inputs::Two, keyed: true, selectivity: None },
    Kind { name: "timeout", inputs: Inputs::Any, keyed: true, selectivity: None },
]);

impl Kinds {
    /// The kind of this name.
    pub fn get(&self, name: &str) -> &'static Kind {
        self.0.iter().find(|kind| kind.name == name).unwrap_or(&self.0[0])
    }

    pub fn keyed(&self, name: &str) -> bool {
        self.get(name).keyed
    }
}

const SOURCE_ONLY: &[&str] =
    &["partitions", "records", "rate", "burst", "keys", "size", "end", "replayable", "assignment", "event_time"];
const SINK_ONLY: &[&str] = &["output", "transaction_timeout", "on_expired"];
const NOT_AT_THE_ENDS: &[&str] = &["selectivity", "rekey", "output_size"];
const KEYS_MAX: u32 = 1 << 24;

pub(super) fn operator(o: &mut Object<'_>) -> Result<Operator, Problem> {
    let id = o.field("id", "A name of its own, by which edges and faults call it.", id()).required()?;
    let names = KINDS.0.iter().map(|kind| (kind.name, kind.name)).collect();
    let kind = o.field("kind", "What it does.", one_of(names)).required()?;
    let kind = KINDS.get(kind);
    let parallelism = o.field("parallelism", "How many subtasks.", count(1, PARALLELISM_MAX)).or(1)?;
    let service = o.field("service", "Thread time per record.", some_time()).or("1us")?;
    let source = source(o, parallelism)?;
    let selectivity = o.field(
        "selectivity",
        "Records out per record in; by default 50% for a filter, 2 for a flat-map, else 1. Not for sources and sinks.",
        ratio(),
    );
    let selectivity = selectivity.optional()?.or(kind.selectivity).unwrap_or(Ratio { outputs: 1, inputs: 1 });
    let rekey = o.field("rekey", "Each output gets a new key, out of so many.", count(1, KEYS_MAX)).optional()?;
    let output_size =
        o.field("output_size", "Size of an output record; the input's if left out.", record_size()).optional()?;
    let (sink, transactions) = sink(o)?;
    let per_key = if kind.keyed { Bytes(100) } else { Bytes(0) };
    let state = o.field("state", "State of one subtask.", record(state)).or(json!({}))?;
    let state = StateSize { base: state.base, per_key: state.per_key.unwrap_or(per_key), per_record: state.per_record };
    let snapshot = o.field("snapshot", "What a snapshot of one subtask costs.", record(snapshot)).or(json!({}))?;
    let over_time = over_time(o, kind.name)?;
    let on = o.field("on", "The task manager of each subtask, from 0.", list(count(0, u32::MAX))).optional()?;
    fits_kind(o, kind)?;
    is_finite(o, &source)?;
    Ok(Operator {
        id,
        kind: kind.name.to_owned(),
        parallelism,
        service,
        selectivity,
        rekey,
        output_size,
        state,
        snapshot,
        source: (kind.name == "source").then_some(source),
        sink,
        transactions,
        on,
        over_time,
        place: o.place(),
    })
}

/// That no field is there that means nothing for this kind.
fn fits_kind(o: &Object<'_>, kind: &Kind) -> Result<(), Problem> {
    let refused = |names: &[&'static str], why: &str| match names.iter().find(|name| o.written(name).is_some()) {
        Some(name) => Err(o.wrong(name, format!("{why} \"{name}\""), "leave it out")),
        None => Ok(()),
    };
    let name = kind.name;
    if name != "source" {
        refused(SOURCE_ONLY, &format!("this is a {name}, and only a source has"))?;
    }
    if name != "sink" {
        refused(SINK_ONLY, &format!("this is a {name}, and only a sink has"))?;
    }
    let (article, no) = (if name.starts_with('i') { "an" } else { "a" }, "has no");
    match kind.selectivity {
        Some(_) => {}
        None if kind.keyed => refused(&NOT_AT_THE_ENDS[..1], &format!("{article} {name} {no}"))?,
        None => refused(NOT_AT_THE_ENDS, &format!("{article} {name} {no}"))?,
    }
    Ok(())
}

fn sink(o: &mut Object<'_>) -> Result<(SinkMode, Transactions), Problem> {
    let outputs = vec![
        ("plain", SinkMode::Plain),
        ("two-phase", SinkMode::TwoPhase),
        ("idempotent", SinkMode::Idempotent),
        ("offsets", SinkMode::Offsets),
        ("committables", SinkMode::Committables),
    ];
    let sink = o.field(
        "output",
        "Sinks only. Seen outside at once (plain, idempotent), when the checkpoint that covers it completes (two-phase, \
         committables: through a committer), or at the barrier with how far it has got (offsets); by default two-phase.",
        one_of(outputs),
    );
    let sink = sink.optional()?.unwrap_or(SinkMode::TwoPhase);
    let timeout = o.field(
        "transaction_timeout",
        "Sinks only. The external system aborts transactions that are older; never if left out.",
        some_time(),
    );
    let timeout = timeout.optional()?;
    let words = vec![("lose", OnExpired::Lose), ("fail", OnExpired::Fail)];
    let on_expired = o.field(
        "on_expired",
        "Sinks only. What it does when it is to commit a transaction that was aborted so: go on without what was in it \
         (lose, as by default), or fail.",
        one_of(words),
    );
    let on_expired = on_expired.optional()?;
    if timeout.is_some() && !sink.commits() {
        let found = "a transaction timeout, and this sink has no transactions";
        return Err(o.wrong("transaction_timeout", found, "leave it out, or write \"output\": \"two-phase\""));
    }
    if on_expired.is_some() && timeout.is_none() {
        return Err(o.wrong("on_expired", "transactions that never expire", "add \"transaction_timeout\""));
    }
    Ok((sink, Transactions { timeout, on_expired: on_expired.unwrap_or_default() }))
}

/// That splits come to an end.
fn is_finite(o: &Object<'_>, source: &Source) -> Result<(), Problem> {
    match source.assignment == Assignment::Dynamic && source.records.is_none() && o.is_written() {
        true => Err(o.wrong(
            "assignment",
            "splits of an endless source: the first ones would be read for ever",
            "add \"records\", or leave \"assignment\" out",
        )),
        false => Ok(()),
    }
}

fn source(o: &mut Object<'_>, parallelism: u32) -> Result<Source, Problem> {
    let partitions = o.field(
        "partitions",
        "Sources only. Partitions of the log it reads; by default one for each subtask.",
        count(1, 1 << 20),
    );
    let partitions = partitions.optional()?.unwrap_or(parallelism);
    let records = o.field("records", "Sources only. All partitions together; endless if left out.", whole(0, 1 << 48));
    let records = records.optional()?;
    let rate = o.field(
        "rate",
        "Sources only. Arrival of new records, all partitions together; all are there from the start if left out.",
        rate(),
    );
    let rate = rate.optional()?;
    let burst = o.field("burst", "Sources only. Regular stretches of a higher rate.", record(burst)).optional()?;
    if rate.is_none() && burst.is_some() {
        return Err(o.wrong("burst", "a burst multiplies the rate, and there is none", "add \"rate\""));
    }
    let ends = vec![("finishes", SourceEnd::Finishes), ("idles", SourceEnd::Idles)];
    let assignments = vec![("static", Assignment::Static), ("dynamic", Assignment::Dynamic)];
    let assignment = o.field(
        "assignment",
        "Sources only. Each subtask has its share of the partitions, or they are splits that an enumerator hands out one \
         after the other.",
        one_of(assignments),
    );
    let assignment = assignment.or("static")?;
    let event_time = event_time(o, rate.is_some())?;
    Ok(Source {
        partitions,
        records,
        rate,
        burst,
        keys: o.field("keys", "Sources only. How many keys, and how skewed.", keys()).or(1000)?,
        size: o.field("size", "Sources only. Size of a record on the wire.", record_size()).or("100B")?,
        end: o.field("end", "Sources only. What it does after the last record.", one_of(ends)).or("finishes")?,
        replayable: o
            .field("replayable", "Sources only. It can go back; otherwise what it has read is gone.", flag())
            .or(true)?,
        assignment,
        event_time,
    })
}

fn burst(o: &mut Object<'_>) -> Result<Burst, Problem> {
    let burst = Burst {
        every: o.field("every", "A burst begins this often, the first at once.", some_time()).required()?,
        length: o.field("length", "And lasts so long.", some_time()).required()?,
        times: o.field("times", "The rate is multiplied by this.", count(1, 1 << 20)).required()?,
    };
    match burst.length > burst.every {
        true => {
            let found = format!("a burst of {} every {} would never end", burst.length, burst.every);
            Err(o.wrong("length", found, "make it shorter than \"every\""))
        }
        false => Ok(burst),
    }
}

fn keys() -> Shape<Keys> {
    let even = count(1, KEYS_MAX).map(|count| Keys { count, skew: Skew::Even });
    let skewed = record(|o: &mut Object<'_>| {
        let keys = o.field("count", "How many keys there are.", count(1, KEYS_MAX)).required()?;
        let hot = o.field("hot", "So many of them are hot.", count(1, KEYS_MAX)).optional()?;
        let share = o.field("share", "The hot keys' share of the records.", percent()).optional()?;
        let zipf = o.field("zipf", "Key k in proportion to 1 / k.", flag()).or(false)?;
        let skew = match (hot, share, zipf) {
            (None, None, false) => Skew::Even,
            (None, None, true) => Skew::Zipf,
            (Some(hot), Some(_), false) if hot > keys => {
                return Err(o.wrong("hot", format!("{hot} hot keys out of {keys}"), format!("at most {keys}")));
            }
            (Some(keys), Some(percent), false) => Skew::Hot { keys, percent },
            (Some(_), None, false) => {
                return Err(o.wrong("hot", "\"hot\" without \"share\"", "add \"share\": \"30%\""));
            }
            (None, Some(_), false) => return Err(o.wrong("share", "\"share\" without \"hot\"", "add \"hot\": 1")),
            (_, _, true) => return Err(o.wrong("zipf", "both hot keys and \"zipf\"", "keep one")),
        };
        Ok(Keys { count: keys, skew })
    });
    even.or_object("{\"count\": 1000, \"zipf\": true}", skewed)
}

/// State whose size per key may be left to the kind of operator.
struct Written {
    base: Bytes,
    per_key: Option<Bytes>,
    per_record: Bytes,
}

fn state(o: &mut Object<'_>) -> Result<Written, Problem> {
    let whole_state = size().that(|size| size.0 <= 1 << 50, "a size of at most \"1024TiB\"");
    Ok(Written {
        base: o.field("size", "There from the beginning.", whole_state).or("0B")?,
        per_key: o
            .field("per_key", "For every distinct key; by default 100B in count and join, else 0B.", small_size())
            .optional()?,
        per_record: o.field("per_record", "For every record.", small_size()).or("0B")?,
    })
}

fn snapshot(o: &mut Object<'_>) -> Result<SnapshotCost, Problem> {
    Ok(SnapshotCost {
        sync: o.field("sync", "Blocks the task.", time()).or("0s")?,
        r#async: o
            .field("async", "Runs beside it; by default as the state's size and the storage make it.", time())
            .optional()?,
    })
}
