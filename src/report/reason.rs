//! The texts of all reasons for missing data. They are for people only.

use crate::diagnosis::Unknown;
use crate::evidence::{Asked, Part, Reason, Verb, Why};
use std::fmt;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Reason as R;
        match self {
            R::RunEnded => f.write_str("the run ended before this was read"),
            R::ClusterSilent => f.write_str("the run ended before cluster information was read"),
            R::RequestForbidden { asked } => {
                write!(f, "{} is forbidden: grant {}", doing(asked), grant(asked))
            }
            R::RequestFailed { asked, said } => write!(f, "{} failed: {said}", doing(asked)),
            R::ServerBusy { code, said } => write!(
                f,
                "the API server is overloaded (HTTP {code}): {said}; try again later, or with a lower --concurrency"
            ),
            R::NoServerTime => f.write_str("the API server sent no Date header"),
            R::KindUnknown { kind } => write!(f, "kind {kind} is not supported here"),
            R::NoCluster => f.write_str("no cluster is used with --docker"),

            R::NotWalked => f.write_str("the pod was not examined"),
            R::Unschedulable => f.write_str("the pod is not scheduled yet"),
            R::Evicted => f.write_str("the pod was evicted"),
            R::JobGaveUp => f.write_str("its Job has failed and has no pod"),
            R::PodGone { pod } => write!(f, "pod {pod} no longer exists"),
            R::ContainerGone { pod, container } => {
                write!(f, "pod {pod} or its container {container} no longer exists")
            }
            R::ContainerNotRunning { container } => write!(f, "container {container} is not running"),
            R::ContainersNotRead => f.write_str("the pod's containers were not read"),
            R::NoEngineContainer { asks: None } => f.write_str(
                "no container of this pod runs a Docker engine, so there was nothing to examine",
            ),
            R::NoEngineContainer { asks: Some(asks) } => write!(
                f,
                "no container of this pod runs a Docker engine; {} uses an engine elsewhere (DOCKER_HOST {}): check the pod in which that engine runs",
                asks.container, asks.docker_host
            ),
            R::ContainerHooks { container } => write!(
                f,
                "the jobs of container {container} run in pods of their own (container hooks), without a Docker engine"
            ),
            R::AsksElsewhere {
                container,
                docker_host,
            } => write!(
                f,
                "container {container} uses Docker at {docker_host}, which is outside this pod: check the machine or the pod in which that engine runs"
            ),
            R::ProxyElsewhere { container, names } => write!(
                f,
                "{container} sends its requests through a proxy ({names}): only a request shows whether that responds"
            ),
            R::SandboxUnknown { runtime_class } => write!(
                f,
                "whether RuntimeClass {runtime_class} lets Docker run unprivileged is not known"
            ),

            R::ExecForbidden { namespace } => write!(
                f,
                "no permission to exec into pods in namespace {namespace}: grant `get` and `create` on pods/exec"
            ),
            R::ExecLate { container, seconds } => write!(
                f,
                "exec into container {container} timed out after {seconds} s: raise --timeout, or check the node's kubelet"
            ),
            R::ExecFailed {
                container,
                said,
                kubelet_unreached,
            } => {
                write!(f, "exec into container {container} failed: {said}")?;
                match kubelet_unreached {
                    true => f.write_str(
                        "; the API server does not reach the kubelet: check the kubelet on the pod's node",
                    ),
                    false => Ok(()),
                }
            }
            R::NoShell { container } => {
                write!(f, "container {container} has no shell to run the examination in")
            }
            R::NoStreams { program: None } => {
                f.write_str("the connection to the container has no streams")
            }
            R::NoStreams {
                program: Some(program),
            } => write!(f, "{program} has no streams"),
            R::WalkSilent {
                container: None,
                said,
            } => write!(f, "the examination printed nothing here: {said}"),
            R::WalkSilent {
                container: Some(container),
                said,
            } => write!(
                f,
                "the examination printed nothing in container {container}: {said}"
            ),
            R::WalkNotRun { container } => write!(f, "container {container} did not run the examination script"),
            R::StreamTooLarge { container, bytes } => {
                write!(f, "container {container} printed more than {bytes} bytes")
            }
            R::ProgramNotStarted { program, said } => {
                write!(f, "{program} could not be started: {said}")
            }
            R::DockerExecFailed { container, said } => {
                write!(f, "`docker exec` into container {container} failed: {said}")
            }
            R::DockerLate { seconds } => {
                write!(f, "no output within {seconds} s: raise --timeout")
            }
            R::LogsForbidden { namespace } => write!(
                f,
                "no permission to read logs in namespace {namespace}: grant `get` on pods/log"
            ),
            R::LogsLate { seconds } => {
                write!(f, "reading logs timed out after {seconds} s: raise --timeout")
            }
            R::LogsFailed { pod, said } => {
                write!(f, "reading the logs of pod {pod} failed: {said}")
            }
            R::LogFailed { container, said } => {
                write!(f, "reading the log of {container} failed: {said}")
            }
            R::LogGone { container } => write!(f, "the log of {container} no longer exists"),
            R::LogTooLarge {
                container,
                lines,
                bytes,
            } => write!(
                f,
                "the last {lines} lines of the log of {container} are more than {bytes} bytes"
            ),
            R::LogsNotRead => f.write_str("logs are read only in a cluster"),

            R::CutOff { part } => write!(f, "the examination was cut off before {}", noun(*part)),
            R::Unreadable { part } => write!(f, "{} could not be read", noun(*part)),
            R::DaemonJsonInvalid => f.write_str("its daemon.json is not valid JSON"),
            R::ForeignInterfaces => {
                f.write_str("its sysfs shows the interfaces of another namespace")
            }
            R::InterfacesNotShown => f.write_str(
                "its interfaces could not be read: neither its own sysfs nor `nsenter` and `ip` show them",
            ),
            R::RouteNotShown => f.write_str("`ip` did not show its default route"),
            R::RouteMtuNotAsked => f.write_str(
                "the MTU of its route was not read, because no network leaves through it",
            ),
            R::RouteMtuNotShown => f.write_str(
                "the MTU of its route is not known: `ip` in this image (busybox) does not show it",
            ),
            R::ClampUnknown => f.write_str(
                "whether a TCPMSS rule is active is not known: `iptables-save` could not be run",
            ),
            R::ClampUnclear => f.write_str(
                "whether a TCPMSS rule applies to all connections depends on conditions that runner-doctor does not evaluate",
            ),
            R::NativeRulesUnread => f.write_str(
                "nftables rules that iptables does not list are not known: install `nft` in the engine's image to see them",
            ),
            R::FirewallUnknown => f.write_str(
                "firewall rules are not known: `iptables-save` could not be run",
            ),
            R::PolicyUnknown => f.write_str(
                "whether a policy rule cuts it off is not known: `ip rule` could not be run",
            ),
            R::PolicyByMark { mark } => write!(
                f,
                "a policy rule does not route packets with firewall mark {mark}, and a firewall rule may set it: see `ip rule`"
            ),
            R::ForeignSource { address } => write!(
                f,
                "a NAT rule (SNAT) sets the source address {address}, which is not an address of this machine: whether responses come back depends on the network around it"
            ),
            R::RoutedElsewhere { interface } => write!(
                f,
                "a policy rule (ip rule) routes its packets through {interface} instead of the default route, and that path is not examined"
            ),
            R::RuleUnclear { command } => write!(
                f,
                "the outcome depends on a rule of {command} whose conditions runner-doctor does not evaluate: see `{}`",
                match command.as_str() {
                    "nft" => "nft list ruleset".to_owned(),
                    iptables => format!("{iptables}-save"),
                }
            ),
            R::StartingUp { container, seconds } => write!(
                f,
                "container {container} started {seconds} s ago and its engine may still be starting: check again in a minute"
            ),
            R::NatUnknown => f.write_str(
                "the nat table has no iptables rules of Docker, and nftables rules are not read",
            ),
            R::OtherGateway { container, gateway } => write!(
                f,
                "the default route of {container} leads to {gateway}, which is not the gateway that Docker gave it: whether it responds is not visible"
            ),
            R::ListenersNotAsked => {
                f.write_str("not asked for: no name server is an address of its own")
            }
            R::DataElsewhere => f.write_str("its data directory differs from its settings"),
            R::NoClock => f.write_str("the examination returned no time"),
            R::NoDownloader => f.write_str(
                "no download was possible: the container has neither curl nor wget",
            ),
            R::DownloadSlow { bytes } => {
                write!(f, "the download was too slow for a result: {bytes} bytes received")
            }
            R::DownloadFailed { said } => write!(f, "the download failed: {said}"),
            R::NoPing => {
                f.write_str("the path MTU was not measured: the container has no ping command")
            }
            R::NoPingAnswer => {
                f.write_str("the path MTU was not measured: the host does not respond to pings")
            }
            R::NoLargePingAnswer => f.write_str(
                "the path MTU was not measured: the host does not respond to large pings",
            ),
            R::PingsLate => f.write_str("the path MTU was not measured in time"),
            R::ConnectionMayBeIdle { remote } => write!(
                f,
                "nothing arrived from {remote}, but it is not known whether the command waits for it: the connection may be idle"
            ),
            R::BytesNotPerConnection => f.write_str(
                "several connections share the network namespace, and the container has no ss command that counts the bytes of each",
            ),
            R::PingsUnclear => f.write_str(
                "the path MTU was not measured: the host responds only to some pings",
            ),
            R::ProbeNotRun => f.write_str(
                "its command was not run there (a recording contains the output if it was collected with --checks-dir and --allow-probes)",
            ),
            R::ProbeTooLarge { bytes } => write!(
                f,
                "the command of this check printed more than {bytes} bytes"
            ),
            R::ProbeNeedsProgram => f.write_str(
                "the command of this check needs a program that the engine's container does not have",
            ),
            R::ProbeLate => {
                f.write_str("the command of this check timed out: raise --timeout")
            }
            R::ProbeFailed { status } => {
                write!(f, "the command of this check failed with status {status}")
            }

            R::NoDockerd { container } => write!(f, "no dockerd runs in container {container}"),
            R::NoDaemon { container, engine } => write!(
                f,
                "no {} runs in container {container}",
                engine.engine().program
            ),
            R::NotDocker { engine } => {
                write!(f, "{} is not Docker: this does not apply", engine.engine().name)
            }
            R::NotBuilding { container, engine } => write!(
                f,
                "container {container} runs {} only while it builds, and nothing runs on a network of it now: check during a build",
                engine.engine().name
            ),
            R::BuildNetworkUntold { engine } => write!(
                f,
                "the file does not contain how {}'s build steps reach the network: check the running pod",
                engine.engine().name
            ),
            R::BuildNetworkNotSeen { engine } => write!(
                f,
                "the network of {}'s build steps was not found: no bridge of it is visible in its network namespace",
                engine.engine().name
            ),
            R::NoDockerClient { dockerd_runs: false } => {
                f.write_str("the docker command is not available here")
            }
            R::NoDockerClient { dockerd_runs: true } => f.write_str(
                "dockerd runs, but its container has no docker command",
            ),
            R::SocketClosed => f.write_str(
                "dockerd runs, but exec into its container is not root and cannot access its socket",
            ),
            R::NoSocket { pid } => write!(
                f,
                "dockerd (process {pid}) runs, but its socket does not exist: dockerd is starting or broken"
            ),
            R::OutOfTime => f.write_str("the examination timed out before this was read: raise --timeout"),
            R::MoreEngines { more, most } => write!(
                f,
                "more than {most} engines run here, which is the limit: this one and {more} others were not read"
            ),
            R::MoreNamespaces { more, most } => write!(
                f,
                "more than {most} network namespaces exist here, which is the limit: this one and {more} others were not read"
            ),
            R::PartTooLarge { part } => write!(f, "{} exceed the size limit", noun(*part)),
            R::StreamUnread { said } => write!(f, "the output of the examination could not be read: {said}"),
            R::TooDeep { engine, max_depth } => write!(
                f,
                "{engine} is nested deeper than --max-depth {max_depth}: raise it"
            ),
            R::OutOfSight => f.write_str("it is not visible from this container"),
            R::NotInContainer => f.write_str("it does not run in a container of an engine"),
            R::ForeignSocket => f.write_str(
                "its socket leads to another engine, so its own networks and version were not seen",
            ),
            R::EngineHangs { endpoint } => write!(
                f,
                "dockerd does not respond on {endpoint}: it hangs"
            ),
            R::EngineRefuses { endpoint } => {
                write!(f, "dockerd does not accept connections on {endpoint}")
            }
            R::EngineAnswerTooLarge { endpoint, bytes } => write!(
                f,
                "request to dockerd on {endpoint} failed: the response exceeds {bytes} bytes"
            ),
            R::EngineAnswerCut { endpoint } => write!(
                f,
                "request to dockerd on {endpoint} failed: the response is truncated or not JSON"
            ),
            R::EngineDenies {
                endpoint,
                status,
                said,
            }
            | R::EngineFails {
                endpoint,
                status,
                said,
            } => {
                write!(f, "request to dockerd on {endpoint} failed: ")?;
                match status {
                    Some(status) => write!(f, "HTTP {status}: {said}"),
                    None => f.write_str(said),
                }
            }
            R::TooMany { count, most } => write!(
                f,
                "the engine lists {count}, more than the limit of {most}"
            ),
            R::ContainersUntold { engine, because } => {
                write!(f, "{engine} did not list its containers: {because}")
            }
            R::ContainerNotListed { engine } => {
                write!(f, "{engine} does not list the container it runs in")
            }
            R::StorageDriverUntold { engine } => {
                write!(f, "{engine} did not report its storage driver")
            }
            R::ContainerdUntold => f.write_str("the engine did not report its containerd version"),
            R::NotAVersion { program, version } => {
                write!(f, "{version:?} is not a valid version of {program}")
            }
            R::NoNestedEngine => f.write_str(
                "no nested Docker engine runs now: Bitbucket starts one for a step that uses Docker; check again while such a step runs",
            ),

            R::PodNetworkNotRead => f.write_str("the pod's network was not read"),
            R::NamespaceNotRead => {
                f.write_str("a network namespace on the path out was not read")
            }
            R::EngineNetworkOutOfView => {
                f.write_str("the network that the engine runs in is not visible from here")
            }
            R::CarrierOutOfView => f.write_str(
                "the path out of this container's network is not visible from inside: check from the node or cluster, or test a download with --confirm",
            ),
            R::NoDefaultRoute => {
                f.write_str("a network namespace on the path out has no default route")
            }
            R::NoWayOut => f.write_str("it has no path out"),
            R::WayOutLoops => f.write_str("the path out is a loop"),
            R::DeviceNotSeen { interface } => {
                write!(f, "interface {interface} of the default route was not found")
            }
            R::PeerNotFound { interface } => {
                write!(f, "the other end of {interface} was not found")
            }
            R::RouteMtuUnknown { route, cni } => write!(f, "{route}; {cni}"),
            R::CniSetsRouteMtu => f.write_str("and Cilium sets the pod MTU on the route"),
            R::CniUnknown { because } => {
                write!(f, "and whether the CNI sets a route MTU is not known ({because})")
            }
            R::NoContainerOnNetwork => f.write_str(
                "no container runs on it now, so no download from it was possible",
            ),
            R::NoMtu { interface } => write!(f, "the MTU of {interface} was not read"),
            R::NoNetworksListed => {
                f.write_str("the engine lists no networks, not even the predefined ones")
            }
            R::NetworkWithoutDriver => f.write_str("the engine did not report its driver"),
            R::BridgeWithoutNetwork => f.write_str(
                "it is a Docker bridge, but no known engine has a network for it",
            ),
            R::NodeForbidden { node } => {
                write!(f, "node {node} could not be read: grant `get` on nodes")
            }
            R::NoNode => f.write_str("the pod's node is not known"),
            R::NodeExecNotAsked => f.write_str("not asked for: --no-node-exec"),
            R::NoNodeAgent => f.write_str(
                "no pod of the CNI, kube-proxy or node-exporter that uses the node's network runs there",
            ),
            R::NodeWalkNotRun => f.write_str("the pod on the node did not run the examination script"),
            R::NodeRouteNotFound => f.write_str("the node's default route was not found"),
            R::NoKnownCni => f.write_str("no agent of a known CNI was found"),
            R::CniSettingsNotAsked => f.write_str("its settings were not read"),
            R::CniSettingsNotRead { cni } => write!(f, "settings of {cni} are not supported"),
            R::NotInCluster {
                resource,
                namespace,
                name: Some(name),
            } => write!(f, "{} {} does not exist", singular(resource), at(namespace, name)),
            R::NotInCluster { resource, .. } => write!(f, "resource {resource} does not exist"),
            R::NoFlannelConfig => f.write_str("flannel has no ConfigMap"),
            R::NoIpPool => f.write_str("Calico has no IP pool that could be read"),
            R::IpPoolsNotRead => f.write_str(
                "Calico's IP pools could not be read: grant `list` on ippools.crd.projectcalico.org",
            ),
            R::BackendUnknown { backend } => write!(
                f,
                "the overhead of backend {} is not known",
                backend.as_deref().unwrap_or("without a name")
            ),

            R::FilesOnly => f.write_str("this was read from files"),
            R::NothingRuns => f.write_str("files describe nothing that runs yet"),
            R::HostNetwork => f.write_str("the pod uses the node's network"),
            R::MemoryUntold => f.write_str("no manifest sets it"),
            R::ImageUntold => f.write_str("the file does not name its image"),
            R::ImageOfVariables => f.write_str("its image contains variables"),
            R::ImageOfController => f.write_str("the controller sets its image"),
            R::ImageMayHoldConfig => f.write_str("its image may contain a daemon.json"),
            R::VolumeMayHoldConfig => f.write_str("a volume may contain a daemon.json"),
            R::ConfigNotInFiles => f.write_str("none of the files contains its daemon.json"),
            R::ImageUnresolved { image } => write!(
                f,
                "its image is {image}, and the file does not define that variable"
            ),
            R::MtuUnresolved { mtu } => {
                write!(f, "its MTU is {mtu}, which only a running container resolves")
            }
            R::ScriptMaySetMtu => f.write_str("a script starts dockerd and may set its MTU"),
            R::NotJudged { said } => f.write_str(said),
            R::NoPipeline { without } => write!(
                f,
                "none of these files is the bitbucket-pipelines.yml that sets the MTU of the engine that Bitbucket starts for steps with Docker: lint it together with this file. Without it, {without}"
            ),
            R::FileUnreadable { said } => f.write_str(said),
            R::NotABoolean { expression, value } => write!(
                f,
                "`{expression}` is {value}, which is neither true nor false"
            ),
            R::NotEvaluated { expression, said } => {
                write!(f, "`{expression}` could not be evaluated: {said}")
            }
            R::NotRecorded => f.write_str("this recording does not contain it"),
            R::Prose { detail, .. } => f.write_str(detail),
        }
    }
}

impl Unknown {
    /// All its reasons in one line.
    pub fn reason(&self) -> String {
        sentence(&self.reasons)
    }
}

/// Several reasons for one unknown, in one line.
pub(crate) fn sentence(reasons: &[Reason]) -> String {
    let each: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    each.join("; ")
}

fn doing(asked: &Asked) -> String {
    let Asked {
        verb,
        resource,
        namespace,
        name,
    } = asked;
    match (verb, name) {
        (Verb::Get, Some(name)) => {
            format!("reading {} {}", singular(resource), at(namespace, name))
        }
        (Verb::Get, None) => format!("reading {resource}"),
        (Verb::List, _) => format!("listing {resource}"),
    }
}

fn grant(asked: &Asked) -> String {
    let verb = match asked.verb {
        Verb::Get => "get",
        Verb::List => "list",
    };
    let place = asked.namespace.as_ref().map(|name| format!(" in {name}"));
    format!(
        "`{verb}` on {}{}",
        asked.resource,
        place.unwrap_or_default()
    )
}

fn at(namespace: &Option<String>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn singular(resource: &str) -> &str {
    resource.strip_suffix('s').unwrap_or(resource)
}

fn noun(part: Part) -> &'static str {
    match part {
        Part::Api => "the engine's answers",
        Part::DaemonJson => "daemon.json",
        Part::DataRoot => "its data directory",
        Part::FirewallRules => "its firewall rules",
        Part::Interfaces => "its interfaces",
        Part::List => "this list",
        Part::NameServers => "its name servers",
        Part::OomScore => "the OOM score of its processes",
        Part::PacketCounters => "its packet counters",
        Part::Probe => "this check's command finished",
        Part::Processes => "its processes",
        Part::Routes => "its routes",
        Part::Settings => "its settings",
        Part::Sockets => "its sockets",
    }
}

/// Sentences from recordings made before reasons were typed, if the sentence alone gives the class
/// or a name to redact. All other sentences stay as they are; no code parses them.
impl Reason {
    pub(crate) fn recognized(self) -> Reason {
        let Reason::Prose { why, detail, .. } = &self else {
            return self;
        };
        let plain = match detail.as_str() {
            "what a backend that is not named takes of each packet is not known" => {
                Some(Reason::BackendUnknown { backend: None })
            }
            "its settings were not asked for" => Some(Reason::CniSettingsNotAsked),
            "the pod was evicted" => Some(Reason::Evicted),
            "not asked for: no name server is an address of its own" => {
                Some(Reason::ListenersNotAsked)
            }
            "flannel has no ConfigMap" => Some(Reason::NoFlannelConfig),
            "no agent of a known CNI was found" => Some(Reason::NoKnownCni),
            "no pod of the CNI, kube-proxy or node-exporter that uses the node's network runs there" => {
                Some(Reason::NoNodeAgent)
            }
            "not asked for: --no-node-exec" => Some(Reason::NodeExecNotAsked),
            "this recording does not hold it" => Some(Reason::NotRecorded),
            "the pod was not walked" => Some(Reason::NotWalked),
            "its command was not run there (a recording holds what it said where it was collected with --checks-dir and --allow-probes)" => {
                Some(Reason::ProbeNotRun)
            }
            "the MTU of its route was not asked for: no network leaves through it" => {
                Some(Reason::RouteMtuNotAsked)
            }
            _ => with_names(*why, detail),
        };
        plain.filter(|reason| reason.why() == *why).unwrap_or(self)
    }
}

/// The typed reason that a sentence matches, with the names in it.
fn with_names(why: Why, detail: &str) -> Option<Reason> {
    let between = |start: &str, end: &str| {
        let name = detail.strip_prefix(start)?.strip_suffix(end)?;
        Some(name.to_owned())
    };
    if let Some((engine, because)) = detail.split_once(" does not tell its containers: ") {
        // The underlying reason was recorded without its own class.
        let because = Reason::prose(why, because);
        return Some(Reason::ContainersUntold {
            engine: engine.to_owned(),
            because: Box::new(because),
        });
    }
    let pod = "pod ";
    between(
        "may not exec into pods of namespace ",
        ": grant `get` and `create` on pods/exec there",
    )
    .map(|namespace| Reason::ExecForbidden { namespace })
    .or_else(|| {
        let namespace = between(
            "may not read logs in namespace ",
            ": grant `get` on pods/log there",
        )?;
        Some(Reason::LogsForbidden { namespace })
    })
    .or_else(|| {
        let both = between(pod, " is gone")?;
        Some(match both.split_once(" or its container ") {
            Some((pod, container)) => Reason::ContainerGone {
                pod: pod.to_owned(),
                container: container.to_owned(),
            },
            None => Reason::PodGone { pod: both },
        })
    })
    .or_else(|| {
        let named = between("there is no configmap ", "")?;
        let (namespace, name) = named.split_once('/')?;
        Some(Reason::NotInCluster {
            resource: "configmaps".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
        })
    })
    .or_else(|| {
        Some(Reason::NotInCluster {
            resource: between("there is no resource ", "")?,
            namespace: None,
            name: None,
        })
    })
    .or_else(|| {
        Some(Reason::BackendUnknown {
            backend: Some(between(
                "what a backend ",
                " takes of each packet is not known",
            )?),
        })
    })
}
