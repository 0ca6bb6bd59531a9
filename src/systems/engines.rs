//! The engines that run builds: their names, and how their containers, processes and bridges are
//! recognized. To add one, add a line to `EngineKind` and its description.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an engine is.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    #[default]
    Docker,
    Buildkit,
    Dagger,
    Podman,
}

impl EngineKind {
    pub const ALL: [EngineKind; 4] = [
        EngineKind::Docker,
        EngineKind::Buildkit,
        EngineKind::Dagger,
        EngineKind::Podman,
    ];

    pub fn engine(self) -> &'static Engine {
        match self {
            EngineKind::Docker => &DOCKER,
            EngineKind::Buildkit => &BUILDKIT,
            EngineKind::Dagger => &DAGGER,
            EngineKind::Podman => &PODMAN,
        }
    }

    pub fn is_docker(&self) -> bool {
        *self == EngineKind::Docker
    }

    /// The engine that a process of this name belongs to.
    pub fn of_process(name: &str) -> Option<EngineKind> {
        let mut all = EngineKind::ALL.into_iter();
        all.find(|kind| kind.engine().processes.contains(&name))
    }

    /// The engine other than Docker of an image, by its repository.
    pub fn of_image(repository: &str) -> Option<EngineKind> {
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let is_image = |kind: &EngineKind| {
            let engine = kind.engine();
            engine.images.iter().any(|part| is_part(name, part))
                || engine
                    .repositories
                    .iter()
                    .any(|end| repository.ends_with(end))
        };
        EngineKind::ALL.into_iter().find(is_image)
    }

    /// The engine whose daemon is this word of a command.
    pub fn of_daemon(word: &str) -> Option<EngineKind> {
        let program = word.rsplit('/').next().unwrap_or(word);
        let mut all = EngineKind::ALL.into_iter();
        all.find(|kind| kind.engine().daemons.contains(&program))
    }
}

/// Whether a name contains this word, as `corp-buildkit` and `buildkitd` contain `buildkit`;
/// `buildkite` does not.
fn is_part(name: &str, word: &str) -> bool {
    let mut rests = name
        .match_indices(word)
        .map(|(at, _)| &name[at + word.len()..]);
    rests.any(|rest| !rest.starts_with('e'))
}

/// The properties of an engine.
#[derive(Debug)]
pub struct Engine {
    /// Its display name.
    pub name: &'static str,
    /// Its executable.
    pub program: &'static str,
    /// Processes that show that it runs, by their kernel names.
    pub processes: &'static [&'static str],
    /// Parts of its image names. Docker's images have separate rules.
    pub images: &'static [&'static str],
    /// Suffixes of other image repositories.
    pub repositories: &'static [&'static str],
    /// Programs in a container's command that start its daemon in the foreground.
    pub daemons: &'static [&'static str],
    /// Variables and values that make an image start its daemon beside the main process.
    pub variables: &'static [(&'static str, &'static str)],
    /// Prefixes of the bridges that it creates.
    pub bridges: &'static [&'static str],
    /// Whether NAT rules are written per container, for its address alone, as CNI plugins do: without a
    /// container there are none.
    pub nat_by_container: bool,
}

impl Engine {
    /// Whether it runs only during a build.
    pub fn is_on_demand(&self) -> bool {
        self.daemons.is_empty()
    }

    /// Whether a variable with this value makes an image start its daemon.
    pub fn is_started_by(&self, name: &str, value: &str) -> bool {
        self.variables.contains(&(name, value))
    }

    /// Whether a bridge is that of its default network, which is never internal.
    pub fn is_default_bridge(&self, name: &str) -> bool {
        let mut starts = self.bridges.iter();
        starts.any(|start| {
            name.strip_prefix(start.trim_end_matches('0')) == Some("0") && self.is_bridge(name)
        })
    }

    /// Whether it creates bridges of this name: a word and a number, or for Docker an ID.
    pub fn is_bridge(&self, name: &str) -> bool {
        self.bridges
            .iter()
            .any(|start| match name.strip_prefix(start) {
                Some(id) if *start == "br-" => {
                    id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit())
                }
                Some(number) => number.bytes().all(|b| b.is_ascii_digit()),
                None => false,
            })
    }
}

const DOCKER: Engine = Engine {
    name: "Docker",
    program: "dockerd",
    processes: &["dockerd"],
    images: &[],
    repositories: &[],
    daemons: &["dockerd", "dockerd-entrypoint.sh", "dockerd-rootless.sh"],
    variables: &[
        // Kubernetes' test images and their derivatives (test-infra, images/bootstrap/runner.sh).
        ("DOCKER_IN_DOCKER_ENABLED", "true"),
        // JetBrains' TeamCity agents (`-linux-sudo`).
        ("DOCKER_IN_DOCKER", "start"),
        // ARC's legacy controller, with `dockerdWithinRunnerContainer`.
        ("DOCKERD_IN_RUNNER", "true"),
    ],
    bridges: &["docker0", "br-"],
    nat_by_container: false,
};

/// Its `RUN` steps use the network of its container unless it is configured to create a bridge
/// (util/network/netproviders/network.go).
const BUILDKIT: Engine = Engine {
    name: "BuildKit",
    program: "buildkitd",
    processes: &["buildkitd"],
    // Earthly embeds BuildKit.
    images: &["buildkit"],
    repositories: &[],
    daemons: &["buildkitd", "buildkitd-entrypoint"],
    variables: &[],
    bridges: &["buildkit"],
    nat_by_container: true,
};

const DAGGER: Engine = Engine {
    name: "Dagger",
    program: "dagger-engine",
    processes: &["dagger-engine"],
    images: &["dagger-engine"],
    repositories: &["dagger.io/engine", "dagger/engine"],
    daemons: &["dagger-engine", "dagger-entrypoint.sh"],
    variables: &[],
    bridges: &["dagger"],
    nat_by_container: true,
};

/// It has no daemon: a `conmon` runs for each container.
const PODMAN: Engine = Engine {
    name: "Podman",
    program: "podman",
    processes: &["podman", "conmon"],
    images: &["podman"],
    repositories: &["podman/stable", "podman/upstream", "podman/testing"],
    daemons: &[],
    // KubeVirt's test images (project-infra, images/bootstrap/runner.sh).
    variables: &[("PODMAN_IN_CONTAINER_ENABLED", "true")],
    bridges: &["podman"],
    nat_by_container: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_name() {
        for (repository, kind) in [
            ("moby/buildkit", Some(EngineKind::Buildkit)),
            ("r.example/x/corp-buildkit", Some(EngineKind::Buildkit)),
            ("earthly/buildkitd", Some(EngineKind::Buildkit)),
            ("r.example/buildkite-agent", None),
            ("registry.dagger.io/engine", Some(EngineKind::Dagger)),
            ("quay.io/podman/stable", Some(EngineKind::Podman)),
            ("docker", None),
        ] {
            assert_eq!(EngineKind::of_image(repository), kind, "{repository}");
        }
    }

    #[test]
    fn bridges_are_known_by_their_whole_name() {
        for (kind, name, is) in [
            (EngineKind::Docker, "docker0", true),
            (EngineKind::Docker, "br-0123456789ab", true),
            (EngineKind::Docker, "br-lan", false),
            (EngineKind::Buildkit, "buildkit0", true),
            (EngineKind::Podman, "podman12", true),
            (EngineKind::Podman, "podman-veth", false),
            (EngineKind::Dagger, "docker0", false),
        ] {
            assert_eq!(kind.engine().is_bridge(name), is, "{name}");
        }
    }
}
