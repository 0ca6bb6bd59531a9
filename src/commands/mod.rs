//! One file a subcommand; what they share: running them, their exit codes, and the one way out for
//! text.

mod check;
mod collect;
mod explain;
mod fix;
mod job;
mod lint;
mod list;
mod manifest;
mod output;
mod progress;
mod rbac;
mod source;
mod test;

use crate::cli::{Cli, Command};
use anyhow::{Context, Result};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// How a command ended. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Fine,
    Findings,
    CouldNotExamine,
    Unknown,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Findings => 1,
            Exit::CouldNotExamine => 2,
            Exit::Unknown => 3,
            Exit::Interrupted => 130,
        })
    }
}

pub fn run(cli: Cli) -> Result<Exit> {
    let level = match cli.verbose {
        // Libraries' complaints are told in our own words.
        0 => "runner_doctor=warn",
        1 => "info",
        _ => "debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .init();
    let color = cli.color;
    match cli.command {
        Command::Check(options) => check::run(&options, color),
        Command::Collect(options) => collect::run(&options),
        Command::Explain(options) => explain::run(&options, color),
        Command::List(options) => list::run(&options, color),
        Command::Test(options) => test::run(&options),
        Command::Manifest(options) => manifest::run(&options),
        Command::Rbac(options) => rbac::run(&options),
        Command::Job(options) => job::run(&options),
        Command::Fix(options) => fix::run(&options),
        Command::Lint(options) => lint::run(&options, color),
    }
}

/// Writes a result: to a file where one is named, else to standard output. A reader that has seen
/// enough (`| head`) is no error.
fn write_out(text: &str, file: Option<&Path>) -> Result<()> {
    if let Some(file) = file {
        return std::fs::write(file, text).with_context(|| {
            format!(
                "cannot write {}: name another with --output-file",
                file.display()
            )
        });
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output: use --output-file"),
    }
}

/// Tells people something beside the result.
fn tell(text: &str) {
    // Nothing is left to do where even standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// An error of the doctor's own: what failed and what to do, then why.
pub fn complain(error: &anyhow::Error) {
    let mut text = format!("runner-doctor: {}", plain(&error.to_string()));
    for cause in error.chain().skip(1).map(|cause| plain(&cause.to_string())) {
        // Libraries like to say again what their causes say.
        if !text.contains(&cause) {
            text.push_str(&format!("\n  because: {cause}"));
        }
    }
    tell(&text);
}

fn plain(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(crate::report::clean).collect();
    lines.join("\n")
}
