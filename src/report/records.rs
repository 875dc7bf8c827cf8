//! Which very records were lost or doubled, in words and for programs.
//!
//! A story says where a record comes from, which way it took and what happened to it, in the order of time. Instants have
//! six decimals, because records that follow each other are microseconds apart. People are told once what happened to
//! several records alike; programs get all of it.

use super::{RunView, hang, wrap};
use crate::base::{CheckpointId, OperatorId, Time};
use crate::check::{Fate, Losses, Moment, Named, OffsetSpan, Origin, Place, PlaceLosses, RecordStory, Station};
use crate::plan::Plan;
use crate::scenario::SinkMode;
use serde_json::{Map, Value, json};

pub(super) const WIDTH: usize = 100;
/// More partitions than this are not all listed.
const SPANS: usize = 5;

/// The section that names records; `losses` are those of the run.
pub(super) fn section(view: &RunView, losses: &Losses) -> String {
    let plan = view.plan;
    let mut lines = vec!["\nRecords by name".to_owned()];
    if !losses.drained {
        lines.push("  The run did not drain. What is missing may be under way, so that none is named.".to_owned());
    } else if losses.is_clean() {
        lines.push("  In the end, every record counts exactly once, in all states and outside.".to_owned());
    }
    for place in &losses.places {
        for (kind, named) in kinds(place).into_iter().filter(|(_, named)| named.total > 0) {
            lines.extend(told(plan, place, kind, named));
        }
    }
    lines.extend(losses.splits.iter().map(|story| super::splits::told(plan, story)));
    lines.extend(losses.doubts.iter().map(|doubt| hang("  note: ", doubt, WIDTH)));
    lines.join("\n") + "\n"
}

/// What can be wrong with records.
const KINDS: [&str; 3] = ["lost", "doubled", "orphans"];

fn kinds(place: &PlaceLosses) -> [(&'static str, &Named); 3] {
    let [lost, doubled, orphans] = KINDS;
    [(lost, &place.lost), (doubled, &place.doubled), (orphans, &place.orphans)]
}

fn place_name(plan: &Plan, operator: OperatorId, place: Place) -> String {
    let name = &plan.operators[operator.index()].name;
    match place {
        Place::State => format!("in the state of {name}"),
        Place::Output => format!("in the output of {name}"),
    }
}

/// All lines about one kind at one place. What comes of the same records as at a place before is not told again.
fn told(plan: &Plan, place: &PlaceLosses, kind: &str, named: &Named) -> Vec<String> {
    let kind = if named.total == 1 { kind.trim_end_matches('s') } else { kind };
    let mut head = format!("{} {kind} {}", named.total, place_name(plan, place.operator, place.place));
    if named.distinct != named.total {
        head += &format!(" ({} different ones)", named.distinct);
    }
    if let Some((operator, before)) = named.same_as {
        head += &format!(": of the same records as {}", place_name(plan, operator, before));
        return vec![wrapped(&head)];
    }
    let mut lines = vec![wrapped(&head)];
    for span in named.spans.iter().take(SPANS) {
        let source = &plan.operators[span.first.source.index()].name;
        lines.push(format!("    from {source} partition {}: {}", span.first.partition, offsets(span)));
    }
    if named.spans.len() > SPANS {
        lines.push(format!("    and from {} more partitions", named.spans.len() - SPANS));
    }
    let mut shapes = Vec::new();
    for story in &named.stories {
        lines.push(hang("  - ", &title(plan, story), WIDTH));
        let shape = shape(story);
        if !shapes.contains(&shape) {
            lines.push(hang("    ", &tale(plan, story, place), WIDTH));
            shapes.push(shape);
        }
    }
    let more = named.distinct - named.stories.len() as u64;
    if more > 0 {
        lines.push(format!("  … and {more} more"));
    }
    lines
}

pub(super) fn offsets(span: &OffsetSpan) -> String {
    let (offset, last) = (span.first.offset, span.last);
    match (span.records, last - offset + 1) {
        (1, _) => format!("offset {offset}"),
        (records, all) if records == all => format!("offsets {offset} to {last}"),
        (records, _) => format!("{records} of the offsets {offset} to {last}"),
    }
}

/// What happened, without when and in which subtask: what went like one that was told is not told again.
fn shape(story: &RecordStory) -> Vec<(OperatorId, Fate)> {
    story.way.iter().flat_map(|at| at.moments.iter().map(|moment| (at.operator, moment.fate))).collect()
}

fn wrapped(text: &str) -> String {
    format!("  {}", wrap(text, WIDTH - 2, 4))
}

/// `near[0] partition 0 offset 9986 -> join[0], key 3: twice instead of once`.
fn title(plan: &Plan, story: &RecordStory) -> String {
    let way = way(plan, story).join(" -> ");
    let key = story.key.map_or(String::new(), |key| format!(", key {key}"));
    let count = match (story.times, story.due) {
        (0, 1) => "lost".to_owned(),
        (times, 0) => format!("an orphan, there {} though no record of a source leads to it", often(times)),
        (times, due) => format!("{} instead of {}", often(times), often(due)),
    };
    match story.origin {
        Some(_) => format!("{way}{key}: {count}"),
        None => format!("lineage {:016x} at {way}: {count}", story.lineage),
    }
}

fn often(times: u64) -> String {
    match times {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{times} times"),
    }
}

/// The operators on its way, as words: the subtask where there was only one, the branch where there are several.
fn way(plan: &Plan, story: &RecordStory) -> Vec<String> {
    let station = |station: &Station| {
        let name = &plan.operators[station.operator.index()].name;
        let mut tasks: Vec<_> = station.moments.iter().map(|moment| moment.task).collect();
        tasks.dedup();
        let mut text = match tasks[..] {
            [task] => format!("{name}[{}]", plan.tasks[task.index()].subtask),
            _ => name.clone(),
        };
        if let Some(origin) = story.origin.filter(|origin| origin.source == station.operator) {
            text += &format!(" partition {} offset {}", origin.partition, origin.offset);
        }
        let (branch, of) = station.branch;
        if of > 1 { format!("(output {} of {of}) {text}", branch + 1) } else { text }
    };
    story.way.iter().map(station).collect()
}

/// What happened, in the order of time, and how it ends.
fn tale(plan: &Plan, story: &RecordStory, place: &PlaceLosses) -> String {
    let mut moments: Vec<(OperatorId, &Moment)> =
        story.way.iter().flat_map(|at| at.moments.iter().map(|moment| (at.operator, moment))).collect();
    moments.sort_by_key(|(_, moment)| moment.at);
    let mut clauses: Vec<String> = Vec::new();
    let mut rest = &moments[..];
    while let Some(((operator, first), _)) = rest.split_first() {
        // What one restore does to several operators is one clause.
        let alike = |(other, moment): &&(OperatorId, &Moment)| {
            moment.at == first.at && moment.fate == first.fate && (other != operator || moment.task != first.task)
        };
        let more = match first.fate {
            Fate::Kept { .. } | Fate::RolledBack { .. } | Fate::Regained { .. } => {
                rest[1..].iter().take_while(alike).count()
            }
            _ => 0,
        };
        let names = rest[..=more].iter().map(|(operator, moment)| task_name(plan, *operator, moment));
        clauses.push(clause(plan, *operator, first, &names.collect::<Vec<_>>().join(", ")));
        rest = &rest[more + 1..];
    }
    clauses.extend(ending(plan, story, place));
    clauses.join("; ")
}

fn task_name(plan: &Plan, operator: OperatorId, moment: &Moment) -> String {
    format!("{}[{}]", plan.operators[operator.index()].name, plan.tasks[moment.task.index()].subtask)
}

fn clause(plan: &Plan, operator: OperatorId, moment: &Moment, names: &str) -> String {
    let at = instant(moment.at);
    match moment.fate {
        Fate::Applied { attempt } if plan.operators[operator.index()].is_source => {
            format!("emitted by {names} at {at} in attempt {attempt}")
        }
        Fate::Applied { .. } => format!("applied by {names} at {at}"),
        Fate::RolledBack { checkpoint } => format!("rolled back at {names} at {at} to {}", snapshot(checkpoint)),
        Fate::Kept { checkpoint } => format!("kept at {names} at {at}, because {} has it", snapshot(checkpoint)),
        Fate::Regained { checkpoint } => format!("back at {names} at {at} with {}", snapshot(checkpoint)),
        Fate::Shown { transaction: None, .. } => format!("made visible by {names} at {at}"),
        Fate::Shown { checkpoint, transaction: Some(transaction), stray } => {
            let (of, late) = (target(checkpoint), late(stray));
            format!("made visible by {names} at {at}{late}, with transaction {transaction} for {of}")
        }
        Fate::Prepared { checkpoint, transaction, stray } => {
            let (of, late) = (target(checkpoint), late(stray));
            format!("prepared in transaction {transaction} of {names} at {at}{late} for {of}")
        }
        Fate::Aborted { transaction, late } => {
            let why = if late { " for its age" } else { "" };
            format!("transaction {transaction} of {names}, which it is in, was aborted at {at}{why}")
        }
        Fate::Strayed => format!("written by {names} at {at}{}", late(true)),
        Fate::Refused { checkpoint, transaction } => format!(
            "lost at {names} at {at}: transaction {transaction}, for {}, was to be committed, and the external system had \
             aborted it",
            target(checkpoint)
        ),
    }
}

pub(super) fn snapshot(checkpoint: CheckpointId) -> String {
    match checkpoint {
        CheckpointId::INITIAL => "the beginning".to_owned(),
        _ => format!("checkpoint {checkpoint}"),
    }
}

/// Whether it was done by an attempt that was over for everybody else.
fn late(stray: bool) -> &'static str {
    if stray { " (by an attempt that had been given up)" } else { "" }
}

/// What a transaction waits for.
fn target(checkpoint: CheckpointId) -> String {
    match checkpoint {
        CheckpointId::INITIAL => "the end of the job".to_owned(),
        _ => format!("checkpoint {checkpoint}"),
    }
}

/// Seconds with six decimals.
pub(super) fn instant(at: Time) -> String {
    format!("{}.{:06}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000)
}

/// Why a record is missing, as far as its way shows.
fn ending(plan: &Plan, story: &RecordStory, place: &PlaceLosses) -> Option<String> {
    if story.times >= story.due {
        return None;
    }
    let holds = |station: &&Station| {
        let of_state = station.moments.iter().rev().filter_map(|moment| match moment.fate {
            Fate::Applied { .. } | Fate::Kept { .. } | Fate::Regained { .. } => Some(true),
            Fate::RolledBack { .. } => Some(false),
            _ => None,
        });
        of_state.into_iter().next().unwrap_or(false)
    };
    let name = |station: &Station| plan.operators[station.operator.index()].name.clone();
    let last = story.way.last()?;
    Some(match story.way.iter().find(|station| !holds(station)) {
        None if place.place == Place::Output && story.times == 0 => match is_held_back(plan, last) {
            true => "in no transaction that was prepared, and never made visible".to_owned(),
            false => "never made visible".to_owned(),
        },
        None => format!("and {} is too few", often(story.times)),
        Some(station) if station.moments.is_empty() => format!("never applied by {}", name(station)),
        Some(station) if station.operator == last.operator => "not applied again".to_owned(),
        Some(station) => format!("not applied again by {}", name(station)),
    })
}

/// A sink that commits has it, and no transaction does.
fn is_held_back(plan: &Plan, station: &Station) -> bool {
    let commits = plan.operators[station.operator.index()].sink.is_some_and(SinkMode::commits);
    commits && !station.moments.iter().any(|moment| matches!(moment.fate, Fate::Prepared { .. }))
}

/// `{operator: {lost, doubled, orphans, …}}`, of states; what is outside is in `output` of the operator.
/// `null` if the run did not drain, so that nothing is known.
pub(super) fn records_json(view: &RunView, losses: &Losses) -> Value {
    if !losses.drained {
        return Value::Null;
    }
    let mut operators = Map::new();
    for place in &losses.places {
        let name = &view.plan.operators[place.operator.index()].name;
        let entry = operators.entry(name.clone()).or_insert_with(|| Value::Object(kinds_json(view.plan, None)));
        let kinds = kinds_json(view.plan, Some(place));
        match place.place {
            Place::State => *entry = Value::Object(kinds),
            Place::Output => entry["output"] = Value::Object(kinds),
        }
    }
    Value::Object(operators)
}

/// What is wrong at a place, or nothing.
fn kinds_json(plan: &Plan, place: Option<&PlaceLosses>) -> Map<String, Value> {
    let nothing = Named::default();
    let mut object = Map::new();
    for (kind, named) in place.map_or(KINDS.map(|kind| (kind, &nothing)), kinds) {
        let span = |span: &OffsetSpan| {
            let Origin { source, partition, offset } = span.first;
            let source = &plan.operators[source.index()].name;
            json!({"source": source, "partition": partition, "first": offset, "last": span.last, "records": span.records})
        };
        object.insert(kind.to_owned(), named.stories.iter().map(|story| story_json(plan, story)).collect());
        object.insert(format!("{kind}_total"), named.total.into());
        object.insert(format!("{kind}_from"), named.spans.iter().map(span).collect());
    }
    object
}

fn story_json(plan: &Plan, story: &RecordStory) -> Value {
    let name = |operator: OperatorId| plan.operators[operator.index()].name.clone();
    let station = |station: &Station| {
        let moment = |moment: &Moment| {
            let (what, checkpoint, transaction) = fate(moment.fate);
            json!({
                "at_ns": moment.at.0,
                "task": plan.task_name(moment.task),
                "what": what,
                "checkpoint": checkpoint.map(|checkpoint| checkpoint.0),
                "transaction": transaction,
            })
        };
        json!({
            "operator": name(station.operator),
            "output": station.branch.0,
            "outputs": station.branch.1,
            "moments": station.moments.iter().map(moment).collect::<Vec<_>>(),
        })
    };
    json!({
        "lineage": format!("{:016x}", story.lineage),
        "source": story.origin.map(|origin| name(origin.source)),
        "partition": story.origin.map(|origin| origin.partition),
        "offset": story.origin.map(|origin| origin.offset),
        "key": story.key,
        "times": story.times,
        "due": story.due,
        "path": way(plan, story).join(" -> "),
        "way": story.way.iter().map(station).collect::<Vec<_>>(),
    })
}

/// A word for it, and the checkpoint and the transaction that have to do with it.
fn fate(fate: Fate) -> (&'static str, Option<CheckpointId>, Option<u64>) {
    let waited_for = |checkpoint| Some(checkpoint).filter(|of| *of != CheckpointId::INITIAL);
    match fate {
        Fate::Applied { .. } => ("applied", None, None),
        Fate::Strayed => ("strayed", None, None),
        Fate::RolledBack { checkpoint } => ("rolled back", Some(checkpoint), None),
        Fate::Kept { checkpoint } => ("kept", Some(checkpoint), None),
        Fate::Regained { checkpoint } => ("regained", Some(checkpoint), None),
        Fate::Prepared { checkpoint, transaction, .. } => ("prepared", waited_for(checkpoint), Some(transaction)),
        Fate::Aborted { transaction, .. } => ("aborted", None, Some(transaction)),
        Fate::Refused { checkpoint, transaction } => ("refused", waited_for(checkpoint), Some(transaction)),
        Fate::Shown { checkpoint, transaction, .. } => ("visible", waited_for(checkpoint), transaction),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TaskId;
    use crate::report::{json, sample, table};

    const SOURCE: OperatorId = OperatorId(0);
    const JOIN: OperatorId = OperatorId(1);
    const SINK: OperatorId = OperatorId(2);

    fn moment(ms: u64, task: u32, fate: Fate) -> Moment {
        Moment { at: Time(ms * 1_000_000), task: TaskId(task), fate }
    }

    /// The record at this offset, emitted at 10ms and again at 60ms, with what happened to it at join.
    fn story(offset: u64, (times, due): (u64, u64), at_join: &[Moment]) -> RecordStory {
        let two = CheckpointId(2);
        let emitted = [
            moment(10, 0, Fate::Applied { attempt: 0 }),
            moment(50, 0, Fate::RolledBack { checkpoint: two }),
            moment(60, 0, Fate::Applied { attempt: 1 }),
        ];
        let station = |operator, moments: &[Moment]| Station { operator, branch: (0, 1), moments: moments.to_vec() };
        RecordStory {
            lineage: offset,
            times,
            due,
            origin: Some(Origin { source: SOURCE, partition: 0, offset }),
            key: Some(7),
            way: vec![station(SOURCE, &emitted), Station { branch: (1, 3), ..station(JOIN, at_join) }],
        }
    }

    fn named(total: u64, stories: Vec<RecordStory>) -> Named {
        let first = Origin { source: SOURCE, partition: 0, offset: 4 };
        let spans = vec![OffsetSpan { first, last: 3 + total, records: total }];
        Named { total, distinct: total, spans, same_as: None, stories }
    }

    fn losses() -> Losses {
        let two = CheckpointId(2);
        let kept = [moment(12, 1, Fate::Applied { attempt: 0 }), moment(50, 1, Fate::Kept { checkpoint: two })];
        let twice: Vec<Moment> = kept.into_iter().chain([moment(61, 1, Fate::Applied { attempt: 1 })]).collect();
        let back = [moment(12, 2, Fate::Applied { attempt: 0 }), moment(50, 2, Fate::RolledBack { checkpoint: two })];
        let state = PlaceLosses {
            operator: JOIN,
            place: Place::State,
            lost: named(2, vec![story(8, (0, 1), &back), story(9, (0, 1), &[])]),
            doubled: named(100, vec![story(4, (2, 1), &twice), story(5, (2, 1), &twice)]),
            orphans: Named::default(),
        };
        let shown = moment(70, 3, Fate::Shown { checkpoint: CheckpointId(3), transaction: Some(2), stray: true });
        let orphan = RecordStory {
            lineage: 0xabc,
            times: 1,
            due: 0,
            origin: None,
            key: None,
            way: vec![Station { operator: SINK, branch: (0, 1), moments: vec![shown] }],
        };
        let output = PlaceLosses {
            operator: SINK,
            place: Place::Output,
            lost: Named::default(),
            doubled: Named { same_as: Some((JOIN, Place::State)), ..state.doubled.clone() },
            orphans: Named { total: 1, distinct: 1, stories: vec![orphan], ..Named::default() },
        };
        let doubts = vec!["3 records could not be identified".into()];
        Losses { places: vec![state, output], splits: Vec::new(), drained: true, doubts }
    }

    fn with<T>(losses: &Losses, report: impl FnOnce(&RunView) -> T) -> T {
        sample::with_view(sample::Size::Small, |view| report(&RunView { losses: Some(losses), ..*view }))
    }

    #[test]
    fn a_stranger_reads_what_was_lost_where_it_came_from_and_what_became_of_it() {
        let text = with(&losses(), |view| section(view, &losses()));
        let expected = "
Records by name
  2 lost in the state of join
    from source partition 0: offsets 4 to 5
  - source[0] partition 0 offset 8 -> (output 2 of 3) join[1], key 7: lost
    emitted by source[0] at 0.010000s in attempt 0; applied by join[1] at 0.012000s; rolled back at
    source[0], join[1] at 0.050000s to checkpoint 2; emitted by source[0] at 0.060000s in attempt 1;
    not applied again
  - source[0] partition 0 offset 9 -> (output 2 of 3) join, key 7: lost
    emitted by source[0] at 0.010000s in attempt 0; rolled back at source[0] at 0.050000s to
    checkpoint 2; emitted by source[0] at 0.060000s in attempt 1; never applied by join
  100 doubled in the state of join
    from source partition 0: offsets 4 to 103
  - source[0] partition 0 offset 4 -> (output 2 of 3) join[0], key 7: twice instead of once
    emitted by source[0] at 0.010000s in attempt 0; applied by join[0] at 0.012000s; rolled back at
    source[0] at 0.050000s to checkpoint 2; kept at join[0] at 0.050000s, because checkpoint 2 has
    it; emitted by source[0] at 0.060000s in attempt 1; applied by join[0] at 0.061000s
  - source[0] partition 0 offset 5 -> (output 2 of 3) join[0], key 7: twice instead of once
  … and 98 more
  100 doubled in the output of sink: of the same records as in the state of join
  1 orphan in the output of sink
  - lineage 0000000000000abc at sink[0]: an orphan, there once though no record of a source leads to
    it
    made visible by sink[0] at 0.070000s (by an attempt that had been given up), with transaction 2
    for checkpoint 3
  note: 3 records could not be identified
";
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(with(&losses(), table).contains(&text), "it is part of the table");
    }

    #[test]
    fn nothing_wrong_and_nothing_known_are_told_apart() {
        let text = |losses: &Losses| with(losses, |view| section(view, losses));
        let clean = Losses { drained: true, ..Losses::default() };
        assert!(text(&clean).contains("every record counts exactly once"));
        let doubtful = Losses { doubts: losses().doubts, ..clean };
        assert!(!text(&doubtful).contains("exactly once") && text(&doubtful).contains("could not be identified"));
        assert!(text(&Losses::default()).contains("did not drain"));
    }

    #[test]
    fn programs_get_all_of_it() {
        let losses = losses();
        let report = with(&losses, json);
        let join = &report["records"]["join"];
        assert_eq!((&join["lost_total"], &join["doubled_total"]), (&json!(2), &json!(100)));
        assert_eq!(join["doubled"].as_array().map(Vec::len), Some(2));
        let from = json!([{"source": "source", "partition": 0, "first": 4, "last": 103, "records": 100}]);
        assert_eq!(join["doubled_from"], from);
        let story = &join["lost"][0];
        assert_eq!((&story["source"], &story["offset"], &story["key"]), (&json!("source"), &json!(8), &json!(7)));
        assert_eq!(story["path"], "source[0] partition 0 offset 8 -> (output 2 of 3) join[1]");
        let back = json!({
            "at_ns": 50_000_000, "task": "join[1]", "what": "rolled back", "checkpoint": 2, "transaction": null
        });
        assert_eq!(story["way"][1]["moments"][1], back);
        let sink = &report["records"]["sink"];
        assert_eq!((&sink["lost_total"], &sink["output"]["orphans_total"]), (&json!(0), &json!(1)));
        assert_eq!(sink["output"]["orphans"][0]["source"], Value::Null);
        assert_eq!(report["records_doubts"], json!(["3 records could not be identified"]));
        assert_eq!(with(&Losses::default(), json)["records"], Value::Null, "the run did not drain");
        assert_eq!(sample::with_view(sample::Size::Small, json)["records"], Value::Null, "nobody asked");
    }
}
