//! The command line of what is done with examinations afterwards: sending and comparing them.

use super::{Checks, FailOn, Source};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const TICKET_EXAMPLES: &str = "\
Examples:
  runner-doctor ticket -n ci --preview            what would be sent, and what the tokens in it stand for
  runner-doctor ticket -n ci                      runner-doctor-ticket.tar.gz, to attach to a ticket
  runner-doctor ticket --evidence runner.yaml     the same of a recording

In it are the recording and the reports made of it, and a list of these. Names of nodes, namespaces,
pods, their owners, registries and hosts, IP addresses, UUIDs and container ids become tokens, the same
one wherever the same name stood: the recording replays to the same findings. What is kept: names of
containers, Docker networks and volumes, public images, versions.

Exit codes:
  0  written, or shown
  2  could not examine, or could not write
  130  interrupted, after writing what is known";

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
    /// Write over an archive that is there
    #[arg(long)]
    pub overwrite: bool,
    /// Print what would be sent instead of writing it; what the tokens stand for goes to standard
    /// error
    #[arg(long, conflicts_with_all = ["output_file", "overwrite"])]
    pub preview: bool,
    /// Keep the names of nodes, namespaces, pods, registries and hosts, addresses and ids
    #[arg(long)]
    pub no_redact: bool,
}

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  runner-doctor check -n ci -o json --output-file before.json
  runner-doctor diff before.json after.json           two reports
  runner-doctor diff before.yaml after.yaml           two recordings, judged by the checks of today
  runner-doctor diff before.json after.json -o json   for a program

A finding is the same one where check, owner of the pod, engine and subject are: random parts of names
do not count. What can be seen no more is not taken for fixed.

Exit codes:
  0  nothing new at or above --fail-on
  1  something new at or above --fail-on
  2  a file could not be read, or the two do not go together";

#[derive(Debug, Args)]
pub struct Diff {
    /// A JSON report or a recording, as it was; - for standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The same, as it is now
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// How to report
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
    /// The least severity of a new finding that makes the exit code 1
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
    /// The shell that is to complete commands
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  runner-doctor man | man -l -                    the page of runner-doctor
  runner-doctor man ~/.local/share/man/man1       a page for each command";

#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this folder; without it, the first is printed
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
