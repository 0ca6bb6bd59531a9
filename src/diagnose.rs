//! Combines judgement and evidence into the diagnosis that reports print.

mod layers;

use crate::diagnosis::{
    Diagnosis, Environment, ExaminedRunner, Finding, SCHEMA, Severity, Summary, Unknown, Verdict,
    count_unknowns,
};
use crate::evidence::identity::runner_fingerprint;
use crate::evidence::{EngineKind, Evidence, Reason, Runner};
use layers::layers;
use std::collections::BTreeSet;

impl Diagnosis {
    /// Summarizes the findings. Findings at or above `fail_on` make the verdict *failing*.
    pub fn new(
        evidence: &Evidence,
        findings: Vec<Finding>,
        unknowns: Vec<Unknown>,
        fail_on: Option<Severity>,
    ) -> Self {
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let engines = evidence
            .runners
            .iter()
            .map(|runner| runner.engines.seen().len());
        let summary = Summary {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            unknown: count_unknowns(&unknowns),
            runners: evidence.runners.iter().filter(|r| !r.is_secret()).count(),
            engines: engines.sum(),
            known: 0,
            passed: 0,
        };
        let mut diagnosis = Diagnosis {
            schema: SCHEMA.to_owned(),
            verdict: Verdict::Incomplete,
            summary,
            runners: evidence
                .runners
                .iter()
                .filter(|runner| !runner.is_secret())
                .map(|r| examined(evidence, r))
                .collect(),
            findings,
            unknowns,
            suppressed: Vec::new(),
            settings: None,
            environment: Environment::new(evidence),
            incomplete: evidence.incomplete.clone(),
            redacted: evidence.redacted,
            log: None,
        };
        diagnosis.verdict = diagnosis.decide(fail_on);
        diagnosis
    }
}

fn examined(evidence: &Evidence, runner: &Runner) -> ExaminedRunner {
    let no_network = runner.pod_namespace().is_none();
    let unseen = no_network && runner.engines.seen().is_empty() && runner.declared.is_none();
    let because = runner.engines.reason().or(runner.namespaces.reason());
    ExaminedRunner {
        name: runner.full_name(),
        fingerprint: Some(runner_fingerprint(runner)),
        provider: runner.provider,
        node: runner.node.clone(),
        images: images(runner),
        engines: engines(runner),
        layers: layers(evidence, runner),
        passed: Vec::new(),
        unseen,
        unseen_because: unseen.then(|| because.cloned().unwrap_or(Reason::PodNetworkNotRead)),
    }
}

/// The kinds of all engines; empty if all are Docker.
fn engines(runner: &Runner) -> Vec<EngineKind> {
    let seen = runner.engines.seen().iter().map(|engine| engine.kind);
    let planned = runner
        .containers
        .iter()
        .filter_map(|c| Some(c.other_engine?.kind));
    let docker = runner.engine_containers().map(|_| EngineKind::Docker);
    let all: BTreeSet<EngineKind> = seen.chain(planned).chain(docker).collect();
    match all.iter().all(EngineKind::is_docker) {
        true => Vec::new(),
        false => all.into_iter().collect(),
    }
}

/// The images that the engines report, otherwise those in the pod's specification.
fn images(runner: &Runner) -> Vec<String> {
    let seen = runner.engines.seen().iter();
    let mut images: Vec<String> = seen.filter_map(|e| e.image.observed().cloned()).collect();
    if images.is_empty() {
        images.extend(runner.engine_containers().map(|c| c.image.clone()));
    }
    let mut told = std::collections::HashSet::new();
    images.retain(|image| !image.is_empty() && told.insert(image.clone()));
    images
}
