//! Parses the output of `iptables-save`.

use super::chains::{
    ACCEPTS, Condition, DROPS, FALLS, Hook, Rule, Ruleset, Stage, TRANSLATES, Target, UNCLEAR,
    flags,
};
use crate::evidence::Tcpmss;

pub const FILTER: &str = "filter";
pub const FORWARD: &str = "FORWARD";
const NAT: &str = "nat";

/// The chains that a packet traverses, with the kernel's hook priorities.
const HOOKS: [(&str, &str, Stage, i64); 12] = [
    ("raw", "PREROUTING", Stage::Prerouting, -300),
    ("mangle", "PREROUTING", Stage::Prerouting, -150),
    ("mangle", FORWARD, Stage::Forward, -150),
    (FILTER, FORWARD, Stage::Forward, 0),
    ("mangle", "POSTROUTING", Stage::Postrouting, -150),
    ("mangle", "INPUT", Stage::Input, -150),
    (FILTER, "INPUT", Stage::Input, 0),
    ("raw", "OUTPUT", Stage::Output, -300),
    ("mangle", "OUTPUT", Stage::Output, -150),
    (FILTER, "OUTPUT", Stage::Output, 0),
    (NAT, "PREROUTING", Stage::Prerouting, -100),
    (NAT, "POSTROUTING", Stage::Postrouting, 100),
];

/// The MSS of a network with Docker's default MTU, for rules that match on it.
const USUAL_MSS: u16 = 1460;

/// `of_nft`: the rules may have been created with `nft`. iptables omits what it cannot express, including
/// the target.
pub fn parse(lines: &[&str], of_nft: bool) -> Ruleset {
    let mut all = Ruleset::default();
    let mut table = "";
    for line in lines {
        if let Some(next) = line.strip_prefix('*') {
            table = next;
        } else if let Some((name, policy)) = line.strip_prefix(':').and_then(|l| l.split_once(' '))
        {
            let mut hooks = HOOKS.iter();
            let hook = hooks.find(|(of, chain, ..)| (*of, *chain) == (table, name));
            let chain = all.chain(table, name);
            chain.drops_by_default = policy.starts_with("DROP");
            chain.hook = hook.map(|(_, _, stage, priority)| Hook {
                stage: *stage,
                priority: *priority,
                translates: table == NAT,
            });
            all.of_docker |= (table, name) == (NAT, "DOCKER");
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let (name, rule) = rule.split_once(' ').unwrap_or((rule, ""));
            let mut rule = parse_rule(rule);
            if of_nft && matches!(rule.target, Target::Absent) {
                all.in_part.insert(table.to_owned());
                rule.conditions.push((Condition::Other, false));
                rule.target = Target::Verdict(UNCLEAR);
            }
            all.chain(table, name).rules.push(rule);
        }
    }
    all
}

fn parse_rule(text: &str) -> Rule {
    let mut rule = Rule {
        conditions: Vec::new(),
        target: Target::Absent,
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
            "--syn" => Condition::State {
                new: true,
                established: false,
            },
            "--tcp-flags" => {
                let looked_at: Vec<&str> = value().split(',').collect();
                flags(&looked_at, &value().split(',').collect::<Vec<_>>())
            }
            "--mss" => match ports(value()) {
                Condition::Ports(ranges) => sizes(&ranges),
                other => other,
            },
            "-i" => Condition::From(vec![device(value())]),
            "-o" => Condition::To(vec![device(value())]),
            "-s" => Condition::Source(value().parse().ok().map(|net| vec![net])),
            "-d" => Condition::Destination(value().parse().ok().map(|net| vec![net])),
            "-p" => Condition::Protocol(vec![value().to_owned()]),
            "--dport" | "--dports" => ports(value()),
            "--ctstate" | "--state" => {
                let states: Vec<&str> = value().split(',').collect();
                Condition::State {
                    new: states.contains(&"NEW"),
                    established: states.contains(&"ESTABLISHED"),
                }
            }
            "--dst-type" | "--src-type" if value() == "LOCAL" => Condition::Never,
            "-j" | "-g" => {
                let goes = word == "-g";
                let name = value();
                rule.target = match target(name) {
                    Target::Chain(name) if goes => Target::Goto(name),
                    Target::Nothing if name == "TCPMSS" => clamp(words),
                    Target::Nothing if name == "CT" => match words.next() {
                        Some("--notrack") => Target::Untrack,
                        _ => Target::Nothing,
                    },
                    Target::Verdict(TRANSLATES) if name == "SNAT" => snat(words),
                    target => target,
                };
                // What follows belongs to the target.
                break;
            }
            _ => Condition::Other,
        };
        rule.conditions.push((condition, negated));
    }
    rule
}

fn clamp<'a>(mut options: impl Iterator<Item = &'a str>) -> Target {
    match (options.next(), options.next()) {
        (Some("--clamp-mss-to-pmtu"), _) => Target::Clamp(Tcpmss::PathMtu),
        (Some("--set-mss"), Some(mss)) => match mss.parse() {
            Ok(mss) => Target::Clamp(Tcpmss::Mss(mss)),
            Err(_) => Target::Nothing,
        },
        _ => Target::Nothing,
    }
}

/// `--to-source 192.0.2.1`, which may be a range and have ports.
fn snat<'a>(mut options: impl Iterator<Item = &'a str>) -> Target {
    let Some(to) = options
        .find(|word| *word == "--to-source")
        .and(options.next())
    else {
        return Target::Verdict(TRANSLATES);
    };
    let addresses = to.split(':').next().unwrap_or_default();
    let (first, last) = addresses.split_once('-').unwrap_or((addresses, addresses));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => Target::Source(first, last),
        _ => Target::Verdict(UNCLEAR),
    }
}

fn device(name: &str) -> String {
    match name.strip_suffix('+') {
        Some(start) => format!("{start}*"),
        None => name.to_owned(),
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

/// Whether the MSS of a connection lies in one of these ranges.
pub fn sizes(ranges: &[(u16, u16)]) -> Condition {
    let mut ranges = ranges.iter();
    match ranges.any(|(first, last)| (first..=last).contains(&&USUAL_MSS)) {
        true => Condition::Always,
        false => Condition::Other,
    }
}

/// The effect of a target, by its name; any other name is that of a chain.
pub fn target(name: &str) -> Target {
    const ONLY_NOTE: [&str; 13] = [
        "LOG",
        "NFLOG",
        "ULOG",
        "TCPMSS",
        "CLASSIFY",
        "TRACE",
        "AUDIT",
        "SET",
        "CT",
        "DSCP",
        "TOS",
        "CHECKSUM",
        "CONNSECMARK",
    ];
    match name {
        "ACCEPT" => Target::Verdict(ACCEPTS),
        "DROP" | "REJECT" => Target::Verdict(DROPS),
        "RETURN" => Target::Verdict(FALLS),
        "NOTRACK" => Target::Untrack,
        "MARK" | "CONNMARK" => Target::Mark,
        "MASQUERADE" | "SNAT" | "NETMAP" | "DNAT" | "REDIRECT" | "TPROXY" => {
            Target::Verdict(TRANSLATES)
        }
        name if ONLY_NOTE.contains(&name) => Target::Nothing,
        name => Target::Chain(name.to_owned()),
    }
}

/// The words of a rule; a quoted comment is one word.
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
