//! What a runner has to live on, and how its pod fares: disks, clocks, limits, the cluster's word.

use super::{Observation, Reason};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The directory in which an engine keeps its images and containers, and the file system it lies on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataRoot {
    /// As the engine names it: `/var/lib/docker`.
    pub path: String,
    /// Kind of the file system, by the number the kernel has for it: `overlay`, `tmpfs`, `ext4`,
    /// else that number.
    pub file_system: String,
    /// Number of the file system and of the directory in it: the same pair is the same directory,
    /// whatever the path.
    pub device: i64,
    pub inode: i64,
    pub size_mib: i64,
    /// What is left to those who may not use the part reserved for the administrator.
    pub free_mib: i64,
    /// Files that it can hold; 0 where it sets no limit.
    pub inodes: i64,
    pub free_inodes: i64,
}

/// How a container ended the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// `OOMKilled`, `Error`, `Completed` and their like.
    pub reason: String,
    pub exit_code: i64,
}

/// What the cluster says of a runner's pod as a whole; nothing where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Why no node takes the pod, in the scheduler's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unschedulable: Option<String>,
    /// Since when no node takes it; absent in recordings that did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub unschedulable_since: Option<Timestamp>,
    /// Labels that a node must have to take it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Why its node threw the pod out, in the kubelet's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evicted: Option<Eviction>,
    /// Why the kubelet does not start its containers, in its own words; absent where it does, or says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<Observation<String>>,
    /// Why its Job makes no pod any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// Seconds by which its node's clock is ahead of the API server's, behind where negative; 0
    /// where no difference can be told. Absent in recordings that did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead: Option<Observation<i64>>,
}

impl Standing {
    pub fn is_unremarkable(&self) -> bool {
        *self == Standing::default()
    }

    /// Makes a difference to the doctor's own clock one to the API server's, which is so far ahead
    /// of that: whose own clock is wrong then does not matter.
    pub fn tell_clock_by(&mut self, api_ahead: Option<i64>) {
        // Both are told in whole seconds, and take a moment to be told.
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

/// A pod that its node threw out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Eviction {
    pub pod: String,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Observed;

    /// What a clock that is so far ahead of the doctor's is to an API server's that is `api` ahead.
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
