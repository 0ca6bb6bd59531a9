//! Which containers of a pod run an engine, by their image, command, variables and volumes.

use super::container::{image, is_privileged, runs_on};
use crate::evidence::{EngineKind, OtherEngine};
use crate::facts::DATA_ROOT;
use crate::facts::versions::ImageRef;
use k8s_openapi::api::core::v1::{Container, PodSpec};

/// Whether a container runs an engine of any kind.
pub(super) fn runs_engine(container: &Container, spec: &PodSpec) -> bool {
    is_engine(container, spec) || other_engine(container).is_some()
}

/// Whether a container runs dockerd: as its main process, beside it, or, if no other container of the
/// pod does, judging by its data volume.
pub fn is_engine(container: &Container, spec: &PodSpec) -> bool {
    let runs_docker = |one: &Container| is_dind(one) || starts(one, EngineKind::Docker);
    runs_docker(container)
        || has_data_volume(container, spec)
            && !lasting(spec).any(|one| runs_docker(one) || other_engine(one).is_some())
}

/// Containers that run as long as the pod.
fn lasting(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|one| runs_on(one));
    sidecars.chain(&spec.containers)
}

/// Whether variables make its image start an engine beside the main process.
fn starts(container: &Container, kind: EngineKind) -> bool {
    let mut variables = container.env.iter().flatten();
    variables.any(|variable| {
        let value = variable.value.as_deref().unwrap_or_default();
        kind.engine().is_started_by(&variable.name, value)
    })
}

/// A privileged container with a volume for dockerd's data: the entrypoint of its image starts dockerd.
/// Monitoring agents mount the node's own directory instead.
fn has_data_volume(container: &Container, spec: &PodSpec) -> bool {
    let is_data = |path: &str| path.trim_end_matches('/') == DATA_ROOT;
    let of_node = |name: &str| {
        let mut volumes = spec.volumes.iter().flatten();
        let volume = volumes.find(|volume| volume.name == name);
        let path = volume.and_then(|volume| volume.host_path.as_ref());
        path.is_some_and(|path| is_data(&path.path))
    };
    let mut mounts = container.volume_mounts.iter().flatten();
    is_privileged(container)
        && lasting(spec).any(|one| one.name == container.name)
        && mounts.any(|mount| {
            is_data(&mount.mount_path) && mount.read_only != Some(true) && !of_node(&mount.name)
        })
}

/// Whether a container's image or command runs dockerd. `docker` alone may be the client, and a dind
/// image may run another command; then only a privileged container counts.
pub(super) fn is_dind(container: &Container) -> bool {
    let image = ImageRef::parse(image(container));
    let words = container.command.iter().chain(&container.args).flatten();
    let says_dind = |text: &str| text.contains("dind") || text.contains("docker-daemon");
    let of_dind = says_dind(image.name()) || image.tag.is_some_and(says_dind);
    of_dind && !runs_something_else(container)
        || (of_dind || image.name() == "docker") && is_privileged(container)
        || words
            .into_iter()
            .any(|word| word.split_whitespace().any(is_dockerd))
}

/// The engine other than Docker that a container runs, by its command or image. With another command,
/// the image builds on demand, unless it is a client of a remote daemon.
pub fn other_engine(container: &Container) -> Option<OtherEngine> {
    let words = container.command.iter().chain(&container.args).flatten();
    let mut words = words.flat_map(|word| word.split_whitespace());
    let of_command = words.find_map(EngineKind::of_daemon);
    let of_image = EngineKind::of_image(ImageRef::parse(image(container)).repository);
    let started = || {
        let mut all = EngineKind::ALL.into_iter();
        all.find(|kind| starts(container, *kind))
    };
    let kind = of_command.or(of_image).or_else(started);
    let kind = kind.filter(|kind| !kind.is_docker())?;
    let on_demand =
        kind.engine().is_on_demand() || of_command.is_none() && runs_something_else(container);
    let mut variables = container.env.iter().flatten();
    let is_client =
        on_demand && variables.any(|variable| CLIENT_OF.contains(&variable.name.as_str()));
    (!is_client).then_some(OtherEngine { kind, on_demand })
}

/// Variables that point the clients of BuildKit, Dagger and Podman to a remote daemon.
const CLIENT_OF: [&str; 3] = [
    "BUILDKIT_HOST",
    "CONTAINER_HOST",
    "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
];

/// Whether the image's entrypoint is replaced, or its args start with a program instead of flags.
fn runs_something_else(container: &Container) -> bool {
    let replaced = container
        .command
        .as_ref()
        .is_some_and(|command| !command.is_empty());
    let first = container.args.iter().flatten().next();
    replaced || first.is_some_and(|word| !word.starts_with('-'))
}

fn is_dockerd(word: &str) -> bool {
    EngineKind::of_daemon(word) == Some(EngineKind::Docker)
}
