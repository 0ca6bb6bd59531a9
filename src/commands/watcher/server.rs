//! The one port: recordings, metrics and health over HTTP/1.1, read-only and bounded.

use super::Watcher;
use super::metrics;
use crate::redact::redact;
use crate::report;
use anyhow::Result;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

const CONNECTIONS: usize = 32;
const HEADERS: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(30);
const HEADER_BYTES: usize = 16 << 10;
/// A loop that has not turned for so long is stuck.
const STUCK: Duration = Duration::from_secs(60);

const INDEX: &str = "\
runner-doctor watcher
/recordings        the runners that ended badly
/recordings/NAME   a recording; check it with: runner-doctor check --evidence NAME
/metrics           for Prometheus
/healthz           200 while it works
";

pub(super) async fn serve(listener: TcpListener, watcher: Arc<Watcher>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is free.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let watcher = watcher.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(watcher.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .max_buf_size(HEADER_BYTES)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever asks badly, or has gone, gets no answer.
            let _ = timeout(WHOLE, connection).await;
            drop(slot);
        });
    }
}

type Answer = Response<Full<Bytes>>;

async fn respond(watcher: Arc<Watcher>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answering = spawn_blocking(move || {
        if method != Method::GET && method != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allowed);
            return answer;
        }
        answer(&watcher, uri.path(), uri.query())
    });
    let broken = |_| plain(StatusCode::INTERNAL_SERVER_ERROR, "cannot answer\n");
    Ok(answering.await.unwrap_or_else(broken))
}

fn answer(watcher: &Watcher, path: &str, query: Option<&str>) -> Answer {
    match path {
        "/" => plain(StatusCode::OK, INDEX),
        "/healthz" => match watcher.fleet().beat.elapsed() < STUCK {
            true => plain(StatusCode::OK, "ok\n"),
            false => plain(StatusCode::SERVICE_UNAVAILABLE, "stuck\n"),
        },
        "/metrics" => text("text/plain; version=0.0.4", metrics::render(watcher)),
        "/recordings" => text("application/json", list(watcher)),
        _ => match path.strip_prefix("/recordings/") {
            Some(name) => download(watcher, name, is_redacted(query)),
            None => plain(StatusCode::NOT_FOUND, "not found: see /\n"),
        },
    }
}

fn is_redacted(query: Option<&str>) -> bool {
    let mut given = query.unwrap_or_default().split('&');
    given.any(|part| matches!(part, "redact" | "redact=true" | "redact=1"))
}

fn list(watcher: &Watcher) -> String {
    let fleet = watcher.fleet();
    let kept: Vec<_> = fleet.ring.iter().cloned().collect();
    let (dropped, until) = (fleet.ring.dropped, fleet.ring.dropped_until);
    let not_kept = fleet.counts.not_kept;
    drop(fleet);
    report::json(&json!({
        "schema": "runner-doctor/recordings/v1",
        "recordings": kept,
        "dropped": dropped,
        "dropped_until": until,
        "not_kept": not_kept,
    }))
}

fn download(watcher: &Watcher, name: &str, redacted: bool) -> Answer {
    let recording = watcher.fleet().ring.get(name).map(|k| k.recording.clone());
    let Some(recording) = recording else {
        return plain(
            StatusCode::NOT_FOUND,
            "no such recording, or it was dropped: see /recordings\n",
        );
    };
    let body = match redacted {
        false => recording.text(),
        true => recording
            .evidence()
            .and_then(|evidence| redact(&evidence))
            .map(|redacted| report::json(&redacted.evidence)),
    };
    match body {
        Ok(body) => text("application/json", body),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "cannot read it\n"),
    }
}

fn plain(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = text("text/plain", body.to_owned());
    *answer.status_mut() = status;
    answer
}

fn text(kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
