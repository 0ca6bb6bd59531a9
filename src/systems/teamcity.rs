//! TeamCity: an agent of JetBrains' image, in a Deployment or made by the server's Kubernetes cloud
//! profile. Its steps run in the agent's own container.

use super::{Agent, Site, System};

pub(super) const SYSTEM: System = System {
    name: "TeamCity",
    runner: "TeamCity agent",
    agent: Agent {
        images: &["teamcity-agent", "teamcity-minimal-agent"],
        ..Agent::NONE
    },
    without_engine: true,
    steps_anywhere: false,
    step_variable: Some("TEAMCITY_VERSION"),
    pod: Site::Manifest,
    ..System::OF_PIPELINES
};
