//! Drone's Kubernetes runner: the pod of a pipeline has a container for each step and service.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Drone",
    runner: "Drone pipeline",
    agent: Agent::NONE,
    without_engine: false,
    with_engine: Some(Pod {
        labels: &["io.drone"],
        containers: &[],
    }),
    steps_anywhere: true,
    job_networks: false,
    engine_host: None,
    step_variable: Some("DRONE"),
    pod: Site::Controller,
    nested: Site::Elsewhere,
    owners: &[],
    files: &[],
    owner: None,
};
