//! The supported CI systems: their names, and how their pods, runners and steps are recognized. To
//! add one, add a file here, a `mod` line and a line in `systems!`.

mod argo;
mod azure;
mod bitbucket;
mod buildkite;
mod drone;
pub(crate) mod engines;
mod generic;
mod gitea;
mod github_arc;
pub(crate) mod gitlab;
mod jenkins;
pub(crate) mod pods;
pub(crate) mod prow;
mod site;
mod teamcity;
mod tekton;
mod woodpecker;

pub use engines::EngineKind;
pub use site::Site;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All CI systems, in the order in which they claim a pod: the first match wins. In evidence and
/// reports, a system is a `Provider`.
macro_rules! systems {
    ($($(#[$value:meta])* $provider:ident, $system:ident;)*) => {
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
            clap::ValueEnum,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Provider {
            $($(#[$value])* $provider,)*
        }

        impl Provider {
            pub const ALL: &[Provider] = &[$(Provider::$provider),*];

            pub fn system(self) -> &'static System {
                match self {
                    $(Provider::$provider => &$system::SYSTEM,)*
                }
            }
        }
    };
}

systems! {
    Bitbucket, bitbucket;
    // Before GitHub's: Gitea also sets GITHUB_ACTIONS.
    Gitea, gitea;
    #[value(name = "arc", alias = "github-arc")]
    GithubArc, github_arc;
    Gitlab, gitlab;
    Jenkins, jenkins;
    Tekton, tekton;
    Buildkite, buildkite;
    Drone, drone;
    Woodpecker, woodpecker;
    ArgoWorkflows, argo;
    Prow, prow;
    AzurePipelines, azure;
    Teamcity, teamcity;
    #[value(name = "other", alias = "generic")]
    Generic, generic;
}

/// The characteristics of a CI system.
#[derive(Debug)]
pub struct System {
    /// The display name: `GitLab`.
    pub name: &'static str,
    /// The display name of a runner: `GitLab runner`.
    pub runner: &'static str,
    /// How its runner's container is recognized.
    pub agent: Agent,
    /// A pod with such a container is its runner even if no container of it runs an engine.
    pub without_engine: bool,
    /// How a pod with an engine is recognized otherwise, if it can be.
    pub with_engine: Option<Pod>,
    /// Its steps run in whichever container of the pod they name, so the runner's own container
    /// does not show where they look for an engine.
    pub steps_anywhere: bool,
    /// It creates a Docker network for a job, without an MTU.
    pub job_networks: bool,
    /// The host name by which its steps reach the pod's engine, in addition to `localhost`.
    pub engine_host: Option<&'static str>,
    /// Its agent's own configuration may set the engine's address.
    pub host_in_config: bool,
    /// The variable that it sets in every step.
    pub step_variable: Option<&'static str>,
    /// Where the settings of a pod's engine are written if the pod has no owner.
    pub pod: Site,
    /// Where the settings of a nested engine are written.
    pub nested: Site,
    /// The kinds of its own objects that create pods, and where their settings are written.
    pub owners: &'static [(&'static str, Site)],
    /// The prefixes of group and kind of its own objects that contain pods.
    pub objects: &'static [&'static str],
    /// The display names of the files that `lint` reads for it.
    pub files: &'static [&'static str],
    /// The kind and name of the usual owner of its pods, for examples; none if pods have no owner.
    pub owner: Option<(&'static str, &'static str)>,
}

impl System {
    /// A system whose pods are recognized by their labels and come from a pipeline; each system
    /// adds names and labels.
    const OF_PIPELINES: System = System {
        name: "",
        runner: "",
        agent: Agent::NONE,
        without_engine: false,
        with_engine: None,
        steps_anywhere: true,
        job_networks: false,
        engine_host: None,
        host_in_config: false,
        step_variable: None,
        pod: Site::Controller,
        nested: Site::Elsewhere,
        owners: &[],
        objects: &[],
        files: &[],
        owner: None,
    };
}

/// The system that an object of this `apiVersion` and kind belongs to.
pub fn of_object(api: &str, kind: &str) -> Option<Provider> {
    let object = format!("{}/{kind}", api.split('/').next().unwrap_or_default());
    let is_its = |provider: &&Provider| {
        let mut objects = provider.system().objects.iter();
        objects.any(|start| object.starts_with(start))
    };
    Provider::ALL.iter().find(is_its).copied()
}

/// The site of an object of a CI system's own kind.
pub fn site_of(kind: &str) -> Option<Site> {
    let owners = Provider::ALL.iter().flat_map(|p| p.system().owners);
    let mut own = owners.filter(|(name, _)| *name == kind);
    own.next().map(|(_, site)| *site)
}

/// The display names of the files that `lint` reads.
pub fn files() -> String {
    let files = Provider::ALL.iter().flat_map(|p| p.system().files);
    let files: Vec<&str> = files.copied().collect();
    files.join(", ")
}

/// The container that talks to the CI system.
#[derive(Debug)]
pub struct Agent {
    pub names: &'static [&'static str],
    /// Substrings of its image's name.
    pub images: &'static [&'static str],
    /// Substrings of the names of images that look like it.
    pub other_images: &'static [&'static str],
    pub variables: &'static [&'static str],
}

/// What a pod has in addition to an engine.
#[derive(Debug)]
pub struct Pod {
    /// Label prefixes, one of which must match; if empty, no label is required.
    pub labels: &'static [&'static str],
    /// Container names, all of which must exist.
    pub containers: &'static [&'static str],
}

impl Agent {
    /// No container is known to be an agent.
    const NONE: Agent = Agent {
        names: &[],
        images: &[],
        other_images: &[],
        variables: &[],
    };

    /// Whether a container is an agent, by its name, image and variables.
    pub fn is(&self, name: &str, image: &str, mut has_variable: impl FnMut(&str) -> bool) -> bool {
        let in_image = |parts: &[&str]| parts.iter().any(|part| image.contains(part));
        self.names.contains(&name)
            || in_image(self.images) && !in_image(self.other_images)
            || self.variables.iter().any(|variable| has_variable(variable))
    }
}

impl Pod {
    /// Whether these are the labels and containers of such a pod.
    pub fn is<'a>(
        &self,
        mut labels: impl Iterator<Item = &'a str>,
        has_container: impl Fn(&str) -> bool,
    ) -> bool {
        let known = |label: &str| self.labels.iter().any(|start| label.starts_with(start));
        (self.labels.is_empty() || labels.any(known))
            && self.containers.iter().all(|name| has_container(name))
    }
}
