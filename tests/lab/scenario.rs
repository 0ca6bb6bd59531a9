//! The format of a scenario file: a patient, what is true of it, and what the doctor must say.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What this is, for a reader.
    #[serde(rename = "about")]
    _about: String,
    /// Lines for `tests/lab/lab`, before there is anything.
    #[serde(default)]
    pub before: Vec<String>,
    pub manifest: Manifest,
    /// Changes merged over the manifest: lists by `name`, the rest by key. Each goes to the objects
    /// of its kind (and name, where it says one).
    #[serde(default)]
    pub change: Vec<Value>,
    /// Arguments of `kubectl wait`, one line each; every pod Ready unless told.
    #[serde(default = "every_pod_ready")]
    pub until: Vec<String>,
    /// Lines for `tests/lab/lab`, run in order. `{pod}` is the only pod, `{pod:NAME}` the one whose
    /// name begins so, both as NAMESPACE/NAME.
    #[serde(default)]
    pub inside: Vec<String>,
    #[serde(default)]
    pub truth: Vec<Truth>,
    /// Lines like those of `inside` that run while it checks.
    #[serde(default)]
    pub meanwhile: Vec<String>,
    #[serde(default)]
    pub check: Check,
    pub expect: Expect,
    /// Lines like those of `inside` that must run before the patient can be taken away.
    #[serde(default)]
    pub afterwards: Vec<String>,
    /// Images of manifests, and those that a world puts in their place.
    #[serde(skip)]
    pub instead: BTreeMap<String, String>,
}

fn every_pod_ready() -> Vec<String> {
    vec!["pod --all --for=condition=Ready".to_owned()]
}

/// Objects, or the name of a file in tests/lab/manifests. They go into a namespace of the scenario's
/// own; `{namespace}` is its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Manifest {
    File(String),
    Objects(Vec<Value>),
}

/// One thing to be measured: a download with the black hole on, or a `docker run`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Beginning of the pod's name, where there are several.
    pub pod: Option<String>,
    /// Download from the container at this path.
    pub download: Option<String>,
    /// Run a container in the engine at this path.
    pub docker_run: Option<String>,
    /// Ask for the version of Docker in a container of the pod, and the engine that should answer:
    /// `CONTAINER ENGINE`.
    pub client: Option<String>,
    /// A line for `lab` that downloads from where no path leads; it ends well where it completes.
    pub measure: Option<String>,
    /// For `measure`: the engine and the network through which it goes, `ENGINE NETWORK`.
    pub network: Option<String>,
    pub outcome: Outcome,
    /// Part of what a failing `docker run` says.
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
    /// The ServiceAccount (of the manifest) as which it runs; the cluster's administrator unless
    /// told.
    pub service_account: Option<String>,
    /// The most seconds that it may take.
    pub within: Option<f64>,
    /// The container in which it runs, by path, as a step of a pipeline would; else here.
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
    /// Part of what it says on standard error.
    pub says: Option<String>,
}

/// What a scenario does not mention may be anything; `*` stands for any text in a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFinding {
    pub check: String,
    /// Beginning of the pod's name.
    pub runner: Option<String>,
    /// Its path; left out where the finding is about no engine.
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
