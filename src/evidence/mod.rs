//! The evidence: observed facts as a plain document that mirrors the machine. It can be recorded, read
//! by people and replayed to the same diagnosis. It contains no judgements, and nothing else is
//! collected.

mod client;
mod cluster;
mod container;
mod engine;
pub(crate) mod identity;
mod launch;
mod limits;
mod network;
mod observation;
mod probes;
pub mod reason;
mod resources;
mod runner;
mod sample;
mod traffic;

pub use client::{Denied, DockerClient, LocalProxy, Throttling};
pub use cluster::{Cluster, Cni, CniSettings, Encapsulation, Node, NodeEnd, Uplink};
pub use container::{ContainerState, KnownLine, Mount, OtherEngine, PodContainer, Role};
pub use engine::{
    AddressPool, BuildNetwork, DaemonConfig, DockerContainer, DockerNetwork, Engine, EngineApi,
    EngineFault, MTU_OPTION, OomScore, Planned,
};
pub use launch::{Launch, Launcher};
pub use limits::{OomKills, PidLimit};
pub use network::{
    Download, Fetched, Interface, InterfaceKind, NetworkNamespace, PathMtu, Route, Tcpmss,
    outermost, positive,
};
pub use observation::{Observation, Observed, Unseen};
pub use probes::{Layer, Probe, Probed};
pub use reason::{Asked, AsksElsewhere, Class, Part, Reason, Verb, Why, WrittenReason};
pub use resources::{DataRoot, Ended, Eviction, Standing};
pub use runner::{Declared, Outermost, Owner, PipelineStep, Runner, WrittenSecret};
pub use sample::{Connection, Sample, WaitsFor};
pub use traffic::{
    Block, Firewall, FirewallKind, ForeignSource, Nat, OnLink, OwnTraffic, Traffic, Translated,
    Unrouted,
};

pub use crate::systems::{EngineKind, Provider};

use crate::text::{clean::obeyed, yaml};
use crate::yaml::parse;
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const EVIDENCE_VERSION: i64 = 1;

/// Truncated YAML can still be valid YAML, so a recording has an end marker.
const FIRST_LINE: &str = "# A recording of runner-doctor. It ends with a line of three dots.";
const LAST_LINE: &str = "...";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    pub evidence_version: i64,
    /// The program and version that wrote this.
    pub doctor: String,
    pub cluster: Observation<Cluster>,
    #[serde(default)]
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub runners: Vec<Runner>,
    /// The number of failed runner Jobs. Absent if Jobs were not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs_given_up: Option<Observation<i64>>,
    /// Set if the run was interrupted or its deadline exceeded, so results are partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Whether names and addresses are replaced with tokens, the same token for the same name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redacted: bool,
    /// Start of the examination (UTC, RFC 3339). Absent in recordings made before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub examined_at: Option<Timestamp>,
    /// Duration of the examination in milliseconds, if recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// Requests to the API server, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

/// Requests to an API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// All requests, including retries.
    pub sent: i64,
    /// Retries because the server was overloaded (429, 503, 504) or briefly unreachable.
    pub retried: i64,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Evidence {
    pub fn new(cluster: Observation<Cluster>) -> Self {
        Evidence {
            evidence_version: EVIDENCE_VERSION,
            doctor: concat!("runner-doctor ", env!("CARGO_PKG_VERSION")).into(),
            cluster,
            nodes: Vec::new(),
            runners: Vec::new(),
            jobs_given_up: None,
            incomplete: None,
            redacted: false,
            examined_at: None,
            took_ms: None,
            requests: None,
        }
    }

    /// The recording, with an end marker that shows whether it is truncated.
    pub fn to_yaml(&self) -> Result<String> {
        let wrong = "cannot write a recording as YAML";
        let mut text = serde_saphyr::to_string(self).context(wrong)?;
        // Escapes what a terminal or a CI system would interpret, wherever the recording is printed.
        if obeyed(&text).any(|(c, obeyed)| obeyed && c != '\n') {
            text = yaml::write(&serde_json::to_value(self).context(wrong)?);
        }
        Ok(format!("{FIRST_LINE}\n{text}{LAST_LINE}\n"))
    }

    /// Reads a recording, YAML or JSON; a newer format is rejected with a clear error.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            evidence_version: Option<i64>,
            schema: Option<String>,
        }
        if text.starts_with(FIRST_LINE) && !text.trim_end().ends_with(LAST_LINE) {
            bail!("{name} is truncated: copy it again, or collect again");
        }
        let no_recording = || {
            format!(
                "{name} is not a recording of runner-doctor, or it is truncated: write one with `runner-doctor collect`"
            )
        };
        // If the whole recording parses, its header is not parsed separately.
        let whole = parse::read::<Evidence>(text);
        let version = match &whole {
            Ok(evidence) => evidence.evidence_version,
            Err(_) => {
                let header: Header = parse::read(text).with_context(no_recording)?;
                if header
                    .schema
                    .is_some_and(|schema| schema.contains("/report/"))
                {
                    bail!(
                        "{name} is a report, not a recording: use a report with `runner-doctor diff` or `check --baseline`, or write a recording with `runner-doctor collect`"
                    );
                }
                header.evidence_version.with_context(no_recording)?
            }
        };
        if version != EVIDENCE_VERSION {
            bail!(
                "{name} has evidence_version {version}, but this runner-doctor reads {EVIDENCE_VERSION}: use the version that wrote it, or collect again"
            );
        }
        let damaged = || format!("{name} is damaged: recreate it with `runner-doctor collect`");
        parse::without_secrets(whole.with_context(damaged)?).with_context(damaged)
    }
}

fn not_recorded<T>() -> Observation<T> {
    Unseen(Reason::NotRecorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case;

    #[test]
    fn a_recording_of_a_fleet_is_read_back() {
        let mut evidence = case::healthy().unwrap();
        let runner = evidence.runners[0].clone();
        evidence.runners = vec![runner; 1500];
        let yaml = serde_saphyr::to_string(&evidence).unwrap();
        assert_eq!(Evidence::parse(&yaml, "yaml").unwrap(), evidence);
        let json = serde_json::to_string(&evidence).unwrap();
        assert_eq!(Evidence::parse(&json, "json").unwrap(), evidence);
    }
}
