//! The layers of a runner from the node uplink down, as reports show them.

use crate::diagnosis::{Carrier, Layer, LayerKind};
use crate::evidence::{
    Engine, Evidence, Node, Observation, Observed, Outermost, PathMtu, Reason, Runner, Unseen,
};
use crate::facts::networks::{NetworkView, awaits_nested_engine, views};
use crate::facts::networks_unseen;
use crate::facts::{NetworkFacts, node_docker_version, other_engines};

const NODE: usize = 0;
const POD: usize = 1;
const FIRST_ENGINE: usize = 2;

/// Lays out what was seen of one runner.
pub fn layers(evidence: &Evidence, runner: &Runner) -> Vec<Layer> {
    let mut layers = Vec::new();
    let node = runner.node.as_ref();
    if let Some(node) = node.and_then(|name| evidence.nodes.iter().find(|n| n.name == *name)) {
        layers.extend(of_node(node));
    }
    layers.push(of_pod(evidence, runner));
    let views = views(evidence, runner);
    for engine in runner.engines.seen() {
        let of_engine = views.iter().filter(|view| view.engine == engine);
        layers.extend(of_engine.map(network));
        if !engine.kind.is_docker() {
            layers.extend(other_engine(runner, engine));
            continue;
        }
        if let Some(reason) = networks_unseen(engine) {
            layers.push(unseen_engine(engine, reason));
        }
    }
    if let Some(reason) = runner.engines.reason() {
        let name = runner.engine_containers().next().map(|c| c.name.as_str());
        layers.push(unseen(FIRST_ENGINE, name.unwrap_or("engine"), reason));
    }
    if awaits_nested_engine(runner) {
        layers.push(Layer {
            note: Some("runs only while a step uses Docker".to_owned()),
            ..unseen(FIRST_ENGINE + 1, "nested engine", &Reason::NoNestedEngine)
        });
    }
    layers
}

fn of_node(node: &Node) -> Vec<Layer> {
    let mut layers = vec![
        Layer {
            name: node
                .uplink
                .observed()
                .map_or("ethernet".to_owned(), |u| u.name.clone()),
            mtu: node.uplink.observed().map(|uplink| uplink.mtu),
            runs: Some(node.runtime.clone()),
            note: dropped(node),
            ..Layer::new(LayerKind::NodeUplink, NODE)
        }
        .without(node.uplink.reason()),
    ];
    let runs_docker = node_docker_version(node);
    match &node.docker_bridge {
        // A docker0 alone may be left from a Docker that is gone.
        Observed(Some(mtu)) if runs_docker.is_some() => layers.push(Layer {
            name: "docker0".to_owned(),
            mtu: Some(*mtu),
            runs: runs_docker.map(|version| format!("Docker {version}")),
            note: Some("not on the path of pods".to_owned()),
            ..Layer::new(LayerKind::NodeDocker, NODE)
        }),
        Unseen(reason) if runs_docker.is_some() => layers.push(
            Layer {
                name: "docker0".to_owned(),
                runs: runs_docker.map(|version| format!("Docker {version}")),
                ..Layer::new(LayerKind::NodeDocker, NODE)
            }
            .without(Some(reason)),
        ),
        _ => {}
    }
    layers
}

/// The hop before the narrow link drops what does not fit: with a pod network it is the node.
fn dropped(node: &Node) -> Option<String> {
    let count = node
        .dropped
        .as_ref()?
        .observed()
        .filter(|count| **count > 0)?;
    Some(format!(
        "dropped {count} packets as too large during the examination"
    ))
}

fn of_pod(evidence: &Evidence, runner: &Runner) -> Layer {
    let cni = evidence
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.cni.as_ref());
    let kind = match runner.outermost {
        Outermost::Pod => LayerKind::PodNetwork,
        _ => LayerKind::OuterNetwork,
    };
    let mut pod = Layer {
        name: match runner.outermost {
            Outermost::Pod => "pod network",
            Outermost::Machine => "machine's network",
            Outermost::Container => "container's network",
        }
        .to_owned(),
        runs: cni.observed().map(|cni| cni.name.clone()),
        ..Layer::new(kind, POD)
    }
    .without(match runner.host_network {
        true => Some(&Reason::HostNetwork),
        false => runner.namespaces.reason(),
    });
    let Some(namespace) = runner.pod_namespace() else {
        return pod;
    };
    let route = match &namespace.route_v4 {
        Observed(Some(route)) => Some(route),
        _ => namespace.route_v6.observed().and_then(Option::as_ref),
    };
    let device = route.and_then(|route| namespace.interface(&route.interface));
    match (device, route) {
        (Some(device), Some(route)) => {
            pod.name = match runner.outermost {
                Outermost::Pod => device.name.clone(),
                _ => format!("{} {}", pod.name, device.name),
            };
            let carries = route.carries(device);
            pod.mtu = Some(carries);
            if carries < device.mtu {
                pod.note = Some(format!("device MTU {}, lowered by its route", device.mtu));
            }
        }
        _ if pod.unseen.is_none() => {
            let unseen = namespace.interfaces.reason();
            pod = pod.without(unseen.or(namespace.route_v4.reason()));
        }
        _ => {}
    }
    let measured = namespace.path_mtu.as_ref().map(measured);
    pod.noted(measured)
}

/// The path MTU from the pod network.
fn measured(found: &Observation<PathMtu>) -> String {
    let path = match found {
        Observed(path) => path,
        Observation::Unobserved(reason) => return reason.to_string(),
    };
    let icmp = match path.icmp {
        true => "ICMP arrives, and the kernel keeps it for that host for about ten minutes",
        false => "ICMP is lost",
    };
    match (path.mtu, path.too_large) {
        (Some(mtu), Some(_)) => format!("path MTU {mtu} (measured; {icmp})"),
        (Some(mtu), None) => format!("packets of {mtu} bytes get through"),
        (None, _) => format!("the path MTU is smaller (measured; {icmp})"),
    }
}

fn network(view: &NetworkView) -> Layer {
    let facts = &view.facts;
    let judged = view.not_judged.is_none();
    let carrier = facts.carrier.observed().filter(|_| judged);
    let unseen = facts.mtu.reason().or(facts.carrier.reason());
    let unseen = unseen.filter(|_| judged);
    Layer {
        name: facts.name.clone(),
        engine: Some(facts.engine.clone()),
        runs: runs(view.engine),
        mtu: facts.mtu.observed().copied(),
        carrier: carrier.map(|link| Carrier {
            name: link.name.clone(),
            mtu: link.mtu,
        }),
        inverted: match (facts.mtu.observed(), carrier) {
            (Some(mtu), Some(carrier)) => *mtu > carrier.mtu,
            _ => false,
        },
        clamped: facts.clamped.observed() == Some(&true),
        ..Layer::new(LayerKind::DockerNetwork, FIRST_ENGINE + view.engine.depth())
    }
    .without(unseen)
    .noted(view.not_judged.clone().or(tried(facts)))
}

/// What a download from a network proved.
fn tried(facts: &NetworkFacts) -> Option<String> {
    let found = facts.download.observed()?.as_deref()?;
    Some(match found {
        "completes" => "a download completes".to_owned(),
        "hangs" => "a download hangs".to_owned(),
        _ => "a download cannot connect".to_owned(),
    })
}

/// An engine other than Docker without a bridge of its own.
fn other_engine(runner: &Runner, engine: &Engine) -> Option<Layer> {
    if let Some(reason) = other_engines::unseen(runner, engine) {
        return Some(Layer {
            runs: runs(engine),
            ..unseen_engine(engine, &reason)
        });
    }
    other_engines::uses_own_network(runner, engine).then(|| Layer {
        name: "host network".to_owned(),
        engine: Some(engine.path.clone()),
        runs: runs(engine),
        note: Some("build steps use the network of the engine's container".to_owned()),
        ..Layer::new(LayerKind::DockerNetwork, FIRST_ENGINE + engine.depth())
    })
}

fn runs(engine: &Engine) -> Option<String> {
    if !engine.kind.is_docker() {
        let programs = engine.programs.iter();
        let versions: Vec<String> = programs
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        return Some(match versions.is_empty() {
            true => engine.kind.engine().name.to_owned(),
            false => versions.join(", "),
        });
    }
    let api = engine.api.observed()?;
    let containerd = api.containerd.as_ref().map(|c| format!(", containerd {c}"));
    Some(format!(
        "Docker {}{}",
        api.version,
        containerd.unwrap_or_default()
    ))
}

fn unseen_engine(engine: &Engine, reason: &Reason) -> Layer {
    Layer {
        engine: Some(engine.path.clone()),
        ..unseen(FIRST_ENGINE + engine.depth(), "other networks", reason)
    }
}

fn unseen(depth: usize, name: &str, reason: &Reason) -> Layer {
    Layer {
        name: name.to_owned(),
        ..Layer::new(LayerKind::Unseen, depth)
    }
    .without(Some(reason))
}

impl Layer {
    /// Something of it was not seen.
    fn without(self, reason: Option<&Reason>) -> Layer {
        Layer {
            note: reason.map(ToString::to_string).or(self.note),
            unseen: reason.cloned(),
            ..self
        }
    }

    /// What matters more than that.
    fn noted(self, note: Option<String>) -> Layer {
        Layer {
            note: note.or(self.note),
            ..self
        }
    }
}
