//! Facts of the nodes under the runners: from the API, and from one walk of the node's network in
//! a pod of an allow-list that uses it.

use super::agents::{AGENTS, Agent, Agents};
use super::cni;
use super::error::{forbidden, reason};
use super::{Cluster as Client, Limits};
use crate::collect::walk::{Mode, SeenNode, Walk};
use crate::collect::{Exec, Place};
use crate::evidence::{Asked, Cni, Interface, Node, Observation, Observed, Reason, Runner, Unseen};
use crate::text::plain::plain;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{self, Pod};
use kube::api::{Api, ListParams};

/// Nodes and their CNI.
pub struct Nodes {
    pub nodes: Vec<Node>,
    pub cni: Observation<Cni>,
}

pub async fn examine(client: &Client, names: Vec<String>, enter: bool, limits: &Limits) -> Nodes {
    let agents = agents(client).await;
    let api: Api<v1::Node> = Api::all(client.client.clone());
    let read = stream::iter(names).map(|name| {
        let (api, agents) = (&api, &agents);
        async move {
            let node = api.get(&name).await;
            let seen = match enter {
                true => enter_node(client, agents, &name, limits).await,
                false => Err(Reason::NodeExecNotAsked),
            };
            (name, node, seen)
        }
    });
    let read: Vec<_> = read.buffered(limits.concurrency).collect().await;
    let mut cni = cni::from_agents(&agents);
    let mut nodes = Vec::new();
    for (name, node, seen) in read {
        match node {
            Ok(node) => {
                cni = cni::from_condition(&node).map_or(cni, Observed);
                nodes.push(describe(&node, seen));
            }
            Err(error) => {
                cni = cni.or_else(|| Unseen(reason(&error, Asked::get("nodes", None, &name))))
            }
        }
    }
    if let Observed(cni) = &mut cni {
        let agent = cni::agent_of(&agents, &cni.name);
        cni.settings = cni::settings(&client.client, &cni.name, agent).await;
    }
    Nodes { nodes, cni }
}

/// The agents that run in this cluster. Most CNIs use one label, so that mostly one LIST finds them.
async fn agents(client: &Client) -> Agents {
    let mut found = labeled(client, "k8s-app").await?;
    if !found.iter().any(|(_, agent)| agent.cni.is_some()) {
        found.extend(labeled(client, "app").await?);
    }
    Ok(found)
}

/// Those with this label: in all namespaces where that is allowed.
async fn labeled(client: &Client, label: &str) -> Agents {
    let of_label = || AGENTS.iter().filter(|agent| agent.label == label);
    let names: Vec<&str> = of_label().map(|agent| agent.name).collect();
    let wanted = ListParams::default().labels(&format!("{label} in ({})", names.join(",")));
    let everywhere: Api<Pod> = Api::all(client.client.clone());
    let found = match everywhere.list(&wanted).await {
        Err(error) if forbidden(&error) => {
            let system: Api<Pod> = Api::namespaced(client.client.clone(), "kube-system");
            system.list(&wanted).await
        }
        found => found,
    };
    let found = found.map_err(|e| reason(&e, Asked::list("pods", Some("kube-system"))))?;
    let agent = |pod: &Pod| {
        let value = pod.metadata.labels.as_ref()?.get(label)?;
        of_label().find(|agent| agent.name == value)
    };
    let pods = found.items.into_iter();
    Ok(pods
        .filter_map(|pod| agent(&pod).map(|agent| (pod, agent)))
        .collect())
}

async fn enter_node(
    client: &Client,
    agents: &Agents,
    node: &str,
    limits: &Limits,
) -> Result<SeenNode, Reason> {
    let agents = agents.as_ref().map_err(Clone::clone)?;
    let usable = |pod: &Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        let here = pod.spec.as_ref().is_some_and(|spec| {
            spec.node_name.as_deref() == Some(node) && spec.host_network == Some(true)
        });
        here && phase == Some("Running")
    };
    let order = |agent: &Agent| AGENTS.iter().position(|known| known.name == agent.name);
    let agent = agents
        .iter()
        .filter(|(pod, _)| usable(pod))
        .min_by_key(|(_, agent)| order(agent))
        .map(|(pod, _)| pod)
        .ok_or(Reason::NoNodeAgent)?;
    let container = agent.spec.as_ref().and_then(|spec| spec.containers.first());
    let place = Place {
        namespace: agent.metadata.namespace.clone().unwrap_or_default(),
        pod: agent.metadata.name.clone().unwrap_or_default(),
        container: container.map(|c| c.name.clone()).unwrap_or_default(),
    };
    let orders = limits.orders();
    let walk = Walk::new(&Mode::Node, &orders);
    let stream = client.exec(&place, &walk, orders.longest()).await?;
    walk.read_node(&stream)
}

fn addresses(node: &v1::Node) -> Vec<String> {
    let status = node.status.as_ref();
    let all = status.and_then(|status| status.addresses.as_ref());
    let own = all
        .into_iter()
        .flatten()
        .filter(|a| a.type_ != "Hostname" && !a.type_.ends_with("DNS"));
    own.map(|address| plain(&address.address)).collect()
}

fn describe(node: &v1::Node, seen: Result<SeenNode, Reason>) -> Node {
    let info = node
        .status
        .as_ref()
        .and_then(|status| status.node_info.as_ref());
    let text =
        |read: fn(&v1::NodeSystemInfo) -> &String| info.map(read).cloned().unwrap_or_default();
    let (uplink, docker_bridge, dropped, ends) = match seen {
        Ok(seen) => (seen.uplink, seen.docker_bridge, seen.dropped, seen.ends),
        Err(reason) => (Unseen(reason.clone()), Unseen(reason), None, Vec::new()),
    };
    Node {
        name: node.metadata.name.clone().unwrap_or_default(),
        kernel: text(|info| &info.kernel_version),
        os: text(|info| &info.os_image),
        runtime: text(|info| &info.container_runtime_version),
        uplink,
        docker_bridge,
        addresses: addresses(node),
        dropped,
        narrow_ends: ends,
    }
}

/// Of the ends that a node has, keeps those that are narrower than a runner's own.
pub(super) fn keep_narrow_ends(nodes: &mut [Node], runners: &[Runner]) {
    for node in nodes {
        let name = Some(&node.name);
        let of_node = || runners.iter().filter(|runner| runner.node.as_ref() == name);
        node.narrow_ends.retain(|end| {
            let mut pods = of_node().filter_map(Runner::pod_namespace);
            let narrower = |device: &Interface| end.is_of(device) && end.mtu < device.mtu;
            pods.any(|pod| pod.interfaces.seen().iter().any(narrower))
        });
    }
}
