//! Whether packets from a Docker network leave the namespace of its engine, judged without sending any:
//! from the bridge, its containers' links, NAT and routes.

use super::mtu_path::Topology;
use crate::evidence::{
    BuildNetwork, DockerContainer, DockerNetwork, Engine, Firewall, FirewallKind, Interface, Nat,
    NetworkNamespace, Observation, Observed, OnLink, Outermost, Reason, Runner, Traffic,
    Translated, Unseen,
};
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

/// Why packets of a Docker network cannot leave its engine's network namespace.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CutOff {
    /// `bridge`: the bridge is missing, down or has no address. `arp`: ARP is off on the bridge.
    /// `back`: a route throws away packets to containers. `containers`: containers are not attached
    /// to the bridge. `blocked`: the bridge forwards nothing through their ports. `container-arp`:
    /// ARP is off in containers. `container-route`: containers have no default route. `route`: the
    /// engine's namespace has none. `policy`: a policy rule does not route its packets.
    /// `untracked`: packets are not tracked, so that NAT does not apply. `foreign`: NAT sets an
    /// address that the namespace does not have. `nat`: packets keep the container's address.
    pub cause: String,
    /// The network's range, or the names of the containers, separated by spaces, or the kernel's
    /// message, or the source address.
    pub detail: String,
    /// Whether dockerd is configured not to write iptables rules.
    pub without_rules: bool,
}

/// The interface of a route that drops packets.
pub(super) const NOWHERE: &str = "*";

/// What blocks a network; None if nothing does, or if the recording does not contain it.
pub(super) fn cut_off(
    runner: &Runner,
    engine: &Engine,
    network: &DockerNetwork,
    topology: &Topology,
) -> Observation<Option<CutOff>> {
    let namespace = topology.namespace(engine.namespace);
    let (Some(namespace), Some(bridge)) = (namespace, network.bridge.as_deref()) else {
        return Observed(None);
    };
    let Some(traffic) = &namespace.traffic else {
        return Observation::Unobserved(Reason::NotRecorded);
    };
    let cut = |cause: &str, detail: String| {
        Observed(Some(CutOff {
            cause: cause.to_owned(),
            detail,
            without_rules: false,
        }))
    };
    if let Some(range) = unrouted(network, bridge, traffic) {
        return cut("bridge", range);
    }
    if let Some(range) = thrown_away(network, traffic) {
        return cut("back", range);
    }
    if namespace
        .interface(bridge)
        .is_some_and(|bridge| bridge.arp_off)
    {
        return cut("arp", String::new());
    }
    let links = links(engine, network, namespace, topology);
    if let Some((cause, names)) = cut_containers(&links) {
        return cut(cause, names);
    }
    match (&namespace.route_v4, &namespace.route_v6) {
        (Observed(None), Observed(None)) => return cut("route", String::new()),
        (Observed(None), _) if !network.ipv6 => return cut("route", "IPv4 ".to_owned()),
        _ => {}
    }
    match policy(bridge, traffic) {
        Observed(None) => {}
        Observed(Some(said)) => return cut("policy", said),
        Unseen(reason) => return Unseen(reason),
    }
    if is_untracked(bridge, traffic) {
        return cut("untracked", String::new());
    }
    match disguise(bridge, traffic) {
        None => {}
        // On a machine, an upstream router may know the route back.
        Some(address) if namespace.parent.is_none() && !has_pod_network(runner) => {
            let address = address.to_owned();
            return Observation::Unobserved(Reason::ForeignSource { address });
        }
        Some(address) => return cut("foreign", address.to_owned()),
    }
    let mut other_gateways = links.iter().filter_map(Link::other_gateway);
    if let Some((container, gateway)) = other_gateways.next() {
        return Observation::Unobserved(Reason::OtherGateway {
            container: container.to_owned(),
            gateway: gateway.to_owned(),
        });
    }
    let range = range(network).or_else(|| {
        let mut routes = traffic.on_link.seen().iter();
        let route = routes.find(|route| route.interface == bridge)?;
        Some(route.subnet.clone())
    });
    let keeps = match engine.kind.engine().nat_by_container {
        true => keeps_one(engine, bridge, namespace, traffic),
        false => keeps_address(engine, bridge, traffic),
    };
    keeps.map(|keeps| {
        keeps.then(|| CutOff {
            cause: "nat".to_owned(),
            detail: range.unwrap_or_default(),
            without_rules: writes_no_rules(engine),
        })
    })
}

fn has_pod_network(runner: &Runner) -> bool {
    runner.outermost == Outermost::Pod && !runner.host_network
}

fn range(network: &DockerNetwork) -> Option<String> {
    network.subnets.iter().flatten().next().cloned()
}

/// The range of a network without a route to its bridge: the bridge is missing or down, or has lost its
/// address.
fn unrouted(network: &DockerNetwork, bridge: &str, traffic: &Traffic) -> Option<String> {
    let routes = traffic.on_link.observed()?;
    let ranges = network.subnets.iter().flatten();
    let mut ranges = ranges.filter_map(|range| range.parse::<Ipv4Net>().ok());
    let routed = |range: &Ipv4Net| {
        let mut here = routes.iter().filter(|route| route.interface == bridge);
        here.any(|route| {
            route
                .subnet
                .parse::<Ipv4Net>()
                .is_ok_and(|r| r.contains(range))
        })
    };
    let range = ranges.find(|range| !routed(range))?;
    Some(range.to_string())
}

/// A blackhole route for the addresses that Docker assigns first.
fn thrown_away(network: &DockerNetwork, traffic: &Traffic) -> Option<String> {
    let ranges = network.subnets.iter().flatten();
    let ranges: Vec<Ipv4Net> = ranges.filter_map(|range| range.parse().ok()).collect();
    let first = |range: &Ipv4Net| range.hosts().nth(1);
    let covers = |route: &&OnLink| {
        let subnet = route.subnet.parse::<Ipv4Net>();
        let is_inside = |subnet: &Ipv4Net| {
            let mut inside = ranges.iter().filter(|range| range.contains(subnet));
            inside.any(|range| first(range).is_some_and(|address| subnet.contains(&address)))
        };
        route.interface == NOWHERE && subnet.is_ok_and(|subnet| is_inside(&subnet))
    };
    let mut routes = traffic.on_link.seen().iter();
    routes.find(covers).map(|route| route.subnet.clone())
}

/// The kernel's error if a policy rule leaves a bridge's packets without a route.
fn policy(bridge: &str, traffic: &Traffic) -> Observation<Option<String>> {
    match &traffic.policy {
        None => Observed(None),
        Some(seen) => seen.as_ref().and_then(|unrouted| {
            let of_bridge = || {
                let of_bridge = unrouted.iter().filter(|way| way.interface == bridge);
                of_bridge.filter(|way| way.via.is_none())
            };
            let marked = of_bridge().find_map(|way| way.mark.clone());
            match (of_bridge().find(|way| way.mark.is_none()), marked) {
                (Some(way), _) => Observed(Some(way.said.clone())),
                (None, Some(mark)) if is_marked(bridge, traffic) => {
                    Observation::Unobserved(Reason::PolicyByMark { mark })
                }
                (None, _) => Observed(None),
            }
        }),
    }
}

/// Whether packets of a bridge may get a mark; rules that were not read may set one.
fn is_marked(bridge: &str, traffic: &Traffic) -> bool {
    let marks = |firewall: &Firewall| firewall.marks_from.iter().any(|from| from == bridge);
    traffic
        .firewalls
        .observed()
        .is_none_or(|all| all.iter().any(marks))
}

fn is_untracked(bridge: &str, traffic: &Traffic) -> bool {
    let mut tables = traffic
        .firewalls
        .seen()
        .iter()
        .filter_map(|f| f.nat.as_ref());
    tables.any(|nat| nat.untracked.iter().any(|from| from == bridge))
}

/// The source address that NAT sets for packets of a bridge, if the namespace does not have it and no
/// other iptables backend sets another.
fn disguise<'a>(bridge: &str, traffic: &'a Traffic) -> Option<&'a str> {
    let tables = || {
        traffic
            .firewalls
            .seen()
            .iter()
            .filter_map(|f| f.nat.as_ref())
    };
    let foreign = |nat: &'a Nat| nat.foreign.iter().find(|foreign| foreign.from == bridge);
    let keeps = |nat: &Nat| nat.keeps_address.iter().any(|from| from == bridge);
    let found = tables().find_map(foreign)?;
    let only = tables().all(|nat| keeps(nat) || foreign(nat).is_some());
    only.then_some(found.address.as_str())
}

/// The namespaces of the containers on a network, by the engine's own list.
pub(super) fn on_network<'a>(
    engine: &'a Engine,
    network: &'a DockerNetwork,
    topology: &Topology<'a>,
) -> impl Iterator<Item = (&'a DockerContainer, &'a NetworkNamespace)> {
    let api = engine.api.observed();
    let containers = api.and_then(|api| api.containers.observed());
    let on_network = containers.into_iter().flatten().filter(|container| {
        container.network_mode == network.name
            || network.name == "bridge" && container.network_mode == "default"
    });
    let namespaces = topology.namespaces;
    on_network.filter_map(move |container| {
        let path = format!("{}/{}", engine.path, container.name);
        let mut inside = namespaces.iter();
        let inside = inside.find(|ns| ns.holders.contains(&path))?;
        let here = !is_elsewhere(inside, network, topology);
        here.then_some((container, inside))
    })
}

/// Whether a container is only on other networks: the engine still lists it under its first network
/// after `docker network disconnect`.
fn is_elsewhere(inside: &NetworkNamespace, network: &DockerNetwork, topology: &Topology) -> bool {
    let devices = inside.interfaces.seen().iter();
    let ports = devices.filter_map(|device| topology.peer(inside, device));
    let mut bridges = ports.map(|(_, port)| &port.bridge).peekable();
    let known = bridges.peek().is_some();
    known && bridges.all(|bridge| bridge.is_some() && *bridge != network.bridge)
}

/// A container's interface on a network, and its other end in the namespace of the engine.
struct Link<'a> {
    container: &'a DockerContainer,
    inside: &'a NetworkNamespace,
    device: &'a Interface,
    port: &'a Interface,
    /// Whether the other end is a port of the network's bridge.
    attached: bool,
}

impl Link<'_> {
    /// A container disconnected from the network on purpose may have no route.
    fn lacks_route(&self) -> bool {
        let routes = [&self.inside.route_v4, &self.inside.route_v6];
        self.attached && routes.iter().all(|route| **route == Observed(None))
    }

    /// The container and the gateway of its default route, if the engine did not set that gateway.
    fn other_gateway(&self) -> Option<(&str, &str)> {
        let route = self.inside.route_v4.observed()?.as_ref()?;
        let gateway = route.gateway.as_ref()?;
        let own = &self.container.gateways;
        let leads = self.attached && route.interface == self.device.name;
        let other = leads && !own.is_empty() && !own.contains(gateway);
        other.then_some((self.container.name.as_str(), gateway.as_str()))
    }
}

type IsCut = fn(&Link) -> bool;

/// What blocks single containers of a network, and their names.
fn cut_containers(links: &[Link]) -> Option<(&'static str, String)> {
    const CAUSES: [(&str, IsCut); 4] = [
        ("containers", |link| {
            link.port.bridge.is_none() || !link.port.up
        }),
        ("blocked", |link| link.port.blocked),
        ("container-arp", |link| link.device.arp_off),
        ("container-route", |link| link.lacks_route()),
    ];
    CAUSES.into_iter().find_map(|(cause, is_cut)| {
        let cut = links.iter().filter(|link| is_cut(link));
        let names: Vec<&str> = cut.map(|link| link.container.name.as_str()).collect();
        (!names.is_empty()).then(|| (cause, names.join(" ")))
    })
}

fn links<'a>(
    engine: &'a Engine,
    network: &'a DockerNetwork,
    namespace: &NetworkNamespace,
    topology: &Topology<'a>,
) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    for (container, inside) in on_network(engine, network, topology) {
        for device in inside.interfaces.seen() {
            if let Some((outside, port)) = topology.peer(inside, device)
                && outside.id == namespace.id
            {
                links.push(Link {
                    container,
                    inside,
                    device,
                    port,
                    attached: port.bridge == network.bridge,
                });
            }
        }
    }
    links
}

/// The same for an engine that writes NAT rules per container: without a container there are none,
/// which is no evidence against it.
fn keeps_one(
    engine: &Engine,
    bridge: &str,
    namespace: &NetworkNamespace,
    traffic: &Traffic,
) -> Observation<bool> {
    let interfaces = namespace.interfaces.seen().iter();
    let on_bridge = |port: &&Interface| port.bridge.as_deref() == Some(bridge);
    let containers = interfaces.filter(on_bridge).count();
    let nats = traffic.firewalls.seen().iter();
    let counted = nats.filter_map(|firewall| firewall.nat.as_ref()?.translated.as_ref());
    let of_bridge = |all: &Vec<Translated>| {
        let found = all.iter().find(|one| one.from == bridge);
        found.map_or(0, |found| found.addresses)
    };
    // Older recordings lack the number.
    let translated = counted.map(of_bridge).max().unwrap_or(i64::MAX);
    match i64::try_from(containers).is_ok_and(|containers| containers <= translated) {
        true => Observed(false),
        false => keeps_address(engine, bridge, traffic),
    }
}

/// Whether packets leave with a container's address, so that responses find no route back.
fn keeps_address(engine: &Engine, bridge: &str, traffic: &Traffic) -> Observation<bool> {
    let firewalls = match &traffic.firewalls {
        Observed(firewalls) => firewalls,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    let tables = || {
        firewalls
            .iter()
            .filter_map(|f| Some((f.kind, f.nat.as_ref()?)))
    };
    let is_in = |all: &[String]| all.iter().any(|interface| interface == bridge);
    let without = writes_no_rules(engine);
    if firewalls.is_empty() || tables().count() < firewalls.len() {
        let empty = firewalls.iter().all(|firewall| firewall.rules == 0);
        return match without && empty && !firewalls.is_empty() {
            true => Observed(true),
            false => Observation::Unobserved(Reason::NotRecorded),
        };
    }
    // Either iptables backend may translate the address.
    let foreign = |nat: &Nat| nat.foreign.iter().any(|foreign| foreign.from == bridge);
    let is_unclear = |nat: &Nat| is_in(&nat.unclear) || foreign(nat);
    let unclear = tables().find(|(_, nat)| is_unclear(nat));
    let gets_own = |nat: &Nat| !is_in(&nat.keeps_address) && !is_unclear(nat);
    if tables().any(|(_, nat)| gets_own(nat)) && !tables().any(|(_, nat)| foreign(nat)) {
        return Observed(false);
    }
    if let Some((kind, _)) = unclear {
        return Observation::Unobserved(Reason::RuleUnclear {
            command: kind.command().to_owned(),
        });
    }
    // An engine may use nftables instead, which iptables does not list. CNI plugins use it only if
    // configured to, or without iptables.
    let all_listed = tables().any(|(kind, nat)| nat.of_docker || kind == FirewallKind::Native);
    let by_iptables = engine.kind.engine().nat_by_container
        && !matches!(engine.build_network, None | Some(BuildNetwork::Cni));
    match without || all_listed || by_iptables {
        true => Observed(true),
        false => Observation::Unobserved(Reason::NatUnknown),
    }
}

fn writes_no_rules(engine: &Engine) -> bool {
    let config = engine.config.observed().and_then(Option::as_ref);
    engine.args.iter().any(|arg| arg == "--iptables=false")
        || config.is_some_and(|config| config.iptables == Some(false))
}
