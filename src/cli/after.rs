//! Command-line arguments for sharing and comparing recordings and reports.

use super::{Checks, FailOn, Source};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const TICKET_EXAMPLES: &str = "\
Examples:
  runner-doctor ticket -n ci --preview            show the contents, and what the tokens stand for
  runner-doctor ticket -n ci                      runner-doctor-ticket.tar.gz, to attach to a ticket
  runner-doctor collect -n ci > runner.yaml       or record first, and write the ticket later
  runner-doctor ticket --evidence runner.yaml --output-file later.tar.gz

The archive contains the recording, its reports, and a list of these files. Names of nodes, namespaces, \
pods, their owners, registries and hosts, IP addresses, UUIDs and container IDs are replaced with tokens, \
the same token for the same name: the recording replays to the same findings. Names of containers, \
Docker networks and volumes, public images and versions are kept.

Exit codes:
  0  written or shown
  2  could not examine, or could not write
  130  interrupted, after writing the results so far";

#[derive(Debug, Args)]
pub struct Ticket {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    /// The archive to write
    #[arg(
        long,
        value_name = "FILE",
        default_value = "runner-doctor-ticket.tar.gz"
    )]
    pub output_file: PathBuf,
    /// Replace an existing archive
    #[arg(long)]
    pub overwrite: bool,
    /// Print the contents instead of writing the archive, and what the tokens stand for on standard
    /// error
    #[arg(long, conflicts_with_all = ["output_file", "overwrite"])]
    pub preview: bool,
    /// Keep the names of nodes, namespaces, pods, registries and hosts, addresses and ids
    #[arg(long)]
    pub no_redact: bool,
}

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  runner-doctor check -n ci -o json=before.json       before a change
  runner-doctor check -n ci -o json=after.json        after it
  runner-doctor diff before.json after.json           two reports; or two recordings, evaluated with
                                                      the current checks
  runner-doctor diff before.json after.json -o json   as JSON

Two findings are the same if their check, pod owner, engine and subject are the same; random parts of names \
are ignored. Missing data never counts as fixed.

Exit codes:
  0  nothing new at or above --fail-on
  1  something new at or above --fail-on
  2  a file could not be read, or the two cannot be compared";

#[derive(Debug, Args)]
pub struct Diff {
    /// The old JSON report or recording; - for standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The new JSON report or recording
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// The output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: DiffFormat,
    /// Write it to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// The lowest severity of a new finding that sets exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    #[command(flatten)]
    pub checks: Checks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    Table,
    /// For programs: runner-doctor/diff/v1
    Json,
}

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(runner-doctor completions bash)
  runner-doctor completions zsh > ~/.zfunc/_runner-doctor
  runner-doctor completions fish > ~/.config/fish/completions/runner-doctor.fish";

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell to complete commands in
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  runner-doctor man | man -l -                    the man page of runner-doctor
  runner-doctor man ~/.local/share/man/man1       a page for each command";

#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command to this directory; without it, print the page of runner-doctor
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
