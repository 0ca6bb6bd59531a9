//! Facts of the running containers of Docker engines: builds and their services.

use super::{Gap, Origin, Section};
use crate::evidence::{Engine, Reason, Runner};
use schemars::JsonSchema;
use serde::Serialize;

/// A running container of a Docker engine: a build, a service, a nested engine.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct BuildFacts {
    /// The container's name.
    pub name: String,
    /// The path of its engine.
    pub engine: String,
    /// The container's image.
    pub image: String,
    /// The network mode: `default`, `host`, `container:…` or a network's name.
    pub network_mode: String,
}

pub(super) fn derive(runner: &Runner) -> Section<BuildFacts> {
    let engines = runner.engines.seen();
    Section {
        items: engines.iter().flat_map(of_engine).collect(),
        gaps: gaps(runner),
    }
}

fn of_engine(engine: &Engine) -> Vec<BuildFacts> {
    let containers = engine.api.as_ref().and_then(|api| api.containers.as_ref());
    let containers = containers.observed().map_or(&[][..], |all| all);
    let of_container = |container: &crate::evidence::DockerContainer| BuildFacts {
        name: container.name.clone(),
        engine: engine.path.clone(),
        image: container.image.clone(),
        network_mode: container.network_mode.clone(),
    };
    containers.iter().map(of_container).collect()
}

/// Nothing of a file runs, so nothing is missing from it.
fn gaps(runner: &Runner) -> Vec<Gap> {
    if runner.declared.is_some() {
        return Vec::new();
    }
    let gap = |engine: Option<&str>, reason: &Reason| Gap {
        engine: engine.map(str::to_owned),
        subject: None,
        reason: reason.clone(),
    };
    if let Some(reason) = runner.engines.reason() {
        return vec![gap(None, reason)];
    }
    let silent = runner.engines.seen().iter().filter_map(|engine| {
        let containers = engine.api.as_ref().and_then(|api| api.containers.as_ref());
        let reason = containers.reason()?;
        Some(gap(Some(&engine.path), reason))
    });
    silent.collect()
}
