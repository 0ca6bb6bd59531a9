//! Connects to a cluster as kubectl does: same kubeconfig, context, namespace and proxy.

use super::Cluster;
use super::requests::Requests;
use crate::collect::Stop;
use anyhow::{Context, Result, anyhow};
use http::Uri;
use http::header::{HeaderValue, USER_AGENT};
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::{AuthError, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tower::buffer::BufferLayer;

/// Queued requests: as many as the client itself buffers.
const QUEUE: usize = 1024;
const CONNECT: Duration = Duration::from_secs(10);

/// How long to wait for external systems.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// A credential plugin; it may prompt the user.
    pub credentials: Duration,
    /// An overloaded API server.
    pub busy: Duration,
}

impl Waits {
    /// Limits each wait to the limit of the whole run.
    pub fn within(limit: Duration) -> Self {
        Waits {
            credentials: limit,
            busy: limit,
        }
    }
}

impl Cluster {
    /// Inside a cluster, connects to that cluster.
    pub async fn connect(
        context: Option<&str>,
        kubeconfig: Option<&Path>,
        waits: Waits,
    ) -> Result<Self> {
        let mut config = read(context, kubeconfig).await?;
        // A walk may be silent while a daemon hangs; it has its own limits.
        config.read_timeout = None;
        // An endpoint that accepts the connection but never responds may not be an API server.
        config.connect_timeout = Some(CONNECT);
        // Our own retries are bounded and counted.
        config.default_retry = false;
        if is_reached_directly(&config) {
            config.proxy_url = None;
        }
        // Identifies runner-doctor in audit logs.
        let agent = HeaderValue::from_static(concat!("runner-doctor/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let namespace = config.default_namespace.clone();
        let requests = Requests::waiting(waits.busy);
        let exec = config.auth_info.exec.as_ref();
        let plugin = exec.and_then(|exec| exec.command.clone());
        let client = build(config, requests.clone(), plugin, waits.credentials).await?;
        Ok(Cluster {
            stop: Stop::default(),
            client,
            namespace,
            requests,
        })
    }
}

async fn read(context: Option<&str>, kubeconfig: Option<&Path>) -> Result<Config> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let config = match kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file).with_context(|| {
                format!(
                    "cannot read the kubeconfig {}: name another file with --kubeconfig",
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
    config.context(
        "cannot find a cluster to examine: set KUBECONFIG, or name one with --kubeconfig and --context; to see an example without a cluster, run `runner-doctor check --demo`",
    )
}

/// The client library matches NO_PROXY against the proxy's address instead of the cluster's. As in
/// kubectl, localhost needs no proxy. A kubeconfig's own `proxy-url` always applies.
fn is_reached_directly(config: &Config) -> bool {
    let environment = ["HTTPS_PROXY", "https_proxy"].map(|name| std::env::var(name).ok());
    let told = environment.into_iter().flatten().find(|v| !v.is_empty());
    let told = told.and_then(|told| told.parse::<Uri>().ok());
    told.is_some()
        && told == config.proxy_url
        && (is_here(&config.cluster_url) || is_excepted(&config.cluster_url))
}

/// Whether NO_PROXY matches the cluster.
fn is_excepted(cluster: &Uri) -> bool {
    let authority = cluster.authority().map_or("", |a| a.as_str());
    let asked = format!("https://{authority}").parse::<Uri>();
    asked.is_ok_and(|asked| Matcher::from_env().intercept(&asked).is_none())
}

fn is_here(cluster: &Uri) -> bool {
    let host = cluster.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = address.parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Runs the credential plugin on its own thread, so that a password prompt blocks neither a timeout nor
/// an interrupt.
async fn build(
    config: Config,
    requests: Requests,
    plugin: Option<String>,
    limit: Duration,
) -> Result<Client> {
    let building = tokio::task::spawn_blocking(move || {
        ClientBuilder::try_from(config).map(|client| {
            client
                .with_layer(&requests.counter())
                .with_layer(&BufferLayer::new(QUEUE))
                .with_layer(&requests.patience())
                .build()
        })
    });
    let waiting = Waiting;
    let built = tokio::time::timeout(limit, building).await;
    if built.is_ok() {
        std::mem::forget(waiting);
    }
    let built = built.map_err(|_| {
        anyhow!(
            "{} of the kubeconfig timed out after {} s: run it manually, or log in first",
            named(plugin.as_deref()),
            limit.as_secs()
        )
    })?;
    match built.context("cannot start: a client thread failed")? {
        Ok(client) => Ok(client),
        Err(kube::Error::Auth(error)) => Err(no_credentials(error, plugin.as_deref())),
        Err(error) => Err(anyhow::Error::from(error)
            .context("cannot use this kubeconfig: check its certificates and its proxy")),
    }
}

/// While this exists, the process's only child is the credential plugin. An abandoned plugin would keep
/// prompting.
struct Waiting;

impl Drop for Waiting {
    fn drop(&mut self) {
        let threads = std::fs::read_dir("/proc/self/task");
        for thread in threads.into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(thread.path().join("children"));
            for child in children.unwrap_or_default().split_whitespace() {
                // If this fails, the plugin is left running.
                let _ = Command::new("kill").arg(child).status();
            }
        }
    }
}

fn named(plugin: Option<&str>) -> String {
    let name = plugin.map(crate::text::plain::plain);
    name.map_or("the credentials".to_owned(), |name| {
        format!("the credential plugin {name}")
    })
}

/// A plugin's input and output may be secret; its error message is not.
fn no_credentials(error: AuthError, plugin: Option<&str>) -> anyhow::Error {
    let who = named(plugin);
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().rev().find(|line| !line.trim().is_empty());
            let said = said.map_or(String::new(), |line| {
                format!(" and printed: {}", crate::text::plain::plain(line))
            });
            anyhow!(
                "{who} of the kubeconfig exited with {}{said}; run it manually, log in again, or choose another --context",
                out.status
            )
        }
        AuthError::AuthExecParse(_) => anyhow!(
            "{who} of the kubeconfig printed no credentials: run it manually, log in again, or choose another --context"
        ),
        error => anyhow::Error::from(error).context(format!(
            "cannot use {who} of the kubeconfig: install the plugin, log in again, or choose another --context"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn a_cluster_on_this_machine_needs_no_proxy() {
        for (url, here) in [
            ("https://127.0.0.1:6443", true),
            ("https://[::1]:6443", true),
            ("https://localhost:6443", true),
            ("https://10.0.0.1:6443", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_here(&url.parse().unwrap()), here, "{url}");
        }
    }
}
