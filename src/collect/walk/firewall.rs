//! What iptables' rules do with packets that pass through a namespace: follows new connections from
//! each network through every table. What cannot be told for certain is unclear, and no drop.

use super::frames::Record;
use crate::evidence::{Block, Firewall, FirewallKind, Nat};
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Lines of a listing that are followed.
pub const MOST_RULES: usize = 20_000;
/// Rules that are looked at for all packets together: chains may lead anywhere.
const MOST_STEPS: usize = 10_000_000;
const DEEPEST: usize = 8;

/// Whose packets are followed.
pub struct Networks<'a> {
    /// The interfaces that they come from, each with the subnet on it.
    pub from: Vec<(&'a str, Option<Ipv4Net>)>,
    /// The interface that they leave by.
    pub way_out: Option<&'a str>,
    /// Whom names are asked of.
    pub name_server: Option<Ipv4Addr>,
}

/// Each kind of iptables that has rules for what passes here; nothing where none could be listed.
pub fn firewalls(record: &Record, networks: &Networks) -> Option<Vec<Firewall>> {
    let mut found: Vec<Firewall> = Vec::new();
    let mut saves: Vec<(FirewallKind, Vec<&str>, bool)> = Vec::new();
    for line in record.lines() {
        match (line.strip_prefix("# from "), saves.last_mut()) {
            (Some(command), _) => saves.push((kind(command), Vec::new(), false)),
            (None, Some((_, _, read))) if line == "# read" => *read = true,
            (None, Some((_, lines, _))) => lines.push(line),
            (None, None) => {}
        }
    }
    saves.retain(|(_, _, read)| *read);
    if saves.is_empty() {
        return None;
    }
    for (kind, lines, _) in saves {
        let tables = Tables::parse(&lines);
        let firewall = tables.firewall(kind, networks);
        // `iptables-save` is one of the two others under its plain name.
        let same = |other: &Firewall| {
            Firewall {
                kind,
                ..other.clone()
            } == firewall
        };
        found.retain(|other| other.kind != FirewallKind::Iptables || !same(other));
        found.push(firewall);
    }
    Some(found)
}

fn kind(command: &str) -> FirewallKind {
    match command {
        "iptables-legacy-save" => FirewallKind::Legacy,
        "iptables-nft-save" => FirewallKind::NfTables,
        _ => FirewallKind::Iptables,
    }
}

/// The tables of one kind of iptables, by name.
struct Tables<'a>(BTreeMap<&'a str, Table<'a>>);

#[derive(Default)]
struct Table<'a> {
    /// The chains that were listed, and of the kernel's own whether they drop by default.
    listed: BTreeMap<&'a str, bool>,
    rules: BTreeMap<&'a str, Vec<Rule>>,
}

/// What a forwarded packet passes, in this order.
const HOOKS: [(&str, &str); 5] = [
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("mangle", "FORWARD"),
    (FILTER, FORWARD),
    ("mangle", "POSTROUTING"),
];
const FILTER: &str = "filter";
const FORWARD: &str = "FORWARD";
const NAT: &str = "nat";

impl<'a> Tables<'a> {
    fn parse(lines: &[&'a str]) -> Tables<'a> {
        let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
        let mut name = "";
        for line in lines {
            if let Some(next) = line.strip_prefix('*') {
                name = next;
                tables.entry(name).or_default();
                continue;
            }
            let Some(table) = tables.get_mut(name) else {
                continue;
            };
            if let Some((chain, policy)) = line.strip_prefix(':').and_then(|l| l.split_once(' ')) {
                table.listed.insert(chain, policy.starts_with("DROP"));
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let (chain, rule) = rule.split_once(' ').unwrap_or((rule, ""));
                let rules = table.rules.entry(chain).or_default();
                rules.push(Rule::parse(rule));
            }
        }
        tables.retain(|_, table| !table.listed.is_empty());
        Tables(tables)
    }

    fn firewall(&self, kind: FirewallKind, networks: &Networks) -> Firewall {
        let mut steps = MOST_STEPS;
        let filter = self.0.get(FILTER);
        let of_docker = |chain: &str| chain == FORWARD || chain.starts_with("DOCKER-");
        let chains = filter.into_iter().flat_map(|filter| &filter.rules);
        let chains = chains.filter(|(chain, _)| of_docker(chain));
        let rules = chains.map(|(_, rules)| rules.len()).sum::<usize>();
        let mut firewall = Firewall {
            kind,
            drops_by_default: filter.is_some_and(|filter| filter.drops_by_default(FORWARD)),
            rules: i64::try_from(rules).unwrap_or(i64::MAX),
            drops_from: Vec::new(),
            drops_by_rule: Vec::new(),
            blocks: Vec::new(),
            unclear_from: Vec::new(),
            nat: Some(Nat {
                of_docker: self
                    .0
                    .get(NAT)
                    .is_some_and(|nat| nat.listed.contains_key("DOCKER")),
                keeps_address: Vec::new(),
                unclear: Vec::new(),
            }),
        };
        for (from, source) in &networks.from {
            let Some(to) = networks.way_out else { break };
            let packet = |protocol, port, destination| Packet {
                from,
                to,
                source: *source,
                destination,
                protocol,
                port,
            };
            let https = packet("tcp", 443, None);
            self.judge(&mut firewall, &https, &packet("tcp", 80, None), &mut steps);
            let names = packet("udp", 53, networks.name_server);
            let all = |block: &Block| block.from == *from && block.packets.is_none();
            if let Fate::Dropped(table, chain, _) = self.fate(&names, &mut steps)
                && !firewall.drops(from)
                && !firewall.blocks.iter().any(all)
            {
                firewall
                    .blocks
                    .push(names.block(Some("UDP port 53"), table, chain));
            }
            if let Some(nat) = &mut firewall.nat {
                match self.translates(&https, &mut steps) {
                    Some(true) => {}
                    Some(false) => nat.keeps_address.push((*from).to_owned()),
                    None => nat.unclear.push((*from).to_owned()),
                }
            }
        }
        firewall
    }

    /// What becomes of new TCP connections to the two ports that builds download from.
    fn judge(&self, firewall: &mut Firewall, https: &Packet, http: &Packet, steps: &mut usize) {
        let from = https.from.to_owned();
        let (of_https, of_http) = (self.fate(https, steps), self.fate(http, steps));
        match (of_https, of_http) {
            (Fate::Dropped(FILTER, FORWARD, true), Fate::Dropped(..)) => {
                firewall.drops_from.push(from);
            }
            (Fate::Dropped(FILTER, FORWARD, false), Fate::Dropped(..)) => {
                firewall.drops_by_rule.push(from);
            }
            (Fate::Dropped(table, chain, _), Fate::Dropped(..)) => {
                firewall.blocks.push(https.block(None, table, chain));
            }
            (Fate::Dropped(table, chain, _), _) => {
                firewall
                    .blocks
                    .push(https.block(Some("TCP port 443"), table, chain));
            }
            (_, Fate::Dropped(table, chain, _)) => {
                firewall
                    .blocks
                    .push(http.block(Some("TCP port 80"), table, chain));
            }
            (Fate::Unclear, _) | (_, Fate::Unclear) => firewall.unclear_from.push(from),
            (Fate::Passes, Fate::Passes) => {}
        }
    }

    fn fate(&self, packet: &Packet, steps: &mut usize) -> Fate {
        let mut unclear = false;
        for (name, chain) in HOOKS {
            let Some(table) = self.0.get(name) else {
                continue;
            };
            let verdicts = table.follow(chain, packet, 0, steps);
            let by_default = verdicts & FALLS != NOTHING && table.drops_by_default(chain);
            let verdicts = match by_default {
                true => verdicts & !FALLS | DROPS,
                false => verdicts,
            };
            if verdicts == DROPS {
                return Fate::Dropped(name, chain, by_default);
            }
            unclear |= verdicts & (DROPS | UNCLEAR) != NOTHING;
        }
        match unclear {
            true => Fate::Unclear,
            false => Fate::Passes,
        }
    }

    /// Whether a packet leaves with an address of this namespace.
    fn translates(&self, packet: &Packet, steps: &mut usize) -> Option<bool> {
        let Some(table) = self.0.get(NAT) else {
            return Some(false);
        };
        match table.follow("POSTROUTING", packet, 0, steps) {
            TRANSLATES => Some(true),
            verdicts if verdicts & (TRANSLATES | UNCLEAR) == NOTHING => Some(false),
            _ => None,
        }
    }
}

impl Table<'_> {
    fn drops_by_default(&self, chain: &str) -> bool {
        self.listed.get(chain).is_some_and(|drops| *drops)
    }

    /// Everything that may become of a packet in a chain.
    fn follow(&self, chain: &str, packet: &Packet, depth: usize, steps: &mut usize) -> Verdicts {
        let Some(rules) = self.rules.get(chain) else {
            // A chain without rules; what is none, is a program of its own.
            let empty =
                depth == 0 || self.listed.contains_key(chain) || chain.starts_with("DOCKER-");
            return match empty {
                true => FALLS,
                false => UNCLEAR,
            };
        };
        let mut all = NOTHING;
        for rule in rules {
            if *steps == 0 || depth > DEEPEST {
                return all | UNCLEAR;
            }
            *steps -= 1;
            let found = rule.matches(packet);
            if found == Match::No {
                continue;
            }
            // Of a packet that comes back from a chain, the next rule decides.
            let (here, comes_back) = match &rule.target {
                Target::Verdict(verdict) => (*verdict, false),
                Target::Return => (FALLS, false),
                Target::Nothing => continue,
                Target::Chain(name) => {
                    let there = self.follow(name, packet, depth + 1, steps);
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

/// The first packet of a connection on its way out, to somewhere in the world unless its destination is
/// known.
struct Packet<'a> {
    from: &'a str,
    to: &'a str,
    source: Option<Ipv4Net>,
    destination: Option<Ipv4Addr>,
    protocol: &'static str,
    port: u16,
}

impl Packet<'_> {
    fn block(&self, packets: Option<&str>, table: &str, chain: &str) -> Block {
        Block {
            from: self.from.to_owned(),
            packets: packets.map(str::to_owned),
            table: table.to_owned(),
            chain: chain.to_owned(),
        }
    }
}

enum Fate {
    Passes,
    /// In a table and a chain; by its policy.
    Dropped(&'static str, &'static str, bool),
    Unclear,
}

/// A set of what may become of a packet.
type Verdicts = u8;
const NOTHING: Verdicts = 0;
const ACCEPTS: Verdicts = 1;
const DROPS: Verdicts = 2;
/// It gets an address of this namespace.
const TRANSLATES: Verdicts = 4;
/// The chain's end: who led here, or the policy, goes on.
const FALLS: Verdicts = 8;
const UNCLEAR: Verdicts = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Maybe,
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

enum Target {
    Verdict(Verdicts),
    Return,
    /// It only marks, counts or logs.
    Nothing,
    Chain(String),
}

struct Rule {
    conditions: Vec<(Condition, bool)>,
    target: Target,
}

/// What a rule asks of a packet; beside it stands whether the answer is turned round.
enum Condition {
    From(String),
    To(String),
    Source(Option<Ipv4Net>),
    Destination(Option<Ipv4Net>),
    Protocol(String),
    /// Ranges of ports.
    Ports(Vec<(u16, u16)>),
    /// A condition that holds of no new connection through here.
    Never,
    /// One that is not judged here.
    Other,
}

impl Rule {
    fn parse(text: &str) -> Rule {
        let mut rule = Rule {
            conditions: Vec::new(),
            target: Target::Nothing,
        };
        let words = words(text);
        let mut words = words.iter().map(String::as_str);
        let mut not = false;
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            let negated = std::mem::take(&mut not);
            let condition = match word {
                "!" => {
                    not = true;
                    continue;
                }
                "-m" | "--comment" => {
                    value();
                    continue;
                }
                "--syn" => continue,
                "-i" => Condition::From(value().to_owned()),
                "-o" => Condition::To(value().to_owned()),
                "-s" => Condition::Source(value().parse().ok()),
                "-d" => Condition::Destination(value().parse().ok()),
                "-p" => Condition::Protocol(value().to_owned()),
                "--dport" | "--dports" => ports(value()),
                "--ctstate" | "--state" => match value().split(',').any(|state| state == "NEW") {
                    true => continue,
                    false => Condition::Never,
                },
                "--dst-type" | "--src-type" if value() == "LOCAL" => Condition::Never,
                "-j" | "-g" => {
                    rule.target = target(value());
                    // What follows belongs to the target.
                    break;
                }
                _ => Condition::Other,
            };
            rule.conditions.push((condition, negated));
        }
        rule
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

impl Condition {
    fn matches(&self, packet: &Packet) -> Match {
        let surely = |holds: bool| if holds { Match::Yes } else { Match::No };
        match self {
            Condition::From(name) => surely(is_device(name, packet.from)),
            Condition::To(name) => surely(is_device(name, packet.to)),
            Condition::Source(Some(net)) => match packet.source {
                Some(source) if net.contains(&source) => Match::Yes,
                Some(source) if !source.contains(net) => Match::No,
                _ => Match::Maybe,
            },
            Condition::Destination(Some(net)) => match packet.destination {
                Some(address) => surely(net.contains(&address)),
                None if net.prefix_len() == 0 => Match::Yes,
                None => Match::Maybe,
            },
            Condition::Protocol(name) => surely(name == packet.protocol || name == "all"),
            Condition::Ports(ranges) => {
                let mut ranges = ranges.iter();
                surely(ranges.any(|(first, last)| (first..=last).contains(&&packet.port)))
            }
            Condition::Never => Match::No,
            Condition::Source(None) | Condition::Destination(None) | Condition::Other => {
                Match::Maybe
            }
        }
    }
}

fn is_device(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// `443`, `80,443` or `8000:9000`.
fn ports(text: &str) -> Condition {
    let range = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    match text.split(',').map(range).collect() {
        Some(ranges) => Condition::Ports(ranges),
        None => Condition::Other,
    }
}

fn target(name: &str) -> Target {
    const ONLY_NOTE: [&str; 16] = [
        "LOG",
        "NFLOG",
        "ULOG",
        "MARK",
        "CONNMARK",
        "TCPMSS",
        "CLASSIFY",
        "TRACE",
        "AUDIT",
        "SET",
        "CT",
        "NOTRACK",
        "DSCP",
        "TOS",
        "CHECKSUM",
        "CONNSECMARK",
    ];
    match name {
        "ACCEPT" => Target::Verdict(ACCEPTS),
        "DROP" | "REJECT" => Target::Verdict(DROPS),
        "RETURN" => Target::Return,
        "MASQUERADE" | "SNAT" | "NETMAP" => Target::Verdict(TRANSLATES),
        name if ONLY_NOTE.contains(&name) => Target::Nothing,
        name => Target::Chain(name.to_owned()),
    }
}

/// The words of a rule; a comment in quotes is one, whatever it says.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests;
