//! Where the runners live, and the one seam through which a command is executed there.

mod cni;
pub mod kubernetes;
mod nodes;
pub mod object;
mod walk;

use crate::evidence::Unobserved;
use crate::probe::Walk;
use std::time::Duration;

/// A place where a walk can be executed. The lab, a cluster and a stand-in differ only here.
pub trait Exec: Sync {
    /// Runs a walk in a container and returns what it printed, or as much as came.
    fn exec(
        &self,
        place: &Place,
        walk: &Walk,
        limit: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, Unobserved>> + Send;
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub struct Place {
    pub namespace: String,
    pub pod: String,
    pub container: String,
}

/// Bounds of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One walk.
    pub timeout: Duration,
    /// All of it.
    pub deadline: Duration,
    pub concurrency: usize,
    pub max_depth: usize,
}

/// Which runners are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub pods: Vec<String>,
    pub namespace: Option<String>,
    pub all_namespaces: bool,
    pub labels: Option<String>,
}

/// Told as runners are examined, for a progress line.
pub trait Progress: Sync {
    fn found(&self, runners: usize);
    fn examined(&self, runner: &str);
}
