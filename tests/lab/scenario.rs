//! The format of a scenario file: a patient, what is true of it, and the expected results.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A description for readers.
    #[serde(rename = "about")]
    _about: String,
    /// Lines for `tests/lab/lab`, run before the manifest is applied.
    #[serde(default)]
    pub before: Vec<String>,
    pub manifest: Manifest,
    /// Changes merged into the manifest: lists by `name`, the rest by key. Each applies to the objects
    /// of its kind (and name, if set).
    #[serde(default)]
    pub change: Vec<Value>,
    /// Arguments of `kubectl wait`, one line each; by default every pod must be Ready.
    #[serde(default = "every_pod_ready")]
    pub until: Vec<String>,
    /// Lines for `tests/lab/lab`, run in order. `{pod}` is the only pod, `{pod:NAME}` the one whose
    /// name starts with NAME, both as NAMESPACE/NAME.
    #[serde(default)]
    pub inside: Vec<String>,
    #[serde(default)]
    pub truth: Vec<Truth>,
    /// Lines like those of `inside`, run during the check.
    #[serde(default)]
    pub meanwhile: Vec<String>,
    #[serde(default)]
    pub check: Check,
    pub expect: Expect,
    /// Lines like those of `inside`, run before the patient is removed.
    #[serde(default)]
    pub afterwards: Vec<String>,
    /// Images of manifests, and a world's replacements for them.
    #[serde(skip)]
    pub instead: BTreeMap<String, String>,
}

fn every_pod_ready() -> Vec<String> {
    vec!["pod --all --for=condition=Ready".to_owned()]
}

/// Objects, or the name of a file in tests/lab/manifests. They are created in the scenario's own
/// namespace; `{namespace}` is its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Manifest {
    File(String),
    Objects(Vec<Value>),
}

/// One measurement: a download with the PMTUD black hole on, or a `docker run`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Prefix of the pod's name, if there are several.
    pub pod: Option<String>,
    /// Download from the container at this path.
    pub download: Option<String>,
    /// Run a container in the engine at this path.
    pub docker_run: Option<String>,
    /// Run `docker version` in a container of the pod, and the engine that should respond:
    /// `CONTAINER ENGINE`.
    pub client: Option<String>,
    /// A line for `lab` that downloads from a container without a path; it succeeds if that completes.
    pub measure: Option<String>,
    /// For `measure`: the engine and the network that it uses, `ENGINE NETWORK`.
    pub network: Option<String>,
    pub outcome: Outcome,
    /// Part of the error of a failing `docker run`.
    pub text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Outcome {
    #[serde(rename = "completes")]
    Completes,
    #[serde(rename = "hangs")]
    Hangs,
    #[serde(rename = "no connection")]
    NoConnection,
    #[serde(rename = "works")]
    Works,
    #[serde(rename = "fails")]
    Fails,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// More arguments of `runner-doctor check`.
    #[serde(default)]
    pub args: Vec<String>,
    /// The ServiceAccount (of the manifest) that it runs as; by default the cluster's administrator.
    pub service_account: Option<String>,
    /// The maximum duration in seconds.
    pub within: Option<f64>,
    /// The path of the container to run it in, as a pipeline step would; by default it runs here.
    pub inside: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub exit: i32,
    /// Exactly these, no other.
    #[serde(default)]
    pub findings: Vec<ExpectedFinding>,
    /// Exactly these, no other.
    #[serde(default)]
    pub unknowns: Vec<ExpectedUnknown>,
    /// Part of its standard error.
    pub says: Option<String>,
}

/// Fields that a scenario omits match anything; `*` in a name matches any text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFinding {
    pub check: String,
    /// Prefix of the pod's name.
    pub runner: Option<String>,
    /// Its path; omitted if the finding is not about an engine.
    pub engine: Option<String>,
    pub subject: String,
    pub severity: Option<String>,
    pub confidence: Option<String>,
    /// Part of its message.
    pub says: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedUnknown {
    pub check: String,
    pub runner: Option<String>,
    pub engine: Option<String>,
    pub subject: Option<String>,
    /// Part of its reason.
    pub says: Option<String>,
}

impl Scenario {
    pub fn parse(text: &str) -> Result<Self> {
        serde_saphyr::from_str(text).context("the scenario cannot be read")
    }
}
