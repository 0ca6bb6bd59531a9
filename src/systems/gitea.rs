//! Gitea's and Forgejo's runner. Each of its jobs gets a Docker network of its own unless its
//! configuration names one (`container.network`).

use super::{Agent, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Gitea",
    runner: "Gitea or Forgejo runner",
    agent: Agent {
        // `act_runner` is the name until Gitea's runner 1.0.
        images: &[
            "act_runner",
            "act-runner",
            "gitea/runner",
            "forgejo/runner",
            "forgejo-runner",
        ],
        variables: &["GITEA_INSTANCE_URL", "FORGEJO_INSTANCE_URL"],
        ..Agent::NONE
    },
    without_engine: true,
    with_engine: None,
    steps_anywhere: false,
    job_networks: true,
    engine_host: None,
    host_in_config: true,
    step_variable: Some("GITEA_ACTIONS"),
    pod: Site::Manifest,
    nested: Site::Elsewhere,
    owners: &[],
    objects: &[],
    files: &[],
    owner: None,
};
