//! Facts about sampled connections: which commands wait for one, and whether its network's MTU exceeds the
//! path MTU.

use super::mtu_path::{Family, Topology};
use super::networks::{device_mtu_counts, node_ends};
use super::{Gap, Origin, Section};
use crate::evidence::{
    Connection, Evidence, NetworkNamespace, Node, Observation, Observed, Reason, Route, Runner,
    Sample, Unseen, WaitsFor,
};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

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

pub(super) fn derive(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
) -> Section<ConnectionFacts> {
    let namespaces = runner.namespaces.seen();
    let mut section = Section {
        items: Vec::new(),
        gaps: Vec::new(),
    };
    let dropped = |count: &Observation<i64>| count.observed().is_some_and(|count| *count > 0);
    let by_node = node.and_then(|node| node.dropped.as_ref());
    let traffic = namespaces.iter().filter_map(|ns| ns.traffic.as_ref());
    let place = Place {
        runner,
        topology: Topology {
            namespaces,
            device_mtu_counts: device_mtu_counts(evidence, runner),
            outermost: runner.outermost,
            node_ends: node_ends(evidence, runner),
            bridge_name: &|_, bridge| bridge.to_owned(),
        },
        drops: by_node.is_some_and(dropped)
            || traffic
                .into_iter()
                .any(|traffic| dropped(&traffic.dropped_now)),
    };
    if let Some(reason) = runner.namespaces.reason() {
        section.gaps.push(gap(None, reason));
    }
    for namespace in namespaces {
        match &namespace.sample {
            Some(Observed(sample)) => place.add(namespace, sample, &mut section.items),
            Some(Unseen(reason)) => section.gaps.push(gap(Some(place.name(namespace)), reason)),
            None => {}
        }
    }
    section
}

fn gap(subject: Option<String>, reason: &Reason) -> Gap {
    Gap {
        engine: None,
        subject,
        reason: reason.clone(),
    }
}

/// The environment of a runner's connections.
struct Place<'a> {
    runner: &'a Runner,
    topology: Topology<'a>,
    /// Whether packets were dropped as too large between the samples.
    drops: bool,
}

impl Place<'_> {
    fn name(&self, namespace: &NetworkNamespace) -> String {
        match self.runner.pod_namespace().map(|pod| pod.id) == Some(namespace.id) {
            true => self.runner.outermost.network().to_owned(),
            false => namespace.holders.join(", "),
        }
    }

    /// Adds one connection per container: the one that is most certain to be stalled.
    fn add(&self, namespace: &NetworkNamespace, sample: &Sample, items: &mut Vec<ConnectionFacts>) {
        let from = items.len();
        let beyond = sample.connections.iter().filter(|c| !self.ends_inside(c));
        for connection in beyond {
            let found = self.facts(namespace, sample, connection);
            let mut known = items[from..].iter_mut();
            match known.find(|known| known.container == found.container) {
                Some(known) => {
                    let more = known.more + i64::from(rank(&found).min(rank(known)) > 1);
                    if rank(&found) > rank(known) {
                        *known = found;
                    }
                    known.more = more;
                }
                None => items.push(found),
            }
        }
    }

    fn facts(
        &self,
        namespace: &NetworkNamespace,
        sample: &Sample,
        connection: &Connection,
    ) -> ConnectionFacts {
        let container = connection.container.clone();
        let container = container.unwrap_or_else(|| self.name(namespace));
        let waits = match (connection.waits_for, connection.received) {
            (Some(WaitsFor::Acknowledgment), _) => Observed(true),
            (_, Some(received)) if received > 0 => Observed(false),
            (Some(WaitsFor::Data), Some(_)) => Observed(true),
            (Some(WaitsFor::Data), None) => Unseen(Reason::BytesNotPerConnection),
            (None, _) => Unseen(Reason::ConnectionMayBeIdle {
                remote: connection.remote.clone(),
            }),
        };
        let sends = connection.waits_for == Some(WaitsFor::Acknowledgment);
        let wider_by = self.wider_by(namespace, connection);
        let inverted = wider_by.observed().is_some_and(|bytes| *bytes > 0);
        let missing = connection.segment_missing == Some(true);
        let moved = |count: Option<i64>| count.is_some_and(|count| count > 0);
        ConnectionFacts {
            name: last_name(&container),
            engine: self.engine(&container),
            command: match &connection.command {
                Some(command) => format!("`{command}`"),
                None => "a process".to_owned(),
            },
            remote: connection.remote.clone(),
            seconds: sample.seconds,
            waits,
            sends,
            retransmissions: connection.retransmissions,
            lost: sends || missing,
            counted: sends || missing || inverted && (self.drops || moved(sample.out_of_order)),
            wider_by,
            more: 0,
            container,
        }
    }

    /// The bytes by which the namespace's packets may exceed its path MTU: by the MSS announced in the
    /// handshake, unless a rule on the path lowers it.
    fn wider_by(&self, namespace: &NetworkNamespace, connection: &Connection) -> Observation<i64> {
        let (family, route) = match connection.remote.starts_with('[') {
            true => (Family::V6, &namespace.route_v6),
            false => (Family::V4, &namespace.route_v4),
        };
        let mut way = self.topology.way_out(namespace.id, family);
        let pod = self.runner.pod_namespace();
        let measured = |ns: &NetworkNamespace| ns.path_mtu.as_ref()?.observed()?.mtu_of_path();
        if let Some(mtu) = measured(namespace).or_else(|| pod.and_then(measured)) {
            way.narrow_by_measurement(mtu);
        }
        let (Observed(Some(route)), Some(narrowest)) = (route, way.narrowest()) else {
            return Unseen(way.unseen.clone().unwrap_or(Reason::NoWayOut));
        };
        let carries = narrowest.mtu;
        // Segments larger than that have arrived on it.
        let fits = connection
            .largest_segment
            .is_some_and(|size| size > carries);
        match own_mtu(namespace, route) {
            Some(_) if fits || way.clamped() == Observed(true) => Observed(0),
            Some(mtu) if mtu > carries => Observed(mtu.saturating_sub(carries)),
            Some(_) => way.unseen.map_or(Observed(0), Unseen),
            None => Unseen(Reason::DeviceNotSeen {
                interface: route.interface.clone(),
            }),
        }
    }

    /// Whether its remote end is on a network of the pod, not beyond the path out.
    fn ends_inside(&self, connection: &Connection) -> bool {
        let host = connection
            .remote
            .rsplit_once(':')
            .map_or("", |(host, _)| host);
        let Ok(host) = host.trim_matches(['[', ']']).parse::<IpAddr>() else {
            return false;
        };
        self.topology.namespaces.iter().any(|namespace| {
            let out = namespace.route_v4.observed().and_then(Option::as_ref);
            let on_link = namespace.traffic.as_ref().map(|t| t.on_link.seen());
            on_link.unwrap_or_default().iter().any(|link| {
                let subnet = link.subnet.parse::<IpNet>();
                let leaves = out.is_some_and(|route| route.interface == link.interface);
                let outermost = namespace.parent.is_none();
                !(leaves && outermost) && subnet.is_ok_and(|subnet| subnet.contains(&host))
            })
        })
    }

    /// The engine that runs the container, or that runs in it.
    fn engine(&self, container: &str) -> Option<String> {
        let paths = || self.runner.engines.seen().iter().map(|engine| &engine.path);
        let around = container.rsplit_once('/').map(|(around, _)| around);
        let of = paths().find(|path| Some(path.as_str()) == around);
        of.or_else(|| paths().find(|path| *path == container))
            .cloned()
    }
}

/// The maximum size of the namespace's own packets.
fn own_mtu(namespace: &NetworkNamespace, route: &Route) -> Option<i64> {
    let device = namespace.interface(&route.interface)?.mtu;
    let of_route = route.mtu.observed().copied().flatten();
    Some(device.min(of_route.unwrap_or(device)))
}

/// How certain it is that a connection is stalled.
fn rank(facts: &ConnectionFacts) -> i64 {
    let wider = facts.wider_by.observed().is_none_or(|bytes| *bytes > 0);
    match &facts.waits {
        Observed(true) if facts.lost => 4,
        Observed(true) if wider => 3,
        Observed(true) => 2,
        Unseen(_) if wider => 1,
        _ => 0,
    }
}

fn last_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}
