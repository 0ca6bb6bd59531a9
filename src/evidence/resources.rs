//! Resources and state of a runner: disks, clocks, limits, and the pod's state in the cluster.

use super::{Observation, Reason};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An engine's data directory and its file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataRoot {
    /// The path in the engine's container: `/var/lib/docker`.
    pub path: String,
    /// The file system type by its magic number: `overlay`, `tmpfs`, `ext4`, otherwise the number.
    pub file_system: String,
    /// Device and inode number of the directory, which identify it independently of its path.
    pub device: i64,
    pub inode: i64,
    pub size_mib: i64,
    /// Free space for unprivileged users, without the reserved blocks.
    pub free_mib: i64,
    /// The number of inodes; 0 if the file system has no limit.
    pub inodes: i64,
    pub free_inodes: i64,
}

/// The last termination of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// `OOMKilled`, `Error`, `Completed` and so on.
    pub reason: String,
    pub exit_code: i64,
}

/// The state of a runner's pod in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The scheduler's message why the pod cannot be scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unschedulable: Option<String>,
    /// Since when it cannot be scheduled. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub unschedulable_since: Option<Timestamp>,
    /// The pod's node selector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// The kubelet's message why the pod was evicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evicted: Option<Eviction>,
    /// Why the kubelet does not start its containers, in its own words. Absent if it does, or gives no reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<Observation<String>>,
    /// Why its Job has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// Seconds by which its node's clock is ahead of the API server's, negative if behind; 0 if the
    /// difference is below the resolution. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead: Option<Observation<i64>>,
}

impl Standing {
    pub fn is_unremarkable(&self) -> bool {
        *self == Standing::default()
    }

    /// Converts an offset from runner-doctor's clock into one from the API server's, which is
    /// `api_ahead` seconds ahead: an error in runner-doctor's own clock cancels out.
    pub fn tell_clock_by(&mut self, api_ahead: Option<i64>) {
        // Both have a resolution of one second, and some latency.
        const UNCERTAIN: u64 = 3;
        let Some(Observation::Observed(ahead)) = &mut self.clock_ahead else {
            return;
        };
        match api_ahead {
            Some(api) if ahead.abs_diff(api) <= UNCERTAIN => *ahead = 0,
            Some(api) => *ahead = ahead.saturating_sub(api),
            None => {
                self.clock_ahead = Some(Observation::Unobserved(Reason::NoServerTime));
            }
        }
    }
}

/// An evicted pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Eviction {
    pub pod: String,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Observed;

    /// The resulting offset, where both arguments are relative to runner-doctor's clock.
    fn told(ahead: i64, api: Option<i64>) -> Option<i64> {
        let mut standing = Standing {
            clock_ahead: Some(Observed(ahead)),
            ..Standing::default()
        };
        standing.tell_clock_by(api);
        standing.clock_ahead?.observed().copied()
    }

    #[test]
    fn a_doctor_whose_own_clock_is_wrong_blames_no_node() {
        assert_eq!(told(-3600, Some(-3601)), Some(0));
        assert_eq!(told(0, Some(-3600)), Some(3600));
        assert_eq!(told(-7500, Some(0)), Some(-7500));
        assert_eq!(told(i64::MIN, Some(1)), Some(i64::MIN));
        assert_eq!(told(-7500, None), None);
    }
}
