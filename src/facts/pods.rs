//! Facts of a runner's pod: the MTU of its network, and what the node's uplink carries.

use super::networks::device_mtu_counts;
use super::networks::node_ends;
use super::{Link, Origin, Section};
use crate::evidence::{
    Download, Encapsulation, Evidence, InterfaceKind, Node, Observation, Observed, Outermost,
    Reason, Runner, Standing, Unseen, Uplink, positive,
};
use crate::facts::mtu_path::{Family, Topology};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// The runner's pod.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::Pod]))]
pub struct PodFacts {
    /// `namespace/pod`.
    pub name: String,
    /// Whether it was examined from inside a container of an engine that is not visible
    /// (`--docker`).
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub in_container: bool,
    /// The interface of its default route, and the MTU of the interface or the route.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub network: Observation<Link>,
    /// The node's uplink.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents]))]
    pub uplink: Observation<Link>,
    /// The CNI's encapsulation between nodes: `none`, `ipip`, `vxlan`, `wireguard`.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub encapsulation: Observation<String>,
    /// The MTU of the node's end of the pod's veth. Absent if it is not narrower than the pod's own, or if
    /// the node was not read.
    #[schemars(extend("x-from" = [Origin::Walk, Origin::Agents]))]
    pub node_end: Option<i64>,
    /// The largest pod MTU that fits the uplink with the CNI's encapsulation.
    #[schemars(extend("x-from" = [Origin::Nodes, Origin::Agents, Origin::Cni]))]
    pub room: Observation<i64>,
    /// The result of a download from the pod network (`--confirm`): `completes`, `hangs` or
    /// `no-connection`. Absent without --confirm.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download: Observation<Option<String>>,
    /// The message of the download client. Absent if there is none.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub download_says: Option<String>,
    /// The path MTU from the pod network that was measured (`--confirm`). Absent if not measured, or
    /// if the path carries what the pod network does.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub path_mtu: Option<i64>,
    /// Whether its network namespace has no default route.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub without_route: bool,
    /// The URL of the download. Absent without --confirm.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub url: Option<String>,
    /// The scheduler's message why it cannot be scheduled. Absent if it is scheduled.
    pub unschedulable: Option<String>,
    /// Whether nodes for it may be starting: it has been pending for less than five minutes, or for
    /// an unknown time and only for lack of resources.
    pub may_scale_up: bool,
    /// The resources that no node has left, for example `cpu, memory`. Absent if the scheduler
    /// names none.
    pub lacks: Option<String>,
    /// Its node selector, for example `customer=shared`, if the scheduler finds no matching node.
    /// Absent otherwise.
    pub node_selector: Option<String>,
    /// The kubelet's message why it, or its predecessor, was evicted. Absent if neither was.
    pub evicted: Option<String>,
    /// The evicted pod.
    pub evicted_pod: Option<String>,
    /// Whether another pod has replaced the evicted pod.
    pub replaced: bool,
    /// The name of its Job. Absent if it has none.
    pub job: Option<String>,
    /// Why its Job has failed. Absent if it has not, or if there is no Job.
    #[schemars(extend("x-from" = [Origin::Jobs]))]
    pub given_up: Option<String>,
    /// Seconds by which its node's clock is ahead of the API server's; negative if behind. Absent
    /// without an API server.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_ahead: Observation<Option<i64>>,
    /// The same as text: `2 h 5 min behind`.
    #[schemars(extend("x-from" = [Origin::Walk]))]
    pub clock_says: Option<String>,
}

pub(super) fn derive(
    evidence: &Evidence,
    runner: &Runner,
    node: Option<&Node>,
) -> Section<PodFacts> {
    let network = network(evidence, runner);
    let uplink = match runner.outermost {
        Outermost::Pod if !ends_in_process(runner) => uplink(runner, node),
        // A machine's network is its uplink; the carrier of a container's network is not visible from
        // here; and a user-space network process re-segments the stream.
        _ => network.clone().map(|link| Uplink {
            name: link.name,
            mtu: link.mtu,
        }),
    };
    let wrapping = wrapping(evidence, runner);
    let standing = &runner.standing;
    let clock_ahead = clock_ahead(runner);
    let pod = PodFacts {
        unschedulable: standing.unschedulable.clone(),
        may_scale_up: may_scale_up(evidence, standing),
        lacks: lacks(standing),
        node_selector: node_selector(standing),
        evicted: standing.evicted.as_ref().map(|e| e.message.clone()),
        evicted_pod: standing.evicted.as_ref().map(|e| e.pod.clone()),
        replaced: standing.given_up.is_none()
            && standing
                .evicted
                .as_ref()
                .is_some_and(|evicted| evicted.pod != runner.pod),
        job: runner
            .owner
            .as_ref()
            .filter(|owner| owner.kind == "Job")
            .map(|owner| owner.name.clone()),
        given_up: standing.given_up.clone(),
        clock_says: clock_ahead.observed().copied().flatten().map(in_words),
        clock_ahead,
        name: runner.full_name(),
        in_container: runner.outermost == Outermost::Container,
        node_end: node_end(evidence, runner),
        room: room(&network, &uplink, &wrapping),
        uplink: uplink.map(|uplink| Link {
            name: uplink.name,
            mtu: uplink.mtu,
        }),
        encapsulation: wrapping.map(|(kind, _)| kind.name().to_owned()),
        download: download(runner).map(|found| found.map(|d| d.outcome.name().to_owned())),
        download_says: download(runner)
            .observed()
            .cloned()
            .flatten()
            .and_then(|d| d.said),
        url: download(runner)
            .observed()
            .cloned()
            .flatten()
            .map(|d| d.url),
        path_mtu: runner
            .pod_namespace()
            .and_then(|pod| pod.path_mtu.as_ref()?.observed()?.mtu_of_path()),
        without_route: runner
            .pod_namespace()
            .is_some_and(|pod| pod.route_v4 == Observed(None) && pod.route_v6 == Observed(None)),
        network,
    };
    Section {
        items: vec![pod],
        gaps: Vec::new(),
    }
}

/// How long an autoscaled cluster may take to add a node.
const SCALE_UP: SignedDuration = SignedDuration::from_mins(5);

fn may_scale_up(evidence: &Evidence, standing: &Standing) -> bool {
    match (standing.unschedulable_since, evidence.examined_at) {
        (Some(since), Some(now)) => now.duration_since(since) < SCALE_UP,
        _ => lacks(standing).is_some() && node_selector(standing).is_none(),
    }
}

/// The resources in a scheduler message such as `3 Insufficient memory, 2 Insufficient cpu`.
fn lacks(standing: &Standing) -> Option<String> {
    let message = standing.unschedulable.as_ref()?;
    let after = message.split("Insufficient ").skip(1);
    let name = |text: &str| {
        let end = text.find([',', ';', ' ']).unwrap_or(text.len());
        text[..end].trim_end_matches('.').to_owned()
    };
    let names: BTreeSet<String> = after.map(name).filter(|name| !name.is_empty()).collect();
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn node_selector(standing: &Standing) -> Option<String> {
    // Older schedulers write `node selector`.
    let said = standing.unschedulable.as_ref()?;
    if !said.contains("selector") {
        return None;
    }
    let labels = standing.node_selector.iter();
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!labels.is_empty()).then(|| labels.join(","))
}

fn clock_ahead(runner: &Runner) -> Observation<Option<i64>> {
    match &runner.standing.clock_ahead {
        Some(ahead) => ahead.clone().map(Some),
        None => Observed(None),
    }
}

/// `2 h 5 min behind`.
fn in_words(ahead: i64) -> String {
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let seconds = ahead.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let time = match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    };
    format!("{time} {side}")
}

fn network(evidence: &Evidence, runner: &Runner) -> Observation<Link> {
    let namespaces = match &runner.namespaces {
        Observed(namespaces) => namespaces,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    let Some(pod) = runner.pod_namespace() else {
        return Observation::Unobserved(Reason::PodNetworkNotRead);
    };
    let topology = Topology {
        namespaces,
        device_mtu_counts: device_mtu_counts(evidence, runner),
        outermost: runner.outermost,
        node_ends: &[],
        bridge_name: &|_, bridge| bridge.to_owned(),
    };
    // In an IPv6-only cluster a pod has only an IPv6 route.
    let family = match pod.route_v4 {
        Observed(None) => Family::V6,
        _ => Family::V4,
    };
    let way = topology.way_out(pod.id, family);
    // The observed link is enough: an unobserved narrower route would only leave more room.
    match way.links.first() {
        Some(link) => Observed(link.clone()),
        None => way.carrier(None),
    }
}

/// The MTU of the node's end of the pod's veth, if it is narrower.
fn node_end(evidence: &Evidence, runner: &Runner) -> Option<i64> {
    let pod = runner.pod_namespace()?;
    let route = pod.route_v4.observed()?.as_ref()?;
    let device = pod.interface(&route.interface)?;
    let mut ends = node_ends(evidence, runner).iter();
    ends.find(|end| end.is_of(device) && end.mtu > 0)
        .map(|end| end.mtu)
}

/// Whether a process handles the outbound traffic (slirp4netns, a VPN).
fn ends_in_process(runner: &Runner) -> bool {
    let way_out = runner.pod_namespace().and_then(|pod| {
        let route = pod.route_v4.observed()?.as_ref()?;
        pod.interface(&route.interface)
    });
    way_out.is_some_and(|device| device.kind == InterfaceKind::Tun)
}

/// The download from the pod's own network; absent if none was requested.
fn download(runner: &Runner) -> Observation<Option<Download>> {
    let pod = runner.pod_namespace();
    match pod.and_then(|pod| pod.download.as_ref()) {
        Some(download) => download.clone().map(Some),
        None => Observed(None),
    }
}

fn uplink(runner: &Runner, node: Option<&Node>) -> Observation<Uplink> {
    match (node, &runner.node) {
        (Some(node), _) => {
            let uplink = node.uplink.clone();
            uplink.and_then(|uplink| positive(uplink.mtu, &uplink.name).map(|_| uplink))
        }
        (None, Some(name)) => Unseen(Reason::NodeForbidden { node: name.clone() }),
        (None, None) => Observation::Unobserved(Reason::NoNode),
    }
}

/// The CNI's encapsulation between nodes, and its overhead per packet.
fn wrapping(evidence: &Evidence, runner: &Runner) -> Observation<(Encapsulation, i64)> {
    if runner.host_network || runner.outermost != Outermost::Pod || ends_in_process(runner) {
        return Observed((Encapsulation::None, 0));
    }
    let cluster = evidence.cluster.as_ref();
    let cni = cluster.and_then(|cluster| cluster.cni.as_ref());
    cni.and_then(|cni| cni.settings.as_ref())
        .and_then(|settings| settings.wrapping())
}

/// An MTU above the uplink's is too large even if the encapsulation is unknown.
fn room(
    network: &Observation<Link>,
    uplink: &Observation<Uplink>,
    wrapping: &Observation<(Encapsulation, i64)>,
) -> Observation<i64> {
    let uplink = match uplink {
        Observed(uplink) => uplink.mtu,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    match wrapping {
        Observed((_, taken)) => Observed(uplink.saturating_sub(*taken)),
        Unseen(_) if network.observed().is_some_and(|n| n.mtu > uplink) => Observed(uplink),
        Unseen(reason) => Unseen(reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn times_are_told_in_two_units() {
        for (seconds, words) in [
            (-7500, "2 h 5 min behind"),
            (61, "1 min 1 s ahead of"),
            (-5, "5 s behind"),
            (i64::MIN, "106751991167300 d 15 h behind"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
