//! Parses the command line, runs the command, turns its outcome into an exit code.

use runner_doctor::commands::{self, Exit};
use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os().collect();
    match commands::read(arguments).and_then(commands::run) {
        Ok(exit) => exit.into(),
        Err(error) => {
            commands::complain(&error);
            Exit::CouldNotExamine.into()
        }
    }
}
