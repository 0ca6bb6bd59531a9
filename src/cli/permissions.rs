//! `rbac` and `job`: what runner-doctor may do in a cluster, and how it runs there.

use super::values::{duration, image, kubernetes_name};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

pub(super) const RBAC_HELP: &str = "\
Examples:
  runner-doctor rbac -n ci                      for the runners in one namespace only
  runner-doctor rbac -n ci --cluster-facts      with node and CNI information
  runner-doctor rbac -A | kubectl apply -f -    for the runners in all namespaces
  runner-doctor rbac -n ci --verify             missing permissions, and what needs them

--verify sends SelfSubjectAccessReviews to the cluster. They appear as `create` requests in an audit \
log, but they store and change nothing.

Exec into a privileged pod is root on its node, and with -A on the whole cluster: see SECURITY.md.

Exit codes:
  0  printed, or nothing is missing
  1  a permission is missing
  2  no response from the cluster";

#[derive(Debug, Args)]
pub struct Rbac {
    #[command(flatten)]
    pub scope: Scope,
    /// Also `watch` pods, as `runner-doctor watcher` needs it
    #[arg(long)]
    pub watch: bool,
    /// Check which of these permissions the current identity lacks
    #[arg(long)]
    pub verify: bool,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Time limit for the cluster's response
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
}

/// Which runners the rights are for, and who has them.
#[derive(Debug, Args)]
pub struct Scope {
    /// The namespace of the runners and of the ServiceAccount; with -A, of the ServiceAccount only
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = kubernetes_name)]
    pub namespace: String,
    /// Runners in all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// With -n: also read nodes and the CNI, outside that namespace, for the MTU of the node uplinks
    #[arg(long, conflicts_with = "all_namespaces")]
    pub cluster_facts: bool,
    /// Omit the permission to exec into the nodes' network agents
    #[arg(long)]
    pub no_node_exec: bool,
    /// The name of the ServiceAccount and its roles
    #[arg(long, value_name = "NAME", default_value = "runner-doctor", value_parser = kubernetes_name)]
    pub name: String,
}

pub(super) const JOB_EXAMPLES: &str = "\
Examples:
  runner-doctor job -n ci --image registry.example/runner-doctor:0.1.0 | kubectl apply -f -
  runner-doctor job -A --image … --kind cronjob --schedule '*/30 * * * *' -- --strict -o json
  runner-doctor job -n ci --image … -- collect -n ci
  runner-doctor job -n ci --image … --kind watcher -- --interval 30s

Arguments after -- are added to `check` or `watcher`; if the first is not a flag, it replaces the \
command. A watcher is a Deployment with a Service: see `runner-doctor watcher --help`. Build the \
image from the Dockerfile in the source. The ServiceAccount in the output may exec into privileged \
pods, which is root on their nodes, and with -A on the whole cluster: see SECURITY.md.";

#[derive(Debug, Args)]
pub struct Job {
    #[command(flatten)]
    pub scope: Scope,
    /// The image of runner-doctor
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub image: String,
    /// Run once (job), on a schedule (cronjob), or always, for recordings of runners that are gone (watcher)
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: JobKind,
    /// The schedule in cron format
    #[arg(long, value_name = "CRON", default_value = "0 * * * *")]
    pub schedule: String,
    /// Use this existing ServiceAccount and print no roles
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub service_account: Option<String>,
    /// Arguments for runner-doctor
    #[arg(value_name = "ARGUMENT", last = true)]
    pub arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JobKind {
    Job,
    Cronjob,
    Watcher,
}
