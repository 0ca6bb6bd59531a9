//! Facts of the nodes under the runners: from the API, and from one walk of the node's network in
//! a pod of an allow-list that uses it.

use super::kubernetes::{Cluster as Client, forbidden, reason};
use super::{Exec, Limits, Place, cni};
use crate::collect::walk::{Mode, SeenNode, Walk};
use crate::evidence::{Asked, Cni, Node, Observation, Observed, Reason, Unseen};
use crate::text::plain::plain;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{self, Pod};
use kube::api::{Api, ListParams};

/// Agents that use the node's network and may be entered, the CNI's own first; never etcd.
pub(super) const AGENTS: [(&str, Option<&str>); 8] = [
    ("calico-node", Some("calico")),
    ("cilium", Some("cilium")),
    ("aws-node", Some("aws-vpc")),
    ("flannel", Some("flannel")),
    ("kindnet", Some("kindnet")),
    ("weave-net", Some("weave")),
    ("kube-proxy", None),
    ("node-exporter", None),
];

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
        cni.settings = cni::settings(&client.client, &cni.name).await;
    }
    Nodes { nodes, cni }
}

pub(super) type Agents = Result<Vec<(Pod, &'static str)>, Reason>;

/// The agents that run in this cluster, in one LIST: all namespaces where that is allowed.
async fn agents(client: &Client) -> Agents {
    let names: Vec<&str> = AGENTS.iter().map(|(name, _)| *name).collect();
    let wanted = ListParams::default().labels(&format!("k8s-app in ({})", names.join(",")));
    let everywhere: Api<Pod> = Api::all(client.client.clone());
    let found = match everywhere.list(&wanted).await {
        Err(error) if forbidden(&error) => {
            let system: Api<Pod> = Api::namespaced(client.client.clone(), "kube-system");
            system.list(&wanted).await
        }
        found => found,
    };
    let found = found.map_err(|e| reason(&e, Asked::list("pods", Some("kube-system"))))?;
    let named = |pod: &Pod| {
        let label = pod.metadata.labels.as_ref()?.get("k8s-app")?;
        AGENTS
            .iter()
            .map(|(name, _)| *name)
            .find(|name| name == label)
    };
    let pods = found.items.into_iter();
    Ok(pods
        .filter_map(|pod| named(&pod).map(|name| (pod, name)))
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
    let order = |name: &str| AGENTS.iter().position(|(agent, _)| *agent == name);
    let agent = agents
        .iter()
        .filter(|(pod, _)| usable(pod))
        .min_by_key(|(_, name)| order(name))
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
    let (uplink, docker_bridge, dropped) = match seen {
        Ok(seen) => (seen.uplink, seen.docker_bridge, seen.dropped),
        Err(reason) => (Unseen(reason.clone()), Unseen(reason), None),
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
    }
}
