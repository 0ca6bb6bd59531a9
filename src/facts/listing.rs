//! The networks that an engine reports.

use crate::evidence::{DockerNetwork, Engine, EngineKind, Observed, Reason, Unseen};

pub(super) const DEFAULT_BRIDGE: &str = "docker0";

pub(crate) fn networks_unseen(engine: &Engine) -> Option<&Reason> {
    if engine.planned.is_some() {
        return None;
    }
    match &engine.api {
        // Other engines have no Docker API, but their bridges are visible.
        Unseen(Reason::NotDocker { .. }) => None,
        Unseen(reason) => Some(reason),
        Observed(api) => api.networks.reason(),
    }
}

/// The networks that an engine reports, or that a file declares.
pub(super) fn listed(engine: &Engine) -> Option<&[DockerNetwork]> {
    if let Some(planned) = &engine.planned {
        return Some(&planned.networks);
    }
    let networks = engine.api.observed()?.networks.observed()?;
    Some(networks)
}

/// `docker0`, or `br-` and the first 12 digits of the network ID.
pub(super) fn is_docker_bridge(name: &str) -> bool {
    EngineKind::Docker.engine().is_bridge(name)
}

/// The default network is better known by its bridge, `docker0`.
pub(super) fn shown_name(network: &DockerNetwork) -> String {
    match (&network.bridge, network.name.as_str()) {
        (Some(bridge), "bridge") => bridge.clone(),
        _ => network.name.clone(),
    }
}
