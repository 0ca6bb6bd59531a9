//! How a pod ended, where it did not end well.

use crate::text::plain::plain;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use serde::Serialize;

/// Why a pod counts as ended badly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum BadEnd {
    /// The pod's phase is `Failed`; with the reason that the kubelet gives, if any.
    Failed {
        reason: Option<String>,
    },
    /// Its node or the cluster removed it: `Evicted`, `PreemptionByScheduler`, `DeletionByTaintManager`.
    Evicted {
        reason: String,
    },
    OomKilled {
        container: String,
    },
    Exited {
        container: String,
        exit_code: i64,
    },
}

/// What went wrong with a pod before anyone asked for its deletion. Containers that end because of
/// that, with 143 or 137, have not failed.
pub fn badly(pod: &Pod) -> Vec<BadEnd> {
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut conditions = status.conditions.iter().flatten();
    let disrupted = conditions.find(|c| c.type_ == "DisruptionTarget" && c.status == "True");
    let reason = status.reason.as_deref();
    let evicted = disrupted.map(|c| c.reason.as_deref().unwrap_or("DisruptionTarget"));
    if let Some(reason) = evicted.or(reason.filter(|reason| *reason == "Evicted")) {
        let reason = plain(reason);
        found.push(BadEnd::Evicted { reason });
    } else if status.phase.as_deref() == Some("Failed")
        && (pod.metadata.deletion_timestamp.is_none() || reason.is_some())
    {
        let reason = reason.map(plain);
        found.push(BadEnd::Failed { reason });
    }
    let init = status.init_container_statuses.iter().flatten();
    let all = init.chain(status.container_statuses.iter().flatten());
    found.extend(all.filter_map(|status| of_container(pod, status)));
    found
}

fn of_container(pod: &Pod, status: &ContainerStatus) -> Option<BadEnd> {
    let ends = [status.state.as_ref(), status.last_state.as_ref()];
    let mut ends = ends.into_iter().flatten();
    let bad = |end: &&ContainerStateTerminated| {
        let oom = end.reason.as_deref() == Some("OOMKilled");
        oom || end.exit_code != 0 && !follows_deletion(pod, end)
    };
    let end = ends.find_map(|state| state.terminated.as_ref().filter(bad))?;
    let container = status.name.clone();
    Some(match end.reason.as_deref() {
        Some("OOMKilled") => BadEnd::OomKilled { container },
        _ => BadEnd::Exited {
            container,
            exit_code: i64::from(end.exit_code),
        },
    })
}

/// The time of deletion is that of the request and the pod's grace period.
fn follows_deletion(pod: &Pod, end: &ContainerStateTerminated) -> bool {
    let Some(deleted) = &pod.metadata.deletion_timestamp else {
        return false;
    };
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    let asked = deleted.0.as_second().saturating_sub(grace);
    let ended = end.finished_at.as_ref();
    ended.is_none_or(|ended| ended.0.as_second() >= asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ended(status: Value, deleted: Option<&str>) -> Value {
        let pod = json!({
            "metadata": {"name": "p", "deletionTimestamp": deleted, "deletionGracePeriodSeconds": deleted.map(|_| 30)},
            "status": status,
        });
        serde_json::to_value(badly(&serde_json::from_value(pod).unwrap())).unwrap()
    }

    fn container(reason: &str, code: i64, at: &str) -> Value {
        json!({"name": "dind", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at}}})
    }

    #[test]
    fn a_pod_ends_badly_by_its_phase_its_containers_or_its_node() {
        let at = "2026-11-24T07:00:00Z";
        let failed = json!({"phase": "Failed", "containerStatuses": [container("Error", 1, at)]});
        assert_eq!(
            ended(failed, None),
            json!([{"why": "failed", "reason": null}, {"why": "exited", "container": "dind", "exit_code": 1}])
        );
        let killed =
            json!({"phase": "Running", "containerStatuses": [container("OOMKilled", 137, at)]});
        assert_eq!(
            ended(killed, None),
            json!([{"why": "oom-killed", "container": "dind"}])
        );
        let evicted = json!({"phase": "Failed", "reason": "Evicted"});
        assert_eq!(
            ended(evicted, None),
            json!([{"why": "evicted", "reason": "Evicted"}])
        );
        let drained = json!({"phase": "Running", "conditions": [
            {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]});
        assert_eq!(
            ended(drained, Some(at)),
            json!([{"why": "evicted", "reason": "EvictionByEvictionAPI"}])
        );
        let well =
            json!({"phase": "Succeeded", "containerStatuses": [container("Completed", 0, at)]});
        assert_eq!(ended(well, None), json!([]));
    }

    #[test]
    fn a_container_that_ends_because_its_pod_is_deleted_has_not_failed() {
        let deleted = Some("2026-11-24T07:00:30Z");
        let by_it = json!({"phase": "Failed", "containerStatuses": [container("Error", 143, "2026-11-24T07:00:02Z")]});
        assert_eq!(ended(by_it, deleted), json!([]));
        let before = json!({"phase": "Running", "containerStatuses": [container("Error", 2, "2026-11-24T06:59:58Z")]});
        assert_eq!(
            ended(before, deleted),
            json!([{"why": "exited", "container": "dind", "exit_code": 2}])
        );
    }
}
