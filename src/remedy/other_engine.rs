//! Networks of engines other than Docker: their MTU by each engine's own means, their rules by a command.

use super::{EngineRef, Want, network, pod};
use crate::diagnosis::Remedy;
use crate::evidence::EngineKind;
use serde_json::json;

/// The fixes of such an engine, where the want is one that it has a setting for.
pub fn fix(engine_ref: &EngineRef, kind: EngineKind, want: &Want) -> Vec<Remedy> {
    match want {
        Want::EngineMtu(mtu) | Want::NetworkMtu(mtu) => {
            let mut fixes = match kind {
                EngineKind::Buildkit => buildkit(engine_ref, *mtu),
                EngineKind::Podman => podman(*mtu),
                // It takes the MTU of its container's interface, and has no setting.
                EngineKind::Dagger | EngineKind::Docker => Vec::new(),
            };
            fixes.extend(pod::clamp(engine_ref, *mtu));
            fixes
        }
        Want::EngineCommand(command) => vec![network::command(engine_ref, command)],
        Want::EngineRestart(path) => vec![pod::restart(engine_ref, path)],
        _ => Vec::new(),
    }
}

/// Without its bridge, steps use the network of buildkitd. Who wants a bridge describes it.
fn buildkit(engine_ref: &EngineRef, mtu: i64) -> Vec<Remedy> {
    const HOST: &str = "--oci-worker-net=host";
    let mut fixes = match engine_ref.pod_container() {
        Some(_) => engine_ref.change(|s| s.flags = vec![HOST.to_owned()]),
        None => vec![Remedy::new(
            "Create the builder with a flag for its buildkitd",
            format!("docker buildx create --buildkitd-flags '{HOST}' --use"),
        )],
    };
    let bridge = json!({
        "type": "bridge", "bridge": "buildkit0", "isDefaultGateway": true, "ipMasq": true, "mtu": mtu,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.10.0.0/16"}]]},
    });
    let network = json!({
        "cniVersion": "1.0.0", "name": "buildkit", "plugins": [{"type": "loopback"}, bridge],
    });
    fixes.push(Remedy::new(
        "Or keep a bridge: mount this as /etc/buildkit/cni.json and set `--oci-worker-net=cni` (the CNI plugins must be in /opt/cni/bin)",
        network.to_string(),
    ));
    fixes
}

/// netavark 1.16 and later need no setting.
fn podman(mtu: i64) -> Vec<Remedy> {
    vec![Remedy::new(
        "Create a network with an MTU and use it for builds and containers; or use netavark 1.16 or later, which takes the MTU of the container's interface",
        format!(
            "podman network create --opt mtu={mtu} ci\npodman run --network ci …\npodman build --network ci …"
        ),
    )]
}
