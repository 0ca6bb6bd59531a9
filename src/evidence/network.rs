//! Network namespaces, their interfaces and routes, and what was measured from them.

use super::{Observation, Observed, Reason, Sample, Traffic, is_false};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkNamespace {
    /// The inode number of the namespace: `net:[4026532281]`.
    pub id: i64,
    /// The namespace of the process that started the containers in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// The paths of the containers in the namespace, or a process if no container uses it.
    pub holders: Vec<String>,
    pub interfaces: Observation<Vec<Interface>>,
    pub route_v4: Observation<Option<Route>>,
    pub route_v6: Observation<Option<Route>>,
    /// A rule that lowers the MSS of forwarded TCP connections.
    pub tcpmss: Observation<Option<Tcpmss>>,
    /// IPv4 packets dropped as too large since boot (FragFails).
    pub frag_fails: Observation<i64>,
    /// The result of a download from here. Absent without --confirm, or without a path out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Observation<Download>>,
    /// The path MTU to the host of that download, by pings. Absent without --confirm, or if not
    /// measured from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_mtu: Option<Observation<PathMtu>>,
    /// The connections from here. Absent without --sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Observation<Sample>>,
    /// Routing and firewall of the namespace. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// A download from a network namespace (`--confirm`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Download {
    pub url: String,
    pub outcome: Fetched,
    /// The message of the download client, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Packets dropped here as too large during the download.
    pub dropped: Observation<i64>,
}

/// A path MTU that was measured (`--confirm`): no packet larger than the links that are visible was
/// sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PathMtu {
    /// The largest packet that got through. Absent if ICMP "fragmentation needed" arrived, but the
    /// number could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// The smallest packet that did not. Absent if the path carries what the visible links carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_large: Option<i64>,
    /// Whether ICMP "fragmentation needed" arrived for it. If not, the path is a black hole.
    pub icmp: bool,
}

impl PathMtu {
    /// The number, where the path carries less than the visible links do.
    pub fn mtu_of_path(&self) -> Option<i64> {
        self.mtu.filter(|_| self.too_large.is_some())
    }
}

/// From best to worst: a container whose download hangs proves more than one without a connection.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fetched {
    Completes,
    NoConnection,
    /// The connection is established, but no data arrives.
    Hangs,
}

impl Fetched {
    pub fn name(self) -> &'static str {
        match self {
            Fetched::Completes => "completes",
            Fetched::NoConnection => "no-connection",
            Fetched::Hangs => "hangs",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    pub name: String,
    pub mtu: i64,
    pub up: bool,
    pub ifindex: i64,
    /// The ifindex of the other end; for a veth, in the namespace of its peer.
    pub iflink: i64,
    pub kind: InterfaceKind,
    /// The bridge that this interface is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Whether the bridge forwards nothing through this port (disabled, or blocked by STP).
    #[serde(default, skip_serializing_if = "is_false")]
    pub blocked: bool,
    /// Whether ARP is off on a bridge or a veth.
    #[serde(default, skip_serializing_if = "is_false")]
    pub arp_off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    Loopback,
    Bridge,
    /// Served by a process (slirp4netns, vpnkit, a VPN): the path beyond it is not visible.
    Tun,
    /// One end of a pair (a veth, a macvlan, an ipvlan).
    Linked,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    pub interface: String,
    /// The MTU of the route, if set. Unobserved if no tool here shows it.
    pub mtu: Observation<Option<i64>>,
    /// Its IPv4 gateway. Absent without one, or if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tcpmss {
    /// `--clamp-mss-to-pmtu`: the MTU of the path out.
    PathMtu,
    /// `--set-mss N`.
    Mss(i64),
}

impl Interface {
    /// Its MTU; no device carries packets of nothing.
    pub fn size(&self) -> Observation<i64> {
        positive(self.mtu, &self.name)
    }
}

/// The MTU of an interface or a network, where it can be one.
pub fn positive(mtu: i64, of: &str) -> Observation<i64> {
    match mtu > 0 {
        true => Observed(mtu),
        false => Observation::Unobserved(Reason::NoMtu {
            interface: of.to_owned(),
        }),
    }
}

impl Route {
    /// The smaller MTU of the route and its device, if the route's MTU is known.
    pub fn carries(&self, device: &Interface) -> i64 {
        let own = self.mtu.observed().copied().flatten();
        device.mtu.min(own.unwrap_or(i64::MAX))
    }
}

/// The namespace around all others: the one without a parent. Where another one's parent is missing
/// too, it is the one that does not belong to containers of an engine alone; none where that leaves
/// several.
pub fn outermost(namespaces: &[NetworkNamespace]) -> Option<&NetworkNamespace> {
    let nested = |ns: &NetworkNamespace| ns.holders.iter().all(|holder| holder.contains('/'));
    let mut outer = namespaces.iter().filter(|ns| ns.parent.is_none());
    let first = outer.next()?;
    let Some(second) = outer.next() else {
        return Some(first);
    };
    let mut left = [first, second]
        .into_iter()
        .chain(outer)
        .filter(|ns| !nested(ns));
    let only = left.next()?;
    left.next().is_none().then_some(only)
}

impl NetworkNamespace {
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces.seen().iter().find(|i| i.name == name)
    }
}
