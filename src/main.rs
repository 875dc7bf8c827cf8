//! The `cutline` binary: parses and dispatches.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cutline::cli::main(std::env::args_os()))
}
