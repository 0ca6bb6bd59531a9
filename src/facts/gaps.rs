//! Missing Docker networks: those that other evidence refers to but no engine lists.

use super::listing::{is_docker_bridge, listed, networks_unseen, shown_name};
use super::{Gap, other_engines};
use crate::evidence::{Engine, NetworkNamespace, Outermost, Reason, Runner};

pub(super) fn of(runner: &Runner) -> Vec<Gap> {
    let unseen = runner.namespaces.reason().or(runner.engines.reason());
    if let Some(reason) = unseen {
        return vec![gap(None, None, reason.clone())];
    }
    let engines = runner.engines.seen();
    let (docker, others): (Vec<&Engine>, Vec<&Engine>) =
        engines.iter().partition(|engine| engine.kind.is_docker());
    let mut gaps: Vec<Gap> = docker.into_iter().flat_map(of_engine).collect();
    let unseen =
        |engine: &&Engine| Some((engine.path.clone(), other_engines::unseen(runner, engine)?));
    let others = others.iter().filter_map(unseen);
    gaps.extend(others.map(|(path, reason)| gap(Some(&path), None, reason)));
    // A file declares its networks, and nothing in it is running.
    if runner.declared.is_none() {
        gaps.extend(engines_missing(runner));
        gaps.extend(
            runner
                .namespaces
                .seen()
                .iter()
                .flat_map(|n| unnamed(runner, n)),
        );
    }
    gaps
}

fn gap(engine: Option<&str>, subject: Option<String>, reason: Reason) -> Gap {
    Gap {
        engine: engine.map(str::to_owned),
        subject,
        reason,
    }
}

/// The gaps in what an engine reports about its networks.
fn of_engine(engine: &Engine) -> Vec<Gap> {
    let path = Some(engine.path.as_str());
    if let Some(reason) = networks_unseen(engine) {
        return vec![gap(path, None, reason.clone())];
    }
    let networks = listed(engine).unwrap_or_default();
    // Docker always lists `host` and `none`.
    if networks.is_empty() && engine.planned.is_none() {
        return vec![gap(path, None, Reason::NoNetworksListed)];
    }
    let untold = networks.iter().filter(|network| network.driver.is_empty());
    untold
        .map(|network| {
            gap(
                path,
                Some(shown_name(network)),
                Reason::NetworkWithoutDriver,
            )
        })
        .collect()
}

/// The pod's containers whose engine should have been observed, but was not.
fn engines_missing(runner: &Runner) -> impl Iterator<Item = Gap> {
    let engines = runner.engines.seen();
    let missing = runner.walked_containers().filter(move |container| {
        // A machine's engine is only assumed to exist.
        let supposed = container.image.is_empty();
        let runs = container.state.phase == "running";
        runs && !supposed && !engines.iter().any(|e| e.container == container.name)
    });
    missing.map(|container| {
        let name = Some(container.name.as_str());
        gap(name, None, other_engines::not_running(container))
    })
}

/// Docker bridges in a namespace that do not belong to a network of an engine there.
pub(super) fn unnamed(runner: &Runner, namespace: &NetworkNamespace) -> Vec<Gap> {
    let pod = runner.pod_namespace().map(|pod| pod.id);
    // The network of a node or machine also has the bridges of other engines.
    let shared = runner.host_network || runner.outermost != Outermost::Pod;
    let here = || {
        let engines = runner.engines.seen().iter();
        engines.filter(|engine| engine.namespace == namespace.id)
    };
    // A non-root exec cannot see which namespace a dockerd runs in: it may be this one.
    let unplaced = runner
        .engines
        .seen()
        .iter()
        .filter(|engine| engine.namespace == 0);
    let silent = here()
        .chain(unplaced)
        .any(|engine| networks_unseen(engine).is_some());
    // The networks of a missing engine are reported with that engine.
    let told = || engines_missing(runner).next().is_some();
    if silent || (pod == Some(namespace.id) && (shared || told())) {
        return Vec::new();
    }
    let engine = here().next().map(|engine| engine.path.as_str());
    let engine = engine.or(namespace.holders.first().map(String::as_str));
    let is_named = |bridge: &str| {
        let mut networks = here().filter_map(listed).flatten();
        networks.any(|network| network.bridge.as_deref() == Some(bridge))
    };
    let bridges = namespace.interfaces.seen().iter().map(|i| i.name.as_str());
    bridges
        .filter(|name| is_docker_bridge(name) && !is_named(name))
        .map(|name| gap(engine, Some(name.to_owned()), Reason::BridgeWithoutNetwork))
        .collect()
}
