//! The words of every reason why something was not seen: made here, and read by people alone.

use crate::diagnosis::Unknown;
use crate::evidence::{Asked, Part, Reason, Verb, Why};
use std::fmt;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Reason as R;
        match self {
            R::RunEnded => f.write_str("the run ended before it"),
            R::ClusterSilent => f.write_str("the run ended before the cluster told of itself"),
            R::RequestForbidden { asked } => {
                write!(f, "{} is forbidden: grant {}", doing(asked), grant(asked))
            }
            R::RequestFailed { asked, said } => write!(f, "{} failed: {said}", doing(asked)),
            R::ServerBusy { code, said } => write!(
                f,
                "the API server has no time for this ({code}): {said}; try again later, or with a lower --concurrency"
            ),
            R::NoServerTime => f.write_str("the API server does not tell the time"),
            R::KindUnknown { kind } => write!(f, "{kind} is not known here"),
            R::NoCluster => f.write_str("there is no cluster: --docker was asked for"),

            R::NotWalked => f.write_str("the pod was not walked"),
            R::Unschedulable => f.write_str("no node has taken the pod yet"),
            R::Evicted => f.write_str("the pod was evicted"),
            R::JobGaveUp => f.write_str("its Job has given up: there is no pod"),
            R::PodGone { pod } => write!(f, "pod {pod} is gone"),
            R::ContainerGone { pod, container } => {
                write!(f, "pod {pod} or its container {container} is gone")
            }
            R::ContainerNotRunning { container } => write!(f, "container {container} does not run"),
            R::ContainersNotRead => f.write_str("the pod's containers were not read"),
            R::NoEngineContainer { asks: None } => f.write_str(
                "no container of this pod runs a Docker engine, so there was nothing to walk",
            ),
            R::NoEngineContainer { asks: Some(asks) } => write!(
                f,
                "no container of this pod runs a Docker engine; {} asks an engine elsewhere (DOCKER_HOST {}): check the pod in which that runs",
                asks.container, asks.docker_host
            ),
            R::AsksElsewhere {
                container,
                docker_host,
            } => write!(
                f,
                "container {container} uses Docker at {docker_host}, which is outside this pod: check the machine or the pod in which that engine runs"
            ),
            R::SandboxUnknown { runtime_class } => write!(
                f,
                "whether RuntimeClass {runtime_class} lets Docker run unprivileged is not known"
            ),

            R::ExecForbidden { namespace } => write!(
                f,
                "may not exec into pods of namespace {namespace}: grant `get` and `create` on pods/exec there"
            ),
            R::ExecLate { container, seconds } => write!(
                f,
                "container {container} did not answer an exec within {seconds} s: raise --timeout, or look at the node's kubelet"
            ),
            R::ExecFailed {
                container,
                said,
                kubelet_unreached,
            } => {
                write!(f, "exec into container {container} failed: {said}")?;
                match kubelet_unreached {
                    true => f.write_str(
                        "; the API server does not reach the kubelet: look at it on the pod's node",
                    ),
                    false => Ok(()),
                }
            }
            R::NoShell { container } => {
                write!(f, "container {container} has no shell to walk with")
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
            } => write!(f, "the walk printed nothing here: {said}"),
            R::WalkSilent {
                container: Some(container),
                said,
            } => write!(
                f,
                "the walk printed nothing in container {container}: {said}"
            ),
            R::WalkNotRun { container } => write!(f, "container {container} did not run the walk"),
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
                write!(f, "nothing came within {seconds} s: raise --timeout")
            }
            R::LogsForbidden { namespace } => write!(
                f,
                "may not read logs in namespace {namespace}: grant `get` on pods/log there"
            ),
            R::LogsLate { seconds } => {
                write!(f, "logs did not come within {seconds} s: raise --timeout")
            }
            R::LogsFailed { pod, said } => {
                write!(f, "reading the logs of pod {pod} failed: {said}")
            }
            R::LogFailed { container, said } => {
                write!(f, "reading the log of {container} failed: {said}")
            }
            R::LogGone { container } => write!(f, "the log of {container} is gone"),
            R::LogTooLarge {
                container,
                lines,
                bytes,
            } => write!(
                f,
                "the last {lines} lines of the log of {container} are more than {bytes} bytes"
            ),
            R::LogsNotRead => f.write_str("without a cluster, logs are not read"),

            R::CutOff { part } => write!(f, "the walk was cut off before {}", noun(*part)),
            R::Unreadable { part } => write!(f, "{} could not be read", noun(*part)),
            R::DaemonJsonInvalid => f.write_str("its daemon.json is not valid JSON"),
            R::ForeignInterfaces => {
                f.write_str("the interfaces in its sysfs are another namespace's")
            }
            R::InterfacesNotShown => f.write_str(
                "its interfaces could not be read: neither its own sysfs nor `nsenter` and `ip` show them",
            ),
            R::RouteNotShown => f.write_str("`ip` did not show its default route"),
            R::RouteMtuNotAsked => f.write_str(
                "the MTU of its route was not asked for: no network leaves through it",
            ),
            R::RouteMtuNotShown => f.write_str(
                "the MTU of its route is not known: the `ip` of this image (busybox) does not show it",
            ),
            R::ClampUnknown => f.write_str(
                "whether a TCPMSS rule is in force is not known: `iptables-save` could not be run",
            ),
            R::FirewallUnknown => f.write_str(
                "what its firewall drops is not known: `iptables-save` could not be run",
            ),
            R::PolicyUnknown => f.write_str(
                "whether a policy rule cuts it off is not known: `ip rule` could not be run",
            ),
            R::RuleUnclear { command } => write!(
                f,
                "a rule of {command} decides, and runner-doctor does not evaluate its conditions: see `{command}-save`"
            ),
            R::StartingUp { container, seconds } => write!(
                f,
                "container {container} is {seconds} s old and its engine may still be starting: check again in a minute"
            ),
            R::NatUnknown => f.write_str(
                "no iptables rule of Docker's is in the nat table, and nftables rules are not read",
            ),
            R::ListenersNotAsked => {
                f.write_str("not asked for: no name server is an address of its own")
            }
            R::DataElsewhere => f.write_str("it keeps its data elsewhere than its settings tell"),
            R::NoClock => f.write_str("the walk did not tell the time"),
            R::NoDownloader => f.write_str(
                "no download could be tried: the container has neither curl nor wget",
            ),
            R::DownloadSlow { bytes } => {
                write!(f, "the download was too slow to tell: {bytes} bytes came")
            }
            R::DownloadFailed { said } => write!(f, "the download failed: {said}"),
            R::ProbeNotRun => f.write_str(
                "its command was not run there (a recording holds what it said where it was collected with --checks-dir and --allow-probes)",
            ),
            R::ProbeTooLarge { bytes } => write!(
                f,
                "the command of this check printed more than {bytes} bytes"
            ),
            R::ProbeNeedsProgram => f.write_str(
                "the command of this check needs a program that is not in the engine's container",
            ),
            R::ProbeLate => {
                f.write_str("the command of this check did not end in time: raise --timeout")
            }
            R::ProbeFailed { status } => {
                write!(f, "the command of this check failed with status {status}")
            }

            R::NoDockerd { container } => write!(f, "no dockerd runs in container {container}"),
            R::NoDockerClient { dockerd_runs: false } => {
                f.write_str("there is no docker command here to ask the engine with")
            }
            R::NoDockerClient { dockerd_runs: true } => f.write_str(
                "dockerd runs, but there is no docker command in its container to ask it with",
            ),
            R::SocketClosed => f.write_str(
                "dockerd runs, but an exec into its container may not reach its socket: it is not root there",
            ),
            R::NoSocket { pid } => write!(
                f,
                "dockerd (process {pid}) runs but has no socket where it says it listens: it is starting or broken"
            ),
            R::OutOfTime => f.write_str("the walk ran out of time before it: raise --timeout"),
            R::MoreEngines { more, most } => write!(
                f,
                "more than {most} engines run here, and a walk asks no more: this one and {more} others were not read"
            ),
            R::MoreNamespaces { more, most } => write!(
                f,
                "more than {most} network namespaces are here, and a walk reads no more: this one and {more} others were not read"
            ),
            R::PartTooLarge { part } => write!(f, "{} are more than a walk reads", noun(*part)),
            R::StreamUnread { said } => write!(f, "the output of the walk could not be read: {said}"),
            R::TooDeep { engine, max_depth } => write!(
                f,
                "{engine} lies deeper than --max-depth {max_depth}: raise it"
            ),
            R::OutOfSight => f.write_str("it runs out of sight of this container"),
            R::NotInContainer => f.write_str("it runs in no container of an engine"),
            R::ForeignSocket => f.write_str(
                "its socket leads to another engine, so its own networks and version were not seen",
            ),
            R::EngineHangs { endpoint } => write!(
                f,
                "dockerd does not answer in time on {endpoint}: it hangs"
            ),
            R::EngineRefuses { endpoint } => {
                write!(f, "dockerd does not accept connections on {endpoint}")
            }
            R::EngineAnswerTooLarge { endpoint, bytes } => write!(
                f,
                "dockerd could not be asked on {endpoint}: more than {bytes} bytes came back"
            ),
            R::EngineAnswerCut { endpoint } => write!(
                f,
                "dockerd could not be asked on {endpoint}: an answer that is cut off or no JSON"
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
                write!(f, "dockerd could not be asked on {endpoint}: ")?;
                match status {
                    Some(status) => write!(f, "it answered {status}: {said}"),
                    None => f.write_str(said),
                }
            }
            R::TooMany { count, most } => write!(
                f,
                "the engine lists {count}, more than the {most} that are read"
            ),
            R::ContainersUntold { engine, because } => {
                write!(f, "{engine} does not tell its containers: {because}")
            }
            R::ContainerNotListed { engine } => {
                write!(f, "{engine} does not list the container it runs in")
            }
            R::StorageDriverUntold { engine } => {
                write!(f, "{engine} did not tell its storage driver")
            }
            R::ContainerdUntold => f.write_str("the engine does not tell its containerd"),
            R::NotAVersion { program, version } => {
                write!(f, "{program}'s version {version:?} is not one")
            }
            R::NoNestedEngine => f.write_str(
                "no nested Docker engine runs now: Bitbucket starts one for a step that uses Docker; check again while such a step runs",
            ),

            R::PodNetworkNotRead => f.write_str("the pod's network was not read"),
            R::NamespaceNotRead => {
                f.write_str("the network namespace on the way out was not read")
            }
            R::EngineNetworkOutOfView => {
                f.write_str("the network that the engine works in was not seen from here")
            }
            R::CarrierOutOfView => f.write_str(
                "what carries the network of this container cannot be seen from inside it: check from the node or cluster, or try a download with --confirm",
            ),
            R::NoDefaultRoute => {
                f.write_str("a network namespace on the way out has no default route")
            }
            R::NoWayOut => f.write_str("it has no way out"),
            R::WayOutLoops => f.write_str("the way out turns in a circle"),
            R::DeviceNotSeen { interface } => {
                write!(f, "interface {interface} of the default route was not seen")
            }
            R::PeerNotFound { interface } => {
                write!(f, "the other end of {interface} was not found")
            }
            R::RouteMtuUnknown { route, cni } => write!(f, "{route}; {cni}"),
            R::CniSetsRouteMtu => f.write_str("and Cilium sets the MTU of pods there"),
            R::CniUnknown { because } => {
                write!(f, "and whether the CNI sets one is not known ({because})")
            }
            R::NoContainerOnNetwork => f.write_str(
                "no container runs on it now, so no download could be tried from there",
            ),
            R::NoMtu { interface } => write!(f, "the MTU of {interface} was not read"),
            R::NoNetworksListed => {
                f.write_str("the engine lists no network, not even those that every engine has")
            }
            R::NetworkWithoutDriver => f.write_str("the engine does not tell its driver"),
            R::BridgeWithoutNetwork => f.write_str(
                "it is a bridge of Docker, and no engine that was seen names a network of it",
            ),
            R::NodeForbidden { node } => {
                write!(f, "node {node} could not be read: grant `get` on nodes")
            }
            R::NoNode => f.write_str("the pod is on no node that is known"),
            R::NodeExecNotAsked => f.write_str("not asked for: --no-node-exec"),
            R::NoNodeAgent => f.write_str(
                "no pod of the CNI, kube-proxy or node-exporter that uses the node's network runs there",
            ),
            R::NodeWalkNotRun => f.write_str("the node's pod did not run the walk"),
            R::NodeRouteNotFound => f.write_str("the node's default route was not found"),
            R::NoKnownCni => f.write_str("no agent of a known CNI was found"),
            R::CniSettingsNotAsked => f.write_str("its settings were not asked for"),
            R::CniSettingsNotRead { cni } => write!(f, "how {cni} is set up is not read"),
            R::NotInCluster {
                resource,
                namespace,
                name: Some(name),
            } => write!(f, "there is no {} {}", singular(resource), at(namespace, name)),
            R::NotInCluster { resource, .. } => write!(f, "there is no resource {resource}"),
            R::NoFlannelConfig => f.write_str("flannel has no ConfigMap"),
            R::NoIpPool => f.write_str("calico has no IP pool that could be read"),
            R::IpPoolsNotRead => f.write_str(
                "calico's IP pools could not be read: grant `list` on ippools.crd.projectcalico.org",
            ),
            R::BackendUnknown { backend } => write!(
                f,
                "what a backend {} takes of each packet is not known",
                backend.as_deref().unwrap_or("that is not named")
            ),

            R::FilesOnly => f.write_str("this was read from files"),
            R::NothingRuns => f.write_str("nothing of a file runs yet"),
            R::HostNetwork => f.write_str("the pod uses the node's network"),
            R::MemoryUntold => f.write_str("no manifest says it"),
            R::ImageUntold => f.write_str("the file does not name its image"),
            R::ImageOfVariables => f.write_str("its image is made of variables"),
            R::ImageOfController => f.write_str("the controller names its image"),
            R::ImageMayHoldConfig => f.write_str("its image may hold a daemon.json of its own"),
            R::VolumeMayHoldConfig => f.write_str("a volume may bring a daemon.json"),
            R::ConfigNotInFiles => f.write_str("its daemon.json is in none of the files"),
            R::ImageUnresolved { image } => write!(
                f,
                "its image is {image}, and the file does not give that variable"
            ),
            R::MtuUnresolved { mtu } => {
                write!(f, "its MTU is {mtu}, which only a running container resolves")
            }
            R::ScriptMaySetMtu => f.write_str("a script starts dockerd and may set its MTU"),
            R::NotJudged { said } => f.write_str(said),
            R::NoPipeline { without } => write!(
                f,
                "none of these files is the bitbucket-pipelines.yml that gives an MTU to the engine which Bitbucket starts for steps that use Docker: lint it together with this one. Without one, {without}"
            ),
            R::FileUnreadable { said } => f.write_str(said),
            R::NotABoolean { expression, value } => write!(
                f,
                "`{expression}` gives {value}, which is neither true nor false"
            ),
            R::NotEvaluated { expression, said } => {
                write!(f, "`{expression}` could not be worked out: {said}")
            }
            R::NotRecorded => f.write_str("this recording does not hold it"),
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

/// Several reasons of one thing, in one line.
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
        Part::Probe => "the end of this check's command",
        Part::Processes => "its processes",
        Part::Routes => "its routes",
        Part::Settings => "its settings",
        Part::Sockets => "its sockets",
    }
}

/// Sentences of recordings that were made before reasons were typed, where the sentence alone tells
/// the class or a name that is redacted. What is not among them stays a sentence, which nothing
/// searches.
impl Reason {
    pub(crate) fn recognised(self) -> Reason {
        let Reason::Prose { why, detail, .. } = &self else {
            return self;
        };
        let same = |reason: &Reason| reason.why() == *why && reason.to_string() == *detail;
        let plain = [
            Reason::BackendUnknown { backend: None },
            Reason::CniSettingsNotAsked,
            Reason::Evicted,
            Reason::ListenersNotAsked,
            Reason::NoFlannelConfig,
            Reason::NoKnownCni,
            Reason::NoNodeAgent,
            Reason::NodeExecNotAsked,
            Reason::NotRecorded,
            Reason::NotWalked,
            Reason::ProbeNotRun,
            Reason::RouteMtuNotAsked,
        ];
        plain
            .into_iter()
            .chain(with_names(*why, detail))
            .find(same)
            .unwrap_or(self)
    }
}

/// What a sentence may be, with the names in it.
fn with_names(why: Why, detail: &str) -> Option<Reason> {
    let between = |start: &str, end: &str| {
        let name = detail.strip_prefix(start)?.strip_suffix(end)?;
        Some(name.to_owned())
    };
    if let Some((engine, because)) = detail.split_once(" does not tell its containers: ") {
        // The reason behind it was not written down with its own word.
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
