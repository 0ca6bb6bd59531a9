//! What is examined, by which checks, and which findings count: options of several commands.

use super::values::{at_least_one, duration, sample_time};
use crate::collect::walk::Url;
use crate::diagnosis::Severity;
use crate::text::shell::word;
use clap::{Args, Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Which cluster, and where in it the pods are.
#[derive(Clone, Debug, Args)]
pub struct Target {
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
    /// Examine only pods that match this label selector
    #[arg(short = 'l', long = "selector", value_name = "SELECTOR")]
    pub labels: Option<String>,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// Where the evidence comes from.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// Pods to examine, runners or not (default: all runners)
    #[arg(value_name = "POD", conflicts_with_all = ["labels", "all_namespaces"])]
    pub pods: Vec<String>,
    #[command(flatten)]
    pub target: Target,
    /// Examine a recording instead of a cluster (all runners in it by default); - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all_namespaces", "labels", "context", "kubeconfig"])]
    pub evidence: Option<PathBuf>,
    /// Examine a built-in recording: a cluster with faults (article), partially fixed (half-fixed),
    /// or fixed
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "article",
        conflicts_with_all = ["evidence", "all_namespaces", "labels", "context", "kubeconfig"])]
    pub demo: Option<String>,
    /// Examine a Docker engine instead of a cluster: that of this machine (a runner on a VM, a laptop,
    /// or the pipeline step that runs this command), or the one in a container
    #[arg(long, value_name = "CONTAINER", num_args = 0..=1,
        conflicts_with_all = ["evidence", "demo", "pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig", "wait_nested"])]
    pub docker: Option<Option<String>>,
    /// Download this URL from every network to confirm which downloads hang, and measure the path MTU to
    /// its host (about 100 KB and 40 pings each; nothing is written or created). Where ICMP
    /// "fragmentation needed" arrives, the kernel keeps that path MTU for the host for about ten minutes
    #[arg(long, value_name = "URL", value_parser = Url::parse, conflicts_with_all = ["evidence", "demo"])]
    pub confirm: Option<Url>,
    /// Report connections that hang: sample the established connections of all networks twice, this far
    /// apart (1s to 60s), with the commands that wait for them; reads only
    #[arg(long, value_name = "TIME", value_parser = sample_time, conflicts_with_all = ["evidence", "demo"])]
    pub sample: Option<Duration>,
    /// Wait up to this long for a step that starts a nested Docker engine, then check
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub wait_nested: Option<Duration>,
    /// Do not exec into the nodes' network agents; the MTU of the node uplinks is then unknown
    #[arg(long)]
    pub no_node_exec: bool,
    /// Time limit for examining one runner
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// Time limit for the whole run; results so far are reported
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub deadline: Duration,
    /// Time limit for an engine to start before it counts as broken; a container's own startup probe
    /// takes precedence
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub startup_grace: Duration,
    /// How many runners to examine at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one)]
    pub concurrency: usize,
    /// How many levels of nested engines to examine
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub max_depth: usize,
}

impl Source {
    /// The arguments by which another command finds the same runners, each after a space.
    pub(crate) fn arguments(&self) -> String {
        let file = |path: &PathBuf| path.to_string_lossy().into_owned();
        let flags = [
            ("-n ", self.target.namespace.clone()),
            ("-l ", self.target.labels.clone()),
            ("--context ", self.target.context.clone()),
            ("--kubeconfig ", self.target.kubeconfig.as_ref().map(file)),
            ("--evidence ", self.evidence.as_ref().map(file)),
            ("--demo=", self.demo.clone()),
            ("--docker=", self.docker.clone().flatten()),
        ];
        let flags = flags.into_iter();
        let flags = flags.filter_map(|(flag, value)| Some(format!("{flag}{}", word(&value?))));
        let all = self.target.all_namespaces.then(|| "-A".to_owned());
        let here = (self.docker == Some(None)).then(|| "--docker".to_owned());
        let pods = self.pods.iter().map(|pod| word(pod));
        let arguments = all.into_iter().chain(here).chain(flags).chain(pods);
        arguments.map(|argument| format!(" {argument}")).collect()
    }

    /// The Docker engine that commands here use, with the defaults of `check`.
    pub(crate) fn here(confirm: Option<Url>, deadline: Duration) -> Source {
        #[derive(Parser)]
        struct Here {
            #[command(flatten)]
            source: Source,
        }
        let Here { source } = Here::parse_from(["check", "--docker", "--concurrency=1"]);
        Source {
            confirm,
            deadline,
            ..source
        }
    }
}

/// Which checks there are, and which to run.
#[derive(Clone, Debug, Args)]
pub struct Checks {
    /// Run only this check; can be repeated
    #[arg(long = "check", value_name = "ID")]
    pub only: Vec<String>,
    /// Skip this check; can be repeated
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    #[command(flatten)]
    pub files: CheckFiles,
    /// Allow checks from --checks-dir and --override to run their commands in every runner
    #[arg(long)]
    pub allow_probes: bool,
}

/// Check files beside those built in.
#[derive(Clone, Debug, Default, Args)]
pub struct CheckFiles {
    /// Add the checks in this directory; can be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
    /// Use the check in this file instead of the one with the same id; can be repeated
    #[arg(long = "override", value_name = "FILE")]
    pub overrides: Vec<PathBuf>,
}

impl CheckFiles {
    /// The arguments by which another command has the same checks, each after a space.
    pub(crate) fn arguments(&self) -> String {
        let flag =
            |name: &str, path: &PathBuf| format!(" {name} {}", word(&path.to_string_lossy()));
        let dirs = self.checks_dir.iter().map(|dir| flag("--checks-dir", dir));
        let overrides = self.overrides.iter().map(|file| flag("--override", file));
        dirs.chain(overrides).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    Yaml,
    Json,
}

/// Which exit code the results have.
#[derive(Clone, Copy, Debug, Args)]
pub struct Gate {
    /// The lowest severity of a finding that sets exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 also if something does not exist yet, is gone, or is not visible, and if a warning
    /// could not be evaluated
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 instead of 3 if nothing fails but something could not be examined
    #[arg(long, conflicts_with = "strict")]
    pub allow_unknown: bool,
    /// Exit with 0 if there is no runner
    #[arg(long)]
    pub allow_empty: bool,
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
