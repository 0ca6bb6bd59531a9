//! The path out of a network: for any nesting, and for edge cases of real networks.

use super::*;
use crate::evidence::Why;
use proptest::prelude::*;

fn device(name: &str, mtu: i64, ifindex: i64, iflink: i64, bridge: Option<&str>) -> Interface {
    Interface {
        name: name.to_owned(),
        mtu,
        up: true,
        ifindex,
        iflink,
        kind: InterfaceKind::Linked,
        bridge: bridge.map(str::to_owned),
        blocked: false,
        arp_off: false,
    }
}

fn via_eth0(mtu: Observation<Option<i64>>) -> Observation<Option<Route>> {
    Observed(Some(Route {
        interface: "eth0".to_owned(),
        mtu,
        gateway: None,
    }))
}

fn namespace(id: i64, parent: Option<i64>, interfaces: Vec<Interface>) -> NetworkNamespace {
    NetworkNamespace {
        id,
        parent,
        holders: Vec::new(),
        interfaces: Observed(interfaces),
        route_v4: via_eth0(Observed(None)),
        route_v6: Observed(None),
        tcpmss: Observed(None),
        frag_fails: Observed(0),
        download: None,
        path_mtu: None,
        sample: None,
        traffic: None,
    }
}

/// A pod with `mtus[0]` and a chain of nested engines: `mtus[n]` is the network of the engine in
/// namespace n, to which namespace n + 1 is attached.
fn tower(mtus: &[i64]) -> Vec<NetworkNamespace> {
    let last = mtus.len() as i64 - 1;
    (0..mtus.len() as i64)
        .map(|n| {
            let parent = (n > 0).then_some(n - 1);
            // Indexes start at 1 in every namespace, so they alone prove nothing.
            let mut devices = vec![device(
                "eth0",
                mtus[n as usize],
                2,
                if n > 0 { 3 } else { 77 },
                None,
            )];
            if n < last {
                devices.push(device("veth0", mtus[n as usize + 1], 3, 2, Some("docker0")));
            }
            namespace(n, parent, devices)
        })
        .collect()
}

fn named(id: i64, bridge: &str) -> String {
    format!("{bridge} of {id}")
}

fn topology<'a>(namespaces: &'a [NetworkNamespace], counts: Observation<()>) -> Topology<'a> {
    Topology {
        namespaces,
        device_mtu_counts: counts,
        outermost: Outermost::Pod,
        node_ends: &[],
        bridge_name: &named,
    }
}

fn unknown_cni() -> Observation<()> {
    Observation::Unobserved(crate::evidence::Reason::prose(Why::NotApplicable, "Cilium"))
}

proptest! {
    /// The rule itself: a network's packets fit exactly if no link on the path is narrower.
    #[test]
    fn a_network_is_too_wide_exactly_when_some_link_on_its_way_is_narrower(
        mtus in proptest::collection::vec(576i64..9001, 1..7),
        own in 576i64..9001,
        start in 0usize..7,
    ) {
        let start = start % mtus.len();
        let namespaces = tower(&mtus);
        let way = topology(&namespaces, Observed(())).way_out(start as i64, Family::V4);
        prop_assert_eq!(way.links.len(), start + 1);
        let carrier = way.carrier(Some(own));
        let narrower = mtus[..=start].iter().any(|mtu| *mtu < own);
        prop_assert_eq!(own > carrier.observed().unwrap().mtu, narrower);
    }

    /// Unobserved links never make a network fit, and never excuse one that does not.
    #[test]
    fn a_hole_on_the_way_hides_health_but_no_fault(
        mtus in proptest::collection::vec(576i64..9001, 2..7),
        own in 576i64..9001,
        gap in 0usize..6,
    ) {
        let start = mtus.len() - 1;
        let gap = gap % mtus.len();
        let mut namespaces = tower(&mtus);
        namespaces[gap].interfaces = Observation::Unobserved(crate::evidence::Reason::prose(Why::Unreadable, "hidden"));
        let way = topology(&namespaces, Observed(())).way_out(start as i64, Family::V4);
        match way.carrier(Some(own)) {
            Observed(link) => prop_assert!(own > link.mtu && mtus.contains(&link.mtu)),
            Unseen(reason) => prop_assert!(!reason.to_string().is_empty()),
        }
    }

    /// Each level has the same indexes; a port still leads inwards, and the uplink outwards.
    #[test]
    fn a_port_leads_inwards_and_an_uplink_outwards(mtus in proptest::collection::vec(576i64..9001, 2..7)) {
        let namespaces = tower(&mtus);
        let topology = topology(&namespaces, Observed(()));
        for pair in namespaces.windows(2) {
            let [outer, inner] = pair else { unreachable!() };
            let (port, uplink) = (&outer.interfaces.seen()[1], &inner.interfaces.seen()[0]);
            prop_assert_eq!(topology.peer(outer, port).map(|(ns, _)| ns.id), Some(inner.id));
            prop_assert_eq!(topology.peer(inner, uplink).map(|(ns, _)| ns.id), Some(outer.id));
        }
    }

    /// Siblings with the same indexes are not confused.
    #[test]
    fn the_other_end_is_found_among_twins(mtu in 576i64..1500, others in 1i64..6) {
        let mut namespaces = tower(&[mtu, 1500]);
        for n in 0..others {
            namespaces.push(namespace(100 + n, Some(50), vec![device("veth0", 9000, 3, 2, None)]));
        }
        let way = topology(&namespaces, Observed(())).way_out(1, Family::V4);
        prop_assert_eq!(way.narrowest().map(|link| link.mtu), Some(mtu));
    }
}

#[test]
fn the_narrow_link_is_named_by_its_network() {
    let namespaces = tower(&[1450, 1300, 1500]);
    let way = topology(&namespaces, Observed(())).way_out(2, Family::V4);
    assert_eq!(way.narrowest().unwrap().name, "docker0 of 0");
    let namespaces = tower(&[1450, 1500, 1500]);
    let way = topology(&namespaces, Observed(())).way_out(2, Family::V4);
    assert_eq!(way.narrowest().unwrap().name, "the pod network (eth0)");
}

#[test]
fn a_route_may_be_narrower_than_its_device() {
    let mut namespaces = tower(&[1500, 1500]);
    namespaces[0].route_v4 = via_eth0(Observed(Some(1450)));
    let way = topology(&namespaces, unknown_cni()).way_out(1, Family::V4);
    assert_eq!(way.carrier(Some(1500)).observed().unwrap().mtu, 1450);
}

#[test]
fn a_pod_route_that_cannot_be_read_is_no_health() {
    let mut namespaces = tower(&[1500, 1500]);
    namespaces[0].route_v4 = via_eth0(Observation::Unobserved(crate::evidence::Reason::prose(
        Why::Missing,
        "busybox",
    )));
    let way = topology(&namespaces, unknown_cni()).way_out(1, Family::V4);
    assert!(way.carrier(Some(1500)).reason().is_some());
    assert_eq!(way.carrier(Some(1501)).observed().unwrap().mtu, 1500);
    // If the CNI is known not to set route MTUs, the device's MTU is enough.
    let way = topology(&namespaces, Observed(())).way_out(1, Family::V4);
    assert_eq!(way.carrier(Some(1500)).observed().unwrap().mtu, 1500);
}

#[test]
fn a_process_that_serves_the_uplink_ends_the_path() {
    let mut namespaces = tower(&[1450, 1500]);
    let tap = Interface {
        kind: InterfaceKind::Tun,
        mtu: 65520,
        ..device("eth0", 0, 2, 2, None)
    };
    namespaces[1].interfaces = Observed(vec![tap]);
    let way = topology(&namespaces, Observed(())).way_out(1, Family::V4);
    assert_eq!(way.carrier(Some(1500)).observed().unwrap().mtu, 65520);
}

#[test]
fn a_clamp_counts_only_where_it_reaches_the_neck() {
    let mut namespaces = tower(&[1450, 1500, 1500]);
    let clamped = |namespaces: &[NetworkNamespace]| {
        let way = topology(namespaces, Observed(())).way_out(2, Family::V4);
        way.clamped().observed().copied()
    };
    assert_eq!(clamped(&namespaces), Some(false));
    namespaces[0].tcpmss = Observed(Some(Tcpmss::PathMtu));
    assert_eq!(clamped(&namespaces), Some(true));
    namespaces[0].tcpmss = Observed(None);
    namespaces[1].tcpmss = Observed(Some(Tcpmss::PathMtu));
    assert_eq!(
        clamped(&namespaces),
        Some(false),
        "its own way out is 1500 wide"
    );
    namespaces[1].tcpmss = Observed(Some(Tcpmss::Mss(1410)));
    assert_eq!(clamped(&namespaces), Some(true));
    namespaces[1].tcpmss =
        Observation::Unobserved(crate::evidence::Reason::prose(Why::Missing, "no iptables"));
    assert_eq!(clamped(&namespaces), None);
}
