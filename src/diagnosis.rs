//! The result of a check run: findings, unknown results and layers. Reports print it.

mod change;
mod environment;
mod log;

pub use change::{Change, Place, Settings, Site};
pub(crate) use environment::of_pod;
pub use environment::{Environment, NodeSystem};
pub use log::{LogError, LogReading, LogState};

use crate::evidence::{Class, EngineKind, Provider, Reason, Why, WrittenReason, reason};
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
pub enum Confidence {
    Proven,
    Predicted,
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExaminedRunner {
    /// `namespace/pod`.
    pub name: String,
    /// Its identity, which stays the same when its pod is recreated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The CI system.
    pub provider: Provider,
    /// The node that its pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The images of its Docker engines, outer before nested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What its engines are, if one is not Docker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<EngineKind>,
    /// From the node uplink down.
    pub layers: Vec<Layer>,
    /// The checks that passed on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// Whether neither an engine nor the pod network could be examined.
    #[serde(default)]
    pub unseen: bool,
    /// Why they could not be examined.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "reason::written"
    )]
    #[schemars(with = "Option<WrittenReason>")]
    pub unseen_because: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// The node's uplink.
    NodeUplink,
    /// The node's own docker0.
    NodeDocker,
    PodNetwork,
    /// The outermost network without a pod: a machine's, or a container's.
    OuterNetwork,
    DockerNetwork,
    /// An engine whose networks could not be listed, or a level that does not exist now.
    Unseen,
}

impl LayerKind {
    /// What people read before its name; nothing where the name tells.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            LayerKind::NodeUplink => "node uplink ",
            LayerKind::NodeDocker => "node ",
            LayerKind::PodNetwork => "pod network ",
            LayerKind::OuterNetwork | LayerKind::DockerNetwork | LayerKind::Unseen => "",
        }
    }
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

impl ExaminedRunner {
    /// What it is, for people; without a pod around it there is no more than an engine.
    pub(crate) fn title(&self) -> &'static str {
        let outermost = |layer: &Layer| layer.kind == LayerKind::OuterNetwork;
        match self.provider {
            Provider::Generic if self.layers.iter().any(outermost) => "Docker engine",
            Provider::Generic if !self.engines.iter().any(EngineKind::is_docker) => {
                let engine = self.engines.first().map(|kind| kind.engine().name);
                engine.unwrap_or(self.provider.system().runner)
            }
            provider => provider.system().runner,
        }
    }
}

/// One layer between a build and the node uplink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// `node-uplink`, `node-docker`, `pod-network`, `outer-network`, `docker-network` or `unseen`.
    pub kind: LayerKind,
    /// The depth: 0 for the node, 1 for the pod network, 2 for the first engine's networks, and so
    /// on.
    pub depth: usize,
    /// The name of the interface or network.
    pub name: String,
    /// The path of the engine, for a Docker network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The software of this layer: `Docker 20.10.5, containerd 1.4.3`, `calico`,
    /// `containerd://2.1.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// Absent if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// The bottleneck on the path out, for a Docker network that is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    /// Whether its MTU exceeds that of its carrier.
    #[serde(default)]
    pub inverted: bool,
    /// Whether a TCPMSS rule on the path compensates for that, for TCP.
    #[serde(default)]
    pub clamped: bool,
    /// A note: why it is not judged, or why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why something of it could not be read, for programs.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "reason::written"
    )]
    #[schemars(with = "Option<WrittenReason>")]
    pub unseen: Option<Reason>,
}

impl Layer {
    /// One of which nothing is known yet.
    pub fn new(kind: LayerKind, depth: usize) -> Self {
        Layer {
            kind,
            depth,
            name: String::new(),
            engine: None,
            runs: None,
            mtu: None,
            carrier: None,
            inverted: false,
            clamped: false,
            note: None,
            unseen: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Carrier {
    pub name: String,
    pub mtu: i64,
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
    /// What could not be judged: a network, an image, a container.
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
