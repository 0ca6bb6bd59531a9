//! Engines other than Docker in a file's pod: the networks that they will create, according to their
//! arguments.

use super::network::{POD, user_network};
use crate::collect::discover;
use crate::collect::walk::other_engine::{NETWORK_FLAG, bare};
use crate::evidence::{
    BuildNetwork, DockerNetwork, Engine, EngineKind, Observation, Observed, Planned, Reason, Runner,
};
use crate::text::plain::plain;
use k8s_openapi::api::core::v1::{Container, Pod};

/// The bridge that BuildKit creates with `--oci-worker-net=bridge`.
pub(super) const BRIDGE: &str = "buildkit0";

/// The engines that the containers of a pod will run.
pub(super) fn planned(runner: &Runner, pod: &Pod) -> Vec<Engine> {
    let others = runner.containers.iter().filter_map(|container| {
        let other = container.other_engine?;
        let mut all = discover::pod::containers(pod);
        let (written, _) = all.find(|(written, _)| written.name == container.name)?;
        let mut engine = Engine {
            namespace: POD,
            image: Observed(container.image.clone()),
            api: Observation::Unobserved(Reason::NothingRuns),
            ..bare(&container.name, other.kind)
        };
        let network = network(other.kind, written);
        if let Some(Network { bridge, flag }) = network {
            engine.args = flag.into_iter().collect();
            engine.build_network = Some(match bridge {
                true => BuildNetwork::Bridge,
                false => BuildNetwork::Host,
            });
            engine.planned = Some(Planned {
                ignored_opts: Vec::new(),
                networks: bridge.then(buildkits_bridge).into_iter().collect(),
            });
        }
        Some(engine)
    });
    others.collect()
}

struct Network {
    bridge: bool,
    flag: Option<String>,
}

/// How build steps will reach the network, if the file sets it.
fn network(kind: EngineKind, container: &Container) -> Option<Network> {
    if kind != EngineKind::Buildkit {
        return None;
    }
    let words = container.command.iter().chain(&container.args).flatten();
    let words: Vec<&str> = words.flat_map(|word| word.split_whitespace()).collect();
    let value = |at: usize| match words[at].split_once('=') {
        Some((NETWORK_FLAG, value)) => Some(value),
        None if words[at] == NETWORK_FLAG => words.get(at + 1).copied(),
        _ => None,
    };
    let told = (0..words.len()).rev().find_map(value);
    let flag = told.map(|value| format!("{NETWORK_FLAG}={}", plain(value)));
    let mut mounts = container.volume_mounts.iter().flatten();
    let has_file = mounts.any(|mount| mount.mount_path.starts_with("/etc/buildkit"));
    match told {
        Some("bridge") => Some(Network { bridge: true, flag }),
        Some("host") => Some(Network {
            bridge: false,
            flag,
        }),
        Some("auto") | None if !has_file => Some(Network {
            bridge: false,
            flag,
        }),
        _ => None,
    }
}

fn buildkits_bridge() -> DockerNetwork {
    DockerNetwork {
        bridge: Some(BRIDGE.to_owned()),
        ..user_network(BRIDGE, None)
    }
}
