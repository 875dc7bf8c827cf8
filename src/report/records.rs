//! Which very records were lost or doubled, in words and for programs.
//!
//! A story says where a record comes from, which way it took and what happened to it, in the order of time. Instants have
//! six decimals, because records that follow each other are microseconds apart. People are told once what happened to
//! several records alike; programs get all of it.

use super::{RunView, hang, wrap};
use crate::base::{CheckpointId, OperatorId, Time};
use crate::check::{Fate, Losses, Moment, Named, Origin, Place, PlaceLosses, RecordStory, Station};
use crate::plan::Plan;
use serde_json::{Map, Value, json};

const WIDTH: usize = 100;
/// More partitions than this are not all listed.
const SPANS: usize = 5;

/// The section that names records; `losses` are those of the run.
pub(super) fn section(view: &RunView, losses: &Losses) -> String {
    let plan = view.plan;
    let mut lines = vec!["\nRecords by name".to_owned()];
    if !losses.drained {
        lines.push("  The run did not drain. What is missing may be under way, so that none is named.".to_owned());
    } else if losses.places.is_empty() {
        lines.push("  Every record counts exactly once, in all states and outside.".to_owned());
    }
    for place in &losses.places {
        for (kind, named) in kinds(place).into_iter().filter(|(_, named)| named.total > 0) {
            lines.extend(told(plan, place, kind, named));
        }
    }
    lines.extend(losses.doubts.iter().map(|doubt| hang("  note: ", doubt, WIDTH)));
    lines.join("\n") + "\n"
}

fn kinds(place: &PlaceLosses) -> [(&'static str, &Named); 3] {
    [("lost", &place.lost), ("doubled", &place.doubled), ("orphans", &place.orphans)]
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
        let Origin { partition, offset, .. } = span.first;
        let source = &plan.operators[span.first.source.index()].name;
        let of = match (span.records, span.last - offset + 1) {
            (1, _) => format!("offset {offset}"),
            (records, all) if records == all => format!("offsets {offset} to {}", span.last),
            (records, _) => format!("{records} of the offsets {offset} to {}", span.last),
        };
        lines.push(format!("    from {source} partition {partition}: {of}"));
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
            Fate::Applied { .. } | Fate::Shown { .. } => 0,
            _ => rest[1..].iter().take_while(alike).count(),
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
        Fate::Shown { checkpoint: CheckpointId::INITIAL } => format!("visible outside {names} at {at}"),
        Fate::Shown { checkpoint } => format!("visible outside {names} at {at}, with checkpoint {checkpoint}"),
    }
}

fn snapshot(checkpoint: CheckpointId) -> String {
    match checkpoint {
        CheckpointId::INITIAL => "the beginning".to_owned(),
        _ => format!("checkpoint {checkpoint}"),
    }
}

/// Seconds with six decimals.
fn instant(at: Time) -> String {
    format!("{}.{:06}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000)
}

/// Why a record is missing, as far as its way shows.
fn ending(plan: &Plan, story: &RecordStory, place: &PlaceLosses) -> Option<String> {
    if story.times >= story.due {
        return None;
    }
    let holds = |station: &&Station| {
        let last = |moment: &&Moment| !matches!(moment.fate, Fate::Shown { .. });
        let fate = station.moments.iter().rfind(last).map(|moment| moment.fate);
        !matches!(fate, None | Some(Fate::RolledBack { .. }))
    };
    let name = |station: &Station| plan.operators[station.operator.index()].name.clone();
    let last = story.way.last()?;
    Some(match story.way.iter().find(|station| !holds(station)) {
        None if place.place == Place::Output && story.times == 0 => "never made visible".to_owned(),
        None => format!("and {} is too few", often(story.times)),
        Some(station) if station.moments.is_empty() => format!("never applied by {}", name(station)),
        Some(station) if station.operator == last.operator => "not applied again".to_owned(),
        Some(station) => format!("not applied again by {}", name(station)),
    })
}

/// `{operator: {lost, doubled, orphans, …}}`, of states; what is outside is in `output` of the operator.
pub(super) fn records_json(view: &RunView, losses: &Losses) -> Value {
    let mut operators = Map::new();
    for place in &losses.places {
        let name = &view.plan.operators[place.operator.index()].name;
        let entry = operators.entry(name.clone()).or_insert_with(|| json!({"lost": [], "doubled": [], "orphans": []}));
        let target = match place.place {
            Place::State => entry,
            Place::Output => &mut entry["output"],
        };
        for (kind, named) in kinds(place) {
            target[kind] = named.stories.iter().map(|story| story_json(view.plan, story)).collect();
            target[format!("{kind}_total")] = named.total.into();
            target[format!("{kind}_from")] = named.spans.iter().map(|span| {
                let Origin { source, partition, offset } = span.first;
                let source = &view.plan.operators[source.index()].name;
                json!({"source": source, "partition": partition, "first": offset, "last": span.last, "records": span.records})
            }).collect();
        }
    }
    Value::Object(operators)
}

fn story_json(plan: &Plan, story: &RecordStory) -> Value {
    let name = |operator: OperatorId| plan.operators[operator.index()].name.clone();
    let station = |station: &Station| {
        let moment = |moment: &Moment| {
            let (what, checkpoint) = fate(moment.fate);
            json!({
                "at_ns": moment.at.0,
                "task": plan.task_name(moment.task),
                "what": what,
                "checkpoint": checkpoint.map(|checkpoint| checkpoint.0),
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

/// A word for it, and the checkpoint that has to do with it.
fn fate(fate: Fate) -> (&'static str, Option<CheckpointId>) {
    match fate {
        Fate::Applied { .. } => ("applied", None),
        Fate::RolledBack { checkpoint } => ("rolled back", Some(checkpoint)),
        Fate::Kept { checkpoint } => ("kept", Some(checkpoint)),
        Fate::Regained { checkpoint } => ("regained", Some(checkpoint)),
        Fate::Shown { checkpoint } => ("visible", Some(checkpoint).filter(|of| *of != CheckpointId::INITIAL)),
    }
}
