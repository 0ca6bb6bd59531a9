//! Jenkins' Kubernetes plugin: an agent's pod has the container `jnlp`, which the plugin adds where
//! the template does not name it, of Jenkins' image unless told otherwise, and labels of its own
//! (`jenkins/label`). Steps run in the container
//! that the pipeline names.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Jenkins",
    runner: "Jenkins agent",
    agent: Agent {
        names: &["jnlp"],
        images: &["inbound-agent", "jnlp-agent", "jnlp-slave"],
        ..Agent::NONE
    },
    without_engine: false,
    with_engine: Some(Pod {
        // `jenkins/label` of the plugin, `jenkins: slave` of its older versions.
        labels: &["jenkins"],
        containers: &["jnlp"],
    }),
    steps_anywhere: true,
    job_networks: false,
    engine_host: None,
    host_in_config: false,
    step_variable: Some("JENKINS_URL"),
    pod: Site::Jenkins,
    nested: Site::Elsewhere,
    owners: &[],
    objects: &[],
    files: &[],
    // The plugin makes each pod itself, from its template.
    owner: None,
};
