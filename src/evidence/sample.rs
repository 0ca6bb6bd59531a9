//! What happened to connections between two samples (`--sample`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Two samples of a network namespace, some seconds apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The time between them.
    pub seconds: i64,
    /// The outgoing TCP connections that were established in both. Connections to the namespace itself
    /// are left out.
    pub connections: Vec<Connection>,
    /// TCP segments that arrived meanwhile before one that is missing (TcpExt.TCPOFOQueue). Absent if
    /// not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<i64>,
    /// TCP segments that were sent again meanwhile (Tcp.RetransSegs). Absent if not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retransmitted: Option<i64>,
}

/// A TCP connection that was established in both samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// `198.18.0.2:443`, `[2001:db8::1]:443`.
    pub remote: String,
    /// The command that holds it, up to its first option, without secrets. Absent if not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The path of that command's container. Absent if no engine lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The number of bytes that it received meanwhile. Absent if not known: the kernel counts only for
    /// all connections of a namespace, and there is no `ss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<i64>,
    /// What the command waits for on it. Absent if not known: the connection may be idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// How often its oldest unacknowledged segment was sent again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmissions: i64,
    /// Whether, in both samples, segments had arrived on it after one that is missing. Absent if not
    /// known, without `ss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_missing: Option<bool>,
    /// The size of the largest segments that arrived on it. Absent if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_segment: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// To receive something.
    Data,
    /// That the other end acknowledges what was sent.
    Acknowledgment,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}
