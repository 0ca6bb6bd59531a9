//! Which pods are CI runners, and which of their containers run a Docker engine.

mod bitbucket;
mod generic;
mod github_arc;
mod gitlab;
pub(crate) mod pod;

use crate::evidence::{Provider, Runner};
use k8s_openapi::api::core::v1::Pod;

/// What each provider's file answers: is this pod one of its runners, and which container is the
/// one that asks an engine to run builds?
struct Kind {
    provider: Provider,
    claims: fn(&Pod) -> bool,
    is_runner: fn(&k8s_openapi::api::core::v1::Container) -> bool,
}

/// The first that claims a pod has it.
const KINDS: [Kind; 4] = [
    bitbucket::KIND,
    github_arc::KIND,
    gitlab::KIND,
    generic::KIND,
];

/// The runner that a pod is, as far as its specification tells; nothing where it is none.
/// A pod that the user named is always one.
pub fn runner(pod: &Pod, named: bool) -> Option<Runner> {
    let kind = KINDS.iter().find(|kind| (kind.claims)(pod));
    let kind = kind.or(named.then_some(&generic::KIND))?;
    let mut runner = pod::describe(pod, kind);
    if named && runner.engine_containers().next().is_none() {
        pod::suppose_engine(&mut runner);
    }
    Some(runner)
}

/// Pods that ended, or are about to, say nothing of the next build.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some()
}

/// UID by which a pod's processes are told apart where its containers see the whole node's.
pub fn process_scope(pod: &Pod) -> Option<String> {
    let sees_all = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.host_pid)
        .unwrap_or(false);
    sees_all.then(|| pod.metadata.uid.clone()).flatten()
}

#[cfg(test)]
mod tests;
