//! Prow, Kubernetes' own CI system: each job is a pod, in whose container `test` the image starts a dockerd
//! if a preset says so. Labels are those of sigs.k8s.io/prow, pkg/kube/prowjob.go; in files, jobs have
//! those that choose presets.

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
