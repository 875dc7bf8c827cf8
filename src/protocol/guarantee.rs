//! What is guaranteed for a job: how often a record counts in the state of its operators, and how often it is seen outside.
//!
//! A protocol claims something for itself; what a job gets depends on what stands around it as well: a source that cannot
//! go back loses, a sink that shows records at once shows them again, transactions may be too old when they are to be
//! committed. All that is known before anything runs, and is said here, once: campaigns take it for what to hold a run
//! to, reports print it, and where something may go wrong there is a scenario in which it does.
//!
//! It is about failures that a protocol tolerates. A checkpoint that can never be read again, and a source that is stopped
//! before it has come as far as it had been, void more; the checks know what then is left.

use super::{Delivery, Protocol};
use crate::plan::Plan;
use crate::scenario::{Effect, ExternalFault, ExternalMishap, Fault, OnExpired, Operator, Scenario, SinkMode};

/// What a job is promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// How often a record counts in state.
    pub state: Counted,
    /// How often each sink shows it, in the order of operators.
    pub outputs: Vec<SinkGuarantee>,
}

/// How often a record counts at a place, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// It may count twice.
    pub may_double: bool,
    /// It may not count at all.
    pub may_lose: bool,
    /// Even if nothing fails.
    pub unprovoked: bool,
    /// Why that is so, or why neither can be.
    pub because: String,
}

/// What a sink promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkGuarantee {
    /// Its name.
    pub sink: String,
    /// How often a record is seen outside.
    pub output: Counted,
}

impl Guarantee {
    /// What is promised for a scenario under a protocol.
    ///
    /// ```
    /// use cutline::protocol::{self, Guarantee};
    /// use cutline::{plan, scenario};
    ///
    /// let scenario = scenario::parse(&scenario::starter("job"), "job.json")?;
    /// let plan = plan::build(&scenario);
    /// let (protocol, _) = protocol::configure(&scenario, &plan)?;
    /// assert_eq!(Guarantee::of(protocol, &scenario, &plan).state.name(), "exactly once");
    /// # Ok::<(), cutline::base::Problem>(())
    /// ```
    pub fn of(protocol: &dyn Protocol, scenario: &Scenario, plan: &Plan) -> Self {
        let setting = Setting::new(protocol, scenario, plan);
        let sinks = scenario.job.operators.iter().filter(|operator| operator.kind == "sink");
        let outputs = sinks.map(|sink| SinkGuarantee { sink: sink.id.clone(), output: setting.output(sink) });
        Self { state: setting.state(), outputs: outputs.collect() }
    }

    /// All of it in a sentence: `state exactly once; output at least once: sink "out" shows …`.
    pub fn sentence(&self) -> String {
        let mut text = format!("state {}", self.state.name());
        if !self.state.is_exact() {
            text += &format!(" ({})", self.state.because);
        }
        let exact: Vec<&str> =
            self.outputs.iter().filter(|of| of.output.is_exact()).map(|of| of.sink.as_str()).collect();
        if exact.len() == self.outputs.len() {
            return text + "; output exactly once";
        }
        for SinkGuarantee { sink, output } in self.outputs.iter().filter(|of| !of.output.is_exact()) {
            text += &format!("; output {}: {sink} {}", output.name(), output.because);
        }
        if !exact.is_empty() {
            text += &format!("; output exactly once: {}", exact.join(", "));
        }
        text
    }
}

impl Counted {
    /// Neither lost nor doubled.
    pub fn is_exact(&self) -> bool {
        !self.may_double && !self.may_lose
    }

    /// What this is called.
    pub fn name(&self) -> &'static str {
        match (self.may_double, self.may_lose) {
            (false, false) => "exactly once",
            (true, false) => "at least once",
            (false, true) => "at most once",
            (true, true) => "any number of times",
        }
    }

    /// A sign for tables: `=`, `+`, `-`, `±`.
    pub fn sign(&self) -> &'static str {
        match (self.may_double, self.may_lose) {
            (false, false) => "=",
            (true, false) => "+",
            (false, true) => "-",
            (true, true) => "±",
        }
    }
}

/// What decides.
struct Setting<'a> {
    scenario: &'a Scenario,
    /// The protocol lets records past a barrier into a snapshot, and the source reads them again.
    goes_past: bool,
    /// It lets them past, and there is no task that reads several inputs.
    has_one_input: bool,
    /// A recovery puts records into channels again, whatever sources do.
    replays_channels: bool,
    /// Checkpoints complete, and sinks are told.
    completes: bool,
    /// Some source reads again what it had read, and some does not.
    rewinds: bool,
    skips: bool,
}

impl<'a> Setting<'a> {
    fn new(protocol: &dyn Protocol, scenario: &'a Scenario, plan: &Plan) -> Self {
        let lets_past = protocol.claims().delivery == Delivery::AtLeastOnce;
        let reads_several = plan.task_ids().any(|task| plan.inputs(task).len() > 1);
        let mut sources = scenario.job.operators.iter().filter_map(|operator| operator.source.as_ref());
        let rewinds = sources.clone().any(|source| source.replayable);
        Self {
            scenario,
            goes_past: lets_past && reads_several && rewinds,
            has_one_input: lets_past && !reads_several,
            completes: protocol.claims().coordinated && scenario.checkpoints.interval.is_some(),
            replays_channels: protocol.replays_channels() && !plan.channels.is_empty(),
            rewinds,
            skips: sources.any(|source| !source.replayable),
        }
    }

    fn state(&self) -> Counted {
        let mut because = Vec::new();
        if self.goes_past {
            because.push("records that went past a barrier are read again");
        }
        if self.skips {
            because.push("a source cannot read again what came after the checkpoint");
        }
        if because.is_empty() {
            because.push(match self.has_one_input {
                true => "no task has several inputs, so no record goes past a barrier",
                false => "a restart goes back to what belongs together, and what came after it is read again",
            });
        }
        let because = because.join(", and ");
        Counted { may_double: self.goes_past, may_lose: self.skips, unprovoked: false, because }
    }

    fn output(&self, sink: &Operator) -> Counted {
        let mode = sink.sink;
        let again = self.shows_again(mode);
        let lost = [self.skips.then_some("never sees what a source cannot read again"), self.expires(sink)];
        let lost: Vec<&str> = lost.into_iter().flatten().collect();
        let (may_double, may_lose) = (again.is_some(), !lost.is_empty());
        let because: Vec<&str> = again.into_iter().chain(lost).collect();
        let because = if because.is_empty() { vec![safe(mode)] } else { because };
        let unprovoked = self.expires(sink).is_some() && !self.completes;
        Counted { may_double, may_lose, unprovoked, because: because.join(", and ") }
    }

    /// How a record can be seen twice.
    fn shows_again(&self, mode: SinkMode) -> Option<&'static str> {
        match mode {
            SinkMode::Plain if self.rewinds => Some("shows records at once, and a restart writes them again"),
            SinkMode::Plain if self.replays_channels => {
                Some("shows records at once, and what was in channels is put back and written again")
            }
            SinkMode::TwoPhase | SinkMode::Committables if self.commits_alone() => {
                Some("commits when its tasks end, without checkpoints each on its own")
            }
            SinkMode::TwoPhase | SinkMode::Committables if self.goes_past => Some("commits what counts twice"),
            _ => None,
        }
    }

    /// How a record that was written can be gone.
    fn expires(&self, sink: &Operator) -> Option<&'static str> {
        if sink.transactions.on_expired != OnExpired::Lose || !sink.sink.commits() {
            return None;
        }
        if self.scenario.faults.iter().any(|fault| makes_too_old(fault, sink)) {
            return Some("loses a transaction that a fault makes too old");
        }
        let timeout = sink.transactions.timeout?;
        match sink.sink {
            SinkMode::TwoPhase | SinkMode::Committables if !self.completes => {
                Some("commits when the job ends, and loses what is older than its timeout then")
            }
            SinkMode::TwoPhase | SinkMode::Committables => {
                Some("loses a transaction that an outage makes older than its timeout")
            }
            // It is open from barrier to barrier; what a failure interrupts is written again.
            SinkMode::Offsets if self.scenario.checkpoints.interval.is_none_or(|interval| timeout <= interval) => {
                Some("loses a transaction that is older than its timeout at the barrier")
            }
            _ => None,
        }
    }

    /// Nobody tells sinks that all is safe.
    fn commits_alone(&self) -> bool {
        self.scenario.checkpoints.interval.is_none()
    }
}

/// Whether a fault of the scenario is that a transaction of this sink is too old.
fn makes_too_old(fault: &Fault, sink: &Operator) -> bool {
    matches!(&fault.effect, Effect::External(ExternalFault { of, does: ExternalMishap::Expire }) if *of == sink.id)
}

/// Why a sink shows nothing twice.
fn safe(mode: SinkMode) -> &'static str {
    match mode {
        SinkMode::Plain => "shows records at once, and nothing is written again",
        SinkMode::Idempotent => "has a row for each record: what is written again changes nothing",
        SinkMode::TwoPhase => "commits what a completed checkpoint covers; what is rolled back is aborted",
        SinkMode::Committables => "hands over what a completed checkpoint covers; what is rolled back is aborted",
        SinkMode::Offsets => "commits how far it got with its output: what is there is not written again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan, protocol, scenario};

    /// Two sources of records, a count and a sink, of which something is said.
    fn guarantee(protocol: &str, source: &str, sink: &str) -> Guarantee {
        let text = format!(
            r#"{{"cutline": 1, "job": {{"operators": [
                {{"id": "in", "kind": "source", "parallelism": 2, "records": 9{source}}},
                {{"id": "count", "kind": "count", "parallelism": 2}},
                {{"id": "out", "kind": "sink", "parallelism": 2{sink}}}],
              "edges": [{{"from": "in", "to": "count"}}, {{"from": "count", "to": "out", "by": "rebalance"}}]}},
              "checkpoints": {{"protocol": "{protocol}", "interval": "1s"}}}}"#
        );
        let scenario = scenario::parse(&text, "job.json").unwrap_or_else(|problem| panic!("{problem}"));
        let plan = plan::build(&scenario);
        let (protocol, _) = protocol::configure(&scenario, &plan).unwrap_or_else(|problem| panic!("{problem}"));
        Guarantee::of(protocol, &scenario, &plan)
    }

    fn signs(protocol: &str, source: &str, sink: &str) -> String {
        let guarantee = guarantee(protocol, source, sink);
        format!("{}/{}", guarantee.state.sign(), guarantee.outputs[0].output.sign())
    }

    #[test]
    fn protocol_source_and_sink_decide_together() {
        let sinks = [r#", "output": "plain""#, r#", "output": "idempotent""#, "", r#", "transaction_timeout": "1s""#];
        let all = |protocol, source| sinks.map(|sink| signs(protocol, source, sink));
        let once = r#", "replayable": false"#;
        assert_eq!(all("aligned", ""), ["=/+", "=/=", "=/=", "=/-"]);
        assert_eq!(all("at-least-once", ""), ["+/+", "+/=", "+/+", "+/±"]);
        assert_eq!(all("aligned", once), ["-/-", "-/-", "-/-", "-/-"]);
        assert_eq!(all("at-least-once", once), ["-/-", "-/-", "-/-", "-/-"]);
        for replays in ["unaligned", "chandy-lamport", "uncoordinated"] {
            assert_eq!(all(replays, once), ["-/±", "-/-", "-/-", "-/-"], "{replays}");
        }
    }

    #[test]
    fn the_sentence_names_what_may_go_wrong_and_why() {
        assert_eq!(guarantee("aligned", "", "").sentence(), "state exactly once; output exactly once");
        assert_eq!(
            guarantee("aligned", "", r#", "output": "plain""#).sentence(),
            "state exactly once; output at least once: out shows records at once, and a restart writes them again"
        );
        assert_eq!(
            guarantee("at-least-once", "", r#", "output": "idempotent""#).sentence(),
            "state at least once (records that went past a barrier are read again); output exactly once"
        );
    }
}
