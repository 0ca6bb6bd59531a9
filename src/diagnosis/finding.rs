//! A finding, and what fixes it.

use super::{Change, Severity, change};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Proven,
    Predicted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The id of the check.
    pub check: String,
    /// The title of the check. Absent in reports made before 0.2.0.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `error`, `warning` or `info`.
    pub severity: Severity,
    /// The runner: `namespace/pod`, a container (`--docker`) or a file (`lint`).
    pub runner: String,
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub engine: Option<String>,
    /// What is at fault: a network, an image, a container.
    pub subject: String,
    /// What and where, in one sentence.
    pub message: String,
    /// What happens, and why.
    pub why: String,
    /// `proven` or `predicted`.
    pub confidence: Confidence,
    /// The fingerprint of the finding whose fix removes this one too.
    pub caused_by: Option<String>,
    /// The ways to fix it, the best first.
    pub remedies: Vec<Remedy>,
    /// Its identity across runs; it stays the same when a pod is recreated.
    pub fingerprint: String,
    /// The place in the file, for a finding in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Whether it is in the baseline with at least this severity, so that it does not fail the run.
    #[serde(default, skip_serializing_if = "change::is_false")]
    pub known: bool,
}

/// A place in a file. Lines and columns count from 1, columns in characters; the end is the first
/// column behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    /// The first line of it, with secrets hidden.
    pub snippet: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// What it does, and where to paste it.
    pub title: String,
    /// The text to paste.
    pub snippet: String,
    /// Whether it is needed together with the remedy before it. Otherwise it is an alternative.
    #[serde(default, skip_serializing_if = "change::is_false")]
    pub together: bool,
    /// The same for programs. Absent if only people can do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

impl Remedy {
    pub fn new(title: impl Into<String>, snippet: impl Into<String>) -> Self {
        Remedy {
            title: title.into(),
            snippet: snippet.into(),
            together: false,
            change: None,
        }
    }
}
