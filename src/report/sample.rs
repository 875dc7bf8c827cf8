//! Runs that were made up, for the tests of reports.

use super::{CheckLine, RunView};
use crate::base::{Attempt, CheckpointId, Digest, OperatorId, Span, TaskId, Time, below};
use crate::check::{Account, Expectation, Figures, Finding, Findings, Tally};
use crate::model::sample::{self, By, Invented, Order};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::trace::{AbortReason, Event, Observer};

/// How large a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Four tasks, no checkpoints, no events.
    Nothing,
    /// Four tasks, five checkpoints, one of them expired, a crash.
    Small,
    /// Twenty-four tasks.
    Medium,
    /// Two hundred tasks, forty checkpoints.
    Large,
    /// 1504 tasks of long names.
    Huge,
}

/// The job and the figures of a made-up run.
pub(crate) fn run(size: Size, order: Order) -> (Scenario, Plan, Figures) {
    let (scenario, plan) = match size {
        Size::Nothing | Size::Small => sample::job(
            &[("source", 1), ("join", 2), ("sink", 1)],
            &[("source", "join", By::Hash), ("join", "sink", By::Hash)],
        ),
        Size::Medium => sample::job(
            &[("orders", 6), ("payments", 4), ("join", 8), ("enrich-with-customer-data", 4), ("sink", 2)],
            &[
                ("orders", "join", By::Hash),
                ("payments", "join", By::Hash),
                ("join", "enrich-with-customer-data", By::Rebalance),
                ("enrich-with-customer-data", "sink", By::Rebalance),
            ],
        ),
        Size::Large => sample::job(
            &[("source", 64), ("parse", 64), ("count", 64), ("sink", 8)],
            &[("source", "parse", By::Forward), ("parse", "count", By::Hash), ("count", "sink", By::Rescale)],
        ),
        Size::Huge => sample::job(
            &[("a-source-that-has-a-long-name", 500), ("parse", 500), ("count-what-comes-in", 500), ("sink", 4)],
            &[
                ("a-source-that-has-a-long-name", "parse", By::Forward),
                ("parse", "count-what-comes-in", By::Rescale),
                ("count-what-comes-in", "sink", By::Hash),
            ],
        ),
    };
    let mut figures = Figures::new(&plan);
    let checkpoints = match size {
        Size::Nothing => return (scenario, plan, figures),
        Size::Large => 40,
        _ => 5,
    };
    for n in 1..=checkpoints {
        let seed =
            move |what: u64, i: usize, most: u64| Span(below(sample::draws(what << 32 | n << 20 | i as u64)(), most));
        let invented = Invented {
            plan: &plan,
            order,
            rpc: Span::from_micros(800),
            transit: &|c| seed(1, c, 3_000_000) + if c % 7 == 1 { Span::from_millis(12) } else { Span::ZERO },
            wait: Span::from_micros(300),
            sync: &|t| Span::from_micros(700) + seed(2, t, 2_500_000),
            r#async: &|t| Span::from_millis(2) + seed(3, t, 9_000_000),
        };
        let trigger = Time(n * 1_000_000_000);
        let expires = size != Size::Large && n == 4;
        for stamped in invented.events(n, trigger) {
            if !expires || stamped.at < trigger + Span::from_millis(9) {
                figures.event(stamped.at, &stamped.event);
            }
        }
        if size == Size::Small && n == 3 {
            crash(&mut figures, &plan);
        }
        if expires {
            let aborted = Event::CheckpointAborted { checkpoint: CheckpointId(n), reason: AbortReason::Expired };
            figures.event(trigger + Span::from_millis(500), &aborted);
        }
    }
    let (task, operator) = (TaskId(0), OperatorId(0));
    figures.event(Time(60_000_000_000), &Event::SourceFinal { task, operator, partition: 0, emitted: 1000 });
    figures.event(Time(60_000_000_000), &Event::RunEnded { drained: 1 });
    (scenario, plan, figures)
}

fn crash(figures: &mut Figures, plan: &Plan) {
    let (task, source, at) = (TaskId(2), TaskId(0), |ms: u64| Time(ms * 1_000_000));
    figures.event(at(3100), &Event::FaultStruck { fault: 0 });
    figures.event(at(3100), &Event::TaskFailed { task, attempt: Attempt(0) });
    figures.event(at(3100), &Event::JobRestarting { task, attempt: Attempt(1) });
    for task in plan.task_ids() {
        figures.event(at(3150), &Event::RestorePoint { task, checkpoint: CheckpointId(3), live: 0 });
    }
    figures.event(at(3150), &Event::SourceRewound { task: source, position: 600, from: 640 });
    for task in plan.task_ids() {
        let started = Event::TaskStarted { task, attempt: Attempt(1), checkpoint: CheckpointId(3) };
        figures.event(at(3200), &started);
    }
    figures.event(at(3205), &Event::ChannelsRecovered { task });
    figures.event(at(4500), &Event::SourceCaughtUp { task: source, position: 3000, lag: 2100 });
}

const MISCOUNTED: &str = "count[1] applied 501 records of 500 from source[0] partition 3, the first of them at offset \
     211, which both attempts had seen before the restart";

/// What a report makes of a made-up run.
pub(crate) fn with_view<T>(size: Size, report: impl FnOnce(&RunView) -> T) -> T {
    let (scenario, plan, figures) = run(size, Order::Emit);
    let mut findings = Findings::default();
    findings.add("exactly-once", Time(4_600_000_000), || Finding::new("applied twice count", MISCOUNTED));
    let line = |name: &str, verdict: &str, note: &str| CheckLine {
        name: name.into(),
        verdict: verdict.into(),
        note: note.into(),
    };
    let checks = [line("exactly-once", "FAIL", MISCOUNTED), line("consistent-cut", "PASS", "24 cuts of 4 checkpoints")];
    let expectations = [
        Expectation { met: false, text: "end-to-end.max is 312ms, expected at most 20ms".into() },
        Expectation { met: true, text: "restarts is 1, expected 1".into() },
    ];
    let miscounted = plan.order.last().map(|operator| Account {
        operator: *operator,
        state: Tally { counted: 1003, due: 1000, swapped: false },
        output: Some(Tally { counted: 990, due: 1000, swapped: false }),
    });
    let accounts: Vec<Account> = miscounted.into_iter().collect();
    report(&RunView {
        scenario: &scenario,
        plan: &plan,
        figures: &figures,
        checks: &checks,
        findings: &findings,
        expectations: &expectations,
        notes: &[],
        verdict: "FAIL",
        as_expected: false,
        digest: Digest(0xabc),
        seed: 7,
        events: 1_234_567,
        hops: 89_000,
        losses: None,
        guarantee: "state exactly once; output exactly once",
        accounts: &accounts,
    })
}
