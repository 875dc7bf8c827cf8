//! `cutline list`: what scenarios can name, from the tables.

use super::Command;
use crate::base::Problem;
use crate::check::{CHECKS, FIGURES};
use crate::fault::{self, Mutant};
use crate::protocol::{Delivery, ZOO};
use crate::report::hang;
use crate::trace::EventKind;
use crate::workload::OPERATORS;
use crate::world::BACKENDS;
use clap::{Arg, ArgMatches};
use std::io::Write;

/// `list`.
pub struct List;

type Rows = fn() -> Vec<(String, String)>;

/// What can be listed.
const TABLES: &[(&str, &str, Rows)] = &[
    ("protocols", "name them in `checkpoints.protocol`", || {
        let row = |protocol: &&dyn crate::protocol::Protocol| (protocol.name().to_owned(), protocol_line(*protocol));
        ZOO.iter().map(row).collect()
    }),
    ("operators", "the `kind` of an operator", || {
        OPERATORS.iter().map(|kind| (kind.name().to_owned(), kind.about().to_owned())).collect()
    }),
    ("backends", "the `kind` of the `backend`", || {
        let row = |backend: &&dyn crate::world::StateBackend| {
            let settings = backend.kind().settings().join(", ");
            (backend.kind().name().to_owned(), format!("{} Settings: {settings}.", backend.about()))
        };
        BACKENDS.iter().map(row).collect()
    }),
    ("checks", "what every run is held to, as far as its protocol claims it", || {
        CHECKS.iter().map(|entry| (entry.about.name.to_owned(), entry.about.sentence.to_owned())).collect()
    }),
    ("figures", "bound them in `expect.figures`", || {
        FIGURES.iter().map(|figure| (figure.name.to_owned(), figure.about.to_owned())).collect()
    }),
    ("faults", "one of these in each of `faults`, beside `at` an instant or `when` an event comes up", || {
        let row = |kind: &&fault::Kind| (kind.name.to_owned(), format!("{}\n{}", kind.about, kind.example));
        fault::KINDS.iter().map(row).collect()
    }),
    ("mutants", "wrong decisions for `cutline mutants` and `cutline run --mutant`", || {
        Mutant::ALL.iter().map(|mutant| (mutant.name().to_owned(), mutant_line(*mutant))).collect()
    }),
    ("events", "name them in `faults[].when` and `expect.happens`", || {
        EventKind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.about().to_owned())).collect()
    }),
];

fn protocol_line(protocol: &dyn crate::protocol::Protocol) -> String {
    let claims = protocol.claims();
    let mut words = vec![if claims.delivery == Delivery::ExactlyOnce { "exactly once" } else { "at least once" }];
    words.extend(claims.coordinated_cut.then_some("consistent cuts"));
    words.extend(claims.cycles.then_some("cycles"));
    words.push(if claims.global_restart { "global restart" } else { "partial restart" });
    let mut line = format!("{}; claims: {}", protocol.about(), words.join(", "));
    for parameter in protocol.parameters() {
        line += &format!("; `{}` (default {}): {}", parameter.name, parameter.default, parameter.about);
    }
    line
}

fn mutant_line(mutant: Mutant) -> String {
    let restates = match mutant.restates() {
        "" => String::new(),
        restates => format!(", restates {restates}"),
    };
    format!("{} ({}{restates}; `{}` should notice)", mutant.about(), mutant.area().name(), mutant.check())
}

impl Command for List {
    fn usage(&self) -> clap::Command {
        let names = TABLES.iter().map(|(name, ..)| *name);
        clap::Command::new("list")
            .about("List protocols, operators, backends, checks, figures, faults, mutants and events")
            .arg(
                Arg::new("table").value_parser(clap::builder::PossibleValuesParser::new(names)).help("Only this table"),
            )
            .after_help("Example:\n  cutline list protocols")
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let only: Option<&String> = arguments.get_one("table");
        for (name, about, rows) in TABLES.iter().filter(|(name, ..)| only.is_none_or(|only| only == name)) {
            let _ = writeln!(out, "{name} ({about})");
            let rows = rows();
            let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, about) in rows {
                // An example has a line of its own.
                for (part, about) in about.lines().enumerate() {
                    let name = if part == 0 { &*name } else { "" };
                    let _ = writeln!(out, "{}", hang(&format!("  {name:<width$}  "), about, 100));
                }
            }
            let _ = writeln!(out);
        }
        Ok(true)
    }
}
