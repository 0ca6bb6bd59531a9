//! The networks of an engine by its own account.

use crate::evidence::{DockerNetwork, Engine, EngineKind, Observed, Reason, Unseen};

pub(super) const DEFAULT_BRIDGE: &str = "docker0";

pub(crate) fn networks_unseen(engine: &Engine) -> Option<&Reason> {
    if engine.planned.is_some() {
        return None;
    }
    match &engine.api {
        // What it is instead has no API, but bridges to be seen.
        Unseen(Reason::NotDocker { .. }) => None,
        Unseen(reason) => Some(reason),
        Observed(api) => api.networks.reason(),
    }
}

/// The networks that an engine names itself, or that a file tells it to make.
pub(super) fn listed(engine: &Engine) -> Option<&[DockerNetwork]> {
    if let Some(planned) = &engine.planned {
        return Some(&planned.networks);
    }
    let networks = engine.api.observed()?.networks.observed()?;
    Some(networks)
}

/// `docker0`, or `br-` and the first 12 digits of the network's id.
pub(super) fn is_docker_bridge(name: &str) -> bool {
    EngineKind::Docker.engine().is_bridge(name)
}

/// People know the default network by its bridge.
pub(super) fn shown_name(network: &DockerNetwork) -> String {
    match (&network.bridge, network.name.as_str()) {
        (Some(bridge), "bridge") => bridge.clone(),
        _ => network.name.clone(),
    }
}
