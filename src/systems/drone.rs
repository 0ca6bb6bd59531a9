//! Drone's Kubernetes runner: the pod of a pipeline has a container for each step and service.

use super::{Pod, System};

pub(super) const SYSTEM: System = System {
    name: "Drone",
    runner: "Drone pipeline",
    with_engine: Some(Pod {
        labels: &["io.drone"],
        containers: &[],
    }),
    step_variable: Some("DRONE"),
    ..System::OF_PIPELINES
};
