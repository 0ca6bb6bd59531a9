//! Runs a walk in a container via the API server's exec, and reports why it failed.

use super::Cluster;
use super::error::{BUSY, busy, chain, code, forbidden};
use crate::collect::stop::unreached;
use crate::collect::talk::{Ended, STDERR_BYTES, Talk};
use crate::collect::walk::Walk;
use crate::collect::{Exec, Place, client_limit, whole};
use crate::evidence::Reason;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

impl Exec for Cluster {
    async fn exec(&self, place: &Place, walk: &Walk, limit: Duration) -> Result<Vec<u8>, Reason> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let params = AttachParams::default()
            .container(&place.container)
            .stdin(true)
            .stderr(true)
            .max_stdin_buf_size(STDERR_BYTES)
            .max_stdout_buf_size(STDERR_BYTES);
        let connecting = api.exec(&place.pod, walk.command(), &params);
        let limit = client_limit(limit);
        let mut process = match timeout(limit, connecting).await {
            Ok(process) => process.map_err(|error| exec_reason(&error, place))?,
            Err(_) => return Err(late(place, limit)),
        };
        // The time that an overloaded server took to connect does not shorten the walk.
        let ends = Instant::now() + limit;
        let status = process.take_status();
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (process.stdin(), process.stdout(), process.stderr())
        else {
            return Err(Reason::NoStreams { program: None });
        };
        let mut talk = Talk::default();
        let streams = (stdin, stdout, stderr);
        let ended = talk.hold_until(ends, &self.stop, streams, walk).await;
        match ended {
            // Output received before the end still counts.
            _ if !talk.printed.is_empty() => return Ok(talk.printed),
            Ended::Late => return Err(late(place, limit)),
            Ended::Stopped => return Err(unreached()),
            Ended::ByItself => {}
        }
        let status = match status {
            Some(status) => timeout_at(ends, status).await.ok().flatten(),
            None => None,
        };
        let said = status.and_then(|status| status.message).unwrap_or_default();
        Err(no_output(place, &format!("{said} {}", talk.complaint())))
    }
}

fn late(place: &Place, limit: Duration) -> Reason {
    let Place { container, .. } = place;
    Reason::ExecLate {
        container: container.clone(),
        seconds: whole(limit.as_secs()),
    }
}

fn no_output(place: &Place, said: &str) -> Reason {
    let said = crate::text::plain::plain(said);
    let Place { container, .. } = place;
    // The messages of runc and crun. A missing file is a different error.
    let no_shell = said.contains("executable file not found")
        || said.contains("executable file `sh` not found");
    match no_shell {
        true => Reason::NoShell {
            container: container.clone(),
        },
        false => {
            // Each layer below the kubelet wraps the error; the innermost one has the cause.
            let cause = said.rsplit_once("OCI runtime exec failed: ");
            let said = cause.map_or(said.as_str(), |(_, cause)| cause);
            Reason::WalkSilent {
                container: Some(container.clone()),
                said: said.to_owned(),
            }
        }
    }
}

fn exec_reason(error: &kube::Error, place: &Place) -> Reason {
    let Place {
        namespace,
        pod,
        container,
    } = place;
    match (forbidden(error), code(error)) {
        (true, _) => Reason::ExecForbidden {
            namespace: namespace.clone(),
        },
        (_, Some(404)) => Reason::ContainerGone {
            pod: pod.clone(),
            container: container.clone(),
        },
        (_, Some(code)) if BUSY.contains(&code) => busy(code, error),
        _ => {
            let said = chain(error);
            Reason::ExecFailed {
                container: container.clone(),
                // The API server's wording.
                kubelet_unreached: said.contains("error dialing backend"),
                said,
            }
        }
    }
}
