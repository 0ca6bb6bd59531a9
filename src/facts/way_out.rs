//! Whether what a container sends from a Docker network gets out of the namespace of its engine, by
//! what stands there and without sending anything: its bridge, its containers' links, NAT, a route.

use super::CutOff;
use super::mtu_path::Topology;
use crate::evidence::{
    DockerNetwork, Engine, FirewallKind, Interface, InterfaceKind, NetworkNamespace, Observation,
    Observed, Reason, Traffic, Unseen,
};
use ipnet::Ipv4Net;

/// What cuts a network off; nothing where nothing does, or where a recording does not hold it.
pub(super) fn cut_off(
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
    let detached = detached(engine, network, namespace, topology);
    if !detached.is_empty() {
        return cut("containers", detached.join(" "));
    }
    if namespace.route_v4 == Observed(None) && namespace.route_v6 == Observed(None) {
        return cut("route", String::new());
    }
    match policy(bridge, traffic) {
        Observed(None) => {}
        Observed(Some(said)) => return cut("policy", said),
        Unseen(reason) => return Unseen(reason),
    }
    if engine.kind.engine().nat_by_container {
        return Observed(None);
    }
    keeps_address(engine, bridge, traffic).map(|keeps| {
        keeps.then(|| CutOff {
            cause: "nat".to_owned(),
            detail: range(network).unwrap_or_default(),
            without_rules: writes_no_rules(engine),
        })
    })
}

fn range(network: &DockerNetwork) -> Option<String> {
    network.subnets.iter().flatten().next().cloned()
}

/// The range of a network for which its engine has no route to the bridge: that is missing or down,
/// or has lost its address.
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

/// What the kernel answers where a policy rule leads packets of a bridge nowhere.
fn policy(bridge: &str, traffic: &Traffic) -> Observation<Option<String>> {
    match &traffic.policy {
        None => Observed(None),
        Some(seen) => seen.as_ref().map(|unrouted| {
            let mut of_bridge = unrouted.iter().filter(|way| way.interface == bridge);
            of_bridge.next().map(|way| way.said.clone())
        }),
    }
}

/// The namespaces of the containers that an engine has on a network, by the engine's own list.
pub(super) fn on_network<'a>(
    engine: &'a Engine,
    network: &'a DockerNetwork,
    topology: &Topology<'a>,
) -> impl Iterator<Item = (&'a str, &'a NetworkNamespace)> {
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
        Some((container.name.as_str(), inside))
    })
}

/// The containers of a network whose link is no port of its bridge, or is down.
fn detached<'a>(
    engine: &'a Engine,
    network: &'a DockerNetwork,
    namespace: &NetworkNamespace,
    topology: &Topology<'a>,
) -> Vec<&'a str> {
    let is_loose = |inside: &NetworkNamespace, link: &Interface| {
        link.kind == InterfaceKind::Linked
            && topology.peer(inside, link).is_some_and(|(outside, port)| {
                outside.id == namespace.id && (port.bridge.is_none() || !port.up)
            })
    };
    on_network(engine, network, topology)
        .filter(|(_, inside)| {
            let mut links = inside.interfaces.seen().iter();
            links.any(|link| is_loose(inside, link))
        })
        .map(|(name, _)| name)
        .collect()
}

/// Whether packets leave with the address of a container, for which no answer finds a way back.
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
    // Each kind of iptables may do it.
    if !tables().all(|(_, nat)| is_in(&nat.keeps_address) || is_in(&nat.unclear)) {
        return Observed(false);
    }
    if let Some((kind, _)) = tables().find(|(_, nat)| is_in(&nat.unclear)) {
        return Observation::Unobserved(Reason::RuleUnclear {
            command: kind.command().to_owned(),
        });
    }
    // dockerd may use nftables instead, which iptables does not list.
    let all_listed = tables().any(|(kind, nat)| nat.of_docker || kind == FirewallKind::Native);
    match without || all_listed {
        true => Observed(true),
        false => Observation::Unobserved(Reason::NatUnknown),
    }
}

fn writes_no_rules(engine: &Engine) -> bool {
    let config = engine.config.observed().and_then(Option::as_ref);
    engine.args.iter().any(|arg| arg == "--iptables=false")
        || config.is_some_and(|config| config.iptables == Some(false))
}
