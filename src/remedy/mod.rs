//! What a check wants, as something to paste: right for the CI system and for the Docker version.

mod bitbucket;
mod container;
mod docker;
mod github_arc;
mod gitlab;
mod network;
pub(crate) mod place;
mod plan;
mod pod;
mod resources;
pub(crate) mod template;
mod want;

pub(crate) use docker::config;
pub use docker::flags;
pub(crate) use docker::{mtu_config, mtu_flags};
pub use plan::{Part, Plan, Preference, plan};
pub use want::{Want, WantKind};

use crate::diagnosis::{Change, Remedy, Settings, Site};
use crate::evidence::{DaemonConfig, Engine, PodContainer, Runner};
use crate::facts;
use crate::facts::versions;
use semver::Version;

/// The engine that a remedy is for.
struct Patient<'a> {
    runner: &'a Runner,
    /// Its path, `docker-in-docker/bb_docker`.
    path: &'a str,
    /// Absent where it was not seen.
    engine: Option<&'a Engine>,
}

/// The ways to make true what a check wants, the best first; each is enough alone, unless it says
/// that it is needed together with the one before it.
pub fn remedies(wants: &[Want], runner: &Runner, engine: Option<&str>) -> Vec<Remedy> {
    // What is about the whole pod names none.
    let path = engine.unwrap_or_default();
    let engines = runner.engines.seen();
    let patient = Patient {
        runner,
        path,
        engine: engines.iter().find(|engine| engine.path == path),
    };
    wants.iter().flat_map(|want| patient.cure(want)).collect()
}

/// Everything that a change says, to paste: as one remedy, or several that go together.
pub fn paste(change: &Change) -> Vec<Remedy> {
    let phrase = docker::phrase(change);
    match change.place.site {
        Site::Manifest | Site::BitbucketAutoscaler | Site::Jenkins | Site::Controller => {
            vec![pod::paste(change, &phrase)]
        }
        Site::BitbucketPipelines => bitbucket::paste(change),
        Site::ArcScaleSet => vec![github_arc::scale_set(change, &phrase)],
        Site::ArcRunner => vec![github_arc::runner(change, &phrase)],
        Site::Gitlab => gitlab::paste(change),
        Site::Elsewhere => vec![docker::paste(change, &phrase)],
    }
}

impl Patient<'_> {
    fn cure(&self, want: &Want) -> Vec<Remedy> {
        match want {
            Want::EngineMtu(mtu) => self.engine_mtu(*mtu),
            Want::NetworkMtu(mtu) => self.network_mtu(*mtu),
            Want::EngineImage(image) => self.change("a version without this fault", |s| {
                s.image = Some(image.clone());
            }),
            Want::PinImage(image) => self.change("the version that runs now", |s| {
                s.image = Some(image.clone());
            }),
            Want::MemoryRequest(memory) => self
                .change("ask for memory, and the pod is no longer BestEffort", |s| {
                    s.memory_request = Some(memory.to_string())
                }),
            Want::OomScoreAdjust(score) => self.oom_score(*score),
            Want::EngineVolume => self.change(
                "a volume of its own for its data (no two engines may share one)",
                |s| s.volume = true,
            ),
            Want::Privileged => pod::privileged(self),
            Want::EngineRestart(path) => vec![pod::restart(self, path)],
            Want::EngineFlags(flags) => {
                network::flags(self, "give its dockerd the flags itself", &flags.0)
            }
            Want::EngineRange(range) => network::range(self, *range),
            Want::EngineCommand(command) => vec![network::command(self, command)],
            Want::DockerHost(host) => network::docker_host(self, host),
            Want::NameServer(of) => vec![network::name_server(self, of)],
            Want::RunnerImage(image) => vec![container::runner_image(self, image)],
            Want::SecretEnv(names) => vec![container::secret_env(self, &names.0)],
            Want::RegistryMirror => vec![container::registry_mirror(self)],
            Want::EngineEnv(variable) => vec![container::engine_env(self, variable)],
            Want::FreeSpace => resources::free_space(self),
            Want::MemoryLimit(limit) => vec![resources::memory_limit(self, limit)],
            Want::OwnData => vec![resources::own_data(self)],
            Want::StorageDriver(driver) => vec![resources::storage_driver(self, driver)],
            Want::OpenFiles => vec![resources::open_files(self)],
            Want::NodeLabel(labels) => resources::node_label(self, &labels.0),
            Want::JobRestart(job) => vec![resources::job_restart(self, job)],
            Want::DeletePod(pod) => vec![resources::delete_pod(self, pod)],
            Want::NodeCommand(command) => vec![resources::node_command(self, command)],
        }
    }

    fn oom_score(&self, score: i64) -> Vec<Remedy> {
        match docker::takes_oom_score(self.version().as_ref()) {
            true => self.change(
                "only where neither of these can be: an OOM score of dockerd's own, which Docker 24 no longer takes",
                |s| s.oom_score_adjust = Some(score),
            ),
            false => Vec::new(),
        }
    }

    fn engine_mtu(&self, mtu: i64) -> Vec<Remedy> {
        let mut cures = match self.config().is_some_and(docker::sets_mtu) {
            true => vec![docker::change_config(self, mtu)],
            false => self.change("add to the arguments of its engine", |s| {
                s.mtu = Some(mtu);
                s.network_mtu = Some(mtu);
            }),
        };
        if self.place().site == Site::BitbucketPipelines {
            cures.push(bitbucket::docker_opts(mtu));
        }
        cures.extend(pod::clamp(self, mtu));
        cures
    }

    fn network_mtu(&self, mtu: i64) -> Vec<Remedy> {
        let mut cures = docker::networks(mtu);
        if docker::knows_default_network_opts(self.version().as_ref()) {
            cures.extend(match self.config().is_some_and(docker::sets_mtu) {
                true => vec![docker::change_config(self, mtu)],
                false => self.change(
                    "for every network that it creates from now on, add to the arguments of its engine",
                    |s| s.network_mtu = Some(mtu),
                ),
            });
        }
        cures.extend(pod::clamp(self, mtu));
        cures
    }

    /// One setting as something to paste: in the first way the program does it too.
    fn change(&self, phrase: &str, set: impl FnOnce(&mut Settings)) -> Vec<Remedy> {
        let mut change = self.unchanged(self.place());
        set(&mut change.settings);
        match change.place.site {
            Site::BitbucketPipelines => bitbucket::remedies(&change, phrase),
            Site::Gitlab => gitlab::remedies(&change, phrase),
            Site::ArcScaleSet => vec![github_arc::scale_set(&change, phrase)],
            Site::ArcRunner => vec![github_arc::runner(&change, phrase)],
            Site::Elsewhere => vec![docker::paste(&change, phrase)],
            Site::Manifest | Site::BitbucketAutoscaler | Site::Jenkins | Site::Controller => {
                vec![pod::paste(&change, phrase)]
            }
        }
    }

    /// The engine as it is.
    fn unchanged(&self, place: crate::diagnosis::Place) -> Change {
        let container = self.pod_container();
        let image = match container {
            Some(container) => Some(container.image.clone()),
            None => self
                .engine
                .and_then(|engine| engine.image.observed().cloned()),
        };
        let args = match container {
            Some(container) => container.dockerd_args.clone(),
            None => self.engine.map(|e| e.args.clone()).unwrap_or_default(),
        };
        Change {
            place,
            container: self.path.to_owned(),
            init: container.is_some_and(|container| container.init),
            docker: self.version().map(|version| version.to_string()),
            image,
            launch: container.and_then(|container| container.launch.clone()),
            args,
            data_root: Some(self.data_root())
                .filter(|root| *root != facts::DATA_ROOT)
                .map(str::to_owned),
            settings: Settings::default(),
        }
    }

    /// Where the engine keeps its data. A path that could be more than one where it is pasted is not
    /// believed.
    fn data_root(&self) -> &str {
        let told = self
            .engine
            .and_then(|engine| engine.api.observed()?.data_root.as_deref());
        let set = self.pod_container().map(facts::data_root);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+".contains(c);
        let mut roots = [told, set].into_iter().flatten();
        roots
            .find(|root| root.starts_with('/') && root.chars().all(plain))
            .unwrap_or(facts::DATA_ROOT)
    }

    /// The container of the pod that it runs in; none for an engine inside another.
    fn pod_container(&self) -> Option<&PodContainer> {
        self.runner.containers.iter().find(|c| c.name == self.path)
    }

    fn is_nested(&self) -> bool {
        self.path.contains('/')
    }

    fn config(&self) -> Option<&DaemonConfig> {
        self.engine
            .and_then(|engine| engine.config.observed()?.as_ref())
    }

    /// The version of the engine, or what its image promises.
    fn version(&self) -> Option<Version> {
        let running = self.engine.and_then(|engine| engine.api.observed());
        match running {
            Some(api) => versions::parse(&api.version),
            None => docker::promised(&self.pod_container()?.image),
        }
    }
}

/// The image that the docker service of bitbucket-pipelines.yml is to name.
pub fn service_image(change: &Change) -> String {
    match (docker::flags(change).is_empty(), &change.settings.image) {
        (true, Some(image)) => image.clone(),
        _ => bitbucket::own_image(change),
    }
}

#[cfg(test)]
mod tests;
