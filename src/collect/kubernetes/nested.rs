//! Waits for a step that starts an engine inside a runner's, and catches it while it runs.

use super::{Cluster, Found};
use crate::collect::runner::walk_runner;
use crate::collect::{Limits, Selection};
use crate::evidence::{Runner, Why};
use anyhow::Result;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, interval, sleep};

/// Runners come with their step and go with it.
const LOOK_FOR_NEW: Duration = Duration::from_secs(2);
/// A walk that ended without an engine is not begun anew at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How often an engine that does not answer yet is asked again.
const TRIES: usize = 10;

/// The first of the selected runners in which an engine runs inside another one; none where the
/// time passed.
pub(super) async fn catch(
    cluster: &Cluster,
    selection: &Selection,
    limits: &Limits,
    wait: Duration,
) -> Result<Option<Runner>> {
    let ends = Instant::now() + wait;
    let mut waiting = FuturesUnordered::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut look = interval(LOOK_FOR_NEW);
    loop {
        tokio::select! {
            _ = tokio::time::sleep_until(ends) => return Ok(None),
            _ = look.tick() => {
                for found in cluster.find(selection).await?.found {
                    if known.insert(found.runner.full_name()) {
                        waiting.push(wait_in(cluster, found, limits, ends));
                    }
                }
            }
            Some((name, caught)) = waiting.next() => match caught {
                Some(runner) => return Ok(Some(runner)),
                // It ended, or could not be entered: perhaps the next look finds it again.
                None => {
                    known.remove(&name);
                }
            }
        }
    }
}

/// One walk that waits in the runner itself.
async fn wait_in(
    cluster: &Cluster,
    found: Found,
    limits: &Limits,
    ends: Instant,
) -> (String, Option<Runner>) {
    let mode = found.mode();
    let name = found.runner.full_name();
    let mut orders = limits.orders();
    orders.await_nested = Some(ends.saturating_duration_since(Instant::now()));
    let mut runner = found.runner;
    for _ in 0..TRIES {
        let walked = walk_runner(cluster, runner, &mode, &orders, limits.max_depth).await;
        match answers(&walked) {
            Some(true) => return (name, Some(walked)),
            // It is still starting.
            Some(false) => runner = walked,
            None => {
                sleep(PAUSE).await;
                return (name, None);
            }
        }
        orders.await_nested = None;
        sleep(PAUSE).await;
    }
    (name, Some(runner))
}

/// Whether the nested engines answer; nothing where there is none.
fn answers(runner: &Runner) -> Option<bool> {
    let engines = runner.engines.seen().iter();
    let mut nested = engines.filter(|engine| engine.depth() > 0).peekable();
    nested.peek()?;
    Some(nested.all(|engine| {
        let reason = engine.api.reason();
        reason.is_none_or(|reason| reason.why() != Why::NotRunning)
    }))
}
