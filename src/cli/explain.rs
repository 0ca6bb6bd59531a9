//! `explain`, `list`, `test` and `schema`: the checks themselves.

use super::CheckFiles;
use crate::systems::Provider;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  runner-doctor list                              id, severity, title and an error message
  runner-doctor list | grep -i 'no space'         the check for a symptom
  runner-doctor list -o json                      the same as JSON";

pub(super) const TEST_EXAMPLES: &str = "\
Examples:
  runner-doctor test checks/ours.yaml             the cases in one file
  runner-doctor test checks                       of all files in a directory

Exit codes: 0 all cases pass; 1 a case fails; 2 a file could not be read";

pub(super) const SCHEMA_EXAMPLES: &str = "\
Examples:
  runner-doctor schema report > report.schema.json    for the output of `check -o json`
  runner-doctor schema check                          for a check file, for completion in an editor";

pub(super) const EXPLAIN_HELP: &str = "\
Examples:
  runner-doctor explain mtu-inversion --for gitlab    what a check means, why, and the fix
  runner-doctor explain --log build.log               the checks for the errors in a job's log
  kubectl logs -f POD -c docker | runner-doctor explain --log -

Exit codes:
  0  explained; with --log: the log contains a known error
  2  no such check, or no such file
  3  with --log: the log contains no known error";

#[derive(Debug, Args)]
pub struct Explain {
    /// The id of the check (see `runner-doctor list`)
    #[arg(value_name = "ID", required_unless_present = "log")]
    pub id: Option<String>,
    /// Read a job's log of any size and print the checks for the errors in it; - for standard input,
    /// whose errors are also printed on standard error as they come
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub log: Option<PathBuf>,
    /// Show the fix for this CI system; default: that of --evidence, otherwise Bitbucket
    #[arg(
        long = "for",
        value_enum,
        value_name = "SYSTEM",
        conflicts_with = "log"
    )]
    pub system: Option<Provider>,
    /// Show the fix for the runners in this recording, with their names where the check finds something
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub evidence: Option<PathBuf>,
    /// The output format
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: ExplainFormat,
    #[command(flatten)]
    pub files: CheckFiles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
    /// For a page or a ticket; not with --log
    Markdown,
}

#[derive(Debug, Args)]
pub struct List {
    /// The output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: ListFormat,
    #[command(flatten)]
    pub files: CheckFiles,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The format to describe
    #[arg(value_enum, value_name = "WHAT")]
    pub of: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What `check -o json` prints
    Report,
    /// What `collect` writes
    Evidence,
    /// A check file
    Check,
    /// What the expressions of a check can read
    Facts,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Check files, or directories that contain them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    Json,
}
