//! Sources whose partitions are handed out as splits, and what goes wrong with the messages about them.

use super::{Dice, Limits};
use crate::base::{Concern, Draws, Place, Span};
use crate::scenario::{Assignment, Effect, Failover, Fault, MessageFault, MessageKind, Mishap, Scenario, When};
use crate::trace::{EventKind, Predicate};

/// The same scenario, where some of the sources hand out their partitions.
pub(super) fn handed_out(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 6), next: 0 };
    let dice = &mut dice;
    if !limits.splits || !dice.chance(40) {
        return scenario;
    }
    for source in scenario.job.operators.iter_mut().filter_map(|operator| operator.source.as_mut()) {
        if dice.chance(70) {
            source.assignment = Assignment::Dynamic;
            // Enough of them for readers to ask more than once.
            source.partitions += dice.from(0, 6) as u32;
        }
    }
    if dice.chance(25) {
        scenario.cluster.failover = Failover::Full;
    }
    if limits.wild > 0 && dice.chance(50) {
        let effect = Effect::Message(random_message(dice, limits.lossy));
        scenario.faults.push(Fault { when: random_when(dice), effect, place: Place::default() });
    }
    scenario
}

/// From the beginning, or in one of the windows in which splits change hands.
fn random_when(dice: &mut Dice) -> When {
    const KINDS: &[EventKind] = &[
        EventKind::CheckpointTriggered,
        EventKind::SplitAssigned,
        EventKind::SplitFinished,
        EventKind::SplitReturned,
        EventKind::RestorePoint,
    ];
    if dice.chance(30) {
        return When::At(Span::ZERO);
    }
    let (kind, most) = (dice.pick(KINDS), dice.pick(&[1, 4]));
    When::On(Predicate { nth: dice.from(1, most), ..Predicate::first(kind) })
}

fn random_message(dice: &mut Dice, lossy: bool) -> MessageFault {
    let by = Span::from_micros(dice.from(10, 12_000));
    let does = match dice.roll(if lossy { 3 } else { 2 }) {
        0 => Mishap::Delay(by),
        1 => Mishap::Double(by),
        _ => Mishap::Lose,
    };
    let kind = dice.pick(&[MessageKind::Assign, MessageKind::Assign, MessageKind::Request]);
    MessageFault { kind, of: None, checkpoint: None, nth: dice.from(1, 4), does }
}
