//! The watcher as `job --kind watcher` prints it: it runs with the rights that were printed with it, and
//! of a runner that is deleted the recording is there afterwards, with the diagnosis of before.

use crate::access::{build_image, errors};
use crate::cures::doctor;
use crate::lab;
use crate::scenario::Scenario;
use crate::stage::{self, Stage};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

const PATIENT: &str = include_str!("rights.yaml");
const IMAGE: &str = "registry.example/runner-doctor:watcher";

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("watcher", &scenario)?;
    build_image(&stage, IMAGE)?;
    let outcome = in_cluster(&stage);
    lab::lab(&format!("ctr images rm {IMAGE}"))?;
    outcome
}

fn in_cluster(stage: &Stage) -> Result<()> {
    let namespace = stage.namespace.as_str();
    let pod = stage.pod("")?;
    let whole = errors(&doctor(&["check", "-n", namespace, "-o", "json"])?.1)?;
    let watcher = [
        "job", "-n", namespace, "--image", IMAGE, "--kind", "watcher",
    ];
    let printed = doctor(&watcher)?.1;
    lab::kubectl_told(&["apply", "-f", "-"], &printed)?;
    stage.wait("deployment/runner-doctor --for=condition=Available")?;
    stage::until(|| {
        let metrics = ask(stage, "metrics")?;
        let found = metrics.contains("check=\"mtu-inversion\"");
        ensure!(found, "the runner is not examined: {metrics}");
        Ok(())
    })?;
    lab::kubectl(&["-n", namespace, "delete", "job", "runner", "--wait"])?;
    let kept = stage::until(|| {
        let list: Value = serde_json::from_str(&ask(stage, "recordings")?)?;
        let kept = list["recordings"].get(0).cloned();
        kept.with_context(|| format!("nothing was kept: {list}"))
    })?;
    ensure!(
        pod == format!("{namespace}/{}", kept["pod"].as_str().unwrap_or_default()),
        "{kept}"
    );
    let name = kept["name"].as_str().context("it has no name")?;
    let file = stage.file("recording")?;
    std::fs::write(&file, ask(stage, &format!("recordings/{name}"))?)?;
    let file = file.to_string_lossy();
    let later = doctor(&["check", "--evidence", &file, "-o", "json"])?.1;
    let later = errors(&later)?;
    ensure!(later == whole, "before {whole:?}, after {later:?}");
    let log = lab::kubectl(&["-n", namespace, "logs", "deployment/runner-doctor"])?;
    ensure!(log.lines().count() == 1, "it said: {log}");
    lab::kubectl(&["-n", namespace, "delete", "deployment", "runner-doctor"])?;
    eprintln!("watcher: {kept}");
    only_reads(stage)
}

/// By way of the API server, as an administrator without a forwarded port.
fn ask(stage: &Stage, path: &str) -> Result<String> {
    let Stage { namespace, .. } = stage;
    let service =
        format!("/api/v1/namespaces/{namespace}/services/runner-doctor:http/proxy/{path}");
    lab::kubectl(&["get", "--raw", &service])
}

/// Every request of its account.
fn only_reads(stage: &Stage) -> Result<()> {
    let account = format!("system:serviceaccount:{}:runner-doctor", stage.namespace);
    let log = std::fs::read_to_string(lab::run_folder().join("audit.log"))?;
    let mut verbs = Vec::new();
    for line in log.lines().filter(|line| line.contains(&account)) {
        let event: Value = serde_json::from_str(line)?;
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let verb = text("/verb").unwrap_or_default().to_owned();
        let exec = text("/objectRef/subresource") == Some("exec");
        let reads = matches!(verb.as_str(), "get" | "list" | "watch");
        ensure!(reads || exec, "it asked the API server to {verb}: {line}");
        verbs.push(verb);
    }
    ensure!(verbs.contains(&"watch".to_owned()), "it watched nothing");
    Ok(())
}
