//! Prow, the CI system of Kubernetes: each job is a pod; the image of its container `test` starts a
//! dockerd if a preset requests it. Labels are those of sigs.k8s.io/prow, pkg/kube/prowjob.go; in files,
//! jobs have those that select presets.

use super::{Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Prow",
    runner: "Prow job",
    with_engine: Some(Pod {
        labels: &["prow.k8s.io/", "created-by-prow", "preset-"],
        containers: &[],
    }),
    step_variable: Some("PROW_JOB_ID"),
    owners: &[("ProwJob", Site::Controller)],
    objects: &["prow.k8s.io/"],
    ..System::OF_PIPELINES
};

/// The labels of jobs that choose a preset, and the variable that it sets to `true`. Presets are defined in
/// Prow's own configuration, but these two have the same variables everywhere.
pub(crate) const PRESETS: [(&str, &str); 2] = [
    ("preset-dind-enabled", "DOCKER_IN_DOCKER_ENABLED"),
    (
        "preset-podman-in-container-enabled",
        "PODMAN_IN_CONTAINER_ENABLED",
    ),
];
