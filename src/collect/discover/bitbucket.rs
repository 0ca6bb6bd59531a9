//! Bitbucket Pipelines: known by its runner's image or by RUNNER_UUID, whatever the containers are
//! called; the documented labels are commented out in the documented manifest.

use super::{Kind, pod};
use crate::evidence::Provider;
use k8s_openapi::api::core::v1::{Container, Pod};

pub(super) const KIND: Kind = Kind {
    provider: Provider::Bitbucket,
    claims: |pod: &Pod| pod::containers(pod).any(|(container, _)| is_runner(container)),
    is_runner,
};

fn is_runner(container: &Container) -> bool {
    pod::image(container).contains("bitbucket-pipelines-runner")
        || container
            .env
            .iter()
            .flatten()
            .any(|env| env.name == "RUNNER_UUID")
}
