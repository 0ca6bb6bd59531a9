//! Tekton: the pod of a TaskRun has a container for each step (`step-…`) and each sidecar (`sidecar-…`).

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Tekton",
    runner: "Tekton TaskRun",
    agent: Agent::NONE,
    without_engine: false,
    with_engine: Some(Pod {
        labels: &["tekton.dev/"],
        containers: &[],
    }),
    steps_anywhere: true,
    job_networks: false,
    engine_host: None,
    step_variable: None,
    pod: Site::Controller,
    nested: Site::Elsewhere,
    owners: &[("TaskRun", Site::Controller)],
    files: &[],
    owner: None,
};
