//! The rules of one kind of firewall, and their effect on a packet. What cannot be decided is unclear,
//! never a drop.

pub use super::rules::{
    ACCEPTS, Condition, DROPS, FALLS, Match, NOTHING, Packet, Rule, TRANSLATES, Target, UNCLEAR,
    Verdicts, Way, flags,
};
use crate::evidence::Tcpmss;
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// Limits the rules evaluated for all packets together: chains may jump anywhere.
const MOST_STEPS: usize = 10_000_000;
const DEEPEST: usize = 8;

/// Where a packet meets a base chain, in the kernel's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl Stage {
    fn is_on(self, way: Way) -> bool {
        match self {
            Stage::Prerouting => way != Way::Out,
            Stage::Input => way == Way::In,
            Stage::Forward => way == Way::Through,
            Stage::Output => way == Way::Out,
            Stage::Postrouting => way != Way::In,
        }
    }
}

/// The hook of a base chain, with its priority.
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
    /// Whether it has Docker's own NAT chains.
    pub of_docker: bool,
    /// Tables whose rules were only partly listed.
    pub in_part: BTreeSet<String>,
    /// Whether it contains something that is not evaluated and may drop any packet.
    pub unclear: bool,
}

/// The packet gets a source address that this namespace does not have.
const DISGUISES: Verdicts = 32;

/// The source address with which a packet leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An address of this namespace.
    Own,
    /// The container's address.
    Kept,
    Foreign(Ipv4Addr),
    Unclear,
}

/// What happens to a packet before it is routed.
pub struct Before {
    /// Whether its connection is exempt from connection tracking, and so from NAT.
    pub untracked: Match,
    /// Whether it may get a mark.
    pub marked: bool,
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

/// Whether a rule clamps the MSS of a connection.
pub enum Clamped {
    Never,
    Perhaps,
    To(Tcpmss),
}

/// The remaining steps, and what was found on the way.
pub struct Trace {
    steps: usize,
    clamp: Option<Tcpmss>,
    perhaps_clamped: bool,
    untracked: Match,
    marked: bool,
    foreign: Option<Ipv4Addr>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace {
            steps: MOST_STEPS,
            clamp: None,
            perhaps_clamped: false,
            untracked: Match::No,
            marked: false,
            foreign: None,
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

    /// The base chains that the kernel evaluates for a packet, in order.
    fn called(&self, translates: bool, way: Way) -> Vec<(&str, &str, &Chain)> {
        let chains = self.chains.iter();
        let mut called: Vec<_> = chains
            .filter_map(|((table, name), chain)| {
                let hook = chain.hook.as_ref()?;
                let fits = hook.translates == translates && hook.stage.is_on(way);
                fits.then_some((hook, table.as_str(), name.as_str(), chain))
            })
            .collect();
        called.sort_by_key(|(hook, ..)| *hook);
        let without_hook = |(_, table, name, chain)| (table, name, chain);
        called.into_iter().map(without_hook).collect()
    }

    pub fn fate(&self, packet: &Packet, trace: &mut Trace) -> Fate<'_> {
        let mut unclear = self.unclear;
        // A response gets its container's address only after these chains.
        let before = Packet {
            inside: packet.inside.filter(|_| !packet.response),
            ..*packet
        };
        for (table, name, chain) in self.called(false, packet.way) {
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

    /// Whether a packet is redirected, to another address or to a local program.
    pub fn diverts(&self, packet: &Packet, trace: &mut Trace) -> bool {
        let mut chains = self.called(true, packet.way).into_iter();
        chains.any(|(table, _, chain)| {
            chain.is_at(Stage::Prerouting)
                && self.follow(table, chain, packet, 0, true, trace) == TRANSLATES
        })
    }

    /// What rules do with a packet before it is routed. Connections are tracked at priority -200: later
    /// rules about tracking have no effect.
    pub fn before_routing(&self, packet: &Packet, trace: &mut Trace) -> Before {
        const TRACKING: i64 = -200;
        (trace.untracked, trace.marked) = (Match::No, false);
        let packet = Packet {
            inside: packet.inside.filter(|_| !packet.response),
            ..*packet
        };
        for ((table, _), chain) in &self.chains {
            let Some(hook) = &chain.hook else { continue };
            if hook.translates || hook.stage != Stage::Prerouting {
                continue;
            }
            let untracked = trace.untracked;
            self.follow(table, chain, &packet, 0, true, trace);
            if hook.priority >= TRACKING {
                trace.untracked = untracked;
            }
        }
        Before {
            untracked: trace.untracked,
            marked: trace.marked || trace.steps == 0,
        }
    }

    /// The source address with which a packet leaves. The first chain that sets one decides.
    pub fn source(&self, packet: &Packet, trace: &mut Trace) -> Source {
        let mut unclear = false;
        trace.foreign = None;
        for (table, _, chain) in self.called(true, packet.way) {
            if !chain.is_at(Stage::Postrouting) {
                continue;
            }
            let verdicts = self.follow(table, chain, packet, 0, true, trace);
            match (verdicts, trace.foreign) {
                (TRANSLATES, _) => return Source::Own,
                (DISGUISES, Some(address)) => return Source::Foreign(address),
                _ => unclear |= verdicts & (TRANSLATES | DISGUISES | UNCLEAR) != NOTHING,
            }
        }
        match unclear {
            true => Source::Unclear,
            false => Source::Kept,
        }
    }

    /// The single addresses of a packet's network that NAT rules match as a source.
    pub fn addresses(&self, packet: &Packet) -> BTreeSet<Ipv4Addr> {
        let Some(inside) = packet.inside else {
            return BTreeSet::new();
        };
        let chains = self.called(true, packet.way).into_iter();
        let chains = chains.filter(|(.., chain)| chain.is_at(Stage::Postrouting));
        // Plugins that use nftables keep them in a separate chain.
        let tables: BTreeSet<&str> = chains.map(|(table, ..)| table).collect();
        let of_tables = self.chains.iter();
        let of_tables = of_tables.filter(|((table, _), _)| tables.contains(table.as_str()));
        let rules = of_tables.flat_map(|(_, chain)| &chain.rules);
        let conditions = rules.flat_map(|rule| &rule.conditions);
        let named = conditions.filter_map(|(condition, not)| match condition {
            Condition::Source(Some(nets)) if !not => Some(nets),
            _ => None,
        });
        let single = |net: &&Ipv4Net| net.prefix_len() == 32 && inside.contains(*net);
        named.flatten().filter(single).map(Ipv4Net::addr).collect()
    }

    /// Whether the MSS of a new connection is clamped on its way out.
    pub fn clamped(&self, packet: &Packet, trace: &mut Trace) -> Clamped {
        (trace.clamp, trace.perhaps_clamped) = (None, false);
        for (table, _, chain) in self.called(false, packet.way) {
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

    /// All possible verdicts for a packet in a chain; `certain` if it definitely reaches the chain.
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
                    // Docker's own chains that were not listed had no rules; any other name is not a
                    // chain but a target extension.
                    None if name.starts_with("DOCKER-") => FALLS,
                    None => UNCLEAR,
                }
            };
            // If a packet returns from a chain, the next rule decides.
            let (here, comes_back) = match &rule.target {
                Target::Verdict(verdict) => (*verdict, false),
                Target::Nothing | Target::Absent => continue,
                Target::Mark => {
                    trace.marked = true;
                    continue;
                }
                Target::Untrack => {
                    match certain {
                        true => trace.untracked = Match::Yes,
                        false if trace.untracked == Match::No => trace.untracked = Match::Maybe,
                        false => {}
                    }
                    continue;
                }
                Target::Source(first, last) => match packet.own {
                    Some(own) if !own.iter().any(|a| (first..=last).contains(&a)) => {
                        trace.foreign = trace.foreign.or(Some(*first));
                        (DISGUISES, false)
                    }
                    Some(_) => (TRANSLATES, false),
                    None => (UNCLEAR, false),
                },
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
