//! Changes to a container of the pod that leave its image and the rest of its engine as they are.

use super::{Patient, place, resources, template};
use crate::diagnosis::Remedy;
use crate::evidence::Provider;
use crate::facts::versions::ImageRef;

pub fn cure(patient: &Patient, want: &str, value: &str) -> Vec<Remedy> {
    let (what, body) = match want {
        "runner_image" => (
            "name a version of the runner",
            format!("  image: {}", versioned(patient, value)),
        ),
        "secret_env" => (
            "take the value from a Secret, and replace the value itself",
            format!("  env:\n{}", from_secret(value)),
        ),
        "registry_mirror" => (
            "pull Docker Hub's images through a mirror of your own, by one more argument of its engine",
            "  args:\n  - --registry-mirror=https://YOUR-MIRROR".to_owned(),
        ),
        "engine_env" => return vec![engine_env(patient, value)],
        _ => return resources::cure(patient, want, value),
    };
    let name = patient.path;
    let init = patient.pod_container().is_some_and(|c| c.init);
    let place = place::pod(patient.runner);
    vec![Remedy::new(
        format!(
            "In the pod template of {} {}, container {name}: {what}",
            place.kind, place.name
        ),
        format!("{}:\n- name: {name}\n{body}", template::list(init)),
    )]
}

/// What to write for a container of the pod: its lines are indented as its name is.
pub fn lines(patient: &Patient, name: &str, init: bool, what: &str, body: &str) -> Remedy {
    let pod = place::words(&place::pod(patient.runner));
    Remedy::new(
        format!("{pod}, container {name}: {what}"),
        format!("{}:\n- name: {name}\n{body}", template::list(init)),
    )
}

/// Where the patient is no engine, the engine that it asks is: the pod's own.
fn engine_env(patient: &Patient, variable: &str) -> Remedy {
    let engines = || patient.runner.engine_containers();
    let own = engines().find(|engine| engine.name == patient.path);
    let engine = match patient.is_nested() {
        true => None,
        false => own.or_else(|| engines().next()),
    };
    let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
    match engine {
        Some(engine) => lines(
            patient,
            &engine.name,
            engine.init,
            "give its dockerd this variable",
            &format!("  env:\n  - name: {name}\n    value: \"{value}\""),
        ),
        None => Remedy::new(
            "Where the engine is started, give its dockerd this variable",
            format!("{name}={value}"),
        ),
    }
}

/// Bitbucket documents the tag `1`; which versions other runners have is not ours to know.
fn versioned(patient: &Patient, image: &str) -> String {
    let repository = ImageRef::parse(image).repository;
    match patient.runner.provider {
        Provider::Bitbucket => format!("{repository}:1"),
        _ => format!("{repository}:VERSION"),
    }
}

fn from_secret(names: &str) -> String {
    let entry = |name: &str| {
        format!(
            "  - name: {name}\n    valueFrom:\n      secretKeyRef:\n        name: runner-credentials\n        key: {name}"
        )
    };
    names.split(", ").map(entry).collect::<Vec<_>>().join("\n")
}
