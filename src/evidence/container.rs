//! A container of a runner's pod.

use super::{DockerClient, Ended, EngineKind, Launch, Observation, is_false};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Connects to the CI system and uses an engine to run builds.
    Runner,
    /// Runs a Docker daemon.
    Engine,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodContainer {
    pub name: String,
    pub role: Role,
    pub image: String,
    /// The digest of the running image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default)]
    pub init: bool,
    #[serde(default)]
    pub privileged: bool,
    /// dockerd flags in the arguments, by allow-list. Only for engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dockerd_args: Vec<String>,
    /// dockerd flags in the variable DOCKER_OPTS, by allow-list. Only for engine containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker_opts: Vec<String>,
    /// How the manifest starts dockerd. Only for engine containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// Environment variables with a literal value in the pod, by allow-list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Names of variables that contain a secret in plain text in the pod's specification. Their
    /// values are never collected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_secrets: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    pub state: ContainerState,
    #[serde(default)]
    pub restarts: i64,
    /// Its last termination, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<Ended>,
    /// The lines of its log that match a known error. Absent if no log was requested. Nothing else
    /// of a log is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Observation<Vec<KnownLine>>>,
    /// How long its startup probe gives it to start; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_seconds: Option<i64>,
    /// The engine that it runs, if that is not Docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_engine: Option<OtherEngine>,
    /// How docker commands in it look for their engine; absent where this was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_client: Option<Observation<DockerClient>>,
}

/// An engine other than Docker that a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherEngine {
    pub kind: EngineKind,
    /// Whether it runs only while it builds, so that no process of it is expected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub on_demand: bool,
}

/// The last line of a log that matches a symptom of a check, with credentials removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLine {
    pub check: String,
    pub text: String,
    /// Time of the line, if the log contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether the previous run of the container wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
    /// Whether the program retries after this error and wrote it only once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    pub path: String,
    pub volume: String,
    /// The path on the host if the volume is a hostPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<String>,
    /// The name of the PersistentVolumeClaim if the volume is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The subPath of the volume, if set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerState {
    /// `running`, `waiting` or `terminated`.
    pub phase: String,
    /// `CrashLoopBackOff`, `OOMKilled` and so on; of the last termination if it runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it waits, in the kubelet's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Start time of the container or, if it has not started, creation time of its pod (UTC, RFC
    /// 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}
