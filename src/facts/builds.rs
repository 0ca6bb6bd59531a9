//! Facts of the running containers of Docker engines: builds and their services.

use super::{BuildFacts, Gap, Section};
use crate::evidence::{Engine, Reason, Runner};

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
