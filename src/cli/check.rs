//! `check` and `collect`.

use super::{Checks, DocumentFormat, Gate, Outputs, Source, values::duration};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  runner-doctor check --demo                  a built-in recording; needs no cluster
  runner-doctor check                         all runners in the current namespace
  runner-doctor check -n ci runner-2jpsg      one pod
  runner-doctor check -A -o json=old.json     all namespaces, as JSON in a file
  runner-doctor check --fail-on warning       a stricter gate
  runner-doctor check --baseline old.json     fail only on new findings
  runner-doctor check -n ci --watch=1m        print changes as they happen
  runner-doctor check -o table -o html=report.html -o junit=report.xml
                                              a table, and reports in files

Exit codes:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  could not examine: bad arguments, no cluster, no runner, or no runner could be examined
  3  an error could not be ruled out, because something could not be examined
     (no permission, cut off, missing tool), or one of several runners could not
     be examined; --allow-unknown accepts that. With --strict also: something
     does not exist yet, is gone, or is not visible
  130  interrupted (Ctrl-C or SIGTERM), after printing the results so far";

pub(super) const COLLECT_EXAMPLES: &str = "\
Examples:
  runner-doctor collect -n ci > runner.yaml       record the runners in a namespace
  runner-doctor check --evidence runner.yaml      check the recording, on any machine
  runner-doctor collect -n ci --redact            the same with names and addresses redacted

Exit codes: 0 written; 2 no cluster or no runner; 130 interrupted, after writing the results so far";

#[derive(Clone, Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    #[command(flatten)]
    pub gate: Gate,
    /// Replace names of nodes, namespaces, pods, registries and hosts, and addresses, with tokens
    #[arg(long)]
    pub redact: bool,
    /// Fail only on findings that are not in this JSON report or recording; mark the others as known
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Also read a job's log, and report for each error in it whether its cause was found; - for
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["redact", "watch"])]
    pub log: Option<PathBuf>,
    /// Repeat every INTERVAL (default 30s) and print changes; stop with Ctrl-C
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "30s",
        value_parser = duration, conflicts_with_all = ["evidence", "demo", "output_file"])]
    pub watch: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Collect {
    #[command(flatten)]
    pub source: Source,
    /// Also run the commands of the checks in this directory, and record their output
    #[arg(long, value_name = "DIR", requires = "allow_probes")]
    pub checks_dir: Vec<PathBuf>,
    /// Allow those checks to run their commands in every runner
    #[arg(long)]
    pub allow_probes: bool,
    /// Replace names of nodes, namespaces, pods, registries and hosts, and addresses, with tokens
    #[arg(long)]
    pub redact: bool,
    /// The format of the recording
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    pub output: DocumentFormat,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
}
