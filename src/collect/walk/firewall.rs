//! How firewalls treat packets forwarded by a namespace: follows new connections from each network
//! through all tables of iptables and nftables.

mod chains;
mod iptables;
mod nft;
mod rules;

use super::frames::Record;
use crate::evidence::{
    Block, Firewall, FirewallKind, ForeignSource, Nat, OwnTraffic, Tcpmss, Translated,
};
use crate::text::plain::plain;
use chains::{Chain, Clamped, Fate, Match, Packet, Place, Ruleset, Source, Stage, Trace, Way};
use ipnet::Ipv4Net;
use iptables::{FILTER, FORWARD};
use std::net::Ipv4Addr;

/// The maximum number of lines of a listing that are followed.
pub const MOST_RULES: usize = 20_000;

const RESPONSES: &str = "responses";

/// The networks whose packets are followed.
pub struct Networks<'a> {
    /// The interfaces that packets come from, each with its subnet.
    pub from: Vec<(&'a str, Option<Ipv4Net>)>,
    /// The interface of the default route.
    pub way_out: Option<&'a str>,
    /// The DNS server.
    pub name_server: Option<Ipv4Addr>,
    /// The addresses of the namespace, where they were listed.
    pub own: Option<Vec<Ipv4Addr>>,
}

/// All rules of a namespace, by kind.
pub struct Rules {
    kinds: Vec<(FirewallKind, Ruleset)>,
    /// Whether there are nftables rules that could not be listed.
    pub native_unread: bool,
}

/// The rules that were listed, if any could be. `native` is the output of `nft`, if it is installed.
pub fn read(record: &Record, native: Option<&Record>) -> Option<Rules> {
    let mut saves: Vec<(FirewallKind, Vec<&str>, bool)> = Vec::new();
    for line in record.lines() {
        match (line.strip_prefix("# from "), saves.last_mut()) {
            (Some(command), _) => saves.push((kind(command), Vec::new(), false)),
            (None, Some((_, _, read))) if line == "# read" => *read = true,
            (None, Some((_, lines, _))) => lines.push(line),
            (None, None) => {}
        }
    }
    let asked = saves.len();
    saves.retain(|(_, _, read)| *read);
    // That one kind has no rules does not mean that the other, which could not be listed, has none.
    if saves.len() < asked && saves.iter().all(|(_, lines, _)| lines.is_empty()) {
        return None;
    }
    // iptables omits what it cannot represent.
    let incomplete = |line: &&str| line.starts_with("# Table ");
    let mut native_unread = saves.iter().any(|(_, l, _)| l.iter().any(incomplete));
    let reads_nft = saves.iter().any(|(kind, ..)| *kind != FirewallKind::Legacy);
    let mut kinds: Vec<(FirewallKind, Ruleset)> = saves
        .iter()
        .map(|(kind, lines, _)| {
            let of_nft = *kind != FirewallKind::Legacy;
            (*kind, iptables::parse(lines, of_nft))
        })
        .collect();
    if let Some(native) = native {
        let text = native.lines().collect::<Vec<_>>().concat();
        let text = text.strip_suffix("# read");
        match text.and_then(|text| nft::parse(text, &listed(&kinds))) {
            Some(rules) => {
                native_unread = false;
                for (_, of_iptables) in &mut kinds {
                    of_iptables.leave_to_nft();
                }
                kinds.push((FirewallKind::Native, rules));
            }
            // A kernel without nftables has no nftables rules.
            None => native_unread |= reads_nft,
        }
    }
    (!kinds.is_empty()).then_some(Rules {
        kinds,
        native_unread,
    })
}

/// The base chains that iptables lists completely.
fn listed(kinds: &[(FirewallKind, Ruleset)]) -> nft::Listed {
    let of_nft = kinds
        .iter()
        .filter(|(kind, _)| *kind != FirewallKind::Legacy);
    let chains = of_nft.flat_map(|(_, rules)| {
        let chains = rules.chains.iter();
        chains.filter(|((table, _), _)| !rules.in_part.contains(table))
    });
    let base = chains.filter(|(_, chain)| chain.hook.is_some());
    base.map(|(name, _)| name.clone()).collect()
}

fn kind(command: &str) -> FirewallKind {
    match command {
        "iptables-legacy-save" => FirewallKind::Legacy,
        "iptables-nft-save" => FirewallKind::NfTables,
        _ => FirewallKind::Iptables,
    }
}

/// The output of `ebtables-save`, if a rule in it may drop frames: its matches are not evaluated.
pub fn of_bridges(record: &Record, networks: &Networks) -> Option<Firewall> {
    let rules = record.lines().filter(|line| line.starts_with("-A "));
    let drops = |line: &str| line.contains(" DROP");
    record.lines().any(drops).then(|| {
        let from: Vec<String> = networks
            .from
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        Firewall {
            kind: FirewallKind::Ebtables,
            drops_by_default: false,
            rules: i64::try_from(rules.count()).unwrap_or(i64::MAX),
            drops_from: Vec::new(),
            drops_by_rule: Vec::new(),
            blocks: Vec::new(),
            unclear_from: from.clone(),
            marks_from: Vec::new(),
            own: None,
            nat: Some(Nat {
                keeps_address: from,
                ..Nat::default()
            }),
        }
    })
}

impl Rules {
    /// How each kind treats packets from each network.
    pub fn firewalls(&self, networks: &Networks) -> Vec<Firewall> {
        let mut found: Vec<Firewall> = Vec::new();
        for (kind, rules) in &self.kinds {
            let firewall = rules.firewall(*kind, networks);
            // `iptables-save` is one of the two others under its plain name.
            let same = |other: &Firewall| {
                Firewall {
                    kind: *kind,
                    ..other.clone()
                } == firewall
            };
            found.retain(|other| other.kind != FirewallKind::Iptables || !same(other));
            found.push(firewall);
        }
        found
    }

    /// The rule that clamps the MSS of connections from all networks; none if it applies, or may apply, to
    /// only some of them.
    pub fn clamp(&self, networks: &Networks) -> Option<Option<Tcpmss>> {
        let Some(way_out) = networks.way_out else {
            return Some(None);
        };
        let anywhere = [("", None)];
        let from = match networks.from.as_slice() {
            [] => &anywhere[..],
            from => from,
        };
        let mut trace = Trace::default();
        let mut of_networks = from.iter().map(|(from, source)| {
            let packet = networks.packet(from, *source, way_out, "tcp", 443);
            let other = Packet {
                port: 8080,
                ..packet
            };
            let mut found = Some(None);
            for (_, rules) in &self.kinds {
                match (
                    rules.clamped(&packet, &mut trace),
                    rules.clamped(&other, &mut trace),
                ) {
                    (Clamped::To(clamp), Clamped::To(_)) => return Some(Some(clamp)),
                    (Clamped::Perhaps, _) | (_, Clamped::Perhaps) => found = None,
                    _ => {}
                }
            }
            found
        });
        let first = of_networks.next()?;
        of_networks.all(|other| other == first).then_some(first)?
    }
}

impl<'a> Networks<'a> {
    /// The first packet of a connection.
    fn packet(
        &'a self,
        from: &'a str,
        inside: Option<Ipv4Net>,
        to: &'a str,
        protocol: &'static str,
        port: u16,
    ) -> Packet<'a> {
        Packet {
            way: Way::Through,
            from,
            to,
            inside,
            source: None,
            destination: self.name_server.filter(|_| protocol == "udp"),
            protocol,
            port,
            response: false,
            own: self.own.as_deref(),
        }
    }
}

impl Ruleset {
    /// Tables that iptables lists partially are judged from the output of `nft`.
    fn leave_to_nft(&mut self) {
        for ((table, _), chain) in &mut self.chains {
            if self.in_part.contains(table) {
                chain.hook = None;
            }
        }
    }

    fn firewall(&self, kind: FirewallKind, networks: &Networks) -> Firewall {
        let mut trace = Trace::default();
        let native = kind == FirewallKind::Native;
        let passing = self.chains.iter().filter(|((table, chain), _)| {
            let of_docker = chain == FORWARD || chain.starts_with("DOCKER-");
            native || table == FILTER && of_docker
        });
        let rules = passing
            .clone()
            .map(|(_, chain)| chain.rules.len())
            .sum::<usize>();
        let drops = |chain: &Chain| {
            let forward = chain
                .hook
                .as_ref()
                .is_some_and(|h| h.stage == Stage::Forward);
            forward && chain.drops_by_default
        };
        let mut firewall = Firewall {
            kind,
            drops_by_default: passing.clone().any(|(_, chain)| drops(chain)),
            rules: i64::try_from(rules).unwrap_or(i64::MAX),
            drops_from: Vec::new(),
            drops_by_rule: Vec::new(),
            blocks: Vec::new(),
            unclear_from: Vec::new(),
            marks_from: Vec::new(),
            own: Some(self.own(networks, &mut trace)),
            nat: None,
        };
        let mut nat = Nat {
            of_docker: self.of_docker,
            translated: Some(Vec::new()),
            ..Nat::default()
        };
        for (from, source) in &networks.from {
            let Some(to) = networks.way_out else { break };
            let new = |protocol, port| networks.packet(from, *source, to, protocol, port);
            let https = new("tcp", 443);
            self.judge(&mut firewall, &https, &new("tcp", 80), &mut trace);
            let all = |block: &Block| block.from == *from && block.packets.is_none();
            let all_dropped = firewall.drops(from) || firewall.blocks.iter().any(all);
            if let (false, Fate::Dropped(place)) =
                (all_dropped, self.fate(&new("udp", 53), &mut trace))
            {
                firewall.blocks.push(place.block(from, Some("UDP port 53")));
            }
            let response = Packet {
                from: to,
                to: from,
                response: true,
                ..https
            };
            match self.fate(&response, &mut trace) {
                Fate::Dropped(place) if !all_dropped => {
                    firewall.blocks.push(place.block(from, Some(RESPONSES)));
                }
                Fate::Unclear if !all_dropped => firewall.unclear_for(from),
                _ => {}
            }
            if self.diverts(&https, &mut trace) || self.diverts(&new("tcp", 80), &mut trace) {
                firewall.unclear_for(from);
            }
            self.judge_nat(&mut nat, &[https, new("tcp", 80)], &mut trace);
            let all = [https, new("tcp", 80), new("udp", 53), response];
            let before = all.map(|packet| self.before_routing(&packet, &mut trace));
            if before.iter().any(|before| before.marked) {
                firewall.marks_from.push((*from).to_owned());
            }
            if before.iter().any(|before| before.untracked == Match::Yes) {
                nat.untracked.push((*from).to_owned());
            } else if before.iter().any(|before| before.untracked == Match::Maybe) {
                nat.unclear.push((*from).to_owned());
            }
        }
        firewall.nat = Some(nat);
        firewall
    }

    /// The outcome for connections opened by programs in the namespace itself.
    fn own(&self, networks: &Networks, trace: &mut Trace) -> OwnTraffic {
        let mut own = OwnTraffic::default();
        let Some(to) = networks.way_out else {
            return own;
        };
        let new = |protocol, port| Packet {
            way: Way::Out,
            ..networks.packet("", None, to, protocol, port)
        };
        let response = Packet {
            way: Way::In,
            from: to,
            to: "",
            response: true,
            ..new("tcp", 443)
        };
        let all = [
            (new("tcp", 443), "TCP port 443"),
            (new("tcp", 80), "TCP port 80"),
            (new("udp", 53), "UDP port 53"),
            (response, RESPONSES),
        ];
        for (packet, packets) in all {
            match self.fate(&packet, trace) {
                Fate::Dropped(place) => own.blocks.push(Block {
                    by_default: place.by_default,
                    ..place.block("", Some(packets))
                }),
                Fate::Unclear => own.unclear = true,
                Fate::Passes => {}
            }
        }
        own
    }

    /// The source address of a network's outgoing packets, if it is not one of this namespace.
    fn judge_nat(&self, nat: &mut Nat, out: &[Packet], trace: &mut Trace) {
        for packet in out {
            let from = packet.from.to_owned();
            match self.source(packet, trace) {
                Source::Own => continue,
                Source::Kept => nat.keeps_address.push(from),
                Source::Unclear => {
                    let addresses = self.translated(packet, trace);
                    if let (Some(all), 1..) = (&mut nat.translated, addresses) {
                        let from = from.clone();
                        all.push(Translated { from, addresses });
                    }
                    nat.unclear.push(from);
                }
                Source::Foreign(address) => nat.foreign.push(ForeignSource {
                    from,
                    address: address.to_string(),
                }),
            }
            return;
        }
    }

    /// How many of the single source addresses in rules are translated to an address of this namespace.
    fn translated(&self, packet: &Packet, trace: &mut Trace) -> i64 {
        let own = |address: &Ipv4Addr| {
            let source = Some(*address);
            self.source(&Packet { source, ..*packet }, trace) == Source::Own
        };
        let addresses = self.addresses(packet).into_iter();
        let own = addresses.filter(own).count();
        i64::try_from(own).unwrap_or(i64::MAX)
    }

    /// The outcome for new TCP connections to the two ports that builds download from.
    fn judge(&self, firewall: &mut Firewall, https: &Packet, http: &Packet, trace: &mut Trace) {
        let from = https.from;
        let (of_https, of_http) = (self.fate(https, trace), self.fate(http, trace));
        let (place, packets) = match (of_https, of_http) {
            (Fate::Dropped(place), Fate::Dropped(_)) => (place, None),
            (Fate::Dropped(place), _) => (place, Some("TCP port 443")),
            (_, Fate::Dropped(place)) => (place, Some("TCP port 80")),
            (Fate::Unclear, _) | (_, Fate::Unclear) => return firewall.unclear_for(from),
            (Fate::Passes, Fate::Passes) => return,
        };
        match packets {
            None if (place.table, place.chain) == (FILTER, FORWARD) => match place.by_default {
                true => firewall.drops_from.push(from.to_owned()),
                false => firewall.drops_by_rule.push(from.to_owned()),
            },
            packets => firewall.blocks.push(place.block(from, packets)),
        }
    }
}

impl Firewall {
    fn unclear_for(&mut self, from: &str) {
        if !self.unclear_from.iter().any(|other| other == from) {
            self.unclear_from.push(from.to_owned());
        }
    }
}

impl Place<'_> {
    fn block(&self, from: &str, packets: Option<&str>) -> Block {
        Block {
            from: from.to_owned(),
            packets: packets.map(str::to_owned),
            table: plain(self.table),
            chain: plain(self.chain),
            by_default: self.by_default && self.table != FILTER,
        }
    }
}

#[cfg(test)]
mod tests;
