//! The table of processes that a walk saw: who started whom, and in which namespaces they live.

use super::frames::Frames;
use crate::text::plain::legible;
use std::collections::{BTreeMap, HashMap};

/// Far more than engines inside each other have.
const MOST_ANCESTORS: usize = 1000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    pub pid: i64,
    pub parent: i64,
    pub name: String,
    pub net: Option<i64>,
    pub mnt: Option<i64>,
    /// The id of the container whose cgroup it is in.
    pub container: Option<String>,
    /// The path of its cgroup (v2).
    pub cgroup: Option<String>,
    pub oom_score_adj: Option<i64>,
    /// Whether a signal stopped it (SIGSTOP).
    pub stopped: bool,
    /// How many files it may open.
    pub open_files: Option<i64>,
}

#[derive(Debug, Default)]
pub struct Processes {
    by_pid: BTreeMap<i64, Process>,
    /// Those that see the same files, and those in the same network.
    by_mount: HashMap<i64, Vec<i64>>,
    by_network: HashMap<i64, Vec<i64>>,
}

impl Processes {
    /// Reads the table; with `of_pod_only` only of processes that the walk took for the pod's.
    pub fn parse(frames: &Frames, of_pod_only: bool) -> Self {
        let mut table = Processes::default();
        table.read_status(frames);
        table.read_namespaces(frames);
        if of_pod_only {
            table.by_pid.retain(|_, process| process.net.is_some());
        }
        let cgroups = read_cgroups(frames);
        for (pid, process) in &mut table.by_pid {
            let lines = cgroups.get(pid).map_or(&[][..], Vec::as_slice);
            process.container = innermost(lines);
            let mut unified = lines.iter().filter_map(|line| line.strip_prefix("0::"));
            process.cgroup = unified.next().map(str::to_owned);
        }
        for (pid, score) in per_process(frames, "oom") {
            if let Some(process) = table.by_pid.get_mut(&pid) {
                process.oom_score_adj = score.parse().ok();
            }
        }
        for process in table.by_pid.values() {
            if let Some(mount) = process.mnt {
                table.by_mount.entry(mount).or_default().push(process.pid);
            }
            if let Some(network) = process.net {
                let there = table.by_network.entry(network).or_default();
                there.push(process.pid);
            }
        }
        table
    }

    fn read_status(&mut self, frames: &Frames) {
        for (pid, line) in per_process(frames, "status") {
            let process = self.by_pid.entry(pid).or_default();
            process.pid = pid;
            match line.split_once(':') {
                Some(("Name", name)) => process.name = legible(name),
                Some(("PPid", parent)) => process.parent = parent.trim().parse().unwrap_or(0),
                Some(("State", _)) => process.stopped = true,
                Some(_) => {}
                None => process.open_files = open_files(line).or(process.open_files),
            }
        }
    }

    fn read_namespaces(&mut self, frames: &Frames) {
        let lines = frames.named("namespaces").flat_map(|record| record.lines());
        for line in lines {
            let mut words = line.split(' ');
            let (Some(pid), Some(kind), Some(id)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (Ok(pid), Ok(id)) = (pid.parse::<i64>(), id.parse::<i64>()) else {
                continue;
            };
            let Some(process) = self.by_pid.get_mut(&pid) else {
                continue;
            };
            match kind {
                "net" => process.net = Some(id),
                "mnt" => process.mnt = Some(id),
                _ => {}
            }
        }
    }

    pub fn get(&self, pid: i64) -> Option<&Process> {
        self.by_pid.get(&pid)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.by_pid.values()
    }

    /// Those that see the same files as a process. Where an exec that is not root does not learn
    /// which those are: the process itself and what it started.
    pub fn beside(&self, process: &Process) -> Vec<&Process> {
        match process.mnt {
            Some(mount) => {
                let pids = self.by_mount.get(&mount);
                let pids = pids.into_iter().flatten();
                pids.filter_map(|pid| self.get(*pid)).collect()
            }
            None => self
                .iter()
                .filter(|p| p.pid == process.pid || p.parent == process.pid)
                .collect(),
        }
    }

    pub fn in_network(&self, id: i64) -> impl Iterator<Item = &Process> {
        let pids = self.by_network.get(&id);
        pids.into_iter().flatten().filter_map(|pid| self.get(*pid))
    }

    /// The nearest ancestor for which something holds.
    pub fn ancestor(&self, pid: i64, holds: impl Fn(&Process) -> bool) -> Option<&Process> {
        let mut process = self.get(pid)?;
        // A process is its own ancestor only in damaged output.
        for _ in 0..self.by_pid.len().min(MOST_ANCESTORS) {
            process = self.get(process.parent)?;
            if holds(process) {
                return Some(process);
            }
        }
        None
    }
}

/// Lines of `/proc/PID/FILE:TEXT`, as grep prints them.
fn per_process<'a>(frames: &'a Frames, name: &str) -> impl Iterator<Item = (i64, &'a str)> {
    let lines = frames.named(name).flat_map(|record| record.lines());
    lines.filter_map(|line| {
        let (path, text) = line.split_once(':')?;
        let pid = path.strip_prefix("/proc/")?.split('/').next()?;
        Some((pid.parse().ok()?, text))
    })
}

/// `Max open files            1024                 524288               files`: the first of both
/// is in force.
fn open_files(line: &str) -> Option<i64> {
    let mut limits = line.strip_prefix("Max open files")?.split_whitespace();
    match limits.next()? {
        "unlimited" => Some(i64::MAX),
        number => number.parse().ok(),
    }
}

fn read_cgroups<'a>(frames: &'a Frames) -> BTreeMap<i64, Vec<&'a str>> {
    let mut cgroups: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for (pid, line) in per_process(frames, "cgroup") {
        cgroups.entry(pid).or_default().push(line);
    }
    cgroups
}

/// The last container id of the line that names the most: on a hybrid host one hierarchy may know
/// less than the other.
fn innermost(lines: &[&str]) -> Option<String> {
    let ids = |line: &str| -> Vec<String> {
        line.split(|c: char| !c.is_ascii_hexdigit())
            .filter(|word| word.len() == 64)
            .map(str::to_owned)
            .collect()
    };
    lines
        .iter()
        .map(|line| ids(line))
        .max_by_key(Vec::len)
        .and_then(|mut ids| ids.pop())
}
