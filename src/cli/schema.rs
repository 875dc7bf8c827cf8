//! `cutline schema`: the JSON Schema of scenario files.

use super::Command;
use crate::base::Problem;
use crate::scenario;
use clap::ArgMatches;
use std::io::Write;

/// `schema`.
pub struct Schema;

impl Command for Schema {
    fn usage(&self) -> clap::Command {
        clap::Command::new("schema")
            .about("Print the JSON Schema of scenario files, for editors that complete and check")
            .after_help("Example:\n  cutline schema > scenarios/scenario.schema.json")
    }

    fn call(&self, _arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let _ = writeln!(out, "{:#}", scenario::schema());
        Ok(true)
    }
}
