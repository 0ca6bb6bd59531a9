//! GitHub's Actions Runner Controller: scale sets (`dind` is an init container there, from
//! Kubernetes 1.29) and the legacy controller (`docker`).

use super::{Kind, pod};
use crate::evidence::Provider;
use k8s_openapi::api::core::v1::{Container, Pod};

const LABELS: [&str; 4] = [
    "actions.github.com/",
    "actions.summerwind.dev/",
    "actions-runner-controller/",
    "runner-deployment-name",
];

pub(super) const KIND: Kind = Kind {
    provider: Provider::GithubArc,
    claims,
    is_runner,
};

fn claims(pod: &Pod) -> bool {
    let labels = pod.metadata.labels.iter().flatten();
    let labelled = labels
        .map(|(label, _)| label)
        .any(|label| LABELS.iter().any(|known| label.starts_with(known)));
    let controller = |c: &Container| pod::image(c).contains("gha-runner-scale-set-controller");
    pod::containers(pod).any(|(c, _)| is_runner(c))
        || labelled
            && pod::containers(pod).any(|(c, _)| pod::is_engine(c))
            && !pod::containers(pod).any(|(c, _)| controller(c))
}

fn is_runner(container: &Container) -> bool {
    let image = pod::image(container);
    image.contains("actions-runner")
        && !image.contains("actions-runner-controller")
        && !image.contains("actions-runner-dind")
}
