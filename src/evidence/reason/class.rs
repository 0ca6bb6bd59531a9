//! What kind of reason it is, and the class that decides the exit code.

use super::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something could not be read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Forbidden by the cluster; the detail names the RBAC rule to grant.
    Forbidden,
    /// A command or a file that the examination needs is missing.
    Missing,
    TimedOut,
    TooLarge,
    /// It exists but could not be read or parsed.
    Unreadable,
    /// It is not running, so there is nothing to read.
    NotRunning,
    /// It does not exist here, or was not requested.
    NotApplicable,
}

/// The class of a reason, which decides the exit code.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The recording is older than the fact.
    NotRecorded,
    /// It needs a flag, or a flag disabled it.
    NotAsked,
    /// It does not run yet, or only while a build runs.
    NotThereYet,
    /// It ended after it was listed.
    Gone,
    /// It is not visible from here, with any permission or time.
    OutsideTheView,
    /// It does not exist for this engine: a check that reads it does not apply.
    DoesNotApply,
    /// It should have been read: forbidden, cut off, timed out, unreadable, or a missing tool.
    CouldNotLook,
}

impl Class {
    /// The class of a reason in a recording made before classes existed.
    pub fn of(why: Why) -> Class {
        match why {
            Why::NotRunning => Class::NotThereYet,
            Why::NotApplicable => Class::OutsideTheView,
            Why::Forbidden | Why::Missing | Why::TimedOut | Why::TooLarge | Why::Unreadable => {
                Class::CouldNotLook
            }
        }
    }
}

impl Reason {
    pub fn why(&self) -> Why {
        self.kind().0
    }

    pub fn class(&self) -> Class {
        self.kind().1
    }

    fn kind(&self) -> (Why, Class) {
        use Class::{
            CouldNotLook, DoesNotApply, Gone, NotAsked, NotRecorded, NotThereYet, OutsideTheView,
        };
        use Reason as R;
        match self {
            R::RequestForbidden { .. }
            | R::ExecForbidden { .. }
            | R::LogsForbidden { .. }
            | R::NodeForbidden { .. }
            | R::SocketClosed
            | R::EngineDenies { .. } => (Why::Forbidden, CouldNotLook),

            R::RuleUnclear { .. }
            | R::PolicyByMark { .. }
            | R::ForeignSource { .. }
            | R::OtherGateway { .. }
            | R::RoutedElsewhere { .. } => (Why::Missing, CouldNotLook),

            R::NoServerTime
            | R::NoShell { .. }
            | R::ProgramNotStarted { .. }
            | R::InterfacesNotShown
            | R::RouteMtuNotShown
            | R::ClampUnknown
            | R::ClampUnclear
            | R::NativeRulesUnread
            | R::FirewallUnknown
            | R::NatUnknown
            | R::PolicyUnknown
            | R::NoClock
            | R::NoDownloader
            | R::NoPing
            | R::ProbeNeedsProgram
            | R::NoDockerClient { .. }
            | R::NoIpPool
            | R::IpPoolsNotRead => (Why::Missing, CouldNotLook),
            R::NoNodeAgent | R::NoKnownCni | R::NotInCluster { .. } | R::NoFlannelConfig => {
                (Why::Missing, OutsideTheView)
            }

            R::RunEnded
            | R::ClusterSilent
            | R::ExecLate { .. }
            | R::DockerLate { .. }
            | R::LogsLate { .. }
            | R::DownloadSlow { .. }
            | R::PingsLate
            | R::ProbeLate
            | R::EngineHangs { .. } => (Why::TimedOut, CouldNotLook),

            R::StreamTooLarge { .. }
            | R::LogTooLarge { .. }
            | R::ProbeTooLarge { .. }
            | R::OutOfTime
            | R::MoreEngines { .. }
            | R::MoreNamespaces { .. }
            | R::PartTooLarge { .. }
            | R::TooDeep { .. }
            | R::EngineAnswerTooLarge { .. }
            | R::TooMany { .. } => (Why::TooLarge, CouldNotLook),

            R::RequestFailed { .. }
            | R::ServerBusy { .. }
            | R::ContainersNotRead
            | R::ExecFailed { .. }
            | R::NoStreams { .. }
            | R::WalkSilent { .. }
            | R::WalkNotRun { .. }
            | R::StreamUnread { .. }
            | R::DockerExecFailed { .. }
            | R::LogsFailed { .. }
            | R::LogFailed { .. }
            | R::CutOff { .. }
            | R::Unreadable { .. }
            | R::DaemonJsonInvalid
            | R::ForeignInterfaces
            | R::RouteNotShown
            | R::DataElsewhere
            | R::DownloadFailed { .. }
            | R::NoPingAnswer
            | R::NoLargePingAnswer
            | R::PingsUnclear
            | R::ProbeFailed { .. }
            | R::ForeignSocket
            | R::EngineAnswerCut { .. }
            | R::EngineFails { .. }
            | R::ContainerNotListed { .. }
            | R::StorageDriverUntold { .. }
            | R::ContainerdUntold
            | R::NotAVersion { .. }
            | R::PodNetworkNotRead
            | R::NamespaceNotRead
            | R::WayOutLoops
            | R::DeviceNotSeen { .. }
            | R::PeerNotFound { .. }
            | R::NoMtu { .. }
            | R::NoNetworksListed
            | R::NetworkWithoutDriver
            | R::BridgeWithoutNetwork
            | R::BuildNetworkNotSeen { .. }
            | R::NodeWalkNotRun
            | R::NodeRouteNotFound
            | R::FileUnreadable { .. }
            | R::NotABoolean { .. }
            | R::NotEvaluated { .. } => (Why::Unreadable, CouldNotLook),
            R::BackendUnknown { .. } => (Why::Unreadable, OutsideTheView),
            R::ContainersUntold { because, .. } => (Why::Unreadable, because.class()),
            R::RouteMtuUnknown { route, .. } => route.kind(),

            R::ContainerNotRunning { .. }
            | R::StartingUp { .. }
            | R::Unschedulable
            | R::NoDockerd { .. }
            | R::NoDaemon { .. }
            | R::NotBuilding { .. }
            | R::NoSocket { .. }
            | R::EngineRefuses { .. }
            | R::NoNestedEngine
            | R::NoContainerOnNetwork => (Why::NotRunning, NotThereYet),
            R::Evicted
            | R::JobGaveUp
            | R::PodGone { .. }
            | R::ContainerGone { .. }
            | R::LogGone { .. } => (Why::NotRunning, Gone),

            R::NotWalked | R::NoDefaultRoute | R::NoWayOut => (Why::NotApplicable, CouldNotLook),
            R::NoNode => (Why::NotApplicable, NotThereYet),
            R::RouteMtuNotAsked
            | R::ListenersNotAsked
            | R::ProbeNotRun
            | R::NodeExecNotAsked
            | R::CniSettingsNotAsked => (Why::NotApplicable, NotAsked),
            R::KindUnknown { .. }
            | R::NoCluster
            | R::NoEngineContainer { .. }
            | R::AsksElsewhere { .. }
            | R::ProxyElsewhere { .. }
            | R::SandboxUnknown { .. }
            | R::LogsNotRead
            | R::OutOfSight
            | R::NotInContainer
            | R::EngineNetworkOutOfView
            | R::CarrierOutOfView
            | R::CniSetsRouteMtu
            | R::CniUnknown { .. }
            | R::CniSettingsNotRead { .. }
            | R::FilesOnly
            | R::NothingRuns
            | R::HostNetwork
            | R::MemoryUntold
            | R::ImageUntold
            | R::ImageOfVariables
            | R::ImageOfController
            | R::ImageMayHoldConfig
            | R::VolumeMayHoldConfig
            | R::ConfigNotInFiles
            | R::ImageUnresolved { .. }
            | R::MtuUnresolved { .. }
            | R::ScriptMaySetMtu
            | R::ConnectionMayBeIdle { .. }
            | R::BytesNotPerConnection
            | R::NotJudged { .. }
            | R::BuildNetworkUntold { .. }
            | R::NoPipeline { .. } => (Why::NotApplicable, OutsideTheView),
            R::NotDocker { .. } | R::ContainerHooks { .. } => (Why::NotApplicable, DoesNotApply),
            R::NotRecorded => (Why::NotApplicable, NotRecorded),

            R::Prose { why, class, .. } => (*why, *class),
        }
    }
}
