//! The arguments of `watcher`.

use super::values::{at_least_one, duration, sample_time, size};
use super::{Checks, Target};
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  runner-doctor job -n ci --image … --kind watcher | kubectl apply -f -      run it in the cluster
  kubectl -n ci port-forward service/runner-doctor 8080
  curl http://localhost:8080/recordings                    the runners that ended badly
  curl -O http://localhost:8080/recordings/NAME            the recording of one
  runner-doctor check --evidence NAME                      its diagnosis, with fixes

Each runner pod is examined when its engine starts and then once per --interval. When a pod is gone or \
finished, its last recording is kept if it ended badly:
  - the pod failed, or was evicted or preempted
  - a container was OOM-killed, or exited with another code than 0 before the pod was deleted
  - the last diagnosis has an error

Recordings are kept in memory, up to --keep and --keep-bytes; the oldest is dropped first, and \
/recordings shows how many were. They contain names, addresses and versions, but no secrets; add \
?redact for tokens instead of names. There is no login: whoever reaches the port can read them.

  /recordings         JSON: each recording with its name, pod, times, reasons, verdict and error ids
  /recordings/NAME    the recording, as from `collect -o json`
  /metrics            Prometheus: the findings of the current runners, and the watcher itself
  /healthz            200 while it works, for probes

It needs the permissions that `rbac --watch` prints, and changes nothing in the cluster.

Exit codes: 0 ended by SIGTERM or Ctrl-C; 2 it could not start";

#[derive(Debug, Args)]
pub struct Watcher {
    #[command(flatten)]
    pub target: Target,
    /// The address and port to listen on; [::]:8080 for all addresses
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Examine each runner this often
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub interval: Duration,
    /// Keep at most this many recordings of pods that ended badly
    #[arg(long, value_name = "N", default_value = "200", value_parser = at_least_one)]
    pub keep: usize,
    /// Memory for all recordings, compressed, including those of current runners: 512KiB, 64MiB
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub keep_bytes: usize,
    /// Also sample the connections of each runner twice, this far apart (1s to 60s), to report those
    /// that hang
    #[arg(long, value_name = "TIME", value_parser = sample_time)]
    pub sample: Option<Duration>,
    /// Do not exec into the nodes' network agents; the MTU of the node uplinks is then unknown
    #[arg(long)]
    pub no_node_exec: bool,
    /// Time limit for examining one runner
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// Time limit for an engine to start before it counts as broken; a container's own startup probe
    /// takes precedence
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub startup_grace: Duration,
    /// How many runners to examine at the same time
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub concurrency: usize,
    /// How many levels of nested engines to examine
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub max_depth: usize,
    #[command(flatten)]
    pub checks: Checks,
}
