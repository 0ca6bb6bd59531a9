//! The networks that a file describes, as Docker will create them: evidence of the planned state, so
//! that the same judge can follow the path out.

use crate::evidence::{
    DockerNetwork, Interface, InterfaceKind, NetworkNamespace, Observation, Observed, Reason,
    Route, Tcpmss,
};

/// The pod network around everything in the files, from the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PodNetwork {
    pub(crate) mtu: i64,
    pub(crate) told: bool,
}

/// The namespace of the pod.
pub(crate) const POD: i64 = 1;
/// A namespace behind one of the pod's Docker networks.
pub(crate) const NESTED: i64 = 2;

/// rootlesskit's default; a process re-segments what passes through it.
const ROOTLESS_MTU: i64 = 65_520;

/// The pod's own namespace; `clamped` if one of its containers clamps TCP MSS.
pub(crate) fn pod(network: PodNetwork, clamped: bool) -> NetworkNamespace {
    let eth0 = interface("eth0", network.mtu, 2, InterfaceKind::Linked);
    NetworkNamespace {
        tcpmss: Observed(clamped.then_some(Tcpmss::PathMtu)),
        ..namespace(POD, None, eth0)
    }
}

/// The namespace in which a rootless engine runs.
pub(crate) fn rootless(id: i64, mtu: Option<i64>) -> NetworkNamespace {
    let tap0 = interface("tap0", mtu.unwrap_or(ROOTLESS_MTU), 2, InterfaceKind::Tun);
    namespace(id, Some(POD), tap0)
}

/// A namespace whose packets leave through a Docker network of the pod, called `bridge` there.
pub(crate) fn behind(
    id: i64,
    outer: &mut NetworkNamespace,
    bridge: &str,
    mtu: i64,
) -> NetworkNamespace {
    let (inside, outside) = (1_000 + 2 * id, 1_001 + 2 * id);
    let mut port = interface(&format!("veth{id}"), mtu, outside, InterfaceKind::Linked);
    port.iflink = inside;
    port.bridge = Some(bridge.to_owned());
    if let Observed(interfaces) = &mut outer.interfaces {
        interfaces.push(port);
    }
    let mut eth0 = interface("eth0", mtu, inside, InterfaceKind::Linked);
    eth0.iflink = outside;
    namespace(id, Some(outer.id), eth0)
}

/// The default bridge that every engine creates.
pub(crate) fn default_bridge() -> DockerNetwork {
    DockerNetwork {
        name: "bridge".to_owned(),
        bridge: Some("docker0".to_owned()),
        ..user_network("bridge", None)
    }
}

pub(crate) fn user_network(name: &str, mtu: Option<i64>) -> DockerNetwork {
    DockerNetwork {
        name: name.to_owned(),
        driver: "bridge".to_owned(),
        bridge: None,
        internal: false,
        ipv6: false,
        mtu_option: mtu,
        parent: None,
        subnets: None,
    }
}

fn namespace(id: i64, parent: Option<i64>, device: Interface) -> NetworkNamespace {
    NetworkNamespace {
        id,
        parent,
        holders: Vec::new(),
        route_v4: Observed(Some(Route {
            interface: device.name.clone(),
            mtu: Observed(None),
            gateway: None,
        })),
        interfaces: Observed(vec![device]),
        route_v6: Observed(None),
        tcpmss: Observed(None),
        frag_fails: Observation::Unobserved(Reason::NothingRuns),
        download: None,
        path_mtu: None,
        sample: None,
        traffic: None,
    }
}

fn interface(name: &str, mtu: i64, ifindex: i64, kind: InterfaceKind) -> Interface {
    Interface {
        name: name.to_owned(),
        mtu,
        up: true,
        ifindex,
        iflink: ifindex + 500,
        kind,
        bridge: None,
        blocked: false,
        arp_off: false,
    }
}
