//! GitLab Runner's Kubernetes executor: a job's pod has the containers build, helper and svc-N.

use super::{Kind, pod};
use crate::evidence::Provider;
use k8s_openapi::api::core::v1::{Container, Pod};

pub(super) const KIND: Kind = Kind {
    provider: Provider::Gitlab,
    claims,
    is_runner,
};

fn claims(pod: &Pod) -> bool {
    let named = |name: &str| pod::containers(pod).any(|(container, _)| container.name == name);
    let docker = pod::containers(pod).any(|(container, _)| pod::is_engine(container));
    docker && named("build") && named("helper")
}

fn is_runner(container: &Container) -> bool {
    container.name == "build"
}
