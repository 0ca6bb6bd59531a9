//! What a check can read: facts derived from the evidence of one runner. Complex logic (the path
//! out of a network, the order of versions) is implemented here, typed and tested, so that a check
//! is one line. A fact that could not be read has a reason, and a check that reads it becomes
//! *unknown*.

mod builds;
mod clients;
mod connections;
mod containers;
mod data;
mod data_root;
mod engines;
mod files;
mod gaps;
mod hosts;
mod listing;
pub mod mtu_path;
mod namespaces;
pub(crate) mod networks;
mod oom_score;
mod origin;
pub(crate) mod other_engines;
mod overlaps;
mod pods;
mod pools;
mod ports;
mod proxies;
pub(crate) mod releases;
mod start;
mod trouble;
pub mod versions;
mod way_out;

pub use builds::BuildFacts;
pub use clients::SocketDenied;
pub use connections::ConnectionFacts;
pub use containers::ContainerFacts;
pub use data::Disk;
pub(crate) use data_root::{DATA_ROOT, data_mount, data_root, is_rootless};
pub use engines::{EngineFacts, PidsRefused};
pub use files::{SecretFacts, StepFacts};
pub(crate) use hosts::docker_clients;
pub(crate) use listing::networks_unseen;
pub use mtu_path::Link;
pub use namespaces::{NamespaceFacts, OwnCut};
pub use origin::Origin;
pub(crate) use origin::Origins;
pub use overlaps::SubnetFacts;
pub use pods::PodFacts;
pub use proxies::{DeadProxy, ProxyMissing};
pub use releases::BadRelease;
pub use way_out::CutOff;

use crate::evidence::{Evidence, Node, Observation, Provider, Reason, Runner};
use schemars::JsonSchema;
use serde::Serialize;

/// Everything that checks can read about one runner.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Facts {
    pub runner: RunnerFacts,
    pub engines: Section<EngineFacts>,
    pub networks: Section<NetworkFacts>,
    pub subnets: Section<SubnetFacts>,
    pub namespaces: Section<NamespaceFacts>,
    pub pods: Section<PodFacts>,
    pub containers: Section<ContainerFacts>,
    pub builds: Section<BuildFacts>,
    pub connections: Section<ConnectionFacts>,
    pub steps: Section<StepFacts>,
    pub secrets: Section<SecretFacts>,
}

/// A list that a check can iterate over, and what is missing from it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Section<T> {
    pub items: Vec<T>,
    pub gaps: Vec<Gap>,
}

impl<T> Section<T> {
    pub(crate) fn map<U>(self, to: impl FnMut(T) -> U) -> Section<U> {
        Section {
            items: self.items.into_iter().map(to).collect(),
            gaps: self.gaps,
        }
    }
}

/// An item of a section that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Gap {
    pub engine: Option<String>,
    pub subject: Option<String>,
    pub reason: Reason,
}

/// The runner's pod, as `runner` in an expression.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct RunnerFacts {
    /// `namespace/pod`.
    pub name: String,
    /// The CI system.
    pub provider: Provider,
    /// The pod's QoS class: `BestEffort`, `Burstable` or `Guaranteed`. Absent if the pod's status
    /// does not contain it.
    pub qos_class: Option<String>,
    /// The pod's node. Absent if the pod is not scheduled.
    pub node: Option<String>,
    /// Whether downloads were tested (`--confirm`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub downloads_tried: bool,
    /// Whether connections were sampled (`--sample`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub connections_sampled: bool,
    /// Whether the CI system, or a script of its steps, creates Docker networks without an MTU.
    pub job_networks: bool,
    /// The command in a pipeline's scripts that creates such a network. Absent if there is none.
    pub networks_by: Option<String>,
    /// Whether the runner was read from a file, so that nothing of it runs.
    pub declared: bool,
    /// Whether the MTU of the pod network is assumed instead of read.
    pub pod_mtu_assumed: bool,
}

/// A Docker network whose packets leave through its engine's network namespace.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct NetworkFacts {
    /// The network's name; `docker0` for the default bridge.
    pub name: String,
    /// The path of its engine.
    pub engine: String,
    /// Whether it is the engine's default bridge, which `--mtu` sets.
    pub default_bridge: bool,
    /// The MTU of containers on it.
    pub mtu: Observation<i64>,
    /// The source of the MTU, as text.
    pub mtu_source: String,
    /// The MTU that `--mtu` or daemon.json sets for the engine's default bridge. Absent if not set.
    pub engine_mtu: Option<i64>,
    /// The bottleneck: the link with the smallest MTU on its path out.
    pub carrier: Observation<Link>,
    /// Whether a TCPMSS rule on the path lowers the MSS to fit `carrier.mtu`.
    pub clamped: Observation<bool>,
    /// Whether its MTU fits every link on the path out except the pod network, whose MTU is assumed.
    pub carrier_assumed: bool,
    /// Whether `mtu` is known to exceed `carrier.mtu`.
    pub inverted: bool,
    /// The result of a download from its containers (`--confirm`): `completes`, `hangs` or
    /// `no-connection`. Absent without --confirm.
    pub download: Observation<Option<String>>,
    /// Whether a download from one of its containers hung.
    pub hangs: bool,
    /// Whether all downloads from its containers completed.
    pub completes: bool,
    /// The result of the same download from the pod network. Absent if not known.
    pub pod_download: Option<String>,
    /// Whether DOCKER_OPTS sets an MTU that the engine's image does not read.
    pub opts_ignored: bool,
    /// Why its packets cannot leave its engine's network namespace. Absent if they can.
    pub cut_off: Observation<Option<CutOff>>,
    /// Its bridge in its engine's network namespace.
    pub bridge: Option<String>,
    /// The parent device of a macvlan or ipvlan network, whose MTU it always has. Absent for other
    /// networks.
    pub parent: Option<String>,
    /// The MTU of networks that the CI system creates on its engine for each job. Absent if it
    /// creates none, if Docker is older than 24 and has no setting for them, or if not known.
    pub job_networks_mtu: Option<i64>,
}

impl Facts {
    pub fn derive(evidence: &Evidence, runner: &Runner) -> Facts {
        let node = runner
            .node
            .as_ref()
            .and_then(|name| evidence.nodes.iter().find(|node| node.name == *name));
        let namespaces = runner.namespaces.seen();
        let declared = runner.declared.as_ref();
        let networks_by = declared.and_then(|d| d.networks_by.clone());
        Facts {
            runner: RunnerFacts {
                name: runner.full_name(),
                provider: runner.provider,
                qos_class: runner.qos_class.clone(),
                node: runner.node.clone(),
                downloads_tried: namespaces.iter().any(|ns| ns.download.is_some()),
                connections_sampled: namespaces.iter().any(|ns| ns.sample.is_some()),
                job_networks: runner.provider.system().job_networks || networks_by.is_some(),
                networks_by,
                declared: declared.is_some(),
                pod_mtu_assumed: declared.is_some_and(|d| !d.pod_mtu_told),
            },
            engines: engines::derive(evidence, runner, node),
            networks: networks::derive(evidence, runner),
            subnets: overlaps::derive(evidence, runner, node),
            namespaces: namespaces::derive(evidence, runner),
            pods: pods::derive(evidence, runner, node),
            containers: containers::derive(runner),
            builds: builds::derive(runner),
            connections: connections::derive(evidence, runner, node),
            steps: files::steps(runner),
            secrets: files::secrets(runner),
        }
    }
}

/// The Docker version in a node's container runtime, `docker://20.10.7`.
pub(crate) fn node_docker_version(node: &Node) -> Option<&str> {
    node.runtime.strip_prefix("docker://")
}
