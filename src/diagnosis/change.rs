//! What a fix changes and where, in machine-readable form: `fix` combines and applies it.

use crate::evidence::Launch;
pub use crate::systems::Site;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// New settings of one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub place: Place,
    /// The container of the pod that runs the engine; for a nested engine its path.
    pub container: String,
    /// Whether it is a native sidecar (an init container that keeps running).
    #[serde(default, skip_serializing_if = "is_false")]
    pub init: bool,
    /// The network whose MTU is set, if it has its own setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The running Docker version, which must support the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<String>,
    /// The running image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How the container starts its engine. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// dockerd flags in the manifest, as far as recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its data directory, if not /var/lib/docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_root: Option<String>,
    /// Whether the pod uses only iptables-legacy rules.
    #[serde(default, skip_serializing_if = "is_false")]
    pub legacy_iptables: bool,
    pub settings: Settings,
}

/// Where an engine's settings are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub site: Site,
    pub namespace: String,
    /// The kind of the object to edit, if any: `Job`, `Deployment`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Place {
    /// Whether its names are valid in Kubernetes: only these may appear in a command.
    pub fn is_well_named(&self) -> bool {
        is_plain(&self.kind) && self.is_in_namespace() && is_plain(&self.name)
    }

    /// Whether its namespace is a valid name: evidence of a machine has none.
    pub fn is_in_namespace(&self) -> bool {
        is_plain(&self.namespace)
    }
}

fn is_plain(name: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(safe)
}

/// New settings of an engine. Absent settings do not change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// MTU of the default bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// MTU of new user-defined networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_mtu: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score_adjust: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    /// Other flags of dockerd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Whether Docker Hub images are pulled through a mirror, whose address the user must add.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mirror: bool,
    /// Variables of the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// An emptyDir on /var/lib/docker.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volume: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub privileged: bool,
    /// Whether to add a sidecar that clamps TCP MSS to the path MTU.
    #[serde(default, skip_serializing_if = "is_false")]
    pub clamp: bool,
}

impl Settings {
    /// Combines both. Of two sizes the smaller fits both; of two images the first is kept.
    pub fn merge(&mut self, other: &Settings) {
        let least = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.mtu = least(self.mtu, other.mtu);
        self.network_mtu = least(self.network_mtu, other.network_mtu);
        self.oom_score_adjust = least(self.oom_score_adjust, other.oom_score_adjust);
        let first = |a: &mut Option<String>, b: &Option<String>| {
            *a = a.take().or_else(|| b.clone());
        };
        first(&mut self.image, &other.image);
        first(&mut self.memory_request, &other.memory_request);
        first(&mut self.memory_limit, &other.memory_limit);
        for flag in &other.flags {
            if !self.flags.contains(flag) {
                self.flags.push(flag.clone());
            }
        }
        for (name, value) in &other.env {
            let value = || value.clone();
            self.env.entry(name.clone()).or_insert_with(value);
        }
        self.mirror |= other.mirror;
        self.volume |= other.volume;
        self.privileged |= other.privileged;
        self.clamp |= other.clamp;
    }

    pub fn has_flags(&self) -> bool {
        let typed = [self.mtu, self.network_mtu, self.oom_score_adjust];
        typed.iter().any(Option::is_some) || self.has_other_flags()
    }

    /// Whether it sets flags other than those for the MTU and the OOM score.
    pub fn has_other_flags(&self) -> bool {
        self.mirror || !self.flags.is_empty()
    }

    /// Whether it only adds the sidecar that clamps TCP MSS.
    pub fn is_only_clamp(&self) -> bool {
        let only = Settings {
            clamp: true,
            ..Settings::default()
        };
        *self == only
    }
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}
