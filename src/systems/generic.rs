//! Any other pod in which a container runs a Docker engine.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "any other CI system",
    runner: "Docker-in-Docker",
    agent: Agent::NONE,
    without_engine: false,
    with_engine: Some(Pod {
        labels: &[],
        containers: &[],
    }),
    steps_anywhere: false,
    job_networks: false,
    engine_host: None,
    host_in_config: false,
    step_variable: None,
    pod: Site::Manifest,
    nested: Site::Elsewhere,
    owners: &[],
    objects: &[],
    files: &[
        "any Kubernetes object or Helm values with a pod template inside",
        "pipelines of Drone and Woodpecker",
        "Docker Compose files",
    ],
    owner: Some(("StatefulSet", "runner")),
};
