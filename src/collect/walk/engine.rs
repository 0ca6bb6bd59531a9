//! The Docker daemons of a walk: which process each is, where it runs, and what its API reports.

use super::MOST;
use super::answers::{self, ELSEWHERE, count};
use super::cgroups;
use super::data;
use super::frames::{Frames, Record};
use super::options;
use super::other_engine;
use super::processes::{Process, Processes};
use crate::evidence::{
    DataRoot, Engine, EngineApi, EngineFault, EngineKind, Observation, Observed, OomScore, Reason,
    Unseen,
};
use crate::facts::versions;
use crate::text::plain::plain;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Nesting of engines: deeper than any practical `--max-depth`.
const DEEPEST: usize = 64;

/// Reads every dockerd that the walk found, outer before inner.
pub fn engines(frames: &Frames, processes: &Processes, outermost: &Naming) -> Vec<Engine> {
    let candidates = other_engine::first_of_each(candidates(frames, processes));
    let read = candidates.iter().take(MOST + 1);
    let mut found: Vec<Found> = read.map(|process| Found::read(frames, process)).collect();
    let listening = listening(frames);
    refuse_borrowed_answers(&mut found);
    // A process that only listens on Docker's socket is an engine if the API responds.
    found.retain(|engine| {
        !listening.contains(&engine.process.pid) || engine.api.observed().is_some()
    });
    // A walk lists at most one more than its limit; if a forged stream lists more, the last represents the
    // rest.
    let more = candidates.len().saturating_sub(MOST + 1);
    if let (1.., Some(last)) = (more, found.last_mut()) {
        last.api = Unseen(Reason::MoreEngines {
            more: count(more),
            most: count(MOST),
        });
    }
    let mut by_mount: HashMap<Option<i64>, usize> = HashMap::new();
    for (at, engine) in found.iter().enumerate() {
        by_mount.entry(engine.process.mnt).or_insert(at);
    }
    let lineages = (0..found.len()).map(|at| lineage(&found, at, &by_mount, processes));
    let mut lineages: Vec<Vec<usize>> = lineages.collect();
    // This order puts each engine after its parent, whose name prefixes its own.
    let pids = |lineage: &Vec<usize>| lineage.iter().map(|at| found[*at].process.pid).collect();
    lineages.sort_by_cached_key(|lineage| -> Vec<i64> { pids(lineage) });
    // Docker has the name of the container; another engine next to it is named after its program.
    let beside_docker = lineages.iter().any(|lineage| match lineage.as_slice() {
        [only] => found[*only].kind.is_docker(),
        _ => false,
    });
    let mut engines: Vec<Engine> = Vec::new();
    let mut named: HashMap<usize, usize> = HashMap::new();
    for lineage in lineages {
        let [around @ .., at] = lineage.as_slice() else {
            continue;
        };
        let outer = around.last().and_then(|outer| named.get(outer));
        let outer = outer.and_then(|at| engines.get(*at));
        let mut engine = found[*at].engine(frames, processes, outer, outermost);
        let taken = engine.depth() == 0 && beside_docker
            || engines.iter().any(|other| other.path == engine.path);
        if !engine.kind.is_docker() && taken {
            engine.path = format!("{}/{}", engine.path, engine.kind.engine().program);
        }
        named.insert(*at, engines.len());
        engines.push(engine);
    }
    let beside = told(frames, outermost, &engines);
    engines.splice(0..0, beside);
    engines
}

/// The engine processes in the walk's order: those that a build is least able to forge come first. A walk
/// recorded before that ranking existed, or cut off before it, is ordered by age.
fn candidates<'a>(frames: &Frames, processes: &'a Processes) -> Vec<&'a Process> {
    match frames.get("engines", "-") {
        Some(record) => {
            let pids = pids(record).chain(listening(frames));
            pids.filter_map(|pid| processes.get(pid)).collect()
        }
        None => processes
            .iter()
            .filter(|p| p.name == "dockerd" && !is_child_of_dockerd(p, processes))
            .collect(),
    }
}

/// The processes that listen on Docker's socket and are not otherwise known as engines.
fn listening(frames: &Frames) -> Vec<i64> {
    let of = |key| frames.get("engines", key).into_iter().flat_map(pids);
    let named: HashSet<i64> = of("-").collect();
    of("listening").filter(|pid| !named.contains(pid)).collect()
}

fn pids(record: &Record) -> impl Iterator<Item = i64> {
    record.lines().filter_map(|line| line.parse().ok())
}

/// An engine and those around it, outermost first.
fn lineage(
    found: &[Found],
    at: usize,
    by_mount: &HashMap<Option<i64>, usize>,
    processes: &Processes,
) -> Vec<usize> {
    let mut around = vec![at];
    let mut inner = found[at].process;
    // The nearest ancestor in another mount namespace shows where the engine whose shim started
    // this one runs.
    while let Some(host) = processes.ancestor(inner.pid, |p| p.mnt.is_some() && p.mnt != inner.mnt)
        && let Some(outer) = by_mount.get(&host.mnt)
    {
        // Only corrupted output has a cycle of engines.
        if around.contains(outer) || around.len() > DEEPEST {
            break;
        }
        around.push(*outer);
        inner = found[*outer].process;
    }
    around.reverse();
    around
}

/// The engine that commands here use, unless its process was seen: it runs next to this container,
/// or outside it.
fn told(frames: &Frames, outermost: &Naming, seen: &[Engine]) -> Option<Engine> {
    let asked = frames
        .named("api")
        .any(|record| record.key.starts_with("0 "));
    let unasked = frames.get("no-client", "0").is_some();
    if !(asked || unasked && seen.is_empty()) {
        return None;
    }
    let (api, _) = answers::api(frames, ELSEWHERE);
    // In a pod, a socket without a response is not an engine.
    if !outermost.machine && api.observed().is_none() {
        return None;
    }
    let container = outermost.container;
    let id = |api: &Observation<EngineApi>| api.observed().and_then(|api| api.id.clone());
    let known = seen.iter().any(|engine| id(&engine.api) == id(&api));
    // If an engine's process was seen, ignore sockets without a response.
    if known || !seen.is_empty() && api.observed().is_none() {
        return None;
    }
    Some(out_of_sight(container, api))
}

/// An engine used by a container, known only by its API responses.
pub fn out_of_sight(container: &str, api: Observation<EngineApi>) -> Engine {
    Engine {
        pid: ELSEWHERE,
        api,
        ..Engine::unread(container, EngineKind::Docker, Reason::OutOfSight)
    }
}

/// How an engine is named that was not started by another one.
pub struct Naming<'a> {
    /// The container that was walked.
    pub container: &'a str,
    /// A whole machine was walked: engines may run in containers of another system (Kubernetes,
    /// Podman), whose ids distinguish them.
    pub machine: bool,
}

impl Naming<'_> {
    fn name(&self, engine: &Process) -> String {
        let id = engine.container.as_deref().and_then(|id| id.get(..12));
        match id {
            Some(id) if self.machine => format!("container-{id}"),
            _ => self.container.to_owned(),
        }
    }
}

/// A daemon's own helpers have its name.
fn is_child_of_dockerd(process: &Process, processes: &Processes) -> bool {
    processes
        .get(process.parent)
        .is_some_and(|parent| parent.name == "dockerd" && parent.mnt == process.mnt)
}

struct Found<'a> {
    process: &'a Process,
    kind: EngineKind,
    api: Observation<EngineApi>,
    /// Ids of its networks: with the engine's id, they distinguish it from any other engine.
    identity: Vec<String>,
}

impl<'a> Found<'a> {
    fn read(frames: &Frames, process: &'a Process) -> Self {
        let kind = other_engine::kind(process);
        let (api, identity) = match kind {
            EngineKind::Docker => answers::api(frames, process.pid),
            engine => (Unseen(Reason::NotDocker { engine }), Vec::new()),
        };
        Found {
            process,
            kind,
            api,
            identity,
        }
    }

    fn engine(
        &self,
        frames: &Frames,
        processes: &Processes,
        outer: Option<&Engine>,
        outermost: &Naming,
    ) -> Engine {
        let pid = self.process.pid;
        let key = pid.to_string();
        let (path, image) = match outer {
            Some(outer) => place(self.process, outer),
            None => (
                outermost.name(self.process),
                Observation::Unobserved(Reason::NotInContainer),
            ),
        };
        let (pids_refused, oom_kills) = match outer {
            Some(_) => (None, None),
            // The walk reads the counters of its own container.
            None => {
                let (here, api) = (outermost, self.api.observed());
                (
                    cgroups::pids_refused(frames, here.container, here.machine, api),
                    cgroups::oom_kills(frames, here.container, here.machine, api),
                )
            }
        };
        if !self.kind.is_docker() {
            return Engine {
                pid,
                namespace: self.process.net.unwrap_or_default(),
                image,
                args: other_engine::arguments(frames, &key),
                build_network: other_engine::build_network(frames, &key),
                // The programs of the walked container; those of other containers may differ.
                programs: match outer {
                    None => other_engine::programs(frames, self.kind),
                    Some(_) => BTreeMap::new(),
                },
                pids_refused,
                oom_kills,
                ..other_engine::bare(&path, self.kind)
            };
        }
        Engine {
            container: path.split('/').next().unwrap_or_default().to_owned(),
            path,
            pid,
            namespace: self.process.net.unwrap_or_default(),
            kind: self.kind,
            programs: BTreeMap::new(),
            build_network: None,
            image,
            args: options::arguments(frames.get("arguments", &key)),
            config: options::config(frames.get("config", &key)),
            oom_scores: oom_scores(self.process, processes),
            docker_opts: options::docker_opts(frames.get("opts", &key)),
            containerd: containerd_program(frames, &key),
            data: Some(self.data(frames)),
            open_files: open_files(self.process, processes),
            pids_refused,
            oom_kills,
            certificates_for: match outer {
                Some(_) => None,
                None => certificates_for(frames),
            },
            outside_pod: match outer {
                Some(_) => None,
                None => cgroups::outside_pod(self.process, processes, self.api.observed()),
            },
            fault: self.fault(processes),
            api: self.api.clone(),
            planned: None,
        }
    }
}

impl Found<'_> {
    fn data(&self, frames: &Frames) -> Observation<DataRoot> {
        let told = self.api.observed().and_then(|api| api.data_root.as_deref());
        data::root(frames, self.process.pid, told)
    }

    fn fault(&self, processes: &Processes) -> Option<EngineFault> {
        let beside = processes.beside(self.process).into_iter();
        let containerd = beside.filter(|process| process.name == "containerd");
        let containerd: Vec<bool> = containerd.map(|process| process.stopped).collect();
        // dockerd asks containerd for its version, but knows that of runc itself.
        let lacks = |api: &EngineApi| api.containerd.is_none() && api.runc.is_some();
        if self.process.stopped {
            Some(EngineFault::DockerdStopped)
        } else if containerd.contains(&true) {
            Some(EngineFault::ContainerdStopped)
        } else if containerd.is_empty() && self.api.observed().is_some_and(lacks) {
            Some(EngineFault::ContainerdMissing)
        } else {
            None
        }
    }
}

/// The limit that containers inherit from containerd through their shim.
fn open_files(engine: &Process, processes: &Processes) -> Option<i64> {
    let containerd = processes
        .beside(engine)
        .into_iter()
        .find(|p| p.name == "containerd");
    containerd.unwrap_or(engine).open_files
}

fn place(process: &Process, outer: &Engine) -> (String, Observation<String>) {
    let id = process.container.as_deref().unwrap_or_default();
    let containers = outer.api.as_ref().and_then(|api| api.containers.as_ref());
    let listed = containers
        .observed()
        .and_then(|all| all.iter().find(|c| c.id == id));
    match (listed, containers.reason()) {
        (Some(container), _) => (
            format!("{}/{}", outer.path, container.name),
            Observed(container.image.clone()),
        ),
        (None, reason) => {
            let name = match id.get(..12) {
                Some(short) => format!("container-{short}"),
                None => format!("process-{}", process.pid),
            };
            let engine = outer.path.clone();
            let reason = match reason {
                Some(reason) => Reason::ContainersUntold {
                    engine,
                    because: Box::new(reason.clone()),
                },
                None => Reason::ContainerNotListed { engine },
            };
            (format!("{}/{name}", outer.path), Unseen(reason))
        }
    }
}

/// An outer engine's socket that is mounted into an inner one returns the outer engine's data.
fn refuse_borrowed_answers(found: &mut [Found]) {
    let mut seen: HashSet<(Option<String>, Vec<String>)> = HashSet::new();
    for engine in found {
        let Observed(api) = &engine.api else { continue };
        let identity = (api.id.clone(), engine.identity.clone());
        if !seen.insert(identity) {
            engine.api = Observation::Unobserved(Reason::ForeignSocket);
        }
    }
}

/// The OOM scores of a daemon and the processes it started outside containers, without duplicates.
fn oom_scores(engine: &Process, processes: &Processes) -> Vec<OomScore> {
    let mut scores: BTreeMap<(String, i64), OomScore> = BTreeMap::new();
    for process in processes.beside(engine) {
        let named = matches!(process.name.as_str(), "dockerd" | "containerd")
            || process.name.starts_with("containerd-shim");
        if let (true, Some(score)) = (named, process.oom_score_adj) {
            let key = (process.name.clone(), score);
            scores.entry(key).or_insert_with(|| OomScore {
                process: process.name.clone(),
                pid: process.pid,
                oom_score_adj: score,
            });
        }
    }
    scores.into_values().collect()
}

/// The registries for which the walked container has a CA certificate.
fn certificates_for(frames: &Frames) -> Option<Vec<String>> {
    const LONGEST: usize = 255;
    let record = frames
        .get("certificates", "-")
        .filter(|record| !record.cut)?;
    let of_name = |c: char| c.is_ascii_alphanumeric() || ".:-_[]".contains(c);
    let named = |name: &&str| (1..=LONGEST).contains(&name.len()) && name.chars().all(of_name);
    let names: BTreeSet<&str> = record.lines().filter(named).take(64).collect();
    Some(names.into_iter().map(str::to_owned).collect())
}

/// From version output like `containerd github.com/containerd/containerd 1.4.13~ds1 …`.
fn containerd_program(frames: &Frames, pid: &str) -> Option<String> {
    let line = frames.get("containerd", pid)?.lines().next()?;
    let version = line.split_whitespace().nth(2).map(plain)?;
    versions::parse(&version).is_some().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dockerd whose container has no docker command gives no API response, but still listens.
    #[test]
    fn an_engine_that_is_known_does_not_only_listen() {
        let stream = b"\nM> engines -\n7\n\nM< -\n\nM> engines listening\n7\n9\n\nM< -\n";
        assert_eq!(listening(&Frames::parse(stream, "M")), [9]);
    }
}
