//! What `nft -j list ruleset` lists (libnftables-json(5)), but for the chains that iptables lists as well.

use super::MOST_RULES;
use super::chains::{
    ACCEPTS, Condition, DROPS, FALLS, Hook, Rule, Ruleset, Stage, TRANSLATES, Target, UNCLEAR,
    Verdicts, flags,
};
use super::iptables::{self, sizes};
use crate::evidence::Tcpmss;
use ipnet::Ipv4Net;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// Elements of sets that conditions hold, all together.
const MOST_ELEMENTS: usize = 100_000;

/// Base chains of iptables: table and chain.
pub type Listed = BTreeSet<(String, String)>;

/// The rules for IPv4; nothing where this is no listing, or not a whole one.
pub fn parse(text: &str, listed: &Listed) -> Option<Ruleset> {
    let json: Value = serde_json::from_str(text).ok()?;
    let items = json.get("nftables")?.as_array()?;
    let of = |kind: &'static str| items.iter().filter_map(move |item| item.get(kind));
    let mut reader = Reader::default();
    for set in of("set").chain(of("map")) {
        let elements = set.get("elem").and_then(Value::as_array);
        let elements = elements.map(Vec::as_slice).unwrap_or_default();
        let name = ["family", "table", "name"].map(|key| word(set, key));
        reader.sets.insert(name, elements);
    }
    of("chain").for_each(|chain| reader.add_chain(chain, listed));
    of("rule").for_each(|rule| reader.add_rule(rule));
    Some(reader.found)
}

fn word<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn first(object: &Value) -> Option<(&str, &Value)> {
    let (name, value) = object.as_object()?.iter().next()?;
    Some((name, value))
}

#[derive(Default)]
struct Reader<'a> {
    found: Ruleset,
    /// The elements of sets and maps, by family, table and name.
    sets: HashMap<[&'a str; 3], &'a [Value]>,
    /// Tables for packets below IP; what they match is not evaluated.
    below: BTreeSet<String>,
    rules: usize,
    elements: usize,
}

/// A rule while it is read.
#[derive(Default)]
struct Draft<'a> {
    family: &'a str,
    table: &'a str,
    conditions: Vec<(Condition, bool)>,
    rules: Vec<Rule>,
}

impl Draft<'_> {
    fn then(&mut self, target: Target) {
        self.rules.push(Rule {
            conditions: self.conditions.clone(),
            target,
        });
    }
}

impl<'a> Reader<'a> {
    fn add_chain(&mut self, chain: &'a Value, listed: &Listed) {
        let [family, table, name, hook] =
            ["family", "table", "name", "hook"].map(|key| word(chain, key));
        // kube-proxy's rules are about the addresses of services.
        if !matches!(family, "ip" | "inet" | "bridge" | "netdev") || table == "kube-proxy" {
            return;
        }
        let full = format!("{family} {table}");
        let drops = word(chain, "policy") == "drop";
        let below = matches!(family, "bridge" | "netdev") || hook == "ingress";
        if below && matches!(hook, "ingress" | "egress" | "prerouting" | "input") {
            self.found.unclear |= drops;
            self.below.insert(full.clone());
        }
        let stage = match hook {
            _ if below => None,
            _ if family == "ip" && listed.contains(&(table.to_owned(), name.to_owned())) => None,
            "prerouting" => Some(Stage::Prerouting),
            "input" => Some(Stage::Input),
            "forward" => Some(Stage::Forward),
            "output" => Some(Stage::Output),
            "postrouting" => Some(Stage::Postrouting),
            _ => None,
        };
        let hook = stage.map(|stage| Hook {
            stage,
            priority: chain.get("prio").and_then(Value::as_i64).unwrap_or(0),
            translates: word(chain, "type") == "nat",
        });
        self.found.of_docker |= table == "docker-bridges";
        let chain = self.found.chain(&full, name);
        chain.drops_by_default = drops;
        chain.hook = hook;
    }

    fn add_rule(&mut self, rule: &'a Value) {
        let [family, table, chain] = ["family", "table", "chain"].map(|key| word(rule, key));
        let key = (format!("{family} {table}"), chain.to_owned());
        if !self.found.chains.contains_key(&key) {
            return;
        }
        let mut draft = Draft {
            family,
            table,
            ..Draft::default()
        };
        let statements = rule.get("expr").and_then(Value::as_array);
        for statement in statements.into_iter().flatten() {
            self.read(statement, &mut draft);
        }
        let drops = |rule: &Rule| match rule.target {
            Target::Verdict(verdict) => verdict & (DROPS | UNCLEAR) != 0,
            _ => false,
        };
        self.found.unclear |= self.below.contains(&key.0) && draft.rules.iter().any(drops);
        self.rules += draft.rules.len();
        self.found.unclear |= self.rules > MOST_RULES;
        if let Some(chain) = self.found.chains.get_mut(&key)
            && self.rules <= MOST_RULES
        {
            chain.rules.append(&mut draft.rules);
        }
    }

    /// Reads a statement: a condition of those that follow, or something that is done.
    fn read(&mut self, statement: &'a Value, draft: &mut Draft<'a>) {
        let Some((name, value)) = first(statement) else {
            return;
        };
        match name {
            "match" => {
                let op = word(value, "op");
                let (left, right) = (&value["left"], &value["right"]);
                let found = self.conditions(left, op, right, draft);
                draft.conditions.extend(found);
            }
            "vmap" => self.read_map(&value["key"], &value["data"], draft),
            "limit" | "quota" | "ct count" => draft.conditions.push((Condition::Other, false)),
            "mangle" => {
                if let Some(clamp) = clamp(value) {
                    draft.then(Target::Clamp(clamp));
                } else if value["key"]
                    .get("meta")
                    .is_some_and(|m| word(m, "key") == "mark")
                {
                    draft.then(Target::Mark);
                }
            }
            "xt" if word(value, "type") == "match" => {
                draft.conditions.push((Condition::Other, false));
            }
            "notrack" => draft.then(Target::Untrack),
            "snat" => draft.then(snat(value)),
            "counter" | "log" | "set" | "flow" | "last" | "dup" | "secmark" | "ct helper"
            | "ct timeout" | "ct expectation" => {}
            name => draft.then(target(name, value)),
        }
    }

    /// A map of verdicts, as a rule for each element.
    fn read_map(&mut self, key: &'a Value, data: &'a Value, draft: &mut Draft<'a>) {
        let elements = self.elements(data, draft);
        let Some(elements) = elements.filter(|all| self.rules + all.len() <= MOST_RULES) else {
            draft.conditions.push((Condition::Other, false));
            return draft.then(Target::Verdict(UNCLEAR));
        };
        for element in elements {
            let Some([matched, verdict]) = element.as_array().map(Vec::as_slice) else {
                continue;
            };
            let mut conditions = draft.conditions.clone();
            if matched != "*" {
                conditions.extend(self.conditions(key, "==", matched, draft));
            }
            let target = match first(verdict) {
                Some((name, value)) => target(name, value),
                None => Target::Verdict(UNCLEAR),
            };
            draft.rules.push(Rule { conditions, target });
        }
    }

    /// The elements of a set or map, by name or in place.
    fn elements(&self, value: &'a Value, draft: &Draft<'a>) -> Option<&'a [Value]> {
        match value {
            Value::String(name) => {
                let name = name.strip_prefix('@')?;
                self.sets.get(&[draft.family, draft.table, name]).copied()
            }
            Value::Array(all) => Some(all),
            value => value.get("set")?.as_array().map(Vec::as_slice),
        }
    }

    fn conditions(
        &mut self,
        left: &'a Value,
        op: &str,
        right: &'a Value,
        draft: &Draft<'a>,
    ) -> Vec<(Condition, bool)> {
        let concatenated = |value: &'a Value| value.get("concat").and_then(Value::as_array);
        if let (Some(keys), Some(values), "==") = (concatenated(left), concatenated(right), op) {
            let pairs = keys.iter().zip(values);
            return pairs
                .flat_map(|(key, value)| self.conditions(key, op, value, draft))
                .collect();
        }
        let values: Vec<&Value> = match self.elements(right, draft) {
            Some(all) => all.iter().map(bare).collect(),
            None if right.as_str().is_some_and(|word| word.starts_with('@')) => {
                return vec![(Condition::Other, false)];
            }
            None => vec![bare(right)],
        };
        self.elements += values.len();
        if self.elements > MOST_ELEMENTS {
            return vec![(Condition::Other, false)];
        }
        let mut found = Vec::new();
        if let Some(protocol @ ("tcp" | "udp")) =
            left.get("payload").map(|payload| word(payload, "protocol"))
        {
            found.push((Condition::Protocol(vec![protocol.to_owned()]), false));
        }
        found.push(match op {
            "==" | "in" => (condition(left, op, &values), false),
            "!=" => (condition(left, "==", &values), true),
            _ => (compared(left, op, right), false),
        });
        found
    }
}

/// An element that has a counter, a timeout or a comment.
fn bare(element: &Value) -> &Value {
    let wrapped = element.get("elem").and_then(|elem| elem.get("val"));
    wrapped.unwrap_or(element)
}

fn condition(left: &Value, op: &str, values: &[&Value]) -> Condition {
    let words: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
    let names = || words.iter().map(|word| (*word).to_owned()).collect();
    let is_one_of = |wanted: &str| match words.contains(&wanted) {
        true => Condition::Always,
        false => Condition::Never,
    };
    let Some((kind, of)) = first(left) else {
        return Condition::Other;
    };
    if values.is_empty() {
        return Condition::Never;
    }
    match (
        kind,
        word(of, "protocol"),
        word(of, "field"),
        word(of, "key"),
    ) {
        ("meta", .., "iifname" | "iif") if words.len() == values.len() => Condition::From(names()),
        ("meta", .., "oifname" | "oif") if words.len() == values.len() => Condition::To(names()),
        ("meta", .., "l4proto") | ("payload", "ip", "protocol", _) => {
            Condition::Protocol(values.iter().map(|value| protocol(value)).collect())
        }
        ("meta", .., "nfproto") => is_one_of("ipv4"),
        ("meta", .., "protocol") => is_one_of("ip"),
        ("payload", "ip", "saddr", _) => Condition::Source(nets(values)),
        ("payload", "ip", "daddr", _) => Condition::Destination(nets(values)),
        ("payload", "ip6", ..) => Condition::Never,
        ("payload", "tcp" | "udp" | "th", "dport", _) => {
            match values.iter().map(|value| port(value)).collect() {
                Some(ranges) => Condition::Ports(ranges),
                None => Condition::Other,
            }
        }
        ("payload", "tcp", "flags", _) if op == "in" => is_one_of("syn"),
        ("payload", "tcp", "flags", _) => flags(&["ALL"], &words),
        ("&", ..) => match of.as_array().map(Vec::as_slice) {
            Some([looked_at, mask]) if word(&looked_at["payload"], "field") == "flags" => {
                let mask = match mask {
                    Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                    mask => Vec::from_iter(mask.as_str()),
                };
                flags(&mask, &words)
            }
            _ => Condition::Other,
        },
        ("ct", .., "state") => Condition::State {
            new: words.contains(&"new"),
            established: words.contains(&"established"),
        },
        ("ct", .., "direction") => Condition::State {
            new: words.contains(&"original"),
            established: words.contains(&"reply"),
        },
        ("ct", .., "status") if words == ["dnat"] => Condition::Never,
        ("fib", ..) if word(of, "result") == "type" && words == ["local"] => Condition::Never,
        _ => Condition::Other,
    }
}

/// `tcp option maxseg size > 1400`.
fn compared(left: &Value, op: &str, right: &Value) -> Condition {
    let of_size = left.get("tcp option").is_some_and(is_size);
    match (op, right.as_u64().map(u16::try_from)) {
        (">" | ">=", Some(Ok(least))) if of_size => sizes(&[(least, u16::MAX)]),
        _ => Condition::Other,
    }
}

fn is_size(option: &Value) -> bool {
    (word(option, "name"), word(option, "field")) == ("maxseg", "size")
}

fn clamp(mangle: &Value) -> Option<Tcpmss> {
    let option = mangle.get("key")?.get("tcp option")?;
    let value = mangle.get("value")?;
    if !is_size(option) {
        return None;
    }
    match value.as_i64() {
        Some(mss) => Some(Tcpmss::Mss(mss)),
        None => (word(value.get("rt")?, "key") == "mtu").then_some(Tcpmss::PathMtu),
    }
}

/// An address, a range of them, or something else.
fn snat(value: &Value) -> Target {
    let address = |value: &Value| value.as_str()?.parse::<Ipv4Addr>().ok();
    let to = &value["addr"];
    let range = to.get("range").and_then(Value::as_array);
    let ends = match range.map(Vec::as_slice) {
        Some([first, last]) => (address(first), address(last)),
        _ => (address(to), address(to)),
    };
    match ends {
        (Some(first), Some(last)) => Target::Source(first, last),
        _ => Target::Verdict(UNCLEAR),
    }
}

fn target(name: &str, value: &Value) -> Target {
    let verdict: Verdicts = match name {
        "accept" => ACCEPTS,
        "drop" | "reject" => DROPS,
        "return" | "continue" => FALLS,
        "masquerade" | "snat" | "dnat" | "redirect" => TRANSLATES,
        "jump" => return Target::Chain(word(value, "target").to_owned()),
        "goto" => return Target::Goto(word(value, "target").to_owned()),
        "xt" => match iptables::target(word(value, "name")) {
            Target::Chain(_) => UNCLEAR,
            target => return target,
        },
        _ => UNCLEAR,
    };
    Target::Verdict(verdict)
}

fn protocol(value: &Value) -> String {
    match (value.as_str(), value.as_u64()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(6)) => "tcp".to_owned(),
        (None, Some(17)) => "udp".to_owned(),
        _ => String::new(),
    }
}

fn port(value: &Value) -> Option<(u16, u16)> {
    let number = |value: &Value| value.as_u64()?.try_into().ok();
    match value.get("range").and_then(Value::as_array) {
        Some(ends) => Some((number(ends.first()?)?, number(ends.last()?)?)),
        None => number(value).map(|port| (port, port)),
    }
}

fn nets(values: &[&Value]) -> Option<Vec<Ipv4Net>> {
    let net = |value: &&Value| match value.get("prefix") {
        Some(prefix) => {
            let length = prefix.get("len")?.as_u64()?.try_into().ok()?;
            Ipv4Net::new(word(prefix, "addr").parse().ok()?, length).ok()
        }
        None => value.as_str()?.parse::<Ipv4Addr>().ok().map(Ipv4Net::from),
    };
    values.iter().map(net).collect()
}

#[cfg(test)]
mod tests;
