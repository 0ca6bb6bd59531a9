//! GitLab Runner's Kubernetes executor: a job's pod has the containers build, helper and svc-N.

use super::{Agent, Pod, System};

pub(super) const SYSTEM: System = System {
    name: "GitLab",
    runner: "GitLab runner",
    agent: Agent {
        names: &["build"],
        ..Agent::NONE
    },
    without_engine: false,
    with_engine: Some(Pod {
        labels: &[],
        containers: &["build", "helper"],
    }),
    steps_anywhere: false,
    // Its service has this name, with the pod's own address.
    engine_host: Some("docker"),
    step_variable: Some("GITLAB_CI"),
    owner: None,
};
