//! The walk: one script that examines every layer under a container, and the parser of its output.

mod answers;
mod cgroups;
mod client;
mod counters;
mod data;
mod download;
mod engine;
mod firewall;
mod frames;
pub(crate) mod http;
mod measure;
mod network;
pub(crate) mod options;
pub(crate) mod other_engine;
mod probed;
mod processes;
mod proxies;
mod sample;
mod traffic;

pub use download::Url;
pub(super) use engine::out_of_sight;

use crate::evidence::{
    DockerClient, Engine, Firewall, FirewallKind, InterfaceKind, NetworkNamespace, NodeEnd,
    Observation, Observed, OtherEngine, Part, Probe, Probed, Reason, Unseen, Uplink,
};
use engine::Naming;
use frames::Frames;
use processes::Processes;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const SCRIPT: &str = include_str!("walk.sh");
/// The size limits of one record and of the whole stream.
const RECORD_BYTES: usize = 4 << 20;
pub const STREAM_BYTES: usize = 16 << 20;
/// The most namespaces, and the most engines.
const MOST: usize = 256;

/// The scope of a walk.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Everything under an engine container.
    Pod,
    /// The same in a container that sees all processes of the node: only those of the pod with this UID.
    PodOnNode(String),
    /// Everything visible from here, and the engine that docker commands here use.
    Here,
    /// Only the interfaces of its own network namespace.
    Node,
    /// Only how docker commands in a container look for their engine.
    Client,
}

/// The limits of a walk, and its optional actions.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Limits each query.
    pub step: Duration,
    /// Limits the walk.
    pub whole: Duration,
    /// How long it waits for an engine inside another one.
    pub await_nested: Option<Duration>,
    /// How long an engine may take to start, if no probe defines this.
    pub grace: Duration,
    /// Downloads this URL from every namespace.
    pub confirm: Option<Url>,
    /// Samples connections twice, this far apart.
    pub sample: Option<Duration>,
    /// Runs these commands too.
    pub probes: Vec<Probe>,
}

impl Orders {
    /// The longest that the whole walk may take.
    pub fn longest(&self) -> Duration {
        let confirm = self.confirm.as_ref().map(|_| DOWNLOAD + MEASURE + START);
        let wait = self.await_nested.map(|wait| wait + START);
        let sample = self.sample.map(|time| time + START);
        let more = [confirm, wait, sample].into_iter().flatten();
        self.whole + more.sum::<Duration>()
    }
}

/// How long a download may take before it counts as hanging.
const DOWNLOAD: Duration = Duration::from_secs(6);
/// How long the measurement of path MTUs may take, on a busy machine.
const MEASURE: Duration = Duration::from_secs(12);
const START: Duration = Duration::from_secs(3);

/// One run of the script.
#[derive(Debug)]
pub struct Walk {
    pub script: String,
    mark: String,
    of_pod_only: bool,
    machine: bool,
    url: Option<Url>,
    /// Whether the node's counters are read twice.
    counts: bool,
    samples: bool,
    probes: Vec<Probe>,
}

impl Walk {
    pub fn new(mode_of: &Mode, orders: &Orders) -> Self {
        let mark = marker();
        let mut script = without_comments(SCRIPT);
        match mode_of {
            Mode::Node => {}
            Mode::Client => script.push_str(&without_comments(client::SCRIPT)),
            Mode::Pod | Mode::PodOnNode(_) | Mode::Here => {
                script.push_str(&probed::script(&orders.probes));
                if orders.confirm.is_some() {
                    script.push_str(&without_comments(measure::SCRIPT));
                }
                if orders.sample.is_some() {
                    script.push_str(&without_comments(sample::SCRIPT));
                }
            }
        }
        let (mode, pod) = match mode_of {
            Mode::Pod => ("pod", "-".to_owned()),
            // cgroupfs writes a UID as is, systemd with `_` for `-`.
            Mode::PodOnNode(uid) => {
                let uid = uid.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "");
                ("pod", format!("'{uid}|{}'", uid.replace('-', "_")))
            }
            Mode::Here => ("here", "-".to_owned()),
            Mode::Node => ("node", "-".to_owned()),
            Mode::Client => ("client", "-".to_owned()),
        };
        let (step, whole) = (orders.step.as_secs().max(1), orders.whole.as_secs().max(1));
        let wait = orders.await_nested.map_or(0, |wait| wait.as_secs());
        let (patience, url) = match &orders.confirm {
            Some(url) => (DOWNLOAD.as_secs(), url.as_str()),
            None => (0, "-"),
        };
        let sample = orders.sample.map_or(0, |time| time.as_secs());
        let patience = match mode_of {
            Mode::Node => patience + sample,
            _ => patience,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            script,
            "walk {mark} {step} {whole} {RECORD_BYTES} {MOST} {mode} {pod} {wait} {patience} '{url}' {sample}"
        );
        Walk {
            script,
            mark,
            of_pod_only: matches!(mode_of, Mode::PodOnNode(_)),
            machine: *mode_of == Mode::Here,
            url: orders.confirm.clone(),
            counts: orders.confirm.is_some() || orders.sample.is_some(),
            samples: orders.sample.is_some(),
            probes: orders.probes.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// Reads what was recorded with this marker.
    pub(crate) fn recorded(mark: &str, url: Option<Url>) -> Self {
        Walk {
            script: String::new(),
            mark: mark.to_owned(),
            of_pod_only: false,
            machine: false,
            counts: url.is_some(),
            samples: false,
            url,
            probes: Vec::new(),
        }
    }

    /// The command to run in the container; the script follows on standard input. A long argument may
    /// exceed the limits of proxies, and a script that the shell reads from standard input is consumed
    /// by the first child that reads from it.
    pub fn command(&self) -> Vec<String> {
        let read = format!("eval \"$(head -c {})\"", self.script.len());
        ["sh", "-c", &read].map(str::to_owned).to_vec()
    }

    /// Reads what the script printed under an engine container.
    pub fn read_pod(&self, stream: &[u8], container: &Walked) -> Seen {
        let frames = Frames::parse(stream, &self.mark);
        let Some(own) = own_pid(&frames) else {
            return Seen::nothing(Reason::WalkNotRun {
                container: container.name.clone(),
            });
        };
        let processes = Processes::parse(&frames, self.of_pod_only);
        let naming = Naming {
            container: &container.name,
            machine: self.machine,
        };
        let mut engines = engine::engines(&frames, &processes, &naming);
        for engine in &mut engines {
            if engine.depth() == 0 && !container.image.is_empty() {
                engine.image = Observed(container.image.clone());
            }
            let read = frames.of("arguments", engine.pid).is_some();
            if !read && engine.pid != 0 && engine.kind.is_docker() {
                engine.config = Unseen(Reason::CutOff {
                    part: Part::Settings,
                });
            }
        }
        let mut namespaces = network::namespaces(&frames, &processes, own, self.url.as_ref());
        let idle = other_engine::idle(&frames, &processes, own, container, &engines);
        engines.extend(idle);
        place_told(&mut engines, &namespaces);
        doubt_firewalls(&engines, &mut namespaces);
        let containers = Containers::of(&engines);
        let outermost = engines.iter().filter(|engine| engine.depth() == 0);
        let samples = sample::Samples::parse(&frames);
        let mine: HashSet<i64> = outermost.map(|engine| engine.namespace).collect();
        for namespace in &mut namespaces {
            let mine = mine.contains(&namespace.id).then_some(&container.name);
            namespace.holders = holders(namespace.id, &processes, &containers, mine);
            namespace.sample = match &samples {
                Some(samples) => Some(samples.of(namespace.id, &processes, &containers)),
                None => self.samples.then_some(Unseen(Reason::CutOff {
                    part: Part::Sockets,
                })),
            };
        }
        Seen {
            probes: probed::read(&frames, &self.probes, &processes, &engines, &containers),
            engines: whole(&frames, engines, "namespaces"),
            namespaces: whole(&frames, namespaces, "net"),
            clock: told(&frames, "clock "),
        }
    }

    /// Reads how docker commands in a container look for their engine; `addresses` are the pod's.
    pub fn read_client(
        &self,
        stream: &[u8],
        container: &str,
        addresses: &[String],
    ) -> Observation<DockerClient> {
        let frames = Frames::parse(stream, &self.mark);
        client::read(&frames, container, addresses)
    }

    /// Reads what the script printed on a node's network.
    pub fn read_node(&self, stream: &[u8]) -> Result<SeenNode, Reason> {
        let frames = Frames::parse(stream, &self.mark);
        let Some(own) = own_pid(&frames) else {
            return Err(Reason::NodeWalkNotRun);
        };
        let namespace = network::own_namespace(&frames, own);
        let docker = namespace.interfaces.as_ref().map(|all| {
            let docker0 = all.iter().find(|interface| interface.name == "docker0");
            docker0.map(|interface| interface.mtu)
        });
        let dropped = self.counts.then(|| {
            let after = counters::Counters::parse(&frames).dropped_after(own);
            difference(&namespace.frag_fails, &after)
        });
        let ends = namespace.interfaces.seen().iter();
        let ends = ends.filter(|end| end.kind == InterfaceKind::Linked);
        Ok(SeenNode {
            ends: ends
                .map(|end| NodeEnd {
                    ifindex: end.ifindex,
                    iflink: end.iflink,
                    mtu: end.mtu,
                })
                .collect(),
            uplink: uplink(&namespace),
            docker_bridge: docker,
            dropped,
        })
    }
}

/// What a walk saw of a node's network.
pub struct SeenNode {
    /// The node's ends of veths.
    pub ends: Vec<NodeEnd>,
    pub uplink: Observation<Uplink>,
    /// The node's own docker0.
    pub docker_bridge: Observation<Option<i64>>,
    /// Packets that it dropped as too large during test downloads.
    pub dropped: Option<Observation<i64>>,
}

fn difference(before: &Observation<i64>, after: &Observation<i64>) -> Observation<i64> {
    before
        .as_ref()
        .and_then(|before| after.as_ref().map(|after| after.saturating_sub(*before)))
}

/// The container that a walk ran in.
#[derive(Clone, Debug)]
pub struct Walked {
    pub name: String,
    pub image: String,
    /// The engine other than Docker in its manifest.
    pub other_engine: Option<OtherEngine>,
}

/// What a walk saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub namespaces: Observation<Vec<NetworkNamespace>>,
    pub engines: Observation<Vec<Engine>>,
    pub probes: Vec<Probed>,
    /// The container's clock when the walk began, in seconds since 1970.
    pub clock: Option<i64>,
}

impl Seen {
    pub fn nothing(reason: Reason) -> Self {
        Seen {
            namespaces: Unseen(reason.clone()),
            engines: Unseen(reason),
            probes: Vec::new(),
            clock: None,
        }
    }
}

/// A script without its comment lines.
fn without_comments(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A list is observed only if the records that it is built from are complete.
fn whole<T>(frames: &Frames, list: Vec<T>, record: &str) -> Observation<Vec<T>> {
    // The part cut off may contain an engine, which would be missed silently.
    if frames
        .cut(&["status", "cgroup", "namespaces", "engines"])
        .is_some()
    {
        return Observation::Unobserved(Reason::PartTooLarge {
            part: Part::Processes,
        });
    }
    match frames.complete || frames.named(record).next().is_some() {
        true => Observed(list),
        false => Observation::Unobserved(Reason::CutOff { part: Part::List }),
    }
}

fn own_pid(frames: &Frames) -> Option<i64> {
    told(frames, "pid ")
}

/// A number that the walk reports about itself.
fn told(frames: &Frames, what: &str) -> Option<i64> {
    let mut lines = frames.get("self", "-")?.lines();
    lines.find_map(|line| line.strip_prefix(what)?.parse().ok())
}

/// An engine known only from its API runs in our own namespace if the bridges of all its networks are
/// there.
fn place_told(engines: &mut [Engine], namespaces: &[NetworkNamespace]) {
    let Some(own) = namespaces.iter().find(|ns| ns.parent.is_none()) else {
        return;
    };
    for engine in engines.iter_mut().filter(|engine| engine.pid == 0) {
        let networks = engine.api.as_ref().and_then(|api| api.networks.as_ref());
        let bridges = networks.observed().map_or(&[][..], |all| all).iter();
        let mut bridges = bridges.filter_map(|n| n.bridge.as_deref()).peekable();
        if bridges.peek().is_some() && bridges.all(|name| own.interface(name).is_some()) {
            engine.namespace = own.id;
        }
    }
}

/// If a dockerd writes its rules with nftables and `nft` did not list them, iptables lists only some of
/// them.
fn doubt_firewalls(engines: &[Engine], namespaces: &mut [NetworkNamespace]) {
    const FLAG: &str = "--firewall-backend=nftables";
    let native = |engine: &&Engine| {
        let api = engine.api.observed();
        let backend = api.and_then(|api| api.firewall_backend.as_deref());
        match backend {
            Some(backend) => backend.starts_with("nftables"),
            None => engine.args.iter().any(|arg| arg == FLAG),
        }
    };
    for engine in engines.iter().filter(native) {
        let mut here = namespaces.iter_mut();
        let Some(namespace) = here.find(|ns| ns.id == engine.namespace) else {
            continue;
        };
        let Some(traffic) = &mut namespace.traffic else {
            continue;
        };
        let listed = |all: &Vec<Firewall>| all.iter().any(|f| f.kind == FirewallKind::Native);
        if traffic.firewalls.observed().is_some_and(|all| !listed(all)) {
            traffic.firewalls = Unseen(Reason::NativeRulesUnread);
            if namespace.tcpmss == Observed(None) {
                namespace.tcpmss = Unseen(Reason::NativeRulesUnread);
            }
        }
    }
}

/// The containers of all engines, by id: the engine's path, and its name for the container.
struct Containers<'a>(HashMap<&'a str, (&'a str, &'a str)>);

impl<'a> Containers<'a> {
    fn of(engines: &'a [Engine]) -> Self {
        let mut all = HashMap::new();
        for engine in engines {
            let containers = engine.api.observed().map(|api| api.containers.seen());
            for container in containers.unwrap_or_default() {
                let place = (engine.path.as_str(), container.name.as_str());
                all.entry(container.id.as_str()).or_insert(place);
            }
        }
        Containers(all)
    }

    fn find(&self, id: &str) -> Option<(&'a str, &'a str)> {
        self.0.get(id).copied()
    }
}

/// The holders of a namespace: containers by path, other processes by name.
fn holders(
    id: i64,
    processes: &Processes,
    containers: &Containers,
    mine: Option<&String>,
) -> Vec<String> {
    let name = |process: &processes::Process| {
        let (engine, name) = containers.find(process.container.as_deref()?)?;
        Some(format!("{engine}/{name}"))
    };
    let here = || processes.in_network(id);
    let mut holders: BTreeSet<String> = here().filter_map(name).collect();
    holders.extend(mine.cloned());
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
            None => Observation::Unobserved(Reason::NodeRouteNotFound),
        }
    })
}

/// Random enough that no output of a container can be mistaken for ours: the standard library's hash
/// seeds come from the operating system.
fn marker() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("rd{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;
