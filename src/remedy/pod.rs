//! Changes to the pod: the engine's container, and a sidecar for the whole pod.

use super::{EngineRef, arguments, docker, place, template, words};
use crate::diagnosis::{Change, Remedy};
use crate::evidence::{InterfaceKind, Launcher, Observed, Outermost, Provider, Runner};
use crate::text::shell;
use crate::yaml;
use serde_json::{Map, Value, json};

/// Settings of a container in a pod's template.
pub fn paste(change: &Change) -> Remedy {
    let title = words::title(change);
    match change.launch.as_ref().map(|launch| launch.by) {
        // A program cannot edit the script that starts dockerd there.
        Some(Launcher::Script) if change.settings.has_flags() => {
            Remedy::new(title, docker::flags(change).join(" "))
        }
        _ => Remedy {
            change: Some(change.clone()),
            ..Remedy::new(title, fragment(change))
        },
    }
}

/// What is new in a pod's template: the edits, applied to what is known of it.
pub fn fragment(change: &Change) -> String {
    let mut spec = Map::new();
    if !change.settings.is_only_clamp() {
        let list = template::list(change.init).to_owned();
        let mut container = json!({"name": change.container});
        let launcher = change.launch.as_ref().map(|launch| launch.by);
        let known = arguments::known(change);
        if !known.is_empty() && launcher != Some(Launcher::Command) {
            container["args"] = json!(known);
        }
        spec.insert(list, json!([container]));
    }
    let spec = Value::Object(spec);
    // No edit of such a small template is refused; a test ensures this.
    let edits = template::edits_of_pod(&spec, Vec::new(), change).unwrap_or_default();
    template::fragment(spec, &edits)
}

/// A namespace's policy may forbid it.
pub fn privileged(engine_ref: &EngineRef) -> Vec<Remedy> {
    let mut fixes = engine_ref.change(|s| s.privileged = true);
    let namespace = &engine_ref.runner.namespace;
    if !engine_ref.is_nested() && !namespace.is_empty() {
        fixes.push(Remedy {
            together: true,
            ..Remedy::new(
                format!("Allow privileged pods in namespace `{namespace}`, if its Pod Security level rejects them"),
                format!(
                    "kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=privileged --overwrite"
                ),
            )
        });
    }
    fixes
}

pub fn restart(engine_ref: &EngineRef, path: &str) -> Remedy {
    let runner = engine_ref.runner;
    if runner.declared.is_some() {
        return shared_socket(path);
    }
    if runner.outermost != Outermost::Pod {
        return Remedy::new(
            "Find out why the engine does not run",
            "docker info\njournalctl -u docker --since '10 minutes ago'   # on the machine that runs it",
        );
    }
    let namespace = shell::word(&runner.namespace);
    let outer = path.split('/').next().unwrap_or(path);
    Remedy::new(
        format!(
            "Find out why the engine does not respond, then delete the pod{}",
            after_deletion(runner)
        ),
        format!(
            "kubectl -n {namespace} logs {pod} -c {outer} --tail=50\nkubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}",
            pod = shell::word(&runner.pod)
        ),
    )
}

/// What deleting the pod causes besides a new pod, if anything.
pub fn after_deletion(runner: &Runner) -> &'static str {
    let owner = runner.owner.as_ref().map(|owner| owner.kind.as_str());
    match (runner.provider, owner) {
        (Provider::Gitlab, _) => " (in GitLab the pod is the job, which fails with it)",
        (_, Some("Job")) => " (each deleted pod counts toward the Job's backoffLimit)",
        (_, Some("EphemeralRunner")) => " (its job fails; the controller creates a new runner)",
        (Provider::Jenkins, _) => " (its build fails)",
        (_, None) => " (nothing recreates it: its owner is not known)",
        _ => "",
    }
}

/// From a file, it is only known that the runner and the engine share no socket.
fn shared_socket(engine: &str) -> Remedy {
    let volume = json!({"name": "var-run", "mountPath": "/var/run"});
    let container = |name: &str| json!({"name": name, "volumeMounts": [volume]});
    let pod = json!({
        "containers": [container("RUNNER"), container(engine)],
        "volumes": [{"name": "var-run", "emptyDir": {}}],
    });
    Remedy::new(
        format!(
            "Mount one volume at /var/run in the runner's container and in container `{engine}`"
        ),
        yaml::write(&pod).trim_end(),
    )
}

/// One rule in the pod's namespace clamps TCP connections from every level below, and needs no change in
/// a repository. It helps only if the pod network is the bottleneck.
pub fn clamp(engine_ref: &EngineRef, mtu: i64) -> Option<Remedy> {
    if engine_ref.runner.outermost != Outermost::Pod {
        return None;
    }
    let namespace = engine_ref.runner.pod_namespace()?;
    let Observed(Some(route)) = &namespace.route_v4 else {
        return None;
    };
    let device = namespace.interface(&route.interface)?;
    let is_there = matches!(namespace.tcpmss, Observed(Some(_)));
    if is_there || route.carries(device) != mtu || device.kind == InterfaceKind::Tun {
        return None;
    }
    // The image of the pod's Docker has iptables, because dockerd needs it. Images of other engines may
    // lack it.
    let docker = engine_ref.runner.engine_containers().next();
    let outer = docker.or(engine_ref.runner.walked_containers().next())?;
    let outer = EngineRef {
        runner: engine_ref.runner,
        path: &outer.name,
        subject: "",
        engine: None,
    };
    let mut change = outer.unchanged(place::pod(engine_ref.runner));
    change.settings.clamp = true;
    change.image = change.image.filter(|_| docker.is_some());
    super::paste(&change).into_iter().next()
}
