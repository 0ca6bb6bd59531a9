//! Runners that have lost their pod: failed Jobs and evicted pods.

use super::error::reason;
use super::{Cluster, Found};
use crate::collect::discover;
use crate::evidence::{Asked, Owner, Reason, Runner, Unseen};
use crate::text::plain::plain;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const PAGE: u32 = 500;

impl Cluster {
    /// Jobs that have failed and create no more pods, as the runners that they would have started.
    pub(super) async fn given_up(&self, namespace: Option<&str>) -> Result<Vec<Found>, Reason> {
        let api: Api<Job> = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let mut wanted = ListParams::default()
            .limit(PAGE)
            .fields("status.successful=0");
        let mut found = Vec::new();
        loop {
            let page = api.list(&wanted).await;
            let page = page.map_err(|e| reason(&e, Asked::list("jobs", namespace)))?;
            found.extend(page.items.iter().filter_map(as_runner));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => wanted.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }
}

/// The runner of a failed Job. Jobs of a CronJob are skipped: its schedule creates new ones.
fn as_runner(job: &Job) -> Option<Found> {
    let mut owners = job.metadata.owner_references.iter().flatten();
    if owners.any(|owner| owner.kind == "CronJob") {
        return None;
    }
    let said = why(job)?;
    let template = &job.spec.as_ref()?.template;
    let mut pod = Pod {
        metadata: template.metadata.clone().unwrap_or_default(),
        spec: template.spec.clone(),
        status: None,
    };
    pod.metadata.name = job.metadata.name.clone();
    pod.metadata.namespace = job.metadata.namespace.clone();
    let mut runner = discover::runner(&pod, false)?;
    runner.owner = Some(Owner {
        kind: "Job".to_owned(),
        name: runner.pod.clone(),
    });
    runner.phase = "Failed".to_owned();
    runner.namespaces = Unseen(Reason::JobGaveUp);
    runner.engines = Unseen(Reason::JobGaveUp);
    runner.standing.given_up = Some(said);
    Some(Found {
        runner,
        scope: None,
    })
}

/// `Job has reached the specified backoff limit (BackoffLimitExceeded)`.
fn why(job: &Job) -> Option<String> {
    let mut conditions = job.status.as_ref()?.conditions.iter().flatten();
    let failed = conditions.find(|c| c.type_ == "Failed" && c.status == "True")?;
    let message = failed.message.as_deref().unwrap_or("it has failed");
    let reason = failed.reason.as_deref().unwrap_or("Failed");
    Some(plain(&format!("{message} ({reason})")))
}

/// Runners whose pods were evicted: reported on the pod that replaced it, or on the failed Job, or else
/// separately.
pub(super) fn add_evicted(found: &mut Vec<Found>, pods: &[Pod], alive: &BTreeMap<String, String>) {
    let mut evicted: Vec<(&Pod, Runner)> = pods
        .iter()
        .filter_map(|pod| {
            let runner = discover::runner(pod, false)?;
            runner.standing.evicted.is_some().then_some((pod, runner))
        })
        .collect();
    // The latest represents the earlier ones of its controller.
    evicted.sort_by_cached_key(|(pod, _)| Reverse(pod.metadata.creation_timestamp.clone()));
    let mut told: Vec<String> = Vec::new();
    for (pod, mut runner) in evicted {
        let controller = controller(pod);
        if controller.as_ref().is_some_and(|c| told.contains(c)) {
            continue;
        }
        told.extend(controller.clone());
        let successor = controller.and_then(|controller| alive.get(&controller));
        let of_same = |other: &Runner| {
            other.namespace == runner.namespace
                && (Some(&other.pod) == successor
                    || other.standing.given_up.is_some() && other.owner == runner.owner)
        };
        match found.iter_mut().find(|found| of_same(&found.runner)) {
            Some(found) => found.runner.standing.evicted = runner.standing.evicted,
            None => {
                runner.namespaces = Unseen(Reason::Evicted);
                runner.engines = Unseen(Reason::Evicted);
                found.push(Found {
                    runner,
                    scope: None,
                });
            }
        }
    }
}

/// The UID of a pod's controller.
pub(super) fn controller(pod: &Pod) -> Option<String> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    Some(owners.find(|o| o.controller == Some(true))?.uid.clone())
}
