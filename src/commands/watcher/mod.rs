//! `watcher`: examines runners as they start and end, keeps the last recording of failed ones, and
//! serves these recordings and Prometheus metrics.

mod fleet;
mod metrics;
mod recording;
mod ring;
mod server;
#[cfg(test)]
mod tests;

use super::source::{interrupt, selection};
use super::{Exit, library, tell};
use crate::checks::{Library, judge};
use crate::cli;
use crate::collect::kubernetes::{Change, Cluster, Followed, Surroundings, Waits};
use crate::collect::{Limits, Selection};
use crate::config::{self, Config};
use crate::diagnosis::{Diagnosis, Severity};
use crate::evidence::{Evidence, Reason, Runner};
use crate::report::RunnerMetrics;
use crate::symptoms::Symptoms;
use anyhow::{Context, Result};
use fleet::{Fleet, Last, Task, What};
use jiff::Timestamp;
use recording::{Recording, runs, with_end};
use ring::{Kept, Ring};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::interval;

/// The time limit for the cluster's first response.
const CONNECT: Duration = Duration::from_secs(60);
/// Threads for judging and for HTTP responses; each costs some memory.
const THREADS: usize = 8;
/// The number of changes that may queue for the loop.
const CHANGES: usize = 64;

pub fn run(options: &cli::Watcher, settings: &Config) -> Result<Exit> {
    let library = library::chosen(&options.checks, settings)?;
    let limits = Limits {
        timeout: options.timeout,
        deadline: options.timeout,
        concurrency: options.concurrency,
        max_depth: options.max_depth,
        grace: options.startup_grace,
        confirm: None,
        sample: options.sample,
        probes: library.probes(options.checks.allow_probes)?,
    };
    let (target, selection) = (&options.target, selection(&options.target));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()
        .context("cannot start: failed to create threads")?;
    let worked = runtime.block_on(async {
        let waits = Waits::within(CONNECT);
        let (context, file) = (target.context.as_deref(), target.kubeconfig.as_deref());
        let cluster = tokio::select! {
            cluster = Cluster::connect(context, file, waits) => cluster?,
            () = interrupt() => return Ok(()),
        };
        let listener = listen(options.listen).await?;
        let watcher = Arc::new(Watcher {
            symptoms: library.symptoms(),
            library,
            settings: settings.clone(),
            limits,
            surroundings: Surroundings::new(!options.no_node_exec),
            fleet: Mutex::new(Fleet::new(
                Ring::new(options.keep, options.keep_bytes),
                options.interval,
            )),
            began: Instant::now(),
            cluster,
        });
        tell(&format!(
            "runner-doctor: listening on http://{}",
            listener.local_addr().unwrap_or(options.listen)
        ));
        let signal = async {
            interrupt().await;
            String::new()
        };
        let work = watcher.clone().work(&selection, listener);
        watcher.cluster.until(signal, work).await.unwrap_or(Ok(()))
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    worked.map(|()| Exit::Fine)
}

/// Falls back to all IPv4 addresses on a machine without IPv6.
async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let mut bound = TcpListener::bind(address).await;
    if bound.is_err() && address.ip().is_unspecified() {
        let all = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
        bound = TcpListener::bind(all).await;
    }
    bound.with_context(|| match address.port() {
        0..=1023 => format!("cannot listen on {address}: use --listen with a port above 1023"),
        _ => format!("cannot listen on {address}: name another address or port with --listen"),
    })
}

pub(super) struct Watcher {
    cluster: Cluster,
    library: Library,
    symptoms: Symptoms,
    settings: Config,
    limits: Limits,
    surroundings: Surroundings,
    fleet: Mutex<Fleet>,
    began: Instant,
}

impl Watcher {
    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until it is stopped, or fails if the first watch on pods fails.
    async fn work(self: Arc<Self>, selection: &Selection, listener: TcpListener) -> Result<()> {
        let (sender, changes) = mpsc::channel(CHANGES);
        tokio::select! {
            failed = self.cluster.follow(selection, &sender) => failed,
            () = self.clone().turn(changes) => Ok(()),
            () = server::serve(listener, self.clone()) => Ok(()),
        }
    }

    async fn turn(self: Arc<Self>, mut changes: mpsc::Receiver<Change>) {
        let mut tasks = JoinSet::new();
        let mut tick = interval(Duration::from_secs(1));
        loop {
            while tasks.len() < self.limits.concurrency
                && let Some(task) = self.fleet().next()
            {
                tasks.spawn(self.clone().perform(task));
            }
            tokio::select! {
                () = self.cluster.told_to_stop() => break,
                change = changes.recv() => match change {
                    Some(change) => self.fleet().apply(change),
                    None => break,
                },
                Some(_) = tasks.join_next() => {}
                _ = tick.tick() => {}
            }
            self.fleet().beat = Instant::now();
        }
        // Wait for walks to stop, so that none of their processes remain in a runner.
        while tasks.join_next().await.is_some() {}
    }

    async fn perform(self: Arc<Self>, task: Task) {
        // Freed on drop, so that a panic frees the task too.
        let _busy = Busy(&self, task.pod.uid.clone());
        match task.what {
            What::Examine => self.examine(task.pod, task.last.recording).await,
            What::Settle { is_gone } => self.settle(task, is_gone).await,
        }
    }

    async fn examine(self: &Arc<Self>, pod: Arc<Followed>, before: Option<Recording>) {
        let now = self
            .cluster
            .examine_one(&pod, &self.symptoms, &self.limits, &self.surroundings)
            .await;
        let this = self.clone();
        let judged = spawn_blocking(move || {
            let evidence = match (before, now.runners.first().is_some_and(runs)) {
                // Its engines have exited; their last known state is still useful.
                (Some(before), false) => after(Some(before), now),
                _ => now,
            };
            this.last(&evidence)
        });
        if let Ok(last) = judged.await {
            self.fleet().examined(&pod.uid, last);
        }
    }

    fn last(&self, evidence: &Evidence) -> Last {
        let runner = evidence.runners.first();
        let engines = runner.and_then(|runner| runner.engines.reason());
        let diagnosis = self.diagnose(evidence);
        Last {
            recording: Recording::new(evidence).ok(),
            examined_at: evidence.examined_at,
            metrics: RunnerMetrics::of(&diagnosis),
            errors: errors(&diagnosis),
            verdict: diagnosis.verdict,
            starting: matches!(engines, Some(Reason::StartingUp { .. })),
        }
    }

    fn diagnose(&self, evidence: &Evidence) -> Diagnosis {
        let judgement = judge(&self.library, evidence);
        let (findings, suppressed) = self.settings.suppress(judgement.findings, config::today());
        let fail_on = Some(Severity::Error);
        Diagnosis::new(evidence, findings, judgement.unknowns, fail_on).with_suppressed(suppressed)
    }

    /// Keeps the recording of a pod that has ended, if it ended badly.
    async fn settle(self: &Arc<Self>, task: Task, is_gone: bool) {
        let Task { pod, last, .. } = task;
        // The end of a deleted pod is no sign of failure: keep its last examination.
        let last = match pod.bad.is_empty() {
            true => last,
            false => self.last_with_end(&pod, last, is_gone).await,
        };
        let is_bad = !pod.bad.is_empty() || !last.errors.is_empty();
        let too_large = is_bad && last.recording.is_none();
        let kept = last.recording.filter(|_| is_bad).map(|recording| {
            let ended_at = Timestamp::now();
            let Runner {
                namespace,
                pod: name,
                node,
                ..
            } = pod.runner.clone();
            // Pod and namespace names contain no underscores.
            let time = ended_at.strftime("%Y%m%dT%H%M%SZ");
            Kept {
                name: format!("{namespace}_{name}_{time}.json"),
                namespace,
                pod: name,
                node,
                ended_at: Timestamp::from_second(ended_at.as_second()).unwrap_or(ended_at),
                examined_at: last.examined_at,
                ended_badly: pod.bad.clone(),
                errors: last.errors,
                verdict: last.verdict,
                bytes: recording.bytes,
                recording,
            }
        });
        let mut fleet = self.fleet();
        fleet.counts.not_kept += u64::from(too_large);
        fleet.settled(&pod.uid, kept);
    }

    /// The last examination, with how the pod ended after it.
    async fn last_with_end(self: &Arc<Self>, pod: &Followed, last: Last, is_gone: bool) -> Last {
        let mut runner = pod.runner.clone();
        if !is_gone {
            self.cluster
                .last_words(&mut runner, &self.symptoms, self.limits.timeout)
                .await;
        }
        let this = self.clone();
        let before = last.recording.clone();
        let judged = spawn_blocking(move || {
            let before = before.and_then(|before| before.evidence().ok());
            this.last(&with_end(before, runner))
        });
        judged.await.unwrap_or(last)
    }
}

/// The checks that found an error, deduplicated.
fn errors(diagnosis: &Diagnosis) -> Vec<String> {
    let errors = diagnosis.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let ids: BTreeSet<&String> = errors.map(|finding| &finding.check).collect();
    ids.into_iter().cloned().collect()
}

/// The previous recording, with the current state of the pod.
fn after(before: Option<Recording>, now: Evidence) -> Evidence {
    let before = before.and_then(|before| before.evidence().ok());
    match now.runners.first() {
        Some(runner) if before.is_some() => with_end(before, runner.clone()),
        _ => now,
    }
}

/// Marks a runner as busy while its task runs.
struct Busy<'a>(&'a Watcher, String);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fleet().free(&self.1);
    }
}
