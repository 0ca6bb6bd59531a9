//! Parses the command line, runs the command, turns its outcome into an exit code.

use runner_doctor::cli::Cli;
use runner_doctor::commands::{self, Exit};
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(Cli::read()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            commands::complain(&error);
            Exit::CouldNotExamine.into()
        }
    }
}
