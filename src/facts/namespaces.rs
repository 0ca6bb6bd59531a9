//! Facts of each network namespace: dropped packets, firewall and DNS servers.

use super::listing::{DEFAULT_BRIDGE, networks_unseen};
use super::networks::{NetworkView, views};
use super::{Gap, Origin, Section, gaps};
use crate::evidence::{
    Block, Engine, Evidence, Fetched, Firewall, FirewallKind, NetworkNamespace, Observation,
    Observed, Reason, Runner, Traffic, Unseen,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// A network namespace: the pod's, or that of a container in the pod.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct NamespaceFacts {
    /// `the pod network`, or the path of a container in the namespace.
    pub name: String,
    /// The path of the engine that runs in the namespace, or whose container does. Absent if there
    /// is none.
    pub engine: Option<String>,
    /// Whether it is the pod's namespace.
    pub pod: bool,
    /// The number of packets dropped as too large during the examination.
    pub dropped_now: Observation<i64>,
    /// The engine's networks whose traffic the firewall drops. Absent if there are none.
    pub cut_networks: Observation<Option<String>>,
    /// Whether the chain's policy drops them because no rule accepts them, instead of a rule.
    pub cut_by_default: bool,
    /// The packets that are dropped, for example `TCP port 443` or `responses`. Absent if all
    /// are dropped.
    pub cut_packets: Option<String>,
    /// The chain that drops them, with its table if that is not filter: `FORWARD`, `raw
    /// PREROUTING`, `inet firewall forward`.
    pub cut_chain: Option<String>,
    /// The command that lists and changes the rules that drop them. Absent if nothing is dropped.
    pub firewall: Option<String>,
    /// What the firewall drops of connections that programs of the namespace itself open: image pulls of the
    /// engine, downloads of the runner. Absent if nothing is dropped.
    pub own_cut: Observation<Option<OwnCut>>,
    /// Whether `net.ipv4.ip_forward` is 1. Absent if no Docker network uses this namespace, or if
    /// the recording does not contain it.
    pub ip_forward: Observation<Option<bool>>,
    /// The interface on the path of a Docker network whose own `forwarding` setting alone is 0. Absent if
    /// there is none, or if the recording does not contain it.
    pub not_forwarding: Option<String>,
    /// Whether both iptables backends (legacy and nf_tables) have forwarding rules.
    pub firewalls_mixed: Observation<bool>,
    /// Its DNS servers, if all are local addresses on which nothing listens. Absent otherwise.
    pub dead_name_servers: Observation<Option<String>>,
}

/// Connections of a namespace's own programs that its firewall drops.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OwnCut {
    /// `TCP port 443`, `responses`; several are separated by `, `.
    pub packets: String,
    /// The chain that drops them, with its table if that is not filter: `OUTPUT`, `inet firewall out`.
    pub chain: String,
    /// Whether the chain's policy drops them, and no rule.
    pub by_default: bool,
    /// The command that lists and changes it.
    pub firewall: String,
}

/// Docker's embedded DNS server, which listens on another port through its own NAT rule.
const DOCKERS_OWN: &str = "127.0.0.11";

pub(super) fn derive(evidence: &Evidence, runner: &Runner) -> Section<NamespaceFacts> {
    let views = views(evidence, runner);
    // A manifest has none, and a recording without them is not blamed for it.
    let one = |namespace: &NetworkNamespace| {
        let traffic = namespace.traffic.as_ref()?;
        Some(of(runner, namespace, traffic, &views))
    };
    let gap = runner.namespaces.reason().map(|reason| Gap {
        engine: None,
        subject: None,
        reason: reason.clone(),
    });
    Section {
        items: runner.namespaces.seen().iter().filter_map(one).collect(),
        gaps: gap.into_iter().collect(),
    }
}

fn of(
    runner: &Runner,
    namespace: &NetworkNamespace,
    traffic: &Traffic,
    views: &[NetworkView],
) -> NamespaceFacts {
    let engines = runner.engines.seen();
    let pod = runner
        .pod_namespace()
        .is_some_and(|pod| pod.id == namespace.id);
    let cut = traffic
        .firewalls
        .as_ref()
        .and_then(|all| match cut(all, namespace, views) {
            Observed(None) if cuts_unnamed(all, &gaps::unnamed(runner, namespace)) => {
                Observation::Unobserved(Reason::BridgeWithoutNetwork)
            }
            found => found,
        });
    let found = cut.observed().and_then(Option::as_ref);
    let (ip_forward, not_forwarding) = forwarding(traffic, namespace, views);
    NamespaceFacts {
        name: match pod {
            true => runner.outermost.network().to_owned(),
            false => namespace.holders.join(", "),
        },
        engine: engine_of(namespace, engines).map(|engine| engine.path.clone()),
        pod,
        dropped_now: traffic.dropped_now.clone(),
        cut_by_default: found.is_some_and(|cut| cut.by_default),
        cut_packets: found.and_then(|cut| cut.packets.clone()),
        cut_chain: found.map(|cut| cut.chain.clone()),
        firewall: found.map(|cut| cut.firewall.command().to_owned()),
        cut_networks: cut.map(|found| found.map(|cut| cut.networks)),
        own_cut: own_cut(namespace, traffic),
        ip_forward,
        not_forwarding,
        firewalls_mixed: traffic.firewalls.as_ref().map(|firewalls| {
            let in_use = |kind| firewalls.iter().any(|f| f.kind == kind && f.rules > 0);
            in_use(FirewallKind::Legacy) && in_use(FirewallKind::NfTables)
        }),
        dead_name_servers: match has_container(namespace, engines) {
            true => dead_name_servers(traffic),
            false => Observed(None),
        },
    }
}

/// Whether packets of Docker networks are forwarded, if such a network leaves through this namespace:
/// by the namespace's setting, and by that of an interface on the path if it is off. A completed
/// download proves forwarding.
fn forwarding(
    traffic: &Traffic,
    namespace: &NetworkNamespace,
    views: &[NetworkView],
) -> (Observation<Option<bool>>, Option<String>) {
    let leaves = |view: &&NetworkView| {
        let bridge = view.network.bridge.as_deref();
        view.engine.namespace == namespace.id
            && view.not_judged.is_none()
            && bridge.is_some_and(|bridge| namespace.interface(bridge).is_some())
    };
    let leave: Vec<&NetworkView> = views.iter().filter(leaves).collect();
    if leave.is_empty() {
        return (Observed(None), None);
    }
    if leave.iter().any(|view| view.facts.completes) {
        return (Observed(Some(true)), None);
    }
    let all = match &traffic.ip_forward {
        Some(seen) => seen.clone().map(Some),
        None => Observation::Unobserved(Reason::NotRecorded),
    };
    let Some(Observed(off)) = &traffic.not_forwarding else {
        return (all, None);
    };
    let bridges = leave
        .iter()
        .filter_map(|view| view.network.bridge.as_deref());
    let out = namespace.route_v4.observed().and_then(Option::as_ref);
    let out = out.map(|route| route.interface.as_str());
    let mut path = bridges.chain(out);
    let is_off = |name: &&str| off.iter().any(|other| other == name);
    match (path.find(is_off), all) {
        (None, Observed(Some(_))) => (Observed(Some(true)), None),
        // The setting for all interfaces explains it.
        (Some(_), Observed(Some(false))) => (Observed(Some(false)), None),
        (found, all) => (all, found.map(str::to_owned)),
    }
}

/// Networks that a firewall blocks.
struct Cut {
    networks: String,
    by_default: bool,
    /// The dropped packets, unless all are dropped.
    packets: Option<String>,
    chain: String,
    firewall: FirewallKind,
}

fn cut(
    firewalls: &[Firewall],
    namespace: &NetworkNamespace,
    views: &[NetworkView],
) -> Observation<Option<Cut>> {
    let here = || {
        views
            .iter()
            .filter(|view| view.engine.namespace == namespace.id)
    };
    let named = |bridges: &[String]| {
        let dropped = here().filter(|view| {
            let bridge = view.network.bridge.as_deref();
            // If an engine is silent, its other bridges may be internal, which have no path out.
            let known = networks_unseen(view.engine).is_none() || bridge == Some(DEFAULT_BRIDGE);
            known && view.not_judged.is_none() && bridges.iter().any(|b| Some(b.as_str()) == bridge)
        });
        let names: Vec<&str> = dropped.map(|view| view.facts.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let found = firewalls.iter().find_map(|firewall| {
        let in_forward = |bridges: &[String], by_default| {
            Some(Cut {
                networks: named(bridges)?,
                by_default,
                packets: None,
                chain: "FORWARD".to_owned(),
                firewall: firewall.kind,
            })
        };
        let by_block = |block: &Block| {
            let same = |other: &&Block| {
                let differs = |block: &Block| Block {
                    from: String::new(),
                    ..block.clone()
                };
                differs(other) == differs(block)
            };
            let from = firewall.blocks.iter().filter(same);
            let from: Vec<String> = from.map(|block| block.from.clone()).collect();
            Some(Cut {
                networks: named(&from)?,
                by_default: block.by_default,
                packets: block.packets.clone(),
                chain: chain_of(block),
                firewall: firewall.kind,
            })
        };
        in_forward(&firewall.drops_by_rule, false)
            .or_else(|| in_forward(&firewall.drops_from, true))
            .or_else(|| firewall.blocks.iter().find_map(by_block))
    });
    let unclear = || {
        let mut all = firewalls.iter();
        all.find(|firewall| named(&firewall.unclear_from).is_some())
    };
    match (found, unclear()) {
        (None, Some(firewall)) => Observation::Unobserved(Reason::RuleUnclear {
            command: firewall.kind.command().to_owned(),
        }),
        (found, _) => Observed(found),
    }
}

fn chain_of(block: &Block) -> String {
    match block.table.as_str() {
        "filter" => block.chain.clone(),
        table => format!("{table} {}", block.chain),
    }
}

/// Which connections from the namespace itself are dropped; a completed download proves that none are.
fn own_cut(namespace: &NetworkNamespace, traffic: &Traffic) -> Observation<Option<OwnCut>> {
    let download = namespace.download.as_ref().and_then(|d| d.observed());
    if download.is_some_and(|download| download.outcome == Fetched::Completes) {
        return Observed(None);
    }
    let firewalls = match &traffic.firewalls {
        Observed(firewalls) => firewalls,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    let mut unknown = None;
    for firewall in firewalls {
        // Bridged frames are not the namespace's own traffic.
        if firewall.kind == FirewallKind::Ebtables {
            continue;
        }
        let Some(own) = &firewall.own else {
            unknown = unknown.or(Some(Reason::NotRecorded));
            continue;
        };
        if let Some(first) = own.blocks.first() {
            let chain = chain_of(first);
            let same = own.blocks.iter().filter(|block| chain_of(block) == chain);
            let packets: Vec<&str> = same.filter_map(|block| block.packets.as_deref()).collect();
            return Observed(Some(OwnCut {
                packets: packets.join(", "),
                by_default: first.by_default,
                chain,
                firewall: firewall.kind.command().to_owned(),
            }));
        }
        if own.unclear {
            unknown = Some(Reason::RuleUnclear {
                command: firewall.kind.command().to_owned(),
            });
        }
    }
    unknown.map_or(Observed(None), Unseen)
}

/// Whether a bridge is blocked that belongs to no known network.
fn cuts_unnamed(firewalls: &[Firewall], unnamed: &[Gap]) -> bool {
    let dropped = |f: &Firewall| [f.drops_by_rule.clone(), f.drops_from.clone()].concat();
    let mut dropped = firewalls.iter().flat_map(dropped);
    dropped.any(|bridge| {
        unnamed
            .iter()
            .any(|gap| gap.subject.as_ref() == Some(&bridge))
    })
}

/// The engine that runs there, or else the one whose container runs there.
fn engine_of<'a>(namespace: &NetworkNamespace, engines: &'a [Engine]) -> Option<&'a Engine> {
    let runs = |engine: &&Engine| {
        let mut around = namespace.holders.iter().filter_map(|h| h.rsplit_once('/'));
        around.any(|(path, _)| path == engine.path)
    };
    let works = engines.iter().find(|e| e.namespace == namespace.id);
    works.or_else(|| engines.iter().find(runs))
}

/// A process may be in a network namespace without its own files; a container has its own.
fn has_container(namespace: &NetworkNamespace, engines: &[Engine]) -> bool {
    let in_engine = |holder: &String| {
        let mut paths = engines.iter().map(|engine| engine.path.as_str());
        paths.any(|path| {
            holder
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    namespace.parent.is_none() || namespace.holders.iter().any(in_engine)
}

/// The DNS servers, if all are addresses of this namespace on which nothing listens.
fn dead_name_servers(traffic: &Traffic) -> Observation<Option<String>> {
    let Observed(servers) = &traffic.name_servers else {
        // Unobserved DNS servers stay unobserved.
        return traffic.name_servers.as_ref().map(|_| None);
    };
    let here = |server: &String| {
        let address: Option<IpAddr> = server.parse().ok();
        address.is_some_and(|address| address.is_loopback()) && server != DOCKERS_OWN
    };
    if !servers.iter().all(here) {
        return Observed(None);
    }
    let listening = match &traffic.listening {
        Observed(listening) => listening,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    let answers = |server: &String| {
        let own = match server.contains(':') {
            true => format!("[{server}]:53"),
            false => format!("{server}:53"),
        };
        listening
            .iter()
            .any(|at| *at == own || at == "0.0.0.0:53" || at == "[::]:53")
    };
    let dead = !servers.iter().any(answers);
    Observed(dead.then(|| servers.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Why;

    fn dead(servers: &[&str], listening: &[&str]) -> Observation<Option<String>> {
        let words = |all: &[&str]| Observed(all.iter().map(|w| (*w).to_owned()).collect());
        dead_name_servers(&Traffic {
            on_link: Observed(Vec::new()),
            firewalls: Observed(Vec::new()),
            ip_forward: None,
            not_forwarding: None,
            policy: None,
            dropped_now: Observed(0),
            name_servers: words(servers),
            listening: words(listening),
        })
    }

    #[test]
    fn only_a_local_address_without_a_listener_is_dead() {
        assert_eq!(
            dead(&["127.0.0.53"], &[]),
            Observed(Some("127.0.0.53".to_owned()))
        );
        assert_eq!(
            dead(&["127.0.0.1", "::1"], &["127.0.0.53:53"]),
            Observed(Some("127.0.0.1, ::1".to_owned()))
        );
        for (servers, listening) in [
            (&["127.0.0.53"][..], &["127.0.0.53:53"][..]),
            (&["127.0.0.1"], &["0.0.0.0:53"]),
            (&["::1"], &["[::]:53"]),
            // Docker's embedded DNS server, and a second one that may respond.
            (&["127.0.0.11"], &[]),
            (&["127.0.0.53", "10.96.0.10"], &[]),
            (&["10.96.0.10"], &[]),
        ] {
            assert_eq!(dead(servers, listening), Observed(None), "{servers:?}");
        }
    }

    #[test]
    fn sockets_that_were_not_read_are_unknown() {
        let traffic = Traffic {
            on_link: Observed(Vec::new()),
            firewalls: Observed(Vec::new()),
            ip_forward: None,
            not_forwarding: None,
            policy: None,
            dropped_now: Observed(0),
            name_servers: Observed(vec!["127.0.0.53".to_owned()]),
            listening: Observation::Unobserved(crate::evidence::Reason::prose(
                Why::Unreadable,
                "cut off",
            )),
        };
        assert!(dead_name_servers(&traffic).reason().is_some());
    }
}
