//! Proves that a check is read-only, by the API server's audit log, the engines' events, and the files
//! in their containers that changed after the check started.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::{Stage, within};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENT: &str = include_str!("rights.yaml");
const AGENT: &str = concat!("runner-doctor/", env!("CARGO_PKG_VERSION"));
const ENGINES: [&str; 2] = ["docker-in-docker", "docker-in-docker/bb_docker"];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("untouched", &scenario)?;
    let pod = stage.pod("")?;
    let (logged, start) = (requests(&stage)?.len(), next_second()?);
    let namespace = stage.namespace.as_str();
    let doctor = |arguments: &[&str]| {
        lab::doctor()
            .args(arguments)
            .args(["-n", namespace])
            .output()
    };
    for arguments in [
        &["check"][..],
        &["collect"],
        &["check", "--confirm", "http://198.18.0.2/download"],
    ] {
        let output = doctor(arguments)?;
        ensure!(
            output.status.code() != Some(2),
            "{arguments:?} could not examine"
        );
    }
    let end = now()?;
    let asked = &requests(&stage)?[logged..];
    ensure!(
        !asked.is_empty(),
        "the audit log holds nothing of the doctor"
    );
    for (verb, what) in asked {
        let execs = what.ends_with("/exec");
        let reads = matches!(verb.as_str(), "get" | "list" | "watch");
        ensure!(reads || execs, "it asked the API server to {verb} {what}");
    }
    for engine in ENGINES {
        let line = format!("nested docker {pod} {engine} events --since {start} --until {end}");
        let events = lab::lab(&line)?;
        ensure!(events.is_empty(), "{engine} tells of: {events}");
        let line = format!(
            "in {pod} {engine} sh -c 'find / -xdev -newermt @{start} ! -newermt @{end} -print'"
        );
        let files = lab::lab(&line)?;
        ensure!(
            files.is_empty(),
            "in the container of {engine} these are new: {files}"
        );
    }
    nothing_runs_on(&pod)
}

/// The walk ends with its connection; its processes are identified by their command line.
fn nothing_runs_on(pod: &str) -> Result<()> {
    let line = format!(
        "in {pod} docker-in-docker sh -c 'grep -l -a -e \"[h]ead -c\" -e \"[r]unner-doctor-\" /proc/[0-9]*/cmdline; true'"
    );
    within(Duration::from_secs(5), || {
        let left = lab::lab(&line)?;
        ensure!(left.is_empty(), "these still run: {left}");
        Ok(())
    })
}

/// The user in the lab's kubeconfig.
const ADMINISTRATOR: &str = "admin";

/// The verb and resource of runner-doctor's requests in this patient's namespace, in kube-system and
/// at cluster scope.
fn requests(stage: &Stage) -> Result<Vec<(String, String)>> {
    let log = std::fs::read_to_string(lab::run_folder().join("audit.log"))
        .context("the API server's audit log cannot be read")?;
    let mut found = Vec::new();
    for line in log.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let agent = text("/userAgent").unwrap_or_default();
        let namespace = text("/objectRef/namespace").unwrap_or_default();
        let ours = namespace == stage.namespace || matches!(namespace, "" | "kube-system");
        // Tests that run at the same time use other accounts.
        let trial = text("/user/username").is_some_and(|who| who == ADMINISTRATOR);
        if agent.starts_with(AGENT) && ours && trial {
            let resource = text("/objectRef/resource").unwrap_or("version");
            let part = text("/objectRef/subresource").map(|part| format!("/{part}"));
            found.push((
                text("/verb").unwrap_or_default().to_owned(),
                format!("{resource}{}", part.unwrap_or_default()),
            ));
        }
    }
    Ok(found)
}

/// Events are filtered by whole seconds: waits, so that events of the setup do not count as the check's.
fn next_second() -> Result<u64> {
    let present = now()?;
    while now()? == present {
        std::thread::sleep(Duration::from_millis(20));
    }
    now()
}

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
