//! Event time: sources whose records say when they happened, more or less in order.

use super::{Dice, Limits};
use crate::base::{Concern, Draws, Span};
use crate::scenario::{Assignment, EventTime, Scenario, Source, Watermarks};

/// The same scenario, where in some the records of sources say when they happened.
pub(super) fn with_times(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 14), next: 0 };
    let dice = &mut dice;
    if !limits.event_time || !dice.chance(35) {
        return scenario;
    }
    // In most jobs no record is late, and then none may be.
    let is_lossy = dice.chance(35);
    for source in scenario.job.operators.iter_mut().filter_map(|operator| operator.source.as_mut()) {
        let times = random_times(dice, source, is_lossy);
        if source.assignment == Assignment::Static && dice.chance(85) {
            source.event_time = Some(times);
        }
    }
    scenario
}

pub(super) fn random_times(dice: &mut Dice, source: &Source, is_lossy: bool) -> EventTime {
    let step = Span::from_micros(dice.pick(&[1, 30, 1_000]));
    let disorder = Span::from_micros(if dice.chance(80) { dice.from(1, 4_000) } else { 0 });
    let more = Span::from_micros(if dice.chance(30) { dice.from(1, 2_000) } else { 0 });
    let less = Span(dice.roll(disorder.0 + 1));
    let idle_after = Span::from_micros(dice.pick(&[1, 300, 2_000]));
    let watermarks = match dice.chance(50) {
        true => Watermarks::Every(Span::from_micros(dice.pick(&[1, 100, 1_500]))),
        false => Watermarks::Records(dice.pick(&[1, 1, 3, 10])),
    };
    let may_idle = is_lossy && dice.chance(70) && matches!(watermarks, Watermarks::Every(_));
    EventTime {
        step: source.rate.is_none().then_some(step),
        disorder,
        bound: if is_lossy && dice.chance(50) { less } else { disorder + more },
        watermarks,
        idle_after: may_idle.then_some(idle_after),
    }
}
