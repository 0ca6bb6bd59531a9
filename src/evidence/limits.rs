//! How many processes a container may have, how often it was refused another one, and how many were
//! OOM-killed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A container that was refused a process or thread (the pids controller).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PidLimit {
    /// The container's path, or `the pod`.
    pub of: String,
    /// Its own limit; absent where that of something around it, or in it, was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Its processes and threads now.
    pub now: i64,
    /// How often another one was refused since it started.
    pub refused: i64,
}

/// A container in which processes were OOM-killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OomKills {
    /// The container's path, or `the pod`.
    pub of: String,
    /// How many were killed since it started.
    pub kills: i64,
}
