//! cutline simulates checkpointing of streaming dataflows: deterministically, judged by checks, and fast.
//!
//! Every checkpoint draws a line across a running dataflow: all that happened before it is saved, all after it
//! will be replayed. Here the algorithms that draw the line run on a simulated cluster, where every run can
//! be repeated, every record accounted for, and every wait explained.
//!
//! # One idea
//!
//! **A pure world of steps; time, chance and faults are drivers around it; a run is a value.**
//!
//! ```text
//!  scenario ──► plan ──► world ◄── protocol          world: which steps are possible, what each does
//!   (JSON)    (tasks)     ▲ ▲                        protocol: policy only, one file each
//!                         │ └── fault plan (a value)
//!            timed driver · wanderer                 who picks the next step: a clock, or a chooser
//!                         │
//!                      events ──► checks ──► verdict
//!                         └─────► figures ─► report (tables, JSON, charts)
//! ```
//!
//! The [`world`] has no clock, no randomness, no input or output. The timed driver gives each step a virtual
//! instant from the cost model and takes the earliest; the wanderer ignores cost and takes any. The same
//! protocol runs under both, unchanged. What comes out is a sequence of events with a digest, and everything
//! else - verdict, figures, tables, charts - is computed from it.
//!
//! ```
//! use cutline::campaign::{Runner, Want};
//! use cutline::check::Verdict;
//! use cutline::{scenario, world::Job};
//!
//! let text = r#"{
//!   "cutline": 1,
//!   "job": {
//!     "operators": [
//!       {"id": "in", "kind": "source", "records": 1000, "rate": "10k/s", "parallelism": 2},
//!       {"id": "count", "kind": "count", "parallelism": 3},
//!       {"id": "out", "kind": "sink", "output": "two-phase"}
//!     ],
//!     "edges": [{"from": "in", "to": "count"}, {"from": "count", "to": "out"}]
//!   },
//!   "checkpoints": {"protocol": "aligned", "interval": "20ms", "first": "20ms"},
//!   "faults": [{"when": {"event": "snapshot-durable", "checkpoint": 2}, "fail": "count[1]"}],
//!   "expect": {"happens": [{"event": "job-restarting"}]}
//! }"#;
//! let scenario = scenario::parse(text, "crash.json")?;
//! let mut runner = Runner::new(Job::compile(scenario)?.into(), Want::default())?;
//! let outcome = runner.run(1);
//! assert_eq!(outcome.verdict, Verdict::Pass);
//! println!("{:?}, digest {}", outcome.verdict, outcome.digest);
//! assert_eq!(runner.run(1).digest, outcome.digest);
//! # Ok::<(), cutline::base::Problem>(())
//! ```
//!
//! # The house
//!
//! Each folder may use those above it in this table, and none below: `tests/layering.rs` says so.
//!
//! | folder | holds |
//! |---|---|
//! | [`base`] | virtual time, sizes, typed ids, addressed randomness, digests, the one error type |
//! | [`trace`] | the event vocabulary, the one predicate language over events, comparing runs |
//! | [`scenario`] | what the user writes: types, parsing, complaints, schema, random scenarios |
//! | [`plan`] | tasks, channels, chains, key groups: graph work once, then index tables |
//! | [`workload`] | sources, operators, sinks; the batch oracle that knows the right result |
//! | [`fault`] | fault plans: a time or a predicate × a primitive |
//! | [`protocol`] | the roles of a protocol, and the zoo: one file each |
//! | [`world`] | the simulated cluster and its steps |
//! | [`drive`] | who picks the next step, and when it is |
//! | [`check`] | one invariant per file, figures, verdicts; never looks into the world |
//! | [`model`] | closed forms: the recurrence T(n,i) = max T(n,j) + t(i), critical paths |
//! | [`campaign`] | many runs of one compiled scenario, or of several beside one another; hunting for one that fails, and making it small |
//! | [`report`] | text tables, JSON, charts |
//! | [`cli`] | one file per command |
//!
//! # What keeps it right, real, fast
//!
//! **Right.** Policy and mechanism are apart: a protocol only pushes commands and cannot see a record's
//! lineage. The expected result comes from a batch evaluation that shares nothing with channels, barriers or
//! time. A protocol is held to what it claims ([`protocol::Claims`]) on random jobs with random crashes,
//! under the clock and in interleavings that no clock would make. Every check has forged traces that it must
//! refuse (`tests/forged_traces/`), and a situation that a scenario promises and that never comes up is a
//! MISS, not a PASS. What a protocol, a source and a sink guarantee together is a value ([`protocol::Guarantee`]), and
//! cuts both ways: what may go wrong has to, in some run ([`campaign::guarantees()`]).
//!
//! **Real.** Tasks exchange buffers with credits, a flush timeout and backpressure, as Flink's do; barriers,
//! triggers, minimum pause, expiry and notifications follow its rules, and figures carry its names. Where the
//! textbook's assumptions hold, the simulation agrees with its recurrence to the nanosecond, and where they do
//! not, the report says by cause why not ([`model::explain`]).
//!
//! **Fast.** Records are data, buffers are events: between two effects the records of a task are one tight loop.
//! That is invisible: the law of [`world`] says that one step of n records is n steps of one, and
//! `tests/fast_path.rs` holds it to the digest. A compiled scenario is shared by all runs, a world is reset
//! in place, checks are online, and nothing is recorded that nobody asked for.
//!
//! **Deterministic.** Integers only where anything is decided. A draw is a function of its address
//! ([`base::Draws`]), so that one fault more or one task less changes no other draw. Ties in time are broken by
//! kind of step and a hash of its identity. `clippy.toml` and `tests/tidy.rs` ban clocks and
//! hash-ordered maps.
//!
//! # To add …
//!
//! | what | file | table | held to it by |
//! |---|---|---|---|
//! | a protocol | `protocol/zoo/name.rs`: [`protocol::Protocol`], [`protocol::TaskRole`], and [`protocol::CoordinatorRole`] or the shared [`protocol::BarrierCoordinator`] | [`protocol::ZOO`] | `tests/zoo.rs`, and `tests/exactly_once.rs`: its claims, on random jobs |
//! | an operator | `workload/operators/name.rs`: [`workload::OperatorKind`]; how many inputs it has: `scenario/operator.rs` | [`workload::OPERATORS`] | the oracle |
//! | a state backend | `world/backend/name.rs`: [`world::StateBackend`]; its name and settings: `scenario/backend.rs` | [`world::BACKENDS`] | `tests/hunting.rs`: the checks `registry` and `entries` |
//! | a check | `check/name.rs`: [`check::Check`] | [`check::CHECKS`] | a forged trace in `tests/forged_traces/` |
//! | a figure | a line of `check/figures/table.rs` | [`check::FIGURES`] | `expect.figures` of a scenario |
//! | a fault | `fault/name.rs`, a variant of [`scenario::Effect`], and of [`fault::Primitive`] if none there does it; what it does to the cluster is `world/damage.rs` | [`fault::KINDS`] | `tests/hunting.rs`, a scenario |
//! | a wrong decision | a line of `fault/mutant.rs`, and one condition where it is made | [`fault::Mutant`] | `tests/mutants.rs`: a check must notice |
//! | a command | `cli/name.rs`: [`cli::Command`] | [`cli::COMMANDS`] | `tests/command_line.rs` |
//!
//! The tables drive `cutline list`, the help, the complaints and the tests.

pub mod base;
pub mod campaign;
pub mod check;
pub mod cli;
pub mod drive;
pub mod fault;
pub mod model;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod workload;
pub mod world;
