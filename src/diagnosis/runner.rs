//! A runner that was examined, and its layers.

use crate::evidence::{EngineKind, Provider, Reason, WrittenReason, reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExaminedRunner {
    /// `namespace/pod`.
    pub name: String,
    /// Its identity, which stays the same when its pod is recreated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The CI system.
    pub provider: Provider,
    /// The node that its pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The images of its Docker engines, outer before nested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What its engines are, if one is not Docker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<EngineKind>,
    /// From the node uplink down.
    pub layers: Vec<Layer>,
    /// The checks that passed on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// Whether neither an engine nor the pod network could be examined.
    #[serde(default)]
    pub unseen: bool,
    /// Why they could not be examined.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "reason::written"
    )]
    #[schemars(with = "Option<WrittenReason>")]
    pub unseen_because: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// The node's uplink.
    NodeUplink,
    /// The node's own docker0.
    NodeDocker,
    PodNetwork,
    /// The outermost network without a pod: a machine's, or a container's.
    OuterNetwork,
    DockerNetwork,
    /// An engine whose networks could not be listed, or a level that does not exist now.
    Unseen,
}

impl LayerKind {
    /// The prefix of its name in reports; empty if the name is self-explanatory.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            LayerKind::NodeUplink => "node uplink ",
            LayerKind::NodeDocker => "node ",
            LayerKind::PodNetwork => "pod network ",
            LayerKind::OuterNetwork | LayerKind::DockerNetwork | LayerKind::Unseen => "",
        }
    }
}

impl ExaminedRunner {
    /// The title for reports; without a pod around it, it is an engine.
    pub(crate) fn title(&self) -> &'static str {
        let outermost = |layer: &Layer| layer.kind == LayerKind::OuterNetwork;
        match self.provider {
            Provider::Generic if self.layers.iter().any(outermost) => "Docker engine",
            Provider::Generic if !self.engines.iter().any(EngineKind::is_docker) => {
                let engine = self.engines.first().map(|kind| kind.engine().name);
                engine.unwrap_or(self.provider.system().runner)
            }
            provider => provider.system().runner,
        }
    }
}

/// One layer between a build and the node uplink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// `node-uplink`, `node-docker`, `pod-network`, `outer-network`, `docker-network` or `unseen`.
    pub kind: LayerKind,
    /// The depth: 0 for the node, 1 for the pod network, 2 for the first engine's networks, and so
    /// on.
    pub depth: usize,
    /// The name of the interface or network.
    pub name: String,
    /// The path of the engine, for a Docker network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The software of this layer: `Docker 20.10.5, containerd 1.4.3`, `calico`,
    /// `containerd://2.1.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// Absent if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// The bottleneck on the path out, for a Docker network that is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    /// Whether its MTU exceeds that of its carrier.
    #[serde(default)]
    pub inverted: bool,
    /// Whether a TCPMSS rule on the path compensates for that, for TCP.
    #[serde(default)]
    pub clamped: bool,
    /// A note: why it is not checked, or why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why something of it could not be read, for programs.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "reason::written"
    )]
    #[schemars(with = "Option<WrittenReason>")]
    pub unseen: Option<Reason>,
}

impl Layer {
    /// A layer about which nothing is known yet.
    pub fn new(kind: LayerKind, depth: usize) -> Self {
        Layer {
            kind,
            depth,
            name: String::new(),
            engine: None,
            runs: None,
            mtu: None,
            carrier: None,
            inverted: false,
            clamped: false,
            note: None,
            unseen: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Carrier {
    pub name: String,
    pub mtu: i64,
}
