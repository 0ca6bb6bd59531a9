//! The permissions of runner-doctor in a cluster: one table, from which `rbac` prints roles and
//! checks what is missing, and which `job` uses.

mod document;
pub(crate) mod job;
pub(crate) mod review;

pub(crate) use document::roles;

use crate::facts::Origin;

/// Where the runners are, and which account examines them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// Of the runners and of the account; with all namespaces, only of the account.
    pub(crate) namespace: &'a str,
    pub(crate) all_namespaces: bool,
    /// Whether nodes and the CNI are included.
    pub(crate) cluster_facts: bool,
    pub(crate) node_exec: bool,
    /// Whether the watcher is included.
    pub(crate) watch: bool,
    /// The name of the account and of its roles.
    pub(crate) name: &'a str,
}

/// A permission, where it is needed and what it is for.
#[derive(Debug)]
pub(crate) struct Right {
    pub(crate) place: Place,
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) verbs: &'static [&'static str],
    /// All objects, unless names are given.
    pub(crate) names: &'static [&'static str],
    /// What it allows.
    pub(crate) gives: &'static str,
    /// What is unknown without it.
    pub(crate) without: &'static str,
    /// The origin that it makes readable: without it, the checks that read facts from there are unknown.
    pub(crate) origin: Origin,
    /// Only needed for exec into the nodes' agents.
    pub(crate) node_exec: bool,
    /// Only needed by the watcher.
    pub(crate) watch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where the runners are: one namespace, or all.
    Runners,
    /// Where the CNI's agents and settings are.
    System,
    /// Cluster-scoped.
    Cluster,
}

pub(crate) const SYSTEM: &str = "kube-system";

/// Must match the requests in src/collect.
pub(crate) const RIGHTS: [Right; 12] = [
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods",
        verbs: &["get", "list"],
        names: &[],
        gives: "find the runners and read their pod specs",
        without: "no runner is found",
        origin: Origin::Pod,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods",
        verbs: &["watch"],
        names: &[],
        gives: "follow runner pods from their start to their end",
        without: "the watcher does not start",
        origin: Origin::Pod,
        node_exec: false,
        watch: true,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods/exec",
        // Exec over WebSocket is a GET; Kubernetes 1.35 also requires create.
        verbs: &["get", "create"],
        names: &[],
        gives: "examine the engines and networks inside each runner",
        without: "all engines and networks inside the runners",
        origin: Origin::Walk,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::Runners,
        group: "",
        resource: "pods/log",
        verbs: &["get"],
        names: &[],
        gives: "find known errors in the last lines of the engines' and runners' logs",
        without: "errors in logs, such as why an engine exited",
        origin: Origin::Logs,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::Runners,
        group: "batch",
        resource: "jobs",
        verbs: &["list"],
        names: &[],
        gives: "find failed runner Jobs, which have no pod",
        without: "runners whose Job has failed, which are not found",
        origin: Origin::Jobs,
        node_exec: false,
        watch: false,
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
        watch: false,
    },
    Right {
        place: Place::Cluster,
        group: "",
        resource: "nodes",
        verbs: &["get"],
        names: &[],
        gives: "read the nodes' kernel and container runtime, and the name of the CNI",
        without: "the nodes' Docker version and the CNI",
        origin: Origin::Nodes,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "pods",
        verbs: &["list"],
        names: &[],
        gives: "find the CNI's agents, which identify it and use each node's network",
        without: "the MTU of the node uplinks",
        origin: Origin::Agents,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "pods/exec",
        verbs: &["get", "create"],
        names: &[],
        gives: "read the uplink's MTU in one such agent of each node",
        without: "the MTU of the node uplinks",
        origin: Origin::Agents,
        node_exec: true,
        watch: false,
    },
    Right {
        place: Place::System,
        group: "",
        resource: "configmaps",
        verbs: &["get"],
        names: &[
            "antrea-config",
            "calico-config",
            "cilium-config",
            "kube-flannel-cfg",
        ],
        gives: "read the CNI's MTU and encapsulation",
        without: "the CNI's encapsulation overhead",
        origin: Origin::Cni,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::Cluster,
        group: "crd.projectcalico.org",
        resource: "ippools",
        verbs: &["list"],
        names: &[],
        gives: "read Calico's encapsulation; no effect without Calico",
        without: "Calico's encapsulation overhead",
        origin: Origin::Cni,
        node_exec: false,
        watch: false,
    },
    Right {
        place: Place::Cluster,
        group: "operator.tigera.io",
        resource: "installations",
        verbs: &["list"],
        names: &[],
        gives: "read the MTU set by Calico's operator; no effect without it",
        without: "the MTU configured in Calico's operator",
        origin: Origin::Cni,
        node_exec: false,
        watch: false,
    },
];

impl Scope<'_> {
    /// What remains unknown with only these rights, as a sentence for a role and for its verification.
    pub(crate) fn unknown_without_cluster_facts(&self) -> Option<String> {
        if self.all_namespaces || self.cluster_facts {
            return None;
        }
        let outside = RIGHTS.iter().filter(|right| right.place != Place::Runners);
        let mut unknown: Vec<&str> = outside.map(|right| right.without).collect();
        unknown.dedup();
        Some(format!(
            "Not included without --cluster-facts, because it is outside namespace {}, and therefore unknown: {}.",
            self.namespace,
            unknown.join("; ")
        ))
    }

    /// The rights that this scope needs. With all namespaces, those in kube-system are already included,
    /// except those limited to names: `get` on named ConfigMaps.
    pub(crate) fn rights(&self) -> impl Iterator<Item = &'static Right> {
        let Scope {
            all_namespaces,
            cluster_facts,
            node_exec,
            watch,
            ..
        } = *self;
        let facts = all_namespaces || cluster_facts;
        RIGHTS.iter().filter(move |right| {
            let again = all_namespaces && right.place == Place::System && right.names.is_empty();
            (right.place == Place::Runners || facts)
                && (node_exec || !right.node_exec)
                && (watch || !right.watch)
                && !again
        })
    }
}
