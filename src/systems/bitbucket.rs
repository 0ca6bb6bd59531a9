//! Bitbucket Pipelines: known by its runner's image or by RUNNER_UUID, whatever the containers are
//! called; the documented labels are commented out in the documented manifest.

use super::{Agent, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Bitbucket",
    runner: "Bitbucket runner",
    agent: Agent {
        images: &["bitbucket-pipelines-runner"],
        variables: &["RUNNER_UUID"],
        ..Agent::NONE
    },
    without_engine: true,
    with_engine: None,
    steps_anywhere: false,
    job_networks: false,
    engine_host: None,
    host_in_config: false,
    step_variable: Some("BITBUCKET_BUILD_NUMBER"),
    pod: Site::Manifest,
    nested: Site::BitbucketPipelines,
    owners: &[],
    objects: &[],
    files: &[
        "bitbucket-pipelines.yml",
        "the ConfigMap of the Bitbucket autoscaler",
    ],
    owner: Some(("Job", "runner")),
};
