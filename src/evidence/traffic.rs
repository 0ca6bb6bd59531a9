//! What becomes of packets in a network namespace: which are at home there, which its firewall
//! drops, and who answers there.

use super::Observation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// The subnets that are reached without a gateway, IPv4.
    pub on_link: Observation<Vec<OnLink>>,
    /// iptables' rules for what passes through, one for each kind that is in use; nothing where no
    /// network passes through.
    pub firewalls: Observation<Vec<Firewall>>,
    /// net.ipv4.ip_forward: whether IPv4 packets pass through; absent where this was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_forward: Option<Observation<bool>>,
    /// What policy rules do; absent where this was not recorded, or no network leaves by here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Observation<Vec<Unrouted>>>,
    /// IPv4 packets that were dropped as too large between the walk's first look and its last.
    pub dropped_now: Observation<i64>,
    /// The `nameserver` lines of resolv.conf, as the first process here sees it.
    pub name_servers: Observation<Vec<String>>,
    /// Where something waits for names to resolve, as `127.0.0.1:53`; only looked at where a name
    /// server is an address of its own.
    pub listening: Observation<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnLink {
    pub interface: String,
    /// `172.17.0.0/16`.
    pub subnet: String,
}

/// A bridge from which the kernel does not route packets out, by its policy rules (`ip rule`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unrouted {
    pub interface: String,
    /// The kernel's answer: `Network is unreachable`.
    pub said: String,
}

/// The filter table's FORWARD chain, as one kind of iptables lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    pub kind: FirewallKind,
    /// What becomes of packets that no rule decides on.
    pub drops_by_default: bool,
    /// Rules in FORWARD and the chains that Docker makes for it.
    pub rules: i64,
    /// The interfaces whose new TCP connections it certainly drops on their way out, because no
    /// rule accepts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops_from: Vec<String>,
    /// The same, because a rule says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops_by_rule: Vec<String>,
    /// What it drops besides: one kind of packets, or all of them in another table than filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// The interfaces for which a rule decides whose conditions are not judged here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear_from: Vec<String>,
    /// Absent where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat: Option<Nat>,
}

/// Packets that a rule drops on their way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The interface that they come from.
    pub from: String,
    /// `TCP port 443`; absent for every new TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<String>,
    /// `raw`, `mangle` or `filter`.
    pub table: String,
    /// `PREROUTING`, `FORWARD` or `POSTROUTING`.
    pub chain: String,
}

/// Whether packets leave with an address of the namespace (MASQUERADE, SNAT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nat {
    /// Docker's own chain stands in the nat table.
    pub of_docker: bool,
    /// The interfaces whose packets certainly keep their own address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps_address: Vec<String>,
    /// The interfaces for which a rule decides whose conditions are not judged here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallKind {
    Legacy,
    NfTables,
    /// The only one there is.
    Iptables,
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
        }
    }
}
