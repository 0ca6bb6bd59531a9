//! Facts about each Docker network: its MTU, and the bottleneck on its path out.

use super::listing::{DEFAULT_BRIDGE, listed, networks_unseen, shown_name};
use super::ports::Ports;
use super::{Gap, Link, NetworkFacts, Section, gaps, way_out};
use crate::evidence::{
    DockerNetwork, Engine, Evidence, Fetched, InterfaceKind, MTU_OPTION, NetworkNamespace, NodeEnd,
    Observation, Observed, Outermost, Provider, Reason, Runner, Unseen, outermost, positive,
};
use crate::facts::mtu_path::{Family, Topology, WayOut};
use crate::facts::versions::{self, ImageRef};
use crate::systems::{Site, site_of};
use semver::Version;

const DOCKER_DEFAULT_MTU: i64 = 1500;

/// A Docker network as shown in reports, judged or not.
pub(crate) struct NetworkView<'a> {
    pub engine: &'a Engine,
    /// Why it is not checked. Absent if it is.
    pub not_judged: Option<String>,
    pub facts: NetworkFacts,
    pub network: DockerNetwork,
}

pub(super) fn derive(evidence: &Evidence, runner: &Runner) -> Section<NetworkFacts> {
    let gaps = gaps(runner);
    // Without the namespaces no path can be judged; report that as one unknown, not many.
    if runner.namespaces.observed().is_none() {
        let items = Vec::new();
        return Section { items, gaps };
    }
    Section {
        items: views(evidence, runner)
            .into_iter()
            .filter(|view| view.not_judged.is_none())
            .map(|view| view.facts)
            .collect(),
        gaps,
    }
}

/// All Docker networks of a runner, outer before inner.
pub(crate) fn views<'a>(evidence: &Evidence, runner: &'a Runner) -> Vec<NetworkView<'a>> {
    let engines = runner.engines.seen();
    let name = |namespace: i64, bridge: &str| match owner(engines, namespace, bridge) {
        Some((engine, network)) => format!("{} of {}", shown_name(&network), engine.path),
        None => bridge.to_owned(),
    };
    let topology = Topology {
        namespaces: runner.namespaces.seen(),
        device_mtu_counts: device_mtu_counts(evidence, runner),
        outermost: runner.outermost,
        node_ends: node_ends(evidence, runner),
        bridge_name: &name,
    };
    let mut views = Vec::new();
    for engine in engines {
        for network in networks_of(engine, engines, &topology) {
            views.push(view(runner, engine, network, &topology));
        }
    }
    views
}

fn view<'a>(
    runner: &Runner,
    engine: &'a Engine,
    network: DockerNetwork,
    topology: &Topology,
) -> NetworkView<'a> {
    let network = &network;
    let ports = Ports::of(runner.engines.seen(), engine, network, topology);
    let (mtu, mtu_source) = own_mtu(engine, network, &ports, topology);
    let mtu = mtu.and_then(|mtu| positive(mtu, &shown_name(network)));
    let mut way = narrower_way(engine, network, topology);
    if let Some(mtu) = measured(engine, network, topology, &ports) {
        way.narrow_by_measurement(mtu);
    }
    if let Some(link) = ports.narrowest(topology.namespace(engine.namespace), network)
        && way.narrowest().is_none_or(|other| link.mtu < other.mtu)
    {
        way.narrow(link.name, link.mtu);
    }
    let carrier = way.carrier(mtu.observed().copied());
    let download = match download(engine, network, topology, &ports) {
        Observed(Some(Fetched::NoConnection)) if may_be_internal(engine, network) => Observed(None),
        download => download,
    };
    NetworkView {
        engine,
        not_judged: not_judged(engine, network, topology),
        network: network.clone(),
        facts: NetworkFacts {
            name: shown_name(network),
            engine: engine.path.clone(),
            default_bridge: is_default(network),
            mtu_source,
            engine_mtu: engine_mtu(engine).observed().copied().flatten(),
            inverted: matches!((&mtu, &carrier), (Observed(mtu), Observed(link)) if *mtu > link.mtu),
            carrier_assumed: assumed(runner, &way, mtu.observed().copied()),
            carrier,
            // Its packets leave through the parent device, without being forwarded by that namespace.
            clamped: match network.parent {
                None => way.clamped(),
                Some(_) => Observed(false),
            },
            hangs: download.observed() == Some(&Some(Fetched::Hangs)),
            completes: download.observed() == Some(&Some(Fetched::Completes)),
            download: download.map(|found| found.map(|f| f.name().to_owned())),
            pod_download: pod_download(topology),
            mtu,
            opts_ignored: ignores_opts(engine),
            cut_off: match not_judged(engine, network, topology) {
                _ if may_be_internal(engine, network) => Observed(None),
                None if network.parent.is_none() => {
                    way_out::cut_off(runner, engine, network, topology)
                }
                _ => Observed(None),
            },
            bridge: network.bridge.clone(),
            parent: network.parent.clone(),
            job_networks_mtu: job_networks_mtu(runner, engine),
        },
    }
}

/// What was read of the runner's node, if anything.
pub(super) fn node_ends<'a>(evidence: &'a Evidence, runner: &Runner) -> &'a [NodeEnd] {
    let name = runner.node.as_deref();
    let mut nodes = evidence.nodes.iter();
    let node = nodes.find(|node| Some(node.name.as_str()) == name);
    node.map_or(&[], |node| &node.narrow_ends)
}

/// Whether packets of this size fit every link except the last, the pod's own, whose MTU is assumed.
fn assumed(runner: &Runner, way: &WayOut, mtu: Option<i64>) -> bool {
    let told = runner.declared.as_ref().is_none_or(|d| d.pod_mtu_told);
    let Some((_, others)) = way.links.split_last() else {
        return false;
    };
    !told && mtu.is_some_and(|mtu| others.iter().all(|link| mtu <= link.mtu))
}

/// Known gaps, including a level that exists only during a build.
fn gaps(runner: &Runner) -> Vec<Gap> {
    let mut gaps = gaps::of(runner);
    if awaits_nested_engine(runner) {
        let engine = runner.engines.seen().first();
        gaps.push(Gap {
            engine: engine.map(|engine| engine.path.clone()),
            subject: None,
            reason: Reason::NoNestedEngine,
        });
    }
    gaps
}

/// Bitbucket's third level exists only while a step with the docker service runs.
pub(crate) fn awaits_nested_engine(runner: &Runner) -> bool {
    let engines = runner.engines.seen();
    runner.provider == Provider::Bitbucket
        && runner.outermost == Outermost::Pod
        && !engines.is_empty()
        && engines.iter().all(|engine| engine.depth() == 0)
}

/// The networks that an engine lists; if its API gives no response, the bridges in its namespace
/// that no other engine lists.
fn networks_of(engine: &Engine, all: &[Engine], topology: &Topology) -> Vec<DockerNetwork> {
    if let Some(networks) = listed(engine) {
        return networks
            .iter()
            .filter(|n| has_packets(n))
            .cloned()
            .collect();
    }
    let Some(namespace) = topology.namespace(engine.namespace) else {
        return Vec::new();
    };
    let bridges = namespace.interfaces.seen().iter().map(|i| i.name.as_str());
    bridges
        .filter(|name| engine.kind.engine().is_bridge(name))
        .filter(|name| owner(all, namespace.id, name).is_none_or(|(other, _)| other == engine))
        .map(bridge_network)
        .collect()
}

/// DOCKER_OPTS sets an MTU that dockerd does not use.
fn ignores_opts(engine: &Engine) -> bool {
    let sets_mtu = |flags: &[String]| flags.iter().any(|flag| flag.starts_with("--mtu="));
    let told = match &engine.planned {
        Some(planned) => Some(&planned.ignored_opts),
        None => engine.docker_opts.as_ref(),
    };
    told.is_some_and(|told| sets_mtu(told)) && !sets_mtu(&engine.args)
}

fn bridge_network(bridge: &str) -> DockerNetwork {
    DockerNetwork {
        name: bridge.to_owned(),
        driver: "bridge".to_owned(),
        bridge: Some(bridge.to_owned()),
        internal: false,
        ipv6: false,
        mtu_option: None,
        parent: None,
        subnets: None,
    }
}

/// The engine and network that a bridge in a namespace belongs to.
fn owner<'a>(
    engines: &'a [Engine],
    namespace: i64,
    bridge: &str,
) -> Option<(&'a Engine, DockerNetwork)> {
    let here = || engines.iter().filter(|e| e.namespace == namespace);
    let named = here().find_map(|engine| {
        let network = listed(engine)?
            .iter()
            .find(|n| n.bridge.as_deref() == Some(bridge))?;
        Some((engine, network.clone()))
    });
    named.or_else(|| {
        let mut silent = here()
            .filter(|engine| engine.kind.engine().is_bridge(bridge))
            .filter(|engine| !engine.kind.is_docker() || networks_unseen(engine).is_some());
        let engine = silent.next()?;
        (silent.next().is_none()).then(|| (engine, bridge_network(bridge)))
    })
}

fn has_packets(network: &DockerNetwork) -> bool {
    !matches!(network.driver.as_str(), "host" | "null" | "none")
}

fn not_judged(engine: &Engine, network: &DockerNetwork, topology: &Topology) -> Option<String> {
    if network.driver.is_empty() {
        return Some(Reason::NetworkWithoutDriver.to_string());
    }
    if let Some(parent) = &network.parent {
        let namespace = topology.namespace(engine.namespace);
        let route = namespace.and_then(|ns| ns.route_v4.observed()?.as_ref());
        if route.is_some_and(|route| route.interface != *parent) {
            return Some(format!(
                "its packets leave through {parent}, not the default route"
            ));
        }
    } else if network.driver != "bridge" {
        return Some(format!("{} networks are not checked", network.driver));
    }
    network
        .internal
        .then(|| "internal: it has no path out".to_owned())
}

/// Whether only the network's bridge is known, so that the network may be internal.
fn may_be_internal(engine: &Engine, network: &DockerNetwork) -> bool {
    let bridge = network.bridge.as_deref().unwrap_or_default();
    listed(engine).is_none() && !engine.kind.engine().is_default_bridge(bridge)
}

fn is_default(network: &DockerNetwork) -> bool {
    network.name == "bridge" || network.bridge.as_deref() == Some(DEFAULT_BRIDGE)
}

/// The MTU that `--mtu` or daemon.json sets for the default bridge.
fn engine_mtu(engine: &Engine) -> Observation<Option<i64>> {
    let flag = engine
        .args
        .iter()
        .find_map(|arg| arg.strip_prefix("--mtu=")?.parse().ok());
    match (flag, &engine.config) {
        (Some(mtu), _) => Observed(Some(mtu)),
        (None, Observed(config)) => Observed(config.as_ref().and_then(|c| c.mtu)),
        (None, Unseen(reason)) => Unseen(reason.clone()),
    }
}

/// Whether it is the engine that a file's steps use, whose scripts create networks.
fn runs_steps(runner: &Runner, engine: &Engine) -> bool {
    let declared = runner.declared.as_ref();
    let nested = declared.is_some_and(|d| d.site == Some(Site::BitbucketPipelines));
    declared.is_some_and(|d| d.networks_by.is_some()) && (engine.depth() > 0) == nested
}

/// The MTU of networks that the CI system or a step's script creates for a job, if this Docker version has a
/// setting for it.
fn job_networks_mtu(runner: &Runner, engine: &Engine) -> Option<i64> {
    let owner = runner.owner.as_ref();
    // The older controller sets it through a variable of the runner.
    let by_variable = owner.is_some_and(|o| site_of(&o.kind) == Some(Site::ArcRunner));
    let by_system = runner.provider.system().job_networks && !by_variable && engine.depth() == 0;
    if !by_system && !runs_steps(runner, engine) {
        return None;
    }
    let running = engine.api.observed().map(|api| api.version.as_str());
    let promised = || ImageRef::parse(engine.image.observed()?).docker_version();
    let version = versions::parse(running.or_else(promised)?)?;
    if version < Version::new(24, 0, 0) {
        return None;
    }
    let mut flags = engine
        .args
        .iter()
        .filter_map(|arg| arg.strip_prefix("--default-network-opt=bridge="))
        .filter_map(|option| option.strip_prefix(MTU_OPTION)?.strip_prefix('='));
    if let Some(mtu) = flags.next_back() {
        return mtu.parse().ok();
    }
    let config = engine.config.observed()?.as_ref();
    let mtu = config.and_then(|config| config.bridge_network_mtu);
    Some(mtu.unwrap_or(DOCKER_DEFAULT_MTU))
}

/// The packet size of a network, by trust: an interface in use, the network's option, the daemon's
/// setting. Before Docker 25, a bridge without ports proves nothing.
fn own_mtu(
    engine: &Engine,
    network: &DockerNetwork,
    ports: &Ports,
    topology: &Topology,
) -> (Observation<i64>, String) {
    if let Some(parent) = &network.parent {
        return parents_mtu(engine, network, parent, topology);
    }
    if let Some(mtu) = ports.widest() {
        return (Observed(mtu), "the interface of a running container".into());
    }
    if let Some(mtu) = network.mtu_option {
        return (Observed(mtu), "the network's own option".into());
    }
    if !engine.kind.is_docker() && engine.planned.is_none() {
        return bridges_mtu(engine, network, topology);
    }
    let default = format!("{}'s default", engine.kind.engine().name);
    if !is_default(network) {
        return (Observed(DOCKER_DEFAULT_MTU), default);
    }
    match engine_mtu(engine) {
        Observed(Some(mtu)) => (Observed(mtu), "the daemon's setting".into()),
        Observed(None) => (Observed(DOCKER_DEFAULT_MTU), default),
        Unseen(reason) => (Unseen(reason), String::new()),
    }
}

/// The packet size of a network without containers whose engine, unlike Docker before 25, sets the
/// containers' MTU on the bridge itself.
fn bridges_mtu(
    engine: &Engine,
    network: &DockerNetwork,
    topology: &Topology,
) -> (Observation<i64>, String) {
    let namespace = topology.namespace(engine.namespace);
    let bridge = namespace.and_then(|ns| ns.interface(network.bridge.as_deref()?));
    match bridge {
        Some(bridge) => (Observed(bridge.mtu), "the bridge".to_owned()),
        None => {
            let interface = network.name.clone();
            let reason = Reason::DeviceNotSeen { interface };
            (Observation::Unobserved(reason), String::new())
        }
    }
}

/// The packet size of a macvlan or ipvlan network: its parent device's MTU, regardless of its options.
fn parents_mtu(
    engine: &Engine,
    network: &DockerNetwork,
    parent: &str,
    topology: &Topology,
) -> (Observation<i64>, String) {
    let namespace = topology.namespace(engine.namespace);
    let Some(device) = namespace.and_then(|namespace| namespace.interface(parent)) else {
        let interface = parent.to_owned();
        let reason = Reason::DeviceNotSeen { interface };
        return (Observation::Unobserved(reason), String::new());
    };
    let inside = way_out::on_network(engine, network, topology);
    let links = inside.flat_map(|(_, inside)| inside.interfaces.seen());
    let live = links
        .filter(|link| link.kind == InterfaceKind::Linked && link.iflink == device.ifindex)
        .map(|link| link.mtu);
    match live.max_by_key(|mtu| (*mtu <= 0, *mtu)) {
        Some(mtu) => (Observed(mtu), "the interface of a running container".into()),
        None => (Observed(device.mtu), "its parent device".into()),
    }
}

/// The worst download result from the containers of a network; none if downloads were not
/// requested.
fn download(
    engine: &Engine,
    network: &DockerNetwork,
    topology: &Topology,
    ports: &Ports,
) -> Observation<Option<Fetched>> {
    let mut asked = topology
        .namespaces
        .iter()
        .filter(|ns| ns.download.is_some());
    if asked.next().is_none() {
        return Observed(None);
    }
    let inside = containers_on(engine, network, topology, ports);
    let tried = inside.filter_map(|inside| inside.download.as_ref());
    let worst = tried.max_by_key(|download| download.observed().map(|d| d.outcome));
    match worst {
        Some(download) => download.as_ref().map(|download| Some(download.outcome)),
        // Containers without a route do not try a download; no-way-out reports them.
        None if containers_on(engine, network, topology, ports).any(has_no_route) => Observed(None),
        None => Observation::Unobserved(Reason::NoContainerOnNetwork),
    }
}

fn has_no_route(namespace: &NetworkNamespace) -> bool {
    namespace.route_v4 == Observed(None) && namespace.route_v6 == Observed(None)
}

/// The namespaces of containers on a network.
fn containers_on<'a>(
    engine: &'a Engine,
    network: &'a DockerNetwork,
    topology: &'a Topology<'a>,
    ports: &'a Ports<'a>,
) -> impl Iterator<Item = &'a NetworkNamespace> {
    let members = ports.0.iter().filter_map(|(_, end)| Some(end.as_ref()?.0));
    // A container whose link was detached from the bridge still belongs to the network.
    let listed = way_out::on_network(engine, network, topology).map(|(_, inside)| inside);
    members.chain(listed)
}

/// The path MTU measured from its containers, or else from the pod, if a download hangs because of
/// it. If downloads complete, the path may be narrow for one host only, or the MSS may be clamped.
fn measured(
    engine: &Engine,
    network: &DockerNetwork,
    topology: &Topology,
    ports: &Ports,
) -> Option<i64> {
    let pod = || outermost(topology.namespaces).into_iter();
    let hangs = |inside: &NetworkNamespace| {
        let download = inside.download.as_ref().and_then(Observation::observed);
        download.is_some_and(|download| download.outcome == Fetched::Hangs)
    };
    let inside = || containers_on(engine, network, topology, ports);
    if !inside().chain(pod()).any(hangs) {
        return None;
    }
    let measured = |ns: &NetworkNamespace| ns.path_mtu.as_ref()?.observed()?.mtu_of_path();
    inside()
        .find_map(measured)
        .or_else(|| pod().find_map(measured))
}

/// The download result from the pod network, if known.
fn pod_download(topology: &Topology) -> Option<String> {
    let pod = outermost(topology.namespaces)?;
    let download = pod.download.as_ref()?.observed()?;
    Some(download.outcome.name().to_owned())
}

/// The narrower of the paths of the network's address families.
fn narrower_way(engine: &Engine, network: &DockerNetwork, topology: &Topology) -> WayOut {
    let mut v4 = topology.way_out(engine.namespace, Family::V4);
    if let Some(interface) = other_interface(engine, network, topology) {
        v4.unseen(Reason::RoutedElsewhere { interface });
    }
    if !network.ipv6 {
        return v4;
    }
    let v6 = topology.way_out(engine.namespace, Family::V6);
    let mtu = |way: &WayOut| way.narrowest().map_or(i64::MAX, |link: &Link| link.mtu);
    if mtu(&v6) < mtu(&v4) { v6 } else { v4 }
}

/// The interface through which policy rules route packets from a network, if not that of the default route.
fn other_interface(
    engine: &Engine,
    network: &DockerNetwork,
    topology: &Topology,
) -> Option<String> {
    let traffic = topology.namespace(engine.namespace)?.traffic.as_ref()?;
    let mut ways = traffic.policy.as_ref()?.seen().iter();
    let way = ways.find(|way| Some(&way.interface) == network.bridge.as_ref() && way.via.is_some());
    way?.via.clone()
}

/// Cilium leaves the device at 1500 and sets the MTU on the route instead (cilium#32244); with
/// other CNIs the device's MTU applies.
pub(super) fn device_mtu_counts(evidence: &Evidence, runner: &Runner) -> Observation<()> {
    // Docker sets none, and on a machine the administrator sets it.
    if runner.outermost != Outermost::Pod {
        return Observed(());
    }
    match evidence
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.cni.as_ref())
    {
        Observed(cni) if cni.name == "cilium" => Observation::Unobserved(Reason::CniSetsRouteMtu),
        Observed(_) => Observed(()),
        Unseen(reason) => Unseen(Reason::CniUnknown {
            because: Box::new(reason.clone()),
        }),
    }
}
