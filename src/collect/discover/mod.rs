//! Which pods are CI runners, and which of their containers run a Docker engine.

mod container;
pub mod ended;
mod engine;
pub(crate) mod pod;

use crate::evidence::{Provider, Runner};
use crate::systems::{Agent, System};
use k8s_openapi::api::core::v1::{Container, Pod};

/// The runner that a pod's specification describes, or None. A pod that the user named is always one.
pub fn runner(pod: &Pod, named: bool) -> Option<Runner> {
    let mut providers = Provider::ALL.iter().copied();
    let provider = providers.find(|provider| claims(provider.system(), pod));
    let provider = provider.or(named.then_some(Provider::Generic))?;
    let mut runner = pod::describe(pod, provider);
    if named && runner.walked_containers().next().is_none() {
        pod::suppose_engine(&mut runner);
    }
    Some(runner)
}

/// Whether a pod is a runner of a CI system.
fn claims(system: &System, pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let any = |is: &dyn Fn(&Container) -> bool| pod::containers(pod).any(|(one, _)| is(one));
    let labels = pod.metadata.labels.iter().flatten();
    let made_alike = system.with_engine.as_ref().is_some_and(|known| {
        known.is(labels.map(|(name, _)| name.as_str()), |name| {
            any(&|container| container.name == name)
        })
    });
    // A container name alone is not proof.
    let is_unnamed_agent = |container: &Container| is_agent(&system.agent, "", container);
    let runs_engine = |container: &Container| engine::runs_engine(container, spec);
    system.without_engine && any(&|one| is_agent(&system.agent, &one.name, one))
        || (made_alike || any(&is_unnamed_agent)) && any(&runs_engine)
}

/// Whether a container with this name is the CI agent.
fn is_agent(agent: &Agent, name: &str, container: &Container) -> bool {
    let variables = container.env.as_deref().unwrap_or_default();
    agent.is(name, container::image(container), |name| {
        variables.iter().any(|variable| variable.name == name)
    })
}

/// Pods that ended or are terminating do not affect the next build.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some()
}

/// UID that identifies a pod's processes when its containers see all processes of the node.
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
