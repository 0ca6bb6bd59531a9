//! How a namespace handles packets, as observed by a walk: routes, firewall, counters at the end of
//! the walk, name servers and listening sockets.

use super::counters::Counters;
use super::firewall::{self, MOST_RULES, Networks};
use super::frames::{Frames, Record, section};
use crate::evidence::{
    Firewall, Interface, InterfaceKind, Observation, Observed, OnLink, Part, Reason, Tcpmss,
    Traffic, Unrouted, Unseen,
};
use crate::text::plain::plain;
use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MOST_ROUTES: usize = 1000;

/// The destination that the walk looks up routes for.
const ASKED_ADDRESS: &str = "198.51.100.1";
const MOST_SERVERS: usize = 16;
const MOST_LISTENING: usize = 64;

/// What is already known about a namespace.
pub struct Place<'a> {
    pub pid: i64,
    pub routes: &'a [&'a str],
    pub interfaces: &'a Observation<Vec<Interface>>,
    pub way_out: Option<&'a str>,
}

/// The traffic of a namespace, and its rule that clamps the MSS.
pub fn traffic(
    frames: &Frames,
    counters: &Counters,
    place: &Place,
) -> (Traffic, Observation<Option<Tcpmss>>) {
    let pid = place.pid;
    let on_link = on_link(place.routes);
    let name_servers = name_servers(frames, pid);
    let (firewalls, clamp) = passing(frames, place, on_link.seen(), name_servers.seen());
    let traffic = Traffic {
        firewalls,
        on_link,
        ip_forward: Some(counters.ip_forward(pid)),
        not_forwarding: not_forwarding(frames, pid),
        policy: policy(frames, place),
        dropped_now: super::difference(&counters.dropped_before(pid), &counters.dropped_again(pid)),
        name_servers,
        listening: listening(frames, pid),
    };
    (traffic, clamp)
}

/// The on-link subnets (without a gateway) in /proc/PID/net/route.
fn on_link(routes: &[&str]) -> Observation<Vec<OnLink>> {
    if routes.is_empty() {
        return Observation::Unobserved(Reason::Unreadable { part: Part::Routes });
    }
    let read = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [interface, to, "00000000", flags, _, _, _, mask, ..] = words[..] else {
            return None;
        };
        let number = |hex: &str| u32::from_str_radix(hex, 16).ok().map(u32::from_be);
        let is_default = mask == "00000000";
        let throws_away = interface == "*";
        if is_default || !(throws_away || usable(flags)) {
            return None;
        }
        let (to, mask) = (number(to)?.into(), number(mask)?.into());
        let subnet = Ipv4Net::with_netmask(to, mask).ok()?.trunc();
        Some(OnLink {
            interface: plain(interface),
            subnet: subnet.to_string(),
        })
    };
    Observed(routes.iter().filter_map(read).take(MOST_ROUTES).collect())
}

/// The forwarding rules, evaluated for each network, and the rule that clamps the MSS.
fn passing(
    frames: &Frames,
    place: &Place,
    on_link: &[OnLink],
    name_servers: &[String],
) -> (Observation<Vec<Firewall>>, Observation<Option<Tcpmss>>) {
    let Some(record) = frames.of("clamps", place.pid) else {
        // The walk reads the rules only where networks may be forwarded.
        return match frames.complete {
            true => (Observed(Vec::new()), Observed(None)),
            false => {
                let reason = Reason::CutOff {
                    part: Part::FirewallRules,
                };
                (Unseen(reason), Observed(None))
            }
        };
    };
    let native = frames.of("nft", place.pid);
    let cut = record.cut || native.is_some_and(|native| native.cut);
    if cut || record.lines().count() > MOST_RULES {
        let reason = Reason::PartTooLarge {
            part: Part::FirewallRules,
        };
        return (Unseen(reason), Unseen(Reason::ClampUnknown));
    }
    let Some(rules) = firewall::read(record, native) else {
        return (
            Unseen(Reason::FirewallUnknown),
            Unseen(Reason::ClampUnknown),
        );
    };
    let networks = Networks {
        own: frames.of("local", place.pid).map(own_addresses),
        ..networks(place, on_link, name_servers)
    };
    let clamp = match rules.clamp(&networks) {
        Some(None) | None if rules.native_unread => Unseen(Reason::NativeRulesUnread),
        Some(clamp) => Observed(clamp),
        None => Unseen(Reason::ClampUnclear),
    };
    match rules.native_unread {
        true => (Unseen(Reason::NativeRulesUnread), clamp),
        false => {
            let of_bridges = frames.of("bridges", place.pid);
            let of_bridges = of_bridges.and_then(|record| firewall::of_bridges(record, &networks));
            let mut firewalls = rules.firewalls(&networks);
            firewalls.extend(of_bridges);
            (Observed(firewalls), clamp)
        }
    }
}

fn networks<'a>(place: &Place<'a>, on_link: &[OnLink], name_servers: &[String]) -> Networks<'a> {
    let enters = |interface: &&Interface| {
        let alone = interface.kind == InterfaceKind::Linked && interface.bridge.is_none();
        let inward = interface.kind == InterfaceKind::Bridge || alone;
        inward && Some(interface.name.as_str()) != place.way_out
    };
    let subnet = |interface: &Interface| {
        let mut routes = on_link.iter();
        let route = routes.find(|route| route.interface == interface.name)?;
        route.subnet.parse().ok()
    };
    Networks {
        from: place
            .interfaces
            .seen()
            .iter()
            .filter(enters)
            .map(|interface| (interface.name.as_str(), subnet(interface)))
            .collect(),
        way_out: place.way_out,
        own: None,
        name_server: name_servers.iter().find_map(|server| server.parse().ok()),
    }
}

/// The addresses before the lines `/32 host LOCAL` of /proc/PID/net/fib_trie.
fn own_addresses(record: &Record) -> Vec<Ipv4Addr> {
    let mut address: Option<Ipv4Addr> = None;
    let mut own = Vec::new();
    for line in record.lines().take(MOST_ROUTES) {
        match line.split_once("|-- ") {
            Some((_, text)) => address = text.trim().parse().ok(),
            None if line.ends_with("host LOCAL") => own.extend(address),
            None => {}
        }
    }
    own
}

/// The interfaces whose `forwarding` is 0; unknown if the sysctls cannot be read.
fn not_forwarding(frames: &Frames, pid: i64) -> Option<Observation<Vec<String>>> {
    let lines = match (frames.of("routes", pid), frames.of("passing", pid)) {
        (Some(record), _) => section(record, "passing"),
        (None, Some(record)) => section(record, "passing"),
        (None, None) => return None,
    };
    if !lines.contains(&"# read") {
        return None;
    }
    let interface = |line: &&str| {
        let name = line.strip_prefix("/proc/sys/net/ipv4/conf/")?;
        name.strip_suffix("/forwarding").map(plain)
    };
    Some(Observed(
        lines
            .iter()
            .filter_map(interface)
            .take(MOST_ROUTES)
            .collect(),
    ))
}

/// The bridges that policy rules leave without a route, or send out through an interface other than the
/// default route's; unknown if no program is available to list the rules.
fn policy(frames: &Frames, place: &Place) -> Option<Observation<Vec<Unrouted>>> {
    let record = frames.of("rules", place.pid)?;
    if record.cut || !record.lines().any(|line| line == "# read") {
        return Some(Observation::Unobserved(Reason::PolicyUnknown));
    }
    let answers = record.lines().filter_map(|line| {
        let (interface, answer) = line.split_once(' ')?;
        let refused = answer.split_once("RTNETLINK answers: ");
        let device = answer.split(" dev ").nth(1);
        let device = device.and_then(|rest| rest.split(' ').next());
        let via = device.filter(|device| refused.is_none() && Some(*device) != place.way_out);
        let (mark, said) = match answer.strip_prefix("mark ") {
            None if via.is_some() => (None, ""),
            None => (None, refused?.1),
            // An `ip` without support for marks prints no answer.
            Some(answer) if answer.contains(ASKED_ADDRESS) => return None,
            Some(answer) => {
                let (mark, _) = answer.split_once(' ')?;
                (Some(plain(mark)), refused.map_or("", |(_, said)| said))
            }
        };
        Some(Unrouted {
            interface: plain(interface),
            said: plain(said),
            via: via.filter(|_| mark.is_none()).map(plain),
            mark,
        })
    });
    Some(Observed(answers.take(MOST_ROUTES).collect()))
}

fn name_servers(frames: &Frames, pid: i64) -> Observation<Vec<String>> {
    // Older walks wrote the lines of all processes in one record.
    let start = format!("/proc/{pid}/root/etc/resolv.conf:");
    let own = frames.of("again", pid).into_iter();
    let own = own.flat_map(|record| record.lines());
    let all = frames.get("again", "-").into_iter();
    let all = all.flat_map(|record| record.lines());
    let found: Vec<String> = own
        .chain(all.filter_map(|line| line.strip_prefix(start.as_str())))
        .filter_map(|line| line.strip_prefix("nameserver"))
        .filter_map(|rest| rest.split_whitespace().next())
        // An IPv6 address may have a zone: `fe80::1%eth0`.
        .filter(|word| {
            word.split('%')
                .next()
                .is_some_and(|a| a.parse::<IpAddr>().is_ok())
        })
        .map(plain)
        .take(MOST_SERVERS)
        .collect();
    match found.is_empty() {
        false => Observed(found),
        true => Observation::Unobserved(Reason::Unreadable {
            part: Part::NameServers,
        }),
    }
}

/// The addresses with a listening DNS server, deduplicated.
fn listening(frames: &Frames, pid: i64) -> Observation<Vec<String>> {
    let Some(record) = frames.get("sockets", "-") else {
        return match frames.complete {
            true => Observation::Unobserved(Reason::ListenersNotAsked),
            false => Observation::Unobserved(Reason::CutOff {
                part: Part::Sockets,
            }),
        };
    };
    let start = format!("/proc/{pid}/net/");
    let socket = |line: &'_ str| {
        let (file, text) = line.strip_prefix(start.as_str())?.split_once(':')?;
        matches!(file, "udp" | "udp6").then_some(())?;
        address(text.split_whitespace().nth(1)?)
    };
    let found: BTreeSet<String> = record
        .lines()
        .filter_map(socket)
        .take(MOST_LISTENING)
        .collect();
    Observed(found.into_iter().collect())
}

/// `3500007F:0035` as `127.0.0.53:53`.
pub(super) fn address(text: &str) -> Option<String> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        u32::from_str_radix(host.get(at..at + 8)?, 16)
            .ok()
            .map(u32::from_be)
    };
    match host.len() {
        8 => Some(format!("{}:{port}", Ipv4Addr::from(word(0)?))),
        32 => {
            let [a, b, c, d] = [word(0)?, word(8)?, word(16)?, word(24)?].map(u128::from);
            let whole = Ipv6Addr::from(a << 96 | b << 64 | c << 32 | d);
            Some(format!("[{whole}]:{port}"))
        }
        _ => None,
    }
}

pub fn usable(flags: &str) -> bool {
    const UP: u32 = 0x1;
    const REJECT: u32 = 0x200;
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & UP != 0 && flags & REJECT == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "
M> net -
/proc/7/net/snmp:Ip: Forwarding FragFails
/proc/7/net/snmp:Ip: 2 3

M< -

M> again -
/proc/7/net/snmp:Ip: Forwarding FragFails
/proc/7/net/snmp:Ip: 1 12
/proc/7/root/etc/resolv.conf:nameserver 127.0.0.53
/proc/7/root/etc/resolv.conf:nameserver\t10.96.0.10  # the cluster's
/proc/7/root/etc/resolv.conf:nameserver ;reboot
/proc/70/root/etc/resolv.conf:nameserver 1.1.1.1

M< -

M> sockets -
/proc/7/net/udp:  123: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000
/proc/7/net/udp6:   1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07
/proc/70/net/udp:  9: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000

M< -

M> end -

M< 0
";

    fn place<'a>(routes: &'a [&'a str], interfaces: &'a Observation<Vec<Interface>>) -> Place<'a> {
        Place {
            pid: 7,
            routes,
            interfaces,
            way_out: None,
        }
    }

    #[test]
    fn a_namespace_is_read() {
        let frames = Frames::parse(STREAM.as_bytes(), "M");
        let routes = [
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT",
            "eth0 00000000 014012C6 0003 0 0 0 00000000 0 0 0",
            "docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0",
            "eth0 004012C6 00000000 0001 0 0 0 00FFFFFF 0 0 0",
        ];
        let none = Observed(Vec::new());
        let (traffic, _) = traffic(&frames, &Counters::parse(&frames), &place(&routes, &none));
        let on_link: Vec<String> = traffic
            .on_link
            .seen()
            .iter()
            .map(|route| format!("{} {}", route.interface, route.subnet))
            .collect();
        assert_eq!(on_link, ["docker0 172.17.0.0/16", "eth0 198.18.64.0/24"]);
        assert_eq!(traffic.dropped_now, Observed(9));
        assert_eq!(traffic.ip_forward, Some(Observed(false)));
        assert_eq!(traffic.name_servers.seen(), ["127.0.0.53", "10.96.0.10"]);
        let listening = ["127.0.0.53:53", "[::1]:53"];
        assert_eq!(traffic.listening.seen(), listening);
        assert_eq!(traffic.firewalls, Observed(Vec::new()));
    }

    #[test]
    fn a_walk_that_was_cut_saw_nothing_of_it() {
        let end = STREAM.find("M> again").unwrap();
        let frames = Frames::parse(&STREAM.as_bytes()[..end], "M");
        let none = Observed(Vec::new());
        let (traffic, _) = traffic(&frames, &Counters::parse(&frames), &place(&[], &none));
        assert!(traffic.on_link.reason().is_some() && traffic.firewalls.reason().is_some());
        assert!(traffic.dropped_now.reason().is_some() && traffic.listening.reason().is_some());
        assert!(traffic.name_servers.reason().is_some());
    }
}
