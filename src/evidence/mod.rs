//! The evidence: observed facts as a plain document that mirrors the machine. It can be recorded,
//! read by people and replayed to the same diagnosis. It contains no judgements, and nothing
//! outside it is collected.

mod client;
pub(crate) mod identity;
mod launch;
mod limits;
mod observation;
mod probes;
pub mod reason;
mod resources;
mod traffic;

pub use client::{Denied, DockerClient, Throttling};
pub use launch::{Launch, Launcher};
pub use limits::PidLimit;
pub use observation::{Observation, Observed, Unseen};
pub use probes::{Layer, Probe, Probed};
pub use reason::{Asked, AsksElsewhere, Class, Part, Reason, Verb, Why, WrittenReason};
pub use resources::{DataRoot, Ended, Eviction, Standing};
pub use traffic::{Block, Firewall, FirewallKind, ForeignSource, Nat, OnLink, Traffic, Unrouted};

pub use crate::systems::Provider;
use crate::systems::Site;

use crate::text::{clean::obeyed, yaml};
use crate::yaml::parse;
use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const EVIDENCE_VERSION: i64 = 1;

/// Truncated YAML can still be valid YAML, so a recording has an end marker.
const FIRST_LINE: &str = "# A recording of runner-doctor. It ends with a line of three dots.";
const LAST_LINE: &str = "...";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    pub evidence_version: i64,
    /// The program and version that wrote this.
    pub doctor: String,
    pub cluster: Observation<Cluster>,
    #[serde(default)]
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub runners: Vec<Runner>,
    /// The number of failed runner Jobs. Absent if Jobs were not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs_given_up: Option<Observation<i64>>,
    /// Set if the run was interrupted or its deadline exceeded, so results are partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Whether names and addresses are replaced with tokens, the same token for the same name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redacted: bool,
    /// Start of the examination (UTC, RFC 3339). Absent in recordings made before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub examined_at: Option<Timestamp>,
    /// Duration of the examination in milliseconds, if recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// Requests to the API server, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

/// Requests to an API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// All requests, including retries.
    pub sent: i64,
    /// Retries because the server was overloaded (429, 503, 504) or briefly unreachable.
    pub retried: i64,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Evidence {
    pub fn new(cluster: Observation<Cluster>) -> Self {
        Evidence {
            evidence_version: EVIDENCE_VERSION,
            doctor: concat!("runner-doctor ", env!("CARGO_PKG_VERSION")).into(),
            cluster,
            nodes: Vec::new(),
            runners: Vec::new(),
            jobs_given_up: None,
            incomplete: None,
            redacted: false,
            examined_at: None,
            took_ms: None,
            requests: None,
        }
    }

    /// The recording, with an end marker that shows whether it is truncated.
    pub fn to_yaml(&self) -> Result<String> {
        let wrong = "cannot write a recording as YAML";
        let mut text = serde_saphyr::to_string(self).context(wrong)?;
        // What a terminal or a CI system would obey is escaped, wherever the recording is printed.
        if obeyed(&text).any(|(c, obeyed)| obeyed && c != '\n') {
            text = yaml::write(&serde_json::to_value(self).context(wrong)?);
        }
        Ok(format!("{FIRST_LINE}\n{text}{LAST_LINE}\n"))
    }

    /// Reads a recording, YAML or JSON; a newer format is refused in plain words.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            evidence_version: Option<i64>,
            schema: Option<String>,
        }
        if text.starts_with(FIRST_LINE) && !text.trim_end().ends_with(LAST_LINE) {
            bail!("{name} is truncated: copy it again, or collect again");
        }
        let no_recording = || {
            format!(
                "{name} is not a recording of runner-doctor, or it is truncated: write one with `runner-doctor collect`"
            )
        };
        // Of a whole recording the header need not be read by itself.
        let whole = parse::read::<Evidence>(text);
        let version = match &whole {
            Ok(evidence) => evidence.evidence_version,
            Err(_) => {
                let header: Header = parse::read(text).with_context(no_recording)?;
                if header
                    .schema
                    .is_some_and(|schema| schema.contains("/report/"))
                {
                    bail!(
                        "{name} is a report, not a recording: use a report with `runner-doctor diff` or `check --baseline`, or write a recording with `runner-doctor collect`"
                    );
                }
                header.evidence_version.with_context(no_recording)?
            }
        };
        if version != EVIDENCE_VERSION {
            bail!(
                "{name} has evidence_version {version}, but this runner-doctor reads {EVIDENCE_VERSION}: use the version that wrote it, or collect again"
            );
        }
        let damaged = || format!("{name} is damaged: recreate it with `runner-doctor collect`");
        parse::without_secrets(whole.with_context(damaged)?).with_context(damaged)
    }
}

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

fn not_recorded<T>() -> Observation<T> {
    Unseen(Reason::NotRecorded)
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
    /// Packets that the node dropped as too large during download tests. Absent without --confirm.
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runner {
    pub namespace: String,
    pub pod: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    pub provider: Provider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub phase: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<String>,
    #[serde(default)]
    pub host_network: bool,
    /// The outermost network that this examination can see.
    #[serde(default, skip_serializing_if = "Outermost::is_pod")]
    pub outermost: Outermost,
    pub containers: Vec<PodContainer>,
    /// The network namespaces in this pod.
    pub namespaces: Observation<Vec<NetworkNamespace>>,
    /// The Docker daemons in this pod, outer before nested.
    pub engines: Observation<Vec<Engine>>,
    /// Set if the runner was read from a file: nothing of it runs, and its networks are as Docker
    /// would create them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// The pod's own addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The pod's RuntimeClass, if set: it may be a sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    /// Whether the pod has its own user namespace (`hostUsers: false`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub user_namespace: bool,
    /// Output of the custom commands of checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probed>,
    /// The state of the pod in the cluster.
    #[serde(default, skip_serializing_if = "Standing::is_unremarkable")]
    pub standing: Standing,
}

/// Contents of a file in addition to the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    pub file: String,
    /// The kind of file for an engine's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// Whether the MTU of the pod network was given (--pod-mtu) instead of assumed.
    #[serde(default)]
    pub pod_mtu_told: bool,
    /// Names of Secrets in the file. Their values are never collected.
    #[serde(default = "nothing::<WrittenSecret>")]
    pub secrets: Observation<Vec<WrittenSecret>>,
    /// The pipeline steps with a memory size.
    #[serde(default = "nothing::<PipelineStep>")]
    pub steps: Observation<Vec<PipelineStep>>,
    /// The memory limit of the engine that runs the steps, in MiB.
    #[serde(default = "not_recorded::<i64>")]
    pub memory_mib: Observation<i64>,
    /// The command in a script of the steps that creates a Docker network without an MTU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks_by: Option<String>,
}

/// A Secret with values in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenSecret {
    pub name: String,
    /// Absent if the file does not name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub keys: Vec<String>,
}

/// A step of bitbucket-pipelines.yml, and the memory of its `size`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineStep {
    pub name: String,
    pub size: String,
    pub memory_mib: i64,
}

fn nothing<T>() -> Observation<Vec<T>> {
    Observed(Vec::new())
}

/// The outermost layer of a runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outermost {
    /// A pod, whose network is on a node.
    #[default]
    Pod,
    /// A machine, whose network is Ethernet.
    Machine,
    /// A container of an engine that is not visible: its path out is not known.
    Container,
}

impl Outermost {
    fn is_pod(&self) -> bool {
        *self == Outermost::Pod
    }

    /// The outermost network, as text.
    pub fn network(self) -> &'static str {
        match self {
            Outermost::Pod => "the pod network",
            Outermost::Machine => "the machine's network",
            Outermost::Container => "the network of this container",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Connects to the CI system and uses an engine to run builds.
    Runner,
    /// Runs a Docker daemon.
    Engine,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodContainer {
    pub name: String,
    pub role: Role,
    pub image: String,
    /// The digest of the running image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default)]
    pub init: bool,
    #[serde(default)]
    pub privileged: bool,
    /// dockerd flags in the arguments, by allow-list. Only for engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dockerd_args: Vec<String>,
    /// dockerd flags in the variable DOCKER_OPTS, by allow-list. Only for engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker_opts: Vec<String>,
    /// How the manifest starts dockerd. Only for engine containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// Environment variables with a literal value in the pod, by allow-list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Names of variables that contain a secret in plain text in the pod's specification. Their
    /// values are never collected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_secrets: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    pub state: ContainerState,
    #[serde(default)]
    pub restarts: i64,
    /// Its last termination, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<Ended>,
    /// The lines of its log that match a known error. Absent if no log was requested. Nothing else
    /// of a log is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Observation<Vec<KnownLine>>>,
    /// How long its startup probe gives it to start; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_seconds: Option<i64>,
    /// How docker commands in it look for their engine; absent where this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_client: Option<Observation<DockerClient>>,
}

/// The last line of a log that matches a symptom of a check, with credentials removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLine {
    pub check: String,
    pub text: String,
    /// Time of the line, if the log contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether the previous run of the container wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
    /// Whether the program retries after this error and wrote it only once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    pub path: String,
    pub volume: String,
    /// The path on the host if the volume is a hostPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<String>,
    /// The name of the PersistentVolumeClaim if the volume is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The subPath of the volume, if set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerState {
    /// `running`, `waiting` or `terminated`.
    pub phase: String,
    /// `CrashLoopBackOff`, `OOMKilled` and so on; of the last termination if it runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it waits, in the kubelet's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Start time of the container or, if it has not started, creation time of its pod (UTC, RFC
    /// 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkNamespace {
    /// The inode number of the namespace: `net:[4026532281]`.
    pub id: i64,
    /// The namespace of the process that started the containers in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// The paths of the containers in the namespace, or a process if no container uses it.
    pub holders: Vec<String>,
    pub interfaces: Observation<Vec<Interface>>,
    pub route_v4: Observation<Option<Route>>,
    pub route_v6: Observation<Option<Route>>,
    /// A rule that lowers the MSS of forwarded TCP connections.
    pub tcpmss: Observation<Option<Tcpmss>>,
    /// IPv4 packets dropped as too large since boot (FragFails).
    pub frag_fails: Observation<i64>,
    /// The result of a download from here. Absent without --confirm, or without a path out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Observation<Download>>,
    /// The path MTU to the host of that download, by pings. Absent without --confirm, or if not
    /// measured from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_mtu: Option<Observation<PathMtu>>,
    /// Routing and firewall of the namespace. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// A download from a network namespace (`--confirm`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Download {
    pub url: String,
    pub outcome: Fetched,
    /// The message of the download client, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Packets dropped here as too large during the download.
    pub dropped: Observation<i64>,
}

/// A path MTU that was measured (`--confirm`): no packet larger than the links that are visible was
/// sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PathMtu {
    /// The largest packet that got through. Absent if ICMP "fragmentation needed" arrived, but the
    /// number could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// The smallest packet that did not. Absent if the path carries what the visible links carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_large: Option<i64>,
    /// Whether ICMP "fragmentation needed" arrived for it. If not, the path is a black hole.
    pub icmp: bool,
}

impl PathMtu {
    /// The number, where the path carries less than the visible links do.
    pub fn mtu_of_path(&self) -> Option<i64> {
        self.mtu.filter(|_| self.too_large.is_some())
    }
}

/// From best to worst: a container whose download hangs proves more than one without a connection.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fetched {
    Completes,
    NoConnection,
    /// The connection is established, but no data arrives.
    Hangs,
}

impl Fetched {
    pub fn name(self) -> &'static str {
        match self {
            Fetched::Completes => "completes",
            Fetched::NoConnection => "no-connection",
            Fetched::Hangs => "hangs",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    pub name: String,
    pub mtu: i64,
    pub up: bool,
    pub ifindex: i64,
    /// The ifindex of the other end; for a veth, in the namespace of its peer.
    pub iflink: i64,
    pub kind: InterfaceKind,
    /// The bridge that this interface is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Whether the bridge forwards nothing through this port (disabled, or blocked by STP).
    #[serde(default, skip_serializing_if = "is_false")]
    pub blocked: bool,
    /// Whether ARP is off on a bridge or a veth.
    #[serde(default, skip_serializing_if = "is_false")]
    pub arp_off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    Loopback,
    Bridge,
    /// Served by a process (slirp4netns, vpnkit, a VPN): the path beyond it is not visible.
    Tun,
    /// One end of a pair (a veth, a macvlan, an ipvlan).
    Linked,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    pub interface: String,
    /// The MTU of the route, if set. Unobserved if no tool here shows it.
    pub mtu: Observation<Option<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tcpmss {
    /// `--clamp-mss-to-pmtu`: the MTU of the path out.
    PathMtu,
    /// `--set-mss N`.
    Mss(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub path: String,
    /// The pod's container that it runs in, directly or nested.
    pub container: String,
    pub pid: i64,
    /// The network namespace it runs in.
    pub namespace: i64,
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
    /// not recorded. Their values are never kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Vec<String>>,
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
}

impl Runner {
    /// `namespace/pod`, as reports name it.
    pub fn full_name(&self) -> String {
        if let Some(declared) = &self.declared {
            return declared.file.clone();
        }
        if self.namespace.is_empty() {
            return self.pod.clone();
        }
        format!("{}/{}", self.namespace, self.pod)
    }

    /// A file with Secrets and without a runner.
    pub fn is_secret(&self) -> bool {
        let Some(declared) = &self.declared else {
            return false;
        };
        let runs = !self.containers.is_empty() || !self.engines.seen().is_empty();
        !runs && declared.steps.seen().is_empty() && !declared.secrets.seen().is_empty()
    }

    /// Adds the known errors in its containers' logs, by container name.
    pub fn add_logs(&mut self, logs: Vec<(String, Observation<Vec<KnownLine>>)>) {
        for (name, log) in logs {
            if let Some(container) = self.containers.iter_mut().find(|c| c.name == name) {
                container.log = Some(log);
            }
        }
        self.forget_registries();
    }

    /// Of the registries that an engine does not verify, only those that a known error names matter.
    pub(crate) fn forget_registries(&mut self) {
        let logs = self.containers.iter().filter_map(|c| c.log.as_ref());
        let lines: Vec<&KnownLine> = logs.flat_map(|log| log.seen()).collect();
        let is_named = |registry: &String| lines.iter().any(|line| line.text.contains(registry));
        let Observed(engines) = &mut self.engines else {
            return;
        };
        let apis = engines
            .iter_mut()
            .filter_map(|engine| match &mut engine.api {
                Observed(api) => api.insecure_registries.as_mut(),
                Unseen(_) => None,
            });
        for registries in apis {
            // A range covers addresses that it does not spell out, and names nothing.
            registries.retain(|known| known.parse::<IpNet>().is_ok() || is_named(known));
        }
    }

    /// Engine containers of the pod, in the order of its spec.
    pub fn engine_containers(&self) -> impl Iterator<Item = &PodContainer> {
        self.containers.iter().filter(|c| c.role == Role::Engine)
    }

    /// The namespace that the pod's containers share.
    pub fn pod_namespace(&self) -> Option<&NetworkNamespace> {
        outermost(self.namespaces.seen())
    }
}

impl Engine {
    /// 0 for the pod's own engine, 1 for one inside that, and so on.
    pub fn depth(&self) -> usize {
        self.path.matches('/').count()
    }

    /// The container it runs in.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Interface {
    /// Its MTU; no device carries packets of nothing.
    pub fn size(&self) -> Observation<i64> {
        positive(self.mtu, &self.name)
    }
}

/// The MTU of an interface or a network, where it can be one.
pub fn positive(mtu: i64, of: &str) -> Observation<i64> {
    match mtu > 0 {
        true => Observed(mtu),
        false => Observation::Unobserved(Reason::NoMtu {
            interface: of.to_owned(),
        }),
    }
}

impl Route {
    /// The smaller MTU of the route and its device, if the route's MTU is known.
    pub fn carries(&self, device: &Interface) -> i64 {
        let own = self.mtu.observed().copied().flatten();
        device.mtu.min(own.unwrap_or(i64::MAX))
    }
}

/// The namespace around all others: the one without a parent. Where another one's parent is missing
/// too, it is the one that does not belong to containers of an engine alone; none where that leaves
/// several.
pub fn outermost(namespaces: &[NetworkNamespace]) -> Option<&NetworkNamespace> {
    let nested = |ns: &NetworkNamespace| ns.holders.iter().all(|holder| holder.contains('/'));
    let mut outer = namespaces.iter().filter(|ns| ns.parent.is_none());
    let first = outer.next()?;
    let Some(second) = outer.next() else {
        return Some(first);
    };
    let mut left = [first, second]
        .into_iter()
        .chain(outer)
        .filter(|ns| !nested(ns));
    let only = left.next()?;
    left.next().is_none().then_some(only)
}

impl NetworkNamespace {
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces.seen().iter().find(|i| i.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case;

    #[test]
    fn a_recording_of_a_fleet_is_read_back() {
        let mut evidence = case::healthy().unwrap();
        let runner = evidence.runners[0].clone();
        evidence.runners = vec![runner; 1500];
        let yaml = serde_saphyr::to_string(&evidence).unwrap();
        assert_eq!(Evidence::parse(&yaml, "yaml").unwrap(), evidence);
        let json = serde_json::to_string(&evidence).unwrap();
        assert_eq!(Evidence::parse(&json, "json").unwrap(), evidence);
    }
}
