//! Facts of engines other than Docker: whether they run, and how their build steps reach the network.
//! What only Docker has does not apply to them.

use super::containers::known_errors;
use super::trouble::of_container;
use super::{EngineFacts, PidsRefused};
use crate::evidence::{
    BuildNetwork, Engine, EngineKind, NetworkNamespace, Observation, Observed, PodContainer,
    Reason, Runner, Unseen, Why,
};

/// That the engine of a container does not run, of whatever kind it is.
pub(super) fn not_running(container: &PodContainer) -> Reason {
    let container_name = container.name.clone();
    match container.other_engine {
        Some(other) => Reason::NoDaemon {
            container: container_name,
            engine: other.kind,
        },
        None => Reason::NoDockerd {
            container: container_name,
        },
    }
}

/// Whether the build steps of an engine use its own network, and not a bridge of it.
pub(crate) fn uses_own_network(runner: &Runner, engine: &Engine) -> bool {
    engine.build_network == Some(BuildNetwork::Host) && !has_bridge(runner, engine)
}

fn has_bridge(runner: &Runner, engine: &Engine) -> bool {
    let interfaces = namespace(runner, engine).map_or(&[][..], |ns| ns.interfaces.seen());
    interfaces
        .iter()
        .any(|i| engine.kind.engine().is_bridge(&i.name))
}

fn namespace<'a>(runner: &'a Runner, engine: &Engine) -> Option<&'a NetworkNamespace> {
    let mut all = runner.namespaces.seen().iter();
    all.find(|namespace| namespace.id == engine.namespace)
}

/// Why the networks of such an engine are not known, where they are not.
pub(crate) fn unseen(runner: &Runner, engine: &Engine) -> Option<Reason> {
    if engine.planned.is_some() {
        return None;
    }
    if runner.declared.is_some() {
        return Some(Reason::BuildNetworkUntold {
            engine: engine.kind,
        });
    }
    let Some(namespace) = namespace(runner, engine) else {
        return Some(Reason::NamespaceNotRead);
    };
    if let Unseen(reason) = &namespace.interfaces {
        return Some(reason.clone());
    }
    if has_bridge(runner, engine) || uses_own_network(runner, engine) {
        return None;
    }
    match &engine.api {
        Unseen(reason @ Reason::NotBuilding { .. }) => Some(reason.clone()),
        _ if engine.kind.engine().is_on_demand() => Some(Reason::NotBuilding {
            container: engine.name().to_owned(),
            engine: engine.kind,
        }),
        _ => Some(Reason::BuildNetworkNotSeen {
            engine: engine.kind,
        }),
    }
}

/// An engine that was seen.
pub(super) fn seen(engine: &Engine, container: Option<&PodContainer>) -> EngineFacts {
    let mut facts = of(&engine.path, engine.kind, container);
    facts.name = engine.name().to_owned();
    facts.depth = i64::try_from(engine.depth()).unwrap_or(i64::MAX);
    facts.pids_refused = Observed(PidsRefused::worst(engine));
    if container.is_none() {
        facts.image = engine.image.clone();
    }
    facts
}

/// A container whose engine was not seen.
pub(super) fn absent(runner: &Runner, container: &PodContainer, kind: EngineKind) -> EngineFacts {
    let mut facts = of(&container.name, kind, Some(container));
    facts.trouble = trouble(runner, container);
    if let Observed(Some(_)) = &facts.trouble {
        facts.unseen_because = Some(not_running(container).id());
    }
    facts
}

fn trouble(runner: &Runner, container: &PodContainer) -> Observation<Option<String>> {
    if runner.declared.is_some() {
        return Observation::Unobserved(Reason::NothingRuns);
    }
    if let Some(known) = of_container(runner, container) {
        return known;
    }
    match runner.engines.reason() {
        Some(reason) if reason.why() != Why::NotRunning => Unseen(reason.clone()),
        _ if container.other_engine.is_some_and(|other| other.on_demand) => Observed(None),
        _ => Observed(Some(not_running(container).to_string())),
    }
}

fn of(path: &str, kind: EngineKind, container: Option<&PodContainer>) -> EngineFacts {
    fn not<T>(engine: EngineKind) -> Observation<T> {
        Unseen(Reason::NotDocker { engine })
    }
    let log = container.map(|container| known_errors(container, true));
    EngineFacts {
        name: path.to_owned(),
        engine: path.to_owned(),
        depth: 0,
        trouble: Observed(None),
        unseen_because: None,
        image: match container {
            Some(container) => Observed(container.image.clone()),
            None => not(kind),
        },
        image_floats: not(kind),
        tag_version: not(kind),
        tag_disagrees: not(kind),
        version: not(kind),
        unmaintained: not(kind),
        recommended_image: None,
        known_bad: not(kind),
        missing_runtime: not(kind),
        node_docker: not(kind),
        node_disagrees: not(kind),
        containerd: not(kind),
        containerd_read: false,
        containerd_overflows: not(kind),
        oom_score_adj: not(kind),
        oom_score_read: false,
        log: log
            .and_then(|log| log.observed().cloned())
            .unwrap_or_default(),
        storage_driver: not(kind),
        driver_told: None,
        disk: not(kind),
        open_files: not(kind),
        shares_data_with: None,
        ignored_opts: not(kind),
        ignored_flags: None,
        right_host: None,
        config_invalid: not(kind),
        needless_tls: false,
        socket_denied: not(kind),
        free_subnets: not(kind),
        free_range: None,
        proxy_missing: not(kind),
        dead_proxy: not(kind),
        pids_refused: not(kind),
        builds_outside: not(kind),
        memory_limit: container.and_then(|container| container.memory_limit.clone()),
        start_pause: not(kind),
    }
}
