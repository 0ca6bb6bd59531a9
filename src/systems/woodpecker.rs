//! Woodpecker's Kubernetes backend: each step and each service of a pipeline is a pod.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Woodpecker",
    runner: "Woodpecker step",
    agent: Agent::NONE,
    without_engine: false,
    with_engine: Some(Pod {
        labels: &["woodpecker-ci.org/"],
        containers: &[],
    }),
    steps_anywhere: true,
    job_networks: false,
    engine_host: None,
    step_variable: None,
    pod: Site::Controller,
    nested: Site::Elsewhere,
    owners: &[],
    files: &[],
    owner: None,
};
