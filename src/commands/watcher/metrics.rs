//! What Prometheus scrapes: the findings of the current runners, and the watcher itself.

use super::Watcher;
use crate::report::gauge;

pub(super) fn render(watcher: &Watcher) -> String {
    let fleet = watcher.fleet();
    let (metrics, counts) = (fleet.metrics(), fleet.counts);
    let (watched, bytes) = (fleet.watched(), fleet.bytes());
    let (kept, dropped) = (fleet.ring.iter().count(), fleet.ring.dropped);
    drop(fleet);
    let requests = watcher.cluster.requests();
    let mut out = String::new();
    metrics.write(&mut out);
    let mut one = |name: &str, help: &str, value: f64| {
        gauge(&mut out, &format!("watcher_{name}"), help, value);
    };
    one("runners", "Current runner pods", watched as f64);
    one(
        "recordings",
        "Recordings of pods that ended badly",
        kept as f64,
    );
    one(
        "recordings_dropped",
        "Recordings dropped because newer ones needed the space",
        dropped as f64,
    );
    one(
        "recordings_not_kept",
        "Recordings that were too large or did not fit",
        counts.not_kept as f64,
    );
    one(
        "recording_bytes",
        "Compressed size of all recordings, including those of current runners",
        bytes as f64,
    );
    one(
        "examinations",
        "Examinations since the start",
        counts.examined as f64,
    );
    one(
        "pods_ended",
        "Runner pods that ended since the start",
        counts.ended as f64,
    );
    one(
        "connected",
        "1 if changes of pods are received from the API server",
        f64::from(u8::from(counts.follows)),
    );
    one(
        "uptime_seconds",
        "Time since the start",
        watcher.began.elapsed().as_secs_f64().floor(),
    );
    gauge(
        &mut out,
        "api_requests",
        "Requests to the API server",
        requests.sent as f64,
    );
    gauge(
        &mut out,
        "api_requests_retried",
        "Requests retried because the API server was overloaded",
        requests.retried as f64,
    );
    out
}
