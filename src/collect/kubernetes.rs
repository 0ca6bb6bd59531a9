//! Runners in a Kubernetes cluster: finds them, executes the walk and reads the API.

mod agents;
mod clock;
pub(super) mod cni;
mod connect;
pub(super) mod error;
mod events;
mod exec;
mod find;
mod follow;
mod logs;
mod lost;
mod nested;
mod nodes;
mod requests;

use super::runner::walk_runner;
use super::stop::{Stop, unreached};
use super::{Limits, Progress, Selection};
use crate::collect::discover;
use crate::collect::walk::Mode;
use crate::evidence::{
    Cluster as ClusterFacts, Evidence, Observation, Observed, Reason, Runner, Unseen, Why,
};
use crate::symptoms::Symptoms;
use anyhow::Result;
pub use connect::Waits;
pub use follow::{Change, Followed, Surroundings};
use futures::future::{join, ready};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::Api;
use requests::Requests;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

/// A reachable cluster.
pub struct Cluster {
    pub(super) client: Client,
    namespace: String,
    requests: Requests,
    stop: Stop,
}

/// What to collect from a cluster.
pub struct Order<'a> {
    pub selection: &'a Selection,
    /// Also execute in an agent on each node.
    pub enter_nodes: bool,
    /// How long to wait for a step that starts an engine inside a runner's.
    pub await_nested: Option<Duration>,
    /// The errors to look for in logs.
    pub symptoms: &'a Symptoms,
}

/// A runner pod, and what the walk must know about it.
#[derive(Clone)]
struct Found {
    runner: Runner,
    scope: Option<String>,
}

impl Cluster {
    /// Collects all that is visible of the selected runners, or what is known when the run is stopped.
    pub async fn collect(
        &self,
        order: &Order<'_>,
        limits: &Limits,
        progress: &impl Progress,
        stop: impl Future<Output = String>,
    ) -> Result<Evidence> {
        let mut stop = std::pin::pin!(stop);
        let mut evidence = tokio::select! {
            start = self.start(order, limits, progress) => {
                self.examine(start?, order, limits, progress, stop).await
            }
            why = &mut stop => cut_short(why),
        };
        evidence.requests = Some(self.requests.counted());
        Ok(evidence)
    }

    /// Collects what a report needs at minimum.
    async fn start(
        &self,
        order: &Order<'_>,
        limits: &Limits,
        progress: &impl Progress,
    ) -> Result<Start> {
        let (version, clock_ahead) = clock::version(&self.client)
            .await
            .map_err(|error| error::unreachable(&error))?;
        let caught = match order.await_nested {
            Some(wait) => {
                progress.waits();
                nested::catch(self, order.selection, limits, wait).await?
            }
            None => None,
        };
        let listed = self.find(order.selection).await?;
        Ok(Start {
            server_version: version.git_version,
            clock_ahead,
            caught,
            found: listed.found,
            jobs: listed.jobs,
        })
    }

    async fn examine(
        &self,
        start: Start,
        order: &Order<'_>,
        limits: &Limits,
        progress: &impl Progress,
        stop: Pin<&mut impl Future<Output = String>>,
    ) -> Evidence {
        let Start {
            server_version,
            clock_ahead,
            caught,
            found,
            jobs,
        } = start;
        progress.found(found.len());
        let names: BTreeSet<String> = found.iter().filter_map(|f| f.runner.node.clone()).collect();
        let mut runners: Vec<Runner> = found.iter().map(|f| f.runner.clone()).collect();
        let found = stream::iter(found.into_iter().enumerate());
        let walks = found.take_until(self.stop.told()).map(|(at, found)| {
            let caught = caught.as_ref().filter(|c| c.pod == found.runner.pod);
            async move {
                let walked = async {
                    match caught {
                        Some(caught) => caught.clone(),
                        None => self.walk(found.clone(), limits).await,
                    }
                };
                let logs = self.logs(&found.runner, order.symptoms, limits.timeout);
                let (mut runner, logs) = futures::join!(walked, logs);
                runner.add_logs(logs);
                (at, runner)
            }
        });
        let walks = walks
            .buffer_unordered(limits.concurrency)
            .for_each(|(at, runner)| {
                progress.examined(&runner.full_name());
                runners[at] = runner;
                ready(())
            });
        let mut facts = None;
        let of_nodes = async {
            let names = names.into_iter().collect();
            facts = Some(nodes::examine(self, names, order.enter_nodes, limits).await);
        };
        let (_, incomplete) = self.stop.unless(stop, join(walks, of_nodes)).await;
        // A runner that ended since it was caught is no longer listed.
        let known = |runner: &Runner| runners.iter().any(|r| r.full_name() == runner.full_name());
        let gone = caught.as_ref().filter(|caught| !known(caught)).cloned();
        runners.extend(gone);
        for runner in &mut runners {
            runner.standing.tell_clock_by(clock_ahead);
        }
        let (mut nodes, cni) = match facts {
            Some(facts) => (facts.nodes, facts.cni),
            None => (Vec::new(), Unseen(unreached())),
        };
        let mut evidence = Evidence::new(Observed(ClusterFacts {
            server_version,
            cni,
        }));
        nodes::keep_narrow_ends(&mut nodes, &runners);
        evidence.nodes = nodes;
        evidence.runners = runners;
        evidence.incomplete = incomplete;
        evidence.jobs_given_up = jobs;
        evidence
    }

    async fn walk(&self, found: Found, limits: &Limits) -> Runner {
        let mode = found.mode();
        let orders = limits.orders();
        let walked = walk_runner(self, found.runner, &mode, &orders, limits.max_depth).await;
        let mut walked = match walked.engines.reason().map(Reason::why) {
            // The container may have ended between the list and the exec.
            Some(Why::Unreadable | Why::NotRunning) => self.look_again(walked).await,
            _ => walked,
        };
        walked.standing.not_started = self.not_started(&walked, limits.timeout).await;
        walked
    }

    /// Refreshes the containers of a pod that could not be entered.
    async fn look_again(&self, mut runner: Runner) -> Runner {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &runner.namespace);
        let Ok(pod) = api.get(&runner.pod).await else {
            return runner;
        };
        if let Some(now) = discover::runner(&pod, true) {
            runner.phase = now.phase;
            runner.containers = now.containers;
        }
        runner
    }
}

/// The initial state of an examination.
struct Start {
    server_version: String,
    clock_ahead: Option<i64>,
    caught: Option<Runner>,
    found: Vec<Found>,
    jobs: Option<Observation<i64>>,
}

/// The evidence of a run that was stopped before it found a runner.
pub fn cut_short(why: String) -> Evidence {
    let mut evidence = Evidence::new(Unseen(Reason::ClusterSilent));
    evidence.incomplete = Some(why);
    evidence
}

impl Found {
    fn mode(&self) -> Mode {
        let uid = self.scope.clone();
        uid.map_or(Mode::Pod, Mode::PodOnNode)
    }
}

#[cfg(test)]
mod tests;
