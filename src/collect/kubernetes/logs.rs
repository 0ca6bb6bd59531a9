//! Known errors in the logs of a runner's containers; nothing else in the logs is kept.

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
/// Older lines of a running container say little about its present state.
const SECONDS: i64 = 24 * 60 * 60;

/// What a kubelet returns in place of a log that is gone.
const GONE: &[u8] = b"unable to retrieve container logs for ";

/// A container's name and the known lines in its log.
pub(super) type OfContainer = (String, Observation<Vec<KnownLine>>);

impl Cluster {
    /// One concurrent request per container; another for the previous run of restarted engines.
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

/// The known lines of the current run, and those of the previous run for checks not among them.
async fn both_runs(
    api: &Api<Pod>,
    runner: &Runner,
    container: &PodContainer,
    symptoms: &Symptoms,
) -> Observation<Vec<KnownLine>> {
    let runs = container.state.phase == "running";
    if !runs && container.state.phase == "waiting" && container.restarts == 0 {
        // It has not run yet, so there is no log.
        return Observed(Vec::new());
    }
    let now = one_run(api, runner, container, symptoms, false);
    // Only an engine's previous run is relevant to the current one.
    if !runs || container.restarts == 0 || container.role != Role::Engine {
        return now.await;
    }
    let (now, before) = futures::join!(now, one_run(api, runner, container, symptoms, true));
    now.map(|mut lines| {
        // The previous run's log may be gone; that is not an error.
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
        // The API server returns 400 if the container has not run.
        Err(error) if code(&error) == Some(400) => return Observed(Vec::new()),
        Err(error) => return Unseen(reason(&error, runner)),
    };
    let mut text = Vec::new();
    // The server's limit is approximate; what was read before an error still counts.
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

/// Without the container if the reason applies to all of them, so that it is reported once.
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
