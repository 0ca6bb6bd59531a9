//! A pod's specification and status as evidence, by allow-list.

use super::container::{image, is_privileged, runs_on};
use super::engine::{is_dind, is_engine, other_engine, runs_engine};
use super::is_agent;
use crate::collect::walk::options;
use crate::evidence::{
    ContainerState, Ended, Eviction, Launch, Launcher, Mount, Observation, Outermost, Owner,
    PodContainer, Provider, Reason, Role, Runner, Standing,
};
use crate::text::plain::{self as text, plain};
use crate::text::secret::holds_secret;
use k8s_openapi::api::core::v1::{
    Container, ContainerStateTerminated, ContainerStatus, Pod, PodSpec, PodStatus, VolumeMount,
};
use std::collections::BTreeMap;

const OPTS: &str = "DOCKER_OPTS";
pub const HOOKS: &str = "ACTIONS_RUNNER_CONTAINER_HOOKS";

/// Variables that decide how an engine runs or is found. No others are read.
const ENV: [&str; 11] = [
    // GitHub's runner with container hooks runs jobs in separate pods.
    HOOKS,
    OPTS,
    "DOCKER_API_VERSION",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_CERTDIR",
    "DOCKER_TLS_VERIFY",
    "DOCKER_DRIVER",
    "DOCKERD_ROOTLESS_ROOTLESSKIT_MTU",
    "DOCKERD_ROOTLESS_ROOTLESSKIT_NET",
    // Where a Bitbucket runner keeps the files of its steps.
    "WORKING_DIRECTORY",
];

/// Every container of a pod, init containers first, and whether it is an init container.
pub fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let spec = pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_ref());
    let init = init
        .into_iter()
        .flatten()
        .map(|container| (container, true));
    let main = spec.into_iter().flat_map(|spec| &spec.containers);
    init.chain(main.map(|container| (container, false)))
}

pub(super) fn describe(pod: &Pod, provider: Provider) -> Runner {
    let none = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let status = pod.status.as_ref();
    let added = added_engines(spec);
    Runner {
        outermost: Outermost::Pod,
        namespace: pod.metadata.namespace.clone().unwrap_or_default(),
        pod: pod.metadata.name.clone().unwrap_or_default(),
        owner: owner(pod),
        provider,
        node: spec.node_name.clone(),
        phase: status.and_then(|s| s.phase.clone()).unwrap_or_default(),
        qos_class: status.and_then(|s| s.qos_class.clone()),
        host_network: spec.host_network.unwrap_or(false),
        containers: containers(pod)
            .filter(|(container, init)| !init || runs_on(container))
            .map(|(container, init)| one(container, init, spec, pod, provider))
            .chain(added.iter().map(|c| one(c, false, spec, pod, provider)))
            .collect(),
        namespaces: Observation::Unobserved(Reason::NotWalked),
        engines: Observation::Unobserved(Reason::NotWalked),
        declared: None,
        addresses: addresses(status),
        runtime_class: spec.runtime_class_name.as_deref().map(plain),
        user_namespace: spec.host_users == Some(false),
        probes: Vec::new(),
        standing: standing(pod),
    }
}

/// Ephemeral containers that run an engine; other debug containers are not part of the runner.
fn added_engines(spec: &PodSpec) -> Vec<Container> {
    let added = spec.ephemeral_containers.iter().flatten();
    // EphemeralContainer has all fields of Container.
    let read = |added| serde_json::from_value(serde_json::to_value(added).ok()?).ok();
    added
        .filter_map(read)
        .filter(|one| runs_engine(one, spec))
        .collect()
}

fn addresses(status: Option<&PodStatus>) -> Vec<String> {
    let all = status.and_then(|status| status.pod_ips.as_ref());
    all.into_iter().flatten().map(|ip| plain(&ip.ip)).collect()
}

fn owner(pod: &Pod) -> Option<Owner> {
    let owners = pod.metadata.owner_references.as_ref()?;
    let owner = owners
        .iter()
        .find(|o| o.controller == Some(true))
        .or(owners.first())?;
    Some(Owner {
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    })
}

fn one(
    container: &Container,
    init: bool,
    spec: &PodSpec,
    pod: &Pod,
    provider: Provider,
) -> PodContainer {
    let status = status(pod, &container.name);
    let runs_docker = is_engine(container, spec);
    let other_engine = other_engine(container).filter(|_| !runs_docker);
    let role = match () {
        () if runs_docker => Role::Engine,
        () if is_agent(&provider.system().agent, &container.name, container) => Role::Runner,
        () => Role::Other,
    };
    let words = container.command.iter().chain(&container.args).flatten();
    let words = words.flat_map(|word| word.split_whitespace());
    let env = environment(container);
    let told = env.get("DOCKER_OPTS").map_or("", String::as_str);
    let resources = container.resources.as_ref();
    let memory =
        |of: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>| {
            of.and_then(|all| all.get("memory"))
                .map(|quantity| plain(&quantity.0))
        };
    PodContainer {
        name: container.name.clone(),
        role,
        image: text::image(image(container)),
        digest: status
            .map(|s| digest(&s.image_id))
            .filter(|id| !id.is_empty()),
        init,
        privileged: is_privileged(container),
        dockerd_args: match role {
            Role::Engine => options::flags(words),
            _ => Vec::new(),
        },
        docker_opts: match role {
            Role::Engine => options::opts(told),
            _ => Vec::new(),
        },
        launch: (role == Role::Engine || other_engine.is_some()).then(|| launch(container)),
        env,
        plain_secrets: plain_secrets(container),
        memory_request: memory(resources.and_then(|r| r.requests.as_ref())),
        memory_limit: memory(resources.and_then(|r| r.limits.as_ref())),
        mounts: mounts(container, spec),
        state: state(pod, status),
        restarts: status.map_or(0, |s| i64::from(s.restart_count)),
        log: None,
        other_engine,
        docker_client: None,
        startup_seconds: startup_seconds(container),
        last_end: last_end(status),
    }
}

/// Docker on the node reports `docker://sha256:…` or `docker-pullable://REPOSITORY@sha256:…`.
fn digest(image_id: &str) -> String {
    let id = image_id.split_once("://").map_or(image_id, |(_, id)| id);
    text::image(id)
}

/// The time that its startup probe allows: the delay, and every failure but the last in full.
fn startup_seconds(container: &Container) -> Option<i64> {
    let probe = container.startup_probe.as_ref()?;
    let period = i64::from(probe.period_seconds.unwrap_or(10).max(1));
    let failures = i64::from(probe.failure_threshold.unwrap_or(3).max(1));
    let delay = i64::from(probe.initial_delay_seconds.unwrap_or(0).max(0));
    Some(delay.saturating_add(period.saturating_mul(failures)))
}

/// How the manifest starts dockerd, and whether it contains more than is recorded.
fn launch(container: &Container) -> Launch {
    let command: Vec<&str> = container
        .command
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let args: Vec<&str> = container
        .args
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let words = || command.iter().chain(&args).copied();
    let by = match is_dind(container) || other_engine(container).is_some() {
        true => Launcher::of(&command, &args),
        // The image has its own way to start dockerd.
        false => Launcher::Script,
    };
    let flags = words().filter(|word| word.starts_with('-')).count();
    Launch {
        by,
        unlisted: flags != options::flags(words()).len(),
    }
}

fn environment(container: &Container) -> BTreeMap<String, String> {
    let variables = container.env.iter().flatten();
    variables
        .filter(|variable| ENV.contains(&variable.name.as_str()))
        .filter_map(|variable| {
            let value = variable.value.as_ref()?;
            let value = match variable.name.as_str() {
                // Flags may contain secrets.
                OPTS => options::opts(value).join(" "),
                _ => plain(value),
            };
            Some((variable.name.clone(), value))
        })
        .collect()
}

/// Variables with a secret-sounding name and a literal value in the pod. Only the name is kept.
pub(crate) fn plain_secrets(container: &Container) -> Vec<String> {
    let variables = container.env.iter().flatten();
    variables
        .filter(|variable| holds_secret(&variable.name))
        .filter(|variable| variable.value.as_deref().is_some_and(is_literal))
        .map(|variable| plain(&variable.name))
        .collect()
}

/// Whether a value is not a reference `$(NAME)`, which may come from a Secret.
fn is_literal(value: &str) -> bool {
    let is_reference = value.starts_with("$(") && value.ends_with(')');
    !value.is_empty() && !is_reference
}

fn mounts(container: &Container, spec: &PodSpec) -> Vec<Mount> {
    let volume = |name: &str| {
        let mut volumes = spec.volumes.iter().flatten();
        volumes.find(|volume| volume.name == name)
    };
    let host_path = |name: &str| Some(volume(name)?.host_path.as_ref()?.path.clone());
    let claim = |name: &str| {
        let claim = volume(name)?.persistent_volume_claim.as_ref()?;
        Some(claim.claim_name.clone())
    };
    let words = container.command.iter().chain(&container.args).flatten();
    let flags = options::flags(words.flat_map(|word| word.split_whitespace()));
    let root = flags
        .iter()
        .find_map(|flag| flag.strip_prefix("--data-root="));
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .filter(|mount| {
            let of_node = host_path(&mount.name).is_some_and(|path| matters(&path, None));
            of_node || matters(&mount.mount_path, root)
        })
        .map(|mount| Mount {
            path: plain(&mount.mount_path),
            volume: mount.name.clone(),
            host_path: host_path(&mount.name),
            claim: claim(&mount.name),
            sub_path: sub_path(mount),
        })
        .collect()
}

fn sub_path(mount: &VolumeMount) -> Option<String> {
    let expression = mount.sub_path_expr.as_deref();
    mount.sub_path.as_deref().or(expression).map(plain)
}

/// Mounts of sockets, work directories and engine data, in the container or on its node. Other mounts
/// and their file names are not recorded; the service account's token is mounted everywhere.
fn matters(path: &str, data_root: Option<&str>) -> bool {
    const PLACES: [&str; 8] = [
        "/builds",
        "/etc/docker/daemon.json",
        "/home/rootless",
        "/home/runner",
        "/run",
        "/tmp",
        "/var/lib",
        "/var/run",
    ];
    let within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let near = |place: &str| within(path, place) || within(place, path);
    !path.starts_with("/var/run/secrets/")
        && (PLACES.iter().any(|place| near(place)) || data_root.is_some_and(near))
}

fn status<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let main = status.container_statuses.iter().flatten();
    let init = status.init_container_statuses.iter().flatten();
    let added = status.ephemeral_container_statuses.iter().flatten();
    main.chain(init)
        .chain(added)
        .find(|status| status.name == name)
}

fn state(pod: &Pod, status: Option<&ContainerStatus>) -> ContainerState {
    let state = status.and_then(|status| status.state.as_ref());
    let last = status.and_then(|status| status.last_state.as_ref()?.terminated.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref());
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let phase = match state {
        Some(state) if state.running.is_some() => "running",
        Some(state) if state.terminated.is_some() => "terminated",
        _ => "waiting",
    };
    let reason = waiting
        .and_then(|waiting| waiting.reason.clone())
        .or(ended.and_then(|ended| ended.reason.clone()))
        .or(last.and_then(|last| last.reason.clone()));
    ContainerState {
        phase: phase.to_owned(),
        reason,
        message: waiting.and_then(|waiting| waiting.message.as_deref().map(plain)),
        exit_code: ended.or(last).map(|end| i64::from(end.exit_code)),
        since: match (state.and_then(|state| state.running.as_ref()), last) {
            (Some(running), _) => running.started_at.as_ref(),
            (None, None) if phase == "waiting" => pod.metadata.creation_timestamp.as_ref(),
            _ => None,
        }
        .map(|time| time.0),
    }
}

fn last_end(status: Option<&ContainerStatus>) -> Option<Ended> {
    let ended = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| {
        let ended: &ContainerStateTerminated = state.as_ref()?.terminated.as_ref()?;
        Some(Ended {
            reason: plain(ended.reason.as_deref().unwrap_or_default()),
            exit_code: i64::from(ended.exit_code),
        })
    };
    let status = status?;
    ended(&status.state).or_else(|| ended(&status.last_state))
}

/// The pod's status according to the scheduler and the kubelet.
fn standing(pod: &Pod) -> Standing {
    let Some(status) = &pod.status else {
        return Standing::default();
    };
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions.find(|c| c.type_ == "PodScheduled" && c.status == "False");
    let since = unscheduled.and_then(|c| c.last_transition_time.as_ref());
    let unschedulable = unscheduled.map(|condition| {
        let said = condition.message.as_ref().or(condition.reason.as_ref());
        plain(said.map_or("", String::as_str))
    });
    let selector = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_selector.clone());
    Standing {
        node_selector: match unschedulable {
            Some(_) => selector.unwrap_or_default(),
            None => BTreeMap::new(),
        },
        unschedulable_since: since.map(|time| time.0),
        unschedulable,
        evicted: eviction(pod),
        ..Standing::default()
    }
}

/// Why the pod was evicted, if it was.
pub(super) fn eviction(pod: &Pod) -> Option<Eviction> {
    let status = pod.status.as_ref()?;
    let is_evicted = status.reason.as_deref() == Some("Evicted");
    is_evicted.then(|| Eviction {
        pod: pod.metadata.name.clone().unwrap_or_default(),
        message: plain(status.message.as_deref().unwrap_or_default()),
    })
}

/// For a pod that the user named and in which no container looks like an engine: assume that its
/// privileged containers run one, else the first container.
pub(super) fn suppose_engine(runner: &mut Runner) {
    let privileged = runner
        .containers
        .iter()
        .any(|container| container.privileged);
    let candidates = runner
        .containers
        .iter_mut()
        .filter(|c| c.privileged || !privileged);
    for container in candidates.take(if privileged { usize::MAX } else { 1 }) {
        container.role = Role::Engine;
    }
}
