//! Facts of an engine's data directory: storage driver, disk, and other engines that use it.

use super::data_root::data_mount;
use crate::evidence::{
    Engine, Evidence, Mount, Node, Observation, Observed, PodContainer, Reason, Runner, Unseen, Why,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The disk of an engine's data directory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// The path of the data directory in the engine's container.
    pub path: String,
    /// The file system type: `ext4`, `xfs`, `overlay`, `tmpfs` and so on.
    pub file_system: String,
    /// The size in MiB.
    pub size_mib: i64,
    /// The free space in MiB.
    pub free_mib: i64,
    /// The number of inodes; 0 if the file system has no limit.
    pub inodes: i64,
    /// The number of free inodes.
    pub free_inodes: i64,
    /// The percentage of free space below which the kubelet evicts pods by default: 10 for an
    /// emptyDir, 15 for the image file system. Absent if the data is not on the node's disk.
    pub evicts_below: Option<i64>,
}

/// The storage driver in use; for an engine that is not running, or in a file, the configured one.
pub(super) fn driver(engine: &Engine) -> Observation<Option<String>> {
    match engine.planned {
        Some(_) => Observed(told_by_engine(engine)),
        None => in_use(engine),
    }
}

/// Every running engine has one, so a response without it is incomplete.
pub(super) fn in_use(engine: &Engine) -> Observation<Option<String>> {
    match &engine.api {
        Unseen(reason) => Unseen(reason.clone()),
        Observed(api) if api.storage_driver.is_none() => {
            let engine = engine.path.clone();
            Unseen(Reason::StorageDriverUntold { engine })
        }
        Observed(api) => Observed(api.storage_driver.clone()),
    }
}

/// The storage driver that an engine is configured to use: by a flag, daemon.json or DOCKER_DRIVER,
/// which dockerd itself reads.
pub(super) fn driver_told(
    engine: Option<&Engine>,
    container: Option<&PodContainer>,
) -> Option<String> {
    let by_container = container.and_then(|container| {
        flag(&container.dockerd_args, "--storage-driver=")
            .or_else(|| container.env.get("DOCKER_DRIVER").cloned())
    });
    let told = engine.and_then(told_by_engine).or(by_container);
    told.filter(|driver| !driver.is_empty())
}

fn told_by_engine(engine: &Engine) -> Option<String> {
    let config = || engine.config.observed()?.as_ref()?.storage_driver.clone();
    flag(&engine.args, "--storage-driver=").or_else(config)
}

fn flag(flags: &[String], name: &str) -> Option<String> {
    let found = flags.iter().find_map(|flag| flag.strip_prefix(name))?;
    Some(found.to_owned())
}

/// Absent in recordings without disk data, and in files.
pub(super) fn disk(engine: &Engine) -> Observation<Option<Disk>> {
    let Some(data) = &engine.data else {
        return Observed(None);
    };
    data.as_ref().map(|data| {
        Some(Disk {
            path: data.path.clone(),
            file_system: data.file_system.clone(),
            size_mib: data.size_mib,
            free_mib: data.free_mib,
            inodes: data.inodes,
            free_inodes: data.free_inodes,
            evicts_below: None,
        })
    })
}

/// The kubelet's default eviction threshold for the node file system that holds an engine's data. A
/// host path may be on a separate disk.
pub(super) fn evicts_below(container: &PodContainer, disk: &Disk) -> Option<i64> {
    const NODE: i64 = 10;
    const IMAGES: i64 = 15;
    match data_mount(container) {
        _ if disk.file_system == "tmpfs" => None,
        None => Some(IMAGES),
        Some((mount, _)) => (mount.claim.is_none() && mount.host_path.is_none()).then_some(NODE),
    }
}

/// Unknown for an engine that was not observed; absent if it is not running.
pub(super) fn unused<T>(reason: &Reason) -> Observation<Option<T>> {
    match reason.why() {
        Why::NotRunning => Observed(None),
        _ => Unseen(reason.clone()),
    }
}

/// The open file limit of each process in the engine's containers.
pub(super) fn open_files(engine: &Engine) -> Option<i64> {
    const NOFILE: &str = "--default-ulimit=nofile=";
    let limit = flag(&engine.args, NOFILE)
        .and_then(|limit| limit.split(':').next().and_then(|soft| soft.parse().ok()));
    let config = || engine.config.observed()?.as_ref()?.open_files;
    limit.or_else(config).or(engine.open_files)
}

/// Another engine with the same data directory, as observed or according to the specification.
pub(super) fn shared_with(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
    path: &str,
) -> Option<String> {
    let engines = runner.engines.seen();
    let place = |engine: &Engine| {
        let data = engine.data.as_ref()?.observed()?;
        Some((data.device, data.inode))
    };
    let own = engines.iter().find(|e| e.path == path).and_then(place);
    let mut others = engines.iter().filter(|engine| engine.path != path);
    if let Some(same) = others.find(|other| own.is_some() && place(other) == own) {
        return Some(same.path.clone());
    }
    let container = runner.engine_containers().find(|c| c.name == path)?;
    let own = Held::by(container)?;
    let mut beside = runner.engine_containers().filter(|c| c.name != path);
    if let Some(same) = beside.find(|other| Held::by(other).is_some_and(|held| held == own)) {
        return Some(same.name.clone());
    }
    if own.mount.host_path.as_deref() == Some("/var/lib/docker")
        && own.mount.sub_path.is_none()
        && node.is_some_and(|node| super::node_docker_version(node).is_some())
    {
        return Some("the node's own Docker".to_owned());
    }
    in_another_pod(evidence, runner, &own)
}

/// Only volumes that outlive a pod can be mounted in two pods.
fn in_another_pod(evidence: &Evidence, runner: &Runner, own: &Held) -> Option<String> {
    let lasts = own.mount.host_path.is_some() || own.mount.claim.is_some();
    if !lasts || runner.declared.is_some() {
        return None;
    }
    let same_place = |other: &Runner| match own.mount.host_path {
        Some(_) => other.node.is_some() && other.node == runner.node,
        None => other.namespace == runner.namespace,
    };
    let mut others = evidence
        .runners
        .iter()
        .filter(|other| other.full_name() != runner.full_name() && same_place(other));
    others.find_map(|other| {
        let mut engines = other.engine_containers();
        let same = engines.find(|engine| Held::by(engine).is_some_and(|held| held.lasting(own)))?;
        Some(format!("{} of {}", same.name, other.full_name()))
    })
}

/// The volume that holds an engine's data, and the path of the data in it.
struct Held<'a> {
    mount: &'a Mount,
    below: String,
}

impl<'a> Held<'a> {
    fn by(container: &'a PodContainer) -> Option<Self> {
        let (mount, below) = data_mount(container)?;
        // A variable may expand to a different path for each pod.
        let fixed = !mount
            .sub_path
            .as_ref()
            .is_some_and(|path| path.contains("$("));
        fixed.then_some(Held { mount, below })
    }

    fn lasting(&self, other: &Held) -> bool {
        (&self.mount.host_path, &self.mount.claim) == (&other.mount.host_path, &other.mount.claim)
            && self.mount.sub_path == other.mount.sub_path
            && self.below == other.below
    }
}

impl PartialEq for Held<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.mount.volume == other.mount.volume
            && self.mount.sub_path == other.mount.sub_path
            && self.below == other.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;

    /// Two runners on one node, each with its engine's data on a volume.
    fn two(volume: impl Fn(&mut Mount)) -> Evidence {
        let mut evidence = healthy().unwrap();
        let mut other = evidence.runners[0].clone();
        other.pod = "runner-x7k2p".to_owned();
        evidence.runners.push(other);
        for runner in &mut evidence.runners {
            for container in &mut runner.containers {
                for mount in &mut container.mounts {
                    if mount.path == "/var/lib/docker/containers" {
                        mount.path = "/var/lib/docker".to_owned();
                        volume(mount);
                    }
                }
            }
        }
        evidence
    }

    fn shared(evidence: &Evidence) -> Option<String> {
        let node = evidence.nodes.first();
        shared_with(evidence, &evidence.runners[0], node, "docker-in-docker")
    }

    #[test]
    fn an_empty_dir_is_each_pods_own() {
        assert_eq!(shared(&two(|_| ())), None);
    }

    #[test]
    fn a_directory_of_the_node_or_a_claim_is_shared() {
        let by_path = |mount: &mut Mount| mount.host_path = Some("/data/docker".to_owned());
        let other = Some("docker-in-docker of bitbucket-runner/runner-x7k2p".to_owned());
        assert_eq!(shared(&two(by_path)), other);
        assert_eq!(
            shared(&two(|mount| mount.claim = Some("cache".to_owned()))),
            other
        );
        let apart = |mount: &mut Mount| {
            by_path(mount);
            mount.sub_path = Some("$(POD_NAME)".to_owned());
        };
        assert_eq!(shared(&two(apart)), None);
        let mut elsewhere = two(by_path);
        elsewhere.runners[1].node = Some("worker-2".to_owned());
        assert_eq!(shared(&elsewhere), None);
    }

    #[test]
    fn the_nodes_own_docker_counts_where_it_runs() {
        let of_node = |mount: &mut Mount| mount.host_path = Some("/var/lib/docker".to_owned());
        let mut evidence = two(of_node);
        evidence.runners.truncate(1);
        assert_eq!(shared(&evidence), None);
        evidence.nodes[0].runtime = "docker://20.10.7".to_owned();
        assert_eq!(shared(&evidence), Some("the node's own Docker".to_owned()));
    }

    #[test]
    fn limits_are_told_or_inherited() {
        let mut engine = healthy().unwrap().runners[0].engines.seen()[0].clone();
        engine.open_files = Some(1_073_741_816);
        assert_eq!(open_files(&engine), Some(1_073_741_816));
        engine.args = vec!["--default-ulimit=nofile=1024:4096".to_owned()];
        assert_eq!(open_files(&engine), Some(1024));
    }
}
