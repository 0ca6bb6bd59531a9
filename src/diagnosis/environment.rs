//! What was examined and by which version, for readers without access to the cluster.

use crate::evidence::{Cni, CniSettings, Evidence, Node, Outermost, Requests, Runner};
use crate::text::shell::word;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The version of runner-doctor that examined it.
    pub doctor: String,
    /// The command that repeats the examination. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The version of the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// The CNI plugin of the pod network and its settings, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cni: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeSystem>,
    /// Start of the examination (UTC, RFC 3339). Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub examined_at: Option<Timestamp>,
    /// Duration of the examination in milliseconds. Absent if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// Requests to the API server, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSystem {
    pub name: String,
    pub kernel: String,
    pub os: String,
    pub runtime: String,
}

impl Environment {
    pub fn new(evidence: &Evidence) -> Self {
        let cluster = evidence.cluster.observed();
        let cni = cluster.and_then(|cluster| cluster.cni.observed());
        Environment {
            doctor: evidence.doctor.clone(),
            command: command(&evidence.runners),
            kubernetes: cluster.map(|cluster| cluster.server_version.clone()),
            cni: cni.map(describe),
            nodes: evidence.nodes.iter().map(NodeSystem::new).collect(),
            examined_at: evidence.examined_at,
            took_ms: evidence.took_ms,
            requests: evidence.requests,
        }
    }
}

impl NodeSystem {
    fn new(node: &Node) -> Self {
        NodeSystem {
            name: node.name.clone(),
            kernel: node.kernel.clone(),
            os: node.os.clone(),
            runtime: node.runtime.clone(),
        }
    }
}

fn describe(cni: &Cni) -> String {
    let mut words = vec![cni.name.clone()];
    if let Some(settings) = cni.settings.observed() {
        words.extend(settings_in_words(settings));
    }
    words.join(", ")
}

fn settings_in_words(settings: &CniSettings) -> Vec<String> {
    let wrapped = settings.encapsulation.observed();
    let mut words: Vec<String> = wrapped
        .map(|wrapped| format!("encapsulation {}", wrapped.name()))
        .into_iter()
        .collect();
    words.extend(settings.mtu.map(|mtu| format!("MTU {mtu}")));
    words
}

/// As few words as name the same runners.
fn command(runners: &[Runner]) -> Option<String> {
    let first = runners.first()?;
    if runners.iter().any(|runner| runner.declared.is_some()) {
        let mut files: Vec<String> = Vec::new();
        for runner in runners {
            let file = word(&runner.full_name());
            if !files.contains(&file) {
                files.push(file);
            }
        }
        return Some(format!("runner-doctor lint {}", files.join(" ")));
    }
    if first.namespace.is_empty() || first.outermost != Outermost::Pod {
        // Nothing but a container that was named has a first container of its own name.
        let named = first.containers.first().filter(|c| c.name == first.pod);
        let name = named.map(|c| format!(" {}", word(&c.name)));
        return Some(format!(
            "runner-doctor check --docker{}",
            name.unwrap_or_default()
        ));
    }
    Some(match runners {
        [only] => of_pod(&only.namespace, &only.pod),
        many if many.iter().all(|r| r.namespace == first.namespace) => {
            format!("runner-doctor check -n {}", word(&first.namespace))
        }
        _ => "runner-doctor check -A".to_owned(),
    })
}

/// The command that examines one pod.
pub(crate) fn of_pod(namespace: &str, pod: &str) -> String {
    format!("runner-doctor check -n {} {}", word(namespace), word(pod))
}
