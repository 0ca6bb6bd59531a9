//! How docker commands in a container look for their engine, as that container sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerClient {
    /// Where they look: `unix:///var/run/docker.sock`; absent where their context does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What sets it: `DOCKER_HOST`, `DOCKER_CONTEXT`, or the path of a config.json. Absent if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The Docker context they use; absent for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The API version that DOCKER_API_VERSION asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The CA file that DOCKER_TLS_VERIFY needs and that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// The host is an address of the pod, or a socket; absent where this is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<bool>,
    /// A socket is there, or a process of the pod listens on that port; absent where this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listens: Option<bool>,
    /// The user who asks, where that user may not connect to the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Denied>,
    /// Names of the proxy variables that are set there, in capitals: `HTTPS_PROXY`. Absent where this
    /// was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Vec<String>>,
    /// Those of them at a loopback address: the only part of their values that is kept. Absent where
    /// this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_proxies: Option<Vec<LocalProxy>>,
    /// How often the container waited because its CPU limit was used up; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
    /// Processes of the container that were OOM-killed since it started. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<i64>,
}

/// A proxy at a loopback address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalProxy {
    /// `HTTPS_PROXY`.
    pub name: String,
    /// `127.0.0.1:3128`.
    pub address: String,
    /// Whether a process in the same network namespace listens on that port; absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listens: Option<bool>,
}

/// A user who may not connect to a Docker socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Denied {
    /// The group that owns the socket.
    pub group: i64,
    pub user: i64,
    /// The groups of that user, the primary one first.
    pub groups: Vec<i64>,
}

/// The CPU limit of a container (cpu.stat of its cgroup).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Throttling {
    /// The periods, 100 ms each by default, in which it ran.
    pub periods: i64,
    /// Those in which it had to wait.
    pub throttled: i64,
}

impl DockerClient {
    /// The name and the port of `tcp://NAME:PORT`.
    pub fn tcp(host: &str) -> Option<(String, u16)> {
        let address = host.strip_prefix("tcp://")?;
        let address = address.split('/').next().unwrap_or(address);
        let (name, port) = address.rsplit_once(':')?;
        let name = name.trim_start_matches('[').trim_end_matches(']');
        Some((name.to_owned(), port.parse().ok()?))
    }
}
