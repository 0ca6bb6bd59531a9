//! The command line, as types. Nothing happens here.

use crate::diagnosis::Severity;
use crate::report::Format;
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Finds out why CI builds hang or die in Docker-in-Docker runners on Kubernetes, and says what to
/// paste to cure it.
#[derive(Debug, Parser)]
#[command(
    name = "runner-doctor",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Examine runners and say what is wrong, where, why, and what cures it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Write down what is there, without judging it: a recording for a ticket or for `check --evidence`
    Collect(Box<Collect>),
    /// Tell what a check means, why it matters and what cures it
    Explain(Explain),
    /// List every check, one line each
    List(List),
    /// Run the cases in check files
    Test(Test),
    /// Find in files, before they are deployed, what `check` would find in the cluster
    #[command(after_help = LINT_EXAMPLES)]
    Lint(Box<Lint>),
}

const LINT_EXAMPLES: &str = "\
Examples:
  runner-doctor lint job.yaml bitbucket-pipelines.yml     the runner and what runs in it, together
  runner-doctor lint . -o sarif --output-file lint.sarif  every file of a repository, for code scanning
  helm template arc … | runner-doctor lint -              what a chart makes
  runner-doctor lint job.yaml --pod-mtu 8951              a pod network that is not the usual one

It reads Kubernetes manifests, Helm values of ARC, bitbucket-pipelines.yml, .gitlab-ci.yml and compose
files, and changes none. Secrets in them are named, never shown.

Exit codes:
  0  read, and nothing at or above --fail-on
  1  findings at or above --fail-on
  2  could not read: bad arguments, no YAML, a file of no kind that is understood, no runner in any
  3  with --strict: a file in a folder could not be read";

#[derive(Debug, Args)]
pub struct Lint {
    /// Files, folders (every *.yml and *.yaml below), or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// The MTU of the pod network, which no file tells. 1450 is what an overlay (VXLAN of Calico,
    /// flannel, k3s, Cilium) leaves of an ethernet of 1500: the common case, and the one that hangs.
    /// What rests on that is marked as predicted; `runner-doctor check` reads the real one
    #[arg(long, value_name = "MTU", value_parser = clap::value_parser!(i64).range(576..=65535))]
    pub pod_mtu: Option<i64>,
    #[command(flatten)]
    pub checks: Checks,
    /// How to report
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// The least severity of a finding that makes the exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 where nothing fails but a file could not be read
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 where no file tells of a runner
    #[arg(long)]
    pub allow_empty: bool,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  runner-doctor check --demo                  the cluster of the story this began with; needs no cluster
  runner-doctor check                         every runner of the current namespace
  runner-doctor check -n ci runner-2jpsg      one pod
  runner-doctor check -A -o json              everything, for a program
  runner-doctor check --fail-on warning       a stricter gate

Exit codes:
  0  examined, and nothing at or above --fail-on
  1  findings at or above --fail-on
  2  could not examine: bad arguments, no cluster, no runner, or a runner that could not be seen at all
  3  with --strict: something is unknown
  130  interrupted, after printing what is known";

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    /// How to report
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// The least severity of a finding that makes the exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 where nothing fails but something is unknown
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 where there is no runner
    #[arg(long)]
    pub allow_empty: bool,
}

#[derive(Debug, Args)]
pub struct Collect {
    #[command(flatten)]
    pub source: Source,
    /// The format of the recording
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    pub output: DocumentFormat,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
}

/// Where the evidence comes from.
#[derive(Debug, Args)]
pub struct Source {
    /// Pods to examine, whatever they look like; all runners unless given
    #[arg(value_name = "POD", conflicts_with_all = ["labels", "all_namespaces"])]
    pub pods: Vec<String>,
    /// Examine this namespace instead of the current one
    #[arg(
        short,
        long,
        value_name = "NAMESPACE",
        conflicts_with = "all_namespaces"
    )]
    pub namespace: Option<String>,
    /// Examine all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Examine only pods with these labels
    #[arg(short = 'l', long = "selector", value_name = "SELECTOR")]
    pub labels: Option<String>,
    /// The kubeconfig's context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Examine a recording instead of a cluster; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig"])]
    pub evidence: Option<PathBuf>,
    /// Examine a built-in recording: the story's cluster as it was (article), half mended
    /// (half-fixed), or cured
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "article",
        conflicts_with_all = ["evidence", "namespace", "all_namespaces", "labels", "context", "kubeconfig"])]
    pub demo: Option<String>,
    /// Do not execute anything in the nodes' network agents; the ethernet's MTU is then unknown
    #[arg(long)]
    pub no_node_exec: bool,
    /// How long the walk of one runner may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// How long everything may take; what is known by then is reported
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub deadline: Duration,
    /// How many runners to walk at once
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one)]
    pub concurrency: usize,
    /// How many engines inside each other to look at
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub max_depth: usize,
}

/// Which checks there are, and which to run.
#[derive(Debug, Args)]
pub struct Checks {
    /// Run only this check; may be repeated
    #[arg(long = "check", value_name = "ID")]
    pub only: Vec<String>,
    /// Leave this check out; may be repeated
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    /// Add the checks in this folder; may be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The check, as `runner-doctor list` names it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Add the checks in this folder; may be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct List {
    /// How to list
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: ListFormat,
    /// Add the checks in this folder; may be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Check files, or folders of them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    Yaml,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    pub fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Error => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Info => Some(Severity::Info),
            FailOn::Never => None,
        }
    }
}

/// `90s`, `5m`, `1h`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time: write 10s, 5m or 1h");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(0) => Err("it must be longer than nothing: write 10s, 5m or 1h".to_owned()),
        Some(seconds) if seconds <= 24 * 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1000).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is no number from 1 to 1000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "0", "-1s", "1d", "ten", "99999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
