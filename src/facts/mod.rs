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
mod origin;
pub(crate) mod other_engines;
mod overlaps;
mod pods;
mod pools;
mod ports;
mod proxies;
pub(crate) mod releases;
mod start;
pub mod versions;
mod way_out;

pub(crate) use data_root::{DATA_ROOT, data_mount, data_root, is_rootless};
pub(crate) use hosts::docker_clients;
pub(crate) use listing::networks_unseen;
pub use origin::Origin;
pub(crate) use origin::Origins;

use crate::evidence::{Engine, Evidence, Node, Observation, Provider, Reason, Role, Runner};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// An engine, or a container that should run one. What only Docker has does not apply to other engines
/// (BuildKit, Dagger, Podman), and neither do checks that read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct EngineFacts {
    /// The name of the container it runs in.
    pub name: String,
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub engine: String,
    /// Nesting level: 0 for the pod's engine, 1 for an engine inside it, and so on.
    pub depth: i64,
    /// Why builds cannot use it, as a sentence. Absent if they can.
    pub trouble: Observation<Option<String>>,
    /// The id of the reason for data that is missing because of `trouble`. Absent if none is
    /// missing.
    pub unseen_because: Option<String>,
    /// The image of its container.
    pub image: Observation<String>,
    /// Whether the image's tag has no version, so that a new pod may run another Docker version.
    pub image_floats: Observation<bool>,
    /// The Docker version in the image's tag. Absent if the tag has none.
    pub tag_version: Observation<Option<String>>,
    /// Whether the running version differs from the one in the tag.
    pub tag_disagrees: Observation<bool>,
    /// The running Docker version.
    pub version: Observation<String>,
    /// Whether this version is maintained neither by moby nor by a distribution on the day of the
    /// examination.
    pub unmaintained: Observation<bool>,
    /// The same image with a maintained Docker version: registry, repository and variant are kept.
    /// Absent if the image is not Docker's official image.
    pub recommended_image: Option<String>,
    /// A known bug of this Docker or containerd release in every configuration. Absent if none is
    /// known.
    pub known_bad: Observation<Option<BadRelease>>,
    /// The OCI runtime that its dockerd should start containers with, if it is missing or not executable.
    /// Absent otherwise.
    pub missing_runtime: Observation<Option<String>>,
    /// The Docker version of the node. Absent if the node runs no Docker, and for nested engines.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_docker: Observation<Option<String>>,
    /// Whether the node's Docker version differs.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_disagrees: Observation<bool>,
    /// The version of its containerd: as read, or as shipped with its Docker version.
    pub containerd: Observation<String>,
    /// Whether the containerd version was read from the running engine.
    pub containerd_read: bool,
    /// Whether this containerd starts shims with its own OOM score plus one (containerd#4837).
    pub containerd_overflows: Observation<bool>,
    /// The oom_score_adj of containerd (or dockerd): as read, or as the kubelet sets it for the
    /// pod's QoS class.
    pub oom_score_adj: Observation<i64>,
    /// Whether the OOM score was read from the running process.
    pub oom_score_read: bool,
    /// dockerd flags in DOCKER_OPTS that its dockerd does not have. Absent if there are none.
    pub ignored_opts: Observation<Option<String>>,
    /// The flags of `ignored_opts` whose values were read. Absent if there are none.
    pub ignored_flags: Option<String>,
    /// The DOCKER_HOST with which the runner would reach it. Absent if the current one is right, or
    /// if no value helps.
    pub right_host: Option<String>,
    /// Whether it runs although its daemon.json is not valid JSON: dockerd would not start with it.
    pub config_invalid: Observation<bool>,
    /// Whether the runner uses TLS on a port on which the engine does not.
    pub needless_tls: bool,
    /// Known errors in the log of its container: the last line of each, by check id. Also empty if
    /// the log could not be read, and for nested engines.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: BTreeMap<String, String>,
    /// The storage driver in use. Absent if no engine runs.
    pub storage_driver: Observation<Option<String>>,
    /// The configured storage driver. Absent if Docker chooses it.
    pub driver_told: Option<String>,
    /// The disk of its data directory. Absent for files.
    pub disk: Observation<Option<Disk>>,
    /// The open-file limit (nofile) of each process in its containers. Absent if no engine runs.
    pub open_files: Observation<Option<i64>>,
    /// Another engine that uses the same data directory. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub shares_data_with: Option<String>,
    /// A container of the pod whose user may not connect to its socket. Absent if there is none.
    pub socket_denied: Observation<Option<SocketDenied>>,
    /// The number of subnets left for new networks, counted up to 32. Absent if not known.
    pub free_subnets: Observation<Option<i64>>,
    /// An address range that overlaps nothing that was seen. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub free_range: Option<String>,
    /// The proxy variables of the pod's runner that it does not have. Absent if there are none.
    pub proxy_missing: Observation<Option<ProxyMissing>>,
    /// A proxy, of the engine or of the pod's runner, at a loopback address on which nothing listens.
    /// Absent if there is none.
    pub dead_proxy: Observation<Option<DeadProxy>>,
    /// A container that was refused processes because of a limit. Absent if there is none.
    pub pids_refused: Observation<Option<PidsRefused>>,
    /// A container of it whose cgroup is outside the pod's, so that the pod's limits do not apply.
    /// Absent if there is none.
    pub builds_outside: Observation<Option<String>>,
    /// The memory limit of its container as written: `2Gi`. Absent without a limit.
    pub memory_limit: Option<String>,
    /// The address that makes dockerd pause its start for 16 seconds. Absent if there is none, or if the
    /// runner's start waits for its startup probe.
    pub start_pause: Observation<Option<String>>,
}

/// A user who may not connect to a Docker socket.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SocketDenied {
    /// The container that uses the socket.
    pub container: String,
    /// The path of the socket there.
    pub socket: String,
    /// The ID of the user.
    pub user: i64,
    /// The IDs of the user's groups, separated by `, `.
    pub groups: String,
    /// The ID of the group that owns the socket.
    pub group: i64,
    /// A group of the user that could own the socket. Absent if the socket's mode denies access to its
    /// group.
    pub own_group: Option<i64>,
}

/// Proxy variables that one container has and an engine has not.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProxyMissing {
    /// The container that has them.
    pub container: String,
    /// Their names, separated by `, `.
    pub names: String,
}

/// A proxy at a loopback address and port on which nothing listens.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeadProxy {
    /// The path of the engine, or the container, that uses it.
    pub user: String,
    /// `127.0.0.1:3128`.
    pub address: String,
    /// The variables that are set to it, separated by `, `.
    pub names: String,
    /// Whether the engine itself uses it.
    pub of_engine: bool,
}

/// A limit of processes that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PidsRefused {
    /// The path of the container, or `the pod`.
    pub of: String,
    /// Its limit. Absent if the limit is one around it, or of a container in it.
    pub limit: Option<i64>,
    /// The number of its processes and threads.
    pub now: i64,
    /// How many were refused since it started.
    pub refused: i64,
}

impl PidsRefused {
    /// The worst: a limit of its own is certain.
    fn worst(engine: &Engine) -> Option<PidsRefused> {
        let refused = engine.pids_refused.iter().flatten();
        let worst = refused.max_by_key(|one| (one.limit.is_some(), one.refused))?;
        Some(PidsRefused {
            of: worst.of.clone(),
            limit: worst.limit,
            now: worst.now,
            refused: worst.refused,
        })
    }
}

/// A release that breaks builds in every configuration.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BadRelease {
    /// `Docker` or `containerd`, and the running version.
    pub name: String,
    /// What fails, as a sentence.
    pub fault: String,
    /// The first release without the bug.
    pub fixed_in: String,
}

/// The disk of an engine's data directory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// The path of the data directory in the engine's container.
    pub path: String,
    /// The file system type: `ext4`, `xfs`, `overlay`, `tmpfs` and so on.
    pub file_system: String,
    /// The size in MiB.
    pub size_mib: i64,
    /// The free space in MiB.
    pub free_mib: i64,
    /// The number of inodes; 0 if the file system has no limit.
    pub inodes: i64,
    /// The number of free inodes.
    pub free_inodes: i64,
    /// The percentage of free space below which the kubelet evicts pods by default: 10 for an
    /// emptyDir, 15 for the image file system. Absent if the data is not on the node's disk.
    pub evicts_below: Option<i64>,
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

/// Why packets of a Docker network cannot leave its engine's network namespace.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CutOff {
    /// `bridge`: the bridge is missing, down or has no address. `arp`: ARP is off on the bridge.
    /// `back`: a route throws away packets to containers. `containers`: containers are not attached to the bridge. `blocked`: the bridge forwards nothing
    /// through their ports. `container-arp`: ARP is off in containers. `container-route`: containers have no
    /// default route. `route`: the engine's namespace has none. `policy`: a policy rule does not route its
    /// packets. `untracked`: packets are not tracked, so that NAT does not apply. `foreign`: NAT sets an
    /// address that the namespace does not have. `nat`: packets keep the container's address.
    pub cause: String,
    /// The network's range, or the names of the containers, separated by spaces, or the kernel's
    /// message, or the source address.
    pub detail: String,
    /// Whether dockerd is configured not to write iptables rules.
    pub without_rules: bool,
}

/// A Docker network with its address ranges.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct SubnetFacts {
    /// The network's name; `docker0` for the default bridge.
    pub name: String,
    /// The path of its engine.
    pub engine: String,
    /// Whether it is the engine's default bridge.
    pub default_bridge: bool,
    /// Its ranges, for example `172.18.0.0/16`. Absent if not known.
    pub range: Option<String>,
    /// Whether IPv6 is enabled.
    pub ipv6: bool,
    /// The MTU of containers on it.
    pub mtu: Observation<i64>,
    /// The smallest MTU on its path out. Absent if not known.
    pub room: Option<i64>,
    /// Other networks or addresses that its ranges overlap. Absent if there are none.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub overlaps: Observation<Option<String>>,
    /// Whether it overlaps the path out or a DNS server, which every build needs.
    pub overlap_cuts: bool,
    /// A range without overlaps. Absent if `overlaps` is absent.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub free_range: Option<String>,
}

/// A network namespace: the pod's, or that of a container in the pod.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct NamespaceFacts {
    /// `the pod network`, or the path of a container in the namespace.
    pub name: String,
    /// The path of the engine that runs in the namespace, or whose container does. Absent if there
    /// is none.
    pub engine: Option<String>,
    /// Whether it is the pod's namespace.
    pub pod: bool,
    /// The number of packets dropped as too large during the examination.
    pub dropped_now: Observation<i64>,
    /// The engine's networks whose traffic the firewall drops. Absent if there are none.
    pub cut_networks: Observation<Option<String>>,
    /// Whether the chain's policy drops them because no rule accepts them, instead of a rule.
    pub cut_by_default: bool,
    /// The packets that are dropped, for example `TCP port 443` or `responses`. Absent if all
    /// are dropped.
    pub cut_packets: Option<String>,
    /// The chain that drops them, with its table if that is not filter: `FORWARD`, `raw
    /// PREROUTING`, `inet firewall forward`.
    pub cut_chain: Option<String>,
    /// The command that lists and changes the rules that drop them. Absent if nothing is dropped.
    pub firewall: Option<String>,
    /// What the firewall drops of connections that programs of the namespace itself open: image pulls of the
    /// engine, downloads of the runner. Absent if nothing is dropped.
    pub own_cut: Observation<Option<OwnCut>>,
    /// Whether `net.ipv4.ip_forward` is 1. Absent if no Docker network uses this namespace, or if
    /// the recording does not contain it.
    pub ip_forward: Observation<Option<bool>>,
    /// The interface on the path of a Docker network whose own `forwarding` setting alone is 0. Absent if
    /// there is none, or if the recording does not contain it.
    pub not_forwarding: Option<String>,
    /// Whether both iptables backends (legacy and nf_tables) have forwarding rules.
    pub firewalls_mixed: Observation<bool>,
    /// Its DNS servers, if all are local addresses on which nothing listens. Absent otherwise.
    pub dead_name_servers: Observation<Option<String>>,
}

/// Connections of a namespace's own programs that its firewall drops.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OwnCut {
    /// `TCP port 443`, `responses`; several are separated by `, `.
    pub packets: String,
    /// The chain that drops them, with its table if that is not filter: `OUTPUT`, `inet firewall out`.
    pub chain: String,
    /// Whether the chain's policy drops them, and no rule.
    pub by_default: bool,
    /// The command that lists and changes it.
    pub firewall: String,
}

/// The runner's pod.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct PodFacts {
    /// `namespace/pod`.
    pub name: String,
    /// Whether it was examined from inside a container of an engine that is not visible
    /// (`--docker`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub in_container: bool,
    /// The interface of its default route, and the MTU of the interface or the route.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub network: Observation<Link>,
    /// The node's uplink.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents]))]
    pub uplink: Observation<Link>,
    /// The CNI's encapsulation between nodes: `none`, `ipip`, `vxlan`, `wireguard`.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub encapsulation: Observation<String>,
    /// The MTU of the node's end of the pod's veth. Absent if it is not narrower than the pod's own, or if
    /// the node was not read.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Agents]))]
    pub node_end: Option<i64>,
    /// The largest pod MTU that fits the uplink with the CNI's encapsulation.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub room: Observation<i64>,
    /// The result of a download from the pod network (`--confirm`): `completes`, `hangs` or
    /// `no-connection`. Absent without --confirm.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download: Observation<Option<String>>,
    /// The message of the download client. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download_says: Option<String>,
    /// The path MTU from the pod network that was measured (`--confirm`). Absent if not measured, or
    /// if the path carries what the pod network does.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub path_mtu: Option<i64>,
    /// Whether its network namespace has no default route.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub without_route: bool,
    /// The URL of the download. Absent without --confirm.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub url: Option<String>,
    /// The scheduler's message why it cannot be scheduled. Absent if it is scheduled.
    pub unschedulable: Option<String>,
    /// Whether nodes for it may be starting: it has been pending for less than five minutes, or for
    /// an unknown time and only for lack of resources.
    pub may_scale_up: bool,
    /// The resources that no node has left, for example `cpu, memory`. Absent if the scheduler
    /// names none.
    pub lacks: Option<String>,
    /// Its node selector, for example `customer=shared`, if the scheduler finds no matching node.
    /// Absent otherwise.
    pub node_selector: Option<String>,
    /// The kubelet's message why it, or its predecessor, was evicted. Absent if neither was.
    pub evicted: Option<String>,
    /// The evicted pod.
    pub evicted_pod: Option<String>,
    /// Whether another pod has replaced the evicted pod.
    pub replaced: bool,
    /// The name of its Job. Absent if it has none.
    pub job: Option<String>,
    /// Why its Job has failed. Absent if it has not, or if there is no Job.
    #[schemars(extend("x-from" = [Origin::Jobs]))]
    pub given_up: Option<String>,
    /// Seconds by which its node's clock is ahead of the API server's; negative if behind. Absent
    /// without an API server.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_ahead: Observation<Option<i64>>,
    /// The same as text: `2 h 5 min behind`.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_says: Option<String>,
}

/// A container in the pod's specification.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct ContainerFacts {
    /// The container's name.
    pub name: String,
    /// The path of its engine, which is its name. Absent if it is not an engine container.
    pub engine: Option<String>,
    /// Its role.
    pub role: Role,
    /// The image in the pod's specification.
    pub image: String,
    /// Whether the image has no digest, and no tag or the tag `latest`.
    pub image_untagged: bool,
    /// Whether it is privileged. Unseen if a sandbox may make that unnecessary.
    pub privileged: Observation<bool>,
    /// Whether the image is rootless Docker.
    pub rootless: bool,
    /// Whether a Docker engine responds in it.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub answers: Observation<bool>,
    /// Whether its engine's data directory is on a volume.
    pub docker_volume: bool,
    /// The storage driver of its engine. Absent if no engine runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub storage_driver: Observation<Option<String>>,
    /// The file system type of its engine's data directory. Absent if no engine runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub data_on: Observation<Option<String>>,
    /// Names of variables that contain a secret in plain text. Absent if there are none.
    pub plain_secrets: Option<String>,
    /// The path at which it mounts the node's Docker socket. Absent if it does not.
    pub host_socket: Option<String>,
    /// The path at which a Bitbucket, GitHub or GitLab runner mounts the volume with job files, if no
    /// engine of its pod mounts that volume at the same path. Absent otherwise.
    pub unshared_work: Option<String>,
    /// Whether the pod has its own user namespace (`hostUsers: false`).
    pub user_namespace: bool,
    /// The percentage of its CPU periods in which it was throttled. Absent without a CPU limit, if it ran for
    /// less than a minute, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub throttled: Option<i64>,
    /// The registry whose certificate was rejected according to its log, if its engine still verifies it.
    /// Absent otherwise.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Logs]))]
    pub distrusted: Observation<Option<String>>,
    /// Whether /etc/docker/certs.d of its engine has a certificate authority for that registry. Absent if no
    /// certificate was rejected, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Logs]))]
    pub distrusted_certificate: Option<bool>,
    /// The configured storage driver of its engine. Absent if Docker chooses it.
    pub driver_told: Option<String>,
    /// Whether it was OOM-killed the last time it terminated.
    pub out_of_memory: bool,
    /// The number of processes in it, builds included, that were OOM-killed since it started. Absent if there
    /// are none, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub oom_kills: Option<i64>,
    /// Its memory limit as written: `2Gi`. Absent without a limit.
    pub memory_limit: Option<String>,
    /// Its memory request as written. Absent without a request.
    pub memory_request: Option<String>,
    /// The number of restarts.
    pub restarts: i64,
    /// The exit code of its last termination. Absent if it never terminated.
    pub last_exit: Option<i64>,
    /// Known errors in its log: the last line of each, by check id. Empty if no log was requested.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: Observation<BTreeMap<String, String>>,
}

/// A running container of a Docker engine: a build, a service, a nested engine.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct BuildFacts {
    /// The container's name.
    pub name: String,
    /// The path of its engine.
    pub engine: String,
    /// The container's image.
    pub image: String,
    /// The network mode: `default`, `host`, `container:…` or a network's name.
    pub network_mode: String,
}

/// An established connection that was sampled (`--sample`): of several of a container, the one that is
/// most certain to be stalled.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct ConnectionFacts {
    /// The name of the container whose command holds it, or of its network.
    pub name: String,
    /// The path of that container, or `the pod network`.
    pub container: String,
    /// The path of the engine that runs the container. Absent if there is none.
    pub engine: Option<String>,
    /// The command that holds it, in backquotes; `a process` if not found.
    pub command: String,
    /// The address and port of the other end.
    pub remote: String,
    /// The seconds between the samples.
    pub seconds: i64,
    /// Whether the command waits for it, and nothing arrived between the samples. Unseen if it may be
    /// idle.
    pub waits: Observation<bool>,
    /// Whether the command waits for what it sent to be acknowledged, and not for data.
    pub sends: bool,
    /// How often what it sent was sent again.
    pub retransmissions: i64,
    /// The bytes by which the MTU of its network exceeds the path out; 0 if it fits, if a rule lowers
    /// the MSS, or if large segments have arrived on it.
    pub wider_by: Observation<i64>,
    /// Whether packets of it are lost: what it sent is sent again, or segments have arrived after one that
    /// is missing.
    pub lost: bool,
    /// Whether a counter of the kernel shows the loss: those of `lost`, packets dropped as too large, or
    /// segments out of order, between the samples.
    pub counted: bool,
    /// The number of other connections of the container that wait in the same way.
    pub more: i64,
}

/// A pipeline step with a memory size.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct StepFacts {
    /// The name in the file.
    pub name: String,
    /// The size: `2x`, `4x`.
    pub size: String,
    /// The memory of this size in MiB.
    pub memory_mib: i64,
    /// The memory limit, in MiB, of the engine that runs it.
    pub room_mib: Observation<i64>,
}

/// A Secret with values in a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct SecretFacts {
    /// The name in the file.
    pub name: String,
    /// The keys of the Secret.
    pub keys: String,
}

/// One link on the path out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Link {
    /// The link as text: `the pod network (eth0)`, `docker0 of docker-in-docker`.
    pub name: String,
    /// The MTU of the link.
    pub mtu: i64,
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
