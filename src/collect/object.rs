//! The objects that pods come from, read for `fix`; nothing is ever written.

use super::kubernetes::Cluster;
use super::kubernetes::error::reason;
use crate::evidence::{Asked, Reason};
use http::Request;
use serde_json::Value;

/// Kinds with a pod's template: their API and the name of their list.
const KINDS: [(&str, &str, &str); 8] = [
    ("Pod", "api/v1", "pods"),
    ("ReplicationController", "api/v1", "replicationcontrollers"),
    ("Job", "apis/batch/v1", "jobs"),
    ("CronJob", "apis/batch/v1", "cronjobs"),
    ("ReplicaSet", "apis/apps/v1", "replicasets"),
    ("Deployment", "apis/apps/v1", "deployments"),
    ("StatefulSet", "apis/apps/v1", "statefulsets"),
    ("DaemonSet", "apis/apps/v1", "daemonsets"),
];

/// The name of a kind's list, as RBAC rules and kubectl have it.
pub fn resource(kind: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|(known, ..)| *known == kind)
        .map(|(_, _, list)| *list)
}

impl Cluster {
    /// One object, as the server has it.
    pub async fn object(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, Reason> {
        let Some((_, api, list)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
            return Err(Reason::KindUnknown {
                kind: kind.to_owned(),
            });
        };
        let path = format!("/{api}/namespaces/{namespace}/{list}/{name}");
        let asked = Asked::get(*list, Some(namespace), name);
        let request =
            Request::get(path)
                .body(Vec::new())
                .map_err(|error| Reason::RequestFailed {
                    asked: asked.clone(),
                    said: error.to_string(),
                })?;
        let object = self.client.request::<Value>(request).await;
        object.map_err(|error| reason(&error, asked))
    }
}
