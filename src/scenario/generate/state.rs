//! How tasks keep their state: backends whose files are small enough for something to happen to them in a short run.

use super::{Dice, Limits};
use crate::base::{Bytes, Concern, Draws, Rate, Span};
use crate::scenario::{Backend, BackendKind, Scenario};

/// The same scenario, with another backend in some.
pub(super) fn with_backend(seed: u64, limits: &Limits, mut scenario: Scenario) -> Scenario {
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 20), next: 0 };
    let dice = &mut dice;
    if !limits.backends || !dice.chance(45) {
        return scenario;
    }
    let kind = dice.pick(&[
        BackendKind::LsmIncremental,
        BackendKind::LsmIncremental,
        BackendKind::Changelog,
        BackendKind::Changelog,
        BackendKind::Disaggregated,
        BackendKind::LsmFull,
        BackendKind::Heap,
    ]);
    scenario.backend = random_backend(dice, kind);
    for operator in &mut scenario.job.operators {
        if dice.chance(40) {
            operator.state.base = Bytes(dice.from(1, 5000));
        }
        if dice.chance(30) {
            operator.state.per_record = Bytes(dice.from(1, 100));
        }
    }
    if dice.chance(30) {
        scenario.storage.local = true;
    }
    if dice.chance(30) {
        scenario.storage.bandwidth = Rate(dice.pick(&[1_000_000, 5_000_000]));
    }
    if dice.chance(30) {
        scenario.checkpoints.retained = dice.from(2, 3) as u32;
    }
    scenario
}

/// Only what belongs to the kind is drawn.
fn random_backend(dice: &mut Dice, kind: BackendKind) -> Backend {
    let rates = [Rate(0), Rate(20_000_000), Rate(100_000_000)];
    let plain = Backend { kind, ..Backend::default() };
    match kind {
        BackendKind::Heap => Backend { copy: dice.pick(&rates), serialize: dice.pick(&rates), ..plain },
        BackendKind::LsmFull => Backend { serialize: dice.pick(&rates), ..plain },
        BackendKind::LsmIncremental | BackendKind::Disaggregated => Backend {
            memtable: Bytes(dice.pick(&[1, 300, 1000, 1 << 20])),
            flush: dice.pick(&rates),
            compact_at: dice.from(2, 6) as u32,
            ..plain
        },
        BackendKind::Changelog => Backend {
            materialize: Span::from_micros(dice.pick(&[100, 1_000, 5_000])),
            replay: dice.pick(&rates),
            ..plain
        },
    }
}
