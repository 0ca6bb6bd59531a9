//! Woodpecker's Kubernetes backend: each step and each service of a pipeline is a pod.

use super::{Pod, System};

pub(super) const SYSTEM: System = System {
    name: "Woodpecker",
    runner: "Woodpecker step",
    with_engine: Some(Pod {
        labels: &["woodpecker-ci.org/"],
        containers: &[],
    }),
    ..System::OF_PIPELINES
};
