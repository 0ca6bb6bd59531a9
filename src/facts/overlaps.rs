//! Which addresses a Docker network hides: inside its engine's namespace every packet to them goes
//! to the network and never reaches its destination.

use super::networks::{NetworkView, views};
use super::way_out::NOWHERE;
use super::{Origin, Section, gaps};
use crate::evidence::{
    Engine, Evidence, NetworkNamespace, Node, Observation, Observed, Outermost, Reason, Runner,
    Unseen,
};
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;
use std::iter::successors;
use std::net::Ipv4Addr;

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

pub(super) fn derive(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
) -> Section<SubnetFacts> {
    let neighbors = Neighbors { runner, node };
    let views = views(evidence, runner).into_iter();
    Section {
        items: views
            .filter(|view| view.network.driver == "bridge")
            .map(|view| neighbors.of(view))
            .collect(),
        gaps: gaps::of(runner),
    }
}

/// A range that overlaps nothing that was seen around an engine.
pub(super) fn free_range(runner: &Runner, node: Option<&Node>, engine: &Engine) -> Option<String> {
    Neighbors { runner, node }.free_range(engine)
}

/// Something whose addresses overlap those of a network.
struct Overlap {
    with: String,
    cuts: bool,
}

/// Everything else with an address around a runner's Docker networks.
struct Neighbors<'a> {
    runner: &'a Runner,
    node: Option<&'a Node>,
}

impl Neighbors<'_> {
    fn of(&self, view: NetworkView) -> SubnetFacts {
        let overlap = self.overlap(&view);
        let found = overlap.observed().and_then(Option::as_ref);
        let ranges = view.network.subnets.as_ref();
        SubnetFacts {
            range: ranges.map(|ranges| ranges.join(", ")),
            ipv6: view.network.ipv6,
            overlap_cuts: found.is_some_and(|overlap| overlap.cuts),
            free_range: found.and_then(|_| self.free_range(view.engine)),
            overlaps: overlap.map(|found| found.map(|overlap| overlap.with)),
            name: view.facts.name,
            engine: view.facts.engine,
            default_bridge: view.facts.default_bridge,
            room: view.facts.carrier.observed().map(|carrier| carrier.mtu),
            mtu: view.facts.mtu,
        }
    }

    /// The worst overlap of a network; nothing without one, or if addresses were not recorded.
    fn overlap(&self, view: &NetworkView) -> Observation<Option<Overlap>> {
        let network = &view.network;
        let ranges = network.subnets.iter().flatten();
        let taken: Vec<Ipv4Net> = ranges.filter_map(|range| range.parse().ok()).collect();
        if taken.is_empty() {
            return Observed(None);
        }
        let Some(namespace) = self.namespace(view.engine.namespace) else {
            return Observation::Unobserved(Reason::EngineNetworkOutOfView);
        };
        let Some(traffic) = &namespace.traffic else {
            return Observed(None);
        };
        let foreign = self.near(namespace).into_iter().filter(|near| {
            let own = near.interface.is_some() && near.interface == network.bridge.as_deref();
            !own && taken.iter().any(|range| overlap(range, &near.subnet))
        });
        match (foreign.min_by_key(|near| !near.cuts), &traffic.on_link) {
            (Some(near), _) => Observed(Some(Overlap {
                with: near.name,
                cuts: near.cuts,
            })),
            (None, Observed(_)) if !self.all_around(namespace) => {
                Observation::Unobserved(Reason::NamespaceNotRead)
            }
            (None, Observed(_)) => Observed(None),
            (None, Unseen(reason)) => Unseen(reason.clone()),
        }
    }

    /// Whether every namespace around this one was read.
    fn all_around(&self, namespace: &NetworkNamespace) -> bool {
        let around = self.around(namespace);
        let outermost = around.last().copied().unwrap_or(namespace);
        let pod = self.runner.pod_namespace();
        pod.is_some_and(|pod| pod.id == outermost.id)
    }

    /// The namespaces around one, from the inside out.
    fn around(&self, namespace: &NetworkNamespace) -> Vec<&NetworkNamespace> {
        let outward = |namespace: &&NetworkNamespace| self.namespace(namespace.parent?);
        let all = successors(outward(&namespace), outward);
        // Each level once: damaged evidence may contain a cycle.
        all.take(self.runner.namespaces.seen().len()).collect()
    }

    fn namespace(&self, id: i64) -> Option<&NetworkNamespace> {
        self.runner.namespaces.seen().iter().find(|ns| ns.id == id)
    }

    /// A range that overlaps nothing that was seen.
    fn free_range(&self, engine: &Engine) -> Option<String> {
        const RANGES: [&str; 4] = [
            "172.29.0.0/16",
            "192.168.192.0/19",
            "10.231.0.0/16",
            "172.18.0.0/16",
        ];
        let namespace = self.namespace(engine.namespace)?;
        let near = self.near(namespace);
        let is_free = |range: &&str| {
            let range = range.parse();
            range.is_ok_and(|range| !near.iter().any(|near| overlap(&near.subnet, &range)))
        };
        RANGES.into_iter().find(is_free).map(str::to_owned)
    }

    /// Everything whose address is known, as seen from an engine's namespace.
    fn near<'a>(&'a self, namespace: &'a NetworkNamespace) -> Vec<Near<'a>> {
        let mut near = on_link(namespace, None);
        let around = self.around(namespace);
        for outer in &around {
            near.extend(on_link(outer, way_out(outer)));
        }
        let outer = around.last().copied().unwrap_or(namespace);
        if self.runner.outermost == Outermost::Pod {
            near.extend(name_servers(namespace));
            near.extend(name_servers(outer));
            let pod = self.runner.addresses.iter();
            near.extend(pod.filter_map(|ip| Near::address(ip, "the pod's own address", false)));
            let node = self.node.map_or(&[][..], |node| &node.addresses);
            near.extend(
                node.iter()
                    .filter_map(|ip| Near::address(ip, "the node's address", false)),
            );
        }
        near
    }
}

/// An address or a range, and what is there.
struct Near<'a> {
    subnet: Ipv4Net,
    /// The interface that leads there, in the engine's own namespace.
    interface: Option<&'a str>,
    name: String,
    cuts: bool,
}

impl Near<'_> {
    fn address(ip: &str, what: &str, cuts: bool) -> Option<Near<'static>> {
        let address: Ipv4Addr = ip.parse().ok()?;
        (!address.is_loopback()).then(|| Near {
            subnet: address.into(),
            interface: None,
            name: format!("{what} {ip}"),
            cuts,
        })
    }
}

fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}

fn way_out(namespace: &NetworkNamespace) -> Option<&str> {
    let route = namespace.route_v4.observed()?.as_ref()?;
    Some(&route.interface)
}

/// The subnets without a gateway; of an outer namespace, only those on its outgoing interface (`only`).
fn on_link<'a>(namespace: &'a NetworkNamespace, only: Option<&'a str>) -> Vec<Near<'a>> {
    let is_outer = only.is_some();
    let routes = namespace.traffic.iter().flat_map(|t| t.on_link.seen());
    let routes = routes.filter(|route| route.interface != NOWHERE);
    let near = routes.filter(|route| only.is_none_or(|name| name == route.interface));
    near.filter_map(|route| {
        Some(Near {
            subnet: route.subnet.parse().ok()?,
            interface: (!is_outer).then_some(route.interface.as_str()),
            name: match is_outer {
                true => format!("{} (the network of {})", route.subnet, holder(namespace)),
                false => format!("{} (the network of {})", route.subnet, route.interface),
            },
            cuts: !is_outer && way_out(namespace) == Some(&route.interface),
        })
    })
    .collect()
}

fn holder(namespace: &NetworkNamespace) -> &str {
    namespace.holders.first().map_or("it", String::as_str)
}

fn name_servers(namespace: &NetworkNamespace) -> Vec<Near<'static>> {
    let servers = namespace.traffic.iter().flat_map(|t| t.name_servers.seen());
    servers
        .filter_map(|ip| Near::address(ip, "the DNS server", true))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::case::healthy;
    use crate::evidence::{Evidence, Observation, Observed, OnLink, Why};
    use crate::facts::Facts;

    /// What docker0 of the nested engine overlaps if it has this subnet.
    fn overlap(subnet: &str, change: impl FnOnce(&mut Evidence)) -> Observation<Option<String>> {
        let mut evidence = healthy().unwrap();
        let Observed(engines) = &mut evidence.runners[0].engines else {
            panic!("engines were seen");
        };
        let Observed(api) = &mut engines[1].api else {
            panic!("it answered");
        };
        let Observed(networks) = &mut api.networks else {
            panic!("networks were seen");
        };
        networks[0].subnets = Some(vec![subnet.to_owned()]);
        change(&mut evidence);
        let facts = Facts::derive(&evidence, &evidence.runners[0]);
        facts.subnets.items[1].overlaps.clone()
    }

    fn with(subnet: &str) -> Option<String> {
        overlap(subnet, |_| {}).observed().cloned().unwrap()
    }

    #[test]
    fn only_real_overlaps_are_found() {
        assert_eq!(with("172.18.0.0/16"), None);
        assert_eq!(with("10.42.7.0/24"), None);
        // docker0 of the outer engine, to which it is attached.
        assert_eq!(
            with("172.17.0.0/24").unwrap(),
            "172.17.0.0/16 (the network of eth0)"
        );
        assert_eq!(with("10.96.0.0/12").unwrap(), "the DNS server 10.96.0.10");
        assert_eq!(
            with("10.42.0.0/16").unwrap(),
            "10.42.1.0/24 (the network of docker-in-docker)"
        );
        assert_eq!(
            with("192.0.2.0/28").unwrap(),
            "the node's address 192.0.2.11"
        );
        assert_eq!(with("fd00::/64"), None);
    }

    #[test]
    fn routes_of_its_own_bridge_are_not_foreign_and_unread_ones_are_unknown() {
        let own = |evidence: &mut Evidence, unread: bool| {
            let Observed(namespaces) = &mut evidence.runners[0].namespaces else {
                panic!("namespaces were seen");
            };
            let traffic = namespaces[1].traffic.as_mut().unwrap();
            traffic.on_link = match unread {
                true => Observation::Unobserved(crate::evidence::Reason::prose(
                    Why::Unreadable,
                    "no routes",
                )),
                false => Observed(vec![OnLink {
                    interface: "docker0".to_owned(),
                    subnet: "172.30.0.0/16".to_owned(),
                }]),
            };
        };
        assert_eq!(overlap("172.30.0.0/16", |e| own(e, false)), Observed(None));
        assert!(
            overlap("172.30.0.0/16", |e| own(e, true))
                .reason()
                .is_some()
        );
        // A known overlap is still reported.
        let known = overlap("10.96.0.0/16", |e| own(e, true));
        assert!(known.observed().is_some_and(Option::is_some));
    }

    #[test]
    fn an_old_recording_tells_nothing() {
        let old = overlap("172.17.0.0/16", |evidence| {
            let Observed(namespaces) = &mut evidence.runners[0].namespaces else {
                panic!("namespaces were seen");
            };
            namespaces.iter_mut().for_each(|ns| ns.traffic = None);
        });
        assert_eq!(old, Observed(None));
    }
}
