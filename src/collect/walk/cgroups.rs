//! The cgroups of a walk: who was refused processes, in whose processes were OOM-killed, and whose containers lie
//! outside their pod.

use super::frames::Frames;
use super::processes::{Process, Processes};
use crate::evidence::{EngineApi, OomKills, PidLimit};
use crate::text::plain::legible;
use std::collections::BTreeMap;

const MOST: usize = 64;

/// What the pids controller counts of one cgroup.
#[derive(Default)]
struct Counted {
    limit: Option<i64>,
    now: i64,
    refused: i64,
}

/// Who was refused processes, of the container that was walked (`path`), its pod and the containers of its
/// engine. Absent where nothing was counted.
pub(super) fn pids_refused(
    frames: &Frames,
    path: &str,
    machine: bool,
    api: Option<&EngineApi>,
) -> Option<Vec<PidLimit>> {
    let counted = counted(frames);
    let named = named(counted.keys().copied(), path, machine, api);
    let read = !named.is_empty();
    let mut refused = Vec::new();
    for (directory, of) in named {
        match counted.get(directory) {
            Some(counted) if counted.refused > 0 && refused.len() < MOST => {
                refused.push(PidLimit {
                    of: legible(&of),
                    limit: counted.limit,
                    now: counted.now,
                    refused: counted.refused,
                });
            }
            _ => {}
        }
    }
    // What is refused in a container may be counted around it too.
    if refused.iter().any(|one| one.limit.is_some()) {
        refused.retain(|one| one.limit.is_some());
    }
    read.then_some(refused)
}

/// Where processes were OOM-killed: the container that was walked (`path`), its pod, the
/// containers of its engine. Absent where nothing was counted.
pub(super) fn oom_kills(
    frames: &Frames,
    path: &str,
    machine: bool,
    api: Option<&EngineApi>,
) -> Option<Vec<OomKills>> {
    let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
    for (directory, name, text) in lines(frames) {
        if matches!(name, "memory.events" | "memory.oom_control")
            && let Some(kills) = text.strip_prefix("oom_kill ")
        {
            counted.insert(directory, kills.parse().unwrap_or_default());
        }
    }
    let named = named(counted.keys().copied(), path, machine, api);
    let read = !named.is_empty();
    let killed = named.into_iter().filter_map(|(directory, of)| {
        let kills = *counted.get(directory).filter(|kills| **kills > 0)?;
        let of = legible(&of);
        Some(OomKills { of, kills })
    });
    read.then(|| killed.take(MOST).collect())
}

/// The directories of the container that was walked, of its pod and of the containers of its engine, each
/// with its name.
fn named<'a>(
    directories: impl Iterator<Item = &'a str>,
    path: &str,
    machine: bool,
    api: Option<&EngineApi>,
) -> Vec<(&'a str, String)> {
    let (of_containers, mut own): (Vec<&str>, Vec<&str>) =
        directories.partition(|directory| id(directory).is_some());
    // On a machine our own cgroup is a login's.
    own.retain(|_| !machine);
    own.sort_by_key(|directory| std::cmp::Reverse(directory.len()));
    let of_engine = own.into_iter().zip([path, "the pod"]);
    let of_engine = of_engine.map(|(directory, of)| (directory, of.to_owned()));
    let containers = api.and_then(|api| api.containers.observed());
    let of_containers = of_containers.into_iter().filter_map(|directory| {
        let id = id(directory)?;
        let container = containers?.iter().find(|container| container.id == id)?;
        Some((directory, format!("{path}/{}", container.name)))
    });
    of_engine.chain(of_containers).collect()
}

/// The lines of the files that were read of cgroups: directory, file, text.
fn lines<'a>(frames: &Frames<'a>) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let all = frames.named("oom").flat_map(|record| record.lines());
    all.filter_map(|line| {
        let (file, text) = line.split_once(':')?;
        let (directory, name) = file.rsplit_once('/')?;
        let of_cgroup = directory.starts_with("/sys/fs/cgroup");
        of_cgroup.then_some((directory, name, text))
    })
}

/// The id of a container of Docker, where a directory is its cgroup.
fn id(directory: &str) -> Option<&str> {
    let (around, id) = directory.rsplit_once('/')?;
    (around.ends_with("/docker") && id.len() == 64).then_some(id)
}

fn counted<'a>(frames: &Frames<'a>) -> BTreeMap<&'a str, Counted> {
    let mut all: BTreeMap<&str, Counted> = BTreeMap::new();
    for (directory, name, text) in lines(frames) {
        if !name.starts_with("pids.") {
            continue;
        }
        let counted = all.entry(directory).or_default();
        match name {
            "pids.max" => counted.limit = text.parse().ok(),
            "pids.current" => counted.now = text.parse().unwrap_or_default(),
            "pids.events" => {
                if let Some(times) = text.strip_prefix("max ") {
                    counted.refused = times.parse().unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    all
}

/// A container of an engine whose cgroup (v2) does not lie in that of the engine's pod: the engine sees the
/// whole node's cgroups, and makes its own beside the pods'.
pub(super) fn outside_pod(
    engine: &Process,
    processes: &Processes,
    api: Option<&EngineApi>,
) -> Option<String> {
    let api = api.filter(|api| api.cgroup_version.as_deref() == Some("2"))?;
    let own = engine.cgroup.as_deref()?;
    let own = own.strip_suffix("/init").unwrap_or(own);
    let (pod, _) = own.rsplit_once('/')?;
    if !pod.contains("kubepods") {
        return None;
    }
    let within = |cgroup: &str| {
        let rest = cgroup.strip_prefix(pod);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let containers = api.containers.observed()?;
    processes.iter().find_map(|process| {
        let cgroup = process.cgroup.as_deref()?;
        let id = process.container.as_deref()?;
        let container = containers.iter().find(|container| container.id == id)?;
        (!within(cgroup) && cgroup.contains(id)).then(|| container.name.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{DockerContainer, Observed};
    use proptest::prelude::*;

    const ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn api() -> EngineApi {
        let mut runner = crate::checks::case::healthy().unwrap().runners.remove(0);
        let Observed(engines) = &mut runner.engines else {
            panic!("engines were seen");
        };
        let Observed(mut api) = engines.remove(0).api else {
            panic!("it answered");
        };
        let container = DockerContainer {
            gateways: Vec::new(),
            id: ID.to_owned(),
            name: "build".to_owned(),
            image: "busybox".to_owned(),
            network_mode: "default".to_owned(),
        };
        api.containers = Observed(vec![container]);
        api
    }

    fn stream(files: &[(&str, &str, &str, i64)]) -> String {
        let mut text = "\nM> oom -\n/proc/7/oom_score_adj:0\n".to_owned();
        for (directory, max, now, refused) in files {
            text += &format!("/sys/fs/cgroup{directory}/pids.max:{max}\n");
            text += &format!("/sys/fs/cgroup{directory}/pids.current:{now}\n");
            text += &format!("/sys/fs/cgroup{directory}/pids.events:max {refused}\n");
        }
        text + "\nM< -\n"
    }

    fn refused(
        files: &[(&str, &str, &str, i64)],
        machine: bool,
    ) -> Option<Vec<(String, Option<i64>)>> {
        let stream = stream(files);
        let frames = Frames::parse(stream.as_bytes(), "M");
        let refused = pids_refused(&frames, "dind", machine, Some(&api()))?;
        Some(refused.into_iter().map(|one| (one.of, one.limit)).collect())
    }

    #[test]
    fn who_reached_a_limit_is_named_by_its_cgroup() {
        let build = format!("/docker/{ID}");
        assert_eq!(refused(&[], false), None);
        assert_eq!(refused(&[("", "max", "9", 0)], false), Some(Vec::new()));
        let own = [("", "100", "99", 3), (&*build, "max", "9", 0)];
        assert_eq!(
            refused(&own, false),
            Some(vec![("dind".to_owned(), Some(100))])
        );
        // The kernel may count it around the container, too.
        let inner = [("", "max", "99", 3), (&*build, "20", "20", 3)];
        let named = vec![("dind/build".to_owned(), Some(20))];
        assert_eq!(refused(&inner, false), Some(named.clone()));
        assert_eq!(refused(&inner, true), Some(named));
        let whole = [
            ("/kubepods/pod1/c1", "max", "99", 3),
            ("/kubepods/pod1", "50", "50", 3),
        ];
        assert_eq!(
            refused(&whole, false),
            Some(vec![("the pod".to_owned(), Some(50))])
        );
        let foreign = format!("/docker/{}", "a".repeat(64));
        assert_eq!(refused(&[(&foreign, "9", "9", 9)], false), None);
    }

    #[test]
    fn where_processes_were_killed_is_named_by_its_cgroup() {
        let killed = |files: &str, machine| {
            let stream = format!("\nM> oom -\n{files}\n\nM< -\n");
            let frames = Frames::parse(stream.as_bytes(), "M");
            let killed = oom_kills(&frames, "dind", machine, Some(&api()))?;
            Some(killed.into_iter().map(|one| (one.of, one.kills)).collect())
        };
        let unified = "/sys/fs/cgroup/memory.events:oom 9\n/sys/fs/cgroup/memory.events:oom_kill 3";
        assert_eq!(killed(unified, false), Some(vec![("dind".to_owned(), 3)]));
        assert_eq!(killed(unified, true), None);
        let split = format!(
            "/sys/fs/cgroup/memory/memory.oom_control:oom_kill 0\n\
             /sys/fs/cgroup/memory/docker/{ID}/memory.oom_control:under_oom 0\n\
             /sys/fs/cgroup/memory/docker/{ID}/memory.oom_control:oom_kill 2\n\
             /sys/fs/cgroup/pids/pids.max:9"
        );
        assert_eq!(
            killed(&split, false),
            Some(vec![("dind/build".to_owned(), 2)])
        );
        assert_eq!(
            killed("/sys/fs/cgroup/memory.events:oom_kill 0", false),
            Some(Vec::new())
        );
        assert_eq!(killed("/proc/7/oom_score_adj:0", false), None);
    }

    #[test]
    fn a_container_beside_the_pods_is_outside() {
        let build = format!("/docker/{ID}");
        let of = |engine: &str, build: &str| {
            let stream = format!(
                "\nM> status -\n/proc/7/status:Name:\tdockerd\n/proc/9/status:Name:\tsh\n\nM< -\n\
                 \nM> cgroup -\n/proc/7/cgroup:0::{engine}\n/proc/9/cgroup:0::{build}\n\nM< -\n"
            );
            let frames = Frames::parse(stream.as_bytes(), "M");
            let processes = Processes::parse(&frames, false);
            outside_pod(processes.get(7).unwrap(), &processes, Some(&api()))
        };
        let pod = "/kubepods/burstable/pod1";
        let engine = format!("{pod}/c1");
        assert_eq!(of(&engine, &build).as_deref(), Some("build"));
        assert_eq!(
            of(&format!("{engine}/init"), &format!("{engine}{build}")),
            None
        );
        // What is seen from inside the pod's own cgroup is in it.
        assert_eq!(of("/init", &build), None);
        assert_eq!(of("/", &build), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(/sys/fs/cgroup|/docker/|/memory\\.events:oom_kill |pids\\.(max|events):|[a-f0-9 /:\n]){0,40}") {
            let stream = format!("\nM> oom -\n{text}\n\nM< -\n");
            let frames = Frames::parse(stream.as_bytes(), "M");
            let _ = pids_refused(&frames, "dind", false, Some(&api()));
            let _ = oom_kills(&frames, "dind", false, Some(&api()));
        }
    }
}
