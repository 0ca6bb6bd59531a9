//! Changes to the pod: the engine's container, and a sidecar for the whole pod.

use super::{Patient, docker};
use crate::diagnosis::Remedy;
use crate::evidence::{InterfaceKind, Observed};

pub fn engine_mtu(patient: &Patient, mtu: i64) -> Remedy {
    let version = patient.version();
    let config = patient.engine.and_then(|e| e.config.observed()?.as_ref());
    // The same setting as a flag and in the file is refused: dockerd would not start.
    if config.is_some_and(|config| config.mtu.is_some()) {
        return Remedy {
            title: format!(
                "{}: change the MTU in its daemon.json, where it is set now",
                place(patient)
            ),
            snippet: docker::mtu_config(version.as_ref(), mtu),
        };
    }
    let flags = docker::mtu_flags(version.as_ref(), mtu);
    let flags: Vec<String> = flags.iter().map(|flag| format!("  - {flag}")).collect();
    Remedy {
        title: format!("{}: add to the arguments of its engine", place(patient)),
        snippet: container(patient, &format!("  args:\n{}", flags.join("\n"))),
    }
}

pub fn image(patient: &Patient, which: &str, image: &str) -> Remedy {
    Remedy {
        title: format!("{}: {which}", place(patient)),
        snippet: container(patient, &format!("  image: {image}")),
    }
}

pub fn memory_request(patient: &Patient, memory: &str) -> Remedy {
    Remedy {
        title: format!(
            "{}: ask for memory, and the pod is no longer BestEffort",
            place(patient)
        ),
        snippet: container(
            patient,
            &format!("  resources:\n    requests:\n      memory: {memory}"),
        ),
    }
}

pub fn restart(patient: &Patient) -> Remedy {
    let runner = patient.runner;
    let namespace = &runner.namespace;
    let outer = patient.path.split('/').next().unwrap_or(patient.path);
    Remedy {
        title: "See why it does not answer, then start a new pod".to_owned(),
        snippet: format!(
            "kubectl -n {namespace} logs {pod} -c {outer} --tail=50\nkubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}",
            pod = runner.pod
        ),
    }
}

/// One rule in the pod's namespace lowers every TCP connection from every level below, and needs
/// no repository touched. It helps only where the pod network is the neck.
pub fn clamp(patient: &Patient, mtu: i64) -> Option<Remedy> {
    let namespace = patient.runner.pod_namespace()?;
    let Observed(Some(route)) = &namespace.route_v4 else {
        return None;
    };
    let device = namespace.interface(&route.interface)?;
    if route.carries(device) != mtu || device.kind == InterfaceKind::Tun {
        return None;
    }
    // Whatever image the pod's engine runs from has iptables, for dockerd needs it.
    let image = patient
        .runner
        .engine_containers()
        .next()
        .map(|c| c.image.as_str());
    let image = image.unwrap_or("docker:28-dind");
    Some(Remedy {
        title: format!(
            "{}, for every level at once and no repository touched: a container that lowers TCP connections to the pod network (TCP only; UDP stays as it is)",
            template(patient)
        ),
        snippet: format!(
            "containers:\n- name: clamp-mss\n  image: {image}\n  command:\n  - sh\n  - -c\n  - iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu && exec sleep 2147483647\n  securityContext:\n    capabilities:\n      add: [NET_ADMIN]"
        ),
    })
}

pub(super) fn container(patient: &Patient, body: &str) -> String {
    let init = patient
        .runner
        .containers
        .iter()
        .any(|c| c.init && c.name == patient.path);
    let list = if init { "initContainers" } else { "containers" };
    format!("{list}:\n- name: {}\n{body}", patient.container())
}

pub(super) fn place(patient: &Patient) -> String {
    format!("{}, container {}", template(patient), patient.container())
}

/// What to edit: the owner's pod template.
fn template(patient: &Patient) -> String {
    match &patient.runner.owner {
        Some(owner) if owner.kind == "Job" => {
            format!(
                "In the manifest of Job {} (a Job is replaced, not edited: kubectl replace --force -f)",
                owner.name
            )
        }
        Some(owner) if owner.kind == "ReplicaSet" => {
            let name = owner
                .name
                .rsplit_once('-')
                .map_or(owner.name.as_str(), |(name, _)| name);
            format!("In Deployment {name}")
        }
        Some(owner) => format!("In {} {}", owner.kind, owner.name),
        None => format!("In the manifest of pod {}", patient.runner.pod),
    }
}
