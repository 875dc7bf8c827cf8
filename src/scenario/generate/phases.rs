//! Jobs that go on, changed: a random one is stopped by a savepoint or cancelled, and taken up with another parallelism.

use super::wild::is_hopeless;
use super::{Dice, Limits, generate, state};
use crate::base::{Concern, Draws, Place, Span};
use crate::scenario::{
    Effect, Expect, ExternalFault, ExternalMishap, Fault, Job, Origin, Phase, Request, Scenario, SubtaskName, Take,
    When,
};

/// At most so many phases follow the first.
const MOST: u64 = 2;

/// The scenario of a seed under a protocol, with phases after it.
pub fn generate_phases(seed: u64, limits: &Limits, protocol: &str) -> Scenario {
    // Splits, windows and cycles cannot be taken up.
    let limits = &Limits { splits: false, cycles: false, over_time: false, requests: false, ..*limits };
    let mut first = generate(seed, limits, protocol);
    // What an expired transaction lost is excused in its own phase, and nobody remembers it in the next.
    let expires =
        |fault: &Fault| matches!(&fault.effect, Effect::External(ExternalFault { does: ExternalMishap::Expire, .. }));
    first.faults.retain(|fault| !expires(fault));
    let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 12), next: 0 };
    let many = dice.from(1, MOST);
    let mut then: Vec<Phase> = Vec::new();
    for n in 0..many {
        let mut dice = Dice { draws: Draws::new(seed, Concern::Generator, 13 + n), next: 0 };
        let dice = &mut dice;
        let before = then.last_mut().map_or(&mut first, |phase| &mut phase.scenario);
        let from = ending(dice, before);
        let scenario = changed(dice, limits, before, from).into();
        let pause = Span::from_micros(if dice.chance(50) { dice.roll(20_000) } else { 0 });
        let (why, place) = (String::new(), Place::default());
        then.push(Phase { why, from, pause, drops_state: false, scenario, place });
    }
    Scenario { then, ..first }
}

/// How a phase ends, and with what.
fn ending(dice: &mut Dice, scenario: &mut Scenario) -> Origin {
    let at = Span::from_micros(dice.from(500, 25_000));
    let take = dice.pick(&[Take::Suspend, Take::Suspend, Take::Drain]);
    let cancels = scenario.checkpoints.interval.is_some() && dice.chance(50);
    if cancels {
        scenario.run.cancel = Some(at);
        return Origin::Checkpoint;
    }
    scenario.checkpoints.requests = vec![Request { at, take, place: Place::default() }];
    let alone = Scenario { faults: Vec::new(), ..scenario.clone() };
    scenario.faults.retain(|fault| !is_hopeless(&fault.effect, &alone));
    Origin::Savepoint
}

/// The next phase: another parallelism here and there, other machines, and a few tasks that fail.
fn changed(dice: &mut Dice, limits: &Limits, before: &Scenario, from: Origin) -> Scenario {
    let mut scenario = Scenario { then: Vec::new(), schedule: Vec::new(), expect: Expect::default(), ..before.clone() };
    scenario.run.cancel = None;
    scenario.checkpoints.requests.clear();
    rescale(dice, limits, from, &mut scenario.job);
    if dice.chance(40) {
        scenario.backend = state::with_backend(dice.roll(u64::MAX), limits, scenario.clone()).backend;
    }
    scenario.cluster.task_managers = dice.from(1, 3) as u32;
    let faults = dice.from(0, 2);
    scenario.faults = (0..faults).map(|_| random_fault(dice, &scenario.job)).collect();
    scenario
}

fn random_fault(dice: &mut Dice, job: &Job) -> Fault {
    let operator = &job.operators[dice.roll(job.operators.len() as u64) as usize];
    let subtask = dice.roll(u64::from(operator.parallelism)) as u32;
    let fails = SubtaskName { operator: operator.id.clone(), subtask };
    let at = When::At(Span::from_micros(dice.roll(20_000)));
    Fault { when: at, effect: Effect::FailTask(fails), place: Place::default() }
}

/// Operators that belong together by forward edges stay equal.
fn rescale(dice: &mut Dice, limits: &Limits, from: Origin, job: &mut Job) {
    let mut group: Vec<usize> = (0..job.operators.len()).collect();
    let at = |job: &Job, id: &str| job.operators.iter().position(|operator| operator.id == id).unwrap_or(0);
    for edge in job.edges.iter().filter(|edge| edge.by == crate::scenario::Partitioner::Forward) {
        let (a, b) = (group[at(job, &edge.from)], group[at(job, &edge.to)]);
        group.iter_mut().filter(|of| **of == b).for_each(|of| *of = a);
    }
    for of in 0..job.operators.len() {
        let members: Vec<usize> = (0..job.operators.len()).filter(|op| group[*op] == of).collect();
        if members.is_empty() || !dice.chance(60) {
            continue;
        }
        let partitions = members.iter().filter_map(|op| Some(job.operators[*op].source.as_ref()?.partitions)).min();
        let most = partitions.unwrap_or(u32::MAX).min(limits.parallelism + 1);
        // How much the outside has of each of them is not told apart.
        let counts_offsets = |op: &usize| {
            let operator = &job.operators[*op];
            operator.kind == "sink" && operator.sink == crate::scenario::SinkMode::Offsets
        };
        if from == Origin::Checkpoint && members.iter().any(counts_offsets) {
            continue;
        }
        let parallelism = dice.from(1, u64::from(most)) as u32;
        members.into_iter().for_each(|op| {
            job.operators[op].parallelism = parallelism;
            job.operators[op].on = None;
        });
    }
}
