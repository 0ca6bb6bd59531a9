//! A Docker engine: its process, its settings and the answers of its API.

use super::{DataRoot, EngineKind, LocalProxy, Observation, OomKills, PidLimit, Reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub path: String,
    /// The pod's container that it runs in, directly or nested.
    pub container: String,
    pub pid: i64,
    /// The network namespace it runs in.
    pub namespace: i64,
    #[serde(default, skip_serializing_if = "EngineKind::is_docker")]
    pub kind: EngineKind,
    /// The versions of its programs, if it is not Docker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, String>,
    /// How its build steps reach the network, if it is BuildKit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_network: Option<BuildNetwork>,
    /// The image of the container it runs in.
    pub image: Observation<String>,
    /// dockerd flags, by allow-list.
    pub args: Vec<String>,
    /// daemon.json, by allow-list. Null if the file does not exist.
    pub config: Observation<Option<DaemonConfig>>,
    pub oom_scores: Vec<OomScore>,
    /// dockerd flags in the variable DOCKER_OPTS of its process, by allow-list. Absent if not
    /// recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_opts: Option<Vec<String>>,
    /// The version of its containerd binary, which is known even if dockerd does not respond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd: Option<String>,
    /// Its data directory. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Observation<DataRoot>>,
    /// The default open-file limit (nofile) of its containers: that of its containerd or its own
    /// process. Absent if not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<i64>,
    /// Its container, the pod and its containers, as far as they were refused processes. Absent if not
    /// recorded, or if the kernel does not count that here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids_refused: Option<Vec<PidLimit>>,
    /// Its container, the pod and its containers, as far as processes in them were OOM-killed. Absent if not
    /// recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<Vec<OomKills>>,
    /// The registries, `HOST` or `HOST:PORT`, for which its container has a certificate authority in
    /// /etc/docker/certs.d. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates_for: Option<Vec<String>>,
    /// A container of it whose cgroup (v2) lies outside the pod's. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_pod: Option<String>,
    /// Why it starts no container. Absent if nothing is known against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<EngineFault>,
    /// Its API responses. Unobserved if it does not respond.
    pub api: Observation<EngineApi>,
    /// Set if it was read from a file and does not run yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

impl Engine {
    /// An engine of which nothing was read, for this reason.
    pub(crate) fn unread(path: &str, kind: EngineKind, because: Reason) -> Engine {
        Engine {
            path: path.to_owned(),
            container: path.split('/').next().unwrap_or_default().to_owned(),
            pid: 0,
            namespace: 0,
            kind,
            programs: BTreeMap::new(),
            build_network: None,
            image: Observation::Unobserved(because.clone()),
            args: Vec::new(),
            config: Observation::Unobserved(because.clone()),
            oom_scores: Vec::new(),
            docker_opts: None,
            containerd: None,
            data: None,
            open_files: None,
            pids_refused: None,
            oom_kills: None,
            certificates_for: None,
            outside_pod: None,
            fault: None,
            api: Observation::Unobserved(because),
            planned: None,
        }
    }

    /// 0 for the pod's own engine, 1 for one inside that, and so on.
    pub fn depth(&self) -> usize {
        self.path.matches('/').count()
    }

    /// The container it runs in.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// How BuildKit's build steps reach the network (`--oci-worker-net`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuildNetwork {
    /// Through the network of buildkitd itself.
    Host,
    /// Through a bridge that buildkitd creates.
    Bridge,
    /// Through what a CNI configuration describes.
    Cni,
}

/// An engine in a file, which does not run yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// dockerd flags in DOCKER_OPTS, by allow-list, if its image does not read that variable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_opts: Vec<String>,
    /// The networks that it will create.
    pub networks: Vec<DockerNetwork>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonConfig {
    /// Whether dockerd writes iptables rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iptables: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// `default-network-opts` of the bridge driver: the MTU of new user-defined networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_network_mtu: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// `default-ulimits`: the open-file limit (nofile) of its containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<i64>,
    /// Other keys in the file that a fix may set. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// Why an engine starts no container, although its dockerd exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngineFault {
    /// dockerd is stopped by a signal (SIGSTOP).
    DockerdStopped,
    ContainerdStopped,
    /// dockerd answers, and the containerd that it needs does not run.
    ContainerdMissing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OomScore {
    pub process: String,
    pub pid: i64,
    pub oom_score_adj: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineApi {
    /// The endpoint of the API: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`.
    pub endpoint: String,
    /// The engine's ID, which identifies it if it has two endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub version: String,
    /// The newest version of its API, and the oldest that it still takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_api_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runc: Option<String>,
    /// The default OCI runtime, if dockerd cannot start it and its files do not hold it as a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// The data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<String>,
    /// The ranges from which new networks get their subnets: `default-address-pools`, or Docker's own.
    /// Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<AddressPool>>,
    /// Names of the proxy settings with which it sends requests to registries: `HTTPS_PROXY`. Absent if
    /// not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Vec<String>>,
    /// Those of them at a loopback address: the only part of their values that is kept. Absent if not
    /// recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_proxies: Option<Vec<LocalProxy>>,
    /// Ranges of addresses of registries whose certificates it does not verify, and the names of such
    /// registries that a known error in a log names. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_registries: Option<Vec<String>>,
    /// What dockerd writes its firewall rules with: `iptables`, `nftables`. Absent before Docker 28.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall_backend: Option<String>,
    pub networks: Observation<Vec<DockerNetwork>>,
    pub containers: Observation<Vec<DockerContainer>>,
}

/// A range from which new Docker networks get their subnets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressPool {
    /// `10.200.0.0/16`.
    pub base: String,
    /// The prefix length of each subnet.
    pub size: i64,
}

/// The option of a Docker network that sets its MTU.
pub const MTU_OPTION: &str = "com.docker.network.driver.mtu";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DockerNetwork {
    pub name: String,
    pub driver: String,
    /// The bridge in the engine's namespace, for the bridge driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    #[serde(default)]
    pub internal: bool,
    /// Whether IPv6 is enabled.
    #[serde(default)]
    pub ipv6: bool,
    /// The option com.docker.network.driver.mtu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu_option: Option<i64>,
    /// The device that a macvlan or ipvlan network uses. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its address ranges, for example `172.18.0.0/16`. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DockerContainer {
    pub id: String,
    pub name: String,
    pub image: String,
    /// `default`, `host`, `container:…` or a network's name.
    pub network_mode: String,
    /// The gateways of its networks. Absent if there are none, or not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
}
