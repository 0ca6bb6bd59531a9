//! The network namespaces of a walk: interfaces, default routes and drop counters.

use super::MOST;
use super::counters::Counters;
use super::download::{self, Url};
use super::frames::{Frames, Record, more, section, split};
use super::measure;
use super::processes::Processes;
use super::traffic::{self, usable};
use crate::evidence::{
    Interface, InterfaceKind, NetworkNamespace, Observation, Observed, Part, Reason, Route, Unseen,
};
use crate::text::plain::plain;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::Ipv4Addr;

const MOST_INTERFACES: usize = 2000;

/// IFF_NOARP of an interface's flags.
const NO_ARP: u32 = 0x80;

/// Reads every namespace for which the walk found a process; `own` is the walk's own process.
pub fn namespaces(
    frames: &Frames,
    processes: &Processes,
    own: i64,
    url: Option<&Url>,
) -> Vec<NetworkNamespace> {
    let mut files = Files::parse(frames);
    let own = processes.get(own).and_then(|process| process.net);
    let unread = ["unread", "beyond"].into_iter();
    let unread = unread.flat_map(|name| frames.named(name));
    let leaders: BTreeSet<i64> = files
        .net
        .keys()
        .copied()
        .chain(unread.filter_map(|record| record.key.parse().ok()))
        .collect();
    files.bound(&leaders);
    leaders
        .into_iter()
        .take(MOST + 1)
        .filter_map(|pid| Some((pid, processes.get(pid)?.net?)))
        .map(|(pid, id)| {
            let born_in = processes.ancestor(pid, |p| p.net.is_some_and(|net| net != id));
            NetworkNamespace {
                id,
                parent: match own == Some(id) {
                    true => None,
                    // The parent process is gone: assume a namespace directly below the pod's.
                    false => born_in.and_then(|p| p.net).or(own),
                },
                holders: Vec::new(),
                download: url.and_then(|url| download::download(frames, &files.counters, pid, url)),
                path_mtu: url.and_then(|_| measure::path_mtu(frames, pid)),
                ..files.namespace(frames, pid)
            }
        })
        .collect()
}

/// The one namespace of a walk in node mode.
pub fn own_namespace(frames: &Frames, own: i64) -> NetworkNamespace {
    Files::parse(frames).namespace(frames, own)
}

/// The output of grep on `/proc/PID/net` and sysfs, by process.
struct Files<'a> {
    net: BTreeMap<i64, BTreeMap<&'a str, Vec<&'a str>>>,
    /// Interface → attribute → value.
    sysfs: BTreeMap<i64, BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>>,
    counters: Counters,
    /// The process of the first namespace that was not read, and why.
    beyond: Option<(i64, Reason)>,
}

impl<'a> Files<'a> {
    fn parse(frames: &Frames<'a>) -> Self {
        let mut files = Files {
            net: BTreeMap::new(),
            sysfs: BTreeMap::new(),
            counters: Counters::parse(frames),
            beyond: frames.named("beyond").next().and_then(|record| {
                let pid = record.key.parse().ok()?;
                Some((pid, beyond(more(record))))
            }),
        };
        for record in frames.named("net") {
            for (pid, file, text) in record.lines().filter_map(|l| split(l, "net/")) {
                let of_process = files.net.entry(pid).or_default();
                of_process.entry(file).or_default().push(text);
            }
        }
        // Older walks have a separate record for sysfs.
        for record in frames.named("net").chain(frames.named("sysfs")) {
            for (pid, path, text) in record
                .lines()
                .filter_map(|l| split(l, "root/sys/class/net/"))
            {
                let Some((interface, attribute)) = path.split_once('/') else {
                    continue;
                };
                let of_process = files.sysfs.entry(pid).or_default();
                if of_process.len() <= MOST_INTERFACES {
                    let attributes = of_process.entry(interface).or_default();
                    attributes.insert(attribute, text);
                }
            }
        }
        files
    }

    /// A walk lists at most one namespace beyond its limit; in a forged stream, the first represents
    /// all others.
    fn bound(&mut self, leaders: &BTreeSet<i64>) {
        let Some(first) = leaders.iter().nth(MOST) else {
            return;
        };
        let more = leaders.len() - MOST - 1;
        if more > 0 {
            self.net.remove(first);
            self.sysfs.remove(first);
            self.beyond = Some((*first, beyond(i64::try_from(more).unwrap_or(i64::MAX))));
        }
    }

    /// Why the namespace of a process is unknown: the walk did not reach it or did not finish it.
    fn unread(&self, frames: &Frames, pid: i64) -> Option<Reason> {
        if let Some((_, reason)) = self.beyond.as_ref().filter(|(first, _)| *first == pid) {
            return Some(reason.clone());
        }
        if frames.of("unread", pid).is_some() {
            return Some(Reason::OutOfTime);
        }
        let record = frames.of("net", pid).or(frames.of("link", pid))?;
        record.cut.then_some(Reason::PartTooLarge {
            part: Part::Interfaces,
        })
    }

    fn lines(&self, pid: i64, file: &str) -> &[&'a str] {
        let of_process = self.net.get(&pid);
        of_process
            .and_then(|files| files.get(file))
            .map_or(&[], Vec::as_slice)
    }

    fn namespace(&self, frames: &Frames, pid: i64) -> NetworkNamespace {
        let shown = frames.of("routes", pid);
        let mtu = |heading: &'static str| {
            move |interface: &str| match shown {
                Some(record) => route_mtu(&section(record, heading), interface),
                None if frames.named("routes").next().is_some() => {
                    Observation::Unobserved(Reason::RouteMtuNotAsked)
                }
                None => Observation::Unobserved(Reason::RouteMtuNotShown),
            }
        };
        let interfaces = self.interfaces(frames, pid);
        let place = traffic::Place {
            pid,
            routes: self.lines(pid, "route"),
            interfaces: &interfaces,
            way_out: self.way_out(pid),
        };
        let (traffic, tcpmss) = traffic::traffic(frames, &self.counters, &place);
        NetworkNamespace {
            id: 0,
            parent: None,
            holders: Vec::new(),
            traffic: Some(traffic),
            interfaces,
            route_v4: self.route(frames, pid, "route", default_v4, mtu("v4")),
            route_v6: self.route(frames, pid, "ipv6_route", default_v6, mtu("v6")),
            tcpmss,
            frag_fails: self.counters.dropped_before(pid),
            download: None,
            path_mtu: None,
            sample: None,
        }
    }

    fn interfaces(&self, frames: &Frames, pid: i64) -> Observation<Vec<Interface>> {
        if let Some(reason) = self.unread(frames, pid) {
            return Unseen(reason);
        }
        if let Some(record) = frames.of("link", pid) {
            let interfaces = from_links(record);
            return match interfaces.is_empty() {
                false => Observed(interfaces),
                true => Observation::Unobserved(Reason::InterfacesNotShown),
            };
        }
        let Some(found) = self.sysfs.get(&pid) else {
            return Observation::Unobserved(Reason::Unreadable {
                part: Part::Interfaces,
            });
        };
        if found.len() > MOST_INTERFACES {
            return Observation::Unobserved(Reason::PartTooLarge {
                part: Part::Interfaces,
            });
        }
        let names: HashMap<i64, &str> = found
            .iter()
            .filter_map(|(name, attributes)| Some((number(attributes, "ifindex")?, *name)))
            .collect();
        let interfaces: Vec<Interface> = found
            .iter()
            .filter_map(|(name, attributes)| from_sysfs(name, attributes, &names))
            .collect();
        match self.contradicts(pid, &interfaces) {
            false => Observed(interfaces),
            true => Observation::Unobserved(Reason::ForeignInterfaces),
        }
    }

    /// Whether the kernel's list for this process has a different index for an interface.
    fn contradicts(&self, pid: i64, interfaces: &[Interface]) -> bool {
        let known: HashMap<&str, i64> = interfaces
            .iter()
            .map(|interface| (interface.name.as_str(), interface.ifindex))
            .collect();
        self.lines(pid, "igmp").iter().any(|line| {
            let mut words = line.split_whitespace();
            let (Some(index), Some(name)) = (words.next(), words.next()) else {
                return false;
            };
            let Ok(index) = index.parse::<i64>() else {
                return false;
            };
            let name = name.trim_end_matches(':');
            known.get(name).is_some_and(|known| *known != index)
        })
    }

    /// The default route of a family, unless it drops packets: its existence from /proc, its MTU from
    /// `ip`.
    fn route(
        &self,
        frames: &Frames,
        pid: i64,
        file: &str,
        default: impl for<'l> Fn(&'l str) -> Option<DefaultRoute<'l>>,
        mtu: impl Fn(&str) -> Observation<Option<i64>>,
    ) -> Observation<Option<Route>> {
        let lines = self.lines(pid, file);
        if let (true, Some(reason)) = (lines.is_empty(), self.unread(frames, pid)) {
            return Unseen(reason);
        }
        if lines.is_empty() && file == "route" {
            return Observation::Unobserved(Reason::Unreadable { part: Part::Routes });
        }
        let best = lines
            .iter()
            .filter_map(|line| default(line))
            .min_by_key(|route| route.metric);
        let Some(best) = best.filter(|route| route.interface != NOWHERE) else {
            return Observed(None);
        };
        Observed(Some(Route {
            interface: plain(best.interface),
            mtu: mtu(best.interface),
            gateway: best.gateway.map(|gateway| gateway.to_string()),
        }))
    }

    /// The interface of the IPv4 default route.
    fn way_out(&self, pid: i64) -> Option<&'a str> {
        let routes = self
            .lines(pid, "route")
            .iter()
            .filter_map(|line| default_v4(line));
        routes
            .min_by_key(|route| route.metric)
            .map(|route| route.interface)
            .filter(|interface| *interface != NOWHERE)
    }
}

fn beyond(more: i64) -> Reason {
    Reason::MoreNamespaces {
        more,
        most: MOST as i64,
    }
}

type Attributes<'a> = BTreeMap<&'a str, &'a str>;

fn number(attributes: &Attributes, what: &str) -> Option<i64> {
    attributes.get(what)?.trim().parse().ok()
}

fn from_sysfs(
    name: &str,
    attributes: &Attributes,
    names: &HashMap<i64, &str>,
) -> Option<Interface> {
    let ifindex = number(attributes, "ifindex")?;
    let iflink = number(attributes, "iflink")?;
    let master = number(attributes, "master/ifindex");
    let bridge = master.and_then(|master| names.get(&master));
    let kind = if attributes.contains_key("bridge/bridge_id") {
        InterfaceKind::Bridge
    } else if attributes.contains_key("tun_flags") {
        InterfaceKind::Tun
    } else if name == "lo" {
        InterfaceKind::Loopback
    } else if ifindex != iflink {
        InterfaceKind::Linked
    } else {
        InterfaceKind::Other
    };
    let flags = attributes.get("flags").and_then(|f| f.strip_prefix("0x"));
    let flags = flags.and_then(|hex| u32::from_str_radix(hex, 16).ok());
    Some(Interface {
        name: plain(name),
        mtu: number(attributes, "mtu")?,
        up: matches!(attributes.get("operstate").copied(), Some("up" | "unknown")),
        ifindex,
        iflink,
        kind,
        bridge: bridge.map(|name| plain(name)),
        // Disabled, or blocked by STP; listening and learning are temporary.
        blocked: matches!(number(attributes, "brport/state"), Some(0 | 4)),
        arp_off: asks_for_addresses(kind) && flags.is_some_and(|flags| flags & NO_ARP != 0),
    })
}

/// Whether a kind of interface uses ARP; tunnels do not.
fn asks_for_addresses(kind: InterfaceKind) -> bool {
    matches!(kind, InterfaceKind::Bridge | InterfaceKind::Linked)
}

/// Parses `7: eth0@if8: <…UP…> mtu 1450 … master docker0 …`, as iproute2 and busybox print it.
fn from_links(record: &Record) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = record.lines().filter_map(from_link).collect();
    let bridges: HashSet<String> = interfaces.iter().filter_map(|i| i.bridge.clone()).collect();
    for interface in &mut interfaces {
        if bridges.contains(&interface.name) {
            interface.kind = InterfaceKind::Bridge;
        }
        interface.arp_off &= asks_for_addresses(interface.kind);
    }
    interfaces
}

fn from_link(line: &str) -> Option<Interface> {
    let mut words = line.split_whitespace();
    let ifindex: i64 = words.next()?.strip_suffix(':')?.parse().ok()?;
    let name = words.next()?.strip_suffix(':')?;
    let (name, peer) = name.split_once('@').unwrap_or((name, ""));
    let rest: Vec<&str> = words.collect();
    let after = |word: &str| {
        let at = rest.iter().position(|w| *w == word)?;
        rest.get(at + 1).copied()
    };
    let iflink = peer.strip_prefix("if").and_then(|index| index.parse().ok());
    let flags = rest.first()?.trim_matches(['<', '>']);
    Some(Interface {
        name: plain(name),
        mtu: after("mtu")?.parse().ok()?,
        up: flags.split(',').any(|flag| flag == "UP"),
        ifindex,
        iflink: iflink.unwrap_or(ifindex),
        kind: match name {
            "lo" => InterfaceKind::Loopback,
            name if name.starts_with("tap") || name.starts_with("tun") => InterfaceKind::Tun,
            _ if iflink.is_some() => InterfaceKind::Linked,
            _ => InterfaceKind::Other,
        },
        bridge: after("master").map(plain),
        blocked: false,
        arp_off: flags.split(',').any(|flag| flag == "NOARP"),
    })
}

/// A default route in the kernel's routing table.
struct DefaultRoute<'l> {
    metric: i64,
    interface: &'l str,
    gateway: Option<Ipv4Addr>,
}

/// Parses a line of /proc/net/route if it is a default route.
fn default_v4(line: &str) -> Option<DefaultRoute<'_>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [
        interface,
        "00000000",
        gateway,
        flags,
        _,
        _,
        metric,
        mask,
        ..,
    ] = words[..]
    else {
        return None;
    };
    let metric: i64 = match mask {
        "00000000" => metric.parse().ok()?,
        // 0.0.0.0/1: VPN clients add such a route, which overrides the default route.
        HALF => -1,
        _ => return None,
    };
    // Routes that drop packets (blackhole, prohibit, unreachable) count, too.
    let gateway = u32::from_str_radix(gateway, 16).ok().map(u32::from_be);
    (usable(flags) || interface == NOWHERE).then_some(DefaultRoute {
        metric,
        interface,
        gateway: gateway.filter(|gateway| *gateway != 0).map(Ipv4Addr::from),
    })
}

/// The interface of a route that drops packets.
const NOWHERE: &str = "*";
/// The mask of 0.0.0.0/1.
const HALF: &str = "00000080";

/// Parses a line of /proc/net/ipv6_route if it is the default route.
fn default_v6(line: &str) -> Option<DefaultRoute<'_>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [to, "00", _, _, _, metric, _, _, flags, interface] = words[..] else {
        return None;
    };
    let any = to.bytes().all(|b| b == b'0');
    let metric = i64::from_str_radix(metric, 16).ok()?;
    (any && interface != "lo" && usable(flags)).then_some(DefaultRoute {
        metric,
        interface,
        gateway: None,
    })
}

fn route_mtu(lines: &[&str], interface: &str) -> Observation<Option<i64>> {
    let words = |line: &&str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let after = |words: &[String], word: &str| {
        let at = words.iter().position(|w| w == word)?;
        words.get(at + 1).cloned()
    };
    let mut routes = lines.iter().map(words);
    let Some(route) = routes.find(|words| after(words, "dev").as_deref() == Some(interface)) else {
        return Observation::Unobserved(Reason::RouteNotShown);
    };
    // `mtu lock 1400`: path MTU discovery does not lower this MTU.
    let mtu = after(&route, "mtu")
        .filter(|word| word != "lock")
        .or(after(&route, "lock"));
    Observed(mtu.and_then(|mtu| mtu.parse().ok()))
}
