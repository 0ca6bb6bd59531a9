//! Any other pod in which a container runs a Docker engine.

use super::{Kind, pod};
use crate::evidence::Provider;
use k8s_openapi::api::core::v1::Pod;

pub(super) const KIND: Kind = Kind {
    provider: Provider::Generic,
    claims: |pod: &Pod| pod::containers(pod).any(|(container, _)| pod::is_engine(container)),
    is_runner: |_| false,
};
