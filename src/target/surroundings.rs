//! What a new runner's pod would stand in: the nodes' Docker, and what the pod network carries.

use super::cni;
use super::kubernetes::Cluster;
use crate::evidence::{Cni, Encapsulation};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};

/// What could be read; nothing of it is needed.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The versions of Docker that run the nodes' containers, each once.
    pub(crate) docker: Vec<String>,
    /// And where that was read.
    pub(crate) pod_mtu: Option<(i64, String)>,
}

impl Surroundings {
    pub(crate) async fn read(cluster: &Cluster) -> Self {
        let api: Api<Node> = Api::all(cluster.client.clone());
        let nodes = api.list(&ListParams::default().limit(500)).await;
        let nodes = nodes.map(|list| list.items).unwrap_or_default();
        let mut docker: Vec<String> = nodes.iter().filter_map(docker_version).collect();
        docker.sort();
        docker.dedup();
        let named = nodes.iter().find_map(cni::from_condition);
        let names = match &named {
            Some(Cni { name, .. }) => vec![name.as_str()],
            // Only these keep an MTU where it can be read.
            None => vec!["calico", "cilium"],
        };
        let mut pod_mtu = None;
        for name in names {
            pod_mtu = pod_mtu.or(read_mtu(cluster, name).await);
        }
        Surroundings { docker, pod_mtu }
    }
}

fn docker_version(node: &Node) -> Option<String> {
    let info = node.status.as_ref()?.node_info.as_ref()?;
    let version = info.container_runtime_version.strip_prefix("docker://")?;
    Some(version.to_owned())
}

async fn read_mtu(cluster: &Cluster, name: &str) -> Option<(i64, String)> {
    let settings = cni::settings(&cluster.client, name).await;
    let settings = settings.observed()?;
    let own = settings.mtu?;
    let mtu = match (name, settings.encapsulation.observed()) {
        // Cilium's is the ethernet's; a tunnel takes its part on the route, and so does WireGuard,
        // which may be there beside a tunnel: 80 and 50.
        ("cilium", Some(Encapsulation::None | Encapsulation::Vxlan)) => {
            own - settings
                .encapsulation
                .observed()
                .map_or(0, |kind| kind.overhead())
        }
        ("cilium", _) => own - 130,
        _ => own,
    };
    (576..=65535)
        .contains(&mtu)
        .then(|| (mtu, settings.source.clone()))
}
