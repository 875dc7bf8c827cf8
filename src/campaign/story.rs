//! A job that goes on, changed: its phases, one run after the other, each from what the one before has left.

use super::{Outcome, Runner, Want};
use crate::base::Problem;
use crate::fault::Mutant;
use crate::scenario::{Origin, Phase, Scenario};
use crate::world::Job;
use std::sync::Arc;

/// All phases of a scenario, ready to be run.
pub struct Story {
    chapters: Vec<Chapter>,
}

/// One phase.
pub struct Chapter {
    /// What it goes on from; `None`: it is the first.
    pub phase: Option<Phase>,
    /// What runs it.
    pub runner: Runner,
}

impl Story {
    /// Compiles a checked scenario, for an engine that makes a wrong decision, or none.
    pub fn new(scenario: &Scenario, want: Want, mutant: Option<Mutant>) -> Result<Self, Problem> {
        let jobs = Job::compile_phases(scenario, mutant)?.into_iter();
        let phases = std::iter::once(None).chain(scenario.then.iter().cloned().map(Some));
        let mut chapters: Vec<Chapter> = Vec::new();
        for (job, phase) in jobs.zip(phases) {
            if let (Some(before), Some(phase)) = (chapters.last_mut(), &phase) {
                before.runner.keep(phase.from);
            }
            chapters.push(Chapter { phase, runner: Runner::new(Arc::new(job), want)? });
        }
        Ok(Self { chapters })
    }

    /// Runs one seed; tells of each phase when it is over. Where one fails or leaves nothing, the story ends: of the
    /// phases that were not run the error says why.
    pub fn run(&mut self, seed: u64, mut told: impl FnMut(usize, &mut Chapter, Outcome)) -> Result<(), String> {
        let mut left = None;
        for n in 0..self.chapters.len() {
            let after = self.chapters.get(n + 1).and_then(|chapter| chapter.phase.as_ref());
            let after = after.map(|phase| (phase.from, phase.pause));
            let chapter = &mut self.chapters[n];
            let outcome = match left.take() {
                None => chapter.runner.run(seed),
                Some((saved, ground)) => chapter.runner.run_from(seed, &saved, ground),
            };
            let is_well = outcome.verdict.name() == "PASS";
            told(n, chapter, outcome);
            let Some((from, pause)) = after else { continue };
            if !is_well {
                return Err(format!("phase {} was not run: the one before did not pass", n + 2));
            }
            left = chapter.runner.leave(seed, pause);
            if left.is_none() {
                let what = match from {
                    Origin::Savepoint => "savepoint",
                    Origin::Checkpoint => "checkpoint",
                };
                return Err(format!("phase {} was not run: no {what} of the one before is complete", n + 2));
            }
        }
        Ok(())
    }

    /// The phases.
    pub fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }
}
