//! From a scenario back to its file: every field of every type, then without what need not be said.
//!
//! Each function takes its type apart completely: a field that is added to the type does not compile until it is put here
//! too. Fields come in the order of `decode`; whether one of them is needed is not decided here but in `lean`.

use serde_json::{Map, Value as Json, json};

use super::decode;
use super::layout::page;
use super::lean::{lean, meaning};
use super::names;
use super::object::record;
use super::operator::{self, KINDS};
use super::phases::difference;
use super::restart;
use super::*;
use crate::base::{Burst, Bytes, Rate, Span};
use crate::trace::Predicate;

/// The scenario as a file that a person would have written: only what differs from the defaults, with units.
/// [`parse`](super::parse) reads the same scenario from it, apart from the places and remarks of the file it came from.
///
/// ```
/// let text = cutline::scenario::starter("first-steps");
/// let scenario = cutline::scenario::parse(&text, "first-steps.json").unwrap();
/// let written = cutline::scenario::write(&scenario);
/// assert!(written.contains(r#"  "faults": [{"at": "1.2s", "fail": "count[1]"}]"#));
/// assert!(!written.contains("latency"), "it is the default");
/// ```
pub fn write(scenario: &Scenario) -> String {
    page(&as_json(scenario))
}

/// The same as a JSON value.
pub fn as_json(scenario: &Scenario) -> Json {
    let Scenario {
        name,
        why,
        job,
        cluster,
        network,
        storage,
        checkpoints,
        restart,
        faults,
        schedule,
        run,
        expect,
        external,
        backend,
        then,
    } = scenario;
    let has_content = |json: &Json| {
        json.as_object().is_none_or(|fields| !fields.is_empty()) && json.as_array().is_none_or(|list| !list.is_empty())
    };
    let section = |json: Json| Some(json).filter(has_content);
    Fields::default()
        .put("cutline", VERSION)
        .some("name", Some(&**name).filter(|name| !name.is_empty()))
        .some("why", Some(&**why).filter(|why| !why.is_empty()))
        .put("job", self::job(job))
        .some("cluster", section(self::cluster(cluster)))
        .some("network", section(self::network(network)))
        .some("storage", section(self::storage(storage)))
        .some("checkpoints", section(self::checkpoints(checkpoints)))
        .some("restart", section(self::restart(restart)))
        .some("external", section(self::external(external)))
        .some("backend", section(super::backend::written(backend)))
        .some("faults", section(faults.iter().map(fault).collect()))
        .some("schedule", section(schedule.iter().map(choice).collect()))
        .some("run", section(self::run(run)))
        .some("expect", section(self::expect(expect)))
        .some("then", section(phases(scenario, then)))
        .done()
}

/// Each as what is different from the one before.
fn phases(first: &Scenario, then: &[Phase]) -> Json {
    let mut before = first;
    let mut written = Vec::new();
    for Phase { why, from, pause, drops_state, scenario, place: _ } in then {
        let file = |scenario: &Scenario| as_json(&Scenario { then: Vec::new(), ..scenario.clone() });
        let from = match from {
            Origin::Savepoint => None,
            Origin::Checkpoint => Some("checkpoint"),
        };
        let after = Scenario { name: String::new(), why: String::new(), ..(**scenario).clone() };
        let phase = Fields::default()
            .some("why", Some(&**why).filter(|why| !why.is_empty()))
            .some("from", from)
            .some("pause", Some(pause.exact()).filter(|_| *pause != Span::ZERO))
            .some("drop_state", drops_state.then_some(true))
            .some("change", difference(&file(before), &file(&after)));
        written.push(phase.done());
        before = scenario;
    }
    Json::Array(written)
}

fn external(external: &External) -> Json {
    let External { latency } = external;
    let all = Fields::default().put("latency", latency.exact()).done();
    let shape = record(decode::external);
    lean(all, |json| meaning(json, &shape))
}

/// The fields of an object, in the order in which they are put.
#[derive(Default)]
pub(super) struct Fields(Map<String, Json>);

impl Fields {
    pub fn put(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub fn some(self, name: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    pub fn done(self) -> Json {
        Json::Object(self.0)
    }
}

fn job(job: &Job) -> Json {
    let Job { operators, edges, max_parallelism } = job;
    let limit = Some(*max_parallelism).filter(|limit| *limit != decode::key_groups(operators));
    Fields::default()
        .put("operators", operators.iter().map(operator).collect::<Json>())
        .put("edges", edges.iter().map(|edge| self::edge(edge, operators)).collect::<Json>())
        .some("max_parallelism", limit)
        .done()
}

fn operator(operator: &Operator) -> Json {
    let Operator {
        id,
        kind,
        parallelism,
        service,
        selectivity,
        rekey,
        output_size,
        state,
        snapshot,
        source,
        sink,
        transactions,
        on,
        over_time,
        place: _,
    } = operator;
    let mut fields = Fields::default()
        .put("id", &**id)
        .put("kind", &**kind)
        .put("parallelism", *parallelism)
        .put("service", service.exact());
    if let Some(source) = source {
        fields = self::source(fields, source);
    }
    let is_inside = KINDS.get(kind).selectivity.is_some();
    let output = match sink {
        SinkMode::Plain => "plain",
        SinkMode::TwoPhase => "two-phase",
        SinkMode::Idempotent => "idempotent",
        SinkMode::Offsets => "offsets",
        SinkMode::Committables => "committables",
    };
    let Transactions { timeout, on_expired } = transactions;
    let on_expired = timeout.map(|_| match on_expired {
        OnExpired::Lose => "lose",
        OnExpired::Fail => "fail",
    });
    let all = fields
        .some("selectivity", is_inside.then(|| ratio(*selectivity)))
        .some("rekey", *rekey)
        .some("output_size", output_size.map(Bytes::exact))
        .some("output", (kind == "sink").then_some(output))
        .some("transaction_timeout", timeout.map(Span::exact))
        .some("on_expired", on_expired)
        .put("state", self::state(state))
        .put("snapshot", self::snapshot(snapshot))
        .some("window", over_time.as_ref().and_then(window))
        .some("within", over_time.as_ref().and_then(interval))
        .some("after", over_time.as_ref().and_then(after))
        .some("on", on.as_deref())
        .done();
    let shape = record(operator::operator);
    lean(all, |json| meaning(json, &shape))
}

fn source(fields: Fields, source: &Source) -> Fields {
    let Source { partitions, records, rate, burst, keys, size, end, replayable, assignment, event_time } = source;
    let end = match end {
        SourceEnd::Finishes => "finishes",
        SourceEnd::Idles => "idles",
    };
    let assignment = match assignment {
        Assignment::Static => "static",
        Assignment::Dynamic => "dynamic",
    };
    let burst = burst.map(|Burst { every, length, times }| {
        Fields::default().put("every", every.exact()).put("length", length.exact()).put("times", times).done()
    });
    fields
        .put("partitions", *partitions)
        .some("records", *records)
        .some("rate", rate.map(Rate::exact))
        .some("burst", burst)
        .put("keys", self::keys(keys))
        .put("size", size.exact())
        .put("end", end)
        .put("replayable", *replayable)
        .put("assignment", assignment)
        .some("event_time", event_time.as_ref().map(self::event_time))
}

fn event_time(times: &EventTime) -> Json {
    let EventTime { step, disorder, bound, watermarks, idle_after } = times;
    let watermarks = match watermarks {
        Watermarks::Every(every) => json!(every.exact()),
        Watermarks::Records(records) => json!({"records": records}),
    };
    Fields::default()
        .some("step", step.map(Span::exact))
        .put("disorder", disorder.exact())
        .put("bound", bound.exact())
        .put("watermarks", watermarks)
        .some("idle_after", idle_after.map(Span::exact))
        .done()
}

fn window(over_time: &OverTime) -> Option<Json> {
    let (OverTime::Window(window) | OverTime::Pairs(window)) = over_time else { return None };
    let Window { shape, lateness } = window;
    let fields = match shape {
        WindowShape::Tumbling(size) => Fields::default().put("size", size.exact()),
        WindowShape::Sliding { size, slide } => Fields::default().put("size", size.exact()).put("slide", slide.exact()),
        WindowShape::Session(gap) => Fields::default().put("gap", gap.exact()),
    };
    Some(fields.put("lateness", lateness.exact()).done())
}

fn interval(over_time: &OverTime) -> Option<Json> {
    let OverTime::Interval { before, after } = over_time else { return None };
    Some(Fields::default().put("before", before.exact()).put("after", after.exact()).done())
}

fn after(over_time: &OverTime) -> Option<Json> {
    let OverTime::After(after) = over_time else { return None };
    Some(after.exact().into())
}

fn keys(keys: &Keys) -> Json {
    let Keys { count, skew } = keys;
    let skewed = || Fields::default().put("count", *count);
    match skew {
        Skew::Even => json!(count),
        Skew::Zipf => skewed().put("zipf", true).done(),
        Skew::Hot { keys, percent } => skewed().put("hot", *keys).put("share", format!("{percent}%")).done(),
    }
}

fn state(state: &StateSize) -> Json {
    let StateSize { base, per_key, per_record } = state;
    Fields::default()
        .put("size", base.exact())
        .put("per_key", per_key.exact())
        .put("per_record", per_record.exact())
        .done()
}

fn snapshot(snapshot: &SnapshotCost) -> Json {
    let SnapshotCost { sync, r#async } = snapshot;
    Fields::default().put("sync", sync.exact()).some("async", r#async.map(Span::exact)).done()
}

/// A whole number, a percentage, a fraction, or for numbers that are too long for a fraction a decimal.
fn ratio(ratio: Ratio) -> Json {
    let Ratio { outputs, inputs } = ratio;
    if inputs == 1 {
        return json!(outputs);
    }
    if outputs < inputs && 100 % inputs == 0 {
        return json!(format!("{}%", outputs * (100 / inputs)));
    }
    const DIGITS: u32 = 9;
    let long = 10u32.pow(DIGITS);
    if outputs < long && inputs < long {
        return json!(format!("{outputs}/{inputs}"));
    }
    let part = u64::from(outputs % inputs) * u64::from(long) / u64::from(inputs);
    let part = format!("{part:0width$}", width = DIGITS as usize);
    // Text would be a fraction or a percentage; a JSON number of this length would lose digits on its way.
    json!(format!("{}.{}", outputs / inputs, part.trim_end_matches('0')))
}

fn edge(edge: &Edge, operators: &[Operator]) -> Json {
    let Edge { from, to, by, chained, feedback, overtaking, place: _ } = edge;
    let all = Fields::default()
        .put("from", &**from)
        .put("to", &**to)
        .put("by", by.name())
        .put("chained", *chained)
        .put("feedback", *feedback)
        // Where a partitioner forbids it, it cannot even be asked for.
        .some("overtaking", (!overtaking).then_some(false))
        .done();
    let shape = record(decode::edge);
    lean(all, |json| meaning(json, &shape)?.among(operators).ok())
}

fn cluster(cluster: &Cluster) -> Json {
    let Cluster { task_managers, slots, placement, heartbeat, standby, replacement, takeover, failover } = cluster;
    let failover = match failover {
        Failover::Region => "region",
        Failover::Full => "full",
    };
    let placement = match placement {
        Placement::Fill => "fill",
        Placement::Spread => "spread",
    };
    let all = Fields::default()
        .put("task_managers", *task_managers)
        .some("slots", *slots)
        .put("placement", placement)
        .put("heartbeat", heartbeat.exact())
        .put("standby", *standby)
        .put("replacement", replacement.exact())
        .put("takeover", takeover.exact())
        .put("failover", failover)
        .done();
    let shape = record(decode::cluster);
    lean(all, |json| meaning(json, &shape))
}

fn network(network: &Network) -> Json {
    let Network {
        latency,
        bandwidth,
        segment,
        debloat,
        exclusive,
        floating,
        max_per_channel,
        overdraft,
        buffer_timeout,
        rpc,
        blocked,
    } = network;
    let blocked = match blocked {
        BlockedRule::Overtaking => "overtaking",
        BlockedRule::Nothing => "nothing",
    };
    let all = Fields::default()
        .put("latency", latency.exact())
        .put("bandwidth", self::bandwidth(*bandwidth))
        .put("segment", segment.exact())
        .some("debloat", debloat.as_ref().map(self::debloat))
        .put("exclusive", *exclusive)
        .put("floating", *floating)
        .put("max_per_channel", *max_per_channel)
        .put("overdraft", *overdraft)
        .put("buffer_timeout", buffer_timeout.map_or("off".to_owned(), Span::exact))
        .put("rpc", rpc.exact())
        .put("blocked", blocked)
        .done();
    let shape = record(decode::network);
    lean(all, |json| meaning(json, &shape))
}

fn debloat(debloat: &Debloat) -> Json {
    let Debloat { target, period, samples, threshold, min, start } = debloat;
    Fields::default()
        .put("target", target.exact())
        .put("period", period.exact())
        .put("samples", *samples)
        .put("threshold", format!("{threshold}%"))
        .put("min", min.exact())
        .put("start", start.exact())
        .done()
}

/// Of bytes, where zero stands for "not limited".
pub(super) fn bandwidth(rate: Rate) -> String {
    if rate == Rate(0) { "unlimited".to_owned() } else { Bytes(rate.0).exact() + "/s" }
}

fn storage(storage: &Storage) -> Json {
    let Storage { bandwidth, latency, shared, metadata, deletion, local } = storage;
    let shared = match shared {
        Shared::Task => "task",
        Shared::TaskManager => "task-manager",
        Shared::Cluster => "cluster",
    };
    let all = Fields::default()
        .put("bandwidth", self::bandwidth(*bandwidth))
        .put("latency", latency.exact())
        .put("shared", shared)
        .put("metadata", metadata.exact())
        .put("deletion", deletion.exact())
        .put("local", *local)
        .done();
    let shape = record(decode::storage);
    lean(all, |json| meaning(json, &shape))
}

fn checkpoints(checkpoints: &Checkpoints) -> Json {
    let Checkpoints {
        protocol,
        parameters,
        place: _,
        interval,
        first,
        min_pause,
        timeout,
        max_concurrent,
        tolerable_failures,
        retained,
        order,
        prepare,
        after_finish,
        requests,
    } = checkpoints;
    let order = match order {
        BarrierOrder::EmitThenSnapshot => "emit-then-snapshot",
        BarrierOrder::SnapshotThenEmit => "snapshot-then-emit",
    };
    // Without an interval a pause cannot be written, not even that there is none.
    let min_pause = (interval.is_some() || *min_pause > Span::ZERO).then(|| min_pause.exact());
    let all = Fields::default()
        .put("protocol", self::protocol(protocol, parameters))
        .some("interval", interval.map(Span::exact))
        .some("first", first.map(Span::exact))
        .some("min_pause", min_pause)
        .put("timeout", timeout.exact())
        .put("max_concurrent", *max_concurrent)
        .put("tolerable_failures", *tolerable_failures)
        .put("retained", *retained)
        .put("order", order)
        .put("prepare", prepare.exact())
        .put("after_finish", *after_finish)
        .put("requests", requests.iter().map(request).collect::<Json>())
        .done();
    let shape = record(decode::checkpoints);
    lean(all, |json| meaning(json, &shape))
}

fn protocol(name: &str, parameters: &[Parameter]) -> Json {
    if parameters.is_empty() {
        return json!(name);
    }
    let named = Fields::default().put("name", name);
    let put = |fields: Fields, Parameter { name, value, place: _ }: &Parameter| fields.put(name, &**value);
    parameters.iter().fold(named, put).done()
}

fn request(request: &Request) -> Json {
    let Request { at, take, place: _ } = request;
    let take = match take {
        Take::Checkpoint => "checkpoint",
        Take::Savepoint => "savepoint",
        Take::Suspend => "suspend",
        Take::Drain => "drain",
    };
    let all = Fields::default().put("at", at.exact()).put("take", take).done();
    let shape = record(decode::request);
    lean(all, |json| meaning(json, &shape))
}

fn restart(restart: &Restart) -> Json {
    let fields = Fields::default();
    let all = match restart {
        Restart::Never => fields.put("strategy", "none"),
        Restart::FixedDelay { delay, attempts } => {
            fields.put("strategy", "fixed-delay").put("delay", delay.exact()).some("attempts", *attempts)
        }
        Restart::FailureRate { delay, failures, interval } => fields
            .put("strategy", "failure-rate")
            .put("delay", delay.exact())
            .put("max_failures", *failures)
            .put("interval", interval.exact()),
        Restart::ExponentialDelay(Backoff { initial, max, multiplier, threshold, jitter, attempts }) => fields
            .put("strategy", "exponential-delay")
            .put("initial_backoff", initial.exact())
            .put("max_backoff", max.exact())
            .put("multiplier", ratio(*multiplier))
            .put("reset_threshold", threshold.exact())
            .put("jitter", ratio(*jitter))
            .some("attempts", *attempts),
    };
    let shape = record(restart::restart);
    lean(all.done(), |json| meaning(json, &shape))
}

fn fault(fault: &Fault) -> Json {
    let Fault { when, effect, place: _ } = fault;
    let fields = match when {
        When::At(at) => Fields::default().put("at", at.exact()),
        When::On(event) => Fields::default().put("when", predicate(event)),
    };
    let (name, effect) = self::effect(effect);
    let all = fields.put(name, effect);
    let shape = record(fault::fault);
    lean(all.done(), |json| meaning(json, &shape))
}

/// An effect, and the name of its field.
fn effect(effect: &Effect) -> (&'static str, Json) {
    match effect {
        Effect::FailTask(name) => ("fail", name.to_string().into()),
        Effect::Kill(machine) => ("kill", machine.to_string().into()),
        Effect::Message(fault) => ("message", message(fault)),
        Effect::Link(fault) => ("link", link(fault)),
        Effect::Pace(fault) => (if fault.factor.is_some() { "slow" } else { "pause" }, pace(fault)),
        Effect::Write(fault) => ("write", snapshot_write(fault)),
        Effect::Spoil(name) => ("spoil", name.to_string().into()),
        Effect::Record(RecordMishap::Fail) => ("record", "fails".into()),
        Effect::Record(RecordMishap::Deny) => ("record", "stored-but-unknown".into()),
        Effect::Record(RecordMishap::Vanish) => ("record", "lost-and-unknown".into()),
        Effect::Clock(fault) => ("clock", clock(fault)),
        Effect::External(fault) => ("external", at_external(fault)),
    }
}

fn at_external(fault: &ExternalFault) -> Json {
    let ExternalFault { of, does } = fault;
    let (word, lasts) = match does {
        ExternalMishap::Down(lasts) => ("down", Some(lasts)),
        ExternalMishap::Expire => ("expire", None),
        ExternalMishap::LoseCommit => ("lose-commit", None),
        ExternalMishap::LoseReply => ("lose-reply", None),
        ExternalMishap::FailWrite => ("fail-write", None),
    };
    Fields::default().put("of", &**of).put("do", word).some("for", lasts.copied().map(Span::exact)).done()
}

fn message(fault: &MessageFault) -> Json {
    let MessageFault { kind, of, checkpoint, nth, does } = fault;
    let (word, by) = match does {
        Mishap::Lose => ("lose", None),
        Mishap::Delay(by) => ("delay", Some(by)),
        Mishap::Double(by) => ("double", Some(by)),
    };
    Fields::default()
        .put("kind", kind.name())
        .some("of", of.as_ref().map(SubtaskName::to_string))
        .some("checkpoint", checkpoint.map(|checkpoint| checkpoint.0))
        .put("nth", *nth)
        .put("do", word)
        .some("by", by.map(|by| by.exact()))
        .done()
}

fn link(fault: &LinkFault) -> Json {
    let LinkFault { from, to, both, by, lasts } = *fault;
    Fields::default()
        .put("from", from.to_string())
        .put("to", to.to_string())
        .put("both", both)
        .put("do", if by.is_some() { "slow" } else { "cut" })
        .some("by", by.map(Span::exact))
        .put("for", lasts.exact())
        .done()
}

fn pace(fault: &PaceFault) -> Json {
    let PaceFault { of, factor, lasts } = fault;
    let of = match of {
        Paced::Task(name) => name.to_string(),
        Paced::Manager(number) => Node::Manager(*number).to_string(),
    };
    Fields::default().put("of", of).some("factor", *factor).put("for", lasts.exact()).done()
}

fn snapshot_write(fault: &WriteFault) -> Json {
    let WriteFault { of, checkpoint, times, does } = fault;
    let (word, by) = match does {
        WriteMishap::Fail => ("fail", None),
        WriteMishap::Slow(by) => ("slow", Some(by)),
        WriteMishap::Deny => ("deny", None),
        WriteMishap::Hide(by) => ("hide", Some(by)),
    };
    Fields::default()
        .some("of", of.as_ref().map(SubtaskName::to_string))
        .some("checkpoint", checkpoint.map(|checkpoint| checkpoint.0))
        .put("times", *times)
        .put("do", word)
        .some("by", by.map(|by| by.exact()))
        .done()
}

fn clock(fault: &ClockFault) -> Json {
    let ClockFault { manager, by, behind } = *fault;
    let of = Node::Manager(manager).to_string();
    Fields::default().put("of", of).put(if behind { "behind" } else { "ahead" }, by.exact()).done()
}

fn predicate(predicate: &Predicate) -> Json {
    let Predicate { kind, of, checkpoint, nth, place: _ } = predicate;
    let all = Fields::default()
        .put("event", kind.name())
        .some("of", of.as_deref())
        .some("checkpoint", checkpoint.map(|checkpoint| checkpoint.0))
        .put("nth", *nth)
        .done();
    let shape = names::predicate();
    lean(all, |json| meaning(json, &shape))
}

fn choice(choice: &Choice) -> Json {
    let Choice { step, of, nth, place: _ } = choice;
    let all = Fields::default().put("step", &**step).put("of", &**of).put("nth", *nth).done();
    let shape = record(names::choice);
    lean(all, |json| meaning(json, &shape))
}

fn run(run: &RunFor) -> Json {
    let RunFor { seed, limit, cancel } = run;
    let cancel = cancel.map(|at| at.exact());
    let all = Fields::default().put("seed", *seed).put("limit", limit.exact()).some("cancel", cancel).done();
    let shape = record(decode::run);
    lean(all, |json| meaning(json, &shape))
}

fn expect(expect: &Expect) -> Json {
    let Expect { verdict, figures, happens, digest } = expect;
    let bound = |fields: Fields, Bound { figure, min, max, place: _ }: &Bound| {
        fields.put(figure, Fields::default().some("min", min.map(amount)).some("max", max.map(amount)).done())
    };
    let all = Fields::default()
        .some("verdict", verdict.as_deref())
        .put("figures", figures.iter().fold(Fields::default(), bound).done())
        .put("happens", happens.iter().map(predicate).collect::<Json>())
        .some("digest", digest.as_deref())
        .done();
    let shape = record(decode::expect);
    lean(all, |json| meaning(json, &shape))
}

fn amount(amount: Amount) -> Json {
    match amount {
        Amount::Count(n) => json!(n),
        Amount::Time(span) => json!(span.exact()),
        Amount::Size(bytes) => json!(bytes.exact()),
        Amount::PerSecond(rate) => json!(rate.exact()),
    }
}
