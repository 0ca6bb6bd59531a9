//! The command line as types, without any actions.

mod after;
mod check;
mod explain;
mod fix;
mod lint;
mod manifest;
mod output;
mod permissions;
mod run;
mod source;
mod values;
mod watcher;

pub use after::{Completions, Diff, DiffFormat, Man, Ticket};
pub use check::{Check, Collect};
pub use explain::{Document, Explain, ExplainFormat, List, ListFormat, Schema, Test};
pub use fix::{Fix, FixFormat, FixKind};
pub use lint::{FixFiles, Lint, PodMtu};
pub use manifest::{Manifest, RunnerKind};
pub use output::{Output, Outputs};
pub use permissions::{Job, JobKind, Rbac, Scope};
pub use run::Run;
pub use source::{CheckFiles, Checks, DocumentFormat, FailOn, Gate, Source, Target};
pub use watcher::Watcher;

use clap::{ColorChoice, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Diagnoses why CI builds hang or die in Docker-in-Docker runners on Kubernetes, and prints the fix
/// to paste.
#[derive(Debug, Parser)]
#[command(
    name = "runner-doctor",
    version,
    long_version = env!("RUNNER_DOCTOR_VERSION"),
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colors
    #[arg(long, global = true, help_heading = GENERAL, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Print more on standard error; repeat it for everything
    #[arg(short, long, global = true, help_heading = GENERAL, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Read the settings in this file instead of .runner-doctor.yaml in the current directory
    #[arg(long, global = true, help_heading = GENERAL, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ignore .runner-doctor.yaml in the current directory
    #[arg(long, global = true, help_heading = GENERAL, conflicts_with = "config")]
    pub no_config: bool,
    /// Print only errors on standard error
    #[arg(short, long, global = true, help_heading = GENERAL, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The heading of the options that every command has.
const GENERAL: &str = "General options";

/// The file name under which kubectl finds the plugin in PATH: `kubectl runner-doctor`.
const PLUGIN: &str = "kubectl-runner_doctor";

impl Cli {
    /// The command under the name it was called by, which help and errors use.
    pub(crate) fn as_called(arguments: &[OsString]) -> clap::Command {
        match is_plugin(arguments.first()) {
            true => Cli::command()
                .bin_name("kubectl runner-doctor")
                .mut_subcommands(with_examples_of_plugin),
            false => Cli::command(),
        }
    }
}

pub(crate) fn is_plugin(called: Option<&OsString>) -> bool {
    let called = called.map(PathBuf::from);
    called.is_some_and(|path| path.file_stem() == Some(PLUGIN.as_ref()))
}

/// `runner-doctor` itself may not be in PATH, so examples to paste use the plugin's name.
fn with_examples_of_plugin(command: clap::Command) -> clap::Command {
    match command.get_after_help().map(ToString::to_string) {
        Some(help) => command.after_help(help.replace("runner-doctor ", "kubectl runner-doctor ")),
        None => command,
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Examine runners and report what is wrong, where, why, and how to fix it
    #[command(after_help = check::CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Run a command of a pipeline step, and diagnose its Docker engine if it stalls or fails
    #[command(after_help = run::EXAMPLES)]
    Run(Box<Run>),
    /// Record the facts without judging them, for a ticket or for `check --evidence`
    #[command(after_help = check::COLLECT_EXAMPLES)]
    Collect(Box<Collect>),
    /// Explain a check and its fix, or find the checks for the errors in a job's log
    #[command(after_help = explain::EXPLAIN_HELP)]
    Explain(Explain),
    /// List all checks, one per line
    #[command(after_help = explain::LIST_EXAMPLES)]
    List(List),
    /// Run the test cases in check files
    #[command(after_help = explain::TEST_EXAMPLES)]
    Test(Test),
    /// Print the JSON Schema of a format that runner-doctor reads or writes
    #[command(after_help = explain::SCHEMA_EXAMPLES)]
    Schema(Schema),
    /// Convert the command that Bitbucket prints for a new runner into a Kubernetes manifest with the
    /// right settings
    #[command(after_help = manifest::MANIFEST_EXAMPLES)]
    Manifest(Box<Manifest>),
    /// Print the minimal RBAC permissions that runner-doctor needs, or check which are missing
    #[command(after_help = permissions::RBAC_HELP)]
    Rbac(Rbac),
    /// Print a manifest that runs runner-doctor in the cluster, as a Job, a CronJob, or a watcher
    #[command(after_help = permissions::JOB_EXAMPLES)]
    Job(Job),
    /// Examine runners continuously, and serve the last recordings of those that ended badly
    #[command(after_help = watcher::EXAMPLES)]
    Watcher(Box<Watcher>),
    /// Print fixes for the findings as patches or corrected manifests; changes nothing
    #[command(after_help = fix::FIX_EXAMPLES)]
    Fix(Box<Fix>),
    /// Check manifests and pipeline files before they are deployed
    #[command(after_help = lint::LINT_EXAMPLES, mut_arg("allow_probes", |it| it.hide(true)))]
    Lint(Box<Lint>),
    /// Write a redacted recording and its reports into one archive to attach to a ticket
    #[command(after_help = after::TICKET_EXAMPLES)]
    Ticket(Box<Ticket>),
    /// Compare two reports or recordings: fixed and new findings, changed layers
    #[command(after_help = after::DIFF_EXAMPLES, mut_arg("allow_probes", |it| it.hide(true)))]
    Diff(Diff),
    /// Print a shell completion script
    #[command(after_help = after::COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the man page, or write one for each command
    #[command(after_help = after::MAN_EXAMPLES)]
    Man(Man),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let has_one = help.is_some_and(|help| help.contains("Examples:\n  "));
            assert!(has_one, "{}", command.get_name());
        }
    }
}
