//! `manifest`.

use super::values::{image, kubernetes_name};
use crate::manifest::Memory;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const MANIFEST_EXAMPLES: &str = "\
Examples:
  runner-doctor manifest -n ci                     then paste the command and press Ctrl-D
  runner-doctor manifest -n ci command.txt --output-file runner.yaml
  runner-doctor manifest -n ci --secret-from runner-oauth -- docker container run -it -e …

Arguments after -- stay in your shell's history, including the secret. The output also contains the secret, \
in base64, unless --secret-from names an existing Secret. Without --offline, only the nodes' Docker \
version and the CNI's MTU are read from the cluster; nothing is created.";

#[derive(Debug, Args)]
pub struct Manifest {
    /// A file with the command that Bitbucket printed (default: standard input)
    #[arg(value_name = "FILE", conflicts_with = "command")]
    pub file: Option<PathBuf>,
    /// The command itself
    #[arg(value_name = "COMMAND", last = true)]
    pub command: Vec<String>,
    /// The kind of workload that runs the runner
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: RunnerKind,
    /// The namespace in the manifest (default: none)
    #[arg(short, long, value_name = "NAMESPACE", value_parser = kubernetes_name)]
    pub namespace: Option<String>,
    /// The name of the Job or Deployment, instead of the one in the command
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub name: Option<String>,
    /// Use this existing Secret (keys oauthClientId, oauthClientSecret) and do not write one
    #[arg(long, value_name = "SECRET", value_parser = kubernetes_name)]
    pub secret_from: Option<String>,
    /// The image of the Docker engine, instead of a supported version or that of the nodes
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub engine_image: Option<String>,
    /// The image of the runner, instead of the one in the command
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub runner_image: Option<String>,
    /// The MTU of the pod network, instead of the CNI's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(576..=65535))]
    pub pod_mtu: Option<i64>,
    /// Memory of the engine, in which all steps run: 4Gi for each x of a step's size, plus 512Mi
    #[arg(long, value_name = "MEMORY", default_value = Memory::DEFAULT, value_parser = Memory::parse)]
    pub memory: Memory,
    /// Labels that the runner has in Bitbucket in addition to self.hosted and linux
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Do not read anything from a cluster
    #[arg(long)]
    pub offline: bool,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Write the bitbucket-pipelines.yml section to a file instead of comments at the end
    #[arg(long, value_name = "FILE")]
    pub pipelines_file: Option<PathBuf>,
    /// Write to a file with mode 0600 instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    Job,
    Deployment,
}
