//! The path out of a network: from namespace to namespace along the default route, its bottleneck,
//! and whether a TCPMSS rule compensates for it. A network is judged by its whole path, not only by
//! the next link.

use crate::evidence::{
    Interface, InterfaceKind, NetworkNamespace, NodeEnd, Observation, Observed, Outermost, Reason,
    Route, Tcpmss, Unseen, outermost,
};
use schemars::JsonSchema;
use serde::Serialize;

/// One link on the path out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Link {
    /// The link as text: `the pod network (eth0)`, `docker0 of docker-in-docker`.
    pub name: String,
    /// The MTU of the link.
    pub mtu: i64,
}

/// The namespace of an engine whose process is not visible.
const ELSEWHERE: i64 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// The surroundings of a pod's namespaces.
pub struct Topology<'a> {
    pub namespaces: &'a [NetworkNamespace],
    /// Whether the CNI is known not to set an MTU on pod routes, so that the device's MTU applies.
    pub device_mtu_counts: Observation<()>,
    /// The kind of network in which the visible path ends.
    pub outermost: Outermost,
    /// The node's ends of pod veths whose MTU is lower than the pod's end.
    pub node_ends: &'a [NodeEnd],
    /// The display name of a Docker bridge, from its namespace and interface name.
    pub bridge_name: &'a dyn Fn(i64, &str) -> String,
}

/// The links that packets cross from one namespace to the last one visible from this pod.
#[derive(Clone, Debug, PartialEq)]
pub struct WayOut {
    pub links: Vec<Link>,
    /// For each link, the TCPMSS rule in the namespace that packets leave through it.
    clamps: Vec<Observation<Option<Tcpmss>>>,
    /// Part of the path was not seen, so a narrower link may be hidden.
    pub unseen: Option<Reason>,
}

impl WayOut {
    /// The narrowest link that was seen; if several are equal, the outermost.
    pub fn narrowest(&self) -> Option<&Link> {
        self.links.iter().rev().min_by_key(|link| link.mtu)
    }

    /// The carrier of a network that sends packets of `mtu`. A link that is known to be too narrow
    /// is enough for a finding; that all packets fit is only known if the whole path was seen.
    pub fn carrier(&self, mtu: Option<i64>) -> Observation<Link> {
        match (self.narrowest(), &self.unseen) {
            (Some(link), None) => Observed(link.clone()),
            (Some(link), Some(_)) if mtu.is_some_and(|mtu| mtu > link.mtu) => {
                Observed(link.clone())
            }
            (_, Some(reason)) => Unseen(reason.clone()),
            (None, None) => Observation::Unobserved(Reason::NoWayOut),
        }
    }

    /// Adds a link that was measured, but is in no visible namespace.
    pub fn narrow_by_measurement(&mut self, mtu: i64) {
        self.narrow("a link further out (measured)".to_owned(), mtu);
    }

    /// Adds a link outside the namespaces, which no rule clamps to.
    pub fn narrow(&mut self, name: String, mtu: i64) {
        self.links.push(Link { name, mtu });
        self.clamps.push(Observed(None));
    }

    /// Whether a rule on the path clamps TCP connections to the narrowest link.
    pub fn clamped(&self) -> Observation<bool> {
        let Some(narrowest) = self.narrowest() else {
            return Observed(false);
        };
        let mut unseen = None;
        for (link, clamp) in self.links.iter().zip(&self.clamps) {
            match clamp {
                Observed(Some(rule)) if rule.packet_size(link.mtu) <= narrowest.mtu => {
                    return Observed(true);
                }
                Observed(_) => {}
                Unseen(reason) => unseen = unseen.or(Some(reason.clone())),
            }
        }
        unseen.map_or(Observed(false), Unseen)
    }
}

impl Tcpmss {
    const IP_AND_TCP_HEADERS: i64 = 40;

    fn packet_size(self, path_mtu: i64) -> i64 {
        match self {
            Tcpmss::PathMtu => path_mtu,
            Tcpmss::Mss(mss) => mss.saturating_add(Self::IP_AND_TCP_HEADERS),
        }
    }
}

impl<'a> Topology<'a> {
    pub fn namespace(&self, id: i64) -> Option<&'a NetworkNamespace> {
        self.namespaces.iter().find(|ns| ns.id == id)
    }

    fn is_outermost(&self, namespace: &NetworkNamespace) -> bool {
        outermost(self.namespaces).is_some_and(|outer| outer.id == namespace.id)
    }

    /// Follows the default route out of namespace `start`.
    pub fn way_out(&self, start: i64, family: Family) -> WayOut {
        let mut way = WayOut {
            links: Vec::new(),
            clamps: Vec::new(),
            unseen: None,
        };
        let mut here = self.namespace(start);
        // Each namespace is crossed once: a loop would mean inconsistent evidence.
        for _ in 0..=self.namespaces.len() {
            let Some(namespace) = here else {
                way.unseen(match way.links.is_empty() && start == ELSEWHERE {
                    true => Reason::EngineNetworkOutOfView,
                    false => Reason::NamespaceNotRead,
                });
                return way;
            };
            match self.step(namespace, family, &mut way) {
                Step::Into(next) => here = Some(next),
                Step::End => return way,
            }
        }
        way.unseen(Reason::WayOutLoops);
        way
    }

    /// Adds the link through which packets leave `namespace`, and returns where it leads.
    fn step(&self, namespace: &'a NetworkNamespace, family: Family, way: &mut WayOut) -> Step<'a> {
        let (device, route) = match way_through(namespace, family) {
            Ok(found) => found,
            Err(reason) => {
                way.unseen = way.unseen.take().or(Some(reason));
                return Step::End;
            }
        };
        let peer = self.peer(namespace, device);
        let ends = [Some(device), peer.map(|(_, end)| end)];
        for end in ends.into_iter().flatten() {
            if let Unseen(reason) = end.size() {
                way.unseen(reason);
                return Step::End;
            }
        }
        let mut mtu = device.mtu.min(peer.map_or(i64::MAX, |(_, peer)| peer.mtu));
        match &route.mtu {
            Observed(of_route) => mtu = mtu.min(of_route.unwrap_or(i64::MAX)),
            // Docker sets no MTU on routes; a CNI may, on those of the pod.
            Unseen(reason) if self.is_outermost(namespace) => {
                if let Unseen(cni) = &self.device_mtu_counts {
                    way.unseen(Reason::RouteMtuUnknown {
                        route: Box::new(reason.clone()),
                        cni: Box::new(cni.clone()),
                    });
                }
            }
            Unseen(_) => {}
        }
        way.links.push(Link {
            name: self.link_name(namespace, device, peer),
            mtu,
        });
        way.clamps.push(namespace.tcpmss.clone());
        if let Some(end) = self.node_end(namespace, device) {
            let name = format!(
                "the node's end of {}",
                self.link_name(namespace, device, peer)
            );
            way.narrow(name, end.mtu);
        }
        // A tunnel's process re-segments the stream: links beyond it are not on this path.
        if device.kind == InterfaceKind::Tun {
            return Step::End;
        }
        if self.is_outermost(namespace) {
            if self.outermost == Outermost::Container {
                way.unseen(Reason::CarrierOutOfView);
            }
            return Step::End;
        }
        if namespace.parent.is_none() {
            way.unseen(Reason::NamespaceNotRead);
            return Step::End;
        }
        match peer {
            Some((next, _)) => Step::Into(next),
            None => {
                way.unseen(Reason::PeerNotFound {
                    interface: device.name.clone(),
                });
                Step::End
            }
        }
    }

    fn node_end(&self, namespace: &NetworkNamespace, device: &Interface) -> Option<&'a NodeEnd> {
        let mut ends = self.node_ends.iter();
        ends.find(|end| self.is_outermost(namespace) && end.is_of(device) && end.mtu > 0)
    }

    /// The other end of a veth: the indexes must match both ways. Indexes start at 1 in each namespace, so
    /// several may match; then process ancestry decides: the peer of a bridge port is inside, any other peer
    /// outside. Without ancestry, a single match is accepted, unless a better one may be hidden in a
    /// namespace that was not read.
    pub fn peer(
        &self,
        namespace: &NetworkNamespace,
        device: &Interface,
    ) -> Option<(&'a NetworkNamespace, &'a Interface)> {
        let agrees = |other: &Interface| {
            other.ifindex == device.iflink
                && other.iflink == device.ifindex
                && other.kind == InterfaceKind::Linked
        };
        if device.kind != InterfaceKind::Linked || device.ifindex == device.iflink {
            return None;
        }
        let others = self
            .namespaces
            .iter()
            .filter(|other| other.id != namespace.id);
        let matches: Vec<_> = others
            .filter_map(|other| Some((other, other.interfaces.seen().iter().find(|i| agrees(i))?)))
            .collect();
        let only = |fits: &dyn Fn(&NetworkNamespace) -> bool| {
            let mut fitting = matches.iter().filter(|(other, _)| fits(other));
            let first = fitting.next()?;
            fitting.next().is_none().then_some(*first)
        };
        let is_inside = |other: &NetworkNamespace| other.parent == Some(namespace.id);
        let is_outside = |other: &NetworkNamespace| namespace.parent == Some(other.id);
        let is_related = |other: &NetworkNamespace| is_inside(other) || is_outside(other);
        let right_way = match device.bridge {
            Some(_) => only(&is_inside),
            None => only(&is_outside),
        };
        if let Some(found) = right_way.or_else(|| only(&is_related)) {
            return Some(found);
        }
        let found = only(&|_| true)?;
        let parent_was_read = |of: &NetworkNamespace| {
            of.parent.is_none_or(|id| {
                let parent = self.namespace(id);
                parent.is_some_and(|parent| parent.interfaces.observed().is_some())
            })
        };
        (parent_was_read(namespace) && parent_was_read(found.0)).then_some(found)
    }

    fn link_name(
        &self,
        namespace: &NetworkNamespace,
        device: &Interface,
        peer: Option<(&NetworkNamespace, &Interface)>,
    ) -> String {
        match peer.and_then(|(outer, port)| Some((outer, port.bridge.as_ref()?))) {
            Some((outer, bridge)) => (self.bridge_name)(outer.id, bridge),
            None if self.is_outermost(namespace) => {
                format!("{} ({})", self.outermost.network(), device.name)
            }
            None => device.name.clone(),
        }
    }
}

enum Step<'a> {
    Into(&'a NetworkNamespace),
    End,
}

/// The device of a family's default route, or why it is unknown.
fn way_through(
    namespace: &NetworkNamespace,
    family: Family,
) -> Result<(&Interface, &Route), Reason> {
    let route = match family {
        Family::V4 => &namespace.route_v4,
        Family::V6 => &namespace.route_v6,
    };
    let route = match route {
        Observed(Some(route)) => route,
        Observed(None) => {
            return Err(Reason::NoDefaultRoute);
        }
        Unseen(reason) => return Err(reason.clone()),
    };
    if let Unseen(reason) = &namespace.interfaces {
        return Err(reason.clone());
    }
    let device = namespace
        .interface(&route.interface)
        .ok_or_else(|| Reason::DeviceNotSeen {
            interface: route.interface.clone(),
        })?;
    Ok((device, route))
}

impl WayOut {
    pub(super) fn unseen(&mut self, reason: Reason) {
        // The first reason is the closest to the network; one is enough for an unknown result.
        self.unseen.get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests;
