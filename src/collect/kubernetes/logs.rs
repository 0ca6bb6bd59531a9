//! What the logs of a runner's containers show of known errors; nothing else of them is kept.

use super::Cluster;
use super::error::{chain, code, forbidden};
use crate::collect::whole;
use crate::evidence::{
    KnownLine, Observation, Observed, PodContainer, Reason, Role, Runner, Unseen,
};
use crate::symptoms::{Symptoms, last};
use futures::future::join_all;
use futures::io::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use std::time::Duration;

const LINES: i64 = 200;
const BYTES: usize = 512 << 10;
/// What a container that still runs wrote earlier says little of now.
const SECONDS: i64 = 24 * 60 * 60;

/// What a kubelet says in the place of a log.
const GONE: &[u8] = b"unable to retrieve container logs for ";

/// The name of a container, and what its log shows.
pub(super) type OfContainer = (String, Observation<Vec<KnownLine>>);

impl Cluster {
    /// One request a container, all at once; one more for the run before of engines that run again.
    pub(super) async fn logs(
        &self,
        runner: &Runner,
        symptoms: &Symptoms,
        limit: Duration,
    ) -> Vec<OfContainer> {
        if symptoms.is_empty() {
            return Vec::new();
        }
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &runner.namespace);
        let containers = runner.containers.iter();
        let read = containers
            .filter(|container| container.role != Role::Other)
            .map(async |container| {
                let both = both_runs(&api, runner, container, symptoms);
                let lines = match tokio::time::timeout(limit, both).await {
                    Ok(lines) => lines,
                    Err(_) => Unseen(Reason::LogsLate {
                        seconds: whole(limit.as_secs()),
                    }),
                };
                (container.name.clone(), lines)
            });
        join_all(read).await
    }
}

/// What the present run shows, and of the run before it what the present one does not.
async fn both_runs(
    api: &Api<Pod>,
    runner: &Runner,
    container: &PodContainer,
    symptoms: &Symptoms,
) -> Observation<Vec<KnownLine>> {
    let runs = container.state.phase == "running";
    if !runs && container.state.phase == "waiting" && container.restarts == 0 {
        // It has not run yet, so it wrote nothing.
        return Observed(Vec::new());
    }
    let now = one_run(api, runner, container, symptoms, false);
    // What ended another program tells nothing of the one that runs.
    if !runs || container.restarts == 0 || container.role != Role::Engine {
        return now.await;
    }
    let (now, before) = futures::join!(now, one_run(api, runner, container, symptoms, true));
    now.map(|mut lines| {
        // The log of a run before may be gone, and nobody would expect it.
        for line in before.seen() {
            if !lines.iter().any(|known| known.check == line.check) {
                lines.push(line.clone());
            }
        }
        lines
    })
}

async fn one_run(
    api: &Api<Pod>,
    runner: &Runner,
    container: &PodContainer,
    symptoms: &Symptoms,
    previous: bool,
) -> Observation<Vec<KnownLine>> {
    let runs_on = container.state.phase == "running" && !previous;
    let wanted = LogParams {
        container: Some(container.name.clone()),
        limit_bytes: i64::try_from(BYTES).ok(),
        previous,
        since_seconds: runs_on.then_some(SECONDS),
        tail_lines: Some(LINES),
        timestamps: true,
        ..LogParams::default()
    };
    let log = match api.log_stream(&runner.pod, &wanted).await {
        Ok(log) => log,
        // Nothing was written where nothing ran.
        Err(error) if code(&error) == Some(400) => return Observed(Vec::new()),
        Err(error) => return Unseen(reason(&error, runner)),
    };
    let mut text = Vec::new();
    // The server keeps to its limit only roughly; what came before a fault still counts.
    let most = BYTES as u64 + 1;
    let came = log.take(most).read_to_end(&mut text).await;
    let lines = last(&text, symptoms, previous);
    if text.starts_with(GONE) {
        let container = container.name.clone();
        return Unseen(Reason::LogGone { container });
    }
    match came {
        _ if !lines.is_empty() => Observed(lines),
        Ok(_) if text.len() < BYTES => Observed(lines),
        Ok(_) => Unseen(Reason::LogTooLarge {
            container: container.name.clone(),
            lines: LINES,
            bytes: BYTES as i64,
        }),
        Err(error) => Unseen(Reason::LogFailed {
            container: container.name.clone(),
            said: chain(&error),
        }),
    }
}

/// Not by container where all of them share it: it is told once.
fn reason(error: &kube::Error, runner: &Runner) -> Reason {
    let Runner { namespace, pod, .. } = runner;
    match code(error) {
        _ if forbidden(error) => Reason::LogsForbidden {
            namespace: namespace.clone(),
        },
        Some(404) => Reason::PodGone { pod: pod.clone() },
        _ => Reason::LogsFailed {
            pod: pod.clone(),
            said: chain(error),
        },
    }
}
