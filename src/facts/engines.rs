//! Facts of each Docker engine: whether it responds, its version, its OOM score.

use super::containers::known_errors;
use super::hosts::mismatch;
use super::oom_score::{self, expected_containerd, overflows};
use super::trouble::{reason_of_trouble, silence, trouble, unseen_because};
use super::{
    BadRelease, DeadProxy, Disk, Gap, Origin, ProxyMissing, Section, SocketDenied, clients, data,
    node_docker_version, other_engines, overlaps, pools, proxies, start,
};
use crate::evidence::{
    Class, Engine, Evidence, Node, Observation, Observed, Outermost, PodContainer, Provider,
    Reason, Role, Runner, Unseen, Why,
};
use crate::facts::releases::{Product, releases};
use crate::facts::versions::{self, ImageRef};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// An engine, or a container that should run one. What only Docker has does not apply to other engines
/// (BuildKit, Dagger, Podman), and neither do checks that read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod, Origin::Walk]))]
pub struct EngineFacts {
    /// The name of the container it runs in.
    pub name: String,
    /// The path of container names from the pod down: `docker-in-docker/bb_docker`.
    pub engine: String,
    /// Nesting level: 0 for the pod's engine, 1 for an engine inside it, and so on.
    pub depth: i64,
    /// Why builds cannot use it, as a sentence. Absent if they can.
    pub trouble: Observation<Option<String>>,
    /// The id of the reason for data that is missing because of `trouble`. Absent if none is
    /// missing.
    pub unseen_because: Option<String>,
    /// The image of its container.
    pub image: Observation<String>,
    /// Whether the image's tag has no version, so that a new pod may run another Docker version.
    pub image_floats: Observation<bool>,
    /// The Docker version in the image's tag. Absent if the tag has none.
    pub tag_version: Observation<Option<String>>,
    /// Whether the running version differs from the one in the tag.
    pub tag_disagrees: Observation<bool>,
    /// The running Docker version.
    pub version: Observation<String>,
    /// Whether this version is maintained neither by moby nor by a distribution on the day of the
    /// examination.
    pub unmaintained: Observation<bool>,
    /// The same image with a maintained Docker version: registry, repository and variant are kept.
    /// Absent if the image is not Docker's official image.
    pub recommended_image: Option<String>,
    /// A known bug of this Docker or containerd release in every configuration. Absent if none is
    /// known.
    pub known_bad: Observation<Option<BadRelease>>,
    /// The OCI runtime that its dockerd should start containers with, if it is missing or not executable.
    /// Absent otherwise.
    pub missing_runtime: Observation<Option<String>>,
    /// The Docker version of the node. Absent if the node runs no Docker, and for nested engines.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_docker: Observation<Option<String>>,
    /// Whether the node's Docker version differs.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub node_disagrees: Observation<bool>,
    /// The version of its containerd: as read, or as shipped with its Docker version.
    pub containerd: Observation<String>,
    /// Whether the containerd version was read from the running engine.
    pub containerd_read: bool,
    /// Whether this containerd starts shims with its own OOM score plus one (containerd#4837).
    pub containerd_overflows: Observation<bool>,
    /// The oom_score_adj of containerd (or dockerd): as read, or as the kubelet sets it for the
    /// pod's QoS class.
    pub oom_score_adj: Observation<i64>,
    /// Whether the OOM score was read from the running process.
    pub oom_score_read: bool,
    /// dockerd flags in DOCKER_OPTS that its dockerd does not have. Absent if there are none.
    pub ignored_opts: Observation<Option<String>>,
    /// The flags of `ignored_opts` whose values were read. Absent if there are none.
    pub ignored_flags: Option<String>,
    /// The DOCKER_HOST with which the runner would reach it. Absent if the current one is right, or
    /// if no value helps.
    pub right_host: Option<String>,
    /// Whether it runs although its daemon.json is not valid JSON: dockerd would not start with it.
    pub config_invalid: Observation<bool>,
    /// Whether the runner uses TLS on a port on which the engine does not.
    pub needless_tls: bool,
    /// Known errors in the log of its container: the last line of each, by check id. Also empty if
    /// the log could not be read, and for nested engines.
    #[schemars(extend("x-from" = [Origin::Logs]))]
    pub log: BTreeMap<String, String>,
    /// The storage driver in use. Absent if no engine runs.
    pub storage_driver: Observation<Option<String>>,
    /// The configured storage driver. Absent if Docker chooses it.
    pub driver_told: Option<String>,
    /// The disk of its data directory. Absent for files.
    pub disk: Observation<Option<Disk>>,
    /// The open-file limit (nofile) of each process in its containers. Absent if no engine runs.
    pub open_files: Observation<Option<i64>>,
    /// Another engine that uses the same data directory. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub shares_data_with: Option<String>,
    /// A container of the pod whose user may not connect to its socket. Absent if there is none.
    pub socket_denied: Observation<Option<SocketDenied>>,
    /// The number of subnets left for new networks, counted up to 32. Absent if not known.
    pub free_subnets: Observation<Option<i64>>,
    /// An address range that overlaps nothing that was seen. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Nodes]))]
    pub free_range: Option<String>,
    /// The proxy variables of the pod's runner that it does not have. Absent if there are none.
    pub proxy_missing: Observation<Option<ProxyMissing>>,
    /// A proxy, of the engine or of the pod's runner, at a loopback address on which nothing listens.
    /// Absent if there is none.
    pub dead_proxy: Observation<Option<DeadProxy>>,
    /// A container that was refused processes because of a limit. Absent if there is none.
    pub pids_refused: Observation<Option<PidsRefused>>,
    /// A container of it whose cgroup is outside the pod's, so that the pod's limits do not apply.
    /// Absent if there is none.
    pub builds_outside: Observation<Option<String>>,
    /// The memory limit of its container as written: `2Gi`. Absent without a limit.
    pub memory_limit: Option<String>,
    /// The address that makes dockerd pause its start for 16 seconds. Absent if there is none, or if the
    /// runner's start waits for its startup probe.
    pub start_pause: Observation<Option<String>>,
}

/// A limit of processes that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PidsRefused {
    /// The path of the container, or `the pod`.
    pub of: String,
    /// Its limit. Absent if the limit is one around it, or of a container in it.
    pub limit: Option<i64>,
    /// The number of its processes and threads.
    pub now: i64,
    /// How many were refused since it started.
    pub refused: i64,
}

impl PidsRefused {
    /// The worst case: a container's own limit is certain, one around it is not.
    pub(super) fn worst(engine: &Engine) -> Option<PidsRefused> {
        let refused = engine.pids_refused.iter().flatten();
        let worst = refused.max_by_key(|one| (one.limit.is_some(), one.refused))?;
        Some(PidsRefused {
            of: worst.of.clone(),
            limit: worst.limit,
            now: worst.now,
            refused: worst.refused,
        })
    }
}

pub(super) fn derive(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
) -> Section<EngineFacts> {
    let engines = runner.engines.seen();
    let missing = missing(runner);
    let gaps = match missing {
        // It is known that there are none.
        Some(_) => Vec::new(),
        None => gaps(runner),
    };
    // A machine's engine is only assumed: others may run in its place.
    let supposed = |container: &PodContainer| container.image.is_empty() && !engines.is_empty();
    let mut items: Vec<EngineFacts> = runner
        .engine_containers()
        .filter(|container| {
            !supposed(container) || engines.iter().any(|e| e.path == container.name)
        })
        .map(|container| {
            let engine = engines.iter().find(|e| e.path == container.name);
            of_container(runner, node, container, engine)
        })
        .collect();
    let expected = |path: &str| runner.engine_containers().any(|c| c.name == path);
    items.extend(
        engines
            .iter()
            .filter(|engine| engine.kind.is_docker() && !expected(&engine.path))
            .map(of_nested),
    );
    items.extend(others(runner));
    for item in &mut items {
        item.shares_data_with = data::shared_with(evidence, runner, node, &item.engine);
        item.ignored_flags = with_values(&item.ignored_opts);
        if let Some(engine) = engines.iter().find(|engine| engine.path == item.engine) {
            item.free_subnets = pools::free(runner, engine);
            item.free_range = overlaps::free_range(runner, node, engine);
        }
        judge_release(item, evidence);
    }
    items.extend(missing);
    Section { items, gaps }
}

/// Engines other than Docker, and the containers that should run one.
fn others(runner: &Runner) -> Vec<EngineFacts> {
    let engines = runner.engines.seen();
    let container = |name: &str| runner.containers.iter().find(|c| c.name == name);
    let here = engines.iter().filter(|engine| !engine.kind.is_docker());
    let mut others: Vec<EngineFacts> = here
        .map(|engine| other_engines::seen(engine, container(&engine.path)))
        .collect();
    others.extend(runner.containers.iter().filter_map(|container| {
        let kind = container.other_engine?.kind;
        let is_it = |e: &Engine| e.container == container.name && e.kind == kind;
        let runs = engines.iter().any(is_it);
        (!runs).then(|| other_engines::absent(runner, container, kind))
    }));
    others
}

fn gaps(runner: &Runner) -> Vec<Gap> {
    // The pod's own engine containers have separate facts; what runs inside them is unknown.
    let reason = runner.engines.reason().cloned();
    let gap = |reason| Gap {
        engine: None,
        subject: None,
        reason,
    };
    match runner.walked_containers().next() {
        Some(_) => Vec::new(),
        None => reason.map(gap).into_iter().collect(),
    }
}

/// The engine that a container of the pod should run.
fn of_container(
    runner: &Runner,
    node: Option<&Node>,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> EngineFacts {
    let mut facts = match engine {
        Some(engine) => of_nested(engine),
        None => absent(&container.name, runner, container),
    };
    facts.trouble = trouble(runner, container, engine);
    facts.unseen_because = unseen_because(runner, &facts);
    let answers = engine.is_some_and(|engine| engine.api.observed().is_some());
    let known = known_errors(container, answers);
    facts.log = known.observed().cloned().unwrap_or_default();
    facts.driver_told = data::driver_told(engine, Some(container));
    if let (Outermost::Pod, Observed(Some(disk))) = (runner.outermost, &mut facts.disk) {
        disk.evicts_below = data::evicts_below(container, disk);
    }
    if engine.is_some_and(|engine| engine.planned.is_some()) {
        facts.storage_driver = Observed(facts.driver_told.clone());
    }
    let mismatch = mismatch(runner, container, engine);
    let mismatch = mismatch.observed().and_then(Option::as_ref);
    facts.needless_tls = mismatch.is_some_and(|m| m.needless_tls);
    facts.right_host = mismatch.and_then(|m| m.right_host.clone());
    if let Some(engine) = engine {
        facts.ignored_opts = ignored_opts(engine, Some(&container.docker_opts));
    }
    facts.socket_denied = clients::socket_denied(runner, container);
    facts.proxy_missing = proxies::missing(runner, engine);
    if facts.dead_proxy == Observed(None) {
        facts.dead_proxy = proxies::dead_of_clients(runner);
    }
    facts.memory_limit = container.memory_limit.clone();
    if container.init && container.startup_seconds.is_some() {
        facts.start_pause = Observed(None);
    }
    if !container.image.is_empty() {
        facts.image = Observed(container.image.clone());
        of_image(&mut facts);
    }
    facts.node_docker = node_docker(runner, node);
    facts.node_disagrees = disagrees(&facts.node_docker, &facts.version);
    if !facts.containerd_read {
        let promised = facts.tag_version.observed().cloned().flatten();
        facts.containerd = expected_containerd(promised.as_deref(), &facts.containerd);
    }
    facts.containerd_overflows = overflows(&facts.containerd);
    if facts.oom_score_adj.observed().is_none() {
        facts.oom_score_adj = oom_score::expected(runner, container, &facts);
    }
    facts
}

/// The facts of a running engine alone, without its container's.
fn of_nested(engine: &Engine) -> EngineFacts {
    let version = engine.api.as_ref().map(|api| api.version.clone());
    let answered = engine.api.observed().and_then(|api| api.containerd.clone());
    let read = answered.or_else(|| engine.containerd.clone());
    let containerd_read = read.is_some();
    let containerd = match read {
        Some(containerd) => Observed(containerd),
        None => {
            let docker = version.observed().map(String::as_str);
            expected_containerd(docker, &version)
        }
    };
    let oom_score = oom_score::own(engine);
    let mut facts = EngineFacts {
        name: engine.name().to_owned(),
        engine: engine.path.clone(),
        depth: i64::try_from(engine.depth()).unwrap_or(i64::MAX),
        trouble: silence(engine),
        unseen_because: None,
        image: engine.image.clone(),
        image_floats: Observed(false),
        tag_version: Observed(None),
        tag_disagrees: Observed(false),
        unmaintained: version.as_ref().map(|_| false),
        recommended_image: None,
        known_bad: version.as_ref().map(|_| None),
        version,
        missing_runtime: engine.api.as_ref().map(|api| api.missing_runtime.clone()),
        node_docker: Observed(None),
        node_disagrees: Observed(false),
        containerd_overflows: overflows(&containerd),
        containerd,
        containerd_read,
        oom_score_read: oom_score.observed().is_some(),
        oom_score_adj: oom_score,
        log: BTreeMap::new(),
        storage_driver: data::driver(engine),
        driver_told: data::driver_told(Some(engine), None),
        disk: data::disk(engine),
        open_files: Observed(data::open_files(engine)),
        shares_data_with: None,
        ignored_opts: ignored_opts(engine, engine.docker_opts.as_ref()),
        right_host: None,
        config_invalid: match &engine.config {
            Unseen(Reason::DaemonJsonInvalid) => Observed(true),
            Unseen(reason) if reason.class() == Class::CouldNotLook => Unseen(reason.clone()),
            _ => Observed(false),
        },
        needless_tls: false,
        ignored_flags: None,
        socket_denied: Observed(None),
        free_subnets: Observed(None),
        free_range: None,
        proxy_missing: Observed(None),
        dead_proxy: proxies::dead(engine),
        pids_refused: Observed(PidsRefused::worst(engine)),
        builds_outside: Observed(engine.outside_pod.clone()),
        memory_limit: None,
        start_pause: start::pause(engine),
    };
    let no_image = facts
        .image
        .reason()
        .is_some_and(|r| r.why() == Why::NotApplicable);
    if !no_image {
        of_image(&mut facts);
    }
    facts.unseen_because = reason_of_trouble(&facts);
    facts
}

/// A container whose engine was not seen: what is known from the pod's specification alone.
fn absent(path: &str, runner: &Runner, container: &PodContainer) -> EngineFacts {
    let reason = match runner.engines.reason() {
        Some(reason) => reason.clone(),
        None => Reason::NoDockerd {
            container: container.name.clone(),
        },
    };
    EngineFacts {
        name: path.to_owned(),
        engine: path.to_owned(),
        depth: 0,
        trouble: Observed(None),
        unseen_because: None,
        image: Observed(container.image.clone()),
        image_floats: Observed(false),
        tag_version: Observed(None),
        tag_disagrees: Observed(false),
        version: Unseen(reason.clone()),
        // An engine that does not run is not outdated; the tag may not match the version that will run.
        unmaintained: data::unused(&reason).map(|_: Option<()>| false),
        recommended_image: None,
        known_bad: data::unused(&reason),
        missing_runtime: data::unused(&reason),
        node_docker: Observed(None),
        node_disagrees: Observed(false),
        containerd: Unseen(reason.clone()),
        containerd_read: false,
        containerd_overflows: Unseen(reason.clone()),
        oom_score_adj: Unseen(reason.clone()),
        oom_score_read: false,
        log: BTreeMap::new(),
        storage_driver: data::unused(&reason),
        driver_told: None,
        open_files: data::unused(&reason),
        disk: Unseen(reason.clone()),
        shares_data_with: None,
        // It may accept the flags that it would get.
        ignored_opts: match container.docker_opts.is_empty() {
            false => Unseen(reason.clone()),
            true => Observed(None),
        },
        right_host: None,
        // A dockerd that does not run logs what it rejects.
        config_invalid: data::unused(&reason).map(|_: Option<()>| false),
        needless_tls: false,
        ignored_flags: None,
        socket_denied: Observed(None),
        free_subnets: data::unused(&reason),
        free_range: None,
        proxy_missing: Observed(None),
        dead_proxy: Observed(None),
        pids_refused: data::unused(&reason),
        builds_outside: data::unused(&reason),
        memory_limit: container.memory_limit.clone(),
        start_pause: data::unused(&reason),
    }
}

/// What is known of the running release, on the day of the examination.
fn judge_release(facts: &mut EngineFacts, evidence: &Evidence) {
    let image = facts.image.observed();
    facts.recommended_image = image.and_then(|image| releases().recommended_image(image));
    let Observed(docker) = &facts.version else {
        return;
    };
    let day = evidence
        .examined_at
        .map(|at| at.to_zoned(TimeZone::UTC).date());
    facts.unmaintained = Observed(!releases().is_maintained(docker, day));
    let containerd = facts
        .containerd
        .observed()
        .filter(|_| facts.containerd_read);
    let bad = releases()
        .known_bad(Product::Docker, docker)
        .or_else(|| releases().known_bad(Product::Containerd, containerd?));
    facts.known_bad = Observed(bad);
}

fn of_image(facts: &mut EngineFacts) {
    facts.image_floats = facts
        .image
        .as_ref()
        .map(|image| ImageRef::parse(image).floats());
    facts.tag_version = facts
        .image
        .as_ref()
        .map(|image| ImageRef::parse(image).docker_version().map(str::to_owned));
    facts.tag_disagrees = disagrees(&facts.tag_version, &facts.version);
}

/// Whether a declared version differs from the running one; without a declared version, nothing differs.
fn disagrees(
    promised: &Observation<Option<String>>,
    running: &Observation<String>,
) -> Observation<bool> {
    promised.as_ref().and_then(|promised| match promised {
        None => Observed(false),
        Some(promised) => running.as_ref().and_then(|running| {
            let unread = [running, promised]
                .into_iter()
                .find(|version| versions::parse(version).is_none());
            match (versions::keeps_promise(promised, running), unread) {
                (Some(kept), _) => Observed(!kept),
                (None, unread) => Unseen(Reason::NotAVersion {
                    program: "Docker".to_owned(),
                    version: unread.unwrap_or(running).clone(),
                }),
            }
        }),
    })
}

fn node_docker(runner: &Runner, node: Option<&Node>) -> Observation<Option<String>> {
    match (node, &runner.node) {
        (Some(node), _) => Observed(node_docker_version(node).map(str::to_owned)),
        (None, Some(name)) => Unseen(Reason::NodeForbidden { node: name.clone() }),
        (None, None) => Observed(None),
    }
}

/// dockerd flags in DOCKER_OPTS, if its dockerd has none of them.
fn ignored_opts(engine: &Engine, told: Option<&Vec<String>>) -> Observation<Option<String>> {
    if let Some(planned) = &engine.planned {
        let ignored = &planned.ignored_opts;
        return Observed((!ignored.is_empty()).then(|| ignored.join(" ")));
    }
    let Some(told) = told.filter(|told| !told.is_empty()) else {
        return Observed(None);
    };
    if let (true, Unseen(reason)) = (engine.args.is_empty(), &engine.config) {
        return Unseen(reason.clone());
    }
    // If a flag's value was not read, it is unknown whether dockerd has the flag.
    let mut listed = told.iter().filter(|flag| flag.contains('=')).peekable();
    let heeded = listed.peek().is_none() || listed.any(|flag| engine.args.contains(flag));
    Observed((!heeded).then(|| told.join(" ")))
}

fn with_values(opts: &Observation<Option<String>>) -> Option<String> {
    let words = opts.observed()?.as_ref()?.split(' ');
    let flags: Vec<&str> = words.filter(|flag| flag.contains('=')).collect();
    (!flags.is_empty()).then(|| flags.join(" "))
}

/// A Bitbucket runner without an engine container and without the host's socket.
fn missing(runner: &Runner) -> Option<EngineFacts> {
    let asks = runner.containers.iter().find(|c| c.role == Role::Runner)?;
    let elsewhere = asks.env.contains_key("DOCKER_HOST")
        || asks.mounts.iter().any(|m| {
            m.host_path
                .as_ref()
                .is_some_and(|p| p.contains("docker.sock") || p == "/var/run" || p == "/run")
        });
    if runner.provider != Provider::Bitbucket
        || elsewhere
        || runner.engine_containers().next().is_some()
    {
        return None;
    }
    let trouble = "no container of this pod runs a Docker engine, and the runner is not configured to use another";
    let mut facts = absent(&asks.name, runner, asks);
    facts.trouble = Observed(Some(trouble.to_owned()));
    facts.unseen_because = runner.engines.reason().map(Reason::id);
    // There is no image or version to judge; the runner's own do not count here.
    facts.image_floats = Observed(false);
    facts.tag_disagrees = Observed(false);
    facts.containerd_overflows = Observed(false);
    facts.storage_driver = Observed(None);
    facts.disk = Observed(None);
    facts.config_invalid = Observed(false);
    facts.open_files = Observed(None);
    facts.free_subnets = Observed(None);
    facts.pids_refused = Observed(None);
    facts.builds_outside = Observed(None);
    facts.start_pause = Observed(None);
    Some(facts)
}
