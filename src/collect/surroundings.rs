//! The environment of a new runner's pod: the nodes' Docker versions and the pod network's MTU.

use super::kubernetes::{Cluster, cni};
use crate::evidence::{Cni, CniSettings, Encapsulation};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};

/// What could be read; all of it is optional.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The Docker versions that run the nodes' containers, without duplicates.
    pub(crate) docker: Vec<String>,
    /// The MTU, and where it was read.
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
            // Only these CNIs store an MTU where it can be read.
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
    let settings = cni::settings(&cluster.client, name, None).await;
    let settings = settings.observed()?;
    let mtu = carried(name, settings)?;
    Some((mtu, settings.source.clone()))
}

/// The MTU of a pod, from the settings of its CNI.
fn carried(name: &str, settings: &CniSettings) -> Option<i64> {
    let own = settings.mtu?;
    let mtu = match (name, settings.encapsulation.observed()) {
        // Cilium's is that of the node's network; a tunnel takes its overhead on the route, and so does
        // WireGuard, possibly in addition: 80 and 50.
        ("cilium", Some(kind @ (Encapsulation::None | Encapsulation::Vxlan))) => {
            own.saturating_sub(kind.overhead())
        }
        ("cilium", _) => own.saturating_sub(130),
        _ => own,
    };
    (576..=65535).contains(&mtu).then_some(mtu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Observation, Observed, Why};

    #[test]
    fn calico_says_the_pods_mtu_and_cilium_that_below_its_tunnel() {
        let carried = |name, mtu, encapsulation| {
            let source = String::new();
            let settings = CniSettings {
                mtu,
                encapsulation,
                overhead: None,
                source,
            };
            carried(name, &settings)
        };
        let vxlan = || Observed(Encapsulation::Vxlan);
        assert_eq!(carried("calico", Some(1450), vxlan()), Some(1450));
        assert_eq!(carried("cilium", Some(1500), vxlan()), Some(1450));
        let native = Observed(Encapsulation::None);
        assert_eq!(carried("cilium", Some(1500), native), Some(1500));
        let wireguard = Observed(Encapsulation::Wireguard);
        assert_eq!(carried("cilium", Some(1500), wireguard), Some(1370));
        let unknown =
            Observation::Unobserved(crate::evidence::Reason::prose(Why::Missing, "not told"));
        assert_eq!(carried("cilium", Some(1500), unknown), Some(1370));
        assert_eq!(carried("calico", None, vxlan()), None);
        assert_eq!(carried("calico", Some(7), vxlan()), None);
    }
}
