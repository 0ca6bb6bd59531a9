//! Changes to one container of the pod: its image, its privileges, its volume, its secrets.

use super::{Patient, pod};
use crate::diagnosis::Remedy;
use crate::evidence::Provider;
use crate::evidence::versions::ImageRef;

pub fn cure(patient: &Patient, want: &str, value: &str) -> Vec<Remedy> {
    let (what, body) = match want {
        "runner_image" => (
            "name a version of the runner",
            format!("  image: {}", versioned(patient, value)),
        ),
        "privileged" => (
            "make it privileged",
            "  securityContext:\n    privileged: true".to_owned(),
        ),
        "engine_volume" => return vec![volume(patient)],
        "secret_env" => (
            "take the value from a Secret, and replace the value itself",
            format!("  env:\n{}", from_secret(value)),
        ),
        _ => return Vec::new(),
    };
    vec![Remedy {
        title: format!("{}: {what}", pod::place(patient)),
        snippet: pod::container(patient, &body),
    }]
}

/// Bitbucket documents the tag `1`; which versions other runners have is not ours to know.
fn versioned(patient: &Patient, image: &str) -> String {
    let repository = ImageRef::parse(image).repository;
    match patient.runner.provider {
        Provider::Bitbucket => format!("{repository}:1"),
        _ => format!("{repository}:VERSION"),
    }
}

fn volume(patient: &Patient) -> Remedy {
    let mount = "  volumeMounts:\n  - name: docker-data\n    mountPath: /var/lib/docker";
    Remedy {
        title: format!("{}: give it a volume", pod::place(patient)),
        snippet: format!(
            "{}\nvolumes:\n- name: docker-data\n  emptyDir:\n    sizeLimit: 50Gi",
            pod::container(patient, mount)
        ),
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
