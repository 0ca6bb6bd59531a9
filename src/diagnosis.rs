//! The result of a check run: findings, unknown results and layers. Reports print it.

mod change;
mod environment;
mod finding;
mod log;
mod runner;
mod unknown;

pub use change::{Change, Place, Settings, Site};
pub(crate) use environment::of_pod;
pub use environment::{Environment, NodeSystem};
pub use finding::{Confidence, Finding, Location, Remedy};
pub use log::{LogError, LogReading, LogState};
pub use runner::{Carrier, ExaminedRunner, Layer, LayerKind};
pub use unknown::Unknown;

use crate::evidence::Class;
use crate::yaml::parse;
use anyhow::{Context, Result, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub const SCHEMA: &str = "runner-doctor/report/v1";

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Context; nothing breaks.
    Info,
    /// Builds may fail later.
    Warning,
    /// Builds fail or hang.
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Healthy,
    Failing,
    Incomplete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// `runner-doctor/report/v1`.
    pub schema: String,
    /// `failing`, otherwise `incomplete` if something is unknown, otherwise `healthy`.
    pub verdict: Verdict,
    /// The number of findings by severity, of unknown results, runners and engines.
    pub summary: Summary,
    /// The runners that were examined.
    pub runners: Vec<ExaminedRunner>,
    /// By runner, then severity, then the stage of a build at which they strike (a check's `stage`),
    /// then check, then the order of the evidence.
    pub findings: Vec<Finding>,
    /// By runner, then check, then the order of the evidence.
    pub unknowns: Vec<Unknown>,
    /// Findings suppressed in .runner-doctor.yaml (`suppress`), which do not fail the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<Suppressed>,
    /// What a settings file (.runner-doctor.yaml) changed in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<AppliedSettings>,
    /// The cluster and the nodes, and when they were examined.
    #[serde(default)]
    pub environment: Environment,
    /// Set if the run was cut short, so results are partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Whether names and addresses are replaced with tokens.
    #[serde(default, skip_serializing_if = "change::is_false")]
    pub redacted: bool,
    /// The errors in a job's log (`--log`), and whether their causes were found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogReading>,
}

/// A settings file, and what it changed: flags, severities, suppressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedSettings {
    pub file: String,
    /// `--fail-on=never`, `severity mtu-inversion=info`, `suppress mtu-inversion`.
    pub changes: Vec<String>,
}

/// A suppressed finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suppressed {
    #[serde(flatten)]
    pub finding: Finding,
    pub suppression: Suppression,
}

/// The suppression of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suppression {
    pub reason: String,
    /// The last day of the suppression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The place of the suppression: `.runner-doctor.yaml:9`.
    pub place: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub error: usize,
    pub warning: usize,
    pub info: usize,
    pub unknown: usize,
    pub runners: usize,
    pub engines: usize,
    /// The number of findings in the baseline.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub known: usize,
    /// The number of checks that passed on every runner that they apply to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed: usize,
}

/// What a recording is too old to hold counts once.
pub(crate) fn count_unknowns(unknowns: &[Unknown]) -> usize {
    let old = |unknown: &&Unknown| unknown.class() == Class::NotRecorded;
    let old = unknowns.iter().filter(old).count();
    unknowns.len() - old + old.min(1)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Diagnosis {
    /// What was known already fails no more. A finding that has become worse is a new one.
    pub fn with_baseline(mut self, old: &Diagnosis, fail_on: Option<Severity>) -> Self {
        for finding in &mut self.findings {
            let same = |known: &&Finding| known.fingerprint == finding.fingerprint;
            let known = old.findings.iter().filter(same).map(|f| f.severity).max();
            finding.known = known.is_some_and(|known| finding.severity <= known);
        }
        self.summary.known = self.findings.iter().filter(|f| f.known).count();
        self.verdict = self.decide(fail_on);
        self
    }

    pub(crate) fn decide(&self, fail_on: Option<Severity>) -> Verdict {
        let fails = |f: &Finding| !f.known && fail_on.is_some_and(|least| f.severity >= least);
        let incomplete = self.incomplete.is_some() || !self.unknowns.is_empty();
        match (self.findings.iter().any(fails), incomplete) {
            (true, _) => Verdict::Failing,
            (false, true) => Verdict::Incomplete,
            (false, false) => Verdict::Healthy,
        }
    }

    /// Reads a report, JSON or YAML; a newer format is refused in plain words.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            schema: String,
        }
        let header: Header = parse::read(text).with_context(|| {
            format!("{name} is not a report of runner-doctor, or it is truncated: write one with `runner-doctor check -o json --output-file {name}`")
        })?;
        if header.schema != SCHEMA {
            bail!(
                "{name} has schema {}, but this runner-doctor reads {SCHEMA}: use the version that wrote it, or check again",
                crate::text::clean::clean(&header.schema)
            );
        }
        let damaged =
            || format!("{name} is damaged: recreate it with `runner-doctor check -o json`");
        let whole: Self = parse::read(text).with_context(damaged)?;
        parse::without_secrets(whole).with_context(damaged)
    }
}

impl Diagnosis {
    /// The same with what a settings file changed.
    pub fn with_settings(self, settings: Option<&AppliedSettings>) -> Self {
        Diagnosis {
            settings: settings.cloned(),
            ..self
        }
    }

    /// The same with findings that do not count.
    pub fn with_suppressed(self, suppressed: Vec<Suppressed>) -> Self {
        Diagnosis { suppressed, ..self }
    }

    /// The same with the checks that passed, by runner.
    pub fn with_passed(mut self, mut passed: BTreeMap<String, Vec<String>>) -> Self {
        for runner in &mut self.runners {
            runner.passed = passed.remove(&runner.name).unwrap_or_default();
        }
        self.summary.passed = self.passed().len();
        self
    }

    /// The checks that passed on every runner that they apply to.
    pub fn passed(&self) -> BTreeSet<&str> {
        let passed = self.runners.iter().flat_map(|runner| &runner.passed);
        let mut passed: BTreeSet<&str> = passed.map(String::as_str).collect();
        let suppressed = self.suppressed.iter().map(|one| &one.finding.check);
        let unknown = self.unknowns.iter().map(|unknown| &unknown.check);
        let found = self.findings.iter().map(|finding| &finding.check);
        for check in suppressed.chain(unknown).chain(found) {
            passed.remove(check.as_str());
        }
        passed
    }
}
