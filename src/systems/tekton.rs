//! Tekton: the pod of a TaskRun has a container for each step (`step-…`) and each sidecar (`sidecar-…`).

use super::{Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Tekton",
    runner: "Tekton TaskRun",
    with_engine: Some(Pod {
        labels: &["tekton.dev/"],
        containers: &[],
    }),
    owners: &[("TaskRun", Site::Controller)],
    objects: &["tekton.dev/"],
    ..System::OF_PIPELINES
};
