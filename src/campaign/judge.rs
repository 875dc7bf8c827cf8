//! The checks a protocol's claims call for, with the oracle beside them: a whole run in, a verdict out.

use crate::base::Time;
use crate::check::{Account, Checks, Claim, Claims, Ledger, Verdict};
use crate::scenario::{Operator, SinkMode};
use crate::trace::{Event, EventKind, Observer};
use crate::workload::{ExpectedOutput, Oracle, Record};
use crate::world::{Job, Saved};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Judges runs of a job, online or over saved and forged traces.
pub struct Judge {
    job: Arc<Job>,
    checks: Checks,
    oracle: Oracle,
    ledger: Ledger,
    /// How far sources got, by operator and partition from its first one.
    emitted: Vec<Vec<u64>>,
    /// Each operator's first partition.
    first: Vec<u32>,
    drained: bool,
    /// By operator: what is visible of it outside.
    shown: Vec<ExpectedOutput>,
    /// What came before, if the job goes on from that.
    ground: Option<Ground>,
}

/// What the phases before a run have done to the job, and left to it.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// By name of an operator.
    operators: BTreeMap<String, Before>,
}

#[derive(Clone, Debug, Default)]
struct Before {
    /// A source: the first offsets, by partition, that are still to be read.
    read: Vec<u64>,
    /// What was under way to it.
    flying: Vec<Record>,
    /// What the values of its keyed state must come to.
    values: u64,
    /// What must be visible outside by now, and what is.
    due: ExpectedOutput,
    shown: ExpectedOutput,
    /// What is prepared and will be shown first of all.
    owed: ExpectedOutput,
    /// The rows of an idempotent sink.
    rows: BTreeSet<u64>,
}

impl Judge {
    /// A judge for runs of this job.
    pub fn new(job: Arc<Job>) -> Self {
        let logs = &job.workload.logs;
        Self {
            checks: Checks::for_claims(
                Arc::clone(&job.plan),
                &job.scenario.network,
                job.settings.tolerable_failures,
                claims(&job),
            ),
            oracle: Oracle::new(&job.plan),
            ledger: Ledger::new(&job.plan),
            emitted: logs.iter().map(|log| vec![0; log.as_ref().map_or(0, |log| log.partitions as usize)]).collect(),
            first: logs.iter().map(|log| log.as_ref().map_or(0, |log| log.first_partition)).collect(),
            drained: false,
            shown: vec![ExpectedOutput::default(); job.plan.operators.len()],
            ground: None,
            job,
        }
    }

    /// From now on runs go on from this.
    pub fn stand_on(&mut self, ground: Ground) {
        self.ground = Some(ground);
    }

    /// What a job stands on that goes on from what this run, which is over, has left: this judge's own ground, and all
    /// that the run has done up to there.
    pub fn ground_for(&mut self, seed: u64, saved: &Saved) -> Ground {
        let mut ground = Ground::default();
        let flying = self.flying();
        let before = self.ground.clone().unwrap_or_default();
        let names: Vec<String> = self.job.plan.operators.iter().map(|operator| operator.name.clone()).collect();
        let first = &self.first;
        let done = self.oracle.evaluate_part(
            &self.job.workload,
            seed,
            |operator, partition| {
                let at = (partition - first[operator]) as usize;
                let from = before.read(&names[operator], at);
                from..saved.read(&names[operator]).get(at).copied().unwrap_or(from)
            },
            &flying,
        );
        for (name, done) in names.iter().zip(&done.operators) {
            let old = before.operators.get(name).cloned().unwrap_or_default();
            let due = sum(old.due, done.output.unwrap_or_default());
            let read = saved.read(name).to_vec();
            let values = old.values.wrapping_add(done.values);
            ground.operators.insert(name.clone(), Before { read, values, due, shown: old.shown, ..Before::default() });
        }
        for (name, records) in saved.in_flight() {
            ground.operators.entry(name.to_owned()).or_default().flying.extend(records);
        }
        self.take_back(&mut ground, seed);
        for (index, operator) in self.job.plan.operators.iter().enumerate() {
            let before = ground.operators.entry(operator.name.clone()).or_default();
            // A producer begins to count anew; of others it is known all along what they have shown.
            let counts_anew = operator.sink.is_some_and(SinkMode::commits);
            let earlier = if counts_anew { before.shown } else { ExpectedOutput::default() };
            before.shown = sum(earlier, self.shown[index]);
            let (records, lineage) = saved.owed(&operator.name);
            before.owed = ExpectedOutput { records, lineage };
            before.rows.clone_from(saved.rows(&operator.name));
        }
        ground
    }

    /// What is still under way was not done.
    fn take_back(&mut self, ground: &mut Ground, seed: u64) {
        let operators = &self.job.plan.operators;
        let flying = operators.iter().enumerate().filter_map(|(index, operator)| {
            let before = ground.operators.get(&operator.name).filter(|before| !before.flying.is_empty())?;
            Some((index, before.flying.clone()))
        });
        let flying: Vec<_> = flying.collect();
        let nothing = |_: usize, _: u32| 0..0;
        let undone = self.oracle.evaluate_part(&self.job.workload, seed, nothing, &flying);
        for (operator, undone) in operators.iter().zip(&undone.operators) {
            let before = ground.operators.entry(operator.name.clone()).or_default();
            before.values = before.values.wrapping_sub(undone.values);
            before.due = difference(before.due, undone.output.unwrap_or_default());
        }
    }

    /// What was on its way to operators when the run began.
    fn flying(&self) -> Vec<(usize, Vec<Record>)> {
        let operators = self.job.plan.operators.iter().enumerate();
        let flying = operators.filter_map(|(index, operator)| {
            let before = self.ground.as_ref()?.operators.get(&operator.name)?;
            Some((index, before.flying.clone())).filter(|(_, flying)| !flying.is_empty())
        });
        flying.collect()
    }

    /// The verdict on the run that was just seen to its end; `seed` is the one its records were made from.
    pub fn verdict(&mut self, seed: u64) -> Verdict {
        if self.ground.is_some() {
            return self.verdict_on_ground(seed);
        }
        let (emitted, first) = (&self.emitted, &self.first);
        let expected = self.drained.then(|| {
            self.oracle.evaluate(&self.job.workload, seed, |operator, partition| {
                emitted[operator][(partition - first[operator]) as usize]
            })
        });
        if let Some(expected) = expected {
            self.ledger.close(expected);
        }
        self.checks.finish(expected)
    }

    /// Operators count from the beginning of the phase; values and what is visible have come together since the job began.
    fn verdict_on_ground(&mut self, seed: u64) -> Verdict {
        if !self.drained {
            return self.checks.finish(None);
        }
        let flying = self.flying();
        let ground = self.ground.as_ref().expect("there is some");
        let (emitted, first, plan) = (&self.emitted, &self.first, &self.job.plan);
        let done = self.oracle.evaluate_part(
            &self.job.workload,
            seed,
            |operator, partition| {
                let at = (partition - first[operator]) as usize;
                let from = ground.read(&plan.operators[operator].name, at);
                from..from + emitted[operator][at]
            },
            &flying,
        );
        let mut expected = done.clone();
        let phase: Vec<Option<ExpectedOutput>> = done.operators.iter().map(|operator| operator.output).collect();
        for (operator, expected) in plan.operators.iter().zip(&mut expected.operators) {
            let Some(before) = ground.operators.get(&operator.name) else { continue };
            expected.values = expected.values.wrapping_add(before.values);
            let Some(output) = &mut expected.output else { continue };
            if operator.sink == Some(SinkMode::Idempotent) {
                continue;
            }
            *output = sum(*output, before.due);
            if operator.sink.is_some_and(SinkMode::commits) {
                *output = difference(*output, before.shown);
            }
        }
        for (n, operator) in plan.operators.iter().enumerate() {
            let Some(before) = ground.operators.get(&operator.name) else { continue };
            if operator.sink == Some(SinkMode::Idempotent) {
                // Rows stay, whoever goes back behind them.
                let new = self.oracle.rows(n).filter(|row| !before.rows.contains(row));
                let rows = before.rows.iter().copied().chain(new);
                let row = |lineage| ExpectedOutput { records: 1, lineage };
                expected.operators[n].output = Some(rows.map(row).fold(ExpectedOutput::default(), sum));
            }
        }
        self.ledger.close(&expected);
        // What had been shown beyond what was saved comes again: by a plain sink, or by a job that went on after its
        // savepoint. Nobody promised that it would not.
        let doubles = self.job.guarantee().state.may_double;
        for (n, operator) in plan.operators.iter().enumerate() {
            let Some(before) = ground.operators.get(&operator.name) else { continue };
            let Some(output) = expected.operators[n].output else { continue };
            let is_beyond = before.shown.records > before.due.records;
            expected.operators[n].output = match operator.sink {
                // How much of what was shown is due, nobody can tell if records may count twice.
                Some(sink) if sink.commits() && (is_beyond || doubles) => phase[n].map(|phase| sum(phase, before.owed)),
                Some(SinkMode::Plain) if is_beyond => Some(sum(output, difference(before.shown, before.due))),
                _ => Some(output),
            };
        }
        self.checks.finish(Some(&expected))
    }

    /// How many records are too many or too few, whatever the protocol claims; `None` if the run did not drain.
    pub fn accounts(&self) -> Option<&[Account]> {
        self.ledger.accounts()
    }

    /// The checks with what they found.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// For the next run.
    pub fn reset(&mut self) {
        self.checks.reset();
        self.ledger.reset();
        self.drained = false;
        self.shown.fill(ExpectedOutput::default());
    }

    #[cold]
    fn note_end(&mut self, event: &Event) {
        match *event {
            Event::SourceFinal { operator, partition, emitted, .. } => {
                self.emitted[operator.index()][(partition - self.first[operator.index()]) as usize] = emitted;
            }
            Event::RunEnded { drained } => self.drained = drained == 1,
            Event::OutputFinal { operator, records, lineage, .. } => {
                let shown = &mut self.shown[operator.index()];
                *shown = sum(*shown, ExpectedOutput { records, lineage });
                self.ledger.event(event);
            }
            _ => self.ledger.event(event),
        }
    }
}

impl Ground {
    fn read(&self, source: &str, partition: usize) -> u64 {
        self.operators.get(source).and_then(|before| before.read.get(partition)).copied().unwrap_or(0)
    }
}

fn sum(a: ExpectedOutput, b: ExpectedOutput) -> ExpectedOutput {
    ExpectedOutput { records: a.records + b.records, lineage: a.lineage.wrapping_add(b.lineage) }
}

/// What should have been less than nothing is nothing; the lineages tell.
fn difference(a: ExpectedOutput, b: ExpectedOutput) -> ExpectedOutput {
    ExpectedOutput { records: a.records.saturating_sub(b.records), lineage: a.lineage.wrapping_sub(b.lineage) }
}

impl Observer for Judge {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.checks.event(at, event);
        match event.kind() {
            EventKind::SourceFinal | EventKind::StateFinal | EventKind::OutputFinal | EventKind::RunEnded => {
                self.note_end(event);
            }
            _ => {}
        }
    }
}

/// What a protocol promises for this very job. Of records that sources cannot read again it promises nothing; of output
/// that waits for checkpoints, only if there are some: how much a sink owes beyond that depends on how its output gets
/// outside, and is the checks' business.
fn claims(job: &Job) -> Claims {
    let promised = job.protocol.claims();
    // Without checkpoints nothing is ever committed before the job ends, and its tasks do not end as one.
    let waits = |op: &Operator| op.kind == "sink" && matches!(op.sink, SinkMode::TwoPhase | SinkMode::Committables);
    let committed = job.settings.interval.is_some() || !job.scenario.job.operators.iter().any(waits);
    let mut claims = Vec::new();
    claims.extend(promised.coordinated.then_some(Claim::Coordinated));
    if promised.coordinated_cut {
        let saves_buffers = job.protocol.needs().channel_state;
        claims.push(if saves_buffers { Claim::SavedBuffers } else { Claim::CoordinatedCut });
    }
    let state = job.guarantee().state;
    let (once, output) = match state.may_double {
        false => (Claim::ExactlyOnceState, Claim::ExactlyOnceOutput),
        true => (Claim::AtLeastOnceState, Claim::AtLeastOnceOutput),
    };
    claims.extend((!state.may_lose).then_some(once));
    claims.extend((!state.may_lose && committed).then_some(output));
    Claims::of(&claims)
}
