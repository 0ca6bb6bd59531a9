//! Where runners are collected from, and the one interface for executing commands there.

pub mod discover;
pub mod docker;
pub mod kubernetes;
pub mod object;
pub(crate) mod permissions;
mod runner;
mod stop;
pub(crate) mod surroundings;
mod talk;
pub mod walk;

use crate::collect::walk::{Orders, Url, Walk};
use crate::evidence::{Probe, Reason};
use std::time::Duration;
pub use stop::Stop;

/// A place where a walk can be executed. The lab, a cluster and a test double differ only here.
pub trait Exec: Sync {
    /// Runs a walk in a container and returns its output, possibly incomplete.
    fn exec(
        &self,
        place: &Place,
        walk: &Walk,
        limit: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, Reason>> + Send;
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub struct Place {
    pub namespace: String,
    pub pod: String,
    pub container: String,
}

/// The limits of a run, and its optional active tests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time limit of one walk.
    pub timeout: Duration,
    /// The time limit of the whole run.
    pub deadline: Duration,
    pub concurrency: usize,
    pub max_depth: usize,
    /// How long an engine may take to start if it has no probe.
    pub grace: Duration,
    /// The URL to download from every network.
    pub confirm: Option<Url>,
    /// Samples connections twice, this far apart.
    pub sample: Option<Duration>,
    /// The check probes to run.
    pub probes: Vec<Probe>,
}

impl Limits {
    /// Each step of a walk gets a fraction of its time, so that a daemon that hangs leaves time for
    /// the others.
    const STEPS: u32 = 4;

    fn orders(&self) -> Orders {
        Orders {
            step: self.timeout / Self::STEPS,
            whole: self.timeout,
            await_nested: None,
            grace: self.grace,
            confirm: self.confirm.clone(),
            sample: self.sample,
            probes: self.probes.clone(),
        }
    }
}

/// The client's time limit: the walk stops on its own a little earlier.
fn client_limit(longest: Duration) -> Duration {
    longest + Duration::from_secs(2)
}

/// Selects the runners to examine.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub pods: Vec<String>,
    pub namespace: Option<String>,
    pub all_namespaces: bool,
    pub labels: Option<String>,
    /// Finding no runners is not an error.
    pub allow_empty: bool,
}

/// Notified as runners are examined, for a progress line.
pub trait Progress: Sync {
    fn waits(&self);
    fn found(&self, runners: usize);
    fn examined(&self, runner: &str);
}

/// Seconds as the integer type of evidence.
fn whole(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
