//! What the doctor may do in a cluster: one table of rights, from which `rbac` prints roles and
//! asks what is missing, and `job` runs with them.

mod document;
pub(crate) mod job;
pub(crate) mod review;

pub(crate) use document::roles;

use crate::facts::Origin;

/// Where the runners are, and who looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// Of the runners, and of the account; with all namespaces, of the account only.
    pub(crate) namespace: &'a str,
    pub(crate) all_namespaces: bool,
    /// What tells of nodes and the CNI.
    pub(crate) cluster_facts: bool,
    pub(crate) node_exec: bool,
    /// Of the account and its roles.
    pub(crate) name: &'a str,
}

/// A right, where it is needed and what it is for.
#[derive(Debug)]
pub(crate) struct Right {
    pub(crate) place: Place,
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) verbs: &'static [&'static str],
    /// All objects unless some are named.
    pub(crate) names: &'static [&'static str],
    /// What it gives.
    pub(crate) gives: &'static str,
    /// What is unknown without it.
    pub(crate) without: &'static str,
    /// What it makes readable: without it, the checks that read facts from there are unknown.
    pub(crate) origin: Origin,
    /// Of no use where nothing is executed in the nodes' agents.
    pub(crate) node_exec: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where the runners are: one namespace, or all.
    Runners,
    /// Where the CNI's agents and its settings are.
    System,
    /// In no namespace.
    Cluster,
}

pub(crate) const SYSTEM: &str = "kube-system";

/// As src/collect asks for it.
pub(crate) const RIGHTS: [Right; 11] = [
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods",
        verbs: &["get", "list"],
        names: &[],
        gives: "finds the runners, and reads how their pods are made",
        without: "no runner is found, and nothing examined",
        origin: Origin::Pod,
        node_exec: false,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods/exec",
        // An exec over WebSocket is a GET; Kubernetes 1.35 also asks for create.
        verbs: &["get", "create"],
        names: &[],
        gives: "walks the engines and networks inside each runner",
        without: "all that is inside the runners, engines and networks",
        origin: Origin::Walk,
        node_exec: false,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods/log",
        verbs: &["get"],
        names: &[],
        gives: "finds known errors in the last lines of the engines' and the runners' logs",
        without: "what only logs tell: why an engine ended, what a registry refused",
        origin: Origin::Logs,
        node_exec: false,
    },
    Right {
        place: Place::Runners,
        group: "batch",
        resource: "jobs",
        verbs: &["list"],
        names: &[],
        gives: "finds Jobs of runners that have given up, and so have no pod",
        without: "runners whose Job makes no pod any more: they are not found",
        origin: Origin::Jobs,
        node_exec: false,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "events",
        verbs: &["list"],
        names: &[],
        gives: "why a node has not started a runner's containers, in the kubelet's words",
        without: "why a pod's sandbox, volume or image fails, where the pod does not say so",
        origin: Origin::Events,
        node_exec: false,
    },
    Right {
        place: Place::Cluster,
        group: "",
        resource: "nodes",
        verbs: &["get"],
        names: &[],
        gives: "the nodes' kernel and container runtime, and the name of the CNI",
        without: "whether the nodes run the same Docker, and which CNI there is",
        origin: Origin::Nodes,
        node_exec: false,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "pods",
        verbs: &["list"],
        names: &[],
        gives: "finds the agents of the CNI, which name it and are on each node's own network",
        without: "the MTU of the nodes' ethernet",
        origin: Origin::Agents,
        node_exec: false,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "pods/exec",
        verbs: &["get", "create"],
        names: &[],
        gives: "reads the ethernet's MTU in one such agent of each node",
        without: "the MTU of the nodes' ethernet",
        origin: Origin::Agents,
        node_exec: true,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "configmaps",
        verbs: &["get"],
        names: &["calico-config", "cilium-config", "kube-flannel-cfg"],
        gives: "how the CNI is set up: its MTU, and what it wraps packets in",
        without: "how much of the ethernet's MTU the CNI takes",
        origin: Origin::Cni,
        node_exec: false,
    },
    Right {
        place: Place::Cluster,
        group: "crd.projectcalico.org",
        resource: "ippools",
        verbs: &["list"],
        names: &[],
        gives: "what Calico wraps packets in; of no effect without Calico",
        without: "how much of the ethernet's MTU Calico takes",
        origin: Origin::Cni,
        node_exec: false,
    },
    Right {
        place: Place::Cluster,
        group: "operator.tigera.io",
        resource: "installations",
        verbs: &["list"],
        names: &[],
        gives: "the MTU that Calico's operator keeps; of no effect without it",
        without: "which MTU Calico was given",
        origin: Origin::Cni,
        node_exec: false,
    },
];

impl Scope<'_> {
    /// The rights that this scope takes. Over all namespaces, those in kube-system are among those
    /// in all, if only for names that are not: `get` on named ConfigMaps.
    pub(crate) fn rights(&self) -> impl Iterator<Item = &'static Right> {
        let Scope {
            all_namespaces,
            cluster_facts,
            node_exec,
            ..
        } = *self;
        let facts = all_namespaces || cluster_facts;
        RIGHTS.iter().filter(move |right| {
            let again = all_namespaces && right.place == Place::System && right.names.is_empty();
            (right.place == Place::Runners || facts) && (node_exec || !right.node_exec) && !again
        })
    }
}
