//! Stops a run early: what the walks have printed by then still counts.

use crate::evidence::Reason;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long to read the output of a walk that is stopped.
const GRACE: Duration = Duration::from_millis(500);

/// The stop signal for all walks of a run.
#[derive(Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Runs `work` until a signal gives a reason to stop; walks are then notified, and their output so
    /// far is awaited. Returns the result, and why it is partial.
    pub async fn unless<T>(
        &self,
        signal: impl Future<Output = String>,
        work: impl Future<Output = T>,
    ) -> (Option<T>, Option<String>) {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => (Some(done), None),
            why = signal => {
                self.0.send_replace(true);
                (timeout(GRACE, work).await.ok(), Some(why))
            }
        }
    }

    /// Waits for the stop signal.
    pub async fn told(&self) {
        let mut stop = self.0.subscribe();
        // The caller holds the sender, so it cannot be dropped.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// The reason for everything that a stopped run did not reach.
pub fn unreached() -> Reason {
    Reason::RunEnded
}
