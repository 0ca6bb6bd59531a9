//! The end of a run before its time: what walks have told by then still counts.

use crate::evidence::{Unobserved, Why};
use std::time::Duration;
use tokio::sync::watch;

/// What a walk that ends now may take to be read.
pub const GRACE: Duration = Duration::from_millis(500);

/// Told to every walk of a run.
#[derive(Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is told.
    pub async fn told(&self) {
        let mut stop = self.0.subscribe();
        // Whoever asks holds the sender, so it cannot have gone.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Why there is nothing of what a run did not come to.
pub fn unreached() -> Unobserved {
    Unobserved::new(Why::TimedOut, "the run ended before it")
}
