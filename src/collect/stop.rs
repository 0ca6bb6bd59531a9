//! The end of a run before its time: what walks have told by then still counts.

use crate::evidence::Reason;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// What a walk that ends now may take to be read.
const GRACE: Duration = Duration::from_millis(500);

/// Told to every walk of a run.
#[derive(Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Works until a signal says why it must end; walks are told so, and what they have by then is
    /// waited for. What was done, and why it is not all.
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

    /// Waits until it is told.
    pub async fn told(&self) {
        let mut stop = self.0.subscribe();
        // Whoever asks holds the sender, so it cannot have gone.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Why there is nothing of what a run did not come to.
pub fn unreached() -> Reason {
    Reason::RunEnded
}
