//! The CI systems that are known: what each is called, and by what its pods, its runners and its
//! steps are recognized. A new one is a file here, a `mod` line and a line in `systems!`.

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
mod prow;
mod site;
mod teamcity;
mod tekton;
mod woodpecker;

pub use engines::EngineKind;
pub use site::Site;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The one list of CI systems, in the order in which they claim a pod: the first that knows it has
/// it. `Provider` is what evidence and reports call a system.
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
    // Before GitHub's: it sets GITHUB_ACTIONS, too.
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

/// What is particular to a CI system.
#[derive(Debug)]
pub struct System {
    /// As people call it: `GitLab`.
    pub name: &'static str,
    /// One of its runners, in reports: `GitLab runner`.
    pub runner: &'static str,
    /// How its runner's container is known.
    pub agent: Agent,
    /// A pod with such a container is its runner even if no container of it runs an engine.
    pub without_engine: bool,
    /// How a pod with an engine is known otherwise; not at all where there is none.
    pub with_engine: Option<Pod>,
    /// Its steps run in whichever container of the pod they name, so the runner's own container
    /// says nothing of where they look for an engine.
    pub steps_anywhere: bool,
    /// It creates a Docker network for a job, without an MTU.
    pub job_networks: bool,
    /// The name under which its steps reach the pod's engine, beside `localhost`.
    pub engine_host: Option<&'static str>,
    /// Its agent's own configuration may name the engine's address.
    pub host_in_config: bool,
    /// The variable that it sets in every step.
    pub step_variable: Option<&'static str>,
    /// Where the settings of a pod's engine are written if nothing owns the pod.
    pub pod: Site,
    /// Where those of the engine inside it are.
    pub nested: Site,
    /// The kinds of its own objects that make pods, and where their settings are written.
    pub owners: &'static [(&'static str, Site)],
    /// The beginnings of group and kind of its own objects that hold pods.
    pub objects: &'static [&'static str],
    /// The files that `lint` reads for it, as people call them.
    pub files: &'static [&'static str],
    /// What usually makes its pods, as kind and name, for examples; nothing where they are made by
    /// themselves.
    pub owner: Option<(&'static str, &'static str)>,
}

impl System {
    /// One whose pods are known by their labels and come from a pipeline; names and labels are each
    /// system's own.
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

/// The site of an object of one of the systems' own kinds.
pub fn site_of(kind: &str) -> Option<Site> {
    let owners = Provider::ALL.iter().flat_map(|p| p.system().owners);
    let mut own = owners.filter(|(name, _)| *name == kind);
    own.next().map(|(_, site)| *site)
}

/// The files that `lint` reads, as people call them.
pub fn files() -> String {
    let files = Provider::ALL.iter().flat_map(|p| p.system().files);
    let files: Vec<&str> = files.copied().collect();
    files.join(", ")
}

/// The container that talks to the CI system.
#[derive(Debug)]
pub struct Agent {
    pub names: &'static [&'static str],
    /// Parts of its image's name.
    pub images: &'static [&'static str],
    /// Parts of the names of images that look like it.
    pub other_images: &'static [&'static str],
    pub variables: &'static [&'static str],
}

/// What a pod has beside an engine.
#[derive(Debug)]
pub struct Pod {
    /// The beginnings of its labels, of which it has one; none is asked for where there are none.
    pub labels: &'static [&'static str],
    /// Its containers, of which it has all.
    pub containers: &'static [&'static str],
}

impl Agent {
    /// No container is known to be one.
    const NONE: Agent = Agent {
        names: &[],
        images: &[],
        other_images: &[],
        variables: &[],
    };

    /// Whether a container is one, by its name, its image and its variables.
    pub fn is(&self, name: &str, image: &str, mut has_variable: impl FnMut(&str) -> bool) -> bool {
        let in_image = |parts: &[&str]| parts.iter().any(|part| image.contains(part));
        self.names.contains(&name)
            || in_image(self.images) && !in_image(self.other_images)
            || self.variables.iter().any(|variable| has_variable(variable))
    }
}

impl Pod {
    /// Whether these are the labels and the containers of such a pod.
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
