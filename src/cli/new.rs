//! `cutline new`: write a starter scenario that explains itself.

use super::Command;
use crate::base::Problem;
use crate::report::write_file;
use crate::scenario;
use clap::{Arg, ArgMatches};
use std::io::Write;
use std::path::Path;

/// `new`.
pub struct New;

impl Command for New {
    fn usage(&self) -> clap::Command {
        clap::Command::new("new")
            .about("Write a starter scenario, explained by its \"why\" fields")
            .arg(Arg::new("file").required(true).help("The file to write; it must not exist"))
            .after_help("Example:\n  cutline new job.json && cutline run job.json")
    }

    fn call(&self, arguments: &ArgMatches, out: &mut dyn Write) -> Result<bool, Problem> {
        let file: &String = arguments.get_one("file").expect("required");
        let path = Path::new(file);
        if path.exists() {
            return Err(Problem::plain(format!("{file} exists"), "name a file that does not, so that nothing is lost"));
        }
        let name = path.file_stem().map_or("starter".into(), |stem| stem.to_string_lossy());
        write_file(path, scenario::starter(&name).as_bytes())?;
        let _ = writeln!(out, "wrote {file}; try: cutline run {file}");
        Ok(true)
    }
}
