//! What a check may ask: the evidence of one runner with the hard questions already answered.
//!
//! A check is one line, because what needs thought (the way out of a network, the order of
//! versions) is worked out here, typed and tested. A fact that could not be seen carries its
//! reason, and a check that asks for it becomes *unknown*.

mod builds;
mod containers;
mod data;
mod engines;
mod files;
mod gaps;
mod hosts;
pub mod mtu_path;
mod namespaces;
pub(crate) mod networks;
mod origin;
mod overlaps;
mod pods;
pub(crate) mod releases;
pub mod versions;
mod way_out;

pub(crate) use containers::{DATA_ROOT, data_mount, data_root, is_rootless};
pub(crate) use hosts::docker_clients;
pub use origin::Origin;
pub(crate) use origin::Origins;

use crate::evidence::{Evidence, Node, Observation, Provider, Reason, Role, Runner};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything the checks may read about one runner.
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
    pub steps: Section<StepFacts>,
    pub secrets: Section<SecretFacts>,
}

/// A list that a check can go through, and what is missing from it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Section<T> {
    pub items: Vec<T>,
    pub holes: Vec<Hole>,
}

/// Something that belongs in a section but could not be seen.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Hole {
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
    /// What the kubelet makes of the pod's requests: `BestEffort`, `Burstable`, `Guaranteed`. Absent where the pod does not say.
    pub qos_class: Option<String>,
    /// Where the pod runs; absent where it is not scheduled.
    pub node: Option<String>,
    /// Downloads were asked for (`--confirm`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub downloads_tried: bool,
    /// The CI system creates a Docker network for a job, without an MTU.
    pub job_networks: bool,
    /// It was read from a file: nothing of it runs.
    pub declared: bool,
    /// The MTU of its pod network is not known but supposed.
    pub pod_mtu_assumed: bool,
}

/// A Docker daemon, or the place where one should be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct EngineFacts {
    /// The container it runs in.
    pub name: String,
    /// Path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub engine: String,
    /// 0 for the pod's own engine, 1 for one inside that, and so on.
    pub depth: i64,
    /// What keeps builds from using it, in a sentence; absent where nothing does.
    pub trouble: Observation<Option<String>>,
    /// The id of the reason why things could not be seen for its trouble; absent where there is none.
    pub unseen_because: Option<String>,
    /// The image of its container.
    pub image: Observation<String>,
    /// The image's tag names no version, so tomorrow's pod may run another Docker.
    pub image_floats: Observation<bool>,
    /// The Docker version that the image's tag promises; absent where it promises none.
    pub tag_version: Observation<Option<String>>,
    /// The engine that runs is not the one that the tag promises.
    pub tag_disagrees: Observation<bool>,
    /// The version that runs.
    pub version: Observation<String>,
    /// Neither moby nor a distribution maintains this version on the day of the examination.
    pub unmaintained: Observation<bool>,
    /// The same image in a maintained version of Docker: registry, repository and flavour stay.
    /// Absent where the image is not Docker's own.
    pub recommended_image: Option<String>,
    /// What is wrong with this release of Docker or of its containerd in every configuration;
    /// absent where nothing is known.
    pub known_bad: Observation<Option<BadRelease>>,
    /// The version of the node's own Docker; absent where the node runs none, or below depth 0.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_docker: Observation<Option<String>>,
    /// The node's own Docker is another version.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_disagrees: Observation<bool>,
    /// The version of its containerd: as it runs, or as its Docker version pins it.
    pub containerd: Observation<String>,
    /// The containerd version was read from the running engine.
    pub containerd_read: bool,
    /// This containerd starts shims at one more than its own OOM score (containerd#4837).
    pub containerd_overflows: Observation<bool>,
    /// The OOM score of containerd (or dockerd): read, or as the pod's QoS class gives it.
    pub oom_score_adj: Observation<i64>,
    /// The OOM score was read from the running process.
    pub oom_score_read: bool,
    /// dockerd's flags in DOCKER_OPTS, none of which its dockerd has; absent where there are none.
    pub ignored_opts: Observation<Option<String>>,
    /// Those of them whose values were read; absent where there are none.
    pub ignored_flags: Option<String>,
    /// The DOCKER_HOST under which the runner would find it; absent where it looks in the right
    /// place, or no variable would help.
    pub right_host: Option<String>,
    /// It runs, and its daemon.json is not valid JSON: dockerd would not start with it.
    pub config_invalid: Observation<bool>,
    /// The runner asks with TLS, and the engine speaks none on that port.
    pub needless_tls: bool,
    /// The known errors in the log of its container: the last line of each, by the id of the check
    /// that knows it. Empty also where the log could not be read, and below depth 0.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: BTreeMap<String, String>,
    /// The storage driver that it uses; absent where none runs.
    pub storage_driver: Observation<Option<String>>,
    /// The storage driver that it is told to use; absent where it chooses.
    pub driver_told: Option<String>,
    /// What its images and containers lie on; absent in files.
    pub disk: Observation<Option<Disk>>,
    /// How many files each process in its containers may open; absent where none runs.
    pub open_files: Observation<Option<i64>>,
    /// Another engine that keeps its data in the same directory; absent where none does.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub shares_data_with: Option<String>,
}

/// A release that breaks builds in every configuration.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BadRelease {
    /// `Docker` or `containerd`, and the version that runs.
    pub name: String,
    /// What fails, in words.
    pub fault: String,
    /// The first release without the fault.
    pub fixed_in: String,
}

/// What an engine's data lie on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// The directory, as the engine names it.
    pub path: String,
    /// `ext4`, `xfs`, `overlay`, `tmpfs` and their like.
    pub file_system: String,
    /// How much it holds, in MiB.
    pub size_mib: i64,
    /// How much of that is left.
    pub free_mib: i64,
    /// Files that it can hold; 0 where it sets no limit.
    pub inodes: i64,
    /// How many more files it can hold.
    pub free_inodes: i64,
    /// The percentage of free space below which the kubelet evicts pods, by its defaults: 10 for an
    /// emptyDir, 15 for the file system of images. Absent where the data is not on the node's disk.
    pub evicts_below: Option<i64>,
}

/// A Docker network whose packets leave through its engine's namespace.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct NetworkFacts {
    /// The network's Docker name; `docker0` for the default bridge.
    pub name: String,
    /// Path of its engine.
    pub engine: String,
    /// It is the engine's default bridge, the one that `--mtu` sets.
    pub default_bridge: bool,
    /// The size of the packets that containers on it send.
    pub mtu: Observation<i64>,
    /// How the MTU was read, in words.
    pub mtu_source: String,
    /// What `--mtu` or daemon.json gives the engine's default bridge; absent where nothing does.
    pub engine_mtu: Option<i64>,
    /// The narrowest link that its packets cross on the way out.
    pub carrier: Observation<Link>,
    /// A TCPMSS rule on the way lowers TCP connections to what the carrier takes.
    pub clamped: Observation<bool>,
    /// Its packets fit every link on the way out but the pod network, whose MTU is not known but supposed.
    pub carrier_assumed: bool,
    /// Its packets are known not to fit the carrier.
    pub inverted: bool,
    /// How a download from its containers went (`--confirm`): `completes`, `hangs` or
    /// `no-connection`; absent where none was asked for.
    pub download: Observation<Option<String>>,
    /// A download from one of its containers hung.
    pub hangs: bool,
    /// Downloads from its containers were tried, and came through.
    pub completes: bool,
    /// How the same download from the pod's own network went; absent where it is not known.
    pub pod_download: Option<String>,
    /// DOCKER_OPTS sets an MTU, but the engine's image does not read that variable.
    pub opts_ignored: bool,
    /// What keeps its packets inside the namespace of its engine; absent where nothing does.
    pub cut_off: Observation<Option<CutOff>>,
    /// Its bridge in the namespace of its engine.
    pub bridge: Option<String>,
    /// The MTU of networks that the CI system creates on its engine for each job; absent where it creates
    /// none, where Docker is older than 24 and has no setting for them, or where that is not known.
    pub job_networks_mtu: Option<i64>,
}

/// What keeps packets of a Docker network inside the namespace of its engine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CutOff {
    /// `bridge`: missing, down or without an address. `containers`: they are not connected to the bridge.
    /// `route`: there is no default route. `policy`: a policy rule leads nowhere. `nat`: packets keep the
    /// address of a container.
    pub cause: String,
    /// The network's range, the containers, separated by spaces, or the kernel's answer.
    pub detail: String,
    /// dockerd is told to write no rules of iptables.
    pub without_rules: bool,
}

/// The addresses of a Docker network.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct SubnetFacts {
    /// The network's Docker name; `docker0` for the default bridge.
    pub name: String,
    /// Path of its engine.
    pub engine: String,
    /// It is the engine's default bridge.
    pub default_bridge: bool,
    /// Its ranges, as `172.18.0.0/16`; absent where they are not known.
    pub range: Option<String>,
    /// It has IPv6 as well as IPv4.
    pub ipv6: bool,
    /// The size of the packets that containers on it send.
    pub mtu: Observation<i64>,
    /// The narrowest link that its packets cross on the way out; absent where that is not known.
    pub room: Option<i64>,
    /// What else has addresses in its ranges; absent where nothing does.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub overlaps: Observation<Option<String>>,
    /// What it overlaps is the way out, or a name server: every build needs it.
    pub overlap_cuts: bool,
    /// A range that overlaps nothing that was seen; absent where `overlaps` is.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub free_range: Option<String>,
}

/// A network namespace: the pod's, or one of a container in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct NamespaceFacts {
    /// `the pod network`, or who lives there.
    pub name: String,
    /// Path of the engine that works there, or of the one whose container lives there; absent where
    /// there is none.
    pub engine: Option<String>,
    /// It is the pod's own, and not one of a container in it.
    pub pod: bool,
    /// How many packets it dropped as too large while it was looked at.
    pub dropped_now: Observation<i64>,
    /// The engine's networks from which every new TCP connection is dropped in FORWARD; absent
    /// where there is none.
    pub cut_networks: Observation<Option<String>>,
    /// They are dropped by default, because no rule accepts them, and not by a rule.
    pub cut_by_default: bool,
    /// `TCP port 443`: only these packets of theirs are dropped; absent where all are.
    pub cut_packets: Option<String>,
    /// The chain that drops them, with its table unless that is filter: `FORWARD`, `raw PREROUTING`.
    pub cut_chain: Option<String>,
    /// The command that lists and changes the rules that drop them; absent where nothing is.
    pub firewall: Option<String>,
    /// `net.ipv4.ip_forward`: packets of the engine's networks pass through; absent where no Docker
    /// network leaves by here, or a recording does not hold it.
    pub ip_forward: Observation<Option<bool>>,
    /// Both kinds of iptables (legacy and nf_tables) have rules for what passes through.
    pub firewalls_mixed: Observation<bool>,
    /// Its name servers, where all are addresses of its own at which nobody listens; absent else.
    pub dead_name_servers: Observation<Option<String>>,
}

/// The runner's pod in the node's network.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct PodFacts {
    /// `namespace/pod`.
    pub name: String,
    /// It was looked at from inside a container of an engine that cannot be seen (`--docker`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub in_container: bool,
    /// The interface that its packets leave by, and the size that this or its route sets.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub network: Observation<Link>,
    /// The node's interface to the outside.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents]))]
    pub uplink: Observation<Link>,
    /// How the CNI wraps packets between nodes: `none`, `ipip`, `vxlan`, `wireguard`.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub encapsulation: Observation<String>,
    /// The largest packet of the pod that the uplink carries, wrapped as the CNI does.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub room: Observation<i64>,
    /// How a download from the pod's own network went (`--confirm`): `completes`, `hangs` or
    /// `no-connection`; absent where none was asked for.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download: Observation<Option<String>>,
    /// What the client said of it; absent where it said nothing.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download_says: Option<String>,
    /// Its network namespace has no default route.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub without_route: bool,
    /// What was downloaded; absent where nothing was.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub url: Option<String>,
    /// Why no node takes it, in the scheduler's words; absent where one did.
    pub unschedulable: Option<String>,
    /// The nodes that it waits for may be starting: it has waited for less than five minutes, or for
    /// an unknown time and for room only.
    pub may_scale_up: bool,
    /// The resources that no node has left for it, `cpu, memory`; absent where the scheduler names
    /// none.
    pub lacks: Option<String>,
    /// The labels that it wants of a node, `customer=shared`, where the scheduler finds no node with
    /// them; absent where it wants none, or has its node.
    pub node_selector: Option<String>,
    /// Why its node threw it out, or the one before it; absent where none did.
    pub evicted: Option<String>,
    /// The pod that was thrown out.
    pub evicted_pod: Option<String>,
    /// Another pod has taken the place of the one that was thrown out.
    pub replaced: bool,
    /// The Job that it comes from; absent where it is none.
    pub job: Option<String>,
    /// Why its Job makes no pod any more; absent where it does, or there is none.
    #[schemars(extend("x-from" = [Origin::Jobs]))]
    pub given_up: Option<String>,
    /// Seconds by which its node's clock is ahead of the API server's, behind where negative;
    /// absent where there is none to compare with.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_ahead: Observation<Option<i64>>,
    /// The same in words: `2 h 5 min behind`.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_says: Option<String>,
}

/// A container of the pod, as its specification says it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct ContainerFacts {
    /// As the pod calls it.
    pub name: String,
    /// Its engine's path, which is its name; absent where it is there for something else.
    pub engine: Option<String>,
    /// What it is there for.
    pub role: Role,
    /// As the pod names it.
    pub image: String,
    /// The image has no digest, and no tag or the tag `latest`.
    pub image_untagged: bool,
    /// It is privileged; unseen where a sandbox may make up for that.
    pub privileged: Observation<bool>,
    /// The image is one of rootless Docker.
    pub rootless: bool,
    /// A Docker engine was seen to answer in it.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub answers: Observation<bool>,
    /// A volume lies where its engine keeps images and containers.
    pub docker_volume: bool,
    /// The storage driver that its engine uses now; absent where none runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub storage_driver: Observation<Option<String>>,
    /// The file system on which its engine's data lie now; absent where none runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub data_on: Observation<Option<String>>,
    /// Variables that hold a secret as plain text, by name; absent where none does.
    pub plain_secrets: Option<String>,
    /// Where it mounts the node's own Docker socket; absent where it does not.
    pub host_socket: Option<String>,
    /// Where a runner of GitHub or GitLab mounts the volume with the files of jobs, if no engine of its
    /// pod mounts that volume at the same path; absent where one does, or there is no such volume.
    pub unshared_work: Option<String>,
    /// The storage driver that its engine is told to use; absent where it chooses.
    pub driver_told: Option<String>,
    /// It was killed the last time it ended, because it had reached its memory limit.
    pub out_of_memory: bool,
    /// The most memory that it may use, as written: `2Gi`; absent where nothing limits it.
    pub memory_limit: Option<String>,
    /// The memory that it requests, as written; absent where it requests none.
    pub memory_request: Option<String>,
    /// How often it was started again.
    pub restarts: i64,
    /// The exit code with which it ended the last time; absent where it never ended.
    pub last_exit: Option<i64>,
    /// The known errors in its log: the last line of each, by the id of the check that knows it.
    /// Empty where no log was asked for.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: Observation<BTreeMap<String, String>>,
}

/// A container that a Docker engine runs now: a build, a service, the engine inside.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct BuildFacts {
    /// As its engine calls it.
    pub name: String,
    /// Path of its engine.
    pub engine: String,
    /// As its engine names it.
    pub image: String,
    /// `default`, `host`, `container:…` or a network's name.
    pub network_mode: String,
}

/// A step of a pipeline that asks for memory.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct StepFacts {
    /// As the file calls it.
    pub name: String,
    /// `2x`, `4x`.
    pub size: String,
    /// The memory that this size means.
    pub memory_mib: i64,
    /// The memory that the engine in which it runs may use.
    pub room_mib: Observation<i64>,
}

/// A Secret whose values stand in a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct SecretFacts {
    /// As the file calls it.
    pub name: String,
    /// The names of its values.
    pub keys: String,
}

/// One link on the way out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Link {
    /// In words: `the pod network (eth0)`, `docker0 of docker-in-docker`.
    pub name: String,
    /// What it carries.
    pub mtu: i64,
}

impl Facts {
    pub fn derive(evidence: &Evidence, runner: &Runner) -> Facts {
        let node = runner
            .node
            .as_ref()
            .and_then(|name| evidence.nodes.iter().find(|node| node.name == *name));
        let namespaces = runner.namespaces.seen();
        Facts {
            runner: RunnerFacts {
                name: runner.full_name(),
                provider: runner.provider,
                qos_class: runner.qos_class.clone(),
                node: runner.node.clone(),
                downloads_tried: namespaces.iter().any(|ns| ns.download.is_some()),
                job_networks: runner.provider.system().job_networks,
                declared: runner.declared.is_some(),
                pod_mtu_assumed: runner.declared.as_ref().is_some_and(|d| !d.pod_mtu_told),
            },
            engines: engines::derive(evidence, runner, node),
            networks: networks::derive(evidence, runner),
            subnets: overlaps::derive(evidence, runner, node),
            namespaces: namespaces::derive(evidence, runner),
            pods: pods::derive(evidence, runner, node),
            containers: containers::derive(runner),
            builds: builds::derive(runner),
            steps: files::steps(runner),
            secrets: files::secrets(runner),
        }
    }
}

/// The Docker version in a node's container runtime, `docker://20.10.7`.
pub(crate) fn node_docker_version(node: &Node) -> Option<&str> {
    node.runtime.strip_prefix("docker://")
}
