//! Windows, joins over time and timeouts, where records say when they happened and come by key.

use super::times::random_times;
use super::{Dice, Limits, ONE};
use crate::base::{Concern, Draws, Span};
use crate::scenario::{Assignment, Edge, Job, Operator, OverTime, Partitioner, Scenario, Window, WindowShape};

/// Of more records than these there would be too many pairs.
const PAIRED_MAX: u64 = 60;

/// The same scenario, where some of the operators keep records until a time has come instead.
pub(super) fn with_panes(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 15), next: 0 };
    let dice = &mut dice;
    if !limits.over_time || !limits.event_time || !dice.chance(25) {
        return scenario;
    }
    let is_lossy = dice.chance(35);
    for source in scenario.job.operators.iter_mut().filter_map(|operator| operator.source.as_mut()) {
        let times = random_times(dice, source, is_lossy);
        if source.assignment == Assignment::Static {
            source.event_time.get_or_insert(times);
        }
    }
    let records: u64 = scenario.job.operators.iter().flat_map(|op| op.source.as_ref()?.records).sum();
    let may_pair = records <= PAIRED_MAX;
    for at in 0..scenario.job.operators.len() {
        let two = inputs(&scenario.job, at).count() == 2;
        let (chance, over_time) = (dice.chance(75), random_over_time(dice, two && may_pair));
        let kind = match over_time {
            OverTime::Window(_) => "window",
            OverTime::Pairs(_) => "window-join",
            OverTime::Interval { .. } => "interval-join",
            OverTime::After(_) => "timeout",
        };
        if chance {
            come_by_key(&mut scenario.job, at, limits.mixed);
        }
        // Who makes tasks do again what they did counts on them doing the same, whatever the time is.
        let is_certain = limits.coordinated || over_time.is_of_events();
        if chance && is_certain && may_keep(&scenario.job, at, &over_time) {
            let operator = &mut scenario.job.operators[at];
            (operator.kind, operator.over_time, operator.selectivity) = (kind.to_owned(), Some(over_time), ONE);
        }
    }
    scenario
}

fn inputs(job: &Job, at: usize) -> impl Iterator<Item = &Edge> {
    job.edges.iter().filter(move |edge| edge.to == job.operators[at].id)
}

/// Barriers may overtake on an edge before and after, unless edges may be as they like.
fn come_by_key(job: &mut Job, at: usize, mixed: bool) {
    let Operator { id, kind, .. } = &job.operators[at];
    for edge in job.edges.iter_mut().filter(|edge| edge.to == *id && kind != "sink" && kind != "committer") {
        if (mixed || edge.by.lets_overtake()) && !edge.chained {
            edge.by = Partitioner::Hash;
        }
    }
}

/// Whether an operator gets all records of a key, which are of some time, and none of them comes round.
fn may_keep(job: &Job, at: usize, over_time: &OverTime) -> bool {
    let by_key = |edge: &Edge| edge.by == Partitioner::Hash && !edge.feedback;
    let goes_round = job.edges.iter().any(|edge| edge.feedback);
    let operator = &job.operators[at];
    let is_timed = |of: &Operator| of.source.as_ref().is_none_or(|source| source.event_time.is_some());
    let has_times = job.operators.iter().all(is_timed) || !over_time.is_of_events();
    let is_inside = matches!(operator.kind.as_str(), "count" | "map" | "filter" | "flat-map");
    is_inside && inputs(job, at).all(by_key) && !goes_round && has_times
}

fn random_over_time(dice: &mut Dice, two: bool) -> OverTime {
    let mut span = || Span::from_micros(dice.pick(&[1, 20, 300, 2_000, 7_000, 40_000]));
    let (size, other, third) = (span(), span(), span());
    let slide = Span(size.0.div_ceil(dice.from(1, 4)));
    let shape = match dice.roll(5) {
        0 => WindowShape::Session(size),
        1 => WindowShape::Sliding { size, slide },
        _ => WindowShape::Tumbling(size),
    };
    let lateness = if dice.chance(25) { other } else { Span::ZERO };
    match if two { dice.roll(6) } else { 4 + dice.roll(6) } {
        9 => OverTime::After(size),
        0 | 1 => OverTime::Interval { before: Span(other.0 - 1), after: third },
        2 | 3 if !matches!(shape, WindowShape::Session(_)) => OverTime::Pairs(Window { shape, lateness: Span::ZERO }),
        _ => OverTime::Window(Window { shape, lateness }),
    }
}
