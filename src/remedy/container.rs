//! Changes to a container of the pod that leave its image and the rest of its engine as they are.

use super::want::Variable;
use super::{Patient, place, template};
use crate::diagnosis::Remedy;
use crate::evidence::Provider;
use crate::facts::versions::ImageRef;

pub fn runner_image(patient: &Patient, image: &str) -> Remedy {
    let body = format!("  image: {}", versioned(patient, image));
    own(patient, "name a version of the runner", &body)
}

pub fn secret_env(patient: &Patient, names: &[String]) -> Remedy {
    let entry = |name: &String| {
        format!(
            "  - name: {name}\n    valueFrom:\n      secretKeyRef:\n        name: runner-credentials\n        key: {name}"
        )
    };
    let entries: Vec<String> = names.iter().map(entry).collect();
    own(
        patient,
        "take the value from a Secret, and replace the value itself",
        &format!("  env:\n{}", entries.join("\n")),
    )
}

pub fn registry_mirror(patient: &Patient) -> Remedy {
    own(
        patient,
        "pull Docker Hub's images through a mirror of your own, by one more argument of its engine",
        "  args:\n  - --registry-mirror=https://YOUR-MIRROR",
    )
}

/// What to write for the container that the finding is about.
fn own(patient: &Patient, what: &str, body: &str) -> Remedy {
    let name = patient.path;
    let init = patient.pod_container().is_some_and(|c| c.init);
    let place = place::pod(patient.runner);
    Remedy::new(
        format!(
            "In the pod template of {} {}, container {name}: {what}",
            place.kind, place.name
        ),
        format!("{}:\n- name: {name}\n{body}", template::list(init)),
    )
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
pub fn engine_env(patient: &Patient, variable: &Variable) -> Remedy {
    let engines = || patient.runner.engine_containers();
    let own = engines().find(|engine| engine.name == patient.path);
    let engine = match patient.is_nested() {
        true => None,
        false => own.or_else(|| engines().next()),
    };
    let Variable { name, value } = variable;
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
