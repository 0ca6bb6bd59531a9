//! Azure Pipelines: the agent's start script, which Microsoft's documentation gives, is configured by
//! the variables `AZP_…`. Its steps run in the agent's own container.

use super::{Agent, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Azure Pipelines",
    runner: "Azure Pipelines agent",
    agent: Agent {
        variables: &["AZP_URL", "AZP_POOL"],
        ..Agent::NONE
    },
    without_engine: true,
    steps_anywhere: false,
    step_variable: Some("TF_BUILD"),
    pod: Site::Manifest,
    ..System::OF_PIPELINES
};
