//! Runners in a Kubernetes cluster: finds them, executes the walk, reads what the API tells.

mod clock;
mod exec;
mod find;
mod logs;
mod lost;
mod nested;

use super::walk::walk_runner;
use super::{Limits, Progress, Selection, nodes};
use crate::discover;
use crate::evidence::{
    Cluster as ClusterFacts, Evidence, Observation, Observed, Runner, Unobserved, Why,
};
use crate::probe::Mode;
use crate::symptoms::Symptoms;
use anyhow::{Context, Result, anyhow};
use futures::{StreamExt, stream};
use http::header::{HeaderValue, USER_AGENT};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::client::UpgradeConnectionError;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// A cluster that answers.
pub struct Cluster {
    pub(super) client: Client,
    namespace: String,
}

/// What is asked of a cluster.
pub struct Order<'a> {
    pub selection: &'a Selection,
    /// Execute in an agent on each node as well.
    pub enter_nodes: bool,
    /// Wait so long for a step that starts an engine inside a runner's.
    pub await_nested: Option<Duration>,
    /// The errors to look for in logs.
    pub symptoms: &'a Symptoms,
}

/// A pod that is a runner, and what the walk must know beside it.
#[derive(Clone)]
struct Found {
    runner: Runner,
    scope: Option<String>,
}

impl Cluster {
    /// kubectl's habits: the same file, context and namespace; inside a cluster, that one.
    pub async fn connect(context: Option<&str>, kubeconfig: Option<&Path>) -> Result<Self> {
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..KubeConfigOptions::default()
        };
        let config = match kubeconfig {
            Some(file) => {
                let read = Kubeconfig::read_from(file).with_context(|| {
                    format!(
                        "cannot read the kubeconfig {}: name another with --kubeconfig",
                        file.display()
                    )
                })?;
                Config::from_custom_kubeconfig(read, &options)
                    .await
                    .map_err(anyhow::Error::from)
            }
            None if context.is_some() => Config::from_kubeconfig(&options)
                .await
                .map_err(anyhow::Error::from),
            None => Config::infer().await.map_err(anyhow::Error::from),
        };
        let mut config = config.context(
            "cannot find a cluster to examine: set KUBECONFIG, or name one with --kubeconfig and --context; to see an example without a cluster, run `runner-doctor check --demo`",
        )?;
        // A walk may be silent for as long as a daemon hangs; its own limits bound it.
        config.read_timeout = None;
        // So that an audit log tells who asked.
        let agent = HeaderValue::from_static(concat!("runner-doctor/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config)
            .context("cannot use this kubeconfig: check its certificates and its proxy")?;
        Ok(Cluster { client, namespace })
    }

    /// Everything there is to see of the selected runners.
    pub async fn collect(
        &self,
        order: &Order<'_>,
        limits: &Limits,
        progress: &impl Progress,
        stop: impl Future<Output = String>,
    ) -> Result<Evidence> {
        let (version, clock_ahead) = clock::version(&self.client)
            .await
            .map_err(|error| unreachable(&error))?;
        let mut stop = std::pin::pin!(stop);
        let caught = match order.await_nested {
            Some(wait) => {
                progress.waits();
                tokio::select! {
                    caught = nested::catch(self, order.selection, limits, wait) => caught?,
                    _ = &mut stop => None,
                }
            }
            None => None,
        };
        let found = self.find(order.selection).await?;
        progress.found(found.len());
        let names: BTreeSet<String> = found.iter().filter_map(|f| f.runner.node.clone()).collect();
        let mut runners: Vec<Runner> = found.iter().map(|f| f.runner.clone()).collect();
        let walks = stream::iter(found.into_iter().enumerate()).map(|(at, found)| {
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
        let mut walks = walks.buffer_unordered(limits.concurrency);
        let mut facts: Option<nodes::Nodes> = None;
        let mut incomplete = None;
        {
            let mut of_nodes = std::pin::pin!(nodes::examine(
                self,
                names.into_iter().collect(),
                order.enter_nodes,
                limits
            ));
            let mut walking = true;
            while walking || facts.is_none() {
                tokio::select! {
                    walked = walks.next(), if walking => match walked {
                        Some((at, runner)) => {
                            progress.examined(&runner.full_name());
                            runners[at] = runner;
                        }
                        None => walking = false,
                    },
                    read = &mut of_nodes, if facts.is_none() => facts = Some(read),
                    why = &mut stop => {
                        incomplete = Some(why);
                        break;
                    }
                }
            }
        }
        // A runner that ended since it was caught is no longer listed.
        let known = |runner: &Runner| runners.iter().any(|r| r.full_name() == runner.full_name());
        let gone = caught.as_ref().filter(|caught| !known(caught)).cloned();
        runners.extend(gone);
        for runner in &mut runners {
            runner.standing.tell_clock_by(clock_ahead);
        }
        let (nodes, cni) = match facts {
            Some(facts) => (facts.nodes, facts.cni),
            None => (
                Vec::new(),
                Observation::unseen(Why::TimedOut, "the run ended before it"),
            ),
        };
        let mut evidence = Evidence::new(Observed(ClusterFacts {
            server_version: version.git_version,
            cni,
        }));
        evidence.nodes = nodes;
        evidence.runners = runners;
        evidence.incomplete = incomplete;
        Ok(evidence)
    }

    async fn walk(&self, found: Found, limits: &Limits) -> Runner {
        let mode = found.mode();
        let orders = limits.orders();
        let walked = walk_runner(self, found.runner, &mode, &orders, limits.max_depth).await;
        match walked.engines.reason().map(|reason| reason.why) {
            // Its container may have ended between the list and the exec.
            Some(Why::Unreadable | Why::NotRunning) => self.look_again(walked).await,
            _ => walked,
        }
    }

    /// The containers of a pod that could not be entered, as they are by now.
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

impl Found {
    fn mode(&self) -> Mode {
        let uid = self.scope.clone();
        uid.map_or(Mode::Pod, Mode::PodOnNode)
    }
}

/// Why something could not be read, and what to grant where that is the cause.
pub(super) fn reason(error: &kube::Error, doing: &str, grant: &str) -> Unobserved {
    match forbidden(error) {
        true => Unobserved::new(
            Why::Forbidden,
            format!("{doing} is forbidden: grant {grant}"),
        ),
        false => Unobserved::new(Why::Unreadable, format!("{doing} failed: {}", chain(error))),
    }
}

pub(super) fn forbidden(error: &kube::Error) -> bool {
    code(error) == Some(403)
}

pub(super) fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            Some(code.as_u16())
        }
        _ => None,
    }
}

pub(super) fn unreachable(error: &kube::Error) -> anyhow::Error {
    match code(error) {
        Some(401) => anyhow!(
            "the cluster does not accept these credentials: log in again, or choose another --context"
        ),
        Some(403) => anyhow!("the cluster refuses this identity: {}", chain(error)),
        _ => anyhow!(
            "cannot reach the cluster: {}; check `kubectl version` with the same --kubeconfig and --context",
            chain(error)
        ),
    }
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    crate::probe::text::plain(&text)
}

#[cfg(test)]
mod tests;
