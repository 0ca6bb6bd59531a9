//! `lint`.

use super::{Checks, Gate, Outputs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const LINT_EXAMPLES: &str = "\
Examples:
  runner-doctor lint job.yaml bitbucket-pipelines.yml     the runner and what runs in it, together
  runner-doctor lint . -o sarif=lint.sarif                a whole repository, for code scanning
  helm template arc … | runner-doctor lint -              the output of a chart
  kubectl kustomize overlays/prod | runner-doctor lint -  the output of a kustomization
  runner-doctor lint job.yaml --pod-mtu 8951              a pod network with a different MTU

Supported files are objects and Helm values with a pod template inside, values of ARC and GitLab Runner, \
GitLab Runner's config.toml, bitbucket-pipelines.yml, .gitlab-ci.yml, pipelines of Drone and Woodpecker, and \
Compose files. Files are changed only with --fix=write. Secrets are reported by name, never by value.

Exit codes:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  bad arguments, invalid YAML, a file of an unsupported kind, or no runner in any file
  3  a file in a directory could not be read; with --strict, also a missing pipeline file";

#[derive(Debug, Args)]
pub struct Lint {
    /// Files, directories (all *.yml and *.yaml files in them), or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Print the first fix of each finding that needs no input, as a diff of the files; --fix=write
    /// edits the files, then reports what remains. A file is only changed if it lints better
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "diff")]
    pub fix: Option<FixFiles>,
    /// The MTU of the pod network, which no file contains; `auto` reads it from the cluster of the current
    /// context. The default 1450 is that of a VXLAN overlay (Calico, flannel, k3s, Cilium) on Ethernet with
    /// 1500: the most common case in which downloads hang. Findings that depend on the default are warnings
    #[arg(long, value_name = "MTU", value_parser = PodMtu::parse)]
    pub pod_mtu: Option<PodMtu>,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    #[command(flatten)]
    pub gate: Gate,
}

/// What `lint` does with fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixFiles {
    /// Print the difference
    Diff,
    /// Edit the files
    Write,
}

/// The MTU of the pod network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodMtu {
    /// Read from the cluster of the current context.
    Auto,
    Bytes(i64),
}

impl PodMtu {
    fn parse(text: &str) -> Result<PodMtu, String> {
        match text.parse() {
            _ if text == "auto" => Ok(PodMtu::Auto),
            Ok(bytes) if (576..=65535).contains(&bytes) => Ok(PodMtu::Bytes(bytes)),
            _ => Err("name a number from 576 to 65535, or auto".to_owned()),
        }
    }
}
