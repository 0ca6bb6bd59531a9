//! The OOM score of an engine's containerd, and whether that containerd overflows it.

use super::{EngineFacts, versions};
use crate::evidence::{Engine, Observation, Observed, Part, PodContainer, Reason, Runner, Unseen};

/// containerd's shims exceed its score by one; containerd inherits dockerd's.
pub(super) fn own(engine: &Engine) -> Observation<i64> {
    let of = |process: &str| {
        let mut scores = engine.oom_scores.iter().filter(|s| s.process == process);
        scores.next().map(|score| score.oom_score_adj)
    };
    match of("containerd").or_else(|| of("dockerd")) {
        Some(score) => Observed(score),
        None => Observation::Unobserved(Reason::Unreadable {
            part: Part::OomScore,
        }),
    }
}

/// The score that dockerd is configured to give containerd, else the kubelet's score for containers
/// of a BestEffort pod, if dockerd passes it on.
pub(super) fn expected(
    runner: &Runner,
    container: &PodContainer,
    facts: &EngineFacts,
) -> Observation<i64> {
    const BEST_EFFORT: i64 = 1000;
    let known = facts
        .version
        .observed()
        .or(facts.tag_version.observed().and_then(Option::as_ref));
    let docker = known.and_then(|version| versions::parse(version));
    let told = container.dockerd_args.iter().rev();
    let mut told = told.filter_map(|flag| flag.strip_prefix("--oom-score-adjust="));
    let told = told.next().and_then(|score| score.parse().ok());
    match (runner.qos_class.as_deref(), docker) {
        (_, Some(docker)) if told.is_some() && versions::hands_on_oom_score(&docker) => {
            told.map_or(facts.oom_score_adj.clone(), Observed)
        }
        (Some("BestEffort"), Some(docker)) if versions::inherits_oom_score(&docker) => {
            Observed(BEST_EFFORT)
        }
        // In a Burstable or Guaranteed pod the score is lower, and an old dockerd sets its own.
        (Some("Burstable" | "Guaranteed"), _) => Observed(0),
        _ => facts.oom_score_adj.clone(),
    }
}

pub(super) fn expected_containerd<T>(
    docker: Option<&str>,
    seen: &Observation<T>,
) -> Observation<String> {
    let pinned = docker
        .and_then(versions::parse)
        .and_then(|docker| versions::pinned_containerd(&docker));
    match (pinned, seen.reason()) {
        (Some(containerd), _) => Observed(containerd.to_owned()),
        (None, Some(reason)) => Unseen(reason.clone()),
        (None, None) => Observation::Unobserved(Reason::ContainerdUntold),
    }
}

pub(super) fn overflows(containerd: &Observation<String>) -> Observation<bool> {
    containerd
        .as_ref()
        .and_then(|text| match versions::parse(text) {
            Some(version) => Observed(versions::oom_score_overflows(&version)),
            None => Unseen(Reason::NotAVersion {
                program: "containerd".to_owned(),
                version: text.clone(),
            }),
        })
}
