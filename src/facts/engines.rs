//! Facts of each Docker engine: whether it responds, its version, its OOM score.

use super::containers::known_errors;
use super::hosts::mismatch;
use super::{
    EngineFacts, Gap, PidsRefused, Section, clients, data, node_docker_version, other_engines,
    overlaps, pools, proxies, start,
};
use crate::evidence::{
    Class, Engine, EngineFault, Evidence, Node, Observation, Observed, Outermost, Part,
    PodContainer, Provider, Reason, Role, Runner, Unseen, Why,
};
use crate::facts::releases::{Product, releases};
use crate::facts::versions::{self, ImageRef};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

pub(super) fn derive(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
) -> Section<EngineFacts> {
    let engines = runner.engines.seen();
    let missing = missing(runner);
    let gaps = match missing {
        // That there is none is known.
        Some(_) => Vec::new(),
        None => gaps(runner),
    };
    // A machine's engine is only supposed to be there: others may run in its place.
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
    // The pod's own engine containers are facts of their own; what runs inside them is not known.
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
        facts.oom_score_adj = expected_oom_score(runner, container, &facts);
    }
    facts
}

/// An engine that runs, by itself.
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
    let oom_score = own_oom_score(engine);
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

/// A container whose engine was not seen: what the pod's specification tells all the same.
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
        // Where none runs, none is old; what the tag says, it may not keep.
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
        // What it would be told it may heed.
        ignored_opts: match container.docker_opts.is_empty() {
            false => Unseen(reason.clone()),
            true => Observed(None),
        },
        right_host: None,
        // A dockerd that does not run tells by itself what it rejects.
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

/// What is known of the release that runs, on the day of the examination.
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

/// Whether a version that is promised somewhere is not the one that runs; where nothing is
/// promised, nothing disagrees.
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

/// Why builds cannot use the engine of a container, where they cannot.
fn trouble(
    runner: &Runner,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> Observation<Option<String>> {
    let state = &container.state;
    if runner.declared.is_some() {
        return match mismatch(runner, container, engine) {
            Observed(Some(found)) => Observed(Some(found.trouble)),
            _ => Observation::Unobserved(Reason::NothingRuns),
        };
    }
    if let Some(reason) = has_no_pod(runner) {
        return Unseen(reason);
    }
    if let Some(reason @ Reason::StartingUp { .. }) = runner.engines.reason() {
        return Unseen(reason.clone());
    }
    if state.phase != "running" {
        let ended = container.last_end.as_ref();
        let cause = ended
            .filter(|end| end.reason == "OOMKilled" && state.reason.as_ref() != Some(&end.reason));
        let cause = cause.map(|end| format!(" ({})", end.reason));
        let code = state
            .exit_code
            .map(|code| format!(", exit code {code}{}", cause.unwrap_or_default()));
        return Observed(Some(format!(
            "container {} is {}{}{}{}",
            container.name,
            state.phase,
            state
                .reason
                .as_ref()
                .map(|r| format!(" ({r})"))
                .unwrap_or_default(),
            code.unwrap_or_default(),
            kubelet_says(runner, container),
        )));
    }
    let seen = match (engine, runner.engines.reason()) {
        (Some(engine), _) => silence(engine),
        (None, Some(reason)) => Unseen(reason.clone()),
        (None, None) if runner.outermost != Outermost::Pod && container.image.is_empty() => {
            Observed(Some("no Docker engine runs or responds here".to_owned()))
        }
        (None, None) => Observed(Some(format!(
            "no dockerd runs in container {}",
            container.name
        ))),
    };
    match seen {
        Observed(None) => mismatch(runner, container, engine).map(|found| found.map(|m| m.trouble)),
        other => other,
    }
}

/// Why a container waits, in the kubelet's words.
fn kubelet_says(runner: &Runner, container: &PodContainer) -> String {
    let own = container.state.message.as_deref();
    match (
        own.filter(|said| !said.is_empty()),
        &runner.standing.not_started,
    ) {
        _ if container.state.phase != "waiting" => String::new(),
        (Some(said), _) => format!(": {said}"),
        (None, Some(Observed(said))) => format!("; kubelet: {said}"),
        (None, Some(Unseen(reason))) => format!("; {reason}"),
        (None, None) => String::new(),
    }
}

/// Why an engine that does not run or answer could not be looked at. In a file nothing runs, so
/// nothing there is unseen for its trouble.
fn unseen_because(runner: &Runner, facts: &EngineFacts) -> Option<String> {
    match runner.declared {
        Some(_) => None,
        None => reason_of_trouble(facts),
    }
}

fn reason_of_trouble(facts: &EngineFacts) -> Option<String> {
    facts.trouble.observed()?.as_ref()?;
    let reason = facts.version.reason()?;
    matches!(reason.why(), Why::NotRunning | Why::TimedOut).then(|| reason.id())
}

/// A pod that does not run as a whole: that is told by checks of its own.
fn has_no_pod(runner: &Runner) -> Option<Reason> {
    let standing = &runner.standing;
    if standing.given_up.is_some() {
        Some(Reason::JobGaveUp)
    } else if standing.unschedulable.is_some() {
        Some(Reason::Unschedulable)
    } else if standing.evicted.is_some() && runner.phase == "Failed" {
        Some(Reason::Evicted)
    } else {
        None
    }
}

/// An engine that was asked and did not answer; one that could not be asked is unobserved.
fn silence(engine: &Engine) -> Observation<Option<String>> {
    let fault = engine.fault.map(|fault| match fault {
        EngineFault::DockerdStopped => "dockerd is stopped (SIGSTOP)",
        EngineFault::ContainerdStopped => {
            "its containerd is stopped (SIGSTOP), so no container starts"
        }
        EngineFault::ContainerdMissing => {
            "its containerd does not run, so no container starts until dockerd restarts it"
        }
    });
    match &engine.api {
        Observed(_) => Observed(fault.map(str::to_owned)),
        Unseen(reason) if matches!(reason.why(), Why::TimedOut | Why::NotRunning) => {
            let fault = fault.map(|fault| format!("; {fault}"));
            Observed(Some(format!("{reason}{}", fault.unwrap_or_default())))
        }
        Unseen(reason) => Unseen(reason.clone()),
    }
}

/// dockerd's flags in DOCKER_OPTS, where its dockerd has none of them.
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
    // Of a flag whose value was not read it is not known whether dockerd has it.
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
    // There is no image or version to judge: the runner's own is another matter.
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

/// containerd's own score is what its shims exceed by one; dockerd's is what containerd inherits.
fn own_oom_score(engine: &Engine) -> Observation<i64> {
    let of = |process: &str| {
        let mut scores = engine.oom_scores.iter().filter(|s| s.process == process);
        scores.next().map(|score| score.oom_score_adj)
    };
    match of("containerd").or_else(|| of("dockerd")) {
        Some(score) => Observed(score),
        None => Observation::Unobserved(Reason::Unreadable {
            part: Part::OomScore,
        }),
    }
}

/// The score that dockerd is told to give containerd, else what the kubelet gives a container of a
/// BestEffort pod, where dockerd hands it on.
fn expected_oom_score(
    runner: &Runner,
    container: &PodContainer,
    facts: &EngineFacts,
) -> Observation<i64> {
    const BEST_EFFORT: i64 = 1000;
    let known = facts
        .version
        .observed()
        .or(facts.tag_version.observed().and_then(Option::as_ref));
    let docker = known.and_then(|version| versions::parse(version));
    let told = container.dockerd_args.iter().rev();
    let mut told = told.filter_map(|flag| flag.strip_prefix("--oom-score-adjust="));
    let told = told.next().and_then(|score| score.parse().ok());
    match (runner.qos_class.as_deref(), docker) {
        (_, Some(docker)) if told.is_some() && versions::hands_on_oom_score(&docker) => {
            told.map_or(facts.oom_score_adj.clone(), Observed)
        }
        (Some("BestEffort"), Some(docker)) if versions::inherits_oom_score(&docker) => {
            Observed(BEST_EFFORT)
        }
        // A Burstable or Guaranteed pod stays below, and an old dockerd sets its own.
        (Some("Burstable" | "Guaranteed"), _) => Observed(0),
        _ => facts.oom_score_adj.clone(),
    }
}

fn expected_containerd<T>(docker: Option<&str>, seen: &Observation<T>) -> Observation<String> {
    let pinned = docker
        .and_then(versions::parse)
        .and_then(|docker| versions::pinned_containerd(&docker));
    match (pinned, seen.reason()) {
        (Some(containerd), _) => Observed(containerd.to_owned()),
        (None, Some(reason)) => Unseen(reason.clone()),
        (None, None) => Observation::Unobserved(Reason::ContainerdUntold),
    }
}

fn overflows(containerd: &Observation<String>) -> Observation<bool> {
    containerd
        .as_ref()
        .and_then(|text| match versions::parse(text) {
            Some(version) => Observed(versions::oom_score_overflows(&version)),
            None => Unseen(Reason::NotAVersion {
                program: "containerd".to_owned(),
                version: text.clone(),
            }),
        })
}
