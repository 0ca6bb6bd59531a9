//! The rules of one kind of firewall, and what becomes of a packet that passes through them. What cannot be
//! decided is unclear, and no drop.

use crate::evidence::Tcpmss;
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// Rules that are evaluated for all packets together: chains may lead anywhere.
const MOST_STEPS: usize = 10_000_000;
const DEEPEST: usize = 8;

/// The first packet of a connection on its way out, to somewhere in the world unless its destination is
/// known; or a response to one.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// The network that it comes from; of a response, that it goes to.
    pub inside: Option<Ipv4Net>,
    pub destination: Option<Ipv4Addr>,
    pub protocol: &'static str,
    pub port: u16,
    pub response: bool,
}

impl Packet<'_> {
    fn is_in(&self, nets: &[Ipv4Net]) -> Match {
        match self.inside {
            Some(inside) if nets.iter().any(|net| net.contains(&inside)) => Match::Yes,
            Some(inside) if !nets.iter().any(|net| inside.contains(net)) => Match::No,
            _ => Match::Maybe,
        }
    }

    /// Whether these have the other end, which is somewhere in the world: a host, and none of the network
    /// itself.
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

/// Where a packet meets a base chain, in the order of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Prerouting,
    Forward,
    Postrouting,
}

/// A chain that the kernel calls, with its priority among others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hook {
    pub stage: Stage,
    pub priority: i64,
    pub translates: bool,
}

#[derive(Default)]
pub struct Chain {
    pub hook: Option<Hook>,
    pub drops_by_default: bool,
    pub rules: Vec<Rule>,
}

/// All chains of one kind of firewall, by table and name.
#[derive(Default)]
pub struct Ruleset {
    pub chains: BTreeMap<(String, String), Chain>,
    /// Whether it has Docker's own chains for NAT.
    pub of_docker: bool,
    /// Tables with rules that were listed in part.
    pub in_part: BTreeSet<String>,
    /// Whether something in it is not evaluated that may drop a packet from anywhere.
    pub unclear: bool,
}

pub struct Rule {
    /// What it asks of a packet; beside it stands whether the answer is turned round.
    pub conditions: Vec<(Condition, bool)>,
    pub target: Target,
}

#[derive(Clone)]
pub enum Condition {
    /// Names of interfaces, one of which must match; `docker*` stands for all that begin so.
    From(Vec<String>),
    To(Vec<String>),
    Source(Option<Vec<Ipv4Net>>),
    Destination(Option<Vec<Ipv4Net>>),
    Protocol(Vec<String>),
    /// Ranges of destination ports.
    Ports(Vec<(u16, u16)>),
    /// Whether it is the first packet of a connection, or a response; the second holds of responses.
    State {
        new: bool,
        established: bool,
    },
    /// A condition that holds of every IPv4 connection through here.
    Always,
    /// A condition that holds of no IPv4 connection through here.
    Never,
    /// One that is not evaluated.
    Other,
}

#[derive(Clone)]
pub enum Target {
    Verdict(Verdicts),
    /// It lowers the MSS, and the next rule decides.
    Clamp(Tcpmss),
    /// It only marks, counts or logs.
    Nothing,
    /// None was listed.
    Absent,
    Chain(String),
    /// A chain that does not come back.
    Goto(String),
}

/// A set of what may become of a packet.
pub type Verdicts = u8;
pub const NOTHING: Verdicts = 0;
pub const ACCEPTS: Verdicts = 1;
pub const DROPS: Verdicts = 2;
/// It gets an address of this namespace, or before it is routed another destination.
pub const TRANSLATES: Verdicts = 4;
/// The chain's end: who led here, or the policy, goes on.
pub const FALLS: Verdicts = 8;
pub const UNCLEAR: Verdicts = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Maybe,
}

pub enum Fate<'a> {
    Passes,
    Dropped(Place<'a>),
    Unclear,
}

/// Where a packet is dropped.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    pub chain: &'a str,
    pub by_default: bool,
}

/// Whether a rule lowers the MSS of a connection.
pub enum Clamped {
    Never,
    Perhaps,
    To(Tcpmss),
}

/// What is left of the steps, and what was met on the way.
pub struct Trace {
    steps: usize,
    clamp: Option<Tcpmss>,
    perhaps_clamped: bool,
}

impl Default for Trace {
    fn default() -> Self {
        Trace {
            steps: MOST_STEPS,
            clamp: None,
            perhaps_clamped: false,
        }
    }
}

impl Chain {
    pub fn is_at(&self, stage: Stage) -> bool {
        self.hook.as_ref().is_some_and(|hook| hook.stage == stage)
    }
}

impl Ruleset {
    pub fn chain(&mut self, table: &str, name: &str) -> &mut Chain {
        let key = (table.to_owned(), name.to_owned());
        self.chains.entry(key).or_default()
    }

    /// The chains that the kernel calls, in its order.
    fn called(&self, translates: bool) -> Vec<(&str, &str, &Chain)> {
        let chains = self.chains.iter();
        let mut called: Vec<_> = chains
            .filter_map(|((table, name), chain)| {
                let hook = chain.hook.as_ref()?;
                let fits = hook.translates == translates;
                fits.then_some((hook, table.as_str(), name.as_str(), chain))
            })
            .collect();
        called.sort_by_key(|(hook, ..)| *hook);
        let without_hook = |(_, table, name, chain)| (table, name, chain);
        called.into_iter().map(without_hook).collect()
    }

    pub fn fate(&self, packet: &Packet, trace: &mut Trace) -> Fate<'_> {
        let mut unclear = self.unclear;
        // What comes back gets the address of its container after it has passed these.
        let before = Packet {
            inside: packet.inside.filter(|_| !packet.response),
            ..*packet
        };
        for (table, name, chain) in self.called(false) {
            let packet = match chain.is_at(Stage::Prerouting) {
                true => &before,
                false => packet,
            };
            let verdicts = self.follow(table, chain, packet, 0, true, trace);
            let by_default = verdicts & FALLS != NOTHING && chain.drops_by_default;
            let verdicts = match by_default {
                true => verdicts & !FALLS | DROPS,
                false => verdicts,
            };
            if verdicts == DROPS {
                return Fate::Dropped(Place {
                    table,
                    chain: name,
                    by_default,
                });
            }
            unclear |= verdicts & (DROPS | UNCLEAR) != NOTHING;
        }
        match unclear {
            true => Fate::Unclear,
            false => Fate::Passes,
        }
    }

    /// Whether a packet is sent elsewhere, to another address or to a program here.
    pub fn diverts(&self, packet: &Packet, trace: &mut Trace) -> bool {
        let mut chains = self.called(true).into_iter();
        chains.any(|(table, _, chain)| {
            chain.is_at(Stage::Prerouting)
                && self.follow(table, chain, packet, 0, true, trace) == TRANSLATES
        })
    }

    /// Whether a packet leaves with an address of this namespace. The first chain that gives it one decides.
    pub fn translates(&self, packet: &Packet, trace: &mut Trace) -> Option<bool> {
        let mut unclear = false;
        for (table, _, chain) in self.called(true) {
            if !chain.is_at(Stage::Postrouting) {
                continue;
            }
            let verdicts = self.follow(table, chain, packet, 0, true, trace);
            if verdicts == TRANSLATES {
                return Some(true);
            }
            unclear |= verdicts & (TRANSLATES | UNCLEAR) != NOTHING;
        }
        (!unclear).then_some(false)
    }

    /// Whether the MSS of a new connection is lowered on its way out.
    pub fn clamped(&self, packet: &Packet, trace: &mut Trace) -> Clamped {
        (trace.clamp, trace.perhaps_clamped) = (None, false);
        for (table, _, chain) in self.called(false) {
            if !chain.is_at(Stage::Prerouting) {
                self.follow(table, chain, packet, 0, true, trace);
            }
        }
        match (trace.clamp, trace.perhaps_clamped || trace.steps == 0) {
            (Some(clamp), _) => Clamped::To(clamp),
            (None, true) => Clamped::Perhaps,
            (None, false) => Clamped::Never,
        }
    }

    /// Everything that may become of a packet in a chain, which it reaches for certain or not.
    fn follow(
        &self,
        table: &str,
        chain: &Chain,
        packet: &Packet,
        depth: usize,
        certain: bool,
        trace: &mut Trace,
    ) -> Verdicts {
        let mut all = NOTHING;
        for rule in &chain.rules {
            if trace.steps == 0 || depth > DEEPEST {
                return all | UNCLEAR;
            }
            trace.steps = trace.steps.saturating_sub(1 + rule.weight());
            let found = rule.matches(packet);
            if found == Match::No {
                continue;
            }
            let certain = certain && all == NOTHING && found == Match::Yes;
            let to = |name: &str, trace: &mut Trace| {
                let key = (table.to_owned(), name.to_owned());
                match self.chains.get(&key) {
                    Some(next) => self.follow(table, next, packet, depth + 1, certain, trace),
                    // Docker's own chains that were not listed had no rules; any other is no chain but
                    // a program.
                    None if name.starts_with("DOCKER-") => FALLS,
                    None => UNCLEAR,
                }
            };
            // Of a packet that comes back from a chain, the next rule decides.
            let (here, comes_back) = match &rule.target {
                Target::Verdict(verdict) => (*verdict, false),
                Target::Nothing | Target::Absent => continue,
                Target::Clamp(clamp) => {
                    match certain {
                        true => trace.clamp = trace.clamp.or(Some(*clamp)),
                        false => trace.perhaps_clamped = true,
                    }
                    continue;
                }
                Target::Goto(name) => (to(name, trace), false),
                Target::Chain(name) => {
                    let there = to(name, trace);
                    (there & !FALLS, there & FALLS != NOTHING)
                }
            };
            all |= here;
            if found == Match::Yes && !comes_back {
                return all;
            }
        }
        all | FALLS
    }
}

impl Rule {
    /// How many names and addresses it compares.
    fn weight(&self) -> usize {
        let of = |(condition, _): &(Condition, bool)| match condition {
            Condition::From(all) | Condition::To(all) | Condition::Protocol(all) => all.len(),
            Condition::Source(Some(all)) | Condition::Destination(Some(all)) => all.len(),
            Condition::Ports(all) => all.len(),
            _ => 0,
        };
        self.conditions.iter().map(of).sum()
    }

    fn matches(&self, packet: &Packet) -> Match {
        let mut found = Match::Yes;
        for (condition, not) in &self.conditions {
            // A rule that drops what goes to one place, or comes from there, lets all else through.
            let elsewhere = !not
                && match condition {
                    Condition::Source(_) => packet.response,
                    Condition::Destination(_) => !packet.response || packet.inside.is_none(),
                    _ => false,
                };
            match condition.matches(packet).unless(*not) {
                Match::Maybe if elsewhere && matches!(self.target, Target::Verdict(DROPS)) => {
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
            // A response goes to a port that the container's kernel chose.
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

/// Whether a packet has exactly these of the TCP flags that a rule looks at: of the first packet that is SYN,
/// of a response ACK, and in the first one SYN too.
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
