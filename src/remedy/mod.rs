//! Turns what a check wants into snippets to paste, for the CI system and the Docker version.

mod arguments;
mod bitbucket;
mod by_hand;
mod compose;
mod container;
mod docker;
mod github_arc;
mod gitlab;
mod gitlab_runner;
mod network;
mod other_engine;
pub(crate) mod place;
mod plan;
mod pod;
mod refusal;
mod resources;
pub(crate) mod template;
mod want;
mod words;

pub use docker::{default_network_opt, flags};
pub(crate) use docker::{mtu_config, mtu_flags};
pub use plan::{Part, Plan, Preference, plan};
pub use refusal::Refusal;
pub use want::{Want, WantKind};
pub(crate) use words::title;

use crate::diagnosis::{Change, Remedy, Settings, Site};
use crate::evidence::{
    DaemonConfig, Engine, EngineKind, FirewallKind, NetworkNamespace, PodContainer, Runner,
};
use crate::facts;
use crate::facts::versions::{self, ImageRef};
use crate::yaml::Edit;
use semver::Version;
use serde_json::Value;

/// The engine that a remedy is for.
struct EngineRef<'a> {
    runner: &'a Runner,
    /// Its path, `docker-in-docker/bb_docker`.
    path: &'a str,
    /// The subject of the finding: one of its networks, an image.
    subject: &'a str,
    /// Absent if it was not observed.
    engine: Option<&'a Engine>,
}

/// The fixes for what a check wants, best first. Each is sufficient alone, unless it is marked as
/// needed together with the previous one.
pub fn remedies(
    wants: &[Want],
    runner: &Runner,
    engine: Option<&str>,
    subject: &str,
) -> Vec<Remedy> {
    // Findings about the whole pod have no engine.
    let path = engine.unwrap_or_default();
    let engines = runner.engines.seen();
    let engine_ref = EngineRef {
        runner,
        path,
        subject,
        engine: engines.iter().find(|engine| engine.path == path),
    };
    wants.iter().flat_map(|want| engine_ref.fix(want)).collect()
}

/// The part that a remedy adds, if its snippet is a whole template.
pub fn excerpt(remedy: &Remedy) -> String {
    match &remedy.change {
        Some(change) if change.place.site == Site::ArcScaleSet => github_arc::excerpt(change),
        _ => remedy.snippet.clone(),
    }
}

/// The snippets for a change: one remedy, or several that belong together.
pub fn paste(change: &Change) -> Vec<Remedy> {
    match change.place.site {
        Site::Manifest | Site::BitbucketAutoscaler | Site::Jenkins | Site::Controller => {
            vec![pod::paste(change)]
        }
        Site::BitbucketPipelines => vec![bitbucket::paste(change)],
        Site::ArcScaleSet => vec![github_arc::scale_set(change)],
        Site::ArcRunner => github_arc::runner(change),
        Site::Gitlab => gitlab::paste(change),
        Site::GitlabRunner => vec![gitlab_runner::paste(change)],
        Site::Compose => vec![compose::paste(change)],
        Site::Elsewhere => vec![by_hand::paste(change)],
    }
}

/// The edits that apply a change to an object or a YAML document.
pub fn edits(document: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    match change.place.site {
        Site::Manifest | Site::BitbucketAutoscaler | Site::Jenkins | Site::Controller => {
            template::edits(document, change)
        }
        Site::BitbucketPipelines => bitbucket::edits(document, change),
        Site::ArcScaleSet => github_arc::values_edits(document, change),
        Site::ArcRunner => github_arc::runner_edits(document, change),
        Site::Gitlab => gitlab::edits(document, change),
        Site::GitlabRunner => gitlab_runner::edits(document, change),
        Site::Compose => compose::edits(document, change),
        Site::Elsewhere => Err(Refusal::NotThere(change.container.clone())),
    }
}

/// Whether the user must fill in values: a mirror's address, an image name.
pub fn needs_input(change: &Change) -> bool {
    let of_proxy = |value: &String| value == docker::PROXY;
    change.settings.mirror || change.settings.env.values().any(of_proxy) || builds_image(change)
}

/// Whether the user must build an image first.
pub fn builds_image(change: &Change) -> bool {
    change.place.site == Site::BitbucketPipelines && bitbucket::builds_image(change)
}

impl EngineRef<'_> {
    fn fix(&self, want: &Want) -> Vec<Remedy> {
        if let Some(kind) = self.other_kind() {
            return other_engine::fix(self, kind, want);
        }
        match want {
            Want::EngineMtu(mtu) => self.engine_mtu(*mtu),
            Want::NetworkMtu(mtu) => self.network_mtu(*mtu),
            Want::EngineImage(image) => self.change(|s| s.image = Some(image.clone())),
            Want::PinImage(image) => match self.pinned_image(image) {
                Some(image) => self.change(|s| s.image = Some(image)),
                None => Vec::new(),
            },
            Want::SupportedImage => match self.supported_image() {
                Some(image) => self.change(|s| s.image = Some(image)),
                None => Vec::new(),
            },
            Want::EngineMemory(memory) => vec![resources::engine_memory(self, memory)],
            Want::SecretByCommand(secret) => {
                vec![container::secret_by_command(self.runner, secret)]
            }
            Want::MemoryRequest(memory) => {
                self.change(|s| s.memory_request = Some(memory.to_string()))
            }
            Want::OomScoreAdjust(score) => self.oom_score(*score),
            Want::EngineVolume => self.change(|s| s.volume = true),
            Want::Privileged => pod::privileged(self),
            Want::EngineRestart(path) => vec![pod::restart(self, path)],
            Want::EngineFlags(flags) => self.change(|s| s.flags = flags.0.clone()),
            Want::EngineRange(range) => network::range(self, *range),
            Want::EngineCommand(command) => vec![network::command(self, command)],
            Want::DockerHost(host) => network::docker_host(self, host),
            Want::NameServer(of) => vec![network::name_server(self, of)],
            Want::RunnerImage(image) => vec![container::runner_image(self, image)],
            Want::SecretEnv(names) => vec![container::secret_env(self, &names.0)],
            Want::RegistryMirror => self.change(|s| s.mirror = true),
            Want::EngineEnv(variable) => container::engine_env(self, variable),
            Want::EngineProxy(names) => container::engine_proxy(self, &names.0),
            Want::FreeSpace => resources::free_space(self),
            Want::MemoryLimit(limit) => resources::memory_limit(self, limit),
            Want::OwnData => vec![resources::own_data(self)],
            Want::StorageDriver(driver) => vec![resources::storage_driver(self, driver)],
            Want::OpenFiles => resources::open_files(self),
            Want::NodeLabel(labels) => resources::node_label(self, &labels.0),
            Want::NodeRoom(resources) => vec![resources::node_room(self, &resources.0)],
            Want::Ipv6Off => network::ipv6_off(self),
            Want::TlsOff => network::tls_off(self),
            Want::JobRestart(job) => vec![resources::job_restart(self, job)],
            Want::DeletePod(pod) => vec![resources::delete_pod(self, pod)],
            Want::NodeCommand(command) => vec![resources::node_command(self, command)],
        }
    }

    /// The kind of engine, if not Docker.
    fn other_kind(&self) -> Option<EngineKind> {
        let of_container = || Some(self.pod_container()?.other_engine?.kind);
        let kind = self.engine.map(|engine| engine.kind).or_else(of_container);
        kind.filter(|kind| !kind.is_docker())
    }

    /// The current image, pinned to the same or a newer version, with its repository and flavour; `None`
    /// for a custom image, whose tags are not Docker's.
    fn pinned_image(&self, image: &str) -> Option<String> {
        let version = ImageRef::parse(image).docker_version()?;
        let version = facts::releases::releases().advised(version);
        let now = self.unchanged(self.place()).image;
        facts::releases::in_version(now.as_deref().unwrap_or(image), &version)
    }

    /// The image in the recommended version.
    fn supported_image(&self) -> Option<String> {
        let image = self.unchanged(self.place()).image?;
        facts::releases::releases().pinned_image(&image)
    }

    fn oom_score(&self, score: i64) -> Vec<Remedy> {
        match docker::takes_oom_score(self.version().as_ref()) {
            true => self.change(|s| s.oom_score_adjust = Some(score)),
            false => Vec::new(),
        }
    }

    fn engine_mtu(&self, mtu: i64) -> Vec<Remedy> {
        let mut fixes = self.change(|s| {
            s.mtu = Some(mtu);
            s.network_mtu = Some(mtu);
        });
        fixes.extend(pod::clamp(self, mtu));
        fixes
    }

    fn network_mtu(&self, mtu: i64) -> Vec<Remedy> {
        let mut change = self.unchanged(self.place());
        if change.place.site == Site::Compose {
            change.network = Some(self.subject.to_owned());
            change.settings.network_mtu = Some(mtu);
            return paste(&change);
        }
        let mut fixes = by_hand::networks(mtu);
        if docker::knows_default_network_opts(self.version().as_ref()) {
            fixes.extend(self.change(|s| s.network_mtu = Some(mtu)));
        }
        fixes.extend(pod::clamp(self, mtu));
        fixes
    }

    /// One setting as remedies; the first one can be applied automatically.
    fn change(&self, set: impl FnOnce(&mut Settings)) -> Vec<Remedy> {
        let mut change = self.unchanged(self.place());
        set(&mut change.settings);
        self.remedies(change)
    }

    /// The same for a container that may not be an engine.
    fn change_container(&self, set: impl FnOnce(&mut Settings)) -> Vec<Remedy> {
        let place = match self.pod_container() {
            Some(_) => place::pod(self.runner),
            None => self.place(),
        };
        let mut change = self.unchanged(place);
        set(&mut change.settings);
        self.remedies(change)
    }

    /// Uses flags, unless daemon.json already sets one of them.
    fn remedies(&self, change: Change) -> Vec<Remedy> {
        let flags = docker::flags(&change);
        let config = self.config();
        if config.is_some_and(|config| docker::sets_one_of(config, &flags)) {
            return vec![by_hand::change_config(self, &change)];
        }
        let mut remedies = paste(&change);
        if change.place.site == Site::Gitlab && self.runner.declared.is_none() {
            remedies.extend(gitlab::for_every_job(&change));
        }
        remedies
    }

    /// A change for the engine with nothing set.
    fn unchanged(&self, place: crate::diagnosis::Place) -> Change {
        let container = self.pod_container();
        let image = match container {
            Some(container) => Some(container.image.clone()).filter(|image| !image.is_empty()),
            None => self
                .engine
                .and_then(|engine| engine.image.observed().cloned()),
        };
        let args = match container.filter(|_| self.other_kind().is_none()) {
            Some(container) => container.dockerd_args.clone(),
            None => self.engine.map(|e| e.args.clone()).unwrap_or_default(),
        };
        Change {
            place,
            container: self.path.to_owned(),
            init: container.is_some_and(|container| container.init),
            network: None,
            docker: self.version().map(|version| version.to_string()),
            image,
            launch: container.and_then(|container| container.launch.clone()),
            args,
            data_root: Some(self.data_root())
                .filter(|root| *root != facts::DATA_ROOT)
                .map(str::to_owned),
            legacy_iptables: self.runner.pod_namespace().is_some_and(is_legacy),
            settings: Settings::default(),
        }
    }

    /// The engine's data directory. Paths with characters that a shell would interpret when pasted are
    /// ignored.
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

    /// The pod's container that it runs in; `None` for a nested engine.
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

    /// The version of the engine, otherwise that of its image: a tag without a version means the
    /// newest.
    fn version(&self) -> Option<Version> {
        let running = self.engine.and_then(|engine| engine.api.observed());
        if let Some(api) = running {
            return versions::parse(&api.version);
        }
        let own = self.engine.and_then(|engine| engine.image.observed());
        let image = self.pod_container().map(|c| &c.image).or(own)?;
        let pinned = facts::releases::releases().pinned_image(image);
        docker::promised(pinned.as_ref().unwrap_or(image))
    }
}

/// Whether all forwarding rules are in iptables-legacy.
fn is_legacy(namespace: &NetworkNamespace) -> bool {
    let traffic = namespace.traffic.as_ref();
    let firewalls = traffic.and_then(|traffic| traffic.firewalls.observed());
    firewalls.is_some_and(|all| {
        !all.is_empty()
            && all
                .iter()
                .all(|firewall| firewall.kind == FirewallKind::Legacy)
    })
}

#[cfg(test)]
mod judged;
#[cfg(test)]
mod tests;
