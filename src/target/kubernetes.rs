//! Runners in a Kubernetes cluster: finds them, executes the walk, reads what the API tells.

use super::walk::{client_limit, walk_runner};
use super::{Exec, Limits, Place, Progress, Selection, nodes};
use crate::discover;
use crate::evidence::{
    Cluster as ClusterFacts, Evidence, Observation, Observed, Runner, Unobserved, Why,
};
use crate::probe::{STREAM_BYTES, Walk};
use anyhow::{Context, Result, anyhow, bail};
use futures::{StreamExt, stream};
use http::header::{HeaderValue, USER_AGENT};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, ListParams};
use kube::client::UpgradeConnectionError;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PAGE: u32 = 500;
const PIPE_BYTES: usize = 64 << 10;

/// A cluster that answers.
pub struct Cluster {
    pub(super) client: Client,
    namespace: String,
}

/// A pod that is a runner, and what the walk must know beside it.
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
        selection: &Selection,
        limits: Limits,
        enter_nodes: bool,
        progress: &impl Progress,
        stop: impl Future<Output = String>,
    ) -> Result<Evidence> {
        let version = self
            .client
            .apiserver_version()
            .await
            .map_err(|error| unreachable(&error))?;
        let found = self.find(selection).await?;
        progress.found(found.len());
        let names: BTreeSet<String> = found.iter().filter_map(|f| f.runner.node.clone()).collect();
        let mut runners: Vec<Runner> = found.iter().map(|f| f.runner.clone()).collect();
        let walks = stream::iter(found.into_iter().enumerate()).map(|(at, found)| async move {
            (
                at,
                walk_runner(self, found.runner, found.scope.as_deref(), limits).await,
            )
        });
        let mut walks = walks.buffer_unordered(limits.concurrency);
        let mut facts: Option<nodes::Nodes> = None;
        let mut incomplete = None;
        {
            let mut of_nodes = std::pin::pin!(nodes::examine(
                self,
                names.into_iter().collect(),
                enter_nodes,
                limits
            ));
            let mut stop = std::pin::pin!(stop);
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

    async fn find(&self, selection: &Selection) -> Result<Vec<Found>> {
        let namespace = selection.namespace.as_deref().unwrap_or(&self.namespace);
        if !selection.pods.is_empty() {
            return self.named(&selection.pods, namespace).await;
        }
        let (api, place) = match selection.all_namespaces {
            true => (Api::all(self.client.clone()), "any namespace".to_owned()),
            false => (
                Api::namespaced(self.client.clone(), namespace),
                format!("namespace {namespace}"),
            ),
        };
        let pods = self.list(&api, selection.labels.as_deref()).await.map_err(|error| match forbidden(&error) {
            true => anyhow!("may not list pods in {place}: grant `list` on pods there, or name the pods to examine"),
            false => unreachable(&error),
        })?;
        let found = runners(&pods);
        if found.is_empty() && !selection.all_namespaces && selection.labels.is_none() {
            self.say_where(namespace).await?;
        }
        Ok(found)
    }

    async fn named(&self, names: &[String], namespace: &str) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for name in names {
            let name = name
                .strip_prefix("pod/")
                .or(name.strip_prefix("pods/"))
                .unwrap_or(name);
            let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
            let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            let pod = api.get(name).await.map_err(|error| match &error {
                kube::Error::Api(status) if status.code == 404 => {
                    anyhow!("there is no pod {name} in namespace {namespace}: choose the namespace with -n, or look with `kubectl get pods -A`")
                }
                error if forbidden(error) => {
                    anyhow!("may not read pod {namespace}/{name}: grant `get` on pods in {namespace}")
                }
                error => unreachable(error),
            })?;
            found.extend(discover::runner(&pod, true).map(|runner| Found {
                runner,
                scope: discover::process_scope(&pod),
            }));
        }
        Ok(found)
    }

    async fn list(&self, api: &Api<Pod>, labels: Option<&str>) -> Result<Vec<Pod>, kube::Error> {
        let mut wanted = ListParams::default().limit(PAGE);
        wanted.label_selector = labels.map(str::to_owned);
        let mut pods = Vec::new();
        loop {
            let page = api.list(&wanted).await?;
            pods.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => wanted.continue_token = Some(token),
                None => return Ok(pods),
            }
        }
    }

    /// No runner here: says where there are some, as far as that may be seen.
    async fn say_where(&self, namespace: &str) -> Result<()> {
        let Ok(pods) = self.list(&Api::all(self.client.clone()), None).await else {
            return Ok(());
        };
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for found in runners(&pods) {
            *places.entry(found.runner.namespace).or_default() += 1;
        }
        if places.is_empty() {
            return Ok(());
        }
        let places: Vec<String> = places
            .iter()
            .map(|(name, count)| format!("-n {name} has {count}"))
            .collect();
        bail!(
            "no runner in namespace {namespace}, but elsewhere: {}; or examine all with -A",
            places.join(", ")
        )
    }
}

fn runners(pods: &[Pod]) -> Vec<Found> {
    let alive = pods.iter().filter(|pod| !discover::is_over(pod));
    alive
        .filter_map(|pod| {
            Some(Found {
                runner: discover::runner(pod, false)?,
                scope: discover::process_scope(pod),
            })
        })
        .collect()
}

impl Exec for Cluster {
    async fn exec(
        &self,
        place: &Place,
        walk: &Walk,
        limit: Duration,
    ) -> Result<Vec<u8>, Unobserved> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let params = AttachParams::default()
            .container(&place.container)
            .stdin(true)
            .stderr(true)
            .max_stdin_buf_size(PIPE_BYTES)
            .max_stdout_buf_size(PIPE_BYTES);
        let connecting = api.exec(&place.pod, walk.command(), &params);
        let limit = client_limit(limit);
        let ends = tokio::time::Instant::now() + limit;
        let mut process = match tokio::time::timeout_at(ends, connecting).await {
            Ok(process) => process.map_err(|error| exec_reason(&error, place))?,
            Err(_) => return Err(late(place, limit)),
        };
        let status = process.take_status();
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (process.stdin(), process.stdout(), process.stderr())
        else {
            return Err(Unobserved::new(
                Why::Unreadable,
                "the connection to the container has no streams",
            ));
        };
        let mut printed = Vec::new();
        let mut complained = Vec::new();
        // The streams are drained while the script is sent; standard input stays open, for its end
        // tells the walk that nobody listens any more.
        let talk = async {
            let (mut stdout, mut stderr) = (
                stdout.take(STREAM_BYTES as u64),
                stderr.take(PIPE_BYTES as u64),
            );
            let send = stdin.write_all(walk.script.as_bytes());
            let (sent, read, _) = tokio::join!(
                send,
                stdout.read_to_end(&mut printed),
                stderr.read_to_end(&mut complained)
            );
            let status = match status {
                Some(status) => status.await,
                None => None,
            };
            (sent.is_ok() && read.is_ok(), status)
        };
        let ended = tokio::time::timeout_at(ends, talk).await;
        drop(stdin);
        match ended {
            // What came before the end still counts.
            Err(_) if printed.is_empty() => Err(late(place, limit)),
            Err(_) => Ok(printed),
            Ok((_, Some(status))) if printed.is_empty() => {
                let said = status.message.unwrap_or_default();
                Err(no_output(
                    place,
                    &format!("{said} {}", String::from_utf8_lossy(&complained)),
                ))
            }
            Ok(_) if printed.is_empty() => {
                Err(no_output(place, &String::from_utf8_lossy(&complained)))
            }
            Ok(_) => Ok(printed),
        }
    }
}

fn late(place: &Place, limit: Duration) -> Unobserved {
    let Place { container, .. } = place;
    let seconds = limit.as_secs();
    Unobserved::new(
        Why::TimedOut,
        format!(
            "container {container} did not answer an exec within {seconds} s: raise --timeout, or look at the node's kubelet"
        ),
    )
}

fn no_output(place: &Place, said: &str) -> Unobserved {
    let said = crate::probe::text::plain(said);
    let Place { container, .. } = place;
    let no_shell = said.contains("executable file not found") || said.contains("no such file");
    match no_shell {
        true => Unobserved::new(
            Why::Missing,
            format!("container {container} has no shell to walk with"),
        ),
        false => Unobserved::new(
            Why::Unreadable,
            format!("the walk printed nothing in container {container}: {said}"),
        ),
    }
}

fn exec_reason(error: &kube::Error, place: &Place) -> Unobserved {
    let Place {
        namespace,
        pod,
        container,
    } = place;
    match (forbidden(error), code(error)) {
        (true, _) => Unobserved::new(
            Why::Forbidden,
            format!(
                "may not exec into pods of namespace {namespace}: grant `get` and `create` on pods/exec there"
            ),
        ),
        (_, Some(404)) => Unobserved::new(
            Why::NotRunning,
            format!("pod {pod} or its container {container} is gone"),
        ),
        _ => Unobserved::new(
            Why::Unreadable,
            format!("exec into container {container} failed: {}", chain(error)),
        ),
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
