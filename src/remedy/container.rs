//! Changes to a container of the pod that has nothing to do with how its engine is set up: its image,
//! its secrets.

use super::{Patient, place, resources, template};
use crate::diagnosis::Remedy;
use crate::evidence::Provider;
use crate::evidence::versions::ImageRef;

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
