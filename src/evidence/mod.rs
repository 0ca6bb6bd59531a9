//! What was seen, as a plain document that mirrors the machine: it can be recorded, read by people
//! and replayed to the same diagnosis. Nothing in it judges; what is not in it is not collected.

mod client;
mod launch;
mod observation;
mod probes;
pub mod reason;
mod resources;
mod traffic;

pub use client::DockerClient;
pub use launch::{Launch, Launcher};
pub use observation::{Observation, Observed, Unseen};
pub use probes::{Layer, Probe, Probed};
pub use reason::{Asked, AsksElsewhere, Class, Part, Reason, Verb, Why, WrittenReason};
pub use resources::{DataRoot, Ended, Eviction, Standing};
pub use traffic::{Block, Firewall, FirewallKind, Nat, OnLink, Traffic, Unrouted};

pub use crate::systems::Provider;
use crate::systems::Site;

use crate::document;
use crate::text::{clean::obeyed, yaml};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const EVIDENCE_VERSION: i64 = 1;

/// YAML that is cut off between two lines is YAML all the same.
const FIRST_LINE: &str = "# A recording of runner-doctor. It ends with a line of three dots.";
const LAST_LINE: &str = "...";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    pub evidence_version: i64,
    /// Which doctor wrote this.
    pub doctor: String,
    pub cluster: Observation<Cluster>,
    #[serde(default)]
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub runners: Vec<Runner>,
    /// How many Jobs of runners have given up; absent where they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs_given_up: Option<Observation<i64>>,
    /// The run was interrupted or its deadline passed: there was more to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Names and addresses in it are tokens, the same one wherever the same name stood.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redacted: bool,
    /// When the examination began (UTC, RFC 3339); absent in recordings made before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub examined_at: Option<Timestamp>,
    /// How long it took to look, where that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// What it cost the API server, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

/// What was asked of an API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// All of them, those that were sent again too.
    pub sent: i64,
    /// Sent again because the server had no time (429, 503, 504) or was gone for a moment.
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

    /// As a recording that shows when it is cut off.
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
            bail!("{name} is cut off, its end is missing: copy it again, or collect again");
        }
        let no_recording = || {
            format!(
                "{name} is not a recording of runner-doctor, or cut off: write one with `runner-doctor collect`"
            )
        };
        // Of a whole recording the header need not be read by itself.
        let whole = document::read::<Evidence>(text);
        let version = match &whole {
            Ok(evidence) => evidence.evidence_version,
            Err(_) => {
                let header: Header = document::read(text).with_context(no_recording)?;
                if header
                    .schema
                    .is_some_and(|schema| schema.contains("/report/"))
                {
                    bail!(
                        "{name} is a report, not a recording: a report is compared with `runner-doctor diff` or `check --baseline`, and `runner-doctor collect` writes a recording"
                    );
                }
                header.evidence_version.with_context(no_recording)?
            }
        };
        if version != EVIDENCE_VERSION {
            bail!(
                "{name} has evidence_version {version}, this runner-doctor reads {EVIDENCE_VERSION}: use the runner-doctor that wrote it, or collect again"
            );
        }
        let damaged =
            || format!("{name} is damaged: collect it again with `runner-doctor collect`");
        document::without_secrets(whole.with_context(damaged)?).with_context(damaged)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    pub server_version: String,
    pub cni: Observation<Cni>,
}

/// The plugin that makes the pod network, and where its name was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cni {
    pub name: String,
    pub source: String,
    /// How it is set up.
    #[serde(default = "not_recorded::<CniSettings>")]
    pub settings: Observation<CniSettings>,
}

/// What the CNI was told to do, and where that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CniSettings {
    /// The MTU that it is told to give to pods; absent where it finds out by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    pub encapsulation: Observation<Encapsulation>,
    pub source: String,
}

/// How packets of pods travel between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encapsulation {
    None,
    Ipip,
    Vxlan,
    Wireguard,
}

impl Encapsulation {
    /// What the wrapping of an IPv4 packet takes of the uplink's MTU.
    pub fn overhead(self) -> i64 {
        match self {
            Encapsulation::None => 0,
            Encapsulation::Ipip => 20,
            Encapsulation::Vxlan => 50,
            Encapsulation::Wireguard => 60,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Encapsulation::None => "none",
            Encapsulation::Ipip => "ipip",
            Encapsulation::Vxlan => "vxlan",
            Encapsulation::Wireguard => "wireguard",
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
    /// As the node reports it: `docker://20.10.7`, `containerd://2.1.9`.
    pub runtime: String,
    pub uplink: Observation<Uplink>,
    /// The node's own `docker0`, where there is one. Pods do not go through it under a CNI.
    pub docker_bridge: Observation<Option<i64>>,
    /// The addresses by which the cluster knows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Packets that it dropped as too large while downloads were tried; absent where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Observation<i64>>,
}

/// The interface through which a node reaches the network.
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
    /// Whose network it is at which this view ends.
    #[serde(default, skip_serializing_if = "Outermost::is_pod")]
    pub outermost: Outermost,
    pub containers: Vec<PodContainer>,
    /// The network namespaces found under this pod.
    pub namespaces: Observation<Vec<NetworkNamespace>>,
    /// The Docker daemons found under this pod, outer before inner.
    pub engines: Observation<Vec<Engine>>,
    /// Set where the runner was read from a file: nothing of it runs, and its networks are as
    /// Docker would make them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// The pod's own addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The pod's RuntimeClass, where it asks for one: it may be a sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    /// What the commands said that checks ask by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probed>,
    /// What the cluster says of the pod as a whole.
    #[serde(default, skip_serializing_if = "Standing::is_unremarkable")]
    pub standing: Standing,
}

/// What a file says beside the runner itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    pub file: String,
    /// What kind of place the file is for an engine's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// The MTU of the pod network was told (--pod-mtu), and is not only supposed.
    #[serde(default)]
    pub pod_mtu_told: bool,
    /// Secrets that stand in the file, by name: their values are never collected.
    #[serde(default = "nothing::<WrittenSecret>")]
    pub secrets: Observation<Vec<WrittenSecret>>,
    /// The steps of a pipeline that ask for memory.
    #[serde(default = "nothing::<PipelineStep>")]
    pub steps: Observation<Vec<PipelineStep>>,
    /// The memory that the engine in which the steps run may use, in MiB.
    #[serde(default = "not_recorded::<i64>")]
    pub memory_mib: Observation<i64>,
}

/// A Secret whose values stand in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenSecret {
    pub name: String,
    pub keys: Vec<String>,
}

/// A step of bitbucket-pipelines.yml, and the memory that its `size` asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineStep {
    pub name: String,
    pub size: String,
    pub memory_mib: i64,
}

fn nothing<T>() -> Observation<Vec<T>> {
    Observed(Vec::new())
}

/// What lies around everything that was seen of a runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outermost {
    /// A pod: beyond its network is the node.
    #[default]
    Pod,
    /// A machine: beyond its network is the ethernet.
    Machine,
    /// A container of an engine that cannot be seen from here: what carries it is not known.
    Container,
}

impl Outermost {
    fn is_pod(&self) -> bool {
        *self == Outermost::Pod
    }

    /// The network at which a view ends, in words.
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
    /// Talks to the CI system and asks an engine to run builds.
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
    /// The digest that really runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default)]
    pub init: bool,
    #[serde(default)]
    pub privileged: bool,
    /// dockerd's flags among the arguments, by allow-list; only of engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dockerd_args: Vec<String>,
    /// dockerd's flags in the variable DOCKER_OPTS, by allow-list; only of engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker_opts: Vec<String>,
    /// How the manifest starts its engine; only of engine containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// Environment variables by allow-list, where the pod states the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Variables that hold a secret as plain text in the pod's specification, by name: their
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
    /// How it ended the last time, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<Ended>,
    /// The lines of its log that show a known error; absent where no log was asked for. Of a log
    /// nothing else is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Observation<Vec<KnownLine>>>,
    /// How long its startup probe gives it to start; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_seconds: Option<i64>,
    /// How docker commands in it look for their engine; absent where this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_client: Option<Observation<DockerClient>>,
}

/// The last line of a log that shows a symptom of a check; credentials are cut out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLine {
    pub check: String,
    pub text: String,
    /// When it was written, where the log tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// It was written by the run before the one that goes on now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
    /// Its program tries again after such an error, and wrote it once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    pub path: String,
    pub volume: String,
    /// The host's path where the volume is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<String>,
    /// The PersistentVolumeClaim where the volume is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The part of the volume that is mounted, where not all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerState {
    /// `running`, `waiting` or `terminated`.
    pub phase: String,
    /// `CrashLoopBackOff`, `OOMKilled` and their like; of the last end where it runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it waits, in the kubelet's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Since when it runs or, where it has not started yet, since when there is its pod (UTC, RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkNamespace {
    /// The kernel's number of it: `net:[4026532281]`.
    pub id: i64,
    /// The namespace of the process that started what lives here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// Who lives here: paths of containers, or a process where no container has it.
    pub holders: Vec<String>,
    pub interfaces: Observation<Vec<Interface>>,
    pub route_v4: Observation<Option<Route>>,
    pub route_v6: Observation<Option<Route>>,
    /// A rule that lowers the MSS of TCP connections passing through.
    pub tcpmss: Observation<Option<Tcpmss>>,
    /// IPv4 packets that had to be dropped here because they did not fit, since boot.
    pub frag_fails: Observation<i64>,
    /// How a download from here went; absent where none was asked for, or nothing leads out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Observation<Download>>,
    /// What becomes of its packets; absent where this was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// A download that was tried from a network namespace (`--confirm`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Download {
    pub url: String,
    pub outcome: Fetched,
    /// What the client said of it, where it said something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Packets that were dropped here meanwhile, because they did not fit.
    pub dropped: Observation<i64>,
}

/// From the best to the worst: one container that hangs proves more than one that is cut off.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fetched {
    Completes,
    NoConnection,
    /// The connection stands, but nothing comes.
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
    /// The ifindex of the other end: for a veth, in the namespace of its peer.
    pub iflink: i64,
    pub kind: InterfaceKind,
    /// The bridge that this is a port of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    Loopback,
    Bridge,
    /// Served by a process (slirp4netns, vpnkit, a VPN): what it does beyond is not to be seen.
    Tun,
    /// One end of a pair, as far as one can see (a veth, a macvlan, an ipvlan).
    Linked,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    pub interface: String,
    /// The MTU set on the route itself, where one is; unobserved where no tool here shows it.
    pub mtu: Observation<Option<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tcpmss {
    /// `--clamp-mss-to-pmtu`: whatever the way out carries.
    PathMtu,
    /// `--set-mss N`.
    Mss(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// Container names from the pod down: `docker-in-docker/bb_docker`.
    pub path: String,
    /// The container of the pod under which it runs.
    pub container: String,
    pub pid: i64,
    /// The network namespace it works in.
    pub namespace: i64,
    /// The image of the container it runs in.
    pub image: Observation<String>,
    /// dockerd's flags, by allow-list.
    pub args: Vec<String>,
    /// daemon.json, by allow-list; nothing where there is no such file.
    pub config: Observation<Option<DaemonConfig>>,
    pub oom_scores: Vec<OomScore>,
    /// dockerd's flags in the variable DOCKER_OPTS of its process, by allow-list; nothing where it
    /// has none. Absent where this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_opts: Option<Vec<String>>,
    /// The version of the containerd program beside it, which tells also of a daemon that is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd: Option<String>,
    /// Where it keeps its data; absent in recordings that did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Observation<DataRoot>>,
    /// How many files each process of its containers may open, unless it is told otherwise: the
    /// limit of its containerd, or its own; absent where that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<i64>,
    /// What it says over its own socket; unobserved where it does not answer.
    pub api: Observation<EngineApi>,
    /// Set where a file tells of it: it does not run yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

/// What a file says of an engine that does not run yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// dockerd's flags in DOCKER_OPTS, by allow-list, where its image does not read that variable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_opts: Vec<String>,
    /// The networks that it will make.
    pub networks: Vec<DockerNetwork>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonConfig {
    /// Whether dockerd writes rules for iptables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iptables: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// `default-network-opts` of the bridge driver: the MTU of new user-defined networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_network_mtu: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// `default-ulimits`: how many files each process of its containers may open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<i64>,
    /// The other keys that it has, of those that a fix may set; absent where this was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OomScore {
    pub process: String,
    pub pid: i64,
    pub oom_score_adj: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineApi {
    /// How it was reached: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`.
    pub endpoint: String,
    /// The engine's own ID, by which it is recognised when it is reached in two ways.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// The directory in which it keeps images and containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<String>,
    pub networks: Observation<Vec<DockerNetwork>>,
    pub containers: Observation<Vec<DockerContainer>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DockerNetwork {
    pub name: String,
    pub driver: String,
    /// The bridge in the engine's namespace, for the bridge driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    #[serde(default)]
    pub internal: bool,
    /// It has IPv6 as well as IPv4.
    #[serde(default)]
    pub ipv6: bool,
    /// The option com.docker.network.driver.mtu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu_option: Option<i64>,
    /// The ranges of its addresses, `172.18.0.0/16`; absent where they were not recorded.
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

    /// A file that holds Secrets and nothing that runs.
    pub fn is_secret(&self) -> bool {
        let Some(declared) = &self.declared else {
            return false;
        };
        let runs = !self.containers.is_empty() || !self.engines.seen().is_empty();
        !runs && declared.steps.seen().is_empty() && !declared.secrets.seen().is_empty()
    }

    /// Adds what the logs of its containers show, by the containers' names.
    pub fn add_logs(&mut self, logs: Vec<(String, Observation<Vec<KnownLine>>)>) {
        for (name, log) in logs {
            if let Some(container) = self.containers.iter_mut().find(|c| c.name == name) {
                container.log = Some(log);
            }
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
    /// What it carries through its device: the narrower of both, as far as its own MTU is known.
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
