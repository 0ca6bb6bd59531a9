//! Facts of each container of the pod, from its specification and status.

use super::data_root::{has_volume, is_rootless};
use super::hosts::host_socket;
use super::{Gap, Origin, Section, clients, data};
use crate::evidence::{
    Engine, EngineApi, Mount, Observation, Observed, Outermost, PodContainer, Provider, Reason,
    Role, Runner, Why,
};
use crate::facts::versions::ImageRef;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A container in the pod's specification.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct ContainerFacts {
    /// The container's name.
    pub name: String,
    /// The path of its engine, which is its name. Absent if it is not an engine container.
    pub engine: Option<String>,
    /// Its role.
    pub role: Role,
    /// The image in the pod's specification.
    pub image: String,
    /// Whether the image has no digest, and no tag or the tag `latest`.
    pub image_untagged: bool,
    /// Whether it is privileged. Unseen if a sandbox may make that unnecessary.
    pub privileged: Observation<bool>,
    /// Whether the image is rootless Docker.
    pub rootless: bool,
    /// Whether a Docker engine responds in it.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub answers: Observation<bool>,
    /// Whether its engine's data directory is on a volume.
    pub docker_volume: bool,
    /// The storage driver of its engine. Absent if no engine runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub storage_driver: Observation<Option<String>>,
    /// The file system type of its engine's data directory. Absent if no engine runs.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub data_on: Observation<Option<String>>,
    /// Names of variables that contain a secret in plain text. Absent if there are none.
    pub plain_secrets: Option<String>,
    /// The path at which it mounts the node's Docker socket. Absent if it does not.
    pub host_socket: Option<String>,
    /// The path at which a Bitbucket, GitHub or GitLab runner mounts the volume with job files, if no
    /// engine of its pod mounts that volume at the same path. Absent otherwise.
    pub unshared_work: Option<String>,
    /// Whether the pod has its own user namespace (`hostUsers: false`).
    pub user_namespace: bool,
    /// The percentage of its CPU periods in which it was throttled. Absent without a CPU limit, if it ran for
    /// less than a minute, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub throttled: Option<i64>,
    /// The registry whose certificate was rejected according to its log, if its engine still verifies it.
    /// Absent otherwise.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Logs]))]
    pub distrusted: Observation<Option<String>>,
    /// Whether /etc/docker/certs.d of its engine has a certificate authority for that registry. Absent if no
    /// certificate was rejected, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Logs]))]
    pub distrusted_certificate: Option<bool>,
    /// The configured storage driver of its engine. Absent if Docker chooses it.
    pub driver_told: Option<String>,
    /// Whether it was OOM-killed the last time it terminated.
    pub out_of_memory: bool,
    /// The number of processes in it, builds included, that were OOM-killed since it started. Absent if there
    /// are none, or if not read.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub oom_kills: Option<i64>,
    /// Its memory limit as written: `2Gi`. Absent without a limit.
    pub memory_limit: Option<String>,
    /// Its memory request as written. Absent without a request.
    pub memory_request: Option<String>,
    /// The number of restarts.
    pub restarts: i64,
    /// The exit code of its last termination. Absent if it never terminated.
    pub last_exit: Option<i64>,
    /// Known errors in its log: the last line of each, by check id. Empty if no log was requested.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: Observation<BTreeMap<String, String>>,
}

pub(super) fn derive(runner: &Runner) -> Section<ContainerFacts> {
    // Without a pod there is no specification to judge.
    if runner.outermost != Outermost::Pod && runner.declared.is_none() {
        return Section {
            items: Vec::new(),
            gaps: Vec::new(),
        };
    }
    Section {
        items: runner.containers.iter().map(|c| one(runner, c)).collect(),
        gaps: gaps(runner),
    }
}

/// A runner that was read from a file (a pipeline) may have no pod: that is not a gap.
fn gaps(runner: &Runner) -> Vec<Gap> {
    if !runner.containers.is_empty() || runner.declared.is_some() {
        return Vec::new();
    }
    vec![Gap {
        engine: None,
        subject: None,
        reason: Reason::ContainersNotRead,
    }]
}

fn one(runner: &Runner, container: &PodContainer) -> ContainerFacts {
    let image = ImageRef::parse(&container.image);
    let is_engine = container.role == Role::Engine;
    let running = runner
        .engines
        .seen()
        .iter()
        .find(|engine| engine.path == container.name);
    let api = running.and_then(|engine| engine.api.observed());
    ContainerFacts {
        name: container.name.clone(),
        engine: is_engine.then(|| container.name.clone()),
        role: container.role,
        image: container.image.clone(),
        image_untagged: image.digest.is_none() && image.tag.is_none_or(|tag| tag == "latest"),
        privileged: privileged(runner, container),
        rootless: is_rootless(container),
        answers: answers(runner, container, api.is_some()),
        docker_volume: has_volume(container),
        storage_driver: storage_driver(runner, running),
        data_on: data_on(runner, running),
        plain_secrets: (!container.plain_secrets.is_empty())
            .then(|| container.plain_secrets.join(", ")),
        log: known_errors(container, api.is_some()),
        driver_told: data::driver_told(running, Some(container)).filter(|_| is_engine),
        out_of_memory: container
            .last_end
            .as_ref()
            .is_some_and(|end| end.reason == "OOMKilled"),
        oom_kills: oom_kills(container, running),
        memory_limit: container.memory_limit.clone(),
        memory_request: container.memory_request.clone(),
        restarts: container.restarts,
        last_exit: container.last_end.as_ref().map(|end| end.exit_code),
        host_socket: host_socket(container),
        unshared_work: unshared_work(runner, container),
        user_namespace: runner.user_namespace,
        throttled: clients::throttled(container),
        distrusted: distrusted(container, api),
        distrusted_certificate: distrusted_certificate(container, running),
    }
}

/// How many of its processes were OOM-killed. Under cgroup v2 the container's count
/// includes those of the containers in it, under v1 it does not.
fn oom_kills(container: &PodContainer, engine: Option<&Engine>) -> Option<i64> {
    let client = container.docker_client.as_ref().and_then(|c| c.observed());
    let of_client = client.and_then(|client| client.oom_kills);
    let killed = engine.and_then(|engine| engine.oom_kills.as_ref());
    let counted = |inner: bool| {
        let killed = killed.into_iter().flatten();
        let of = killed.filter(|one| match inner {
            true => one.of.starts_with(&format!("{}/", container.name)),
            false => one.of == container.name,
        });
        of.fold(0_i64, |sum, one| sum.saturating_add(one.kills))
    };
    let kills = counted(false).max(counted(true));
    of_client.max(Some(kills)).filter(|kills| *kills > 0)
}

/// By check, the last line and its time. Errors of the previous run no longer apply if an engine
/// responds now.
pub(super) fn known_errors(
    container: &PodContainer,
    answers: bool,
) -> Observation<BTreeMap<String, String>> {
    let lines = match &container.log {
        Some(Observed(lines)) => lines,
        Some(Observation::Unobserved(reason)) if reason.why() != Why::NotApplicable => {
            return Observation::Unobserved(reason.clone());
        }
        _ => return Observed(BTreeMap::new()),
    };
    let of_now = lines
        .iter()
        .filter(|line| !(line.may_pass || answers && line.previous));
    let each = of_now.map(|line| {
        let text = match &line.time {
            Some(time) => format!("{} ({time})", line.text),
            None => line.text.clone(),
        };
        (line.check.clone(), text)
    });
    Observed(each.collect())
}

/// The registry in the last log line about a rejected certificate, unless its engine now accepts any
/// certificate of that registry.
fn distrusted(container: &PodContainer, api: Option<&EngineApi>) -> Observation<Option<String>> {
    known_errors(container, api.is_some()).map(|known| distrusted_by(&known, api))
}

/// Whether the engine has a certificate authority for that registry.
fn distrusted_certificate(container: &PodContainer, engine: Option<&Engine>) -> Option<bool> {
    let engine = engine?;
    let known = engine.certificates_for.as_ref()?;
    let distrusted = distrusted(container, engine.api.observed());
    let registry = distrusted.observed()?.as_ref()?;
    Some(known.contains(registry))
}

fn distrusted_by(known: &BTreeMap<String, String>, api: Option<&EngineApi>) -> Option<String> {
    const LONGEST: usize = 255;
    let (_, after) = known.get("registry-not-trusted")?.split_once("https://")?;
    let of_name = |c: char| c.is_ascii_alphanumeric() || ".:-[]".contains(c);
    let end = after.find(|c| !of_name(c)).unwrap_or(after.len());
    let registry = &after[..end];
    let name = registry.rsplit_once(':').map_or(registry, |(name, _)| name);
    let mut insecure = api
        .into_iter()
        .flat_map(|api| api.insecure_registries.iter().flatten());
    let covers = |known: &String| {
        let range = known.parse::<IpNet>().ok().zip(name.parse::<IpAddr>().ok());
        known == registry || range.is_some_and(|(range, address)| range.contains(&address))
    };
    let named = !registry.is_empty() && registry.len() <= LONGEST;
    (named && !insecure.any(covers)).then(|| registry.to_owned())
}

/// Where a runner keeps job files, if no engine of its pod has that volume at the same path: the engine
/// resolves paths in `docker run -v`.
fn unshared_work(runner: &Runner, container: &PodContainer) -> Option<String> {
    let is_work = |path: &str| match runner.provider {
        Provider::GithubArc => path.ends_with("/_work"),
        Provider::Gitlab => path == "/builds",
        Provider::Bitbucket => {
            let told = container.env.get("WORKING_DIRECTORY");
            path == told.map_or("/tmp", String::as_str)
        }
        _ => false,
    };
    let runs_jobs = container.role == Role::Runner && host_socket(container).is_none();
    let work = container.mounts.iter().find(|mount| is_work(&mount.path))?;
    let same = |mount: &Mount| {
        let volume = mount.volume == work.volume
            || mount.claim.is_some() && mount.claim == work.claim
            || mount.host_path.is_some() && mount.host_path == work.host_path;
        mount.path == work.path && mount.sub_path == work.sub_path && volume
    };
    let mut engines = runner.engine_containers().peekable();
    let unshared = runs_jobs
        && engines.peek().is_some()
        && !engines.any(|engine| engine.mounts.iter().any(same));
    unshared.then(|| work.path.clone())
}

/// A sandbox (sysbox, Kata) may give an unprivileged container what Docker needs.
fn privileged(runner: &Runner, container: &PodContainer) -> Observation<bool> {
    match &runner.runtime_class {
        Some(class) if !container.privileged => Observation::Unobserved(Reason::SandboxUnknown {
            runtime_class: class.clone(),
        }),
        _ => Observed(container.privileged),
    }
}

/// The driver in use; in a file, no engine runs.
fn storage_driver(runner: &Runner, running: Option<&Engine>) -> Observation<Option<String>> {
    if runner.declared.is_some() {
        return Observed(None);
    }
    match (running, runner.engines.reason()) {
        (Some(engine), _) => data::in_use(engine),
        (None, Some(reason)) => Observation::Unobserved(reason.clone()),
        (None, None) => Observed(None),
    }
}

fn data_on(runner: &Runner, running: Option<&Engine>) -> Observation<Option<String>> {
    match (running, runner.engines.reason()) {
        _ if runner.declared.is_some() => Observed(None),
        (Some(engine), _) => data::disk(engine).map(|disk| disk.map(|disk| disk.file_system)),
        (None, Some(reason)) => data::unused(reason),
        (None, None) => Observed(None),
    }
}

/// If the container could not be examined, an engine may run that the specification does not show. In a
/// file, or in a terminated container, nothing runs.
fn answers(runner: &Runner, container: &PodContainer, seen: bool) -> Observation<bool> {
    let may_run = runner.declared.is_none() && container.state.phase == "running";
    match runner.engines.reason() {
        Some(reason) if may_run => Observation::Unobserved(reason.clone()),
        _ => Observed(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;

    fn engine() -> (Runner, PodContainer) {
        let runner = healthy().unwrap().runners.remove(0);
        let container = runner.engine_containers().next().unwrap().clone();
        (runner, container)
    }

    #[test]
    fn a_volume_above_the_data_root_holds_it_too() {
        let (_, mut container) = engine();
        let mut at = |path: &str| {
            container.mounts.truncate(1);
            container.mounts[0].path = path.to_owned();
            has_volume(&container)
        };
        assert!(at("/var/lib/docker") && at("/var/lib/docker/") && at("/var/lib"));
        assert!(!at("/var/lib/docker/containers") && !at("/var/lib/dock") && !at("/tmp"));
        container.dockerd_args = vec!["--data-root=/tmp/docker".to_owned()];
        assert!(has_volume(&container));
    }

    #[test]
    fn a_sandbox_may_make_up_for_privileges() {
        let (mut runner, mut container) = engine();
        assert_eq!(privileged(&runner, &container), Observed(true));
        container.privileged = false;
        assert_eq!(privileged(&runner, &container), Observed(false));
        runner.runtime_class = Some("sysbox-runc".to_owned());
        assert!(privileged(&runner, &container).reason().is_some());
    }
}
