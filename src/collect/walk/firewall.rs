//! What iptables' rules do with packets that pass through a namespace: follows a new TCP connection
//! from each network through the FORWARD chain. What cannot be told for certain is not a drop.

use super::frames::Record;
use crate::evidence::{Firewall, FirewallKind};
use std::collections::BTreeMap;

const MOST_RULES: usize = 5000;
/// Rules that are looked at for all packets together: chains may lead anywhere.
const MOST_STEPS: usize = 1_000_000;
const DEEPEST: usize = 8;

/// Each kind of iptables that has a FORWARD chain here; nothing where none could be listed.
/// `networks` are the interfaces that packets come from, `way_out` the one that they leave by.
pub fn firewalls(
    record: &Record,
    networks: &[&str],
    way_out: Option<&str>,
) -> Option<Vec<Firewall>> {
    let mut listed = false;
    let mut found: Vec<Firewall> = Vec::new();
    let mut saves: Vec<(FirewallKind, Vec<&str>)> = Vec::new();
    for line in record.lines() {
        match line.strip_prefix("# from ") {
            Some(command) => saves.push((kind(command), Vec::new())),
            None if line == "# read" => listed = true,
            None => {
                if let Some((_, lines)) = saves.last_mut() {
                    lines.push(line);
                }
            }
        }
    }
    for (kind, lines) in saves {
        let Some(table) = Table::parse(&lines) else {
            continue;
        };
        let firewall = table.firewall(kind, networks, way_out);
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
    listed.then_some(found)
}

fn kind(command: &str) -> FirewallKind {
    match command {
        "iptables-legacy-save" => FirewallKind::Legacy,
        "iptables-nft-save" => FirewallKind::NfTables,
        _ => FirewallKind::Iptables,
    }
}

/// The filter table, as far as it decides on what passes through.
struct Table<'a> {
    drops_by_default: bool,
    chains: BTreeMap<&'a str, Vec<Rule>>,
}

impl<'a> Table<'a> {
    fn parse(lines: &[&'a str]) -> Option<Table<'a>> {
        let mut table = Table {
            drops_by_default: false,
            chains: BTreeMap::new(),
        };
        let (mut within, mut there) = (false, false);
        for line in lines.iter().take(MOST_RULES) {
            if let Some(name) = line.strip_prefix('*') {
                within = name == "filter";
            } else if let (true, Some(policy)) = (within, line.strip_prefix(":FORWARD ")) {
                there = true;
                table.drops_by_default = policy.starts_with("DROP");
            } else if let (true, Some(rule)) = (within, line.strip_prefix("-A ")) {
                let (chain, rule) = rule.split_once(' ').unwrap_or((rule, ""));
                table
                    .chains
                    .entry(chain)
                    .or_default()
                    .push(Rule::parse(rule));
            }
        }
        (there && lines.len() <= MOST_RULES).then_some(table)
    }

    fn firewall(&self, kind: FirewallKind, networks: &[&str], way_out: Option<&str>) -> Firewall {
        let mut steps = MOST_STEPS;
        let rules = self.chains.values().map(Vec::len).sum::<usize>();
        let mut firewall = Firewall {
            kind,
            drops_by_default: self.drops_by_default,
            rules: i64::try_from(rules).unwrap_or(i64::MAX),
            drops_from: Vec::new(),
            drops_by_rule: Vec::new(),
        };
        for from in networks {
            let Some(to) = way_out else { break };
            let packet = Packet { from, to };
            match self.follow("FORWARD", &packet, 0, &mut steps) {
                Verdict::Drops => firewall.drops_by_rule.push((*from).to_owned()),
                Verdict::Falls if self.drops_by_default => {
                    firewall.drops_from.push((*from).to_owned());
                }
                _ => {}
            }
        }
        firewall
    }

    fn follow(&self, chain: &str, packet: &Packet, depth: usize, steps: &mut usize) -> Verdict {
        let Some(rules) = self.chains.get(chain) else {
            // Docker's own were all listed, so this one is empty; what others do is not known.
            return match chain.starts_with("DOCKER-") || chain == "FORWARD" {
                true => Verdict::Falls,
                false => Verdict::Unclear,
            };
        };
        let mut unclear = depth > DEEPEST;
        for rule in rules {
            if *steps == 0 {
                return Verdict::Unclear;
            }
            *steps -= 1;
            let certain = match rule.matches(packet) {
                Match::No => continue,
                found => found == Match::Yes && !unclear,
            };
            let verdict = match &rule.target {
                _ if depth > DEEPEST => Verdict::Unclear,
                Target::Accept => Verdict::Accepts,
                Target::Drop => Verdict::Drops,
                Target::Return if certain => return Verdict::Falls,
                Target::Return => Verdict::Unclear,
                Target::Nothing => Verdict::Falls,
                Target::Chain(name) => self.follow(name, packet, depth + 1, steps),
            };
            match verdict {
                Verdict::Falls => {}
                Verdict::Accepts | Verdict::Drops if certain => return verdict,
                // A drop that may be changes nothing about one that is.
                Verdict::Drops => {}
                Verdict::Accepts | Verdict::Unclear => unclear = true,
            }
        }
        match unclear {
            true => Verdict::Unclear,
            false => Verdict::Falls,
        }
    }
}

/// The first packet of a TCP connection on its way out.
struct Packet<'a> {
    from: &'a str,
    to: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepts,
    Drops,
    /// The chain's end: who led here, or the policy, goes on.
    Falls,
    Unclear,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Maybe,
}

enum Target {
    Accept,
    Drop,
    Return,
    /// It only marks, counts or logs.
    Nothing,
    Chain(String),
}

struct Rule {
    from: Option<Device>,
    to: Option<Device>,
    /// It does not match new TCP connections at all.
    never: bool,
    /// It has conditions that are not judged here.
    more: bool,
    target: Target,
}

struct Device {
    name: String,
    not: bool,
}

impl Rule {
    fn parse(text: &str) -> Rule {
        let mut rule = Rule {
            from: None,
            to: None,
            never: false,
            more: false,
            target: Target::Nothing,
        };
        let words = words(text);
        let mut words = words.iter().map(String::as_str);
        let mut not = false;
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            let negated = std::mem::take(&mut not);
            match word {
                "!" => not = true,
                "-i" => rule.from = Some(Device::new(value(), negated)),
                "-o" => rule.to = Some(Device::new(value(), negated)),
                "-m" | "--comment" => drop(value()),
                "-p" => rule.never |= (value() == "tcp") == negated,
                "--ctstate" | "--state" => {
                    rule.never |= value().split(',').any(|state| state == "NEW") == negated;
                }
                "-j" => {
                    rule.target = target(value());
                    // What follows belongs to the target.
                    break;
                }
                _ => rule.more = true,
            }
        }
        rule
    }

    fn matches(&self, packet: &Packet) -> Match {
        let is = |device: &Option<Device>, name: &str| device.as_ref().is_none_or(|d| d.is(name));
        if self.never || !is(&self.from, packet.from) || !is(&self.to, packet.to) {
            return Match::No;
        }
        match self.more {
            true => Match::Maybe,
            false => Match::Yes,
        }
    }
}

impl Device {
    fn new(name: &str, not: bool) -> Device {
        Device {
            name: name.to_owned(),
            not,
        }
    }

    fn is(&self, name: &str) -> bool {
        let same = match self.name.strip_suffix('+') {
            Some(start) => name.starts_with(start),
            None => name == self.name,
        };
        same != self.not
    }
}

fn target(name: &str) -> Target {
    const ONLY_NOTE: [&str; 10] = [
        "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "CLASSIFY", "TRACE", "AUDIT", "SET",
    ];
    match name {
        "ACCEPT" => Target::Accept,
        "DROP" | "REJECT" => Target::Drop,
        "RETURN" => Target::Return,
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
