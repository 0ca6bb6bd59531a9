//! A runner: its pod, or the file that describes it.

use super::{
    Engine, KnownLine, NetworkNamespace, Observation, Observed, PodContainer, Probed, Provider,
    Role, Standing, Unseen, is_false, not_recorded, outermost,
};
use crate::systems::Site;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runner {
    pub namespace: String,
    pub pod: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    pub provider: Provider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub phase: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<String>,
    #[serde(default)]
    pub host_network: bool,
    /// The outermost network that this examination can see.
    #[serde(default, skip_serializing_if = "Outermost::is_pod")]
    pub outermost: Outermost,
    pub containers: Vec<PodContainer>,
    /// The network namespaces in this pod.
    pub namespaces: Observation<Vec<NetworkNamespace>>,
    /// The Docker daemons in this pod, outer before nested.
    pub engines: Observation<Vec<Engine>>,
    /// Set if the runner was read from a file: nothing of it runs, and its networks are as Docker
    /// would create them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// The pod's own addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The pod's RuntimeClass, if set: it may be a sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    /// Whether the pod has its own user namespace (`hostUsers: false`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub user_namespace: bool,
    /// Output of the custom commands of checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probed>,
    /// The state of the pod in the cluster.
    #[serde(default, skip_serializing_if = "Standing::is_unremarkable")]
    pub standing: Standing,
}

/// Contents of a file in addition to the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    pub file: String,
    /// The kind of file for an engine's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// Whether the MTU of the pod network was given (--pod-mtu) instead of assumed.
    #[serde(default)]
    pub pod_mtu_told: bool,
    /// Names of Secrets in the file. Their values are never collected.
    #[serde(default = "nothing::<WrittenSecret>")]
    pub secrets: Observation<Vec<WrittenSecret>>,
    /// The pipeline steps with a memory size.
    #[serde(default = "nothing::<PipelineStep>")]
    pub steps: Observation<Vec<PipelineStep>>,
    /// The memory limit of the engine that runs the steps, in MiB.
    #[serde(default = "not_recorded::<i64>")]
    pub memory_mib: Observation<i64>,
    /// The command in a script of the steps that creates a Docker network without an MTU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks_by: Option<String>,
}

/// A Secret with values in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenSecret {
    pub name: String,
    /// Absent if the file does not name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub keys: Vec<String>,
}

/// A step of bitbucket-pipelines.yml, and the memory of its `size`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineStep {
    pub name: String,
    pub size: String,
    pub memory_mib: i64,
}

fn nothing<T>() -> Observation<Vec<T>> {
    Observed(Vec::new())
}

/// The outermost layer of a runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outermost {
    /// A pod, whose network is on a node.
    #[default]
    Pod,
    /// A machine, whose network is Ethernet.
    Machine,
    /// A container of an engine that is not visible: its path out is not known.
    Container,
}

impl Outermost {
    fn is_pod(&self) -> bool {
        *self == Outermost::Pod
    }

    /// The outermost network, as text.
    pub fn network(self) -> &'static str {
        match self {
            Outermost::Pod => "the pod network",
            Outermost::Machine => "the machine's network",
            Outermost::Container => "the network of this container",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    pub kind: String,
    pub name: String,
}

impl Runner {
    /// `namespace/pod`, as reports name it.
    pub fn full_name(&self) -> String {
        if let Some(declared) = &self.declared {
            return declared.file.clone();
        }
        if self.namespace.is_empty() {
            return self.pod.clone();
        }
        format!("{}/{}", self.namespace, self.pod)
    }

    /// A file with Secrets and without a runner.
    pub fn is_secret(&self) -> bool {
        let Some(declared) = &self.declared else {
            return false;
        };
        let runs = !self.containers.is_empty() || !self.engines.seen().is_empty();
        !runs && declared.steps.seen().is_empty() && !declared.secrets.seen().is_empty()
    }

    /// Adds the known errors in its containers' logs, by container name.
    pub fn add_logs(&mut self, logs: Vec<(String, Observation<Vec<KnownLine>>)>) {
        for (name, log) in logs {
            if let Some(container) = self.containers.iter_mut().find(|c| c.name == name) {
                container.log = Some(log);
            }
        }
        self.forget_registries();
    }

    /// Of the registries that an engine does not verify, only those that a known error names matter.
    pub(crate) fn forget_registries(&mut self) {
        let logs = self.containers.iter().filter_map(|c| c.log.as_ref());
        let lines: Vec<&KnownLine> = logs.flat_map(|log| log.seen()).collect();
        let is_named = |registry: &String| lines.iter().any(|line| line.text.contains(registry));
        let Observed(engines) = &mut self.engines else {
            return;
        };
        let apis = engines
            .iter_mut()
            .filter_map(|engine| match &mut engine.api {
                Observed(api) => api.insecure_registries.as_mut(),
                Unseen(_) => None,
            });
        for registries in apis {
            // A range covers addresses that it does not spell out, and names nothing.
            registries.retain(|known| known.parse::<IpNet>().is_ok() || is_named(known));
        }
    }

    /// The containers of the pod that run an engine of any kind, in the order of its spec.
    pub fn walked_containers(&self) -> impl Iterator<Item = &PodContainer> {
        let runs = |c: &&PodContainer| c.role == Role::Engine || c.other_engine.is_some();
        self.containers.iter().filter(runs)
    }

    /// The containers of the pod that run Docker, in the order of its spec.
    pub fn engine_containers(&self) -> impl Iterator<Item = &PodContainer> {
        self.containers.iter().filter(|c| c.role == Role::Engine)
    }

    /// The namespace that the pod's containers share.
    pub fn pod_namespace(&self) -> Option<&NetworkNamespace> {
        outermost(self.namespaces.seen())
    }
}
