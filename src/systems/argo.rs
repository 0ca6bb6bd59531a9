//! Argo Workflows: the pod of a step has the containers `main` and `wait`, and a container for each
//! sidecar of its template.

use super::{Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "Argo Workflows",
    runner: "Argo Workflows step",
    with_engine: Some(Pod {
        labels: &["workflows.argoproj.io/"],
        containers: &[],
    }),
    owners: &[("Workflow", Site::Controller)],
    objects: &[
        "argoproj.io/Workflow",
        "argoproj.io/CronWorkflow",
        "argoproj.io/ClusterWorkflow",
    ],
    ..System::OF_PIPELINES
};
