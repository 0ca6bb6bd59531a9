//! An unknown result, and how a document contains it.

use super::Severity;
use crate::evidence::{Class, Reason, Why, WrittenReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An unknown result of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "WrittenUnknown", from = "WrittenUnknown")]
#[schemars(with = "WrittenUnknown")]
pub struct Unknown {
    pub check: String,
    /// The highest severity that a finding would have.
    pub severity: Severity,
    pub runner: String,
    pub engine: Option<String>,
    pub subject: Option<String>,
    pub reasons: Vec<Reason>,
    /// The fingerprint of the finding whose fix makes the data available. Absent if no finding is
    /// the cause.
    pub caused_by: Option<String>,
}

impl Unknown {
    /// The class of all reasons together: `could-not-look` outweighs the others.
    pub fn class(&self) -> Class {
        let classes = self.reasons.iter().map(Reason::class);
        classes.max().unwrap_or(Class::CouldNotLook)
    }
}

/// An unknown in a document.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Unknown")]
struct WrittenUnknown {
    /// The id of the check.
    check: String,
    /// The highest severity that a finding would have.
    #[serde(default = "most_severe")]
    severity: Severity,
    /// The runner: `namespace/pod`, a container (`--docker`) or a file (`lint`).
    runner: String,
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    engine: Option<String>,
    /// What could not be checked: a network, an image, a container.
    subject: Option<String>,
    /// All reasons, for people.
    reason: String,
    /// The class of all reasons together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    /// Each reason, for programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<WrittenReason>,
    /// The fingerprint of the finding whose fix makes the data available. Absent if no finding is
    /// the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
}

fn most_severe() -> Severity {
    Severity::Error
}

impl From<Unknown> for WrittenUnknown {
    fn from(unknown: Unknown) -> Self {
        WrittenUnknown {
            class: Some(unknown.class()),
            reason: unknown.reason(),
            reasons: unknown.reasons.into_iter().map(Into::into).collect(),
            check: unknown.check,
            severity: unknown.severity,
            runner: unknown.runner,
            engine: unknown.engine,
            subject: unknown.subject,
            caused_by: unknown.caused_by,
        }
    }
}

impl From<WrittenUnknown> for Unknown {
    fn from(written: WrittenUnknown) -> Self {
        let mut reasons: Vec<Reason> = written.reasons.into_iter().map(Into::into).collect();
        // A report from before reasons were typed.
        if reasons.is_empty() {
            reasons.push(Reason::prose(Why::Unreadable, written.reason));
        }
        Unknown {
            reasons,
            check: written.check,
            severity: written.severity,
            runner: written.runner,
            engine: written.engine,
            subject: written.subject,
            caused_by: written.caused_by,
        }
    }
}
