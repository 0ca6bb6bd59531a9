//! Buildkite's agent stack for Kubernetes: the controller creates a Job for each job of a pipeline, which is\n//! where its pod is specified.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Buildkite",
    runner: "Buildkite job",
    agent: Agent::NONE,
    without_engine: false,
    with_engine: Some(Pod {
        labels: &["buildkite.com/"],
        containers: &[],
    }),
    steps_anywhere: true,
    job_networks: false,
    engine_host: None,
    step_variable: Some("BUILDKITE"),
    pod: Site::Controller,
    nested: Site::Elsewhere,
    // It is a product: the pipeline's `kubernetes` plugin or the controller's values hold the pod.
    owners: &[("Job", Site::Controller)],
    files: &[],
    owner: None,
};
