//! What is asked of the API server: counted, and asked again where it has no time, but not for long.

use crate::evidence;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::client::retry::RetryPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use tower::BoxError;
use tower::retry::{Policy, RetryLayer};
use tower::util::MapRequestLayer;

/// The longest that one request waits in all for a server that has no time.
const PATIENCE: Duration = Duration::from_secs(8);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const MOST: u32 = 10;

/// Counts for one cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicI64,
    retried: AtomicI64,
    answered: AtomicBool,
    patience: Duration,
}

impl Requests {
    pub(super) fn waiting(longest: Duration) -> Self {
        Requests(Arc::new(Counts {
            patience: longest.min(PATIENCE),
            ..Counts::default()
        }))
    }

    pub(super) fn counted(&self) -> evidence::Requests {
        evidence::Requests {
            sent: self.0.sent.load(Ordering::Relaxed),
            retried: self.0.retried.load(Ordering::Relaxed),
        }
    }

    /// Counts what is sent, each time.
    pub(super) fn counter(
        &self,
    ) -> MapRequestLayer<impl Fn(Request<Body>) -> Request<Body> + Clone + use<>> {
        let counts = self.0.clone();
        MapRequestLayer::new(move |request| {
            counts.sent.fetch_add(1, Ordering::Relaxed);
            request
        })
    }

    pub(super) fn patience(&self) -> RetryLayer<Patience> {
        RetryLayer::new(Patience {
            // Refused only where the first pause is longer than the longest.
            policy: RetryPolicy::new(FIRST_PAUSE, LONGEST_PAUSE, MOST, true).ok(),
            ends: None,
            requests: self.clone(),
        })
    }
}

/// The client library's own policy, for a while.
#[derive(Clone)]
pub(super) struct Patience {
    policy: Option<RetryPolicy>,
    ends: Option<Instant>,
    requests: Requests,
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for Patience {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<B>, BoxError>,
    ) -> Option<Sleep> {
        let counts = &self.requests.0;
        let policy = self.policy.as_mut()?;
        let pause = match result {
            Ok(_) => {
                counts.answered.store(true, Ordering::Relaxed);
                policy.retry(request, result)?
            }
            // It answered before: perhaps it restarts. One that never did has a wrong address.
            Err(_) if counts.answered.load(Ordering::Relaxed) => {
                let mut gone = Response::new(());
                *gone.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                policy.retry(request, &mut Ok(gone))?
            }
            Err(_) => return None,
        };
        // A server that asks for more (`Retry-After`) is not asked again before.
        if self.ends.is_some_and(|ends| pause.deadline() > ends) {
            return None;
        }
        counts.retried.fetch_add(1, Ordering::Relaxed);
        Some(pause)
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let patience = self.requests.0.patience;
        self.ends.get_or_insert_with(|| Instant::now() + patience);
        let policy = self.policy.as_mut()?;
        Policy::<_, Response<B>, _>::clone_request(policy, request)
    }
}
