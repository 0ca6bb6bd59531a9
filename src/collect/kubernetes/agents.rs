//! Pods that use the node's network, by which the CNI is recognized.

use crate::evidence::Reason;
use k8s_openapi::api::core::v1::Pod;

/// A kind of pod that uses the node's network and may be entered; never etcd.
pub(super) struct Agent {
    pub(super) label: &'static str,
    pub(super) name: &'static str,
    pub(super) cni: Option<&'static str>,
}

const fn agent(label: &'static str, name: &'static str, cni: Option<&'static str>) -> Agent {
    Agent { label, name, cni }
}

/// The CNI's own first.
pub(super) const AGENTS: [Agent; 11] = [
    agent("k8s-app", "calico-node", Some("calico")),
    agent("k8s-app", "cilium", Some("cilium")),
    agent("k8s-app", "aws-node", Some("aws-vpc")),
    agent("k8s-app", "flannel", Some("flannel")),
    agent("k8s-app", "kindnet", Some("kindnet")),
    agent("k8s-app", "weave-net", Some("weave")),
    agent("app", "kube-ovn-cni", Some("kube-ovn")),
    agent("app", "ovnkube-node", Some("ovn-kubernetes")),
    agent("app", "antrea", Some("antrea")),
    agent("k8s-app", "kube-proxy", None),
    agent("k8s-app", "node-exporter", None),
];

pub(super) type Agents = Result<Vec<(Pod, &'static Agent)>, Reason>;
