//! Where the runners live, and the one seam through which a command is executed there.

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

/// A place where a walk can be executed. The lab, a cluster and a stand-in differ only here.
pub trait Exec: Sync {
    /// Runs a walk in a container and returns what it printed, or as much as came.
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

/// Bounds of a run, and what it is to try beside looking.
#[derive(Clone, Debug)]
pub struct Limits {
    /// One walk.
    pub timeout: Duration,
    /// All of it.
    pub deadline: Duration,
    pub concurrency: usize,
    pub max_depth: usize,
    /// How long an engine may take to start, where no probe says so.
    pub grace: Duration,
    /// Downloads this from every network.
    pub confirm: Option<Url>,
    /// Samples connections, and again after this time.
    pub sample: Option<Duration>,
    /// Runs these commands of checks too.
    pub probes: Vec<Probe>,
}

impl Limits {
    /// A question within a walk gets a part of its time, so that one daemon that hangs leaves some
    /// for the others.
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

/// The bound that the client keeps: the walk ends itself a little earlier.
fn client_limit(longest: Duration) -> Duration {
    longest + Duration::from_secs(2)
}

/// Which runners are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub pods: Vec<String>,
    pub namespace: Option<String>,
    pub all_namespaces: bool,
    pub labels: Option<String>,
    /// That there is none is no error.
    pub allow_empty: bool,
}

/// Told as runners are examined, for a progress line.
pub trait Progress: Sync {
    fn waits(&self);
    fn found(&self, runners: usize);
    fn examined(&self, runner: &str);
}

/// As evidence counts.
fn whole(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
