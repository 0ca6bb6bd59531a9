//! Routing in a network namespace: on-link subnets, firewall rules and listening sockets.

use super::{Observation, is_false};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// The on-link IPv4 subnets (reached without a gateway).
    pub on_link: Observation<Vec<OnLink>>,
    /// The forwarding rules, one item for each iptables backend in use, and one for nftables. Empty if
    /// the namespace forwards no network.
    pub firewalls: Observation<Vec<Firewall>>,
    /// net.ipv4.ip_forward. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_forward: Option<Observation<bool>>,
    /// The interfaces from which nothing is forwarded (net.ipv4.conf.INTERFACE.forwarding is 0). Absent
    /// where this was not recorded, or no network leaves by here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_forwarding: Option<Observation<Vec<String>>>,
    /// What policy rules do; absent where this was not recorded, or no network leaves by here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Observation<Vec<Unrouted>>>,
    /// IPv4 packets dropped as too large during the examination.
    pub dropped_now: Observation<i64>,
    /// The `nameserver` lines of resolv.conf, as seen by the first process in the namespace.
    pub name_servers: Observation<Vec<String>>,
    /// Listening DNS sockets, for example `127.0.0.1:53`. Only read if a DNS server is a local
    /// address.
    pub listening: Observation<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnLink {
    /// `*` for a route that throws packets away (blackhole, unreachable, prohibit).
    pub interface: String,
    /// `172.17.0.0/16`.
    pub subnet: String,
}

/// A bridge whose packets policy rules (`ip rule`) do not route out, or route through another interface
/// than the default route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unrouted {
    pub interface: String,
    /// The kernel's answer: `Network is unreachable`.
    pub said: String,
    /// The firewall mark of the packets, if only those with one are not routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// The other interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// What one iptables backend, or nftables, does with forwarded packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    pub kind: FirewallKind,
    /// Whether the chain's policy drops packets.
    pub drops_by_default: bool,
    /// The number of rules in FORWARD and in Docker's chains for it.
    pub rules: i64,
    /// The interfaces whose outgoing new TCP connections are certainly dropped because no rule
    /// accepts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops_from: Vec<String>,
    /// The same, because a rule drops them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops_by_rule: Vec<String>,
    /// Other drops: some packets only, or all packets in a table other than filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// The interfaces whose outcome depends on a rule with conditions that are not evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear_from: Vec<String>,
    /// The interfaces whose packets may get a firewall mark before they are routed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks_from: Vec<String>,
    /// What it does with connections of the namespace's own programs. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnTraffic>,
    /// Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat: Option<Nat>,
}

/// Connections that programs of the namespace open themselves: what is not forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTraffic {
    /// What is certainly dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Whether an outcome depends on a rule with conditions that are not evaluated.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unclear: bool,
}

/// Outgoing packets that a rule drops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The incoming interface; empty for connections of the namespace's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// `TCP port 443`; `responses` to its connections; absent for every new TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<String>,
    /// `raw`, `mangle` or `filter`; of nftables the family and the name, `inet firewall`.
    pub table: String,
    /// `PREROUTING`, `FORWARD`, `OUTPUT`, `INPUT` or `POSTROUTING`; of nftables the chain's own name.
    pub chain: String,
    /// Whether the chain's policy drops them, and no rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
}

/// Whether packets leave with an address of the namespace (MASQUERADE, SNAT).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nat {
    /// Whether the nat table has Docker's chain.
    pub of_docker: bool,
    /// The interfaces whose packets certainly keep their source address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps_address: Vec<String>,
    /// The interfaces whose outcome depends on a rule with conditions that are not evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear: Vec<String>,
    /// The interfaces whose packets, or responses to them, are not tracked (NOTRACK), so that NAT does
    /// not apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untracked: Vec<String>,
    /// The interfaces whose packets get a source address that the namespace does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignSource>,
    /// The interfaces with rules for single addresses, as CNI plugins make them. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translated: Option<Vec<Translated>>,
}

/// How many single addresses of an interface's subnet get an address of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Translated {
    /// The incoming interface.
    pub from: String,
    pub addresses: i64,
}

/// A source address that SNAT sets, although it is none of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForeignSource {
    /// The incoming interface.
    pub from: String,
    pub address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallKind {
    Legacy,
    NfTables,
    /// The only backend in use.
    Iptables,
    /// Tables of nftables that iptables does not list.
    Native,
    /// Rules for frames on bridges.
    Ebtables,
}

impl Firewall {
    /// Whether it drops every new TCP connection from an interface in FORWARD.
    pub fn drops(&self, from: &str) -> bool {
        let mut dropped = self.drops_from.iter().chain(&self.drops_by_rule);
        dropped.any(|interface| interface == from)
    }
}

impl FirewallKind {
    /// The command that changes it.
    pub fn command(self) -> &'static str {
        match self {
            FirewallKind::Legacy => "iptables-legacy",
            FirewallKind::NfTables => "iptables-nft",
            FirewallKind::Iptables => "iptables",
            FirewallKind::Native => "nft",
            FirewallKind::Ebtables => "ebtables-nft",
        }
    }
}
