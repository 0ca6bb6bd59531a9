//! The source of the evidence: a cluster, a recording, or a built-in recording.

use super::progress;
use crate::checks::{Library, judge};
use crate::cli::{Source, Target};
use crate::collect::docker::Docker;
use crate::collect::kubernetes::{Cluster, Order, Waits, cut_short};
use crate::collect::{Limits, Selection, Stop};
use crate::diagnosis::{Diagnosis, Severity};
use crate::evidence::{Evidence, Probe, Runner};
use crate::files;
use crate::report::few;
use crate::symptoms::Symptoms;
use crate::text::shell;
use crate::yaml::parse;
use anyhow::{Context, Result, anyhow, bail};
use include_dir::{Dir, include_dir};
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

static RECORDINGS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/recordings/demo");

pub const INTERRUPTED: &str = "interrupted: these are the results so far";

/// What checks request beyond the standard examination.
pub struct Questions {
    /// Commands to run.
    pub probes: Vec<Probe>,
    /// Errors to look for in logs.
    pub symptoms: Symptoms,
    /// A namespace without a runner is not an error.
    pub allow_empty: bool,
}

/// The whole evidence of a source; if live, also what checks request.
pub fn evidence_with(source: &Source, asked: Questions) -> Result<Evidence> {
    if let Some(name) = &source.demo {
        return narrow(demo(name)?, source, name);
    }
    if let Some(file) = &source.evidence {
        return narrow(recording(file)?, source, &file.display().to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start: failed to create threads")?;
    let began = Timestamp::now();
    let start = Instant::now();
    let mut evidence = match &source.docker {
        Some(container) => {
            Ok(runtime.block_on(from_docker(source, container.clone(), asked.probes)))
        }
        None => runtime.block_on(from_cluster(source, asked)),
    };
    if let Ok(evidence) = &mut evidence {
        // Reports print whole seconds.
        evidence.examined_at = Timestamp::from_second(began.as_second()).ok();
        evidence.took_ms = i64::try_from(start.elapsed().as_millis()).ok();
        tell_statistics(evidence);
    }
    // Abandons what still waits for an unresponsive cluster.
    runtime.shutdown_timeout(Duration::from_millis(200));
    evidence
}

/// Everything in a recording.
pub fn recording(file: &Path) -> Result<Evidence> {
    Evidence::parse(&read(file)?, &file.display().to_string())
}

/// Limits a recording to the runners that the command line names.
fn narrow(mut evidence: Evidence, source: &Source, name: &str) -> Result<Evidence> {
    let in_namespace = |runner: &Runner| {
        let namespace = source.target.namespace.as_ref();
        namespace.is_none_or(|namespace| runner.namespace == *namespace)
    };
    let names = evidence.runners.iter().map(Runner::full_name);
    let names: Vec<String> = names.collect();
    let held = match few(names.iter().map(String::as_str), 5) {
        held if held.is_empty() => "none".to_owned(),
        held => held,
    };
    evidence.runners.retain(in_namespace);
    for pod in &source.pods {
        if !evidence.runners.iter().any(|runner| runner.pod == *pod) {
            bail!("{name} has no runner {pod}: it contains {held}");
        }
    }
    let named = |runner: &Runner| source.pods.is_empty() || source.pods.contains(&runner.pod);
    evidence.runners.retain(named);
    match &source.target.namespace {
        Some(namespace) if evidence.runners.is_empty() => {
            bail!("{name} has no runner in namespace {namespace}: it contains {held}")
        }
        _ => Ok(evidence),
    }
}

fn tell_statistics(evidence: &Evidence) {
    let (Some(took), Some(requests)) = (evidence.took_ms, evidence.requests) else {
        return;
    };
    tracing::info!(
        "the examination took {took} ms and {} requests to the API server, {} of them retries",
        requests.sent,
        requests.retried
    );
}

fn demo(name: &str) -> Result<Evidence> {
    let name = if name == "fixed" { "cured" } else { name };
    let file = RECORDINGS.get_file(format!("{name}.yaml"));
    let text = file.and_then(|file| file.contents_utf8()).ok_or_else(|| {
        anyhow!(
            "unknown built-in recording {name:?}: use one of {}",
            demos().join(", ")
        )
    })?;
    Evidence::parse(text, name)
}

/// The names of the built-in recordings; `cured` remains an alias of `fixed`.
pub fn demos() -> Vec<String> {
    let stems = RECORDINGS
        .files()
        .filter_map(|file| file.path().file_stem());
    stems
        .map(|stem| match stem.to_string_lossy() {
            name if name == "cured" => "fixed".to_owned(),
            name => name.into_owned(),
        })
        .collect()
}

pub fn read(file: &Path) -> Result<String> {
    files::read_or_stdin(file, files::RECORDING).with_context(|| {
        let name = file.display();
        match file.exists() {
            true => format!("cannot read the recording {name}"),
            false => {
                let path = shell::word(&name.to_string());
                format!("cannot read the recording {name}: write one with `runner-doctor collect --output-file {path}`")
            }
        }
    })
}

/// The diagnosis in a file: a report, or a recording, which the checks judge now.
pub fn diagnosis(file: &Path, library: &Library) -> Result<Diagnosis> {
    #[derive(serde::Deserialize)]
    struct Header {
        schema: Option<String>,
    }
    let (text, name) = (read(file)?, file.display().to_string());
    let header: Header = parse::read(&text).with_context(|| {
        format!("{name} is not a report or recording of runner-doctor, or it is truncated: write one with `runner-doctor check -o json` or `runner-doctor collect`")
    })?;
    if header.schema.is_some() {
        return Diagnosis::parse(&text, &name);
    }
    let evidence = Evidence::parse(&text, &name)?;
    let judgement = judge(library, &evidence);
    let fail_on = Some(Severity::Error);
    Ok(
        Diagnosis::new(&evidence, judgement.findings, judgement.unknowns, fail_on)
            .with_passed(judgement.passed),
    )
}

/// Names and the tokens that replace them cannot be compared.
pub fn must_fit(old: &Diagnosis, new: &Diagnosis) -> Result<()> {
    if old.redacted != new.redacted && !old.runners.is_empty() && !new.runners.is_empty() {
        bail!(
            "only one of the two is redacted, so their names differ: use --redact for both or for neither"
        );
    }
    Ok(())
}

async fn from_docker(source: &Source, container: Option<String>, probes: Vec<Probe>) -> Evidence {
    let limits = limits(source, probes);
    let stop = stop(limits.deadline);
    let docker = Docker {
        container,
        stop: Stop::default(),
    };
    docker.collect(&limits, stop).await
}

pub(super) fn selection(target: &Target) -> Selection {
    Selection {
        namespace: target.namespace.clone(),
        all_namespaces: target.all_namespaces,
        labels: target.labels.clone(),
        ..Selection::default()
    }
}

async fn from_cluster(source: &Source, asked: Questions) -> Result<Evidence> {
    let limits = limits(source, asked.probes);
    let selection = Selection {
        pods: source.pods.clone(),
        allow_empty: asked.allow_empty,
        ..selection(&source.target)
    };
    let order = Order {
        selection: &selection,
        enter_nodes: !source.no_node_exec,
        await_nested: source.wait_nested,
        symptoms: &asked.symptoms,
    };
    let progress = progress::Line::start();
    // From here on, an interrupt ends any wait.
    let mut stop = std::pin::pin!(stop(limits.deadline));
    let (context, file) = (
        source.target.context.as_deref(),
        source.target.kubeconfig.as_deref(),
    );
    let evidence = tokio::select! {
        biased;
        cluster = Cluster::connect(context, file, waits(source)) => {
            cluster?.collect(&order, &limits, &progress, stop).await?
        }
        why = &mut stop => cut_short(why),
    };
    progress.finish();
    let interrupted = evidence.incomplete.as_deref() == Some(INTERRUPTED);
    if evidence.incomplete.is_some() && evidence.runners.is_empty() && !interrupted {
        bail!(NO_ANSWER);
    }
    Ok(evidence)
}

const NO_ANSWER: &str = "the cluster did not respond within --deadline: check `kubectl version` with the same --kubeconfig and --context";

fn waits(source: &Source) -> Waits {
    Waits {
        credentials: source.deadline,
        busy: source.timeout,
    }
}

fn limits(source: &Source, probes: Vec<Probe>) -> Limits {
    Limits {
        timeout: source.timeout,
        // A requested wait is added on top.
        deadline: source.deadline + source.wait_nested.unwrap_or_default(),
        concurrency: source.concurrency,
        max_depth: source.max_depth,
        grace: source.startup_grace,
        confirm: source.confirm.clone(),
        sample: source.sample,
        probes,
    }
}

/// Runs something against the source's cluster; fails if it cannot be reached.
pub fn with_cluster<T, F>(source: &Source, work: impl FnOnce(Cluster) -> F) -> Result<T>
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start: failed to create threads")?;
    let done = runtime.block_on(async {
        let work = async {
            let (context, file) = (
                source.target.context.as_deref(),
                source.target.kubeconfig.as_deref(),
            );
            let cluster = Cluster::connect(context, file, waits(source)).await?;
            anyhow::Ok(work(cluster).await)
        };
        let limit = tokio::time::timeout(source.deadline, work);
        limit.await.context(NO_ANSWER)?
    });
    runtime.shutdown_background();
    done
}

/// Waits; returns whether it was interrupted.
pub fn pause(time: Duration) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start: failed to create threads")?;
    Ok(runtime.block_on(async {
        tokio::select! {
            () = interrupt() => true,
            () = tokio::time::sleep(time) => false,
        }
    }))
}

/// Ctrl-C, or SIGTERM, which CI systems send to canceled jobs.
pub(super) async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Why the run must end now: a signal, or its deadline.
async fn stop(deadline: Duration) -> String {
    tokio::select! {
        () = interrupt() => INTERRUPTED.to_owned(),
        () = tokio::time::sleep(deadline) => {
            format!("--deadline of {} s exceeded: these are the results so far", deadline.as_secs())
        }
    }
}
