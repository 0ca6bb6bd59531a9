//! Jenkins' Kubernetes plugin: an agent's pod has the container `jnlp`, which the plugin adds if
//! the template does not define it (by default with Jenkins' image), and the plugin's labels
//! (`jenkins/label`). Steps run in the container that the pipeline names.

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
    // The plugin creates each pod itself, from its template.
    owner: None,
};
