//! Why the kubelet does not start a pod's containers: its latest warning event.

use super::Cluster;
use super::error::{forbidden, reason};
use crate::evidence::{Asked, Observation, Observed, Runner, Unseen};
use crate::text::plain::plain;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use std::time::Duration;

const MOST: u32 = 100;
const LONGEST: usize = 500;

impl Cluster {
    /// Only for a scheduled pod with a waiting container whose status has no message.
    pub(super) async fn not_started(
        &self,
        runner: &Runner,
        limit: Duration,
    ) -> Option<Observation<String>> {
        let silent = runner.containers.iter().any(|container| {
            let state = &container.state;
            let says = state
                .message
                .as_deref()
                .is_some_and(|said| !said.is_empty());
            state.phase == "waiting" && container.restarts == 0 && !says
        });
        if !silent || runner.node.is_none() {
            return None;
        }
        let api: Api<Event> = Api::namespaced(self.client.clone(), &runner.namespace);
        let of_pod = format!("involvedObject.name={},type=Warning", runner.pod);
        let wanted = ListParams::default().fields(&of_pod).limit(MOST);
        match tokio::time::timeout(limit, api.list(&wanted)).await.ok()? {
            Ok(events) => last(events.items).map(Observed),
            Err(error) if forbidden(&error) => {
                let asked = Asked::list("events", Some(&runner.namespace));
                Some(Unseen(reason(&error, asked)))
            }
            Err(_) => None,
        }
    }
}

/// Why a pod does not start: the message of its newest event.
fn last(events: Vec<Event>) -> Option<String> {
    const REASONS: [&str; 7] = [
        "Failed",
        "FailedAttachVolume",
        "FailedCreatePodContainer",
        "FailedCreatePodSandBox",
        "FailedMapVolume",
        "FailedMount",
        "NetworkNotReady",
    ];
    let about = events.into_iter().filter(|event| {
        let reason = event.reason.as_deref();
        reason.is_some_and(|reason| REASONS.contains(&reason))
    });
    let time = |event: &Event| {
        let seen = event.last_timestamp.as_ref().map(|time| time.0);
        let series = event.event_time.as_ref().map(|time| time.0);
        let created = event
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        seen.or(series).or(created)
    };
    let newest = about.max_by_key(time)?;
    let said: String = plain(newest.message.as_deref()?)
        .chars()
        .take(LONGEST)
        .collect();
    (!said.is_empty()).then_some(said)
}
