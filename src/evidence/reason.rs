//! Why something could not be read, as a type: code that groups, redacts or decides uses this and
//! never a sentence. `report/reason.rs` contains the sentences.

mod asked;
mod class;
pub mod written;

pub use asked::{Asked, Verb};
pub use class::{Class, Why};
pub use written::WrittenReason;

use crate::systems::EngineKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of an engine or a network namespace that the examination reads.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// An engine's API responses.
    Api,
    DaemonJson,
    DataRoot,
    Interfaces,
    /// A list of engines or of namespaces.
    List,
    NameServers,
    OomScore,
    PacketCounters,
    /// The output of a check's custom command.
    Probe,
    Processes,
    Routes,
    FirewallRules,
    /// The settings of an engine.
    Settings,
    Sockets,
}

/// Why something could not be read, with the names involved. `said` is the error message of another
/// program.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    // The run and its API server.
    RunEnded,
    ClusterSilent,
    RequestForbidden {
        asked: Asked,
    },
    RequestFailed {
        asked: Asked,
        said: String,
    },
    ServerBusy {
        code: i64,
        said: String,
    },
    NoServerTime,
    KindUnknown {
        kind: String,
    },
    NoCluster,

    // The pod and its containers.
    NotWalked,
    Unschedulable,
    Evicted,
    JobGaveUp,
    PodGone {
        pod: String,
    },
    ContainerGone {
        pod: String,
        container: String,
    },
    ContainerNotRunning {
        container: String,
    },
    ContainersNotRead,
    NoEngineContainer {
        asks: Option<AsksElsewhere>,
    },
    /// A runner of GitHub's whose jobs run in pods of their own (container hooks): it uses no engine.
    ContainerHooks {
        container: String,
    },
    /// A container that should use the pod's engine asks one elsewhere.
    AsksElsewhere {
        container: String,
        docker_host: String,
    },
    /// Requests go through a proxy that is not in the same network namespace.
    ProxyElsewhere {
        container: String,
        names: String,
    },
    SandboxUnknown {
        runtime_class: String,
    },

    // The exec.
    ExecForbidden {
        namespace: String,
    },
    ExecLate {
        container: String,
        seconds: i64,
    },
    ExecFailed {
        container: String,
        said: String,
        kubelet_unreached: bool,
    },
    NoShell {
        container: String,
    },
    NoStreams {
        program: Option<String>,
    },
    WalkSilent {
        container: Option<String>,
        said: String,
    },
    WalkNotRun {
        container: String,
    },
    StreamTooLarge {
        container: String,
        bytes: i64,
    },
    StreamUnread {
        said: String,
    },
    ProgramNotStarted {
        program: String,
        said: String,
    },
    DockerExecFailed {
        container: String,
        said: String,
    },
    DockerLate {
        seconds: i64,
    },

    // Logs.
    LogsForbidden {
        namespace: String,
    },
    LogsLate {
        seconds: i64,
    },
    LogsFailed {
        pod: String,
        said: String,
    },
    LogFailed {
        container: String,
        said: String,
    },
    LogGone {
        container: String,
    },
    LogTooLarge {
        container: String,
        lines: i64,
        bytes: i64,
    },
    LogsNotRead,

    // What the walk reads.
    CutOff {
        part: Part,
    },
    Unreadable {
        part: Part,
    },
    /// daemon.json is no JSON.
    DaemonJsonInvalid,
    ForeignInterfaces,
    InterfacesNotShown,
    RouteNotShown,
    RouteMtuNotAsked,
    RouteMtuNotShown,
    ClampUnknown,
    /// A rule that lowers the MSS has conditions that are not evaluated, or applies to some networks only.
    ClampUnclear,
    FirewallUnknown,
    /// There are nftables rules that iptables does not list, and `nft` did not list them.
    NativeRulesUnread,
    /// The outcome depends on a rule whose conditions are not evaluated.
    RuleUnclear {
        command: String,
    },
    /// The nat table has no rules of Docker, which may use nftables instead.
    NatUnknown,
    /// Policy rules could not be listed.
    PolicyUnknown,
    /// Policy rules route packets through an interface that is not that of the default route.
    RoutedElsewhere {
        interface: String,
    },
    /// A policy rule routes packets with a firewall mark nowhere, and they may get it.
    PolicyByMark {
        mark: String,
    },
    /// SNAT to an address of which only the network around the machine knows whether it leads back.
    ForeignSource {
        address: String,
    },
    /// A container's default route leads to another gateway than Docker gave it.
    OtherGateway {
        container: String,
        gateway: String,
    },
    ListenersNotAsked,
    DataElsewhere,
    NoClock,
    NoDownloader,
    DownloadSlow {
        bytes: i64,
    },
    DownloadFailed {
        said: String,
    },
    NoPing,
    NoPingAnswer,
    NoLargePingAnswer,
    PingsUnclear,
    PingsLate,
    /// Its command waits for one of several things.
    ConnectionMayBeIdle {
        remote: String,
    },
    /// Several connections share the counters of a namespace, and there is no `ss`.
    BytesNotPerConnection,
    ProbeNotRun,
    ProbeTooLarge {
        bytes: i64,
    },
    ProbeNeedsProgram,
    ProbeLate,
    ProbeFailed {
        status: i64,
    },

    // The engine.
    NoDockerd {
        container: String,
    },
    /// The daemon of an engine other than Docker does not run.
    NoDaemon {
        container: String,
        engine: EngineKind,
    },
    /// A fact about Docker, of an engine that is another.
    NotDocker {
        engine: EngineKind,
    },
    /// An engine that runs only while it builds, and does not build now.
    NotBuilding {
        container: String,
        engine: EngineKind,
    },
    /// A file does not show how the build steps of an engine reach the network.
    BuildNetworkUntold {
        engine: EngineKind,
    },
    /// How the build steps of an engine reach the network was not seen.
    BuildNetworkNotSeen {
        engine: EngineKind,
    },
    NoDockerClient {
        dockerd_runs: bool,
    },
    SocketClosed,
    NoSocket {
        pid: i64,
    },
    OutOfTime,
    /// One of `more` engines beyond the limit of `most`.
    MoreEngines {
        more: i64,
        most: i64,
    },
    /// One of `more` network namespaces beyond the limit of `most`.
    MoreNamespaces {
        more: i64,
        most: i64,
    },
    PartTooLarge {
        part: Part,
    },
    TooDeep {
        engine: String,
        max_depth: i64,
    },
    OutOfSight,
    NotInContainer,
    ForeignSocket,
    EngineHangs {
        endpoint: String,
    },
    EngineRefuses {
        endpoint: String,
    },
    EngineAnswerTooLarge {
        endpoint: String,
        bytes: i64,
    },
    EngineAnswerCut {
        endpoint: String,
    },
    EngineDenies {
        endpoint: String,
        status: Option<i64>,
        said: String,
    },
    EngineFails {
        endpoint: String,
        status: Option<i64>,
        said: String,
    },
    TooMany {
        count: i64,
        most: i64,
    },
    ContainersUntold {
        engine: String,
        because: Box<Reason>,
    },
    ContainerNotListed {
        engine: String,
    },
    StorageDriverUntold {
        engine: String,
    },
    ContainerdUntold,
    NotAVersion {
        program: String,
        version: String,
    },
    NoNestedEngine,
    /// The engine's container started so recently that its engine may still be starting.
    StartingUp {
        container: String,
        seconds: i64,
    },

    // The way out.
    PodNetworkNotRead,
    NamespaceNotRead,
    EngineNetworkOutOfView,
    CarrierOutOfView,
    NoDefaultRoute,
    NoWayOut,
    WayOutLoops,
    DeviceNotSeen {
        interface: String,
    },
    PeerNotFound {
        interface: String,
    },
    RouteMtuUnknown {
        route: Box<Reason>,
        cni: Box<Reason>,
    },
    CniSetsRouteMtu,
    CniUnknown {
        because: Box<Reason>,
    },
    NoContainerOnNetwork,
    /// No MTU above 0 was read for an interface or a network.
    NoMtu {
        interface: String,
    },

    // What the rest of the evidence contradicts.
    NoNetworksListed,
    NetworkWithoutDriver,
    BridgeWithoutNetwork,

    // The node and the CNI.
    NodeForbidden {
        node: String,
    },
    NoNode,
    NodeExecNotAsked,
    NoNodeAgent,
    NodeWalkNotRun,
    NodeRouteNotFound,
    NoKnownCni,
    CniSettingsNotAsked,
    CniSettingsNotRead {
        cni: String,
    },
    NotInCluster {
        resource: String,
        namespace: Option<String>,
        name: Option<String>,
    },
    NoFlannelConfig,
    NoIpPool,
    IpPoolsNotRead,
    BackendUnknown {
        backend: Option<String>,
    },

    // Files, which run nothing.
    FilesOnly,
    NothingRuns,
    HostNetwork,
    MemoryUntold,
    ImageUntold,
    ImageOfVariables,
    ImageOfController,
    ImageMayHoldConfig,
    VolumeMayHoldConfig,
    ConfigNotInFiles,
    /// A variable that the file does not give is part of the image.
    ImageUnresolved {
        image: String,
    },
    /// A variable or a command gives the MTU.
    MtuUnresolved {
        mtu: String,
    },
    /// A script starts dockerd, and may set more than can be read in it.
    ScriptMaySetMtu,
    /// Files that mention a Docker engine but are of a kind that cannot be checked as they are.
    NotJudged {
        said: String,
    },
    /// The pipeline file that sets the engine's MTU is missing; `without` it, this applies.
    NoPipeline {
        without: String,
    },
    FileUnreadable {
        said: String,
    },

    // The check and the recording.
    NotABoolean {
        expression: String,
        value: String,
    },
    NotEvaluated {
        expression: String,
        said: String,
    },
    NotRecorded,
    /// A sentence from a recording made before reasons were typed, or by a later version.
    Prose {
        why: Why,
        class: Class,
        detail: String,
    },
}

/// A container that uses a Docker engine elsewhere.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct AsksElsewhere {
    pub container: String,
    pub docker_host: String,
}

impl Reason {
    /// Whether another file, or this one rendered, could close the gap. What only a running pod can show does
    /// not count.
    pub fn is_of_files(&self) -> bool {
        matches!(
            self,
            Reason::ImageOfVariables
                | Reason::ImageMayHoldConfig
                | Reason::VolumeMayHoldConfig
                | Reason::ConfigNotInFiles
                | Reason::ImageUnresolved { .. }
                | Reason::MtuUnresolved { .. }
                | Reason::ScriptMaySetMtu
                | Reason::BuildNetworkUntold { .. }
                | Reason::NotJudged { .. }
        )
    }

    /// The underlying reason, if this one is the consequence of another.
    pub fn root(&self) -> &Reason {
        match self {
            Reason::ContainersUntold { because, .. } => because.root(),
            other => other,
        }
    }

    /// The namespace of the request.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Reason::RequestForbidden { asked } | Reason::RequestFailed { asked, .. } => {
                asked.namespace.as_deref()
            }
            Reason::ExecForbidden { namespace } | Reason::LogsForbidden { namespace } => {
                Some(namespace)
            }
            _ => None,
        }
    }

    /// Equal for equal reasons, regardless of wording; an old sentence is its own id.
    pub fn id(&self) -> String {
        match self {
            Reason::Prose { detail, .. } => detail.clone(),
            // Serializing a plain enum cannot fail.
            typed => serde_json::to_string(typed).unwrap_or_default(),
        }
    }

    /// A reason of which only the sentence is known.
    pub fn prose(why: Why, detail: impl Into<String>) -> Reason {
        Reason::Prose {
            why,
            class: Class::of(why),
            detail: detail.into(),
        }
    }
}
