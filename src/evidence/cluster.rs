//! The cluster, its CNI plugin and its nodes.

use super::{Interface, InterfaceKind, Observation, not_recorded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    pub server_version: String,
    pub cni: Observation<Cni>,
}

/// The CNI plugin of the pod network, and the source of its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cni {
    pub name: String,
    pub source: String,
    /// Its settings.
    #[serde(default = "not_recorded::<CniSettings>")]
    pub settings: Observation<CniSettings>,
}

/// The settings of the CNI, and their source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CniSettings {
    /// The configured MTU of pods. Absent if the CNI detects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    pub encapsulation: Observation<Encapsulation>,
    /// What it takes of an IPv4 packet in bytes, if more than the encapsulation needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<i64>,
    pub source: String,
}

/// The encapsulation of pod packets between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encapsulation {
    None,
    Ipip,
    Vxlan,
    Wireguard,
    Geneve,
    Gre,
    Stt,
}

impl CniSettings {
    /// How packets go between nodes, and what that takes of an IPv4 packet.
    pub fn wrapping(&self) -> Observation<(Encapsulation, i64)> {
        let kind = self.encapsulation.clone();
        kind.map(|kind| (kind, self.overhead.unwrap_or(kind.overhead())))
    }
}

impl Encapsulation {
    /// The encapsulation overhead of an IPv4 packet in bytes.
    pub fn overhead(self) -> i64 {
        match self {
            Encapsulation::None => 0,
            Encapsulation::Ipip => 20,
            Encapsulation::Gre => 42,
            Encapsulation::Vxlan | Encapsulation::Geneve => 50,
            Encapsulation::Stt => 72,
            Encapsulation::Wireguard => 60,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Encapsulation::None => "none",
            Encapsulation::Ipip => "ipip",
            Encapsulation::Vxlan => "vxlan",
            Encapsulation::Wireguard => "wireguard",
            Encapsulation::Geneve => "geneve",
            Encapsulation::Gre => "gre",
            Encapsulation::Stt => "stt",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    pub name: String,
    pub kernel: String,
    pub os: String,
    /// The node's container runtime: `docker://20.10.7`, `containerd://2.1.9`.
    pub runtime: String,
    pub uplink: Observation<Uplink>,
    /// The MTU of the node's `docker0`, if there is one. Pods do not use it with a CNI.
    pub docker_bridge: Observation<Option<i64>>,
    /// The node's addresses in the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Packets that the node dropped as too large during download tests and samples. Absent without
    /// --confirm and --sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Observation<i64>>,
    /// The node's ends of veths of these pods that are narrower than the pods' own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrow_ends: Vec<NodeEnd>,
}

/// The node's end of a pod's veth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeEnd {
    pub ifindex: i64,
    pub iflink: i64,
    pub mtu: i64,
}

impl NodeEnd {
    pub fn is_of(&self, device: &Interface) -> bool {
        device.kind == InterfaceKind::Linked
            && (self.ifindex, self.iflink) == (device.iflink, device.ifindex)
    }
}

/// The uplink: the interface of a node's default route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Uplink {
    pub name: String,
    pub mtu: i64,
}
