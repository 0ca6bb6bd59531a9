//! A firewall rule, and whether a packet matches it.

use crate::evidence::Tcpmss;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// A set of possible outcomes for a packet.
pub type Verdicts = u8;
pub const NOTHING: Verdicts = 0;
pub const ACCEPTS: Verdicts = 1;
pub const DROPS: Verdicts = 2;
/// It gets an address of this namespace, or another destination before routing.
pub const TRANSLATES: Verdicts = 4;
/// The end of the chain: the calling chain or the policy decides.
pub const FALLS: Verdicts = 8;
pub const UNCLEAR: Verdicts = 16;

/// The direction of a packet relative to a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is forwarded.
    Through,
    /// A program in the namespace sends it.
    Out,
    /// A program in the namespace receives it.
    In,
}

/// The first packet of an outgoing connection, to any host on the internet unless its destination is known;
/// or a response to it.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    pub way: Way,
    pub from: &'a str,
    pub to: &'a str,
    /// The network that it comes from, or goes to if it is a response.
    pub inside: Option<Ipv4Net>,
    /// Its source address, if only that one is of interest.
    pub source: Option<Ipv4Addr>,
    pub destination: Option<Ipv4Addr>,
    pub protocol: &'static str,
    pub port: u16,
    pub response: bool,
    /// The addresses of this namespace, where they were listed.
    pub own: Option<&'a [Ipv4Addr]>,
}

impl Packet<'_> {
    fn is_in(&self, nets: &[Ipv4Net]) -> Match {
        match self.source.map(Ipv4Net::from).or(self.inside) {
            Some(inside) if nets.iter().any(|net| net.contains(&inside)) => Match::Yes,
            Some(inside) if !nets.iter().any(|net| inside.contains(net)) => Match::No,
            _ => Match::Maybe,
        }
    }

    /// Whether these nets contain the remote end: any host on the internet, and none in the network itself.
    fn is_anywhere(&self, nets: &[Ipv4Net]) -> Match {
        const MULTICAST: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4);
        let is_no_place = |net: &Ipv4Net| {
            let inside = self.inside.is_some_and(|inside| inside.contains(net));
            inside || MULTICAST.contains(net)
        };
        if nets.iter().any(|net| net.prefix_len() == 0) {
            return Match::Yes;
        }
        match nets.iter().all(is_no_place) {
            true => Match::No,
            false => Match::Maybe,
        }
    }
}

pub struct Rule {
    /// The conditions of the rule, each with whether it is negated.
    pub conditions: Vec<(Condition, bool)>,
    pub target: Target,
}

#[derive(Clone)]
pub enum Condition {
    /// Interface names, one of which must match; `docker*` matches by prefix.
    From(Vec<String>),
    To(Vec<String>),
    Source(Option<Vec<Ipv4Net>>),
    Destination(Option<Vec<Ipv4Net>>),
    Protocol(Vec<String>),
    /// Ranges of destination ports.
    Ports(Vec<(u16, u16)>),
    /// Whether it matches the first packet of a connection, and whether it matches responses.
    State {
        new: bool,
        established: bool,
    },
    /// Matches every IPv4 connection through this namespace.
    Always,
    /// Matches no IPv4 connection through this namespace.
    Never,
    /// Not evaluated.
    Other,
}

#[derive(Clone)]
pub enum Target {
    Verdict(Verdicts),
    /// Clamps the MSS; the next rule decides.
    Clamp(Tcpmss),
    /// Disables connection tracking, and with it NAT.
    Untrack,
    /// Sets the packet's mark, which policy rules may use for routing.
    Mark,
    /// The packet gets a source address from this range.
    Source(Ipv4Addr, Ipv4Addr),
    /// Only counts or logs.
    Nothing,
    /// The target was not listed.
    Absent,
    Chain(String),
    /// A chain that does not return.
    Goto(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Yes,
    No,
    Maybe,
}

impl Rule {
    /// The number of names and addresses it compares.
    pub fn weight(&self) -> usize {
        let of = |(condition, _): &(Condition, bool)| match condition {
            Condition::From(all) | Condition::To(all) | Condition::Protocol(all) => all.len(),
            Condition::Source(Some(all)) | Condition::Destination(Some(all)) => all.len(),
            Condition::Ports(all) => all.len(),
            _ => 0,
        };
        self.conditions.iter().map(of).sum()
    }

    pub fn matches(&self, packet: &Packet) -> Match {
        let mut found = Match::Yes;
        for (condition, not) in &self.conditions {
            // A rule that drops packets to or from one place lets all others through.
            let elsewhere = !not
                && match condition {
                    Condition::Source(_) => packet.response,
                    Condition::Destination(_) => !packet.response || packet.inside.is_none(),
                    _ => false,
                };
            match condition.matches(packet).unless(*not) {
                Match::Maybe
                    if elsewhere
                        && matches!(self.target, Target::Verdict(DROPS) | Target::Untrack) =>
                {
                    return Match::No;
                }
                Match::Yes => {}
                Match::No => return Match::No,
                Match::Maybe => found = Match::Maybe,
            }
        }
        found
    }
}

impl Match {
    fn unless(self, not: bool) -> Match {
        match (self, not) {
            (Match::Yes, true) => Match::No,
            (Match::No, true) => Match::Yes,
            (found, _) => found,
        }
    }
}

impl Condition {
    fn matches(&self, packet: &Packet) -> Match {
        let surely = |holds: bool| if holds { Match::Yes } else { Match::No };
        let is_device = |patterns: &[String], name: &str| {
            let mut patterns = patterns.iter();
            surely(patterns.any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            }))
        };
        match self {
            Condition::From(names) => is_device(names, packet.from),
            Condition::To(names) => is_device(names, packet.to),
            Condition::Source(Some(nets)) if packet.response => packet.is_anywhere(nets),
            Condition::Source(Some(nets)) => packet.is_in(nets),
            Condition::Destination(Some(nets)) if packet.response => packet.is_in(nets),
            Condition::Destination(Some(nets)) => match packet.destination {
                Some(address) => surely(nets.iter().any(|net| net.contains(&address))),
                None => packet.is_anywhere(nets),
            },
            Condition::State { new, established } => surely(match packet.response {
                true => *established,
                false => *new,
            }),
            // A response goes to an ephemeral port chosen by the container's kernel.
            Condition::Ports(ranges) if packet.response => {
                let chosen = |range: &(u16, u16)| range.1 >= 1024;
                match ranges.iter().any(chosen) {
                    true => Match::Maybe,
                    false => Match::No,
                }
            }
            Condition::Protocol(names) => {
                surely(names.iter().any(|n| n == packet.protocol || n == "all"))
            }
            Condition::Ports(ranges) => {
                let mut ranges = ranges.iter();
                surely(ranges.any(|(first, last)| (first..=last).contains(&&packet.port)))
            }
            Condition::Always => Match::Yes,
            Condition::Never => Match::No,
            Condition::Source(None) | Condition::Destination(None) | Condition::Other => {
                Match::Maybe
            }
        }
    }
}

/// Whether a packet has exactly `set` of the TCP flags in `looked_at`: SYN on the first packet, ACK on a
/// response, and SYN as well on the first response.
pub fn flags(looked_at: &[&str], set: &[&str]) -> Condition {
    let is = |flag: &str, name: &str| flag.eq_ignore_ascii_case(name) || flag == "ALL";
    let looks = |name: &str| looked_at.iter().any(|flag| is(flag, name));
    let only = |name: &str| {
        let mut set = set.iter();
        set.len() == 1 && set.all(|flag| flag.eq_ignore_ascii_case(name))
    };
    let none = set.iter().all(|flag| *flag == "NONE");
    Condition::State {
        new: if looks("syn") { only("syn") } else { none },
        established: match looks("ack") {
            true => only("ack"),
            false => none,
        },
    }
}
