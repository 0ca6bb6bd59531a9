//! Changes to the pod: the engine's container, and a sidecar for the whole pod.

use super::{Patient, docker, place, template};
use crate::diagnosis::{Change, Remedy, Site};
use crate::evidence::{InterfaceKind, Launcher, Observed, Outermost};
use crate::text::shell;
use crate::yaml::{self, Edit, Step};
use serde_json::{Map, Value, json};

/// Settings of a container in a pod's template.
pub fn paste(change: &Change, phrase: &str) -> Remedy {
    let place = place::words(&change.place);
    let container = &change.container;
    if only_clamp(change) {
        return Remedy {
            change: Some(change.clone()),
            ..Remedy::new(format!("{place}, {CLAMP}"), fragment(change))
        };
    }
    let title = format!(
        "{place}, container {container}: {phrase}{}",
        docker::how_launched(change)
    );
    match change.launch.as_ref().map(|launch| launch.by) {
        // What starts dockerd there is not to be edited by a program.
        Some(Launcher::Script) if change.settings.has_flags() => {
            Remedy::new(title, docker::flags(change).join(" "))
        }
        _ => Remedy {
            change: Some(change.clone()),
            ..Remedy::new(title, fragment(change))
        },
    }
}

const CLAMP: &str = "for every level at once and no repository touched: a container that lowers TCP connections to the pod network (TCP only; UDP stays as it is)";

fn only_clamp(change: &Change) -> bool {
    let settings = &change.settings;
    settings.clamp
        && !settings.has_flags()
        && settings.image.is_none()
        && settings.memory_request.is_none()
        && !(settings.volume || settings.privileged)
}

/// What is new in a pod's template: the edits, made in what is known of it. A list that holds more
/// says so, for evidence is not the manifest.
pub fn fragment(change: &Change) -> String {
    let mut spec = Map::new();
    if !only_clamp(change) {
        let list = template::list(change.init).to_owned();
        spec.insert(list, json!([{"name": change.container}]));
    }
    let mut spec = Value::Object(spec);
    // Nothing in so small a template is refused; a test sees to it.
    let edits = template::edits_of_pod(&spec, Vec::new(), change).unwrap_or_default();
    yaml::apply(&mut spec, &edits);
    let mut text = yaml::write(&spec);
    let mut lists: Vec<&[Step]> = Vec::new();
    for edit in &edits {
        let Edit::Append(path, _) = edit else {
            continue;
        };
        if let Some(Step::Key(name)) = path.last().filter(|_| !lists.contains(&path.as_slice())) {
            text = yaml::annotate(&text, path, &format!("add to {name}; keep the others"));
            lists.push(path);
        }
    }
    text.trim_end().to_owned()
}

/// A namespace may forbid it.
pub fn privileged(patient: &Patient) -> Vec<Remedy> {
    let mut cures = patient.change("it must be privileged to run an engine", |s| {
        s.privileged = true
    });
    let namespace = &patient.runner.namespace;
    if !patient.is_nested() && !namespace.is_empty() {
        cures.push(Remedy {
            together: true,
            ..Remedy::new(
                "If the namespace refuses it (PodSecurity), allow it there",
                format!(
                    "kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=privileged --overwrite"
                ),
            )
        });
    }
    cures
}

pub fn restart(patient: &Patient, path: &str) -> Remedy {
    let runner = patient.runner;
    if runner.outermost != Outermost::Pod {
        return Remedy::new(
            "See whether it runs and why not",
            "docker info\njournalctl -u docker --since '10 minutes ago'   # on the machine that runs it",
        );
    }
    let namespace = shell::word(&runner.namespace);
    let outer = path.split('/').next().unwrap_or(path);
    Remedy::new(
        "See why it does not answer, then start a new pod",
        format!(
            "kubectl -n {namespace} logs {pod} -c {outer} --tail=50\nkubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}",
            pod = shell::word(&runner.pod)
        ),
    )
}

/// One rule in the pod's namespace lowers every TCP connection from every level below, and needs
/// no repository touched. It helps only where the pod network is the neck.
pub fn clamp(patient: &Patient, mtu: i64) -> Option<Remedy> {
    if patient.runner.outermost != Outermost::Pod {
        return None;
    }
    let namespace = patient.runner.pod_namespace()?;
    let Observed(Some(route)) = &namespace.route_v4 else {
        return None;
    };
    let device = namespace.interface(&route.interface)?;
    if route.carries(device) != mtu || device.kind == InterfaceKind::Tun {
        return None;
    }
    // Whatever image the pod's engine runs from has iptables, for dockerd needs it.
    let outer = patient.runner.engine_containers().next()?;
    let outer = Patient {
        runner: patient.runner,
        path: &outer.name,
        engine: None,
    };
    let mut change = outer.unchanged(place::pod(patient.runner));
    change.settings.clamp = true;
    Some(match change.place.site {
        Site::ArcScaleSet => super::github_arc::scale_set(&change, CLAMP),
        Site::ArcRunner => super::github_arc::runner(&change, CLAMP),
        Site::Gitlab => super::gitlab::clamp(&change),
        _ => paste(&change, ""),
    })
}
