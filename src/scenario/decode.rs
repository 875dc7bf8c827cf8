//! The description of the file: every object, every field, its documentation and its default.

use serde_json::json;

use super::fault::fault;
use super::names::{choice, id, predicate};
use super::object::{Object, entries, record};
use super::operator::{KINDS, operator};
use super::restart::restart;
use super::shape::{
    Shape, count, flag, list, one_of, percent, rate, scalar, size, some_time, text, text_like, time, whole,
};
use super::*;
use crate::base::{Bytes, Place, Problem, Rate, Span, parse_bytes, parse_rate, parse_span};

/// A whole file.
pub(super) fn scenario() -> Shape<Scenario> {
    record(|o: &mut Object<'_>| {
        o.field("cutline", "The version of the file format, which is 1.", version()).required()?;
        let scenario = Scenario {
            name: o.field("name", "A short name; the file's if left out.", text()).optional()?.unwrap_or_default(),
            why: o.field("why", "What the scenario shows.", text()).optional()?.unwrap_or_default(),
            job: o.field("job", "The dataflow.", record(job)).required()?,
            cluster: o.field("cluster", "The machines.", record(cluster)).or(json!({}))?,
            network: o.field("network", "What connects the machines.", record(network)).or(json!({}))?,
            storage: o.field("storage", "Where snapshots go.", record(storage)).or(json!({}))?,
            checkpoints: o
                .field("checkpoints", "When and how snapshots are taken.", record(checkpoints))
                .or(json!({}))?,
            restart: o.field("restart", "What happens after a failure.", record(restart)).or(json!({}))?,
            faults: o.field("faults", "What goes wrong, and when.", list(record(fault))).or(json!([]))?,
            schedule: o
                .field("schedule", "Which step to take where several are possible: a recording.", list(record(choice)))
                .or(json!([]))?,
            run: o.field("run", "Seed and length of the run.", record(run)).or(json!({}))?,
            expect: o.field("expect", "What must come out.", record(expect)).or(json!({}))?,
            external: o.field("external", "The systems that sinks write to.", record(external)).or(json!({}))?,
            backend: o
                .field("backend", "How tasks keep their state.", record(super::backend::backend))
                .or(json!({}))?,
            then: Vec::new(),
        };
        o.field("then", "How the job goes on, changed: one phase after the other.", list(record(phase)))
            .or(json!([]))?;
        o.field("$schema", "Where editors find the schema of this file; nothing else reads it.", text()).optional()?;
        Ok(scenario)
    })
}

/// A phase, all but its scenario: that is read from the file with the phase's changes in it.
pub(super) fn phase(o: &mut Object<'_>) -> Result<Turn, Problem> {
    let origins = vec![("savepoint", Origin::Savepoint), ("checkpoint", Origin::Checkpoint)];
    // What is changed is read as part of the changed file.
    o.field(
        "change",
        "What is different from the phase before: fields are replaced, null takes one away, and a list of things with \
         ids may be changed by an object with their ids.",
        anything(),
    )
    .optional()?;
    Ok(Turn {
        why: o.field("why", "Why the job is changed.", text()).optional()?.unwrap_or_default(),
        from: o
            .field(
                "from",
                "What it goes on from: the newest savepoint, or the newest complete checkpoint.",
                one_of(origins),
            )
            .or("savepoint")?,
        pause: o.field("pause", "How long nothing runs before.", time()).or("0s")?,
        drops_state: o
            .field("drop_state", "State for which there is no operator any more is dropped.", flag())
            .or(false)?,
        place: o.place(),
    })
}

/// What a phase says of itself.
pub(super) struct Turn {
    pub why: String,
    pub from: Origin,
    pub pause: Span,
    pub drops_state: bool,
    pub place: Place,
}

/// An object of which nobody has decided yet what it means.
fn anything() -> Shape<()> {
    Shape::new(
        || (),
        || json!({"type": "object"}),
        |node| match node.value.as_object() {
            Some(_) => Ok(()),
            None => Err(node.wrong("write an object with what is different from the phase before")),
        },
    )
}

/// The version of the file format.
pub(super) fn version() -> Shape<()> {
    scalar(
        json!({"type": "integer", "const": VERSION}),
        "the version, which is 1",
        || (),
        |text| match text.parse() {
            Ok(VERSION) => Ok(()),
            _ => Err(format!("this build of cutline reads version {VERSION} of the format")),
        },
    )
}

fn job(o: &mut Object<'_>) -> Result<Job, Problem> {
    let operators = o.field("operators", "The operators, in any order.", list(record(operator))).required()?;
    let edges = o.field("edges", "Who sends to whom.", list(record(edge))).required()?;
    let limit = o.field(
        "max_parallelism",
        "The number of key groups; by default 1.5 times the largest parallelism, rounded up to a power of two, \
         and 128 or more.",
        count(1, PARALLELISM_MAX),
    );
    let max_parallelism = limit.optional()?.unwrap_or_else(|| key_groups(&operators));
    let edges = edges.into_iter().map(|edge| edge.among(&operators)).collect::<Result<_, _>>()?;
    Ok(Job { operators, edges, max_parallelism })
}

/// Flink's default for the number of key groups.
pub(super) fn key_groups(operators: &[Operator]) -> u32 {
    let largest = operators.iter().map(|operator| operator.parallelism).max().unwrap_or(1);
    (largest + largest / 2).next_power_of_two().clamp(128, PARALLELISM_MAX)
}

/// An edge whose partitioner may be left to its ends.
pub(super) struct Written {
    edge: Edge,
    by: Option<Partitioner>,
    /// Where it asks for barriers that overtake, if it does so in words.
    asks: Option<Place>,
}

impl Written {
    pub fn among(self, operators: &[Operator]) -> Result<Edge, Problem> {
        let find = |id: &str| operators.iter().find(|operator| operator.id == id);
        let by = self.by.unwrap_or_else(|| match (find(&self.edge.from), find(&self.edge.to)) {
            (_, Some(to)) if KINDS.keyed(&to.kind) => Partitioner::Hash,
            (Some(from), Some(to)) if from.parallelism == to.parallelism => Partitioner::Forward,
            _ => Partitioner::Rebalance,
        });
        match self.asks {
            Some(place) if !by.lets_overtake() => {
                let able: Vec<&str> =
                    Partitioner::ALL.iter().filter(|by| by.lets_overtake()).map(|by| by.name()).collect();
                let found = format!("barriers cannot overtake on a {} edge, which this one is", by.name());
                Err(Problem::at(
                    place,
                    found,
                    format!("leave this field out, or set \"by\" to one of {}", able.join(", ")),
                ))
            }
            _ => Ok(Edge { by, ..self.edge }),
        }
    }
}

pub(super) fn edge(o: &mut Object<'_>) -> Result<Written, Problem> {
    let partitioners = Partitioner::ALL.map(|by| (by.name(), by)).to_vec();
    let from = o.field("from", "The sending operator.", id()).required()?;
    let to = o.field("to", "The receiving operator.", id()).required()?;
    let by = o.field(
        "by",
        "Which subtask gets a record; by default hash into count and join, else forward if both ends have the same \
         parallelism, else rebalance.",
        one_of(partitioners),
    );
    let by = by.optional()?;
    let chained = o.field("chained", "Both ends in one thread, without a channel.", flag()).or(false)?;
    let feedback = o.field("feedback", "Closes a cycle on purpose.", flag()).or(false)?;
    let overtaking = o
        .field(
            "overtaking",
            "Unaligned barriers may overtake data; forward, rescale and broadcast edges forbid it anyway.",
            flag(),
        )
        .or(true)?;
    let edge = Edge { from, to, by: Partitioner::Forward, chained, feedback, overtaking, place: o.place() };
    let asks = o.written("overtaking").filter(|_| overtaking);
    Ok(Written { edge, by, asks })
}

pub(super) fn cluster(o: &mut Object<'_>) -> Result<Cluster, Problem> {
    let placements = vec![("fill", Placement::Fill), ("spread", Placement::Spread)];
    let failovers = vec![("region", Failover::Region), ("full", Failover::Full)];
    Ok(Cluster {
        task_managers: o.field("task_managers", "How many machines.", count(1, 1 << 12)).or(1)?,
        slots: o.field("slots", "Slots of each; as many as needed if left out.", count(1, u32::MAX)).optional()?,
        placement: o
            .field("placement", "One task manager after the other, or round all of them.", one_of(placements))
            .or("fill")?,
        heartbeat: o
            .field("heartbeat", "A task manager that has not been heard of for so long is lost.", some_time())
            .or("50s")?,
        standby: o
            .field("standby", "Task managers that wait to take the place of a lost one.", count(0, 1 << 12))
            .or(0)?,
        replacement: o
            .field("replacement", "Until a lost task manager is replaced, if none waits.", time())
            .or("10s")?,
        takeover: o.field("takeover", "Until somebody takes over from a coordinator that is gone.", time()).or("5s")?,
        failover: o
            .field(
                "failover",
                "What restarts with a failed task: all that is connected with it, or the job.",
                one_of(failovers),
            )
            .or("region")?,
    })
}

pub(super) fn network(o: &mut Object<'_>) -> Result<Network, Problem> {
    let bandwidth = rate().or_word("unlimited", Rate(0));
    let segment = size().that(|size| (64..=1 << 30).contains(&size.0), "a size from \"64B\" to \"1GiB\"");
    let flush = time().map(Some).or_word("off", None);
    Ok(Network {
        latency: o.field("latency", "One way between two task managers.", time()).or("100us")?,
        bandwidth: o.field("bandwidth", "From one task manager to another.", bandwidth).or("1GB/s")?,
        segment: o.field("segment", "Size of a network buffer.", segment).or("32KiB")?,
        debloat: o
            .field(
                "debloat",
                "Sizes of buffers follow the throughput, up to that of a segment; without it all are as large.",
                record(debloat),
            )
            .optional()?,
        exclusive: o.field("exclusive", "Buffers that each remote channel owns.", count(1, 1 << 20)).or(2)?,
        floating: o.field("floating", "Buffers that the channels of an input share.", count(0, 1 << 20)).or(8)?,
        max_per_channel: o
            .field(
                "max_per_channel",
                "So many buffers at one output channel, the open one among them, stop the sender.",
                count(2, 1 << 20),
            )
            .or(10)?,
        overdraft: o
            .field(
                "overdraft",
                "Buffers beyond its pool that a task may take to finish a record (Flink 1.20: 5).",
                count(0, 1 << 20),
            )
            .or(20)?,
        buffer_timeout: o.field("buffer_timeout", "How often part-filled buffers are sent.", flush).or("100ms")?,
        rpc: o.field("rpc", "One way between coordinator and task.", time()).or("500us")?,
        blocked: o
            .field(
                "blocked",
                "What a sender that waits behind an aligned barrier still sends: overtaking barriers (Flink 2.3), or \
                 nothing (Flink 1.20).",
                one_of(vec![("overtaking", BlockedRule::Overtaking), ("nothing", BlockedRule::Nothing)]),
            )
            .or("overtaking")?,
    })
}

fn debloat(o: &mut Object<'_>) -> Result<Debloat, Problem> {
    let some_size = || size().that(|size| (1..=1 << 30).contains(&size.0), "a size from \"1B\" to \"1GiB\"");
    Ok(Debloat {
        target: o.field("target", "The work that should wait in an input's buffers.", some_time()).or("1s")?,
        period: o.field("period", "Between two calculations.", some_time()).or("200ms")?,
        samples: o.field("samples", "Calculations that the moving average looks back on.", count(1, 1 << 20)).or(20)?,
        threshold: o.field("threshold", "Smaller changes are not told to senders.", percent()).or("25%")?,
        min: o.field("min", "No size is smaller.", some_size()).or("256B")?,
        start: o.field("start", "The size before the first change.", some_size()).or("1KiB")?,
    })
}

pub(super) fn storage(o: &mut Object<'_>) -> Result<Storage, Problem> {
    let bandwidth = rate().or_word("unlimited", Rate(0));
    let sharing = vec![("task", Shared::Task), ("task-manager", Shared::TaskManager), ("cluster", Shared::Cluster)];
    Ok(Storage {
        bandwidth: o.field("bandwidth", "Of uploads.", bandwidth).or("1GB/s")?,
        latency: o.field("latency", "Before the first byte moves.", time()).or("1ms")?,
        shared: o
            .field(
                "shared",
                "Who shares the bandwidth: nobody (each task has it), each task manager, or the cluster.",
                one_of(sharing),
            )
            .or("task-manager")?,
        metadata: o.field("metadata", "Writing down that a checkpoint is complete.", time()).or("1ms")?,
        deletion: o
            .field(
                "deletion",
                "Deleting a checkpoint that is not needed any more; slow deletions hold back triggers.",
                time(),
            )
            .or("0s")?,
        local: o
            .field(
                "local",
                "Task managers keep a copy of their newest snapshots, and restore from it if they can.",
                flag(),
            )
            .or(false)?,
    })
}

pub(super) fn checkpoints(o: &mut Object<'_>) -> Result<Checkpoints, Problem> {
    let orders = vec![
        ("emit-then-snapshot", BarrierOrder::EmitThenSnapshot),
        ("snapshot-then-emit", BarrierOrder::SnapshotThenEmit),
    ];
    let pause = time().that(|pause| *pause <= Span::from_secs(365 * 24 * 3600), "at most \"8760h\", which is a year");
    let protocol =
        o.field("protocol", "The algorithm: its name, or an object with its parameters.", protocol()).or("aligned")?;
    let place = o.place_of("protocol");
    let checkpoints = Checkpoints {
        place: protocol.place.unwrap_or(place),
        protocol: protocol.name,
        parameters: protocol.parameters,
        interval: o.field("interval", "From trigger to trigger; none without it.", some_time()).optional()?,
        first: o
            .field(
                "first",
                "From the start to the first trigger; drawn from min_pause to interval if left out.",
                time(),
            )
            .optional()?,
        min_pause: o.field("min_pause", "From a completion to the next trigger.", pause).or("0s")?,
        timeout: o.field("timeout", "A checkpoint that takes longer is given up.", some_time()).or("10min")?,
        max_concurrent: o.field("max_concurrent", "At most so many at a time.", count(1, 1 << 16)).or(1)?,
        tolerable_failures: o
            .field("tolerable_failures", "More failures in a row fail the job.", count(0, u32::MAX))
            .or(0)?,
        retained: o.field("retained", "Complete checkpoints that are kept.", count(1, 1 << 16)).or(1)?,
        order: o
            .field(
                "order",
                "The barrier leaves before the task's own snapshot (Flink), or after it (textbook).",
                one_of(orders),
            )
            .or("emit-then-snapshot")?,
        prepare: o
            .field("prepare", "From a trigger until tasks are told: operators' coordinators, storage location.", time())
            .or("0s")?,
        after_finish: o
            .field(
                "after_finish",
                "Checkpoints go on after tasks have ended, and a task ends after one that covers all of its data.",
                flag(),
            )
            .or(true)?,
        requests: o
            .field("requests", "Checkpoints and savepoints that somebody asks for.", list(record(request)))
            .or(json!([]))?,
    };
    let idle =
        ["first", "min_pause"].into_iter().find(|name| checkpoints.interval.is_none() && o.written(name).is_some());
    match idle {
        Some(name) => Err(o.wrong(name, "there is no interval, so there are no checkpoints", "add \"interval\"")),
        None => Ok(checkpoints),
    }
}

pub(super) fn request(o: &mut Object<'_>) -> Result<Request, Problem> {
    let takes = vec![
        ("checkpoint", Take::Checkpoint),
        ("savepoint", Take::Savepoint),
        ("suspend", Take::Suspend),
        ("drain", Take::Drain),
    ];
    Ok(Request {
        at: o.field("at", "When it is asked for.", time()).required()?,
        take: o
            .field(
                "take",
                "A checkpoint, a savepoint, or a savepoint that ends the job: suspend (to be resumed) or drain (for good).",
                one_of(takes),
            )
            .required()?,
        place: o.place(),
    })
}

/// A protocol as named in the file.
struct Protocol {
    name: String,
    parameters: Vec<Parameter>,
    /// Of the name, if it is inside an object.
    place: Option<Place>,
}

fn protocol() -> Shape<Protocol> {
    let named = |name: &str| Ok(name.to_owned());
    let plain = scalar(json!({"type": "string"}), "the name of a protocol in double quotes", String::new, named);
    let plain = plain.map(|name| Protocol { name, parameters: Vec::new(), place: None });
    let full = record(|o: &mut Object<'_>| {
        let name = o.field("name", "The protocol's name; `cutline list` shows them.", text()).required()?;
        let value = scalar(
            json!({"type": ["string", "number", "boolean"]}),
            "text, a number, true or false",
            String::new,
            |text| Ok(text.to_owned()),
        );
        let parameters = o.rest("A parameter of the protocol.", value)?.into_iter();
        let parameters = parameters.map(|(name, value)| {
            let place = o.written(&name).unwrap_or_default();
            Parameter { name, value, place }
        });
        Ok(Protocol { name, parameters: parameters.collect(), place: o.written("name") })
    });
    plain.or_object(r#"{"name": "unaligned", …}"#, full)
}

pub(super) fn run(o: &mut Object<'_>) -> Result<RunFor, Problem> {
    Ok(RunFor {
        seed: o.field("seed", "Decides every draw.", whole(0, u64::MAX)).or(1)?,
        limit: o.field("limit", "Sources stop at this instant; then the job drains.", some_time()).or("1min")?,
        cancel: o
            .field(
                "cancel",
                "The job is cancelled at this instant: nothing drains, and only what is complete is left.",
                some_time(),
            )
            .optional()?,
    })
}

pub(super) fn external(o: &mut Object<'_>) -> Result<External, Problem> {
    Ok(External { latency: o.field("latency", "One way of a call to them.", time()).or("0s")? })
}

pub(super) fn expect(o: &mut Object<'_>) -> Result<Expect, Problem> {
    let verdicts = ["PASS", "FAIL", "MISS", "STUCK", "INVALID"].map(|verdict| (verdict, verdict.to_owned())).to_vec();
    const DIGEST: &str = "a digest as `cutline run` prints it: 32 hexadecimal digits";
    let digest = text_like("^[0-9a-f]{32}$", DIGEST, String::new, |text| {
        let hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| text.to_owned()).ok_or_else(|| format!("write {DIGEST}"))
    });
    let figures =
        o.field("figures", "Bounds on figures of the report, by name.", entries(record(bound))).or(json!({}))?;
    Ok(Expect {
        verdict: o.field("verdict", "How the run ends; PASS if left out.", one_of(verdicts)).optional()?,
        figures: figures.into_iter().map(|(figure, bound)| Bound { figure, ..bound }).collect(),
        happens: o.field("happens", "Situations that must come up.", list(predicate())).or(json!([]))?,
        digest: o.field("digest", "The digest of the run, if it is pinned.", digest).optional()?,
    })
}

fn bound(o: &mut Object<'_>) -> Result<Bound, Problem> {
    let min = o.field("min", "The smallest value allowed.", amount()).optional()?;
    let max = o.field("max", "The largest value allowed.", amount()).optional()?;
    let place = o.place();
    let (low, high) = (min.map(parts), max.map(parts));
    match (low, high) {
        (None, None) if o.is_written() => Err(Problem::at(place, "no bound", "give \"min\", \"max\" or both")),
        (Some((low, _)), Some((high, _))) if low != high => {
            Err(o.wrong("max", format!("{high} beside a min that is {low}"), "give both in the same unit"))
        }
        (Some((_, low)), Some((_, high))) if low > high => Err(o.wrong("max", "the max is below the min", "swap them")),
        _ => Ok(Bound { figure: String::new(), min, max, place }),
    }
}

fn parts(amount: Amount) -> (&'static str, u64) {
    match amount {
        Amount::Count(n) => ("a plain number", n),
        Amount::Time(span) => ("a time", span.0),
        Amount::Size(Bytes(bytes)) => ("a size", bytes),
        Amount::PerSecond(Rate(rate)) => ("a rate", rate),
    }
}

/// A number, or text with a unit.
fn amount() -> Shape<Amount> {
    const WHAT: &str = "a whole number, a time, a size or a rate, such as 12, \"250ms\", \"32KiB\", \"20k/s\"";
    scalar(
        json!({"type": ["integer", "string"]}),
        WHAT,
        || Amount::Count(0),
        |text| {
            let count = text.parse().ok().filter(|_| !text.starts_with('+')).map(Amount::Count);
            let amount = count.or_else(|| parse_span(text).ok().map(Amount::Time));
            let amount = amount.or_else(|| parse_bytes(text).ok().map(Amount::Size));
            amount.or_else(|| parse_rate(text).ok().map(Amount::PerSecond)).ok_or_else(|| format!("write {WHAT}"))
        },
    )
}
