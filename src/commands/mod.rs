//! One file per subcommand; shared code for running them, exit codes and output.

mod archive;
mod check;
mod collect;
mod completions;
mod diff;
mod explain;
mod fix;
mod gate;
mod job;
mod library;
mod lint;
mod list;
mod log_file;
mod man;
mod manifest;
mod output;
mod progress;
mod rbac;
#[cfg(unix)]
mod run;
mod schema;
mod source;
mod test;
mod ticket;
mod watcher;

#[doc(hidden)]
pub use explain::pages;

use crate::checks::fault::Place;
use crate::cli::{Cli, Command};
use crate::config::{self, Config};
use crate::diagnosis::{AppliedSettings, Diagnosis, Suppressed};
use crate::report;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, fmt, prelude::*};

/// The result of a command. The exit codes are a stable interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Fine,
    Findings,
    CouldNotExamine,
    Unknown,
    Interrupted,
    /// The exit code of the command that was run.
    Of(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Findings => 1,
            Exit::CouldNotExamine => 2,
            Exit::Unknown => 3,
            Exit::Interrupted => 130,
            Exit::Of(code) => code,
        })
    }
}

/// Parses the command line with the settings of the current directory.
pub fn read(arguments: Vec<OsString>) -> Result<(Cli, Config)> {
    config::command_line(arguments)
}

pub fn run((cli, settings): (Cli, Config)) -> Result<Exit> {
    QUIET.store(cli.quiet, Ordering::Relaxed);
    let told = match cli.verbose {
        _ if cli.quiet => Targets::new(),
        // runner-doctor reports libraries' errors in its own messages.
        0 => Targets::new().with_target("runner_doctor", LevelFilter::WARN),
        1 => Targets::new().with_target("runner_doctor", LevelFilter::INFO),
        _ => Targets::new().with_default(LevelFilter::DEBUG),
    };
    let log = fmt::layer().with_writer(io::stderr);
    let log: Box<dyn Layer<Registry> + Send + Sync> = match cli.verbose {
        0 | 1 => log.event_format(Sentences).with_filter(told).boxed(),
        _ => log.with_filter(told).boxed(),
    };
    tracing_subscriber::registry().with(log).init();
    let (color, settings) = (cli.color, &settings);
    // `run` prints nothing for a command that succeeds; its report lists the settings.
    if let Some(applied) = settings
        .applied()
        .filter(|_| !matches!(cli.command, Command::Run(_)))
    {
        tell_settings(applied);
    }
    match cli.command {
        Command::Check(options) => check::run(&options, settings, color),
        #[cfg(unix)]
        Command::Run(options) => run::run(*options, settings, color),
        #[cfg(not(unix))]
        Command::Run(_) => bail!("run is not available on this system"),
        Command::Collect(options) => collect::run(&options),
        Command::Explain(options) => explain::run(&options, settings, color),
        Command::List(options) => list::run(&options, settings),
        Command::Test(options) => test::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Manifest(options) => manifest::run(&options),
        Command::Rbac(options) => rbac::run(&options),
        Command::Job(options) => job::run(&options),
        Command::Watcher(options) => watcher::run(&options, settings),
        Command::Fix(options) => fix::run(&options, settings),
        Command::Lint(options) => lint::run(&options, settings, color),
        Command::Ticket(options) => ticket::run(&options, settings),
        Command::Diff(options) => diff::run(&options, settings, color),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    }
}

/// Formats log lines like all other output on standard error; -vv adds times and modules.
struct Sentences;

impl<S, N> FormatEvent<S, N> for Sentences
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: format::Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        out.write_str("runner-doctor: ")?;
        context.format_fields(out.by_ref(), event)?;
        out.write_char('\n')
    }
}

/// Writes a result to the given file, else to standard output. A closed pipe (`| head`) is not an
/// error.
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

/// Most settings change fewer; the report lists all of them.
const MOST_CHANGES: usize = 12;

/// A checkout may contain settings that its user did not write.
fn tell_settings(applied: &AppliedSettings) {
    let AppliedSettings { file, changes } = applied;
    let shown = &changes[..changes.len().min(MOST_CHANGES)];
    let more = match changes.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let line = format!(
        "runner-doctor: settings from {file}: {}{more} (use --no-config to ignore them)",
        shown.join(", ")
    );
    tell(&report::clean(&line.replace('\n', " ")));
}

/// A suppression that is no longer needed may hide the next finding.
fn tell_unmatched(settings: &Config, diagnosis: &Diagnosis) {
    let suppressed = diagnosis.suppressed.iter().map(|one| &one.finding);
    for (check, place) in settings.unmatched(diagnosis.findings.iter().chain(suppressed)) {
        let Place { file, line, .. } = place;
        tell(&format!(
            "runner-doctor: {}:{line}: the suppression of {check} matches no finding: remove it if it is no longer needed",
            report::clean(file)
        ));
    }
}

/// Refuses to replace a file without the flag that allows it.
fn keep_existing(file: &Path, overwrite: bool, flag: &str) -> Result<()> {
    if file.is_file() && !overwrite {
        bail!(
            "{} already exists: use --overwrite, or name another file with {flag}",
            file.display()
        );
    }
    Ok(())
}

/// Lists suppressed findings in verbose mode.
fn tell_suppressed(suppressed: &[Suppressed]) {
    for Suppressed {
        finding,
        suppression,
    } in suppressed
    {
        tracing::info!(
            "suppressed: {} on {}: {} ({}: {})",
            finding.check,
            report::clean(&finding.runner),
            report::clean(&finding.message),
            suppression.place,
            report::clean(&suppression.reason)
        );
    }
}

/// Lists passed checks in verbose mode.
fn tell_passed(diagnosis: &Diagnosis) {
    let passed: Vec<&str> = diagnosis.passed().into_iter().collect();
    if !passed.is_empty() {
        tracing::info!("passed: {}", passed.join(", "));
    }
}

/// Print errors only.
static QUIET: AtomicBool = AtomicBool::new(false);

fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Prints a message for the user on standard error.
fn tell(text: &str) {
    if !is_quiet() {
        say(text);
    }
}

fn say(text: &str) {
    let lines: Vec<_> = text.split('\n').map(report::clean).collect();
    // Nothing left to do if even standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// Prints an error of runner-doctor: what failed and what to do, then the cause.
pub fn complain(error: &anyhow::Error) {
    let mut text = format!("runner-doctor: {}", plain(&error.to_string()));
    for cause in error.chain().skip(1).map(|cause| plain(&cause.to_string())) {
        // Libraries often repeat the message of the cause.
        if !text.contains(&cause) {
            text.push_str(&format!("\n  because: {cause}"));
        }
    }
    say(&text);
}

fn plain(text: &str) -> String {
    // An error may quote a proxy URL with its password.
    crate::text::secret::hide(text).into_owned()
}
