//! Why builds cannot use an engine: it does not run, does not respond, or listens elsewhere.

use super::EngineFacts;
use super::hosts::mismatch;
use crate::evidence::{
    Engine, EngineFault, Observation, Observed, Outermost, PodContainer, Reason, Runner, Unseen,
    Why,
};

/// Why builds cannot use the engine of a container, if they cannot.
pub(super) fn trouble(
    runner: &Runner,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> Observation<Option<String>> {
    if runner.declared.is_some() {
        return match mismatch(runner, container, engine) {
            Observed(Some(found)) => Observed(Some(found.trouble)),
            _ => Observation::Unobserved(Reason::NothingRuns),
        };
    }
    if let Some(known) = of_container(runner, container) {
        return known;
    }
    let seen = match (engine, runner.engines.reason()) {
        (Some(engine), _) => silence(engine),
        (None, Some(reason)) => Unseen(reason.clone()),
        (None, None) if runner.outermost != Outermost::Pod && container.image.is_empty() => {
            Observed(Some("no Docker engine runs or responds here".to_owned()))
        }
        (None, None) => Observed(Some(format!(
            "no dockerd runs in container {}",
            container.name
        ))),
    };
    match seen {
        Observed(None) => mismatch(runner, container, engine).map(|found| found.map(|m| m.trouble)),
        other => other,
    }
}

/// What the states of its pod and its container show, of any engine; None for a container that runs.
pub(super) fn of_container(
    runner: &Runner,
    container: &PodContainer,
) -> Option<Observation<Option<String>>> {
    let state = &container.state;
    if let Some(reason) = has_no_pod(runner) {
        return Some(Unseen(reason));
    }
    if let Some(reason @ Reason::StartingUp { .. }) = runner.engines.reason() {
        return Some(Unseen(reason.clone()));
    }
    if state.phase != "running" {
        let ended = container.last_end.as_ref();
        let cause = ended
            .filter(|end| end.reason == "OOMKilled" && state.reason.as_ref() != Some(&end.reason));
        let cause = cause.map(|end| format!(" ({})", end.reason));
        let code = state
            .exit_code
            .map(|code| format!(", exit code {code}{}", cause.unwrap_or_default()));
        return Some(Observed(Some(format!(
            "container {} is {}{}{}{}",
            container.name,
            state.phase,
            state
                .reason
                .as_ref()
                .map(|r| format!(" ({r})"))
                .unwrap_or_default(),
            code.unwrap_or_default(),
            kubelet_says(runner, container),
        ))));
    }
    None
}

/// The kubelet's reason why a container waits.
fn kubelet_says(runner: &Runner, container: &PodContainer) -> String {
    let own = container.state.message.as_deref();
    match (
        own.filter(|said| !said.is_empty()),
        &runner.standing.not_started,
    ) {
        _ if container.state.phase != "waiting" => String::new(),
        (Some(said), _) => format!(": {said}"),
        (None, Some(Observed(said))) => format!("; kubelet: {said}"),
        (None, Some(Unseen(reason))) => format!("; {reason}"),
        (None, None) => String::new(),
    }
}

/// Why an engine that does not run or respond could not be examined. In a manifest nothing runs, so
/// this never applies.
pub(super) fn unseen_because(runner: &Runner, facts: &EngineFacts) -> Option<String> {
    match runner.declared {
        Some(_) => None,
        None => reason_of_trouble(facts),
    }
}

pub(super) fn reason_of_trouble(facts: &EngineFacts) -> Option<String> {
    facts.trouble.observed()?.as_ref()?;
    let reason = facts.version.reason()?;
    matches!(reason.why(), Why::NotRunning | Why::TimedOut).then(|| reason.id())
}

/// A pod that does not run as a whole has its own checks.
pub(super) fn has_no_pod(runner: &Runner) -> Option<Reason> {
    let standing = &runner.standing;
    if standing.given_up.is_some() {
        Some(Reason::JobGaveUp)
    } else if standing.unschedulable.is_some() {
        Some(Reason::Unschedulable)
    } else if standing.evicted.is_some() && runner.phase == "Failed" {
        Some(Reason::Evicted)
    } else {
        None
    }
}

/// An engine that was queried but did not respond; one that could not be queried is unobserved.
pub(super) fn silence(engine: &Engine) -> Observation<Option<String>> {
    let fault = engine.fault.map(|fault| match fault {
        EngineFault::DockerdStopped => "dockerd is stopped (SIGSTOP)",
        EngineFault::ContainerdStopped => {
            "its containerd is stopped (SIGSTOP), so no container starts"
        }
        EngineFault::ContainerdMissing => {
            "its containerd does not run, so no container starts until dockerd restarts it"
        }
    });
    match &engine.api {
        Observed(_) => Observed(fault.map(str::to_owned)),
        Unseen(reason) if matches!(reason.why(), Why::TimedOut | Why::NotRunning) => {
            let fault = fault.map(|fault| format!("; {fault}"));
            Observed(Some(format!("{reason}{}", fault.unwrap_or_default())))
        }
        Unseen(reason) => Unseen(reason.clone()),
    }
}
