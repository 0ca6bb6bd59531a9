//! Where the evidence comes from: a cluster, a recording, or a recording built in.

use super::progress;
use crate::cli::Source;
use crate::evidence::Evidence;
use crate::target::docker::Docker;
use crate::target::kubernetes::{Cluster, Order};
use crate::target::{Limits, Selection};
use anyhow::{Context, Result, anyhow, bail};
use include_dir::{Dir, include_dir};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

static RECORDINGS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/recordings/demo");

pub const INTERRUPTED: &str = "interrupted: this is what was known by then";

pub fn evidence(source: &Source) -> Result<Evidence> {
    if let Some(name) = &source.demo {
        return demo(name);
    }
    if let Some(file) = &source.evidence {
        return Evidence::parse(&read(file)?, &file.display().to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start: the system gives no threads")?;
    let start = Instant::now();
    let mut evidence = match &source.docker {
        Some(container) => Ok(runtime.block_on(from_docker(source, container.clone()))),
        None => runtime.block_on(from_cluster(source)),
    };
    if let Ok(evidence) = &mut evidence {
        evidence.took_ms = i64::try_from(start.elapsed().as_millis()).ok();
    }
    // Whatever still waits for a cluster that does not answer is left behind.
    runtime.shutdown_timeout(Duration::from_millis(200));
    evidence
}

fn demo(name: &str) -> Result<Evidence> {
    let file = RECORDINGS.get_file(format!("{name}.yaml"));
    let text = file.and_then(|file| file.contents_utf8()).ok_or_else(|| {
        let stems = RECORDINGS
            .files()
            .filter_map(|f| f.path().file_stem()?.to_str());
        let names: Vec<&str> = stems.collect();
        anyhow!(
            "there is no built-in recording {name:?}: choose one of {}",
            names.join(", ")
        )
    })?;
    Evidence::parse(text, name)
}

pub fn read(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read a recording from standard input: pipe one in, or name a file")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| {
        let file = file.display();
        format!("cannot read the recording {file}: write one with `runner-doctor collect --output-file {file}`")
    })
}

async fn from_docker(source: &Source, container: Option<String>) -> Evidence {
    let limits = limits(source);
    let stop = stop(limits.deadline);
    Docker { container }.collect(&limits, stop).await
}

async fn from_cluster(source: &Source) -> Result<Evidence> {
    let limits = limits(source);
    let selection = Selection {
        pods: source.pods.clone(),
        namespace: source.namespace.clone(),
        all_namespaces: source.all_namespaces,
        labels: source.labels.clone(),
    };
    let order = Order {
        selection: &selection,
        enter_nodes: !source.no_node_exec,
        await_nested: source.wait_nested,
    };
    let progress = progress::Line::start();
    let work = async {
        let cluster =
            Cluster::connect(source.context.as_deref(), source.kubeconfig.as_deref()).await?;
        let stop = stop(limits.deadline);
        cluster.collect(&order, &limits, &progress, stop).await
    };
    let evidence = tokio::select! {
        evidence = work => evidence,
        // Before there is anything to report, the end is plain.
        () = tokio::time::sleep(limits.deadline + Duration::from_secs(1)) => {
            bail!("the cluster did not answer within --deadline: check `kubectl version` with the same --kubeconfig and --context")
        }
    };
    progress.finish();
    evidence
}

fn limits(source: &Source) -> Limits {
    Limits {
        timeout: source.timeout,
        // What was asked to wait for comes on top.
        deadline: source.deadline + source.wait_nested.unwrap_or_default(),
        concurrency: source.concurrency,
        max_depth: source.max_depth,
        confirm: source.confirm.clone(),
    }
}

/// Runs something against the cluster that a source names; an error where it cannot be reached.
pub fn with_cluster<T, F>(source: &Source, work: impl FnOnce(Cluster) -> F) -> Result<T>
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start: the system gives no threads")?;
    runtime.block_on(async {
        let work = async {
            let (context, file) = (source.context.as_deref(), source.kubeconfig.as_deref());
            anyhow::Ok(work(Cluster::connect(context, file).await?).await)
        };
        let limit = tokio::time::timeout(source.deadline, work);
        limit.await.context("the cluster did not answer within --deadline: check `kubectl version` with the same --kubeconfig and --context")?
    })
}

/// Why the run must end now: a signal, or its deadline.
async fn stop(deadline: Duration) -> String {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => INTERRUPTED.to_owned(),
        () = tokio::time::sleep(deadline) => {
            format!("--deadline of {} s passed: this is what was known by then", deadline.as_secs())
        }
    }
}
