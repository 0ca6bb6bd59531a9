//! Engines other than Docker: they have no API to query, so only their processes, their settings for build
//! steps and the versions printed by their programs are known.

use super::Walked;
use super::frames::Frames;
use super::processes::{Process, Processes};
use crate::evidence::{BuildNetwork, Engine, EngineKind, Observation, Observed, Reason, Unseen};
use crate::facts::versions;
use crate::text::plain::plain;
use std::collections::{BTreeMap, HashSet};

/// The kind of engine of a process; an unknown name means that it listens on Docker's socket.
pub fn kind(process: &Process) -> EngineKind {
    EngineKind::of_process(&process.name).unwrap_or_default()
}

/// The first process of each such engine, which may have many. A zombie is in no namespace.
pub fn first_of_each(candidates: Vec<&Process>) -> Vec<&Process> {
    let mut known = HashSet::new();
    let is_new = |process: &&Process| {
        let kind = kind(process);
        kind.is_docker() || process.net.is_some() && known.insert((kind, process.mnt, process.net))
    };
    candidates.into_iter().filter(is_new).collect()
}

/// The engine of a container that runs it only during builds, if it does not run now.
pub fn idle(
    frames: &Frames,
    processes: &Processes,
    own: i64,
    walked: &Walked,
    engines: &[Engine],
) -> Option<Engine> {
    let other = walked.other_engine.filter(|other| other.on_demand)?;
    let mut here = engines.iter().filter(|engine| engine.depth() == 0);
    if here.any(|engine| engine.kind == other.kind) {
        return None;
    }
    let engine = Engine {
        namespace: processes.get(own)?.net?,
        api: Observation::Unobserved(Reason::NotBuilding {
            container: walked.name.clone(),
            engine: other.kind,
        }),
        image: Observed(walked.image.clone()),
        programs: programs(frames, other.kind),
        ..bare(&walked.name, other.kind)
    };
    Some(engine)
}

/// An engine about which nothing is known yet.
pub fn bare(path: &str, kind: EngineKind) -> Engine {
    Engine {
        image: Unseen(Reason::NotInContainer),
        ..Engine::unread(path, kind, Reason::NotDocker { engine: kind })
    }
}

/// The versions printed by its programs: `podman version 5.8.0`, `netavark 1.17.0`, `buildkitd
/// github.com/moby/buildkit v0.33.0 1a2b3c`.
pub fn programs(frames: &Frames, kind: EngineKind) -> BTreeMap<String, String> {
    let names = match kind {
        EngineKind::Podman => &["podman", "netavark"][..],
        other => &[other.engine().program][..],
    };
    let printed = frames.named("version").filter_map(|record| {
        let name = record.key.rsplit('/').next()?;
        let mut words = record.lines().next()?.split_whitespace();
        let version = words.find(|word| versions::parse(word).is_some())?;
        let version = plain(version.trim_start_matches('v'));
        names.contains(&name).then(|| (name.to_owned(), version))
    });
    printed.collect()
}

/// The buildkitd flag that sets the network mode of build steps.
pub const NETWORK_FLAG: &str = "--oci-worker-net";

/// The buildkitd flag that sets the network mode of build steps, with its value.
pub fn arguments(frames: &Frames, pid: &str) -> Vec<String> {
    let mut words = frames
        .get("arguments", pid)
        .into_iter()
        .flat_map(|r| r.lines());
    let mut found = None;
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((NETWORK_FLAG, value)) => found = Some(plain(value)),
            None if word == NETWORK_FLAG => found = words.next().map(plain),
            _ => {}
        }
    }
    found
        .into_iter()
        .map(|value| format!("{NETWORK_FLAG}={value}"))
        .collect()
}

/// The network mode of BuildKit's steps: from its flag, else its configuration file, else its default.
pub fn build_network(frames: &Frames, pid: &str) -> Option<BuildNetwork> {
    let record = frames.get("worker", pid)?;
    let lines = || record.lines();
    if !lines().any(|line| line == "# read") {
        return None;
    }
    let of_flag = arguments(frames, pid).into_iter().next();
    let of_flag = of_flag
        .as_ref()
        .and_then(|flag| Some(flag.split_once('=')?.1));
    let of_file = lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "networkMode").then(|| value.trim().trim_matches(['"', '\'']))
    });
    let bridge = |line: &str| {
        let value = line.strip_prefix("BUILDKIT_NETWORK_BRIDGE_AUTO=");
        value.is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    };
    match of_flag.or(of_file).unwrap_or("auto") {
        "host" => Some(BuildNetwork::Host),
        "bridge" => Some(BuildNetwork::Bridge),
        "cni" => Some(BuildNetwork::Cni),
        "auto" | "" if lines().any(bridge) => Some(BuildNetwork::Bridge),
        "auto" | "" if lines().any(|line| line == "cni") => Some(BuildNetwork::Cni),
        "auto" | "" => Some(BuildNetwork::Host),
        _ => None,
    }
}
