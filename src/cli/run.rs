//! The arguments of `run`.

use super::{Checks, Outputs, values::duration};
use crate::collect::walk::Url;
use clap::Args;
use std::ffi::OsString;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  runner-doctor run -- docker build .                 diagnose if it fails or stalls
  runner-doctor run --stall 5m -- make test           a command that is often silent
  runner-doctor run --confirm https://HOST/PATH -o table -o html=report.html -- docker compose up

Input, output, signals and the exit code of the command pass through. A command that succeeds without \
stalling is not diagnosed, and nothing is printed. The diagnosis goes to standard error, once; while the \
command runs, it also names the connections that hang.

Exit codes: that of the command, 128 + N if signal N ended it, 127 if it was not found, or that of \
--exit-code";

#[derive(Debug, Args)]
pub struct Run {
    /// Diagnose when the command has printed nothing new for this long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub stall: Duration,
    /// Exit with this code if the command fails and the diagnosis has an error, for example to retry
    #[arg(long, value_name = "CODE")]
    pub exit_code: Option<u8>,
    /// Also download this URL from every network, and measure the path MTU to its host: see `check`
    #[arg(long, value_name = "URL", value_parser = Url::parse)]
    pub confirm: Option<Url>,
    /// Time limit for the diagnosis
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub deadline: Duration,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
