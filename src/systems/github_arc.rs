//! GitHub's Actions Runner Controller: scale sets (`dind` is an init container there, from
//! Kubernetes 1.29) and the legacy controller (`docker`).

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "GitHub ARC",
    runner: "GitHub ARC runner",
    agent: Agent {
        images: &["actions-runner"],
        other_images: &["actions-runner-controller", "actions-runner-dind"],
        ..Agent::NONE
    },
    without_engine: true,
    with_engine: Some(Pod {
        labels: &[
            "actions.github.com/",
            "actions.summerwind.dev/",
            "actions-runner-controller/",
            "runner-deployment-name",
            // The pod of a job that container hooks made, with an engine among its services.
            "runner-pod",
        ],
        containers: &[],
    }),
    steps_anywhere: false,
    // For each job with `container:` or `services:`.
    job_networks: true,
    engine_host: None,
    host_in_config: false,
    step_variable: Some("GITHUB_ACTIONS"),
    pod: Site::Manifest,
    nested: Site::Elsewhere,
    owners: &[
        ("EphemeralRunner", Site::ArcScaleSet),
        ("EphemeralRunnerSet", Site::ArcScaleSet),
        ("AutoscalingRunnerSet", Site::ArcScaleSet),
        ("Runner", Site::ArcRunner),
        ("RunnerReplicaSet", Site::ArcRunner),
        ("RunnerDeployment", Site::ArcRunner),
        ("RunnerSet", Site::ArcRunner),
    ],
    objects: &["actions.github.com/"],
    files: &[
        "ARC's RunnerDeployment, RunnerSet and AutoscalingRunnerSet",
        "Helm values of ARC's gha-runner-scale-set",
    ],
    owner: Some(("EphemeralRunner", "runners-8x7dj-runner-4zq8c")),
};
