//! The walk: one script that visits every layer under a container, and the parser of what it prints.

mod engine;
mod frames;
mod http;
mod network;
pub(crate) mod options;
mod processes;
pub(crate) mod text;

use crate::evidence::{
    Engine, NetworkNamespace, Observation, Observed, Unobserved, Unseen, Uplink, Why,
};
use frames::Frames;
use processes::Processes;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const SCRIPT: &str = include_str!("walk.sh");
/// What one record may hold, and the whole stream.
const RECORD_BYTES: usize = 4 << 20;
pub const STREAM_BYTES: usize = 64 << 20;
/// Namespaces, and engines.
const MOST: usize = 256;

/// How far a walk goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Everything under an engine container.
    Pod,
    /// The same where the container sees the whole node's processes: only those of the pod with
    /// this UID.
    PodOnNode(String),
    /// The interfaces of the namespace it stands in, no more.
    Node,
}

/// One run of the script.
#[derive(Debug)]
pub struct Walk {
    pub script: String,
    mark: String,
    of_pod_only: bool,
}

impl Walk {
    /// `step` bounds each question, `whole` the walk.
    pub fn new(mode_of: &Mode, step: Duration, whole: Duration) -> Self {
        let mark = marker();
        let mut script = String::with_capacity(SCRIPT.len() + 128);
        for line in SCRIPT.lines().filter(|line| !line.starts_with('#')) {
            script.push_str(line);
            script.push('\n');
        }
        let (mode, pod) = match mode_of {
            Mode::Pod => ("pod", "-".to_owned()),
            // cgroupfs writes a UID as it is, systemd with `_` for `-`.
            Mode::PodOnNode(uid) => {
                let uid = uid.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "");
                ("pod", format!("'{uid}|{}'", uid.replace('-', "_")))
            }
            Mode::Node => ("node", "-".to_owned()),
        };
        let (step, whole) = (step.as_secs().max(1), whole.as_secs().max(1));
        // Writing to a String cannot fail.
        let _ = writeln!(
            script,
            "walk {mark} {step} {whole} {RECORD_BYTES} {MOST} {mode} {pod}"
        );
        let of_pod_only = matches!(mode_of, Mode::PodOnNode(_));
        Walk {
            script,
            mark,
            of_pod_only,
        }
    }

    /// What to execute in the container; the script follows on its standard input. A long argument
    /// meets limits of proxies, and a script read as standard input is eaten by the first child
    /// that reads.
    pub fn command(&self) -> Vec<String> {
        let read = format!("eval \"$(head -c {})\"", self.script.len());
        ["sh", "-c", &read].map(str::to_owned).to_vec()
    }

    /// Reads what the script printed under an engine container.
    pub fn read_pod(&self, stream: &[u8], container: &Walked) -> Seen {
        let frames = Frames::parse(stream, &self.mark);
        let Some(own) = own_pid(&frames) else {
            return Seen::nothing(Unobserved::new(
                Why::Unreadable,
                format!("container {} did not run the walk", container.name),
            ));
        };
        let processes = Processes::parse(&frames, self.of_pod_only);
        let mut engines = engine::engines(&frames, &processes, &container.name);
        for engine in &mut engines {
            if engine.depth() == 0 {
                engine.image = Observed(container.image.clone());
            }
            let read = frames.get("arguments", &engine.pid.to_string()).is_some();
            if !read {
                engine.config = options::unread("the walk was cut off before its settings");
            }
        }
        let mut namespaces = network::namespaces(&frames, &processes, own);
        for namespace in &mut namespaces {
            namespace.holders = holders(namespace.id, &processes, &engines, container);
        }
        Seen {
            engines: whole(&frames, engines, "namespaces"),
            namespaces: whole(&frames, namespaces, "net"),
        }
    }

    /// Reads what the script printed on a node's network: uplink and docker0.
    pub fn read_node(&self, stream: &[u8]) -> (Observation<Uplink>, Observation<Option<i64>>) {
        let frames = Frames::parse(stream, &self.mark);
        let Some(own) = own_pid(&frames) else {
            let reason = Unobserved::new(Why::Unreadable, "the node's pod did not run the walk");
            return (Unseen(reason.clone()), Unseen(reason));
        };
        let namespace = network::own_namespace(&frames, own);
        let docker = namespace.interfaces.as_ref().map(|all| {
            let docker0 = all.iter().find(|interface| interface.name == "docker0");
            docker0.map(|interface| interface.mtu)
        });
        (uplink(&namespace), docker)
    }
}

/// The container that a walk ran in.
#[derive(Clone, Debug)]
pub struct Walked {
    pub name: String,
    pub image: String,
}

/// What a walk saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub namespaces: Observation<Vec<NetworkNamespace>>,
    pub engines: Observation<Vec<Engine>>,
}

impl Seen {
    pub fn nothing(reason: Unobserved) -> Self {
        Seen {
            namespaces: Unseen(reason.clone()),
            engines: Unseen(reason),
        }
    }
}

/// A list is observed once the record that it rests on came through.
fn whole<T>(frames: &Frames, list: Vec<T>, record: &str) -> Observation<Vec<T>> {
    match frames.complete || frames.get(record, "-").is_some() {
        true => Observed(list),
        false => Observation::unseen(
            Why::Unreadable,
            "the walk was cut off before it came to this",
        ),
    }
}

fn own_pid(frames: &Frames) -> Option<i64> {
    let mut lines = frames.get("self", "-")?.lines();
    lines.find_map(|line| line.strip_prefix("pid ")?.parse().ok())
}

/// Who lives in a namespace: containers by path, other processes by name.
fn holders(id: i64, processes: &Processes, engines: &[Engine], walked: &Walked) -> Vec<String> {
    let name = |process: &processes::Process| {
        let container = process.container.as_deref()?;
        engines.iter().find_map(|engine| {
            let containers = engine.api.observed()?.containers.observed()?;
            let found = containers.iter().find(|c| c.id == container)?;
            Some(format!("{}/{}", engine.path, found.name))
        })
    };
    let mine = engines.iter().any(|e| e.depth() == 0 && e.namespace == id);
    let here = || processes.iter().filter(|process| process.net == Some(id));
    let mut holders: BTreeSet<String> = here().filter_map(name).collect();
    if mine {
        holders.insert(walked.name.clone());
    }
    if holders.is_empty() {
        holders.extend(here().take(1).map(|process| process.name.clone()));
    }
    holders.into_iter().collect()
}

fn uplink(namespace: &NetworkNamespace) -> Observation<Uplink> {
    namespace.route_v4.as_ref().and_then(|route| {
        let found = route
            .as_ref()
            .and_then(|route| namespace.interface(&route.interface));
        match found {
            Some(interface) => Observed(Uplink {
                name: interface.name.clone(),
                mtu: interface.mtu,
            }),
            None => Observation::unseen(Why::Unreadable, "the node's default route was not found"),
        }
    })
}

/// Random enough that nothing a container prints can be taken for ours: the standard library's
/// hash seeds come from the operating system.
fn marker() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("rd{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests;
