//! The rules of one kind of firewall, and what becomes of a packet that passes through them. What cannot be
//! decided is unclear, and no drop.

use crate::evidence::Tcpmss;
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Rules that are evaluated for all packets together: chains may lead anywhere.
const MOST_STEPS: usize = 10_000_000;
const DEEPEST: usize = 8;

/// The first packet of a connection on its way out, to somewhere in the world unless its destination is
/// known.
pub struct Packet<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub source: Option<Ipv4Net>,
    pub destination: Option<Ipv4Addr>,
    pub protocol: &'static str,
    pub port: u16,
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
    /// A condition that holds of every new IPv4 connection through here.
    Always,
    /// A condition that holds of no new IPv4 connection through here.
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
    Chain(String),
    /// A chain that does not come back.
    Goto(String),
}

/// A set of what may become of a packet.
pub type Verdicts = u8;
pub const NOTHING: Verdicts = 0;
pub const ACCEPTS: Verdicts = 1;
pub const DROPS: Verdicts = 2;
/// It gets an address of this namespace.
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
        for (table, name, chain) in self.called(false) {
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

    /// Whether a packet leaves with an address of this namespace. The first chain that gives it one decides.
    pub fn translates(&self, packet: &Packet, trace: &mut Trace) -> Option<bool> {
        let mut unclear = false;
        for (table, _, chain) in self.called(true) {
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
        let passes = |chain: &Chain| {
            let hook = chain.hook.as_ref();
            hook.is_some_and(|hook| hook.stage != Stage::Prerouting)
        };
        for (table, _, chain) in self.called(false) {
            if passes(chain) {
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
                Target::Nothing => continue,
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
            // A rule that drops what goes to one place lets all else out.
            let elsewhere = matches!(condition, Condition::Destination(_)) && !not;
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
            Condition::Source(Some(nets)) => match packet.source {
                Some(source) if nets.iter().any(|net| net.contains(&source)) => Match::Yes,
                Some(source) if !nets.iter().any(|net| source.contains(net)) => Match::No,
                _ => Match::Maybe,
            },
            Condition::Destination(Some(nets)) => match packet.destination {
                Some(address) => surely(nets.iter().any(|net| net.contains(&address))),
                None if nets.iter().any(|net| net.prefix_len() == 0) => Match::Yes,
                None => Match::Maybe,
            },
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

/// Whether a SYN has exactly these of the TCP flags that a rule looks at.
pub fn flags(looked_at: &[&str], set: &[&str]) -> Condition {
    let looks = looked_at
        .iter()
        .any(|flag| matches!(*flag, "syn" | "SYN" | "ALL"));
    let only_syn = set.iter().all(|flag| matches!(*flag, "syn" | "SYN"));
    let fits = match looks {
        true => only_syn && !set.is_empty(),
        false => set.iter().all(|flag| *flag == "NONE"),
    };
    match fits {
        true => Condition::Always,
        false => Condition::Never,
    }
}
