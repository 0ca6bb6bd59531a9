//! Buildkite's agent stack for Kubernetes: the controller creates a Job for each job of a pipeline,
//! which is where its pod is specified.

use super::{Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Buildkite",
    runner: "Buildkite job",
    with_engine: Some(Pod {
        labels: &["buildkite.com/"],
        containers: &[],
    }),
    step_variable: Some("BUILDKITE"),
    // It is a product: the pipeline's `kubernetes` plugin or the controller's values hold the pod.
    owners: &[("Job", Site::Controller)],
    ..System::OF_PIPELINES
};
